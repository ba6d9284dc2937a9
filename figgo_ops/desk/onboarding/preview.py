"""How a sample of leaves would look to their owner and to a colleague, and what that gives away.

Pure: no input or output, no clock.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from zoneinfo import ZoneInfo

from figgo_ops import tenants
from figgo_ops.desk.onboarding.answers import Answers, content
from figgo_ops.errors import UsageError
from figgo_ops.events import Event, Look, Policy, clean_title, wanted
from figgo_ops.leaves import Leave, Person, WorkingTime, periods
from figgo_ops.tenants.file import EventsSection, ZoneSection
from figgo_ops.tenants.mistakes import check
from figgo_ops.tenants.policy import policy_of

ROWS = 12
NAMED = 6
"""So many absence types stand in one sentence."""

_HEALTH = re.compile(
    r"malad|sick|arr[êe]t|accident|th[ée]rap|h[ôo]pital|hospital|m[ée]dic|matern|patern|grossesse|krank",
    re.IGNORECASE,
)
_NOTHING = "nothing"

COMMENT = "What somebody wrote as a comment is never read and never shown."
OWNER = "The owner, and whoever they let see details of private events, reads the title in any case."

HOURS = (
    "Leaves counted in hours show their exact hours, private or not:"
    " an hour in the morning says more than half a day."
)


@dataclass(frozen=True, slots=True)
class Row:
    """One leave of the sample.

    Attributes:
        leave: what it is, without saying whose.
        owner: what its owner reads.
        colleague: what a colleague with an ordinary view of the calendar reads.
        shape: which time it takes.
        note: why it looks like this, where that may surprise.
    """

    leave: str
    owner: str
    colleague: str
    shape: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Preview:
    """A sample, and what colleagues could learn from it.

    Attributes:
        warnings: what gives something away.
        notes: what holds in any case.
    """

    rows: tuple[Row, ...]
    warnings: tuple[str, ...]
    notes: tuple[str, ...] = (COMMENT, OWNER)


def policy(answers: Answers) -> Policy:
    """The policy that these answers make, whatever is still wrong elsewhere.

    Raises:
        UsageError: what they say about events is wrong.
    """
    said = content(answers)
    look, wrong = check(EventsSection, said["events"], "events")
    if look is None:
        raise UsageError(f"No preview yet: {'; '.join(wrong)}.", "Correct what is wrong.")
    others = tenants.mistakes_in(answers.name, said)
    zone = "UTC" if any(one.startswith("timezone:") for one in others) else answers.timezone
    zones = (check(ZoneSection, one, "zone")[0] for one in said.get("zone", ()))
    return policy_of(zone, look, [one for one in zones if one is not None])


def preview(
    policy: Policy,
    leaves: Iterable[Leave],
    people: Mapping[int, Person] | None = None,
    *,
    hour_ranges: bool = False,
) -> Preview:
    """A varied sample of these leaves under this policy.

    Args:
        people: whose legal entity decides their zone; who is not among them has the tenant's.
        hour_ranges: whether the calendar shows whole days as a range of hours when asked to.

    Raises:
        Incomplete: see `leaves.periods`.
    """
    found = list(periods(leaves).values())
    rows = [_row(policy, one, people or {}, hour_ranges=hour_ranges) for one in _varied(found)]
    every = list(chain.from_iterable(found))
    return Preview(tuple(rows), tuple(_warnings(policy, every)), (COMMENT, OWNER, *_notes(policy, every)))


_KINDS: tuple[Callable[[list[Leave]], bool], ...] = (
    lambda rows: len(rows) == 1 and rows[0].hours is None,
    lambda rows: len(rows) == 2 and rows[0].day == rows[1].day,
    lambda rows: len(rows) > 2,
    lambda rows: len(rows) > 2 and rows[0].half == "P",
    lambda rows: not rows[0].confirmed,
    lambda rows: rows[0].remote,
    lambda rows: _is_health(rows[0].type_name),
    lambda rows: rows[0].hours is not None,
    lambda rows: len({row.type_name for row in rows}) > 1,
    lambda rows: not rows[0].real,
)
"""What makes one absence look different from another."""


def _varied(found: Sequence[list[Leave]]) -> list[list[Leave]]:
    """Absences that differ, of the kinds and types there are, at most `ROWS`."""
    chosen: dict[tuple[int, int], list[Leave]] = {}
    types: set[str] = set()
    for fits in _KINDS:
        fitting = [rows for rows in found if fits(rows)]
        if fitting and not any(fits(rows) for rows in chosen.values()):
            rows = min(fitting, key=lambda rows: rows[0].type_name in types)
            chosen[rows[0].owner, rows[0].period] = rows
            types.add(rows[0].type_name)
    for rows in found:
        if rows[0].type_name not in types and len(chosen) < ROWS:
            chosen[rows[0].owner, rows[0].period] = rows
            types.add(rows[0].type_name)
    return list(chosen.values())


def _row(policy: Policy, rows: Sequence[Leave], people: Mapping[int, Person], *, hour_ranges: bool) -> Row:
    first = rows[0]
    person = people.get(first.owner) or Person(first.owner, "", None, None, 0)
    events = wanted(person, rows, policy, WorkingTime(), "", hour_ranges=hour_ranges)
    what = _described(rows)
    if not events:
        return Row(what, _NOTHING, _NOTHING, _NOTHING, policy.dropped(first) or "")
    event, notes = events[0].event, []
    if len(events) > 1:
        notes.append(f"the first of {len(events)} events: where the look changes, or somebody is there")
    if policy.whole_days == "hours" and event.all_day:
        notes.append("this calendar knows no range of hours, so whole days stay all-day")
    return Row(what, _to_owner(event), _to_colleagues(event), _shape(event), "; ".join(notes))


def _described(rows: Sequence[Leave]) -> str:
    """Length, type and state of an absence; neither its owner nor its date."""
    first = rows[0]
    types = " and ".join(dict.fromkeys(row.type_name or "(no type)" for row in rows))
    return f"{_length(rows)}, {types}, {'approved' if first.confirmed else 'pending'}"


def _length(rows: Sequence[Leave]) -> str:
    first, half = rows[0], "morning" if rows[0].half == "A" else "afternoon"
    if len(rows) > 1:
        days = f"{len(rows) / 2:g}"
        return f"{days} day" if days == "1" else f"{days} days"
    if first.hours is not None:
        minutes = int(first.hours.total_seconds() // 60)
        return f"{minutes // 60} h {minutes % 60:02} in the {half}"
    return f"half a day, {half}"


def _to_owner(event: Event) -> str:
    marks = ["tentative"] * (event.state == "tentative") + ["private"] * event.private
    return f"{event.title} ({', '.join(marks)})" if marks else event.title


def _to_colleagues(event: Event) -> str:
    """What a colleague reads; of a private event only how it blocks the time."""
    blocks = "tentative" if event.state == "tentative" else event.show_as
    return f"only {blocks}" if event.private else f"{event.title} ({blocks})"


def _shape(event: Event) -> str:
    days = (event.last_day - event.first_day).days + 1
    if not isinstance(event.start, datetime) or not isinstance(event.end, datetime):
        return "all day" if days == 1 else f"all day, {days} days on end"
    zone = ZoneInfo(event.zone or "UTC")
    begin, end = (f"{moment.astimezone(zone):%H:%M}" for moment in (event.start, event.end))
    return f"{begin} to {end}" if days == 1 else f"{begin} on the first to {end} on the last of {days} days"


def _is_health(type_name: str) -> bool:
    """Whether the name of an absence type sounds like somebody's health."""
    return _HEALTH.search(type_name) is not None


