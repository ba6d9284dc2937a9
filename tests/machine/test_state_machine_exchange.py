"""The same at Exchange, which knows no creation again and makes hours of days only by a new event."""

import pytest

from tests.machine.exchange import ExchangeHands
from tests.machine.search import searched
from tests.machine.test_state_machine import CalendarMachine

pytestmark = pytest.mark.timeout(7200)


class ExchangeMachine(CalendarMachine):
    hands = ExchangeHands


TestExchange = ExchangeMachine.TestCase
TestExchange.settings = searched()
