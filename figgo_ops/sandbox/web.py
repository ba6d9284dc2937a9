"""HTTPS on loopback for one stand-in, and the faults played around its handler."""

from __future__ import annotations

import socket
import ssl
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from email.utils import formatdate
from http import HTTPStatus
from io import BufferedReader

from figgo_ops.sandbox.ca import IssuedContext
from figgo_ops.sandbox.doors import DOORS, RECEPTIONS, reset_when_closed
from figgo_ops.sandbox.faults import Fault, Faults
from figgo_ops.sandbox.messages import Entry, Headers, Request, RequestLog, Response, Service

__all__ = ["Entry", "Headers", "Request", "RequestLog", "Response", "Server", "Service", "StandInBrokenError"]

_LONGEST_LINE = 65536
_PORTAL = "<!DOCTYPE html><html><head><title>Connexion</title></head><body>Portail captif</body></html>"
_STATUS_LINES = {s.value: f"HTTP/1.1 {s.value} {s.phrase}\r\n" for s in HTTPStatus}


class StandInBrokenError(AssertionError):
    """A stand-in raised while answering or broke the vendor's schema: nothing it played can be believed."""


class Server:
    """A threaded HTTPS server (HTTP/1.1, keep-alive) for one service on a free port of 127.0.0.1."""

    def __init__(self, service: Service, context: ssl.SSLContext, faults: Faults, log: RequestLog) -> None:
        self.service, self.faults, self.log = service, faults, log
        self.failures: list[str] = []
        self.stopping, self.reception = threading.Event(), "open"
        self.dated: Callable[[], float] | None = None  # the clock of answers' Date; None: the service's
        self._context = context
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self.drained = 0
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._thread = self._doorkeeper()
        self.url = f"https://localhost:{self._listener.getsockname()[1]}"

    def start(self) -> None:
        """Begin to accept connections."""
        self._thread.start()

    def stop(self) -> None:
        """Close everything at once; StandInBrokenError when the stand-in itself failed meanwhile."""
        self.stopping.set()
        self._close()
        self.hang_up()
        if self.failures:
            raise StandInBrokenError(f"the {self.service.name} stand-in failed:\n" + "\n".join(self.failures))

    def hang_up(self) -> None:
        """Close every open connection, as a restarted server would; clients must connect again."""
        with self._lock:
            for connection in self._open:
                _shut(connection)

    def drain(self) -> None:
        """Let every open connection end after its present or next answer; clients must connect again."""
        self.drained += 1

    def refuse(self) -> None:
        """Refuse new connections and drain the open ones, as a server that goes down, until `listen`."""
        self.drain()
        address = self._listener.getsockname()
        self._close()
        # Bound but not listening: refused, and nobody else gets the port meanwhile.
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(address)

    def listen(self) -> None:
        """Accept connections again."""
        if not self._thread.is_alive():
            self._listener.listen(128)
            self._thread = self._doorkeeper()
            self._thread.start()

    def door(self, how: str) -> None:
        """Receive whoever connects from now on in another way; ValueError for one that is not in DOORS."""
        if how not in DOORS:
            raise ValueError(f"unknown way to receive {how!r}; known: {', '.join(DOORS)}")
        self.drain()
        self.reception = how
        (self.refuse if how == "closed" else self.listen)()

    def _doorkeeper(self) -> threading.Thread:
        name = f"stand-in {self.service.name}"
        return threading.Thread(target=self._accept, args=(self._listener,), name=name, daemon=True)

    def _close(self) -> None:
        _shut(self._listener)
        self._listener.close()
        if self._thread.is_alive():
            self._thread.join()

    def handle(self, request: Request) -> Response:
        """Let the service answer; a failure of the stand-in is kept for `stop` and answered with 500."""
        try:
            with self.service.lock:
                return self.service.handle(request)
        except Exception:  # noqa: BLE001 - the edge of a thread: what broke must fail the test, not vanish
            self.failures.append(f"{request.method} {request.path}\n{traceback.format_exc()}")
            return Response.text(500, "the stand-in is broken, see its failures")

    def _accept(self, listener: socket.socket) -> None:
        while not self.stopping.is_set():
            try:
                plain, _ = listener.accept()
            except OSError:
                return
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._converse, args=(plain,), daemon=True).start()

    def _converse(self, plain: socket.socket) -> None:
        reception = RECEPTIONS.get(self.reception)
        connection = plain if reception else self._encrypted(plain)
        with self._lock:
            self._open.add(connection)
        try:
            if self.stopping.is_set():
                return
            if isinstance(connection, ssl.SSLSocket):
                connection.do_handshake()
                Conversation(self, connection).run()
            elif reception is not None:
                reception(connection)
        except OSError:
            # The client went away, refused our certificate or spoke no HTTP: all in a day's work.
            pass
        except Exception:  # noqa: BLE001 - the edge of a thread, as in handle
            self.failures.append(traceback.format_exc())
        finally:
            with self._lock:
                self._open.discard(connection)
            connection.close()

    def _encrypted(self, plain: socket.socket) -> ssl.SSLSocket:
        context, fault = self._context, self.faults.match_connection(self.service.name)
        if fault is not None:
            if not isinstance(context, IssuedContext):
                raise TypeError("certificate faults need a context made by Authority.server_context")
            context = context.sibling(fault.value)
        return context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)


