"""Writing to Exchange: some changes of one mailbox, and what became of each.

Exchange does not de-duplicate creations, so one whose answer was lost is looked for by its key and never sent
again. Updates and removals carry the listed change key, and may be.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from figgo_ops.calendars import _exchange_requests as requests
from figgo_ops.calendars._exchange_items import (
    CARRIED,
    LISTED,
    NoZoneError,
    created,
    has_attachments,
    ids_of,
    is_as_wanted,
    updates,
)
from figgo_ops.calendars._exchange_look import Looker, Now, taken_back
from figgo_ops.calendars._exchange_refusal import Refusal
from figgo_ops.calendars._exchange_send import Body, Sender, Tried, item_in, parts
from figgo_ops.calendars._exchange_wire import TRIES, Wire
from figgo_ops.calendars._exchange_xml import Element, text_of
from figgo_ops.calendars._outlook import has_pictures
from figgo_ops.calendars._told import CHANGED, GONE, OTHER, event_of, failed, held_back, too_late
from figgo_ops.errors import CredentialRefused, FiggoOpsError, RowFailed, UsageError
from figgo_ops.plan import Change, Existing, Mailbox, Outcome

_BUSY = "Exchange stays busy", "Run again later."
_NO_ZONE = "Correct the time zone in the tenant file."
_BESIDE = "its old form is still there beside the new one"
_ATTACHED = "attachments cannot be carried over to a new event"
_BY_HAND = "Ask the owner to take the attachments out or to delete the event, then run again."


class Writer:
    """Writes chunks over one wire, from any thread; each is of one mailbox, one action and one zone.

    Args:
        may_write: asked for each change just before it is sent.
        hard: remove for good instead of into the owner's bin.

    Attributes:
        stopped: what made every further try pointless; None while nothing did.
    """

    def __init__(self, wire: Wire, may_write: Callable[[], bool], *, hard: bool) -> None:
        self._wire, self._may_write, self._hard = wire, may_write, hard
        self._sender, self._looker = Sender(wire, may_write), Looker(wire)
        self._doubtful: set[str] = set()
        self.stopped: FiggoOpsError | None = None

    def write(self, chunk: Sequence[Change]) -> list[Outcome]:
        """One outcome per change, in their order."""
        allowed = [change for change in chunk if self._may_write()]
        told = {id(outcome.change): outcome for outcome in self._written(allowed)}
        return [told.get(id(change)) or _not_allowed(change) for change in chunk]

    def _written(self, changes: list[Change]) -> Iterator[Outcome]:
        left = {id(change): change for change in changes}
        try:
            for outcome in self._acts(changes):
                left.pop(id(outcome.change))
                yield outcome
        except (CredentialRefused, UsageError) as error:
            self.stopped = error
            yield from (Outcome(change, "failed", error=error) for change in left.values())

    def _acts(self, changes: list[Change]) -> Iterator[Outcome]:
        if not changes:
            return
        if changes[0].action == "remove":
            yield from self._remove(changes)
        elif changes[0].action == "create":
            old = [change.carries for change in changes if change.carries]
            now = self._now(old, CARRIED)
            now |= self._looker.deleted(taken_back(changes, now))
            before = {id(change): now[change.carries.id] for change in changes if change.carries}
            yield from self._create(changes, before)
        elif changes[0].may_create:
            yield from self._write_anew(changes)
        else:
            yield from self._update(changes)

    def _create(self, changes: list[Change], old: dict[int, Now]) -> Iterator[Outcome]:
        """New items; what one replaces may have been deleted meanwhile, and nothing goes along then."""
        made: dict[int, Element] = {}
        for change in changes:
            before = old.get(id(change))
            gone = before is None or (isinstance(before, Refusal) and before.gone)
            item = None if gone or isinstance(before, Refusal | FiggoOpsError) else item_in(before)
            attached = (has_attachments(change.carries) and not gone) or _shows_pictures(item)
            try:
                if isinstance(before, FiggoOpsError):
                    yield Outcome(change, "failed", error=before)
                elif attached:
                    yield failed(change, _ATTACHED, _BY_HAND)
                elif isinstance(before, Refusal) and not gone:
                    yield Outcome(change, "failed", error=self._wire.error(before, _origin(change)))
                else:
                    made[id(change)] = created(change, item)
            except NoZoneError as error:
                yield failed(change, f"Windows has no time zone {error}", _NO_ZONE)
        first = not old  # looking at what is replaced took its time
        for part in parts([change for change in changes if id(change) in made], made):
            yield from self._create_part(part, made, first=first)
            first = False

    def _create_part(
        self, waiting: list[Change], made: dict[int, Element], *, first: bool
    ) -> Iterator[Outcome]:
        def body(address: str, changes: Sequence[Change]) -> Element:
            return requests.create(address, [made[id(change)] for change in changes])

        # Only tries in a row that settle nothing are counted: each may be stopped by another item.
        attempt = 0
        while waiting and attempt < TRIES:
            if waiting[0].mailbox.address in self._doubtful:
                yield from map(held_back, waiting)
                return
            tried = self._sender.send("CreateItem", waiting, body, first=first)
            first = False
            yield from _done(tried, removing=False)
            yield from (Outcome(change, "failed", error=error) for change, error, _ in tried.refused)
            yield from self._look_for(tried.doubtful)
            self._pause(tried, attempt)
            attempt = 0 if len(tried.again) < len(waiting) else attempt + 1
            waiting = tried.again
        yield from (failed(change, *_BUSY) for change in waiting)

    def _pause(self, tried: Tried, attempt: int) -> None:
        if tried.busy:
            self._wire.busy(tried.back_off, attempt)

    def _look_for(self, doubtful: Sequence[tuple[Change, FiggoOpsError]]) -> Iterator[Outcome]:
        """What became of creations whose answer was lost; one that is not there may still arrive."""
        if not doubtful:
            return
        changes = [change for change, _ in doubtful]
        found, unread = self._looker.keyed(changes[0].mailbox, [change.marker[0] for change in changes])
        for change, error in doubtful:
            before = change.existing.id if change.existing else ""
            there = [one for one in found.get(change.marker[0], ()) if ids_of(one)[0] != before]
            wanted = next((one for one in there if is_as_wanted(one, change)), None)
            if wanted is not None:
                yield Outcome(change, "done", *ids_of(wanted))
            elif there and unread is None:
                yield failed(change, *OTHER)
            else:
                self._doubtful.add(change.mailbox.address)
                yield Outcome(change, "unknown", error=unread or error, creating=True)

    def _update(self, changes: list[Change]) -> Iterator[Outcome]:
        made: dict[int, Element] = {}
        for change in changes:
            try:
                made[id(change)] = requests.changed(event_of(change), updates(change))
            except NoZoneError as error:
                yield failed(change, f"Windows has no time zone {error}", _NO_ZONE)

        def body(_address: str, waiting: Sequence[Change]) -> Element:
            return requests.update(made[id(change)] for change in waiting)

        first = True
        for part in parts([change for change in changes if id(change) in made], made):
            yield from self._on_listed("UpdateItem", part, body, removing=False, first=first)
            first = False

    def _remove(self, changes: list[Change]) -> Iterator[Outcome]:
        """Exchange need not look at the change key of what it deletes, so we do, just before."""
        now = self._now(map(event_of, changes), ())
        found = [
            (change, self._settled(change, now[event_of(change).id], removing=True)) for change in changes
        ]
        yield from (_not_begun(outcome) for _, outcome in found if outcome)
        yield from self._delete([change for change, outcome in found if outcome is None])

    def _delete(self, changes: list[Change]) -> Iterator[Outcome]:
        def body(_address: str, waiting: Sequence[Change]) -> Element:
            ids = [(event_of(change).id, event_of(change).etag) for change in waiting]
            return requests.delete(ids, hard=self._hard or waiting[0].forever)

        return self._on_listed("DeleteItem", changes, body, removing=True, first=False)

    def _write_anew(self, changes: list[Change]) -> Iterator[Outcome]:
        """Days into hours: a new item under the same key, read back before the old one goes."""
        now = self._now(map(event_of, changes), (*LISTED, *CARRIED))
        ready = []
        for change in changes:
            outcome = self._settled(change, now[event_of(change).id], removing=False)
            if outcome:
                yield _not_begun(outcome)
            elif has_attachments(change.existing):
                yield failed(change, _ATTACHED, _BY_HAND)
            else:
                ready.append(change)
        born = {}
        for outcome in self._create(ready, {id(change): now[event_of(change).id] for change in ready}):
            if outcome.status == "done":
                born[id(outcome.change)] = outcome
            else:
                yield outcome
        yield from self._take_away_the_old(born)

    def _take_away_the_old(self, born: dict[int, Outcome]) -> Iterator[Outcome]:
        changes = [outcome.change for outcome in born.values()]
        now = self._now((one for change in changes for one in (born[id(change)], event_of(change))), LISTED)
        good = []
        for change in changes:
            there = now[born[id(change)].id]
            unseen = isinstance(there, Refusal | FiggoOpsError)
            old = self._settled(change, now[event_of(change).id], removing=False)
            if unseen or not is_as_wanted(item_in(there), change):
                yield failed(change, "its new form was not read back, the old one was left", "Run again.")
            elif old is None:
                good.append(change)
            elif old.status == "unknown":
                yield failed(change, _BESIDE, "Run again.")
            else:
                self._take_back(born[id(change)])
                yield old
        for outcome in self._delete(good):
            if outcome.status == "done":
                yield born[id(outcome.change)]
            else:
                yield failed(outcome.change, _BESIDE, "Run again.")

    def _take_back(self, outcome: Outcome) -> None:
        """Its owner acted on the old form meanwhile: the new one goes again, and the owner's act stays."""
        new = replace(event_of(outcome.change), id=outcome.id, etag=outcome.etag)
        for _ in self._delete([replace(outcome.change, existing=new)]):
            pass  # where it cannot go it is a duplicate for the next run

    def _on_listed(
        self, name: str, waiting: list[Change], body: Body, *, removing: bool, first: bool
    ) -> Iterator[Outcome]:
        """Write to events that must still be as listed."""
        lost: dict[int, FiggoOpsError] = {}
        attempt = 0
        while waiting and attempt < TRIES:
            try:
                tried = self._sender.send(name, waiting, body, first=first)
            except (CredentialRefused, UsageError):
                # What was sent before may still arrive, whatever this sending met.
                yield from (_still_lost(change, lost) for change in waiting if id(change) in lost)
                raise
            first = False
            yield from _done(tried, removing=removing)
            for change, error, refusal in tried.refused:
                if id(change) in lost and refusal and (refusal.gone or refusal.stale):
                    tried.doubtful.append((change, error))  # perhaps by our own write whose answer was lost
                else:
                    yield _refused(change, error, refusal, removing=removing)
            lost |= {id(change): error for change, error in tried.doubtful}
            left = tried.again
            doubtful = [change for change, _ in tried.doubtful]
            now = self._now(map(event_of, doubtful), LISTED)
            for change in doubtful:
                outcome = self._settled(change, now[event_of(change).id], removing=removing)
                if outcome:
                    yield outcome
                else:
                    left.append(change)
            self._pause(tried, attempt)
            attempt = 0 if len(left) < len(waiting) else attempt + 1
            waiting = left
        for change in waiting:
            if id(change) in lost:
                yield _still_lost(change, lost)
            else:
                yield failed(change, *_BUSY)

    def _settled(self, change: Change, now: Now, *, removing: bool) -> Outcome | None:
        """What reading tells about a write; None when the event is still as listed, so it did not arrive."""
        if isinstance(now, FiggoOpsError):
            return Outcome(change, "unknown", error=now)
        listed = event_of(change)
        item = None if isinstance(now, Refusal) else item_in(now)
        if isinstance(now, Refusal) and now.gone:  # also into the bin: whatever is moved gets another id
            return Outcome(change, "done") if removing else failed(change, *GONE)
        if isinstance(now, Refusal):
            return Outcome(change, "unknown", error=self._wire.error(now, change.mailbox))
        if not removing and is_as_wanted(item, change):
            return Outcome(change, "done", *ids_of(item))
        return None if ids_of(item) == (listed.id, listed.etag) else failed(change, *CHANGED)

    def _now(self, events: Iterable[Existing | Outcome], fields: Sequence[str]) -> dict[str, Now]:
        """What these events are now, by id; a replaced one may be in another mailbox."""
        return self._looker.now(map(_place, events), fields)


