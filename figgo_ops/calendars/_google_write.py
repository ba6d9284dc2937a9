"""Writing to Google: one change, and what became of it.

A write whose answer is lost is settled by reading. An insert carries our own id, so that sending it again,
which httplib2 also does by itself, cannot make a second event; updates and removals carry the listed etag.
"""

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from googleapiclient.http import HttpRequest

from figgo_ops.calendars._google_errors import Denied, Refusal
from figgo_ops.calendars._google_events import (
    carries,
    created_body,
    event_id,
    is_as_wanted,
    is_live,
    quota_user,
    updated_body,
)
from figgo_ops.calendars._google_wire import Wire
from figgo_ops.calendars._lost import Lost
from figgo_ops.calendars._told import CHANGED, GONE, OTHER, event_of, failed, too_late
from figgo_ops.errors import FiggoOpsError
from figgo_ops.plan import Change, Mailbox, Outcome

GENERATIONS = 8
"""How many ids are tried where earlier ones stay taken by events that were deleted for good."""

SENDS = 3
"""How often one write is sent while reading shows that it did not arrive."""

Item = Mapping[str, Any]
Reached = Callable[[Item | None], bool]
"""Whether the event as found (None: gone) is what the change is to bring about."""


class UnsettledError(Exception):
    """A write may have arrived, and reading could not tell."""

    def __init__(self, error: FiggoOpsError) -> None:
        super().__init__(error.message)
        self.error = error


