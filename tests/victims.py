"""Somebody whose calendar is about to be damaged, and another program that writes into it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar, Protocol, Self

import google_auth_httplib2
import httplib2
from google.oauth2 import service_account

from figgo_ops.calendars._google_events import quota_user
from figgo_ops.plan import Finding
from figgo_ops.sandbox.absences import Request
from figgo_ops.sandbox.exchange_store import Item, PropertyPath
from figgo_ops.sandbox.people import Person
from tests.rehearsal import Corail, Event

HOST = "corail.ilucca.net"
EVENTS = "/calendar/v3/calendars/primary/events"
PROPERTY_SET = "6f1d0a52-9d0e-4c59-8a2c-2b8d1f0e7a11"
SCOPE = "https://www.googleapis.com/auth/calendar.events.owned"
PRESENT, ABSENT, UNSURE = "present", "absent", "could not tell"

Seen = tuple[str, str, str, str, str]
"""Verdict, key, mailbox, whether Figgo has the leave, whether the calendar shows it."""


def begins(event: Event) -> date:
    """The first day of an event of whole days."""
    return event["first_day"] if "change_key" in event else date.fromisoformat(event["start"]["date"])


def fingerprint(event: Event) -> str:
    """The second value of an event's marker."""
    if "change_key" in event:
        return str(event["properties"]["FiggoOpsPrint"])
    return str(event["extendedProperties"]["private"]["figgoOpsPrint"])


def seen(finding: Finding) -> Seen:
    """What a finding says."""
    return finding.verdict, finding.key, finding.mailbox.address, finding.leave, finding.shown


class Program(Protocol):
    """Another program with rights on the same mailboxes, which writes what it likes."""

    def delete(self, mail: str, own: str) -> None:
        """Away with an event."""

    def mark(self, mail: str, own: str, **marker: str | None) -> None:
        """Change the marker: `key` and `print`; None takes that part off."""

    def show(self, mail: str, own: str, word: str) -> None:
        """Show an event as tentative, or as free."""

    def place(self, mail: str, own: str, like: Event) -> None:
        """Put an event on the days of another one."""

    def insert(self, mail: str, event: Event, key: str) -> None:
        """Write a copy of an event under this key."""


class Client:
    """The other program at Google."""

    names: ClassVar[Mapping[str, str]] = {"key": "figgoOpsKey", "print": "figgoOpsPrint"}

    def __init__(self, corail: Corail) -> None:
        info = json.loads((corail.home.secrets / "corail-google.json").read_text())
        self.url = corail.stage.urls["google"]
        self.http = httplib2.Http(ca_certs=str(corail.stage.ca_file), timeout=20)
        made: Any = service_account.Credentials.from_service_account_info(info)  # type: ignore[no-untyped-call]
        self._sessions: dict[str, Any] = {}
        self._credentials = made.with_token_uri(f"{self.url}/token").with_scopes([SCOPE])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        self.http.close()

    def send(self, mail: str, method: str, path: str = "", body: Any = None) -> Any:
        """One call in somebody's name."""
        if mail not in self._sessions:
            credentials = self._credentials.with_subject(mail)
            self._sessions[mail] = google_auth_httplib2.AuthorizedHttp(credentials, http=self.http)
        text = None if body is None else json.dumps(body)
        # Without a quota user all calls are charged to the service account.
        url = f"{self.url}{EVENTS}{path}?quotaUser={quota_user(mail)}"
        answer, content = self._sessions[mail].request(url, method, text, {})
        assert answer.status in (200, 204), content
        return json.loads(content) if content else None

    def delete(self, mail: str, own: str) -> None:
        self.send(mail, "DELETE", f"/{own}")

    def mark(self, mail: str, own: str, **marker: str | None) -> None:
        private = {self.names[name]: value for name, value in marker.items()}
        if marker.get("key", "") is None:
            private["figgoOps"] = None
        self._patch(mail, own, {"extendedProperties": {"private": private}})

    def show(self, mail: str, own: str, word: str) -> None:
        shown = {"tentative": {"status": "tentative"}, "free": {"transparency": "transparent"}}
        self._patch(mail, own, shown[word])

    def place(self, mail: str, own: str, like: Event) -> None:
        self._patch(mail, own, {"start": like["start"], "end": like["end"]})

    def insert(self, mail: str, event: Event, key: str) -> None:
        names = ("summary", "start", "end", "status", "transparency", "visibility")
        private = event["extendedProperties"]["private"] | {self.names["key"]: key}
        body = {name: event[name] for name in names if name in event}
        self.send(mail, "POST", "", body | {"extendedProperties": {"private": private}})

    def _patch(self, mail: str, own: str, body: Any) -> None:
        self.send(mail, "PATCH", f"/{own}", body)


