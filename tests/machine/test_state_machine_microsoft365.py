"""The same at Microsoft 365, where requests of many mailboxes share a batch and part of one may go wrong."""

import pytest

from tests.machine.microsoft365 import Microsoft365Hands
from tests.machine.search import searched
from tests.machine.test_state_machine import CalendarMachine

pytestmark = pytest.mark.timeout(7200)


class Microsoft365Machine(CalendarMachine):
    hands = Microsoft365Hands


TestMicrosoft365 = Microsoft365Machine.TestCase
TestMicrosoft365.settings = searched()
