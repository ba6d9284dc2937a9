"""When to refuse: removals are counted before they happen.

Pure: no input or output, no clock.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from figgo_ops.events import Key

NEEDS_WORD = frozenset({"policy changed", "out of scope"})
"""Reasons of removals that come from the tenant file, not from Figgo: only a confirmed plan may do them."""


class Countable(Protocol):
    """A change, or a row of a plan file."""

    @property
    def action(self) -> str:
        """What it does."""

    @property
    def reason(self) -> str:
        """Why."""

    @property
    def key(self) -> Key | str:
        """Of the event."""

    @property
    def legal_entity(self) -> int:
        """Of the person."""

    @property
    def unit(self) -> int:
        """Changes of one unit are written or held together."""

    @property
    def counted(self) -> bool:
        """Whether it is a removal that counts."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How many removals go without a person's word.

    Attributes:
        ratio: share of our events in the slice, 0 to 1.
        minimum: so many are always allowed, however small the slice.
    """

    ratio: float = 0.3
    minimum: int = 10


@dataclass(frozen=True, slots=True)
class Excess:
    """One slice of a tenant, a legal entity or the whole, in which too much would go.

    Attributes:
        legal_entity: None for the whole tenant.
        planned, recent: keys removed by this plan alone, and in the last 24 hours by earlier runs.
        events: our events at the slice's last full listing.
    """

    legal_entity: int | None
    planned: int
    recent: int
    events: int


def excesses(
    changes: Iterable[Countable],
    recent: Mapping[int, Iterable[str]],
    listed: Mapping[int, int],
    limits: Limits,
) -> list[Excess]:
    """The slices in which the removals of this plan and of the last 24 hours go beyond the limits.

    Args:
        changes: the plan's; only counted removals matter.
        recent: keys of counted removals in the last 24 hours, by legal entity.
        listed: our events at the last full listing, by legal entity.
    """
    planned: dict[int, set[str]] = defaultdict(set)
    for change in changes:
        if change.counted:
            planned[change.legal_entity].add(str(change.key))
    done = {entity: set(keys) for entity, keys in recent.items()}
    found = [
        Excess(entity, len(keys), len(done.get(entity, set()) - keys), listed.get(entity, 0))
        for entity, keys in sorted(planned.items())
    ]
    everyone = set().union(*planned.values()) if planned else set()
    before = set().union(*done.values()) - everyone if done else set()
    found.append(Excess(None, len(everyone), len(before), sum(listed.values())))
    return [slice_ for slice_ in found if slice_.planned and _beyond(slice_, limits)]


def _beyond(slice_: Excess, limits: Limits) -> bool:
    removals = slice_.planned + slice_.recent
    return removals > limits.minimum and removals > limits.ratio * slice_.events


def held_by(changes: Iterable[Countable], over: Iterable[Excess]) -> set[int]:
    """The units that stay unwritten because a removal in them lies in one of these slices."""
    slices = {slice_.legal_entity for slice_ in over}
    return {
        change.unit
        for change in changes
        if change.counted and (None in slices or change.legal_entity in slices)
    }


def wordless(changes: Iterable[Countable]) -> set[int]:
    """The units that only a confirmed plan may write."""
    return {change.unit for change in changes if change.action == "remove" and change.reason in NEEDS_WORD}


def counted(changes: Iterable[Countable]) -> int:
    """How many removals count: the number that `apply --removals` must name."""
    return len({str(change.key) for change in changes if change.counted})
