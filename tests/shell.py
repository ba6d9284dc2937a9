"""figgo-ops as typed in a shell, run in this process against the rehearsal company."""

import json
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from figgo_ops.__main__ import main
from tests.rehearsal import Corail

ROW = {"key", "employee", "mailbox", "action", "error"}
PLAN = {
    "tenant": str,
    "checksum": str,
    "file": str,
    "created": int,
    "updated": int,
    "deleted": int,
    "unchanged": int,
    "refused": list,
    "skipped": list,
    "unreadable": list,
}
RESULT = {
    "run": str,
    "tenant": str,
    "created": int,
    "updated": int,
    "deleted": int,
    "unchanged": int,
    "failed": list,
    "stale": list,
    "unknown": list,
    "held": list,
    "unreadable": list,
}


@dataclass(frozen=True, slots=True)
class Ran:
    """A command that has ended."""

    exit: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The one JSON document on stdout."""
        found: dict[str, Any] = json.loads(self.out)
        return found

    @property
    def error(self) -> dict[str, Any]:
        """The error in place of a document."""
        (found,) = self.document.values()
        assert set(self.document) == {"error"}
        assert set(found) == {"code", "message", "remedy", "exit"}
        return dict(found)


class Shell:
    """Types commands; whatever comes out holds neither a secret nor a traceback."""

    def __init__(self, corail: Corail, read: Callable[[], tuple[str, str]]) -> None:
        self.corail, self._read = corail, read

    def __call__(self, *words: object, home: Path | None = None) -> Ran:
        self._read()
        code = main([*map(str, words), "--home", str(home or self.corail.home.path)])
        ran = Ran(code, *self._read())
        assert "Traceback" not in ran.out + ran.err
        hidden = secrets_of(self.corail.home.secrets)
        assert not [secret for secret in hidden if secret in ran.out + ran.err], "a secret was shown"
        return ran

    def json(self, *words: object) -> Ran:
        """The same with --json; what people read meanwhile is on stderr."""
        return self(*words, "--json")

    def typed(self, line: str) -> Ran:
        """A line that figgo-ops printed for people to copy."""
        name, *words = shlex.split(line)
        assert name == "figgo-ops"
        return self(*words)

    def refused(self, *words: object, exit: int, says: str, remedy: str) -> None:
        """The command ends with this code, cause and next step, for people and for programs alike."""
        ran = self(*words)
        assert ran.exit == exit, ran
        assert says in ran.err, ran
        assert remedy in ran.err, ran
        error = self.json(*words).error
        assert (error["exit"], says in error["message"], remedy in error["remedy"]) == (exit, True, True), (
            error
        )


def secrets_of(folder: Path) -> set[str]:
    """Every line in the secrets of a home that nobody may see."""
    found = set()
    for file in folder.iterdir():
        text = file.read_text(encoding="utf-8")
        if text.startswith("{"):
            text = json.loads(text)["private_key"]
        found |= {line for line in text.splitlines() if len(line) > 6 and not line.startswith("-----")}
    return found


def shaped(document: dict[str, Any], shape: dict[str, type]) -> None:
    """The document has these keys with values of these types; more keys are allowed."""
    assert set(document) >= set(shape)
    assert {name: type(document[name]) for name in shape} == shape


def quiet_surroundings(monkeypatch: pytest.MonkeyPatch, elsewhere: Path) -> None:
    """Neither this person's home nor their ledger is within reach."""
    monkeypatch.setenv("FIGGO_OPS_HOME", str(elsewhere))
    monkeypatch.delenv("FIGGO_OPS_LEDGER", raising=False)
