"""Tells, from inside a trial, which package its tests use and which exception was the first to stop one.

A plugin of pytest that knows nothing of this project but the package's name: it is copied beside the tree.
"""

import json
import os
from pathlib import Path

import pytest

SEEN = "DEFECTS_SEEN"


def _tell(**facts: str) -> None:
    with Path(os.environ[SEEN]).open("a", encoding="utf-8") as file:
        file.write(json.dumps(facts) + "\n")


def pytest_configure() -> None:
    import figgo_ops

    _tell(package=str(figgo_ops.__file__))


def pytest_exception_interact(
    node: pytest.Item | pytest.Collector,
    call: pytest.CallInfo[object],
    report: pytest.TestReport | pytest.CollectReport,
) -> None:
    kinds = call.excinfo.type.__mro__ if call.excinfo else ()
    when = report.when if isinstance(report, pytest.TestReport) else "collect"
    _tell(node=node.nodeid, when=str(when), kinds=" ".join(kind.__name__ for kind in kinds))
