"""The Exchange stand-in in trouble, in other spellings, and spoken to by its usual client."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from exchangelib import (
    Account,
    CalendarItem,
    EWSDate,
    EWSDateTime,
)
from exchangelib.errors import ErrorNonPrimarySmtpAddress
from exchangelib.extended_properties import ExtendedProperty
from exchangelib.protocol import BaseProtocol
from exchangelib.version import Build, Version
from requests.adapters import HTTPAdapter

from figgo_ops.sandbox.exchange import PATH
from figgo_ops.sandbox.faults import Fault
from tests.sandbox.ews import (
    ANNE,
    DAY,
    EXISTS,
    GUID,
    INVITED,
    KEY,
    MORNING,
    PAUL,
    START,
    ZOE,
    Answer,
    Stage,
    conversion,
    marked,
    plain,
    uri,
)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path)
    yield made
    made.close()


# Trouble and manners of speaking


def test_a_share_of_items_can_be_struck(stage: Stage) -> None:
    order = {
        "operation": "CreateItem",
        "code": "ErrorServerBusy",
        "back_off": 300,
        "every": 2,
        "after": 1,
        "times": 2,
    }
    stage.exchange.switch("item_errors", order)
    answer = stage.create(*(plain(subject=str(n)) for n in range(1, 9)))
    assert [n for n, code in enumerate(answer.codes, 1) if code == "ErrorServerBusy"] == [3, 5]
    assert answer.texts("m:MessageXml/t:Value") == ["300000"] * 2
    assert [kept["subject"] for kept in stage.content()] == ["1", "2", "4", "6", "7", "8"]
    assert stage.find().codes == ["NoError"]
    stage.exchange.switch("item_errors", order)
    assert stage.create(*(plain() for _ in range(3))).codes == ["NoError", "NoError", "ErrorServerBusy"]


def test_a_batch_may_stop_at_its_first_error(stage: Stage) -> None:
    stage.exchange.switch("batch_stops", True)
    answer = stage.create(plain(subject="a"), plain(subject="x" * 256), plain(subject="c"))
    assert answer.codes == ["NoError", "ErrorPropertyUpdate", "ErrorBatchProcessingStopped"]
    assert [kept["subject"] for kept in stage.content()] == ["a"]


@pytest.mark.parametrize(
    "switches",
    [
        {"prefixes": "other"},
        {"prefixes": "default"},
        {"headers": "more"},
        {"sparse": True},
        {"times": "offset"},
        {"version": "unknown", "headers": "more", "prefixes": "default", "sparse": True},
    ],
)
def test_answers_mean_the_same_however_they_are_spelt(stage: Stage, switches: dict[str, Any]) -> None:
    ((identity, _),) = stage.created(
        marked("k1", DAY.replace("<t:StartTimeZone", INVITED + "<t:StartTimeZone", 1))
    )
    fields = uri("calendar:Start") + uri("calendar:RequiredAttendees") + KEY
    asked: list[Callable[[], Answer]] = [
        lambda: stage.get(identity, fields=fields),
        lambda: stage.find(EXISTS, fields=uri("item:Subject") + uri("calendar:End") + KEY),
        lambda: stage.ask(conversion("EwsId", "EwsId", "DUMMY", ANNE)),
        lambda: stage.ask(conversion("EwsId", "EwsId", identity, ANNE)),
    ]
    usual = [meaning(ask()) for ask in asked]
    plainly = [ask().content for ask in asked]
    for name, value in switches.items():
        stage.exchange.switch(name, value)
    assert [meaning(ask()) for ask in asked] == usual
    assert [ask().content for ask in asked] != plainly


def meaning(answer: Answer) -> list[Any]:
    """What an answer says, whatever its prefixes, its spelling of times and its courtesies."""
    found = []
    for element in answer.one("m:ResponseMessages").iter():
        name = element.tag.rpartition("}")[2]
        if name in ("MessageText", "DescriptiveLinkKey"):
            continue
        text = (element.text or "").strip()
        instant = (
            datetime.fromisoformat(text).astimezone(UTC).isoformat() if name in ("Start", "End") else text
        )
        attributes = {key: value for key, value in element.attrib.items() if not key.endswith("}type")}
        found.append((element.tag, instant, attributes))
    return found


def test_times_may_be_spelt_with_the_offset_of_the_item_s_zone(stage: Stage) -> None:
    stage.created(plain())
    stage.exchange.switch("times", "offset")
    assert stage.find(fields=START).texts("t:Start") == ["2026-11-23T00:00:00+01:00"]


def test_sparse_answers_hold_what_was_asked_by_name(stage: Stage) -> None:
    stage.created(plain())
    full = {element.tag for element in stage.find(base="Default").one("t:CalendarItem")}
    stage.exchange.switch("sparse", True)
    bare = stage.find(base="Default", fields=START).one("t:CalendarItem")
    assert len(full) > 5
    assert [element.tag.rpartition("}")[2] for element in bare] == ["ItemId", "Start"]
    assert stage.get("AAMk").texts("m:MessageText") == []


def test_a_creation_may_be_answered_without_an_id(stage: Stage) -> None:
    stage.exchange.switch("ids", "none")
    answer = stage.create(plain())
    assert (answer.codes, answer.ids, len(stage.content())) == (["NoError"], [], 1)


def test_faults_strike_operations(stage: Stage) -> None:
    busy = {"status": 500, "code": "ErrorServerBusy", "back_off": 10}
    stage.faults.add(Fault("exchange", "status", path=f"{PATH}/CreateItem", principal=ANNE, value=busy))
    stage.faults.add(Fault("exchange", "status", path=f"{PATH}/FindItem", value={"status": 503}))
    assert stage.create(plain(), who=ZOE).codes == ["NoError"]
    struck = stage.create(plain())
    assert (struck.fault, struck.texts("t:Value")) == ("ErrorServerBusy", ["10000"])
    assert stage.find().status == 503
    assert (stage.create(plain()).codes, stage.find().codes) == (["NoError"], ["NoError"])
    assert [entry.path for entry in stage.log.entries() if entry.fault] == [
        f"{PATH}/CreateItem",
        f"{PATH}/FindItem",
    ]


def test_unknown_switches_and_values_are_refused(stage: Stage) -> None:
    with pytest.raises(ValueError, match="no switch"):
        stage.exchange.switch("mood", "good")
    with pytest.raises(ValueError, match="takes one of"):
        stage.exchange.switch("version", "2007")


# The usual client


class Key(ExtendedProperty):  # type: ignore[misc]
    """The marker, as the usual client knows it."""

    property_set_id = GUID
    property_name = "FiggoOpsKey"
    property_type = "String"


@pytest.fixture
def usual_client(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Account]]:
    """Accounts of the usual client that trust the rehearsal company's own authority."""
    context = ssl.create_default_context(cafile=stage.ca_file)

    class Trusting(HTTPAdapter):
        def init_poolmanager(self, *arguments: Any, **more: Any) -> Any:
            return super().init_poolmanager(*arguments, ssl_context=context, **more)

    monkeypatch.setattr(BaseProtocol, "HTTP_ADAPTER_CLS", Trusting)
    CalendarItem.register("rehearsed_key", Key)
    made: list[Account] = []

    def account(*arguments: Any, **more: Any) -> Account:
        made.append(stage.account(*arguments, **more))
        return made[-1]

    yield account
    CalendarItem.deregister("rehearsed_key")
    for one in made:
        one.protocol.close()


