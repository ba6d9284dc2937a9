"""The calendar of Microsoft 365 that the contract is run against, with what happens behind its back."""

import re
from collections.abc import Callable
from datetime import date, timedelta
from html import unescape
from pathlib import Path
from typing import Any

from figgo_ops.calendars import microsoft365
from figgo_ops.calendars.microsoft365 import Microsoft365Calendar
from figgo_ops.sandbox.ca import make_authority
from figgo_ops.sandbox.exchange_organization import Organization
from figgo_ops.sandbox.faults import Fault, Faults
from figgo_ops.sandbox.messages import Request, Response
from figgo_ops.sandbox.microsoft365 import Microsoft365Service
from figgo_ops.sandbox.microsoft365_ids import find, immutable_id
from figgo_ops.sandbox.web import Entry, RequestLog, Server
from figgo_ops.secrets import Secret
from tests.calendars.contract import ANNE, ZOE
from tests.calendars.known import Known
from tests.calendars.stages import Clock

TENANT_ID = "6f0c3f6e-5f1d-4a7e-9d57-0f7b3c1f9a10"
CLIENT_ID = "0b7e6f5c-8d2a-4c1e-b6a3-5d4f3e2c1b0a"


class WatchedMicrosoft365(Microsoft365Service):
    """Microsoft 365 with somebody beside it.

    Attributes:
        aside: what happens right after each request, which may also change the answer.
    """

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.aside: Callable[[Request, Response], None] | None = None

    def handle(self, request: Request) -> Response:
        answer = super().handle(request)
        if self.aside is not None:
            self.aside(request, answer)
        return answer


class Microsoft365Stage:
    """The adapter, over real sockets, against the rehearsal company's Microsoft 365."""

    anne, zoe = ANNE, ZOE
    secret = "correct~horse~battery~staple"

    def __init__(self, folder: Path, mails: tuple[str, ...] = (ANNE, ZOE)) -> None:
        self.clock, self.faults, self.log, self.known = Clock(), Faults(), RequestLog(), Known()
        self.organization = Organization()
        self.graph = WatchedMicrosoft365(
            self.organization,
            client_id=CLIENT_ID,
            tenant_id=TENANT_ID,
            secret=self.secret,
            clock=lambda: self.clock.now().timestamp(),
        )
        for mail in mails:
            self.graph.add_mailbox(mail)
        self.authority = make_authority(folder)
        self.ca_file = str(self.authority.ca_file)
        self.server = Server(self.graph, self.authority.server_context(), self.faults, self.log)
        self.server.start()
        self._connections: list[Microsoft365Calendar] = []
        self.calendar = self.connect()

    def connect(self, secret: str | None = None, **settings: Any) -> Microsoft365Calendar:
        """Another connection, as another run of ours would make it."""
        keys: dict[str, Any] = {
            "tenant_id": TENANT_ID,
            "client_id": CLIENT_ID,
            "client_secret": "env:MICROSOFT",
            "api_root": self.server.url,
            "authority": self.server.url,
            "ca_file": self.ca_file,
            **settings,
        }
        given = Secret("env:MICROSOFT", secret or self.secret)
        made = microsoft365.open_calendar(
            "head office", microsoft365.Settings(**keys), lambda _: given, self.clock, self.known
        )
        self._connections.append(made)
        return made

    def close(self) -> None:
        for connection in self._connections:
            connection.close()
        self.server.stop()

    def fault(self, kind: str, **more: Any) -> None:
        """Let something go wrong at Microsoft."""
        self.faults.add(Fault("microsoft365", kind, **more))

    def calls(self, method: str = "", status: int | None = None) -> list[Entry]:
        """The batches asked so far, by the method that their items share; tokens under the method TOKEN."""
        entries = [(entry.path.rpartition("/")[2], entry) for entry in self.log.entries()]
        named = [("TOKEN" if name == "token" else name, entry) for name, entry in entries]
        return [entry for name, entry in named if method in ("", name) and status in (None, entry.status)]

    def asked(self, method: str = "") -> list[tuple[str, str, str]]:
        """Method, mailbox and path of every item of a batch so far."""
        return [one for one in self.graph.asked if method in ("", one[0])]

    def add(self, address: str, title: str, first: date, days: int = 1) -> str:
        made = self.graph.owner(address).add(title, first, first + timedelta(days))
        mailbox = self.graph.mailbox(address)
        return immutable_id(mailbox, mailbox.find(made["id"]))

    def stored(self, address: str, event_id: str) -> str:
        """The id under which the store keeps an event that we know by another one."""
        return find(self.graph.mailbox(address), event_id, immutable=True).id

    def annotate(self, address: str, event_id: str, note: str) -> None:
        self.graph.owner(address).annotate(self.stored(address, event_id), note)

    def rename(self, address: str, event_id: str, title: str) -> None:
        self.graph.owner(address).rename(self.stored(address, event_id), title)

    def delete(self, address: str, event_id: str) -> None:
        self.graph.owner(address).delete(self.stored(address, event_id))

    def invite(self, address: str, event_id: str, guest: str) -> None:
        self.graph.owner(address).invite(self.stored(address, event_id), [guest])

    def titles(self, address: str) -> list[str]:
        return [item["subject"] for item in self.graph.content(address)]

    def notes(self, address: str) -> list[str]:
        bodies = [item["body"] for item in self.graph.content(address) if item["body"]]
        return [unescape(re.sub(r"<[^>]+>|\s*\n\s*", "", body)) for body in bodies]

    def binned(self, address: str) -> int:
        return len(self.graph.content(address, deleted=True)) - len(self.graph.content(address))

    def notified(self) -> int:
        return len(self.graph.notifications)

    def small_pages(self, size: int) -> None:
        self.graph.switch("page_cap", size)

    def break_listing(self, address: str) -> None:
        self.fault("status", path="*/GET", principal=f"*{address}*", after=1, times=None, value=503)
