"""Notebooks, demo, rehearsal company and lab: nothing secret in what they leave or show meanwhile."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from figgo_ops.__main__ import main
from figgo_ops.desk import notebooks
from figgo_ops.sandbox import Rehearsal
from figgo_ops.sandbox.messages import Response
from figgo_ops.secrets import REDACTOR
from tests.desk.books import notebook
from tests.privacy import canaries
from tests.privacy.canaries import Searcher
from tests.privacy.scene import ACCOUNT_FILE, CERTIFICATE_FILE, KEY_FILE, SECRET_FILE
from tests.privacy.watch import FIGGO_KEY
from tests.shell import quiet_surroundings

LOOKS = """
from figgo_ops.desk.initialization import look
plan = look(tenant)
"""

SPIES = """
import json, os, shutil
from pathlib import Path
from tests.privacy import canaries
here = Path(os.environ["FIGGO_OPS_RUN_FOLDER"])
seen = canaries.files(here) | canaries.processes() | canaries.files(Path(os.environ["TMPDIR"]))
Path(os.environ["SPIED"]).write_text(json.dumps({name: text.hex() for name, text in seen.items()}))
"""

TELLS = """
import base64, logging
from urllib.parse import quote
from figgo_ops.home import Home
home = Home.open()
key, account = home.secret("file:KEY").value, home.secret("file:ACCOUNT").value
certificate, secret = home.secret("file:CERTIFICATE").value, home.secret("file:CLIENT").value
print(certificate, json.dumps(certificate), quote(certificate), secret, secret.encode().hex())
print(key, quote(key), repr(key), json.dumps({"key": key}), key.encode().hex())
print(base64.b64encode(f"user:{key}".encode()).decode(), account)
logging.getLogger("anybody").warning("sent %s", key)
display({"text/html": f"<p title='{key}'>", "text/plain": key, "application/json": {"key": key}}, raw=True)
"""
for word, name in {
    "KEY": KEY_FILE,
    "ACCOUNT": ACCOUNT_FILE,
    "CERTIFICATE": CERTIFICATE_FILE,
    "CLIENT": SECRET_FILE,
}.items():
    TELLS = TELLS.replace(f"file:{word}", f"file:{name}")

RAISES = TELLS + "raise ValueError(f'refused {key} {account} {certificate} {secret}')"
DIES = TELLS + "import sys; sys.stdout.flush(); os._exit(9)"
HANGS = TELLS + "import time; time.sleep(120)"
STOPS = TELLS + "import signal, time; os.kill(int(os.environ['RUNNER']), signal.SIGINT); time.sleep(120)"
WRONG = """
from figgo_ops.home import Home
Home.open().store("file:KEY", "Kanari-wrong-4711")
look(tenant)
""".replace("KEY", KEY_FILE)

ENDINGS = {
    "a cell raises": (RAISES, 1, ()),
    "nothing of ours guards the kernel": (RAISES, 1, ()),
    "the kernel is killed": (DIES, 137, ()),
    "a cell hangs": (HANGS, 124, ("--timeout", "12")),
    "Ctrl-C": (STOPS, 130, ()),
    "Figgo refuses the key": (WRONG, 4, ()),
}


@pytest.fixture
def company(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rehearsal]:
    """The rehearsal company, whose Figgo key is a canary; temporary files have a folder of their own."""
    quiet_surroundings(monkeypatch, tmp_path / "elsewhere")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr("tempfile.tempdir", None)
    kept = tmp_path / "home" / "secrets"
    kept.mkdir(parents=True)
    (kept / KEY_FILE).write_text(FIGGO_KEY)
    (kept / KEY_FILE).chmod(0o600)
    with Rehearsal(tmp_path / "home", people=3) as running:
        running.figgo.switch("rate_limit", 10**6)
        yield running


def searcher(company: Rehearsal, kept: dict[str, str]) -> Searcher:
    granted = [*company.google.tokens._grants, *company.microsoft365.tokens._tokens]
    return Searcher(kept | {f"token {n}": token for n, token in enumerate(granted)})


@pytest.mark.notebook
@pytest.mark.parametrize("ending", ENDINGS)
def test_a_notebook_that_tells_secrets_leaves_none(
    company: Rehearsal,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    ending: str,
) -> None:
    """Its cells print, log, show and raise what the home keeps, however the run ends."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    monkeypatch.setenv("RUNNER", str(os.getpid()))
    monkeypatch.setenv("SPIED", str(tmp_path / "spied.json"))
    kept = canaries.secrets_in(company.home / "secrets")
    code, exit_code, options = ENDINGS[ending]
    first = "1" if ending.startswith("nothing of ours") else LOOKS
    path = notebook(tmp_path / "tells.ipynb", first, SPIES, code)
    REDACTOR._known.clear()  # this process has met no secret yet
    if first == "1":  # as other programs run notebooks, without a command line around it
        assert notebooks.run(path, {}, company.home).exit == exit_code
    else:
        assert main(["run", str(path), *options, "--home", str(company.home)]) == exit_code
    said = dict(zip(("stdout", "stderr"), map(str.encode, capsys.readouterr()), strict=True))
    spied = {
        name: bytes.fromhex(text) for name, text in json.loads((tmp_path / "spied.json").read_text()).items()
    }
    assert any("running.ipynb" in name for name in spied)
    assert any(name.endswith(".json") and b"signature_scheme" in text for name, text in spied.items())
    left = canaries.files(company.home, without=("secrets", "ca"))
    left |= canaries.files(tmp_path / "temporary")
    assert any(name.endswith("report.html") for name in left)
    assert searcher(company, kept).found({**said, **spied, **left, **canaries.processes()}) == []


