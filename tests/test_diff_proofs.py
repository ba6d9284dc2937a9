"""What may be concluded: nothing from what was not read, and nothing about strangers."""

from datetime import date
from typing import Any

import pytest

from figgo_ops.diff import Frame, Seat, diff
from figgo_ops.errors import Unreachable
from figgo_ops.events import Policy
from figgo_ops.leaves import Leave, Span
from figgo_ops.plan import Existing, Listing, Mailbox
from tests.builders import (
    ANNE,
    HOST,
    PARIS,
    TODAY,
    WINDOW,
    ZOE,
    Company,
    days,
    existing_of,
    found,
    said,
    seat,
)
from tests.calendars.memory import MemoryCalendar

MAIL = str(ANNE.mail)
HOME = Mailbox("memory", MAIL)
WEEK = days("2026-12-07", "2026-12-11")


def anne(rows: list[Leave], policy: Policy = PARIS, **fields: Any) -> Seat:
    return seat(fields.pop("who", ANNE), rows, policy, **fields)


@pytest.fixture
def company() -> Company:
    """Anne's week off stands in her calendar as it should."""
    loaded = Company()
    loaded.load(anne(WEEK))
    return loaded


class TestStrangers:
    def other(self, key_text: str) -> Existing:
        return existing_of(anne(WEEK).wanted[0], HOME, id="strange", key_text=key_text)

    def judged(self, key_text: str, *seats: Seat, **frame: Any) -> tuple[list[Any], list[str]]:
        given: dict[str, Any] = {"known": frozenset({1})} | frame
        difference = diff(
            seats, [Listing(HOME, (self.other(key_text),))], Frame(HOST, TODAY, WINDOW, **given)
        )
        return said(difference), [one.verdict for one in difference.findings]

    @pytest.mark.parametrize(
        "key_text", ["autre.ilucca.net/1/100/20261207A", "mangled", f"{HOST}/1/100/20261307A"]
    )
    def test_a_marker_that_is_not_this_tenants_is_foreign(self, key_text: str) -> None:
        assert self.judged(key_text, anne([])) == ([], ["foreign"])

    def test_a_foreign_marker_does_not_stand_for_our_own_event(self) -> None:
        changes, verdicts = self.judged("autre.ilucca.net/1/100/20261207A", anne(WEEK))
        assert (changes, verdicts) == ([("create", "new", "100/20261207A")], ["foreign"])

    def test_somebody_whom_figgo_does_not_show_any_more_could_not_tell(self) -> None:
        """A narrowed role hides people; only a contract end says that they left."""
        assert self.judged(f"{HOST}/77/100/20261207A", anne([])) == ([], ["not-visible"])

    def test_an_event_of_somebody_else_is_in_the_wrong_mailbox_and_stays(self) -> None:
        known = frozenset({1, 2})
        assert self.judged(f"{HOST}/2/100/20261207A", anne([]), known=known) == ([], ["wrong-mailbox"])
        assert self.judged(f"{HOST}/2/100/20261207A", anne([]), seat(ZOE, []), known=known) == (
            [],
            ["wrong-mailbox"],
        )

    def test_nothing_is_said_of_somebody_whose_rows_are_not_complete(self) -> None:
        known, incomplete = frozenset({1, 2}), frozenset({2})
        judged = self.judged(f"{HOST}/2/100/20261207A", anne([]), known=known, incomplete=incomplete)
        assert judged == ([], [])


class TestWhatWasNotRead:
    ERROR = Unreachable("The mailbox did not answer.")

    def test_nothing_is_planned_in_a_mailbox_that_could_not_be_listed(self, company: Company) -> None:
        company.calendar().unreadable[MAIL] = self.ERROR
        for rows in (WEEK, [], days("2026-12-07", "2026-12-15")):
            difference = company.plan(anne(rows))
            assert (said(difference), difference.unchanged) == ([], {})

    def test_nothing_is_planned_where_no_listing_came_at_all(self) -> None:
        frame = Frame(HOST, TODAY, WINDOW, known=frozenset({1}))
        assert said(diff([anne(WEEK)], [], frame)) == []

    def test_nothing_is_planned_for_somebody_whose_rows_are_not_complete(self, company: Company) -> None:
        incomplete = company.plan(known=frozenset({1}), incomplete=frozenset({1}))
        assert (said(incomplete), found(incomplete)) == ([], [])

    def test_one_broken_mailbox_stops_nothing_but_itself(self) -> None:
        company = Company(MemoryCalendar(addresses=[MAIL, str(ZOE.mail)]))
        company.calendar().unreadable[MAIL] = self.ERROR
        difference = company.plan(anne(WEEK), seat(ZOE, days("2026-12-07", owner=2)))
        assert [one.employee for one in difference.changes] == [2]

    def test_an_event_of_a_day_that_was_not_read_could_not_be_judged(self, company: Company) -> None:
        """Its absence from what was read proves nothing."""
        read = Span(date(2026, 12, 8), WINDOW.last)
        difference = company.plan(anne([], needed=read))
        assert (said(difference), found(difference)) == ([], [("not-visible", MAIL)])

    def test_an_event_is_not_judged_where_nothing_was_read(self, company: Company) -> None:
        assert said(company.plan(anne([], needed=None))) == []

    def test_the_day_that_the_key_names_is_enough(self, company: Company) -> None:
        read = Span(date(2026, 12, 7), date(2026, 12, 7))
        assert said(company.plan(anne([], needed=read))) == [("remove", "cancelled", "100/20261207A")]
