"""People are resolved to mailboxes, and each mailbox to the one person whose events belong in it."""

import random
from collections.abc import Iterable, Mapping
from datetime import date

import pytest

from figgo_ops.errors import UsageError
from figgo_ops.leaves import Person
from figgo_ops.plan import Mailbox
from figgo_ops.roster import Roster, chosen, roster
from tests.builders import ANNE, TODAY, ZOE, person

MAIL = "anne.lefevre@corail.example"
HOME = Mailbox("memory", MAIL)
OLD = Mailbox("memory", "anne.martin@corail.example")
ENTITIES = {1: "Corail Paris", 2: "Corail Lyon"}


def everyone(
    *people: Person,
    places: Mapping[int, frozenset[Mailbox]] | None = None,
    outside: Iterable[int] = (),
    today: date = TODAY,
) -> Roster:
    """A company with one calendar, some of its people out of scope."""
    out = set(outside)
    return roster(people, lambda who: None if who.id in out else "memory", places or {}, today, ENTITIES)


def skipped(found: Roster) -> list[tuple[int, str]]:
    return [(one.employee, one.reason) for one in found.skipped]


class TestHomes:
    def test_a_person_with_a_mail_has_a_mailbox_and_owns_it(self) -> None:
        found = everyone(ANNE)
        assert (found.homes, found.owner, found.skipped) == ({1: HOME}, {HOME: 1}, ())

    def test_somebody_without_a_mail_is_skipped_with_the_reason(self) -> None:
        found = everyone(person(mail=None))
        assert found.homes == {}
        assert skipped(found) == [(1, "Figgo holds no usable mail address")]

    def test_nobody_hears_about_leavers_and_outsiders_without_a_mail(self) -> None:
        gone = person(1, None, ends=date(2026, 6, 30))
        assert everyone(gone, person(2, None), outside=[2]).skipped == ()

    def test_somebody_out_of_scope_has_no_mailbox_and_is_no_mistake(self) -> None:
        found = everyone(ANNE, outside=[1])
        assert (found.homes, found.out_of_scope, found.skipped) == ({}, frozenset({1}), ())

    def test_the_order_of_the_people_does_not_matter(self) -> None:
        people = [person(n, f"p{n % 7}@corail.example") for n in range(1, 20)]
        assert everyone(*random.Random(2).sample(people, len(people))) == everyone(*people)


class TestOtherHomes:
    ELSEWHERE = Mailbox("cloud", MAIL)

    def test_a_person_has_another_home_and_owns_it_with_all_who_live_there(self) -> None:
        before = person(1, ends=date(2026, 3, 31))
        again = person(9, starts=date(2026, 9, 1))
        places = {1: frozenset({self.ELSEWHERE})}
        found = everyone(before, again, ZOE, places=places).with_homes({9: self.ELSEWHERE})
        assert (found.homes[9], found.homes[1], found.homes[ZOE.id]) == (
            self.ELSEWHERE,
            HOME,
            Mailbox("memory", str(ZOE.mail)),
        )
        assert found.owner == {self.ELSEWHERE: 9, Mailbox("memory", str(ZOE.mail)): ZOE.id}
        assert found.closure([9]) == {1, 9}
        assert found.mailboxes(9) == {self.ELSEWHERE}

    def test_whoever_has_another_mail_or_no_mailbox_stays_as_they_are(self) -> None:
        found = everyone(ANNE, ZOE, outside=[ZOE.id])
        other = Mailbox("cloud", "anne.martin@corail.example")
        assert found.with_homes({1: other, ZOE.id: Mailbox("cloud", str(ZOE.mail)), 99: other}) == found


class TestSharedMailboxes:
    def test_two_employed_people_with_one_mailbox_are_both_skipped(self) -> None:
        found = everyone(person(1), person(2))
        assert found.owner == {}
        reason = f"employees 1, 2 share the mailbox {MAIL}"
        assert skipped(found) == [(1, reason), (2, reason)]

    def test_a_mailbox_shared_with_somebody_out_of_scope_belongs_to_the_other(self) -> None:
        found = everyone(person(1), person(2), outside=[2])
        assert (found.owner, found.skipped) == ({HOME: 1}, ())

    def test_a_rehired_person_owns_the_mailbox_under_the_new_id(self) -> None:
        before = person(1, starts=date(2020, 1, 1), ends=date(2026, 3, 31))
        again = person(9, starts=date(2026, 9, 1))
        assert everyone(before, again).owner == {HOME: 9}

    def test_the_employed_person_owns_it_while_a_successor_is_only_announced(self) -> None:
        now = person(1, ends=date(2026, 12, 31))
        later = person(9, starts=date(2027, 1, 1))
        assert everyone(now, later).owner == {HOME: 1}
        assert everyone(now, later, today=date(2027, 1, 1)).owner == {HOME: 9}

    def test_an_announced_person_owns_the_mailbox_of_somebody_who_left(self) -> None:
        gone, coming = person(1, ends=date(2026, 10, 31)), person(9, starts=date(2027, 1, 1))
        assert everyone(gone, coming).owner == {HOME: 9}

    def test_of_two_who_left_the_later_leaver_owns_it(self) -> None:
        first, second = person(1, ends=date(2026, 10, 31)), person(2, ends=date(2026, 3, 31))
        assert everyone(first, second).owner == {HOME: 1}

    def test_two_people_announced_for_one_mailbox_are_both_skipped(self) -> None:
        first, second = (person(n, starts=date(2027, 1, 1)) for n in (1, 2))
        assert [one.employee for one in everyone(first, second).skipped] == [1, 2]

    def test_two_employed_people_with_one_mail_in_two_calendars_are_both_skipped(self) -> None:
        here, there = person(1), person(2, legal_entity=2)
        found = roster([here, there], lambda who: f"calendar {who.legal_entity}", {}, TODAY, ENTITIES)
        reason = f"employees 1, 2 share the mailbox {MAIL}"
        assert (found.owner, skipped(found)) == ({}, [(1, reason), (2, reason)])

    def test_the_last_day_of_a_contract_still_counts_as_employed(self) -> None:
        last_day = person(1, ends=TODAY)
        assert [one.employee for one in everyone(last_day, person(2)).skipped] == [1, 2]


