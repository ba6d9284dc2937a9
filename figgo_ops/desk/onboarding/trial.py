"""A tenant for trying out what was answered so far, while other answers are still missing."""

from datetime import date
from typing import Any

from figgo_ops import tenants
from figgo_ops.desk.onboarding.answers import Answers, content
from figgo_ops.errors import UsageError
from figgo_ops.home import Home
from figgo_ops.tenants import Tenant
from figgo_ops.tenants.file import (
    ChecklistSection,
    EventsSection,
    FiggoSection,
    LimitsSection,
    ScopeSection,
    check_calendar,
)
from figgo_ops.tenants.mistakes import check
from figgo_ops.tenants.routing import CalendarSettings

_EARLIEST = date(1900, 1, 1)


def trial(home: Home, answers: Answers, calendar: int | None = None) -> Tenant:
    """A tenant without file for trying Figgo, or Figgo and one calendar; the rest may still be wrong.

    Args:
        calendar: its place among the answers; None for Figgo alone.

    Raises:
        UsageError: what is to be tried has mistakes.
    """
    said = content(answers)
    figgo, wrong = check(FiggoSection, said["figgo"], "figgo")
    connections: tuple[CalendarSettings, ...] = ()
    if calendar is not None:
        connections, more = _connections(said["calendar"][calendar], f"calendar[{calendar}]")
        wrong += more
    everything = tenants.mistakes_in(answers.name, said)
    wrong += [one for one in everything if one.startswith("name:")]
    if figgo is None or wrong:
        raise UsageError(f"Nothing was tried yet: {'; '.join(wrong)}.", "Fill in what is missing or wrong.")
    wrong_zone = any(one.startswith("timezone:") for one in everything)
    return Tenant(
        name=answers.name,
        state="draft",
        timezone="UTC" if wrong_zone else answers.timezone,
        start=answers.start or _EARLIEST,
        figgo=figgo,
        calendars=connections,
        events=EventsSection(),
        zones=(),
        scope=ScopeSection(),
        limits=LimitsSection(),
        checklist=ChecklistSection(),
        file=home.tenants / f"{answers.name}.toml",
    )


def _connections(table: dict[str, Any], at: str) -> tuple[tuple[CalendarSettings, ...], list[str]]:
    common, own, wrong = check_calendar(table, at)
    if common is None or own is None or wrong:
        return (), wrong
    return (tenants.connection(common, own),), []
