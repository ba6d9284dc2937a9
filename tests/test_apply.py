"""A plan between looking and acting: when it is refused, what of it is held, and which rows still hold."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from figgo_ops import sync, tenants
from figgo_ops.errors import FiggoOpsError, Refused, UsageError
from figgo_ops.plan import Plan
from figgo_ops.result import Result
from tests.rehearsal import DAY, Corail

GENEVA, ANTILLES = 2, 3


@pytest.fixture
def corail(tmp_path: Path) -> Iterator[Corail]:
    with Corail(tmp_path) as made:
        yield made


@pytest.fixture
def hero(corail: Corail) -> int:
    """Somebody of an active tenant, with one day off that no calendar shows yet."""
    corail.activate()
    return corail.case("whole-day").person


def refused(corail: Corail, plan: Plan, **how: Any) -> FiggoOpsError:
    """Why this plan cannot be applied; nothing was written, and nobody's session stays open."""
    before = corail.picture()
    corail.forget_calls()
    with pytest.raises(FiggoOpsError) as caught:
        corail.apply(plan, **how)
    assert corail.writes() == [], "something was sent although the plan was refused"
    assert corail.picture() == before
    assert caught.value.remedy, "a refusal names the next step"
    return caught.value


def document(plan: Plan) -> dict[str, Any]:
    assert plan.file is not None
    content: dict[str, Any] = json.loads(plan.file.read_text(encoding="utf-8"))
    return content


def rewritten(plan: Plan, edit: Callable[[dict[str, Any]], object]) -> Plan:
    """The plan's file after somebody edited it."""
    assert plan.file is not None
    content = document(plan)
    edit(content)
    plan.file.write_text(json.dumps(content), encoding="utf-8")
    return plan


def test_a_draft_becomes_active_with_its_first_confirmed_row(corail: Corail) -> None:
    number = corail.case("whole-day").person
    nothing = corail.plan(corail.case("telework").person)
    corail.apply(nothing)
    seen = corail.plan(number)
    assert 'state = "draft"' in corail.file.read_text(encoding="utf-8")
    corail.apply(seen)
    assert 'state = "active"' in corail.file.read_text(encoding="utf-8")
    assert corail.sync(number).unchanged == 1


def test_a_draft_is_not_synced(corail: Corail) -> None:
    with pytest.raises(Refused, match="draft") as caught:
        corail.sync()
    assert "plan corail --from start" in caught.value.remedy
    assert corail.stage.log.entries() == [], "nobody was asked anything"


@pytest.mark.parametrize("state", ["paused", "closed"])
def test_a_tenant_that_is_paused_or_closed_is_not_written_to(corail: Corail, state: str) -> None:
    seen = corail.plan(corail.case("whole-day").person)
    corail.activate(state)
    with pytest.raises(Refused, match=state):
        corail.sync()
    assert state in refused(corail, seen).message
    still = corail.plan(corail.case("whole-day").person)
    assert any(state in reason for reason in still.refused), "looking is allowed, and says so"


def test_a_wrong_checksum_is_refused(corail: Corail, hero: int) -> None:
    error = refused(corail, corail.plan(hero), confirm="plan-0123456789ab")
    assert (error.code, error.exit) == ("wrong-checksum", 3)


@pytest.mark.parametrize(
    "edit",
    [
        lambda plan: plan["rows"].clear(),
        lambda plan: plan["rows"][0].update(mailbox="boss@corail.example"),
        lambda plan: plan["options"].update(accept_empty=True),
        lambda plan: plan.update(made="2027-11-23T08:00:00+00:00"),
        lambda plan: plan.update(refused=["nothing"]),
    ],
    ids=["rows gone", "another mailbox", "another option", "a younger date", "another refusal"],
)
def test_an_edited_plan_file_is_refused(
    corail: Corail, hero: int, edit: Callable[[dict[str, Any]], object]
) -> None:
    error = refused(corail, rewritten(corail.plan(hero), edit))
    assert (error.code, error.exit) == ("plan-edited", 3)


