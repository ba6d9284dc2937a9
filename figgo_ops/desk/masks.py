"""A report that names nobody: hashes in place of people, mailboxes and titles."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Iterable
from dataclasses import replace

from figgo_ops.desk.reports import NOBODY, Note
from figgo_ops.desk.tables import Table
from figgo_ops.leaves import Person

_ADDRESS = re.compile(r"[^\s<>(),;:'\"@]+@[\w.-]*\w")
_SAID = frozenset({"", NOBODY, "(private)", "(changed by its owner)"})
"""What a column says where it names nobody and shows no title."""


def without_addresses(text: str) -> str:
    """A sentence for somebody whom the mailbox in it need not concern."""
    return _ADDRESS.sub("a mailbox", text)


class Mask:
    """Hashes that are the same all over one report, and tell nothing outside of it.

    Args:
        people: whose names are taken out of sentences, too.
    """

    def __init__(self, people: Iterable[Person]) -> None:
        self._salt = secrets.token_bytes(16)
        names = sorted({person.name for person in people if person.name.strip()}, key=len, reverse=True)
        self._names = re.compile("|".join(map(re.escape, names))) if names else None
        self._columns: dict[str, Callable[[str], str]] = {
            "Person": lambda value: self.hashed("person", value),
            "Mailbox": self.text,
            "Before: title": lambda value: self.hashed("title", value),
            "After: title": lambda value: self.hashed("title", value),
            **dict.fromkeys(("Why", "What happened", "Next"), self.text),
        }

    def table(self, table: Table) -> Table:
        """The table without names, mails and titles."""
        known = {name: self._columns[name] for name in table.frame.columns if name in self._columns}
        masked = {name: [mask(value) for value in table.frame[name]] for name, mask in known.items()}
        return replace(table, frame=table.frame.assign(**masked))

    def note(self, note: Note) -> Note:
        """The note without names and mails."""
        facts = tuple((name, self.text(value)) for name, value in note.facts)
        return replace(note, facts=facts, lines=tuple(map(self.text, note.lines)))

    def text(self, text: str) -> str:
        """A sentence without names and mails."""
        text = _ADDRESS.sub(lambda found: self.hashed("mailbox", found[0].lower()), text)
        return self._names.sub(lambda found: self.hashed("person", found[0]), text) if self._names else text

    def hashed(self, kind: str, value: str) -> str:
        """What stands for this value; what names nobody stays.

        Args:
            kind: what it is, as in "person 3f2a9c01de".
        """
        if value in _SAID:
            return value
        digest = hmac.new(self._salt, f"{kind}:{value}".encode(), hashlib.sha256).hexdigest()
        return f"{kind} {digest[:10]}"
