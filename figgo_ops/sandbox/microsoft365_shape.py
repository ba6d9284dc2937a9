"""An event as Graph shows it: every property by its name, and the hidden ones by the ids asked for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from html import escape, unescape
from typing import Any
from urllib.parse import quote

from figgo_ops.sandbox import exchange_times as times
from figgo_ops.sandbox.exchange_store import Item, Mailbox, PropertyPath
from figgo_ops.sandbox.microsoft365_call import GraphError
from figgo_ops.sandbox.microsoft365_ids import id_of
from figgo_ops.sandbox.microsoft365_prefer import Preferences
from figgo_ops.sandbox.microsoft365_recurrence import spelt_recurrence

EXTENDED = "singleValueExtendedProperties"
PREVIEW = 255  # characters of a body
_NEVER = "0001-01-01T00:00:00Z"
_TAGS = re.compile(r"<[^>]*>")
_PROPERTY = re.compile(
    r"(?P<type>\w+) (?:\{(?P<set>[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})\} "
    r"(?:Name (?P<name>.+)|Id 0x(?P<number>[0-9A-Fa-f]{1,8}))|(?P<tag>0x[0-9A-Fa-f]{1,4}))",
    re.DOTALL,
)
_TYPES = frozenset(
    {
        *("ApplicationTime", "Binary", "Boolean", "CLSID", "Currency", "Double", "Float", "Integer", "Long"),
        *("Short", "String", "SystemTime"),
    }
)
SHOW_AS: Mapping[str, str] = {
    "Free": "free",
    "Tentative": "tentative",
    "Busy": "busy",
    "OOF": "oof",
    "WorkingElsewhere": "workingElsewhere",
    "NoData": "unknown",
}
KINDS: Mapping[str, str] = {
    "Single": "singleInstance",
    "Occurrence": "occurrence",
    "RecurringMaster": "seriesMaster",
}


@dataclass(frozen=True, slots=True)
class View:
    """Whose events are shown, how, and which of their properties (all when `names` is None).

    `hidden` pairs each extended property with the id it was asked for by; `transactions` gives the
    transactionId of an event by its number.
    """

    mailbox: Mailbox
    preferences: Preferences
    names: frozenset[str] | None = None
    hidden: tuple[tuple[str, PropertyPath], ...] = ()
    transactions: Mapping[int, str] = field(default_factory=dict)

    def event(self, item: Item) -> dict[str, Any]:
        """Show an event; id and etag are there whatever was asked for."""
        shown: dict[str, Any] = {
            "@odata.etag": etag(item),
            "id": id_of(self.mailbox, item, immutable=self.preferences.immutable),
        }
        names = FIELDS if self.names is None else self.names & FIELDS.keys()
        shown.update({name: FIELDS[name](item, self) for name in FIELDS if name in names})
        hidden = list(self._hidden(item))
        return {**shown, EXTENDED: hidden} if hidden else shown

    def _hidden(self, item: Item) -> Iterable[dict[str, str]]:
        for asked, path in self.hidden:
            value = item.properties.get(path)
            if isinstance(value, str):
                yield {"id": asked, "value": value}


def etag(item: Item) -> str:
    """The version of an item as a header field names it."""
    return f'W/"{item.change_key}"'


def property_path(text: str) -> PropertyPath:
    """Read the id of an extended property; GraphError where it names none."""
    read = _PROPERTY.fullmatch(text)
    if read is None or read["type"] not in _TYPES:
        raise GraphError(400, "ErrorInvalidProperty", f"The property '{text}' is not well formed.")
    number = str(int(read["number"], 16)) if read["number"] else ""
    return PropertyPath(
        read["type"], (read["set"] or "").lower(), read["name"] or "", number, (read["tag"] or "").lower()
    )


def instant(moment: datetime) -> str:
    """Spell an instant."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def _clock(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.0000000")


def _at(item: Item, view: View, side: str) -> dict[str, str]:
    wanted = view.preferences
    if item.all_day:
        # Days are never converted: the date is that of the event's own zone, whatever the label says.
        first, last = item.days()
        day = first if side == "start" else last + timedelta(days=1)
        return {"dateTime": _clock(datetime(day.year, day.month, day.day)), "timeZone": wanted.label}
    moment: datetime = getattr(item, side)
    return {"dateTime": _clock(moment.astimezone(times.zone_info(wanted.zone))), "timeZone": wanted.label}


