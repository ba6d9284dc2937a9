"""What Figgo says, what it means, and what happens when it says it badly."""

import json
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from figgo_ops.errors import (
    CredentialRefused,
    FiggoOpsError,
    Incomplete,
    RightsMissing,
    Unreachable,
    UsageError,
)
from figgo_ops.figgo import Figgo, Progress, rows
from figgo_ops.leaves import Leave, Span, slot
from figgo_ops.sandbox import Fault, Rehearsal
from figgo_ops.secrets import Secret
from figgo_ops.transport import TRIES, Answer

TODAY = date(2026, 11, 22)
DAYS = Span(date(2025, 11, 1), date(2028, 6, 1))
USERS, LEAVES, DATES = "/api/v3/users", "/api/v3/leaves", "/api/v3/userdates"


def row(**changes: Any) -> dict[str, Any]:
    """A row of /leaves as documented, with changes; `...` takes a key away."""
    made: dict[str, Any] = {
        "id": "51207-20261012-AM",
        "date": "2026-10-12T00:00:00",
        "isAM": True,
        "isActive": True,
        "value": None,
        "cancellationDate": None,
        "isRemoteWork": False,
        "isRealLeave": True,
        "leaveAccount": {"id": 904, "name": "Congés payés 2026"},
        "leavePeriod": {"id": 51207, "ownerId": 61, "isConfirmed": True},
    }
    return {key: value for key, value in {**made, **changes}.items() if value is not ...}


def person(**changes: Any) -> dict[str, Any]:
    """A row of /users as documented, with changes; `...` takes a key away."""
    made: dict[str, Any] = {
        "id": 61,
        "name": "Inès Carrel",
        "mail": "ines.carrel@acme.example",
        "employeeNumber": "00417",
        "legalEntityId": 4,
        "dtContractStart": "2019-03-01T00:00:00",
        "dtContractEnd": None,
    }
    return {key: value for key, value in {**made, **changes}.items() if value is not ...}


class TestOneLeave:
    def test_a_row_is_read_as_documented(self) -> None:
        assert rows.leave_of(row()) == Leave(
            "51207-20261012-AM", 61, 51207, date(2026, 10, 12), "A", 904, "Congés payés 2026"
        )

    @pytest.mark.parametrize(
        ("changes", "field", "value"),
        [
            ({"isAM": False}, "half", "P"),
            ({"isAM": ..., "isAm": False}, "half", "P"),
            ({"isAM": ..., "isAm": True}, "half", "A"),
            ({"date": "2026-10-12"}, "day", date(2026, 10, 12)),
            ({"date": "2026-10-12T00:00:00.000Z"}, "day", date(2026, 10, 12)),
            ({"value": "02:30:00"}, "hours", timedelta(hours=2, minutes=30)),
            ({"value": "1.02:00:00"}, "hours", timedelta(hours=26)),
            ({"value": "03:30:00.0000000"}, "hours", timedelta(hours=3, minutes=30)),
            ({"isActive": False}, "active", False),
            ({"cancellationDate": "2026-10-01T08:00:00"}, "active", False),
            ({"leavePeriod": {"id": 7, "ownerId": 61, "isConfirmed": False}}, "confirmed", False),
            ({"leavePeriod": {"id": 7, "isConfirmed": True}, "ownerId": 62}, "owner", 62),
            ({"isRemoteWork": True}, "remote", True),
            ({"isRealLeave": False}, "real", False),
            ({"scope": 3, "somethingNew": {"a": 1}}, "owner", 61),
        ],
    )
    def test_each_spelling_is_understood(self, changes: dict[str, Any], field: str, value: object) -> None:
        assert getattr(rows.leave_of(row(**changes)), field) == value

    @pytest.mark.parametrize("name", [*row(), "isAm"])
    def test_a_key_that_did_not_come_is_an_error_that_names_it(self, name: str) -> None:
        missing = {"isAM": ...} if name == "isAm" else {name: ...}
        with pytest.raises(Incomplete, match="isA[mM]" if name in ("isAM", "isAm") else name):
            rows.leave_of(row(**missing))

    @pytest.mark.parametrize("name", ["id", "ownerId", "isConfirmed"])
    def test_so_is_a_key_of_its_period(self, name: str) -> None:
        period = {key: value for key, value in row()["leavePeriod"].items() if key != name}
        with pytest.raises(Incomplete, match=f"lacks {name}"):
            rows.leave_of(row(leavePeriod=period))

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("isAM", None),
            ("isActive", "yes"),
            ("date", "12/10/2026"),
            ("date", None),
            ("value", 3.5),
            ("value", "half a day"),
            ("leaveAccount", None),
            ("leavePeriod", [51207]),
            ("leavePeriod", {"id": True, "ownerId": 61, "isConfirmed": True}),
        ],
    )
    def test_a_value_that_cannot_be_read_is_an_error_that_names_its_key(
        self, name: str, value: object
    ) -> None:
        with pytest.raises(Incomplete):
            rows.leave_of(row(**{name: value}))

    def test_a_field_the_tenant_does_not_know_is_replaced_by_what_the_note_says(self) -> None:
        leave = rows.leave_of(row(isRemoteWork=..., value=...), {"isRemoteWork", "value"})
        assert (leave.remote, leave.hours) == (False, None)


