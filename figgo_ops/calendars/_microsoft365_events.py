"""What an event looks like in Microsoft Graph: JSON out of events, events out of JSON, markers.

Pure: no input or output, no clock.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from html import unescape
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from tzlocal.windows_tz import tz_win, win_tz

from figgo_ops.calendars._outlook import KEY, PRINT, PROPERTY_SET, has_pictures, shown_by, status_of
from figgo_ops.errors import Incomplete
from figgo_ops.events import Event, Fingerprint
from figgo_ops.plan import Change, Existing, Mailbox

Item = Mapping[str, Any]

PROPERTIES = {name: f"String {{{PROPERTY_SET}}} Name {name}" for name in (KEY, PRINT)}
"""Our two hidden properties as Graph names them; the same that Exchange's own services show."""

_NAMES = {identity.casefold(): name for name, identity in PROPERTIES.items()}
_SELECT = (
    "id,subject,start,end,isAllDay,showAs,sensitivity,type,attendees,hasAttachments,iCalUId,"
    "originalStartTimeZone"
)
_EXPAND = (
    "singleValueExtendedProperties($filter="
    + " or ".join(f"id eq '{identity}'" for identity in PROPERTIES.values())
    + ")"
)
CARRIED = ("body", "categories", "location")
"""What its owner may have added by hand and a replacement takes along."""

PAGE = 250
"""Events per page; Graph allows 1,000, and an answer holds up to 20 pages."""


_TAG = re.compile(r"<[^>]*>")
_UNREADABLE = AttributeError, KeyError, TypeError, ValueError, OverflowError


class NoZoneError(Exception):
    """Windows has no name for this zone."""


def ours(key: str = "") -> str:
    """The condition for our events, or for those with this key; the property's name alone is not enough."""
    value = f"eq {_quoted(key)}" if key else "ne null"
    return f"singleValueExtendedProperties/Any(ep: ep/id eq '{PROPERTIES[KEY]}' and ep/value {value})"


def between(first: date, last: date) -> str:
    """The condition for events that may touch these days.

    Graph compares instants, and a day begins up to 14 hours before and 12 after it does in UTC.
    """
    after, before = last + timedelta(days=2), first - timedelta(days=1)
    return f"start/dateTime lt '{after}T00:00:00Z' and end/dateTime ge '{before}T00:00:00Z'"


def listing(mailbox: Mailbox, condition: str, *, added: bool) -> str:
    """Where the first page of all events is that fulfil a condition.

    Args:
        added: with what their owner added; of events that are not ours that is nobody's business.
    """
    fields = {**_FIELDS, "$select": ",".join((_SELECT, *CARRIED))} if added else _FIELDS
    return f"{events(mailbox)}?{_query({'$filter': condition, '$top': str(PAGE), **fields})}"


def single(mailbox: Mailbox, own: str, *, carried: bool = False) -> str:
    """Where one event is, with what we compare or, instead, with what its owner added."""
    fields = {"$select": ",".join((*CARRIED, "hasAttachments"))} if carried else _FIELDS
    return f"{one(mailbox, own)}?{_query(fields)}"


def one(mailbox: Mailbox, own: str) -> str:
    """Where one event is changed or deleted."""
    return f"{events(mailbox)}/{quote(own, safe='')}"


def purged(mailbox: Mailbox, own: str) -> str:
    """Where one event is removed past the bin; the global cloud alone has this."""
    return f"{one(mailbox, own)}/permanentDelete"


@lru_cache(maxsize=4096)
def events(mailbox: Mailbox) -> str:
    """Where the events of a mailbox's own calendar are."""
    return f"{_user(mailbox)}/events"


def setting(mailbox: Mailbox) -> str:
    """Where the zone is that the owner of a mailbox chose."""
    return f"{_user(mailbox)}/mailboxSettings/timeZone"


def _user(mailbox: Mailbox) -> str:
    return f"/users/{quote(mailbox.address, safe='@')}"


_FIELDS = {"$select": _SELECT, "$expand": _EXPAND}


