"""Listings of the Graph stand-in: filters, selections, expansions, sorting and pages."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.sandbox.ews import ANNE, GUID
from tests.sandbox.graph import (
    HIDDEN,
    KEY_ID,
    OURS,
    PRINT_ID,
    Stage,
    at,
    hidden,
    leave,
    morning,
    refusal,
)

SEED = 20261122


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A calendar that the tests only read: three marked events, two of the owner's own."""
    made = Stage(tmp_path_factory.mktemp("graph"))
    made.put(leave(subject="Congés payés", **hidden("Host/1/P1/20261221A")))
    made.put(morning(subject="RTT", **hidden("host/2/P2/20261123A")))
    values = [{"id": KEY_ID, "value": ""}, {"id": PRINT_ID, "value": "1;x"}]
    made.put(leave("2026-12-28", "2026-12-30", subject="congés PAYÉS", singleValueExtendedProperties=values))
    made.put(
        morning(subject="L'entretien d'été", start=at("2026-06-01T08:00:00"), end=at("2026-06-01T09:00:00"))
    )
    made.owns().add("Anniversaire", "2026-12-22", "2026-12-23")
    yield made
    made.close()


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path)
    yield made
    made.close()


CONGES, RTT, LATER, TALK, BIRTHDAY = (
    "Congés payés",
    "RTT",
    "congés PAYÉS",
    "L'entretien d'été",
    "Anniversaire",
)


def any_(test: str, name: str = KEY_ID, var: str = "ep") -> str:
    return f"singleValueExtendedProperties/Any({var}: {var}/id eq '{name}' and {test})"


@pytest.mark.parametrize(
    ("test", "found"),
    [
        (OURS, [CONGES, RTT, LATER]),
        (any_("ep/value ne null", PRINT_ID), [LATER]),
        (any_("ep/value ne null", KEY_ID.replace(GUID, GUID.upper())), [CONGES, RTT, LATER]),
        (any_("ep/value ne null", KEY_ID.replace("FiggoOpsKey", "figgoOpsKey")), []),
        (any_("ep/value ne null", KEY_ID.replace("String", "Integer")), []),
        (any_("p/value ne null", var="p"), [CONGES, RTT, LATER]),
        (any_("ep/value eq 'HOST/1/p1/20261221a'"), [CONGES]),
        (any_("ep/value eq ''"), [LATER]),
        (any_("ep/value ne 'host/1/P1/20261221A'"), [RTT, LATER]),
        (any_("startswith(ep/value, 'host/')"), [CONGES, RTT]),
        (any_("contains(ep/value,'/p2/')"), [RTT]),
        (any_("startswith(ep/value,'host') and contains(ep/value,'/P2/')"), [RTT]),
        (f"not {OURS}", [TALK, BIRTHDAY]),
        (f"not ({OURS} or subject eq 'anniversaire')", [TALK]),
        ("subject eq 'CONGÉS payés'", [CONGES, LATER]),
        ("subject eq 'L''entretien d''été'", [TALK]),
        ("startswith(subject,'congés')", [CONGES, LATER]),
        ("isAllDay eq true", [CONGES, LATER, BIRTHDAY]),
        ("isAllDay eq false", [RTT, TALK]),
        ("type eq 'singleInstance'", [CONGES, RTT, LATER, TALK, BIRTHDAY]),
        ("type eq 'seriesMaster'", []),
        ("lastModifiedDateTime ge 2026-11-22T12:00:00Z", [CONGES, RTT, LATER, TALK, BIRTHDAY]),
        ("lastModifiedDateTime lt 2026-11-22T13:00:00+01:00", []),
        (f"subject eq 'RTT' or {OURS} and isAllDay eq true", [CONGES, RTT, LATER]),
        (f"(subject eq 'RTT' or {OURS}) and isAllDay eq true", [CONGES, LATER]),
        ("start/dateTime lt '2026-12-01T00:00:00Z' and end/dateTime gt '2026-07-01T00:00:00'", [RTT]),
    ],
)
def test_a_filter_selects(shared: Stage, test: str, found: list[str]) -> None:
    assert [row["subject"] for row in shared.listed(filter=test, select="subject")] == found


