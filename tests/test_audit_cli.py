"""`figgo-ops audit`: what it prints for people and programs, its exit codes, and what it refuses."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rehearsal import Corail
from tests.shell import PLAN, Shell, quiet_surroundings, shaped

EVENT = {"verdict", "key", "employee", "mailbox", "start", "end", "reason"}
VERDICTS = {
    *("in-order", "missing", "orphaned", "duplicate", "copied", "edited", "stale-policy", "wrong-mailbox"),
    *("foreign", "taken-over", "look-alike", "not-visible", "absent", "unreadable"),
}


@pytest.fixture
def shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Shell]:
    """Types commands for a company whose calendars were loaded."""
    quiet_surroundings(monkeypatch, tmp_path / "elsewhere")
    before = signal.getsignal(signal.SIGTERM)
    with Corail(tmp_path) as corail:
        monkeypatch.setattr("figgo_ops.session.SystemClock", lambda: corail.clock)
        corail.activate()
        corail.load()
        yield Shell(corail, capsys.readouterr)
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def hero(shell: Shell) -> int:
    """Somebody whose only event its owner renamed; somebody else's is gone."""
    number, other = (shell.corail.case(name).person for name in ("whole-day", "half-day-am"))
    shell.corail.owner(number).rename(shell.corail.event_id(number), "Ski")
    shell.corail.owner(other).delete(shell.corail.event_id(other))
    return number


def test_a_clean_audit_says_so_and_ends_in_0(shell: Shell) -> None:
    ran = shell("audit", "corail")
    assert ran.exit == 0
    assert ran.out.startswith("REHEARSAL")
    assert ": clean." in ran.out
    assert "in-order" in ran.out


def test_programs_get_every_event_with_its_verdict(shell: Shell, hero: int) -> None:
    ran = shell.json("audit", "corail")
    shaped(ran.document, {"tenant": str, "complete": bool, "verdicts": dict, "events": list})
    document = ran.document
    assert (ran.exit, document["tenant"], document["complete"]) == (6, "corail", True)
    assert set(document["verdicts"]) <= VERDICTS
    assert all(set(row) >= EVENT for row in document["events"])
    assert {type(number) for number in document["verdicts"].values()} == {int}
    assert sum(document["verdicts"].values()) == len(document["events"])
    (edited,) = (row for row in document["events"] if row["verdict"] == "edited")
    assert (edited["employee"], edited["start"], edited["end"]) == (hero, "2026-12-02", "2026-12-02")
    assert (edited["leave"], edited["shown"]) == ("present", "present")
    assert "Ski" not in ran.out, "its owner's words are theirs"


def test_people_get_what_needs_action_and_the_repair_ends_with_its_apply_line(
    shell: Shell, hero: int, tmp_path: Path
) -> None:
    file = tmp_path / "réparation.json"
    ran = shell("audit", "corail", "--repair", file)
    assert ran.exit == 6
    assert "NOT clean" in ran.out
    assert f"({hero})" in ran.out
    line = ran.out.splitlines()[-1].partition(": ")[2]
    assert str(file) in line
    assert shell.typed(line).exit == 0
    assert shell("audit", "corail").exit == 0


def test_a_repair_of_one_verdict_says_what_it_would_write(shell: Shell, hero: int, tmp_path: Path) -> None:
    ran = shell.json("audit", "corail", "--repair", tmp_path / "plan.json", "--verdict", "edited")
    shaped(ran.document["repair"], PLAN)
    counts = {name: ran.document["repair"][name] for name in ("created", "updated", "deleted")}
    assert counts == {"created": 0, "updated": 1, "deleted": 0}
    again = shell.json("audit", "corail", "--repair", tmp_path / "plan.json", "--verdict", "missing")
    assert again.document["repair"]["created"] == 1, "an older plan is written over"


def test_it_is_narrowed_like_a_plan(shell: Shell, hero: int) -> None:
    ran = shell.json("audit", "corail", "--employee", hero)
    assert ran.document["verdicts"] == {"edited": 1}
    assert shell.json("audit", "corail", "--legal-entity", 3).exit == 0


def test_what_could_not_be_read_is_never_called_clean(shell: Shell, hero: int) -> None:
    shell.corail.stage.google.set_state(shell.corail.mail(hero), "suspended")
    ran = shell("audit", "corail", "--employee", hero)
    assert ran.exit == 1
    assert "NOT complete, 1 unread" in ran.out
    assert "Not readable: " in ran.out
    document = shell.json("audit", "corail", "--employee", hero).document
    assert (document["complete"], document["verdicts"]) == (False, {"unreadable": 1})
    (row,) = document["events"]
    assert (row["verdict"], row["leave"], row["shown"]) == ("unreadable", "could not tell", "could not tell")


@pytest.mark.parametrize(
    ("words", "says", "remedy"),
    [
        (["--verdict", "missing"], "--verdict chooses", "--repair FILE"),
        (["--repair", "new.json", "--verdict", "copied"], "'copied' is no verdict", "missing, orphaned"),
        (["--repair", "new.json", "--verdict", "mising"], "'mising' is no verdict", "missing, orphaned"),
        (["--repair", "letter.txt"], "is no plan; it was left alone", "another file"),
        (["--repair", "no/such/folder/plan.json"], "cannot be written", "folder of yours"),
        (["--mailboxes", "absent.csv"], "cannot be read: No such file", "one mail address a line"),
        (["--mailboxes", "latin.csv"], "not UTF-8", "one mail address a line"),
        (["--mailboxes", "wrong.csv"], "wrong.csv, line 2 is no mailbox", "with one of google, exchange"),
        (["--mailboxes", "calendar.csv"], "calendar.csv, line 1 is no mailbox", "with one of google, exch"),
        (["--mailboxes", "which.csv"], "which.csv, line 1 is no mailbox", "with one of google, exchange"),
    ],
)
def test_what_a_person_got_wrong_is_refused_with_the_cause_and_the_next_step(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], says: str, remedy: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("letter.txt").write_text("Chère Zoé", encoding="utf-8")
    Path("latin.csv").write_bytes("zoé@corail.example".encode("latin-1"))
    Path("wrong.csv").write_text("a@corail.example,google\nZoé Lefèvre,google\n", encoding="utf-8")
    Path("calendar.csv").write_text("a@corail.example,microsoft365\n", encoding="utf-8")
    Path("which.csv").write_text("a@corail.example\n", encoding="utf-8")
    shell.refused("audit", "corail", *words, exit=2, says=says, remedy=remedy)
    assert Path("letter.txt").read_text(encoding="utf-8") == "Chère Zoé"


def test_a_wrong_verdict_or_file_is_refused_before_anything_is_read(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Chère Zoé", encoding="utf-8")
    shell.corail.forget_calls()
    assert shell("audit", "corail", "--repair", tmp_path / "letter.txt").exit == 2
    assert shell("audit", "corail", "--repair", tmp_path / "new.json", "--verdict", "clean").exit == 2
    assert shell.corail.stage.log.entries() == []


def test_a_figgo_that_is_down_ends_in_7_and_says_nothing_of_any_event(shell: Shell) -> None:
    shell.corail.fault("figgo", "status", value=503, times=None)
    ran = shell.json("audit", "corail")
    assert (ran.exit, ran.error["exit"]) == (7, 7)
