"""Look: read Figgo and the mailboxes, and say what should change. Reads only."""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import date

from figgo_ops import look_alikes, unread
from figgo_ops.diff import Difference, Frame, Seat, diff
from figgo_ops.elsewhere import settled
from figgo_ops.errors import MailboxAbsent, MailboxElsewhere, Refused
from figgo_ops.events import Key, as_it_is, wanted
from figgo_ops.leaves import Leave, Span
from figgo_ops.mailboxes import GUARDED, by_legal_entity, residences, seen
from figgo_ops.plan import Change, Listing, Mailbox, Skip, Unreadable
from figgo_ops.reading import Reader, Reading
from figgo_ops.roster import Roster, roster
from figgo_ops.session import Session
from figgo_ops.unshown import Unshown
from figgo_ops.workers import undisturbed


@dataclass(frozen=True, slots=True)
class Request:
    """What kind of plan to make; kept in the plan file, so that `apply` makes the same kind again.

    Attributes:
        today: the day it is made for.
        accept_empty: a mailbox that suddenly lists none of our events is believed.
        look_alikes: "ask" holds a mailbox with look-alikes, "adopt" marks those on the very days as ours,
            "ignore" writes ours beside them.
        moving: see `Frame`.
        command: what makes such a plan; to it the answers are added that somebody must give.
    """

    today: date
    window: Span
    accept_empty: bool = False
    look_alikes: str = "ask"
    moving: bool = False
    command: str = ""


