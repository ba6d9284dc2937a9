"""The voice that tells the story: cases and their ids, quiet weeks, and people nobody else has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import count, islice
from typing import TypedDict, Unpack

from figgo_ops.sandbox.absences import Period, Request
from figgo_ops.sandbox.company import Company, Types
from figgo_ops.sandbox.people import Person
from figgo_ops.sandbox.worktime import calm_mondays, is_holiday, is_weekend

PARIS, GENEVA, ANTILLES = 1, 2, 3
USUAL = ""


class Terms(TypedDict, total=False):
    """Terms of a contract other than the usual ones."""

    contract_start: date
    contract_end: date
    rest: Sequence[tuple[int, int]]


class Entry(TypedDict, total=False):
    """What an absence may say besides its days."""

    account: Types
    from_half: str
    to_half: str
    hours: float


@dataclass(frozen=True, slots=True)
class Case:
    """The ids of one case: its people (the first is the hero), leave periods and leave requests."""

    people: tuple[int, ...]
    periods: tuple[int, ...] = ()
    requests: tuple[int, ...] = ()

    @property
    def person(self) -> int:
        """The hero's Figgo id."""
        return self.people[0]

    @property
    def period(self) -> int:
        """The first leave period of the case."""
        return self.periods[0]

    @property
    def request(self) -> int:
        """The first leave request of the case."""
        return self.requests[0]


class Narrator:
    """Tells one case after the other; every case that asks gets quiet weeks and people nobody else has."""

    def __init__(self, company: Company) -> None:
        """Begin with the managers, one per legal entity."""
        self.company = company
        self.today = company.today
        self._ahead = list(islice(calm_mondays(self.today), 40))
        self._behind = list(islice(calm_mondays(self.today, backwards=True), 12))
        self._names = iter(ROSTER)
        self.managers: dict[int, Person] = {}
        for entity in (PARIS, GENEVA, ANTILLES):
            self.managers[entity] = self.colleague(entity)

    def week(self, number: int) -> date:
        """The Monday of a week without holidays: 0 is the next one, -1 the last one that is over."""
        return self._ahead[number] if number >= 0 else self._behind[-number - 1]

    def fortnight(self, number: int) -> date:
        """The Monday of the first two quiet weeks in a row from `week(number)` on."""
        pairs = zip(self._ahead[number:], self._ahead[number + 1 :], strict=False)
        return next(one for one, two in pairs if two - one == timedelta(days=7))

    def colleague(self, entity: int) -> Person:
        """The next person of the roster."""
        first, last = next(self._names)
        return self.hire(first, last, entity)

    def hire(
        self,
        first: str,
        last: str,
        entity: int = PARIS,
        mail: str | None = USUAL,
        **terms: Unpack[Terms],
    ) -> Person:
        """A person whose name matters; without further words under the usual mail, None is no mail at all."""
        usual = mail_of(first, last, self.company.legal_entities[entity].domain)
        boss = self.managers[entity].id if entity in self.managers else None
        address = usual if mail == USUAL else mail
        return self.company.hire(first, last, entity, address, manager_id=boss, **terms)

    def asks(self, person: Person, first: date, last: date | None = None, **how: Unpack[Entry]) -> Request:
        """A request nobody has answered."""
        return self.company.request_leave(person.id, first, last, **how)

    def takes(self, person: Person, first: date, last: date | None = None, **how: Unpack[Entry]) -> Request:
        """A request, approved."""
        request = self.asks(person, first, last, **how)
        while request.awaited:
            self.company.approve(request.id)
        return request

    def gets(self, person: Person, first: date, last: date | None = None, **how: Unpack[Entry]) -> Period:
        """An absence entered by HR."""
        return self.company.enter_by_hr(person.id, first, last, **how)


def worked_day(day: date, step: int) -> date:
    """The nearest day before (-1) or after (1) `day` that France works."""
    for distance in count(1):
        other = day + timedelta(days=step * distance)
        if not is_weekend(other) and not is_holiday("France", other):
            return other
    raise AssertionError("count never ends")


def mail_of(first: str, last: str, domain: str) -> str:
    """The usual mail: plain letters of first and last name, joined by a dot."""
    return f"{plain(first)}.{plain(last)}@{domain}"


PLAIN_LETTERS = str.maketrans("àâäçéèêëîïñôöøùûü", "aaaceeeeiinooouuu", "' ")


def plain(name: str) -> str:
    """A name in the letters a mail address holds."""
    return name.lower().replace("œ", "oe").translate(PLAIN_LETTERS)


ROSTER = (
    ("Françoise", "Bérenger"), ("Urs", "Käser"), ("Célestine", "Bélizaire"), ("Amélie", "Thévenet"),
    ("Aristide", "Lagrosillière"), ("Hervé", "Zürcher"), ("Léonie", "Rémond"), ("Séraphin", "Désiré"),
    ("Cédric", "Jäggi"), ("Véronique", "Pâris"), ("Eulalie", "Jean-Baptiste"), ("Régine", "Grüter"),
    ("Frédéric", "L'Hôte"), ("Mylène", "Élisée"), ("Benoîte", "Favre"), ("Stéphane", "Crépin"),
    ("Thérèse", "Sainte-Rose"), ("Kévin", "Aebischer"), ("Joël", "Mélenc"), ("Nadège", "Hyppolite"),
    ("Valérie", "Schäfer"),
)  # fmt: skip
