"""Print each figure beside its bar; exit 1 when a bar is broken. `README.md` here says how to read it."""

import argparse
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import version

from tests.benchmarks import (
    audits,
    calls,
    exchange_calls,
    exchange_speed,
    fleets,
    microsoft365_calls,
    microsoft365_speed,
    plans,
    quota,
    writing,
)
from tests.benchmarks.figures import Figure, broken
from tests.benchmarks.plans import PEER_PYTHON
from tests.benchmarks.processes import run

Row = Callable[..., Iterator[Figure]]

LIBRARIES = (
    "exchangelib",
    "google-api-python-client",
    "google-auth",
    "google-auth-httplib2",
    "httplib2",
    "httpx",
    "lxml",
    "msal",
    "pydantic",
)
NOT_BUILT = ("webhook accepted / visible in the calendar", "two Dask workers over one")


def rows(seed: int) -> Mapping[str, Row]:
    """What can be measured, by name."""
    return {
        "calls": calls.per_event,
        "vdirsyncer": lambda *, quick: plans.beside_vdirsyncer(seed, quick=quick),
        "million": lambda *, quick: plans.growth(seed, quick=quick),
        "cpu": writing.cpu_per_event,
        "latency": writing.latency_hiding,
        "quota": quota.google,
        "pauses": quota.pauses,
        "figgo": quota.figgo,
        "exchange-calls": exchange_calls.per_event,
        "exchange-cpu": exchange_speed.cpu_per_event,
        "exchange-safety": exchange_calls.safety,
        "exchange-listing": exchange_speed.listing,
        "exchange-latency": exchange_speed.latency_hiding,
        "microsoft365-calls": microsoft365_calls.per_event,
        "microsoft365-cpu": microsoft365_speed.cpu_per_event,
        "microsoft365-listing": microsoft365_speed.listing,
        "microsoft365-latency": microsoft365_speed.latency_hiding,
        "microsoft365-quota": microsoft365_calls.quota,
        "audit": audits.large,
        "report": audits.report,
        "fleet": fleets.many,
    }


def main() -> int:
    """Measure; 1 when a bar is broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument("--only", action="append", choices=rows(0), help="this row; may be repeated")
    parser.add_argument("--quick", action="store_true", help="smaller sizes and fewer rounds")
    parser.add_argument("--seed", type=int, default=2026)
    options = parser.parse_args()
    print(_surroundings(options.seed))
    figures = []
    for name, row in rows(options.seed).items():
        if options.only is None or name in options.only:
            begun = time.monotonic()
            for figure in row(quick=options.quick):
                figures.append(figure)
                print(figure.line(), flush=True)
            print(f"       ({name}: {time.monotonic() - begun:.0f} s)", flush=True)
    for name in NOT_BUILT:
        print(f"       not built yet: {name}")
    failed = broken(figures)
    print(f"{len(failed)} bars broken" if failed else "every bar holds")
    return int(bool(failed))


def _surroundings(seed: int) -> str:
    found = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    peer = "not installed"
    if PEER_PYTHON.exists():
        ask = "import importlib.metadata as m, json; print(json.dumps({'v': m.version('vdirsyncer')}))"
        peer = str(run(["-c", ask], str(PEER_PYTHON))["v"])
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    return (
        f"Python {platform.python_version()}, {os.cpu_count()} CPUs (load {load}), seed {seed}\n"
        f"{found}; vdirsyncer {peer}"
    )


if __name__ == "__main__":
    sys.exit(main())
