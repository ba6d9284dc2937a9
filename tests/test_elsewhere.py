"""A mailbox that the customer migrated is found, read and written where it is, and nowhere else."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from figgo_ops import sync
from figgo_ops.errors import CredentialRefused, Unreachable
from figgo_ops.plan import Mailbox
from tests.hybrid import ARCHIVE, CLOUD, OTHERS, SERVER, Hybrid, notes_of
from tests.rehearsal import ANTILLES, GENEVA, Corail
from tests.taking import offboarded, undone

DAY = "2026-12-02"
"""The hero's day off."""


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Hybrid]:
    """Everyone's mailbox is on the server, as the tenant file says; no event of ours is anywhere."""
    with Hybrid(tmp_path) as made, made.connected():
        yield made


@pytest.fixture
def hero(company: Hybrid) -> int:
    return company.case("whole-day").person


@pytest.fixture
def key(company: Hybrid, hero: int) -> str:
    return f"corail.ilucca.net/{hero}/{company.case('whole-day').period}/20261202A"


SEVEN = (
    "whole-day",
    "half-day-am",
    "half-day-pm",
    "monday-pm-to-friday",
    "across-weekend",
    "two-accounts",
    "pending",
)

both = pytest.mark.parametrize("told", [True, False], ids=["elsewhere", "absent"])
"""What the calendar says that lost the mailbox: where it went, or only that there is none."""


class TestFirstWrite:
    @both
    def test_a_migrated_mailbox_is_written_where_it_is_and_only_there(
        self, company: Hybrid, hero: int, key: str, told: bool
    ) -> None:
        company.migrate(hero, told=told)
        result = company.apply(company.plan(hero))
        assert (sync.exit_of(result), result.created, result.unreadable) == (0, 1, [])
        assert company.keys(hero) == {CLOUD: [key]}
        assert company.places(hero) == {Mailbox(CLOUD, company.mail(hero))}

    def test_a_sync_does_it_in_one_go(self, company: Hybrid, hero: int, key: str) -> None:
        company.migrate(hero)
        assert company.sync(hero).created == 1
        assert company.keys(hero) == {CLOUD: [key]}

    def test_the_plan_names_the_mailbox_and_keeps_where_it_was_found(
        self, company: Hybrid, hero: int
    ) -> None:
        company.migrate(hero)
        made = company.plan(hero)
        (note,) = notes_of(made)
        assert note == (
            f"1 mailbox is not where the tenant file says; {company.mail(hero)} is written through cloud. "
            "Once a whole legal entity is there: figgo-ops move corail --to cloud --legal-entity N"
        )
        assert made.file is not None
        assert f'"{hero}"' in made.file.read_text(encoding="utf-8").partition('"homes"')[2]

    def test_of_many_mailboxes_a_few_are_named_and_all_are_counted(self, company: Hybrid) -> None:
        people = [company.case(name).person for name in SEVEN]
        company.migrate(*people)
        (note,) = notes_of(company.plan(*people))
        assert note.startswith("7 mailboxes are not where the tenant file says; ")
        assert note.count("@") == 5
        assert " and 2 more are written through cloud" in note

    def test_the_next_plan_has_nothing_to_do_and_asks_each_calendar_once(
        self, company: Hybrid, hero: int
    ) -> None:
        company.migrate(hero)
        company.sync(hero)
        company.asked()
        made = company.plan(hero)
        assert (made.changes, made.unchanged, made.unreadable, made.skipped) == ((), 1, (), ())
        assert sorted(company.reads(hero)) == [CLOUD, SERVER]

    def test_an_apply_asks_only_the_calendar_that_has_the_mailbox(self, company: Hybrid, hero: int) -> None:
        company.migrate(hero)
        made = company.plan(hero)
        company.asked()
        company.apply(made)
        assert company.reads(hero) == [CLOUD]

    def test_everyone_else_is_planned_as_ever(self, company: Hybrid, hero: int) -> None:
        company.migrate(hero)
        result = company.load()
        assert sync.exit_of(result) == 0
        assert len(company.keys(hero)[CLOUD]) == 1
        assert {name for name, what, _ in company.asked() if what == "create"} == {SERVER, CLOUD}
        assert company.audited().exit == 0


