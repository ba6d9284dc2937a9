"""What once went wrong, each in the smallest company that shows it: Hypothesis seldom looks there."""

from dataclasses import replace

import pytest

from figgo_ops.events import Policy
from figgo_ops.leaves import Person, Slot, Span, slot
from figgo_ops.plan import Change
from figgo_ops.planfile import match, planned
from tests.drawn import Touch
from tests.model import DAY, TODAY, Company, Period, apply, in_order, plan, settle, whole

pytestmark = pytest.mark.disable_socket

MONDAY = slot(TODAY, "A")
BOSS = Person(2, "Zoé", "p1@acme.example", None, 1)


def _company(first: Slot, length: int) -> Company:
    """One person with one leave period that is in the calendar already."""
    person = Person(1, "Élodie", "p1@acme.example", None, 1)
    company = Company({1: person}, (Period(1, 10, first, length),), Policy("Europe/Paris"))
    settle(company)
    return company


def _cut_at_the_front(company: Company, half_days: int) -> list[Change]:
    """What is planned once the first half-days of the period are taken back."""
    company.periods = (replace(company.periods[0], holes=frozenset(range(half_days))),)
    return plan(company).changes


def test_a_hint_about_a_weekend_inside_a_long_leave_does_not_cut_it() -> None:
    company = _company(MONDAY - 112, 224)
    company.boxes.clear()
    saturday = TODAY + 5 * DAY
    made = plan(company, window=Span(saturday, saturday + DAY)).changes
    assert [str(change.key) for change in made] in ([], list(whole(company)))


def test_a_removal_whose_successor_lies_beyond_the_window_is_counted() -> None:
    company = _company(slot(TODAY + 58 * DAY, "A"), 14)
    assert [change.counted for change in _cut_at_the_front(company, 6)] in ([], [True])


def test_a_removal_in_a_mailbox_that_changed_hands_is_counted() -> None:
    company = _company(MONDAY - 14, 10)
    company.people |= {1: replace(company.people[1], ends=TODAY - DAY), 2: BOSS}
    assert [change.counted for change in _cut_at_the_front(company, 1)] == [True]


def test_a_removal_at_a_place_of_somebody_without_a_mailbox_is_counted() -> None:
    company = _company(MONDAY - 14, 10)
    company.people[1] = replace(company.people[1], ends=TODAY - DAY, mail=None)
    assert [change.counted for change in _cut_at_the_front(company, 1)] == [True]


def test_an_edited_copy_of_a_cancelled_leave_is_treated_the_same_by_every_plan() -> None:
    company = _company(MONDAY, 10)
    Touch("retitle", 0, 0).on(company)
    Touch("copy", 0, 0).on(company)
    company.periods = ()
    apply(company, plan(company).changes)
    assert plan(company).changes == []


def test_a_note_survives_a_hint_about_the_days_added_in_front_of_its_leave() -> None:
    company = _company(MONDAY + 4, 6)
    Touch("annotate", 0, 7).on(company)
    company.periods = (Period(1, 10, MONDAY, 10),)
    apply(company, in_order(plan(company, window=Span(TODAY, TODAY)).changes))
    settle(company)
    assert [event.raw for event in company.events()] == [{"note": "note 7"}]


def test_the_row_of_an_event_that_was_put_back_outside_the_window_is_done_and_not_stale() -> None:
    company = _company(MONDAY + 100, 4)
    Touch("drag", 0, -40).on(company)
    earlier = TODAY - 20 * DAY
    first = plan(company, earlier)
    rows = [planned(change) for change in first.changes]
    assert [row.action for row in rows] == ["update"]
    apply(company, first.changes)
    assert match(rows, plan(company, earlier)).unchanged == tuple(rows)


def test_an_event_that_was_dragged_goes_in_one_unit_with_its_successor_and_hands_on_its_note() -> None:
    company = _company(MONDAY + 4, 6)
    Touch("annotate", 0, 7).on(company)
    Touch("drag", 0, -20).on(company)
    company.periods = (Period(1, 10, MONDAY, 10),)
    changes = plan(company).changes
    assert {change.action for change in changes} == {"create", "remove"}
    assert len({change.unit for change in changes}) == 1
    apply(company, in_order(changes))
    assert [event.raw for event in company.events()] == [{"note": "note 7"}]


def test_the_row_of_an_event_put_back_outside_the_window_is_done_though_its_title_is_respected() -> None:
    company = _company(MONDAY + 100, 4)
    company.hand_edits, earlier = "respect", TODAY - 20 * DAY
    Touch("drag", 0, -40).on(company)
    Touch("retitle", 0, 0).on(company)
    first = plan(company, earlier)
    apply(company, first.changes)
    rows = [planned(change) for change in first.changes]
    assert match(rows, plan(company, earlier)).unchanged == tuple(rows)
