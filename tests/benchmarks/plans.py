"""How long a plan takes when nothing changed: by itself, and beside vdirsyncer's diff."""

from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmarks.figures import Figure, per_doubling, ratio
from tests.benchmarks.processes import ROOT, BrokenRunError, run

PEER_PYTHON = ROOT / "build" / "bench" / "bin" / "python"
PEER = Path(__file__).with_name("peer_vdirsyncer.py")
EVENTS, HALF_DAYS = 100_000, (250_000, 500_000, 1_000_000)


def beside_vdirsyncer(seed: int, *, quick: bool) -> Iterator[Figure]:
    """As many events on either side, in turns, each turn in a process of its own."""
    if not PEER_PYTHON.exists():
        raise BrokenRunError(f"{PEER_PYTHON.relative_to(ROOT)} is missing: `make bench` makes it")
    events, rounds = (20_000, 3) if quick else (EVENTS, 5)
    ours, theirs = list[dict[str, Any]](), list[dict[str, Any]]()
    for _ in range(rounds):
        ours.append(_planned(seed, events=events))
        theirs.append(run([str(PEER), str(events)], str(PEER_PYTHON)))
    cpu, memory = ([[one[name] for one in side] for side in (ours, theirs)] for name in ("cpu", "mib"))
    half_days = ours[0]["half_days"]
    raw = f"{median(cpu[0]):.2f} s over {median(cpu[1]):.2f} s, {rounds} rounds, {half_days} half-days"
    yield Figure(f"plan of {events} events over vdirsyncer's diff, CPU", ratio(*cpu), 0.25, raw=raw)
    raw = f"{median(memory[0]):.0f} MiB over {median(memory[1]):.0f} MiB"
    yield Figure("  the same, peak memory", ratio(*memory), 1.5, raw=raw)


def growth(seed: int, *, quick: bool) -> Iterator[Figure]:
    """Three sizes: what the largest takes, and how the cost grows."""
    sizes = [size // 10 for size in HALF_DAYS] if quick else list(HALF_DAYS)
    found = [_planned(seed, half_days=size) for size in sizes]
    largest, share = found[-1], sizes[-1] / HALF_DAYS[-1]
    name = f"plan of {sizes[-1]} half-days, CPU"
    yield Figure(name, largest["cpu"], 20 * share, "s", f"{largest['events']} events")
    yield Figure("  the same, peak memory", largest["mib"] / 1024, 1.5, "GiB")
    steps = per_doubling([one["half_days"] for one in found], [one["cpu"] for one in found])
    raw = ", ".join(f"{size}: {one['cpu']:.2f} s" for size, one in zip(sizes, found, strict=True))
    yield Figure("  the same, per doubling", max(steps), 2.2, raw=raw)


def _planned(seed: int, **size: int) -> dict[str, Any]:
    sized = [word for name, value in size.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    return run(["-m", "tests.benchmarks.planning", "--seed", str(seed), *sized])
