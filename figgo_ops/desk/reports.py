"""What a plan or an apply looks like to a person: tables, a chart, and the next step."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from figgo_ops import words
from figgo_ops.desk import pages
from figgo_ops.desk.charts import ACTIONS, Chart, by_month
from figgo_ops.desk.tables import Table, visible
from figgo_ops.events import Event
from figgo_ops.plan import Change, Finding, Plan, Skip, Unreadable
from figgo_ops.result import Result


@dataclass(frozen=True, slots=True)
class Note:
    """A few lines or facts, shown as such.

    Attributes:
        title: what they are about.
        facts: names and values.
        lines: sentences; a line that begins with `figgo-ops ` is shown as a command.
    """

    title: str
    facts: tuple[tuple[str, str], ...] = ()
    lines: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return "\n".join([self.title, *(f"{name}: {value}" for name, value in self.facts), *self.lines])

    def _repr_html_(self) -> str:
        facts = "".join(f"<dt>{visible(name)}</dt><dd>{visible(value)}</dd>" for name, value in self.facts)
        lines = "".join(_line(line) for line in self.lines)
        return (
            f"<p><strong>{visible(self.title)}</strong></p>" + (f"<dl>{facts}</dl>" if facts else "") + lines
        )

    def html(self, folder: Path | None = None) -> str:
        """The same for a page."""
        return self._repr_html_()


Part = Table | Note | Chart


def plan_parts(plan: Plan, home: Path | None = None) -> list[Part]:
    """Everything to be seen of a plan, in the order a person reads; empty tables of trouble left out."""
    parts: list[Part] = [banner(plan, home), counts(plan), chart_by_month(plan), before_and_after(plan)]
    tables = [
        *(without_mailbox(plan), not_shown(plan), unreadable(plan)),
        *(look_alikes(plan), edited(plan), findings(plan)),
    ]
    return [*parts, *(table for table in tables if len(table)), next_step(plan)]


def page(
    title: str, tenant: str, parts: Iterable[Part], *, home: Path | None = None, folder: Path | None = None
) -> str:
    """One page of these parts, for a browser or a mail.

    Args:
        home: the one this process works in unless said.
        folder: where the page will be kept; tables put their files there.
    """
    shown = pages.frame(title, pages.whose(tenant, home), [("Zone", "days are days; hours name their zone")])
    return pages.page(shown, [part.html(folder) for part in parts])


def banner(plan: Plan, home: Path | None = None) -> Note:
    """Whose plan it is, made when, for which days."""
    people = "everyone" if plan.selection is None else f"{len(plan.selection)} chosen"
    whose = pages.whose(plan.tenant, home)
    return Note(
        f"{whose['mode']} plan for {plan.tenant}".strip(),
        (
            ("Home", whose["home"]),
            ("Figgo", plan.host),
            ("Made", moment(plan.made)),
            ("Window", f"{day(plan.window.first)} to {day(plan.window.last)}"),
            ("People", people),
            ("Checksum", plan.checksum or "not saved"),
        ),
        plan.notes,
    )


def counts(plan: Plan) -> Table:
    """How many changes, by legal entity and reason."""
    found = Counter((change.legal_entity, change.action, change.reason) for change in plan.changes)
    entities = sorted({entity for entity, _, _ in found})
    rows = [
        {"Legal entity": _entity(plan, entity), "Change": action, "Reason": reason, "Events": count}
        for (entity, action, reason), count in sorted(found.items(), key=lambda row: _by_action(*row[0]))
    ]
    totals = ", ".join(f"{plan.count(action)} to {action}" for action in ACTIONS)
    note = f"{totals}; {plan.unchanged} unchanged, in {len(entities)} legal entities."
    return _table(
        plan, "counts", "What would change", rows, ("Legal entity", "Change", "Reason", "Events"), note
    )


def before_and_after(plan: Plan) -> Table:
    """Every change, before and after side by side."""
    rows = [
        {
            "Person": whom(plan, change.employee),
            "Mailbox": str(change.mailbox),
            "Change": change.action,
            "Reason": change.reason,
            **_side("Before", change.before, change),
            **_side("After", change.event, change),
        }
        for change in plan.changes
    ]
    sides = [f"{side}: {what}" for side in ("Before", "After") for what in ("dates", "title", "state")]
    return _table(plan, "changes", "Event by event", rows, ("Person", "Mailbox", "Change", "Reason", *sides))


def without_mailbox(plan: Plan) -> Table:
    """People whose leaves can reach no calendar, or whose calendar belongs to someone else."""
    rows = [_skipped(plan, skip) for skip in plan.skipped if not skip.leave]
    return _table(
        plan,
        "without-mailbox",
        "People without a mailbox of their own",
        rows,
        ("Person", "Legal entity", "Why"),
    )


def not_shown(plan: Plan) -> Table:
    """Leaves that get no event, and why."""
    rows = [_skipped(plan, skip) | {"Leave": skip.leave} for skip in plan.skipped if skip.leave]
    return _table(
        plan, "not-shown", "Leaves that are not shown", rows, ("Person", "Legal entity", "Leave", "Why")
    )


def unreadable(plan: Plan) -> Table:
    """People and mailboxes about which nothing is planned."""
    return _unread(plan, "unreadable", plan.unreadable)


def look_alikes(plan: Plan) -> Table:
    """Unmarked events with our titles on our dates."""
    return _found(plan, "look-alikes", "Look-alikes", [f for f in plan.findings if f.verdict == "look-alike"])


def edited(plan: Plan) -> Table:
    """Events whose owners changed them: edits that would be undone, and those that are respected."""
    undone = [
        _edit(plan, change.employee, str(change.mailbox), dates(before), "put back as Figgo says")
        for change in plan.changes
        if change.reason == "edited by hand" and (before := change.before)
    ]
    respected = [
        _edit(plan, one.employee, str(one.mailbox), days(one.start, one.end), "respected: left as it is")
        for one in plan.findings
        if one.verdict == "edited"
    ]
    return _table(plan, "edited", "Edited by hand", undone + respected, _EDITED)


def findings(plan: Plan) -> Table:
    """Events that are reported and left alone; look-alikes and edits have tables of their own."""
    others = [one for one in plan.findings if one.verdict not in ("look-alike", "edited")]
    return _found(plan, "findings", "Left alone", others)


def next_step(plan: Plan) -> Note:
    """What to do with this plan: the exact line that applies it, or what has to be answered first."""
    if not plan.changes:
        return Note("Nothing to apply", (), plan.refused or ("The calendars show what Figgo says.",))
    option = pages.home_option(pages.here())
    command = words.apply_line(plan, option[1] if option else None)
    lines = (
        *plan.refused,
        command,
        f"Or run this notebook again with confirm = {plan.checksum}; good for 24 hours.",
    )
    return Note("To be answered first" if plan.refused else "To apply exactly this", (), lines)


def chart_by_month(plan: Plan) -> Chart:
    """Events that would be written or removed, by the month they begin in."""
    return by_month((change.shown.first_day, change.action) for change in plan.changes)


def outcome(result: Result, plan: Plan) -> list[Table]:
    """What became of a plan's changes: counts first, then every row that was not written.

    Args:
        plan: where the names of people come from.
    """
    written = [
        {"Result": name, "Events": value if isinstance(value, int) else len(value)}
        for name in ("created", "updated", "deleted", "unchanged", "failed", "stale", "unknown", "held")
        for value in [getattr(result, name)]
    ]
    tables = [_table(plan, "outcome", f"What was written in run {result.run}", written, ("Result", "Events"))]
    for name, why in _LEFT.items():
        rows = [
            {
                "Person": whom(plan, row.employee),
                "Mailbox": row.mailbox,
                "Change": row.action,
                "Key": str(row.key),
                "Why": str(row.error),
            }
            for row in getattr(result, name)
        ]
        columns = ("Person", "Mailbox", "Change", "Key", "Why")
        tables += [_table(plan, name, name.capitalize(), rows, columns, why)] if rows else []
    return tables + ([_unread(plan, "unread", result.unreadable)] if result.unreadable else [])


_LEFT = {
    "failed": "the provider said no; run again after the reason is gone",
    "stale": "the planned row no longer held; the next plan sees it as it is now",
    "unknown": "nobody could tell whether it was written; the next plan reads and knows",
    "held": "waits for a person's word",
}


NOBODY = "not known"  # the person of a foreign event, or of a mailbox without events of ours


def whom(plan: Plan, employee: int) -> str:
    """A person's name and Figgo id."""
    person = plan.people.get(employee)
    if person:
        return f"{person.name} ({employee})"
    return f"employee {employee}" if employee else NOBODY


