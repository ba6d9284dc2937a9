"""The machine's hands: the company, the tenant file, the ledger and the runs, and what became of each."""

import shutil
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from figgo_ops import sync
from figgo_ops.errors import FiggoOpsError, TenantBusy
from figgo_ops.plan import Plan
from figgo_ops.result import Result
from figgo_ops.sandbox.absences import Period, Request, Status
from figgo_ops.sandbox.messages import Entry
from figgo_ops.sandbox.people import Person
from tests.machine import files
from tests.machine.hands import Hands
from tests.machine.judge import Judge, Memory, Run
from tests.machine.mishaps import ANSWERS, FIGGO, Mishap
from tests.machine.reference import Employee, HalfDay, Policy
from tests.machine.seen import found
from tests.moving import planned_move
from tests.rehearsal import TENANT, Corail

PAST, FUTURE = timedelta(days=30), timedelta(days=540)
TEN_MINUTES = 660.0
DEAD = 120.0
"""Seconds after which the leases of a process that died are free."""


@cache
def _template(folder: Path, hands: type[Hands]) -> Path:
    """A home whose keys and certificates are made once: making them is what starting a company costs."""
    home = folder / f"template-{hands.service}"
    with Corail(home, people=0) as made:
        made.file.write_text(hands.tenant_file(made.file.read_text("utf-8")), "utf-8")
    return home


@dataclass(frozen=True, slots=True)
class Ran:
    """What a run said of itself; no result when it ended in an error."""

    result: Result | None
    error: FiggoOpsError | None = None

    @property
    def exit(self) -> int:
        return sync.exit_of(self.result) if self.result else self.error.exit if self.error else 70

    @property
    def hurts(self) -> list[str]:
        """What it told of that went wrong."""
        if self.result is None:
            return [f"ended by {type(self.error).__name__}" if self.error else "died in a write"]
        found = self.result.document()
        return [
            f"rows {name}" for name in ("failed", "unknown", "held", "stale", "unreadable") if found[name]
        ]

    def __str__(self) -> str:
        if self.result is None:
            return f"{type(self.error).__name__}: {self.error}"
        found = self.result.document()
        return ", ".join(f"{name} {found[name]}" for name in found if found[name])


@dataclass(frozen=True, slots=True)
class Ledger:
    """A ledger put aside, and what it remembers."""

    content: bytes
    memory: Memory


