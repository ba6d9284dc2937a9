"""The rehearsal company in a process of its own: strikes at a request it was told of, writes its history.

`python -m tests.kills.company HOME PEOPLE SEED TODAY`: one line when ready, then orders on stdin:
`{"service": "google", "what": "WRITE", "at": 3, "how": "never" | "late" | "after" | "amid"}`,
`{"disarm": true}`, `{"go": true}`, `{"moved": [mails]}`. Ends with its stdin.
"""

import json
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TextIO
from unittest import mock

from figgo_ops.sandbox import Company, Fault, Rehearsal
from figgo_ops.sandbox.exchange_store import CALENDAR, Item
from figgo_ops.sandbox.exchange_store import Mailbox as OutlookMailbox
from figgo_ops.sandbox.google_mailbox import Mailbox, Stored
from figgo_ops.sandbox.google_rules import Event, Span
from figgo_ops.sandbox.home import KINDS, TENANT_ID
from figgo_ops.sandbox.messages import Request
from figgo_ops.sandbox.microsoft365_batch import PATH as BATCH
from figgo_ops.sandbox.people import Person
from figgo_ops.sandbox.web import Server

MOVED = "moved"
"""Stands where a line of the history names the store: from here on that person may be elsewhere."""

WAIT = 60.0
"""Seconds after which a request is let go though nobody said so."""

WRITES = ("/CreateItem", "/UpdateItem", "/DeleteItem")

LOG_ONS = ("/token", f"/{TENANT_ID}/")

Tell = Callable[[str, str, str, str, int, str], None]
"""Writes a line of the history: which store, mail, key, the event's own id, 1 came, -1 went, 0 changed, and
its shape. Google is one store; Exchange and Microsoft 365 are two doors of another one."""


def generated(people: int, seed: int, today: date) -> Company:
    """The company as it begins."""
    return Company.generate(people, seed, today=today)


def begins_online(person: Person) -> bool:
    """Whether somebody's Outlook mailbox is in the cloud when the company begins."""
    kind = KINDS[person.legal_entity_id]
    return kind == "microsoft365" or (kind == "google" and person.id % 2 == 0)


def give_second_mailboxes(rehearsal: Rehearsal) -> None:
    """Give everyone at Google an Outlook mailbox, and everyone else one at Google: people will be moved."""
    for person in rehearsal.company.people.values():
        mail, zone = str(person.mail), rehearsal.company.legal_entities[person.legal_entity_id].timezone
        if KINDS[person.legal_entity_id] == "google":
            rehearsal.organization.add(mail, zone, online=begins_online(person))
        else:
            rehearsal.google.add_user(mail, zone)


@dataclass(frozen=True, slots=True)
class Moment:
    """The request at which the company strikes.

    Attributes:
        what: "WRITE" for whatever changes a calendar, "*" for any; else an operation of Exchange, or the
            method, that of all items of a batch at Microsoft 365. Requests for a token do not count.
        at: the first such request is 1.
        how: "never" drops it, "late" commits it once the company is told to go on, "after" has committed it;
            "amid" has committed the first half of a batch, and commits the rest once told to go on.
    """

    service: str
    what: str
    at: int
    how: str

    def fits(self, service: str, request: Request) -> bool:
        """Whether this is one of the requests to count."""
        if service != self.service or request.path.startswith(LOG_ONS):
            return False
        last = request.place.rpartition("/")[2]
        if self.what != "WRITE":
            return self.what in ("*", last if service == "microsoft365" else request.method, last)
        if service == "exchange":
            return request.place.endswith(WRITES)
        if service == "microsoft365":
            return request.path == BATCH and last != "GET"
        return request.method != "GET" and request.path.startswith("/calendar")


class Striker:
    """Stops the request of one moment, says so, and waits to be told to go on."""

    def __init__(self, rehearsal: Rehearsal, out: TextIO) -> None:
        self._match, self._note = rehearsal.faults.match, rehearsal.log.add
        self._server = rehearsal.server("microsoft365")
        self._out, self._lock, self._go = out, threading.Lock(), threading.Event()
        self._moment: Moment | None = None
        self._seen = 0
        mock.patch.object(rehearsal.faults, "match", self.match).start()
        mock.patch.object(rehearsal.log, "add", self.add).start()

    def arm(self, moment: Moment | None) -> None:
        """Strike once, at this moment; None: not at all."""
        with self._lock:
            self._moment, self._seen = moment, 0
        self.say({"armed": moment is not None})

    def go(self) -> None:
        """Let every stopped request go on."""
        with self._lock:
            self._go.set()
            self._go = threading.Event()

    def say(self, line: dict[str, object]) -> None:
        """Tell whoever started us."""
        print(json.dumps(line), file=self._out, flush=True)

    def match(self, service: str, request: Request) -> Fault | None:
        """Called before anything is committed."""
        moment = self._moment
        if moment and moment.how != "after" and self._strikes(moment, service, request):
            return Fault(service, "drop-before") if moment.how == "never" else None
        return self._match(service, request)

    def add(self, service: str, request: Request, status: int, fault: str | None) -> None:
        """Called after the commit, before the client can know."""
        self._note(service, request, status, fault)
        moment = self._moment
        if moment and moment.how == "after" and fault is None:
            self._strikes(moment, service, request)

    def _strikes(self, moment: Moment, service: str, request: Request) -> bool:
        with self._lock:
            if moment is not self._moment or not moment.fits(service, request):
                return False
            self._seen += 1
            if self._seen != moment.at:
                return False
            self._moment, go = None, self._go
        if moment.how == "amid":
            halve(self._server, request)
        self.say({"struck": f"{request.method} {request.place}"})
        go.wait(WAIT)
        return True


