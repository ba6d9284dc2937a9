"""Killed at seeded moments, suspended beyond its lease, two at once: the calendars end right all the same."""

import os
import random
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from tests.kills.campaign import Campaign, Size
from tests.kills.company import Moment
from tests.kills.processes import Ended, Running

SEED = int(os.environ.get("FIGGO_OPS_KILLS_SEED", "2026"))


def today() -> date:
    """The real day: other processes go by the real clock."""
    return datetime.now(UTC).date()


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
    assert {"write", "read", "ledger", "time", "front"} == set(campaign.tally.kills)


@pytest.mark.proof
@pytest.mark.timeout(7200)
def test_after_a_thousand_kills_over_ten_thousand_leaves_all_four_counters_are_zero(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(10**6)
    print(f"python -m tests.kills --kills 1000 --leaves 10000 --seed {seed}")
    fought(Campaign(tmp_path, Size(1000, 10_000, seed), today()))


@contextmanager
def moved(folder: Path, seed: int) -> Iterator[Campaign]:
    """Six people, their calendars filled, and then everybody moved."""
    with Campaign(folder, Size(0, 120, seed, loading=0), today()) as made:
        made.load()
        for _ in range(3):
            made.people.move(made.people.ids)
        yield made


def suspend(running: Running, ledger: Path) -> None:
    """Stop it outside of its ledger's transactions: SQLite would keep every other process out with it."""
    while True:
        running.signal(signal.SIGSTOP)
        with closing(sqlite3.connect(ledger, timeout=0, isolation_level=None)) as tried:
            try:
                tried.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                running.signal(signal.SIGCONT)
                tried.execute("PRAGMA busy_timeout = 60000")
                tried.execute("BEGIN IMMEDIATE")
            else:
                return


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


@pytest.mark.parametrize(
    ("moment", "seed"),
    [
        (Moment("google", "WRITE", 7, "after"), 0),
        (Moment("google", "WRITE", 2, "after"), SEED),
        (Moment("google", "POST", 5, "late"), 4),
        (Moment("google", "PUT", 1, "late"), 0),
    ],
    ids=["with changes taken", "after a few", "with a creation on its way", "with an update on its way"],
)
def test_a_run_suspended_beyond_its_lease_says_so_and_leaves_alone_what_another_did_meanwhile(
    tmp_path: Path, moment: Moment, seed: int
) -> None:
    """What was on its way already may arrive late, as any network may have it; the next run repairs that."""
    with moved(tmp_path, seed) as campaign:
        resumed = resumed_too_late(campaign, moment)
        rows = resumed.document["failed"]
        assert resumed.exit in (1, 3), resumed
        assert rows, resumed
        assert all(row["mailbox"] in row["error"] or "run again" in row["error"] for row in rows), rows
        assert [row["key"] for row in rows if row["error"].startswith("the lease ended")], rows
        found = campaign.look(campaign.people.ids)
        assert (found.lost, found.duplicated, found.recreated) == ((), (), ())
        assert len(found.unexpected) <= (moment.how == "late")
        campaign.caught_up(campaign.people.ids)
        assert campaign.counted(campaign.people.ids).found.clean


def resumed_too_late(campaign: Campaign, moment: Moment) -> Ended:
    """Suspend a run at this moment, let people move and another run finish; how the first one ends."""
    stage, everyone = campaign.stage, campaign.people.ids
    stage.arm(moment)
    first = stage.run("sync", "corail", "--from", "start")
    assert stage.struck(first), first.end()
    suspend(first, stage.home / "ledger.db")
    if moment.how == "after":
        stage.go()
    stage.pass_time(120)
    for _ in range(3):
        campaign.people.move(everyone)
    campaign.caught_up(everyone)
    assert campaign.counted(everyone).found.clean
    stage.go()
    first.signal(signal.SIGCONT)
    return first.end()
