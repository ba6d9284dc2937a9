"""Our side's connection to a stand-in, and the events that are written through it."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from figgo_ops.calendars import exchange, microsoft365
from figgo_ops.calendars.exchange import ExchangeCalendar
from figgo_ops.calendars.google import GoogleCalendar, Settings, open_calendar
from figgo_ops.calendars.microsoft365 import Microsoft365Calendar
from figgo_ops.events import Event, Fingerprint, Key
from figgo_ops.leaves import part_name
from figgo_ops.plan import Change, Mailbox
from figgo_ops.secrets import Secret
from figgo_ops.transport import Clock, SystemClock
from tests.calendars.known import Known

HOST = "acme.ilucca.net"
FIRST = date(2026, 1, 5)
CALENDAR = "head office"


class FastClock:
    """The machine's clock running so many times as fast; begins at the real time."""

    def __init__(self, speed: float) -> None:
        self._speed, self._begun, self._start = speed, time.monotonic(), datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds since the clock was made."""
        return (time.monotonic() - self._begun) * self._speed

    def now(self) -> datetime:
        """The present as this clock sees it, in UTC."""
        return self._start + timedelta(seconds=self.monotonic())

    def sleep(self, seconds: float) -> None:
        """Let so much of this clock's time pass."""
        time.sleep(max(0.0, seconds) / self._speed)


def address_of(number: int) -> str:
    """The mail of one person."""
    return f"p{number}@acme.example"


def connect(ready: dict[str, Any], clock: Clock | None = None) -> GoogleCalendar:
    """The adapter as the package opens it, its settings those of a tenant file that names none."""
    settings = Settings(
        service_account="env:GOOGLE",
        api_root=ready["url"],
        token_url=f"{ready['url']}/token",
        ca_file=ready["ca_file"],
    )
    secret = Secret("env:GOOGLE", Path(ready["key"]).read_text())
    return open_calendar(CALENDAR, settings, lambda _: secret, clock or SystemClock(), Known())


def connect_exchange(ready: dict[str, Any], clock: Clock | None = None) -> ExchangeCalendar:
    """The adapter as the package opens it; how to log on is said, so that nobody has to ask first."""
    settings = exchange.Settings(
        url=ready["url"],
        user=ready["user"],
        password="env:EXCHANGE",
        auth="basic",
        ca_file=ready["ca_file"],
    )
    secret = Secret("env:EXCHANGE", Path(ready["key"]).read_text())
    return exchange.open_calendar(CALENDAR, settings, lambda _: secret, clock or SystemClock(), Known())


def connect_microsoft365(ready: dict[str, Any], clock: Clock | None = None) -> Microsoft365Calendar:
    """The adapter as the package opens it; a secret, because a token is signed for once in an hour."""
    settings = microsoft365.Settings(
        tenant_id=ready["tenant_id"],
        client_id=ready["client_id"],
        client_secret="env:MICROSOFT",
        api_root=ready["url"],
        authority=ready["url"],
        ca_file=ready["ca_file"],
    )
    secret = Secret("env:MICROSOFT", Path(ready["key"]).read_text())
    return microsoft365.open_calendar(CALENDAR, settings, lambda _: secret, clock or SystemClock(), Known())


def creations(
    mailboxes: int,
    events: int,
    first_period: int = 1,
    *,
    zone: str = "",
    address: Callable[[int], str] = address_of,
) -> Iterator[Change]:
    """So many days off for each of so many people, a different day each.

    Args:
        zone: where a day begins; a provider that keeps days as such needs none.
    """
    for owner in range(mailboxes):
        whom = Mailbox(CALENDAR, address(owner))
        for number in range(first_period, first_period + events):
            day = FIRST + timedelta(days=number % 700)
            event = Event(day, day + timedelta(days=1), "confirmed", "Congés payés", zone=zone)
            key = Key(HOST, owner, number, part_name(day, "A"))
            yield Change("create", "new", key, owner, 1, whom, event, Fingerprint.of(event))


def last_word(answer: dict[str, Any]) -> None:
    """What a measuring process gives to the one that started it."""
    print(json.dumps(answer), flush=True)
