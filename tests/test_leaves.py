"""Half-days become periods, periods become stretches, and nothing is concluded from what was not read."""

import random
from datetime import date

import pytest

from figgo_ops.errors import Incomplete
from figgo_ops.leaves import (
    EDGE,
    Leave,
    Span,
    Stretch,
    WorkingTime,
    gaps,
    joint,
    part_name,
    part_slot,
    periods,
    slot,
    slot_day,
    slot_half,
    stretches,
    unfinished,
)
from tests.builders import days, leave, person

WEEKDAYS = WorkingTime()


def spans(found: list[Stretch]) -> list[str]:
    """Stretches in short, such as 20261207A-20261211P."""
    return [f"{one.part}-{part_name(one.last.day, one.last.half)}" for one in found]


def rest(*when: str) -> WorkingTime:
    """Anne's userdates say that nobody works in these half-days."""
    return WorkingTime(rest={1: frozenset(leave(one).slot for one in when)})


class TestSlots:
    def test_a_half_day_is_one_integer_and_the_next_half_day_is_the_next_integer(self) -> None:
        morning = slot(date(2026, 12, 31), "A")
        assert [slot(date(2026, 12, 31), "P"), slot(date(2027, 1, 1), "A")] == [morning + 1, morning + 2]

    def test_a_slot_gives_its_day_and_half_back(self) -> None:
        at = slot(date(2028, 2, 29), "P")
        assert (slot_day(at), slot_half(at)) == (date(2028, 2, 29), "P")

    @pytest.mark.parametrize("half", ["A", "P"])
    def test_the_name_of_a_part_can_be_read_back(self, half: str) -> None:
        assert part_slot(f"20261019{half}") == slot(date(2026, 10, 19), "A") + (half == "P")

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "20261019",
            "20261019a",
            "20261019AA",
            "20261019B",
            "2026101A",
            "20260230A",
            "00001019A",
            "2026 119A",
            "+2261019A",
            "202\u06661019A",
        ],
    )
    def test_a_text_that_we_would_not_write_names_no_half_day(self, text: str) -> None:
        assert part_slot(text) is None


class TestSpans:
    def test_both_ends_of_a_span_are_inside_it(self) -> None:
        week = Span(date(2026, 12, 7), date(2026, 12, 11))
        inside = [date(2026, 12, day) in week for day in (6, 7, 11, 12)]
        assert inside == [False, True, True, False]

    def test_spans_touch_when_they_share_one_day(self) -> None:
        week = Span(date(2026, 12, 7), date(2026, 12, 11))
        assert week.touches(date(2026, 12, 11), date(2026, 12, 20))
        assert not week.touches(date(2026, 12, 12), date(2026, 12, 20))

    def test_the_joint_span_holds_them_all(self) -> None:
        singles = [Span(date(2026, 12, day), date(2026, 12, day)) for day in (9, 3, 21)]
        assert joint(singles) == Span(date(2026, 12, 3), date(2026, 12, 21))


class TestContracts:
    def test_somebody_is_still_here_on_the_last_day_and_gone_the_day_after(self) -> None:
        leaver = person(ends=date(2026, 12, 31))
        assert not leaver.left(date(2026, 12, 31))
        assert leaver.left(date(2027, 1, 1))

    def test_an_open_contract_never_ends(self) -> None:
        assert not person().left(date.max)


class TestPeriods:
    def test_half_days_are_grouped_by_owner_and_period_in_order_of_time(self) -> None:
        rows = [*days("2026-12-07", "2026-12-08"), leave("2026-12-07A", 200), leave("2026-12-07A", owner=2)]
        random.Random(7).shuffle(rows)
        found = periods(rows)
        assert {key: len(rows) for key, rows in found.items()} == {(1, 100): 4, (1, 200): 1, (2, 100): 1}
        assert found[1, 100] == days("2026-12-07", "2026-12-08")

    def test_cancelled_and_denied_half_days_do_not_exist(self) -> None:
        assert periods(days("2026-12-07", active=False)) == {}

    def test_two_active_rows_on_one_half_day_of_a_period_make_the_answer_unbelievable(self) -> None:
        """Figgo promises at most one: pages that shifted while they were read are more likely."""
        twice = [leave("2026-12-07A", id="7"), leave("2026-12-07A", id="8")]
        with pytest.raises(Incomplete, match="7 and 8"):
            periods(twice)

    def test_a_cancelled_row_beside_an_active_one_on_the_same_half_day_is_no_contradiction(self) -> None:
        rows = [leave("2026-12-07A", id="7", active=False), leave("2026-12-07A", id="8")]
        assert periods(rows) == {(1, 100): [rows[1]]}


