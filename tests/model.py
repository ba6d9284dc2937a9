"""A company in memory: what Figgo knows, what its mailboxes hold, and what we remember of them.

A reference for the laws: mailboxes are dictionaries, and a change is done when it is said.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from random import Random
from types import SimpleNamespace
from typing import Literal, TypeVar, cast

from figgo_ops.diff import Difference, Frame, Seat, diff
from figgo_ops.errors import Incomplete, Unreachable
from figgo_ops.events import Event, Policy, Wanted, wanted
from figgo_ops.figgo import Batch, Rest
from figgo_ops.leaves import Leave, Person, Slot, Span, WorkingTime, slot_day, slot_half
from figgo_ops.plan import Change, Existing, Listing, Mailbox
from figgo_ops.reading import Reader, Reading
from figgo_ops.roster import Roster, roster
from figgo_ops.session import Session

HOST = "acme.ilucca.net"
TODAY = date(2026, 3, 16)
"""A Monday two weeks before the clocks change."""

EVER = Span(date(2025, 1, 1), date(2027, 12, 31))
NEVER = 9999
WEEKEND = frozenset({5, 6})
HOLIDAY = date(2026, 4, 6)
DAY = timedelta(days=1)

T = TypeVar("T")
Content = dict[Mailbox, list[tuple[str, str, str, bool]]]


def horizon(today: date) -> Span:
    """The window of a plan made on this day."""
    return Span(today - 30 * DAY, today + 60 * DAY)


@dataclass(frozen=True, slots=True)
class Period:
    """A leave period as it is drawn; its rows follow.

    Attributes:
        holes: half-days removed from it, counted from its first.
        second_from: where its rows go over to the second absence type.
        pending_from: where its rows are not yet approved.
    """

    owner: int
    number: int
    first: Slot
    length: int
    holes: frozenset[int] = frozenset()
    types: tuple[str, str] = ("Congés payés", "RTT")
    second_from: int = NEVER
    pending_from: int = NEVER
    hours: timedelta | None = None

    def rows(self, rest: Collection[Slot], *, rest_rows: bool) -> Iterator[Leave]:
        """Its half-days; days nobody works have rows only where the tenant keeps them."""
        for n in range(self.length):
            at = self.first + n
            if rest_rows or (slot_day(at).weekday() not in WEEKEND and at not in rest):
                yield self._row(n, at)

    def _row(self, n: int, at: Slot) -> Leave:
        name = self.types[n >= self.second_from]
        return Leave(
            f"{self.owner}-{self.number}-{at}",
            self.owner,
            self.number,
            slot_day(at),
            slot_half(at),
            len(name),
            name,
            active=n not in self.holes,
            confirmed=n < self.pending_from,
            hours=self.hours,
            remote=name == "Télétravail",
        )


@dataclass(slots=True)
class Company:
    """Everything there is.

    Attributes:
        rest: half-days that each owner does not work, beside weekends.
        boxes: what the mailboxes hold, by id.
        aliases: other names of a mailbox.
        written: fingerprint of the last write by mailbox and key, while we did not remove it.
    """

    people: dict[int, Person]
    periods: tuple[Period, ...]
    policy: Policy
    working_time: Literal["weekdays", "userdates"] = "weekdays"
    rest: dict[int, frozenset[Slot]] = field(default_factory=dict)
    rest_rows: bool = False
    hand_edits: Literal["restore", "respect"] = "restore"
    outside: frozenset[int] = frozenset()
    boxes: dict[Mailbox, dict[str, Existing]] = field(default_factory=dict)
    aliases: dict[Mailbox, Mailbox] = field(default_factory=dict)
    places: dict[int, set[Mailbox]] = field(default_factory=dict)
    written: dict[tuple[Mailbox, str], str] = field(default_factory=dict)
    serial: int = 0

    def copy(self) -> "Company":
        """The same company, to try something else with."""
        return replace(
            self,
            people=dict(self.people),
            boxes={mailbox: dict(box) for mailbox, box in self.boxes.items()},
            aliases=dict(self.aliases),
            places={number: set(found) for number, found in self.places.items()},
            written=dict(self.written),
        )

    def leaves(self) -> list[Leave]:
        """Every row, at most one per person and half-day."""
        found: dict[tuple[int, Slot], Leave] = {}
        for period in self.periods:
            for leave in period.rows(self.rest.get(period.owner, ()), rest_rows=self.rest_rows):
                found.setdefault((leave.owner, leave.slot), leave)
        return list(found.values())

    def working(self, rest: Mapping[int, frozenset[Slot]] | None = None) -> WorkingTime:
        """As the tenant file says."""
        return WorkingTime(WEEKEND, rest, self.rest_rows)

    def route(self, person: Person) -> str | None:
        """Legal entity 2 has a calendar of its own."""
        if person.id in self.outside:
            return None
        return "outlook" if person.legal_entity == 2 else "google"

    def roster(self, today: date) -> Roster:
        """People resolved to mailboxes."""
        places = {number: frozenset(found) for number, found in self.places.items()}
        return roster(self.people.values(), self.route, places, today, {})

    def box(self, mailbox: Mailbox) -> dict[str, Existing]:
        """The content of a mailbox, whatever name it is called by."""
        return self.boxes.setdefault(self.aliases.get(mailbox, mailbox), {})

    def events(self) -> list[Existing]:
        """Everything in every mailbox, in a fixed order."""
        return [box[number] for _, box in sorted(self.boxes.items()) for number in sorted(box)]

    def content(self) -> Content:
        """What people see and what the markers say, without the provider's own names for it."""
        return {
            mailbox: sorted(
                (event.key_text, event.print_text, f"{event.event}", event.taken_over)
                for event in box.values()
            )
            for mailbox, box in sorted(self.boxes.items())
            if box
        }

    def put(self, event: Existing) -> None:
        """Add an event or a new version of one."""
        self.serial += 1
        self.box(event.mailbox)[event.id] = replace(event, etag=str(self.serial))


