"""How the run of a notebook ended, said in one line that names who can go on and how.

Pure: it looks at cells and at what the runner saw, and decides.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from figgo_ops import errors
from figgo_ops.errors import FiggoOpsError

RESULT_TYPE = "application/vnd.figgo-ops.result+json"

How = Literal[
    "finished",  # every cell ran, or one of them ended the run with sys.exit(0)
    "cell",  # a cell raised
    "timeout",  # a cell took longer than a cell may
    "deadline",  # the run took longer than a run may
    "died",  # the kernel was killed
    "start",  # no kernel came up
    "broken",  # what runs the cells failed itself
    "terminated",
    "interrupted",
    "abandoned",  # the runner was killed
]

_STATUS = {
    0: "done",
    1: "failed",
    2: "wrong usage",
    3: "refused",
    4: "credentials",
    5: "busy",
    6: "findings",
    7: "unreachable",
    70: "internal error",
    124: "timed out",
    130: "interrupted",
    137: "kernel died",
    143: "terminated",
}

_OURS = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, FiggoOpsError)
}


OUR_NAMES = frozenset(_OURS)
"""Names of our own errors, which say all in message and remedy."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How it ended.

    Attributes:
        exit: the exit code of the run, as in the command line's table.
        status: that code in a word or two.
        cell: number of the code cell that decided it, counted from 1; None when no cell did.
    """

    exit: int
    status: str
    message: str
    remedy: str = ""
    cell: int | None = None


def ending(cells: Sequence[Mapping[str, Any]], how: How, detail: str = "") -> Ending:
    """What the run came to.

    Args:
        cells: the executed notebook's cells, as far as they were saved.
        how: what the runner saw.
        detail: the limit in seconds, or what the starting kernel said.
    """
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    if how == "finished":
        return _finished(code)
    if how == "cell":
        return _raised(code)
    return _cut(how, detail, last_started(code))


def verdict(cells: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What the notebook itself said last about its result; empty when it said nothing."""
    said = [
        output["data"][RESULT_TYPE]
        for cell in cells
        for output in cell.get("outputs", ())
        if RESULT_TYPE in output.get("data", {})
    ]
    return said[-1] if said and isinstance(said[-1], dict) else {}


def last_started(cells: Sequence[Mapping[str, Any]]) -> int | None:
    """Number of the last code cell that began to run.

    papermill calls every cell completed when a kernel dies, but notes a start only for those that began.
    """
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    started = [n for n, cell in enumerate(code, 1) if cell["metadata"].get("papermill", {}).get("start_time")]
    return started[-1] if started else None


def errors_of(cell: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The errors a cell shows."""
    return (output for output in cell.get("outputs", ()) if output["output_type"] == "error")


def is_ours(error: Mapping[str, Any]) -> bool:
    """Whether an error output is one of figgo_ops' own."""
    return error["ename"] in OUR_NAMES


def _finished(code: Sequence[Mapping[str, Any]]) -> Ending:
    said = verdict(code)
    exit_code = said.get("exit", 0)
    if not isinstance(exit_code, int) or exit_code not in _STATUS:
        return Ending(70, _STATUS[70], f"The notebook's result names no exit code: {exit_code!r}.")
    message = str(said.get("message", "")) or ("See the cells below." if exit_code else "Every cell ran.")
    stopped = next((n for n, cell in enumerate(code, 1) if any(errors_of(cell))), None)
    if stopped:
        message = f"Cell {stopped} ended the run; later cells did not run."
        return Ending(exit_code, "stopped early", message, "", stopped)
    return Ending(exit_code, _STATUS[exit_code], message, str(said.get("remedy", "")))


def _raised(code: Sequence[Mapping[str, Any]]) -> Ending:
    found = next(((n, error) for n, cell in enumerate(code, 1) for error in errors_of(cell)), None)
    if found is None:
        return Ending(1, _STATUS[1], "A cell failed without saying why.")
    number, error = found
    if is_ours(error):
        exit_code = _OURS[error["ename"]].exit or 1
        lines = [*error["traceback"], ""] if len(error["traceback"]) <= 2 else [error["evalue"], ""]
        return Ending(exit_code, _STATUS[exit_code], lines[0], lines[1], number)
    if error["ename"] == "StdinNotImplementedError":
        asked = f"Cell {number} asks a question, and nobody is there to answer."
        return Ending(1, _STATUS[1], asked, "Give the answer as a parameter, or work in JupyterLab.", number)
    said = re.sub(r"\s+", " ", f"{error['ename']}: {error['evalue']}").strip(": ")[:300]
    where = "Open the cell below for where it happened."
    return Ending(1, _STATUS[1], f"Cell {number} failed. {said}", where, number)


def _cut(how: How, detail: str, last: int | None) -> Ending:
    at = f" in cell {last}" if last else ""
    again = "What was already written stays written; run it again to go on."
    cuts = {
        "timeout": (124, f"Cell {last} took longer than {detail} seconds, the limit of one cell.", again),
        "deadline": (124, f"The run took longer than {detail} seconds and was stopped{at}.", again),
        "died": (137, f"The kernel was killed{at}, most often for want of memory.", again),
        "terminated": (143, f"The run was told to stop (SIGTERM){at}.", again),
        "interrupted": (130, f"The run was interrupted{at}.", again),
        "broken": (70, f"The run broke off{at}. {detail}", "If the disk has room, tell the makers."),
        "abandoned": (137, f"The runner was killed{at}; below is how far it was seen to come.", again),
    }
    start = (1, f"No kernel could be started. {detail}".strip(), "Install again, then run again.")
    exit_code, message, remedy = cuts.get(how, start)
    status = "abandoned" if how == "abandoned" else _STATUS[exit_code]
    return Ending(exit_code, status, message, remedy, last)
