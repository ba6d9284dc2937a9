"""A healthy company, to be broken."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.broken.judge import PEOPLE
from tests.broken.scene import Scene
from tests.rehearsal import Corail


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with Corail(tmp_path, people=PEOPLE) as corail:
        corail.activate()
        made = Scene(corail)
        with made.stack:
            yield made
