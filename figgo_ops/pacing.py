"""Whose turn it is and how long to wait: the clock, the pace of a shared quota, pauses after failures."""

import random
import re
import threading
import time
from collections import deque
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Protocol

LONGEST_WAIT = 3600.0
"""Seconds; whoever asks for more is not waited for at all."""


class Clock(Protocol):
    """Where time comes from, so that tests need not live through it."""

    def monotonic(self) -> float:
        """Seconds since some fixed moment, never running backwards."""

    def now(self) -> datetime:
        """The present, in UTC."""

    def sleep(self, seconds: float) -> None:
        """Let so much time pass."""


class SystemClock:
    """The machine's own clock."""

    def monotonic(self) -> float:
        """Seconds since some fixed moment, never running backwards."""
        return time.monotonic()

    def now(self) -> datetime:
        """The present, in UTC."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Let so much time pass."""
        time.sleep(seconds)


class Pace:
    """Lets at most `burst` go in any `burst / per_second` seconds, first come, first served.

    With a burst of one that is one every `1 / per_second` seconds. Safe to use from any thread: a turn
    is computed under a lock and slept for outside it.
    """

    def __init__(self, per_second: float, clock: Clock, burst: int = 1) -> None:
        self._clock = clock
        self._window = burst / per_second
        self._longest_window = 16 * self._window
        self._turns: deque[float] = deque(maxlen=burst)
        self._lock = threading.Lock()
        self._paused_until = clock.monotonic()
        self._shift = 0.0  # all pauses so far: turns already given out move by what is added later

    def wait(self) -> None:
        """Return when one more may go."""
        turn = self._take()
        while turn is not None and (left := self._left(turn)) > 0:
            self._clock.sleep(left)

    def pause(self, seconds: float) -> None:
        """Nobody goes for so long, those already waiting included; a shorter pause ends none early."""
        with self._lock:
            now = self._clock.monotonic()
            longer = now + seconds - max(now, self._paused_until)
            if longer <= 0:
                return
            self._paused_until = now + seconds
            self._shift += longer
            moved = [turn + longer if turn > now else turn for turn in self._turns]
            self._turns.extend(moved)

    def slower(self) -> None:
        """Halve the rate, down to a sixteenth of the first one; turns already given out stay."""
        with self._lock:
            self._window = min(2 * self._window, self._longest_window)

    def _take(self) -> float | None:
        """When it is the caller's turn; None when it is now."""
        with self._lock:
            now = self._clock.monotonic()
            turn = max(now, self._paused_until)
            if self._turns:
                turn = max(turn, self._turns[-1])
            if len(self._turns) == self._turns.maxlen:
                turn = max(turn, self._turns[0] + self._window)
            self._turns.append(turn)
            return None if turn == now else turn - self._shift

    def _left(self, turn: float) -> float:
        with self._lock:
            return max(turn + self._shift, self._paused_until) - self._clock.monotonic()


def retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds that a Retry-After field asks for, at most `LONGEST_WAIT`; None when it says nothing usable.

    Args:
        value: the field, in seconds or as an HTTP date; None when it was not sent.
        now: the present, in UTC.
    """
    text = (value or "").strip()
    if re.fullmatch(r"[+-]?\d+(\.\d*)?", text):
        seconds = float(text)
    else:
        try:
            moment = parsedate_to_datetime(text)
        except (ValueError, OverflowError):
            return None
        # A date that names its zone "-0000" comes back naive; HTTP knows no other zone than UTC.
        seconds = (moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds()
    return min(max(seconds, 0.0), LONGEST_WAIT)


def backoff(attempt: int, asked: float | None, rng: random.Random) -> float:
    """Seconds to wait after failure `attempt` (from 0): random, growing to 64, never less than asked."""
    return max(asked or 0.0, rng.random() * float(2 ** min(attempt, 6)))
