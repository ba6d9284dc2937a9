"""Taking back one run: exactly what it wrote and nothing else, and what becomes of the tenant."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from figgo_ops import act, sync
from figgo_ops.errors import Refused, TenantBusy, UsageError
from figgo_ops.plan import Plan
from figgo_ops.sandbox.exchange_store import BIN
from tests.rehearsal import Corail, key_of
from tests.taking import (
    PROVIDERS,
    confirmed,
    marker,
    note,
    out_of_reach,
    period_of,
    planned_resume,
    planned_undo,
    provider_of,
    somebody_at,
    state,
    undone,
    within_reach,
    without_traces,
)


@pytest.fixture
def corail(tmp_path: Path) -> Iterator[Corail]:
    """Active from the start, its calendars still empty."""
    with Corail(tmp_path) as made:
        made.activate()
        yield made


@pytest.fixture
def hero(corail: Corail, request: pytest.FixtureRequest) -> int:
    """Somebody with one day off, Wednesday 2 December 2026; at Google unless said."""
    return somebody_at(corail, getattr(request, "param", "google"))


everywhere = pytest.mark.parametrize("hero", PROVIDERS, indirect=True)


def reasons(plan: Plan) -> list[str]:
    return [skip.reason.removeprefix("not taken back: ") for skip in plan.skipped]


def respect(corail: Corail) -> None:
    corail.rewrite('hand_edits = "restore"', 'hand_edits = "respect"')


def cancelled_sync(corail: Corail) -> str:
    """A run that removed one event."""
    corail.stage.cancel(corail.case("pending").request)
    result = corail.sync(corail.case("pending").person)
    assert result.deleted == 1
    return result.run


def test_a_first_load_taken_back_leaves_the_calendars_as_they_were_and_the_tenant_a_draft(
    tmp_path: Path,
) -> None:
    """Four hundred leaves and more; what their owners edited stays and is listed."""
    with Corail(tmp_path, people=130) as corail:
        people = sorted(corail.stage.company.people)
        for number in people[:5]:
            corail.owner(number).add("Dentiste", "2026-12-02T10:00", "2026-12-02T11:00")
        before = without_traces(corail)
        loaded = corail.load()
        assert loaded.created >= 400
        edited = [number for number in people if corail.events(number)][-2:]
        kept = {}
        for number, title in zip(edited, ("Ski", "Congé à Noël"), strict=True):
            event = next(event for event in corail.events(number) if key_of(event))
            kept[str(event["id"])] = corail.owner(number).rename(str(event["id"]), title)
        corail.forget_calls()
        seen = planned_undo(corail, loaded.run)
        assert (seen.count("remove"), seen.kind, state(corail)) == (loaded.created - 2, "undo", "paused")
        assert reasons(seen) == ["its owner changed it since"] * 2
        assert {skip.employee for skip in seen.skipped} == set(edited)
        result = confirmed(corail, seen)
        assert (result.deleted, sync.exit_of(result)) == (loaded.created - 2, 0)
        assert corail.calls("figgo") == [], "an undo asks calendars and ledger, never Figgo"
        after = without_traces(corail)
        left = {str(event["id"]) for events in after.values() for event in events if key_of(event)}
        assert left == kept.keys()
        mine = {
            mail: [event for event in events if str(event["id"]) not in kept]
            for mail, events in after.items()
        }
        assert {mail: events for mail, events in mine.items() if events} == before
        with pytest.raises(Refused) as caught:
            corail.sync()
        assert (caught.value.exit, caught.value.remedy) == (
            3,
            "To go on: figgo-ops resume corail, then apply what it prints.",
        )
        assert without_traces(corail) == after


def test_the_removals_of_an_undo_are_counted_and_wait_for_their_exact_number(corail: Corail) -> None:
    loaded = corail.load()
    seen = planned_undo(corail, loaded.run)
    assert sync.exit_of_plan(seen) == 3
    assert "65 removals here and 0 in the last 24 hours, of 65 events" in seen.refused[-1]
    held = corail.apply(seen)
    assert (held.deleted, len(held.held), sync.exit_of(held)) == (0, 65, 3)
    with pytest.raises(Refused, match="65 removals that count, not 64"):
        corail.apply(seen, removals=64)
    done = corail.apply(seen, removals=65)
    assert (done.deleted, corail.marked(), state(corail)) == (65, [], "draft")
    assert done.notes == ["corail is a draft again: no event of it is left."]
    again = corail.apply(seen, removals=65)
    assert (again.written, again.unchanged, sync.exit_of(again)) == (0, 65, 0)


def test_a_second_first_load_can_be_taken_back_as_well(corail: Corail, hero: int) -> None:
    for _ in range(2):
        assert undone(corail, corail.load(hero).run).deleted == 1
        assert (corail.events(hero), state(corail)) == ([], "draft")
        corail.clock.sleep(timedelta(days=1, minutes=1).total_seconds())


def test_the_undo_of_a_draft_leaves_it_a_draft(corail: Corail, hero: int) -> None:
    run = corail.load(hero).run
    undone(corail, run)
    seen = planned_undo(corail, run)
    assert (seen.changes, seen.skipped, state(corail)) == ((), (), "draft")
    with pytest.raises(Refused, match="is a draft"):
        corail.sync(hero)


@everywhere
def test_only_the_one_run_is_taken_back_and_the_tenant_stays_paused(corail: Corail, hero: int) -> None:
    other = corail.case("half-day-am").person
    corail.sync(other)
    run = corail.sync(hero).run
    result = undone(corail, run)
    assert (result.deleted, corail.events(hero), len(corail.events(other))) == (1, [], 1)
    assert state(corail) == "paused"
    assert result.notes == ["corail stays paused. To go on: figgo-ops resume corail"]


@everywhere
def test_what_a_later_run_wrote_is_left_and_that_run_is_named(corail: Corail, hero: int) -> None:
    first = corail.sync(hero).run
    corail.rewrite('title = "Absent"', 'title = "Congé"')
    later = corail.sync(hero).run
    seen = planned_undo(corail, first)
    assert (seen.changes, reasons(seen)) == ((), [f"the later run {later} touched it"])
    result = corail.apply(seen)
    assert corail.shown(hero) == ["2026-12-02 Congé"]
    assert "1 events of the run were left as they are" in result.notes[0]


def test_a_removal_is_taken_back_with_note_and_colour(corail: Corail) -> None:
    number = corail.case("pending").person
    corail.sync(number)
    before = corail.events(number)
    event = next(str(one["id"]) for one in before if one["status"] == "tentative")
    corail.owner(number).annotate(event, "Clés chez la gardienne")
    corail.owner(number).colour(event, "5")
    drawn = corail.shown(number)
    undone(corail, cancelled_sync(corail))
    assert corail.shown(number) == drawn
    back = next(one for one in corail.events(number) if one["status"] == "tentative")
    assert (back["description"], back["colorId"]) == ("Clés chez la gardienne", "5")
    assert len(corail.marked()) == len(set(corail.marked()))


@everywhere
def test_an_update_is_taken_back_with_its_old_marker_and_what_the_owner_added_since(
    corail: Corail, hero: int
) -> None:
    corail.sync(hero)
    before = marker(corail, hero)
    corail.rewrite('title = "Absent"', 'title = "Congé"')
    run = corail.sync(hero).run
    corail.owner(hero).annotate(corail.event_id(hero), "Clés chez la gardienne")
    assert undone(corail, run).updated == 1
    assert (corail.shown(hero), marker(corail, hero)) == (["2026-12-02"], before)
    assert note(corail, hero) == "Clés chez la gardienne"


@everywhere
def test_a_replacement_is_taken_back_whole_and_keeps_the_note_written_since(
    corail: Corail, hero: int
) -> None:
    corail.sync(hero)
    morning = (date(2026, 12, 2), "AM")
    corail.stage.remove_half_days(period_of(corail, hero), [morning])
    result = corail.sync(hero)
    assert (result.created, result.deleted) == (1, 1)
    corail.owner(hero).annotate(corail.event_id(hero), "Clés chez la gardienne")
    undone(corail, result.run)
    assert corail.shown(hero) == ["2026-12-02"]
    assert note(corail, hero) == "Clés chez la gardienne"


@everywhere
def test_days_that_became_hours_are_days_again(corail: Corail, hero: int) -> None:
    """At Exchange that is a new event each time, and an undo must find it."""
    corail.sync(hero)
    before = marker(corail, hero)
    corail.owner(hero).annotate(corail.event_id(hero), "Clés chez la gardienne")
    corail.stage.remove_half_days(period_of(corail, hero), [(date(2026, 12, 2), "PM")])
    result = corail.sync(hero)
    assert (result.updated, "09:00..12:00" in corail.shown(hero)[0]) == (1, True)
    assert undone(corail, result.run).updated == 1
    assert (corail.shown(hero), marker(corail, hero)) == (["2026-12-02"], before)
    assert note(corail, hero) == "Clés chez la gardienne"


@pytest.mark.parametrize("hero", ["exchange"], indirect=True)
@pytest.mark.parametrize("emptied", [False, True], ids=["bin as it was", "bin emptied"])
def test_a_removed_event_comes_back_out_of_the_bin_with_what_its_owner_added(
    corail: Corail, hero: int, emptied: bool
) -> None:
    """A listing of Exchange has no notes, so what became of one is only in the owner's bin."""
    corail.sync(hero)
    event = corail.event_id(hero)
    corail.owner(hero).annotate(event, "Clés chez la gardienne")
    corail.owner(hero).categorise(event, ["Vacances"])
    before = marker(corail, hero)
    corail.cancel(hero)
    run = corail.sync(hero).run
    assert corail.events(hero) == []
    mailbox = corail.stage.exchange.mailbox(corail.mail(hero))
    if emptied:
        for item in list(mailbox.folder(BIN).values()):
            mailbox.purge(item)
    assert undone(corail, run).created == 1
    assert (corail.shown(hero), marker(corail, hero)) == (["2026-12-02"], before)
    (back,) = corail.events(hero)
    kept = ("", []) if emptied else ("Clés chez la gardienne", ["Vacances"])
    assert (note(corail, hero), back["categories"]) == kept
    assert planned_undo(corail, run).changes == ()


