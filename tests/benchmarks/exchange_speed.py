"""What Exchange costs us beside the bare library: creating, listing, and waiting for answers."""

import math
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from figgo_ops.calendars.exchange import ExchangeCalendar, Settings
from figgo_ops.plan import Change
from tests.benchmarks.connect import address_of, connect_exchange, creations
from tests.benchmarks.exchange_clients import ZONE
from tests.benchmarks.figures import CHUNK, PAGE, Figure, best, in_flight
from tests.benchmarks.processes import BrokenRunError, Child, stand_in
from tests.benchmarks.turns import WARMING, Order, fills, in_turns
from tests.benchmarks.writing import LATENCY, SHAPES

CLIENTS = "tests.benchmarks.exchange_clients"
THREADS: int = Settings.model_fields["threads"].default
BAR = 1.15
ROUNDS, LISTINGS, LOADS = 7, 3, 3


def cpu_per_event(*, quick: bool) -> Iterator[Figure]:
    """CPU of our process per created event over `bulk_create`'s, and the requests of both; in turns."""
    mailboxes, events, rounds = 10, 2 * CHUNK, 3 if quick else ROUNDS
    with tempfile.TemporaryDirectory() as folder, stand_in(Path(folder), mailboxes, kind="exchange") as stand:
        told = in_turns(CLIENTS, stand, mailboxes, THREADS, fills(rounds, mailboxes, events))
    size = f"min of {rounds} rounds of {mailboxes * events} in turns, {THREADS} threads"
    yield _cpu("CPU per created event over bulk_create's", told, size)
    yield _calls("  requests over bulk_create's in chunks of 50", told)


def listing(*, quick: bool) -> Iterator[Figure]:
    """CPU of our process per listed event over that of the library's own FindItem with the same fields."""
    mailboxes, events, rounds = (4, 250, 2) if quick else (20, 500, LISTINGS)
    with tempfile.TemporaryDirectory() as folder, stand_in(Path(folder), mailboxes, kind="exchange") as stand:
        calendar, changes = connect_exchange(stand.ready), list(creations(mailboxes, events, zone=ZONE))
        _written(calendar, changes)
        calendar.close()
        orders: list[Order] = [{"do": "list", "due": len(changes)}] * (2 * (WARMING + rounds))
        told = in_turns(CLIENTS, stand, mailboxes, THREADS, orders)
    size = f"min of {rounds} listings of {len(changes)} events in {mailboxes} mailboxes, in turns"
    yield _cpu("CPU per listed event over the library's FindItem's", told, size)
    yield _calls(f"  requests over FindItem's in pages of {PAGE}", told)


def _cpu(name: str, told: dict[str, list[Order]], size: str) -> Figure:
    spent = {side: [one["cpu"] / one["done"] for one in answers] for side, answers in told.items()}
    raw = ", ".join(f"{side} {1000 * min(times):.3f} ms" for side, times in spent.items())
    return Figure(name, best(spent["ours"], spent["bare"]), BAR, raw=f"{raw}; {size}")


def _calls(name: str, told: dict[str, list[Order]]) -> Figure:
    """The most requests that any turn of ours took, over the fewest of theirs."""
    ours, bare = max(one["calls"] for one in told["ours"]), min(one["calls"] for one in told["bare"])
    return Figure(name, ours / bare, 1, raw=f"ours {ours}, bare {bare}")


def latency_hiding(*, quick: bool) -> Iterator[Figure]:
    """Time to read and fill mailboxes at 200 ms an answer, over what our requests in flight allow."""
    for mailboxes, events in SHAPES[:2] if quick else SHAPES:
        took, refused = zip(*(_load(mailboxes, events) for _ in range(2 if quick else LOADS)), strict=True)
        pure = in_flight(mailboxes, 1, THREADS, LATENCY) + _writes(mailboxes, events)
        # Until somebody was let in, one request goes alone: a wrong password is sent once.
        least = LATENCY + in_flight(mailboxes - 1, 1, THREADS, LATENCY) + _writes(mailboxes, events)
        name = f"Exchange, time over the floor at 200 ms, {mailboxes} mailboxes"
        raw = f"{min(took):.2f} s over {least:.2f} s, {events} events each, min of {len(took)}"
        yield Figure(name, min(took) / least, BAR, raw=raw)
        yield Figure("  if nobody had to log on first", min(took) / pure, raw=f"over {pure:.2f} s")
        yield Figure("  requests refused meanwhile", max(refused), 0, "calls")


def _load(mailboxes: int, events: int) -> tuple[float, int]:
    """Seconds that reading and filling took, and how many requests were refused."""
    with tempfile.TemporaryDirectory() as folder, stand_in(Path(folder), mailboxes, kind="exchange") as stand:
        stand.ask("fault", service="exchange", kind="delay", times=None, value=LATENCY)
        took = _filled(stand, mailboxes, events)
        return took, sum(entry["status"] >= 400 for entry in stand.ask("log"))


def _writes(mailboxes: int, events: int) -> float:
    return in_flight(mailboxes, math.ceil(events / CHUNK), THREADS, LATENCY)


def _filled(stand: Child, mailboxes: int, events: int) -> float:
    calendar, changes = connect_exchange(stand.ready), list(creations(mailboxes, events, zone=ZONE))
    begun = time.monotonic()
    unread = [one for one in calendar.read(map(address_of, range(mailboxes))) if one.error]
    _written(calendar, changes)
    took = time.monotonic() - begun
    calendar.close()
    if unread:
        raise BrokenRunError(f"{len(unread)} mailboxes unreadable")
    return took


def _written(calendar: ExchangeCalendar, changes: list[Change]) -> None:
    done = sum(outcome.status == "done" for outcome in calendar.write(changes))
    if done != len(changes):
        raise BrokenRunError(f"{done} of {len(changes)} events created")
