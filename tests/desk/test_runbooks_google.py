"""The page about setting up Google: its script is the one that is made, its commands run."""

import io
import re
import shlex
import shutil
import signal
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from figgo_ops.__main__ import main
from figgo_ops.calendars._google_errors import Refusal, meaning
from figgo_ops.desk import shipped
from figgo_ops.desk.setup.google import CONSOLE, sections
from figgo_ops.home import VARIABLE
from figgo_ops.tenants.file import check_calendar
from tests.desk.test_setup_google import EXAMPLE
from tests.rehearsal import Corail

PAGE = shipped("runbooks") / "google-set-up.md"
TEXT = PAGE.read_text(encoding="utf-8")

REFUSED = {
    "unauthorized_client": Refusal(400, "unauthorized_client", token=True),
    "Invalid JWT Signature": Refusal(400, "invalid_grant", "Invalid JWT Signature.", token=True),
    "account not found": Refusal(400, "invalid_grant", "Invalid grant: account not found", token=True),
    "Requested client not authorized": Refusal(
        400, "access_denied", "Requested client not authorized.", token=True
    ),
    "accessNotConfigured": Refusal(403, "accessNotConfigured"),
    "insufficientPermissions": Refusal(403, "insufficientPermissions"),
    "notACalendarUser": Refusal(403, "notACalendarUser"),
    "short-lived token": Refusal(
        400, "invalid_grant", "Invalid JWT: Token must be a short-lived token (60 minutes)", token=True
    ),
}
"""What Google may say on a first day."""


def test_the_script_on_the_page_is_the_one_that_is_made() -> None:
    """For the example names; whoever changes the script is sent to the page by this test."""
    shown = re.findall(r"```bash\n(.*?)```", TEXT, re.DOTALL)
    assert shown == [section.text for section in sections(EXAMPLE)]


def test_the_steps_in_the_admin_console_are_those_of_the_set_up_pack() -> None:
    listed = TEXT.partition("Then, in the Admin console:\n\n")[2].partition("\n\n")[0]
    assert listed.splitlines() == [f"- {step}" for step in CONSOLE]


def test_the_page_has_its_parts_in_their_order() -> None:
    assert re.findall(r"^## (.*)$", TEXT, re.MULTILINE) == [
        *("Symptom", "Look", "What it means", "Repair", "Verify", "Renew", "Withdraw", "Escalate")
    ]


def test_every_section_is_announced_by_its_number_right_before_it() -> None:
    announced = re.findall(r"^\*(\d+)\.[^\n]*\n\n```bash", TEXT, re.MULTILINE)
    assert announced == [str(number) for number in range(1, 12)]


def test_the_table_for_the_tenant_file_is_accepted_and_fits_the_command_that_stores_the_key() -> None:
    (shown,) = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
    (table,) = tomllib.loads(shown)["calendar"]
    assert check_calendar(table, "calendar")[2] == []
    assert f"figgo-ops secret set {table['service_account']}\n" in TEXT


def test_the_names_to_replace_are_listed() -> None:
    introduced = TEXT.partition("## Symptom")[0]
    names = {f"`{getattr(EXAMPLE, field)}`" for field in ("project", "account", "title", "key")}
    assert {name for name in names if name not in introduced} == set()
    shown = "".join(re.findall(r"```(?:sh|toml)\n(.*?)```", TEXT, re.DOTALL))
    assert {name for name in re.findall(r"\$[A-Z]+\b", shown) if name not in introduced} == set()


def test_what_the_administrator_must_know_first_is_told() -> None:
    before = TEXT.partition("## Look")[0]
    for word in (
        *("super administrator", "Organization Policy Administrator", "every calendar", "cannot narrow it"),
        *("www.googleapis.com", "oauth2.googleapis.com", "Whoever holds the key file"),
    ):
        assert word in before
    assert "24 hours" in TEXT.partition("## Verify")[2].partition("## Renew")[0]
    assert "*customer-leaves*" in TEXT.partition("## Withdraw")[2]


def _told() -> dict[str, str]:
    """Google's words and the code beside them."""
    table = TEXT.partition("| What Google says |")[2].partition("\n\n")[0]
    return dict(re.findall(r"^\| \*(.*?)\* \| `(.*?)` \|", table, re.MULTILINE))


def test_what_google_may_say_has_the_code_that_the_page_names() -> None:
    assert _told() == {
        words: meaning(refusal, "a mailbox", "1234").code for words, refusal in REFUSED.items()
    }


@pytest.mark.skipif(not shutil.which("cat"), reason="no shell tools here")
def test_the_commands_on_the_page_run_as_they_stand_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = signal.getsignal(signal.SIGTERM)
    with Corail(tmp_path) as corail:
        monkeypatch.setenv(VARIABLE, str(corail.home.path))
        monkeypatch.setattr("figgo_ops.session.SystemClock", lambda: corail.clock)
        monkeypatch.chdir(tmp_path)
        kept = corail.home.secrets / "corail-google.json"
        content = kept.read_text(encoding="utf-8")
        kept.rename(tmp_path / EXAMPLE.key)  # as the customer's administrator has sent it
        person = next(one for one in corail.members(1) if corail.person(one).mail)
        for words, piped in _commands({"TENANT": "corail", "EMPLOYEE": str(person)}):
            if words[0] == "figgo-ops":
                monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(piped)))
                assert main([*words[1:], "--json"]) == 0, words
            else:
                subprocess.run(words, check=True, capture_output=True, timeout=60)
        assert kept.read_text(encoding="utf-8").strip() == content.strip()
        assert kept.stat().st_mode & 0o077 == 0
        assert not (tmp_path / EXAMPLE.key).exists()
        assert corail.marked() == []
    signal.signal(signal.SIGTERM, before)
    shown = capsys.readouterr()
    assert "PRIVATE KEY" not in shown.out + shown.err


def _commands(known: dict[str, str]) -> Iterator[tuple[list[str], bytes]]:
    """The words of each command, and what `cat` pipes into it."""
    blocks = re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    assert len(lines) == 4
    for line in lines:
        first, _, then = line.rpartition(" | ")
        piped = b"".join(Path(name).read_bytes() for name in shlex.split(first)[1:])
        words = shlex.split(then)
        assert words[0] in ("figgo-ops", "rm")
        yield [re.sub(r"\$([A-Z]+)", lambda name: known[name[1]], word) for word in words], piped
