"""The rehearsal company for journeys: real sockets, and a clock that moves only when slept on."""

import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Self
from unittest import mock
from zoneinfo import ZoneInfo

from figgo_ops import sync
from figgo_ops.home import LEDGER_VARIABLE, Home
from figgo_ops.plan import Plan
from figgo_ops.result import Result
from figgo_ops.sandbox import Fault, Rehearsal
from figgo_ops.sandbox.absences import Leave
from figgo_ops.sandbox.company import Company
from figgo_ops.sandbox.exchange import PATH
from figgo_ops.sandbox.exchange_times import windows_id
from figgo_ops.sandbox.home import TENANT_ID
from figgo_ops.sandbox.home import Home as SandboxHome
from figgo_ops.sandbox.messages import Entry, Request
from figgo_ops.sandbox.microsoft365_batch import PATH as BATCH
from figgo_ops.sandbox.narrator import Case
from figgo_ops.sandbox.people import LEGAL_ENTITIES, Person
from figgo_ops.sandbox.rehearsal import Keeper
from figgo_ops.sandbox.worktime import AFTERNOON, MORNING, is_weekend, slots
from figgo_ops.session import Session
from tests.calendars.stages import service_account

TENANT = "corail"
GENEVA, ANTILLES = 2, 3
TODAY = date(2026, 11, 23)
"""A Monday with Christmas, the New Year and a clock change ahead."""

DAY = timedelta(days=1)

_DISCOVERY = "v2.0/.well-known/openid-configuration"

ZONES = {windows_id(one.timezone): one.timezone for one in LEGAL_ENTITIES}
"""Windows has one name for many zones; ours have one each."""

LOG_ONS = ("/token", PATH, f"/{TENANT_ID}/oauth2/v2.0/token", f"/{TENANT_ID}/{_DISCOVERY}")
LISTINGS = {
    "google": ("GET", "*"),
    "exchange": ("POST", f"{PATH}/FindItem"),
    "microsoft365": ("POST", BATCH, f"{BATCH}/GET"),
}
WRITES = {
    "google": ("[!GH]*", "*"),
    "exchange": ("POST", f"{PATH}/*teItem"),
    "microsoft365": ("POST", BATCH, f"{BATCH}/POST", f"{BATCH}/PATCH", f"{BATCH}/DELETE"),
}
"""For each provider the methods and places of such calls; a batch of several methods is both."""

Event = dict[str, Any]


class Clock:
    """A clock that sleeps by moving on.

    Attributes:
        interrupt: Ctrl-C arrives the next time the main thread calls the method of this name.
    """

    def __init__(self, start: datetime) -> None:
        self._lock = threading.Lock()
        self._start = start
        self.slept = 0.0
        self.interrupt = ""

    def monotonic(self) -> float:
        """Seconds since some fixed moment."""
        self._interrupted("monotonic")
        return 1000.0 + self.slept

    def now(self) -> datetime:
        """The present, in UTC."""
        self._interrupted("now")
        return self._start + timedelta(seconds=self.slept)

    def sleep(self, seconds: float) -> None:
        """Let so much time pass, at once."""
        with self._lock:
            self.slept += seconds

    def _interrupted(self, method: str) -> None:
        if self.interrupt == method and threading.current_thread() is threading.main_thread():
            self.interrupt = ""
            raise KeyboardInterrupt


