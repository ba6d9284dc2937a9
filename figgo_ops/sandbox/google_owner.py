"""What people do to their own calendar, by hand, behind the sync's back."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from threading import RLock
from typing import Any

from figgo_ops.sandbox.google_mailbox import Mailbox, Stored
from figgo_ops.sandbox.google_rules import Event, RefusedError

_NOT_COPIED = ("id", "iCalUID", "etag", "created", "updated", "htmlLink", "sequence")


class Owner:
    """The owner of one mailbox, acting in Google's own interface.

    A day or a time is text or a date: `2026-11-23` (all-day, the end exclusive) or `2026-11-23T14:00`
    (in the calendar's zone). Every act returns the event as it is afterwards; KeyError: no such event.
    """

    def __init__(self, mailbox: Mailbox, lock: RLock, clock: Callable[[], float]) -> None:
        self._mailbox, self._lock, self._clock = mailbox, lock, clock

    def add(self, summary: str, start: str | date, end: str | date, **more: Any) -> Event:
        """Add an event of one's own; `more` are further fields, `organizer` who invited."""
        raw = {"summary": summary, "start": self._when(start), "end": self._when(end), **more}
        with self._lock:
            stored = self._mailbox.insert(raw, self._clock(), raw.pop("organizer", None))
        return copy.deepcopy(stored.resource)

    def move(self, event_id: str, start: str | date, end: str | date) -> Event:
        """Drag an event elsewhere."""
        return self._change(event_id, {"start": self._other(start), "end": self._other(end)})

    def rename(self, event_id: str, summary: str) -> Event:
        """Give an event another title."""
        return self._change(event_id, {"summary": summary})

    def annotate(self, event_id: str, description: str) -> Event:
        """Write a note into an event."""
        return self._change(event_id, {"description": description})

    def colour(self, event_id: str, color_id: str) -> Event:
        """Colour an event: "1" to "11"."""
        return self._change(event_id, {"colorId": color_id})

    def set_visibility(self, event_id: str, visibility: str) -> Event:
        """Make an event public, private, confidential or default."""
        return self._change(event_id, {"visibility": visibility})

    def invite(self, event_id: str, mails: Iterable[str]) -> Event:
        """Invite people to an event, which makes it a meeting of its owner."""
        guests = [{"email": mail, "responseStatus": "needsAction"} for mail in mails]
        return self._change(event_id, {"attendees": guests})

    def repeat(self, event_id: str, rule: str = "RRULE:FREQ=WEEKLY;COUNT=4") -> Event:
        """Let an event recur."""
        return self._change(event_id, {"recurrence": [rule]})

    def delete(self, event_id: str) -> Event:
        """Put an event into the bin."""
        with self._lock:
            self._mailbox.remove(self._find(event_id), self._clock())
            return copy.deepcopy(self._find(event_id).resource)

    def restore(self, event_id: str) -> Event:
        """Take an event out of the bin again."""
        return self._change(event_id, {"status": "confirmed"})

    def copy(self, event_id: str, start: str | date | None = None, end: str | date | None = None) -> Event:
        """Duplicate an event, hidden properties included, to other dates if given."""
        with self._lock:
            original = self._find(event_id).resource
            raw = {k: v for k, v in copy.deepcopy(original).items() if k not in _NOT_COPIED}
            raw.update({k: self._when(v) for k, v in (("start", start), ("end", end)) if v is not None})
            return copy.deepcopy(self._mailbox.insert(raw, self._clock()).resource)

    def set_zone(self, zone: str) -> None:
        """Choose another time zone for the calendar; KeyError for one that IANA does not list."""
        with self._lock:
            self._mailbox.move_to_zone(zone)

    def _change(self, event_id: str, patch: Mapping[str, Any]) -> Event:
        with self._lock:
            stored = self._mailbox.patch(self._find(event_id), patch, self._clock())
            return copy.deepcopy(stored.resource)

    def _find(self, event_id: str) -> Stored:
        try:
            return self._mailbox.events[event_id]
        except KeyError:
            raise KeyError(f"{self._mailbox.mail} has no event {event_id}") from None

    def _when(self, value: str | date) -> dict[str, str]:
        text = value if isinstance(value, str) else value.isoformat()
        if len(text) == 10:
            return {"date": text}
        return {"dateTime": datetime.fromisoformat(text).isoformat(), "timeZone": self._mailbox.zone}

    def _other(self, value: str | date) -> dict[str, str | None]:
        # A patch merges: without the nulls an event moved between kinds would have both.
        return {"date": None, "dateTime": None, "timeZone": None, **self._when(value)}


ACTS = tuple(name for name in vars(Owner) if not name.startswith("_"))


def act(owner: Owner, verb: str, arguments: Mapping[str, Any]) -> Any:
    """Let an owner act by name, as the control server does; ValueError says what does not fit."""
    if verb not in ACTS:
        raise ValueError(f"an owner cannot {verb!r}; known: {', '.join(ACTS)}")
    try:
        return getattr(owner, verb)(**arguments)
    except (TypeError, KeyError, RefusedError) as problem:
        raise ValueError(f"{verb}: {problem}") from problem
