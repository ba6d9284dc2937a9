"""What is wrong with one mailbox of many is told before the first load."""

import pytest

from tests.broken.judge import judge
from tests.broken.matrix import MATRIX
from tests.broken.scene import Scene


@pytest.mark.parametrize("name", MATRIX)
def test_it_is_told_by_its_own_cause_and_by_one_check(scene: Scene, name: str) -> None:
    judge(scene, MATRIX[name])
