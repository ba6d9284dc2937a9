"""Killed at seeded moments, and two at once: the calendars end right all the same."""

import random
from pathlib import Path

import pytest

from tests.kills.campaign import Campaign
from tests.kills.company import Moment
from tests.kills.scene import SEED, moved, today
from tests.kills.tally import SERVICES, Size


def fought(campaign: Campaign) -> None:
    """The whole campaign; every count on the way is clean or it ends there."""
    with campaign:
        for tally in campaign.run():
            assert tally.found.clean
    print(campaign.tally)
    assert campaign.tally.kills.total() >= campaign.size.kills
    assert campaign.tally.leaves > 0


def test_after_fifty_kills_nothing_is_lost_doubled_unasked_for_or_made_anew(tmp_path: Path) -> None:
    print(f"FIGGO_OPS_KILLS_SEED={SEED}")
    campaign = Campaign(tmp_path, Size(50, 400, SEED), today())
    fought(campaign)
    tally = campaign.tally
    assert {"ledger", "time", "front"} <= tally.kills.keys()
    assert all(tally.aimed(service) for service in SERVICES)
    assert any(name.startswith("move ") for name in tally.kills)
    assert tally.moves.total() >= 4
    assert tally.migrations > 0


@pytest.mark.proof
@pytest.mark.timeout(7200)
def test_after_a_thousand_kills_over_ten_thousand_leaves_all_four_counters_are_zero(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(10**6)
    print(f"python -m tests.kills --kills 1000 --leaves 10000 --seed {seed}")
    fought(Campaign(tmp_path, Size(1000, 10_000, seed), today()))


def test_of_two_runs_at_once_the_second_one_gives_way(tmp_path: Path) -> None:
    with moved(tmp_path, SEED) as campaign:
        stage = campaign.stage
        stage.arm(Moment("google", "WRITE", 3, "after"))
        first = stage.run("sync", "corail", "--from", "start")
        assert stage.struck(first), first.end()
        second = stage.run("sync", "corail", "--from", "start").end()
        assert (second.exit, second.document["error"]["code"]) == (5, "tenant-busy")
        stage.go()
        assert first.end().exit == 0
        assert campaign.counted(campaign.people.ids).found.clean
