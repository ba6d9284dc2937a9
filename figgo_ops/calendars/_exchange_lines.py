"""Connections to Exchange: the library's protocol with our patience, our trust and no retries of its own.

The library keeps protocols for a whole process, waits for sessions of its own pool while it holds a lock,
and sends a request again when an item of it was busy. A line is one protocol with one session, used by one
thread at a time, and every refusal leaves it as it was said.
"""

import logging
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import certifi
import requests
import urllib3
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from exchangelib import IMPERSONATION, Build, Configuration, EWSTimeZone, FailFast, Identity, Version
from exchangelib.errors import TransportError
from exchangelib.protocol import Protocol
from exchangelib.services.common import EWSAccountService
from lxml import etree

from figgo_ops import __version__
from figgo_ops.calendars import _exchange_soap as soap
from figgo_ops.calendars._exchange_refusal import Refusal
from figgo_ops.calendars._exchange_soap import Answer
from figgo_ops.calendars._exchange_xml import SOAP, Element
from figgo_ops.transport import chain, trust

TIMEOUT, CONNECT_TIMEOUT = 60.0, 10.0
LOOPBACK = ("localhost", "127.0.0.1", "::1")
AGENT = f"figgo-ops/{__version__}"
"""Administrators allow and forbid programs by this name, so it begins with ours."""

OLDEST = Version(Build(15, 0), "Exchange2013")
"""What we ask to be spoken to as: every server since 2013 knows it, so none is asked for its version."""

# They log requests, and with them passwords, tokens and titles; the level alone is lifted by who debugs.
for _name in ("exchangelib", "oauthlib", "requests_oauthlib", "requests_ntlm", "spnego"):
    _library = logging.getLogger(_name)
    _library.setLevel(logging.CRITICAL + 1)
    _library.addHandler(logging.NullHandler())
    _library.propagate = False


class Said(Exception):
    """Exchange, or what stands before it, refused a whole request."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.code)
        self.refusal = refusal


class GarbledError(Exception):
    """What came back is no answer of Exchange's, or broke off."""


class _Plain(FailFast):  # type: ignore[misc]
    """Says what was said; the library's own policies hide statuses and repeat requests."""

    def raise_response_errors(self, response: requests.Response) -> None:
        if response.status_code == 200 or (response.status_code == 500 and _is_soap(response)):
            return
        raise Said(soap.refusal_of(response.status_code, response.headers, response.content))


def _is_soap(response: requests.Response) -> bool:
    return b"Envelope" in response.content[:1000]


@dataclass(slots=True)
class Acting:
    """For which mailbox a request is made; all that a service of the library looks at."""

    protocol: Protocol
    identity: Identity
    primary_smtp_address: str
    default_timezone: EWSTimeZone
    version: Version = OLDEST
    access_type: str = IMPERSONATION
    affinity_cookie: str | None = None


class _Asked(EWSAccountService):  # type: ignore[misc]
    """One operation: its body sent, an answer for each item given back in place."""

    def ask(self, payload: Element) -> list[Answer]:
        """The answers in the order of the items."""
        return list(self._get_elements(payload=payload))

    def _api_versions_to_try(self) -> tuple[str]:
        return (self._version_hint.api_version,)

    def _update_api_version(self, api_version: str, header: Element) -> None:
        # The library's own way logs while a record is being written: two handlers then wait for each other.
        with suppress(TransportError, ValueError):
            self._version_hint = Version.from_soap_header(requested_api_version=api_version, header=header)

    @classmethod
    def _get_soap_parts(cls, response: requests.Response) -> tuple[Element | None, Element]:
        # In one piece: the library would hand the parser one byte after the other.
        try:
            root = etree.fromstring(response.content, _parser())
        except etree.XMLSyntaxError as error:
            raise GarbledError from error
        body = root.find(f"{{{SOAP}}}Body")
        if body is None:
            raise GarbledError
        return root.find(f"{{{SOAP}}}Header"), body

    def _get_soap_messages(self, body: Element) -> list[Element]:
        if soap.is_answer(body, self.SERVICE_NAME):
            messages: list[Element] = super()._get_soap_messages(body)
            return messages
        raise GarbledError

    @classmethod
    def _raise_soap_errors(cls, fault: Element) -> None:
        raise Said(soap.fault(fault))

    def _get_elements_in_response(self, response: list[Element]) -> list[Answer]:
        return soap.answers(response)


