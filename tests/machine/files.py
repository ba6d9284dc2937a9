"""The ledger and the tenant file of the machine's company, as people lose, swap and edit them."""

import re
import sqlite3
from collections.abc import Collection, Mapping
from contextlib import closing
from pathlib import Path

from tests.machine.reference import Policy

EVERYBODY = (1, 2, 3)
"""The legal entities."""

LIMITS = 5
"""So few removals go without a person's word, in a company so small."""


def content(ledger: Path) -> bytes:
    """The ledger as it is now, whoever is writing to it."""
    with closing(sqlite3.connect(ledger)) as live, closing(sqlite3.connect(":memory:")) as copy:
        live.backup(copy)
        return copy.serialize()


def put(ledger: Path, content: bytes | None) -> None:
    """Another ledger in its place, or none."""
    for end in ("", "-wal", "-shm"):
        ledger.with_name(ledger.name + end).unlink(missing_ok=True)
    if content is not None:
        ledger.write_bytes(content)


def give_to(ledger: Path, tenant: str, other: str) -> None:
    """The ledger is another tenant's, which knows other people by the same numbers."""
    with closing(sqlite3.connect(ledger)) as live, live:
        tables = [row[0] for row in live.execute("select name from sqlite_master where type = 'table'")]
        for table in tables:
            if any(row[1] == "tenant" for row in live.execute(f"pragma table_info({table})")):
                live.execute(f"update {table} set tenant = ? where tenant = ?", (other, tenant))
        live.execute("delete from leases")


def served_by(text: str, service: str, legal_entities: Collection[int] = EVERYBODY) -> str:
    """The tenant file of a company with one calendar, which reaches all of these."""
    return shared_by(text, {service: legal_entities})


def shared_by(text: str, services: Mapping[str, Collection[int]]) -> str:
    """The tenant file of a company with these calendars, each for these legal entities."""
    parts = []
    for part in re.split(r"(?m)^(?=\[)", text):
        kind = re.search(r'(?m)^kind = "(.*)"$', part) if part.startswith("[[calendar]]") else None
        if kind and kind[1] in services:
            entities = list(services[kind[1]])
            parts.append(re.sub(r"(?m)^(legal_entities = ).*$", rf"\1{entities}", part, count=1))
        elif not part.startswith("[[calendar]]"):
            parts.append(part)
    return "".join(parts)


def one_thread(text: str, service: str) -> str:
    """Which of several threads is struck would be another one in each repetition."""
    return text.replace(f'kind = "{service}"', f'kind = "{service}"\nthreads = 1')


class TenantFile:
    """The tenant file, written by hand each time the policy changes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        _, _, rest = self.text.partition("[events]\n")
        self._zones = rest[rest.index("\n[[zone]]") : rest.index("[limits]")]

    @property
    def text(self) -> str:
        """What it says."""
        return self.path.read_text(encoding="utf-8")

    def value(self, name: str) -> str:
        """What it says of something; "" where it says nothing."""
        lines = (line.partition(" = ") for line in self.text.splitlines())
        return next((value for word, _, value in lines if word == name), "")

    def write(self, policy: Policy) -> None:
        """Say this, and what people answered before."""
        answered = [line for line in self.text.splitlines() if line.startswith("look_alikes")]
        head, _, _ = self.text.partition("[events]\n")
        head = re.sub(r'(?m)^timezone = ".*"$', f'timezone = "{policy.timezone}"', head, count=1)
        limits = f"[limits]\ndelete_ratio = 0.3\ndelete_min = {LIMITS}\n"
        scope = f"[scope]\nexcept = {sorted(policy.excluded)}\n\n"
        text = head + _events(policy, answered) + self._zones + scope + limits
        self.path.write_text(text, encoding="utf-8")


def _events(policy: Policy, answered: Collection[str]) -> str:
    lines = [
        "[events]",
        f'title = "{policy.title}"',
        f"show_type = {str(policy.show_type).lower()}",
        f'pending = "{"hidden" if policy.pending_hidden else "tentative"}"',
        f"private = {str(policy.private).lower()}",
        f'hand_edits = "{"respect" if policy.respect else "restore"}"',
        "horizon = { past_days = 30, future_days = 540 }",
        *answered,
    ]
    if policy.skipped or policy.discreet:
        lines += ["", "[[events.type]]", 'match = "maladie*"', f"skip = {str(policy.skipped).lower()}"]
    if policy.discreet:
        lines += ['title = "Occupé"', "private = true"]
    return "\n".join(lines) + "\n"
