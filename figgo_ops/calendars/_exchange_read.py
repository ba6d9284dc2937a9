"""Reading Exchange: every marked event of a mailbox, or everything that a mailbox shows in some days."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, time, timedelta

from figgo_ops.calendars import _exchange_requests as requests
from figgo_ops.calendars._exchange_errors import Denied
from figgo_ops.calendars._exchange_items import LISTED, existing
from figgo_ops.calendars._exchange_wire import Wire
from figgo_ops.calendars._exchange_xml import Element, child, children, is_true, name_of
from figgo_ops.calendars._told import cut
from figgo_ops.leaves import Span
from figgo_ops.plan import Existing, Mailbox

READS = 3
"""How often a listing is begun anew when the calendar changes while its pages are turned."""

VIEW = timedelta(days=700)
"""Exchange shows at most two years of a calendar at once."""

_TOO_MANY = frozenset({"ErrorExceededFindCountLimit", "ErrorCalendarViewRangeTooBig"})


def marked(wire: Wire, mailbox: Mailbox) -> list[Existing]:
    """All items of the calendar that have our key property, whatever their date.

    Raises:
        Incomplete: the pages do not add up.
        Denied, Lost, CredentialRefused, UsageError: as the wire does.
    """

    def ask(address: str, offset: int) -> Element:
        return requests.find_marked(address, offset, LISTED)

    items, totals = pages(wire, mailbox, ask)
    for _ in range(READS - 1):
        # An event that goes while pages are turned hides another one, and the sum is right all the same.
        if totals != {len(items)}:
            items, totals = pages(wire, mailbox, ask)
    if totals != {len(items)}:
        announced = " or ".join(map(str, sorted(totals)))
        raise cut(mailbox, f"{announced} events were announced and {len(items)} came")
    # Microsoft Graph takes a marker off by emptying it: the property is still there.
    return [one for one in (existing(mailbox, item) for item in items.values()) if one.key_text]


def pages(
    wire: Wire, mailbox: Mailbox, ask: Callable[[str, int], Element]
) -> tuple[dict[str, Element], set[int]]:
    """Every item found by its id, and how many there are, as each page says.

    Args:
        ask: makes the question, from the address and the offset of a page.

    Raises:
        Incomplete, Denied, Lost, CredentialRefused, UsageError: as `marked` does.
    """
    items: dict[str, Element] = {}
    totals: set[int] = set()
    offset = 0
    while True:
        at = offset
        answer = wire.one("FindItem", mailbox, lambda address: ask(address, at))  # noqa: B023
        root = _root(mailbox, answer)
        items |= _items(mailbox, root)
        totals.add(_number(mailbox, root, "TotalItemsInView"))
        if is_true(root.get("IncludesLastItemInRange", "")):
            return items, totals
        offset = _number(mailbox, root, "IndexedPagingOffset")
        if not at < offset <= max(totals):
            raise cut(mailbox, "the pages go round in circles")


def shown(wire: Wire, mailbox: Mailbox, window: Span) -> list[Existing]:
    """Everything that the calendar shows in these days, each occurrence of a series on its own.

    Raises:
        Incomplete, Denied, Lost, CredentialRefused, UsageError: as `marked` does.
    """
    # A day begins up to 14 hours before and 12 after it does in UTC; the exact days are the caller's.
    start = datetime.combine(window.first - timedelta(days=1), time(), UTC)
    end = datetime.combine(window.last + timedelta(days=2), time(), UTC)
    found: dict[str, Element] = {}
    while start < end:
        stop = min(start + VIEW, end)
        found |= _between(wire, mailbox, start, stop)
        start = stop
    return [existing(mailbox, item) for item in found.values()]


def _between(wire: Wire, mailbox: Mailbox, start: datetime, end: datetime) -> dict[str, Element]:
    """By halves where Exchange does not give everything at once."""
    try:
        answer = wire.one(
            "FindItem", mailbox, lambda address: requests.find_between(address, start, end, LISTED)
        )
    except Denied as denied:
        if denied.refusal.code not in _TOO_MANY:
            raise
    else:
        root = _root(mailbox, answer)
        items = _items(mailbox, root)
        total = _number(mailbox, root, "TotalItemsInView")
        if is_true(root.get("IncludesLastItemInRange", "")) and len(items) == total:
            return items
    middle = start + (end - start) / 2
    if end - start < timedelta(days=2):
        raise cut(mailbox, f"not all events of {start:%Y-%m-%d} came")
    return _between(wire, mailbox, start, middle) | _between(wire, mailbox, middle, end)


def _root(mailbox: Mailbox, answer: Element) -> Element:
    root = child(answer, "RootFolder")
    if root is None:
        raise cut(mailbox, "an answer is not a list of events")
    return root


def _items(mailbox: Mailbox, root: Element) -> dict[str, Element]:
    return {_id(mailbox, item): item for item in _events(root)}


def _events(root: Element) -> Iterator[Element]:
    # Whatever else somebody put into the calendar folder has other names, and no marker.
    return (item for item in children(child(root, "Items")) if name_of(item) == "CalendarItem")


def _id(mailbox: Mailbox, item: Element) -> str:
    found = child(item, "ItemId")
    if found is None or not found.get("Id"):
        raise cut(mailbox, "an event has no id")
    return str(found.get("Id"))


def _number(mailbox: Mailbox, root: Element, name: str) -> int:
    text = root.get(name, "")
    if not text.isdecimal():
        raise cut(mailbox, f"an answer lacks {name}")
    return int(text)
