"""The ground of the rehearsal company: certificates, the server, its log and the faults it plays."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

import pytest

from figgo_ops.sandbox.ca import Authority, Kind, make_authority
from figgo_ops.sandbox.faults import KINDS, Fault, Faults
from figgo_ops.sandbox.web import Request, RequestLog, Response, Server, Service, StandInBrokenError


class Notebook(Service):
    """A service that writes down what it was asked, so that a commit can be told from an answer."""

    choices: ClassVar[Mapping[str, tuple[Any, ...]]] = {"mood": ("calm", "cross"), "size": (int,)}
    defaults: ClassVar[Mapping[str, Any]] = {"size": 3}

    def __init__(self) -> None:
        super().__init__("notebook")
        self.committed: list[str] = []

    def identify(self, request: Request) -> str:
        if request.path == "/nobody":
            raise LookupError("this service has a defect")
        return request.headers.get("X-Who", "")

    def handle(self, request: Request) -> Response:
        if request.path == "/broken":
            raise LookupError("this service has a defect")
        self.committed.append(request.path)
        return Response.json(
            200, {"path": request.path, "query": request.query, "body": request.body.decode()}
        )


class ToldLog(RequestLog):
    """A log that says when something was written down."""

    def __init__(self) -> None:
        super().__init__()
        self.told = threading.Event()

    def add(self, service: str, request: Request, status: int, fault: str | None) -> None:
        super().add(service, request, status, fault)
        self.told.set()


class Ground:
    """A running notebook with everything around it."""

    def __init__(self, folder: Path) -> None:
        self.service, self.faults, self.log = Notebook(), Faults(), ToldLog()
        self.authority = make_authority(folder)
        self.server = Server(self.service, self.authority.server_context(), self.faults, self.log)
        self.server.start()

    def connect(self, authority: Authority | None = None) -> http.client.HTTPSConnection:
        context = ssl.create_default_context(cafile=str((authority or self.authority).ca_file))
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        address = urlsplit(self.server.url)
        return http.client.HTTPSConnection(str(address.hostname), address.port, context=context, timeout=20)

    def ask(self, path: str = "/", method: str = "GET", **more: Any) -> tuple[int, bytes, Any]:
        with closing(self.connect()) as connection:
            connection.request(method, path, **more)
            answer = connection.getresponse()
            return answer.status, answer.read(), answer.headers


def farewell(connection: http.client.HTTPSConnection, path: str = "/") -> str | None:
    """What one more answer says about the future of its connection."""
    connection.request("GET", path)
    answer = connection.getresponse()
    answer.read()
    return answer.headers["Connection"]


def once_more(connection: http.client.HTTPSConnection) -> None:
    connection.request("GET", "/")
    connection.getresponse()


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    made = Ground(tmp_path / "authority")
    yield made
    made.server.stop()


def fault(kind: str, **more: Any) -> Fault:
    return Fault(service="notebook", kind=kind, **more)


def test_a_good_certificate_passes_the_strictest_check(ground: Ground) -> None:
    """Strict X.509 checking is the default from Python 3.13 on."""
    assert ground.ask()[0] == 200


@pytest.mark.parametrize(
    ("kind", "complaint"),
    [("expired", "expired"), ("wrong-name", "Hostname mismatch"), ("self-signed", "self-signed certificate")],
)
def test_a_bad_certificate_is_refused_and_the_next_connection_is_good(
    ground: Ground, kind: Kind, complaint: str
) -> None:
    ground.faults.add(fault("certificate", value=kind))
    with pytest.raises(ssl.SSLCertVerificationError, match=complaint):
        ground.ask()
    assert ground.ask()[0] == 200
    assert ground.service.committed == ["/"]


def test_another_authority_is_not_trusted(ground: Ground, tmp_path: Path) -> None:
    stranger = make_authority(tmp_path / "stranger")
    with closing(ground.connect(stranger)) as connection, pytest.raises(ssl.SSLCertVerificationError):
        connection.request("GET", "/")


def test_an_authority_is_found_again_in_its_folder_and_its_key_is_private(tmp_path: Path) -> None:
    first = make_authority(tmp_path)
    before = first.ca_file.read_bytes()
    first.server_context()
    assert make_authority(tmp_path).ca_file.read_bytes() == before
    assert first.key_file.stat().st_mode & 0o777 == 0o600
    assert sorted(p.name for p in tmp_path.iterdir()) == ["ca-key.pem", "ca.pem"]


def test_an_unknown_kind_of_certificate_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="crooked"):
        make_authority(tmp_path).server_context(kind="crooked")  # type: ignore[arg-type]


def test_one_connection_carries_many_requests_with_bodies_and_repeated_parameters(ground: Ground) -> None:
    with closing(ground.connect()) as connection:
        for number in range(3):
            connection.request("POST", f"/caf%C3%A9?a=1&a=2&empty=&n={number}", body=f"n° {number}".encode())
            answer = Response(200, connection.getresponse().read())
            expected = {"a": ["1", "2"], "empty": [""], "n": [str(number)]}
            assert Request("GET", "/", {}, answer.body).json() == {  # type: ignore[arg-type]
                "path": "/café",
                "query": expected,
                "body": f"n° {number}",
            }


def test_the_log_tells_who_asked_what_and_keeps_no_secret(ground: Ground) -> None:
    headers = {"X-Who": "renée", "Authorization": "Bearer very-secret"}
    ground.ask("/leaves?page=2&access_token=very-secret", headers={**headers, "X-Who": "renee"})
    ground.ask("/other", method="PUT", body=b"very-secret")
    first, second = ground.log.entries("notebook")
    assert (first.method, first.path, first.query["page"]) == ("GET", "/leaves", ["2"])
    assert (first.principal, first.status, first.fault) == ("renee", 200, None)
    assert (second.number - first.number, second.size) == (1, len(b"very-secret"))
    assert "very-secret" not in repr(ground.log.entries())
    assert [e.path for e in ground.log.entries(path_prefix="/oth")] == ["/other"]
    assert ground.log.entries("figgo") == []
    ground.log.clear()
    assert ground.log.entries() == []


@pytest.mark.parametrize("kind", ["drop-before", "drop-after", "late-commit"])
def test_a_dropped_answer_leaves_the_client_without_one(ground: Ground, kind: str) -> None:
    ground.faults.add(fault(kind))
    with pytest.raises(http.client.RemoteDisconnected):
        ground.ask("/write", method="POST", body=b"x")
    assert ground.service.committed == (["/write"] if kind == "drop-after" else [])
    assert [(e.status, e.fault) for e in ground.log.entries()] == [(0, kind)]


@pytest.mark.parametrize(("kind", "committed"), [("reset-before", []), ("reset-after", ["/write"])])
def test_a_reset_is_one_for_the_client_too(ground: Ground, kind: str, committed: list[str]) -> None:
    ground.faults.add(fault(kind))
    with pytest.raises(ConnectionResetError):
        ground.ask("/write", method="POST", body=b"x")
    assert ground.service.committed == committed
    assert [(e.status, e.fault) for e in ground.log.entries()] == [(0, kind)]


def test_a_server_that_goes_down_gives_its_present_answers_and_refuses_until_it_listens_again(
    ground: Ground,
) -> None:
    with closing(ground.connect()) as connection:
        assert farewell(connection) == "keep-alive"
        ground.server.refuse()
        assert farewell(connection, "/last") == "close"
    for _ in range(2):
        with pytest.raises(ConnectionRefusedError):
            ground.ask("/refused")
    ground.server.listen()
    ground.server.listen()
    assert ground.ask("/back")[0] == 200
    assert ground.service.committed == ["/", "/last", "/back"]


def test_a_server_stops_while_it_refuses(ground: Ground) -> None:
    ground.server.refuse()
    ground.server.stop()
    with pytest.raises(ConnectionRefusedError):
        ground.ask()


def test_a_drained_connection_ends_after_one_more_answer_and_a_new_one_stays(ground: Ground) -> None:
    with closing(ground.connect()) as old, closing(ground.connect()) as new:
        assert farewell(old) == "keep-alive"
        ground.server.drain()
        assert [farewell(old), farewell(new), farewell(new)] == ["close", "keep-alive", "keep-alive"]


def test_a_fault_counts_how_often_it_has_struck(ground: Ground) -> None:
    number = ground.faults.add(fault("status", path="/a", after=1, times=2, value=500))
    counts = []
    for path in ("/a", "/b", "/a", "/a", "/a"):
        ground.ask(path)
        counts.append(ground.faults.struck(number))
    assert counts == [0, 0, 1, 2, 2]
    ground.faults.clear()
    with pytest.raises(KeyError):
        ground.faults.struck(number)


def test_a_late_commit_happens_when_settled_and_only_once(ground: Ground) -> None:
    ground.faults.add(fault("late-commit"))
    with pytest.raises(http.client.RemoteDisconnected):
        ground.ask("/write", method="POST")
    ground.faults.clear()
    assert ground.faults.settle() == 1
    assert ground.faults.settle() == 0
    assert ground.service.committed == ["/write"]


def test_a_late_commit_with_a_time_happens_by_itself() -> None:
    faults, done = Faults(), threading.Event()
    faults.defer(done.set, 0.01)
    assert done.wait(20)
    assert faults.settle() == 0


def test_a_status_fault_answers_in_place_of_the_handler(ground: Ground) -> None:
    ground.faults.add(
        fault("status", value={"status": 503, "headers": {"Retry-After": "7"}, "body": {"a": 1}})
    )
    status, body, headers = ground.ask()
    assert (status, body, headers["Retry-After"]) == (503, b'{"a":1}', "7")
    assert ground.service.committed == []
    assert ground.ask()[0] == 200


def test_a_status_after_fault_commits_and_lies_about_it(ground: Ground) -> None:
    ground.faults.add(fault("status-after", value=502))
    assert ground.ask("/write")[0] == 502
    assert ground.service.committed == ["/write"]


def test_a_cut_body_is_shorter_than_announced(ground: Ground) -> None:
    ground.faults.add(fault("cut-body"))
    with pytest.raises(http.client.IncompleteRead):
        ground.ask()
    assert ground.service.committed == ["/"]


def test_cut_json_has_the_length_it_announces(ground: Ground) -> None:
    ground.faults.add(fault("cut-json"))
    status, body, headers = ground.ask()
    assert (status, int(headers["Content-Length"])) == (200, len(body))
    with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
        Request("GET", "/", headers, body).json()


def test_a_portal_answers_200_with_html_and_nothing_is_committed(ground: Ground) -> None:
    ground.faults.add(fault("html"))
    status, body, headers = ground.ask()
    assert (status, headers.get_content_type(), body[:9]) == (200, "text/html", b"<!DOCTYPE")
    assert ground.service.committed == []


@pytest.mark.parametrize("kind", ["delay", "drip"])
def test_a_slow_answer_is_still_the_whole_answer(ground: Ground, kind: str) -> None:
    ground.faults.add(fault(kind, value=0.02))
    assert ground.ask("/slow")[1] == b'{"path":"/slow","query":{},"body":""}'
    assert ground.log.entries()[0].fault == kind


@pytest.mark.parametrize(("value", "committed"), [(None, []), ("before", []), ("after", ["/"])])
def test_silence_lasts_until_the_client_gives_up(
    ground: Ground, value: str | None, committed: list[str]
) -> None:
    ground.faults.add(fault("silence", value=value))
    with closing(ground.connect()) as connection:
        connection.request("GET", "/")
        assert ground.log.told.wait(20)
        connection.sock.settimeout(0.05)
        with pytest.raises(TimeoutError):
            connection.getresponse()
    assert ground.service.committed == committed


def test_a_fault_strikes_only_what_it_names_and_as_often_as_it_says(ground: Ground) -> None:
    ground.faults.add(
        fault("status", method="P*", path="/a*", principal="r?n*", after=1, times=2, value=500),
    )
    who = {"X-Who": "rene"}
    assert ground.ask("/a", "GET", headers=who)[0] == 200
    assert ground.ask("/b", "POST", headers=who)[0] == 200
    assert ground.ask("/a", "POST")[0] == 200
    assert [ground.ask("/a", "POST", headers=who)[0] for _ in range(4)] == [200, 500, 500, 200]


def test_a_fault_may_be_meant_for_some_queries_only(ground: Ground) -> None:
    ground.faults.add(fault("status", query="*page=[2-9]*", times=None, value=500))
    asked = ["/a", "/a?page=1", "/a?limit=5&page=2", "/a?page=2&limit=5"]
    assert [ground.ask(target)[0] for target in asked] == [200, 200, 500, 500]


def test_faults_strike_one_after_the_other_in_the_order_they_were_added(ground: Ground) -> None:
    ground.faults.add(fault("status", value=500))
    ground.faults.add(fault("status", value=503))
    assert [ground.ask()[0] for _ in range(3)] == [500, 503, 200]


def test_a_fault_without_times_lasts_until_it_is_removed(ground: Ground) -> None:
    number = ground.faults.add(fault("status", times=None, value=500))
    assert [ground.ask()[0] for _ in range(3)] == [500, 500, 500]
    ground.faults.remove(number)
    assert ground.ask()[0] == 200
    with pytest.raises(KeyError):
        ground.faults.remove(number)


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        ({"service": "google", "kind": "explode"}, "explode"),
        ({"service": "google"}, "kind"),
        ({"service": "google", "kind": "html", "colour": "red"}, "colour"),
        ({"service": "google", "kind": "delay"}, "seconds"),
        ({"service": "google", "kind": "status", "value": {"body": "x"}}, "status"),
        ({"service": "google", "kind": "silence", "value": "maybe"}, "before"),
        ({"service": "google", "kind": "certificate"}, "wrong-name"),
        ({"service": "google", "kind": "html", "times": 0}, "times"),
    ],
)
def test_a_fault_that_cannot_be_played_is_refused_with_the_reason(
    data: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        Fault.from_json(data)


def test_every_kind_of_fault_is_played_by_the_server(ground: Ground) -> None:
    """A kind that is documented and not played would answer 500 or hang here."""
    values: dict[str, Any] = {
        "status": 500,
        "status-after": 500,
        "delay": 0,
        "drip": 0,
        "certificate": "expired",
    }
    for kind in sorted(set(KINDS) - {"silence"}):
        ground.faults.add(fault(kind, value=values.get(kind)))
        try:
            ground.ask()
        except (OSError, http.client.HTTPException):
            continue
    seen = {entry.fault for entry in ground.log.entries()}
    assert seen == set(KINDS) - {"silence", "certificate"}


@pytest.mark.parametrize("path", ["/broken", "/nobody"])
def test_a_defect_of_the_stand_in_fails_the_test_that_used_it(tmp_path: Path, path: str) -> None:
    ground = Ground(tmp_path)
    with suppress(http.client.RemoteDisconnected):
        assert ground.ask(path)[0] == 500
    with pytest.raises(StandInBrokenError, match="this service has a defect"):
        ground.server.stop()


def test_stopping_ends_open_connections_and_frees_the_port(tmp_path: Path) -> None:
    ground = Ground(tmp_path)
    with closing(ground.connect()) as connection:
        connection.request("GET", "/")
        connection.getresponse().read()
        ground.server.stop()
        with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
            once_more(connection)
    port = urlsplit(ground.server.url).port or 0
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=20)


def test_a_server_stops_although_somebody_is_kept_waiting(tmp_path: Path) -> None:
    ground = Ground(tmp_path)
    ground.faults.add(fault("silence"))
    with closing(ground.connect()) as connection:
        connection.request("GET", "/")
        ground.server.stop()
        with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
            connection.getresponse()


def test_a_client_that_speaks_no_tls_disturbs_nobody(ground: Ground) -> None:
    port = urlsplit(ground.server.url).port or 0
    with closing(socket.create_connection(("127.0.0.1", port), timeout=20)) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
        with suppress(ConnectionResetError):
            plain.recv(100)
    assert ground.ask()[0] == 200


@pytest.mark.parametrize("words", [b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\nContent-Length: ten\r\n\r\n"])
def test_a_client_that_speaks_no_http_is_hung_up_on(ground: Ground, words: bytes) -> None:
    with closing(ground.connect()) as connection:
        connection.connect()
        connection.sock.sendall(words)
        assert connection.sock.recv(100) == b""
    assert ground.ask()[0] == 200


def test_hanging_up_makes_clients_connect_again(ground: Ground) -> None:
    with closing(ground.connect()) as connection:
        connection.request("GET", "/")
        connection.getresponse().read()
        ground.server.hang_up()
        with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
            once_more(connection)
    assert ground.ask()[0] == 200


def test_a_switch_takes_its_declared_values_only(ground: Ground) -> None:
    service = ground.service
    assert service.switches == {"mood": "calm", "size": 3}
    service.switch("mood", "cross")
    service.switch("size", 12)
    assert service.switches == {"mood": "cross", "size": 12}
    with pytest.raises(ValueError, match="calm"):
        service.switch("mood", "jolly")
    with pytest.raises(ValueError, match="size"):
        service.switch("weather", "fine")
