"""The options of a request to Graph: what is selected, expanded, filtered, sorted, and in which pages."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.parse import quote, urlencode

from figgo_ops.sandbox.exchange_store import Item, PropertyPath
from figgo_ops.sandbox.microsoft365_call import Call, GraphError
from figgo_ops.sandbox.microsoft365_filter import Filter, Pieces, bad_clause, read_filter, tokens
from figgo_ops.sandbox.microsoft365_shape import EXTENDED, FIELDS, property_path

USUAL_PAGE, LARGEST_PAGE = 10, 1000
OF_ONE = frozenset({"$select", "$expand"})
OF_MANY = OF_ONE | {"$filter", "$orderby", "$top", "$skip"}
Hidden = tuple[tuple[str, PropertyPath], ...]
_EXPANSION = re.compile(rf"\s*{EXTENDED}\s*(?:\(\s*\$filter\s*=(.*)\)\s*)?", re.DOTALL)
_SORTED: Mapping[str, Callable[[Item], Any]] = {
    "start/dateTime": lambda item: item.start,
    "end/dateTime": lambda item: item.end,
    "subject": lambda item: (item.subject or "").casefold(),
    "createdDateTime": lambda item: item.created,
    "lastModifiedDateTime": lambda item: item.modified,
}


@dataclass(frozen=True, slots=True)
class Query:
    """What was asked for; `skip` is None where nothing was said of it."""

    names: frozenset[str] | None = None
    hidden: Hidden = ()
    filter: Filter | None = None
    order: tuple[tuple[str, bool], ...] = ()
    top: int = USUAL_PAGE
    skip: int | None = None


def read_query(
    options: Mapping[str, str],
    allowed: frozenset[str] = OF_MANY,
    fields: frozenset[str] = frozenset(FIELDS),
) -> Query:
    """Read the options; GraphError for one that is unknown here, or says what it cannot."""
    for name in options:
        if name not in allowed:
            raise GraphError(400, "BadRequest", f"The query parameter '{name}' is not supported here.")
    query = Query(
        names=_names(options["$select"], fields) if "$select" in options else None,
        hidden=_expansion(options["$expand"]) if "$expand" in options else (),
        filter=read_filter(options["$filter"]) if "$filter" in options else None,
        order=_order(options["$orderby"]) if "$orderby" in options else (),
        top=_number(options, "$top", 1, LARGEST_PAGE) or USUAL_PAGE,
        skip=_number(options, "$skip", 0, 2**31 - 1),
    )
    sorted_by = tuple(path for path, _ in query.order)
    if query.filter and query.filter.paths[: len(sorted_by)] != sorted_by:
        text = "The restriction or sort order is too complex for this operation."
        raise GraphError(400, "InefficientFilter", text)
    return query


def select(query: Query, items: list[Item], *, shuffled: bool) -> list[Item]:
    """Choose and sort the rows of a listing."""
    rows = [item for item in items if query.filter is None or query.filter.test(item)]
    if shuffled:
        # The same from page to page and from run to run.
        rows.sort(key=lambda item: sha256(str(item.number).encode()).digest())
    for path, descending in reversed(query.order):
        rows.sort(key=_SORTED[path], reverse=descending)
    return rows


def page(call: Call, query: Query, rows: list[Item]) -> tuple[list[Item], str | None]:
    """Cut a page out of the rows; with it the address of the next one, None after the last."""
    cap, gaps = call.switches["page_cap"], call.switches["empty_page"]
    if gaps and query.skip is None:
        return [], _link(call, 0)
    first = query.skip or 0
    after = first + (min(query.top, cap) if cap else query.top)
    shown = rows[first:after]
    more = after < len(rows) or (gaps and bool(shown))
    return shown, _link(call, after) if more else None


def _link(call: Call, skip: int) -> str:
    options = {**call.query, "$skip": str(skip)}
    path = "/".join(quote(part, safe="") for part in call.path)
    return f"{call.root}/users/{quote(call.user, safe='@')}/{path}?{urlencode(options, quote_via=quote)}"


def _names(text: str, fields: frozenset[str]) -> frozenset[str]:
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in fields and name != "id":
            what = f"Could not find a property named '{name}' on type 'microsoft.graph.event'."
            raise GraphError(
                400, "RequestBroker--ParseUri", f"Parsing OData Select and Expand failed: {what}"
            )
    return frozenset(names)


def _expansion(text: str) -> Hidden:
    read = _EXPANSION.fullmatch(text)
    if read is None:
        what = f"Parsing OData Select and Expand failed: '{text}' cannot be expanded here."
        raise GraphError(400, "RequestBroker--ParseUri", what)
    if read[1] is None:
        raise bad_clause(f"{EXTENDED} is expanded with a filter that names the properties")
    pieces, found = Pieces(tokens(read[1])), []
    while True:
        pieces.expect("word", "id")
        pieces.expect("word", "eq")
        asked = pieces.take("string")
        found.append((asked, property_path(asked)))
        if not pieces.taken("word", "or"):
            break
    pieces.expect("end", "")
    return tuple(found)


def _order(text: str) -> tuple[tuple[str, bool], ...]:
    found = []
    for part in text.split(","):
        path, _, direction = part.strip().partition(" ")
        if path not in _SORTED or direction.strip() not in ("", "asc", "desc"):
            raise GraphError(400, "ErrorInvalidUrlQuery", f"Events cannot be sorted by '{part.strip()}'.")
        found.append((path, direction.strip() == "desc"))
    return tuple(found)


def _number(options: Mapping[str, str], name: str, least: int, most: int) -> int | None:
    text = options.get(name)
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,10}", text) or not least <= int(text) <= most:
        what = f"Invalid value '{text}' for {name} query option found: it lies between {least} and {most}."
        raise GraphError(400, "BadRequest", what)
    return int(text)
