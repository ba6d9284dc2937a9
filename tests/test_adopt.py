"""Look-alikes made ours: the owner's own event gets our marker and stays what it is, once and for ever."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from figgo_ops import sync
from figgo_ops.plan import Plan
from tests.rehearsal import Corail, Event, key_of
from tests.taking import offboarded, planned_resume, planned_undo, state, undone, without_traces

WEDNESDAY, THURSDAY = "2026-12-02", "2026-12-03"


@pytest.fixture
def corail(tmp_path: Path) -> Iterator[Corail]:
    """Active from the start, its calendars still empty."""
    with Corail(tmp_path) as made:
        made.activate()
        yield made


@pytest.fixture
def hero(corail: Corail) -> int:
    """Somebody with one day off, Wednesday 2 December 2026."""
    return corail.case("whole-day").person


@pytest.fixture
def own(corail: Corail, hero: int) -> Event:
    """What they wrote into their calendar for that day themselves, with a note, a colour and a reminder."""
    reminders = {"useDefault": False, "overrides": [{"method": "popup", "minutes": 30}]}
    made: Event = corail.owner(hero).add(
        "absent", WEDNESDAY, THURSDAY, description="Clés chez la gardienne", colorId="5", reminders=reminders
    )
    return made


def adopting(corail: Corail, *employees: int) -> Plan:
    return corail.plan(*employees, look_alikes="adopt")


def lose_the_ledger(corail: Corail) -> None:
    for path in corail.home.path.glob("ledger.db*"):
        path.unlink()


def test_an_adopted_event_gets_our_marker_and_keeps_id_note_colour_and_reminder(
    corail: Corail, hero: int, own: Event
) -> None:
    seen = adopting(corail, hero)
    (change,) = seen.changes
    assert (change.action, change.reason, sync.exit_of_plan(seen)) == ("update", "adopted", 0)
    result = corail.apply(seen)
    assert (result.updated, result.created, sync.exit_of(result)) == (1, 0, 0)
    (event,) = corail.events(hero)
    assert (event["id"], event["summary"], key_of(event) != "") == (own["id"], "Absent", True)
    for name in ("description", "colorId", "reminders", "iCalUID", "start", "end"):
        assert event[name] == own[name], name
    assert corail.stage.google.notifications == []


def test_no_later_run_doubles_an_adopted_event_with_or_without_ledger(
    corail: Corail, hero: int, own: Event
) -> None:
    corail.apply(adopting(corail, hero))
    assert adopting(corail, hero).changes == ()
    assert corail.sync(hero).written == 0
    lose_the_ledger(corail)
    assert corail.sync(hero).written == 0
    assert adopting(corail, hero).changes == ()
    assert [event["id"] for event in corail.events(hero)] == [own["id"]]


def test_an_answer_for_everyone_is_kept_and_does_not_make_waiting_plans_worthless(
    corail: Corail, hero: int, own: Event
) -> None:
    other = corail.plan(corail.case("half-day-am").person)
    with corail.session() as session:
        digest = session.tenant.policy_digest()
    seen = corail.plan(since="start", look_alikes="adopt")
    assert seen.count("update") == 1
    corail.apply(seen)
    with corail.session() as session:
        assert session.tenant.events.look_alikes == "adopt"
        assert session.tenant.policy_digest() == digest
    assert corail.apply(other).unchanged == 1
    nightly = corail.sync()
    assert (nightly.written, sync.exit_of(nightly)) == (0, 0)
    assert corail.plan(since="start").changes == ()
    assert [event["id"] for event in corail.events(hero)] == [own["id"]]
    lose_the_ledger(corail)
    assert corail.sync().written == 0
    assert len(corail.marked()) == len(set(corail.marked())) == 65


def test_an_adoption_applied_twice_writes_once(corail: Corail, hero: int, own: Event) -> None:
    seen = adopting(corail, hero)
    assert corail.apply(seen).updated == 1
    again = corail.apply(seen)
    assert (again.written, again.unchanged, sync.exit_of(again)) == (0, 1, 0)
    assert [event["id"] for event in corail.events(hero)] == [own["id"]]


@pytest.mark.parametrize("taking", ["invite", "repeat"])
def test_an_event_with_guests_or_one_that_recurs_is_never_adopted_and_ours_stands_beside_it(
    corail: Corail, hero: int, own: Event, taking: str
) -> None:
    owner = corail.owner(hero)
    theirs = (
        owner.invite(own["id"], ["zoe@corail.example"]) if taking == "invite" else owner.repeat(own["id"])
    )
    seen = adopting(corail, hero)
    assert [change.action for change in seen.changes] == ["create"]
    corail.apply(seen)
    assert theirs in corail.events(hero)
    assert len([event for event in corail.events(hero) if key_of(event)]) == 1
    assert corail.sync(hero).written == 0


def test_of_several_look_alikes_on_one_day_one_is_adopted_and_the_others_stay(
    corail: Corail, hero: int, own: Event
) -> None:
    second = corail.owner(hero).add("Absent", WEDNESDAY, THURSDAY)
    corail.apply(adopting(corail, hero))
    marked = [event["id"] for event in corail.events(hero) if key_of(event)]
    assert marked == [min(own["id"], second["id"])]
    assert len(corail.events(hero)) == 2
    assert (corail.sync(hero).written, adopting(corail, hero).changes) == (0, ())


def test_a_look_alike_of_other_days_is_left_and_ours_stands_beside_it(corail: Corail, hero: int) -> None:
    longer = corail.owner(hero).add("Absent", "2026-12-01", THURSDAY)
    seen = adopting(corail, hero)
    assert [(change.action, change.reason) for change in seen.changes] == [("create", "new")]
    corail.apply(seen)
    assert longer in corail.events(hero)
    assert len(corail.events(hero)) == 2
    assert corail.sync(hero).written == 0


def test_a_look_alike_edited_between_plan_and_apply_is_not_adopted_as_it_was(
    corail: Corail, hero: int, own: Event
) -> None:
    seen = adopting(corail, hero)
    moved = corail.owner(hero).move(own["id"], "2026-12-01", THURSDAY)
    result = corail.apply(seen)
    assert (result.written, len(result.stale), corail.events(hero)) == (0, 1, [moved])


def test_an_adoption_taken_back_gives_the_owner_the_very_same_event(
    corail: Corail, hero: int, own: Event
) -> None:
    before = without_traces(corail)
    run = corail.apply(adopting(corail, hero)).run
    seen = planned_undo(corail, run)
    assert [(change.action, change.counted) for change in seen.changes] == [("update", False)]
    assert corail.apply(seen).updated == 1
    assert without_traces(corail) == before
    assert (corail.marked(), state(corail)) == ([], "draft")
    again = corail.apply(seen)
    assert (again.written, again.unchanged, sync.exit_of(again)) == (0, 1, 0)
    assert [finding.verdict for finding in corail.plan(hero).findings] == ["look-alike"]


def test_an_undone_adoption_cannot_be_brought_back_by_an_undo_and_says_so(
    corail: Corail, hero: int, own: Event
) -> None:
    back = undone(corail, corail.apply(adopting(corail, hero)).run)
    seen = planned_undo(corail, back.run)
    assert seen.changes == ()
    assert [skip.reason for skip in seen.skipped] == ["not taken back: it is not marked as ours any more"]


@pytest.fixture
def mother(corail: Corail) -> int:
    """Somebody who wrote four events into their calendar that look like ours."""
    number = corail.case("maternity").person
    for change in corail.plan(number).changes:
        first, after = change.shown.start, change.shown.end
        corail.owner(number).add("Absent", first, after)
    assert len(corail.events(number)) == 4
    return number


def test_a_mailbox_whose_adopted_events_all_vanish_is_suspect(corail: Corail, mother: int) -> None:
    assert corail.apply(adopting(corail, mother)).updated == 4
    for event in corail.events(mother):
        corail.owner(mother).delete(str(event["id"]))
    result = corail.sync(mother)
    assert (result.written, sync.exit_of(result), len(result.unreadable)) == (0, 3, 1)


def test_a_mailbox_full_of_adopted_events_is_not_suspect_once_they_are_given_back(
    corail: Corail, mother: int
) -> None:
    """The mailbox listed four events of ours and now lists none: we did that, nobody else."""
    run = corail.apply(adopting(corail, mother)).run
    other = corail.sync(corail.case("half-day-am").person)
    assert (other.created, undone(corail, run).updated) == (1, 4)
    assert (len(corail.marked()), state(corail)) == (1, "paused")
    resumed = planned_resume(corail)
    assert resumed.unreadable == ()


def test_off_boarding_removes_an_adopted_event_like_any_other_of_ours(
    corail: Corail, hero: int, own: Event
) -> None:
    corail.apply(adopting(corail))
    offboarded(corail)
    assert (corail.events(hero), state(corail)) == ([], "closed")
