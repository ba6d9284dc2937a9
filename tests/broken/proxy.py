"""A proxy as companies have them: it knows CONNECT, and a reason not to let us through."""

import socket
import threading
from contextlib import suppress
from pathlib import Path
from typing import Self

from figgo_ops.sandbox.ca import make_authority
from tests.broken.scene import NOWHERE

ANSWERS = {
    "log-on": b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Negotiate\r\n",
    "refuses": b"HTTP/1.1 403 Forbidden\r\n",
    "inspects": b"HTTP/1.1 200 Connection established\r\n",
}
END = b"\r\n\r\n"


class Proxy:
    """On loopback, until it is left; a closed one has a port and does not listen."""

    def __init__(self, how: str, folder: Path) -> None:
        self.how = how
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._tls = make_authority(folder / "proxy").server_context((NOWHERE,))
        self._open: list[socket.socket] = []

    def __enter__(self) -> Self:
        if self.how != "closed":
            self._listener.listen(16)
            threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_raised: object) -> None:
        for one in (self._listener, *self._open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(connection)
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        asked = b""
        with suppress(OSError):
            while END not in asked and (more := connection.recv(4096)):
                asked += more
            if self.how != "inspects":
                connection.sendall(ANSWERS[self.how] + b"Content-Length: 0\r\n\r\n")
            else:
                connection.sendall(ANSWERS[self.how] + b"\r\n")
                with self._tls.wrap_socket(connection, server_side=True) as read:
                    read.recv(4096)
        connection.close()
