"""Processes of the benchmark: the stand-in in one of its own, each measured side in another."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
SCHEMAS = ("FIGGO_OPS_EWS_SCHEMA", "FIGGO_OPS_GRAPH_METADATA")


class BrokenRunError(Exception):
    """A process of the benchmark did not do what it is for."""


def run(arguments: list[str], python: str = sys.executable) -> dict[str, Any]:
    """Run one measuring process to its end; what it printed last.

    Raises:
        BrokenRunError: it failed; says how.
    """
    done = subprocess.run([python, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BrokenRunError(f"{' '.join(arguments)} ended with {done.returncode}:\n{done.stderr}")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


@dataclass(frozen=True, slots=True)
class Child:
    """A process that follows orders, one JSON line each, and answers with one.

    Attributes:
        ready: the first line it printed.
    """

    process: subprocess.Popen[str]
    ready: dict[str, Any]

    def ask(self, do: str, **more: Any) -> Any:
        """Give one order; its answer."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"do": do, **more}) + "\n")
        self.process.stdin.flush()
        return _line(self.process)


def _line(process: subprocess.Popen[str]) -> Any:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise BrokenRunError(f"{process.args!r} ended with {process.wait()} instead of an answer")
    return json.loads(line)


@contextmanager
def child(module: str, *arguments: str) -> Iterator[Child]:
    """A process that runs this module of the repository while the block runs."""
    command = [sys.executable, "-m", module, *arguments]
    with subprocess.Popen(
        command, cwd=ROOT, env=_unchecked(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield Child(process, _line(process))
        finally:
            process.terminate()


def _unchecked() -> dict[str, str]:
    """Our surroundings without the folders of Microsoft's schemas, which would slow stand-ins down."""
    return {name: value for name, value in os.environ.items() if name not in SCHEMAS}


@contextmanager
def stand_in(
    folder: Path, mailboxes: int, *, kind: str = "google", speed: float = 1.0, check: bool = False
) -> Iterator[Child]:
    """A provider's stand-in, alone; see `stand.py`."""
    arguments = [kind, str(folder), str(mailboxes), "--speed", str(speed), *(["--check"] if check else [])]
    with child("tests.benchmarks.stand", *arguments) as running:
        yield running
