"""An Exchange on premises as its web services show it: strict where the real one is."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from html import unescape
from typing import Any, ClassVar

from figgo_ops.sandbox.exchange_call import Call, ItemErrors, busy
from figgo_ops.sandbox.exchange_find import Finder
from figgo_ops.sandbox.exchange_folders import convert_id, get_folder, get_user_configuration
from figgo_ops.sandbox.exchange_gate import Gate
from figgo_ops.sandbox.exchange_organization import Organization
from figgo_ops.sandbox.exchange_owner import Owner, plain
from figgo_ops.sandbox.exchange_schema import violations
from figgo_ops.sandbox.exchange_soap import (
    Envelope,
    FaultError,
    Message,
    RefusedError,
    Speller,
    UnreadableError,
    check_version,
    fault_response,
    m,
    new,
    read_envelope,
    schema_fault,
)
from figgo_ops.sandbox.exchange_store import CALENDAR, Mailbox
from figgo_ops.sandbox.exchange_write import Notification, Writer
from figgo_ops.sandbox.messages import Request, Response, Service

__all__ = ["PATH", "STATES", "ExchangeService", "Notification", "SchemaBrokenError"]

PATH = "/EWS/Exchange.asmx"
_HOLDS_ITEMS = ("CreateItem", "GetItem", "UpdateItem")
_BATCHES = {
    "FindItem": "ParentFolderIds",
    "GetItem": "ItemIds",
    "CreateItem": "Items",
    "UpdateItem": "ItemChanges",
    "DeleteItem": "ItemIds",
    "GetFolder": "FolderIds",
    "ConvertId": "SourceIds",
    "GetUserConfiguration": "UserConfigurationName",
}
_STATES: Mapping[str, tuple[str, str]] = {
    "outside": ("ErrorImpersonateUserDenied", "The account may not impersonate this user."),
    "cloud": ("ErrorNonExistentMailbox", "No mailbox has that address."),
    "unknown": ("ErrorNonExistentMailbox", "No mailbox has that address."),
    "disabled": ("ErrorAccountDisabled", "The account is disabled."),
    "moving": ("ErrorMailboxMoveInProgress", "The mailbox is being moved."),
    "no-access": ("ErrorAccessDenied", "Access is denied."),
    "elsewhere": ("ErrorNoRespondingCASInDestinationSite", "No server of the mailbox's site answers."),
    "store-down": ("ErrorMailboxStoreUnavailable", "The mailbox database is not available."),
}
STATES = ("ok", "full", *_STATES)
_ADDRESS = re.compile(rb"<(?:[\w.-]+:)?(?:PrimarySmtpAddress|SmtpAddress|PrincipalName|SID)\b[^>]*>([^<]*)<")
_OPERATION = re.compile(rb"<(?:[\w.-]+:)?Body\b[^>]*>\s*<(?:[\w.-]+:)?(\w+)")


class SchemaBrokenError(AssertionError):
    """The stand-in answered what the official schema does not allow."""


class ExchangeService(Service):
    """Exchange for one company and one service account, which may impersonate the mailboxes added.

    Put `check` to False to leave the schema checks out where speed is measured. Addresses never added
    have no mailbox; the service account has one of its own (`account`), as in reality: a client that
    loses the impersonation header writes there and hears no complaint.
    """

    choices: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        "auth": ("both", "ntlm", "basic", "none-offered"),
        "account": ("ok", "expired", "disabled", "locked"),
        "lock_after": (int,),  # seconds within which five failed log-ons lock the account; 0: never
        "reasons": ("hidden", "told"),  # whether a refusal says that the account is locked or expired
        "agents": ("any", "listed", "blocked"),  # by their lists only figgo-ops gets in, or everybody else
        "address": ("any", "refused"),  # whether IIS takes the client's address
        "impersonation": ("scoped", "nobody", "denied", "everyone"),
        "ews": ("on", "off"),
        "concurrency": (int,),  # requests in flight; 0: no limit
        "version": ("2016", "2013", "2019", "SE", "2010", "unknown"),
        "online": (False, True),
        "policy": (str,),  # why Exchange Online says 403, "": it does not
        "change_keys": ("updates", "everywhere", "nowhere"),
        "restrictions": ("all", "no-ranges"),
        "max_body": (int,),  # bytes of a request; 0: no limit
        "max_items": (int,),  # items of a batch; 0: no limit
        "page_cap": (int,),  # rows of a page with a restriction; without one it is four times that
        "order": ("created", "shuffled"),
        "errors": ("item", "fault"),
        "item_errors": (dict,),  # operation, code, back_off (seconds), every, after, times
        "batch_stops": (False, True),
        "prefixes": ("usual", "other", "default"),
        "sparse": (False, True),
        "headers": ("usual", "more"),
        "times": ("utc", "offset"),
        "ids": ("usual", "none"),
    }
    defaults: ClassVar[Mapping[str, Any]] = {
        **dict.fromkeys(("lock_after", "concurrency", "max_body", "max_items"), 0),
        "page_cap": 250,
        "policy": "",
        "item_errors": {},
    }

    def __init__(
        self,
        user: str,
        password: str,
        mails: Iterable[str] = (),
        *,
        clock: Callable[[], float] = time.time,
        organization: Organization | None = None,
    ) -> None:
        super().__init__("exchange", clock)
        self.check = True
        self.gate = Gate(user, password, self.switches, clock)
        self.violations: list[str] = []
        self.account = _own_address(user)
        self._speller, self._errors = Speller(self.switches), ItemErrors(self.switches)
        self._writer = Writer()
        finder = Finder()
        self._operations: Mapping[str, Callable[[Call], list[Message]]] = {
            "FindItem": finder.find_item,
            "GetItem": finder.get_item,
            "CreateItem": self._writer.create_item,
            "UpdateItem": self._writer.update_item,
            "DeleteItem": self._writer.delete_item,
            "GetFolder": get_folder,
            "ConvertId": convert_id,
            "GetUserConfiguration": get_user_configuration,
        }
        self.organization = organization or Organization()
        self.lock = self.organization.lock
        self._own = self.organization.add(self.account, "UTC", listed=False)
        for mail in mails:
            self.add_mailbox(mail)

    def add_mailbox(
        self, mail: str, zone: str = "Europe/Paris", state: str = "ok", aliases: Iterable[str] = ()
    ) -> None:
        """Add an empty mailbox; ValueError when an address is taken, the state or the zone unknown."""
        if state not in STATES:
            raise ValueError(f"{mail} cannot be added: {state} (states: {', '.join(STATES)})")
        self.organization.add(mail, zone, state, aliases)

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
        """Find a mailbox by its address or an alias; KeyError when there is none, or it is in the cloud."""
        found = self.organization.find(mail)
        if found is None or not self._keeps(found):
            raise KeyError(mail)
        return found

    def mails(self) -> list[str]:
        """List the primary addresses of all mailboxes here, the service account's left out."""
        return [one.mail for one in self.organization.mailboxes() if self._keeps(one)]

    def _keeps(self, mailbox: Mailbox) -> bool:
        return not mailbox.online or bool(self.switches["online"])

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
        """The mails that Exchange would have sent; a sync that behaves leaves it empty."""
        return self._writer.notifications

    def switch(self, name: str, value: Any) -> None:
        """Set a switch; ValueError names the known switches or the values this one takes."""
        super().switch(name, value)
        if name == "item_errors":
            self._errors.reset()

    def identify(self, request: Request) -> str:
        """Name the impersonated mailbox, "" without one."""
        found = _ADDRESS.search(request.body)
        return unescape(found[1].decode("utf-8", "replace")).strip().lower() if found else ""

    def place(self, request: Request) -> str:
        """Name the operation behind the path, for what is more than a leg of a handshake."""
        found = _OPERATION.search(request.body) if self.gate.logged_on(request) else None
        return f"{request.path}/{found[1].decode()}" if found else request.path

    def arrive(self, request: Request) -> None:
        """Count a request in."""
        self.gate.arrive(request)

    def leave(self, request: Request) -> None:
        """Count a request out."""
        self.gate.leave(request)

    def refusal(self, answer: Mapping[str, Any]) -> Response:
        """Answer a status fault; with a `code` it is a SOAP fault, with `back_off` in seconds beside it."""
        if "code" not in answer:
            return super().refusal(answer)
        fault = fault_response(busy(answer["code"], answer.get("back_off")), answer["status"])
        fault.headers.update(answer.get("headers", {}))
        return fault

    def handle(self, request: Request) -> Response:
        """Answer one request."""
        refused = self._outside(request)
        if refused is not None:
            return refused
        try:
            envelope = read_envelope(request.body)
            check_version(envelope.version, self.switches["version"])
            self._check_request(request.body, envelope)
            messages = self._perform(envelope)
        except UnreadableError:
            return Response.empty(400)
        except RefusedError as refusal:
            if refusal.code == "ErrorSchemaValidation":
                self.violations.append(refusal.text)
            return fault_response(refusal)
        answer = self._speller.response(self._speller.answer(envelope.name, messages))
        problems = violations(answer.body) if self.check else []
        if problems:
            raise SchemaBrokenError(f"{envelope.name}: {'; '.join(problems)}")
        return answer

    def _outside(self, request: Request) -> Response | None:
        if request.path.lower() != PATH.lower() and not self.switches["online"]:
            return Response.text(404, "<html><body><h1>404 - Not Found</h1></body></html>", "text/html")
        refused = self.gate.admit(request)
        if refused is not None:
            return refused
        if request.path.lower() != PATH.lower():
            return Response.empty(404)
        if request.method != "POST":
            return Response.empty(405, {"Allow": "POST"})
        most = self.switches["max_body"]
        return Response.empty(413) if most and len(request.body) > most else None

    def _check_request(self, body: bytes, envelope: Envelope) -> None:
        problems = violations(body) if self.check else []
        if problems:
            raise schema_fault("; ".join(problems))
        operation, most = envelope.operation, self.switches["max_items"]
        if operation.tag != m(envelope.name) or envelope.name not in self._operations:
            raise FaultError("ErrorInvalidRequest", "The request is invalid: no such operation is known.")
        held = operation.find(m(_BATCHES[envelope.name]))
        if most and held is not None and len(held) > most:
            raise FaultError("ErrorRequestStreamTooBig", f"More than {most} items were sent at once.")

    def _perform(self, envelope: Envelope) -> list[Message]:
        try:
            mailbox = self._acting(envelope)
        except RefusedError as refused:
            if self.switches["errors"] == "fault":
                raise
            return _for_each(envelope, refused)
        call = Call(
            envelope=envelope,
            mailbox=mailbox,
            switches=self.switches,
            errors=self._errors,
            now=datetime.fromtimestamp(self.clock(), UTC).replace(microsecond=0),
            actor=self.account,
            known=self.organization.find,
        )
        return self._operations[envelope.name](call)

    def _acting(self, envelope: Envelope) -> Mailbox:
        if envelope.sid is None:
            return self._own
        kind, address = envelope.sid
        if kind == "SID" or "@" not in address:
            code = "ErrorInvalidUserSid" if kind == "SID" else "ErrorInvalidSmtpAddress"
            raise RefusedError(code, "The user to impersonate is not named in a form that is understood.")
        mailbox = self.organization.find(address)
        if mailbox is None:
            raise RefusedError(*_STATES["unknown"])
        if not self._keeps(mailbox):
            raise RefusedError(*_STATES["cloud"])
        self._check_role(mailbox)
        if mailbox.state in _STATES and mailbox.state != "outside":
            raise RefusedError(*_STATES[mailbox.state])
        if kind == "PrimarySmtpAddress" and address.lower() != mailbox.mail:
            text = "The address is not the primary one of its mailbox."
            raise RefusedError("ErrorNonPrimarySmtpAddress", text, {"Primary": mailbox.mail})
        return mailbox

    def _check_role(self, mailbox: Mailbox) -> None:
        """Whether the role ApplicationImpersonation reaches this mailbox; RefusedError when it does not."""
        role = self.switches["impersonation"]
        if role == "denied":
            raise RefusedError("ErrorImpersonationDenied", "The account may not act for others here.")
        if role == "nobody" or (role == "scoped" and mailbox.state == "outside"):
            raise RefusedError(*_STATES["outside"])


def _own_address(user: str) -> str:
    domain, _, name = user.rpartition("\\")
    return user.lower() if "@" in user else f"{name}@{domain or 'corail'}.example".lower()


def _for_each(envelope: Envelope, refused: RefusedError) -> list[Message]:
    """Say the same of every item of a batch."""
    held = envelope.operation.find(m(_BATCHES[envelope.name]))
    content = [m("Items")] if envelope.name in _HOLDS_ITEMS else []
    parts = range(len(held) if held is not None else 1)
    return [Message.refusal(refused, *(new(tag) for tag in content)) for _ in parts]
