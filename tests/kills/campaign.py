"""A campaign: kill -9 after kill -9 while people move, a sync to its end, the second client's count."""

import random
import signal
import time
from collections.abc import Collection, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Self

from tests.kills.company import Moment
from tests.kills.counters import Counters, count
from tests.kills.move import Move
from tests.kills.people import Control, People
from tests.kills.processes import Ended, Running, Stage
from tests.kills.tally import LISTINGS, SERVICES, Size, Tally, WentWrongError

BETWEEN = 120.0
"""Seconds that pass after every kill: what a dead process held is free again."""

SETTLE = 660.0
"""Seconds after which an earlier unknown creation keeps nobody waiting."""

WRITES = {f"{service} write": service for service in SERVICES}

DECK = (*WRITES,) * 3 + ("read", "record") * 3 + ("ledger", "time") * 4 + ("front",) * 2
"""How moments are chosen."""

READS = (("figgo", 8), ("google", 10), ("exchange", 10), ("microsoft365", 3))
"""The services, and how many requests one answers in a run that is worth a strike."""

HALF_DONE = (0, 1, 3)
"""How a run that nobody killed may end where others were: a creation still unknown holds its mailbox."""

TOGETHER = 3
"""Rounds that may go by before a sync to the end, at most."""

WILL_WAIT = frozenset({"exchange", "microsoft365"})
"""Services that do not know a creation again: nothing is created there while one may be under way."""


