"""A customer leaves, or one person's data must go: every event of ours, and a certificate that says so."""

import hashlib
import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from figgo_ops import planfile, sync
from figgo_ops.desk import certificates
from figgo_ops.errors import Refused, UsageError
from figgo_ops.recall import certificate
from figgo_ops.result import Result
from figgo_ops.sandbox.exchange_store import BIN
from tests.rehearsal import Corail, key_of
from tests.taking import (
    PROVIDERS,
    calendar_of,
    confirmed,
    offboarded,
    out_of_reach,
    planned_offboard,
    planned_resume,
    planned_undo,
    provider_of,
    somebody_at,
    state,
    undone,
    within_reach,
    without_traces,
)


@pytest.fixture
def corail(tmp_path: Path) -> Iterator[Corail]:
    """Loaded whole."""
    with Corail(tmp_path) as made:
        made.activate()
        made.load()
        made.forget_calls()
        yield made


@pytest.fixture
def hero(corail: Corail, request: pytest.FixtureRequest) -> int:
    """Somebody with one day off, which is in their calendar; at Google unless said."""
    number = somebody_at(corail, getattr(request, "param", "google"))
    if not corail.events(number):
        corail.load(number)
        corail.forget_calls()
    return number


everywhere = pytest.mark.parametrize("hero", PROVIDERS, indirect=True)