class TestCost:
    def test_without_such_a_mailbox_no_other_calendar_is_asked(self, company: Hybrid, hero: int) -> None:
        company.plan(hero)
        assert {name for name, _, _ in company.asked()} == {SERVER}

    def test_figgo_is_read_as_often_as_for_anybody(self, company: Hybrid, hero: int) -> None:
        company.plan(hero)
        company.forget_calls()
        company.plan(hero)
        usual = len(company.calls("figgo"))
        company.migrate(hero)
        company.forget_calls()
        company.plan(hero)
        assert len(company.calls("figgo")) == usual

    def test_a_calendar_of_another_family_is_not_asked(self, company: Hybrid, hero: int) -> None:
        company.files(SERVER, OTHERS)
        company.others.add(company.mail(hero))
        company.migrate(hero)
        made = company.plan(hero)
        assert company.reads(hero) == [SERVER]
        assert [one.error.code for one in made.unreadable] == ["elsewhere"]

    def test_calendars_without_a_family_ask_nobody(self, company: Hybrid, hero: int) -> None:
        company.server.family = company.cloud.family = ""
        company.migrate(hero, told=False)
        company.plan(hero)
        assert company.reads(hero) == [SERVER]


class TestMigratedMeanwhile:
    @both
    def test_between_plan_and_apply_its_rows_are_stale_and_the_next_sync_writes_once(
        self, company: Hybrid, hero: int, key: str, told: bool
    ) -> None:
        made = company.plan(hero)
        company.migrate(hero, told=told)
        result = company.apply(made)
        assert (result.created, [row.key for row in result.stale]) == (0, [key])
        assert sync.exit_of(result) == 1
        assert company.keys(hero) == {CLOUD: []}
        assert company.sync(hero).created == 1
        assert company.keys(hero) == {CLOUD: [key]}

    def test_a_mailbox_that_went_back_before_the_apply_is_stale_too(
        self, company: Hybrid, hero: int, key: str
    ) -> None:
        company.migrate(hero)
        made = company.plan(hero)
        company.cloud.migrate(company.mail(hero), company.server)
        company.cloud.elsewhere.add(company.mail(hero))
        result = company.apply(made)
        assert (result.created, [row.key for row in result.stale]) == (0, [key])
        assert company.keys(hero) == {SERVER: []}

    def test_who_has_another_mail_by_the_apply_is_not_written_at_the_old_one(
        self, company: Hybrid, hero: int, key: str
    ) -> None:
        company.migrate(hero)
        made, before = company.plan(hero), company.mail(hero)
        company.stage.change_mail(hero, "maelle.nouvelle@corail.example")
        company.cloud.add(company.mail(hero))
        result = company.apply(made)
        assert (result.created, [row.key for row in result.stale]) == (0, [key])
        assert company.cloud.content(before) == []

    def test_who_belongs_to_a_calendar_of_another_family_by_the_apply_is_not_written(
        self, company: Hybrid, hero: int, key: str
    ) -> None:
        company.files(OTHERS, SERVER, CLOUD, others="legal_entities = [2]\n")
        company.migrate(hero)
        made = company.plan(hero)
        company.stage.transfer(hero, 2)
        company.others.add(company.mail(hero))
        result = company.apply(made)
        assert (result.created, [row.key for row in result.stale]) == (0, [key])

    @both
    def test_after_it_was_written_it_is_recognised_by_its_markers(
        self, company: Hybrid, hero: int, key: str, told: bool
    ) -> None:
        company.sync(hero)
        company.migrate(hero, told=told)
        made = company.plan(hero)
        assert (made.changes, made.unchanged, made.unreadable) == ((), 1, ())
        assert company.keys(hero) == {CLOUD: [key]}
        assert sync.exit_of_plan(made) == 0
        assert company.places(hero) == {Mailbox(name, company.mail(hero)) for name in (SERVER, CLOUD)}

    @both
    def test_a_leave_that_changes_then_is_changed_in_the_new_place(
        self, company: Hybrid, hero: int, told: bool
    ) -> None:
        company.sync(hero)
        company.migrate(hero, told=told)
        company.cancel(hero)
        result = company.sync(hero)
        assert (result.deleted, sync.exit_of(result)) == (1, 0)
        assert company.keys(hero) == {CLOUD: []}

    def test_without_the_markers_its_events_are_look_alikes_that_hold_the_mailbox(
        self, company: Hybrid, hero: int
    ) -> None:
        company.sync(hero)
        company.migrate(hero, markers=False)
        result = company.sync(hero)
        assert (result.created, len(result.held), sync.exit_of(result)) == (0, 1, 3)
        adopted = company.apply(company.plan(hero, look_alikes="adopt"))
        assert (adopted.created, adopted.updated) == (0, 1)
        assert len(company.held(hero)[CLOUD]) == 1

    def test_an_old_place_that_answers_absent_or_elsewhere_is_no_error(
        self, company: Hybrid, hero: int
    ) -> None:
        company.sync(hero)
        company.migrate(hero)
        made = company.plan(hero)
        assert (made.unreadable, made.unchanged, sync.exit_of_plan(made)) == ((), 1, 0)
        company.files(CLOUD, SERVER)
        made = company.plan(hero)
        assert (made.unreadable, made.unchanged, notes_of(made)) == ((), 1, [])
        assert sync.exit_of(company.sync(hero)) == 0


