"""Logging on to Exchange: by which method, with what said, and never twice with a wrong password."""

import logging
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from figgo_ops.calendars import _exchange_lines as lines
from figgo_ops.calendars.exchange import ExchangeCalendar
from figgo_ops.errors import CredentialRefused, FiggoOpsError, MailboxAbsent, RightsMissing, UsageError
from figgo_ops.sandbox.messages import Request, Response
from tests.calendars.contract import ANNE, DAY, MONDAY, NOBODY, ZOE, all_day, creation
from tests.calendars.stages import ExchangeStage


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[ExchangeStage]:
    stage = ExchangeStage(tmp_path)
    yield stage
    stage.close()


def crowd(stage: ExchangeStage, count: int) -> list[str]:
    """So many more mailboxes."""
    mails = [f"user.{number}@corail.example" for number in range(count)]
    for mail in mails:
        stage.exchange.add_mailbox(mail)
    return mails


def read(calendar: ExchangeCalendar, *addresses: str) -> list[FiggoOpsError | None]:
    """The error of each mailbox, in the order of their addresses."""
    return [one.error for one in sorted(calendar.read(addresses), key=lambda one: one.mailbox)]


def refused(calendar: ExchangeCalendar, *addresses: str) -> FiggoOpsError:
    """What stopped the calendar."""
    with pytest.raises(FiggoOpsError) as caught:
        list(calendar.read(addresses or (ANNE,)))
    return caught.value


def bare(stage: ExchangeStage) -> list[int]:
    """The statuses of requests that were no operation: questions for the method, legs of NTLM."""
    return [entry.status for entry in stage.log.entries() if entry.path.endswith(".asmx")]


@pytest.mark.parametrize("auth", ["basic", "ntlm"])
@pytest.mark.parametrize("offered", ["both", "only that one"])
def test_a_method_that_the_tenant_file_names_is_used_without_asking(
    stage: ExchangeStage, auth: str, offered: str
) -> None:
    stage.exchange.switch("auth", "both" if offered == "both" else auth)
    assert read(stage.connect(auth=auth), ANNE, ZOE) == [None, None]
    assert len(stage.calls("FindItem")) == 2
    handshakes = len(bare(stage))
    assert handshakes == 0 if auth == "basic" else handshakes % 2 == 0
    assert stage.exchange.gate.failed == []


@pytest.mark.parametrize(("offered", "chosen"), [("both", "ntlm"), ("ntlm", "ntlm"), ("basic", "basic")])
def test_a_method_that_nobody_named_is_asked_for_once_and_remembered(
    stage: ExchangeStage, offered: str, chosen: str
) -> None:
    """NTLM is preferred, because it never shows the password."""
    stage.exchange.switch("auth", offered)
    assert read(stage.connect(auth=None, threads=1), ANNE, ZOE) == [None, None]
    assert stage.known.recall("log-on") == chosen
    first = len(bare(stage))
    stage.log.clear()
    assert read(stage.connect(auth=None, threads=1), ANNE, ZOE) == [None, None]
    assert len(bare(stage)) == first - 1 == (2 if chosen == "ntlm" else 0)
    assert stage.exchange.gate.failed == []


@pytest.mark.parametrize("first", [NOBODY, "outside@corail.example"])
def test_a_method_is_remembered_though_the_first_mailbox_cannot_be_served(
    stage: ExchangeStage, first: str
) -> None:
    stage.exchange.add_mailbox("outside@corail.example", state="outside")
    stage.exchange.switch("auth", "basic")
    assert read(stage.connect(auth=None, threads=1), first, ZOE)[1] is None
    stage.log.clear()
    assert read(stage.connect(auth=None, threads=1), first, ZOE)[1] is None
    assert bare(stage) == [], "the server was asked again what it offers"


