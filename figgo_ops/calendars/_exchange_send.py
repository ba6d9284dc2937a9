"""Sending some changes of one mailbox in one request: what was done, what not, what only reading can tell."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from lxml import etree

from figgo_ops.calendars._exchange_errors import Denied
from figgo_ops.calendars._exchange_refusal import Refusal
from figgo_ops.calendars._exchange_soap import Answer
from figgo_ops.calendars._exchange_wire import Wire
from figgo_ops.calendars._exchange_xml import Element, child, inside
from figgo_ops.calendars._lost import Lost
from figgo_ops.calendars._told import too_late
from figgo_ops.errors import CredentialRefused, FiggoOpsError, RowFailed, UsageError
from figgo_ops.plan import Change, Mailbox

CHUNK = 50
"""Items per request; more gain nothing, and Exchange allows a request about a minute."""

LARGEST = 60_000
"""Bytes of items per request: some proxies refuse bodies over 70 kB."""

Body = Callable[[str, Sequence[Change]], Element]
"""From the address and the changes to the body of a request."""


@dataclass(slots=True)
class Tried:
    """What one sending brought about.

    Attributes:
        done: with the answer for each.
        refused: with what was said of each; not carried out.
        again: surely not carried out, and worth another try.
        doubtful: only reading can tell, with what was said instead.
        busy: whether Exchange wants us to wait, and `back_off` how many seconds, if it says.
    """

    done: list[tuple[Change, Element]] = field(default_factory=list)
    refused: list[tuple[Change, FiggoOpsError, Refusal | None]] = field(default_factory=list)
    again: list[Change] = field(default_factory=list)
    doubtful: list[tuple[Change, FiggoOpsError]] = field(default_factory=list)
    busy: bool = False
    back_off: float | None = None

    def add(self, other: "Tried") -> "Tried":
        """What both brought about."""
        self.done += other.done
        self.refused += other.refused
        self.again += other.again
        self.doubtful += other.doubtful
        self.busy = self.busy or other.busy
        self.back_off = max(self.back_off or 0.0, other.back_off or 0.0) or None
        return self


class Sender:
    """Sends over one wire, from any thread.

    Args:
        may_write: asked before each sending but the first one, for which the caller has asked just before.
    """

    def __init__(self, wire: Wire, may_write: Callable[[], bool]) -> None:
        self._wire, self._may_write = wire, may_write

    def send(self, name: str, changes: Sequence[Change], body: Body, *, first: bool) -> Tried:
        """What one request did; one that is too large is cut in halves, since nothing of it was carried out.

        Raises:
            CredentialRefused, UsageError: as the wire does; nothing was carried out.
        """
        asked, mailbox = first, changes[0].mailbox

        def make(address: str) -> Element:
            nonlocal asked
            if not asked and not self._may_write():
                raise Lost(too_late(mailbox), sent=False, network=False, final=True)
            asked = False
            return body(address, changes)

        zone = changes[0].shown.zone or "UTC"
        try:
            answers = self._wire.call(name, mailbox, make, zone=zone, write=True)
        except Denied as denied:
            if denied.refusal.too_large and len(changes) > 1:
                return self._in_halves(name, changes, body)
            return _all(changes, denied.error, denied.refusal, done=not denied.refusal.not_done)
        except Lost as lost:
            return _all(changes, lost.error, None, done=lost.sent)
        if len(answers) != len(changes):
            return _all(changes, _miscounted(mailbox, len(changes), len(answers)), None, done=True)
        return self._sorted(changes, answers)

    def _in_halves(self, name: str, changes: Sequence[Change], body: Body) -> Tried:
        half = len(changes) // 2
        tried = self.send(name, changes[:half], body, first=False)
        try:
            return tried.add(self.send(name, changes[half:], body, first=False))
        except (CredentialRefused, UsageError) as error:
            # What became of the first half must be known; the next call says the same again.
            return tried.add(_all(changes[half:], error, None, done=False))

    def _sorted(self, changes: Sequence[Change], answers: Sequence[Answer]) -> Tried:
        tried = Tried()
        for change, answer in zip(changes, answers, strict=True):
            if not isinstance(answer, Refusal):
                tried.done.append((change, answer))
            elif answer.not_reached:
                tried.again.append(change)
                tried.busy = tried.busy or answer.too_fast
                tried.back_off = max(tried.back_off or 0.0, answer.back_off or 0.0) or None
            else:
                error = self._wire.error(answer, change.mailbox)
                if answer.not_done:
                    tried.refused.append((change, error, answer))
                else:
                    tried.doubtful.append((change, error))
        return tried


def _all(changes: Sequence[Change], error: FiggoOpsError, refusal: Refusal | None, *, done: bool) -> Tried:
    """None of them was carried out or, where they may have been, all are doubtful."""
    if done:
        return Tried(doubtful=[(change, error) for change in changes])
    return Tried(refused=[(change, error, refusal) for change in changes])


def chunks(changes: Iterable[Change]) -> Iterator[list[Change]]:
    """The changes of one mailbox cut into what may go together; those of one action may change places."""
    for _, run in groupby(changes, key=lambda change: change.action):
        for _, group in groupby(sorted(run, key=_kind), key=_kind):
            waiting = list(group)
            while waiting:
                yield waiting[:CHUNK]
                waiting = waiting[CHUNK:]


def _kind(change: Change) -> tuple[str, bool, bool, str]:
    return change.action, change.may_create, change.forever, change.shown.zone


def parts(changes: Sequence[Change], made: Mapping[int, Element]) -> Iterator[list[Change]]:
    """The changes in portions that are neither too many nor, with what was made of them, too large."""
    part: list[Change] = []
    size = 0
    for change in changes:
        more = len(etree.tostring(made[id(change)]))
        if part and (len(part) == CHUNK or size + more > LARGEST):
            yield part
            part, size = [], 0
        part.append(change)
        size += more
    if part:
        yield part


def item_in(answer: Element) -> Element | None:
    """The item that an answer holds; None where it holds none."""
    return next(inside(answer, "CalendarItem"), None) if child(answer, "Items") is not None else None


def _miscounted(mailbox: Mailbox, asked: int, told: int) -> RowFailed:
    return RowFailed(
        f"{mailbox}: Exchange was told of {asked} events and answered about {told}.", "Run again."
    )
