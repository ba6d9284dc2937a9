"""The whole rehearsal company in a process of its own, moved through its control server."""

import json
import ssl
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from tests.benchmarks.processes import child


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

    def take_out(self, period: int, day: date, half: str) -> None:
        """HR removes one half-day of a leave period."""
        half_days = [(day.isoformat(), half)]
        self.order("POST", "people", verb="remove_half_days", period_id=period, half_days=half_days)

    def log(self) -> list[dict[str, Any]]:
        """Every request so far."""
        entries: list[dict[str, Any]] = self.order("GET", "log")["entries"]
        return entries

    def forget(self) -> None:
        """Begin the log anew."""
        self.order("DELETE", "log")


@contextmanager
def rehearsed(folder: Path, people: int) -> Iterator[Company]:
    """A company of so many people without a story."""
    arguments = ("--home", str(folder / "home"), "--people", str(people))
    with child("figgo_ops.sandbox", *arguments) as running:
        ready = running.ready
        yield Company(Path(ready["home"]), ready["ca_file"], ready["services"], ready["control"])