class TestOnePerson:
    def test_a_row_is_read_as_documented(self) -> None:
        found = rows.person_of(person())
        assert found is not None
        assert (found.id, found.name, found.number) == (61, "Inès Carrel", "00417")
        assert (found.mail, found.legal_entity) == ("ines.carrel@acme.example", 4)
        assert (found.starts, found.ends) == (date(2019, 3, 1), None)

    @pytest.mark.parametrize(
        ("given", "kept"),
        [
            (" Ines.CARREL@Acme.example ", "ines.carrel@acme.example"),
            ("", None),
            (None, None),
            ("ines", None),
            ("a@b@c.example", None),
            ("ines carrel@acme.example", None),
            ("ines@acme.example\x00", None),
            ("@acme.example", None),
            ("ines@", None),
            (17, None),
        ],
    )
    def test_a_mail_that_cannot_be_one_is_none_and_the_person_stays(
        self, given: object, kept: str | None
    ) -> None:
        found = rows.person_of(person(mail=given))
        assert found is not None
        assert found.mail == kept

    def test_somebody_without_legal_entity_belongs_to_no_calendar(self) -> None:
        assert rows.person_of(person(legalEntityId=None)) is None

    @pytest.mark.parametrize(
        ("given", "kept"),
        [
            ("", "(no name)"),
            (" \u2028 ", "(no name)"),
            ("Zo\ud800", "Zo\ufffd"),
            ("Zoé\r\nMalard", "Zoé Malard"),
            ("x" * 65536, "x" * 255),
        ],
    )
    def test_a_name_of_any_kind_keeps_nobody_else_from_being_read(self, given: str, kept: str) -> None:
        found = rows.person_of(person(name=given))
        assert found is not None
        assert found.name == kept

    def test_half_a_surrogate_pair_is_no_part_of_an_address(self) -> None:
        assert rows.address("a\udce9@corail.example") is None

    @pytest.mark.parametrize("name", list(person()))
    def test_a_key_that_did_not_come_is_an_error_that_names_it(self, name: str) -> None:
        with pytest.raises(Incomplete, match=f"lacks {name}"):
            rows.person_of(person(**{name: ...}))