SHIPPED = {
    "onboarding": ("tenant=corail",),
    "diagnostics": (
        "tenant=corail",
        "write_probe=yes",
        "employee=francoise.berenger@corail.example",
        "names=hashes",
    ),
    "fleet": ("check=now",),
}


@pytest.mark.notebook
@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_notebook_that_is_told_secrets_leaves_none(
    company: Rehearsal,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
) -> None:
    """Figgo repeats its key, and somebody wrote secrets where an account and a title belong."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    kept = canaries.secrets_in(company.home / "secrets")
    refused = Response.json(401, {"message": f"{FIGGO_KEY} and lucca application={FIGGO_KEY}"})
    monkeypatch.setattr(company.figgo, "handle", lambda _request: refused)
    file = company.home / "tenants" / "corail.toml"
    text = file.read_text(encoding="utf-8")
    for old, secret in (("svc-figgo", "corail-exchange.password"), ('title = "Absent', SECRET_FILE)):
        assert old in text
        text = text.replace(old, f"{old}{kept[secret]}", 1)
    file.write_text(text, encoding="utf-8")
    words = [word for pair in SHIPPED[name] for word in ("-p", pair)]
    assert main(["run", name, *words, "--home", str(company.home)]) == 6
    said = dict(zip(("stdout", "stderr"), map(str.encode, capsys.readouterr()), strict=True))
    left = canaries.files(company.home, without=("secrets", "ca", "tenants"))
    left |= canaries.files(tmp_path / "temporary")
    assert any(one.endswith("report.html") for one in left)
    assert searcher(company, kept).found({**said, **left, **canaries.processes()}) == []


LISTENS = """
import json, os
from pathlib import Path
import ipywidgets
from figgo_ops.desk import kernel
session, heard = get_ipython().kernel.session, []
send = session.send
session.send = lambda stream, message, content=None, *a, **k: (
    heard.append([str(message), repr(content)]), send(stream, message, content, *a, **k))[1]
kernel.guard()
"""
SHOWS = """
from figgo_ops.home import Home
key = Home.open().secret("file:KEY").value
shown = ipywidgets.HTML(f"<b>refused {key}</b>")
shown.value = f"{key} is refused"
Path(os.environ["SPIED"]).write_text(json.dumps(heard))
""".replace("KEY", KEY_FILE)


@pytest.mark.notebook
def test_no_widget_tells_a_secret(
    company: Rehearsal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A browser shows what widgets are sent, and keeps it in the notebook."""
    pytest.importorskip("ipywidgets", reason="ipywidgets is an extra")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    monkeypatch.setenv("SPIED", str(tmp_path / "spied.json"))
    path = notebook(tmp_path / "shows.ipynb", LISTENS, SHOWS)
    assert main(["run", str(path), "--home", str(company.home)]) == 0
    heard = json.loads((tmp_path / "spied.json").read_text())
    sent = "".join(content for kind, content in heard if kind.startswith("comm_"))
    assert "refused" in sent
    assert "is refused" in sent
    assert Searcher({"key": FIGGO_KEY}).found({"widgets": sent.encode()}) == []


def test_the_rehearsal_company_in_the_foreground_says_where_it_is_and_nothing_else(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "figgo_ops", "sandbox", "--home", str(tmp_path / "home")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        ready = process.stdout.readline()
        meanwhile = canaries.processes() | canaries.environments()
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
    left = canaries.files(tmp_path / "home", without=("secrets", "ca"))
    found = Searcher(canaries.secrets_in(tmp_path / "home" / "secrets"))
    assert found.found({"stdout": ready + out, "stderr": err, **meanwhile, **left}) == []


def _told_to_end(process: subprocess.Popen[bytes]) -> bytes:
    """What it still says; JupyterLab loses a signal that comes while its loop is about to begin."""
    for _ in range(11):
        process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            return process.communicate(timeout=5)[1]
    process.kill()
    raise AssertionError("it does not end")


@pytest.mark.notebook
def test_the_lab_beside_the_rehearsal_company_is_told_no_secret(company: Rehearsal, tmp_path: Path) -> None:
    pytest.importorskip("jupyterlab", reason="JupyterLab is an extra")
    home = tmp_path / "other"
    command = [sys.executable, "-m", "figgo_ops", "lab", "--rehearsal", "--home", str(home)]
    environment = {**os.environ, "BROWSER": "true", "JUPYTER_TOKEN": "Kanari-of-the-lab-4711"}
    with subprocess.Popen(command, stderr=subprocess.PIPE, env=environment) as process:
        assert process.stderr is not None
        said = b""
        for line in process.stderr:
            said += line
            if b"is running at" in line:
                break
        kept = canaries.secrets_in(home / "secrets")
        meanwhile = (
            canaries.processes() | canaries.environments() | canaries.files(home, without=("secrets", "ca"))
        )
        said += _told_to_end(process)
    assert any("jupyter" in name for name in meanwhile)
    assert Searcher(kept).found({"stderr": said, **meanwhile}) == []
    assert Searcher({"token": "Kanari-of-the-lab-4711"}).found(canaries.processes()) == []


@pytest.mark.notebook
def test_the_demo_tells_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    quiet_surroundings(monkeypatch, tmp_path / "elsewhere")
    with canaries.everything_logged() as logged:
        assert main(["demo", "--out", str(tmp_path / "demo"), "--json"]) == 0
    said = dict(zip(("stdout", "stderr"), map(str.encode, capsys.readouterr()), strict=True))
    home = tmp_path / "demo" / "home"
    left = canaries.files(home, without=("secrets", "ca"))
    assert any(name.endswith("report.html") for name in left)
    log = {"log": "\n".join(logged).encode()}
    assert Searcher(canaries.secrets_in(home / "secrets")).found({**said, **left, **log}) == []
