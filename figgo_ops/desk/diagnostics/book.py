"""What works for one tenant and what does not, check by check: the verbs of its notebook."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from figgo_ops.console import Cell
from figgo_ops.desk import diagnostics, kernel, pages
from figgo_ops.desk.diagnostics import Diagnosis
from figgo_ops.desk.diagnostics.bundle import Hidden
from figgo_ops.desk.reports import Note
from figgo_ops.desk.tables import Table
from figgo_ops.desk.verdict import Verdict
from figgo_ops.errors import UsageError
from figgo_ops.home import Home


@dataclass(frozen=True, slots=True)
class Seen:
    """A diagnosis, and how it is told.

    Attributes:
        hidden: takes people out of what is told; None to tell them.
    """

    found: Diagnosis
    hidden: Hidden | None = None

    def table(
        self,
        name: str,
        caption: str,
        rows: Iterable[Mapping[str, Any]],
        columns: Iterable[str],
        note: str = "",
    ) -> Table:
        """A table as this report may show it."""
        told = [self.said(dict(row)) for row in rows]
        return Table(name, caption, pd.DataFrame(told, columns=list(columns)), note, self.found.tenant)

    def said(self, value: Any) -> Any:
        """A text, or a JSON value, as this report may tell it."""
        return self.hidden.all(value) if self.hidden else value


def look(
    tenant: str, employee: str = "", outside: str = "", write_probe: str = "no", names: str = "names"
) -> Seen:
    """Try everything that this tenant needs; a credential is tried once.

    Args:
        tenant: name of the tenant file.
        employee: whose mailbox is tried; empty for the first of each calendar.
        outside: a mailbox that must stay closed to us; empty for those that the tenant file names.
        write_probe: "yes" to write one event into that mailbox and to take it away again.
        names: "names" to tell them, "hashes" for a report that names nobody.

    Raises:
        UsageError: there is no such tenant or person, or a parameter says something else.
    """
    kernel.guard()
    for name, value, known in (
        ("write_probe", write_probe, ("no", "yes")),
        ("names", names, ("names", "hashes")),
    ):
        if value not in known:
            raise UsageError(f'{name} says neither "{known[0]}" nor "{known[1]}".', "Write one of the two.")
    ask = diagnostics.Ask(employee.strip(), outside.strip(), write_probe == "yes")
    found = diagnostics.diagnose(Home.open(), tenant, ask, console=Cell())
    return told(found, names)


def told(found: Diagnosis, names: str = "names") -> Seen:
    """A diagnosis as a report tells it, with names or with hashes."""
    return Seen(found, Hidden(found.people) if names == "hashes" else None)


def summary(seen: Seen) -> Note:
    """How it came out, in words."""
    found = seen.found
    mode = pages.whose(found.tenant)["mode"]
    return Note(f"{mode} diagnosis of {found.tenant}".strip(), (), (_opening(found),))


def _opening(found: Diagnosis) -> str:
    counts = ", ".join(f"{n} {status}" for status in _ORDER if (n := found.count(status)))
    if found.exit:
        first = next(check for check in found.checks if check.status == "failed")
        return f"{counts}. Begin with {first.name}: what fails first is often the cause of the rest."
    return f"{counts}. Nothing failed."


_ORDER = ("failed", "warning", "pending", "ok", "skipped")


def to_do(seen: Seen) -> Table:
    """What failed, warns or waits: cause, next step, who must act, the runbook page."""
    rows = [
        {
            "Check": check.name,
            "Status": check.status,
            "Cause": check.cause,
            "Next step": check.remedy,
            "Who": check.who,
            "Runbook page": check.page,
        }
        for check in seen.found.checks
        if not check.clean
    ]
    columns = ("Check", "Status", "Cause", "Next step", "Who", "Runbook page")
    return seen.table("to-do", "What needs somebody", rows, columns, "Nothing does." if not rows else "")


def checks(seen: Seen) -> Table:
    """Every check in its order: what was tried and what came back."""
    rows = [
        {
            "Check": check.name,
            "Status": check.status,
            "Found": check.cause,
            "Tried": check.tried,
            "Seen": check.seen,
            "Code": check.code,
        }
        for check in seen.found.checks
    ]
    return seen.table("checks", "Checks", rows, ("Check", "Status", "Found", "Tried", "Seen", "Code"))


def mailboxes(seen: Seen) -> Table:
    """Every mailbox of the people in scope, where they were looked at."""
    rows = [
        {
            "Person": f"{row.name} (employee {row.employee})",
            "Mailbox": f"{row.mailbox} ({row.calendar})",
            "Status": row.status,
            "What it says": row.said,
            "Next step": row.remedy,
            "Zone": row.zone,
            "Events": row.events,
        }
        for row in seen.found.mailboxes
    ]
    columns = ("Person", "Mailbox", "Status", "What it says", "Next step", "Zone", "Events")
    note = "" if rows else "they are looked at for a draft, and by figgo-ops diagnose --mailboxes"
    return seen.table("mailboxes", "Mailboxes", rows, columns, note)


def deadlines(seen: Seen) -> Table:
    """What will end, soonest first."""
    rows = [
        {"Day": str(one.day), "What ends": one.what, "Next step": one.remedy, "Who": one.who}
        for one in seen.found.deadlines
    ]
    return seen.table("deadlines", "What ends when", rows, ("Day", "What ends", "Next step", "Who"))


def verdict(seen: Seen) -> Verdict:
    """How it came out: 6 when a check failed."""
    found = seen.found
    failed = next((check for check in found.checks if check.status == "failed"), None)
    remedy = seen.said(failed.remedy) if failed else ""
    document = {name: value for name, value in found.document().items() if name != "mailboxes"}
    return Verdict(found.exit, seen.said(_opening(found)), remedy, seen.said(document))
