"""The page about setting up Exchange: its script is the one that is made, its commands run."""

import io
import re
import shlex
import signal
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from figgo_ops.__main__ import main
from figgo_ops.desk import shipped
from figgo_ops.desk.setup.exchange import script, sections
from figgo_ops.home import VARIABLE
from figgo_ops.tenants.file import check_calendar
from tests.desk import shell_text
from tests.desk.test_setup_exchange import EXAMPLE
from tests.rehearsal import Corail

PAGE = shipped("runbooks") / "exchange-set-up.md"


def test_the_script_on_the_page_is_the_one_that_is_made() -> None:
    """For the example names; whoever changes the script is sent to the page by this test."""
    shown = re.findall(r"```powershell\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert shown == [section.text for section in sections(EXAMPLE)]


def test_the_page_has_its_parts_in_their_order() -> None:
    headings = re.findall(r"^## (.*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert headings == [
        *("Symptom", "Look", "What it means", "Repair", "Verify"),
        *("Withdraw", "Exchange Online", "Escalate"),
    ]


def test_every_section_is_announced_by_its_number() -> None:
    announced = re.findall(r"^\*(\d+)\.", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert announced == [str(number) for number in range(1, 11)]


def test_the_table_for_the_tenant_file_is_accepted_and_fits_the_script() -> None:
    (shown,) = re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (table,) = tomllib.loads(shown)["calendar"]
    assert check_calendar(table, "calendar")[2] == []
    read = shell_text.literals(script(EXAMPLE))
    assert table["user"] in read
    assert table["url"] in read
    assert table["auth"] == EXAMPLE.log_on
    assert f"figgo-ops secret set {table['password']}\n" in PAGE.read_text(encoding="utf-8")


def test_the_names_to_replace_are_listed() -> None:
    introduced = PAGE.read_text(encoding="utf-8").partition("## Symptom")[0]
    names = {"svc-figgo", "CORP", "Congés synchronisés", "mail.corp.example", EXAMPLE.scope}
    assert {name for name in (*names, EXAMPLE.assignment, EXAMPLE.policy) if name not in introduced} == set()
    assert {name for name in re.findall(r"\$[A-Z]+\b", PAGE.read_text()) if name not in introduced} == set()


def test_what_stopped_working_in_exchange_online_is_told_with_its_dates() -> None:
    told = PAGE.read_text(encoding="utf-8").partition("## Exchange Online")[2]
    for word in (
        "Basic",
        "ApplicationImpersonation",
        "2026-10-01",
        "2027-04-01",
        "microsoft365",
        "online = true",
    ):
        assert word in told


def test_the_commands_on_the_page_run_as_they_stand_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = signal.getsignal(signal.SIGTERM)
    with Corail(tmp_path) as corail:
        monkeypatch.setenv(VARIABLE, str(corail.home.path))
        monkeypatch.setattr("figgo_ops.session.SystemClock", lambda: corail.clock)
        known = {"TENANT": "corail", "EMPLOYEE": str(corail.case("whole-day").person)}
        for words in _commands(known):
            monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"correct horse")))
            assert main([*words, "--json"]) == 0, words
        kept = corail.home.secrets / "corail-exchange.key"
        assert kept.read_text(encoding="utf-8").strip() == "correct horse"
        assert corail.marked() == []
    signal.signal(signal.SIGTERM, before)
    assert "correct horse" not in capsys.readouterr().out


def _commands(known: dict[str, str]) -> Iterator[list[str]]:
    blocks = re.findall(r"```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    assert len(lines) >= 3
    for line in lines:
        first, *rest = shlex.split(line)
        assert first == "figgo-ops"
        yield [re.sub(r"\$([A-Z]+)", lambda name: known[name[1]], word) for word in rest]
