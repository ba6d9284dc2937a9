"""Connections that end in time: names looked up, ports reached, what is said on a line of plain text."""

import queue
import socket
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from figgo_ops.causes import cause_of

Address = tuple[int, Any]
"""Family and socket address, as the resolver gives them."""

LONGEST_HEAD = 65536
_MOST = 4  # addresses of one name that are tried; Google gives sixteen
_TELLING = ("cut", "port-refused", "port-silent")


@dataclass(frozen=True, slots=True)
class Target:
    """Whom to reach."""

    host: str
    port: int

    def __str__(self) -> str:
        """As it stands in a url or after CONNECT."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def addresses(target: Target, timeout: float) -> list[Address]:
    """What DNS says, in the order in which to try.

    Raises:
        OSError: there is no such name, or nobody answers.
    """
    found: queue.SimpleQueue[list[Address] | OSError] = queue.SimpleQueue()

    def ask() -> None:
        try:
            every = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
            found.put([(family, address) for family, _, _, _, address in every])
        except UnicodeError:  # a label that is empty or too long is nobody's name
            found.put(socket.gaierror(socket.EAI_NONAME, "not a name"))
        except OSError as error:
            found.put(error)

    # The resolver knows no time limit of its own; a thread that outlasts ours harms nobody.
    threading.Thread(target=ask, name=f"DNS {target.host}", daemon=True).start()
    try:
        answer = found.get(timeout=timeout)
    except queue.Empty:
        raise socket.gaierror(socket.EAI_AGAIN, "no answer in time") from None
    if isinstance(answer, OSError):
        raise answer
    return answer


def connected(among: Sequence[Address], timeout: float) -> socket.socket:
    """A connection to the first of these addresses that takes one.

    Raises:
        OSError: none does; of several reasons the one that says most.
    """
    errors: list[OSError] = []
    tried = _mixed(among)[:_MOST]
    for family, address in tried:
        try:
            return _line(family, address, timeout / len(tried))
        except OSError as error:
            errors.append(error)
    raise min(errors, key=_rank)


def _mixed(among: Sequence[Address]) -> list[Address]:
    """The same, families in turn: where IPv6 leads nowhere, a vendor's first addresses are all of it."""
    families = dict.fromkeys(family for family, _ in among)
    rows = zip_longest(*([one for one in among if one[0] == family] for family in families))
    return [one for row in rows for one in row if one is not None]


def _line(family: int, address: Any, timeout: float) -> socket.socket:
    line = socket.socket(family, socket.SOCK_STREAM)  # no socket at all of a family that is switched off
    line.settimeout(timeout)
    try:
        line.connect(address)
    except BaseException:
        line.close()
        raise
    return line


def _rank(error: OSError) -> int:
    """A machine without IPv6 finds no way to such an address, whatever is wrong with the other one."""
    code = cause_of(error).code
    return _TELLING.index(code) if code in _TELLING else len(_TELLING)


def own_address(among: Sequence[Address]) -> str:
    """Our side of the way there, found without sending anything; "" where there is no way."""
    for family, address in among:
        with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as line:
            line.connect(address)
            return str(line.getsockname()[0])
    return ""


def fill(line: socket.socket, until: float) -> bytes:
    """What comes next on this line; nothing when the other side closed it.

    Args:
        until: on the system's monotonic clock.

    Raises:
        TimeoutError: nothing came until then.
    """
    line.settimeout(max(until - time.monotonic(), 0.001))
    return line.recv(16384)


def head(line: socket.socket, request: bytes, timeout: float) -> bytes:
    """Status line and header fields of the answer to a request in plain text; what there is of them."""
    until = time.monotonic() + timeout
    line.settimeout(timeout)
    line.sendall(request)
    answer = b""
    while b"\r\n\r\n" not in answer and len(answer) < LONGEST_HEAD:
        part = fill(line, until)
        if not part:
            break
        answer += part
    return answer


def close(line: socket.socket | None) -> None:
    """Let go of a line at once."""
    if line is not None:
        with suppress(OSError):
            line.close()


def place(address: Any) -> str:
    """An address of a socket as one reads it."""
    return str(Target(address[0], address[1]))
