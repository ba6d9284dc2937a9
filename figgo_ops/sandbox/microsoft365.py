"""Microsoft 365 as its Graph shows it to an application: strict where the real one is."""

from __future__ import annotations

import math
import random
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, ClassVar

from figgo_ops.sandbox import microsoft365_batch as batch
from figgo_ops.sandbox.exchange_organization import Organization
from figgo_ops.sandbox.exchange_owner import Owner, plain
from figgo_ops.sandbox.exchange_store import CALENDAR, Mailbox
from figgo_ops.sandbox.exchange_write import Notification
from figgo_ops.sandbox.messages import Request, Response, Service
from figgo_ops.sandbox.microsoft365_batch import Item
from figgo_ops.sandbox.microsoft365_call import Answer, Call, GraphError
from figgo_ops.sandbox.microsoft365_directory import describe_settings, describe_user
from figgo_ops.sandbox.microsoft365_events import Events
from figgo_ops.sandbox.microsoft365_gate import DENIED, STATES, Gate, ItemErrors, check_agent, check_reach
from figgo_ops.sandbox.microsoft365_refusals import ids_of, ordered, refused, respond, unauthorized
from figgo_ops.sandbox.microsoft365_schema import violations
from figgo_ops.sandbox.microsoft365_tokens import TokenDesk

__all__ = ["STATES", "Microsoft365Service", "Notification", "SchemaBrokenError"]

_AT_ONCE = 4


class SchemaBrokenError(AssertionError):
    """The stand-in answered what Graph's own metadata does not allow."""


