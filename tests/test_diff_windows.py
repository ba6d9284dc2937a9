"""Which days a plan may change, and that being outside them proves nothing."""

from dataclasses import replace
from datetime import date, time, timedelta
from typing import Any

import pytest

from figgo_ops.diff import Seat
from figgo_ops.events import Hours
from figgo_ops.leaves import Leave, Span
from tests.builders import ALWAYS, ANNE, PARIS, TODAY, WINDOW, Company, days, found, leave, said, seat
from tests.calendars.memory import Owner

MAIL = str(ANNE.mail)
WEEK = days("2026-12-07", "2026-12-11")
DAY = timedelta(days=1)


def anne(rows: list[Leave], **fields: Any) -> Seat:
    return seat(ANNE, rows, **fields)


@pytest.fixture
def company() -> Company:
    """Anne's week off stands in her calendar as it should."""
    loaded = Company()
    loaded.load(anne(WEEK))
    return loaded


@pytest.fixture
def owner(company: Company) -> Owner:
    return company.calendar().owner(MAIL)


def at(first: date, last: date) -> dict[str, Span]:
    return {"window": Span(first, last)}


MONDAY, FRIDAY = date(2026, 12, 7), date(2026, 12, 11)


class TestEdges:
    @pytest.mark.parametrize(
        ("window", "count"),
        [
            (Span(FRIDAY, WINDOW.last), 1),
            (Span(FRIDAY + DAY, WINDOW.last), 0),
            (Span(TODAY, MONDAY), 1),
            (Span(TODAY, MONDAY - DAY), 0),
            (Span(date(2026, 12, 9), date(2026, 12, 9)), 1),
        ],
    )
    def test_a_stretch_is_written_when_one_of_its_days_lies_in_the_window(
        self, window: Span, count: int
    ) -> None:
        assert len(Company().plan(anne(WEEK), window=window).changes) == count

    def test_a_stretch_is_written_whole(self) -> None:
        (change,) = Company().plan(anne(WEEK), **at(FRIDAY, WINDOW.last)).changes
        assert (change.shown.first_day, change.shown.last_day) == (MONDAY, FRIDAY)

    def test_a_maternity_leave_across_both_edges_keeps_all_its_days(self) -> None:
        rows = days("2026-10-05", "2027-02-19", type_name="Congé maternité")
        (change,) = Company().plan(anne(rows), **at(TODAY, date(2026, 12, 31))).changes
        assert (change.shown.first_day, change.shown.last_day) == (date(2026, 10, 5), date(2027, 2, 19))

    def test_a_maternity_leave_stays_as_it_is_while_the_window_moves_over_it(self) -> None:
        company, rows = Company(), days("2026-10-05", "2027-02-19")
        company.load(anne(rows))
        for later in (timedelta(weeks=weeks) for weeks in range(0, 40, 3)):
            month = Span(date(2026, 9, 1) + later, date(2026, 10, 1) + later)
            assert said(company.plan(anne(rows), window=month)) == []

    @pytest.mark.parametrize("window", [Span(FRIDAY + DAY, WINDOW.last), Span(TODAY, MONDAY - DAY)])
    def test_an_event_outside_the_window_is_not_removed(self, company: Company, window: Span) -> None:
        assert said(company.plan(anne([]), window=window)) == []

    @pytest.mark.parametrize("window", [Span(FRIDAY, WINDOW.last), Span(TODAY, MONDAY)])
    def test_a_cancelled_leave_goes_when_one_day_of_its_event_lies_in_the_window(
        self, company: Company, window: Span
    ) -> None:
        assert said(company.plan(anne([]), window=window)) == [("remove", "cancelled", "100/20261207A")]

    def test_an_outdated_event_outside_the_window_waits(self, company: Company) -> None:
        longer = anne(days("2026-12-07", "2026-12-15"))
        assert said(company.plan(longer, **at(date(2026, 12, 16), WINDOW.last))) == []

    def test_a_leave_that_grew_into_the_window_is_updated(self, company: Company) -> None:
        longer = anne(days("2026-12-07", "2026-12-15"))
        difference = company.plan(longer, **at(date(2026, 12, 15), WINDOW.last))
        assert said(difference) == [("update", "changed in Figgo", "100/20261207A")]

    def test_a_leave_that_shrank_out_of_the_window_is_updated(self, company: Company) -> None:
        shorter = anne(days("2026-12-07", "2026-12-08"))
        difference = company.plan(shorter, **at(FRIDAY, WINDOW.last))
        assert said(difference) == [("update", "changed in Figgo", "100/20261207A")]


