"""The fork server: one process that has loaded everything forks a child per command.

`python -m tests.kills.forks CLOCK`: orders on stdin, a JSON line each; it answers `{"pid": n}`, and says
`{"ended": n, "status": s}` whenever a child has ended. The parent never has a thread: forking is safe.
"""

import importlib
import json
import mmap
import os
import select
import signal
import struct
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

from sqlalchemy import Engine, event

from figgo_ops import session
from figgo_ops.__main__ import main as figgo_ops
from figgo_ops.transport import SystemClock
from tests.kills import relay

LOADED_WHEN_USED = (
    "alembic.command",
    "alembic.config",
    "alembic.script",
    "figgo_ops.calendars._exchange_access",
    "figgo_ops.calendars._exchange_read",
    "figgo_ops.calendars._exchange_wire",
    "figgo_ops.calendars._exchange_write",
    "figgo_ops.calendars.exchange",
    "figgo_ops.calendars.google",
    "figgo_ops.calendars._google_tokens",
    "figgo_ops.calendars._google_wire",
    "figgo_ops.calendars._google_write",
    "figgo_ops.calendars._microsoft365_read",
    "figgo_ops.calendars._microsoft365_sign_in",
    "figgo_ops.calendars._microsoft365_tokens",
    "figgo_ops.calendars._microsoft365_turns",
    "figgo_ops.calendars._microsoft365_wire",
    "figgo_ops.calendars._microsoft365_write",
    "figgo_ops.calendars.microsoft365",
    "figgo_ops.console",
    "figgo_ops.move",
    "figgo_ops.sync",
    "figgo_ops.words",
    "httpcore",
    "requests_ntlm",
    "sqlalchemy.dialects.sqlite.pysqlite",
)


class Ahead(SystemClock):
    """The machine's clock, as far ahead as a file says that all processes share."""

    def __init__(self, shared: mmap.mmap) -> None:
        self._shared = shared

    def monotonic(self) -> float:
        """Seconds since some fixed moment."""
        return super().monotonic() + self._seconds()

    def now(self) -> datetime:
        """The present, in UTC."""
        return super().now() + timedelta(seconds=self._seconds())

    def _seconds(self) -> float:
        return float(struct.unpack("d", self._shared[:8])[0])


def strike(statement: int) -> None:
    """Kill this very process at its ledger's statement of that number, BEGIN and COMMIT included."""
    left = [statement]

    def counted(*_: object) -> None:
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(Engine, "before_cursor_execute", counted)
    event.listen(Engine, "commit", counted)


def strike_recording(calendar: str) -> None:
    """Kill this very process when it knows what became of changes in this calendar and is to record it."""
    sent = [False]

    def looked(_connection: object, _cursor: object, statement: str, values: object, *_: object) -> None:
        if statement.startswith("INSERT INTO changes"):
            sent[0] = repr(calendar) in str(values)
        elif statement.startswith("UPDATE changes") and sent[0]:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(Engine, "before_cursor_execute", looked)


def command(order: dict[str, Any], shared: mmap.mmap) -> int:
    """One figgo-ops command, exactly as a shell would have started it."""
    for number, path in ((1, order["out"]), (2, order["err"])):
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(file, number)
    sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w", buffering=1)
    mock.patch.object(session, "SystemClock", return_value=Ahead(shared)).start()
    if order["statement"]:
        strike(order["statement"])
    if order["recording"]:
        strike_recording(order["recording"])
    code = figgo_ops(order["run"])
    sys.stdout.flush()
    return code


def front(order: dict[str, Any], ready: int) -> int:
    """The relay, which says when it listens."""
    pairs = [(relay.listen(port), target) for port, target in order["relay"]]
    os.write(ready, b"!")
    relay.relay(pairs)
    return 0


def fork(work: Callable[[int], int]) -> int:
    """Do the work in a child; gives its id once it closed, or wrote to, what it was given."""
    assert threading.active_count() == 1, "forking with threads copies their locks"
    said, says = os.pipe()
    pid = os.fork()
    if pid:
        os.close(says)
        os.read(said, 1)
        os.close(said)
        return pid
    code = 71
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.close(said)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        code = work(says)
    except BaseException:  # noqa: BLE001 - the edge of a process: what broke must be told before it ends
        traceback.print_exc()
    finally:
        os._exit(code)


def follow(order: dict[str, Any], shared: mmap.mmap) -> int:
    """Start what was ordered; gives the child's id."""
    if "relay" in order:
        return fork(lambda ready: front(order, ready))

    def work(ready: int) -> int:
        os.close(ready)
        return command(order, shared)

    return fork(work)


def main() -> None:
    """Follow orders until stdin ends, and kill whoever is left then."""
    for name in LOADED_WHEN_USED:
        importlib.import_module(name)
    woken, wakes = os.pipe()
    for end in (woken, wakes):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(wakes)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    with Path(sys.argv[1]).open("r+b") as file:
        serve(woken, mmap.mmap(file.fileno(), 8))


def serve(woken: int, shared: mmap.mmap) -> None:
    """Orders in, births and deaths out."""
    children: set[int] = set()
    orders = b""
    while True:
        ready, _, _ = select.select([0, woken], [], [])
        if woken in ready:
            os.read(woken, 4096)
        while ended := _ended():
            children.discard(ended[0])
            _say({"ended": ended[0], "status": ended[1]})
        if 0 in ready:
            more = os.read(0, 65536)
            if not more:
                break
            *lines, orders = (orders + more).split(b"\n")
            for line in lines:
                children.add(pid := follow(json.loads(line), shared))
                _say({"pid": pid})
    for pid in children:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _ended() -> tuple[int, int] | None:
    with suppress(ChildProcessError):
        pid, status = os.waitpid(-1, os.WNOHANG)
        return (pid, status) if pid else None
    return None


def _say(line: dict[str, int]) -> None:
    os.write(1, json.dumps(line).encode() + b"\n")


if __name__ == "__main__":
    main()
