"""When people of the rehearsal company work: half-days, weekends, public holidays, part-time weeks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from functools import cache

ONE_DAY = timedelta(days=1)
SATURDAY = 5

#: A half-day as a value that sorts: the day, then 0 for the morning and 1 for the afternoon.
Slot = tuple[date, int]
MORNING, AFTERNOON = 0, 1
HALVES = {"AM": MORNING, "PM": AFTERNOON}


def slots(first: Slot, last: Slot) -> Iterator[Slot]:
    """Every half-day from `first` to `last`, both included."""
    day, half = first
    while (day, half) <= last:
        yield day, half
        day, half = (day, AFTERNOON) if half == MORNING else (day + ONE_DAY, MORNING)


def days(first: date, last: date) -> Iterator[date]:
    """Every day from `first` to `last`, both included."""
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)


def easter(year: int) -> date:
    """Easter Sunday of a Gregorian year: the Sunday after the full moon of the church's lunar tables."""
    century, golden = year // 100, year % 19
    epact = (century - century // 4 - (8 * century + 13) // 25 + 19 * golden + 15) % 30
    # Two epacts of the tables share a date, so the moon is never later than 18 April.
    moon = epact - (epact // 28) * (1 - (29 // (epact + 1)) * ((21 - golden) // 11))
    weekday = (year + year // 4 + moon + 2 - century + century // 4) % 7
    return date(year, 3, 28) + timedelta(days=moon - weekday)


FRENCH_DAYS = ((1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25))
MARTINIQUE_DAYS = (*FRENCH_DAYS, (5, 22))
GENEVA_DAYS = ((1, 1), (8, 1), (12, 25), (12, 31))
EASTER_MONDAY, ASCENSION, WHIT_MONDAY, GOOD_FRIDAY = 1, 39, 50, -2

CALENDARS: dict[str, tuple[tuple[tuple[int, int], ...], tuple[int, ...]]] = {
    "France": (FRENCH_DAYS, (EASTER_MONDAY, ASCENSION, WHIT_MONDAY)),
    "Martinique": (MARTINIQUE_DAYS, (EASTER_MONDAY, ASCENSION, WHIT_MONDAY)),
    "Genève": (GENEVA_DAYS, (GOOD_FRIDAY, EASTER_MONDAY, ASCENSION, WHIT_MONDAY)),
}


@cache
def public_holidays(calendar: str, year: int) -> frozenset[date]:
    """The public holidays of one year in one of `CALENDARS`."""
    fixed, from_easter = CALENDARS[calendar]
    sunday = easter(year)
    moving = {sunday + timedelta(days=offset) for offset in from_easter}
    return frozenset({date(year, month, day) for month, day in fixed} | moving)


def is_holiday(calendar: str, day: date) -> bool:
    """Whether `day` is a public holiday in `calendar`."""
    return day in public_holidays(calendar, day.year)


def is_weekend(day: date) -> bool:
    """Whether `day` is a Saturday or a Sunday: nobody of the company works then."""
    return day.weekday() >= SATURDAY


def is_calm(monday: date) -> bool:
    """Whether the five working days from `monday` are free of every calendar's holidays."""
    week = [monday + timedelta(days=number) for number in range(5)]
    return not any(is_holiday(calendar, day) for calendar in CALENDARS for day in week)


def monday_after(day: date) -> date:
    """The first Monday strictly after `day`."""
    return day + timedelta(days=7 - day.weekday())


def calm_mondays(day: date, backwards: bool = False) -> Iterator[date]:
    """Mondays of weeks without public holidays, away from `day`; its own week is in neither direction."""
    step = timedelta(days=-7 if backwards else 7)
    monday = monday_after(day) + (2 * step if backwards else timedelta())
    while True:
        if is_calm(monday):
            yield monday
        monday += step


def holiday_inside_week(calendar: str, after: date) -> date:
    """The first public holiday after `after` that falls on a Tuesday, Wednesday or Thursday."""
    year = after.year
    while True:
        for day in sorted(public_holidays(calendar, year)):
            if day > after and day.weekday() in (1, 2, 3):
                return day
        year += 1


def next_clock_change(after: date) -> date:
    """The first last-Sunday-of-March-or-October after `after`: the day European clocks change."""
    for year in (after.year, after.year + 1):
        for month in (3, 10):
            end = date(year, month, 31)
            sunday = end - timedelta(days=(end.weekday() + 1) % 7)
            if sunday > after:
                return sunday
    raise AssertionError("every year has two clock changes")
