"""The cells of the grid as parameters of tests, and the way their letters take to the terminal."""

from collections.abc import Iterable
from typing import Any

import pytest

from tests.faults import grid
from tests.faults.arms import Case
from tests.faults.grid import Operation, Trouble
from tests.faults.judge import Verdict, play
from tests.faults.world import World

CELL = "fault cell"
"""Name of the property that a test's report carries from its worker to the process that prints."""


def parameters(provider: str, seed: object) -> list[Any]:
    """All cells of one provider that make sense; those outside this seed's share are left to `make proof`."""
    return [
        pytest.param(
            trouble,
            operation,
            id=f"{operation.name}-{trouble.name}".replace(" ", "_"),
            marks=() if grid.in_share(provider, trouble, operation, seed) else pytest.mark.proof,
        )
        for trouble, operation in grid.cells(provider)
    ]


def judge(world: World, trouble: Trouble, operation: Operation) -> list[Verdict]:
    """Play a cell with a fault that strikes once, then with one that stays."""
    return [play(world, Case(trouble, operation, once)) for once in (True, False)]


def told(reports: Iterable[Any]) -> dict[tuple[str, str, str], str]:
    """The letters that these test reports carry."""
    properties = (one for report in reports for one in report.user_properties)
    cells = (value for name, value in properties if name == CELL)
    return {(provider, trouble, operation): letters for provider, trouble, operation, letters in cells}
