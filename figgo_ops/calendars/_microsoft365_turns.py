"""Whose turn it is: requests of many mailboxes packed into batches of different ones.

What is done for one event or mailbox is told step by step by a generator: it gives one request after the
other and gets each answer. Generators are advanced in the caller's thread; other threads only send batches.
"""

import random
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, TypeVar

from figgo_ops.calendars._lost import Lost, about
from figgo_ops.calendars._microsoft365_errors import Denied
from figgo_ops.calendars._microsoft365_lanes import Lane, Steps, Turn, unsent
from figgo_ops.calendars._microsoft365_wire import Reply, Wire
from figgo_ops.calendars._told import too_late
from figgo_ops.errors import FiggoOpsError
from figgo_ops.pacing import LONGEST_WAIT
from figgo_ops.plan import Mailbox
from figgo_ops.transport import backoff
from figgo_ops.workers import Crew

BATCH = 20
"""Requests in one batch; Graph takes no more."""

SIDE_BY_SIDE = 4
"""Requests of one batch that Exchange Online works on at once; smaller batches are answered no sooner."""

LANES = 2000
"""Mailboxes taken at most, those that rest included."""

UNSAID = 20.0
"""Seconds to rest after going too fast where Graph does not say how long: quotas are counted by minutes."""

TRIES = 5
UNHEARD = 3
"""As often one mailbox is asked for before anybody was answered."""

T = TypeVar("T")

_Batch = list[tuple[Lane[T], Turn[T]]]
Group = tuple[Mailbox, Iterable[Iterable[Steps[T]]]]
"""What is to be done in one mailbox: stages one after the other, generators side by side."""


