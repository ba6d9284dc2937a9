"""What an audit says of each event, and which changes mend what it says."""

from collections import Counter
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import assume, given

from figgo_ops.diff import Difference
from figgo_ops.events import Key
from figgo_ops.plan import Action, Change, Existing, Finding, Mailbox, Reason
from figgo_ops.verdicts import ALL, REPAIRABLE, judged, repair, verdict_of
from tests import drawn, model
from tests.builders import ANNE, TODAY, Company, days, existing_of, seat, stretches_of
from tests.calendars.memory import MemoryCalendar
from tests.model import horizon

pytestmark = pytest.mark.disable_socket

HOME = Mailbox("memory", str(ANNE.mail))
OLD = Mailbox("memory", "anne.martin@corail.example")
HOMES = {ANNE.id: HOME}
(WEEK,) = stretches_of(days("2026-12-07", "2026-12-11"))


def change(action: Action, reason: Reason, mailbox: Mailbox = HOME, unit: int = 1) -> Change:
    """A change of Anne's week."""
    event = None if action == "remove" else WEEK.event
    found = None if action == "create" else existing_of(WEEK, mailbox)
    return Change(action, reason, WEEK.key, 1, 1, mailbox, event, existing=found, unit=unit)


def told(difference: Difference) -> list[tuple[str, str, str]]:
    """Verdict, and both presences."""
    return [(one.verdict, one.leave, one.shown) for one in judged(difference, HOMES)]


CHANGES: list[tuple[Action, Reason, Mailbox, str, str, str]] = [
    ("create", "new", HOME, "missing", "present", "absent"),
    ("create", "replacement", HOME, "missing", "present", "absent"),
    ("update", "changed in Figgo", HOME, "missing", "present", "present"),
    ("update", "adopted", HOME, "missing", "present", "present"),
    ("update", "policy changed", HOME, "stale-policy", "present", "present"),
    ("update", "edited by hand", HOME, "edited", "present", "present"),
    ("remove", "policy changed", HOME, "stale-policy", "present", "present"),
    ("remove", "out of scope", HOME, "stale-policy", "present", "present"),
    ("remove", "duplicate", HOME, "duplicate", "present", "present"),
    ("remove", "cancelled", HOME, "orphaned", "absent", "present"),
    ("remove", "cancelled", OLD, "orphaned", "absent", "present"),
    ("remove", "person left", HOME, "orphaned", "present", "present"),
    ("remove", "replacement", HOME, "orphaned", "absent", "present"),
    ("remove", "replacement", OLD, "wrong-mailbox", "present", "present"),
]


@pytest.mark.parametrize(("action", "reason", "mailbox", "verdict", "leave", "shown"), CHANGES)
def test_every_change_says_what_is_wrong_now(
    action: Action, reason: Reason, mailbox: Mailbox, verdict: str, leave: str, shown: str
) -> None:
    one = change(action, reason, mailbox)
    (found,) = judged(Difference(changes=[one]), HOMES)
    assert (found.verdict, found.leave, found.shown) == (verdict, leave, shown)
    assert (found.needs_action, found.mailbox, found.employee) == (True, mailbox, 1)
    assert (found.start, found.end) == (date(2026, 12, 7), date(2026, 12, 11))
    assert found.reason.endswith(".")


def test_every_verdict_that_can_be_mended_comes_from_a_change() -> None:
    assert {
        verdict_of(change(action, reason, mailbox), HOMES) for action, reason, mailbox, *_ in CHANGES
    } == {*REPAIRABLE}
    assert set(REPAIRABLE) < set(ALL)


def test_what_is_as_it_should_be_is_in_order_inside_the_window_and_beyond() -> None:
    place = (HOME, str(WEEK.key))
    assert told(Difference(unchanged={place: WEEK.event})) == [("in-order", "present", "present")]
    assert told(Difference(beyond={place: WEEK.event})) == [("in-order", "present", "present")]