class TestNobodyCanTell:
    def test_a_mailbox_at_two_other_calendars_is_unreadable_and_both_are_named(
        self, company: Hybrid, hero: int
    ) -> None:
        company.files(SERVER, CLOUD, ARCHIVE)
        company.migrate(hero)
        company.archive.add(company.mail(hero))
        made = company.plan(hero)
        (row,) = made.unreadable
        assert (made.changes, row.employee, row.error.code) == ((), hero, "two-mailboxes")
        assert "cloud and archive" in row.error.message
        assert sync.exit_of_plan(made) == 1

    def test_a_mailbox_that_is_nowhere_is_unreadable_for_the_reason_of_its_own_calendar(
        self, company: Hybrid, hero: int
    ) -> None:
        company.migrate(hero)
        del company.cloud.shelves[company.mail(hero)]
        made = company.plan(hero)
        (row,) = made.unreadable
        assert (made.changes, row.mailbox, row.error.code) == (
            (),
            f"{company.mail(hero)} (server)",
            "elsewhere",
        )
        assert (sync.exit_of_plan(made), company.explained(hero, DAY).exit) == (1, 1)

    def test_a_mailbox_that_no_calendar_of_the_family_knows_stays_absent(
        self, company: Hybrid, hero: int
    ) -> None:
        company.server.shelves.pop(company.mail(hero))
        made = company.plan(hero)
        assert (made.changes, made.unreadable, [skip.employee for skip in made.skipped]) == ((), (), [hero])
        assert sync.exit_of_plan(made) == 0

    def test_while_the_other_calendar_cannot_be_asked_nobody_says_absent(
        self, company: Hybrid, hero: int, key: str
    ) -> None:
        company.migrate(hero, told=False)
        company.cloud.unreadable[company.mail(hero)] = Unreachable("The cloud does not answer.", "Wait.")
        made = company.plan(hero)
        (row,) = made.unreadable
        assert (made.changes, row.employee, row.mailbox) == ((), hero, f"{company.mail(hero)} (cloud)")
        assert company.explained(hero, DAY).reason.verdict == "mailbox-unreadable"
        company.cloud.unreadable.clear()
        assert company.sync(hero).created == 1
        assert company.keys(hero) == {CLOUD: [key]}

    def test_a_refused_credential_of_the_other_calendar_is_told_as_such(
        self, company: Hybrid, hero: int
    ) -> None:
        company.migrate(hero, told=False)
        company.cloud.refused = CredentialRefused("The cloud does not know this certificate.", "Renew it.")
        made = company.plan(hero)
        assert sync.exit_of_plan(made) == CredentialRefused.exit
        assert made.changes == ()

    def test_a_mailbox_that_suddenly_lists_nothing_there_waits_for_a_word(
        self, company: Hybrid, hero: int
    ) -> None:
        crowded = company.case("maternity").person
        company.migrate(crowded)
        assert company.sync(crowded).created >= 3
        company.cloud.shelves[company.mail(crowded)].live.clear()
        made = company.plan(crowded)
        assert (made.changes, sync.exit_of_plan(made)) == ((), 3)
        assert [one.error.code for one in made.unreadable if "(cloud)" in one.mailbox] == ["suddenly-empty"]


