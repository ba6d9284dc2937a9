"""The command line as a process of its own: what it loads, how it is stopped, what goes through its pipes."""

import json
import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import figgo_ops
from figgo_ops.__main__ import main
from figgo_ops.home import Home
from figgo_ops.ledger import Ledger
from figgo_ops.sandbox import Fault, Rehearsal
from figgo_ops.sandbox.messages import Request
from tests.rehearsal import key_of
from tests.shell import quiet_surroundings

COMMAND = [sys.executable, "-m", "figgo_ops"]
HEAVY = {
    "IPython", "alembic", "cryptography", "google", "googleapiclient", "httplib2", "httpx", "jinja2",
    "keyring", "matplotlib", "nbconvert", "nbformat", "pandas", "papermill", "pydantic", "sqlalchemy",
    "tomlkit", "tqdm",
}  # fmt: skip


class Office:
    """A desk beside the rehearsal company, for commands in processes of their own."""

    def __init__(self, rehearsal: Rehearsal, read: Callable[[], tuple[str, str]]) -> None:
        self.rehearsal, self._read = rehearsal, read
        self.struck = threading.Event()
        # Where nothing is buffered, a reader who is gone is noticed earlier than usual.
        self.environment = {**os.environ, "FIGGO_OPS_HOME": str(rehearsal.home), "PYTHONUNBUFFERED": ""}

    def run(
        self, *words: object, given: bytes = b"", **environment: str
    ) -> subprocess.CompletedProcess[bytes]:
        done = subprocess.run(
            [*COMMAND, *map(str, words)],
            input=given,
            capture_output=True,
            env=self.environment | environment,
            timeout=60,
            check=False,
        )
        assert b"Traceback" not in done.stdout + done.stderr, done
        return done

    def document(self, *words: object) -> dict[str, Any]:
        """What a command says to programs; run here, where nothing has to be loaded first."""
        self._read()
        main([*map(str, words), "--json", "--home", str(self.rehearsal.home)])
        found: dict[str, Any] = json.loads(self._read()[0])
        return found

    def begin(self, *words: object) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*COMMAND, *map(str, words)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.environment,
            text=True,
        )

    def keys(self) -> list[str]:
        found = [key_of(event) for events in self.rehearsal.calendars().values() for event in events]
        return sorted(filter(None, found))


@pytest.fixture
def office(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Office]:
    """The company tells by `struck` when a fault has struck."""
    quiet_surroundings(monkeypatch, tmp_path / "elsewhere")
    before = signal.getsignal(signal.SIGTERM)
    with Rehearsal(tmp_path / "home") as rehearsal:
        rehearsal.figgo.switch("rate_limit", 10**6)  # several processes, one minute
        made = Office(rehearsal, capsys.readouterr)
        add = rehearsal.log.add

        def noted(service: str, request: Request, status: int, fault: str | None) -> None:
            add(service, request, status, fault)
            if fault is not None:
                made.struck.set()

        monkeypatch.setattr(rehearsal.log, "add", noted)
        yield made
    signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize("words", [["--help"], ["plan", "--help"], ["--version"]], ids=str)
