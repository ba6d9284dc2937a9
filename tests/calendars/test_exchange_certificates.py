"""Whom we believe to be Exchange, and how each way of not reaching it is told apart."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from figgo_ops.calendars import _exchange_lines as lines
from figgo_ops.calendars.exchange import ExchangeCalendar
from figgo_ops.errors import FiggoOpsError, Unreachable, UsageError
from tests.calendars.contract import ANNE, ZOE, all_day, creation
from tests.calendars.stages import ExchangeStage

KINDS = {
    "expired": "its certificate has expired",
    "wrong-name": "its certificate is for another name",
    "untrusted": "its certificate comes from an unknown authority",
    "self-signed": "its certificate is self-signed",
}
METHODS = ["basic", "ntlm", None]


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[ExchangeStage]:
    stage = ExchangeStage(tmp_path)
    yield stage
    stage.close()


@pytest.fixture
def connections(stage: ExchangeStage, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A number for each TCP connection that the server took."""
    taken: list[int] = []
    converse = stage.server._converse

    def counted(plain: socket.socket) -> None:
        taken.append(plain.fileno())
        converse(plain)

    monkeypatch.setattr(stage.server, "_converse", counted)
    return taken


def read(calendar: ExchangeCalendar, *addresses: str) -> list[FiggoOpsError]:
    """The errors of these mailboxes, none of which was read."""
    errors = [one.error for one in calendar.read(addresses or (ANNE,))]
    assert all(errors)
    return [error for error in errors if error]


def crowd(stage: ExchangeStage, count: int) -> list[str]:
    """So many more mailboxes."""
    mails = [f"user.{number}@corail.example" for number in range(count)]
    for mail in mails:
        stage.exchange.add_mailbox(mail)
    return mails


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("auth", METHODS)
def test_a_bad_certificate_is_named_after_one_attempt_and_nothing_is_said_to_who_shows_it(
    stage: ExchangeStage, connections: list[int], kind: str, auth: str | None
) -> None:
    stage.fault("certificate", value=kind, times=None)
    errors = read(stage.connect(auth=auth, threads=8), *crowd(stage, 20))
    assert {type(error) for error in errors} == {Unreachable}
    assert all(KINDS[kind] in error.message for error in errors)
    assert all(error.remedy for error in errors)
    assert sum("No mailbox is tried any more" in error.message for error in errors) >= 19
    assert len(connections) == 1
    assert stage.log.entries() == []
    assert stage.clock.slept == 0, "a certificate does not get better by waiting"


@pytest.mark.parametrize("auth", METHODS)
def test_writing_meets_a_bad_certificate_with_nothing_written(
    stage: ExchangeStage, connections: list[int], auth: str | None
) -> None:
    stage.fault("certificate", value="expired", times=None)
    changes = [creation(stage, mail, all_day()) for mail in crowd(stage, 6)]
    outcomes = list(stage.connect(auth=auth).write(changes))
    assert {(outcome.status, type(outcome.error)) for outcome in outcomes} == {("failed", Unreachable)}
    assert (len(connections), stage.log.entries()) == (1, [])


def test_a_certificate_that_goes_bad_meanwhile_stops_the_calendar(
    stage: ExchangeStage, connections: list[int]
) -> None:
    assert next(stage.calendar.read([ANNE])).error is None
    stage.fault("certificate", value="expired", times=None)
    stage.server.hang_up()
    stage.log.clear()
    errors = read(stage.connect(threads=1), *crowd(stage, 10))
    assert all("expired" in error.message for error in errors)
    assert (len(connections), stage.log.entries()) == (2, [])


def pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


class Issuer:
    """An authority of the customer's, which a test may chain as it likes."""

    def __init__(self, title: str, above: "Issuer | None" = None) -> None:
        self.key, self.name = ec.generate_private_key(ec.SECP256R1()), name(title)
        signer = above or self
        self.certificate = signer.sign(self.name, self.key, ca=True)

    def sign(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, *, ca: bool, host: str = "localhost"
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=30))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False
            )
            .add_extension(_usage(ca=ca), critical=True)
        )
        if not ca:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        return builder.sign(self.key, hashes.SHA256())


def _usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )


class Chain:
    """Root, intermediate and leaf, and a server that shows some of them."""

    def __init__(self, stage: ExchangeStage, folder: Path) -> None:
        self.root = Issuer("Coquillage racine")
        self.middle = Issuer("Coquillage intermédiaire", self.root)
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.leaf = self.middle.sign(name("localhost"), self.key, ca=False)
        self._stage, self._folder = stage, folder

    def shown(self, *certificates: x509.Certificate, key: ec.EllipticCurvePrivateKey | None = None) -> None:
        """From now on the server shows these."""
        form = serialization.PrivateFormat.PKCS8
        secret = (key or self.key).private_bytes(
            serialization.Encoding.PEM, form, serialization.NoEncryption()
        )
        file = self._folder / "shown.pem"
        file.write_bytes(secret + b"".join(map(pem, certificates)))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        self._stage.server._context = context

    def trusted(self, *certificates: x509.Certificate) -> str:
        """A file to name as ca_file."""
        file = self._folder / "trusted.pem"
        file.write_bytes(b"".join(map(pem, certificates)))
        return str(file)


