"""The calendars that the contract is run against, each with what happens behind its back."""

import json
import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from figgo_ops.calendars import exchange
from figgo_ops.calendars.exchange import ExchangeCalendar
from figgo_ops.calendars.google import GoogleCalendar, Settings, open_calendar
from figgo_ops.errors import Incomplete
from figgo_ops.events import Event
from figgo_ops.sandbox.ca import make_authority
from figgo_ops.sandbox.exchange import ExchangeService
from figgo_ops.sandbox.faults import Fault, Faults
from figgo_ops.sandbox.google import GoogleService, public_key_of, service_account_info
from figgo_ops.sandbox.messages import Request, Response
from figgo_ops.sandbox.web import Entry, RequestLog, Server
from figgo_ops.secrets import Secret
from tests.calendars.contract import ANNE, ZOE
from tests.calendars.known import Known
from tests.calendars.memory import MemoryCalendar


class Clock:
    """A clock that sleeps by moving on; starts at the real time, which Google's tokens are about."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._start = datetime.now(UTC)
        self.slept = 0.0

    def monotonic(self) -> float:
        return 1000.0 + self.slept

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self.slept)

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.slept += seconds


class MemoryStage:
    """The model."""

    def __init__(self) -> None:
        self.calendar = MemoryCalendar(addresses=(ANNE, ZOE))
        self.anne, self.zoe = ANNE, ZOE

    def add(self, address: str, title: str, first: date, days: int = 1) -> str:
        return self.calendar.owner(address).add(Event(first, first + timedelta(days), "confirmed", title))

    def annotate(self, address: str, event_id: str, note: str) -> None:
        self.calendar.owner(address).annotate(event_id, note)

    def rename(self, address: str, event_id: str, title: str) -> None:
        self.calendar.owner(address).edit(event_id, title=title)

    def delete(self, address: str, event_id: str) -> None:
        self.calendar.owner(address).delete(event_id)

    def invite(self, address: str, event_id: str, guest: str) -> None:
        self.calendar.owner(address).invite(event_id, guest)

    def titles(self, address: str) -> list[str]:
        return [stored.event.title for stored in self.calendar.content(address)]

    def notes(self, address: str) -> list[str]:
        return [stored.note for stored in self.calendar.content(address) if stored.note]

    def binned(self, address: str) -> int:
        return 0

    def notified(self) -> int:
        return 0

    def small_pages(self, size: int) -> None:
        pass

    def break_listing(self, address: str) -> None:
        self.calendar.unreadable[address] = Incomplete(f"{address}: cut off.", "Run again.")


@cache
def service_account() -> tuple[dict[str, str], rsa.RSAPublicKey]:
    """One short key for all tests: parsing a real one is by far the slowest step of a connection."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    form = serialization.PrivateFormat.PKCS8
    pem = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()
    info = {**service_account_info(), "private_key": pem}
    return info, public_key_of(info)


class GoogleStage:
    """The adapter, over real sockets, against the rehearsal company's Google."""

    anne, zoe = ANNE, ZOE

    def __init__(self, folder: Path, users: tuple[str, ...] = (ANNE, ZOE)) -> None:
        self.clock, self.faults, self.log = Clock(), Faults(), RequestLog()
        self.info, public_key = service_account()
        self.google = GoogleService(
            ["corail.example"],
            users,
            service_account_public_key=public_key,
            client_email=self.info["client_email"],
            clock=lambda: self.clock.now().timestamp(),
        )
        authority = make_authority(folder)
        self.ca_file = str(authority.ca_file)
        self.server = Server(self.google, authority.server_context(), self.faults, self.log)
        self.server.start()
        self._connections: list[GoogleCalendar] = []
        self.calendar = self.connect()

    def connect(self, **settings: Any) -> GoogleCalendar:
        """Another connection, as another run of ours would make it."""
        keys: dict[str, Any] = {
            "service_account": "env:GOOGLE",
            "api_root": self.server.url,
            "token_url": f"{self.server.url}/token",
            "ca_file": self.ca_file,
            **settings,
        }
        secret = Secret("env:GOOGLE", json.dumps(self.info))
        made = open_calendar("head office", Settings(**keys), lambda _: secret, self.clock, Known())
        self._connections.append(made)
        return self._connections[-1]

    def close(self) -> None:
        for connection in self._connections:
            connection.close()
        self.server.stop()

    def fault(self, kind: str, **more: Any) -> None:
        """Let something go wrong at Google."""
        self.faults.add(Fault("google", kind, **more))

    def calls(self, method: str = "", status: int | None = None) -> list[Entry]:
        """What was asked of the calendar so far; tokens under the method TOKEN."""
        entries = self.log.entries()
        named = [("TOKEN" if entry.path == "/token" else entry.method, entry) for entry in entries]
        wanted: Callable[[str, Entry], bool] = lambda name, entry: (  # noqa: E731 - one condition
            method in ("", name) and status in (None, entry.status)
        )
        return [entry for name, entry in named if wanted(name, entry)]

    def add(self, address: str, title: str, first: date, days: int = 1) -> str:
        event = self.google.owner(address).add(title, first, first + timedelta(days))
        return str(event["id"])

    def annotate(self, address: str, event_id: str, note: str) -> None:
        self.google.owner(address).annotate(event_id, note)

    def rename(self, address: str, event_id: str, title: str) -> None:
        self.google.owner(address).rename(event_id, title)

    def delete(self, address: str, event_id: str) -> None:
        self.google.owner(address).delete(event_id)

    def invite(self, address: str, event_id: str, guest: str) -> None:
        self.google.owner(address).invite(event_id, [guest])

    def titles(self, address: str) -> list[str]:
        return [event.get("summary", "") for event in self.google.content(address)]

    def notes(self, address: str) -> list[str]:
        return [event["description"] for event in self.google.content(address) if "description" in event]

    def binned(self, address: str) -> int:
        return len(self.google.content(address, deleted=True)) - len(self.google.content(address))

    def notified(self) -> int:
        return len(self.google.notifications)

    def small_pages(self, size: int) -> None:
        self.google.switches["short_pages"] = size

    def break_listing(self, address: str) -> None:
        self.fault("status", method="GET", principal=address, after=1, times=None, value=503)