@pytest.mark.parametrize("length", [0, 1, 100, -3])
def test_a_plan_file_that_was_cut_off_is_refused(corail: Corail, hero: int, length: int) -> None:
    seen = corail.plan(hero)
    assert seen.file is not None
    seen.file.write_text(seen.file.read_text(encoding="utf-8")[:length], encoding="utf-8")
    error = refused(corail, seen)
    assert isinstance(error, UsageError)
    assert str(seen.file) in error.message


@pytest.mark.parametrize("text", ["[]", '"plan"', "null", "{}", '{"rows": 3}'])
def test_a_file_that_is_no_plan_is_refused(corail: Corail, hero: int, text: str) -> None:
    seen = corail.plan(hero)
    assert seen.file is not None
    seen.file.write_text(text, encoding="utf-8")
    assert isinstance(refused(corail, seen), UsageError)


def test_a_plan_is_good_for_a_day_and_not_longer(corail: Corail, hero: int) -> None:
    seen = corail.plan(hero)
    corail.clock.sleep(timedelta(hours=24).total_seconds())
    assert corail.apply(seen).created == 1
    again = corail.plan(hero)
    corail.clock.sleep(timedelta(hours=24, seconds=1).total_seconds())
    assert refused(corail, again).code == "plan-old"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('title = "Absent"', 'title = "Congé"'),
        ('timezone = "America/Martinique"', 'timezone = "America/Guadeloupe"'),
        ('working_time = "weekdays"', 'working_time = "userdates"'),
        ("legal_entities = [3]", "legal_entities = [3, 4]"),
        ("[limits]", '[scope]\nexcept = ["urs.kaser@corail-suisse.example"]\n\n[limits]'),
        ('host = "corail.ilucca.net"', 'host = "corail2.ilucca.net"'),
    ],
    ids=["events", "zones", "working time", "calendars", "scope", "host"],
)
def test_a_plan_made_under_another_policy_is_refused(corail: Corail, hero: int, old: str, new: str) -> None:
    seen = corail.plan(hero)
    corail.rewrite(old, new)
    assert refused(corail, seen).code == "policy-changed"


def test_what_is_no_policy_may_change_between_plan_and_apply(corail: Corail, hero: int) -> None:
    seen = corail.plan(hero)
    corail.rewrite("delete_min = 10", "delete_min = 20")
    corail.rewrite("# The rehearsal company.", "# Corail, as rehearsed.")
    assert corail.apply(seen).created == 1


def test_another_tenants_plan_is_refused(corail: Corail, hero: int) -> None:
    seen = corail.plan(hero)
    other = corail.home.tenants / "other.toml"
    other.write_text(corail.file.read_text(encoding="utf-8").replace('name = "corail"', 'name = "other"'))
    assert seen.file is not None
    from figgo_ops.session import Session

    with (
        Session(corail.home, "other", clock=corail.clock) as session,
        pytest.raises(UsageError, match="corail's"),
    ):
        sync.apply(session, seen.file, seen.checksum)
    assert corail.picture() == {}


def test_the_plan_file_holds_keys_and_dates_but_no_title_and_no_name(corail: Corail) -> None:
    corail.rewrite("show_type = false", "show_type = true")
    seen = corail.plan()
    assert seen.file is not None
    text = seen.file.read_text(encoding="utf-8")
    assert "Congés" not in text
    assert "Maladie" not in text
    assert "Garçon" not in text
    assert seen.file.stat().st_mode & 0o077 == 0
    assert {row["key"] for row in document(seen)["rows"]} == {str(change.key) for change in seen.changes}


def test_a_plan_is_the_same_file_whoever_makes_it_again(corail: Corail, hero: int) -> None:
    one, other = corail.plan(hero), corail.plan(hero)
    assert (one.checksum, one.file) == (other.checksum, other.file)
    corail.clock.sleep(1)
    assert corail.plan(hero).checksum != one.checksum


def test_a_row_that_no_longer_holds_is_stale_and_a_row_that_is_new_waits(corail: Corail, hero: int) -> None:
    case = corail.case("whole-day")
    other = corail.case("half-day-am").person
    seen = corail.plan(hero, other)
    corail.cancel(hero)
    corail.stage.enter_by_hr(other, date(2027, 3, 2))
    result = corail.apply(seen)
    assert (result.created, [row.employee for row in result.stale]) == (1, [hero])
    assert sync.exit_of(result) == 1
    assert corail.shown(hero) == []
    assert corail.shown(other) == ["2026-12-07 09:00..12:00 Europe/Paris"], "nobody has seen the new row"
    assert case.person == hero


