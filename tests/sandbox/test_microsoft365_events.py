"""The Graph stand-in, written to and read: one store for it and Exchange, days, zones, ids and refusals."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from figgo_ops.sandbox.microsoft365_prefer import LISTED
from tests.sandbox.ews import ANNE, GUID, INVITED, KEY, MORNING, ROMANCE, ZOE, marked, plain, times, uri
from tests.sandbox.graph import (
    HIDDEN,
    IMMUTABLE,
    KEY_ID,
    OURS,
    PARIS,
    PRINT_ID,
    Stage,
    at,
    hidden,
    leave,
    morning,
    refusal,
)

SEED = 20261122
NUMBER_ID = f"Integer {{{GUID}}} Name FiggoOpsKey"


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path)
    yield made
    made.close()


def invited(*mails: str) -> dict[str, Any]:
    return {"attendees": [{"emailAddress": {"address": mail}, "type": "required"} for mail in mails]}


# One store behind both doors


def test_an_event_is_kept_as_exchange_would_have_kept_it(stage: Stage) -> None:
    stage.put(
        leave(
            showAs="oof",
            sensitivity="private",
            importance="low",
            isReminderOn=False,
            responseRequested=False,
            categories=["Figgo", "RH"],
            body={"contentType": "text", "content": "À Nîmes"},
            location={"displayName": "Nîmes"},
            singleValueExtendedProperties=[
                {"id": KEY_ID, "value": "k1"},
                {"id": PRINT_ID.replace(GUID, GUID.upper()), "value": ""},
            ],
        )
    )
    kept = stage.kept()
    assert kept | {"id": "", "change_key": "", "uid": ""} == {
        "id": "",
        "change_key": "",
        "uid": "",
        "subject": "Congés payés",
        "start": datetime(2026, 12, 20, 23, tzinfo=UTC),
        "end": datetime(2026, 12, 23, 23, tzinfo=UTC),
        "start_zone": ROMANCE,
        "end_zone": ROMANCE,
        "all_day": True,
        "first_day": date(2026, 12, 21),
        "last_day": date(2026, 12, 23),
        "status": "OOF",
        "sensitivity": "Private",
        "body": "À Nîmes",
        "body_type": "Text",
        "categories": ["Figgo", "RH"],
        "location": "Nîmes",
        "attendees": [],
        "recurrence": None,
        "attachments": [],
        "reminder": False,
        "properties": {"FiggoOpsKey": "k1", "FiggoOpsPrint": ""},
        "folder": "calendar",
    }


def test_what_graph_wrote_exchange_shows(stage: Stage) -> None:
    """The customer moves a mailbox back to a server of its own; hidden properties go along."""
    made = stage.put(leave(showAs="workingElsewhere", sensitivity="confidential", **hidden("k1")))
    stage.migrate(online=False)
    names = ("item:Subject", "item:Sensitivity", "calendar:UID", "calendar:Start", "calendar:End")
    more = ("calendar:IsAllDayEvent", "calendar:LegacyFreeBusyStatus", "item:ReminderIsSet")
    answer = stage.find(fields="".join(uri(name) for name in (*names, *more)) + KEY)
    found = {element.tag.rpartition("}")[2]: element.text for element in answer.one("t:CalendarItem")}
    del found["ItemId"], found["ExtendedProperty"]
    assert found == {
        "Subject": "Congés payés",
        "Sensitivity": "Confidential",
        "UID": made["iCalUId"],
        "Start": "2026-12-20T23:00:00Z",
        "End": "2026-12-23T23:00:00Z",
        "IsAllDayEvent": "true",
        "LegacyFreeBusyStatus": "WorkingElsewhere",
        "ReminderIsSet": "true",
    }
    assert answer.texts("t:ExtendedProperty/t:Value") == ["k1"]


def test_what_exchange_wrote_graph_shows_changes_and_removes(stage: Stage) -> None:
    stage.migrate(online=False)
    extra = "<t:Sensitivity>Private</t:Sensitivity><t:Body BodyType='HTML'>&lt;p&gt;Fermé&lt;/p&gt;</t:Body>"
    tail = "<t:Categories><t:String>RH</t:String></t:Categories>"
    times_ = "<t:Start>2026-11-23T09:00:00+01:00</t:Start><t:End>2026-11-23T12:00:00+01:00</t:End>"
    rest = f"{times_}<t:LegacyFreeBusyStatus>OOF</t:LegacyFreeBusyStatus>"
    key = f"<t:ExtendedProperty>{KEY}<t:Value>k1</t:Value></t:ExtendedProperty>"
    zone = f'<t:StartTimeZone Id="{ROMANCE}"/>'
    subject = "<t:Subject>Congé</t:Subject>"
    stage.created(f"<t:CalendarItem>{subject}{extra}{tail}{key}{rest}{zone}</t:CalendarItem>")
    uid = stage.only()["uid"]
    stage.migrate()
    (found,) = stage.listed(filter=OURS, expand=HIDDEN)
    assert {name: found[name] for name in ("subject", "sensitivity", "showAs", "categories", "iCalUId")} == {
        "subject": "Congé",
        "sensitivity": "private",
        "showAs": "oof",
        "categories": ["RH"],
        "iCalUId": uid,
    }
    assert (found["start"]["dateTime"], found["end"]["dateTime"]) == (
        "2026-11-23T08:00:00.0000000",
        "2026-11-23T11:00:00.0000000",
    )
    assert (found["isAllDay"], found["originalStartTimeZone"]) == (False, ROMANCE)
    assert found["body"] == {"contentType": "html", "content": "<p>Fermé</p>"}
    assert found["bodyPreview"] == "Fermé"
    assert found["singleValueExtendedProperties"] == [{"id": KEY_ID, "value": "k1"}]
    changed = stage.ask_graph("PATCH", f"events/{found['id']}", {"subject": "Absent"})
    assert (changed.status_code, changed.json()["subject"]) == (200, "Absent")
    assert (stage.kept()["subject"], stage.kept()["properties"]) == ("Absent", {"FiggoOpsKey": "k1"})
    assert stage.ask_graph("DELETE", f"events/{found['id']}").status_code == 204
    assert stage.listed() == []


@pytest.mark.parametrize(
    ("zone", "iana"),
    [
        ("SA Western Standard Time", "America/La_Paz"),
        ("Central Pacific Standard Time", "Pacific/Guadalcanal"),
        (ROMANCE, PARIS),
        ("Samoa Standard Time", "Pacific/Apia"),
    ],
)
@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25", "2026-12-21"])
def test_both_doors_place_a_day_alike(stage: Stage, zone: str, iana: str, day: str) -> None:
    """Also on the days when the clocks change, and far from Greenwich."""
    following = (date.fromisoformat(day) + timedelta(days=1)).isoformat()
    stage.put(leave(day, following, iana))
    first, offsets = stage.kept(), [_offset(text, iana) for text in (day, following)]
    stage.migrate(online=False)
    began, ended = f"{day}T00:00:00{offsets[0]}", f"{following}T00:00:00{offsets[1]}"
    stage.created(plain(times(began, ended, all_day=True, zone=zone)))
    second = stage.content()[-1]
    names = ("start", "end", "start_zone", "end_zone", "all_day", "first_day", "last_day")
    assert [first[name] for name in names] == [second[name] for name in names]
    stage.migrate()
    shown = stage.listed(select="start,end,isAllDay", prefer='outlook.timezone="Tokyo Standard Time"')
    days = {"start": f"{day}T00:00:00.0000000", "end": f"{following}T00:00:00.0000000"}
    assert [{side: row[side]["dateTime"] for side in days} for row in shown] == [days, days]


def _offset(day: str, zone: str) -> str:
    text = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone)).strftime("%z")
    return f"{text[:3]}:{text[3:]}"


def test_drawn_events_read_the_same_through_either_door(stage: Stage) -> None:
    draw = random.Random(SEED)
    print(f"seed {SEED}")
    zones, states = sorted(LISTED), ("free", "tentative", "busy", "oof", "workingElsewhere")
    sent: dict[str, dict[str, Any]] = {}
    for number in range(60):
        zone = draw.choice(zones)
        start = datetime(2026, 1, 1) + timedelta(hours=draw.randrange(24 * 365))
        end = start + timedelta(hours=draw.randrange(1, 50))
        body = {"start": at(start.isoformat(), zone), "end": at(end.isoformat(), zone)}
        sent[f"k{number}"] = {**body, "showAs": draw.choice(states)}
        stage.put({"subject": f"Congé {number}", **sent[f"k{number}"], **hidden(f"k{number}")})
    stage.migrate(online=False)
    answer = stage.find(fields="".join(map(uri, ("calendar:Start", "calendar:End"))) + KEY)
    keys, *spans = (answer.texts(f"t:{name}") for name in ("ExtendedProperty/t:Value", "Start", "End"))
    for key, start_text, end_text in zip(keys, *spans, strict=True):
        for side, text in (("start", start_text), ("end", end_text)):
            asked = sent[str(key)][side]
            local = datetime.fromisoformat(asked["dateTime"]).replace(tzinfo=ZoneInfo(asked["timeZone"]))
            assert datetime.fromisoformat(str(text)) == local.astimezone(UTC)
    stage.migrate()
    shown = stage.listed(expand=HIDDEN, select="showAs", top="7")
    assert {row["singleValueExtendedProperties"][0]["value"]: row["showAs"] for row in shown} == {
        key: body["showAs"] for key, body in sent.items()
    }


# Hidden properties


def test_the_type_and_the_case_of_a_name_tell_properties_apart(stage: Stage) -> None:
    values = [{"id": KEY_ID, "value": "text"}, {"id": NUMBER_ID, "value": "007"}]
    values.append({"id": KEY_ID.replace("FiggoOpsKey", "figgoopskey"), "value": "lower"})
    made = stage.put(leave(singleValueExtendedProperties=values))
    for one, kept in zip(values, ("text", "7", "lower"), strict=True):
        asked = one["id"].replace(GUID, GUID.upper())
        expand = f"singleValueExtendedProperties($filter=id eq '{asked}')"
        assert stage.seen(made["id"], expand=expand)["singleValueExtendedProperties"] == [
            {"id": asked, "value": kept}
        ]


def test_a_property_is_shown_to_whoever_asks_for_it_by_name_only(stage: Stage) -> None:
    made = stage.put(leave(**hidden("k1")))
    assert "singleValueExtendedProperties" not in made
    assert "singleValueExtendedProperties" not in stage.seen(made["id"])
    other = f"singleValueExtendedProperties($filter=id eq '{PRINT_ID}')"
    assert "singleValueExtendedProperties" not in stage.seen(made["id"], expand=other)
    both = f"singleValueExtendedProperties($filter=id eq '{PRINT_ID}' or id eq '{KEY_ID}')"
    assert stage.seen(made["id"], expand=both)["singleValueExtendedProperties"] == [
        {"id": KEY_ID, "value": "k1"}
    ]


def test_a_change_sets_the_properties_it_names_and_leaves_the_others(stage: Stage) -> None:
    made = stage.put(leave(**hidden("k1")))
    assert stage.ask_graph("PATCH", f"events/{made['id']}", hidden("", PRINT_ID)).status_code == 200
    assert stage.kept()["properties"] == {"FiggoOpsKey": "k1", "FiggoOpsPrint": ""}


@pytest.mark.parametrize(
    "name",
    [
        "FiggoOpsKey",
        f"String {GUID} Name FiggoOpsKey",
        f"String {{{GUID}}} name FiggoOpsKey",
        f"Text {{{GUID}}} Name FiggoOpsKey",
        f"string {{{GUID}}} Name FiggoOpsKey",
        f"String {{{GUID}}}",
    ],
)
def test_an_id_that_names_no_property_is_refused_wherever_it_stands(stage: Stage, name: str) -> None:
    assert stage.ask_graph("POST", "events", leave(**hidden("k1", name))).status_code == 400
    expand = f"singleValueExtendedProperties($filter=id eq '{name}')"
    assert stage.ask_graph("GET", "events", expand=expand).status_code == 400
    test = f"singleValueExtendedProperties/Any(ep: ep/id eq '{name}' and ep/value ne null)"
    assert stage.ask_graph("GET", "events", filter=test).status_code == 400


# Days and times


@pytest.mark.parametrize("prefer", ["", 'outlook.timezone="Tokyo Standard Time"', 'outlook.timezone="UTC"'])
def test_days_are_never_converted(stage: Stage, prefer: str) -> None:
    """Only the label follows what is preferred; the event's own zone stands beside."""
    made = stage.put(leave(zone="America/La_Paz"))
    seen = stage.seen(made["id"], prefer=prefer)
    label = prefer.partition('"')[2].rstrip('"') or "UTC"
    assert seen["start"] == {"dateTime": "2026-12-21T00:00:00.0000000", "timeZone": label}
    assert seen["end"] == {"dateTime": "2026-12-24T00:00:00.0000000", "timeZone": label}
    assert seen["originalStartTimeZone"] == "SA Western Standard Time"