@dataclass(frozen=True, slots=True)
class Trouble:
    """What cannot be read: people in Figgo, mailboxes at their provider."""

    people: frozenset[int] = frozenset()
    mailboxes: frozenset[Mailbox] = frozenset()


NO_TROUBLE = Trouble()


@dataclass(frozen=True, slots=True)
class Source:
    """What the reader asks, answered from memory."""

    company: Company
    trouble: Trouble
    order: Random | None
    rows: list[Leave]

    def leaves(self, owners: Collection[int], days: Span) -> Iterator[Batch]:
        """One list per owner."""
        rows = [leave for leave in self.rows if leave.day in days]
        for owner in _mixed(sorted(owners), self.order):
            if owner in self.trouble.people:
                yield Batch(frozenset({owner}), None, Incomplete("A page is missing."))
            else:
                own = [leave for leave in rows if leave.owner == owner]
                yield Batch(frozenset({owner}), _mixed(own, self.order))

    def rest_slots(self, days: Mapping[int, list[Span]]) -> Iterator[Rest]:
        """What userdates say."""
        for owner, spans in days.items():
            rest = self.company.rest.get(owner, frozenset())
            yield Rest(owner, frozenset(at for at in rest if any(slot_day(at) in span for span in spans)))

    def reader(self) -> Reader:
        """The real reader over this source."""
        company = self.company
        tenant = SimpleNamespace(
            figgo=SimpleNamespace(working_time=company.working_time),
            policy=lambda: company.policy,
            working=company.working,
        )
        return Reader(cast(Session, SimpleNamespace(figgo=self, tenant=tenant, asking_figgo=nullcontext)))


def _mixed(items: Iterable[T], order: Random | None) -> list[T]:
    items = list(items)
    if order is not None:
        order.shuffle(items)
    return items


def projected(event: Event, calendar: str) -> Event:
    """The normal form: one calendar keeps everything, the other neither zones of days nor fine show-as."""
    if calendar == "outlook":
        return event
    shown: Literal["busy", "free"] = "free" if event.show_as == "free" else "busy"
    return replace(event, show_as=shown, zone="" if event.all_day else event.zone)


def plan(
    company: Company,
    today: date = TODAY,
    *,
    window: Span | None = None,
    people: Collection[int] | None = None,
    trouble: Trouble = NO_TROUBLE,
    order: Random | None = None,
    back: bool = True,
) -> Difference:
    """What should change: the real reading and comparing, over memory; `back` as in the reader."""
    window = window or horizon(today)
    everyone = company.roster(today)
    ids = everyone.closure(company.people if people is None else people)
    reader = Source(company, trouble, order, company.leaves()).reader()
    reading = reader.read(_mixed(sorted(ids), order), window)
    listings = _listings(company, everyone, ids, trouble, order)
    if back:
        reader.read_back(reading, listings, window)
    seats = [seat(company, everyone, reading, number) for number in _mixed(reading.usable(), order)]
    frame = Frame(
        HOST,
        today,
        window,
        company.policy.hours,
        company.hand_edits,
        _deleted(company, listings),
        frozenset(company.people),
        frozenset(reading.errors),
    )
    return diff(seats, listings, frame)


