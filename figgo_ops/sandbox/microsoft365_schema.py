"""What Microsoft publishes of Graph's types, where somebody has it: it is not ours to hand on."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = "FIGGO_OPS_GRAPH_METADATA"

_PREFIX = "microsoft.graph."
_DATE = r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
_TIME = r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,12})?)?"
_GUID = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"


def _number(least: int, most: int) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _spelt(pattern: str) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None


_PRIMITIVES: Mapping[str, Callable[[Any], bool]] = {
    "Edm.String": lambda value: isinstance(value, str),
    "Edm.Boolean": lambda value: isinstance(value, bool),
    "Edm.Int32": _number(-(2**31), 2**31 - 1),
    "Edm.Double": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "Edm.Guid": _spelt(_GUID),
    "Edm.Date": _spelt(_DATE),
    "Edm.TimeOfDay": _spelt(_TIME),
    "Edm.DateTimeOffset": _spelt(rf"{_DATE}T{_TIME}(Z|[+-]\d\d:\d\d)"),
}


def violations(type_name: str, content: Any) -> list[str]:
    """Say in what a value breaks its published type; [] also where no folder is named.

    Names, types, members of enumerations and what may be null are checked; annotations pass, whatever
    they say. Open types are taken for closed: a misspelt property must not go unnoticed here.

    Args:
        type_name: with its namespace or without, "Collection(…)" around it for a list.
    """
    folder = os.environ.get(FOLDER)
    if not folder:
        return []
    return list(_broken(_metadata(folder), type_name, content, type_name))


@cache
def _metadata(folder: str) -> Mapping[str, Any]:
    read: Mapping[str, Any] = json.loads(Path(folder, "calendar.json").read_text(encoding="utf-8"))
    return read


def _broken(metadata: Mapping[str, Any], type_name: str, value: Any, where: str) -> Iterator[str]:
    """Check a value; a type whose name ends in an exclamation mark takes no null."""
    name, required = type_name.removesuffix("!"), type_name.endswith("!")
    if value is None:
        if required:
            yield f"{where} must not be null"
    elif name.startswith("Collection("):
        yield from _broken_list(metadata, name[len("Collection(") : -1], value, where)
    elif name in _PRIMITIVES:
        if not _PRIMITIVES[name](value):
            yield f"{where} is no {name}: {value!r}"
    else:
        yield from _broken_named(metadata, _full(name), value, where)


def _broken_list(metadata: Mapping[str, Any], inner: str, value: Any, where: str) -> Iterator[str]:
    if not isinstance(value, list):
        yield f"{where} is no list: {value!r}"
        return
    for index, one in enumerate(value):
        yield from _broken(metadata, inner, one, f"{where}[{index}]")


def _broken_named(metadata: Mapping[str, Any], name: str, value: Any, where: str) -> Iterator[str]:
    members = metadata["enums"].get(name)
    if members is not None:
        if value not in members:
            yield f"{where} is none of {', '.join(members)}: {value!r}"
        return
    if name not in metadata["types"]:
        yield f"{where} is of the type {name}, which the metadata does not describe"
        return
    if not isinstance(value, dict):
        yield f"{where} is no {name}: {value!r}"
        return
    known = _properties(metadata, name)
    for key, one in value.items():
        if "@" in key:
            continue
        if key not in known:
            yield f"{where}.{key} is unknown to {name}"
        else:
            yield from _broken(metadata, known[key], one, f"{where}.{key}")


def _properties(metadata: Mapping[str, Any], name: str) -> dict[str, str]:
    """The properties of a type and of those it is built on."""
    described = metadata["types"].get(name)
    if described is None:
        # A base outside the calendar's part of the metadata; what all entities have is known.
        return _properties(metadata, f"{_PREFIX}entity")
    inherited = _properties(metadata, _full(described["base"])) if described["base"] else {}
    return {**inherited, **described["properties"], **described["navigation"]}


def _full(name: str) -> str:
    return _PREFIX + name.removeprefix(_PREFIX).removeprefix("graph.")