def _query(options: Mapping[str, str]) -> str:
    return "&".join(f"{name}={quote(value, safe='')}" for name, value in options.items())


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def created(change: Change, attempt: str, carried: Item | None) -> dict[str, Any]:
    """The event that a creation sends.

    Args:
        attempt: names this creation; Graph makes one event of all that carry it.
        carried: the event whose note, categories and place go along.

    Raises:
        NoZoneError: Windows has no name for the event's zone.
    """
    event = change.shown
    return {
        "subject": event.title,
        **times(event),
        "showAs": _shown(event),
        "sensitivity": _sensitivity(event),
        "isReminderOn": False,
        "responseRequested": False,
        "transactionId": attempt,
        "singleValueExtendedProperties": _properties(change.marker),
        **(_added(carried) if carried else {}),
    }


def _added(item: Item) -> dict[str, Any]:
    """What its owner added to an event, as Graph takes it; of a place its name."""
    body, place = item.get("body") or {}, (item.get("location") or {}).get("displayName")
    return {
        **({"body": body} if body.get("content") else {}),
        **({"categories": item["categories"]} if item.get("categories") else {}),
        **({"location": {"displayName": place}} if place else {}),
    }


def updated(change: Change) -> dict[str, Any]:
    """What an update sends: what differs from the listed event, and our marker.

    Raises:
        NoZoneError: Windows has no name for the event's zone.
    """
    event, before = change.shown, change.before
    found: dict[str, Any] = {}
    if before is None or _when(event) != _when(before):
        found |= times(event)
    if before is None or event.title != before.title:
        found["subject"] = event.title
    if before is None or event.private != before.private:
        found["sensitivity"] = _sensitivity(event)
    if before is None or _shown(event) != _shown(before):
        found["showAs"] = _shown(event)
    return {**found, "singleValueExtendedProperties": _properties(change.marker)}


def times(event: Event, *, utc: bool = False) -> dict[str, Any]:
    """Start and end as Graph wants them: local time with Windows' name of the zone.

    Args:
        utc: spell moments in UTC, which needs no zone's rules.

    Raises:
        NoZoneError: Windows has no name for the event's zone.
    """
    zone = event.zone or "UTC"
    moments = [moment for moment in (event.start, event.end) if isinstance(moment, datetime)]
    plain = utc or any(_twice(moment, zone) for moment in moments)
    start, end = (_spelt(moment, "UTC" if plain and moments else zone) for moment in (event.start, event.end))
    return {"isAllDay": event.all_day, "start": start, "end": end}


def _spelt(moment: date, zone: str) -> dict[str, str]:
    if isinstance(moment, datetime):
        local = moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        text = local.isoformat(timespec="seconds")
    else:
        text = f"{moment.isoformat()}T00:00:00"
    return {"dateTime": text, "timeZone": windows_zone(zone)}


def _twice(moment: datetime, zone: str) -> bool:
    """Whether its local time comes again when clocks go back: Graph would take the first one."""
    local = moment.astimezone(ZoneInfo(zone))
    return local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()


def windows_zone(zone: str) -> str:
    """Windows' name of an IANA zone, of which Graph itself knows only some.

    Raises:
        NoZoneError: there is none.
    """
    try:
        return tz_win[zone]
    except KeyError:
        raise NoZoneError(zone) from None


def zone_of(name: str) -> str:
    """IANA name of a zone that Windows or IANA named; "" where none is known."""
    zone = win_tz.get(name, name)
    return zone if zone in tz_win else ""


def _when(event: Event) -> tuple[date, date, bool, str]:
    return event.start, event.end, event.all_day, event.zone


def _shown(event: Event) -> str:
    word = status_of(event)
    return word.lower() if word.isupper() else word[0].lower() + word[1:]


def _sensitivity(event: Event) -> str:
    return "private" if event.private else "normal"


def _properties(marker: tuple[str, str]) -> list[dict[str, str]]:
    # A property cannot be deleted through Graph; an empty one is no marker.
    return [
        {"id": PROPERTIES[name], "value": value} for name, value in zip((KEY, PRINT), marker, strict=True)
    ]


