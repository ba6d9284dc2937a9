"""What a leave becomes: titles, shapes, zones, keys and fingerprints.

Pure: no input or output, no clock.
"""

import hashlib
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from fnmatch import fnmatchcase
from functools import lru_cache, partial
from typing import Literal, NamedTuple, Self
from zoneinfo import ZoneInfo

from figgo_ops.leaves import (
    Leave,
    Person,
    Slot,
    Stretch,
    WorkingTime,
    part_slot,
    slot,
    stretches,
)

State = Literal["tentative", "confirmed"]
ShowAs = Literal["busy", "away", "free", "elsewhere"]

Look = tuple[str, ShowAs, bool]
"""Title, show-as and privacy."""

MARKER_VERSION = "1"
_DIGITS = 18
TITLE_LENGTH = 255
"""Exchange refuses a longer subject; the same limit everywhere keeps one normal form."""


PROBE = 0, "20000103A"
"""Period and part of a write probe: Figgo numbers periods from one, and no plan looks so far back."""


class Key(NamedTuple):
    """The identity of one event, fixed for life: figgo host / owner / period / part.

    A tuple, because a plan of many events looks keys up far more often than anything else.
    """

    host: str
    owner: int
    period: int
    part: str

    def __str__(self) -> str:
        return f"{self.host}/{self.owner}/{self.period}/{self.part}"

    @property
    def is_probe(self) -> bool:
        """Whether it is that of a write probe, and of no leave."""
        return (self.period, self.part) == PROBE

    @property
    def slot(self) -> Slot:
        """The half-day that the part names."""
        at = part_slot(self.part)
        assert at is not None  # noqa: S101 - parse and wanted() only make keys whose part names a half-day
        return at

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """The key that this text is; None when it is none, or not exactly as we write it."""
        host, _, rest = text.partition("/")
        fields = rest.split("/")
        if len(fields) != 3 or not all(n.isdecimal() and len(n) <= _DIGITS for n in fields[:2]):
            return None
        key = cls(host, int(fields[0]), int(fields[1]), fields[2])
        return key if part_slot(key.part) is not None and str(key) == text else None


@dataclass(frozen=True, slots=True)
class Event:
    """An event in normal form, as every provider can be asked for it.

    Attributes:
        start: first day, or the beginning in UTC.
        end: the day after the last one, or the end in UTC.
        zone: IANA name of the zone it is written in; "" where the provider keeps none. Two events that
            differ only here are equal: the marker, not the event, remembers the zone.
    """

    start: date
    end: date
    state: State
    title: str
    show_as: ShowAs = "busy"
    private: bool = False
    zone: str = field(default="", compare=False)

    @property
    def all_day(self) -> bool:
        """Whether it consists of days, not hours."""
        return not isinstance(self.start, datetime)

    @property
    def first_day(self) -> date:
        """The first day it touches, in its own zone."""
        return _day(self.start, self.zone)

    @property
    def last_day(self) -> date:
        """The last day it touches, in its own zone."""
        if isinstance(self.end, datetime):
            return max(self.first_day, _day(self.end - timedelta(microseconds=1), self.zone))
        return max(self.first_day, self.end - timedelta(days=1))

    @property
    def facts(self) -> str:
        """Digest of dates, shape and state."""
        return _digest(str(self.all_day), self.start.isoformat(), self.end.isoformat(), self.state)

    @property
    def look(self) -> str:
        """Digest of title, show-as and privacy."""
        return _digest(self.title, self.show_as, str(self.private))


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What we wrote last, short enough to ride on the event."""

    zone: str
    facts: str
    look: str

    def __str__(self) -> str:
        return f"{MARKER_VERSION};{self.zone};{self.facts};{self.look}"

    @classmethod
    def of(cls, event: Event) -> Self:
        """The fingerprint of this event."""
        return cls(event.zone, event.facts, event.look)

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """The fingerprint that this text is; None when its version is unknown or it was mangled."""
        fields = text.split(";")
        return cls(*fields[1:]) if len(fields) == 4 and fields[0] == MARKER_VERSION else None


@dataclass(frozen=True, slots=True)
class Hours:
    """When the two halves of a working day begin and end, in the employee's zone."""

    morning: tuple[time, time] = (time(9), time(12))
    afternoon: tuple[time, time] = (time(14), time(18))

    def of(self, leave: Leave) -> tuple[time, time]:
        """Begin and end of the half-day this leave stands on."""
        return self.morning if leave.half == "A" else self.afternoon

    def length(self, leave: Leave) -> timedelta:
        """How long that half-day is."""
        begin, end = self.of(leave)
        return datetime.combine(leave.day, end) - datetime.combine(leave.day, begin)


