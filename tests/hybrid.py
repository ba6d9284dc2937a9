"""A hybrid company: Corail's Figgo over real sockets, and calendars in memory that share their mailboxes.

The tenant file sends everyone to the server; who was migrated has the mailbox in the cloud.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

from figgo_ops import audit, sync
from figgo_ops.audit import Audit
from figgo_ops.explaining.explain import explain
from figgo_ops.explaining.trace import Ask, Explanation
from figgo_ops.plan import Mailbox, Plan
from figgo_ops.result import Result
from tests.calendars.memory import MemoryCalendar, Stored
from tests.rehearsal import Corail

SERVER, CLOUD, ARCHIVE, OTHERS = "server", "cloud", "archive", "others"
FAMILY = "outlook"

_TABLE = """
[[calendar]]
name = "{name}"
kind = "exchange"
url = "https://localhost:1"
user = 'CORAIL\\svc-figgo'
password = "file:corail-exchange.password"
"""


class Hybrid(Corail):
    """Corail with a server and a cloud that know the same people, and others who know them too."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.server, self.cloud = MemoryCalendar(SERVER, family=FAMILY), MemoryCalendar(CLOUD, family=FAMILY)
        self.archive, self.others = MemoryCalendar(ARCHIVE, family=FAMILY), MemoryCalendar(OTHERS)
        self.calendars = {one.name: one for one in (self.server, self.cloud, self.archive, self.others)}
        self.files(SERVER, CLOUD)
        self.activate()
        for person in self.stage.company.people.values():
            if person.mail:
                self.server.add(person.mail)

    def files(self, *names: str, **more: str) -> None:
        """Write these calendars into the tenant file, in this order, each with more lines."""
        tables = "".join(_TABLE.format(name=name) + more.get(name, "") for name in names)
        text = self.file.read_text(encoding="utf-8")
        text = re.sub(r"(?s)\n\[\[calendar\]\].*?(?=\n\[(?!\[calendar))", lambda _: tables, text, count=1)
        self.file.write_text(text, encoding="utf-8")

    @contextmanager
    def connected(self) -> Iterator[None]:
        """While it lasts, the tenant's calendars are those in memory."""
        with mock.patch(
            "figgo_ops.calendars.open_calendar", lambda _kind, name, *_more: self.calendars[name]
        ):
            yield

    def migrate(self, *people: int, markers: bool = True, told: bool = True) -> None:
        """The customer moves mailboxes from the server into the cloud.

        Args:
            told: the server says that they are elsewhere, not merely that there are no such mailboxes.
        """
        for number in people:
            self.server.migrate(self.mail(number), self.cloud, markers=markers)
            self.cloud.elsewhere.discard(self.mail(number))
            if told:
                self.server.elsewhere.add(self.mail(number))

    def held(self, number: int) -> dict[str, list[Stored]]:
        """What somebody's mailbox holds, by each calendar that has it."""
        mail = self.mail(number)
        return {name: one.content(mail) for name, one in self.calendars.items() if mail in one.shelves}

    def keys(self, number: int) -> dict[str, list[str]]:
        """The keys of our events there."""
        return {
            name: sorted(stored.key_text for stored in events if stored.key_text)
            for name, events in self.held(number).items()
        }

    def asked(self) -> list[tuple[str, str, str]]:
        """Every call since the last time that this was asked: calendar, what, and the address."""
        found = [(name, what, address) for name, one in self.calendars.items() for what, address in one.log]
        for one in self.calendars.values():
            one.log.clear()
        return found

    def reads(self, number: int) -> list[str]:
        """The calendars that were asked for somebody's events since the last time."""
        mail = self.mail(number)
        return [name for name, what, address in self.asked() if (what, address) == ("read", mail)]

    def places(self, number: int) -> set[Mailbox]:
        """Where the ledger says that somebody's events are."""
        with self.session() as session:
            return session.ledger.places(session.tenant.name)[number]

    def audited(self, *employees: int) -> Audit:
        """Hold the mailboxes against Figgo."""
        with self.session() as session:
            return audit.audit(session, sync.Ask(tuple(map(str, employees))))

    def repaired(self, found: Audit) -> Result:
        """Plan what mends it, and write that."""
        with self.session() as session:
            made = audit.repair(session, found, self.home.path / "repair.json")
        return self.apply(made)

    def explained(self, number: int, day: str) -> Explanation:
        """Why the calendar shows what it shows."""
        with self.session() as session:
            return explain(session, Ask(str(number), day))


def notes_of(made: Plan | Result) -> list[str]:
    """The notes about mailboxes that are not where they were looked for."""
    return [note for note in made.notes if "not where the tenant file says" in note]
