"""Where leaves arrive: the port that every provider's adapter fills.

A file in this folder whose name does not begin with "_" is a provider:
its name is the `kind` in the tenant file, and it offers

- `Settings`: a pydantic model of the keys it adds to a `[[calendar]]`, with `services`: every address called,
- `open_calendar(name, settings, secret, clock, memory)`: a `Calendar`,
- `HOUR_RANGES`: whether whole days can be shown as a range of hours,
- `deadlines(name, settings, secret)`: what will end of it, as far as files tell.

Nothing else knows which providers there are.
"""

import pkgutil
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from importlib import import_module
from typing import Any, Protocol, cast

from pydantic import BaseModel

from figgo_ops.checks import Check, Deadline
from figgo_ops.events import Event
from figgo_ops.leaves import Span
from figgo_ops.plan import Change, Listing, Outcome
from figgo_ops.secrets import Secret
from figgo_ops.transport import Clock

Resolve = Callable[[str], Secret]
"""From a secret reference to the secret; called at the last moment."""


class Memory(Protocol):
    """What the runs so far know about one calendar, shared by every process of this tenant."""

    def recall(self, what: str) -> str:
        """What was remembered under this name; "" when nothing was."""

    def remember(self, what: str, text: str) -> None:
        """Keep something for later runs; never a secret."""

    def logging_on(self, sleep: Callable[[float], None]) -> AbstractContextManager[None]:
        """Around the first log-on of a process: one process at a time, and none once it was refused.

        What is refused inside is remembered before the next one may begin.

        Args:
            sleep: lets so many seconds pass while another process logs on; may raise to give up waiting.

        Raises:
            CredentialRefused: another process was refused with the same credential.
        """


class Calendar(Protocol):
    """One provider connection for many mailboxes.

    Chunking, concurrency, pacing and the provider's quirks live behind it; keys, limits and decisions do not.

    Attributes:
        name: the `[[calendar]]` it was opened for.
        family: between calendars of one family a customer may migrate mailboxes with all they hold, our
            events and markers included; "" for a calendar on its own.
        hour_ranges: whether whole days can be shown as a range of hours.
        deduplicates: whether a creation that is sent twice makes one event.
        bin: how long the provider keeps a deleted event where its owner can restore it; None when not at all.
        owner_empties_bin: whether it is kept until its owner empties the bin, and for `bin` from then on.
        purges: whether a removal that is to be forever goes past the bin.
        notice: what a reader of a plan should know about this connection, such as its end; "" when nothing.
        settles: how long a right that the customer gives may take until it acts.
    """

    name: str
    family: str
    hour_ranges: bool
    deduplicates: bool
    bin: timedelta | None
    owner_empties_bin: bool
    purges: bool
    notice: str
    settles: timedelta

    def project(self, event: Event) -> Event:
        """The event as this provider can hold it, so that a freshly written calendar compares equal."""

    def read(self, mailboxes: Iterable[str]) -> Iterator[Listing]:
        """One listing per address, as they come: all marked events whatever their date, or the error.

        Raises:
            CredentialRefused: the provider does not know the credential; nothing more is worth trying.
        """

    def look_alikes(
        self, mailboxes: Iterable[str], window: Span, titles: frozenset[str]
    ) -> Iterator[Listing]:
        """Unmarked events that touch the window and have one of these titles, in whatever case."""

    def write(
        self, changes: Iterable[Change], may_write: Callable[[], bool] = lambda: True
    ) -> Generator[Outcome, None, None]:
        """One outcome per change, as they come.

        Changes of one mailbox are sent one after the other in the order given; mailboxes go side by side.
        The iterable is read lazily, just before each change is sent, so that its maker can stop it;
        changes of one mailbox come one after the other. An outcome holds the very change it was given.
        Updates and removals carry the listed etag: an event that its owner changed since is a failure,
        never overwritten. An unknown outcome was already looked up once. Once `may_write` says no, what was
        taken already and not yet sent is a failure: who was suspended beyond its lease sends nothing more.

        Raises:
            CredentialRefused: as in `read`; outcomes already known are yielded first.
        """

    def probe(self, mailbox: str, outside: str = "") -> Iterator[Check]:
        """What diagnostics show: log-on, rights, outside, calendar, time zone, in this order.

        Reads only, tries the credential once; what stands on a failed check is skipped.

        Args:
            mailbox: one that we must be able to write to.
            outside: one that we must not reach; "" leaves that check out with the reason.
        """

    def close(self) -> None:
        """Let go of connections."""


def kinds() -> list[str]:
    """The providers there are."""
    names = (module.name for module in pkgutil.iter_modules(__path__))
    return sorted(name for name in names if not name.startswith("_"))


def settings_of(kind: str) -> type[BaseModel]:
    """The model of the keys that this kind adds to a `[[calendar]]`; loads its adapter, and only that."""
    model: type[BaseModel] = _adapter(kind).Settings
    return model


def hour_ranges(kind: str) -> bool:
    """Whether calendars of this kind show whole days as a range of hours when asked to."""
    found: bool = _adapter(kind).HOUR_RANGES
    return found


def services(settings: BaseModel) -> tuple[str, ...]:
    """Every address that a calendar with these settings calls: its events', then where tokens come from."""
    found: tuple[str, ...] = cast("Any", settings).services
    return found


def open_calendar(
    kind: str, name: str, settings: BaseModel, secret: Resolve, clock: Clock, memory: Memory
) -> Calendar:
    """Connect to a provider; reaches for the network only when used.

    Raises:
        SecretUnavailable: a reference in the settings leads nowhere.
        UsageError: what it leads to is not a credential of this provider.
    """
    calendar: Calendar = _adapter(kind).open_calendar(name, settings, secret, clock, memory)
    return calendar


def deadlines(kind: str, name: str, settings: BaseModel, secret: Resolve) -> tuple[Deadline, ...]:
    """What will end of such a calendar, as far as it is known without asking anybody.

    Raises:
        SecretUnavailable, UsageError: as by `open_calendar`.
    """
    found: tuple[Deadline, ...] = _adapter(kind).deadlines(name, settings, secret)
    return found


def _adapter(kind: str) -> Any:
    return import_module(f"{__name__}.{kind}")