def test_times_are_shown_in_the_zone_preferred_and_say_which(stage: Stage) -> None:
    made = stage.put(morning())
    assert made["start"] == {"dateTime": "2026-11-23T08:00:00.0000000", "timeZone": "UTC"}
    for label, hour in ((PARIS, "09"), ("Tokyo Standard Time", "17")):
        answer = stage.ask_graph("GET", f"events/{made['id']}", prefer=f'outlook.timezone="{label}"')
        assert answer.json()["start"] == {"dateTime": f"2026-11-23T{hour}:00:00.0000000", "timeZone": label}
        assert f'outlook.timezone="{label}"' in answer.headers["Preference-Applied"]


@pytest.mark.parametrize("zone", ["America/Martinique", "Europe/Brussels", "europe/paris", "Paris", ""])
def test_a_zone_that_is_not_listed_is_refused_in_bodies_and_preferences(stage: Stage, zone: str) -> None:
    answer = stage.ask_graph("POST", "events", leave(zone=zone))
    assert refusal(answer) == (400, "TimeZoneNotSupportedException")
    if zone:
        assert f"'{zone}'" in answer.json()["error"]["message"]
    if zone:
        asked = stage.ask_graph("GET", "events", prefer=f'outlook.timezone="{zone}"')
        assert refusal(asked) == (400, "TimeZoneNotSupportedException")


