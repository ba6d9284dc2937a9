"""What Graph makes of the JSON it is sent: properties read, days judged, nothing unknown taken."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from figgo_ops.sandbox import exchange_times as times
from figgo_ops.sandbox.exchange_edit import LONGEST_SUBJECT, finished
from figgo_ops.sandbox.exchange_properties import read_value
from figgo_ops.sandbox.exchange_soap import RefusedError
from figgo_ops.sandbox.exchange_store import Item, PropertyPath
from figgo_ops.sandbox.microsoft365_call import GraphError
from figgo_ops.sandbox.microsoft365_prefer import windows_zone
from figgo_ops.sandbox.microsoft365_recurrence import read_recurrence
from figgo_ops.sandbox.microsoft365_shape import EXTENDED, FIELDS, SHOW_AS, property_path

# No XML can say these, so that an event with them could not be read through Exchange's own services.
_UNSPEAKABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_KINDS = {"required": "required", "optional": "optional", "resource": "resources"}
Put = Callable[[Item, Any, str], None]


def changed(item: Item, body: Any, *, creating: bool) -> Item:
    """Put what was sent into a draft and complete it; GraphError when any of it cannot be."""
    if not isinstance(body, Mapping) or not body:
        raise GraphError(400, "BadRequest", "Empty Payload. JSON content expected.")
    for name in body:
        if not name.startswith("@odata."):
            _check_name(name, creating=creating)
    if creating and not {"start", "end"} <= body.keys():
        raise invalid("An event has a start and an end")
    for name, value in body.items():
        if name in _PUT:
            _PUT[name](item, value, name)
    if item.all_day and {"start", "end", "isAllDay"} & body.keys():
        _check_days(item)
    try:
        return finished(item, None)
    except RefusedError as refused:
        raise invalid(refused.text) from None


def invalid(why: str) -> GraphError:
    """Say that a value cannot be taken; the real service leaves out which one."""
    text = f"At least one property failed validation. {why}"
    return GraphError(400, "ErrorPropertyValidationFailure", text)


def _check_name(name: str, *, creating: bool) -> None:
    if name in _PUT or (name == "transactionId" and creating):
        return
    if name in FIELDS or name == "id":
        raise GraphError(400, "ErrorInvalidPropertySet", f"The property '{name}' cannot be set here.")
    what = f"The property '{name}' does not exist on type 'microsoft.graph.event'."
    raise GraphError(400, "RequestBodyRead", what)


def _check_days(item: Item) -> None:
    for side, moment, zone in (("Start", item.start, item.start_zone), ("End", item.end, item.end_zone)):
        if times.floor(moment, zone) != moment:
            raise _refused(f"The Event.{side} property for an all-day event needs to be set to midnight.")
    if item.start_zone != item.end_zone:
        raise _refused("The Event.Start and Event.End properties of an all-day event need the same TimeZone.")
    if item.end == item.start:
        raise _refused("The duration of an event marked as all day must be at least 24 hours.")


def _refused(why: str) -> GraphError:
    return GraphError(400, "ErrorInvalidRequest", f"Your request can't be completed. {why}")


def text_of(value: Any, name: str) -> str:
    """Read a text; GraphError for anything else."""
    if not isinstance(value, str) or _UNSPEAKABLE.search(value):
        raise invalid(f"{name} is no text that can be kept.")
    return value


def _object(value: Any, name: str, known: set[str]) -> Mapping[str, Any]:
    if not isinstance(value, Mapping) or not value.keys() <= known:
        raise invalid(f"{name} holds {', '.join(sorted(known))} and nothing else.")
    return value


def _list(value: Any, name: str) -> list[Any]:
    if not isinstance(value, list):
        raise invalid(f"{name} is a list.")
    return value


def _moment(item: Item, value: Any, name: str) -> None:
    given = _object(value, name, {"dateTime", "timeZone"})
    zone = windows_zone(str(given.get("timeZone") or ""))
    try:
        local = times.read_date_time(text_of(given.get("dateTime"), name))
    except ValueError as problem:
        raise invalid(f"{name}: {problem}") from None
    setattr(item, name, times.instant(local, zone))
    setattr(item, f"{name}_zone", zone)


def _subject(item: Item, value: Any, name: str) -> None:
    item.subject = None if value is None else text_of(value, name)
    if len(item.subject or "") > LONGEST_SUBJECT:
        raise invalid(f"A subject has at most {LONGEST_SUBJECT} characters.")


def _body(item: Item, value: Any, name: str) -> None:
    if value is None:
        item.body = None
        return
    given = _object(value, name, {"contentType", "content"})
    kind = _one_of({"text": "Text", "html": "HTML"}, given.get("contentType", "text"), name)
    item.body = (kind, text_of(given.get("content") or "", name))


def _location(item: Item, value: Any, name: str) -> None:
    shown = None if value is None else _object(value, name, {"displayName"}).get("displayName")
    item.location = text_of(shown, name) if shown else None


def _categories(item: Item, value: Any, name: str) -> None:
    item.categories = tuple(text_of(one, name) for one in _list(value, name))


def _attendees(item: Item, value: Any, name: str) -> None:
    found: dict[str, tuple[str, ...]] = {"required": (), "optional": (), "resources": ()}
    for one in _list(value, name):
        person = _object(one, name, {"emailAddress", "type", "status"})
        address = _object(person.get("emailAddress"), name, {"address", "name"}).get("address")
        kind = _one_of(_KINDS, person.get("type", "required"), name)
        found[kind] += (text_of(address, name),)
    item.required, item.optional, item.resources = found.values()


def _recurrence(item: Item, value: Any, name: str) -> None:
    del name
    item.recurrence = read_recurrence(value)


def _hidden(item: Item, value: Any, name: str) -> None:
    for one in _list(value, name):
        given = _object(one, name, {"id", "value"})
        path, text = property_path(text_of(given.get("id"), name)), given.get("value")
        item.properties[path] = _checked(path, text_of(text, name))


def _checked(path: PropertyPath, text: str) -> str:
    try:
        return read_value(path, text)
    except RefusedError as refused:
        raise invalid(refused.text) from None


def _one_of(words: Mapping[str, str], value: Any, name: str) -> str:
    if not isinstance(value, str) or value not in words:
        raise invalid(f"{name} is one of {', '.join(words)}.")
    return words[value]


def _word(attribute: str, words: Mapping[str, str]) -> Put:
    return lambda item, value, name: setattr(item, attribute, _one_of(words, value, name))


def _flag(attribute: str) -> Put:
    def put(item: Item, value: Any, name: str) -> None:
        if not isinstance(value, bool):
            raise invalid(f"{name} is true or false.")
        setattr(item, attribute, value)

    return put


def _minutes(item: Item, value: Any, name: str) -> None:
    if not isinstance(value, int) or isinstance(value, bool):
        raise invalid(f"{name} is a whole number.")
    item.reminder_minutes = value


def _capitals(*words: str) -> dict[str, str]:
    return {word.lower(): word for word in words}


_PUT: Mapping[str, Put] = {
    "subject": _subject,
    "body": _body,
    "start": _moment,
    "end": _moment,
    "isAllDay": _flag("all_day"),
    "showAs": _word("status", {spelt: kept for kept, spelt in SHOW_AS.items()}),
    "sensitivity": _word("sensitivity", _capitals("Normal", "Personal", "Private", "Confidential")),
    "importance": _word("importance", _capitals("Low", "Normal", "High")),
    "isReminderOn": _flag("reminder"),
    "reminderMinutesBeforeStart": _minutes,
    "responseRequested": _flag("response_requested"),
    "categories": _categories,
    "location": _location,
    "attendees": _attendees,
    "recurrence": _recurrence,
    EXTENDED: _hidden,
}
