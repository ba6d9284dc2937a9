"""The home that the rehearsal company leaves behind: an ordinary tenant file and its secrets."""

from __future__ import annotations

import json
import os
import re
import secrets
import tomllib
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from figgo_ops.sandbox.microsoft365_certificate import key_and_certificate
from figgo_ops.sandbox.people import LEGAL_ENTITIES, LegalEntity

TENANT = "corail"
HOST = "corail.ilucca.net"
FOLDERS = ("tenants", "secrets")
ROLES = {"full": f"{TENANT}-figgo.key"} | {
    role: f"{TENANT}-figgo-{role}.key" for role in ("narrow", "nobody", "revoked")
}
SERVICE_ACCOUNT = r"CORAIL\svc-figgo"
TENANT_ID, CLIENT_ID = "9a1f5f0e-6f2c-4c55-8b0e-3c1d7a52c0e4", "3f0d6f8b-2b1a-4a0e-9c7d-5e8a41b6d2f9"
KINDS = {1: "google", 2: "exchange", 3: "microsoft365"}
OUTSIDE = {
    "exchange": "direction@corail-suisse.example",
    "microsoft365": "direction@corail-antilles.example",
}
"""The boards' mailboxes, by who keeps them: they are nobody's in Figgo, and our rights do not reach them."""

ADDRESS = re.compile(r"https://localhost:\d+")
QUOTED_CA = r'ca_file = "[^"]*"'
MONTHS_BEFORE = timedelta(days=180)


@dataclass(frozen=True, slots=True)
class Home:
    """A home on disk; every folder of it belongs to its user alone."""

    folder: Path

    def prepare(self) -> None:
        """Make the folders that are missing."""
        for folder in (self.folder, *(self.folder / name for name in FOLDERS)):
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o700)

    @property
    def tenant_file(self) -> Path:
        """The tenant file of the rehearsal company."""
        return self.folder / "tenants" / f"{TENANT}.toml"

    def secret(self, name: str, make: Callable[[], str]) -> str:
        """The secret of that name; one that is not there yet is made, readable to its owner alone."""
        path = self.folder / "secrets" / name
        if not path.exists():
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(make())
        return path.read_text()

    def figgo_keys(self) -> dict[str, str]:
        """An API key per role; the full one is what the tenant file refers to."""
        return {role: self.secret(name, lambda: str(uuid.uuid4())) for role, name in ROLES.items()}

    def service_account(self, make: Callable[[], Mapping[str, str]]) -> dict[str, str]:
        """The content of the service account's key file."""
        text = self.secret(f"{TENANT}-google.json", lambda: json.dumps(make(), indent=2))
        return {str(name): str(value) for name, value in json.loads(text).items()}

    def exchange_password(self) -> str:
        """The password of the service account at Exchange."""
        return self.secret(f"{TENANT}-exchange.password", lambda: secrets.token_urlsafe(24))

    def microsoft365_secret(self) -> str:
        """The client secret of the application at Microsoft 365; the tenant file names the certificate."""
        return self.secret(f"{TENANT}-microsoft365.secret", lambda: secrets.token_urlsafe(30))

    def microsoft365_certificate(self) -> str:
        """The private key of that application and its certificate."""
        return self.secret(f"{TENANT}-microsoft365.pem", key_and_certificate)

    def kinds(self) -> dict[int, str]:
        """The kind of calendar that each legal entity has; a home of earlier days may know fewer kinds."""
        if not self.tenant_file.exists():
            return dict(KINDS)
        calendars = self._read().get("calendar", [])
        found = {
            one.id: [kept["kind"] for kept in calendars if _reaches(kept, one)] for one in LEGAL_ENTITIES
        }
        # Those of rehearsals that bring their own legal entities are known from the lists alone.
        listed = {
            entity: kept["kind"]
            for kept in reversed(calendars)
            for entity in (() if kept.get("retired") else kept.get("legal_entities", ()))
        }
        return listed | {entity: kinds[0] for entity, kinds in found.items() if kinds}

    def write_tenant(self, urls: Mapping[str, str], ca_file: Path, today: date) -> None:
        """Write the tenant file; one that is there keeps everything but where the stand-ins are."""
        if not self.tenant_file.exists():
            self.tenant_file.write_text(tenant_text(urls, ca_file, today), encoding="utf-8")
            return
        text = self.tenant_file.read_text(encoding="utf-8")
        moved = _moved(self._read(), urls) | {QUOTED_CA: f"ca_file = {_quoted(ca_file)}"}
        # All in one pass: a new address may be another service's old one.
        text = re.sub("|".join(moved), lambda found: _replaced(found, moved), text)
        self.tenant_file.write_text(text, encoding="utf-8")

    def _read(self) -> dict[str, Any]:
        try:
            return tomllib.loads(self.tenant_file.read_text(encoding="utf-8"))
        except tomllib.TOMLDecodeError as error:
            raise ValueError(
                f"{self.tenant_file}: {error}; mend it, or remove it to have a new one"
            ) from error