def test_a_zone_of_the_owners_own_making_is_called_custom(stage: Stage) -> None:
    stage.owns().add("Dentiste", "2026-11-23T14:00", "2026-11-23T15:00", start_zone="Heure d'Anne")
    (seen,) = stage.listed()
    assert seen["originalStartTimeZone"] == "tzone://Microsoft/Custom"


def test_the_hour_that_comes_twice_is_the_first_one_unless_an_offset_says(stage: Stage) -> None:
    stage.put(morning(start=at("2026-10-25T02:30:00"), end=at("2026-10-25T05:00:00")))
    assert stage.kept()["start"] == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    stage.put(morning(start=at("2026-10-25T02:30:00+01:00"), end=at("2026-10-25T05:00:00")))
    assert stage.graph.content(ANNE)[-1]["start"] == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)


# What is refused


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"start": at("2026-12-21T01:00:00")}, "ErrorInvalidRequest"),
        ({"end": at("2026-12-23T23:59:59")}, "ErrorInvalidRequest"),
        ({"start": at("2026-12-21T00:00:00Z")}, "ErrorInvalidRequest"),
        ({"end": at("2026-12-24T00:00:00", "Europe/Berlin")}, "ErrorInvalidRequest"),
        ({"end": at("2026-12-21T00:00:00")}, "ErrorInvalidRequest"),
        ({"end": at("2026-12-20T00:00:00")}, "ErrorPropertyValidationFailure"),
        ({"end": at("2036-12-24T00:00:00")}, "ErrorPropertyValidationFailure"),
        ({"start": at("2026-12-21")}, "ErrorPropertyValidationFailure"),
        ({"start": at("demain")}, "ErrorPropertyValidationFailure"),
        ({"subject": "é" * 256}, "ErrorPropertyValidationFailure"),
        ({"subject": "sonnerie \x07"}, "ErrorPropertyValidationFailure"),
        ({"isReminderOn": None}, "ErrorPropertyValidationFailure"),
        (
            {"singleValueExtendedProperties": [{"id": KEY_ID, "value": None}]},
            "ErrorPropertyValidationFailure",
        ),
        ({"singleValueExtendedProperties": [{"id": KEY_ID}]}, "ErrorPropertyValidationFailure"),
        (hidden("sept", NUMBER_ID), "ErrorPropertyValidationFailure"),
        ({"id": "AAMk"}, "ErrorInvalidPropertySet"),
        ({"iCalUId": "1"}, "ErrorInvalidPropertySet"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_creation_and_in_a_change(
    stage: Stage, change: dict[str, Any], code: str
) -> None:
    assert refusal(stage.ask_graph("POST", "events", leave() | change)) == (400, code)
    assert stage.graph.content(ANNE) == []
    made = stage.put(leave())
    before = stage.kept()
    assert refusal(stage.ask_graph("PATCH", f"events/{made['id']}", change)) == (400, code)
    assert stage.kept() == before


@pytest.mark.parametrize(
    "body",
    [
        {"subject": "Congé"},
        {"subject": "Congé", "start": at("2026-11-23T09:00:00")},
        leave(showAs="Oof"),
        leave(showAs="outOfOffice"),
        leave(sensitivity="Private"),
        leave(isallday=True),
        leave() | {"start": "2026-12-21T00:00:00"},
        leave(categories="Figgo"),
        leave(reminderMinutesBeforeStart="15"),
        {},
    ],
)
def test_a_body_that_is_no_event_is_refused(stage: Stage, body: dict[str, Any]) -> None:
    assert stage.ask_graph("POST", "events", body).status_code == 400
    assert stage.graph.content(ANNE) == []


def test_a_subject_of_255_characters_is_kept_whole(stage: Stage) -> None:
    assert stage.put(leave(subject="é" * 255))["subject"] == "é" * 255


def test_a_midnight_refusal_says_so_as_graph_does(stage: Stage) -> None:
    answer = stage.ask_graph("POST", "events", leave() | {"start": at("2026-12-21T08:00:00")})
    text = "The Event.Start property for an all-day event needs to be set to midnight."
    assert text in answer.json()["error"]["message"]


def test_a_timed_event_becomes_all_day_only_with_midnights(stage: Stage) -> None:
    made = stage.put(morning())
    alone = stage.ask_graph("PATCH", f"events/{made['id']}", {"isAllDay": True})
    assert refusal(alone) == (400, "ErrorInvalidRequest")
    days = {name: leave()[name] for name in ("start", "end", "isAllDay")}
    assert stage.ask_graph("PATCH", f"events/{made['id']}", days).status_code == 200
    assert (stage.kept()["all_day"], stage.kept()["first_day"]) == (True, date(2026, 12, 21))


def test_a_full_mailbox_takes_nothing_new_but_gives_and_changes(stage: Stage) -> None:
    made = stage.put(leave())
    stage.graph.set_state(ANNE, "full")
    assert refusal(stage.ask_graph("POST", "events", leave())) == (403, "ErrorQuotaExceeded")
    assert stage.ask_graph("PATCH", f"events/{made['id']}", {"subject": "Absent"}).status_code == 200
    assert len(stage.listed()) == 1


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "evenements", 400),
        ("GET", "calendar/vue", 400),
        ("GET", "calendars", 400),
        ("POST", "events/AAMk/forward", 400),
        ("PUT", "events", 405),
        ("DELETE", "calendar", 405),
        ("POST", "events/AAMk", 405),
        ("GET", "events/AAMk/permanentDelete", 405),
    ],
)
def test_other_paths_and_methods_are_refused(stage: Stage, method: str, path: str, status: int) -> None:
    body = leave() if method in ("POST", "PUT") else None
    assert stage.ask_graph(method, path, body).status_code == status


