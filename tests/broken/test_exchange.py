"""What is wrong at Exchange is told by its own cause, with one log-on."""

import pytest

from tests.broken.exchange import EXCHANGE
from tests.broken.judge import judge
from tests.broken.scene import Scene


@pytest.mark.parametrize("name", EXCHANGE)
def test_it_is_told_by_its_own_cause_and_by_one_check(scene: Scene, name: str) -> None:
    judge(scene, EXCHANGE[name])
