"""Undo, resume and off-board as typed in a shell: what is printed, for whom, and the exit codes."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from figgo_ops.recall import certificate
from tests.rehearsal import Corail
from tests.shell import PLAN, RESULT, Ran, Shell, quiet_surroundings, shaped


@pytest.fixture
def shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Shell]:
    quiet_surroundings(monkeypatch, tmp_path / "elsewhere")
    before = signal.getsignal(signal.SIGTERM)
    with Corail(tmp_path) as corail:
        monkeypatch.setattr("figgo_ops.session.SystemClock", lambda: corail.clock)
        yield Shell(corail, capsys.readouterr)
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def run(shell: Shell) -> str:
    """The first load."""
    return shell.corail.load().run


def last_line(ran: Ran) -> str:
    return ran.out.splitlines()[-1].partition(": ")[2]


def test_undo_prints_what_it_leaves_and_the_line_with_the_exact_number(shell: Shell, run: str) -> None:
    corail = shell.corail
    hero = corail.case("whole-day").person
    corail.owner(hero).rename(corail.event_id(hero), "Ski")
    seen = shell("undo", run)
    assert seen.exit == 3, "so many removals wait for their number"
    assert "0 to create, 0 to update, 64 to remove, 0 unchanged" in seen.out
    assert f"corail.ilucca.net/{hero}/" in seen.out
    assert "not taken back: its owner changed it since" in seen.out
    assert "--removals 64" in last_line(seen)
    written = shell.typed(last_line(seen))
    assert (written.exit, "64 removed" in written.out) == (0, True)
    assert "note: corail stays paused. To go on: figgo-ops resume corail" in written.out
    refused = shell("sync", "corail")
    assert (refused.exit, "figgo-ops resume corail" in refused.err) == (3, True)
    back = shell("resume", "corail")
    assert (back.exit, "64 to create" in back.out) == (0, True)
    resumed = shell.typed(last_line(back))
    assert (resumed.exit, "note: corail is active again." in resumed.out) == (0, True)
    assert shell("sync", "corail").exit == 0


def test_programs_get_the_shape_of_a_plan_from_every_command_that_writes_one(shell: Shell, run: str) -> None:
    undone = shell.json("undo", run)
    shaped(undone.document, PLAN)
    assert (undone.exit, undone.document["deleted"], undone.document["tenant"]) == (3, 65, "corail")
    resumed = shell.json("resume", "corail")
    shaped(resumed.document, PLAN)
    assert (resumed.exit, resumed.document["unchanged"]) == (0, 65)
    left = shell.json("offboard", "corail")
    shaped(left.document, PLAN)
    assert (left.exit, left.document["deleted"]) == (3, 65)
    words = ("apply", left.document["file"], "--confirm", left.document["checksum"], "--removals", 65)
    done = shell.json(*words)
    shaped(done.document, RESULT)
    assert (done.exit, done.document["deleted"]) == (0, 65)
    assert certificate.is_genuine(done.document["certificate"])
    assert "tenant corail (paused)" in done.err


def test_off_boarding_leaves_a_certificate_for_programs_and_one_to_read(shell: Shell, run: str) -> None:
    done = shell.typed(last_line(shell("offboard", "corail")))
    assert done.exit == 0
    (document,) = shell.corail.home.runs.rglob(certificate.FILE)
    page = document.with_suffix(".html")
    assert f"note: Certificate: {document}" in done.out
    assert f"note: The same to read: {page}" in done.out
    assert certificate.is_genuine(json.loads(document.read_text(encoding="utf-8")))
    assert "Complete: no event of ours is left" in page.read_text(encoding="utf-8")
    assert (page.stat().st_mode & 0o077, document.stat().st_mode & 0o077) == (0, 0)
    assert shell("sync", "corail").exit == 3


def test_two_mailboxes_that_cannot_be_reached_end_with_one_and_the_next_commands(
    shell: Shell, run: str
) -> None:
    corail = shell.corail
    mails = [corail.mail(corail.case(case).person) for case in ("whole-day", "half-day-am")]
    for mail in mails:
        corail.stage.google.set_state(mail, "suspended")
    done = shell.typed(last_line(shell("offboard", "corail", "--hard")))
    assert done.exit == 1
    (unread,) = (line for line in done.out.splitlines() if line.startswith("not readable: "))
    assert all(mail in unread for mail in mails)
    assert "the account is suspended" in unread
    assert "note: Not complete. To try again: figgo-ops offboard corail --hard" in done.out
    line = "figgo-ops offboard corail --hard --give-up 2"
    assert f"note: If they may be given up: {line}" in done.out
    shell.refused(
        "offboard", "corail", "--give-up", 1, exit=3, says="2 places cannot be reached", remedy="--give-up 2"
    )
    given_up = shell.typed(line)
    assert given_up.exit == 1
    assert shell.typed(last_line(given_up)).exit == 0
    assert shell("sync", "corail").exit == 3


def test_one_person_is_off_boarded_and_the_tenant_stays_active(shell: Shell, run: str) -> None:
    hero = shell.corail.case("whole-day").person
    seen = shell("offboard", "corail", "--employee", hero, "--hard")
    assert (seen.exit, "1 to remove" in seen.out) == (0, True)
    done = shell.typed(last_line(seen))
    assert (done.exit, shell.corail.events(hero)) == (0, [])
    page = next(shell.corail.home.runs.rglob("certificate.html")).read_text(encoding="utf-8")
    assert f"employee {hero} of corail" in page
    assert shell("sync", "corail").exit == 0


def test_every_refusal_names_its_next_command(shell: Shell) -> None:
    corail = shell.corail
    shell.refused("undo", "2026-nothing", exit=2, says="knows no run 2026-nothing", remedy="apply printed")
    shell.refused(
        "resume", "corail", exit=3, says="corail is draft, not paused", remedy="figgo-ops plan corail"
    )
    shell.refused("offboard", "corail", exit=3, says="knows no place", remedy="plan corail --from start")
    wrote = corail.load().run
    with corail.session() as session:
        idle = session.ledger.start_run("corail", "sync", "me", {}, "", "1", corail.clock.now())
    shell.refused("undo", idle, exit=3, says="wrote nothing", remedy=f"figgo-ops undo {wrote}")
    unknown = ("offboard", "corail", "--employee", "x@y.example")
    shell.refused(*unknown, exit=2, says="'x@y.example'", remedy="plan corail --from start")
    shell.typed(last_line(shell("offboard", "corail")))
    for words in (("undo", wrote), ("sync", "corail"), ("resume", "corail")):
        ran = shell(*words)
        assert ran.exit == 3
        assert "closed" in ran.err
    assert "figgo-ops offboard corail" in shell("undo", wrote).err


def test_words_that_are_missing_or_wrong_are_named(shell: Shell) -> None:
    shell.refused("undo", exit=2, says="run", remedy="figgo-ops undo --help")
    shell.refused("offboard", exit=2, says="tenant", remedy="figgo-ops offboard --help")
    shell.refused("offboard", "corail", "--give-up", "all", exit=2, says="'all'", remedy="offboard --help")
    shell.refused("resume", "corial", exit=2, says="Did you mean corail?", remedy="Known tenants: corail")
    assert shell.corail.writes() == []