@pytest.fixture
def chain(stage: ExchangeStage, tmp_path: Path) -> Chain:
    return Chain(stage, tmp_path)


def test_a_whole_chain_is_believed(stage: ExchangeStage, chain: Chain) -> None:
    root, middle = chain.root.certificate, chain.middle.certificate
    chain.shown(chain.leaf, middle)
    assert next(stage.connect(ca_file=chain.trusted(root)).read([ANNE])).error is None


def test_an_intermediate_that_the_server_forgets_may_stand_in_the_file(
    stage: ExchangeStage, chain: Chain
) -> None:
    root, middle = chain.root.certificate, chain.middle.certificate
    chain.shown(chain.leaf)
    [error] = read(stage.connect(ca_file=chain.trusted(root)))
    assert "unknown authority" in error.message
    assert next(stage.connect(ca_file=chain.trusted(root, middle)).read([ANNE])).error is None


@pytest.mark.parametrize("shows_all", [True, False])
def test_a_file_with_leaf_and_intermediate_but_no_root_is_told_what_it_lacks(
    stage: ExchangeStage, chain: Chain, *, shows_all: bool
) -> None:
    middle = chain.middle.certificate
    chain.shown(chain.leaf, *([middle] if shows_all else []))
    found = next(stage.connect(ca_file=chain.trusted(chain.leaf, middle)).read([ANNE]))
    if found.error is not None:  # from Python 3.13 on a chain may end at any certificate in the file
        assert "its certificate leads to an authority whose root is not known" in found.error.message
        assert "ca_file, the root in it." in found.error.remedy
        assert stage.log.entries() == []


@pytest.mark.parametrize("auth", METHODS)
@pytest.mark.parametrize("with_authority", [True, False])
def test_a_self_signed_certificate_is_refused_even_where_it_was_put_into_the_file(
    stage: ExchangeStage, chain: Chain, connections: list[int], auth: str | None, *, with_authority: bool
) -> None:
    """It vouches for itself: nobody could ever revoke it."""
    own = Issuer("localhost")
    leaf = own.sign(own.name, own.key, ca=False)
    chain.shown(leaf, key=own.key)
    more = [chain.root.certificate] if with_authority else []
    errors = read(stage.connect(auth=auth, ca_file=chain.trusted(leaf, *more)), ANNE, ZOE)
    assert all("its certificate is self-signed" in error.message for error in errors)
    assert "replaced by one from an authority" in errors[0].remedy
    assert (len(connections), stage.log.entries()) == (1, [])


@pytest.mark.parametrize(
    ("content", "words"), [(None, "is missing"), ("", "holds no certificate"), ("no PEM\n", "holds no")]
)
def test_a_file_that_holds_no_authority_is_a_matter_of_the_tenant_file(
    stage: ExchangeStage, tmp_path: Path, content: str | None, words: str
) -> None:
    file = tmp_path / "corail-ca.pem"
    if content is not None:
        file.write_text(content)
    with pytest.raises(UsageError, match=words) as caught:
        stage.connect(ca_file=str(file))
    assert str(file) in caught.value.message
    assert "head office" in caught.value.message
    assert "ca_file" in caught.value.remedy


def test_without_a_file_the_private_authority_is_not_believed(stage: ExchangeStage) -> None:
    [error] = read(stage.connect(ca_file=None))
    assert "certificate" in error.message
    assert "ca_file" in error.remedy
    assert stage.log.entries() == []


@pytest.mark.parametrize("auth", METHODS)
def test_the_surroundings_change_nothing_on_this_machine(
    stage: ExchangeStage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, auth: str | None
) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine localhost login somebody password else\n")
    other = tmp_path / "other.pem"
    other.write_bytes(pem(Issuer("Somebody else").certificate))
    for variable in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")
    for variable in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(variable, str(other))
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert next(stage.connect(auth=auth).read([ANNE])).error is None
    assert stage.exchange.gate.failed == []


