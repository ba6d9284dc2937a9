"""How a trouble is made to strike exactly one request of a known run, and how often it did."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from email.utils import format_datetime
from fnmatch import fnmatchcase
from itertools import islice
from typing import Any
from unittest import mock
from urllib.parse import urlencode

from figgo_ops.sandbox.faults import Fault
from figgo_ops.sandbox.messages import Entry, Request, Response
from figgo_ops.sandbox.microsoft365_tokens import LIFE
from tests.faults.batches import Spoiler
from tests.faults.grid import ANY, Operation, Trouble
from tests.faults.world import DOUBTFUL, HEROINE, MANY, PAGED, REMOTE_DAYS, World

QUOTA_WAIT = timedelta(seconds=40)

ELSEWHERE = "the fault struck another request than the one it was meant for"

_OAUTH = {
    400: "invalid_request",
    401: "invalid_client",
    403: "unauthorized_client",
    500: "internal_failure",
    503: "temporarily_unavailable",
}
_AADSTS = {400: 700016, 401: 7000215, 403: 53003}
"""An application that is not known, a wrong secret, conditional access."""


@dataclass(frozen=True, slots=True)
class Case:
    """One trouble with one operation, once or for as long as it stays."""

    trouble: Trouble
    operation: Operation
    once: bool

    @property
    def setting(self) -> str:
        """In which kind of run it plays."""
        return PAGED if self.trouble.level in ("page", "moving") else self.operation.setting

    @property
    def query(self) -> str:
        """Which pages may be struck."""
        return self.operation.later if self.trouble.level == "page" else "*"

    @property
    def nth(self) -> int:
        """Which of the requests that fit; the next one where only their order tells pages apart."""
        return self.operation.nth + (self.trouble.level == "page" and self.operation.later == ANY)

    def fits(self, entry: Entry) -> bool:
        """Whether a request is this operation's, at whatever point of the run."""
        wanted = self.operation
        return (
            entry.service == wanted.service
            and entry.method == wanted.method
            and fnmatchcase(entry.path, wanted.path)
            and fnmatchcase(entry.principal, wanted.principal)
            and fnmatchcase(urlencode(entry.query, doseq=True), self.query)
        )


def aim(case: Case, log: tuple[Entry, ...]) -> int:
    """The number of the request to be struck, counted from 0 over an undisturbed run.

    Looking ends where the people are asked for a second time; "again" means the operation after that. What
    settles a doubt comes after the fault that is part of its setting.
    """
    starts = [n for n, entry in enumerate(log) if entry.path.endswith("/users") and _is_first_page(entry)]
    begin = starts[1] if case.operation.again else 0
    if case.operation.setting == DOUBTFUL:
        begin = next(n for n, entry in enumerate(log) if entry.fault)
    fitting = (n for n, entry in enumerate(log) if n >= begin and case.fits(entry))
    return next(islice(fitting, case.nth, None))


def _is_first_page(entry: Entry) -> bool:
    return entry.query["paging"][0].startswith("0,")


