"""Figgo's v3 query language: `fields`, filters, `orderBy` and `paging`, applied to plain Python objects."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

Row = Any
Getter = Callable[[Row], Any]
Tree = dict[str, "Tree"]

RESERVED = frozenset(
    [
        "fields",
        "paging",
        "orderby",
        "callback",
        "accept",
        "metadata",
        "randomnumber",
        "_",
        "authtoken",
        "longtoken",
        "httpmethod",
        "groupby",
        "template",
        "notify",
    ]
)
LIST_LIMIT = 1000
TOKENS = re.compile(r"[\[\],]|[^\[\],]+")
SCALARS = ("int", "text", "bool", "day", "moment")


class BadQueryError(Exception):
    """A query that Figgo answers with 400; the text becomes its `detail`."""


@dataclass(frozen=True, slots=True)
class Prop:
    """One selectable property; `of` names the type of an object or of the members of a list."""

    name: str
    kind: str
    get: Getter
    of: str = ""


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of Figgo's, by the name its error messages use; `props` are found in lower case."""

    name: str
    props: Mapping[str, Prop]
    default: tuple[str, ...] = ("id", "name", "url")

    def prop(self, name: str) -> Prop:
        """The property of that name in any case; `BadQueryError` when the type has none."""
        if name.lower() not in self.props:
            raise BadQueryError(f"Unknown property '{name}' on type '{self.name}'")
        return self.props[name.lower()]


def kind(name: str, *props: Prop, default: tuple[str, ...] = ("id", "name", "url")) -> Kind:
    """A type with these properties."""
    return Kind(name, {prop.name.lower(): prop for prop in props}, default)


@dataclass(frozen=True, slots=True)
class Dialect:
    """What may differ between installations: how dates look, what moments mean, which day it is."""

    date_text: str
    zone: ZoneInfo
    today: date

    def day(self, value: date) -> str:
        """A day as text."""
        return f"{value.isoformat()}T00:00:00" if self.date_text == "date-time" else value.isoformat()

    def moment(self, value: datetime) -> str:
        """A moment, kept in UTC, as text without an offset."""
        local = value.replace(tzinfo=UTC).astimezone(self.zone).replace(tzinfo=None)
        return local.isoformat(timespec="milliseconds" if local.microsecond else "seconds")

    def from_moment(self, text: str, last: bool) -> datetime:
        """A moment of a filter in UTC; a bare day means its first or, as an upper end, its last instant."""
        if text.lower() in self._words():
            text = self._words()[text.lower()].isoformat()
        if len(text) == len("2026-01-01"):
            text = datetime.combine(date.fromisoformat(text), time.max if last else time.min).isoformat()
        found = datetime.fromisoformat(text)
        known = found if found.tzinfo else found.replace(tzinfo=self.zone)
        return known.astimezone(UTC).replace(tzinfo=None)

    def from_day(self, text: str) -> date:
        """A day of a filter; a time behind it is ignored."""
        return self._words().get(text.lower()) or date.fromisoformat(text.split("T", maxsplit=1)[0])

    def _words(self) -> dict[str, date]:
        one = timedelta(days=1)
        return {
            "today": self.today,
            "now": self.today,
            "tomorrow": self.today + one,
            "yesterday": self.today - one,
        }


def span(value: timedelta) -> str:
    """A duration as .NET writes it: hh:mm:ss."""
    seconds = int(value.total_seconds())
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def parse_fields(text: str) -> Tree:
    """`a,b[c,d.e]` as nested names; the same name twice is merged."""
    tree: Tree = {}
    open_trees, leaf = [tree], tree
    for token in TOKENS.findall(text):
        if token == "[":
            open_trees.append(leaf)
        elif token == "]":
            open_trees.pop()
        elif token != ",":
            leaf = open_trees[-1]
            for name in token.strip().split("."):
                leaf = leaf.setdefault(name, {})
        if not open_trees:
            raise BadQueryError("Unexpected ']' in fields")
    if len(open_trees) != 1:
        raise BadQueryError("Missing ']' in fields")
    return tree


