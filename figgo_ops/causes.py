"""Why no connection came about, in plain words: whichever library reports it."""

import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cause:
    """What is behind an error of a connection.

    Attributes:
        said: in plain words, to go on after "could not be asked:".
        remedy: the next step.
        code: short stable name, for programs.
    """

    said: str
    remedy: str
    code: str


_NAME_CA = "Name the PEM file of the private authority as ca_file."
_AGAIN = "Run again; check firewall and proxy if it stays."
_OTHER_NAME = Cause(
    "its certificate is for another name",
    "Correct the url, or have the certificate corrected.",
    "certificate-other-name",
)
_TLS_CAUSES = {
    2: Cause(
        "its certificate leads to an authority whose root is not known",
        f"{_NAME_CA[:-1]}, the root in it.",
        "certificate-unknown-authority",
    ),
    9: Cause(
        "its certificate is not valid yet",
        "Check this machine's clock, then the certificate.",
        "certificate-not-yet",
    ),
    10: Cause(
        "its certificate has expired",
        "Whoever runs the server must renew its certificate.",
        "certificate-expired",
    ),
    18: Cause(
        "its certificate is self-signed",
        "Have it replaced by one from an authority.",
        "certificate-self-signed",
    ),
    19: Cause(
        "its certificate leads to an authority that signed itself",
        _NAME_CA,
        "certificate-unknown-authority",
    ),
    20: Cause("its certificate comes from an unknown authority", _NAME_CA, "certificate-unknown-authority"),
    21: Cause("its certificate comes from an unknown authority", _NAME_CA, "certificate-unknown-authority"),
    62: _OTHER_NAME,
    64: _OTHER_NAME,  # the same for a url that names an address
}
_DNS_SILENT = Cause(
    "DNS does not answer here", "Check this machine's network and its name servers.", "dns-silent"
)
_NETWORK_CAUSES: tuple[tuple[type[BaseException], Cause], ...] = (
    (
        socket.gaierror,
        Cause("its name is not known to DNS here", "Check the host in the url, then DNS.", "dns-unknown"),
    ),
    (
        ConnectionRefusedError,
        Cause("the connection was refused", "Check host and port in the url.", "port-refused"),
    ),
    (TimeoutError, Cause("it did not answer in time", _AGAIN, "port-silent")),
    (ssl.SSLEOFError, Cause("the connection was cut", _AGAIN, "cut")),
    (
        ssl.SSLError,
        Cause(
            "no encrypted connection came about", "Check that the url leads to an HTTPS server.", "tls-failed"
        ),
    ),
    (ConnectionError, Cause("the connection was cut", _AGAIN, "cut")),
    (OSError, Cause("no way leads there", "Check this machine's network.", "no-route")),
)


def tls_cause(error: BaseException) -> tuple[str, str] | None:
    """Plain cause and remedy when a refused certificate is behind this error; None otherwise.

    Looks through the whole chain of causes, so any library's wrapping will do.
    """
    found = _refused(error)
    return (found.said, found.remedy) if found else None


def network_cause(error: BaseException) -> tuple[str, str]:
    """Plain cause and remedy of a connection that failed, whichever library reports it."""
    found = cause_of(error)
    return found.said, found.remedy


def cause_of(error: BaseException) -> Cause:
    """What is behind a connection that failed, with the code of its own."""
    if certificate := _refused(error):
        return certificate
    for link in chain(error):
        # A resolver that is out of reach is not one that knows no such name.
        if isinstance(link, socket.gaierror) and link.errno in (socket.EAI_AGAIN, socket.EAI_FAIL):
            return _DNS_SILENT
        for kind, cause in _NETWORK_CAUSES:
            # All errors of requests are OSErrors too, without a number: what is behind them says more.
            if isinstance(link, kind) and (kind is not OSError or getattr(link, "errno", None)):
                return cause
    return Cause("the connection was cut", _AGAIN, "cut")


def _refused(error: BaseException) -> Cause | None:
    for link in chain(error):
        if isinstance(link, ssl.SSLCertVerificationError):
            said = f"its certificate is not valid ({link.verify_message})"
            return _TLS_CAUSES.get(link.verify_code, Cause(said, "Have it corrected.", "certificate"))
    return None


def chain(error: BaseException) -> Iterator[BaseException]:
    """The error and all that are behind it, nearest first; libraries hide some among their arguments."""
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        link = waiting.pop(0)
        if isinstance(link, BaseException) and id(link) not in seen:
            seen.add(id(link))
            yield link
            waiting += [link.__cause__, link.__context__, getattr(link, "reason", None), *link.args]
