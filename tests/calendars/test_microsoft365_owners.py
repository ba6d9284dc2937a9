"""Microsoft 365 over real sockets: what is sent of an event, and what stays its owner's."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from figgo_ops.errors import RowFailed
from figgo_ops.plan import Existing
from tests.calendars.contract import (
    ANNE,
    DAY,
    MONDAY,
    ZOE,
    all_day,
    creation,
    half_day,
    listed,
    removal,
    update,
    write,
    written,
)
from tests.calendars.crowds import sent
from tests.calendars.stage_microsoft365 import Microsoft365Stage

BEFORE, AFTER = all_day(title="Congés payés"), all_day(days=3, title="Récupération")


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Microsoft365Stage]:
    stage = Microsoft365Stage(tmp_path)
    yield stage
    stage.close()


def test_updates_and_removals_carry_the_etag_that_was_listed(stage: Microsoft365Stage) -> None:
    [found] = written(stage, ANNE, BEFORE)
    patches = sent(stage, "PATCH")
    write(stage, update(stage, found, AFTER))
    [again] = listed(stage, ANNE)
    deletions = sent(stage, "DELETE")
    write(stage, removal(again))
    assert [one["headers"]["If-Match"] for one in (*patches, *deletions)] == [found.etag, again.etag]
    assert all("IdType" in one["headers"]["Prefer"] for one in (*patches, *deletions))


UPDATES = {
    "title": (replace(BEFORE, title="RTT"), {"subject"}),
    "private": (replace(BEFORE, private=True), {"sensitivity"}),
    "state": (replace(BEFORE, state="tentative"), {"showAs"}),
    "days": (all_day(days=2, title=BEFORE.title), {"start", "end", "isAllDay"}),
    "hours": (half_day(MONDAY, 9, 12, "Europe/Paris"), {"start", "end", "isAllDay"}),
    "everything": (
        replace(half_day(MONDAY, 9, 12, "Asia/Tokyo"), title="RTT", private=True, show_as="away"),
        {"subject", "sensitivity", "showAs", "start", "end", "isAllDay"},
    ),
}


@pytest.mark.parametrize("what", UPDATES)
def test_an_update_sends_only_what_is_ours_and_differs_and_leaves_the_rest(
    stage: Microsoft365Stage, what: str
) -> None:
    event, names = UPDATES[what]
    found = decorated(stage, ANNE)
    items = sent(stage, "PATCH")
    [outcome] = write(stage, update(stage, found, event))
    assert (outcome.status, outcome.id) == ("done", found.id)
    assert [set(one["body"]) for one in items] == [names | {"singleValueExtendedProperties"}]
    check_decorated(stage, ANNE)
    item = stage.graph.mailbox(ANNE).find(stage.stored(ANNE, found.id))
    assert (item.reminder, item.reminder_minutes, item.importance) == (True, 45, "High")
    assert [one.event for one in listed(stage, ANNE)] == [event]


def decorated(stage: Microsoft365Stage, address: str) -> Existing:
    """An event with all that its owner may have added."""
    [made] = written(stage, address, BEFORE)
    own = stage.stored(address, made.id)
    owner = stage.graph.owner(address)
    owner.annotate(own, "Clés chez la gardienne")
    owner.categorise(own, ["Famille", "Été"])
    item = stage.graph.mailbox(address).find(own)
    item.location, item.reminder, item.reminder_minutes, item.importance = "Saint-Malo", True, 45, "High"
    return listed(stage, address)[0]


def check_decorated(stage: Microsoft365Stage, address: str) -> None:
    [item] = stage.graph.content(address)
    assert (item["categories"], item["location"], item["attendees"]) == (["Famille", "Été"], "Saint-Malo", [])
    assert stage.notes(address) == ["Clés chez la gardienne"]


def test_a_replacement_takes_along_what_its_owner_added_in_another_mailbox(stage: Microsoft365Stage) -> None:
    old = decorated(stage, ZOE)
    [outcome] = write(stage, creation(stage, ANNE, AFTER, carries=old))
    assert outcome.status == "done"
    check_decorated(stage, ANNE)
    assert [one.event for one in listed(stage, ANNE)] == [AFTER]


def test_a_replacement_of_what_is_gone_meanwhile_takes_nothing_along(stage: Microsoft365Stage) -> None:
    old = decorated(stage, ANNE)
    stage.delete(ANNE, old.id)
    [outcome] = write(stage, creation(stage, ANNE, AFTER, 2, carries=old))
    assert (outcome.status, stage.notes(ANNE)) == ("done", [])


def test_a_replacement_of_what_cannot_be_read_is_not_written(stage: Microsoft365Stage) -> None:
    old = decorated(stage, ZOE)
    stage.graph.set_state(ZOE, "outside")
    [outcome] = write(stage, creation(stage, ANNE, AFTER, carries=old))
    assert outcome.status == "failed"
    assert outcome.error is not None
    assert ZOE in outcome.error.message
    assert stage.titles(ANNE) == []


def test_an_event_with_attachments_is_left_whole_and_says_why(stage: Microsoft365Stage) -> None:
    [found] = written(stage, ANNE, BEFORE)
    stage.graph.owner(ANNE).attach(stage.stored(ANNE, found.id), "billet.pdf")
    [found] = listed(stage, ANNE)
    before = stage.graph.content(ANNE)
    [outcome] = write(stage, creation(stage, ANNE, all_day(MONDAY + DAY), 2, carries=found))
    assert isinstance(outcome.error, RowFailed)
    assert "attachments" in outcome.error.message
    assert "attachments" in outcome.error.remedy
    assert stage.graph.content(ANNE) == before
    assert write(stage, update(stage, found, half_day(MONDAY, 9, 12, "Europe/Paris")))[0].status == "done"
    assert stage.graph.content(ANNE)[0]["attachments"] == ["billet.pdf"], "in place they stay"


@pytest.mark.parametrize("act", ["annotate", "attach", "categorise"])
def test_what_its_owner_adds_after_the_listing_keeps_the_event(stage: Microsoft365Stage, act: str) -> None:
    [found] = written(stage, ANNE, BEFORE)
    added: dict[str, Any] = {"annotate": "Clés", "attach": "billet.pdf", "categorise": ["Famille"]}
    getattr(stage.graph.owner(ANNE), act)(stage.stored(ANNE, found.id), added[act])
    [before] = stage.graph.content(ANNE)
    outcomes = write(stage, creation(stage, ANNE, all_day(MONDAY + DAY), 2, carries=found), removal(found))
    assert outcomes[1].status == "failed"
    assert before in stage.graph.content(ANNE)


LOOKS = {
    "busy": (all_day(), "Busy", "Normal"),
    "away": (replace(all_day(), show_as="away"), "OOF", "Normal"),
    "free": (replace(all_day(), show_as="free"), "Free", "Normal"),
    "elsewhere": (replace(all_day(), show_as="elsewhere"), "WorkingElsewhere", "Normal"),
    "tentative": (replace(all_day(), state="tentative", show_as="away"), "Tentative", "Normal"),
    "private": (replace(all_day(), private=True), "Busy", "Private"),
}


@pytest.mark.parametrize("look", LOOKS)
def test_an_event_looks_as_it_should_reminds_nobody_and_invites_nobody(
    stage: Microsoft365Stage, look: str
) -> None:
    event, status, sensitivity = LOOKS[look]
    items = sent(stage, "POST")
    write(stage, creation(stage, ANNE, event))
    [item] = stage.graph.content(ANNE)
    assert (item["status"], item["sensitivity"], item["reminder"]) == (status, sensitivity, False)
    assert (item["attendees"], item["body"], stage.notified()) == ([], None, 0)
    [one] = items
    assert one["body"]["responseRequested"] is False
    assert "attendees" not in one["body"]


def test_what_is_removed_can_be_restored_by_its_owner(stage: Microsoft365Stage) -> None:
    [found] = written(stage, ANNE, BEFORE)
    assert write(stage, removal(found))[0].status == "done"
    assert stage.titles(ANNE) == []
    assert [item["folder"] for item in stage.graph.content(ANNE, deleted=True)] == ["deleteditems"]
    assert stage.calendar.bin
