"""Which fields of an item a client asked for, and items made of just those."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from html import escape, unescape
from typing import Any

from figgo_ops.sandbox.exchange_fields import BY_URI, NOT_FOUND, PLACES, URIS
from figgo_ops.sandbox.exchange_properties import LONGEST_FOUND, PROPERTY, read_path
from figgo_ops.sandbox.exchange_soap import (
    Element,
    RefusedError,
    add,
    child,
    local,
    new,
    only,
    schema_fault,
    t,
)
from figgo_ops.sandbox.exchange_store import Item, Mailbox, PropertyPath

_DEFAULT = (
    *(
        "item:Subject",
        "item:HasAttachments",
        "calendar:Start",
        "calendar:End",
        "calendar:LegacyFreeBusyStatus",
    ),
    *("calendar:Location", "calendar:CalendarItemType", "calendar:Organizer", "calendar:IsRecurring"),
)
_DEFAULT_FETCHED = (
    "item:Body",
    "item:Attachments",
    "calendar:RequiredAttendees",
    "calendar:OptionalAttendees",
)
_OPTIONS = (
    *("IncludeMimeContent", "BodyType", "UniqueBodyType", "NormalizedBodyType", "FilterHtmlContent"),
    *("ConvertHtmlCodePageToUTF8", "InlineImageUrlTemplate", "BlockExternalImages", "AddBlankTargetToLinks"),
    "MaximumBodySize",
)
_PATHS = (t("FieldURI"), t("IndexedFieldURI"), t("ExtendedFieldURI"))
_TAGS = re.compile(r"<[^>]*>")
_Show = Callable[[Element, Item], None]


@dataclass(frozen=True, slots=True)
class Shape:
    """The fields of an answer in the schema's order, each as what writes it."""

    parts: tuple[_Show, ...]

    def element(self, mailbox: Mailbox, item: Item) -> Element:
        """Make t:CalendarItem of an item."""
        made = new(t("CalendarItem"))
        add(made, t("ItemId"), Id=item.id, ChangeKey=item.change_key)
        for part in self.parts:
            part(made, item)
        return made


def read_shape(element: Element, mailbox: Mailbox, *, finding: bool, sparse: bool, style: str) -> Shape:
    """Read ItemShape; RefusedError for a field that the operation does not return."""
    names = (t("BaseShape"), *(t(name) for name in _OPTIONS), t("AdditionalProperties"))
    only(element, *names)
    base = child(element, names[0]).text
    if base not in ("IdOnly", "Default", "AllProperties", "PcxPeopleSearch"):
        raise schema_fault(f"the base shape {base!r}")
    more = element.find(t("AdditionalProperties"))
    named = [read_field_path(path) for path in (() if more is None else more)]
    if more is not None and not named:
        raise schema_fault("AdditionalProperties is empty")
    body = element.findtext(t("BodyType")) or "Best"
    if body not in ("Best", "HTML", "Text"):
        raise schema_fault(f"the body type {body!r}")
    wanted = set() if sparse else set(_base(base, finding=finding))
    wanted |= {path for path in named if isinstance(path, str)}
    refused = sorted(wanted & NOT_FOUND) if finding else []
    if refused:
        raise RefusedError("ErrorInvalidPropertyRequest", f"FindItem does not return {', '.join(refused)}.")
    properties = [path for path in dict.fromkeys(named) if isinstance(path, PropertyPath)]
    longest = LONGEST_FOUND if finding else None
    parts = [_of_field(uri, body, style, mailbox) for uri in wanted]
    parts += [(PLACES[PROPERTY.tag], _of_property(path, longest)) for path in properties]
    return Shape(tuple(part for _, part in sorted(parts, key=lambda pair: pair[0])))


def _base(base: str, *, finding: bool) -> tuple[str, ...]:
    if base == "AllProperties":
        return tuple(uri for uri in BY_URI if not (finding and uri in NOT_FOUND))
    if base == "Default":
        return _DEFAULT if finding else _DEFAULT + _DEFAULT_FETCHED
    return ()


def read_field_path(element: Element) -> str | PropertyPath:
    """Read a path to a field: a name known to the schema, or an extended property."""
    if element.tag not in _PATHS:
        raise schema_fault(f"{local(element)} is no path to a field")
    if element.tag == t("ExtendedFieldURI"):
        return read_path(element)
    uri = str(element.get("FieldURI", ""))
    if element.tag == t("IndexedFieldURI") or (
        ":" in uri and uri.partition(":")[0] not in ("item", "calendar")
    ):
        raise RefusedError("ErrorInvalidPropertyRequest", f"{uri} does not belong to calendar items.")
    if uri not in URIS:
        raise schema_fault(f"the field {uri!r}")
    return uri


def _of_field(uri: str, body: str, style: str, mailbox: Mailbox) -> tuple[int, _Show]:
    place = PLACES[t(uri.partition(":")[2])]
    if uri == "item:ItemId" or (uri not in BY_URI and uri != "item:ParentFolderId"):
        return place, _nothing
    if uri == "item:ParentFolderId":
        return place, lambda made, item: _folder(made, mailbox, item)
    if uri == "item:Body":
        return place, lambda made, item: _body(made, item, body)
    field = BY_URI[uri]
    return place, lambda made, item: field.show(made, item, style)


def _of_property(path: PropertyPath, longest: int | None) -> _Show:
    return lambda made, item: PROPERTY.show(made, item, path, longest)


def _nothing(made: Element, item: Item) -> None:
    # A field that the schema knows and calendar items of the rehearsal company never have.
    del made, item


def _folder(made: Element, mailbox: Mailbox, item: Item) -> None:
    add(made, t("ParentFolderId"), Id=mailbox.folder_id(item.folder), ChangeKey="AQAAAA==")


def _body(made: Element, item: Item, wanted: str) -> None:
    if item.body is None:
        return
    kind, text = item.body
    if wanted == "Text" and kind == "HTML":
        kind, text = "Text", unescape(_TAGS.sub("", text))
    elif wanted == "HTML" and kind == "Text":
        kind, text = "HTML", f"<html><body><p>{escape(text)}</p></body></html>"
    add(made, t("Body"), text, BodyType=kind)


def occurrence(master: Item, **differs: Any) -> Item:
    """An occurrence of a series: the master but for its id, its times and its own recurrence."""
    return replace(master, recurrence=None, **differs)
