"""What a leave is: half-days, the periods they belong to, and the stretches a calendar can show.

Pure: no input or output, no clock.
A half-day is also counted as one integer, its *slot*: twice the day's ordinal, plus one in the afternoon.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from itertools import chain, groupby, islice, pairwise
from operator import attrgetter, ge
from typing import Literal

from figgo_ops.errors import Incomplete

Half = Literal["A", "P"]
Slot = int
Whose = tuple[int, int]
"""Owner and period."""

EDGE = timedelta(days=31)
"""How far beyond its last row a period is looked for before it counts as read to its end.

Nothing documented says how long a gap that is not worked can be; a month covers every company holiday.
"""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody Figgo knows.

    Attributes:
        mail: the address Figgo holds, lower case; None when it holds none.
        ends: last day of the contract; None while it is open.
    """

    id: int
    name: str
    mail: str | None
    number: str | None
    legal_entity: int
    starts: date | None = None
    ends: date | None = None

    def left(self, today: date) -> bool:
        """Whether the contract had ended before `today`."""
        return self.ends is not None and self.ends < today


@dataclass(frozen=True, slots=True)
class Leave:
    """One half-day of one person, as Figgo records it.

    Attributes:
        id: opaque text; its number means different things on different tenants.
        half: "A" in the morning, "P" in the afternoon.
        hours: length of an hour-based leave; None when it is counted in days.
        active: False once cancelled, denied or removed.
        confirmed: False while somebody still has to approve the period.
        real: Figgo's own "counts as an absence".
    """

    id: str
    owner: int
    period: int
    day: date
    half: Half
    type_id: int
    type_name: str
    active: bool = True
    confirmed: bool = True
    hours: timedelta | None = None
    remote: bool = False
    real: bool = True

    @property
    def slot(self) -> Slot:
        """The half-day as one integer."""
        return 2 * self.day.toordinal() + (self.half == "P")


@dataclass(frozen=True, slots=True)
class Span:
    """Days from first to last, both included."""

    first: date
    last: date

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last

    def touches(self, first: date, last: date) -> bool:
        """Whether any day from `first` to `last` is one of ours."""
        return first <= self.last and last >= self.first

    def widened(self, by: timedelta) -> "Span":
        """The same days and `by` more on either side."""
        return Span(self.first - by, self.last + by)

    def joined(self, other: "Span") -> "Span":
        """The shortest span that holds both."""
        return Span(min(self.first, other.first), max(self.last, other.last))


def joint(spans: Iterable[Span]) -> Span:
    """The shortest span that holds all of these; there must be one."""
    first, *others = spans
    for other in others:
        first = first.joined(other)
    return first


_CONFIRMED = attrgetter("confirmed")


@dataclass(frozen=True, slots=True)
class Stretch:
    """An unbroken part of a period, one event: its half-days in order, gaps that are not worked left out."""

    leaves: tuple[Leave, ...]

    @property
    def first(self) -> Leave:
        """The first half-day, which names the stretch."""
        return self.leaves[0]

    @property
    def last(self) -> Leave:
        """The last half-day."""
        return self.leaves[-1]

    @property
    def part(self) -> str:
        """The first half-day as a name, such as 20261019A."""
        return part_name(self.first.day, self.first.half)

    @property
    def confirmed(self) -> bool:
        """Whether every half-day is approved."""
        return all(map(_CONFIRMED, self.leaves))