class Campaign:
    """Stage, people and chance of one campaign; also a context manager."""

    def __init__(self, folder: Path, size: Size, today: date) -> None:
        self.size, self.tally = size, Tally()
        self.chance = random.Random(size.seed)
        self.stage = Stage(folder, size.people, size.seed, today)
        self.control = Control(str(self.stage.ready["control"]), str(self.stage.ready["ca_file"]))
        self.people = People(self.control, size.people, size.seed, today)
        self.behind: set[int] = set()
        self._decks: dict[Sequence[str], list[str]] = {}
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
        together = rounds = 0
        while self.tally.kills.total() < self.size.kills:
            rounds += 1
            if rounds % self.size.moving == 0:
                yield Move(self).run()
                continue
            self.round()
            together += 1
            if self._late or together == TOGETHER or self.chance.random() < 0.3:
                together = 0
                yield self.up_to_date()
        self.caught_up(())
        again = self.caught_up(())
        if (again["created"], again["updated"], again["deleted"]) != (0, 0, 0):
            raise WentWrongError(f"a second sync had something left to write: {again}, seed {self.size.seed}")
        yield self.counted(self.people.ids)

    def load(self) -> None:
        """The first load, killed while it looks and while it acts, and gone on with by the same plan."""
        for _ in range(self.size.loading // 2):
            self.strike(("plan", "corail", "--from", "start"), everyone=True)
        seen = self.ended("plan", "corail", "--from", "start").document
        act = confirmed(seen)
        for _ in range(self.size.loading - self.size.loading // 2):
            self.strike(act, everyone=True)
        if self._late & WILL_WAIT:
            self._go()
        self.stage.pass_time(SETTLE)
        done = self.ended(*act).document
        assert done["created"] + done["unchanged"] == seen["created"], done

    def round(self) -> None:
        """People move, and the run that shall follow them is killed."""
        everyone = self.chance.random() < 1 / self.size.everyone
        self.act(self.people.ids)
        if self.chance.random() < 0.2:
            self.migrate(self.people.ids, 1)
        asked = ["corail", "--from", "start", *([] if everyone else chosen(sorted(self.behind)))]
        if self.chance.random() < 0.2:
            seen = self.ended("plan", *asked).document
            self.strike(confirmed(seen), everyone=everyone)
        else:
            self.strike(("sync", *asked), everyone=everyone)

    def act(self, whom: Sequence[int]) -> None:
        """Some of these people do something."""
        some = self.chance.sample(whom, min(self.size.some, len(whom)))
        self.tally.acts += self.people.move(some)
        self.behind.update(some)

    def migrate(self, whom: Sequence[int], most: int) -> None:
        """The customer moves some of these people's Outlook mailboxes into the cloud, or back."""
        for number in self.chance.sample(whom, min(most, len(whom))):
            self.people.migrate(number)
            self.tally.migrations += 1

    def strike(
        self,
        words: Collection[object],
        *,
        everyone: bool,
        kind: str = "",
        aim: Moment | None = None,
        during: str = "",
    ) -> None:
        """One run, and one kill in it unless it ends before.

        Args:
            kind: how the moment is chosen; dealt if not given.
            aim: the moment, if it is a request.
            during: what is before the kind in the tally.
        """
        kind = kind or self.dealt(DECK)
        name = f"{during}{kind}"
        match kind:
            case "ledger":
                running = self._by_ledger(words, everyone=everyone)
            case "record":
                service = self._where_somebody_moved(self.chance.choice(list(SERVICES)))
                name = f"{during}{service} record"
                running = self.stage.run(*words, recording=SERVICES[service])
            case "time":
                running = self._by_time(words, everyone=everyone)
            case "front":
                self._front_by_request(words, name)
                return
            case _:
                moment = aim or self._moment(kind)
                name = f"{during}{moment.service} {kind.split()[-1]} ({moment.how})"
                running = self._by_request(words, moment)
        code = running.end().exit
        self.stage.arm(None)
        if code == -signal.SIGKILL:
            self.tally.kills[name] += 1
        else:
            self.tally.missed += 1
            assert code in HALF_DONE, running.end()
        self.stage.pass_time(BETWEEN)

    def dealt(self, cards: Sequence[str]) -> str:
        """One of these cards; dealt, so that even a short campaign has them all."""
        deck = self._decks.setdefault(cards, [])
        if not deck:
            deck += self.chance.sample(cards, len(cards))
        return deck.pop()

    def _by_request(self, words: Collection[object], moment: Moment) -> Running:
        """Kill when a request of that number reached the company: dropped, committed or committed late."""
        self.stage.arm(moment)
        running = self.stage.run(*words)
        if self.stage.struck(running):
            running.signal(signal.SIGKILL)
            if moment.how == "late" or (moment.how == "amid" and self.chance.random() < 0.5):
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

    def _front_by_request(self, words: Collection[object], name: str) -> None:
        """kill -9 for the service's front, under a run that must cope."""
        self.stage.arm(self._moment(self.chance.choice((*WRITES, "read", "read"))))
        running = self.stage.run(*words)
        if self.stage.struck(running):
            self.stage.kill_front()
            self._go()
            self.tally.kills[name] += 1
        else:
            self.tally.missed += 1
        code = running.end().exit
        assert code in (*HALF_DONE, 7), running.end()
        self.stage.arm(None)
        self.stage.pass_time(BETWEEN)

    def _moment(self, kind: str) -> Moment:
        """A request of the run to come; of one that writes rather where somebody moved."""
        if kind in WRITES:
            service = self._where_somebody_moved(WRITES[kind])
            # Exchange has everything that is to be done to one mailbox in up to three requests, and Microsoft
            # 365 one request of each of up to twenty mailboxes in a batch.
            at = (1, 1, 2, 3, 4, 6) if service == "google" else (1, 1, 2, 3)
            return Moment(service, "WRITE", self.chance.choice(at), self.how(service))
        service, most = self.chance.choice(READS)
        how = self.chance.choice(("never", "late", "after"))
        return Moment(service, "*", self.chance.randint(1, most), how)

    def _where_somebody_moved(self, service: str) -> str:
        """This service, or another one if nothing is to be written there."""
        others = [one for one in SERVICES if self.people.at(one, self.behind)]
        return service if service in others or not others else self.chance.choice(others)

    def how(self, service: str) -> str:
        """How a request that writes is struck."""
        hows = ("never", "late", "late", "after")
        return self.chance.choice((*hows, "amid", "amid") if service == "microsoft365" else hows)

    def up_to_date(self) -> Tally:
        """Whoever moved is synced to the end, and counted."""
        self.caught_up(sorted(self.behind))
        tally = self.counted(sorted(self.behind))
        self.behind.clear()
        return tally

    def caught_up(self, whom: Collection[int]) -> dict[str, Any]:
        """A sync to its end for these people, or for everybody; what it did."""
        return self.to_the_end(("sync", "corail", "--from", "start", *chosen(whom)), whom)

    def to_the_end(self, words: Collection[object], whom: Collection[int]) -> dict[str, Any]:
        """A command about these people, again as long as something is left to settle; what it did at last.

        Raises:
            WentWrongError: it never came to its end.
        """
        self.tally.syncs += 1
        if self._late:
            self._arrives_late(words, whom)
        ends = []
        for _ in range(3):
            running = self._later(words)
            ends.append(running.end())
            if ends[-1].exit == 0:
                self._learn(running, everyone=not whom)
                document: dict[str, Any] = ends[-1].document
                return document
        raise WentWrongError(f"{words} never came to its end: {ends}, seed {self.size.seed}")

    def tried(self, words: Collection[object], whom: Collection[int]) -> None:
        """A command about these people that nobody kills; some of it may be stale or held."""
        if self._late:
            self._arrives_late(words, whom)
        ended = self._later(words).end()
        assert ended.exit in HALF_DONE, ended

    def _later(self, words: Collection[object], wait: float = SETTLE) -> Running:
        self.stage.pass_time(wait)
        return self.stage.run(*words)

    def _arrives_late(self, words: Collection[object], whom: Collection[int]) -> None:
        """What a dead process sent is committed in the middle of the next run, after some of its listings.

        Google knows a creation that it has already, however late; elsewhere ten minutes are allowed for.
        """
        service = next(iter(sorted(self._late & WILL_WAIT)), "google")
        lists = len(self.people.at(service, whom or self.people.ids))
        if service == "microsoft365":
            lists = -(-lists // 4)  # so many mailboxes at least are listed in one batch
        at = self.chance.randint(lists, 2 * lists) or 1  # each is listed to plan, and once more to act
        self.stage.arm(Moment(service, LISTINGS[service], at, "after"))
        running = self._later(words, 0.0 if service in WILL_WAIT else SETTLE)
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


def confirmed(seen: dict[str, Any]) -> tuple[str, ...]:
    """The command that applies a plan that was seen."""
    return "apply", seen["file"], "--confirm", seen["checksum"]
