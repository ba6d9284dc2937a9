"""Copies that the customer's own mail migration brought along: recognised, whatever it lost on the way."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from figgo_ops import sync
from figgo_ops.plan import Plan
from tests.moving import google_for, held, migrated, notified, owner_at, planned_move, shown_at, standing
from tests.rehearsal import GENEVA, Corail, key_of

WEEK, SISTER = 107, 110
"""Two people of Geneva with one week off each."""
SHOWN = {WEEK: ["2027-01-04..2027-01-08"]}


@pytest.fixture
def corail(tmp_path: Path) -> Iterator[Corail]:
    """Two people are loaded into Exchange, and Google has mailboxes for them."""
    with Corail(tmp_path) as made:
        made.load(WEEK, SISTER)
        google_for(made, WEEK, SISTER)
        yield made


def said(plan: Plan, number: int = WEEK) -> list[tuple[str, str, str]]:
    """What a plan would do for somebody."""
    mine = (one for one in plan.changes if one.employee == number)
    return [(one.action, one.reason, one.mailbox.calendar) for one in mine]


def ends(corail: Corail, seen: Plan, number: int = WEEK) -> None:
    """Applied, everything stands once, at Google, and the next plan has nothing to do."""
    result = corail.apply(seen)
    assert (sync.exit_of(result), result.stale, result.failed) == (0, [], [])
    assert (shown_at(corail, "google", WEEK), standing(corail, "exchange", number)) == (SHOWN, [])
    assert len(standing(corail, "google", number)) == 1
    assert corail.plan(WEEK, SISTER, since="start").changes == ()
    assert notified(corail) == []


def test_a_copy_that_kept_its_marker_is_the_event_and_the_old_one_goes(corail: Corail) -> None:
    (copy,) = migrated(corail, WEEK)
    seen = planned_move(corail, "google", GENEVA)
    assert said(seen) == [("remove", "replacement", "exchange")]
    assert said(seen, SISTER)[0] == ("create", "replacement", "google")
    ends(corail, seen)
    assert [one["id"] for one in held(corail, "google", WEEK)] == [copy]


def test_of_copies_that_came_twice_one_stays(corail: Corail) -> None:
    migrated(corail, WEEK)
    migrated(corail, WEEK)
    seen = planned_move(corail, "google", GENEVA)
    assert sorted(said(seen)) == [("remove", "duplicate", "google"), ("remove", "replacement", "exchange")]
    ends(corail, seen)


def test_a_copy_that_lost_its_marker_holds_its_mailbox_until_somebody_answers(corail: Corail) -> None:
    (copy,) = migrated(corail, WEEK, marker=True)
    seen = planned_move(corail, "google", GENEVA)
    assert (said(seen), sync.exit_of_plan(seen)) == ([], 3)
    (refused,) = seen.refused
    move = f"figgo-ops move corail --to google --legal-entity {GENEVA} --look-alikes"
    assert f"{move} adopt" in refused
    assert f"{move} ignore" in refused
    first = corail.apply(seen)
    assert (first.created, first.deleted) == (1, 1), "the sister's"
    assert shown_at(corail, "exchange", WEEK) == SHOWN

    answered = planned_move(corail, "google", GENEVA, look_alikes="adopt")
    assert said(answered) == [("update", "adopted", "google"), ("remove", "replacement", "exchange")]
    ends(corail, answered)
    assert [one["id"] for one in held(corail, "google", WEEK)] == [copy]


def test_ours_are_written_beside_copies_that_shall_be_ignored(corail: Corail) -> None:
    (copy,) = migrated(corail, WEEK, marker=True)
    seen = planned_move(corail, "google", GENEVA, look_alikes="ignore")
    assert said(seen) == [("create", "replacement", "google"), ("remove", "replacement", "exchange")]
    result = corail.apply(seen)
    assert (sync.exit_of(result), standing(corail, "exchange", WEEK)) == (0, [])
    events = held(corail, "google", WEEK)
    assert [(one["id"] == copy, key_of(one) == "") for one in events] in (
        [(True, True), (False, False)],
        [(False, False), (True, True)],
    )


@pytest.mark.parametrize("marker", [False, True], ids=["marker kept", "marker lost"])
def test_a_copy_with_the_same_icalendar_uid_may_be_the_same_mailbox_and_nothing_goes(
    corail: Corail, marker: bool
) -> None:
    migrated(corail, WEEK, uid=False, marker=marker)
    seen = planned_move(corail, "google", GENEVA, look_alikes="adopt")
    assert ("remove", "replacement", "exchange") not in said(seen)
    assert any(note.startswith("1 events stand") and "stay in the old one" in note for note in seen.notes)
    result = corail.apply(seen)
    assert (sync.exit_of(result), result.stale) == (0, [])
    assert shown_at(corail, "google", WEEK) == shown_at(corail, "exchange", WEEK) == SHOWN
    assert corail.plan(WEEK, since="start").changes == ()


def test_a_mailbox_that_the_migration_took_away_is_information(corail: Corail) -> None:
    migrated(corail, WEEK)
    corail.stage.exchange.set_state(corail.mail(WEEK), "unknown")
    seen = planned_move(corail, "google", GENEVA)
    assert (said(seen), sync.exit_of_plan(seen)) == ([], 0)
    assert any(
        note.startswith("1 former mailbox is gone; their people have another one now: ")
        for note in seen.notes
    )
    result = corail.apply(seen)
    assert (sync.exit_of(result), shown_at(corail, "google", WEEK)) == (0, SHOWN)


def test_a_mailbox_that_the_migration_emptied_asks_nobody_for_a_word(corail: Corail) -> None:
    """Three events and more that vanish would hold any other mailbox."""
    people = [103, 79, 70]
    corail.load(*people)
    google_for(corail, *people)
    for number in people:
        for event in held(corail, "exchange", number):
            owner_at(corail, "exchange", number).delete(event["id"])
    with corail.session() as session:
        session.ledger.note_listing(
            "corail",
            dict.fromkeys(session.ledger.last_listing("corail"), (3, None)),
            corail.clock.now(),
        )
    seen = planned_move(corail, "google", GENEVA)
    assert (seen.refused, seen.unreadable) == ((), ())
    result = corail.apply(seen)
    assert (sync.exit_of(result), len(standing(corail, "google", *people))) == (0, 6)
    assert sync.exit_of(corail.sync(*people)) == 0, "and none that comes later"


def test_what_was_respected_as_deleted_comes_back_and_is_counted(corail: Corail) -> None:
    corail.rewrite('hand_edits = "restore"', 'hand_edits = "respect"')
    (event,) = held(corail, "exchange", WEEK)
    owner_at(corail, "exchange", WEEK).delete(event["id"])
    assert corail.plan(WEEK, since="start").changes == ()
    seen = planned_move(corail, "google", GENEVA)
    assert any(note.startswith("1 events missing from the old calendar") for note in seen.notes)
    assert said(seen) == [("create", "new", "google")]
