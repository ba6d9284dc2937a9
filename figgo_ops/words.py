"""What people and programs read of tenants, plans and results: plain text, tables, JSON shapes."""

import json
import re
import shlex
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from figgo_ops import tenants
from figgo_ops.audit import Audit
from figgo_ops.errors import FiggoOpsError
from figgo_ops.explaining.trace import Explanation, state_of
from figgo_ops.home import Home
from figgo_ops.leaves import Person
from figgo_ops.limits import counted
from figgo_ops.plan import Change, Plan, Unreadable
from figgo_ops.result import Result
from figgo_ops.tenants import Tenant

ROWS = 20
"""Changes shown in a terminal; the plan file and the notebook show them all."""

WIDEST = 60
"""Characters of a name or title shown in a terminal, where one long cell would widen every row."""


def plain(text: str) -> str:
    """The text with everything that could steer a terminal made visible."""
    return "".join(
        c if c == "\n" or unicodedata.category(c) not in _STEERING else f"\\u{ord(c):04x}" for c in text
    )


_STEERING = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


def line(text: str) -> str:
    """The same on one line, whoever wrote it: a line of its own could pass for one of ours."""
    return plain(text.replace("\n", " "))


def document(content: Any) -> str:
    """One JSON document in ASCII, which the strictest reader takes: no half of a surrogate pair, no NaN."""
    text = re.sub("[\ud800-\udfff]", "\ufffd", json.dumps(content, ensure_ascii=False, allow_nan=False))
    return re.sub(r"[^\x00-\x7e]+", lambda found: json.dumps(found[0])[1:-1], text)


def table(rows: Iterable[Sequence[object]], head: Sequence[str]) -> str:
    """Aligned columns; numbers to the right."""
    cells = [[line(str(cell)) for cell in row] for row in rows]
    widths = [max(len(row[n]) for row in [list(head), *cells]) for n in range(len(head))]
    numeric = [bool(cells) and all(row[n].isdecimal() for row in cells) for n in range(len(head))]
    lines = [
        "  ".join(
            text.rjust(width) if right else text.ljust(width)
            for text, width, right in zip(row, widths, numeric, strict=True)
        ).rstrip()
        for row in [list(head), ["-" * width for width in widths], *cells]
    ]
    return "\n".join(lines)


def headline(tenant: Tenant, home: object) -> str:
    """The first line of every output: home, tenant, and whether it is real."""
    kind = "REHEARSAL" if tenant.rehearsal else "LIVE"
    return f"{kind}  tenant {tenant.name} ({tenant.state})  home {home}"


def plan_text(plan: Plan, apply_line: str) -> str:
    """A plan for a person in a terminal."""
    create, update, remove = plan.count("create"), plan.count("update"), plan.count("remove")
    counts = f"{create} to create, {update} to update, {remove} to remove, {plan.unchanged} unchanged"
    parts = [f"Days {plan.window.first} to {plan.window.last}: {counts}."]
    if plan.changes:
        parts += [_counts(plan), _changes(plan)]
    parts += [line(f"Note: {note}") for note in plan.notes]
    parts += map(line, _left_out(plan))
    parts += [line(f"Refused: {text}") for text in plan.refused]
    parts.append(("To write this: " if plan.changes else "Nothing to write. To confirm that: ") + apply_line)
    return plain("\n".join(parts))


def _counts(plan: Plan) -> str:
    found = Counter((change.legal_entity, change.action, change.reason) for change in plan.changes)
    rows = [
        (_short(str(plan.legal_entities.get(entity, entity))), action, reason, number)
        for (entity, action, reason), number in sorted(found.items())
    ]
    return "\n" + table(rows, ("legal entity", "action", "reason", "events")) + "\n"


def _changes(plan: Plan) -> str:
    rows = [
        (
            _name(plan.people.get(change.employee), change.employee),
            change.action,
            change.reason,
            *_dates(change),
        )
        for change in plan.changes[:ROWS]
    ]
    more = len(plan.changes) - len(rows)
    text = table(rows, ("employee", "action", "reason", "from", "to", "title"))
    return text + (f"\n... and {more} more, all in the plan file and the notebook.\n" if more > 0 else "\n")


