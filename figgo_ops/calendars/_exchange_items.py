"""What an event looks like in Exchange: items out of events, events out of items, markers.

Pure: no input or output, no clock. The library's own items are not used: they read an all-day event that ends
on the day clocks go forward one day short, and an update of them writes fields in an order of their own.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from exchangelib.winzone import IANA_TO_MS_TIMEZONE_MAP, MS_TIMEZONE_TO_IANA_MAP

from figgo_ops.calendars._exchange_xml import (
    Element,
    child,
    children,
    element,
    inside,
    is_true,
    name_of,
    text_of,
)
from figgo_ops.calendars._outlook import KEY, PRINT, PROPERTY_SET, shown_by, status_of
from figgo_ops.errors import Incomplete
from figgo_ops.events import Event, Fingerprint
from figgo_ops.plan import Change, Existing, Mailbox

LISTED = (
    *("item:Subject", "item:Sensitivity", "item:HasAttachments"),
    *("item:DisplayCc", "item:DisplayTo"),
    *("calendar:UID", "calendar:Start", "calendar:End", "calendar:IsAllDayEvent"),
    *("calendar:LegacyFreeBusyStatus", "calendar:IsMeeting", "calendar:CalendarItemType"),
    *("calendar:StartTimeZone", "calendar:EndTimeZone"),
)
"""What is asked of a listed item besides its id and our two properties; a listing never has the note."""

CARRIED = ("item:Body", "item:Categories", "calendar:Location")
"""What its owner may have added by hand and a replacement takes along."""

_CARRIED_NAMES = tuple(name.partition(":")[2] for name in CARRIED)
_GUESS = timedelta(hours=12)


class NoZoneError(Exception):
    """Windows has no name for this zone."""


def created(change: Change, carried: Element | None) -> Element:
    """The item that a creation sends; the schema fixes the order of its elements.

    Args:
        carried: the item whose note, categories and place go along.

    Raises:
        NoZoneError: Windows has no name for the event's zone.
    """
    event = change.shown
    start, end, zone = moments(event)
    return element(
        "t:CalendarItem",
        element("t:Subject", text=event.title),
        element("t:Sensitivity", text=_sensitivity(event)),
        *_carried(carried, "Body", "Categories"),
        element("t:ReminderIsSet", text="false"),
        *_properties(change.marker),
        element("t:Start", text=start),
        element("t:End", text=end),
        element("t:IsAllDayEvent", text=_bool(event.all_day)),
        element("t:LegacyFreeBusyStatus", text=status_of(event)),
        *_carried(carried, "Location"),
        element("t:StartTimeZone", Id=zone),
        element("t:EndTimeZone", Id=zone),
    )


def updates(change: Change) -> list[Element]:
    """What an update sets or deletes: what differs from the listed event, and our marker.

    Exchange applies them in this order. The zones come first because days are widened in them, and the flag
    comes last because days are widened while it is set: an event of days never becomes one of hours this way.

    Raises:
        NoZoneError: Windows has no name for the event's zone.
    """
    event, before = change.shown, change.before
    found: list[Element] = []
    if before is None or _when(event) != _when(before):
        start, end, zone = moments(event)
        found += [
            _set("calendar:StartTimeZone", element("t:StartTimeZone", Id=zone)),
            _set("calendar:EndTimeZone", element("t:EndTimeZone", Id=zone)),
            _set("calendar:Start", element("t:Start", text=start)),
            _set("calendar:End", element("t:End", text=end)),
            _set("calendar:IsAllDayEvent", element("t:IsAllDayEvent", text=_bool(event.all_day))),
        ]
    if before is None or event.title != before.title:
        found.append(_set("item:Subject", element("t:Subject", text=event.title)))
    if before is None or event.private != before.private:
        found.append(_set("item:Sensitivity", element("t:Sensitivity", text=_sensitivity(event))))
    if before is None or status_of(event) != status_of(before):
        status = element("t:LegacyFreeBusyStatus", text=status_of(event))
        found.append(_set("calendar:LegacyFreeBusyStatus", status))
    return found + _marking(change.marker)


def _when(event: Event) -> tuple[date, date, bool, str]:
    return event.start, event.end, event.all_day, event.zone


def _sensitivity(event: Event) -> str:
    return "Private" if event.private else "Normal"


def _bool(value: bool) -> str:
    return "true" if value else "false"


def _carried(item: Element | None, *names: str) -> Iterator[Element]:
    for name in names:
        found = child(item, name)
        if found is not None and name in _CARRIED_NAMES and (len(found) or found.text):
            yield found


def property_uri(name: str) -> Element:
    """How one of our named properties is addressed."""
    return element("t:ExtendedFieldURI", PropertySetId=PROPERTY_SET, PropertyName=name, PropertyType="String")


def _property(name: str, value: str) -> Element:
    return element("t:ExtendedProperty", property_uri(name), element("t:Value", text=value))


def _properties(marker: tuple[str, str]) -> list[Element]:
    return [_property(name, value) for name, value in zip((KEY, PRINT), marker, strict=True) if value]


def _marking(marker: tuple[str, str]) -> list[Element]:
    found = []
    for name, value in zip((KEY, PRINT), marker, strict=True):
        if value:
            item = element("t:CalendarItem", _property(name, value))
            found.append(element("t:SetItemField", property_uri(name), item))
        else:
            found.append(element("t:DeleteItemField", property_uri(name)))
    return found


def _set(uri: str, value: Element) -> Element:
    return element("t:SetItemField", element("t:FieldURI", FieldURI=uri), element("t:CalendarItem", value))


def moments(event: Event) -> tuple[str, str, str]:
    """Start and end as Exchange wants them, with their offset, and Windows' name of the zone.

    Raises:
        NoZoneError: there is none.
    """
    zone = event.zone or "UTC"
    name = windows_zone(zone)
    return _spelt(event.start, zone), _spelt(event.end, zone), name


def windows_zone(zone: str) -> str:
    """Windows' name of an IANA zone; several share one, so the way back is the marker's.

    Raises:
        NoZoneError: there is none.
    """
    try:
        return IANA_TO_MS_TIMEZONE_MAP[zone][0]  # type: ignore[no-any-return]
    except KeyError:
        raise NoZoneError(zone) from None


def _spelt(moment: date, zone: str) -> str:
    local = moment.astimezone(ZoneInfo(zone)) if isinstance(moment, datetime) else _midnight(moment, zone)
    return local.isoformat(timespec="seconds")


@lru_cache(maxsize=8192)
def _midnight(day: date, zone: str) -> datetime:
    """The first moment of a day; where clocks skip midnight the offset before the skip still names it."""
    return datetime.combine(day, time(), ZoneInfo(zone))


def existing(mailbox: Mailbox, item: Element) -> Existing:
    """An event as found.

    Raises:
        Incomplete: start or end cannot be read.
    """
    key, mark = marker_of(item)
    own, change_key = ids_of(item)
    try:
        event = normal_form(item, mark)
    except (ValueError, OverflowError):
        raise Incomplete(
            f"{mailbox}: the times of an event with the key {key or '(none)'} cannot be read.",
            "Look at the event in the calendar and correct or delete it there.",
        ) from None
    uid = text_of(item, "UID") or own
    return Existing(mailbox, own, change_key, uid, key, mark, event, taken_over(item), raw=_kept(item))


def _kept(item: Element) -> Mapping[str, Any]:
    return {"attachments": is_true(text_of(item, "HasAttachments"))}


def has_attachments(listed: Existing | None) -> bool:
    """Whether the event as listed has any."""
    return listed is not None and bool(listed.raw.get("attachments"))


def ids_of(item: Element | None) -> tuple[str, str]:
    """The item's id and change key; "" twice where the answer does not say."""
    found = child(item, "ItemId")
    return ("", "") if found is None else (found.get("Id", ""), found.get("ChangeKey", ""))


