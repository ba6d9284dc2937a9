"""What is asked, what is told of it and to whom: the question, its cost, its discretion, its command."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from figgo_ops.errors import UsageError
from figgo_ops.explaining.explain import explain
from figgo_ops.explaining.reasons import ORDER, RIGHT
from figgo_ops.explaining.trace import Ask
from tests.explaining import HOLIDAY, a_shell, answered, asked, first_day, leave_id, shown
from tests.rehearsal import Corail
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


class TestAnswers:
    def test_a_leave_is_found_by_figgos_own_id_of_a_half_day(self, corail: Corail, hero: int) -> None:
        found = asked(corail, leave=leave_id(corail, "whole-day", "PM"))
        assert (found.person and found.person.id, str(found.day)) == (hero, HOLIDAY)
        assert answered(found)[0] == "not-yet-synced"

    def test_of_two_leaves_on_one_day_the_one_asked_for_is_answered(self, corail: Corail) -> None:
        case, day = corail.case("two-periods-one-day"), first_day(corail, "two-periods-one-day")
        corail.sync(case.person)
        rtt = corail.stage.company.periods[case.periods[1]]
        corail.stage.remove_half_days(rtt.id, [(row.day, "PM") for row in rtt.active()])
        assert answered(asked(corail, leave=leave_id(corail, "two-periods-one-day")))[0] == "shown"
        both = asked(corail, case.person, day)
        assert both.reason.verdict == "orphaned"
        assert [one.verdict for one in both.others] == ["shown", "cancelled"]

    @pytest.mark.parametrize("listed", ["all", "active"])
    def test_a_cancelled_leave_is_answered_by_its_id_even_where_lists_leave_it_out(
        self, corail: Corail, listed: str
    ) -> None:
        corail.stage.figgo.switch("default_leaves", listed)
        found = asked(corail, leave=leave_id(corail, "denied"))
        assert answered(found) == ("cancelled", 0)

    def test_a_leave_that_was_cancelled_and_taken_again_is_not_mistaken_for_its_successor(
        self, corail: Corail
    ) -> None:
        case = corail.case("recreated-half-day")
        corail.sync(case.person)
        old = f"{case.periods[1]}-{first_day(corail, 'recreated-half-day').replace('-', '')}-PM"
        assert answered(asked(corail, leave=old)) == ("cancelled", 0)
        assert answered(asked(corail, leave=leave_id(corail, "recreated-half-day", "PM"))) == ("shown", 0)

    def test_a_person_is_named_by_id_mail_or_number(self, corail: Corail, hero: int) -> None:
        person = corail.person(hero)
        for name in (person.id, person.mail, person.employee_number):
            assert asked(corail, name, HOLIDAY).reason.verdict == "not-yet-synced"

    def test_it_costs_a_handful_of_requests_and_one_listing_per_mailbox(
        self, corail: Corail, hero: int
    ) -> None:
        corail.load()
        asked(corail, hero, HOLIDAY)
        assert len(corail.calls("figgo")) <= 4
        assert len(corail.calls("google", "GET")) == 1

    def test_a_weekend_inside_a_holiday_belongs_to_it(self, corail: Corail) -> None:
        hero = corail.case("across-weekend").person
        corail.sync(hero)
        assert shown(corail, hero, "2027-01-09")

    def test_a_type_is_named_only_where_it_may_be(self, corail: Corail) -> None:
        hero, day = corail.case("sickness-by-hr").person, first_day(corail, "sickness-by-hr")
        leave = corail.stage.company.account("Maladie")

        def told(aloud: bool) -> str:
            found = asked(corail, hero, day)
            return found.type_of(found.leaves[0][0], aloud=aloud)

        assert (told(aloud=True), told(aloud=False)) == ("Maladie", f"type {leave.id}")
        assert "Maladie" not in str(asked(corail, hero, day).document())
        corail.rewrite("show_type = false", "show_type = true")
        assert (told(aloud=True), told(aloud=False)) == ("Maladie", "Maladie")
        corail.rewrite("[limits]", '[[events.type]]\nmatch = "Maladie*"\nprivate = true\n\n[limits]')
        assert {told(aloud=True), told(aloud=False)} == {f"type {leave.id}"}

    @pytest.mark.parametrize(
        "ask", [Ask(), Ask("66", "", "1-20261202-AM"), Ask("", "2026-12-02", "1-20261202-AM"), Ask(" ")]
    )
    def test_half_a_question_is_refused(self, corail: Corail, ask: Ask) -> None:
        with corail.session() as session, pytest.raises(UsageError) as error:
            explain(session, ask)
        assert "--employee E [--date D], or --leave ID" in error.value.remedy

    def test_a_name_that_fits_two_people_is_asked_for_by_id(self, corail: Corail) -> None:
        with corail.session() as session, pytest.raises(UsageError, match="names 2 people"):
            explain(session, Ask("atelier@corail.example", HOLIDAY))

    def test_every_answer_has_its_place(self) -> None:
        assert len(ORDER) == len(set(ORDER))
        assert "shown" in RIGHT
        assert not RIGHT & {"not-visible", "held", "not-yet-synced", "mailbox-unreadable", "edited"}

    @pytest.mark.parametrize(
        ("rule", "value"), [("half_day_key", "isAm"), ("date_text", "date"), ("error_body", "empty")]
    )
    def test_a_leave_is_found_however_this_figgo_spells_it(
        self, corail: Corail, hero: int, rule: str, value: str
    ) -> None:
        corail.stage.figgo.switch(rule, value)
        assert asked(corail, leave=leave_id(corail, "whole-day")).person is not None
        assert answered(asked(corail, leave="no/such?leave"))[0] == "not-visible"

    def test_a_leave_id_may_be_made_of_its_owners_number(self, corail: Corail, hero: int) -> None:
        corail.stage.figgo.switch("leave_id", "owner")
        assert str(asked(corail, leave=f"{hero}-20261202-AM").day) == HOLIDAY

    def test_a_figgo_that_does_not_tell_what_was_cancelled_is_no_error(
        self, corail: Corail, hero: int
    ) -> None:
        corail.fault("figgo", "status", path="/api/v3/leaves", after=2, times=None, value=400)
        found = asked(corail, hero, "2026-12-03")
        assert answered(found) == ("no-leave", 0)
        assert "error" in next(call.answer for call in found.calls if "ended" in call.what)

    def test_the_answer_is_that_of_the_plan_for_everyone(self, corail: Corail) -> None:
        """Every leave of the story is called not yet synced exactly where the plan creates its event."""
        planned = {(one.key.owner, one.key.period) for one in corail.plan().changes}
        said = {}
        numbers = [number for case in corail.stage.cases.values() for number in case.periods]
        for period in map(corail.stage.company.periods.__getitem__, numbers):
            rows = [row for row in period.active() if not row.account.is_remote_work] or period.leaves
            half = "PM" if rows[-1].half else "AM"
            found = asked(corail, leave=f"{period.id}-{rows[-1].day:%Y%m%d}-{half}")
            said[period.owner.id, period.id] = found.reason.verdict
        assert {at for at, verdict in said.items() if verdict == "not-yet-synced"} == planned & said.keys()
        assert len(planned & said.keys()) > 30
        assert {"cancelled", "remote-work", "contract-ended", "no-mail", "shared-mail"} <= set(said.values())


class TestCommand:
    def test_people_read_the_answer_first_and_the_next_command_last(
        self, shell: Shell, corail: Corail, hero: int
    ) -> None:
        ran = shell("explain", "corail", "--employee", hero, "--date", HOLIDAY)
        assert ran.exit == 6
        lines = ran.out.splitlines()
        assert lines[0].startswith("REHEARSAL  tenant corail (active)")
        assert lines[1].startswith("not-yet-synced: Figgo has this leave")
        assert "Congés payés 2026" in ran.out
        assert shell.typed(lines[-1].removeprefix("Next: ")).exit == 0
        again = shell("explain", "corail", "--employee", corail.mail(hero), "--date", HOLIDAY)
        assert again.exit == 0
        assert "as it should be" in again.out
        assert "sync-corail" in again.out
        assert "Next:" not in again.out

    def test_programs_get_the_whole_trace(self, shell: Shell, corail: Corail, hero: int) -> None:
        corail.sync(hero)
        corail.owner(hero).rename(corail.event_id(hero), "Ski")
        ran = shell.json("explain", "corail", "--leave", leave_id(corail, "whole-day"))
        told = ran.document
        assert (ran.exit, told["verdict"], told["action"]) == (6, "edited", True)
        assert (told["employee"], told["date"], told["key"]) == (hero, HOLIDAY, corail.marked()[0])
        assert [one["half"] for one in told["leaves"]] == ["A", "P"]
        assert {one["state"] for one in told["leaves"]} == {"approved"}
        assert told["calendar"][0]["means"] == "changed by hand; the plan would update it: edited by hand"
        assert [(one["action"], one["outcome"]) for one in told["runs"]] == [("create", "done")]
        assert told["next"].endswith(f"--home {corail.home.path}")
        for word in ("Ski", "Congés payés"):
            assert word not in ran.out

    def test_an_error_of_figgos_is_an_answer_with_its_own_exit_code(
        self, shell: Shell, corail: Corail, hero: int
    ) -> None:
        corail.key_of_figgo("revoked")
        ran = shell.json("explain", "corail", "--employee", hero)
        assert (ran.exit, ran.document["verdict"]) == (4, "figgo-unreadable")
        assert "does not know the API key" in ran.document["sentence"]

    def test_half_a_question_and_a_day_that_is_none_are_refused(self, shell: Shell, hero: int) -> None:
        remedy = "--employee E [--date D], or --leave ID"
        shell.refused("explain", "corail", exit=2, says="An employee is explained", remedy=remedy)
        words = ("explain", "corail", "--employee", hero, "--date", "1 May")
        shell.refused(*words, exit=2, says="'1 May' is not a date", remedy="2026-01-31")

    def test_what_was_typed_cannot_steer_the_terminal(self, shell: Shell) -> None:
        ran = shell("explain", "corail", "--employee", "\x1b[31m")
        assert ran.exit == 6
        assert "\x1b" not in ran.out