class Microsoft365Service(Service):
    """Microsoft 365 for one tenant and one application, which may use the calendars of the mailboxes added.

    Put `check` to False to leave the checks against the metadata out where speed is measured.

    Attributes:
        asked: method, mailbox and path of every item carried out or refused, in order, lone requests too.
        violations: what requests had that the metadata does not know.
        pause: how a creation takes its time.
    """

    choices: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        "application": ("ok", "disabled", "no-principal", "no-consent", "conditional-access"),
        "secret": ("ok", "expired"),
        "scope": ("group", "nobody", "everyone"),  # whose calendars the role reaches
        "access_policy": ("none", "denies"),
        "agents": ("any", "listed", "blocked"),  # by their lists only figgo-ops gets in, or everybody else
        "directory": (False, True),
        "settings": (False, True),
        "unlicensed": ("not-enabled", "not-found"),
        "rest_text": ("new", "old"),
        "concurrency": (int,),  # requests in flight on a mailbox; 0: no limit
        "retry_after": (int, float),  # seconds, for whoever breaks that limit
        "quota": (int,),  # requests to a mailbox within `quota_seconds`; 0: no limit
        "quota_seconds": (int, float),
        "item_seconds": (int, float),  # how long a creation takes, four of a batch at a time
        "item_errors": (dict,),  # method, mailbox, status, code, retry_after, every, after, times, commit
        "answers": ("shuffled", "sent"),  # the order in which a batch is answered
        **Events.choices,
    }
    defaults: ClassVar[Mapping[str, Any]] = {
        "concurrency": 4,
        "retry_after": 5,
        "quota": 0,
        "quota_seconds": 600,
        "item_seconds": 0,
        "item_errors": {},
        **Events.defaults,
    }

    def __init__(
        self,
        organization: Organization,
        *,
        client_id: str,
        tenant_id: str,
        secret: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__("microsoft365", clock)
        self.organization = organization
        self.lock = organization.lock
        self.tokens = TokenDesk(client_id, tenant_id, secret, self.switches, self._now)
        self.tokens.wall = clock
        self.gate = Gate(self.switches, self._now)
        self.check = True
        self.violations: list[str] = []
        self.asked: list[tuple[str, str, str]] = []
        self.events = Events()
        self.pause: Callable[[float], object] = time.sleep
        self._errors = ItemErrors(self.switches)
        self._random = random.Random(20261122)
        self._here = threading.local()

    def certificate(self, public_pem: str | bytes) -> str:
        """Register a certificate for the application and name it by its SHA-256 thumbprint."""
        return self.tokens.certificates.register(public_pem)

    def add_mailbox(
        self, mail: str, zone: str = "Europe/Paris", state: str = "ok", aliases: Iterable[str] = ()
    ) -> None:
        """Add an empty mailbox; ValueError when an address is taken, the state or the zone unknown."""
        if state not in STATES:
            raise ValueError(f"{mail} cannot be added: {state} (states: {', '.join(STATES)})")
        self.organization.add(mail, zone, state, aliases, online=True)

    def rename_mailbox(self, old: str, new: str, *, keep_alias: bool = True) -> None:
        """Give a mailbox another primary address; the old one becomes an alias, or unknown."""
        self.organization.rename(self.mailbox(old).mail, new, keep_alias=keep_alias)

    def set_state(self, mail: str, state: str) -> None:
        """Take a mailbox out of reach or bring it back; ValueError for a state not in STATES."""
        if state not in STATES:
            raise ValueError(f"unknown state {state!r}; known: {', '.join(STATES)}")
        with self.lock:
            self.mailbox(mail).state = state

    def mailbox(self, mail: str) -> Mailbox:
        """Find a mailbox by its address or an alias; KeyError when there is none, or it is on premises."""
        found = self.organization.find(mail)
        if found is None or not found.online:
            raise KeyError(mail)
        return found

    def mails(self) -> list[str]:
        """List the primary addresses of all mailboxes in the cloud."""
        return [one.mail for one in self.organization.mailboxes() if one.online]

    def owner(self, mail: str) -> Owner:
        """Act as the owner of a mailbox."""
        return Owner(self.mailbox(mail), self.lock, self.clock)

    def content(self, mail: str, *, deleted: bool = False) -> list[dict[str, Any]]:
        """Give the true content of a calendar, by time; what is in the bins only when asked for."""
        with self.lock:
            mailbox = self.mailbox(mail)
            items = mailbox.items() if deleted else iter(mailbox.folder(CALENDAR).values())
            return [plain(item) for item in sorted(items, key=lambda item: (item.start, item.number))]

    @property
    def notifications(self) -> list[Notification]:
        """The mails that Graph would have sent; a sync that behaves leaves it empty."""
        return self.events.notifications

    def switch(self, name: str, value: Any) -> None:
        """Set a switch; ValueError names the known switches or the values this one takes."""
        super().switch(name, value)
        if name == "item_errors":
            self._errors.reset()

    def identify(self, request: Request) -> str:
        """Name the mailboxes asked for, those of a batch joined by spaces; "" where there is none."""
        return " ".join(dict.fromkeys(item.user for item in self._items(request) if item.user))

    def place(self, request: Request) -> str:
        """Name the path, and the method that all items of a batch share."""
        methods = {item.method for item in self._items(request)} if batch.is_batch(request) else set()
        return f"{request.path}/{methods.pop()}" if len(methods) == 1 else request.path

    def arrive(self, request: Request) -> None:
        """Count a request's items in, and let creations take their time."""
        self._here.request = request
        items = self._items(request)
        self.gate.arrive(request.number, [self._mail(item) for item in items])
        creations = sum(item.method == "POST" for item in items)
        seconds = math.ceil(creations / _AT_ONCE) * self.switches["item_seconds"]
        if seconds:
            self.pause(seconds)

    def leave(self, request: Request) -> None:
        """Count a request's items out."""
        self.gate.leave(request.number)

    def refusal(self, answer: Mapping[str, Any]) -> Response:
        """Answer a status fault as Graph, or the sign-in service, would: `code` and `message` may be said."""
        request: Request | None = getattr(self._here, "request", None)
        headers = dict(answer.get("headers", {}))
        if request is not None and "Retry-After" in headers:
            mailboxes = [self._mail(item) for item in self._items(request)]
            self.gate.tell(request.number, mailboxes, self._seconds(headers["Retry-After"]))
        if "body" in answer:
            return super().refusal(answer)
        if request is not None and self.tokens.serves(request):
            trouble = self.tokens.trouble(answer)
            trouble.headers.update(headers)
            return trouble
        ids = ids_of(request)
        return respond(refused(ordered(answer, headers), ids, self.clock()), ids)

    def handle(self, request: Request) -> Response:
        """Answer one request."""
        if self.tokens.serves(request):
            return self.tokens.answer(request)
        ids = ids_of(request)
        try:
            self._admit(request)
            if batch.is_batch(request):
                answer = self._batch(request)
            else:
                answer = self._perform(request, 0, batch.read_alone(request), ids)
        except GraphError as error:
            answer = refused(error, ids, self.clock())
        return respond(answer, ids)

    def _items(self, request: Request) -> tuple[Item, ...]:
        """What a request asks for, unjudged; nothing for sign-ins, and for a batch refused as a whole."""
        if self.tokens.serves(request):
            return ()
        try:
            return batch.read_batch(request.body) if batch.is_batch(request) else (batch.read_alone(request),)
        except GraphError:
            return ()

    def _seconds(self, text: str) -> float:
        """Read a Retry-After: seconds, or a date."""
        return float(text) if text.isdigit() else parsedate_to_datetime(text).timestamp() - self.clock()

    def _now(self) -> float:
        # Rehearsals put another clock in later; the wall clock of assertions stays as it is.
        return self.clock()

    def _mail(self, item: Item) -> str:
        if not item.path:
            return ""
        found = self.organization.find(item.user)
        return found.mail if found else item.user

    def _admit(self, request: Request) -> None:
        if not request.path.startswith(f"{batch.ROOT}/"):
            version = request.path.split("/")[1]
            raise GraphError(400, "BadRequest", f"Invalid version: {version}.")
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        bearer = token.strip() if scheme.lower() == "bearer" else ""
        complaint = self.tokens.complaint(bearer) if bearer else "Access token is empty."
        if complaint:
            raise unauthorized(complaint)

    def _batch(self, request: Request) -> Answer:
        if request.method != "POST":
            raise GraphError(405, "UnsupportedMethod", "A batch is sent with POST.", {"Allow": "POST"})
        if not request.headers.get("Content-Type", "").lower().startswith("application/json"):
            raise GraphError(415, "UnsupportedMediaType", "A batch is sent as application/json.")
        items = batch.read_batch(request.body)
        answers = batch.carry_out(
            items, lambda index, item: self._perform(request, index, item, ids_of(request))
        )
        if self.switches["answers"] == "shuffled":
            self._random.shuffle(answers)
        return Answer(200, {"responses": answers})

    def _perform(self, request: Request, index: int, item: Item, ids: Mapping[str, str]) -> Answer:
        self.asked.append((item.method, item.user, "/" + "/".join(item.path)))
        try:
            if item.problem:
                raise item.problem
            if item.path:
                self.gate.admit(request.number, index, self._mail(item))
            return self._struck(request, item)
        except GraphError as error:
            return refused(error, ids, self.clock())

    def _struck(self, request: Request, item: Item) -> Answer:
        """Carry an item out, unless the switch `item_errors` has it fail, before or after."""
        order = self._errors.strike(item.method, item.user)
        if order is None:
            return self._checked(request, item)
        if order.get("commit"):
            self._checked(request, item)
        seconds = order.get("retry_after")
        if seconds is None:
            raise ordered(order, {})
        self.gate.tell(request.number, [self._mail(item)], seconds)
        raise ordered(order, {"Retry-After": f"{seconds:g}"})

    def _checked(self, request: Request, item: Item) -> Answer:
        kind = _kind(item)
        if self.check and kind and item.content is not None:
            problems = violations(kind, item.content)
            if problems:
                self.violations.extend(problems)
                raise GraphError(400, "RequestBodyRead", "; ".join(problems))
        answer = self._route(request, item)
        if self.check and kind and isinstance(answer.content, dict):
            rows = answer.content.get("value", answer.content)
            found = [
                text for row in (rows if isinstance(rows, list) else [rows]) for text in violations(kind, row)
            ]
            if found:
                raise SchemaBrokenError(f"{item.method} {'/'.join(item.segments)}: {'; '.join(found)}")
        return answer

    def _route(self, request: Request, item: Item) -> Answer:
        root = f"https://{request.headers.get('Host', 'localhost')}{batch.ROOT}"
        if item.segments[0] == "me":
            text = "/me request is only valid with delegated authentication flow."
            raise GraphError(400, "BadRequest", text)
        if not item.user:
            raise GraphError(400, "BadRequest", f"Resource not found for the segment '{item.segments[0]}'.")
        mailbox = self.organization.find(item.user)
        if not item.path:
            if item.method != "GET":
                raise GraphError(
                    405, "UnsupportedMethod", "The directory is only read here.", {"Allow": "GET"}
                )
            return describe_user(item.user, mailbox, item.query, self.switches, root)
        check_agent(request.headers.get("User-Agent", ""), self.switches)
        reached = check_reach(mailbox, item.user, self.switches)
        if item.path[0] == "mailboxSettings":
            return self._settings(reached, item, root)
        return self.events.perform(self._call(reached, item, root))

    def _settings(self, mailbox: Mailbox, item: Item, root: str) -> Answer:
        if not self.switches["settings"] or item.method != "GET":
            raise GraphError(403, "ErrorAccessDenied", DENIED)
        return describe_settings(mailbox, item.path, item.user, root)

    def _call(self, mailbox: Mailbox, item: Item, root: str) -> Call:
        return Call(
            method=item.method,
            path=item.path,
            user=item.segments[1],
            query=item.query,
            headers=item.headers,
            content=item.content,
            root=root,
            mailbox=mailbox,
            switches=self.switches,
            now=datetime.fromtimestamp(self.clock(), UTC).replace(microsecond=0),
            actor=self.tokens.client_id,
        )


def _kind(item: Item) -> str:
    """The type of the metadata that a path takes and gives, "" where none is told."""
    if not item.path:
        return "user" if item.user else ""
    head, last = item.path[0], item.path[-1]
    if head == "mailboxSettings":
        return "mailboxSettings" if len(item.path) == 1 else ""
    if item.path == ("calendar",):
        return "calendar"
    place = item.path[1:] if head == "calendar" else item.path
    return "event" if place[:1] in (("events",), ("calendarView",)) and last != "permanentDelete" else ""
