"""Where work runs: side by side in threads, in order within one group."""

import gc
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


GRACE = 5.0
"""Seconds that Ctrl-C waits for what has begun before it is hurried."""

REST = 0.005
"""Seconds that whoever waits for results lets them gather: waking up for each costs as much as sending it."""


def side_by_side(
    groups: Iterable[Sequence[T]],
    work: Callable[[T], R],
    threads: int,
    hurry: Callable[[], None] = lambda: None,
) -> Iterator[R]:
    """The results of the work on every item, as they come.

    Items of one group are done in order, by one thread; different groups go side by side. The next group
    is taken from the iterable, in the caller's thread, only when a thread is free for it.

    Whatever the work, the iterable or Ctrl-C raises is raised here, after the items already begun have
    ended and their results were given out. Leaving the iterator early also waits for the items begun.

    Args:
        groups: taken lazily; an empty group is passed over.
        work: called with one item, in any thread.
        threads: how many groups at once, at least 1.
        hurry: called after Ctrl-C, again and again, until the items begun have ended.
    """
    crew: Crew[T, R] = Crew(work)
    waiting = iter(groups)
    try:
        while crew.busy < threads and (group := next(waiting, None)) is not None:
            crew.engage(group)
            while crew.busy >= threads or not crew.said.empty():
                yield from crew.report()
        while crew.busy:
            yield from crew.report()
    except GeneratorExit:
        raise
    except KeyboardInterrupt:
        crew.end_soon(hurry)
        yield from crew.last_words()
        raise
    except BaseException:  # what was done meanwhile must be known before we leave
        yield from crew.last_words()
        raise
    finally:
        crew.end()


@contextmanager
def undisturbed() -> Iterator[None]:
    """Leave garbage in cycles alone while the block runs.

    Where hundreds of thousands of events are in memory, looking for such garbage takes longer than
    comparing them, and a comparison makes none.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@dataclass(frozen=True, slots=True)
class _End:
    """The last thing a thread says."""

    failure: BaseException | None


class Crew(Generic[T, R]):
    """The threads of one call, and what they say. All but the work happens in the caller's thread.

    Attributes:
        said: results, and the ends of threads, not yet reported.
        busy: how many threads have not ended.
    """

    def __init__(self, work: Callable[[T], R]) -> None:
        self.work = work
        self.said: queue.SimpleQueue[R | _End] = queue.SimpleQueue()
        self.stopping = threading.Event()
        self.threads: list[threading.Thread] = []
        self.busy = 0

    def engage(self, group: Sequence[T]) -> None:
        """Begin a group in a thread of its own."""
        thread = threading.Thread(target=self._run, args=(group,), daemon=True)
        self.threads = [one for one in self.threads if one.is_alive()]
        self.threads.append(thread)
        thread.start()
        self.busy += 1

    def report(self) -> Iterator[R]:
        """Wait for the next word of any thread: a result, or its end, whose failure is raised."""
        if self.busy > 1 and self.said.empty():
            time.sleep(REST)
        word = self.said.get()
        if not isinstance(word, _End):
            yield word
            return
        self.busy -= 1
        if word.failure is not None:
            raise word.failure

    def last_words(self) -> Iterator[R]:
        """Results not yet given out, once every item that has begun has ended."""
        self.end()
        while not self.said.empty():
            word = self.said.get()
            if not isinstance(word, _End):
                yield word

    def end(self) -> None:
        """Let every item that has begun end, and nothing more begin.

        The threads are waited for, not their words: Ctrl-C may fall just between a word and its counting.
        """
        self.stopping.set()
        for thread in self._alive():
            thread.join()

    def end_soon(self, hurry: Callable[[], None]) -> None:
        """As `end`, but nobody waits out the patience of what has begun; Ctrl-C once more ends the grace."""
        self.stopping.set()
        until = time.monotonic() + GRACE
        while left := self._alive():
            try:
                grace = until - time.monotonic()
                if grace <= 0:
                    hurry()
                for thread in left:
                    thread.join((min(grace, 1.0) if grace > 0 else 1.0) / len(left))
            except KeyboardInterrupt:
                until = time.monotonic()

    def _alive(self) -> list[threading.Thread]:
        # One that Ctrl-C kept from starting cannot be waited for; if it still starts it finds work stopped.
        return [thread for thread in self.threads if thread.is_alive()]

    def _run(self, group: Sequence[T]) -> None:
        failure = None
        try:
            for item in group:
                if self.stopping.is_set():
                    break
                self.said.put(self.work(item))
        except BaseException as error:  # noqa: BLE001 - the edge of a thread: raised where the caller waits
            failure = error
        self.said.put(_End(failure))
