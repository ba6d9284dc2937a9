"""What is found on the way to a service: each obstacle by its own cause, and nothing secret sent."""

import errno
import random
import socket
import ssl
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from figgo_ops.causes import cause_of
from figgo_ops.checks import CUSTOMER, NETWORK, SUPPORT, Check, Deadline
from figgo_ops.network import Looked, look, restricted
from figgo_ops.network.certificates import leaf
from figgo_ops.network.lines import Target, connected, own_address
from figgo_ops.network.proxies import proxy_of
from figgo_ops.network.skew import spelt, told
from figgo_ops.sandbox import Rehearsal
from figgo_ops.transport import SystemClock, trusted
from tests import doors
from tests.doors import DAY, NAMES, Door, Pair, Receive, mint, name

NOW = datetime.now(UTC).replace(microsecond=0)
SECOND = timedelta(seconds=1)
STEPS = ["DNS", "connection", "certificate", "clock"]
VARIABLES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY")
QUICK = 0.3
"""Seconds for what never answers."""


class Still:
    """A clock that stands."""

    def __init__(self, at: datetime = NOW) -> None:
        self.at = at

    def monotonic(self) -> float:
        return 0.0

    def now(self) -> datetime:
        return self.at

    def sleep(self, seconds: float) -> None:
        raise AssertionError("nothing here waits for its turn")


class Stage:
    """An authority, servers with certificates of it, and what is seen of them."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder, self._stack = folder, stack
        self.root = mint(name("Corail root", "Corail"))
        self.ca_file = folder / "root.pem"
        self.ca_file.write_bytes(self.root.pem)

    def door(self, receive: Receive) -> Door:
        return self._stack.enter_context(doors.door(receive))

    def leaf(self, issuer: Pair | None = None, names: Sequence[str] = NAMES, **days: Any) -> Pair:
        return mint(name(names[0]), issuer or self.root, names=names, **days)

    def web(self, *chain: Pair, **options: Any) -> Door:
        """A server that shows this chain, a good one by default."""
        shown = doors.context(self.folder, *(chain or (self.leaf(),)))
        heard: list[bytes] = []
        made = self.door(doors.web(shown, heard, **options))
        made.heard = heard
        return made

    def look(self, at: Door | str, clock: Still | None = None, **options: Any) -> Looked:
        """Look at a server and hold what every check must have."""
        url = at.url if isinstance(at, Door) else at
        looked = look("Figgo", url, clock=clock or Still(), **{"ca_file": str(self.ca_file)} | options)
        hold(looked)
        return looked


def hold(looked: Looked) -> None:
    """Every check says what was tried, and one that is not good all that a person needs."""
    names = [check.name for check in looked.checks]
    assert len(set(names)) == len(names)
    for check in looked.checks:
        assert check.name.startswith("Figgo: ")
        if check.clean:
            assert (check.code, check.remedy, check.who) == ("", "", "")
            assert check.cause
        else:
            assert all((check.cause, check.remedy, check.who, check.code, check.tried)), check
            assert check.remedy.endswith(".")


def failed(looked: Looked) -> Check:
    """The one check that failed, all after it skipped and all before it good."""
    wrong = [check for check in looked.checks if check.status == "failed"]
    assert len(wrong) == 1, looked.checks
    at = looked.checks.index(wrong[0])
    assert all(check.clean for check in looked.checks[:at])
    assert [check.cause for check in looked.checks[at + 1 :]] == [f"see {wrong[0].name}"] * (
        len(looked.checks) - at - 1
    )
    assert not looked.open
    return wrong[0]


def at(looked: Looked, step: str) -> Check:
    return next(check for check in looked.checks if check.name == f"Figgo: {step}")


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with ExitStack() as stack:
        yield Stage(tmp_path, stack)


@pytest.fixture(autouse=True)
def direct(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy of whoever runs the tests."""
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
        monkeypatch.delenv(variable.lower(), raising=False)


@pytest.fixture
def dns(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[tuple[str, int]]]:
    """Names that only this test knows; the others are nobody's."""
    known: dict[str, list[tuple[str, int]]] = {}
    real = socket.getaddrinfo

    def resolve(host: str, port: int, *more: Any, **options: Any) -> Any:
        if host in ("localhost", "127.0.0.1"):
            return real(host, port, *more, **options)
        if host not in known:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", there) for there in known[host]]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return known


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        return int(busy.getsockname()[1])


