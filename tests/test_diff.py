"""What must change in one person's calendar, why, and what goes together."""

import random
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from figgo_ops.diff import Frame, Seat, diff
from figgo_ops.events import Event, Policy, TypeRule
from figgo_ops.leaves import Leave
from figgo_ops.plan import Listing, Mailbox
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
    leave,
    person,
    said,
    seat,
)
from tests.calendars.memory import MemoryCalendar, Owner, Stored

MAIL = str(ANNE.mail)
HOME = Mailbox("memory", MAIL)
WEEK = days("2026-12-07", "2026-12-11")
TITLED = replace(PARIS, title="Indisponible")


def anne(rows: list[Leave], policy: Policy = PARIS, **fields: Any) -> Seat:
    return seat(fields.pop("who", ANNE), rows, policy, **fields)


@pytest.fixture
def company() -> Company:
    """Anne's week off stands in her calendar as it should."""
    loaded = Company()
    loaded.load(anne(WEEK))
    return loaded


@pytest.fixture
def owner(company: Company) -> Owner:
    return company.calendar().owner(MAIL)


def content(company: Company) -> list[Stored]:
    return sorted(company.calendar().content(MAIL), key=lambda stored: stored.key_text)


class TestNothingToDo:
    def test_a_new_leave_is_created_and_then_all_is_well(self) -> None:
        company = Company()
        first = company.plan(anne(WEEK))
        assert said(first) == [("create", "new", "100/20261207A")]

        company.apply(first)
        again = company.plan(anne(WEEK))
        assert (said(again), found(again), len(again.unchanged)) == ([], [], 1)

    def test_a_note_and_a_colour_of_the_owner_are_no_difference(self, company: Company, owner: Owner) -> None:
        owner.annotate(company.only(), note="ask Zoé", colour="red")
        assert said(company.plan(anne(WEEK))) == []

    def test_events_without_a_marker_are_nobodys_business(self, company: Company, owner: Owner) -> None:
        owner.add(Event(date(2026, 12, 7), date(2026, 12, 8), "confirmed", "Absent"))
        difference = company.plan(anne([]))
        assert said(difference) == [("remove", "cancelled", "100/20261207A")]

    def test_two_periods_that_touch_on_one_day_are_two_events(self) -> None:
        company = Company()
        rows = [leave("2026-12-07A", 100), leave("2026-12-07P", 200)]
        company.load(anne(rows))
        assert [one.key_text[-13:] for one in content(company)] == ["100/20261207A", "200/20261207P"]
        assert said(company.plan(anne(rows))) == []

    def test_one_period_over_two_leave_accounts_is_one_event(self) -> None:
        rows = [*days("2026-12-30", "2026-12-31"), *days("2027-01-01", "2027-01-05", type_id=11)]
        assert said(Company().plan(anne(rows))) == [("create", "new", "100/20261230A")]


