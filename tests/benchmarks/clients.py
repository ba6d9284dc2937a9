"""The process of one client of Google that creates events: ours, or the bare official one at its best.

Reads orders on stdin; see `turns.py`. Tokens and connections are there before anything is timed.
"""

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import google_auth_httplib2
import httplib2
from google.oauth2 import service_account
from googleapiclient import discovery_cache
from googleapiclient.discovery import build_from_document  # type: ignore[attr-defined]

from figgo_ops.calendars._google_events import created_body, event_id
from figgo_ops.calendars.google import GoogleCalendar
from figgo_ops.plan import Change
from tests.benchmarks.connect import FastClock, address_of, connect, creations
from tests.benchmarks.turns import Order, arguments, follow

SCOPE = "https://www.googleapis.com/auth/calendar.events.owned"
Fill = Callable[[list[Change]], int]


class Ours:
    """The adapter: a change in, an outcome out."""

    def __init__(self, ready: dict[str, Any], mailboxes: int, threads: int) -> None:
        del threads
        # Nobody's quota is waited for here: on this clock a wait of seconds takes milliseconds.
        self.calendar: GoogleCalendar = connect(ready, FastClock(1000))
        assert not [one for one in self.calendar.read(map(address_of, range(mailboxes))) if one.error]

    def prepare(self, changes: list[Change]) -> Callable[[], int]:
        """What is timed."""
        return lambda: sum(outcome.status == "done" for outcome in self.calendar.write(changes))


class Bare:
    """google-api-python-client: one cached resource, a connection per thread, bodies made beforehand."""

    def __init__(self, ready: dict[str, Any], mailboxes: int, threads: int) -> None:
        document = json.loads(discovery_cache.get_static_doc("calendar", "v3"))  # type: ignore[no-untyped-call]
        document["rootUrl"] = f"{ready['url']}/"
        self.events = build_from_document(document, http=httplib2.Http()).events()
        info = json.loads(Path(ready["key"]).read_text()) | {"token_uri": f"{ready['url']}/token"}
        key = service_account.Credentials.from_service_account_info(info, scopes=[SCOPE])  # type: ignore[no-untyped-call]
        self.users = {address_of(n): key.with_subject(address_of(n)) for n in range(mailboxes)}
        self.ca_file, self.own = ready["ca_file"], threading.local()
        self.pool = ThreadPoolExecutor(threads)
        list(self.pool.map(self._listed, self.users))

    def prepare(self, changes: list[Change]) -> Callable[[], int]:
        """What is timed."""
        bodies: dict[str, list[dict[str, Any]]] = {}
        for one in changes:
            own = event_id(str(one.key), one.mailbox.address, 0)
            bodies.setdefault(one.mailbox.address, []).append({**created_body(one), "id": own})
        return lambda: sum(self.pool.map(self._filled, bodies.items()))

    def _http(self, mail: str) -> Any:
        if not hasattr(self.own, "http"):
            self.own.http = httplib2.Http(ca_certs=self.ca_file)
        return google_auth_httplib2.AuthorizedHttp(self.users[mail], http=self.own.http)

    def _listed(self, mail: str) -> None:
        self.events.list(calendarId="primary").execute(http=self._http(mail))

    def _filled(self, of: tuple[str, list[dict[str, Any]]]) -> int:
        mail, bodies = of
        http = self._http(mail)
        for body in bodies:
            self.events.insert(calendarId="primary", body=body).execute(http=http)
        return len(bodies)


def main() -> None:
    """Follow orders until stdin ends."""
    name, ready, mailboxes, threads = arguments()
    side: type[Ours | Bare] = Ours if name == "ours" else Bare
    client = side(ready, mailboxes, threads)

    def prepare(order: Order) -> Callable[[], int]:
        return client.prepare(list(creations(mailboxes, order["events"], order["first"])))

    follow(prepare)


if __name__ == "__main__":
    main()
