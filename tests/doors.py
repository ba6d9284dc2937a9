"""Servers on loopback that receive whoever connects in their own way, and certificates of every kind."""

import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Receive = Callable[[socket.socket], None]

DAY = timedelta(days=1)
NAMES = ("localhost", "127.0.0.1")


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)


def name(common: str, house: str = "", domain: Sequence[str] = ()) -> x509.Name:
    """A name with organisation and domain, where there are any."""
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, common)]
    parts += [x509.NameAttribute(NameOID.ORGANIZATION_NAME, house)] if house else []
    parts += [x509.NameAttribute(NameOID.DOMAIN_COMPONENT, one) for one in domain]
    return x509.Name(parts)


def mint(
    subject: x509.Name,
    issuer: Pair | None = None,
    *,
    names: Sequence[str] = (),
    begins: datetime | None = None,
    ends: datetime | None = None,
    old: bool = False,
) -> Pair:
    """A certificate, signed by itself where nobody else does; without names it is an authority's.

    Args:
        old: it names its host in its subject alone, as certificates did before there were alternative names.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    signer = issuer.key if issuer else key
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins or now - DAY)
        .not_valid_after(ends or now + 400 * DAY)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=not names, path_length=None), critical=True)
        .add_extension(_usage(signs=not names), critical=True)
    )
    if names and not old:
        made = made.add_extension(x509.SubjectAlternativeName([_alternative(one) for one in names]), False)
    return Pair(made.sign(signer, hashes.SHA256()), key)


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(not signs, False, False, False, False, signs, signs, False, False)


def _alternative(one: str) -> x509.GeneralName:
    with suppress(ValueError):
        return x509.IPAddress(ip_address(one))
    return x509.DNSName(one)


def context(folder: Path, *chain: Pair) -> ssl.SSLContext:
    """A server that shows these certificates, its own first."""
    key = chain[0].key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = folder / f"{chain[0].certificate.serial_number}.pem"
    file.write_bytes(key + b"".join(one.pem for one in chain))
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(file)
    return made


@dataclass(slots=True)
class Door:
    """Where one server listens, and what it was asked."""

    port: int
    heard: list[bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"


@contextmanager
def door(receive: Receive) -> Iterator[Door]:
    """A server that receives each connection so, on a thread of its own."""
    listener = socket.create_server(("127.0.0.1", 0))
    threads: list[threading.Thread] = []

    def serve(connection: socket.socket) -> None:
        # The client may go at any moment, and mostly does: what it made of that is what is tested.
        with connection, suppress(OSError):
            receive(connection)

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threads.append(threading.Thread(target=serve, args=(connection,), daemon=True))
                threads[-1].start()

    doorkeeper = threading.Thread(target=accept, daemon=True)
    doorkeeper.start()
    try:
        yield Door(listener.getsockname()[1])
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        doorkeeper.join()
        for thread in threads:
            thread.join()


def until_closed(connection: socket.socket) -> bytes:
    """All that comes until the other side goes."""
    parts = []
    while part := connection.recv(4096):
        parts.append(part)
    return b"".join(parts)


def head_of(connection: socket.socket) -> bytes:
    """What comes up to an empty line, or until the other side goes."""
    asked = b""
    while b"\r\n\r\n" not in asked and (part := connection.recv(4096)):
        asked += part
    return asked


def silent(connection: socket.socket) -> None:
    """Take the connection and say nothing."""
    until_closed(connection)


def resetting(connection: socket.socket) -> None:
    """Wait for a word, then reset."""
    connection.recv(1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def hanging_up(connection: socket.socket) -> None:
    """Wait for a word, then close."""
    connection.recv(4096)


def saying(words: bytes, *, first: bool = False) -> Receive:
    """Answer with these bytes, or begin with them, and wait for the other side to go."""

    def receive(connection: socket.socket) -> None:
        if not first:
            connection.recv(4096)
        connection.sendall(words)
        until_closed(connection)

    return receive


def dripping(words: bytes) -> Receive:
    """Answer with these bytes and go on for minutes, a zero at a time."""

    def receive(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(words)
        pause = threading.Event()
        for _ in range(30_000):
            connection.sendall(b"\0")
            pause.wait(0.01)

    return receive


def web(
    shown: ssl.SSLContext,
    heard: list[bytes] | None = None,
    fields: Mapping[str, str] | None = None,
    answer: bytes | None = None,
) -> Receive:
    """HTTPS that answers everything with 404 and these header fields, or with these bytes."""

    def receive(connection: socket.socket) -> None:
        with shown.wrap_socket(connection, server_side=True) as line:
            asked = head_of(line)
            if heard is not None and asked:
                heard.append(asked)
            lines = "".join(f"{key}: {value}\r\n" for key, value in (fields or {}).items())
            line.sendall(f"HTTP/1.1 404 Not Found\r\n{lines}\r\n".encode() if answer is None else answer)
            until_closed(line)

    return receive


def date(moment: datetime) -> dict[str, str]:
    """The header field that tells this time."""
    return {"Date": format_datetime(moment, usegmt=True)}


def proxy(ways: Mapping[str, int], heard: list[bytes]) -> Receive:
    """A proxy that knows ways to these hosts on loopback, and to no other."""

    def receive(connection: socket.socket) -> None:
        asked = head_of(connection)
        heard.append(asked)
        host = asked.split()[1].decode().partition(":")[0]
        if host not in ways:
            connection.sendall(b"HTTP/1.1 502 Bad Gateway\r\n\r\n")
            return
        with socket.create_connection(("127.0.0.1", ways[host])) as onward:
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=_pump, args=(onward, connection), daemon=True)
            back.start()
            _pump(connection, onward)
            back.join()

    return receive


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while part := source.recv(16384):
            sink.sendall(part)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