class TestOneAnswer:
    @pytest.mark.parametrize(
        ("status", "error", "code"),
        [
            (400, Incomplete, "bad-query"),
            (401, CredentialRefused, "key-refused"),
            (403, RightsMissing, "role-too-narrow"),
            (404, UsageError, "wrong-url"),
            (408, Incomplete, "too-slow"),
            (410, UsageError, "gone"),
            (413, Incomplete, "bad-query"),
        ],
    )
    def test_each_status_is_an_error_by_who_must_act(
        self, status: int, error: type[FiggoOpsError], code: str
    ) -> None:
        with pytest.raises(error) as caught:
            rows.meaning(Answer(status, {}, b""), "Figgo (acme.ilucca.net)")
        assert type(caught.value) is error
        assert caught.value.code == code
        assert "acme.ilucca.net" in caught.value.message
        assert caught.value.remedy

    @pytest.mark.parametrize(
        ("body", "said"),
        [
            (b'{"title": "Error", "detail": "Unknown property"}', "Unknown property"),
            (b'{"title": "Bad Request", "detail": null}', "Bad Request"),
            (b'{"Message": "No"}', "No"),
            (b'"just a sentence"', "just a sentence"),
            ("propriété inconnue".encode(), "propriété inconnue"),
            (b"<html><body><h1>502 Bad  Gateway</h1></body></html>", "502 Bad Gateway"),
            (b"[]", ""),
            (b"", ""),
            (b"x" * 5000, "x" * 300),
        ],
    )
    def test_the_words_of_a_refusal_are_found_in_any_shape(self, body: bytes, said: str) -> None:
        assert rows.detail(Answer(400, {}, body)) == said

    @pytest.mark.parametrize(
        ("said", "field"),
        [
            ("Unknown property 'isRemoteWork' on type 'FiggoLeave'", "isRemoteWork"),
            ("property isreallest of FiggoLeave", None),
            ("The property value does not exist", "value"),
            ("The value 10000 is too large", None),
            ("Unknown property 'leavePeriod' on type 'FiggoLeave'", None),
        ],
    )
    def test_only_an_optional_field_called_unknown_is_given_up(self, said: str, field: str | None) -> None:
        assert rows.unknown_field(Incomplete(said), rows.OPTIONAL) == field

    @pytest.mark.parametrize(
        "content",
        [
            [],
            {"data": None},
            {"data": {"items": None, "count": 0}},
            {"data": {"items": [1], "count": 1}},
            {"data": {"items": []}},
            {"data": {"items": [], "count": None}},
        ],
    )
    def test_a_list_without_items_or_total_is_incomplete(self, content: Any) -> None:
        with pytest.raises(Incomplete):
            rows.page_of(content, "Figgo")

    def test_a_day_is_rest_by_holiday_by_weekly_rest_or_by_a_plan_of_nothing(self) -> None:
        work = {"dtt": "12:00:00", "isHoliday": False, "isWeeklyRest": False}
        day = {"ownerId": 61, "date": "2026-11-11", "am": work, "pm": work}
        assert rows.rest_of(day)[2] == frozenset()
        for change in ({"isHoliday": True}, {"isWeeklyRest": True}, {"dtt": "00:00:00"}):
            found = rows.rest_of({**day, "pm": {**work, **change}})
            assert found == (61, date(2026, 11, 11), frozenset({slot(date(2026, 11, 11), "P")}))

    def test_months_are_cut_at_their_ends(self) -> None:
        assert list(rows.months(date(2026, 12, 30), date(2027, 2, 2))) == [
            (date(2026, 12, 30), date(2026, 12, 31)),
            (date(2027, 1, 1), date(2027, 1, 31)),
            (date(2027, 2, 1), date(2027, 2, 2)),
        ]


class StillClock:
    """A clock that only moves when somebody sleeps."""

    def __init__(self) -> None:
        self.passed, self.lock = 0.0, threading.Lock()

    def monotonic(self) -> float:
        return self.passed

    def now(self) -> datetime:
        return datetime(2026, 11, 22, 9, tzinfo=UTC) + timedelta(seconds=self.passed)

    def sleep(self, seconds: float) -> None:
        with self.lock:
            self.passed += seconds


class Stage:
    """The rehearsal company and readers of its Figgo, all on one clock."""

    def __init__(self, folder: Path, people: int | None = None) -> None:
        self.clock = StillClock()
        self.rehearsal = Rehearsal(folder, people, today=TODAY)
        self.rehearsal.figgo.clock = lambda: self.clock.now().timestamp()
        self.readers: list[Figgo] = []

    def reader(self, role: str = "", url: str = "", **options: Any) -> Figgo:
        """A client with the key of a role: all, narrow, nobody or revoked."""
        name = f"corail-figgo{'-' * bool(role)}{role}.key"
        key = (self.rehearsal.home / "secrets" / name).read_text()
        options = {"ca_file": str(self.rehearsal.ca_file), **options}
        figgo = Figgo(url or self.rehearsal.urls["figgo"], Secret(f"file:{name}", key), self.clock, **options)
        self.readers.append(figgo)
        return figgo

    def fault(self, kind: str, path: str = "*", **how: Any) -> None:
        self.rehearsal.faults.add(Fault("figgo", kind, path=path, **how))

    def sent(self, path: str) -> list[Any]:
        return self.rehearsal.log.entries("figgo", path)

    @property
    def owners(self) -> list[int]:
        return list(self.rehearsal.company.people)

    def close(self) -> None:
        for figgo in self.readers:
            figgo.close()
        self.rehearsal.stop()


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path)
    yield stage
    stage.close()


