"""One walk to one service; each step stands on the one before it."""

import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Literal
from urllib.parse import urlsplit

from figgo_ops.causes import Cause, cause_of
from figgo_ops.checks import NETWORK, SUPPORT, Check, Deadline, of
from figgo_ops.errors import UsageError
from figgo_ops.network import certificates
from figgo_ops.network.certificates import Leaf, leaf
from figgo_ops.network.lines import Address, Target, addresses, connected, own_address, place
from figgo_ops.network.proxies import Proxy, proxy_of, tunnel
from figgo_ops.network.skew import HARMFUL, NOTICED, Told, told
from figgo_ops.network.talks import Talk, refused_client, unencrypted
from figgo_ops.network.trouble import Trouble, shown
from figgo_ops.pacing import Clock
from figgo_ops.transport import checked_host, trusted

STEPS = ("DNS", "connection", "certificate", "clock")

_DATES = (9, 10)  # OpenSSL's numbers for a certificate that is not valid yet, or no more
_HEAD = "HEAD / HTTP/1.1\r\nHost: {host}\r\nUser-Agent: figgo-ops\r\nAccept: */*\r\nConnection: close\r\n\r\n"
_REACH: dict[str, tuple[str, str]] = {
    "dns-unknown": (SUPPORT, "Correct the host in the url; if it is right, have its name published in DNS."),
    "port-refused": (SUPPORT, "Correct host and port in the url; if right, have the server started there."),
    "port-silent": (
        NETWORK,
        "Have the firewalls on both sides let this machine through; check the url's port.",
    ),
    "cut": (NETWORK, "Have both sides' firewalls asked who ends this connection."),
    "no-route": (NETWORK, "Check this machine's network, and firewalls that say no."),
}
"""Who acts when a service cannot be reached, and how."""


