"""Explain: why a calendar shows a leave, or does not. Reads only."""

import shlex
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from typing import NoReturn

from figgo_ops.diff import Difference
from figgo_ops.elsewhere import Located, located, settled
from figgo_ops.errors import CredentialRefused, FiggoOpsError, RightsMissing, UsageError
from figgo_ops.events import Key
from figgo_ops.explaining import evidence
from figgo_ops.explaining.evidence import Known
from figgo_ops.explaining.judging import judged
from figgo_ops.explaining.reasons import Reason, Verdict
from figgo_ops.explaining.trace import Ask, Call, Explanation, standing
from figgo_ops.leaves import Person, Slot, Span, slot, slot_day
from figgo_ops.look import Look, Request, Sight
from figgo_ops.mailboxes import our_events
from figgo_ops.plan import Existing, Listing
from figgo_ops.planning import day_of, window
from figgo_ops.reading import Reading
from figgo_ops.roster import Roster, chosen
from figgo_ops.session import Session

_ROLE = "the role of the API key decides whom Figgo shows"


def explain(session: Session, ask: Ask) -> Explanation:
    """Why a calendar shows one person's leave on one day, or does not; writes to no calendar.

    Raises:
        UsageError: the question is not one, or its employee could be several people.
        Refused: the tenant file's host was changed, so that no event can be told to be ours.
    """
    asked = replace(ask, employee=ask.employee.strip(), day=ask.day.strip(), leave=ask.leave.strip())
    if bool(asked.employee) == bool(asked.leave) or (asked.leave and asked.day):
        raise UsageError(
            "An employee is explained, on a day or today; or a leave, which has a day of its own.",
            "Give --employee E [--date D], or --leave ID alone.",
        )
    return _Question(session, asked).answer()


class _Answered(Exception):
    """The answer is there before everything was read."""

    def __init__(self, answer: Explanation) -> None:
        super().__init__(answer.reason.sentence)
        self.answer = answer


@dataclass(frozen=True, slots=True)
class _Target:
    """Whom and which half-days the question means."""

    person: Person
    asked: frozenset[Slot]
    gone: int | None = None

    @property
    def day(self) -> date:
        """The day of these half-days."""
        return slot_day(min(self.asked))


