"""The story told by `figgo-ops demo`: each chapter looks at the calendars with eyes of its own."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from figgo_ops import move, planfile, sync
from figgo_ops.audit import audit
from figgo_ops.demo.shown import CALENDARS, Shown, calendar_of, is_listing, is_write, shown
from figgo_ops.desk.diagnostics import diagnose
from figgo_ops.errors import FiggoOpsError
from figgo_ops.explaining.explain import explain
from figgo_ops.explaining.trace import Ask as Explained
from figgo_ops.home import Home
from figgo_ops.limits import counted
from figgo_ops.plan import Plan
from figgo_ops.recall import undo
from figgo_ops.result import Result
from figgo_ops.sandbox import Rehearsal
from figgo_ops.sandbox.messages import Entry
from figgo_ops.sandbox.people import Person
from figgo_ops.sandbox.worktime import calm_mondays
from figgo_ops.session import Session
from figgo_ops.words import plain, table

TENANT = "corail"
MICROSOFT_365 = CALENDARS[-1]
GENEVA = 2


@dataclass
class Story:
    """The chapters, each of which looks at the calendars with eyes of its own."""

    company: Rehearsal
    home: Home
    reports: list[Path] = field(default_factory=list)
    heroines: tuple[Person, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.heroines = (
            self.company.hire("Camille", "Desprès", 1, "camille.despres@corail.example"),
            self.company.hire("Léonore", "Müller", 2, "leonore.muller@corail-suisse.example"),
            self.company.hire("Maryse", "Lafleur", 3, "maryse.lafleur@corail-antilles.example"),
        )
        staff, entities = self.company.company.people, self.company.company.legal_entities
        said(f"REHEARSAL  tenant {TENANT}  home {self.home.path}\n")
        said(f"Corail: {len(staff)} people in {len(entities)} legal entities, on this machine only.")
        rows = [
            (one.name, one.timezone, self._calendar_of(one.id), len(members))
            for one in entities.values()
            if (members := [person for person in staff.values() if person.legal_entity_id == one.id])
        ]
        said(table(rows, ("legal entity", "zone", "calendar", "people")))

    def diagnosed(self) -> None:
        """Everything a tenant needs is looked at before anything else."""
        _chapter("Does everything work? Check by check, before anything is written.", f"diagnose {TENANT}")
        before = len(self._calls())
        found = diagnose(self.home, TENANT)
        counts = Counter(check.status for check in found.checks)
        _expect(found.exit == 0 and not any(map(is_write, self._calls()[before:])), "the tenant is healthy")
        said(f"{len(found.checks)} checks: {', '.join(f'{n} {status}' for status, n in counts.items())}.")
        states = Counter(row.status for row in found.mailboxes)
        said(f"{len(found.mailboxes)} mailboxes: {', '.join(f'{n} {state}' for state, n in states.items())}.")
        for check in found.checks:
            if not check.clean:
                said(f"  {check.name}: {check.cause}")

    def first_load(self) -> None:
        """Look with the notebook, then confirm what was seen."""
        _chapter("Look: what would the first load write?", f"run initialization -p tenant={TENANT}")
        verdict = self._notebook({"tenant": TENANT})
        checksum = verdict["checksum"]
        plan = planfile.load(Path(verdict["file"]))
        planned = Counter(row.where.calendar for row in plan.rows)
        said(f"{verdict['created']} events to create, {_each(planned)}; nothing was written.")
        said(f"The plan is {checksum}.")
        _expect(not shown(self.company), "calendars are still empty")
        _chapter(
            "Then act: the same notebook, with the checksum of the plan that was seen.",
            f"run initialization -p tenant={TENANT} -p confirm={checksum}",
        )
        before = len(self._calls())
        done = self._notebook({"tenant": TENANT, "confirm": checksum})
        writes = Counter(calendar_of(call) for call in self._calls()[before:] if is_write(call))
        said(f"{done['created']} events created; writing calls: {_each(writes)}.")
        written = Counter(one.calendar for one in shown(self.company))
        _expect(written == planned, "every planned event is in its calendar")

    def nothing_twice(self) -> None:
        """A second run has nothing to do."""
        _chapter("Once more: nothing to write.", f"sync {TENANT}")
        before = len(self._calls())
        result = self._sync()
        calls = self._calls()[before:]
        listings = Counter(calendar_of(call) for call in calls if is_listing(call))
        _expect((result.written, [*filter(is_write, calls)]) == (0, []), "a second run writes nothing")
        said(f"{result.unchanged} events unchanged; listings: {_each(listings)}; no write.")

    def live(self) -> None:
        """One absence each, from request to cancellation."""
        monday, friday = self._monday(), self._monday() + timedelta(days=4)
        names = _all(one.first_name for one in self.heroines)
        line = f"sync {TENANT} {' '.join(f'--employee {number}' for number in self._numbers)}"
        _chapter(f"{names} ask for a week off: tentative.", line)
        requests = [self.company.request_leave(one.id, monday, friday) for one in self.heroines]
        self._each_shows(["tentative"])
        _chapter("Their managers approve: confirmed.", line)
        for request in requests:
            self.company.approve(request.id)
        self._each_shows(["confirmed"])
        _chapter("HR takes the Wednesday out: two events.", line)
        wednesday = monday + timedelta(days=2)
        for request in requests:
            self.company.remove_half_days(request.period.id, [(wednesday, "AM"), (wednesday, "PM")])
        self._each_shows(["confirmed", "confirmed"])
        _chapter("The rest is cancelled: gone.", line)
        for request in requests:
            self.company.ask_cancellation(request.id)
            self.company.settle_cancellation(request.id, True)
        self._each_shows([])

    def by_hand(self) -> None:
        """Events that their owners dragged are found and put back."""
        dragged = [self._days_off(calendar)[0] for calendar in CALENDARS]
        for event in dragged:
            first, end = event.start, event.end + timedelta(days=1)
            (keeper, *_) = self.company.keepers(event.mail)
            keeper.owner(event.mail).move(event.id, first + timedelta(days=7), end + timedelta(days=7))
        line = " ".join(f"--employee {event.mail}" for event in dragged)
        _chapter(
            "Three owners drag an event a week later, one in each calendar: found and put back.",
            f"sync {TENANT} {line}",
        )
        result = self._sync(event.mail for event in dragged)
        now = [one for one in shown(self.company) if one in dragged]
        _expect((result.updated, len(now)) == (3, 3), "the events are where Figgo says")
        for event in sorted(now, key=lambda one: CALENDARS.index(one.calendar)):
            said(str(event))

    def audited(self) -> None:
        """Three owners tidy up; an audit names each damage, explains one, and its repair mends them."""
        doubled, deleted, renamed = (self._days_off(calendar)[-1] for calendar in CALENDARS)
        self.company.google.owner(doubled.mail).copy(doubled.id)
        self.company.exchange.owner(deleted.mail).delete(deleted.id)
        self.company.microsoft365.owner(renamed.mail).rename(renamed.id, "Vacances !")
        file = self.home.plans / "repair.json"
        _chapter(
            "One owner copies an event in Google, another deletes one in Exchange, a third gives one another "
            "title in Microsoft 365.\nThe audit reads the mailboxes themselves.",
            f"run audit -p tenant={TENANT} -p repair={file}",
        )
        verdict = self._notebook({"tenant": TENANT, "repair": str(file)}, "audit", expected=6)
        found = [verdict["verdicts"].get(name) for name in ("duplicate", "missing", "edited")]
        _expect(found == [1, 1, 1], "each is named")
        said(", ".join(f"{count} {name}" for name, count in verdict["verdicts"].items()))
        day = deleted.start.isoformat()
        _chapter(
            "Why is that leave not in that calendar?",
            f"explain {TENANT} --employee {deleted.mail} --date {day}",
        )
        with self._session() as session:
            trace = explain(session, Explained(employee=deleted.mail, day=day))
        said(f"  {trace.reason.sentence}")
        checksum = planfile.load(file).checksum
        _chapter(
            "The plan that mends them, then the audit again: clean.", f"apply {file} --confirm {checksum}"
        )
        with self._session() as session:
            mended = sync.apply(session, file, checksum)
        _expect(mended.written == 3, "three events were mended")
        self._audit_is_clean()

    def taken_back(self) -> None:
        """A mistake reaches calendars; its run is taken back."""
        monday, friday = self._monday(), self._monday() + timedelta(days=4)
        periods = [self.company.enter_by_hr(one.id, monday, friday) for one in self.heroines]
        wrong = self._sync(self._numbers)
        _chapter(
            "HR enters a week for the wrong people, and it is in their calendars: undo.",
            f"undo {wrong.run}",
        )
        with self._session() as session:
            made = undo.plan(session, wrong.run)
        done = self._applied(made)
        _expect((wrong.created, done.deleted) == (3, 3), "exactly that run was taken back")
        halves = [(monday + timedelta(days=n), half) for n in range(5) for half in ("AM", "PM")]
        for period in periods:
            self.company.remove_half_days(period.id, halves)
        said(f"{done.deleted} events removed; the tenant is paused, so that nothing brings it back.")
        _chapter("HR corrects Figgo, and the tenant goes on.", f"resume {TENANT}")
        with self._session() as session:
            made = sync.resume(session)
        self._applied(made)
        self._each_shows([])

    def moved(self) -> None:
        """The customer takes Geneva's mailboxes to Microsoft 365, not all of them well; the events follow."""
        waits = self._migrated()
        made = self._move_planned()
        _expect(any(waits in note for note in made.notes), "the mailbox that waits is named")
        said(f"{waits} is not there yet: Exchange goes on serving it.")
        _chapter(
            "Then act, and audit: clean; absent are old mailboxes at Exchange.",
            f"apply {made.file} --confirm {made.checksum}",
        )
        done = self._applied(made)
        said(f"{done.created} created, {done.updated} marked again, {done.deleted} removed.")
        said(f"corail.toml says: {self._calendar_of(GENEVA)} is Geneva's calendar from now on.")
        self._audit_is_clean()
        _chapter(
            "The last mailbox is migrated: its events are known there.", f"sync {TENANT} --employee {waits}"
        )
        self.company.migrate(waits)
        result = self._sync([waits])
        _expect((result.written, result.unchanged > 0) == (0, True), "nothing is written twice")
        said(f"{result.unchanged} unchanged; no write.")

    def _migrated(self) -> str:
        """All of Geneva's mailboxes but one change places, three of them not as they should; who waits."""
        waits, *going = dict.fromkeys(one.mail for one in shown(self.company) if one.calendar == "exchange")
        fates = dict(zip(going, ("stripped", "twice", "empty"), strict=False))
        for mail in self.company.exchange.mails():
            if mail != waits:
                self.company.migrate(mail, how=fates.get(mail, "whole"))
        said(
            "\nThe customer migrates Geneva's mailboxes from Exchange to Microsoft 365 with all they hold;\n"
            "one arrives without our markers, one with everything twice, one without its calendar. One waits."
        )
        return waits

    def _move_planned(self) -> Plan:
        _chapter(
            "The plan finds their events again, writes what is missing, takes away what is double.",
            f'move {TENANT} --to "{MICROSOFT_365}" --legal-entity {GENEVA} --look-alikes adopt',
        )
        with self._session() as session:
            made = move.plan(session, move.Ask(MICROSOFT_365, (GENEVA,), "adopt"))
        because = Counter(change.reason for change in made.changes)
        adopted, new, twice = because["adopted"], because["new"], because["duplicate"]
        _expect(min(made.unchanged, adopted, new, twice) > 0, "every kind of arrival is seen")
        said(f"{made.unchanged} recognised by their marker, {adopted} by title and days.")
        said(f"{new} to create, {twice} to remove.")
        return made

    def _audit_is_clean(self) -> None:
        with self._session() as session:
            found = audit(session, sync.Ask())
        _expect(found.complete and found.exit == 0, "the audit is clean")
        said(", ".join(f"{count} {name}" for name, count in found.counts.items()))

    def _applied(self, made: Plan) -> Result:
        assert made.file is not None  # noqa: S101 - a plan of ours is always kept
        with self._session() as session:
            done = sync.apply(session, made.file, made.checksum, counted(made.changes))
        _expect(sync.exit_of(done) == 0, "the plan is written whole")
        return done

    def _days_off(self, calendar: str) -> list[Shown]:
        """Events on whole days to come, in calendars of this kind that hold no other."""
        events = shown(self.company)
        held = Counter(one.mail for one in events)
        today = self.company.company.today
        alone = (one for one in events if held[one.mail] == 1 and one.calendar == calendar)
        return [one for one in alone if one.all_day and one.start > today]

    def end(self) -> None:
        """Where to read on."""
        said("\nReports to open in a browser, without network:")
        for report in self.reports:
            said(f"  {report}")
        said("\nAnd now by hand, in JupyterLab: make lab, or: figgo-ops lab --rehearsal")

    @property
    def _numbers(self) -> list[str]:
        return [one.employee_number for one in self.heroines]

    def _calendar_of(self, legal_entity: int) -> str:
        with self._session() as session:
            found = (one for one in session.tenant.calendars if legal_entity in one.legal_entities)
            return next(found).name

    def _each_shows(self, states: list[str]) -> None:
        result = self._sync(self._numbers)
        _expect(sync.exit_of(result) == 0, "the sync ends clean")
        for heroine in self.heroines:
            events = [one for one in shown(self.company) if one.mail == heroine.mail]
            _expect([one.state for one in events] == states, "the calendar follows")
            for event in events:
                said(str(event))
        if not states:
            said("  (no event)")

    def _sync(self, employees: Iterable[str] = ()) -> Result:
        with self._session() as session:
            return sync.sync(session, sync.Ask(tuple(employees)))

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

    def _calls(self) -> list[Entry]:
        return self.company.log.entries()

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


def _each(counts: Counter[str]) -> str:
    """How many of each calendar."""
    return _all(f"{counts[calendar]} at {calendar.title()}" for calendar in CALENDARS)


def _all(parts: Iterable[str]) -> str:
    *first, last = parts
    return f"{', '.join(first)} and {last}"
