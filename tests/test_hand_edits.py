"""What people do to the events in their own calendars, and what the next run makes of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from figgo_ops.plan import Plan
from tests.rehearsal import Corail, drawn, key_of


@pytest.fixture
def corail(tmp_path: Path) -> Iterator[Corail]:
    """Active from the start, its calendars still empty."""
    with Corail(tmp_path) as made:
        made.activate()
        yield made


@pytest.fixture
def hero(corail: Corail) -> int:
    """Somebody with one day off, Wednesday 2 December 2026, shown in their calendar."""
    number = corail.case("whole-day").person
    corail.sync(number)
    assert corail.shown(number) == ["2026-12-02"]
    return number


def verdicts(plan: Plan) -> list[str]:
    return [finding.verdict for finding in plan.findings]


def respect(corail: Corail) -> None:
    corail.rewrite('hand_edits = "restore"', 'hand_edits = "respect"')


def test_a_dragged_or_renamed_event_is_put_back(corail: Corail, hero: int) -> None:
    owner, event = corail.owner(hero), corail.event_id(hero)
    owner.move(event, "2026-12-09", "2026-12-11")
    owner.rename(event, "Ski")
    (change,) = corail.plan(hero).changes
    assert (change.action, change.reason) == ("update", "edited by hand")
    assert corail.sync(hero).updated == 1
    assert corail.shown(hero) == ["2026-12-02"]


def test_an_event_dragged_out_of_the_window_is_still_found_and_not_doubled(corail: Corail, hero: int) -> None:
    corail.owner(hero).move(corail.event_id(hero), "2024-03-04", "2024-03-05")
    assert corail.sync(hero).created == 0
    assert corail.shown(hero) == ["2026-12-02"]


def test_an_event_its_owner_deleted_comes_back_once(corail: Corail, hero: int) -> None:
    before = corail.marked()
    corail.owner(hero).delete(corail.event_id(hero))
    assert corail.sync(hero).created == 1
    assert (corail.shown(hero), corail.marked()) == (["2026-12-02"], before)


def test_where_hand_edits_are_respected_the_look_stays_and_the_dates_do_not(
    corail: Corail, hero: int
) -> None:
    respect(corail)
    owner, event = corail.owner(hero), corail.event_id(hero)
    owner.rename(event, "Ski")
    assert corail.sync(hero).written == 0
    assert verdicts(corail.plan(hero)) == ["edited"]
    owner.move(event, "2026-12-09", "2026-12-10")
    assert corail.sync(hero).updated == 1
    assert corail.shown(hero) == ["2026-12-02 Ski"]


def test_where_hand_edits_are_respected_a_deleted_event_stays_away_until_figgo_changes(
    corail: Corail, hero: int
) -> None:
    respect(corail)
    corail.owner(hero).delete(corail.event_id(hero))
    seen = corail.plan(hero)
    assert [skip.reason for skip in seen.skipped] == ["deleted by its owner; respected"]
    assert (corail.sync(hero).written, corail.shown(hero)) == (0, [])
    period = corail.case("whole-day").period
    corail.stage.remove_half_days(period, [(corail.stage.company.periods[period].first[0], "PM")])
    assert corail.sync(hero).created == 1
    assert corail.shown(hero) == ["2026-12-02 09:00..12:00 Europe/Paris"]


def test_a_note_and_a_colour_survive_an_update(corail: Corail, hero: int) -> None:
    owner, event = corail.owner(hero), corail.event_id(hero)
    owner.annotate(event, "Rendre le badge")
    owner.colour(event, "7")
    assert corail.sync(hero).written == 0, "what the owner added is no edit"
    owner.rename(event, "Ski")
    assert corail.sync(hero).updated == 1
    (after,) = corail.events(hero)
    assert (after["summary"], after["description"], after["colorId"]) == ("Absent", "Rendre le badge", "7")


def test_a_note_and_a_colour_are_carried_over_by_a_replacement(corail: Corail) -> None:
    case = corail.case("monday-pm-to-friday")
    corail.sync(case.person)
    event = corail.event_id(case.person)
    corail.owner(case.person).annotate(event, "Chamonix")
    corail.owner(case.person).colour(event, "7")
    first = corail.stage.company.periods[case.period].first[0]
    corail.stage.remove_half_days(case.period, [(first, "PM")])
    result = corail.sync(case.person)
    assert (result.created, result.deleted) == (1, 1)
    (after,) = corail.events(case.person)
    assert drawn(after) == "2026-12-08..2026-12-11"
    assert (after["description"], after["colorId"], after["id"] != event) == ("Chamonix", "7", True)


def test_an_event_with_guests_was_taken_over_and_is_only_reported(corail: Corail, hero: int) -> None:
    corail.owner(hero).invite(corail.event_id(hero), ["guest@elsewhere.example"])
    (before,) = corail.events(hero)
    case = corail.case("whole-day")
    corail.stage.ask_cancellation(case.request)
    corail.stage.settle_cancellation(case.request, True)
    seen = corail.plan(hero)
    assert (seen.changes, verdicts(seen)) == ((), ["taken-over"])
    assert corail.sync(hero).written == 0
    assert corail.events(hero) == [before]


def test_an_event_made_to_recur_was_taken_over_and_gets_no_twin(corail: Corail, hero: int) -> None:
    corail.owner(hero).repeat(corail.event_id(hero))
    before = corail.events(hero)
    assert (corail.sync(hero).written, corail.events(hero)) == (0, before)
    assert verdicts(corail.plan(hero)) == ["taken-over"]


def test_an_untouched_twin_is_a_duplicate_and_removed(corail: Corail, hero: int) -> None:
    corail.owner(hero).copy(corail.event_id(hero))
    (change,) = corail.plan(hero).changes
    assert (change.action, change.reason, change.counted) == ("remove", "duplicate", False)
    assert corail.sync(hero).deleted == 1
    assert corail.shown(hero) == ["2026-12-02"]


def test_a_copy_that_its_owner_changed_is_only_reported(corail: Corail, hero: int) -> None:
    corail.owner(hero).copy(corail.event_id(hero), "2027-02-10", "2027-02-11")
    seen = corail.plan(hero)
    assert (seen.changes, verdicts(seen)) == ((), ["copied"])
    corail.sync(hero)
    assert corail.shown(hero) == ["2026-12-02", "2027-02-10"]


def test_events_without_our_marker_are_never_touched(corail: Corail, hero: int) -> None:
    mine = corail.owner(hero).add("Dentiste", "2026-12-02T10:00", "2026-12-02T11:00")
    corail.rewrite('title = "Absent"', 'title = "Absence"')
    corail.sync(hero)
    assert [event for event in corail.events(hero) if not key_of(event)] == [mine]


def test_events_marked_by_another_host_are_foreign_and_left_alone(corail: Corail, hero: int) -> None:
    private = {"figgoOps": "1", "figgoOpsKey": "other.ilucca.net/61/9/20261202A", "figgoOpsPrint": "1;;a;b"}
    theirs = corail.owner(hero).add(
        "Absent", "2026-12-02", "2026-12-03", extendedProperties={"private": private}
    )
    seen = corail.plan(hero)
    assert (seen.changes, verdicts(seen)) == ((), ["foreign"])
    corail.sync(hero)
    assert theirs in corail.events(hero)


def test_a_forged_marker_of_a_colleague_is_not_taken_for_theirs(corail: Corail, hero: int) -> None:
    """A marker proves origin, not ownership: it lies in a mailbox that is not its owner's."""
    other = corail.case("across-weekend").person
    corail.sync(other)
    (event,) = corail.events(other)
    copied = {name: event[name] for name in ("extendedProperties",)}
    corail.owner(hero).add("Absent", "2027-01-07", "2027-01-13", **copied)
    seen = corail.plan(hero, other)
    assert (seen.changes, verdicts(seen)) == ((), ["wrong-mailbox"])


