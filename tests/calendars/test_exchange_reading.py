"""Exchange over real sockets: a listing is complete or an error, and costs one request per page."""

import re
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from figgo_ops.calendars import _outlook
from figgo_ops.errors import Incomplete, Unreachable
from figgo_ops.leaves import Span
from figgo_ops.plan import Existing
from figgo_ops.sandbox.exchange_store import PropertyPath
from figgo_ops.sandbox.messages import Request, Response
from tests.calendars.contract import (
    ANNE,
    DAY,
    MONDAY,
    ZOE,
    all_day,
    creation,
    listed,
    listing,
    removal,
    update,
    write,
    written,
)
from tests.calendars.stages import ExchangeStage


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[ExchangeStage]:
    stage = ExchangeStage(tmp_path)
    yield stage
    stage.close()


def crowd(stage: ExchangeStage, number: int, address: str = ANNE) -> None:
    """So many marked events: one of ours and its owner's duplicates, which carry the marker too."""
    if number:
        [one] = written(stage, address, all_day())
        owner = stage.exchange.owner(address)
        for day in range(1, number):
            owner.copy(one.id, MONDAY + day * DAY, MONDAY + (day + 1) * DAY)
    stage.log.clear()
    stage.exchange.seen.clear()


def tamper(stage: ExchangeStage, pattern: str, instead: str, pages: range = range(1, 99)) -> None:
    """Let these pages of the first mailbox say something else."""
    turned = count(1)

    def change(request: Request, answer: Response) -> None:
        if request.place.endswith("/FindItem") and request.principal == ANNE and next(turned) in pages:
            answer.body, struck = re.subn(pattern.encode(), instead.encode(), answer.body)
            assert struck, f"{pattern} is not in the answer"

    stage.exchange.aside = change


def test_the_names_of_our_properties_are_what_they_always_were() -> None:
    """Under other names no run would know an event that an earlier one wrote."""
    assert _outlook.PROPERTY_SET == "6f1d0a52-9d0e-4c59-8a2c-2b8d1f0e7a11"
    assert (_outlook.KEY, _outlook.PRINT) == ("FiggoOpsKey", "FiggoOpsPrint")


