"""The door of the EWS stand-in: who is let in, who is counted, and what is refused behind it."""

from __future__ import annotations

import base64
import http.client
import json
import os
import queue
import ssl
import struct
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlencode, urlsplit

import pytest
import requests
import spnego
from exchangelib import BASIC, NTLM, OAUTH2, Configuration, Credentials, FailFast, OAuth2Credentials
from exchangelib.errors import EWSError, UnauthorizedError
from exchangelib.properties import AlternateId
from exchangelib.protocol import BaseProtocol, Protocol
from exchangelib.services import ConvertId
from oauthlib.oauth2 import BackendApplicationClient
from requests_ntlm import HttpNtlmAuth
from requests_oauthlib import OAuth2Session

from figgo_ops.sandbox.ca import make_authority
from figgo_ops.sandbox.exchange import ExchangeService
from figgo_ops.sandbox.exchange_gate import WRONG_PASSWORDS, Gate
from figgo_ops.sandbox.exchange_ntlm import md4, rc4
from figgo_ops.sandbox.exchange_schema import FOLDER, violations
from figgo_ops.sandbox.faults import Fault, Faults
from figgo_ops.sandbox.web import Request, RequestLog, Response, Server, Service

ACCOUNT, PASSWORD = "CORAIL\\svc-figgo", "Été à Nîmes 2026"
PATH, INSIDE = "/EWS/Exchange.asmx", "/EWS/Exchange.asmx/inside"
SCOPE = "https://outlook.office365.com/.default"
TOKEN = "/corail.onmicrosoft.example/oauth2/v2.0/token"
NAMED = ("Negotiate", "NTLM", 'Basic realm="mail.corail.example"')


class Door(Service):
    """A service with nothing behind its gate but one word."""

    choices: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        "auth": ("both", "ntlm", "basic", "none-offered"),
        "account": ("ok", "expired", "disabled", "locked"),
        "lock_after": (int,),
        "reasons": ("hidden", "told"),
        "agents": ("any", "listed", "blocked"),
        "address": ("any", "refused"),
        "ews": ("on", "off"),
        "concurrency": (int,),
        "online": (False, True),
        "policy": ("", "BlockedBySwitch", "BlockedByAllowList"),
    }
    defaults: ClassVar[Mapping[str, Any]] = {"lock_after": 0, "concurrency": 0}

    def __init__(self, clock: Callable[[], float], account: str = ACCOUNT) -> None:
        super().__init__("exchange", clock)
        self.gate = Gate(account, PASSWORD, self.switches, clock)
        self.arrivals: queue.Queue[str] = queue.Queue()

    def place(self, request: Request) -> str:
        return INSIDE if self.gate.logged_on(request) else request.path

    def arrive(self, request: Request) -> None:
        self.gate.arrive(request)
        self.arrivals.put(request.place)

    def leave(self, request: Request) -> None:
        self.gate.leave(request)

    def handle(self, request: Request) -> Response:
        return self.gate.admit(request) or Response.text(200, "inside")


class Ground:
    """The door, open, and the means to knock."""

    def __init__(self, folder: Path, account: str = ACCOUNT) -> None:
        self.now = time.time()
        self.door = Door(lambda: self.now, account)
        self.gate, self.faults, self.log = self.door.gate, Faults(), RequestLog()
        authority = make_authority(folder)
        self.ca_file = str(authority.ca_file)
        self.server = Server(self.door, authority.server_context(), self.faults, self.log)
        self.server.start()
        self.url = self.server.url + PATH

    def connect(self) -> http.client.HTTPSConnection:
        context = ssl.create_default_context(cafile=self.ca_file)
        address = urlsplit(self.url)
        return http.client.HTTPSConnection(str(address.hostname), address.port, context=context, timeout=20)

    def session(self, auth: Any = None) -> requests.Session:
        made = requests.Session()
        made.verify, made.auth, made.trust_env = self.ca_file, auth, False
        return made

    def post(self, auth: Any = None, **headers: str) -> requests.Response:
        with self.session(auth) as session:
            return session.post(self.url, b"<x/>", headers=headers)

    def token(self, **form: str) -> requests.Response:
        asked = {"grant_type": "client_credentials", "client_id": ACCOUNT, "client_secret": PASSWORD}
        with self.session() as session:
            return session.post(self.server.url + TOKEN, {**asked, "scope": SCOPE, **form})

    def bearer(self, **form: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token(**form).json()['access_token']}"}

    def seen(self) -> list[tuple[str, int]]:
        return [(entry.path, entry.status) for entry in self.log.entries()]


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    made = Ground(tmp_path)
    yield made
    made.server.stop()


