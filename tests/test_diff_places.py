"""Mailboxes people moved out of: an event at an old place goes only after its successor was read back."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from figgo_ops.diff import Seat
from figgo_ops.errors import Unreachable
from figgo_ops.events import Fingerprint
from figgo_ops.leaves import Leave, Span
from figgo_ops.plan import Mailbox
from tests.builders import ANNE, PARIS, ZOE, Company, days, found, person, said, seat
from tests.calendars.memory import MemoryCalendar

OLD = Mailbox("memory", "anne.martin@corail.example")
NEW = Mailbox("memory", "anne.lefevre@corail.example")
WEEK = days("2026-12-07", "2026-12-11")
BEFORE = person(1, OLD.address)
PLACES = frozenset({OLD})


@pytest.fixture
def company() -> Company:
    """Anne's week off was written to the mailbox she had before she married."""
    loaded = Company(MemoryCalendar(addresses=[OLD.address, NEW.address]))
    loaded.load(seat(BEFORE, WEEK))
    return loaded


def anne(rows: list[Leave], **fields: Any) -> Seat:
    """Anne under her new address, her old one remembered."""
    return seat(ANNE, rows, **{"places": PLACES} | fields)


def where(company: Company) -> dict[str, int]:
    shelves = company.calendar().shelves
    return {address: len(shelf.live) for address, shelf in shelves.items() if shelf.live}


class TestMoves:
    def test_an_event_follows_its_person_and_leaves_the_old_place_afterwards(self, company: Company) -> None:
        first = company.plan(anne(WEEK))
        assert said(first) == [("create", "replacement", "100/20261207A")]
        company.apply(first)

        second = company.plan(anne(WEEK))
        assert said(second) == [("remove", "replacement", "100/20261207A")]
        assert (second.changes[0].mailbox, second.changes[0].counted) == (OLD, False)
        company.apply(second)

        assert said(company.plan(anne(WEEK))) == []
        assert where(company) == {NEW.address: 1}

    def test_an_event_at_an_old_place_outside_the_window_waits(self, company: Company) -> None:
        company.load(anne(WEEK))
        later = Span(date(2027, 1, 1), date(2027, 12, 31))
        assert said(company.plan(anne(WEEK), window=later)) == []

    def test_what_the_owner_added_moves_along(self, company: Company) -> None:
        owner = company.calendar().owner(OLD.address)
        owner.annotate(company.only(OLD.address), note="ask Zoé", colour="red")
        company.load(anne(WEEK))
        (moved,) = company.calendar().content(NEW.address)
        assert (moved.note, moved.colour) == ("ask Zoé", "red")

    def test_to_another_calendar_an_event_moves_without_what_only_the_old_one_understands(self) -> None:
        exchange, google = MemoryCalendar("exchange", [OLD.address]), MemoryCalendar("google", [NEW.address])
        company = Company(exchange, google)
        there, here = Mailbox("exchange", OLD.address), Mailbox("google", NEW.address)
        company.load(seat(ANNE, WEEK, home=there))

        moved = seat(ANNE, WEEK, home=here, places=frozenset({there}))
        (creation,) = company.plan(moved).changes
        assert (creation.action, creation.mailbox, creation.carries) == ("create", here, None)
        company.load(moved)
        company.load(moved)
        assert (len(exchange.content(OLD.address)), len(google.content(NEW.address))) == (0, 1)

    def test_the_old_event_stays_while_its_successor_is_not_as_it_should_be(self, company: Company) -> None:
        company.load(anne(WEEK))
        owner = company.calendar().owner(NEW.address)
        owner.edit(company.only(NEW.address), end=date(2026, 12, 9))
        assert said(company.plan(anne(WEEK))) == [("update", "edited by hand", "100/20261207A")]

    def test_a_successor_that_its_owner_renamed_and_may_keep_is_a_successor(self, company: Company) -> None:
        company.load(anne(WEEK))
        company.calendar().owner(NEW.address).edit(company.only(NEW.address), title="Ski !")
        difference = company.plan(anne(WEEK), hand_edits="respect")
        assert said(difference) == [("remove", "replacement", "100/20261207A")]

    def test_a_changed_copy_at_the_old_place_goes_with_the_event_it_copies(self, company: Company) -> None:
        """Left alone it would be the only one there, and the next plan would clear it."""
        company.load(anne(WEEK))
        owner = company.calendar().owner(OLD.address)
        owner.edit(owner.copy(company.only(OLD.address)), title="Ski !")
        company.load(anne(WEEK))
        assert where(company) == {NEW.address: 1}

    def test_the_old_event_stays_while_its_owner_has_taken_the_successor_over(self, company: Company) -> None:
        company.load(anne(WEEK))
        company.calendar().owner(NEW.address).invite(company.only(NEW.address), "max.roux@corail.example")
        difference = company.plan(anne(WEEK))
        assert (said(difference), found(difference)) == ([], [("taken-over", NEW.address)])

    def test_an_event_taken_over_at_the_old_place_stays_there(self, company: Company) -> None:
        company.calendar().owner(OLD.address).invite(company.only(OLD.address), "max.roux@corail.example")
        company.load(anne(WEEK))
        difference = company.plan(anne(WEEK))
        assert (said(difference), found(difference)) == ([], [("taken-over", OLD.address)])
        assert where(company) == {OLD.address: 1, NEW.address: 1}

    def test_a_leave_cancelled_during_the_move_goes_from_the_old_place_too(self, company: Company) -> None:
        company.load(anne(WEEK))
        difference = company.plan(anne([]))
        assert [(one.mailbox, one.reason) for one in difference.changes] == [
            (NEW, "cancelled"),
            (OLD, "cancelled"),
        ]
        assert {str(one.key) for one in difference.changes if one.counted} == {
            "corail.ilucca.net/1/100/20261207A"
        }

    def test_a_leave_that_changed_during_the_move_is_written_anew_before_the_old_goes(
        self, company: Company
    ) -> None:
        later = anne(days("2026-12-08", "2026-12-11"))
        difference = company.plan(later)
        assert [(one.action, one.reason, one.mailbox) for one in difference.changes] == [
            ("create", "replacement", NEW),
            ("remove", "replacement", OLD),
        ]

    def test_an_unknown_old_place_is_the_wrong_mailbox_and_left_alone(self, company: Company) -> None:
        """The ledger was lost: without a record that we wrote there, it may be somebody else's doing."""
        company.load(anne(WEEK))
        difference = company.plan(anne(WEEK, places=frozenset()))
        assert (said(difference), found(difference)) == ([], [("wrong-mailbox", OLD.address)])


