"""Whom a plan is about: people, the mailboxes they resolve to, and who owns each.

Pure: no input or output, no clock.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from figgo_ops.errors import UsageError
from figgo_ops.leaves import Person
from figgo_ops.plan import Mailbox, Skip

Route = Callable[[Person], str | None]
"""From a person to the name of the calendar that is theirs; None when they are out of scope."""


@dataclass(frozen=True, slots=True)
class Roster:
    """Everyone Figgo knows, resolved to mailboxes.

    Attributes:
        homes: the mailbox each person in scope resolves to.
        owner: the one person whose events may be created in a mailbox.
        places: mailboxes we ever wrote to, by person.
        skipped: people who cannot be served, with the reason; nothing of theirs is touched.
        out_of_scope: people whom the tenant file excludes.
        residents: everyone whose events are or should be in a mailbox.
    """

    people: Mapping[int, Person]
    homes: Mapping[int, Mailbox]
    owner: Mapping[Mailbox, int]
    places: Mapping[int, frozenset[Mailbox]]
    skipped: tuple[Skip, ...]
    out_of_scope: frozenset[int]
    legal_entities: Mapping[int, str] = field(default_factory=dict)
    residents: Mapping[Mailbox, frozenset[int]] = field(default_factory=dict)

    def mailboxes(self, person: int) -> frozenset[Mailbox]:
        """Where this person's events are or should be."""
        home = self.homes.get(person)
        return self.places.get(person, frozenset()) | ({home} if home else frozenset())

    def with_places(self, named: Mapping[int, Iterable[Mailbox]]) -> "Roster":
        """The same with more places, for people it knows."""
        places = {
            number: self.places.get(number, frozenset()) | frozenset(named.get(number, ()))
            for number in self.places.keys() | (named.keys() & self.people.keys())
        }
        known = {number: places.get(number, frozenset()) for number in self.people}
        return replace(self, places=places, residents=_residents(self.homes, known))

    def with_homes(self, found: Mapping[int, Mailbox]) -> "Roster":
        """The same with the homes of some people behind another calendar; who has another mail now stays."""
        homes = {
            number: there if (there := found.get(number)) and there.address == home.address else home
            for number, home in self.homes.items()
        }
        owner = {homes[number]: number for number in self.owner.values()}
        known = {number: self.places.get(number, frozenset()) for number in self.people}
        return replace(self, homes=homes, owner=owner, residents=_residents(homes, known))

    def closure(self, chosen: Iterable[int]) -> frozenset[int]:
        """The chosen people and everyone who resolves to one of their mailboxes: the unit of planning."""
        unserved = {skip.employee for skip in self.skipped}
        found: set[int] = set()
        waiting = [person for person in chosen if person not in unserved]
        while waiting:
            person = waiting.pop()
            if person not in found:
                found.add(person)
                for mailbox in self.mailboxes(person):
                    waiting += self.residents[mailbox] - found - unserved
        return frozenset(found)


def roster(
    people: Iterable[Person],
    route: Route,
    places: Mapping[int, frozenset[Mailbox]],
    today: date,
    legal_entities: Mapping[int, str],
) -> Roster:
    """Resolve people to mailboxes.

    Args:
        people: everyone Figgo shows, former employees included.
        route: the tenant's scope and calendars.
        places: from the ledger.
    """
    everyone = {person.id: person for person in sorted(people, key=lambda person: person.id)}
    routes = {person.id: route(person) for person in everyone.values()}
    homes = {
        person.id: Mailbox(calendar, person.mail)
        for person in everyone.values()
        if (calendar := routes[person.id]) and person.mail
    }
    claims: dict[str, list[Person]] = defaultdict(list)
    for number, mailbox in homes.items():
        claims[mailbox.address].append(everyone[number])
    skipped = [
        Skip(person.id, "", "Figgo holds no usable mail address")
        for person in everyone.values()
        if routes[person.id] and not person.mail and not person.left(today)
    ]
    owner = {}
    for address, claimants in claims.items():
        chosen = _owner(claimants, today)
        if chosen is not None:
            owner[homes[chosen.id]] = chosen.id
        else:
            skipped += _shared(address, claimants)
    excluded = frozenset(number for number, calendar in routes.items() if calendar is None)
    known = {number: places.get(number, frozenset()) for number in everyone}
    residents = _residents(homes, known)
    return Roster(everyone, homes, owner, places, tuple(skipped), excluded, legal_entities, residents)


def _residents(
    homes: Mapping[int, Mailbox], places: Mapping[int, frozenset[Mailbox]]
) -> dict[Mailbox, frozenset[int]]:
    found: dict[Mailbox, set[int]] = defaultdict(set)
    for number, mailboxes in places.items():
        for mailbox in mailboxes | ({homes[number]} if number in homes else set()):
            found[mailbox].add(number)
    return {mailbox: frozenset(numbers) for mailbox, numbers in found.items()}


def _owner(claimants: list[Person], today: date) -> Person | None:
    """The employed one; else who comes next, else who left last; None when two have the same claim."""
    present = [person for person in claimants if _employed(person, today)]
    coming = [person for person in claimants if not person.left(today)]
    if present or coming:
        best = present or coming
        return best[0] if len(best) == 1 else None
    return max(claimants, key=lambda person: (person.ends or date.max, person.id))


def _employed(person: Person, today: date) -> bool:
    return not person.left(today) and (person.starts is None or person.starts <= today)


def _shared(address: str, claimants: list[Person]) -> list[Skip]:
    ids = ", ".join(str(person.id) for person in claimants)
    reason = f"employees {ids} share the mailbox {address}"
    return [Skip(person.id, "", reason) for person in claimants]


def chosen(
    everyone: Roster, employees: Iterable[str], legal_entities: Iterable[int]
) -> frozenset[int] | None:
    """The people that `--employee` and `--legal-entity` name; None when neither was given.

    Args:
        employees: ids, mails or employee numbers.

    Raises:
        UsageError: a name fits nobody or several people, or a legal entity has nobody.
    """
    employees, legal_entities = list(employees), list(legal_entities)
    if not employees and not legal_entities:
        return None
    found = {_named(everyone, text).id for text in employees}
    within: set[int] = set()
    for entity in legal_entities:
        members = {person.id for person in everyone.people.values() if person.legal_entity == entity}
        if not members:
            known = ", ".join(f"{number} {name}" for number, name in sorted(everyone.legal_entities.items()))
            raise UsageError(f"Legal entity {entity} has nobody Figgo shows us.", f"Known ones: {known}.")
        within |= members
    if employees and legal_entities:
        return frozenset(found & within)
    return frozenset(found | within)


def _named(everyone: Roster, text: str) -> Person:
    wanted = text.strip().lower()
    if not wanted:
        raise UsageError("An empty name names nobody.", "Give an employee's id, mail or number.")
    fits = [
        person
        for person in everyone.people.values()
        if wanted in (str(person.id), person.mail, (person.number or "").lower())
    ]
    exact = [person for person in fits if str(person.id) == wanted] or fits
    if len(exact) == 1:
        return exact[0]
    if exact:
        ids = ", ".join(str(person.id) for person in exact)
        raise UsageError(f"{text!r} names {len(exact)} people.", f"Give the Figgo id: one of {ids}.")
    raise UsageError(
        f"No employee with the id, mail or number {text!r} is visible to the key.",
        "Check the spelling, and in Lucca that the key's role sees this person.",
        code="not-visible",
    )