@pytest.mark.parametrize(
    "path",
    ["calendarView", "calendar/calendarView", "events/delta", "calendarView/delta", "calendar/events/delta"],
)
def test_views_and_changes_are_refused_and_remembered(stage: Stage, path: str) -> None:
    assert stage.graph.events.forbidden_used == []
    assert stage.ask_graph("GET", path).status_code == 400
    assert stage.graph.events.forbidden_used == [path]


# Creating once


def test_a_transaction_is_carried_out_once(stage: Stage) -> None:
    made = stage.put(leave(transactionId="t1"))
    assert made["transactionId"] == "t1"
    again = stage.ask_graph("POST", "events", leave(transactionId="t1", subject="Autre"))
    assert refusal(again) == (409, "ErrorDuplicateTransactionId")
    assert again.json()["error"]["@event.existingEventId"] == made["id"]
    immutable = stage.ask_graph("POST", "events", leave(transactionId="t1"), prefer=IMMUTABLE)
    found = immutable.json()["error"]["@event.existingEventId"]
    assert stage.seen(found, prefer=IMMUTABLE)["subject"] == "Congés payés"
    assert len(stage.listed()) == 1
    stage.put(leave(transactionId="T1"))
    stage.put(leave())
    assert len(stage.listed()) == 3


def test_a_transaction_belongs_to_one_mailbox(stage: Stage) -> None:
    stage.put(leave(transactionId="t1"))
    stage.organization.migrate(ZOE)
    answers = [stage.http.post(f"/v1.0/users/{ZOE}/events", json=leave(transactionId="t1")) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 409]


