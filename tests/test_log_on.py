"""A wrong password is shown to Exchange once, whoever asks, and however many ask at the same moment."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from figgo_ops import lease, session, sync
from figgo_ops.calendars._exchange_settings import NOTICE
from figgo_ops.calendars._exchange_wire import FORBIDDEN
from figgo_ops.errors import CredentialRefused, RightsMissing
from figgo_ops.lease import LEASE
from figgo_ops.plan import Plan
from figgo_ops.result import Result
from tests.rehearsal import ANTILLES, GENEVA, Corail
from tests.shell import quiet_surroundings

PEOPLE = 6
"""So many of Geneva, whose mailboxes Exchange keeps, are enough."""

REFERENCE = "file:corail-exchange.password"
SECRET = "exchange.password"
COMMAND = [sys.executable, "-m", "figgo_ops"]


@pytest.fixture
def corail(tmp_path: Path) -> Iterator[Corail]:
    """Active from the start, its calendars still empty."""
    with Corail(tmp_path) as made:
        made.activate()
        yield made


def some(corail: Corail) -> list[int]:
    """People whose mailboxes Exchange keeps."""
    return corail.members(GENEVA)[:PEOPLE]


def ask(corail: Corail) -> sync.Ask:
    """The same people, as a command asks for them."""
    return sync.Ask(tuple(map(str, some(corail))))


def wrong(corail: Corail) -> str:
    """Store a password that Exchange does not know; gives the right one."""
    right = (corail.home.secrets / f"corail-{SECRET}").read_text()
    corail.home.store(REFERENCE, "Motdepasse1")
    return right


def failures(corail: Corail) -> int:
    """How many failed log-ons the directory has counted."""
    return len(corail.stage.exchange.gate.failed)


def refused(result: Plan | Result) -> set[tuple[type[Exception], str]]:
    """What is told of the mailboxes that could not be read."""
    return {(type(row.error), row.error.code) for row in result.unreadable}


def outlook(corail: Corail) -> list[str]:
    """The keys that Exchange holds."""
    exchange = corail.stage.exchange
    return [item["properties"]["FiggoOpsKey"] for mail in exchange.mails() for item in exchange.content(mail)]


def test_a_wrong_password_stops_its_calendar_alone_and_is_shown_once_for_ever(corail: Corail) -> None:
    wrong(corail)
    first = corail.sync(*some(corail), corail.case("whole-day").person)
    assert first.created == 1, "what Google keeps goes on"
    assert refused(first) == {(CredentialRefused, "log-on-refused")}
    assert (len(first.unreadable), sync.exit_of(first), failures(corail)) == (PEOPLE, 4, 1)
    corail.forget_calls()
    again = {(CredentialRefused, "credential-remembered")}
    assert refused(corail.plan(*some(corail))) == refused(corail.sync(*some(corail))) == again
    assert corail.stage.log.entries("exchange") == []
    assert failures(corail) == 1


def test_plan_and_apply_in_one_session_show_a_wrong_password_once(corail: Corail) -> None:
    wrong(corail)
    with corail.session() as session:
        made = sync.plan(session, ask(corail))
        assert made.file
        sync.apply(session, made.file, made.checksum)
        sync.sync(session, ask(corail))
    assert failures(corail) == 1


def test_a_new_password_is_tried_at_once(corail: Corail) -> None:
    right = wrong(corail)
    corail.sync(*some(corail))
    corail.home.store(REFERENCE, right)
    assert corail.sync(*some(corail)).unreadable == []
    assert outlook(corail)
    assert failures(corail) == 1


def test_each_wrong_password_is_shown_once(corail: Corail) -> None:
    wrong(corail)
    corail.sync(*some(corail))
    corail.home.store(REFERENCE, "Motdepasse2")
    for _ in range(2):
        corail.sync(*some(corail))
    corail.home.store(REFERENCE, "Motdepasse1")
    corail.sync(*some(corail))
    assert failures(corail) == 2


def test_somebody_may_have_the_same_password_tried_once_more_and_only_once(corail: Corail) -> None:
    wrong(corail)
    corail.sync(*some(corail))
    with corail.session(retry_credential=True) as session:
        for _ in range(3):
            sync.sync(session, ask(corail))
    assert failures(corail) == 2
    assert refused(corail.plan(*some(corail))) == {(CredentialRefused, "credential-remembered")}
    corail.stage.exchange.gate.password = "Motdepasse1"
    assert refused(corail.plan(*some(corail))) == {(CredentialRefused, "credential-remembered")}
    with corail.session(retry_credential=True) as session:
        assert sync.sync(session, ask(corail)).unreadable == []
    assert (corail.sync(*some(corail)).unreadable, failures(corail)) == ([], 2), (
        "what works again is not remembered"
    )


def test_a_password_changed_between_reading_and_writing_stops_the_run_at_once(corail: Corail) -> None:
    corail.rewrite("user = 'CORAIL", 'auth = "basic"\nuser = \'CORAIL')  # each request is a log-on
    seen = corail.plan(*corail.members(GENEVA), since="start")

    def change() -> None:
        corail.stage.exchange.gate.password = "changed meanwhile"

    with corail.upon(lambda entry: entry.path.endswith("/CreateItem"), change):
        result = corail.apply(seen)
    assert 1 <= result.created == len(outlook(corail)) < seen.count("create")
    assert result.created + len(result.failed) == seen.count("create")
    assert 1 <= failures(corail) <= 8, "no more than were on their way at that moment"
    assert sync.exit_of(result) == 4
    before = failures(corail)
    assert refused(corail.plan(*some(corail))) == {(CredentialRefused, "credential-remembered")}
    assert failures(corail) == before


def test_missing_rights_are_not_remembered(corail: Corail) -> None:
    corail.stage.exchange.switch("ews", "off")
    for _ in range(2):
        corail.forget_calls()
        result = corail.sync(*some(corail))
        assert {kind for kind, _ in refused(result)} == {RightsMissing}
        assert len(corail.calls("exchange")) == FORBIDDEN, "not tried for everyone"
    corail.stage.exchange.switch("ews", "on")
    assert corail.sync(*some(corail)).unreadable == []


def test_the_method_found_once_is_known_to_later_runs(corail: Corail) -> None:
    corail.stage.exchange.switch("auth", "basic")
    corail.sync(*some(corail))
    assert len(corail.stage.log.entries("exchange", "/EWS/Exchange.asmx")) > len(corail.calls("exchange"))
    corail.forget_calls()
    corail.plan(*some(corail))
    assert {entry.status for entry in corail.stage.log.entries("exchange")} == {200}
    corail.stage.exchange.switch("auth", "ntlm")
    assert corail.sync(*some(corail)).unreadable == []
    assert failures(corail) == 0


def test_the_log_on_of_a_process_that_died_is_waited_for_two_minutes_at_most(corail: Corail) -> None:
    with ExitStack() as died:
        session = died.enter_context(corail.session())
        session.calendar("exchange")
        died.enter_context(session.logging_on("exchange", corail.clock.sleep))
        before = corail.clock.slept
        assert corail.sync(*some(corail)).unreadable == []
        assert LEASE - 1 <= corail.clock.slept - before <= 120
    assert outlook(corail)


def test_a_log_on_that_takes_longer_than_a_lease_is_nobody_elses_meanwhile(
    corail: Corail, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (lease, session):
        monkeypatch.setattr(module, "LEASE", 0.3)  # renewed every 0.1 s of the real clock
    renewed = threading.Semaphore(0)

    def stop(_seconds: float) -> None:
        raise TimeoutError

    with corail.session() as first, corail.session() as second:
        renew = first.ledger.renew

        def seen(*what: Any) -> set[str]:
            found = renew(*what)
            renewed.release()
            return found

        monkeypatch.setattr(first.ledger, "renew", seen)
        for one in (first, second):
            one.calendar("exchange")
        with first.logging_on("exchange", stop):
            for _ in range(4):
                corail.clock.sleep(0.2)
                while renewed.acquire(blocking=False):
                    pass  # those from before do not count
                assert all(renewed.acquire(timeout=20) for _ in range(2))
                with pytest.raises(TimeoutError), second.logging_on("exchange", stop):
                    pytest.fail("two logged on at once")
        with second.logging_on("exchange", stop):
            pass  # free as soon as the first one is through


def test_whoever_waits_for_another_log_on_learns_of_its_refusal(corail: Corail) -> None:
    wrong(corail)
    with corail.session() as session:
        session.calendar("exchange")
        begun, ended = threading.Event(), threading.Event()

        def fail() -> None:
            with suppress(CredentialRefused), session.logging_on("exchange", corail.clock.sleep):
                begun.set()
                ended.wait(30)
                raise CredentialRefused("HTTP 401")

        other = threading.Thread(target=fail)
        other.start()
        assert begun.wait(30)
        sleep = corail.clock.sleep

        def told(seconds: float) -> None:
            ended.set()
            other.join(30)
            sleep(seconds)

        with corail.session() as waiting:
            waiting.calendar("exchange")
            with pytest.raises(CredentialRefused) as caught, waiting.logging_on("exchange", told):
                pytest.fail("two logged on at once")
    assert caught.value.code == "credential-remembered"


def in_the_cloud(corail: Corail) -> None:
    """The same mailboxes, reached by an application."""
    exchange = corail.stage.exchange
    exchange.switch("online", True)
    exchange.gate.tokens.client_id = "figgo-app"
    url = corail.stage.urls["exchange"]
    corail.rewrite(
        "user = 'CORAIL\\svc-figgo'\npassword = ",
        f"""online = true