class TestFamilies:
    def test_exchange_shares_its_mailboxes_and_google_does_not(self, tmp_path: Path) -> None:
        with Corail(tmp_path) as corail, corail.session() as session:
            assert (session.family("exchange"), session.family("google")) == ("outlook", "")

    def test_a_calendar_whose_credential_was_refused_keeps_its_family(self, tmp_path: Path) -> None:
        with Corail(tmp_path) as corail:
            corail.activate()
            corail.home.store("file:corail-exchange.password", "Été 2026 !")
            corail.plan(legal_entities=(GENEVA,))
            with corail.session() as session:
                assert session.opened("exchange") is None
                assert session.family("exchange") == "outlook"

    def test_a_calendar_that_cannot_be_opened_has_none(self, tmp_path: Path) -> None:
        with Corail(tmp_path) as corail:
            (corail.home.secrets / "corail-exchange.password").unlink()
            with corail.session() as session:
                assert session.family("exchange") == ""


class TestRetired:
    def test_a_mailbox_not_yet_migrated_is_written_through_the_calendar_that_was_retired(
        self, company: Hybrid, hero: int, key: str
    ) -> None:
        """A company moves as a whole, its mailboxes week by week."""
        company.files(CLOUD, SERVER, server="retired = true\n")
        company.cloud.elsewhere.add(company.mail(hero))
        assert company.sync(hero).created == 1
        assert company.keys(hero) == {SERVER: [key]}
        company.cloud.elsewhere.clear()
        company.migrate(hero, told=False)
        made = company.plan(hero)
        assert (made.changes, made.unchanged, made.unreadable) == ((), 1, ())
        assert company.keys(hero) == {CLOUD: [key]}


class TestSharedAddress:
    def test_who_has_the_mailbox_by_the_file_is_planned_with_whoever_is_found_to_have_it(
        self, company: Hybrid
    ) -> None:
        """Somebody hired again under the same mail by another legal entity, whose calendar is the cloud."""
        former, present = sorted(company.case("rehired").people)
        company.person(present).legal_entity_id = 2
        company.files(SERVER, CLOUD, server="legal_entities = [1, 3]\n", cloud="legal_entities = [2]\n")
        mail = company.mail(present)
        assert company.mail(former) == mail
        company.sync(former)
        company.migrate(present)
        made = company.plan(former, since="start")
        assert (made.unreadable, made.findings) == ((), ())
        assert {change.employee for change in made.changes} == {present}
        assert {change.mailbox for change in made.changes} == {Mailbox(CLOUD, mail)}
        company.apply(made)
        assert company.audited(former).counts == {"in-order": len(company.keys(present)[CLOUD])}
        again = company.plan(former, since="start")
        assert (again.changes, again.unchanged) == ((), len(company.keys(present)[CLOUD]))


