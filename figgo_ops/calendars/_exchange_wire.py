"""Calls to Exchange: log-on, lines, pace, and what to do when no proper answer comes."""

import http.client
import random
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import requests
from exchangelib.errors import EWSError
from exchangelib.transport import BASIC, NTLM, OAUTH2
from oauthlib.oauth2 import OAuth2Error

from figgo_ops.calendars import Memory
from figgo_ops.calendars._exchange_errors import Denied, meaning
from figgo_ops.calendars._exchange_lines import (
    GarbledError,
    Line,
    Said,
    line,
    may_have_left,
    protocol_of,
    trusted,
)
from figgo_ops.calendars._exchange_online import no_token
from figgo_ops.calendars._exchange_refusal import Refusal
from figgo_ops.calendars._exchange_soap import Answer
from figgo_ops.calendars._exchange_xml import Element
from figgo_ops.calendars._hurry import Hurry
from figgo_ops.calendars._lost import Lost, lost
from figgo_ops.calendars._reach import Reach
from figgo_ops.errors import CredentialRefused, FiggoOpsError, RightsMissing, Unreachable, UsageError
from figgo_ops.plan import Mailbox
from figgo_ops.transport import Clock, Pace, backoff

PER_SECOND = 50.0
"""More than any server answers; Exchange limits what is in flight and time used, and says when to wait."""

TRIES = 5
OUTSIDE = 3
"""So many different mailboxes refused, and none reached, mean that the role is missing, not the scope."""

_OFFERED = {"ntlm": "ntlm", "negotiate": "ntlm", "basic": "basic"}
"""What to log on with where a server offers it, best first: NTLM never shows the password."""

_METHODS = {"ntlm": NTLM, "basic": BASIC, "oauth": OAUTH2}

Make = Callable[[str], Element]
"""From the address to ask for, which is no alias, to the body of a request; called anew for each sending."""


@dataclass(frozen=True, slots=True)
class Access:
    """As whom to log on.

    Attributes:
        credentials: the library's own; it never shows the secret in them.
        auth: "ntlm", "basic" or "oauth"; None to ask the server once.
    """

    user: str
    credentials: Any
    auth: str | None

    @property
    def online(self) -> bool:
        """Whether this is Exchange Online, which takes tokens only."""
        return self.auth == "oauth"


