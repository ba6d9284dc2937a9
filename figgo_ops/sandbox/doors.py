"""How a stand-in may receive whoever connects, below HTTP and encryption."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Mapping

DOORS: Mapping[str, str] = {
    "open": "as usual",
    "closed": "connections are refused",
    "silent": "connections are taken, and not a word is said on them",
    "reset": "connections are reset in the middle of the handshake",
    "plain": "HTTP is spoken without encryption",
}

_LONGEST_HELLO = 65536


def reset_when_closed(connection: socket.socket) -> None:
    """Have the end of a connection be a TCP reset, as of a process or a machine that went down."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _say_nothing(connection: socket.socket) -> None:
    while connection.recv(_LONGEST_HELLO):
        pass


def _reset(connection: socket.socket) -> None:
    connection.recv(1)
    reset_when_closed(connection)


def _say_it_plainly(connection: socket.socket) -> None:
    connection.recv(_LONGEST_HELLO)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


RECEPTIONS: Mapping[str, Callable[[socket.socket], None]] = {
    "silent": _say_nothing,
    "reset": _reset,
    "plain": _say_it_plainly,
}
"""What is played on a connection instead of a conversation; it is closed afterwards."""