def test_what_nobody_knows_of_transactions_is_a_switch(stage: Stage) -> None:
    made = stage.put(leave(transactionId="t1"))
    stage.graph.switch("repeated", 400)
    stage.graph.switch("existing", False)
    again = stage.ask_graph("POST", "events", leave(transactionId="t1"))
    assert refusal(again) == (400, "ErrorDuplicateTransactionId")
    assert "@event.existingEventId" not in again.json()["error"]
    assert stage.ask_graph("DELETE", f"events/{made['id']}").status_code == 204
    assert stage.ask_graph("POST", "events", leave(transactionId="t1")).status_code == 400
    stage.graph.switch("freed", True)
    assert stage.put(leave(transactionId="t1"))["transactionId"] == "t1"


def test_a_refused_creation_uses_no_transaction_up(stage: Stage) -> None:
    wrong = leave(transactionId="t1") | {"end": at("2026-12-21T00:00:00")}
    assert stage.ask_graph("POST", "events", wrong).status_code == 400
    assert stage.put(leave(transactionId="t1"))["id"]


def test_a_transaction_is_never_changed(stage: Stage) -> None:
    made = stage.put(leave(transactionId="t1"))
    answer = stage.ask_graph("PATCH", f"events/{made['id']}", {"transactionId": "t2"})
    assert refusal(answer) == (400, "ErrorInvalidPropertySet")
    assert stage.seen(made["id"])["transactionId"] == "t1"


# Versions


@pytest.mark.parametrize("spelling", ['W/"{}"', '"{}"', "{}", "*"])
def test_a_change_with_the_present_version_or_any_is_made(stage: Stage, spelling: str) -> None:
    made = stage.put(leave())
    match = spelling.format(made["changeKey"])
    changed = stage.ask_graph("PATCH", f"events/{made['id']}", {"subject": "Absent"}, match=match)
    assert changed.status_code == 200
    assert changed.json()["@odata.etag"] == f'W/"{changed.json()["changeKey"]}"' != made["@odata.etag"]


