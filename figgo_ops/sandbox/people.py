"""The people of the rehearsal company: who they are, where they work, under which mail."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from figgo_ops.sandbox.worktime import Slot, is_holiday, is_weekend


class RefusedAct(Exception):
    """An act that the company's own rules forbid; the text says why."""


@dataclass(frozen=True, slots=True)
class LegalEntity:
    """A legal entity; Figgo does not tell its zone, and `holidays` names a calendar of `worktime`."""

    id: int
    name: str
    timezone: str
    holidays: str
    domain: str
    country: str = "FR"
    company_id: int = 1


@dataclass(frozen=True, slots=True)
class Department:
    """A department; its people may belong to several legal entities."""

    id: int
    name: str


@dataclass(slots=True)
class Person:
    """One contract of one human being: somebody hired again has a second `Person`."""

    id: int
    first_name: str
    last_name: str
    mail: str | None
    employee_number: str
    legal_entity_id: int
    department_id: int
    manager_id: int | None
    contract_start: date
    contract_end: date | None
    modified_at: datetime
    rest: frozenset[tuple[int, int]] = frozenset()

    @property
    def name(self) -> str:
        """First name and last name, as Figgo shows them; some people have but one."""
        return f"{self.first_name} {self.last_name}" if self.last_name else self.first_name

    def is_former(self, today: date) -> bool:
        """Whether the contract ended before `today`."""
        return self.contract_end is not None and self.contract_end < today


LEGAL_ENTITIES = (
    LegalEntity(1, "Corail Paris", "Europe/Paris", "France", "corail.example"),
    LegalEntity(2, "Corail Genève", "Europe/Zurich", "Genève", "corail-suisse.example", "CH", company_id=2),
    LegalEntity(3, "Corail Antilles", "America/Martinique", "Martinique", "corail-antilles.example"),
)
DEPARTMENTS = tuple(
    Department(number, name)
    for number, name in enumerate(("Direction", "Études", "Atelier", "Ventes", "Relations humaines"), start=1)
)


Unit = TypeVar("Unit", LegalEntity, Department)


def _by_id(units: Iterable[Unit]) -> dict[int, Unit]:
    return {unit.id: unit for unit in units}


S = TypeVar("S", bound="Staff")
P = ParamSpec("P")
R = TypeVar("R")


def act(verb: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """Mark a verb as an act: alone under the company's lock, and counted in its revision."""

    @wraps(verb)
    def alone(staff: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with staff.lock:
            staff.revision += 1
            return verb(staff, *args, **kwargs)

    return alone


@dataclass(slots=True, eq=False)
class Staff:
    """Everybody who works or worked here, and the clock by which acts are dated.

    `today` is the company's own day; `clock` gives UTC without an offset, as Figgo stores its moments.
    `revision` grows with every act (whoever keeps an answer compares it); `lock` is held while one is done.
    """

    today: date
    clock: Callable[[], datetime]
    legal_entities: dict[int, LegalEntity] = field(default_factory=lambda: _by_id(LEGAL_ENTITIES))
    departments: dict[int, Department] = field(default_factory=lambda: _by_id(DEPARTMENTS))
    people: dict[int, Person] = field(default_factory=dict)
    revision: int = 0
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)
    _next_id: int = 61

    def person(self, person_id: int) -> Person:
        """The person with this Figgo id; `RefusedAct` when there is none."""
        if person_id not in self.people:
            raise RefusedAct(f"nobody has the id {person_id}")
        return self.people[person_id]

    def find(self, name: str) -> Person:
        """The one person of this full name; `RefusedAct` when there is none or more than one."""
        found = [one for one in self.people.values() if one.name == name]
        if len(found) != 1:
            raise RefusedAct(f"{len(found)} people are called {name}")
        return found[0]

    @act
    def hire(
        self,
        first_name: str,
        last_name: str,
        legal_entity_id: int,
        mail: str | None = None,
        *,
        contract_start: date | None = None,
        contract_end: date | None = None,
        department_id: int = 2,
        manager_id: int | None = None,
        rest: Iterable[tuple[int, int]] = (),
    ) -> Person:
        """A new contract; `rest` lists (weekday, half) that this person never works, Monday being 0."""
        if legal_entity_id not in self.legal_entities or department_id not in self.departments:
            raise RefusedAct(f"no legal entity {legal_entity_id} or no department {department_id}")
        start = contract_start or self.today - timedelta(days=1200)
        number, self._next_id = self._next_id, self._next_id + 1
        person = Person(
            number, first_name, last_name, mail, f"{number:05}", legal_entity_id, department_id, manager_id,
            start, contract_end, self.clock(), frozenset(rest),
        )  # fmt: skip
        self.people[number] = person
        return person

    @act
    def change_mail(self, person_id: int, mail: str | None) -> Person:
        """Figgo's mail of a person becomes another, or none; no mailbox moves by that."""
        return self._change(person_id, mail=mail)

    @act
    def transfer(self, person_id: int, legal_entity_id: int) -> Person:
        """The person belongs to another legal entity from now on; Figgo forgets the former one."""
        if legal_entity_id not in self.legal_entities:
            raise RefusedAct(f"no legal entity {legal_entity_id}")
        return self._change(person_id, legal_entity_id=legal_entity_id)

    @act
    def end_contract(self, person_id: int, on: date) -> Person:
        """The contract's last day is `on`; the leaves stay in Figgo."""
        if on < self.person(person_id).contract_start:
            raise RefusedAct(f"the contract of {person_id} begins after {on}")
        return self._change(person_id, contract_end=on)

    def _change(self, person_id: int, **values: object) -> Person:
        person = self.person(person_id)
        for name, value in values.items():
            setattr(person, name, value)
        person.modified_at = self.clock()
        return person

    def holidays_of(self, person: Person) -> str:
        """The name of the public holiday calendar this person follows."""
        return self.legal_entities[person.legal_entity_id].holidays

    def works(self, person: Person, slot: Slot) -> bool:
        """Whether that half-day is worked: no weekend, no public holiday, no part-time rest."""
        day, half = slot
        if is_weekend(day) or (day.weekday(), half) in person.rest:
            return False
        return not is_holiday(self.holidays_of(person), day)


def utc_now() -> datetime:
    """This moment in UTC, without an offset and in whole milliseconds, as Figgo writes it."""
    now = datetime.now(UTC).replace(tzinfo=None)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)
