"""How much of what a service allows is used, on clocks that run fast on both sides; and its pauses kept."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from figgo_ops.figgo import Figgo
from figgo_ops.secrets import Secret
from figgo_ops.session import FOR_HINTS
from figgo_ops.tenants.file import FiggoSection
from tests.benchmarks.connect import FastClock, address_of, connect, creations
from tests.benchmarks.figures import PER_PROJECT, PER_USER, Figure, busiest, inside, used
from tests.benchmarks.processes import BrokenRunError, stand_in
from tests.benchmarks.rehearsed import rehearsed

ASKED = 8
"""Seconds of the Retry-After."""

IN_FLIGHT = 0.1
"""Real seconds in which a call that was under way when another one was refused may still arrive."""

MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class Load:
    """So many mailboxes filled at once for so many minutes, on clocks so many times as fast."""

    mailboxes: int
    minutes: float
    speed: float

    def calls(self, stand_faults: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        """What the stand-in, its quotas as Google's, was asked and answered; times on its own clock."""
        share = min(PER_USER, PER_PROJECT / self.mailboxes)
        with (
            tempfile.TemporaryDirectory() as folder,
            stand_in(Path(folder), self.mailboxes, speed=self.speed) as stand,
        ):
            calendar = connect(stand.ready, FastClock(self.speed))
            unread = [one for one in calendar.read(map(address_of, range(self.mailboxes))) if one.error]
            if stand_faults:
                stand.ask("fault", **stand_faults)
            for outcome in calendar.write(creations(self.mailboxes, int(share * self.minutes))):
                if outcome.status != "done":
                    raise BrokenRunError(f"{outcome.status}: {outcome.error}")
            calendar.close()
            entries = [one for one in stand.ask("log") if one["path"] != "/token"]
        assert not unread
        return [one | {"started": one["started"] * self.speed} for one in entries]


def google(*, quick: bool) -> Iterator[Figure]:
    """The share of Google's two quotas that is used, and that nothing is refused meanwhile."""
    of_user = Load(2, 1.2 if quick else 1.6, 4).calls()
    by_user = [[one["started"] for one in of_user if one["principal"] == address_of(n)] for n in range(2)]
    least = min(used(times, PER_USER) for times in by_user)
    raw = f"at most {max(map(busiest, by_user))} of {PER_USER} calls in any minute"
    yield Figure("share of one user's quota that is used", least, 0.95, "", raw, least=True)
    yield Figure("  calls refused meanwhile", _refused(of_user), 0, "calls", f"of {len(of_user)}")
    if not quick:
        of_project = Load(32, 1.25, 1.5).calls()
        times = [one["started"] for one in of_project]
        raw, share = (
            f"at most {busiest(times)} of {PER_PROJECT} calls in any minute",
            used(times, PER_PROJECT),
        )
        yield Figure("share of the project's quota that is used", share, 0.95, "", raw, least=True)
        yield Figure("  calls refused meanwhile", _refused(of_project), 0, "calls", f"of {len(of_project)}")


def pauses(*, quick: bool) -> Iterator[Figure]:
    """Calls that were sent although Google had asked for patience."""
    del quick
    speed = 4.0
    patience = {"status": 429, "headers": {"Retry-After": str(ASKED)}}
    fault = {"service": "google", "kind": "status", "method": "POST", "after": 100, "times": 3}
    calls = Load(8, 0.5, speed).calls(fault | {"value": patience})
    refusals = [one["started"] for one in calls if one["status"] == 429]
    times = [one["started"] for one in calls]
    early = inside(refusals, times, ASKED, IN_FLIGHT * speed)
    raw = f"{len(refusals)} refusals, {len(times)} calls"
    yield Figure("calls sent inside a Retry-After", early, 0, "calls", raw)
    yield Figure("  refusals that asked for it", len(refusals), 3, "calls", least=True)


def figgo(*, quick: bool) -> Iterator[Figure]:
    """The share of our own allowance at Figgo that a scheduled reading uses; the rest waits for hints."""
    speed, minutes = 60.0, 3 if quick else 4
    share = FiggoSection.model_fields["per_minute"].default
    allowed = share * (1 - FOR_HINTS)
    with tempfile.TemporaryDirectory() as folder, rehearsed(Path(folder), people=3) as company:
        company.switch("figgo", "rate_limit", int(share))
        company.switch("figgo", "rate_seconds", int(MINUTE / speed))
        key = Secret("file:key", (company.home / "secrets" / "corail-figgo.key").read_text())
        with Figgo(
            company.urls["figgo"],
            key,
            FastClock(speed),
            ca_file=company.ca_file,
            per_minute=allowed,
        ) as source:
            while source.requests <= minutes * allowed:
                source.people()
        calls = [one for one in company.log() if one["service"] == "figgo"]
    share_used = used([one["started"] * speed for one in calls], allowed)
    raw = f"{allowed:g} of our {share:g} a minute, the others kept for hints; Figgo allows 50"
    yield Figure("share of our allowance at Figgo that is used", share_used, 0.95, "", raw, least=True)
    yield Figure("  requests refused meanwhile", _refused(calls), 0, "calls", f"of {len(calls)}")


def _refused(calls: list[dict[str, Any]]) -> int:
    return sum(one["status"] in (403, 429) for one in calls)
