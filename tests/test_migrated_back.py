"""Mailboxes that the customer migrates just before, while or after their people are moved elsewhere."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from figgo_ops import audit, sync
from tests.hybrid import CLOUD, SERVER, Hybrid
from tests.moving import google_for, held, planned_move, shown_at, standing
from tests.rehearsal import ANTILLES, GENEVA, Corail

WEEK = 107
SHOWN = {WEEK: ["2027-01-04..2027-01-08"]}


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Hybrid]:
    """Everyone's mailbox is on the server, as the tenant file says."""
    with Hybrid(tmp_path) as made, made.connected():
        yield made


def many(company: Hybrid) -> int:
    """Somebody with three events and more, all of leaves that were approved."""
    number = company.case("whole-day").person
    for day in (8, 15, 22):
        company.stage.approve(company.stage.request_leave(number, date(2027, 3, day)).id)
    return number


def back(company: Hybrid, number: int) -> None:
    """The customer moves a mailbox from the cloud to the server again."""
    company.cloud.migrate(company.mail(number), company.server)
    company.server.elsewhere.discard(company.mail(number))
    company.cloud.elsewhere.add(company.mail(number))


@pytest.mark.parametrize("cleared", [True, False], ids=["by us", "by somebody else"])
def test_a_mailbox_that_comes_back_empty_is_held_unless_we_took_the_events(
    company: Hybrid, cleared: bool
) -> None:
    """They went while it was in the cloud; the server's last listing, from before, still had them."""
    number = many(company)
    company.load(number)
    keys = company.keys(number)[SERVER]
    company.migrate(number)
    company.clock.sleep(60)
    assert company.sync(number, since="start").written == 0
    if cleared:
        company.cancel(number)
        assert company.sync(number, since="start").deleted == len(keys)
    else:
        company.cloud.shelves[company.mail(number)].live.clear()
    back(company, number)
    result = company.sync(number)
    assert sync.exit_of(result) == (0 if cleared else 3), result.unreadable
    assert any("lists none of our events" in str(row.error) for row in result.unreadable) != cleared
    assert company.keys(number).get(CLOUD, []) == []


@pytest.fixture
def corail(tmp_path: Path) -> Iterator[Corail]:
    """Geneva is loaded into Exchange, and Google has mailboxes for it."""
    with Corail(tmp_path) as made:
        made.load(*made.members(GENEVA))
        google_for(made)
        yield made


def ends(corail: Corail) -> None:
    """Everything stands once, at Google, and neither a sync nor an audit has anything to say."""
    people = corail.members(GENEVA)
    assert shown_at(corail, "google", WEEK) == SHOWN
    assert [standing(corail, door, *people) for door in ("exchange", "microsoft365")] == [[], []]
    result = corail.sync(*people, since="start")
    assert (sync.exit_of(result), result.written, result.unreadable) == (0, 0, [])
    with corail.session() as session:
        assert audit.audit(session, sync.Ask(legal_entities=(GENEVA,))).exit == 0


def test_what_is_left_in_a_mailbox_that_was_migrated_before_the_move_goes_all_the_same(
    corail: Corail,
) -> None:
    """No run saw it there before, so only its family can tell where it is."""
    corail.stage.migrate(corail.mail(WEEK))
    seen = planned_move(corail, "google", GENEVA)
    mine = [(one.action, one.mailbox.calendar) for one in seen.changes if one.employee == WEEK]
    assert mine == [("create", "google"), ("remove", "microsoft 365")]
    result = corail.apply(seen)
    assert (sync.exit_of(result), result.created, result.deleted) == (0, 17, 17)
    ends(corail)


def test_what_was_migrated_between_the_look_and_the_move_is_stale_and_goes_with_the_next_sync(
    corail: Corail,
) -> None:
    seen = planned_move(corail, "google", GENEVA)
    corail.stage.migrate(corail.mail(WEEK))
    result = corail.apply(seen)
    assert (result.created, result.deleted, [row.employee for row in result.stale]) == (17, 16, [WEEK])
    assert len(held(corail, "microsoft365", WEEK)) == 1
    with corail.session() as session:
        found = audit.audit(session, sync.Ask(legal_entities=(GENEVA,)))
    assert found.counts["wrong-mailbox"] == 1
    assert corail.sync(*corail.members(GENEVA)).deleted == 1
    ends(corail)


def test_a_mailbox_that_was_left_and_is_migrated_afterwards_holds_nobody_up(tmp_path: Path) -> None:
    """The calendar that we know it by has it no more; the one that has it was never asked for it."""
    with Corail(tmp_path) as corail:
        people = [number for number in corail.members(ANTILLES) if corail.person(number).mail]
        corail.load(*people)
        for number in people:
            corail.stage.google.add_user(corail.mail(number), zone="America/Martinique")
        moved = corail.apply(planned_move(corail, "google", ANTILLES))
        assert moved.created == moved.deleted > 0
        for number in people:
            corail.stage.migrate(corail.mail(number), online=False)
        result = corail.sync(*people, since="start")
        assert (sync.exit_of(result), result.written, result.unreadable) == (0, 0, [])
