"""The rehearsal company, running, with its control server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from figgo_ops.sandbox import Rehearsal
from tests.sandbox.controlled import Control


@pytest.fixture
def rehearsal(tmp_path: Path) -> Iterator[Rehearsal]:
    with Rehearsal(tmp_path / "home") as made:
        yield made


@pytest.fixture
def control(rehearsal: Rehearsal) -> Control:
    return Control(rehearsal)
