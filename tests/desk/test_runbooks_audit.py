"""The pages about what an audit finds: every command on them is run on what they are about."""

import json
import re
import shlex
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_args

import pytest

from figgo_ops import verdicts
from figgo_ops.__main__ import main
from figgo_ops.desk import shipped
from figgo_ops.explaining import reasons
from figgo_ops.home import VARIABLE
from tests.rehearsal import Corail

PAGES = ("audit", "events-missing", "events-doubled", "wrong-title-or-hours", "after-a-mail-migration")
DAY = "2026-12-02"


@pytest.fixture
def corail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Corail]:
    """Loaded whole."""
    before = signal.getsignal(signal.SIGTERM)
    with Corail(tmp_path) as made:
        monkeypatch.setenv(VARIABLE, str(made.home.path))
        monkeypatch.setattr("figgo_ops.session.SystemClock", lambda: made.clock)
        made.load()
        yield made
    signal.signal(signal.SIGTERM, before)


class Reader:
    """Somebody who follows a page, line by line, and notes what the last command printed."""

    def __init__(self, corail: Corail, capsys: pytest.CaptureFixture[str]) -> None:
        hero = corail.case("whole-day").person
        self.known = {"TENANT": "corail", "EMPLOYEE": str(hero), "DATE": DAY}
        self.known |= {
            "FILE": str(corail.home.path / "repair.json"),
            "MAILBOXES": str(corail.home.path / "f.txt"),
        }
        self.capsys = capsys
        self.ended: list[tuple[str, int]] = []

    def follow(self, page: str) -> None:
        """Run every command; each ends done, or with findings where it only looks."""
        text = (shipped("runbooks") / f"{page}.md").read_text(encoding="utf-8")
        for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL):
            for line in block.splitlines():
                self._typed(line)

    def _typed(self, line: str) -> None:
        name, *words = [self._filled(word) for word in shlex.split(line)]
        exit_code = main([*words, "--json"])
        told = json.loads(self.capsys.readouterr().out)
        looks = words[0] in ("audit", "explain", "run")
        assert (name, exit_code) in {("figgo-ops", 0), ("figgo-ops", 6 if looks else 0)}, (line, told)
        made = told.get("repair", told)
        if "checksum" in made:
            self.known |= {"PLAN": made["file"], "CHECKSUM": made["checksum"]}
        self.ended.append((words[0], exit_code))

    def _filled(self, word: str) -> str:
        return re.sub(r"\$([A-Z]+)", lambda name: self.known[name[1]], word)


def deleted(corail: Corail) -> None:
    hero = corail.case("whole-day").person
    corail.owner(hero).delete(corail.event_id(hero))


def copied(corail: Corail) -> None:
    hero = corail.case("whole-day").person
    corail.owner(hero).copy(corail.event_id(hero))


def renamed(corail: Corail) -> None:
    hero, other = corail.case("whole-day").person, corail.case("half-day-am").person
    for number in (hero, other):
        corail.owner(number).rename(corail.event_id(number), "Ski")


def migrated(corail: Corail) -> None:
    """The new mailbox is empty, and nobody but the administrator remembers the old one."""
    hero = corail.case("whole-day").person
    (corail.home.path / "f.txt").write_text(f"{corail.mail(hero)},google", encoding="utf-8")
    corail.stage.google.add_user("maelle.nouvelle@corail.example")
    corail.stage.change_mail(hero, "maelle.nouvelle@corail.example", move_mailbox=False)
    for path in corail.home.path.glob("ledger.db*"):
        path.unlink()


@pytest.mark.parametrize(
    ("page", "happened"),
    [
        ("events-missing", deleted),
        ("events-doubled", copied),
        ("wrong-title-or-hours", renamed),
        ("after-a-mail-migration", migrated),
    ],
)
def test_whoever_follows_a_page_finds_the_trouble_and_leaves_the_calendars_as_they_were(
    corail: Corail, capsys: pytest.CaptureFixture[str], page: str, happened: Callable[[Corail], None]
) -> None:
    before, hero = corail.marked(), corail.case("whole-day").person
    happened(corail)
    reader = Reader(corail, capsys)
    reader.follow(page)
    looked = [code for command, code in reader.ended if command in ("audit", "explain")]
    assert (looked[0] or looked[1], looked[-1]) == (6, 0)
    assert (corail.marked(), corail.shown(hero)) == (before, [DAY])


@pytest.mark.notebook
def test_whoever_follows_the_page_about_the_audit_ends_with_a_clean_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On the real clock, because a kernel has no other."""
    before = signal.getsignal(signal.SIGTERM)
    with Corail(tmp_path, today=None) as corail:
        monkeypatch.setenv(VARIABLE, str(corail.home.path))
        corail.load()
        deleted(corail)
        reader = Reader(corail, capsys)
        reader.follow("audit")
    signal.signal(signal.SIGTERM, before)
    assert [code for command, code in reader.ended if command == "run"] == [6, 6]
    assert reader.ended[-1] == ("audit", 0)


@pytest.mark.parametrize("page", PAGES)
def test_each_page_has_the_six_parts_in_their_order(page: str) -> None:
    text = (shipped("runbooks") / f"{page}.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert headings == ["Symptom", "Look", "What it means", "Repair", "Verify", "Escalate"]


@pytest.mark.parametrize("page", PAGES)
def test_every_name_that_a_page_uses_is_explained_on_it(page: str) -> None:
    text = (shipped("runbooks") / f"{page}.md").read_text(encoding="utf-8")
    introduced = text.partition("## Symptom")[0]
    assert {name for name in re.findall(r"\$[A-Z]+", text) if name not in introduced} == set()


def test_the_page_about_the_audit_explains_every_verdict() -> None:
    text = (shipped("runbooks") / "audit.md").read_text(encoding="utf-8")
    assert {verdict for verdict in verdicts.ALL if f"*{verdict}*" not in text} == set()


@pytest.mark.parametrize("page", PAGES)
def test_a_page_names_no_verdict_that_there_is_not(page: str) -> None:
    text = (shipped("runbooks") / f"{page}.md").read_text(encoding="utf-8")
    known = {*verdicts.ALL, *get_args(reasons.Verdict)}
    assert set(re.findall(r"\*([a-z]+(?:-[a-z]+)+)\*", text)) <= known
