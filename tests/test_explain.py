"""Why a calendar does not show a leave: an answer for every reason there is, and how to go on."""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from figgo_ops import tenants
from figgo_ops.recall import undo
from figgo_ops.sandbox.absences import Account
from tests.explaining import HOLIDAY, a_shell, answered, asked, first_day, go_on, shown
from tests.rehearsal import ANTILLES, DAY, TODAY, Corail
from tests.shell import Shell


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
def hero(corail: Corail) -> int:
    """Somebody with one day off, Wednesday 2 December 2026."""
    return corail.case("whole-day").person


class TestNotShownAndRightly:
    def test_no_leave_at_all_on_that_day(self, corail: Corail, hero: int) -> None:
        found = asked(corail, hero, "2026-12-03")
        assert answered(found) == ("no-leave", 0)
        assert (found.leaves, found.calendar, found.reason.next) == ((), (), "")

    def test_the_day_is_today_unless_said(self, corail: Corail, hero: int) -> None:
        corail.stage.enter_by_hr(hero, TODAY)
        assert (asked(corail, hero).day, answered(asked(corail, hero))[0]) == (TODAY, "not-yet-synced")

    def test_a_leave_that_ended_before_the_tenants_start(self, corail: Corail, hero: int) -> None:
        start = tenants.load(corail.home, "corail").start
        corail.stage.enter_by_hr(hero, start - 20 * DAY, start - 18 * DAY)
        found = asked(corail, hero, start - 18 * DAY)
        assert answered(found) == ("before-start", 0)
        assert f"the tenant's start on {start}" in found.reason.sentence

    def test_a_leave_before_the_horizon_is_shown_by_a_plan_that_looks_back(
        self, shell: Shell, corail: Corail
    ) -> None:
        hero, day = corail.case("retroactive-sickness").person, first_day(corail, "retroactive-sickness")
        found = asked(corail, hero, day)
        assert answered(found) == ("outside-horizon", 0)
        assert "before the horizon, which begins on 2026-10-24" in found.reason.sentence
        assert go_on(shell, found).exit == 0
        assert shown(corail, hero, day)

    def test_a_leave_beyond_the_horizon(self, corail: Corail, hero: int) -> None:
        corail.stage.enter_by_hr(hero, date(2028, 9, 4))
        found = asked(corail, hero, "2028-09-04")
        assert answered(found) == ("outside-horizon", 0)
        assert "beyond the horizon, which ends on 2028-05-16" in found.reason.sentence

    def test_a_stretch_that_only_touches_the_horizon_is_shown_whole(self, corail: Corail, hero: int) -> None:
        corail.stage.enter_by_hr(hero, date(2026, 10, 19), date(2026, 10, 27))
        found = asked(corail, hero, "2026-10-19")
        assert answered(found)[0] == "not-yet-synced"

    def test_a_person_of_a_legal_entity_that_no_calendar_is_for(self, corail: Corail) -> None:
        corail.rewrite("legal_entities = [3]", "legal_entities = [4]")
        found = asked(corail, corail.case("time-zone").person, first_day(corail, "time-zone"))
        assert answered(found) == ("other-legal-entity", 0)
        assert f"legal entity {ANTILLES} Corail Antilles" in found.reason.sentence
        assert "[[calendar]]" in found.reason.rule

    def test_a_person_whose_mail_domain_no_calendar_reaches(self, corail: Corail, hero: int) -> None:
        corail.rewrite("legal_entities = [1]", 'domains = ["corail-suisse.example"]')
        found = asked(corail, hero, HOLIDAY)
        assert answered(found) == ("no-calendar", 0)
        assert "mail domain" in found.reason.sentence

    def test_a_person_whom_the_scope_leaves_out(self, corail: Corail, hero: int) -> None:
        corail.rewrite("[limits]", f"[scope]\nexcept = [{hero}]\n\n[limits]")
        found = asked(corail, hero, HOLIDAY)
        assert answered(found) == ("out-of-scope", 0)
        assert "[scope]" in found.reason.rule

    def test_an_absence_type_that_is_skipped(self, corail: Corail) -> None:
        rules = '[[events.type]]\nmatch = "Maladie*"\n\n[[events.type]]\nmatch = "RTT*"\nskip = true\n\n'
        corail.rewrite("[limits]", f"{rules}[limits]")
        found = asked(corail, corail.case("half-day-am").person, first_day(corail, "half-day-am"))
        assert answered(found) == ("type-skipped", 0)
        assert "number 2" in found.reason.rule
        assert found.leaves[0][1] == "nothing: type skipped"

    def test_remote_work(self, corail: Corail) -> None:
        found = asked(corail, corail.case("telework").person, first_day(corail, "telework"))
        assert answered(found) == ("remote-work", 0)

    def test_a_remote_day_inside_a_holiday_is_the_hole_of_two_stretches(self, corail: Corail) -> None:
        monday = date.fromisoformat(first_day(corail, "telework-inside"))
        hero = corail.case("telework-inside").person
        said = [answered(asked(corail, hero, monday + n * DAY))[0] for n in range(3)]
        assert said == ["not-yet-synced", "remote-work", "not-yet-synced"]

    def test_a_row_that_figgo_does_not_count_as_an_absence(self, corail: Corail, hero: int) -> None:
        corail.stage.company.account("Astreinte")  # takes the number that the other account would have
        account = Account(990, "Astreinte", "#000000", is_remote_work=False, is_real_leave=False)
        corail.stage.company._by_name["Astreinte"] = account
        corail.stage.enter_by_hr(hero, date(2026, 12, 3), account="Astreinte")
        assert answered(asked(corail, hero, "2026-12-03")) == ("no-real-absence", 0)

    def test_an_absence_of_no_length(self, corail: Corail, hero: int) -> None:
        corail.stage.enter_by_hr(hero, date(2026, 12, 3), hours=0)
        assert answered(asked(corail, hero, "2026-12-03")) == ("no-duration", 0)

    def test_a_pending_leave_that_is_hidden(self, corail: Corail) -> None:
        corail.rewrite('pending = "tentative"', 'pending = "hidden"')
        found = asked(corail, corail.case("pending").person, first_day(corail, "pending"))
        assert answered(found) == ("pending-hidden", 0)
        assert 'pending = "hidden"' in found.reason.rule

    def test_a_weekend_row_at_the_end_of_a_stretch(self, corail: Corail) -> None:
        corail.rewrite('working_time = "weekdays"', 'working_time = "weekdays"\nrest_rows = true')
        corail.stage.figgo.switch("rest_rows", True)
        hero = corail.case("whole-day").person
        corail.stage.enter_by_hr(hero, date(2026, 12, 4), date(2026, 12, 6))
        assert answered(asked(corail, hero, "2026-12-05")) == ("not-worked", 0)
        assert answered(asked(corail, hero, "2026-12-04"))[0] == "not-yet-synced"

    @pytest.mark.parametrize("name", ["denied", "cancelled-pending", "cancellation-accepted"])
    def test_a_leave_that_was_denied_or_cancelled(self, corail: Corail, name: str) -> None:
        found = asked(corail, corail.case(name).person, first_day(corail, name))
        assert answered(found) == ("cancelled", 0)
        assert {becomes for _, becomes in found.leaves} == {"nothing: not active"}

    def test_a_leave_whose_cancellation_nobody_settled_stands(self, corail: Corail) -> None:
        name = "cancellation-pending"
        found = asked(corail, corail.case(name).person, first_day(corail, name))
        assert answered(found)[0] == "not-yet-synced"

    def test_a_leave_after_the_end_of_the_contract(self, corail: Corail) -> None:
        case = corail.case("leaver")
        day, _ = corail.stage.company.periods[case.periods[1]].first
        found = asked(corail, case.person, day)
        assert answered(found) == ("contract-ended", 0)
        assert str(corail.person(case.person).contract_end) in found.reason.sentence

    @pytest.mark.parametrize(
        ("name", "says", "code"),
        [
            ("mailbox-unknown", "Exchange has no such mailbox", "absent"),
            ("whole-day", "Google knows no such user", "user-unknown"),
        ],
    )
    def test_a_mailbox_that_does_not_exist(self, corail: Corail, name: str, says: str, code: str) -> None:
        case = corail.case(name)
        if name == "whole-day":
            corail.stage.google.set_state(corail.mail(case.person), "unknown")
        found = asked(corail, case.person, first_day(corail, name))
        assert answered(found) == ("mailbox-absent", 0)
        assert says in found.reason.sentence
        assert any(f"{code}: " in call.answer for call in found.calls)

    def test_a_tenant_that_is_closed(self, corail: Corail, hero: int) -> None:
        corail.rewrite('state = "active"', 'state = "closed"')
        assert answered(asked(corail, hero, HOLIDAY)) == ("tenant-closed", 0)


