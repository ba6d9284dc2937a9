"""A move cut short, or half blind: however it is gone on with, nothing is doubled and nothing lost."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from figgo_ops import sync
from figgo_ops.errors import Refused
from figgo_ops.plan import Plan
from tests.moving import google_for, held, planned_move, routing, shown_at, standing
from tests.rehearsal import GENEVA, Corail

WEEK = 107


@pytest.fixture
def corail(tmp_path: Path) -> Iterator[Corail]:
    """Geneva is loaded into Exchange, and Google has mailboxes for it."""
    with Corail(tmp_path) as made:
        made.load(*made.members(GENEVA))
        google_for(made)
        yield made


def same_apply(corail: Corail, seen: Plan) -> None:
    result = corail.apply(seen)
    assert (result.failed, result.unknown, result.held, result.stale) == ([], [], [], [])


def another_move(corail: Corail, _seen: Plan) -> None:
    same_apply(corail, planned_move(corail, "google", GENEVA))


def plain_syncs(corail: Corail, _seen: Plan) -> None:
    """The nightly one, two nights: old events go once their successors were read back."""
    for _ in range(2):
        result = corail.sync(*corail.members(GENEVA))
        assert (result.failed, result.unknown, result.held, result.stale) == ([], [], [], [])


GOING_ON = [same_apply, another_move, plain_syncs]

MOMENTS: dict[str, dict[str, Any]] = {
    "the routing is written and nothing else": {"path": "*/FindItem", "value": "before"},
    "all is written and nothing removed": {"path": "*/FindItem", "value": "before", "after": "people"},
    "some are removed": {"path": "*/DeleteItem", "value": "after", "after": 4},
    "some are written": {
        "service": "google",
        "method": "POST",
        "path": "/calendar/*",
        "value": "after",
        "after": 5,
    },
}


@pytest.mark.parametrize("go_on", GOING_ON, ids=["the same apply", "another move", "plain syncs"])
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_move_that_was_killed_is_gone_on_with(
    tmp_path: Path, moment: str, go_on: Callable[[Corail, Plan], None]
) -> None:
    """In a process of its own and on the real clock, because it ends by SIGKILL."""
    with Corail(tmp_path, today=None) as corail:
        people = corail.members(GENEVA)
        corail.load(*people)
        google_for(corail)
        keys = standing(corail, "exchange", *people)
        seen = planned_move(corail, "google", GENEVA)
        fault = {"service": "exchange", **MOMENTS[moment]}
        if fault.get("after") == "people":
            fault["after"] = len({one.mailbox for one in seen.changes if one.action == "create"}) + 2
        _killed(corail, seen, fault)
        before = standing(corail, "google", *people), standing(corail, "exchange", *people)
        _check_moment(moment, before, keys)
        assert routing(corail)["exchange"] == ((), True)

        corail.clock.sleep(700)
        go_on(corail, seen)
        assert standing(corail, "google", *people) == keys
        assert standing(corail, "exchange", *people) == []
        assert corail.plan(*people, since="start").changes == ()


def _killed(corail: Corail, seen: Plan, fault: dict[str, Any]) -> None:
    corail.fault(**{"kind": "silence", **fault})
    struck = threading.Event()
    command = [sys.executable, "-m", "figgo_ops", "apply", str(seen.file), "--confirm", seen.checksum]
    surroundings = {k: v for k, v in os.environ.items() if not k.startswith("FIGGO_OPS")}
    with corail.upon(lambda entry: entry.fault == "silence", struck.set):
        child = subprocess.Popen(
            [*command, "--home", str(corail.home.path)],
            env=surroundings,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        assert struck.wait(60), "the child never came so far"
        child.kill()
        assert child.wait(20) == -signal.SIGKILL
    corail.stage.faults.clear()


def _check_moment(moment: str, stand: tuple[list[str], list[str]], keys: list[str]) -> None:
    """The kill really fell where its name says."""
    new, old = stand
    if moment == "the routing is written and nothing else":
        assert (new, old) == ([], keys)
    elif moment == "all is written and nothing removed":
        assert (new, old) == (keys, keys)
    elif moment == "some are removed":
        assert new == keys
        assert 0 < len(old) < len(keys)
    else:
        assert 0 < len(new) < len(keys)
        assert old == keys


def test_what_cannot_be_read_at_the_old_provider_is_named_and_goes_later(corail: Corail) -> None:
    people = corail.members(GENEVA)
    keys = standing(corail, "exchange", *people)
    corail.fault("exchange", "drop-before", times=None)
    seen = planned_move(corail, "google", GENEVA)
    assert (seen.count("create"), seen.count("remove"), sync.exit_of_plan(seen)) == (17, 0, 7)
    assert {row.mailbox for row in seen.unreadable} >= {f"{corail.mail(WEEK)} (exchange)"}
    result = corail.apply(seen)
    assert (result.created, result.deleted, sync.exit_of(result)) == (17, 0, 1)
    assert (standing(corail, "google", *people), standing(corail, "exchange", *people)) == (keys, keys)
    corail.stage.faults.clear()
    corail.clock.sleep(60)
    assert corail.apply(planned_move(corail, "google", GENEVA)).deleted == 17
    assert corail.plan(*people, since="start").changes == ()


def test_an_old_provider_that_comes_back_is_cleared_by_the_nightly_sync_even_without_a_ledger(
    corail: Corail,
) -> None:
    people = corail.members(GENEVA)
    for path in corail.home.path.glob("ledger.db*"):
        path.unlink()
    corail.fault("exchange", "drop-before", times=None)
    corail.apply(planned_move(corail, "google", GENEVA))
    corail.stage.faults.clear()
    corail.clock.sleep(60)
    assert corail.sync(*people).deleted == 17
    assert standing(corail, "exchange", *people) == []


def test_one_mailbox_that_cannot_be_read_any_more_keeps_its_events_and_no_other(corail: Corail) -> None:
    corail.stage.exchange.set_state(corail.mail(WEEK), "disabled")
    seen = planned_move(corail, "google", GENEVA)
    assert ([row.employee for row in seen.unreadable], sync.exit_of_plan(seen)) == ([WEEK], 1)
    result = corail.apply(seen)
    assert (result.created, result.deleted, sync.exit_of(result)) == (17, 16, 1)
    corail.stage.exchange.set_state(corail.mail(WEEK), "ok")
    assert len(held(corail, "exchange", WEEK)) == 1
    assert corail.sync(*corail.members(GENEVA)).deleted == 1


def test_without_a_ledger_the_old_mailboxes_are_found_all_the_same(corail: Corail) -> None:
    people = corail.members(GENEVA)
    for path in corail.home.path.glob("ledger.db*"):
        path.unlink()
    result = corail.apply(planned_move(corail, "google", GENEVA))
    assert (result.created, result.deleted, sync.exit_of(result)) == (17, 17, 0)
    assert standing(corail, "exchange", *people) == []


def test_a_mailbox_that_is_not_at_the_new_provider_yet_keeps_its_events(corail: Corail) -> None:
    """Absent is information; the day it is there, the nightly sync writes it."""
    corail.stage.google.set_state(corail.mail(WEEK), "unknown")
    seen = planned_move(corail, "google", GENEVA)
    assert sync.exit_of_plan(seen) == 0
    result = corail.apply(seen)
    assert (result.created, result.deleted, sync.exit_of(result)) == (16, 16, 0)
    assert shown_at(corail, "exchange", WEEK) == {WEEK: ["2027-01-04..2027-01-08"]}
    corail.stage.google.set_state(corail.mail(WEEK), "ok")
    assert corail.sync(WEEK).created == 1
    assert corail.sync(WEEK).deleted == 1


def test_a_tenant_file_that_changed_otherwise_since_the_look_is_not_written_over(corail: Corail) -> None:
    seen = planned_move(corail, "google", GENEVA)
    corail.rewrite('title = "Absent"', 'title = "Absente"')
    with pytest.raises(Refused, match="has changed since the plan was made"):
        corail.apply(seen)
    assert routing(corail)["exchange"] == ((GENEVA,), False)
