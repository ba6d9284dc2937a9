"""What a run did to the calendars, held against what the reference says they must show.

Two questions. Was each single write right? That is asked of every run, however it ended. And does every
calendar show what it must? That is asked of runs that say they are done.
"""

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from tests.machine.reference import Employee, Policy, Show, due, key, zone
from tests.machine.seen import (
    Seen,
    Sight,
    dates,
    first_day,
    found,
    kept,
    last_day,
    look,
    meet,
    owner_number,
    same_days,
    timed,
    within,
)


@dataclass(slots=True)
class Memory:
    """What the ledger remembers and nothing else does; lost, aged and swapped together with it.

    Attributes:
        places: (employee, address) of every mailbox something was written to.
        written: by (address, key), the dates last written there by a run that came to its end.
    """

    places: set[tuple[int, str]] = field(default_factory=set)
    written: dict[tuple[str, str], tuple[date, date, bool]] = field(default_factory=dict)

    def copy(self) -> "Memory":
        """The memory as it is now."""
        return Memory(set(self.places), dict(self.written))


@dataclass(frozen=True, slots=True)
class Run:
    """What a run was allowed, and what it said of itself.

    Attributes:
        worded: somebody had seen the plan.
        ignoring: somebody had said that look-alikes do not matter.
        done: it ended well.
        saw_all: every mailbox and person could be read.
    """

    worded: bool = False
    ignoring: bool = False
    done: bool = False
    saw_all: bool = False