def _zone(name: str) -> str:
    # What Graph says of a zone of somebody's own making.
    return name if name in times.ZONES else "tzone://Microsoft/Custom"


def _body(item: Item, view: View) -> dict[str, str]:
    kind, text = item.body or ("HTML", "")
    if view.preferences.plain:
        return {"contentType": "text", "content": _plain(kind, text)}
    if kind == "Text":
        text = f"<html><body><div>{escape(text)}</div></body></html>"
    return {"contentType": "html", "content": text}


def _plain(kind: str, text: str) -> str:
    return unescape(_TAGS.sub("", text)) if kind == "HTML" else text


def _preview(item: Item, view: View) -> str:
    del view
    return _plain(*(item.body or ("Text", "")))[:PREVIEW]


def _person(mail: str) -> dict[str, Any]:
    return {"emailAddress": {"name": mail.partition("@")[0], "address": mail}}


def _attendees(item: Item, view: View) -> list[dict[str, Any]]:
    del view
    kinds = (("required", item.required), ("optional", item.optional), ("resource", item.resources))
    return [
        {"type": kind, "status": {"response": "none", "time": _NEVER}, **_person(mail)}
        for kind, mails in kinds
        for mail in mails
    ]


def _location(item: Item, view: View) -> dict[str, Any]:
    del view
    if not item.location:
        return {"displayName": "", "locationType": "default", "uniqueIdType": "unknown", "address": {}}
    return {
        "displayName": item.location,
        "locationType": "default",
        "uniqueId": item.location,
        "uniqueIdType": "private",
    }


def _response(item: Item, view: View) -> dict[str, str]:
    del view
    words = {"Organizer": "organizer", "NoResponseReceived": "notResponded", "Unknown": "none"}
    return {"response": words[item.response], "time": _NEVER}


def _web_link(item: Item, view: View) -> str:
    shown = id_of(view.mailbox, item, immutable=view.preferences.immutable)
    return f"https://outlook.office365.com/owa/?itemid={quote(shown, safe='')}&exvsurl=1&path=/calendar/item"


def _plainly(attribute: str) -> Callable[[Item, View], Any]:
    return lambda item, _view: getattr(item, attribute)


def _always(value: Any) -> Callable[[Item, View], Any]:
    return lambda _item, _view: value


FIELDS: Mapping[str, Callable[[Item, View], Any]] = {
    "createdDateTime": lambda item, _view: instant(item.created),
    "lastModifiedDateTime": lambda item, _view: instant(item.modified or item.created),
    "changeKey": _plainly("change_key"),
    "categories": lambda item, _view: list(item.categories),
    "transactionId": lambda item, view: view.transactions.get(item.number),
    "originalStartTimeZone": lambda item, _view: _zone(item.start_zone),
    "originalEndTimeZone": lambda item, _view: _zone(item.end_zone),
    "iCalUId": _plainly("uid"),
    "reminderMinutesBeforeStart": _plainly("reminder_minutes"),
    "isReminderOn": _plainly("reminder"),
    "hasAttachments": _plainly("has_attachments"),
    "subject": _plainly("subject"),
    "bodyPreview": _preview,
    "importance": lambda item, _view: item.importance.lower(),
    "sensitivity": lambda item, _view: item.sensitivity.lower(),
    "isAllDay": _plainly("all_day"),
    "isCancelled": _always(False),
    "isOrganizer": _plainly("is_organizer"),
    "responseRequested": _plainly("response_requested"),
    "seriesMasterId": _always(None),
    "showAs": lambda item, _view: SHOW_AS[item.status],
    "type": lambda item, _view: KINDS[item.kind],
    "webLink": _web_link,
    "onlineMeetingUrl": _always(None),
    "isOnlineMeeting": _always(False),
    "onlineMeetingProvider": _always("unknown"),
    "allowNewTimeProposals": _always(True),
    "isDraft": _always(False),
    "hideAttendees": _always(False),
    "responseStatus": _response,
    "body": _body,
    "start": lambda item, view: _at(item, view, "start"),
    "end": lambda item, view: _at(item, view, "end"),
    "location": _location,
    "locations": lambda item, view: [_location(item, view)] if item.location else [],
    "recurrence": lambda item, _view: spelt_recurrence(item.recurrence, item.start_zone),
    "attendees": _attendees,
    "organizer": lambda item, _view: _person(item.organizer),
    "onlineMeeting": _always(None),
}
