"""Speaking to the Graph stand-in by hand: a stage with both of Outlook's doors to one company."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from figgo_ops.sandbox.ca import make_authority
from figgo_ops.sandbox.exchange_owner import Owner
from figgo_ops.sandbox.exchange_store import Mailbox
from figgo_ops.sandbox.faults import Faults
from figgo_ops.sandbox.microsoft365 import Microsoft365Service
from figgo_ops.sandbox.web import RequestLog, Server
from tests.sandbox import ews
from tests.sandbox.ews import ANNE, GUID

TENANT, CLIENT, SECRET = (
    "9d6f4c1e-5b0a-4f37-8f4e-3b1c2a7d9e10",
    "5f0c7a52-1111-4222-8333-94a6b7c8d9e0",
    "corail",
)
KEY_ID, PRINT_ID = (f"String {{{GUID}}} Name {name}" for name in ("FiggoOpsKey", "FiggoOpsPrint"))
OURS = f"singleValueExtendedProperties/Any(ep: ep/id eq '{KEY_ID}' and ep/value ne null)"
HIDDEN = f"singleValueExtendedProperties($filter=id eq '{KEY_ID}')"
IMMUTABLE = 'IdType="ImmutableId"'
PARIS = "Europe/Paris"


def at(moment: str, zone: str = PARIS) -> dict[str, str]:
    return {"dateTime": moment, "timeZone": zone}


def leave(
    start: str = "2026-12-21", end: str = "2026-12-24", zone: str = PARIS, **more: Any
) -> dict[str, Any]:
    """An all-day event as the sync writes it."""
    whole = {"start": at(f"{start}T00:00:00", zone), "end": at(f"{end}T00:00:00", zone), "isAllDay": True}
    return {"subject": "Congés payés", **whole, **more}


def morning(**more: Any) -> dict[str, Any]:
    return {"subject": "Matin", "start": at("2026-11-23T09:00:00"), "end": at("2026-11-23T12:00:00"), **more}


def hidden(value: str, name: str = KEY_ID) -> dict[str, Any]:
    return {"singleValueExtendedProperties": [{"id": name, "value": value}]}


class Stage(ews.Stage):
    """Exchange on premises and Microsoft 365 for one company; Anne's mailbox is in the cloud."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.organization = self.exchange.organization
        self.graph = Microsoft365Service(
            self.organization, client_id=CLIENT, tenant_id=TENANT, secret=SECRET, clock=lambda: self.now
        )
        authority = make_authority(folder / "cloud")
        self.cloud = Server(self.graph, authority.server_context(), Faults(), RequestLog())
        self.cloud.start()
        context = ssl.create_default_context(cafile=str(authority.ca_file))
        self.http = httpx.Client(base_url=self.cloud.url, verify=context, timeout=20)
        self.root = f"{self.cloud.url}/v1.0"
        self.http.headers["Authorization"] = f"Bearer {self._token()}"
        self.migrate()

    def close(self) -> None:
        self.http.close()
        self.cloud.stop()
        super().close()

    def _token(self) -> str:
        form = {"grant_type": "client_credentials", "scope": "https://graph.microsoft.com/.default"}
        secret = {"client_id": CLIENT, "client_secret": SECRET}
        answer = self.http.post(f"/{TENANT}/oauth2/v2.0/token", data={**form, **secret})
        return str(answer.json()["access_token"])

    def migrate(self, *, online: bool = True) -> Mailbox:
        """Move Anne's mailbox to the cloud, or back to the servers of the company."""
        return self.organization.migrate(ANNE, online=online)

    def owns(self) -> Owner:
        return self.graph.owner(ANNE)

    def ask_graph(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        prefer: str = "",
        match: str = "",
        **options: str,
    ) -> httpx.Response:
        """Send one request below Anne's mailbox; `filter="…"` becomes `$filter=…`."""
        headers = {name: text for name, text in (("Prefer", prefer), ("If-Match", match)) if text}
        params = {f"${name}": text for name, text in options.items()}
        sent: dict[str, Any] = {} if body is None else {"json": body}
        return self.http.request(
            method, f"/v1.0/users/{ANNE}/{path}", headers=headers, params=params or None, **sent
        )

    def put(self, body: Any, **more: str) -> dict[str, Any]:
        """Create an event and give what was answered."""
        answer = self.ask_graph("POST", "events", body, **more)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def seen(self, event_id: str, **more: str) -> dict[str, Any]:
        answer = self.ask_graph("GET", f"events/{quote(event_id, safe='')}", **more)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def listed(self, **options: str) -> list[dict[str, Any]]:
        """Read a listing to its end, whatever its pages."""
        rows: list[dict[str, Any]] = []
        prefer = options.pop("prefer", "")
        answer = self.ask_graph("GET", "events", prefer=prefer, **options)
        while True:
            assert answer.status_code == 200, answer.text
            rows += answer.json()["value"]
            link = answer.json().get("@odata.nextLink")
            if link is None:
                return rows
            answer = self.http.get(link, headers={"Prefer": prefer} if prefer else {})

    def kept(self) -> dict[str, Any]:
        """The one event in Anne's calendar, as the store keeps it."""
        (item,) = self.graph.content(ANNE)
        return item


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]
