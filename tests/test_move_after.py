"""What follows a move: taking it back, leaving, asking why, and what the ledger keeps of it."""

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from figgo_ops import sync
from figgo_ops.explaining import explain
from figgo_ops.explaining.trace import Ask
from figgo_ops.planfile import Confirmed, load
from figgo_ops.result import Result
from tests.moving import (
    google_for,
    held,
    notified,
    owner_at,
    planned_move,
    routing,
    ruled,
    shown_at,
    standing,
)
from tests.rehearsal import GENEVA, Corail
from tests.taking import confirmed, offboarded, planned_resume, planned_undo, state

WEEK, SISTER = 107, 110
"""Two people of Geneva with one week off each."""
PEOPLE = (WEEK, SISTER)


@pytest.fixture
def corail(tmp_path: Path) -> Iterator[Corail]:
    """Two people are loaded into Exchange, and Google has mailboxes for them."""
    with Corail(tmp_path) as made:
        made.load(*PEOPLE)
        google_for(made, *PEOPLE)
        yield made


def moved(corail: Corail) -> Result:
    return corail.apply(planned_move(corail, "google", GENEVA))


def test_a_run_that_moved_says_what_the_file_says_now_and_how_to_go_back(corail: Corail) -> None:
    result = moved(corail)
    assert any(str(corail.file) in note and "google from now on" in note for note in result.notes)
    assert f"To move back: figgo-ops move corail --to exchange --legal-entity {GENEVA}" in result.notes


def test_where_only_the_file_can_say_who_moved_the_run_tells_what_it_said(corail: Corail) -> None:
    ruled(corail, google={"legal_entities": (1,)}, exchange={})
    result = corail.apply(planned_move(corail, "google"))
    assert (
        "Before that it said: google: legal_entities = [1], not retired; exchange: no rule, not retired"
        in (result.notes)
    )


def test_a_move_is_taken_back_whole_but_for_the_routing_which_is_told(corail: Corail) -> None:
    before = shown_at(corail, "exchange", *PEOPLE)
    run = moved(corail).run
    seen = planned_undo(corail, run)
    assert [(one.action, one.mailbox.calendar) for one in seen.changes if one.employee == WEEK] == [
        ("create", "exchange"),
        ("remove", "google"),
    ]
    assert len({one.unit for one in seen.changes if one.employee == WEEK}) == 1, "both or neither"
    (note,) = (note for note in seen.notes if "was a move" in note)
    assert "exchange: legal_entities = [2], not retired" in note
    undone = confirmed(corail, seen)
    assert note in undone.notes
    assert (undone.created, undone.deleted, sync.exit_of(undone)) == (2, 2, 0)
    assert (shown_at(corail, "exchange", *PEOPLE), standing(corail, "google", *PEOPLE)) == (before, [])
    assert (routing(corail)["exchange"], state(corail)) == (((), True), "paused")

    entities = routing(corail)["google"][0]
    left = {"legal_entities": tuple(one for one in entities if one != GENEVA)}
    ruled(corail, google=left, exchange={"legal_entities": (GENEVA,)})
    resumed = planned_resume(corail)
    assert [one for one in resumed.changes if one.employee in PEOPLE] == []
    assert notified(corail) == []


def test_an_event_that_its_owner_changed_at_the_new_provider_is_not_taken_back_by_halves(
    corail: Corail,
) -> None:
    run = moved(corail).run
    owner_at(corail, "google", WEEK).rename(str(held(corail, "google", WEEK)[0]["id"]), "Ski")
    seen = planned_undo(corail, run)
    assert {one.employee for one in seen.changes} == {SISTER}
    confirmed(corail, seen)
    assert standing(corail, "exchange", WEEK) == []
    assert len(held(corail, "google", WEEK)) == 1


def test_what_a_move_removed_for_good_comes_back_whatever_became_of_what_it_wrote(tmp_path: Path) -> None:
    """The two passes number their units each for itself."""
    with Corail(tmp_path) as corail:
        corail.load(WEEK)
        google_for(corail, WEEK)
        corail.cancel(WEEK)
        request = corail.stage.request_leave(WEEK, date(2026, 12, 2), date(2026, 12, 2), "Congés payés")
        while request.awaited:
            corail.stage.approve(request.id)
        result = moved(corail)
        assert (result.created, result.deleted) == (1, 1)
        owner_at(corail, "google", WEEK).rename(str(held(corail, "google", WEEK)[0]["id"]), "Ski")
        confirmed(corail, planned_undo(corail, result.run))
        assert shown_at(corail, "exchange", WEEK) == {WEEK: ["2027-01-04..2027-01-08"]}
        assert shown_at(corail, "google", WEEK) == {WEEK: ["2026-12-02 Ski"]}


def test_off_boarding_after_a_move_reaches_the_retired_calendar_too(corail: Corail) -> None:
    corail.sync(*PEOPLE)
    corail.load()
    seen = planned_move(corail, "google", GENEVA)
    corail.fault("exchange", "status", path="*/DeleteItem", value=500, times=None)
    corail.apply(seen)
    assert standing(corail, "exchange", WEEK)
    corail.stage.faults.clear()
    corail.clock.sleep(700)
    gone = offboarded(corail)
    assert gone.certificate is not None
    assert gone.certificate["complete"]
    assert corail.marked() == []


def test_who_asks_about_a_leave_hears_of_the_calendar_it_is_in_and_the_one_it_was_in(corail: Corail) -> None:
    moved(corail)
    with corail.session() as session:
        found = explain.explain(session, Ask(str(WEEK), "2027-01-05", ""))
    assert (found.reason.verdict, found.mailbox) == ("shown", f"{corail.mail(WEEK)} (google)")
    assert f"written to before: {corail.mail(WEEK)} (exchange)" in found.resolved


def test_addresses_of_a_plan_are_in_its_file_and_not_kept_with_the_run(corail: Corail) -> None:
    seen = planned_move(corail, "google", GENEVA)
    assert seen.file is not None
    assert corail.mail(WEEK) in seen.file.read_text()
    run = corail.apply(seen).run
    with corail.session() as session:
        kept = json.dumps(session.ledger.run(run).parameters)
    assert (corail.mail(WEEK) in kept, '"to": "google"' in kept) == (False, True)


def test_the_command_that_makes_a_move_again_is_the_one_that_was_typed(corail: Corail) -> None:
    seen = planned_move(corail, "google", GENEVA, look_alikes="adopt")
    assert seen.file is not None
    asked: Confirmed = load(seen.file)
    again = f"figgo-ops move corail --to google --legal-entity {GENEVA} --look-alikes adopt"
    assert asked.again == again


def test_a_retired_calendar_is_not_asked_about_people_whom_it_never_knew(corail: Corail) -> None:
    moved(corail)
    corail.forget_calls()
    person = corail.stage.hire("Zoé", "Genevois", GENEVA, "zoe.genevois@corail-suisse.example")
    google_for(corail, person.id)
    assert corail.sync(person.id).written == 0
    assert corail.calls("exchange") == []
