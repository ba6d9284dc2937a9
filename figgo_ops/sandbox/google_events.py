"""What each method of Google's events does to a mailbox."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from figgo_ops.sandbox.discovery import Method
from figgo_ops.sandbox.google_listing import Listings
from figgo_ops.sandbox.google_mailbox import Mailbox, Stored, in_zone
from figgo_ops.sandbox.google_rules import Event, RefusedError, check_id, merged
from figgo_ops.sandbox.messages import Request

_SEQUENCE = (
    "Invalid sequence value. The specified sequence number is below the current sequence number of the "
    "resource. Re-fetch the resource and use its sequence number on the following request."
)


@dataclass(frozen=True, slots=True)
class Notification:
    """A mail that Google would have sent to guests because of a write."""

    mailbox: str
    event_id: str
    method: str
    recipients: tuple[str, ...]
    send_updates: str


@dataclass(frozen=True, slots=True)
class Call:
    """One authorised call: the method, its arguments, the mailbox and what was sent."""

    method: Method
    request: Request
    mailbox: Mailbox
    event_id: str
    body: Any
    now: float

    def query(self, name: str) -> str | None:
        """Give the first value of a query parameter, None when it was not sent."""
        return self.request.query.get(name, [None])[0]


class EventsResource:
    """The methods of calendar.events that are played, and the mails they would have caused."""

    def __init__(self, switches: dict[str, Any]) -> None:
        self.notifications: list[Notification] = []
        self._switches = switches
        self._listings = Listings(switches)
        self._actions: Mapping[str, Callable[[Call], Any]] = {
            "calendar.events.list": self._list,
            "calendar.events.get": self._get,
            "calendar.events.insert": self._insert,
            "calendar.events.update": self._update,
            "calendar.events.patch": self._patch,
            "calendar.events.delete": self._delete,
        }

    def perform(self, call: Call) -> Any:
        """Do what the call asks and return the resource, None for no content; RefusedError otherwise."""
        action = self._actions.get(call.method.id)
        if action is None:
            raise RefusedError(501, "notImplemented", f"the rehearsal company does not play {call.method.id}")
        return action(call)

    def _list(self, call: Call) -> Any:
        empty = self._switches["empty_list"] in ("*", call.mailbox.mail)
        if empty:
            self._switches["empty_list"] = ""
        return self._listings.page(call.mailbox, call.request.query, empty=empty)

    def _get(self, call: Call) -> Any:
        stored = self._found(call)
        return in_zone(stored.resource, stored.span, call.query("timeZone"))

    def _insert(self, call: Call) -> Any:
        return self._notified(call, call.mailbox.insert(call.body, call.now))

    def _update(self, call: Call) -> Any:
        stored = self._writable(call, call.body)
        return self._notified(call, call.mailbox.replace(stored, call.body, call.now))

    def _patch(self, call: Call) -> Any:
        stored = self._writable(call, merged(self._found(call).resource, call.body))
        return self._notified(call, call.mailbox.patch(stored, call.body, call.now))

    def _delete(self, call: Call) -> Any:
        stored = self._found(call)
        _check_etag(call, stored)
        call.mailbox.remove(stored, call.now)
        self._notified(call, stored)
        return None

    def _found(self, call: Call) -> Stored:
        check_id(call.event_id.partition("_")[0])
        if call.event_id not in call.mailbox.events:
            raise RefusedError(404, "notFound", "Not Found")
        return call.mailbox.events[call.event_id]

    def _writable(self, call: Call, wanted: Mapping[str, Any]) -> Stored:
        stored = self._found(call)
        _check_etag(call, stored)
        if not stored.resource["organizer"].get("self"):
            message = "Shared properties can only be changed by the organizer of the event."
            raise RefusedError(403, "forbiddenForNonOrganizer", message, domain="calendar")
        if stored.gone and self._switches["revival"] == "forbidden":
            raise RefusedError(403, "forbidden", "Forbidden")
        sequence = stored.resource["sequence"]
        if "sequence" not in wanted and sequence and self._switches["missing_sequence"] == "refused":
            raise RefusedError(400, "invalid", _SEQUENCE)
        if wanted.get("sequence", sequence) < sequence:
            raise RefusedError(400, "invalid", _SEQUENCE)
        return stored

    def _notified(self, call: Call, stored: Stored) -> Event:
        guests = [a["email"] for a in stored.resource.get("attendees", ()) if a["email"] != call.mailbox.mail]
        legacy = "all" if call.query("sendNotifications") == "true" else "none"
        wish = call.query("sendUpdates") or legacy
        if guests and wish != "none":
            event_id = stored.resource["id"]
            mail = Notification(call.mailbox.mail, event_id, call.method.id, tuple(guests), wish)
            self.notifications.append(mail)
        return stored.resource


def _check_etag(call: Call, stored: Stored) -> None:
    wanted = call.request.headers.get("If-Match", "*")
    if wanted not in ("*", stored.resource["etag"]):
        raise RefusedError(412, "conditionNotMet", "Precondition Failed")
