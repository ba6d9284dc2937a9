"""The rehearsal company in a process of its own: strikes at a request it was told of, writes its history.

`python -m tests.kills.company HOME PEOPLE SEED TODAY`: one line when ready, then orders on stdin:
`{"service": "google", "what": "WRITE", "at": 3, "how": "never" | "late" | "after"}`, `{"disarm": true}`,
`{"go": true}`. Ends with its stdin.
"""

import json
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import TextIO
from unittest import mock

from figgo_ops.sandbox import Company, Fault, Rehearsal
from figgo_ops.sandbox.exchange_store import CALENDAR, Item
from figgo_ops.sandbox.exchange_store import Mailbox as OutlookMailbox
from figgo_ops.sandbox.google_mailbox import Mailbox, Stored
from figgo_ops.sandbox.google_rules import Event, Span
from figgo_ops.sandbox.messages import Request

WAIT = 60.0
"""Seconds after which a request is let go though nobody said so."""

LEGAL_ENTITIES = 2
"""The first is at Google and the second at Exchange: half of the people at each."""

WRITES = ("/CreateItem", "/UpdateItem", "/DeleteItem")

Tell = Callable[[str, str, str, int, str], None]
"""Writes a line of the history: mail, key, the event's own id, 1 came, -1 went, 0 changed, and its shape."""


def generated(people: int, seed: int, today: date) -> Company:
    """The company as it begins."""
    return Company.generate(people, seed, LEGAL_ENTITIES, today=today)


@dataclass(frozen=True, slots=True)
class Moment:
    """The request at which the company strikes.

    Attributes:
        what: "WRITE" for whatever changes a calendar, "*" for any; else a method or an operation of Exchange.
            Requests for a token do not count.
        at: the first such request is 1.
        how: "never" drops it, "late" commits it once the company is told to go on, "after" has committed it.
    """

    service: str
    what: str
    at: int
    how: str

    def fits(self, service: str, request: Request) -> bool:
        """Whether this is one of the requests to count."""
        if service != self.service or request.path == "/token":
            return False
        if self.what != "WRITE":
            return self.what in ("*", request.method, request.place.rpartition("/")[2])
        if service == "exchange":
            return request.place.endswith(WRITES)
        return request.method != "GET" and request.path.startswith("/calendar")


class Striker:
    """Stops the request of one moment, says so, and waits to be told to go on."""

    def __init__(self, rehearsal: Rehearsal, out: TextIO) -> None:
        self._match, self._note = rehearsal.faults.match, rehearsal.log.add
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
        self.say({"struck": f"{request.method} {request.place}"})
        go.wait(WAIT)
        return True


def record(file: TextIO) -> None:
    """Write a line for every event that comes, goes or changes, as the calendars themselves commit it."""
    lock = threading.Lock()

    def tell(mail: str, key: str, event: str, change: int, shape: str) -> None:
        with lock:
            print(json.dumps([mail, key, event, change, shape]), file=file, flush=True)

    record_google(tell)
    record_exchange(tell)


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
            tell(self.mail, key, event_id, 1 if after else -1, "")
        return stored

    mock.patch.object(Mailbox, "_keep", kept).start()


def record_exchange(tell: Tell) -> None:
    """Exchange's calendars; what is in a bin is gone."""
    keep, purge = OutlookMailbox.keep, OutlookMailbox.purge  # the two places that all commits pass

    def told(mailbox: OutlookMailbox, item: Item, change: int) -> None:
        if item.folder == CALENDAR:
            key = {path.name: str(value) for path, value in item.properties.items()}.get("FiggoOpsKey", "")
            tell(mailbox.mail, key, item.id, change, "days" if item.all_day else "hours")

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
    halves = partial(Company.generate, legal_entities=LEGAL_ENTITIES)
    with (
        mock.patch.object(Company, "generate", halves),
        Path(home).with_suffix(".history").open("w", encoding="utf-8") as history,
        Rehearsal(Path(home), int(people), int(seed), date.fromisoformat(today)) as rehearsal,
    ):
        record(history)
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
            else:
                striker.arm(None if "disarm" in order else Moment(**order))
        striker.go()


if __name__ == "__main__":
    main()
