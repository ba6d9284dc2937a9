"""A plan between looking and acting: the file that keeps it, and what still holds of it later."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from figgo_ops.diff import Difference, Seat
from figgo_ops.errors import Refused, UsageError
from figgo_ops.leaves import Leave
from figgo_ops.plan import Plan
from figgo_ops.planfile import Confirmed, Match, find, load, match, save
from tests.builders import ANNE, HOST, PARIS, TODAY, WINDOW, Company, days, leave, seat
from tests.calendars.memory import Owner

MAIL = str(ANNE.mail)
NOON = datetime(2026, 11, 22, 12, 30, 15, 123456, tzinfo=UTC)
WEEK = days("2026-12-07", "2026-12-11")
SHORTER = days("2026-12-08", "2026-12-11")
TYPED = replace(PARIS, show_type=True)


def anne(rows: list[Leave]) -> Seat:
    return seat(ANNE, rows, TYPED)


def confirmed(difference: Difference, **fields: Any) -> Confirmed:
    """What the file of this plan keeps."""
    plan = Plan("corail", HOST, "plan", NOON, TODAY, WINDOW, None, "policy 1", tuple(difference.changes))
    return Confirmed.of(replace(plan, **fields), {"accept_empty": False, "listed": {"1": 3}})


@pytest.fixture
def company() -> Company:
    """Anne's week off stands in her calendar as it should."""
    loaded = Company()
    loaded.load(anne(WEEK))
    return loaded


@pytest.fixture
def owner(company: Company) -> Owner:
    return company.calendar().owner(MAIL)


@pytest.fixture
def plan(company: Company) -> Confirmed:
    """The plan of a replacement and of one new leave."""
    return confirmed(company.plan(anne([*SHORTER, leave("2026-12-21A", 200)])))


class TestFile:
    def test_what_was_saved_is_what_is_loaded(self, plan: Confirmed, tmp_path: Path) -> None:
        assert load(save(plan, tmp_path)) == plan

    def test_a_plan_of_some_people_remembers_which(self, company: Company, tmp_path: Path) -> None:
        some = confirmed(company.plan(anne([])), selection=frozenset({7, 1}), refused=("above the limits",))
        loaded = load(save(some, tmp_path))
        assert (loaded.selection, loaded.refused) == (frozenset({1, 7}), ("above the limits",))

    def test_it_is_named_after_its_tenant_and_checksum(self, plan: Confirmed, tmp_path: Path) -> None:
        path = save(plan, tmp_path)
        assert path.name == f"corail-{plan.checksum}.json"
        assert [one.name for one in tmp_path.iterdir()] == [path.name]

    def test_nobody_but_its_owner_can_read_it(self, plan: Confirmed, tmp_path: Path) -> None:
        assert save(plan, tmp_path).stat().st_mode & 0o777 == 0o600

    def test_it_holds_keys_dates_and_digests_but_no_title(
        self, company: Company, owner: Owner, tmp_path: Path
    ) -> None:
        owner.edit(company.only(), title="Rendez-vous chez le médecin")
        owner.annotate(company.only(), note="chambre 12")
        text = save(confirmed(company.plan(anne(WEEK))), tmp_path).read_text(encoding="utf-8")
        assert f"{HOST}/1/100/20261207A" in text
        assert "2026-12-11" in text
        assert [word for word in ("Congés", "médecin", "chambre", "Lefèvre") if word in text] == []

    def test_the_same_plan_has_the_same_checksum(self, company: Company) -> None:
        first, second = (confirmed(company.plan(anne(SHORTER))) for _ in range(2))
        assert first.checksum == second.checksum

    def test_a_removal_at_several_places_counts_once(self, company: Company) -> None:
        once = confirmed(company.plan(anne([])))
        twice = replace(
            once, rows=once.rows + tuple(replace(row, mailbox="x@y.example") for row in once.rows)
        )
        assert (once.removals, twice.removals) == (1, 1)


