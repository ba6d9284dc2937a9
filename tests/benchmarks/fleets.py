"""What it costs to look at a fleet: from memory alone, and with a diagnosis of every tenant."""

import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from figgo_ops.desk import diagnostics, fleet
from figgo_ops.desk.diagnostics import Diagnosis
from figgo_ops.home import Home
from figgo_ops.transport import Clock
from tests.benchmarks.figures import Figure
from tests.benchmarks.processes import BrokenRunError
from tests.benchmarks.rehearsed import Company, rehearsed

TENANTS, PEOPLE = 200, 10
HEALTHY = 5.0
"""Seconds that the diagnosis of a healthy tenant may take."""


class Counted:
    """The usual diagnosis, with how many were under way at once and what each of them took."""

    def __init__(self) -> None:
        self.busy = self.most = 0
        self.spent: list[float] = []
        self._lock = threading.Lock()

    def __call__(self, home: Home, name: str, clock: Clock) -> Diagnosis:
        """Diagnose one tenant."""
        with self._lock:
            self.busy += 1
            self.most = max(self.most, self.busy)
        begun = time.monotonic()
        try:
            return diagnostics.diagnose(home, name, clock=clock)
        finally:
            with self._lock:
                self.busy -= 1
                self.spent.append(time.monotonic() - begun)


def many(*, quick: bool) -> Iterator[Figure]:
    """One tenant, then all of them, over one company whose stand-ins have a process of their own."""
    with tempfile.TemporaryDirectory() as folder, rehearsed(Path(folder), PEOPLE) as company:
        company.switch("figgo", "rate_limit", 100_000)
        home = Home.open(str(company.home))
        names = copies(company, TENANTS // 10 if quick else TENANTS)
        alone = Counted()
        for _ in range(2):  # the first one loads the libraries
            _clean(fleet.look(home, check=True, only=names[:1], diagnose=alone))
        yield Figure("diagnosis of a healthy tenant", alone.spent[-1], HEALTHY, "s")
        together, begun = Counted(), time.monotonic()
        found = fleet.look(home, check=True, diagnose=together)
        spent = time.monotonic() - begun
        _clean(found)
        size = f"{len(found.rows)} tenants, {len(found.rows) / spent:.1f} a second"
        yield Figure("fleet, every tenant diagnosed", spent, None, "s", size)
        yield Figure("  diagnoses under way at once", together.most, fleet.AT_ONCE, "at once")
        begun = time.monotonic()
        fleet.look(home)
        yield Figure("  the same from memory", time.monotonic() - begun, None, "s", size.partition(",")[0])


def copies(company: Company, number: int) -> list[str]:
    """Put so many tenants over the company in place of its own; their names."""
    kept = company.home / "tenants" / "corail.toml"
    text = kept.read_text(encoding="utf-8").replace('state = "draft"', 'state = "active"')
    names = [f"tenant-{n:03}" for n in range(1, number + 1)]
    for name in names:
        copy = text.replace('name = "corail"', f'name = "{name}"', 1)
        (kept.parent / f"{name}.toml").write_text(copy, encoding="utf-8")
    kept.unlink()
    return names


def _clean(found: fleet.Fleet) -> None:
    """A fleet that is broken measures nothing."""
    wrong = [f"{row.name}: {check.name}: {check.cause}" for row in found.rows for check in row.wrong]
    if any(row.exit for row in found.rows):
        raise BrokenRunError("\n".join(wrong[:5]))
