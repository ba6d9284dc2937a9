"""Ids as Graph gives them out: Exchange's own, spelt for addresses, and immutable ones."""

from __future__ import annotations

import base64
import binascii
from hashlib import sha512

from figgo_ops.sandbox.exchange_soap import RefusedError
from figgo_ops.sandbox.exchange_store import BIN, CALENDAR, Item, Mailbox, decoded
from figgo_ops.sandbox.microsoft365_call import GraphError

_HEAD = b"\x00\x09\x00\x2e"
_NUMBER = 7  # bytes
_LENGTHS = (114, 122)  # bytes of an item's id and of an occurrence's; anything else was cut
# Only these two differ from plain base64; the padding stays.
_SPELT, _READ = str.maketrans("/+", "-_"), str.maketrans("-_", "/+")


def rest_id(exchange_id: str) -> str:
    """Spell an id of Exchange's for an address."""
    return exchange_id.translate(_SPELT)


def immutable_id(mailbox: Mailbox, item: Item) -> str:
    """The id that stays when an item goes to another folder, but not when its mailbox goes elsewhere."""
    raw = _HEAD + _place(mailbox) + item.number.to_bytes(_NUMBER, "big")
    return base64.b64encode(raw).decode().translate(_SPELT)


def id_of(mailbox: Mailbox, item: Item, *, immutable: bool) -> str:
    """The id of an item, of the kind that was asked for."""
    return immutable_id(mailbox, item) if immutable else rest_id(item.id)


def find(mailbox: Mailbox, text: str, *, immutable: bool, binned: bool = False) -> Item:
    """Find an event by its id, in the calendar and if wished in the bin.

    GraphError for an id of the other kind, or of nothing that is there.
    """
    if not text or set(text) & set("/+"):
        raise _malformed()
    item = _by_number(mailbox, text) if immutable else _by_id(mailbox, text)
    if item is None or item.folder not in ((CALENDAR, BIN) if binned else (CALENDAR,)):
        raise GraphError(404, "ErrorItemNotFound", "The specified object was not found in the store.")
    return item


def _by_id(mailbox: Mailbox, text: str) -> Item | None:
    spelt = text.translate(_READ)
    try:
        return mailbox.find(spelt)
    except RefusedError as refused:
        if refused.code == "ErrorInvalidIdMalformed" or len(decoded(spelt)) not in _LENGTHS:
            raise _malformed() from None
        return None


def _by_number(mailbox: Mailbox, text: str) -> Item | None:
    try:
        raw = base64.b64decode(text.translate(_READ), validate=True)
    except (binascii.Error, ValueError):
        raise _malformed() from None
    if not raw.startswith(_HEAD) or len(raw) != len(_HEAD) + 64 + _NUMBER:
        raise _malformed()
    if raw[len(_HEAD) : -_NUMBER] != _place(mailbox):
        return None
    number = int.from_bytes(raw[-_NUMBER:], "big")
    return next((item for item in mailbox.items() if item.number == number), None)


def _place(mailbox: Mailbox) -> bytes:
    """What tells one mailbox from another, and from itself before a migration."""
    return sha512(f"{mailbox.folder_id(CALENDAR)} {mailbox.generation}".encode()).digest()


def _malformed() -> GraphError:
    return GraphError(400, "ErrorInvalidIdMalformed", "Id is malformed.")
