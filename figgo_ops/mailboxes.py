"""Read mailboxes: all our events in each, or the error that kept us from reading them all."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date
from operator import attrgetter

from figgo_ops.calendars import Calendar
from figgo_ops.errors import FiggoOpsError, Incomplete, Refused
from figgo_ops.events import Key
from figgo_ops.leaves import Person
from figgo_ops.ledger.rows import Seen
from figgo_ops.plan import Existing, Listing, Mailbox
from figgo_ops.session import Session

GUARDED = 3
"""A mailbox that listed so many of our events cannot list none without a person's word."""

Question = Callable[[Calendar, list[str]], Iterator[Listing]]


def ask(session: Session, mailboxes: Iterable[Mailbox], question: Question) -> Iterator[Listing]:
    """One listing per mailbox, whatever happens to a calendar on the way."""
    by_calendar: dict[str, list[str]] = defaultdict(list)
    for mailbox in sorted(mailboxes):
        by_calendar[mailbox.calendar].append(mailbox.address)
    for name, addresses in by_calendar.items():
        left = set(addresses)
        try:
            for listing in question(session.calendar(name), addresses):
                left.discard(listing.mailbox.address)
                yield listing
        except FiggoOpsError as error:
            session.note_refusal(name, error)
            yield from (Listing(Mailbox(name, address), error=error) for address in sorted(left))
        else:
            silent = Incomplete(f"The calendar {name} says nothing about this mailbox.", "Run again.")
            yield from (Listing(Mailbox(name, address), error=silent) for address in sorted(left))


def our_events(session: Session, mailboxes: Iterable[Mailbox], *, accept_empty: bool) -> list[Listing]:
    """All our events in these mailboxes.

    A mailbox that lists none where its last listing had `GUARDED` or more is read once more, and then
    counts as unreadable unless `accept_empty`.
    """
    mailboxes = sorted(mailboxes)
    with session.console.bar("mailboxes", len(mailboxes)) as step:
        found = {}
        for listing in ask(session, mailboxes, lambda calendar, some: calendar.read(some)):
            found[listing.mailbox] = listing
            step()
    host = session.tenant.figgo.host
    before = session.ledger.last_listing(session.tenant.name)
    suspects = [
        mailbox
        for mailbox, listing in found.items()
        if not (listing.error or ours(listing, host) or accept_empty)
        and mailbox in before
        and before[mailbox].events >= GUARDED
        and _last(session, mailbox, before) >= GUARDED
    ]
    for again in ask(session, suspects, lambda calendar, some: calendar.read(some)):
        empty = not (ours(again, host) or again.error)
        found[again.mailbox] = _held(again, before[again.mailbox].events) if empty else again
    return list(found.values())


def _last(session: Session, mailbox: Mailbox, before: Mapping[Mailbox, Seen]) -> int:
    """How many of our events it had when it was last listed, through whichever calendar of its family.

    One that was migrated and comes back may have been cleared by us in between.
    """
    family = session.family(mailbox.calendar)
    names = [one.name for one in session.tenant.calendars if family and session.family(one.name) == family]
    doors = (before.get(Mailbox(name, mailbox.address)) for name in names)
    seen = [one for one in doors if one is not None and one.at is not None]
    return max(seen, key=attrgetter("at"), default=before[mailbox]).events


def _held(listing: Listing, before: int) -> Listing:
    error = Refused(
        f"{listing.mailbox.address} lists none of our events where its last listing had {before}.",
        "Look into the calendar; if it really is empty, plan with --accept-empty for this employee.",
        code="suddenly-empty",
    )
    return replace(listing, error=error)


def ours(listing: Listing, host: str) -> list[Existing]:
    """The events in it that carry this tenant's marker, not another's."""
    return [event for event in listing.events if event.key_text.startswith(f"{host}/")]


def _of_probe(event: Existing) -> bool:
    key = Key.parse(event.key_text)
    return key is not None and key.is_probe


def seen(listings: Iterable[Listing], host: str) -> dict[Mailbox, tuple[int, date | None]]:
    """For each mailbox read completely how many events of ours it has, and the last day they touch."""
    complete = (listing for listing in listings if listing.error is None)
    found = {one.mailbox: [event for event in ours(one, host) if not _of_probe(event)] for one in complete}
    return {
        mailbox: (len(events), max((event.event.last_day for event in events), default=None))
        for mailbox, events in found.items()
    }


def residences(listings: Iterable[Listing], host: str) -> dict[int, set[Mailbox]]:
    """Where events of each person were found."""
    found: dict[int, set[Mailbox]] = defaultdict(set)
    for listing in listings:
        for event in () if listing.error else ours(listing, host):
            if key := Key.parse(event.key_text):
                found[key.owner].add(listing.mailbox)
    return found


def by_legal_entity(people: Mapping[int, Person], listings: Iterable[Listing]) -> dict[int, int]:
    """How many events of ours were found, by the legal entity of their owner."""
    found = {person.legal_entity: 0 for person in people.values()}
    for listing in listings:
        for event in () if listing.error else listing.events:
            key = Key.parse(event.key_text)
            if key is not None and key.owner in people and not key.is_probe:
                found[people[key.owner].legal_entity] += 1
    return found
