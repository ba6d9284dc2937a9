"""The page about moving to another calendar: every command on it is run as it stands there."""

import json
import re
import shlex
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from figgo_ops.__main__ import main
from figgo_ops.desk import shipped
from figgo_ops.home import VARIABLE
from tests.moving import google_for, routing, standing
from tests.rehearsal import GENEVA, Corail

PAGE = shipped("runbooks") / "move-to-another-calendar.md"
WEEK = 107


@pytest.fixture
def corail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Corail]:
    """Geneva is loaded into Exchange, and Google has mailboxes for it."""
    before = signal.getsignal(signal.SIGTERM)
    with Corail(tmp_path) as made:
        monkeypatch.setenv(VARIABLE, str(made.home.path))
        monkeypatch.setattr("figgo_ops.session.SystemClock", lambda: made.clock)
        made.load(*made.members(GENEVA))
        google_for(made)
        yield made
    signal.signal(signal.SIGTERM, before)


def blocks(part: str) -> list[list[str]]:
    """The commands of one part of the page, block by block."""
    text = PAGE.read_text(encoding="utf-8").partition(f"## {part}\n")[2].partition("\n## ")[0]
    return [block.splitlines() for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL)]


class Reader:
    """Somebody who follows the page, line by line, and notes what the last command printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.known = {"TENANT": "corail", "CALENDAR": "google", "OLD": "exchange"}
        self.known |= {"ENTITY": str(GENEVA), "EMPLOYEE": str(WEEK), "DATE": "2027-01-05"}
        self.capsys = capsys

    def follow(self, lines: list[str]) -> list[dict[str, object]]:
        """Type these lines; what each one told. All of them end done."""
        assert lines
        return [self._typed(line) for line in lines]

    def _typed(self, line: str) -> dict[str, object]:
        name, *words = (re.sub(r"\$([A-Z]+)", lambda n: self.known[n[1]], word) for word in shlex.split(line))
        exit_code = main([*words, "--json"])
        told: dict[str, object] = json.loads(self.capsys.readouterr().out)
        assert (name, exit_code) == ("figgo-ops", 0), (line, told)
        if "checksum" in told:
            self.known |= {"PLAN": str(told["file"]), "CHECKSUM": str(told["checksum"])}
        return told


def test_whoever_follows_the_page_moves_verifies_and_takes_back(
    corail: Corail, capsys: pytest.CaptureFixture[str]
) -> None:
    reader, people = Reader(capsys), corail.members(GENEVA)
    keys, before = standing(corail, "exchange", *people), routing(corail)
    for block in blocks("Look"):
        reader.follow(block)
    assert (standing(corail, "exchange", *people), routing(corail)) == (keys, before)

    once, again, back = blocks("Repair")
    assert reader.follow(once)[1]["created"] == len(keys)
    assert (standing(corail, "google", *people), standing(corail, "exchange", *people)) == (keys, [])
    assert [told.get("created") for told in reader.follow(again)] == [0, 0, 0]
    (verify,) = blocks("Verify")
    audited, explained, planned = reader.follow(verify)
    assert audited["complete"]
    assert "(google)" in str(explained["mailbox"])
    assert [planned[name] for name in ("created", "updated", "deleted", "unchanged")] == [0, 0, 0, len(keys)]

    reader.follow(back)
    assert (standing(corail, "google", *people), standing(corail, "exchange", *people)) == ([], keys)
    assert routing(corail) == before
    reader.follow(["figgo-ops audit $TENANT --legal-entity $ENTITY"])


def test_the_page_has_the_six_parts_in_their_order() -> None:
    headings = re.findall(r"^## (.*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert headings == ["Symptom", "Look", "What it means", "Repair", "Verify", "Escalate"]


def test_every_name_that_the_page_uses_is_explained_on_it() -> None:
    text = PAGE.read_text(encoding="utf-8")
    introduced = text.partition("## Symptom")[0]
    assert {name for name in re.findall(r"\$[A-Z]+", text) if name not in introduced} == set()