def halve(server: Server, request: Request) -> None:
    """Commit the first half of a batch; the request is about the rest from then on."""
    asked = request.json()["requests"]
    half = len(asked) // 2
    if half:
        request.body = json.dumps({"requests": asked[:half]}).encode()
        server.handle(request)
        request.body = json.dumps({"requests": asked[half:]}).encode()


def record(file: TextIO) -> Tell:
    """Write a line for every event that comes, goes or changes, as the calendars themselves commit it."""
    lock = threading.Lock()

    def tell(store: str, mail: str, key: str, event: str, change: int, shape: str) -> None:
        with lock:
            print(json.dumps([store, mail, key, event, change, shape]), file=file, flush=True)

    record_google(tell)
    record_outlook(tell)
    return tell


def record_google(tell: Tell) -> None:
    """Google's calendars; the shape of an event is nothing that makes it another one."""
    keep = Mailbox._keep  # the one place that all commits pass

    def kept(
        self: Mailbox, event_id: str, fixed: Event, kept: Event, span: Span, sequence: int, now: float
    ) -> Stored:
        old = self.events.get(event_id)
        stored = keep(self, event_id, fixed, kept, span, sequence, now)
        before, after = old is not None and not old.gone, not stored.gone
        if before != after:
            resource = stored.resource if after or old is None else old.resource
            key = resource.get("extendedProperties", {}).get("private", {}).get("figgoOpsKey", "")
            tell("google", self.mail, key, event_id, 1 if after else -1, "")
        return stored

    mock.patch.object(Mailbox, "_keep", kept).start()


def record_outlook(tell: Tell) -> None:
    """Exchange's and Microsoft 365's calendars; what is in a bin is gone, and a migration changes ids."""
    keep, purge = OutlookMailbox.keep, OutlookMailbox.purge  # the two places that all commits pass

    def told(mailbox: OutlookMailbox, item: Item, change: int) -> None:
        if item.folder == CALENDAR:
            key = {path.name: str(value) for path, value in item.properties.items()}.get("FiggoOpsKey", "")
            shape = "days" if item.all_day else "hours"
            tell("outlook", mailbox.mail, key, str(item.number), change, shape)

    def kept(self: OutlookMailbox, item: Item, now: datetime, by: str) -> Item:
        change = 0 if item.id else 1
        stored = keep(self, item, now, by)
        told(self, stored, change)
        return stored

    def purged(self: OutlookMailbox, item: Item) -> None:
        purge(self, item)
        told(self, item, -1)

    mock.patch.object(OutlookMailbox, "keep", kept).start()
    mock.patch.object(OutlookMailbox, "purge", purged).start()


def main() -> None:
    """Serve until stdin ends."""
    home, people, seed, today = sys.argv[1:]
    with (
        Path(home).with_suffix(".history").open("w", encoding="utf-8") as history,
        Rehearsal(Path(home), int(people), int(seed), date.fromisoformat(today)) as rehearsal,
    ):
        tell = record(history)
        give_second_mailboxes(rehearsal)
        rehearsal.figgo.switch("rate_limit", 10**6)
        rehearsal.figgo.switch("max_page", 10**4)
        rehearsal.google.switch("per_user_quota", 0)
        rehearsal.google.switch("per_project_quota", 0)
        striker = Striker(rehearsal, sys.stdout)
        striker.say(rehearsal.ready)
        for line in sys.stdin:
            order = json.loads(line)
            if "go" in order:
                striker.go()
            elif "moved" in order:
                for mail in order["moved"]:
                    tell(MOVED, mail, "", "", 0, "")
            else:
                striker.arm(None if "disarm" in order else Moment(**order))
        striker.go()


if __name__ == "__main__":
    main()
