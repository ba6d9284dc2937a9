"""The demo tells the whole journey, leaves reports to open, and never touches files that no demo made."""

import json
import os
import re
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

import pytest

from figgo_ops import demo
from figgo_ops.__main__ import main
from figgo_ops.desk import lab
from figgo_ops.home import Home
from figgo_ops.ledger import Ledger
from figgo_ops.sandbox import Rehearsal

STORY = (
    "REHEARSAL  tenant corail  home ",
    "65 people in 3 legal entities",
    "Corail Paris     Europe/Paris        google",
    "Corail Genève    Europe/Zurich       exchange",
    "Corail Antilles  America/Martinique  microsoft 365",
    "Look: what would the first load write?",
    " at Google, ",
    " at Exchange and ",
    " at Microsoft 365; nothing was written.",
    "The plan is plan-",
    "$ figgo-ops run initialization -p tenant=corail -p confirm=plan-",
    "writing calls: ",
    "Once more: nothing to write.",
    "; no write.",
    "ask for a week off: tentative.",
    "google         Absent, Mon ",
    ", tentative",
    "exchange       Absent, Mon ",
    ", tentative",
    "microsoft 365  Absent, Mon ",
    ", tentative",
    "Their managers approve: confirmed.",
    "google         Absent, Mon ",
    ", confirmed",
    "exchange       Absent, Mon ",
    ", confirmed",
    "microsoft 365  Absent, Mon ",
    ", confirmed",
    "HR takes the Wednesday out: two events.",
    "google         Absent, Mon ",
    "google         Absent, Thu ",
    "exchange       Absent, Mon ",
    "exchange       Absent, Thu ",
    "microsoft 365  Absent, Mon ",
    "microsoft 365  Absent, Thu ",
    "The rest is cancelled: gone.",
    "(no event)",
    "drag an event a week later, one in each calendar: found and put back.",
    "google         Absent, ",
    "exchange       Absent, ",
    "microsoft 365  Absent, ",
    "The audit reads the mailboxes themselves.",
    "1 duplicate, 1 edited, ",
    "1 missing",
    "$ figgo-ops explain corail --employee ",
    "We wrote this event, and somebody removed it from the calendar; the next sync restores it.",
    "/plans/repair.json --confirm plan-",
    " in-order",
    "undo.",
    "$ figgo-ops undo ",
    "3 events removed; the tenant is paused",
    "$ figgo-ops resume corail",
    "(no event)",
    "migrates Geneva's mailboxes from Exchange to Microsoft 365",
    '$ figgo-ops move corail --to "microsoft 365" --legal-entity 2 --look-alikes adopt',
    " recognised by their marker, ",
    " by title and days.",
    "1 to create, 1 to remove.",
    "is not there yet: Exchange goes on serving it.",
    "$ figgo-ops apply ",
    "1 created, ",
    " marked again, 1 removed.",
    "corail.toml says: microsoft 365 is Geneva's calendar from now on.",
    "65 in-order, ",
    "The last mailbox is migrated: its events are known there.",
    "; no write.",
    "Reports to open in a browser, without network:",
    "report.html",
    "figgo-ops lab --rehearsal",
)

AT_EACH = r"(\d+) at Google, (\d+) at Exchange and (\d+) at Microsoft 365"
PLANNED = rf"(\d+) events to create, {AT_EACH};.*\s+The plan is (plan-[0-9a-f]{{12}})"
CREATED = rf"confirm=(plan-\w+)\s+(\d+) events created; writing calls: {AT_EACH}"
MOVED = r"(\d+) recognised by their marker, (\d+) by title and days\.\s+(\d+) to create, (\d+) to remove\."


def begun(out: Path, *more: str) -> "subprocess.Popen[str]":
    environment = {**os.environ, "FIGGO_OPS_HOME": str(out.parent / "elsewhere")}
    environment.pop("FIGGO_OPS_LEDGER", None)
    return subprocess.Popen(
        [sys.executable, "-m", "figgo_ops", "demo", "--out", str(out), *more],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        text=True,
    )


