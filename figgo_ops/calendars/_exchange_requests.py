"""The questions that are put to Exchange, each as the body of a SOAP request.

Pure: no input or output, no clock. Every one names what it wants to know; nobody is ever notified.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from figgo_ops.calendars._exchange_items import property_uri
from figgo_ops.calendars._exchange_xml import Element, element
from figgo_ops.calendars._outlook import KEY, PRINT
from figgo_ops.plan import Existing

PAGE = 250
"""Items per page: Exchange since 2013 gives no more at once where a search restricts them."""

Id = tuple[str, str]
"""An item's id and change key."""


def find_marked(address: str, offset: int, fields: Iterable[str]) -> Element:
    """One page of all items in the calendar that have our key property, from an offset on."""
    restriction = element("m:Restriction", element("t:Exists", property_uri(KEY)))
    return _find(address, fields, _page(offset), restriction)


def find_keys(address: str, keys: Sequence[str], offset: int, fields: Iterable[str]) -> Element:
    """One page of the items with one of these keys, wherever in the calendar."""
    tests = [_is_equal(key) for key in keys]
    which = tests[0] if len(tests) == 1 else element("t:Or", *tests)
    return _find(address, fields, _page(offset), element("m:Restriction", which))


def find_deleted(address: str, keys: Sequence[str], offset: int, fields: Iterable[str]) -> Element:
    """The same in the bin of the mailbox's owner."""
    found = find_keys(address, keys, offset, fields)
    for folder in found.iter("{*}DistinguishedFolderId"):
        folder.set("Id", "deleteditems")
    return found


def find_between(address: str, start: datetime, end: datetime, fields: Iterable[str]) -> Element:
    """All items that touch this time, each occurrence of a series on its own; at most two years."""
    times = {"StartDate": f"{start:%Y-%m-%dT%H:%M:%SZ}", "EndDate": f"{end:%Y-%m-%dT%H:%M:%SZ}"}
    return _find(address, fields, element("m:CalendarView", **times))


def get(ids: Iterable[Id], fields: Iterable[str]) -> Element:
    """These items, one answer for each."""
    return element("m:GetItem", _shape("m:ItemShape", fields), _ids(ids))


def create(address: str, items: Iterable[Element]) -> Element:
    """New items in the calendar, one answer for each."""
    return element(
        "m:CreateItem",
        element("m:SavedItemFolderId", _calendar(address)),
        element("m:Items", *items),
        MessageDisposition="SaveOnly",
        SendMeetingInvitations="SendToNone",
    )


def changed(listed: Existing, fields: Iterable[Element]) -> Element:
    """An item that must still be as listed, and what of it is set or deleted."""
    return element("t:ItemChange", _id((listed.id, listed.etag)), element("t:Updates", *fields))


def update(changes: Iterable[Element]) -> Element:
    """Items made by `changed`, one answer for each."""
    return element(
        "m:UpdateItem",
        element("m:ItemChanges", *changes),
        ConflictResolution="NeverOverwrite",
        MessageDisposition="SaveOnly",
        SendMeetingInvitationsOrCancellations="SendToNone",
    )


def delete(ids: Iterable[Id], *, hard: bool) -> Element:
    """Items away: for good, or where their owner can restore them; one answer for each."""
    return element(
        "m:DeleteItem",
        _ids(ids),
        DeleteType="HardDelete" if hard else "MoveToDeletedItems",
        SendMeetingCancellations="SendToNone",
    )


def options() -> Element:
    """What the owner of the mailbox chose on the web, the time zone among it."""
    name = element(
        "m:UserConfigurationName", element("t:DistinguishedFolderId", Id="root"), Name="OWA.UserOptions"
    )
    return element(
        "m:GetUserConfiguration", name, element("m:UserConfigurationProperties", text="Dictionary")
    )


def _find(address: str, fields: Iterable[str], view: Element, *more: Element) -> Element:
    folder = element("m:ParentFolderIds", _calendar(address))
    return element("m:FindItem", _shape("m:ItemShape", fields), view, *more, folder, Traversal="Shallow")


def _page(offset: int) -> Element:
    name = "m:IndexedPageItemView"
    return element(name, MaxEntriesReturned=str(PAGE), Offset=str(offset), BasePoint="Beginning")


def _is_equal(key: str) -> Element:
    constant = element("t:FieldURIOrConstant", element("t:Constant", Value=key))
    return element("t:IsEqualTo", property_uri(KEY), constant)


def _shape(name: str, fields: Iterable[str]) -> Element:
    asked = [element("t:FieldURI", FieldURI=field) for field in fields]
    asked += [property_uri(KEY), property_uri(PRINT)]
    return element(name, element("t:BaseShape", text="IdOnly"), element("t:AdditionalProperties", *asked))


def _calendar(address: str) -> Element:
    # The mailbox is named though the request acts for it: one that acts for nobody is then refused.
    return element(
        "t:DistinguishedFolderId",
        element("t:Mailbox", element("t:EmailAddress", text=address)),
        Id="calendar",
    )


def _ids(ids: Iterable[Id]) -> Element:
    return element("m:ItemIds", *map(_id, ids))


def _id(names: Id) -> Element:
    own, change_key = names
    return element("t:ItemId", Id=own, **({"ChangeKey": change_key} if change_key else {}))
