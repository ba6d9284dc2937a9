"""Run a notebook so that it always ends with an executed copy, a page and an honest exit code.

papermill runs in a child process: whatever becomes of it or of its kernel, this side lives to tell.
This is the only door to papermill.
"""

import os
import platform
import queue
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import figgo_ops
from figgo_ops.desk import copies, endings, kernel, pages, runs, shipped
from figgo_ops.desk.endings import Ending, How
from figgo_ops.desk.parameters import checked, nearest, parameters
from figgo_ops.desk.runs import RunFolder
from figgo_ops.errors import UsageError
from figgo_ops.home import VARIABLE, Home

Told = queue.SimpleQueue[tuple[How, str]]
"""Hears how a run ends; its `put` may be called from a signal handler."""

_RUNNING, _ENDED, _LOG = "running.ipynb", "ended.json", "runner.log"
_GRACE = 15.0  # seconds a told child gets to close its kernel before it is killed


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run left behind.

    Attributes:
        exit: the exit code; see `endings`.
        notebook, report, result: the executed copy, its page, and the same in JSON.
        verdict: what the notebook itself said about its result; empty when it said nothing.
    """

    run: str
    folder: Path
    notebook: Path
    report: Path
    result: Path
    exit: int
    status: str
    message: str
    verdict: dict[str, Any]


def find(notebook: str | Path, home: Path) -> Path:
    """The file of a notebook: a path as given, or a name among the shipped ones, then among the home's.

    Raises:
        UsageError: there is none.
    """
    if Path(notebook).suffix == ".ipynb":
        if Path(notebook).is_file():
            return Path(notebook).resolve()
        raise UsageError(f"There is no notebook {notebook}.", "Give the path of a notebook, or one's name.")
    folders = (home / "notebooks", shipped("notebooks"))  # the later one wins
    known = {path.stem: path for folder in folders for path in folder.glob("*.ipynb")}
    if str(notebook) in known:
        return known[str(notebook)].resolve()
    raise UsageError(f'There is no notebook named "{notebook}".', nearest(str(notebook), sorted(known)))


def run(
    notebook: str | Path,
    values: Mapping[str, str],
    home: Home | Path,
    *,
    timeout: int = 3600,
    deadline: int | None = None,
    runs_folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> RunResult:
    """Run a notebook to its end, whatever that is.

    Args:
        home: the home it works in, or its path.
        values: parameters as typed by a person; checked before anything starts.
        timeout: seconds that one cell may take.
        deadline: seconds that the whole run may take.
        runs_folder: where runs are kept; the home's own unless said.
        environment: added to ours for the kernel.

    Raises:
        UsageError: no such notebook or parameter, a wrong type, or a value that is a secret.
    """
    place = home.path if isinstance(home, Home) else home
    source = find(notebook, place)
    Home(place).learn_secrets()  # cells resolve them in a process whose redactor is not this one
    known = parameters(source)
    given = checked(known, values, source.stem)
    asked = source.stem if Path(notebook).suffix != ".ipynb" else pages.shown_path(source)
    whole = {parameter.name: parameter.default for parameter in known} | given
    request = _request(source, asked, whole, place) | {"given": given, "timeout": timeout}
    kept = runs_folder or place / "runs"
    folder = _opened(source, request, kept)
    runs.expire(kept, datetime.now(UTC))
    try:
        with _told() as told:
            added = {VARIABLE: str(place), **(environment or {})}
            how, detail = _supervised(folder, deadline, added, told)
            return _finished(folder, how, detail)
    finally:
        folder.release()


def _request(source: Path, asked: str, whole: Mapping[str, str | int], home: Path) -> dict[str, Any]:
    """What is about to run, as the child and the pages need to know it."""
    return {
        "source": str(source),
        "notebook": asked,
        "parameters": dict(whole),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "option": pages.home_option(home),
        **pages.whose(str(whole.get("tenant", "")), home),
    }


def _opened(source: Path, request: Mapping[str, Any], kept: Path) -> RunFolder:
    for folder in runs.left_behind(kept):
        _finished(folder, "abandoned", "")
    return runs.open_run(kept, [source.stem, request["tenant"]], datetime.now(UTC), request)


# Running it: this side


@contextmanager
def _told() -> Iterator[Told]:
    """A queue that hears of signals; only a process's main thread can listen, others never are told."""
    told: Told = queue.SimpleQueue()
    if threading.current_thread() is not threading.main_thread():
        yield told
        return
    meanings: dict[signal.Signals, How] = {signal.SIGTERM: "terminated", signal.SIGINT: "interrupted"}

    def hear(number: int, _frame: object) -> None:
        told.put((meanings[signal.Signals(number)], ""))

    before = {number: signal.signal(number, hear) for number in meanings}
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _supervised(
    folder: RunFolder, deadline: int | None, environment: dict[str, str], told: Told
) -> tuple[How, str]:
    ends = time.monotonic() + deadline if deadline else None
    with tempfile.TemporaryDirectory(prefix="figgo-ops-") as scratch:
        variables = _kernel_environment(Path(scratch), folder) | environment
        how, detail = _once(folder, ends, variables, told)
        if how == "start":  # ports or a loaded machine: no cell ran, so once more is safe
            how, detail = _once(folder, ends, variables, told)
    return how, str(deadline) if how == "deadline" else detail