@pytest.fixture
def crowd(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path, people=450)
    yield stage
    stage.close()


Fact = tuple[int, int, date, str, str, bool, timedelta | None]


def facts(leaves: list[Leave]) -> Counter[Fact]:
    """What a calendar would be made of, active rows only."""
    return Counter(
        (x.owner, x.period, x.day, x.half, x.type_name, x.confirmed, x.hours) for x in leaves if x.active
    )


def truth(stage: Stage, keep: Callable[[Any], bool] = lambda leave: not leave.is_rest) -> Counter[Fact]:
    """The same, from the company itself."""
    return Counter(
        (x.period.owner.id, x.period.id, x.day, "AP"[x.half], x.account.name, x.period.is_confirmed, x.value)
        for x in stage.rehearsal.company.all_leaves()
        if x.is_active and keep(x)
    )


def everything(figgo: Figgo, owners: list[int], days: Span = DAYS) -> list[Leave]:
    """All leaves; fails when a list was not complete."""
    found: list[Leave] = []
    for batch in figgo.leaves(owners, days):
        assert batch.error is None, batch.error
        assert batch.leaves is not None
        found.extend(batch.leaves)
    return found


class TestReading:
    def test_everybody_is_read_former_employees_included(self, stage: Stage) -> None:
        found = {one.id: one for one in stage.reader().people()}
        company = stage.rehearsal.company.people
        assert found.keys() == company.keys()
        for number, one in company.items():
            assert (found[number].name, found[number].legal_entity) == (one.name, one.legal_entity_id)
            assert (found[number].starts, found[number].ends) == (one.contract_start, one.contract_end)
        assert any(one.left(TODAY) for one in found.values())
        assert any(one.mail is None for one in found.values())

    def test_legal_entities_are_read_with_their_names(self, stage: Stage) -> None:
        company = stage.rehearsal.company.legal_entities
        assert stage.reader().legal_entities() == {one.id: one.name for one in company.values()}

    @pytest.mark.parametrize("page", [None, 1000, 50])
    def test_all_leaves_are_read_whatever_the_page(self, stage: Stage, page: int | None) -> None:
        found = everything(stage.reader(page=page), stage.owners)
        assert facts(found) == truth(stage)
        assert len(found) > 100

    def test_only_the_days_asked_for_are_read(self, stage: Stage) -> None:
        days = Span(date(2026, 12, 1), date(2026, 12, 31))
        found = everything(stage.reader(), stage.owners, days)
        assert facts(found) == truth(stage, lambda x: not x.is_rest and x.day in days)
        assert found

    def test_owners_are_asked_for_in_lists_of_two_hundred(self, crowd: Stage) -> None:
        crowd.rehearsal.figgo.switch("max_page", 10_000)
        batches = list(crowd.reader().leaves(crowd.owners, DAYS))
        assert [len(batch.owners) for batch in batches] == [200, 200, 50]
        assert frozenset().union(*(batch.owners for batch in batches)) == set(crowd.owners)
        assert len(crowd.sent(LEAVES)) == 3

    def test_nobody_asked_for_is_nobody_asked(self, stage: Stage) -> None:
        assert list(stage.reader().leaves([], DAYS)) == []
        assert not stage.sent("/")

    def test_a_narrow_key_sees_fewer_people_and_their_leaves_and_nothing_fails(self, stage: Stage) -> None:
        figgo = stage.reader("narrow")
        people = figgo.people()
        assert {one.legal_entity for one in people} == {1}
        assert facts(everything(figgo, stage.owners)) == truth(
            stage, lambda x: not x.is_rest and x.period.owner.legal_entity_id == 1
        )

    def test_a_key_that_sees_nobody_gives_an_empty_list(self, stage: Stage) -> None:
        figgo = stage.reader("nobody")
        assert figgo.people() == []
        assert everything(figgo, stage.owners) == []

    def test_the_estimate_is_not_exceeded_and_grows_with_people(self, crowd: Stage) -> None:
        figgo = crowd.reader()
        requests, minutes = figgo.estimate(len(crowd.owners), DAYS)
        figgo.people()
        figgo.legal_entities()
        everything(figgo, crowd.owners)
        assert figgo.requests <= requests
        assert crowd.clock.passed / 60 <= minutes
        assert figgo.estimate(100_000, DAYS)[0] > 10 * requests

    def test_progress_ends_where_it_was_expected_to(self, crowd: Stage) -> None:
        seen: list[Progress] = []
        figgo = crowd.reader(listen=seen.append, page=1000)
        everything(figgo, crowd.owners)
        assert seen[-1] == Progress(figgo.requests, figgo.requests, "leaves")
        assert all(one.done_requests <= one.expected_requests for one in seen)
        assert seen[0].expected_requests > 1

    def test_at_most_twenty_requests_go_in_any_minute(self, crowd: Stage) -> None:
        seen: list[float] = []
        figgo = crowd.reader(page=100, listen=lambda _: seen.append(crowd.clock.passed))
        everything(figgo, crowd.owners)
        assert len(seen) > 45
        assert all(later - first >= 60 for first, later in zip(seen, seen[20:], strict=False))


