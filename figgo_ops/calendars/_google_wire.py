"""Calls to Google: connections, pace, and what to do when no proper answer comes.

The door to Google's client. Its resource object is shared between threads, a connection never is:
two threads on one connection would get each other's answers.
"""

import http.client
import json
import random
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable
from typing import Any

import httplib2
from googleapiclient import discovery_cache
from googleapiclient.discovery import build_from_document  # type: ignore[attr-defined]
from googleapiclient.errors import HttpError

from figgo_ops.calendars._google_errors import Denied, Refusal, api_refusal, refused_client
from figgo_ops.calendars._google_http import Borrowed, Http, may_have_left
from figgo_ops.calendars._google_tokens import Tokens
from figgo_ops.calendars._hurry import Hurry
from figgo_ops.calendars._lost import Lost, lost
from figgo_ops.calendars._reach import Reach
from figgo_ops.errors import CredentialRefused, RightsMissing, Unreachable, UsageError
from figgo_ops.plan import Mailbox
from figgo_ops.transport import Clock, Pace, backoff, retry_after

PER_USER, PER_PROJECT = 9.6, 160.0
"""Calls a second. Google allows 600 a minute per user and 10,000 per project (edition of May 2026).

It counts by the sliding minute and on arrival: the 4 % left out are for calls that take up to 1.8 seconds
longer to arrive than others.
"""

TRIES = 6
BLOCKED = 3600.0
"""Seconds without a write to a mailbox that Google says is changed too often; it blocks them for hours."""

Make = Callable[[Any], Any]
"""From the events resource to a request; called anew for each try."""


