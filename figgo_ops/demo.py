"""The story told by `figgo-ops demo`, and the rehearsal company on its own.

The one importer of the sandbox.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from figgo_ops import sync, tenants
from figgo_ops.act import Result
from figgo_ops.errors import FiggoOpsError, UsageError
from figgo_ops.home import VARIABLE, Home
from figgo_ops.ledger import Ledger
from figgo_ops.sandbox import Rehearsal, serve
from figgo_ops.sandbox.people import Person
from figgo_ops.sandbox.worktime import calm_mondays
from figgo_ops.session import Session
from figgo_ops.words import plain, table

TENANT = "corail"
_MARK = ".figgo-ops-demo"


def stand(home: str | None) -> int:
    """Run the rehearsal company in the foreground until SIGTERM.

    Raises:
        UsageError: a file that an earlier rehearsal left in the home was damaged.
    """
    place = _rehearsal_home(home)
    with _understood(place.path):
        serve(place.path, sys.stdout)
    return 0


def lab(home: str | None, port: int | None, *, rehearsal: bool) -> int:
    """JupyterLab in this home until it is closed, with the rehearsal company beside it if that is wanted.

    Raises:
        UsageError: JupyterLab is not installed, or as `stand`.
    """
    from figgo_ops.desk import lab as jupyter

    if not rehearsal:
        jupyter.lab(Home.open(home).path, port)
    place = _rehearsal_home(home)
    ready = jupyter.prepared(place.path, port)
    with _understood(place.path):
        company = Rehearsal(place.path)
    with company:
        _tell("\n".join([f"REHEARSAL  tenant {TENANT}  home {company.home}", *ready.said]))
        with subprocess.Popen(ready.command, env=ready.environment) as child:
            # The child hears Ctrl-C itself, and asks before it ends.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, lambda *_received: child.terminate())
            code = child.wait()
    return code if code >= 0 else 128 - code


def _rehearsal_home(given: str | None) -> Home:
    """A home for the rehearsal company, apart from real tenants unless said otherwise.

    Its calendars begin empty each time, so what the ledger knows of them is forgotten.
    """
    home = Home.open(given or os.environ.get(VARIABLE) or "~/figgo-ops-rehearsal")
    if TENANT in tenants.names(home):
        tenant = tenants.load(home, TENANT)
        if not tenant.rehearsal:
            raise UsageError(f"{tenant.file} is a real tenant's, not the rehearsal company's.", _ELSEWHERE)
        ledger = Ledger.open(home.ledger)
        ledger.forget_tenant(TENANT)
        ledger.close()
        tenants.write_state(tenant, "draft")
    return home


@contextmanager
def _understood(home: Path) -> Iterator[None]:
    """Say in plain words why the rehearsal company does not start."""
    try:
        yield
    except ValueError as error:
        raise UsageError(f"The rehearsal company cannot start in {home}: {error}.", _ELSEWHERE) from error


_ELSEWHERE = "Mend or remove what it names, or choose another home: --home DIR"


def tell(out: Path) -> list[Path]:
    """Tell the whole journey; home and reports are left in `out`. Gives the reports.

    Raises:
        UsageError: the folder holds something that no demo made.
        FiggoOpsError: the journey did not go as told.
    """
    folder = _emptied(out.absolute())
    with Rehearsal(folder / "home") as company:
        story = Story(company, Home.open(str(folder / "home")))
        story.first_load()
        story.nothing_twice()
        story.live()
        story.by_hand()
        story.end()
    return story.reports


def _emptied(folder: Path) -> Path:
    """A folder for the demo; what an earlier demo left there goes, nothing else."""
    try:
        if folder.exists() and any(folder.iterdir()) and not (folder / _MARK).exists():
            raise UsageError(f"{folder} holds files that no demo made.", _OTHER_FOLDER)
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir(parents=True)
        (folder / _MARK).touch()
    except OSError as error:
        raise UsageError(f"{folder} cannot be used: {error.strerror or error}.", _OTHER_FOLDER) from error
    return folder


_OTHER_FOLDER = "Choose another folder: demo --out DIR"


@dataclass
class Story:
    """The chapters, each of which looks at the calendars with eyes of its own."""

    company: Rehearsal
    home: Home
    reports: list[Path] = field(default_factory=list)
    hero: Person = field(init=False)

    def __post_init__(self) -> None:
        self.hero = self.company.hire("Camille", "Desprès", 1, "camille.despres@corail.example")
        staff, entities = self.company.company.people, self.company.company.legal_entities
        _tell(f"REHEARSAL  tenant {TENANT}  home {self.home.path}\n")
        _tell(f"Corail: {len(staff)} people in {len(entities)} legal entities, on this machine only.")
        rows = [
            (one.name, one.timezone, sum(p.legal_entity_id == one.id for p in staff.values()))
            for one in entities.values()
        ]
        _tell(table(rows, ("legal entity", "zone", "people")))

    def first_load(self) -> None:
        """Look with the notebook, then confirm what was seen."""
        _chapter("Look: what would the first load write?", f"run initialization -p tenant={TENANT}")
        verdict = self._notebook({"tenant": TENANT})
        checksum = verdict["checksum"]
        _tell(f"{verdict['created']} events to create; nothing was written. The plan is {checksum}.")
        _expect(not self._events(), "calendars are still empty")
        _chapter(
            "Then act: the same notebook, with the checksum of the plan that was seen.",
            f"run initialization -p tenant={TENANT} -p confirm={checksum}",
        )
        before = len(self._calls())
        done = self._notebook({"tenant": TENANT, "confirm": checksum})
        calls = self._calls()[before:]
        writes = sum(call.method != "GET" and "/events" in call.path for call in calls)
        _tell(f"{done['created']} events created with {writes} writing calls.")
        _expect(len(self._events()) == verdict["created"], "every planned event is in a calendar")

    def nothing_twice(self) -> None:
        """A second run has nothing to do."""
        _chapter("Once more: nothing to write.", f"sync {TENANT}")
        before = len(self._calls())
        result = self._sync()
        calls = self._calls()[before:]
        listings = sum(call.method == "GET" for call in calls)
        _expect(result.written == 0, "a second run writes nothing")
        _tell(f"{result.unchanged} events unchanged, {listings} listings, no write.")

    def live(self) -> None:
        """One absence from request to cancellation."""
        monday = self._monday()
        line = f"sync {TENANT} --employee {self.hero.employee_number}"
        _chapter(f"{self.hero.first_name} asks for a week off: tentative.", line)
        request = self.company.request_leave(self.hero.id, monday, monday + timedelta(days=4))
        self._hero_shows(["tentative"])
        _chapter("Her manager approves: confirmed.", line)
        self.company.approve(request.id)
        self._hero_shows(["confirmed"])
        _chapter("HR takes the Wednesday out: two events.", line)
        wednesday = monday + timedelta(days=2)
        self.company.remove_half_days(request.period.id, [(wednesday, "AM"), (wednesday, "PM")])
        self._hero_shows(["confirmed", "confirmed"])
        _chapter("The rest is cancelled: gone.", line)
        self.company.ask_cancellation(request.id)
        self.company.settle_cancellation(request.id, True)
        self._hero_shows([])

    def by_hand(self) -> None:
        """An event that its owner dragged is found and put back."""
        mail, event = next((mail, event) for mail, event in self._events() if "date" in event["start"])
        owner = next(person for person in self.company.company.people.values() if person.mail == mail)
        first, last = (date.fromisoformat(event[end]["date"]) for end in ("start", "end"))
        week = timedelta(days=7)
        self.company.google.owner(mail).move(event["id"], first + week, last + week)
        _chapter(
            f"{owner.name} drags an event a week later, by hand: found and put back.",
            f"sync {TENANT} --employee {owner.id}",
        )
        result = self._sync(str(owner.id))
        moved = next(found for _, found in self._events() if found["id"] == event["id"])
        _expect(result.updated == 1 and moved["start"] == event["start"], "the event is where Figgo says")
        _tell(_shown(moved))

    def end(self) -> None:
        """Where to read on."""
        _tell("\nReports to open in a browser, without network:")
        for report in self.reports:
            _tell(f"  {report}")
        _tell("\nAnd now by hand, in JupyterLab: make lab, or: figgo-ops lab --rehearsal")

    def _hero_shows(self, states: list[str]) -> None:
        result = self._sync(self.hero.employee_number)
        _expect(sync.exit_of(result) == 0, "the sync ends clean")
        shown = [event for mail, event in self._events() if mail == self.hero.mail]
        _expect(sorted(event["status"] for event in shown) == sorted(states), "the calendar follows")
        for event in sorted(shown, key=lambda event: str(event["start"])):
            _tell(_shown(event))
        if not shown:
            _tell("  (no event)")

    def _sync(self, employee: str | None = None) -> Result:
        with self._session() as session:
            return sync.sync(session, sync.Ask((employee,) if employee else ()))

    @contextmanager
    def _session(self) -> Iterator[Session]:
        with Session(self.home, TENANT) as session:
            yield session

    def _notebook(self, values: dict[str, str]) -> dict[str, Any]:
        from figgo_ops.desk.notebooks import run

        done = run("initialization", values, self.home.path)
        self.reports.append(done.report)
        _expect(done.exit == 0, f"the notebook ends well ({done.message}; see {done.report})")
        verdict: dict[str, Any] = json.loads(done.result.read_text(encoding="utf-8"))["verdict"]
        return verdict

    def _events(self) -> list[tuple[str, dict[str, Any]]]:
        """Every live event that carries our marker, read behind the services' backs."""
        return [
            (mail, event)
            for mail, events in self.company.calendars().items()
            for event in events
            if event["status"] != "cancelled"
            and "figgoOpsKey" in event.get("extendedProperties", {}).get("private", {})
        ]

    def _calls(self) -> list[Any]:
        return [entry for entry in self.company.log.entries(service="google") if "/events" in entry.path]

    def _monday(self) -> date:
        """The first Monday of an ordinary week, a few weeks ahead."""
        mondays = calm_mondays(self.company.company.today)
        return next(day for day in mondays if day > self.company.company.today + timedelta(days=21))


def _expect(holds: bool, what: str) -> None:
    if not holds:
        raise FiggoOpsError(
            f"The demo did not go as told: {what} - it is not so.", "Tell the makers of figgo_ops."
        )


def _chapter(title: str, command: str) -> None:
    _tell(f"\n{title}\n  $ figgo-ops {command}")


def _tell(text: str) -> None:
    print(plain(text), flush=True)


def _shown(event: dict[str, Any]) -> str:
    """One event as its owner sees it."""
    start, end = event["start"], event["end"]
    if "date" in start:
        last = date.fromisoformat(end["date"]) - timedelta(days=1)
        days = f"{date.fromisoformat(start['date']):%a %d %b} to {last:%a %d %b %Y}"
    else:
        zone = ZoneInfo(start["timeZone"])
        begin, stop = (datetime.fromisoformat(one["dateTime"]).astimezone(zone) for one in (start, end))
        days = f"{begin:%a %d %b %Y %H:%M} to {stop:%H:%M}"
    return f"  {event['summary']}, {days}, {event['status']}"
