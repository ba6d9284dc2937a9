"""Companies as Hypothesis draws them: people, leaves, policies, and what owners do to their calendars."""

from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache

from hypothesis import strategies as st

from figgo_ops.events import Event, Policy, TypeRule
from figgo_ops.leaves import Person, slot
from figgo_ops.plan import Existing
from tests.model import DAY, HOLIDAY, HOST, NEVER, TODAY, Company, Period, settle

# What owners do.

HAND = (
    "retitle",
    "drag",
    "copy",
    "drag",
    "delete",
    "copy",
    "invite",
    "annotate",
    "add",
    "foreign",
    "stranger",
    "mangle",
)


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
    Touch, st.sampled_from(HAND), st.integers(0, 30), st.sampled_from([-70, -45, -3, 1, 0, -1, 2, 5, 45, 70])
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
