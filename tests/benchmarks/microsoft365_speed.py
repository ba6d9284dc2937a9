"""What Microsoft 365 costs us beside plain batches: creating, listing, and waiting for answers."""

import json
import math
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from figgo_ops import sync
from figgo_ops.calendars.microsoft365 import Microsoft365Calendar
from figgo_ops.plan import Change
from figgo_ops.sandbox.home import CLIENT_ID, TENANT_ID
from figgo_ops.session import Session
from tests.benchmarks.connect import address_of, connect_microsoft365, creations
from tests.benchmarks.exchange_calls import loaded
from tests.benchmarks.figures import Figure, best, in_flight
from tests.benchmarks.microsoft365_calls import AT_ONCE, BATCH, EVENTS, SERVICE, START, TENANT, ZONE
from tests.benchmarks.processes import BrokenRunError, Child, child, stand_in
from tests.benchmarks.rehearsed import Company, rehearsed
from tests.benchmarks.turns import WARMING, Order, fills, in_turns
from tests.benchmarks.writing import LATENCY

CLIENTS = "tests.benchmarks.microsoft365_clients"
THREADS = 8
"""Of the plain client; each works for twenty mailboxes, so that none of them has two batches in flight."""

BATCHES = 20
"""Batches in flight that the tenant file leaves us; the benchmark's own copy."""

CPU_BAR, CALLS_BAR, BAR = 1.2, 1.1, 1.15
ROUNDS, LISTINGS, LOADS = 7, 3, 3
SHAPES = (1, 10, 100)
PEOPLE = 60


def cpu_per_event(*, quick: bool) -> Iterator[Figure]:
    """CPU of our process per created event over plain batches', and the requests of both; in turns."""
    mailboxes, events, rounds = THREADS * BATCH, 15, 3 if quick else ROUNDS
    with tempfile.TemporaryDirectory() as folder, stand_in(Path(folder), mailboxes, kind=SERVICE) as stand:
        told = in_turns(CLIENTS, stand, mailboxes, THREADS, fills(rounds, mailboxes, events))
    size = f"min of {rounds} rounds of {mailboxes * events} in turns, {THREADS} threads"
    yield _cpu("Microsoft 365, CPU per created event over plain batches'", told, size, CPU_BAR)
    yield _calls("  requests over theirs", told, CALLS_BAR)
    yield from _whole(*(_apply() for _ in range(1 if quick else 2)))


def _whole(*rounds: tuple[dict[str, float], dict[str, float]]) -> Iterator[Figure]:
    """A whole first load as `apply` does it: Figgo, leases, listings, look-alikes, comparison, ledger."""
    ours, plain = ([one[side] for one in rounds] for side in (0, 1))
    for name, part in (("  whole apply over theirs, CPU per event", "cpu"), ("    the same, time", "wall")):
        mine, theirs = (min(one[part] for one in side) for side in (ours, plain))
        raw = f"ours {1000 * mine:.3f} ms, plain {1000 * theirs:.3f} ms; min of {len(rounds)} rounds"
        yield Figure(name, mine / theirs, raw=raw)


def _apply() -> tuple[dict[str, float], dict[str, float]]:
    """What each event cost us, and what it cost plain batches in the same mailboxes afterwards."""
    with (
        tempfile.TemporaryDirectory() as folder,
        rehearsed(Path(folder), PEOPLE, on=SERVICE) as company,
    ):
        home = loaded(company)
        with Session(home, TENANT) as session:
            made = sync.plan(session, START)
        cpu, begun = time.process_time(), time.monotonic()
        with Session(home, TENANT) as session:
            done = sync.apply(session, made.file or Path(), made.checksum)
        spent = {"cpu": time.process_time() - cpu, "wall": time.monotonic() - begun}
        if done.created < PEOPLE * EVENTS / 2:
            raise BrokenRunError(f"only {done.created} events created: {done}")
        return {name: value / done.created for name, value in spent.items()}, _plain(company)


def _plain(company: Company) -> dict[str, float]:
    mails = [*company.mails().values()]
    ready = {
        "url": company.urls[SERVICE],
        "ca_file": company.ca_file,
        "mails": mails,
        "tenant_id": TENANT_ID,
        "client_id": CLIENT_ID,
        "key": str(company.home / "secrets" / f"{TENANT}-microsoft365.secret"),
    }
    with child(CLIENTS, "bare", json.dumps(ready), str(len(mails)), str(THREADS)) as plain:
        answers = [plain.ask("fill", first=1 + turn * EVENTS, events=EVENTS) for turn in range(2)]
    due = EVENTS * len(mails)
    if answers[-1]["done"] != due:
        raise BrokenRunError(f"plain batches made {answers[-1]['done']} of {due} events")
    return {name: answers[-1][name] / due for name in ("cpu", "wall")}


