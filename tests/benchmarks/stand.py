"""The process of the stand-in for Google: so many mailboxes, a clock as fast as wanted, orders on stdin."""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from figgo_ops.sandbox.ca import make_authority
from figgo_ops.sandbox.faults import Fault, Faults
from figgo_ops.sandbox.google import GoogleService, public_key_of, service_account_info
from figgo_ops.sandbox.messages import RequestLog
from figgo_ops.sandbox.web import Server
from tests.benchmarks.connect import FastClock, address_of


class Stand:
    """The running stand-in."""

    def __init__(self, folder: Path, mailboxes: int, speed: float, *, check: bool) -> None:
        info = service_account_info()
        self.google = GoogleService(
            ["acme.example"],
            [address_of(number) for number in range(mailboxes)],
            service_account_public_key=public_key_of(info),
            client_email=info["client_email"],
            clock=lambda: clock.now().timestamp(),
        )
        clock = FastClock(speed)
        self.google.check = check
        self.faults, self.log, self.speed = Faults(), RequestLog(), speed
        authority = make_authority(folder)
        self.server = Server(self.google, authority.server_context(), self.faults, self.log)
        key = folder / "service-account.json"
        key.touch(mode=0o600)
        key.write_text(json.dumps(info))
        self.ready = {"url": self.server.url, "ca_file": str(authority.ca_file), "key": str(key)}

    def follow(self, order: dict[str, Any]) -> Any:
        """Do one thing; the answer."""
        verb = order.pop("do")
        if verb == "fault":
            return self.faults.add(Fault(**order))
        if verb == "switch":
            return self.google.switch(**order)
        if verb == "clear":
            self.faults.clear()
            return self.log.clear()
        if verb == "log":
            return [asdict(entry) for entry in self.log.entries()]
        raise ValueError(f"unknown order {verb!r}")


def main() -> None:
    """Serve until stdin ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("mailboxes", type=int)
    parser.add_argument("--speed", type=float, default=1.0)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    stand = Stand(options.folder, options.mailboxes, options.speed, check=options.check)
    stand.server.start()
    print(json.dumps(stand.ready), flush=True)
    for line in sys.stdin:
        print(json.dumps(stand.follow(json.loads(line))), flush=True)
    stand.server.stop()


if __name__ == "__main__":
    main()