@pytest.mark.parametrize(
    ("bound", "there"),
    [
        ("start/dateTime ge '2026-12-20T23:00:00Z'", True),
        ("start/dateTime gt '2026-12-20T23:00:00Z'", False),
        ("start/dateTime eq '2026-12-20T23:00:00.0000000'", True),
        ("start/dateTime eq '2026-12-21T00:00:00+01:00'", True),
        ("start/dateTime ge '2026-12-21T00:00:00'", False),
        ("end/dateTime le '2026-12-23T23:00:00'", True),
        ("end/dateTime lt '2026-12-23T23:00:00'", False),
    ],
)
def test_days_are_filtered_by_the_instants_that_are_stored(shared: Stage, bound: str, there: bool) -> None:
    """Those of the event's own zone, although the answer shows midnights labelled UTC."""
    rows = shared.listed(filter=f"subject eq '{CONGES}' and {bound} and isAllDay eq true", select="start")
    assert [row["start"]["dateTime"][:10] for row in rows if row["start"]["dateTime"] < "2026-12-28"] == (
        ["2026-12-21"] if there else []
    )


@pytest.mark.parametrize(
    ("test", "code"),
    [
        (f"singleValueExtendedProperties/Any(ep: ep/id eq '{KEY_ID}')", "ErrorInvalidUrlQueryFilter"),
        ("singleValueExtendedProperties/Any(ep: ep/value ne null)", "ErrorInvalidUrlQueryFilter"),
        (any_("ep/value eq null"), "ErrorInvalidUrlQueryFilter"),
        (any_("ep/value gt 'a'"), "ErrorInvalidUrlQueryFilter"),
        (any_("endswith(ep/value,'a')"), "ErrorInvalidUrlQueryFilter"),
        (any_("other/value ne null"), "ErrorInvalidUrlQueryFilter"),
        (any_("(ep/value ne null)"), "BadRequest"),
        (any_("ep/value ne null") + ")", "BadRequest"),
        (any_("ep/value ne null")[:-1], "BadRequest"),
        ("subject ne 'RTT'", "ErrorInvalidUrlQueryFilter"),
        ("subject eq RTT", "ErrorInvalidUrlQueryFilter"),
        ("contains(subject,'RTT')", "ErrorInvalidUrlQueryFilter"),
        ("startswith(body,'RTT')", "ErrorInvalidUrlQueryFilter"),
        ("categories eq 'RH'", "ErrorInvalidUrlQueryFilter"),
        ("showAs eq 'oof'", "ErrorInvalidUrlQueryFilter"),
        ("isAllDay eq 'true'", "ErrorInvalidUrlQueryFilter"),
        ("type eq 'single'", "ErrorInvalidUrlQueryFilter"),
        ("start/dateTime ge 2026-12-01T00:00:00Z", "ErrorInvalidUrlQueryFilter"),
        ("start/dateTime ge '2026-12-01'", "ErrorInvalidUrlQueryFilter"),
        ("start/dateTime ge '2026-13-01T00:00:00'", "ErrorInvalidUrlQueryFilter"),
        ("lastModifiedDateTime ge '2026-12-01T00:00:00Z'", "ErrorInvalidUrlQueryFilter"),
        ("subject eq 'RTT", "BadRequest"),
        ("subject eq 'RTT' and", "BadRequest"),
        ("subject", "BadRequest"),
        ("", "BadRequest"),
        ("subject eq 'RTT' subject eq 'RTT'", "BadRequest"),
        ("(" * 60 + "subject eq 'RTT'" + ")" * 60, "InefficientFilter"),
        ("not " * 60 + "subject eq 'RTT'", "InefficientFilter"),
    ],
)
def test_what_outlook_does_not_understand_is_refused(shared: Stage, test: str, code: str) -> None:
    assert refusal(shared.ask_graph("GET", "events", filter=test)) == (400, code)


def test_and_binds_more_than_or_and_not_most(shared: Stage) -> None:
    """Drawn expressions select what Python's own precedence makes of the same words."""
    draw = random.Random(SEED)
    print(f"seed {SEED}")
    atoms: dict[str, Callable[[str], bool]] = {
        "isAllDay eq true": lambda name: name in (CONGES, LATER, BIRTHDAY),
        "subject eq 'RTT'": lambda name: name == RTT,
        OURS: lambda name: name in (CONGES, RTT, LATER),
    }

    def drawn(deep: int) -> list[str]:
        if deep == 0 or draw.random() < 0.2:
            return [draw.choice(list(atoms))]
        shape = draw.choice(("not", "and", "or", "("))
        if shape == "not":
            return ["not", "(", *drawn(deep - 1), ")"]
        if shape == "(":
            return ["(", *drawn(deep - 1), ")"]
        return [*drawn(deep - 1), shape, *drawn(deep - 1)]

    for _ in range(60):
        words = drawn(4)
        expected = []
        for name in (CONGES, RTT, LATER, TALK, BIRTHDAY):
            text = " ".join(str(atoms[word](name)) if word in atoms else word for word in words)
            if eval(text):
                expected.append(name)
        assert [row["subject"] for row in shared.listed(filter=" ".join(words))] == expected, words


