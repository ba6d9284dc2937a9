"""Extended properties: named values that programs hang on an item and no person sees."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from typing import Any

from figgo_ops.sandbox import exchange_times as times
from figgo_ops.sandbox.exchange_soap import Element, RefusedError, add, child, new, only, schema_fault, t
from figgo_ops.sandbox.exchange_store import Item, PropertyPath

LONGEST_FOUND = 255  # characters of a string that FindItem returns
_GUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_SETS = {
    "Meeting": "6ed8da90-450b-101b-98da-00aa003f1305",
    "Appointment": "00062002-0000-0000-c000-000000000046",
    "Common": "00062008-0000-0000-c000-000000000046",
    "PublicStrings": "00020329-0000-0000-c000-000000000046",
    "Address": "00062004-0000-0000-c000-000000000046",
    "InternetHeaders": "00020386-0000-0000-c000-000000000046",
    "CalendarAssistant": "11000e07-b51b-40d6-af21-caa85edab1d0",
    "UnifiedMessaging": "4442858e-a9e3-4e80-b900-317a210cc15b",
    "Task": "00062003-0000-0000-c000-000000000046",
    "Sharing": "00062040-0000-0000-c000-000000000046",
}
_SINGLE = (
    *("ApplicationTime", "Binary", "Boolean", "CLSID", "Currency", "Double", "Float", "Integer", "Long"),
    *("Short", "String", "SystemTime"),
)
_TYPES = frozenset(_SINGLE) | {f"{name}Array" for name in _SINGLE if name != "Boolean"}


def _flag(text: str) -> str:
    if text.lower() not in ("true", "false", "1", "0"):
        raise ValueError(text)
    return "true" if text.lower() in ("true", "1") else "false"


def _moment(text: str) -> str:
    return times.spelt(times.instant(times.read_date_time(text), "UTC"), "UTC", "utc")


def _bytes(text: str) -> str:
    return base64.b64encode(base64.b64decode(text, validate=True)).decode()


def _guid(text: str) -> str:
    if not _GUID.fullmatch(text):
        raise ValueError(text)
    return text.lower()


# How a value is checked and kept; whatever is not named here is kept as it was sent.
_READERS: Mapping[str, Callable[[str], str]] = {
    "Boolean": _flag,
    "SystemTime": _moment,
    "Binary": _bytes,
    "CLSID": _guid,
    **dict.fromkeys(("Integer", "Long", "Short"), lambda text: str(int(text))),
    **dict.fromkeys(("Double", "Float", "ApplicationTime", "Currency"), lambda text: repr(float(text))),
}


def read_path(element: Element) -> PropertyPath:
    """Read t:ExtendedFieldURI; a fault or RefusedError where it names no property."""
    get = element.get
    kind, named_set, guid = get("PropertyType"), get("DistinguishedPropertySetId"), get("PropertySetId")
    if kind not in _TYPES:
        raise schema_fault(f"the property type {kind!r}")
    if (named_set is not None and named_set not in _SETS) or (guid is not None and not _GUID.fullmatch(guid)):
        raise schema_fault(f"the property set {named_set or guid!r}")
    name, number, tag = (get(part, "") for part in ("PropertyName", "PropertyId", "PropertyTag"))
    sets = [found for found in (named_set, guid) if found is not None]
    by_name = len(sets) == 1 and bool(name) != bool(number) and not tag
    by_tag = bool(tag) and not (sets or name or number)
    if not (by_name or by_tag):
        raise RefusedError("ErrorInvalidExtendedProperty", "The attributes name no extended property.")
    found = _SETS[named_set] if named_set else (guid or "").lower()
    return PropertyPath(kind, found, name, number, tag.lower())


def read_value(path: PropertyPath, text: str) -> str:
    """Check a value of a property's type; RefusedError when it is none."""
    reader = _READERS.get(path.type.removesuffix("Array"))
    try:
        return reader(text) if reader else text
    except (ValueError, binascii.Error):
        raise RefusedError("ErrorInvalidExtendedPropertyValue", f"This is no {path.type}.") from None


class _Property:
    """t:ExtendedProperty, read and shown."""

    tag = t("ExtendedProperty")

    def read(self, element: Element) -> tuple[PropertyPath, Any]:
        """Read a property and its value: a text, or a tuple of texts for an array."""
        only(element, t("ExtendedFieldURI"), t("Value"), t("Values"))
        path = read_path(child(element, t("ExtendedFieldURI")))
        array = path.type.endswith("Array")
        values = element.find(t("Values" if array else "Value"))
        if values is None or len(element) != 2:
            raise RefusedError("ErrorInvalidExtendedPropertyValue", f"This is no {path.type}.")
        if not array:
            return path, read_value(path, values.text or "")
        return path, tuple(read_value(path, one.text or "") for one in values)

    def show(self, parent: Element, item: Item, path: PropertyPath, longest: int | None) -> None:
        """Add a property to an item of an answer, if the item has it, cut to a length if one is given."""
        value = item.properties.get(path)
        if value is None:
            return
        made = add(parent, self.tag)
        made.append(spelt_path(path))
        if isinstance(value, tuple):
            held = add(made, t("Values"))
            for text in value:
                add(held, t("Value"), text)
        else:
            add(made, t("Value"), value[:longest] if path.type == "String" else value)


PROPERTY = _Property()


def spelt_path(path: PropertyPath) -> Element:
    """Spell a property's name as Exchange does, whatever the client called its set."""
    made = new(t("ExtendedFieldURI"))
    names = ("PropertyTag", "PropertySetId", "PropertyName", "PropertyId", "PropertyType")
    for name, text in zip(names, (path.tag, path.set_id, path.name, path.number, path.type), strict=True):
        if text:
            made.set(name, text)
    return made
