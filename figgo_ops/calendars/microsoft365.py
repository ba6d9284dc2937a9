"""Microsoft 365 through Microsoft Graph: an application that acts for each mailbox in its scope."""

from collections.abc import Callable, Generator, Iterable, Iterator
from datetime import timedelta
from itertools import groupby
from typing import TYPE_CHECKING

from figgo_ops.calendars import Memory, Resolve
from figgo_ops.calendars._lost import Lost
from figgo_ops.calendars._microsoft365_settings import Settings
from figgo_ops.calendars._outlook import FAMILY, projected
from figgo_ops.checks import CUSTOMER, Check, Deadline
from figgo_ops.errors import Incomplete
from figgo_ops.events import Event, clean_title
from figgo_ops.leaves import Span
from figgo_ops.plan import Change, Existing, Listing, Mailbox, Outcome
from figgo_ops.transport import Clock

if TYPE_CHECKING:
    from figgo_ops.calendars._microsoft365_lanes import Steps
    from figgo_ops.calendars._microsoft365_wire import Wire

RENEW = (
    "Register a new certificate in the Entra admin center (Certificates & secrets), store it with its key "
    "by `figgo-ops secret set`, then remove the old one."
)

__all__ = ["Microsoft365Calendar", "Settings", "open_calendar"]


def open_calendar(
    name: str, settings: Settings, secret: Resolve, clock: Clock, memory: Memory
) -> "Microsoft365Calendar":
    """Connect to Microsoft 365; asks nothing of the network yet.

    Raises:
        SecretUnavailable: the reference leads nowhere.
        UsageError: it leads to no certificate with its key, or the file of the authority cannot be used.
    """
    # Microsoft's library takes long to load, and tenant files are read far more often than calendars.
    from figgo_ops.calendars._microsoft365_tokens import Credential, certificate, ending
    from figgo_ops.calendars._microsoft365_wire import Wire

    credential: Credential
    notice = ""
    if settings.certificate:
        credential, until = certificate(name, secret(settings.certificate))
        notice = ending(until, clock.now())
    else:
        credential = secret(settings.client_secret or "").value
    wire = Wire(name, settings, credential, memory, clock)
    return Microsoft365Calendar(name, wire, settings.threads, notice)


def deadlines(name: str, settings: Settings, secret: Resolve) -> tuple[Deadline, ...]:
    """The application's certificate; of a secret only Microsoft knows the end.

    Raises:
        SecretUnavailable, UsageError: as by `open_calendar`.
    """
    from figgo_ops.calendars._microsoft365_tokens import certificate

    if not settings.certificate:
        return ()
    _, until = certificate(name, secret(settings.certificate))
    what = f"the certificate of application {settings.client_id}"
    return (Deadline(what, until.date(), RENEW, CUSTOMER, "certificate-ends"),)


HOUR_RANGES = True
"""Whether whole days can be shown as a range of hours."""


class Microsoft365Calendar:
    """The port over one application."""

    hour_ranges = HOUR_RANGES
    deduplicates = False  # only within one run: Graph knows a creation by a name that each run gives anew
    family = FAMILY
    # Deleted Items keeps until its owner empties it, and Exchange Online for two weeks more.
    bin: timedelta | None = timedelta(days=14)
    owner_empties_bin = True
    purges = True
    settles = timedelta(hours=2)

    def __init__(self, name: str, wire: "Wire", threads: int, notice: str = "") -> None:
        self.name, self._wire, self._threads, self.notice = name, wire, threads, notice

    def project(self, event: Event) -> Event:
        """Being tentative instead of busy, away, free or elsewhere: Outlook shows one of them."""
        return projected(event)

    def read(self, mailboxes: Iterable[str]) -> Iterator[Listing]:
        """All marked events of each mailbox, or the error; see the port."""
        from figgo_ops.calendars._microsoft365_events import ours

        return self._listings(mailboxes, ours(), lambda one: bool(one.key_text), added=True)

    def look_alikes(
        self, mailboxes: Iterable[str], window: Span, titles: frozenset[str]
    ) -> Iterator[Listing]:
        """Unmarked events with one of these titles that touch the window; see the port.

        Of a series its first event counts: Graph lists a series once.
        """
        from figgo_ops.calendars._microsoft365_events import between

        folded = {clean_title(title).casefold() for title in titles}

        def alike(one: Existing) -> bool:
            titled = not one.key_text and clean_title(one.event.title).casefold() in folded
            return titled and window.touches(one.event.first_day, one.event.last_day)

        return self._listings(mailboxes, between(window.first, window.last), alike)

    def write(
        self, changes: Iterable[Change], may_write: Callable[[], bool] = lambda: True
    ) -> Generator[Outcome, None, None]:
        """One outcome per change; see the port.

        All changes of one mailbox must come one after the other. Those of one action go side by side, four
        at once; up to 20 mailboxes share a request.
        """
        from figgo_ops.calendars._microsoft365_turns import Turns
        from figgo_ops.calendars._microsoft365_write import Writer

        self._wire.begin()
        writer = Writer(self._wire.root)
        groups = (
            (mailbox, [[writer.write(one) for one in run] for _, run in groupby(group, key=_action)])
            for mailbox, group in groupby(changes, key=lambda change: change.mailbox)
        )
        yield from Turns[Outcome](self._wire, self._threads, may_write).run(groups)

    def probe(self, mailbox: str, outside: str = "") -> Iterator[Check]:
        """What diagnostics show; see the port."""
        from figgo_ops.calendars._microsoft365_probe import Prober

        self._wire.begin()
        return Prober(self._wire, self.name).probe(mailbox, outside)

    def close(self) -> None:
        """Let go of connections."""
        self._wire.close()

    def _listings(
        self,
        addresses: Iterable[str],
        condition: str,
        wanted: Callable[[Existing], bool],
        *,
        added: bool = False,
    ) -> Iterator[Listing]:
        from figgo_ops.calendars._microsoft365_turns import Turns

        self._wire.begin()
        mailboxes = (Mailbox(self.name, address) for address in addresses)
        groups = ((mailbox, [[self._listing(mailbox, condition, wanted, added)]]) for mailbox in mailboxes)
        return Turns[Listing](self._wire, self._threads).run(groups)

    def _listing(
        self, mailbox: Mailbox, condition: str, wanted: Callable[[Existing], bool], added: bool
    ) -> "Steps[Listing]":
        from figgo_ops.calendars._microsoft365_errors import Denied
        from figgo_ops.calendars._microsoft365_events import existing
        from figgo_ops.calendars._microsoft365_read import found

        try:
            items = yield from found(self._wire.root, mailbox, condition, added=added)
            there = [existing(mailbox, item) for item in items]
        except (Denied, Lost) as failure:
            return Listing(mailbox, error=failure.error)
        except Incomplete as error:
            return Listing(mailbox, error=error)
        return Listing(mailbox, tuple(one for one in there if wanted(one)))


def _action(change: Change) -> str:
    return change.action
