"""Read Figgo about some people, far enough out that no leave period is cut."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from figgo_ops.errors import FiggoOpsError, Incomplete
from figgo_ops.events import Key
from figgo_ops.leaves import EDGE, Leave, Slot, Span, gaps, joint, periods, slot_day, unfinished
from figgo_ops.plan import Listing
from figgo_ops.session import Session

ROUNDS = 10
"""How often a period is followed outward, twice as far each time: some eighty years in all."""

_DAY = date.resolution


@dataclass(slots=True)
class Reading:
    """What Figgo said about some people.

    Attributes:
        needed: days about which everything is known, by person.
        read: days that were read, wider than `needed` so that no period is cut.
        errors: people whose rows are not complete.
    """

    ids: frozenset[int]
    needed: dict[int, Span]
    read: dict[int, Span]
    rows: dict[int, list[Leave]] = field(default_factory=lambda: defaultdict(list))
    rest: dict[int, frozenset[Slot]] = field(default_factory=dict)
    errors: dict[int, FiggoOpsError] = field(default_factory=dict)

    def sure(self, person: int) -> Span:
        """Days on which no stretch of this person can begin unseen."""
        read = self.read[person]
        return Span(read.first + EDGE, read.last)

    def usable(self) -> dict[int, list[Leave]]:
        """Rows of the people whose rows are complete."""
        return {number: self.rows[number] for number in sorted(self.ids - self.errors.keys())}


class Reader:
    """Reads Figgo for one tenant."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.tenant = session.tenant

    def read(self, ids: Collection[int], window: Span) -> Reading:
        """What Figgo says about these people on these days, every period to its end.

        Raises:
            CredentialRefused, Unreachable: nothing can be said about anyone.
        """
        reading = Reading(frozenset(), {}, {})
        self.read_also(reading, ids, window)
        return reading

    def read_also(self, reading: Reading, ids: Collection[int], window: Span) -> None:
        """Add what Figgo says about more people; see `read`."""
        reading.ids |= frozenset(ids)
        reading.needed.update(dict.fromkeys(ids, window))
        self._extend(reading, dict.fromkeys(ids, window.widened(EDGE)))

    def _extend(self, reading: Reading, wider: Mapping[int, Span]) -> None:
        """Read more days for some people, then follow their periods outward until none is cut."""
        todo = dict(wider)
        for steps in range(ROUNDS):
            if not todo:
                break
            reach = joint(todo.values())
            for part, owners in _flanks({number: reading.read.get(number) for number in todo}, reach).items():
                self._read_rows(reading, owners, part)
            reading.read.update(dict.fromkeys(todo, reach))
            _check_rows(reading, todo)
            rows = [row for number in todo if number not in reading.errors for row in reading.rows[number]]
            wanted = unfinished(rows, reading.needed, reading.read)
            todo = {number: _further(reading.read[number], span, steps) for number, span in wanted.items()}
        for number in todo:
            reading.errors[number] = Incomplete(
                f"A leave period of employee {number} has no end between {todo[number].first} and "
                f"{todo[number].last}.",
                "Ask Lucca whether that period is meant; nothing is planned for this person.",
            )
        self._read_rest(reading, wider)

    def _read_rows(self, reading: Reading, owners: list[int], days: Span) -> None:
        with self.session.asking_figgo():
            for batch in self.session.figgo.leaves(owners, days):
                if batch.error is not None:
                    reading.errors.update(dict.fromkeys(batch.owners, batch.error))
                for leave in batch.leaves or ():
                    reading.rows[leave.owner].append(leave)

    def _read_rest(self, reading: Reading, owners: Iterable[int]) -> None:
        """Ask userdates about gaps, where the tenant's working time comes from there."""
        if self.tenant.figgo.working_time != "userdates":
            return
        policy = self.tenant.policy()
        rows = [
            leave
            for number in owners
            if number not in reading.errors
            for leave in reading.rows[number]
            if leave.active and policy.dropped(leave) is None
        ]
        asked = gaps(rows, self.tenant.working())
        with self.session.asking_figgo():
            for answer in self.session.figgo.rest_slots(asked):
                if answer.error is not None:
                    reading.errors[answer.owner] = answer.error
                known = reading.rest.get(answer.owner, frozenset())
                reading.rest[answer.owner] = known | (answer.slots or frozenset())

    def read_back(self, reading: Reading, listings: Iterable[Listing], window: Span) -> None:
        """Read Figgo back to the day that each event's key names, where the event touches the window."""
        wider: dict[int, Span] = {}
        for event in (event for listing in listings if not listing.error for event in listing.events):
            key = Key.parse(event.key_text)
            if key is None or key.owner not in reading.ids or key.owner in reading.errors:
                continue
            day = slot_day(key.slot)
            if window.touches(event.event.first_day, event.event.last_day):
                needed = reading.needed[key.owner].joined(Span(day, day))
                if needed != reading.needed[key.owner]:
                    reading.needed[key.owner] = needed
                    wider[key.owner] = reading.read[key.owner].joined(needed.widened(EDGE))
        if wider:
            self._extend(reading, wider)


def _flanks(read: Mapping[int, Span | None], reach: Span) -> dict[Span, list[int]]:
    """The days still to be read to reach so far, with the people to read them for."""
    found: dict[Span, list[int]] = defaultdict(list)
    for number, span in read.items():
        if span is None:
            found[reach].append(number)
            continue
        if reach.first < span.first:
            found[Span(reach.first, span.first - _DAY)].append(number)
        if reach.last > span.last:
            found[Span(span.last + _DAY, reach.last)].append(number)
    return found


def _further(read: Span, wanted: Span, steps: int) -> Span:
    """The wanted days and, on the sides that grow, more each time, so that long absences end soon."""
    more = EDGE * (2**steps - 1)
    return Span(
        wanted.first - more if wanted.first < read.first else wanted.first,
        wanted.last + more if wanted.last > read.last else wanted.last,
    )


def _check_rows(reading: Reading, owners: Iterable[int]) -> None:
    """Set aside people whose rows contradict each other."""
    for number in owners:
        try:
            periods(reading.rows[number])
        except Incomplete as error:
            reading.errors[number] = error
