"""What the mailboxes hold against what Figgo says, for the customer to read: the verbs of its notebook."""

import platform
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

import figgo_ops
from figgo_ops import audit, sync, verdicts, words
from figgo_ops.audit import Audit
from figgo_ops.console import Cell
from figgo_ops.desk import charts, kernel, pages, reports
from figgo_ops.desk.charts import Chart
from figgo_ops.desk.initialization import ids
from figgo_ops.desk.masks import Mask
from figgo_ops.desk.reports import Note, Part
from figgo_ops.desk.tables import Table
from figgo_ops.desk.verdict import Verdict
from figgo_ops.errors import UsageError
from figgo_ops.home import Home
from figgo_ops.plan import Finding
from figgo_ops.session import Session

_SERIES = {"order": "in order", "other": "for information", "act": "to act on"}
_COLUMNS = ("Person", "Mailbox", "Dates", "Verdict", "Leave in Figgo", "Event shown", "Why")


@dataclass(frozen=True, slots=True)
class Found:
    """An audit, and how it is told.

    Attributes:
        mask: puts hashes in place of names; None to tell them.
    """

    audit: Audit
    mask: Mask | None = None

    def table(
        self, name: str, caption: str, rows: Iterable[Mapping[str, Any]], columns: Iterable[str]
    ) -> Table:
        """A table whose rows can be looked through on a page of their own."""
        frame = pd.DataFrame(list(rows), columns=list(columns))
        return self.shown(Table(name, caption, frame, tenant=self.audit.plan.tenant, filtered=True))

    def shown(self, table: Table) -> Table:
        """The table as this report may show it."""
        return self.mask.table(table) if self.mask else table

    def said(self, note: Note) -> Note:
        """The note as this report may say it."""
        return self.mask.note(note) if self.mask else note


def look(
    tenant: str, legal_entities: str = "", mailboxes: str = "", names: str = "names", verdicts: str = ""
) -> Found:
    """Read the mailboxes and Figgo, and judge; nothing is written to any calendar.

    Args:
        tenant: name of the tenant file.
        legal_entities: ids with commas between; empty for all.
        mailboxes: a file of former mailboxes; a relative path begins at the home.
        names: "names" to tell them, "hashes" for a report that names nobody.
        verdicts: what a repair shall mend, checked before anything is read.

    Raises:
        FiggoOpsError: as `audit.audit`.
    """
    kernel.guard()
    if names not in ("names", "hashes"):
        raise UsageError('names says neither "names" nor "hashes".', "Write one of the two.")
    home = Home.open()
    audit.check_verdicts(_split(verdicts))
    with Session(home, tenant, console=Cell()) as session:
        ask = sync.Ask(legal_entities=ids(legal_entities))
        found = audit.audit(session, ask, _path(home, mailboxes))
    return told(found, names)


def told(found: Audit, names: str = "names") -> Found:
    """An audit as a report tells it, with names or with hashes."""
    return Found(found, Mask(found.plan.people.values()) if names == "hashes" else None)


def parts(found: Found) -> list[Part]:
    """Everything there is to be seen, in the order a person reads."""
    tables = [unreadable(found), to_act_on(found), edited(found), before_and_after(found)]
    tables += [information(found), absent(found), in_order(found)]
    shown = [table for table in tables if len(table)]
    return [summary(found), counts(found), chart_by_month(found), *shown, how(found)]


def summary(found: Found) -> Note:
    """How it came out, in words."""
    one = found.audit
    acting = sum(finding.needs_action for finding in one.findings)
    whose = pages.whose(one.plan.tenant)
    lines = [_opening(one, acting)]
    if acting and one.plan.changes:
        ways = {"create": "written", "update": "put right", "remove": "removed"}
        kinds = ((way, one.plan.count(action)) for action, way in ways.items())  # type: ignore[arg-type]
        doing = ", ".join(f"{number} {way}" for way, number in kinds if number)
        lines.append(f"A repair would change {len(one.plan.changes)} events: {doing}.")
    title = f"{whose['mode']} audit of {one.plan.tenant}".strip()
    return found.said(Note(title, (), (*lines, *one.plan.notes, *one.plan.refused)))


def _opening(one: Audit, acting: int) -> str:
    events = f"{len(one.findings):,} events in {one.read:,} mailboxes were compared with Figgo"
    if not one.complete:
        return (
            f"This audit is not complete: {len(one.plan.unreadable):,} people or mailboxes could not be "
            f"read, and nothing is said about them. {events}; {acting:,} need action."
        )
    if acting:
        return f"{events}; {acting:,} need action."
    return f"{events}. The calendars are clean: none needs action."


def counts(found: Found) -> Table:
    """How many got each verdict, and what it means."""
    acting = {finding.verdict for finding in found.audit.findings if finding.needs_action} | {"unreadable"}
    rows = [
        {
            "Verdict": verdict,
            "Events": number,
            "To do": "needs action" if verdict in acting else "",
            "What it means": verdicts.MEANING[verdict],  # type: ignore[index]
        }
        for verdict, number in found.audit.counts.items()
    ]
    frame = pd.DataFrame(rows, columns=["Verdict", "Events", "To do", "What it means"])
    return Table("counts", "Verdicts", frame, tenant=found.audit.plan.tenant)


