"""Trials: the tests of a copy of the tree, with a defect in it or without."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from tests.defects import witness
from tests.defects.patches import Defect

ROOT = Path(__file__).parents[2]
LEFT_OUT = (".git", ".venv", "build", "dist", "defects", "__pycache__", ".*_cache", ".hypothesis")
FORGOTTEN = ("FIGGO_OPS", "HYPOTHESIS", "PYTEST", "PYTHON")
"""Beginnings of variables that would make a trial search longer, demand more or import elsewhere."""

WHOLE = ("tests", "-m", "not proof and not browser", "--ignore=tests/browser")
"""The whole suite, for a defect that its narrow list does not catch."""

NO_CATCH = {"NameError", "ImportError", "SyntaxError"}
"""What a test meets where the patch itself is nonsense; no assertion has judged anything then."""

LONGEST = 1800.0


class TrialError(Exception):
    """A trial that proves nothing: wrong package, tests that cannot run, a defect that is no Python."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one defect.

    Attributes:
        caught: node id of the test that failed first; "" when none did.
        narrow: whether one of the tests tried first caught it.
    """

    defect: Defect
    caught: str
    seconds: float
    narrow: bool = True


def tried(defect: Defect, root: Path = ROOT) -> Verdict:
    """Plant one defect and run its tests, then, where they pass, all others.

    Raises:
        PatchError: the patch does not fit the tree.
        TrialError: the tests could not judge it.
    """
    begun = time.monotonic()
    changed = defect.applied(root)
    with copied(root) as tree:
        for file, text in changed.items():
            (tree / file).write_text(text, encoding="utf-8")
        try:
            caught = first_failure(tree, defect.tests)
            done = [f"--deselect={test}" for test in defect.tests]
            verdict = Verdict(defect, caught or first_failure(tree, [*WHOLE, *done]), 0.0, bool(caught))
        except TrialError as error:
            raise TrialError(f"{defect.name}: {error}") from error
    return replace(verdict, seconds=time.monotonic() - begun)


def unsound(caught: Iterable[str], root: Path = ROOT) -> str:
    """The first of these tests that also fails without any defect; "" when all of them pass."""
    nodes = sorted(set(caught))
    with copied(root) as tree:
        return first_failure(tree, nodes) if nodes else ""


@contextmanager
def copied(root: Path) -> Iterator[Path]:
    """A copy of the tree, without the patches: they would fit no more and cry wolf."""
    with tempfile.TemporaryDirectory(prefix="defect-") as folder:
        tree = Path(folder).resolve() / "tree"
        shutil.copytree(root, tree, symlinks=True, ignore=shutil.ignore_patterns(*LEFT_OUT))
        yield tree


def first_failure(tree: Path, asked: Iterable[str]) -> str:
    """Node id of the first test to fail in this tree; "" when all of them pass.

    Raises:
        TrialError: they did not run to their end or to a failure, or used another tree's package.
    """
    beside = tree.parent / "plugin"
    beside.mkdir(exist_ok=True)
    shutil.copy(str(witness.__file__), beside / "defects_witness.py")
    seen = beside / "seen"
    seen.unlink(missing_ok=True)
    surroundings = {name: value for name, value in os.environ.items() if not name.startswith(FORGOTTEN)}
    surroundings |= {"PYTHONPATH": f"{tree}{os.pathsep}{beside}", witness.SEEN: str(seen)}
    quick = ("-x", "-q", "--no-header", "--tb=short", "-p", "no:xdist", "-p", "no:cacheprovider")
    command = [sys.executable, "-m", "pytest", *quick, "-p", "defects_witness", *asked]
    ran = subprocess.run(
        command, cwd=tree, env=surroundings, capture_output=True, text=True, timeout=LONGEST, check=False
    )
    return _judged(tree, seen, ran)


def _judged(tree: Path, seen: Path, ran: "subprocess.CompletedProcess[str]") -> str:
    told = (
        [json.loads(line) for line in seen.read_text(encoding="utf-8").splitlines()] if seen.exists() else []
    )
    tail = "\n".join((ran.stdout + ran.stderr).splitlines()[-25:])
    if not told:
        raise TrialError(f"pytest did not begin (exit {ran.returncode}):\n{tail}")
    package, *failures = told
    if not Path(package["package"]).resolve().is_relative_to(tree):
        raise TrialError(f"the tests import {package['package']}, which is not in the copy {tree}")
    if ran.returncode == 0 and not failures:
        return ""
    first = failures[0] if failures else {"when": "", "kinds": "", "node": ""}
    if ran.returncode != 1 or first["when"] != "call" or NO_CATCH & set(first["kinds"].split()):
        raise TrialError(
            f"no test judged it (exit {ran.returncode}, {first['when']} {first['node']}):\n{tail}"
        )
    return str(first["node"])
