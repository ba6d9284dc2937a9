"""The same where mailboxes are at Exchange or at Microsoft 365, migrate, and people move between both."""

import pytest
from hypothesis import event, note
from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.machine.drawn import MISHAPS, which
from tests.machine.mishaps import Mishap
from tests.machine.outlook import DOORS, OutlookHands
from tests.machine.search import searched
from tests.machine.test_state_machine import CalendarMachine

pytestmark = pytest.mark.timeout(7200)


class OutlookMachine(CalendarMachine):
    """One address is one mailbox behind both doors: nothing is ever written twice, or removed by a move."""

    hands = OutlookHands

    @rule(who=which, then=st.none() | MISHAPS)
    def migrate(self, who: int, then: Mishap | None) -> None:
        """The customer moves a mailbox between the server and the cloud; the tenant file does not know."""
        hands, judge = self.world.hands, self.world.judge
        assert isinstance(hands, OutlookHands)
        renamed = hands.migrate(self.person(who).mail or "")
        judge.marks = {renamed.get(number, number): mark for number, mark in judge.marks.items()}
        if then is not None:
            self.run(then)

    @rule(to=st.sampled_from(DOORS), who=which, how=st.none() | MISHAPS)
    def move(self, to: str, who: int, how: Mishap | None) -> None:
        """Somebody's legal entity is moved to a calendar, wherever its mailboxes are."""
        entity = self.person(who).legal_entity_id
        if how is None:
            self.expected(self.world.move(to, entity))
            self.expected(self.world.sync())
            return
        ran = self.world.under(how, lambda: self.world.move(to, entity))
        note(f"ended with {ran}")
        for hurt in ran.hurts:
            event(f"move: {hurt}")

    def edit_policy(self, edit: str) -> None:
        """What its owner deleted is respected within one calendar; a mailbox that migrates leaves it."""
        if edit != "respect":
            super().edit_policy(edit)


TestOutlook = OutlookMachine.TestCase
TestOutlook.settings = searched()