class WatchedExchange(ExchangeService):
    """Exchange with somebody beside it.

    Attributes:
        seen: every request that it had to answer.
        aside: what happens right after each, which may also change the answer.
    """

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.seen: list[Request] = []
        self.aside: Callable[[Request, Response], None] | None = None

    def handle(self, request: Request) -> Response:
        self.seen.append(request)
        answer = super().handle(request)
        if self.aside is not None:
            self.aside(request, answer)
        return answer


class ExchangeStage:
    """The adapter, over real sockets, against the rehearsal company's Exchange."""

    anne, zoe = ANNE, ZOE
    user, password = "CORAIL\\svc-figgo", "correct horse battery staple"

    def __init__(self, folder: Path, mails: tuple[str, ...] = (ANNE, ZOE)) -> None:
        self.clock, self.faults, self.log, self.known = Clock(), Faults(), RequestLog(), Known()
        self.exchange = WatchedExchange(
            self.user, self.password, mails, clock=lambda: self.clock.now().timestamp()
        )
        self.authority = make_authority(folder)
        self.ca_file = str(self.authority.ca_file)
        self.server = Server(self.exchange, self.authority.server_context(), self.faults, self.log)
        self.server.start()
        self._connections: list[ExchangeCalendar] = []
        self.calendar = self.connect()

    def connect(self, **settings: Any) -> ExchangeCalendar:
        """Another connection, as another run of ours would make it."""
        keys: dict[str, Any] = {
            "url": self.server.url,
            "user": self.user,
            "password": "env:EXCHANGE",
            "auth": "basic",
            "ca_file": self.ca_file,
            **settings,
        }
        secret = Secret("env:EXCHANGE", self.password)
        made = exchange.open_calendar(
            "head office", exchange.Settings(**keys), lambda _: secret, self.clock, self.known
        )
        self._connections.append(made)
        return made

    def close(self) -> None:
        for connection in self._connections:
            connection.close()
        self.server.stop()

    def fault(self, kind: str, **more: Any) -> None:
        """Let something go wrong at Exchange."""
        self.faults.add(Fault("exchange", kind, **more))

    def calls(self, operation: str = "", status: int | None = None) -> list[Entry]:
        """What was asked so far, by operation; log-ons have none."""
        return [
            entry
            for entry in self.log.entries()
            if entry.path.endswith(f"/{operation}") and status in (None, entry.status)
        ]

    def asked(self) -> list[str]:
        """Every operation asked for so far, in order."""
        names = (entry.path.partition(".asmx/")[2] for entry in self.log.entries())
        return [name for name in names if name]

    def bodies(self, operation: str) -> list[bytes]:
        """What was asked of an operation so far, as it was sent."""
        return [one.body for one in self.exchange.seen if one.place.endswith(f"/{operation}")]

    def add(self, address: str, title: str, first: date, days: int = 1) -> str:
        return str(self.exchange.owner(address).add(title, first, first + timedelta(days))["id"])

    def annotate(self, address: str, event_id: str, note: str) -> None:
        self.exchange.owner(address).annotate(event_id, note)

    def rename(self, address: str, event_id: str, title: str) -> None:
        self.exchange.owner(address).rename(event_id, title)

    def delete(self, address: str, event_id: str) -> None:
        self.exchange.owner(address).delete(event_id)

    def invite(self, address: str, event_id: str, guest: str) -> None:
        self.exchange.owner(address).invite(event_id, [guest])

    def titles(self, address: str) -> list[str]:
        return [item["subject"] for item in self.exchange.content(address)]

    def notes(self, address: str) -> list[str]:
        return [item["body"] for item in self.exchange.content(address) if item["body"]]

    def binned(self, address: str) -> int:
        return len(self.exchange.content(address, deleted=True)) - len(self.exchange.content(address))

    def notified(self) -> int:
        return len(self.exchange.notifications)

    def small_pages(self, size: int) -> None:
        self.exchange.switches["page_cap"] = size

    def break_listing(self, address: str) -> None:
        self.fault("status", path="*/FindItem", principal=address, after=1, times=None, value=503)
