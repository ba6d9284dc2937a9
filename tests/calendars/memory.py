"""A calendar kept in dictionaries: the port without a provider, for the tests of what stands on it."""

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Literal

from figgo_ops.calendars._probing import Asked, Met, checks, met, outside_unnamed
from figgo_ops.checks import Check
from figgo_ops.errors import (
    CredentialRefused,
    FiggoOpsError,
    MailboxAbsent,
    MailboxElsewhere,
    RowFailed,
    Unreachable,
)
from figgo_ops.events import Event, clean_title
from figgo_ops.leaves import Span
from figgo_ops.plan import Change, Existing, Listing, Mailbox, Outcome

Fault = Literal["refused", "lost-before", "lost-after", "late", "killed-before", "killed-after"]
"""What can go wrong with one write.

refused: the provider says no. lost-before, lost-after: the answer is lost and nobody can tell, nothing or
all of it written. late: lost, and written by `settle`. killed-…: our process dies before or after it.
"""


class Killed(BaseException):
    """The process died here: nothing may catch it, so no ordinary handler does."""


@dataclass(frozen=True, slots=True)
class Stored:
    """One event as a mailbox holds it.

    Attributes:
        version: counts the writes to it; the etag.
        note, colour: what the owner added.
        guests: who was invited; anything here means that the owner took the event over.
    """

    id: str
    uid: str
    event: Event
    key_text: str = ""
    print_text: str = ""
    note: str = ""
    colour: str = ""
    guests: tuple[str, ...] = ()
    recurs: bool = False
    version: int = 1


@dataclass(slots=True)
class Shelf:
    """One mailbox: its live events by id, and the ids that were ever used."""

    address: str
    zone: str
    live: dict[str, Stored] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    fresh: int = 0

    def put(self, stored: Stored) -> Stored:
        """Keep this version of an event."""
        self.live[stored.id] = stored
        return stored

    def change(self, event_id: str, **fields: object) -> Stored:
        """A write to one event, whoever does it."""
        old = self.live[event_id]
        return self.put(replace(old, version=old.version + 1, **fields))  # type: ignore[arg-type]

    def drop(self, event_id: str) -> None:
        """Delete an event; its id stays taken."""
        del self.live[event_id]
        self.gone.add(event_id)


class Owner:
    """What the person a mailbox belongs to can do in it."""

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf

    def add(self, event: Event, **fields: object) -> str:
        """An event of the owner's own."""
        self.shelf.fresh += 1
        event_id = f"own-{self.shelf.fresh}"
        uid = f"{event_id}@{self.shelf.address}"
        self.shelf.put(replace(Stored(event_id, uid, event), **fields))  # type: ignore[arg-type]
        return event_id

    def copy(self, event_id: str) -> str:
        """A copy by hand, marker and all, as some clients make it."""
        old = self.shelf.live[event_id]
        return self.add(old.event, key_text=old.key_text, print_text=old.print_text, note=old.note)

    def edit(self, event_id: str, **fields: object) -> None:
        """Another start, end, title, show_as or private."""
        event = replace(self.shelf.live[event_id].event, **fields)  # type: ignore[arg-type]
        self.shelf.change(event_id, event=event)

    def annotate(self, event_id: str, note: str = "", colour: str = "") -> None:
        """A note and a colour."""
        self.shelf.change(event_id, note=note, colour=colour)

    def invite(self, event_id: str, *guests: str) -> None:
        """Guests: from now on the event is the owner's."""
        self.shelf.change(event_id, guests=guests)

    def delete(self, event_id: str) -> None:
        """Delete by hand."""
        self.shelf.drop(event_id)