class Outlook:
    """The other program at Exchange, which runs on the server itself."""

    names: ClassVar[Mapping[str, str]] = {"key": "FiggoOpsKey", "print": "FiggoOpsPrint"}

    def __init__(self, corail: Corail) -> None:
        self._corail, self._exchange = corail, corail.stage.exchange

    def delete(self, mail: str, own: str) -> None:
        self._exchange.mailbox(mail).purge(self._item(mail, own))

    def mark(self, mail: str, own: str, **marker: str | None) -> None:
        item = self._item(mail, own)
        for path in list(item.properties):
            for name, value in marker.items():
                if path.name == self.names[name]:
                    item.properties[path] = value
        item.properties = {path: value for path, value in item.properties.items() if value is not None}
        self._keep(mail, item)

    def show(self, mail: str, own: str, word: str) -> None:
        item = self._item(mail, own)
        item.status = word.title()
        self._keep(mail, item)

    def place(self, mail: str, own: str, like: Event) -> None:
        item = self._item(mail, own)
        item.start, item.end = like["start"], like["end"]
        self._keep(mail, item)

    def insert(self, mail: str, event: Event, key: str) -> None:
        mailbox, now = self._exchange.mailbox(mail), self._corail.clock.now()
        made = mailbox.blank(now, event["start"], event["end"])
        names = ("subject", "start_zone", "end_zone", "all_day", "status", "sensitivity", "reminder")
        for name in names:
            setattr(made, name, event[name])
        for name, value in {**event["properties"], self.names["key"]: key}.items():
            made.properties[PropertyPath("String", PROPERTY_SET, name)] = value
        self._keep(mail, made)

    def _item(self, mail: str, own: str) -> Item:
        return self._exchange.mailbox(mail).find(own).draft()

    def _keep(self, mail: str, item: Item) -> None:
        self._exchange.mailbox(mail).keep(item, self._corail.clock.now(), "another program")


@dataclass(slots=True)
class Victim:
    """Somebody with a week off, from `monday`, and a day off; at work on the day `later`."""

    corail: Corail
    client: Program
    person: Person
    monday: date
    later: date
    week: Request
    single: Request
    others: Sequence[Person]

    @property
    def mail(self) -> str:
        """Their present address."""
        return self.corail.mail(self.person.id)

    @property
    def owner(self) -> Any:
        """Their own hands."""
        return self.corail.owner(self.person.id)

    @property
    def event(self) -> Event:
        """The week, as their calendar holds it before the damage."""
        return self._on(self.monday)

    @property
    def other(self) -> Event:
        """The single day."""
        return self._on(self.single.period.first[0])

    def _on(self, day: date) -> Event:
        (found,) = (event for event in self.corail.events(self.person.id) if begins(event) == day)
        return found

    @property
    def id(self) -> str:
        """The provider's name for the week."""
        return str(self.event["id"])

    def key(self, first: date | None = None, request: Request | None = None) -> str:
        """The key of the week, or of another event of theirs that begins on a morning."""
        period = (request or self.week).period.id
        return f"{HOST}/{self.person.id}/{period}/{first or self.monday:%Y%m%d}A"

    def mark(self, **marker: str | None) -> None:
        """The other program changes the marker of the week."""
        self.client.mark(self.mail, self.id, **marker)

    def show(self, word: str) -> None:
        """The other program shows the week as tentative, or as free."""
        self.client.show(self.mail, self.id, word)

    def insert(self, key: str = "", mail: str = "") -> None:
        """The other program writes a copy of the week, here or in another mailbox."""
        self.client.insert(mail or self.mail, self.event, key or self.key())

    def colour(self) -> None:
        """They give the week a colour."""
        if self.provider == "google":
            self.owner.colour(self.id, "7")
        else:
            self.owner.categorise(self.id, ["Vacances"])

    @property
    def provider(self) -> str:
        """Who keeps their mailbox."""
        return self.corail.stage.keeper(self.person).name

    @property
    def single_key(self) -> str:
        """The key of the single day."""
        return self.key(self.single.period.first[0], self.single)

    def says(self, verdict: str, leave: str, shown: str, key: str = "", mail: str = "") -> Seen:
        """What an audit must say, of the week unless another key is given."""
        return verdict, key or self.key(), mail or self.mail, leave, shown
