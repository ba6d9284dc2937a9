"""What a probe says of each step: one log-on, each cause under a code of its own, nothing secret."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from figgo_ops.calendars import _exchange_codes as exchange_codes
from figgo_ops.calendars import _exchange_errors as exchange_errors
from figgo_ops.calendars import _exchange_statuses as exchange_statuses
from figgo_ops.calendars import _google_errors as google_errors
from figgo_ops.calendars import _microsoft365_codes as microsoft365_codes
from figgo_ops.calendars import _microsoft365_sign_in as sign_in
from figgo_ops.calendars import deadlines, settings_of
from figgo_ops.calendars._probing import NAMES
from figgo_ops.checks import CUSTOMER, SUPPORT, Check, Deadline, until
from figgo_ops.errors import FiggoOpsError, RightsMissing
from figgo_ops.figgo import rows
from figgo_ops.sandbox.google_tokens import SCOPE
from figgo_ops.sandbox.microsoft365_certificate import key_and_certificate
from figgo_ops.secrets import Secret
from tests.calendars.contract import ANNE, DAY, MONDAY, NOBODY, ZOE, all_day, creation, written
from tests.calendars.known import Known
from tests.calendars.stage_microsoft365 import CLIENT_ID, Microsoft365Stage
from tests.calendars.stages import ExchangeStage, GoogleStage
from tests.calendars.test_exchange_online import SECRET, Cloud

Stage = GoogleStage | ExchangeStage | Microsoft365Stage
STAGES: dict[str, Callable[[Path], Stage]] = {
    "google": GoogleStage,
    "exchange": ExchangeStage,
    "cloud": Cloud,
    "microsoft365": Microsoft365Stage,
}
SPELT = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
KINDS: list[type[FiggoOpsError]] = [FiggoOpsError, *FiggoOpsError.__subclasses__(), RightsMissing]
OF_A_KIND = {kind.code for kind in KINDS}

TABLES: dict[str, list[Any]] = {
    "google: token": list(google_errors._TOKEN),
    "google: calendar": list(google_errors._API),
    "exchange": [*{id(case): case for case in exchange_codes.CASES.values()}.values()],
    "exchange: cloud": list(exchange_errors._ONLINE.values()),
    "exchange: without SOAP": [
        value for value in vars(exchange_statuses).values() if isinstance(value, exchange_codes.Case)
    ]
    + list(exchange_statuses._ALL),
    "microsoft365": [
        *microsoft365_codes.CASES,
        microsoft365_codes.STRANGE,
        microsoft365_codes.OUT_OF_ORDER,
        microsoft365_codes.UNKNOWN,
    ],
    "microsoft365: sign-in": [*sign_in.SIGN_IN, sign_in.NO_TOKEN],
}

ALIKE = {"elsewhere", "unknown-tenant", "server-error", "too-slow"}
"""Codes of several cases that differ in how much the vendor says, not in what is wrong."""


@pytest.mark.parametrize("table", TABLES)
def test_every_refusal_has_a_code_and_none_is_merely_that_of_its_kind(table: str) -> None:
    assert TABLES[table]
    for case in TABLES[table]:
        assert SPELT.fullmatch(case.name), case
        assert case.name not in OF_A_KIND, case


@pytest.mark.parametrize("table", TABLES)
def test_no_code_means_two_unlike_things_in_one_table(table: str) -> None:
    meant: dict[str, set[tuple[type[FiggoOpsError], str]]] = defaultdict(set)
    for case in TABLES[table]:
        remedy = "" if case.name in ALIKE else case.remedy
        meant[case.name].add((case.kind, remedy))
    assert {name for name, several in meant.items() if len(several) > 1} == set()


def test_every_status_of_figgo_has_a_code_of_its_own() -> None:
    codes = [code for _, _, _, code in rows._STATUS.values()]
    assert len(set(codes)) == len(codes) == 5
    assert not OF_A_KIND & set(codes)


@pytest.fixture(params=STAGES)
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stage]:
    made = STAGES[request.param](tmp_path)
    yield made
    made.close()


def opened(tmp_path: Path, provider: str) -> Stage:
    """A calendar of one provider, for tests that are about it alone."""
    return STAGES[provider](tmp_path)


def told(checks: Iterable[Check]) -> dict[str, Check]:
    """The checks by name, once their names and order were looked at."""
    found = list(checks)
    assert tuple(check.name for check in found) == NAMES
    return {check.name: check for check in found}


def switch(name: str, value: object) -> Callable[[Any], dict[str, Any]]:
    """Set a switch of the stand-in."""

    def change(stage: Any) -> dict[str, Any]:
        service = getattr(stage, "google", None) or getattr(stage, "exchange", None) or stage.graph
        service.switch(name, value)
        return {}

    return change


def state(name: str) -> Callable[[Any], dict[str, Any]]:
    """Put Anne's mailbox into that state."""

    def change(stage: Any) -> dict[str, Any]:
        service = getattr(stage, "google", None) or getattr(stage, "exchange", None) or stage.graph
        service.set_state(ANNE, name)
        return {}

    return change