def _listings(
    company: Company, everyone: Roster, ids: Collection[int], trouble: Trouble, order: Random | None
) -> list[Listing]:
    mailboxes = sorted({mailbox for number in ids for mailbox in everyone.mailboxes(number)})
    listings = []
    for mailbox in _mixed(mailboxes, order):
        if mailbox in trouble.mailboxes:
            listings.append(Listing(mailbox, error=Unreachable(f"{mailbox} does not answer.")))
        else:
            events = [replace(event, mailbox=mailbox) for event in company.box(mailbox).values()]
            listings.append(Listing(mailbox, tuple(_mixed(events, order))))
    return listings


def _deleted(company: Company, listings: Iterable[Listing]) -> dict[tuple[Mailbox, str], str]:
    there = {(listing.mailbox, event.key_text) for listing in listings for event in listing.events}
    return {where: mark for where, mark in company.written.items() if where not in there}


def seat(company: Company, everyone: Roster, reading: Reading, number: int) -> Seat:
    """One person as a plan sees them."""
    person, home, rows = everyone.people[number], everyone.homes.get(number), reading.rows[number]
    rest = reading.rest if company.working_time == "userdates" else None
    stretches = wanted(
        person,
        rows,
        company.policy,
        company.working(rest),
        HOST,
        hour_ranges=home is not None and home.calendar == "outlook",
    )
    if home is not None:
        stretches = [replace(one, event=projected(one.event, home.calendar)) for one in stretches]
    reasons = {(leave.period, leave.slot): company.policy.dropped(leave) for leave in rows if leave.active}
    return Seat(
        person,
        home,
        everyone.places.get(number, frozenset()),
        tuple(stretches),
        reading.sure(number),
        {at: reason for at, reason in reasons.items() if reason},
        number in everyone.out_of_scope,
        home is not None and everyone.owner.get(home) == number,
    )


def whole(company: Company, today: date = TODAY) -> dict[str, Wanted]:
    """Every stretch there is by key, as somebody sees it who reads all days there are."""
    everyone = company.roster(today)
    reading = Source(company, NO_TROUBLE, None, company.leaves()).reader().read(list(company.people), EVER)
    seats = [seat(company, everyone, reading, number) for number in company.people]
    return {str(one.key): one for own in seats for one in own.wanted}


def in_order(changes: Iterable[Change]) -> list[Change]:
    """As they are sent: creations, then updates, then removals."""
    return sorted(changes, key=lambda change: ("create", "update", "remove").index(change.action))


def apply(company: Company, changes: Iterable[Change]) -> None:
    """Do these changes, one after the other."""
    for change in changes:
        where = change.mailbox, str(change.key)
        company.places.setdefault(change.employee, set()).add(change.mailbox)
        if change.existing is not None:
            live = company.box(change.mailbox)[change.existing.id]
            assert live.etag == change.existing.etag, f"{change} is about an event that changed since"
        if change.action == "remove":
            del company.box(change.mailbox)[_id(change)]
            company.written.pop(where, None)
        else:
            company.put(_written(company, change))
            if change.fingerprint is None:
                company.written.pop(where, None)
            else:
                company.written[where] = str(change.fingerprint)


def _id(change: Change) -> str:
    assert change.existing is not None
    return change.existing.id


def _written(company: Company, change: Change) -> Existing:
    assert change.event is not None
    event, (key, mark) = projected(change.event, change.mailbox.calendar), change.marker
    if change.existing is not None:
        return replace(change.existing, event=event, key_text=key, print_text=mark)
    number = f"m{company.serial:05}"
    raw = change.carries.raw if change.carries else {}
    return Existing(change.mailbox, number, "", f"{number}@uid", key, mark, event, raw=raw)


def settle(company: Company, today: date = TODAY, *, rounds: int = 4) -> None:
    """Plan and apply until nothing is left to do, which must be soon."""
    for _ in range(rounds):
        changes = plan(company, today).changes
        if not changes:
            return
        apply(company, in_order(changes))
    left = plan(company, today).changes
    assert not left, f"after {rounds} rounds there still is {left}"