@everywhere
def test_the_undo_of_an_undo_brings_everything_back(corail: Corail, hero: int) -> None:
    first = corail.sync(hero)
    before = (corail.shown(hero), corail.marked())
    back = undone(corail, first.run)
    assert corail.events(hero) == []
    again = undone(corail, back.run)
    assert (again.created, (corail.shown(hero), corail.marked())) == (1, before)
    assert planned_undo(corail, back.run).changes == ()


@everywhere
def test_a_mailbox_that_cannot_be_read_is_planned_for_by_the_next_undo(corail: Corail, hero: int) -> None:
    other = corail.case("half-day-am").person
    run = corail.sync(hero, other).run
    out_of_reach(corail, hero)
    seen = planned_undo(corail, run)
    assert [change.employee for change in seen.changes] == [other]
    assert [row.employee for row in seen.unreadable] == [hero]
    assert sync.exit_of_plan(seen) == 1
    corail.apply(seen)
    assert (corail.events(other), len(corail.events(hero)), state(corail)) == ([], 1, "paused")
    within_reach(corail, hero)
    rest = planned_undo(corail, run)
    assert ([change.employee for change in rest.changes], rest.skipped) == ([hero], ())
    assert (corail.apply(rest).deleted, corail.marked(), state(corail)) == (1, [], "draft")


