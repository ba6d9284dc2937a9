"""Two clients measured in turns: what both of their processes do, and who gives them their turns."""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import cycle
from typing import Any

from tests.benchmarks.connect import last_word
from tests.benchmarks.processes import BrokenRunError, Child, child

WARMING = 1
"""So many turns of each side warm it up and are not counted."""

Order = dict[str, Any]


def arguments() -> tuple[str, dict[str, Any], int, int]:
    """Which side a process is, where the stand-in is, how many mailboxes and threads."""
    parser = argparse.ArgumentParser()
    parser.add_argument("side", choices=("ours", "bare"))
    parser.add_argument("ready")
    parser.add_argument("mailboxes", type=int)
    parser.add_argument("threads", type=int)
    options = parser.parse_args()
    return options.side, json.loads(options.ready), options.mailboxes, options.threads


def follow(prepare: Callable[[Order], Callable[[], int]]) -> None:
    """Follow orders, one per line, until stdin ends.

    Answers each with the CPU time of this process alone and with the wall clock, from the first event to the
    last one; what `prepare` does is not timed.
    """
    last_word({"ready": True})
    for line in sys.stdin:
        timed = prepare(json.loads(line))
        cpu, begun = time.process_time(), time.monotonic()
        done = timed()
        last_word({"cpu": time.process_time() - cpu, "wall": time.monotonic() - begun, "done": done})


def in_turns(
    module: str, stand: Child, mailboxes: int, threads: int, orders: Iterable[Order]
) -> dict[str, list[Order]]:
    """What both sides answer, the bare one to the first order, ours to the second, and so on.

    Each answer says also how many requests it took.

    Raises:
        BrokenRunError: a side did less than its order says in `due`.
    """
    given = (json.dumps(stand.ready), str(mailboxes), str(threads))
    told = dict[str, list[Order]](ours=[], bare=[])
    with child(module, "ours", *given) as ours, child(module, "bare", *given) as bare:
        for (name, client), order in zip(cycle((("bare", bare), ("ours", ours))), orders, strict=False):
            stand.ask("clear")
            answer = client.ask(**order)
            answer["calls"] = len(stand.ask("log"))
            if answer["done"] != order["due"]:
                raise BrokenRunError(f"{name} did {answer['done']} of {order['due']}")
            told[name].append(answer)
    return {name: answers[WARMING:] for name, answers in told.items()}


def fills(rounds: int, mailboxes: int, events: int) -> Iterator[Order]:
    """Orders to both sides in turns, warming up included: so many events for each mailbox, always others."""
    for turn in range(2 * (WARMING + rounds)):
        yield {"do": "fill", "first": 1 + turn * events, "events": events, "due": mailboxes * events}
