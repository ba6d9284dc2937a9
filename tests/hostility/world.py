"""A company in which everyone, every legal entity and every absence type has a hostile name."""

import re
from collections.abc import Mapping
from datetime import date, timedelta
from itertools import islice
from pathlib import Path

from figgo_ops.sandbox.people import LegalEntity
from figgo_ops.sandbox.worktime import calm_mondays
from tests.hostility.names import NAMES
from tests.machine.files import served_by
from tests.rehearsal import TODAY, Corail

ENTITIES = 1000
"""The legal entity of the n-th name is 1000 + n."""


class World:
    """The rehearsal company of the hostile; each name is a person, their legal entity and their absence type.

    Attributes:
        people: the id of each name's person, by label.
    """

    def __init__(
        self,
        folder: Path,
        names: Mapping[str, str] = NAMES,
        today: date | None = TODAY,
        provider: str = "google",
    ) -> None:
        """With no day named it is the real one, for a kernel, which keeps the real time."""
        with Corail(folder, today, people=0) as before:
            text = before.file.read_text(encoding="utf-8")
            everybody = range(ENTITIES, ENTITIES + len(names))
            before.file.write_text(served_by(text, provider, everybody), encoding="utf-8")
        self.corail = Corail(folder, today, people=0)
        self.names = names
        self.people: dict[str, int] = {}
        stage = self.corail.stage
        stage.figgo.switch("rate_limit", 10**6)
        for n, (label, name) in enumerate(names.items()):
            entity = LegalEntity(ENTITIES + n, name, "Europe/Paris", "France", "corail.example")
            stage.company.legal_entities[entity.id] = entity
            person = stage.hire(name, "", entity.id, mail_of(n, name))
            self.people[label] = person.id
            first = monday(stage.company.today, n)
            stage.enter_by_hr(person.id, first, first + timedelta(days=1), name)
        self.corail.activate()
        self.corail.rewrite("show_type = false", "show_type = true")

    def __enter__(self) -> "World":
        self.corail.__enter__()
        return self

    def __exit__(self, *raised: object) -> None:
        self.corail.__exit__(*raised)

    def mail(self, label: str) -> str:
        """The mail of this name's person."""
        return self.corail.mail(self.people[label])


def mail_of(number: int, name: str) -> str:
    """As much of the name as a mail address may hold, and the number to tell it from others."""
    legal = re.sub(r"[^A-Za-z0-9!#$%&'*+/=?^_`{|}~-]", "", name)[:40]
    return f"{legal}-{number}@corail.example".lower()


def monday(today: date, number: int) -> date:
    """A Monday with an ordinary week behind it, some weeks ahead; many names share one."""
    ahead = (day for day in calm_mondays(today) if day > today + timedelta(days=14))
    return list(islice(ahead, 5))[number % 5]