class TestMovesThatAreLookedAt:
    """With `moving` a plan shows what will go; what is written from shows only what is proven."""

    def test_the_old_event_is_shown_as_going_together_with_its_planned_successor(
        self, company: Company
    ) -> None:
        difference = company.plan(anne(WEEK), moving=True)
        assert [(one.action, one.reason, one.mailbox, one.counted) for one in difference.changes] == [
            ("create", "replacement", NEW, False),
            ("remove", "replacement", OLD, False),
        ]
        assert len({one.unit for one in difference.changes}) == 1
        assert found(difference) == []
        assert [one.action for one in company.plan(anne(WEEK)).changes] == ["create"]

    def test_it_is_shown_as_going_when_its_successor_has_yet_to_be_put_right(self, company: Company) -> None:
        company.load(anne(WEEK))
        company.calendar().owner(NEW.address).edit(company.only(NEW.address), title="Ski !")
        assert said(company.plan(anne(WEEK), moving=True)) == [
            ("update", "edited by hand", "100/20261207A"),
            ("remove", "replacement", "100/20261207A"),
        ]

    def test_it_stays_where_no_successor_is_planned(self, company: Company) -> None:
        company.load(anne(WEEK))
        company.calendar().owner(NEW.address).invite(company.only(NEW.address), "max.roux@corail.example")
        for who in (anne(WEEK), anne(WEEK, writes=False), anne(WEEK, home=None)):
            assert said(company.plan(who, moving=True)) == []


class TestUnreadableMailboxes:
    ERROR = Unreachable("The mailbox did not answer.")

    def test_nothing_goes_from_an_old_place_while_home_cannot_be_read(self, company: Company) -> None:
        company.load(anne(WEEK))
        company.calendar().unreadable[NEW.address] = self.ERROR
        for rows in (WEEK, []):
            assert said(company.plan(anne(rows))) == []

    def test_home_goes_on_while_an_old_place_cannot_be_read(self, company: Company) -> None:
        company.calendar().unreadable[OLD.address] = self.ERROR
        difference = company.plan(anne(WEEK))
        assert [(one.action, one.mailbox) for one in difference.changes] == [("create", NEW)]

    def test_events_at_old_places_stay_while_there_is_no_home_to_write_to(self, company: Company) -> None:
        assert said(company.plan(anne(WEEK, home=None))) == []

    def test_a_cancelled_leave_goes_from_an_old_place_although_there_is_no_home(
        self, company: Company
    ) -> None:
        assert said(company.plan(anne([], home=None))) == [("remove", "cancelled", "100/20261207A")]

    def test_somebody_out_of_scope_leaves_their_old_places_too(self, company: Company) -> None:
        difference = company.plan(anne(WEEK, home=None, out_of_scope=True))
        assert said(difference) == [("remove", "out of scope", "100/20261207A")]


