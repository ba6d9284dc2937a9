"""What surrounds the client: names, doors and patience, in the hands of a test.

The product is left as it is, its time-outs included. A silence is noticed as soon as the stand-in has
fallen silent, and a dripping answer lets the clock run, so that no test lives through either.
"""

import os
import select
import socket
import ssl
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Any, Self
from unittest import mock

from figgo_ops.sandbox.messages import Entry
from figgo_ops.sandbox.web import Server
from tests.rehearsal import Clock

DRIP = 150.0
"""Seconds that pass with every bit of an answer that drips: longer than any answer is waited for."""


@dataclass(slots=True)
class Road:
    """What happens to those who connect to one server.

    Attributes:
        kind: "dns" for a name nobody knows, "refused" for a closed door.
        once: whether the second attempt succeeds.
        struck: attempts that failed.
    """

    server: Server
    kind: str
    once: bool
    struck: int = 0

    def travelled(self) -> None:
        """Somebody wants to connect; gaierror when the name is not known."""
        if self.once and self.struck:
            self.server.listen()
            return
        self.struck += 1
        if self.kind == "dns":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


class Weather:
    """A patched socket library, from entry to exit."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._roads: dict[int, Road] = {}
        self._silence, self._fall_silent = os.pipe()
        os.set_blocking(self._silence, False)
        self._dripping = False
        self._patches = ExitStack()

    def __enter__(self) -> Self:
        resolve = socket.getaddrinfo

        def getaddrinfo(host: Any, port: Any, *more: Any, **named: Any) -> Any:
            if port in self._roads:
                self._roads[port].travelled()
            return resolve(host, port, *more, **named)

        self._patches.enter_context(mock.patch.object(socket, "getaddrinfo", getaddrinfo))
        for name in ("recv", "recv_into"):
            patient = self._patient(getattr(ssl.SSLSocket, name))
            self._patches.enter_context(mock.patch.object(ssl.SSLSocket, name, patient))
        return self

    def __exit__(self, *_raised: object) -> None:
        self._patches.close()
        os.close(self._silence)
        os.close(self._fall_silent)

    def block(self, server: Server, kind: str, *, once: bool) -> Road:
        """Let nobody connect to this server any more, or only after one failed attempt."""
        road = self._roads[int(server.url.rpartition(":")[2])] = Road(server, kind, once)
        if kind == "refused":
            server.refuse()
        else:
            server.drain()
        return road

    def clear(self) -> None:
        """Let everybody connect again."""
        for road in self._roads.values():
            road.server.listen()
        self._roads.clear()
        self._dripping = False
        with suppress(BlockingIOError):
            os.read(self._silence, 1000)  # of a silence that nobody waited for

    def noted(self, entry: Entry) -> None:
        """The stand-in is about to play this request's fault."""
        self._dripping = entry.fault == "drip"
        if entry.fault == "silence":
            os.write(self._fall_silent, b".")

    def _patient(self, receive: Callable[..., Any]) -> Callable[..., Any]:
        def patient(sock: ssl.SSLSocket, *args: Any) -> Any:
            if sock.server_side:
                return receive(sock, *args)
            if self._dripping:
                self._clock.sleep(DRIP)
            timeout = sock.gettimeout()
            while True:
                # Readable may mean a session ticket only, so the socket is asked rather than believed.
                sock.settimeout(0.0)
                try:
                    return receive(sock, *args)
                except ssl.SSLWantReadError:
                    self._wait(sock)
                finally:
                    sock.settimeout(timeout)

        return patient

    def _wait(self, sock: ssl.SSLSocket) -> None:
        ready, _, _ = select.select([sock.fileno(), self._silence], [], [])
        if sock.fileno() not in ready:
            os.read(self._silence, 1)
            raise TimeoutError("timed out")
