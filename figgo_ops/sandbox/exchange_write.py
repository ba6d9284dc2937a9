"""CreateItem, UpdateItem and DeleteItem: what clients do to a calendar."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from figgo_ops.sandbox.exchange_call import Call, found, item_id
from figgo_ops.sandbox.exchange_edit import finished, put, put_all
from figgo_ops.sandbox.exchange_fields import BY_URI, EMPTY, Field, read_item
from figgo_ops.sandbox.exchange_shape import read_field_path
from figgo_ops.sandbox.exchange_soap import (
    Element,
    FaultError,
    Message,
    RefusedError,
    add,
    child,
    choice,
    local,
    m,
    new,
    only,
    schema_fault,
    t,
)
from figgo_ops.sandbox.exchange_store import (
    BIN,
    CALENDAR,
    RECOVERABLE,
    Item,
    PropertyPath,
    check_change_key,
)

_SENDING = ("SendToNone", "SendOnlyToAll", "SendToAllAndSaveCopy")
_SENDING_UPDATES = (*_SENDING, "SendOnlyToChanged", "SendToChangedAndSaveCopy")
_DISPOSITIONS = ("SaveOnly", "SendOnly", "SendAndSaveCopy")
_FOLDERS = {"SoftDelete": RECOVERABLE, "MoveToDeletedItems": BIN}
_GONE = object()
Edits = list[tuple[Any, Any]]


@dataclass(frozen=True, slots=True)
class Notification:
    """Mails that Exchange would have sent to attendees because of a write."""

    mailbox: str
    item_id: str
    operation: str
    recipients: tuple[str, ...]
    mode: str


@dataclass(frozen=True, slots=True)
class _Change:
    """One ItemChange as it was read, or why it cannot be carried out."""

    identity: str
    change_key: str | None
    edits: Edits
    refused: RefusedError | None = None


class Writer:
    """Carries writes out; `notifications` are the mails they would have caused."""

    def __init__(self) -> None:
        self.notifications: list[Notification] = []

    def create_item(self, call: Call) -> list[Message]:
        """Carry out CreateItem; nothing is stored when any item breaks the schema."""
        asked = call.operation
        only(asked, m("SavedItemFolderId"), m("Items"))
        choice(asked, "MessageDisposition", _DISPOSITIONS, "SaveOnly")
        mode = choice(asked, "SendMeetingInvitations", _SENDING, "")
        folder = _target(call, asked)
        drafts = [_read_new(element) for element in child(asked, m("Items"))]
        if not drafts:
            raise schema_fault("Items is empty")

        def create(draft: Edits | RefusedError) -> Message:
            if isinstance(draft, RefusedError):
                raise draft
            _check_creation(call, folder, mode)
            item = self._created(call, draft)
            self._notify(call, item, mode, item.attendees)
            return _ids([] if call.switches["ids"] == "none" else [item])

        return call.each(drafts, create, lambda: new(m("Items")))

    def update_item(self, call: Call) -> list[Message]:
        """Carry out UpdateItem; nothing is changed when any change breaks the schema."""
        asked = call.operation
        only(asked, m("SavedItemFolderId"), m("ItemChanges"))
        conflict = choice(asked, "ConflictResolution", ("NeverOverwrite", "AutoResolve", "AlwaysOverwrite"))
        choice(asked, "MessageDisposition", _DISPOSITIONS, "SaveOnly")
        mode = choice(asked, "SendMeetingInvitationsOrCancellations", _SENDING_UPDATES, "")
        changes = [_read_change(element) for element in child(asked, m("ItemChanges"))]
        if not changes:
            raise schema_fault("ItemChanges is empty")

        def update(change: _Change) -> Message:
            if change.refused:
                raise change.refused
            if not mode:
                code = "ErrorSendMeetingInvitationsOrCancellationsRequired"
                raise RefusedError(code, "It must be said whether attendees are told.")
            item = self._updated(call, change, conflict)
            self._notify(call, item, mode, item.attendees)
            message = _ids([item])
            results = new(m("ConflictResults"))
            add(results, t("Count"), "0")
            message.content.append(results)
            return message

        return call.each(changes, update, lambda: new(m("Items")))

    def delete_item(self, call: Call) -> list[Message]:
        """Carry out DeleteItem."""
        asked = call.operation
        only(asked, m("ItemIds"))
        how = choice(asked, "DeleteType", ("HardDelete", "SoftDelete", "MoveToDeletedItems"))
        mode = choice(asked, "SendMeetingCancellations", _SENDING, "")
        ids = child(asked, m("ItemIds"))

        def delete(element: Element) -> Message:
            identity, change_key = item_id(element)
            item = found(call, identity)
            if call.switches["change_keys"] == "everywhere" and change_key not in (None, item.change_key):
                raise RefusedError("ErrorStaleObject", "The change key is not the item's present one.")
            if not mode:
                code = "ErrorSendMeetingCancellationsRequired"
                raise RefusedError(code, "It must be said whether attendees are told.")
            self._notify(call, item, mode, item.attendees)
            if how == "HardDelete":
                call.mailbox.purge(item)
            else:
                call.mailbox.move(item, _FOLDERS[how], call.now, call.actor)
            return Message()

        return call.each(ids, delete)

    def _created(self, call: Call, edits: Edits) -> Item:
        item = call.mailbox.blank(call.now, call.now, call.now)
        put_all(item, edits, call.envelope.zone)
        if BY_URI["calendar:End"] not in (field for field, _ in edits):
            item.end = item.start + timedelta(minutes=30)
        return call.mailbox.keep(finished(item, call.envelope.zone), call.now, call.actor)

    def _updated(self, call: Call, change: _Change, conflict: str) -> Item:
        item = found(call, change.identity)
        if change.change_key is not None:
            check_change_key(change.change_key)
        elif conflict != "AlwaysOverwrite":
            raise RefusedError("ErrorChangeKeyRequired", "This needs the item's change key.")
        stale = change.change_key not in (None, item.change_key) and call.switches["change_keys"] != "nowhere"
        if stale and conflict == "NeverOverwrite":
            raise RefusedError("ErrorIrresolvableConflict", "The item was changed meanwhile.")
        draft = item.draft()
        for field, value in change.edits:
            if value is _GONE:
                _empty(draft, field)
            else:
                put(draft, field, value, call.envelope.zone)
        return call.mailbox.keep(finished(draft, call.envelope.zone), call.now, call.actor)

    def _notify(self, call: Call, item: Item, mode: str, told: Iterable[str]) -> None:
        recipients = tuple(mail for mail in told if mail != call.mailbox.mail)
        if recipients and mode != "SendToNone":
            name = call.envelope.name
            self.notifications.append(Notification(call.mailbox.mail, item.id, name, recipients, mode))


def _target(call: Call, asked: Element) -> str | RefusedError:
    place = asked.find(m("SavedItemFolderId"))
    if place is None:
        return CALENDAR
    if len(place) != 1:
        raise schema_fault("SavedItemFolderId holds one folder")
    try:
        return call.folder(place[0])
    except FaultError:
        raise
    except RefusedError as refused:
        return refused


def _check_creation(call: Call, folder: str | RefusedError, mode: str) -> None:
    if isinstance(folder, RefusedError):
        raise folder
    if call.mailbox.state == "full":
        raise RefusedError("ErrorQuotaExceeded", "The mailbox is full.")
    if folder != CALENDAR:
        raise RefusedError("ErrorCannotCreateCalendarItemInNonCalendarFolder", "This folder is no calendar.")
    if not mode:
        code = "ErrorSendMeetingInvitationsRequired"
        raise RefusedError(code, "It must be said whether attendees are told.")


def _read_new(element: Element) -> Edits | RefusedError:
    try:
        return read_item(element)
    except FaultError:
        raise
    except RefusedError as refused:
        return refused


def _read_change(element: Element) -> _Change:
    if element.tag != t("ItemChange"):
        raise schema_fault(f"{local(element)} is no ItemChange")
    only(element, *(t(n) for n in ("ItemId", "OccurrenceItemId", "RecurringMasterItemId", "Updates")))
    updates = child(element, t("Updates"))
    if not len(updates):
        raise schema_fault("Updates is empty")
    edits: Edits = []
    refused: RefusedError | None = None
    for update in updates:
        try:
            edits += _read_update(update)
        except FaultError:
            raise
        except RefusedError as problem:
            refused = refused or problem
    try:
        identity, change_key = item_id(element[0])
    except FaultError:
        raise
    except RefusedError as problem:
        return _Change("", None, [], problem)
    return _Change(identity, change_key, edits, refused)


def _read_update(update: Element) -> Edits:
    name = local(update)
    if update.tag != t(name) or name not in ("SetItemField", "DeleteItemField", "AppendToItemField"):
        raise schema_fault(f"{name} is no update")
    parts = 1 if name == "DeleteItemField" else 2
    if len(update) != parts:
        raise schema_fault(f"{name} has {len(update)} children")
    path = read_field_path(update[0])
    if name == "DeleteItemField":
        return [(_deletable(path), _GONE)]
    edits = read_item(update[1])
    if len(edits) != 1:
        raise RefusedError("ErrorIncorrectUpdatePropertyCount", "A change sets exactly one field.")
    field = edits[0][0]
    if path != (field.uri if isinstance(field, Field) else field):
        raise RefusedError("ErrorUpdatePropertyMismatch", "The path and the field that is set differ.")
    if field is BY_URI["calendar:UID"]:
        raise RefusedError("ErrorInvalidPropertySet", "A UID is set once, on creation.")
    if name == "AppendToItemField":
        raise RefusedError("ErrorInvalidPropertyAppend", "Appending is not played here.")
    return edits


def _deletable(path: str | PropertyPath) -> Field | PropertyPath:
    if isinstance(path, PropertyPath):
        return path
    if path not in EMPTY:
        raise RefusedError("ErrorInvalidPropertyDelete", f"{path} cannot be deleted.")
    return BY_URI[path]


def _empty(item: Item, field: Field | PropertyPath) -> None:
    if isinstance(field, PropertyPath):
        item.properties.pop(field, None)
    else:
        setattr(item, field.attribute, EMPTY[field.uri])


def _ids(items: list[Item]) -> Message:
    held = new(m("Items"))
    for item in items:
        add(add(held, t("CalendarItem")), t("ItemId"), Id=item.id, ChangeKey=item.change_key)
    return Message([held])
