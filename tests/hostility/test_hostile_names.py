"""Whatever somebody is called: text stays text, rows stay rows, and calendars say it once."""

import csv
import io
import json
import sqlite3
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from figgo_ops import words
from figgo_ops.__main__ import main
from figgo_ops.desk import reports
from figgo_ops.events import clean_title
from figgo_ops.plan import Plan
from tests.desk.books import notebook
from tests.hostility.names import NAMES
from tests.hostility.reading import Seen, on_a_page, settled, steering, strict
from tests.hostility.world import World
from tests.rehearsal import TENANT, Event
from tests.shell import quiet_surroundings


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Everyone on the list, nothing in any calendar yet."""
    with World(tmp_path_factory.mktemp("hostile")) as made:
        yield made


@pytest.fixture(scope="module")
def plan(world: World) -> Plan:
    """The first load, as seen."""
    return world.corail.plan()


@pytest.fixture
def typed(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> Callable[..., tuple[int, bytes, bytes]]:
    """A command: its exit code, and the bytes that it wrote."""
    world = request.getfixturevalue("written" if "written" in request.fixturenames else "world")
    quiet_surroundings(monkeypatch, tmp_path / "elsewhere")
    monkeypatch.setattr("figgo_ops.session.SystemClock", lambda: world.corail.clock)
    monkeypatch.setattr(words, "ROWS", len(NAMES))

    def run(*given: str) -> tuple[int, bytes, bytes]:
        capfdbinary.readouterr()
        code = main([*given, "--home", str(world.corail.home.path)])
        return code, *capfdbinary.readouterr()

    return run


Typed = Callable[..., tuple[int, bytes, bytes]]


def test_everyone_on_the_list_gets_a_plan(world: World, plan: Plan) -> None:
    assert len(NAMES) >= 200
    assert {change.employee for change in plan.changes} == set(world.people.values())
    assert (plan.skipped, plan.unreadable, plan.refused) == ((), (), ())


def test_in_a_terminal_each_row_is_one_line_and_nothing_steers(world: World, typed: Typed) -> None:
    code, out, err = typed("plan", TENANT)
    text = out.decode()
    assert (code, steering(text + err.decode())) == (0, [])
    lines = text.split("\n")
    rows = [line for line in lines if "  create  new " in line]
    by_person = {
        label: [row for row in rows if f"({number})  " in row] for label, number in world.people.items()
    }
    assert {label: len(found) for label, found in by_person.items() if len(found) != 1} == {}
    assert len(rows) == 2 * len(NAMES), "one more each in the counts by legal entity"
    assert max(map(len, rows)) < 200
    assert max(map(len, lines)) < 400


def test_a_plan_for_programs_is_one_strict_document(typed: Typed) -> None:
    code, out, _ = typed("plan", TENANT, "--json")
    document = strict(out)
    assert (code, document["created"], out.count(b"\n")) == (0, len(NAMES), 1)


def test_a_plan_file_is_strict_and_holds_no_title(world: World, plan: Plan) -> None:
    assert plan.file is not None
    raw = plan.file.read_bytes()
    assert len(strict(raw)["rows"]) == len(NAMES)
    titles = {label: clean_title(name) for label, name in NAMES.items()}
    held = raw.decode()
    for change in plan.changes:  # which holds much of the name, and belongs here
        held = held.replace(json.dumps(change.mailbox.address)[1:-1], "")
    assert [label for label, title in titles.items() if len(title) > 6 and title in held] == []


@pytest.mark.parametrize("label", NAMES)
def test_a_terminal_table_keeps_its_form(label: str) -> None:
    table = words.table([(NAMES[label], 1), ("Zoé", 2)], ("name", "number"))
    assert (len(table.split("\n")), steering(table)) == (4, [])


@pytest.mark.parametrize("label", NAMES)
def test_an_error_about_somebody_is_strict_and_steers_nothing(
    label: str, typed: Typed, tmp_path: Path
) -> None:
    code, out, _ = typed("plan", NAMES[label] or "x", "--json")
    assert (code, strict(out)["error"]["exit"]) == (2, 2)
    code, out, err = typed("plan", f"--from={NAMES[label]}", TENANT, "--legal-entity", "1")
    assert (code, steering(out.decode() + err.decode())) == (2, [])


def test_a_spreadsheet_finds_as_many_rows_and_no_formula(world: World, plan: Plan, tmp_path: Path) -> None:
    table = reports.before_and_after(plan)
    table.html(tmp_path)
    raw = (tmp_path / "report-changes.csv").read_bytes()
    read = list(csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline="")))
    assert {len(row) for row in read} == {len(read[0])}
    assert len(read) == len(NAMES) + 1
    assert [cell for row in read for cell in row if cell.strip().startswith(tuple("=+-@\uff1d"))] == []
    assert steering("".join(cell for row in read for cell in row)) == []


def test_a_table_as_text_keeps_one_row_to_a_line(plan: Plan) -> None:
    for part in reports.plan_parts(plan):
        assert steering(repr(part)) == []
    assert repr(reports.before_and_after(plan)).count("\n") == len(NAMES) + 2


def test_a_page_holds_everyone_as_text_and_nothing_that_acts(
    world: World, plan: Plan, tmp_path: Path
) -> None:
    parts = reports.plan_parts(plan, world.corail.home.path)
    text = reports.page("Hostile", TENANT, parts, home=world.corail.home.path, folder=tmp_path)
    strange(text, world)


def strange(page: str, world: World) -> None:
    """Nothing in the page acts, and every name and legal entity is to be read in it."""
    seen = Seen(page)
    assert seen.active == []
    assert not set("\0\x07\x1b\x9b") & set(page)
    cells = {settled(cell) for cell in seen.cells}
    expected = {
        label: settled(f"{on_a_page(NAMES[label])} ({number})") for label, number in world.people.items()
    }
    assert {label: text for label, text in expected.items() if text not in cells} == {}
    entities = {label: on_a_page(name) for label, name in NAMES.items()}
    assert [label for label, text in entities.items() if text not in cells] == []


@pytest.fixture(scope="module", params=["google", "exchange", "microsoft365"])
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Everything of the plan in the calendars, at each provider."""
    if request.param == "google":
        world, plan = request.getfixturevalue("world"), request.getfixturevalue("plan")
        yield loaded(world, plan)
        return
    with World(tmp_path_factory.mktemp("hostile"), provider=request.param) as made:
        yield loaded(made, made.corail.plan())


