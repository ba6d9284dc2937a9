"""Exchange Online over EWS, while it lasts: tokens, what refuses them, and the two families of keys."""

import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from figgo_ops import tenants
from figgo_ops.calendars._exchange_settings import ONLINE, Settings
from figgo_ops.calendars._exchange_wire import FORBIDDEN, UNHEARD
from figgo_ops.calendars.exchange import ExchangeCalendar
from figgo_ops.errors import (
    CredentialRefused,
    FiggoOpsError,
    MailboxAbsent,
    RightsMissing,
    Unreachable,
    UsageError,
)
from figgo_ops.home import Home
from tests.calendars.contract import ANNE, NOBODY, ZOE, all_day, creation, removal
from tests.calendars.stages import ExchangeStage

CLIENT, TENANT_ID = "6f1c7e0e-1f0a-4b0e-9a55-0c5d9b1a7f11", "corail.onmicrosoft.example"
SECRET = "Vn~8Q.très-long-et-secret"


class Cloud(ExchangeStage):
    """The same calendar, reached by an application of the customer's directory."""

    user, password = CLIENT, SECRET

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.exchange.switch("online", True)

    def connect(self, **settings: Any) -> ExchangeCalendar:
        keys: dict[str, Any] = {
            **dict.fromkeys(("user", "password", "auth")),
            "online": True,
            "tenant_id": TENANT_ID,
            "client_id": CLIENT,
            "client_secret": "env:EXCHANGE",
            "token_url": f"{self.server.url}/{TENANT_ID}/oauth2/v2.0/token",
        }
        return super().connect(**{**keys, **settings})

    def tokens(self) -> int:
        """How often a token was asked for."""
        return sum(entry.path.endswith("/token") for entry in self.log.entries())


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    stage = Cloud(tmp_path)
    yield stage
    stage.close()


def crowd(cloud: Cloud, count: int) -> list[str]:
    """So many more mailboxes."""
    mails = [f"user.{number:02}@corail.example" for number in range(count)]
    for mail in mails:
        cloud.exchange.add_mailbox(mail)
    return mails


def read(calendar: ExchangeCalendar, *addresses: str) -> dict[str, FiggoOpsError | None]:
    """The error of each mailbox."""
    return {one.mailbox.address: one.error for one in calendar.read(addresses or (ANNE,))}


def refused(calendar: ExchangeCalendar, *addresses: str) -> FiggoOpsError:
    """What stopped the calendar."""
    with pytest.raises(FiggoOpsError) as caught:
        list(calendar.read(addresses or (ANNE,)))
    return caught.value


def test_one_token_serves_every_mailbox_and_every_thread(cloud: Cloud) -> None:
    calendar = cloud.connect(threads=8)
    assert set(read(calendar, *crowd(cloud, 30)).values()) == {None}
    outcomes = calendar.write([creation(cloud, mail, all_day()) for mail in (ANNE, ZOE)])
    made = list(outcomes)
    assert {outcome.status for outcome in made} == {"done"}
    found = {one.mailbox.address: one.events for one in calendar.read([ANNE, ZOE])}
    assert [outcome.status for outcome in calendar.write([removal(found[ANNE][0])])] == ["done"]
    assert cloud.tokens() == 1


def test_a_mailbox_that_does_not_exist_is_absent_in_the_cloud_too(cloud: Cloud) -> None:
    found = read(cloud.connect(), NOBODY, ANNE)
    assert (type(found[NOBODY]), found[ANNE]) == (MailboxAbsent, None)
    assert "still on premises" in str(found[NOBODY])


@pytest.mark.parametrize("state", ["ok", "expired"])
def test_a_wrong_or_expired_secret_is_shown_once_for_all_mailboxes(cloud: Cloud, state: str) -> None:
    cloud.exchange.gate.tokens.secret_state = state
    if state == "ok":
        cloud.password = "another one"
    error = refused(cloud.connect(threads=8), *crowd(cloud, 20))
    told = {"ok": ("secret-wrong", "is wrong"), "expired": ("secret-expired", "has expired")}[state]
    assert (type(error), error.code) == (CredentialRefused, told[0])
    assert told[1] in error.message
    assert "figgo-ops secret set" in error.remedy
    assert (cloud.tokens(), len(cloud.log.entries())) == (1, 1)


def test_an_application_that_nobody_knows_is_a_matter_of_the_tenant_file(cloud: Cloud) -> None:
    error = refused(cloud.connect(client_id="elsewhere", threads=8), *crowd(cloud, 20))
    assert (type(error), error.exit) == (UsageError, 2)
    assert "AADSTS700016" in error.message
    assert "client_id and tenant_id" in error.remedy
    assert len(cloud.log.entries()) == 1


