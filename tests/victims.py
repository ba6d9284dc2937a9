"""Somebody whose calendar is about to be damaged, and another program that writes into it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Self

import google_auth_httplib2
import httplib2
from google.oauth2 import service_account

from figgo_ops.calendars._google_events import quota_user
from figgo_ops.plan import Finding
from figgo_ops.sandbox.absences import Request
from figgo_ops.sandbox.google_owner import Owner
from figgo_ops.sandbox.people import Person
from tests.rehearsal import Corail, Event

HOST = "corail.ilucca.net"
EVENTS = "/calendar/v3/calendars/primary/events"
SCOPE = "https://www.googleapis.com/auth/calendar.events.owned"
PRESENT, ABSENT, UNSURE = "present", "absent", "could not tell"

Seen = tuple[str, str, str, str, str]
"""Verdict, key, mailbox, whether Figgo has the leave, whether the calendar shows it."""


def seen(finding: Finding) -> Seen:
    """What a finding says."""
    return finding.verdict, finding.key, finding.mailbox.address, finding.leave, finding.shown


class Client:
    """Another program with rights on the same mailboxes, which writes what it likes."""

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


@dataclass(slots=True)
class Victim:
    """Somebody with a week off, from `monday`, and a day off; at work on the day `later`."""

    corail: Corail
    client: Client
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
    def owner(self) -> Owner:
        """Their own hands."""
        return self.corail.owner(self.person.id)

    @property
    def event(self) -> Event:
        """The week, as their calendar holds it before the damage."""
        (found,) = (
            event
            for event in self.corail.events(self.person.id)
            if event["start"].get("date") == self.monday.isoformat()
        )
        return found

    @property
    def id(self) -> str:
        """The provider's name for the week."""
        return str(self.event["id"])

    def key(self, first: date | None = None, request: Request | None = None) -> str:
        """The key of the week, or of another event of theirs that begins on a morning."""
        period = (request or self.week).period.id
        return f"{HOST}/{self.person.id}/{period}/{first or self.monday:%Y%m%d}A"

    def patch(self, body: Any) -> None:
        """The other client changes the week."""
        self.client.send(self.mail, "PATCH", f"/{self.id}", body)

    def mark(self, **values: str | None) -> None:
        """The other client changes the marker of the week."""
        self.patch({"extendedProperties": {"private": values}})

    def insert(self, event: Event, mail: str = "", **changes: Any) -> None:
        """The other client writes a copy of an event, here or in another mailbox."""
        names = ("summary", "start", "end", "status", "extendedProperties", "transparency", "visibility")
        body = {name: event[name] for name in names if name in event} | changes
        self.client.send(mail or self.mail, "POST", "", body)

    @property
    def single_key(self) -> str:
        """The key of the single day."""
        return self.key(self.single.period.first[0], self.single)

    def says(self, verdict: str, leave: str, shown: str, key: str = "", mail: str = "") -> Seen:
        """What an audit must say, of the week unless another key is given."""
        return verdict, key or self.key(), mail or self.mail, leave, shown
