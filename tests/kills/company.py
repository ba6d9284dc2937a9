"""The rehearsal company in a process of its own: strikes at a request it was told of, writes its history.

`python -m tests.kills.company HOME PEOPLE SEED TODAY`: one line when ready, then orders on stdin:
`{"service": "google", "method": "WRITE", "at": 3, "how": "never" | "late" | "after"}`, `{"disarm": true}`,
`{"go": true}`. Ends with its stdin.
"""

import json
import sys
import threading
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TextIO
from unittest import mock

from figgo_ops.sandbox import Fault, Rehearsal
from figgo_ops.sandbox.google_mailbox import Mailbox, Stored
from figgo_ops.sandbox.google_rules import Event, Span
from figgo_ops.sandbox.messages import Request

WAIT = 60.0
"""Seconds after which a request is let go though nobody said so."""


@dataclass(frozen=True, slots=True)
class Moment:
    """The request at which the company strikes.

    Attributes:
        method: "WRITE" for whatever changes a calendar, "*" for any; requests for a token do not count.
        at: the first such request is 1.
        how: "never" drops it, "late" commits it once the company is told to go on, "after" has committed it.
    """

    service: str
    method: str
    at: int
    how: str

    def fits(self, service: str, request: Request) -> bool:
        """Whether this is one of the requests to count."""
        if service != self.service:
            return False
        if self.method == "WRITE":
            return request.method != "GET" and request.path.startswith("/calendar")
        return self.method in ("*", request.method) and request.path != "/token"


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
        self.say({"struck": f"{request.method} {request.path}"})
        go.wait(WAIT)
        return True


def record(file: TextIO) -> None:
    """Write a line for every event that comes or goes, as the calendars themselves commit it."""
    keep, lock = Mailbox._keep, threading.Lock()  # the one place that all commits pass

    def kept(
        self: Mailbox, event_id: str, fixed: Event, kept: Event, span: Span, sequence: int, now: float
    ) -> Stored:
        old = self.events.get(event_id)
        stored = keep(self, event_id, fixed, kept, span, sequence, now)
        before, after = old is not None and not old.gone, not stored.gone
        if before != after:
            resource = stored.resource if after or old is None else old.resource
            key = resource.get("extendedProperties", {}).get("private", {}).get("figgoOpsKey", "")
            with lock:
                print(json.dumps([self.mail, key, event_id, 1 if after else -1]), file=file, flush=True)
        return stored

    mock.patch.object(Mailbox, "_keep", kept).start()


def main() -> None:
    """Serve until stdin ends."""
    home, people, seed, today = sys.argv[1:]
    with (
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