SWITCHES: list[tuple[str, Any, str]] = [
    ("half_day_key", "isAM", "all"),
    ("half_day_key", "isAm", "all"),
    ("date_text", "date-time", "all"),
    ("date_text", "date", "all"),
    ("timestamps", "UTC", "all"),
    ("timestamps", "Europe/Paris", "all"),
    ("default_leaves", "active", "all"),
    ("default_leaves", "approved", "approved only"),
    ("default_leaves", "all", "all"),
    ("leave_id", "period", "all"),
    ("leave_id", "owner", "all"),
    ("period_ends", "standing", "all"),
    ("rest_rows", False, "all"),
    ("rest_rows", True, "with rest days"),
    ("since_filters", True, "all"),
    ("since_filters", False, "all"),
    ("max_page", 1000, "all"),
    ("max_page", 10_000, "all"),
    ("default_page", 10, "all"),
    ("error_body", "problem", "all"),
    ("error_body", "text", "all"),
    ("error_body", "empty", "all"),
    ("error_body", "html", "all"),
    ("missing_filter", "refused", "all"),
    ("missing_filter", "empty", "all"),
    ("unknown_user", 404, "all"),
    ("unknown_user", 500, "all"),
    ("structure_v3", 410, "all"),
    ("structure_v3", 404, "all"),
    ("structure_v3", "working", "all"),
    ("header", False, "all"),
    ("shuffle", False, "all"),
]
OUTCOMES: dict[str, Callable[[Any], bool]] = {
    "all": lambda x: not x.is_rest,
    "approved only": lambda x: not x.is_rest and x.period.is_confirmed,
    "with rest days": lambda _: True,
}


class TestEverySwitch:
    @pytest.mark.parametrize(("name", "value", "outcome"), SWITCHES)
    def test_the_reading_comes_out_as_stated(
        self, stage: Stage, name: str, value: object, outcome: str
    ) -> None:
        stage.rehearsal.figgo.switch(name, value)
        figgo = stage.reader()
        people, entities = figgo.people(), figgo.legal_entities()
        assert len(people) == len(stage.owners)
        assert len(entities) == 3
        assert facts(everything(figgo, stage.owners)) == truth(stage, OUTCOMES[outcome])

    def test_cancelled_rows_that_share_an_id_with_a_standing_one_do_not_disturb(self, stage: Stage) -> None:
        stage.rehearsal.figgo.switch("leave_id", "owner")
        stage.rehearsal.figgo.switch("default_leaves", "all")
        found = everything(stage.reader(), stage.owners)
        assert len({leave.id for leave in found}) < len(found)
        assert facts(found) == truth(stage)

    @pytest.mark.parametrize(("largest", "page"), [(1000, 1000), (10_000, 10_000)])
    @pytest.mark.parametrize("body", ["problem", "text", "empty", "html"])
    def test_the_largest_page_is_found_out_and_told(
        self, stage: Stage, largest: int, page: int, body: str
    ) -> None:
        stage.rehearsal.figgo.switch("max_page", largest)
        stage.rehearsal.figgo.switch("error_body", body)
        figgo = stage.reader()
        figgo.people()
        everything(figgo, stage.owners)
        assert figgo.page == page

    @pytest.mark.parametrize("style", ["seconds", "date", "absent"])
    def test_a_quota_used_up_by_others_is_waited_for(self, stage: Stage, style: str) -> None:
        stage.rehearsal.figgo.switch("retry_after", style)
        stage.rehearsal.figgo.switch("rate_limit", 3)
        figgo = stage.reader(page=50)
        assert facts(everything(figgo, stage.owners)) == truth(stage)
        assert any(entry.status == 429 for entry in stage.sent(LEAVES))
        assert stage.clock.passed >= 60

    def test_a_wrong_key_costs_one_request_in_every_shape_of_error(self, stage: Stage) -> None:
        for body in ("problem", "text", "empty"):
            stage.rehearsal.figgo.switch("error_body", body)
            figgo = stage.reader("revoked")
            with pytest.raises(CredentialRefused) as caught:
                figgo.people()
            assert figgo.requests == 1
            assert "deleted" in caught.value.remedy

    def test_a_wrong_key_behind_a_gateway_that_hides_it_is_unreachable(self, stage: Stage) -> None:
        stage.rehearsal.figgo.switch("error_body", "html")
        with pytest.raises(Unreachable, match="502"):
            stage.reader("revoked").people()


