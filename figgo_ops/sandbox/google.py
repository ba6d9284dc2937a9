"""A strict stand-in for Google: the token endpoint, and the events of calendar v3."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

from cryptography.hazmat.primitives.asymmetric import rsa

from figgo_ops.sandbox.discovery import Method, calendar
from figgo_ops.sandbox.google_events import Call, EventsResource, Notification
from figgo_ops.sandbox.google_gate import Quota, refusal, scope_too_small
from figgo_ops.sandbox.google_mailbox import Mailbox
from figgo_ops.sandbox.google_owner import Owner
from figgo_ops.sandbox.google_rules import Event, RefusedError
from figgo_ops.sandbox.google_tokens import (
    DELEGATIONS,
    Grant,
    TokenDesk,
    TokenRefusedError,
    public_key_of,
    service_account_info,
    subject_of,
)
from figgo_ops.sandbox.messages import Request, Response, Service
from figgo_ops.sandbox.partial import FieldsError, select, selection

__all__ = ["GoogleService", "Notification", "public_key_of", "service_account_info"]

TOKEN_PATH = "/token"
STATES = ("ok", "suspended", "no-calendar", "deleted", "unknown", "restricted", "exhausted")
_WRITES = frozenset("calendar.events." + verb for verb in ("insert", "update", "patch", "delete"))
_REASONS: Mapping[int, str] = {
    400: "invalid",
    401: "authError",
    403: "rateLimitExceeded",
    404: "notFound",
    409: "duplicate",
    410: "deleted",
    412: "conditionNotMet",
    429: "rateLimitExceeded",
}


class SchemaBrokenError(AssertionError):
    """The stand-in answered what the discovery document does not allow."""


class GoogleService(Service):
    """Google for the domains of one company and one service account.

    Put `check` to False to leave the discovery checks out where speed is measured.
    Subjects that were never added are unknown users; the service account has a calendar of its own,
    as in reality: a client that loses its subject writes there and hears no complaint.
    """

    choices: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        "filter": ("exact", "ignored"),
        "repeated_filters": ("and", "or"),
        "empty_list": (str,),  # a mail, or * for any: its next list comes back empty
        "short_pages": (int,),  # the most events a page holds; 0: as many as asked for
        "empty_pages": (False, True),
        "revival": ("ok", "forbidden"),
        "missing_sequence": ("accepted", "refused"),
        "alias_subjects": ("accepted", "refused"),
        "calendar_api": ("enabled", "disabled"),
        "delegation": ("granted", "missing", "another-scope"),
        "service_account": ("ok", "key-deleted", "deleted"),
        "per_user_quota": (int,),  # units a minute; 0: none
        "per_project_quota": (int,),
        "quota_status": (403, 429),
        "retry_after": ("seconds", "date", "none"),
    }
    defaults: ClassVar[Mapping[str, Any]] = {
        "empty_list": "",
        "short_pages": 0,
        "per_user_quota": 600,
        "per_project_quota": 10_000,
    }

    def __init__(
        self,
        domains: Iterable[str],
        users: Iterable[str] = (),
        *,
        service_account_public_key: rsa.RSAPublicKey,
        client_email: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__("google", clock)
        self.check = True
        self.tokens = TokenDesk(service_account_public_key, client_email, domains)
        self.events = EventsResource(self.switches)
        self._discovery = calendar()
        self._quota = Quota(self.switches, client_email, clock)
        self._mailboxes: dict[str, Mailbox] = {client_email: Mailbox(client_email, zone="UTC")}
        self._mails: dict[str, str] = {client_email: client_email}
        for mail in users:
            self.add_user(mail)

    def switch(self, name: str, value: Any) -> None:
        """Set a switch; ValueError names the known switches or the values this one takes."""
        super().switch(name, value)
        if name == "delegation":
            self.tokens.granted = set(DELEGATIONS[value])
        if name == "service_account":
            self.tokens.exists, self.tokens.has_key = value != "deleted", value == "ok"

    def add_user(
        self, mail: str, zone: str = "Europe/Paris", state: str = "ok", aliases: Iterable[str] = ()
    ) -> None:
        """Add a user with an empty calendar; ValueError when the address is taken or the state unknown."""
        taken = [address for address in (mail, *aliases) if address.lower() in self._mails]
        if taken or state not in STATES:
            raise ValueError(f"{mail} cannot be added: {taken or state} (states: {', '.join(STATES)})")
        with self.lock:
            self._mailboxes[mail.lower()] = Mailbox(mail.lower(), zone, state, {a.lower() for a in aliases})
            self._mails.update({address.lower(): mail.lower() for address in (mail, *aliases)})

    def rename_user(self, old: str, new: str, *, keep_alias: bool = True) -> None:
        """Give a user another primary address; the old one becomes an alias, or unknown."""
        with self.lock:
            mailbox = self._mailboxes.pop(self._mails[old.lower()])
            if keep_alias:
                mailbox.aliases.add(mailbox.mail)
            else:
                del self._mails[mailbox.mail]
            mailbox.mail = new.lower()
            self._mailboxes[mailbox.mail] = mailbox
            self._mails.update(dict.fromkeys((mailbox.mail, *mailbox.aliases), mailbox.mail))

    def set_state(self, mail: str, state: str) -> None:
        """Suspend, delete, exhaust or restore a user; ValueError for a state not in STATES."""
        if state not in STATES:
            raise ValueError(f"unknown state {state!r}; known: {', '.join(STATES)}")
        with self.lock:
            self.mailbox(mail).state = state

    def mailbox(self, mail: str) -> Mailbox:
        """Find a mailbox by its address or an alias; KeyError when there is none."""
        return self._mailboxes[self._mails[mail.lower()]]

    @property
    def notifications(self) -> list[Notification]:
        """The mails that Google would have sent; a sync that behaves leaves it empty."""
        return self.events.notifications

    def owner(self, mail: str) -> Owner:
        """Act as the owner of a mailbox."""
        return Owner(self.mailbox(mail), self.lock, self.clock)

    def content(self, mail: str, *, deleted: bool = False) -> list[Event]:
        """Give the true content of a mailbox, by time; tombstones only when asked for."""
        with self.lock:
            stored = sorted(self.mailbox(mail).events.values(), key=lambda s: (s.span.start, s.change))
            return [copy.deepcopy(s.resource) for s in stored if deleted or not s.gone]

    def mails(self) -> list[str]:
        """List the primary addresses of all users, the service account left out."""
        return sorted(set(self._mailboxes) - {self.tokens.client_email})

    def identify(self, request: Request) -> str:
        """Name the subject: of the access token, or of the assertion that asks for one."""
        if request.path == TOKEN_PATH:
            return subject_of(request.body)
        grant = self._grant(request)
        return grant.subject if grant else ""

    def handle(self, request: Request) -> Response:
        """Answer a token request or an API call."""
        if request.path == TOKEN_PATH and request.method == "POST":
            return self._token(request)
        found = self._discovery.find(request.method, request.raw_path)
        if found is None:
            return Response.text(404, f"<h1>404.</h1>{request.path} was not found.", "text/html")
        try:
            return self._call(request, *found)
        except RefusedError as refused:
            return refusal(refused)

    def refusal(self, answer: Mapping[str, Any]) -> Response:
        """Give a fault's answer in Google's form; with `error` in OAuth's, with `body` as it is."""
        status = answer["status"]
        if "body" in answer:
            return super().refusal(answer)
        if "error" in answer:
            words = {"error": answer["error"], "error_description": answer.get("error_description", "")}
            return Response.json(status, words, answer.get("headers"))
        reason = answer.get("reason") or _REASONS.get(status, "backendError")
        message = answer.get("message", reason)
        return refusal(RefusedError(status, reason, message, headers=answer.get("headers") or {}))

    def _token(self, request: Request) -> Response:
        now = self.clock()
        try:
            claims = self.tokens.claims(request.body, now)
            subject = str(claims.get("sub", claims["iss"])).lower()
            mailbox = self._subject(subject)
            answer = self.tokens.issue(
                mailbox.mail if mailbox else subject, mailbox.state if mailbox else "unknown", claims, now
            )
        except TokenRefusedError as refused:
            words = {"error": refused.error, "error_description": refused.description}
            return Response.json(refused.status, words)
        return Response.json(200, answer)

    def _subject(self, mail: str) -> Mailbox | None:
        if mail not in self._mailboxes and self.switches["alias_subjects"] == "refused":
            return None
        return self._mailboxes.get(self._mails.get(mail, ""))

    def _grant(self, request: Request) -> Grant | None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        return self.tokens.grant(token) if scheme.lower() == "bearer" else None

    def _call(self, request: Request, method: Method, arguments: dict[str, str]) -> Response:
        mailbox = self._authorised(request, method)
        self._quota.charge(request, method)
        body = self._checked(request, method)
        address = arguments.get("calendarId", "primary").lower()
        if address != "primary" and self._mails.get(address) != mailbox.mail:
            raise RefusedError(404, "notFound", "Not Found")
        call = Call(method, request, mailbox, arguments.get("eventId", ""), body, self.clock())
        return self._answer(call, self.events.perform(call))

    def _authorised(self, request: Request, method: Method) -> Mailbox:
        grant = self._grant(request)
        mailbox = self._mailboxes.get(self._mails.get(grant.subject, "")) if grant else None
        alive = mailbox is not None and mailbox.state not in ("deleted", "suspended", "unknown")
        if grant is None or mailbox is None or not alive or grant.expires <= self.clock():
            challenge = {"WWW-Authenticate": 'Bearer realm="https://accounts.google.com/"'}
            raise RefusedError(401, "authError", "Invalid Credentials", headers=challenge)
        if self.switches["calendar_api"] == "disabled":
            message = "Google Calendar API has not been used in this project before or it is disabled."
            more = {"domain": "usageLimits", "detail": "SERVICE_DISABLED"}
            raise RefusedError(403, "accessNotConfigured", message, **more)
        if not grant.scopes & method.scopes:
            raise scope_too_small(grant)
        if mailbox.state == "no-calendar":
            raise RefusedError(403, "notACalendarUser", "The user must be signed up for Google Calendar.")
        if mailbox.state == "exhausted" and method.id in _WRITES:
            raise RefusedError(403, "quotaExceeded", "Calendar usage limits exceeded.", domain="usageLimits")
        return mailbox

    def _checked(self, request: Request, method: Method) -> Any:
        try:
            body = request.json() if request.body else None
        except ValueError:
            raise RefusedError(400, "parseError", "Parse Error") from None
        if self.check:
            problems = self._discovery.check_query(method, request.query)
            if problems:
                raise RefusedError(400, "invalidParameter", "; ".join(problems))
            problems = self._discovery.check_body(method, body)
            if problems:
                missing = all(problem.endswith(" is required") for problem in problems)
                raise RefusedError(400, "required" if missing else "invalid", "; ".join(problems))
        return body

    def _answer(self, call: Call, answer: Any) -> Response:
        if answer is None:
            return Response.empty(204)
        schema, fields = call.method.response or "", call.query("fields")
        if fields:
            try:
                answer = select(selection(fields, self._discovery, schema), answer)
            except FieldsError as problem:
                raise RefusedError(400, "invalidParameter", str(problem)) from problem
        if self.check:
            problems = self._discovery.check_answer(call.method, answer, partial=bool(fields))
            if problems:
                raise SchemaBrokenError(f"{call.method.id}: {'; '.join(problems)}")
        headers = {"ETag": answer["etag"]} if "etag" in answer else {}
        return Response.json(200, answer, headers)
