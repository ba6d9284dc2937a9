"""A home with tenants that need no network: their files, their secrets, what the ledger remembers of them."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from figgo_ops.checks import CUSTOMER, Check, Deadline
from figgo_ops.desk.diagnostics import Diagnosis
from figgo_ops.home import Home
from figgo_ops.ledger import Ledger
from figgo_ops.sandbox.microsoft365_certificate import key_and_certificate
from tests.calendars.stages import service_account
from tests.rehearsal import Clock

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
TODAY = NOW.date()
DAY = timedelta(days=1)

GOOGLE = 'kind = "google"\nservice_account = "file:google.json"'
EXCHANGE = """kind = "exchange"
url = "https://mail.acme.example/EWS/Exchange.asmx"
user = 'ACME\\svc-figgo'
password = "file:exchange.password\""""
ONLINE = """kind = "exchange"
online = true
tenant_id = "9a1f5f0e-6f2c-4c55-8b0e-3c1d7a52c0e4"
client_id = "3f0d6f8b-2b1a-4a0e-9c7d-5e8a41b6d2f9"
client_secret = "file:online.secret\""""
MICROSOFT = """kind = "microsoft365"
tenant_id = "9a1f5f0e-6f2c-4c55-8b0e-3c1d7a52c0e4"
client_id = "3f0d6f8b-2b1a-4a0e-9c7d-5e8a41b6d2f9"
certificate = "file:microsoft365.pem\""""


class Fleet:
    """Writes tenant files and what is remembered, as commands would have left it."""

    def __init__(self, folder: Path) -> None:
        self.home = Home.open(str(folder / "home"))
        self.clock = Clock(NOW)
        self.ledger = Ledger.open(self.home.ledger)
        self.home.store("file:figgo.key", "canary-figgo-key-of-all")
        self.home.store("file:exchange.password", "canary-exchange-password")
        self.home.store("file:online.secret", "canary-online-secret")
        self.home.store("file:google.json", json.dumps(service_account()[0]))

    def certificate(self) -> None:
        """Store the certificate of Microsoft 365; making a key takes long."""
        self.home.store("file:microsoft365.pem", key_and_certificate())

    def tenant(self, name: str, *calendars: str, state: str = "active", more: str = "") -> Path:
        """Write the file of a tenant with these calendars."""
        tables = "".join(
            f'\n[[calendar]]\nname = "calendar {n}"\nlegal_entities = [{n}]\n{one}\n'
            for n, one in enumerate(calendars or (GOOGLE,), 1)
        )
        text = f"""name = "{name}"
state = "{state}"
timezone = "Europe/Paris"
start = 2026-01-01

[figgo]
host = "{name}.ilucca.net"
url = "https://{name}.ilucca.net"
api_key = "file:figgo.key"
{tables}
{more}
"""
        path = self.home.tenants / f"{name}.toml"
        path.write_text(text, encoding="utf-8")
        return path

    def ran(
        self, tenant: str, ago: timedelta, code: int | None = 0, command: str = "sync", **counts: int
    ) -> str:
        """A run that began so long ago, and ended a minute later with this code; None: never."""
        began = NOW - ago
        parameters = {"kind": "plan", "today": str(began.date()), "selection": [7, 12]}
        run = self.ledger.start_run(tenant, command, "jeanne.helper", parameters, "plan-1", "1.0", began)
        if code is not None:
            self.ledger.end_run(run, code, counts, began + timedelta(minutes=1))
        return run

    def diagnosed(self, tenant: str, *wrong: Mapping[str, str], day: date = TODAY, ok: int = 9) -> None:
        """What a diagnosis of that day leaves behind."""
        counts = {"ok": ok, "failed": sum(one["status"] == "failed" for one in wrong)}
        at = datetime.combine(day, NOW.time(), UTC).isoformat()
        self.ledger.note_health(tenant, day, {"checks": counts, "wrong": [*wrong], "diagnosed": at})

    def ends(self, tenant: str, what: str, day: date) -> None:
        """What a diagnosis kept of the network."""
        kept = {
            "what": what,
            "day": str(day),
            "remedy": "Renew it.",
            "who": CUSTOMER,
            "code": "certificate-ends",
        }
        self.ledger.remember(tenant, f"ends: {what}", kept)


def wrong(name: str, status: str = "failed", code: str = "withdrawn", who: str = CUSTOMER) -> dict[str, str]:
    """A check as the ledger remembers it."""
    return {"name": name, "status": status, "code": code, "who": who}


def diagnosis(tenant: str, *checks: Check, deadlines: tuple[Deadline, ...] = ()) -> Diagnosis:
    """A diagnosis with these checks after a good one."""
    found = Diagnosis(tenant)
    found.checks += [Check("tenant file", "ok"), *checks]
    found.deadlines += deadlines
    return found


@contextmanager
def fleet(folder: Path) -> Iterator[Fleet]:
    """An empty home."""
    made = Fleet(folder)
    try:
        yield made
    finally:
        made.ledger.close()


def at(**fields: Any) -> Check:
    """A failed check of a calendar."""
    given = {"name": "calendar 1: rights", "status": "failed", "who": CUSTOMER, **fields}
    return Check(**given)
