"""A run of a notebook always ends with an executed copy, a page and an honest exit code."""

import json
import os
import re
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nbformat
import pytest

from figgo_ops.desk import notebooks, runs, shipped
from figgo_ops.desk.parameters import parameters
from figgo_ops.errors import UsageError
from figgo_ops.secrets import REDACTOR
from tests.desk.books import notebook, outputs

RAISES_OURS = """
from figgo_ops.desk import kernel
from figgo_ops.errors import Refused
kernel.guard()
raise Refused("Corail: 40 of 50 events would go.", "Look at the plan, then say --removals 40.")
"""

STUBBORN = """
import time
while True:
    try:
        time.sleep(30)
    except KeyboardInterrupt:
        pass
"""

VERDICT = """
from figgo_ops.desk.verdict import Verdict
Verdict(6, "Three events are missing.", "Plan them.", {"missing": 3})
"""

MARKDOWN_TRAP = 'raise ValueError("<script>alert(1)</script> **bold** [x](y)")'

DIES = "import os\nos._exit(1)"


@dataclass(frozen=True)
class Case:
    """What a notebook does, and how its run has to end."""

    code: tuple[str, ...]
    exit: int
    status: str
    says: str
    options: dict[str, Any] = field(default_factory=dict)


CASES = {
    "every cell runs": Case(("print(tenant, count)",), 0, "done", "Every cell ran."),
    "a cell raises": Case(("1 / 0", "print('later')"), 1, "failed", "Cell 3 failed. ZeroDivisionError"),
    "a cell raises one of our errors": Case((RAISES_OURS,), 3, "refused", "40 of 50 events would go"),
    "a cell takes too long": Case(
        ("import time\ntime.sleep(60)",), 124, "timed out", "longer than 1 seconds", {"timeout": 1}
    ),
    "a cell ignores the interrupt": Case(
        (STUBBORN,), 124, "timed out", "longer than 1 seconds", {"timeout": 1}
    ),
    "the run takes too long": Case(
        ("import time\ntime.sleep(60)",), 124, "timed out", "The run took longer than 5", {"deadline": 5}
    ),
    "the kernel dies": Case((DIES, "print('later')"), 137, "kernel died", "killed in cell 3"),
    "a cell says sys.exit(0)": Case(
        ("import sys\nsys.exit(0)", "1"), 0, "stopped early", "later cells did not run"
    ),
    "a cell says sys.exit(3)": Case(("import sys\nsys.exit(3)",), 1, "failed", "SystemExit"),
    "a cell asks a question": Case(("input('Really?')",), 1, "failed", "asks a question"),
    "no kernel starts": Case(("1",), 1, "failed", "No kernel could be started", {"broken": True}),
    "the notebook has a verdict": Case((VERDICT,), 6, "findings", "Three events are missing."),
    "an error text is hostile": Case((MARKDOWN_TRAP,), 1, "failed", "<script>alert(1)</script>"),
}


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> dict[str, notebooks.RunResult]:
    """Every case, run once, two at a time."""
    base = tmp_path_factory.mktemp("runs")
    (base / "broken").mkdir()
    (base / "broken" / "ipykernel_launcher.py").write_text("raise SystemExit('this kernel is broken')\n")

    def one(name: str) -> notebooks.RunResult:
        options = dict(CASES[name].options)
        broken = {"PYTHONPATH": str(base / "broken")} if options.pop("broken", False) else {}
        path = notebook(base / f"{re.sub('[^a-z0-9]', '-', name)}.ipynb", *CASES[name].code)
        values = {"tenant": "acme", "count": "7"}
        return notebooks.run(path, values, base / "home", environment=broken, **options)

    with ThreadPoolExecutor(2) as pool:
        return dict(zip(CASES, pool.map(one, CASES), strict=True))


@pytest.mark.notebook
@pytest.mark.parametrize("name", CASES)
def test_a_run_says_how_it_ended_in_its_exit_code_and_its_words(
    ended: dict[str, notebooks.RunResult], name: str
) -> None:
    case, result = CASES[name], ended[name]
    assert (result.exit, result.status) == (case.exit, case.status)
    assert case.says in result.message


@pytest.mark.notebook
@pytest.mark.parametrize("name", CASES)
def test_a_run_leaves_copy_page_and_result_and_nothing_else_for_its_owner_alone(
    ended: dict[str, notebooks.RunResult], name: str
) -> None:
    result = ended[name]
    assert sorted(path.name for path in result.folder.iterdir()) == [
        "notebook.ipynb",
        "report.html",
        "result.json",
    ]
    assert result.folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in result.folder.iterdir()} == {0o600}


