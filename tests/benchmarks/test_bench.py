"""The benchmark's own arithmetic: ratios, verdicts and floors are what they say they are."""

import math
import tomllib
from pathlib import Path

import pytest

from figgo_ops import tenants
from figgo_ops.home import Home
from figgo_ops.sandbox.people import LEGAL_ENTITIES
from tests.benchmarks.connect import creations
from tests.benchmarks.figures import (
    Figure,
    best,
    broken,
    busiest,
    floor,
    in_flight,
    inside,
    per_doubling,
    ratio,
    used,
)
from tests.benchmarks.fleets import copies
from tests.benchmarks.microsoft365_calls import load
from tests.benchmarks.microsoft365_clients import Bare, Ours
from tests.benchmarks.microsoft365_speed import floor as floor_of_batches
from tests.benchmarks.processes import stand_in
from tests.benchmarks.rehearsed import Company, prepare
from tests.benchmarks.turns import fills


def test_a_bar_is_kept_up_to_and_including_itself() -> None:
    assert Figure("calls", 1.05, 1.05).verdict == "ok"
    assert Figure("calls", 1.06, 1.05).verdict == "BROKEN"


def test_a_least_bar_is_broken_from_below() -> None:
    assert Figure("share", 0.95, 0.95, least=True).verdict == "ok"
    assert Figure("share", 0.94, 0.95, least=True).verdict == "BROKEN"


@pytest.mark.parametrize("least", [True, False])
def test_a_number_that_is_none_breaks_its_bar(least: bool) -> None:
    assert not Figure("calls", math.nan, 1, least=least).kept


def test_information_breaks_nothing_and_only_broken_bars_are_told() -> None:
    bad, good, told = Figure("a", 2, 1), Figure("b", 1, 1), Figure("c", 99)
    assert broken([bad, good, told]) == [bad]
    assert told.verdict == "info"


def test_a_line_tells_figure_bar_and_verdict() -> None:
    line = Figure("CPU per event", 1.5, 1.2, raw="3 ms over 2 ms").line()
    assert " ".join(line.split()) == "BROKEN CPU per event 1.500 x bar <= 1.2 3 ms over 2 ms"


def test_a_ratio_compares_medians_so_that_one_disturbed_round_does_not_count() -> None:
    assert ratio([1, 1, 50], [2, 2, 2]) == 0.5


def test_the_best_of_several_rounds_is_compared_with_the_best() -> None:
    assert best([3, 1, 50], [2, 4]) == 0.5


def test_requests_in_flight_go_in_waves_and_a_mailboxs_steps_one_after_the_other() -> None:
    assert in_flight(1, 3, 8, 0.2) == pytest.approx(0.6)
    assert in_flight(8, 1, 8, 0.2) == pytest.approx(0.2)
    assert in_flight(9, 2, 8, 0.2) == pytest.approx(0.8)
    assert in_flight(0, 1, 8, 0.2) == 0


def test_growth_is_told_per_doubling_whatever_the_steps() -> None:
    assert per_doubling([250, 500, 1000], [1, 2, 4]) == pytest.approx([2, 2])
    assert per_doubling([1, 8], [1, 64]) == pytest.approx([4])


def test_the_floor_of_few_mailboxes_is_one_call_after_the_other() -> None:
    assert floor(1, 25, 0.2) == floor(10, 25, 0.2) == pytest.approx(27 * 0.2)


def test_the_floor_of_many_mailboxes_is_the_projects_quota() -> None:
    assert floor(100, 12, 0.2) == pytest.approx(1300 / (10_000 / 60))


def test_the_floor_of_one_fast_mailbox_is_its_users_quota() -> None:
    assert floor(1, 99, 0.01) == pytest.approx(10)


def test_the_floor_of_few_mailboxes_in_batches_is_four_at_a_time_in_each() -> None:
    assert floor_of_batches(1, 20, 0.2) == floor_of_batches(10, 20, 0.2) == pytest.approx(1)
    assert floor_of_batches(1, 21, 0.2) == pytest.approx(1.2)


def test_the_floor_of_many_mailboxes_in_batches_is_what_is_in_flight() -> None:
    assert floor_of_batches(100, 20, 0.2) == pytest.approx(5)


def test_what_is_used_is_counted_over_the_time_it_took() -> None:
    assert used([0, 6, 12, 18, 24, 30], 10) == pytest.approx(1)
    assert used([30, 0, 20, 10], 10) == pytest.approx(0.6)


def test_the_busiest_minute_is_found_wherever_it_begins() -> None:
    assert busiest([0, 30, 59, 61, 62, 63]) == 5
    assert busiest([0, 60, 120]) == 1


def test_a_call_inside_a_pause_is_counted_and_one_under_way_is_not() -> None:
    assert inside([10], [10, 10.3, 12, 17.9, 18, 30], asked=8, grace=0.4) == 2


def test_every_event_of_a_load_is_one_of_its_own() -> None:
    made = [str(change.key) for change in creations(3, 4)] + [str(c.key) for c in creations(3, 4, 5)]
    assert len(set(made)) == 24


def test_no_two_turns_write_the_same_events() -> None:
    orders = list(fills(3, 2, 4))
    made = [str(one.key) for order in orders for one in creations(2, order["events"], order["first"])]
    assert len(set(made)) == len(made) == sum(order["due"] for order in orders)


def test_events_go_to_the_mailboxes_that_are_named() -> None:
    made = list(creations(2, 1, zone="Europe/Paris", address=["a@x.example", "b@x.example"].__getitem__))
    assert [one.mailbox.address for one in made] == ["a@x.example", "b@x.example"]
    assert {one.shown.zone for one in made} == {"Europe/Paris"}


@pytest.mark.parametrize("kind", ["google", "exchange", "microsoft365"])
def test_a_company_can_be_put_on_one_calendar(tmp_path: Path, kind: str) -> None:
    prepare(tmp_path, kind, "# more\n")
    [calendar] = tomllib.loads((tmp_path / "tenants" / "corail.toml").read_text())["calendar"]
    assert (calendar["kind"], calendar["legal_entities"]) == (kind, [one.id for one in LEGAL_ENTITIES])


def test_the_stand_in_tells_what_batches_held(tmp_path: Path) -> None:
    with stand_in(tmp_path, 3, kind="microsoft365") as stand:
        load(stand, 3, 2)
        told = stand.ask("items")
    assert told["methods"] == {"GET": 3, "POST": 6}
    assert 1 <= told["most"] <= 2
    assert told["early"] == []


def test_plain_batches_create_and_list_as_many_events_as_ours(tmp_path: Path) -> None:
    with stand_in(tmp_path, 21, kind="microsoft365") as stand:
        clients: list[Ours | Bare] = [Ours(stand.ready, 2), Bare(stand.ready, 2)]
        address = stand.ready["mails"].__getitem__
        for turn, client in enumerate(clients):
            made = list(creations(21, 2, 1 + 2 * turn, zone="Europe/Paris", address=address))
            assert client.filled(made)() == 42
        assert [client.listed() for client in clients] == [84, 84]
        for client in clients:
            client.close()


def test_a_fleet_is_made_of_tenants_that_differ_in_nothing_but_their_names(tmp_path: Path) -> None:
    prepare(tmp_path, "google", "")
    company = Company(tmp_path, "", {}, "")
    names = copies(company, 3)
    home = Home.open(str(tmp_path))
    assert tenants.names(home) == names == ["tenant-001", "tenant-002", "tenant-003"]
    made = [tenants.load(home, name) for name in names]
    assert {one.state for one in made} == {"active"}
    assert len({one.policy_digest() for one in made}) == 1