class Writer:
    """Writes single changes over one wire, from any thread; raises what stops the whole calendar.

    Args:
        may_write: asked just before each sending.
    """

    def __init__(self, wire: Wire, may_write: Callable[[], bool]) -> None:
        self._wire, self._may_write = wire, may_write
        self._acts = {"create": self._create, "update": self._update, "remove": self._remove}
        self._firsts: dict[tuple[str, bool], Any] = {}

    def write(self, change: Change) -> Outcome:
        """What became of this change.

        Raises:
            CredentialRefused, UsageError: nothing more is worth trying; this change was not sent.
        """
        try:
            return self._acts[change.action](change)
        except UnsettledError as unsettled:
            return Outcome(change, "unknown", error=unsettled.error)

    def _create(self, change: Change) -> Outcome:
        body = created_body(change)
        for generation in range(GENERATIONS):
            own = event_id(str(change.key), change.mailbox.address, generation)
            outcome = self._insert(change, {**body, "id": own})
            if outcome is not None:
                return outcome
        return failed(change, "every id for it is taken by an event deleted for good", "Tell the makers.")

    def _insert(self, change: Change, body: dict[str, Any]) -> Outcome | None:
        """None: the id is of no use any more, take the next generation's."""
        failure: Lost | None = None
        send = partial(self._send, change.mailbox, "insert", body)
        for _ in range(SENDS):
            result = _attempt(change, send, lambda refusal: refusal.status == 409)
            if isinstance(result, Outcome):
                return result
            failure = result if isinstance(result, Lost) else failure
            held = self._look(change.mailbox, body["id"])
            if held is not None:
                return self._meet(change, body, held)
            if isinstance(
                result, Denied
            ):  # taken, yet not to be found: only a tombstone seen frees the next id
                return _unknown(change, result)
        return _unknown(change, failure)

    def _meet(self, change: Change, body: dict[str, Any], held: Item) -> Outcome | None:
        """The id is taken: by what we want, by something else, or by a tombstone."""
        if not is_live(held):
            return self._revive(change, body, held)
        if is_as_wanted(held, change):
            return _done(change, held)
        if not carries(held, change.key):  # somebody took our marker off: it is theirs now, beside ours
            return None
        return failed(change, *OTHER)

    def _revive(self, change: Change, body: dict[str, Any], held: Item) -> Outcome | None:
        """Bring a tombstone back; None when Google does not allow it."""
        result: Denied | Lost | None = None
        for _ in range(SENDS):
            wanted = {**body, "sequence": held.get("sequence", 0)}
            send = partial(self._send, change.mailbox, "update", wanted, str(held["etag"]))
            attempt = _attempt(change, send, _stale_or_gone)
            if isinstance(attempt, Outcome):
                return attempt
            result = attempt
            if isinstance(result, Denied) and result.refusal.gone:
                return None
            found = self._look(change.mailbox, body["id"])
            if found is None or is_live(found):
                return self._meet(change, body, found) if found else None
            held = found
        return _unknown(change, result)

    def _update(self, change: Change) -> Outcome:
        listed = event_of(change)
        body = updated_body(listed.raw, change)
        return self._on_listed(
            change,
            lambda: self._send(change.mailbox, "update", {**body, "id": listed.id}, listed.etag),
            lambda held: held is not None and is_as_wanted(held, change),
        )

    def _remove(self, change: Change) -> Outcome:
        listed = event_of(change)
        return self._on_listed(
            change,
            lambda: self._send(change.mailbox, "delete", {"id": listed.id}, listed.etag),
            lambda held: held is None,
        )

    def _on_listed(self, change: Change, send: Callable[[], Item], reached: Reached) -> Outcome:
        """Write to an event that must still be as listed."""
        failure: Lost | None = None
        for _ in range(SENDS):
            result = _attempt(change, send, _stale_or_gone)
            if isinstance(result, Outcome):
                return result
            failure = result if isinstance(result, Lost) else failure
            outcome = self._settled(change, reached)
            if outcome is not None:
                return outcome
            if isinstance(result, Denied) and failure is None:
                return Outcome(change, "failed", error=result.error)
        return _unknown(change, failure)

    def _settled(self, change: Change, reached: Reached) -> Outcome | None:
        """What reading tells about a write; None when the event is still as listed, so it did not arrive."""
        listed = event_of(change)
        found = self._look(change.mailbox, listed.id)
        held = found if found is not None and is_live(found) else None
        if reached(held):
            return _done(change, held or {})
        if held is None:
            return failed(change, *GONE)
        if held.get("etag") != listed.etag:
            return failed(change, *CHANGED)
        return None

    def _look(self, mailbox: Mailbox, own: str) -> Item | None:
        """The event of this id, a tombstone included; None when there is none.

        Raises:
            UnsettledError: it could not be read.
        """
        try:
            found = self._wire.call(
                mailbox,
                lambda events: events.get(
                    calendarId="primary", eventId=own, quotaUser=quota_user(mailbox.address)
                ),
            )
        except Denied as denied:
            if denied.refusal.status in (404, 410) and not denied.refusal.token:
                return None
            raise UnsettledError(denied.error) from denied
        except Lost as lost:
            raise UnsettledError(lost.error) from lost
        except FiggoOpsError as error:
            # The calendar as a whole is lost; the next call says so, this change still needs its outcome.
            raise UnsettledError(error) from error
        return found

    def _send(self, mailbox: Mailbox, method: str, body: dict[str, Any], etag: str = "") -> dict[str, Any]:
        common: dict[str, Any] = {
            "calendarId": "primary",
            "sendUpdates": "none",
            "quotaUser": quota_user(mailbox.address),
        }
        if method != "insert":
            common["eventId"] = body["id"]
        if "attachments" in body:
            common["supportsAttachments"] = True

        def make(events: Any) -> Any:
            if not self._may_write():
                raise Lost(too_late(mailbox), sent=False, network=False, final=True)
            if method == "insert":
                return self._like_the_first(events, common, body)
            sent: dict[str, Any] = {} if method == "delete" else {"body": body}
            request = getattr(events, method)(**common, **sent)
            if etag:
                request.headers["If-Match"] = etag
            return request

        return self._wire.call(mailbox, make, write=True)

    def _like_the_first(self, events: Any, common: dict[str, Any], body: dict[str, Any]) -> HttpRequest:
        """An insert: those into one mailbox differ in their bodies only, and are slow to build each anew."""
        place = common["quotaUser"], "attachments" in body
        first = self._firsts.get(place)
        if first is None:
            first = self._firsts[place] = events.insert(**common, body=body)
        return HttpRequest(
            first.http,
            first.postproc,
            first.uri,
            first.method,
            json.dumps(body),
            dict(first.headers),
            first.methodId,
        )


def _attempt(
    change: Change, send: Callable[[], Item], doubtful: Callable[[Refusal], bool]
) -> Outcome | Denied | Lost:
    """The outcome of one sending, or what went wrong with it where only reading can tell the outcome."""
    try:
        return _done(change, send())
    except Lost as lost:
        return lost if lost.sent else Outcome(change, "failed", error=lost.error)
    except Denied as denied:
        return denied if doubtful(denied.refusal) else Outcome(change, "failed", error=denied.error)


def _stale_or_gone(refusal: Refusal) -> bool:
    return refusal.gone or refusal.status == 412


def _done(change: Change, item: Item) -> Outcome:
    if change.action == "remove":
        return Outcome(change, "done")
    return Outcome(change, "done", str(item.get("id", "")), str(item.get("etag", "")))


def _unknown(change: Change, failure: Denied | Lost | None) -> Outcome:
    return Outcome(change, "unknown", error=failure.error if failure else None)
