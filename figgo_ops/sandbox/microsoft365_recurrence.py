"""Series as Graph spells and reads them: the same patterns that Exchange's stand-in plays."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from figgo_ops.sandbox.exchange_recurrence import Recurrence
from figgo_ops.sandbox.microsoft365_call import GraphError

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_PATTERNS: Mapping[str, str] = {
    "DailyRecurrence": "daily",
    "WeeklyRecurrence": "weekly",
    "AbsoluteMonthlyRecurrence": "absoluteMonthly",
    "AbsoluteYearlyRecurrence": "absoluteYearly",
}
_NAMES = {spelt: name for name, spelt in _PATTERNS.items()}
_NO_DATE = "0001-01-01"


def spelt_recurrence(rule: Recurrence | None, zone: str) -> dict[str, Any] | None:
    """Spell a recurrence; None for an event that does not recur."""
    if rule is None:
        return None
    dated, yearly = rule.pattern.startswith("Absolute"), rule.pattern == "AbsoluteYearlyRecurrence"
    return {
        "pattern": {
            "type": _PATTERNS[rule.pattern],
            "interval": rule.interval,
            "month": rule.month if yearly else 0,
            "dayOfMonth": rule.day if dated else 0,
            "daysOfWeek": [_DAYS[day] for day in rule.days],
            "firstDayOfWeek": "sunday",
            "index": "first",
        },
        "range": {
            "type": "numbered" if rule.times else "endDate" if rule.last else "noEnd",
            "startDate": rule.start.isoformat(),
            "endDate": rule.last.isoformat() if rule.last else _NO_DATE,
            "recurrenceTimeZone": zone,
            "numberOfOccurrences": rule.times or 0,
        },
    }


def read_recurrence(spelt: Any) -> Recurrence | None:
    """Read a recurrence, None for null; GraphError for a pattern that is not played, or none at all."""
    if spelt is None:
        return None
    try:
        pattern, bounds = spelt["pattern"], spelt["range"]
        ends = bounds["type"]
        return Recurrence(
            pattern=_NAMES[pattern["type"]],
            start=date.fromisoformat(bounds["startDate"]),
            interval=pattern.get("interval", 1),
            days=tuple(sorted(_DAYS.index(day) for day in pattern.get("daysOfWeek", ()))),
            day=pattern.get("dayOfMonth") or 1,
            month=pattern.get("month") or 1,
            last=date.fromisoformat(bounds["endDate"]) if ends == "endDate" else None,
            times=bounds["numberOfOccurrences"] if ends == "numbered" else None,
        )
    except (AttributeError, KeyError, TypeError, ValueError):
        raise GraphError(
            400, "ErrorPropertyValidationFailure", "The recurrence is none that is played here."
        ) from None
