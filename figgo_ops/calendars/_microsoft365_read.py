"""Reading Microsoft Graph: every event of a mailbox that fulfils a condition, or one event."""

from typing import Any

from figgo_ops.calendars._lost import Lost
from figgo_ops.calendars._microsoft365_errors import Denied
from figgo_ops.calendars._microsoft365_events import Item, ids_of, listing, setting, zone_of
from figgo_ops.calendars._microsoft365_lanes import Steps
from figgo_ops.calendars._microsoft365_wire import Ask
from figgo_ops.calendars._told import cut
from figgo_ops.plan import Mailbox

READS = 4
"""How often a listing of several pages is read before it is given up."""


def found(root: str, mailbox: Mailbox, condition: str, *, added: bool = False) -> Steps[list[Item]]:
    """All events of the mailbox's own calendar that fulfil the condition, whatever their date.

    Args:
        root: of the service, to know its own links by.
        added: with what their owner added to them.

    Raises:
        Incomplete: the pages do not add up.
        Denied, Lost: there is no answer.
    """
    items, pages = yield from _pages(root, mailbox, condition, added)
    for _ in range(READS - 1):
        if pages == 1:
            break
        # Pages are counted off by Graph: an event that goes meanwhile hides another one from us.
        again, pages = yield from _pages(root, mailbox, condition, added)
        if again.keys() == items.keys():
            return list(again.values())
        items = again
    if pages > 1:
        raise cut(mailbox, "it changed while its pages were turned")
    return list(items.values())


def zone_setting(mailbox: Mailbox) -> Steps[str]:
    """IANA name of the zone that its owner chose; "" where the application may not know it."""
    try:
        told = yield Ask(mailbox, "GET", setting(mailbox))
    except (Denied, Lost):
        return ""
    return zone_of(str(told.get("value") or ""))


def _pages(root: str, mailbox: Mailbox, condition: str, added: bool) -> Steps[tuple[dict[str, Item], int]]:
    items: dict[str, Item] = {}
    path, turned = listing(mailbox, condition, added=added), set[str]()
    while path:
        turned.add(path)
        page = yield Ask(mailbox, "GET", path)
        items |= _items(mailbox, page)
        path = _next(root, mailbox, page)
        if path in turned:
            raise cut(mailbox, "the pages go round in circles")
    return items, len(turned)


def _items(mailbox: Mailbox, page: dict[str, Any]) -> dict[str, Item]:
    # Without Graph's own word for a list even {} would count as an empty calendar.
    listed = page.get("value")
    if not isinstance(listed, list):
        raise cut(mailbox, "an answer is not a list of events")
    if not all(isinstance(item, dict) and all(ids_of(item)) for item in listed):
        raise cut(mailbox, "an event has no id or no etag")
    return {str(item["id"]): item for item in listed}


def _next(root: str, mailbox: Mailbox, page: dict[str, Any]) -> str:
    """Where the next page is, below the version; "" after the last one."""
    link = page.get("@odata.nextLink")
    if link is None:
        return ""
    if not str(link).startswith(f"{root}/"):
        raise cut(mailbox, "the next page is at another place")
    return str(link)[len(root) :]
