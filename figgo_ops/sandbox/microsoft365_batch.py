"""Requests to Graph as they come: alone, or up to twenty in one JSON batch."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from figgo_ops.sandbox.messages import Headers, Request
from figgo_ops.sandbox.microsoft365_call import Answer, GraphError

ROOT = "/v1.0"
PATH = f"{ROOT}/$batch"
MOST = 20

_METHODS = ("GET", "POST", "PATCH", "PUT", "DELETE")
_KEYS = {"id", "method", "url", "headers", "body", "dependsOn"}
_JSON = {
    "Cache-Control": "private",
    "Content-Type": "application/json;odata.metadata=minimal;odata.streaming=true;"
    "IEEE754Compatible=false;charset=utf-8",
    "OData-Version": "4.0",
}


@dataclass(frozen=True, slots=True)
class Item:
    """One request, alone or of a batch, taken apart but not judged.

    Attributes:
        segments: of the path below the version, decoded.
        headers: its own, or those of the request that it is.
        content: the JSON body, None without one.
        problem: why it cannot be carried out; the others of its batch can.
    """

    id: str
    method: str
    segments: tuple[str, ...]
    query: Mapping[str, str]
    headers: Headers
    content: Any = None
    after: tuple[str, ...] = ()
    problem: GraphError | None = None

    @property
    def user(self) -> str:
        """The mailbox or person it names, in lower case, or ""."""
        return self.segments[1].lower() if self.segments[:1] == ("users",) and len(self.segments) > 1 else ""

    @property
    def path(self) -> tuple[str, ...]:
        """What is asked of that mailbox; () of the directory."""
        return self.segments[2:] if self.user else ()


@dataclass(slots=True)
class _Parts:
    segments: tuple[str, ...]
    query: dict[str, str] = field(default_factory=dict)
    problem: GraphError | None = None


def is_batch(request: Request) -> bool:
    """Say whether a request is meant for the batch endpoint."""
    return request.path.lower() == PATH


def read_alone(request: Request) -> Item:
    """Take a request apart that is no batch."""
    parts = _read_url(request.target.removeprefix(ROOT))
    content = None
    if request.body:
        try:
            content = request.json()
        except ValueError:
            parts.problem = GraphError(400, "BadRequest", "Unable to read JSON request payload.")
        if not request.headers.get("Content-Type", "").lower().startswith("application/json"):
            parts.problem = GraphError(415, "UnsupportedMediaType", "The content type is not supported.")
    return Item(
        "", request.method, parts.segments, parts.query, request.headers, content, problem=parts.problem
    )


@lru_cache(maxsize=64)
def read_batch(body: bytes) -> tuple[Item, ...]:
    """Take a batch apart; GraphError for what makes Graph refuse the whole of it."""
    try:
        asked = json.loads(body)["requests"]
    except (ValueError, TypeError, KeyError):
        raise _bad("Invalid batch payload format.") from None
    if not isinstance(asked, list) or not asked:
        raise _bad("Invalid batch payload format.")
    if len(asked) > MOST:
        text = f"Number of batch request steps exceeds the maximum value of {MOST}."
        raise GraphError(400, "MaximumValueExceeded", text)
    items = tuple(_read_item(one) for one in asked)
    _check_ids(items)
    _check_order(items)
    return items


def carry_out(items: Sequence[Item], perform: Callable[[int, Item], Answer]) -> list[dict[str, Any]]:
    """Carry a batch out, item by item, and spell the answers; what depends on a failure is not tried."""
    answers: dict[str, Answer] = {}
    for index, item in enumerate(items):
        failed = [one for one in item.after if answers[one].status >= 400]
        answers[item.id] = _failed_dependency(failed[0]) if failed else perform(index, item)
    return [_spelled(item.id, answers[item.id]) for item in items]


def headers_of(answer: Answer) -> dict[str, str]:
    """The header fields of an answer, alone or in a batch."""
    return {**(_JSON if answer.content is not None else {"Cache-Control": "private"}), **answer.headers}


def _spelled(name: str, answer: Answer) -> dict[str, Any]:
    body = {} if answer.content is None else {"body": answer.content}
    return {"id": name, "status": answer.status, "headers": headers_of(answer), **body}


def _failed_dependency(name: str) -> Answer:
    text = f"The request depends on the request '{name}', which failed."
    return Answer(424, {"error": {"code": "FailedDependency", "message": text}})


def _read_item(one: Any) -> Item:
    if not isinstance(one, dict) or set(one) - _KEYS or not all(one.get(k) for k in ("id", "method", "url")):
        raise _bad("Invalid batch payload format.")
    name, method, url = one["id"], one["method"], one["url"]
    headers, after = one.get("headers") or {}, one.get("dependsOn") or []
    if not isinstance(headers, dict) or not isinstance(after, list):
        raise _bad("Invalid batch payload format.")
    if not all(isinstance(text, str) for text in (name, method, url, *after, *headers, *headers.values())):
        raise _bad("Invalid batch payload format.")
    if method.upper() not in _METHODS:
        raise _bad(f"Unsupported request method of request Id : {name}.")
    if not url.startswith("/") or url.startswith("//"):
        raise _bad(f"Invalid batch request url of request Id : {name}: it is to be relative.")
    if url.lower().startswith("/$batch"):
        raise _bad(f"A batch cannot be part of a batch: request Id : {name}.")
    _check_body(one, method.upper(), {key.lower() for key in headers})
    parts = _read_url(url)
    return Item(
        name,
        method.upper(),
        parts.segments,
        parts.query,
        Headers(list(headers.items())),
        one.get("body"),
        tuple(after),
        parts.problem,
    )


def _check_body(one: Mapping[str, Any], method: str, named: set[str]) -> None:
    has_body = one.get("body") is not None
    if has_body and "content-type" not in named:
        raise _bad(f"Write request id : {one['id']} does not contain Content-Type header or body.")
    if method in ("PATCH", "PUT") and not has_body:
        raise _bad(f"Write request id : {one['id']} does not contain Content-Type header or body.")


def _check_ids(items: Sequence[Item]) -> None:
    seen: set[str] = set()
    for item in items:
        if item.id.lower() in seen:
            raise _bad(f"Request Id {item.id} has to be unique in a batch.")
        seen.add(item.id.lower())


def _check_order(items: Sequence[Item]) -> None:
    """Graph takes all at once, each after the one before, or all after the same one."""
    serial = [() if index == 0 else (items[index - 1].id,) for index in range(len(items))]
    used = [item.after for item in items]
    first = next((after for after in used if after), ())
    known = [item.id for item in items]
    same = len(first) == 1 and all(
        after in ((), first) and (not after or first[0] in known[:index]) for index, after in enumerate(used)
    )
    if first and used != serial and not same:
        raise _bad("The property dependsOn follows none of the patterns that are supported.")


def _read_url(url: str) -> _Parts:
    split = urlsplit(url)
    parts = _Parts(tuple(unquote(one) for one in split.path.strip("/").split("/")))
    for name, values in parse_qs(split.query, keep_blank_values=True).items():
        parts.query[name] = values[-1]
        if len(values) > 1:
            text = (
                f"Query option '{name}' was specified more than once, but it must be specified at most once."
            )
            parts.problem = GraphError(400, "BadRequest", text)
    return parts


def _bad(text: str) -> GraphError:
    return GraphError(400, "BadRequest", text)