def _shows_pictures(item: Element | None) -> bool:
    """Whether a note has pictures of its own, which Exchange does not count as attachments."""
    return item is not None and has_pictures(text_of(item, "Body"))


def _done(tried: Tried, *, removing: bool) -> Iterator[Outcome]:
    """What was surely carried out; an answer without an id leaves a doubt."""
    for change, answer in tried.done:
        own, change_key = ("", "") if removing else ids_of(item_in(answer))
        if own or removing:
            yield Outcome(change, "done", own, change_key)
        else:
            tried.doubtful.append((change, _no_id(change)))


def _refused(change: Change, error: FiggoOpsError, refusal: Refusal | None, *, removing: bool) -> Outcome:
    if refusal and refusal.gone:
        return Outcome(change, "done") if removing else failed(change, *GONE)
    if refusal and refusal.stale:
        return failed(change, *CHANGED)
    return Outcome(change, "failed", error=error)


def _still_lost(change: Change, lost: Mapping[int, FiggoOpsError]) -> Outcome:
    return Outcome(change, "unknown", error=lost[id(change)])


def _not_begun(outcome: Outcome) -> Outcome:
    """The outcome before anything was sent: what is not known then has at least not been done."""
    return replace(outcome, status="failed") if outcome.status == "unknown" else outcome


def _place(event: Existing | Outcome) -> tuple[Mailbox, str]:
    return (event.mailbox if isinstance(event, Existing) else event.change.mailbox), event.id


def _origin(change: Change) -> Mailbox:
    """Where the event is whose note goes along."""
    return change.carries.mailbox if change.carries else change.mailbox


def _not_allowed(change: Change) -> Outcome:
    return Outcome(change, "failed", error=too_late(change.mailbox))


def _no_id(change: Change) -> RowFailed:
    return RowFailed(f"{change.mailbox}: Exchange gave no id for the event {change.key}.", "Run again.")
