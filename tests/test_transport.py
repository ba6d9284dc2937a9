"""How a door to a service waits, tries again, and says why nobody answered."""

import logging
import random
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from figgo_ops.errors import Unreachable, UsageError
from figgo_ops.pacing import LONGEST_WAIT
from figgo_ops.sandbox.ca import Authority, make_authority
from figgo_ops.sandbox.faults import Fault, Faults
from figgo_ops.sandbox.messages import Request, RequestLog, Response, Service
from figgo_ops.sandbox.web import Server
from figgo_ops.transport import TRIES, Answer, Http, Pace, SystemClock, backoff, retry_after, tls_cause

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


class StillClock:
    """A clock that only moves when somebody sleeps."""

    def __init__(self) -> None:
        self.passed = 0.0
        self.slept: list[float] = []
        self.lock = threading.Lock()

    def monotonic(self) -> float:
        return self.passed

    def now(self) -> datetime:
        return NOON + timedelta(seconds=self.passed)

    def sleep(self, seconds: float) -> None:
        with self.lock:
            self.slept.append(seconds)
            self.passed += seconds


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


def turns(pace: Pace, clock: StillClock, count: int) -> list[float]:
    """When each of so many goes."""
    found = []
    for _ in range(count):
        pace.wait()
        found.append(clock.passed)
    return found


def during_sleep(
    clock: StillClock, act: Callable[[], None], *, early: bool = False, oversleep: float = 0
) -> None:
    """Let somebody act while the next one sleeps: as the sleep begins, or a little after its end."""
    plain = clock.sleep

    def interrupted(seconds: float) -> None:
        clock.sleep = plain  # type: ignore[method-assign]
        if early:
            act()
        clock.sleep(seconds + oversleep)
        if not early:
            act()

    clock.sleep = interrupted  # type: ignore[method-assign]


