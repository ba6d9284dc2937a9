"""Exchange on premises: a service account that acts for each mailbox, and what Outlook can show."""

from collections.abc import Callable, Generator, Iterable, Iterator
from datetime import timedelta
from itertools import groupby
from typing import TYPE_CHECKING

from figgo_ops.calendars import Memory, Resolve
from figgo_ops.calendars._exchange_settings import NOTICE, Settings
from figgo_ops.calendars._lost import Lost
from figgo_ops.calendars._outlook import FAMILY, projected
from figgo_ops.checks import Check, Deadline, of
from figgo_ops.errors import (
    CredentialRefused,
    FiggoOpsError,
    Incomplete,
    RightsMissing,
    Unreachable,
    UsageError,
)
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


class ExchangeCalendar:
    """The port over one service account with the right to act for others."""

    family = FAMILY
    hour_ranges = True
    deduplicates = False

    def __init__(self, name: str, wire: "Wire", settings: Settings) -> None:
        self.name, self._wire, self._threads = name, wire, settings.threads
        self._hard = settings.deletion == "hard"
        # Deleted Items keeps until its owner empties it, and Exchange for two weeks more.
        self.bin = None if self._hard else timedelta(days=14)
        self.owner_empties_bin = not self._hard
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
        """Log-on, calendar and time zone, in this order; what stands on a failed one is skipped."""
        self._wire.begin()
        whom = Mailbox(self.name, mailbox)
        error = self._tried(whom).error
        refused = isinstance(error, CredentialRefused | UsageError | Unreachable)
        denied = isinstance(error, RightsMissing)
        yield of("log-on", error if refused and not denied else None, self._wire.version)
        if refused and not denied:
            yield Check("calendar", "skipped", "nobody is logged on")
        else:
            yield of("calendar", error)
        if error:
            yield Check("time zone", "skipped", "the calendar could not be read")
        else:
            yield self._zone(whom)

    def deadlines(self) -> tuple[Deadline, ...]:
        """What ends of it; see the port."""
        return ()

    def close(self) -> None:
        """Let go of connections."""
        self._wire.close()

    def _tried(self, mailbox: Mailbox) -> Listing:
        try:
            return self._listing(mailbox, self._marked)
        except FiggoOpsError as error:
            return Listing(mailbox, error=error)

    def _zone(self, mailbox: Mailbox) -> Check:
        """The zone that its owner chose on the web, if they ever did."""
        from figgo_ops.calendars import _exchange_requests as requests
        from figgo_ops.calendars._exchange_errors import Denied
        from figgo_ops.calendars._exchange_items import zone_setting

        try:
            answer = self._wire.one("GetUserConfiguration", mailbox, lambda _address: requests.options())
        except Denied as denied:
            if denied.refusal.gone:
                return Check("time zone", "ok", "not chosen on the web")
            return Check("time zone", "warning", denied.error.message, denied.error.remedy)
        except Lost as lost:
            return Check("time zone", "warning", lost.error.message, lost.error.remedy)
        return Check("time zone", "ok", zone_setting(answer) or "not known here")

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
            return Listing(mailbox, tuple(found(mailbox)))
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
