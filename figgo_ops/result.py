"""What an apply or sync did: counts, and a row for every change that was not simply done."""

from dataclasses import asdict, dataclass, field
from typing import Any

from figgo_ops.plan import Change, Unreadable
from figgo_ops.planfile import Row


@dataclass(frozen=True, slots=True)
class ResultRow:
    """One change that was not simply done."""

    key: str
    employee: int
    mailbox: str
    action: str
    error: str


@dataclass(slots=True)
class Result:
    """What an apply or sync did.

    Attributes:
        exits: exit codes of what stopped a calendar or Figgo on the way.
        certificate: what an off-boarding reached and what not; None for other plans.
    """

    run: str
    tenant: str
    created: int = 0
    updated: int = 0
    deleted: int = 0
    unchanged: int = 0
    failed: list[ResultRow] = field(default_factory=list)
    stale: list[ResultRow] = field(default_factory=list)
    unknown: list[ResultRow] = field(default_factory=list)
    held: list[ResultRow] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    exits: list[int] = field(default_factory=list)
    certificate: dict[str, Any] | None = None

    @property
    def written(self) -> int:
        """How many changes were written."""
        return self.created + self.updated + self.deleted

    def count(self, change: Change) -> None:
        """Count a change that was done."""
        name = {"create": "created", "update": "updated", "remove": "deleted"}[change.action]
        setattr(self, name, getattr(self, name) + 1)

    def document(self) -> dict[str, Any]:
        """The JSON shape other programs rely on."""
        shape: dict[str, Any] = {
            name: getattr(self, name)
            for name in ("run", "tenant", "created", "updated", "deleted", "unchanged")
        }
        for name in ("failed", "stale", "unknown", "held"):
            shape[name] = [asdict(row) for row in getattr(self, name)]
        shape["unreadable"] = [row.document() for row in self.unreadable]
        shape["notes"] = list(self.notes)
        return shape if self.certificate is None else {**shape, "certificate": self.certificate}


def row_of(change: Change | Row, error: str) -> ResultRow:
    """A change as the result shows it."""
    mailbox = change.mailbox if isinstance(change, Row) else change.mailbox.address
    return ResultRow(str(change.key), change.employee, mailbox, change.action, error)
