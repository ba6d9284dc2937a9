"""Removals are counted before they happen, each key once, per tenant and per legal entity."""

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from figgo_ops.limits import Excess, Limits, counted, excesses, held_by, wordless

LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Row:
    """As much of a change as counting needs."""

    key: str
    legal_entity: int = 1
    unit: int = 0
    action: str = "remove"
    reason: str = "cancelled"
    counted: bool = True


def removals(count: int, legal_entity: int = 1, start: int = 0) -> list[Row]:
    return [Row(f"key {n}", legal_entity, n) for n in range(start, start + count)]


def over(
    rows: Iterable[Row],
    listed: Mapping[int, int],
    recent: Mapping[int, Iterable[str]] | None = None,
    limits: Limits = LIMITS,
) -> list[Excess]:
    return excesses(rows, recent or {}, listed, limits)


class TestOnePlan:
    def test_ten_removals_always_go(self) -> None:
        """Somebody cancels a year of half-days in a company of one: that is no catastrophe."""
        assert over(removals(10), {1: 10}) == []

    def test_the_eleventh_removal_is_too_many_where_there_are_few_events(self) -> None:
        assert over(removals(11), {1: 20}) == [Excess(1, 11, 0, 20), Excess(None, 11, 0, 20)]

    def test_up_to_three_in_ten_events_may_go_and_not_one_more(self) -> None:
        assert over(removals(30), {1: 100}) == []
        assert over(removals(31), {1: 100}) != []

    def test_a_small_legal_entity_is_not_hidden_by_a_large_company(self) -> None:
        assert over(removals(20, legal_entity=2), {1: 1000, 2: 40}) == [Excess(2, 20, 0, 40)]

    def test_many_small_shares_can_be_too_much_for_the_tenant(self) -> None:
        rows = removals(10, 1) + removals(10, 2, 10)
        assert over(rows, {1: 20, 2: 20}) == [Excess(None, 20, 0, 40)]

    def test_a_replacement_or_a_duplicate_does_not_count(self) -> None:
        rows = [Row(f"key {n}", counted=False, reason="replacement") for n in range(50)]
        assert over(rows, {1: 50}) == []
        assert counted(rows) == 0

    def test_one_key_at_several_places_counts_once(self) -> None:
        rows = removals(10) + removals(10)
        assert over(rows, {1: 20}) == []
        assert counted(rows) == 10

    def test_a_legal_entity_never_listed_has_no_events_to_spare(self) -> None:
        assert over(removals(11, legal_entity=3), {1: 100}) == [Excess(3, 11, 0, 0)]

    def test_a_plan_without_removals_is_never_too_much(self) -> None:
        recent = {1: [f"old {n}" for n in range(90)]}
        assert over([Row("key", action="create", reason="new", counted=False)], {1: 100}, recent) == []

    def test_the_limits_are_the_tenants(self) -> None:
        assert over(removals(3), {1: 10}, limits=Limits(0.2, 2)) != []
        assert over(removals(2), {1: 10}, limits=Limits(0.0, 2)) == []
        assert over(removals(1), {1: 10}, limits=Limits(0.0, 0)) != []


class TestADay:
    def test_what_earlier_runs_removed_counts_too(self) -> None:
        """A fault that empties the source a little at a time must not slip below the limit."""
        assert over(removals(6), {1: 20}, {1: [f"old {n}" for n in range(5)]}) == [
            Excess(1, 6, 5, 20),
            Excess(None, 6, 5, 20),
        ]

    def test_a_key_removed_before_and_planned_again_counts_once(self) -> None:
        assert over(removals(10), {1: 20}, {1: [f"key {n}" for n in range(10)]}) == []

    def test_earlier_removals_of_one_legal_entity_count_for_the_tenant_alone_in_another(self) -> None:
        recent = {2: [f"old {n}" for n in range(10)]}
        assert over(removals(10, 1), {1: 20, 2: 20}, recent) == [Excess(None, 10, 10, 40)]

    def test_a_key_removed_in_one_legal_entity_and_planned_in_another_counts_once_for_the_tenant(
        self,
    ) -> None:
        """Its person was transferred in between."""
        assert over(removals(10, 2), {1: 20, 2: 20}, {1: [f"key {n}" for n in range(10)]}) == []


class TestUnits:
    def test_every_unit_with_a_counted_removal_in_the_slice_is_held(self) -> None:
        rows = [*removals(12), *removals(2, 2, 20)]
        assert held_by(rows, [Excess(1, 12, 0, 20)]) == set(range(12))

    def test_a_tenant_over_its_limit_holds_counted_removals_everywhere(self) -> None:
        rows = [*removals(2, 1), *removals(2, 2, 20)]
        assert held_by(rows, [Excess(None, 4, 0, 4)]) == {0, 1, 20, 21}

    def test_creations_updates_and_replacements_elsewhere_go_on(self) -> None:
        rows = [
            Row("a", unit=1),
            Row("b", unit=2, action="create", reason="new", counted=False),
            Row("c", unit=3, counted=False, reason="replacement"),
        ]
        assert held_by(rows, [Excess(None, 1, 0, 1)]) == {1}

    def test_a_creation_in_the_unit_of_a_held_removal_is_held_with_it(self) -> None:
        rows = [Row("a", unit=1), Row("b", unit=1, action="create", reason="new", counted=False)]
        assert held_by(rows, [Excess(1, 1, 0, 1)]) == {1}

    def test_nothing_is_held_where_nothing_is_too_much(self) -> None:
        assert held_by(removals(5), []) == set()

    def test_the_order_of_the_changes_does_not_matter(self) -> None:
        rows = removals(12) + removals(12, 2, 12)
        mixed = random.Random(5).sample(rows, len(rows))
        assert over(mixed, {1: 20, 2: 20}) == over(rows, {1: 20, 2: 20})


class TestWord:
    def test_removals_that_come_from_the_tenant_file_need_a_persons_word(self) -> None:
        rows = [
            Row("a", unit=1, reason="policy changed"),
            Row("b", unit=2, reason="out of scope"),
            Row("c", unit=3, reason="cancelled"),
            Row("d", unit=4, reason="person left"),
        ]
        assert wordless(rows) == {1, 2}

    def test_an_update_by_policy_needs_no_word(self) -> None:
        assert wordless([Row("a", unit=1, action="update", reason="policy changed", counted=False)]) == set()
