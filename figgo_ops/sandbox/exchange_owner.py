"""What people do to their own calendar in Outlook, by hand, behind the sync's back."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, date, datetime
from threading import RLock
from typing import Any

from figgo_ops.sandbox import exchange_times as times
from figgo_ops.sandbox.exchange_edit import finished
from figgo_ops.sandbox.exchange_recurrence import Recurrence
from figgo_ops.sandbox.exchange_soap import RefusedError
from figgo_ops.sandbox.exchange_store import BIN, CALENDAR, Item, Mailbox

_RULE = re.compile(r"(?:RRULE:)?FREQ=(DAILY|WEEKLY)(?:;INTERVAL=(\d{1,3}))?;COUNT=(\d{1,3})\Z")
_STATUSES = ("Free", "Tentative", "Busy", "OOF", "WorkingElsewhere", "NoData")
_SENSITIVITIES = ("Normal", "Personal", "Private", "Confidential")
# Outlook takes any text, but XML has no way to say these.
_UNSPEAKABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_VISIBILITY = {"default": "Normal", "public": "Normal", "private": "Private", "confidential": "Confidential"}
_ADDED = (
    *("location", "status", "sensitivity", "categories", "reminder", "organizer", "start_zone", "end_zone"),
    *("body", "attendees"),
)


class Owner:
    """The owner of one mailbox, acting in Outlook.

    A day or a time is text or a date: `2026-11-23` (all-day, the end exclusive) or `2026-11-23T14:00`
    (in the mailbox's zone). Every act returns the event as it is afterwards; KeyError: no such event.
    """

    def __init__(self, mailbox: Mailbox, lock: RLock, clock: Callable[[], float]) -> None:
        self._mailbox, self._lock, self._clock = mailbox, lock, clock

    def add(self, subject: str, start: str | date, end: str | date, **more: Any) -> dict[str, Any]:
        """Add an event of one's own; `more` are further fields, `organizer` who invited."""
        unknown = sorted(set(more) - set(_ADDED))
        if unknown:
            raise TypeError(f"unknown field {unknown[0]!r}; known: {', '.join(_ADDED)}")
        with self._lock:
            now = self._now()
            item = self._mailbox.blank(now, now, now)
            item.subject = _speakable(subject)
            zone = self._mailbox.windows_zone
            self._place(item, start, end, zone)
            for name, value in _fields(more).items():
                setattr(item, name, value)
            # A zone of somebody's own making is allowed here: only clients of the service are refused.
            item.start_zone = item.start_zone or zone
            item.end_zone = item.end_zone or item.start_zone
            return plain(self._mailbox.keep(item, now, self._mailbox.mail))

    def move(self, event_id: str, start: str | date, end: str | date) -> dict[str, Any]:
        """Drag an event elsewhere."""
        return self._change(event_id, lambda item: self._place(item, start, end, item.start_zone))

    def rename(self, event_id: str, subject: str) -> dict[str, Any]:
        """Give an event another title."""
        return self._set(event_id, subject=_speakable(subject))

    def annotate(self, event_id: str, text: str) -> dict[str, Any]:
        """Write a note into an event."""
        return self._set(event_id, body=("Text", _speakable(text)))

    def categorise(self, event_id: str, categories: Iterable[str]) -> dict[str, Any]:
        """Colour an event by its categories."""
        return self._set(event_id, categories=tuple(categories))

    def set_sensitivity(self, event_id: str, sensitivity: str) -> dict[str, Any]:
        """Make an event Normal, Personal, Private or Confidential."""
        return self._set(event_id, sensitivity=_one_of(_SENSITIVITIES, sensitivity))

    def set_visibility(self, event_id: str, visibility: str) -> dict[str, Any]:
        """Make an event public, private, confidential or default, as other calendars call it."""
        return self.set_sensitivity(event_id, _VISIBILITY[visibility])

    def set_status(self, event_id: str, status: str) -> dict[str, Any]:
        """Show an event as Free, Tentative, Busy, OOF or WorkingElsewhere."""
        return self._set(event_id, status=_one_of(_STATUSES, status))

    def invite(self, event_id: str, mails: Iterable[str]) -> dict[str, Any]:
        """Invite people to an event, which makes it a meeting of its owner."""
        return self._set(event_id, required=tuple(mails))

    def attach(self, event_id: str, name: str) -> dict[str, Any]:
        """Attach a file to an event."""
        return self._change(event_id, lambda item: setattr(item, "attachments", (*item.attachments, name)))

    def repeat(self, event_id: str, rule: str = "RRULE:FREQ=WEEKLY;COUNT=4") -> dict[str, Any]:
        """Let an event recur."""
        read = _RULE.match(rule)
        if read is None:
            raise ValueError(f"{rule!r} is no rule that is played here")
        return self._change(event_id, lambda item: _repeat(item, read))

    def delete(self, event_id: str) -> dict[str, Any]:
        """Put an event into Deleted Items, where it goes by another id."""
        return self._carry(event_id, CALENDAR, BIN)

    def restore(self, event_id: str) -> dict[str, Any]:
        """Take an event out of Deleted Items again."""
        return self._carry(event_id, BIN, CALENDAR)

    def copy(
        self, event_id: str, start: str | date | None = None, end: str | date | None = None
    ) -> dict[str, Any]:
        """Duplicate an event, hidden properties included, to other dates if given."""
        with self._lock:
            original, now = self._find(event_id), self._now()
            made = original.draft()
            fresh = self._mailbox.blank(now, now, now)
            made.id, made.uid, made.number, made.created = "", fresh.uid, fresh.number, now
            if start is not None and end is not None:
                self._place(made, start, end, made.start_zone)
            return plain(self._mailbox.keep(made, now, self._mailbox.mail))

    def set_zone(self, zone: str) -> None:
        """Choose another time zone in Outlook on the web; KeyError for one that Windows has no name for."""
        with self._lock:
            times.windows_id(zone)
            self._mailbox.zone, self._mailbox.uses_web = zone, True

    def _set(self, event_id: str, **values: Any) -> dict[str, Any]:
        def change(item: Item) -> None:
            for name, value in values.items():
                setattr(item, name, value)

        return self._change(event_id, change)

    def _change(self, event_id: str, change: Callable[[Item], None]) -> dict[str, Any]:
        with self._lock:
            draft = self._find(event_id).draft()
            change(draft)
            return plain(self._mailbox.keep(finished(draft, None), self._now(), self._mailbox.mail))

    def _carry(self, event_id: str, source: str, target: str) -> dict[str, Any]:
        with self._lock:
            item = self._find(event_id)
            if item.folder != source:
                raise KeyError(f"the event {event_id} is in {item.folder}, not in {source}")
            return plain(self._mailbox.move(item, target, self._now(), self._mailbox.mail))

    def _find(self, event_id: str) -> Item:
        try:
            return self._mailbox.find(event_id)
        except RefusedError:
            raise KeyError(f"{self._mailbox.mail} has no event {event_id}") from None

    def _place(self, item: Item, start: str | date, end: str | date, zone: str) -> None:
        texts = [when if isinstance(when, str) else when.isoformat() for when in (start, end)]
        item.all_day = len(texts[0]) == 10
        item.start, item.end = (times.instant(datetime.fromisoformat(text), zone) for text in texts)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC).replace(microsecond=0)