V2013 = Version(Build(15, 0, 847))


def test_the_usual_client_writes_and_reads(stage: Stage, usual_client: Callable[..., Account]) -> None:
    account = usual_client(version=V2013)
    zone = account.default_timezone
    days = CalendarItem(
        account=account,
        folder=account.calendar,
        subject="Congés payés",
        start=EWSDate(2026, 12, 1),
        end=EWSDate(2026, 12, 3),
        is_all_day=True,
        legacy_free_busy_status="OOF",
        rehearsed_key="k1",
    )
    hours = CalendarItem(
        account=account,
        folder=account.calendar,
        subject="RTT",
        start=EWSDateTime(2026, 12, 4, 9, tzinfo=zone),
        end=EWSDateTime(2026, 12, 4, 12, tzinfo=zone),
        rehearsed_key="k2",
    )
    made = account.bulk_create(account.calendar, [days, hours])
    assert [(kept["id"], kept["reminder"]) for kept in stage.content()] == [(one.id, False) for one in made]
    first, last = stage.content()[0]["first_day"], stage.content()[0]["last_day"]
    assert (first, last) == (date(2026, 12, 1), date(2026, 12, 3))
    found = {item.rehearsed_key: item for item in account.calendar.filter(rehearsed_key__in=["k1", "k2"])}
    assert (found["k1"].start, found["k1"].end, found["k1"].is_all_day) == (days.start, days.end, True)
    assert (found["k2"].start, found["k2"].end) == (hours.start, hours.end)
    found["k2"].subject = "Absente"
    account.bulk_update([(found["k2"], ["subject"])])
    assert stage.content()[1]["subject"] == "Absente"
    seen = account.calendar.view(EWSDateTime(2026, 12, 1, tzinfo=zone), EWSDateTime(2026, 12, 5, tzinfo=zone))
    assert [item.subject for item in seen] == ["Congés payés", "Absente"]
    assert account.bulk_delete(
        [(one.id, one.changekey) for one in made], delete_type="MoveToDeletedItems"
    ) == [True, True]
    assert (stage.content(), len(stage.content(deleted=True))) == ([], 2)
    assert (stage.exchange.violations, stage.exchange.notifications) == ([], [])


@pytest.mark.parametrize(
    ("server", "api"), [("2010", "Exchange2010_SP2"), ("2013", "Exchange2013_SP1"), ("SE", "Exchange2016")]
)
def test_the_usual_client_learns_the_version(
    stage: Stage, usual_client: Callable[..., Account], server: str, api: str
) -> None:
    stage.exchange.switch("version", server)
    assert usual_client().version.api_version == api


@pytest.mark.parametrize("prefixes", ["usual", "other", "default"])
def test_the_usual_client_understands_every_spelling(
    stage: Stage, usual_client: Callable[..., Account], prefixes: str
) -> None:
    for name, value in (("prefixes", prefixes), ("headers", "more"), ("times", "offset"), ("sparse", True)):
        stage.exchange.switch(name, value)
    stage.created(marked("k1"), marked("k2", MORNING))
    account = usual_client(version=V2013)
    found = account.calendar.filter(rehearsed_key__startswith="k").only("start", "end", "rehearsed_key")
    starts = {item.rehearsed_key: item.start.hour for item in found}
    assert starts == {"k1": 23, "k2": 8}


def test_the_usual_client_names_the_primary_address(
    stage: Stage, usual_client: Callable[..., Account]
) -> None:
    account = usual_client(PAUL, version=V2013)
    with pytest.raises(ErrorNonPrimarySmtpAddress):
        account.calendar.all().count()