class TestAGoodWay:
    def test_every_step_is_told_in_order(self, stage: Stage) -> None:
        server = stage.web(fields=doors.date(NOW))
        looked = stage.look(server)
        assert [check.name for check in looked.checks] == [f"Figgo: {step}" for step in STEPS]
        assert [check.status for check in looked.checks] == ["ok"] * 4
        assert looked.open
        assert "127.0.0.1" in at(looked, "DNS").cause
        assert at(looked, "connection").seen == f"from 127.0.0.1 to 127.0.0.1:{server.port}"
        assert "issued by Corail root of Corail" in at(looked, "certificate").seen
        assert "TLSv1.3" in at(looked, "certificate").seen
        assert looked.seen_as == "127.0.0.1"

    def test_one_question_is_asked_and_it_holds_no_credential(self, stage: Stage) -> None:
        server = stage.web(fields=doors.date(NOW))
        stage.look(f"{server.url}/EWS/Exchange.asmx")
        assert len(server.heard) == 1
        line, *fields = server.heard[0].decode().rstrip().split("\r\n")
        assert line == "HEAD / HTTP/1.1"
        assert sorted(fields) == [
            "Accept: */*",
            "Connection: close",
            f"Host: localhost:{server.port}",
            "User-Agent: figgo-ops",
        ]

    def test_the_rehearsal_company_is_reached_whole_and_nobody_logs_on(self, tmp_path: Path) -> None:
        with Rehearsal(tmp_path / "home") as company:
            for url in company.urls.values():
                looked = look("Figgo", url, clock=SystemClock(), ca_file=str(company.ca_file))
                assert [check.status for check in looked.checks] == ["ok"] * 4, url
            assert {(entry.method, entry.path) for entry in company.log.entries()} == {("HEAD", "/")}
            assert company.exchange.gate.log_ons == 0

    def test_an_address_in_the_url_needs_no_name(self, stage: Stage) -> None:
        server = stage.web(fields=doors.date(NOW))
        assert stage.look(f"https://127.0.0.1:{server.port}").open

    def test_the_end_of_the_certificate_is_a_deadline(self, stage: Stage) -> None:
        ends = datetime(2099, 5, 4, 12, tzinfo=UTC)
        server = stage.web(stage.leaf(ends=ends))
        looked = stage.look(server, runs="the hosting team")
        assert looked.deadline == Deadline(
            f"the certificate of localhost:{server.port}",
            date(2099, 5, 3),
            "Have whoever runs the server renew it before that day.",
            "the hosting team",
            "certificate-ends",
        )
        assert "2099-05-03" in at(looked, "certificate").cause


