"""One mailbox and what is done in it: generators that give one request after the other."""

from collections import deque
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from figgo_ops.calendars._lost import Lost
from figgo_ops.calendars._microsoft365_errors import Denied
from figgo_ops.calendars._microsoft365_wire import Ask, Reply
from figgo_ops.errors import FiggoOpsError, Unreachable
from figgo_ops.plan import Mailbox

AT_ONCE = 4
"""Requests in flight for one mailbox; Graph refuses the fifth."""

T = TypeVar("T")
Steps = Generator[Ask, dict[str, Any], T]
"""One request after the other; what went wrong with one is raised in it as `Denied` or `Lost`."""


@dataclass(slots=True)
class Turn(Generic[T]):
    """One generator on its way.

    Attributes:
        tries: how often its present request was sent in vain.
        told: what it came to, once it has ended.
    """

    steps: Steps[T]
    ask: Ask | None = None
    tries: int = 0
    told: list[T] | None = None

    @property
    def asks(self) -> bool:
        """Whether its present request is a question, which may be sent any number of times."""
        return self.ask is not None and self.ask.method == "GET"


class Lane(Generic[T]):
    """One mailbox: its stages one after the other, up to `AT_ONCE` turns of a stage side by side.

    Attributes:
        shut: why nothing more is asked about it in this run.
        at_once: requests in flight that it bears.
    """

    def __init__(self, mailbox: Mailbox, stages: Iterable[Iterable[Steps[T]]]) -> None:
        self.mailbox = mailbox
        self.rests_until = 0.0
        self.shut: FiggoOpsError | None = None
        self.at_once = AT_ONCE
        self.flying = 0
        self._stages = deque(deque(stage) for stage in stages)
        self._begun: deque[Turn[T]] = deque()
        self._ready: deque[Turn[T]] = deque()
        self._alive = 0

    @property
    def ended(self) -> bool:
        """Whether nothing is left to do or to tell."""
        return not self._begun and not any(self._stages)

    @property
    def due(self) -> float | None:
        """When it may ask again; None when it has nothing to ask."""
        return self.rests_until if self._ready or any(self._stages) else None

    def next(self, now: float) -> Turn[T] | None:
        """A turn with a request to send; None when none may be sent now."""
        while not self._ready and self.open(now):
            self._begin(Turn(self._stages[0].popleft()))
        return self._ready.popleft() if self._ready and self.open(now) else None

    def open(self, now: float) -> int:
        """How many requests may be sent now."""
        if now < self.rests_until:
            return 0
        while self._stages and not self._stages[0] and not self._alive:
            self._stages.popleft()  # the next stage waits for the end of this one
        more = min(self.at_once - self._alive, len(self._stages[0])) if self._stages else 0
        return max(0, min(self.at_once - self.flying, len(self._ready) + max(0, more)))

    def _begin(self, turn: Turn[T]) -> None:
        self._begun.append(turn)
        self._alive += 1
        self.advance(turn, None)

    def again(self, turn: Turn[T]) -> None:
        """Let a turn send its request once more, before the others."""
        self._ready.appendleft(turn)

    def advance(self, turn: Turn[T], reply: Reply | None) -> None:
        """Let a turn hear an answer; it then has another request, or has ended."""
        turn.tries = 0
        try:
            if isinstance(reply, Denied | Lost):
                turn.ask = turn.steps.throw(reply)
            else:
                turn.ask = next(turn.steps) if reply is None else turn.steps.send(reply)
        except StopIteration as end:
            turn.told = [end.value]
            self._alive -= 1
        else:
            self._ready.append(turn)

    def end(self) -> None:
        """Ask nothing more: what was sent and not answered is unknown, what was not sent has failed."""
        for steps in (steps for stage in self._stages for steps in stage):
            self._begin(Turn(steps))
        self._stages.clear()
        cut = Unreachable(f"{self.mailbox}: the run was interrupted before an answer had come.", "Run again.")
        while self._ready:
            self.advance(self._ready.popleft(), unsent(cut))

    def told(self) -> Iterator[T]:
        """What turns came to, in the order they were begun."""
        while self._begun and self._begun[0].told is not None:
            yield from self._begun.popleft().told or ()


def unsent(error: FiggoOpsError) -> Lost:
    """Why a request was not sent."""
    return Lost(error, sent=False, network=False, final=True)
