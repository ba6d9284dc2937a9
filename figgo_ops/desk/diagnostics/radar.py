"""What will end one day for a tenant, and what has ended: known without asking the network.

The files say when certificates and secrets end, adapters when an interface does; what only the network can
tell, such as the end of a server's certificate, is remembered from the last diagnosis that saw it.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import Any

from figgo_ops import calendars
from figgo_ops.checks import CUSTOMER, Check, Deadline, of
from figgo_ops.errors import FiggoOpsError
from figgo_ops.home import Home
from figgo_ops.ledger import Ledger
from figgo_ops.secrets import REDACTOR, references
from figgo_ops.session import Session
from figgo_ops.tenants import Tenant
from figgo_ops.tenants.routing import CalendarSettings

UNTIL, WITHDRAWN = "credential-until", "access-withdrawn"
"""Codes of what a person wrote into the tenant file, and of rights that held once."""

LOST = "withdrawn"
"""The code of the check that found them missing."""

ENDS, WORKED = "ends: ", "worked: "
"""How the names of facts begin that a diagnosis keeps."""

WRONG = "wrong"
"""Where a day's line of health lists the checks of the last diagnosis that were not clean."""


@dataclass(frozen=True, slots=True)
class Radar:
    """What is known to end.

    Attributes:
        deadlines: each thing once, soonest first.
        unread: secrets that could not be looked at, so that nothing is known of their end.
    """

    deadlines: tuple[Deadline, ...]
    unread: tuple[Check, ...] = ()


def look(home: Home, tenant: Tenant, ledger: Ledger) -> Radar:
    """Everything that ends for one tenant; asks nothing of the network."""
    own, unread = _own(home, tenant)
    looked = _day(last_diagnosis(ledger, tenant.name).get("diagnosed")) or date.min
    every = (*_known(tenant, ledger, own, looked), *_withdrawn(tenant, ledger))
    return Radar(soonest_first(every), tuple(unread))


def deadlines(session: Session, seen: Iterable[Deadline] = ()) -> list[Deadline]:
    """The same for a diagnosis; whether rights still hold it says itself.

    Args:
        seen: what this very diagnosis saw on the network, which is newer than what is remembered.
    """
    own, _ = _own(session.home, session.tenant)
    return list(soonest_first(_known(session.tenant, session.ledger, [*own, *seen], session.today)))


def _own(home: Home, tenant: Tenant) -> tuple[list[Deadline], list[Check]]:
    """What files tell, and a check for each calendar whose secrets cannot be looked at."""
    found: list[Deadline] = []
    unread: list[Check] = []
    for calendar in _used(tenant):
        try:
            found += _of_files(home, calendar)
        except FiggoOpsError as error:
            unread.append(of(f"{calendar.name}: secret", error, tried="looked for the end of its credential"))
    return found, unread


def _used(tenant: Tenant) -> Iterator[CalendarSettings]:
    return (calendar for calendar in tenant.calendars if not calendar.retired)


def _of_files(home: Home, settings: CalendarSettings) -> tuple[Deadline, ...]:
    """What the adapter knows of it; every secret is looked at, since one that is gone ends all as well."""
    for reference in references(settings.own.model_dump()):
        home.secret(reference)
    return calendars.deadlines(settings.kind, settings.name, settings.own, home.secret)


def _known(tenant: Tenant, ledger: Ledger, own: Iterable[Deadline], looked: date) -> Iterator[Deadline]:
    """What is remembered, then what files say, then what is known for sure: the last word counts."""
    yield from _remembered(ledger, tenant.name, looked)
    yield from _written(tenant)
    yield from own


def soonest_first(found: Iterable[Deadline]) -> tuple[Deadline, ...]:
    """Each thing once, the last that was said of it, soonest first."""
    once: dict[str, Deadline] = {one.what: REDACTOR.cleaned(one) for one in found}
    return tuple(sorted(once.values(), key=lambda one: (one.day, one.what)))


def _written(tenant: Tenant) -> Iterator[Deadline]:
    """What somebody who knew it wrote into the tenant file."""
    for calendar in _used(tenant):
        if calendar.credential_until:
            yield Deadline(
                f"the credential of calendar {calendar.name}",
                calendar.credential_until,
                "Make a new password, secret or certificate before that day and hand it over safely. "
                "We store it with `figgo-ops secret set` and correct credential_until in the tenant file.",
                CUSTOMER,
                UNTIL,
            )


def _remembered(ledger: Ledger, tenant: str, looked: date) -> Iterator[Deadline]:
    """What only the network tells, as the last diagnosis that saw it kept it.

    Args:
        looked: the day of the last diagnosis. What had ended by then was renewed, or that diagnosis itself
            says that it has ended.
    """
    for fact in ledger.facts(tenant, ENDS).values():
        # One that another version wrote is passed over until the next diagnosis writes it anew.
        with suppress(KeyError, TypeError, ValueError):
            day = date.fromisoformat(fact["day"])
            if day >= looked:
                yield Deadline(fact["what"], day, fact["remedy"], fact["who"], fact["code"])


def _withdrawn(tenant: Tenant, ledger: Ledger) -> Iterator[Deadline]:
    """Calendars whose rights held once, and did not when they were last tried."""
    listed = last_diagnosis(ledger, tenant.name).get(WRONG, ())
    wrong = {str(one.get("name")): one for one in listed if isinstance(one, Mapping)}
    worked = ledger.facts(tenant.name, WORKED)
    for calendar in _used(tenant):
        rights = wrong.get(f"{calendar.name}: rights", {})
        # A silent network, a missing mailbox, somebody outside the scope: nobody took a right away.
        if rights.get("code") != LOST:
            continue
        if day := _day(worked.get(WORKED + calendar.name)):
            yield Deadline(
                f"our access to calendar {calendar.name}",
                day,
                "Find out what was changed on your side since then, and grant it again. "
                f"What is missing is told by `figgo-ops diagnose {tenant.name}`.",
                CUSTOMER,
                WITHDRAWN,
            )


def last_diagnosis(ledger: Ledger, tenant: str) -> Mapping[str, Any]:
    """The newest line of health that a diagnosis wrote into; empty when none did."""
    lines = ledger.health(tenant)
    return next((line for line in reversed(lines.values()) if "checks" in line), {})


def _day(fact: object) -> date | None:
    try:
        return date.fromisoformat(str(fact)[:10])
    except ValueError:
        return None
