"""Moving people to another calendar: what is looked at, what is written, and only then what goes."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from figgo_ops import audit, sync
from figgo_ops.errors import Refused, UsageError
from figgo_ops.move import NOT_PROVEN
from figgo_ops.plan import Plan
from figgo_ops.sandbox.messages import Entry
from tests.moving import (
    at,
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
from tests.rehearsal import ANTILLES, GENEVA, Corail

WEEK = 107
"""Somebody of Geneva with one week off, 4 to 8 January 2027."""
Rules = dict[str, tuple[tuple[int, ...], bool]]
DAYS = ["2027-01-04..2027-01-08"]


@pytest.fixture
def corail(tmp_path: Path) -> Iterator[Corail]:
    """Geneva is loaded into Exchange, and Google has mailboxes for it."""
    with Corail(tmp_path) as made:
        made.load(*made.members(GENEVA))
        google_for(made)
        yield made


def geneva(corail: Corail) -> list[int]:
    """Everyone of Geneva whom both providers have."""
    return [number for number in corail.members(GENEVA) if number != corail.case("mailbox-unknown").person]


def after(before: Rules) -> Rules:
    """The routing once Geneva is Google's."""
    (entities, _), exchange = before["google"], before["exchange"]
    assert exchange == ((GENEVA,), False)
    return before | {"google": ((*entities, GENEVA), False), "exchange": ((), True)}


def audited(corail: Corail) -> audit.Audit:
    with corail.session() as session:
        return audit.audit(session, sync.Ask())


def lose_the_ledger(corail: Corail) -> None:
    for path in corail.home.path.glob("ledger.db*"):
        path.unlink()


def counts(plan: Plan) -> tuple[int, int, int]:
    return plan.count("create"), plan.count("update"), plan.count("remove")


def test_geneva_moves_to_google_and_back_and_every_calendar_is_as_before(tmp_path: Path) -> None:
    with Corail(tmp_path) as corail:
        corail.load()
        google_for(corail)
        people = geneva(corail)
        others = set(corail.marked()) - set(standing(corail, "exchange", *people))
        before = routing(corail)
        shown, keys = shown_at(corail, "exchange", *people), standing(corail, "exchange", *people)
        assert len(keys) == 17

        there = corail.apply(planned_move(corail, "google", GENEVA))
        assert (there.created, there.updated, there.deleted, sync.exit_of(there)) == (17, 0, 17, 0)
        assert (standing(corail, "google", *people), standing(corail, "exchange", *people)) == (keys, [])
        assert shown_at(corail, "google", *people) == shown
        assert routing(corail) == after(before)
        assert corail.plan(since="start").changes == ()
        assert corail.sync().written == 0
        found = audited(corail)
        assert (found.exit, set(found.counts)) == (0, {"in-order", "absent"}), "Côme never had a mailbox"

        back = corail.apply(planned_move(corail, "exchange", GENEVA))
        assert (back.created, back.updated, back.deleted, sync.exit_of(back)) == (17, 0, 17, 0)
        assert (standing(corail, "google", *people), standing(corail, "exchange", *people)) == ([], keys)
        assert shown_at(corail, "exchange", *people) == shown
        assert routing(corail) == before
        assert corail.plan(since="start").changes == ()
        assert audited(corail).exit == 0
        assert set(corail.marked()) == others | set(keys)
        assert notified(corail) == []