@dataclass(frozen=True, slots=True)
class TypeRule:
    """What a customer decided for the absence types whose name matches; None leaves the general rule.

    Attributes:
        match: a pattern with * and ?, compared without regard to case; accounts change every year.
    """

    match: str
    title: str | None = None
    show_as: ShowAs | None = None
    private: bool | None = None
    skip: bool | None = None

    def fits(self, type_name: str) -> bool:
        """Whether the rule is about this absence type."""
        return fnmatchcase(_folded(type_name), _folded(self.match).replace("[", "[[]"))


@dataclass(frozen=True, slots=True)
class Policy:
    """How one tenant wants its leaves shown.

    Attributes:
        zone_by_employee, zone_by_legal_entity: IANA names; the first one counts before the second.
    """

    timezone: str
    title: str = "Absent"
    show_type: bool = False
    whole_days: Literal["all-day", "hours"] = "all-day"
    hours: Hours = Hours()
    pending: Literal["tentative", "hidden"] = "tentative"
    private: bool = False
    show_as: ShowAs = "busy"
    rules: tuple[TypeRule, ...] = ()
    zone_by_employee: Mapping[int, str] = field(default_factory=dict)
    zone_by_legal_entity: Mapping[int, str] = field(default_factory=dict)
    # Every period asks these. A tenant has few types, and many people are away on the same days.
    _rules: dict[str, TypeRule] = field(default_factory=dict, init=False, compare=False, repr=False)
    _looks: dict[str, Look] = field(default_factory=dict, init=False, compare=False, repr=False)
    _drawn: dict[object, dict[object, Event]] = field(
        default_factory=dict, init=False, compare=False, repr=False
    )

    def zone(self, person: Person) -> str:
        """The zone this person's events are written in."""
        by_entity = self.zone_by_legal_entity.get(person.legal_entity, self.timezone)
        return self.zone_by_employee.get(person.id, by_entity)

    def rule(self, type_name: str) -> TypeRule:
        """The first rule that fits this absence type, or one that changes nothing."""
        found = self._rules.get(type_name)
        if found is None:
            found = next((rule for rule in self.rules if rule.fits(type_name)), _NO_RULE)
            self._rules[type_name] = found
        return found

    def look(self, leave: Leave) -> Look:
        """Title, show-as and privacy of an event for this leave."""
        found = self._looks.get(leave.type_name)
        if found is None:
            rule = self.rule(leave.type_name)
            title = rule.title or (leave.type_name if self.show_type else self.title)
            private = self.private if rule.private is None else rule.private
            found = clean_title(title) or "Absent", rule.show_as or self.show_as, private
            self._looks[leave.type_name] = found
        return found

    def dropped(self, leave: Leave) -> str | None:
        """Why an active leave gets no event at all; None when it gets one."""
        skip = (self._rules.get(leave.type_name) or self.rule(leave.type_name)).skip
        if skip:
            return "type skipped"
        if skip is None and leave.remote:
            return "remote work"
        if skip is None and not leave.real:
            return "no real absence"
        if not leave.confirmed and self.pending == "hidden":
            return "pending hidden"
        if leave.hours is not None and leave.hours <= timedelta(0):
            return "no duration"
        return None

    def drawn(self, project: Callable[[Event], Event], hour_ranges: bool) -> dict[object, Event]:
        """The events made so far for calendars that hold the same, by all that tells two of them apart."""
        return self._drawn.setdefault((project, hour_ranges), {})

    def partial(self, leave: Leave) -> bool:
        """Whether an hour-based leave does not fill its half-day."""
        return leave.hours is not None and leave.hours < self.hours.length(leave)


_NO_RULE = TypeRule("*")


@dataclass(frozen=True, slots=True)
class Wanted:
    """One stretch and the event that it should be.

    Attributes:
        first, last: the half-days it covers, as slots.
    """

    key: Key
    event: Event
    first: Slot
    last: Slot


