"""A move as typed in a shell: what is printed, for whom, and the exit codes."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.moving import google_for, held, migrated, routing
from tests.rehearsal import GENEVA, Corail
from tests.shell import PLAN, RESULT, Shell, quiet_surroundings, shaped

WEEK, SISTER = 107, 110
MOVE = ("move", "corail", "--to", "google", "--legal-entity", GENEVA)


@pytest.fixture
def shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Shell]:
    """Two people of Geneva are loaded into Exchange, and Google has mailboxes for them."""
    quiet_surroundings(monkeypatch, tmp_path / "elsewhere")
    before = signal.getsignal(signal.SIGTERM)
    with Corail(tmp_path) as corail:
        monkeypatch.setattr("figgo_ops.session.SystemClock", lambda: corail.clock)
        corail.load(WEEK, SISTER)
        google_for(corail, WEEK, SISTER)
        yield Shell(corail, capsys.readouterr)
    signal.signal(signal.SIGTERM, before)


def test_a_move_prints_what_comes_and_goes_and_the_line_that_does_it(shell: Shell) -> None:
    seen = shell(*MOVE)
    assert seen.exit == 0
    assert "2 to create, 0 to update, 2 to remove, 0 unchanged" in seen.out
    assert "Note: 2 events go from exchange once they were read back in google." in seen.out
    assert len(held(shell.corail, "exchange", WEEK)) == 1
    done = shell.typed(seen.out.splitlines()[-1].partition(": ")[2])
    assert (done.exit, "2 created, 0 updated, 2 removed" in done.out) == (0, True)
    assert f"note: To move back: figgo-ops move corail --to exchange --legal-entity {GENEVA}" in done.out
    again = shell(*MOVE)
    assert (again.exit, "Note: Nothing is left to move" in again.out) == (0, True)


def test_programs_get_the_usual_shapes(shell: Shell) -> None:
    seen = shell.json(*MOVE)
    shaped(seen.document, PLAN)
    assert (seen.exit, seen.document["created"], seen.document["deleted"]) == (0, 2, 2)
    done = shell.json("apply", seen.document["file"], "--confirm", seen.document["checksum"])
    shaped(done.document, RESULT)
    assert (done.exit, done.document["created"], done.document["deleted"]) == (0, 2, 2)
    shown = shell.json("tenants", "show", "corail").document
    assert {one["name"]: one.get("retired", False) for one in shown["calendar"]}["exchange"] is True


def test_the_printed_answer_to_look_alikes_is_a_move_that_can_be_typed(shell: Shell) -> None:
    migrated(shell.corail, WEEK, marker=True)
    asked = shell(*MOVE)
    assert asked.exit == 3
    (line,) = (line for line in asked.out.splitlines() if line.startswith("Refused: "))
    adopt = line.partition("ours: ")[2].partition(". To write")[0]
    answered = shell.typed(adopt)
    assert (answered.exit, "1 to create, 1 to update, 2 to remove" in answered.out) == (0, True)
    assert shell.typed(answered.out.splitlines()[-1].partition(": ")[2]).exit == 0


def test_an_old_plan_is_refused_with_the_move_that_makes_it_again(shell: Shell) -> None:
    seen = shell.json(*MOVE).document
    shell.corail.clock.sleep(25 * 3600)
    shell.refused(
        "apply",
        seen["file"],
        "--confirm",
        seen["checksum"],
        exit=3,
        says="over 24 hours ago",
        remedy=f"figgo-ops move corail --to google --legal-entity {GENEVA}",
    )
    assert routing(shell.corail)["exchange"] == ((GENEVA,), False)


def test_what_cannot_be_moved_is_refused_in_words(shell: Shell) -> None:
    shell.refused(
        *("move", "corail", "--to", "gogle"), exit=2, says="no calendar named gogle", remedy="Choose one of"
    )
    shell.refused(*MOVE[:-1], 99, exit=2, says="Legal entity 99", remedy="Known ones")
    shell.refused("move", "corail", exit=2, says="--to", remedy="--help")
    shell.corail.rewrite('state = "active"', 'state = "paused"')
    shell.refused(*MOVE, exit=3, says="corail is paused", remedy="figgo-ops resume corail")
