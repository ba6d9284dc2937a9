"""Speaking to the Microsoft 365 stand-in from outside: a stage, certificates, batches."""

from __future__ import annotations

import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import msal
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from figgo_ops.sandbox.ca import make_authority
from figgo_ops.sandbox.exchange_organization import Organization
from figgo_ops.sandbox.faults import Fault, Faults
from figgo_ops.sandbox.microsoft365 import Microsoft365Service
from figgo_ops.sandbox.web import RequestLog, Server

ANNE, ZOE, PAUL = "anne.lefevre@corail.example", "zoe.benard@corail.example", "paul.old@corail.example"
CLIENT, TENANT = "5c7f1d6e-2a0b-4b53-9d8e-1f2a3b4c5d6e", "0b9d3c52-7f41-4d7e-8a36-94c1e5a7f210"
DOMAIN, SECRET = "corail.onmicrosoft.example", "Été~à.Nîmes-2026"
SCOPE = "https://graph.microsoft.com/.default"
TOKEN = f"/{TENANT}/oauth2/v2.0/token"
OPENID = f"/{TENANT}/v2.0/.well-known/openid-configuration"
BATCH = "/v1.0/$batch"
DAY = {
    "subject": "Congés payés",
    "isAllDay": True,
    "start": {"dateTime": "2026-12-21T00:00:00", "timeZone": "Romance Standard Time"},
    "end": {"dateTime": "2026-12-24T00:00:00", "timeZone": "Romance Standard Time"},
    "showAs": "oof",
}


@dataclass(frozen=True, slots=True)
class Credential:
    """A private key and its certificate, as PEM."""

    key: str
    certificate: str

    def fingerprint(self, kind: hashes.HashAlgorithm) -> bytes:
        return x509.load_pem_x509_certificate(self.certificate.encode()).fingerprint(kind)


@cache
def rsa_key(name: str) -> rsa.RSAPrivateKey:
    """One key for each name; making one takes a while."""
    del name
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def credential(name: str = "figgo-ops", *, begins: int = -1, ends: int = 365, key: Any = None) -> Credential:
    """Sign a certificate oneself, good from and until so many days from now."""
    key, now = key or rsa_key(name), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=begins))
        .not_valid_after(now + timedelta(days=ends))
        .sign(key, hashes.SHA256())
    )
    form = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    private = key.private_bytes(serialization.Encoding.PEM, *form).decode()
    return Credential(private, made.public_bytes(serialization.Encoding.PEM).decode())


class Clock:
    """A clock that stands still, from the true present on, until it is moved."""

    def __init__(self) -> None:
        self.now = float(int(time.time()))

    def __call__(self) -> float:
        return self.now


class Stage:
    """The stand-in behind a real server, with an application that may use three mailboxes."""

    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self.graph = Microsoft365Service(
            Organization(), client_id=CLIENT, tenant_id=TENANT, secret=SECRET, clock=self.clock
        )
        self.graph.tokens.names.add(DOMAIN)
        for mail in (ANNE, ZOE, PAUL):
            self.graph.add_mailbox(mail)
        self.log, self.faults = RequestLog(), Faults()
        authority = make_authority(folder)
        self.server = Server(self.graph, authority.server_context(), self.faults, self.log)
        self.server.start()
        self.url = self.server.url
        context = ssl.create_default_context(cafile=str(authority.ca_file))
        self.http = httpx.Client(base_url=self.url, verify=context, timeout=20, trust_env=False)
        self.session = requests.Session()
        self.session.verify, self.session.trust_env = str(authority.ca_file), False
        self._bearer = ""

    def close(self) -> None:
        self.http.close()
        self.session.close()
        self.server.stop()

    def fault(self, kind: str, **more: Any) -> None:
        self.faults.add(Fault("microsoft365", kind, **more))

    def app(self, secret: Any = SECRET, tenant: str = TENANT, discovery: str | bool = False) -> Any:
        """Microsoft's own client of the sign-in service."""
        authority = f"{self.url}/{tenant}"
        return msal.ConfidentialClientApplication(
            CLIENT, secret, authority=authority, instance_discovery=discovery, http_client=self.session
        )

    def token(self, **form: str) -> httpx.Response:
        """Ask for a token without a library; a value of "" leaves a field out."""
        asked = {"grant_type": "client_credentials", "client_id": CLIENT, "client_secret": SECRET}
        fields = {**asked, "scope": SCOPE, **form}
        return self.http.post(TOKEN, data={name: value for name, value in fields.items() if value})

    def bearer(self) -> dict[str, str]:
        if not self._bearer:
            self._bearer = self.token().json()["access_token"]
        return {"Authorization": f"Bearer {self._bearer}"}

    def ask(self, method: str, path: str, content: Any = None, **headers: str) -> httpx.Response:
        """Send one request with a good token; underscores in names of headers stand for hyphens."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.http.request(method, f"/v1.0{path}", json=content, headers={**self.bearer(), **named})

    def send(self, *items: Mapping[str, Any], **headers: str) -> httpx.Response:
        """Send a batch."""
        return self.ask("POST", "/$batch", {"requests": list(items)}, **headers)

    def batch(self, *items: Mapping[str, Any], **headers: str) -> dict[str, dict[str, Any]]:
        """Send a batch that is taken, and give the answers by id."""
        answer = self.send(*items, **headers)
        assert answer.status_code == 200, answer.text
        return {one["id"]: one for one in answer.json()["responses"]}

    def statuses(self, *items: Mapping[str, Any]) -> list[int]:
        """Send a batch and give the statuses in the order of its items."""
        answers = self.batch(*items)
        return [answers[item["id"]]["status"] for item in items]

    def seen(self) -> list[tuple[str, int]]:
        """Places and statuses of the requests to Graph, sign-ins aside."""
        return [(one.path, one.status) for one in self.log.entries() if one.path.startswith("/v1.0")]


def get(name: str = "1", mail: str = ANNE, path: str = "/calendar", **more: Any) -> dict[str, Any]:
    return {"id": name, "method": "GET", "url": f"/users/{mail}{path}", **more}


def create(name: str = "1", mail: str = ANNE, body: Mapping[str, Any] = DAY, **more: Any) -> dict[str, Any]:
    headers = {"Content-Type": "application/json"}
    item = {"id": name, "method": "POST", "url": f"/users/{mail}/events", "headers": headers}
    return {**item, "body": dict(body), **more}


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]