@everywhere
def test_a_calendar_that_refuses_us_altogether_ends_with_its_own_code(corail: Corail, hero: int) -> None:
    run = corail.sync(hero).run
    corail.fault(provider_of(corail, hero), "certificate", times=None, value="self-signed")
    seen = planned_undo(corail, run)
    assert (seen.changes, len(seen.unreadable), sync.exit_of_plan(seen)) == ((), 1, 7)


def test_a_run_that_was_cut_off_is_judged_by_what_the_calendars_show(
    corail: Corail, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(act, "FLUSH", 10)
    seen = corail.plan(since="start")

    def press() -> None:
        corail.clock.interrupt = "now"

    posted = lambda entry: entry.method == "POST" and len(corail.calls("google", "POST")) == 15  # noqa: E731
    with corail.upon(posted, press), pytest.raises(KeyboardInterrupt):
        corail.apply(seen)
    written = len(corail.marked())
    with corail.session() as session:
        (run,) = session.ledger.runs("corail", 1)
        numbers = [one.id for one in session.ledger.changes(run.id)]
        with session.ledger._writing() as connection:  # as a killed process leaves them
            connection.exec_driver_sql("UPDATE changes SET status = 'started', event_id = '', etag = ''")
    assert 0 < written < len(seen.changes)
    assert len(numbers) >= written
    corail.clock.sleep(timedelta(minutes=3).total_seconds())
    result = undone(corail, run.id)
    assert (result.deleted, corail.marked(), state(corail)) == (written, [], "draft")


def test_a_run_whose_process_was_killed_is_taken_back_to_the_last_event(tmp_path: Path) -> None:
    with Corail(tmp_path, today=None) as corail:
        seen = corail.plan(since="start")
        corail.fault("google", "silence", method="POST", path="/calendar/*", after=12, value="after")
        struck = threading.Event()
        command = [sys.executable, "-m", "figgo_ops", "apply", str(seen.file), "--confirm", seen.checksum]
        surroundings = {k: v for k, v in os.environ.items() if not k.startswith("FIGGO_OPS")}
        with corail.upon(lambda entry: entry.fault == "silence", struck.set):
            child = subprocess.Popen(
                [*command, "--home", str(corail.home.path)],
                env=surroundings,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            assert struck.wait(60), "the child never came to its thirteenth event"
            child.kill()
            assert child.wait(20) == -signal.SIGKILL
        written = len(corail.marked())
        with corail.session() as session:
            (run,) = session.ledger.runs("corail", 1)
        assert (run.ended, 0 < written < seen.count("create")) == (None, True)
        corail.clock.sleep(timedelta(minutes=11).total_seconds())
        result = undone(corail, run.id)
        assert (result.deleted, corail.marked(), sync.exit_of(result)) == (written, [], 0)
        assert state(corail) == "draft"


def test_an_undo_that_was_cut_off_is_finished_by_the_next_one(
    corail: Corail, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(act, "FLUSH", 10)
    run = corail.load().run
    seen = planned_undo(corail, run)

    def press() -> None:
        corail.clock.interrupt = "now"

    gone = lambda entry: entry.method == "DELETE" and len(corail.calls("google", "DELETE")) == 15  # noqa: E731
    with corail.upon(gone, press), pytest.raises(KeyboardInterrupt):
        confirmed(corail, seen)
    assert 0 < len(corail.marked()) < 65
    with corail.session() as session, session.ledger._writing() as connection:
        # As if it had been killed: what it set out to do has no outcome.
        connection.exec_driver_sql("UPDATE changes SET status = 'started' WHERE reason = 'undone'")
    corail.clock.sleep(timedelta(minutes=3).total_seconds())
    again = planned_undo(corail, run)
    assert again.skipped == ()
    confirmed(corail, again)
    assert (corail.marked(), state(corail)) == ([], "draft")


@everywhere
def test_an_event_edited_between_plan_and_apply_is_stale_and_stays(corail: Corail, hero: int) -> None:
    seen = planned_undo(corail, corail.sync(hero).run)
    corail.owner(hero).rename(corail.event_id(hero), "Ski")
    result = corail.apply(seen)
    assert (len(result.stale), sync.exit_of(result)) == (1, 1)
    assert (corail.shown(hero), state(corail)) == (["2026-12-02 Ski"], "paused")


def test_an_undo_plan_is_good_for_a_day_and_names_the_command_that_makes_it_again(
    corail: Corail, hero: int
) -> None:
    run = corail.sync(hero).run
    seen = planned_undo(corail, run)
    corail.clock.sleep(timedelta(hours=25).total_seconds())
    with pytest.raises(Refused) as caught:
        corail.apply(seen)
    assert caught.value.remedy == f"Make it again: figgo-ops undo {run}"
    assert len(corail.events(hero)) == 1


def test_an_undo_waits_for_whoever_holds_the_tenant_or_the_mailbox(corail: Corail, hero: int) -> None:
    seen = planned_undo(corail, corail.sync(hero).run)
    with corail.session() as session:
        session.ledger.take(["tenant:corail"], "another", 90, corail.clock.now())
    with pytest.raises(TenantBusy):
        corail.apply(seen)
    corail.clock.sleep(120)
    with corail.session() as session:
        name = f"mailbox:corail/google/{corail.mail(hero)}"
        session.ledger.take([name], "serve/1", 90, corail.clock.now())
    assert [row.employee for row in corail.apply(seen).failed] == [hero]
    assert len(corail.events(hero)) == 1
    corail.clock.sleep(120)
    assert corail.apply(seen).deleted == 1


@everywhere
def test_a_copy_that_the_owner_made_stays_where_the_original_goes(corail: Corail, hero: int) -> None:
    run = corail.sync(hero).run
    original = corail.event_id(hero)
    copy = corail.owner(hero).copy(original)
    undone(corail, run)
    assert [event["id"] for event in corail.events(hero)] == [copy["id"]]


def test_a_run_nobody_knows_and_one_that_wrote_nothing_are_refused_with_the_next_step(
    corail: Corail, hero: int
) -> None:
    with pytest.raises(UsageError, match="knows no run 2026-nothing"):
        planned_undo(corail, "2026-nothing")
    wrote, idle = corail.sync(hero).run, corail.sync(hero).run
    with pytest.raises(Refused, match="wrote nothing for corail") as caught:
        planned_undo(corail, idle)
    assert caught.value.remedy == f"The last run that wrote: figgo-ops undo {wrote}"
    assert state(corail) == "active", "what is refused pauses nobody"


def test_while_paused_only_what_takes_back_or_resumes_is_written(corail: Corail, hero: int) -> None:
    corail.sync(hero)
    ordinary = corail.plan(corail.case("half-day-am").person)
    planned_undo(corail, cancelled_sync_of(corail))
    with pytest.raises(Refused, match="corail is paused"):
        corail.apply(ordinary)
    looked = corail.plan(corail.case("half-day-am").person)
    assert "figgo-ops resume corail" in looked.refused[0], "looking is always allowed"


def cancelled_sync_of(corail: Corail) -> str:
    corail.sync(corail.case("pending").person)
    return cancelled_sync(corail)


def test_resume_shows_what_would_come_back_and_applying_it_makes_the_tenant_active(
    corail: Corail, hero: int
) -> None:
    other = corail.case("half-day-am").person
    corail.sync(other)
    undone(corail, corail.sync(hero).run)
    seen = planned_resume(corail)
    assert hero in {change.employee for change in seen.changes}
    assert (seen.window.first, state(corail)) == (date(2026, 5, 1), "paused")
    result = corail.apply(seen)
    assert (corail.shown(hero), state(corail)) == (["2026-12-02"], "active")
    assert result.notes == ["corail is active again."]
    assert corail.sync().written == 0


def test_resume_with_nothing_to_do_makes_the_tenant_active_too(corail: Corail) -> None:
    run = corail.load().run
    planned_undo(corail, run)
    assert state(corail) == "paused"
    seen = planned_resume(corail)
    assert (seen.changes, seen.unchanged) == ((), 65)
    assert (corail.apply(seen).written, state(corail)) == (0, "active")


def test_resume_of_a_tenant_that_is_not_paused_is_refused(corail: Corail) -> None:
    with pytest.raises(Refused, match="corail is active, not paused") as caught:
        planned_resume(corail)
    assert caught.value.remedy == "figgo-ops plan corail"


@pytest.mark.parametrize("edits", ["restore", "respect"])
def test_an_edit_that_a_run_wrote_over_comes_back_whatever_the_tenant_does_with_edits(
    corail: Corail, hero: int, edits: str
) -> None:
    corail.sync(hero)
    if edits == "respect":
        respect(corail)
    corail.owner(hero).move(corail.event_id(hero), "2026-12-09", "2026-12-11")
    run = corail.sync(hero).run
    assert corail.shown(hero) == ["2026-12-02"]
    undone(corail, run)
    assert corail.shown(hero) == ["2026-12-09..2026-12-10"]
    corail.apply(planned_resume(corail))
    assert corail.shown(hero) == ["2026-12-02"], "dates are never respected"


@everywhere
def test_what_an_undo_removed_is_not_taken_for_a_deletion_by_its_owner(corail: Corail, hero: int) -> None:
    respect(corail)
    undone(corail, corail.sync(hero).run)
    assert state(corail) == "draft"
    assert corail.load(hero).created == 1
    assert corail.shown(hero) == ["2026-12-02"]


def test_a_deletion_that_is_respected_stays_respected_through_undo_and_resume(
    corail: Corail, hero: int
) -> None:
    respect(corail)
    corail.sync(corail.case("half-day-am").person)
    run = corail.sync(hero).run
    corail.owner(hero).delete(corail.event_id(hero))
    seen = planned_undo(corail, run)
    assert (seen.changes, seen.skipped) == ((), ())
    assert hero not in {change.employee for change in planned_resume(corail).changes}


def test_an_undo_that_is_confirmed_after_all_pauses_the_tenant_again(corail: Corail, hero: int) -> None:
    other = corail.sync(corail.case("half-day-am").person)
    seen = planned_undo(corail, corail.sync(hero).run)
    corail.apply(planned_resume(corail))
    assert (other.created, state(corail)) == (1, "active")
    corail.apply(seen)
    assert (corail.events(hero), state(corail)) == ([], "paused")
