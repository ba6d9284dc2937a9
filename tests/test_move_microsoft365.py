"""From Exchange to Microsoft 365: the customer migrates mailboxes, and the tenant file follows or leads."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from figgo_ops import audit, sync
from figgo_ops.explaining import explain
from figgo_ops.explaining.trace import Ask
from figgo_ops.plan import Plan
from tests.moving import notified, planned_move, routing
from tests.rehearsal import GENEVA, Corail

CLOUD = "microsoft 365"
WEEK = 107


@pytest.fixture
def corail(tmp_path: Path) -> Iterator[Corail]:
    """Geneva is loaded into Exchange."""
    with Corail(tmp_path) as made:
        made.load(*made.members(GENEVA))
        yield made


def migrate(corail: Corail, *people: int, how: str = "whole") -> None:
    """The company moves these people's mailboxes into the cloud."""
    for number in people:
        corail.stage.migrate(corail.mail(number), how=how)


def geneva(corail: Corail) -> list[int]:
    unknown = corail.case("mailbox-unknown").person
    return [number for number in corail.members(GENEVA) if number != unknown]


def waiting(plan: Plan) -> list[str]:
    return [note for note in plan.notes if f"are not at {CLOUD} yet" in note]


def in_order(corail: Corail, keys: list[str]) -> None:
    """Every event stands once, and neither a plan nor an audit has anything to say."""
    assert corail.marked() == keys
    assert corail.plan(*geneva(corail), since="start").changes == ()
    with corail.session() as session:
        found = audit.audit(session, sync.Ask(legal_entities=(GENEVA,)))
    assert (found.exit, found.counts["in-order"]) == (0, len(keys))
    assert notified(corail) == []


def test_migrated_mailboxes_are_recognised_and_nothing_is_written(corail: Corail) -> None:
    keys = corail.marked()
    migrate(corail, *geneva(corail))
    seen = planned_move(corail, CLOUD, GENEVA)
    assert (seen.changes, seen.unchanged, waiting(seen), sync.exit_of_plan(seen)) == ((), 17, [], 0)
    result = corail.apply(seen)
    assert (result.written, sync.exit_of(result)) == (0, 0)
    assert routing(corail)[CLOUD] == ((3, GENEVA), False)
    assert routing(corail)["exchange"] == ((), True)
    in_order(corail, keys)


def test_a_move_ahead_of_the_migration_leaves_everybody_where_they_are_and_says_so(corail: Corail) -> None:
    keys = corail.marked()
    seen = planned_move(corail, CLOUD, GENEVA)
    assert (seen.changes, sync.exit_of_plan(seen)) == ((), 0)
    (note,) = waiting(seen)
    assert note.startswith("17 mailboxes")
    assert not any("Nothing is left to move" in one for one in seen.notes)
    corail.apply(seen)
    in_order(corail, keys)
    migrate(corail, *geneva(corail)[:9])
    in_order(corail, keys)
    migrate(corail, *geneva(corail)[9:])
    in_order(corail, keys)


def test_former_mailboxes_are_counted_and_not_told_one_by_one(corail: Corail) -> None:
    migrate(corail, *geneva(corail))
    corail.apply(planned_move(corail, CLOUD, GENEVA))
    seen = corail.plan(*geneva(corail))
    assert any(
        note.startswith("14 former mailboxes are gone; their people have another one now: ")
        for note in seen.notes
    )
    assert seen.skipped == ()


def test_what_a_migration_stripped_of_its_markers_is_adopted(corail: Corail) -> None:
    keys, shown = corail.marked(), corail.picture()
    migrate(corail, *geneva(corail), how="stripped")
    asked = planned_move(corail, CLOUD, GENEVA)
    assert (asked.changes, sync.exit_of_plan(asked)) == ((), 3)
    answered = planned_move(corail, CLOUD, GENEVA, look_alikes="adopt")
    assert {(one.action, one.reason) for one in answered.changes} == {("update", "adopted")}
    result = corail.apply(answered)
    assert (result.updated, sync.exit_of(result)) == (17, 0)
    assert corail.picture() == shown
    in_order(corail, keys)


def test_of_what_a_migration_doubled_one_stays(corail: Corail) -> None:
    keys = corail.marked()
    migrate(corail, *geneva(corail), how="twice")
    result = corail.apply(planned_move(corail, CLOUD, GENEVA))
    assert (result.created, result.deleted, sync.exit_of(result)) == (0, 17, 0)
    in_order(corail, keys)


def test_what_a_migration_left_behind_is_written_anew(corail: Corail) -> None:
    keys, shown = corail.marked(), corail.picture()
    migrate(corail, *geneva(corail), how="empty")
    result = corail.apply(planned_move(corail, CLOUD, GENEVA))
    assert (result.created, result.deleted, sync.exit_of(result)) == (17, 0, 0)
    assert corail.picture() == shown
    in_order(corail, keys)


def test_who_asks_hears_where_the_mailbox_is(corail: Corail) -> None:
    migrate(corail, WEEK)
    corail.apply(planned_move(corail, CLOUD, GENEVA))
    with corail.session() as session:
        found = explain.explain(session, Ask(str(WEEK), "2027-01-05", ""))
    assert (found.reason.verdict, found.mailbox) == ("shown", f"{corail.mail(WEEK)} ({CLOUD})")


def test_moving_back_waits_for_the_mailboxes_too(corail: Corail) -> None:
    keys = corail.marked()
    migrate(corail, *geneva(corail))
    corail.apply(planned_move(corail, CLOUD, GENEVA))
    corail.apply(planned_move(corail, "exchange", GENEVA))
    assert routing(corail)["exchange"] == ((GENEVA,), False)
    in_order(corail, keys)
    for number in geneva(corail):
        corail.stage.migrate(corail.mail(number), online=False)
    in_order(corail, keys)
