"""What creating events costs beside the bare client, and how well waiting is hidden."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from figgo_ops.calendars.google import Settings
from tests.benchmarks.connect import address_of, connect, creations
from tests.benchmarks.figures import Figure, floor, ratio
from tests.benchmarks.processes import BrokenRunError, stand_in
from tests.benchmarks.turns import fills, in_turns

MAILBOXES, EVENTS, ROUNDS = 20, 15, 9
LATENCY = 0.2
SHAPES = ((1, 25), (10, 25), (100, 12))
"""Mailboxes and events in each; in the last one the project's quota sets the floor."""


def cpu_per_event(*, quick: bool) -> Iterator[Figure]:
    """CPU of our process per created event over that of the bare official client's, same events, in turns."""
    rounds = 3 if quick else ROUNDS
    threads = Settings.model_fields["threads"].default
    with tempfile.TemporaryDirectory() as folder, stand_in(Path(folder), MAILBOXES) as stand:
        stand.ask("switch", name="per_user_quota", value=0)
        stand.ask("switch", name="per_project_quota", value=0)
        orders = fills(rounds, MAILBOXES, EVENTS)
        told = in_turns("tests.benchmarks.clients", stand, MAILBOXES, threads, orders)
    spent = {side: [one["cpu"] / one["done"] for one in answers] for side, answers in told.items()}
    raw = ", ".join(f"{side} {1000 * median(times):.3f} ms" for side, times in spent.items())
    yield Figure(
        "CPU per created event over the bare official client's",
        ratio(spent["ours"], spent["bare"]),
        1.2,
        raw=f"{raw}; {rounds} rounds of {MAILBOXES * EVENTS} in turns, {threads} threads",
    )


def latency_hiding(*, quick: bool) -> Iterator[Figure]:
    """Time to read and fill mailboxes at 200 ms an answer, over what the provider's limits leave possible."""
    for mailboxes, events in SHAPES[:2] if quick else SHAPES:
        with tempfile.TemporaryDirectory() as folder, stand_in(Path(folder), mailboxes) as stand:
            stand.ask("fault", service="google", kind="delay", times=None, value=LATENCY)
            took = _filled(stand.ready, mailboxes, events)
            statuses = [entry["status"] for entry in stand.ask("log")]
        least = floor(mailboxes, events, LATENCY)
        name = f"time over the floor at 200 ms, {mailboxes} mailboxes"
        yield Figure(name, took / least, 1.15, raw=f"{took:.2f} s over {least:.2f} s, {events} events each")
        yield Figure("  calls refused meanwhile", sum(status >= 400 for status in statuses), 0, "calls")


def _filled(ready: dict[str, Any], mailboxes: int, events: int) -> float:
    calendar = connect(ready)
    changes = list(creations(mailboxes, events))
    begun = time.monotonic()
    unread = [one for one in calendar.read(map(address_of, range(mailboxes))) if one.error]
    done = sum(outcome.status == "done" for outcome in calendar.write(changes))
    took = time.monotonic() - begun
    calendar.close()
    if unread or done != len(changes):
        raise BrokenRunError(f"{len(unread)} mailboxes unreadable, {done} of {len(changes)} events created")
    return took
