"""Faults are said, not coded: what shall go wrong, where, for whom and how often."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from figgo_ops.sandbox.messages import Request

KINDS: Mapping[str, str] = {
    "status": "answer without committing; value: a status, or {status, headers, body, reason, message}",
    "status-after": "commit, then give that answer instead of the true one; value as for status",
    "delay": "wait, then answer as usual; value: seconds",
    "drop-before": "close the connection without committing or answering",
    "drop-after": "commit, then close the connection without answering",
    "reset-before": "reset the connection without committing or answering",
    "reset-after": "commit, then reset the connection without answering",
    "late-commit": "close the connection, commit later; value: seconds, or nothing to wait for settle",
    "cut-body": "commit, announce the whole answer, send half of it, close",
    "drip": "commit, send the answer a few bytes at a time; value: seconds in all",
    "silence": "never answer; value: 'before' (nothing committed) or 'after' (committed)",
    "html": "status 200 with a page of HTML, nothing committed; value: the page",
    "cut-json": "commit, answer 200 with half of the JSON and a length that agrees with it",
    "certificate": "show new connections a bad certificate; value: expired, not-yet-valid, ending (in ten "
    "days), wrong-name, self-signed or untrusted (another authority's)",
}
_SECONDS = {"delay", "drip", "late-commit"}
_CHOICES = {
    "silence": (None, "before", "after"),
    "certificate": ("expired", "not-yet-valid", "ending", "wrong-name", "self-signed", "untrusted"),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong: at the requests it matches, after the first `after`, `times` times.

    `method`, `path`, `query` and `principal` are shell patterns (`*`, `?`, `[…]`); `times` None means always.
    `path` is matched against the request's place, which for most services is its path.
    """

    service: str
    kind: str
    method: str = "*"
    path: str = "*"
    principal: str = "*"
    query: str = "*"
    after: int = 0
    times: int | None = 1
    value: Any = None

    def __post_init__(self) -> None:
        """Refuse a fault that could not be played."""
        if self.kind not in KINDS:
            raise ValueError(f"unknown fault {self.kind!r}; known: {', '.join(KINDS)}")
        if self.after < 0 or (self.times is not None and self.times < 1):
            raise ValueError("a fault needs after >= 0 and times >= 1 (or no times: always)")
        self._check_value()

    def _check_value(self) -> None:
        choices = _CHOICES.get(self.kind)
        if choices and self.value not in choices:
            raise ValueError(f"fault {self.kind!r}: the value must be one of {choices}, not {self.value!r}")
        if self.kind in _SECONDS and not (isinstance(self.value, (int, float)) or self._waits_for_settle()):
            raise ValueError(f"fault {self.kind!r}: the value must be seconds, not {self.value!r}")
        if self.kind.startswith("status"):
            status = self.answer.get("status")
            if not isinstance(status, int) or not 200 <= status <= 599:
                raise ValueError(f"fault {self.kind!r}: the value must name a status from 200 to 599")

    def _waits_for_settle(self) -> bool:
        return self.kind == "late-commit" and self.value is None

    @property
    def answer(self) -> Mapping[str, Any]:
        """What a status fault answers; a bare number is the status alone."""
        return self.value if isinstance(self.value, Mapping) else {"status": self.value}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Fault:
        """Read a fault from the control server's JSON; ValueError says what does not fit."""
        unknown = sorted(set(data) - {f.name for f in fields(cls)})
        if unknown:
            raise ValueError(f"unknown field of a fault: {', '.join(unknown)}")
        missing = sorted({"service", "kind"} - set(data))
        if missing:
            raise ValueError(f"a fault needs: {', '.join(missing)}")
        return cls(**data)

    def fits(self, service: str, request: Request) -> bool:
        """Say whether this fault is meant for that request, counts aside."""
        return (
            service == self.service
            and fnmatchcase(request.method, self.method)
            and fnmatchcase(request.place or request.path, self.path)
            and fnmatchcase(request.principal, self.principal)
            and fnmatchcase(urlsplit(request.target).query, self.query)
        )


class _Armed:
    """A fault with its count of the requests that matched."""

    __slots__ = ("fault", "seen", "struck")

    def __init__(self, fault: Fault) -> None:
        self.fault, self.seen, self.struck = fault, 0, 0

    def strikes(self) -> bool:
        self.seen += 1
        times = self.fault.times
        strikes = self.seen > self.fault.after and (times is None or self.seen <= self.fault.after + times)
        self.struck += strikes
        return strikes


class Faults:
    """The faults that are armed now, and the commits that were put off; safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ids = itertools.count(1)
        self._armed: dict[int, _Armed] = {}
        self._pending: dict[int, tuple[Callable[[], object], threading.Timer | None]] = {}

    def add(self, fault: Fault) -> int:
        """Arm a fault and return its id."""
        with self._lock:
            number = next(self._ids)
            self._armed[number] = _Armed(fault)
            return number

    def remove(self, number: int) -> None:
        """Disarm one fault; KeyError when there is none of that id."""
        with self._lock:
            del self._armed[number]

    def clear(self) -> None:
        """Disarm all faults; commits already put off still happen."""
        with self._lock:
            self._armed.clear()

    def struck(self, number: int) -> int:
        """Count how often an armed fault has struck; KeyError when there is none of that id."""
        with self._lock:
            return self._armed[number].struck

    def match(self, service: str, request: Request) -> Fault | None:
        """Return the fault that strikes this request and count it; of several, the one added first."""
        return self._strike(lambda f: f.kind != "certificate" and f.fits(service, request))

    def match_connection(self, service: str) -> Fault | None:
        """Return the certificate fault that strikes a new connection to that service, and count it."""
        return self._strike(lambda f: f.kind == "certificate" and f.service == service)

    def _strike(self, fits: Callable[[Fault], bool]) -> Fault | None:
        with self._lock:
            # Lazy on purpose: a request that one fault strikes is not counted by those added later.
            hits = (armed.fault for armed in self._armed.values() if fits(armed.fault) and armed.strikes())
            return next(hits, None)

    def defer(self, commit: Callable[[], object], seconds: float | None) -> None:
        """Put a commit off: for that long, or (None) until `settle` is called."""
        with self._lock:
            number = next(self._ids)
            timer = None if seconds is None else threading.Timer(seconds, self._settle_one, (number,))
            self._pending[number] = (commit, timer)
        if timer is not None:
            timer.daemon = True
            timer.start()

    def settle(self) -> int:
        """Do now, in order, every commit that was put off; return how many there were."""
        with self._lock:
            numbers = sorted(self._pending)
        return sum(self._settle_one(number) for number in numbers)

    def _settle_one(self, number: int) -> bool:
        with self._lock:
            commit, timer = self._pending.pop(number, (None, None))
        if timer is not None:
            timer.cancel()
        if commit is not None:
            commit()
        return commit is not None
