"""Microsoft 365 over real sockets: a listing is complete or an error, and 20 mailboxes share a request."""

import json
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from figgo_ops.calendars import _microsoft365_events as events
from figgo_ops.calendars._outlook import KEY, PROPERTY_SET
from figgo_ops.errors import (
    FiggoOpsError,
    Incomplete,
    Unreachable,
)
from figgo_ops.leaves import Span
from figgo_ops.sandbox.exchange_store import PropertyPath
from figgo_ops.sandbox.messages import Request, Response
from tests.calendars.contract import (
    ANNE,
    DAY,
    MONDAY,
    ZOE,
    all_day,
    half_day,
    listed,
    listing,
    removal,
    update,
    write,
    written,
)
from tests.calendars.crowds import batches, crowd, read, tokens
from tests.calendars.stage_microsoft365 import Microsoft365Stage

Page = dict[str, Any]


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Microsoft365Stage]:
    stage = Microsoft365Stage(tmp_path)
    yield stage
    stage.close()


def fill(stage: Microsoft365Stage, number: int, address: str = ANNE) -> None:
    """So many marked events: one of ours and its owner's duplicates, which carry the marker too."""
    if number:
        written(stage, address, all_day())
        [one] = stage.graph.content(address)
        for day in range(1, number):
            stage.graph.owner(address).copy(one["id"], MONDAY + day * DAY, MONDAY + (day + 1) * DAY)
    stage.log.clear()
    stage.graph.asked.clear()


def tamper(
    stage: Microsoft365Stage, change: Callable[[Page, int], None], pages: range = range(1, 99)
) -> None:
    """Let the answers about Anne say something else; changed in place, with the number of her page."""
    turned = count(1)

    def aside(request: Request, answer: Response) -> None:
        if request.principal and answer.status == 200:
            told = json.loads(answer.body)
            asked = {one["id"]: one["url"] for one in json.loads(request.body)["requests"]}
            for one in told["responses"]:
                if ANNE in asked[one["id"]] and (number := next(turned)) in pages:
                    change(one, number)
            told["responses"] = [one for one in told["responses"] if one]
            answer.body = json.dumps(told).encode()

    stage.graph.aside = aside


def test_the_ids_of_our_properties_are_what_they_always_were() -> None:
    """Under other names no run would know an event that an earlier one wrote, through whichever door."""
    names = {
        f"String {{6f1d0a52-9d0e-4c59-8a2c-2b8d1f0e7a11}} Name {n}" for n in ("FiggoOpsKey", "FiggoOpsPrint")
    }
    assert set(events.PROPERTIES.values()) == names


@pytest.mark.parametrize(("number", "asked"), [(0, 1), (1, 1), (250, 1), (251, 4), (501, 6)])
def test_a_listing_costs_one_question_per_250_events_and_is_read_twice_when_it_has_pages(
    stage: Microsoft365Stage, number: int, asked: int
) -> None:
    fill(stage, number)
    assert len(listed(stage, ANNE)) == number
    assert stage.graph.asked == [("GET", ANNE, "/events")] * asked