def _reaches(calendar: Mapping[str, Any], entity: LegalEntity) -> bool:
    """Whether a calendar of the tenant file is for this legal entity; one without a rule is for all."""
    if calendar.get("retired"):
        return False
    if calendar.get("domains"):
        return entity.domain in calendar["domains"]
    return not calendar.get("legal_entities") or entity.id in calendar["legal_entities"]


def _replaced(found: re.Match[str], moved: Mapping[str, str]) -> str:
    return next(new for old, new in moved.items() if re.fullmatch(old, found[0]))


def _moved(tenant: Mapping[str, Any], urls: Mapping[str, str]) -> dict[str, str]:
    """The old address of each service, as a pattern, and its new one."""
    then = {one["kind"]: one.get("api_root") or one.get("url", "") for one in tenant["calendar"]}
    then["figgo"] = tenant["figgo"]["url"]
    found = {service: ADDRESS.match(url) for service, url in then.items() if service in urls}
    return {re.escape(old[0]) + r"\b": urls[service] for service, old in found.items() if old}


def _quoted(path: Path) -> str:
    return json.dumps(str(path), ensure_ascii=False)


def _entities(kind: str) -> list[int]:
    return [entity for entity, kept in KINDS.items() if kept == kind]


def first_day(today: date) -> date:
    """The tenant's `start`: the first of a month about half a year ago."""
    return (today - MONTHS_BEFORE).replace(day=1)


def tenant_text(urls: Mapping[str, str], ca_file: Path, today: date) -> str:
    """The tenant file of a company that has just been set up: a draft."""
    trusted = _quoted(ca_file)
    paris, *others = LEGAL_ENTITIES
    zones = "".join(
        f'\n[[zone]]  # {one.name}\nlegal_entities = [{one.id}]\ntimezone = "{one.timezone}"\n'
        for one in others
    )
    return f"""\
# The rehearsal company. Its addresses are this machine's own; everything else is as a real tenant's.
name = "{TENANT}"
state = "draft"
timezone = "{paris.timezone}"
start = {first_day(today).isoformat()}

[figgo]
host = "{HOST}"
url = "{urls["figgo"]}"
api_key = "file:{TENANT}-figgo.key"
ca_file = {trusted}
working_time = "weekdays"

[[calendar]]
name = "google"
kind = "google"
legal_entities = {_entities("google")}
service_account = "file:{TENANT}-google.json"
api_root = "{urls["google"]}"
token_url = "{urls["google"]}/token"
ca_file = {trusted}

[[calendar]]
name = "exchange"
kind = "exchange"
legal_entities = {_entities("exchange")}
url = "{urls["exchange"]}/EWS/Exchange.asmx"
user = '{SERVICE_ACCOUNT}'
password = "file:{TENANT}-exchange.password"
outside = "{OUTSIDE["exchange"]}"
ca_file = {trusted}

[[calendar]]
name = "microsoft 365"
kind = "microsoft365"
legal_entities = {_entities("microsoft365")}
tenant_id = "{TENANT_ID}"
client_id = "{CLIENT_ID}"
certificate = "file:{TENANT}-microsoft365.pem"
outside = "{OUTSIDE["microsoft365"]}"
api_root = "{urls["microsoft365"]}"
authority = "{urls["microsoft365"]}"
ca_file = {trusted}

[events]
title = "Absent"
show_type = false
whole_days = "all-day"
hours = {{ morning = ["09:00", "12:00"], afternoon = ["14:00", "18:00"] }}
pending = "tentative"
private = false
hand_edits = "restore"
horizon = {{ past_days = 30, future_days = 540 }}
{zones}
[checklist]
vendor_sync_off = {first_day(today).isoformat()}

[limits]
delete_ratio = 0.3
delete_min = 10
"""
