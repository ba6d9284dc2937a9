"""The process of one provider's stand-in: so many mailboxes, a clock as fast as wanted, orders on stdin."""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from figgo_ops.sandbox.ca import make_authority
from figgo_ops.sandbox.exchange import ExchangeService
from figgo_ops.sandbox.exchange_organization import Organization
from figgo_ops.sandbox.faults import Fault, Faults
from figgo_ops.sandbox.google import GoogleService, public_key_of, service_account_info
from figgo_ops.sandbox.messages import RequestLog
from figgo_ops.sandbox.microsoft365 import Microsoft365Service
from figgo_ops.sandbox.web import Server
from tests.benchmarks.connect import FastClock, address_of

USER, PASSWORD = "ACME\\svc-figgo", "correct horse battery staple"
"""The service account at Exchange."""

TENANT_ID, CLIENT_ID = "6f0c3f6e-5f1d-4a7e-9d57-0f7b3c1f9a10", "0b7e6f5c-8d2a-4c1e-b6a3-5d4f3e2c1b0a"
"""The organization and the application at Microsoft 365."""

Now = Callable[[], float]
Kept = GoogleService | ExchangeService | Microsoft365Service


class Stand:
    """The running stand-in."""

    def __init__(self, kind: str, folder: Path, mailboxes: int, speed: float, *, check: bool) -> None:
        clock = FastClock(speed)
        mails = [address_of(number) for number in range(mailboxes)]
        self.service = MAKERS[kind](folder, mails, lambda: clock.now().timestamp())
        self.service.check = check
        self.faults, self.log, self.speed = Faults(), RequestLog(), speed
        authority = make_authority(folder)
        self.server = Server(self.service, authority.server_context(), self.faults, self.log)
        self.ready = {
            "url": self.server.url,
            "ca_file": str(authority.ca_file),
            "mails": mails,
            "key": str(_key(folder)),
            "user": USER,
            "tenant_id": TENANT_ID,
            "client_id": CLIENT_ID,
        }

    def follow(self, order: dict[str, Any]) -> Any:
        """Do one thing; the answer."""
        verb = order.pop("do")
        if verb == "fault":
            return self.faults.add(Fault(**order))
        if verb == "switch":
            return self.service.switch(**order)
        if verb == "clear":
            self.faults.clear()
            return self.log.clear()
        if verb == "log":
            return [asdict(entry) for entry in self.log.entries()]
        if verb == "items":
            return _items(self.service)
        raise ValueError(f"unknown order {verb!r}")


def _google(folder: Path, mails: list[str], now: Now) -> GoogleService:
    info = service_account_info()
    _keep(folder, json.dumps(info))
    return GoogleService(
        ["acme.example"],
        mails,
        service_account_public_key=public_key_of(info),
        client_email=info["client_email"],
        clock=now,
    )


def _exchange(folder: Path, mails: list[str], now: Now) -> ExchangeService:
    _keep(folder, PASSWORD)
    return ExchangeService(USER, PASSWORD, mails, clock=now)


def _microsoft365(folder: Path, mails: list[str], now: Now) -> Microsoft365Service:
    _keep(folder, PASSWORD)
    service = Microsoft365Service(
        Organization(), client_id=CLIENT_ID, tenant_id=TENANT_ID, secret=PASSWORD, clock=now
    )
    for mail in mails:
        service.add_mailbox(mail)
    return service


MAKERS: dict[str, Callable[[Path, list[str], Now], Kept]] = {
    "google": _google,
    "exchange": _exchange,
    "microsoft365": _microsoft365,
}


def _items(service: Kept) -> dict[str, Any]:
    """What Microsoft 365 counted of what batches hold, since it began."""
    assert isinstance(service, Microsoft365Service)
    return {
        "methods": Counter(method for method, _, _ in service.asked),
        "most": max(service.gate.most.values(), default=0),
        "early": [seconds for _, seconds in service.gate.too_early],
    }


def _keep(folder: Path, secret: str) -> None:
    _key(folder).touch(mode=0o600)
    _key(folder).write_text(secret)


def _key(folder: Path) -> Path:
    return folder / "service-account"


def main() -> None:
    """Serve until stdin ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=MAKERS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("mailboxes", type=int)
    parser.add_argument("--speed", type=float, default=1.0)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    stand = Stand(options.kind, options.folder, options.mailboxes, options.speed, check=options.check)
    stand.server.start()
    print(json.dumps(stand.ready), flush=True)
    for line in sys.stdin:
        print(json.dumps(stand.follow(json.loads(line))), flush=True)
    stand.server.stop()


if __name__ == "__main__":
    main()
