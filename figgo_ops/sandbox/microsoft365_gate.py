"""What Graph refuses before it looks into a mailbox: one out of reach, or too many requests at once."""

from __future__ import annotations

import math
import threading
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from figgo_ops.sandbox.exchange_store import Mailbox
from figgo_ops.sandbox.microsoft365_call import GraphError

DENIED = "Access is denied. Check credentials and try again."

_STATES: Mapping[str, tuple[int, str, str]] = {
    "outside": (403, "ErrorAccessDenied", DENIED),
    "blocked-by-policy": (
        403,
        "ErrorAccessDenied",
        "Access to OData is disabled: [RAOP] : Blocked by tenant configured AppOnly AccessPolicy settings.",
    ),
    "moving": (503, "ErrorMailboxMoveInProgress", "The mailbox is being moved. Try again later."),
    "store-down": (503, "MailboxStoreUnavailable", "The mailbox database is temporarily unavailable."),
}
_HIDDEN = ("unlicensed", "guest", "soft-deleted")
_NO_REST = {
    "new": "The mailbox is either inactive, soft-deleted, or is hosted on-premise.",
    "old": "REST API is not yet supported for this mailbox.",
}
_AGENTS = "Access to OData is disabled: the application is not in the UserAgent AllowList of the tenant."
_BLOCKED = "Access to OData is disabled: the application is in the UserAgent BlockList of the tenant."
STATES = ("ok", "full", "unknown", *_STATES, *_HIDDEN)


def check_reach(mailbox: Mailbox | None, address: str, switches: Mapping[str, Any]) -> Mailbox:
    """Find the mailbox within reach; GraphError says why Graph cannot or may not open it."""
    if mailbox is None or mailbox.state == "unknown":
        raise GraphError(404, "ErrorInvalidUser", f"The requested user '{address}' is invalid.")
    if mailbox.state == "unlicensed" and switches["unlicensed"] == "not-found":
        raise GraphError(404, "ResourceNotFound", "Resource could not be discovered.")
    if not mailbox.online or mailbox.state in _HIDDEN:
        raise GraphError(404, "MailboxNotEnabledForRESTAPI", _NO_REST[switches["rest_text"]])
    _check_scope(mailbox, switches)
    if mailbox.state in _STATES and mailbox.state != "outside":
        raise GraphError(*_STATES[mailbox.state])
    return mailbox


def _check_scope(mailbox: Mailbox, switches: Mapping[str, Any]) -> None:
    """Refuse what the application's role does not reach, or an application access policy forbids."""
    if switches["access_policy"] == "denies":
        raise GraphError(*_STATES["blocked-by-policy"])
    scope = switches["scope"]
    if scope == "nobody" or (scope == "group" and mailbox.state == "outside"):
        raise GraphError(*_STATES["outside"])


def check_agent(agent: str, switches: Mapping[str, Any]) -> None:
    """Refuse a client that the tenant's list of user agents does not name, or its other list blocks."""
    ours = agent.startswith("figgo-ops")
    if switches["agents"] == "listed" and not ours:
        raise GraphError(403, "ErrorAccessDenied", _AGENTS)
    if switches["agents"] == "blocked" and ours:
        raise GraphError(403, "ErrorAccessDenied", _BLOCKED)


