"""Mailboxes as Exchange keeps them: folders of calendar items, their ids and their change keys."""

from __future__ import annotations

import base64
import binascii
import copy
import itertools
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from figgo_ops.sandbox import exchange_times as times
from figgo_ops.sandbox.exchange_recurrence import Recurrence
from figgo_ops.sandbox.exchange_soap import RefusedError

CALENDAR, BIN, RECOVERABLE = "calendar", "deleteditems", "recoverableitemsdeletions"
FOLDERS = (CALENDAR, BIN, RECOVERABLE)
_ID_HEAD, _KEY_HEAD = b"\x00\x03\x24", b"\x0f\x00\x00\x00\x16\x00\x00\x00"
_UID_HEAD = "040000008200E00074C5B7101A82E00800000000"
_EPOCH_1601 = datetime(1601, 1, 1, tzinfo=UTC)
_numbers, _ids, _keys = (itertools.count(1) for _ in range(3))


@dataclass(frozen=True, slots=True)
class PropertyPath:
    """The name of an extended property; two types of one name are two properties."""

    type: str
    set_id: str = ""
    name: str = ""
    number: str = ""
    tag: str = ""


@dataclass(slots=True)
class Item:
    """A calendar item. Times are instants in UTC, zones Windows ids, `number` the order of creation."""

    number: int
    uid: str
    organizer: str
    created: datetime
    start: datetime
    end: datetime
    id: str = ""
    change_key: str = ""
    folder: str = CALENDAR
    subject: str | None = None
    start_zone: str = ""
    end_zone: str = ""
    all_day: bool = False
    status: str = "Busy"
    sensitivity: str = "Normal"
    importance: str = "Normal"
    body: tuple[str, str] | None = None
    categories: tuple[str, ...] = ()
    location: str | None = None
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    recurrence: Recurrence | None = None
    attachments: tuple[str, ...] = ()
    reminder: bool = True
    reminder_minutes: int = 15
    response_requested: bool = True
    item_class: str = "IPM.Appointment"
    culture: str = "fr-FR"
    properties: dict[PropertyPath, Any] = field(default_factory=dict)
    modified: datetime | None = None
    modified_by: str = ""
    original_start: datetime | None = None
    mailbox: str = ""

    @property
    def attendees(self) -> tuple[str, ...]:
        """Everybody invited, rooms too."""
        return self.required + self.optional + self.resources

    @property
    def is_meeting(self) -> bool:
        """Whether anybody is invited."""
        return bool(self.attendees)

    @property
    def is_organizer(self) -> bool:
        """Whether the mailbox's owner called this meeting."""
        return self.organizer == self.mailbox

    @property
    def is_recurring(self) -> bool:
        """Whether this is an occurrence of a series; the master itself is not called so."""
        return self.original_start is not None

    @property
    def kind(self) -> str:
        """The schema's CalendarItemType."""
        if self.original_start is not None:
            return "Occurrence"
        return "RecurringMaster" if self.recurrence else "Single"

    @property
    def display_to(self) -> str:
        """The people invited, as one text."""
        return "; ".join(self.required)

    @property
    def has_attachments(self) -> bool:
        """Whether a file is attached."""
        return bool(self.attachments)

    @property
    def response(self) -> str:
        """The schema's MyResponseType."""
        if not self.is_meeting:
            return "Organizer" if self.is_organizer else "Unknown"
        return "Organizer" if self.is_organizer else "NoResponseReceived"

    @property
    def duration(self) -> str:
        """The length as an ISO 8601 text."""
        minutes = int((self.end - self.start).total_seconds()) // 60
        days, rest = divmod(minutes, 24 * 60)
        return f"P{days}DT{rest // 60}H{rest % 60}M"

    def days(self) -> tuple[date, date]:
        """The first and the last day, in the item's own zone."""
        return times.days_covered(self.start, self.end, self.start_zone)

    def draft(self) -> Item:
        """A copy to work on; the item itself stays as it is until the draft is kept."""
        made = copy.copy(self)
        made.properties = dict(self.properties)
        return made


