"""How fast Microsoft 365 is asked, what is waited for, and who keeps whom from going on."""

import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from figgo_ops import workers
from figgo_ops.calendars import _microsoft365_wire as wire
from figgo_ops.errors import RowFailed, Unreachable
from figgo_ops.plan import Change, Outcome
from figgo_ops.sandbox.messages import Request
from tests.calendars.contract import (
    ANNE,
    DAY,
    MONDAY,
    ZOE,
    all_day,
    creation,
    removal,
    update,
    written,
)
from tests.calendars.crowds import batches, crowd, days, pressed, read
from tests.calendars.stage_microsoft365 import Microsoft365Stage


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Microsoft365Stage]:
    stage = Microsoft365Stage(tmp_path)
    yield stage
    stage.close()


def many(stage: Microsoft365Stage, mailboxes: int, each: int) -> list[Change]:
    """So many creations in each of so many mailboxes."""
    stage.graph.check = False
    return [change for mail in crowd(stage, mailboxes) for change in days(stage, mail, each)]


def once(stage: Microsoft365Stage, changes: list[Change], outcomes: list[Outcome]) -> None:
    """Everything was done, once, within what Graph allows."""
    assert Counter(one.status for one in outcomes) == {"done": len(changes)}
    there = Counter(
        (change.mailbox.address, str(change.key)) for change in changes if change.action == "create"
    )
    assert there == Counter(
        (mail, item["properties"]["FiggoOpsKey"])
        for mail in stage.graph.mails()
        for item in stage.graph.content(mail)
    )
    assert max(stage.graph.gate.most.values()) <= 4


def on_time(stage: Microsoft365Stage, *pauses: float) -> None:
    """Nothing came inside a Retry-After, except what was on its way already when the pause began.

    The clock moves only while nobody is asked, so that what was on its way comes with the pause still whole.
    """
    assert {early for _, early in stage.graph.gate.too_early} <= set(pauses)


@contextmanager
def watched(stage: Microsoft365Stage) -> Iterator[list[float]]:
    """When each batch arrives, in seconds slept so far."""
    arrivals: list[float] = []
    arrive = stage.graph.arrive

    def noted(request: Request) -> None:
        if request.principal:
            arrivals.append(stage.clock.slept)
        arrive(request)

    stage.graph.arrive = noted  # type: ignore[method-assign]
    yield arrivals
    del stage.graph.arrive


def later(seconds: str = "40", status: int = 429) -> dict[str, Any]:
    """What Graph says of a batch as a whole when it wants patience."""
    return {"status": status, "headers": {"Retry-After": seconds}}


@pytest.mark.parametrize(("threads", "most"), [(1, 100), (8, 120), (20, 105)])
def test_two_thousand_creations_in_a_hundred_mailboxes_cost_about_a_hundred_requests(
    stage: Microsoft365Stage, threads: int, most: int
) -> None:
    changes = many(stage, 100, 20)
    outcomes = list(stage.connect(threads=threads).write(changes))
    once(stage, changes, outcomes)
    on_time(stage)
    assert len(batches(stage)) <= most
    assert stage.clock.slept == 0


TROUBLES: dict[str, dict[str, Any]] = {
    "items refused for their pace": {
        "item_errors": {"status": 429, "code": "ApplicationThrottled", "retry_after": 7, "every": 40}
    },
    "items refused without a time": {"item_errors": {"status": 429, "every": 40}},
    "items out of order": {
        "item_errors": {"method": "POST", "status": 503, "retry_after": 11, "every": 11, "times": 2}
    },
    "items out of order after the work": {
        "item_errors": {"method": "POST", "status": 503, "retry_after": 11, "every": 11, "commit": True}
    },
    "a small quota": {"quota": 6, "quota_seconds": 60},
    "two at once": {"concurrency": 2},
}


@pytest.mark.parametrize("threads", [1, 20])
@pytest.mark.parametrize("trouble", TROUBLES)
def test_what_graph_refuses_for_a_while_is_sent_again_after_it_and_written_once(
    stage: Microsoft365Stage, trouble: str, threads: int
) -> None:
    changes = many(stage, 30, 12)
    for name, value in TROUBLES[trouble].items():
        stage.graph.switch(name, value)
    once(stage, changes, list(stage.connect(threads=threads).write(changes)))
    on_time(stage, *((5, 7, 11, 60) if threads > 1 else ()))


@pytest.mark.parametrize("threads", [1, 20])
@pytest.mark.parametrize("kind", ["status", "status-after"])
@pytest.mark.parametrize("status", [429, 503])
def test_batches_refused_as_a_whole_are_sent_again_after_the_pause(
    stage: Microsoft365Stage, status: int, kind: str, threads: int
) -> None:
    changes = many(stage, 30, 12)
    for after in (0, 4, 9):
        stage.fault(kind, path="*/POST", after=after, value=later("30", status))
    once(stage, changes, list(stage.connect(threads=threads).write(changes)))
    on_time(stage, *((30,) if threads > 1 else ()))
    assert stage.clock.slept >= 30