@dataclass(slots=True)
class Sight:
    """Both ends compared.

    Attributes:
        held: changes that wait for a person's word, with the reason.
        refused: what must be answered, each with the command that answers it.
        listed: our events by the legal entity of their owner.
        incomplete: people whose Figgo rows are not complete.
        absent: what the provider says of mailboxes that do not exist.
        elsewhere: the same of mailboxes that are not in its reach.
        homes: mailboxes that are not where the tenant file says, by person.
        keys: the keys found in each mailbox that was read completely.
        seen: for each mailbox read completely, how many events of ours it has and the last day they touch.
        places: mailboxes with events of people whose they are, that the ledger does not know as places yet.
    """

    difference: Difference
    unreadable: list[Unreadable] = field(default_factory=list)
    skipped: list[Skip] = field(default_factory=list)
    held: list[tuple[Change, str]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    listed: dict[int, int] = field(default_factory=dict)
    incomplete: frozenset[int] = frozenset()
    absent: dict[Mailbox, str] = field(default_factory=dict)
    elsewhere: dict[Mailbox, str] = field(default_factory=dict)
    homes: dict[int, Mailbox] = field(default_factory=dict)
    keys: dict[Mailbox, set[str]] = field(default_factory=dict)
    seen: dict[Mailbox, tuple[int, date | None]] = field(default_factory=dict)
    places: dict[int, set[Mailbox]] = field(default_factory=dict)


NAMED = 5
"""So many mailboxes of a note are named."""

LOOK_ALIKES = "look-alikes wait for an answer: `plan --look-alikes adopt|ignore`, then `apply`"


class Look:
    """Reads for one tenant."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.tenant = session.tenant
        self.policy = session.tenant.policy()
        self.reader = Reader(session)

    def roster(self, today: date) -> Roster:
        """Everyone Figgo shows, resolved to mailboxes.

        Raises:
            Refused: the key sees nobody; that is a narrowed role far more often than an empty company.
        """
        with self.session.asking_figgo():
            people = self.session.figgo.people()
            entities = self.session.figgo.legal_entities()
        if not people:
            raise Refused(
                f"{self.tenant.name}: Figgo answers, but shows nobody to this key.",
                "In Lucca, give the role of the API key the employees of these legal entities; run again.",
                code="empty-source",
            )
        known = {calendar.name for calendar in self.tenant.calendars}
        places = {
            number: frozenset(mailbox for mailbox in found if mailbox.calendar in known)
            for number, found in self.session.ledger.places(self.tenant.name).items()
        }
        return roster(people, self.session.route, places, today, entities)

    def concerned(self, everyone: Roster, window: Span, today: date) -> frozenset[int]:
        """Everyone a plan without selection is about: who is served, left lately, or left events behind."""
        listed = self.session.ledger.last_listing(self.tenant.name)

        def remembered(number: int) -> bool:
            latest = (listed[m].latest for m in everyone.places.get(number, ()) if m in listed)
            return any(day is not None and day >= window.first for day in latest)

        def concerns(number: int) -> bool:
            person = everyone.people[number]
            lately = person.ends is None or person.ends >= min(window.first, today)
            return (number in everyone.homes and lately) or remembered(number)

        return everyone.closure(number for number in everyone.people if concerns(number))

    def compare(
        self,
        everyone: Roster,
        reading: Reading,
        request: Request,
        listings: Collection[Listing],
    ) -> Sight:
        """Hold the mailboxes of these people, as listed, against what Figgo said."""
        listings = settled(self.session, listings)
        self.reader.read_back(reading, listings, request.window)
        with undisturbed():
            seats = [self.seat(everyone, reading, number) for number in reading.usable()]
        frame = self._frame(everyone, reading, listings, request)
        with undisturbed():
            difference = diff(seats, listings, frame)
        sight = Sight(difference, seen=seen(listings, self.tenant.figgo.host))
        sight.incomplete = frozenset(reading.errors)
        sight.keys = {x.mailbox: {event.key_text for event in x.events} for x in listings if not x.error}
        sight.absent = {x.mailbox: x.error.message for x in listings if isinstance(x.error, MailboxAbsent)}
        sight.elsewhere = {
            x.mailbox: x.error.message for x in listings if isinstance(x.error, MailboxElsewhere)
        }
        former = unread.former(everyone, listings)
        others = [listing for listing in listings if listing.mailbox not in former]
        sight.unreadable, absent = unread.unreadable(everyone, reading.errors, reading.ids, others)
        sight.skipped += absent
        sight.refused += unread.answers(self.tenant.name, sight.unreadable)
        sight.skipped += self._not_shown(reading, request.window)
        sight.skipped += sight.difference.skipped
        sight.places = {
            number: new
            for number, found in residences(listings, self.tenant.figgo.host).items()
            if (new := found & {everyone.homes.get(number)} - everyone.places.get(number, frozenset()))
        }
        sight.listed = by_legal_entity(everyone.people, listings)
        sight.notes += self._notes(everyone, listings)
        if former:
            sight.notes.append(_gone(former))
        self._check_host(seats, listings)
        if request.look_alikes != "ignore":
            self._hold_look_alikes(sight, listings, reading, request)
        return sight

    def _frame(
        self, everyone: Roster, reading: Reading, listings: Iterable[Listing], request: Request
    ) -> Frame:
        """What holds for everyone in this comparison."""
        return Frame(
            self.tenant.figgo.host,
            request.today,
            request.window,
            self.policy.hours,
            self.tenant.events.hand_edits,
            self._deleted(listings),
            frozenset(everyone.people),
            frozenset(reading.errors),
            request.moving,
        )

    def seat(self, everyone: Roster, reading: Reading, number: int) -> Seat:
        """What this person's calendar should show, and where; their rows must have been read completely."""
        person, home = everyone.people[number], everyone.homes.get(number)
        policy, rows = self.policy, reading.rows[number]
        calendar = self.session.opened(home.calendar) if home else None
        stretches = wanted(
            person,
            rows,
            policy,
            self.tenant.working(reading.rest),
            self.tenant.figgo.host,
            hour_ranges=calendar is not None and calendar.hour_ranges,
            project=calendar.project if calendar is not None else as_it_is,
        )
        return Seat(
            person,
            home,
            everyone.places.get(number, frozenset()),
            tuple(stretches),
            reading.sure(number),
            Unshown(rows, policy),
            number in everyone.out_of_scope,
            home is not None and everyone.owner.get(home) == number,
        )

    def _deleted(self, listings: Iterable[Listing]) -> dict[tuple[Mailbox, str], str]:
        """What we wrote last and do not find any more, where that is respected."""
        if self.tenant.events.hand_edits != "respect":
            return {}
        there = {(x.mailbox, event.key_text) for x in listings if not x.error for event in x.events}
        written = self.session.ledger.last_written(self.tenant.name)
        return {place: mark for place, mark in written.items() if place not in there}

    def _not_shown(self, reading: Reading, window: Span) -> list[Skip]:
        """One line per period and reason for what the policy shows to nobody."""
        policy = self.policy
        found: dict[tuple[int, int, str], Leave] = {}
        for number, rows in reading.usable().items():
            for leave in sorted(rows, key=lambda leave: leave.slot):
                reason = policy.dropped(leave) if leave.active and leave.day in window else None
                if reason:
                    found.setdefault((number, leave.period, reason), leave)
        return [Skip(number, leave.id, reason) for (number, _, reason), leave in sorted(found.items())]

    def _check_host(self, seats: Iterable[Seat], listings: Iterable[Listing]) -> None:
        """Refuse to double everything because the host in the tenant file was edited after the first load."""
        wanted_here = {(w.key.owner, w.key.period, w.key.part) for seat in seats for w in seat.wanted}
        hosts = Counter(
            key.host
            for listing in listings
            for event in (() if listing.error else listing.events)
            if (key := Key.parse(event.key_text)) and (key.owner, key.period, key.part) in wanted_here
        )
        host = self.tenant.figgo.host
        written = self.session.ledger.recall(self.tenant.name, "host") or host
        most = max(hosts, key=lambda one: hosts[one], default=host)
        # A few can come from a test copy of this Figgo, which knows the same people and periods.
        if written != host or (hosts[most] > hosts[host] and hosts[most] >= GUARDED):
            most = written if written != host else most
            raise Refused(
                f"{self.tenant.name}: this tenant's events carry the host {most}, but the tenant file says "
                f"{host}; every event would be doubled.",
                f'Set host = "{most}" in {self.tenant.file} if it was changed; only url may change later.',
                code="host-changed",
            )

    def _forgotten(self) -> list[str]:
        """What the ledger cannot tell any more, and places that no calendar of the tenant file reaches."""
        name, ledger = self.tenant.name, self.session.ledger
        known = {calendar.name for calendar in self.tenant.calendars}
        gone = sorted({m.calendar for found in ledger.places(name).values() for m in found} - known)
        notes = [
            f"Events written through the calendar {calendar} are left alone: the tenant file has it no more."
            for calendar in gone
        ]
        if self.tenant.state == "active" and not ledger.runs(name, 1):
            notes.append(
                "The ledger knows nothing of this tenant: former mailboxes, counters and deletions by owners "
                "are forgotten. No event is doubled or wrongly removed for it."
            )
        return notes

    def _notes(self, everyone: Roster, listings: Iterable[Listing]) -> list[str]:
        policy = self.policy
        notes = self._forgotten() + self.session.notices()
        gone = sorted(everyone.places.keys() - everyone.people.keys())
        if gone:
            notes.append(
                f"{len(gone)} people we wrote events for are not visible to the key any more "
                f"(could not tell; their events are left alone): {', '.join(map(str, gone[:10]))}"
            )
        flat = [
            name
            for name in (calendar.name for calendar in self.tenant.calendars if not calendar.retired)
            if not self.session.hour_ranges(name)
        ]
        if policy.whole_days == "hours" and flat:
            notes.append(f"Whole days stay all-day in {', '.join(flat)}: hour ranges exist in Outlook only.")
        owners = {mailbox: everyone.people[number] for mailbox, number in everyone.owner.items()}
        zones = [
            f"{listing.mailbox.address} ({listing.zone})"
            for listing in listings
            if listing.zone
            and listing.mailbox in owners
            and listing.zone != policy.zone(owners[listing.mailbox])
        ]
        if zones:
            more = f" and {len(zones) - 5} more" if len(zones) > 5 else ""
            notes.append(
                "Mailboxes set to another zone than the tenant file says (the file decides): "
                + ", ".join(sorted(zones)[:5])
                + more
                + "."
            )
        return notes

    def _hold_look_alikes(
        self, sight: Sight, listings: Iterable[Listing], reading: Reading, request: Request
    ) -> None:
        """Hold mailboxes without any event of ours where unmarked events look like ours, or adopt those."""
        rows = (leave for rows in reading.usable().values() for leave in rows)
        titles = look_alikes.titles(self.policy, rows)
        found = look_alikes.search(self.session, listings, sight.difference.changes, titles)
        owners = {change.mailbox: change.employee for change in sight.difference.changes}
        if request.look_alikes == "adopt":
            sight.difference.changes = look_alikes.adopted(sight.difference.changes, found)
            found = {mailbox: listing for mailbox, listing in found.items() if listing.error}
        waiting = {change.unit for change in sight.difference.changes if change.mailbox in found}
        for change in sight.difference.changes:
            if change.unit in waiting:
                unread = change.mailbox in found and found[change.mailbox].error
                sight.held.append((change, "its mailbox could not be searched" if unread else LOOK_ALIKES))
        sight.difference.changes = [c for c in sight.difference.changes if c.unit not in waiting]
        line = f"{request.command or f'figgo-ops plan {self.tenant.name}'} --look-alikes"
        for mailbox, listing in sorted(found.items()):
            if listing.error is not None:
                sight.unreadable.append(Unreadable(owners[mailbox], str(mailbox), listing.error))
                continue
            sight.difference.findings += [look_alikes.finding(e, owners[mailbox]) for e in listing.events]
            sight.refused.append(
                f"{mailbox.address} has {len(listing.events)} unmarked events that look like ours. "
                f"To make those on the very days of a leave ours: {line} adopt. "
                f"To write ours beside them: {line} ignore"
            )


def _gone(former: Collection[Mailbox]) -> str:
    """What is said of mailboxes that were left and do not exist any more."""
    mailboxes = "1 former mailbox is" if len(former) == 1 else f"{len(former)} former mailboxes are"
    named = ", ".join(map(str, sorted(former)[:NAMED]))
    more = " ..." if len(former) > NAMED else ""
    return f"{mailboxes} gone; their people have another one now: {named}{more}"
