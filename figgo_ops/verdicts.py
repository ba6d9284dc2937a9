"""An audit's verdict on every event: a plan, read as a judgement.

Pure: no input or output, no clock.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Literal, get_args

from figgo_ops.diff import Difference
from figgo_ops.events import Key
from figgo_ops.leaves import Span
from figgo_ops.plan import Change, Finding, Mailbox, Reason

Verdict = Literal[
    "in-order",
    "missing",
    "orphaned",
    "duplicate",
    "copied",
    "edited",
    "stale-policy",
    "wrong-mailbox",
    "foreign",
    "taken-over",
    "look-alike",
    "not-visible",
    "absent",
    "unreadable",
]

ALL: tuple[Verdict, ...] = get_args(Verdict)

REPAIRABLE: tuple[Verdict, ...] = (
    "missing",
    "orphaned",
    "duplicate",
    "stale-policy",
    "wrong-mailbox",
    "edited",
)
"""Verdicts that changes can mend; what else needs action needs a person."""

MEANING: Mapping[Verdict, str] = {
    "in-order": "Figgo and the calendar say the same.",
    "missing": "Figgo has a leave that the calendar does not show, or shows as it was before it changed.",
    "orphaned": "The calendar shows an event of ours for which Figgo has no leave any more.",
    "duplicate": "The same event stands there twice; the second one can go.",
    "copied": "Its owner made a copy and changed it; the copy is theirs and stays.",
    "edited": "Its owner changed an event of ours.",
    "stale-policy": "The event is as the customer's settings were before they changed.",
    "wrong-mailbox": "The event stands in a mailbox where its person's events do not belong.",
    "foreign": "The event carries a marker that is not this customer's; it is left alone.",
    "taken-over": "Its owner invited others or made it recur, so it is theirs and stays.",
    "look-alike": "An unmarked event with our title stands on the days of a leave; somebody has to decide.",
    "not-visible": "Figgo does not show us the person or the day it belongs to, so we cannot tell.",
    "absent": "The provider says that this mailbox does not exist.",
    "unreadable": "It could not be read completely, so nothing is said or planned for it.",
}
"""Each verdict in one sentence, for whoever reads a report."""

_NEW = "Figgo has this leave, and no event shows it."
_WRONG_MAILBOX = "Its person has another mailbox now, where the event stands already."
_REASONS: Mapping[Reason, str] = {
    "changed in Figgo": "It shows the leave as it was before it changed in Figgo.",
    "policy changed": "It is as the tenant file said before that changed.",
    "edited by hand": "Its owner changed it, and the tenant file says that such edits are undone.",
    "cancelled": "No leave in Figgo asks for it any more.",
    "person left": "It begins after the end of the contract.",
    "out of scope": "The tenant file excludes this person.",
    "duplicate": "Another event of the same leave stands beside it.",
    "replacement": "Another stretch of the same days takes its place.",
    "adopted": "An unmarked event of the owner's stands for it.",
}

Homes = Mapping[int, Mailbox]
"""The mailbox where each person's events belong."""


def judged(
    difference: Difference, homes: Homes, held: Iterable[tuple[Change, str]] = ()
) -> Iterator[Finding]:
    """A verdict on every event of ours that was found or should be there.

    Args:
        held: changes that wait for a person's word, with the reason.
    """
    respected = {(one.mailbox, one.key) for one in difference.findings if one.verdict == "edited"}
    for (mailbox, text), event in {**difference.unchanged, **difference.beyond}.items():
        if (mailbox, text) not in respected:
            key = Key.parse(text)
            owner, days = key.owner if key else 0, (event.first_day, event.last_day)
            yield Finding("in-order", text, owner, mailbox, *days, "It is as Figgo says.", "present")
    for change in difference.changes:
        yield _finding(change, homes)
    for change, reason in held:
        yield replace(_finding(change, homes), reason=reason)
    changed = {(one.mailbox, str(one.key)) for one in difference.changes if one.action == "update"}
    for finding in difference.findings:
        if finding.verdict != "edited" or (finding.mailbox, finding.key) not in changed:
            # An edit that is only found, not changed back, is one that the tenant file respects.
            yield replace(finding, needs_action=finding.verdict == "wrong-mailbox")


def verdict_of(change: Change, homes: Homes) -> Verdict:
    """What it says about a calendar that this change is needed."""
    if change.action == "create" or change.reason in ("changed in Figgo", "adopted"):
        return "missing"
    if change.reason in ("policy changed", "out of scope"):
        return "stale-policy"
    if change.reason == "edited by hand":
        return "edited"
    if change.reason == "duplicate":
        return "duplicate"
    elsewhere = change.reason == "replacement" and change.mailbox != homes.get(change.employee)
    return "wrong-mailbox" if elsewhere else "orphaned"


def _finding(change: Change, homes: Homes) -> Finding:
    verdict = verdict_of(change, homes)
    gone = verdict == "orphaned" and change.reason != "person left"
    return Finding(
        verdict,
        str(change.key),
        change.employee,
        change.mailbox,
        change.shown.first_day,
        change.shown.last_day,
        _why(change, verdict),
        "absent" if gone else "present",
        "absent" if change.action == "create" else "present",
        needs_action=True,
    )


def due(changes: Iterable[Change], horizon: Span) -> list[Change]:
    """The changes, without leaves that begin after the horizon: no plan shows those yet, none is missing."""
    changes = list(changes)
    units = {change.unit for change in changes if change.action != "create" or _touches(change, horizon)}
    return [change for change in changes if change.unit in units]


def _touches(change: Change, days: Span) -> bool:
    return days.touches(change.shown.first_day, change.shown.last_day)


def _why(change: Change, verdict: Verdict) -> str:
    if change.action == "create":
        return _NEW
    return _WRONG_MAILBOX if verdict == "wrong-mailbox" else _REASONS[change.reason]


def repair(changes: Iterable[Change], verdicts: Collection[str], homes: Homes) -> tuple[Change, ...]:
    """The changes that mend these verdicts, and those that stand or fall with them."""
    units: dict[int, list[Change]] = defaultdict(list)
    for change in changes:
        units[change.unit].append(change)
    chosen = (unit for unit in units.values() if any(verdict_of(one, homes) in verdicts for one in unit))
    return tuple(change for unit in chosen for change in unit)
