"""What every calendar must show, worked out from the company's own facts by a second, simple mind.

Nothing of figgo_ops is used here, so that a mistake of the product is not repeated by its judge.
"""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

HOST = "corail.ilucca.net"
ZONES = {2: "Europe/Zurich", 3: "America/Martinique"}
"""Zones of the legal entities that have one of their own in the tenant file."""

DAY, SATURDAY = timedelta(days=1), 5
BEGINS, ENDS = (time(9), time(14)), (time(12), time(18))


@dataclass(frozen=True, slots=True)
class HalfDay:
    """One leave that stands in Figgo, in the morning (0) or afternoon (1); `agreed` by everybody asked."""

    period: int
    agreed: bool
    day: date
    half: int
    kind: str
    remote: bool = False
    hours: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Employee:
    """One contract, and its leaves by period and time."""

    number: int
    mail: str
    entity: int
    ends: date | None
    leaves: tuple[HalfDay, ...]


@dataclass(slots=True)
class Policy:
    """What the tenant file says; `skipped` and `discreet` are rules for the type Maladie."""

    title: str = "Absent"
    show_type: bool = False
    private: bool = False
    pending_hidden: bool = False
    skipped: bool = False
    discreet: bool = False
    respect: bool = False
    timezone: str = "Europe/Paris"
    excluded: set[int] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Show:
    """An event as its reader sees it; the end is exclusive: a day, or a moment in UTC."""

    start: date
    end: date
    tentative: bool
    title: str
    private: bool


def due(employee: Employee, policy: Policy, today: date) -> dict[str, Show]:
    """By key, every event of this person that a calendar without end must show."""
    found = {}
    for run in runs(employee.leaves, policy):
        first = run[0]
        left = employee.ends is not None and employee.ends < today and first.day > employee.ends
        if employee.number not in policy.excluded and not left:
            begin, end = dates(run, zone(employee, policy))
            found[key(employee, first)] = Show(begin, end, not first.agreed, *look(first, policy))
    return found


def key(employee: Employee, first: HalfDay) -> str:
    """The name of an event, which its first half-day gives it."""
    return f"{HOST}/{employee.number}/{first.period}/{first.day:%Y%m%d}{'AP'[first.half]}"


def zone(employee: Employee, policy: Policy) -> str:
    """The zone a person's events are written in."""
    return ZONES.get(employee.entity, policy.timezone)


def runs(leaves: tuple[HalfDay, ...], policy: Policy) -> list[list[HalfDay]]:
    """Half-days that make one event."""
    found: list[list[HalfDay]] = []
    for one in leaves:
        sick, pending = one.kind == "Maladie", not one.agreed
        if not (one.remote or (policy.skipped and sick) or (policy.pending_hidden and pending)):
            if not (found and joined(found[-1][-1], one, policy)):
                found.append([])
            found[-1].append(one)
    return found


def joined(one: HalfDay, other: HalfDay, policy: Policy) -> bool:
    """One period, one look, nothing between them but a weekend; what is counted in hours stands alone."""
    alike = one.period == other.period and look(one, policy) == look(other, policy)
    between = range(2 * one.day.toordinal() + one.half + 1, 2 * other.day.toordinal() + other.half)
    weekend = all(date.fromordinal(at // 2).weekday() >= SATURDAY for at in between)
    return alike and weekend and not (one.hours or other.hours)


def look(one: HalfDay, policy: Policy) -> tuple[str, bool]:
    """Title, and whether it is private."""
    if policy.discreet and one.kind == "Maladie":
        return "Occupé", True
    return one.kind if policy.show_type else policy.title, policy.private


def dates(run: list[HalfDay], name: str) -> tuple[date, date]:
    """Begin and exclusive end: days where all are whole, else moments."""
    first, last = run[0], run[-1]
    if (first.half, last.half) == (0, 1):
        return first.day, last.day + DAY
    start = datetime.combine(first.day, BEGINS[first.half], ZoneInfo(name)).astimezone(UTC)
    if first.hours:
        return start, start + first.hours
    return start, datetime.combine(last.day, ENDS[last.half], ZoneInfo(name)).astimezone(UTC)