class TestListsThatMove:
    def move(self, stage: Stage, how_often: int) -> Callable[[Progress], None]:
        """A listener that takes the first half-day of the list away, so many times, once it was read."""
        company = stage.rehearsal.company

        def act(_: Progress) -> None:
            nonlocal how_often
            if how_often > 0:
                how_often -= 1
                first = min(
                    (x for x in company.all_leaves() if x.is_active and not x.is_rest),
                    key=lambda x: (x.period.id, x.day, x.half),
                )
                company.remove_half_days(first.period.id, [(first.day, ("AM", "PM")[first.half])])

        return act

    def test_a_row_taken_away_under_the_reader_starts_the_list_again(self, stage: Stage) -> None:
        before = truth(stage)
        figgo = stage.reader(page=50, listen=self.move(stage, 1))
        found = facts(everything(figgo, stage.owners))
        assert found == truth(stage)
        assert found != before

    def test_a_list_that_never_rests_is_incomplete_and_only_for_its_owners(self, stage: Stage) -> None:
        figgo = stage.reader(page=50, listen=self.move(stage, 1000))
        (batch,) = figgo.leaves(stage.owners, DAYS)
        assert batch.leaves is None
        assert isinstance(batch.error, Incomplete)
        assert batch.owners == set(stage.owners)
        assert batch.error.remedy

    @pytest.mark.parametrize(
        ("items", "count"),
        [([row()], 2), ([row(), row()], 2), ([row(), row()], 1), ([], 1)],
    )
    def test_a_total_or_a_row_that_comes_twice_does_not_pass(
        self, stage: Stage, items: list[Any], count: int
    ) -> None:
        body = {"data": {"items": items, "count": count}}
        stage.fault("status", LEAVES, value={"status": 200, "body": body}, times=None)
        (batch,) = stage.reader().leaves([61], DAYS)
        assert isinstance(batch.error, Incomplete)

    @pytest.mark.parametrize(
        "change", [{"date": "2020-01-01"}, {"leavePeriod": {**row()["leavePeriod"], "ownerId": 62}}]
    )
    def test_rows_nobody_asked_for_are_not_believed(self, stage: Stage, change: dict[str, Any]) -> None:
        body = {"data": {"items": [row(), row(id="x", **change)], "count": 2}}
        stage.fault("status", LEAVES, value={"status": 200, "body": body})
        (batch,) = stage.reader().leaves([61], DAYS)
        assert isinstance(batch.error, Incomplete)
        assert "not asked for" in batch.error.message