@dataclass(slots=True)
class Way:
    """What is found out about the way to one service, as it is walked.

    Attributes:
        machine: whether the authorities that this machine trusts count as usual ones too.
        runs: who runs the server.
        step: where the walk is.
        seen_as: our address as far as it can be seen from here.
        deadline: when the certificate ends.
        theirs: what is to be said in place of ours being wrong, if every other clock agrees with ours.
    """

    service: str
    url: str
    clock: Clock
    ca_file: str | None
    timeout: float
    machine: bool
    runs: str
    step: str = field(default="DNS", init=False)
    seen_as: str = field(default="", init=False)
    deadline: Deadline | None = field(default=None, init=False)
    theirs: Check | None = field(default=None, init=False)
    _target: Target = field(default=Target("", 443), init=False)
    _proxy: Proxy | None = field(default=None, init=False)
    _addresses: list[Address] = field(default_factory=list, init=False)
    _told: Told | None = field(default=None, init=False)

    def walk(self) -> Iterator[Check]:
        """Every step that succeeds; `step` says which one does not.

        Raises:
            Trouble: a step found something wrong.
            UsageError: the url, or the file of the authority, cannot be used.
        """
        self._target = _target(self.service, self.url)
        self.step = "proxy"
        self._proxy = proxy_of(self._target)
        self.step = "DNS"
        yield self._look_up()
        with self._proxied() if self._proxy else self._connected() as line:
            if self._proxy:
                yield self._check("ok", f"the proxy {self._proxy} lets us through")
                self.step = "connection"
            yield self._check("ok", f"connected{self._through}", seen=self._ends(line))
            self.step = "certificate"
            talk = Talk(line, self._trusted(), self._target.host, self.timeout)
            yield self._encrypted(talk)
            self.step = "clock"
            yield self._compared(talk)

    def failed(self, trouble: Trouble) -> Check:
        """The check of the step that ended the walk."""
        said = f"{self._target}: {trouble.cause.said}"
        return self._wrong("failed", Cause(said, *_rest(trouble.cause)), trouble.who, trouble.seen)

    def unusable(self, error: UsageError) -> Check:
        """The check of the step that had nothing to go by."""
        return of(f"{self.service}: {self.step}", error, tried=self._tried())

    def timed(self) -> Iterator[Check]:
        """The check of the clock where the service told its time although its certificate was refused."""
        if self.step == "certificate" and self._told is not None:
            self.step = "clock"
            yield self._judged(self._told)

    def _look_up(self) -> Check:
        if self._proxy:
            return self._check("skipped", f"the proxy {self._proxy} looks the name up")
        try:
            self._addresses = addresses(self._target, self.timeout)
        except OSError as error:
            raise _lost(error) from error
        found = ", ".join(dict.fromkeys(str(address[0]) for _, address in self._addresses))
        return self._check("ok", f"{self._target.host} is {found}")

    def _proxied(self) -> socket.socket:
        self.step, self.seen_as = "proxy", f"that of the proxy {self._proxy}"
        return self._again()

    def _connected(self) -> socket.socket:
        self.step, self.seen_as = "connection", _visible(own_address(self._addresses))
        try:
            return self._again()
        except OSError as error:
            raise _lost(error) from error

    def _again(self) -> socket.socket:
        if self._proxy:
            return tunnel(self._proxy, self._target, self.timeout)
        return connected(self._addresses, self.timeout)

    def _trusted(self) -> ssl.SSLContext:
        context = trusted(self.service, self.ca_file, machine=self.machine)
        context.hostname_checks_common_name = False  # as urllib3 has it, through which Exchange is asked
        return context

    def _encrypted(self, talk: Talk) -> Check:
        try:
            talk.handshake()
        except ssl.SSLCertVerificationError as error:
            raise self._refused(error) from error
        except OSError as error:
            raise unencrypted(talk, error, self.runs) from error
        own = leaf(talk.sent()[0])
        if own is None:
            return self._check("ok", f"trusted, {talk.version}")
        if own.own:
            raise certificates.vouching(own, self.runs)
        return self._good(own, f"{own}; {talk.version}")

    def _good(self, own: Leaf, seen: str) -> Check:
        what = f"the certificate of {_brief(self._target)}"
        remedy = "Have whoever runs the server renew it before that day."
        self.deadline = Deadline(what, own.last_day, remedy, self.runs, "certificate-ends")
        now = self.clock.now()
        if not own.ending(now):
            return self._check("ok", f"good until {own.last_day}", seen=seen)
        left = (own.last_day - now.date()).days
        cause = Cause(f"{what} ends on {own.last_day}, in {left} days", remedy, "certificate-ends")
        return self._wrong("warning", cause, self.runs, seen)

    def _refused(self, error: ssl.SSLCertVerificationError) -> Trouble:
        sent, time = self._unchecked(dated=error.verify_code in _DATES)
        leaves = [one for one in map(leaf, sent) if one]
        trouble = certificates.refused(error, leaves, self._trusted(), self.ca_file, self.runs)
        if not leaves:
            return trouble
        own = leaves[0]
        if time and own.begins <= time.at <= own.ends and abs(time.ahead) > HARMFUL:
            self._told = time
            said = f"its certificate is good; this machine's clock, {time.words}, takes it for a bad one"
            return Trouble(Cause(said, f"{time.remedy}.", "clock"), SUPPORT, str(own))
        if self._decrypted(sent[0], trouble.cause):
            by = f"the proxy {self._proxy}" if self._proxy else "something between here and there"
            return Trouble(certificates.decrypting(own, by), NETWORK, str(own))
        return trouble

    def _unchecked(self, *, dated: bool) -> tuple[list[bytes], Told | None]:
        """The certificates of the other side, whatever they are worth, and the time it tells."""
        try:
            with self._again() as line:
                talk = Talk(line, _believing_all(), self._target.host, self.timeout)
                talk.handshake()
                return talk.sent(), self._time(talk) if dated else None
        except (OSError, Trouble):
            return [], None  # the refusal says enough by itself

    def _decrypted(self, sent: bytes, cause: Cause) -> bool:
        """Whether the certificate is somebody else's than the server's."""
        if cause.code not in certificates.FOREIGN:
            return False
        if self._proxy is None or certificates.is_vendor(self._target.host):
            return certificates.is_vendor(self._target.host)
        try:
            with connected(addresses(self._target, self.timeout), self.timeout) as line:
                talk = Talk(line, _believing_all(), self._target.host, self.timeout)
                talk.handshake()
                return talk.sent()[0] != sent
        except OSError:
            return False  # there is no way past the proxy, and so nothing to compare with

    def _compared(self, talk: Talk) -> Check:
        try:
            time = self._time(talk)
        except OSError as error:
            if cause := refused_client(error):
                raise Trouble(cause, self.runs, shown(str(error))) from error
            return self._check("skipped", f"no date to compare with: {cause_of(error).said}")
        return self._judged(time) if time else self._check("skipped", "no date to compare with in the answer")

    def _time(self, talk: Talk) -> Told | None:
        before = self.clock.now()
        answer = talk.ask(_HEAD.format(host=_brief(self._target)).encode("ascii"))
        if answer and not answer.startswith(b"HTTP/"):
            cause = Cause(
                "what answers there is no web service", "Correct host and port in the url.", "wrong-url"
            )
            raise Trouble(cause, SUPPORT, shown(answer.split(b"\r\n")[0]))
        return told(answer, before, self.clock.now())

    def _judged(self, time: Told) -> Check:
        off, host = abs(time.ahead), self._target.host
        if off <= NOTICED:
            return self._check("ok", "the same time there as here", seen=time.seen)
        said = f"this machine's clock is {time.words}, as {host} sees it"
        remedy = f"{time.remedy}; if all other services agree with it, have the clock of {host} set."
        status: Literal["failed", "warning"] = "failed" if off > HARMFUL else "warning"
        wrong = f"the clock of {host} is {time.theirs}: all other services agree with this machine's"
        mend = f"Have the clock of {host} set, and follow a time server."
        self.theirs = self._wrong(status, Cause(wrong, mend, "server-clock"), self.runs, time.seen)
        return self._wrong(status, Cause(said, remedy, "clock"), SUPPORT, time.seen)

    @property
    def _through(self) -> str:
        return f" through the proxy {self._proxy}" if self._proxy else ""

    def _ends(self, line: socket.socket) -> str:
        ours, theirs = line.getsockname(), line.getpeername()
        if not self._proxy:
            self.seen_as = _visible(str(ours[0]))
        return f"from {ours[0]} to {place(theirs)}"

    def _check(self, status: Literal["ok", "skipped"], good: str, seen: str = "") -> Check:
        return Check(f"{self.service}: {self.step}", status, good, tried=self._tried(), seen=seen)

    def _wrong(self, status: Literal["failed", "warning"], cause: Cause, who: str, seen: str) -> Check:
        name, tried = f"{self.service}: {self.step}", self._tried()
        return Check(name, status, cause.said, cause.remedy, who, cause.code, tried, seen)

    def _tried(self) -> str:
        at = self._target
        return {
            "DNS": f"looked up {at.host or 'the host of the url'}",
            "proxy": f"asked the proxy {self._proxy} for {at}",
            "connection": f"connected to {at}",
            "certificate": f"began TLS with {at}{self._through}",
            "clock": f"sent HEAD / to {at}, without credential, and read the date of the answer",
        }[self.step]


def _target(service: str, url: str) -> Target:
    parts = urlsplit(f"//{checked_host(service, url)}")
    return Target(parts.hostname or "", parts.port or 443)


def _brief(target: Target) -> str:
    """Host and port as a browser says them."""
    return str(target).removesuffix(":443")


def _rest(cause: Cause) -> tuple[str, str]:
    return cause.remedy, cause.code


def _lost(error: OSError) -> Trouble:
    cause = cause_of(error)
    who, remedy = _REACH.get(cause.code, (NETWORK, cause.remedy))
    return Trouble(Cause(cause.said, remedy, cause.code), who, shown(str(error)))


def _visible(ours: str) -> str:
    """Our address, with a word where others see another one."""
    address = ip_address(ours.partition("%")[0]) if ours else None
    if address and address.is_private and not address.is_loopback:
        return f"{ours} here, and another one outside if this network translates it"
    return ours


def _believing_all() -> ssl.SSLContext:
    """To read a certificate that was refused; nothing but a question without credential goes through it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