def marker_of(item: Element) -> tuple[str, str]:
    """Key and fingerprint as read, "" where there is none."""
    found = {"": "", KEY: "", PRINT: ""}
    for one in children(item):
        if name_of(one) == "ExtendedProperty":
            uri = child(one, "ExtendedFieldURI")
            if uri is not None and uri.get("PropertySetId", "").casefold() == PROPERTY_SET:
                found[uri.get("PropertyName", "")] = text_of(one, "Value")
    return found[KEY], found[PRINT]


def is_as_wanted(item: Element, change: Change) -> bool:
    """Whether this is the event that the change is to bring about."""
    try:
        return marker_of(item) == change.marker and normal_form(item, change.marker[1]) == change.event
    except (ValueError, OverflowError):
        return False


def taken_over(item: Element) -> bool:
    """Whether it has attendees or recurs; a listing names attendees only as whom it is displayed to."""
    invited = is_true(text_of(item, "IsMeeting")) or text_of(item, "DisplayTo") or text_of(item, "DisplayCc")
    return bool(invited) or text_of(item, "CalendarItemType") not in ("", "Single")


def normal_form(item: Element, mark: str) -> Event:
    """The event that this item is.

    Args:
        mark: its fingerprint; the zone in it is what days were written in.

    Raises:
        ValueError: start or end cannot be read.
    """
    zones = [zone for zone in _zones(item, mark) if known(zone)] or ["UTC"]
    start, end = _read(text_of(item, "Start")), _read(text_of(item, "End"))
    state, show_as = shown_by(text_of(item, "LegacyFreeBusyStatus"))
    private = text_of(item, "Sensitivity") in ("Private", "Confidential")
    look = state, text_of(item, "Subject"), show_as, private
    if not is_true(text_of(item, "IsAllDayEvent")):
        return Event(start, end, *look, zones[0])
    first, after = _days(start, end, zones)
    return Event(first, max(after, first + timedelta(days=1)), *look, zones[0])


