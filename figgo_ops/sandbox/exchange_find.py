"""FindItem and GetItem: what is in a folder, in pages, and items by their ids."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from lxml import etree

from figgo_ops.sandbox import exchange_times as times
from figgo_ops.sandbox.exchange_call import KEEPS_ITEMS, Call, found, item_id
from figgo_ops.sandbox.exchange_fields import BY_URI
from figgo_ops.sandbox.exchange_restrict import read_restriction
from figgo_ops.sandbox.exchange_shape import Shape, occurrence, read_field_path, read_shape
from figgo_ops.sandbox.exchange_soap import (
    Element,
    Message,
    RefusedError,
    add,
    child,
    choice,
    m,
    new,
    only,
    schema_fault,
    t,
    whole,
)
from figgo_ops.sandbox.exchange_store import CALENDAR, Item, master_of, occurrence_id

_PARTS = (
    *("ItemShape", "IndexedPageItemView", "FractionalPageItemView", "SeekToConditionPageItemView"),
    *("CalendarView", "ContactsView", "GroupBy", "DistinguishedGroupBy", "Restriction", "SortOrder"),
    *("ParentFolderIds", "QueryString"),
)
_NOT_PLAYED = tuple(m(name) for name in (*_PARTS[2:4], *_PARTS[5:8], "QueryString"))
_MOST_WITHOUT_RESTRICTION = 4  # times the cap with one: 1000 to 250
_LONGEST_VIEW = timedelta(days=2 * 366)
_REMEMBERED = 64


class Finder:
    """Answers FindItem and GetItem; remembers what a restriction selected until its mailbox changes."""

    def __init__(self) -> None:
        self._selected: OrderedDict[tuple[Any, ...], list[Item]] = OrderedDict()

    def find_item(self, call: Call) -> list[Message]:
        """Carry out FindItem: one message for each folder asked."""
        asked = call.operation
        only(asked, *(m(name) for name in _PARTS))
        if choice(asked, "Traversal", ("Shallow", "SoftDeleted", "Associated")) != "Shallow":
            raise RefusedError("ErrorInvalidOperation", "Only shallow traversals are played here.")
        for tag in _NOT_PLAYED:
            if asked.find(tag) is not None:
                raise RefusedError("ErrorInvalidOperation", f"{tag} is not played here.")
        folders = child(asked, m("ParentFolderIds"))
        if not len(folders):
            raise schema_fault("ParentFolderIds is empty")
        return call.each(folders, lambda folder: self._page(call, folder))

    def get_item(self, call: Call) -> list[Message]:
        """Carry out GetItem."""
        only(call.operation, m("ItemShape"), m("ItemIds"))
        shape = _shape(call, finding=False)
        ids = child(call.operation, m("ItemIds"))

        def give(element: Element) -> Message:
            item = _by_id(call, *item_id(element))
            items = new(m("Items"))
            items.append(shape.element(call.mailbox, item))
            return Message([items])

        return call.each(ids, give, lambda: new(m("Items")))

    def _page(self, call: Call, folder: Element) -> Message:
        name = call.folder(folder)
        shape = _shape(call, finding=True)
        view = call.operation.find(m("CalendarView"))
        if view is not None:
            return _view(call, name, view, shape)
        rows = self._rows(call, name)
        page = call.operation.find(m("IndexedPageItemView"))
        capped = call.switches["page_cap"]
        if call.operation.find(m("Restriction")) is None:
            capped *= _MOST_WITHOUT_RESTRICTION
        if page is None:
            return _root(
                call, rows[:capped], shape, {"TotalItemsInView": len(rows)}, last=len(rows) <= capped
            )
        first, after = _bounds(page, len(rows), capped)
        counts = {"IndexedPagingOffset": after, "TotalItemsInView": len(rows)}
        backward = page.get("BasePoint") == "End"
        last = first == 0 if backward else after >= len(rows)
        if backward:
            counts["IndexedPagingOffset"] = len(rows) - first
        return _root(call, rows[first:after], shape, counts, last=last)

    def _rows(self, call: Call, folder: str) -> list[Item]:
        restriction, order = (call.operation.find(m(name)) for name in ("Restriction", "SortOrder"))
        spelt = tuple(b"" if part is None else etree.tostring(part) for part in (restriction, order))
        mailbox, switches = call.mailbox, call.switches
        fixed = (switches["restrictions"], switches["order"])
        key = (id(mailbox), mailbox.version, folder, spelt, fixed)
        if key not in self._selected:
            self._selected[key] = self._select(call, folder, restriction, order)
            while len(self._selected) > _REMEMBERED:
                self._selected.popitem(last=False)
        return self._selected[key]

    def _select(self, call: Call, folder: str, restriction: Element, order: Element) -> list[Item]:
        rows = list(call.mailbox.folder(folder).values()) if folder in KEEPS_ITEMS else []
        if call.switches["order"] == "shuffled":
            rows.sort(key=lambda item: sha256(item.id.encode()).digest())
        if restriction is not None:
            test = read_restriction(restriction, ranges=call.switches["restrictions"] == "all")
            rows = [item for item in rows if test(item)]
        if order is not None:
            for key, descending in reversed(_sorting(order)):
                rows.sort(key=key, reverse=descending)
        return rows


def _shape(call: Call, *, finding: bool) -> Shape:
    return read_shape(
        child(call.operation, m("ItemShape")),
        call.mailbox,
        finding=finding,
        sparse=call.switches["sparse"],
        style=call.switches["times"],
    )


def _sorting(order: Element) -> list[tuple[Callable[[Item], Any], bool]]:
    found_keys: list[tuple[Callable[[Item], Any], bool]] = []
    for part in order:
        if part.tag != t("FieldOrder") or len(part) != 1:
            raise schema_fault("SortOrder holds fields and their directions")
        path = read_field_path(part[0])
        field = BY_URI.get(path) if isinstance(path, str) else None
        if field is None or not field.sought:
            raise RefusedError("ErrorUnsupportedPathForSortGroup", "Items cannot be sorted by that field.")
        found_keys.append(
            (_key(field.attribute), choice(part, "Order", ("Ascending", "Descending")) != "Ascending")
        )
    return found_keys


def _key(attribute: str) -> Callable[[Item], Any]:
    return lambda item: (getattr(item, attribute) is not None, getattr(item, attribute))


def _bounds(page: Element, total: int, cap: int) -> tuple[int, int]:
    """The first row of an indexed page and the one after its last."""
    offset, most = whole(page, "Offset"), whole(page, "MaxEntriesReturned")
    if offset is None:
        raise schema_fault("IndexedPageItemView lacks Offset")
    if offset < 0:
        raise RefusedError("ErrorInvalidIndexedPagingParameters", "The offset is negative.")
    if most is not None and most < 1:
        raise RefusedError("ErrorInvalidPagingMaxRows", "A page of no rows was asked for.")
    size = min(cap, most or cap)
    if choice(page, "BasePoint", ("Beginning", "End")) == "End":
        after = max(0, total - offset)
        return max(0, after - size), after
    first = min(offset, total)
    return first, min(total, first + size)


def _root(call: Call, rows: list[Item], shape: Shape, counts: dict[str, int], *, last: bool) -> Message:
    texts = {name: str(number) for name, number in counts.items()}
    root = new(m("RootFolder"), **texts, IncludesLastItemInRange="true" if last else "false")
    items = add(root, t("Items"))
    for item in rows:
        items.append(shape.element(call.mailbox, item))
    return Message([root])


def _view(call: Call, folder: str, view: Element, shape: Shape) -> Message:
    if folder != CALENDAR:
        raise RefusedError("ErrorCalendarFolderIsInvalidForCalendarView", "This folder is no calendar.")
    if any(call.operation.find(m(name)) is not None for name in ("Restriction", "SortOrder")):
        raise RefusedError(
            "ErrorInvalidOperation", "A calendar view takes neither restriction nor sort order."
        )
    low, high = (_moment(view, name, call) for name in ("StartDate", "EndDate"))
    if high < low:
        raise RefusedError("ErrorCalendarEndDateIsEarlierThanStartDate", "The view ends before it begins.")
    if high - low > _LONGEST_VIEW:
        raise RefusedError("ErrorCalendarViewRangeTooBig", "A calendar view covers at most two years.")
    most = whole(view, "MaxEntriesReturned")
    if most is not None and most < 1:
        raise RefusedError("ErrorInvalidPagingMaxRows", "A view of no rows was asked for.")
    rows = [
        one
        for item in call.mailbox.folder(CALENDAR).values()
        for one in unrolled(item)
        if one.start < high and (one.end > low or one.start == one.end >= low)
    ]
    rows.sort(key=lambda item: (item.start, item.number))
    here = rows if most is None else rows[:most]
    return _root(call, here, shape, {"TotalItemsInView": len(rows)}, last=len(here) == len(rows))


def _moment(view: Element, name: str, call: Call) -> datetime:
    try:
        moment = times.read_date_time(view.get(name, ""))
    except ValueError as problem:
        raise schema_fault(f"{name}: {problem}") from None
    return times.instant(moment, call.envelope.zone or "UTC")


def unrolled(item: Item) -> list[Item]:
    """The occurrences of a series; any other item is its own only one."""
    if item.recurrence is None:
        return [item]
    zone = times.zone_or_utc(item.start_zone)
    begun, long = item.start.astimezone(zone), item.end.astimezone(zone).replace(tzinfo=None)
    long_by = long - begun.replace(tzinfo=None)
    rows = []
    for index, day in enumerate(item.recurrence.dates()):
        first = datetime.combine(day, begun.time())
        start, end = (times.instant(moment, item.start_zone) for moment in (first, first + long_by))
        rows.append(
            occurrence(item, id=occurrence_id(item, index), start=start, end=end, original_start=start)
        )
    return rows


def _by_id(call: Call, identity: str, change_key: str | None) -> Item:
    series = master_of(identity)
    item = found(call, series[0] if series else identity)
    if call.switches["change_keys"] == "everywhere" and change_key not in (None, item.change_key):
        raise RefusedError("ErrorStaleObject", "The change key is not the item's present one.")
    if series is None:
        return item
    rows = unrolled(item)
    if item.recurrence is None or series[1] >= len(rows):
        raise RefusedError("ErrorItemNotFound", "The specified object was not found in the store.")
    return rows[series[1]]