@pytest.mark.notebook
@pytest.mark.parametrize("name", CASES)
def test_page_copy_and_result_tell_the_same_ending(ended: dict[str, notebooks.RunResult], name: str) -> None:
    result = ended[name]
    told = json.loads(result.result.read_text())
    copy = nbformat.read(result.notebook, as_version=4)  # type: ignore[no-untyped-call]
    page = result.report.read_text()
    assert (told["exit"], told["status"], told["message"]) == (result.exit, result.status, result.message)
    assert copy.metadata.figgo_ops["exit"] == result.exit
    assert result.status in copy.cells[0].source
    assert f'role="{"alert" if result.exit else "status"}"' in page
    assert result.status in page.split("</section>", 1)[0]
    assert result.run in page


@pytest.mark.notebook
def test_a_page_fetches_nothing_and_runs_no_script(ended: dict[str, notebooks.RunResult]) -> None:
    for name, result in ended.items():
        page = result.report.read_text()
        assert "default-src 'none'" in page, name
        assert "<script" not in page, name
        assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//""", page), name


@pytest.mark.notebook
def test_parameters_reach_the_cells_in_their_type(ended: dict[str, notebooks.RunResult]) -> None:
    assert outputs(ended["every cell runs"].notebook)[0]["text"] == "acme 7\n"


@pytest.mark.notebook
def test_our_own_error_is_shown_as_message_and_remedy_without_a_stack(
    ended: dict[str, notebooks.RunResult],
) -> None:
    result = ended["a cell raises one of our errors"]
    (error,) = [one for one in outputs(result.notebook) if one["output_type"] == "error"]
    assert error["traceback"] == [
        "Corail: 40 of 50 events would go.",
        "Look at the plan, then say --removals 40.",
    ]
    assert "Traceback" not in result.report.read_text()
    assert json.loads(result.result.read_text())["remedy"] == "Look at the plan, then say --removals 40."


@pytest.mark.notebook
def test_a_stranger_s_error_keeps_its_stack_folded_and_without_colour_codes(
    ended: dict[str, notebooks.RunResult],
) -> None:
    page = ended["a cell raises"].report.read_text()
    assert "Where it happened" in page
    assert "\x1b" not in ended["a cell raises"].notebook.read_text()
    assert "later" not in json.dumps(outputs(ended["a cell raises"].notebook))


@pytest.mark.notebook
def test_a_verdict_is_read_back(ended: dict[str, notebooks.RunResult]) -> None:
    result = ended["the notebook has a verdict"]
    assert result.verdict["missing"] == 3
    assert json.loads(result.result.read_text())["verdict"]["missing"] == 3


@pytest.mark.notebook
def test_nothing_in_a_copy_says_where_it_was_run(ended: dict[str, notebooks.RunResult]) -> None:
    for name, result in ended.items():
        metadata = nbformat.read(result.notebook, as_version=4).metadata  # type: ignore[no-untyped-call]
        assert "papermill" not in metadata, name
        assert str(Path.home()) + "/" not in json.dumps(metadata), name


@pytest.mark.notebook
def test_no_kernel_outlives_its_run(ended: dict[str, notebooks.RunResult]) -> None:
    folders = {str(result.folder).encode() for result in ended.values()}
    assert not [pid for pid in _kernels() if any(folder in _environment(pid) for folder in folders)]


@pytest.mark.notebook
def test_no_secret_is_left_in_copy_page_or_result(tmp_path: Path) -> None:
    """One is known to the kernel only, others merely look like credentials."""
    code = """
from figgo_ops.desk import kernel
from figgo_ops.secrets import REDACTOR
kernel.guard()
word = "s3cr3t" + "&" + "Corail"
REDACTOR.learn(word, "file:corail.key")
print("key", word)
import html
from IPython.display import HTML, display
display(HTML("<p>" + html.escape(word) + "</p>"))
print("Authorization: Bearer abcdef" + "0123456789")
print("Authorization: lucca application=11111111" + "-2222-3333")
print("eyJhbGciOi" + "JIUzI1NiJ9.eyJzdWIi" + "OiIxIn0.c2lnbmF0dXJl")
print("-----BEGIN PRIVATE KEY-----\\nMIIE" + "vQIBADAN\\n-----END PRIVATE KEY-----")
raise ValueError("refused " + word)
"""
    result = notebooks.run(notebook(tmp_path / "leaky.ipynb", code), {}, tmp_path / "home")
    assert result.exit == 1
    for path in (result.notebook, result.report, result.result):
        text = path.read_text()
        for secret in (
            "s3cr3t&Corail",
            "s3cr3t&amp;Corail",
            "abcdef0123456789",
            "11111111-2222-3333",
            "eyJhbGciOiJIUzI1NiJ9",
            "MIIEvQIBADAN",
        ):
            assert secret not in text, (path.name, secret)
    assert "[secret:file:corail.key]" in result.notebook.read_text()


