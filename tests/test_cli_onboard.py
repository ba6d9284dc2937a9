"""A customer set up from the command line: seen first, saved as a draft, and loaded like any other."""

import signal
import stat
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from figgo_ops import tenants
from figgo_ops.desk import onboarding
from figgo_ops.desk.onboarding import Answers, answers_of
from tests.desk.answered import ACME
from tests.rehearsal import TODAY, Corail
from tests.shell import Ran, Shell, quiet_surroundings, shaped

SHAPE = {"tenant": str, "file": str, "saved": bool, "difference": str, "command": str, "mistakes": list}
CANARY = "c4nary-4f9d1a77b0"

ANSWERED = (
    *("--timezone", "Europe/Paris", "--start", "2026-01-01"),
    *("--figgo", "url=https://acme.ilucca.net", "--figgo", "api_key=env:ACME_FIGGO_KEY"),
    *("--calendar", "name=siège,kind=google,legal_entities=1 4,service_account=file:acme.json"),
)
CHECKED = ("--vendor-sync-off", "2026-11-20", "--look-alikes", "ask")


@pytest.fixture
def shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Shell]:
    quiet_surroundings(monkeypatch, tmp_path / "elsewhere")
    before = signal.getsignal(signal.SIGTERM)
    with Corail(tmp_path) as corail:
        for module in ("session", "transport"):
            monkeypatch.setattr(f"figgo_ops.{module}.SystemClock", lambda: corail.clock)
        yield Shell(corail, capsys.readouterr)
    signal.signal(signal.SIGTERM, before)
    assert not (tmp_path / "elsewhere").exists(), "--home was not the only home"


def file_of(shell: Shell, name: str) -> Path:
    return shell.corail.home.tenants / f"{name}.toml"


def test_nothing_is_written_before_somebody_says_save(shell: Shell) -> None:
    seen = shell("onboard", "acme", *ANSWERED, *CHECKED)
    assert seen.exit == 0
    assert seen.out.splitlines()[0] == f"LIVE  tenant acme (draft)  home {shell.corail.home.path}"
    assert '+timezone = "Europe/Paris"' in seen.out
    assert not file_of(shell, "acme").exists()
    line = seen.out.splitlines()[-1].partition(": ")[2]
    saved = shell.typed(line.rpartition(" --home ")[0])
    assert saved.exit == 0
    assert f"Saved: {file_of(shell, 'acme')}" in saved.out
    assert f"Next: figgo-ops diagnose acme --home {shell.corail.home.path}" in saved.out
    assert stat.S_IMODE(file_of(shell, "acme").stat().st_mode) == 0o600
    assert shell("tenants", "show", "acme").exit == 0


def test_programs_get_one_document_in_either_case(shell: Shell) -> None:
    seen = shell.json("onboard", "acme", *ANSWERED, *CHECKED)
    shaped(seen.document, SHAPE)
    assert (seen.document["tenant"], seen.document["saved"]) == ("acme", False)
    saved = shell.json("onboard", "acme", *ANSWERED, *CHECKED, "--save")
    shaped(saved.document, SHAPE | {"pack": str, "next": list})
    assert saved.document["saved"] is True
    assert saved.document["file"] == str(file_of(shell, "acme"))
    assert saved.document["difference"] == seen.document["difference"]
    assert saved.document["command"] == seen.document["command"]
    assert Path(saved.document["pack"]).is_file()


def test_the_checklist_cannot_be_skipped(shell: Shell) -> None:
    seen = shell("onboard", "acme", *ANSWERED)
    assert seen.exit == 2
    assert "Missing or wrong: checklist.vendor_sync_off: " in seen.out
    assert "Missing or wrong: events.look_alikes: " in seen.out
    for without in (CHECKED[:2], CHECKED[2:], ()):
        refused = shell.json("onboard", "acme", *ANSWERED, *without, "--save")
        assert refused.exit == 2
        assert "was not saved" in refused.error["message"]
    assert not file_of(shell, "acme").exists()


def test_a_sync_that_will_be_off_one_day_is_not_off(shell: Shell) -> None:
    """Where the day begins first, it may be tomorrow already; the day after it is nowhere."""
    for ahead, code in ((0, 0), (2, 2)):
        day = TODAY + timedelta(ahead)
        ran = shell("onboard", "acme", *ANSWERED, "--look-alikes", "ask", "--vendor-sync-off", day)
        assert ran.exit == code, ran


def test_a_name_alone_shows_the_draft_and_the_line_that_makes_it(shell: Shell) -> None:
    shell("onboard", "acme", *ANSWERED, *CHECKED, "--event", "title=En congé", "--save")
    seen = shell.json("onboard", "acme")
    assert (seen.exit, seen.document["difference"], seen.document["mistakes"]) == (0, "", [])
    before = file_of(shell, "acme").read_text()
    file_of(shell, "acme").unlink()
    shell.typed(seen.document["command"].rpartition(" --home ")[0])
    assert tomllib.loads(file_of(shell, "acme").read_text()) == tomllib.loads(before)


def test_a_name_alone_that_nobody_knows_says_what_is_to_be_answered(shell: Shell) -> None:
    seen = shell.json("onboard", "neuf")
    assert seen.exit == 2
    fields = [one["field"] for one in seen.document["mistakes"]]
    assert fields[:3] == ["timezone", "start", "figgo.host"]


