"""Unmarked events that look like ours, where ours would be the first: somebody else may be writing there."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace

from figgo_ops.events import Policy
from figgo_ops.leaves import Leave, Span, joint
from figgo_ops.mailboxes import ask, ours
from figgo_ops.plan import Change, Existing, Finding, Listing, Mailbox
from figgo_ops.session import Session
from figgo_ops.units import order


def search(
    session: Session, listings: Iterable[Listing], changes: Iterable[Change], titles: frozenset[str]
) -> dict[Mailbox, Listing]:
    """The look-alikes on the days of first creations, by mailbox; mailboxes without any are left out.

    Args:
        listings: our events; only mailboxes that list none are searched.
        changes: what would be written.
        titles: what an event of ours may be called.
    """
    host = session.tenant.figgo.host
    empty = {listing.mailbox for listing in listings if not (listing.error or ours(listing, host))}
    days: dict[Mailbox, list[Span]] = defaultdict(list)
    for change in changes:
        if change.action == "create" and change.mailbox in empty:
            days[change.mailbox].append(Span(change.shown.first_day, change.shown.last_day))
    if not days:
        return {}
    reach = joint(span for spans in days.values() for span in spans)
    answers = ask(session, days, lambda calendar, some: calendar.look_alikes(some, reach, titles))
    close = (_close(listing, days[listing.mailbox]) for listing in answers)
    return {listing.mailbox: listing for listing in close if listing.error or listing.events}


def _close(listing: Listing, days: list[Span]) -> Listing:
    near = (
        event
        for event in listing.events
        if any(span.touches(event.event.first_day, event.event.last_day) for span in days)
    )
    return Listing(listing.mailbox, tuple(near), listing.error, listing.zone)


def adopted(changes: Iterable[Change], found: Mapping[Mailbox, Listing]) -> list[Change]:
    """The changes, each creation that has a look-alike on exactly its days turned into taking that one over.

    An event that its owner shares with others is nobody's to adopt; ours is written beside it.
    """
    waiting: dict[tuple[Mailbox, Span], list[Existing]] = defaultdict(list)
    for mailbox, listing in found.items():
        for event in sorted(listing.events, key=lambda event: event.id):
            if not event.taken_over:
                waiting[mailbox, Span(event.event.first_day, event.event.last_day)].append(event)
    return sorted((_adopting(change, waiting) for change in changes), key=order)


def _adopting(change: Change, waiting: Mapping[tuple[Mailbox, Span], list[Existing]]) -> Change:
    alike = waiting.get((change.mailbox, Span(change.shown.first_day, change.shown.last_day)))
    if change.action != "create" or not alike:
        return change
    return replace(change, action="update", reason="adopted", existing=alike.pop(0), carries=None)


def titles(policy: Policy, leaves: Iterable[Leave]) -> frozenset[str]:
    """What events of this tenant may be called: by us, by the vendor's own sync, or by hand."""
    ruled = {rule.title for rule in policy.rules if rule.title}
    return frozenset({policy.title, "Absent"} | {leave.type_name for leave in leaves} | ruled)


def finding(event: Existing, employee: int) -> Finding:
    """A look-alike as a report shows it."""
    first, last = event.event.first_day, event.event.last_day
    reason = "It has our title on our dates, but no marker of ours."
    return Finding("look-alike", "", employee, event.mailbox, first, last, reason)
