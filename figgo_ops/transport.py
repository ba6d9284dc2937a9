"""HTTP: one door per service, retry, and what a silence or a strange answer means.

Nothing here knows Figgo or a calendar. One `Http` is one door to one service: it waits its turn,
sends, tries again where a second try is harmless, and tells in plain words why nobody answered.
"""

import json
import random
import re
import socket
import ssl
import threading
import weakref
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx

from figgo_ops.causes import chain, network_cause, tls_cause
from figgo_ops.errors import Unreachable, UsageError
from figgo_ops.pacing import LONGEST_WAIT, Clock, Pace, SystemClock, backoff, retry_after
from figgo_ops.secrets import REDACTOR

__all__ = [
    "Answer",
    "Clock",
    "Http",
    "Pace",
    "SystemClock",
    "Unanswered",
    "backoff",
    "chain",
    "network_cause",
    "retry_after",
    "tls_cause",
]

TRIES = 5
"""How often one question is asked before its failure is believed."""

_FINAL = frozenset({"certificate", "redirect", "wait"})
_UNSAID = 20.0  # seconds; after 429 without Retry-After: five tries outlast a quota counted by the minute
_WHOLE = 4  # an answer that drips may take so many timeouts in all
_BUSY = {
    False: ("is out of order or in maintenance", "Run again later.", "server-error"),
    True: ("gets too many requests", "Run again later; see which integration uses up the quota.", "too-many"),
}

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. Names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON.

        Raises:
            Unreachable: it is a page or breaks off; something other than the service may have answered.
        """
        try:
            return json.loads(self.body)
        except ValueError:
            raise Unreachable(
                f"answered with {self._what()} instead of JSON",
                "Open the address in a browser here: a proxy or a login page may stand in between.",
            ) from None

    def _what(self) -> str:
        text = self.body[:20_000].decode("utf-8", "replace").lstrip("\ufeff \r\n\t")
        text = REDACTOR.clean(text)  # before it is cut: half a key would not be recognised as one any more
        title = re.search(r"<title[^>]*>\s*([^<]{1,80})", text, re.IGNORECASE)
        if title:
            return f"a page ({' '.join(title[1].split())})"
        if text[:1] in ("{", "["):
            return "something that breaks off or is garbled"
        return "a page" if text else "nothing"


class Unanswered(Exception):
    """Nobody answered one sending.

    Attributes:
        sent: whether the request may have arrived and been carried out.
    """

    def __init__(self, *, sent: bool) -> None:
        super().__init__("no answer")
        self.sent = sent


class Http:
    """One service behind one door; certificates are always verified and no redirect is followed.

    Args:
        name: what to call the service in messages.
        url: https, host and perhaps a path; no query, no password.
        headers: sent with each request; never logged.
        ca_file: PEM file of the authority to trust instead of the usual ones.
        timeout: seconds without a sign of life before a try counts as failed.
        lines: connections open at once.

    Attributes:
        pace: whose turn it is; share it between doors that share a quota.
        requests: how many requests were sent, tries that failed included.

    Raises:
        UsageError: the URL or the file of the authority cannot be used.
    """

    def __init__(
        self,
        name: str,
        url: str,
        clock: Clock,
        pace: Pace,
        *,
        headers: Mapping[str, str] | None = None,
        ca_file: str | None = None,
        timeout: float = 30.0,
        lines: int = 20,
        rng: random.Random | None = None,
    ) -> None:
        self.host = checked_host(name, url)
        self.name, self.pace, self.requests = name, pace, 0
        self._url, self._clock, self._timeout = url.rstrip("/"), clock, timeout
        self._rng = rng or random.Random()  # noqa: S311 - jitter, not a secret
        self._lock = threading.Lock()
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._client = httpx.Client(
            headers={"Accept": "application/json", **(headers or {})},
            verify=trust(name, ca_file),
            timeout=httpx.Timeout(timeout, connect=min(timeout, 10.0)),
            limits=httpx.Limits(max_connections=lines, max_keepalive_connections=lines),
            # A proxy of the surroundings leads outside; this machine itself is never behind it.
            trust_env=httpx.URL(url).host not in ("localhost", "127.0.0.1", "::1"),
        )

    def get(self, path: str, params: Mapping[str, str] | None = None) -> Answer:
        """The answer to one GET, whatever its status except those that were tried again in vain.

        Raises:
            Unreachable: nobody answered, or with 429 or 5xx each time; says why and what to do.
        """
        return self.read(path, params, lambda answer: answer)

    def read(self, path: str, params: Mapping[str, str] | None, meaning: Callable[[Answer], T]) -> T:
        """What `meaning` makes of the answer; an answer it finds Unreachable counts as a failed try.

        Raises:
            Unreachable: as in `get`.
        """
        attempt = 0
        while True:
            asked: float | None = None
            try:
                answer = self._send(path, params or {})
                if answer.status != 429 and answer.status < 500:
                    return meaning(answer)
                asked = retry_after(answer.headers.get("retry-after"), self._clock.now())
                if answer.status == 429 and asked is None:
                    asked = _UNSAID
                error = self._busy(answer, asked)
            except Unreachable as caught:
                error = caught
            seconds = backoff(attempt, asked, self._rng)
            if asked is not None:
                self.pace.pause(seconds)  # meant for everyone who shares the quota, not for this question
                seconds = 0.0
            attempt += 1
            if attempt == TRIES or error.code in _FINAL:
                raise error
            self._clock.sleep(seconds)

    def once(
        self, method: str, path: str, content: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        """The answer to one sending, whatever its status; nobody's turn is awaited, nothing tried again.

        Raises:
            Unanswered: there was none; its cause says why.
        """
        with self._lock:
            self.requests += 1
        try:
            return self._answer(method, path, content=content, headers=dict(headers or {}))
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise Unanswered(sent=False) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Unanswered(sent=True) from error

    def cut(self) -> None:
        """End whatever is under way, from another thread."""
        with self._lock:
            under_way = list(self._sockets)
        for one in under_way:
            with suppress(OSError):
                socket.socket.shutdown(one, socket.SHUT_RDWR)

    def close(self) -> None:
        """Let go of connections."""
        self._client.close()

    def _send(self, path: str, params: Mapping[str, str]) -> Answer:
        self.pace.wait()
        with self._lock:
            self.requests += 1
        try:
            answer = self._answer("GET", path, params=dict(params))
        except httpx.HTTPError as error:
            cause, remedy = network_cause(error)
            code = "certificate" if tls_cause(error) else ""
            raise self._unreachable(f"could not be asked: {cause}.", remedy, code) from error
        if 300 <= answer.status < 400:
            self._refuse_redirect(answer)
        return answer

    def _answer(self, method: str, path: str, **more: Any) -> Answer:
        more["extensions"] = {"trace": self._noticed}
        with self._client.stream(method, self._url + path, **more) as response:
            body = self._body(response)
        return Answer(response.status_code, {k.lower(): v for k, v in response.headers.items()}, body)

    def _noticed(self, event: str, info: Mapping[str, Any]) -> None:
        """Remember the socket of a new connection: nothing else ends a read from another thread."""
        # Behind a proxy another part of the library tells it.
        if event.endswith(".start_tls.complete"):
            with self._lock:
                self._sockets.add(info["return_value"].get_extra_info("socket"))

    def _body(self, response: httpx.Response) -> bytes:
        # httpx limits the silence between two bytes only: an answer that drips would never end.
        deadline = self._clock.monotonic() + _WHOLE * self._timeout
        parts = []
        for part in response.iter_bytes():
            parts.append(part)
            if self._clock.monotonic() > deadline:
                raise httpx.ReadTimeout("the answer drips") from TimeoutError()
        return b"".join(parts)

    def _busy(self, answer: Answer, asked: float | None) -> Unreachable:
        what, remedy, code = _BUSY[answer.status == 429]
        if asked is not None and asked >= LONGEST_WAIT:
            what, code = "asks to be left alone for an hour or more", "wait"
        return self._unreachable(f"answers {answer.status}: it {what}.", remedy, code)

    def _refuse_redirect(self, answer: Answer) -> None:
        target = urlsplit(answer.headers.get("location", "")).netloc or "another page"
        raise self._unreachable(
            f"sends us on to {target}, where the key does not belong.",
            "Correct the url; if it is right, a login page stands in between.",
            "redirect",
        )

    def _unreachable(self, what: str, remedy: str, code: str = "") -> Unreachable:
        return Unreachable(f"{self.name} ({self.host}) {what}", remedy, code=code)


def checked_host(name: str, url: str) -> str:
    """Host and port of a service's URL.

    Raises:
        UsageError: it is not https, names no host, or carries a password or a query.
    """
    try:
        parts = httpx.URL(url)
        host = parts.host
    except (httpx.InvalidURL, UnicodeError):
        # The latter is of a host that begins with xn-- and stands for nothing.
        parts, host = httpx.URL(), ""
    if parts.scheme != "https" or not host or parts.userinfo or parts.query or parts.fragment:
        raise UsageError(
            f"{name}: the url must be https:// and a host, without password or query.",
            "Correct the url in the tenant file.",
            code="url",
        )
    return parts.netloc.decode("ascii")


def trust(name: str, ca_file: str | None) -> ssl.SSLContext | bool:
    """Whom to trust: the authority of a file, or the usual ones.

    Raises:
        UsageError: the file is missing or holds no certificate.
    """
    if ca_file is None:
        return True
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        what = "is missing" if not Path(ca_file).exists() else "holds no certificate that can be read"
        raise UsageError(
            f"{name}: the file of the certificate authority {ca_file} {what}.",
            "Name a PEM file as ca_file in the tenant file.",
            code="ca-file",
        ) from error


def trusted(name: str, ca_file: str | None, *, machine: bool = False) -> ssl.SSLContext:
    """The same as a context that checks certificates and names, for a connection of one's own.

    Args:
        machine: whether the authorities that this machine trusts count as usual ones too.

    Raises:
        UsageError: as in `trust`.
    """
    context = trust(name, ca_file)
    if isinstance(context, bool):
        context = httpx.create_ssl_context()
        if machine:
            context.load_default_certs()
    return context
