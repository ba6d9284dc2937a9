"""Logging on to Microsoft 365: what refuses it, told by its cause, and never twice with a wrong secret."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from figgo_ops.calendars.microsoft365 import Microsoft365Calendar
from figgo_ops.errors import (
    CredentialRefused,
    FiggoOpsError,
    MailboxElsewhere,
    RightsMissing,
    Unreachable,
    UsageError,
)
from figgo_ops.plan import Outcome
from tests.calendars.contract import ANNE, ZOE, all_day, creation
from tests.calendars.crowds import batches, certified, crowd, days, read, tokens
from tests.calendars.stage_microsoft365 import Microsoft365Stage
from tests.calendars.test_exchange_log_on import told


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Microsoft365Stage]:
    stage = Microsoft365Stage(tmp_path)
    yield stage
    stage.close()


def refused(calendar: Microsoft365Calendar, *addresses: str) -> FiggoOpsError:
    """What stopped the calendar."""
    with pytest.raises(FiggoOpsError) as caught:
        list(calendar.read(addresses or (ANNE,)))
    return caught.value


def test_one_token_serves_every_mailbox_and_every_thread(stage: Microsoft365Stage) -> None:
    mails = crowd(stage, 60)
    assert set(read(stage.calendar, mails).values()) == {None}
    outcomes = stage.calendar.write([creation(stage, mail, all_day()) for mail in mails])
    assert {outcome.status for outcome in outcomes} == {"done"}
    assert (tokens(stage), stage.known.begun) == (1, 1)
    assert {one.headers.get("User-Agent") for one in heard(stage)} <= {"figgo-ops"}


def heard(stage: Microsoft365Stage) -> list[Any]:
    """The requests of another reading, as they come."""
    seen: list[Any] = []
    stage.graph.aside = lambda request, _answer: seen.append(request)
    assert read(stage.connect(), [ANNE]) == {ANNE: None}
    assert len(seen) == 3
    return seen


def switch(name: str, value: str) -> Callable[[Microsoft365Stage], dict[str, Any]]:
    def change(stage: Microsoft365Stage) -> dict[str, Any]:
        stage.graph.switch(name, value)
        return {}

    return change


Trouble = tuple[Callable[[Microsoft365Stage], dict[str, Any]], type[FiggoOpsError], str, str]
OTHER = "11111111-2222-4333-8444-555555555555"
TROUBLES: dict[str, Trouble] = {
    "the secret is wrong": (
        lambda _: {"secret": "another~one"},
        CredentialRefused,
        "secret-wrong",
        "figgo-ops secret set",
    ),
    "the secret has expired": (
        switch("secret", "expired"),
        CredentialRefused,
        "secret-expired",
        "certificate",
    ),
    "the client is unknown": (
        lambda _: {"client_id": OTHER},
        CredentialRefused,
        "unknown-client",
        "client_id and tenant_id",
    ),
    "the tenant is unknown": (lambda _: {"tenant_id": OTHER}, UsageError, "unknown-tenant", "tenant_id"),
    "the tenant has another name": (
        lambda _: {"tenant_id": "corail.invalid"},
        UsageError,
        "unknown-tenant",
        "tenant_id",
    ),
    "nobody consented": (switch("application", "no-consent"), RightsMissing, "consent-missing", "consent"),
    "there is no principal": (
        switch("application", "no-principal"),
        RightsMissing,
        "no-service-principal",
        "New-MgServicePrincipal",
    ),
    "the application is disabled": (
        switch("application", "disabled"),
        RightsMissing,
        "application-disabled",
        "Enabled for users to sign-in",
    ),
    "conditional access": (
        switch("application", "conditional-access"),
        RightsMissing,
        "conditional-access",
        "sign-in log",
    ),
}


@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.parametrize("writing", [False, True])
def test_what_gives_no_token_is_named_after_one_attempt_for_fifty_mailboxes(
    stage: Microsoft365Stage, trouble: str, writing: bool
) -> None:
    prepare, kind, code, words = TROUBLES[trouble]
    calendar = stage.connect(**prepare(stage))
    mails = crowd(stage, 50)
    if writing:
        outcomes = calendar.write([creation(stage, mail, all_day()) for mail in mails])
        made: list[Outcome] = []
        with pytest.raises(FiggoOpsError) as caught:
            made.extend(outcomes)
        error = caught.value
    else:
        error = refused(calendar, *mails)
    assert (type(error), error.code) == (kind, code)
    assert words in error.remedy
    tenant = "tenant" in trouble
    assert (len(stage.log.entries()), tokens(stage)) == ((1, 0) if tenant else (2, 1))
    assert batches(stage) == []


@pytest.mark.parametrize("application", ["no-consent", "disabled", "conditional-access", "no-principal"])
def test_missing_rights_are_not_remembered(stage: Microsoft365Stage, application: str) -> None:
    """Neither by us nor by Microsoft's library, which repeats refusals of its own accord."""
    stage.graph.switch("application", application)
    assert isinstance(refused(stage.calendar, ANNE, ZOE), RightsMissing)
    assert isinstance(refused(stage.calendar, ANNE, ZOE), RightsMissing)
    assert tokens(stage) == 2
    stage.graph.switch("application", "ok")
    assert read(stage.calendar, [ANNE, ZOE]) == {ANNE: None, ZOE: None}