def _parser() -> Any:
    return etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)


_OPERATIONS: Mapping[str, type[_Asked]] = {
    name: type(name, (_Asked,), {"SERVICE_NAME": name})
    for name in ("FindItem", "GetItem", "CreateItem", "UpdateItem", "DeleteItem", "GetUserConfiguration")
}


class _Connection(urllib3.connection.HTTPSConnection):
    """Refuses a certificate that vouches for itself, whoever trusts it, and can be cut from outside."""

    def __init__(self, opened: set[socket.socket], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._opened = opened

    def connect(self) -> None:
        super().connect()
        if not isinstance(self.sock, ssl.SSLSocket):  # a proxy with a certificate of its own stands before it
            raise ssl.SSLError("the certificate of the server cannot be seen")
        _refuse_self_signed(self.sock.getpeercert(binary_form=True) or b"")
        self._opened.add(self.sock)

    def close(self) -> None:
        if self.sock is not None:
            self._opened.discard(self.sock)
        super().close()


def _refuse_self_signed(der: bytes) -> None:
    """A leaf that was itself put into a trust file proves nothing about who is there.

    Raises:
        ssl.SSLCertVerificationError: with OpenSSL's number for it.
    """
    leaf = x509.load_der_x509_certificate(der)
    if leaf.issuer != leaf.subject:
        return
    try:
        leaf.verify_directly_issued_by(leaf)
    except (InvalidSignature, ValueError, TypeError):
        return
    error = ssl.SSLCertVerificationError("self-signed certificate")
    error.verify_code, error.verify_message = 18, "self-signed certificate"
    raise error


class _Adapter(requests.adapters.HTTPAdapter):
    """Certificates are checked against our own trust, which no variable of the surroundings replaces."""

    context: ssl.SSLContext

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.opened: set[socket.socket] = set()
        super().__init__(*args, **kwargs)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, ssl_context=self.context, **kwargs)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        return super().proxy_manager_for(*args, ssl_context=self.context, **kwargs)

    def get_connection_with_tls_context(
        self, request: Any, verify: Any, proxies: Any = None, cert: Any = None
    ) -> Any:
        pool: Any = super().get_connection_with_tls_context(request, True, proxies, cert)
        pool.ConnectionCls = partial(_Connection, self.opened)
        return pool

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """The context decides; the library would load a list of its own into it."""


class Line:
    """One connection to one server, for one thread at a time.

    Args:
        protocol: made by `line`; with one session.

    Attributes:
        auth: how it logs on, in the library's word.
        version: what the server last said it is, such as 15.1.2507.39; "" before it did.
    """

    def __init__(self, protocol: Protocol, auth: str) -> None:
        self._protocol, self.auth = protocol, auth
        self.version = ""

    def ask(self, name: str, address: str, zone: str, payload: Element) -> list[Answer]:
        """Put one question, acting for that mailbox.

        Raises:
            Said, GarbledError: see there.
            EWSError, RequestException, OSError: there was no answer.
        """
        acting = Acting(self._protocol, Identity(primary_smtp_address=address), address, EWSTimeZone(zone))
        answers = _OPERATIONS[name](account=acting).ask(payload)
        if acting.version is not OLDEST:
            self.version = str(acting.version.build or "")
        return answers

    def offered(self) -> Refusal:
        """What the server says to somebody who does not log on; raises as `ask` does."""
        endpoint = self._protocol.service_endpoint
        with self._protocol.stranger() as session:
            response = session.post(endpoint, b"", allow_redirects=False, timeout=self._protocol.TIMEOUT)
        if response.status_code == 200:  # Exchange lets nobody in like that
            raise GarbledError
        said = soap.refusal_of(response.status_code, response.headers, response.content)
        return replace(said, stranger=True)

    def cut(self) -> None:
        """End whatever is under way, from another thread."""
        for opened in self._protocol.opened():
            # Through the base class: SSLSocket.shutdown would pull the TLS object from under its reader.
            with suppress(OSError):
                socket.socket.shutdown(opened, socket.SHUT_RDWR)

    def close(self) -> None:
        """Let go of the connection."""
        self._protocol.close()