class Wire:
    """One service account at Google, for any mailbox, from any thread."""

    def __init__(self, name: str, tokens: Tokens, api_root: str, ca_file: str | None, clock: Clock) -> None:
        self.name, self._tokens, self._clock, self._ca_file = name, tokens, clock, ca_file
        self._events = _events_resource(api_root)
        self._rng = random.Random()  # noqa: S311 - jitter, not a secret
        self._lock, self._first = threading.Lock(), threading.Lock()
        self._paces: dict[str, Pace] = {}
        self._hurry = Hurry(clock)
        self._project = paced(PER_PROJECT, self._hurry)
        self._idle: deque[Http] = deque()  # taking one and giving it back need no lock
        self._blocked: dict[str, tuple[float, Denied]] = {}
        self._proven = self._open = False
        self._speaking: set[str] = set()
        self._reach = Reach(name)

    @property
    def client(self) -> str:
        """Numeric id of the service account."""
        return self._tokens.client

    def begin(self, addresses: Iterable[str] = ()) -> list[str]:
        """Forget what stopped the calls so far: missing rights and a broken network deserve another try.

        Gives the addresses in the order to ask for: first one of each most common domain, whose refusals
        together speak for all.
        """
        self._hurry.begin()
        self._reach.begin()
        addresses = list(addresses)
        domains = Counter(map(_domain, addresses))
        most = max(domains.values(), default=0)
        first = {_domain(one): one for one in reversed(addresses) if domains[_domain(one)] == most}
        with self._lock:
            self._speaking = set(first) or self._speaking
            self._open = self._proven
        return sorted(addresses, key=lambda address: first.get(_domain(address)) != address)

    def leave(self) -> None:
        """Ask nothing more and wait for nothing; a write that is cut off is settled by a later run."""
        self._hurry.leave()

    def close(self) -> None:
        """Let go of the connections that nobody uses now."""
        while self._idle:
            self._idle.pop().close()

    def call(self, mailbox: Mailbox, make: Make, *, write: bool = False) -> dict[str, Any]:
        """Google's answer, asked for until there is one.

        A write that may have arrived is not sent again: what became of it is the caller's to find out.

        Raises:
            Denied: Google said no, about this mailbox or this event.
            Lost: there was no answer, or the network was given up before.
            CredentialRefused, UsageError: nothing more is worth trying, for any mailbox.
        """
        if write and self._blocked:
            self._check_blocked(mailbox)
        pace = self._pace(mailbox.address)
        for attempt in range(TRIES):
            try:
                return self._exchange(mailbox, make, pace)
            except Denied as denied:
                if not self._again(denied, mailbox, pace, attempt):
                    raise
            except Lost as failure:
                again = not (failure.final or (write and failure.sent) or attempt == TRIES - 1)
                pace.pause(backoff(attempt, failure.asked, self._rng) if again else failure.asked or 0.0)
                if not again:
                    self._reach.missed(mailbox, failure)
                    raise
        raise AssertionError("the last try returns or raises")

    def token(self, mailbox: Mailbox) -> None:
        """Get a token for this user; raises as `call` does."""
        with self._connection() as connection:
            self._hurry.check()
            self._tokens.bearer(mailbox, connection)

    def _again(self, denied: Denied, mailbox: Mailbox, pace: Pace, attempt: int) -> bool:
        """Whether a refusal is worth another try, with what must happen before it done."""
        refusal = denied.refusal
        if refusal.too_fast:
            pace.slower()
            pace.pause(backoff(attempt, refusal.asked, self._rng))
            if refusal.asked is not None and refusal.reason != "userRateLimitExceeded":
                self._project.pause(refusal.asked)
            return attempt < TRIES - 1
        if refusal.status == 401 and not refusal.token and attempt == 0:
            self._tokens.forget(mailbox)
            return True
        return False

    def _exchange(self, mailbox: Mailbox, make: Make, pace: Pace) -> dict[str, Any]:
        self._check_stopped()
        pace.wait()
        self._project.wait()
        if not self._open:
            # Until somebody got through one asks alone: missing rights then cost one attempt, not one each.
            with self._first:
                if not self._open:
                    return self._told(mailbox, make)
        return self._told(mailbox, make)

    def _told(self, mailbox: Mailbox, make: Make) -> dict[str, Any]:
        self._check_stopped()
        try:
            answer = self._send(mailbox, make)
        except Lost:
            self._open = True
            raise
        except Denied as denied:
            self._reach.answered()
            self._judge(denied, mailbox)
            raise
        self._open = self._proven = True
        self._reach.answered()
        return answer

    def _judge(self, denied: Denied, mailbox: Mailbox) -> None:
        error = denied.error
        if denied.refusal.reason == "quotaExceeded":
            self._blocked[mailbox.address] = (self._clock.monotonic() + BLOCKED, denied)
        if isinstance(error, RightsMissing) and (self._proven or self._foreign(denied, mailbox)):
            return
        if isinstance(error, CredentialRefused | UsageError):
            self._reach.stop(error)
            raise error from denied

    def _foreign(self, denied: Denied, mailbox: Mailbox) -> bool:
        """Whether only this domain may be refused: it gets the same words as everybody without delegation."""
        if not refused_client(denied.refusal):
            return False
        with self._lock:
            self._speaking.discard(_domain(mailbox.address))
            return bool(self._speaking)

    def _check_stopped(self) -> None:
        self._hurry.check()
        self._reach.check()

    def _check_blocked(self, mailbox: Mailbox) -> None:
        until, denied = self._blocked.get(mailbox.address, (0.0, None))
        if denied and self._clock.monotonic() < until:
            raise denied

    def _send(self, mailbox: Mailbox, make: Make) -> dict[str, Any]:
        with self._connection() as connection:
            self._hurry.check()
            bearer = self._tokens.bearer(mailbox, connection)
            request = make(self._events)
            request.headers["authorization"] = f"Bearer {bearer}"
            try:
                answer = request.execute(http=connection, num_retries=0)
            except HttpError as error:
                raise self._refused(mailbox, error) from error
            except (OSError, httplib2.HttpLib2Error, http.client.HTTPException, UnicodeError) as error:
                raise lost(mailbox, "Google", error, sent=may_have_left(error)) from error
        if isinstance(answer, dict):
            return answer
        if request.method == "DELETE" and not answer:
            return {}
        raise self._garbled(mailbox, 200)

    def _refused(self, mailbox: Mailbox, error: HttpError) -> Denied | Lost:
        status = int(error.resp.status)
        asked = retry_after(error.resp.get("retry-after"), self._clock.now())
        refusal = api_refusal(status, error.content, asked)
        if status >= 500 or status == 408:
            what = f"{mailbox}: Google is out of order (HTTP {status})."
            down = Unreachable(what, "Run again later.", code="server-error")
            return Lost(down, sent=True, network=False, asked=asked)
        if refusal is None and status == 429:
            refusal = Refusal(status, "rateLimitExceeded", asked=asked)
        return self._tokens.denied(mailbox, refusal) if refusal else self._garbled(mailbox, status)

    def _garbled(self, mailbox: Mailbox, status: int) -> Lost:
        what = f"{mailbox}: something other than Google answered (HTTP {status}, no JSON)."
        remedy = "Look for a proxy or a login page between this machine and Google, and check api_root."
        return Lost(Unreachable(what, remedy, code="strange-answer"), sent=True)

    def _pace(self, address: str) -> Pace:
        # Setting a default is one step for all threads; a pace too many is dropped before anybody used it.
        return self._paces.get(address) or self._paces.setdefault(address, paced(PER_USER, self._hurry))

    def _connection(self) -> Borrowed:
        """A connection of this thread's own; after anything strange it is not used again."""
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = Http(self._ca_file)
        return Borrowed(connection, self._idle, self._hurry)


def paced(per_second: float, clock: Clock) -> Pace:
    """So many calls a second, a second's worth at once: a minute holds hardly more than its share."""
    return Pace(per_second, clock, int(per_second))


def _domain(address: str) -> str:
    return address.rpartition("@")[2]


def _events_resource(api_root: str) -> Any:
    """The calendar's events, built from the description that ships with the library.

    The root is set in the description: the library's own option for it would move single calls only.
    """
    text = discovery_cache.get_static_doc("calendar", "v3")  # type: ignore[no-untyped-call]
    if text is None:
        raise AssertionError("google-api-python-client ships no description of the calendar")
    document = json.loads(text)
    document["rootUrl"] = api_root if api_root.endswith("/") else f"{api_root}/"
    return build_from_document(document, http=httplib2.Http()).events()
