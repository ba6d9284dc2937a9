"""What is wrong at Figgo is told by its own cause; a key that was refused is not shown again."""

import pytest

from tests.broken.judge import judge
from tests.broken.scene import Scene
from tests.broken.source import SOURCE


@pytest.mark.parametrize("name", SOURCE)
def test_it_is_told_by_its_own_cause_and_by_one_check(scene: Scene, name: str) -> None:
    judge(scene, SOURCE[name])
