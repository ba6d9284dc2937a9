"""What was measured beside what it must not exceed; the arithmetic of the benchmark, pure."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

PER_USER, PER_PROJECT = 600, 10_000
"""Google's calls a minute; the benchmark's own copy, so that a wrong figure in the package shows."""

CHUNK, PAGE = 50, 250
"""Events that one request to Exchange creates, and that it lists; copies for the same reason."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number.

    Attributes:
        bar: what it must not exceed, or not fall below where `least` is set; None for information.
        raw: the figures it was made of.
    """

    name: str
    measured: float
    bar: float | None = None
    unit: str = "x"
    raw: str = ""
    least: bool = False

    @property
    def kept(self) -> bool:
        """Whether the bar holds; a number that is none breaks every bar."""
        if self.bar is None:
            return True
        return self.measured >= self.bar if self.least else self.measured <= self.bar

    @property
    def verdict(self) -> str:
        """In one word."""
        return "info" if self.bar is None else "ok" if self.kept else "BROKEN"

    def line(self) -> str:
        """The figure as it is printed."""
        bar = "" if self.bar is None else f"bar {'>=' if self.least else '<='} {self.bar:g}"
        head = f"{self.verdict:6} {self.name:58} {self.measured:9.3f} {self.unit:9} {bar:12}"
        return f"{head} {self.raw}".rstrip()


def broken(figures: Iterable[Figure]) -> list[Figure]:
    """The figures whose bar does not hold."""
    return [figure for figure in figures if not figure.kept]


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """How many times the other side's median our median is."""
    return median(ours) / median(theirs)


def best(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """How many times the other side's best our best is: what a busy machine adds is in neither."""
    return min(ours) / min(theirs)


def per_doubling(sizes: Sequence[float], costs: Sequence[float]) -> list[float]:
    """By how much the cost grows per doubling of the size, from each size to the next one."""
    steps = zip(pairwise(sizes), pairwise(costs), strict=True)
    return [(dear / cheap) ** (1 / math.log2(large / small)) for (small, large), (cheap, dear) in steps]


def floor(mailboxes: int, events: int, latency: float) -> float:
    """Seconds that no client of Google can stay below when it reads and then fills so many mailboxes.

    The longest of three: one mailbox's token, listing and writes one after the other; the calls of one user
    at that user's quota; all calls at the project's. Tokens are not counted by the quotas.
    """
    calls = 1 + events
    chain = (1 + calls) * latency
    return max(chain, calls * 60 / PER_USER, mailboxes * calls * 60 / PER_PROJECT)


def in_flight(mailboxes: int, steps: int, threads: int, latency: float) -> float:
    """Seconds that nobody can stay below who asks each mailbox so many things, one after the other."""
    return math.ceil(mailboxes / threads) * steps * latency


def used(times: Sequence[float], per_minute: float) -> float:
    """The share of an allowance that calls at these times used, from the first one to the last one.

    The last call only ends the time: what it adds belongs to the time after it.
    """
    first, *_, last = sorted(times)
    return (len(times) - 1) / ((last - first) / 60 * per_minute)


def busiest(times: Sequence[float], seconds: float = 60.0) -> int:
    """The most calls that any such stretch of time holds."""
    ordered, most, begin = sorted(times), 0, 0
    for end, at in enumerate(ordered):
        while at - ordered[begin] >= seconds:
            begin += 1
        most = max(most, end - begin + 1)
    return most


def inside(refusals: Sequence[float], calls: Sequence[float], asked: float, grace: float = 0.0) -> int:
    """How many calls were sent before a refusal's Retry-After was over.

    Args:
        asked: seconds that every refusal asked for.
        grace: seconds after a refusal in which calls that were already under way may still arrive.
    """
    return sum(any(at + grace < call < at + asked for at in refusals) for call in calls)
