"""What changes around the calendars between two runs: policy, mailboxes, people, our own memory."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from figgo_ops import audit, sync
from figgo_ops.errors import Refused
from tests.rehearsal import GENEVA, Corail


@pytest.fixture
def corail(tmp_path: Path) -> Iterator[Corail]:
    """Active from the start, its calendars still empty."""
    with Corail(tmp_path) as made:
        made.activate()
        yield made


@pytest.fixture
def hero(corail: Corail) -> int:
    """Somebody with one day off, Wednesday 2 December 2026, shown in their calendar."""
    number = corail.case("whole-day").person
    corail.sync(number)
    assert corail.shown(number) == ["2026-12-02"]
    return number


def test_a_new_title_in_the_tenant_file_is_written_to_every_event_and_nothing_else(corail: Corail) -> None:
    people = [corail.case(name).person for name in ("whole-day", "half-day-am", "pending")]
    corail.sync(*people)
    before = {number: corail.event_id(number) for number in people}
    corail.rewrite("show_type = false", "show_type = true")
    result = corail.sync(*people)
    assert (result.created, result.updated, result.deleted) == (0, 3, 0)
    assert {number: corail.event_id(number) for number in people} == before
    assert corail.shown(people[0]) == ["2026-12-02 Congés payés 2026"]
    assert corail.shown(people[1]) == ["2026-12-07 09:00..12:00 Europe/Paris RTT 2026"]


def test_a_hostile_name_of_a_type_is_a_title_like_any_other(corail: Corail) -> None:
    corail.rewrite("show_type = false", "show_type = true")
    number = corail.case("hostile-type").person
    corail.sync(number)
    assert corail.shown(number) == [
        "2027-01-11 =cmd|' /C calc'!A0",
        "2027-01-18 <script>alert('congé')</script>",
    ]
    assert corail.plan(number).changes == ()


def test_a_type_with_a_rule_is_private_while_others_are_not(corail: Corail) -> None:
    corail.rewrite("[limits]", '[[events.type]]\nmatch = "Maladie*"\nprivate = true\n\n[limits]')
    sick, other = corail.case("sickness-by-hr").person, corail.case("whole-day").person
    corail.sync(sick, other)
    assert [event.get("visibility") for event in corail.events(sick)] == ["private"]
    assert [event.get("visibility", "default") for event in corail.events(other)] == ["default"]


def test_hidden_pending_requests_appear_once_they_are_approved(corail: Corail) -> None:
    corail.rewrite('pending = "tentative"', 'pending = "hidden"')
    case = corail.case("pending")
    corail.sync(case.person)
    assert corail.shown(case.person) == []
    corail.stage.approve(case.request)
    corail.sync(case.person)
    assert corail.shown(case.person) == ["2027-01-11..2027-01-12"]


def test_somebody_who_gets_a_new_mailbox_finds_the_events_there_and_not_in_the_old_one(
    corail: Corail, hero: int
) -> None:
    old = corail.mail(hero)
    corail.owner(hero).annotate(corail.event_id(hero), "Rendre le badge")
    corail.stage.google.add_user("maelle.nouvelle@corail.example")
    corail.stage.change_mail(hero, "maelle.nouvelle@corail.example", move_mailbox=False)
    first = corail.sync(hero)
    assert (first.created, first.deleted) == (1, 0), "gone from the old place only after it was read back"
    assert corail.events(hero)[0]["description"] == "Rendre le badge"
    assert corail.sync(hero).deleted == 1
    assert corail.picture() == {"maelle.nouvelle@corail.example": ["2026-12-02"]}
    assert old not in corail.picture()
    assert corail.sync(hero).written == 0


def test_an_old_mailbox_that_does_not_exist_any_more_is_no_error(corail: Corail, hero: int) -> None:
    old = corail.mail(hero)
    corail.stage.google.add_user("maelle.nouvelle@corail.example")
    corail.stage.change_mail(hero, "maelle.nouvelle@corail.example", move_mailbox=False)
    corail.stage.google.set_state(old, "deleted")
    result = corail.sync(hero)
    assert (result.created, result.unreadable, sync.exit_of(result)) == (1, [], 0)
    assert any(
        f"1 former mailbox is gone; their people have another one now: {old}" in note
        for note in corail.plan(hero).notes
    )


def test_somebody_whose_mailbox_two_calendars_reach_keeps_the_same_events_when_moving(
    corail: Corail, hero: int
) -> None:
    before, other = corail.events(hero), corail.found()
    table = corail.file.read_text(encoding="utf-8")
    table = table[table.index("[[calendar]]") : table.index('[[calendar]]\nname = "exchange"')]
    second = table.replace('name = "google"', 'name = "antilles"').replace("[1]", f"[{other}]")
    corail.rewrite(table, table + second)
    corail.stage.transfer(hero, other)
    for _ in range(2):
        assert corail.sync(hero).written == 0
    assert corail.events(hero) == before


@pytest.mark.parametrize("there_and_back", [False, True], ids=["to stay", "and back again"])
def test_a_transfer_to_another_provider_takes_the_events_along(
    corail: Corail, hero: int, there_and_back: bool
) -> None:
    """They leave the old mailbox only after they were read back in the new one; the owner's own stay."""
    corail.owner(hero).add("Dentiste", "2026-12-03", "2026-12-04")
    corail.stage.transfer(hero, GENEVA)
    first, second = corail.sync(hero), corail.sync(hero)
    assert [(run.created, run.deleted) for run in (first, second)] == [(1, 0), (0, 1)]
    assert corail.shown(hero) == ["2026-12-02"]
    left = corail.stage.google.content(corail.mail(hero))
    assert [one["summary"] for one in left] == ["Dentiste"]
    if there_and_back:
        corail.stage.transfer(hero, 1)
        assert (corail.sync(hero).created, corail.sync(hero).deleted) == (1, 1)
        assert corail.stage.exchange.content(corail.mail(hero)) == []
        assert corail.shown(hero) == ["2026-12-02", "2026-12-03 Dentiste"]
    assert corail.sync(hero).written == 0
    with corail.session() as session:
        assert audit.audit(session, sync.Ask((str(hero),))).exit == 0


