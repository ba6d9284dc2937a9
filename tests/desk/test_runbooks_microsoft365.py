"""The page about setting up Microsoft 365: its script is the one that is made, its commands run."""

import io
import re
import shlex
import shutil
import signal
import subprocess
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from figgo_ops.__main__ import main
from figgo_ops.calendars import open_calendar
from figgo_ops.calendars._microsoft365_errors import meaning
from figgo_ops.calendars._microsoft365_refusal import refusal_of, token_refusal
from figgo_ops.desk import shipped
from figgo_ops.desk.setup.microsoft365 import script, sections
from figgo_ops.errors import FiggoOpsError
from figgo_ops.home import VARIABLE
from figgo_ops.secrets import Secret
from figgo_ops.tenants.file import check_calendar
from tests.calendars.known import Known
from tests.calendars.stages import Clock
from tests.desk import shell_text
from tests.desk.test_setup_microsoft365 import EXAMPLE, NAMES
from tests.rehearsal import Corail

PAGE = shipped("runbooks") / "microsoft-365-set-up.md"
EXCHANGE = shipped("runbooks") / "exchange-set-up.md"
TEXT = PAGE.read_text(encoding="utf-8")


def test_the_script_on_the_page_is_the_one_that_is_made() -> None:
    """For the example names; whoever changes the script is sent to the page by this test."""
    shown = re.findall(r"```powershell\n(.*?)```", TEXT, re.DOTALL)
    assert shown == [section.text for section in sections(EXAMPLE)]


def test_the_page_has_its_parts_in_their_order() -> None:
    assert re.findall(r"^## (.*)$", TEXT, re.MULTILINE) == [
        *("Symptom", "Look", "What it means", "Repair", "Verify"),
        *("Renew", "EWS until 2027-04-01", "Withdraw", "Escalate"),
    ]


def test_every_section_is_announced_by_its_number() -> None:
    announced = re.findall(r"^\*(\d+)\.", TEXT, re.MULTILINE)
    assert announced == [str(number) for number in range(1, 16)]


def test_the_table_for_the_tenant_file_is_accepted_with_a_certificate_and_with_a_secret() -> None:
    (shown,) = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
    (table,) = tomllib.loads(shown)["calendar"]
    assert check_calendar(table, "calendar")[2] == []
    assert f"figgo-ops secret set {table['certificate']}\n" in TEXT
    (instead,) = re.findall(r"`(client_secret = [^`]*)`", TEXT)
    other = {key: value for key, value in table.items() if key != "certificate"} | tomllib.loads(instead)
    assert check_calendar(other, "calendar")[2] == []
    assert check_calendar({**table, **tomllib.loads(instead)}, "calendar")[2] != []


def test_the_names_to_replace_are_listed() -> None:
    introduced = TEXT.partition("## Symptom")[0]
    names = {f"`{getattr(EXAMPLE, field)}`" for field in ("organization", *NAMES)}
    assert {name for name in names if name not in introduced} == set()
    shown = "".join(re.findall(r"```(?:sh|toml)\n(.*?)```", TEXT, re.DOTALL))
    assert {name for name in re.findall(r"\$[A-Z]+\b", shown) if name not in introduced} == set()
    read = shell_text.literals(script(EXAMPLE))
    assert {getattr(EXAMPLE, field) for field in ("organization", *NAMES)} <= {*read}


def test_what_the_administrator_must_know_first_is_told() -> None:
    before = TEXT.partition("## Look")[0]
    for word in (
        *("7.6", "5.1", "3.10.1", "Microsoft.Graph.Applications", "Organization Management"),
        *("*direct* members", "mail-enabled security group", "GCC High", "21Vianet", "public"),
        *("login.microsoftonline.com", "graph.microsoft.com"),
    ):
        assert word in before


def test_the_end_of_ews_is_told_with_its_dates_on_both_pages() -> None:
    bridge = TEXT.partition("## EWS until")[2].partition("## Withdraw")[0]
    for word in ("2026-10-01", "2027-04-01", "online = true", "bridge", "24 hours"):
        assert word in bridge
    assert "*microsoft-365-set-up*" in EXCHANGE.read_text(encoding="utf-8").partition("## Exchange Online")[2]
    assert "*exchange-set-up*" in TEXT