def sealed(result: Result) -> dict[str, Any]:
    """The certificate, with its checksum made again by hand."""
    found = result.certificate
    assert found is not None
    rest = {name: value for name, value in found.items() if name != "checksum"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert found["checksum"] == hashlib.sha256(text.encode("utf-8")).hexdigest()
    assert certificate.is_genuine(found)
    return found


def kept(corail: Corail, result: Result) -> Path:
    """Where the certificate was put."""
    return corail.home.runs / result.run / certificate.FILE


def everything(corail: Corail) -> bytes:
    """Every byte the home holds, apart from certificates, secrets and tenant files."""
    left = [path for path in corail.home.path.rglob("*") if path.is_file()]
    own = [path for path in left if path.name != certificate.FILE]
    return b"".join(
        path.read_bytes()
        for path in own
        if not path.is_relative_to(corail.home.secrets) and not path.is_relative_to(corail.home.tenants)
    )


def test_off_boarding_removes_every_event_of_ours_certifies_it_and_closes_the_tenant(
    corail: Corail, hero: int
) -> None:
    mine = corail.owner(hero).add("Dentiste", "2026-12-02T10:00", "2026-12-02T11:00")
    seen = planned_offboard(corail)
    assert (seen.kind, seen.count("remove"), state(corail)) == ("offboard", 65, "paused")
    result = confirmed(corail, seen)
    assert (result.deleted, corail.marked(), state(corail), sync.exit_of(result)) == (65, [], "closed", 0)
    assert corail.events(hero) == [mine]
    found = sealed(result)
    assert (found["complete"], found["removed"], found["left"], found["unreached"]) == (True, 65, 0, 0)
    assert found["absent"] == []
    bins = {one["calendar"]: one["until"] for one in found["bins"]}
    assert bins == {"google": "2026-12-23", "exchange": "2026-12-07", "microsoft 365": "2026-12-07"}
    assert json.loads(kept(corail, result).read_text(encoding="utf-8")) == found
    assert corail.calls("figgo") == [], "the places are what the ledger knows; Figgo is not asked"
    with pytest.raises(Refused) as caught:
        corail.sync()
    assert (caught.value.exit, "figgo-ops offboard corail" in caught.value.remedy) == (3, True)
    with pytest.raises(Refused, match="is closed"):
        planned_undo(corail, result.run)


@pytest.mark.parametrize("hero", ["exchange"], indirect=True)
@pytest.mark.parametrize("deletion", ["soft", "hard"])
def test_the_certificate_says_which_bins_still_hold_what_was_removed(
    corail: Corail, hero: int, deletion: str
) -> None:
    corail.rewrite('kind = "exchange"', f'kind = "exchange"\ndeletion = "{deletion}"')
    found = sealed(offboarded(corail))
    assert (found["complete"], corail.events(hero), state(corail)) == (True, [], "closed")
    left = [one["folder"] for one in corail.stage.exchange.content(corail.mail(hero), deleted=True)]
    assert left == ([BIN] if deletion == "soft" else [])
    (kept,) = (one for one in found["bins"] if one["calendar"] == "exchange")
    assert (kept["until"], kept["owner_empties"]) == (("2026-12-07", True) if left else ("", False))
    page = certificates.rendered(found, corail.home.path)
    emptied = 2 if deletion == "soft" else 1
    assert page.count("each owner empties their bin; not before 2026-12-07") == emptied, (
        "Microsoft 365's, too"
    )
    assert ("it keeps none" in page) == (deletion == "hard")


def test_a_certificate_that_somebody_changed_is_not_genuine(corail: Corail) -> None:
    found = sealed(offboarded(corail))
    assert not certificate.is_genuine({**found, "removed": 66})
    assert not certificate.is_genuine({name: value for name, value in found.items() if name != "checksum"})


@everywhere
def test_two_mailboxes_that_cannot_be_reached_end_with_one_and_a_certificate_that_says_so(
    corail: Corail, hero: int
) -> None:
    both = sorted((hero, corail.case("half-day-am").person))
    out_of_reach(corail, *both)
    result = offboarded(corail)
    found = sealed(result)
    assert (sync.exit_of(result), state(corail), found["complete"]) == (1, "paused", False)
    assert found["unreached"] == 2
    assert {row["mailbox"] for row in found["not_reached"]} == {named(corail, n) for n in both}
    reasons = ("suspended", "disabled", "does not hold this mailbox")
    assert all(any(reason in row["why"] for reason in reasons) for row in found["not_reached"])
    assert "Not complete. To try again: figgo-ops offboard corail" in result.notes
    assert "If they may be given up: figgo-ops offboard corail --give-up 2" in result.notes

    within_reach(corail, *both)
    again = offboarded(corail)
    assert (again.deleted, sealed(again)["complete"], state(corail)) == (2, True, "closed")
    assert corail.marked() == []


def named(corail: Corail, number: int) -> str:
    """Somebody's mailbox, as a certificate names it."""
    return f"{corail.mail(number)} ({calendar_of(corail, number)})"


def test_places_are_given_up_only_by_their_exact_number(corail: Corail, hero: int) -> None:
    corail.stage.google.set_state(corail.mail(hero), "suspended")
    for wrong in (0, 2):
        with pytest.raises(Refused, match=f"1 places cannot be reached, not {wrong}") as caught:
            planned_offboard(corail, give_up=wrong)
        assert caught.value.remedy == "If they may be given up: figgo-ops offboard corail --give-up 1"
    result = offboarded(corail, give_up=1)
    found = sealed(result)
    assert (sync.exit_of(result), found["complete"], found["given_up"], found["unreached"]) == (0, True, 1, 1)
    assert state(corail) == "closed"
    assert "given up" in certificates.rendered(found, corail.home.path)
    corail.stage.google.set_state(corail.mail(hero), "ok")
    with pytest.raises(Refused, match="0 places cannot be reached") as caught:
        planned_offboard(corail, give_up=1)
    assert caught.value.remedy == "Nothing is left to give up: figgo-ops offboard corail"
    late = offboarded(corail)
    assert (late.deleted, corail.marked()) == (1, []), "a closed tenant can be tried again"


def test_a_place_that_was_given_up_and_answers_after_all_is_not_called_cleared(
    corail: Corail, hero: int
) -> None:
    corail.stage.google.set_state(corail.mail(hero), "suspended")
    seen = planned_offboard(corail, give_up=1)
    corail.stage.google.set_state(corail.mail(hero), "ok")
    found = sealed(confirmed(corail, seen))
    assert (found["complete"], found["left"], state(corail)) == (False, 1, "paused")


def test_more_places_than_were_given_up_are_an_error(corail: Corail, hero: int) -> None:
    corail.stage.google.set_state(corail.mail(hero), "suspended")
    seen = planned_offboard(corail, give_up=1)
    corail.stage.google.set_state(corail.mail(corail.case("half-day-am").person), "suspended")
    result = confirmed(corail, seen)
    found = sealed(result)
    assert (found["complete"], found["unreached"], sync.exit_of(result)) == (False, 2, 1)
    assert (len(result.unreadable), state(corail)) == (2, "paused")


@everywhere
def test_a_mailbox_that_does_not_exist_any_more_counts_as_reached_and_is_listed(
    corail: Corail, hero: int
) -> None:
    gone = {"google": "deleted", "exchange": "unknown", "microsoft365": "unknown"}[provider_of(corail, hero)]
    corail.stage.keeper(corail.person(hero)).set_state(corail.mail(hero), gone)
    result = offboarded(corail)
    found = sealed(result)
    assert (found["complete"], found["absent"]) == (True, [named(corail, hero)])
    assert (sync.exit_of(result), state(corail)) == (0, "closed")


@everywhere
def test_an_event_that_its_owner_took_over_stays_and_is_listed(corail: Corail, hero: int) -> None:
    corail.owner(hero).invite(corail.event_id(hero), ["zoe@corail.example"])
    before = corail.events(hero)
    result = offboarded(corail)
    found = sealed(result)
    assert (corail.events(hero), found["complete"], found["left_alone"]) == (before, True, {"taken-over": 1})
    (stays,) = found["stays"]
    assert (stays["key"], stays["mailbox"]) == (key_of(before[0]), named(corail, hero))
    assert state(corail) == "closed"


@everywhere
@pytest.mark.parametrize("edits", ["restore", "respect"])
def test_edited_events_go_too_whatever_the_tenant_does_with_edits(
    corail: Corail, hero: int, edits: str
) -> None:
    corail.rewrite('hand_edits = "restore"', f'hand_edits = "{edits}"')
    corail.owner(hero).rename(corail.event_id(hero), "Ski")
    corail.owner(hero).move(corail.event_id(hero), "2024-01-02", "2024-01-03")
    offboarded(corail)
    assert (corail.events(hero), state(corail)) == ([], "closed")


def test_without_the_exact_number_nothing_is_removed_and_the_certificate_says_what_is_left(
    corail: Corail,
) -> None:
    result = corail.apply(planned_offboard(corail))
    found = sealed(result)
    assert (sync.exit_of(result), found["complete"], found["left"]) == (3, False, 65)
    assert (len(corail.marked()), state(corail)) == (65, "paused")


def test_an_off_boarding_can_be_called_off_before_it_is_applied(corail: Corail) -> None:
    seen = planned_offboard(corail)
    corail.apply(planned_resume(corail))
    assert (len(corail.marked()), state(corail)) == (65, "active")
    meanwhile: list[str] = []
    with corail.upon(lambda entry: entry.method == "DELETE", lambda: meanwhile.append(state(corail))):
        confirmed(corail, seen)
    assert meanwhile == ["paused"], "confirmed later after all, it freezes the tenant again first"
    assert (corail.marked(), state(corail)) == ([], "closed")


@everywhere
def test_an_off_boarding_that_did_not_end_can_be_taken_back(corail: Corail, hero: int) -> None:
    out_of_reach(corail, hero)
    before = corail.marked()
    result = offboarded(corail)
    within_reach(corail, hero)
    undone(corail, result.run)
    assert (corail.marked(), state(corail)) == (before, "paused")


def test_an_off_board_plan_is_good_for_a_day_and_names_the_command_that_makes_it_again(
    corail: Corail, hero: int
) -> None:
    seen = planned_offboard(corail, employee=str(hero), hard=True)
    corail.clock.sleep(timedelta(hours=25).total_seconds())
    with pytest.raises(Refused) as caught:
        confirmed(corail, seen)
    assert caught.value.remedy == f"Make it again: figgo-ops offboard corail --employee {hero} --hard"


@everywhere
def test_one_person_goes_and_everybody_else_stays_and_the_tenant_goes_on(corail: Corail, hero: int) -> None:
    others = {mail: events for mail, events in without_traces(corail).items() if mail != corail.mail(hero)}
    seen = planned_offboard(corail, employee=corail.mail(hero).upper())
    assert ({change.employee for change in seen.changes}, state(corail)) == ({hero}, "active")
    with corail.session() as session:
        assert session.tenant.scope.excluded == (), "planning only looks"
    result = confirmed(corail, seen)
    found = sealed(result)
    assert (found["employee"], found["complete"], found["removed"]) == (hero, True, 1)
    assert (corail.events(hero), state(corail)) == ([], "active")
    with corail.session() as session:
        assert session.tenant.scope.excluded == (hero,)
    assert corail.calls("figgo") == []
    nightly = corail.sync()
    assert (nightly.written, sync.exit_of(nightly), corail.events(hero)) == (0, 0, [])
    assert without_traces(corail) == others
    assert corail.plan(hero, since="start").changes == ()


@everywhere
def test_one_person_who_cannot_be_reached_is_tried_again_by_the_command_that_is_told(
    corail: Corail, hero: int
) -> None:
    out_of_reach(corail, hero)
    result = offboarded(corail, employee=str(hero), hard=True)
    assert (sync.exit_of(result), sealed(result)["complete"]) == (1, False)
    line = f"figgo-ops offboard corail --employee {hero} --hard"
    assert result.notes[-2:] == [
        f"Not complete. To try again: {line}",
        f"If they may be given up: {line} --give-up 1",
    ]
    with corail.session() as session:
        assert session.ledger.places("corail")[hero], "what was not reached is not forgotten"
    within_reach(corail, hero)
    again = offboarded(corail, employee=str(hero), hard=True)
    assert (again.deleted, sealed(again)["complete"]) == (1, True)


@everywhere
def test_forgetting_a_person_leaves_no_trace_of_mail_or_key_in_ledger_plans_and_runs(
    corail: Corail, hero: int
) -> None:
    mail = corail.mail(hero)
    key = f"{corail.person(hero).id}/"
    run = corail.home.runs / "20261123T070000-initialization-corail-0001"
    other = corail.home.runs / "20261123T070000-initialization-corail-0002"
    for folder, text in ((run, f"Inès ({hero})"), (other, "Inès (99999)")):
        folder.mkdir(parents=True)
        (folder / "result.json").write_text('{"tenant": "corail"}', encoding="utf-8")
        (folder / "report.html").write_text(text, encoding="utf-8")
    corail.plan(hero)
    assert mail.encode() in everything(corail)
    with corail.session():  # whoever else has the ledger open keeps its log from vanishing by itself
        result = offboarded(corail, employee=str(hero), hard=True)
        left = everything(corail)
    assert (mail.encode() in left, f"corail.ilucca.net/{key}".encode() in left) == (False, False)
    assert (run.exists(), other.exists()) == (False, True)
    assert sealed(result)["complete"] is True
    assert kept(corail, result).exists(), "the certificate stays"
    with corail.session() as session:
        assert hero not in session.ledger.places("corail")
        assert len(session.ledger.places("corail")) > 30, "nobody else is forgotten"
    again = corail.sync()
    assert (again.written, sync.exit_of(again), corail.events(hero)) == (0, 0, [])
    with pytest.raises(UsageError, match="No people of the id or mail"):
        planned_offboard(corail, employee=str(hero))


def test_scrubbing_leaves_no_byte_of_what_was_deleted_while_others_have_the_ledger_open(
    corail: Corail, hero: int
) -> None:
    """SQLite marks deleted bytes as free, and the last one to close the file empties its log."""
    mail = corail.mail(hero).encode()
    with closing(sqlite3.connect(corail.home.path / "ledger.db", isolation_level=None)) as other:
        other.execute("PRAGMA secure_delete = OFF")
        for table in ("changes", "places", "written", "mailboxes"):
            other.execute(f"DELETE FROM {table} WHERE address = ?", (mail.decode(),))
        assert mail in ledger_bytes(corail)
        with corail.session() as session:
            session.ledger.scrub()
            assert mail not in ledger_bytes(corail)


def ledger_bytes(corail: Corail) -> bytes:
    return b"".join(path.read_bytes() for path in corail.home.path.glob("ledger.db*"))


def test_forgetting_a_tenant_leaves_nothing_but_the_certificate(corail: Corail, hero: int) -> None:
    with corail.session():
        result = offboarded(corail, hard=True)
        left = everything(corail)
    assert (sealed(result)["complete"], state(corail)) == (True, "closed")
    for trace in (corail.mail(hero), "corail.ilucca.net/", "Absent"):
        assert trace.encode() not in left, trace
    assert list(corail.home.plans.iterdir()) == []
    assert [path.name for path in corail.home.runs.rglob("*") if path.is_file()] == [certificate.FILE]
    with corail.session() as session:
        assert session.ledger.runs("corail") == []
        assert session.ledger.health("corail") == {}


def test_nothing_is_forgotten_while_something_is_not_reached(corail: Corail, hero: int) -> None:
    corail.stage.google.set_state(corail.mail(hero), "suspended")
    result = offboarded(corail, hard=True)
    assert sealed(result)["complete"] is False
    with corail.session() as session:
        assert session.ledger.run(result.run).id == result.run
        assert hero in session.ledger.places("corail")


def lose_the_ledger(corail: Corail) -> None:
    for path in corail.home.path.glob("ledger.db*"):
        path.unlink()


def test_a_lost_ledger_refuses_and_the_command_it_names_finds_the_places_again(
    corail: Corail, hero: int
) -> None:
    lose_the_ledger(corail)
    with pytest.raises(Refused, match="knows no place") as caught:
        planned_offboard(corail)
    assert "figgo-ops plan corail --from start" in caught.value.remedy
    assert state(corail) == "active"
    corail.plan(hero, since="start")
    with pytest.raises(Refused, match="has never seen everyone of corail"):
        planned_offboard(corail)
    corail.plan(since="start")
    result = offboarded(corail)
    assert (result.deleted, corail.marked(), sealed(result)["complete"]) == (65, [], True)


@everywhere
def test_after_a_lost_ledger_a_mailbox_that_cannot_be_read_is_not_taken_for_clear(
    corail: Corail, hero: int
) -> None:
    lose_the_ledger(corail)
    out_of_reach(corail, hero)
    corail.plan(since="start")
    result = offboarded(corail)
    assert (sealed(result)["unreached"], sync.exit_of(result), state(corail)) == (1, 1, "paused")


def test_nobody_is_off_boarded_under_a_name_that_the_ledger_does_not_know(corail: Corail) -> None:
    with pytest.raises(UsageError, match=r"No people of the id or mail 'nobody@corail\.example'"):
        planned_offboard(corail, employee="nobody@corail.example")
    assert corail.writes() == []


def test_an_off_board_plan_applied_twice_certifies_twice_and_writes_once(corail: Corail) -> None:
    seen = planned_offboard(corail)
    confirmed(corail, seen)
    again = confirmed(corail, seen)
    assert (again.written, again.unchanged, sync.exit_of(again)) == (0, 65, 0)
    assert (sealed(again)["complete"], sealed(again)["removed"], state(corail)) == (True, 0, "closed")


def test_a_plan_that_was_edited_names_the_command_that_makes_it_again(corail: Corail, hero: int) -> None:
    seen = planned_offboard(corail, employee=str(hero))
    assert seen.file is not None
    text = seen.file.read_text(encoding="utf-8")
    copy = seen.file.with_name("copy.json")
    copy.write_text(text.replace('"remove"', '"update"'), encoding="utf-8")
    with pytest.raises(Refused) as caught:
        planfile.load(copy)
    assert caught.value.remedy == f"Make the plan again: figgo-ops offboard corail --employee {hero}"


def test_the_page_of_a_certificate_says_it_all_escapes_it_and_asks_no_network(
    corail: Corail, hero: int
) -> None:
    corail.stage.google.set_state(corail.mail(hero), "suspended")
    result = offboarded(corail)
    found = {**sealed(result), "stays": [_hostile()], "left_alone": {"taken-over": 1}}
    page = certificates.rendered(found, corail.home.path)
    assert "REHEARSAL" in page
    assert "Not complete: 1 places were not reached" in page
    for text in (corail.mail(hero), found["checksum"], "2026-12-23", result.run, "&lt;script&gt;alert(1)"):
        assert text in page, text
    for sign in ("<script", "http://", "https://", "src=", "@import"):
        assert sign not in page, sign
    copied = corail.home.path / "copy" / certificate.FILE
    shutil.copytree(kept(corail, result).parent, copied.parent)
    written = certificates.beside(copied, corail.home.path)
    assert (written.name, written.stat().st_mode & 0o077) == ("certificate.html", 0)


def _hostile() -> dict[str, str]:
    return {
        "key": "k",
        "mailbox": "<script>alert(1)</script>",
        "start": "2026-12-02",
        "end": "2026-12-02",
        "why": "taken over",
    }