@dataclass(slots=True)
class Arms:
    """One armed trouble.

    Attributes:
        before: what was asked when it first struck, for comparing with the undisturbed run.
    """

    world: World
    case: Case
    target: int
    log: tuple[Entry, ...]
    seen: list[Entry] = field(default_factory=list)
    struck: Callable[[], int] = int
    on_note: Callable[[Entry], object] = bool
    moves: int = 0
    hits: list[int] = field(default_factory=list)
    undo: ExitStack = field(default_factory=ExitStack)

    @contextmanager
    def armed(self) -> Iterator[None]:
        """The trouble strikes inside."""
        arms = {
            "connection": self._road,
            "moving": self._move,
            "item": self._item,
            "batch": self._batch,
            "token": self._token,
        }
        arm = arms.get(self.case.trouble.level, self._request)
        with self.undo, self.world.watched(self._see):
            arm()
            yield

    def complaint(self) -> str:
        """What speaks against the trouble having struck where it should; "" for nothing."""
        times = self.struck()
        asked = [(one.service, one.method, one.path, one.principal) for one in self.seen[: self.target]]
        due = [(one.service, one.method, one.path, one.principal) for one in self.log[: self.target]]
        if asked != due:
            return "the run had left its course before the fault struck"
        if times < 1 or (self.case.once and times > 1 and self.case.trouble.level != "moving"):
            return f"the fault struck {times} times"
        hit = self.seen[self.target : self.target + 1]
        if self.case.trouble.level in ("request", "page") and not (
            hit and hit[0].fault == self.case.trouble.kind
        ):
            return ELSEWHERE
        if self.case.trouble.level in ("item", "batch") and self.hits[0] != self.target:
            return ELSEWHERE
        if self.case.trouble.level == "token" and not (hit and hit[0].status == 401):
            return ELSEWHERE
        return ""

    def _see(self, entry: Entry) -> None:
        self.seen.append(entry)
        self.on_note(entry)

    def _request(self) -> None:
        wanted, trouble = self.case.operation, self.case.trouble
        earlier = sum(map(self.case.fits, self.log[: self.target]))
        fault = Fault(
            wanted.service,
            trouble.kind,
            wanted.method,
            wanted.path,
            wanted.principal,
            self.case.query,
            after=earlier,
            times=1 if self.case.once else None,
            value=_value(trouble, wanted, self.world),
        )
        number = self.world.stage.faults.add(fault)
        self.struck = lambda: self.world.stage.faults.struck(number)

    def _item(self) -> None:
        """Let single items be refused: Exchange is asked for one at a time here, Graph for one of hers."""
        wanted, world = self.case.operation, self.world
        assert isinstance(self.case.trouble.value, Mapping)
        earlier = sum(map(self.case.fits, self.log[: self.target]))
        if wanted.service == "exchange":
            earlier = sum(fnmatchcase(entry.path, wanted.path) for entry in self.log[: self.target])
        what = wanted.path.rpartition("/")[2]
        whose = {"operation": what} if wanted.service == "exchange" else {"method": what, "mailbox": HEROINE}
        order = {**whose, "after": earlier, **self.case.trouble.value}
        keeper = world.stage.keeper(world.corail.person(world.heroine))
        keeper.switch("item_errors", order | ({"times": 1} if self.case.once else {}))
        world.refused.clear()
        self.hits = world.refused
        self.struck = lambda: len(world.refused)

    def _batch(self) -> None:
        """Let somebody spoil batches that hold a request of hers."""
        service, wanted = self.world.stage.microsoft365, self.case.operation
        assert isinstance(self.case.trouble.value, Mapping)
        spoiler, handle = Spoiler(self.case.trouble.value["way"], HEROINE), service.handle
        service.switch("repeated", self.case.trouble.value.get("repeated", 409))

        def spoilt(request: Request) -> Response:
            hers = fnmatchcase(request.place, wanted.path) and fnmatchcase(
                request.principal, wanted.principal
            )
            if not hers or len(self.seen) < self.target or (self.case.once and self.hits):
                return handle(request)
            self.hits.append(len(self.seen))
            return spoiler.answer(handle, request)

        self.undo.enter_context(mock.patch.object(service, "handle", spoilt))
        self.struck = lambda: len(self.hits)

    def _token(self) -> None:
        """Let the token that the wanted request carries be worthless, and in the end every token."""

        def noted(_entry: Entry) -> None:
            if len(self.seen) == self.target or (not self.case.once and len(self.seen) > self.target):
                self.moves += 1
                if self.case.trouble.value == "expired":
                    self.world.ahead += LIFE
                else:
                    self.world.stage.microsoft365.tokens.revoke()

        self.on_note = noted
        self.struck = lambda: self.moves

    def _road(self) -> None:
        """Block the way just before the wanted request: after the last answer of the same service."""
        service = self.case.operation.service
        before = [n for n in range(self.target) if self.log[n].service == service]
        if not before:
            self._block()
            return

        def noted(_entry: Entry) -> None:
            if len(self.seen) == before[-1] + 1:
                self._block()

        self.on_note = noted

    def _block(self) -> None:
        trouble, service = self.case.trouble, self.case.operation.service
        server = self.world.stage.server(service)
        if trouble.kind != "certificate":
            road = self.world.weather.block(server, trouble.kind, once=self.case.once)
            self.struck = lambda: road.struck
            return
        server.drain()
        times = 1 if self.case.once else None
        number = self.world.stage.faults.add(Fault(service, "certificate", times=times, value=trouble.value))
        self.struck = lambda: self.world.stage.faults.struck(number)

    def _move(self) -> None:
        """Change the list between its pages, once or in every reading."""
        move = _MOVES[self.case.operation.name.removesuffix(" again")]

        def noted(entry: Entry) -> None:
            due = len(self.seen) > self.target and self.case.fits(entry)
            if due and not (self.case.once and self.moves) and move(self.world, entry, self.moves):
                self.moves += 1

        self.on_note = noted
        self.struck = lambda: self.moves