class _Question:
    """One question on its way to its answer."""

    def __init__(self, session: Session, ask: Ask) -> None:
        self.session, self.tenant, self.ask = session, session.tenant, ask
        self.look = Look(session)
        self.calls: list[Call] = []
        self.day = None if ask.leave else day_of(ask.day) if ask.day else session.today

    def answer(self) -> Explanation:
        """The answer, as early as there is one."""
        try:
            everyone = self._everyone()
            target = self._target(everyone)
            # A leave outside the days that a sync may change is planned like those inside, to be told apart.
            days = window(self.session, None).joined(Span(target.day, target.day))
            ids = everyone.closure([target.person.id]) or frozenset([target.person.id])
            found = located(self.session, everyone, ids)
            self._listed(found.answers)
            reading = self._read(target, found, days)
        except _Answered as early:
            return early.answer
        return self._judged(target, found, reading, days)

    @contextmanager
    def _asking(self, what: str) -> Iterator[None]:
        """Around a question to Figgo; without an answer to it there is none to ours."""
        try:
            yield
        except FiggoOpsError as error:
            self.calls.append(Call(what, f"error: {error.message}"))
            self._blind(error)

    def _everyone(self) -> Roster:
        what = "Figgo: people and legal entities"
        with self._asking(what):
            everyone = self.look.roster(self.session.today)
        self.calls.append(Call(what, f"complete, {len(everyone.people)} people"))
        return everyone

    def _target(self, everyone: Roster) -> _Target:
        if self.ask.leave:
            return self._located(everyone)
        assert self.day is not None  # noqa: S101 - without a leave there is a day
        try:
            (number,) = chosen(everyone, [self.ask.employee], ()) or frozenset[int]()
        except UsageError as error:
            if error.code != "not-visible":
                raise
            self._unseen(error, self.day)
        return _Target(everyone.people[number], frozenset([slot(self.day, "A"), slot(self.day, "P")]))

    def _located(self, everyone: Roster) -> _Target:
        """Whose leave it is, and when."""
        leave, what = self.ask.leave, f"Figgo: leave {self.ask.leave}"
        with self._asking(what), self.session.asking_figgo():
            found = self.session.figgo.find_leave(leave)
        self.calls.append(Call(what, "404, not there or not visible" if found is None else "200, found"))
        if found is None or found.owner not in everyone.people:
            sentence = f"Figgo has no leave {leave}, or does not show it to the key: could not tell."
            raise _Answered(self._said(Reason("not-visible", sentence, _ROLE, self._again())))
        self.day = found.day
        half = frozenset([slot(found.day, found.half)])
        return _Target(everyone.people[found.owner], half, None if found.active else found.period)

    def _unseen(self, error: UsageError, day: date) -> NoReturn:
        """Answer about somebody the key does not see, who may have events of ours where we wrote before."""
        places = self.session.ledger.places(self.tenant.name)
        wanted = self.ask.employee.lower()
        number = next(
            (n for n, found in places.items() if wanted in {str(n), *(m.address for m in found)}), 0
        )
        listings = our_events(self.session, places.get(number, ()), accept_empty=False)
        self._listed(listings)

        def theirs(key: Key | None, event: Existing) -> bool:
            return key is not None and key.owner == number and evidence.touches(event, Span(day, day))

        sentence = f"{error.message} Whether there is a leave could not be told. {error.remedy}"
        found = self._said(Reason("not-visible", sentence, _ROLE, self._again()))
        raise _Answered(
            replace(
                found,
                calendar=tuple(standing(listings, Difference(), theirs)),
                past=evidence.past(self.session, number, lambda key: slot_day(key.slot) == day),
            )
        )

    def _listed(self, listings: Iterable[Listing]) -> None:
        for listing in listings:
            answer = f"complete, {len(listing.events)} of our events"
            if listing.error is not None:
                answer = f"{listing.error.code}: {listing.error.message}"
            self.calls.append(Call(f"Mailbox {listing.mailbox}", answer))

    def _read(self, target: _Target, found: Located, days: Span) -> Reading:
        what, reader = f"Figgo: leaves from {days.first} to {days.last}", self.look.reader
        with self._asking(what):
            reading = reader.read(found.ids, days)
            reader.read_back(reading, found.listings, days)
            if target.person.id in reading.errors:
                raise reading.errors[target.person.id]
        self._read_ended(target, reading)
        read = reading.read[target.person.id]
        rows = f"complete, {len(reading.rows[target.person.id])} half-days from {read.first} to {read.last}"
        self.calls.append(Call(what, f"{rows}; {self.session.figgo.requests} requests to Figgo in all"))
        return reading

    def _read_ended(self, target: _Target, reading: Reading) -> None:
        """Where no leave stands, ask for those that did; a Figgo that does not tell them hides no event."""
        rows, number = reading.rows[target.person.id], target.person.id
        if target.asked <= {leave.slot for leave in rows}:
            return
        what = f"Figgo: leaves that ended, on {target.day}"
        try:
            with self.session.asking_figgo():
                ended = self.session.figgo.ended(number, Span(target.day, target.day))
        except FiggoOpsError as error:
            self.calls.append(Call(what, f"error: {error.message}"))
            return
        self.calls.append(Call(what, f"complete, {len(ended)} half-days"))
        rows += ended

    def _judged(self, target: _Target, found: Located, reading: Reading, days: Span) -> Explanation:
        everyone, listings = found.everyone, settled(self.session, found.listings)
        request = Request(self.session.today, days, False, self.tenant.events.look_alikes)
        served = everyone.closure([target.person.id])
        sight = self.look.compare(everyone, reading, request, listings) if served else Sight(Difference())
        known = Known(everyone, reading, {one.mailbox: one for one in listings}, sight, days)
        facts = evidence.facts(self.look, known, target.person, target.asked, target.gone)
        if facts.unsearched is not None:
            self.calls.append(Call(f"Mailbox {facts.seat.home}: look-alikes", facts.unsearched.message))
        reason, *others = judged(facts)
        return replace(
            self._said(reason),
            person=target.person,
            others=tuple(others),
            mailbox=str(facts.seat.home or ""),
            resolved=evidence.resolved(self.tenant, facts, found.answers),
            leaves=tuple(evidence.leaves(known, facts)),
            calendar=tuple(evidence.calendar(facts)),
            past=facts.past,
        )

    def _said(self, reason: Reason) -> Explanation:
        return Explanation(
            self.tenant.name, self.ask, reason, self.look.policy, self.day, calls=tuple(self.calls)
        )

    def _blind(self, error: FiggoOpsError) -> NoReturn:
        """Answer that Figgo could not be read, whoever must act on it."""
        verdict: Verdict = "not-visible" if error.code == "empty-source" else "figgo-unreadable"
        sentence = f"{error.message} {error.remedy}".strip()
        refused = isinstance(error, CredentialRefused) and not isinstance(error, RightsMissing)
        again = self._again(retry=refused)
        rule = "nothing is said about what was not read"
        raise _Answered(self._said(Reason(verdict, sentence, rule, again, error=error)))

    def _again(self, *, retry: bool = False) -> str:
        """The command that asks the same question once more."""
        ask = self.ask
        whom = ["--leave", ask.leave] if ask.leave else ["--employee", ask.employee, "--date", str(self.day)]
        more = ["--retry-credential"] if retry else []
        return shlex.join(["figgo-ops", "explain", self.tenant.name, *whom, *more])
