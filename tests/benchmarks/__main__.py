"""Print each figure beside its bar: how fast a plan is made, and how many calls an event costs."""

import argparse
import platform
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from figgo_ops import sync
from figgo_ops.diff import Frame, Seat, diff
from figgo_ops.events import Fingerprint, Policy, Wanted, wanted
from figgo_ops.home import Home
from figgo_ops.leaves import Leave, Person, Span, WorkingTime
from figgo_ops.plan import Existing, Listing, Mailbox
from figgo_ops.sandbox import Rehearsal
from figgo_ops.session import Session

HOST = "acme.ilucca.net"
FIRST = date(2026, 1, 5)
WINDOW = Span(date(2026, 1, 1), date(2027, 12, 31))
LEAVES_EACH = 200


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number and what it must not exceed."""

    name: str
    measured: float
    bar: float
    unit: str


def main() -> int:
    """Measure; exit 1 when a bar is broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument("--half-days", type=int, default=1_000_000)
    parser.add_argument("--people", type=int, default=200, help="of the rehearsal company")
    parser.add_argument("--seed", type=int, default=2026)
    options = parser.parse_args()
    print(f"Python {platform.python_version()}, seed {options.seed}, {options.half_days} half-days")
    figures = [*plan_of(options.half_days), *calls(options.people, options.seed)]
    for figure in figures:
        verdict = "ok" if figure.measured <= figure.bar else "ABOVE ITS BAR"
        print(f"{figure.name:58} {figure.measured:10.2f}  bar {figure.bar:8.2f} {figure.unit:12} {verdict}")
    return int(any(figure.measured > figure.bar for figure in figures))


def plan_of(half_days: int) -> Iterator[Figure]:
    """One core, nothing changed: half-days in, a plan without a change out."""
    begun = time.process_time()
    seats, listings = [], []
    for number in range(1, half_days // LEAVES_EACH + 1):
        person = Person(number, f"P {number}", f"p{number}@acme.example", None, 1)
        found = wanted(person, rows(number), Policy("Europe/Paris"), WorkingTime(), HOST, hour_ranges=False)
        home = Mailbox("google", f"p{number}@acme.example")
        seats.append(Seat(person, home, frozenset(), tuple(found), WINDOW))
        listings.append(Listing(home, tuple(_existing(home, one) for one in found)))
    frame = Frame(HOST, FIRST, WINDOW, known=frozenset(seat.person.id for seat in seats))
    result = diff(seats, listings, frame)
    assert not result.changes
    assert len(result.unchanged) == sum(len(seat.wanted) for seat in seats)
    yield Figure(f"plan of {half_days} half-days, CPU", time.process_time() - begun, half_days / 50_000, "s")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    yield Figure("the same, peak memory of the process", memory, 1.5, "GiB")


def rows(owner: int) -> list[Leave]:
    """A week of leave every fortnight."""
    return [
        Leave(f"{owner}{week}-{day}-{half}", owner, owner * 1000 + week, day, half, 1, "Congés payés")
        for week in range(LEAVES_EACH // 10)
        for day in (FIRST + timedelta(days=14 * week + n) for n in range(5))
        for half in ("A", "P")
    ]


def _existing(home: Mailbox, one: Wanted) -> Existing:
    key = str(one.key)
    return Existing(home, key, "1", f"{key}@google.com", key, str(Fingerprint.of(one.event)), one.event)


def calls(people: int, seed: int) -> Iterator[Figure]:
    """Calls over sockets: first load, nothing changed, one event in a hundred changed."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Rehearsal(Path(folder) / "home", people=people, seed=seed) as company,
    ):
        company.figgo.switch("rate_limit", 100_000)
        home = Home.open(str(Path(folder) / "home"))
        with counted(company) as sent:
            with Session(home, "corail") as session:
                made = sync.plan(session, sync.Ask(since="start"))
            with Session(home, "corail") as session:
                begun = time.process_time()
                done = sync.apply(session, made.file or Path(), made.checksum)
                spent = time.process_time() - begun
        yield Figure("writing calls per event, first load", sent["writes"] / done.created, 1.05, "calls")
        yield Figure("CPU per created event, stand-in included", 1000 * spent / done.created, 20, "ms")
        with counted(company) as sent, Session(home, "corail") as session:
            again = sync.sync(session, sync.Ask(since="start"))
        mailboxes = len(company.google.mails())
        yield Figure("writing calls, nothing changed", sent["writes"], 0, "calls")
        yield Figure("listings per mailbox, nothing changed", sent["reads"] / mailboxes, 1, "calls")
        changed = company_changes(company, again.unchanged // 100)
        with counted(company) as sent, Session(home, "corail") as session:
            last = sync.sync(session, sync.Ask(since="start"))
        per_change = sent["writes"] / max(1, last.written)
        yield Figure(f"writing calls per change, {changed} periods cancelled", per_change, 1.1, "calls")


def company_changes(company: Rehearsal, number: int) -> int:
    """HR takes the first half-day out of so many periods."""
    today, done = company.company.today, 0
    for period in list(company.company.periods.values()):
        active = [leave for leave in period.active() if leave.day > today]
        if done < number and len(active) > 2:
            company.remove_half_days(period.id, [(active[0].day, "PM" if active[0].half else "AM")])
            done += 1
    return done


@contextmanager
def counted(company: Rehearsal) -> Iterator[dict[str, int]]:
    """Counts calls to the calendar's events while the block runs."""
    before, found = len(company.log.entries(service="google")), {"reads": 0, "writes": 0}
    yield found
    for entry in company.log.entries(service="google")[before:]:
        if "/events" in entry.path:
            found["reads" if entry.method == "GET" else "writes"] += 1


if __name__ == "__main__":
    sys.exit(main())
