"""One person's primary calendar at Google: its events, its tombstones and their versions."""

from __future__ import annotations

import base64
import copy
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from figgo_ops.sandbox.google_rules import (
    Event,
    RefusedError,
    Span,
    accepted,
    check_id,
    merged,
    repetition,
    shifted,
    shown,
    stamp,
)

_VERSIONED = ("start", "end", "status", "recurrence")


@dataclass(slots=True)
class Stored:
    """An event as it is kept: the resource shown to clients, its time and the number of its last change."""

    resource: Event
    span: Span
    change: int

    @property
    def gone(self) -> bool:
        """Whether this is a tombstone: deleted, its id still taken."""
        return bool(self.resource["status"] == "cancelled")


@dataclass(slots=True)
class Mailbox:
    """A user's mailbox. `state`: ok, suspended, no-calendar, deleted, unknown, restricted or exhausted."""

    mail: str
    zone: str = "Europe/Paris"
    state: str = "ok"
    aliases: set[str] = field(default_factory=set)
    events: dict[str, Stored] = field(default_factory=dict)
    changes: int = 0
    updated: float = 0.0

    def insert(self, raw: Mapping[str, Any], now: float, organizer: str | None = None) -> Stored:
        """Add an event; RefusedError 409 when the id is taken, by a tombstone too."""
        event_id = raw.get("id") or _new_id()
        check_id(event_id)
        if "id" in raw and "iCalUID" in raw:
            raise RefusedError(400, "invalid", "Only one of id and iCalUID may be given.")
        if event_id in self.events:
            raise RefusedError(409, "duplicate", "The requested identifier already exists.")
        kept, span = accepted(raw, self.zone)
        if kept.get("status") == "cancelled":
            raise RefusedError(400, "invalid", "Invalid value for: status")
        fixed = self._fixed(event_id, raw.get("iCalUID"), organizer or self.mail, now)
        return self._keep(event_id, fixed, kept, span, raw.get("sequence", 0), now)

    def replace(self, stored: Stored, raw: Mapping[str, Any], now: float) -> Stored:
        """Put a whole new body in the place of an event; what is read-only stays."""
        old = stored.resource
        for name in ("id", "iCalUID"):
            if raw.get(name, old[name]) != old[name]:
                raise RefusedError(400, "invalid", f"Invalid value for: {name} cannot be changed")
        if raw.get("eventType", old["eventType"]) != old["eventType"]:
            raise RefusedError(400, "eventTypeRestriction", "The event type cannot be changed.")
        kept, span = accepted({**raw, "eventType": old["eventType"]}, self.zone)
        kept.setdefault("status", "confirmed")
        names = ("kind", "id", "iCalUID", "htmlLink", "created", "creator", "organizer")
        fixed = {name: old[name] for name in names}
        sequence = max(old["sequence"], raw.get("sequence", 0))
        sequence += any(kept.get(name) != old.get(name) for name in _VERSIONED)
        return self._keep(old["id"], fixed, kept, span, sequence, now)

    def patch(self, stored: Stored, patch: Mapping[str, Any], now: float) -> Stored:
        """Merge a patch into an event."""
        return self.replace(stored, merged(stored.resource, patch), now)

    def remove(self, stored: Stored, now: float) -> None:
        """Turn an event into a tombstone; RefusedError 410 when it is one already."""
        if stored.gone:
            raise RefusedError(410, "deleted", "Resource has been deleted")
        self.patch(stored, {"status": "cancelled"}, now)

    def move_to_zone(self, zone: str) -> None:
        """Change the calendar's time zone: all-day events keep their date, timed ones their instant."""
        self.zone = zone
        for stored in self.events.values():
            kept, stored.span = accepted(stored.resource, zone)
            stored.resource.update(start=kept["start"], end=kept["end"])

    def _fixed(self, event_id: str, uid: str | None, organizer: str, now: float) -> Event:
        link = base64.urlsafe_b64encode(f"{event_id} {self.mail}".encode()).decode().rstrip("=")
        return {
            "kind": "calendar#event",
            "id": event_id,
            "iCalUID": uid or f"{event_id}@google.com",
            "htmlLink": f"https://www.google.com/calendar/event?eid={link}",
            "created": stamp(float(int(now))),
            "creator": _person(organizer, self.mail),
            "organizer": _person(organizer, self.mail),
        }

    def _keep(
        self, event_id: str, fixed: Event, kept: Event, span: Span, sequence: int, now: float
    ) -> Stored:
        old = self.events.get(event_id)
        self.changes += 1
        self.updated = now
        resource = {"status": "confirmed", "eventType": "default", **fixed, **kept, "sequence": sequence}
        resource["etag"] = f'"{3_500_000_000_000_000 + self.changes * 2}"'
        # A change of reminders alone shows in the etag but not in the time of the last change.
        quiet = old is not None and _without(old.resource) == _without(resource)
        resource["updated"] = old.resource["updated"] if old and quiet else stamp(now)
        stored = Stored(resource, span, self.changes)
        self.events[event_id] = stored
        return stored


def in_zone(resource: Event, span: Span, zone: str | None) -> Event:
    """Show an event's times with the offset of another zone; None leaves it as it is."""
    if zone is None or "date" in resource["start"]:
        return resource
    start = {**resource["start"], "dateTime": shown(span.start, zone)}
    return {**resource, "start": start, "end": {**resource["end"], "dateTime": shown(span.end, zone)}}


def instances(stored: Stored, zone: str) -> list[Stored]:
    """Expand a recurring event; any other is its own single instance."""
    if "recurrence" not in stored.resource:
        return [stored]
    return [_instance(stored, by, zone) for by in repetition(stored.resource)]


def _instance(master: Stored, by: Any, zone: str) -> Stored:
    resource = copy.deepcopy(master.resource)
    del resource["recurrence"]
    for name in ("start", "end"):
        resource[name] = shifted(resource[name], by)
    kept, span = accepted(resource, zone)
    resource.update(start=kept["start"], end=kept["end"], originalStartTime=kept["start"])
    resource["recurringEventId"] = resource["id"]
    first = kept["start"].get("date") or kept["start"]["dateTime"][:16]
    resource["id"] += "_" + "".join(c for c in first if c.isalnum())
    return Stored(resource, span, master.change)


def _person(mail: str, owner: str) -> Event:
    return {"email": mail, "self": True} if mail == owner else {"email": mail}


def _without(resource: Event) -> Event:
    return {k: v for k, v in resource.items() if k not in ("etag", "updated", "reminders", "sequence")}


def _new_id() -> str:
    return base64.b32hexencode(secrets.token_bytes(16)).decode().lower().rstrip("=")
