"""What people and programs read of tenants, plans and results: plain text, tables, JSON shapes."""

import json
import re
import shlex
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from figgo_ops import tenants
from figgo_ops.act import Result
from figgo_ops.errors import FiggoOpsError
from figgo_ops.home import Home
from figgo_ops.leaves import Person
from figgo_ops.limits import counted
from figgo_ops.plan import Change, Plan, Unreadable
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
    skipped = Counter(skip.reason for skip in plan.skipped)
    lines = [f"Not shown: {reason} ({number})" for reason, number in sorted(skipped.items())]
    lines += [f"Not readable: {cause}" for cause in _unreadable(plan.unreadable)]
    found = Counter((finding.verdict, finding.reason) for finding in plan.findings)
    return lines + [
        f"Left alone: {verdict} ({number}): {why}" for (verdict, why), number in sorted(found.items())
    ]


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


def apply_line(plan: Plan, home: str | None) -> str:
    """The exact command that writes this plan.

    Args:
        home: the home as given on the command line; None when it came from the environment.
    """
    where = f" --home {shlex.quote(home)}" if home else ""
    removals = counted(plan.changes)
    number = f" --removals {removals}" if any("--removals" in text for text in plan.refused) else ""
    return f"figgo-ops apply {shlex.quote(str(plan.file))} --confirm {plan.checksum}{number}{where}"


def tenant_row(home: Home, name: str) -> dict[str, str]:
    """One line about a tenant; a file that is wrong is listed as such."""
    try:
        tenant = tenants.load(home, name)
    except FiggoOpsError as error:
        cause = " ".join(line.strip() for line in error.message.splitlines()[:2])
        return {"tenant": name, "state": "unreadable", "kind": "", "file": cause}
    kind = "REHEARSAL" if tenant.rehearsal else "LIVE"
    return {"tenant": name, "state": tenant.state, "kind": kind, "file": str(tenant.file)}