@pytest.mark.parametrize("threads", [1, 20])
def test_after_the_secret_ended_the_next_run_asks_the_memory_first(
    stage: Microsoft365Stage, threads: int
) -> None:
    """Whoever was logged on is so no more: another process may know by now that it is refused."""
    calendar, mails = stage.connect(threads=threads), crowd(stage, 60)
    assert set(read(calendar, mails).values()) == {None}
    stage.graph.tokens.revoke()
    stage.graph.switch("secret", "expired")
    assert refused(calendar, *mails).code == "secret-expired"
    assert tokens(stage) == 2, "one that was given, one that was refused"
    stage.known.refuse = True
    assert refused(calendar, *mails).code == "credential-remembered"
    assert tokens(stage) == 2


def test_another_processs_refusal_is_heeded_before_anything_is_asked(stage: Microsoft365Stage) -> None:
    stage.known.refuse = True
    assert refused(stage.calendar, *crowd(stage, 50)).code == "credential-remembered"
    assert stage.log.entries() == []


SIGN_IN_DOWN: list[tuple[str, Any]] = [
    ("html", None),
    ("status", 503),
    ("status", {"status": 429, "headers": {"Retry-After": "20"}}),
    ("status", {"status": 503, "headers": {"Retry-After": "20"}}),
    ("status", {"status": 302, "headers": {"Location": "https://login.corail.example/"}}),
    ("status", {"status": 403, "body": "<html>Proxy</html>"}),
    ("cut-body", None),
    ("cut-json", None),
    ("drop-before", None),
    ("reset-after", None),
]


EMPTY = ("status", {"status": 200, "body": {}})
AT_EITHER_DESK = [
    *(("*/openid-configuration", *trouble) for trouble in (*SIGN_IN_DOWN, EMPTY)),
    *(("*/token", *trouble) for trouble in SIGN_IN_DOWN),
]
"""An empty answer that should be a token is a refusal without a word, and no outage."""


@pytest.mark.parametrize(("path", "kind", "value"), AT_EITHER_DESK)
def test_a_sign_in_service_that_is_out_of_order_is_asked_again(
    stage: Microsoft365Stage, path: str, kind: str, value: Any
) -> None:
    stage.fault(kind, path=path, value=value)
    found = read(stage.connect(threads=4), crowd(stage, 60))
    assert set(found.values()) == {None}
    assert len(stage.log.entries()) - len(batches(stage)) <= 4
    waits = isinstance(value, dict) and "Retry-After" in value.get("headers", {})
    assert stage.clock.slept >= (19.999 if waits else 0)


@pytest.mark.parametrize(("kind", "value"), SIGN_IN_DOWN[:-1])
def test_a_sign_in_service_that_stays_out_of_order_is_no_wrong_secret(
    stage: Microsoft365Stage, kind: str, value: Any
) -> None:
    stage.fault(kind, path="*/openid-configuration", times=None, value=value)
    mails = crowd(stage, 50)
    found = read(stage.connect(threads=1), mails)
    assert {type(error) for error in found.values()} == {Unreachable}
    assert all(error and error.remedy for error in found.values())
    assert len(stage.log.entries()) < 150
    outcomes = list(stage.connect(threads=1).write([creation(stage, mail, all_day()) for mail in mails[:2]]))
    assert {outcome.status for outcome in outcomes} == {"failed"}, "nothing was ever sent"
    stage.faults.clear()
    assert set(read(stage.calendar, mails).values()) == {None}


@pytest.mark.parametrize("threads", [1, 20])
@pytest.mark.parametrize("how", ["expired", "revoked"])
def test_a_token_that_ends_in_the_middle_is_replaced_once_and_nothing_is_lost(
    stage: Microsoft365Stage, how: str, threads: int
) -> None:
    mails = crowd(stage, 60)
    calendar = stage.connect(threads=threads)
    outcomes = calendar.write([change for mail in mails for change in days(stage, mail, 6)])
    made = [next(outcomes)]
    if how == "expired":
        stage.clock.sleep(3700)
    else:
        stage.graph.tokens.revoke()
    made += outcomes
    assert {outcome.status for outcome in made} == {"done"}
    assert [len(stage.titles(mail)) for mail in mails] == [6] * 60
    assert tokens(stage) == 2


