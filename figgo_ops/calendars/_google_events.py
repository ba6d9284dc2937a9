"""What an event looks like at Google: bodies out of events, events out of bodies, ids and markers.

Pure: no input or output, no clock.
"""

import base64
import hashlib
from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import cache, lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from figgo_ops.errors import Incomplete
from figgo_ops.events import Event, Key
from figgo_ops.plan import Change, Existing, Mailbox

MARK, KEY, PRINT = "figgoOps", "figgoOpsKey", "figgoOpsPrint"
"""The private properties of an event of ours; the first one, always "1", is what listings are filtered by."""

# What the owner may have added by hand and a replacement takes along.
_CARRIED = ("description", "location", "colorId", "eventLabelId", "attachments")

# What Google alone says of an event, and what each write of ours says anew: no update has to send it back.
_GOOGLES = ("kind", "etag", "id", "htmlLink", "created", "updated", "creator", "organizer", "iCalUID")
_NOT_SENT = frozenset((*_GOOGLES, "summary", "status", "start", "end", "transparency"))
_SILENT = {"useDefault": False}

Item = Mapping[str, Any]


def event_id(key: str, mailbox: str, generation: int) -> str:
    """The id an event is created with.

    The mailbox takes part because Google derives the iCalendar uid from it, and two mailboxes that show
    one uid are one mailbox to us. Letters a-v and digits are all that Google allows (base32hex).
    """
    digest = hashlib.sha256(f"{key}|{mailbox}|{generation}".encode()).digest()
    return "fg" + base64.b32hexencode(digest[:20]).decode().lower()


@lru_cache(maxsize=4096)
def quota_user(mailbox: str) -> str:
    """Whom a call is charged to: without it Google charges every call to the service account."""
    return hashlib.sha256(mailbox.encode()).hexdigest()[:16]


def created_body(change: Change) -> dict[str, Any]:
    """What a creation sends, but for the id."""
    carried = change.carries.raw if change.carries else {}
    body = {name: carried[name] for name in _CARRIED if name in carried}
    body["reminders"] = {"useDefault": False}
    return _with_ours(body, change, carried.get("extendedProperties", {}))


def updated_body(listed: Item, change: Change) -> dict[str, Any]:
    """What an update sends: the event as listed with our fields replaced; PUT forgets what is left out."""
    rest = {name: value for name, value in listed.items() if name != "endTimeUnspecified"}
    body = _with_ours(rest, change, listed.get("extendedProperties", {}))
    if change.shown.private == _is_private(listed):
        body["visibility"] = listed.get("visibility", "default")
    return body


def _with_ours(body: dict[str, Any], change: Change, properties: Item) -> dict[str, Any]:
    event = change.shown
    return {
        **body,
        "summary": event.title,
        "status": event.state,
        "start": _moment(event.start, event.zone),
        "end": _moment(event.end, event.zone),
        "transparency": "transparent" if event.show_as == "free" else "opaque",
        "visibility": "private" if event.private else "default",
        "extendedProperties": {**properties, "private": _marked(properties.get("private", {}), change)},
    }


def _marked(private: Mapping[str, str], change: Change) -> dict[str, str]:
    """The private properties with the change's marker in place of any other."""
    theirs = {name: value for name, value in private.items() if name not in (MARK, KEY, PRINT)}
    key, mark = change.marker
    return {**theirs, MARK: "1", KEY: key, PRINT: mark} if key else theirs


def _moment(moment: date, zone: str) -> dict[str, str]:
    if not isinstance(moment, datetime):
        return {"date": moment.isoformat()}
    zone = zone or "UTC"
    # The offset tells the two 02:30 of an autumn night apart; the zone is what Google shows.
    local = moment.astimezone(ZoneInfo(zone))
    return {"dateTime": local.isoformat(timespec="seconds"), "timeZone": zone}


def is_live(item: Item) -> bool:
    """Whether it is an event, not the tombstone of one."""
    return item.get("status") != "cancelled"