class TestAliases:
    """Two addresses of one mailbox list the same events, under the same iCalendar uid."""

    @pytest.fixture
    def company(self) -> Company:
        calendar = MemoryCalendar(addresses=[NEW.address])
        calendar.aliases[OLD.address] = NEW.address
        loaded = Company(calendar)
        loaded.load(seat(BEFORE, WEEK))
        return loaded

    def test_nothing_moves_where_the_new_address_is_only_another_name(self, company: Company) -> None:
        assert said(company.plan(anne(WEEK))) == []
        assert where(company) == {NEW.address: 1}

    def test_a_cancelled_leave_is_removed_once(self, company: Company) -> None:
        difference = company.plan(anne([]))
        assert [(one.action, one.mailbox) for one in difference.changes] == [("remove", NEW)]

    def test_a_changed_leave_is_updated_once(self, company: Company) -> None:
        difference = company.plan(anne(days("2026-12-07", "2026-12-15")))
        assert [(one.action, one.mailbox) for one in difference.changes] == [("update", NEW)]

    def test_a_leave_that_begins_later_is_replaced_once(self, company: Company) -> None:
        company.load(anne(days("2026-12-08", "2026-12-11")))
        assert where(company) == {NEW.address: 1}
        assert said(company.plan(anne(days("2026-12-08", "2026-12-11")))) == []

    def test_a_duplicate_is_removed_under_one_name_only(self, company: Company) -> None:
        """Where each name lists events under other ids, each could keep the other's twin and both go."""
        company.calendar().owner(NEW.address).copy(company.only(NEW.address))
        difference = company.plan(anne(WEEK))
        assert [(one.reason, one.mailbox) for one in difference.changes] == [("duplicate", NEW)]


class TestPeople:
    def test_a_transfer_between_legal_entities_changes_no_event(self, company: Company) -> None:
        transferred = seat(replace(BEFORE, legal_entity=7), WEEK)
        assert said(company.plan(transferred)) == []

    def test_changes_after_a_transfer_count_for_the_new_legal_entity(self, company: Company) -> None:
        (removal,) = company.plan(seat(replace(BEFORE, legal_entity=7), [])).changes
        assert (removal.legal_entity, removal.counted) == (7, True)

    def test_a_transfer_to_another_zone_moves_hours_and_not_days(self) -> None:
        rows = [*days("2026-12-07", "2026-12-08"), *days("2026-12-21P", "2026-12-22", 200)]
        far = replace(PARIS, zone_by_legal_entity={7: "America/Martinique"})
        company = Company()
        company.load(seat(ANNE, rows, far))
        difference = company.plan(seat(replace(ANNE, legal_entity=7), rows, far))
        assert said(difference) == [("update", "policy changed", "200/20261221P")]
        assert difference.changes[0].fingerprint == Fingerprint.of(difference.changes[0].shown)

    def test_a_rehired_person_gets_new_events_and_the_former_self_keeps_the_past(self) -> None:
        company = Company()
        ends = date(2026, 11, 30)
        past, future = days("2026-11-16", "2026-11-17"), days("2026-12-07", "", 200)
        company.load(seat(person(1), [*past, *future]))

        former = seat(person(1, ends=ends), [*past, *future], writes=False)
        again = seat(person(9, starts=date(2026, 12, 1)), days("2026-12-14", "", 900, owner=9))
        difference = company.plan(former, again, today=date(2026, 12, 1))
        assert [(one.employee, one.action, one.reason, one.key.period) for one in difference.changes] == [
            (1, "remove", "person left", 200),
            (9, "create", "new", 900),
        ]

    def test_the_former_owner_of_a_mailbox_gets_no_new_events_there(self) -> None:
        former = seat(person(1, ends=date(2026, 12, 31)), WEEK, writes=False)
        assert said(Company().plan(former, today=date(2027, 1, 1))) == []

    def test_what_two_people_left_in_a_mailbox_they_share_is_not_touched(self, company: Company) -> None:
        """Neither of them is planned for; whoever lists the mailbox only reports what is in it."""
        guest = seat(ZOE, [], home=None, places=frozenset({OLD}))
        difference = company.plan(guest, known=frozenset({1, 2, 3}))
        assert (said(difference), found(difference)) == ([], [("wrong-mailbox", OLD.address)])