@pytest.mark.parametrize("number", [0, 1, 249, 250, 251, 500, 601])
def test_a_listing_costs_one_request_per_250_events_and_nothing_else(
    stage: ExchangeStage, number: int
) -> None:
    crowd(stage, number)
    assert len(listed(stage, ANNE)) == number
    assert stage.asked() == ["FindItem"] * max(1, -(-number // 250))


@pytest.mark.parametrize("size", [1, 7, 20])
def test_a_server_with_smaller_pages_is_read_to_the_end(stage: ExchangeStage, size: int) -> None:
    stage.small_pages(size)
    stage.exchange.switch("order", "shuffled")
    crowd(stage, 20)
    assert len({one.id for one in listed(stage, ANNE)}) == 20
    assert stage.asked() == ["FindItem"] * -(-20 // size)


def test_the_whole_calendar_is_searched_by_our_property_and_events_without_it_stay_where_they_are(
    stage: ExchangeStage,
) -> None:
    crowd(stage, 1)
    for day in range(300):
        stage.add(ANNE, "Absent", MONDAY + day * DAY)
    assert len(listed(stage, ANNE)) == 1
    [asked] = stage.bodies("FindItem")
    assert b"<t:Exists" in asked
    assert b"CalendarView" not in asked
    assert stage.asked() == ["FindItem"]


def test_every_question_names_the_fields_it_wants_and_no_folder_is_ever_asked_for(
    stage: ExchangeStage,
) -> None:
    [found] = written(stage, ANNE, all_day())
    write(stage, update(stage, found, all_day(days=2)))
    [found] = listed(stage, ANNE)
    write(stage, removal(found))
    assert set(stage.asked()) == {"CreateItem", "FindItem", "UpdateItem", "GetItem", "DeleteItem"}
    shapes = [body for name in ("FindItem", "GetItem") for body in stage.bodies(name)]
    assert all(b"<t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties>" in body for body in shapes)
    assert all(b"FiggoOpsKey" in body and b"FiggoOpsPrint" in body for body in shapes)


def test_a_property_of_our_name_that_is_not_ours_marks_nothing(stage: ExchangeStage) -> None:
    own = stage.add(ANNE, "Absent", MONDAY)
    item = stage.exchange.mailbox(ANNE).find(own)
    item.properties[PropertyPath("Integer", _outlook.PROPERTY_SET, _outlook.KEY)] = "7"
    item.properties[PropertyPath("String", _outlook.PROPERTY_SET[::-1], _outlook.KEY)] = "a/1/2/3"
    assert listed(stage, ANNE) == []


@pytest.mark.parametrize("act", ["delete", "add"])
def test_a_calendar_that_changes_while_its_pages_are_turned_is_read_anew(
    stage: ExchangeStage, act: str
) -> None:
    """One event less on the first page moves another one from the second page to the first."""
    crowd(stage, 10)
    stage.small_pages(4)
    first, *_, last = listed(stage, ANNE)
    acts = iter([act])
    stage.exchange.aside = lambda _request, _answer: by_hand(stage, next(acts, ""), first)
    found = listed(stage, ANNE)
    there = {item["id"] for item in stage.exchange.content(ANNE)}
    assert {one.id for one in found} == there
    assert last.id in there
    assert len(found) == {"delete": 9, "add": 11}[act]


def by_hand(stage: ExchangeStage, act: str, first: Existing) -> None:
    if act == "delete":
        stage.delete(ANNE, first.id)
    elif act == "add":
        stage.exchange.owner(ANNE).copy(first.id)


def test_a_calendar_that_never_stands_still_is_incomplete(stage: ExchangeStage) -> None:
    crowd(stage, 10)
    stage.small_pages(4)
    [first, *_] = listed(stage, ANNE)
    stage.log.clear()
    stage.exchange.aside = lambda _request, _answer: by_hand(stage, "add", first)
    found = listing(stage, ANNE)
    assert isinstance(found.error, Incomplete)
    assert found.events == ()
    assert len(stage.asked()) < 20


LIES: dict[str, tuple[str, str, range]] = {
    "more are announced": ('TotalItemsInView="10"', 'TotalItemsInView="11"', range(1, 99)),
    "fewer are announced": ('TotalItemsInView="10"', 'TotalItemsInView="9"', range(1, 99)),
    "the last page announces others": ('TotalItemsInView="10"', 'TotalItemsInView="2"', range(3, 99, 3)),
    "the total is missing": (' TotalItemsInView="10"', "", range(2, 3)),
    "the total is no number": ('TotalItemsInView="10"', 'TotalItemsInView="-10"', range(1, 2)),
    "the offset is missing": (' IndexedPagingOffset="4"', "", range(1, 2)),
    "the offset stands still": ('IndexedPagingOffset="8"', 'IndexedPagingOffset="4"', range(2, 3)),
    "the offset goes back": ('IndexedPagingOffset="8"', 'IndexedPagingOffset="0"', range(2, 3)),
    "the offset goes beyond": ('IndexedPagingOffset="4"', 'IndexedPagingOffset="40"', range(1, 2)),
    "the end is not marked": (' IncludesLastItemInRange="true"', "", range(3, 99)),
    "the end comes early": (
        'IncludesLastItemInRange="false"',
        'IncludesLastItemInRange="true"',
        range(1, 99),
    ),
    "an event has no id": (r'<t:ItemId Id="[^"]*"', "<t:ItemId", range(2, 3)),
    "an item is cut away": (r"<t:CalendarItem>.*?</t:CalendarItem>", "", range(1, 99)),
    "there is no list": (r"<m:RootFolder.*</m:RootFolder>", "", range(1, 2)),
}


@pytest.mark.parametrize("lie", LIES)
def test_pages_that_do_not_add_up_are_an_error_and_never_fewer_events(stage: ExchangeStage, lie: str) -> None:
    written(stage, ZOE, all_day())
    crowd(stage, 10)
    stage.small_pages(4)
    tamper(stage, *LIES[lie])
    found = {one.mailbox.address: one for one in stage.calendar.read([ANNE, ZOE])}
    error = found[ANNE].error
    assert isinstance(error, Incomplete)
    assert ANNE in error.message
    assert error.remedy
    assert found[ANNE].events == ()
    assert len(found[ZOE].events) == 1
    assert len(stage.asked()) <= 12


@pytest.mark.parametrize("lie", ["more are announced", "an item is cut away", "the end comes early"])
def test_pages_that_do_not_add_up_only_once_are_read_anew(stage: ExchangeStage, lie: str) -> None:
    crowd(stage, 10)
    stage.small_pages(4)
    pattern, instead, _ = LIES[lie]
    tamper(stage, pattern, instead, range(1, 2))
    assert len(listed(stage, ANNE)) == 10


GARBAGE: dict[str, Callable[[bytes], bytes]] = {
    "half of it": lambda body: body[: len(body) // 2],
    "nothing": lambda _body: b"",
    "no answer inside": lambda body: re.sub(
        b"<m:FindItemResponse.*</m:FindItemResponse>", b"", body, flags=16
    ),
    "another answer": lambda body: body.replace(b"FindItemResponse", b"GetItemResponse"),
    "two answers": lambda body: re.sub(
        b"(<m:FindItemResponseMessage .*</m:FindItemResponseMessage>)", rb"\1\1", body
    ),
    "no XML": lambda _body: b"<html><body>Envelope",
}


@pytest.mark.parametrize("kind", GARBAGE)
def test_an_answer_that_is_not_exchanges_is_an_error_and_never_an_empty_calendar(
    stage: ExchangeStage, kind: str
) -> None:
    crowd(stage, 3)

    def change(_request: Request, answer: Response) -> None:
        answer.body = GARBAGE[kind](answer.body)

    stage.exchange.aside = change
    found = listing(stage, ANNE)
    assert isinstance(found.error, Unreachable)
    assert found.events == ()
    stage.exchange.aside = None
    assert len(listed(stage, ANNE)) == 3


def test_dates_that_nobody_can_read_make_the_listing_incomplete_and_name_the_event(
    stage: ExchangeStage,
) -> None:
    [one] = written(stage, ANNE, all_day())
    tamper(stage, r"<t:Start>[^<]*</t:Start>", "<t:Start>yesterday</t:Start>")
    found = listing(stage, ANNE)
    assert isinstance(found.error, Incomplete)
    assert one.key_text in found.error.message


@pytest.mark.parametrize("how", ["invite", "repeat", "optional", "room"])
def test_what_its_owner_made_a_meeting_or_a_series_was_taken_over(stage: ExchangeStage, how: str) -> None:
    [one] = written(stage, ANNE, all_day())
    item = stage.exchange.mailbox(ANNE).find(one.id)
    match how:
        case "invite":
            stage.invite(ANNE, one.id, ZOE)
        case "repeat":
            stage.exchange.owner(ANNE).repeat(one.id)
        case "optional":
            item.optional = (ZOE,)
        case _:
            item.resources = ("salle.jaune@corail.example",)
    assert [found.taken_over for found in listed(stage, ANNE)] == [True]


def test_look_alikes_are_searched_in_the_window_alone_and_series_by_their_occurrences(
    stage: ExchangeStage,
) -> None:
    series = stage.add(ANNE, "Absent", MONDAY - 14 * DAY)
    stage.exchange.owner(ANNE).repeat(series)
    [found] = stage.calendar.look_alikes([ANNE], Span(MONDAY, MONDAY + 8 * DAY), frozenset({"Absent"}))
    assert [one.event.first_day for one in found.events] == [MONDAY, MONDAY + 7 * DAY]
    assert all(one.taken_over for one in found.events)
    assert stage.asked() == ["FindItem"]


def test_a_window_of_many_years_is_searched_in_parts_that_exchange_allows(stage: ExchangeStage) -> None:
    long = stage.add(ANNE, "Absent", MONDAY, 900)
    late = stage.add(ANNE, "Absent", MONDAY + 1800 * DAY)
    [found] = stage.calendar.look_alikes([ANNE], Span(MONDAY, MONDAY + 1800 * DAY), frozenset({"absent"}))
    assert {one.id for one in found.events} == {long, late}
    assert found.error is None
    assert len(stage.asked()) == 3


def test_a_window_with_more_events_than_exchange_shows_at_once_is_searched_by_halves(
    stage: ExchangeStage,
) -> None:
    own = {stage.add(ANNE, "Absent", MONDAY + 10 * n * DAY) for n in range(5)}
    order = {"operation": "FindItem", "code": "ErrorExceededFindCountLimit", "times": 3}
    stage.exchange.switch("item_errors", order)
    [found] = stage.calendar.look_alikes([ANNE], Span(MONDAY, MONDAY + 60 * DAY), frozenset({"absent"}))
    assert {one.id for one in found.events} == own


def test_look_alikes_that_cannot_be_read_to_the_end_are_an_error(stage: ExchangeStage) -> None:
    stage.add(ANNE, "Absent", MONDAY)
    tamper(stage, 'TotalItemsInView="[0-9]*"', 'TotalItemsInView="77"')
    [found] = stage.calendar.look_alikes([ANNE], Span(MONDAY, MONDAY + 6 * DAY), frozenset({"absent"}))
    assert isinstance(found.error, Incomplete)
    assert found.events == ()


def test_many_mailboxes_are_read_side_by_side_each_with_its_own_answer(stage: ExchangeStage) -> None:
    mails = [f"user.{number}@corail.example" for number in range(40)]
    for mail in mails:
        stage.exchange.add_mailbox(mail)
    changes = [creation(stage, mail, all_day(title=mail), number) for number, mail in enumerate(mails)]
    assert {outcome.status for outcome in stage.calendar.write(changes)} == {"done"}
    found = {
        one.mailbox.address: [each.event.title for each in one.events] for one in stage.calendar.read(mails)
    }
    assert found == {mail: [mail] for mail in mails}
    assert sorted(stage.asked()) == ["CreateItem"] * 40 + ["FindItem"] * 40
