"""What a stand-in sees and says: requests, responses, the service itself and the log of it all."""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar
from urllib.parse import parse_qs, unquote, urlsplit

_SECRET_PARAMETERS = {"access_token", "key", "oauth_token", "token"}


class Headers(Mapping[str, str]):
    """Header fields by name, whatever its case; a repeated field is joined by commas."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self._values: dict[str, str] = {}
        for name, value in pairs:
            known = self._values.get(name.lower())
            self._values[name.lower()] = value if known is None else f"{known}, {value}"

    def __getitem__(self, name: str) -> str:
        """Return the value of one field; KeyError when it was not sent."""
        return self._values[name.lower()]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names, in lower case."""
        return iter(self._values)

    def __len__(self) -> int:
        """Count the fields."""
        return len(self._values)


@dataclass
class Request:
    """One HTTP request. `path` is decoded, `target` is the request line's own spelling with the query.

    `connection` belongs to the TLS connection: what a handshake such as NTLM must remember goes there.
    `place` is what faults and the log go by: the path, or more where one path takes every kind of request.
    """

    method: str
    target: str
    headers: Headers
    body: bytes = b""
    number: int = 0
    principal: str = ""
    place: str = ""
    started: float = 0.0
    connection: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def raw_path(self) -> str:
        """The path as it was sent, percent signs and all."""
        return urlsplit(self.target).path

    @cached_property
    def path(self) -> str:
        """The decoded path, without the query."""
        return unquote(self.raw_path)

    @cached_property
    def query(self) -> dict[str, list[str]]:
        """The decoded query, every value of every parameter, empty ones included."""
        return parse_qs(urlsplit(self.target).query, keep_blank_values=True)

    def json(self) -> Any:
        """Parse the body; ValueError when it is not JSON."""
        return json.loads(self.body)


@dataclass
class Response:
    """One HTTP answer; length, date and connection fields are added on the wire.

    `repeated` are further fields, for names that stand on several lines, such as WWW-Authenticate.
    """

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    repeated: tuple[tuple[str, str], ...] = ()

    @classmethod
    def json(cls, status: int, content: Any, headers: Mapping[str, str] | None = None) -> Response:
        """Answer with JSON in UTF-8."""
        text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
        # A half of a surrogate pair has no bytes in UTF-8, but JSON can spell it, and Figgo does.
        body = text.encode(errors="backslashreplace")
        return cls(status, body, {"Content-Type": "application/json; charset=UTF-8", **(headers or {})})

    @classmethod
    def text(
        cls, status: int, text: str, kind: str = "text/plain", headers: Mapping[str, str] | None = None
    ) -> Response:
        """Answer with text in UTF-8, by default plain."""
        return cls(status, text.encode(), {"Content-Type": f"{kind}; charset=UTF-8", **(headers or {})})

    @classmethod
    def empty(cls, status: int = 204, headers: Mapping[str, str] | None = None) -> Response:
        """Answer without a body."""
        return cls(status, b"", dict(headers or {}))


class Service:
    """One stand-in: a name, a handler, a lock around it, a clock and switches for unknown rules.

    `choices` declares the switches: name to its allowed values, the first being the default; a value
    that is a type (`int`, `str`, `dict`) allows any value of it and needs a default in `defaults`.
    """

    choices: ClassVar[Mapping[str, tuple[Any, ...]]] = {}
    defaults: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, name: str, clock: Callable[[], float] = time.time) -> None:
        self.name = name
        self.clock = clock
        self.lock = threading.RLock()
        self.switches: dict[str, Any] = {
            key: self.defaults.get(key, allowed[0]) for key, allowed in self.choices.items()
        }

    def handle(self, request: Request) -> Response:
        """Answer one request; called under `lock`."""
        raise NotImplementedError

    def identify(self, request: Request) -> str:
        """Name who is asking, without judging or changing anything; faults and the log go by it."""
        del request
        return ""

    def place(self, request: Request) -> str:
        """Name what is asked for, without judging or changing anything; faults and the log go by it."""
        return request.path

    def arrive(self, request: Request) -> None:
        """Notice, outside `lock`, that a request has arrived whole: from now on it is in flight."""

    def leave(self, request: Request) -> None:
        """Notice, outside `lock`, that a request has its outcome, just before the client can know it."""

    def refusal(self, answer: Mapping[str, Any]) -> Response:
        """Turn a status fault's {status, headers, body, …} into an answer in the vendor's manner."""
        body = answer.get("body", "")
        if isinstance(body, str):
            return Response.text(answer["status"], body, headers=answer.get("headers"))
        return Response.json(answer["status"], body, answer.get("headers"))

    def switch(self, name: str, value: Any) -> None:
        """Set a switch; ValueError names the known switches or the values this one takes."""
        allowed = self.choices.get(name)
        if allowed is None:
            known = ", ".join(sorted(self.choices)) or "none"
            raise ValueError(f"{self.name} has no switch {name!r}; known: {known}")
        if not any(_admits(choice, value) for choice in allowed):
            raise ValueError(f"switch {name!r} of {self.name} takes one of {allowed}, not {value!r}")
        with self.lock:
            self.switches[name] = value


def _admits(choice: Any, value: Any) -> bool:
    if isinstance(choice, type):
        return isinstance(value, choice)
    return bool(choice == value and isinstance(value, bool) == isinstance(choice, bool))


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the log: who asked what and what was answered (status 0: nothing). Holds no secret.

    `path` is the request's place.
    """

    number: int
    service: str
    method: str
    path: str
    query: Mapping[str, list[str]]
    principal: str
    status: int
    fault: str | None
    started: float
    size: int


class RequestLog:
    """Every request to every stand-in, in the order of their answers; safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._entries: list[Entry] = []

    def next_number(self) -> int:
        """Give out the running number of a request."""
        return next(self._numbers)

    def add(self, service: str, request: Request, status: int, fault: str | None) -> None:
        """Write down one request and its answer; headers and bodies are never kept."""
        shown = {k: ["…"] if k in _SECRET_PARAMETERS else v for k, v in request.query.items()}
        entry = Entry(
            number=request.number,
            service=service,
            method=request.method,
            path=request.place or request.path,
            query=shown,
            principal=request.principal,
            status=status,
            fault=fault,
            started=request.started,
            size=len(request.body),
        )
        with self._lock:
            self._entries.append(entry)

    def entries(self, service: str | None = None, path_prefix: str | None = None) -> list[Entry]:
        """List the entries so far, of one service or under one path if asked."""
        with self._lock:
            entries = list(self._entries)
        return [
            entry
            for entry in entries
            if (service is None or entry.service == service)
            and (path_prefix is None or entry.path.startswith(path_prefix))
        ]

    def clear(self) -> None:
        """Forget all entries; numbers go on."""
        with self._lock:
            self._entries.clear()
