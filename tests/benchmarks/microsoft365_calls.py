"""How many requests an event costs at Microsoft 365, and how its limits of each mailbox are kept."""

import math
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from figgo_ops import sync
from figgo_ops.home import Home
from figgo_ops.result import Result
from figgo_ops.sandbox import Rehearsal
from figgo_ops.sandbox.absences import Request
from figgo_ops.sandbox.people import RefusedAct
from figgo_ops.session import Session
from tests.benchmarks.audits import fill
from tests.benchmarks.connect import FastClock, address_of, connect_microsoft365, creations
from tests.benchmarks.figures import Figure
from tests.benchmarks.processes import BrokenRunError, Child, stand_in
from tests.benchmarks.quota import IN_FLIGHT
from tests.benchmarks.rehearsed import prepare

SERVICE = "microsoft365"
BATCH, AT_ONCE = 20, 4
"""Requests in a batch, and in flight on a mailbox; the benchmark's own copies."""

MAILBOXES, EVENTS, ZONE = 100, 20, "Europe/Paris"
TENANT = "corail"
START = sync.Ask(since="start")
ASKED = 2
"""Seconds of a Retry-After."""

OF_EACH = 3
"""Changes of each kind; a hundredth of the events, about."""

Asked = list[tuple[str, str, str]]
DAY = timedelta(days=1)


