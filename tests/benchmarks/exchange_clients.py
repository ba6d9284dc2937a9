"""The process of one client of Exchange that creates and lists events: ours, or the bare library at its best.

Reads orders on stdin; see `turns.py`. Connections are there before anything is timed.
"""

import ssl
import threading
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import requests
from exchangelib import (
    BASIC,
    IMPERSONATION,
    Account,
    Build,
    CalendarItem,
    Configuration,
    Credentials,
    EWSDate,
    EWSTimeZone,
    ExtendedProperty,
    FailFast,
    Mailbox,
    Q,
    Version,
)
from exchangelib.fields import FieldPath
from exchangelib.folders import Calendar, Root
from exchangelib.items import BulkCreateResult
from exchangelib.properties import DistinguishedFolderId
from exchangelib.protocol import Protocol
from exchangelib.restriction import Restriction
from exchangelib.services import FindItem

from figgo_ops.calendars._outlook import KEY, PRINT, PROPERTY_SET
from figgo_ops.plan import Change
from tests.benchmarks.connect import FastClock, connect_exchange, creations
from tests.benchmarks.figures import CHUNK, PAGE
from tests.benchmarks.turns import Order, arguments, follow

ZONE = "Europe/Paris"
LISTED = (
    *("parent_folder_id", "subject", "sensitivity", "has_attachments", "display_cc", "display_to"),
    *("uid", "start", "end", "is_all_day", "legacy_free_busy_status", "is_meeting", "type"),
    *("_start_timezone", "_end_timezone", "figgo_key", "figgo_print"),
)
"""What our listing asks for, in the library's words."""


class KeyProperty(ExtendedProperty):  # type: ignore[misc]
    """Our first property."""

    property_set_id, property_name, property_type = PROPERTY_SET, KEY, "String"


class PrintProperty(ExtendedProperty):  # type: ignore[misc]
    """Our second one."""

    property_set_id, property_name, property_type = PROPERTY_SET, PRINT, "String"


CalendarItem.register("figgo_key", KeyProperty)
CalendarItem.register("figgo_print", PrintProperty)


class Ours:
    """The adapter: a change in, an outcome out."""

    def __init__(self, ready: dict[str, Any], threads: int) -> None:
        del threads
        # No pace is waited for here: on this clock a wait of seconds takes milliseconds.
        self.calendar = connect_exchange(ready, FastClock(1000))
        self.mails = ready["mails"]
        self.listed()

    def filled(self, changes: list[Change]) -> Callable[[], int]:
        """What is timed when events are created."""
        return lambda: sum(outcome.status == "done" for outcome in self.calendar.write(changes))

    def listed(self) -> int:
        """How many marked events all mailboxes hold."""
        listings = list(self.calendar.read(self.mails))
        assert not [one for one in listings if one.error], listings
        return sum(len(one.events) for one in listings)


class Bare:
    """exchangelib: a protocol per thread, the version given, folders made by hand, items made beforehand."""

    def __init__(self, ready: dict[str, Any], threads: int) -> None:
        self.url, self.own = f"{ready['url']}/EWS/Exchange.asmx", threading.local()
        self.credentials = Credentials(ready["user"], Path(ready["key"]).read_text())
        self.kind = type("Trusting", (Protocol,), {"HTTP_ADAPTER_CLS": _adapter(ready["ca_file"])})
        self.accounts = {mail: self._account(mail) for mail in ready["mails"]}
        self.pool = ThreadPoolExecutor(threads)
        self.listed()

    def filled(self, changes: list[Change]) -> Callable[[], int]:
        """What is timed when events are created."""
        items = defaultdict[str, list[CalendarItem]](list)
        for change in changes:
            mail = change.mailbox.address
            items[mail].append(_item(self.accounts[mail], change))
        return lambda: sum(self.pool.map(self._filled, items.items()))

    def listed(self) -> int:
        """How many marked events all mailboxes hold."""
        return sum(self.pool.map(self._listed, self.accounts.values()))

    def _account(self, mail: str) -> Account:
        account = Account(
            mail,
            config=self._settings(),
            autodiscover=False,
            access_type=IMPERSONATION,
            default_timezone=EWSTimeZone(ZONE),
        )
        whom = Mailbox(email_address=mail)
        root = Root(account=account, _distinguished_id=DistinguishedFolderId(id="root", mailbox=whom))
        where = DistinguishedFolderId(id="calendar", mailbox=whom)
        vars(account).update(root=root, calendar=Calendar(root=root, _distinguished_id=where))
        return account

    def _settings(self) -> Configuration:
        return Configuration(
            service_endpoint=self.url,
            credentials=self.credentials,
            auth_type=BASIC,
            version=Version(Build(15, 0, 847)),
            retry_policy=FailFast(),
            max_connections=1,
        )

    def _at_hand(self, account: Account) -> Account:
        if not hasattr(self.own, "protocol"):
            # Past the library's cache: the first entry would be every thread's, with one session for all.
            self.own.protocol = type.__call__(self.kind, config=self._settings())
        account.protocol = self.own.protocol
        return account

    def _filled(self, of: tuple[str, list[CalendarItem]]) -> int:
        account = self._at_hand(self.accounts[of[0]])
        made = account.bulk_create(account.calendar, of[1], chunk_size=CHUNK)
        return sum(isinstance(one, BulkCreateResult) for one in made)

    def _listed(self, account: Account) -> int:
        account = self._at_hand(account)
        fields = {FieldPath(field=CalendarItem.get_field_by_fieldname(name)) for name in LISTED}
        marked = Restriction(Q(figgo_key__exists=True), [account.calendar], Restriction.ITEMS)
        found = FindItem(account=account, page_size=PAGE).call(
            folders=[account.calendar],
            additional_fields=fields,
            restriction=marked,
            order_fields=None,
            shape="IdOnly",
            query_string=None,
            depth="Shallow",
            calendar_view=None,
            max_items=None,
            offset=0,
        )
        return sum(isinstance(one, CalendarItem) for one in found)


def _adapter(ca_file: str) -> type[requests.adapters.HTTPAdapter]:
    trust = ssl.create_default_context(cafile=ca_file)

    class Adapter(requests.adapters.HTTPAdapter):
        def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
            super().init_poolmanager(*args, ssl_context=trust, **kwargs)

    return Adapter


def _item(account: Account, change: Change) -> CalendarItem:
    event, (key, mark) = change.shown, change.marker
    return CalendarItem(
        account=account,
        folder=account.calendar,
        subject=event.title,
        start=EWSDate.from_date(event.start),
        end=EWSDate.from_date(event.end - timedelta(days=1)),
        is_all_day=True,
        legacy_free_busy_status="Busy",
        reminder_is_set=False,
        figgo_key=key,
        figgo_print=mark,
    )


def main() -> None:
    """Follow orders until stdin ends."""
    name, ready, mailboxes, threads = arguments()
    side: type[Ours | Bare] = Ours if name == "ours" else Bare
    client = side(ready, threads)

    def prepare(order: Order) -> Callable[[], int]:
        if order["do"] == "list":
            return client.listed
        address = ready["mails"].__getitem__
        changes = creations(mailboxes, order["events"], order["first"], zone=ZONE, address=address)
        return client.filled(list(changes))

    follow(prepare)


if __name__ == "__main__":
    main()