@pytest.mark.parametrize(
    ("number", "word"), [("AADSTS90002", "invalid_request"), ("AADSTS900023", "invalid_request")]
)
def test_an_organization_that_nobody_knows_is_a_matter_of_the_tenant_file(
    cloud: Cloud, number: str, word: str
) -> None:
    body = {"error": word, "error_description": f"{number}: Tenant 'corail' not found. Trace ID: 0815"}
    cloud.fault("status", path="*/token", times=None, value={"status": 400, "body": body})
    error = refused(cloud.connect(), *crowd(cloud, 20))
    assert type(error) is UsageError
    assert f"({number})" in error.message
    assert "0815" not in error.message
    assert len(cloud.log.entries()) == 1


TROUBLES: list[tuple[str, Any]] = [
    ("html", None),
    ("status", 503),
    ("status", {"status": 429, "headers": {"Retry-After": "20"}}),
    ("cut-body", None),
    ("cut-json", None),
    ("drop-before", None),
    (
        "status",
        {
            "status": 503,
            "body": {
                "error": "temporarily_unavailable",
                "error_description": "AADSTS90033: A transient error has occurred. Please try again.",
            },
        },
    ),
]


@pytest.mark.parametrize(("kind", "value"), TROUBLES)
def test_a_token_desk_that_is_out_of_order_is_asked_again(cloud: Cloud, kind: str, value: Any) -> None:
    cloud.fault(kind, path="*/token", value=value)
    assert set(read(cloud.connect(threads=4), *crowd(cloud, 8)).values()) == {None}
    assert cloud.tokens() == 2


@pytest.mark.parametrize(("kind", "value"), TROUBLES)
def test_a_token_desk_that_stays_out_of_order_is_no_wrong_secret(cloud: Cloud, kind: str, value: Any) -> None:
    cloud.fault(kind, path="*/token", times=None, value=value)
    found = read(cloud.connect(threads=1), *crowd(cloud, 6))
    assert {type(error) for error in found.values()} == {Unreachable}
    assert all(error and error.remedy for error in found.values())
    assert cloud.tokens() == 3 * UNHEARD, "given up after three mailboxes"


@pytest.mark.parametrize("threads", [1, 8])
def test_a_token_that_ends_in_the_middle_is_replaced(cloud: Cloud, threads: int) -> None:
    calendar = cloud.connect(threads=threads)
    mails = crowd(cloud, 20)
    assert set(read(calendar, *mails).values()) == {None}
    cloud.clock.sleep(3700)
    assert set(read(calendar, *mails).values()) == {None}
    outcomes = calendar.write([creation(cloud, mail, all_day()) for mail in mails])
    assert {outcome.status for outcome in outcomes} == {"done"}
    assert all(cloud.titles(mail) == ["Absent"] for mail in mails)


@pytest.mark.parametrize("threads", [1, 8])
def test_a_token_whose_time_is_up_is_not_even_shown(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, threads: int
) -> None:
    calendar = cloud.connect(threads=threads)
    mails, real = crowd(cloud, 20), time.time
    assert set(read(calendar, *mails).values()) == {None}
    monkeypatch.setattr(time, "time", lambda: real() + 3700)
    assert set(read(calendar, *mails).values()) == {None}
    assert cloud.tokens() >= 2
    assert cloud.calls("FindItem", 401) == []


def test_a_token_that_is_never_taken_is_missing_rights_after_one_attempt(cloud: Cloud) -> None:
    cloud.fault("status", path="*/FindItem", times=None, value=401)
    error = refused(cloud.connect(), *crowd(cloud, 20))
    assert (type(error), error.code) == (RightsMissing, "token-refused")
    assert "EWS.AccessAsApp" in error.remedy
    assert len(cloud.calls("FindItem")) == 1


@pytest.mark.parametrize(
    ("policy", "code", "words"),
    [
        ("BlockedBySwitch", "ews-disabled", "EwsEnabled"),
        ("BlockedByAllowList", "ews-not-listed", "EwsAllowedAppIDs"),
        ("EWS is on strike", "ews-not-listed", "EwsAllowList"),
    ],
)
def test_what_blocks_ews_in_the_cloud_is_told_apart_after_three_mailboxes(
    cloud: Cloud, policy: str, code: str, words: str
) -> None:
    cloud.exchange.switch("policy", policy)
    mails = crowd(cloud, 20)
    calendar = cloud.connect(threads=8)
    error = refused(calendar, *mails)
    assert (type(error), error.code) == (RightsMissing, code)
    assert words in error.message
    assert "2027-04-01" in error.message
    assert "microsoft365" in error.remedy
    assert len(cloud.calls("FindItem")) == FORBIDDEN
    cloud.exchange.switch("policy", "")
    assert set(read(calendar, *mails).values()) == {None}, "missing rights are not remembered"