@pytest.mark.parametrize(
    ("auth", "offered", "words", "remedy"),
    [
        ("basic", "ntlm", "the log-on method basic, only negotiate and ntlm", 'auth = "ntlm"'),
        ("ntlm", "basic", "the log-on method ntlm, only basic", 'auth = "basic"'),
        ("basic", "none-offered", "offers no log-on method", "-WindowsAuthentication $true"),
        ("ntlm", "none-offered", "offers no log-on method", "-WindowsAuthentication $true"),
        (None, "none-offered", "offers no log-on method", "-WindowsAuthentication $true"),
    ],
)
def test_a_server_that_does_not_offer_the_method_is_asked_once_and_its_administrator_told_what_to_do(
    stage: ExchangeStage, auth: str | None, offered: str, words: str, remedy: str
) -> None:
    stage.exchange.switch("auth", offered)
    error = refused(stage.connect(auth=auth), *crowd(stage, 12))
    assert (type(error), error.code) == (UsageError, "method-not-offered")
    assert words in error.message
    assert remedy in error.remedy
    assert len(stage.log.entries()) == 1
    assert stage.exchange.gate.failed == [], "a method that is not offered was taken for a wrong password"


@pytest.mark.parametrize(("before", "now"), [("basic", "ntlm"), ("ntlm", "basic")])
def test_a_remembered_method_that_is_not_offered_any_more_is_found_anew_once(
    stage: ExchangeStage, before: str, now: str
) -> None:
    stage.known.remember("log-on", before)
    stage.exchange.switch("auth", now)
    mails = crowd(stage, 10)
    assert set(read(stage.connect(auth=None), *mails)) == {None}
    assert stage.known.recall("log-on") == now
    assert len(stage.calls("FindItem", 200)) == 10
    assert stage.exchange.gate.failed == []
    stage.log.clear()
    assert set(read(stage.connect(auth=None, threads=1), *mails)) == {None}
    assert 401 not in [entry.status for entry in stage.log.entries() if now == "basic"]


def test_a_remembered_method_is_given_up_when_the_server_offers_nothing(stage: ExchangeStage) -> None:
    stage.known.remember("log-on", "basic")
    stage.exchange.switch("auth", "none-offered")
    error = refused(stage.connect(auth=None), *crowd(stage, 10))
    assert (type(error), error.code) == (UsageError, "method-not-offered")
    assert len(stage.log.entries()) == 2, "one with what was remembered, one to ask"
    assert stage.known.recall("log-on") == ""


@pytest.mark.parametrize("version", ["2013", "2016", "2019", "SE", "unknown"])
@pytest.mark.parametrize("auth", ["basic", "ntlm"])
def test_no_request_is_spent_on_the_servers_version(stage: ExchangeStage, version: str, auth: str) -> None:
    stage.exchange.switch("version", version)
    calendar = stage.connect(auth=auth, threads=1)
    assert read(calendar, ANNE, ZOE) == [None, None]
    assert [entry.status for entry in stage.calls("FindItem")] == [200, 200]
    outcomes = calendar.write([creation(stage, ANNE, all_day())])
    assert [outcome.status for outcome in outcomes] == ["done"]
    assert not stage.calls("ConvertId")
    checks = {check.name: check for check in calendar.probe(ANNE)}
    assert checks["log-on"].status == "ok"
    assert (checks["log-on"].cause == "") == (version == "unknown")


