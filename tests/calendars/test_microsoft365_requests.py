"""How few requests writing to Microsoft 365 takes: full batches, and no look at what nobody added to."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from figgo_ops.calendars._microsoft365_turns import BATCH
from figgo_ops.leaves import Span
from figgo_ops.plan import Existing
from figgo_ops.sandbox.messages import Request
from tests.benchmarks.connect import address_of, creations
from tests.calendars.contract import DAY, MONDAY, all_day, creation, listed, removal, write, written
from tests.calendars.stage_microsoft365 import Microsoft365Stage


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Microsoft365Stage]:
    stage = Microsoft365Stage(tmp_path)
    yield stage
    stage.close()


def _replaced(stage: Microsoft365Stage, found: Existing) -> list[str]:
    """The methods that a replacement by the next day took."""
    stage.graph.asked.clear()
    successor = creation(stage, stage.anne, all_day(MONDAY + DAY), 9, carries=found)
    assert [one.status for one in write(stage, successor, removal(found))] == ["done", "done"]
    return [method for method, _, _ in stage.asked()]


def test_a_replacement_takes_two_requests_where_its_owner_added_nothing(stage: Microsoft365Stage) -> None:
    written(stage, stage.anne, all_day())
    [found] = listed(stage, stage.anne)
    assert found.annotated is False
    assert _replaced(stage, found) == ["POST", "DELETE"]


def _note(stage: Microsoft365Stage, own: str) -> None:
    stage.annotate(stage.anne, own, "Clés chez la gardienne")


def _colour(stage: Microsoft365Stage, own: str) -> None:
    stage.graph.owner(stage.anne).categorise(stage.stored(stage.anne, own), ["Équipe"])


def _place(stage: Microsoft365Stage, own: str) -> None:
    stage.graph.mailbox(stage.anne).find(stage.stored(stage.anne, own)).location = "Saint-Malo"


@pytest.mark.parametrize("add", [_note, _colour, _place])
def test_a_replacement_takes_a_look_where_its_owner_added_something(
    stage: Microsoft365Stage, add: Callable[[Microsoft365Stage, str], None]
) -> None:
    [found] = written(stage, stage.anne, all_day())
    add(stage, found.id)
    [found] = listed(stage, stage.anne)
    assert found.annotated
    before = _added(stage)
    assert _replaced(stage, found) == ["GET", "POST", "DELETE"]
    assert _added(stage) == before
    assert any(before)


def _added(stage: Microsoft365Stage) -> tuple[list[str], list[str], str | None]:
    [item] = stage.graph.content(stage.anne)
    return stage.notes(stage.anne), item["categories"], item["location"]


def test_mailboxes_that_answer_late_are_not_asked_in_smaller_batches(tmp_path: Path) -> None:
    """Once all others are done most of our requests in flight are free, and there is little to share out."""
    mailboxes, events = 100, 12
    stage = Microsoft365Stage(tmp_path, tuple(map(address_of, range(mailboxes))))
    try:
        stage.fault("delay", principal=f"*{address_of(0)}*", times=None, value=0.3)
        outcomes = [*stage.calendar.write(creations(mailboxes, events, zone="Europe/Paris"))]
        assert {one.status for one in outcomes} == {"done"}
        assert len(stage.calls("POST")) <= 1.05 * mailboxes * events / BATCH
    finally:
        stage.close()


def test_an_answer_that_asks_for_a_rest_is_heard_before_anything_else_is_sent(
    stage: Microsoft365Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever takes outcomes may be slow; meanwhile three of four requests are done and one is refused."""
    listed(stage, stage.anne)
    taken = threading.Event()

    arrive = stage.graph.arrive

    def hold(request: Request) -> None:
        arrive(request)
        if stage.graph.identify(request) == stage.anne:
            assert taken.wait(60)

    monkeypatch.setattr(stage.graph, "arrive", hold)
    busy = {"mailbox": stage.anne, "method": "POST", "status": 429, "retry_after": 30}
    stage.graph.switch("item_errors", busy | {"after": 4, "times": 1})
    days = [creation(stage, stage.anne, all_day(MONDAY + n * DAY), 1 + n) for n in range(9)]
    outcomes = stage.calendar.write([creation(stage, stage.zoe, all_day()), *days])
    first = next(outcomes)
    taken.set()
    for thread in threading.enumerate():
        if thread.name.endswith("(_run)"):  # those that send
            thread.join(60)
    assert [one.status for one in (first, *outcomes)] == ["done"] * 10
    assert stage.graph.gate.too_early == []


def test_of_events_that_are_not_ours_nobody_reads_the_notes(stage: Microsoft365Stage) -> None:
    asked: list[bytes] = []
    stage.graph.aside = lambda request, _: asked.append(request.body)
    window = Span(MONDAY, MONDAY + DAY)
    assert len(list(stage.calendar.look_alikes([stage.anne], window, frozenset({"Absent"})))) == 1
    assert not [body for body in asked if b"body" in body.partition(b"$select")[2].partition(b"$expand")[0]]
    asked.clear()
    listed(stage, stage.anne)
    assert [body for body in asked if b"body" in body.partition(b"$select")[2].partition(b"$expand")[0]]