class TestTrust:
    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("tenant", "autre"),
            ("host", "autre.ilucca.net"),
            ("kind", "undo"),
            ("made", "2026-11-23T12:30:15.123456+00:00"),
            ("today", "2026-11-23"),
            ("window", ["2020-01-01", "2028-05-15"]),
            ("selection", [1]),
            ("policy", "policy 2"),
            ("options", {"accept_empty": True, "listed": {"1": 3}}),
            ("refused", ["never"]),
            ("rows", []),
            ("checksum", "plan-000000000000"),
        ],
    )
    def test_a_file_that_was_edited_is_refused(
        self, plan: Confirmed, tmp_path: Path, field: str, value: object
    ) -> None:
        path = save(plan, tmp_path)
        document = json.loads(path.read_text(encoding="utf-8"))
        assert document[field] != value
        path.write_text(json.dumps(document | {field: value}), encoding="utf-8")
        with pytest.raises(Refused, match="was changed after it was written") as caught:
            load(path)
        assert caught.value.code == "plan-edited"

    def test_an_edit_of_any_field_of_any_row_is_noticed(self, plan: Confirmed, tmp_path: Path) -> None:
        path = save(plan, tmp_path)
        document = json.loads(path.read_text(encoding="utf-8"))
        for number, row in enumerate(document["rows"]):
            for name, value in row.items():
                rows = list(document["rows"])
                rows[number] = row | {name: f"{value}1" if isinstance(value, str) else value + 1}
                path.write_text(json.dumps(document | {"rows": rows}), encoding="utf-8")
                with pytest.raises(Refused):
                    load(path)

    def test_a_file_that_was_only_laid_out_anew_still_counts(self, plan: Confirmed, tmp_path: Path) -> None:
        path = save(plan, tmp_path)
        document = json.loads(path.read_text(encoding="utf-8"))
        path.write_text(json.dumps(document, sort_keys=True, indent=4), encoding="utf-8")
        assert load(path) == plan

    def test_a_file_that_was_cut_anywhere_is_no_plan(self, plan: Confirmed, tmp_path: Path) -> None:
        path = save(plan, tmp_path)
        whole = path.read_bytes().rstrip()
        for length in range(0, len(whole), 97):
            path.write_bytes(whole[:length])
            with pytest.raises(UsageError, match="not a plan file, or was cut off"):
                load(path)

    @pytest.mark.parametrize(
        "content", [b"[]", b"null", b"7", b"{}", b'"plan"', b'{"window": []}', b"\xff\xfe", b"<html></html>"]
    )
    def test_another_file_is_no_plan(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "other.json"
        path.write_bytes(content)
        with pytest.raises(UsageError, match=r"other\.json is not a plan file"):
            load(path)

    def test_a_file_that_is_not_there_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match=r"gone\.json cannot be read: No such file"):
            load(tmp_path / "gone.json")

    def test_a_folder_is_no_plan_file(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="cannot be read"):
            load(tmp_path)


class TestFinding:
    def test_a_plan_is_found_by_its_checksum(self, plan: Confirmed, tmp_path: Path) -> None:
        path = save(plan, tmp_path)
        assert find(tmp_path, plan.checksum) == path

    def test_a_checksum_that_no_plan_has_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(Refused, match="plan-0123456789ab") as caught:
            find(tmp_path, "plan-0123456789ab")
        assert caught.value.code == "plan-unknown"

    @pytest.mark.parametrize(
        "text", ["", "plan-", "plan-*", "plan-0123456789AB", "../plan-0123456789ab", "yes"]
    )
    def test_what_is_no_checksum_is_a_mistake(self, tmp_path: Path, text: str) -> None:
        with pytest.raises(UsageError, match="is not a plan's checksum"):
            find(tmp_path, text)


def in_short(found: Match) -> dict[str, list[str]]:
    """What becomes of the rows, as action and part."""
    return {
        name: [f"{one.action} {str(one.key)[-9:]}" for one in rows]
        for name, rows in (("write", found.write), ("unchanged", found.unchanged), ("stale", found.stale))
        if rows
    }


