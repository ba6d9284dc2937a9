"""Leaving early: whoever stops a run waits neither for a silent provider nor for a pause it asked for."""

from datetime import datetime
from typing import Protocol

from figgo_ops.calendars._lost import Lost
from figgo_ops.errors import Unreachable
from figgo_ops.transport import Clock

SLICE = 1.0
"""Seconds that a wait goes on at most once it is to end."""


class Waited(Protocol):
    """A connection on which somebody waits."""

    def cut(self) -> None:
        """End whatever is under way on it, from another thread."""


class Hurry:
    """A clock whose waits can be ended, and the connections that are waited on."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiting: set[Waited] = set()
        self._leaving = False

    def begin(self) -> None:
        """There is time again."""
        self._leaving = False

    def leave(self) -> None:
        """End every wait; to be called again for connections that were only coming about."""
        self._leaving = True
        for connection in list(self._waiting):  # copied, added to and taken from in one step each
            connection.cut()

    def check(self) -> None:
        """Go on only when there is time.

        Raises:
            Lost: the run is being left; what was to be sent now was not.
        """
        if self._leaving:
            stopped = Unreachable("The run was interrupted before an answer had come.", "Run again.")
            raise Lost(stopped, sent=False, network=False, final=True)

    def waits(self, connection: Waited) -> None:
        """From now on this connection is waited on; `check` afterwards, it may be late for `leave`."""
        self._waiting.add(connection)

    def waits_no_more(self, connection: Waited) -> None:
        """Not any more."""
        self._waiting.discard(connection)

    def monotonic(self) -> float:
        """As the clock has it."""
        return self._clock.monotonic()

    def now(self) -> datetime:
        """As the clock has it."""
        return self._clock.now()

    def sleep(self, seconds: float) -> None:
        """Let so much time pass; raises `Lost` as soon as the run is left."""
        while seconds > 0:
            self.check()
            step = min(seconds, SLICE)
            self._clock.sleep(step)
            seconds -= step
