"""The processes of a campaign, as held by the one that kills: the company, its front, the fork server."""

import json
import mmap
import os
import select
import signal
import struct
import subprocess
import sys
import time
import tomllib
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any, Self

from tests.kills import relay
from tests.kills.company import Moment

PATIENCE = 240.0
"""Seconds after which whoever says nothing counts as stuck."""

ROOT = Path(__file__).parents[2]

SERVICES = ("figgo", "google", "exchange", "microsoft365")

Line = dict[str, Any]


class Talker:
    """A process that is spoken to in lines of JSON."""

    def __init__(self, module: str, *words: object, errors: Path) -> None:
        self._log = errors.open("wb")
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *map(str, words)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            cwd=ROOT,
        )
        assert self._process.stdin
        assert self._process.stdout
        self._in, self.fd = self._process.stdin, self._process.stdout.fileno()
        self._rest = b""
        self.lines: list[Line] = []

    def say(self, line: Mapping[str, Any]) -> None:
        """Give an order."""
        self._in.write(json.dumps(line).encode() + b"\n")
        self._in.flush()

    def hear(self, word: str) -> Line:
        """The next line with this word in it; others wait for whoever asks for them."""
        until = time.monotonic() + PATIENCE
        while (line := self.heard(word)) is None:
            assert listen([self], until - time.monotonic()), f"{self._process.args!r} says no {word!r}"
        return line

    def heard(self, word: str) -> Line | None:
        """The first line with this word that was read and not yet taken."""
        for line in self.lines:
            if word in line:
                self.lines.remove(line)
                return line
        return None

    def read(self) -> None:
        """Read what there is to read."""
        more = os.read(self.fd, 65536)
        assert more, f"{self._process.args!r} ended with {self._process.wait()}: see {self._log.name}"
        *lines, self._rest = (self._rest + more).split(b"\n")
        self.lines += [json.loads(line) for line in lines]

    def close(self) -> None:
        """End it, by ending its stdin."""
        self._in.close()
        code = self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()
        self._log.close()
        assert code == 0, f"{self._process.args!r} ended with {code}: see {self._log.name}"


def listen(talkers: Sequence[Talker], seconds: float | None = None) -> bool:
    """Wait until one of them says something, for so long at most; whether one did."""
    ready, _, _ = select.select([one.fd for one in talkers], [], [], max(0.0, seconds or 0.0))
    for one in talkers:
        if one.fd in ready:
            one.read()
    return bool(ready)


@dataclass(frozen=True, slots=True)
class Ended:
    """A command that is over: its exit code, or the signal that ended it as a negative number."""

    exit: int
    out: str
    err: str

    @property
    def document(self) -> Line:
        """The one JSON document on stdout."""
        found: Line = json.loads(self.out)
        return found