def test_a_row_that_is_as_desired_already_counts_as_unchanged(corail: Corail, hero: int) -> None:
    seen = corail.plan(hero)
    corail.sync(hero)
    corail.forget_calls()
    result = corail.apply(seen)
    assert (result.written, result.unchanged, result.stale, sync.exit_of(result)) == (0, 1, [], 0)
    assert corail.writes() == []


def test_a_removal_that_is_gone_already_counts_as_unchanged(corail: Corail, hero: int) -> None:
    corail.sync(hero)
    corail.cancel(hero)
    seen = corail.plan(hero)
    (event,) = corail.events(hero)
    corail.owner(hero).delete(str(event["id"]))
    result = corail.apply(seen)
    assert (result.written, result.unchanged, result.stale) == (0, 1, [])


def test_a_removal_is_stale_where_the_leave_came_back(corail: Corail, hero: int) -> None:
    corail.sync(hero)
    case = corail.case("whole-day")
    corail.cancel(hero)
    seen = corail.plan(hero)
    assert [change.action for change in seen.changes] == ["remove"]
    corail.stage.enter_by_hr(hero, date(2026, 12, 2))
    result = corail.apply(seen)
    assert (result.deleted, len(result.stale)) == (0, 1)
    assert corail.shown(case.person) == ["2026-12-02"]


def test_an_event_edited_after_the_plan_is_not_overwritten_by_it(corail: Corail, hero: int) -> None:
    corail.sync(hero)
    corail.rewrite('title = "Absent"', 'title = "Congé"')
    seen = corail.plan(hero)
    (event,) = corail.events(hero)
    corail.owner(hero).rename(str(event["id"]), "Ski")
    result = corail.apply(seen)
    assert (result.updated, len(result.stale)) == (0, 1)
    assert corail.shown(hero) == ["2026-12-02 Ski"]


def test_half_of_a_replacement_is_not_written_when_the_other_half_is_new(corail: Corail) -> None:
    """Changes of the same days are one unit: where one of them was never seen, none is written."""
    corail.activate()
    case = corail.case("monday-pm-to-friday")
    corail.sync(case.person)
    corail.stage.remove_half_days(case.period, [(date(2026, 12, 7), "PM")])
    seen = corail.plan(case.person)
    assert sorted(change.action for change in seen.changes) == ["create", "remove"]
    corail.stage.remove_half_days(case.period, [(date(2026, 12, 8), "AM"), (date(2026, 12, 8), "PM")])
    result = corail.apply(seen)
    assert (result.written, len(result.stale)) == (0, 2)
    assert corail.shown(case.person) == ["2026-12-07 14:00..2026-12-11 18:00 Europe/Paris"]


def test_apply_uses_the_day_the_plan_was_made_for(corail: Corail) -> None:
    """On somebody's last day all their leaves are still shown, and the plan of that day says so tomorrow."""
    corail.activate()
    number = corail.case("leaving-soon").person
    corail.stage.end_contract(number, date(2026, 11, 23))
    seen = corail.plan(number)
    corail.clock.sleep(timedelta(hours=20).total_seconds())
    result = corail.apply(seen)
    assert (result.created, result.stale) == (seen.count("create"), [])
    assert corail.sync(number).deleted == result.created, "today's own plan knows that they left"


def test_every_run_is_kept_in_the_ledger_with_what_it_counted(corail: Corail, hero: int) -> None:
    first = corail.sync(hero)
    corail.clock.sleep(1)
    seen = corail.plan(hero)
    second = corail.apply(seen)
    with corail.session() as session:
        latest, earlier = session.ledger.runs("corail", 2)
        written = [(one.change.employee, one.status) for one in session.ledger.changes(first.run)]
    assert (latest.id, earlier.id) == (second.run, first.run)
    assert (latest.command, latest.checksum, latest.exit) == ("apply", seen.checksum, 0)
    assert written == [(hero, "done")]
    assert earlier.counts == {"created": 1, "updated": 0, "deleted": 0, "unchanged": 0}


