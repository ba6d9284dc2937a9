"""A company of three between two states of its calendars: the same run again and again from one start."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Self
from unicodedata import normalize
from unittest import mock

from figgo_ops import sync
from figgo_ops.errors import FiggoOpsError
from figgo_ops.figgo import pages
from figgo_ops.result import Result
from figgo_ops.sandbox.exchange_call import ItemErrors
from figgo_ops.sandbox.exchange_soap import RefusedError
from figgo_ops.sandbox.exchange_store import FOLDERS, Mailbox
from figgo_ops.sandbox.messages import Entry, Request, Service
from figgo_ops.sandbox.microsoft365_gate import Gate
from figgo_ops.sandbox.microsoft365_gate import ItemErrors as Microsoft365Errors
from figgo_ops.sandbox.people import LegalEntity, Person
from tests.faults.weather import Weather
from tests.rehearsal import ANTILLES, GENEVA, TENANT, Corail, drawn, key_of

PLAIN, DOUBTFUL, PAGED = "plain", "doubtful", "paged"
"""How a run is set up: as it is; a creation whose outcome is not told; everything listed in small pages."""

HEROINE = "adele@corail.example"
"""Whose requests the faults strike; the colleague's must not suffer."""

HERS = f"*{HEROINE}*"
"""Her requests, and the batches that hold one."""

CROWD = (
    *("Diane", "Émile", "Flora", "Gaspard", "Hélène", "Isidore", "Jeanne", "Kévin", "Léonie"),
    *("Marius", "Noémie", "Octave", "Pauline", "Quentin", "Rosalie", "Sylvain", "Thérèse", "Ulysse"),
)
"""Who fills a batch of twenty, where requests go in batches: with the heroine and her colleague."""

MANY = range(1001, 1102)
"""Legal entities that fill a second page."""

REMOTE_DAYS = tuple(date(2026, 12, day) for day in range(1, 5))
"""Of the heroine; no calendar shows them, so they may disappear from Figgo under the reader."""

NOBODY = 0
"""Stands for the service account, whose own calendar stays empty."""

Picture = dict[int, dict[str, str]]
"""For each person, what their calendar shows under each key."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended.

    Attributes:
        exit: the exit code.
        named: people whom the run tells about, or None for everybody.
        codes: codes of the errors told.
        waits: whether something is held or unknown.
        doubted: people for whom nobody knows what became of a creation.
    """

    exit: int
    named: frozenset[int] | None
    unread: frozenset[int] = frozenset()
    codes: frozenset[str] = frozenset()
    waits: bool = False
    said: str = ""
    doubted: frozenset[int] = frozenset()

    @classmethod
    def of(cls, result: Result) -> "Ending":
        """Of a run that came to its end."""
        rows = [*result.failed, *result.stale, *result.unknown, *result.held]
        unread = frozenset(row.employee for row in result.unreadable)
        texts = [row.error for row in rows] + [row.error.message for row in result.unreadable]
        return cls(
            sync.exit_of(result),
            frozenset(row.employee for row in rows) | unread,
            unread,
            frozenset(row.error.code for row in result.unreadable),
            bool(result.held or result.unknown),
            "; ".join(texts),
            frozenset(row.employee for row in result.unknown if row.action == "create"),
        )

    @classmethod
    def broken_off(cls, error: FiggoOpsError) -> "Ending":
        """Of a run that could not go on."""
        return cls(error.exit, None, codes=frozenset({error.code}), said=error.message)


@dataclass(frozen=True, slots=True)
class Course:
    """An undisturbed run: what was asked, in order, and what the calendars show in the end."""

    log: tuple[Entry, ...]
    picture: Picture


@dataclass(frozen=True, slots=True)
class House:
    """One provider, whose mailboxes the people of a world have.

    Attributes:
        creation: the path of creations, as a pattern.
        small_pages: the switch and the value that make its lists come in small pages.
        crowd: further people, with the same to do as the heroine.
    """

    provider: str
    legal_entity: int
    creation: str
    small_pages: tuple[str, int]
    crowd: tuple[str, ...] = ()

    def creates(self, entry: Entry) -> bool:
        """Whether this request is a creation."""
        return (entry.service, entry.method) == (self.provider, "POST") and fnmatchcase(
            entry.path, self.creation
        )


HOUSES = {
    "google": House("google", 1, "*/events", ("short_pages", 1)),
    "exchange": House("exchange", GENEVA, "*/CreateItem", ("page_cap", 1)),
    "microsoft365": House("microsoft365", ANTILLES, "*/POST", ("page_cap", 1), CROWD),
}


@dataclass(frozen=True, slots=True)
class _Start:
    """What to go back to; each place where events are kept with what was in it."""

    events: list[tuple[dict[str, Any], dict[str, Any]]]
    ledger: dict[Path, bytes]
    people: dict[int, Person]
    entities: dict[int, LegalEntity]