@pytest.fixture
def of_mail(tmp_path: Path) -> Iterator[Ground]:
    """The same door for an account named as user@domain."""
    made = Ground(tmp_path, "svc-figgo@corail.example")
    yield made
    made.server.stop()


def basic(user: str = ACCOUNT, password: str = PASSWORD, encoding: str = "utf-8") -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode(encoding)).decode()


def ask(
    connection: http.client.HTTPConnection, authorization: str | None = None
) -> tuple[int, http.client.HTTPMessage]:
    connection.request("POST", PATH, b"<x/>", {"Authorization": authorization} if authorization else {})
    answer = connection.getresponse()
    answer.read()
    return answer.status, answer.headers


class Handshake:
    """NTLM by hand: each message can be looked at, kept or bent on its way."""

    def __init__(
        self, user: str = ACCOUNT, password: str = PASSWORD, scheme: str = "NTLM", *, sealed: bool = True
    ) -> None:
        options = spnego.NegotiateOptions.use_ntlm
        self._client = spnego.client(user, password, "localhost", "http", protocol="ntlm", options=options)
        self._scheme, self._sealed = scheme, sealed

    def open(self, connection: http.client.HTTPConnection) -> bytes:
        """Send the first message, and give the third, which answers the challenge."""
        status, headers = ask(connection, self.spell(self._client.step() or b""))
        (challenge,) = headers.get_all("WWW-Authenticate", [])
        assert (status, challenge.split()[0]) == (401, self._scheme)
        asked = base64.b64decode(challenge.split()[1])
        if not self._sealed:
            # A client that is told no time does not seal its messages; 10 is a pair it takes as it is.
            asked = asked.replace(struct.pack("<HH", 7, 8), struct.pack("<HH", 10, 8))
        return self._client.step(asked) or b""

    def spell(self, message: bytes) -> str:
        return f"{self._scheme} {base64.b64encode(message).decode()}"


class TestOffers:
    @pytest.mark.parametrize(
        ("auth", "offers"), [("both", NAMED), ("ntlm", NAMED[:2]), ("basic", NAMED[2:]), ("none-offered", ())]
    )
    def test_who_shows_nothing_is_told_the_ways_in_one_a_line(
        self, ground: Ground, auth: str, offers: tuple[str, ...]
    ) -> None:
        ground.door.switch("auth", auth)
        with closing(ground.connect()) as connection:
            status, headers = ask(connection)
        assert (status, tuple(headers.get_all("WWW-Authenticate", []))) == (401, offers)
        assert headers["Content-Type"].startswith("text/html")
        assert (ground.gate.log_ons, ground.gate.failed) == (0, [])

    @pytest.mark.parametrize("auth", ["ntlm", "none-offered"])
    def test_basic_where_it_is_not_offered_is_no_log_on(self, ground: Ground, auth: str) -> None:
        ground.door.switch("auth", auth)
        assert ground.post(Authorization=basic()).status_code == 401
        assert ground.post(Authorization=basic(password="wrong")).status_code == 401
        assert (ground.gate.log_ons, ground.gate.failed) == (0, [])

    @pytest.mark.parametrize("auth", ["basic", "none-offered"])
    def test_ntlm_where_it_is_not_offered_gets_no_challenge(self, ground: Ground, auth: str) -> None:
        ground.door.switch("auth", auth)
        token = spnego.client(ACCOUNT, PASSWORD, protocol="ntlm").step() or b""
        answer = ground.post(Authorization=f"NTLM {base64.b64encode(token).decode()}")
        assert (answer.status_code, "NTLM" in answer.headers.get("WWW-Authenticate", "")) == (401, False)
        assert ground.gate.failed == []


class TestBasic:
    @pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
    def test_the_right_password_opens_in_either_encoding(self, ground: Ground, encoding: str) -> None:
        assert ground.post(Authorization=basic(encoding=encoding)).text == "inside"
        assert (ground.gate.log_ons, ground.gate.failed) == (1, [])

    @pytest.mark.parametrize("wrong", ["", "Été", PASSWORD.lower(), PASSWORD + " "])
    def test_a_wrong_password_is_exactly_one_failed_log_on(self, ground: Ground, wrong: str) -> None:
        assert ground.post(Authorization=basic(password=wrong)).status_code == 401
        assert (ground.gate.log_ons, ground.gate.failed) == (0, [(ACCOUNT, ground.now)])

    @pytest.mark.parametrize("user", ["svc-figgo", "ELSEWHERE\\svc-figgo", "CORAIL\\anne"])
    def test_another_name_opens_nothing(self, ground: Ground, user: str) -> None:
        assert ground.post(Authorization=basic(user)).status_code == 401
        assert [name for name, _ in ground.gate.failed] == [user]

    def test_names_have_no_case(self, ground: Ground) -> None:
        assert ground.post(Authorization=basic("corail\\SVC-Figgo")).text == "inside"

    @pytest.mark.parametrize("shown", ["Basic", "Basic ###", "Basic YWJj", "Digest username=x", "gibberish"])
    def test_what_cannot_be_read_is_nobodys_log_on(self, ground: Ground, shown: str) -> None:
        assert ground.post(Authorization=shown).status_code == 401
        assert (ground.gate.log_ons, ground.gate.failed) == (0, [])

    def test_basic_logs_on_a_request_not_its_connection(self, ground: Ground) -> None:
        with closing(ground.connect()) as connection:
            assert [ask(connection, basic())[0], ask(connection)[0]] == [200, 401]


