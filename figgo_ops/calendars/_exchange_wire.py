"""Calls to Exchange: log-on, lines, pace, and what to do when no proper answer comes."""

import http.client
import random
import struct
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import requests
from exchangelib.errors import EWSError
from exchangelib.transport import BASIC
from oauthlib.oauth2 import OAuth2Error
from spnego.exceptions import SpnegoError

from figgo_ops.calendars import Memory
from figgo_ops.calendars._exchange_access import Access, Method
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
from figgo_ops.errors import (
    CredentialRefused,
    FiggoOpsError,
    RightsMissing,
    RowFailed,
    Unreachable,
    UsageError,
)
from figgo_ops.plan import Mailbox
from figgo_ops.transport import Clock, Pace, backoff

PER_SECOND = 50.0
"""More than any server answers; Exchange limits what is in flight and time used, and says when to wait."""

TRIES = 5
UNHEARD = 3
"""As often one mailbox is asked for before anybody was answered: all others wait for it."""

FORBIDDEN = 3
"""So many mailboxes forbidden by HTTP, and none reached, mean all; Exchange's own refusals never do."""

Make = Callable[[str], Element]
"""From the address to ask for, which is no alias, to the body of a request; called anew for each sending."""


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
        self._method = Method(access, memory)
        self._open = self._proven = False
        self._denied: set[str] = set()
        self._primary: dict[str, str] = {}
        self.version = ""

    def primary(self, mailbox: Mailbox) -> str:
        """What Exchange said is the mailbox's own address; "" where ours is no alias, as far as is known."""
        return self._primary.get(mailbox.address, "")

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
        with suppress(IndexError):  # another thread may take the last one
            while True:
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

    @property
    def proven(self) -> bool:
        """Whether Exchange ever answered somebody who was logged on."""
        return self._proven

    @property
    def account(self) -> str:
        """As whom and where we log on."""
        return f"{self._access.user} at {self._url}"

    def busy(self, seconds: float | None, attempt: int) -> None:
        """Nobody asks for a while: a budget is the whole account's."""
        self._pace.pause(backoff(attempt, seconds, self._rng))

    def wait(self, attempt: int) -> None:
        """Let something pass that is about one mailbox only."""
        self._hurry.sleep(backoff(attempt, None, self._rng))

    def error(self, refusal: Refusal, mailbox: Mailbox) -> FiggoOpsError:
        """What a refusal means for a person."""
        access = self._access
        auth = "bearer" if access.online else self._method.auth
        return meaning(
            refusal, str(mailbox), user=access.user, auth=auth, url=self._url, online=access.online
        )

    def _until(self, mailbox: Mailbox, send: Callable[[], list[Answer]], *, write: bool) -> list[Answer]:
        for attempt in range(TRIES):
            try:
                return self._turn(mailbox, send)
            except Denied as denied:
                refusal = denied.refusal
                if refusal.too_fast or refusal.back_off is not None:
                    self.busy(refusal.back_off, attempt)  # meant for all, even if this is not asked again
                if attempt == TRIES - 1 or not self._again(refusal, mailbox, attempt, write=write):
                    raise
            except Lost as failure:
                tries = TRIES if self._open else UNHEARD
                if failure.final or (write and failure.sent) or attempt >= tries - 1:
                    self._reach.missed(mailbox, failure)
                    raise
                self.wait(attempt)
        raise AssertionError("the last try returns or raises")

    def _again(self, refusal: Refusal, mailbox: Mailbox, attempt: int, *, write: bool) -> bool:
        """Whether a refusal is worth another try, with what must happen before it done."""
        if refusal.status == 401 and attempt == 0 and (not self._method.auth or self._token_ended):
            return True  # what the server does not take any more was forgotten
        if refusal.primary not in ("", self._primary.get(mailbox.address)):
            self._primary[mailbox.address] = refusal.primary
            return True
        if write and not refusal.not_done:
            return False
        if refusal.passing and not refusal.too_fast and refusal.back_off is None:
            self.wait(attempt)
        return refusal.passing

    @property
    def _token_ended(self) -> bool:
        """Whether a refused token was good before, so that a new one may be."""
        return self._access.online and self._proven

    def _turn(self, mailbox: Mailbox, send: Callable[[], list[Answer]]) -> list[Answer]:
        if not self._open:
            # Until somebody logged on, one tries alone, here and elsewhere: a wrong password is sent once.
            with self._first:
                if not self._open:
                    self._await_turn()
                    with self._memory.logging_on(self._hurry.sleep):
                        return self._judged(mailbox, lambda: self._logged_on(mailbox, send))
        self._await_turn()
        return self._judged(mailbox, send)

    def _await_turn(self) -> None:
        self._hurry.check()
        self._reach.check()
        self._pace.wait()

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
        if error.code == "method-not-offered" and self._method.remembered:
            self._method.forget()
            self._open = False
            self.close()
            return
        if isinstance(error, RightsMissing):
            self._denied.add(mailbox.address)
            if refusal.status == 401 and self._proven:
                self.close()  # the other lines still show the token that ended
            alone = refusal.status == 403 and len(self._denied) < FORBIDDEN
            if refusal.level != "http" or alone or self._proven:
                self._open = self._open or refusal.level != "http"
                return
        elif not isinstance(error, CredentialRefused | UsageError):
            # Only who is logged on hears Exchange itself.
            self._open = self._open or refusal.level != "http"
            return
        self._open = False
        self._reach.stop(error)
        raise error from denied

    def _logged_on(self, mailbox: Mailbox, send: Callable[[], list[Answer]]) -> list[Answer]:
        if not self._method.recall():
            refusal = self.offered(mailbox)
            if not self._method.choose(refusal):
                raise Denied(refusal, self.error(refusal, mailbox))
        try:
            answers = send()
        except Denied as denied:
            if denied.refusal.level != "http":
                self._method.keep()
            raise
        self._method.keep()
        return answers

    def offered(self, mailbox: Mailbox) -> Refusal:
        """What the server says to a stranger; raises `Denied` or `Lost` where it says nothing."""
        asking = line(self._protocol, self._url, self._access.credentials, BASIC)
        self._hurry.waits(asking)
        try:
            self._hurry.check()
            refusal: Refusal = self._caught(mailbox, asking.offered)
            return refusal
        finally:
            self._hurry.waits_no_more(asking)
            asking.close()

    def _said(self, name: str, mailbox: Mailbox, zone: str, make: Make, *, whole: bool) -> list[Answer]:
        address = self._primary.get(mailbox.address, mailbox.address)
        if not address.isascii():  # it has to go into a header
            no_address = Refusal("ErrorInvalidSmtpAddress")
            raise Denied(no_address, self.error(no_address, mailbox))
        with self._line(mailbox) as own:
            self._hurry.check()
            body = make(address)
            answers: list[Answer] = self._caught(mailbox, lambda: own.ask(name, address, zone, body))
            self.version = own.version or self.version
        if whole and len(answers) != 1:
            raise _garbled(mailbox)
        refusals = [one for one in answers if isinstance(one, Refusal)]
        if len(refusals) == len(answers) and len({one.code for one in refusals}) == 1:
            # Some servers refuse a mailbox in one word, others say the same of each item.
            error = self.error(refusals[0], mailbox)
            if whole or refusals[0].primary or isinstance(error, RightsMissing):
                raise Denied(refusals[0], error)
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
        except (SpnegoError, struct.error, ValueError) as error:
            if isinstance(error, requests.RequestException):
                raise lost(mailbox, "Exchange", error, sent=may_have_left(error)) from error
            raise _garbled(mailbox) from error  # what should have been a challenge
        except (EWSError, requests.RequestException, OSError, http.client.HTTPException) as error:
            raise lost(mailbox, "Exchange", error, sent=may_have_left(error)) from error

    @contextmanager
    def _line(self, mailbox: Mailbox) -> Iterator[Line]:
        """A line of this thread's own; after anything strange it is not used again."""
        auth = self._method.word
        if not auth:  # another thread has just found that the server does not take it any more
            raise Lost(_not_known(mailbox), sent=False, network=False)
        try:
            own = self._idle.pop()
        except IndexError:
            own = line(self._protocol, self._url, self._access.credentials, auth)
        self._hurry.waits(own)
        try:
            yield own
        except Denied as denied:
            # The library replaces a session after such an answer, and waits for ever where that failed.
            self._give_back(own, whole=denied.refusal.level != "http")
            raise
        except BaseException:
            own.close()
            raise
        else:
            self._give_back(own, whole=True)
        finally:
            self._hurry.waits_no_more(own)

    def _give_back(self, own: Line, *, whole: bool) -> None:
        if whole and own.auth == self._method.word:
            self._idle.append(own)
        else:
            own.close()


def _not_known(mailbox: Mailbox) -> RowFailed:
    return RowFailed(f"{mailbox}: how to log on to Exchange has to be found out anew.", "Run again.")


def _garbled(mailbox: Mailbox) -> Lost:
    what = f"{mailbox}: something other than Exchange answered, or its answer broke off."
    remedy = "Look for a proxy or a login page between this machine and Exchange, and check url."
    return Lost(Unreachable(what, remedy, code="strange-answer"), sent=True)