RUNNER = """
import sys
from figgo_ops.desk import notebooks
from pathlib import Path
result = notebooks.run(Path(sys.argv[1]), {}, Path(sys.argv[2]))
print(result.folder, flush=True)
sys.exit(result.exit)
"""

SAYS_WHEN_UP = """
import os, time
from pathlib import Path
Path(os.environ["FIGGO_OPS_RUN_FOLDER"], "../../up").write_text(str(os.getpid()))
time.sleep(120)
"""


def _ended(kernel: int) -> None:
    """Wait for the end of a process that cannot be ours to wait for."""
    ended, _, _ = select.select([kernel], [], [], 60)
    os.close(kernel)
    assert ended, "the kernel outlived its runner"


@pytest.mark.notebook
@pytest.mark.parametrize(
    ("number", "exit_code", "status"),
    [(signal.SIGTERM, 143, "terminated"), (signal.SIGINT, 130, "interrupted")],
)
def test_a_run_that_is_told_to_stop_still_reports(
    tmp_path: Path, number: signal.Signals, exit_code: int, status: str
) -> None:
    runner = _started(tmp_path)
    kernel = os.pidfd_open(_up(tmp_path, runner))
    runner.send_signal(number)
    out, _ = runner.communicate(timeout=60)
    folder = Path(out.strip())
    assert runner.returncode == exit_code
    assert json.loads((folder / "result.json").read_text())["status"] == status
    assert 'role="alert"' in (folder / "report.html").read_text()
    _ended(kernel)


@pytest.mark.notebook
def test_a_run_whose_runner_was_killed_is_told_by_the_next_one(tmp_path: Path) -> None:
    runner = _started(tmp_path)
    kernel = os.pidfd_open(_up(tmp_path, runner))
    runner.kill()
    runner.communicate()
    _ended(kernel)
    (folder,) = (tmp_path / "home" / "runs").iterdir()
    assert not (folder / "result.json").exists()
    after = notebooks.run(notebook(tmp_path / "next.ipynb", "1"), {}, tmp_path / "home")
    told = json.loads((folder / "result.json").read_text())
    assert after.exit == 0
    assert (told["status"], told["exit"]) == ("abandoned", 137)
    assert "abandoned" in (folder / "report.html").read_text()


@pytest.mark.notebook
def test_a_run_that_is_still_on_is_not_called_abandoned(tmp_path: Path) -> None:
    kept = tmp_path / "runs"
    folder = runs.open_run(kept, ["slow"], datetime(2026, 11, 22, tzinfo=UTC), {})
    assert list(runs.left_behind(kept)) == []
    folder.release()
    assert [one.run for one in runs.left_behind(kept)] == [folder.run]


def test_runs_started_in_one_second_have_folders_of_their_own(tmp_path: Path) -> None:
    now = datetime(2026, 11, 22, 11, 4, 55, tzinfo=UTC)
    made = [runs.open_run(tmp_path, ["initialization", "Çorail"], now, {}) for _ in range(20)]
    assert len({one.path for one in made}) == 20
    assert all(one.run.startswith("20261122T110455-initialization-") for one in made)
    for one in made:
        one.release()