class TestTheLook:
    def test_a_plan_shows_what_comes_and_what_goes_and_writes_nothing(self, corail: Corail) -> None:
        before, file = corail.picture(), corail.file.read_bytes()
        corail.forget_calls()
        seen = planned_move(corail, "google", GENEVA)
        assert (counts(seen), seen.kind, sync.exit_of_plan(seen)) == ((17, 0, 17), "move", 0)
        assert {one.mailbox.calendar for one in seen.changes if one.action == "create"} == {"google"}
        gone = [one for one in seen.changes if one.action == "remove"]
        assert {(one.mailbox.calendar, one.reason, one.counted) for one in gone} == {
            ("exchange", "replacement", False)
        }
        assert (corail.picture(), corail.file.read_bytes(), corail.writes()) == (before, file, [])
        assert corail.plan(WEEK, since="start").changes == (), "the old routing holds until it is applied"

    def test_without_legal_entities_everyone_whom_another_calendar_reaches_moves(
        self, corail: Corail
    ) -> None:
        seen = planned_move(corail, "google")
        assert counts(seen) == (17, 0, 17)
        corail.apply(seen)
        assert {name for name, (_, retired) in routing(corail).items() if not retired} == {"google"}
        assert sorted(routing(corail)["google"][0]) == [1, GENEVA, ANTILLES]

    def test_what_owners_added_is_named_where_the_listing_tells_and_where_it_does_not(
        self, corail: Corail
    ) -> None:
        unsure = planned_move(corail, "google", GENEVA)
        assert any("17 events go from exchange" in note and "does not tell" in note for note in unsure.notes)
        corail.apply(unsure)
        owner = owner_at(corail, "google", WEEK)
        owner.annotate(str(held(corail, "google", WEEK)[0]["id"]), "Clés chez la gardienne")
        sure = planned_move(corail, "exchange", GENEVA)
        (note,) = (note for note in sure.notes if "events go from google" in note)
        assert "What the owners of 1 of them added" in note
        assert "for 30 days" in note

    def test_nothing_left_to_move_is_said_and_nothing_written(self, corail: Corail) -> None:
        corail.apply(planned_move(corail, "google", GENEVA))
        file = corail.file.read_bytes()
        corail.forget_calls()
        again = planned_move(corail, "google", GENEVA)
        assert (counts(again), sync.exit_of_plan(again)) == ((0, 0, 0), 0)
        assert any(note.startswith("Nothing is left to move") for note in again.notes)
        result = corail.apply(again)
        assert (result.written, corail.writes(), corail.file.read_bytes()) == (0, [], file)

    def test_mail_domains_are_joined_so_that_nobody_else_is_reached(self, corail: Corail) -> None:
        ruled(
            corail, google={"domains": ("corail.example",)}, exchange={"domains": ("corail-suisse.example",)}
        )
        seen = planned_move(corail, "google")
        corail.apply(seen)
        with corail.session() as session:
            assert session.tenant.calendar("google").domains == ("corail.example", "corail-suisse.example")
        assert not any("no calendar reached" in note for note in seen.notes)

    def test_people_whom_no_calendar_reached_before_are_counted(self, corail: Corail) -> None:
        ruled(corail, google={"domains": ("corail.example",)}, exchange={"legal_entities": (GENEVA,)})
        seen = planned_move(corail, "google")
        (note,) = (note for note in seen.notes if "no calendar reached" in note)
        assert int(note.split()[0]) > 5, "those of the Antilles"
        corail.apply(seen)
        with corail.session() as session:
            assert session.tenant.calendar("google").catches_all

    @pytest.mark.parametrize(
        ("to", "legal_entities", "says"),
        [
            ("gogle", (GENEVA,), "Did you mean google"),
            ("google", (99,), "Legal entity 99 has nobody"),
        ],
    )
    def test_a_calendar_or_legal_entity_that_there_is_not_is_refused(
        self, corail: Corail, to: str, legal_entities: tuple[int, ...], says: str
    ) -> None:
        with pytest.raises(UsageError, match=says):
            planned_move(corail, to, *legal_entities)

    def test_a_calendar_further_down_cannot_take_whom_an_earlier_one_keeps(self, corail: Corail) -> None:
        ruled(corail, google={"domains": ("corail-suisse.example",)}, exchange={"legal_entities": (5,)})
        with pytest.raises(UsageError, match="google stands before exchange and is for"):
            planned_move(corail, "exchange", GENEVA)
        ruled(corail, google={}, exchange={"legal_entities": (5,)})
        with pytest.raises(UsageError, match="google stands before exchange and is for everyone"):
            planned_move(corail, "exchange", GENEVA)

    @pytest.mark.parametrize(
        ("state", "code"),
        [("draft", "tenant-draft"), ("paused", "tenant-paused"), ("closed", "tenant-closed")],
    )
    def test_a_tenant_that_is_not_active_is_not_moved(self, corail: Corail, state: str, code: str) -> None:
        corail.rewrite('state = "active"', f'state = "{state}"')
        with pytest.raises(Refused) as caught:
            planned_move(corail, "google", GENEVA)
        assert (caught.value.code, caught.value.exit) == (code, 3)