@pytest.mark.parametrize("status", [429, 503])
def test_nobody_asks_while_graph_wants_to_be_left_alone(stage: Microsoft365Stage, status: int) -> None:
    mails = crowd(stage, 60)
    stage.fault("status", path="*/GET", value=later("40", status))
    with watched(stage) as arrivals:
        assert set(read(stage.connect(threads=1), mails).values()) == {None}
    first, *others = arrivals
    assert len(others) >= 3
    assert all(moment - first >= 39.999 for moment in others)


def test_a_pause_of_one_mailbox_keeps_no_other_waiting(stage: Microsoft365Stage) -> None:
    mails = crowd(stage, 40)
    stage.graph.switch("item_errors", {"mailbox": mails[7], "status": 429, "retry_after": 900, "times": 1})
    found = [one.mailbox.address for one in stage.connect(threads=2).read(mails)]
    assert found[-1] == mails[7]
    assert stage.clock.slept >= 900


def test_a_write_that_may_have_arrived_is_looked_for_only_after_the_pause(stage: Microsoft365Stage) -> None:
    order = {"method": "POST", "status": 503, "retry_after": 40, "times": 1, "commit": True}
    stage.graph.switch("item_errors", order)
    with watched(stage) as arrivals:
        [outcome] = stage.calendar.write([creation(stage, ANNE, all_day())])
    assert (outcome.status, stage.titles(ANNE)) == ("done", ["Absent"])
    sent, looked = arrivals
    assert looked - sent >= 39.999


def test_a_mailbox_that_stays_refused_is_its_own_error_after_five_tries(stage: Microsoft365Stage) -> None:
    stage.graph.switch("item_errors", {"mailbox": ANNE, "status": 429, "retry_after": 20})
    with watched(stage) as arrivals:
        found = read(stage.connect(threads=1), [ANNE, ZOE])
    assert (type(found[ANNE]), found[ZOE]) == (RowFailed, None)
    assert len(stage.asked("GET")) == 5 + 1
    assert all(later - sooner >= 19.999 for sooner, later in pairwise(arrivals))


def test_a_mailbox_that_wants_hours_is_not_waited_for_nor_asked_again(stage: Microsoft365Stage) -> None:
    stage.graph.switch("item_errors", {"mailbox": ANNE, "status": 429, "retry_after": 7200})
    changes = [*days(stage, ANNE, 12), *days(stage, ZOE, 12)]
    outcomes = Counter(
        (one.change.mailbox.address, one.status) for one in stage.connect(threads=1).write(changes)
    )
    assert outcomes == {(ANNE, "failed"): 12, (ZOE, "done"): 12}
    assert len([one for one in stage.graph.asked if one[1] == ANNE]) == 1
    on_time(stage)
    assert stage.clock.slept == 0


def test_a_service_that_wants_hours_is_not_asked_again_for_anybody(stage: Microsoft365Stage) -> None:
    mails = crowd(stage, 60)
    stage.fault("status", path="*/GET", times=None, value=later("7200"))
    found = read(stage.connect(threads=1), mails)
    assert len(batches(stage)) == 1
    assert all(error and mail in error.message and error.remedy for mail, error in found.items())
    assert stage.clock.slept == 0


@pytest.mark.parametrize("kind", ["drop-after", "reset-after", "cut-json", "drop-before", "late-commit"])
def test_a_thousand_leaves_through_connections_that_break_are_each_written_once(
    stage: Microsoft365Stage, kind: str
) -> None:
    changes = many(stage, 50, 20)
    for after in range(0, 45, 5):
        stage.fault(kind, path="*/POST", after=after)
    outcomes = list(stage.calendar.write(changes))
    stage.faults.settle()
    once(stage, changes, outcomes)


def test_a_mailbox_whose_batches_always_break_stops_no_other(stage: Microsoft365Stage) -> None:
    mails = [*crowd(stage, 30), ANNE]
    stage.fault("drop-before", path="*/GET", principal=f"*{ANNE}*", times=None)
    found = read(stage.connect(threads=2), mails)
    assert isinstance(found.pop(ANNE), Unreachable)
    assert set(found.values()) == {None}


def test_a_graph_that_nobody_reaches_is_given_up_for_all(stage: Microsoft365Stage) -> None:
    mails = crowd(stage, 200)
    stage.fault("drop-before", path="/v1.0/*", times=None)
    found = read(stage.connect(threads=1), mails)
    assert {type(error) for error in found.values()} == {Unreachable}
    assert len(found) == 200
    assert len(batches(stage)) < 200, "three tries for each would be 600"


