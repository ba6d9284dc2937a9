"""A plan says whom no calendar of the tenant file reaches, and whom more than one claims."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from figgo_ops.leaves import Person
from figgo_ops.tenants.coverage import coverage
from figgo_ops.tenants.routing import CalendarSettings
from tests.builders import person
from tests.rehearsal import ANTILLES, Corail

PARIS = 1
NAMES = {1: "Corail Paris", 2: "Corail Genève", 3: "Fort-de-France"}


class Own(BaseModel):
    """Keys of no provider."""


def calendar(name: str, *rules: int | str, retired: bool = False) -> CalendarSettings:
    """A calendar for these legal entities or these domains; for everyone without any."""
    entities = tuple(rule for rule in rules if isinstance(rule, int))
    domains = tuple(rule for rule in rules if isinstance(rule, str))
    return CalendarSettings(name, "google", entities, domains, Own(), retired)


def members(legal_entity: int, count: int, domain: str = "corail.example") -> list[Person]:
    """So many people of a legal entity, with mails of this domain."""
    first = 1000 * legal_entity
    return [
        person(n, f"p{n}@{domain}", legal_entity=legal_entity) for n in range(first + 1, first + 1 + count)
    ]


PEOPLE = [*members(1, 3), *members(2, 2, "corail-suisse.example"), *members(3, 12)]


def told(*calendars: CalendarSettings, people: list[Person] = PEOPLE) -> list[str]:
    return coverage(calendars, people, NAMES)


class TestNothingToSay:
    def test_one_calendar_for_everyone_has_neither_gap_nor_overlap(self) -> None:
        assert told(calendar("siège")) == []

    def test_nor_have_lists_that_share_nobody_and_leave_nobody_out(self) -> None:
        assert told(calendar("siège", 1, 3), calendar("genève", 2)) == []

    def test_nor_has_a_calendar_for_everyone_behind_the_others(self) -> None:
        assert told(calendar("genève", 2), calendar("suisse", "corail-suisse.ch"), calendar("rest")) == []

    def test_a_retired_calendar_claims_nobody_and_is_no_gap(self) -> None:
        assert (
            told(calendar("old", 1, 2, 3, retired=True), calendar("older", retired=True), calendar("new"))
            == []
        )
        assert told(calendar("old", 1, 2, retired=True), calendar("new", 1, 2, 3)) == []


class TestGaps:
    def test_a_legal_entity_that_no_calendar_reaches_is_named_and_counted(self) -> None:
        (line,) = told(calendar("siège", 1), calendar("genève", 2))
        whom = "Nobody in legal entity 3 Fort-de-France (12 people)"
        assert line == f"{whom} is reached by a calendar: nothing is shown for them."

    def test_a_legal_entity_reached_in_part_says_how_many_are_not(self) -> None:
        some = [*PEOPLE, *members(9, 1), *members(3, 13, "antilles.example")[12:]]
        calendars = calendar("siège", "corail.example"), calendar("suisse", "corail-suisse.example")
        (line,) = told(*calendars, people=some)
        whom = "1 of 13 people in legal entity 3 Fort-de-France"
        assert line == f"{whom} is reached by no calendar: nothing is shown for them."

    def test_several_come_in_the_order_of_their_numbers_whatever_the_order_of_the_people(self) -> None:
        lines = told(calendar("siège", 2), people=PEOPLE[::-1])
        assert [line.split(" (")[0] for line in lines] == [
            "Nobody in legal entity 1 Corail Paris",
            "Nobody in legal entity 3 Fort-de-France",
        ]

    def test_a_retired_calendar_fills_no_gap(self) -> None:
        (line,) = told(calendar("old", retired=True), calendar("new", 1, 2))
        assert "legal entity 3" in line

    def test_a_legal_entity_without_a_name_is_told_by_its_number(self) -> None:
        (line,) = coverage([calendar("siège", 1)], members(8, 1), {})
        assert (
            line == "Nobody in legal entity 8 (1 person) is reached by a calendar: nothing is shown for them."
        )


class TestOverlap:
    def test_a_legal_entity_in_two_lists_goes_to_the_first(self) -> None:
        (line,) = told(calendar("siège", 1, 2), calendar("genève", 2, 3))
        listed = "Legal entity 2 Corail Genève is listed for siège and genève"
        assert line == f"{listed}: siège comes first and has 2 people there."

    def test_several_shared_by_the_same_calendars_are_one_line(self) -> None:
        lines = told(calendar("a", 1, 2, 3), calendar("b", 2, 1), calendar("c", 3))
        two = "Legal entities 1 Corail Paris, 2 Corail Genève are listed for a and b"
        other = "Legal entity 3 Fort-de-France is listed for a and c"
        assert lines == [
            f"{two}: a comes first and has 5 people there.",
            f"{other}: a comes first and has 12 people there.",
        ]

    def test_three_calendars_with_one_legal_entity_are_one_line(self) -> None:
        (line,) = told(calendar("a", 1, 2, 3), calendar("b", 1), calendar("c", 1))
        assert line.startswith("Legal entity 1 Corail Paris is listed for a, b and c: a comes first")

    def test_only_people_whom_no_earlier_calendar_has_are_counted(self) -> None:
        suisse, some = calendar("suisse", "corail-suisse.example"), [*PEOPLE[3:5], *members(2, 3)[2:]]
        first, *_ = told(suisse, calendar("a", 2), calendar("b", 2), people=some)
        listed = "Legal entity 2 Corail Genève is listed for a and b"
        assert first == f"{listed}: a comes first and has 1 person there."

    def test_a_domain_in_two_lists_goes_to_the_first(self) -> None:
        both = "corail.example"
        assert told(calendar("a", both), calendar("b", both, "corail-suisse.example")) == [
            "The domain corail.example is listed for a and b: a comes first and has 15 people there."
        ]

    def test_people_claimed_by_legal_entity_and_by_domain_are_counted(self) -> None:
        (line,) = told(calendar("genève", 2), calendar("suisse", "corail-suisse.example"), calendar("rest"))
        whom = "2 people belong to genève by their legal entity and to suisse by the domain of their mail"
        assert line == f"{whom}: genève comes first."
        (line,) = told(
            calendar("suisse", "corail-suisse.example"), calendar("genève", 1, 2, 3), people=PEOPLE[3:4]
        )
        assert line == (
            "1 person belongs to suisse by the domain of their mail and to genève by their legal entity: "
            "suisse comes first."
        )

    def test_whatever_stands_behind_a_calendar_for_everyone_gets_nobody(self) -> None:
        assert told(calendar("all"), calendar("genève", 2), calendar("rest")) == [
            "genève and rest come after all, which is for everyone: nobody is routed there."
        ]
        assert told(calendar("a", 1), calendar("all"), calendar("b", 1)) == [
            "b comes after all, which is for everyone: nobody is routed there."
        ]

    def test_of_many_legal_entities_ten_are_named(self) -> None:
        many = range(1, 15)
        (line,) = told(calendar("a", *many), calendar("b", *many))
        assert "8, 9, 10 and 4 more are listed for a and b" in line


@pytest.fixture
def corail(tmp_path: Path) -> Iterator[Corail]:
    with Corail(tmp_path) as made:
        yield made


class TestInAPlan:
    def test_the_company_as_it_is_has_neither(self, corail: Corail) -> None:
        assert not [note for note in corail.plan().notes if "calendar" in note]

    def test_a_plan_for_everyone_names_the_gap_and_a_plan_for_one_person_does_not(
        self, corail: Corail
    ) -> None:
        corail.rewrite("legal_entities = [1]", "legal_entities = [99]")
        today = corail.stage.company.today
        everyone = corail.members(PARIS)
        present = [n for n in everyone if not corail.person(n).is_former(today)]
        assert len(present) < len(everyone)
        made = corail.plan()
        assert (
            f"Nobody in legal entity 1 Corail Paris ({len(present)} people) is reached by a calendar: "
            in (" ".join(made.notes))
        )
        assert not [note for note in corail.plan(present[0]).notes if "reached" in note]
        assert not {change.legal_entity for change in made.changes} & {PARIS}

    def test_whoever_the_scope_leaves_out_is_no_gap(self, corail: Corail) -> None:
        corail.rewrite("legal_entities = [3]", "legal_entities = [99]")
        with corail.file.open("a", encoding="utf-8") as file:
            file.write(f"\n[scope]\nexcept = {corail.members(ANTILLES)}\n")
        assert not [note for note in corail.plan().notes if "reached" in note]

    def test_it_names_who_wins_where_two_claim(self, corail: Corail) -> None:
        corail.rewrite("legal_entities = [2]", "legal_entities = [2, 3]")
        (note,) = (note for note in corail.plan().notes if "listed for" in note)
        listed = "Legal entity 3 Corail Antilles is listed for exchange and microsoft 365"
        assert note.startswith(f"{listed}: exchange comes first and has ")