class TestStretches:
    def test_a_week_off_is_one_stretch(self) -> None:
        assert spans(stretches(days("2026-12-07", "2026-12-11"), WEEKDAYS)) == ["20261207A-20261211P"]

    def test_a_weekend_inside_a_period_is_bridged(self) -> None:
        found = stretches(days("2026-12-10", "2026-12-15"), WEEKDAYS)
        assert spans(found) == ["20261210A-20261215P"]

    def test_a_weekend_is_what_the_tenant_says_it_is(self) -> None:
        """Friday and Saturday in some countries: then Thursday to Sunday is one stretch."""
        rows = [*days("2026-12-10"), *days("2026-12-13", all_week=True)]
        assert spans(stretches(rows, WorkingTime(frozenset({4, 5})))) == ["20261210A-20261213P"]
        assert len(stretches(rows, WEEKDAYS)) == 2

    def test_a_day_that_hr_took_out_of_the_middle_is_a_hole(self) -> None:
        rows = [row for row in days("2026-12-07", "2026-12-11") if row.day != date(2026, 12, 9)]
        assert spans(stretches(rows, WEEKDAYS)) == ["20261207A-20261208P", "20261210A-20261211P"]

    def test_half_a_day_that_hr_took_out_is_a_hole(self) -> None:
        rows = [row for row in days("2026-12-07", "2026-12-09") if row.id != "100-2026-12-08A"]
        assert spans(stretches(rows, WEEKDAYS)) == ["20261207A-20261207P", "20261208P-20261209P"]

    def test_a_public_holiday_is_a_hole_where_working_time_means_weekdays(self) -> None:
        """Nobody told us about it, so two events show it as worked: better than bridging a day of work."""
        rows = [row for row in days("2027-07-12", "2027-07-16") if row.day != date(2027, 7, 14)]
        assert spans(stretches(rows, WEEKDAYS)) == ["20270712A-20270713P", "20270715A-20270716P"]

    def test_a_public_holiday_is_bridged_where_userdates_name_it(self) -> None:
        rows = [row for row in days("2027-07-12", "2027-07-16") if row.day != date(2027, 7, 14)]
        named = rest("2027-07-14A", "2027-07-14P")
        assert spans(stretches(rows, named)) == ["20270712A-20270716P"]

    def test_half_a_holiday_is_not_enough_to_bridge_a_day(self) -> None:
        rows = [row for row in days("2027-07-12", "2027-07-16") if row.day != date(2027, 7, 14)]
        assert len(stretches(rows, rest("2027-07-14A"))) == 2

    def test_userdates_of_one_person_say_nothing_about_another(self) -> None:
        rows = [row for row in days("2027-07-12", "2027-07-16", owner=2) if row.day != date(2027, 7, 14)]
        assert len(stretches(rows, rest("2027-07-14A", "2027-07-14P"))) == 2

    def test_a_part_timers_free_wednesday_is_bridged_where_userdates_name_it(self) -> None:
        rows = [row for row in days("2026-12-07", "2026-12-11") if row.day.weekday() != 2]
        assert spans(stretches(rows, rest("2026-12-09A", "2026-12-09P"))) == ["20261207A-20261211P"]

    def test_a_row_is_worked_even_on_a_sunday(self) -> None:
        """Somebody took leave from a Sunday shift: only rows that the tenant calls rest rows are trimmed."""
        sunday = days("2026-12-13", all_week=True)
        assert spans(stretches(sunday, WEEKDAYS)) == ["20261213A-20261213P"]
        friday_to_sunday = days("2026-12-11", "2026-12-13", all_week=True)
        assert spans(stretches(friday_to_sunday, WEEKDAYS)) == ["20261211A-20261213P"]

    def test_a_change_of_look_cuts_a_stretch(self) -> None:
        rows = [*days("2026-12-07"), *days("2026-12-08", confirmed=False)]
        assert spans(stretches(rows, WEEKDAYS)) == ["20261207A-20261207P", "20261208A-20261208P"]

    def test_two_accounts_that_look_the_same_are_one_stretch(self) -> None:
        """Three weeks over New Year take from two yearly accounts, and the colleagues see one absence."""
        rows = [*days("2026-12-28", "2026-12-31"), *days("2027-01-01", "2027-01-08", type_id=11)]
        assert spans(stretches(rows, WEEKDAYS)) == ["20261228A-20270108P"]

    def test_two_periods_that_meet_at_midday_stay_two_stretches(self) -> None:
        rows = [leave("2026-12-07A", 100), leave("2026-12-07P", 200)]
        assert spans(stretches(rows, WEEKDAYS)) == ["20261207A-20261207A", "20261207P-20261207P"]

    def test_a_stretch_is_confirmed_when_all_of_it_is(self) -> None:
        sure, unsure = leave("2026-12-07A"), leave("2026-12-07P", confirmed=False)
        assert Stretch((sure,)).confirmed
        assert not Stretch((sure, unsure)).confirmed

    def test_the_order_of_the_rows_does_not_matter(self) -> None:
        rows = [*days("2026-12-07", "2026-12-18"), *days("2027-01-04", "2027-01-05", 200)]
        shuffled = random.Random(3).sample(rows, len(rows))
        assert stretches(shuffled, WEEKDAYS) == stretches(rows, WEEKDAYS)

    def test_no_leaves_are_no_stretches(self) -> None:
        assert stretches([], WEEKDAYS) == []


