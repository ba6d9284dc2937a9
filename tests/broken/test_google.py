"""What is wrong at Google is told by its own cause, with one token asked for."""

import pytest

from tests.broken.google import GOOGLE
from tests.broken.judge import judge
from tests.broken.scene import Scene


@pytest.mark.parametrize("name", GOOGLE)
def test_it_is_told_by_its_own_cause_and_by_one_check(scene: Scene, name: str) -> None:
    judge(scene, GOOGLE[name])