class TestNtlm:
    def test_a_connection_is_logged_on_once_and_for_all_its_requests(self, ground: Ground) -> None:
        with ground.session(HttpNtlmAuth(ACCOUNT, PASSWORD)) as session:
            assert [session.post(ground.url, b"<x/>").text for _ in range(3)] == ["inside"] * 3
        assert ground.seen() == [(PATH, 401), (PATH, 401), (INSIDE, 200), (INSIDE, 200), (INSIDE, 200)]
        assert (ground.gate.log_ons, ground.gate.failed) == (1, [])

    @pytest.mark.parametrize("wrong", ["nearly", PASSWORD.upper(), PASSWORD + "!"])
    def test_a_wrong_password_is_exactly_one_failed_log_on(self, ground: Ground, wrong: str) -> None:
        assert ground.post(HttpNtlmAuth(ACCOUNT, wrong)).status_code == 401
        assert (ground.gate.log_ons, ground.gate.failed) == (0, [(ACCOUNT, ground.now)])

    @pytest.mark.parametrize("user", ["ELSEWHERE\\svc-figgo", "svc-figgo", "CORAIL\\anne"])
    def test_another_name_opens_nothing(self, ground: Ground, user: str) -> None:
        assert ground.post(HttpNtlmAuth(user, PASSWORD)).status_code == 401
        assert [name for name, _ in ground.gate.failed] == [user]

    @pytest.mark.parametrize("user", ["svc-figgo@corail.example", "\\svc-figgo@corail.example"])
    @pytest.mark.parametrize("scheme", ["NTLM", "Negotiate"])
    def test_an_account_may_be_named_like_a_mail(self, of_mail: Ground, user: str, scheme: str) -> None:
        talk = Handshake(user, scheme=scheme)
        with closing(of_mail.connect()) as connection:
            assert ask(connection, talk.spell(talk.open(connection)))[0] == 200

    def test_the_domain_of_such_a_name_may_come_apart(self, of_mail: Ground) -> None:
        assert of_mail.post(HttpNtlmAuth("corail.example\\svc-figgo", PASSWORD)).text == "inside"
        assert of_mail.post(HttpNtlmAuth("svc-figgo@other.example", PASSWORD)).status_code == 401

    def test_another_connection_must_log_on_by_itself(self, ground: Ground) -> None:
        talk = Handshake()
        with closing(ground.connect()) as first, closing(ground.connect()) as second:
            assert ask(first, talk.spell(talk.open(first)))[0] == 200
            assert (ask(first)[0], ask(second)[0]) == (200, 401)

    def test_an_answer_is_good_for_its_own_challenge_only(self, ground: Ground) -> None:
        """Whoever listened and repeats it elsewhere knows no password."""
        talk, other = Handshake(), Handshake()
        with closing(ground.connect()) as first, closing(ground.connect()) as second:
            message = talk.open(first)
            other.open(second)
            assert ask(second, other.spell(message))[0] == 401
            assert ask(first, talk.spell(message))[0] == 200
        assert len(ground.gate.failed) == 1

    @pytest.mark.parametrize("at", [12 + 8 * 6, 72, 80, -1], ids=["flags", "seal", "its end", "session key"])
    def test_a_message_bent_on_its_way_opens_nothing(self, ground: Ground, at: int) -> None:
        talk = Handshake()
        with closing(ground.connect()) as connection:
            message = bytearray(talk.open(connection))
            message[at] ^= 0x40
            assert ask(connection, talk.spell(bytes(message)))[0] == 401
            assert ask(connection)[0] == 401
        assert (ground.gate.log_ons, len(ground.gate.failed)) == (0, 1)

    @pytest.mark.parametrize(("password", "status"), [(PASSWORD, 200), ("wrong", 401)])
    def test_a_client_may_leave_its_messages_unsealed_but_not_its_password(
        self, ground: Ground, password: str, status: int
    ) -> None:
        talk = Handshake(password=password, sealed=False)
        with closing(ground.connect()) as connection:
            message = talk.open(connection)
            assert message[72:88] == bytes(16)
            assert ask(connection, talk.spell(message))[0] == status
        assert len(ground.gate.failed) == (status == 401)

    def test_a_challenge_is_answered_once(self, ground: Ground) -> None:
        """Whoever guesses must ask for a new one each time."""
        talk = Handshake()
        with closing(ground.connect()) as connection:
            message = talk.open(connection)
            bent = message[:-1] + bytes([message[-1] ^ 1])
            assert [ask(connection, talk.spell(m))[0] for m in (bent, message)] == [401, 401]
        assert len(ground.gate.failed) == 1

    def test_who_names_nobody_fails_to_log_nobody_on(self, ground: Ground) -> None:
        talk = Handshake()
        nobody = struct.pack("<8sI", b"NTLMSSP\0", 3) + 6 * struct.pack("<HHI", 0, 0, 64)
        with closing(ground.connect()) as connection:
            talk.open(connection)
            assert ask(connection, talk.spell(nobody + struct.pack("<I", 1)))[0] == 401
        assert (ground.gate.log_ons, ground.gate.failed) == (0, [])

    def test_who_shows_other_credentials_later_is_judged_by_those(self, ground: Ground) -> None:
        ground.door.switch("auth", "ntlm")
        talk = Handshake()
        with closing(ground.connect()) as connection:
            ask(connection, talk.spell(talk.open(connection)))
            assert [ask(connection, basic())[0], ask(connection)[0]] == [401, 200]

    def test_the_first_version_of_ntlm_proves_nothing(
        self, ground: Ground, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("LM_COMPAT_LEVEL", "2")
        assert ground.post(HttpNtlmAuth(ACCOUNT, PASSWORD)).status_code == 401
        assert len(ground.gate.failed) == 1

    @pytest.mark.parametrize("cut", [0, 8, 11, 12, 40, 63, 64, 90])
    def test_what_cannot_be_read_is_nobodys_log_on(self, ground: Ground, cut: int) -> None:
        talk = Handshake()
        with closing(ground.connect()) as connection:
            assert ask(connection, talk.spell(talk.open(connection)[:cut]))[0] == 401
        assert (ground.gate.log_ons, ground.gate.failed) == (0, [])

    def test_an_answer_that_nobody_asked_for_is_nobodys_log_on(self, ground: Ground) -> None:
        talk = Handshake()
        with closing(ground.connect()) as first, closing(ground.connect()) as second:
            assert ask(second, talk.spell(talk.open(first)))[0] == 401
        assert ground.gate.failed == []

    def test_a_new_handshake_ends_the_old_log_on(self, ground: Ground) -> None:
        talk, again = Handshake(), Handshake(password="wrong")
        with closing(ground.connect()) as connection:
            ask(connection, talk.spell(talk.open(connection)))
            assert ask(connection, again.spell(again.open(connection)))[0] == 401
            assert ask(connection)[0] == 401

    def test_a_password_changed_meanwhile_leaves_open_connections_open(self, ground: Ground) -> None:
        with ground.session(HttpNtlmAuth(ACCOUNT, PASSWORD)) as session:
            session.post(ground.url, b"<x/>")
            ground.gate.password = "another"
            assert session.post(ground.url, b"<x/>").text == "inside"
        assert ground.post(HttpNtlmAuth(ACCOUNT, PASSWORD)).status_code == 401

    @pytest.mark.parametrize(
        ("text", "digest"),
        [
            ("", "31d6cfe0d16ae931b73c59d7e0c089c0"),
            ("message digest", "d9130a8164549fe818874806e1c7014b"),
            ("1234567890" * 8, "e33b4ddc9c38f2199c3e7b164fcc0536"),
        ],
    )
    def test_md4_is_that_of_its_paper(self, text: str, digest: str) -> None:
        assert md4(text.encode()).hex() == digest

    def test_rc4_is_the_known_one(self) -> None:
        assert rc4(b"Key", b"Plaintext").hex() == "bbf316e8d940af0ad3"
        assert rc4(b"Wiki", rc4(b"Wiki", b"pedia")) == b"pedia"


class TestAccount:
    @pytest.mark.parametrize("state", ["expired", "disabled", "locked"])
    def test_the_reason_of_a_refusal_is_never_on_the_wire(self, ground: Ground, state: str) -> None:
        wrong = ground.post(Authorization=basic(password="wrong"))
        ground.door.switch("account", state)
        right = ground.post(Authorization=basic())
        said = [{**r.headers, "Date": ""} for r in (wrong, right)]
        assert (right.status_code, right.content, said[1]) == (401, wrong.content, said[0])
        assert len(ground.gate.failed) == 1, "the right password is no failed log-on"
        assert ground.post(HttpNtlmAuth(ACCOUNT, PASSWORD)).status_code == 401

    def test_five_wrong_passwords_in_time_lock_the_account(self, ground: Ground) -> None:
        ground.door.switch("lock_after", 1800)
        for _ in range(WRONG_PASSWORDS - 1):
            ground.post(HttpNtlmAuth(ACCOUNT, "wrong"))
        assert not ground.gate.locked
        ground.post(Authorization=basic(password="wrong"))
        assert ground.post(Authorization=basic()).status_code == 401
        assert ground.post(HttpNtlmAuth(ACCOUNT, PASSWORD)).status_code == 401
        ground.gate.unlock()
        assert ground.post(Authorization=basic()).text == "inside"
        assert len(ground.gate.failed) == WRONG_PASSWORDS

    @pytest.mark.parametrize("between", ["time", "a log-on"])
    def test_wrong_passwords_far_apart_lock_nothing(self, ground: Ground, between: str) -> None:
        ground.door.switch("lock_after", 1800)
        for _ in range(WRONG_PASSWORDS * 2):
            ground.post(Authorization=basic(password="wrong"))
            if between == "time":
                ground.now += 1800 / (WRONG_PASSWORDS - 1)
            else:
                assert ground.post(Authorization=basic()).text == "inside"
        assert not ground.gate.locked

    def test_without_the_switch_nothing_locks_and_strangers_never_do(self, ground: Ground) -> None:
        for _ in range(WRONG_PASSWORDS + 1):
            ground.post(Authorization=basic(password="wrong"))
        assert ground.post(Authorization=basic()).text == "inside"
        ground.door.switch("lock_after", 1800)
        for _ in range(WRONG_PASSWORDS + 1):
            ground.post(Authorization=basic("CORAIL\\anne"))
        assert ground.post(Authorization=basic()).text == "inside"


class TestPermission:
    def test_ews_switched_off_is_403_for_who_is_logged_on_and_401_for_others(self, ground: Ground) -> None:
        ground.door.switch("ews", "off")
        assert ground.post(Authorization=basic()).status_code == 403
        assert ground.post().status_code == 401

    def test_a_list_of_agents_lets_ours_in_only(self, ground: Ground) -> None:
        ground.door.switch("agents", "listed")
        agents = ("figgo-ops/1.0", "exchangelib/5.6.0", "a figgo-ops")
        answers = [ground.post(Authorization=basic(), **{"User-Agent": agent}) for agent in agents]
        assert [answer.status_code for answer in answers] == [200, 403, 403]


class TestCrowd:
    def knock(self, ground: Ground, knocks: int, legs: int = 0) -> list[requests.Response]:
        """Hold the door until all requests have arrived, so that all are in flight at once."""
        with ThreadPoolExecutor(knocks + legs) as pool:
            with ground.door.lock:
                asked = [pool.submit(ground.post) for _ in range(legs)]
                self.wait(ground, legs)
                asked += [pool.submit(ground.post, Authorization=basic()) for _ in range(knocks)]
                self.wait(ground, knocks)
            return [one.result() for one in asked]

    def wait(self, ground: Ground, arrivals: int) -> None:
        for _ in range(arrivals):
            ground.door.arrivals.get(timeout=60)

    def test_requests_in_flight_above_the_limit_are_refused(self, ground: Ground) -> None:
        ground.door.switch("concurrency", 2)
        answers = self.knock(ground, 5)
        assert sorted(answer.status_code for answer in answers) == [200, 200, 500, 500, 500]
        refused = next(answer.text for answer in answers if answer.status_code == 500)
        assert ">a:ErrorExceededConnectionCount</faultcode>" in refused
        assert ">ErrorExceededConnectionCount</e:ResponseCode>" in refused

    def test_legs_of_a_handshake_take_nobodys_turn(self, ground: Ground) -> None:
        ground.door.switch("concurrency", 1)
        answers = self.knock(ground, 1, legs=3)
        assert [answer.status_code for answer in answers] == [401, 401, 401, 200]

    def test_one_after_the_other_is_no_crowd(self, ground: Ground) -> None:
        """Each on a connection of its own: an answer that has arrived is not in flight any more."""
        ground.door.switch("concurrency", 1)
        assert {ground.post(Authorization=basic()).status_code for _ in range(20)} == {200}

    @pytest.mark.parametrize("kind", ["drop-before", "drop-after", "reset-after", "cut-body", "late-commit"])
    def test_an_answer_that_was_lost_is_not_in_flight_any_more(self, ground: Ground, kind: str) -> None:
        ground.door.switch("concurrency", 1)
        ground.faults.add(Fault("exchange", kind, path=INSIDE))
        with pytest.raises(requests.RequestException):
            ground.post(Authorization=basic())
        assert ground.post(Authorization=basic()).text == "inside"


class TestPlaces:
    def test_a_fault_strikes_the_real_request_and_not_its_handshake(self, ground: Ground) -> None:
        number = ground.faults.add(Fault("exchange", "status", path=INSIDE, value=503))
        with ground.session(HttpNtlmAuth(ACCOUNT, PASSWORD)) as session:
            assert session.post(ground.url, b"<x/>").status_code == 503
        assert ground.seen() == [(PATH, 401), (PATH, 401), (INSIDE, 503)]
        assert ground.faults.struck(number) == 1

    def test_a_fault_may_strike_the_handshake_alone(self, ground: Ground) -> None:
        ground.faults.add(Fault("exchange", "status", path=PATH, value=503, times=None))
        assert ground.post().status_code == 503
        assert ground.post(Authorization=basic()).text == "inside"


class TestTokens:
    @pytest.fixture(autouse=True)
    def _online(self, ground: Ground) -> None:
        ground.door.switch("online", True)

    def test_a_token_for_exchange_opens_for_an_hour(self, ground: Ground) -> None:
        shown = ground.bearer()
        assert ground.post(**shown).text == "inside"
        ground.now += 3599
        assert ground.post(**shown).text == "inside"
        ground.now += 1
        late = ground.post(**shown)
        assert (late.status_code, 'error="invalid_token"' in late.headers["WWW-Authenticate"]) == (401, True)
        assert (ground.gate.log_ons, ground.gate.tokens.issued) == (2, 1)

    def test_the_usual_client_gets_in(self, ground: Ground) -> None:
        with OAuth2Session(client=BackendApplicationClient(ACCOUNT)) as session:
            session.verify, session.trust_env = ground.ca_file, False
            more = {"client_secret": PASSWORD, "scope": [SCOPE], "include_client_id": True}
            session.fetch_token(ground.server.url + TOKEN, **more)
            assert session.post(ground.url, b"<x/>").text == "inside"

    @pytest.mark.parametrize(
        ("form", "status", "error", "code"),
        [
            ({"client_secret": "wrong"}, 401, "invalid_client", 7000215),
            ({"client_secret": ""}, 401, "invalid_client", 7000216),
            ({"client_id": "6731de76-14a6-49ae-97bc-6eba6914391e"}, 400, "unauthorized_client", 700016),
            ({"scope": "https://outlook.office365.com/EWS.AccessAsUser.All"}, 400, "invalid_scope", 1002012),
            ({"scope": ""}, 400, "invalid_request", 90014),
            ({"grant_type": "password"}, 400, "unsupported_grant_type", 70003),
            ({"grant_type": ""}, 400, "invalid_request", 900144),
        ],
    )
    def test_what_is_wrong_is_said_as_microsoft_says_it(
        self, ground: Ground, form: dict[str, str], status: int, error: str, code: int
    ) -> None:
        answer = ground.token(**form)
        said = answer.json()
        assert (answer.status_code, said["error"], said["error_codes"]) == (status, error, [code])
        assert said["error_description"].startswith(f"AADSTS{code}: ")
        assert said["trace_id"] in said["error_description"]
        assert PASSWORD not in answer.text
        assert ground.gate.tokens.issued == 0

    def test_an_expired_secret_is_told_from_a_wrong_one(self, ground: Ground) -> None:
        ground.gate.tokens.secret_state = "expired"
        assert ground.token().json()["error_codes"] == [7000222]
        assert ground.token(client_secret="wrong").json()["error_codes"] == [7000215]

    def test_a_token_for_another_service_or_a_revoked_or_an_invented_one_opens_nothing(
        self, ground: Ground
    ) -> None:
        assert ground.post(**ground.bearer(scope="https://graph.microsoft.com/.default")).status_code == 401
        assert ground.post(Authorization="Bearer e30.e30.e30").status_code == 401
        revoked = ground.bearer()
        ground.gate.tokens.revoke()
        assert ground.post(**revoked).status_code == 401
        assert ground.gate.log_ons == 0

    def test_basic_and_ntlm_are_gone(self, ground: Ground) -> None:
        assert ground.post(HttpNtlmAuth(ACCOUNT, PASSWORD)).status_code == 401
        answer = ground.post(Authorization=basic())
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
        assert ground.gate.failed == []

    @pytest.mark.parametrize(
        ("policy", "reason"),
        [
            ("BlockedBySwitch", "EWS is disabled for this user or tenant"),
            ("BlockedByAllowList", "EWS is blocked by policy for this user or tenant"),
        ],
    )
    def test_a_policy_is_named_in_a_header(self, ground: Ground, policy: str, reason: str) -> None:
        ground.door.switch("policy", policy)
        answer = ground.post(**ground.bearer())
        assert (answer.status_code, answer.headers["X-EWS-Policy-Reason"]) == (403, reason)
        ground.door.switch("policy", "")
        ground.door.switch("ews", "off")
        assert "X-EWS-Policy-Reason" not in ground.post(**ground.bearer()).headers

    def test_on_premises_there_are_neither_tokens_nor_policies(self, ground: Ground) -> None:
        ground.door.switch("online", False)
        ground.door.switch("policy", "BlockedBySwitch")
        assert ground.token().status_code == 401
        assert ground.post(Authorization=basic()).text == "inside"

    def test_a_token_looks_like_one_and_says_whom_it_is_for(self, ground: Ground) -> None:
        part = ground.bearer()["Authorization"].split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(part + "=="))
        assert (claims["aud"], claims["appid"]) == ("https://outlook.office365.com", ACCOUNT)