def project(kinds: Mapping[str, Kind], name: str, tree: Tree, dialect: Dialect) -> Getter:
    """A function from a row of type `name` to its JSON object, holding what `tree` asks for."""
    kind_ = kinds[name]
    wanted: Tree = tree or {one: {} for one in kind_.default}
    props = [(kind_.prop(one), inner) for one, inner in wanted.items()]
    named = [(prop.name, prop.get, _value(kinds, prop, inner, dialect)) for prop, inner in props]

    def render(row: Row) -> dict[str, Any]:
        return {key: show(value) if (value := get(row)) is not None else None for key, get, show in named}

    return render


def _value(kinds: Mapping[str, Kind], prop: Prop, inner: Tree, dialect: Dialect) -> Getter:
    if prop.kind == "object":
        return project(kinds, prop.of, inner, dialect)
    if prop.kind == "list":
        member = project(kinds, prop.of, inner, dialect)
        return lambda rows: [member(row) for row in rows]
    if inner:
        raise BadQueryError(f"Unknown property '{next(iter(inner))}' on type '{prop.kind}'")
    plain: dict[str, Getter] = {"day": dialect.day, "moment": dialect.moment, "span": span}
    return plain.get(prop.kind, lambda value: value)


def follow(kinds: Mapping[str, Kind], name: str, path: str) -> Prop:
    """The scalar at the end of a dotted path, as a property of the type at its beginning."""
    *steps, last = path.split(".")
    getters: list[Getter] = []
    for step in steps:
        prop = kinds[name].prop(step)
        if prop.kind != "object":
            raise BadQueryError(f"Unknown property '{last}' on type '{prop.kind}'")
        getters.append(prop.get)
        name = prop.of
    end = kinds[name].prop(last)
    if end.kind not in SCALARS:
        raise BadQueryError(f"Property '{end.name}' of type '{kinds[name].name}' cannot be compared")
    return Prop(path.lower(), end.kind, _chain((*getters, end.get)) if getters else end.get)