class TestOtherCommands:
    def test_explain_says_where_the_mailbox_is_and_why(self, company: Hybrid, hero: int) -> None:
        company.migrate(hero)
        company.sync(hero)
        found = company.explained(hero, DAY)
        assert (found.reason.verdict, found.exit) == ("shown", 0)
        assert found.mailbox == f"{company.mail(hero)} (cloud)"
        assert "but cloud has the mailbox; server says: " in found.resolved
        assert "not in the reach of server" in found.resolved
        told = {call.what: call.answer for call in found.calls}
        assert told[f"Mailbox {company.mail(hero)} (server)"].startswith("elsewhere: ")
        assert told[f"Mailbox {company.mail(hero)} (cloud)"] == "complete, 1 of our events"

    def test_explain_does_not_miss_the_old_place_once_the_mailbox_was_read_where_it_is(
        self, company: Hybrid, hero: int
    ) -> None:
        company.sync(hero)
        company.migrate(hero)
        company.plan(hero)
        found = company.explained(hero, DAY)
        assert (found.reason.verdict, found.exit, found.others) == ("shown", 0, ())

    def test_explain_of_somebody_who_is_where_the_file_says_tells_nothing_of_it(
        self, company: Hybrid, hero: int
    ) -> None:
        company.sync(hero)
        assert company.explained(hero, DAY).resolved.endswith("calendar server (exchange) is for everyone")

    @both
    def test_an_audit_reads_the_mailbox_where_it_is_and_is_clean(
        self, company: Hybrid, hero: int, told: bool
    ) -> None:
        company.migrate(hero, told=told)
        company.sync(hero)
        found = company.audited(hero)
        assert (found.exit, found.complete, found.counts) == (0, True, {"in-order": 1})
        assert notes_of(found.plan)

    def test_a_repair_writes_where_the_audit_read(self, company: Hybrid, hero: int, key: str) -> None:
        company.migrate(hero)
        found = company.audited(hero)
        assert (found.exit, found.counts) == (6, {"missing": 1})
        assert company.repaired(found).created == 1
        assert company.keys(hero) == {CLOUD: [key]}

    def test_an_undo_takes_back_what_was_written_there(self, company: Hybrid, hero: int) -> None:
        company.migrate(hero)
        run = company.sync(hero).run
        assert undone(company, run).deleted == 1
        assert company.keys(hero) == {CLOUD: []}

    def test_an_off_board_clears_it_though_the_old_place_lost_the_mailbox(
        self, company: Hybrid, hero: int
    ) -> None:
        company.load()
        company.migrate(hero)
        company.sync(hero)
        result = offboarded(company)
        assert (result.failed, result.unreadable, sync.exit_of(result)) == ([], [], 0)
        assert company.keys(hero) == {CLOUD: []}
        assert result.certificate is not None
        assert result.certificate["complete"]


class TestTrueProviders:
    """Over real sockets, each provider in its own words."""

    @pytest.mark.parametrize(
        ("entity", "there"),
        [(ANTILLES, "exchange"), (GENEVA, "microsoft 365")],
        ids=["to server", "to cloud"],
    )
    def test_a_mailbox_migrated_with_its_events_is_recognised_and_kept_up(
        self, tmp_path: Path, entity: int, there: str
    ) -> None:
        with Corail(tmp_path) as corail:
            corail.activate()
            hero = _with_events(corail, entity)[0]
            corail.load(hero)
            corail.stage.migrate(corail.mail(hero), online=there == "microsoft 365")
            shown, marked = corail.shown(hero), corail.marked()
            made = corail.plan(hero)
            assert (made.changes, made.unreadable, made.unchanged) == ((), (), len(shown))
            assert [f"written through {there}." in note for note in notes_of(made)] == [True]
            assert corail.marked() == marked
            corail.cancel(hero)
            result = corail.sync(hero)
            assert (sync.exit_of(result), result.deleted, corail.shown(hero)) == (0, len(shown), [])

    def test_a_mailbox_migrated_without_its_events_is_loaded_where_it_is(self, tmp_path: Path) -> None:
        with Corail(tmp_path) as corail:
            corail.activate()
            hero = _with_events(corail, GENEVA)[0]
            corail.load(hero)
            before = corail.shown(hero)
            corail.stage.migrate(corail.mail(hero), how="empty")
            assert corail.shown(hero) == []
            result = corail.sync(hero, since="start")
            assert (sync.exit_of(result), result.created, corail.shown(hero)) == (0, len(before), before)
            assert corail.plan(hero, since="start").changes == ()


def _with_events(corail: Corail, entity: int) -> list[int]:
    """People of a legal entity who have a mailbox and an event to show in it."""
    changes = corail.plan(legal_entities=(entity,), since="start").changes
    return sorted({change.employee for change in changes})