class TestPace:
    def test_a_burst_of_one_goes_once_per_interval(self, clock: StillClock) -> None:
        assert turns(Pace(0.5, clock), clock, 4) == [0, 2, 4, 6]

    def test_a_burst_goes_at_once_and_the_next_when_its_window_is_over(self, clock: StillClock) -> None:
        assert turns(Pace(20 / 60, clock, burst=20), clock, 41) == [0] * 20 + [60] * 20 + [120]

    def test_no_window_ever_holds_more_than_the_burst_whatever_the_arrivals(self, clock: StillClock) -> None:
        seed = random.randrange(10**6)
        print("seed", seed)
        rng = random.Random(seed)
        pace = Pace(0.5, clock, burst=5)
        gone = []
        for _ in range(300):
            clock.passed += rng.choice([0, 0, 0, 0.5, 3, 30])
            pace.wait()
            gone.append(clock.passed)
        windows = zip(gone, gone[5:], strict=False)
        assert all(sixth - first >= 10 - 1e-9 for first, sixth in windows)
        assert any(sixth - first <= 10 + 1e-9 for first, sixth in zip(gone, gone[5:], strict=False))

    def test_threads_share_one_pace_and_each_gets_a_turn_of_its_own(self, clock: StillClock) -> None:
        pace, gone, lock = Pace(1, clock), [], threading.Lock()

        def go() -> None:
            for _ in range(10):
                pace.wait()
                with lock:
                    gone.append(clock.passed)

        threads = [threading.Thread(target=go) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        # The last of forty turns, one a second, is thirty-nine seconds after the first.
        assert len(gone) == 40
        assert max(gone) >= 39

    def test_nobody_goes_during_a_pause_and_the_old_rate_goes_on_after_it(self, clock: StillClock) -> None:
        pace = Pace(1, clock)
        turns(pace, clock, 2)
        pace.pause(30)
        assert turns(pace, clock, 3) == [31, 32, 33]

    def test_a_shorter_pause_does_not_end_a_longer_one(self, clock: StillClock) -> None:
        pace = Pace(1, clock)
        pace.pause(30)
        pace.pause(5)
        assert turns(pace, clock, 1) == [30]

    def test_a_pause_holds_back_one_who_is_about_to_go(self, clock: StillClock) -> None:
        pace = Pace(0.1, clock)
        pace.wait()
        during_sleep(clock, lambda: pace.pause(100), oversleep=0.5)
        pace.wait()
        assert clock.passed == 110.5

    def test_a_pause_moves_all_who_wait_and_keeps_their_distance(self, clock: StillClock) -> None:
        pace = Pace(0.1, clock)
        pace.wait()
        during_sleep(clock, lambda: pace.pause(100), early=True)
        pace.wait()
        assert clock.passed == 110

    @pytest.mark.parametrize(("burst", "turn"), [(1, 120), (2, 120)])
    def test_who_comes_during_a_pause_goes_after_those_who_waited_before(
        self, clock: StillClock, burst: int, turn: float
    ) -> None:
        pace = Pace(0.1, clock, burst)
        turns(pace, clock, burst)
        gone = []

        def pause_and_come() -> None:
            pace.pause(100)
            pace.wait()
            gone.append(clock.passed)

        during_sleep(clock, pause_and_come, early=True)
        pace.wait()
        assert gone == [turn]

    def test_slower_halves_the_rate_down_to_a_sixteenth(self, clock: StillClock) -> None:
        pace = Pace(1, clock)
        pace.wait()
        pace.slower()
        assert turns(pace, clock, 2) == [2, 4]
        for _ in range(20):
            pace.slower()
        assert [after - before for before, after in pairwise(turns(pace, clock, 3))] == [16, 16]


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7),
        (" 2.5 ", 2.5),
        ("-3", 0),
        ("999999", LONGEST_WAIT),
        (format_datetime(NOON + timedelta(seconds=90), usegmt=True), 90),
        (format_datetime(NOON - timedelta(days=1), usegmt=True), 0),
        (format_datetime(NOON + timedelta(days=1), usegmt=True), LONGEST_WAIT),
        ("Sun, 22 Nov 2026 12:00:30 -0000", 30),
        ("Sun, 22 Nov 99999999999 12:00:30 GMT", None),
        ("soon", None),
        ("nan", None),
        ("inf", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_anything_else_is_nothing(
    value: str | None, seconds: float | None
) -> None:
    assert retry_after(value, NOON) == seconds


def test_backoff_grows_to_a_minute_and_never_undercuts_what_was_asked() -> None:
    rng = random.Random(3)
    for attempt in range(40):
        assert 0 <= backoff(attempt, None, rng) <= min(64, 2**attempt)
        assert backoff(attempt, 100, rng) == 100


def test_the_system_clock_runs_forward_in_utc() -> None:
    clock = SystemClock()
    before = clock.monotonic()
    clock.sleep(0)
    assert clock.monotonic() >= before
    assert clock.now().utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<!DOCTYPE html><title>Portail\n captif</title>", "a page (Portail captif)"),
        (b"<html>", "a page"),
        (b'{"data": {"ite', "breaks off"),
        (b"", "nothing"),
        (b"\xff\xfe\x00", "a page"),
    ],
)
def test_what_came_instead_of_json_is_named(body: bytes, said: str) -> None:
    with pytest.raises(Unreachable, match="instead of JSON") as caught:
        Answer(200, {}, body).json()
    assert said in caught.value.message


class Echo(Service):
    """Answers with what it is told to, otherwise with its own question."""

    def __init__(self) -> None:
        super().__init__("echo")
        self.answers: list[Response] = []
        self.seen: list[Request] = []

    def handle(self, request: Request) -> Response:
        self.seen.append(request)
        return self.answers.pop(0) if self.answers else Response.json(200, {"path": request.target})


class Stage:
    """One stand-in, its faults, and a door to it."""

    def __init__(self, folder: Path, clock: StillClock) -> None:
        self.authority: Authority = make_authority(folder)
        self.clock, self.echo, self.faults = clock, Echo(), Faults()
        self.server = Server(self.echo, self.authority.server_context(), self.faults, RequestLog())
        self.server.start()
        self.pace = Pace(1000, clock)
        self.doors: list[Http] = []

    def door(self, url: str = "", **options: Any) -> Http:
        options = {"ca_file": str(self.authority.ca_file), "rng": random.Random(1), **options}
        http = Http("Echo", url or self.server.url, self.clock, self.pace, **options)
        self.doors.append(http)
        return http

    def fault(self, kind: str, **how: Any) -> None:
        self.faults.add(Fault("echo", kind, **how))

    def close(self) -> None:
        for http in self.doors:
            http.close()
        self.server.stop()


