"""One company whose mailboxes are at its own Exchange or at Microsoft 365, and go from one to the other."""

from datetime import date
from typing import Any

from figgo_ops.sandbox.messages import Entry
from tests.machine import files
from tests.machine.exchange import ExchangeHands
from tests.machine.hands import Calls
from tests.machine.microsoft365 import Microsoft365Hands
from tests.machine.seen import Seen
from tests.rehearsal import Corail

DOORS = ("exchange", "microsoft 365")
"""The calendars, by name."""

_ENTITIES = {"exchange": [1, 2], "microsoft365": [3]}


class _Either(Calls):
    """The same calls at both."""

    def meets(self, entry: Entry) -> bool:
        """See `Calls`."""
        kinds = (ExchangeHands, Microsoft365Hands)
        return any(getattr(kind, self.method).meets(entry) for kind in kinds)


class OutlookHands(ExchangeHands):
    """Mailboxes behind two doors, each open at one of them; which one the tenant file need not know."""

    service = "outlook"
    all, reads = _Either(service, "all", ""), _Either(service, "reads", "")
    writes, creations = _Either(service, "writes", ""), _Either(service, "creations", "")

    def __init__(self, corail: Corail) -> None:
        self.corail = corail
        self.keeper: Any = corail.stage.exchange
        self.doors = (ExchangeHands(corail), Microsoft365Hands(corail))
        self._organization = corail.stage.organization

    @classmethod
    def tenant_file(cls, text: str) -> str:
        """See `Hands`; some at each calendar."""
        for service in _ENTITIES:
            text = files.one_thread(text, service)
        return files.shared_by(text, _ENTITIES)

    def fall_silent(self) -> None:
        """See `Hands`."""
        for door in self.doors:
            door.fall_silent()

    def strike(
        self, calls: Calls, kind: str, value: Any = None, after: int = 0, times: int | None = None
    ) -> None:
        """See `Hands`; at both."""
        for door in self.doors:
            door.strike(getattr(door, calls.method), kind, value, after, times)

    def relent(self) -> None:
        """See `Hands`."""
        for door in self.doors:
            door.relent()

    def add_mailbox(self, address: str) -> None:
        """A new, empty mailbox: at Exchange, then at Microsoft 365, by turns."""
        self.doors[len(self._organization.mailboxes()) % 2].add_mailbox(address)

    def rename(self, old: str, new: str, *, keep_alias: bool) -> None:
        """See `Hands`."""
        self._organization.rename(old, new, keep_alias=keep_alias)

    def add(self, mail: str, title: str, day: date, key: str = "") -> None:
        """See `Hands`."""
        self._door(mail).add(mail, title, day, key)

    def where(self, address: str) -> str | None:
        """See `Hands`."""
        found = self._organization.find(address)
        return found.mail if found else None

    def look(self) -> dict[str, Seen]:
        """See `Hands`."""
        return {number: seen for door in self.doors for number, seen in door.look().items()}

    def notified(self) -> int:
        """See `Hands`."""
        return sum(door.notified() for door in self.doors)

    def migrate(self, mail: str) -> dict[str, str]:
        """Let a mailbox go to the other one, with all that is in it; the new ids by the old ones."""
        mailbox = self._organization.find(mail)
        if mailbox is None:
            return {}
        before = {item.number: item.id for item in mailbox.items()}
        self._organization.migrate(mail, online=not mailbox.online)
        return {before[item.number]: item.id for item in mailbox.items()}

    def _door(self, mail: str) -> ExchangeHands:
        found = self._organization.find(mail)
        return self.doors[bool(found and found.online)]

    def _owner(self, event: Seen) -> Any:
        return self._door(event.mailbox).keeper.owner(event.mailbox)
