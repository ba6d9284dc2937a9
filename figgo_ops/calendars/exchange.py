"""Exchange on premises: a service account that acts for each mailbox, and what Outlook can show."""

from collections.abc import Callable, Generator, Iterable, Iterator
from datetime import timedelta
from itertools import groupby
from typing import TYPE_CHECKING

from figgo_ops.calendars import Memory, Resolve
from figgo_ops.calendars._exchange_settings import ENDING, NOTICE, Settings
from figgo_ops.calendars._lost import Lost
from figgo_ops.calendars._outlook import FAMILY, projected
from figgo_ops.checks import Check, Deadline
from figgo_ops.errors import Incomplete
from figgo_ops.events import Event, clean_title
from figgo_ops.leaves import Span
from figgo_ops.plan import Change, Existing, Listing, Mailbox, Outcome
from figgo_ops.transport import Clock
from figgo_ops.workers import side_by_side

if TYPE_CHECKING:
    from figgo_ops.calendars._exchange_wire import Wire

__all__ = ["ExchangeCalendar", "Settings", "open_calendar"]


def open_calendar(
    name: str, settings: Settings, secret: Resolve, clock: Clock, memory: Memory
) -> "ExchangeCalendar":
    """Connect to Exchange; asks nothing of the network yet.

    Raises:
        SecretUnavailable: the reference leads nowhere.
        UsageError: the file of the authority cannot be used.
    """
    # The library takes long to load, and tenant files are read far more often than calendars.
    from figgo_ops.calendars._exchange_access import access
    from figgo_ops.calendars._exchange_wire import Wire

    wire = Wire(name, settings.endpoint, settings.ca_file, access(settings, secret), memory, clock)
    return ExchangeCalendar(name, wire, settings)


def deadlines(_name: str, settings: Settings, _secret: Resolve) -> tuple[Deadline, ...]:
    """EWS itself, in the cloud; of a password only its owner knows the end."""
    return (ENDING,) if settings.online else ()


HOUR_RANGES = True
"""Whether whole days can be shown as a range of hours."""


class ExchangeCalendar:
    """The port over one service account with the right to act for others."""

    family = FAMILY
    hour_ranges = HOUR_RANGES
    deduplicates = False
    purges = True
    settles = timedelta(hours=1)  # servers keep role assignments for a while

    def __init__(self, name: str, wire: "Wire", settings: Settings) -> None:
        self.name, self._wire, self._threads = name, wire, settings.threads
        self._hard = settings.deletion == "hard"
        # Deleted Items keeps until its owner empties it, and Exchange for two weeks more.
        self.bin = None if self._hard else timedelta(days=14)
        self.owner_empties_bin = not self._hard
        self._online = settings.online
        self.notice = NOTICE if settings.online else ""

    def project(self, event: Event) -> Event:
        """Being tentative instead of busy, away, free or elsewhere: Outlook shows one of them."""
        return projected(event)

    def read(self, mailboxes: Iterable[str]) -> Iterator[Listing]:
        """All marked events of each mailbox, or the error; see the port."""
        return self._listings(mailboxes, self._marked)

    def look_alikes(
        self, mailboxes: Iterable[str], window: Span, titles: frozenset[str]
    ) -> Iterator[Listing]:
        """Unmarked events with one of these titles that touch the window; see the port."""
        folded = {clean_title(title).casefold() for title in titles}

        def alike(mailbox: Mailbox) -> list[Existing]:
            found = self._shown(mailbox, window)
            return [
                one
                for one in found
                if not one.key_text
                and clean_title(one.event.title).casefold() in folded
                and window.touches(one.event.first_day, one.event.last_day)
            ]

        return self._listings(mailboxes, alike)

    def write(
        self, changes: Iterable[Change], may_write: Callable[[], bool] = lambda: True
    ) -> Generator[Outcome, None, None]:
        """One outcome per change; see the port.

        All changes of one mailbox must come one after the other. They are taken together when a thread is
        free for the mailbox, and the first change of the next mailbox with them; up to 50 share a request.
        """
        from figgo_ops.calendars._exchange_send import chunks
        from figgo_ops.calendars._exchange_write import Writer

        self._wire.begin()
        writer = Writer(self._wire, may_write, hard=self._hard)
        # Once it is stopped the others fail unsent: a change taken and not told of would count as unknown.
        groups = (list(chunks(group)) for _, group in groupby(changes, key=lambda change: change.mailbox))
        for outcomes in side_by_side(groups, writer.write, self._threads, self._wire.leave):
            yield from outcomes
        if writer.stopped:
            raise writer.stopped

    def probe(self, mailbox: str, outside: str = "") -> Iterator[Check]:
        """What diagnostics show; see the port."""
        from figgo_ops.calendars._exchange_probe import Prober

        self._wire.begin()
        return Prober(self._wire, self.name, online=self._online).probe(mailbox, outside)

    def close(self) -> None:
        """Let go of connections."""
        self._wire.close()

    def _listings(
        self, addresses: Iterable[str], found: Callable[[Mailbox], list[Existing]]
    ) -> Iterator[Listing]:
        self._wire.begin()
        groups = ([Mailbox(self.name, address)] for address in addresses)
        return side_by_side(
            groups, lambda mailbox: self._listing(mailbox, found), self._threads, self._wire.leave
        )

    def _listing(self, mailbox: Mailbox, found: Callable[[Mailbox], list[Existing]]) -> Listing:
        from figgo_ops.calendars._exchange_errors import Denied

        try:
            events = tuple(found(mailbox))
            return Listing(mailbox, events, primary=self._wire.primary(mailbox))
        except (Denied, Lost) as failure:
            return Listing(mailbox, error=failure.error)
        except Incomplete as error:
            return Listing(mailbox, error=error)

    def _marked(self, mailbox: Mailbox) -> list[Existing]:
        from figgo_ops.calendars._exchange_read import marked

        return marked(self._wire, mailbox)

    def _shown(self, mailbox: Mailbox, window: Span) -> list[Existing]:
        from figgo_ops.calendars._exchange_read import shown

        return shown(self._wire, mailbox, window)