class World:
    """A company of a few people, its calendars, and one support engineer."""

    def __init__(self, hands: type[Hands], folder: Path) -> None:
        self.folder = shutil.copytree(_template(folder, hands), folder / "company")
        self.corail = Corail(self.folder, people=0)
        self.corail.__enter__()
        self.stage, self.company = self.corail.stage, self.corail.stage.company
        self.hands, self.policy = hands(self.corail), Policy()
        self.judge = Judge(self.hands.where, self.policy, hands.renews)
        self.dead_until: datetime | None = None
        self._names = 0
        self.corail.activate()
        self.file = files.TenantFile(self.corail.file)
        self.ledger = self.corail.home.path / "ledger.db"
        self.edit_policy()

    def close(self) -> None:
        """Everything stops and is cleaned up."""
        self.corail.__exit__()
        shutil.rmtree(self.folder)

    # The company.

    def address(self, word: str) -> str:
        """An address nobody ever had."""
        self._names += 1
        return f"{word}.{self._names}@corail.example"

    def hire(self, entity: int, mail: str | None = None) -> Person:
        """Somebody new."""
        address = mail or self.address("camille")
        if mail is None:
            self.hands.add_mailbox(address)
        return self.company.hire("Camille", f"Durand {self._names}", entity, address)

    def people(self) -> list[Person]:
        """Everybody, former employees too."""
        return [self.company.people[number] for number in sorted(self.company.people)]

    def requests(self, *status: Status) -> list[Request]:
        """Requests that stand there."""
        return [one for _, one in sorted(self.company.requests.items()) if one.status in status]

    def periods(self) -> list[Period]:
        """Leave periods of which something stands."""
        return [one for _, one in sorted(self.company.periods.items()) if one.active()]

    def employees(self) -> list[Employee]:
        """The facts, for the reference."""
        return [
            Employee(one.id, one.mail or "", one.legal_entity_id, one.contract_end, tuple(self._leaves(one)))
            for one in self.people()
        ]

    def _leaves(self, person: Person) -> Iterator[HalfDay]:
        for number, period in sorted(self.company.periods.items()):
            rows = [row for row in period.active() if period.owner is person and not row.is_rest]
            for row in sorted(rows, key=lambda row: (row.day, row.half)):
                kind, remote = row.account.name, row.account.is_remote_work
                yield HalfDay(number, period.is_confirmed, row.day, row.half, kind, remote, row.value)

    @property
    def now(self) -> datetime:
        """The moment it is."""
        return self.corail.clock.now()

    @property
    def today(self) -> date:
        """The day it is for the tenant."""
        return self.now.astimezone(ZoneInfo(self.policy.timezone)).date()

    def wait(self, seconds: float) -> None:
        """Time passes, for everyone."""
        self.corail.clock.sleep(seconds)
        self.company.today = self.today

    def edit_policy(self, **values: Any) -> None:
        """Change what the tenant file says, by hand."""
        for name, value in values.items():
            setattr(self.policy, name, value)
        self.file.write(self.policy)
        self.company.today = self.today

    # The ledger.

    def put_aside(self) -> Ledger:
        """A copy of the ledger as it is now."""
        return Ledger(files.content(self.ledger), self.judge.memory.copy())

    def put_back(self, kept: Ledger | None) -> None:
        """Another ledger in its place, or none."""
        files.put(self.ledger, kept.content if kept else None)
        self.judge.memory = kept.memory.copy() if kept else Memory()

    def swap_tenant(self) -> None:
        """The ledger is another tenant's."""
        self._names += 1
        files.give_to(self.ledger, TENANT, f"acropora-{self._names}")
        self.judge.memory = Memory()

    # Runs.

    def sync(self, *people: int, **asked: Any) -> Ran:
        """A sync, judged."""
        return self._judged(lambda: self.corail.sync(*people, **asked), people, asked)

    def plan(self, *people: int, **asked: Any) -> Plan | FiggoOpsError:
        """A look, which must change nothing; the error where it failed."""
        return self._looked(lambda: self.corail.plan(*people, **asked))

    def _looked(self, look: Callable[[], Plan]) -> Plan | FiggoOpsError:
        before = self.hands.look()
        try:
            return look()
        except FiggoOpsError as error:
            return error
        finally:
            assert self.hands.look() == before, "planning wrote to a calendar"

    def apply(self, seen: Plan) -> Ran:
        """A plan acted upon, by somebody who read it and names the number of removals."""
        return self._judged(lambda: self._applied(seen), (), {}, seen, fresh=False)

    def _applied(self, seen: Plan) -> Result:
        counted = {str(change.key) for change in seen.changes if change.counted}
        return self.corail.apply(seen, removals=len(counted))

    def confirm(self, *people: int, **asked: Any) -> Ran:
        """Look, and act at once on what was seen, whatever it needs a word for."""
        seen = self.plan(*people, **asked)
        return self._confirmed(seen, *people, **asked)

    def move(self, to: str, entity: int) -> Ran:
        """A legal entity goes to another calendar, as somebody saw it planned; nobody else is looked at."""
        answers = {"look_alikes": "ignore"}
        seen = self._looked(lambda: planned_move(self.corail, to, entity, **answers))
        return self._confirmed(seen, fresh=False, since="start", **answers)

    def _confirmed(self, seen: Plan | FiggoOpsError, *people: int, fresh: bool = True, **asked: Any) -> Ran:
        if isinstance(seen, FiggoOpsError):
            return Ran(None, seen)
        return self._judged(lambda: self._applied(seen), people, asked, seen, fresh=fresh)

    def under(self, mishap: Mishap, run: Callable[[], Ran] | None = None) -> Ran:
        """A run to which this happens: any, or the one given."""
        run = run or (self.confirm if mishap.worded else self.sync)
        if mishap.what == "death":
            ran = self._die(run, mishap.after + 1)
            if mishap.again:
                self.wait(TEN_MINUTES)
            return ran
        with self._trouble(mishap):
            ran = run()
        if mishap.what == "late":
            if mishap.again:
                self.wait(TEN_MINUTES)
                self.sync()
            self.arrive(beside=mishap.again and not self.hands.knows_again)
        return ran

    @contextmanager
    def _trouble(self, mishap: Mishap) -> Iterator[None]:
        """It goes wrong until the block ends; tokens stay good, or the key would be refused for ever."""
        hands, (kind, value) = self.hands, ANSWERS[mishap.answer]
        after, times = mishap.after, None if mishap.lasting else 1
        match mishap.what:
            case "answer":
                hands.strike(hands.writes, kind, value, after, times)
            case "read":
                hands.strike(hands.reads, kind, value, after, times)
            case "late":
                hands.strike(hands.creations, "late-commit", after=after)
            case "line":
                hands.strike(hands.writes, "drop-after" if mishap.lasting else "drop-before", after=after)
            case "figgo":
                kind, value = ANSWERS[mishap.answer if mishap.answer in FIGGO else "busy"]
                self.corail.fault("figgo", kind, after=after, times=times, value=value)
        try:
            with self.corail.upon(self._cut if mishap.what == "line" else lambda _: False, self._stays_cut):
                yield
        finally:
            hands.relent()

    def _cut(self, entry: Entry) -> bool:
        return self.hands.writes.meets(entry) and entry.fault is not None

    def _stays_cut(self) -> None:
        self.hands.strike(self.hands.all, "drop-before")

    def _die(self, run: Callable[[], Ran], write: int) -> Ran:
        """A run whose process dies at its n-th write: the ledger stays as it was at that moment."""
        kept: list[Ledger] = []
        left = [write]

        def fits(entry: Entry) -> bool:
            left[0] -= self.hands.writes.meets(entry)
            return left[0] == 0

        def death() -> None:
            kept.append(self.put_aside())
            self.hands.fall_silent()
            self.corail.clock.interrupt = "now"

        with self.corail.upon(fits, death):
            ran = run()
        self.corail.clock.interrupt = ""
        self.hands.relent()
        if kept:
            memory = self.judge.memory
            self.put_back(kept[0])
            self.judge.memory.places |= memory.places  # noted before anything is sent
            self.dead_until = self.now + timedelta(seconds=DEAD)
        return ran

    def window(self, since: str | None) -> tuple[date, date]:
        """The days that a plan may change."""
        start = date.fromisoformat(self.file.value("start"))
        return max(self.today - PAST, start) if since is None else start, self.today + FUTURE

    def _judged(
        self,
        run: Callable[[], Result],
        people: Collection[int],
        asked: Mapping[str, Any],
        seen: Plan | None = None,
        *,
        fresh: bool = True,
    ) -> Ran:
        """Let it run, then judge every write of it, and the calendars if it says that all is done."""
        self.judge.learn(self.employees(), seen.today if seen else self.today)
        before, window = self.hands.look(), self.window(asked.get("since"))
        answers = asked.get("look_alikes"), self.file.value("look_alikes").strip('"')
        try:
            ran = Ran(run())
        except FiggoOpsError as error:
            ran = Ran(None, error)
        except KeyboardInterrupt:
            ran = Ran(None)
        after = self.hands.look()
        unread = ran.result is None or ran.result.unreadable or (seen and seen.unreadable)
        alike = seen is not None and any("--look-alikes" in line for line in seen.refused)
        done = ran.result is not None and ran.exit == 0
        self.judge.writes(before, after, Run(seen is not None, "ignore" in answers, done, not unread))
        if done and fresh and not unread and not alike:
            self.judge.shows(before, after, window, people or set(self.company.people))
        assert not self.hands.notified(), "somebody was notified"
        return ran

    def busy(self, ran: Ran) -> bool:
        """Whether a process that died could be in the way of this run."""
        dead = self.dead_until is not None and self.now < self.dead_until
        return dead and (isinstance(ran.error, TenantBusy) or ran.exit in (1, 5))

    def arrive(self, *, beside: bool) -> None:
        """Writes that were lost on the way arrive after all, and double nothing.

        Args:
            beside: they may: meanwhile they were given up and done again.
        """
        before = self.hands.look()
        self.stage.faults.settle()
        after = self.hands.look()
        for event_id in after.keys() - before.keys():
            late = after[event_id]
            rivals = [
                one for one in found(before, late.mailbox, late.key) if not self.judge.renewed(one, late)
            ]
            assert beside or not rivals, f"{late.key} arrived late, a second time"
            self.judge.marks[event_id] = late.show