def test_another_host_in_the_tenant_file_does_not_double_every_event(corail: Corail, hero: int) -> None:
    corail.rewrite('host = "corail.ilucca.net"', 'host = "corail-groupe.ilucca.net"')
    with pytest.raises(Refused, match="doubled") as caught:
        corail.sync(hero)
    assert 'host = "corail.ilucca.net"' in caught.value.remedy
    assert corail.shown(hero) == ["2026-12-02"]


def test_a_pilot_group_is_served_alone(corail: Corail, hero: int) -> None:
    other = corail.case("half-day-am").person
    corail.rewrite("[limits]", f'[scope]\nonly = [{hero}, "{corail.mail(other)}"]\n\n[limits]')
    assert corail.sync().written == 1
    assert set(corail.picture()) == {corail.mail(hero), corail.mail(other)}


def test_somebody_whose_mail_is_renamed_keeps_the_same_events(corail: Corail, hero: int) -> None:
    before = corail.events(hero)
    corail.stage.change_mail(hero, "maelle.durand@corail.example")
    for _ in range(2):
        assert corail.sync(hero).written == 0, "the old address is an alias: one mailbox, one event"
    assert corail.events(hero) == before


def test_without_the_ledger_nothing_is_doubled_and_nothing_wrongly_removed(corail: Corail) -> None:
    corail.load()
    before = corail.picture()
    for name in ("ledger.db", "ledger.db-wal", "ledger.db-shm"):
        (corail.home.path / name).unlink(missing_ok=True)
    assert any("ledger knows nothing" in note for note in corail.plan().notes)
    result = corail.sync()
    assert (result.written, sync.exit_of(result)) == (0, 0)
    assert corail.picture() == before


def test_another_home_for_the_same_tenant_doubles_nothing(corail: Corail, hero: int, tmp_path: Path) -> None:
    before = corail.picture()
    copy = tmp_path / "copy"
    shutil.copytree(corail.home.path, copy, ignore=shutil.ignore_patterns("ledger.db*", "plans"))
    copy.chmod(0o700)
    corail.home = type(corail.home).open(str(copy))
    assert (corail.sync(hero).written, corail.picture()) == (0, before)


def test_a_second_pair_of_eyes_on_a_shared_mailbox_changes_nothing(corail: Corail) -> None:
    """Two employed people resolve to one mailbox: nothing of either is created, updated or removed."""
    paul, virginie = corail.case("shared-mail").people
    event = corail.owner(paul).add("Absent", "2026-12-07", "2026-12-08")
    assert corail.sync(paul, virginie).written == 0
    assert corail.events(paul) == [event]


def test_somebody_hired_again_takes_the_mailbox_over_without_losing_the_past(corail: Corail) -> None:
    again, former = corail.case("rehired").people
    corail.sync(again, former, since="start")
    assert corail.shown(again) == ["2027-01-11"]
    assert corail.sync(former, since="start").written == 0


def test_a_marker_from_a_test_copy_of_this_figgo_is_a_finding_and_stops_nobody(
    corail: Corail, hero: int
) -> None:
    """The copy knows the same people and periods under another host; one mailbox was once tried with it."""
    (event,) = corail.events(hero)
    private = {**event["extendedProperties"]["private"]}
    private["figgoOpsKey"] = private["figgoOpsKey"].replace("corail.", "corail-test.")
    copied = corail.owner(hero).add(
        "Absent", "2026-12-02", "2026-12-03", extendedProperties={"private": private}
    )
    seen = corail.plan(hero)
    assert (seen.changes, [finding.verdict for finding in seen.findings]) == ((), ["foreign"])
    assert corail.sync().created == 63
    assert copied in corail.events(hero)
    corail.rewrite('host = "corail.ilucca.net"', 'host = "corail-groupe.ilucca.net"')
    with pytest.raises(Refused, match="doubled"):
        corail.sync()