class TestNames:
    def test_a_name_that_nobody_has(self, stage: Stage, dns: dict[str, Any]) -> None:
        check = failed(stage.look("https://nobody.example"))
        assert (check.name, check.code, check.who) == ("Figgo: DNS", "dns-unknown", SUPPORT)
        assert "nobody.example" in check.cause

    def test_a_name_that_cannot_be_one(self, stage: Stage) -> None:
        assert failed(stage.look("https://two..dots")).code == "dns-unknown"

    @pytest.mark.parametrize("number", [socket.EAI_AGAIN, socket.EAI_FAIL])
    def test_a_resolver_out_of_reach_is_not_a_wrong_name(
        self, stage: Stage, monkeypatch: pytest.MonkeyPatch, number: int
    ) -> None:
        def unanswered(*_: Any, **__: Any) -> Any:
            raise socket.gaierror(number, "Temporary failure in name resolution")

        monkeypatch.setattr(socket, "getaddrinfo", unanswered)
        check = failed(stage.look("https://acme.example"))
        assert (check.name, check.code, check.who) == ("Figgo: DNS", "dns-silent", NETWORK)

    def test_a_resolver_that_never_answers_is_not_waited_for(
        self, stage: Stage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        over = threading.Event()

        def unanswered(*_: Any, **__: Any) -> Any:
            over.wait()
            return []

        monkeypatch.setattr(socket, "getaddrinfo", unanswered)
        try:
            assert failed(stage.look("https://acme.example", timeout=0.05)).code == "dns-silent"
        finally:
            over.set()

    def test_a_url_that_is_none_is_a_mistake_of_the_tenant_file(self, stage: Stage) -> None:
        check = failed(stage.look("http://acme.example"))
        assert (check.name, check.code, check.who) == ("Figgo: DNS", "url", SUPPORT)


class TestPorts:
    def test_a_port_where_nobody_listens(self, stage: Stage) -> None:
        port = closed_port()
        check = failed(stage.look(f"https://localhost:{port}"))
        assert (check.name, check.code, check.who) == ("Figgo: connection", "port-refused", SUPPORT)
        assert f"localhost:{port}" in check.cause

    def test_a_port_that_swallows_every_knock(self, stage: Stage) -> None:
        """A full queue answers nobody, as a firewall that drops."""
        with ExitStack() as stack:
            full = stack.enter_context(socket.socket())
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            for _ in range(4):
                waiting = stack.enter_context(socket.socket())
                waiting.setblocking(False)
                assert waiting.connect_ex(full.getsockname()) in (0, errno.EINPROGRESS)
            check = failed(stage.look(f"https://localhost:{full.getsockname()[1]}", timeout=QUICK))
        assert (check.name, check.code, check.who) == ("Figgo: connection", "port-silent", NETWORK)

    @pytest.mark.allow_hosts(["127.0.0.1", "255.255.255.255"])
    def test_where_no_way_leads(self, stage: Stage) -> None:
        """The kernel itself refuses to connect to everybody at once; nothing leaves this machine."""
        check = failed(stage.look("https://255.255.255.255"))
        assert (check.name, check.code, check.who) == ("Figgo: connection", "no-route", NETWORK)

    def test_another_address_of_the_same_name_will_do(
        self, stage: Stage, dns: dict[str, list[tuple[str, int]]]
    ) -> None:
        server = stage.web(stage.leaf(names=["two.example"]), fields=doors.date(NOW))
        dns["two.example"] = [("127.0.0.1", closed_port()), ("127.0.0.1", server.port)]
        assert stage.look("https://two.example").open

    @pytest.mark.allow_hosts(["127.0.0.1", "255.255.255.255"])
    def test_of_two_obstacles_the_nearer_one_is_told(self) -> None:
        """A machine without IPv6 has no way there, whatever is wrong with the server."""
        nowhere, closed = ("255.255.255.255", 443), ("127.0.0.1", closed_port())
        for among in ([nowhere, closed], [closed, nowhere]):
            with pytest.raises(ConnectionRefusedError):
                connected([(socket.AF_INET, one) for one in among], QUICK)

    @pytest.mark.allow_hosts(["127.0.0.1", "::1"])
    def test_a_family_of_addresses_that_leads_nowhere_hides_no_other_one(self, stage: Stage) -> None:
        """Google and Microsoft give many addresses of each family; one may lead nowhere."""
        server, off = stage.web(), 99
        among = [(off, ("::1", 443, 0, 0))] * 8 + [(socket.AF_INET, ("127.0.0.1", server.port))]
        connected(among, QUICK).close()
        assert own_address(among) == "127.0.0.1"


def old_tls(shown: ssl.SSLContext) -> ssl.SSLContext:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        shown.minimum_version = ssl.TLSVersion.TLSv1
        shown.maximum_version = ssl.TLSVersion.TLSv1_1
    shown.set_ciphers("ALL:@SECLEVEL=0")
    return shown


OLD_HELLO = bytes.fromhex("160301002a020000260301" + "5a" * 32 + "00002f00")


class TestEncryption:
    @pytest.mark.parametrize(
        ("receive", "code", "who"),
        [
            (doors.saying(b"HTTP/1.1 400 Bad Request\r\n\r\nno"), "tls-none", SUPPORT),
            (doors.saying(b"220 mail.acme.example ESMTP\r\n", first=True), "tls-none", SUPPORT),
            (doors.saying(bytes.fromhex("15030100020246")), "tls-old", CUSTOMER),
            (doors.saying(OLD_HELLO), "tls-old", CUSTOMER),
            (doors.saying(bytes.fromhex("15030300020228")), "tls-failed", CUSTOMER),
            (doors.resetting, "cut", NETWORK),
            (doors.hanging_up, "cut", NETWORK),
            (doors.silent, "tls-silent", NETWORK),
            (doors.dripping(bytes.fromhex("1603034000")), "tls-silent", NETWORK),
        ],
        ids=["plain HTTP", "speaks first", "alert about the version", "old hello", "no cipher in common",
             "reset", "hang-up", "silence", "drip"],
    )  # fmt: skip
    def test_what_is_no_tls_of_ours_is_told_apart(
        self, stage: Stage, receive: Receive, code: str, who: str
    ) -> None:
        check = failed(stage.look(stage.door(receive), timeout=QUICK))
        assert (check.name, check.code, check.who) == ("Figgo: certificate", code, who)

    def test_what_answered_in_place_of_tls_is_shown(self, stage: Stage) -> None:
        server = stage.door(doors.saying(b"HTTP/1.1 400 \x1b[31mBad\r\nX: y\r\n\r\n"))
        assert failed(stage.look(server)).seen == "HTTP/1.1 400  [31mBad"

    def test_a_server_that_knows_old_versions_only(self, stage: Stage) -> None:
        shown = old_tls(doors.context(stage.folder, stage.leaf()))
        assert failed(stage.look(stage.door(doors.web(shown)))).code == "tls-old"

    def test_a_server_that_wants_to_see_our_certificate(self, stage: Stage) -> None:
        shown = doors.context(stage.folder, stage.leaf())
        shown.verify_mode = ssl.CERT_REQUIRED
        shown.load_verify_locations(stage.ca_file)

        def receive(connection: socket.socket) -> None:
            line = shown.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
            plain = socket.socket(fileno=line.fileno())
            try:
                with pytest.raises(ssl.SSLError):
                    line.do_handshake()
                doors.until_closed(plain)  # a reset would swallow the alert
            finally:
                plain.detach()
                line.close()

        check = failed(stage.look(stage.door(receive)))
        assert (check.name, check.code, check.who) == ("Figgo: clock", "client-certificate", CUSTOMER)


class TestCertificates:
    def test_one_that_has_expired(self, stage: Stage) -> None:
        server = stage.web(stage.leaf(begins=NOW - 90 * DAY, ends=NOW - DAY), fields=doors.date(NOW))
        check = failed(stage.look(server))
        assert (check.code, check.who) == ("certificate-expired", CUSTOMER)
        assert f"{NOW - DAY:%Y-%m-%d}" in check.cause
        assert "issued by Corail root of Corail" in check.seen

    def test_a_server_that_is_a_little_slow_does_not_excuse_it(self, stage: Stage) -> None:
        fields = doors.date(NOW - 90 * SECOND)
        server = stage.web(stage.leaf(begins=NOW - 90 * DAY, ends=NOW - 60 * SECOND), fields=fields)
        assert failed(stage.look(server)).code == "certificate-expired"

    def test_one_of_the_future(self, stage: Stage) -> None:
        server = stage.web(stage.leaf(begins=NOW + 2 * DAY), fields=doors.date(NOW))
        check = failed(stage.look(server))
        assert (check.code, check.who) == ("certificate-not-yet", CUSTOMER)
        assert f"{NOW + 2 * DAY:%Y-%m-%d}" in check.cause

    def test_one_for_another_name_says_for_which(self, stage: Stage) -> None:
        server = stage.web(stage.leaf(names=["mail.corail.example", "autodiscover.corail.example"]))
        check = failed(stage.look(server))
        assert (check.code, check.who) == ("certificate-other-name", SUPPORT)
        assert "mail.corail.example, autodiscover.corail.example" in check.cause

    def test_one_that_names_its_host_in_the_old_way_alone(self, stage: Stage) -> None:
        """What asks Exchange takes no such certificate, though Python itself would."""
        check = failed(stage.look(stage.web(mint(name(NAMES[0]), stage.root, names=NAMES, old=True))))
        assert (check.name, check.code) == ("Figgo: certificate", "certificate-other-name")
        assert "no alternative names" in check.cause

    def test_one_for_the_name_where_the_url_has_the_address(self, stage: Stage) -> None:
        server = stage.web(stage.leaf(names=["localhost"]))
        assert failed(stage.look(f"https://127.0.0.1:{server.port}")).code == "certificate-other-name"

    def test_one_that_vouches_for_itself(self, stage: Stage) -> None:
        server = stage.web(mint(name("Microsoft Exchange"), names=NAMES))
        check = failed(stage.look(server))
        assert (check.code, check.who) == ("certificate-self-signed", CUSTOMER)
        assert "ca_file" not in check.remedy

    def test_one_that_vouches_for_itself_is_not_made_good_by_naming_it(self, stage: Stage) -> None:
        own = mint(name("Microsoft Exchange"), names=NAMES)
        (stage.folder / "own.pem").write_bytes(own.pem)
        looked = stage.look(stage.web(own), ca_file=str(stage.folder / "own.pem"))
        assert failed(looked).code == "certificate-self-signed"
        assert looked.deadline is None

    @pytest.mark.parametrize("whole", [False, True])
    def test_one_of_an_authority_that_nobody_knows(self, stage: Stage, whole: bool) -> None:
        """Whether the server sends the authority along or not."""
        other = mint(name("Somebody else's authority", "Elsewhere"))
        server = stage.web(stage.leaf(other), *([other] if whole else []))
        check = failed(stage.look(server))
        assert (check.code, check.who) == ("certificate-unknown-authority", SUPPORT)
        assert "Somebody else's authority of Elsewhere" in check.cause
        assert str(stage.ca_file) in check.cause

    def test_a_private_authority_that_was_not_named(self, stage: Stage) -> None:
        check = failed(stage.look(stage.web(), ca_file=None))
        assert check.code == "certificate-unknown-authority"
        assert "Corail root" in check.cause
        assert "ca_file" in check.remedy

    def test_the_authorities_of_this_machine_count_where_they_should(
        self, stage: Stage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The usual ones are those of the library, the machine's own are where OpenSSL finds them."""
        store = ssl.get_default_verify_paths().openssl_cafile_env
        server = stage.web(fields=doors.date(NOW))
        usual = trusted("Figgo", None)
        monkeypatch.setattr("figgo_ops.transport.httpx.create_ssl_context", lambda: usual)
        monkeypatch.setenv(store, str(stage.ca_file))
        assert failed(stage.look(server, ca_file=None)).code == "certificate-unknown-authority"
        assert stage.look(server, ca_file=None, machine=True).open

    @pytest.mark.parametrize("domain", [(), ("corail", "example")])
    def test_a_missing_link_is_no_unknown_authority(self, stage: Stage, domain: Sequence[str]) -> None:
        """The link and the root are of one house: by organisation, or by domain."""
        house = "" if domain else "Corail"
        root = mint(name("The root", house, domain))
        link = mint(name("The link", house, domain), root)
        stage.ca_file.write_bytes(root.pem)
        own = stage.leaf(link)
        assert stage.look(stage.web(own, link, fields=doors.date(NOW))).open
        check = failed(stage.look(stage.web(own)))
        assert (check.code, check.who) == ("certificate-chain", CUSTOMER)
        assert "The link" in check.cause

    def test_another_root_of_the_same_house_is_no_missing_link(self, stage: Stage) -> None:
        newer = mint(name("Corail root 2", "Corail"))
        check = failed(stage.look(stage.web(stage.leaf(newer), newer)))
        assert check.code == "certificate-unknown-authority"

    def test_a_file_with_the_link_alone_is_good_or_wants_the_root(self, stage: Stage) -> None:
        """From Python 3.13 on a link that we know is enough."""
        link = mint(name("The link", "Corail"), stage.root)
        (stage.folder / "link.pem").write_bytes(link.pem)
        server = stage.web(stage.leaf(link), fields=doors.date(NOW))
        looked = stage.look(server, ca_file=str(stage.folder / "link.pem"))
        if not looked.open:
            check = failed(looked)
            assert check.code == "certificate-unknown-authority"
            assert "the root in it" in check.remedy

    def test_a_file_of_the_authority_that_is_not_there(self, stage: Stage) -> None:
        check = failed(stage.look(stage.web(), ca_file=str(stage.folder / "none.pem")))
        assert (check.name, check.code) == ("Figgo: certificate", "ca-file")
        assert "none.pem is missing" in check.cause

    def test_every_refusal_of_openssl_has_a_cause(self) -> None:
        for number in range(1, 100):
            error = ssl.SSLCertVerificationError("refused")
            error.verify_code, error.verify_message = number, "something"
            assert cause_of(error).code.startswith("certificate")

    @pytest.mark.parametrize(
        ("life", "left", "status"),
        [(400, 31, "ok"), (400, 29, "warning"), (90, 31, "ok"), (90, 29, "warning"), (45, 16, "ok"),
         (45, 14, "warning")],
    )  # fmt: skip
    def test_a_near_end_is_a_warning_and_what_machines_renew_is_given_its_time(
        self, stage: Stage, life: int, left: int, status: str
    ) -> None:
        ends = NOW + left * DAY
        server = stage.web(stage.leaf(begins=ends - life * DAY, ends=ends), fields=doors.date(NOW))
        looked = stage.look(server)
        check = at(looked, "certificate")
        assert check.status == status
        assert looked.open
        assert looked.deadline is not None
        if status == "warning":
            assert (check.code, check.who) == ("certificate-ends", CUSTOMER)
            assert f"in {left - 1} days" in check.cause

    def test_what_ends_at_midnight_works_on_the_day_before(self) -> None:
        def last(ends: datetime) -> date:
            der = mint(name("x"), names=["x"], ends=ends).certificate.public_bytes(serialization.Encoding.DER)
            read = leaf(der)
            assert read is not None
            return read.last_day

        assert last(datetime(2099, 1, 1, 0, 0, 0, tzinfo=UTC)) == date(2098, 12, 31)
        assert last(datetime(2098, 12, 31, 23, 59, 59, tzinfo=UTC)) == date(2098, 12, 31)
        assert last(datetime(2098, 12, 31, 23, 59, 58, tzinfo=UTC)) == date(2098, 12, 30)

    @pytest.mark.filterwarnings("ignore::UserWarning")  # the library has its opinions about such certificates
    def test_what_is_no_certificate_is_not_read_as_one(self) -> None:
        seed = random.randrange(10**6)
        print("seed", seed)
        rng = random.Random(seed)
        whole = mint(name("x"), names=["x"]).certificate.public_bytes(serialization.Encoding.DER)
        for _ in range(1000):
            assert leaf(whole[: rng.randrange(len(whole))]) is None
            spoilt = bytearray(whole)
            spoilt[rng.randrange(len(whole))] = rng.randrange(256)
            leaf(bytes(spoilt))


class TestClock:
    @pytest.mark.parametrize(
        ("ahead", "status", "words"),
        [
            (0, "ok", ""),
            (120, "ok", ""),
            (-121, "ok", ""),
            (121, "warning", "2 minutes 1 second behind"),
            (-122, "warning", "2 minutes 1 second ahead"),
            (300, "warning", "5 minutes behind"),
            (301, "failed", "5 minutes 1 second behind"),
            (-302, "failed", "5 minutes 1 second ahead"),
            (7 * 3600, "failed", "7 hours behind"),
        ],
    )
    def test_the_difference_is_judged_and_its_direction_told(
        self, stage: Stage, ahead: int, status: str, words: str
    ) -> None:
        looked = stage.look(stage.web(fields=doors.date(NOW + ahead * SECOND)))
        check = at(looked, "clock")
        assert check.status == status
        assert check.seen == f"Date: {doors.date(NOW + ahead * SECOND)['Date']}"
        if words:
            assert (check.code, check.who) == ("clock", SUPPORT)
            assert words in check.cause
            assert ("forward by" if ahead > 0 else "back by") in check.remedy
            assert words.rpartition(" ")[0] in check.remedy

    def test_the_age_of_a_cached_answer_is_counted(self, stage: Stage) -> None:
        fields = doors.date(NOW - 3600 * SECOND) | {"Age": "3600"}
        assert at(stage.look(stage.web(fields=fields)), "clock").status == "ok"

    def test_a_slow_answer_is_no_difference(self) -> None:
        head = f"HTTP/1.1 200 OK\r\nDate: {doors.date(NOW)['Date']}\r\n\r\n".encode()
        for passed in (0, 1, 60, 600):
            found = told(head, NOW - passed * SECOND, NOW + passed * SECOND)
            assert found is not None
            assert found.ahead == timedelta()

    @pytest.mark.parametrize(
        "fields", [{}, {"Date": "soon"}, {"Date": "Sun, 22 Nov 99999999999 12:00:30 GMT"}]
    )
    def test_an_answer_without_a_date_proves_nothing(self, stage: Stage, fields: dict[str, str]) -> None:
        looked = stage.look(stage.web(fields=fields))
        assert at(looked, "clock").status == "skipped"
        assert looked.open

    @pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\n"])
    def test_no_answer_or_half_of_one_is_left_to_the_real_questions(
        self, stage: Stage, answer: bytes
    ) -> None:
        """Some gates end every connection that asks for anything but the one path they publish."""
        looked = stage.look(stage.web(answer=answer), timeout=QUICK)
        assert at(looked, "clock").status == "skipped"
        assert looked.open

    def test_an_orderly_end_instead_of_an_answer_is_no_answer_either(self, stage: Stage) -> None:
        shown = doors.context(stage.folder, stage.leaf())

        def receive(connection: socket.socket) -> None:
            with shown.wrap_socket(connection, server_side=True) as line:
                doors.head_of(line)
                line.unwrap()

        looked = stage.look(stage.door(receive))
        assert at(looked, "clock").status == "skipped"
        assert looked.open

    def test_an_answer_that_comes_byte_by_byte_is_not_waited_for(self, stage: Stage) -> None:
        shown, stop = doors.context(stage.folder, stage.leaf()), threading.Event()
        sent: list[bytes] = []

        def receive(connection: socket.socket) -> None:
            with shown.wrap_socket(connection, server_side=True) as line:
                doors.head_of(line)
                while not stop.wait(QUICK / 3) and len(sent) < 60:
                    line.sendall(b"H")
                    sent.append(b"H")

        try:
            looked = stage.look(stage.door(receive), timeout=QUICK)
        finally:
            stop.set()
        assert at(looked, "clock").cause.endswith("it did not answer in time")
        assert len(sent) < 30, "the time is that of the whole answer, not of each byte"

    def test_what_speaks_no_http_is_another_service(self, stage: Stage) -> None:
        check = failed(stage.look(stage.web(answer=b"* OK IMAP4rev1 ready\r\n\r\n")))
        assert (check.name, check.code) == ("Figgo: clock", "wrong-url")
        assert "IMAP4rev1" in check.seen

    def test_a_clock_that_takes_a_good_certificate_for_an_expired_one(self, stage: Stage) -> None:
        """By the server's time the certificate is good: it is our clock that is a year ahead."""
        then = NOW - 365 * DAY
        server = stage.web(
            stage.leaf(begins=then - 30 * DAY, ends=then + 30 * DAY), fields=doors.date(then - SECOND)
        )
        looked = stage.look(server)
        certificate, clock = at(looked, "certificate"), at(looked, "clock")
        assert (certificate.status, certificate.code) == ("failed", "clock")
        assert (clock.status, clock.code) == ("failed", "clock")
        assert "365 days ahead" in clock.cause
        assert "back by 365 days" in certificate.remedy

    @pytest.mark.parametrize(
        ("seconds", "words"),
        [(0, "0 seconds"), (1, "1 second"), (61, "1 minute 1 second"), (3600, "1 hour"),
         (90061, "1 day 1 hour"), (172800, "2 days")],
    )  # fmt: skip
    def test_a_length_of_time_is_spelt_in_two_units(self, seconds: int, words: str) -> None:
        assert spelt(seconds * SECOND) == words


class TestProxies:
    @pytest.fixture
    def proxied(self, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Door]:
        """The surroundings name a proxy that receives so; by default one that knows these ways."""

        def set_up(
            ways: dict[str, int] | None = None, receive: Receive | None = None, log_on: str = ""
        ) -> Door:
            heard: list[bytes] = []
            made = stage.door(receive or doors.proxy(ways or {}, heard))
            made.heard = heard
            monkeypatch.setenv("HTTPS_PROXY", f"http://{log_on}127.0.0.1:{made.port}")
            return made

        return set_up

    def test_the_way_leads_through_it_and_it_looks_the_name_up(
        self, stage: Stage, proxied: Callable[..., Door], dns: dict[str, Any]
    ) -> None:
        server = stage.web(stage.leaf(names=["mail.corail.example"]), fields=doors.date(NOW))
        gate = proxied({"mail.corail.example": server.port})
        looked = stage.look("https://mail.corail.example")
        assert [check.name.removeprefix("Figgo: ") for check in looked.checks] == [
            "DNS", "proxy", "connection", "certificate", "clock",
        ]  # fmt: skip
        assert [check.status for check in looked.checks] == ["skipped", "ok", "ok", "ok", "ok"]
        assert gate.heard == [
            b"CONNECT mail.corail.example:443 HTTP/1.1\r\nHost: mail.corail.example:443\r\n\r\n"
        ]
        assert server.heard[0].startswith(b"HEAD / HTTP/1.1\r\nHost: mail.corail.example\r\n")
        assert f"127.0.0.1:{gate.port}" in looked.seen_as

    def test_this_machine_itself_is_never_behind_it(self, stage: Stage, proxied: Callable[..., Door]) -> None:
        gate = proxied()
        looked = stage.look(stage.web(fields=doors.date(NOW)))
        assert [check.name for check in looked.checks] == [f"Figgo: {step}" for step in STEPS]
        assert not gate.heard

    @pytest.mark.parametrize(
        "spared", ["corail.example", ".corail.example", "x.example,mail.corail.example:443", "*"]
    )
    def test_hosts_that_the_surroundings_spare_are_reached_directly(
        self,
        stage: Stage,
        proxied: Callable[..., Door],
        dns: dict[str, list[tuple[str, int]]],
        monkeypatch: pytest.MonkeyPatch,
        spared: str,
    ) -> None:
        server = stage.web(stage.leaf(names=["mail.corail.example"]), fields=doors.date(NOW))
        dns["mail.corail.example"] = [("127.0.0.1", server.port)]
        gate = proxied()
        monkeypatch.setenv("NO_PROXY", spared)
        assert stage.look("https://mail.corail.example").open
        assert not gate.heard

    @pytest.mark.parametrize(
        ("answer", "code", "who"),
        [
            (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "proxy-log-on", NETWORK),
            (b"HTTP/1.1 403 Forbidden by policy\r\n\r\n", "proxy-refused", NETWORK),
            (b"HTTP/1.0 405 Method Not Allowed\r\n\r\n", "proxy-refused", NETWORK),
            (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", "proxy-no-way", NETWORK),
            (b"HTTP/1.1 504 Gateway Timeout\r\n\r\n", "proxy-no-way", NETWORK),
            (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "proxy-unreachable", NETWORK),
        ],
    )
    def test_why_it_does_not_let_us_through_is_told_apart(
        self, stage: Stage, proxied: Callable[..., Door], answer: bytes, code: str, who: str
    ) -> None:
        proxied(receive=doors.saying(answer))
        check = failed(stage.look("https://mail.corail.example"))
        assert (check.name, check.code, check.who) == ("Figgo: proxy", code, who)
        assert check.seen == answer.decode().strip()

    @pytest.mark.parametrize(
        "receive", [doors.silent, doors.resetting, doors.hanging_up, doors.dripping(b"HTTP/1.1 200 OK\r\n")]
    )
    def test_one_that_does_not_answer_is_not_waited_for(
        self, stage: Stage, proxied: Callable[..., Door], receive: Receive
    ) -> None:
        proxied(receive=receive)
        assert failed(stage.look("https://mail.corail.example", timeout=QUICK)).code == "proxy-unreachable"

    @pytest.mark.parametrize("host", ["127.0.0.1", "nobody.example"])
    def test_one_that_is_not_there(
        self, stage: Stage, monkeypatch: pytest.MonkeyPatch, dns: dict[str, Any], host: str
    ) -> None:
        monkeypatch.setenv("HTTPS_PROXY", f"{host}:{closed_port()}")
        check = failed(stage.look("https://mail.corail.example"))
        assert check.code == "proxy-unreachable"
        assert host in check.cause

    @pytest.mark.parametrize(
        "url", ["socks5://127.0.0.1:1080", "https://127.0.0.1:3128", "http://", "http://a:b"]
    )
    def test_one_of_another_kind_cannot_be_used(
        self, stage: Stage, monkeypatch: pytest.MonkeyPatch, url: str
    ) -> None:
        monkeypatch.setenv("ALL_PROXY", url)
        check = failed(stage.look("https://mail.corail.example"))
        assert (check.name, check.code, check.who) == ("Figgo: proxy", "proxy-unusable", SUPPORT)

    def test_its_log_on_goes_to_it_alone_and_is_never_shown(
        self, stage: Stage, proxied: Callable[..., Door], dns: dict[str, Any]
    ) -> None:
        server = stage.web(stage.leaf(names=["mail.corail.example"]), fields=doors.date(NOW))
        gate = proxied({"mail.corail.example": server.port}, log_on="anne:s%40same-canary@")
        looked = stage.look("https://mail.corail.example")
        assert looked.open
        assert b"\r\nProxy-Authorization: Basic YW5uZTpzQHNhbWUtY2FuYXJ5\r\n" in gate.heard[0]
        assert b"uthorization" not in server.heard[0]
        kept = repr(looked), repr(proxy_of(Target("mail.corail.example", 443)))
        assert not any(part in text for part in ("canary", "YW5uZTpz") for text in kept)

    def test_a_log_on_that_it_refuses_is_another_matter_than_none(
        self, stage: Stage, proxied: Callable[..., Door]
    ) -> None:
        answer = b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"
        proxied(receive=doors.saying(answer), log_on="anne:canary@")
        looked = stage.look("https://mail.corail.example")
        assert (failed(looked).code, failed(looked).who) == ("proxy-password", SUPPORT)
        assert "canary" not in repr(looked)

    def test_one_that_decrypts_what_a_vendor_sends(
        self, stage: Stage, proxied: Callable[..., Door], dns: dict[str, Any]
    ) -> None:
        inspector = mint(name("Zscaler Intermediate Root CA", "Zscaler Inc."))
        gate = stage.web(stage.leaf(inspector, names=["acme.ilucca.net"]))
        proxied({"acme.ilucca.net": gate.port})
        check = failed(stage.look("https://acme.ilucca.net", ca_file=None))
        assert (check.name, check.code, check.who) == ("Figgo: certificate", "proxy-inspects", NETWORK)
        assert "issued by Zscaler Intermediate Root CA of Zscaler Inc." in check.cause

    def test_something_unseen_on_the_way_that_decrypts(
        self, stage: Stage, dns: dict[str, list[tuple[str, int]]]
    ) -> None:
        inspector = mint(name("Firewall CA"))
        gate = stage.web(stage.leaf(inspector, names=["www.googleapis.com"]))
        dns["www.googleapis.com"] = [("127.0.0.1", gate.port)]
        assert failed(stage.look("https://www.googleapis.com", ca_file=None)).code == "proxy-inspects"

    def test_a_vendor_s_own_bad_certificate_is_nobody_s_decrypting(
        self, stage: Stage, dns: dict[str, list[tuple[str, int]]]
    ) -> None:
        old = stage.leaf(names=["graph.microsoft.com"], begins=NOW - 90 * DAY, ends=NOW - DAY)
        dns["graph.microsoft.com"] = [("127.0.0.1", stage.web(old, fields=doors.date(NOW)).port)]
        assert failed(stage.look("https://graph.microsoft.com")).code == "certificate-expired"

    @pytest.mark.parametrize(
        ("directly", "code"),
        [
            ("another", "proxy-inspects"),
            ("the same", "certificate-unknown-authority"),
            ("nothing", "certificate-unknown-authority"),
        ],
    )
    def test_at_a_customer_s_own_host_a_look_past_it_decides(
        self,
        stage: Stage,
        proxied: Callable[..., Door],
        dns: dict[str, list[tuple[str, int]]],
        directly: str,
        code: str,
    ) -> None:
        """A private authority that was not named looks the same as a proxy that decrypts."""
        host = "mail.corail.example"
        through = stage.web(stage.leaf(mint(name("Unknown CA")), names=[host]))
        past = through if directly == "the same" else stage.web(stage.leaf(names=[host]))
        if directly != "nothing":
            dns[host] = [("127.0.0.1", past.port)]
        proxied({host: through.port})
        assert failed(stage.look(f"https://{host}")).code == code


def made(code: str = "", step: str = "connection", seen_as: str = "203.0.113.7") -> Looked:
    """A way that is open, or whose step failed with a code."""
    checks = [
        Check(f"Figgo: {one}", "failed", "said", "Do.", NETWORK, code)
        if code and one == step
        else Check(f"Figgo: {one}", "ok", "said")
        for one in STEPS
    ]
    return Looked(checks, None, seen_as)


class TestRestricted:
    @pytest.mark.parametrize("code", ["port-silent", "tls-silent", "cut"])
    def test_one_that_shuts_while_another_lets_in_turns_our_address_away(self, code: str) -> None:
        found = restricted({"Figgo": made(code), "siège": made()})
        check = found["Figgo"].checks[1]
        assert (check.status, check.code, check.who) == ("failed", "address-refused", CUSTOMER)
        assert "203.0.113.7" in check.cause
        assert found["siège"] == made()

    @pytest.mark.parametrize(
        "code", ["port-refused", "dns-unknown", "no-route", "certificate-expired", "clock"]
    )
    def test_other_obstacles_keep_their_cause(self, code: str) -> None:
        both = {"Figgo": made(code), "siège": made()}
        assert restricted(both) == both

    def test_where_nobody_lets_in_it_is_not_one_of_them(self) -> None:
        both = {"Figgo": made("port-silent"), "siège": made("port-refused")}
        assert restricted(both) == both
        assert restricted({"Figgo": made("cut")}) == {"Figgo": made("cut")}

    def test_real_silence_beside_a_real_answer(self, stage: Stage) -> None:
        shut = stage.look(stage.door(doors.silent), timeout=QUICK)
        found = restricted({"Figgo": shut, "siège": stage.look(stage.web(fields=doors.date(NOW)))})
        hold(found["Figgo"])
        check = failed(found["Figgo"])
        assert (check.name, check.code) == ("Figgo: certificate", "address-refused")
        assert "127.0.0.1" in check.cause


def test_a_host_with_colons_stands_in_brackets() -> None:
    assert str(Target("::1", 443)) == "[::1]:443"
