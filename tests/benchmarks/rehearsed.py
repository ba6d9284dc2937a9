"""The whole rehearsal company in a process of its own, moved through its control server."""

import json
import re
import ssl
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

from figgo_ops.sandbox.home import Home, tenant_text
from figgo_ops.sandbox.people import LEGAL_ENTITIES
from tests.benchmarks.processes import child

BAD_ORDER = 400
SERVICES = ("figgo", "google", "exchange", "microsoft365")
BEFORE = {name: f"https://localhost:{port}" for port, name in enumerate(SERVICES, 1)}
"""Where a tenant file says that the stand-ins were, before they begin."""


@dataclass(frozen=True, slots=True)
class Company:
    """The running company."""

    home: Path
    ca_file: str
    urls: dict[str, str]
    control: str

    def order(self, method: str, path: str, **fields: Any) -> Any:
        """One order to the control server; its answer."""
        body = json.dumps(fields).encode() if fields else None
        request = urllib.request.Request(f"{self.control}/__control/{path}", body, method=method)
        trust = ssl.create_default_context(cafile=self.ca_file)
        with urllib.request.urlopen(request, context=trust) as answer:
            return json.load(answer)

    def switch(self, service: str, name: str, value: Any) -> None:
        """Set a switch of a stand-in."""
        self.order("POST", "switch", service=service, name=name, value=value)

    def take_out(self, period: int, day: date, *halves: str) -> None:
        """HR removes these half-days of a day from a leave period."""
        half_days = [(day.isoformat(), half) for half in halves]
        self.order("POST", "people", verb="remove_half_days", period_id=period, half_days=half_days)

    def mails(self) -> dict[int, str]:
        """Everybody's address."""
        people = self.order("GET", "people")["people"]
        return {one["person"]: one["mail"] for one in people}

    def enter(self, person: int, day: date) -> bool:
        """HR enters a day off; False where that person is away already."""
        try:
            fields = {"owner_id": person, "first": day.isoformat(), "last": day.isoformat(), "account": "RTT"}
            self.order("POST", "people", verb="enter_by_hr", **fields)
        except HTTPError as refused:
            if refused.code != BAD_ORDER:
                raise
            return False
        return True

    def log(self) -> list[dict[str, Any]]:
        """Every request so far."""
        entries: list[dict[str, Any]] = self.order("GET", "log")["entries"]
        return entries

    def forget(self) -> None:
        """Begin the log anew."""
        self.order("DELETE", "log")


@contextmanager
def rehearsed(folder: Path, people: int, *, on: str = "google", more: str = "") -> Iterator[Company]:
    """A company of so many people without a story, all of them on one calendar.

    Args:
        on: its kind.
        more: lines for its `[[calendar]]`.
    """
    prepare(folder / "home", on, more)
    arguments = ("--home", str(folder / "home"), "--people", str(people))
    with child("figgo_ops.sandbox", *arguments) as running:
        ready = running.ready
        yield Company(Path(ready["home"]), ready["ca_file"], ready["services"], ready["control"])


def prepare(folder: Path, kind: str, more: str) -> None:
    """Leave a tenant file as of an earlier day: the company keeps all of it but the addresses."""
    home = Home(folder)
    home.prepare()
    text = tenant_text(BEFORE, folder / "ca.pem", date.today())  # noqa: DTZ011 - as the company itself does
    everyone = f"legal_entities = {[one.id for one in LEGAL_ENTITIES]}\n{more}"
    parts = []
    for part in re.split(r"(?m)^(?=\[)", text):
        if not part.startswith("[[calendar]]"):
            parts.append(part)
        elif f'kind = "{kind}"' in part:
            parts.append(re.sub(r"legal_entities = .*\n", everyone, part))
    home.tenant_file.write_text("".join(parts), encoding="utf-8")