class Wire:
    """One service account at one Exchange, for any mailbox, from any thread."""

    def __init__(
        self, name: str, url: str, ca_file: str | None, access: Access, memory: Memory, clock: Clock
    ) -> None:
        self.name, self._url, self._access, self._memory = name, url, access, memory
        self._protocol = protocol_of(url, trusted(f"calendar {name}", ca_file))
        self._rng = random.Random()  # noqa: S311 - jitter, not a secret
        self._hurry, self._reach = Hurry(clock), Reach(name)
        self._pace = Pace(PER_SECOND, self._hurry, int(PER_SECOND))
        self._first = threading.Lock()
        self._idle: deque[Line] = deque()  # taking one and giving it back need no lock
        self._auth: str | None = None
        self._remembered = False
        self._open = self._proven = False
        self._denied: set[str] = set()
        self._primary: dict[str, str] = {}
        self.version = ""

    def begin(self) -> None:
        """Forget what stopped the calls so far: missing rights and a broken network deserve another try."""
        self._hurry.begin()
        self._reach.begin()
        self._denied.clear()

    def leave(self) -> None:
        """Ask nothing more and wait for nothing; a write that is cut off is settled by a later run."""
        self._hurry.leave()

    def close(self) -> None:
        """Let go of the connections that nobody uses now."""
        while self._idle:
            self._idle.pop().close()

    def one(self, name: str, mailbox: Mailbox, make: Make) -> Element:
        """The one answer to a question, asked for until there is one.

        Raises:
            Denied, Lost, CredentialRefused, UsageError: as `call` does.
        """
        [answer] = self._until(
            mailbox, lambda: self._said(name, mailbox, "UTC", make, whole=True), write=False
        )
        return answer

    def call(
        self,
        name: str,
        mailbox: Mailbox,
        make: Make,
        *,
        zone: str = "UTC",
        write: bool = False,
    ) -> list[Answer]:
        """What became of each item, in their order.

        A write that may have arrived is not sent again: what became of it is the caller's to find out.

        Raises:
            Denied: Exchange refused the whole request.
            Lost: there was no answer, or the network was given up before.
            CredentialRefused, UsageError: nothing more is worth trying, for any mailbox.
        """
        return self._until(mailbox, partial(self._said, name, mailbox, zone, make, whole=False), write=write)

    def busy(self, seconds: float | None, attempt: int) -> None:
        """Nobody asks for a while: a budget is the whole account's."""
        self._pace.pause(backoff(attempt, seconds, self._rng))

    def wait(self, attempt: int) -> None:
        """Let something pass that is about one mailbox only."""
        self._hurry.sleep(backoff(attempt, None, self._rng))

    def error(self, refusal: Refusal, mailbox: Mailbox) -> FiggoOpsError:
        """What a refusal means for a person."""
        access = self._access
        auth = "bearer" if access.online else self._auth or ""
        return meaning(
            refusal, str(mailbox), user=access.user, auth=auth, url=self._url, online=access.online
        )

    def _until(self, mailbox: Mailbox, send: Callable[[], list[Answer]], *, write: bool) -> list[Answer]:
        for attempt in range(TRIES):
            try:
                return self._turn(mailbox, send)
            except Denied as denied:
                if attempt == TRIES - 1 or not self._again(denied.refusal, mailbox, attempt, write=write):
                    raise
            except Lost as failure:
                if failure.final or (write and failure.sent) or attempt == TRIES - 1:
                    self._reach.missed(mailbox, failure)
                    raise
                self.wait(attempt)
        raise AssertionError("the last try returns or raises")

    def _again(self, refusal: Refusal, mailbox: Mailbox, attempt: int, *, write: bool) -> bool:
        """Whether a refusal is worth another try, with what must happen before it done."""
        if refusal.status == 401 and self._auth is None and attempt == 0:
            return True  # the server does not offer any more what it did; it was forgotten
        if refusal.code == "ErrorNonPrimarySmtpAddress" and refusal.primary and attempt == 0:
            self._primary[mailbox.address] = refusal.primary
            return True
        if write and not refusal.not_done:
            return False
        if refusal.too_fast:
            self.busy(refusal.back_off, attempt)
            return True
        if refusal.passing:
            self.wait(attempt)
            return True
        return False

    def _turn(self, mailbox: Mailbox, send: Callable[[], list[Answer]]) -> list[Answer]:
        self._hurry.check()
        self._reach.check()
        self._pace.wait()
        if not self._open:
            # Until somebody logged on, one tries alone, here and elsewhere: a wrong password is sent once.
            with self._first:
                if not self._open:
                    self._reach.check()
                    with self._memory.logging_on():
                        return self._judged(mailbox, lambda: self._logged_on(mailbox, send))
        return self._judged(mailbox, send)

    def _judged(self, mailbox: Mailbox, send: Callable[[], list[Answer]]) -> list[Answer]:
        self._hurry.check()
        self._reach.check()
        try:
            answers = send()
        except Denied as denied:
            self._reach.answered()
            self._judge(denied, mailbox)
            raise
        self._reach.answered()
        self._open = self._proven = True
        return answers

    def _judge(self, denied: Denied, mailbox: Mailbox) -> None:
        refusal, error = denied.refusal, denied.error
        if refusal.level != "http":
            self._open = True  # only who is logged on hears Exchange itself
        if error.code == "method-not-offered" and self._remembered:
            self._forget_method()
            return
        if isinstance(error, RightsMissing):
            self._denied.add(mailbox.address)
            alone = refusal.level != "http" and len(self._denied) < OUTSIDE
            if alone or self._proven:
                return
        elif not isinstance(error, CredentialRefused | UsageError):
            return
        self._reach.stop(error)
        raise error from denied

    def _logged_on(self, mailbox: Mailbox, send: Callable[[], list[Answer]]) -> list[Answer]:
        """Log on as the tenant file says, as it went before, or as the server offers."""
        if not self._auth:
            before = "" if self._access.auth else self._memory.recall("log-on")
            self._remembered = bool(before)
            self._auth = self._access.auth or before or self._discovered(mailbox)
        answers = send()
        if not self._access.auth:
            self._memory.remember("log-on", self._auth)
        return answers

    def _discovered(self, mailbox: Mailbox) -> str:
        asking = line(self._protocol, self._url, self._access.credentials, BASIC)
        try:
            refusal: Refusal = self._caught(mailbox, asking.offered)
        finally:
            asking.close()
        for method, auth in _OFFERED.items():
            if refusal.status == 401 and method in refusal.offered:
                return auth
        raise Denied(refusal, self.error(refusal, mailbox))

    def _forget_method(self) -> None:
        self._auth, self._remembered = None, False
        self._open = False
        self._memory.remember("log-on", "")
        self.close()

    def _said(self, name: str, mailbox: Mailbox, zone: str, make: Make, *, whole: bool) -> list[Answer]:
        address = self._primary.get(mailbox.address, mailbox.address)
        with self._line() as own:
            self._hurry.check()
            body = make(address)
            answers: list[Answer] = self._caught(mailbox, lambda: own.ask(name, address, zone, body))
            self.version = own.version or self.version
        if not whole:
            return answers
        if len(answers) != 1:
            raise _garbled(mailbox)
        if isinstance(answers[0], Refusal):
            raise Denied(answers[0], self.error(answers[0], mailbox))
        return answers

    def _caught(self, mailbox: Mailbox, ask: Callable[[], Any]) -> Any:
        try:
            return ask()
        except Said as said:
            raise Denied(said.refusal, self.error(said.refusal, mailbox)) from said
        except GarbledError as error:
            raise _garbled(mailbox) from error
        except OAuth2Error as error:
            # Its words may quote what was sent, so neither they nor its traceback go on.
            raise no_token(mailbox, error) from None
        except (EWSError, requests.RequestException, OSError, http.client.HTTPException) as error:
            raise lost(mailbox, "Exchange", error, sent=may_have_left(error)) from error

    @contextmanager
    def _line(self) -> Iterator[Line]:
        """A line of this thread's own; the library makes it anew inside after anything strange."""
        try:
            own = self._idle.pop()
        except IndexError:
            own = line(self._protocol, self._url, self._access.credentials, _METHODS[self._auth or "basic"])
        self._hurry.waits(own)
        try:
            yield own
        finally:
            self._hurry.waits_no_more(own)
            self._idle.append(own)


def _garbled(mailbox: Mailbox) -> Lost:
    what = f"{mailbox}: something other than Exchange answered, or its answer broke off."
    remedy = "Look for a proxy or a login page between this machine and Exchange, and check url."
    return Lost(Unreachable(what, remedy), sent=True)