def test_a_token_that_is_never_taken_is_missing_rights_after_one_new_one(stage: Microsoft365Stage) -> None:
    stage.fault("status", path="*/GET", times=None, value=401)
    error = refused(stage.connect(threads=1), *crowd(stage, 50))
    assert (type(error), error.code) == (RightsMissing, "token-refused")
    assert (len(batches(stage)), tokens(stage)) == (2, 2)
    stage.faults.clear()
    assert read(stage.calendar, [ANNE]) == {ANNE: None}


def test_every_change_that_was_taken_has_its_outcome_when_the_secret_ends_in_the_middle(
    stage: Microsoft365Stage,
) -> None:
    mails = crowd(stage, 60)
    changes = [change for mail in mails for change in days(stage, mail, 4)]
    outcomes = stage.connect(threads=3).write(changes)
    made = [next(outcomes)]
    stage.graph.tokens.revoke()
    stage.graph.switch("secret", "expired")
    with pytest.raises(CredentialRefused) as caught:
        made.extend(outcomes)
    assert caught.value.code == "secret-expired"
    assert tokens(stage) == 2
    done = {(one.change.mailbox.address, str(one.change.key)) for one in made if one.status == "done"}
    there = {
        (mail, item["properties"]["FiggoOpsKey"]) for mail in mails for item in stage.graph.content(mail)
    }
    assert done == there
    assert {one.status for one in made} == {"done", "failed"}
    assert len({id(one.change) for one in made}) == len(made)


def test_mailboxes_outside_the_scope_cost_one_attempt_each_and_the_others_go_on(
    stage: Microsoft365Stage,
) -> None:
    inside, outside = crowd(stage, 30), crowd(stage, 30, "outside")
    found = read(stage.calendar, [*outside, *inside])
    assert {found[mail] for mail in inside} == {None}
    assert {(type(found[mail]), getattr(found[mail], "code", "")) for mail in outside} == {
        (RightsMissing, "outside-scope")
    }
    assert len(stage.graph.asked) == 60


def test_an_organization_whose_mailboxes_are_all_on_premises_has_each_named(stage: Microsoft365Stage) -> None:
    mails = [f"serveur.{number}@corail.example" for number in range(30)]
    for mail in mails:
        stage.organization.add(mail)
    found = read(stage.calendar, mails)
    assert {type(error) for error in found.values()} == {MailboxElsewhere}
    assert all(mail in str(error) for mail, error in found.items())
    assert len(stage.graph.asked) == 30


BREAKS: list[tuple[str, str, Any]] = [
    *(("*/token", kind, value) for kind, value in SIGN_IN_DOWN),
    (
        "*/token",
        "status",
        {
            "status": 401,
            "body": {"error": "invalid_client", "error_description": "eyJhbGciOiJQUzI1NiJ9.eyJpc3Mi"},
        },
    ),
    *(("/v1.0/*", kind, None) for kind in ("html", "cut-json", "drop-after")),
    *(("/v1.0/*", "status", status) for status in (401, 403, 503)),
]


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize(("path", "kind", "value"), BREAKS)
def test_no_secret_no_key_no_token_and_no_title_is_logged_or_told(
    stage: Microsoft365Stage,
    caplog: pytest.LogCaptureFixture,
    signed: bool,
    path: str,
    kind: str,
    value: Any,
) -> None:
    caplog.set_level(logging.DEBUG)
    calendar = certified(stage) if signed else stage.connect()
    stage.fault(kind, path=path, times=None, value=value)
    errors: list[BaseException | None] = []
    change = creation(stage, ANNE, all_day(title="Cure thermale"))
    for act in (lambda: read(calendar, [ANNE, ZOE]).values(), lambda: calendar.write([change])):
        try:
            errors += [one.error if isinstance(one, Outcome) else one for one in act()]
        except FiggoOpsError as error:
            errors.append(error)
    assert any(errors)
    logged = [f"{one.name} {one.getMessage()} {one.args!r} {one.exc_text}" for one in caplog.records]
    shown = "\n".join(logged) + "".join(map(told, errors)) + repr(calendar) + repr(vars(calendar))
    for secret in (stage.secret, "eyJ", "PRIVATE KEY", "client_assertion=", "Cure thermale"):
        assert secret not in shown, secret
