"""How fast Exchange is asked, what is waited for, and what a refusal of rights stops."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from figgo_ops import workers
from figgo_ops.calendars import _exchange_lines as lines
from figgo_ops.calendars._exchange_wire import FORBIDDEN
from figgo_ops.calendars.exchange import ExchangeCalendar
from figgo_ops.errors import (
    FiggoOpsError,
    MailboxAbsent,
    RightsMissing,
    RowFailed,
    Unreachable,
)
from figgo_ops.sandbox.messages import Request
from tests.calendars.contract import ANNE, DAY, MONDAY, ZOE, all_day, creation, removal, written
from tests.calendars.crowds import pressed
from tests.calendars.stages import ExchangeStage


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[ExchangeStage]:
    stage = ExchangeStage(tmp_path)
    yield stage
    stage.close()


def crowd(stage: ExchangeStage, count: int, state: str = "ok") -> list[str]:
    """So many more mailboxes."""
    mails = [f"{state}.{number:02}@corail.example" for number in range(count)]
    for mail in mails:
        stage.exchange.add_mailbox(mail, state=state)
    return mails


def read(calendar: ExchangeCalendar, *addresses: str) -> dict[str, FiggoOpsError | None]:
    """The error of each mailbox."""
    return {one.mailbox.address: one.error for one in calendar.read(addresses)}


@contextmanager
def watched(stage: ExchangeStage) -> Iterator[list[tuple[float, Request]]]:
    """Every request as it arrives, with the seconds slept so far."""
    arrivals: list[tuple[float, Request]] = []
    arrive = stage.exchange.arrive

    def noted(request: Request) -> None:
        arrivals.append((stage.clock.slept, request))
        arrive(request)

    stage.exchange.arrive = noted  # type: ignore[method-assign]
    yield arrivals
    del stage.exchange.arrive


def busy(seconds: float | None = 40, code: str = "ErrorServerBusy") -> dict[str, Any]:
    """The fault with which Exchange asks for patience."""
    return {"status": 500, "code": code, **({"back_off": seconds} if seconds else {})}


def later(seconds: str = "40") -> dict[str, Any]:
    """What a server says that is being restarted."""
    return {"status": 503, "headers": {"Retry-After": seconds}}


@pytest.mark.parametrize("threads", [1, 8])
@pytest.mark.parametrize("answer", [busy(), later()], ids=["fault", "503"])
def test_nobody_asks_while_exchange_wants_to_be_left_alone(
    stage: ExchangeStage, threads: int, answer: dict[str, Any]
) -> None:
    """Refused is the first request, which goes alone, so that nothing else is on its way."""
    mails = crowd(stage, 12)
    stage.fault("status", path="*/FindItem", value=answer)
    with watched(stage) as arrivals:
        assert set(read(stage.connect(threads=threads), *mails).values()) == {None}
    (first, _), *others = arrivals
    assert len(others) == 12
    assert all(moment - first >= 39.999 for moment, _ in others)


def test_a_pause_named_by_the_hour_is_kept_by_the_servers_own_clock(stage: ExchangeStage) -> None:
    answer = later("Mon, 23 Nov 2026 09:00:30 GMT")
    answer["headers"]["Date"] = "Mon, 23 Nov 2026 09:00:00 GMT"
    stage.fault("status", path="*/FindItem", value=answer)
    assert read(stage.calendar, ANNE) == {ANNE: None}
    assert stage.clock.slept >= 29.999


def test_a_pause_is_kept_by_the_other_mailboxes_even_when_this_one_is_given_up(stage: ExchangeStage) -> None:
    stage.fault("status", path="*/FindItem", principal=ANNE, times=None, value=busy(100))
    with watched(stage) as arrivals:
        found = read(stage.connect(threads=1), ANNE, ZOE)
    assert (type(found[ANNE]), found[ZOE]) == (RowFailed, None)
    moments = [moment for moment, _ in arrivals]
    assert all(later - sooner >= 99.999 for sooner, later in pairwise(moments))


@pytest.mark.parametrize("code", ["ErrorServerBusy", "ErrorExceededConnectionCount"])
def test_a_server_that_names_no_time_is_asked_again_after_a_while(stage: ExchangeStage, code: str) -> None:
    stage.fault("status", path="*/FindItem", times=3, value=busy(None, code))
    assert set(read(stage.connect(threads=4), *crowd(stage, 8)).values()) == {None}
    assert len(stage.calls("FindItem")) == 8 + 3
    assert stage.clock.slept > 0


@pytest.mark.parametrize(
    ("answer", "kind"), [(busy(), RowFailed), (later(), Unreachable), ({"status": 503}, Unreachable)]
)
def test_a_mailbox_that_stays_refused_is_its_own_error_after_five_tries(
    stage: ExchangeStage, answer: dict[str, Any], kind: type[FiggoOpsError]
) -> None:
    stage.fault("status", path="*/FindItem", principal=ANNE, times=None, value=answer)
    found = read(stage.connect(threads=2), ANNE, ZOE)
    assert (type(found[ANNE]), found[ZOE]) == (kind, None)
    assert len([entry for entry in stage.calls("FindItem") if entry.principal == ANNE]) == 5


def test_a_write_that_may_have_arrived_is_looked_for_only_after_the_pause(stage: ExchangeStage) -> None:
    stage.fault("status-after", path="*/CreateItem", value=later())
    with watched(stage) as arrivals:
        [outcome] = stage.calendar.write([creation(stage, ANNE, all_day())])
    assert (outcome.status, stage.titles(ANNE)) == ("done", ["Absent"])
    (sent, _), (looked, _) = arrivals
    assert looked - sent >= 39.999


def items_of(request: Request) -> int:
    return request.body.count(b"<t:CalendarItem>")


def test_only_the_busy_items_of_a_request_are_sent_again_and_only_after_the_pause(
    stage: ExchangeStage,
) -> None:
    order = {"operation": "CreateItem", "code": "ErrorServerBusy", "back_off": 30, "every": 3, "times": 2}
    stage.exchange.switch("item_errors", order)
    changes = [creation(stage, ANNE, all_day(MONDAY + n * DAY, title=f"Congé {n}"), n) for n in range(7)]
    with watched(stage) as arrivals:
        outcomes = list(stage.calendar.write(changes))
    assert {outcome.status for outcome in outcomes} == {"done"}
    assert sorted(stage.titles(ANNE)) == [f"Congé {n}" for n in range(7)]
    (first, all_of_them), (second, the_busy) = arrivals
    assert (items_of(all_of_them), items_of(the_busy)) == (7, 2)
    assert second - first >= 29.999


class Crowd:
    """Counts how many requests are under way at the stand-in."""

    def __init__(self, stage: ExchangeStage) -> None:
        self._lock = threading.Lock()
        self._handle = stage.exchange.handle
        self._arrive, self._leave = stage.exchange.arrive, stage.exchange.leave
        self.now = self.most = 0
        stage.exchange.arrive = self.arrive  # type: ignore[method-assign]
        stage.exchange.leave = self.leave  # type: ignore[method-assign]

    def arrive(self, request: Request) -> None:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
        self._arrive(request)

    def leave(self, request: Request) -> None:
        with self._lock:
            self.now -= 1
        self._leave(request)


@pytest.mark.parametrize("auth", ["basic", "ntlm"])
def test_no_more_is_in_flight_than_the_tenant_file_allows(stage: ExchangeStage, auth: str) -> None:
    mails = crowd(stage, 30)
    stage.exchange.switch("concurrency", 4)
    stage.fault("delay", path="*Item", times=None, value=0.02)
    counted = Crowd(stage)
    calendar = stage.connect(auth=auth, threads=4)
    assert set(read(calendar, *mails).values()) == {None}
    outcomes = calendar.write([creation(stage, mail, all_day()) for mail in mails])
    assert {outcome.status for outcome in outcomes} == {"done"}
    assert 2 <= counted.most <= 4
    assert stage.calls(status=500) == [], "Exchange counted more than it allows"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A silence that is waited out lasts longer than a test may."""
    monkeypatch.setattr(workers, "GRACE", 0.0)
    monkeypatch.setattr(lines, "TIMEOUT", 330.0)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("auth", "path"), [("basic", "*/FindItem"), ("ntlm", "*/FindItem"), ("ntlm", "*.asmx"), (None, "*.asmx")]
)
def test_ctrl_c_does_not_wait_for_a_silent_exchange(
    stage: ExchangeStage, auth: str | None, path: str
) -> None:
    """Neither for an answer nor for a leg of the log-on, nor for what methods there are."""
    stage.fault("silence", path=path, times=None)
    calendar = stage.connect(auth=auth, threads=4)
    with pressed(stage.log, lambda _, fault: fault == "silence"):
        read(calendar, *crowd(stage, 8))
    assert len([entry for entry in stage.log.entries() if entry.fault]) == 1, "asked again after Ctrl-C"
    stage.faults.clear()
    assert read(calendar, ANNE) == {ANNE: None}