# Selecting, expanding, sorting


def test_a_selection_leaves_what_it_names_and_who_it_is(shared: Stage) -> None:
    (row,) = shared.listed(filter="subject eq 'RTT'", select="subject, isAllDay", expand=HIDDEN)
    assert set(row) == {"@odata.etag", "id", "subject", "isAllDay", "singleValueExtendedProperties"}
    (row,) = shared.listed(filter="subject eq 'RTT'", select="id")
    assert set(row) == {"@odata.etag", "id"}


@pytest.mark.parametrize("names", ["subject,nom", "Subject", "start/dateTime", "", "subject,", "attachments"])
def test_a_selection_of_what_events_do_not_have_is_refused(shared: Stage, names: str) -> None:
    assert refusal(shared.ask_graph("GET", "events", select=names)) == (400, "RequestBroker--ParseUri")


def test_only_events_that_have_a_property_show_it(shared: Stage) -> None:
    rows = shared.listed(expand=HIDDEN, select="subject")
    shown = {row["subject"]: row.get("singleValueExtendedProperties") for row in rows}
    assert shown[LATER] == [{"id": KEY_ID, "value": ""}]
    assert shown[TALK] is shown[BIRTHDAY] is None


@pytest.mark.parametrize(
    "text",
    [
        "singleValueExtendedProperties",
        "singleValueExtendedProperties($filter=)",
        f"singleValueExtendedProperties($filter=id ne '{KEY_ID}')",
        f"singleValueExtendedProperties($filter=id eq '{KEY_ID}' and id eq '{PRINT_ID}')",
        f"singleValueExtendedProperties($filter=id eq '{KEY_ID}'",
        f"singleValueExtendedProperties($filter=id eq '{KEY_ID}');$select=id",
        f"singleValueExtendedProperties($select=id eq '{KEY_ID}')",
        "attachments",
    ],
)
def test_an_expansion_that_names_no_property_is_refused(shared: Stage, text: str) -> None:
    assert shared.ask_graph("GET", "events", expand=text).status_code == 400


def test_listings_are_sorted_as_asked(shared: Stage) -> None:
    by_time = [row["subject"] for row in shared.listed(orderby="start/dateTime")]
    assert by_time == [TALK, RTT, CONGES, BIRTHDAY, LATER]
    backwards = [row["subject"] for row in shared.listed(orderby="start/dateTime desc", top="2")]
    assert backwards == by_time[::-1]
    two = [row["subject"] for row in shared.listed(orderby="subject desc,start/dateTime")]
    assert two == [RTT, TALK, CONGES, LATER, BIRTHDAY]


def test_sorting_by_what_the_filter_does_not_begin_with_is_inefficient(shared: Stage) -> None:
    late = "start/dateTime ge '2026-12-01T00:00:00Z'"
    options = {"filter": f"{OURS} and {late}", "orderby": "start/dateTime"}
    assert refusal(shared.ask_graph("GET", "events", **options)) == (400, "InefficientFilter")
    rows = shared.listed(filter=f"{late} and {OURS}", orderby="start/dateTime desc")
    assert [row["subject"] for row in rows] == [LATER, CONGES]


@pytest.mark.parametrize("order", ["location", "start/dateTime up", "", "start"])
def test_sorting_by_what_is_no_order_is_refused(shared: Stage, order: str) -> None:
    assert shared.ask_graph("GET", "events", orderby=order).status_code == 400


@pytest.mark.parametrize(
    "options",
    [{"top": "0"}, {"top": "1001"}, {"top": "dix"}, {"top": "-1"}, {"skip": "-1"}, {"top": "²"}],
)
def test_pages_that_make_no_sense_are_refused(shared: Stage, options: dict[str, str]) -> None:
    assert refusal(shared.ask_graph("GET", "events", **options)) == (400, "BadRequest")


@pytest.mark.parametrize("option", ["count", "search", "skiptoken", "Top", "startDateTime"])
def test_an_option_that_is_not_known_is_refused(shared: Stage, option: str) -> None:
    assert refusal(shared.ask_graph("GET", "events", **{option: "1"})) == (400, "BadRequest")