def test_a_stale_version_changes_and_deletes_nothing(stage: Stage) -> None:
    made = stage.put(leave())
    stage.owns().rename(stage.kept()["id"], "À moi")
    stale = {"match": made["@odata.etag"]}
    answers = [
        stage.ask_graph("PATCH", f"events/{made['id']}", {"subject": "Absent"}, **stale),
        stage.ask_graph("DELETE", f"events/{made['id']}", **stale),
    ]
    assert [refusal(answer) for answer in answers] == [(412, "ErrorIrresolvableConflict")] * 2
    assert stage.kept()["subject"] == "À moi"
    stage.graph.switch("etags", "deletes-ignored")
    assert stage.ask_graph("DELETE", f"events/{made['id']}", **stale).status_code == 204


def test_without_a_version_the_last_change_wins(stage: Stage) -> None:
    made = stage.put(leave())
    stage.owns().rename(stage.kept()["id"], "À moi")
    assert stage.ask_graph("PATCH", f"events/{made['id']}", {"subject": "Absent"}).status_code == 200
    assert stage.kept()["subject"] == "Absent"


def test_a_change_leaves_what_it_does_not_name(stage: Stage) -> None:
    made = stage.put(leave(categories=["RH"], **hidden("k1")))
    stage.owns().annotate(stage.kept()["id"], "Penser au train")
    before = stage.kept()
    stage.now += 60
    stage.ask_graph("PATCH", f"events/{made['id']}", {"showAs": "tentative"})
    assert stage.kept() | {"change_key": ""} == before | {"change_key": "", "status": "Tentative"}
    seen = stage.seen(made["id"])
    assert (seen["createdDateTime"], seen["lastModifiedDateTime"]) == (
        "2026-11-22T12:00:00Z",
        "2026-11-22T12:01:00Z",
    )


def test_nothing_can_be_taken_back_to_nothing(stage: Stage) -> None:
    made = stage.put(leave(location={"displayName": "Nîmes"}, body={"contentType": "html", "content": "x"}))
    gone: dict[str, Any] = {
        "subject": None,
        "location": None,
        "body": None,
        "recurrence": None,
        "categories": [],
    }
    assert stage.ask_graph("PATCH", f"events/{made['id']}", gone).status_code == 200
    kept = stage.kept()
    assert [kept[name] for name in ("subject", "location", "body", "categories")] == [None, None, None, []]


# Ids


def test_a_deleted_event_is_in_the_bin_and_comes_back_under_its_immutable_id(stage: Stage) -> None:
    made = stage.put(leave(), prefer=IMMUTABLE)
    usual = stage.listed()[0]["id"]
    path = f"events/{made['id']}"
    assert stage.ask_graph("DELETE", path, prefer=IMMUTABLE).status_code == 204
    assert stage.listed() == []
    (gone,) = stage.graph.content(ANNE, deleted=True)
    assert gone["folder"] == "deleteditems"
    for method, body in (("GET", None), ("PATCH", {"subject": "Absent"}), ("DELETE", None)):
        answer = stage.ask_graph(method, path, body, prefer=IMMUTABLE)
        assert refusal(answer) == (404, "ErrorItemNotFound")
    in_the_bin = gone["id"].replace("/", "-").replace("+", "_")
    assert refusal(stage.ask_graph("GET", f"events/{in_the_bin}")) == (404, "ErrorItemNotFound")
    stage.owns().restore(gone["id"])
    assert stage.seen(made["id"], prefer=IMMUTABLE)["iCalUId"] == made["iCalUId"]
    assert refusal(stage.ask_graph("GET", f"events/{usual}")) == (404, "ErrorItemNotFound")


def test_a_deleted_event_may_still_be_read_by_its_id_but_never_listed_or_changed(stage: Stage) -> None:
    """Nobody says whether it is; a client must not take it for one that is there."""
    stage.graph.switch("binned", "readable")
    made = stage.put(leave(**hidden("k1")), prefer=IMMUTABLE)
    path = f"events/{made['id']}"
    assert stage.ask_graph("DELETE", path, prefer=IMMUTABLE).status_code == 204
    assert stage.seen(made["id"], prefer=IMMUTABLE)["iCalUId"] == made["iCalUId"]
    assert stage.listed(filter=OURS) == []
    for method, body in (("PATCH", {"subject": "Absent"}), ("DELETE", None)):
        answer = stage.ask_graph(method, path, body, prefer=IMMUTABLE)
        assert refusal(answer) == (404, "ErrorItemNotFound")


def test_a_migration_keeps_uids_and_gives_every_id_anew(stage: Stage) -> None:
    before = [stage.put(leave(**hidden("k1")), prefer=IMMUTABLE), *stage.listed()]
    stage.migrate(online=False)
    stage.migrate()
    after = [*stage.listed(prefer=IMMUTABLE), *stage.listed()]
    assert [row["iCalUId"] for row in after] == [row["iCalUId"] for row in before]
    assert {row["id"] for row in after} & {row["id"] for row in before} == set()
    for row, prefer in zip(before, (IMMUTABLE, ""), strict=True):
        answer = stage.ask_graph("GET", f"events/{row['id']}", prefer=prefer)
        assert refusal(answer) == (404, "ErrorItemNotFound")