tenant_id = "corail.example"
client_id = "figgo-app"
token_url = "{url}/token"
client_secret = """,
    )


def test_the_end_of_exchange_online_is_a_note_of_every_plan_and_sync_once(corail: Corail) -> None:
    in_the_cloud(corail)
    made = corail.plan(*some(corail))
    assert [note for note in made.notes if "2027-04-01" in note] == [f"Calendar exchange: {NOTICE}"]
    assert made.unreadable == ()
    result = corail.sync(*some(corail))
    assert sum("2027-04-01" in note for note in result.notes) == 1
    assert outlook(corail)


def test_on_premises_there_is_no_such_note(corail: Corail) -> None:
    assert not [note for note in corail.plan(*some(corail)).notes if "Microsoft" in note]


def test_a_wrong_secret_of_an_application_is_shown_once_for_ever(corail: Corail) -> None:
    in_the_cloud(corail)
    right = wrong(corail)
    for _ in range(3):
        result = corail.sync(*some(corail))
        assert {kind for kind, _ in refused(result)} == {CredentialRefused}
        assert sync.exit_of(result) == 4
    assert sum(entry.path == "/token" for entry in corail.stage.log.entries("exchange")) == 1
    corail.home.store(REFERENCE, right)
    assert corail.sync(*some(corail)).unreadable == []


class Office:
    """Several people at desks of their own, each with a process of their own."""

    def __init__(self, corail: Corail) -> None:
        self.corail = corail
        self._environment = {**os.environ, "FIGGO_OPS_HOME": str(corail.home.path)}

    def begin(self, *words: str, given: str = "") -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [*COMMAND, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self._environment,
            text=True,
        )
        assert process.stdin is not None
        process.stdin.write(given)
        process.stdin.flush()
        return process

    def end(self, process: subprocess.Popen[str]) -> tuple[int, str]:
        out, err = process.communicate(timeout=120)
        assert "Traceback" not in out + err, err
        assert "Motdepasse1" not in out + err
        return process.returncode, out


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    quiet_surroundings(monkeypatch, tmp_path / "elsewhere")
    with Corail(tmp_path, today=None) as corail:
        corail.activate()
        corail.stage.figgo.switch("rate_limit", 10**6)  # several processes, one minute
        yield Office(corail)


def test_processes_that_start_at_the_same_moment_show_a_wrong_password_once_between_them(
    office: Office,
) -> None:
    corail = office.corail
    right = wrong(corail)
    person = corail.members(GENEVA)[0]
    words = ("plan", "corail", "--json", "--employee", str(person))
    # Whoever comes first is kept waiting for its answer, so that the others are there meanwhile.
    corail.fault("exchange", "delay", value=1.5, path="/EWS/Exchange.asmx*", times=1)
    ended = [office.end(one) for one in [office.begin(*words) for _ in range(3)]]
    assert [code for code, _ in ended] == [4] * 3
    assert failures(corail) == 1
    told = [row["error"] for _, out in ended for row in json.loads(out)["unreadable"]]
    assert len(told) == 3
    assert sum("was not tried again" in str(one) for one in told) == 2
    assert failures(corail) == 1
    assert office.end(office.begin("secret", "set", REFERENCE, given=right + "\n"))[0] == 0
    assert corail.plan(person).unreadable == ()
    assert failures(corail) == 1


def test_two_calendars_with_one_account_show_its_wrong_password_once(corail: Corail) -> None:
    """The password is the account's, whatever we call the calendars that it opens."""
    wrong(corail)
    text = corail.file.read_text(encoding="utf-8")
    start = text.index('[[calendar]]\nname = "exchange"')
    table = text[start : text.index("[[calendar]]", start + 1)]
    other = table.replace('name = "exchange"', 'name = "annexe"').replace("[2]", "[3]")
    text = text.replace("legal_entities = [3]", "legal_entities = [4]")
    corail.file.write_text(text[:start] + other + text[start:], encoding="utf-8")
    people = [*corail.members(GENEVA)[:2], *corail.members(ANTILLES)[:2]]
    corail.plan(*people)
    corail.rewrite('name = "exchange"', 'name = "genève"')
    corail.plan(*people)
    assert failures(corail) == 1


def test_a_corrected_account_is_tried_at_once_with_the_same_password(corail: Corail) -> None:
    corail.rewrite("user = 'CORAIL\\svc-figgo'", "user = 'CORAIL\\svc-figo'")
    assert refused(corail.plan(*some(corail))) == {(CredentialRefused, "log-on-refused")}
    corail.rewrite("user = 'CORAIL\\svc-figo'", "user = 'CORAIL\\svc-figgo'")
    assert refused(corail.plan(*some(corail))) == set()
