"""The process of one client that creates events: ours, or the bare official one at its best.

Reads one order per line on stdin: how many events each mailbox gets and from which number on. Answers with
the CPU time of this process alone, from the first event to the last one; tokens and connections are there.
"""

import argparse
import json
import sys
import threading
import time
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
from tests.benchmarks.connect import FastClock, address_of, connect, creations, last_word

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
    parser = argparse.ArgumentParser()
    parser.add_argument("side", choices=("ours", "bare"))
    parser.add_argument("ready")
    parser.add_argument("mailboxes", type=int)
    parser.add_argument("threads", type=int)
    options = parser.parse_args()
    side: type[Ours | Bare] = Ours if options.side == "ours" else Bare
    client = side(json.loads(options.ready), options.mailboxes, options.threads)
    last_word({"ready": True})
    for line in sys.stdin:
        order = json.loads(line)
        fill = client.prepare(list(creations(options.mailboxes, order["events"], order["first"])))
        begun = time.process_time()
        done = fill()
        last_word({"cpu": time.process_time() - begun, "done": done})


if __name__ == "__main__":
    main()
