"""The certificate that an application shows to Microsoft, and what may be wrong with it."""

import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from figgo_ops.errors import CredentialRefused, FiggoOpsError, UsageError
from figgo_ops.sandbox.microsoft365_certificate import key_and_certificate, public_part
from tests.calendars.contract import ANNE, ZOE, all_day, creation
from tests.calendars.crowds import certified, crowd, read, tokens
from tests.calendars.stage_microsoft365 import Microsoft365Stage
from tests.calendars.test_exchange_log_on import told

DAY = timedelta(days=1)
_PEM = serialization.Encoding.PEM


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Microsoft365Stage]:
    stage = Microsoft365Stage(tmp_path)
    yield stage
    stage.close()


@cache
def key() -> rsa.RSAPrivateKey:
    """Another key than the sandbox's."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def private(passphrase: bytes = b"") -> str:
    """That key as PEM."""
    locked = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    return key().private_bytes(_PEM, serialization.PrivateFormat.PKCS8, locked).decode()


def public(begins: timedelta = -DAY, ends: timedelta = 300 * DAY) -> str:
    """A certificate of that key, valid between these times from now."""
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "figgo-ops")]), datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key().public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + begins)
        .not_valid_after(now + ends)
        .sign(key(), hashes.SHA256())
    )
    return made.public_bytes(_PEM).decode()


def refused(stage: Microsoft365Stage, pem: str, registered: str = "") -> FiggoOpsError:
    """What stops fifty mailboxes when an application shows this certificate."""
    with pytest.raises(FiggoOpsError) as caught:
        list(certified(stage, pem, registered).read(crowd(stage, 50)))
    return caught.value


def test_a_certificate_that_is_registered_opens_every_mailbox(stage: Microsoft365Stage) -> None:
    calendar = certified(stage)
    assert set(read(calendar, crowd(stage, 30)).values()) == {None}
    assert [one.status for one in calendar.write([creation(stage, ANNE, all_day())])] == ["done"]
    assert tokens(stage) == 1


@pytest.mark.parametrize("order", ["key first", "certificate first"])
def test_key_and_certificate_may_stand_in_either_order(stage: Microsoft365Stage, order: str) -> None:
    parts = [private(), public()]
    pem = "\n".join(parts if order == "key first" else reversed(parts))
    assert read(certified(stage, pem, parts[1]), [ANNE, ZOE]) == {ANNE: None, ZOE: None}


WRONG: dict[str, Callable[[], tuple[str, str]]] = {
    "not registered": lambda: (private() + public(), public_part(key_and_certificate())),
    "not yet valid": lambda: (private() + public(begins=2 * DAY), ""),
    "expired": lambda: (private() + public(begins=-20 * DAY, ends=-2 * DAY), ""),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_certificate_that_microsoft_does_not_take_is_a_refused_credential_after_one_attempt(
    stage: Microsoft365Stage, what: str
) -> None:
    pem, registered = WRONG[what]()
    error = refused(stage, pem, registered)
    assert (type(error), error.code) == (CredentialRefused, "certificate-refused")
    assert "thumbprint" in error.remedy
    assert tokens(stage) == 1


def test_a_key_that_is_not_the_certificates_is_told_after_at_most_one_attempt(
    stage: Microsoft365Stage,
) -> None:
    error = refused(stage, private() + public_part(key_and_certificate()))
    assert isinstance(error, CredentialRefused | UsageError)
    assert "key" in error.message
    assert tokens(stage) <= 1


def spki() -> str:
    """The public half of that key alone."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key().public_key().public_bytes(_PEM, form).decode()


UNUSABLE: dict[str, Callable[[], str]] = {
    "no key": public,
    "no certificate": private,
    "a passphrase": lambda: private(b"sesame-ouvre-toi") + public(),
    "a secret": lambda: "correct~horse",
    "nothing": lambda: "\n",
    "half of it": lambda: (private() + public())[:900],
    "a public key": lambda: spki() + public(),
}


@pytest.mark.parametrize("what", UNUSABLE)
def test_a_file_that_holds_no_usable_certificate_is_told_before_anything_is_asked(
    stage: Microsoft365Stage, what: str
) -> None:
    pem = UNUSABLE[what]()
    with pytest.raises(UsageError) as caught:
        stage.connect(secret=pem, certificate="env:MICROSOFT", client_secret=None)
    assert "env:MICROSOFT" in caught.value.message
    assert "figgo-ops secret set" in caught.value.remedy
    shown = told(caught.value)
    assert not [line for line in pem.splitlines() if len(line) > 20 and line in shown]
    assert stage.log.entries() == []


def test_a_clock_that_is_wrong_is_named(stage: Microsoft365Stage) -> None:
    calendar = certified(stage)
    stage.graph.tokens.wall = lambda: stage.clock.now().timestamp() + 7200
    with pytest.raises(UsageError) as caught:
        list(calendar.read(crowd(stage, 50)))
    assert caught.value.code == "clock"
    assert "clock" in caught.value.remedy
    assert tokens(stage) == 1


@pytest.mark.parametrize(("days", "words"), [(300, ""), (29, "ends on"), (-2, "has ended on")])
def test_the_end_of_a_certificate_is_announced_a_month_ahead(
    stage: Microsoft365Stage, days: int, words: str
) -> None:
    pem = private() + public(begins=-400 * DAY, ends=days * DAY)
    notice = stage.connect(secret=pem, certificate="env:MICROSOFT", client_secret=None).notice
    assert words in notice
    assert bool(notice) == bool(words)


def test_no_key_and_no_assertion_is_logged_or_told(
    stage: Microsoft365Stage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    calendar = certified(stage, private() + public())
    assert read(calendar, [ANNE]) == {ANNE: None}
    stage.graph.tokens.certificates.clear()
    stage.graph.tokens.revoke()
    with pytest.raises(CredentialRefused) as caught:
        list(calendar.read([ANNE]))
    logged = "".join(f"{one.name} {one.getMessage()} {one.args!r} {one.exc_text}" for one in caplog.records)
    assert "httpx" in logged or "httpcore" in logged, "nobody listened"
    shown = logged + told(caught.value) + repr(calendar) + repr(vars(calendar))
    assert "client_assertion=" not in shown
    assert "eyJ" not in shown
    assert not [line for line in private().splitlines() if line in shown]
