"""What is wrong on this machine is told by its own cause."""

import pytest

from tests.broken.files import FILES
from tests.broken.judge import judge
from tests.broken.scene import Scene


@pytest.mark.parametrize("name", FILES)
def test_it_is_told_by_its_own_cause_and_by_one_check(scene: Scene, name: str) -> None:
    judge(scene, FILES[name])
