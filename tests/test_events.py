"""What a leave becomes: its shape, zone, state and title, the key it keeps and the fingerprint it carries."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from figgo_ops.events import (
    TITLE_LENGTH,
    Event,
    Fingerprint,
    Hours,
    Key,
    Policy,
    TypeRule,
    Wanted,
    clean_title,
    touched_slots,
)
from figgo_ops.leaves import Leave, Person, WorkingTime, slot
from figgo_ops.unshown import Unshown
from tests.builders import ANNE, HOST, PARIS, days, leave, person, stretches_of


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def only(rows: list[Leave], policy: Policy = PARIS, who: Person = ANNE, **fields: Any) -> Event:
    """The event of leaves that are one stretch."""
    (one,) = stretches_of(rows, policy, who, **fields)
    return one.event


def bounds(event: Event) -> tuple[date, date]:
    return event.start, event.end


def parts(found: list[Wanted]) -> list[str]:
    return [one.key.part for one in found]


class TestShape:
    def test_a_day_is_an_all_day_event_that_ends_before_the_next_day(self) -> None:
        assert bounds(only(days("2026-12-07"))) == (date(2026, 12, 7), date(2026, 12, 8))

    def test_a_leave_over_a_weekend_is_one_all_day_event(self) -> None:
        assert bounds(only(days("2026-12-10", "2026-12-15"))) == (date(2026, 12, 10), date(2026, 12, 16))

    def test_a_morning_lasts_as_long_as_the_tenants_morning(self) -> None:
        assert bounds(only([leave("2026-12-07A")])) == (utc("2026-12-07 08:00"), utc("2026-12-07 11:00"))

    def test_an_afternoon_lasts_as_long_as_the_tenants_afternoon(self) -> None:
        assert bounds(only([leave("2026-12-07P")])) == (utc("2026-12-07 13:00"), utc("2026-12-07 17:00"))

    def test_monday_afternoon_to_friday_is_one_timed_event(self) -> None:
        event = only(days("2026-12-07P", "2026-12-11"))
        assert bounds(event) == (utc("2026-12-07 13:00"), utc("2026-12-11 17:00"))

    def test_monday_to_friday_noon_is_one_timed_event(self) -> None:
        event = only(days("2026-12-07", "2026-12-11A"))
        assert bounds(event) == (utc("2026-12-07 08:00"), utc("2026-12-11 11:00"))

    def test_afternoon_to_noon_of_the_next_day_is_one_timed_event(self) -> None:
        event = only(days("2026-12-07P", "2026-12-08A"))
        assert bounds(event) == (utc("2026-12-07 13:00"), utc("2026-12-08 11:00"))

    def test_whole_days_can_be_a_range_of_hours_where_the_calendar_shows_them(self) -> None:
        event = only(days("2026-12-07", "2026-12-08"), replace(PARIS, whole_days="hours"), hour_ranges=True)
        assert bounds(event) == (utc("2026-12-07 08:00"), utc("2026-12-08 17:00"))

    def test_whole_days_stay_all_day_where_the_calendar_knows_no_hour_ranges(self) -> None:
        event = only(days("2026-12-07"), replace(PARIS, whole_days="hours"), hour_ranges=False)
        assert event.all_day

    def test_whole_days_stay_all_day_where_nobody_asked_for_hours(self) -> None:
        assert only(days("2026-12-07"), hour_ranges=True).all_day

    def test_the_hours_are_the_tenants(self) -> None:
        early = Hours((time(7), time(11, 30)), (time(12), time(15, 45)))
        event = only([leave("2026-12-07P")], replace(PARIS, hours=early))
        assert bounds(event) == (utc("2026-12-07 11:00"), utc("2026-12-07 14:45"))


class TestHourBased:
    def test_two_hours_of_a_morning_begin_with_the_morning(self) -> None:
        event = only([leave("2026-12-07A", hours=timedelta(hours=2))])
        assert bounds(event) == (utc("2026-12-07 08:00"), utc("2026-12-07 10:00"))

    def test_hours_that_fill_their_half_day_join_their_neighbours(self) -> None:
        rows = [leave("2026-12-07A", hours=timedelta(hours=3)), leave("2026-12-07P")]
        assert bounds(only(rows)) == (date(2026, 12, 7), date(2026, 12, 8))

    def test_hours_that_do_not_fill_their_half_day_are_an_event_of_their_own(self) -> None:
        rows = [leave("2026-12-07A"), leave("2026-12-07P", hours=timedelta(hours=1)), *days("2026-12-08")]
        found = stretches_of(rows)
        assert parts(found) == ["20261207A", "20261207P", "20261208A"]
        assert bounds(found[1].event) == (utc("2026-12-07 13:00"), utc("2026-12-07 14:00"))

    def test_two_partial_half_days_side_by_side_are_two_events(self) -> None:
        rows = [leave(f"2026-12-07{half}", hours=timedelta(hours=1)) for half in "AP"]
        assert parts(stretches_of(rows)) == ["20261207A", "20261207P"]

    def test_more_hours_than_the_half_day_has_are_clipped_to_it(self) -> None:
        event = only([leave("2026-12-07A", hours=timedelta(hours=7))])
        assert bounds(event) == (utc("2026-12-07 08:00"), utc("2026-12-07 11:00"))

    def test_no_hours_at_all_are_no_event(self) -> None:
        assert stretches_of([leave("2026-12-07A", hours=timedelta(0))]) == []
        assert PARIS.dropped(leave("2026-12-07A", hours=timedelta(0))) == "no duration"

    def test_a_half_day_of_no_hours_is_a_hole(self) -> None:
        rows = days("2026-12-07", "2026-12-08")
        rows[2] = replace(rows[2], hours=timedelta(0))
        assert parts(stretches_of(rows)) == ["20261207A", "20261208P"]


class TestZones:
    FAR = replace(
        PARIS,
        zone_by_legal_entity={7: "America/Martinique"},
        zone_by_employee={3: "Indian/Reunion"},
    )

    @pytest.mark.parametrize(
        ("who", "zone"),
        [
            (person(1), "Europe/Paris"),
            (person(2, legal_entity=7), "America/Martinique"),
            (person(3, legal_entity=7), "Indian/Reunion"),
        ],
    )
    def test_the_employees_zone_comes_before_the_legal_entitys_and_that_before_the_tenants(
        self, who: Person, zone: str
    ) -> None:
        assert self.FAR.zone(who) == zone

    def test_nine_in_the_morning_is_nine_where_the_person_is(self) -> None:
        event = only([leave("2026-12-07A", owner=3)], self.FAR, person(3))
        assert (event.start, event.zone) == (utc("2026-12-07 05:00"), "Indian/Reunion")

    def test_a_day_is_the_same_date_in_every_zone(self) -> None:
        at_home, far_away = (only(days("2026-12-07", owner=n), self.FAR, person(n)) for n in (1, 3))
        assert at_home == far_away

    def test_a_leave_across_the_autumn_change_begins_in_summer_time_and_ends_in_winter_time(self) -> None:
        event = only(days("2027-10-29P", "2027-11-01A"))
        assert bounds(event) == (utc("2027-10-29 12:00"), utc("2027-11-01 11:00"))

    def test_a_leave_across_the_spring_change_begins_in_winter_time_and_ends_in_summer_time(self) -> None:
        event = only(days("2027-03-26P", "2027-03-29A"))
        assert bounds(event) == (utc("2027-03-26 13:00"), utc("2027-03-29 10:00"))

    def test_hours_that_the_spring_change_skips_keep_their_length(self) -> None:
        """On 28 March 2027 there is no half past two in Paris: an event must not end before it begins."""
        night = Hours((time(2, 15), time(2, 45)), (time(14), time(18)))
        start, end = bounds(only([leave("2027-03-28A")], replace(PARIS, hours=night)))
        assert isinstance(start, datetime)
        assert isinstance(end, datetime)
        assert end - start == timedelta(minutes=30)

    def test_hours_that_begin_inside_the_gap_still_end_after_they_begin(self) -> None:
        night = Hours((time(2, 30), time(3, 10)), (time(14), time(18)))
        start, end = bounds(only([leave("2027-03-28A")], replace(PARIS, hours=night)))
        assert end > start

    def test_hours_that_autumn_counts_twice_begin_the_first_time(self) -> None:
        night = Hours((time(2, 30), time(4)), (time(14), time(18)))
        event = only([leave("2027-10-31A")], replace(PARIS, hours=night))
        assert bounds(event) == (utc("2027-10-31 00:30"), utc("2027-10-31 03:00"))


class TestStates:
    def test_a_pending_leave_is_tentative(self) -> None:
        assert only(days("2026-12-07", confirmed=False)).state == "tentative"

    def test_a_pending_leave_can_be_hidden(self) -> None:
        hidden = replace(PARIS, pending="hidden")
        assert stretches_of(days("2026-12-07", confirmed=False), hidden) == []
        assert hidden.dropped(leave("2026-12-07A", confirmed=False)) == "pending hidden"

    def test_an_approved_leave_is_confirmed(self) -> None:
        assert only(days("2026-12-07")).state == "confirmed"

    def test_denied_and_cancelled_leaves_are_gone(self) -> None:
        assert stretches_of(days("2026-12-07", active=False)) == []

    def test_a_cancellation_that_waits_for_its_approver_changes_nothing(self) -> None:
        """Figgo keeps the row active and the period confirmed until the cancellation is settled."""
        waiting = days("2026-12-07", active=True, confirmed=True)
        assert stretches_of(waiting) == stretches_of(days("2026-12-07"))


class TestSharing:
    """One event is drawn for all who are away on the same days, and only for them."""

    def test_what_tells_two_events_apart_is_never_shared(self) -> None:
        """Drawn in turns by one policy, each is what a policy that never drew another makes of it."""
        whole, half, hour = days("2026-12-07"), [leave("2026-12-07P")], timedelta(hours=1)
        reunion = person(3)
        kinds = [
            (whole, ANNE),
            (days("2026-12-07", "2026-12-08"), ANNE),
            (days("2026-12-07", confirmed=False), ANNE),
            (days("2026-12-07", type_name="Maladie"), ANNE),
            (half, ANNE),
            (half, reunion),
            ([leave("2026-12-07A")], ANNE),
            ([leave("2026-12-07P", hours=hour)], ANNE),
            ([leave("2026-12-07P", hours=2 * hour)], ANNE),
        ]
        fields: dict[str, Any] = {
            "rules": (TypeRule("Maladie", title="Indisponible"),),
            "zone_by_employee": {3: "Indian/Reunion"},
        }
        policy = replace(PARIS, **fields)
        drawn = [only(rows, policy, who) for rows, who in kinds]
        assert drawn == [only(rows, replace(PARIS, **fields), who) for rows, who in kinds]
        assert len({(event, event.zone) for event in drawn}) == len(kinds)
        assert only(days("2026-12-07"), policy) is drawn[0]

    def test_calendars_that_hold_different_things_share_nothing(self) -> None:
        rows, policy = days("2026-12-07"), replace(PARIS, whole_days="hours")
        assert only(rows, policy, hour_ranges=True) != only(rows, policy, hour_ranges=False)
        free = only(rows, policy, project=lambda event: replace(event, show_as="free"))
        assert (free.show_as, only(rows, policy).show_as) == ("free", "busy")


class TestTypes:
    def test_why_a_half_day_is_not_shown_is_known_of_those_alone(self) -> None:
        rows = [leave("2026-12-07A", remote=True), leave("2026-12-07P"), leave("2026-12-08A", active=False)]
        assert dict(Unshown(rows, PARIS)) == {(100, rows[0].slot): "remote work"}
        assert len(Unshown(rows, PARIS)) == 1

    def test_remote_work_is_not_an_absence(self) -> None:
        assert stretches_of(days("2026-12-07", remote=True)) == []
        assert PARIS.dropped(leave("2026-12-07A", remote=True)) == "remote work"

    def test_a_row_that_figgo_does_not_count_as_an_absence_is_not_shown(self) -> None:
        assert PARIS.dropped(leave("2026-12-07A", real=False)) == "no real absence"

    def test_a_rule_can_show_what_is_skipped_by_default(self) -> None:
        shown = replace(PARIS, rules=(TypeRule("Télétravail", skip=False),))
        rows = days("2026-12-07", remote=True, real=False, type_name="Télétravail")
        assert len(stretches_of(rows, shown)) == 1

    def test_a_rule_can_skip_a_type(self) -> None:
        policy = replace(PARIS, rules=(TypeRule("Astreinte", skip=True),))
        assert policy.dropped(leave("2026-12-07A", type_name="Astreinte")) == "type skipped"

    def test_a_day_of_a_skipped_type_inside_a_period_is_a_hole(self) -> None:
        """Somebody works from home on the Wednesday of a holiday: colleagues can reach them that day."""
        rows = days("2026-12-07", "2026-12-11")
        rows = [replace(row, remote=row.day == date(2026, 12, 9)) for row in rows]
        assert parts(stretches_of(rows)) == ["20261207A", "20261210A"]

    def test_a_weekend_between_shown_and_skipped_days_belongs_to_neither(self) -> None:
        rows = [*days("2026-12-11"), *days("2026-12-14", remote=True), *days("2026-12-15")]
        found = stretches_of(rows)
        assert [bounds(one.event)[1] for one in found] == [date(2026, 12, 12), date(2026, 12, 16)]


class TestLook:
    def test_colleagues_read_absent_and_nothing_more(self) -> None:
        event = only(days("2026-12-07", type_name="Maladie longue durée"))
        assert (event.title, event.show_as, event.private) == ("Absent", "busy", False)

    def test_the_absence_type_is_the_title_where_the_customer_chose_so(self) -> None:
        event = only(days("2026-12-07", type_name="Congé d'été"), replace(PARIS, show_type=True))
        assert event.title == "Congé d'été"

    def test_a_rule_decides_title_show_as_and_privacy(self) -> None:
        rule = TypeRule("Maladie*", title="Indisponible", show_as="away", private=True)
        event = only(days("2026-12-07", type_name="Maladie"), replace(PARIS, show_type=True, rules=(rule,)))
        assert (event.title, event.show_as, event.private) == ("Indisponible", "away", True)

    def test_a_rule_that_says_nothing_about_privacy_leaves_the_general_choice(self) -> None:
        policy = replace(PARIS, private=True, rules=(TypeRule("RTT", title="RTT"),))
        assert only(days("2026-12-07", type_name="RTT"), policy).private

    def test_a_rule_can_make_one_type_public_where_all_others_are_private(self) -> None:
        policy = replace(PARIS, private=True, rules=(TypeRule("RTT", private=False),))
        assert not only(days("2026-12-07", type_name="RTT"), policy).private

    def test_a_hidden_type_inside_a_shown_period_is_cut_out_with_its_own_title(self) -> None:
        policy = replace(PARIS, show_type=True, rules=(TypeRule("Maladie*", title="Absent"),))
        rows = [*days("2026-12-07"), *days("2026-12-08", type_name="Maladie"), *days("2026-12-09")]
        assert [one.event.title for one in stretches_of(rows, policy)] == [
            "Congés payés",
            "Absent",
            "Congés payés",
        ]

    def test_two_types_that_look_the_same_are_not_cut(self) -> None:
        rows = [*days("2026-12-07"), *days("2026-12-08", type_name="RTT")]
        assert len(stretches_of(rows)) == 1

    def test_a_half_pending_period_is_cut_where_the_approval_ends(self) -> None:
        rows = [*days("2026-12-07"), *days("2026-12-08", confirmed=False)]
        assert [one.event.state for one in stretches_of(rows)] == ["confirmed", "tentative"]


class TestRules:
    @pytest.mark.parametrize(
        ("match", "name"),
        [
            ("Maladie*", "Maladie"),
            ("maladie*", "MALADIE LONGUE DURÉE"),
            ("*télétravail*", "Jour de TÉLÉTRAVAIL 2026"),
            ("Cong? pay?s", "Congé payés"),
            ("Congés", "Conge\u0301s"),
            ("*", ""),
        ],
    )
    def test_a_rule_fits_without_regard_to_case_and_spelling_of_accents(self, match: str, name: str) -> None:
        assert TypeRule(match).fits(name)

    @pytest.mark.parametrize(
        ("match", "name"),
        [("Maladie", "Maladie longue"), ("Conges", "Congés"), ("RTT*", "Mes RTT"), ("", "RTT")],
    )
    def test_a_rule_does_not_fit_what_it_does_not_name(self, match: str, name: str) -> None:
        assert not TypeRule(match).fits(name)

    def test_brackets_in_a_pattern_are_only_brackets(self) -> None:
        """Only * and ? are special: a customer copies the name of the type as Figgo shows it."""
        assert TypeRule("Récupération [heures]").fits("Récupération [heures]")

    def test_the_first_rule_that_fits_wins(self) -> None:
        rules = (TypeRule("Maladie enfant", title="Famille"), TypeRule("Maladie*", title="Absent"))
        policy = replace(PARIS, rules=rules)
        assert [policy.rule(name).title for name in ("Maladie enfant", "Maladie", "RTT")] == [
            "Famille",
            "Absent",
            None,
        ]


class TestTitles:
    @pytest.mark.parametrize(
        ("text", "title"),
        [
            ("Absent", "Absent"),
            ("  Congé \t d'été \r\n", "Congé d'été"),
            ("RTT\x00\x07\x1b[31m", "RTT [31m"),
            ("a\u2028b\u2029c\x85d", "a b c d"),
            ("lone \ud83d surrogate", "lone surrogate"),
            ("<script>alert(1)</script>", "<script>alert(1)</script>"),
            ("=SUM(A1)", "=SUM(A1)"),
            ("🏖️ plage", "🏖️ plage"),
            ("\n\t ", ""),
        ],
    )
    def test_a_title_loses_only_what_no_calendar_can_hold(self, text: str, title: str) -> None:
        assert clean_title(text) == title

    def test_a_long_title_is_cut_to_what_every_calendar_accepts(self) -> None:
        assert clean_title("é" * 300) == "é" * TITLE_LENGTH

    def test_a_cut_title_does_not_end_in_a_space(self) -> None:
        assert clean_title("é" * (TITLE_LENGTH - 1) + " fin") == "é" * (TITLE_LENGTH - 1)

    def test_cleaning_twice_is_cleaning_once(self) -> None:
        hostile = " \x01" + "mot \u2028" * 200
        assert clean_title(clean_title(hostile)) == clean_title(hostile)

    def test_a_title_of_nothing_visible_becomes_absent(self) -> None:
        event = only(days("2026-12-07", type_name="\x00\n"), replace(PARIS, show_type=True))
        assert event.title == "Absent"


class TestKeys:
    def test_a_key_says_host_owner_period_and_first_half_day(self) -> None:
        (one,) = stretches_of(days("2026-10-19P", "2026-10-21"))
        assert str(one.key) == "corail.ilucca.net/1/100/20261019P"

    def test_a_key_can_be_read_back(self) -> None:
        key = Key(HOST, 12, 3456, "20261019A")
        assert Key.parse(str(key)) == key
        assert key.slot == slot(date(2026, 10, 19), "A")

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "corail.ilucca.net",
            "corail.ilucca.net/12/3456",
            "corail.ilucca.net/12/3456/20261019A/",
            "corail.ilucca.net/12/3456/20261019A ",
            "corail.ilucca.net/012/3456/20261019A",
            "corail.ilucca.net/-12/3456/20261019A",
            "corail.ilucca.net/1_2/3456/20261019A",
            "corail.ilucca.net/12/3456/20261319A",
            "corail.ilucca.net/12/3456/20261019a",
            "corail.ilucca.net/1\u0662/3456/20261019A",
            "corail.ilucca.net/\u00b2/3456/20261019A",
            "https://corail.ilucca.net/12/3456/20261019A",
        ],
    )
    def test_a_text_that_we_would_not_write_is_no_key(self, text: str) -> None:
        assert Key.parse(text) is None

    def test_a_number_that_no_computer_counts_to_is_no_key(self) -> None:
        assert Key.parse(f"{HOST}/{'9' * 5000}/1/20261019A") is None

    def test_the_key_stays_when_the_end_of_the_leave_moves(self) -> None:
        short, long = days("2026-12-07", "2026-12-08"), days("2026-12-07", "2026-12-18")
        assert [one.key for one in stretches_of(short)] == [one.key for one in stretches_of(long)]

    def test_the_key_changes_when_the_beginning_of_the_leave_moves(self) -> None:
        later = stretches_of(days("2026-12-08", "2026-12-11"))
        assert parts(later) == ["20261208A"]

    def test_a_trimmed_weekend_does_not_name_the_stretch(self) -> None:
        rows = days("2026-12-05", "2026-12-08", all_week=True)
        assert parts(stretches_of(rows, working=WorkingTime(rest_rows=True))) == ["20261207A"]

    def test_a_stretch_knows_the_half_days_it_covers(self) -> None:
        (one,) = stretches_of(days("2026-12-07P", "2026-12-09A"))
        assert (one.first, one.last) == (slot(date(2026, 12, 7), "P"), slot(date(2026, 12, 9), "A"))


EVENT = Event(date(2026, 12, 7), date(2026, 12, 8), "confirmed", "Absent", zone="Europe/Paris")


class TestFingerprints:
    def test_a_fingerprint_can_be_read_back(self) -> None:
        mark = Fingerprint.of(EVENT)
        assert Fingerprint.parse(str(mark)) == mark

    def test_the_text_on_events_already_written_never_changes(self) -> None:
        """Every event of every customer carries it: another text would make them all look edited by hand."""
        assert str(Fingerprint.of(EVENT)) == "1;Europe/Paris;1fdfc7a141261f22;14564f4180bcdff0"

    def test_it_holds_no_title(self) -> None:
        secret = replace(EVENT, title="Maladie longue durée")
        assert "Maladie" not in str(Fingerprint.of(secret))

    @pytest.mark.parametrize(
        "fields",
        [
            {"start": date(2026, 12, 6)},
            {"end": date(2026, 12, 9)},
            {"state": "tentative"},
            {"start": utc("2026-12-07 00:00"), "end": utc("2026-12-08 00:00")},
        ],
    )
    def test_dates_shape_and_state_are_facts(self, fields: dict[str, Any]) -> None:
        other = replace(EVENT, **fields)
        assert other.facts != EVENT.facts
        assert other.look == EVENT.look

    @pytest.mark.parametrize("fields", [{"title": "RTT"}, {"show_as": "free"}, {"private": True}])
    def test_title_show_as_and_privacy_are_look(self, fields: dict[str, Any]) -> None:
        other = replace(EVENT, **fields)
        assert other.look != EVENT.look
        assert other.facts == EVENT.facts

    def test_the_zone_is_neither_fact_nor_look_but_stands_by_itself(self) -> None:
        moved = replace(EVENT, zone="America/Martinique")
        assert (moved.facts, moved.look) == (EVENT.facts, EVENT.look)
        assert Fingerprint.of(moved).zone == "America/Martinique"

    @pytest.mark.parametrize(
        "text", ["", "2;Europe/Paris;a;b", "1;Europe/Paris;a", "1;Europe/Paris;a;b;c", "nonsense"]
    )
    def test_an_unknown_version_or_a_mangled_text_is_no_fingerprint(self, text: str) -> None:
        assert Fingerprint.parse(text) is None


class TestNormalForm:
    def test_two_events_that_differ_only_in_zone_are_equal(self) -> None:
        """Providers give instants back in another zone, or none; the marker remembers ours."""
        assert replace(EVENT, zone="") == EVENT

    def test_the_last_day_of_an_all_day_event_is_the_one_before_its_end(self) -> None:
        assert (EVENT.first_day, EVENT.last_day) == (date(2026, 12, 7), date(2026, 12, 7))

    def test_the_days_of_a_timed_event_are_those_of_its_zone(self) -> None:
        late = Event(
            utc("2026-12-06 23:30"), utc("2026-12-07 23:00"), "confirmed", "Absent", zone="Europe/Paris"
        )
        assert (late.first_day, late.last_day) == (date(2026, 12, 7), date(2026, 12, 7))
        assert (replace(late, zone="").first_day, replace(late, zone="").last_day) == (
            date(2026, 12, 6),
            date(2026, 12, 7),
        )

    def test_an_event_of_no_length_still_touches_its_day(self) -> None:
        empty = replace(EVENT, end=EVENT.start)
        assert empty.last_day == empty.first_day
        moment = Event(utc("2026-12-07 00:00"), utc("2026-12-07 00:00"), "confirmed", "Absent")
        assert moment.last_day == moment.first_day

    @pytest.mark.parametrize(
        ("rows", "reach"),
        [
            (days("2026-12-07", "2026-12-08"), ("2026-12-07A", "2026-12-08P")),
            ([leave("2026-12-07A")], ("2026-12-07A", "2026-12-07A")),
            ([leave("2026-12-07P")], ("2026-12-07P", "2026-12-07P")),
            (days("2026-12-07P", "2026-12-09A"), ("2026-12-07P", "2026-12-09A")),
            ([leave("2026-12-07P", hours=timedelta(hours=1))], ("2026-12-07P", "2026-12-07P")),
        ],
    )
    def test_an_event_touches_the_half_days_it_was_made_from(
        self, rows: list[Leave], reach: tuple[str, str]
    ) -> None:
        first, last = (leave(when).slot for when in reach)
        assert touched_slots(only(rows), PARIS.hours) == (first, last)

    def test_an_event_that_its_owner_moved_into_the_lunch_break_touches_the_afternoon(self) -> None:
        lunch = Event(
            utc("2026-12-07 11:30"), utc("2026-12-07 12:00"), "confirmed", "Absent", zone="Europe/Paris"
        )
        afternoon = leave("2026-12-07P").slot
        assert touched_slots(lunch, PARIS.hours) == (afternoon, afternoon)