def _meant(code: str) -> FiggoOpsError:
    """What a plan says of a refusal with this code."""
    if code.startswith("AADSTS"):
        refusal = token_refusal({"error": "invalid_client", "error_description": f"{code}: no."})
    else:
        status = 403 if code in ("ErrorAccessDenied", "other") else 404
        body = {"error": {"code": code, "message": "No."}}
        refusal = refusal_of(status, {}, body, now=datetime(2026, 11, 23, tzinfo=UTC))
    return meaning(refusal, "head office", client="a-client", tenant="a-tenant")


def _told() -> list[str]:
    table = TEXT.partition("| What figgo-ops says |")[2].partition("\n\n")[0]
    first = "\n".join(line.split("|")[1] for line in table.split("\n")[2:])
    return re.findall(r"AADSTS\d+|MailboxNotEnabledForRESTAPI|(?:Error|Resource)[A-Z]\w+", first)


@pytest.mark.parametrize("code", _told())
def test_every_refusal_in_the_table_is_one_that_a_plan_explains(code: str) -> None:
    unknown = _meant("AADSTS999999" if code.startswith("AADSTS") else "other")
    assert (_meant(code).code, _meant(code).remedy) != (unknown.code, unknown.remedy)


def test_the_table_names_at_least_the_refusals_of_a_first_day() -> None:
    assert len(_told()) >= 14
    assert {"AADSTS700016", "AADSTS700027", "ErrorAccessDenied", "MailboxNotEnabledForRESTAPI"} <= {*_told()}


@pytest.mark.skipif(not shutil.which("openssl"), reason="no openssl here to make a certificate with")
def test_the_commands_on_the_page_run_as_they_stand_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Somebody outside the scope ends the last plan with exit code 4, as the page says."""
    before = signal.getsignal(signal.SIGTERM)
    with Corail(tmp_path) as corail:
        monkeypatch.setenv(VARIABLE, str(corail.home.path))
        monkeypatch.setattr("figgo_ops.session.SystemClock", lambda: corail.clock)
        monkeypatch.chdir(tmp_path)
        inside = corail.case("whole-day").person
        outside = next(one for one in corail.members(2) if one != inside and corail.person(one).mail)
        corail.stage.exchange.set_state(corail.mail(outside), "outside")
        known = {"TENANT": "corail", "EMPLOYEE": str(inside), "OUTSIDE": str(outside)}
        for words, piped in _commands(known):
            if words[0] == "figgo-ops":
                monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(piped)))
                assert main([*words[1:], "--json"]) == (4 if words[-1] == str(outside) else 0), words
            else:
                subprocess.run(words, check=True, capture_output=True, timeout=120)
        assert corail.marked() == []
        assert sorted(path.name for path in tmp_path.glob("figgo-ops.*")) == ["figgo-ops.cer"]
        _check_stored(corail, tmp_path / "figgo-ops.cer")
    signal.signal(signal.SIGTERM, before)
    assert "PRIVATE KEY" not in capsys.readouterr().out


def _check_stored(corail: Corail, public: Path) -> None:
    """What was stored opens a calendar; what is sent to the administrator holds no key and lasts a year."""
    assert "PRIVATE KEY" not in public.read_text(encoding="utf-8")
    made = x509.load_pem_x509_certificate(public.read_bytes())
    assert timedelta(days=364) < made.not_valid_after_utc - made.not_valid_before_utc < timedelta(days=366)
    (shown,) = re.findall(r"```toml\n(.*?)```", TEXT.replace("$TENANT", "corail"), re.DOTALL)
    (table,) = tomllib.loads(shown)["calendar"]
    _, settings, mistakes = check_calendar(table, "calendar")
    assert settings is not None
    assert mistakes == []
    kept = corail.home.secrets / "corail-microsoft365.pem"
    assert kept.stat().st_mode & 0o077 == 0

    def secret(reference: str) -> Secret:
        assert reference == f"file:{kept.name}"
        return Secret(reference, kept.read_text(encoding="utf-8").rstrip("\n"))

    calendar = open_calendar("microsoft365", "head office", settings, secret, Clock(), Known())
    assert calendar.notice == ""
    calendar.close()


def _commands(known: dict[str, str]) -> Iterator[tuple[list[str], bytes]]:
    """The words of each command, and what `cat` pipes into it."""
    blocks = re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    assert len(lines) == 7
    for line in lines:
        first, _, then = line.rpartition(" | ")
        piped = b"".join(Path(name).read_bytes() for name in shlex.split(first)[1:])
        words = shlex.split(then)
        assert words[0] in ("figgo-ops", "openssl", "rm")
        yield [re.sub(r"\$([A-Z]+)", lambda name: known[name[1]], word) for word in words], piped
