"""Which cells a file plays, one world per file, and the letters of each cell on its report."""

from collections.abc import Callable, Iterator

import pytest

from tests.faults.cells import CELL, judge, parameters
from tests.faults.grid import Operation, Trouble
from tests.faults.world import World


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every cell of the provider that the file names."""
    if {"trouble", "operation"} <= set(metafunc.fixturenames):
        seed = metafunc.config.option.hypothesis_seed
        metafunc.parametrize(("trouble", "operation"), parameters(metafunc.module.PROVIDER, seed))


@pytest.fixture(scope="module")
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Used again and again: every run begins from the same start."""
    provider = getattr(request.module, "PROVIDER", "google")
    with World(tmp_path_factory.mktemp("world"), "google" if provider == "figgo" else provider) as made:
        yield made
        graph = made.stage.microsoft365
        assert made.stage.exchange.violations == graph.violations == []
        assert (graph.events.forbidden_used, graph.notifications) == ([], [])


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