@dataclass(frozen=True, slots=True)
class WorkingTime:
    """Which half-days nobody works, so that a gap made of them does not split a period.

    Attributes:
        weekend: weekdays that are never worked, Monday being 0.
        rest: half-days that userdates named as not worked, by owner.
        rest_rows: whether this tenant's Figgo keeps rows on days that are not worked.
    """

    weekend: frozenset[int] = frozenset({5, 6})
    rest: Mapping[int, frozenset[Slot]] | None = None
    rest_rows: bool = False

    def is_rest(self, owner: int, at: Slot) -> bool:
        """Whether the owner does not work in this half-day."""
        if (at // 2 + 6) % 7 in self.weekend:  # the first day of all, with the ordinal 1, was a Monday
            return True
        return self.rest is not None and at in self.rest.get(owner, frozenset())


def slot(day: date, half: Half) -> Slot:
    """A half-day as one integer."""
    return 2 * day.toordinal() + (half == "P")


def slot_day(at: Slot) -> date:
    """The day a slot lies in."""
    return date.fromordinal(at // 2)


def slot_half(at: Slot) -> Half:
    """The half a slot is."""
    return "P" if at % 2 else "A"


@lru_cache(maxsize=8192)
def part_name(day: date, half: Half) -> str:
    """The part of a key that a stretch beginning here carries."""
    return f"{day:%Y%m%d}{half}"


@lru_cache(maxsize=8192)
def part_slot(part: str) -> Slot | None:
    """The half-day that a part names; None when it names none."""
    try:
        day = date(int(part[:4]), int(part[4:6]), int(part[6:8]))
    except ValueError:
        return None
    half = part[8:]
    if (
        not 1900 <= day.year < 2100
        or half not in ("A", "P")
        or part_name(day, "P" if half == "P" else "A") != part
    ):
        return None
    return slot(day, "P" if half == "P" else "A")


def periods(leaves: Iterable[Leave]) -> dict[Whose, list[Leave]]:
    """Active half-days by (owner, period), each in order of time.

    Raises:
        Incomplete: two active rows stand on one half-day of one period; Figgo promises at most one,
            so what was read cannot be trusted.
    """
    found = {whose: [leave for group in groups for leave in group] for whose, groups in _grouped(leaves)}
    for rows in found.values():
        _in_order(rows)
    return found


def _grouped(leaves: Iterable[Leave]) -> list[tuple[Whose, list[list[Leave]]]]:
    """Active half-days by (owner, period) and, inside, by what a policy can tell apart.

    A period nearly always is one group of rows listed in one go; then one row speaks for all of them.
    """
    found: dict[Whose, list[list[Leave]]] = {}
    for (active, owner, period, *_), rows in groupby(leaves, _kind):
        if active:
            found.setdefault((owner, period), []).append(list(rows))
    return sorted(found.items())


def _kind(leave: Leave) -> tuple[bool, int, int, bool, str, bool, bool, timedelta | None]:
    return (
        leave.active,
        leave.owner,
        leave.period,
        leave.confirmed,
        leave.type_name,
        leave.remote,
        leave.real,
        leave.hours,
    )


def _in_order(rows: list[Leave]) -> list[Slot]:
    """Sort the rows of one period by time; their slots."""
    slots = [2 * leave.day.toordinal() + (leave.half == "P") for leave in rows]
    if any(map(ge, slots, islice(slots, 1, None))):
        rows.sort(key=attrgetter("slot", "id"))
        slots.sort()
        for one, other in pairwise(rows):
            if one.slot == other.slot:
                raise Incomplete(
                    f"Figgo lists two leaves, {one.id} and {other.id}, on the same half-day of one person.",
                    "Read again later; if it stays, ask Lucca which of the two is right.",
                )
    return slots


def stretches(
    leaves: Iterable[Leave],
    working: WorkingTime,
    look: Callable[[Leave], Hashable] = lambda leave: leave.confirmed,
) -> list[Stretch]:
    """The stretches of these half-days: gaps that are not worked bridged, real holes and changes of look cut.

    Args:
        leaves: rows of any owners and periods; inactive ones are passed over.
        working: which half-days are not worked.
        look: what an event made of this half-day would look like; where it differs the stretch is cut.
            None: no event is made of it. Of a leave counted in days it must not depend on the day.

    Raises:
        Incomplete: see `periods`.
    """
    return [
        Stretch(tuple(_trimmed(run, working)))
        for _, groups in _grouped(leaves)
        for run in _runs(groups, working, look)
    ]


def _runs(
    groups: list[list[Leave]], working: WorkingTime, look: Callable[[Leave], Hashable]
) -> Iterator[list[Leave]]:
    """What is shown of one period, cut where an event ends."""
    shown = [group for group in groups if look(group[0]) is not None]
    if not shown:
        return
    rows = shown[0] if len(shown) == 1 else list(chain.from_iterable(shown))
    alike = len(shown) == 1 and (rows[0].hours is None or len(rows) == 1)
    slots = _in_order(rows)
    if alike and slots[-1] - slots[0] == len(slots) - 1:
        yield rows
        return
    looks = [] if alike else [look(leave) for leave in rows]
    begin = 0
    for n, (before, at) in enumerate(pairwise(slots), 1):
        hole = at != before + 1 and not _bridged(rows[n - 1], rows[n], working)
        if hole or (looks and looks[n] != looks[n - 1]):
            yield rows[begin:n]
            begin = n
    yield rows[begin:]


def _bridged(before: Leave, after: Leave, working: WorkingTime) -> bool:
    return all(working.is_rest(before.owner, at) for at in range(before.slot + 1, after.slot))


def _trimmed(run: list[Leave], working: WorkingTime) -> list[Leave]:
    """Without the weekend days at its ends, where the tenant keeps rows on them; never without any."""
    if not working.rest_rows:
        return run
    worked = [n for n, leave in enumerate(run) if leave.day.weekday() not in working.weekend]
    return run[worked[0] : worked[-1] + 1] if worked else run


def gaps(leaves: Iterable[Leave], working: WorkingTime) -> dict[int, list[Span]]:
    """The days that userdates must explain, by owner: gaps inside periods with a day outside the weekend.

    A gap longer than `EDGE` is a hole whatever userdates say, so it is not asked for.
    """
    asked: dict[int, list[Span]] = {}
    for (owner, _), rows in periods(leaves).items():
        for before, after in pairwise(rows):
            if after.day - before.day <= EDGE and not _bridged(before, after, working):
                span = Span(slot_day(before.slot + 1), slot_day(after.slot - 1))
                asked.setdefault(owner, []).append(span)
    return asked


def unfinished(
    leaves: Iterable[Leave], needed: Mapping[int, Span], read: Mapping[int, Span]
) -> dict[int, Span]:
    """What must still be read so that no period is cut: by owner, the wider span to read.

    A period that has rows on needed days, or on both sides of them, is followed outward until `EDGE`
    beyond its last row is read.

    Args:
        leaves: everything read so far.
        needed: the days a plan is about, by owner.
        read: the days read completely so far, by owner; at least `EDGE` wider than what is needed.
    """
    wider: dict[int, Span] = {}
    for (owner, _), rows in periods(leaves).items():
        if owner not in needed or not needed[owner].touches(rows[0].day, rows[-1].day):
            continue
        known = wider.get(owner, read[owner])
        reach = known.joined(Span(rows[0].day, rows[-1].day).widened(EDGE))
        if reach != known:
            wider[owner] = reach
    return wider
