"""What an apply looks at: both ends of the plan afresh, some people at a time."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from figgo_ops.look import Look, Request, Sight
from figgo_ops.mailboxes import our_events
from figgo_ops.plan import Listing, Mailbox
from figgo_ops.planfile import Confirmed, Row
from figgo_ops.reading import Reading
from figgo_ops.result import Result
from figgo_ops.roster import Roster
from figgo_ops.session import Session

NO_LONGER = "it no longer holds; plan again"

PEOPLE_AT_ONCE = 200
"""People read, compared and written together: one Figgo list, leases of a few seconds."""


class View(Protocol):
    """Both ends of a plan, looked at afresh for some people at a time."""

    def groups(self, employees: Collection[int]) -> Iterator[frozenset[int]]:
        """These people, and whoever must be planned with them, in groups; unknown people left out."""

    def mailboxes(self, employee: int) -> frozenset[Mailbox]:
        """Where this person's events are or should be."""

    def read(self, ids: frozenset[int]) -> None:
        """Read what can be read before the mailboxes are held."""

    def compare(self, ids: frozenset[int]) -> Sight:
        """Read the mailboxes of these people, and say what should change now."""


class Afresh:
    """Figgo and the calendars, looked at again as a plan did; what `act` writes from."""

    def __init__(self, look: Look, everyone: Roster, request: Request) -> None:
        self.look, self.everyone, self.request = look, everyone, request
        self._reading: Reading | None = None

    def groups(self, employees: Collection[int]) -> Iterator[frozenset[int]]:
        """People who must be planned together, in groups of about `PEOPLE_AT_ONCE`."""
        group: frozenset[int] = frozenset()
        done: set[int] = set()
        for number in sorted(employees):
            if number not in done and number in self.everyone.people:
                together = self.everyone.closure([number])
                done |= together
                group |= together
                if len(group) >= PEOPLE_AT_ONCE:
                    yield group
                    group = frozenset()
        if group:
            yield group

    def mailboxes(self, employee: int) -> frozenset[Mailbox]:
        """Where this person's events are or should be."""
        return self.everyone.mailboxes(employee)

    def read(self, ids: frozenset[int]) -> None:
        """Ask Figgo about these people."""
        self._reading = self.look.reader.read(ids, self.request.window)

    def compare(self, ids: frozenset[int]) -> Sight:
        """List the mailboxes of these people and hold them against what Figgo said."""
        assert self._reading is not None  # noqa: S101 - `read` comes first
        self._reading.ids = ids
        return self.look.compare(self.everyone, self._reading, self.request, self.listings(ids))

    def listings(self, ids: frozenset[int]) -> list[Listing]:
        """All our events in the mailboxes of these people."""
        mailboxes = {mailbox for number in ids for mailbox in self.mailboxes(number)}
        return our_events(self.look.session, mailboxes, accept_empty=self.request.accept_empty)


@dataclass(frozen=True, slots=True)
class Pass:
    """Rows that are written together, and what they are held against.

    Attributes:
        no_longer: what is said of a row that no longer holds.
    """

    view: View
    rows: Sequence[Row]
    no_longer: str = NO_LONGER


def _nothing(*_given: object) -> None:
    pass


def _at_once(view: View, rows: Sequence[Row]) -> tuple[Pass, ...]:
    return (Pass(view, rows),)


@dataclass(frozen=True, slots=True)
class Kind:
    """What sets plans of one kind apart when they are applied.

    Attributes:
        view: looks at both ends as the plan did.
        before: called before anything is read.
        first_write: called when the first row was written.
        after: called when no row is left; what it adds to the result is told with it.
        closed: called when the run is closed in the ledger.
        passes: divides the rows; each pass looks afresh once the one before it is through.
    """

    view: Callable[[Session, Confirmed], View]
    before: Callable[[Session, Confirmed], None] = _nothing
    first_write: Callable[[Session], None] = _nothing
    after: Callable[[Session, Confirmed, Result], None] = _nothing
    closed: Callable[[Session, Confirmed, Result], None] = _nothing
    passes: Callable[[View, Sequence[Row]], Sequence[Pass]] = _at_once
