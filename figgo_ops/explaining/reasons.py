"""Answers to "why does this calendar show this, and not that?", and the facts they are given from.

Pure: no input or output, no clock.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, get_args

from figgo_ops.diff import Difference, Frame, Seat
from figgo_ops.errors import FiggoOpsError
from figgo_ops.events import Policy, Wanted
from figgo_ops.leaves import Leave, Person, Slot, Span, slot_day
from figgo_ops.plan import Change, Listing, Mailbox

Verdict = Literal[
    "figgo-unreadable",
    "not-visible",
    "mailbox-unreadable",
    "suddenly-empty",
    "held",
    "failed",
    "unknown",
    "quiet",
    "look-alike",
    "wrong-mailbox",
    "duplicate",
    "edited",
    "outdated",
    "stale-policy",
    "orphaned",
    "tenant-draft",
    "tenant-paused",
    "removed-by-hand",
    "not-yet-synced",
    "no-mail",
    "shared-mail",
    "other-owner",
    "mailbox-absent",
    "before-start",
    "outside-horizon",
    "tenant-closed",
    "removal-respected",
    "taken-over",
    "foreign",
    "copied",
    "edit-respected",
    "shown",
    "contract-ended",
    "out-of-scope",
    "other-legal-entity",
    "no-calendar",
    "type-skipped",
    "remote-work",
    "no-real-absence",
    "pending-hidden",
    "no-duration",
    "not-worked",
    "cancelled",
    "no-leave",
]
"""Every answer there is, in the order of urgency: where a day has several, the first one is given."""

ORDER: tuple[Verdict, ...] = get_args(Verdict)

RIGHT = frozenset(ORDER[ORDER.index("mailbox-absent") :])
"""Answers after which nothing needs to be done: as it should be, rightly not shown, or nobody's to change."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One answer.

    Attributes:
        rule: what decided: a line of the tenant file, or a rule that is the same for everyone.
        next: the command that goes on from here; "" when there is nothing to do.
        key: of the event it is about.
        error: what kept us from reading.
    """

    verdict: Verdict
    sentence: str
    rule: str = ""
    next: str = ""
    key: str = ""
    error: FiggoOpsError | None = None

    @property
    def exit(self) -> int:
        """The exit code that this answer alone gives."""
        if self.error is not None:
            return self.error.exit
        return 0 if self.verdict in RIGHT else 6


@dataclass(frozen=True, slots=True)
class Past:
    """What an earlier run did to an event, or held back.

    Attributes:
        outcome: done, failed, unknown, started (and never finished), or held.
    """

    run: str
    at: datetime
    key: str
    mailbox: Mailbox | None
    action: str
    reason: str
    outcome: str
    error: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that was read about one person and one day.

    Attributes:
        asked: the half-days in question.
        gone: the period of the very leave in question, if that leave is not active any more.
        window: the days that the nightly sync may change; the plan itself may look further.
        rows: the person's leaves on these half-days, inactive ones too.
        seat: what the calendar should show.
        skip: why nobody can serve this person, in the roster's words; "" when somebody can.
        unreached: why no calendar is theirs, as verdict, sentence and rule, where they are out of scope.
        listings: the person's mailboxes.
        held: changes that wait for a person's word, with the reason.
        unsearched: the error of a mailbox that could not be searched for look-alikes.
        over: units that the limits hold, with the limit in words.
        quiet: mailboxes in which nothing is created before then.
        written: (mailbox, key) of events that we wrote and did not remove since.
        past: what earlier runs did to the events in question, oldest first.
    """

    tenant: str
    state: str
    start: date
    person: Person
    asked: frozenset[Slot]
    gone: int | None
    window: Span
    policy: Policy
    rows: tuple[Leave, ...]
    seat: Seat
    frame: Frame
    skip: str
    unreached: tuple[Verdict, str, str] | None
    listings: Mapping[Mailbox, Listing]
    difference: Difference
    held: tuple[tuple[Change, str], ...]
    unsearched: FiggoOpsError | None
    over: Mapping[int, str]
    quiet: Mapping[Mailbox, datetime]
    written: frozenset[tuple[Mailbox, str]]
    past: tuple[Past, ...]

    @property
    def stretches(self) -> list[Wanted]:
        """The stretches that cover one of these half-days."""
        return [w for w in self.seat.wanted if any(w.first <= at <= w.last for at in self.asked)]

    @property
    def days(self) -> Span:
        """The days in question."""
        return Span(slot_day(min(self.asked)), slot_day(max(self.asked)))

    @property
    def changes(self) -> list[Change]:
        """What should change, held or not."""
        return [*self.difference.changes, *(change for change, _ in self.held)]

    def command(self, verb: str, *more: str) -> str:
        """A command about this person."""
        return " ".join(["figgo-ops", verb, self.tenant, "--employee", str(self.person.id), *more])


SAME = "the same for every tenant"
"""The rule of what no tenant file decides."""