class TestTrimming:
    REST_ROWS = WorkingTime(rest_rows=True)

    def test_weekend_rows_at_the_ends_are_trimmed_where_figgo_keeps_rows_on_rest_days(self) -> None:
        rows = days("2026-12-05", "2026-12-13", all_week=True)
        assert spans(stretches(rows, self.REST_ROWS)) == ["20261207A-20261211P"]

    def test_weekend_rows_in_the_middle_stay(self) -> None:
        rows = days("2026-12-10", "2026-12-15", all_week=True)
        assert stretches(rows, self.REST_ROWS) == [Stretch(tuple(rows))]

    def test_a_stretch_of_nothing_but_a_weekend_is_never_trimmed_away(self) -> None:
        rows = days("2026-12-12", "2026-12-13", all_week=True)
        assert spans(stretches(rows, self.REST_ROWS)) == ["20261212A-20261213P"]


class TestGaps:
    def test_only_gaps_with_a_day_outside_the_weekend_are_asked_about(self) -> None:
        holiday = [row for row in days("2027-07-09", "2027-07-16") if row.day != date(2027, 7, 14)]
        asked = gaps(holiday, WEEKDAYS)
        assert asked == {1: [Span(date(2027, 7, 14), date(2027, 7, 14))]}

    def test_a_gap_that_begins_at_midday_is_asked_for_from_that_day_on(self) -> None:
        rows = [leave("2026-12-07A"), leave("2026-12-09P")]
        assert gaps(rows, WEEKDAYS) == {1: [Span(date(2026, 12, 7), date(2026, 12, 9))]}

    def test_nothing_is_asked_about_the_days_between_two_periods(self) -> None:
        rows = [*days("2026-12-07", period=100), *days("2026-12-09", period=200)]
        assert gaps(rows, WEEKDAYS) == {}

    def test_a_gap_longer_than_a_month_is_a_hole_without_asking(self) -> None:
        rows = [*days("2026-12-07"), *days("2027-01-08")]
        assert rows[-1].day - rows[0].day > EDGE
        assert gaps(rows, WEEKDAYS) == {}


class TestUnfinished:
    WEEK = Span(date(2026, 12, 7), date(2026, 12, 11))

    def needs(self, rows: list[Leave], read: Span) -> dict[int, Span]:
        return unfinished(rows, {1: self.WEEK}, {1: read})

    def test_a_period_well_inside_what_was_read_is_finished(self) -> None:
        assert self.needs(days("2026-12-07", "2026-12-11"), self.WEEK.widened(EDGE)) == {}

    def test_a_period_that_comes_near_the_edge_of_what_was_read_is_followed_outward(self) -> None:
        """A maternity leave goes on for months; its first half-day names the event."""
        rows = days("2026-11-06", "2027-01-11")
        wider = self.needs(rows, self.WEEK.widened(EDGE))
        assert wider == {1: Span(rows[0].day - EDGE, rows[-1].day + EDGE)}

    def test_a_period_without_a_row_on_a_needed_day_is_not_followed(self) -> None:
        assert self.needs(days("2026-11-06", "2026-11-13"), self.WEEK.widened(EDGE)) == {}

    def test_rows_of_people_who_are_not_needed_are_not_followed(self) -> None:
        rows, read = days("2026-11-06", "2027-01-11", owner=2), self.WEEK.widened(EDGE)
        assert unfinished(rows, {1: self.WEEK}, {1: read, 2: read}) == {}

    def test_following_a_period_ends_where_a_month_beyond_its_last_row_is_empty(self) -> None:
        rows = days("2026-11-06", "2027-01-11")
        reach = self.needs(rows, self.WEEK.widened(EDGE))
        assert unfinished(rows, {1: self.WEEK}, reach) == {}

    def test_two_long_periods_of_one_person_are_both_followed(self) -> None:
        rows = [*days("2026-11-06", "2026-12-07A", 100), *days("2026-12-07P", "2027-01-11", 200)]
        wider = self.needs(rows, self.WEEK.widened(EDGE))
        assert wider == {1: Span(date(2026, 11, 6) - EDGE, date(2027, 1, 11) + EDGE)}
