"""Restrictions: which items a FindItem wants."""

from __future__ import annotations

import operator
import unicodedata
from collections.abc import Callable
from typing import Any

from figgo_ops.sandbox.exchange_fields import BY_URI
from figgo_ops.sandbox.exchange_kinds import flag_constant, moment_constant, number_constant
from figgo_ops.sandbox.exchange_shape import read_field_path
from figgo_ops.sandbox.exchange_soap import Element, RefusedError, choice, local, schema_fault, t
from figgo_ops.sandbox.exchange_store import Item, PropertyPath

LONGEST = 255  # nodes
_MODES = ("FullString", "Prefixed", "Substring", "PrefixOnWords", "ExactPhrase")
_COMPARISONS = (
    *("Exact", "IgnoreCase", "IgnoreNonSpacingCharacters", "Loose", "IgnoreCaseAndNonSpacingCharacters"),
    *("LooseAndIgnoreCase", "LooseAndIgnoreNonSpace", "LooseAndIgnoreCaseAndIgnoreNonSpace"),
)
_RANGES: dict[str, Callable[[Any, Any], bool]] = {
    "IsGreaterThan": operator.gt,
    "IsGreaterThanOrEqualTo": operator.ge,
    "IsLessThan": operator.lt,
    "IsLessThanOrEqualTo": operator.le,
}
_EQUALS: dict[str, Callable[[Any, Any], bool]] = {"IsEqualTo": operator.eq, "IsNotEqualTo": operator.ne}
Test = Callable[[Item], bool]
_Value = Callable[[Item], Any]


def read_restriction(element: Element, *, ranges: bool) -> Test:
    """Read m:Restriction into a test; RefusedError for what is too long or cannot be searched for."""
    if len(element) != 1:
        raise schema_fault("Restriction holds one search expression")
    nodes = sum(1 for one in element.iter() if local(one) in _READERS)
    if nodes > LONGEST:
        raise RefusedError(
            "ErrorRestrictionTooLong", f"The restriction has {nodes} nodes, more than {LONGEST}."
        )
    return _read(element[0], ranges=ranges)


def _read(element: Element, *, ranges: bool) -> Test:
    name = local(element)
    if element.tag != t(name) or name not in _READERS:
        raise schema_fault(f"{name} is no search expression")
    if name in _RANGES and not ranges:
        raise RefusedError("ErrorUnsupportedQueryFilter", f"{name} is not supported.")
    return _READERS[name](element, ranges)


def _logical(element: Element, ranges: bool) -> Test:
    parts = [_read(part, ranges=ranges) for part in element]
    if not parts:
        raise schema_fault(f"{local(element)} is empty")
    together = all if local(element) == "And" else any
    return lambda item: together(part(item) for part in parts)


def _not(element: Element, ranges: bool) -> Test:
    if len(element) != 1:
        raise schema_fault("Not holds one search expression")
    inner = _read(element[0], ranges=ranges)
    return lambda item: not inner(item)


def _exists(element: Element, ranges: bool) -> Test:
    del ranges
    if len(element) != 1:
        raise schema_fault("Exists holds one path")
    value = _value(element[0])[0]
    return lambda item: value(item) is not None


def _compare(element: Element, ranges: bool) -> Test:
    del ranges
    if len(element) != 2 or element[1].tag != t("FieldURIOrConstant") or len(element[1]) != 1:
        raise schema_fault(f"{local(element)} compares a path with a constant or another path")
    compare = {**_RANGES, **_EQUALS}[local(element)]
    left, constant = _value(element[0])
    other = element[1][0]
    if other.tag != t("Constant"):
        right = _value(other)[0]
        return lambda item: _both(compare, left(item), right(item))
    wanted = constant(other.get("Value", ""))
    return lambda item: _both(compare, left(item), wanted)


def _both(compare: Callable[[Any, Any], bool], left: Any, right: Any) -> bool:
    # The store compares nothing with a property that is not there, not even for being different.
    return left is not None and right is not None and type(left) is type(right) and compare(left, right)


def _contains(element: Element, ranges: bool) -> Test:
    del ranges
    if len(element) != 2 or element[1].tag != t("Constant"):
        raise schema_fault("Contains holds a path and a constant")
    mode = choice(element, "ContainmentMode", _MODES, "FullString")
    comparison = choice(element, "ContainmentComparison", _COMPARISONS, "Exact")
    fold = _folding(comparison)
    value, wanted = _text_of(element[0]), fold(element[1].get("Value", ""))
    match = _MATCHES[mode]

    def test(item: Item) -> bool:
        text = value(item)
        return isinstance(text, str) and match(fold(text), wanted)

    return test


def _folding(comparison: str) -> Callable[[str], str]:
    loose = "Loose" in comparison

    def fold(text: str) -> str:
        if loose or "NonSpac" in comparison:
            parts = unicodedata.normalize("NFD", text)
            text = "".join(c for c in parts if not unicodedata.combining(c))
        return text.casefold() if loose or "IgnoreCase" in comparison else text

    return fold


_MATCHES: dict[str, Callable[[str, str], bool]] = {
    "FullString": operator.eq,
    "Prefixed": str.startswith,
    "Substring": operator.contains,
    "PrefixOnWords": lambda text, wanted: any(word.startswith(wanted) for word in text.split()),
    "ExactPhrase": lambda text, wanted: f" {wanted} " in f" {text} ",
}


def _value(element: Element) -> tuple[_Value, Callable[[str], Any]]:
    """What a path gives of an item to compare with, and how a constant is read for it."""
    path = read_field_path(element)
    if isinstance(path, PropertyPath):
        constant = _CONSTANTS.get(path.type, str.casefold)
        return _of_property(path, constant), constant
    field = BY_URI.get(path)
    if field is None or not field.sought or field.kind.constant is None:
        raise RefusedError("ErrorUnsupportedPathForQuery", f"{path} cannot be searched for.")
    attribute, fold = field.attribute, field.kind.constant is str.casefold

    def value(item: Item) -> Any:
        found = getattr(item, attribute)
        return found.casefold() if fold and found is not None else found

    return value, field.kind.constant


def _of_property(path: PropertyPath, constant: Callable[[str], Any]) -> _Value:
    if path.type.endswith("Array"):
        return lambda item: item.properties.get(path)

    def value(item: Item) -> Any:
        found = item.properties.get(path)
        return None if found is None else constant(found)

    return value


_CONSTANTS: dict[str, Callable[[str], Any]] = {
    "Boolean": flag_constant,
    "SystemTime": moment_constant,
    "Integer": number_constant,
    "Long": number_constant,
    "Short": number_constant,
}


def _text_of(element: Element) -> _Value:
    """What Contains looks into: the text as it is."""
    path = read_field_path(element)
    if isinstance(path, PropertyPath):
        if path.type != "String":
            raise RefusedError("ErrorContainsFilterWrongType", "Contains looks into strings only.")
        return lambda item: item.properties.get(path)
    field = BY_URI.get(path)
    if field is None or not field.sought or field.kind.constant is not str.casefold:
        raise RefusedError("ErrorUnsupportedPathForQuery", f"{path} cannot be searched in.")
    return operator.attrgetter(field.attribute)


_READERS: dict[str, Callable[[Element, bool], Test]] = {
    "And": _logical,
    "Or": _logical,
    "Not": _not,
    "Exists": _exists,
    "Contains": _contains,
    **dict.fromkeys((*_RANGES, *_EQUALS), _compare),
}