def fault(kind: str, **more: Any) -> Callable[[Any], dict[str, Any]]:
    """Let something go wrong on the way."""

    def change(stage: Any) -> dict[str, Any]:
        stage.fault(kind, times=None, **more)
        return {}

    return change


def settings(**more: Any) -> Callable[[Any], dict[str, Any]]:
    """Say something else in the tenant file."""
    return lambda _stage: more


def password(stage: Any) -> dict[str, Any]:
    """The password was changed meanwhile."""
    stage.password = "another one"
    return {}


def ahead(stage: Any) -> dict[str, Any]:
    """Google's clock is an hour ahead of ours."""
    stage.google.clock = lambda: stage.clock.now().timestamp() + 3600
    return {}


def unlocked(stage: Any) -> dict[str, Any]:
    stage.exchange.gate.locked = True
    return switch("reasons", "told")(stage)


TROUBLES: dict[str, tuple[str, Callable[[Any], dict[str, Any]], str, str]] = {
    "google: the key was deleted": (
        "google",
        switch("service_account", "key-deleted"),
        "log-on",
        "key-unknown",
    ),
    "google: the account was deleted": (
        "google",
        switch("service_account", "deleted"),
        "log-on",
        "account-unknown",
    ),
    "google: the clock is wrong": ("google", ahead, "log-on", "clock"),
    "google: a proxy answers for tokens": (
        "google",
        fault("html", path="/token"),
        "log-on",
        "sign-in-down",
    ),
    "google: no delegation": ("google", switch("delegation", "missing"), "rights", "delegation-missing"),
    "google: another scope": (
        "google",
        switch("delegation", "another-scope"),
        "rights",
        "delegation-missing",
    ),
    "google: the client is blocked": ("google", state("restricted"), "rights", "client-blocked"),
    "google: suspended": ("google", state("suspended"), "calendar", "suspended"),
    "google: deleted": ("google", state("deleted"), "calendar", "user-deleted"),
    "google: unknown": ("google", state("unknown"), "calendar", "user-unknown"),
    "google: without a calendar": ("google", state("no-calendar"), "calendar", "calendar-off"),
    "google: out of order": ("google", fault("status", method="GET", value=503), "calendar", "server-error"),
    "exchange: the password is wrong": ("exchange", password, "log-on", "log-on-refused"),
    "exchange: locked out": ("exchange", unlocked, "log-on", "account-locked"),
    "exchange: basic is not offered": ("exchange", switch("auth", "ntlm"), "log-on", "method-not-offered"),
    "exchange: the address is refused": (
        "exchange",
        switch("address", "refused"),
        "log-on",
        "address-blocked",
    ),
    "exchange: refused before the log-on, without a word": (
        "exchange",
        fault("status", value=403),
        "log-on",
        "address-blocked",
    ),
    "exchange: the server is too old": ("exchange", switch("version", "2010"), "log-on", "old-server"),
    "exchange: EWS is off": ("exchange", switch("ews", "off"), "rights", "ews-blocked"),
    "exchange: our program is blocked": ("exchange", switch("agents", "blocked"), "rights", "ews-blocked"),
    "exchange: the role is missing": (
        "exchange",
        switch("impersonation", "nobody"),
        "rights",
        "outside-scope",
    ),
    "exchange: the server lets nobody act for others": (
        "exchange",
        switch("impersonation", "denied"),
        "rights",
        "impersonation-denied",
    ),
    "exchange: outside of the scope": ("exchange", state("outside"), "rights", "outside-scope"),
    "exchange: unknown": ("exchange", state("unknown"), "calendar", "absent"),
    "exchange: disabled": ("exchange", state("disabled"), "calendar", "account-disabled"),
    "exchange: being moved": ("exchange", state("moving"), "calendar", "mailbox-moving"),
    "exchange: another site": ("exchange", state("elsewhere"), "calendar", "other-site"),
    "exchange: no access": ("exchange", state("no-access"), "rights", "access-denied"),
    "cloud: the secret is wrong": ("cloud", password, "log-on", "secret-wrong"),
    "cloud: another application": ("cloud", settings(client_id="elsewhere"), "log-on", "unknown-client"),
    "cloud: switched off": ("cloud", switch("policy", "BlockedBySwitch"), "rights", "ews-disabled"),
    "cloud: not on the lists": ("cloud", switch("policy", "BlockedByAllowList"), "rights", "ews-not-listed"),
    "cloud: the role does not reach": ("cloud", state("outside"), "rights", "outside-scope"),
    "microsoft365: the secret is wrong": (
        "microsoft365",
        settings(secret="another~one"),
        "log-on",
        "secret-wrong",
    ),
    "microsoft365: the secret has expired": (
        "microsoft365",
        switch("secret", "expired"),
        "log-on",
        "secret-expired",
    ),
    "microsoft365: no consent": (
        "microsoft365",
        switch("application", "no-consent"),
        "log-on",
        "consent-missing",
    ),
    "microsoft365: no principal": (
        "microsoft365",
        switch("application", "no-principal"),
        "log-on",
        "no-service-principal",
    ),
    "microsoft365: disabled": (
        "microsoft365",
        switch("application", "disabled"),
        "log-on",
        "application-disabled",
    ),
    "microsoft365: conditional access": (
        "microsoft365",
        switch("application", "conditional-access"),
        "log-on",
        "conditional-access",
    ),
    "microsoft365: outside of the scope": ("microsoft365", state("outside"), "rights", "outside-scope"),
    "microsoft365: the role is missing": (
        "microsoft365",
        switch("scope", "nobody"),
        "rights",
        "outside-scope",
    ),
    "microsoft365: an access policy": (
        "microsoft365",
        switch("access_policy", "denies"),
        "rights",
        "access-policy",
    ),
    "microsoft365: our program is blocked": (
        "microsoft365",
        switch("agents", "blocked"),
        "rights",
        "agent-blocked",
    ),
    "microsoft365: without a licence": ("microsoft365", state("unlicensed"), "calendar", "elsewhere"),
    "microsoft365: unknown": ("microsoft365", state("unknown"), "calendar", "absent"),
    "microsoft365: being moved": ("microsoft365", state("moving"), "calendar", "mailbox-moving"),
    "microsoft365: the store is down": ("microsoft365", state("store-down"), "calendar", "mailbox-down"),
    "microsoft365: a proxy answers for Graph": (
        "microsoft365",
        fault("html", path="/v1.0/*"),
        "calendar",
        "strange-answer",
    ),
}
"""What is wrong, with whom, where the probe must stop and what it must call it."""