def existing(mailbox: Mailbox, item: Item) -> Existing:
    """An event as found.

    Raises:
        Incomplete: start or end cannot be read.
    """
    key, mark = marker_of(item)
    own, etag = ids_of(item)
    try:
        event = normal_form(item, mark)
    except _UNREADABLE:
        raise Incomplete(
            f"{mailbox}: the times of an event with the key {key or '(none)'} cannot be read.",
            "Look at the event in the calendar and correct or delete it there.",
        ) from None
    taken = bool(item.get("attendees")) or str(item.get("type") or "singleInstance") != "singleInstance"
    kept = {"attachments": bool(item.get("hasAttachments"))}
    uid, added = str(item.get("iCalUId") or own), _annotated(item)
    return Existing(mailbox, own, etag, uid, key, mark, event, taken_over=taken, raw=kept, annotated=added)


def _annotated(item: Item) -> bool | None:
    """Whether its owner added anything; a picture counts, of which the preview of a note shows nothing."""
    if "body" not in item:
        return None
    note, place = str((item.get("body") or {}).get("content") or ""), item.get("location") or {}
    written = unescape(_TAG.sub("", note)).strip() or "<img" in note.casefold()
    return bool(written or item.get("categories") or place.get("displayName") or item.get("hasAttachments"))


def ids_of(item: Item) -> tuple[str, str]:
    """The event's id and etag; "" where the answer does not say."""
    return str(item.get("id") or ""), str(item.get("@odata.etag") or "")


def marker_of(item: Item) -> tuple[str, str]:
    """Key and fingerprint as read, "" where there is none."""
    found = {KEY: "", PRINT: ""}
    for entry in item.get("singleValueExtendedProperties") or ():
        name = _NAMES.get(str(entry.get("id", "")).casefold()) if isinstance(entry, dict) else None
        if name:
            found[name] = str(entry.get("value") or "")
    return found[KEY], found[PRINT]


def is_as_wanted(item: Item, change: Change) -> bool:
    """Whether this is the event that the change is to bring about."""
    return marker_of(item) == change.marker and looks_as_wanted(item, change)


def looks_as_wanted(item: Item, change: Change) -> bool:
    """The same without the marker, which Graph does not show unless it is asked for."""
    try:
        return normal_form(item, change.marker[1]) == change.event
    except _UNREADABLE:
        return False


def normal_form(item: Item, mark: str) -> Event:
    """The event that this item is.

    Args:
        mark: its fingerprint; the zone in it is what it was written in.

    Raises:
        AttributeError, KeyError, TypeError, ValueError, OverflowError: start or end cannot be read.
    """
    zone = next(_zones(item, mark))
    state, show_as = shown_by(str(item.get("showAs") or ""))
    private = item.get("sensitivity") in ("private", "confidential")
    look = state, str(item.get("subject") or ""), show_as, private
    if not item.get("isAllDay"):
        return Event(_moment(item["start"]), _moment(item["end"]), *look, zone)
    # Graph does not convert days: the date is right, whatever zone it is labelled with.
    first, after = (_day(item[name]) for name in ("start", "end"))
    return Event(first, max(after, first + timedelta(days=1)), *look, zone)


def _zones(item: Item, mark: str) -> Iterator[str]:
    """IANA names of the zone the event is in, likeliest first."""
    own = Fingerprint.parse(mark)
    told = str(item.get("originalStartTimeZone") or "")
    yield from filter(None, (zone_of(own.zone) if own else "", zone_of(told), "UTC"))


def _day(told: Mapping[str, str]) -> date:
    """The day that begins nearest: some programs of the owner's leave days that begin an hour off."""
    return (datetime.fromisoformat(str(told["dateTime"])[:19]) + timedelta(hours=12)).date()


def _moment(told: Mapping[str, str]) -> datetime:
    # Seven digits of a second are one more than Python keeps.
    text, _, fraction = str(told["dateTime"]).partition(".")
    local = datetime.fromisoformat(f"{text}.{fraction[:6]:0<6}")
    zone = told.get("timeZone") or "UTC"
    return local.replace(tzinfo=ZoneInfo(win_tz.get(zone, zone))).astimezone(UTC)


def is_attached(item: Item) -> bool:
    """Whether a file or a picture goes with what its owner added; of pictures in a note Graph says no."""
    return bool(item.get("hasAttachments")) or has_pictures(str((item.get("body") or {}).get("content")))


def has_attachments(listed: Existing | None) -> bool:
    """Whether the event as listed has any."""
    return listed is not None and bool(listed.raw.get("attachments"))
