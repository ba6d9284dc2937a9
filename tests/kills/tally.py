"""How big a campaign of kills is, and how it went."""

from collections import Counter
from dataclasses import dataclass, field

from tests.kills.counters import Counters

LEAVES_EACH = 20
"""Half-days that the generated company gives everybody."""

SERVICES = {"google": "google", "exchange": "exchange", "microsoft365": "microsoft 365"}
"""The services, and what the tenant file calls the calendar of each."""

LISTINGS = {"google": "GET", "exchange": "FindItem", "microsoft365": "GET"}
"""What lists a calendar, as a moment names it."""


@dataclass(frozen=True, slots=True)
class Size:
    """How big a campaign is.

    Attributes:
        loading: how many of the kills fall into the first load.
        everyone: one round in so many is about everybody, the others about `some` people.
    """

    kills: int
    leaves: int
    seed: int
    loading: int = 6
    everyone: int = 40
    some: int = 6

    @property
    def people(self) -> int:
        """How many people have so many leaves."""
        return max(2, self.leaves // LEAVES_EACH)

    @property
    def moving(self) -> int:
        """One round in so many moves a legal entity; the more people it has the longer that takes."""
        return max(7, self.people // 8)


@dataclass(slots=True)
class Tally:
    """How a campaign went.

    Attributes:
        kills: kills by what was killed and how the moment was chosen.
        missed: runs that ended before their moment came.
        syncs: runs to the end, each followed by a count.
        acts: what people did.
        moves: moves of a legal entity that were killed, by the command that went on with them.
        migrations: mailboxes that the customer moved between Exchange and Microsoft 365.
        leaves: how many stood at the end.
    """

    kills: Counter[str] = field(default_factory=Counter)
    missed: int = 0
    syncs: int = 0
    acts: int = 0
    moves: Counter[str] = field(default_factory=Counter)
    migrations: int = 0
    leaves: int = 0
    seconds: float = 0.0
    found: Counters = field(default_factory=Counters)

    def __str__(self) -> str:
        kills = ", ".join(f"{number} {name}" for name, number in sorted(self.kills.items()))
        shares = ", ".join(f"{self.aimed(service)} {service}" for service in SERVICES)
        moves = ", ".join(f"{number} by {name}" for name, number in sorted(self.moves.items()))
        return (
            f"{self.kills.total()} kills ({kills}; {self.missed} ended before; aimed at {shares}), "
            f"{self.moves.total()} moves gone on with ({moves}), {self.migrations} mailboxes migrated, "
            f"{self.acts} acts of people, {self.leaves} leaves at the end, {self.syncs} counts, "
            f"{self.seconds:.0f} s: {self.found}"
        )

    def aimed(self, service: str) -> int:
        """How many kills fell on a request to this service, or on the record of its answers."""
        return sum(number for name, number in self.kills.items() if service in name.split())


class WentWrongError(AssertionError):
    """The second client found something, or a run to the end was none."""