class Corail:
    """The rehearsal company, and the hands of the support engineer who looks after its calendars.

    Google keeps the real time, because Google's own library signs its requests with it; so does Microsoft's.
    """

    def __init__(
        self, folder: Path, today: date | None = TODAY, people: int | None = None, seed: int = 2026
    ) -> None:
        """With no day named it is the real one, for work that other processes do on the real clock."""
        self.clock = Clock(datetime.combine(today, time(8), UTC) if today else datetime.now(UTC))
        place = SandboxHome(folder / "home")
        place.prepare()
        place.service_account(lambda: service_account()[0])  # a short key: every run parses it anew
        self.stage = Rehearsal(folder / "home", people, seed, today)
        self.stage.figgo.clock = lambda: self.clock.now().timestamp()
        for service in self.stage.urls:
            # The date of every answer is ours: whoever compares clocks finds none to be wrong.
            self.stage.server(service).dated = self.stage.figgo.clock
        self.home = Home.open(str(self.stage.home))
        self.file = self.home.tenants / f"{TENANT}.toml"
        # Loading a real key is slow, and the library warns of a short one.
        certificate = 'certificate = "file:corail-microsoft365.pem"'
        if certificate in self.file.read_text(encoding="utf-8"):
            self.rewrite(certificate, 'client_secret = "file:corail-microsoft365.secret"')
        self._surroundings = mock.patch.dict(os.environ)
        self._full = (self.home.secrets / "corail-figgo.key").read_text()

    def __enter__(self) -> Self:
        self._surroundings.start()
        os.environ.pop(LEDGER_VARIABLE, None)
        return self

    def __exit__(self, *_raised: object) -> None:
        self._surroundings.stop()
        self.stage.stop()

    def case(self, name: str) -> Case:
        """The people, periods and requests of one case of the story."""
        return self.stage.cases[name]

    def person(self, number: int) -> Person:
        """Somebody, as the company knows them."""
        return self.stage.company.person(number)

    def mail(self, number: int) -> str:
        """Somebody's present mail."""
        mail = self.person(number).mail
        assert mail is not None
        return mail

    @contextmanager
    def session(self, *, retry_credential: bool = False) -> Iterator[Session]:
        """One command's session."""
        with Session(self.home, TENANT, clock=self.clock, retry_credential=retry_credential) as session:
            yield session

    def plan(self, *employees: int, **asked: Any) -> Plan:
        """Look."""
        with self.session() as session:
            return sync.plan(session, sync.Ask(tuple(map(str, employees)), **asked))

    def apply(self, plan: Plan, *, confirm: str = "", removals: int | None = None) -> Result:
        """Act on a plan that was seen."""
        assert plan.file is not None
        with self.session() as session:
            return sync.apply(session, plan.file, confirm or plan.checksum, removals)

    def sync(self, *employees: int, **asked: Any) -> Result:
        """Look and act, as the nightly schedule does."""
        with self.session() as session:
            return sync.sync(session, sync.Ask(tuple(map(str, employees)), **asked))

    def load(self, *employees: int) -> Result:
        """The first load: everything from the tenant's start, seen and confirmed."""
        return self.apply(self.plan(*employees, since="start"))

    def activate(self, state: str = "active") -> None:
        """Write another state into the tenant file."""
        self.rewrite('state = "draft"', f'state = "{state}"')

    def rewrite(self, old: str, new: str) -> None:
        """Edit the tenant file by hand."""
        text = self.file.read_text(encoding="utf-8")
        assert old in text, f"{old!r} is not in the tenant file"
        self.file.write_text(text.replace(old, new, 1), encoding="utf-8")

    def events(self, number: int) -> list[Event]:
        """What somebody's calendar truly holds, whatever a client was told."""
        return self.keeper(number).content(self.mail(number))

    def event_id(self, number: int) -> str:
        """The id of the only event in somebody's calendar."""
        (event,) = self.events(number)
        return str(event["id"])

    def shown(self, number: int) -> list[str]:
        """The same, each event as one line; see `drawn`."""
        return sorted(map(drawn, self.events(number)))

    def found(self) -> int:
        """The company founds a fourth legal entity, in the Antilles too, with mailboxes at Google; its id."""
        (antilles,) = (one for one in LEGAL_ENTITIES if one.id == ANTILLES)
        founded = replace(antilles, id=4, name="Corail Guadeloupe")
        self.stage.company.legal_entities[founded.id] = founded
        return founded.id

    def members(self, legal_entity: int) -> list[int]:
        """Everyone who belongs to a legal entity."""
        people = self.stage.company.people.values()
        return [person.id for person in people if person.legal_entity_id == legal_entity]

    def cancel(self, *people: int) -> int:
        """Every approved request of these people is cancelled; how many there were."""
        requests = self.stage.company.requests.values()
        approved = [one for one in requests if one.period.owner.id in people and int(one.status) == 2]
        for request in approved:
            self.stage.ask_cancellation(request.id)
            self.stage.settle_cancellation(request.id, True)
        return len(approved)

    def owner(self, number: int) -> Any:
        """Somebody's own hands in their calendar, with the verbs of their provider."""
        return self.keeper(number).owner(self.mail(number))

    def keeper(self, number: int) -> Keeper:
        """Google, Exchange or Microsoft 365, whichever keeps somebody's mailbox."""
        return self.stage.keeper(self.person(number))

    def fault(self, service: str, kind: str, **more: Any) -> None:
        """Let something go wrong."""
        self.stage.faults.add(Fault(service, kind, **more))

    @contextmanager
    def upon(self, fits: Callable[[Entry], bool], do: Callable[[], object]) -> Iterator[None]:
        """Do something once, in the stand-in's own thread, as soon as it noted a request that fits."""
        log, pending = self.stage.log, [do]
        add = log.add

        def noted(service: str, request: Request, status: int, fault: str | None) -> None:
            add(service, request, status, fault)
            if pending and fits(log.entries()[-1]):
                pending.pop()()

        with mock.patch.object(log, "add", noted):
            yield

    def key_of_figgo(self, role: str) -> None:
        """Store another of the company's Figgo keys: full, narrow, nobody or revoked."""
        other = self.home.secrets / f"corail-figgo-{role}.key"
        self.home.store("file:corail-figgo.key", self._full if role == "full" else other.read_text())

    def calls(self, service: str, method: str = "*", path: str = "") -> list[Entry]:
        """Requests since the log was cleared; mere log-ons are left out unless their path is given."""
        return [
            entry
            for entry in self.stage.log.entries(service, path or None)
            if method in ("*", entry.method) and (path or entry.path not in LOG_ONS)
        ]

    def listings(self) -> list[Entry]:
        """Calls that asked what a calendar holds."""
        return self._such(LISTINGS)

    def listed(self) -> Counter[tuple[str, str]]:
        """How often each mailbox was listed, by service and address; a batch lists several."""
        return Counter((entry.service, mail) for entry in self.listings() for mail in entry.principal.split())

    def writes(self) -> list[Entry]:
        """Calls that may have changed a calendar."""
        return self._such(WRITES)

    def _such(self, wanted: Mapping[str, tuple[str, ...]]) -> list[Entry]:
        return [
            entry
            for service, (method, *places) in wanted.items()
            for entry in self.calls(service)
            if fnmatchcase(entry.method, method) and any(fnmatchcase(entry.path, one) for one in places)
        ]

    def forget_calls(self) -> None:
        """Clear the log."""
        self.stage.log.clear()

    def picture(self) -> dict[str, list[str]]:
        """Every calendar that holds anything, each event as one line."""
        drawings = {mail: sorted(map(drawn, events)) for mail, events in self.stage.calendars().items()}
        return {mail: lines for mail, lines in drawings.items() if lines}

    def marked(self) -> list[str]:
        """The key of every marked event in every calendar, in order; a key twice is a double."""
        return sorted(key for events in self.stage.calendars().values() for e in events if (key := key_of(e)))


