"""All tenants on one page, for a manager and for the morning's round: the verbs of its notebook."""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from figgo_ops.console import Cell
from figgo_ops.desk import fleet, kernel, pages, reports, runs
from figgo_ops.desk.fleet import Fleet, Row, overview
from figgo_ops.desk.fleet.overview import Need
from figgo_ops.desk.reports import Note, Part
from figgo_ops.desk.tables import Table
from figgo_ops.desk.verdict import Verdict
from figgo_ops.errors import UsageError
from figgo_ops.home import Home
from figgo_ops.secrets import REDACTOR

_TENANTS = (
    *("Tenant", "State", "Calendars", "Last run", "Exit", "Last good run", "Delay", "Events", "Drift"),
    *("Failed runs", "Failed checks", "Next end"),
)
_MONTHS, _URGENT = 6, 6
"""So much has room on one sheet of paper."""
_UPRIGHT = (
    "<style>@page { size: A4 portrait; margin: 10mm; } "
    "@media print { th, td, caption { padding: .7mm 2mm !important; } }</style>"
)
_TREND = ("What", "In this time", "In as long a time before")


def look(since: str = "7d", check: str = "recorded") -> Fleet:
    """Look at every tenant of the home; nothing is written to any calendar.

    Args:
        since: how far back failures are counted, such as 7d.
        check: "recorded" for what is remembered, "now" to diagnose each tenant.

    Raises:
        UsageError: one of them says neither.
    """
    kernel.guard()
    if check not in ("recorded", "now"):
        raise UsageError('check says neither "recorded" nor "now".', "Write one of the two.")
    back = fleet.time_of(since)
    return fleet.look(Home.open(), check=check == "now", since=back, console=Cell())


def parts(found: Fleet) -> list[Part]:
    """The one page for a manager: how many, how it develops, whom it waits for, what ends; no long table."""
    return [summary(found), states(found), trend(found), by_whom(found), months(found), urgent(found)]


def page(found: Fleet, file: Path) -> Path:
    """Write the manager's page; its path."""
    file = file.expanduser().absolute()
    home = found.home.path
    shown = pages.frame("Fleet", pages.whose("", home), [])
    found.home.learn_secrets()
    text = pages.page(shown, [_UPRIGHT, *(part.html() for part in parts(found))])
    runs.write_text(file, REDACTOR.clean(text))
    return file


def summary(found: Fleet) -> Note:
    """How the fleet is, in words."""
    rows = [row for row in found.rows if row.served]
    acting = sum(any(True for _ in overview.needs(row)) for row in rows)
    lines = [f"{overview.number(found)}: {overview.states(found)}. Something is to be done for {acting}."]
    never = sum(not row.diagnosed for row in rows)
    if never:
        lines.append(f"{never} were never diagnosed; run with check=now, or: figgo-ops fleet --check")
    lines.append(f"Certificates, secrets or access that have ended: {sum(len(row.passed) for row in rows)}.")
    return Note(f"All tenants, {reports.moment(found.made)}", (), tuple(lines))


def states(found: Fleet) -> Table:
    """Tenants, events, drift and failed checks, by state."""
    rows = []
    for state in sorted({row.state for row in found.rows}):
        mine = [row for row in found.rows if row.state == state]
        rows.append(
            {
                "State": state,
                "Tenants": len(mine),
                "Events": sum(row.events or 0 for row in mine),
                "Drift": sum(row.drifting for row in mine),
                "Failed checks": sum(row.checks.get("failed", 0) for row in mine),
            }
        )
    columns = ("State", "Tenants", "Events", "Drift", "Failed checks")
    note = "Drift: events that need action, at the last audit."
    return _table("states", "Tenants by state", rows, columns, note)


def trend(found: Fleet) -> Table:
    """What runs did in the time asked about, beside as long a time before it."""
    names = (("Runs", "runs"), ("Runs that failed", "failures"), ("Events written", "written"))
    rows = [
        {
            "What": words,
            "In this time": sum(getattr(row.recent, name) for row in found.rows),
            "In as long a time before": sum(getattr(row.before, name) for row in found.rows),
        }
        for words, name in names
    ]
    note = f"The time is {overview.span(found.since)}." if found.since else "As far as the ledger remembers."
    return _table("trend", "What runs did", rows, _TREND, note)


def by_whom(found: Fleet) -> Table:
    """How many things wait for whom."""
    counted = Counter(need.who for need in _needs(found))
    tenants = {who: len({need.tenant for need in _needs(found) if need.who == who}) for who in counted}
    rows = [{"Who": who, "Things": n, "Tenants": tenants[who]} for who, n in counted.most_common()]
    return _table("by-whom", "Who has something to do", rows, ("Who", "Things", "Tenants"))