class TestReasons:
    def test_a_longer_leave_is_changed_in_figgo(self, company: Company) -> None:
        difference = company.plan(anne(days("2026-12-07", "2026-12-15")))
        assert said(difference) == [("update", "changed in Figgo", "100/20261207A")]

    def test_an_approval_is_changed_in_figgo(self) -> None:
        company = Company()
        company.load(anne(days("2026-12-07", confirmed=False)))
        difference = company.plan(anne(days("2026-12-07")))
        assert said(difference) == [("update", "changed in Figgo", "100/20261207A")]
        assert [one.shown.state for one in difference.changes] == ["confirmed"]

    def test_another_title_in_the_tenant_file_is_a_changed_policy(self, company: Company) -> None:
        assert said(company.plan(anne(WEEK, TITLED))) == [("update", "policy changed", "100/20261207A")]

    def test_another_zone_in_the_tenant_file_is_a_changed_policy(self) -> None:
        company, morning = Company(), [leave("2026-12-07A")]
        company.load(anne(morning))
        martinique = replace(PARIS, timezone="America/Martinique")
        assert said(company.plan(anne(morning, martinique))) == [
            ("update", "policy changed", "100/20261207A")
        ]

    def test_a_zone_that_only_the_marker_shows_is_written_anew(self) -> None:
        """Two zones with the same hours this winter differ next summer."""
        company, morning = Company(), [leave("2026-12-07A")]
        company.load(anne(morning))
        tunis = replace(PARIS, timezone="Africa/Tunis")
        difference = company.plan(anne(morning, tunis))
        assert said(difference) == [("update", "policy changed", "100/20261207A")]
        company.apply(difference)
        assert said(company.plan(anne(morning, tunis))) == []

    def test_an_afternoon_that_hr_took_away_is_changed_in_figgo(self) -> None:
        company = Company()
        company.load(anne(days("2026-12-07")))
        difference = company.plan(anne([leave("2026-12-07A")]))
        assert said(difference) == [("update", "changed in Figgo", "100/20261207A")]

    def test_an_event_that_its_owner_renamed_is_restored(self, company: Company, owner: Owner) -> None:
        owner.edit(company.only(), title="Ski !")
        difference = company.plan(anne(WEEK))
        assert said(difference) == [("update", "edited by hand", "100/20261207A")]

        company.apply(difference)
        assert content(company)[0].event.title == "Absent"

    def test_an_event_that_its_owner_dragged_is_put_back(self, company: Company, owner: Owner) -> None:
        owner.edit(company.only(), start=date(2026, 12, 14), end=date(2026, 12, 19))
        assert said(company.plan(anne(WEEK))) == [("update", "edited by hand", "100/20261207A")]

    def test_figgo_wins_where_all_three_differ_and_the_old_value_is_kept(
        self, company: Company, owner: Owner
    ) -> None:
        owner.edit(company.only(), title="Ski !", end=date(2026, 12, 20))
        (change,) = company.plan(anne(days("2026-12-07", "2026-12-15"))).changes
        assert change.reason == "changed in Figgo"
        assert change.event is not None
        assert (change.event.title, change.event.end) == ("Absent", date(2026, 12, 16))
        assert change.before is not None
        assert (change.before.title, change.before.end) == ("Ski !", date(2026, 12, 20))

    def test_an_owner_who_edited_to_what_figgo_says_now_is_left_alone(
        self, company: Company, owner: Owner
    ) -> None:
        owner.edit(company.only(), end=date(2026, 12, 16))
        assert said(company.plan(anne(days("2026-12-07", "2026-12-15")))) == []

    @pytest.mark.parametrize("rows", [[], [replace(row, active=False) for row in WEEK]])
    def test_a_leave_that_is_gone_or_cancelled_is_removed(self, company: Company, rows: list[Leave]) -> None:
        difference = company.plan(anne(rows))
        assert said(difference) == [("remove", "cancelled", "100/20261207A")]
        assert [one.counted for one in difference.changes] == [True]

    def test_a_pending_leave_that_is_denied_is_removed(self) -> None:
        company = Company()
        company.load(anne(days("2026-12-07", confirmed=False)))
        denied = anne(days("2026-12-07", confirmed=False, active=False))
        assert said(company.plan(denied)) == [("remove", "cancelled", "100/20261207A")]

    def test_somebody_out_of_scope_has_their_events_removed(self, company: Company) -> None:
        difference = company.plan(anne(WEEK, out_of_scope=True))
        assert said(difference) == [("remove", "out of scope", "100/20261207A")]

    def test_somebody_out_of_scope_gets_no_events(self) -> None:
        assert said(Company().plan(anne(WEEK, out_of_scope=True))) == []

    @pytest.mark.parametrize("rule", [TypeRule("Congés*", skip=True), TypeRule("*", skip=True)])
    def test_a_type_that_is_skipped_from_now_on_is_removed_by_policy(
        self, company: Company, rule: TypeRule
    ) -> None:
        difference = company.plan(anne(WEEK, replace(PARIS, rules=(rule,))))
        assert said(difference) == [("remove", "policy changed", "100/20261207A")]
        assert [one.counted for one in difference.changes] == [True]

    def test_pending_leaves_that_are_hidden_from_now_on_are_removed_by_policy(self) -> None:
        company, pending = Company(), days("2026-12-07", confirmed=False)
        company.load(anne(pending))
        hidden = anne(pending, replace(PARIS, pending="hidden"))
        assert said(company.plan(hidden)) == [("remove", "policy changed", "100/20261207A")]


class TestLeavers:
    LAST = date(2026, 12, 9)
    ROWS = (*WEEK, *days("2026-12-21", "2026-12-23", 200))

    def plan_on(self, company: Company, today: date) -> list[tuple[str, str, str]]:
        return said(company.plan(anne(list(self.ROWS), who=person(ends=self.LAST)), today=today))

    @pytest.fixture
    def company(self) -> Company:
        loaded = Company()
        loaded.load(anne(list(self.ROWS)))
        return loaded

    def test_nothing_is_removed_while_the_contract_lasts(self, company: Company) -> None:
        assert self.plan_on(company, self.LAST) == []

    def test_the_day_after_leaves_that_begin_later_are_removed_and_earlier_ones_stay(
        self, company: Company
    ) -> None:
        tomorrow = self.LAST + timedelta(days=1)
        assert self.plan_on(company, tomorrow) == [("remove", "person left", "200/20261221A")]

    def test_somebody_who_left_gets_no_event_for_a_leave_after_the_end(self) -> None:
        plan = self.plan_on(Company(), self.LAST + timedelta(days=1))
        assert plan == [("create", "new", "100/20261207A")]

    def test_a_leave_cancelled_with_the_contract_is_removed_as_cancelled(self, company: Company) -> None:
        gone = anne(WEEK, who=person(ends=self.LAST))
        difference = company.plan(gone, today=self.LAST + timedelta(days=1))
        assert said(difference) == [("remove", "cancelled", "200/20261221A")]


