"""What a form asks Figgo while it is filled in: legal entities, how many leaves, who a pilot group is.

Each question costs a handful of requests of the 50 a minute that the customer's other systems need too.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from figgo_ops.errors import UsageError
from figgo_ops.leaves import Leave, Person, Span
from figgo_ops.roster import chosen, roster
from figgo_ops.session import Session

SAMPLED = 200
"""So many people are asked about for a preview: one list of owners."""
AROUND = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class LegalEntity:
    """A legal entity as the form lists it.

    Attributes:
        people: how many are employed there, or will be.
        former: how many have left; their earlier leaves are still shown.
    """

    id: int
    name: str
    people: int
    former: int


@dataclass(frozen=True, slots=True)
class Pilot:
    """Whom the words of a pilot group name.

    Attributes:
        people: each once, by id.
        unknown: one sentence per word that names nobody, or several people.
    """

    people: tuple[Person, ...]
    unknown: tuple[str, ...]

    @property
    def ids(self) -> tuple[int, ...]:
        """What `only` in the tenant file says: ids outlast a change of mail."""
        return tuple(person.id for person in self.people)


@dataclass(frozen=True, slots=True)
class Company:
    """Everyone and every legal entity that the key shows, read once.

    Attributes:
        names: of legal entities, by id.
    """

    people: Sequence[Person]
    names: Mapping[int, str]
    today: date

    @property
    def legal_entities(self) -> list[LegalEntity]:
        """All of them by id, with counts; also those where nobody is shown to the key."""
        known = dict(self.names)
        for person in self.people:
            known.setdefault(person.legal_entity, "(not listed)")
        return [self._counted(number, known[number]) for number in sorted(known)]

    def _counted(self, number: int, name: str) -> LegalEntity:
        members = [person for person in self.people if person.legal_entity == number]
        former = sum(person.left(self.today) for person in members)
        return LegalEntity(number, name, len(members) - former, former)

    def pilot(self, text: str) -> Pilot:
        """The people that ids, mails or employee numbers name, with commas, semicolons or spaces between."""
        everyone = roster(self.people, lambda _person: None, {}, self.today, self.names)
        found: dict[int, Person] = {}
        unknown: list[str] = []
        for word in dict.fromkeys(re.split(r"[,;\s]+", text)):
            try:
                for number in chosen(everyone, [word], ()) or () if word else ():
                    found[number] = everyone.people[number]
            except UsageError as error:
                unknown.append(f"{error.message} {error.remedy}")
        return Pilot(tuple(found[number] for number in sorted(found)), tuple(unknown))

    def sampled(self, entities: Collection[int] = ()) -> list[int]:
        """Whom a preview asks about: employed people, of these legal entities or of all, spread over them."""
        employed = [
            person.id
            for person in self.people
            if not person.left(self.today) and (not entities or person.legal_entity in entities)
        ]
        step = max(1, len(employed) // SAMPLED)
        return employed[::step][:SAMPLED]


def company(session: Session) -> Company:
    """Everyone and every legal entity.

    Raises:
        FiggoOpsError: as `Figgo.people`.
    """
    with session.asking_figgo():
        return Company(session.figgo.people(), session.figgo.legal_entities(), session.today)


def legal_entities(session: Session) -> list[LegalEntity]:
    """The legal entities with counts; see `Company.legal_entities`."""
    return company(session).legal_entities


def pilot(session: Session, text: str) -> Pilot:
    """Whom the words of a pilot group name; see `Company.pilot`."""
    return company(session).pilot(text)


def leave_count(session: Session, start: date, owners: Collection[int] = ()) -> int:
    """How many leaves there are from the start on; no leave is read for it.

    Args:
        owners: only theirs; empty for everyone's.

    Raises:
        FiggoOpsError: as `Figgo.count_leaves`.
    """
    with session.asking_figgo():
        return session.figgo.count_leaves(start, owners)


def sample(session: Session, owners: Collection[int]) -> list[Leave]:
    """The leaves of these people around today, for a preview.

    Raises:
        FiggoOpsError: as `Figgo.leaves`, or they could not be read completely.
    """
    days = Span(session.today, session.today).widened(AROUND)
    found: list[Leave] = []
    with session.asking_figgo():
        for batch in session.figgo.leaves(owners, days):
            if batch.error is not None:
                raise batch.error
            found += batch.leaves or ()
    return found