class TestFaults:
    def test_a_page_that_fails_twice_is_tried_again(self, stage: Stage) -> None:
        stage.fault("status", LEAVES, value=500, after=1, times=2)
        assert facts(everything(stage.reader(page=50), stage.owners)) == truth(stage)

    def test_a_page_that_keeps_failing_ends_the_reading(self, stage: Stage) -> None:
        stage.fault("status", LEAVES, value=500, after=1, times=None)
        figgo = stage.reader(page=50)
        with pytest.raises(Unreachable, match="500"):
            list(figgo.leaves(stage.owners, DAYS))
        assert figgo.requests == 1 + TRIES

    def test_a_list_that_is_refused_does_not_stop_the_others(self, crowd: Stage) -> None:
        crowd.fault("status", LEAVES, value={"status": 400, "message": "No"}, after=6, times=1)
        batches = list(crowd.reader(page=1000).leaves(crowd.owners, DAYS))
        assert [batch.error is None for batch in batches].count(False) == 1
        (failed,) = (batch for batch in batches if batch.error)
        assert failed.leaves is None
        assert "No" in str(failed.error)

    def test_408_halves_the_page_until_it_is_answered(self, stage: Stage) -> None:
        stage.rehearsal.figgo.switch("slow_rows", 130)
        figgo = stage.reader(page=1000)
        assert facts(everything(figgo, stage.owners)) == truth(stage)
        assert figgo.page == 125

    def test_408_for_the_smallest_page_is_an_error_of_its_owners(self, stage: Stage) -> None:
        stage.rehearsal.figgo.switch("slow_rows", 10)
        (batch,) = stage.reader().leaves(stage.owners, DAYS)
        assert isinstance(batch.error, Incomplete)
        assert "five seconds" in batch.error.message

    @pytest.mark.parametrize("name", list(rows.OPTIONAL))
    def test_an_optional_field_that_is_unknown_is_left_out_and_noted(self, stage: Stage, name: str) -> None:
        said = f"Unknown property '{name}' on type 'FiggoLeave'"
        stage.fault("status", LEAVES, value={"status": 400, "message": said})
        figgo = stage.reader(page=1000)
        everything(figgo, stage.owners)
        first, *others = (entry.query["fields"][0] for entry in stage.sent(LEAVES))
        assert name in first
        assert others
        assert not any(name in fields.split(",") for fields in others)
        assert len(figgo.notes) == 1
        assert name in figgo.notes[0]

    def test_a_mandatory_field_that_is_unknown_is_an_error_that_names_it(self, stage: Stage) -> None:
        said = "Unknown property 'leavePeriod' on type 'FiggoLeave'"
        stage.fault("status", LEAVES, value={"status": 400, "message": said}, times=None)
        (batch,) = stage.reader().leaves(stage.owners, DAYS)
        assert isinstance(batch.error, Incomplete)
        assert "leavePeriod" in batch.error.message

    @pytest.mark.parametrize(
        ("status", "error"), [(403, RightsMissing), (404, UsageError), (401, CredentialRefused)]
    )
    def test_what_no_retry_can_help_is_asked_once_and_raised(
        self, stage: Stage, status: int, error: type[FiggoOpsError]
    ) -> None:
        stage.fault("status", LEAVES, value=status, times=None)
        figgo = stage.reader()
        with pytest.raises(error):
            list(figgo.leaves(stage.owners, DAYS))
        assert figgo.requests == 1

    @pytest.mark.parametrize("kind", ["html", "cut-json", "cut-body", "drop-before"])
    def test_an_answer_that_makes_no_sense_is_asked_for_again(self, stage: Stage, kind: str) -> None:
        stage.fault(kind, times=2)
        assert len(stage.reader().people()) == len(stage.owners)

    @pytest.mark.parametrize(
        ("kind", "said"), [("html", "Connexion"), ("cut-json", "breaks off"), ("drop-before", "was cut")]
    )
    def test_and_is_never_taken_for_an_empty_list(self, stage: Stage, kind: str, said: str) -> None:
        stage.fault(kind, times=None)
        with pytest.raises(Unreachable, match=said):
            stage.reader().people()

    @pytest.mark.parametrize(
        ("kind", "said"),
        [("expired", "has expired"), ("wrong-name", "another name"), ("self-signed", "self-signed")],
    )
    def test_a_bad_certificate_never_sees_the_key(self, stage: Stage, kind: str, said: str) -> None:
        stage.fault("certificate", value=kind, times=None)
        with pytest.raises(Unreachable, match=said):
            stage.reader().people()
        assert not stage.sent("/")

    def test_a_wrong_host_is_told_by_its_cause(self, stage: Stage) -> None:
        with pytest.raises(Unreachable, match="DNS"):
            stage.reader(url="https://nobody.invalid").people()
        with pytest.raises(Unreachable, match="refused"):
            stage.reader(url="https://localhost:1").people()
        with pytest.raises(UsageError, match="does not know this address"):
            stage.reader(url=stage.rehearsal.urls["google"]).people()

    @pytest.mark.parametrize("text", ["", "   ", "two words", "clé", "a\r\nHost: x"])
    def test_what_cannot_be_a_key_is_refused_without_being_shown(self, stage: Stage, text: str) -> None:
        with pytest.raises(UsageError, match="env:KEY") as caught:
            Figgo(stage.rehearsal.urls["figgo"], Secret("env:KEY", text), stage.clock)
        assert not text.strip() or text.strip() not in caught.value.message + caught.value.remedy

    def test_somebody_without_legal_entity_is_noted(self, stage: Stage) -> None:
        body = {"data": {"items": [person(), person(id=62, legalEntityId=None)], "count": 2}}
        stage.fault("status", USERS, value={"status": 200, "body": body})
        figgo = stage.reader()
        assert [one.id for one in figgo.people()] == [61]
        assert "62" in figgo.notes[0]