@pytest.mark.parametrize("size", [1, 7, 20])
@pytest.mark.parametrize("gaps", [False, True])
def test_a_service_with_smaller_or_empty_pages_is_read_to_the_end(
    stage: Microsoft365Stage, size: int, gaps: bool
) -> None:
    fill(stage, 20)
    stage.small_pages(size)
    stage.graph.switch("order", "shuffled")
    stage.graph.switch("empty_page", gaps)
    assert len({one.id for one in listed(stage, ANNE)}) == 20
    pages = -(-20 // size) + 2 * gaps
    assert len(stage.graph.asked) == [pages, 2 * pages][pages > 1]


def test_neither_occurrences_nor_changes_are_ever_asked_for(stage: Microsoft365Stage) -> None:
    """Both leave events out, or the marker."""
    [found] = written(stage, ANNE, all_day())
    write(stage, update(stage, found, half_day(MONDAY, 9, 12, "Europe/Paris")))
    list(stage.calendar.look_alikes([ANNE, ZOE], Span(MONDAY, MONDAY + 40 * DAY), frozenset({"Absent"})))
    list(stage.calendar.probe(ANNE))
    [found] = listed(stage, ANNE)
    write(stage, removal(found))
    assert stage.graph.events.forbidden_used == []
    paths = {path.split("/")[1] for _, _, path in stage.graph.asked}
    assert paths == {"events", "mailboxSettings"}
    assert stage.graph.violations == []


@pytest.mark.parametrize(("number", "threads"), [(100, 5), (400, 20)])
def test_twenty_mailboxes_share_a_request(stage: Microsoft365Stage, number: int, threads: int) -> None:
    """Where more requests may be in flight they are spread over those, so as not to wait for each other."""
    mails = crowd(stage, number)
    assert set(read(stage.connect(threads=threads), mails).values()) == {None}
    assert (len(batches(stage)), tokens(stage)) == (number // 20, 1)
    assert max(stage.graph.gate.most.values()) == 1


@pytest.mark.parametrize(
    ("kind", "set_id", "name"),
    [
        ("Integer", PROPERTY_SET, KEY),
        ("String", PROPERTY_SET[::-1], KEY),
        ("String", PROPERTY_SET, KEY.upper()),
    ],
)
def test_a_property_of_nearly_our_name_marks_nothing(
    stage: Microsoft365Stage, kind: str, set_id: str, name: str
) -> None:
    stage.add(ANNE, "Absent", MONDAY)
    [own] = stage.graph.content(ANNE)
    stage.graph.mailbox(ANNE).find(own["id"]).properties[PropertyPath(kind, set_id, name)] = "a/1/2/20261123A"
    assert listed(stage, ANNE) == []
    [found] = stage.calendar.look_alikes([ANNE], Span(MONDAY, MONDAY), frozenset({"Absent"}))
    assert [one.key_text for one in found.events] == [""]


def test_an_empty_key_marks_nothing_and_a_fingerprint_alone_neither(stage: Microsoft365Stage) -> None:
    first, second, kept = written(stage, ANNE, *(all_day(MONDAY + n * DAY) for n in range(3)))
    for one, emptied in ((first, ""), (second, None)):
        properties = stage.graph.mailbox(ANNE).find(stage.stored(ANNE, one.id)).properties
        [path] = [path for path in properties if path.name == KEY]
        if emptied is None:
            del properties[path]
        else:
            properties[path] = emptied
    assert listed(stage, ANNE) == [kept]


def test_the_spelling_of_a_property_set_in_an_answer_does_not_matter(stage: Microsoft365Stage) -> None:
    [one] = written(stage, ANNE, all_day())
    small, large = f"{{{PROPERTY_SET}}}", f"{{{PROPERTY_SET.upper()}}}"

    def aside(_request: Request, answer: Response) -> None:
        answer.body = answer.body.replace(small.encode(), large.encode())

    stage.graph.aside = aside
    assert listed(stage, ANNE) == [one]


@pytest.mark.parametrize("act", ["delete", "add"])
def test_a_calendar_that_changes_while_its_pages_are_turned_is_read_anew(
    stage: Microsoft365Stage, act: str
) -> None:
    """One event less on the first page moves another one from the second page to the first."""
    fill(stage, 10)
    stage.small_pages(4)
    acts = iter([act])
    stage.graph.aside = lambda _request, _answer: by_hand(stage, next(acts, ""))
    found = listed(stage, ANNE)
    assert {stage.stored(ANNE, one.id) for one in found} == {item["id"] for item in stage.graph.content(ANNE)}
    assert len(found) == {"delete": 9, "add": 11}[act]


def by_hand(stage: Microsoft365Stage, act: str) -> None:
    if act:
        owner, first = stage.graph.owner(ANNE), stage.graph.content(ANNE)[0]["id"]
        owner.delete(first) if act == "delete" else owner.copy(first)


def test_a_calendar_that_never_stands_still_is_incomplete(stage: Microsoft365Stage) -> None:
    fill(stage, 10)
    stage.small_pages(4)
    stage.graph.aside = lambda _request, _answer: by_hand(stage, "add")
    found = listing(stage, ANNE)
    assert isinstance(found.error, Incomplete)
    assert found.events == ()
    assert len(stage.graph.asked) < 30


def _elsewhere(one: Page, _page: int) -> None:
    one["body"]["@odata.nextLink"] = "https://graph.corail.example/v1.0/users/x/events?$skip=4"


def _within(name: str, value: object) -> Callable[[Page, int], None]:
    """The body says this of itself, or nothing of it."""

    def change(one: Page, _page: int) -> None:
        one["body"].pop(name, None)
        if value is not None:
            one["body"][name] = value

    return change


def _without_id(one: Page, _page: int) -> None:
    one["body"]["value"][0].pop("id")


def _clear(one: Page, _page: int) -> None:
    one.clear()


LIES: dict[str, tuple[type[FiggoOpsError], Callable[[Page, int], None]]] = {
    "the next page is elsewhere": (Incomplete, _elsewhere),
    "the next page has an empty address": (Incomplete, _within("@odata.nextLink", "")),
    "the next page is a number": (Incomplete, _within("@odata.nextLink", 4)),
    "there is no list": (Incomplete, _within("value", None)),
    "the list is none": (Incomplete, _within("value", {"id": "1"})),
    "the list holds something else": (Incomplete, _within("value", ["Absent"])),
    "an event has no id": (Incomplete, _without_id),
    "the answer is missing": (Unreachable, _clear),
    "the answer has no body": (Unreachable, lambda one, _page: one.pop("body")),
    "the answer is a page": (Unreachable, lambda one, _page: one.update(body="<html>Connexion</html>")),
    "the answer has no status": (Unreachable, lambda one, _page: one.pop("status")),
    "the answer has no id": (Unreachable, lambda one, _page: one.pop("id")),
    "the answer is empty though good": (Incomplete, lambda one, _page: one.update(status=204, body=None)),
}


@pytest.mark.parametrize("lie", LIES)
def test_pages_that_cannot_be_believed_are_an_error_of_that_mailbox_alone(
    stage: Microsoft365Stage, lie: str
) -> None:
    written(stage, ZOE, all_day())
    fill(stage, 10)
    stage.small_pages(4)
    kind, change = LIES[lie]
    tamper(stage, change)
    found = {one.mailbox.address: one for one in stage.calendar.read([ANNE, ZOE])}
    error = found[ANNE].error
    assert type(error) is kind
    assert ANNE in error.message
    assert error.remedy
    assert found[ANNE].events == ()
    assert len(found[ZOE].events) == 1
    assert len(stage.graph.asked) <= 12


def test_pages_that_go_round_in_circles_come_to_an_end(stage: Microsoft365Stage) -> None:
    fill(stage, 10)
    stage.small_pages(4)
    links: list[str] = []

    def change(one: Page, _page: int) -> None:
        links.append(one["body"].get("@odata.nextLink") or links[0])
        one["body"]["@odata.nextLink"] = links[-1]

    tamper(stage, change)
    found = listing(stage, ANNE)
    assert isinstance(found.error, Incomplete)
    assert "circles" in found.error.message
    assert len(stage.graph.asked) <= 4


GARBAGE: dict[str, Callable[[bytes], bytes]] = {
    "half of it": lambda body: body[: len(body) // 2],
    "nothing": lambda _body: b"",
    "no answers": lambda _body: b"{}",
    "answers that are none": lambda _body: b'{"responses": 7}',
    "a list": lambda body: b"[" + body + b"]",
    "brackets without end": lambda _body: b"[" * 100_000,
    "a page": lambda _body: b"<html><title>Connexion</title></html>",
}


@pytest.mark.parametrize("kind", GARBAGE)
def test_an_answer_that_is_not_graphs_is_an_error_of_each_mailbox_and_never_an_empty_calendar(
    stage: Microsoft365Stage, kind: str
) -> None:
    fill(stage, 3)

    def change(request: Request, answer: Response) -> None:
        if request.principal:
            answer.body = GARBAGE[kind](answer.body)

    stage.graph.aside = change
    found = {one.mailbox.address: one for one in stage.calendar.read([ANNE, ZOE])}
    for address, one in found.items():
        assert isinstance(one.error, Unreachable)
        assert address in one.error.message
        assert one.events == ()
    stage.graph.aside = None
    assert len(listed(stage, ANNE)) == 3


@pytest.mark.parametrize(
    "start",
    [{"dateTime": "yesterday", "timeZone": "UTC"}, {"dateTime": None}, {}, None, "2026-11-23"],
    ids=str,
)
def test_times_that_nobody_can_read_make_the_listing_incomplete_and_name_the_event(
    stage: Microsoft365Stage, start: object
) -> None:
    [one] = written(stage, ANNE, half_day(MONDAY, 9, 12, "Europe/Paris"))
    tamper(stage, lambda told, _page: told["body"]["value"][0].update(start=start))
    found = listing(stage, ANNE)
    assert isinstance(found.error, Incomplete)
    assert one.key_text in found.error.message


@pytest.mark.parametrize("how", ["invite", "repeat", "optional", "room"])
def test_what_its_owner_made_a_meeting_or_a_series_was_taken_over(stage: Microsoft365Stage, how: str) -> None:
    written(stage, ANNE, all_day())
    [own] = stage.graph.content(ANNE)
    item = stage.graph.mailbox(ANNE).find(own["id"])
    match how:
        case "invite":
            stage.graph.owner(ANNE).invite(item.id, [ZOE])
        case "repeat":
            stage.graph.owner(ANNE).repeat(item.id)
        case "optional":
            item.optional = (ZOE,)
        case _:
            item.resources = ("salle.jaune@corail.example",)
    assert [found.taken_over for found in listed(stage, ANNE)] == [True]
