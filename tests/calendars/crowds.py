"""Many mailboxes at once, and Ctrl-C while they are asked for."""

import json
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from figgo_ops.calendars import Calendar
from figgo_ops.calendars.microsoft365 import Microsoft365Calendar
from figgo_ops.errors import FiggoOpsError
from figgo_ops.plan import Change
from figgo_ops.sandbox.messages import Entry, Request, RequestLog, Response
from figgo_ops.sandbox.microsoft365_certificate import key_and_certificate, public_part
from tests.calendars.contract import DAY, MONDAY, Stage, all_day, creation
from tests.calendars.stage_microsoft365 import Microsoft365Stage

BATCHES = "/v1.0/$batch"


def crowd(stage: Microsoft365Stage, count: int, state: str = "ok") -> list[str]:
    """So many more mailboxes in the cloud."""
    mails = [f"{state}.{number:03}@corail.example" for number in range(count)]
    for mail in mails:
        stage.graph.add_mailbox(mail, state=state)
    return mails


def read(calendar: Calendar, addresses: Iterable[str]) -> dict[str, FiggoOpsError | None]:
    """The error of each mailbox."""
    return {one.mailbox.address: one.error for one in calendar.read(addresses)}


def days(stage: Stage, address: str, count: int) -> list[Change]:
    """So many creations in one mailbox, each of another day."""
    return [creation(stage, address, all_day(MONDAY + n * DAY), n) for n in range(count)]


def batches(stage: Microsoft365Stage) -> list[Entry]:
    """The HTTP requests so far that were no log-on."""
    return [entry for entry in stage.log.entries() if entry.path.startswith(BATCHES)]


def tokens(stage: Microsoft365Stage) -> int:
    """How often a token was asked for."""
    return len(stage.calls("TOKEN"))


def sent(stage: Microsoft365Stage, method: str) -> list[dict[str, Any]]:
    """The items that a batch sends from now on, as they are sent."""
    items: list[dict[str, Any]] = []

    def aside(request: Request, _answer: Response) -> None:
        if request.principal:
            items.extend(one for one in json.loads(request.body)["requests"] if one["method"] == method)

    stage.graph.aside = aside
    return items


def certified(stage: Microsoft365Stage, pem: str = "", registered: str = "") -> Microsoft365Calendar:
    """Connect with a certificate, that one being registered unless another one is."""
    pem = pem or key_and_certificate()
    stage.graph.certificate(registered or public_part(pem))
    return stage.connect(secret=pem, certificate="env:MICROSOFT", client_secret=None)


@contextmanager
def pressed(log: RequestLog, fits: Callable[[str, str | None], bool]) -> Iterator[None]:
    """Ctrl-C, as soon as the stand-in has noted a request whose place and fault fit."""
    main, add = threading.main_thread().ident, log.add
    assert main is not None

    def noted(service: str, request: Request, status: int, fault: str | None) -> None:
        add(service, request, status, fault)
        if fits(request.place, fault):
            signal.pthread_kill(main, signal.SIGINT)

    log.add = noted  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        yield
