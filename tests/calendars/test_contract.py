"""Every calendar keeps the same contract."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.calendars.contract import CalendarContract, DeduplicatingContract
from tests.calendars.stage_microsoft365 import Microsoft365Stage
from tests.calendars.stages import ExchangeStage, GoogleStage, MemoryStage


class TestMemory(DeduplicatingContract):
    """The model that the core is tested with."""

    @pytest.fixture
    def stage(self) -> MemoryStage:
        return MemoryStage()


class TestGoogle(DeduplicatingContract):
    """Google, over real sockets."""

    @pytest.fixture
    def stage(self, tmp_path: Path) -> Iterator[GoogleStage]:
        stage = GoogleStage(tmp_path)
        yield stage
        stage.close()


class TestExchange(CalendarContract):
    """Exchange, over real sockets."""

    @pytest.fixture
    def stage(self, tmp_path: Path) -> Iterator[ExchangeStage]:
        stage = ExchangeStage(tmp_path)
        yield stage
        stage.close()


class TestMicrosoft365(CalendarContract):
    """Microsoft 365, over real sockets."""

    @pytest.fixture
    def stage(self, tmp_path: Path) -> Iterator[Microsoft365Stage]:
        stage = Microsoft365Stage(tmp_path)
        yield stage
        stage.close()