def shape(result: Result) -> set[str]:
    return set(result.document())


def test_a_result_has_the_shape_that_programs_rely_on(corail: Corail, hero: int) -> None:
    corail.rewrite("[limits]", f"[scope]\nexcept = [{hero}]\n\n[limits]")
    other = corail.case("half-day-am").person
    corail.sync(hero, other)
    result = corail.sync(hero, other)
    counts = {"created", "updated", "deleted", "unchanged"}
    rows = {"failed", "stale", "unknown", "held", "unreadable", "notes"}
    assert shape(result) == {"run", "tenant"} | counts | rows
    json.dumps(result.document())


def test_a_person_or_legal_entity_nobody_knows_is_a_usage_error(corail: Corail, hero: int) -> None:
    with corail.session() as session:
        for ask in (
            sync.Ask(("nobody@corail.example",)),
            sync.Ask(legal_entities=(9,)),
            sync.Ask((str(hero),), since="yesterday"),
        ):
            with pytest.raises(UsageError) as caught:
                sync.plan(session, ask)
            assert caught.value.remedy
    assert replace(sync.Ask(), since=date(2026, 1, 1) + DAY).since == date(2026, 1, 2)


def test_a_removal_from_a_mailbox_that_was_not_read_is_stale_and_not_unchanged(
    corail: Corail, hero: int
) -> None:
    """With the ledger the place is forgotten, and with it the mailbox that holds the event."""
    corail.sync(hero)
    old, new = corail.mail(hero), "maelle.nouvelle@corail.example"
    corail.stage.google.add_user(new, zone="Europe/Paris")
    corail.stage.change_mail(hero, new, move_mailbox=False)
    corail.sync(hero)
    seen = corail.plan(hero)
    assert [(change.action, change.mailbox.address) for change in seen.changes] == [("remove", old)]
    for file in corail.home.path.glob("ledger.db*"):
        file.unlink()
    result = corail.apply(seen)
    assert (result.deleted, result.unchanged, [row.mailbox for row in result.stale]) == (0, 0, [old])
    assert sync.exit_of(result) == 1
    assert corail.picture()[old] == ["2026-12-02"]


def test_a_mailbox_that_ceased_to_exist_after_the_plan_is_named(corail: Corail, hero: int) -> None:
    seen = corail.plan(hero)
    corail.stage.google.set_state(corail.mail(hero), "unknown")
    result = corail.apply(seen)
    (row,) = result.stale
    assert (row.employee, row.mailbox) == (hero, corail.mail(hero))
    assert f"{corail.mail(hero)} (google): Google knows no such user" in row.error
    again = corail.plan(hero)
    assert sync.exit_of_plan(again) == 0, "absent from now on is information"


def test_every_planned_row_is_told_where_the_tenant_file_cannot_be_rewritten(
    corail: Corail, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_only(*_: object) -> None:
        raise UsageError("corail.toml cannot be written: Read-only file system.", "Make it writable.")

    seen = corail.plan(since="start")
    monkeypatch.setattr(tenants, "write_state", read_only)
    result = corail.apply(seen)
    told = result.written + len(result.failed) + len(result.unknown)
    assert (told, result.held, result.stale) == (len(seen.changes), [], [])
    assert result.written >= 1
    assert len(corail.marked()) <= result.written + len(result.unknown)
    assert sync.exit_of(result) == UsageError.exit
    assert {row.error.partition(";")[0] for row in result.failed + result.unknown} == {
        "corail.toml cannot be written: Read-only file system."
    }


def test_a_state_that_somebody_wrote_while_a_first_load_ran_stays(corail: Corail) -> None:
    seen = corail.plan(corail.case("whole-day").person)
    with corail.upon(
        lambda entry: entry.method == "POST" and entry.path.endswith("events"),
        lambda: corail.activate("closed"),
    ):
        assert corail.apply(seen).created == 1
    assert 'state = "closed"' in corail.file.read_text(encoding="utf-8")
