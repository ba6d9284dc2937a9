"""A server that is not like ours: other versions, spellings and habits, and the same results."""

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from figgo_ops.errors import MailboxAbsent, RightsMissing
from figgo_ops.leaves import Span
from tests.calendars.contract import (
    ANNE,
    DAY,
    MONDAY,
    NOBODY,
    SHAPES,
    ZOE,
    all_day,
    creation,
    half_day,
    listed,
    listing,
    removal,
    update,
    write,
    written,
)
from tests.calendars.stages import ExchangeStage

OTHERS: dict[str, tuple[Any, ...]] = {
    "prefixes": ("other", "default"),
    "sparse": (True,),
    "order": ("shuffled",),
    "headers": ("more",),
    "errors": ("fault",),
    "times": ("offset",),
    "ids": ("none",),
    "change_keys": ("everywhere", "nowhere"),
    "restrictions": ("no-ranges",),
    "max_body": (70_000,),
    "max_items": (20,),
    "page_cap": (20, 1000),
    "batch_stops": (True,),
    "agents": ("listed",),
    "auth": ("basic",),
    "version": ("2013", "2016", "2019", "SE", "unknown"),
}
ONE_BY_ONE = [{name: value} for name, values in OTHERS.items() for value in values]


def all_at_once(seed: int) -> dict[str, Any]:
    """A server that differs in about half of everything."""
    rng = random.Random(seed)
    return {name: rng.choice(values) for name, values in OTHERS.items() if rng.random() < 0.6}


SERVERS = [{}, *ONE_BY_ONE, *map(all_at_once, range(8))]
EVENTS = [*SHAPES.values(), *(all_day(date(2027, 1, 4) + n * DAY, title="Été 🌞") for n in range(30))]


@pytest.fixture(params=SERVERS, ids=lambda server: "+".join(f"{k}={v}" for k, v in server.items()) or "ours")
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ExchangeStage]:
    stage = ExchangeStage(tmp_path)
    for name, value in request.param.items():
        stage.exchange.switch(name, value)
    yield stage
    stage.close()


def test_events_are_created_listed_updated_and_removed_as_on_any_other_server(stage: ExchangeStage) -> None:
    own = stage.add(ANNE, "Dentiste", MONDAY)
    first = written(stage, ANNE, *EVENTS)
    assert [one.event for one in first] == list(map(stage.calendar.project, EVENTS))
    turned = [stage.calendar.project(event) for event in reversed(EVENTS)]
    outcomes = write(stage, *(update(stage, one, event) for one, event in zip(first, turned, strict=True)))
    assert {outcome.status for outcome in outcomes} == {"done"}
    found = {one.key_text: one for one in listed(stage, ANNE)}
    assert [found[one.key_text].event for one in first] == turned
    ids = [(found[str(one.change.key)].id, found[str(one.change.key)].etag) for one in outcomes]
    assert [(one.id, one.etag) for one in outcomes] == ids
    assert {one.status for one in write(stage, *map(removal, found.values()))} == {"done"}
    assert [item["id"] for item in stage.exchange.content(ANNE)] == [own]
    assert stage.notified() == 0
    assert stage.exchange.violations == []
    assert stage.server.failures == []


def test_what_cannot_be_written_is_told_as_on_any_other_server(stage: ExchangeStage) -> None:
    changed, gone, attached, good = written(stage, ANNE, *(all_day(MONDAY + n * DAY) for n in range(4)))
    stage.exchange.owner(ANNE).attach(attached.id, "billet.pdf")
    changed, gone, attached, good = listed_by_day(stage)
    stage.rename(ANNE, changed.id, "Ski")
    stage.delete(ANNE, gone.id)
    to_hours = half_day(MONDAY + 2 * DAY, 9, 12, "Europe/Paris")
    others = write(stage, removal(changed), removal(gone), update(stage, attached, to_hours))
    assert [one.status for one in others] == ["failed", "done", "failed"]
    assert write(stage, update(stage, good, all_day(days=4)))[0].status == "done"
    assert sorted(stage.titles(ANNE)) == ["Absent", "Absent", "Ski"]


def listed_by_day(stage: ExchangeStage) -> list[Any]:
    return sorted(listed(stage, ANNE), key=lambda one: one.event.first_day)


def test_mailboxes_out_of_reach_are_told_apart_as_on_any_other_server(stage: ExchangeStage) -> None:
    written(stage, ZOE, all_day())
    stage.exchange.set_state(ANNE, "outside")
    found = {one.mailbox.address: one for one in stage.calendar.read([ZOE, ANNE, NOBODY])}
    assert isinstance(found[ANNE].error, RightsMissing)
    assert isinstance(found[NOBODY].error, MailboxAbsent)
    assert len(found[ZOE].events) == 1
    outcomes = write(stage, creation(stage, ANNE, all_day()), creation(stage, ZOE, all_day(MONDAY + DAY), 2))
    assert [one.status for one in outcomes] == ["failed", "done"]
    assert isinstance(outcomes[0].error, RightsMissing)


def test_a_lost_answer_is_settled_as_on_any_other_server(stage: ExchangeStage) -> None:
    listed(stage, ANNE)
    changes = [creation(stage, ANNE, all_day(MONDAY + n * DAY), n) for n in range(15)]
    stage.fault("drop-after", path="*/CreateItem")
    assert {one.status for one in write(stage, *changes)} == {"done"}
    found = listed(stage, ANNE)
    assert len(found) == 15
    for name in ("UpdateItem", "DeleteItem"):
        stage.fault("drop-after", path=f"*/{name}")
    moved = [update(stage, one, replace(one.event, title="RTT")) for one in found]
    assert {one.status for one in write(stage, *moved)} == {"done"}
    assert {one.status for one in write(stage, *map(removal, listed(stage, ANNE)))} == {"done"}
    assert stage.titles(ANNE) == []


def test_look_alikes_are_found_as_on_any_other_server(stage: ExchangeStage) -> None:
    own = {stage.add(ANNE, "ABSENT", MONDAY + n * DAY) for n in range(5)}
    stage.add(ANNE, "Dentiste", MONDAY)
    written(stage, ANNE, all_day())
    [found] = stage.calendar.look_alikes([ANNE], Span(MONDAY, MONDAY + 9 * DAY), frozenset({"Absent"}))
    assert {one.id for one in found.events} == own
    assert {one.event.first_day for one in found.events} == {MONDAY + n * DAY for n in range(5)}
    assert listing(stage, ANNE).error is None