def test_runs_expire_after_ninety_days_but_never_while_they_are_on(tmp_path: Path) -> None:
    now = datetime(2026, 11, 22, tzinfo=UTC)
    for name in ("20260101T000000-old-1", "20260101T000000-on-2", "20261101T000000-new-3"):
        (tmp_path / name).mkdir()
    (tmp_path / "20260101T000000-on-2" / runs.REQUEST).write_text("{}")
    assert runs.expire(tmp_path, now) == ["20260101T000000-old-1"]
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"tennant": "acme"}, 'Did you mean "tenant"?'),
        ({"zzz": "1"}, "Known are: tenant, count."),
        ({"count": "many"}, "count=12"),
        ({"count": "3.5"}, "count=12"),
        ({"tenant": "Bearer abcdef0123456789"}, "figgo-ops secret set"),
        ({"tenant": "ac\x1bme"}, "Type it again."),
    ],
)
def test_a_wrong_parameter_is_refused_before_anything_starts(
    tmp_path: Path, values: dict[str, str], says: str
) -> None:
    path = notebook(tmp_path / "checked.ipynb", "1")
    with pytest.raises(UsageError) as error:
        notebooks.run(path, values, tmp_path / "home")
    assert says in error.value.remedy
    assert not (tmp_path / "home").exists()


def test_a_secret_known_to_this_process_is_no_parameter_and_is_not_repeated(tmp_path: Path) -> None:
    REDACTOR.learn("tr0ub4dor-and-3", "file:acme.key")
    with pytest.raises(UsageError) as error:
        notebooks.run(notebook(tmp_path / "n.ipynb"), {"tenant": "tr0ub4dor-and-3"}, tmp_path)
    assert "tr0ub4dor" not in error.value.message + error.value.remedy


def test_a_notebook_that_is_not_there_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as error:
        notebooks.run("initialisation", {}, tmp_path)
    assert error.value.remedy == 'Did you mean "initialization"?'
    with pytest.raises(UsageError, match="no notebook"):
        notebooks.run(tmp_path / "none.ipynb", {}, tmp_path)


@pytest.mark.parametrize(
    "line", ["tenant = 'x'", "dry_run: bool = True", "ids: list = []", "n: int = 'x'", "n: int", "print(1)"]
)
def test_a_parameters_cell_holds_only_typed_strings_and_numbers(tmp_path: Path, line: str) -> None:
    with pytest.raises(UsageError, match="no parameter"):
        parameters(notebook(tmp_path / "n.ipynb", parameters=line))


SHIPPED = sorted(shipped("notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_notebooks_are_thin_stored_without_outputs_and_explain_their_parameters(path: Path) -> None:
    content = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    nbformat.validate(content)
    code = [cell for cell in content.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code)
    assert all(re.fullmatch(r"[a-z][a-z-]*", cell.id) for cell in content.cells)
    assert all(one.help and one.type in ("str", "int") for one in parameters(path))
    for cell in code:
        assert not re.search(r"\b(?:def|class|for|while|lambda|http|https|Path|open)\b", _bare(cell.source))
    assert content.cells[0].source.startswith("# ")


def _bare(source: str) -> str:
    """Code without its comments."""
    return re.sub(r"#.*", "", source)


def _started(tmp_path: Path) -> subprocess.Popen[str]:
    path = notebook(tmp_path / "slow.ipynb", SAYS_WHEN_UP)
    (tmp_path / "home" / "runs").mkdir(parents=True)
    os.mkfifo(tmp_path / "home" / "up")
    command = [sys.executable, "-c", RUNNER, str(path), str(tmp_path / "home")]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _up(tmp_path: Path, runner: subprocess.Popen[str]) -> int:
    """Wait until the notebook's own cell runs; the process id of its kernel."""
    assert runner.poll() is None
    return int((tmp_path / "home" / "up").read_text())


def _kernels() -> Iterator[int]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes()
        except OSError:  # it ended while we looked
            continue
        if b"ipykernel_launcher" in command:
            yield int(path.parent.name)


def _environment(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return b""


def test_the_lock_of_a_run_is_not_inherited_by_what_it_starts(tmp_path: Path) -> None:
    folder = runs.open_run(tmp_path, ["n"], datetime(2026, 11, 22, tzinfo=UTC), {})
    command = [sys.executable, "-c", "print('up', flush=True); input()"]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, close_fds=False)
    assert child.stdout is not None
    assert child.stdout.readline() == b"up\n"
    folder.release()
    assert [one.run for one in runs.left_behind(tmp_path)] == [folder.run]
    child.communicate(b"\n")


@pytest.mark.notebook
def test_a_progress_bar_leaves_nothing_behind(tmp_path: Path) -> None:
    code = "import sys\nfrom tqdm import tqdm\nfor _ in tqdm(range(3), file=sys.stdout): pass"
    result = notebooks.run(notebook(tmp_path / "bar.ipynb", code, "print('told')"), {}, tmp_path)
    assert [output["text"] for output in outputs(result.notebook)] == ["told\n"]
