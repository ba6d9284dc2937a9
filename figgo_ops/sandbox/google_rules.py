"""What Google accepts as an event, and what it quietly makes of it.

The discovery document describes the form of a body; these are the rules it does not describe.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

Event = dict[str, Any]
_ID = re.compile(r"[0-9a-v]{5,1024}\Z")
_READ_ONLY = frozenset(
    {
        *("kind", "etag", "id", "iCalUID", "htmlLink", "created", "updated", "creator", "organizer"),
        *("sequence", "hangoutLink", "attendeesOmitted", "recurringEventId", "originalStartTime"),
        *("privateCopy", "locked"),
    }
)
_VALUES: Mapping[str, tuple[str, ...]] = {
    "status": ("confirmed", "tentative", "cancelled"),
    "visibility": ("default", "public", "private", "confidential"),
    "transparency": ("opaque", "transparent"),
    "eventType": ("default", "outOfOffice", "workingLocation", "focusTime"),
    "colorId": tuple(str(n) for n in range(1, 12)),
}
# Google leaves out of its answers what says nothing.
_SAYS_NOTHING = (
    ("transparency", "opaque"),
    ("visibility", "default"),
    ("summary", ""),
    ("description", ""),
    ("location", ""),
)
_RULE = re.compile(r"RRULE:FREQ=(DAILY|WEEKLY)(?:;INTERVAL=(\d{1,3}))?;COUNT=(\d{1,3})\Z")


class RefusedError(Exception):
    """The calendar API says no: a status, Google's reason word and its message."""

    def __init__(self, status: int, reason: str, message: str, **more: Any) -> None:
        super().__init__(f"{status} {reason}: {message}")
        self.status, self.reason, self.message = status, reason, message
        self.domain: str = more.get("domain", "global")
        self.headers: Mapping[str, str] = more.get("headers", {})
        self.detail: str | None = more.get("detail")


@dataclass(frozen=True, slots=True)
class Span:
    """When an event is, in seconds since 1970; `end` is exclusive."""

    start: float
    end: float


def check_id(event_id: str) -> None:
    """Refuse an id outside base32hex or the allowed lengths."""
    if not _ID.match(event_id):
        raise RefusedError(400, "invalid", "Invalid resource id value.")


def accepted(raw: Mapping[str, Any], zone: str) -> tuple[Event, Span]:
    """Turn a body into the fields Google keeps and the time they cover; RefusedError names the rule.

    `zone` is the calendar's own: it tells when an all-day event begins and how times are shown.
    """
    kept = {name: value for name, value in raw.items() if name not in _READ_ONLY}
    for name, allowed in _VALUES.items():
        if name in kept and kept[name] not in allowed:
            raise RefusedError(400, "invalid", f"Invalid value for: {kept[name]} is not a valid {name}")
    span = _times(kept, zone)
    _check_reminders(kept.setdefault("reminders", {"useDefault": True}))
    _check_people_and_links(kept)
    _check_type(kept)
    if "recurrence" in kept:
        repetition(kept)
    if "extendedProperties" in kept:
        _trim(kept)
    for name, nothing in _SAYS_NOTHING:
        if kept.get(name) == nothing:
            del kept[name]
    return kept, span


