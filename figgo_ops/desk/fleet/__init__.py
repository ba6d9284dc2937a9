"""All tenants of a home at once: how they are, what drifts, what fails, what will end."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any, get_args
from zoneinfo import ZoneInfo

from figgo_ops import tenants
from figgo_ops.checks import Check, Deadline, Status, of
from figgo_ops.desk import diagnostics, pages
from figgo_ops.desk.diagnostics import Diagnosis, radar, remedies
from figgo_ops.desk.masks import without_addresses
from figgo_ops.errors import FiggoOpsError, Stopped, UsageError, worst_exit
from figgo_ops.home import Home
from figgo_ops.ledger import Ledger, Run
from figgo_ops.secrets import REDACTOR
from figgo_ops.session import Console, Quiet
from figgo_ops.tenants import Tenant
from figgo_ops.transport import Clock, SystemClock
from figgo_ops.workers import side_by_side

AT_ONCE = 8
RUNS = 1000
"""So many of a tenant's latest runs are looked at; a schedule of every ten minutes has as many in a week."""
CUT_OFF = timedelta(hours=6)
"""A run that has not ended by then was killed."""
UNREADABLE = "unreadable"
FINDINGS = 6
STATUSES: tuple[str, ...] = get_args(Status)

_SLICE = 1.0  # seconds that a wait goes on at most once everything is to end

Diagnose = Callable[[Home, str, Clock], Diagnosis]


@dataclass(frozen=True, slots=True)
class Period:
    """What runs did in a stretch of time.

    Attributes:
        failures: runs that ended with anything but 0, or were cut off.
        written: events created, updated and removed.
    """

    runs: int = 0
    failures: int = 0
    written: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """One tenant.

    Attributes:
        state: as in its file; "unreadable" where that cannot be read.
        mode: LIVE or REHEARSAL.
        kinds: of its calendars, each once.
        last, good: its last run, and the last one that ended with 0.
        delay: time since that one ended; None where there was none.
        events: of ours as mailboxes were last listed and written to since; None when none ever was.
        drift: events that need action by verdict, at the last audit; None when there was none.
        audited, diagnosed: when that was.
        recent, before: what runs did in the time asked about, and in as long a time before it.
        checks: how many of the last diagnosis ended how, by status.
        wrong: its checks that need somebody; of one that is only remembered, without sentences.
    """

    name: str
    state: str
    mode: str = ""
    kinds: tuple[str, ...] = ()
    last: Run | None = None
    good: Run | None = None
    delay: timedelta | None = None
    events: int | None = None
    drift: Mapping[str, int] | None = None
    audited: str = ""
    recent: Period = Period()
    before: Period = Period()
    deadlines: tuple[Deadline, ...] = ()
    checks: Mapping[str, int] = field(default_factory=dict)
    diagnosed: str = ""
    wrong: tuple[Check, ...] = ()
    today: date = date.min

    @property
    def served(self) -> bool:
        """Whether anybody still waits for it: a closed tenant is only remembered."""
        return self.state != "closed"

    @property
    def drifting(self) -> int:
        """How many events need action."""
        return sum((self.drift or {}).values())

    @property
    def passed(self) -> list[Deadline]:
        """What has ended."""
        return [one for one in self.deadlines if one.day < self.today]

    @property
    def exit(self) -> int:
        """6 when a check failed or something has ended."""
        failed = any(check.status == "failed" for check in self.wrong)
        return FINDINGS if self.served and (failed or self.passed) else 0


@dataclass(frozen=True, slots=True)
class Fleet:
    """All tenants of a home.

    Attributes:
        made: when they were looked at.
        since: how far back failures were counted; None for as long as the ledger remembers.
        rows: by name.
    """

    home: Home
    made: datetime
    since: timedelta | None
    rows: tuple[Row, ...]

    @property
    def deadlines(self) -> list[tuple[Row, Deadline]]:
        """What will end for whom, soonest first."""
        found = ((row, one) for row in self.rows if row.served for one in row.deadlines)
        return sorted(found, key=lambda pair: (pair[1].day, pair[0].name, pair[1].what))

    @property
    def exit(self) -> int:
        """The exit code that tells how the fleet is."""
        return worst_exit([row.exit for row in self.rows])

    def row(self, tenant: str) -> Row:
        """One tenant's, which must be there."""
        return next(row for row in self.rows if row.name == tenant)