def test_requests_speak_the_oldest_dialect_whatever_the_server_says_of_itself(
    stage: ExchangeStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.exchange.switch("version", "SE")
    spoken: set[bytes] = set()
    handle = stage.exchange.handle

    def noted(request: Request) -> Response:
        spoken.add(request.body.partition(b'RequestServerVersion Version="')[2].partition(b'"')[0])
        return handle(request)

    monkeypatch.setattr(stage.exchange, "handle", noted)
    calendar = stage.connect(threads=1)
    read(calendar, ANNE, ZOE)
    list(calendar.write([creation(stage, ANNE, all_day(MONDAY + n * DAY), n) for n in range(3)]))
    assert spoken == {b"Exchange2013"}


def test_a_server_too_old_is_named_after_one_request(stage: ExchangeStage) -> None:
    stage.exchange.switch("version", "2010")
    error = refused(stage.calendar, *crowd(stage, 10))
    assert (type(error), error.code) == (UsageError, "old-server")
    assert "2013" in error.message
    assert len(stage.log.entries()) == 1, "exchangelib would try ten versions"


@pytest.mark.parametrize("auth", ["basic", "ntlm", None])
def test_a_wrong_password_is_sent_once_for_fifty_mailboxes(stage: ExchangeStage, auth: str | None) -> None:
    mails = crowd(stage, 50)
    stage.password = "Motdepasse1"
    error = refused(stage.connect(auth=auth, threads=8), *mails)
    assert (type(error), error.exit) == (CredentialRefused, 4)
    assert len(stage.exchange.gate.failed) == 1
    assert stage.exchange.gate.log_ons == 0


@pytest.mark.parametrize("state", ["expired", "disabled", "locked"])
@pytest.mark.parametrize("auth", ["basic", "ntlm"])
def test_an_account_that_may_not_log_on_is_like_a_wrong_password(
    stage: ExchangeStage, state: str, auth: str
) -> None:
    stage.exchange.switch("account", state)
    error = refused(stage.connect(auth=auth), *crowd(stage, 20))
    assert type(error) is CredentialRefused
    assert "4625" in error.message
    assert len([entry for entry in stage.log.entries() if entry.path.endswith("/FindItem")]) == 1


def test_what_was_done_before_the_password_was_changed_is_known_and_then_the_run_stops(
    stage: ExchangeStage,
) -> None:
    mails = crowd(stage, 40)
    calendar = stage.connect(threads=1)
    outcomes = calendar.write([creation(stage, mail, all_day()) for mail in mails])
    assert next(outcomes).status == "done"
    stage.exchange.gate.password = "changed meanwhile"
    with pytest.raises(CredentialRefused):
        list(outcomes)
    assert len(stage.exchange.gate.failed) == 1


def test_a_password_changed_in_the_middle_costs_at_most_what_was_on_the_way(stage: ExchangeStage) -> None:
    mails = crowd(stage, 60)
    calendar = stage.connect(threads=4)
    found = calendar.read(mails)
    next(found)
    stage.exchange.gate.password = "changed meanwhile"
    with pytest.raises(CredentialRefused):
        list(found)
    assert 1 <= len(stage.exchange.gate.failed) <= 4


def test_every_change_that_was_taken_has_its_outcome_when_writing_stops(stage: ExchangeStage) -> None:
    mails = crowd(stage, 40)
    changes = [creation(stage, mail, all_day()) for mail in mails]
    outcomes = stage.connect(threads=4).write(changes)
    told = [next(outcomes)]
    stage.exchange.gate.password = "changed meanwhile"
    with pytest.raises(CredentialRefused):
        told.extend(outcomes)
    assert sorted(outcome.change.mailbox for outcome in told) == sorted(one.mailbox for one in changes)
    done = {outcome.change.mailbox.address for outcome in told if outcome.status == "done"}
    assert done == {mail for mail in mails if stage.titles(mail)}
    assert {outcome.status for outcome in told} == {"done", "failed"}


def test_after_a_change_of_the_password_the_next_question_asks_the_memory_first(
    stage: ExchangeStage,
) -> None:
    """Whoever was logged on is so no more: another process may know by now that it is refused."""
    calendar = stage.connect(threads=4)
    assert read(calendar, ANNE) == [None]
    assert stage.known.begun == 1
    stage.exchange.gate.password = "changed meanwhile"
    refused(calendar, *crowd(stage, 20))
    wrong = len(stage.exchange.gate.failed)
    stage.known.refuse = True
    error = refused(calendar, ANNE, ZOE)
    assert error.code == "credential-remembered"
    assert len(stage.exchange.gate.failed) == wrong


def test_a_password_repaired_lets_the_same_calendar_go_on(stage: ExchangeStage) -> None:
    stage.exchange.gate.password = "not yet told us"
    refused(stage.calendar, ANNE)
    stage.exchange.gate.password = stage.password
    assert read(stage.calendar, ANNE, ZOE) == [None, None]


@pytest.mark.parametrize("password", ["Été à Nîmes 2026", "пароль-€-密码", 'a"b\\c:d é', "🔑🗝"])
@pytest.mark.parametrize("auth", ["basic", "ntlm"])
def test_passwords_in_any_script_log_on(stage: ExchangeStage, auth: str, password: str) -> None:
    stage.exchange.gate.password = stage.password = password
    assert read(stage.connect(auth=auth), ANNE) == [None]
    stage.password += "x"
    error = refused(stage.connect(auth=auth))
    assert type(error) is CredentialRefused
    assert password not in "".join(traceback.format_exception(error))


@pytest.mark.parametrize(
    "user", ["svc-figgo@corail.example", "corail.example\\svc-figgo", "CORAIL\\svc-figgo", "CORAIL\\été"]
)
@pytest.mark.parametrize("auth", ["basic", "ntlm"])
def test_the_account_is_named_as_the_administrator_writes_it(
    stage: ExchangeStage, auth: str, user: str
) -> None:
    stage.exchange.gate.user = user
    assert read(stage.connect(auth=auth, user=user), ANNE) == [None]


def test_the_surroundings_never_log_on_for_us(
    stage: ExchangeStage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asking which methods there are is no log-on, even where ~/.netrc knows a password for that host."""
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine localhost login CORAIL\\svc-figgo password vieux\n")
    monkeypatch.setenv("NETRC", str(netrc))
    for apart in (lines.LOOPBACK, ()):
        monkeypatch.setattr(lines, "LOOPBACK", apart)
        assert read(stage.connect(auth=None, threads=1), ANNE) == [None]
        stage.known.remember("log-on", "")
    assert stage.exchange.gate.failed == []


def told(error: BaseException | None) -> str:
    """All that a careless program could show of an error and what is behind it."""
    text = "".join(traceback.format_exception(error)) if error else ""
    seen = []
    while error:
        seen.append(f"{error!r} {error} {vars(error)}")
        error = error.__cause__ or error.__context__
    return text + "\n".join(seen)


TROUBLES: list[dict[str, Any]] = [
    {"kind": "status", "value": 401},
    {"kind": "status", "value": 403},
    {"kind": "status", "value": 503},
    {"kind": "drop-after"},
    {"kind": "cut-body"},
    {"kind": "html"},
    {"kind": "status", "value": {"status": 500, "code": "ErrorInternalServerError"}},
]


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda one: f"{one['kind']} {one.get('value', '')}")
@pytest.mark.parametrize("auth", ["basic", "ntlm"])
def test_no_secret_and_no_title_is_logged_or_told_whatever_happens(
    stage: ExchangeStage, caplog: pytest.LogCaptureFixture, auth: str, trouble: dict[str, Any]
) -> None:
    caplog.set_level(logging.DEBUG)
    calendar = stage.connect(auth=auth, threads=1)
    kind = trouble["kind"]
    stage.fault(kind, path="*Item", after=1, times=None, value=trouble.get("value"))
    errors: list[BaseException | None] = []
    try:
        errors += read(calendar, ANNE, ZOE)
        change = creation(stage, ANNE, all_day(title="Cure thermale"))
        errors += [outcome.error for outcome in calendar.write([change])]
    except FiggoOpsError as error:
        errors.append(error)
    assert any(errors)
    logged = [f"{one.name} {one.getMessage()} {one.args!r}" for one in caplog.records]
    assert logged, "not even the connections were logged: nobody listened"
    shown = "\n".join(logged) + "".join(map(told, errors)) + repr(vars(calendar))
    for secret in secrets_of(stage):
        assert secret not in shown
    assert "Cure thermale" not in shown
    assert not [one.name for one in caplog.records if one.name.startswith(("exchangelib", "spnego"))]


def secrets_of(stage: ExchangeStage) -> list[str]:
    """The password as it may be spelt."""
    basic = requests.auth._basic_auth_str(stage.user, stage.password)
    return [stage.password, basic, basic.removeprefix("Basic "), "Authorization"]


def test_a_first_log_on_that_ends_as_mailbox_error_leaves_the_others_alone(stage: ExchangeStage) -> None:
    found = read(stage.connect(threads=4), NOBODY, ANNE, ZOE)
    assert [type(error) for error in found] == [type(None), MailboxAbsent, type(None)]
    assert stage.known.begun == 1
    assert not isinstance(found[1], RightsMissing)
