"""What people and programs read of a fleet: a table, who must do what, a message for a customer, JSON."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

from figgo_ops import words
from figgo_ops.checks import CUSTOMER, SUPPORT, WARN_DAYS, Check, Deadline
from figgo_ops.desk.diagnostics import radar, remedies
from figgo_ops.desk.fleet import Fleet, Row
from figgo_ops.desk.masks import without_addresses
from figgo_ops.errors import UsageError
from figgo_ops.ledger import Run

HEAD = (
    *("tenant", "state", "calendars", "last run", "exit", "delay", "events", "drift", "failed runs"),
    *("failed checks", "next end"),
)
LATE = timedelta(days=2)
"""A tenant that is served daily and had no good run for so long is worth a word."""
NEVER = "never"


@dataclass(frozen=True, slots=True)
class Need:
    """Something that somebody must do for a tenant.

    Attributes:
        name: of the check that failed; "" of what was not a check.
        what: what is wrong, or will be.
        who: who can change it.
        remedy: the next step; "" where only the code of a check is remembered.
        page: name of the runbook page.
        day: when it ends or has ended; None where it is wrong already.
    """

    tenant: str
    name: str
    what: str
    who: str
    remedy: str = ""
    page: str = ""
    day: date | None = None


def needs(row: Row) -> Iterator[Need]:
    """What is to be done for one tenant, what is wrong now before what will end."""
    if not row.served:
        return
    for check in row.wrong:
        if check.status in ("failed", "warning") and not _is_end(check, row.deadlines):
            what = check.cause or check.code or check.status
            yield Need(row.name, check.name, what, check.who or SUPPORT, check.remedy, check.page)
    for what, command, page in _of_runs(row):
        yield Need(row.name, "", what, SUPPORT, f"figgo-ops {command} {row.name}", page)
    for one in row.deadlines:
        if one.day <= row.today + timedelta(days=WARN_DAYS):
            what, page = f"{one.what} {ending(one, row.today)}", remedies.page(one.code)
            yield Need(row.name, "", what, one.who, one.remedy, page, one.day)


def _is_end(check: Check, ends: Iterable[Deadline]) -> bool:
    """Whether a check has a line of its own among what ends, with its day."""
    codes = {one.code for one in ends}
    # One that was made just now says what to grant again; one that is remembered says less than its end.
    return check.code in codes or (check.code == radar.LOST and radar.WITHDRAWN in codes and not check.remedy)


def _of_runs(row: Row) -> Iterator[tuple[str, str, str]]:
    """What the last audit and the last runs leave to be done: what, command, page."""
    if row.drifting:
        found = ", ".join(f"{count} {verdict}" for verdict, count in (row.drift or {}).items())
        yield f"events need action: {found}", "audit", "audit"
    if row.state != "active":
        return
    if row.last and row.last.exit:
        yield (
            f"its last run ({row.last.command}) ended with exit code {row.last.exit}",
            "diagnose",
            "diagnostics",
        )
    if row.delay is None or row.delay > LATE:
        late = f"no run succeeded for {span(row.delay)}" if row.delay else "no run has ever succeeded"
        yield late, "sync", "diagnostics"


def ending(one: Deadline, today: date) -> str:
    """When it ends, as a sentence goes on."""
    left = (one.day - today).days
    when = "today" if left == 0 else "tomorrow" if left == 1 else f"in {left} days"
    return f"ends on {one.day} ({when})" if left >= 0 else f"ended on {one.day}"


def span(time: timedelta | None) -> str:
    """A stretch of time in its largest unit."""
    if time is None:
        return NEVER
    hours = int(time.total_seconds() // 3600)
    return f"{hours // 24} d" if hours >= 48 else f"{hours} h" if hours else "under 1 h"


def by_month(fleet: Fleet) -> dict[str, list[tuple[Row, Deadline]]]:
    """What ends when, by month, soonest first."""
    found: dict[str, list[tuple[Row, Deadline]]] = {}
    for row, one in fleet.deadlines:
        found.setdefault(f"{one.day:%Y-%m}", []).append((row, one))
    return found


def text(fleet: Fleet) -> str:
    """The fleet for a person in a terminal."""
    if not fleet.rows:
        return f"No tenants in {fleet.home.path}."
    parts = [words.table(map(_cells, fleet.rows), HEAD), "", f"{number(fleet)}: {states(fleet)}."]
    found = [need for row in fleet.rows for need in needs(row)]
    for who in dict.fromkeys(need.who for need in sorted(found, key=lambda need: need.who)):
        parts += ["", f"To do, {who}:"]
        parts += [_line(need) for need in found if need.who == who]
    for month, ends in by_month(fleet).items():
        parts += ["", f"Ends in {month}:"]
        parts += [words.line(f"  {one.day}  {row.name}: {one.what}") for row, one in ends]
    return words.plain("\n".join(parts))


def _line(need: Need) -> str:
    page = f" (runbook: {need.page})" if need.page else ""
    name = f"{need.name}: " if need.name else ""
    return words.line(f"  {need.tenant}: {name}{need.what}{page}")


def number(fleet: Fleet) -> str:
    """How many tenants there are, in words."""
    return "1 tenant" if len(fleet.rows) == 1 else f"{len(fleet.rows)} tenants"


def states(fleet: Fleet) -> str:
    """How many tenants are in which state."""
    counts: dict[str, int] = {}
    for row in fleet.rows:
        counts[row.state] = counts.get(row.state, 0) + 1
    return ", ".join(f"{count} {state}" for state, count in sorted(counts.items())) or "none"


def _cells(row: Row) -> Sequence[object]:
    last = f"{row.last.command} {row.last.started:%Y-%m-%d %H:%M}" if row.last else NEVER
    following = row.deadlines[0].day if row.deadlines else "-"
    return (
        *(row.name, row.state, ", ".join(row.kinds) or "-", last, ended(row.last), span(row.delay)),
        "-" if row.events is None else row.events,
        "-" if row.drift is None else row.drifting,
        row.recent.failures,
        row.checks.get("failed", 0) if row.checks else "-",
        following,
    )


def ended(run: Run | None) -> str:
    """The exit code of a run, as far as it has one."""
    if run is None:
        return "-"
    return "running" if run.exit is None else str(run.exit)


def document(fleet: Fleet) -> dict[str, Any]:
    """The JSON shape other programs rely on."""
    return {
        "home": str(fleet.home.path),
        "made": fleet.made.isoformat(timespec="seconds"),
        "exit": fleet.exit,
        "tenants": [_document(row) for row in fleet.rows],
        "deadlines": [{"tenant": row.name, **_end(one)} for row, one in fleet.deadlines],
    }


def _document(row: Row) -> dict[str, Any]:
    return {
        "tenant": row.name,
        "state": row.state,
        "mode": row.mode,
        "calendars": list(row.kinds),
        "last_run": _run(row.last),
        "last_good_run": _run(row.good),
        "delay_seconds": None if row.delay is None else int(row.delay.total_seconds()),
        "events": row.events,
        "drift": None if row.drift is None else dict(row.drift),
        "audited": row.audited,
        "runs": row.recent.runs,
        "failures": row.recent.failures,
        "checks": dict(row.checks),
        "diagnosed": row.diagnosed,
        "wrong": [asdict(check) for check in row.wrong],
        "next_deadline": _end(row.deadlines[0]) if row.deadlines else None,
    }


def _run(run: Run | None) -> dict[str, Any] | None:
    if run is None:
        return None
    over = run.ended.isoformat(timespec="seconds") if run.ended else None
    started = run.started.isoformat(timespec="seconds")
    return {"run": run.id, "command": run.command, "started": started, "ended": over, "exit": run.exit}


def _end(one: Deadline) -> dict[str, Any]:
    return {**asdict(one), "day": one.day.isoformat()}


def message(row: Row) -> str:
    """A message ready for the customer: what ends, when, what to do; it names no person and no mailbox.

    Raises:
        UsageError: only codes are remembered of what is wrong; a customer needs sentences.
    """
    mine = [need for need in needs(row) if need.who == CUSTOMER]
    if not all(need.remedy or not need.name for need in mine):
        raise UsageError(
            f"Of the last diagnosis of {row.name} only codes are remembered; a customer needs sentences.",
            f"Diagnose now: figgo-ops fleet --check --message {row.name}",
        )
    if not mine:
        return f"The customer has nothing to do for {row.name}."
    points = [line for number, need in enumerate(mine, 1) for line in _point(number, need)]
    return "\n".join([*_OPENING, *points, *_CLOSING])


_OPENING = (
    "Subject: Leaves in your calendars: action needed",
    "",
    "Hello,",
    "",
    "We show the leaves of Figgo in your calendars. The following needs your administrator:",
    "",
)
_CLOSING = (
    "Please tell us when it is done; we then check the connection.",
    "Until then the leaves that are shown stay in your calendars, but changes may not arrive.",
    "",
    "Kind regards",
)


def _point(number: int, need: Need) -> Iterator[str]:
    yield f"{number}. {_for_customers(need.what)}"
    if need.day:
        yield f"   Date: {need.day.day} {need.day:%B %Y}"
    if step := _for_customers(need.remedy):
        yield f"   What to do: {step}"
    yield ""


def _for_customers(text: str) -> str:
    """The sentences that are for a customer: our commands and files are none of their business."""
    found = re.split(r"(?<=[.:]) +", words.line(without_addresses(text)))
    told = [one for one in found if not re.search(r"figgo-ops|tenant file|\.toml", one)]
    return " ".join(told).removesuffix(":")


def customers(rows: Iterable[Row]) -> list[Row]:
    """The tenants whose customer must do something."""
    return [row for row in rows if any(need.who == CUSTOMER for need in needs(row))]
