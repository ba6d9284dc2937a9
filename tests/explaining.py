"""A question about one leave, asked and followed up against the rehearsal company."""

import shlex
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from figgo_ops.__main__ import parser
from figgo_ops.explaining.explain import explain
from figgo_ops.explaining.trace import Ask, Explanation
from tests.rehearsal import Corail
from tests.shell import Ran, Shell, quiet_surroundings

HOLIDAY = "2026-12-02"
"""The day off in the case whole-day, a Wednesday."""


@contextmanager
def a_shell(
    folder: Path, monkeypatch: pytest.MonkeyPatch, read: Callable[[], tuple[str, str]]
) -> Iterator[Shell]:
    """The company, active from the start, its calendars still empty."""
    quiet_surroundings(monkeypatch, folder / "elsewhere")
    before = signal.getsignal(signal.SIGTERM)
    with Corail(folder) as corail:
        corail.activate()
        monkeypatch.setattr("figgo_ops.session.SystemClock", lambda: corail.clock)
        yield Shell(corail, read)
    signal.signal(signal.SIGTERM, before)


def first_day(corail: Corail, name: str) -> str:
    """The first day of a case's first leave period."""
    day, _half = corail.stage.company.periods[corail.case(name).period].first
    return day.isoformat()


def asked(corail: Corail, employee: object = "", day: object = "", leave: str = "") -> Explanation:
    """What is answered; nothing was written, and the next command is one."""
    corail.forget_calls()
    with corail.session() as session:
        found = explain(session, Ask(str(employee), str(day), leave))
    assert not [entry for entry in corail.writes() if entry.path != "/token"]
    assert " " in found.reason.sentence, found.reason
    if found.reason.next:
        name, *words = shlex.split(found.reason.next)
        assert name == "figgo-ops"
        parser().parse_args(words)
    return found


def answered(found: Explanation) -> tuple[str, int]:
    return found.reason.verdict, found.exit


def go_on(shell: Shell, found: Explanation) -> Ran:
    """Type the next command and, if that was a plan, the line that applies it."""
    ran = shell.typed(found.reason.next)
    line = ran.out.splitlines()[-1].partition(": ")[2]
    return shell.typed(line) if line.startswith("figgo-ops apply") else ran


def shown(corail: Corail, employee: int, day: object) -> bool:
    """Whether the answer is now that everything is as it should be."""
    return answered(asked(corail, employee, day)) == ("shown", 0)


def leave_id(corail: Corail, name: str, half: str = "AM") -> str:
    """Figgo's id of the first half-day of a case."""
    return f"{corail.case(name).period}-{first_day(corail, name).replace('-', '')}-{half}"