def test_a_bundle_of_the_surroundings_never_makes_a_stranger_believed(
    stage: ExchangeStage, chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain.shown(chain.leaf, chain.middle.certificate)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", chain.trusted(chain.root.certificate))
    monkeypatch.setattr(lines, "LOOPBACK", ())
    [error] = read(stage.connect())
    assert "certificate" in error.message
    assert stage.log.entries() == []


@contextlib.contextmanager
def listener(answer: bytes = b"", *, reset: bool = False) -> Iterator[tuple[str, list[bytes]]]:
    """A server without encryption: its URL, and what was said to it."""
    said: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    client, _ = server.accept()
                except OSError:
                    return
                with client:
                    said.append(client.recv(1000))
                    if reset:
                        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                    client.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"https://localhost:{server.getsockname()[1]}", said
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
    thread.join(5)


@pytest.mark.parametrize("auth", METHODS)
def test_a_server_without_encryption_hears_no_password(stage: ExchangeStage, auth: str | None) -> None:
    with listener(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n") as (url, said):
        [error] = read(stage.connect(url=url, auth=auth))
    assert "no encrypted connection came about" in error.message
    assert "HTTPS" in error.remedy
    assert said
    assert all(b"POST" not in words and b"svc-figgo" not in words for words in said)


@pytest.mark.parametrize("auth", METHODS)
def test_a_server_that_hangs_up_before_the_handshake_is_said_to_have_cut_the_connection(
    stage: ExchangeStage, auth: str | None
) -> None:
    with listener(reset=True) as (url, _):
        [error] = read(stage.connect(url=url, auth=auth))
    assert type(error) is Unreachable
    assert "the connection was cut" in error.message


@pytest.mark.parametrize("auth", METHODS)
def test_a_closed_door_is_given_up_after_three_mailboxes(stage: ExchangeStage, auth: str | None) -> None:
    calendar = stage.connect(url="https://localhost:1", auth=auth, threads=1)
    errors = read(calendar, *crowd(stage, 6))
    assert {type(error) for error in errors} == {Unreachable}
    assert all("the connection was refused" in error.message for error in errors)
    given_up = ["No mailbox is tried any more" in error.message for error in errors]
    assert given_up == [False] * 3 + [True] * 3
    slept = stage.clock.slept
    read(calendar)
    assert stage.clock.slept > slept, "another call tries again"


def test_a_name_that_nobody_knows_is_named(stage: ExchangeStage, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_args: object, **_named: object) -> object:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    calendar = stage.connect(url="https://mail.corail.invalid", threads=1)
    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    [error] = read(calendar)
    assert "its name is not known to DNS" in error.message
    assert "DNS" in error.remedy


@pytest.mark.parametrize("auth", METHODS)
@pytest.mark.parametrize(("where", "status"), [("before", "unknown"), ("after", "done")])
def test_a_creation_that_meets_silence_is_settled_by_reading_and_never_sent_again(
    stage: ExchangeStage, monkeypatch: pytest.MonkeyPatch, auth: str | None, where: str, status: str
) -> None:
    monkeypatch.setattr(lines, "TIMEOUT", 0.3)
    stage.fault("silence", path="*/CreateItem", value=where)
    [outcome] = stage.connect(auth=auth).write([creation(stage, ANNE, all_day())])
    assert outcome.status == status
    assert stage.titles(ANNE) == (["Absent"] if status == "done" else [])
    assert len(stage.calls("CreateItem")) == 1


def test_a_silence_that_lasts_says_that_nobody_answered(
    stage: ExchangeStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "TIMEOUT", 0.1)
    stage.fault("silence", times=None)
    [error] = read(stage.connect())
    assert "it did not answer in time" in error.message


@pytest.mark.parametrize("kind", ["reset-before", "reset-after", "drop-before", "drop-after", "cut-body"])
@pytest.mark.parametrize("auth", ["basic", "ntlm"])
@pytest.mark.parametrize("logged_on", [True, False])
def test_a_connection_that_breaks_in_a_read_is_made_anew(
    stage: ExchangeStage, kind: str, auth: str, *, logged_on: bool
) -> None:
    """More patiently once somebody was answered: before that, all others wait for the first."""
    calendar = stage.connect(auth=auth)
    if logged_on:
        assert next(calendar.read([ZOE])).error is None
    stage.fault(kind, path="*/FindItem", times=4 if logged_on else 1)
    assert next(calendar.read([ANNE])).error is None
    assert stage.exchange.gate.failed == []


@pytest.mark.parametrize("auth", METHODS)
def test_an_exchange_that_closes_after_every_answer_is_read_all_the_same(
    stage: ExchangeStage, monkeypatch: pytest.MonkeyPatch, auth: str | None
) -> None:
    """What the library makes of such answers is a busy server; NTLM alone needs its connection to stay."""
    calendar = stage.connect(auth=auth, threads=1)
    mails = crowd(stage, 4)
    for mail in mails:
        assert next(calendar.read([mail])).error is None
        stage.server.drain()
    assert stage.exchange.gate.failed == []


@pytest.mark.parametrize("status", [503, 500, 403])
def test_a_refusal_that_closes_the_connection_is_still_told_as_what_it_is(
    stage: ExchangeStage, status: int
) -> None:
    stage.server.drain()
    stage.fault("status", path="*/FindItem", times=None, value={"status": status})
    calendar = stage.connect(threads=1)
    try:
        [error] = read(calendar)
    except FiggoOpsError as stopped:
        error = stopped
    assert f"HTTP {status}" in error.message
