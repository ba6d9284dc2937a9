"""The calendar API as its vendor describes it: is this request, or this answer, one of its?

The description is the discovery document that ships inside google-api-python-client; that library's
code is not imported, so what it gets wrong is not repeated here.
"""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

Schema = Mapping[str, Any]
_Check = Callable[[Any, str], Iterator[str]]
_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(?P<offset>Z|[+-]\d\d:\d\d)?\Z")
_INT32 = range(-(2**31), 2**31)
_OBJECT = "object"


@dataclass(frozen=True, slots=True)
class Method:
    """One method of the API, such as calendar.events.insert."""

    id: str
    http: str
    segments: tuple[str, ...]
    scopes: frozenset[str]
    parameters: Mapping[str, Schema]
    request: str | None
    response: str | None

    def arguments(self, segments: list[str]) -> dict[str, str] | None:
        """Match the decoded path segments; None when this is not the method they name."""
        found = {}
        for mine, given in zip(self.segments, segments, strict=True):
            if mine.startswith("{"):
                found[mine[1:-1]] = given
            elif mine != given:
                return None
        return found


class Discovery:
    """The methods and schemas of one discovery document, ready to check with."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.revision: str = document["revision"]
        self.schemas: Mapping[str, Schema] = document["schemas"]
        self._prefix = f"/{document['servicePath']}"
        self._methods = sorted(_methods(document), key=lambda m: sum(s.startswith("{") for s in m.segments))
        self._checks: dict[tuple[str, str, str], _Check] = {}

    def find(self, http: str, raw_path: str) -> tuple[Method, dict[str, str]] | None:
        """Find the method and its path arguments; None for a path the API does not have."""
        if not raw_path.startswith(self._prefix):
            return None
        segments = [unquote(part) for part in raw_path.removeprefix(self._prefix).split("/")]
        for method in self._methods:
            if method.http == http and len(method.segments) == len(segments):
                arguments = method.arguments(segments)
                if arguments is not None:
                    return method, arguments
        return None

    def check_query(self, method: Method, query: Mapping[str, list[str]]) -> list[str]:
        """List what is wrong with the query parameters of a request."""
        problems = []
        for name, values in query.items():
            rule = method.parameters.get(name)
            if rule is None or rule["location"] != "query":
                problems.append(f"unknown parameter {name!r}")
            elif len(values) > 1 and not rule.get("repeated"):
                problems.append(f"parameter {name!r} given more than once")
            else:
                problems.extend(p for value in values for p in _parameter(rule, name, value))
        needed = (n for n, rule in method.parameters.items() if rule.get("required"))
        problems.extend(
            f"missing parameter {n!r}"
            for n in needed
            if n not in query and method.parameters[n]["location"] == "query"
        )
        return problems

    def check_body(self, method: Method, body: Any) -> list[str]:
        """List what is wrong with the body of a request; None stands for no body at all."""
        if method.request is None or body is None:
            return [] if (method.request is None) == (body is None) else [_body_or_not(method)]
        # A patch says null for "remove this", which the schemas, strictly read, do not allow.
        mode = "patch" if method.http == "PATCH" else "body"
        return list(self._check(method.request, mode, method.id)(body, "body"))

    def check_answer(self, method: Method, answer: Any, *, partial: bool = False) -> list[str]:
        """List what is wrong with an answer; `partial` when `fields` selected some of it only."""
        if method.response is None or answer is None:
            return [] if (method.response is None) == (answer is None) else ["the answer has or lacks a body"]
        problems = list(self._check(method.response, "answer", method.id)(answer, "answer"))
        kind = self.schemas[method.response]["properties"].get("kind", {}).get("default")
        if kind and answer.get("kind", kind if partial else None) != kind:
            problems.append(f"answer.kind is {answer.get('kind')!r} instead of {kind!r}")
        return problems

    def _check(self, schema: str, mode: str, method: str) -> _Check:
        key = (schema, mode, method)
        if key not in self._checks:
            self._checks[key] = _Compiler(self.schemas, mode, method).reference(schema)
        return self._checks[key]


@lru_cache(maxsize=1)
def calendar() -> Discovery:
    """Load the description of calendar v3; FileNotFoundError when the client library is not installed."""
    found = importlib.util.find_spec("googleapiclient")
    if found is None or not found.submodule_search_locations:
        raise FileNotFoundError("install google-api-python-client: the Google stand-in is checked against it")
    folder = Path(found.submodule_search_locations[0]) / "discovery_cache" / "documents"
    return Discovery(json.loads((folder / "calendar.v3.json").read_text("utf-8")))


def _methods(node: Mapping[str, Any], shared: Mapping[str, Schema] | None = None) -> Iterator[Method]:
    shared = node["parameters"] if shared is None else shared
    for raw in node.get("methods", {}).values():
        yield Method(
            id=raw["id"],
            http=raw["httpMethod"],
            segments=tuple(raw["path"].split("/")),
            scopes=frozenset(raw.get("scopes", ())),
            parameters={**shared, **raw.get("parameters", {})},
            request=raw.get("request", {}).get("$ref"),
            response=raw.get("response", {}).get("$ref"),
        )
    for child in node.get("resources", {}).values():
        yield from _methods(child, shared)


def _body_or_not(method: Method) -> str:
    return "missing body" if method.request else f"{method.id} takes no body"


def _parameter(rule: Schema, name: str, text: str) -> Iterator[str]:
    if rule["type"] == "boolean" and text not in ("true", "false"):
        yield f"parameter {name!r} must be true or false, not {text!r}"
    elif rule["type"] == "integer":
        low, high = int(rule.get("minimum", _INT32[0])), int(rule.get("maximum", _INT32[-1]))
        if not re.fullmatch(r"-?\d+", text) or not low <= int(text) <= high:
            yield f"parameter {name!r} must be a number from {low} to {high}, not {text!r}"
    elif "enum" in rule and text not in rule["enum"]:
        yield f"parameter {name!r} must be one of {', '.join(rule['enum'])}, not {text!r}"
    elif rule.get("format") == "date-time" and not is_date_time(text, offset_needed=True):
        yield f"parameter {name!r} must be a time with an offset, not {text!r}"


def is_date_time(text: str, *, offset_needed: bool) -> bool:
    """Say whether a text is an RFC 3339 time of a day that exists."""
    match = _DATE_TIME.match(text)
    return bool(match and (match["offset"] or not offset_needed) and _parses(datetime, text))


def _parses(kind: type[date], text: str) -> bool:
    try:
        kind.fromisoformat(text)
    except ValueError:
        return False
    return True


class _Compiler:
    """Turns schemas into checks, once per schema, for bodies, patches or answers of one method."""

    def __init__(self, schemas: Mapping[str, Schema], mode: str, method: str) -> None:
        self._schemas, self._mode, self._method = schemas, mode, method
        self._known: dict[str, _Check] = {}

    def reference(self, name: str) -> _Check:
        if name not in self._known:
            # Schemas may contain themselves: what is looked up while compiling is filled in afterwards.
            def later(value: Any, where: str) -> Iterator[str]:
                return self._known[name](value, where)

            self._known[name] = later
            self._known[name] = self.compile(self._schemas[name])
        return self._known[name]

    def compile(self, schema: Schema) -> _Check:
        if "$ref" in schema:
            return self.reference(schema["$ref"])
        if schema["type"] == _OBJECT:
            return self._object(schema)
        if schema["type"] == "array":
            return _array(self.compile(schema["items"]))
        return _scalar(schema, offset_needed=self._mode == "answer")

    def _object(self, schema: Schema) -> _Check:
        named = {name: self.compile(rule) for name, rule in schema.get("properties", {}).items()}
        extra = schema.get("additionalProperties")
        others = self.compile(extra) if isinstance(extra, Mapping) else None
        needed = [n for n, rule in schema.get("properties", {}).items() if self._needs(rule)]
        nulls = self._mode == "patch"

        def check(value: Any, where: str) -> Iterator[str]:
            if not isinstance(value, dict):
                yield f"{where} must be an object"
                return
            yield from (f"{where}.{name} is required" for name in needed if name not in value)
            for name, item in value.items():
                rule = named.get(name, others)
                if rule is None:
                    yield f"{where}.{name} is not a known field"
                elif not (nulls and item is None):
                    yield from rule(item, f"{where}.{name}")

        return check

    def _needs(self, rule: Schema) -> bool:
        methods = rule.get("annotations", {}).get("required", ())
        return self._mode == "body" and self._method in methods


def _array(items: _Check) -> _Check:
    def check(value: Any, where: str) -> Iterator[str]:
        if not isinstance(value, list):
            yield f"{where} must be a list"
            return
        for number, item in enumerate(value):
            yield from items(item, f"{where}[{number}]")

    return check


def _scalar(schema: Schema, *, offset_needed: bool) -> _Check:
    test = _TESTS.get((schema["type"], schema.get("format")))
    if schema.get("format") == "date-time":

        def test(value: Any) -> bool:
            return isinstance(value, str) and is_date_time(value, offset_needed=offset_needed)

    if test is None:
        raise ValueError(f"the discovery document uses a type this check does not know: {schema}")
    fits, wanted = test, " ".join(filter(None, (schema["type"], schema.get("format"))))

    def check(value: Any, where: str) -> Iterator[str]:
        if not fits(value):
            yield f"{where} must be {wanted}, not {value!r}"

    return check


def _integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


_TESTS: Mapping[tuple[str, str | None], Callable[[Any], bool]] = {
    ("any", None): lambda _: True,
    ("string", None): lambda value: isinstance(value, str),
    ("boolean", None): lambda value: isinstance(value, bool),
    ("integer", "int32"): lambda value: _integer(value) and value in _INT32,
    ("integer", "uint32"): lambda value: _integer(value) and 0 <= value < 2**32,
    ("string", "int64"): lambda value: isinstance(value, str) and bool(re.fullmatch(r"-?\d{1,19}", value)),
    ("string", "date"): lambda value: isinstance(value, str) and len(value) == 10 and _parses(date, value),
    ("number", "double"): lambda value: isinstance(value, float) or _integer(value),
}
