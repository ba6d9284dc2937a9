"""A company in memory: what Figgo knows, what its mailboxes hold, and what we remember of them.

A reference for the laws: mailboxes are dictionaries, and a change is done when it is said.
The people, leaves and hands of owners that Hypothesis draws are at the end.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import cache
from random import Random
from types import SimpleNamespace
from typing import Literal, TypeVar, cast

from hypothesis import strategies as st

from figgo_ops.diff import Difference, Frame, Seat, diff
from figgo_ops.errors import Incomplete, Unreachable
from figgo_ops.events import Event, Policy, TypeRule, Wanted, wanted
from figgo_ops.figgo import Batch, Rest
from figgo_ops.leaves import Leave, Person, Slot, Span, WorkingTime, slot, slot_day, slot_half
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
            company.written[where] = str(change.fingerprint)


def _id(change: Change) -> str:
    assert change.existing is not None
    return change.existing.id


def _written(company: Company, change: Change) -> Existing:
    assert change.event is not None
    event, mark = projected(change.event, change.mailbox.calendar), str(change.fingerprint)
    if change.existing is not None:
        return replace(change.existing, event=event, key_text=str(change.key), print_text=mark)
    number = f"m{company.serial:05}"
    raw = change.carries.raw if change.carries else {}
    return Existing(change.mailbox, number, "", f"{number}@uid", str(change.key), mark, event, raw=raw)


def settle(company: Company, today: date = TODAY, *, rounds: int = 4) -> None:
    """Plan and apply until nothing is left to do, which must be soon."""
    for _ in range(rounds):
        changes = plan(company, today).changes
        if not changes:
            return
        apply(company, in_order(changes))
    left = plan(company, today).changes
    assert not left, f"after {rounds} rounds there still is {left}"


# What owners do.

HAND = ("retitle", "drag", "delete", "copy", "invite", "annotate", "add", "foreign", "stranger", "mangle")


@dataclass(frozen=True, slots=True)
class Touch:
    """One thing an owner does to one event, which is counted round the events there are."""

    what: str
    which: int
    by: int

    def on(self, company: Company) -> None:
        """Do it."""
        events = company.events()
        if events:
            self._on(company, events[self.which % len(events)])

    def _on(self, company: Company, event: Existing) -> None:
        if self.what == "delete":
            del company.box(event.mailbox)[event.id]
        elif self.what in ("copy", "add", "foreign", "stranger"):
            number = (
                f"{'ab'[self.by % 2]}-copy-{company.serial}" if self.by % 3 else f"z-copy-{company.serial}"
            )
            company.put(replace(self._twin(event), id=number, uid=f"{number}@uid"))
        else:
            company.put(self._changed(event))

    def _twin(self, event: Existing) -> Existing:
        if self.what == "copy":
            return event
        text = {
            "add": "",
            "foreign": event.key_text.replace(HOST, "other.ilucca.net"),
            "stranger": f"{HOST}/999/1/20260316A",
        }
        return replace(event, key_text=text[self.what])

    def _changed(self, event: Existing) -> Existing:
        if self.what == "invite":
            return replace(event, taken_over=True)
        if self.what == "annotate":
            return replace(event, raw={"note": f"note {self.by}"})
        if self.what == "mangle":
            return replace(event, print_text=("", "0;x;y;z", "1;;;", "1;Europe/Paris;a;b")[self.by % 4])
        if self.what == "retitle":
            return replace(event, event=replace(event.event, title=("Dentiste", "Absent")[self.by % 2]))
        return replace(event, event=moved(event.event, self.by))


def moved(event: Event, days: int) -> Event:
    """The event dragged by some days."""
    return replace(event, start=event.start + days * DAY, end=event.end + days * DAY)


# What Hypothesis draws.

_types = st.sampled_from(
    ["Congés payés", "RTT", "Maladie", "Congés payés", "RTT", "Congé maternité", "Télétravail"]
)
_rules = st.sampled_from(
    [
        (),
        (TypeRule("RTT", skip=True),),
        (TypeRule("maladie*", title="Absent", private=True), TypeRule("*", show_as="away")),
        (TypeRule("télétravail", skip=False, show_as="elsewhere"), TypeRule("Congé*", title="Congé")),
    ]
)
_zones = st.sampled_from([{}, {2: "America/Martinique"}, {1: "Pacific/Noumea"}])

policies: st.SearchStrategy[Policy] = st.builds(
    Policy,
    timezone=st.sampled_from(["Europe/Paris", "Africa/Casablanca"]),
    show_type=st.booleans(),
    whole_days=st.sampled_from(["all-day", "hours"]),
    pending=st.sampled_from(["tentative", "hidden"]),
    private=st.booleans(),
    rules=_rules,
    zone_by_legal_entity=_zones,
)
touches: st.SearchStrategy[Touch] = st.builds(
    Touch, st.sampled_from(HAND), st.integers(0, 30), st.sampled_from([-70, -40, -3, -1, 0, 1, 2, 5, 40, 70])
)


_edges = [slot(TODAY, "A") + n for n in (-66, -62, -60, -58, 112, 116, 118, 120)]


@cache
def periods_of(owner: int, number: int) -> st.SearchStrategy[Period]:
    """One leave period, from one half-day to several months, in the past, now or to come."""
    start = slot(TODAY, "A")
    drawn = st.builds(
        Period,
        st.just(owner),
        st.just(number),
        st.one_of(st.integers(start - 70, start + 110), st.sampled_from(_edges)),
        st.sampled_from([1, 2, 3, 4, 5, 8, 9, 10, 14, 20, 29, 80, 230]),
        st.frozensets(st.integers(0, 9), max_size=3),
        st.tuples(_types, _types),
        second_from=st.sampled_from([NEVER, NEVER, 3, 8]),
        pending_from=st.sampled_from([NEVER, NEVER, 0, 5]),
        hours=st.sampled_from([None] * 12 + [timedelta(hours=h) for h in (0, 1, 3, 8)]),
    )
    # Months of single hours would be hundreds of events that prove nothing more.
    return drawn.map(lambda one: replace(one, hours=None) if one.length > 8 else one)


@cache
def people_of(number: int, *, stay: bool = False) -> st.SearchStrategy[Person]:
    """One person, now and then with a mailbox that is also somebody else's, or none."""
    own = f"p{number}@acme.example"
    ends = [None] * 20 + [TODAY + n * DAY for n in (-45, -20, -1, 0, 10)]
    return st.builds(
        Person,
        st.just(number),
        st.just(f"Élodie {number}"),
        st.sampled_from([own] * 12 + [f"old{number}@acme.example", "p1@acme.example", None]),
        st.none(),
        st.integers(1, 2),
        ends=st.none() if stay else st.sampled_from(ends),
    )