def key_of(event: Event) -> str:
    """The key in an event's marker; "" where there is none."""
    if "properties" in event:
        return str(event["properties"].get("FiggoOpsKey", ""))
    return str(event.get("extendedProperties", {}).get("private", {}).get("figgoOpsKey", ""))


def drawn(event: Event) -> str:
    """One line: `2026-12-07..2026-12-11`, `2026-12-07 14:00..18:00 Europe/Paris`; ? is tentative."""
    title = event["subject"] if "change_key" in event else event.get("summary", "")
    mark = " ?" if event["status"].lower() == "tentative" else ""
    return _when(event) + mark + (f" {title}" if title != "Absent" else "")


def _when(event: Event) -> str:
    start, end = event["start"], event["end"]
    if "change_key" in event:
        if event["all_day"]:
            return _days(event["first_day"], event["last_day"])
        return _times(start, end, ZONES[event["start_zone"]])
    if "date" in start:
        return _days(date.fromisoformat(start["date"]), date.fromisoformat(end["date"]) - DAY)
    begin, stop = (datetime.fromisoformat(one["dateTime"]) for one in (start, end))
    return _times(begin, stop, start["timeZone"])


def _days(first: date, last: date) -> str:
    return f"{first}" if first == last else f"{first}..{last}"


def _times(start: datetime, end: datetime, zone: str) -> str:
    begin, stop = (moment.astimezone(ZoneInfo(zone)) for moment in (start, end))
    until = f"{stop:%H:%M}" if begin.date() == stop.date() else f"{stop:%Y-%m-%d %H:%M}"
    return f"{begin:%Y-%m-%d %H:%M}..{until} {zone}"


def told(company: Company, person: Person, window: tuple[date, date]) -> list[str]:
    """What a calendar should show, worked out from the company's own rows by a second, simple mind.

    Weekends are bridged, any other day without a row is a hole, and remote work is none of our business.
    """
    left = person.contract_end if person.is_former(company.today) else None
    lines = []
    for period in company.periods.values():
        if period.owner is not person:
            continue
        rows = [one for one in period.active() if not one.is_rest and not one.account.is_remote_work]
        for run in _runs(rows):
            within = run[-1].day >= window[0] and run[0].day <= window[1]
            if within and (left is None or run[0].day <= left):
                lines.append(_line(run, company.legal_entities[person.legal_entity_id].timezone))
    return sorted(lines)


def _runs(rows: list[Leave]) -> list[list[Leave]]:
    runs: list[list[Leave]] = []
    for row in sorted(rows, key=lambda one: (one.day, one.half)):
        if runs and all(is_weekend(day) for day, _ in _between(runs[-1][-1], row)):
            runs[-1].append(row)
        else:
            runs.append([row])
    return runs


def _between(one: Leave, other: Leave) -> list[tuple[date, int]]:
    return list(slots((one.day, one.half), (other.day, other.half)))[1:-1]


def _line(run: list[Leave], zone: str) -> str:
    first, last = run[0], run[-1]
    mark = "" if first.period.is_confirmed else " ?"
    if (first.half, last.half) == (MORNING, AFTERNOON):
        return f"{first.day}{'' if first.day == last.day else f'..{last.day}'}{mark}"
    begin = "09:00" if first.half == MORNING else "14:00"
    end = "12:00" if last.half == MORNING else "18:00"
    if first.value is not None:
        assert (begin, first.value) == ("09:00", timedelta(hours=2)), "the story has one length in hours only"
        end = "11:00"
    return f"{first.day} {begin}..{'' if first.day == last.day else f'{last.day} '}{end} {zone}{mark}"
