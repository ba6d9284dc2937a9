"""Every calendar keeps the same contract."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.calendars.contract import CalendarContract
from tests.calendars.stages import GoogleStage, MemoryStage


class TestMemory(CalendarContract):
    """The model that the core is tested with."""

    @pytest.fixture
    def stage(self) -> MemoryStage:
        return MemoryStage()


class TestGoogle(CalendarContract):
    """Google, over real sockets."""

    @pytest.fixture
    def stage(self, tmp_path: Path) -> Iterator[GoogleStage]:
        stage = GoogleStage(tmp_path)
        yield stage
        stage.close()