class TestNotShownAndSomethingIsToBeDone:
    def test_no_run_has_written_it_yet(self, shell: Shell, corail: Corail, hero: int) -> None:
        found = asked(corail, hero, HOLIDAY)
        assert answered(found) == ("not-yet-synced", 6)
        assert (found.past, found.mailbox) == ((), f"{corail.mail(hero)} (google)")
        assert go_on(shell, found).exit == 0
        assert shown(corail, hero, HOLIDAY)

    def test_a_person_without_a_mail(self, corail: Corail) -> None:
        found = asked(corail, corail.case("no-mail").person, first_day(corail, "no-mail"))
        assert answered(found) == ("no-mail", 6)
        assert found.mailbox == ""

    def test_two_people_with_one_mailbox(self, corail: Corail) -> None:
        one, other = corail.case("shared-mail").people
        found = asked(corail, one, first_day(corail, "shared-mail"))
        assert answered(found) == ("shared-mail", 6)
        assert f"Employees {one}, {other} share the mailbox" in found.reason.sentence

    def test_a_mailbox_that_has_become_another_employees(self, corail: Corail, hero: int) -> None:
        corail.stage.enter_by_hr(hero, date(2026, 11, 16))
        corail.stage.end_contract(hero, date(2026, 11, 18))
        corail.stage.hire("Maëlle", "Le Goff", 1, corail.mail(hero))
        found = asked(corail, hero, "2026-11-16")
        assert answered(found) == ("other-owner", 6)

    def test_a_draft_whose_first_load_was_not_applied(self, shell: Shell, corail: Corail, hero: int) -> None:
        corail.rewrite('state = "active"', 'state = "draft"')
        found = asked(corail, hero, HOLIDAY)
        assert answered(found) == ("tenant-draft", 6)
        assert go_on(shell, found).exit == 0
        assert shown(corail, hero, HOLIDAY)

    def test_a_tenant_that_an_undo_paused(self, shell: Shell, corail: Corail, hero: int) -> None:
        run = corail.sync(hero).run
        with corail.session() as session:
            back = undo.plan(session, run)
        corail.apply(back, removals=1)
        corail.rewrite('state = "draft"', 'state = "paused"')
        found = asked(corail, hero, HOLIDAY)
        assert answered(found) == ("tenant-paused", 6)
        assert [(one.action, one.outcome) for one in found.past] == [("create", "done"), ("remove", "done")]
        assert go_on(shell, found).exit == 0
        assert shown(corail, hero, HOLIDAY)

    def test_an_event_that_its_owner_removed_comes_back(
        self, shell: Shell, corail: Corail, hero: int
    ) -> None:
        run = corail.sync(hero).run
        corail.owner(hero).delete(corail.event_id(hero))
        found = asked(corail, hero, HOLIDAY)
        assert answered(found) == ("removed-by-hand", 6)
        assert [(one.run, one.action, one.outcome) for one in found.past] == [(run, "create", "done")]
        assert go_on(shell, found).exit == 0
        assert shown(corail, hero, HOLIDAY)

    def test_an_event_that_its_owner_removed_stays_away_where_that_is_respected(
        self, corail: Corail, hero: int
    ) -> None:
        corail.rewrite('hand_edits = "restore"', 'hand_edits = "respect"')
        corail.sync(hero)
        corail.owner(hero).delete(corail.event_id(hero))
        found = asked(corail, hero, HOLIDAY)
        assert answered(found) == ("removal-respected", 0)
        assert 'hand_edits = "respect"' in found.reason.rule

    def test_a_write_that_failed(self, shell: Shell, corail: Corail, hero: int) -> None:
        corail.stage.google.set_state(corail.mail(hero), "exhausted")
        run = corail.sync(hero).run
        corail.stage.google.set_state(corail.mail(hero), "ok")
        found = asked(corail, hero, HOLIDAY)
        assert answered(found) == ("failed", 6)
        assert run in found.reason.sentence
        assert "usage limits exceeded" in found.reason.sentence
        assert go_on(shell, found).exit == 0
        assert shown(corail, hero, HOLIDAY)

    def test_a_write_of_which_nobody_knows_what_became_keeps_the_mailbox_quiet(
        self, shell: Shell, corail: Corail, hero: int
    ) -> None:
        corail.fault("google", "late-commit", method="POST", path="/calendar/*", times=None)
        corail.sync(hero)
        corail.stage.faults.clear()
        found = asked(corail, hero, HOLIDAY)
        assert answered(found) == ("quiet", 6)
        until = corail.clock.now() + timedelta(minutes=10)
        assert re.search(rf"before {until:%H}:\d\d UTC", found.reason.sentence)
        corail.clock.sleep(timedelta(minutes=11).total_seconds())
        assert answered(asked(corail, hero, HOLIDAY)) == ("unknown", 6)
        assert go_on(shell, asked(corail, hero, HOLIDAY)).exit == 0
        assert shown(corail, hero, HOLIDAY)

    def test_a_row_that_waited_for_the_quiet_time_says_so_afterwards(self, corail: Corail, hero: int) -> None:
        corail.fault("google", "late-commit", method="POST", path="/calendar/*", times=None)
        corail.sync(hero)
        corail.stage.faults.clear()
        held = corail.sync(hero)
        corail.clock.sleep(timedelta(minutes=11).total_seconds())
        found = asked(corail, hero, HOLIDAY)
        assert answered(found) == ("held", 6)
        assert held.run in found.reason.sentence
        assert [one.outcome for one in found.past] == ["unknown", "held"]

    @pytest.mark.parametrize(
        ("first", "last", "answer"),
        [(HOLIDAY, "2026-12-03", "adopt"), ("2026-12-01", "2026-12-04", "ignore")],
        ids=["same days", "other days"],
    )
    def test_a_look_alike_that_nobody_answered_for(
        self, shell: Shell, corail: Corail, hero: int, first: str, last: str, answer: str
    ) -> None:
        corail.owner(hero).add("Absent", first, last)
        found = asked(corail, hero, HOLIDAY)
        assert answered(found) == ("look-alike", 6)
        assert found.reason.next.endswith(f"--look-alikes {answer}")
        assert [one.means for one in found.calendar] == ["look-alike: our title, no marker of ours"]
        assert go_on(shell, found).exit == 0
        assert shown(corail, hero, HOLIDAY)

    def test_a_mailbox_that_cannot_be_searched_for_look_alikes(self, corail: Corail, hero: int) -> None:
        corail.fault("google", "status", method="GET", path="/calendar/*", after=1, times=None, value=503)
        found = asked(corail, hero, HOLIDAY)
        assert answered(found) == ("mailbox-unreadable", 7)
        assert any("look-alikes" in call.what for call in found.calls)

    def test_a_mailbox_that_lost_all_our_events(self, shell: Shell, corail: Corail) -> None:
        hero, day = corail.case("maternity").person, "2026-12-07"
        corail.sync(hero)
        for event in corail.events(hero):
            corail.owner(hero).delete(str(event["id"]))
        found = asked(corail, hero, day)
        assert answered(found) == ("suddenly-empty", 3)
        assert go_on(shell, found).exit == 0
        assert shown(corail, hero, day)