class TestStillHolding:
    """A confirmed plan held against a fresh one."""

    def held(self, company: Company, planned: list[Leave], fresh: list[Leave]) -> dict[str, list[str]]:
        """Somebody plans, Figgo changes, and the plan is applied."""
        rows = confirmed(company.plan(anne(planned))).rows
        return in_short(match(rows, company.plan(anne(fresh))))

    def test_a_plan_that_nothing_has_overtaken_is_written(self, company: Company) -> None:
        assert self.held(company, SHORTER, SHORTER) == {"write": ["create 20261208A", "remove 20261207A"]}

    def test_what_is_as_planned_already_counts_as_unchanged(self, company: Company) -> None:
        fresh = anne([*SHORTER, leave("2026-12-21A", 200)])
        rows = confirmed(company.plan(fresh)).rows
        company.load(fresh)
        assert in_short(match(rows, company.plan(fresh))) == {
            "unchanged": ["create 20261208A", "remove 20261207A", "create 20261221A"]
        }

    def test_an_update_that_somebody_else_wrote_counts_as_unchanged(self, company: Company) -> None:
        longer = anne(days("2026-12-07", "2026-12-15"))
        rows = confirmed(company.plan(longer)).rows
        company.load(longer)
        assert in_short(match(rows, company.plan(longer))) == {"unchanged": ["update 20261207A"]}

    def test_a_creation_whose_leave_was_cancelled_since_is_stale(self, company: Company) -> None:
        more = [*WEEK, *days("2026-12-21", "", 200)]
        assert self.held(company, more, WEEK) == {"stale": ["create 20261221A"]}

    def test_a_removal_whose_leave_came_back_is_stale(self, company: Company) -> None:
        assert self.held(company, [], WEEK) == {"stale": ["remove 20261207A"]}

    def test_a_row_that_would_write_something_else_by_now_is_stale_and_the_new_one_waits(
        self, company: Company
    ) -> None:
        longer, longest = days("2026-12-07", "2026-12-15"), days("2026-12-07", "2026-12-16")
        assert self.held(company, longer, longest) == {"stale": ["update 20261207A"]}

    def test_what_only_the_fresh_plan_has_waits_without_an_error(self, company: Company) -> None:
        more = [*WEEK, *days("2026-12-21", "", 200)]
        assert self.held(company, WEEK, more) == {}

    def test_other_days_go_on_beside_a_stale_row(self, company: Company) -> None:
        new = days("2026-12-21", "", 200)
        assert self.held(company, [*days("2026-12-07", "2026-12-15"), *new], [*WEEK, *new]) == {
            "write": ["create 20261221A"],
            "stale": ["update 20261207A"],
        }

    def test_an_event_that_its_owner_changed_since_is_stale(self, company: Company, owner: Owner) -> None:
        """The person who confirmed saw another calendar than the one there is now."""
        rows = confirmed(company.plan(anne([]))).rows
        owner.edit(company.only(), title="Ski !")
        assert in_short(match(rows, company.plan(anne([])))) == {"stale": ["remove 20261207A"]}

    def test_a_note_added_since_is_no_obstacle_and_the_fresh_version_is_written(
        self, company: Company, owner: Owner
    ) -> None:
        rows = confirmed(company.plan(anne([]))).rows
        owner.annotate(company.only(), note="ask Zoé")
        found = match(rows, company.plan(anne([])))
        assert in_short(found) == {"write": ["remove 20261207A"]}
        assert [one.existing.etag for one in found.write if one.existing] == ["2"]

    def test_an_update_of_an_event_deleted_since_is_stale_and_its_creation_waits(
        self, company: Company, owner: Owner
    ) -> None:
        longer = anne(days("2026-12-07", "2026-12-15"))
        rows = confirmed(company.plan(longer)).rows
        owner.delete(company.only())
        assert in_short(match(rows, company.plan(longer))) == {"stale": ["update 20261207A"]}

    def test_a_removal_of_an_event_deleted_since_counts_as_unchanged(
        self, company: Company, owner: Owner
    ) -> None:
        rows = confirmed(company.plan(anne([]))).rows
        owner.delete(company.only())
        assert in_short(match(rows, company.plan(anne([])))) == {"unchanged": ["remove 20261207A"]}


class TestUnits:
    """A unit is written whole or not at all."""

    def test_the_second_half_of_a_replacement_is_written_when_the_first_already_is(
        self, company: Company
    ) -> None:
        rows = confirmed(company.plan(anne(SHORTER))).rows
        cut = company.plan(anne(SHORTER))
        cut.changes.pop()
        company.apply(cut)
        assert in_short(match(rows, company.plan(anne(SHORTER)))) == {
            "write": ["remove 20261207A"],
            "unchanged": ["create 20261208A"],
        }

    def test_the_first_half_of_a_replacement_is_written_when_the_old_event_is_gone(
        self, company: Company, owner: Owner
    ) -> None:
        rows = confirmed(company.plan(anne(SHORTER))).rows
        owner.delete(company.only())
        assert in_short(match(rows, company.plan(anne(SHORTER)))) == {
            "write": ["create 20261208A"],
            "unchanged": ["remove 20261207A"],
        }

    def test_a_replacement_that_became_a_bare_removal_is_stale(self, company: Company) -> None:
        """Somebody agreed to a later beginning, not to an empty calendar."""
        rows = confirmed(company.plan(anne(SHORTER))).rows
        found = match(rows, company.plan(anne([])))
        assert in_short(found) == {"stale": ["create 20261208A", "remove 20261207A"]}

    def test_a_removal_that_became_a_replacement_is_stale(self, company: Company) -> None:
        rows = confirmed(company.plan(anne([]))).rows
        assert in_short(match(rows, company.plan(anne(SHORTER)))) == {"stale": ["remove 20261207A"]}

    def test_a_unit_with_a_row_that_nobody_saw_is_stale_as_a_whole(self, company: Company) -> None:
        rows = confirmed(company.plan(anne(SHORTER))).rows
        more = [*SHORTER, *days("2026-12-07", "", 300)]
        found = match(rows, company.plan(anne(more)))
        assert in_short(found) == {"stale": ["create 20261208A", "remove 20261207A"]}

    def test_rows_of_one_person_alone_can_be_held_against_everyones_fresh_plan(
        self, company: Company
    ) -> None:
        rows = confirmed(company.plan(anne([*SHORTER, leave("2026-12-21A", 200)]))).rows
        fresh = company.plan(anne([*SHORTER, leave("2026-12-21A", 200)]))
        assert in_short(match(rows[2:], fresh)) == {"write": ["create 20261221A"]}