def test_an_id_of_another_kind_or_of_nothing_is_malformed(stage: Stage) -> None:
    """An id as Exchange spells it, a cut one, one of the other kind, and one that is a word."""
    immutable = stage.put(leave(), prefer=IMMUTABLE)["id"]
    usual: list[str] = []
    while not any(set(one) & set("-_") for one in usual):  # ids are drawn, and few of them have one
        stage.put(leave())
        usual = [row["id"] for row in stage.listed()]
    for wrong in (immutable, usual[0][:-2], usual[0][:-4], "demain", "AAMk", usual[0].lower()):
        answer = stage.ask_graph("GET", f"events/{wrong}")
        assert refusal(answer) == (400, "ErrorInvalidIdMalformed"), wrong
    for wrong in (usual[0], immutable[:-4], "demain"):
        answer = stage.ask_graph("GET", f"events/{wrong}", prefer=IMMUTABLE)
        assert refusal(answer) == (400, "ErrorInvalidIdMalformed"), wrong


def test_an_id_as_exchange_spells_it_is_malformed(stage: Stage) -> None:
    spelt = ""
    while not set(spelt) & set("/+"):
        stage.put(leave())
        spelt = stage.graph.content(ANNE)[-1]["id"]
    path = f"events/{spelt.replace('/', '%2F').replace('+', '%2B')}"
    assert refusal(stage.ask_graph("GET", path)) == (400, "ErrorInvalidIdMalformed")


def test_ids_differ_by_case_alone(stage: Stage) -> None:
    for _ in range(70):
        stage.put(leave())
    for prefer in ("", IMMUTABLE):
        ids = [row["id"] for row in stage.listed(prefer=prefer, select="id")]
        assert len(set(ids)) == 70
        assert len({one.lower() for one in ids}) < 70


def test_an_id_of_somebody_elses_event_finds_nothing(stage: Stage) -> None:
    stage.organization.migrate(ZOE)
    for prefer in ("", IMMUTABLE):
        made = stage.put(leave(), prefer=prefer)
        answer = stage.http.get(f"/v1.0/users/{ZOE}/events/{made['id']}", headers={"Prefer": prefer})
        assert refusal(answer) == (404, "ErrorItemNotFound")


def test_a_purged_event_is_nowhere(stage: Stage) -> None:
    made = stage.put(leave())
    assert stage.ask_graph("POST", f"events/{made['id']}/permanentDelete").status_code == 204
    assert stage.graph.content(ANNE, deleted=True) == []


def test_a_creation_says_where_the_event_is(stage: Stage) -> None:
    answer = stage.ask_graph(
        "POST", "calendar/events", leave(**hidden("k1")), expand=HIDDEN, select="subject"
    )
    assert set(answer.json()) == {
        *("@odata.context", "@odata.etag", "id", "subject", "singleValueExtendedProperties")
    }
    assert stage.http.get(answer.headers["Location"]).json()["id"] == answer.json()["id"]
    assert stage.ask_graph("GET", f"calendar/events/{answer.json()['id']}").status_code == 200


# What else an event has


def test_what_is_not_said_is_as_outlook_has_it(stage: Stage) -> None:
    """A sync that forgets to say so makes telephones ring."""
    made = stage.put(morning())
    names = ("isReminderOn", "reminderMinutesBeforeStart", "responseRequested", "showAs", "sensitivity")
    assert [made[name] for name in names] == [True, 15, True, "busy", "normal"]
    assert (made["type"], made["isOrganizer"], made["isCancelled"]) == ("singleInstance", True, False)
    assert (made["transactionId"], made["recurrence"], made["attendees"]) == (None, None, [])
    assert made["organizer"]["emailAddress"]["address"] == ANNE


def test_attendees_are_told_of_everything(stage: Stage) -> None:
    made = stage.put(morning(**invited(ZOE, ANNE)))
    stage.ask_graph("PATCH", f"events/{made['id']}", {"subject": "Autre"})
    stage.ask_graph("PATCH", f"events/{made['id']}", {"attendees": []})
    stage.ask_graph("PATCH", f"events/{made['id']}", {"subject": "Seule"})
    told = [(note.operation, note.recipients) for note in stage.graph.notifications]
    assert told == [("POST", (ZOE,)), ("PATCH", (ZOE,)), ("PATCH", (ZOE,))]
    other = stage.put(morning(**invited(ZOE)))
    stage.ask_graph("DELETE", f"events/{other['id']}")
    assert [note.operation for note in stage.graph.notifications[3:]] == ["POST", "DELETE"]


