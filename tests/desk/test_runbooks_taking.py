"""The pages about taking back and leaving: every command on them is run as it stands there."""

import json
import re
import shlex
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from figgo_ops.__main__ import main
from figgo_ops.desk import shipped
from figgo_ops.home import VARIABLE
from figgo_ops.recall import certificate
from tests.rehearsal import Corail
from tests.taking import state

PAGES = ("taken-back", "customer-leaves", "one-persons-data-must-go")


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

    def __init__(self, capsys: pytest.CaptureFixture[str], **known: str) -> None:
        self.known = {"TENANT": "corail", **known}
        self.capsys = capsys
        self.audits: list[int] = []

    def follow(self, page: str) -> int:
        """Run every command; how many there were."""
        text = (shipped("runbooks") / f"{page}.md").read_text(encoding="utf-8")
        blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
        lines = [line for block in blocks for line in block.splitlines()]
        for line in lines:
            self._typed(line)
        return len(lines)

    def _typed(self, line: str) -> None:
        words = [self._filled(word) for word in shlex.split(line)]
        assert words[0] == "figgo-ops"
        exit_code = main([*words[1:], "--json"])
        told = json.loads(self.capsys.readouterr().out)
        if words[1] in ("undo", "resume", "offboard", "plan"):
            self._note(told)
            waits = bool(told["refused"]) and all("--removals" in text for text in told["refused"])
            assert exit_code == (3 if waits else 0), (line, told)
        elif words[1] == "audit":
            assert told["complete"], (line, told)
            self.audits.append(exit_code)
        else:
            assert exit_code == 0, (line, told)

    def _note(self, told: dict[str, Any]) -> None:
        self.known |= {"PLAN": told["file"], "CHECKSUM": told["checksum"], "REMOVALS": str(told["deleted"])}

    def _filled(self, word: str) -> str:
        return re.sub(r"\$([A-Z]+)", lambda name: self.known[name[1]], word)


def test_the_page_about_taking_back_a_run_ends_with_an_active_tenant(
    corail: Corail, capsys: pytest.CaptureFixture[str]
) -> None:
    before = corail.picture()
    corail.rewrite('title = "Absent"', 'title = "Congé"')
    hero = corail.case("whole-day").person
    wrong = corail.sync(hero).run
    assert corail.shown(hero) == ["2026-12-02 Congé"]
    corail.rewrite('title = "Congé"', 'title = "Absent"')
    reader = Reader(capsys, RUN=wrong)
    assert reader.follow("taken-back") >= 9
    assert reader.audits == [6, 0], "what was wrong before is in order afterwards"
    assert (corail.picture(), state(corail)) == (before, "active")


def test_the_page_about_a_customer_who_leaves_ends_closed_and_forgotten(
    corail: Corail, capsys: pytest.CaptureFixture[str]
) -> None:
    assert Reader(capsys, PLACES="0").follow("customer-leaves") >= 9
    assert (corail.marked(), state(corail)) == ([], "closed")
    assert len(list(corail.home.runs.rglob(certificate.FILE))) == 3
    with corail.session() as session:
        assert session.ledger.places("corail") == {}


def test_the_page_about_one_person_leaves_everybody_else_as_they_were(
    corail: Corail, capsys: pytest.CaptureFixture[str]
) -> None:
    hero = corail.case("whole-day").person
    others = {mail: lines for mail, lines in corail.picture().items() if mail != corail.mail(hero)}
    reader = Reader(capsys, EMPLOYEE=corail.mail(hero))
    assert reader.follow("one-persons-data-must-go") >= 8
    assert (corail.picture(), state(corail)) == (others, "active")


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