STATUSES = {
    "log-on": ("failed", "skipped", "skipped", "skipped", "skipped"),
    "rights": ("ok", "failed", "skipped", "skipped", "skipped"),
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_each_trouble_is_told_at_its_own_step_under_its_own_code(tmp_path: Path, trouble: str) -> None:
    provider, prepare, step, code = TROUBLES[trouble]
    stage = opened(tmp_path, provider)
    try:
        calendar = stage.connect(**prepare(stage))
        found = told(calendar.probe(ANNE))
        failed = [check for check in found.values() if check.status == "failed"]
        assert [(check.name, check.code) for check in failed] == [(step, code)]
        if step != "calendar":
            assert tuple(check.status for check in found.values()) == STATUSES[step]
        else:
            assert found["log-on"].status == "ok"
            assert found["rights"].status == ("ok" if code in PROVEN else "skipped")
        assert all((failed[0].cause, failed[0].remedy, failed[0].who, failed[0].tried, failed[0].seen))
        assert log_ons(stage) <= 1
        hushed(found.values())
    finally:
        stage.close()


PROVEN = {"calendar-off", "server-error"}
"""A token that acts for a user proves the delegation, whatever the calendar says."""


def log_ons(stage: Stage) -> int:
    """How often a credential was shown and refused, or a token was asked for in vain."""
    if isinstance(stage, Cloud):
        return stage.tokens()
    if isinstance(stage, ExchangeStage):
        return len(stage.exchange.gate.failed)
    return len([one for one in stage.calls("TOKEN") if one.status >= 400])


SECRETS = (SECRET, ExchangeStage.password, Microsoft365Stage.secret, "PRIVATE KEY", "Bearer ", "eyJ")


def hushed(checks: Iterable[Check]) -> None:
    """Nothing in them is a secret."""
    for check in checks:
        for text in (check.cause, check.remedy, check.tried, check.seen):
            for secret in (
                SECRET,
                ExchangeStage.password,
                Microsoft365Stage.secret,
                "PRIVATE KEY",
                "Bearer ",
            ):
                assert secret not in text
            assert "eyJ" not in text


def test_a_good_mailbox_says_what_was_found(stage: Stage) -> None:
    event = all_day()
    assert [one.status for one in stage.calendar.write([creation(stage, ANNE, event)])] == ["done"]
    found = told(stage.calendar.probe(ANNE))
    assert found["calendar"].cause == "1 of our events"
    assert all(check.clean and not check.code for check in found.values())
    assert all(check.tried for check in found.values() if check.status == "ok")
    hushed(found.values())


def test_a_probe_reads_and_never_writes(stage: Stage) -> None:
    told(stage.calendar.probe(ANNE, ZOE))
    assert stage.titles(ANNE) == stage.titles(ZOE) == []
    paths = {entry.path.rpartition("/")[2] for entry in stage.log.entries() if entry.method != "GET"}
    assert paths <= {"token", "FindItem", "GetItem", "GetUserConfiguration", "GET", "Exchange.asmx"}


def test_the_vendors_own_words_are_kept_for_its_support(tmp_path: Path) -> None:
    seen = {}
    for provider in STAGES:
        stage = opened(tmp_path / provider, provider)
        service: Any = getattr(stage, "google", None) or getattr(stage, "exchange", None)
        (service or stage.graph).set_state(  # type: ignore[union-attr]
            ANNE, "suspended" if provider == "google" else "outside"
        )
        found = told(stage.calendar.probe(ANNE))
        seen[provider] = next(check.seen for check in found.values() if check.status == "failed")
        stage.close()
    assert seen["google"] == "token refused access_denied: Account restricted"
    assert seen["exchange"].startswith("ErrorImpersonateUserDenied: ")
    assert re.search(r"^HTTP 403 ErrorAccessDenied: .*; request id [0-9a-f-]+$", seen["microsoft365"])


def outside(stage: Stage, address: str) -> Check:
    """The check of a mailbox that must stay closed."""
    return told(stage.calendar.probe(ANNE, address))["outside"]


@pytest.mark.parametrize("provider", ["exchange", "cloud", "microsoft365"])
def test_a_mailbox_outside_the_scope_must_be_refused(tmp_path: Path, provider: str) -> None:
    stage: Any = opened(tmp_path, provider)
    service = getattr(stage, "exchange", None) or stage.graph
    assert outside(stage, "").status == "skipped"
    wide = outside(stage, ZOE)
    assert (wide.status, wide.code, wide.who) == ("failed", "scope-too-wide", CUSTOMER)
    assert ZOE in wide.cause
    assert "cope" in wide.remedy
    assert "events" not in wide.cause + wide.seen, "nothing of what is in there"
    service.set_state(ZOE, "outside")
    closed = outside(stage, ZOE)
    assert (closed.status, closed.code) == ("ok", "")
    assert closed.seen
    untold = outside(stage, NOBODY)
    assert (untold.status, untold.code, untold.who) == ("warning", "outside-untold", SUPPORT)
    assert NOBODY in untold.cause
    stage.close()


def test_an_open_scope_is_told_even_where_the_mailbox_inside_is_missing(tmp_path: Path) -> None:
    stage = opened(tmp_path, "microsoft365")
    found = told(stage.calendar.probe(NOBODY, ZOE))
    assert (found["calendar"].code, found["outside"].code) == ("absent", "scope-too-wide")
    stage.close()


def test_a_mailbox_outside_is_open_even_where_it_cannot_be_read_to_its_end(tmp_path: Path) -> None:
    stage = Microsoft365Stage(tmp_path)
    written(stage, ZOE, *(all_day(MONDAY + n * DAY) for n in range(10)))
    stage.small_pages(4)

    def copies(_request: object, _answer: object) -> None:
        stage.graph.owner(ZOE).copy(stage.graph.content(ZOE)[0]["id"])

    stage.graph.aside = copies
    check = outside(stage, ZOE)
    assert (check.status, check.code) == ("failed", "scope-too-wide")
    stage.close()


def test_with_delegation_there_is_no_outside(tmp_path: Path) -> None:
    stage = opened(tmp_path, "google")
    check = outside(stage, ZOE)
    assert check.status == "skipped"
    assert "every user of the domain" in check.cause
    assert SCOPE in told(stage.calendar.probe(ANNE))["rights"].tried
    stage.close()


def test_a_credential_refused_before_is_not_shown_again(tmp_path: Path) -> None:
    for provider in ("exchange", "microsoft365"):
        stage: Any = opened(tmp_path / provider, provider)
        stage.known.refuse = True
        found = told(stage.connect().probe(ANNE))
        assert (found["log-on"].status, found["log-on"].code) == ("failed", "credential-remembered")
        assert stage.log.entries() == []
        stage.close()


def test_a_refused_door_is_tried_without_a_log_on_and_once(tmp_path: Path) -> None:
    """On premises the refusal itself does not say whether anybody looked at the log-on."""
    stage: Any = opened(tmp_path, "exchange")
    stage.exchange.switch("ews", "off")
    told(stage.calendar.probe(ANNE))
    assert [entry.status for entry in stage.log.entries()] == [403, 401]
    stage.close()


CREDENTIALS: dict[str, dict[str, Any]] = {
    "google": {"service_account": "env:S"},
    "exchange": {"url": "https://mail.corail.example", "user": "svc-figgo", "password": "env:S"},
    "microsoft365": {"tenant_id": "corail.example", "client_id": CLIENT_ID, "client_secret": "env:S"},
}


def ends(kind: str, secret: str = "", **settings: Any) -> tuple[Deadline, ...]:
    """What ends of such a calendar, as far as is known without asking anybody."""
    model = settings_of(kind).model_validate(settings)
    return deadlines(kind, "siège", model, lambda reference: Secret(reference, secret))


def test_nothing_ends_that_is_known_here_unless_the_vendor_or_a_certificate_says_so() -> None:
    assert {kind: ends(kind, **given) for kind, given in CREDENTIALS.items()} == dict.fromkeys(
        CREDENTIALS, ()
    )
    application = CREDENTIALS["microsoft365"]
    [end] = ends("exchange", online=True, **application)
    assert (end.day, end.code, end.who) == (date(2027, 4, 1), "ews-end", SUPPORT)
    assert "microsoft365" in end.remedy


def test_the_end_of_a_certificate_is_known_before_it_comes() -> None:
    given = {**CREDENTIALS["microsoft365"], "client_secret": None, "certificate": "env:S"}
    [end] = ends("microsoft365", key_and_certificate(), **given)
    assert CLIENT_ID in end.what
    assert (end.code, end.who) == ("certificate-ends", CUSTOMER)
    assert until(end, end.day, "certificate").status == "warning"


def test_the_memory_of_a_probe_is_that_of_every_run(tmp_path: Path) -> None:
    stage: Any = opened(tmp_path, "exchange")
    stage.known = Known()
    told(stage.connect(auth=None).probe(ANNE))
    assert stage.known.kept == {"log-on": "ntlm"}
    assert stage.known.begun == 1
    stage.close()
