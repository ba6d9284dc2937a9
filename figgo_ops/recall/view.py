"""Look at calendars by what the ledger remembers of them; Figgo is not asked."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import date

from figgo_ops.diff import Difference
from figgo_ops.elsewhere import settled
from figgo_ops.errors import MailboxAbsent
from figgo_ops.events import Key
from figgo_ops.leaves import Span
from figgo_ops.look import Sight
from figgo_ops.mailboxes import our_events, ours, seen
from figgo_ops.plan import Change, Listing, Mailbox, Plan, Skip, Unreadable
from figgo_ops.session import Session
from figgo_ops.view import PEOPLE_AT_ONCE

Decide = Callable[[frozenset[int], list[Listing]], Difference]
"""What should change for these people, given all our events of their mailboxes."""


class Recall:
    """The calendars of some people, held against what the ledger remembers.

    Args:
        where: the mailboxes to look at, by person.
    """

    def __init__(self, session: Session, where: Mapping[int, frozenset[Mailbox]], decide: Decide) -> None:
        self.session, self.where, self.decide = session, where, decide

    def groups(self, employees: Collection[int]) -> Iterator[frozenset[int]]:
        """These people in groups; whom the ledger does not know are left out."""
        known = sorted(self.where.keys() & set(employees))
        for begin in range(0, len(known), PEOPLE_AT_ONCE):
            yield frozenset(known[begin : begin + PEOPLE_AT_ONCE])

    def mailboxes(self, employee: int) -> frozenset[Mailbox]:
        """Where this person's events are."""
        return self.where.get(employee, frozenset())

    def read(self, ids: frozenset[int]) -> None:
        """Nothing is read but calendars."""

    def compare(self, ids: frozenset[int]) -> Sight:
        """List the mailboxes of these people and decide what should change in them."""
        mailboxes = {mailbox for number in ids for mailbox in self.mailboxes(number)}
        # An empty mailbox has nothing to take back: believing it can remove nothing.
        listings = list(settled(self.session, our_events(self.session, mailboxes, accept_empty=True)))
        sight = Sight(self.decide(ids, listings), seen=seen(listings, self.session.tenant.figgo.host))
        sight.keys = {x.mailbox: {event.key_text for event in x.events} for x in listings if not x.error}
        sight.absent = {x.mailbox: x.error.message for x in listings if isinstance(x.error, MailboxAbsent)}
        owners = {mailbox: number for number in sorted(ids) for mailbox in self.mailboxes(number)}
        reached = {listing.mailbox.calendar for listing in listings if listing.error is None}
        for listing in sorted(listings, key=lambda listing: listing.mailbox):
            owner = owners[listing.mailbox]
            if listing.mailbox in sight.absent:
                sight.skipped.append(Skip(owner, "", sight.absent[listing.mailbox]))
            elif listing.error is not None:
                alone = listing.mailbox.calendar in reached
                sight.unreadable.append(Unreadable(owner, str(listing.mailbox), listing.error, alone))
        sight.skipped += sight.difference.skipped
        sight.listed = self._listed(listings)
        return sight

    def _listed(self, listings: Iterable[Listing]) -> dict[int, int]:
        """How many events of ours were found, by the legal entity that the ledger knows of their owner."""
        entities = self.session.ledger.legal_entities(self.session.tenant.name)
        found: Counter[int] = Counter()
        for listing in listings:
            for event in () if listing.error else ours(listing, self.session.tenant.figgo.host):
                if key := Key.parse(event.key_text):
                    found[entities.get(key.owner, 0)] += 1
        return dict(found)


def listed_option(made: Plan) -> dict[str, int]:
    """Our events by legal entity, as the plan file keeps them."""
    return {str(entity): number for entity, number in sorted(made.listed.items())}


def recalled(session: Session, kind: str, sight: Sight, employees: Collection[int]) -> Plan:
    """The plan of what was recalled, not yet saved."""
    now = session.today
    return Plan(
        session.tenant.name,
        session.tenant.figgo.host,
        kind,
        session.clock.now(),
        now,
        _span(sight.difference.changes, now),
        frozenset(employees),
        session.tenant.policy_digest(),
        tuple(sight.difference.changes),
        len(sight.difference.unchanged),
        tuple(sight.skipped),
        tuple(sight.unreadable),
        tuple(sight.difference.findings),
        notes=tuple(sight.notes),
        listed=sight.listed,
    )


def _span(changes: Collection[Change], now: date) -> Span:
    days = [day for one in changes for day in (one.shown.first_day, one.shown.last_day)] or [now]
    return Span(min(days), max(days))