def chart_by_month(found: Found) -> Chart:
    """Events by the month they begin in: in order, for information, to act on."""
    events = ((one.start, _kind(one)) for one in found.audit.findings)
    return charts.by_month(events, _SERIES, "Events per month: none were found or expected.")


def _kind(one: Finding) -> str:
    return "act" if one.needs_action else "order" if one.verdict == "in-order" else "other"


def to_act_on(found: Found) -> Table:
    """Events that need action."""
    return _events(found, "to-act-on", "To act on", lambda one: _kind(one) == "act")


def information(found: Found) -> Table:
    """Events that are neither in order nor anybody's to change."""
    return _events(found, "information", "For information", lambda one: _kind(one) == "other")


def in_order(found: Found) -> Table:
    """Events that are as Figgo says."""
    return _events(found, "in-order", "In order", lambda one: _kind(one) == "order")


def edited(found: Found) -> Table:
    """Events that their owners changed, to be put back or respected."""
    return found.shown(reports.edited(found.audit.plan))


def before_and_after(found: Found) -> Table:
    """What a repair would change, before and after."""
    return found.shown(reports.before_and_after(found.audit.plan))


def unreadable(found: Found) -> Table:
    """What could not be read, and why; nothing is said or planned for it."""
    return found.shown(reports.unreadable(found.audit.plan))


def absent(found: Found) -> Table:
    """Mailboxes that the provider says do not exist."""
    rows = [{"Mailbox": str(box), "Why": why} for box, why in sorted(found.audit.absent.items())]
    return found.table("absent", "Mailboxes that do not exist", rows, ("Mailbox", "Why"))


def how(found: Found) -> Note:
    """How this report was made."""
    plan = found.audit.plan
    facts = (
        ("Read", f"{found.audit.read:,} mailboxes completely, then Figgo ({plan.host}); nothing was written"),
        ("Days", f"{reports.day(plan.window.first)} to {reports.day(plan.window.last)}"),
        ("When", reports.moment(plan.made)),
        ("People", "everyone" if plan.selection is None else f"{len(plan.selection)} chosen"),
        ("Names", "hashes, which tell nothing outside this report" if found.mask else "as in Figgo"),
        ("Versions", f"figgo_ops {figgo_ops.__version__}, Python {platform.python_version()}"),
    )
    return Note("How this was made", facts)


def mend(found: Found, repair: str = "", verdicts: str = "") -> Verdict:
    """How the audit came out; where a file is named, with the plan that mends what was found.

    Args:
        repair: the plan's file; a relative path begins at the home. Empty: no plan.
        verdicts: what it shall mend, with commas between; empty for all that can be mended.

    Raises:
        FiggoOpsError: as `audit.repair`.
    """
    kernel.guard()
    one, home = found.audit, Home.open()
    document = {name: value for name, value in one.document().items() if name != "events"}
    file = _path(home, repair)
    if file is None:
        remedy = "To mend it, run again and name a file in repair." if one.plan.changes else ""
        return _verdict(found, document, remedy, ())
    with Session(home, one.plan.tenant, console=Cell()) as session:
        made = audit.repair(session, one, file, _split(verdicts))
    step = found.said(reports.next_step(made))
    remedy = "The plan is written; read it, then apply it as the last lines say." if made.changes else ""
    return _verdict(found, document | {"repair": words.plan_document(made)}, remedy, (step,))


def _verdict(found: Found, document: Mapping[str, Any], remedy: str, parts: tuple[Part, ...]) -> Verdict:
    acting = sum(finding.needs_action for finding in found.audit.findings)
    told: Mapping[str, Any] = _masked(document, found.mask) if found.mask else document
    return Verdict(found.audit.exit, _opening(found.audit, acting), remedy, told, parts)


def _masked(value: Any, mask: Mask) -> Any:
    if isinstance(value, str):
        return mask.text(value)
    if isinstance(value, Mapping):
        return {name: _masked(item, mask) for name, item in value.items()}
    return [_masked(item, mask) for item in value] if isinstance(value, list) else value


def _events(found: Found, name: str, caption: str, fits: Callable[[Finding], bool]) -> Table:
    return found.table(name, caption, _rows(found, fits), _COLUMNS)


def _rows(found: Found, fits: Callable[[Finding], bool]) -> Iterator[dict[str, str]]:
    plan = found.audit.plan
    for one in filter(fits, found.audit.findings):
        cells = (
            reports.whom(plan, one.employee),
            str(one.mailbox),
            reports.days(one.start, one.end),
            *(one.verdict, one.leave, one.shown, one.reason),
        )
        yield dict(zip(_COLUMNS, cells, strict=True))


def _path(home: Home, text: str) -> Path | None:
    return home.path / Path(text.strip()).expanduser() if text.strip() else None


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