def _once(folder: RunFolder, ends: float | None, variables: dict[str, str], told: Told) -> tuple[How, str]:
    (folder.path / _ENDED).unlink(missing_ok=True)  # what an earlier attempt said
    with (folder.path / _LOG).open("ab") as log:
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", __name__, str(folder.path)],
            stdin=subprocess.PIPE,  # nothing is written to it: when it closes, this side is gone
            stdout=log,
            stderr=log,
            env=variables,
            start_new_session=True,  # Ctrl-C is for this side, which then tells the child
        )
    left = queue.SimpleQueue[int]()
    ended: tuple[How, str] = ("finished", "")

    def wait() -> None:
        with child:
            child.wait()
        left.put(child.returncode)
        told.put(ended)

    threading.Thread(target=wait, daemon=True).start()
    copies.exporter()  # loaded while the child works
    try:
        word = told.get(timeout=None if ends is None else max(0.0, ends - time.monotonic()))
    except queue.Empty:
        word = ("deadline", "")
    if word is ended:
        return _said(folder, left.get())
    child.terminate()
    try:
        left.get(timeout=_GRACE)
    except queue.Empty:
        child.kill()  # its kernel sees that within a second and goes too
        left.get()
    return word


def _said(folder: RunFolder, code: int) -> tuple[How, str]:
    """What the child said about its end or, if it could not, what its exit code says."""
    said = runs.read_json(folder.path / _ENDED)
    if said:
        return said["how"], said["detail"]
    if code < 0:
        return "died", ""
    log = (folder.path / _LOG).read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return "start", log[-1] if log else ""


def _kernel_environment(scratch: Path, folder: RunFolder) -> dict[str, str]:
    """Ours, with a kernel that is this very Python, no start-up files of the user and no history."""
    from ipykernel.kernelspec import write_kernel_spec

    write_kernel_spec(scratch / "kernels" / "python3")
    return {
        **os.environ,
        "JUPYTER_PATH": os.pathsep.join(filter(None, [str(scratch), os.environ.get("JUPYTER_PATH")])),
        "JUPYTER_RUNTIME_DIR": str(scratch / "runtime"),
        "IPYTHONDIR": str(scratch / "ipython"),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        runs.VARIABLE: str(folder.path),
    }


# Running it: the child


def _child(folder: Path) -> None:
    """The child's whole life: run what the folder's request says, then say how it ended."""
    os.umask(0o077)
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(143))
    threading.Thread(target=_follow_parent, daemon=True).start()
    how, detail = _executed(folder, runs.read_json(folder / runs.REQUEST))
    runs.write_json(folder / _ENDED, {"how": how, "detail": detail})


def _follow_parent() -> None:
    """End, and the kernel with us, when the parent ends without a word."""
    os.read(0, 1)
    os.kill(os.getpid(), signal.SIGTERM)


def _executed(folder: Path, request: Mapping[str, Any]) -> tuple[How, str]:
    import papermill
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from traitlets.config import Config

    try:
        papermill.execute_notebook(
            request["source"],
            str(folder / _RUNNING),
            parameters=request["given"],
            kernel_name="python3",
            language="python",
            progress_bar=False,
            cwd=str(folder),
            execution_timeout=request["timeout"],
            store_widget_state=False,  # a Password widget's state is the password
            coalesce_streams=True,
            config=Config(KernelManager={"transport_encryption": "required"}),
        )
    except papermill.PapermillExecutionError:
        return "cell", ""
    except CellTimeoutError:
        return "timeout", str(request["timeout"])
    except DeadKernelError:
        return "died", ""
    except Exception as error:  # noqa: BLE001 - the edge of this process: its parent tells a person
        started = (folder / _RUNNING).exists() and endings.last_started(copies.read(folder / _RUNNING).cells)
        return "broken" if started else "start", f"{type(error).__name__}: {error}"
    return "finished", ""


# What it leaves


def _finished(folder: RunFolder, how: How, detail: str) -> RunResult:
    """Write the copy, the page and the result, then take the request away: this run has ended."""
    request = runs.read_json(folder.path / runs.REQUEST)
    notebook = copies.saved(folder.path / _RUNNING, Path(request["source"]))
    copies.tidy(notebook)
    end = endings.ending(notebook.cells, how, kernel.clean_text(detail))
    verdict = endings.verdict(notebook.cells)
    facts = _facts(folder.run, request, end)
    copies.stamp(notebook, facts)
    paths = folder.path / runs.NOTEBOOK, folder.path / runs.REPORT, folder.path / runs.RESULT
    runs.write_text(paths[0], copies.written(notebook))
    runs.write_text(paths[1], copies.html(notebook, facts))
    runs.write_json(paths[2], facts | {"verdict": verdict})
    for name in (runs.REQUEST, _RUNNING, _ENDED, _LOG):
        (folder.path / name).unlink(missing_ok=True)
    return RunResult(folder.run, folder.path, *paths, end.exit, end.status, end.message, verdict)


def _facts(run: str, request: Mapping[str, Any], end: Ending) -> dict[str, Any]:
    """Everything about a run that its copy, its page and its result say."""
    started = datetime.fromisoformat(request["started"])
    words = [word for name, value in request["given"].items() for word in ("-p", f"{name}={value}")]
    return {
        "run": run,
        **{name: request[name] for name in ("notebook", "tenant", "mode", "home", "parameters", "started")},
        "seconds": round((datetime.now(UTC) - started).total_seconds(), 1),
        **asdict(end),
        "again": shlex.join(["figgo-ops", "run", request["notebook"], *words, *request["option"]]),
        "versions": {"Python": platform.python_version(), "figgo_ops": figgo_ops.__version__},
    }


if __name__ == "__main__":
    _child(Path(sys.argv[1]))
