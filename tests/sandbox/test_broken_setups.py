"""What a customer's administrator may have got wrong, played by the stand-ins: each strict where it is."""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from requests_ntlm import HttpNtlmAuth

from figgo_ops.sandbox import Rehearsal
from figgo_ops.sandbox.doors import DOORS
from figgo_ops.sandbox.exchange import PATH
from figgo_ops.sandbox.faults import Fault
from figgo_ops.sandbox.home import SERVICE_ACCOUNT, Home
from tests.sandbox.controlled import Control, order

FIND = """<?xml version="1.0" encoding="utf-8"?>
<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"
 xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"
 xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages">
<s:Header><t:RequestServerVersion Version="Exchange2013_SP1"/><t:ExchangeImpersonation><t:ConnectingSID>
<t:PrimarySmtpAddress>{0}</t:PrimarySmtpAddress></t:ConnectingSID></t:ExchangeImpersonation></s:Header>
<s:Body><m:GetFolder><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape></m:FolderShape><m:FolderIds>
<t:DistinguishedFolderId Id="calendar"/></m:FolderIds></m:GetFolder></s:Body></s:Envelope>"""
INSIDE = "urs.kaser@corail-suisse.example"
AGENT = {"User-Agent": "figgo-ops/1"}


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    with Rehearsal(tmp_path_factory.mktemp("company")) as made:
        yield made


@pytest.fixture
def stage(company: Rehearsal) -> Iterator[Rehearsal]:
    """One company for all, whose switches are put back and whose doors are opened after each test."""
    services = (company.figgo, company.google, company.exchange, company.microsoft365)
    before = {one.name: dict(one.switches) for one in services}
    yield company
    for one in services:
        for name, value in before[one.name].items():
            if one.switches[name] != value:
                one.switch(name, value)
        company.server(one.name).door("open")
        company.server(one.name).dated = None
    company.faults.clear()


def figgo(stage: Rehearsal, path: str) -> tuple[int, Any]:
    key = Home(stage.home).figgo_keys()["full"]
    url = stage.urls["figgo"] + path
    headers = {"Authorization": f"lucca application={key}"}
    answer = requests.get(url, headers=headers, verify=str(stage.ca_file), timeout=20)
    text = answer.headers["Content-Type"].startswith("text/")
    return answer.status_code, answer.text if text else answer.json()


def exchange(stage: Rehearsal, mailbox: str = INSIDE) -> requests.Response:
    password = Home(stage.home).exchange_password()
    with requests.Session() as session:
        session.auth = HttpNtlmAuth(SERVICE_ACCOUNT, password)
        return session.post(
            stage.urls["exchange"] + PATH,
            data=FIND.format(mailbox).encode(),
            headers={"Content-Type": "text/xml; charset=utf-8", **AGENT},
            verify=str(stage.ca_file),
            timeout=20,
        )


def graph(stage: Rehearsal, mailbox: str) -> tuple[int, str]:
    desk = stage.microsoft365.tokens
    form = {
        "grant_type": "client_credentials",
        "client_id": desk.client_id,
        "client_secret": desk.secret,
        "scope": "https://graph.microsoft.com/.default",
    }
    root, ca_file = stage.urls["microsoft365"], str(stage.ca_file)
    place = f"{root}/{desk.tenant_id}/oauth2/v2.0/token"
    token = requests.post(place, data=form, verify=ca_file, timeout=20).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}", **AGENT}
    url = f"{root}/v1.0/users/{mailbox}/calendar"
    answer = requests.get(url, headers=headers, verify=ca_file, timeout=20)
    return answer.status_code, "" if answer.ok else answer.json()["error"]["message"]


def graph_mailbox(stage: Rehearsal) -> str:
    return stage.microsoft365.mails()[0]


USERS = "/api/v3/users?fields=id"
LEAVES = "/api/v3/leaves?date=between,2020-01-01,2040-01-01&leavePeriod.ownerId=greaterthan,0&fields=id"
UNITS = "/organization/structure/api/establishments"


def userdates(stage: Rehearsal) -> str:
    owner = next(iter(stage.company.people))
    return f"/api/v3/userdates?ownerId={owner}&date=2026-11-23&fields=ownerId"


QUESTIONS: dict[str, Callable[[Rehearsal], str]] = {
    "people": lambda _stage: USERS,
    "leaves": lambda _stage: LEAVES,
    "userdates": userdates,
    "legal entities": lambda _stage: UNITS,
}


def rows(content: Any) -> list[Any]:
    found: list[Any] = content["data"]["items"] if "data" in content else content["items"]
    return found


