"""One call of an operation: who acts on which mailbox, and the loop over a batch with its errors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from figgo_ops.sandbox.exchange_soap import (
    Element,
    Envelope,
    FaultError,
    Message,
    RefusedError,
    local,
    schema_fault,
    t,
)
from figgo_ops.sandbox.exchange_store import BIN, CALENDAR, RECOVERABLE, Item, Mailbox

_NAMES = frozenset(
    {
        *("calendar", "contacts", "deleteditems", "drafts", "inbox", "journal", "notes", "outbox"),
        *("sentitems", "tasks", "msgfolderroot", "root", "junkemail", "searchfolders", "voicemail"),
        *("recoverableitemsroot", "recoverableitemsdeletions", "recoverableitemsversions"),
        "recoverableitemspurges",
    }
)
KEEPS_ITEMS = (CALENDAR, BIN, RECOVERABLE)
T = TypeVar("T")


class ItemErrors:
    """The switch `item_errors`: which item of an operation is struck next."""

    def __init__(self, switches: Mapping[str, Any]) -> None:
        self._switches = switches
        self.reset()

    def reset(self) -> None:
        """Begin to count again."""
        self._seen = self._struck = 0

    def strike(self, operation: str) -> None:
        """Count an item; RefusedError when it is one of those to be struck."""
        order = self._switches["item_errors"]
        if not order or order["operation"] != operation:
            return
        self._seen += 1
        past = self._seen - order.get("after", 0)
        times = order.get("times")
        if past <= 0 or past % order.get("every", 1) or (times is not None and self._struck >= times):
            return
        self._struck += 1
        raise busy(order["code"], order.get("back_off"))


def busy(code: str, back_off: float | None) -> RefusedError:
    """Refuse with a code, and say how many seconds to wait where that is known."""
    if back_off is None:
        return RefusedError(code)
    return RefusedError(code, values={"BackOffMilliseconds": str(int(back_off * 1000))})


@dataclass(frozen=True, slots=True)
class Call:
    """One call, its envelope read and its mailbox open."""

    envelope: Envelope
    mailbox: Mailbox
    switches: Mapping[str, Any]
    errors: ItemErrors
    now: datetime
    actor: str
    known: Callable[[str], Mailbox | None]

    @property
    def operation(self) -> Element:
        """The element of the operation."""
        return self.envelope.operation

    def each(
        self, parts: Iterable[T], act: Callable[[T], Message], *content: Callable[[], Element]
    ) -> list[Message]:
        """Act on each part of a batch; a refusal becomes that part's message, with empty `content`."""
        messages: list[Message] = []
        stopped = False
        for part in parts:
            try:
                if stopped:
                    raise RefusedError("ErrorBatchProcessingStopped", "An earlier item stopped the batch.")
                self.errors.strike(self.envelope.name)
                messages.append(act(part))
            except FaultError:
                raise
            except RefusedError as refused:
                messages.append(Message.refusal(refused, *(make() for make in content)))
                stopped = bool(self.switches["batch_stops"])
        return messages

    def folder(self, element: Element) -> str:
        """Find out which of the mailbox's folders is meant; RefusedError for another's or none."""
        if element.tag == t("FolderId"):
            return self.mailbox.folder_of(element.get("Id", ""))
        if element.tag != t("DistinguishedFolderId"):
            raise schema_fault(f"{local(element)} is no folder")
        name = element.get("Id", "")
        address = element.findtext(f"{t('Mailbox')}/{t('EmailAddress')}")
        if address is not None:
            self._check_owner(address.strip())
        if name not in _NAMES:
            raise schema_fault(f"the folder {name!r}")
        return str(name)

    def _check_owner(self, address: str) -> None:
        meant = self.known(address)
        if meant is None:
            raise RefusedError("ErrorNonExistentMailbox", "No mailbox has that address.")
        if meant is not self.mailbox:
            raise RefusedError("ErrorAccessDenied", "Access is denied.")


def item_id(element: Element) -> tuple[str, str | None]:
    """Read t:ItemId: the id and the change key, if one came."""
    if element.tag != t("ItemId"):
        raise RefusedError("ErrorInvalidOperation", f"{local(element)} is not played here.")
    if element.get("Id") is None:
        raise schema_fault("ItemId lacks Id")
    return element.get("Id"), element.get("ChangeKey") or None


def found(call: Call, identity: str) -> Item:
    """Find an item of the mailbox; RefusedError when it is not there."""
    return call.mailbox.find(identity)
