"""Diagnostics of the way to every service of a tenant: name, port, certificate, clock, proxy."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlsplit

from figgo_ops.calendars import services
from figgo_ops.checks import CUSTOMER, Check, Deadline
from figgo_ops.network import Looked, look, restricted, timed
from figgo_ops.session import Session
from figgo_ops.tenants.routing import CalendarSettings

AT_ONCE = 8
PARTS = ("", " sign-in")
"""What a calendar's addresses are for, in the order of `Settings.services`."""


@dataclass(frozen=True, slots=True)
class Place:
    """One address of a service.

    Attributes:
        owner: "Figgo" or the calendar's name.
        service: the same, with what the address is for.
        machine: whether this machine's own authorities are trusted there as well.
    """

    owner: str
    service: str
    url: str
    ca_file: str | None
    machine: bool = False
    runs: str = CUSTOMER

    @property
    def door(self) -> tuple[str, int, str | None]:
        """What two addresses share that need not be looked at twice."""
        parts = urlsplit(self.url)
        return parts.hostname or "", parts.port or 443, self.ca_file


@dataclass(frozen=True, slots=True)
class Reached:
    """What was found out about the ways to all services."""

    places: list[Place]
    found: dict[str, Looked]

    @property
    def checks(self) -> Iterator[Check]:
        """All checks, service by service."""
        return (check for looked in self.found.values() for check in looked.checks)

    def of(self, owner: str) -> Iterator[Check]:
        """The checks of one service."""
        mine = {place.service for place in self.places if place.owner == owner}
        return (check for service, looked in self.found.items() if service in mine for check in looked.checks)

    @property
    def deadlines(self) -> list[Deadline]:
        """When certificates of servers end."""
        return [looked.deadline for looked in self.found.values() if looked.deadline]

    def closed(self, owner: str) -> str:
        """Why nothing of this service can be asked; "" when the way is open."""
        mine = {place.door for place in self.places if place.owner == owner}
        shared = {place.service for place in self.places if place.door in mine}
        failed = (
            check
            for service, looked in self.found.items()
            if service in shared
            for check in looked.checks
            if check.status == "failed" and not check.name.endswith(": clock")
        )
        first = next(failed, None)
        return f"see {first.name}" if first else ""


def reach(session: Session, *owners: str) -> Reached:
    """Look at the way to Figgo and to each calendar's services, side by side, each once.

    Args:
        owners: "Figgo" or calendars; all of them when none is named.
    """
    every = [place for place in places(session) if not owners or place.owner in owners]
    first = {place.door: place for place in reversed(every)}
    once = [place for place in every if first[place.door] is place]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        looked = pool.map(lambda place: _look(session, place), once)
        found = dict(zip((place.service for place in once), looked, strict=True))
    return Reached(every, timed(restricted(found)))


def places(session: Session) -> Iterator[Place]:
    """Every address the tenant's work calls."""
    figgo = session.tenant.figgo
    yield Place("Figgo", "Figgo", figgo.url, figgo.ca_file, runs="Lucca")
    for calendar in session.tenant.calendars:
        if not calendar.retired:
            yield from _places_of(calendar)


def _places_of(calendar: CalendarSettings) -> Iterator[Place]:
    ca_file: str | None = getattr(calendar.own, "ca_file", None)
    machine: bool = getattr(calendar.own, "trusts_machine", False)
    for url, part in zip(services(calendar.own), PARTS, strict=False):
        yield Place(calendar.name, calendar.name + part, url, ca_file, machine)


def _look(session: Session, place: Place) -> Looked:
    return look(
        place.service,
        place.url,
        clock=session.clock,
        ca_file=place.ca_file,
        machine=place.machine,
        runs=place.runs,
    )