def needs(found: Fleet) -> Table:
    """What is to be done, for whom and by whom."""
    rows = [
        {
            "Tenant": need.tenant,
            "Who": need.who,
            "What": f"{need.name}: {need.what}" if need.name else need.what,
            "Next": need.remedy,
            "Page": need.page,
        }
        for need in _needs(found)
    ]
    return _table("needs", "What is to be done", rows, ("Tenant", "Who", "What", "Next", "Page"))


def _needs(found: Fleet) -> list[Need]:
    return [need for row in found.rows for need in overview.needs(row)]


def tenants(found: Fleet) -> Table:
    """Every tenant with its last run and what is known of it."""
    return _table("tenants", "Tenants", [_row(row) for row in found.rows], _TENANTS, filtered=True)


def _row(row: Row) -> dict[str, Any]:
    last = f"{row.last.command}, {reports.moment(row.last.started)}" if row.last else overview.NEVER
    good = reports.moment(row.good.started) if row.good else overview.NEVER
    drift = "" if row.drift is None else f"{row.drifting} on {row.audited[:10]}"
    cells = (
        *(row.name, row.state, ", ".join(row.kinds), last, overview.ended(row.last), good),
        *(overview.span(row.delay), "" if row.events is None else f"{row.events:,}", drift),
        *(row.recent.failures, row.checks.get("failed", 0)),
        str(row.deadlines[0].day) if row.deadlines else "",
    )
    return dict(zip(_TENANTS, cells, strict=True))


def by_month(found: Fleet) -> Table:
    """What will end, by month."""
    rows = [
        {"Month": month, "Day": str(one.day), "Tenant": row.name, "What ends": one.what, "Who": one.who}
        for month, ends in overview.by_month(found).items()
        for row, one in ends
    ]
    return _table("deadlines", "What ends when", rows, ("Month", "Day", "Tenant", "What ends", "Who"))


def months(found: Fleet) -> Table:
    """How much will end in each of the next months."""
    ends = list(overview.by_month(found).items())
    rows = [
        {"Month": month, "Things that end": len(of), "Tenants": len({row.name for row, _ in of})}
        for month, of in ends[:_MONTHS]
    ]
    note = _and_more(len(ends), _MONTHS, "months")
    return _table("months", "What ends, by month", rows, ("Month", "Things that end", "Tenants"), note)


def urgent(found: Fleet) -> Table:
    """The tenants with a failed check or something that has ended, the largest first."""
    failing = sorted((row for row in found.rows if row.exit), key=lambda row: (-(row.events or 0), row.name))
    rows = [
        {"Tenant": row.name, "Events": row.events or 0, "Who": first.who, "What": first.what}
        for row in failing[:_URGENT]
        if (first := _worst(row))
    ]
    note = _and_more(len(failing), _URGENT, "tenants")
    return _table(
        "urgent", "Where something failed or has ended", rows, ("Tenant", "Events", "Who", "What"), note
    )


def _worst(row: Row) -> Need | None:
    """What makes the tenant's exit code: a check that failed, or what has ended."""
    found = list(overview.needs(row))
    ended = (need for need in found if need.name or (need.day and need.day < row.today))
    return next(ended, found[0] if found else None)


def _and_more(there: int, shown: int, what: str) -> str:
    return f"and {there - shown} more {what}" if there > shown else ""


def messages(found: Fleet) -> Table:
    """For each customer who must do something: the message, ready to be sent."""
    rows = [{"Tenant": row.name, "Message": _message(row)} for row in overview.customers(found.rows)]
    return _table("messages", "Messages for customers", rows, ("Tenant", "Message"))


def _message(row: Row) -> str:
    try:
        return overview.message(row)
    except UsageError as error:
        return f"{error.message} {error.remedy}"


def verdict(found: Fleet) -> Verdict:
    """How it came out: 6 when a check failed or something has ended."""
    failing = sum(row.exit != 0 for row in found.rows)
    waiting = len(overview.customers(found.rows))
    message = f"{overview.number(found)}; with a failed check or something that has ended: {failing}."
    remedy = f"Send the messages above to {waiting} customers." if waiting else ""
    return Verdict(found.exit, message, remedy, overview.document(found))


def _table(
    name: str,
    caption: str,
    rows: Iterable[Mapping[str, Any]],
    columns: Iterable[str],
    note: str = "",
    filtered: bool = False,
) -> Table:
    return Table(name, caption, pd.DataFrame(list(rows), columns=list(columns)), note, filtered=filtered)
