"""What is said of mailboxes and changes in the same words, whichever provider it is about."""

from figgo_ops.errors import Incomplete, RowFailed
from figgo_ops.plan import Change, Existing, Mailbox, Outcome

CHANGED = "it was changed since it was read", "Plan again.", "changed-meanwhile"
GONE = "it is gone", "Plan again.", "gone"
OTHER = "an event written meanwhile stands in its place", "Plan again.", "written-meanwhile"


def failed(change: Change, why: str, remedy: str, code: str = "not-written") -> Outcome:
    """The outcome of a change that was not carried out."""
    what = f"{change.mailbox}: the event {change.key} was not written: {why}."
    return Outcome(change, "failed", error=RowFailed(what, remedy, code=code))


def held_back(change: Change) -> Outcome:
    """The outcome of a creation after one whose outcome nobody could tell."""
    error = RowFailed(
        f"{change.mailbox}: the event {change.key} was not sent: what became of an earlier one is unknown.",
        "Run again in ten minutes.",
        code="held-back",
    )
    return Outcome(change, "failed", error=error)


def too_late(mailbox: Mailbox) -> RowFailed:
    """Why nothing was sent any more."""
    why = f"the lease ended, and another process may write to {mailbox} now; run again"
    return RowFailed(why, code="lease-ended")


def cut(mailbox: Mailbox, why: str) -> Incomplete:
    """Why nothing can be concluded from what was read of a mailbox."""
    what = f"{mailbox}: the calendar could not be read to its end: {why}."
    return Incomplete(what, "Run again.", code="calendar-cut")


def event_of(change: Change) -> Existing:
    """The event that an update or a removal is about."""
    assert change.existing is not None  # noqa: S101 - an update or a removal is of something listed
    return change.existing
