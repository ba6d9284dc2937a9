"""Writing to Microsoft Graph: one change, told step by step, and what became of it.

A write whose answer is lost is settled by reading. A creation carries a name of its own, of which Graph makes
one event however often it arrives; updates and removals carry the listed etag.
"""

from collections.abc import Callable
from itertools import count
from uuid import uuid4

from figgo_ops.calendars import _microsoft365_events as events
from figgo_ops.calendars._lost import Lost
from figgo_ops.calendars._microsoft365_errors import Denied
from figgo_ops.calendars._microsoft365_events import (
    Item,
    NoZoneError,
    has_attachments,
    ids_of,
    is_as_wanted,
    looks_as_wanted,
)
from figgo_ops.calendars._microsoft365_lanes import Steps
from figgo_ops.calendars._microsoft365_read import found
from figgo_ops.calendars._microsoft365_wire import Ask
from figgo_ops.calendars._told import CHANGED, GONE, OTHER, event_of, failed, held_back
from figgo_ops.errors import FiggoOpsError, Incomplete, RowFailed
from figgo_ops.plan import Change, Existing, Outcome

SENDS = 3
"""How often one write is sent while reading shows that it did not arrive."""

_NO_ZONE = "Correct the time zone in the tenant file."
_ATTACHED = "attachments cannot be carried over to a new event"
_BY_HAND = "Ask the owner to take the attachments out or to delete the event, then run again."
# Graph writes to all guests of an event that is changed or deleted, and cannot be told not to.
_GUESTS = "its owner invited others to it or made it recur", "Leave it to its owner."