@st.composite
def companies(draw: st.DrawFn, *, most: int = 3, stay: bool = False) -> Company:
    """A company nobody has synced yet; with `stay` nobody leaves."""
    ids = range(1, draw(st.integers(min(2, most), most)) + 1)
    drawn: list[Period] = []
    for owner in ids:
        count = draw(st.sampled_from([2, 1, 3, 4]))
        drawn += [draw(periods_of(owner, 10 * owner + n)) for n in range(count)]
    start = slot(HOLIDAY, "A")
    bridge = draw(st.sampled_from([0, 2, 8]))
    return Company(
        {number: draw(people_of(number, stay=stay)) for number in ids},
        tuple(drawn),
        draw(policies),
        draw(st.sampled_from(["weekdays", "userdates"])),
        {owner: frozenset(range(start, start + bridge)) for owner in ids},
        rest_rows=draw(st.booleans()),
        hand_edits=draw(st.sampled_from(["restore", "respect"])),
    )


@st.composite
def lived_in(draw: st.DrawFn, *, most: int = 3) -> Company:
    """A company that was synced some days ago; since then owners, Figgo and the tenant file have moved on."""
    company = draw(companies(most=most))
    settle(company, TODAY - draw(st.sampled_from([0, 1, 2, 15, 40])) * DAY)
    for touch in draw(st.lists(touches, min_size=3, max_size=10)):
        touch.on(company)
    company.periods = draw(all_later(company.periods))
    for number in draw(st.frozensets(st.sampled_from(sorted(company.people)), max_size=1)):
        _moved_on(company, draw(people_of(number)), alias=draw(st.booleans()))
    if draw(st.integers(0, 4)) == 3:
        company.policy = draw(policies)
    if draw(st.integers(0, 8)) == 5:
        company.outside = frozenset({1})
    return company


_fates = st.sampled_from(["same"] * 6 + ["gone", "other", "holes", "front", "approved"])
_holes = st.frozensets(st.integers(0, 12), max_size=3)
_by = st.integers(-6, 6)


@st.composite
def all_later(draw: st.DrawFn, periods: tuple[Period, ...]) -> tuple[Period, ...]:
    """These periods as Figgo shows them later."""
    return tuple(one for old in periods if (one := draw(_later(old))) is not None)


@st.composite
def _later(draw: st.DrawFn, old: Period) -> Period | None:
    """The same period as Figgo shows it later: mostly as it was."""
    what = draw(_fates)
    if what == "gone":
        return None
    if what == "other":
        return draw(periods_of(old.owner, old.number))
    if what == "holes":
        return replace(old, holes=old.holes | draw(_holes))
    if what == "front":
        by = draw(_by)
        return replace(old, first=old.first - by, length=max(1, old.length + by))
    return replace(old, pending_from=NEVER) if what == "approved" else old


def _moved_on(company: Company, person: Person, *, alias: bool) -> None:
    """Somebody changed name, mail or legal entity; the old mail may live on as an alias of the new."""
    before = company.roster(TODAY).homes.get(person.id)
    company.people[person.id] = person
    after = company.roster(TODAY).homes.get(person.id)
    known = set(company.boxes) | set(company.aliases) | set(company.aliases.values())
    if alias and before and after and after not in known and before.calendar == after.calendar:
        company.aliases[after] = company.aliases.get(before, before)