class TestClosure:
    """The unit of planning is the mailbox."""

    def test_choosing_a_person_chooses_everyone_who_resolves_to_their_mailbox(self) -> None:
        before, again = person(1, ends=date(2026, 3, 31)), person(9)
        assert everyone(before, again, ZOE).closure([1]) == {1, 9}

    def test_places_link_people_too_and_links_are_followed_to_the_end(self) -> None:
        places = {1: frozenset({OLD}), 2: frozenset({OLD, Mailbox("memory", "x@corail.example")})}
        third = person(3, "x@corail.example")
        assert everyone(ANNE, ZOE, third, person(4, "y@corail.example"), places=places).closure([1]) == {
            1,
            2,
            3,
        }

    def test_people_who_share_a_mailbox_are_left_out_even_when_asked_for(self) -> None:
        assert everyone(person(1), person(2), ZOE_3).closure([1, 3]) == {3}

    def test_people_who_share_a_mailbox_are_not_drawn_in_by_somebody_who_once_had_it(self) -> None:
        places = {3: frozenset({HOME})}
        assert everyone(person(1), person(2), ZOE_3, places=places).closure([3]) == {3}

    def test_nobody_chosen_is_nobody_planned(self) -> None:
        assert everyone(ANNE).closure([]) == frozenset()

    def test_a_mailbox_of_somebody_is_their_home_and_all_their_places(self) -> None:
        found = everyone(ANNE, places={1: frozenset({OLD})})
        assert found.mailboxes(1) == {HOME, OLD}
        assert everyone(ANNE, places={1: frozenset({OLD})}, outside=[1]).mailboxes(1) == {OLD}


ZOE_3 = person(3, ZOE.mail)


class TestChoosing:
    PEOPLE = everyone(
        person(1, number="A-17"),
        person(2, ZOE.mail, number="1", legal_entity=2),
        person(3, "jose.nunez@corail.example", number="B-2", legal_entity=2),
        person(4, "max.roux@corail.example", number="B-2"),
    )

    def test_everyone_is_chosen_where_nobody_is_named(self) -> None:
        assert chosen(self.PEOPLE, [], []) is None

    @pytest.mark.parametrize("name", ["3", " jose.nunez@corail.example ", "Jose.Nunez@Corail.Example"])
    def test_an_employee_is_named_by_id_or_mail(self, name: str) -> None:
        assert chosen(self.PEOPLE, [name], []) == frozenset({3})

    def test_an_employee_is_named_by_number_in_either_case(self) -> None:
        assert chosen(self.PEOPLE, ["a-17"], []) == frozenset({1})

    def test_an_id_comes_before_somebody_elses_number(self) -> None:
        assert chosen(self.PEOPLE, ["1"], []) == frozenset({1})

    def test_a_number_that_two_people_have_names_nobody(self) -> None:
        with pytest.raises(UsageError, match="names 2 people") as caught:
            chosen(self.PEOPLE, ["B-2"], [])
        assert "one of 3, 4" in caught.value.remedy

    def test_a_name_that_nobody_has_is_a_mistake(self) -> None:
        with pytest.raises(UsageError, match="'anne'"):
            chosen(self.PEOPLE, ["anne"], [])

    def test_an_empty_name_names_nobody(self) -> None:
        with pytest.raises(UsageError):
            chosen(everyone(ANNE, person(2, ZOE.mail, number="7")), [""], [])

    def test_a_legal_entity_means_all_its_people(self) -> None:
        assert chosen(self.PEOPLE, [], [2]) == frozenset({2, 3})
        assert chosen(self.PEOPLE, [], [1, 2]) == frozenset({1, 2, 3, 4})

    def test_employees_and_a_legal_entity_together_mean_those_in_both(self) -> None:
        assert chosen(self.PEOPLE, ["1", "3"], [2]) == frozenset({3})

    def test_employees_and_two_legal_entities_mean_those_in_either_of_the_two(self) -> None:
        assert chosen(self.PEOPLE, ["1", "3"], [1, 2]) == frozenset({1, 3})

    def test_a_legal_entity_of_nobody_is_a_mistake_and_the_known_ones_are_named(self) -> None:
        with pytest.raises(UsageError, match="Legal entity 8") as caught:
            chosen(self.PEOPLE, [], [8])
        assert "1 Corail Paris, 2 Corail Lyon" in caught.value.remedy
