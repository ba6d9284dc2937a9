"""What the next run would do about one mailbox, decided by the real comparison."""

from collections.abc import Iterable
from datetime import date

from figgo_ops.calendars import Calendar
from figgo_ops.diff import Frame, Seat, diff
from figgo_ops.events import Event, Hours, Key, Wanted, touched_slots
from figgo_ops.leaves import Person, Span
from figgo_ops.plan import Change, Mailbox
from tests.builders import HOST, TODAY

ALWAYS = Span(date(2015, 1, 1), date(2032, 12, 31))


def as_wanted(key: Key, event: Event) -> Wanted:
    """A stretch that should be this event."""
    return Wanted(key, event, *touched_slots(event, Hours()))


def changes(calendar: Calendar, person: Person, wanted: Iterable[Wanted]) -> list[Change]:
    """What differs between the stretches of a person and what their mailbox lists."""
    assert person.mail is not None
    listings = list(calendar.read([person.mail]))
    assert [listing.error for listing in listings] == [None]
    seat = Seat(person, Mailbox(calendar.name, person.mail), wanted=tuple(wanted), needed=ALWAYS)
    frame = Frame(HOST, TODAY, ALWAYS, known=frozenset({person.id}))
    return diff([seat], listings, frame).changes


def settle(calendar: Calendar, person: Person, wanted: Iterable[Wanted]) -> list[Change]:
    """Write it all; what the plan after that would still do, where it should do nothing."""
    stretches = list(wanted)
    first = sorted(changes(calendar, person, stretches), key=lambda change: change.action)
    assert {outcome.status for outcome in calendar.write(first)} <= {"done"}
    return changes(calendar, person, stretches)
