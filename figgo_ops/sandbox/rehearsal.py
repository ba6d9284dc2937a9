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
from figgo_ops.sandbox.exchange import ExchangeService
from figgo_ops.sandbox.exchange_organization import Organization
from figgo_ops.sandbox.exchange_store import Mailbox
from figgo_ops.sandbox.faults import Faults
from figgo_ops.sandbox.figgo import FiggoService
from figgo_ops.sandbox.figgo_gate import ApiKey
from figgo_ops.sandbox.google import GoogleService, public_key_of, service_account_info
from figgo_ops.sandbox.home import CLIENT_ID, HOST, OUTSIDE, SERVICE_ACCOUNT, TENANT, TENANT_ID, Home
from figgo_ops.sandbox.messages import RequestLog, Service
from figgo_ops.sandbox.microsoft365 import Microsoft365Service
from figgo_ops.sandbox.microsoft365_certificate import public_part
from figgo_ops.sandbox.narrator import Case
from figgo_ops.sandbox.people import Person, utc_now
from figgo_ops.sandbox.story import ALIASES, NO_MAILBOX, tell
from figgo_ops.sandbox.web import Server

NARROW_ROLE = frozenset({1})

Keeper = GoogleService | ExchangeService | Microsoft365Service


class Rehearsal:
    """A company to rehearse with, from construction to `stop`; also a context manager.

    The verbs about absences are those of `Company`; `hire`, `transfer` and `change_mail` reach mailboxes too.

    Attributes:
        organization: the mailboxes behind Exchange and Microsoft 365; one address is one mailbox there.
        outside: by service, a mailbox that is outside the scope of our rights, and in nobody's list.
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
        self.organization = Organization()
        password = place.exchange_password()
        self.exchange = ExchangeService(SERVICE_ACCOUNT, password, organization=self.organization)
        self.microsoft365 = _microsoft365(self.organization, place)
        self.outside = dict(OUTSIDE)
        for service, mail in OUTSIDE.items():
            online = service == self.microsoft365.name
            self.organization.add(mail, state="outside", online=online, listed=False)
        self._kinds = place.kinds()
        for person in self.company.people.values():
            if person.mail not in NO_MAILBOX:
                self._give_mailbox(person)
        self.request_leave, self.enter_by_hr = self.company.request_leave, self.company.enter_by_hr
        self.approve, self.deny, self.cancel = self.company.approve, self.company.deny, self.company.cancel
        self.ask_cancellation = self.company.ask_cancellation
        self.settle_cancellation = self.company.settle_cancellation
        self.remove_half_days, self.end_contract = self.company.remove_half_days, self.company.end_contract
        services = (self.figgo, self.google, self.exchange, self.microsoft365, ControlService(self))
        self._servers = self._start(authority, services)
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
            "outside": self.outside,
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
        self._give_mailbox(person)
        return person

    def change_mail(
        self, person_id: int, mail: str | None, move_mailbox: bool = True, keep_alias: bool = True
    ) -> Person:
        """Another mail in Figgo; the mailbox follows, or stays as it is if `move_mailbox` is false."""
        old = self.company.person(person_id).mail
        person = self.company.change_mail(person_id, mail)
        keeper = self.keeper(person)
        if move_mailbox and old and mail and old in keeper.mails():
            rename = keeper.rename_user if isinstance(keeper, GoogleService) else keeper.rename_mailbox
            rename(old, mail, keep_alias=keep_alias)
        return person

    def transfer(self, person_id: int, legal_entity_id: int) -> Person:
        """Another legal entity; one whose mailboxes are elsewhere gives a second one under the same mail.

        The former mailbox stays, with all that is in it. Between Exchange and Microsoft 365 there is but one:
        it is migrated, whole.
        """
        person = self.company.person(person_id)
        had = bool(person.mail) and _has(self.keeper(person), person.mail or "")
        person = self.company.transfer(person_id, legal_entity_id)
        if had:
            self._give_mailbox(person)
            self._migrate_along(person)
        return person

    def migrate(self, mail: str, *, online: bool = True, how: str = "whole") -> Mailbox:
        """The company moves a mailbox between Exchange and Microsoft 365 (or back); see `Organization`."""
        return self.organization.migrate(mail, online=online, how=how)

    def keeper(self, person: Person) -> Keeper:
        """Who keeps this person's mailbox: that of the legal entity, or where it was migrated to."""
        service = self._service_of(person)
        found = None if service is self.google else self.organization.find(person.mail or "")
        if found is None:
            return service
        return self.microsoft365 if found.online else self.exchange

    def keepers(self, mail: str) -> list[Keeper]:
        """Who has a mailbox of this mail; after a transfer two may, the present one first."""
        people = self.company.people.values()
        present = [self.keeper(person) for person in people if person.mail == mail]
        services: list[Keeper] = [self.google, self.exchange, self.microsoft365]
        services.sort(key=lambda one: one not in present)
        return [one for one in services if _has(one, mail)]

    def calendars(self) -> dict[str, list[dict[str, Any]]]:
        """What each mail truly holds, whatever a client was told, as Google and Outlook keep it."""
        found = {mail: self.google.content(mail) for mail in self.google.mails()}
        for mailbox in self.organization.mailboxes():
            door = self.microsoft365 if mailbox.online else self.exchange
            found.setdefault(mailbox.mail, []).extend(door.content(mailbox.mail))
        return found

    def _service_of(self, person: Person) -> Keeper:
        """Who keeps the mailboxes of this person's legal entity."""
        services: dict[str, Keeper] = {one.name: one for one in (self.exchange, self.microsoft365)}
        return services.get(self._kinds.get(person.legal_entity_id, ""), self.google)

    def _give_mailbox(self, person: Person) -> None:
        primary = next((mail for mail, others in ALIASES.items() if person.mail in others), person.mail)
        keeper = self.keeper(person)
        if primary and not _has(keeper, primary):
            add = keeper.add_user if isinstance(keeper, GoogleService) else keeper.add_mailbox
            zone = self.company.legal_entities[person.legal_entity_id].timezone
            add(primary, zone=zone, aliases=ALIASES.get(primary, ()))

    def _migrate_along(self, person: Person) -> None:
        """Let the mailbox be where those of the person's legal entity are."""
        service = self._service_of(person)
        if service not in (self.google, self.keeper(person)):
            self.organization.migrate(person.mail or "", online=service is self.microsoft365)

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
    return GoogleService(
        {one.domain for one in company.legal_entities.values()},
        service_account_public_key=public_key_of(account),
        client_email=account["client_email"],
    )


def _microsoft365(organization: Organization, home: Home) -> Microsoft365Service:
    service = Microsoft365Service(
        organization, client_id=CLIENT_ID, tenant_id=TENANT_ID, secret=home.microsoft365_secret()
    )
    service.certificate(public_part(home.microsoft365_certificate()))
    return service


def _has(keeper: Keeper, mail: str) -> bool:
    try:
        keeper.mailbox(mail)
    except KeyError:
        return False
    return True


def serve(home: Path, stdout: IO[str], people: int | None = None) -> None:
    """Run the company in the foreground: print the ready line, then wait for SIGTERM or SIGINT."""
    done = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_received: done.set())
    with Rehearsal(home, people) as rehearsal:
        print(json.dumps(rehearsal.ready), file=stdout, flush=True)
        done.wait()