def merged(current: Any, patch: Any) -> Any:
    """Apply a patch: objects are merged, null removes, lists and plain values replace."""
    if not isinstance(patch, dict):
        return patch
    result = dict(current) if isinstance(current, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


def shown(instant: float, zone: str) -> str:
    """Spell an instant as Google does, with the offset of a zone."""
    return datetime.fromtimestamp(instant, zone_info(zone)).isoformat().replace("+00:00", "Z")


def day_start(text: str, zone: str) -> float:
    """Tell when a day begins in a zone, in seconds since 1970."""
    return datetime.fromisoformat(text).replace(tzinfo=zone_info(zone)).timestamp()


@lru_cache(maxsize=64)
def zone_info(name: str) -> ZoneInfo:
    """Find a time zone by its IANA name; KeyError for any other text."""
    if name not in _zone_names():
        raise KeyError(name)
    return ZoneInfo(name)


@cache
def _zone_names() -> frozenset[str]:
    return frozenset(available_timezones())


def repetition(event: Mapping[str, Any]) -> list[timedelta]:
    """Tell how far from the first each instance is; one RRULE of days or weeks with a COUNT is played."""
    lines = event["recurrence"]
    match = _RULE.match(lines[0]) if len(lines) == 1 else None
    if match is None:
        raise RefusedError(400, "invalid", "Invalid recurrence rule.")
    step = int(match[2] or 1) * (7 if match[1] == "WEEKLY" else 1)
    return [timedelta(days=step * number) for number in range(int(match[3]))]


def shifted(when: Mapping[str, str], by: timedelta) -> dict[str, str]:
    """Move a start or an end by whole days, on the wall clock."""
    if "date" in when:
        return {"date": (date.fromisoformat(when["date"]) + by).isoformat()}
    zone = zone_info(when["timeZone"])
    local = datetime.fromisoformat(when["dateTime"]).astimezone(zone).replace(tzinfo=None) + by
    return {"dateTime": local.replace(tzinfo=zone).isoformat(), "timeZone": when["timeZone"]}


def _times(event: Event, zone: str) -> Span:
    for name in ("start", "end"):
        if name not in event:
            raise RefusedError(400, "required", f"Missing {name} time.")
    kinds = {_kind(event[name], name) for name in ("start", "end")}
    if len(kinds) > 1:
        message = "Start and end times must either both be date or both be dateTime."
        raise RefusedError(400, "invalid", message)
    event["start"], start = _moment(event["start"], "start", zone)
    event["end"], end = _moment(event["end"], "end", zone)
    if end <= start:
        raise RefusedError(400, "timeRangeEmpty", "The specified time range is empty.")
    return Span(start, end)


def _kind(when: Mapping[str, str], name: str) -> str:
    kinds = [kind for kind in ("date", "dateTime") if when.get(kind) is not None]
    if len(kinds) != 1:
        missing = "Missing" if not kinds else "Invalid"
        raise RefusedError(400, "invalid" if kinds else "required", f"{missing} {name} time.")
    return kinds[0]


def _moment(when: Mapping[str, str], name: str, zone: str) -> tuple[dict[str, str], float]:
    if when.get("date") is not None:
        return {"date": when["date"]}, day_start(when["date"], zone)
    own = when.get("timeZone")
    try:
        local = datetime.fromisoformat(when["dateTime"])
        if local.tzinfo is None:
            if own is None:
                raise RefusedError(400, "required", f"Missing time zone definition for {name} time.")
            local = local.replace(tzinfo=zone_info(own))
        zone_info(own or zone)
    except KeyError:
        message = f"Invalid time zone definition for {name} time."
        raise RefusedError(400, "invalid", message) from None
    instant = local.timestamp()
    return {"dateTime": shown(instant, zone), "timeZone": own or zone}, instant


def _check_reminders(reminders: Mapping[str, Any]) -> None:
    overrides = reminders.get("overrides", [])
    if overrides and reminders.get("useDefault"):
        reason = "cannotUseDefaultRemindersAndSpecifyOverride"
        raise RefusedError(400, reason, "Cannot specify both default reminders and overrides.")
    if len(overrides) > 5:
        raise RefusedError(400, "invalid", "At most 5 reminder overrides are allowed.")
    for override in overrides:
        if override.get("method") not in ("email", "popup") or not 0 <= override.get("minutes", -1) <= 40320:
            raise RefusedError(400, "invalid", "Invalid reminder override.")


def _check_people_and_links(event: Mapping[str, Any]) -> None:
    for attendee in event.get("attendees", []):
        if "@" not in attendee.get("email", ""):
            raise RefusedError(400, "required", "Missing attendee email.")
    if "source" in event and not event["source"].get("url", "").startswith(("http://", "https://")):
        raise RefusedError(400, "invalid", "Invalid source URL.")


def _check_type(event: Mapping[str, Any]) -> None:
    kind = event.get("eventType", "default")
    if kind != "default" and f"{kind}Properties" not in event:
        raise RefusedError(400, f"malformed{kind[0].upper()}{kind[1:]}Event", f"Missing {kind}Properties.")
    if kind == "outOfOffice":
        untimed = "date" in event["start"] or event.get("transparency", "opaque") != "opaque"
        if untimed or event.get("description") or event.get("attendees"):
            raise RefusedError(400, "malformedOutOfOfficeEvent", "Malformed out of office event.")
    if kind == "workingLocation":
        wanted = ("public", "transparent")
        if (event.get("visibility"), event.get("transparency")) != wanted:
            raise RefusedError(400, "malformedWorkingLocationEvent", "Malformed working location event.")


def _trim(event: Event) -> None:
    blocks = event["extendedProperties"]
    for scope in ("private", "shared"):
        if scope in blocks:
            # Longer keys vanish and longer values are cut, both without a word.
            blocks = {**blocks, scope: {k: v[:1024] for k, v in blocks[scope].items() if len(k) <= 44}}
    pairs = [pair for block in blocks.values() for pair in block.items()]
    if len(pairs) > 300 or sum(len(k.encode()) + len(v.encode()) for k, v in pairs) > 32 * 1024:
        raise RefusedError(400, "invalid", "The extended properties of an event exceed their limits.")
    event["extendedProperties"] = {scope: block for scope, block in blocks.items() if block}
    if not event["extendedProperties"]:
        del event["extendedProperties"]


def stamp(now: float) -> str:
    """Spell a time as `updated` and `created` do."""
    return datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