def _name(person: Person | None, number: int) -> str:
    return f"{_short(person.name)} ({number})" if person else str(number)


def _short(text: str) -> str:
    """A name or title as a terminal has room for it."""
    shown = line(text)
    return shown if len(shown) <= WIDEST else f"{shown[: WIDEST - 3]}..."


def _dates(change: Change) -> tuple[object, object, str]:
    event = change.shown
    mark = " ?" if event.state == "tentative" else ""
    return event.first_day, event.last_day, _short(change.title(event)) + mark


def _left_out(plan: Plan) -> list[str]:
    skipped = Counter(skip.reason for skip in plan.skipped if plan.kind != "undo")
    lines = [f"Not shown: {reason} ({number})" for reason, number in sorted(skipped.items())]
    lines += _left_as_they_are(plan) if plan.kind == "undo" else []
    lines += [f"Not readable: {cause}" for cause in _unreadable(plan.unreadable)]
    found = Counter((finding.verdict, finding.reason) for finding in plan.findings)
    return lines + [
        f"Left alone: {verdict} ({number}): {why}" for (verdict, why), number in sorted(found.items())
    ]


def _left_as_they_are(plan: Plan) -> list[str]:
    """What an undo leaves, one by one: somebody may have to mend it by hand."""
    lines = [f"{skip.leave or f'employee {skip.employee}'}: {skip.reason}" for skip in plan.skipped]
    more = len(lines) - ROWS
    return lines[:ROWS] + ([f"... and {more} more; --json shows them all"] if more > 0 else [])


def result_text(result: Result) -> str:
    """What an apply or sync did, for a person in a terminal."""
    counts = f"{result.created} created, {result.updated} updated, {result.deleted} removed"
    parts = [f"Run {result.run}: {counts}, {result.unchanged} unchanged."]
    for name in ("failed", "unknown", "stale", "held"):
        rows = getattr(result, name)
        parts += [
            line(f"{name}: {row.action} {row.key} in {row.mailbox}: {row.error}") for row in rows[:ROWS]
        ]
        parts += [f"{name}: ... and {len(rows) - ROWS} more"] if len(rows) > ROWS else []
    parts += [line(f"not readable: {cause}") for cause in _unreadable(result.unreadable)]
    parts += [line(f"note: {note}") for note in result.notes]
    return plain("\n".join(parts))


def _unreadable(rows: Iterable[Unreadable]) -> list[str]:
    """One line per cause: where a calendar refuses us, all its mailboxes say the same."""
    found: dict[str, list[str]] = {}
    for row in rows:
        whom = row.mailbox or f"employee {row.employee}"
        cause = f"{row.error.message.removeprefix(f'{whom}: ')} {row.error.remedy}".strip()
        found.setdefault(cause, []).append(whom)
    lines = [f"{_first_of(whom)}: {cause}" for cause, whom in found.items()]
    more = len(lines) - ROWS
    return [*lines[:ROWS], f"... and {more} more causes"] if more > 0 else lines


def _first_of(names: Sequence[str]) -> str:
    more = len(names) - 3
    return ", ".join(names[:3]) + (f" and {more} more" if more > 0 else "")


def plan_document(plan: Plan) -> dict[str, Any]:
    """The JSON shape of a plan that other programs rely on."""
    return {
        "tenant": plan.tenant,
        "checksum": plan.checksum,
        "file": str(plan.file),
        "created": plan.count("create"),
        "updated": plan.count("update"),
        "deleted": plan.count("remove"),
        "unchanged": plan.unchanged,
        "refused": list(plan.refused),
        "notes": list(plan.notes),
        "skipped": [
            {"employee": skip.employee, "leave": skip.leave, "reason": skip.reason} for skip in plan.skipped
        ],
        "unreadable": [row.document() for row in plan.unreadable],
    }


def audit_text(found: Audit) -> str:
    """What an audit found, for a person in a terminal."""
    days, unread = found.plan.window, len(found.plan.unreadable)
    state = f"NOT complete, {unread} unread" if unread else "NOT clean" if found.exit else "clean"
    parts = [f"Days {days.first} to {days.last}: {state}.", ""]
    parts += [table(list(found.counts.items()), ("verdict", "events")), "", *_to_act_on(found)]
    parts += [f"Not readable: {line}" for line in _unreadable(found.plan.unreadable)]
    parts += [f"Note: {note}" for note in found.plan.notes]
    parts += [f"To be answered: {text}" for text in found.plan.refused]
    return plain("\n".join(parts))