def is_ours(item: Item) -> bool:
    """Whether it carries our marker; filters of listings are known to fail open."""
    return _private(item).get(MARK) == "1"


def carries(item: Item, key: Key) -> bool:
    """Whether it is marked as the event of this key."""
    return is_ours(item) and _private(item).get(KEY) == str(key)


def is_as_wanted(item: Item, change: Change) -> bool:
    """Whether this is the event that the change is to bring about."""
    marker = _private(item)
    marked = (marker.get(KEY, ""), marker.get(PRINT, "")) == change.marker
    try:
        return (
            is_live(item)
            and is_ours(item) == bool(change.marker[0])
            and marked
            and normal_form(item) == change.event
        )
    except (ValueError, TypeError, OverflowError):
        return False


def existing(mailbox: Mailbox, item: Item, zone: str = "") -> Existing:
    """An event as found.

    Args:
        zone: the calendar's own, for a time that names none.

    Raises:
        Incomplete: start or end cannot be read.
    """
    marker = _private(item)
    try:
        event = normal_form(item, zone)
    except (ValueError, TypeError, OverflowError):
        raise Incomplete(
            f"{mailbox}: the times of the event {item.get('id')} cannot be read.",
            "Look at the event in the calendar and correct or delete it there.",
        ) from None
    return Existing(
        mailbox,
        str(item["id"]),
        str(item.get("etag", "")),
        str(item.get("iCalUID", "")),
        marker.get(KEY, ""),
        marker.get(PRINT, ""),
        event,
        annotated=any(item.get(name) for name in _CARRIED),
        taken_over=any(item.get(name) for name in ("attendees", "recurrence", "recurringEventId")),
        raw=_kept(item),
    )


def _kept(item: Item) -> Item:
    """What an update has to send back: hundreds of thousands of listed events are in memory at once."""
    kept = {name: value for name, value in item.items() if name not in _NOT_SENT}
    if kept.get("reminders") == _SILENT:
        kept["reminders"] = _SILENT
    properties = kept.pop("extendedProperties", None) or {}
    own = {name: value for name, value in _private(item).items() if name not in (MARK, KEY, PRINT)}
    others = {name: value for name, value in properties.items() if name != "private"}
    if own or others:
        kept["extendedProperties"] = {**others, "private": own}
    return kept


def normal_form(item: Item, zone: str = "") -> Event:
    """The event that this item is.

    Raises:
        ValueError: start or end cannot be read.
    """
    start, named = _read_moment(item.get("start"), zone)
    end, _ = _read_moment(item.get("end"), zone)
    if isinstance(start, datetime) != isinstance(end, datetime):
        raise ValueError("start and end are of two kinds")
    return Event(
        start,
        end,
        "tentative" if item.get("status") == "tentative" else "confirmed",
        item.get("summary", ""),
        "free" if item.get("transparency") == "transparent" else "busy",
        _is_private(item),
        named,
    )


def _read_moment(value: Any, zone: str) -> tuple[date, str]:
    if not isinstance(value, Mapping):
        raise ValueError("no time")  # noqa: TRY004 - every unreadable time is one kind of error
    if value.get("date"):
        return date.fromisoformat(value["date"]), ""
    named = next((name for name in (value.get("timeZone"), zone) if name and _known(name)), "UTC")
    moment = datetime.fromisoformat(value.get("dateTime") or "")
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(named))
    return moment.astimezone(UTC), named


@cache
def _known(zone: str) -> bool:
    """Whether this machine knows the zone; Google may know newer ones."""
    try:
        ZoneInfo(zone)
    except (ValueError, KeyError, OSError):
        return False
    return True


def _is_private(item: Item) -> bool:
    return item.get("visibility") in ("private", "confidential")


def _private(item: Item) -> Mapping[str, str]:
    properties: Mapping[str, Mapping[str, str]] = item.get("extendedProperties", {})
    return properties.get("private", {})
