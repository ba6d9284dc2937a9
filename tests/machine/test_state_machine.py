"""People, owners, an engineer and misfortune, in any order: the calendars end as the reference says."""

from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import event, note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from figgo_ops.plan import Plan
from figgo_ops.sandbox.absences import Period, Status
from figgo_ops.sandbox.people import Person, RefusedAct
from tests.machine.drawn import ACTS, EDITS, ENTRY, HISTORY, MOST, THEN, Wish, act, days, pick, which, wishes
from tests.machine.google import GoogleHands
from tests.machine.hands import Hands
from tests.machine.mishaps import Mishap
from tests.machine.reference import DAY
from tests.machine.search import searched
from tests.machine.seen import Seen, dates
from tests.machine.world import TEN_MINUTES, Ledger, Ran, World
from tests.rehearsal import TODAY

# The long search runs for most of an hour, and a failure needs minutes to be made small.
pytestmark = pytest.mark.timeout(7200)


class CalendarMachine(RuleBasedStateMachine):
    """Everything that happens to a customer; a subclass says at which provider."""

    hands: ClassVar[type[Hands]]
    folder: ClassVar[Path]

    def __init__(self) -> None:
        super().__init__()
        self.world = World(self.hands, self.folder)
        self.seen: Plan | None = None
        self.kept: list[Ledger] = []
        self.notes = 0

    @initialize(
        entities=st.lists(st.sampled_from([1, 1, 2, 3]), min_size=2, max_size=3),
        wishes=st.lists(wishes, min_size=2, max_size=6),
    )
    def begin(self, entities: list[int], wishes: list[Wish]) -> None:
        """A company that has been served for a while."""
        for who, entity in enumerate(entities):
            self.world.hire(entity)
            for first, length, start, end in HISTORY:
                self.request(who, TODAY + (first + who) * DAY, length, "Congés payés", start, end, True)
        for wish in wishes:
            self.request(*wish)
        self.expected(self.world.confirm(since="start"))
        self.kept.append(self.world.put_aside())

    @rule(act=st.deferred(lambda: st.one_of(ACTS)), then=THEN)
    def happen(self, act: tuple[str, dict[str, Any]], then: Mishap | None) -> None:
        """Something happens, and perhaps a run follows at once, while there is something to write."""
        name, values = act
        getattr(self, name)(**values)
        if then is not None:
            self.run(then)

    # People.

    @act(3, wishes=st.lists(wishes, min_size=1, max_size=3))
    def request_leave(self, wishes: list[Wish]) -> None:
        for wish in wishes:
            self.request(*wish)

    def request(
        self, who: int, first: date, length: int, kind: str, start: str, end: str, approved: bool
    ) -> None:
        with suppress(RefusedAct):
            made = self.world.company.request_leave(
                self.person(who).id, first, first + length * DAY, kind, from_half=start, to_half=end
            )
            if approved:
                self.world.company.approve(made.id)

    @act(**ENTRY)
    def enter_by_hr(self, who: int, first: date, length: int, half: str, hours: float | None) -> None:
        last = first if hours else first + length * DAY
        halves = {"from_half": half, "to_half": half if hours else "PM"}
        kind = "Récupération" if hours else "Maladie"
        with suppress(RefusedAct):
            self.world.company.enter_by_hr(self.person(who).id, first, last, kind, hours=hours, **halves)

    @act(one=which, word=st.sampled_from(["approve", "deny", "cancel"]))
    def decide(self, one: int, word: str) -> None:
        request = pick(self.world.requests(Status.PENDING), one)
        if request is not None and word == "deny":
            self.world.company.deny(request.id, "Trop de monde absent")
        elif request is not None:
            getattr(self.world.company, word)(request.id)

    @act(2, one=which, answer=st.sampled_from([None, True, True, False]))
    def ask_cancellation(self, one: int, answer: bool | None) -> None:
        waiting = pick(self.world.requests(Status.CANCELLATION_PENDING), one)
        request = waiting or pick(self.world.requests(Status.APPROVED), one)
        if request is not None and waiting is None:
            self.world.company.ask_cancellation(request.id)
        if request is not None and answer is not None:
            self.world.company.settle_cancellation(request.id, answer)

    @act(
        3,
        one=which,
        rows=st.sampled_from([(0,), (0, 1), (-1,), (2,), (1, 3), (0, -1), (0, 1, 2)]),
        noted=st.booleans(),
        taken=st.sampled_from([False, False, True]),
    )
    def remove_half_days(self, one: int, rows: tuple[int, ...], noted: bool, taken: bool) -> None:
        """HR takes something back, perhaps of what the owner wrote a note into or invited others to."""
        event = self.event(one)
        if event is not None and noted:
            self.annotate(one)
        if event is not None and taken and not event.taken:
            self.world.hands.take_over(event, recurring=False)
        if (period := self.period(event)) is not None:
            standing = period.active()
            gone = {standing[row % len(standing)] for row in rows}
            slots = [(row.day, ("AM", "PM")[row.half]) for row in gone]
            self.world.company.remove_half_days(period.id, sorted(slots))

    @act(one=which, where=st.integers(-3, 12))
    def add_half_day(self, one: int, where: int) -> None:
        period = self.period(self.event(one))
        if period is not None:
            day, half = divmod(period.leaves[0].half + where, 2)
            with suppress(RefusedAct):
                at = period.leaves[0].day + day * DAY
                self.world.company.add_half_days(period.id, [(at, ("AM", "PM")[half])])

    @act(2, who=which, entity=st.integers(1, 3))
    def transfer(self, who: int, entity: int) -> None:
        self.world.company.transfer(self.person(who).id, entity)

    @act(3, who=which, how=st.sampled_from(["new mailbox", "new mailbox", "alias", "no alias"]))
    def change_mail(self, who: int, how: str) -> None:
        person, new = self.person(who), self.world.address("dominique")
        old = person.mail or ""
        if how == "new mailbox" or self.world.hands.where(old) is None:
            self.world.hands.add_mailbox(new)
        else:
            self.world.hands.rename(old, new, keep_alias=how == "alias")
        self.world.company.change_mail(person.id, new)

    @act(2, who=which, after=st.sampled_from([-12, -1, 0, 9, 30]), again=st.booleans())
    def leave_company(self, who: int, after: int, again: bool) -> None:
        person = self.person(who)
        if person.contract_end is None:
            self.world.company.end_contract(person.id, self.world.today + after * DAY)
            if again:
                self.world.hire(person.legal_entity_id, person.mail)

    @act(2, entity=st.integers(1, 3), day=days, alike=st.booleans())
    def hire(self, entity: int, day: date, alike: bool) -> None:
        """Somebody comes and soon is absent; somebody else may have written that into the calendar."""
        if len(self.world.people()) >= MOST:
            return
        person = self.world.hire(entity)
        self.request(len(self.world.people()) - 1, day, 2, "RTT", "AM", "PM", True)
        if alike:
            self.world.hands.add(person.mail or "", "Absent", day)

    # Owners of mailboxes.

    @act(one=which, by=st.sampled_from([-70, -3, 1, 2, 7, 45]), hour=st.sampled_from([None, None, 10]))
    def drag(self, one: int, by: int, hour: int | None) -> None:
        event = self.event(one)
        if event is not None:
            self.world.hands.drag(event, by, hour)

    @act(one=which, title=st.sampled_from(["Ski", "Absence", "Absent"]), hide=st.booleans())
    def rename(self, one: int, title: str, hide: bool) -> None:
        event = self.event(one)
        if event is not None and hide:
            self.world.hands.hide(event)
        elif event is not None:
            self.world.hands.rename_event(event, title)

    @act(one=which, everything=st.sampled_from([False, False, True]))
    def delete(self, one: int, everything: bool) -> None:
        event = self.event(one)
        for other in self.marked():
            if event is not None and (other == event or (everything and other.mailbox == event.mailbox)):
                self.world.hands.delete(other)
                mark = self.world.judge.marks[other.id]
                self.world.judge.deleted[other.mailbox, other.key] = dates(mark)

    @act(one=which, by=st.sampled_from([None, None, 3, -45]))
    def copy(self, one: int, by: int | None) -> None:
        event = self.event(one)
        if event is not None:
            made = self.world.hands.copy(event, by)
            self.world.judge.marks[made] = self.world.judge.marks[event.id]

    @act(one=which, recurring=st.booleans())
    def take_over(self, one: int, recurring: bool) -> None:
        event = self.event(one)
        if event is not None and not event.taken:
            self.world.hands.take_over(event, recurring=recurring)

    @act(one=which)
    def annotate(self, one: int) -> None:
        event = self.event(one)
        if event is not None:
            self.notes += 1
            self.world.hands.annotate(event, f"note {self.notes}")

    @act(who=which, day=days, what=st.sampled_from(["own", "look-alike", "foreign", "of a colleague"]))
    def add_event(self, who: int, day: date, what: str) -> None:
        mail, theirs = self.world.hands.where(self.person(who).mail or ""), pick(self.marked(), who)
        if mail is None:
            return
        if what == "foreign":
            self.world.hands.add(mail, "Absent", day, f"other.ilucca.net/{who}/1/{day:%Y%m%d}A")
        elif what == "of a colleague":
            if theirs is not None and (int(theirs.key.split("/")[1]), mail) not in self.world.judge.ever:
                self.world.hands.add(mail, "Absent", day, theirs.key)
        else:
            self.world.hands.add(mail, "Dentiste" if what == "own" else "Absent", day)

    # The support engineer.

    @act(4, edit=st.sampled_from(sorted(EDITS)))
    def edit_policy(self, edit: str) -> None:
        """Say the contrary of what the tenant file says."""
        now, (one, other) = getattr(self.world.policy, edit), EDITS[edit]
        self.world.edit_policy(**{edit: other if now == one else one})

    @act(who=which)
    def edit_scope(self, who: int) -> None:
        self.world.edit_policy(excluded=self.world.policy.excluded ^ {self.person(who).id})

    @act(2)
    def look(self) -> None:
        seen = self.world.plan()
        assert isinstance(seen, Plan), seen
        self.seen = seen

    @act(2)
    def apply_what_was_seen(self) -> None:
        if self.seen is not None:
            self.expected(self.world.apply(self.seen), 1)

    @act(who=which)
    def sync_one(self, who: int) -> None:
        self.expected(self.world.sync(self.person(who).id))

    @act()
    def initialize_from_start(self) -> None:
        self.expected(self.world.confirm(since="start"))

    @act(who=which)
    def answer(self, who: int) -> None:
        """Somebody is asked about a mailbox, and says that it is right as it is."""
        self.expected(self.world.confirm(self.person(who).id, accept_empty=True, look_alikes="ignore"))

    # Misfortune.

    @act(2, how=st.sampled_from(["lost", "old", "of another tenant"]), one=which)
    def lose_the_ledger(self, how: str, one: int) -> None:
        if how == "old":
            self.world.put_back(pick(self.kept, one))
        elif how == "lost" or not self.world.ledger.exists():
            self.world.put_back(None)
        else:
            self.world.swap_tenant()

    @act(2, hours=st.sampled_from([1, 5, 16, 24 * 4, 24 * 7, 24 * 25]))
    def time_passes(self, hours: int) -> None:
        if self.world.ledger.exists():
            self.kept.append(self.world.put_aside())
        self.world.wait(hours * 3600.0)

    def run(self, mishap: Mishap) -> None:
        """A run into which this comes; whether it really hurt is told with --hypothesis-show-statistics."""
        if mishap.what in ("late", "death", "answer"):  # there shall be something to create
            weeks = 10 + len(self.world.company.periods)
            self.request(mishap.after, TODAY + 7 * weeks * DAY, 1, "RTT", "AM", "PM", True)
        ran = self.world.under(mishap)
        note(f"ended with {ran}")
        if mishap.what == "nothing":
            self.expected(ran)
        for hurt in ran.hurts:
            event(hurt)

    def teardown(self) -> None:
        try:
            if self.world.people():
                self.settle()
        finally:
            self.world.close()

    def settle(self) -> None:
        """In the end somebody looks, gives every word that is asked for, and nothing is left to do."""
        self.world.wait(TEN_MINUTES)
        for _ in range(5):
            seen = self.world.plan(since="start")
            # A mailbox that is suddenly empty is answered for by name.
            for row in seen.unreadable if isinstance(seen, Plan) else ():
                self.world.confirm(row.employee, accept_empty=True, look_alikes="ignore")
            ran = self.world.confirm(since="start", look_alikes="ignore", accept_empty=True)
            assert ran.exit == 0, ran
            if isinstance(seen, Plan) and not (seen.changes or seen.refused or seen.unreadable):
                break
        else:
            raise AssertionError("after five rounds there still is something to do")
        ran = self.world.sync()
        assert (ran.exit, ran.result and ran.result.written) == (0, 0), ran

    # Words.

    def expected(self, ran: Ran, *others: int) -> None:
        """Where nothing goes wrong a run is done or waits for a word; a dead process may be in the way."""
        note(f"ended with {ran}")
        assert ran.exit in (0, 3, *others) or self.world.busy(ran), ran

    def person(self, number: int) -> Person:
        people = self.world.people()
        return people[number % len(people)]

    def marked(self) -> list[Seen]:
        """Events of ours."""
        everything = sorted(self.world.hands.look().values(), key=self.world.hands.order)
        return [one for one in everything if one.id in self.world.judge.marks]

    def event(self, number: int) -> Seen | None:
        return pick(self.marked(), number)

    def period(self, event: Seen | None) -> Period | None:
        """The leave period that an event is about, while something of it stands."""
        found = self.world.company.periods[int(event.key.split("/")[2])] if event else None
        return found if found and found.active() else None


class GoogleMachine(CalendarMachine):
    hands = GoogleHands


TestGoogle = GoogleMachine.TestCase
TestGoogle.settings = searched()
