"""The rehearsal company, running: stand-ins on loopback, a home to work from, and the verbs that move it."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Callable, Iterable
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import IO, Any

from figgo_ops.sandbox.ca import Authority, make_authority
from figgo_ops.sandbox.company import Company
from figgo_ops.sandbox.control import ControlService
from figgo_ops.sandbox.faults import Faults
from figgo_ops.sandbox.figgo import FiggoService
from figgo_ops.sandbox.figgo_gate import ApiKey
from figgo_ops.sandbox.google import GoogleService, public_key_of, service_account_info
from figgo_ops.sandbox.home import HOST, TENANT, Home
from figgo_ops.sandbox.messages import RequestLog, Service
from figgo_ops.sandbox.narrator import Case
from figgo_ops.sandbox.people import Person, utc_now
from figgo_ops.sandbox.story import ALIASES, NO_MAILBOX, tell
from figgo_ops.sandbox.web import Server

NARROW_ROLE = frozenset({1})


class Rehearsal:
    """A company to rehearse with, from construction to `stop`; also a context manager.

    The verbs about absences are those of `Company`; `hire` and `change_mail` reach mailboxes too.
    """

    def __init__(
        self, home: Path, people: int | None = None, seed: int = 2026, today: date | None = None
    ) -> None:
        """Start in `home`, with Corail's story or with `people` who have none, on the real day or `today`."""
        self.home, self.faults, self.log = home.absolute(), Faults(), RequestLog()
        self.company, self.cases = _company(people, seed, today)
        place = Home(self.home)
        place.prepare()
        authority = make_authority(self.home)
        self.ca_file = authority.ca_file
        self.figgo = FiggoService(self.company, _keys(place.figgo_keys()), HOST, seed)
        self.google = _google(self.company, place)
        self.request_leave, self.enter_by_hr = self.company.request_leave, self.company.enter_by_hr
        self.approve, self.deny, self.cancel = self.company.approve, self.company.deny, self.company.cancel
        self.ask_cancellation = self.company.ask_cancellation
        self.settle_cancellation = self.company.settle_cancellation
        self.remove_half_days, self.transfer = self.company.remove_half_days, self.company.transfer
        self.end_contract = self.company.end_contract
        self._servers = self._start(authority, (self.figgo, self.google, ControlService(self)))
        try:
            place.write_tenant(self.urls, self.ca_file, self.company.today)
        except ValueError:
            self.stop()
            raise

    def __enter__(self) -> Rehearsal:
        """The company, already running."""
        return self

    def __exit__(self, *_raised: object) -> None:
        """Stop."""
        self.stop()

    @property
    def urls(self) -> dict[str, str]:
        """Where each stand-in listens, by its name."""
        return {name: server.url for name, server in self._servers.items() if name != "control"}

    @property
    def control_url(self) -> str:
        """Where the control server listens."""
        return self._servers["control"].url

    def server(self, name: str) -> Server:
        """The server of one stand-in, to hang up, to drain or to refuse connections."""
        return self._servers[name]

    @property
    def ready(self) -> dict[str, Any]:
        """What `figgo-ops sandbox` prints once everything listens."""
        return {
            "home": str(self.home),
            "ca_file": str(self.ca_file),
            "tenants": [TENANT],
            "services": self.urls,
            "control": self.control_url,
        }

    def stop(self) -> None:
        """Stop every server; `StandInBrokenError` when one of them failed meanwhile."""
        broken: list[AssertionError] = []
        for server in self._servers.values():
            try:
                server.stop()
            except AssertionError as error:
                broken.append(error)
        if broken:
            raise broken[0]

    def hire(self, first_name: str, last_name: str, legal_entity_id: int, mail: str | None = None) -> Person:
        """Somebody new, with a mailbox if the mail is new; the manager is the legal entity's first person."""
        colleagues = [one for one in self.company.people.values() if one.legal_entity_id == legal_entity_id]
        manager = colleagues[0].id if colleagues else None
        person = self.company.hire(first_name, last_name, legal_entity_id, mail, manager_id=manager)
        if mail not in self.google.mails():
            _give_mailbox(self.google, self.company, person)
        return person

    def change_mail(
        self, person_id: int, mail: str | None, move_mailbox: bool = True, keep_alias: bool = True
    ) -> Person:
        """Another mail in Figgo; the mailbox follows, or stays as it is if `move_mailbox` is false."""
        old = self.company.person(person_id).mail
        person = self.company.change_mail(person_id, mail)
        if move_mailbox and old and mail and old in self.google.mails():
            self.google.rename_user(old, mail, keep_alias=keep_alias)
        return person

    def calendars(self) -> dict[str, list[dict[str, Any]]]:
        """What every mailbox truly holds, whatever a client was told."""
        return {mail: self.google.content(mail) for mail in self.google.mails()}

    def _start(self, authority: Authority, services: Iterable[Service]) -> dict[str, Server]:
        context = authority.server_context()
        servers = {one.name: Server(one, context, self.faults, self.log) for one in services}
        for server in servers.values():
            server.start()
        return servers


def _company(people: int | None, seed: int, today: date | None) -> tuple[Company, dict[str, Case]]:
    if people is not None:
        return Company.generate(people, seed, today=today), {}
    company = Company(today or date.today(), _clock(today))  # noqa: DTZ011 - the company's day is this machine's
    return company, tell(company)


def _clock(today: date | None) -> Callable[[], datetime]:
    """The real time or, for a day that was named, one that moves a second per act."""
    if today is None:
        return utc_now
    seconds = iter(range(10**9))
    return lambda: datetime.combine(today, time(8)) + timedelta(seconds=next(seconds))


def _keys(tokens: dict[str, str]) -> list[ApiKey]:
    return [
        ApiKey("Calendar bridge", tokens["full"]),
        ApiKey("Paris only", tokens["narrow"], NARROW_ROLE),
        ApiKey("Nobody", tokens["nobody"], frozenset()),
        ApiKey("Former integration", tokens["revoked"], is_revoked=True),
    ]


def _google(company: Company, home: Home) -> GoogleService:
    account = home.service_account(service_account_info)
    google = GoogleService(
        {one.domain for one in company.legal_entities.values()},
        service_account_public_key=public_key_of(account),
        client_email=account["client_email"],
    )
    taken: set[str | None] = {*NO_MAILBOX}
    for person in company.people.values():
        if person.mail not in taken:
            taken.add(person.mail)
            _give_mailbox(google, company, person)
    return google


def _give_mailbox(google: GoogleService, company: Company, person: Person) -> None:
    primary = next((mail for mail, others in ALIASES.items() if person.mail in others), person.mail)
    if primary:
        zone = company.legal_entities[person.legal_entity_id].timezone
        google.add_user(primary, zone=zone, aliases=ALIASES.get(primary, ()))


def serve(home: Path, stdout: IO[str], people: int | None = None) -> None:
    """Run the company in the foreground: print the ready line, then wait for SIGTERM or SIGINT."""
    done = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_received: done.set())
    with Rehearsal(home, people) as rehearsal:
        print(json.dumps(rehearsal.ready), file=stdout, flush=True)
        done.wait()