class MemoryCalendar:
    """The port over dictionaries.

    Attributes:
        shelves: the mailboxes by address; an address that is not here does not exist.
        aliases: other addresses of them.
        elsewhere: addresses of which it says that their mailbox is not in its reach.
        unreadable: addresses whose listing ends in this error.
        refused: raised by every read and write while it is set.
        faults: what goes wrong, by number of the write, the first being 0.
        writes: how many writes were sent so far.
        log: every call: "read", "look", "create", "update" or "remove", and the address.
    """

    def __init__(
        self,
        name: str = "memory",
        addresses: Iterable[str] = (),
        *,
        family: str = "",
        hour_ranges: bool = False,
        zone: str = "Europe/Paris",
    ) -> None:
        self.name, self.family, self.hour_ranges = name, family, hour_ranges
        self.deduplicates, self.notice = True, ""
        self.bin: timedelta | None = None
        self.owner_empties_bin, self.purges = False, True
        self.shelves = {address: Shelf(address, zone) for address in addresses}
        self.aliases: dict[str, str] = {}
        self.elsewhere: set[str] = set()
        self.unreadable: dict[str, FiggoOpsError] = {}
        self.refused: CredentialRefused | None = None
        self.faults: dict[int, Fault] = {}
        self.writes = 0
        self.log: list[tuple[str, str]] = []
        self._late: list[Change] = []

    def add(self, address: str, zone: str = "Europe/Paris") -> None:
        """A new mailbox."""
        self.shelves[address] = Shelf(address, zone)

    def owner(self, address: str) -> Owner:
        """Act as the person this mailbox belongs to."""
        return Owner(self.shelves[address])

    def content(self, address: str) -> list[Stored]:
        """The true content of a mailbox."""
        return list(self.shelves[address].live.values())

    def migrate(self, address: str, to: "MemoryCalendar", *, markers: bool = True) -> None:
        """The customer moves a mailbox: new ids, the same uids, and the markers if the tool keeps them."""
        shelf = self.shelves.pop(address)
        arrived = to.shelves[address] = Shelf(address, shelf.zone)
        for stored in shelf.live.values():
            moved = replace(stored, id=f"{to.name}/{stored.id}", version=1)
            arrived.put(moved if markers else replace(moved, key_text="", print_text=""))

    def settle(self) -> None:
        """The writes that come late arrive now."""
        late, self._late = self._late, []
        for change in late:
            self._commit(change)

    def project(self, event: Event) -> Event:
        """Everything but the zone of an all-day event."""
        return replace(event, zone="") if event.all_day else event

    def read(self, mailboxes: Iterable[str]) -> Iterator[Listing]:
        """All marked events."""
        for address in mailboxes:
            yield self._list("read", address, lambda stored: stored.key_text != "")

    def look_alikes(
        self, mailboxes: Iterable[str], window: Span, titles: frozenset[str]
    ) -> Iterator[Listing]:
        """Unmarked events with one of these titles that touch the window."""
        folded = {clean_title(title).casefold() for title in titles}

        def alike(stored: Stored) -> bool:
            event = stored.event
            near = window.touches(event.first_day, event.last_day)
            return not stored.key_text and near and clean_title(event.title).casefold() in folded

        for address in mailboxes:
            yield self._list("look", address, alike)

    def write(
        self, changes: Iterable[Change], may_write: Callable[[], bool] = lambda: True
    ) -> Generator[Outcome, None, None]:
        """One after the other, each taken from the iterable just before it is sent."""
        for change in changes:
            self._gate()
            if not may_write():
                yield Outcome(change, "failed", error=RowFailed("the lease ended"))
                continue
            number, self.writes = self.writes, self.writes + 1
            self.log.append((change.action, change.mailbox.address))
            yield self._send(change, self.faults.get(number))

    def probe(self, mailbox: str, outside: str = "") -> Iterator[Check]:
        """Whether the mailbox exists and can be read; nobody has to log on."""
        asked = Asked("nothing", "nothing", f"listed {mailbox}")
        listing = next(self.read([mailbox]))
        found = met(listing.error, logged_on=True) if listing.error else Met(listing)
        yield from checks(
            found, asked, "", outside_unnamed, lambda read: Check("time zone", "ok", read.zone or "none")
        )

    def close(self) -> None:
        """Nothing to let go of."""

    def _gate(self) -> None:
        if self.refused:
            raise self.refused

    def _list(self, verb: str, address: str, wanted: Callable[[Stored], bool]) -> Listing:
        self._gate()
        self.log.append((verb, address))
        mailbox = Mailbox(self.name, address)
        shelf = self._shelf(address)
        if error := self.unreadable.get(address):
            return Listing(mailbox, error=error)
        if shelf is None:
            return Listing(mailbox, error=self._missing(mailbox))
        found = [_existing(mailbox, stored) for stored in shelf.live.values() if wanted(stored)]
        return Listing(mailbox, tuple(found), zone=shelf.zone)

    def _shelf(self, address: str) -> Shelf | None:
        return self.shelves.get(self.aliases.get(address, address))

    def _missing(self, mailbox: Mailbox) -> RowFailed:
        if mailbox.address in self.elsewhere:
            why = f"{mailbox}: the mailbox is not in the reach of {self.name}."
            return MailboxElsewhere(why, "Find it: Get-Recipient.")
        return MailboxAbsent(f"{mailbox}: there is no such mailbox.", "Correct the address in Figgo.")

    def _send(self, change: Change, fault: Fault | None) -> Outcome:
        if fault == "refused":
            return _failed(change, "the calendar said no")
        if fault == "killed-before":
            raise Killed
        if fault == "late":
            self._late.append(change)
        outcome = self._commit(change) if fault in (None, "lost-after", "killed-after") else None
        if fault == "killed-after":
            raise Killed
        if outcome is None or fault is not None:
            return Outcome(change, "unknown", error=_lost(change))
        return outcome

    def _commit(self, change: Change) -> Outcome:
        shelf = self._shelf(change.mailbox.address)
        if shelf is None:
            return Outcome(change, "failed", error=self._missing(change.mailbox))
        if change.action == "create":
            return self._create(change, shelf)
        return self._update(change, shelf) if change.action == "update" else self._remove(change, shelf)

    def _create(self, change: Change, shelf: Shelf) -> Outcome:
        assert change.event is not None
        event, (key, print_text) = self.project(change.event), change.marker
        event_id = _id(change, shelf)
        held = shelf.live.get(event_id)
        if held is None:
            carried = change.carries.raw if change.carries else {}
            uid = f"{event_id}@{shelf.address}"
            held = shelf.put(Stored(event_id, uid, event, key, print_text, **carried))
        elif (held.event, held.key_text, held.print_text) != (event, key, print_text):
            return _failed(change, "somebody else wrote it meanwhile")
        return Outcome(change, "done", held.id, str(held.version))

    def _update(self, change: Change, shelf: Shelf) -> Outcome:
        assert change.existing is not None
        assert change.event is not None
        held = shelf.live.get(change.existing.id)
        if held is None:
            return _failed(change, "it is gone")
        if str(held.version) != change.existing.etag:
            return _failed(change, "it was changed since it was read")
        key, print_text = change.marker
        held = shelf.change(held.id, event=self.project(change.event), key_text=key, print_text=print_text)
        return Outcome(change, "done", held.id, str(held.version))

    def _remove(self, change: Change, shelf: Shelf) -> Outcome:
        assert change.existing is not None
        held = shelf.live.get(change.existing.id)
        if held is not None and str(held.version) != change.existing.etag:
            return _failed(change, "it was changed since it was read")
        if held is not None:
            shelf.drop(held.id)
        return Outcome(change, "done")


def _id(change: Change, shelf: Shelf) -> str:
    """The id this creation has however often it is sent: that of the first generation not deleted."""
    generation = 0
    while f"{change.key}#{generation}" in shelf.gone:
        generation += 1
    return f"{change.key}#{generation}"


def _existing(mailbox: Mailbox, stored: Stored) -> Existing:
    return Existing(
        mailbox,
        stored.id,
        str(stored.version),
        stored.uid,
        stored.key_text,
        stored.print_text,
        stored.event,
        bool(stored.guests) or stored.recurs,
        {"note": stored.note, "colour": stored.colour},
    )


def _lost(change: Change) -> Unreachable:
    return Unreachable(f"{change.mailbox}: the answer was lost, and so was the look-up.", "Run again.")


def _failed(change: Change, why: str) -> Outcome:
    error = RowFailed(f"{change.mailbox}: the event was not written: {why}.", "Plan again.")
    return Outcome(change, "failed", error=error)
