"""Laws that hold for every company, however its people, leaves and calendars are drawn."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from figgo_ops.events import Fingerprint, Key, Wanted
from figgo_ops.leaves import Span, slot_day
from figgo_ops.limits import NEEDS_WORD, Limits, excesses, held_by, wordless
from figgo_ops.plan import Change, Existing
from figgo_ops.planfile import match, planned
from tests import drawn, model
from tests.drawn import Touch
from tests.model import (
    DAY,
    TODAY,
    Company,
    Trouble,
    apply,
    horizon,
    in_order,
    plan,
    settle,
    whole,
)

pytestmark = pytest.mark.disable_socket

days = st.integers(-30, 60).map(lambda n: TODAY + n * DAY)
windows = st.tuples(days, days).map(lambda pair: Span(min(pair), max(pair)))


@given(drawn.lived_in())
def test_after_a_plan_is_applied_the_next_one_only_clears_old_places_and_the_one_after_is_empty(
    company: Company,
) -> None:
    apply(company, in_order(plan(company).changes))
    homes = company.roster(TODAY).homes
    second = plan(company).changes
    assert all(c.action == "remove" and c.mailbox != homes.get(c.employee) for c in second)
    apply(company, in_order(second))
    assert plan(company).changes == []


@given(drawn.lived_in(), st.randoms(use_true_random=False))
def test_the_order_of_people_rows_listings_and_events_does_not_matter(
    company: Company, order: Random
) -> None:
    assert plan(company, order=order) == plan(company)


@given(drawn.lived_in())
def test_unmarked_foreign_and_taken_over_events_are_in_no_change(company: Company) -> None:
    for change in plan(company).changes:
        for event in (change.existing, change.carries):
            if event is not None:
                assert not event.taken_over
                key = Key.parse(event.key_text)
                assert key is not None
                assert (key.host, key.owner) == (model.HOST, change.employee)


@given(drawn.lived_in(), st.integers(0, 40), st.booleans())
def test_a_run_cut_anywhere_converges_to_the_same_calendars(
    company: Company, cut: int, unit_by_unit: bool
) -> None:
    whole_run = company.copy()
    settle(whole_run)
    changes = plan(company).changes
    apply(company, (changes if unit_by_unit else in_order(changes))[:cut])
    settle(company)
    assert company.content() == whole_run.content()


triggers = st.tuples(windows, st.one_of(st.none(), st.integers(1, 3)))


@given(drawn.lived_in(), st.lists(triggers, max_size=6), st.booleans())
def test_triggers_shuffled_and_repeated_end_as_the_full_plan_alone(
    company: Company, hints: list[tuple[Span, int | None]], again: bool
) -> None:
    alone = company.copy()
    settle(alone)
    for window, person in hints + hints[: 2 * again]:
        people = None if person is None else {person} & company.people.keys()
        apply(company, in_order(plan(company, window=window, people=people).changes))
    settle(company)
    assert company.content() == alone.content()


@given(drawn.companies(stay=True), st.lists(st.integers(1, 20), min_size=1, max_size=12))
def test_as_today_moves_on_only_stretches_that_newly_touch_the_window_are_written(
    company: Company, steps: list[int]
) -> None:
    settle(company)
    stretches, today = whole(company), TODAY
    for step in steps:
        before, today = horizon(today), today + step * DAY
        changes = plan(company, today).changes
        for change in changes:
            one = stretches[str(change.key)]
            first, last = slot_day(one.first), slot_day(one.last)
            assert change.action == "create"
            assert horizon(today).touches(first, last)
            assert not before.touches(first, last)
        apply(company, changes)


@given(drawn.lived_in(), windows, st.booleans())
def test_a_window_shows_periods_as_they_are_when_all_days_are_read(
    company: Company, window: Span, back: bool
) -> None:
    stretches = whole(company)
    for change in plan(company, window=window, back=back).changes:
        one = stretches.get(str(change.key))
        if change.action != "remove":
            assert change.event is not None
            assert one is not None
            assert change.event.facts == one.event.facts
        elif change.reason in ("cancelled", "policy changed"):
            assert one is None


@given(drawn.lived_in(), windows)
def test_every_change_touches_the_window_or_a_stretch_that_does(company: Company, window: Span) -> None:
    chosen = [
        Span(slot_day(one.first), slot_day(one.last))
        for one in whole(company).values()
        if window.touches(slot_day(one.first), slot_day(one.last))
    ]
    for change in plan(company, window=window).changes:
        shown = [event for event in (change.before, change.event) if event is not None]
        spans = [Span(event.first_day, event.last_day) for event in shown]
        one = whole(company).get(str(change.key))
        if one is not None and change.reason in ("person left", "out of scope"):
            spans.append(Span(slot_day(one.first), slot_day(one.last)))
        near = [day for span in spans for day in (window, *chosen) if day.touches(span.first, span.last)]
        assert near


@given(drawn.lived_in())
def test_an_event_leaves_an_old_place_only_when_its_successor_is_at_home(company: Company) -> None:
    homes, stretches = company.roster(TODAY).homes, whole(company)
    for change in plan(company).changes:
        home = homes.get(change.employee)
        if change.reason == "replacement" and change.action == "remove" and str(change.key) in stretches:
            assert home not in (None, change.mailbox)
            assert home is not None
            assert str(change.key) in [event.key_text for event in company.box(home).values()]


@given(drawn.lived_in())
def test_in_the_end_every_calendar_shows_what_its_owner_should_have_and_nothing_else(
    company: Company,
) -> None:
    company.hand_edits = "restore"
    settle(company)
    stretches = whole(company)
    for home, number in company.roster(TODAY).owner.items():
        owned = f"{model.HOST}/{number}/"
        events = [event for event in company.box(home).values() if event.key_text.startswith(owned)]
        taken = {event.key_text for event in events if event.taken_over}
        live = [event for event in events if not event.taken_over]
        for key, one in stretches.items():
            if key.startswith(owned) and key not in taken and _due(company, one):
                assert one.event in [event.event for event in live if event.key_text == key]
        for event in live:
            if horizon(TODAY).touches(event.event.first_day, event.event.last_day):
                one = stretches[event.key_text]
                assert _employed(company, one)
                copies = [other for other in live if other.key_text == event.key_text]
                assert event.event == one.event or (_edited(event) and len(copies) > 1)


def _due(company: Company, one: Wanted) -> bool:
    touches = horizon(TODAY).touches(slot_day(one.first), slot_day(one.last))
    return touches and _employed(company, one)


def _employed(company: Company, one: Wanted) -> bool:
    ends = company.people[one.key.owner].ends
    return ends is None or ends >= TODAY or slot_day(one.first) <= ends


def _edited(event: Existing) -> bool:
    mark = Fingerprint.parse(event.print_text)
    return mark is None or (mark.facts, mark.look) != (event.event.facts, event.event.look)


@given(drawn.lived_in(), st.data())
def test_what_was_not_read_is_not_touched_and_stops_nobody_else(
    company: Company, data: st.DataObject
) -> None:
    people = data.draw(st.frozensets(st.sampled_from(sorted(company.people))))
    everyone = company.roster(TODAY)
    mailboxes = sorted({m for number in company.people for m in everyone.mailboxes(number)})
    assume(mailboxes)
    closed = data.draw(st.frozensets(st.sampled_from(mailboxes)))
    seen = plan(company, trouble=Trouble(people, closed)).changes
    for change in seen:
        assert change.employee not in people
        assert change.mailbox not in closed
        assert everyone.homes.get(change.employee) not in closed
    whole_plan = plan(company).changes
    for number in company.people.keys() - people:
        if not everyone.mailboxes(number) & closed:
            assert _own(seen, number) == _own(whole_plan, number)


def _own(changes: list[Change], number: int) -> list[tuple[object, ...]]:
    return [planned(change).identity for change in changes if change.employee == number]


@given(drawn.lived_in())
def test_no_mailbox_gets_a_second_event_of_one_key_and_no_event_two_changes(company: Company) -> None:
    difference = plan(company)
    live = {(event.mailbox, event.key_text) for event in company.events() if not event.taken_over}
    made = [(c.mailbox, str(c.key)) for c in difference.changes if c.action == "create"]
    named = [(c.mailbox, c.existing.id) for c in difference.changes if c.existing is not None]
    assert len(set(made)) == len(made)
    assert not live & set(made)
    assert len(set(named)) == len(named)


@given(drawn.lived_in())
def test_of_several_events_of_one_key_one_that_is_as_it_should_be_stays_as_it_is(company: Company) -> None:
    stretches, changes = whole(company), plan(company).changes
    changed = {(change.mailbox, change.existing.id) for change in changes if change.existing is not None}
    for home, number in company.roster(TODAY).owner.items():
        for one in stretches.values():
            if one.key.owner == number and number not in company.outside and _employed(company, one):
                right = [event for event in company.box(home).values() if _exactly(event, one)]
                assert not right or any((home, event.id) not in changed for event in right)


def _exactly(event: Existing, one: Wanted) -> bool:
    marker = str(one.key), str(Fingerprint.of(one.event))
    return (event.key_text, event.print_text) == marker and event.event == one.event and not event.taken_over


@given(drawn.lived_in())
def test_a_removal_that_is_not_counted_leaves_its_days_shown(company: Company) -> None:
    changes = [change for change in plan(company).changes if not change.counted]
    apply(company, in_order(changes))
    for change in changes:
        if change.action == "remove":
            assert _covered(company, change), f"{change} leaves nothing on its days"


def _covered(company: Company, change: Change) -> bool:
    """Whether an event of ours still shows some of the days of a removed one, in a mailbox of its owner's.

    The days of one that its owner has edited are not where it lies now: the key still names the first.
    """
    assert change.existing is not None
    days = Span(change.shown.first_day, change.shown.last_day)
    if _edited(change.existing):
        days = Span(slot_day(change.key.slot), slot_day(change.key.slot))
    return any(
        event.key_text.startswith(f"{model.HOST}/{change.employee}/")
        and days.touches(event.event.first_day, event.event.last_day)
        for mailbox in company.roster(TODAY).mailboxes(change.employee)
        for event in company.box(mailbox).values()
    )


@dataclass(slots=True)
class Scheduled:
    """A tenant synced again and again, with nobody there to say a word.

    Attributes:
        counted, lost: when, in which legal entity and under which key something was removed; lost are those
            whose days nothing of ours shows any more, found by looking and not by what the plan says.
    """

    company: Company
    limits: Limits
    now: datetime = datetime(2026, 3, 16, 8)
    counted: list[tuple[datetime, int, str]] = field(default_factory=list)
    lost: list[tuple[datetime, int, str]] = field(default_factory=list)

    def sync(self) -> None:
        """Plan, hold what the limits hold, write the rest."""
        changes = plan(self.company).changes
        events = self._events()
        over = excesses(changes, self._recent(self.counted), events, self.limits)
        held = held_by(changes, over) | wordless(changes)
        written = in_order(change for change in changes if change.unit not in held)
        apply(self.company, written)
        removed = [change for change in written if change.action == "remove"]
        lost = [change for change in removed if not _covered(self.company, change)]
        assert not [change for change in lost if change.reason in NEEDS_WORD]
        self.counted += [self._line(change) for change in removed if change.counted]
        self.lost += [self._line(change) for change in lost]
        self._within(events, {change.legal_entity for change in lost})

    def _line(self, change: Change) -> tuple[datetime, int, str]:
        return self.now, change.legal_entity, str(change.key)

    def _events(self) -> dict[int, int]:
        owners = (Key.parse(event.key_text) for event in self.company.events())
        return Counter(self.company.people[key.owner].legal_entity for key in owners if key)

    def _recent(self, lines: list[tuple[datetime, int, str]]) -> dict[int, set[str]]:
        found: dict[int, set[str]] = defaultdict(set)
        for at, entity, key in lines:
            if at >= self.now - timedelta(hours=24):
                found[entity].add(key)
        return found

    def _within(self, events: dict[int, int], entities: set[int]) -> None:
        """No slice in which this run lost something has lost more in a day than it may."""
        recent = self._recent(self.lost)
        for entity in entities:
            assert len(recent[entity]) <= max(self.limits.minimum, self.limits.ratio * events[entity])
        if entities:
            everywhere = set[str]().union(*recent.values())
            assert len(everywhere) <= max(self.limits.minimum, self.limits.ratio * sum(events.values()))


limits_drawn = st.builds(Limits, st.sampled_from([0.0, 0.3, 0.6]), st.integers(0, 2))


@given(drawn.companies(most=4), limits_drawn, st.lists(st.integers(1, 20), min_size=1, max_size=5), st.data())
def test_without_a_word_no_day_loses_more_events_than_the_limits_allow(
    company: Company, limits: Limits, hours: list[int], data: st.DataObject
) -> None:
    settle(company)
    scheduled = Scheduled(company, limits)
    for passed in hours:
        scheduled.now += timedelta(hours=passed)
        company.periods = data.draw(drawn.all_later(company.periods))
        scheduled.sync()


@given(drawn.lived_in(), st.lists(drawn.touches, max_size=3), st.data())
def test_a_confirmed_plan_writes_only_rows_that_were_seen_in_whole_units(
    company: Company, meanwhile: list[Touch], data: st.DataObject
) -> None:
    rows = [planned(change) for change in plan(company).changes]
    for touch in meanwhile:
        touch.on(company)
    company.periods = data.draw(drawn.all_later(company.periods))
    fresh = plan(company)
    found = match(rows, fresh)
    written = {change.unit for change in found.write}
    assert [change for change in fresh.changes if change.unit in written] == list(found.write)
    assert {planned(change).identity for change in found.write} <= {row.identity for row in rows}
    assert len(found.write) + len(found.unchanged) + len(found.stale) == len(rows)


@given(drawn.lived_in())
def test_a_plan_applied_twice_finds_every_row_done_and_none_stale(company: Company) -> None:
    company.hand_edits = "restore"
    first = plan(company)
    rows = [planned(change) for change in first.changes]
    assert match(rows, first).write == tuple(first.changes)
    apply(company, in_order(first.changes))
    again = match(rows, plan(company))
    assert (again.write, again.unchanged, again.stale) == ((), tuple(rows), ())
