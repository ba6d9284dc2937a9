"""Partial answers: what `fields=items(id,etag),nextPageToken` leaves of a resource."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from figgo_ops.sandbox.discovery import Discovery, Schema

# None: the whole of what is there.
Selection = Mapping[str, "Selection | None"]
_TOKEN = re.compile(r"[A-Za-z0-9_\-*]+|[(),/]")


class FieldsError(ValueError):
    """The text of `fields` is no selection, or selects what the resource does not have."""


@lru_cache(maxsize=256)
def selection(text: str, discovery: Discovery, schema: str) -> Selection:
    """Parse the value of `fields` and check it against a schema; FieldsError names what is wrong."""
    tokens = _TOKEN.findall(text)
    if "".join(tokens) != re.sub(r"\s", "", text) or not tokens:
        raise FieldsError(f"Invalid field selection {text}")
    found = _several(tokens)
    if tokens:
        raise FieldsError(f"Invalid field selection {''.join(tokens)}")
    _known(found, {"$ref": schema}, discovery.schemas)
    return found


def select(chosen: Selection | None, value: Any) -> Any:
    """Leave of a resource what was chosen."""
    if chosen is None or "*" in chosen:
        return value
    if isinstance(value, list):
        return [select(chosen, item) for item in value]
    if not isinstance(value, dict):
        return value
    return {name: select(chosen[name], item) for name, item in value.items() if name in chosen}


def _several(tokens: list[str]) -> Selection:
    found: dict[str, Selection | None] = {}
    while True:
        name = tokens.pop(0) if tokens else ""
        if not name or name in "(),/":
            raise FieldsError(f"Invalid field selection {name}")
        found[name] = _merged(found[name], _below(tokens)) if name in found else _below(tokens)
        if not tokens or tokens[0] != ",":
            return found
        tokens.pop(0)


def _below(tokens: list[str]) -> Selection | None:
    if tokens and tokens[0] == "(":
        tokens.pop(0)
        inner = _several(tokens)
        if not tokens or tokens.pop(0) != ")":
            raise FieldsError("Invalid field selection: missing )")
        return inner
    if tokens and tokens[0] == "/":
        tokens.pop(0)
        name = tokens.pop(0) if tokens else ""
        if not name or name in "(),/":
            raise FieldsError("Invalid field selection /")
        return {name: _below(tokens)}
    return None


def _merged(one: Selection | None, other: Selection | None) -> Selection | None:
    if one is None or other is None:
        return None
    both = {**one, **other}
    both.update({name: _merged(one[name], other[name]) for name in one.keys() & other.keys()})
    return both


def _known(chosen: Selection, schema: Schema, schemas: Mapping[str, Schema]) -> None:
    while "$ref" in schema or "items" in schema:
        schema = schemas[schema["$ref"]] if "$ref" in schema else schema["items"]
    if "additionalProperties" in schema:
        return
    for name, below in chosen.items():
        if name == "*":
            continue
        if name not in schema.get("properties", {}):
            raise FieldsError(f"Invalid field selection {name}")
        if below is not None:
            _known(below, schema["properties"][name], schemas)