@pytest.fixture
def stage(tmp_path: Path, clock: StillClock) -> Iterator[Stage]:
    stage = Stage(tmp_path, clock)
    yield stage
    stage.close()


class TestHttp:
    def test_sends_its_headers_and_parameters_and_counts_requests(self, stage: Stage) -> None:
        http = stage.door(headers={"Authorization": "lucca application=k"})
        answer = http.get("/a/b", {"fields": "id,x[y]", "date": "between,1,2"})
        assert answer.status == 200
        assert http.requests == 1
        (request,) = stage.echo.seen
        assert request.headers["authorization"] == "lucca application=k"
        assert request.query == {"fields": ["id,x[y]"], "date": ["between,1,2"]}

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 408])
    def test_a_refusal_is_an_answer_and_asked_for_once(self, stage: Stage, status: int) -> None:
        stage.fault("status", value=status, times=None)
        http = stage.door()
        assert http.get("/").status == status
        assert http.requests == 1

    @pytest.mark.parametrize("kind", ["drop-before", "drop-after", "cut-body"])
    def test_a_cut_connection_is_tried_again(self, stage: Stage, kind: str) -> None:
        stage.fault(kind, times=TRIES - 1)
        http = stage.door()
        assert http.get("/").status == 200
        assert http.requests == TRIES

    def test_a_service_out_of_order_is_given_up_after_five_tries_with_growing_waits(
        self, stage: Stage
    ) -> None:
        stage.fault("status", value=502, times=None)
        http = stage.door()
        with pytest.raises(Unreachable, match=r"502.*out of order") as caught:
            http.get("/")
        assert http.requests == TRIES
        assert caught.value.code == "server-error"
        assert stage.clock.passed <= 1 + 2 + 4 + 8 + 1

    @pytest.mark.parametrize("status", [429, 503])
    def test_nothing_is_sent_before_the_seconds_asked_for_are_over(self, stage: Stage, status: int) -> None:
        stage.fault("status", value={"status": status, "headers": {"Retry-After": "42"}})
        http = stage.door()
        assert http.get("/").status == 200
        assert stage.clock.passed >= 42

    def test_a_date_to_come_back_at_is_respected(self, stage: Stage) -> None:
        moment = format_datetime(NOON + timedelta(seconds=75), usegmt=True)
        stage.fault("status", value={"status": 429, "headers": {"Retry-After": moment}})
        stage.door().get("/")
        assert stage.clock.now() >= NOON + timedelta(seconds=75)

    def test_a_quota_that_does_not_say_how_long_is_outlasted(self, stage: Stage) -> None:
        stage.fault("status", value=429, times=TRIES - 1)
        stage.door().get("/")
        assert stage.clock.passed >= 60

    def test_being_told_to_wait_holds_every_door_that_shares_the_pace(self, stage: Stage) -> None:
        stage.fault("status", value={"status": 429, "headers": {"Retry-After": "42"}}, times=None)
        with pytest.raises(Unreachable, match="too many requests"):
            stage.door().get("/")
        stage.faults.clear()
        before = stage.clock.passed
        stage.door().get("/")
        assert stage.clock.passed >= before + 42

    def test_who_asks_for_an_hour_is_not_waited_for(self, stage: Stage) -> None:
        stage.fault("status", value={"status": 503, "headers": {"Retry-After": "86400"}}, times=None)
        http = stage.door()
        with pytest.raises(Unreachable, match="an hour or more"):
            http.get("/")
        assert http.requests == 1

    def test_a_meaning_that_finds_no_sense_counts_as_a_failed_try(self, stage: Stage) -> None:
        stage.fault("cut-json", times=2)
        http = stage.door()
        assert http.read("/x", None, Answer.json) == {"path": "/x"}
        assert http.requests == 3

    def test_a_redirect_is_never_followed(self, stage: Stage) -> None:
        stage.echo.answers = [Response(302, b"", {"Location": "https://login.example/in"})] * 9
        http = stage.door(headers={"Authorization": "secret"})
        with pytest.raises(Unreachable, match=r"sends us on to login\.example"):
            http.get("/")
        assert http.requests == 1

    def test_an_answer_that_drips_for_ever_is_given_up(self, stage: Stage) -> None:
        class Racing(StillClock):
            def monotonic(self) -> float:
                self.passed += 300
                return self.passed

        stage.clock, stage.pace = Racing(), Pace(1000, stage.clock)
        with pytest.raises(Unreachable, match="did not answer in time"):
            stage.door().get("/")

    def test_silence_is_given_up_after_the_timeout(self, stage: Stage) -> None:
        stage.fault("silence", times=None)
        http = stage.door(timeout=0.05)
        with pytest.raises(Unreachable, match="did not answer in time"):
            http.get("/")
        assert http.requests == TRIES

    @pytest.mark.parametrize(
        ("kind", "said"),
        [("expired", "has expired"), ("wrong-name", "another name"), ("self-signed", "is self-signed")],
    )
    def test_a_bad_certificate_is_refused_at_once_and_by_its_name(
        self, stage: Stage, kind: str, said: str
    ) -> None:
        stage.fault("certificate", value=kind, times=None)
        http = stage.door()
        with pytest.raises(Unreachable, match=said) as caught:
            http.get("/")
        assert caught.value.code == "certificate"
        assert caught.value.remedy
        assert http.requests == 1
        assert not stage.echo.seen

    def test_an_unknown_authority_is_told_apart_and_the_library_may_wrap_the_cause(
        self, stage: Stage, tmp_path: Path
    ) -> None:
        other = make_authority(tmp_path / "other")
        with pytest.raises(Unreachable, match="unknown authority") as caught:
            stage.door(ca_file=str(other.ca_file)).get("/")
        wrapped = RuntimeError("a library's own words")
        wrapped.__context__ = caught.value
        found = tls_cause(wrapped)
        assert found is not None
        assert "ca_file" in found[1]

    def test_certificates_are_verified_without_a_ca_file_too(self, stage: Stage) -> None:
        with pytest.raises(Unreachable, match="certificate"):
            stage.door(ca_file=None).get("/")

    def test_a_port_where_nothing_listens_refuses(self, stage: Stage) -> None:
        with socket.create_server(("127.0.0.1", 0)) as busy:
            port = busy.getsockname()[1]
        with pytest.raises(Unreachable, match=f"localhost:{port}.*refused"):
            stage.door(f"https://localhost:{port}").get("/")

    def test_a_host_that_does_not_exist_is_a_matter_of_dns(self, stage: Stage) -> None:
        with pytest.raises(Unreachable, match=r"nobody\.invalid.*DNS"):
            stage.door("https://nobody.invalid").get("/")

    def test_a_server_without_tls_is_no_https_server(self, stage: Stage) -> None:
        with socket.create_server(("127.0.0.1", 0)) as plain:

            def chat() -> None:
                for _ in range(TRIES):
                    connection, _ = plain.accept()
                    with connection:
                        connection.recv(100)
                        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

            thread = threading.Thread(target=chat)
            thread.start()
            with pytest.raises(Unreachable, match="no encrypted connection"):
                stage.door(f"https://localhost:{plain.getsockname()[1]}").get("/")
            thread.join()

    @pytest.mark.parametrize(
        "url",
        ["http://acme.ilucca.net", "acme.ilucca.net", "https://", "https://a:b@x.example", "https://x.example?q=1",
         "https://x.example:port"],
    )  # fmt: skip
    def test_a_url_that_would_leak_the_key_or_lead_nowhere_is_refused(self, stage: Stage, url: str) -> None:
        with pytest.raises(UsageError, match="https://") as caught:
            stage.door(url)
        assert "a:b" not in caught.value.message

    def test_a_ca_file_that_is_missing_or_empty_is_named(self, stage: Stage, tmp_path: Path) -> None:
        empty = tmp_path / "empty.pem"
        empty.write_text("")
        with pytest.raises(UsageError, match=r"none\.pem is missing"):
            stage.door(ca_file=str(tmp_path / "none.pem"))
        with pytest.raises(UsageError, match=r"empty\.pem holds no certificate"):
            stage.door(ca_file=str(empty))

    def test_no_log_line_holds_the_authorization(
        self, stage: Stage, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.DEBUG):
            stage.door(headers={"Authorization": "lucca application=very-secret"}).get("/")
        assert caplog.records
        assert "very-secret" not in caplog.text