def listing(*, quick: bool) -> Iterator[Figure]:
    """CPU of our process per listed event over that of plain batches with the same fields, left as JSON."""
    mailboxes, events, rounds = (20, 50, 2) if quick else (100, 100, LISTINGS)
    with tempfile.TemporaryDirectory() as folder, stand_in(Path(folder), mailboxes, kind=SERVICE) as stand:
        calendar, changes = connect_microsoft365(stand.ready), list(creations(mailboxes, events, zone=ZONE))
        _written(calendar, changes)
        calendar.close()
        orders: list[Order] = [{"do": "list", "due": len(changes)}] * (2 * (WARMING + rounds))
        told = in_turns(CLIENTS, stand, mailboxes, THREADS, orders)
    size = f"min of {rounds} listings of {len(changes)} events in {mailboxes} mailboxes, in turns"
    yield _cpu("Microsoft 365, CPU per listed event over plain JSON's", told, size, None)
    yield _calls("  requests over theirs", told, None)


def _cpu(name: str, told: dict[str, list[Order]], size: str, bar: float | None) -> Figure:
    spent = {side: [one["cpu"] / one["done"] for one in answers] for side, answers in told.items()}
    raw = ", ".join(f"{side} {1000 * min(times):.3f} ms" for side, times in spent.items())
    return Figure(name, best(spent["ours"], spent["bare"]), bar, raw=f"{raw}; {size}")


def _calls(name: str, told: dict[str, list[Order]], bar: float | None) -> Figure:
    """The most requests that any turn of ours took, over the fewest of theirs."""
    ours, bare = max(one["calls"] for one in told["ours"]), min(one["calls"] for one in told["bare"])
    return Figure(name, ours / bare, bar, raw=f"ours {ours}, plain {bare}")


def latency_hiding(*, quick: bool) -> Iterator[Figure]:
    """Time to read and fill mailboxes at 200 ms a creation, over what Graph's limits leave possible."""
    for mailboxes in SHAPES[:2] if quick else SHAPES:
        runs = [_load(mailboxes) for _ in range(2 if quick else LOADS)]
        reads, writes, refused = zip(*runs, strict=True)
        took = min(read + write for read, write in zip(reads, writes, strict=True))
        first = 2 * LATENCY + in_flight(mailboxes, 1, BATCH * BATCHES, LATENCY)
        least = first + floor(mailboxes, EVENTS, LATENCY)
        name = f"Microsoft 365, time over the floor at 200 ms, {mailboxes} mailboxes"
        raw = f"{took:.2f} s over {least:.2f} s, {EVENTS} events each, min of {len(runs)}"
        yield Figure(name, took / least, BAR, raw=raw)
        pure = floor(mailboxes, EVENTS, LATENCY)
        raw = f"{min(writes):.2f} s over {pure:.2f} s"
        yield Figure("  the creations alone", min(writes) / pure, BAR, raw=raw)
        yield Figure("  items refused meanwhile", max(refused), 0, "items")


def floor(mailboxes: int, events: int, latency: float) -> float:
    """Seconds that nobody can stay below who creates so many events in each mailbox.

    Four requests are in flight on a mailbox, and four of a batch are worked on at a time, so a mailbox takes
    four events per answer, and our batches in flight four items each.
    """
    of_mailbox = math.ceil(events / AT_ONCE)
    of_batches = math.ceil(mailboxes * events / (AT_ONCE * BATCHES))
    return max(of_mailbox, of_batches) * latency


def _load(mailboxes: int) -> tuple[float, float, int]:
    """Seconds that reading and filling took, and how many requests were refused."""
    with tempfile.TemporaryDirectory() as folder, stand_in(Path(folder), mailboxes, kind=SERVICE) as stand:
        stand.ask("switch", name="item_seconds", value=LATENCY)
        for path in ("*/openid-configuration", "*/token", "*/GET"):
            stand.ask("fault", service=SERVICE, kind="delay", path=path, times=None, value=LATENCY)
        read, write = _filled(stand, mailboxes)
        return read, write, stand.ask("items")["methods"]["POST"] - mailboxes * EVENTS


def _filled(stand: Child, mailboxes: int) -> tuple[float, float]:
    calendar = connect_microsoft365(stand.ready)
    changes = list(creations(mailboxes, EVENTS, zone=ZONE))
    begun = time.monotonic()
    unread = [one for one in calendar.read(map(address_of, range(mailboxes))) if one.error]
    between = time.monotonic()
    _written(calendar, changes)
    ended = time.monotonic()
    calendar.close()
    if unread:
        raise BrokenRunError(f"{len(unread)} mailboxes unreadable")
    return between - begun, ended - between


def _written(calendar: Microsoft365Calendar, changes: list[Change]) -> None:
    done = sum(outcome.status == "done" for outcome in calendar.write(changes))
    if done != len(changes):
        raise BrokenRunError(f"{done} of {len(changes)} events created")
