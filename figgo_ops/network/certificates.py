"""What a server's certificate says, when it ends, and why one is refused."""

import ssl
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.x509.oid import NameOID

from figgo_ops.causes import Cause, cause_of
from figgo_ops.checks import SUPPORT
from figgo_ops.network.trouble import Trouble, shown

WARN = timedelta(days=30)
"""How long before its end a server's certificate is worth a word."""

VENDORS = (
    *("ilucca.net", "ilucca.ch", "ilucca-test.net", "ilucca-demo.net", "luccasoftware.com"),
    *("googleapis.com", "google.com", "microsoft.com", "microsoftonline.com", "office365.com", "office.com"),
)
"""Whose certificates come from a public authority, always."""

FOREIGN = ("certificate-unknown-authority", "certificate-self-signed", "certificate-chain")
"""How a certificate of somebody who decrypts is refused."""

_UNREADABLE = (
    *(ValueError, TypeError, UnsupportedAlgorithm),
    *(x509.InvalidVersion, x509.DuplicateExtension, x509.UnsupportedGeneralNameType),
)
_MANY = 5  # names that are shown
_NO_ROOT = 2  # OpenSSL's number for a link that we know, and not who signed it


@dataclass(frozen=True, slots=True)
class Leaf:
    """One certificate, as far as it matters here.

    Attributes:
        kin: organisation and domain of whoever signed it, by which authorities of one house are known.
        own: whether it vouches for itself.
    """

    subject: str
    issuer: str
    names: tuple[str, ...]
    begins: datetime
    ends: datetime
    kin: frozenset[tuple[str, str]]
    own: bool

    def __str__(self) -> str:
        """For whom it is, who issued it, and its days."""
        more = ", …" if len(self.names) > _MANY else ""
        whom = ", ".join(self.names[:_MANY]) + more or self.subject
        days = f"from {self.begins:%Y-%m-%d} to {self.ends:%Y-%m-%d}"
        return f"a certificate for {whom}, issued by {self.issuer}, {days}"

    @property
    def last_day(self) -> date:
        """The last day on which it surely works."""
        return (self.ends + timedelta(seconds=1)).date() - timedelta(days=1)

    def ending(self, now: datetime) -> bool:
        """Whether its end is near; machines renew short-lived ones when a third of their time is left."""
        return self.ends - now < min(WARN, (self.ends - self.begins) / 3)


def leaf(der: bytes) -> Leaf | None:
    """What a certificate says; None for one that cannot be read."""
    try:
        read = x509.load_der_x509_certificate(der)
        return Leaf(
            _name(read.subject),
            _name(read.issuer),
            _names(read),
            read.not_valid_before_utc,
            read.not_valid_after_utc,
            _kin(read.issuer),
            _vouches_for_itself(read),
        )
    except _UNREADABLE:
        return None


def refused(
    error: ssl.SSLError, sent: Sequence[Leaf], context: ssl.SSLContext, ca_file: str | None, runs: str
) -> Trouble:
    """Why a certificate is refused, with what it says itself.

    Args:
        sent: the certificates as the server sent them, its own first; none where they could not be read.
        context: whom we trust.
        runs: who runs the server.
    """
    cause = cause_of(error)
    own = sent[0] if sent else None
    if cause.code == "certificate-unknown-authority" and getattr(error, "verify_code", 0) != _NO_ROOT:
        cause = _unknown(sent, context, ca_file) or cause
    elif own is not None:
        cause = _told(cause, own)
    who = SUPPORT if cause.code in ("certificate-unknown-authority", "certificate-other-name") else runs
    return Trouble(cause, who, str(own) if own else shown(str(getattr(error, "verify_message", ""))))


def vouching(own: Leaf, runs: str) -> Trouble:
    """A certificate that was itself put among the trusted ones proves nothing about who is there."""
    said = "its certificate is self-signed: naming it as ca_file does not make it good"
    return Trouble(Cause(said, _REPLACE, "certificate-self-signed"), runs, str(own))