def test_a_look_that_the_customer_changed_since_is_written_over_what_its_owner_did(
    corail: Corail, hero: int
) -> None:
    """Whoever hides the absence types wants them hidden where somebody once set "show me as free" too."""
    respect(corail)
    corail.rewrite("show_type = false", "show_type = true")
    corail.sync(hero)
    stored = corail.stage.google.mailbox(corail.mail(hero)).events[corail.event_id(hero)]
    stored.resource["transparency"] = "transparent"
    assert corail.sync(hero).written == 0
    assert corail.shown(hero) == ["2026-12-02 Congés payés 2026"]
    corail.rewrite("show_type = true", "show_type = false")
    (change,) = corail.plan(hero).changes
    assert (change.action, change.reason) == ("update", "policy changed")
    assert corail.sync(hero).updated == 1
    assert corail.shown(hero) == ["2026-12-02"]


def test_a_key_of_the_year_9999_is_foreign_and_stops_nobody(corail: Corail, hero: int) -> None:
    private = {"figgoOps": "1", "figgoOpsKey": f"corail.ilucca.net/{hero}/1/99991215A", "figgoOpsPrint": ""}
    mangled = corail.owner(hero).add(
        "Absent", "2026-12-20", "2026-12-21", extendedProperties={"private": private}
    )
    assert verdicts(corail.plan(hero)) == ["foreign"]
    assert corail.sync(hero, corail.case("half-day-am").person).created == 1
    assert mangled in corail.events(hero)