def protocol_of(endpoint: str, context: ssl.SSLContext) -> type[Protocol]:
    """The library's protocol with our trust, patience and name; its own are the whole process's."""
    adapter = type("Adapter", (_Adapter,), {"context": context})
    apart = urlsplit(endpoint).hostname in LOOPBACK

    class Ours(Protocol):  # type: ignore[misc]
        TIMEOUT = (CONNECT_TIMEOUT, TIMEOUT)
        USERAGENT = AGENT
        HTTP_ADAPTER_CLS = adapter

        def create_session(self) -> Any:
            self._last = super().create_session()
            if isinstance(self._last.auth, requests.auth.HTTPBasicAuth):
                self._last.auth = _any_script(self._last.auth)
            return self._last

        def retire_session(self, session: Any) -> None:
            # The library makes the next one here, and where that fails says so instead of what went wrong.
            self.close_session(session)
            self._session_pool_size -= 1

        def stranger(self) -> Any:
            """A session of somebody who does not log on."""
            self._last = self.raw_session(endpoint)
            self._last.auth = _nobody
            return self._last

        @classmethod
        def raw_session(cls, *args: Any, **kwargs: Any) -> Any:
            session = super().raw_session(*args, **kwargs)
            # A proxy of the surroundings leads outside; this machine itself is never behind it.
            session.trust_env = not apart
            return session

        def opened(self) -> Iterator[socket.socket]:
            if hasattr(self, "_last"):
                yield from list(self._last.get_adapter(endpoint).opened)

    return Ours


def _any_script(auth: Any) -> Any:
    """Latin-1 as long as it will do, as the library has it; IIS takes UTF-8 too."""
    try:
        f"{auth.username}{auth.password}".encode("latin-1")
    except UnicodeEncodeError:
        return requests.auth.HTTPBasicAuth(auth.username.encode(), auth.password.encode())
    return auth


def _nobody(request: Any) -> Any:
    """Shows no credentials; where none are set at all, those of ~/.netrc would be shown."""
    return request


def line(kind: type[Protocol], endpoint: str, credentials: Any, auth: str) -> Line:
    """A new line; reaches for the network only when used."""
    settings = Configuration(
        service_endpoint=endpoint,
        credentials=credentials,
        auth_type=auth,
        version=OLDEST,
        retry_policy=_Plain(),
        max_connections=1,
    )
    # Past the library's cache, whose first entry would be everybody's.
    return Line(type.__call__(kind, config=settings), auth)


def trusted(name: str, ca_file: str | None) -> ssl.SSLContext:
    """The authority of a file, or this machine's and the usual ones.

    Raises:
        UsageError: the file is missing or holds no certificate.
    """
    context = trust(name, ca_file)
    if isinstance(context, bool):
        context = ssl.create_default_context()
        context.load_verify_locations(certifi.where())
    return context


def may_have_left(error: BaseException) -> bool:
    """Whether a request may have arrived although it failed."""
    never = (
        urllib3.exceptions.NewConnectionError,
        urllib3.exceptions.ConnectTimeoutError,
        ssl.SSLCertVerificationError,
        ConnectionRefusedError,
        socket.gaierror,
    )
    return not any(isinstance(link, never) for link in chain(error))