class Leaving:
    """A clock whose waits end as soon as everything is to end."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._leaving = False

    def leave(self) -> None:
        """From now on nobody waits."""
        self._leaving = True

    def monotonic(self) -> float:
        """As the clock has it."""
        return self._clock.monotonic()

    def now(self) -> datetime:
        """As the clock has it."""
        return self._clock.now()

    def sleep(self, seconds: float) -> None:
        """Let so much time pass.

        Raises:
            Stopped: everything is to end.
        """
        while seconds > 0:
            if self._leaving:
                raise Stopped
            self._clock.sleep(min(seconds, _SLICE))
            seconds -= _SLICE


def time_of(text: str) -> timedelta | None:
    """The stretch of time that a text such as 7d, 12h or 4w says; None of an empty one.

    Raises:
        UsageError: it says none.
    """
    if not text.strip():
        return None
    found = re.fullmatch(r"([1-9][0-9]{0,3})([hdw])", text.strip())
    if not found:
        raise UsageError(f'"{text}" is no stretch of time.', "Write hours, days or weeks: 12h, 7d or 4w.")
    return (
        int(found[1]) * {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}[found[2]]
    )


def diagnosed(home: Home, name: str, clock: Clock) -> Diagnosis:
    """The usual diagnosis of one of many tenants."""
    return diagnostics.diagnose(home, name, clock=clock)


def look(
    home: Home,
    *,
    check: bool = False,
    since: timedelta | None = None,
    clock: Clock | None = None,
    console: Console | None = None,
    only: Collection[str] = (),
    at_once: int = AT_ONCE,
    diagnose: Diagnose = diagnosed,
) -> Fleet:
    """Look at every tenant; one that is broken is a row like the others.

    Args:
        only: these tenants; all of them when empty.
        check: diagnose each tenant now; else what is told is what is remembered.
        since: how far back failures are counted.
        at_once: so many tenants side by side.

    Raises:
        UsageError: a tenant that was named does not exist, or the ledger cannot be used.
    """
    clock, console = Leaving(clock or SystemClock()), console or Quiet()
    made, rows = clock.now(), []
    names = _named(home, only)
    ledger = Ledger.open(home.ledger)
    work = _Work(home, ledger, clock, made, since, diagnose if check else None)
    found = side_by_side(((name,) for name in names), work.row, at_once, clock.leave)
    try:
        with console.bar("tenants", len(names)) as step:
            for row in found:
                rows.append(row)
                step()
    except (
        KeyboardInterrupt
    ):  # it may arrive between two results: those under way are not waited out then either
        clock.leave()
        raise
    finally:
        ledger.close()
    return Fleet(home, made, since, tuple(sorted(rows, key=lambda row: row.name)))


def _named(home: Home, only: Collection[str]) -> list[str]:
    known = tenants.names(home)
    for name in only:
        if name not in known:
            tenants.load(home, name)  # says which there are
    return [name for name in known if not only or name in only]


@dataclass(frozen=True, slots=True)
class _Work:
    """What is done for each tenant, in any thread."""

    home: Home
    ledger: Ledger
    clock: Clock
    now: datetime
    since: timedelta | None
    diagnose: Diagnose | None

    def row(self, name: str) -> Row:
        """Everything about one tenant."""
        try:
            tenant = tenants.load(self.home, name)
        except UsageError as error:
            wrong = _paged(of("tenant file", error, tried="read the tenant file"))
            return Row(name, UNREADABLE, checks={"failed": 1}, wrong=(wrong,), today=self.now.date())
        try:
            found = self.diagnose(self.home, name, self.clock) if self.diagnose else None
            row = self._remembered(tenant)
        except FiggoOpsError as error:
            return self._broken(tenant, error)
        except Exception as error:  # noqa: BLE001 - the edge of a thread: one tenant must not end the others
            remedy = f"Run figgo-ops diagnose {name}: it keeps what the makers need."
            return self._broken(tenant, FiggoOpsError(f"Internal error: {type(error).__name__}.", remedy))
        return row if found is None else self._fresh(row, found)

    def _broken(self, tenant: Tenant, error: FiggoOpsError) -> Row:
        wrong = _paged(of("diagnosis", error, tried="diagnosed the tenant"))
        return replace(self._bare(tenant), checks={"failed": 1}, wrong=(wrong,))

    def _bare(self, tenant: Tenant) -> Row:
        kinds = dict.fromkeys(one.kind for one in tenant.calendars if not one.retired)
        mode = pages.REHEARSAL if tenant.rehearsal else pages.LIVE
        today = self.now.astimezone(ZoneInfo(tenant.timezone)).date()
        return Row(tenant.name, tenant.state, mode, tuple(kinds), today=today)

    def _remembered(self, tenant: Tenant) -> Row:
        """The row as far as this machine knows it."""
        runs = self.ledger.runs(tenant.name, RUNS)
        good = next((run for run in runs if run.exit == 0), None)
        listed, lines = self.ledger.last_listing(tenant.name), self.ledger.health(tenant.name)
        audit = _newest(lines, "audit").get("audit", {})
        last = _newest(lines, "checks")
        known = radar.look(self.home, tenant, self.ledger)
        recalled = last.get(radar.WRONG, ())
        # A line that another version wrote costs its own tenant's row a detail, not everybody's overview.
        wrong = [
            _recalled(one) for one in recalled if isinstance(one, Mapping) and one.get("status") in STATUSES
        ]
        return replace(
            self._bare(tenant),
            last=runs[0] if runs else None,
            good=good,
            delay=self.now - good.ended if good and good.ended else None,
            events=sum(one.events for one in listed.values()) if listed else None,
            drift=audit.get("acting"),
            audited=audit.get("at", ""),
            recent=self._period(runs, 0),
            before=self._period(runs, 1),
            deadlines=known.deadlines,
            checks=last.get("checks", {}),
            diagnosed=last.get("diagnosed", ""),
            wrong=(*wrong, *map(_paged, known.unread)),
        )

    def _fresh(self, row: Row, found: Diagnosis) -> Row:
        """The row with what a diagnosis found just now."""
        counts = {status: n for status in STATUSES if (n := found.count(status))}
        wrong = tuple(_nameless(check) for check in found.checks if not check.clean)
        at = self.now.isoformat(timespec="seconds")
        ends = radar.soonest_first((*row.deadlines, *found.deadlines))
        return replace(row, checks=counts, diagnosed=at, wrong=wrong, deadlines=ends)

    def _period(self, runs: Iterable[Run], back: int) -> Period:
        """What runs did in the time asked about or, one back, in as long a time before it."""
        if self.since is None:
            first, last = datetime.min.replace(tzinfo=self.now.tzinfo), self.now
            runs = () if back else runs
        else:
            last = self.now - self.since * back
            first = last - self.since
        within = [run for run in runs if first < run.started <= last]
        written = sum(run.counts.get(name, 0) for run in within for name in ("created", "updated", "deleted"))
        return Period(len(within), sum(map(self._failed, within)), written)

    def _failed(self, run: Run) -> bool:
        """Whether a run ended badly, or never will."""
        return bool(run.exit) if run.ended else self.now - run.started > CUT_OFF


def _newest(lines: dict[date, dict[str, Any]], name: str) -> Mapping[str, Any]:
    """The last day's line of health that says anything under this name; empty when none does."""
    return next((line for line in reversed(lines.values()) if name in line), {})


def _recalled(one: Mapping[str, Any]) -> Check:
    """A check of an earlier diagnosis: its name, how it ended, its cause as a code."""
    code = str(one.get("code", ""))
    return _paged(Check(str(one.get("name", "")), one["status"], who=str(one.get("who", "")), code=code))


def _nameless(check: Check) -> Check:
    """The check as an overview may tell it, which managers and customers read: no mailbox is named."""
    said = (check.cause, check.remedy, check.tried, check.seen)
    cause, remedy, tried, seen = map(without_addresses, said)
    return replace(check, cause=cause, remedy=remedy, tried=tried, seen=seen)


def _paged(check: Check) -> Check:
    """The check with its runbook page and without secrets, which a page would show as they are."""
    told: Check = REDACTOR.cleaned(check)
    return told if told.page else replace(told, page=remedies.page(told.code))
