"""Side by side: groups at once, items of a group in order, and an end that loses nothing."""

import gc
import signal
import threading
from collections.abc import Iterator
from typing import TypeVar

import pytest

from figgo_ops import workers
from figgo_ops.workers import side_by_side, undisturbed

T = TypeVar("T")

SOON = 20.0
"""Seconds until a test that hangs is told so; none waits for it when all is well."""


class Stop(Exception):
    """Something that work or its maker may raise."""


def numbered(groups: int, items: int) -> list[list[tuple[int, int]]]:
    return [[(group, item) for item in range(items)] for group in range(groups)]


def collect(results: Iterator[T], into: list[T]) -> None:
    """Keep what comes, also when the iterator ends with an error."""
    for result in results:
        into.append(result)  # noqa: PERF402 - extend would lose what came before an error


@pytest.mark.parametrize("threads", [1, 3, 16])
def test_every_item_has_its_result_and_groups_keep_their_order(threads: int) -> None:
    results = list(side_by_side(numbered(20, 5), lambda item: item, threads))
    assert sorted(results) == [item for group in numbered(20, 5) for item in group]
    for group in range(20):
        assert [item for number, item in results if number == group] == [0, 1, 2, 3, 4]


def test_groups_go_side_by_side() -> None:
    meeting = threading.Barrier(4, timeout=SOON)
    assert sorted(side_by_side([[0], [1], [2], [3]], lambda _: meeting.wait(), 4)) == [0, 1, 2, 3]


def test_the_items_of_one_group_share_one_thread() -> None:
    results = side_by_side(numbered(6, 8), lambda item: (item[0], threading.get_ident()), 3)
    assert len(set(results)) == 6


def test_nothing_to_do_is_done_at_once() -> None:
    assert list(side_by_side([], lambda item: item, 3)) == []
    assert list(side_by_side([[], []], lambda item: item, 3)) == []


def test_groups_are_taken_in_the_callers_thread_and_only_for_free_threads() -> None:
    taken: list[int] = []
    finished = 0
    ahead = 0

    def maker() -> Iterator[list[int]]:
        for number in range(50):
            nonlocal ahead
            assert threading.current_thread() is threading.main_thread()
            ahead = max(ahead, number - finished)
            taken.append(number)
            yield [number]

    for _ in side_by_side(maker(), lambda item: item, 3):
        finished += 1
    assert len(taken) == finished == 50
    assert ahead <= 3


def test_what_work_raises_comes_after_the_results_of_those_already_running() -> None:
    running = threading.Barrier(2, timeout=SOON)
    failed = threading.Event()
    begun: list[str] = []

    def work(item: str) -> str:
        begun.append(item)
        if item == "bad":
            running.wait()
            failed.set()
            raise Stop
        running.wait()
        assert failed.wait(SOON)
        return item

    with pytest.raises(Stop):
        list(side_by_side([["bad", "after bad"], ["slow"], ["never"]], work, 2))
    assert "after bad" not in begun
    assert "never" not in begun


def test_the_results_of_those_running_are_not_lost_when_work_fails() -> None:
    running = threading.Barrier(2, timeout=SOON)

    def work(item: str) -> str:
        running.wait()
        if item == "bad":
            raise Stop
        return item

    results: list[str] = []
    with pytest.raises(Stop):
        collect(side_by_side([["bad"], ["good"]], work, 2), results)
    assert results == ["good"]


@pytest.mark.parametrize("raised", [Stop, KeyboardInterrupt])
def test_what_the_maker_raises_comes_after_the_results_of_those_running(raised: type[BaseException]) -> None:
    begun = threading.Event()

    def work(item: int) -> int:
        begun.set()
        return item

    def maker() -> Iterator[list[int]]:
        yield [1]
        assert begun.wait(SOON)
        raise raised

    results: list[int] = []
    with pytest.raises(raised):
        collect(side_by_side(maker(), work, 4), results)
    assert results == [1]


def test_leaving_early_waits_for_what_has_begun_and_begins_nothing_more() -> None:
    running = 0
    begun: list[int] = []
    lock = threading.Lock()

    def work(item: int) -> int:
        nonlocal running
        with lock:
            begun.append(item)
            running += 1
        with lock:
            running -= 1
        return item

    results = side_by_side(([n, n + 1000] for n in range(1000)), work, 4)
    next(results)
    results.close()  # type: ignore[attr-defined]
    at_close = len(begun)
    assert running == 0
    assert at_close < 1000
    assert len(begun) == at_close


def test_ctrl_c_pressed_again_hurries_too_and_what_has_begun_is_still_awaited(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(workers, "GRACE", 0.0)
    free = threading.Event()
    hurried: list[str] = []

    def hurry() -> None:
        hurried.append("again" if hurried else "first")
        if len(hurried) == 1:
            signal.raise_signal(signal.SIGINT)
        free.set()

    def groups() -> Iterator[list[str]]:
        yield ["slow"]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(side_by_side(groups(), lambda _item: free.wait(SOON), 2, hurry))
    assert hurried[:2] == ["first", "again"]


@pytest.mark.parametrize("launched", [True, False], ids=["just started", "not yet started"])
def test_ctrl_c_while_a_thread_comes_about_hurries_those_that_run(
    monkeypatch: pytest.MonkeyPatch, *, launched: bool
) -> None:
    monkeypatch.setattr(workers, "GRACE", 0.0)
    hurried, start = threading.Event(), threading.Thread.start
    begun: list[threading.Thread] = []

    def interrupted(thread: threading.Thread) -> None:
        begun.append(thread)
        if len(begun) == 1 or launched:
            start(thread)
        if len(begun) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(threading.Thread, "start", interrupted)
    with pytest.raises(KeyboardInterrupt):
        list(side_by_side(numbered(3, 1), lambda _: hurried.wait(20), 3, hurried.set))
    assert hurried.is_set(), "the silence of the first one was waited out"
    assert len(begun) == 2


def test_work_left_undisturbed_is_collected_after_again() -> None:
    assert gc.isenabled()
    seen = []

    def work() -> None:
        with undisturbed():
            seen.append(gc.isenabled())
            raise Stop

    with pytest.raises(Stop):
        work()
    assert (seen, gc.isenabled()) == ([False], True)


def test_who_had_switched_the_collector_off_finds_it_off() -> None:
    gc.disable()
    try:
        with undisturbed():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
