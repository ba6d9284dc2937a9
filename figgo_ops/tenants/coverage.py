"""Gaps and overlap: whom no calendar of a tenant file reaches, and whom more than one claims.

Pure: no input or output, no clock.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from figgo_ops.leaves import Person
from figgo_ops.tenants.routing import CalendarSettings

SHOWN = 10
"""So many names stand in one note."""

Claims = Sequence[tuple[Person, tuple[CalendarSettings, ...]]]
"""People, each with the calendars that are for them, in the order of the file."""


def coverage(
    calendars: Iterable[CalendarSettings], people: Iterable[Person], legal_entities: Mapping[int, str]
) -> list[str]:
    """What the reader of a plan should know about who is routed where; nothing where all is plain.

    Args:
        calendars: in the order of the tenant file; retired ones are for nobody.
        people: whoever is to be served.
        legal_entities: their names.
    """
    ours = [calendar for calendar in calendars if not calendar.retired]
    ahead = ours[: next((n for n, one in enumerate(ours) if one.catches_all), len(ours))]
    claims = [(person, tuple(one for one in ahead if one.reaches(person))) for person in people]
    return [
        *(_gaps(claims, legal_entities) if ahead == ours else ()),
        *_listed_twice(ahead, claims, legal_entities),
        *_claimed_twice(claims),
        *_behind(ours[len(ahead) :]),
    ]


def _gaps(claims: Claims, names: Mapping[int, str]) -> Iterator[str]:
    """Legal entities with people whom no calendar reaches."""
    missed: dict[int, list[bool]] = defaultdict(list)
    for person, some in claims:
        missed[person.legal_entity].append(not some)
    for entity, each in sorted(missed.items()):
        whose, all_ = f"legal entity {_entity(entity, names)}", _people(len(each))
        if all(each):
            yield f"Nobody in {whose} ({all_}) is reached by a calendar: nothing is shown for them."
        elif any(each):
            are = "is" if sum(each) == 1 else "are"
            yield f"{sum(each)} of {all_} in {whose} {are} reached by no calendar: nothing is shown for them."


def _listed_twice(
    calendars: Iterable[CalendarSettings], claims: Claims, names: Mapping[int, str]
) -> Iterator[str]:
    """Legal entities and domains that stand in the lists of more than one calendar."""
    where: dict[int | str, list[str]] = defaultdict(list)
    for calendar in calendars:
        rules: tuple[int | str, ...] = calendar.legal_entities or calendar.domains
        for value in dict.fromkeys(rules):
            where[value].append(calendar.name)
    shared: dict[tuple[bool, tuple[str, ...]], list[int | str]] = defaultdict(list)
    for value, listing in where.items():
        if len(listing) > 1:
            shared[isinstance(value, int), tuple(listing)].append(value)
    for (entities, listed), values in shared.items():
        words = ("Legal entity", "Legal entities") if entities else ("The domain", "The domains")
        what = f"{words[len(values) > 1]} {_some([_entity(one, names) for one in values])}"
        theirs = (one[0].name for person, one in claims if one and {*values} & {*_rules(person)})
        has = _people(Counter(theirs)[listed[0]])
        are = "are" if len(values) > 1 else "is"
        yield f"{what} {are} listed for {_and(listed)}: {listed[0]} comes first and has {has} there."


def _rules(person: Person) -> tuple[int, str]:
    return person.legal_entity, (person.mail or "").lower().rpartition("@")[2]


def _claimed_twice(claims: Claims) -> Iterator[str]:
    """People who are one calendar's by their legal entity and another's by the domain of their mail."""
    pairs = Counter(
        (some[0].name, other.name)
        for _, some in claims
        for other in some[1:]
        if bool(some[0].domains) != bool(other.domains)
    )
    by_domain = {one.name for _, some in claims for one in some if one.domains}
    how = ("by their legal entity", "by the domain of their mail")
    for (first, other), number in sorted(pairs.items()):
        belong = "belongs" if number == 1 else "belong"
        ways = f"to {first} {how[first in by_domain]} and to {other} {how[other in by_domain]}"
        yield f"{_people(number)} {belong} {ways}: {first} comes first."


def _behind(rest: Sequence[CalendarSettings]) -> Iterator[str]:
    """What stands behind a calendar that is for everyone."""
    if len(rest) > 1:
        names = [calendar.name for calendar in rest[1:]]
        come = "comes" if len(names) == 1 else "come"
        yield f"{_and(names)} {come} after {rest[0].name}, which is for everyone: nobody is routed there."


def _entity(rule: int | str, names: Mapping[int, str]) -> str:
    return f"{rule} {names.get(rule, '')}".strip() if isinstance(rule, int) else rule


def _people(number: int) -> str:
    return "1 person" if number == 1 else f"{number} people"


def _some(values: Sequence[str]) -> str:
    more = f" and {len(values) - SHOWN} more" if len(values) > SHOWN else ""
    return ", ".join(values[:SHOWN]) + more


def _and(names: Sequence[str]) -> str:
    *some, last = names
    return f"{', '.join(some)} and {last}" if some else last
