"""$filter: which events a listing wants, in that part of OData which Outlook understands."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from figgo_ops.sandbox import exchange_times as times
from figgo_ops.sandbox.exchange_store import Item, PropertyPath
from figgo_ops.sandbox.microsoft365_call import GraphError
from figgo_ops.sandbox.microsoft365_shape import EXTENDED, KINDS, property_path

Test = Callable[[Item], bool]
_TOKEN = re.compile(
    r"\s*(?:(?P<string>'(?:[^']|'')*')|(?P<moment>\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)?)"
    r"|(?P<word>[A-Za-z_][\w/]*)|(?P<sign>[(),:]))"
)
_ORDERS: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
}
_TEXTS: Mapping[str, Callable[[str, str], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "contains": operator.contains,
    "startswith": str.startswith,
}
_COMPARED_VALUES = ("eq", "ne")
_DEEPEST = 50


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a filter: its kind (string, moment, word, sign or end) and what it says."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Filter:
    """A test of an item, and the properties it looks at in the order they were named."""

    test: Test
    paths: tuple[str, ...]


def read_filter(text: str) -> Filter:
    """Read $filter; GraphError for what is no filter, or one that Outlook does not understand."""
    reader = _Reader(tokens(text))
    test = reader.either(0)
    reader.expect("end", "")
    return Filter(test, tuple(reader.paths))


def tokens(text: str) -> list[Token]:
    """Take a filter apart; GraphError where that fails."""
    found, at, whole = [], 0, text.rstrip()
    while at < len(whole):
        read = _TOKEN.match(whole, at)
        if read is None or read.lastgroup is None:
            raise bad_clause(f"there is something unexpected at position {at} in '{text}'")
        said = read[read.lastgroup]
        found.append(Token(read.lastgroup, _unquoted(said) if read.lastgroup == "string" else said))
        at = read.end()
    return [*found, Token("end", "")]


def bad_clause(why: str) -> GraphError:
    """Say that a clause cannot be read."""
    return GraphError(400, "BadRequest", f"Invalid filter clause: {why}.")


def bad_node(what: str) -> GraphError:
    """Say that a clause asks for what cannot be asked."""
    return GraphError(
        400, "ErrorInvalidUrlQueryFilter", f"The query filter contains one or more invalid nodes: {what}."
    )


def _unquoted(text: str) -> str:
    return text[1:-1].replace("''", "'")


class Pieces:
    """The pieces of a filter, taken one after the other."""

    def __init__(self, pieces: list[Token]) -> None:
        self._pieces, self._at = pieces, 0

    @property
    def next(self) -> Token:
        """The piece that comes next."""
        return self._pieces[self._at]

    def take(self, kind: str) -> str:
        """Take the next piece, which is of a kind."""
        return self.expect(kind, None)

    def expect(self, kind: str, text: str | None) -> str:
        """Take the next piece, which is of a kind and, unless None, says just that."""
        found = self.next
        if found.kind != kind or text not in (None, found.text):
            raise bad_clause(f"'{found.text}' stands where a {kind} should, {text or 'whatever it says'}")
        self._at += 1
        return found.text

    def taken(self, kind: str, text: str) -> bool:
        """Take the next piece if it is this one."""
        if self.next != Token(kind, text):
            return False
        self._at += 1
        return True


class _Reader(Pieces):
    """Reads an expression: or binds least, then and, then not."""

    def __init__(self, pieces: list[Token]) -> None:
        super().__init__(pieces)
        self.paths: list[str] = []

    def either(self, deep: int) -> Test:
        parts = [self._all(deep)]
        while self.taken("word", "or"):
            parts.append(self._all(deep))
        return parts[0] if len(parts) == 1 else lambda item: any(part(item) for part in parts)

    def _all(self, deep: int) -> Test:
        parts = [self._one(deep)]
        while self.taken("word", "and"):
            parts.append(self._one(deep))
        return parts[0] if len(parts) == 1 else lambda item: all(part(item) for part in parts)

    def _one(self, deep: int) -> Test:
        if deep > _DEEPEST:
            raise GraphError(400, "InefficientFilter", "The restriction or sort order is too complex.")
        if self.taken("word", "not"):
            inner = self._one(deep + 1)
            return lambda item: not inner(item)
        if self.taken("sign", "("):
            test = self.either(deep + 1)
            self.expect("sign", ")")
            return test
        name = self.take("word")
        if name in (f"{EXTENDED}/Any", f"{EXTENDED}/any"):
            return self._any()
        if self.taken("sign", "("):
            return self._function(name)
        return self._comparison(name)

    def _function(self, name: str) -> Test:
        path = self.take("word")
        self.expect("sign", ",")
        wanted = self.take("string").casefold()
        self.expect("sign", ")")
        if (name, path) != ("startswith", "subject"):
            raise bad_node(f"{name}({path})")
        self.paths.append(path)
        return lambda item: (item.subject or "").casefold().startswith(wanted)

    def _comparison(self, path: str) -> Test:
        sign, literal = self.take("word"), self.next
        self.take(literal.kind)
        make = _FIELDS.get(path)
        if make is None or sign not in _ORDERS:
            raise bad_node(f"{path} {sign}")
        self.paths.append(path)
        return make(path, sign, literal)

    def _any(self) -> Test:
        self.paths.append(EXTENDED)
        self.expect("sign", "(")
        name = self.take("word")
        self.expect("sign", ":")
        paths: list[PropertyPath] = []
        wanted: list[Callable[[str], bool]] = []
        while True:
            self._about(name, paths, wanted)
            if not self.taken("word", "and"):
                break
        self.expect("sign", ")")
        # The id alone selects nothing: the service wants to know which values are meant.
        if len(paths) != 1 or not wanted:
            raise bad_node("an extended property is filtered by one id and its value")
        return lambda item: _has(item, paths[0], wanted)

    def _about(self, name: str, paths: list[PropertyPath], wanted: list[Callable[[str], bool]]) -> None:
        """Read one condition on a property: its id, or what its value must be."""
        word = self.take("word")
        if word == f"{name}/id":
            self.expect("word", "eq")
            paths.append(property_path(self.take("string")))
        elif word == f"{name}/value":
            wanted.append(self._value())
        elif word in _TEXTS and word not in _COMPARED_VALUES:
            self.expect("sign", "(")
            self.expect("word", f"{name}/value")
            self.expect("sign", ",")
            wanted.append(_matches(word, self.take("string")))
            self.expect("sign", ")")
        else:
            raise bad_node(word)

    def _value(self) -> Callable[[str], bool]:
        sign = self.take("word")
        if self.next == Token("word", "null") and sign == "ne":
            self.take("word")
            return lambda _value: True
        if sign not in _COMPARED_VALUES or self.next.kind != "string":
            raise bad_node(f"value {sign} {self.next.text}")
        return _matches(sign, self.take("string"))


def _matches(sign: str, text: str) -> Callable[[str], bool]:
    compare, wanted = _TEXTS[sign], text.casefold()
    return lambda value: compare(value.casefold(), wanted)


def _has(item: Item, path: PropertyPath, wanted: list[Callable[[str], bool]]) -> bool:
    value = item.properties.get(path)
    return isinstance(value, str) and all(test(value) for test in wanted)


def _moment(path: str, literal: Token) -> datetime:
    kind = "moment" if path == "lastModifiedDateTime" else "string"
    try:
        if literal.kind != kind:
            raise ValueError(literal.text)
        return times.instant(times.read_date_time(literal.text), "UTC")
    except ValueError:
        raise bad_node(f"'{literal.text}' is no time to compare {path} with") from None


def _timed(path: str, sign: str, literal: Token) -> Test:
    compare, wanted = _ORDERS[sign], _moment(path, literal)
    attribute = {"start/dateTime": "start", "end/dateTime": "end"}.get(path, "modified")
    # The stored instant: of days the midnights of their own zone, not those that answers show.
    return lambda item: compare(getattr(item, attribute), wanted)


def _subject(path: str, sign: str, literal: Token) -> Test:
    if sign != "eq" or literal.kind != "string":
        raise bad_node(f"{path} {sign} {literal.text}")
    wanted = literal.text.casefold()
    return lambda item: (item.subject or "").casefold() == wanted


def _kind(path: str, sign: str, literal: Token) -> Test:
    if sign != "eq" or literal.kind != "string" or literal.text not in (*KINDS.values(), "exception"):
        raise bad_node(f"{path} {sign} {literal.text}")
    return lambda item: KINDS[item.kind] == literal.text


def _all_day(path: str, sign: str, literal: Token) -> Test:
    if sign != "eq" or literal not in (Token("word", "true"), Token("word", "false")):
        raise bad_node(f"{path} {sign} {literal.text}")
    return lambda item: item.all_day is (literal.text == "true")


_FIELDS: Mapping[str, Callable[[str, str, Token], Test]] = {
    **dict.fromkeys(("start/dateTime", "end/dateTime", "lastModifiedDateTime"), _timed),
    "subject": _subject,
    "type": _kind,
    "isAllDay": _all_day,
}