def test_the_application_may_name_itself_by_basic(ground: Ground) -> None:
    ground.door.switch("online", True)
    form = urlencode({"grant_type": "client_credentials", "scope": SCOPE})
    headers = {"Authorization": basic(password="wrong"), "Content-Type": "application/x-www-form-urlencoded"}
    with ground.session() as session:
        answer = session.post(ground.server.url + "/token", form, headers=headers)
        assert answer.json()["error_codes"] == [7000215]
        answer = session.post(
            ground.server.url + "/token", form, headers={**headers, "Authorization": basic()}
        )
        assert answer.json()["token_type"] == "Bearer"


def test_a_certificate_of_an_unknown_authority_is_refused_for_that(ground: Ground) -> None:
    ground.faults.add(Fault("exchange", "certificate", value="untrusted"))
    with closing(ground.connect()) as connection, pytest.raises(ssl.SSLCertVerificationError) as refused:
        ask(connection)
    assert refused.value.verify_code == 20, "the issuer is not known, which self-signed (18) is not"
    assert ground.post(Authorization=basic()).text == "inside"


class TestOfficeClient:
    """Spoken to by exchangelib, in front of the whole stand-in."""

    @pytest.fixture
    def service(self, ground: Ground, monkeypatch: pytest.MonkeyPatch) -> ExchangeService:
        """Put the whole stand-in behind the door's server, and its certificate in exchangelib's trust."""
        made = ExchangeService(ACCOUNT, PASSWORD, clock=lambda: ground.now)
        ground.server.service = made

        class Trusting(requests.adapters.HTTPAdapter):
            def init_poolmanager(self, *args: Any, **more: Any) -> None:
                context = ssl.create_default_context(cafile=ground.ca_file)
                super().init_poolmanager(*args, ssl_context=context, **more)

        monkeypatch.setattr(BaseProtocol, "HTTP_ADAPTER_CLS", Trusting)
        return made

    @contextmanager
    def protocol(self, ground: Ground, credentials: Any, auth_type: str | None) -> Iterator[Any]:
        policy = FailFast()
        more = {"credentials": credentials, "auth_type": auth_type, "retry_policy": policy}
        made = type.__call__(Protocol, config=Configuration(service_endpoint=ground.url, **more))
        try:
            yield made
        finally:
            made.close()

    @pytest.mark.parametrize(("auth_type", "legs"), [(NTLM, 2), (BASIC, 0), (None, 3)])
    def test_it_gets_in_and_learns_the_version(
        self, ground: Ground, service: ExchangeService, auth_type: str | None, legs: int
    ) -> None:
        with self.protocol(ground, Credentials(ACCOUNT, PASSWORD), auth_type) as protocol:
            assert protocol.version.build.major_version == 15
        assert ground.seen() == [(PATH, 401)] * legs + [(f"{PATH}/ConvertId", 200)]
        assert (service.gate.log_ons, service.gate.failed) == (1, [])

    @pytest.mark.parametrize("auth_type", [NTLM, BASIC])
    def test_a_wrong_password_is_exactly_one_failed_log_on(
        self, ground: Ground, service: ExchangeService, auth_type: str
    ) -> None:
        with (
            self.protocol(ground, Credentials(ACCOUNT, "wrong"), auth_type) as protocol,
            pytest.raises(UnauthorizedError),
        ):
            protocol.version  # noqa: B018 - asking for it speaks to the server
        assert service.gate.failed == [(ACCOUNT, ground.now)]

    def test_an_older_server_refuses_newer_versions_and_nothing_else(
        self, ground: Ground, service: ExchangeService
    ) -> None:
        """A version that the schema does not list is one of those that exchangelib tries."""
        service.switch("version", "2013")
        with self.protocol(ground, Credentials(ACCOUNT, PASSWORD), BASIC) as protocol:
            assert protocol.version.api_version == "Exchange2013_SP1"
        assert service.violations == []
        assert [status for _, status in ground.seen()][-1] == 200
        assert {status for _, status in ground.seen()[:-1]} == {500}

    def test_online_it_fetches_a_token_first(self, ground: Ground, service: ExchangeService) -> None:
        service.switch("online", True)

        class Ours(OAuth2Credentials):  # type: ignore[misc]  # exchangelib has no types
            @property
            def token_url(self) -> str:
                return ground.server.url + TOKEN

        with self.protocol(ground, Ours(ACCOUNT, PASSWORD, "corail"), OAUTH2) as protocol:
            assert protocol.version.build.major_version == 15
        assert ground.seen() == [(TOKEN, 200), (f"{PATH}/ConvertId", 200)]

    def test_a_fault_for_an_operation_strikes_it_on_a_logged_on_connection_too(
        self, ground: Ground, service: ExchangeService
    ) -> None:
        with self.protocol(ground, Credentials(ACCOUNT, PASSWORD), NTLM) as protocol:
            protocol.version  # noqa: B018 - asking for it logs the connection on
            ground.log.clear()
            ground.faults.add(Fault("exchange", "status", path="*/ConvertId", value=403))
            asked = [AlternateId(id="AAAA", format="EwsId", mailbox="anne@corail.example")]
            with pytest.raises(EWSError, match="403"):
                list(ConvertId(protocol=protocol).call(asked, "EntryId"))
        assert ground.seen() == [(f"{PATH}/ConvertId", 403)]