class Child:
    """A child of the fork server."""

    def __init__(self, forks: Talker, order: Mapping[str, Any]) -> None:
        self._forks = forks
        forks.say(order)
        self.pid = int(forks.hear("pid")["pid"])
        self._exit: int | None = None

    @property
    def exit(self) -> int | None:
        """How it ended, as far as heard: its exit code, or the signal as a negative number."""
        if self._exit is None:
            mine = (line for line in self._forks.lines if line.get("ended") == self.pid)
            if (line := next(mine, None)) is not None:
                self._forks.lines.remove(line)
                self._exit = os.waitstatus_to_exitcode(line["status"])
        return self._exit

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, unless it has ended."""
        if self.exit is None:
            os.kill(self.pid, number)

    def wait(self) -> int:
        """How it ended, once it has."""
        until = time.monotonic() + PATIENCE
        while (code := self.exit) is None:
            assert listen([self._forks], until - time.monotonic()), f"process {self.pid} never ends"
        return code


class Running(Child):
    """One figgo-ops command at work."""

    def __init__(self, forks: Talker, order: Mapping[str, Any]) -> None:
        self._files = Path(order["out"]), Path(order["err"])
        self.begun = time.monotonic()
        super().__init__(forks, order)

    def end(self) -> Ended:
        """Wait for its end."""
        code = self.wait()
        out, err = (file.read_text(encoding="utf-8") for file in self._files)
        assert "Traceback" not in out + err, out + err
        return Ended(code, out, err)


class Stage:
    """Company, front and fork server over one folder, and the clock that all commands go by."""

    def __init__(self, folder: Path, people: int, seed: int, today: date) -> None:
        self.folder, self.home = folder, folder / "home"
        self._open, self._commands = ExitStack(), 0
        with ExitStack() as opening:
            clock = folder / "clock"
            clock.write_bytes(bytes(8))
            with clock.open("r+b") as file:
                self._clock = opening.enter_context(mmap.mmap(file.fileno(), 8))
            self.company = Talker(
                "tests.kills.company", self.home, people, seed, today, errors=folder / "company.err"
            )
            opening.callback(self.company.close)
            self.forks = Talker("tests.kills.forks", clock, errors=folder / "forks.err")
            opening.callback(self.forks.close)
            self.ready = self.company.hear("control")
            self._ports = [opening.enter_context(relay.reserve()) for _ in SERVICES]
            self._targets = [int(self.ready["services"][name].rpartition(":")[2]) for name in SERVICES]
            self._front = self._start_front()
            self._open = opening.pop_all()
        self._configure()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def pass_time(self, seconds: float) -> None:
        """Let so much time pass for every command, those at work included."""
        (before,) = struct.unpack("d", self._clock[:8])
        self._clock[:8] = struct.pack("d", before + seconds)

    def run(self, *words: object, statement: int = 0, recording: str = "") -> Running:
        """Start a figgo-ops command.

        Args:
            statement: it kills itself at that one of its ledger's.
            recording: it kills itself when it is to record what became of its first changes in this calendar.
        """
        self._commands += 1
        out, err = (str(self.folder / f"{self._commands % 8}.{kind}") for kind in ("out", "err"))
        line = [*map(str, words), "--json", "--home", str(self.home)]
        strike = {"statement": statement, "recording": recording}
        return Running(self.forks, {"run": line, "out": out, "err": err, **strike})

    def kinds(self) -> dict[int, str]:
        """At which service the tenant file looks for the calendars of each legal entity."""
        calendars = tomllib.loads((self.home / "tenants" / "corail.toml").read_text("utf-8"))["calendar"]
        return {
            entity: one["kind"]
            for one in calendars
            if not one.get("retired")
            for entity in one["legal_entities"]
        }

    def note_moved(self, mails: Collection[str]) -> None:
        """Let the history say that the events of these people may come to another calendar now."""
        self.company.say({"moved": list(mails)})

    def arm(self, moment: Moment | None) -> None:
        """Have the company strike at this moment; None: at none."""
        self.company.lines.clear()
        self.company.say(asdict(moment) if moment else {"disarm": True})
        self.company.hear("armed")
        self.company.lines.clear()

    def go(self) -> None:
        """Let the struck request go on."""
        self.company.say({"go": True})

    def struck(self, running: Running, seconds: float = PATIENCE) -> bool:
        """Wait for the armed moment, the command's end, or so long; whether the command is still at work."""
        until = running.begun + seconds
        while running.exit is None and self.company.heard("struck") is None:
            left = until - time.monotonic()
            if left <= 0 or not listen([self.forks, self.company], left):
                break
        return running.exit is None

    def kill_front(self) -> None:
        """kill -9 for the front, and a new one on the same ports."""
        self._front.signal(signal.SIGKILL)
        assert self._front.wait() == -signal.SIGKILL
        self._front = self._start_front()

    def _start_front(self) -> Child:
        ports = [held.getsockname()[1] for held in self._ports]
        return Child(self.forks, {"relay": list(zip(ports, self._targets, strict=True))})

    def _configure(self) -> None:
        """The tenant file: through the front, and with limits that a thousand rounds do not reach."""
        path = self.home / "tenants" / "corail.toml"
        text = path.read_text(encoding="utf-8")
        for held, target in zip(self._ports, self._targets, strict=True):
            text = text.replace(f"localhost:{target}", f"localhost:{held.getsockname()[1]}")
        secret = "file:corail-microsoft365"
        for old, new in (
            ('working_time = "weekdays"', 'working_time = "weekdays"\nper_minute = 50'),
            ("delete_min = 10", "delete_min = 1000000"),
            ("future_days = 540", "future_days = 3600"),
            # Loading a key and signing with it would be most of what a short run does.
            (f'certificate = "{secret}.pem"', f'client_secret = "{secret}.secret"'),
        ):
            assert old in text, f"{old!r} is not in the tenant file"
            text = text.replace(old, new, 1)
        path.write_text(text, encoding="utf-8")