@pytest.mark.usefixtures("impatient")
def test_a_creation_that_ctrl_c_cuts_off_is_unknown(stage: ExchangeStage) -> None:
    stage.fault("silence", path="*/CreateItem", times=None, value="after")
    told = []
    with pressed(stage.log, lambda _, fault: fault == "silence"):
        told += list(stage.calendar.write([creation(stage, ANNE, all_day())]))
    assert stage.titles(ANNE) == ["Absent"]
    assert len(stage.calls("CreateItem")) == 1


@pytest.mark.usefixtures("impatient")
def test_ctrl_c_ends_a_pause_that_exchange_asked_for(
    stage: ExchangeStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody lives to see its end: on this clock no time passes."""
    monkeypatch.setattr(stage.clock, "sleep", lambda _seconds: threading.Event().wait(0.002))
    stage.fault("status", path="*/FindItem", times=None, value=busy(3000))
    with pressed(stage.log, lambda _, fault: fault == "status"):
        read(stage.connect(threads=4), *crowd(stage, 8))
    assert len(stage.calls("FindItem")) == 1


@pytest.mark.usefixtures("impatient")
def test_ctrl_c_ends_the_wait_for_another_process_that_logs_on(
    stage: ExchangeStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting, main = threading.Event(), threading.main_thread().ident
    assert main is not None

    @contextmanager
    def taken(sleep: Callable[[float], None]) -> Iterator[None]:
        signal.pthread_kill(main, signal.SIGINT)
        while not waiting.is_set():
            sleep(0.2)
        yield

    monkeypatch.setattr(stage.known, "logging_on", taken)
    try:
        with pytest.raises(KeyboardInterrupt):
            read(stage.connect(threads=4), *crowd(stage, 8))
    finally:
        waiting.set()
    assert stage.log.entries() == []


ERRORS = ["item", "fault"]


@pytest.mark.parametrize("errors", ERRORS)
@pytest.mark.parametrize("threads", [1, 8])
def test_one_mailbox_outside_the_scope_is_its_own_error(
    stage: ExchangeStage, errors: str, threads: int
) -> None:
    stage.exchange.switch("errors", errors)
    [outside] = crowd(stage, 1, "outside")
    found = read(stage.connect(threads=threads), outside, *crowd(stage, 10))
    error = found.pop(outside)
    assert type(error) is RightsMissing
    assert "CORAIL\\svc-figgo" in error.message
    assert "ApplicationImpersonation" in error.remedy
    assert set(found.values()) == {None}


@pytest.mark.parametrize("errors", ERRORS)
@pytest.mark.parametrize("threads", [1, 8])
def test_an_account_that_may_act_for_nobody_is_told_so_of_each_mailbox_once(
    stage: ExchangeStage, errors: str, threads: int
) -> None:
    """The first ones may all be outside a scope that others are in: Exchange speaks for one at a time."""
    stage.exchange.switch("errors", errors)
    mails = crowd(stage, 20, "outside")
    calendar = stage.connect(threads=threads)
    found = read(calendar, *mails, ZOE)
    assert found.pop(ZOE) is None
    assert {type(error) for error in found.values()} == {RightsMissing}
    assert all(mail in str(error) for mail, error in found.items())
    assert len(stage.calls("FindItem")) == 21
    for mail in mails:
        stage.exchange.set_state(mail, "ok")
    assert set(read(calendar, *mails).values()) == {None}, "missing rights are not remembered"


@pytest.mark.parametrize("errors", ERRORS)
def test_writing_for_nobody_fails_in_each_mailbox_with_one_request(stage: ExchangeStage, errors: str) -> None:
    stage.exchange.switch("errors", errors)
    changes = [creation(stage, mail, all_day()) for mail in crowd(stage, 10, "outside")]
    outcomes = list(stage.connect(threads=8).write(changes))
    assert {(outcome.status, type(outcome.error)) for outcome in outcomes} == {("failed", RightsMissing)}
    assert len(stage.log.entries()) == 10


def test_mailboxes_outside_are_their_own_errors_once_another_was_read(stage: ExchangeStage) -> None:
    calendar = stage.connect(threads=4)
    assert read(calendar, ANNE) == {ANNE: None}
    found = read(calendar, *crowd(stage, 10, "outside"), ZOE)
    assert found.pop(ZOE) is None
    assert {type(error) for error in found.values()} == {RightsMissing}


@pytest.mark.parametrize(
    ("switch", "value"), [("ews", "off"), ("agents", "listed")], ids=["EWS off", "agents listed"]
)
@pytest.mark.parametrize("auth", ["basic", "ntlm"])
def test_a_closed_door_is_one_attempt_for_each_of_three_mailboxes(
    stage: ExchangeStage, monkeypatch: pytest.MonkeyPatch, auth: str, switch: str, value: str
) -> None:
    monkeypatch.setattr(lines, "AGENT", "Mozilla/5.0")
    stage.exchange.switch(switch, value)
    mails = crowd(stage, 20)
    with pytest.raises(RightsMissing, match="HTTP 403") as caught:
        read(stage.connect(auth=auth, threads=8), *mails)
    assert "EwsEnabled" in caught.value.message
    assert "figgo-ops" in caught.value.message
    assert len(stage.calls("FindItem")) == FORBIDDEN, "it may have been switched off for one person"
    stage.exchange.switch(switch, {"off": "on", "listed": "any"}[value])
    assert set(read(stage.connect(auth=auth), *mails).values()) == {None}


def test_our_name_opens_doors_that_are_closed_to_other_programs(stage: ExchangeStage) -> None:
    stage.exchange.switch("agents", "listed")
    assert set(read(stage.calendar, ANNE, ZOE).values()) == {None}


@pytest.mark.parametrize("errors", ERRORS)
def test_an_alias_is_answered_through_its_primary_address_with_one_more_request_once(
    stage: ExchangeStage, errors: str
) -> None:
    stage.exchange.switch("errors", errors)
    alias = "jeanne.martin@corail.example"
    stage.exchange.add_mailbox("jeanne.dupont@corail.example", aliases=(alias,))
    made = written(stage, alias, all_day())
    assert [one.mailbox.address for one in made] == [alias], "known by the address of Figgo"
    assert stage.titles("jeanne.dupont@corail.example") == ["Absent"]
    [outcome] = stage.calendar.write([removal(made[0])])
    assert outcome.status == "done"
    asked = [entry.principal for entry in stage.log.entries()]
    assert asked.count(alias) == 1
    assert set(asked[1:]) == {"jeanne.dupont@corail.example"}


STATES = {
    "outside": (RightsMissing, "outside its scope"),
    "cloud": (MailboxAbsent, "moved to the cloud"),
    "unknown": (MailboxAbsent, "no such mailbox"),
    "disabled": (RowFailed, "disabled"),
    "moving": (RowFailed, "being moved"),
    "no-access": (RowFailed, "may not do this in its calendar"),
    "elsewhere": (RowFailed, "another Active Directory site"),
    "store-down": (Unreachable, "cannot be reached"),
}


@pytest.mark.parametrize("errors", ERRORS)
@pytest.mark.parametrize("state", STATES)
def test_a_mailbox_that_cannot_be_served_is_its_own_error_in_reads_and_writes(
    stage: ExchangeStage, errors: str, state: str
) -> None:
    kind, words = STATES[state]
    stage.exchange.switch("errors", errors)
    stage.exchange.set_state(ANNE, state)
    calendar = stage.connect(threads=2)
    found = read(calendar, ANNE, ZOE)
    assert (type(found[ANNE]), found[ZOE]) == (kind, None)
    outcomes = {
        outcome.change.mailbox.address: outcome
        for outcome in calendar.write([creation(stage, mail, all_day()) for mail in (ANNE, ZOE)])
    }
    assert outcomes[ZOE].status == "done"
    for error in (found[ANNE], outcomes[ANNE].error):
        assert type(error) is kind
        assert ANNE in error.message
        assert words in error.message
        assert error.remedy


@pytest.mark.parametrize("errors", ERRORS)
def test_a_full_mailbox_is_read_and_takes_nothing_more(stage: ExchangeStage, errors: str) -> None:
    stage.exchange.switch("errors", errors)
    stage.exchange.set_state(ANNE, "full")
    assert read(stage.calendar, ANNE) == {ANNE: None}
    [outcome] = stage.calendar.write([creation(stage, ANNE, all_day())])
    assert (outcome.status, type(outcome.error)) == ("failed", RowFailed)
    assert "the mailbox is full" in str(outcome.error)
