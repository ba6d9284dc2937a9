"""The first load through its notebook and its runbook page, against the rehearsal company."""

import io
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from figgo_ops.__main__ import main
from figgo_ops.desk import initialization, notebooks, shipped
from figgo_ops.errors import Refused, UsageError
from figgo_ops.home import VARIABLE
from figgo_ops.sandbox import Rehearsal
from tests.rehearsal import key_of

RUNBOOK = shipped("runbooks") / "initialization.md"


@pytest.fixture
def company(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rehearsal]:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "home"))
    with Rehearsal(tmp_path / "home") as rehearsal:
        yield rehearsal


def ours(company: Rehearsal) -> list[dict[str, Any]]:
    """Every event of ours, read behind the provider's back."""
    return [event for events in company.calendars().values() for event in events if key_of(event)]


def run(company: Rehearsal, **values: str) -> notebooks.RunResult:
    return notebooks.run("initialization", values, company.home)


@pytest.mark.notebook
def test_the_notebook_looks_first_and_writes_only_the_plan_that_was_confirmed(company: Rehearsal) -> None:
    seen = run(company)
    assert (seen.exit, seen.status) == (0, "done")
    assert seen.verdict["created"] > 50
    assert ours(company) == []
    page = seen.report.read_text()
    assert "REHEARSAL" in page
    assert "Inès Carrel" in page
    for calendar in ("google", "exchange"):
        assert f"({calendar})" in page, "which mailbox of which calendar"
    assert f"--confirm {seen.verdict['checksum']}" in page
    done = run(company, confirm=seen.verdict["checksum"])
    assert done.exit == 0
    assert done.verdict["created"] == seen.verdict["created"] == len(ours(company))
    for value in _secrets(company):
        for path in (*seen.folder.iterdir(), *done.folder.iterdir()):
            assert value not in path.read_text(), path


@pytest.mark.notebook
@pytest.mark.parametrize(
    ("values", "exit_code", "says"),
    [
        ({"tenant": "corale"}, 2, "corail"),
        ({"confirm": "plan-000000000000"}, 3, "Make the plan again"),
        ({"legal_entities": "Paris"}, 2, "ids with commas"),
    ],
)
def test_what_a_person_got_wrong_ends_in_message_and_remedy_and_nothing_is_written(
    company: Rehearsal, values: dict[str, str], exit_code: int, says: str
) -> None:
    result = run(company, **values)
    told = json.loads(result.result.read_text())
    assert result.exit == exit_code
    assert says in told["message"] + told["remedy"]
    assert "Traceback" not in result.report.read_text()
    assert ours(company) == []


def test_after_the_first_load_there_is_nothing_left_to_write(company: Rehearsal) -> None:
    plan = initialization.look("corail")
    written = initialization.act(plan, plan.checksum)
    assert written.exit == 0
    again = initialization.look("corail")
    assert again.changes == ()
    assert again.unchanged == len(plan.changes) == len(ours(company))
    assert "Nothing to apply" in repr(initialization.act(again))


def test_without_confirm_act_writes_nothing_and_says_how_to_confirm(company: Rehearsal) -> None:
    plan = initialization.look("corail")
    verdict = initialization.act(plan, " ")
    assert ours(company) == []
    assert plan.checksum in verdict.remedy
    assert verdict.document["checksum"] == plan.checksum


def test_a_checksum_nobody_saw_is_refused(company: Rehearsal) -> None:
    plan = initialization.look("corail")
    with pytest.raises(Refused):
        initialization.act(plan, "plan-123456789abc")
    assert ours(company) == []


def test_legal_entities_narrow_the_plan_to_their_people(company: Rehearsal) -> None:
    whole, part = initialization.look("corail"), initialization.look("corail", legal_entities=" 1 ")
    assert {change.legal_entity for change in part.changes} == {1}
    assert len(part.changes) < len(whole.changes)


def test_start_is_the_first_day_of_the_window(company: Rehearsal) -> None:
    day = company.company.today.replace(day=1)
    assert initialization.look("corail", start=day.isoformat()).window.first == day
    with pytest.raises(UsageError, match="is not a date"):
        initialization.look("corail", start="1 May")


class Reader:
    """Somebody who follows the runbook page, line by line, and notes what `plan` printed."""

    def __init__(self, company: Rehearsal, capsys: pytest.CaptureFixture[str]) -> None:
        someone = next(p for p in company.company.people.values() if p.mail)
        self.known = {"TENANT": "corail", "EMPLOYEE": str(someone.id), "REMOVALS": "0"}
        self.capsys = capsys

    def follow(self, line: str) -> int:
        words = [self._filled(word) for word in shlex.split(line)]
        assert words[0] == "figgo-ops"
        exit_code = main([*words[1:], "--json"])
        told = json.loads(self.capsys.readouterr().out)
        if words[1] == "plan":
            self.known |= {"PLAN": told["file"], "CHECKSUM": told["checksum"]}
        return exit_code

    def _filled(self, word: str) -> str:
        return re.sub(r"\$([A-Z]+)", lambda name: self.known[name[1]], word)


@pytest.mark.notebook
def test_every_command_of_the_runbook_page_does_what_the_page_says(
    company: Rehearsal, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = Reader(company, capsys)
    key = (company.home / "secrets" / "corail-figgo.key").read_text()
    lines = [
        line
        for block in re.findall(r"```sh\n(.*?)```", RUNBOOK.read_text(), re.DOTALL)
        for line in block.splitlines()
    ]
    assert len(lines) > 15
    for line in lines:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(key.encode())))
        assert reader.follow(line) == 0, line
    assert ours(company)


def test_the_runbook_page_has_the_six_parts_in_their_order() -> None:
    headings = re.findall(r"^## (.*)$", RUNBOOK.read_text(), re.MULTILINE)
    assert headings == ["Symptom", "Look", "What it means", "Repair", "Verify", "Escalate"]


def _secrets(company: Rehearsal) -> list[str]:
    """Figgo's keys, Exchange's password, and the private key as a file and as JSON hold it."""
    folder = company.home / "secrets"
    keys = [path.read_text().strip() for path in folder.iterdir() if path.suffix in (".key", ".password")]
    private = json.loads((folder / "corail-google.json").read_text())["private_key"]
    return [*keys, private, *private.splitlines()[1:-1]]
