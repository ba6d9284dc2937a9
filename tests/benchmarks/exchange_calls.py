"""How many requests an event costs at Exchange, and what looking first and remembering add to its price."""

import json
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from figgo_ops import sync
from figgo_ops.home import Home
from figgo_ops.sandbox.home import SERVICE_ACCOUNT
from figgo_ops.session import Session
from tests.benchmarks.exchange_speed import BAR, CLIENTS, THREADS
from tests.benchmarks.figures import CHUNK, Figure
from tests.benchmarks.processes import BrokenRunError, child
from tests.benchmarks.rehearsed import Company, rehearsed
from tests.benchmarks.writing import LATENCY

MAILBOXES, EVENTS = 50, 20
TENANT = "corail"
START = sync.Ask(since="start")
SERVICE, PATH = "exchange", "/EWS/Exchange.asmx/"
LOOKING = ("", "FindItem")
"""What is no write: legs of log-ons, which have no operation, and listings."""

Steps = Counter[tuple[str, str]]
"""Requests by mailbox and operation."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What HR takes out of some periods.

    Attributes:
        steps: requests that it takes to write one: a replacement looks at the note to carry it over, creates,
            looks whether the old event is still as listed, since Exchange does not, and removes it.
    """

    first: bool
    halves: tuple[str, ...]
    steps: int

    def by_hr(self, company: Company, number: int) -> int:
        """Of so many periods, each in another mailbox; how many there were."""
        done, soon = 0, datetime.now(UTC).date() + timedelta(days=2)
        for events in company.order("GET", "calendars")["calendars"].values():
            for event in events:
                start, end = (date.fromisoformat(event[name]) for name in ("first_day", "last_day"))
                if done < number and event["all_day"] and start > soon and (end - start).days > 1:
                    period = int(event["properties"]["FiggoOpsKey"].split("/")[2])
                    company.take_out(period, start if self.first else end, *self.halves)
                    done += 1
                    break
        return done


CHANGES = {
    "the last day": Taken(first=False, halves=("AM", "PM"), steps=1),
    "the first day": Taken(first=True, halves=("AM", "PM"), steps=4),
    "the last afternoon": Taken(first=False, halves=("PM",), steps=4),
}
"""An update; another key, and so a replacement; days into hours, which Exchange needs a new item for."""


