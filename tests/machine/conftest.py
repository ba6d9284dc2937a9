"""Where the companies of the machine live."""

import pytest

from tests.machine.test_state_machine import CalendarMachine


@pytest.fixture(scope="package", autouse=True)
def folder(tmp_path_factory: pytest.TempPathFactory) -> None:
    """One folder for all companies of this process."""
    CalendarMachine.folder = tmp_path_factory.mktemp("machine")