class TestTheOrder:
    def test_nothing_goes_before_its_successor_was_read_back(self, corail: Corail) -> None:
        seen = planned_move(corail, "google", GENEVA)
        corail.forget_calls()
        corail.apply(seen)
        entries = corail.stage.log.entries()
        google = [n for n, one in enumerate(entries) if one.service == "google" and one.path != "/token"]
        created = [n for n in google if entries[n].method == "POST"]
        removed = [n for n, one in enumerate(entries) if one.path.endswith("/DeleteItem")]
        read = [n for n in google if entries[n].method == "GET"]
        assert len(created) == 17
        assert len(removed) >= 14
        for mailbox in {entries[n].principal for n in created}:
            last = max(n for n in created if entries[n].principal == mailbox)
            assert any(last < n < removed[0] for n in read if entries[n].principal == mailbox), mailbox

    def test_an_event_whose_successor_its_owner_changes_meanwhile_stays_and_is_told(
        self, corail: Corail
    ) -> None:
        seen = planned_move(corail, "google", GENEVA)

        def drag() -> None:
            (event,) = held(corail, "google", WEEK)
            owner_at(corail, "google", WEEK).move(str(event["id"]), "2027-01-11", "2027-01-16")

        with corail.upon(lambda entry: self._second_look(corail, entry), drag):
            result = corail.apply(seen)
        assert [(row.employee, row.action, row.error) for row in result.stale] == [
            (WEEK, "remove", NOT_PROVEN)
        ]
        assert (result.created, result.deleted, sync.exit_of(result)) == (17, 16, 1)
        assert shown_at(corail, "exchange", *geneva(corail)) == {WEEK: DAYS}
        assert corail.sync(WEEK).updated == 1
        assert corail.sync(WEEK).deleted == 1
        assert (shown_at(corail, "google", WEEK), standing(corail, "exchange", WEEK)) == ({WEEK: DAYS}, [])

    def _second_look(self, corail: Corail, entry: Entry) -> bool:
        """Whether this is the first question to Exchange once Google has everything."""
        return entry.path.endswith("/FindItem") and len(standing(corail, "google", *geneva(corail))) == 17

    def test_an_event_whose_successor_cannot_be_written_stays(self, corail: Corail) -> None:
        seen = planned_move(corail, "google", GENEVA)
        mail = corail.mail(WEEK)
        corail.fault(
            "google", "status", method="POST", principal=mail, path="/calendar/*", value=403, times=None
        )
        result = corail.apply(seen)
        assert [row.employee for row in result.failed] == [WEEK]
        assert [(row.employee, row.error) for row in result.stale] == [(WEEK, NOT_PROVEN)]
        assert (result.created, result.deleted, sync.exit_of(result)) == (16, 16, 1)
        assert shown_at(corail, "exchange", *geneva(corail)) == {WEEK: DAYS}
        corail.stage.faults.clear()
        assert corail.sync(*geneva(corail)).created == 1
        assert corail.sync(*geneva(corail)).deleted == 1
        assert standing(corail, "exchange", *geneva(corail)) == []

    def test_a_leave_cancelled_after_the_look_is_neither_written_nor_removed_by_that_plan(
        self, corail: Corail
    ) -> None:
        seen = planned_move(corail, "google", GENEVA)
        corail.cancel(WEEK)
        result = corail.apply(seen)
        assert {(row.employee, row.action) for row in result.stale} == {(WEEK, "create"), (WEEK, "remove")}
        assert (standing(corail, "google", WEEK), shown_at(corail, "exchange", WEEK)) == ([], {WEEK: DAYS})
        assert corail.sync(WEEK).deleted == 1
        assert standing(corail, "exchange", WEEK) == []

    def test_a_leave_cancelled_before_the_move_goes_from_the_old_calendar_with_it(
        self, corail: Corail
    ) -> None:
        corail.cancel(WEEK)
        seen = planned_move(corail, "google", GENEVA)
        assert [
            (one.action, one.reason, one.counted, one.mailbox) for one in seen.changes if one.employee == WEEK
        ] == [("remove", "cancelled", True, at(corail, "exchange", WEEK))]
        result = corail.apply(seen)
        assert (result.created, result.deleted, sync.exit_of(result)) == (16, 17, 0)

    def test_an_event_whose_leave_begins_later_now_goes_once_the_other_was_read_back(
        self, corail: Corail
    ) -> None:
        """Its successor has another key, and is proven in the second look all the same."""
        (period,) = (one for one in corail.stage.company.periods.values() if one.owner.id == WEEK)
        monday = date(2027, 1, 4)
        corail.stage.remove_half_days(period.id, [(monday, "AM"), (monday, "PM")])
        seen = planned_move(corail, "google", GENEVA)
        mine = [(one.action, one.reason, one.counted) for one in seen.changes if one.employee == WEEK]
        assert mine == [("create", "replacement", False), ("remove", "replacement", False)]
        corail.forget_calls()
        result = corail.apply(seen)
        assert (result.created, result.deleted, sync.exit_of(result)) == (17, 17, 0)
        entries = corail.stage.log.entries()
        first_removal = next(n for n, one in enumerate(entries) if one.path.endswith("/DeleteItem"))
        last_creation = max(
            n for n, one in enumerate(entries) if (one.service, one.method) == ("google", "POST")
        )
        assert last_creation < first_removal
        assert shown_at(corail, "google", WEEK) == {WEEK: ["2027-01-05..2027-01-08"]}
        assert standing(corail, "exchange", WEEK) == []

    def test_an_event_that_its_owner_shares_stays_where_it_is(self, corail: Corail) -> None:
        (event,) = held(corail, "exchange", WEEK)
        owner_at(corail, "exchange", WEEK).invite(event["id"], ["max.roux@corail.example"])
        seen = planned_move(corail, "google", GENEVA)
        assert ("taken-over", at(corail, "exchange", WEEK)) in [(f.verdict, f.mailbox) for f in seen.findings]
        result = corail.apply(seen)
        assert (result.created, result.deleted, sync.exit_of(result)) == (17, 16, 0)
        assert len(held(corail, "exchange", WEEK)) == 1