@pytest.mark.parametrize("what", QUESTIONS)
def test_a_role_of_figgo_that_may_not_read_something_is_refused_or_shown_nothing(
    stage: Rehearsal, what: str
) -> None:
    path = QUESTIONS[what](stage)
    assert rows(figgo(stage, path)[1])
    stage.figgo.switch("unreadable", what)
    assert figgo(stage, path)[0] == 403
    stage.figgo.switch("unreadable_answer", "empty")
    status, content = figgo(stage, path)
    assert (status, rows(content)) == (200, [])
    others = [rows(figgo(stage, ask(stage))[1]) for name, ask in QUESTIONS.items() if name != what]
    assert all(others), "the role may read everything else"


def test_a_role_that_may_not_see_leaves_finds_none_by_id_nor_by_request(stage: Rehearsal) -> None:
    leave = rows(figgo(stage, LEAVES)[1])[0]["id"]
    assert figgo(stage, f"/api/v3/leaves/{leave}")[0] == 200
    stage.figgo.switch("unreadable", "leaves")
    stage.figgo.switch("unreadable_answer", "empty")
    assert figgo(stage, f"/api/v3/leaves/{leave}")[0] == 404
    assert rows(figgo(stage, "/api/v3/leaverequests")[1]) == []


def test_an_address_that_figgo_does_not_take_sees_a_page_and_its_key_is_not_looked_at(
    stage: Rehearsal,
) -> None:
    stage.figgo.switch("address", "refused")
    status, page = figgo(stage, USERS)
    assert status == 403
    assert "<title>403 Forbidden</title>" in page


@pytest.mark.parametrize(
    ("switch", "words"),
    [("scoped", ""), ("nobody", "ErrorImpersonateUserDenied"), ("denied", "ErrorImpersonationDenied")],
)
def test_the_role_of_exchange_reaches_its_scope_or_nobody(stage: Rehearsal, switch: str, words: str) -> None:
    stage.exchange.switch("impersonation", switch)
    inside = exchange(stage)
    assert (words in inside.text, "NoError" in inside.text) == (True, not words)
    outside = exchange(stage, stage.outside["exchange"])
    assert (words or "ErrorImpersonateUserDenied") in outside.text


def test_a_role_of_exchange_without_a_scope_reaches_the_boards_mailbox(stage: Rehearsal) -> None:
    stage.exchange.switch("impersonation", "everyone")
    assert "NoError" in exchange(stage, stage.outside["exchange"]).text


@pytest.mark.parametrize(
    ("account", "hidden", "told"),
    [
        ("locked", 401, "currently locked out"),
        ("expired", 401, "ErrorPasswordExpired"),
        ("disabled", 401, "401 - Unauthorized"),
    ],
)
def test_a_refused_log_on_says_why_only_where_the_server_tells(
    stage: Rehearsal, account: str, hidden: int, told: str
) -> None:
    stage.exchange.switch("account", account)
    silent = exchange(stage)
    assert (silent.status_code, "401 - Unauthorized" in silent.text) == (hidden, True)
    stage.exchange.switch("reasons", "told")
    assert told in exchange(stage).text


def test_iis_refuses_an_address_before_anybody_logs_on(stage: Rehearsal) -> None:
    stage.exchange.switch("address", "refused")
    before = stage.exchange.gate.log_ons
    answer = exchange(stage)
    assert (answer.status_code, "403.6 - Forbidden" in answer.text) == (403, True)
    assert stage.exchange.gate.log_ons == before


@pytest.mark.parametrize(("agents", "status"), [("any", 200), ("listed", 200), ("blocked", 403)])
def test_lists_of_user_agents_let_us_in_or_keep_us_out(stage: Rehearsal, agents: str, status: int) -> None:
    stage.exchange.switch("agents", agents)
    stage.microsoft365.switch("agents", agents)
    assert exchange(stage).status_code == status
    assert graph(stage, graph_mailbox(stage))[0] == status


@pytest.mark.parametrize(
    ("switch", "value", "inside", "outside"),
    [
        ("scope", "group", "", "Access is denied"),
        ("scope", "nobody", "Access is denied", "Access is denied"),
        ("scope", "everyone", "", ""),
        ("access_policy", "denies", "[RAOP]", "[RAOP]"),
    ],
)
def test_the_role_of_the_application_reaches_its_group_nobody_or_everyone(
    stage: Rehearsal, switch: str, value: str, inside: str, outside: str
) -> None:
    stage.microsoft365.switch(switch, value)
    for mailbox, words in ((graph_mailbox(stage), inside), (stage.outside["microsoft365"], outside)):
        status, said = graph(stage, mailbox)
        assert (status, words in said) == (403 if words else 200, True)