def test_an_event_that_was_taken_over_shows_it(stage: Stage) -> None:
    stage.migrate(online=False)
    stage.created(f"<t:CalendarItem>{MORNING[: MORNING.index('<t:IsAll')]}{INVITED}</t:CalendarItem>")
    stage.migrate()
    stage.owns().attach(stage.kept()["id"], "plan.pdf")
    (seen,) = stage.listed()
    assert [one["emailAddress"]["address"] for one in seen["attendees"]] == [ZOE]
    assert [one["type"] for one in seen["attendees"]] == ["required"]
    assert seen["hasAttachments"] is True


def test_an_invitation_of_somebody_else_is_theirs(stage: Stage) -> None:
    stage.owns().add("Réunion", "2026-11-23T14:00", "2026-11-23T15:00", organizer=ZOE, attendees=[ANNE])
    (seen,) = stage.listed()
    assert (seen["isOrganizer"], seen["responseStatus"]["response"]) == (False, "notResponded")
    assert seen["organizer"]["emailAddress"]["address"] == ZOE


def test_a_series_is_one_event_and_reads_alike_through_either_door(stage: Stage) -> None:
    made = stage.put(morning())
    stage.owns().repeat(stage.kept()["id"], "RRULE:FREQ=WEEKLY;COUNT=4")
    (seen,) = stage.listed()
    assert (seen["type"], seen["id"]) == ("seriesMaster", made["id"])
    assert seen["recurrence"]["pattern"]["daysOfWeek"] == ["monday"]
    assert seen["recurrence"]["range"] | {"recurrenceTimeZone": ""} == {
        "type": "numbered",
        "startDate": "2026-11-23",
        "endDate": "0001-01-01",
        "recurrenceTimeZone": "",
        "numberOfOccurrences": 4,
    }
    copy = stage.put(morning(recurrence=seen["recurrence"]))
    first, second = stage.graph.content(ANNE)
    assert first["recurrence"] == second["recurrence"] is not None
    assert copy["recurrence"] == seen["recurrence"]


def series(kind: str, ends: dict[str, Any], **pattern: Any) -> dict[str, Any]:
    return {"pattern": {"type": kind, **pattern}, "range": {"startDate": "2026-11-23", **ends}}


NO_END = {"type": "noEnd"}


@pytest.mark.parametrize(
    "rule",
    [
        series("daily", NO_END, interval=2),
        series("weekly", {"type": "endDate", "endDate": "2027-01-31"}, interval=1, daysOfWeek=["friday"]),
        series("absoluteMonthly", NO_END, interval=1, dayOfMonth=31),
        series(
            "absoluteYearly",
            {"type": "numbered", "numberOfOccurrences": 3},
            interval=1,
            dayOfMonth=5,
            month=8,
        ),
    ],
)
def test_a_series_is_shown_as_it_was_sent(stage: Stage, rule: dict[str, Any]) -> None:
    found = stage.put(morning(recurrence=rule))["recurrence"]
    for part, said in rule.items():
        assert found[part] | said == found[part]


@pytest.mark.parametrize("rule", [series("relativeMonthly", NO_END, interval=1), {"pattern": None}])
def test_a_series_that_is_not_played_is_refused(stage: Stage, rule: dict[str, Any]) -> None:
    assert stage.ask_graph("POST", "events", morning(recurrence=rule)).status_code == 400


def test_a_note_is_shown_in_the_form_preferred(stage: Stage) -> None:
    made = stage.put(morning(body={"contentType": "text", "content": "1 < 2 à Nîmes"}))
    assert made["body"]["contentType"] == "html"
    assert "1 &lt; 2 à Nîmes" in made["body"]["content"]
    text = stage.seen(made["id"], prefer='outlook.body-content-type="text"')["body"]
    assert text == {"contentType": "text", "content": "1 < 2 à Nîmes"}


def test_the_calendar_itself_can_be_asked_for(stage: Stage) -> None:
    whole = stage.ask_graph("GET", "calendar").json()
    assert (whole["isDefaultCalendar"], whole["owner"]["address"]) == (True, ANNE)
    part = stage.ask_graph("GET", "calendar", select="id,name").json()
    assert part == {name: whole[name] for name in ("@odata.context", "id", "name")}
    assert refusal(stage.ask_graph("GET", "calendar", select="subject"))[0] == 400
    assert refusal(stage.ask_graph("GET", "calendar", top="5"))[0] == 400


def test_events_carry_the_hour_of_the_service(stage: Stage) -> None:
    stage.now += 90
    assert stage.put(leave())["createdDateTime"] == "2026-11-22T12:01:30Z"


def test_exchange_restricts_to_what_graph_marked(stage: Stage) -> None:
    stage.put(leave(**hidden("k1")))
    stage.put(leave())
    stage.migrate(online=False)
    stage.created(marked("k2"))
    answer = stage.find(f"<t:Exists>{KEY}</t:Exists>", fields=KEY)
    assert answer.texts("t:ExtendedProperty/t:Value") == ["k1", "k2"]