ENVELOPE = """<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"
 xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"
 xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"><s:Header>{header}</s:Header><s:Body>
<m:GetFolder><m:FolderShape><t:BaseShape>{shape}</t:BaseShape></m:FolderShape><m:FolderIds>
<t:DistinguishedFolderId Id="calendar"/></m:FolderIds></m:GetFolder>{more}</s:Body></s:Envelope>"""
VERSION = '<t:RequestServerVersion Version="Exchange2016"/>'


def envelope(header: str = VERSION, shape: str = "IdOnly", more: str = "") -> bytes:
    return ENVELOPE.format(header=header, shape=shape, more=more).encode()


def test_the_official_schema_is_there() -> None:
    if not os.environ.get(FOLDER):
        if os.environ.get("FIGGO_OPS_CI"):
            pytest.fail(f"{FOLDER} names no folder; everything else would pass without the schema")
        pytest.skip("no EWS schema found, SOAP is not validated")
    assert violations(envelope()) == []
    assert violations(envelope(shape="Everything"))[0].startswith("GetFolder, line ")


@pytest.mark.skipif(not os.environ.get(FOLDER), reason="no EWS schema found, SOAP is not validated")
class TestSchema:
    def test_headers_and_every_part_of_the_body_are_checked(self) -> None:
        (text,) = violations(envelope('<t:RequestServerVersion Version="Exchange2015_SP1"/>'))
        assert text.startswith("RequestServerVersion")
        (text,) = violations(envelope(more="<m:Nonsense/>"))
        assert text.startswith("Nonsense")

    def test_faults_and_headers_of_others_are_not_the_schemas_business(self) -> None:
        assert violations(envelope('<a:Action xmlns:a="urn:example">x</a:Action>', more="<s:Fault/>")) == []

    def test_the_time_zone_header_is_taken_with_any_operation(self) -> None:
        zone = '<t:TimeZoneContext><t:TimeZoneDefinition Id="Romance Standard Time"/></t:TimeZoneContext>'
        assert violations(envelope(VERSION + zone)) == []

    @pytest.mark.parametrize("text", [b"", b"<a", b"<a/>", b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"])
    def test_what_is_no_envelope_is_said_to_be_none(self, text: bytes) -> None:
        assert len(violations(text)) == 1

    def test_without_a_folder_nothing_is_checked(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv(FOLDER)
        assert violations(b"<a") == []
