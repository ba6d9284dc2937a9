"""What a second client sees: leaves lost, events doubled, events nobody asked for, events made anew.

None of this looks through the eyes of figgo_ops: what should be shown is worked out from the company's
rows by a second, simple mind, and what is shown is read from the calendars themselves.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from pathlib import Path
from typing import Any

from figgo_ops.sandbox import Company
from figgo_ops.sandbox.absences import Leave
from figgo_ops.sandbox.home import HOST
from figgo_ops.sandbox.people import Person
from figgo_ops.sandbox.worktime import AFTERNOON, MORNING, is_weekend, slots
from tests.kills.company import MOVED
from tests.rehearsal import drawn, key_of

Shown = Counter[tuple[str, str, str]]
"""Events as (mailbox, key, picture)."""


@dataclass(frozen=True, slots=True)
class Counters:
    """The four that must be 0, each with what it is about.

    Attributes:
        lost: leaves that should be shown and are not, or not as they are.
        duplicated: events beyond the first that ever showed one key in one store at the same time.
        unexpected: events that no leave asked for, those that a move left behind included.
        recreated: events that were created again though nothing required their removal.
    """

    lost: tuple[str, ...] = ()
    duplicated: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    recreated: tuple[str, ...] = ()

    def __str__(self) -> str:
        counts = ", ".join(f"{len(getattr(self, one.name))} {one.name}" for one in fields(self))
        first = [
            f"{one.name}: {getattr(self, one.name)[0]}" for one in fields(self) if getattr(self, one.name)
        ]
        return "; ".join([counts, *first])

    @property
    def clean(self) -> bool:
        """Whether all four are 0."""
        return self == Counters()


def count(
    company: Company,
    calendars: Mapping[str, Iterable[Mapping[str, Any]]],
    history: Path,
    whom: Collection[int],
) -> Counters:
    """The four counters: lost and unexpected of these people, the others of all calendars at all times."""
    mails = {str(company.person(number).mail) for number in whom}
    wanted = Counter(one for number in whom for one in expected(company, company.person(number)))
    shown: Shown = Counter(
        (mail, key_of(revived(event)), drawn(revived(event)))
        for mail, events in calendars.items()
        if mail in mails
        for event in events
    )
    doubled, anew = told(history)
    return Counters(_lines(wanted - shown), doubled, _lines(shown - wanted), anew)


def _lines(events: Shown) -> tuple[str, ...]:
    return tuple(sorted(" ".join(one) for one in events.elements()))


def revived(event: Mapping[str, Any]) -> dict[str, Any]:
    """An event as its keeper has it: JSON made texts of Exchange's days and times."""
    if "change_key" not in event:
        return dict(event)
    days = {name: date.fromisoformat(event[name]) for name in ("first_day", "last_day")}
    return {**event, **days, **{name: datetime.fromisoformat(event[name]) for name in ("start", "end")}}


def told(history: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Keys that one store showed twice at some moment, and keys that were created anew.

    A key never comes back: Figgo has no way to give back a half-day that was taken out of a period. But where
    days become hours Exchange needs a new event, and until that was read back both are there; and whoever is
    moved gets each event that stands in one store into the other, once.
    """
    present: dict[tuple[str, str], dict[tuple[str, str], str]] = defaultdict(dict)
    known: set[tuple[str, str]] = set()
    brought: dict[str, set[tuple[str, str]]] = {}
    doubled, anew = [], []
    for line in history.read_text(encoding="utf-8").splitlines():
        store, mail, key, event, change, shape = json.loads(line)
        if store == MOVED:
            brought[mail] = set()
            continue
        there = present[mail, key]
        if change < 0:
            there.pop((store, event), None)
            continue
        here = [shown for (place, _), shown in there.items() if place == store]
        if change > 0 and not (shape == "hours" and "days" in here):
            doubled += [f"{mail} {key}"] if here else []
            comes = bool(there) and mail in brought and (store, key) not in brought[mail]
            anew += [f"{mail} {key}"] if (mail, key) in known and not comes else []
            known.add((mail, key))
            brought.get(mail, set()).add((store, key))
        there[store, event] = shape
    return tuple(doubled), tuple(anew)


def expected(company: Company, person: Person) -> Iterator[tuple[str, str, str]]:
    """What somebody's calendar should show: one event per unbroken part of a period, remote work left out."""
    zone = company.legal_entities[person.legal_entity_id].timezone
    by_period: dict[int, list[Leave]] = defaultdict(list)
    for leave in company.leaves_of.get(person.id, ()):
        if leave.is_active and not leave.is_rest and not leave.account.is_remote_work:
            by_period[leave.period.id].append(leave)
    for period, rows in by_period.items():
        for part in _parts(sorted(rows, key=lambda one: (one.day, one.half))):
            first = part[0]
            name = f"{first.day:%Y%m%d}{'AP'[first.half]}"
            yield str(person.mail), f"{HOST}/{person.id}/{period}/{name}", _picture(part, zone)


def _parts(rows: list[Leave]) -> Iterator[list[Leave]]:
    part: list[Leave] = []
    for row in rows:
        if part:
            between = list(slots((part[-1].day, part[-1].half), (row.day, row.half)))[1:-1]
            if not all(is_weekend(day) for day, _ in between):
                yield part
                part = []
        part.append(row)
    if part:
        yield part


def _picture(part: list[Leave], zone: str) -> str:
    """As `drawn` tells it of an event."""
    first, last = part[0], part[-1]
    mark = "" if first.period.is_confirmed else " ?"
    if (first.half, last.half) == (MORNING, AFTERNOON):
        return f"{first.day}{'' if first.day == last.day else f'..{last.day}'}{mark}"
    begin = "09:00" if first.half == MORNING else "14:00"
    end = "12:00" if last.half == MORNING else "18:00"
    until = end if first.day == last.day else f"{last.day} {end}"
    return f"{first.day} {begin}..{until} {zone}{mark}"