def per_event(*, quick: bool) -> Iterator[Figure]:
    """Batches and the requests in them, for a first load, for changes of all kinds and for none."""
    events = EVENTS // 4 if quick else EVENTS
    name = f"Microsoft 365, HTTP requests for {MAILBOXES * events} creations in {MAILBOXES} mailboxes"
    yield from _written(name, events, math.ceil(1.05 * MAILBOXES * events / BATCH))
    yield from _written("  the same, one in fifty refused for a while", events, None, every=50)
    with (
        tempfile.TemporaryDirectory() as folder,
        _company(Path(folder) / "home", MAILBOXES // 4 if quick else MAILBOXES) as company,
    ):
        yield from _through_apply(company, Home.open(str(company.home)))


def _written(name: str, events: int, bar: float | None, every: int = 0) -> Iterator[Figure]:
    """A first load by the adapter alone; if `every` is set each so many-th creation is refused with 429."""
    with tempfile.TemporaryDirectory() as folder, stand_in(Path(folder), MAILBOXES, kind=SERVICE) as stand:
        busy = {"method": "POST", "status": 429, "code": "ApplicationThrottled", "retry_after": ASKED}
        stand.ask("switch", name="item_errors", value=busy | {"every": every} if every else {})
        load(stand, MAILBOXES, events)
        batches = sum(entry["path"].endswith("$batch/POST") for entry in stand.ask("log"))
        told = stand.ask("items")
    yield Figure(name, batches, bar, "requests", f"{told['methods']['POST']} items")
    yield Figure("  most in flight on a mailbox", told["most"], AT_ONCE, "items")
    early = [ASKED - seconds for seconds in told["early"]]
    raw = f"{len(early)} were under way when it was told" if early else ""
    yield Figure("  sent inside a Retry-After", sum(late > IN_FLIGHT for late in early), 0, "items", raw)


def load(stand: Child, mailboxes: int, events: int, speed: float = 1.0) -> None:
    """Read so many mailboxes and create so many events in each."""
    calendar = connect_microsoft365(stand.ready, FastClock(speed))
    unread = [one for one in calendar.read(map(address_of, range(mailboxes))) if one.error]
    outcomes = [*calendar.write(creations(mailboxes, events, zone=ZONE))]
    calendar.close()
    failed = [one for one in outcomes if one.status != "done"]
    if unread or failed:
        raise BrokenRunError(
            f"{len(unread)} mailboxes unreadable, {len(failed)} creations failed: {failed[:1]}"
        )


def _company(folder: Path, people: int) -> Rehearsal:
    """All on one calendar; in this process, as nobody else can see into batches."""
    prepare(folder, SERVICE, "")
    company = Rehearsal(folder, people=people)
    company.figgo.switch("rate_limit", 100_000)
    company.microsoft365.check = False
    return company


def _through_apply(company: Rehearsal, home: Home) -> Iterator[Figure]:
    absences = Absences.entered(company)
    fill(company, EVENTS)
    with Session(home, TENANT) as session:
        made = sync.plan(session, START)
    company.microsoft365.asked.clear()
    with Session(home, TENANT) as session:
        done = sync.apply(session, made.file or Path(), made.checksum)
    asked = _counted(company)
    yield Figure(
        "  items per event, whole apply", _writing(asked) / done.created, 1.05, "items", _said(asked)
    )
    again = _synced(home)
    asked = _counted(company)
    yield Figure(
        "  writing items, nothing changed", _writing(asked), 0, "items", f"{again.unchanged} unchanged"
    )
    pages = Counter(mailbox for _, mailbox, path in asked if path == "/events")
    yield Figure("  pages per mailbox", max(pages.values()), 1, "pages", f"{len(pages)} mailboxes")
    due = absences.changed(company)
    last = _synced(home)
    if last.written != due:
        raise BrokenRunError(f"{last.written} of {due} changes written: {last}")
    asked = _counted(company)
    name = f"  items per change, {due} changes of all kinds"
    yield Figure(name, _writing(asked) / due, 1.1, "items", _said(asked))


def _synced(home: Home) -> Result:
    with Session(home, TENANT) as session:
        return sync.sync(session, START)


def _counted(company: Rehearsal) -> Asked:
    """What was asked since the last time."""
    asked = [*company.microsoft365.asked]
    company.microsoft365.asked.clear()
    return asked


def _writing(asked: Asked) -> int:
    """All but listings: looks at single events count."""
    return sum(path != "/events" or method != "GET" for method, _, path in asked)


def _said(asked: Asked) -> str:
    methods = Counter(method for method, _, path in asked if path != "/events" or method != "GET")
    return ", ".join(f"{methods[name]} {name}" for name in sorted(methods))


@dataclass(frozen=True, slots=True)
class Absences:
    """Two days off of several people, and what becomes of them.

    Attributes:
        pending: not approved yet, as many as there are changes of a kind.
        approved: four times as many.
    """

    pending: list[Request]
    approved: list[Request]

    @classmethod
    def entered(cls, company: Rehearsal) -> "Absences":
        """Somebody else's each."""
        today = company.company.today
        monday = today + timedelta(days=35 - today.weekday())
        asked = []
        for person in company.company.people.values():
            try:
                asked.append(company.request_leave(person.id, monday, monday + DAY, "RTT"))
            except RefusedAct:
                continue
        asked = asked[: 5 * OF_EACH]
        for one in asked[OF_EACH:]:
            company.approve(one.id)
        return cls(asked[:OF_EACH], asked[OF_EACH:])

    def changed(self, company: Rehearsal) -> int:
        """Let all of them become something else; how many changes that makes.

        Approved: an update. A day or an afternoon taken out at the end: an update. A day taken out at the
        beginning: another key, and so a replacement, a creation and a removal. All taken out: a removal.
        And a day off that nobody had entered: a creation.
        """
        first, last, afternoon, whole = (self.approved[begin::4] for begin in range(4))
        for one in self.pending:
            company.approve(one.id)
            company.enter_by_hr(one.period.owner.id, one.period.last[0] + 2 * DAY, account="RTT")
        for one in first:
            _take_out(company, one, one.period.first[0], "AM", "PM")
        for one in last:
            _take_out(company, one, one.period.last[0], "AM", "PM")
        for one in afternoon:
            _take_out(company, one, one.period.last[0], "PM")
        for one in whole:
            _take_out(company, one, one.period.first[0], "AM", "PM")
            _take_out(company, one, one.period.last[0], "AM", "PM")
        return 7 * OF_EACH


def _take_out(company: Rehearsal, asked: Request, day: date, *halves: str) -> None:
    company.remove_half_days(asked.period.id, [(day, half) for half in halves])


@dataclass(frozen=True, slots=True)
class Quota:
    """What each mailbox takes: so many requests in so many seconds, on clocks so many times as fast."""

    requests: int = 200
    seconds: int = 60
    speed: float = 6.0


def quota(*, quick: bool) -> Iterator[Figure]:
    """The share of a mailbox's quota that is used, by a client that is told of it by refusals only.

    What is due, over what was taken, in time: a quota's worth goes at once, the next one when the first
    has left the window. One listing is part of it, and the last creation begins the last window.
    """
    limits, mailboxes, windows = Quota(), 4 if quick else 10, 1 if quick else 3
    with (
        tempfile.TemporaryDirectory() as folder,
        stand_in(Path(folder), mailboxes, kind=SERVICE, speed=limits.speed) as stand,
    ):
        stand.ask("switch", name="quota", value=limits.requests)
        stand.ask("switch", name="quota_seconds", value=limits.seconds)
        events = windows * limits.requests
        load(stand, mailboxes, events, limits.speed)
        times = [one["started"] * limits.speed for one in stand.ask("log") if "$batch" in one["path"]]
        told = stand.ask("items")
    least, took = windows * limits.seconds, max(times) - min(times)
    raw = f"{took:.1f} s over {least} s for {1 + events} requests to each of {mailboxes} mailboxes"
    yield Figure(
        "Microsoft 365, share of a mailbox's quota that is used", least / took, 0.95, "", raw, least=True
    )
    # Whatever is sent inside a Retry-After is refused again, so this tells of that too.
    refused = told["methods"]["POST"] - mailboxes * events
    raw = f"{refused} refusals, {windows} times a quota used up"
    learnt = refused / mailboxes / windows
    yield Figure("  refusals that tell of it, per mailbox and time", learnt, AT_ONCE, "items", raw)
