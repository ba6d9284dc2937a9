"""What must change, and when to refuse.

Pure: no input or output, no clock.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple

from figgo_ops.errors import FiggoOpsError, Refused
from figgo_ops.events import Event, Fingerprint, Key
from figgo_ops.leaves import Person, Span

Action = Literal["create", "update", "remove"]
Reason = Literal[
    "new",
    "changed in Figgo",
    "policy changed",
    "edited by hand",
    "cancelled",
    "person left",
    "out of scope",
    "duplicate",
    "replacement",
    "adopted",
    "undone",
    "off-boarded",
]


Presence = Literal["present", "absent", "could not tell"]


class Mailbox(NamedTuple):
    """A person's calendar at one configured calendar; a tuple for the reason that a key is one.

    Attributes:
        calendar: name of the `[[calendar]]` that reaches it.
        address: the mail address, lower case.
    """

    calendar: str
    address: str

    def __str__(self) -> str:
        return f"{self.address} ({self.calendar})"


@dataclass(frozen=True, slots=True)
class Existing:
    """An event found in a mailbox.

    Attributes:
        id, etag: the provider's name for it and for this version of it.
        uid: its iCalendar uid, the same in every alias of one mailbox.
        key_text, print_text: the two marker values as read, unparsed; "" on an unmarked event.
        taken_over: it has attendees or recurs, so its owner made it theirs.
        raw: what the provider listed, for the adapter that listed it; nobody else looks inside.
        annotated: its owner added something that only its own provider carries over; None where the listing
            does not tell.
    """

    mailbox: Mailbox
    id: str
    etag: str
    uid: str
    key_text: str
    print_text: str
    event: Event
    taken_over: bool = False
    raw: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)
    annotated: bool | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Listing:
    """All our events of one mailbox, or the error that kept us from reading them all.

    Attributes:
        zone: IANA name of the zone the mailbox is set to; "" when the provider does not say.
        primary: the mailbox's own address where it was asked for by an alias, and the provider says so.
    """

    mailbox: Mailbox
    events: tuple[Existing, ...] = ()
    error: FiggoOpsError | None = None
    zone: str = ""
    primary: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing to write.

    Attributes:
        employee: Figgo id of the person whose leave it is.
        legal_entity: the person's legal entity, for limits and reports.
        event: the event as it shall be, projected to what the provider holds; None for a removal.
        fingerprint: what the marker's second value shall say; None for a removal.
        existing: the event as listed; None for a creation.
        carries: for a creation that replaces another event: that event, whose notes and colour go along.
        unit: changes of one owner with the same number are written or held together.
        counted: a removal that counts against the limits.
        old_marker: both values of the marker as an undo puts them back; ("", "") for no marker.
        forever: a removal past the bin where the provider has a way; for nothing that is somebody's.
    """

    action: Action
    reason: Reason
    key: Key
    employee: int
    legal_entity: int
    mailbox: Mailbox
    event: Event | None = None
    fingerprint: Fingerprint | None = None
    existing: Existing | None = None
    carries: Existing | None = None
    unit: int = 0
    counted: bool = False
    old_marker: tuple[str, str] | None = None
    forever: bool = False

    @property
    def marker(self) -> tuple[str, str]:
        """Both values that the event's marker shall have: key and fingerprint; "" twice for no marker."""
        return (str(self.key), str(self.fingerprint)) if self.old_marker is None else self.old_marker

    @property
    def before(self) -> Event | None:
        """The event as the calendar shows it now."""
        return self.existing.event if self.existing else None

    @property
    def shown(self) -> Event:
        """The event after the change or, for a removal, before it."""
        event = self.event or self.before
        assert event is not None  # noqa: S101 - a change has one or the other
        return event

    @property
    def may_create(self) -> bool:
        """Whether it may bring a new event about: also days that become hours, which Exchange writes anew."""
        anew = self.before is not None and self.before.all_day and not self.shown.all_day
        return self.action == "create" or (self.action == "update" and anew)

    def title(self, event: Event) -> str:
        """What a report may say of the event before or after: no private title, no words of its owner."""
        if event.private:
            return "(private)"
        mark = Fingerprint.parse(self.existing.print_text) if self.existing else None
        if event is self.before and (mark is None or mark.look != event.look):
            return "(changed by its owner)"
        return event.title


@dataclass(frozen=True, slots=True)
class Skip:
    """A leave, or all leaves of a person, that will not be shown, and why."""

    employee: int
    leave: str
    reason: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A person or mailbox about which nothing is planned, because the read was not complete.

    Attributes:
        alone: others of the same calendar could be read.
    """

    employee: int
    mailbox: str
    error: FiggoOpsError
    alone: bool = True

    @property
    def exit(self) -> int:
        """What it means for the exit code: a mailbox that fails alone is no refused credential or outage."""
        return 1 if self.alone and self.error.exit != Refused.exit else self.error.exit

    def document(self) -> dict[str, object]:
        """The JSON shape other programs rely on."""
        error = {"error": self.error.message, "remedy": self.error.remedy}
        return {"employee": self.employee, "mailbox": self.mailbox, **error}


@dataclass(frozen=True, slots=True)
class Finding:
    """An event that is reported and left alone.

    Attributes:
        verdict: one of the audit's words; a plan has only those about events that it leaves alone.
        leave: whether Figgo has a leave for it, to be shown or not.
        shown: whether the calendar shows an event for it.
        needs_action: somebody should do something about it.
    """

    verdict: str
    key: str
    employee: int
    mailbox: Mailbox
    start: date
    end: date
    reason: str
    leave: Presence = "could not tell"
    shown: Presence = "present"
    needs_action: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one change.

    Attributes:
        status: done; failed (the provider said no); unknown (nobody could tell, not even a later read).
        id, etag: the provider's name for the event as written; "" for a removal.
        creating: an event may still come about though the change is no creation.
    """

    change: Change
    status: Literal["done", "failed", "unknown"]
    id: str = ""
    etag: str = ""
    error: FiggoOpsError | None = None
    creating: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be written, what would not, and why.

    Attributes:
        kind: the command whose plan it is ("plan", later "undo", "offboard", ...).
        today: the day the plan was made for; `apply` uses the same one.
        window: the days it may change.
        selection: Figgo ids of the people it is about; None when it is about everyone.
        policy: digest of what the tenant file says about events, zones, working time, calendars and scope.
        refused: reasons why it cannot be applied as it is, each with what resolves it.
        notes: what a reader should know though nothing is wrong.
        listed: how many of our events were found, by legal entity, where every mailbox was read.
        file: where it was saved.
    """

    tenant: str
    host: str
    kind: str
    made: datetime
    today: date
    window: Span
    selection: frozenset[int] | None
    policy: str
    changes: tuple[Change, ...] = ()
    unchanged: int = 0
    skipped: tuple[Skip, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()
    findings: tuple[Finding, ...] = ()
    refused: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    listed: Mapping[int, int] = field(default_factory=dict)
    people: Mapping[int, Person] = field(default_factory=dict)
    legal_entities: Mapping[int, str] = field(default_factory=dict)
    checksum: str = ""
    file: Path | None = None

    def count(self, action: Action) -> int:
        """How many changes of this kind."""
        return sum(change.action == action for change in self.changes)
