"""Microsoft's published types of Graph: what they let through and what they name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from figgo_ops.sandbox.microsoft365_schema import FOLDER, violations
from tests.sandbox.graph import Stage, at, leave, morning

there = pytest.mark.skipif(
    not os.environ.get(FOLDER), reason="no Graph metadata found, JSON is not validated"
)


def test_the_published_metadata_is_there() -> None:
    if not os.environ.get(FOLDER):
        if os.environ.get("FIGGO_OPS_CI"):
            pytest.fail(f"{FOLDER} names no folder; everything else would pass without the metadata")
        pytest.skip("no Graph metadata found, JSON is not validated")
    assert violations("event", leave()) == []
    assert violations("event", leave(isallday=True)) == ["event.isallday is unknown to microsoft.graph.event"]


@there
@pytest.mark.parametrize("name", ["event", "graph.event", "microsoft.graph.event"])
def test_a_type_is_known_with_and_without_its_namespace(name: str) -> None:
    assert violations(name, leave(showAs="oof")) == []
    (text,) = violations(name, leave(showAs="outOfOffice"))
    assert text.startswith(f"{name}.showAs is none of ")


@there
@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"start": "2026-12-21T00:00:00"}, "event.start is no"),
        ({"start": {"dateTime": None, "timeZone": "UTC"}}, "event.start.dateTime must not be null"),
        ({"start": {"datetime": "2026-12-21T00:00:00"}}, "event.start.datetime is unknown"),
        ({"isAllDay": "true"}, "event.isAllDay is no Edm.Boolean"),
        ({"isAllDay": 1}, "event.isAllDay is no Edm.Boolean"),
        ({"subject": 7}, "event.subject is no Edm.String"),
        ({"reminderMinutesBeforeStart": "15"}, "event.reminderMinutesBeforeStart is no Edm.Int32"),
        ({"reminderMinutesBeforeStart": True}, "event.reminderMinutesBeforeStart is no Edm.Int32"),
        ({"reminderMinutesBeforeStart": 2**31}, "event.reminderMinutesBeforeStart is no Edm.Int32"),
        ({"sensitivity": "Private"}, "event.sensitivity is none of"),
        ({"sensitivity": ["private"]}, "event.sensitivity is none of"),
        ({"categories": "Figgo"}, "event.categories is no list"),
        ({"categories": ["Figgo", 7]}, "event.categories[1] is no Edm.String"),
        ({"attendees": [{"emailAdress": {}}]}, "event.attendees[0].emailAdress is unknown"),
        ({"attendees": [{"type": "must"}]}, "event.attendees[0].type is none of"),
        ({"createdDateTime": "2026-11-22"}, "event.createdDateTime is no Edm.DateTimeOffset"),
        ({"createdDateTime": "2026-13-22T12:00:00Z"}, "event.createdDateTime is no Edm.DateTimeOffset"),
        ({"id": None}, "event.id must not be null"),
        ({"singleValueExtendedProperties": [{"id": None}]}, "event.singleValueExtendedProperties[0].id must"),
        (
            {"singleValueExtendedProperties": [{"Value": ""}]},
            "event.singleValueExtendedProperties[0].Value is",
        ),
        (
            {"recurrence": {"pattern": {"interval": None}}},
            "event.recurrence.pattern.interval must not be null",
        ),
        ({"recurrence": {"range": {"startDate": "2026-11-23T00:00:00"}}}, "event.recurrence.range.startDate"),
        ({"attachments": [{}]}, "event.attachments[0] is of the type"),
    ],
)
def test_what_breaks_the_types_is_named_with_its_place(change: dict[str, Any], where: str) -> None:
    (text,) = violations("event", leave() | change)
    assert text.startswith(where)


@there
def test_null_and_annotations_pass_where_they_may() -> None:
    more = {
        "subject": None,
        "body": None,
        "@odata.etag": 7,
        "subject@odata.type": "#String",
        "start": at("x"),
    }
    assert violations("event", leave() | more) == []


@there
def test_a_list_is_checked_row_by_row() -> None:
    assert violations("Collection(event)", [leave(), morning()]) == []
    (text,) = violations("Collection(event)", [leave(), morning(showas="oof")])
    assert text.startswith("Collection(event)[1].showas is unknown")


@there
def test_a_type_is_what_it_is_built_on_too() -> None:
    user = {"id": "1", "mail": "anne@corail.example", "assignedLicenses": []}
    assert violations("user", user) == []
    assert len(violations("user", user | {"assignedLicenses": None, "mails": []})) == 2
    assert len(violations("event", "texte")) == len(violations("reunion", {})) == 1


def test_without_a_folder_nothing_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(FOLDER, raising=False)
    assert violations("event", {"nom": 1}) == []


@there
def test_everything_the_stand_in_shows_is_published(tmp_path: Path) -> None:
    """Whole events, taken over and recurring ones too, and the calendar itself."""
    stage = Stage(tmp_path)
    try:
        stage.put(leave(categories=["RH"], location={"displayName": "Nîmes"}))
        owner = stage.owns()
        made = owner.add("Point", "2026-11-23T09:00", "2026-11-23T10:00", attendees=["zoe@corail.example"])
        owner.repeat(made["id"])
        owner.add("Pont", "2026-12-24", "2026-12-26", status="NoData", start_zone="Heure d'Anne")
        for row in stage.listed():
            assert violations("event", row) == []
        assert violations("calendar", stage.ask_graph("GET", "calendar").json()) == []
        assert len(stage.listed()) == 3
    finally:
        stage.close()