@pytest.mark.notebook
def test_the_demo_ends_well_also_where_one_was_cut_off_before(tmp_path: Path) -> None:
    out = tmp_path / "démo"
    with begun(out) as cut:
        assert cut.stdout is not None
        assert "REHEARSAL" in cut.stdout.readline()
        cut.send_signal(signal.SIGTERM)
        _, err = cut.communicate(timeout=120)
    assert (cut.returncode, "Traceback" in err) == (143, False)
    with begun(out, "--json") as process:
        document, told = process.communicate(timeout=240)
    assert process.returncode == 0
    in_order(told, STORY)
    ((planned, google, exchange, microsoft365, checksum),) = re.findall(PLANNED, told)
    ((confirmed, created, *calls),) = re.findall(CREATED, told)
    assert (confirmed, created, calls[0]) == (checksum, planned, google), "one call an event at Google"
    assert int(google) + int(exchange) + int(microsoft365) == int(planned) > 60
    assert 0 < int(calls[1]) < int(exchange), "one call a mailbox at Exchange"
    assert 0 < int(calls[2]) < int(microsoft365), "one call for several mailboxes at Microsoft 365"
    ((known, alike, new, _),) = re.findall(MOVED, told)
    assert int(known) + int(alike) + int(new) == int(exchange), "each event of Geneva's, once"
    look, act, audit = (Path(line.strip()) for line in told.splitlines() if line.endswith("report.html"))
    assert json.loads(document) == {"home": str(out / "home"), "reports": [str(look), str(act), str(audit)]}
    for report, code in ((look, 0), (act, 0), (audit, 6)):
        page = report.read_text(encoding="utf-8")
        assert "REHEARSAL" in page
        assert "(google)" in page, report
        assert "(exchange)" in page, report
        assert "(microsoft 365)" in page, report
        assert report.stat().st_mode & 0o077 == 0
        assert json.loads(report.with_name("result.json").read_text("utf-8"))["exit"] == code
    tenant = tomllib.loads((out / "home" / "tenants" / "corail.toml").read_text(encoding="utf-8"))
    assert tenant["state"] == "active"
    assert [one["legal_entities"] for one in tenant["calendar"]] == [[1], [], [3, 2]]
    assert [one.get("retired", False) for one in tenant["calendar"]] == [False, True, False]
    ledger = Ledger.open(Home.open(str(out / "home")).ledger)
    assert {run.exit for run in ledger.runs("corail")} == {0}
    ledger.close()
    assert not (tmp_path / "elsewhere").exists()


def in_order(text: str, expected: Iterable[str]) -> None:
    """Every piece is in the text, one after the other."""
    for piece in expected:
        assert piece in text, f"{piece!r} was not told, or not there"
        text = text.partition(piece)[2]


def test_files_that_no_demo_made_stay(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "thesis.txt").write_text("chapter one", encoding="utf-8")
    assert main(["demo", "--out", str(tmp_path)]) == 2
    out, err = capsys.readouterr()
    assert (out, f"{tmp_path} holds files that no demo made" in err, "--out DIR" in err) == ("", True, True)
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_place_that_is_no_folder_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("chapter one", encoding="utf-8")
    for out in (tmp_path / "file", tmp_path / "file" / "demo"):
        assert main(["demo", "--out", str(out)]) == 2
        assert f"{out} cannot be used" in capsys.readouterr().err
    assert (tmp_path / "file").read_text(encoding="utf-8") == "chapter one"


def test_the_rehearsal_company_stays_out_of_a_real_tenants_home(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = Home.open(str(tmp_path / "home"))
    Rehearsal(home.path).stop()
    file = home.tenants / "corail.toml"
    real = file.read_text("utf-8").replace("https://localhost", "https://corail.example", 1)
    file.write_text(real, encoding="utf-8")
    for command in (["sandbox"], ["lab", "--rehearsal"]):
        assert main([*command, "--home", str(home.path)]) == 2
        assert "is a real tenant's" in capsys.readouterr().err
    assert file.read_text("utf-8") == real


def test_the_laboratory_has_the_rehearsal_company_beside_it_for_as_long_as_it_is_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """JupyterLab itself is slow; a look from a process with its environment stands in for it."""
    look = [sys.executable, "-m", "figgo_ops", "plan", "corail", "--json"]
    prepared = lab.prepared

    def quick(home: Path, port: int | None = None) -> lab.Lab:
        ready = prepared(home, port)
        return lab.Lab(look, ready.environment, ready.said)

    monkeypatch.setattr(lab, "prepared", quick)
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        assert demo.lab(str(tmp_path / "home"), None, rehearsal=True) == 0
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    first, *_, last = capfd.readouterr().out.splitlines()
    assert first == f"REHEARSAL  tenant corail  home {tmp_path / 'home'}"
    assert json.loads(last)["created"] > 50