class TestThePast:
    SICK = days("2026-10-12", "2026-10-14", 300, type_name="Maladie")

    def test_a_sick_leave_entered_after_its_horizon_waits_for_a_wider_window(self) -> None:
        company = Company()
        assert said(company.plan(anne(self.SICK))) == []
        wider = company.plan(anne(self.SICK), **at(date(2026, 10, 1), WINDOW.last))
        assert said(wider) == [("create", "new", "300/20261012A")]

    def test_moving_the_start_of_the_tenant_removes_nothing(self, company: Company) -> None:
        """The window never begins before the start, and being before it is no proof of anything."""
        assert said(company.plan(anne(WEEK), **at(date(2027, 1, 1), WINDOW.last))) == []

    def test_a_past_event_outlives_the_reading_of_its_days(self, company: Company) -> None:
        """Next year nobody reads last December any more."""
        next_year = Span(date(2027, 12, 1), date(2028, 12, 1))
        difference = company.plan(anne([], needed=next_year), window=next_year)
        assert (said(difference), found(difference)) == ([], [])


class TestDraggedEvents:
    def drag(self, company: Company, owner: Owner, first: date) -> None:
        owner.edit(company.only(), start=first, end=first + 5 * DAY)

    def test_an_event_dragged_to_last_year_is_brought_back(self, company: Company, owner: Owner) -> None:
        self.drag(company, owner, date(2025, 12, 8))
        assert said(company.plan(anne(WEEK))) == [("update", "edited by hand", "100/20261207A")]

    def test_an_event_dragged_into_the_window_goes_back_to_where_it_belongs(
        self, company: Company, owner: Owner
    ) -> None:
        self.drag(company, owner, date(2027, 3, 1))
        difference = company.plan(anne(WEEK), **at(date(2027, 2, 1), WINDOW.last))
        assert said(difference) == [("update", "edited by hand", "100/20261207A")]

    def test_an_event_dragged_into_the_window_is_no_proof_that_its_leave_is_gone(
        self, company: Company, owner: Owner
    ) -> None:
        self.drag(company, owner, date(2027, 3, 1))
        later = Span(date(2027, 2, 1), WINDOW.last)
        difference = company.plan(anne([], needed=later), window=later)
        assert (said(difference), found(difference)) == ([], [("not-visible", MAIL)])

    def test_an_event_dragged_into_the_window_goes_once_its_own_day_was_read(
        self, company: Company, owner: Owner
    ) -> None:
        self.drag(company, owner, date(2027, 3, 1))
        later = Span(date(2027, 2, 1), WINDOW.last)
        difference = company.plan(anne([], needed=ALWAYS), window=later)
        assert said(difference) == [("remove", "cancelled", "100/20261207A")]

    def test_a_cancelled_leave_dragged_out_of_the_window_stays_until_somebody_looks_there(
        self, company: Company, owner: Owner
    ) -> None:
        self.drag(company, owner, date(2025, 12, 8))
        assert said(company.plan(anne([]))) == []
        wide = company.plan(anne([]), **at(date(2025, 1, 1), WINDOW.last))
        assert said(wide) == [("remove", "cancelled", "100/20261207A")]

    def test_a_leavers_dragged_event_goes_because_the_days_of_its_leave_lie_in_the_window(
        self, company: Company, owner: Owner
    ) -> None:
        self.drag(company, owner, date(2025, 12, 8))
        gone = seat(replace(ANNE, ends=date(2026, 11, 30)), WEEK)
        difference = company.plan(gone, today=date(2026, 12, 1))
        assert said(difference) == [("remove", "person left", "100/20261207A")]


class TestHalfDays:
    @pytest.mark.parametrize("half", ["A", "P"])
    def test_one_half_day_on_the_edge_lies_in_the_window(self, half: str) -> None:
        edge = Span(MONDAY, MONDAY)
        assert len(Company().plan(anne([leave(f"2026-12-07{half}")]), window=edge).changes) == 1

    def test_the_days_of_an_event_are_those_of_its_zone(self) -> None:
        """An evening in Martinique is the next day in UTC."""
        late = replace(
            PARIS,
            timezone="America/Martinique",
            hours=Hours((time(9), time(12)), (time(14), time(23))),
        )
        company, rows = Company(), [leave("2026-12-07P")]
        company.load(seat(ANNE, rows, late))
        next_day = Span(MONDAY + DAY, MONDAY + DAY)
        assert said(company.plan(seat(ANNE, [], late), window=next_day)) == []
