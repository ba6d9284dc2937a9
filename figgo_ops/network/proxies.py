"""The proxy of the surroundings: whether one applies, and whether it lets us through."""

import socket
from base64 import b64encode
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from figgo_ops.causes import Cause, cause_of
from figgo_ops.checks import SUPPORT
from figgo_ops.network.lines import Target, addresses, close, connected, head
from figgo_ops.network.trouble import Trouble, shown

LOOPBACK = ("localhost", "127.0.0.1", "::1")
_NO_WAY = (502, 503, 504)
_LET_THROUGH = "Have the proxy let this machine through to {target}, or name the host in NO_PROXY."


@dataclass(frozen=True, slots=True)
class Proxy:
    """Who stands between us and the service.

    Attributes:
        log_on: name and password as its address in the surroundings holds them; never shown.
    """

    at: Target
    log_on: str = field(default="", repr=False)

    def __str__(self) -> str:
        """Without its password."""
        return str(self.at)


def proxy_of(target: Target) -> Proxy | None:
    """The proxy that this machine's surroundings name for a host; None when the way is direct.

    Raises:
        Trouble: they name one of a kind that cannot be used.
    """
    named = getproxies()
    url = named.get("https") or named.get("all") or ""
    if not url or target.host in LOOPBACK or proxy_bypass(str(target)):
        return None
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        port = parts.port or 80
    except ValueError:
        raise _unusable("an address that cannot be read") from None
    # Not every library here can wrap TLS in TLS, or speaks SOCKS.
    if parts.scheme != "http" or not parts.hostname:
        raise _unusable(f"one of a kind that cannot be used ({parts.scheme or 'none'}://)")
    return Proxy(Target(parts.hostname, port), _log_on(parts.username, parts.password))


def tunnel(proxy: Proxy, target: Target, timeout: float) -> socket.socket:
    """A line through the proxy to the service.

    Raises:
        Trouble: the proxy cannot be reached, or does not let us through.
    """
    try:
        line = connected(addresses(proxy.at, timeout), timeout)
    except OSError as error:
        raise _unreachable(proxy, cause_of(error).said) from error
    try:
        _asked(line, proxy, target, timeout)
    except BaseException:
        close(line)
        raise
    return line


def _asked(line: socket.socket, proxy: Proxy, target: Target, timeout: float) -> None:
    words = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    if proxy.log_on:
        words.append(f"Proxy-Authorization: Basic {proxy.log_on}")
    try:
        answer = head(line, "\r\n".join([*words, "", ""]).encode("ascii"), timeout)
    except OSError as error:
        raise _unreachable(proxy, cause_of(error).said) from error
    status = _status(answer)
    if status is None:
        what = "what answers there is no proxy" if answer else "it cut the connection"
        raise _unreachable(proxy, what, shown(answer[:80]))
    if not 200 <= status < 300:
        raise _denied(proxy, target, status, shown(answer.split(b"\r\n")[0]))


def _status(answer: bytes) -> int | None:
    first = answer.split(b"\r\n")[0].split(maxsplit=2)
    known = len(first) > 1 and first[0].startswith(b"HTTP/") and first[1].isdigit()
    return int(first[1]) if known else None


def _denied(proxy: Proxy, target: Target, status: int, line: str) -> Trouble:
    remedy = _LET_THROUGH.format(target=target)
    if status == 407 and proxy.log_on:
        said = f"the proxy {proxy} refuses the log-on that HTTPS_PROXY holds"
        return Trouble(
            Cause(said, "Correct name and password in HTTPS_PROXY.", "proxy-password"), SUPPORT, line
        )
    if status == 407:
        return Trouble(
            Cause(f"the proxy {proxy} wants a log-on of its own", remedy, "proxy-log-on"), seen=line
        )
    if status in _NO_WAY:
        said = f"the proxy {proxy} finds no way to {target}"
        remedy = (
            "Check the host in the url; if it is right, have whoever runs the proxy look at its DNS and way."
        )
        return Trouble(Cause(said, remedy, "proxy-no-way"), seen=line)
    return Trouble(Cause(f"the proxy {proxy} does not let us through", remedy, "proxy-refused"), seen=line)


def _unreachable(proxy: Proxy, what: str, seen: str = "") -> Trouble:
    said = f"the proxy {proxy} of this machine's surroundings cannot be used: {what}"
    remedy = "Correct HTTPS_PROXY, or have the proxy brought back."
    return Trouble(Cause(said, remedy, "proxy-unreachable"), seen=seen)


def _unusable(what: str) -> Trouble:
    remedy = "Name the proxy as http://HOST:PORT in HTTPS_PROXY, or the host in NO_PROXY."
    return Trouble(Cause(f"HTTPS_PROXY names {what}", remedy, "proxy-unusable"), SUPPORT)


def _log_on(user: str | None, password: str | None) -> str:
    if user is None:
        return ""
    return b64encode(f"{unquote(user)}:{unquote(password or '')}".encode()).decode("ascii")