def test_a_change_that_waits_for_a_word_needs_action_and_says_what_it_waits_for() -> None:
    (found,) = judged(Difference(), HOMES, [(change("create", "new"), "look-alikes wait for an answer")])
    assert (found.verdict, found.reason, found.needs_action) == (
        "missing",
        "look-alikes wait for an answer",
        True,
    )


@pytest.mark.parametrize(
    "verdict", ["foreign", "taken-over", "copied", "not-visible", "look-alike", "edited"]
)
def test_what_is_only_found_is_information(verdict: str) -> None:
    given = Finding(verdict, "k", 1, HOME, TODAY, TODAY, "why", needs_action=True)
    assert [one.needs_action for one in judged(Difference(findings=[given]), HOMES)] == [False]


def test_an_event_in_a_strange_mailbox_needs_action_though_no_plan_mends_it() -> None:
    given = Finding("wrong-mailbox", "k", 1, OLD, TODAY, TODAY, "why")
    assert [one.needs_action for one in judged(Difference(findings=[given]), HOMES)] == [True]


def test_an_event_whose_edit_is_respected_is_told_once() -> None:
    found = Finding("edited", str(WEEK.key), 1, HOME, TODAY, TODAY, "respected", "present")
    place = (HOME, str(WEEK.key))
    assert told(Difference(findings=[found], unchanged={place: WEEK.event})) == [
        ("edited", "present", "present")
    ]
    changed = change("update", "changed in Figgo")
    assert told(Difference(findings=[found], changes=[changed])) == [("missing", "present", "present")]


def test_an_old_place_is_the_wrong_mailbox_before_its_successor_is_written_and_after() -> None:
    new = Mailbox("memory", "anne.roux@corail.example")
    company = Company(MemoryCalendar(addresses=[HOME.address, new.address]))
    company.load(seat(ANNE, days("2026-12-07", "2026-12-11")))
    moved = replace(ANNE, mail="anne.roux@corail.example")
    who = seat(moved, days("2026-12-07", "2026-12-11"), places=frozenset({HOME, new}))
    first = company.plan(who)
    assert Counter(one.verdict for one in judged(first, {1: new})) == {"missing": 1, "wrong-mailbox": 1}
    company.apply(first)
    (removal,) = company.plan(who).changes
    assert verdict_of(removal, {1: new}) == "wrong-mailbox"


class TestRepair:
    def test_only_what_mends_these_verdicts_is_chosen(self) -> None:
        made = [change("create", "new", unit=1), change("update", "edited by hand", unit=2)]
        assert repair(made, ["edited"], HOMES) == (made[1],)
        assert repair(made, REPAIRABLE, HOMES) == tuple(made)
        assert repair(made, ["duplicate"], HOMES) == ()

    def test_a_unit_is_mended_whole_or_not_at_all(self) -> None:
        """A removal without the creation that replaces it would leave a hole."""
        made = [change("create", "new", unit=1), change("remove", "replacement", unit=1)]
        assert repair(made, ["missing"], HOMES) == tuple(made)
        assert repair(made, ["orphaned"], HOMES) == tuple(made)


@given(drawn.lived_in())
def test_every_event_of_ours_at_home_gets_a_verdict_and_none_gets_two(company: model.Company) -> None:
    assume(not company.aliases)
    everyone = company.roster(model.TODAY)
    told = judged(model.plan(company), everyone.homes)
    shown = Counter((one.mailbox, one.key) for one in told if one.shown == "present")
    there = Counter((event.mailbox, event.key_text) for event in company.events())
    inside = Counter((event.mailbox, event.key_text) for event in company.events() if _in_window(event))
    for (mailbox, text), number in there.items():
        key = Key.parse(text)
        if text and (key is None or everyone.owner.get(mailbox) == key.owner):
            assert inside[mailbox, text] <= shown[mailbox, text] <= number, (mailbox, text)


def _in_window(event: Existing) -> bool:
    return horizon(model.TODAY).touches(event.event.first_day, event.event.last_day)