class Turns(Generic[T]):
    """Runs generators of many mailboxes over one wire.

    Args:
        threads: batches in flight at once.
        may_write: asked just before each request that is no question.
    """

    def __init__(self, wire: Wire, threads: int, may_write: Callable[[], bool] = lambda: True) -> None:
        self._wire, self._threads, self._may_write = wire, threads, may_write
        self._rng = random.Random()  # noqa: S311 - jitter, not a secret
        self._lanes: dict[Mailbox, Lane[T]] = {}
        self._held: Lane[T] | None = None
        self._rests_until = 0.0
        self._rests: dict[tuple[int, float | None], float] = {}
        self._most = 0
        self._stopped: FiggoOpsError | None = None
        self._shut: FiggoOpsError | None = None

    def run(self, groups: Iterable[Group[T]]) -> Iterator[T]:
        """What each generator came to, those of one mailbox in their order.

        Groups are taken only when batches would not be full without them. On Ctrl-C what is in flight is
        awaited for a while and what it came to is given out; leaving early awaits it too.

        Raises:
            CredentialRefused, UsageError: nothing more is worth trying; what was taken has been told.
        """
        crew: Crew[_Batch[T], tuple[_Batch[T], list[Reply] | FiggoOpsError]] = Crew(self._sent)
        waiting = iter(groups)
        try:
            while True:
                while crew.busy < self._threads and (
                    batch := self._batch(waiting, self._threads - crew.busy)
                ):
                    crew.engage([batch])
                told = list(self._told())
                yield from told
                if crew.busy:
                    self._listen(crew)
                elif not told and not self._rest():
                    break
        except GeneratorExit:
            raise
        except KeyboardInterrupt:
            crew.end_soon(self._wire.leave)
            yield from self._last_words(crew)
            raise
        except BaseException:  # what was done meanwhile must be known before we leave
            yield from self._last_words(crew)
            raise
        finally:
            crew.end()
        if self._stopped:
            raise self._stopped

    def _listen(self, crew: "Crew[Any, tuple[_Batch[T], list[Reply] | FiggoOpsError]]") -> None:
        """Hear all that was answered meanwhile: one answer may ask for a rest before the next is sent."""
        while crew.busy:
            for answered in crew.report():
                self._heard(*answered)
            if crew.said.empty():
                break

    def _last_words(self, crew: "Crew[Any, Any]") -> Iterator[T]:
        for answered in crew.last_words():
            self._heard(*answered)
        for lane in self._lanes.values():
            lane.end()
        yield from self._told()

    def _sent(self, batch: _Batch[T]) -> tuple[_Batch[T], list[Reply] | FiggoOpsError]:
        try:
            return batch, self._wire.send([turn.ask for _, turn in batch if turn.ask is not None])
        except FiggoOpsError as error:
            return batch, error

    def _batch(self, waiting: Iterator[Group[T]], free: int) -> _Batch[T]:
        """Requests of different mailboxes, those that waited longest first.

        Args:
            free: how many batches may go now; together they take everything that may be sent.
        """
        now = self._wire.monotonic()
        batch: _Batch[T] = []
        if now < self._rests_until:
            return batch
        able = [number for lane in self._lanes.values() if (number := lane.open(now))]
        # A batch holds one request of each mailbox, however many are ready there.
        while (sum(able) < free * BATCH or len(able) < BATCH) and (taken := self._taken(waiting)) is not None:
            able.append(taken.open(now))
        ready = sum(able)
        # Of the most there was to do at once: smaller ones at the end would cost requests and hide little.
        self._most = max(self._most, ready + sum(lane.flying for lane in self._lanes.values()))
        size = min(BATCH, max(SIDE_BY_SIDE, -(-self._most // self._threads)))
        for lane in list(self._lanes.values()):
            if len(batch) == size:
                break
            self._pick(lane, now, batch)
        return batch

    def _pick(self, lane: Lane[T], now: float, batch: _Batch[T]) -> None:
        while (turn := lane.next(now)) is not None:
            stop = self._stop(lane, turn)
            if stop is None:
                lane.flying += 1
                batch.append((lane, turn))
                self._lanes[lane.mailbox] = self._lanes.pop(lane.mailbox)
                return
            lane.advance(turn, stop)

    def _stop(self, lane: Lane[T], turn: Turn[T]) -> Lost | None:
        """Why a request must not be sent."""
        error = self._stopped or lane.shut
        if not error and self._shut:
            error = about(self._shut, lane.mailbox)
        if not error and not turn.asks and not self._may_write():
            error = too_late(lane.mailbox)
        return unsent(error) if error else None

    def _taken(self, waiting: Iterator[Group[T]]) -> Lane[T] | None:
        """Another mailbox, unless the next one is on its way already."""
        if self._stopped or len(self._lanes) >= LANES:
            return None
        if self._held is None and (group := next(waiting, None)) is not None:
            self._held = Lane(*group)
        lane = self._held
        if lane is None or lane.mailbox in self._lanes:
            return None
        self._held = None
        self._lanes[lane.mailbox] = lane
        return lane

    def _told(self) -> Iterator[T]:
        for lane in list(self._lanes.values()):
            yield from lane.told()
            if lane.ended:
                del self._lanes[lane.mailbox]

    def _heard(self, batch: _Batch[T], replies: list[Reply] | FiggoOpsError) -> None:
        if isinstance(replies, FiggoOpsError):
            self._stopped = replies
            replies = [unsent(replies) for _ in batch]
        self._rests.clear()
        for (lane, turn), reply in zip(batch, replies, strict=True):
            lane.flying -= 1
            turn.tries += 1
            again = (isinstance(reply, Denied) and self._again(lane, turn, reply)) or (
                isinstance(reply, Lost) and self._unheard(lane, turn, reply)
            )
            if again:
                lane.again(turn)
            else:
                lane.advance(turn, reply)

    def _again(self, lane: Lane[T], turn: Turn[T], denied: Denied) -> bool:
        """Whether a request is sent again, because its refusal is only about the pace or passes.

        The mailbox rests in any case: even a look for what became of a write comes after the rest.
        """
        refusal = denied.refusal
        if not refusal.passing:
            return False
        for_all = refusal.level == "http" and (refusal.too_fast or refusal.retry_after is not None)
        if (refusal.retry_after or 0.0) >= LONGEST_WAIT:
            lane.shut = denied.error
            self._shut = denied.error if for_all else self._shut
            return False
        unsaid = UNSAID if refusal.too_fast else None
        until = self._end_of_rest(turn.tries, unsaid if refusal.retry_after is None else refusal.retry_after)
        lane.rests_until = max(lane.rests_until, until)
        if refusal.too_fast:  # somebody else may be busy there, or Microsoft counts otherwise now
            lane.at_once = max(1, lane.at_once // 2)
        if for_all:
            self._rests_until = max(self._rests_until, until)
        # Some refusals about the pace come after the work was done: a write is then looked for first.
        return (turn.asks or (refusal.too_fast and refusal.not_done)) and turn.tries < TRIES

    def _unheard(self, lane: Lane[T], turn: Turn[T], lost: Lost) -> bool:
        """Whether a request that nobody answered is sent again."""
        if lost.sent and not turn.asks:
            return False  # it is looked for next, and only that tells whether anybody can be reached
        tries = TRIES if self._wire.heard else UNHEARD
        if lost.final or turn.tries >= tries or (lost.asked or 0.0) >= LONGEST_WAIT:
            self._wire.missed(lane.mailbox, lost)
            return False
        until = self._end_of_rest(turn.tries, lost.asked)
        lane.rests_until = max(lane.rests_until, until)
        return True

    def _end_of_rest(self, tries: int, asked: float | None) -> float:
        """Until when to rest; who was answered in one batch rests alike, to go in one batch again.

        From the second time on each rests by itself: one of them may be what breaks the batch of all.
        """
        until = self._wire.monotonic() + backoff(tries - 1, asked, self._rng)
        return until if tries > 1 and not asked else self._rests.setdefault((tries, asked), until)

    def _rest(self) -> bool:
        """Wait until somebody may ask again; False when there is nobody."""
        now = self._wire.monotonic()
        due = [lane.due for lane in self._lanes.values() if lane.due is not None]
        if not due and (self._stopped or now >= self._rests_until):
            return False
        self._wire.sleep(max(0.0, min(due, default=now) - now, self._rests_until - now))
        return True
