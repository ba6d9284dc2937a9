"""How many calls an event costs: first load, nothing changed, one event in a hundred changed."""

import tempfile
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from figgo_ops import sync
from figgo_ops.home import Home
from figgo_ops.session import Session
from tests.benchmarks.figures import Figure
from tests.benchmarks.rehearsed import Company, rehearsed

PEOPLE = 150
TENANT = "corail"
START = sync.Ask(since="start")


def per_event(*, quick: bool) -> Iterator[Figure]:
    """Calls that write, over the events written; listings, over the mailboxes."""
    people = PEOPLE // 5 if quick else PEOPLE
    with tempfile.TemporaryDirectory() as folder, rehearsed(Path(folder), people) as company:
        company.switch("figgo", "rate_limit", 100_000)
        home = Home.open(str(company.home))
        with Session(home, TENANT) as session:
            made = sync.plan(session, START)
        company.forget()
        with Session(home, TENANT) as session:
            done = sync.apply(session, made.file or Path(), made.checksum)
        writes, _ = _counted(company)
        yield _per("calls per event, first load", writes, done.created, 1.05)
        with Session(home, TENANT) as session:
            again = sync.sync(session, START)
        writes, listed = _counted(company)
        yield Figure("writing calls, nothing changed", writes, 0, "calls", f"{again.unchanged} unchanged")
        yield Figure("  pages per mailbox", max(listed.values()), 1, "pages", f"{len(listed)} mailboxes")
        changed = _shortened(company, max(1, again.unchanged // 100))
        company.forget()
        with Session(home, TENANT) as session:
            last = sync.sync(session, START)
        writes, _ = _counted(company)
        yield _per(f"calls per change, {changed} periods shortened", writes, last.written, 1.1)


def _shortened(company: Company, number: int) -> int:
    """HR takes a half-day out of so many periods: the first one and the last one in turns."""
    events = [one for found in company.order("GET", "calendars")["calendars"].values() for one in found]
    done, soon = 0, datetime.now(UTC).date() + timedelta(days=2)
    for event in events:
        start, end = (date.fromisoformat(event[name].get("date", "1970-01-01")) for name in ("start", "end"))
        if done < number and start > soon and (end - start).days > 1:
            half_day = (start, "AM") if done % 2 else (end - timedelta(days=1), "PM")
            key = event["extendedProperties"]["private"]["figgoOpsKey"]
            company.take_out(int(key.split("/")[2]), *half_day)
            done += 1
    return done


def _per(name: str, calls: int, done: int, bar: float) -> Figure:
    return Figure(name, calls / done if done else float("inf"), bar, "calls", f"{calls} calls, {done} done")


def _counted(company: Company) -> tuple[int, Counter[str]]:
    """Calls to the calendar's events that write, looks at single events included; pages by mailbox."""
    writes, pages = 0, Counter[str]()
    for one in company.log():
        if one["service"] == "google" and "/events" in one["path"]:
            if one["method"] == "GET" and one["path"].endswith("/events"):
                pages[one["principal"]] += 1
            else:
                writes += 1
    company.forget()
    return writes, pages