@dataclass(slots=True)
class Judge:
    """One moment's facts, and the history that outcomes depend on.

    Attributes:
        where: the mailbox an address leads to.
        renews: days become hours only by a new event, which then stands for the old one.
        marks: by event id, what we wrote last; an event that differs was changed by its owner.
        deleted: by (mailbox, key), the dates of an event of ours that its owner deleted.
        ever: (employee, mailbox) that were ever somebody's.
    """

    where: Callable[[str], str | None]
    policy: Policy
    renews: bool = False
    memory: Memory = field(default_factory=Memory)
    marks: dict[str, Show] = field(default_factory=dict)
    deleted: dict[tuple[str, str], tuple[date, date, bool]] = field(default_factory=dict)
    ever: set[tuple[int, str]] = field(default_factory=set)
    employees: dict[int, Employee] = field(default_factory=dict)
    dues: dict[int, dict[str, Show]] = field(default_factory=dict)
    today: date = date.min
    run: Run = field(default_factory=Run)

    def learn(self, employees: Collection[Employee], today: date) -> None:
        """The facts as they are at the beginning of a run."""
        self.today = today
        self.employees = {one.number: one for one in employees}
        self.dues = {one.number: due(one, self.policy, today) for one in employees}
        for one in employees:
            home = self.where(one.mail)
            if home is not None:
                self.ever.add((one.number, home))

    # Was each single write right?

    def writes(self, before: Sight, after: Sight, run: Run) -> None:
        """Every difference between two looks is one that the reference asks for; remember what we wrote."""
        self.run = run
        for event_id in sorted(before.keys() | after.keys()):
            old, new = before.get(event_id), after.get(event_id)
            if new is not None and old is not None:
                if new.raw != old.raw:
                    self._changed(old, new)
            elif new is not None:
                self._created(new, before)
            elif old is not None:
                self._removed(old, before, after)
        made = Counter((new.mailbox, new.key) for event_id, new in after.items() if event_id not in before)
        assert max(made.values(), default=1) == 1, f"one run wrote {made.most_common(1)}"
        self._keep_notes(before, after)
        self._remember(before, after)

    def _created(self, new: Seen, before: Sight) -> None:
        owner, show = self._asked_for(new)
        twins = found(before, new.mailbox, new.key)
        old = [one for one in twins if self.renewed(one, new)]
        shows = [self._right(one, show) for one in old] or [show]
        assert new.show in shows, f"created {new.show} where {show} belongs"
        assert new.quiet, f"{new.key} reminds somebody"
        assert old or not twins, f"a second event of {new.key} beside {twins}"
        gone = self.memory.written.get((owner.mail, new.key)) == dates(show)
        away = self.deleted.get((new.mailbox, new.key)) == dates(show)
        assert not (self.policy.respect and gone and away), f"{new.key} was deleted by its owner"
        self._beside_nothing(new, before)
        moved = [one for one in before.values() if one.key == new.key and one.mailbox in self._places(owner)]
        if len(moved) == 1 and not moved[0].taken and self.run.saw_all:
            assert new.note == moved[0].note, f"the note on {new.key} did not move along"

    def _beside_nothing(self, new: Seen, before: Sight) -> None:
        """The first event of ours does not come to stand beside somebody else's without a word."""
        there = [one for one in before.values() if one.mailbox == new.mailbox]
        titles = {"Absent", self.policy.title}
        alike = [one for one in there if not one.key and one.show.title in titles and same_days(one, new)]
        first = not any(owner_number(one) for one in there)
        assert self.run.ignoring or not (first and alike), f"{new.key} stands beside {alike}"

    def _changed(self, old: Seen, new: Seen) -> None:
        assert not old.taken, f"{old.key} was taken over by its owner"
        _, show = self._asked_for(new)
        assert old.key == new.key
        assert new.show == self._right(old, show), f"{old.show} became {new.show} where {show} belongs"
        assert old.rest == new.rest, f"what the owner of {old.key} added is not as it was"

    def _asked_for(self, new: Seen) -> tuple[Employee, Show]:
        """Whose event it is and how it must look; it must be due, in its owner's own mailbox."""
        owner = self._owner(new)
        assert owner is not None, f"written without being somebody's: {new}"
        assert new.key in self.dues[owner.number], f"{new.key} was written, and nobody asked for it"
        assert self.home(owner) == new.mailbox, f"{new.key} was written to {new.mailbox}"
        show = self.dues[owner.number][new.key]
        if isinstance(show.start, datetime):
            assert new.zone == zone(owner, self.policy)
        return owner, show

    def _removed(self, old: Seen, before: Sight, after: Sight) -> None:
        owner = self._owner(old)
        assert owner is not None, f"removed without being ours: {old}"
        assert not old.taken, f"{old.key} was taken over by its owner"
        if old.key not in self.dues[owner.number]:
            hidden = self._hidden(old, owner, after)
            assert self.run.worded or not hidden, f"{old.key} went by policy or scope without a word"
            return
        home = self.home(owner)
        if old.mailbox != home and self._untouched(old) and kept(after, old.mailbox, old.key):
            return  # a duplicate, wherever it lies: its twin stays until its successor was read
        left = [one for one in kept(after, home, old.key) if self._is_right(one, owner)]
        assert left, f"{old.key} was removed and is not shown any more"
        if old.mailbox == home:
            renewed = any(one.id not in before and self.renewed(old, one) for one in left)
            changed = old.show != self.marks[old.id]
            assert renewed or not changed, f"a copy that its owner changed was removed: {old}"
        else:
            there = [one for one in kept(before, home, old.key) if self._is_right(one, owner)]
            assert there, f"{old.key} was removed from {old.mailbox} before {home} was read back"

    def _hidden(self, old: Seen, owner: Employee, after: Sight) -> bool:
        """Whether the tenant file alone keeps this leave out; one that joined another is still shown."""
        day = date.fromisoformat(old.key.rpartition("/")[2][:8])
        stands = old.key in {key(owner, leave) for leave in owner.leaves if not leave.remote}
        left = owner.ends is not None and owner.ends < self.today
        theirs = (one for one in after.values() if owner_number(one) == owner.number)
        shown = any(
            first_day(one.show) <= day <= last_day(one.show)
            for one in theirs
            if one.key in self.dues[owner.number] or (one.mailbox, one.key) == (old.mailbox, old.key)
        )
        return stands and not left and not shown

    def _keep_notes(self, before: Sight, after: Sight) -> None:
        """What stands in place of one other event takes its note along; of several, one does."""
        gone = [one for one in before.values() if one.id not in after and self._untouched(one)]
        new = [one for one in after.values() if one.id not in before]
        for made in new:
            replaced = [one for one in gone if owner_number(one) == owner_number(made) and meet(one, made)]
            rivals = Counter(owner_number(one) for one in before.values() if one.id not in after)
            if len(replaced) == 1 == rivals[owner_number(made)] and replaced[0].mailbox == made.mailbox:
                old, owner = replaced[0], owner_number(made)
                heirs = [one.note for one in new if owner_number(one) == owner and meet(old, one)]
                assert old.note in heirs, f"the note on {old.key} was lost"

    def _remember(self, before: Sight, after: Sight) -> None:
        for event_id in before.keys() | after.keys():
            old, new = before.get(event_id), after.get(event_id)
            if new is not None and (old is None or old.raw != new.raw):
                owner, show = self._asked_for(new)
                self.marks[event_id] = show
                self.memory.places.add((owner.number, owner.mail))
                self.deleted.pop((new.mailbox, new.key), None)
                if self.run.done:
                    self.memory.written[owner.mail, new.key] = dates(show)

    # Does every calendar show what it must?

    def shows(self, before: Sight, after: Sight, window: tuple[date, date], people: Collection[int]) -> None:
        """Every calendar of these people shows, inside the window, what the reference says."""
        for number in sorted(people):
            person = self.employees[number]
            if self._concerned(person, window):
                self._shows_all(person, after, window)
                self._shows_no_more(person, before, after, window)

    def _concerned(self, person: Employee, window: tuple[date, date]) -> bool:
        """Nothing is done for people who share a mailbox, or whose address leads nowhere."""
        excluded = person.number in self.policy.excluded
        if not excluded and (self.where(person.mail) is None or self._claim(person) is None):
            return False
        return person.ends is None or person.ends >= min(window[0], self.today)

    def _shows_all(self, person: Employee, after: Sight, window: tuple[date, date]) -> None:
        home = self.home(person)
        for name, show in sorted(self.dues[person.number].items()):
            if home is None or not within(show, window) or any(one.taken for one in found(after, home, name)):
                continue
            own = kept(after, home, name)
            right = [one for one in own if self._is_right(one, person)]
            if own:
                assert right, f"{name} must show {show}; there is {[one.show for one in own]}"
            elif self._claim(person) == person.number:
                away = self.policy.respect and self.deleted.get((home, name)) == dates(show)
                assert away, f"{name} must show {show} in {home}, and is missing"
            twins = [one for one in own if one is not right[0]] if right else []
            for twin in twins:
                changed = not self._untouched(twin) or not within(twin.show, window)
                assert changed, f"{name} is in {home} twice"

    def _shows_no_more(
        self, person: Employee, before: Sight, after: Sight, window: tuple[date, date]
    ) -> None:
        home = self.home(person)
        for event in after.values():
            if owner_number(event) != person.number or event.taken or not within(event.show, window):
                continue
            if event.mailbox not in self._places(person) | {home}:
                continue  # the ledger that knew of this mailbox is lost
            wanted = event.key in self.dues[person.number]
            assert wanted, f"{event.key} must not be shown any more: {event.show} in {event.mailbox}"
            if home is not None and event.mailbox != home:
                # One that this run had to write first was not right before it.
                known = [one for one in kept(before, home, event.key) if after.get(one.id) == one]
                there = [one for one in known if self._is_right(one, person)]
                assert not there, f"{event.key} stayed in {event.mailbox}, though it is in {home} now"

    # Words.

    def home(self, person: Employee) -> str | None:
        """The mailbox that a person's events belong in."""
        return None if person.number in self.policy.excluded else self.where(person.mail)

    def _places(self, person: Employee) -> set[str | None]:
        """The mailboxes that the ledger remembers for a person."""
        return {self.where(address) for number, address in self.memory.places if number == person.number}

    def _claim(self, person: Employee) -> int | None:
        """Who owns this person's address: the one employed, else who left last; None for two employed."""
        rivals = [
            one
            for one in self.employees.values()
            if one.mail == person.mail and one.number not in self.policy.excluded
        ]
        here = [one for one in rivals if one.ends is None or one.ends >= self.today]
        if here:
            return here[0].number if len(here) == 1 else None
        return max(rivals, key=lambda one: (one.ends or date.max, one.number)).number

    def _owner(self, event: Seen) -> Employee | None:
        """The person an event is about, if the mailbox is or was theirs."""
        number = owner_number(event)
        return self.employees.get(number) if (number, event.mailbox) in self.ever else None

    def _is_right(self, event: Seen, person: Employee) -> bool:
        show = self.dues[person.number][event.key]
        return event.show == self._right(event, show)

    def _right(self, event: Seen, show: Show) -> Show:
        """How an event must look: as it is due; or as its owner made it look since we wrote that look."""
        mark = self.marks.get(event.id)
        if self.policy.respect and mark is not None and look(mark) == look(show):
            return replace(show, title=event.show.title, private=event.show.private)
        return show

    def renewed(self, old: Seen, new: Seen) -> bool:
        """Whether one stands for the other, because days do not become hours here."""
        there = (old.mailbox, old.key) == (new.mailbox, new.key)
        return self.renews and there and (timed(old.show), timed(new.show)) == (False, True)

    def _untouched(self, event: Seen) -> bool:
        return self.marks.get(event.id) == event.show
