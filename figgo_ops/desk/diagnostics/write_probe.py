"""The write probe: one event of our own, made, changed and taken away again in somebody's calendar.

It lies in the year 2000, where no plan looks, and under a period that Figgo never gives. Nothing of it is
recorded: it changes no leave, no limit and no listing.
"""

from collections.abc import Iterable
from contextlib import closing
from dataclasses import replace
from datetime import date
from uuid import uuid4

from figgo_ops import gate
from figgo_ops.calendars import Calendar
from figgo_ops.checks import NOBODY, SUPPORT, Check, of
from figgo_ops.errors import FiggoOpsError, Incomplete, Refused
from figgo_ops.events import PROBE, Event, Fingerprint, Key
from figgo_ops.lease import Lease, leased, of_mailbox
from figgo_ops.leaves import Person
from figgo_ops.plan import Change, Existing, Mailbox
from figgo_ops.session import Session

DAY = date(2000, 1, 3)
TITLE, CHANGED = "figgo-ops write probe", "figgo-ops write probe, changed"

_AGAIN = "Diagnose again; the next write probe first removes what this one may have left."


def probe(session: Session, calendar: str, person: Person) -> list[Check]:
    """Create, read back, change, read back and remove one private, free event of the year 2000.

    Args:
        calendar: name of the `[[calendar]]`.
        person: in whose mailbox.
    """
    name, mailbox = f"{calendar}: write", Mailbox(calendar, person.mail or "")
    tried = f"wrote a private, free event on {DAY} into the calendar of {mailbox.address}"
    try:
        gate.writable(session, "write probe")
        return [Check(name, "ok", _held(session, mailbox, person), tried=tried)]
    except Refused as error:
        who = NOBODY if error.code == "mailbox-busy" else SUPPORT
        return [replace(of(name, error, tried="nothing was written"), who=who)]
    except FiggoOpsError as error:
        session.note_refusal(calendar, error)
        return [of(name, error, tried=tried)]


def _held(session: Session, mailbox: Mailbox, person: Person) -> str:
    """The trial while nobody else writes to the mailbox; what it left."""
    lock = of_mailbox(session.tenant.name, mailbox)
    with leased(session.ledger, [lock], f"probe/{uuid4()}", session.clock) as (lease, taken):
        if not taken:
            raise Refused(
                f"{mailbox}: another process is writing to this mailbox.",
                "Diagnose again in two minutes.",
                code="mailbox-busy",
            )
        trial = _Trial(session.calendar(mailbox.calendar), mailbox, person, session.tenant.figgo.host, lease)
        return trial.run()


class _Trial:
    """One event through its whole life."""

    def __init__(self, calendar: Calendar, mailbox: Mailbox, person: Person, host: str, lease: Lease) -> None:
        self._calendar, self._mailbox, self._person = calendar, mailbox, person
        self._lease, self._host = lease, host
        self._key = Key(host, person.id, *PROBE)

    def run(self) -> str:
        """What was done and what is left; raises what went wrong, after cleaning up as far as that goes."""
        earlier = self._clear()
        try:
            self._life()
        except (FiggoOpsError, KeyboardInterrupt):
            self._tidied()
            raise
        before = "what an earlier probe had left was removed; " if earlier else ""
        return f"{before}an event was created, read back, changed, read back and removed; {self._left()}"

    def _life(self) -> None:
        first = self._event(TITLE)
        self._write(self._change(first))
        made = self._read_back(first)
        second = self._event(CHANGED)
        self._write(self._change(second, made))
        self._remove([self._read_back(second)])
        if self._found():
            raise self._odd("it was removed and is still there")

    def _clear(self) -> int:
        """Take away what earlier probes left, whoever was probed; how many."""
        left = self._found()
        self._remove(left)
        return len(left)

    def _tidied(self) -> None:
        """After a failure the first cause matters, not whether tidying up succeeds."""
        try:
            self._clear()
        except FiggoOpsError:
            return  # the next probe begins with it

    def _found(self) -> list[Existing]:
        [listing] = self._calendar.read([self._mailbox.address])
        if listing.error:
            raise listing.error
        return [one for one in listing.events if _is_probe(one.key_text, self._host)]

    def _read_back(self, wanted: Event) -> Existing:
        found = self._found()
        if len(found) != 1:
            raise self._odd(f"{len(found)} events came back in place of one")
        [one] = found
        if (one.event, one.print_text) != (wanted, str(Fingerprint.of(wanted))):
            raise self._odd("what came back is not what was written")
        return one

    def _event(self, title: str) -> Event:
        event = Event(DAY, date(2000, 1, 4), "confirmed", title, "free", True)
        return self._calendar.project(event)

    def _change(self, event: Event, existing: Existing | None = None) -> Change:
        made = Fingerprint.of(event)
        known = self._key, self._person.id, self._person.legal_entity, self._mailbox
        if existing is None:
            return Change("create", "new", *known, event, made)
        return Change("update", "changed in Figgo", *known, event, made, existing)

    def _remove(self, events: Iterable[Existing]) -> None:
        for one in events:
            key = Key.parse(one.key_text) or self._key
            known = key, key.owner, self._person.legal_entity, self._mailbox
            self._write(Change("remove", "cancelled", *known, existing=one, forever=True))

    def _write(self, change: Change) -> None:
        with closing(self._calendar.write([change], self._lease.valid)) as outcomes:
            for outcome in outcomes:
                if outcome.status != "done":
                    raise outcome.error or self._odd("nobody could tell what became of it")

    def _odd(self, why: str) -> Incomplete:
        return Incomplete(f"{self._mailbox}: the test event: {why}.", _AGAIN, code="not-as-written")

    def _left(self) -> str:
        if self._calendar.purges or self._calendar.bin is None:
            return "nothing of it is left"
        days = self._calendar.bin.days
        return f"it is in no calendar any more, and in the bin of its owner for {days} days"


def _is_probe(text: str, host: str) -> bool:
    key = Key.parse(text)
    return key is not None and key.is_probe and key.host == host