@pytest.mark.parametrize("option", ["filter", "orderby", "top", "skip"])
def test_one_event_takes_no_options_of_listings(shared: Stage, option: str) -> None:
    identity = shared.listed(top="1")[0]["id"]
    value = {"filter": OURS, "orderby": "subject"}.get(option, "1")
    assert shared.ask_graph("GET", f"events/{identity}", **{option: value}).status_code == 400
    assert shared.ask_graph("DELETE", f"events/{identity}", select="id").status_code == 400


# Pages


def filled(stage: Stage, number: int) -> list[str]:
    return [stage.put(leave(subject=f"Congé {n}", **hidden(f"k{n}")))["id"] for n in range(number)]


def pages(stage: Stage, **options: str) -> list[list[str]]:
    """The ids of each page of a listing, links followed to the letter."""
    answer = stage.ask_graph("GET", "events", **options).json()
    found = [[row["id"] for row in answer["value"]]]
    while "@odata.nextLink" in answer:
        answer = stage.http.get(answer["@odata.nextLink"]).json()
        found.append([row["id"] for row in answer["value"]])
    return found


def test_a_page_is_ten_rows_unless_asked_otherwise(stage: Stage) -> None:
    ids = filled(stage, 23)
    assert pages(stage) == [ids[:10], ids[10:20], ids[20:]]
    assert pages(stage, top="12") == [ids[:12], ids[12:]]
    assert pages(stage, top="23") == pages(stage, top="1000") == [ids]
    assert pages(stage, top="2", skip="20") == [ids[20:22], ids[22:]]


def test_a_link_names_the_service_and_keeps_every_option(stage: Stage) -> None:
    filled(stage, 3)
    stage.put(leave())
    options = {"filter": OURS, "expand": HIDDEN, "select": "subject,start", "top": "1"}
    answer = stage.ask_graph("GET", "events", **options).json()
    link = urlsplit(answer["@odata.nextLink"])
    assert answer["@odata.nextLink"].startswith(f"{stage.root}/users/{ANNE}/events?")
    assert {name: values[0] for name, values in parse_qs(link.query).items()} == {
        **{f"${name}": text for name, text in options.items()},
        "$skip": "1",
    }
    assert " " not in answer["@odata.nextLink"]
    rows = stage.listed(**options)
    assert [row["singleValueExtendedProperties"][0]["value"] for row in rows] == ["k0", "k1", "k2"]


def test_a_link_stays_on_the_path_that_was_asked(stage: Stage) -> None:
    filled(stage, 2)
    link = stage.ask_graph("GET", "calendar/events", top="1").json()["@odata.nextLink"]
    assert urlsplit(link).path == f"/v1.0/users/{ANNE}/calendar/events"


def test_pages_may_be_smaller_than_asked(stage: Stage) -> None:
    ids = filled(stage, 5)
    stage.graph.switch("page_cap", 2)
    assert pages(stage, top="1000") == [ids[:2], ids[2:4], ids[4:]]
    assert pages(stage, top="1") == [[one] for one in ids]


def test_an_empty_page_is_not_the_last_one(stage: Stage) -> None:
    stage.graph.switch("empty_page", True)
    assert pages(stage) == [[], []]
    ids = filled(stage, 3)
    assert pages(stage, top="2") == [[], ids[:2], ids[2:], []]


def test_a_shuffled_listing_holds_the_same_from_page_to_page(stage: Stage) -> None:
    ids = filled(stage, 30)
    assert [row["id"] for row in stage.listed()] == ids
    stage.graph.switch("order", "shuffled")
    mixed = [row["id"] for row in stage.listed(top="7")]
    assert mixed != ids
    assert sorted(mixed) == sorted(ids)


def test_a_listing_shows_what_is_in_the_calendar_now(stage: Stage) -> None:
    ids = filled(stage, 3)
    stage.ask_graph("DELETE", f"events/{ids[1]}")
    stage.now += timedelta(minutes=40).total_seconds()
    stage.ask_graph("PATCH", f"events/{ids[2]}", {"subject": "Absent"})
    assert [row["id"] for row in stage.listed()] == [ids[0], ids[2]]
    late: dict[str, Any] = {"filter": "lastModifiedDateTime gt 2026-11-22T12:30:00Z"}
    assert [row["id"] for row in stage.listed(**late)] == [ids[2]]