def test_a_tenant_that_is_active_is_left_alone(shell: Shell) -> None:
    shell.corail.activate()
    before = shell.corail.file.read_bytes()
    shell.refused("onboard", "corail", exit=2, says="already, and it is active", remedy="another name")
    shell.refused(
        *("onboard", "corail", *ANSWERED, *CHECKED, "--save"), exit=2, says="it is active", remedy="Correct"
    )
    assert shell.corail.file.read_bytes() == before


@pytest.mark.parametrize(
    "words",
    [
        ("--figgo", f"api_key={CANARY}"),
        ("--figgo", f"webhook_secret={CANARY}"),
        ("--figgo", CANARY),
        ("--calendar", f"name=x,kind=exchange,user=svc,password={CANARY}"),
        ("--calendar", f"name=x,kind=exchange,pasword={CANARY}"),
        ("--calendar", f"name=x,kind=microsoft365,client_secret={CANARY},tenant_id=acme.example"),
        ("--calendar", f"name=x,kind=google,service_account={CANARY}"),
        ("--calendar", f"name=x,password={CANARY}"),
        ("--calendar", CANARY),
        ("--zone", CANARY),
        ("--start", CANARY),
        ("--event", f"private={CANARY}"),
        ("--pack", CANARY),
    ],
)
def test_a_secret_on_the_command_line_is_refused_and_shown_nowhere(
    shell: Shell, words: tuple[str, ...]
) -> None:
    home = shell.corail.home.path
    for more in ((), ("--save",), ("--json",), ("--save", "--json")):
        ran = shell("onboard", "acme", *ANSWERED[:4], *words, *CHECKED, *more)
        assert ran.exit == 2
        assert CANARY not in ran.out + ran.err
    assert not [path for path in home.rglob("*") if path.is_file() and CANARY.encode() in path.read_bytes()]


@pytest.mark.parametrize("name", ["../acme", "/etc/passwd", "a b", "Acme", "acme\nstate", "é", "-"])
def test_a_name_that_cannot_name_a_file_is_refused_before_any_file_is_touched(
    shell: Shell, name: str
) -> None:
    home = shell.corail.home.path
    before = sorted(path for path in home.parent.rglob("*") if path.is_file())
    for more in ((), ("--save",)):
        ran = shell.json("onboard", name, *ANSWERED, *CHECKED, *more)
        assert ran.exit == 2
        assert "a-z, 0-9" in ran.out
    assert sorted(path for path in home.parent.rglob("*") if path.is_file()) == before


def test_hostile_names_come_back_as_they_were_typed(shell: Shell) -> None:
    title, name = 'Absent\'; rm -rf "$HOME" #', 'chez "nous", là = ici\\'
    known = ACME.calendars[0]
    answers = replace(ACME, events=replace(ACME.events, title=title), calendars=(replace(known, name=name),))
    ran = shell.typed(onboarding.command(answers))
    assert ran.exit == 0
    assert answers_of(tenants.load(shell.corail.home, "acme")) == answers


def another(shell: Shell) -> Answers:
    """The rehearsal company under a second name."""
    known = answers_of(tenants.load(shell.corail.home, "corail"))
    events = replace(known.events, look_alikes="ask")
    return replace(known, name="corail-bis", events=events, vendor_sync_off=date(2026, 11, 1))


def last_line(ran: Ran) -> str:
    return ran.out.splitlines()[-1].partition(": ")[2]


def test_the_equivalent_command_sets_a_customer_up_and_the_first_load_makes_it_active(shell: Shell) -> None:
    answers = another(shell)
    saved = shell.typed(f"{onboarding.command(answers)} --pack 'group=Congés synchronisés'")
    assert saved.exit == 0
    assert saved.out.startswith("REHEARSAL  tenant corail-bis (draft)")
    assert "For the customer's administrator: " in saved.out
    shell.corail.file.unlink()
    planned = shell("plan", "corail-bis", "--from", "start")
    assert "65 to create" in planned.out
    assert tenants.load(shell.corail.home, "corail-bis").state == "draft"
    assert shell.typed(last_line(planned).rpartition(" --home ")[0] or last_line(planned)).exit == 0
    assert tenants.load(shell.corail.home, "corail-bis").state == "active"
    assert len(shell.corail.marked()) == 65


def test_the_set_up_pack_waits_for_what_only_the_customer_knows(shell: Shell) -> None:
    line = onboarding.command(another(shell))
    saved = shell.typed(line)
    assert saved.exit == 0
    assert "No set-up pack yet." in saved.out
    assert "exchange: group" in saved.out
    words: list[Any] = ["onboard", "corail-bis", "--save", "--pack", "exchange: group=Siège: tous"]
    some = shell.json(*words)
    assert (some.exit, some.document["saved"], some.document["pack"]) == (2, True, "")
    assert "microsoft 365: group" in some.document["pack_missing"]
    whole = shell.json(*words, "--pack", "group=Équipe")
    assert (whole.exit, whole.document["pack_missing"]) == (0, "")
    folder = Path(whole.document["pack"]).parent
    assert "Siège: tous" in "".join(path.read_text("utf-8-sig") for path in folder.glob("*.ps1"))
    shell.refused(
        *("onboard", "corail-bis", "--pack", "colour=red"), exit=2, says="--pack: not", remedy="group, unit"
    )
