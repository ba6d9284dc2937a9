"""A company's mailboxes, wherever they are: one store behind Exchange's own services and Microsoft Graph."""

from __future__ import annotations

from collections.abc import Iterable
from threading import RLock

from figgo_ops.sandbox import exchange_times as times
from figgo_ops.sandbox.exchange_store import Item, Mailbox


def _strip(_mailbox: Mailbox, item: Item) -> None:
    item.properties.clear()


def _double(mailbox: Mailbox, item: Item) -> None:
    made = item.draft()
    made.id, made.number = "", mailbox.blank(item.created, item.start, item.end).number
    mailbox.keep(made, item.modified or item.created, item.modified_by)


def _drop(mailbox: Mailbox, item: Item) -> None:
    mailbox.purge(item)


_ARRIVALS = {"stripped": _strip, "twice": _double, "empty": _drop}
MIGRATIONS = ("whole", *_ARRIVALS)


class Organization:
    """Everybody's mailbox in one company, on its own servers or in Microsoft's cloud, behind one lock."""

    def __init__(self) -> None:
        self.lock = RLock()
        self._mailboxes: dict[str, Mailbox] = {}
        self._mails: dict[str, Mailbox] = {}

    def add(
        self,
        mail: str,
        zone: str = "Europe/Paris",
        state: str = "ok",
        aliases: Iterable[str] = (),
        *,
        online: bool = False,
        listed: bool = True,
    ) -> Mailbox:
        """Add an empty mailbox; ValueError when an address is taken or the zone unknown to Windows.

        Args:
            listed: whether `mails` names it; a service account's own and the boards' are not.
        """
        others = frozenset(alias.lower() for alias in aliases)
        taken = sorted({mail.lower(), *others} & set(self._mails))
        if taken:
            raise ValueError(f"{mail} cannot be added: {taken} is there already")
        try:
            times.windows_id(zone)
        except KeyError:
            raise ValueError(f"{mail} cannot be added: Windows has no name for {zone}") from None
        with self.lock:
            made = Mailbox(mail.lower(), zone, state, others)
            made.online = online
            if listed:
                self._mailboxes[made.mail] = made
            self._mails.update(dict.fromkeys((made.mail, *others), made))
            return made

    def rename(self, old: str, new: str, *, keep_alias: bool = True) -> None:
        """Give a mailbox another primary address; the old one becomes an alias, or unknown."""
        with self.lock:
            mailbox = self._mailboxes.pop(self._mails[old.lower()].mail)
            if keep_alias:
                mailbox.aliases.add(mailbox.mail)
            else:
                del self._mails[mailbox.mail]
            mailbox.rename(new.lower())
            self._mailboxes[mailbox.mail] = mailbox
            self._mails[mailbox.mail] = mailbox

    def migrate(self, mail: str, *, online: bool = True, how: str = "whole") -> Mailbox:
        """Move a mailbox to the cloud or back; its items go along under new ids.

        Args:
            how: whole, hidden properties too; stripped of them, as tools that go through files do it; twice,
                so that everything is doubled; or empty, with the calendar left behind.

        Raises:
            KeyError: there is no such mailbox.
            ValueError: it cannot be done like that.
        """
        if how not in MIGRATIONS:
            raise ValueError(f"{mail} cannot be migrated {how!r}: {', '.join(MIGRATIONS)}")
        with self.lock:
            mailbox = self._mails[mail.lower()]
            mailbox.online = online
            mailbox.renumber()
            for item in [*mailbox.items()] if how != "whole" else ():
                _ARRIVALS[how](mailbox, item)
            return mailbox

    def find(self, address: str) -> Mailbox | None:
        """Find a mailbox by its address or an alias, in whatever case."""
        return self._mails.get(address.lower())

    def mailboxes(self) -> list[Mailbox]:
        """List the mailboxes, in the order they were added or renamed."""
        return list(self._mailboxes.values())