def test_help_loads_no_heavy_library(words: list[str]) -> None:
    script = (
        "import sys\n"
        "from figgo_ops.__main__ import main\n"
        "try:\n"
        f"    main({words!r})\n"
        "except SystemExit as ended:\n"
        "    print()\n"
        "    print(ended.code, *sorted({name.partition('.')[0] for name in sys.modules}))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    code, *loaded = done.stdout.splitlines()[-1].split()
    assert "figgo_ops" in loaded
    assert not HEAVY & set(loaded)
    assert code == "0"


def test_the_installed_command_is_this_one() -> None:
    installed = Path(sys.executable).with_name("figgo-ops")
    for command in ([str(installed)], COMMAND):
        done = subprocess.run([*command, "--version"], capture_output=True, text=True, timeout=60, check=True)
        assert done.stdout == f"figgo-ops {figgo_ops.__version__}\n"


@pytest.mark.parametrize(
    ("number", "exit_code", "code"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")],
    ids=["Ctrl-C", "SIGTERM"],
)
def test_a_run_that_is_stopped_in_the_middle_says_so_and_nothing_is_doubled_after_it(
    office: Office, number: int, exit_code: int, code: str
) -> None:
    seen = office.document("plan", "corail", "--from", "start")
    words = ("apply", seen["file"], "--confirm", seen["checksum"])
    slow = Fault("google", "delay", method="POST", path="*/events", after=10, times=None, value=0.5)
    office.rehearsal.faults.add(slow)
    with office.begin(*words, "--json") as process:
        assert office.struck.wait(60)
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert process.returncode == exit_code, err
    error = json.loads(out)["error"]
    assert (error["exit"], error["code"]) == (exit_code, code)
    assert "run it again" in error["remedy"]
    assert "Traceback" not in err
    written = office.keys()
    assert 10 < len(written) < seen["created"]
    ledger = Ledger.open(Home.open(str(office.rehearsal.home)).ledger)
    (run,) = ledger.runs("corail")
    ledger.close()
    assert (run.command, run.exit in (130, exit_code)) == ("apply", True), "the ledger knows how it ended"
    office.rehearsal.faults.clear()
    again = office.document(*words)
    assert again["created"] + again["unchanged"] + len(again["held"]) == seen["created"]
    assert again["unchanged"] >= len(written), "what was written is known"
    assert set(written) <= set(office.keys())
    # A write that was under way when the process ended may have arrived after either look.
    assert again["created"] + again["unchanged"] <= len(office.keys()) <= seen["created"]
    assert len(office.keys()) == len(set(office.keys()))


def test_a_look_that_is_stopped_leaves_no_plan(office: Office) -> None:
    office.rehearsal.faults.add(Fault("figgo", "silence", path="/api/v3/leaves", times=None))
    with office.begin("plan", "corail") as process:
        assert office.struck.wait(60)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, "Interrupted." in err, "Traceback" in err) == (130, True, False)
    assert out.count("\n") == 1, "nothing but whose calendars these are"
    assert list((office.rehearsal.home / "plans").iterdir()) == []


def test_the_rehearsal_company_prints_one_line_when_it_is_ready_and_stops_when_told(tmp_path: Path) -> None:
    command = [*COMMAND, "sandbox", "--home", str(tmp_path / "home")]
    environment = {**os.environ, "FIGGO_OPS_HOME": str(tmp_path / "elsewhere")}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        done = subprocess.run(
            [*COMMAND, "plan", "corail", "--home", ready["home"], "--json"],
            capture_output=True,
            text=True,
            timeout=60,
            env=environment,
            check=True,
        )
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (0, "", "")
    assert set(ready) == {"home", "ca_file", "tenants", "services", "control", "outside"}
    assert (ready["home"], ready["tenants"]) == (str(tmp_path / "home"), ["corail"])
    assert set(ready["services"]) >= {"figgo", "google"}
    assert json.loads(done.stdout)["created"] > 50
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("damaged", ["tenants/corail.toml", "secrets/corail-google.json"])
def test_a_rehearsal_that_cannot_read_its_own_files_says_where(tmp_path: Path, damaged: str) -> None:
    Rehearsal(tmp_path).stop()
    (tmp_path / damaged).write_text("{", encoding="utf-8")
    done = subprocess.run(
        [*COMMAND, "sandbox", "--home", str(tmp_path), "--json"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    error = json.loads(done.stdout)["error"]
    assert (done.returncode, error["exit"], done.stderr) == (2, 2, "")
    assert str(tmp_path) in error["message"]
    assert error["remedy"]


def test_a_secret_goes_through_a_pipe_into_a_file_of_ones_own(office: Office) -> None:
    done = office.run("secret", "set", "file:acme/figgo.key", given="motdepassé-très-long\n".encode())
    key = office.rehearsal.home / "secrets" / "acme" / "figgo.key"
    assert (done.returncode, done.stdout, done.stderr) == (0, b"Stored file:acme/figgo.key.\n", b"")
    assert key.read_text("utf-8").strip() == "motdepassé-très-long"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_a_terminal_that_cannot_write_a_name_shows_it_all_the_same(office: Office) -> None:
    number = office.rehearsal.cases["across-holiday"].person
    assert office.rehearsal.company.person(number).name == "Anaïs Bœuf"
    done = office.run("plan", "corail", "--employee", number, PYTHONIOENCODING="latin-1")
    assert (done.returncode, "Anaïs B\\u0153uf".encode("latin-1") in done.stdout) == (0, True)
    file = office.rehearsal.home / "tenants" / "corail.toml"
    file.write_text(file.read_text("utf-8").replace('name = "google"', 'name = "siège"'), "utf-8")
    done = office.run("tenants", "show", "corail", "--json", PYTHONIOENCODING="ascii")
    assert json.loads(done.stdout)["calendar"][0]["name"] == "siège"


def test_a_reader_who_goes_away_is_no_error_worth_a_traceback(office: Office) -> None:
    with office.begin("tenants", "show", "corail") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        err = process.stderr.read()
    assert (process.returncode, err) == (1, "")