class TestFingerprintsOfOtherVersions:
    """Only what is there and what should be there can be compared."""

    def listed(
        self, event: Event, print_text: str, hand_edits: Any = "restore"
    ) -> list[tuple[str, str, str]]:
        written = existing_of(anne(WEEK).wanted[0], HOME, event=event, print_text=print_text)
        frame = Frame(HOST, TODAY, WINDOW, hand_edits=hand_edits, known=frozenset({1}))
        return said(diff([anne(WEEK)], [Listing(HOME, (written,))], frame))

    @pytest.mark.parametrize("print_text", ["", "2;Europe/Paris;x;y", "1;mangled"])
    def test_what_is_as_it_should_be_is_left_alone(self, print_text: str) -> None:
        assert self.listed(anne(WEEK).wanted[0].event, print_text) == []

    def test_other_dates_are_changed_in_figgo(self) -> None:
        event = replace(anne(WEEK).wanted[0].event, end=date(2026, 12, 31))
        assert self.listed(event, "2;x") == [("update", "changed in Figgo", "100/20261207A")]

    @pytest.mark.parametrize("hand_edits", ["restore", "respect"])
    def test_another_look_is_a_changed_policy_because_nobody_can_tell_who_did_it(
        self, hand_edits: str
    ) -> None:
        event = replace(anne(WEEK).wanted[0].event, title="Ski !")
        assert self.listed(event, "2;x", hand_edits) == [("update", "policy changed", "100/20261207A")]


class TestReplacements:
    def test_a_leave_that_begins_later_is_a_replacement_and_not_counted(self, company: Company) -> None:
        difference = company.plan(anne(days("2026-12-08", "2026-12-11")))
        assert said(difference) == [
            ("create", "replacement", "100/20261208A"),
            ("remove", "replacement", "100/20261207A"),
        ]
        assert {(one.unit, one.counted) for one in difference.changes} == {(1, False)}

    def test_a_leave_that_begins_earlier_is_a_replacement(self, company: Company) -> None:
        difference = company.plan(anne(days("2026-12-04", "2026-12-11")))
        assert said(difference) == [
            ("create", "replacement", "100/20261204A"),
            ("remove", "replacement", "100/20261207A"),
        ]

    def test_a_replacement_carries_what_the_owner_added(self, company: Company, owner: Owner) -> None:
        owner.annotate(company.only(), note="ask Zoé", colour="red")
        company.load(anne(days("2026-12-08", "2026-12-11")))
        (stored,) = content(company)
        assert (stored.note, stored.colour, stored.event.start) == ("ask Zoé", "red", date(2026, 12, 8))

    def test_cancelled_and_asked_for_again_on_the_same_half_day_is_a_replacement(self) -> None:
        company = Company()
        company.load(anne([leave("2026-12-07A", 100)]))
        again = [leave("2026-12-07A", 100, active=False), leave("2026-12-07A", 200)]
        assert said(company.plan(anne(again))) == [
            ("create", "replacement", "200/20261207A"),
            ("remove", "replacement", "100/20261207A"),
        ]

    def test_a_day_taken_out_of_the_middle_shortens_one_event_and_adds_another(
        self, company: Company
    ) -> None:
        rows = [row for row in WEEK if row.day != date(2026, 12, 9)]
        assert said(company.plan(anne(rows))) == [
            ("create", "new", "100/20261210A"),
            ("update", "changed in Figgo", "100/20261207A"),
        ]

    def test_a_day_put_back_into_the_middle_makes_one_event_of_two(self) -> None:
        company = Company()
        company.load(anne([row for row in WEEK if row.day != date(2026, 12, 9)]))
        difference = company.plan(anne(WEEK))
        assert said(difference) == [
            ("update", "changed in Figgo", "100/20261207A"),
            ("remove", "replacement", "100/20261210A"),
        ]
        assert not any(one.counted for one in difference.changes)

    def test_the_second_half_of_a_replacement_cut_short_is_still_a_replacement(
        self, company: Company
    ) -> None:
        """The run died between creation and removal: what it created already stands for the old event."""
        shorter = anne(days("2026-12-08", "2026-12-11"))
        cut = company.plan(shorter)
        cut.changes.pop()
        company.apply(cut)
        difference = company.plan(shorter)
        assert said(difference) == [("remove", "replacement", "100/20261207A")]
        assert not difference.changes[0].counted

    def test_a_cancelled_morning_is_not_replaced_by_somebody_elses_afternoon_period(self) -> None:
        company = Company()
        rows = [leave("2026-12-07A", 100), leave("2026-12-07P", 200)]
        company.load(anne(rows))
        difference = company.plan(anne(rows[1:]))
        assert said(difference) == [("remove", "cancelled", "100/20261207A")]
        assert difference.changes[0].counted

    def test_a_cancelled_leave_whose_event_was_dragged_onto_another_one_is_no_replacement(self) -> None:
        """Nothing stands for it: the other leave has had its own event all the time."""
        company, other = Company(), days("2026-12-21", "", 200)
        company.load(anne([*WEEK, *other]))
        dragged = content(company)[0].id
        company.calendar().owner(MAIL).edit(dragged, start=date(2026, 12, 21), end=date(2026, 12, 26))
        difference = company.plan(anne(other))
        assert said(difference) == [("remove", "cancelled", "100/20261207A")]
        assert difference.changes[0].counted

    def test_another_absence_in_the_same_days_replaces_a_cancelled_one(self, company: Company) -> None:
        sick = days("2026-12-09", "2026-12-10", 300, type_name="Maladie")
        difference = company.plan(anne(sick))
        assert said(difference) == [
            ("create", "replacement", "300/20261209A"),
            ("remove", "replacement", "100/20261207A"),
        ]

    def test_a_replacement_carries_nothing_from_one_calendar_to_another(self) -> None:
        """Only the adapter that listed an event knows how to read what came with it."""
        old = Mailbox("exchange", MAIL)
        company = Company(MemoryCalendar("exchange", [MAIL]), MemoryCalendar("memory", [MAIL]))
        company.load(anne(WEEK, home=old))
        moved = anne(days("2026-12-08", "2026-12-11"), places=frozenset({old}))
        creation = company.plan(moved).changes[0]
        assert (creation.action, creation.carries) == ("create", None)


