"""What is said of mailboxes and changes in the same words, whichever provider it is about."""

from figgo_ops.errors import Incomplete, RowFailed
from figgo_ops.plan import Change, Existing, Mailbox, Outcome

CHANGED = "it was changed since it was read", "Plan again."
GONE = "it is gone", "Plan again."
OTHER = "an event written meanwhile stands in its place", "Plan again."


def failed(change: Change, why: str, remedy: str) -> Outcome:
    """The outcome of a change that was not carried out."""
    error = RowFailed(f"{change.mailbox}: the event {change.key} was not written: {why}.", remedy)
    return Outcome(change, "failed", error=error)


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
    return RowFailed(f"the lease ended, and another process may write to {mailbox} now; run again")


def cut(mailbox: Mailbox, why: str) -> Incomplete:
    """Why nothing can be concluded from what was read of a mailbox."""
    return Incomplete(f"{mailbox}: the calendar could not be read to its end: {why}.", "Run again.")


def event_of(change: Change) -> Existing:
    """The event that an update or a removal is about."""
    assert change.existing is not None  # noqa: S101 - an update or a removal is of something listed
    return change.existing
