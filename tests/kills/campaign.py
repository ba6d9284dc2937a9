"""A campaign: kill -9 after kill -9 while people move, a sync to its end, the second client's count."""

import random
import signal
import time
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Self

from tests.kills.company import Moment
from tests.kills.counters import Counters, count
from tests.kills.people import Control, People
from tests.kills.processes import Ended, Running, Stage

LEAVES_EACH = 20
"""Half-days that the generated company gives everybody."""

BETWEEN = 120.0
"""Seconds that pass after every kill: what a dead process held is free again."""

SETTLE = 660.0
"""Seconds after which an earlier unknown creation keeps nobody waiting."""

WRITES = {"google write": "google", "exchange write": "exchange"}

DECK = (*WRITES,) * 3 + ("read",) * 3 + ("ledger",) * 4 + ("time",) * 5 + ("front",) * 2
"""How moments are chosen; dealt like cards, so that even a short campaign has them all."""

HALF_DONE = (0, 1, 3)
"""How a run that nobody killed may end where others were: a creation still unknown holds its mailbox."""

TOGETHER = 3
"""Rounds that may go by before a sync to the end, at most."""


@dataclass(frozen=True, slots=True)
class Size:
    """How big a campaign is.

    Attributes:
        loading: how many of the kills fall into the first load.
        everyone: one round in so many is about everybody, the others about `some` people.
    """

    kills: int
    leaves: int
    seed: int
    loading: int = 6
    everyone: int = 40
    some: int = 4

    @property
    def people(self) -> int:
        """How many people have so many leaves."""
        return max(2, self.leaves // LEAVES_EACH)


@dataclass(slots=True)
class Tally:
    """How a campaign went.

    Attributes:
        kills: kills by what was killed and how the moment was chosen.
        missed: runs that ended before their moment came.
        syncs: runs to the end, each followed by a count.
        leaves: how many stood at the end.
    """

    kills: Counter[str] = field(default_factory=Counter)
    missed: int = 0
    syncs: int = 0
    moves: int = 0
    leaves: int = 0
    seconds: float = 0.0
    found: Counters = field(default_factory=Counters)

    def __str__(self) -> str:
        how = ", ".join(f"{number} {name}" for name, number in sorted(self.kills.items()))
        return (
            f"{self.kills.total()} kills ({how}; {self.missed} ended before), {self.moves} moves, "
            f"{self.leaves} leaves at the end, {self.syncs} counts, {self.seconds:.0f} s: {self.found}"
        )


class WentWrongError(AssertionError):
    """The second client found something, or a run to the end was none."""


class Campaign:
    """Stage, people and chance of one campaign; also a context manager."""

    def __init__(self, folder: Path, size: Size, today: date) -> None:
        self.size, self.tally = size, Tally()
        self.chance = random.Random(size.seed)
        self.stage = Stage(folder, size.people, size.seed, today)
        self.control = Control(str(self.stage.ready["control"]), str(self.stage.ready["ca_file"]))
        self.people = People(self.control, size.people, size.seed, today)
        self.behind: set[int] = set()
        self._deck: list[str] = []
        self._late: set[str] = set()  # the services that requests of dead processes are still under way to
        self._usual = {True: 1.0, False: 0.5}
        self._begun = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stage.__exit__()

    def run(self) -> Iterator[Tally]:
        """Everything; gives the tally after each count, the last one at the end.

        Raises:
            WentWrongError: at the first count that is not clean.
        """
        self.load()
        yield self.counted(self.people.ids)
        together = 0
        while self.tally.kills.total() < self.size.kills:
            self.round()
            together += 1
            if self._late or together == TOGETHER or self.chance.random() < 0.3:
                together = 0
                self.caught_up(sorted(self.behind))
                yield self.counted(sorted(self.behind))
                self.behind.clear()
        self.caught_up(())
        again = self.caught_up(())
        assert (again["created"], again["updated"], again["deleted"]) == (0, 0, 0), again
        yield self.counted(self.people.ids)

    def load(self) -> None:
        """The first load, killed while it looks and while it acts, and gone on with by the same plan."""
        for _ in range(self.size.loading // 2):
            self.strike(("plan", "corail", "--from", "start"), everyone=True)
        seen = self.ended("plan", "corail", "--from", "start").document
        act = ("apply", seen["file"], "--confirm", seen["checksum"])
        for _ in range(self.size.loading - self.size.loading // 2):
            self.strike(act, everyone=True)
        if "exchange" in self._late:
            self._go()
        self.stage.pass_time(SETTLE)
        done = self.ended(*act).document
        assert done["created"] + done["unchanged"] == seen["created"], done

    def round(self) -> None:
        """People move, and the run that shall follow them is killed."""
        everyone = self.chance.random() < 1 / self.size.everyone
        whom = self.chance.sample(self.people.ids, min(self.size.some, len(self.people.ids)))
        self.tally.moves += self.people.move(whom)
        self.behind.update(whom)
        asked = ["corail", "--from", "start", *([] if everyone else chosen(sorted(self.behind)))]
        if self.chance.random() < 0.2:
            seen = self.ended("plan", *asked).document
            self.strike(("apply", seen["file"], "--confirm", seen["checksum"]), everyone=everyone)
        else:
            self.strike(("sync", *asked), everyone=everyone)

    def strike(self, words: Collection[object], *, everyone: bool) -> None:
        """One run, and one kill in it unless it ends before."""
        kind = self._dealt()
        match kind:
            case "ledger":
                running = self._by_ledger(words, everyone=everyone)
            case "time":
                running = self._by_time(words, everyone=everyone)
            case "front":
                running = self._front_by_request(words)
            case _:
                running = self._by_request(words, kind)
        code = running.end().exit
        self.stage.arm(None)
        if kind != "front" and code == -signal.SIGKILL:
            self.tally.kills[kind] += 1
        elif kind != "front":
            self.tally.missed += 1
            assert code in HALF_DONE, running.end()
        self.stage.pass_time(BETWEEN)

    def _dealt(self) -> str:
        if not self._deck:
            self._deck = self.chance.sample(DECK, len(DECK))
        return self._deck.pop()

    def _by_request(self, words: Collection[object], kind: str) -> Running:
        """Kill when a request of that number reached the company: dropped, committed or committed late."""
        with self._armed(kind) as moment:
            running = self.stage.run(*words)
            if self.stage.struck(running):
                running.signal(signal.SIGKILL)
                if moment.how == "late":
                    self._late.add(moment.service)
                else:
                    self._go()
        return running

    def _go(self) -> None:
        self.stage.go()
        self._late.clear()

    def _by_ledger(self, words: Collection[object], *, everyone: bool) -> Running:
        """It kills itself at a statement of its ledger's, before it or before its commit."""
        return self.stage.run(*words, statement=self.chance.randint(1, 110 if everyone else 75))

    def _by_time(self, words: Collection[object], *, everyone: bool) -> Running:
        """Kill after a part of the time that such a run takes."""
        running = self.stage.run(*words)
        if self.stage.struck(running, self._usual[everyone] * self.chance.random()):
            running.signal(signal.SIGKILL)
            return running
        self._learn(running, everyone=everyone)
        return running

    def _front_by_request(self, words: Collection[object]) -> Running:
        """kill -9 for the service's front, under a run that must cope."""
        with self._armed(self.chance.choice((*WRITES, "read", "read"))):
            running = self.stage.run(*words)
            if self.stage.struck(running):
                self.stage.kill_front()
                self._go()
                self.tally.kills["front"] += 1
            else:
                self.tally.missed += 1
        code = running.end().exit
        assert code in (*HALF_DONE, 7), running.end()
        return running

    @contextmanager
    def _armed(self, kind: str) -> Iterator[Moment]:
        how = self.chance.choice(("never", "late", "late", "after"))
        if kind in WRITES:
            service = WRITES[kind]
            # Exchange has everything that is to be done to one mailbox in up to three requests.
            at = self.chance.choice((1, 1, 2, 3, 4, 6) if service == "google" else (1, 1, 2, 3))
            moment = Moment(service, "WRITE", at, how)
        else:
            service, most = self.chance.choice((("figgo", 8), ("google", 10), ("exchange", 10)))
            moment = Moment(service, "*", self.chance.randint(1, most), how)
        self.stage.arm(moment)
        yield moment

    def caught_up(self, whom: Collection[int]) -> dict[str, int]:
        """A sync to its end for these people, or for everybody; what it did."""
        self.tally.syncs += 1
        if self._late:
            self._arrives_late(whom)
        ends = []
        for _ in range(3):
            running = self._sync(whom)
            ends.append(running.end())
            if ends[-1].exit == 0:
                self._learn(running, everyone=not whom)
                document: dict[str, int] = ends[-1].document
                return document
        raise WentWrongError(f"no sync came to its end: {ends}, seed {self.size.seed}")

    def _sync(self, whom: Collection[int], wait: float = SETTLE) -> Running:
        self.stage.pass_time(wait)
        return self.stage.run("sync", "corail", "--from", "start", *chosen(whom))

    def _arrives_late(self, whom: Collection[int]) -> None:
        """What a dead process sent is committed in the middle of the next run, after some of its listings.

        Google knows a creation that it has already, however late; at Exchange ten minutes are allowed for.
        """
        at_exchange = "exchange" in self._late
        service, listing = ("exchange", "FindItem") if at_exchange else ("google", "GET")
        mailboxes = len(self.people.at(service, whom or self.people.ids))
        at = self.chance.randint(mailboxes, 2 * mailboxes)  # each is listed to plan, and once more to act
        self.stage.arm(Moment(service, listing, at, "after"))
        running = self._sync(whom, 0.0 if at_exchange else SETTLE)
        self.stage.struck(running)
        self._go()
        assert running.end().exit in HALF_DONE, running.end()
        self.stage.arm(None)

    def _learn(self, running: Running, *, everyone: bool) -> None:
        running.wait()
        self._usual[everyone] += 0.3 * (time.monotonic() - running.begun - self._usual[everyone])

    def ended(self, *words: object) -> Ended:
        """A command that nobody kills."""
        done = self.stage.run(*words).end()
        assert done.exit == 0, done
        return done

    def look(self, whom: Collection[int]) -> Counters:
        """The four counters as they are just now."""
        calendars = self.control.ask("GET", "/calendars")["calendars"]
        return count(self.people.twin, calendars, self.stage.home.with_suffix(".history"), whom)

    def counted(self, whom: Collection[int]) -> Tally:
        """What the second client finds about these people.

        Raises:
            WentWrongError: it finds something.
        """
        tally = self.tally
        tally.found = self.look(whom)
        tally.leaves, tally.seconds = self.people.leaves(), time.monotonic() - self._begun
        if not tally.found.clean:
            raise WentWrongError(f"{tally}, seed {self.size.seed}")
        return tally


def chosen(whom: Collection[int]) -> list[str]:
    """The options that narrow a command to these people."""
    return [word for number in whom for word in ("--employee", str(number))]