def loaded(world: World, plan: Plan) -> World:
    result = world.corail.apply(plan)
    assert (result.created, result.failed, result.unknown, result.held) == (len(NAMES), [], [], [])
    return world


def title(event: Event) -> str:
    return str(event["subject"] if "change_key" in event else event["summary"])


@pytest.mark.parametrize("label", NAMES)
def test_the_calendar_reads_back_what_was_meant(written: World, label: str) -> None:
    (event,) = written.corail.events(written.people[label])
    type_name = NAMES[label].encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    assert title(event) == (clean_title(type_name) or "Absent")
    assert not [c for c in title(event) if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")]


def test_a_second_sync_writes_nothing(written: World, typed: Typed) -> None:
    written.corail.forget_calls()
    code, out, _ = typed("sync", TENANT, "--json")
    document = strict(out)
    assert (code, document["unchanged"], written.corail.writes()) == (0, len(NAMES), [])
    assert typed("sync", TENANT, "--from", "start")[0] == 0
    assert written.corail.writes() == []


def test_the_ledger_keeps_what_was_written_and_stays_whole(written: World) -> None:
    with sqlite3.connect(written.corail.home.path / "ledger.db") as ledger:
        assert ledger.execute("pragma integrity_check").fetchall() == [("ok",)]
        kept = [text for (text,) in ledger.execute("select after from changes") if text]
    ledger.close()
    titles = sorted(json.loads(text)["title"] for text in map(str, kept))
    assert titles == sorted(
        title(event) for who in written.people.values() for event in written.corail.events(who)
    )


ALOUD = """
from tests.hostility.names import NAMES
import pandas as pd
for name in NAMES.values():
    print(name)
"""
SHOWN = """
from figgo_ops.desk.tables import Table
Table("names", "Everybody", pd.DataFrame({"name": list(NAMES.values())}))
"""
RAISED = """
from figgo_ops.desk import kernel
from figgo_ops.errors import RowFailed
kernel.guard()
raise {}("".join(NAMES[label] for label in ("title", "osclink", "csi8", "dcs", "script", "rlo", "newline")))
"""


@pytest.mark.notebook
@pytest.mark.parametrize("kind", ["ValueError", pytest.param("RowFailed", marks=pytest.mark.proof)])
def test_a_notebook_that_says_names_aloud_leaves_text(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: Typed, kind: str
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    path = notebook(tmp_path / "aloud.ipynb", ALOUD, SHOWN, RAISED.format(kind))
    runs = world.corail.home.path / "runs"
    before = set(runs.iterdir())
    code, out, err = typed("run", str(path))
    assert (code, steering(out.decode() + err.decode())) == (1, [])
    (folder,) = set(runs.iterdir()) - before
    copy = strict((folder / "notebook.ipynb").read_bytes())
    assert "pwned" in json.dumps(copy["cells"][-1])
    assert "pwned" in strict((folder / "result.json").read_bytes())["message"]
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert Seen(page).active == []
    assert not set("\0\x07\x1b\x9b\x9d") & set(page)
