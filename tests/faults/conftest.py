"""One world per file of cells, and the letters of each cell on its report."""

from collections.abc import Callable, Iterator

import pytest

from tests.faults.cells import CELL, judge
from tests.faults.grid import Operation, Trouble
from tests.faults.world import World


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Used again and again: every run begins from the same start."""
    with World(tmp_path_factory.mktemp("world")) as made:
        yield made


@pytest.fixture
def judged(
    world: World, record_property: Callable[[str, object], None]
) -> Callable[[str, Trouble, Operation], list[str]]:
    """Judge a cell and note its letters; gives the rules that were broken, each with the run it was in."""

    def judged(provider: str, trouble: Trouble, operation: Operation) -> list[str]:
        letters = "x"  # stays when the run ends in something that no person should read
        try:
            verdicts = judge(world, trouble, operation)
            letters = "".join(verdict.letter for verdict in verdicts)
        finally:
            record_property(CELL, [provider, trouble.name, operation.name, letters])
        runs = zip(("struck once", "stayed"), verdicts, strict=True)
        return [f"{trouble.name} at {operation.name} {how}: {v.rule}" for how, v in runs if v.rule]

    return judged
