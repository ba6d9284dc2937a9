"""The process of one client of Microsoft 365 that creates and lists events: ours, or plain batches.

Reads orders on stdin; see `turns.py`. Tokens and connections are there before anything is timed.
"""

import ssl
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import msal
import requests

from figgo_ops.calendars._microsoft365_events import PAGE, listing, ours
from figgo_ops.calendars._outlook import KEY, PRINT, PROPERTY_SET
from figgo_ops.plan import Change, Mailbox
from tests.benchmarks.connect import FastClock, connect_microsoft365, creations
from tests.benchmarks.turns import Order, arguments, follow

ZONE, WINDOWS = "Europe/Paris", "Romance Standard Time"
BATCH = 20
SCOPE = "https://graph.microsoft.com/.default"
PREFER = {"Prefer": 'IdType="ImmutableId", outlook.timezone="UTC"'}
Asked = dict[str, Any]


class Ours:
    """The adapter: a change in, an outcome out."""

    def __init__(self, ready: dict[str, Any], threads: int) -> None:
        del threads
        # No pace is waited for here: on this clock a wait of seconds takes milliseconds.
        self.calendar = connect_microsoft365(ready, FastClock(1000))
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

    def close(self) -> None:
        """Let go of connections."""
        self.calendar.close()


class Bare:
    """httpx, one token of msal, batches of 20 mailboxes: a change in, id and etag out, nothing made sure."""

    def __init__(self, ready: dict[str, Any], threads: int) -> None:
        trust = ssl.create_default_context(cafile=ready["ca_file"])
        self.client = httpx.Client(base_url=f"{ready['url']}/v1.0", verify=trust)
        self.client.headers["Authorization"] = f"Bearer {_token(ready)}"
        self.mails, self.pool = ready["mails"], ThreadPoolExecutor(threads)
        self.listed()

    def filled(self, changes: list[Change]) -> Callable[[], int]:
        """What is timed when events are created: twenty mailboxes by one thread, event after event."""
        mine = defaultdict[str, list[Change]](list)
        for change in changes:
            mine[change.mailbox.address].append(change)
        chains = [[*zip(*group, strict=True)] for group in _twenties([*mine.values()])]
        return lambda: sum(map(len, self.pool.map(self._chained, chains)))

    def listed(self) -> int:
        """How many marked events all mailboxes hold."""
        asked = [_get(listing(Mailbox("", mail), ours(), added=True)) for mail in self.mails]
        return sum(self.pool.map(self._listed, _twenties(asked)))

    def close(self) -> None:
        """Let go of connections."""
        self.pool.shutdown()
        self.client.close()

    def _chained(self, chain: Sequence[Sequence[Change]]) -> list[tuple[str, str]]:
        told = (one for batch in chain for one in self._sent([_creation(change) for change in batch]))
        return [(one["body"]["id"], one["body"]["@odata.etag"]) for one in told if one["status"] == 201]

    def _listed(self, batch: Sequence[Asked]) -> int:
        pages = [one["body"] for one in self._sent(batch)]
        assert not [page for page in pages if "@odata.nextLink" in page], f"more than {PAGE} events"
        return sum(len(page["value"]) for page in pages)

    def _sent(self, batch: Sequence[Asked]) -> list[Asked]:
        requests = [{"id": str(number), **one} for number, one in enumerate(batch)]
        answer = self.client.post("/$batch", json={"requests": requests})
        told: list[Asked] = answer.raise_for_status().json()["responses"]
        return told


def _twenties(those: Sequence[Any]) -> list[Sequence[Any]]:
    return [those[begin : begin + BATCH] for begin in range(0, len(those), BATCH)]


def _token(ready: dict[str, Any]) -> str:
    with requests.Session() as session:
        session.trust_env, session.verify = False, ready["ca_file"]
        application = msal.ConfidentialClientApplication(
            ready["client_id"],
            authority=f"{ready['url']}/{ready['tenant_id']}",
            client_credential=Path(ready["key"]).read_text(),
            instance_discovery=False,
            http_client=session,
        )
        return str(application.acquire_token_for_client(scopes=[SCOPE])["access_token"])


def _get(path: str) -> Asked:
    return {"method": "GET", "url": path, "headers": PREFER}


def _creation(change: Change) -> Asked:
    event, marker = change.shown, change.marker
    start, end = (
        {"dateTime": f"{day.isoformat()}T00:00:00", "timeZone": WINDOWS} for day in (event.start, event.end)
    )
    properties = [
        {"id": f"String {{{PROPERTY_SET}}} Name {name}", "value": value}
        for name, value in zip((KEY, PRINT), marker, strict=True)
    ]
    return {
        "method": "POST",
        "url": f"/users/{quote(change.mailbox.address, safe='@')}/events",
        "headers": {"Content-Type": "application/json", **PREFER},
        "body": {
            "subject": event.title,
            "start": start,
            "end": end,
            "isAllDay": True,
            "showAs": "busy",
            "isReminderOn": False,
            "responseRequested": False,
            "singleValueExtendedProperties": properties,
        },
    }


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