def _to_act_on(found: Audit) -> list[str]:
    acting = [one for one in found.findings if one.needs_action]
    rows = []
    for one in acting[:ROWS]:
        name = _name(found.plan.people.get(one.employee), one.employee)
        rows.append((one.verdict, name, one.start, one.end, one.reason))
    more = len(acting) - len(rows)
    shown = [table(rows, ("verdict", "employee", "from", "to", "reason")), ""] if rows else []
    return shown + ([f"... and {more} more; --json and the notebook show them all.", ""] if more > 0 else [])


def explanation_text(found: Explanation, home: str | None) -> str:
    """An answer and its trace, for a person in a terminal."""
    reason = found.reason
    whose = f"{found.person.name} ({found.person.id})" if found.person else found.ask.employee
    parts = [f"{reason.verdict}: {reason.sentence}", ""]
    facts = (
        ("Who, when", " ".join(filter(None, (whose, str(found.day or ""), found.ask.leave)))),
        ("Rule", reason.rule),
        ("Event", reason.key),
        ("Mailbox", ", ".join(filter(None, (found.mailbox, found.resolved)))),
    )
    parts += [f"{name}: {value}" for name, value in facts if value]
    parts += [f"Also {one.verdict}: {one.sentence}" for one in found.others]
    for title, head, rows in _trace(found):
        more = [f"... and {len(rows) - ROWS} more; --json shows them all."] if len(rows) > ROWS else []
        parts += ["", f"{title}:", table(rows[:ROWS], head) if rows else "nothing", *more]
    if reason.next:
        parts += ["", f"Next: {with_home(reason.next, home)}"]
    return plain("\n".join(parts))


def _trace(found: Explanation) -> list[tuple[str, tuple[str, ...], list[tuple[object, ...]]]]:
    leaves: list[tuple[object, ...]] = [
        (one.day, "AM" if one.half == "A" else "PM", found.type_of(one, aloud=True), state_of(one), becomes)
        for one, becomes in found.leaves
    ]
    events: list[tuple[object, ...]] = [
        (one.mailbox, one.start, one.end, one.state, one.means, one.key) for one in found.calendar
    ]
    runs: list[tuple[object, ...]] = [
        (f"{one.at:%Y-%m-%d %H:%M}", one.run, one.action, one.reason, one.outcome, one.error)
        for one in reversed(found.past)
    ]
    return [
        ("Figgo says", ("day", "half", "type", "state", "becomes"), leaves),
        ("Calls", ("call", "answer"), [(call.what, call.answer) for call in found.calls]),
        ("Calendar shows", ("mailbox", "from", "to", "state", "means", "key"), events),
        ("Earlier runs", ("UTC", "run", "action", "reason", "outcome", "error"), runs),
    ]


def with_home(command: str, home: str | None) -> str:
    """The command as it must be typed here.

    Args:
        home: the home as given on the command line; None when it came from the environment.
    """
    return f"{command} --home {shlex.quote(home)}" if home else command


def apply_line(plan: Plan, home: str | None) -> str:
    """The exact command that writes this plan.

    Args:
        home: the home as given on the command line; None when it came from the environment.
    """
    removals = counted(plan.changes)
    number = f" --removals {removals}" if any("--removals" in text for text in plan.refused) else ""
    return with_home(f"figgo-ops apply {shlex.quote(str(plan.file))} --confirm {plan.checksum}{number}", home)


def tenant_row(home: Home, name: str) -> dict[str, str]:
    """One line about a tenant; a file that is wrong is listed as such."""
    try:
        tenant = tenants.load(home, name)
    except FiggoOpsError as error:
        cause = " ".join(line.strip() for line in error.message.splitlines()[:2])
        return {"tenant": name, "state": "unreadable", "kind": "", "file": cause}
    kind = "REHEARSAL" if tenant.rehearsal else "LIVE"
    return {"tenant": name, "state": tenant.state, "kind": kind, "file": str(tenant.file)}
