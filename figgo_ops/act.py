"""Act: plan again from fresh reads and write what is in both plans."""

from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from datetime import timedelta

from figgo_ops.errors import FiggoOpsError, RowFailed
from figgo_ops.lease import Lease, leased, of_mailbox
from figgo_ops.look import Sight
from figgo_ops.plan import Change, Mailbox, Outcome
from figgo_ops.planfile import Row, match, planned
from figgo_ops.result import Result, ResultRow, row_of
from figgo_ops.session import Session
from figgo_ops.view import NO_LONGER, View

QUIET = timedelta(minutes=10)
"""How long a mailbox gets no creation after one whose outcome nobody could tell."""

FLUSH = 50
"""Outcomes recorded in one transaction."""


class Act:
    """Writes the rows of one plan for one tenant.

    Args:
        view: looks at both ends as the plan did.
        result: what is told of the run; its run id also holds the leases.
        first_write: called when the first row was written.
        no_longer: what is said of a row that the fresh plan has not.
    """

    def __init__(
        self,
        session: Session,
        view: View,
        result: Result,
        first_write: Callable[[], None] = lambda: None,
        no_longer: str = NO_LONGER,
    ) -> None:
        self.session, self.view, self.result = session, view, result
        self.first_write, self.no_longer = first_write, no_longer
        self.ledger, self.clock = session.ledger, session.clock
        now = self.clock.now()
        self.quiet = {
            mailbox
            for mailbox, seen in self.ledger.last_listing(session.tenant.name).items()
            if seen.quiet_until is not None and seen.quiet_until > now
        }
        self.unsettled = self.ledger.unsettled(session.tenant.name, now - QUIET)

    def write(self, rows: Iterable[Row], also: Iterable[int] | None = None) -> None:
        """Write what still holds of these rows; everything else is reported in the result.

        Args:
            also: people to look at though nothing is planned for them.

        Raises:
            CredentialRefused, Unreachable: Figgo cannot be asked any more; rows not reached stay unwritten.
        """
        waiting: dict[int, list[Row]] = defaultdict(list)
        for row in rows:
            waiting[row.employee].append(row)
        with self.session.console.bar("changes", sum(map(len, waiting.values()))) as step:
            for ids in self.view.groups(waiting.keys() | set(also or ())):
                chunk = [row for number in sorted(ids) for row in waiting.pop(number, ())]
                try:
                    self._chunk(ids, chunk)
                except FiggoOpsError as error:
                    self._break_off(error, [*chunk, *(row for rows in waiting.values() for row in rows)])
                    return
                for _ in chunk:
                    step()
        self.result.stale += [_lost(row) for rows in waiting.values() for row in rows]

    def _break_off(self, error: FiggoOpsError, rows: list[Row]) -> None:
        """Figgo cannot be asked any more: what was written stays told, what was not reached is told too."""
        if not self.result.written:
            raise error
        told = {(row.key, row.mailbox, row.action) for row in self.result.failed}
        self.result.exits.append(error.exit)
        reached = (row for row in rows if (row.key, row.mailbox, row.action) not in told)
        self.result.failed += [row_of(row, f"not reached: {error.message}") for row in reached]

    def _chunk(self, ids: frozenset[int], rows: list[Row]) -> None:
        self.view.read(ids)
        mailboxes = {m for number in ids for m in self.view.mailboxes(number)}
        names = {self._name(mailbox): mailbox for mailbox in mailboxes}
        with leased(self.ledger, names, self.result.run, self.clock) as (lease, taken):
            busy = {mailbox for name, mailbox in names.items() if name not in taken}
            others = {number for number in ids if busy & self.view.mailboxes(number)}
            reason = "another process is writing to this mailbox; run again"
            self.result.failed += [row_of(row, reason) for row in rows if row.employee in others]
            self._bury(mailboxes - busy)
            sight = self.view.compare(ids - others)
            self._note(sight)
            self.quiet -= {m for m in self.quiet if self.unsettled.get(m, set()) <= sight.keys.get(m, set())}
            self._write([row for row in rows if row.employee not in others], sight, lease)

    def _name(self, mailbox: Mailbox) -> str:
        return of_mailbox(self.session.tenant.name, mailbox)

    def _bury(self, mailboxes: set[Mailbox]) -> None:
        """What runs that died began to create here may still arrive: it is unknown what became of it.

        A provider that de-duplicates makes one event of theirs and ours.
        """
        name, now = self.session.tenant.name, self.clock.now()
        dead = [
            one
            for one in self.ledger.left_open(name, now, now - QUIET)
            if one.change.may_create
            and one.change.mailbox in mailboxes
            and not self._deduplicates(one.change)
        ]
        for mailbox, begun in {one.change.mailbox: one.started for one in dead}.items():
            self.ledger.quiet(name, mailbox, begun + QUIET)
            self.quiet.add(mailbox)
        if dead:
            died = RowFailed("the run ended before it could tell")
            self.ledger.finish([(one.id, Outcome(one.change, "unknown", error=died)) for one in dead], now)
            self.unsettled = self.ledger.unsettled(name, now - QUIET)

    def _deduplicates(self, change: Change) -> bool:
        calendar = self.session.opened(change.mailbox.calendar)
        return calendar is not None and calendar.deduplicates

    def _note(self, sight: Sight) -> None:
        self.ledger.note_listing(self.session.tenant.name, sight.seen, self.clock.now())
        known = {(row.employee, row.mailbox) for row in self.result.unreadable}
        self.result.unreadable += [r for r in sight.unreadable if (r.employee, r.mailbox) not in known]

    def _write(self, rows: list[Row], sight: Sight, lease: Lease) -> None:
        """Hold the rows against the fresh comparison and send what is in both."""
        closed = {one.mailbox for one in sight.unreadable}
        gone = sight.absent | sight.elsewhere
        held = {planned(change).identity: reason for change, reason in sight.held}
        open_rows = []
        for one in rows:
            if one.identity in held:
                self.result.held.append(row_of(one, held[one.identity]))
            elif one.where in gone:
                self.result.stale.append(row_of(one, gone[one.where]))
            elif str(one.where) not in closed and one.employee not in sight.incomplete:
                open_rows.append(one)
        found = match(open_rows, sight.difference)
        self.result.unchanged += len(found.unchanged)
        self.result.stale += [row_of(one, self.no_longer) for one in found.stale]
        self._send(self._without_quiet(found.write), lease)

    def _without_quiet(self, changes: Iterable[Change]) -> list[Change]:
        """Leave out the units that would create in a mailbox whose last creation is still unknown."""
        changes = list(changes)
        waits = {c.unit for c in changes if c.may_create and c.mailbox in self.quiet}
        reason = "an earlier creation here is still unknown; wait ten minutes and run again"
        self.result.held += [row_of(change, reason) for change in changes if change.unit in waits]
        return [change for change in changes if change.unit not in waits]

    def _send(self, changes: list[Change], lease: Lease) -> None:
        """Creations first, then updates, then removals; what failed takes the rest of its unit with it."""
        broken: set[int] = set()
        for action in ("create", "update", "remove"):
            step = [change for change in changes if change.action == action]
            reason = "not sent: another change of the same days did not succeed"
            self.result.held += [row_of(change, reason) for change in step if change.unit in broken]
            by_calendar: dict[str, list[Change]] = defaultdict(list)
            for change in sorted(step, key=lambda change: change.mailbox):
                if change.unit not in broken:
                    by_calendar[change.mailbox.calendar].append(change)
            for name, batch in by_calendar.items():
                with closing(self._sent(name, batch, lease)) as outcomes:
                    broken |= {one.change.unit for one in outcomes if one.status != "done"}

    def _sent(self, name: str, batch: list[Change], lease: Lease) -> Generator[Outcome, None, None]:
        """Send one calendar's changes, each recorded before it is sent and once its outcome is known."""
        numbers = self.ledger.begin(self.result.run, batch, self.clock.now())
        waiting = dict(zip(map(id, batch), zip(numbers, batch, strict=True), strict=True))
        known: list[tuple[int, Outcome]] = []
        given: set[int] = set()
        reason = "the run was interrupted"
        try:
            # Closed before the leases go: a write in flight must end while the mailbox is ours.
            with closing(
                self.session.calendar(name).write(self._while_valid(batch, lease, given), lease.valid)
            ) as outcomes:
                for outcome in outcomes:
                    number, _ = waiting.pop(id(outcome.change))
                    known.append((number, outcome))
                    self._count(outcome)
                    if len(known) >= FLUSH:
                        self.ledger.finish(known, self.clock.now())
                        known = []
                    yield outcome
            reason = "the lease ended, or an earlier creation here became unknown; run again"
        except FiggoOpsError as error:
            self.session.note_refusal(name, error)
            self.result.exits.append(error.exit)
            reason = error.message
        finally:
            left = [
                (
                    number,
                    Outcome(change, "unknown" if id(change) in given else "failed", error=RowFailed(reason)),
                )
                for number, change in waiting.values()
            ]
            self.ledger.finish(known + left, self.clock.now())
            for _, outcome in left:
                self._count(outcome)
        yield from (outcome for _, outcome in left)

    def _while_valid(self, batch: Iterable[Change], lease: Lease, given: set[int]) -> Iterator[Change]:
        """The changes one by one, as long as the lease holds; remembers which ones were given away."""
        for change in batch:
            if not lease.valid():
                return
            if not (change.may_create and change.mailbox in self.quiet):
                given.add(id(change))
                yield change

    def _count(self, outcome: Outcome) -> None:
        change, error = outcome.change, outcome.error
        text = error.message if error else ""
        if outcome.status == "done":
            self.result.count(change)
            if self.result.written == 1:
                self.first_write()
        elif outcome.status == "failed":
            self.result.failed.append(row_of(change, text))
        else:
            creating = change.action == "create" or outcome.creating
            quiet = "; no further creation here for ten minutes" if creating else ""
            self.result.unknown.append(row_of(change, text + quiet))
            if creating:
                self.quiet.add(change.mailbox)
                self.ledger.quiet(self.session.tenant.name, change.mailbox, self.clock.now() + QUIET)


def _lost(row: Row) -> ResultRow:
    return row_of(
        row, "Figgo does not show this person, or not as somebody to be served, any more; plan again"
    )