def moment(at: datetime) -> str:
    """A moment as people write it, in UTC."""
    return f"{day(at.astimezone(UTC).date())}, {at.astimezone(UTC):%H:%M} UTC"


def day(day: date) -> str:
    """A day as people write it, such as Mon 23 Nov 2026."""
    return f"{day:%a} {day.day} {day:%b} {day.year}"


def days(first: date, last: date) -> str:
    """The days from first to last."""
    return day(first) if first == last else f"{day(first)} \N{EN DASH}\n{day(last)}"


def dates(event: Event, zone: str = "") -> str:
    """When an event is: days, or times with their zone.

    Args:
        zone: used where the provider kept none.
    """
    first, last = event.first_day, event.last_day
    if not isinstance(event.start, datetime) or not isinstance(event.end, datetime):
        return days(first, last)
    name = event.zone or zone or "UTC"
    start, end = event.start.astimezone(ZoneInfo(name)), event.end.astimezone(ZoneInfo(name))
    if start.date() == end.date():
        return f"{day(start.date())}\n{start:%H:%M} \N{EN DASH} {end:%H:%M}\n{name}"
    return f"{day(start.date())}, {start:%H:%M} \N{EN DASH}\n{day(end.date())}, {end:%H:%M}\n{name}"


def _table(
    plan: Plan, name: str, caption: str, rows: list[dict[str, Any]], columns: Sequence[str], note: str = ""
) -> Table:
    frame = pd.DataFrame(rows, columns=list(columns))
    return Table(name, caption, frame, note, plan.tenant)


