"""Events as their readers see them, and small questions about them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from tests.machine.reference import DAY, HOST, Show


@dataclass(frozen=True, slots=True)
class Seen:
    """An event in a mailbox, as its reader, its owner and the provider know it.

    Attributes:
        taken: it has attendees or recurs.
        quiet: nobody is reminded of it.
        rest: what belongs to the owner, whatever we write.
    """

    id: str
    mailbox: str
    key: str
    show: Show
    taken: bool
    quiet: bool
    zone: str
    note: str
    rest: dict[str, Any]
    raw: dict[str, Any]


Sight = Mapping[str, Seen]
"""Every live event by its id."""


def timed(show: Show) -> bool:
    """Whether it begins at an hour."""
    return isinstance(show.start, datetime)


def first_day(show: Show) -> date:
    """The day on which it begins; no zone of the company's is far enough from UTC to make a difference."""
    return show.start.date() if isinstance(show.start, datetime) else show.start


def last_day(show: Show) -> date:
    """The last day it touches."""
    if isinstance(show.end, datetime):
        return (show.end - timedelta(microseconds=1)).date()
    return show.end - DAY


def dates(show: Show) -> tuple[date, date, bool]:
    """What comes from Figgo, and no owner may change for good."""
    return show.start, show.end, show.tentative


def look(show: Show) -> tuple[str, bool]:
    """What comes from the policy, and an owner may change where that is respected."""
    return show.title, show.private


def owner_number(event: Seen) -> int:
    """Whose leave it shows; 0 where the marker is not ours."""
    host, _, rest = event.key.partition("/")
    return int(rest.partition("/")[0]) if host == HOST else 0


def found(sight: Sight, mailbox: str | None, key: str) -> list[Seen]:
    """Every event of this key in a mailbox."""
    return [one for one in sight.values() if (one.mailbox, one.key) == (mailbox, key)]


def kept(sight: Sight, mailbox: str | None, key: str) -> list[Seen]:
    """The same without those that their owner took over."""
    return [one for one in found(sight, mailbox, key) if not one.taken]


def within(show: Show, window: tuple[date, date]) -> bool:
    """Whether it touches the window."""
    return first_day(show) <= window[1] and last_day(show) >= window[0]


def meet(one: Seen, other: Seen) -> bool:
    """Whether both stand for one moment."""
    if isinstance(one.show.start, datetime) and isinstance(other.show.start, datetime):
        return one.show.start < other.show.end and other.show.start < one.show.end
    return same_days(one, other)


def same_days(one: Seen, other: Seen) -> bool:
    """Whether both touch one day."""
    return first_day(one.show) <= last_day(other.show) and first_day(other.show) <= last_day(one.show)