class Conversation:
    """One TLS connection: requests in, answers or faults out, until either side has had enough."""

    def __init__(self, server: Server, connection: socket.socket) -> None:
        self.server, self.connection = server, connection
        self._memory: dict[str, object] = {}
        self._born = server.drained

    def run(self) -> None:
        """Answer requests until the connection ends; OSError when it breaks."""
        with self.connection.makefile("rb") as stream:
            while not self.server.stopping.is_set():
                request = self._read(stream)
                if request is None or not self._answer(request):
                    return

    def _read(self, stream: BufferedReader) -> Request | None:
        line = stream.readline(_LONGEST_LINE)
        if not line:
            return None
        request, length = self._head(line, stream)
        if request.headers.get("Expect", "").lower() == "100-continue":
            self.connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.body = stream.read(length) if length else b""
        if len(request.body) < length:
            raise ConnectionAbortedError("the client sent less than it announced")
        request.number = self.server.log.next_number()
        return request

    def _head(self, line: bytes, stream: BufferedReader) -> tuple[Request, int]:
        headers = Headers(_header_fields(stream))
        try:
            method, target, _version = line.decode("latin-1").split()
            length = int(headers.get("Content-Length", "0"))
        except ValueError as problem:
            raise ConnectionAbortedError("the client speaks no HTTP") from problem
        if "Transfer-Encoding" in headers:
            raise ConnectionAbortedError("the stand-ins take bodies of a known length only")
        request = Request(method, target, headers, connection=self._memory, started=time.monotonic())
        return request, length

    def _answer(self, request: Request) -> bool:
        service = self.server.service
        request.principal = service.identify(request)
        request.place = service.place(request)
        service.arrive(request)
        fault = self.server.faults.match(service.name, request)
        if fault is None:
            return self.send(request, self.server.handle(request))
        return _PLAYS[fault.kind](self, request, fault)

    def note(self, request: Request, status: int, fault: Fault | None = None) -> None:
        """Write the request to the log before the client can know the outcome."""
        self.server.service.leave(request)
        self.server.log.add(self.server.service.name, request, status, fault.kind if fault else None)

    def send(self, request: Request, response: Response, fault: Fault | None = None) -> bool:
        """Send the whole answer; True when the connection stays open."""
        self.note(request, response.status, fault)
        asked = request.headers.get("Connection", "").lower() == "close"
        keep = not asked and self._born == self.server.drained
        self.connection.sendall(self.head(response, keep=keep) + response.body)
        return keep

    def head(self, response: Response, *, keep: bool) -> bytes:
        """Spell status line and header fields, the true length of the body among them."""
        lines = [_STATUS_LINES.get(response.status) or f"HTTP/1.1 {response.status} Unnamed\r\n"]
        now = self.server.dated or self.server.service.clock
        lines.append(f"Date: {formatdate(now(), usegmt=True)}\r\n")
        if response.status not in (204, 304):
            lines.append(f"Content-Length: {len(response.body)}\r\n")
        lines.extend(
            f"{name}: {value}\r\n" for name, value in (*response.headers.items(), *response.repeated)
        )
        lines.append("Connection: keep-alive\r\n\r\n" if keep else "Connection: close\r\n\r\n")
        return "".join(lines).encode("latin-1")

    def refuse(self, request: Request, fault: Fault) -> bool:
        """Give the answer that a status fault names."""
        return self.send(request, self.server.service.refusal(fault.answer), fault)

    def drop(self, request: Request, fault: Fault) -> bool:
        """End the connection without a word."""
        self.note(request, 0, fault)
        return False

    def reset(self, request: Request, fault: Fault) -> bool:
        """End the connection with a TCP reset."""
        reset_when_closed(self.connection)
        return self.drop(request, fault)


