"""What is wrong at Microsoft 365 is told by its own cause, with one token asked for."""

import pytest

from tests.broken.judge import judge
from tests.broken.microsoft365 import MICROSOFT365
from tests.broken.scene import Scene


@pytest.mark.parametrize("name", MICROSOFT365)
def test_it_is_told_by_its_own_cause_and_by_one_check(scene: Scene, name: str) -> None:
    judge(scene, MICROSOFT365[name])