class Writer:
    """Tells how changes are written; keeps in mind where creations are doubtful.

    Args:
        root: of the service.
    """

    def __init__(self, root: str) -> None:
        self._root = root
        self._own, self._numbers = uuid4().hex, count()
        self._doubtful: set[str] = set()
        self._acts: dict[str, Callable[[Change], Steps[Outcome]]] = {
            "create": self._create,
            "update": self._update,
            "remove": self._remove,
        }

    def write(self, change: Change) -> Steps[Outcome]:
        """The steps of one change, and their outcome."""
        try:
            outcome = yield from self._acts[change.action](change)
        except NoZoneError as error:
            return failed(change, f"Windows has no time zone {error}", _NO_ZONE)
        except (Denied, Lost) as failure:
            return Outcome(change, "failed", error=failure.error)
        return outcome

    def _create(self, change: Change) -> Steps[Outcome]:
        carried: Item | None = None
        if change.carries:
            carried = yield from _carried(change.carries)
            if carried and (has_attachments(change.carries) or events.is_attached(carried)):
                return failed(change, _ATTACHED, _BY_HAND)
        if change.mailbox.address in self._doubtful:
            return held_back(change)
        body = events.created(change, f"{self._own}/{next(self._numbers)}", carried)
        return (
            yield from self._sent(change, Ask(change.mailbox, "POST", events.events(change.mailbox), body))
        )

    def _sent(self, change: Change, ask: Ask) -> Steps[Outcome]:
        """Send a creation until it is known what became of it."""
        sent: FiggoOpsError | None = None
        for _ in range(SENDS):
            try:
                item = yield ask
            except Lost as lost:
                if lost.sent:
                    sent = lost.error
                elif sent is None:
                    raise
                else:
                    break
            except Denied as denied:
                if denied.refusal.not_done and not denied.refusal.duplicate and sent is None:
                    raise
                sent = denied.error
            else:
                return (yield from self._made(change, item))
            outcome, unread = yield from self._found(change)
            if outcome:
                return outcome
            if unread:
                sent = unread
                break
        self._doubtful.add(change.mailbox.address)
        return Outcome(change, "unknown", error=sent, creating=True)

    def _made(self, change: Change, item: Item) -> Steps[Outcome]:
        """The event as Graph made it; where it counts another zone's rules, the same in UTC."""
        own, etag = ids_of(item)
        if not (own and etag):
            outcome, unread = yield from self._found(change)
            return outcome or Outcome(change, "unknown", error=unread or _no_id(change), creating=True)
        if change.shown.all_day or looks_as_wanted(item, change):
            return Outcome(change, "done", own, etag)
        ask = Ask(
            change.mailbox,
            "PATCH",
            events.one(change.mailbox, own),
            events.times(change.shown, utc=True),
            etag,
        )
        try:
            item = yield ask
        except (Denied, Lost):
            return Outcome(change, "done", own, etag)  # it is there; what differs the next plan tells
        return Outcome(change, "done", *ids_of(item))

    def _found(self, change: Change) -> Steps[tuple[Outcome | None, FiggoOpsError | None]]:
        """What became of a creation: its outcome if there is one now, or why nobody could look."""
        try:
            there = yield from found(self._root, change.mailbox, events.ours(change.marker[0]))
        except (Denied, Lost) as failure:
            return None, failure.error
        except Incomplete as error:
            return None, error
        wanted = next((item for item in there if is_as_wanted(item, change)), None)
        if wanted is not None:
            return Outcome(change, "done", *ids_of(wanted)), None
        same = [item for item in there if events.marker_of(item)[0] == change.marker[0]]
        return (failed(change, *OTHER) if same else None), None

    def _update(self, change: Change) -> Steps[Outcome]:
        listed = event_of(change)
        if listed.taken_over:
            return failed(change, *_GUESTS)
        body = events.updated(change)
        ask = Ask(change.mailbox, "PATCH", events.one(change.mailbox, listed.id), body, listed.etag)
        return (yield from self._on_listed(change, ask))

    def _remove(self, change: Change) -> Steps[Outcome]:
        listed = event_of(change)
        if listed.taken_over:
            return failed(change, *_GUESTS)
        ask = Ask(change.mailbox, "DELETE", events.one(change.mailbox, listed.id), None, listed.etag)
        return (yield from self._purge(change) if change.forever else self._on_listed(change, ask))

    def _purge(self, change: Change) -> Steps[Outcome]:
        """Remove past the bin; Graph looks at no etag there, so we do, just before."""
        settled = yield from self._settled(change)
        if settled is None:
            ask = Ask(change.mailbox, "POST", events.purged(change.mailbox, event_of(change).id))
            return (yield from self._on_listed(change, ask))
        return settled if settled.status != "unknown" else Outcome(change, "failed", error=settled.error)

    def _on_listed(self, change: Change, ask: Ask) -> Steps[Outcome]:
        """Write to an event that must still be as listed."""
        sent: FiggoOpsError | None = None
        for _ in range(SENDS):
            try:
                item = yield ask
            except Lost as lost:
                if lost.sent:
                    sent = lost.error
                elif sent is None:
                    raise
                else:
                    break
            except Denied as denied:
                outcome = _refused(change, denied, again=sent is not None)
                if outcome:
                    return outcome
                sent = denied.error
            else:
                return (yield from self._done(change, item))
            settled = yield from self._settled(change)
            if settled:
                return settled
        return Outcome(change, "unknown", error=sent)

    def _done(self, change: Change, item: Item) -> Steps[Outcome]:
        if change.action == "remove":
            return Outcome(change, "done")
        if not all(ids_of(item)):
            settled = yield from self._settled(change)
            return settled or Outcome(change, "unknown", error=_no_id(change))
        return (yield from self._made(change, item))

    def _settled(self, change: Change) -> Steps[Outcome | None]:
        """What reading tells about a write; None when the event is still as listed, so it did not arrive.

        It is looked for by its key: what was moved to the bin may still be found by its id.
        """
        listed = event_of(change)
        keys = [key for key in dict.fromkeys((listed.key_text, change.marker[0])) if key]
        there: dict[str, Item] = {}
        try:
            for key in keys:
                items = yield from found(self._root, change.mailbox, events.ours(key))
                there |= {ids_of(item)[0]: item for item in items}
            if listed.id not in there and (not listed.key_text or not change.marker[0]):
                item = yield Ask(change.mailbox, "GET", events.single(change.mailbox, listed.id))
                there[ids_of(item)[0]] = item
        except Denied as denied:
            if not denied.refusal.gone:
                return Outcome(change, "unknown", error=denied.error)
        except Lost as lost:
            return Outcome(change, "unknown", error=lost.error)
        except Incomplete as error:
            return Outcome(change, "unknown", error=error)
        item_now = there.get(listed.id)
        if item_now is None:
            return Outcome(change, "done") if change.action == "remove" else failed(change, *GONE)
        if change.action != "remove" and is_as_wanted(item_now, change):
            return Outcome(change, "done", *ids_of(item_now))
        return None if ids_of(item_now)[1] == listed.etag else failed(change, *CHANGED)


def _carried(event: Existing) -> Steps[Item | None]:
    """What its owner added to an event; None where that is nothing, or it is gone."""
    if event.annotated is False:
        return None
    try:
        return (yield Ask(event.mailbox, "GET", events.single(event.mailbox, event.id, carried=True)))
    except Denied as denied:
        if denied.refusal.gone:
            return None
        raise


def _refused(change: Change, denied: Denied, *, again: bool) -> Outcome | None:
    """The outcome that a refusal is; None where only reading can tell.

    Args:
        again: it was sent before, and that may have arrived.
    """
    refusal = denied.refusal
    if not refusal.not_done or (again and (refusal.gone or refusal.stale)):
        return None
    if again:
        return Outcome(change, "unknown", error=denied.error)
    if refusal.gone:
        return Outcome(change, "done") if change.action == "remove" else failed(change, *GONE)
    return failed(change, *CHANGED) if refusal.stale else Outcome(change, "failed", error=denied.error)


def _no_id(change: Change) -> RowFailed:
    return RowFailed(
        f"{change.mailbox}: Microsoft Graph told no id of the event {change.key}.", "Plan again."
    )
