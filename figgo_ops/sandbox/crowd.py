"""Many people without a story: a company of any size, the same for the same seed."""

from __future__ import annotations

import random
from datetime import timedelta
from itertools import count

from figgo_ops.sandbox.company import Company
from figgo_ops.sandbox.narrator import mail_of
from figgo_ops.sandbox.people import Person
from figgo_ops.sandbox.worktime import AFTERNOON, MORNING, ONE_DAY, Slot

FIRST_NAMES = (
    "Adèle", "Bastien", "Camille", "Désirée", "Étienne", "Fanny", "Gaëtan", "Héloïse", "Irène", "Jérôme",
    "Karine", "Léon", "Margaux", "Noé", "Ophélie", "Pénélope", "Quentin", "Rosalie", "Simon", "Tiphaine",
    "Ulysse", "Violette", "Wilfried", "Xavière", "Yannick", "Zélie",
)  # fmt: skip
LAST_NAMES = (
    "Aubert", "Béranger", "Carlier", "Delaunay", "Estève", "Ferrand", "Giraud", "Hébert", "Imbert", "Joly",
    "Klein", "Lacombe", "Ménard", "Navarro", "Ollivier", "Pélissier", "Quéré", "Royer", "Schneider", "Tanguy",
    "Urbain", "Vallée", "Weiss", "Zimmermann",
)  # fmt: skip
LENGTHS = (1, 1, 2, 2, 2, 4, 6, 10, 10, 20)
TYPES = ("Congés payés", "Congés payés", "Congés payés", "RTT", "RTT", "Télétravail", "Congé sans solde")
HALVES = ("AM", "PM")
BEFORE, SPREAD = timedelta(days=60), 560


def fill(company: Company, people: int, seed: int, legal_entities: int, leaves_per_person: int) -> None:
    """Hire `people` over the first `legal_entities` and give each as many worked half-days of absence."""
    chance = random.Random(seed)
    for number in range(people):
        person = _hire(company, number, 1 + number % legal_entities, chance)
        _absences(company, person, leaves_per_person, chance)


def _hire(company: Company, number: int, entity: int, chance: random.Random) -> Person:
    first, last = chance.choice(FIRST_NAMES), chance.choice(LAST_NAMES)
    name, at = mail_of(first, last, "").rstrip("@"), company.legal_entities[entity].domain
    return company.hire(first, last, entity, f"{name}.{number + 1}@{at}", department_id=1 + number % 5)


def _absences(company: Company, person: Person, wanted: int, chance: random.Random) -> None:
    day = company.today - BEFORE
    gap = max(2, 2 * SPREAD * 4 // max(wanted, 1))
    while wanted > 0:
        day += timedelta(days=chance.randint(1, gap))
        length = min(wanted, chance.choice(LENGTHS))
        first, last = _worked(company, person, (day, chance.choice((MORNING, MORNING, AFTERNOON))), length)
        _record(company, person, first, last, chance)
        day, wanted = last[0], wanted - length


def _worked(company: Company, person: Person, start: Slot, length: int) -> tuple[Slot, Slot]:
    """The first and the last of `length` worked half-days from `start` on."""
    found: list[Slot] = []
    for step in count(start[1]):
        slot = (start[0] + ONE_DAY * (step // 2), step % 2)
        if company.works(person, slot):
            found.append(slot)
        if len(found) == length:
            return found[0], found[-1]
    raise AssertionError("count never ends")


def _record(company: Company, person: Person, first: Slot, last: Slot, chance: random.Random) -> None:
    starts, ends = HALVES[first[1]], HALVES[last[1]]
    if chance.random() < 0.1:
        company.enter_by_hr(person.id, first[0], last[0], "Maladie", from_half=starts, to_half=ends)
        return
    kind = chance.choice(TYPES)
    request = company.request_leave(person.id, first[0], last[0], kind, from_half=starts, to_half=ends)
    if chance.random() < 0.9:
        company.approve(request.id)
