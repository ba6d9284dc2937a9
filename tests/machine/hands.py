"""Mailboxes at a provider of the rehearsal company, seen and touched behind the sync's back.

A provider joins with a subclass: where its calls are, how an event of it is seen, and how it differs.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from fnmatch import fnmatchcase
from typing import Any, ClassVar

from figgo_ops.sandbox.messages import Entry
from tests.machine import files
from tests.machine.reference import DAY
from tests.machine.seen import Seen, first_day
from tests.rehearsal import Corail


@dataclass(frozen=True, slots=True)
class Calls:
    """Some of the calls to a service, by method and place."""

    service: str
    method: str
    path: str

    def meets(self, entry: Entry) -> bool:
        """Whether a call that was made is one of these."""
        place = fnmatchcase(entry.path, self.path)
        return entry.service == self.service and place and fnmatchcase(entry.method, self.method)


class Hands(ABC):
    """What the machine must know of a provider.

    Attributes:
        all: its calls but those that only log on.
        said: what it says in place of a bare status.
        renews: days become hours only by a new event under the same key, and the old one goes.
        knows_again: a creation that arrives twice, or late and beside another, makes one event.
    """

    service: ClassVar[str]
    all: ClassVar[Calls]
    reads: ClassVar[Calls]
    writes: ClassVar[Calls]
    creations: ClassVar[Calls]
    said: ClassVar[Mapping[int, Any]] = {}
    renews: ClassVar[bool] = False
    knows_again: ClassVar[bool] = True

    def __init__(self, corail: Corail) -> None:
        self.corail = corail
        self.keeper: Any = getattr(corail.stage, self.service)

    @classmethod
    def tenant_file(cls, text: str) -> str:
        """The tenant file of a company whose mailboxes are all there, made of the rehearsal company's."""
        return files.one_thread(files.served_by(text, cls.service), cls.service)

    def fall_silent(self) -> None:
        """Answer nobody any more until `relent`."""
        self.corail.fault(self.service, "drop-before", times=None)

    def strike(
        self, calls: Calls, kind: str, value: Any = None, after: int = 0, times: int | None = None
    ) -> None:
        """Let such calls go wrong until `relent`."""
        more = {"method": calls.method, "path": calls.path, "after": after, "times": times}
        self.corail.fault(calls.service, kind, value=self.said.get(value, value) if value else None, **more)

    def relent(self) -> None:
        """Let everything go well again."""
        self.corail.stage.faults.clear()

    @abstractmethod
    def add_mailbox(self, address: str) -> None:
        """A new, empty mailbox."""

    @abstractmethod
    def rename(self, old: str, new: str, *, keep_alias: bool) -> None:
        """Another name for a mailbox; mail to the old one still arrives, or not."""

    @abstractmethod
    def add(self, mail: str, title: str, day: date, key: str = "") -> None:
        """An event of the owner's own; with a key, one that carries somebody's marker."""

    @abstractmethod
    def seen(self, mail: str, raw: dict[str, Any]) -> Seen:
        """An event as the judge looks at it."""

    def where(self, address: str) -> str | None:
        """The mailbox that answers to this address, by its present name; None when there is none."""
        try:
            return str(self.keeper.mailbox(address).mail)
        except KeyError:
            return None

    def look(self) -> dict[str, Seen]:
        """Every live event of every mailbox, by its id."""
        return {
            event["id"]: self.seen(mail, event)
            for mail in self.keeper.mails()
            for event in self.keeper.content(mail)
        }

    def order(self, event: Seen) -> tuple[str, str, object]:
        """What to sort by, the same in every repetition of an example."""
        return event.mailbox, event.key, event.id

    def notified(self) -> int:
        """How many messages went out to anybody."""
        return len(self.keeper.notifications)

    def drag(self, event: Seen, days: int, hour: int | None) -> None:
        """Move an event by some days, or to an hour of the day it begins on."""
        show = event.show
        if hour is not None:
            at = f"{first_day(show)}T{hour:02}"
            self._owner(event).move(event.id, f"{at}:00", f"{at}:45")
        elif isinstance(show.start, datetime):
            start, end = ((moment + days * DAY).isoformat() for moment in (show.start, show.end))
            self._owner(event).move(event.id, start, end)
        else:
            self._owner(event).move(event.id, show.start + days * DAY, show.end + days * DAY)

    def rename_event(self, event: Seen, title: str) -> None:
        """Another title."""
        self._owner(event).rename(event.id, title)

    def hide(self, event: Seen) -> None:
        """Make it private."""
        self._owner(event).set_visibility(event.id, "private")

    def annotate(self, event: Seen, note: str) -> None:
        """Write a note into it."""
        self._owner(event).annotate(event.id, note)

    def delete(self, event: Seen) -> None:
        """Away with it."""
        self._owner(event).delete(event.id)

    def take_over(self, event: Seen, *, recurring: bool) -> None:
        """Invite others to it, or let it recur."""
        if recurring:
            self._owner(event).repeat(event.id)
        else:
            self._owner(event).invite(event.id, ["guest@elsewhere.example"])

    def copy(self, event: Seen, days: int | None) -> str:
        """Duplicate it, to other days if given; the id of the copy."""
        if days is None:
            return str(self._owner(event).copy(event.id)["id"])
        day = first_day(event.show) + days * DAY
        return str(self._owner(event).copy(event.id, day, day + DAY)["id"])

    def _owner(self, event: Seen) -> Any:
        return self.keeper.owner(event.mailbox)
