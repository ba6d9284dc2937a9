"""Diagnostics of Figgo: whether the key is known, and whether its role shows what is needed."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import cached_property
from typing import TypeVar

from figgo_ops.checks import CUSTOMER, SUPPORT, Check, of, skipped
from figgo_ops.errors import FiggoOpsError, Incomplete, RightsMissing, Unreachable
from figgo_ops.figgo import Figgo
from figgo_ops.leaves import Leave, Person, Slot, Span
from figgo_ops.roster import Roster, roster
from figgo_ops.session import Session

LISTS = ("Figgo: rate", "Figgo: people", "Figgo: legal entities", "Figgo: leaves", "Figgo: working time")
BUSY = frozenset({"too-many", "wait"})
ASKED = 50
"""So many people are asked about in one list of leaves."""
YEAR = timedelta(days=365)
_TRIED = "asked for the list of people with the API key"
_ROLE = "In Lucca, give the role of the API key the employees of these legal entities, then run again."

T = TypeVar("T")


class Source:
    """What Figgo says about one tenant; each list is read once.

    Args:
        closed: why it cannot be asked; "" when it can.

    Attributes:
        people: everybody that was shown; nobody before `checks` asked.
        unknown: why nobody is known, where Figgo did not say so itself.
    """

    def __init__(self, session: Session, closed: str = "") -> None:
        self.session, self.closed = session, closed
        self.people: list[Person] = []
        self.legal_entities: dict[int, str] = {}
        self.unknown = ""
        self._silent = False

    @cached_property
    def everyone(self) -> Roster:
        """Everyone that was shown, resolved to mailboxes."""
        session = self.session
        return roster(self.people, session.route, {}, session.today, self.legal_entities)

    @property
    def employed(self) -> list[Person]:
        """Who has not left."""
        return [person for person in self.people if not person.left(self.session.today)]

    def _served(self) -> list[Person]:
        """Who is employed and has a calendar; everyone employed while no calendar is set up yet."""
        every = not self.session.tenant.calendars
        return [person for person in self.employed if every or self.session.route(person)]

    def checks(self) -> Iterator[Check]:
        """Key, people, legal entities, leaves, working time; what stands on a failed one is skipped."""
        if self.closed:
            self.unknown = self.closed
            yield from skipped(("Figgo: key", *LISTS), self.closed)
            return
        people, error = self._tried(lambda figgo: figgo.people())
        if error and error.code in BUSY:
            self.unknown = "see Figgo: rate"
            yield Check("Figgo: key", "skipped", "Figgo did not come to it")
            yield of("Figgo: rate", error, tried=_TRIED)
            yield from skipped(LISTS[1:], "Figgo takes no more requests for now")
            return
        # A page in place of Figgo's own refusal comes from something that stands before it.
        if error and (error.code == "address-refused" or not isinstance(error, RightsMissing | Incomplete)):
            self.unknown = "see Figgo: key"
            yield of("Figgo: key", error, tried=_TRIED)
            yield from skipped(LISTS, "the key was not accepted")
            return
        yield Check("Figgo: key", "ok", "Figgo knows it", tried=_TRIED)
        yield Check("Figgo: rate", "ok", self._pace(), tried=_TRIED)
        self.people, self.unknown = people or [], "" if people else "see Figgo: people"
        yield of("Figgo: people", error, tried=_TRIED) if error else self._shown()
        if not self.people:
            yield from skipped(LISTS[2:], "nobody is shown to the key")
            return
        for name, step in zip(
            LISTS[2:], (self._legal_entities, self._leaves, self._working_time), strict=True
        ):
            yield Check(name, "skipped", "Figgo does not answer any more") if self._silent else step()

    def _pace(self) -> str:
        ours = self.session.tenant.figgo.per_minute
        return f"not asked to wait; of the 50 requests a minute that all integrations share {ours:g} are ours"

    def _shown(self) -> Check:
        name = self.session.tenant.name
        if not self.people:
            cause = f"{name}: Figgo answers, but shows nobody to this key"
            return Check(
                "Figgo: people", "failed", cause, _ROLE, CUSTOMER, "empty-source", _TRIED, "an empty list"
            )
        with_mail = sum(bool(person.mail) for person in self.employed)
        seen = f"{len(self.employed)} employed, {with_mail} of them with a mail address"
        return Check("Figgo: people", "ok", seen, tried=_TRIED)

    def _legal_entities(self) -> Check:
        """Whether every legal entity of the tenant file exists and shows somebody."""
        name, tried = "Figgo: legal entities", "asked for the list of legal entities"
        found, error = self._tried(lambda figgo: figgo.legal_entities())
        if error or found is None:
            return of(name, error, tried=tried)
        self.legal_entities = found
        named = sorted({n for one in self.session.tenant.calendars for n in one.legal_entities})
        unknown = [number for number in named if number not in found]
        if unknown:
            cause = f"the tenant file names legal entity {unknown[0]}, which Figgo does not have or not show"
            known = ", ".join(f"{number} {text}" for number, text in sorted(found.items()))
            # Whoever takes out a number that is right has everybody's events there removed.
            remedy = (
                f"If {unknown[0]} is right, have the role of the API key widened in Lucca; only if it is a "
                f"mistake, correct legal_entities in the tenant file. Figgo shows: {known}."
            )
            return Check(name, "failed", cause, remedy, SUPPORT, "unknown-legal-entity", tried)
        peopled = {person.legal_entity for person in self.people}
        empty = [f"{number} {found[number]}" for number in named if number not in peopled]
        if empty:
            cause = f"nobody of legal entity {empty[0]} is shown to this key: its role does not cover them"
            return Check(
                name, "failed", cause, _ROLE, CUSTOMER, "role-too-narrow", tried, f"{len(found)} listed"
            )
        return Check(
            name, "ok", f"{len(found)} listed, all that the tenant file names among them", tried=tried
        )

    def _leaves(self) -> Check:
        """Whether leaves are shown: a role without them lists none and says nothing."""
        name = "Figgo: leaves"
        asked = [person.id for person in self._served()][:ASKED]
        tried = f"asked for the leaves of {len(asked)} people over a year"
        today = self.session.today
        found, error = self._tried(
            lambda figgo: _read(figgo, asked, Span(today - YEAR / 2, today + YEAR / 2))
        )
        if error or found is None:
            return of(name, error, tried=tried)
        if asked and not found:
            cause = (
                f"Figgo shows no leave of {len(asked)} people in a year: the key's role may not see leaves"
            )
            remedy = "In Lucca, let the role of the API key see the absences of these people, then run again."
            return Check(name, "warning", cause, remedy, CUSTOMER, "no-leaves", tried, "an empty list")
        notes = " ".join(self.session.figgo.notes)
        return Check(name, "ok", f"{len(found)} half-days. {notes}".strip(), tried=tried)

    def _working_time(self) -> Check:
        name = "Figgo: working time"
        if self.session.tenant.figgo.working_time != "userdates":
            return Check(name, "skipped", "the tenant file goes by weekdays, so it is not asked for")
        person = next(iter(self._served()), None)
        if person is None:
            return Check(name, "skipped", "nobody is in scope")
        tried, today = f"asked for the working days of person {person.id}", self.session.today
        _, error = self._tried(lambda figgo: _rest(figgo, person.id, Span(today, today)))
        return of(name, error, "Figgo tells who works when", tried=tried)

    def _tried(self, question: Callable[[Figgo], T]) -> tuple[T | None, FiggoOpsError | None]:
        try:
            with self.session.asking_figgo():
                return self._allowed(question)
        except FiggoOpsError as error:
            self._silent = self._silent or isinstance(error, Unreachable)
            return None, error

    def _allowed(self, question: Callable[[Figgo], T]) -> tuple[T | None, FiggoOpsError | None]:
        """One list may be closed to the role and the next one open: a session would give up at the first."""
        try:
            return question(self.session.figgo), None
        except RightsMissing as error:
            return None, error


def _read(figgo: Figgo, owners: list[int], days: Span) -> list[Leave]:
    found: list[Leave] = []
    for batch in figgo.leaves(owners, days):
        if batch.error:
            raise batch.error
        found += batch.leaves or ()
    return found


def _rest(figgo: Figgo, owner: int, days: Span) -> frozenset[Slot]:
    (rest,) = figgo.rest_slots({owner: [days]})
    if rest.error:
        raise rest.error
    return rest.slots or frozenset()
