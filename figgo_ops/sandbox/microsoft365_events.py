"""The calendar of a mailbox as Graph serves it: events listed, read, created, changed and removed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import quote
from weakref import WeakKeyDictionary

from figgo_ops.sandbox.exchange_store import BIN, CALENDAR, Item, Mailbox
from figgo_ops.sandbox.exchange_write import Notification
from figgo_ops.sandbox.microsoft365_call import Answer, Call, GraphError
from figgo_ops.sandbox.microsoft365_edit import changed, text_of
from figgo_ops.sandbox.microsoft365_ids import find, id_of, rest_id
from figgo_ops.sandbox.microsoft365_prefer import Preferences, read_preferences
from figgo_ops.sandbox.microsoft365_query import OF_ONE, Query, page, read_query, select
from figgo_ops.sandbox.microsoft365_shape import View

_EVENTS = (("events",), ("calendar", "events"))
_VIEWS = ("calendarView", "delta")
_CALENDAR = frozenset(
    {
        *("name", "color", "hexColor", "isDefaultCalendar", "changeKey", "canShare", "canViewPrivateItems"),
        *("canEdit", "allowedOnlineMeetingProviders", "defaultOnlineMeetingProvider"),
        *("isTallyingResponses", "isRemovable", "owner"),
    }
)


class Events:
    """Carries out what is asked of a calendar.

    `notifications` are the mails that attendees would have been sent; `forbidden_used` the paths asked
    for that show occurrences or changes, which no sync that reads completely ever needs. The service
    that holds these events declares `choices` and `defaults` among its switches.
    """

    choices: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        "page_cap": (int,),  # rows of a page, however many were asked for; 0: no cap
        "empty_page": (False, True),  # whether the first page of a listing and the last one hold nothing
        "order": ("created", "shuffled"),
        "repeated": (409, 400),  # status for a transactionId that was used before
        "existing": (True, False),  # whether the answer to it names the event that was created
        "freed": (False, True),  # whether a deleted event frees its transactionId
        "etags": ("honoured", "deletes-ignored"),
        "binned": ("gone", "readable"),  # whether a deleted event is still shown to whoever has its id
    }
    defaults: ClassVar[Mapping[str, Any]] = {"page_cap": 0}

    def __init__(self) -> None:
        self.notifications: list[Notification] = []
        self.forbidden_used: list[str] = []
        self._transactions: dict[int, str] = {}
        self._used: WeakKeyDictionary[Mailbox, dict[str, int]] = WeakKeyDictionary()

    def perform(self, call: Call) -> Answer:
        """Carry out one request; GraphError when it is refused."""
        if set(call.path) & set(_VIEWS):
            self.forbidden_used.append("/".join(call.path))
            raise GraphError(400, "ErrorInvalidRequest", "Change tracking is not supported against this.")
        if call.path == ("calendar",):
            return _method(call, {"GET": _calendar})
        start = next((path for path in _EVENTS if call.path[: len(path)] == path), None)
        if start is None:
            raise _no_segment(call.path[1] if call.path[:1] == ("calendar",) else call.path[0])
        rest = call.path[len(start) :]
        if not rest:
            return _method(call, {"GET": self._list, "POST": self._create})
        if len(rest) == 1:
            return _method(call, {"GET": self._get, "PATCH": self._change, "DELETE": self._delete})
        if rest[1:] != ("permanentDelete",):
            raise _no_segment(rest[1])
        return _method(call, {"POST": self._purge})

    def _list(self, call: Call) -> Answer:
        query = read_query(call.query)
        items = list(call.mailbox.folder(CALENDAR).values())
        rows = select(query, items, shuffled=call.switches["order"] == "shuffled")
        shown, link = page(call, query, rows)
        view, preferences = self._view(call, query)
        content = {"@odata.context": _context(call, ""), "value": [view.event(item) for item in shown]}
        if link is not None:
            content["@odata.nextLink"] = link
        return Answer(200, content, {"Preference-Applied": preferences.applied})

    def _get(self, call: Call) -> Answer:
        query = read_query(call.query, OF_ONE)
        binned = call.switches["binned"] == "readable"
        return self._shown(call, query, self._found(call, binned=binned), 200)

    def _create(self, call: Call) -> Answer:
        query = read_query(call.query, OF_ONE)
        if call.mailbox.state == "full":
            raise GraphError(403, "ErrorQuotaExceeded", "Mailbox has exceeded maximum mailbox size.")
        blank = call.mailbox.blank(call.now, call.now, call.now)
        draft = changed(blank, call.content, creating=True)
        transaction = call.content.get("transactionId")
        if transaction is not None:
            self._check_fresh(call, text_of(transaction, "transactionId"))
        item = call.mailbox.keep(draft, call.now, call.actor)
        if transaction is not None:
            self._used.setdefault(call.mailbox, {})[transaction] = item.number
            self._transactions[item.number] = transaction
        self._notify(call, item, item.attendees)
        return self._shown(call, query, item, 201)

    def _change(self, call: Call) -> Answer:
        query = read_query(call.query, OF_ONE)
        item = self._found(call)
        _check_match(call, item)
        draft = changed(item.draft(), call.content, creating=False)
        kept = call.mailbox.keep(draft, call.now, call.actor)
        self._notify(call, kept, (*kept.attendees, *item.attendees))
        return self._shown(call, query, kept, 200)

    def _delete(self, call: Call) -> Answer:
        read_query(call.query, frozenset())
        item = self._found(call)
        if call.switches["etags"] != "deletes-ignored":
            _check_match(call, item)
        self._notify(call, item, item.attendees)
        call.mailbox.move(item, BIN, call.now, call.actor)
        return Answer(204)

    def _purge(self, call: Call) -> Answer:
        read_query(call.query, frozenset())
        item = self._found(call)
        self._notify(call, item, item.attendees)
        call.mailbox.purge(item)
        return Answer(204)

    def _found(self, call: Call, *, binned: bool = False) -> Item:
        text = call.path[2] if call.path[0] == "calendar" else call.path[1]
        immutable = read_preferences(call.headers).immutable
        return find(call.mailbox, text, immutable=immutable, binned=binned)

    def _view(self, call: Call, query: Query) -> tuple[View, Preferences]:
        preferences = read_preferences(call.headers)
        view = View(call.mailbox, preferences, query.names, query.hidden, self._transactions)
        return view, preferences

    def _shown(self, call: Call, query: Query, item: Item, status: int) -> Answer:
        view, preferences = self._view(call, query)
        content = {"@odata.context": _context(call, "/$entity"), **view.event(item)}
        headers = {"Preference-Applied": preferences.applied}
        if status == 201:
            headers["Location"] = f"{call.root}/users/{quote(call.user, safe='@')}/events/{content['id']}"
        return Answer(status, content, headers)

    def _check_fresh(self, call: Call, transaction: str) -> None:
        number = self._used.get(call.mailbox, {}).get(transaction)
        if number is None:
            return
        items = call.mailbox.folder(CALENDAR).values()
        there = next((item for item in items if item.number == number), None)
        if there is None and call.switches["freed"]:
            return
        more = {}
        if there is not None and call.switches["existing"]:
            immutable = read_preferences(call.headers).immutable
            more["@event.existingEventId"] = id_of(call.mailbox, there, immutable=immutable)
        text = "Your request can't be completed. The TransactionId was used before, for a different event."
        raise GraphError(call.switches["repeated"], "ErrorDuplicateTransactionId", text, more=more)

    def _notify(self, call: Call, item: Item, told: tuple[str, ...]) -> None:
        recipients = tuple(dict.fromkeys(mail for mail in told if mail != call.mailbox.mail))
        if recipients:
            # Graph has no way to leave attendees untold.
            note = Notification(call.mailbox.mail, item.id, call.method, recipients, "SendToAllAndSaveCopy")
            self.notifications.append(note)


def _method(call: Call, known: Mapping[str, Any]) -> Answer:
    if call.method not in known:
        text = "Specified HTTP method is not allowed for the request target."
        raise GraphError(405, "Request_BadRequest", text, {"Allow": ", ".join(known)})
    answer: Answer = known[call.method](call)
    return answer


def _no_segment(name: str) -> GraphError:
    return GraphError(400, "BadRequest", f"Resource not found for the segment '{name}'.")


def _context(call: Call, tail: str) -> str:
    return f"{call.root}/$metadata#users('{quote(call.user, safe='@')}')/events{tail}"


def _check_match(call: Call, item: Item) -> None:
    asked = call.headers.get("If-Match", "*").strip()
    if asked != "*" and asked.removeprefix("W/").strip('"') != item.change_key:
        text = "The change key passed in the request does not match the current change key of the item."
        raise GraphError(412, "ErrorIrresolvableConflict", text)


def _calendar(call: Call) -> Answer:
    query = read_query(call.query, frozenset({"$select"}), _CALENDAR)
    name = call.mailbox.mail.partition("@")[0]
    shown = {
        "name": "Calendar",
        "color": "auto",
        "hexColor": "",
        "isDefaultCalendar": True,
        "changeKey": "AQAAAA==",
        "canShare": True,
        "canViewPrivateItems": True,
        "canEdit": True,
        "allowedOnlineMeetingProviders": ["teamsForBusiness"],
        "defaultOnlineMeetingProvider": "teamsForBusiness",
        "isTallyingResponses": True,
        "isRemovable": False,
        "owner": {"name": name, "address": call.mailbox.mail},
    }
    wanted = {key: value for key, value in shown.items() if query.names is None or key in query.names}
    context = f"{call.root}/$metadata#users('{quote(call.user, safe='@')}')/calendar/$entity"
    identity = rest_id(call.mailbox.folder_id(CALENDAR))
    return Answer(200, {"@odata.context": context, "id": identity, **wanted})