def _one_of(allowed: tuple[str, ...], value: str) -> str:
    if value not in allowed:
        raise ValueError(f"{value!r} is none of {', '.join(allowed)}")
    return value


def _speakable(text: str) -> str:
    return _UNSPEAKABLE.sub("\ufffd", text)


def _fields(more: Mapping[str, Any]) -> dict[str, Any]:
    fields: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in more.items()
    }
    if "body" in fields:
        fields["body"] = ("Text", _speakable(fields["body"]))
    if "attendees" in fields:
        fields["required"] = fields.pop("attendees")
    return fields


def _repeat(item: Item, read: re.Match[str]) -> None:
    frequency, interval, count = read.groups()
    first, _ = item.days()
    weekly = frequency == "WEEKLY"
    item.recurrence = Recurrence(
        pattern="WeeklyRecurrence" if weekly else "DailyRecurrence",
        start=first,
        interval=int(interval or 1),
        days=(first.weekday(),) if weekly else (),
        times=int(count),
    )


def plain(item: Item) -> dict[str, Any]:
    """Give an item as plain values; days are those of the item's own zone, the last one included."""
    first, last = item.days()
    kind, text = item.body or (None, None)
    return {
        "id": item.id,
        "change_key": item.change_key,
        "uid": item.uid,
        "subject": item.subject,
        "start": item.start,
        "end": item.end,
        "start_zone": item.start_zone,
        "end_zone": item.end_zone,
        "all_day": item.all_day,
        "first_day": first,
        "last_day": last,
        "status": item.status,
        "sensitivity": item.sensitivity,
        "body": text,
        "body_type": kind,
        "categories": list(item.categories),
        "location": item.location,
        "attendees": list(item.attendees),
        "recurrence": asdict(item.recurrence) if item.recurrence else None,
        "attachments": list(item.attachments),
        "reminder": item.reminder,
        "properties": {path.name or path.number or path.tag: v for path, v in item.properties.items()},
        "folder": item.folder,
    }


ACTS = tuple(name for name in vars(Owner) if not name.startswith("_"))


def act(owner: Owner, verb: str, arguments: Mapping[str, Any]) -> Any:
    """Let an owner act by name, as the control server does; ValueError says what does not fit."""
    if verb not in ACTS:
        raise ValueError(f"an owner cannot {verb!r}; known: {', '.join(ACTS)}")
    try:
        return spelt(getattr(owner, verb)(**arguments))
    except (TypeError, KeyError, ValueError, RefusedError) as problem:
        raise ValueError(f"{verb}: {problem}") from problem


def spelt(value: Any) -> Any:
    """Turn plain values into what JSON can hold."""
    if isinstance(value, dict):
        return {name: spelt(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [spelt(one) for one in value]
    return value.isoformat() if isinstance(value, date) else value