def _header_fields(stream: BufferedReader) -> list[tuple[str, str]]:
    found = []
    while (line := stream.readline(_LONGEST_LINE)) not in (b"\r\n", b"\n", b""):
        name, _, value = line.decode("latin-1").partition(":")
        found.append((name.strip(), value.strip()))
    return found


def _shut(connection: socket.socket) -> None:
    # Through the base class: SSLSocket.shutdown would pull the TLS object from under its reader.
    with suppress(OSError):
        socket.socket.shutdown(connection, socket.SHUT_RDWR)


def _status(talk: Conversation, request: Request, fault: Fault) -> bool:
    return talk.refuse(request, fault)


def _status_after(talk: Conversation, request: Request, fault: Fault) -> bool:
    talk.server.handle(request)
    return talk.refuse(request, fault)


def _delay(talk: Conversation, request: Request, fault: Fault) -> bool:
    talk.server.stopping.wait(fault.value)
    return talk.send(request, talk.server.handle(request), fault)


def _drop_before(talk: Conversation, request: Request, fault: Fault) -> bool:
    return talk.drop(request, fault)


def _drop_after(talk: Conversation, request: Request, fault: Fault) -> bool:
    talk.server.handle(request)
    return talk.drop(request, fault)


def _reset_before(talk: Conversation, request: Request, fault: Fault) -> bool:
    return talk.reset(request, fault)


def _reset_after(talk: Conversation, request: Request, fault: Fault) -> bool:
    talk.server.handle(request)
    return talk.reset(request, fault)


def _late_commit(talk: Conversation, request: Request, fault: Fault) -> bool:
    talk.server.faults.defer(lambda: talk.server.handle(request), fault.value)
    return talk.drop(request, fault)


def _cut_body(talk: Conversation, request: Request, fault: Fault) -> bool:
    response = talk.server.handle(request)
    talk.note(request, response.status, fault)
    half = response.body[: len(response.body) // 2]
    talk.connection.sendall(talk.head(response, keep=True) + half)
    return False


def _drip(talk: Conversation, request: Request, fault: Fault) -> bool:
    response = talk.server.handle(request)
    talk.note(request, response.status, fault)
    whole = talk.head(response, keep=True) + response.body
    step = max(1, len(whole) // 20)
    for start in range(0, len(whole), step):
        talk.connection.sendall(whole[start : start + step])
        talk.server.stopping.wait(fault.value / 20)
    return True


def _silence(talk: Conversation, request: Request, fault: Fault) -> bool:
    if fault.value == "after":
        talk.server.handle(request)
    talk.note(request, 0, fault)
    talk.connection.recv(1)
    return False


def _html(talk: Conversation, request: Request, fault: Fault) -> bool:
    return talk.send(request, Response.text(200, fault.value or _PORTAL, "text/html"), fault)


def _cut_json(talk: Conversation, request: Request, fault: Fault) -> bool:
    response = talk.server.handle(request)
    cut = Response(200, response.body[: len(response.body) // 2], response.headers)
    return talk.send(request, cut, fault)


_PLAYS: dict[str, Callable[[Conversation, Request, Fault], bool]] = {
    "status": _status,
    "status-after": _status_after,
    "delay": _delay,
    "drop-before": _drop_before,
    "drop-after": _drop_after,
    "reset-before": _reset_before,
    "reset-after": _reset_after,
    "late-commit": _late_commit,
    "cut-body": _cut_body,
    "drip": _drip,
    "silence": _silence,
    "html": _html,
    "cut-json": _cut_json,
}
