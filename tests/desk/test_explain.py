"""Explain through its notebook: the verbs answer as the command does, and the kept copy says no more."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from figgo_ops.desk import explain, notebooks
from figgo_ops.errors import UsageError
from figgo_ops.home import VARIABLE
from tests.rehearsal import Corail

DAY = "2026-12-02"


@pytest.fixture
def corail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Corail]:
    """Active from the start; the desk works in its home and on its clock."""
    with Corail(tmp_path) as made:
        made.activate()
        monkeypatch.setenv(VARIABLE, str(made.home.path))
        monkeypatch.setattr("figgo_ops.session.SystemClock", lambda: made.clock)
        yield made


def test_the_answer_names_verdict_rule_and_the_command_that_goes_on(corail: Corail) -> None:
    number = corail.case("whole-day").person
    corail.sync(number)
    corail.owner(number).rename(corail.event_id(number), "Ski")
    found = explain.look("corail", f" {number} ", DAY)
    told = explain.answer(found)
    assert (told.exit, told.document["verdict"], told.document["key"]) == (6, "edited", corail.marked()[0])
    assert told.remedy.startswith(f"figgo-ops sync corail --employee {number}")
    assert 'hand_edits = "restore"' in repr(told)
    assert list(explain.leaves(found).frame["Half"]) == ["morning", "afternoon"]
    assert list(explain.shown(found).frame["Dates"]) == [DAY]
    assert list(explain.runs(found).frame["Outcome"]) == ["done"]
    assert len(explain.calls(found)) == 3
    assert "Ski" not in repr([told, explain.shown(found), told.document]), "its owner's words are theirs"


def test_absence_types_are_numbers_where_the_calendar_does_not_show_them(corail: Corail) -> None:
    found = explain.look("corail", str(corail.case("whole-day").person), DAY)
    (kind,) = set(explain.leaves(found).frame["Type"])
    assert kind.startswith("type ")


def test_a_question_about_nobody_is_refused(corail: Corail) -> None:
    with pytest.raises(UsageError, match="Nobody is asked about"):
        explain.look("corail", " ", DAY)


@pytest.mark.notebook
def test_the_notebook_ends_with_the_answer_and_its_exit_code(tmp_path: Path) -> None:
    """On the real clock, because a kernel has no other."""
    with Corail(tmp_path, today=None) as corail:
        corail.activate()
        case = corail.case("pending")
        day, _ = corail.stage.company.periods[case.period].first
        result = notebooks.run(
            "explain", {"employee": corail.mail(case.person), "date": day.isoformat()}, corail.home.path
        )
        told = json.loads(result.result.read_text())
        page = result.report.read_text()
    assert (result.exit, result.status) == (6, "findings")
    assert told["verdict"]["verdict"] == "not-yet-synced"
    assert told["remedy"].startswith(f"figgo-ops sync corail --employee {case.person}")
    assert "What each call answered" in page
    assert "Congés payés" not in page + result.notebook.read_text(), "a kept copy names no absence type"