def _zones(item: Element, mark: str) -> Iterator[str]:
    """IANA names of the zone the event is in, likeliest first."""
    ours = Fingerprint.parse(mark)
    if ours and ours.zone:
        yield ours.zone
    for name in ("StartTimeZone", "EndTimeZone"):
        found = child(item, name)
        if found is not None:
            yield MS_TIMEZONE_TO_IANA_MAP.get(found.get("Id", ""), "")


@cache
def known(zone: str) -> bool:
    """Whether this machine and Windows know the zone; a user's own ones have names that nobody knows."""
    try:
        ZoneInfo(zone)
    except (ValueError, KeyError, OSError):
        return False
    return zone in IANA_TO_MS_TIMEZONE_MAP


def _read(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)


def _days(start: datetime, end: datetime, zones: list[str]) -> tuple[date, date]:
    """First day and the day after the last one: in the zone where both bounds begin a day, else nearest."""
    for zone in zones:
        first, after = start.astimezone(ZoneInfo(zone)).date(), end.astimezone(ZoneInfo(zone)).date()
        if _midnight(first, zone) == start and _midnight(after, zone) == end:
            return first, after
    local = ZoneInfo(zones[0])
    return (start.astimezone(local) + _GUESS).date(), (end.astimezone(local) + _GUESS).date()


def zone_setting(answer: Element) -> str:
    """IANA name of the zone that its owner chose for a mailbox on the web; "" where none is known."""
    for entry in inside(answer, "DictionaryEntry"):
        words = [(one.text or "").strip() for one in inside(entry, "Value")]
        if len(words) == 2 and words[0].casefold() == "timezone":
            return str(MS_TIMEZONE_TO_IANA_MAP.get(words[1], ""))
    return ""