class TestUnits:
    def test_changes_of_overlapping_half_days_are_one_unit_in_the_order_they_are_safe(
        self, company: Company
    ) -> None:
        """First more, then other, then less: a run cut short leaves an event too many, never one too few."""
        company.load(anne([*WEEK, *days("2026-12-14", "2026-12-15", 200)]))
        rows = [*days("2026-12-10", "2026-12-15A", 100), *days("2026-12-15P", "2026-12-16", 200)]
        difference = company.plan(anne(rows))
        assert [one.action for one in difference.changes] == ["create", "create", "remove", "remove"]
        assert {one.unit for one in difference.changes} == {1}

    def test_changes_of_other_days_are_other_units(self, company: Company) -> None:
        difference = company.plan(anne([*days("2026-12-08", "2026-12-11"), *days("2026-12-21", "", 200)]))
        assert [(one.unit, one.action) for one in difference.changes] == [
            (1, "create"),
            (1, "remove"),
            (2, "create"),
        ]

    def test_everything_inside_a_long_leave_that_goes_is_one_unit(self, company: Company) -> None:
        difference = company.plan(anne([*days("2026-12-08", "", 300), *days("2026-12-10", "", 400)]))
        assert [(one.unit, one.action) for one in difference.changes] == [
            (1, "create"),
            (1, "create"),
            (1, "remove"),
        ]

    def test_two_halves_of_one_day_are_two_units(self) -> None:
        difference = Company().plan(anne([leave("2026-12-07A", 100), leave("2026-12-07P", 200)]))
        assert [one.unit for one in difference.changes] == [1, 2]

    def test_an_update_reaches_from_where_the_event_is_to_where_it_belongs(
        self, company: Company, owner: Owner
    ) -> None:
        owner.edit(company.only(), start=date(2026, 12, 21), end=date(2026, 12, 22))
        difference = company.plan(anne([*WEEK, *days("2026-12-21", "", 200)]))
        assert {(one.unit, one.action) for one in difference.changes} == {(1, "create"), (1, "update")}

    def test_units_of_different_people_never_mix(self) -> None:
        company = Company(MemoryCalendar(addresses=[MAIL, str(ZOE.mail)]))
        difference = company.plan(anne(WEEK), seat(ZOE, [replace(row, owner=2) for row in WEEK]))
        assert [(one.employee, one.unit) for one in difference.changes] == [(1, 1), (2, 2)]

    def test_the_order_of_people_leaves_and_listings_does_not_matter(self) -> None:
        company = Company(MemoryCalendar(addresses=[MAIL, str(ZOE.mail)]))
        hers = [*days("2026-12-07", owner=2), *days("2026-12-21", "", 200, owner=2)]
        company.load(anne(WEEK), seat(ZOE, hers))
        seats = [anne(days("2026-12-08", "2026-12-11")), seat(ZOE, hers[1:])]
        mixed = random.Random(4).sample(hers[1:], 3)
        assert company.plan(*seats) == company.plan(seat(ZOE, mixed), seats[0])