def decrypting(own: Leaf, by: str) -> Cause:
    """Somebody on the way shows a certificate of their own."""
    said = f"{by} decrypts what is sent and shows a certificate of its own, issued by {own.issuer}"
    remedy = "Have it let this host through undecrypted: leaves and credentials are nobody else's to read."
    return Cause(said, remedy, "proxy-inspects")


def is_vendor(host: str) -> bool:
    """Whether a host is one of the vendors' own."""
    return any(host == vendor or host.endswith(f".{vendor}") for vendor in VENDORS)


_REPLACE = "Have it replaced by one from a public authority or from the company's own."


def _told(cause: Cause, own: Leaf) -> Cause:
    names = ", ".join(own.names[:_MANY]) or own.subject
    more = {
        "certificate-expired": (f"its certificate expired on {own.ends:%Y-%m-%d}", cause.remedy),
        "certificate-not-yet": (
            f"its certificate is not valid before {own.begins:%Y-%m-%d}",
            "Have one put there that is valid already; this machine's clock must be right as well.",
        ),
        "certificate-self-signed": (cause.said, _REPLACE),
        "certificate-other-name": (
            f"its certificate is for another name: {names}",
            "Use a name that is in the certificate in the url, or have one issued for this host.",
        )
        if own.names
        else (
            f"its certificate has no alternative names (SAN); its common name, {own.subject}, does not count",
            "Have one issued that has this host among its alternative names.",
        ),
    }
    said, remedy = more.get(cause.code, (cause.said, cause.remedy))
    return Cause(said, remedy, cause.code)


def _unknown(sent: Sequence[Leaf], context: ssl.SSLContext, ca_file: str | None) -> Cause | None:
    """Whether a link of the chain is missing, or nobody here knows the authority at all."""
    if not sent:
        return None
    last = sent[-1]
    if not last.own and last.kin & _trusted_kin(context):
        said = (
            f"the server does not send the certificate of {last.issuer}, which links its own to the authority"
        )
        return Cause(said, "Have this intermediate certificate installed on the server.", "certificate-chain")
    code, issuer = "certificate-unknown-authority", last.issuer
    if ca_file:
        said = f"its certificate comes from {issuer}, not from the authority in {ca_file}"
        return Cause(said, "Name the PEM file of that authority as ca_file.", code)
    said = f"its certificate comes from {issuer}, an authority that is not known here"
    remedy = "If it is the company's own, name its root's PEM file as ca_file; else have it replaced."
    return Cause(said, remedy, code)


def _trusted_kin(context: ssl.SSLContext) -> frozenset[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    for authority in context.get_ca_certs():
        # A name is a row of parts, each of them again a row of pairs.
        parts: Any = authority.get("subject", ())
        pairs = [pair for part in parts for pair in part]
        found |= _house(
            [value for key, value in pairs if key == "organizationName"],
            [value for key, value in pairs if key == "domainComponent"],
        )
    return frozenset(found)


def _kin(name: x509.Name) -> frozenset[tuple[str, str]]:
    organisations = (str(one.value) for one in name.get_attributes_for_oid(NameOID.ORGANIZATION_NAME))
    domains = (str(one.value) for one in name.get_attributes_for_oid(NameOID.DOMAIN_COMPONENT))
    return _house(organisations, domains)


def _house(organisations: Iterable[str], domains: Iterable[str]) -> frozenset[tuple[str, str]]:
    domain = ".".join(domains)
    return frozenset({*(("O", one) for one in organisations), *([("DC", domain)] if domain else [])})


def _name(name: x509.Name) -> str:
    """The common name with its organisation, or whatever else there is."""
    parts = [
        str(one.value)
        for oid in (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME)
        for one in name.get_attributes_for_oid(oid)
    ]
    return shown(" of ".join(parts[:2]) or name.rfc4514_string()) or "nobody"


def _names(read: x509.Certificate) -> tuple[str, ...]:
    try:
        listed = read.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    named = [*listed.get_values_for_type(x509.DNSName)]
    return tuple(shown(one) for one in [*named, *map(str, listed.get_values_for_type(x509.IPAddress))])


def _vouches_for_itself(read: x509.Certificate) -> bool:
    if read.issuer != read.subject:
        return False
    try:
        read.verify_directly_issued_by(read)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
        return False
    return True