class World:
    """The rehearsal company with one creation, one update and one removal to do for one person.

    A colleague has a creation to do, and a third person is only there to be listed.

    Attributes:
        refused: for each single item that was made to fail, how many requests had been answered before.
        ahead: seconds by which Microsoft's clock has run ahead, so that its tokens end.
    """

    def __init__(self, folder: Path, provider: str = "google") -> None:
        self.house = HOUSES[provider]
        self.refused: list[int] = []
        self.ahead = 0.0
        self._patches = ExitStack()
        self.corail = self._patches.enter_context(Corail(folder, people=0))
        self.weather = self._patches.enter_context(Weather(self.corail.clock))
        self.stage = self.corail.stage
        self.stage.exchange.clock = self.stage.figgo.clock
        self.stage.microsoft365.clock = lambda: self.stage.figgo.clock() + self.ahead
        self.heroine, self.colleague, self.other = map(self._hired, ("Adèle", "Basile", "Chloé"))
        self.crowd = tuple(map(self._hired, self.house.crowd))
        for errors in (ItemErrors, Microsoft365Errors):
            self._patches.enter_context(mock.patch.object(errors, "strike", self._counted(errors.strike)))
        self._prepare()
        self._start = self._kept()
        self.before = self.picture()
        self._courses: dict[str, Course] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        self.weather.clear()
        self._patches.close()

    def _hired(self, name: str) -> int:
        plain = normalize("NFD", name.lower()).encode("ascii", "ignore").decode()
        mail = f"{plain}@corail.example"
        return self.stage.hire(name, "Aubert", self.house.legal_entity, mail).id

    def _prepare(self) -> None:
        """Load what there is, then let Figgo move on."""
        company = self.stage.company
        # A world sees more runs in a minute than any tenant; how quotas are met is tested elsewhere.
        self.stage.figgo.switch("rate_limit", 10**6)
        for quota in ("per_user_quota", "per_project_quota"):
            self.stage.google.switch(quota, 0)
        self.corail.activate()
        self.corail.rewrite('working_time = "weekdays"', 'working_time = "userdates"')
        for provider in HOUSES:
            self.corail.rewrite(f'kind = "{provider}"', f'kind = "{provider}"\nthreads = 1')
        self.corail.rewrite("delete_min = 10", "delete_min = 50")
        self.corail.rewrite("[limits]", f"[scope]\nexcept = [{self.other}]\n\n[limits]")
        for day in REMOTE_DAYS:
            company.enter_by_hr(self.heroine, day, account="Télétravail")
        company.enter_by_hr(self.heroine, date(2026, 12, 23), date(2026, 12, 29), "Congés payés")
        company.enter_by_hr(self.colleague, date(2026, 12, 7), date(2026, 12, 8))
        moves = [self._planned(person) for person in (self.heroine, *self.crowd)]
        assert self.corail.sync().created == 2 + 2 * len(moves)
        self._forget_how_to_log_on()
        for move_on in moves:
            move_on()
        company.enter_by_hr(self.colleague, date(2027, 3, 1))

    def _planned(self, person: int) -> Callable[[], object]:
        """Somebody asks for two absences; later the one is approved, the other given up, a third entered."""
        company = self.stage.company
        pending = company.request_leave(person, date(2027, 1, 11), date(2027, 1, 13))
        given_up = company.request_leave(person, date(2027, 2, 1))
        company.approve(given_up.id)

        def move_on() -> None:
            company.approve(pending.id)
            company.ask_cancellation(given_up.id)
            company.settle_cancellation(given_up.id, True)
            company.enter_by_hr(person, date(2027, 3, 8), date(2027, 3, 9))

        return move_on

    def _forget_how_to_log_on(self) -> None:
        """Let every run begin with the question which methods are offered."""
        with self.corail.session() as session:
            session.ledger.remember(TENANT, "exchange: log-on", "")

    def _counted(self, strike: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*item: Any) -> Any:
            before = len(self.stage.log.entries())
            try:
                order = strike(*item)
            except RefusedError:
                self.refused.append(before)
                raise
            self.refused += [before] if order else []
            return order

        return counted

    def course(self, setting: str) -> Course:
        """The undisturbed run in this setting."""
        if setting not in self._courses:
            with self.set_up(setting):
                assert self.run().exit == 0
                self._courses[setting] = Course(tuple(self.stage.log.entries()), self.picture())
        return self._courses[setting]

    @contextmanager
    def set_up(self, setting: str) -> Iterator[None]:
        """Everything as at the start, and the setting in force; faults are armed inside."""
        self._restore()
        with ExitStack() as undo:
            undo.callback(self.clear_up)
            if setting == DOUBTFUL:
                house = self.house
                self.corail.fault(
                    house.provider,
                    "status-after",
                    method="POST",
                    path=house.creation,
                    principal=HERS,
                    value=503,
                )
            if setting == PAGED:
                self._turn_pages(undo)
            yield

    def run(self, *, retry_credential: bool = False) -> Ending:
        """One `sync`; whatever is not an error for people to read fails the test."""
        self.corail.clock.sleep(1)  # runs of one second may come by the same name
        try:
            with self.corail.session(retry_credential=retry_credential) as session:
                return Ending.of(sync.sync(session, sync.Ask()))
        except FiggoOpsError as error:
            return Ending.broken_off(error)

    @contextmanager
    def watched(self, see: Callable[[Entry], None]) -> Iterator[None]:
        """Be told of each request when it was noted, before it is answered, in the stand-in's thread."""
        log = self.stage.log
        add = log.add

        def noted(service: str, request: Request, status: int, fault: str | None) -> None:
            add(service, request, status, fault)
            entry = log.entries()[-1]
            self.weather.noted(entry)
            see(entry)

        with mock.patch.object(log, "add", noted):
            yield

    def list_days(self, days: Iterable[date], *, listed: bool) -> None:
        """Let Figgo list the heroine's leaves on these days, or not any more."""
        company = self.stage.company
        with company.lock:
            for leave in (company.leave_on(self.heroine, (day, half)) for day in days for half in (0, 1)):
                assert leave is not None
                leave.is_active = listed
            company.revision += 1

    def clear_up(self) -> None:
        """Nothing goes wrong any more."""
        self.weather.clear()
        self.stage.faults.clear()
        for service in (self.stage.exchange, self.stage.microsoft365):
            service.switch("item_errors", {})
        self.stage.microsoft365.switch("repeated", 409)
        self.ahead = 0.0

    def picture(self) -> Picture:
        """What the calendars show; a double shows under a name of its own."""
        exchange = self.stage.exchange
        everybody = (self.heroine, self.colleague, self.other, *self.crowd)
        calendars = {one: self.corail.events(one) for one in everybody}
        found: Picture = {}
        for number, events in (calendars | {NOBODY: exchange.content(exchange.account)}).items():
            shown = found.setdefault(number, {})
            for event in events:
                key = key_of(event)
                while key in shown:
                    key = f"double of {key}"
                shown[key] = drawn(event)
        return found

    def _turn_pages(self, undo: ExitStack) -> None:
        keeper: Service = self.stage.keeper(self.corail.person(self.heroine))
        switch, small = self.house.small_pages
        undo.callback(keeper.switch, switch, keeper.switches[switch])
        keeper.switch(switch, small)
        if self.house.crowd:
            return  # Figgo's own pages are turned in another world, for fewer people
        undo.enter_context(mock.patch.object(pages, "SMALLEST_PAGE", 2))
        agencies = (
            LegalEntity(number, f"Agence {number}", "Europe/Paris", "FR", "x.example") for number in MANY
        )
        self.stage.company.legal_entities.update({agency.id: agency for agency in agencies})
        with self.corail.session() as session:
            session.ledger.remember(TENANT, "page", 2)

    def _kept(self) -> _Start:
        google, company = self.stage.google, self.stage.company
        places: list[dict[str, Any]] = [google.mailbox(mail).events for mail in google.mails()]
        places += [box.folder(name) for box in self._in_outlook() for name in FOLDERS]
        events = [(place, dict(place)) for place in places]
        ledger = {path: path.read_bytes() for path in self.stage.home.glob("ledger.db*")}
        return _Start(events, ledger, dict(company.people), dict(company.legal_entities))

    def _in_outlook(self) -> list[Mailbox]:
        exchange = self.stage.exchange
        return [*self.stage.organization.mailboxes(), exchange.mailbox(exchange.account)]

    def _restore(self) -> None:
        self.stage.faults.settle()
        for place, events in self._start.events:
            _refill(place, events)
        for mailbox in self._in_outlook():
            mailbox.version += 1  # the stand-in keeps a list as long as nothing changes
        for path in self.stage.home.glob("ledger.db*"):
            path.unlink()
        for path, content in self._start.ledger.items():
            path.write_bytes(content)
        _refill(self.stage.company.people, self._start.people)
        _refill(self.stage.company.legal_entities, self._start.entities)
        self.list_days(REMOTE_DAYS, listed=True)
        self.corail.clock.slept = 0.0
        graph = self.stage.microsoft365
        graph.gate = Gate(graph.switches, graph.clock)  # it would remember pauses of a time to come
        self.corail.forget_calls()


def _refill(mapping: dict[Any, Any], content: dict[Any, Any]) -> None:
    mapping.clear()
    mapping.update(content)
