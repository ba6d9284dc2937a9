"""The front of the stand-ins: passes bytes on, and can be killed without a stand-in forgetting anything."""

import socket
import threading
from collections.abc import Iterable
from contextlib import suppress

CHUNK = 65536


def reserve() -> socket.socket:
    """A port of this machine that stays ours while no front listens there: it then refuses."""
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    held.bind(("127.0.0.1", 0))
    return held


def listen(port: int) -> socket.socket:
    """Listen on a reserved port."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(128)
    return listener


def relay(pairs: Iterable[tuple[socket.socket, int]]) -> None:
    """Pass on whatever comes to each listener to the port beside it, until killed."""
    fronts = [threading.Thread(target=_accept, args=pair) for pair in pairs]
    for front in fronts:
        front.start()
    for front in fronts:
        front.join()


def _accept(listener: socket.socket, target: int) -> None:
    while True:
        client, _ = listener.accept()
        server = socket.create_connection(("127.0.0.1", target))
        for source, sink in ((client, server), (server, client)):
            sink.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=_pump, args=(source, sink), daemon=True).start()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(CHUNK):
            sink.sendall(data)
    for side in (source, sink):  # whichever side went away, the other shall know
        with suppress(OSError):
            side.shutdown(socket.SHUT_RDWR)
