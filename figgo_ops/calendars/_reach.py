"""Whether a provider can be reached at all: what is said of one mailbox, and what is said of all."""

import threading

from figgo_ops.calendars._lost import CERTIFICATE, Lost
from figgo_ops.errors import FiggoOpsError, Unreachable
from figgo_ops.plan import Mailbox

UNREACHED = 3
"""So many mailboxes in a row that nothing reaches are taken for all of them."""


class Reach:
    """What stopped the calls to one calendar so far, from any thread.

    Args:
        name: the `[[calendar]]`.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._unreached: set[str] = set()
        self._cut: Unreachable | None = None
        self._fatal: FiggoOpsError | None = None

    def begin(self) -> None:
        """Forget it: missing rights and a broken network deserve another try."""
        with self._lock:
            self._unreached.clear()
            self._cut = self._fatal = None

    def check(self) -> None:
        """Go on only when nothing stopped the whole calendar.

        Raises:
            Lost: the network was given up.
            CredentialRefused, UsageError: see `stop`.
        """
        if self._fatal:
            raise self._fatal
        if self._cut:
            raise Lost(self._cut, sent=False, final=True)

    def stop(self, error: FiggoOpsError) -> None:
        """Nothing more is worth trying, for any mailbox."""
        self._fatal = error

    def answered(self) -> None:
        """The provider answered, whatever it said."""
        if self._unreached:
            with self._lock:
                self._unreached.clear()

    def missed(self, mailbox: Mailbox, failure: Lost) -> None:
        """Nobody answered about this mailbox, however often we asked."""
        if not failure.network or self._cut:
            return
        with self._lock:
            self._unreached.add(mailbox.address)
            if len(self._unreached) >= UNREACHED or failure.error.code == CERTIFICATE:
                cause = failure.error.message.partition(": ")[2]
                self._cut = Unreachable(
                    f"calendar {self._name}: {cause} No mailbox is tried any more.",
                    failure.error.remedy,
                    code=failure.error.code,
                )
