"""What an owner wrote into an event goes along with a replacement whole, or the event stays."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.calendars.contract import DAY, MONDAY, all_day, creation, listed, write, written
from tests.calendars.stage_microsoft365 import Microsoft365Stage
from tests.calendars.stages import ExchangeStage

Outlook = ExchangeStage | Microsoft365Stage


@pytest.fixture(params=[ExchangeStage, Microsoft365Stage])
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Outlook]:
    made: Outlook = request.param(tmp_path)
    yield made
    made.close()


def test_a_note_with_pictures_of_its_own_is_not_carried_over_without_them(stage: Outlook) -> None:
    """Neither server calls a picture inside a note an attachment, and in another event it is not there."""
    [found] = written(stage, stage.anne, all_day())
    stage.annotate(stage.anne, found.id, "Plan d'accès : [cid:image001.png@01DC5B2F]")
    [found] = listed(stage, stage.anne)
    [outcome] = write(stage, creation(stage, stage.anne, all_day(MONDAY + DAY), 9, carries=found))
    assert outcome.status == "failed"
    assert "attachments cannot be carried over" in str(outcome.error)
    assert listed(stage, stage.anne) == [found]


def test_a_note_that_is_nothing_but_a_picture_is_not_carried_over_without_it(tmp_path: Path) -> None:
    """Graph's preview of such a note is empty, as that of no note is."""
    stage = Microsoft365Stage(tmp_path)
    [found] = written(stage, stage.anne, all_day())
    item = stage.graph.mailbox(stage.anne).find(stage.stored(stage.anne, found.id))
    item.body = ("HTML", '<html><body><img src="cid:image001.png@01DC5B2F"></body></html>')
    [found] = listed(stage, stage.anne)
    [outcome] = write(stage, creation(stage, stage.anne, all_day(MONDAY + DAY), 9, carries=found))
    assert "attachments cannot be carried over" in str(outcome.error)
    assert listed(stage, stage.anne) == [found]
    stage.close()