def test_all_three_actions_of_a_mailbox_come_in_their_order(stage: Microsoft365Stage) -> None:
    mails = crowd(stage, 25)
    found = [
        one for mail in mails for one in written(stage, mail, *(all_day(MONDAY + n * DAY) for n in range(6)))
    ]
    changes = []
    for mail in mails:
        own = [one for one in found if one.mailbox.address == mail]
        changes += [creation(stage, mail, all_day(MONDAY + (40 + n) * DAY), 40 + n) for n in range(3)]
        changes += [update(stage, one, replace(one.event, title="RTT")) for one in own[:3]]
        changes += [removal(one) for one in own[3:]]
    stage.graph.asked.clear()
    outcomes = list(stage.calendar.write(changes))
    assert {one.status for one in outcomes} == {"done"}
    for mail in mails:
        told = [one.change for one in outcomes if one.change.mailbox.address == mail]
        assert told == [change for change in changes if change.mailbox.address == mail]
        methods = [method for method, user, _ in stage.graph.asked if user == mail]
        assert methods == ["POST"] * 3 + ["PATCH"] * 3 + ["DELETE"] * 3
        assert Counter(stage.titles(mail)) == {"RTT": 3, "Absent": 3}


@pytest.mark.parametrize("why", ["the zone is unknown", "nothing may be written"])
def test_changes_that_fail_without_a_request_are_all_told_however_many(
    stage: Microsoft365Stage, why: str
) -> None:
    zone = "Mars/Base" if why == "the zone is unknown" else "Europe/Paris"
    mails = [f"user.{number}@corail.example" for number in range(900)]
    changes = [creation(stage, mail, all_day(zone=zone)) for mail in mails]
    outcomes = list(stage.calendar.write(changes, lambda: zone != "Europe/Paris"))
    assert Counter(one.status for one in outcomes) == {"failed": 900}
    assert stage.log.entries() == []


def test_closing_half_way_waits_for_what_is_in_flight_and_sends_nothing_more(
    stage: Microsoft365Stage,
) -> None:
    changes = many(stage, 60, 10)
    outcomes = stage.connect(threads=2).write(changes)
    next(outcomes)
    outcomes.close()
    there = sum(len(stage.graph.content(mail)) for mail in stage.graph.mails())
    asked = len(stage.graph.asked)
    assert there == asked < 300


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A silence that is waited out lasts longer than a test may."""
    monkeypatch.setattr(workers, "GRACE", 0.0)
    monkeypatch.setattr(wire, "SILENCE", 330.0)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("path", ["*/GET", "*/token", "*/openid-configuration"])
def test_ctrl_c_does_not_wait_for_a_silent_microsoft(stage: Microsoft365Stage, path: str) -> None:
    stage.fault("silence", path=path, times=None)
    calendar = stage.connect(threads=4)
    with pressed(stage.log, lambda _, fault: fault == "silence"):
        read(calendar, crowd(stage, 8))
    stage.faults.clear()
    assert read(calendar, [ANNE]) == {ANNE: None}


@pytest.mark.usefixtures("impatient")
def test_what_ctrl_c_cuts_off_is_told_as_unknown_and_what_was_not_sent_as_failed(
    stage: Microsoft365Stage,
) -> None:
    calendar = stage.connect(threads=1)
    assert read(calendar, [ANNE]) == {ANNE: None}
    stage.fault("silence", path="*/POST", times=None, value="after")
    changes, told = days(stage, ANNE, 9), list[Outcome]()
    with pressed(stage.log, lambda _, fault: fault == "silence"):
        for outcome in calendar.write(changes):
            told.append(outcome)
    assert [one.change for one in told] == changes
    assert Counter(one.status for one in told) == {"unknown": 1, "failed": 8}
    assert all(one.creating for one in told if one.status == "unknown")
    assert len(stage.titles(ANNE)) == 1


@pytest.mark.usefixtures("impatient")
def test_ctrl_c_ends_a_pause_that_graph_asked_for(
    stage: Microsoft365Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody lives to see its end: on this clock no time passes."""
    monkeypatch.setattr(stage.clock, "sleep", lambda _seconds: threading.Event().wait(0.002))
    stage.fault("status", path="*/GET", times=None, value=later("3000"))
    with pressed(stage.log, lambda _, fault: fault == "status"):
        read(stage.connect(threads=1), crowd(stage, 8))
    assert len(batches(stage)) == 1


@pytest.mark.usefixtures("impatient")
def test_ctrl_c_ends_the_wait_for_another_process_that_logs_on(
    stage: Microsoft365Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    main, ended = threading.main_thread().ident, list[bool]()
    assert main is not None

    @contextmanager
    def taken(sleep: Callable[[float], None]) -> Iterator[None]:
        signal.pthread_kill(main, signal.SIGINT)
        while not ended:
            sleep(0.2)
        yield

    monkeypatch.setattr(stage.known, "logging_on", taken)
    with pytest.raises(KeyboardInterrupt):
        read(stage.connect(threads=4), crowd(stage, 8))
    ended.append(True)
    assert stage.log.entries() == []