class Gate:
    """How many requests each mailbox has in flight and has had; the limits are switches of the service.

    Attributes:
        most: the highest number of requests in flight seen on each mailbox.
        too_early: mailbox and seconds for what came inside a Retry-After that its client knew of.
    """

    def __init__(self, switches: Mapping[str, Any], clock: Callable[[], float]) -> None:
        self.most: dict[str, int] = {}
        self.too_early: list[tuple[str, float]] = []
        self._switches, self._clock = switches, clock
        self._lock = threading.Lock()
        self._flying: Counter[str] = Counter()
        self._crowd: dict[int, list[tuple[str, int]]] = {}
        self._told: dict[int, dict[str, float]] = {}
        self._closed: dict[str, float] = {}
        self._used: dict[str, deque[float]] = {}

    def arrive(self, number: int, mailboxes: Sequence[str]) -> None:
        """Count the items of a request in; an item without a mailbox has an empty name."""
        now = self._clock()
        with self._lock:
            self._told[number] = {}
            self._crowd[number] = [(mailbox, self._count(mailbox, now)) for mailbox in mailboxes]

    def leave(self, number: int) -> None:
        """Count a request out; from now on its client knows what Retry-After it was told."""
        with self._lock:
            for mailbox, _ in self._crowd.pop(number, []):
                self._flying[mailbox] -= 1
            for mailbox, until in self._told.pop(number, {}).items():
                self._closed[mailbox] = max(until, self._closed.get(mailbox, 0.0))

    def admit(self, number: int, index: int, mailbox: str) -> None:
        """Let an item in; GraphError 429 when its mailbox has too many in flight, or has had too many."""
        with self._lock:
            crowd = self._crowd.get(number)
        # A commit that was put off comes after its request has left: nobody is in its way.
        place = crowd[index][1] if crowd else 0
        limit = self._switches["concurrency"]
        if limit and place > limit:
            text = "Application is over its MailboxConcurrency limit."
            raise self.refusal(number, mailbox, "ApplicationThrottled", text, self._switches["retry_after"])
        wait = self._charge(mailbox)
        if wait:
            raise self.refusal(number, mailbox, "TooManyRequests", "Too many requests.", math.ceil(wait))

    def refusal(self, number: int, mailbox: str, code: str, text: str, seconds: float) -> GraphError:
        """Refuse an item with 429, and remember until when its mailbox is to be left alone."""
        self.tell(number, [mailbox], seconds)
        return GraphError(429, code, text, {"Retry-After": f"{seconds:g}"})

    def tell(self, number: int, mailboxes: Sequence[str], seconds: float) -> None:
        """Remember that a request's answer says when these mailboxes may be asked again."""
        until = self._clock() + seconds
        with self._lock:
            if number in self._told:
                self._told[number].update(dict.fromkeys(mailboxes, until))

    def _count(self, mailbox: str, now: float) -> int:
        if not mailbox:
            return 0
        early = self._closed.get(mailbox, now) - now
        if early > 0:
            self.too_early.append((mailbox, early))
        self._flying[mailbox] += 1
        self.most[mailbox] = max(self._flying[mailbox], self.most.get(mailbox, 0))
        return self._flying[mailbox]

    def _charge(self, mailbox: str) -> float:
        limit, now, within = self._switches["quota"], self._clock(), float(self._switches["quota_seconds"])
        if not limit:
            return 0.0
        used = self._used.setdefault(mailbox, deque())
        while used and used[0] <= now - within:
            used.popleft()
        if len(used) >= limit:
            return used[0] + within - now
        used.append(now)
        return 0.0


class ItemErrors:
    """The switch `item_errors`: which item is struck next, counted over all batches and lone requests."""

    def __init__(self, switches: Mapping[str, Any]) -> None:
        self._switches = switches
        self.reset()

    def reset(self) -> None:
        """Begin to count again."""
        self._seen = self._struck = 0

    def strike(self, method: str, mailbox: str) -> Mapping[str, Any] | None:
        """Count an item; what the switch says of it when it is one of those to be struck."""
        order: Mapping[str, Any] = self._switches["item_errors"]
        aimed = fnmatchcase(method, order.get("method", "*"))
        if not order or not aimed or not fnmatchcase(mailbox, order.get("mailbox", "*")):
            return None
        self._seen += 1
        past = self._seen - order.get("after", 0)
        times = order.get("times")
        if past <= 0 or past % order.get("every", 1) or (times is not None and self._struck >= times):
            return None
        self._struck += 1
        return order
