"""Google's events.list: what a query selects, in which order, on how many pages."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from figgo_ops.sandbox.google_mailbox import Mailbox, Stored, in_zone, instances
from figgo_ops.sandbox.google_rules import RefusedError, stamp, zone_info

_LARGEST_PAGE = 2500
_REMEMBERED = 256
_PROPERTY_FILTERS = {"privateExtendedProperty": "private", "sharedExtendedProperty": "shared"}
_NOT_WITH_SYNC_TOKEN = ("iCalUID", "orderBy", "q", "timeMin", "timeMax", "updatedMin", *_PROPERTY_FILTERS)
# What may differ between the pages of one list.
_PER_PAGE = {"pageToken", "maxResults", "fields", "quotaUser", "prettyPrint", "alt"}
Query = Mapping[str, list[str]]
_Test = Callable[[Stored], bool]


@dataclass(slots=True)
class _Rest:
    """What a page token stands for: the rest of a list, as it was selected."""

    mail: str
    asked: dict[str, list[str]]
    rows: list[Stored]
    pages: int


class Listings:
    """Answers lists and remembers what is on the pages not fetched yet."""

    def __init__(self, switches: Mapping[str, Any]) -> None:
        self._switches = switches
        self._rests: OrderedDict[str, _Rest] = OrderedDict()

    def page(self, mailbox: Mailbox, query: Query, *, empty: bool = False) -> dict[str, Any]:
        """Give one page of a list; RefusedError names the parameter or the combination at fault."""
        rest = self._continued(mailbox, query) or self._selected(mailbox, query)
        if empty:
            rest.rows = []
        size = self._size(query, rest)
        here, rest.rows = rest.rows[:size], rest.rows[size:]
        answer = _envelope(mailbox, query)
        answer["items"] = [in_zone(s.resource, s.span, _one(query, "timeZone")) for s in here]
        if rest.rows:
            answer["nextPageToken"] = self._remember(rest)
        elif not any(name in query for name in _NOT_WITH_SYNC_TOKEN):
            answer["nextSyncToken"] = f"s{mailbox.changes}"
        return answer

    def _size(self, query: Query, rest: _Rest) -> int:
        size = min(int(_one(query, "maxResults") or 250), _LARGEST_PAGE)
        rest.pages += 1
        if self._switches["empty_pages"] and rest.pages % 2 and rest.rows:
            return 0
        short = self._switches["short_pages"]
        return min(size, short) if short else size

    def _remember(self, rest: _Rest) -> str:
        token = secrets.token_urlsafe(24)
        self._rests[token] = rest
        while len(self._rests) > _REMEMBERED:
            self._rests.popitem(last=False)
        return token

    def _continued(self, mailbox: Mailbox, query: Query) -> _Rest | None:
        token = _one(query, "pageToken")
        if token is None:
            return None
        rest = self._rests.get(token)
        if rest is None or rest.mail != mailbox.mail or rest.asked != _asked(query):
            raise RefusedError(400, "invalid", "Invalid value for: pageToken")
        # The same page may be asked for again, so what the token stands for must not change.
        return _Rest(rest.mail, rest.asked, rest.rows, rest.pages)

    def _selected(self, mailbox: Mailbox, query: Query) -> _Rest:
        _check_combination(query)
        single = _one(query, "singleEvents") == "true"
        tests = self._tests(mailbox, query)
        found = [
            row
            for stored in mailbox.events.values()
            for row in (instances(stored, mailbox.zone) if single else (stored,))
            if all(test(row) for test in tests)
        ]
        found.sort(key=_order(_one(query, "orderBy")))
        return _Rest(mailbox.mail, _asked(query), found, 0)

    def _tests(self, mailbox: Mailbox, query: Query) -> list[_Test]:
        token = _one(query, "syncToken")
        tests: list[_Test] = [_alive] if token is None and _one(query, "showDeleted") != "true" else []
        if token is not None:
            tests.append(_changed_since(token))
        tests += _time_tests(mailbox, query) + _text_tests(query)
        if self._switches["filter"] == "exact":
            tests += self._property_tests(query)
        return tests

    def _property_tests(self, query: Query) -> list[_Test]:
        found: list[_Test] = []
        for name, scope in _PROPERTY_FILTERS.items():
            if name in query:
                pairs = [_pair(name, text) for text in query[name]]
                together = any if self._switches["repeated_filters"] == "or" else all
                found.append(_has_properties(scope, pairs, together))
        return found


def _check_combination(query: Query) -> None:
    if _one(query, "orderBy") == "startTime" and _one(query, "singleEvents") != "true":
        message = "The requested ordering is not available for the particular query."
        raise RefusedError(400, "invalid", message)
    if "syncToken" in query and any(name in query for name in _NOT_WITH_SYNC_TOKEN):
        raise RefusedError(400, "invalid", "Sync token cannot be used with the requested filters.")
    low, high = _one(query, "timeMin"), _one(query, "timeMax")
    if low and high and _instant(low) >= _instant(high):
        raise RefusedError(400, "timeRangeEmpty", "The specified time range is empty.")
    zone = _one(query, "timeZone")
    try:
        zone_info(zone or "UTC")
    except KeyError:
        raise RefusedError(400, "invalid", "Invalid time zone definition.") from None


def _time_tests(mailbox: Mailbox, query: Query) -> list[_Test]:
    tests: list[_Test] = []
    low, high, since = (_one(query, name) for name in ("timeMin", "timeMax", "updatedMin"))
    if low:
        after = _instant(low)
        tests.append(lambda s: instances(s, mailbox.zone)[-1].span.end > after)
    if high:
        before = _instant(high)
        tests.append(lambda s: s.span.start < before)
    if since:
        earliest = stamp(_instant(since))
        tests.append(lambda s: s.resource["updated"] >= earliest)
    return tests


def _text_tests(query: Query) -> list[_Test]:
    tests: list[_Test] = []
    words = (_one(query, "q") or "").casefold().split()
    if words:
        tests.append(lambda s: all(word in _searched(s.resource) for word in words))
    if uid := _one(query, "iCalUID"):
        tests.append(lambda s: s.resource["iCalUID"] == uid)
    if kinds := query.get("eventTypes"):
        tests.append(lambda s: s.resource["eventType"] in kinds)
    return tests


def _searched(resource: Mapping[str, Any]) -> str:
    people = [person.get(k, "") for person in resource.get("attendees", ()) for k in ("email", "displayName")]
    fields = [resource.get(name, "") for name in ("summary", "description", "location")]
    return " ".join(fields + people).casefold()


def _has_properties(scope: str, pairs: list[tuple[str, str]], together: Callable[..., bool]) -> _Test:
    def test(stored: Stored) -> bool:
        block = stored.resource.get("extendedProperties", {}).get(scope, {})
        return together(block.get(key) == value for key, value in pairs)

    return test


def _pair(name: str, text: str) -> tuple[str, str]:
    key, separator, value = text.partition("=")
    if not separator:
        raise RefusedError(400, "invalid", f"Invalid value for: {name}")
    return key, value


def _changed_since(token: str) -> _Test:
    if not token.startswith("s") or not token[1:].isdecimal():
        raise RefusedError(410, "fullSyncRequired", "Sync token is no longer valid, a full sync is required.")
    return lambda stored: stored.change > int(token[1:])


def _alive(stored: Stored) -> bool:
    return not stored.gone


def _order(wanted: str | None) -> Callable[[Stored], Any]:
    if wanted == "startTime":
        return lambda s: (s.span.start, s.resource["id"])
    if wanted == "updated":
        return lambda s: (s.resource["updated"], s.change)
    # Unasked, the order is stable but means nothing; neither must a client think it does.
    return lambda s: s.resource["id"][::-1]


def _envelope(mailbox: Mailbox, query: Query) -> dict[str, Any]:
    return {
        "kind": "calendar#events",
        "etag": f'"p{3_400_000_000_000 + mailbox.changes}"',
        "summary": mailbox.mail,
        "description": "",
        "updated": stamp(mailbox.updated),
        "timeZone": _one(query, "timeZone") or mailbox.zone,
        "accessRole": "owner",
        "defaultReminders": [],
    }


def _asked(query: Query) -> dict[str, list[str]]:
    return {name: values for name, values in query.items() if name not in _PER_PAGE}


def _one(query: Query, name: str) -> str | None:
    return query[name][0] if name in query else None


def _instant(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
