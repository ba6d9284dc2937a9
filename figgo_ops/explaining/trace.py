"""The trace of an answer: what Figgo says, what calls answered, what the calendar shows, what runs did."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from figgo_ops.compare import untouched
from figgo_ops.diff import Difference
from figgo_ops.events import Key, Policy
from figgo_ops.explaining.reasons import Past, Reason
from figgo_ops.leaves import Leave, Person
from figgo_ops.ledger import Recorded, Run
from figgo_ops.plan import Change, Existing, Listing, Mailbox


@dataclass(frozen=True, slots=True)
class Ask:
    """What somebody wants to know.

    Attributes:
        employee: id, mail or number; "" with a leave.
        day: YYYY-MM-DD; "" for today.
        leave: Figgo's own id of a half-day; "" with an employee.
    """

    employee: str = ""
    day: str = ""
    leave: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """A question to the outside, and the answer in words."""

    what: str
    answer: str


@dataclass(frozen=True, slots=True)
class Standing:
    """An event as a calendar shows it, and what is to be said of it."""

    mailbox: Mailbox
    key: str
    start: date
    end: date
    state: str
    means: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """One answer, and the trace that led to it.

    Attributes:
        day: the day it is about; None when it is not known.
        reason: the answer.
        others: what else is to be said of the day, less urgent.
        resolved: how the mailbox was found.
        leaves: the leaves of the periods that stand on the day, and what becomes of each.
        policy: how the tenant wants leaves shown; decides which type names may be told.
        calendar: events of this person, or that look like it, on the day.
        past: what earlier runs did to the events in question, oldest first.
    """

    tenant: str
    ask: Ask
    reason: Reason
    policy: Policy
    day: date | None = None
    person: Person | None = None
    others: tuple[Reason, ...] = ()
    mailbox: str = ""
    resolved: str = ""
    leaves: tuple[tuple[Leave, str], ...] = ()
    calls: tuple[Call, ...] = ()
    calendar: tuple[Standing, ...] = ()
    past: tuple[Past, ...] = ()

    @property
    def exit(self) -> int:
        """The exit code that tells how it came out."""
        return self.reason.exit

    def type_of(self, leave: Leave, *, aloud: bool = False) -> str:
        """The absence type by name where it may be told, else by its number.

        A type that the policy makes private is told to nobody. Others are told where the calendar shows them
        too or, `aloud`, to the person who asked in a terminal, of which nothing is kept.
        """
        private = self.policy.look(leave)[2]
        return (
            leave.type_name if not private and (aloud or self.policy.show_type) else f"type {leave.type_id}"
        )

    def document(self) -> dict[str, Any]:
        """The answer and its trace as JSON."""
        reason = self.reason
        return {
            "tenant": self.tenant,
            "employee": self.person.id if self.person else None,
            "date": self.day.isoformat() if self.day else None,
            "leave": self.ask.leave,
            "verdict": reason.verdict,
            "sentence": reason.sentence,
            "rule": reason.rule,
            "action": bool(reason.exit),
            "key": reason.key,
            "next": reason.next,
            "also": [
                {"verdict": one.verdict, "sentence": one.sentence, "key": one.key} for one in self.others
            ],
            "mailbox": self.mailbox,
            "resolved": self.resolved,
            "leaves": [self._leave(leave, becomes) for leave, becomes in self.leaves],
            "calls": [{"call": call.what, "answer": call.answer} for call in self.calls],
            "calendar": [_standing(one) for one in self.calendar],
            "runs": [_past(one) for one in self.past],
        }

    def _leave(self, leave: Leave, becomes: str) -> dict[str, Any]:
        return {
            "id": leave.id,
            "period": leave.period,
            "date": leave.day.isoformat(),
            "half": leave.half,
            "type": self.type_of(leave),
            "state": state_of(leave),
            "becomes": becomes,
        }


def state_of(leave: Leave) -> str:
    """Where a leave stands in Figgo, as far as the list of leaves tells."""
    if not leave.active:
        return "cancelled, denied or removed"
    return "approved" if leave.confirmed else "pending"


def _standing(one: Standing) -> dict[str, Any]:
    days = {"start": one.start.isoformat(), "end": one.end.isoformat()}
    return {"mailbox": str(one.mailbox), "key": one.key, **days, "state": one.state, "means": one.means}


def _past(one: Past) -> dict[str, Any]:
    names = ("run", "key", "action", "reason", "outcome", "error")
    where = {"at": one.at.isoformat(), "mailbox": str(one.mailbox or "")}
    return {name: getattr(one, name) for name in names} | where


Wanted = Callable[[Key | None, Existing], bool]


def standing(listings: Iterable[Listing], difference: Difference, wanted: Wanted) -> Iterator[Standing]:
    """The events of ours that `wanted` chooses, with what the plan says of each; then the look-alikes.

    Args:
        difference: changes that wait for a person's word included.
    """
    changes = {(c.mailbox, c.existing.id): c for c in difference.changes if c.existing is not None}
    found = {(one.mailbox, one.key): one.reason for one in difference.findings}
    seen: set[str] = set()
    events = (event for listing in listings if not listing.error for event in listing.events)
    for event in (event for event in events if wanted(Key.parse(event.key_text), event)):
        at = (event.mailbox, event.key_text)
        shown = at in difference.unchanged or at in difference.beyond
        means = _means(event, changes.get((event.mailbox, event.id)), found.get(at, ""), shown=shown)
        means = "the same event under another address" if event.uid in seen else means
        seen.add(event.uid)
        days = (event.event.first_day, event.event.last_day)
        yield Standing(event.mailbox, event.key_text, *days, event.event.state, means)
    for one in difference.findings:
        if one.verdict == "look-alike":
            yield Standing(
                one.mailbox, "", one.start, one.end, "", "look-alike: our title, no marker of ours"
            )


def _means(event: Existing, change: Change | None, finding: str, *, shown: bool) -> str:
    if event.taken_over:
        return "taken over by its owner"
    if change is not None:
        edited = "" if untouched(event) else "changed by hand; "
        return f"{edited}the plan would {change.action} it: {change.reason}"
    return finding or ("as it should be" if shown else "the plan says nothing of it")


def history(recorded: Iterable[Recorded], runs: Iterable[Run], wanted: Callable[[Key], bool]) -> list[Past]:
    """What runs did to the events that `wanted` chooses, and what they held back, oldest first."""
    found = [
        Past(
            one.run,
            one.finished or one.started,
            str(one.change.key),
            one.change.mailbox,
            one.change.action,
            one.change.reason,
            one.status,
            one.error,
        )
        for one in recorded
        if wanted(one.change.key)
    ]
    for run in runs:
        for row in run.counts.get("held", ()):
            key = Key.parse(row["key"])
            if key is not None and wanted(key):
                at = run.ended or run.started
                found.append(Past(run.id, at, row["key"], None, row["action"], "", "held", row["error"]))
    return sorted(found, key=lambda one: one.at)
