"""The story told by `figgo-ops demo`: each chapter looks at the calendars with eyes of its own."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from figgo_ops import planfile, sync
from figgo_ops.audit import audit
from figgo_ops.errors import FiggoOpsError
from figgo_ops.explaining.explain import explain
from figgo_ops.explaining.trace import Ask as Explained
from figgo_ops.home import Home
from figgo_ops.limits import counted
from figgo_ops.plan import Plan
from figgo_ops.recall import undo
from figgo_ops.result import Result
from figgo_ops.sandbox import Rehearsal
from figgo_ops.sandbox.people import Person
from figgo_ops.sandbox.worktime import calm_mondays
from figgo_ops.session import Session
from figgo_ops.words import plain, table

TENANT = "corail"


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
        said(f"REHEARSAL  tenant {TENANT}  home {self.home.path}\n")
        said(f"Corail: {len(staff)} people in {len(entities)} legal entities, on this machine only.")
        rows = [
            (one.name, one.timezone, sum(p.legal_entity_id == one.id for p in staff.values()))
            for one in entities.values()
        ]
        said(table(rows, ("legal entity", "zone", "people")))

    def first_load(self) -> None:
        """Look with the notebook, then confirm what was seen."""
        _chapter("Look: what would the first load write?", f"run initialization -p tenant={TENANT}")
        verdict = self._notebook({"tenant": TENANT})
        checksum = verdict["checksum"]
        said(f"{verdict['created']} events to create; nothing was written. The plan is {checksum}.")
        _expect(not self._events(), "calendars are still empty")
        _chapter(
            "Then act: the same notebook, with the checksum of the plan that was seen.",
            f"run initialization -p tenant={TENANT} -p confirm={checksum}",
        )
        before = len(self._calls())
        done = self._notebook({"tenant": TENANT, "confirm": checksum})
        calls = self._calls()[before:]
        writes = sum(call.method != "GET" and "/events" in call.path for call in calls)
        said(f"{done['created']} events created with {writes} writing calls.")
        _expect(len(self._events()) == verdict["created"], "every planned event is in a calendar")

    def nothing_twice(self) -> None:
        """A second run has nothing to do."""
        _chapter("Once more: nothing to write.", f"sync {TENANT}")
        before = len(self._calls())
        result = self._sync()
        calls = self._calls()[before:]
        listings = sum(call.method == "GET" for call in calls)
        _expect(result.written == 0, "a second run writes nothing")
        said(f"{result.unchanged} events unchanged, {listings} listings, no write.")

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
        said(_shown(moved))

    def audited(self) -> None:
        """Two owners tidy up; an audit names both damages, explains one, and its repair mends them."""
        (mail, doubled), (other, deleted) = self._two_days_off()
        self.company.google.owner(mail).copy(doubled["id"])
        self.company.google.owner(other).delete(deleted["id"])
        file = self.home.plans / "repair.json"
        _chapter(
            "One owner copies an event, another deletes one. The audit reads the mailboxes themselves.",
            f"run audit -p tenant={TENANT} -p repair={file}",
        )
        verdict = self._notebook({"tenant": TENANT, "repair": str(file)}, "audit", expected=6)
        _expect(
            [verdict["verdicts"].get(name) for name in ("duplicate", "missing")] == [1, 1], "both are named"
        )
        said(", ".join(f"{count} {name}" for name, count in verdict["verdicts"].items()))
        day = deleted["start"]["date"]
        _chapter(
            "Why is that leave not in that calendar?", f"explain {TENANT} --employee {other} --date {day}"
        )
        with self._session() as session:
            found = explain(session, Explained(employee=other, day=day))
        said(f"  {found.reason.sentence}")
        checksum = planfile.load(file).checksum
        _chapter(
            "The plan that mends both, then the audit again: clean.", f"apply {file} --confirm {checksum}"
        )
        with self._session() as session:
            mended = sync.apply(session, file, checksum)
        _expect(mended.written == 2, "two events were mended")
        with self._session() as session:
            again = audit(session, sync.Ask())
        _expect(again.complete and again.exit == 0, "the audit is clean")
        said(", ".join(f"{count} {name}" for name, count in again.counts.items()))

    def taken_back(self) -> None:
        """A mistake reaches a calendar; its run is taken back."""
        monday = self._monday()
        period = self.company.enter_by_hr(self.hero.id, monday, monday + timedelta(days=4))
        wrong = self._sync(self.hero.employee_number)
        _chapter(
            "HR enters a week for the wrong person, and it is in her calendar: undo.", f"undo {wrong.run}"
        )
        with self._session() as session:
            made = undo.plan(session, wrong.run)
        done = self._applied(made)
        _expect((wrong.created, done.deleted) == (1, 1), "exactly that run was taken back")
        halves = [(monday + timedelta(days=n), half) for n in range(5) for half in ("AM", "PM")]
        self.company.remove_half_days(period.id, halves)
        said(f"{done.deleted} event removed; the tenant is paused, so that nothing brings it back.")
        _chapter("HR corrects Figgo, and the tenant goes on.", f"resume {TENANT}")
        with self._session() as session:
            made = sync.resume(session)
        self._applied(made)
        self._hero_shows([])

    def _applied(self, made: Plan) -> Result:
        assert made.file is not None  # noqa: S101 - a plan of ours is always kept
        with self._session() as session:
            done = sync.apply(session, made.file, made.checksum, counted(made.changes))
        _expect(sync.exit_of(done) == 0, "the plan is written whole")
        return done

    def _two_days_off(self) -> list[tuple[str, dict[str, Any]]]:
        """One event each of two people whose calendars hold only one, on whole days to come."""
        events = self._events()
        alone = [row for row in events if sum(mail == row[0] for mail, _ in events) == 1]
        coming = self.company.company.today.isoformat()
        return [row for row in alone if row[1]["start"].get("date", "") > coming][:2]

    def end(self) -> None:
        """Where to read on."""
        said("\nReports to open in a browser, without network:")
        for report in self.reports:
            said(f"  {report}")
        said("\nAnd now by hand, in JupyterLab: make lab, or: figgo-ops lab --rehearsal")

    def _hero_shows(self, states: list[str]) -> None:
        result = self._sync(self.hero.employee_number)
        _expect(sync.exit_of(result) == 0, "the sync ends clean")
        shown = [event for mail, event in self._events() if mail == self.hero.mail]
        _expect(sorted(event["status"] for event in shown) == sorted(states), "the calendar follows")
        for event in sorted(shown, key=lambda event: str(event["start"])):
            said(_shown(event))
        if not shown:
            said("  (no event)")

    def _sync(self, employee: str | None = None) -> Result:
        with self._session() as session:
            return sync.sync(session, sync.Ask((employee,) if employee else ()))

    @contextmanager
    def _session(self) -> Iterator[Session]:
        with Session(self.home, TENANT) as session:
            yield session

    def _notebook(
        self, values: dict[str, str], name: str = "initialization", expected: int = 0
    ) -> dict[str, Any]:
        from figgo_ops.desk.notebooks import run

        done = run(name, values, self.home.path)
        self.reports.append(done.report)
        _expect(done.exit == expected, f"the notebook ends well ({done.message}; see {done.report})")
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
    said(f"\n{title}\n  $ figgo-ops {command}")


def said(text: str) -> None:
    """Tell one more piece."""
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
