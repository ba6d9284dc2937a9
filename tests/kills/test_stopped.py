"""Suspended beyond its lease, stopped, or killed with a request under way: who comes next puts it right."""

import signal
import sqlite3
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

import pytest

from figgo_ops.sandbox.absences import Period
from figgo_ops.sandbox.microsoft365_batch import PATH as BATCH
from tests.kills.campaign import HALF_DONE, Campaign
from tests.kills.company import WRITES, Moment
from tests.kills.processes import Ended, Running
from tests.kills.scene import SEED, moved

HALVES = ["AM", "PM"]


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


@pytest.mark.parametrize(
    ("moment", "seed"),
    [
        (Moment("google", "WRITE", 4, "after"), 6),
        (Moment("google", "WRITE", 2, "after"), SEED),
        (Moment("google", "POST", 3, "late"), 4),
        (Moment("google", "PUT", 1, "late"), 0),
    ],
    ids=["with changes taken", "after a few", "with a creation on its way", "with an update on its way"],
)
def test_a_run_suspended_beyond_its_lease_says_so_and_leaves_alone_what_another_did_meanwhile(
    tmp_path: Path, moment: Moment, seed: int
) -> None:
    """What was on its way already may arrive late, as any network may have it; the next run repairs that."""
    with moved(tmp_path, seed) as campaign:
        everything(campaign, *campaign.people.at("google", campaign.people.ids))
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


def everything(campaign: Campaign, *owners: int) -> None:
    """Of four absences of each one is new, one shorter, one ends at midday now and one is gone."""
    mondays = [monday(campaign, week) for week in range(4)]
    periods = {owner: [entered(campaign, owner, monday) for monday in mondays[:3]] for owner in owners}
    campaign.caught_up(owners)
    for owner in owners:
        entered(campaign, owner, mondays[3])
        for period, taken in zip(periods[owner], (["AM", "PM"], ["PM"], []), strict=True):
            last = [(period.active()[-1].day, half) for half in taken]
            gone = last or [
                (leave.day, half) for leave, half in zip(period.active(), HALVES * 2, strict=True)
            ]
            campaign.people.act("remove_half_days", period_id=period.id, half_days=gone)


def monday(campaign: Campaign, week: int = 0) -> date:
    """A Monday of the time after all other absences."""
    day = campaign.people.twin.today + timedelta(days=600 + 7 * week)
    return day - timedelta(days=day.weekday())


def entered(campaign: Campaign, owner: int, first: date) -> Period:
    """Two days off."""
    days = {"first": first, "last": first + timedelta(days=1), "from_half": "AM", "to_half": "PM"}
    period = campaign.people.act("enter_by_hr", owner_id=owner, **days)
    assert isinstance(period, Period)
    return period


@pytest.mark.parametrize(
    ("moment", "left"),
    [
        (Moment("exchange", "CreateItem", 1, "after"), 3),
        (Moment("exchange", "UpdateItem", 1, "late"), 3),
        (Moment("exchange", "GetItem", 2, "after"), 2),
        (Moment("exchange", "GetItem", 3, "after"), 1),
        (Moment("microsoft365", "POST", 1, "after"), 3),
    ],
    ids=[
        "after the creation",
        "with the update on its way",
        "while days become hours",
        "before the removal",
        "after the creation through Graph",
    ],
)
def test_a_run_suspended_beyond_its_lease_leaves_the_rest_of_a_mailbox_to_whoever_took_it(
    tmp_path: Path, moment: Moment, left: int
) -> None:
    """What it had only looked at so far is not written any more either."""
    with moved(tmp_path, SEED) as campaign:
        stage, people = campaign.stage, campaign.people
        campaign.caught_up(people.ids)
        (owner, *_) = people.at(moment.service, people.ids)
        everything(campaign, owner)
        stage.arm(moment)
        first = stage.run("sync", "corail", "--from", "start", "--employee", owner)
        assert stage.struck(first), first.end()
        suspend(first, stage.home / "ledger.db")
        campaign.caught_up([owner])
        assert campaign.counted(people.ids).found.clean
        before = writes(campaign)
        stage.go()
        first.signal(signal.SIGCONT)
        resumed = first.end()
        assert writes(campaign) - before == (moment.how == "late")
        assert (resumed.exit, len(resumed.document["failed"] + resumed.document["held"])) == (1, left), (
            resumed
        )
        assert campaign.counted(people.ids).found.clean


