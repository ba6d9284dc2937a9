"""What the owners of the calendars did themselves: edits, deletions, copies, and events they made theirs."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from figgo_ops.diff import Difference, Seat
from figgo_ops.events import Event, Policy
from figgo_ops.leaves import Leave, Span
from figgo_ops.plan import Mailbox
from tests.builders import ANNE, PARIS, WINDOW, Company, days, found, person, said, seat
from tests.calendars.memory import Owner, Stored

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


@pytest.fixture
def owner(company: Company) -> Owner:
    return company.calendar().owner(MAIL)


def content(company: Company) -> list[Stored]:
    return company.calendar().content(MAIL)


TITLED = replace(PARIS, title="Indisponible")


class TestRespect:
    """`hand_edits = "respect"` covers look and deletion, never dates."""

    def plan(self, company: Company, *seats: Seat, **frame: Any) -> Difference:
        return company.plan(*seats, hand_edits="respect", **frame)

    def test_a_title_of_the_owners_stays_and_is_reported(self, company: Company, owner: Owner) -> None:
        owner.edit(company.only(), title="Ski !")
        difference = self.plan(company, anne(WEEK))
        assert (said(difference), found(difference)) == ([], [("edited", MAIL)])

    def test_dates_follow_figgo_and_the_owners_title_stays(self, company: Company, owner: Owner) -> None:
        owner.edit(company.only(), title="Ski !", private=True)
        longer = anne(days("2026-12-07", "2026-12-15"))
        company.apply(self.plan(company, longer))
        (stored,) = content(company)
        assert stored.event == Event(
            date(2026, 12, 7), date(2026, 12, 16), "confirmed", "Ski !", private=True
        )
        assert said(self.plan(company, longer)) == []

    def test_a_dragged_event_is_put_back_under_its_owners_title(self, company: Company, owner: Owner) -> None:
        owner.edit(company.only(), title="Ski !", start=date(2026, 12, 8))
        company.apply(self.plan(company, anne(WEEK)))
        (stored,) = content(company)
        assert (stored.event.title, stored.event.start) == ("Ski !", date(2026, 12, 7))

    def test_a_new_policy_reaches_events_that_nobody_edited(self, company: Company) -> None:
        difference = self.plan(company, anne(WEEK, TITLED))
        assert said(difference) == [("update", "policy changed", "100/20261207A")]

    def test_a_cancelled_leave_goes_even_when_its_owner_edited_it(
        self, company: Company, owner: Owner
    ) -> None:
        owner.edit(company.only(), title="Ski !")
        assert said(self.plan(company, anne([]))) == [("remove", "cancelled", "100/20261207A")]

    def test_a_deletion_stays_deleted_as_long_as_figgo_says_the_same(
        self, company: Company, owner: Owner
    ) -> None:
        (stored,) = content(company)
        deleted = {(HOME, stored.key_text): stored.print_text}
        owner.delete(stored.id)
        difference = self.plan(company, anne(WEEK), deleted=deleted)
        assert said(difference) == []
        assert [one.reason for one in difference.skipped] == ["deleted by its owner; respected"]

    def test_a_deletion_that_only_the_look_has_changed_since_stays_deleted(
        self, company: Company, owner: Owner
    ) -> None:
        (stored,) = content(company)
        owner.delete(stored.id)
        deleted = {(HOME, stored.key_text): stored.print_text}
        assert said(self.plan(company, anne(WEEK, TITLED), deleted=deleted)) == []

    def test_a_leave_that_changed_since_its_event_was_deleted_comes_back(
        self, company: Company, owner: Owner
    ) -> None:
        (stored,) = content(company)
        owner.delete(stored.id)
        deleted = {(HOME, stored.key_text): stored.print_text}
        difference = self.plan(company, anne(days("2026-12-07", "2026-12-15")), deleted=deleted)
        assert said(difference) == [("create", "new", "100/20261207A")]

    def test_a_deletion_is_restored_where_hand_edits_are(self, company: Company, owner: Owner) -> None:
        (stored,) = content(company)
        owner.delete(stored.id)
        difference = company.plan(anne(WEEK), deleted={(HOME, stored.key_text): stored.print_text})
        assert said(difference) == [("create", "new", "100/20261207A")]

    def test_what_was_deleted_is_forgotten_with_the_ledger_and_comes_back(
        self, company: Company, owner: Owner
    ) -> None:
        owner.delete(company.only())
        assert said(self.plan(company, anne(WEEK))) == [("create", "new", "100/20261207A")]


class TestTwins:
    def test_a_twin_as_we_wrote_it_is_a_duplicate_and_goes_without_being_counted(
        self, company: Company, owner: Owner
    ) -> None:
        owner.copy(company.only())
        difference = company.plan(anne(WEEK))
        assert said(difference) == [("remove", "duplicate", "100/20261207A")]
        assert not difference.changes[0].counted

        company.apply(difference)
        assert (len(content(company)), said(company.plan(anne(WEEK)))) == (1, [])

    def test_a_copy_that_its_owner_changed_is_only_reported(self, company: Company, owner: Owner) -> None:
        owner.edit(owner.copy(company.only()), start=date(2026, 12, 14), end=date(2026, 12, 15))
        difference = company.plan(anne(WEEK))
        assert (said(difference), found(difference)) == ([], [("copied", MAIL)])

    def test_the_one_that_is_right_is_kept_and_the_dragged_original_reported(
        self, company: Company, owner: Owner
    ) -> None:
        original = company.only()
        owner.copy(original)
        owner.edit(original, start=date(2026, 12, 14), end=date(2026, 12, 15))
        difference = company.plan(anne(WEEK))
        assert (said(difference), found(difference)) == ([], [("copied", MAIL)])

    def test_of_twins_that_are_both_outdated_one_is_brought_up_to_date(
        self, company: Company, owner: Owner
    ) -> None:
        owner.copy(company.only())
        longer = anne(days("2026-12-07", "2026-12-15"))
        assert [one[:2] for one in said(company.plan(longer))] == [
            ("update", "changed in Figgo"),
            ("remove", "duplicate"),
        ]

    def test_the_one_that_is_right_is_kept_even_where_its_owner_made_it_so(
        self, company: Company, owner: Owner
    ) -> None:
        copied = owner.copy(company.only())
        owner.edit(copied, end=date(2026, 12, 16))
        company.load(anne(days("2026-12-07", "2026-12-15")))
        assert [stored.id for stored in content(company)] == [copied]

    def test_of_two_that_are_wrong_the_one_nobody_edited_is_brought_up_to_date(
        self, company: Company, owner: Owner
    ) -> None:
        original = company.only()
        copied = owner.copy(original)
        owner.edit(original, start=date(2026, 12, 1))
        difference = company.plan(anne(days("2026-12-07", "2026-12-15")))
        assert [one.existing.id for one in difference.changes if one.existing] == [copied]
        assert found(difference) == [("copied", MAIL)]

    def test_all_untouched_twins_of_a_cancelled_leave_go_and_count_as_one(
        self, company: Company, owner: Owner
    ) -> None:
        owner.copy(company.only())
        difference = company.plan(anne([]))
        assert sorted(one[1] for one in said(difference)) == ["cancelled", "duplicate"]
        assert sum(one.counted for one in difference.changes) == 1

    def test_a_changed_copy_of_a_cancelled_leave_goes_with_it(self, company: Company, owner: Owner) -> None:
        """Left alone it would be the only one, and the next plan would take it for the event itself."""
        owner.edit(owner.copy(company.only()), title="Ski !")
        difference = company.plan(anne([]))
        assert [(one.action, one.reason) for one in difference.changes] == [("remove", "cancelled")] * 2
        company.apply(difference)
        assert content(company) == []

    def test_an_event_taken_over_stands_for_no_other(self, owner: Owner, company: Company) -> None:
        """It stays as its owner wants it: a leave that grew in Figgo is not seen to cover its neighbour."""
        owner.invite(company.only(), "max.roux@corail.example")
        company.load(anne([*WEEK, *days("2026-12-14", "", 200)]))
        (removal,) = company.plan(anne(days("2026-12-07", "2026-12-14"))).changes
        assert (removal.reason, removal.counted) == ("cancelled", True)

    def test_a_duplicate_before_the_window_stays(self, company: Company, owner: Owner) -> None:
        owner.copy(company.only())
        later = Span(date(2026, 12, 14), WINDOW.last)
        assert said(company.plan(anne(WEEK), window=later)) == []


class TestTakenOver:
    @pytest.fixture(autouse=True)
    def invited(self, company: Company, owner: Owner) -> None:
        owner.invite(company.only(), "max.roux@corail.example")

    @pytest.mark.parametrize(
        "rows", [WEEK, days("2026-12-07", "2026-12-15"), []], ids=["as it was", "longer", "cancelled"]
    )
    def test_an_event_that_invites_others_is_never_touched_and_always_reported(
        self, company: Company, rows: list[Leave]
    ) -> None:
        difference = company.plan(anne(rows))
        assert (said(difference), found(difference)) == ([], [("taken-over", MAIL)])

    def test_a_recurring_event_is_its_owners_too(self, company: Company) -> None:
        shelf = company.calendar().shelves[MAIL]
        shelf.change(company.only(), guests=(), recurs=True)
        assert found(company.plan(anne([]))) == [("taken-over", MAIL)]

    def test_a_leaver_takes_it_along(self, company: Company) -> None:
        gone = anne(WEEK, who=person(ends=date(2026, 12, 1)))
        assert said(company.plan(gone, today=date(2026, 12, 24))) == []

    def test_the_rest_of_the_mailbox_goes_on(self, company: Company) -> None:
        rows = [*WEEK, *days("2026-12-21", "", 200)]
        assert said(company.plan(anne(rows))) == [("create", "new", "200/20261221A")]