class Mailbox:
    """One person's mailbox, or the service account's.

    `state`: ok, outside, cloud, unknown, disabled, full, moving, no-access, elsewhere or store-down.
    `uses_web` is False for an owner who never opened Outlook on the web, so that no zone is recorded.
    `online` is True once it is in Microsoft's cloud: Exchange on premises has it no more, Graph does.
    """

    def __init__(
        self, mail: str, zone: str, state: str = "ok", aliases: frozenset[str] = frozenset()
    ) -> None:
        self.mail, self.zone, self.state, self.aliases = mail, zone, state, set(aliases)
        self.uses_web = True
        self.online = False
        self.version = self.generation = 0
        self._secret = secrets.token_bytes(46)
        self._folders: dict[str, dict[str, Item]] = {name: {} for name in FOLDERS}

    @property
    def windows_zone(self) -> str:
        """The Windows id of the owner's zone."""
        return times.windows_id(self.zone)

    def rename(self, mail: str) -> None:
        """Go by another primary address; what the owner organises goes along."""
        for item in self.items():
            item.organizer = mail if item.is_organizer else item.organizer
            item.mailbox = mail
        self.mail = mail

    def folder(self, name: str) -> dict[str, Item]:
        """The items of a folder by id, in the order they came; none where only other things are kept."""
        return self._folders.get(name, {})

    def items(self) -> Iterator[Item]:
        """All items of all folders."""
        return itertools.chain.from_iterable(self._folders[name].values() for name in FOLDERS)

    def blank(self, now: datetime, start: datetime, end: datetime, uid: str | None = None) -> Item:
        """An item that is not kept yet."""
        number = next(_numbers)
        return Item(number, uid or _new_uid(now, number), self.mail, now, start, end, mailbox=self.mail)

    def keep(self, item: Item, now: datetime, by: str) -> Item:
        """Put a draft in its place, under a new change key; a new item gets its id."""
        item.id = item.id or self._new_id(item.folder)
        item.modified, item.modified_by = now, by
        self.version += 1
        item.change_key = base64.b64encode(
            _KEY_HEAD + self._secret[:14] + next(_keys).to_bytes(8, "big") + b"\x00\x00"
        ).decode()
        self._folders[item.folder][item.id] = item
        return item

    def move(self, item: Item, folder: str, now: datetime, by: str) -> Item:
        """Move an item to another folder, where it goes by another id."""
        moved = item.draft()
        self.purge(item)
        moved.id, moved.folder = "", folder
        return self.keep(moved, now, by)

    def purge(self, item: Item) -> None:
        """Let an item vanish."""
        del self._folders[item.folder][item.id]
        self.version += 1

    def find(self, item_id: str) -> Item:
        """Find an item by its id; RefusedError says what is wrong with the id."""
        for folder in self._folders.values():
            if item_id in folder:
                return folder[item_id]
        if master_of(item_id):
            raise RefusedError("ErrorInvalidOperation", "Single occurrences cannot be changed here.")
        raise RefusedError("ErrorItemNotFound", "The specified object was not found in the store.")

    def folder_id(self, name: str) -> str:
        """The id of a folder."""
        raw = b"\x00\x03\x24\x00\x2e" + self._secret + name.encode().ljust(32, b"\x00")
        return base64.b64encode(raw).decode()

    def folder_of(self, folder_id: str) -> str:
        """The name of a folder by its id; RefusedError where it is no folder of this mailbox."""
        raw = decoded(folder_id)
        name = raw[51:83].rstrip(b"\x00").decode("ascii", "replace")
        if self.folder_id(name) != folder_id:
            raise RefusedError("ErrorFolderNotFound", "The specified folder could not be found in the store.")
        return name

    def renumber(self) -> None:
        """Give every item another id, as a migration to another server does; nothing else changes."""
        self.generation += 1
        for name in FOLDERS:
            items = list(self._folders[name].values())
            self._folders[name].clear()
            for item in items:
                item.id = self._new_id(name)
                self._folders[name][item.id] = item

    def _new_id(self, folder: str) -> str:
        # The end of an id counts up through upper and lower case, as the real ones do:
        # a client that folds case takes two items for one.
        place = FOLDERS.index(folder).to_bytes(4, "big")
        raw = _ID_HEAD + self._secret + b"\x07\x00" + self._secret[:32] + place
        return base64.b64encode(raw + next(_ids).to_bytes(27, "big")).decode()


def decoded(item_id: str) -> bytes:
    """Decode an id; RefusedError for what no Exchange ever gave out."""
    if not item_id:
        raise RefusedError("ErrorInvalidIdEmpty", "The id is empty.")
    try:
        raw = base64.b64decode(item_id, validate=True)
    except (binascii.Error, ValueError):
        raise RefusedError("ErrorInvalidIdMalformed", "The id is malformed.") from None
    if not raw.startswith(_ID_HEAD):
        raise RefusedError("ErrorInvalidIdMalformed", "The id is malformed.")
    return raw


def check_change_key(change_key: str) -> None:
    """Refuse a change key that no Exchange ever gave out."""
    try:
        raw = base64.b64decode(change_key, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if not raw.startswith(_KEY_HEAD):
        raise RefusedError("ErrorInvalidChangeKey", "The change key is invalid.")


def occurrence_id(item: Item, index: int) -> str:
    """The id of one occurrence of a series."""
    return base64.b64encode(decoded(item.id) + b"\x00occ" + index.to_bytes(4, "big")).decode()


def master_of(id_: str) -> tuple[str, int] | None:
    """The master's id and the occurrence's index behind an id; None where it is no occurrence's."""
    raw = decoded(id_)
    if raw[-8:-4] != b"\x00occ":
        return None
    return base64.b64encode(raw[:-8]).decode(), int.from_bytes(raw[-4:], "big")


def _new_uid(now: datetime, number: int) -> str:
    ticks = int((now - _EPOCH_1601).total_seconds() * 10**7)
    stamp = ticks.to_bytes(8, "little").hex().upper()
    unique = (secrets.token_bytes(8) + number.to_bytes(8, "big")).hex().upper()
    return f"{_UID_HEAD}{stamp}000000000000000010000000{unique}"