def test_the_boards_mailboxes_are_in_nobodys_list(stage: Rehearsal) -> None:
    known = {person.mail for person in stage.company.people.values()}
    for service, mail in stage.outside.items():
        assert mail not in known
        assert mail not in stage.calendars()
        assert stage.keepers(mail) == [getattr(stage, service)]


def hello(stage: Rehearsal, timeout: float = 20) -> int:
    parts = urlsplit(stage.urls["figgo"])
    context = ssl.create_default_context(cafile=str(stage.ca_file))
    with closing(
        http.client.HTTPSConnection("localhost", parts.port, context=context, timeout=timeout)
    ) as connection:
        connection.request("GET", "/")
        return connection.getresponse().status


@pytest.mark.parametrize(
    ("how", "complaint"),
    [
        ("closed", ConnectionRefusedError),
        ("silent", TimeoutError),
        ("reset", ConnectionResetError),
        ("plain", ssl.SSLError),
    ],
)
def test_a_door_is_closed_silent_reset_or_plain_until_it_is_opened(
    stage: Rehearsal, control: Control, how: str, complaint: type[OSError]
) -> None:
    stage.server("figgo").door(how)
    with pytest.raises(complaint):
        hello(stage, timeout=0.3)
    stage.server("figgo").door("open")
    assert hello(stage) == 401


def test_doors_are_within_reach_of_the_control_server(rehearsal: Rehearsal, control: Control) -> None:
    control.done("POST", "/door", {"service": "figgo", "how": "closed"})
    with pytest.raises(ConnectionRefusedError):
        hello(rehearsal)
    control.done("POST", "/door", {"service": "figgo", "how": "open"})
    assert hello(rehearsal) == 401
    assert "unknown way" in control.refused("POST", "/door", {"service": "figgo", "how": "ajar"})
    assert "service is one of" in control.refused("POST", "/door", {"service": "control", "how": "open"})


def test_a_silent_door_lets_go_when_the_company_stops(tmp_path: Path) -> None:
    rehearsal = Rehearsal(tmp_path)
    rehearsal.server("figgo").door("silent")
    port = urlsplit(rehearsal.urls["figgo"]).port or 0
    with socket.create_connection(("localhost", port), timeout=20) as waiting:
        waiting.sendall(b"anybody there?")
        rehearsal.stop()
        with suppress(ConnectionResetError):
            assert waiting.recv(1) == b""


@pytest.mark.parametrize(
    ("kind", "code"), [("expired", 10), ("not-yet-valid", 9), ("self-signed", 18), ("wrong-name", 62)]
)
def test_each_bad_certificate_is_bad_in_its_own_way(stage: Rehearsal, kind: str, code: int) -> None:
    stage.faults.add(Fault("figgo", "certificate", value=kind, times=None))
    with pytest.raises(ssl.SSLCertVerificationError) as caught:
        hello(stage)
    assert caught.value.verify_code == code


def test_a_certificate_that_is_ending_is_still_good(stage: Rehearsal) -> None:
    stage.faults.add(Fault("figgo", "certificate", value="ending", times=None))
    assert hello(stage) == 401
    parts = urlsplit(stage.urls["figgo"])
    context = ssl.create_default_context(cafile=str(stage.ca_file))
    with (
        socket.create_connection(("localhost", parts.port or 0)) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        shown = connection.getpeercert() or {}
    left = ssl.cert_time_to_seconds(str(shown["notAfter"])) - time.time()
    assert 9 <= left / 86400 <= 10


def test_the_date_of_answers_can_be_another_clocks(stage: Rehearsal) -> None:
    stage.server("figgo").dated = lambda: 1_000_000_000.0
    url = stage.urls["figgo"]
    answer = requests.get(url, verify=str(stage.ca_file), timeout=20)
    assert parsedate_to_datetime(answer.headers["Date"]).timestamp() == 1_000_000_000


def test_every_way_to_receive_is_explained() -> None:
    assert all(DOORS.values())


def test_what_delegation_lists_and_which_key_there_is_are_switches(rehearsal: Rehearsal) -> None:
    desk = rehearsal.google.tokens
    for value, scopes in (("missing", 0), ("another-scope", 1), ("granted", 1)):
        rehearsal.google.switch("delegation", value)
        assert len(desk.granted) == scopes
    assert desk.granted
    for value, found in (("key-deleted", (True, False)), ("deleted", (False, False)), ("ok", (True, True))):
        rehearsal.google.switch("service_account", value)
        assert (desk.exists, desk.has_key) == found


def test_the_ready_line_names_the_boards_mailboxes(rehearsal: Rehearsal) -> None:
    assert rehearsal.ready["outside"] == rehearsal.outside
    assert order(rehearsal.control_url, rehearsal.ca_file, "GET", "/__control/people")[0] == 200
