"""TLS on a line, step by step, so that what came back stays visible when it was no TLS."""

import socket
import ssl
import time
from collections.abc import Callable
from typing import Any, TypeVar, cast

from figgo_ops.causes import Cause
from figgo_ops.checks import SUPPORT
from figgo_ops.network.lines import LONGEST_HEAD, fill
from figgo_ops.network.trouble import Trouble, shown

_RECORDS = range(20, 24)  # the first byte of whatever TLS may send
_OLD = ("PROTOCOL_VERSION", "UNSUPPORTED_PROTOCOL", "WRONG_SSL_VERSION", "VERSION_TOO_LOW")

T = TypeVar("T")


class Talk:
    """One TLS connection on a line that stands; every step ends within the timeout."""

    def __init__(self, line: socket.socket, context: ssl.SSLContext, host: str, timeout: float) -> None:
        self.line, self._timeout = line, timeout
        self.first = b""
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_hostname=host)

    def handshake(self) -> None:
        """Agree on keys and check the certificate.

        Raises:
            OSError: it did not come to its end; ssl.SSLCertVerificationError for a refused certificate.
        """
        self._drive(self._tls.do_handshake, time.monotonic() + self._timeout)

    def ask(self, request: bytes) -> bytes:
        """Status line and header fields of the answer; what there is of them.

        Raises:
            OSError: the connection broke, or nothing came in time.
        """
        until = time.monotonic() + self._timeout  # of the whole answer: one may come byte by byte
        self._drive(lambda: self._tls.write(request), until)
        answer = b""
        while b"\r\n\r\n" not in answer and len(answer) < LONGEST_HEAD:
            part = self._drive(lambda: self._tls.read(16384), until)
            if not part:
                break
            answer += part
        return answer

    @property
    def version(self) -> str:
        """Such as TLSv1.3."""
        return self._tls.version() or ""

    def sent(self) -> list[bytes]:
        """The certificates as the server sent them, its own first."""
        # Public since Python 3.13; before it only the object behind this one tells.
        source: Any = (
            self._tls if hasattr(self._tls, "get_unverified_chain") else cast(Any, self._tls)._sslobj
        )
        chain = source.get_unverified_chain() or []
        return [
            one if isinstance(one, bytes) else ssl.PEM_cert_to_DER_cert(one.public_bytes()) for one in chain
        ]

    def _drive(self, step: Callable[[], T], until: float) -> T:
        while True:
            try:
                done = step()
            except ssl.SSLWantReadError:
                self._flush()
                self._take(until)
            except ssl.SSLError:
                self._flush()  # our alert tells the other side's log why
                raise
            else:
                self._flush()
                return done

    def _flush(self) -> None:
        if waiting := self._out.read():
            self.line.settimeout(self._timeout)
            self.line.sendall(waiting)

    def _take(self, until: float) -> None:
        data = fill(self.line, until)
        if not data:
            raise ConnectionResetError("closed by the other side")
        self.first = self.first or data[:80]
        self._in.write(data)


def unencrypted(talk: Talk, error: OSError, runs: str) -> Trouble:
    """What it means that no encrypted connection came about, certificates aside.

    Args:
        runs: who runs the server.
    """
    reason = str(getattr(error, "reason", "") or "")
    if talk.first and talk.first[0] not in _RECORDS:
        said = "what answers there does not encrypt: it speaks no TLS"
        remedy = "Correct host and port in the url; it must lead to an HTTPS server."
        return Trouble(Cause(said, remedy, "tls-none"), SUPPORT, shown(talk.first.split(b"\r\n")[0]))
    if any(word in reason for word in _OLD):
        said = "it speaks only TLS 1.1 or older"
        return Trouble(Cause(said, "Have TLS 1.2 or 1.3 enabled on the server.", "tls-old"), runs, reason)
    if isinstance(error, TimeoutError):
        said = "it takes the connection and does not say a word of TLS"
        remedy = (
            "Check the port in the url; have both sides' firewalls asked what becomes of this connection."
        )
        return Trouble(Cause(said, remedy, "tls-silent"), seen="nothing")
    if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError):
        return Trouble(
            _client_certificate(reason)
            or Cause(
                "no encrypted connection came about",
                "Have whoever runs the server look at its TLS settings.",
                "tls-failed",
            ),
            runs,
            reason,
        )
    said = "the connection is cut before it is encrypted"
    remedy = "Have both sides' firewalls asked who ends this connection."
    return Trouble(Cause(said, remedy, "cut"), seen=shown(str(error)))


def refused_client(error: OSError) -> Cause | None:
    """The cause when the server takes nobody without a certificate of their own; None otherwise."""
    return _client_certificate(str(getattr(error, "reason", "") or ""))


def _client_certificate(reason: str) -> Cause | None:
    if "CERTIFICATE_REQUIRED" not in reason:
        return None
    said = "the server wants a client certificate, and figgo-ops has none"
    return Cause(said, "Have client certificates ignored on the server.", "client-certificate")