def _chain(getters: Iterable[Getter]) -> Getter:
    steps = tuple(getters)

    def get(row: Row) -> Any:
        for step in steps:
            if row is None:
                return None
            row = step(row)
        return row

    return get


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition: `among` holds the values of an equality, `bounds` the inclusive ends of a range."""

    path: str
    test: Callable[[Row], bool]
    among: frozenset[Any] | None = None
    bounds: tuple[Any, Any] | None = None


COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "greaterthan": operator.gt,
    "greaterthanorequal": operator.ge,
    "lessthan": operator.lt,
    "lessthanorequal": operator.le,
    "since": operator.ge,
    "until": operator.le,
}
TEXT_TESTS: dict[str, Callable[[str, str], bool]] = {
    "like": lambda value, part: part.lower() in value.lower(),
    "starts": lambda value, part: value.lower().startswith(part.lower()),
}
UPPER_ENDS = ("until", "lessthanorequal", "greaterthan")


def parse_filter(prop: Prop, text: str, dialect: Dialect) -> Filter:
    """`v1,v2`, `between,a,b`, `since,t`, `notequal,null`, … on one property."""
    head, *rest = text.split(",")
    word = head.lower()
    if word in COMPARISONS or word in TEXT_TESTS:
        return _compare(prop, word, _only(prop, rest), dialect)
    if word == "between":
        return _between(prop, rest, dialect)
    values = rest if word in ("notequal", "equals") else [head, *rest]
    if len(values) > LIST_LIMIT:
        raise BadQueryError(f"More than {LIST_LIMIT} values for '{prop.name}'")
    among = frozenset(_parse(prop, value, dialect) for value in values)
    if word == "notequal":
        return Filter(prop.name, lambda row: prop.get(row) not in among)
    return Filter(prop.name, lambda row: prop.get(row) in among, among)


def _compare(prop: Prop, word: str, text: str, dialect: Dialect) -> Filter:
    if word in TEXT_TESTS:
        holds, wanted = TEXT_TESTS[word], text
        _insist(prop, word, prop.kind == "text")
    else:
        holds = COMPARISONS[word]
        is_number = prop.kind == "int" and word not in ("since", "until")
        _insist(prop, word, is_number or prop.kind in ("day", "moment"))
        wanted = _end(prop, text, dialect, last=word in UPPER_ENDS)
    return Filter(prop.name, lambda row: (value := prop.get(row)) is not None and holds(value, wanted))


def _between(prop: Prop, ends: list[str], dialect: Dialect) -> Filter:
    _insist(prop, "between", prop.kind in ("day", "moment", "int") and len(ends) == len(("first", "last")))
    first, last = _end(prop, ends[0], dialect), _end(prop, ends[1], dialect, last=True)
    return Filter(
        prop.name,
        lambda row: (value := prop.get(row)) is not None and first <= value <= last,
        bounds=(first, last),
    )


def _only(prop: Prop, values: list[str]) -> str:
    if len(values) != 1:
        raise BadQueryError(f"One value expected for '{prop.name}'")
    return values[0]


def _insist(prop: Prop, word: str, fits: bool) -> None:
    if not fits:
        raise BadQueryError(f"'{word}' cannot be used on '{prop.name}'")


def _end(prop: Prop, text: str, dialect: Dialect, last: bool = False) -> Any:
    value = _parse(prop, text, dialect, last)
    _insist(prop, "null", value is not None)
    return value


def _parse(prop: Prop, text: str, dialect: Dialect, last: bool = False) -> Any:
    if text.lower() == "null":
        return None
    try:
        return _READERS[prop.kind](text, dialect, last)
    except (ValueError, KeyError) as error:
        raise BadQueryError(f"'{text}' is no value for '{prop.name}'") from error


_READERS: dict[str, Callable[[str, Dialect, bool], Any]] = {
    "int": lambda text, _dialect, _last: int(text),
    "text": lambda text, _dialect, _last: text,
    "bool": lambda text, _dialect, _last: {"true": True, "false": False}[text.lower()],
    "day": lambda text, dialect, _last: dialect.from_day(text),
    "moment": lambda text, dialect, last: dialect.from_moment(text, last),
}


def sort(rows: list[Row], kinds: Mapping[str, Kind], name: str, order_by: str) -> list[Row]:
    """`field,asc|desc` pairs, applied to a copy of the rows; unset values come first."""
    words = order_by.split(",")
    pairs = list(zip(words[::2], words[1::2], strict=False))
    if len(words) % 2 or not all(way.lower() in ("asc", "desc") for _, way in pairs):
        raise BadQueryError(f"orderBy takes pairs of a field and asc or desc, not '{order_by}'")
    for path, way in reversed(pairs):
        rows = sorted(rows, key=_sortable(follow(kinds, name, path).get), reverse=way.lower() == "desc")
    return rows


def _sortable(get: Getter) -> Callable[[Row], tuple[bool, Any]]:
    def key(row: Row) -> tuple[bool, Any]:
        value = get(row)
        return (value is not None, value)

    return key


def parse_paging(text: str | None, default: int, largest: int) -> tuple[int, int]:
    """`offset,limit`, both counted in rows from 0; without it the first page of the default size."""
    if text is None:
        return 0, default
    parts = text.split(",")
    if parts == ["1"]:
        return 0, default
    if len(parts) != len(("offset", "limit")) or not all(part.strip().isdecimal() for part in parts):
        raise BadQueryError(f"paging takes offset,limit, not '{text}'")
    offset, limit = int(parts[0]), int(parts[1])
    if not 1 <= limit <= largest:
        raise BadQueryError(f"The limit must be between 1 and {largest}, not {limit}")
    return offset, limit