def _unread(plan: Plan, name: str, unread: Iterable[Unreadable]) -> Table:
    rows = [
        {
            "Person": whom(plan, row.employee),
            "Mailbox": row.mailbox,
            "What happened": row.error.message,
            "Next": row.error.remedy,
        }
        for row in unread
    ]
    return _table(plan, name, "Could not be read", rows, ("Person", "Mailbox", "What happened", "Next"))


def _found(plan: Plan, name: str, caption: str, rows: Iterable[Finding]) -> Table:
    shown = [
        {
            "Person": whom(plan, row.employee),
            "Mailbox": str(row.mailbox),
            "Dates": days(row.start, row.end),
            "Verdict": row.verdict,
            "Why": row.reason,
        }
        for row in rows
    ]
    return _table(plan, name, caption, shown, ("Person", "Mailbox", "Dates", "Verdict", "Why"))


_EDITED = ("Person", "Mailbox", "Dates", "What happens")


def _edit(plan: Plan, employee: int, mailbox: str, when: str, fate: str) -> dict[str, str]:
    return dict(zip(_EDITED, (whom(plan, employee), mailbox, when, fate), strict=True))


def _side(side: str, event: Event | None, change: Change) -> dict[str, str]:
    if event is None:
        return {f"{side}: {what}": "" for what in ("dates", "title", "state")}
    words = [
        event.state,
        "" if event.show_as == "busy" else event.show_as,
        "private" if event.private else "",
    ]
    return {
        f"{side}: dates": dates(event, change.shown.zone),
        f"{side}: title": change.title(event),
        f"{side}: state": ", ".join(word for word in words if word),
    }


def _skipped(plan: Plan, skip: Skip) -> dict[str, str]:
    person = plan.people.get(skip.employee)
    entity = _entity(plan, person.legal_entity) if person else ""
    return {"Person": whom(plan, skip.employee), "Legal entity": entity, "Why": skip.reason}


def _entity(plan: Plan, number: int) -> str:
    return plan.legal_entities.get(number, f"legal entity {number}")


def _by_action(entity: int, action: str, reason: str) -> tuple[int, int, str]:
    return entity, ACTIONS.index(action), reason


def _line(line: str) -> str:
    return (
        f"<pre><code>{visible(line)}</code></pre>"
        if line.startswith("figgo-ops ")
        else f"<p>{visible(line)}</p>"
    )