def _warnings(policy: Policy, leaves: Sequence[Leave]) -> Iterator[str]:
    """What colleagues can tell, by absence type; remote work and what is no absence is no secret."""
    absences = [leave for leave in leaves if leave.real and not leave.remote]
    count = Counter(leave.type_name for leave in absences)
    skipped = [name for name in count if policy.rule(name).skip]
    looks = {leave.type_name: policy.look(leave) for leave in absences if leave.type_name not in skipped}
    told = [name for name, (title, _, private) in looks.items() if title == clean_title(name) and not private]
    if told:
        health = [name for name in told if _is_health(name)]
        more = f" {_and(health)} may be about somebody's health." if health else ""
        yield f"Colleagues read the absence type: {_and(told)}.{more}"
    if skipped and looks:
        yield f"{_and(skipped)}: no event at all, so being away without one gives the reason away."
    open_ = sum(count[name] for name in told)
    yield from _alone({name: look for name, look in looks.items() if name not in told}, count, open_)
    if any(policy.partial(leave) and policy.dropped(leave) is None for leave in leaves):
        yield HOURS


def _alone(looks: Mapping[str, Look], count: Mapping[str, int], told: int) -> Iterator[str]:
    """Types that look like few others: whoever sees such an event can guess why somebody is away.

    Args:
        told: how many leaves are read by their type.
    """
    alike: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name, (title, show_as, private) in looks.items():
        alike["" if private else title, show_as].append(name)
    often = {look: sum(count[name] for name in names) for look, names in alike.items()}
    usual = max(often, key=lambda look: often[look], default=None)
    for look, names in alike.items():
        if look != usual or often[look] < told:  # what most absences look like says nothing
            what = f'"{look[0]}"' if look[0] else "a private event"
            show = "shows" if len(names) == 1 else "show"
            yield f"Only {_and(names)} {show} as {what} ({look[1]}), which tells colleagues what it is."


def _notes(policy: Policy, leaves: Sequence[Leave]) -> Iterator[str]:
    types = dict.fromkeys(leave.type_name for leave in leaves)
    for rule in policy.rules if types else ():
        if not any(rule.fits(name) for name in types):
            yield f"The rule for {rule.match} fits no absence type of this sample."
    if policy.pending == "tentative" and not all(leave.confirmed for leave in leaves):
        yield "A leave shows as tentative from the day it is asked for, before anybody approved it."


def _and(names: Sequence[str]) -> str:
    some = [name or "(no type)" for name in names[:NAMED]]
    if len(names) > NAMED:
        return f"{', '.join(some)} and {len(names) - NAMED} more"
    return some[0] if len(some) == 1 else f"{', '.join(some[:-1])} and {some[-1]}"
