"""Series of appointments: the patterns that are played, read, spelt and unrolled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import count, islice

from figgo_ops.sandbox.exchange_soap import Element, RefusedError, add, local, schema_fault, t

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
_GROUPS = {"Day": range(7), "Weekday": range(5), "WeekendDay": range(5, 7)}
# No end in sight is far enough when nobody may look further than two years.
_MOST = 1500


@dataclass(frozen=True, slots=True)
class Recurrence:
    """A pattern and its range; `last` or `times` may end it."""

    pattern: str
    start: date
    interval: int = 1
    days: tuple[int, ...] = ()
    day: int = 1
    month: int = 1
    last: date | None = None
    times: int | None = None

    def dates(self) -> Iterator[date]:
        """Every day on which an occurrence begins."""
        found = (day for day in _PATTERNS[self.pattern](self) if day >= self.start)
        for day in islice(found, self.times or _MOST):
            if self.last and day > self.last:
                return
            yield day


def _daily(rule: Recurrence) -> Iterator[date]:
    return (rule.start + timedelta(days=n * rule.interval) for n in range(_MOST))


def _weekly(rule: Recurrence) -> Iterator[date]:
    monday = rule.start - timedelta(days=rule.start.weekday())
    for week in range(_MOST):
        for day in rule.days:
            yield monday + timedelta(weeks=week * rule.interval, days=day)


def _monthly(rule: Recurrence) -> Iterator[date]:
    for step in islice(count(0, rule.interval), _MOST):
        year, month = divmod(rule.start.month - 1 + step, 12)
        yield _in_month(rule.start.year + year, month + 1, rule.day)


def _yearly(rule: Recurrence) -> Iterator[date]:
    return (_in_month(rule.start.year + n, rule.month, rule.day) for n in range(200))


_PATTERNS: dict[str, Callable[[Recurrence], Iterator[date]]] = {
    "DailyRecurrence": _daily,
    "WeeklyRecurrence": _weekly,
    "AbsoluteMonthlyRecurrence": _monthly,
    "AbsoluteYearlyRecurrence": _yearly,
}


def _in_month(year: int, month: int, day: int) -> date:
    following = date(year + month // 12, month % 12 + 1, 1)
    return min(date(year, month, 1) + timedelta(days=day - 1), following - timedelta(days=1))


def read_recurrence(element: Element) -> Recurrence:
    """Read t:Recurrence; a fault for what is no recurrence, RefusedError for a pattern not played."""
    if len(element) != 2:
        raise schema_fault("Recurrence holds a pattern and a range")
    pattern, bounds = element
    if local(pattern) not in _PATTERNS:
        raise RefusedError("ErrorUnsupportedRecurrence", "The recurrence pattern is not supported.")
    try:
        return Recurrence(
            pattern=local(pattern),
            start=date.fromisoformat(_text(bounds, "StartDate", "")[:10]),
            interval=int(_text(pattern, "Interval", "1")),
            days=_weekdays(_text(pattern, "DaysOfWeek", "")),
            day=int(_text(pattern, "DayOfMonth", "1")),
            month=_MONTHS.index(_text(pattern, "Month", "January")) + 1,
            last=_last(bounds),
            times=int(_text(bounds, "NumberOfOccurrences", "0")) or None,
        )
    except ValueError as problem:
        raise schema_fault(f"Recurrence: {problem}") from None


def _text(parent: Element, name: str, default: str) -> str:
    return parent.findtext(t(name)) or default


def _last(bounds: Element) -> date | None:
    text = _text(bounds, "EndDate", "")
    return date.fromisoformat(text[:10]) if text else None


def _weekdays(text: str) -> tuple[int, ...]:
    found: set[int] = set()
    for word in text.split():
        found.update(_GROUPS.get(word) or (_DAYS.index(word),))
    return tuple(sorted(found))


def show_recurrence(parent: Element, tag: str, rule: Recurrence) -> None:
    """Spell a recurrence."""
    made = add(parent, tag)
    pattern = add(made, t(rule.pattern))
    if rule.pattern != "AbsoluteYearlyRecurrence":
        add(pattern, t("Interval"), str(rule.interval))
    if rule.days:
        add(pattern, t("DaysOfWeek"), " ".join(_DAYS[day] for day in rule.days))
    if rule.pattern.startswith("Absolute"):
        add(pattern, t("DayOfMonth"), str(rule.day))
    if rule.pattern == "AbsoluteYearlyRecurrence":
        add(pattern, t("Month"), _MONTHS[rule.month - 1])
    name = "NumberedRecurrence" if rule.times else "EndDateRecurrence" if rule.last else "NoEndRecurrence"
    bounds = add(made, t(name))
    add(bounds, t("StartDate"), rule.start.isoformat())
    if rule.times:
        add(bounds, t("NumberOfOccurrences"), str(rule.times))
    elif rule.last:
        add(bounds, t("EndDate"), rule.last.isoformat())
