"""What the onboarding form asks Figgo and the calendars when somebody tests: one session per test.

Nothing is written to a calendar, and a credential that was refused is not tried again unless that is asked.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from figgo_ops.checks import Check, of
from figgo_ops.desk import diagnostics, onboarding
from figgo_ops.desk.diagnostics import Ask, remedies
from figgo_ops.desk.diagnostics.figgo import Source
from figgo_ops.desk.forms import controls
from figgo_ops.desk.onboarding import live
from figgo_ops.desk.onboarding.answers import Answers
from figgo_ops.desk.onboarding.live import Company
from figgo_ops.desk.tables import visible
from figgo_ops.errors import FiggoOpsError
from figgo_ops.home import Home
from figgo_ops.leaves import Leave
from figgo_ops.session import Session
from figgo_ops.transport import Clock

_SIGNS = {"ok": ("\N{CHECK MARK}", "good"), "failed": ("\N{MULTIPLICATION SIGN}", "wrong")}
_COLUMNS = ("Check", "Result", "What was found", "What to do", "Who")


@dataclass(slots=True)
class Tries:
    """The tests of one form, and what they learned.

    Attributes:
        company: who and what Figgo shows; None until its test went well.
        leaves: a sample.
    """

    home: Home
    clock: Clock
    company: Company | None = None
    leaves: list[Leave] = field(default_factory=list)

    def figgo(self, answers: Answers, *, again: bool) -> list[Check]:
        """Whether Figgo can be reached, knows the key and shows what is needed.

        Raises:
            FiggoOpsError: an answer that the test needs is missing.
        """
        self.forget()
        with self._session(answers, None, again=again) as session:
            source = Source(session)
            found = diagnostics.examine_figgo(session, source)
            if source.people and source.legal_entities:
                self.company = Company(source.people, source.legal_entities, session.today)
                if all(check.clean for check in found if check.name == "Figgo: leaves"):
                    found += self._sampled(session, self.company)
        return found

    def forget(self) -> None:
        """What Figgo said is of no use any more: it was another one, or with another key."""
        self.company, self.leaves = None, []

    def _sampled(self, session: Session, company: Company) -> list[Check]:
        """Read a sample of leaves; the check of it where that failed, which takes nothing from the others."""
        try:
            self.leaves = live.sample(session, company.sampled())
        except FiggoOpsError as error:
            failed = of("Figgo: sample", error, tried="read leaves of some people for the preview")
            return [replace(failed, page=remedies.page(failed.code))]
        return []

    def calendar(self, answers: Answers, number: int, employee: str, *, again: bool) -> list[Check]:
        """Whether one calendar can be reached, lets us log on, and gives which rights.

        Raises:
            FiggoOpsError: an answer that the test needs is missing.
        """
        with self._session(answers, number, again=again) as session:
            (calendar,) = session.tenant.calendars
            return diagnostics.examine_calendar(session, calendar.name, Ask(employee), self._source(session))

    def _source(self, session: Session) -> Source | None:
        """What Figgo said when it was tested; None when it was not."""
        if self.company is None:
            return None
        source = Source(session)
        source.people, source.legal_entities = list(self.company.people), dict(self.company.names)
        return source

    def count(self, answers: Answers, start: date) -> int:
        """How many leaves there are from this day on.

        Raises:
            FiggoOpsError: as `live.leave_count`.
        """
        owners = self.company.pilot(" ".join(map(str, answers.only))).ids if self.company else ()
        if answers.only and not owners:
            return 0
        with self._session(answers, None, again=False) as session:
            return live.leave_count(session, start, owners)

    def _session(self, answers: Answers, number: int | None, *, again: bool) -> Session:
        tenant = onboarding.trial(self.home, answers, number)
        return Session(self.home, tenant, clock=self.clock, retry_credential=again)


class Results:
    """What tests showed, each with the answers that it is about."""

    def __init__(self) -> None:
        self._about: dict[Any, tuple[Callable[[], object], object]] = {}

    def keep(self, room: Any, answers: Callable[[], object]) -> None:
        """This room shows what was found with these answers as they are now."""
        self._about[room] = answers, answers()

    def outdated(self) -> list[Any]:
        """The rooms whose answers became others; what they showed is gone."""
        rooms = [room for room, (answers, then) in self._about.items() if answers() != then]
        for room in rooms:
            del self._about[room]
            said = "Something was answered otherwise since this was tried; try it again."
            controls.show(room, controls.sentence(said, "note", "status"))
        return rooms


def drawn(found: list[Check], what: str) -> str:
    """Checks as HTML: how it went in one sentence, then each with cause, remedy and who must act."""
    bad = [check for check in found if not check.clean]
    told = "everything works" if not bad else f"{len(bad)} of {len(found)} checks need somebody"
    table = controls.table(f"Checks of {what}", _COLUMNS, map(_row, found))
    return f'<p role="status"><b>{visible(what)}: {told}</b></p>{table}'


def _row(check: Check) -> list[str]:
    sign, kind = _SIGNS.get(check.status, ("!", "note") if not check.clean else ("", "help"))
    result = f'<span class="{kind}"><span aria-hidden="true">{sign} </span>{check.status}</span>'
    remedy = f"{check.remedy} (runbook page {check.page})".strip() if check.page else check.remedy
    found = "; ".join(_found(check))
    return [visible(check.name), result, *map(visible, (found, remedy, check.who))]


def _found(check: Check) -> Iterator[str]:
    """The cause, and what came back where that says more."""
    if check.cause:
        yield check.cause
    if check.seen and not check.clean and check.seen not in check.cause:
        yield f"seen: {check.seen}"
