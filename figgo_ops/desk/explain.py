"""Why a calendar shows one leave, or does not: the verbs of its notebook."""

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from figgo_ops import words
from figgo_ops.console import Cell
from figgo_ops.desk import kernel, pages
from figgo_ops.desk.reports import Note
from figgo_ops.desk.tables import Table
from figgo_ops.desk.verdict import Verdict
from figgo_ops.errors import UsageError
from figgo_ops.explaining import explain
from figgo_ops.explaining.trace import Ask, Explanation, state_of
from figgo_ops.home import Home
from figgo_ops.session import Session


def look(tenant: str, employee: str = "", date: str = "", leave: str = "") -> Explanation:
    """Read both ends for one person and day, and answer; nothing is written to any calendar.

    Args:
        tenant: name of the tenant file.
        employee: id, mail or number; empty with a leave.
        date: YYYY-MM-DD; empty for today.
        leave: Figgo's own id of a half-day; empty with an employee.

    Raises:
        FiggoOpsError: as `explain.explain`.
    """
    kernel.guard()
    if not employee.strip() and not leave.strip():
        raise UsageError("Nobody is asked about.", "Fill in employee, or leave, and run again.")
    with Session(Home.open(), tenant, console=Cell()) as session:
        return explain.explain(session, Ask(employee, date, leave))


def leaves(found: Explanation) -> Table:
    """What Figgo says of the day and its leave periods."""
    rows = [
        {
            "Date": str(leave.day),
            "Half": "morning" if leave.half == "A" else "afternoon",
            "Type": found.type_of(leave),
            "State": state_of(leave),
            "Becomes": becomes,
        }
        for leave, becomes in found.leaves
    ]
    return _table(found, "leaves", "What Figgo says", rows, ("Date", "Half", "Type", "State", "Becomes"))


def calls(found: Explanation) -> Table:
    """What was asked, and what was answered."""
    rows = [{"Call": call.what, "Answer": call.answer} for call in found.calls]
    return _table(found, "calls", "What each call answered", rows, ("Call", "Answer"))


def shown(found: Explanation) -> Table:
    """Events on the day, and the event in question wherever it stands."""
    rows = [
        {
            "Mailbox": str(one.mailbox),
            "Dates": str(one.start) if one.start == one.end else f"{one.start} to {one.end}",
            "State": one.state,
            "What it is": one.means,
            "Key": one.key,
        }
        for one in found.calendar
    ]
    columns = ("Mailbox", "Dates", "State", "What it is", "Key")
    return _table(found, "calendar", "What the calendar shows", rows, columns)


def runs(found: Explanation) -> Table:
    """What earlier runs did to the events in question, the latest first."""
    rows = [
        {
            "When (UTC)": f"{one.at:%Y-%m-%d %H:%M}",
            "Run": one.run,
            "Change": one.action,
            "Reason": one.reason,
            "Outcome": one.outcome,
            "Why": one.error,
        }
        for one in reversed(found.past)
    ]
    columns = ("When (UTC)", "Run", "Change", "Reason", "Outcome", "Why")
    return _table(found, "runs", "What earlier runs did", rows, columns)


def answer(found: Explanation) -> Verdict:
    """The answer, what decided it, and the command that goes on from there."""
    reason, option = found.reason, pages.home_option(pages.here())
    after = words.with_home(reason.next, option[1] if option else None) if reason.next else ""
    whom = found.person.name if found.person else found.ask.employee
    facts = [
        ("Person", whom),
        ("Date", str(found.day or "")),
        ("Answer", reason.verdict),
        ("Rule", reason.rule),
        ("Mailbox", ", ".join(filter(None, (found.mailbox, found.resolved)))),
        ("Event", reason.key),
    ]
    also = [f"Also {one.verdict}: {one.sentence}" for one in found.others]
    lines = [reason.sentence, *also, *([after] if after else [])]
    part = Note("Why", tuple((name, value) for name, value in facts if value), tuple(lines))
    document = found.document() | {"next": after}
    return Verdict(found.exit, f"{reason.verdict}: {reason.sentence}", after, document, (part,))


def _table(
    found: Explanation,
    name: str,
    caption: str,
    rows: Iterable[Mapping[str, str]],
    columns: Sequence[str],
) -> Table:
    return Table(name, caption, pd.DataFrame(list(rows), columns=list(columns)), tenant=found.tenant)
