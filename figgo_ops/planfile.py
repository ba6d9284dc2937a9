"""A plan between looking and acting: a file with a checksum.

It holds keys, dates and digests, never a title.
"""

import hashlib
import json
import os
import re
import shlex
import tempfile
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Self

from figgo_ops.diff import Difference
from figgo_ops.errors import Refused, UsageError
from figgo_ops.events import Event
from figgo_ops.leaves import Span
from figgo_ops.plan import Change, Mailbox, Plan

GOOD_FOR = timedelta(hours=24)
_CHECKSUM = re.compile(r"plan-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Row:
    """One change as the plan file keeps it.

    Attributes:
        event: the provider's id of the event listed; "" for a creation.
        before, after: digests of the event; "" where there is none.
        start, end: first and last day the event touches.
    """

    action: str
    reason: str
    key: str
    employee: int
    legal_entity: int
    calendar: str
    mailbox: str
    event: str
    before: str
    after: str
    start: str
    end: str
    unit: int
    counted: bool

    @property
    def where(self) -> Mailbox:
        """The mailbox it is about."""
        return Mailbox(self.calendar, self.mailbox)

    @property
    def identity(self) -> tuple[str, ...]:
        """What must be the same in a fresh plan for the row to still hold.

        A removal that was seen as half of a replacement does not hold once it stands alone.
        """
        alone = str(self.counted)
        return self.action, self.calendar, self.mailbox, self.key, self.event, self.before, self.after, alone


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A plan as read back from its file.

    Attributes:
        options: what else the plan was made with, needed to make the same kind of plan again.
    """

    tenant: str
    host: str
    kind: str
    made: datetime
    today: date
    window: Span
    selection: frozenset[int] | None
    policy: str
    options: dict[str, Any]
    refused: tuple[str, ...]
    rows: tuple[Row, ...]
    checksum: str

    @property
    def removals(self) -> int:
        """How many removals count against the limits."""
        return len({one.key for one in self.rows if one.counted})

    @property
    def again(self) -> str:
        """The command that makes such a plan again."""
        made = {"undo": ("undo", self.options.get("run"))}
        command, subject = made.get(self.kind, (self.kind, self.tenant))
        words = [f"figgo-ops {command} {subject}"]
        words += ["--repair FILE"] if self.kind == "audit" else []
        if self.kind == "offboard":
            employee, number = self.options.get("employee"), self.options.get("give_up")
            words += [f"--employee {employee}"] if employee is not None else []
            words += ["--hard"] if self.options.get("hard") else []
            words += [f"--give-up {number}"] if number is not None else []
        if self.kind == "move":
            words += [f"--to {shlex.quote(self.options['to'])}"]
            words += [f"--legal-entity {entity}" for entity in self.options["legal_entities"]]
            words += [f"--look-alikes {self.options['look_alikes']}"] if self.options["answered"] else []
        return " ".join(words)

    @classmethod
    def of(cls, plan: Plan, options: dict[str, Any]) -> Self:
        """The part of a plan that its file keeps."""
        rows = tuple(planned(change) for change in plan.changes)
        bare = cls(
            plan.tenant,
            plan.host,
            plan.kind,
            plan.made,
            plan.today,
            plan.window,
            plan.selection,
            plan.policy,
            options,
            plan.refused,
            rows,
            "",
        )
        return replace(bare, checksum=_checksum(bare))


def digest(event: Event | None) -> str:
    """A short digest of an event; "" for none."""
    return f"{event.facts}:{event.look}" if event else ""


def planned(change: Change) -> Row:
    """The part of a change that the plan file keeps."""
    return Row(
        change.action,
        change.reason,
        str(change.key),
        change.employee,
        change.legal_entity,
        change.mailbox.calendar,
        change.mailbox.address,
        change.existing.id if change.existing else "",
        digest(change.before),
        digest(change.event),
        change.shown.first_day.isoformat(),
        change.shown.last_day.isoformat(),
        change.unit,
        change.counted,
    )


def _document(plan: Confirmed) -> dict[str, Any]:
    return {
        "format": 1,
        "tenant": plan.tenant,
        "host": plan.host,
        "kind": plan.kind,
        "made": plan.made.isoformat(),
        "today": plan.today.isoformat(),
        "window": [plan.window.first.isoformat(), plan.window.last.isoformat()],
        "selection": None if plan.selection is None else sorted(plan.selection),
        "policy": plan.policy,
        "options": plan.options,
        "refused": list(plan.refused),
        "rows": [asdict(one) for one in plan.rows],
    }


def _checksum(plan: Confirmed) -> str:
    text = json.dumps(_document(plan), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return "plan-" + hashlib.sha256(text.encode()).hexdigest()[:12]


def save(plan: Confirmed, folder: Path) -> Path:
    """Write the plan to `<folder>/<tenant>-<checksum>.json`; see `write`."""
    path = folder / f"{plan.tenant}-{plan.checksum}.json"
    write(plan, path)
    return path


def write(plan: Confirmed, path: Path) -> None:
    """Write the plan into this file, for its owner alone, whole or not at all; OSError when that fails."""
    text = json.dumps({**_document(plan), "checksum": plan.checksum}, indent=1, ensure_ascii=False)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".plan-")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text + "\n")
    Path(name).replace(path)


def write_named(plan: Confirmed, path: Path) -> None:
    """Write the plan into a file that a person named; only an older plan is written over.

    Raises:
        UsageError: something else is there, or it cannot be written.
    """
    try:
        check_named(path)
        write(plan, path)
    except OSError as error:
        raise UsageError(
            f"The plan cannot be written to {path}: {error.strerror}.", "Name a file in a folder of yours."
        ) from error


def check_named(path: Path) -> None:
    """Refuse, as a UsageError, a file that holds something other than a plan or cannot be read."""
    try:
        taken = path.exists() and _stated(path) is None
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.", "Name another file.") from error
    if taken:
        raise UsageError(f"{path} is there and is no plan; it was left alone.", "Name another file.")


def _stated(path: Path) -> Any:
    """The checksum that a plan file states; None when it is no plan file."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return None
    return document.get("checksum") if isinstance(document, dict) and "rows" in document else None


def kept(plan: Plan, options: dict[str, Any], folder: Path, refused: Iterable[str] = ()) -> Plan:
    """The plan with its file written.

    Args:
        options: what else it was made with, for making the same kind of plan again.
        refused: reasons why it cannot be applied as it is.
    """
    whole = replace(plan, refused=(*plan.refused, *refused))
    confirmed = Confirmed.of(whole, options)
    return replace(whole, checksum=confirmed.checksum, file=save(confirmed, folder))


def load(path: Path) -> Confirmed:
    """Read a plan file back.

    Raises:
        UsageError: no such file, or not a plan file.
        Refused: the file is not what was written.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        plan = _parsed(document)
        stated = document["checksum"]
    except OSError as error:
        raise UsageError(
            f"The plan file {path} cannot be read: {error.strerror}.", "Give the path that `plan` printed."
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            f"{path} is not a plan file, or was cut off.", "Make the plan again with `figgo-ops plan`."
        ) from error
    if stated != _checksum(plan):
        raise Refused(
            f"The plan file {path} was changed after it was written: its content no longer gives {stated}.",
            f"Make the plan again: {plan.again}",
            code="plan-edited",
        )
    return replace(plan, checksum=stated)


def _parsed(document: dict[str, Any]) -> Confirmed:
    first, last = document["window"]
    selection = document["selection"]
    return Confirmed(
        document["tenant"],
        document["host"],
        document["kind"],
        datetime.fromisoformat(document["made"]).astimezone(UTC),
        date.fromisoformat(document["today"]),
        Span(date.fromisoformat(first), date.fromisoformat(last)),
        None if selection is None else frozenset(selection),
        document["policy"],
        document["options"],
        tuple(document["refused"]),
        tuple(Row(**one) for one in document["rows"]),
        "",
    )


def find(folder: Path, checksum: str) -> Path:
    """The plan file with this checksum.

    Raises:
        UsageError: that is no checksum.
        Refused: no plan in the folder has it.
    """
    if not _CHECKSUM.fullmatch(checksum):
        raise UsageError(
            f"{checksum!r} is not a plan's checksum.",
            "Copy it from the plan that was seen; it begins with plan-.",
        )
    for path in sorted(folder.glob(f"*-{checksum}.json")):
        return path
    raise Refused(
        f"No plan in {folder} has the checksum {checksum}.",
        "Make the plan again and confirm the checksum it prints.",
        code="plan-unknown",
    )


@dataclass(frozen=True, slots=True)
class Match:
    """A confirmed plan held against a fresh one.

    Attributes:
        write: fresh changes that are in both.
        unchanged: rows that are as desired already.
        stale: rows that no longer hold.
    """

    write: tuple[Change, ...]
    unchanged: tuple[Row, ...]
    stale: tuple[Row, ...]


def match(rows: Iterable[Row], fresh: Difference) -> Match:
    """Sort a confirmed plan's rows by what a fresh comparison of the same mailboxes says.

    A unit is written whole or not at all: where the fresh plan has a row in it that nobody saw,
    its other rows are stale.
    """
    rows = list(rows)
    seen = {one.identity for one in rows}
    units: dict[int, list[Change]] = defaultdict(list)
    for change in fresh.changes:
        units[change.unit].append(change)
    whole = [unit for unit in units.values() if all(planned(change).identity in seen for change in unit)]
    write = tuple(change for unit in whole for change in unit)
    holding = {planned(change).identity for change in write}
    left = [(one, _settled(one, fresh)) for one in rows if one.identity not in holding]
    return Match(
        write,
        tuple(one for one, settled in left if settled),
        tuple(one for one, settled in left if not settled),
    )


def _settled(row: Row, fresh: Difference) -> bool:
    if row.action == "remove":
        return row.where in fresh.read and (row.where, row.event) not in fresh.present
    place = (row.where, row.key)
    return digest(fresh.unchanged.get(place) or fresh.beyond.get(place)) == row.after
