"""Why a calendar shows what it shows: as it should be, not any more, or changed by its owner."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from tests.explaining import HOLIDAY, a_shell, answered, asked, first_day, go_on, shown
from tests.rehearsal import ANTILLES, DAY, GENEVA, TODAY, Corail
from tests.shell import Shell
from tests.taking import PROVIDERS, calendar_of, marked_as, new_mailbox, period_of, somebody_at


@pytest.fixture
def shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Shell]:
    """The company, active from the start, its calendars still empty."""
    with a_shell(tmp_path, monkeypatch, capsys.readouterr) as made:
        yield made


@pytest.fixture
def corail(shell: Shell) -> Corail:
    return shell.corail


@pytest.fixture
def hero(corail: Corail, request: pytest.FixtureRequest) -> int:
    """Somebody with one day off, Wednesday 2 December 2026; at Google unless said."""
    return somebody_at(corail, getattr(request, "param", "google"))


everywhere = pytest.mark.parametrize("hero", PROVIDERS, indirect=True)


class TestStillShown:
    def test_an_event_whose_leave_was_cancelled(self, shell: Shell, corail: Corail, hero: int) -> None:
        corail.sync(hero)
        corail.cancel(hero)
        found = asked(corail, hero, HOLIDAY)
        assert answered(found) == ("orphaned", 6)
        assert [one.verdict for one in found.others] == ["cancelled"]
        assert "would remove it: cancelled" in found.calendar[0].means
        assert go_on(shell, found).exit == 0
        assert answered(asked(corail, hero, HOLIDAY)) == ("cancelled", 0)

    def test_an_event_that_its_owner_dragged_away_before_its_leave_was_cancelled(
        self, corail: Corail, hero: int
    ) -> None:
        corail.sync(hero)
        corail.owner(hero).move(corail.event_id(hero), "2026-12-09", "2026-12-10")
        corail.cancel(hero)
        for day in (HOLIDAY, "2026-12-09"):
            found = asked(corail, hero, day)
            assert answered(found) == ("orphaned", 6)
            assert [str(one.start) for one in found.calendar] == ["2026-12-09"]

    def test_an_event_of_a_colleague_in_the_same_mailbox_is_theirs(self, corail: Corail) -> None:
        again, former = corail.case("rehired").people
        corail.sync(again)
        corail.owner(again).rename(corail.event_id(again), "Ski")
        day = first_day(corail, "rehired")
        assert answered(asked(corail, again, day)) == ("edited", 6)
        found = asked(corail, former, day)
        assert (answered(found), found.calendar) == (("no-leave", 0), ())

    def test_an_event_whose_removal_is_above_the_limits(
        self, shell: Shell, corail: Corail, hero: int
    ) -> None:
        corail.rewrite("delete_ratio = 0.3\ndelete_min = 10", "delete_ratio = 0.0\ndelete_min = 0")
        corail.sync(hero)
        corail.cancel(hero)
        found = asked(corail, hero, HOLIDAY)
        assert answered(found) == ("held", 6)
        assert "removals here" in found.reason.sentence
        assert go_on(shell, found).exit == 0
        assert answered(asked(corail, hero, HOLIDAY)) == ("cancelled", 0)

    def test_an_event_whose_removal_a_run_for_everyone_held_back(self, shell: Shell, corail: Corail) -> None:
        """Asked about alone, one removal is below every limit: only the run itself knows."""
        corail.load()
        corail.cancel(*corail.members(ANTILLES), *corail.members(GENEVA))
        held = corail.sync()
        hero, day = corail.case("time-zone").person, first_day(corail, "time-zone")
        found = asked(corail, hero, day)
        assert answered(found) == ("held", 6)
        assert held.run in found.reason.sentence
        assert "above the limits" in found.reason.sentence
        assert go_on(shell, found).exit == 0
        assert answered(asked(corail, hero, day)) == ("cancelled", 0)

    def test_an_event_of_somebody_whom_the_scope_leaves_out_since(
        self, shell: Shell, corail: Corail, hero: int
    ) -> None:
        corail.sync(hero)
        corail.rewrite("[limits]", f"[scope]\nexcept = [{hero}]\n\n[limits]")
        found = asked(corail, hero, HOLIDAY)
        assert answered(found) == ("stale-policy", 6)
        assert go_on(shell, found).exit == 0
        assert answered(asked(corail, hero, HOLIDAY)) == ("out-of-scope", 0)

    def test_an_event_that_begins_after_the_end_of_the_contract(
        self, shell: Shell, corail: Corail, hero: int
    ) -> None:
        corail.sync(hero)
        corail.stage.end_contract(hero, TODAY - DAY)
        found = asked(corail, hero, HOLIDAY)
        assert answered(found) == ("orphaned", 6)
        assert "after the end of the contract" in found.reason.sentence
        assert go_on(shell, found).exit == 0
        assert answered(asked(corail, hero, HOLIDAY)) == ("contract-ended", 0)

    def test_a_cancelled_leave_of_long_ago_is_taken_away_by_a_plan_that_looks_back(
        self, shell: Shell, corail: Corail
    ) -> None:
        case, day = corail.case("retroactive-sickness"), first_day(corail, "retroactive-sickness")
        corail.rewrite("delete_ratio = 0.3\ndelete_min = 10", "delete_ratio = 0.0\ndelete_min = 0")
        corail.load(case.person)
        period = corail.stage.company.periods[case.period]
        corail.stage.remove_half_days(
            case.period, [(row.day, "PM" if row.half else "AM") for row in period.active()]
        )
        found = asked(corail, case.person, day)
        assert answered(found) == ("orphaned", 6)
        assert f"--from {day}" in found.reason.next
        assert go_on(shell, found).exit == 0
        assert answered(asked(corail, case.person, day)) == ("cancelled", 0)


class TestShown:
    @pytest.fixture(autouse=True)
    def _synced(self, corail: Corail, hero: int) -> None:
        corail.sync(hero)

    @everywhere
    def test_as_it_should_be(self, corail: Corail, hero: int) -> None:
        found = asked(corail, hero, HOLIDAY)
        assert answered(found) == ("shown", 0)
        assert [(one.means, str(one.start)) for one in found.calendar] == [("as it should be", HOLIDAY)]
        assert (found.reason.next, found.others) == ("", ())
        assert found.reason.key == found.calendar[0].key == corail.marked()[0]
        assert found.mailbox == f"{corail.mail(hero)} ({calendar_of(corail, hero)})"
        (call,) = (call for call in found.calls if found.mailbox in call.what)
        assert call.answer == "complete, 1 of our events"

    @everywhere
    def test_under_an_alias_it_is_still_one_event(self, corail: Corail, hero: int) -> None:
        corail.stage.change_mail(hero, "maelle.durand@corail.example")
        found = asked(corail, hero, HOLIDAY)
        assert answered(found) == ("shown", 0)
        assert [one.means for one in found.calendar] == [
            "as it should be",
            "the same event under another address",
        ]

    @pytest.mark.parametrize("paused", [False, True])
    def test_dragged_or_renamed_by_its_owner(
        self, shell: Shell, corail: Corail, hero: int, paused: bool
    ) -> None:
        corail.owner(hero).move(corail.event_id(hero), "2026-12-09", "2026-12-10")
        if paused:
            corail.rewrite('state = "active"', 'state = "paused"')
        found = asked(corail, hero, HOLIDAY)
        assert answered(found) == ("edited", 6)
        assert ("paused" in found.reason.sentence) is paused
        assert found.calendar[0].means.startswith("changed by hand")
        there = asked(corail, hero, "2026-12-09")
        assert (there.reason.verdict, there.reason.key) == ("edited", found.reason.key)
        assert go_on(shell, found).exit == 0
        assert shown(corail, hero, HOLIDAY)

    def test_an_edit_that_is_respected(self, corail: Corail, hero: int) -> None:
        corail.rewrite('hand_edits = "restore"', 'hand_edits = "respect"')
        corail.owner(hero).rename(corail.event_id(hero), "Ski")
        assert answered(asked(corail, hero, HOLIDAY)) == ("edit-respected", 0)

    @everywhere
    def test_taken_over_by_its_owner(self, corail: Corail, hero: int) -> None:
        corail.owner(hero).invite(corail.event_id(hero), ["guest@elsewhere.example"])
        found = asked(corail, hero, HOLIDAY)
        assert answered(found) == ("taken-over", 0)
        assert found.calendar[0].means == "taken over by its owner"

    def test_copied_by_its_owner_and_changed(self, corail: Corail, hero: int) -> None:
        copy = corail.owner(hero).copy(corail.event_id(hero))
        corail.owner(hero).rename(str(copy["id"]), "Ski")
        assert answered(asked(corail, hero, HOLIDAY)) == ("copied", 0)

    @everywhere
    def test_twice(self, shell: Shell, corail: Corail, hero: int) -> None:
        corail.owner(hero).copy(corail.event_id(hero))
        found = asked(corail, hero, HOLIDAY)
        assert answered(found) == ("duplicate", 6)
        assert go_on(shell, found).exit == 0
        assert shown(corail, hero, HOLIDAY)

    @everywhere
    def test_in_a_former_mailbox(self, shell: Shell, corail: Corail, hero: int) -> None:
        new_mailbox(corail, hero, "maelle.nouvelle@corail.example")
        for _ in range(2):  # a copy is written and read back before the old one goes
            found = asked(corail, hero, HOLIDAY)
            assert answered(found) == ("wrong-mailbox", 6)
            assert "a former mailbox" in found.reason.sentence
            assert go_on(shell, found).exit == 0
        assert shown(corail, hero, HOLIDAY)

    @everywhere
    def test_as_it_was_before_it_changed_in_figgo(self, shell: Shell, corail: Corail, hero: int) -> None:
        corail.stage.remove_half_days(period_of(corail, hero), [(date(2026, 12, 2), "PM")])
        found = asked(corail, hero, HOLIDAY)
        assert answered(found) == ("outdated", 6)
        assert go_on(shell, found).exit == 0
        assert shown(corail, hero, HOLIDAY)

    def test_as_it_was_before_its_first_half_day_went(self, shell: Shell, corail: Corail, hero: int) -> None:
        corail.stage.remove_half_days(corail.case("whole-day").period, [(date(2026, 12, 2), "AM")])
        found = asked(corail, hero, HOLIDAY)
        assert answered(found) == ("outdated", 6)
        assert go_on(shell, found).exit == 0
        assert answered(asked(corail, hero, HOLIDAY))[0] == "shown"

    def test_as_the_tenant_file_said_before(self, shell: Shell, corail: Corail, hero: int) -> None:
        corail.rewrite('title = "Absent"', 'title = "Congé"')
        found = asked(corail, hero, HOLIDAY)
        assert answered(found) == ("stale-policy", 6)
        assert go_on(shell, found).exit == 0
        assert shown(corail, hero, HOLIDAY)

    @everywhere
    def test_beside_an_event_of_another_tenant(self, corail: Corail, hero: int) -> None:
        marked_as(corail, hero, corail.marked()[0].replace("corail", "autre"))
        found = asked(corail, hero, "2026-12-02")
        assert {found.reason.verdict, *(one.verdict for one in found.others)} == {
            "removed-by-hand",
            "foreign",
        }