def per_event(*, quick: bool) -> Iterator[Figure]:
    """Requests that write, over one per mailbox and step and 50 events; listings, over the mailboxes."""
    people = MAILBOXES // 5 if quick else MAILBOXES
    with tempfile.TemporaryDirectory() as folder, rehearsed(Path(folder), people, on=SERVICE) as company:
        home = loaded(company)
        with Session(home, TENANT) as session:
            made = sync.plan(session, START)
        company.forget()
        with Session(home, TENANT) as session:
            done = sync.apply(session, made.file or Path(), made.checksum)
        yield from _first_load(_counted(company), done.created, people)
        with Session(home, TENANT) as session:
            again = sync.sync(session, START)
        steps = _counted(company)
        unchanged = f"{again.unchanged} unchanged"
        yield Figure("Exchange, writing calls, nothing changed", _writing(steps), 0, "calls", unchanged)
        most = max(count for (_, operation), count in steps.items() if operation == "FindItem")
        yield Figure("  pages per mailbox", most, 1, "pages", f"{people} mailboxes")
        for name, taken in CHANGES.items():
            number = taken.by_hr(company, max(1, again.unchanged // 100))
            company.forget()
            with Session(home, TENANT) as session:
                last = sync.sync(session, START)
            yield from _changed(name, _counted(company), last.written, taken.steps * number)


def _first_load(steps: Steps, created: int, people: int) -> Iterator[Figure]:
    name = f"Exchange, writing calls per {CHUNK} events and mailbox, first load"
    raw = f"{created} created in {people} mailboxes"
    yield Figure(name, _writing(steps) / people, 1, "calls", raw)
    yield Figure("  calls per event", _writing(steps) / created, 1.05, "calls", f"{_writing(steps)} calls")
    yield Figure("  legs of log-ons", sum(n for (_, name), n in steps.items() if not name), unit="calls")


def _changed(name: str, steps: Steps, written: int, due: int) -> Iterator[Figure]:
    operations = Counter[str]()
    for (_, operation), count in steps.items():
        operations[operation] += count
    said = ", ".join(f"{operations[one]} {one}" for one in sorted(operations) if one not in LOOKING)
    yield Figure(f"  calls per mailbox and step, {name} taken out", _writing(steps) / due, 1, "calls", said)
    per_change = _writing(steps) / written if written else float("inf")
    yield Figure("    calls per change", per_change, unit="calls", raw=f"{written} changes")


def _writing(steps: Steps) -> int:
    """All but listings and log-ons: looks at single events count."""
    return sum(count for (_, operation), count in steps.items() if operation not in LOOKING)


def _counted(company: Company) -> Steps:
    """What was asked of Exchange since the last time; legs of log-ons have no operation."""
    entries = [one for one in company.log() if one["service"] == SERVICE]
    company.forget()
    return Counter((one["principal"], one["path"].removeprefix(PATH[:-1]).strip("/")) for one in entries)


def loaded(company: Company) -> Home:
    """Everybody has about so many events; Figgo answers as often as it is asked."""
    company.switch("figgo", "rate_limit", 100_000)
    today = datetime.now(UTC).date()
    first = today + timedelta(days=9 - today.weekday())
    for person in company.mails():
        for week in range(EVENTS - 2):  # the crowd has a few of its own
            company.enter(person, first + timedelta(days=7 * week))
    return Home.open(str(company.home))


def safety(*, quick: bool) -> Iterator[Figure]:
    """A whole first load as `apply` does it, over bare `bulk_create` of as many events.

    Beyond creating, `apply` asks Figgo again, takes leases, lists each mailbox, looks for look-alikes,
    compares, and keeps in the ledger what it is about to do and what became of it.
    """
    rounds = [_round(MAILBOXES) for _ in range(2 if quick else 3)]
    ours, bare = (
        {name: min(one[name] for one in side) for name in side[0]} for side in zip(*rounds, strict=True)
    )
    raw = "ours {:.3f} {unit}, bare {:.3f} {unit}; min of {} rounds"
    cpu = raw.format(1000 * ours["cpu"], 1000 * bare["cpu"], len(rounds), unit="ms")
    yield Figure("whole apply over bulk_create's, CPU per event", ours["cpu"] / bare["cpu"], BAR, raw=cpu)
    wall = raw.format(1000 * ours["wall"], 1000 * bare["wall"], len(rounds), unit="ms")
    yield Figure(f"  time per event at {1000 * LATENCY:.0f} ms", ours["wall"] / bare["wall"], raw=wall)
    calls = f"ours {ours['calls']:.3f}, bare {bare['calls']:.3f} an event"
    yield Figure("  requests to Exchange", ours["calls"] / bare["calls"], raw=calls)


def _round(people: int) -> tuple[dict[str, float], dict[str, float]]:
    """What each event cost us, and what it cost the bare library in the same mailboxes afterwards."""
    with (
        tempfile.TemporaryDirectory() as folder,
        rehearsed(Path(folder), people, on=SERVICE, more='auth = "basic"\n') as company,
    ):
        home = loaded(company)
        with Session(home, TENANT) as session:
            made = sync.plan(session, START)
        company.order("POST", "faults", service=SERVICE, kind="delay", times=None, value=LATENCY)
        company.forget()
        cpu, begun = time.process_time(), time.monotonic()
        with Session(home, TENANT) as session:
            done = sync.apply(session, made.file or Path(), made.checksum)
        ours = {"cpu": time.process_time() - cpu, "wall": time.monotonic() - begun}
        if done.created < people * EVENTS / 2:
            raise BrokenRunError(f"only {done.created} events created: {done}")
        ours["calls"] = sum(_counted(company).values())
        bare = _bare(company, done.created // people)
        return {name: value / done.created for name, value in ours.items()}, bare


def _bare(company: Company, events: int) -> dict[str, float]:
    mails = [*company.mails().values()]
    ready = {
        "url": company.urls[SERVICE],
        "ca_file": company.ca_file,
        "mails": mails,
        "user": SERVICE_ACCOUNT,
        "key": str(company.home / "secrets" / f"{TENANT}-exchange.password"),
    }
    with child(CLIENTS, "bare", json.dumps(ready), str(len(mails)), str(THREADS)) as bare:
        bare.ask("fill", first=1, events=events)
        company.forget()
        answer = bare.ask("fill", first=1 + events, events=events)
    if answer["done"] != events * len(mails):
        raise BrokenRunError(f"bulk_create made {answer['done']} of {events * len(mails)} events")
    answer["calls"] = sum(_counted(company).values())
    return {name: answer[name] / answer["done"] for name in ("cpu", "wall", "calls")}
