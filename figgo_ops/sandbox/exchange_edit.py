"""What Exchange makes of the values it is given: days widened, limits kept, zones looked up."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from figgo_ops.sandbox import exchange_times as times
from figgo_ops.sandbox.exchange_fields import Field
from figgo_ops.sandbox.exchange_soap import RefusedError
from figgo_ops.sandbox.exchange_store import Item, PropertyPath

LONGEST_SUBJECT = 255
_LONGEST = timedelta(days=5 * 366)
_WIDENING = ("start", "end", "all_day")
_ZONES = ("start_zone", "end_zone")


def put_all(item: Item, edits: list[tuple[Any, Any]], context: str | None) -> None:
    """Set the fields of a new item; its zones first, because its days begin there."""
    zones_first = sorted(edits, key=lambda edit: getattr(edit[0], "attribute", "") not in _ZONES)
    for field, value in zones_first:
        put(item, field, value, context, widen=False)


def put(
    item: Item, field: Field | PropertyPath, value: Any, context: str | None, *, widen: bool = True
) -> None:
    """Set one field of a draft; what is all-day is widened at once, whatever comes later."""
    if isinstance(field, PropertyPath):
        item.properties[field] = value
        return
    if field.attribute in _ZONES and value not in times.ZONES:
        raise RefusedError("ErrorCalendarInvalidTimeZone", "The time zone is not known here.")
    if field.attribute in ("start", "end"):
        value = times.instant(value, item.start_zone or context or "UTC")
    if field.attribute == "subject" and len(value) > LONGEST_SUBJECT:
        raise RefusedError("ErrorPropertyUpdate", f"A subject has at most {LONGEST_SUBJECT} characters.")
    setattr(item, field.attribute, value)
    if widen and field.attribute in _WIDENING:
        _widen(item)


def finished(item: Item, context: str | None) -> Item:
    """Complete a draft before it is kept; RefusedError when its times make no sense."""
    item.start_zone = item.start_zone or context or "UTC"
    if item.start_zone not in times.ZONES and item.id == "":
        raise RefusedError("ErrorCalendarInvalidTimeZone", "The time zone is not known here.")
    item.end_zone = item.end_zone or item.start_zone
    if item.end < item.start:
        raise RefusedError("ErrorCalendarEndDateIsEarlierThanStartDate", "The end is before the start.")
    _widen(item)
    if item.all_day and item.end == item.start:
        item.end = times.ceiling(item.start + timedelta(seconds=1), item.start_zone)
    if item.end - item.start > _LONGEST:
        raise RefusedError("ErrorCalendarDurationIsTooLong", "A calendar item lasts at most five years.")
    return item


def _widen(item: Item) -> None:
    if item.all_day:
        zone = item.start_zone or "UTC"
        item.start, item.end = times.floor(item.start, zone), times.ceiling(item.end, zone)
