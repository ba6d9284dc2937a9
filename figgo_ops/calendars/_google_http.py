"""Connections to Google: httplib2 with our patience, and what a broken one may have sent."""

import http.client
import socket
import ssl
from collections import deque
from contextlib import suppress
from typing import Any

import httplib2

from figgo_ops.calendars._google_errors import Denied
from figgo_ops.calendars._hurry import Hurry
from figgo_ops.transport import tls_cause

TIMEOUT, CONNECT_TIMEOUT = 60.0, 10.0
LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Borrowed:
    """A connection while it is in use; as a class because a generator would cost each call more."""

    __slots__ = ("_connection", "_hurry", "_idle")

    def __init__(self, connection: "Http", idle: deque["Http"], hurry: Hurry) -> None:
        self._connection, self._idle, self._hurry = connection, idle, hurry

    def __enter__(self) -> "Http":
        self._hurry.waits(self._connection)
        return self._connection

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._hurry.waits_no_more(self._connection)
        if kind is None or issubclass(kind, Denied):
            self._idle.append(self._connection)
        else:
            self._connection.close()


class _Connection(httplib2.HTTPSConnectionWithTimeout):
    """Connects within seconds or not at all, and leaves no open socket behind when it fails."""

    _held: list[bytes] | None = None

    def request(self, *args: Any, **kwargs: Any) -> None:
        """Send a request in one piece: a second one for the body costs as much as the first."""
        held: list[bytes] = []
        self._held = held
        try:
            super().request(*args, **kwargs)
        finally:
            self._held = None
        self.send(b"".join(held))

    def send(self, data: Any) -> None:
        """Send, or keep what is only the beginning."""
        if self._held is None:
            super().send(data)
        else:
            self._held.append(data)

    def connect(self) -> None:
        """Connect, through the proxy of the surroundings if there is one for this host."""
        proxy = self.proxy_info
        if proxy and proxy.isgood() and proxy.applies_to(self.host) and self.host not in LOOPBACK:
            super().connect()
            return
        plain = socket.create_connection((self.host, self.port), CONNECT_TIMEOUT)
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            plain.settimeout(self.timeout)
            context: ssl.SSLContext = self._context  # type: ignore[attr-defined]
            self.sock = context.wrap_socket(plain, server_hostname=self.host)
        except BaseException:
            plain.close()
            raise


class Http(httplib2.Http):
    """httplib2 with our kind of connection, its certificates checked against `ca_file` where there is one."""

    def __init__(self, ca_file: str | None) -> None:
        super().__init__(timeout=TIMEOUT, ca_certs=ca_file)
        self.follow_redirects = False

    def request(self, uri: str, *args: Any, **kwargs: Any) -> Any:
        """As httplib2 does it."""
        return super().request(uri, *args, **{**kwargs, "connection_type": _Connection})

    def cut(self) -> None:
        """End whatever is under way, from another thread."""
        for one in list(self.connections.values()):
            # Through the base class: SSLSocket.shutdown would pull the TLS object from under its reader.
            with suppress(OSError):
                if one.sock is not None:
                    socket.socket.shutdown(one.sock, socket.SHUT_RDWR)


def may_have_left(error: BaseException) -> bool:
    """Whether a request may have arrived although it failed.

    httplib2 sends a request again when a kept connection turns out closed: a refused connection then
    says nothing about the first sending.
    """
    never = (ConnectionRefusedError, httplib2.ServerNotFoundError)
    if not isinstance(error, never) and tls_cause(error) is None:
        return True
    link = error.__context__
    while link is not None:
        if isinstance(link, http.client.HTTPException):
            return True
        link = link.__context__
    return False