def test_the_end_is_announced_with_its_date(cloud: Cloud) -> None:
    assert "2027-04-01" in cloud.connect().notice
    assert "microsoft365" in cloud.connect().notice


def test_no_secret_and_no_token_is_logged_or_told(cloud: Cloud, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    calendar = cloud.connect(threads=1)
    shown = [repr(calendar), repr(vars(calendar))]
    assert read(calendar, ANNE) == {ANNE: None}
    cloud.fault("status", path="*/FindItem", value=403)
    shown += [str(error) for error in read(calendar, ANNE, ZOE).values()]
    cloud.exchange.gate.tokens.secret_state = "expired"
    cloud.exchange.gate.tokens.revoke()
    error: BaseException | None = refused(calendar, ANNE)
    while error:
        shown.append(f"{error!r} {error}")
        error = error.__cause__ or error.__context__
    shown += [f"{one.name} {one.getMessage()} {one.args!r}" for one in caplog.records]
    text = "\n".join(shown)
    assert "connectionpool" in text, "nobody listened"
    for secret in (SECRET, "Bearer", "Authorization", "eyJ", "access_token"):
        assert secret not in text


ACCOUNT = {
    "url": "https://mail.corail.example",
    "user": "CORAIL\\svc-figgo",
    "password": "env:EXCHANGE",
}
APPLICATION = {"online": True, "tenant_id": "t", "client_id": "c", "client_secret": "env:EXCHANGE"}


def tenant_text(keys: dict[str, Any]) -> str:
    """A tenant file whose only calendar says this."""
    spelt = {True: "true", False: "false"}
    rows = "\n".join(
        f"{key} = {spelt.get(value, repr(value)) if isinstance(value, bool) else repr(value)}"
        for key, value in keys.items()
    )
    return f"""\
name = "corail"
timezone = "Europe/Paris"
start = 2026-01-01

[figgo]
host = "corail.ilucca.net"
url = "https://corail.ilucca.net"
api_key = "env:CORAIL_KEY"

[[calendar]]
name = "siège"
kind = "exchange"
{rows}
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.open(str(tmp_path / "home"))


@pytest.mark.parametrize("keys", [ACCOUNT, {**ACCOUNT, "auth": "ntlm"}, APPLICATION])
def test_either_family_of_keys_makes_a_calendar(home: Home, keys: dict[str, Any]) -> None:
    (home.tenants / "corail.toml").write_text(tenant_text(keys), "utf-8")
    [calendar] = tenants.load(home, "corail").calendars
    assert isinstance(calendar.own, Settings)
    assert calendar.own.endpoint == (ONLINE if "online" in keys else f"{ACCOUNT['url']}/EWS/Exchange.asmx")


MISTAKES: list[tuple[dict[str, Any], str]] = [
    *(({k: v for k, v in ACCOUNT.items() if k != key}, f"{key} is missing") for key in ACCOUNT),
    *(
        ({k: v for k, v in APPLICATION.items() if k != key}, f"{key} is missing")
        for key in ("tenant_id", "client_id", "client_secret")
    ),
    *(
        ({**ACCOUNT, key: value}, f"{key} belongs only to a calendar with online = true")
        for key, value in (*list(APPLICATION.items())[1:], ("token_url", "https://login.example/token"))
    ),
    *(
        ({**APPLICATION, key: value}, f"{key} belongs only to a calendar without online = true")
        for key, value in (*list(ACCOUNT.items())[1:], ("auth", "basic"))
    ),
    ({**ACCOUNT, "password": "hunter2"}, "password"),
    ({**ACCOUNT, "auth": "kerberos"}, "auth: must be 'ntlm' or 'basic'"),
    ({**ACCOUNT, "url": "http://mail.corail.example"}, "url: must be an https:// URL"),
    ({**ACCOUNT, "threads": 0}, "threads"),
    ({**ACCOUNT, "threads": 28}, "threads"),
    ({**ACCOUNT, "deletion": "gentle"}, "deletion: must be 'soft' or 'hard'"),
    ({**ACCOUNT, "usr": "x"}, "usr: unknown key. Did you mean user?"),
]


@pytest.mark.parametrize(("keys", "words"), MISTAKES)
def test_a_key_that_is_missing_or_does_not_belong_there_is_named(
    home: Home, keys: dict[str, Any], words: str
) -> None:
    (home.tenants / "corail.toml").write_text(tenant_text(keys), "utf-8")
    with pytest.raises(UsageError) as caught:
        tenants.load(home, "corail")
    assert words in caught.value.message
    assert "calendar[0]" in caught.value.message
    assert "corail.toml" in caught.value.message
    assert "hunter2" not in caught.value.message