def writes(campaign: Campaign) -> int:
    """How many requests to Exchange or Microsoft 365 have changed a calendar, or tried to."""
    paths = [entry["path"] for entry in campaign.control.ask("GET", "/log")["entries"]]
    return sum(path.endswith((*WRITES, "/POST", "/PATCH", "/DELETE")) or path == BATCH for path in paths)


@pytest.mark.parametrize(
    ("stop", "code", "moment"),
    [
        (signal.SIGTERM, 143, Moment("exchange", "CreateItem", 1, "late")),
        (signal.SIGINT, 130, Moment("exchange", "CreateItem", 1, "after")),
        (signal.SIGINT, 130, Moment("exchange", "UpdateItem", 1, "late")),
        (signal.SIGTERM, 143, Moment("microsoft365", "POST", 1, "amid")),
    ],
    ids=[
        "SIGTERM, a creation on its way",
        "Ctrl-C, a creation unanswered",
        "Ctrl-C, an update on its way",
        "SIGTERM, half a batch done",
    ],
)
def test_a_run_stopped_while_its_calendar_is_silent_leaves_nothing_that_the_next_ones_do_not_settle(
    tmp_path: Path, stop: signal.Signals, code: int, moment: Moment
) -> None:
    """What nobody could tell is recorded so; what arrives within ten minutes is found and not made twice."""
    with moved(tmp_path, 1) as campaign:
        stage, everyone = campaign.stage, campaign.people.ids
        stage.arm(moment)
        first = stage.run("sync", "corail", "--from", "start")
        assert stage.struck(first), first.end()
        first.signal(stop)
        assert first.end().exit == code
        assert statuses(stage.home / "ledger.db") <= {"done", "failed", "unknown"}
        second = stage.run("sync", "corail", "--from", "start").end()
        assert second.exit in HALF_DONE, second
        assert campaign.look(everyone).duplicated == ()
        stage.go()
        campaign.caught_up(everyone)
        assert campaign.counted(everyone).found.clean


@pytest.mark.parametrize(("service", "code"), [("google", 0), ("exchange", 3), ("microsoft365", 3)])
def test_what_a_killed_run_has_still_under_way_is_not_made_a_second_time(
    tmp_path: Path, service: str, code: int
) -> None:
    """Google knows it when it sees it again; elsewhere nothing is created there for ten minutes."""
    with moved(tmp_path, SEED) as campaign:
        stage, people = campaign.stage, campaign.people
        campaign.caught_up(people.ids)
        (owner, *_) = people.at(service, people.ids)
        entered(campaign, owner, monday(campaign))
        words = ("sync", "corail", "--from", "start", "--employee", owner)
        stage.arm(Moment(service, "WRITE", 1, "late"))
        first = stage.run(*words)
        assert stage.struck(first), first.end()
        first.signal(signal.SIGKILL)
        assert first.end().exit == -signal.SIGKILL
        stage.pass_time(120)
        second = stage.run(*words).end()
        assert second.exit == code, second
        assert ["still unknown" in row["error"] for row in second.document["held"]] == [True] * (code // 3)
        stage.go()
        third = stage.run(*words).end()
        assert (third.exit, third.document["created"]) == (0, 0), "seen, and so waited for no longer"
        assert campaign.counted(people.ids).found.clean


def statuses(ledger: Path) -> set[str]:
    """What the ledger says became of all changes so far."""
    with closing(sqlite3.connect(ledger)) as opened:
        return {status for (status,) in opened.execute("SELECT status FROM changes")}