def as_it_is(event: Event) -> Event:
    """What a calendar that can hold everything makes of an event."""
    return event


def wanted(
    person: Person,
    leaves: Iterable[Leave],
    policy: Policy,
    working: WorkingTime,
    host: str,
    *,
    hour_ranges: bool,
    project: Callable[[Event], Event] = as_it_is,
) -> list[Wanted]:
    """Every stretch of one person as an event, before window, start and scope apply.

    Args:
        leaves: the person's rows; what the policy drops is dropped here.
        hour_ranges: whether the calendar shows whole days as a range of hours when asked to.
        project: what the calendar can hold of an event.

    Raises:
        Incomplete: see `leaves.periods`.
    """
    cuts, zone = stretches(leaves, working, partial(_cut, policy)), policy.zone(person)
    drawn, found = policy.drawn(project, hour_ranges), []
    for stretch in cuts:
        first, last = stretch.first, stretch.last
        days = first.day, first.half, last.day, last.half
        sight = *days, first.type_name, first.confirmed, first.hours, zone
        event = drawn.get(sight)
        if event is None:
            event = drawn[sight] = project(event_of(stretch, policy, zone, hour_ranges=hour_ranges))
        key = Key(host, person.id, first.period, stretch.part)
        found.append(Wanted(key, event, first.slot, last.slot))
    return found


def _cut(policy: Policy, leave: Leave) -> object:
    if policy.dropped(leave) is not None:
        return None
    alone = leave.slot if leave.hours is not None and policy.partial(leave) else None
    return policy.look(leave), leave.confirmed, alone


def event_of(stretch: Stretch, policy: Policy, zone: str, *, hour_ranges: bool) -> Event:
    """The event that shows this stretch."""
    first, last = stretch.first, stretch.last
    title, show_as, private = policy.look(first)
    whole = first.half == "A" and last.half == "P"
    if whole and not (policy.whole_days == "hours" and hour_ranges):
        start, end = first.day, last.day + timedelta(days=1)
    elif policy.partial(first):
        start, end = _timed(first, first, policy.hours, zone)
        end = min(end, start + (first.hours or timedelta(0)))
    else:
        start, end = _timed(first, last, policy.hours, zone)
    state: State = "confirmed" if stretch.confirmed else "tentative"
    return Event(start, end, state, title, show_as, private, zone)


def _timed(first: Leave, last: Leave, hours: Hours, zone: str) -> tuple[datetime, datetime]:
    begin, end = hours.of(first)[0], hours.of(last)[1]
    start, stop = _in_utc(first.day, begin, zone), _in_utc(last.day, end, zone)
    if stop <= start:  # hours that a spring clock change skips: keep the length on the wall
        stop = start + (datetime.combine(last.day, end) - datetime.combine(first.day, begin))
    return start, stop


@lru_cache(maxsize=8192)
def _in_utc(day: date, at: time, zone: str) -> datetime:
    return datetime.combine(day, at, ZoneInfo(zone)).astimezone(UTC)


def touched_slots(event: Event, hours: Hours) -> tuple[Slot, Slot]:
    """First and last half-day that an event found in a calendar touches."""
    if not isinstance(event.start, datetime) or not isinstance(event.end, datetime):
        return slot(event.first_day, "A"), slot(event.last_day, "P")
    zone = ZoneInfo(event.zone or "UTC")
    start, end = event.start.astimezone(zone), event.end.astimezone(zone)
    first = slot(start.date(), "A" if start.time() < hours.morning[1] else "P")
    last = slot(
        event.last_day, "P" if end.time() > hours.afternoon[0] or end.date() > event.last_day else "A"
    )
    return first, max(first, last)


@lru_cache(maxsize=4096)
def clean_title(text: str) -> str:
    """The title without what no calendar can hold: control characters, lone surrogates, spaces in excess."""
    visible = "".join(" " if _unholdable(c) else c for c in text)
    return " ".join(visible.split())[:TITLE_LENGTH].rstrip()


def _unholdable(character: str) -> bool:
    """Control characters, lone surrogates, line ends, and the non-characters that XML forbids."""
    return unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") or ord(character) & 0xFFFE == 0xFFFE


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold()


def _day(moment: date, zone: str) -> date:
    if isinstance(moment, datetime):
        return moment.astimezone(ZoneInfo(zone or "UTC")).date()
    return moment


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