def _value(trouble: Trouble, operation: Operation, world: World) -> Any:
    """What the fault says, in the service's own words."""
    if not isinstance(trouble.value, Mapping):
        return trouble.value
    value = dict(trouble.value)
    flavour, wait = value.pop("flavour", ""), value.pop("wait", "")
    if "body" in value:
        return value
    if wait:
        until = world.corail.clock.now() + QUOTA_WAIT
        seconds = f"{QUOTA_WAIT.total_seconds():.0f}"
        asked = seconds if wait == "seconds" else format_datetime(until, usegmt=True)
        value["headers"] = {"Retry-After": asked}
    if operation.dialect == "exchange" and value["status"] == 401:
        value["headers"] = {"WWW-Authenticate": "Negotiate, NTLM"}
    elif operation.dialect == "entra" and value["status"] in _AADSTS:
        code = _AADSTS[value["status"]]
        told = {
            "error": _OAUTH[value["status"]],
            "error_description": f"AADSTS{code}: no.",
            "error_codes": [code],
        }
        value["body"] = told
    elif operation.dialect in ("oauth", "entra"):
        value["error"] = _OAUTH.get(value["status"], f"refused_{value['status']}")
    elif flavour and operation.dialect == "google":
        value["reason"] = {"rights": "insufficientPermissions", "quota": "quotaExceeded"}[flavour]
    return value


def _newcomer(world: World, entry: Entry, moves: int) -> bool:
    """Somebody whose id comes before all others becomes visible to the key."""
    if not _is_first_page(entry):
        return False
    people = world.stage.company.people
    number = min(people) - 1
    people[number] = replace(people[world.other], id=number, mail=None, contract_end=date(2020, 1, 31))
    world.stage.company.revision += 1
    return True


def _lost_row(world: World, entry: Entry, moves: int) -> bool:
    """A day of remote work on a page already read is taken back."""
    if not entry.query["paging"][0].startswith("6,"):
        return False
    world.list_days([REMOTE_DAYS[moves]], listed=False)
    return True


def _lost_entity(world: World, entry: Entry, moves: int) -> bool:
    """A legal entity on the first page is archived for good."""
    if entry.query["page"] != ["1"]:
        return False
    del world.stage.company.legal_entities[MANY[moves]]
    return True


def _touched_event(world: World, entry: Entry, moves: int) -> bool:
    """The owner writes a note into an event that is about to be written."""
    events = world.corail.events(world.heroine)
    changing = next(event for event in events if event["status"].lower() == "tentative")
    world.corail.owner(world.heroine).annotate(changing["id"], f"note {moves}")
    return True


_MOVES: Mapping[str, Callable[[World, Entry, int], bool]] = {
    "people": _newcomer,
    "leaves": _lost_row,
    "entities": _lost_entity,
    "list": _touched_event,
}