class TestRest:
    def asked(self, stage: Stage) -> dict[int, list[Span]]:
        seed = random.randrange(10**6)
        print("seed", seed)
        rng = random.Random(seed)
        spans = {}
        for owner in stage.owners:
            first = date(2026, 10, 1) + timedelta(days=rng.randrange(120))
            spans[owner] = [Span(first, first + timedelta(days=rng.randrange(40)))]
        return spans

    def test_the_half_days_not_worked_are_those_of_the_company(self, stage: Stage) -> None:
        company, asked = stage.rehearsal.company, self.asked(stage)
        found = {rest.owner: rest.slots for rest in stage.reader().rest_slots(asked)}
        assert found.keys() == asked.keys()
        for owner, (span,) in asked.items():
            days = [span.first + timedelta(days=n) for n in range((span.last - span.first).days + 1)]
            expected = {
                slot(day, "AP"[half])  # type: ignore[arg-type]
                for day in days
                for half in (0, 1)
                if not company.works(company.people[owner], (day, half))
            }
            assert set(found[owner] or ()) == expected, owner

    def test_no_request_asks_for_more_than_ten_owners_and_a_month(self, stage: Stage) -> None:
        list(stage.reader().rest_slots(self.asked(stage)))
        for entry in stage.sent(DATES):
            _, first, last = entry.query["date"][0].split(",")
            assert len(entry.query["ownerId"][0].split(",")) <= 10
            assert first[:7] == last[:7]

    def test_408_asks_for_fewer_owners_at_once(self, stage: Stage) -> None:
        stage.rehearsal.figgo.switch("slow_days", 100)
        days = {owner: [Span(date(2026, 12, 1), date(2026, 12, 31))] for owner in stage.owners}
        assert all(rest.error is None for rest in stage.reader().rest_slots(days))

    def test_a_day_that_is_missing_is_an_error_of_that_owner_only(self, stage: Stage) -> None:
        known = stage.owners[0]
        days = [Span(date(2026, 12, 1), date(2026, 12, 2))]
        found = {rest.owner: rest for rest in stage.reader().rest_slots({known: days, 999_999: days})}
        assert found[known].error is None
        assert found[999_999].slots is None
        assert "999999" in str(found[999_999].error)
        assert "2026-12-01" in str(found[999_999].error)

    @pytest.mark.parametrize(
        "others",
        [
            [{"ownerId": 62}],
            [{"date": "2026-12-09"}],
            [{}],
            [{"am": None}],
            [{"pm": {"dtt": "12:00:00"}}],
        ],
    )
    def test_a_row_too_many_or_a_row_that_is_wrong_is_an_error_of_the_owners_asked_for(
        self, stage: Stage, others: list[dict[str, Any]]
    ) -> None:
        half = {"dtt": "12:00:00", "isHoliday": False, "isWeeklyRest": False}
        right = {"ownerId": 61, "date": "2026-12-01", "am": half, "pm": half}
        items = [right, *({**right, **change} for change in others)]
        body = json.dumps({"data": {"items": items, "count": len(items)}})
        stage.fault("status", DATES, value={"status": 200, "body": body})
        (rest,) = stage.reader().rest_slots({61: [Span(date(2026, 12, 1), date(2026, 12, 1))]})
        assert rest.slots is None
        assert isinstance(rest.error, Incomplete)
