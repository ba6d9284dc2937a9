"""Names held against other processes while a block runs."""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from figgo_ops.errors import FiggoOpsError
from figgo_ops.ledger import Ledger
from figgo_ops.plan import Mailbox
from figgo_ops.transport import Clock

LEASE = 90.0
"""Seconds after which a lease that nobody renews is free again."""


def of_mailbox(tenant: str, mailbox: Mailbox) -> str:
    """The name to hold while writing to a mailbox."""
    return f"mailbox:{tenant}/{mailbox.calendar}/{mailbox.address}"


class Lease:
    """Names held against other processes, renewed in the background while a block runs.

    Validity is judged by this machine's own clock, so a process that was suspended beyond its lease knows it.
    """

    def __init__(self, ledger: Ledger, names: set[str], holder: str, clock: Clock) -> None:
        self._ledger, self._names, self._holder, self._clock = ledger, names, holder, clock
        self._stop = threading.Event()
        self._until = clock.monotonic() + LEASE
        self._thread = threading.Thread(target=self._renew, name="lease", daemon=True)

    def start(self) -> None:
        """Begin to renew."""
        self._thread.start()

    def valid(self) -> bool:
        """Whether the names surely are still ours."""
        return self._clock.monotonic() < self._until - LEASE / 6

    def _renew(self) -> None:
        while not self._stop.wait(LEASE / 3):
            begun = self._clock.monotonic()
            try:
                ours = self._ledger.renew(self._names, self._holder, LEASE, self._clock.now())
            except FiggoOpsError:
                return  # the ledger cannot be used just now: the lease runs out, and writing ends with it
            if ours != self._names:
                self._until = begun
                return
            self._until = begun + LEASE

    def end(self) -> None:
        """Let go."""
        self._stop.set()
        self._thread.join()
        self._ledger.release(self._names, self._holder)


@contextmanager
def leased(
    ledger: Ledger, names: Iterable[str], holder: str, clock: Clock
) -> Iterator[tuple[Lease, set[str]]]:
    """Hold as many of these names as are free; gives the lease and the names that were taken."""
    taken = ledger.take(set(names), holder, LEASE, clock.now())
    lease = Lease(ledger, taken, holder, clock)
    lease.start()
    try:
        yield lease, taken
    finally:
        lease.end()
