"""The Figgo stand-in, asked over HTTPS as a client would: what it shows, to whom, and what it refuses."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import pytest

from figgo_ops.sandbox import Fault, Rehearsal

EVERYBODY = {"leavePeriod.ownerId": "greaterthan,0", "date": "between,2020-01-01,2040-01-01"}


@dataclass(frozen=True)
class Answer:
    """One HTTP answer."""

    status: int
    headers: Any
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def items(self) -> list[dict[str, Any]]:
        assert self.status == 200, self.body
        found: list[dict[str, Any]] = self.json["data"]["items"]
        return found


class Client:
    """Asks one stand-in with one API key, over one connection."""

    def __init__(self, rehearsal: Rehearsal, role: str = "full") -> None:
        name = "corail-figgo.key" if role == "full" else f"corail-figgo-{role}.key"
        self.key = (rehearsal.home / "secrets" / name).read_text()
        address = urlsplit(rehearsal.urls["figgo"])
        context = ssl.create_default_context(cafile=str(rehearsal.ca_file))
        self._connection = http.client.HTTPSConnection("localhost", address.port, context=context, timeout=20)

    def close(self) -> None:
        self._connection.close()

    def ask(
        self, path: str, query: dict[str, str] | None = None, method: str = "GET", **headers: str
    ) -> Answer:
        sent = headers or {"Authorization": f"lucca application={self.key}"}
        target = f"{path}?{urlencode(query)}" if query else path
        self._connection.request(method, target, headers=sent)
        answer = self._connection.getresponse()
        return Answer(answer.status, answer.headers, answer.read())

    def leaves(self, fields: str = "id", **query: str) -> list[dict[str, Any]]:
        return self.ask("/api/v3/leaves", EVERYBODY | {"fields": fields} | query).items

    def refused(self, path: str, **query: str) -> str:
        answer = self.ask(path, query)
        assert answer.status == 400, answer.body
        return str(answer.json["detail"])


@pytest.fixture
def rehearsal(tmp_path: Path) -> Iterator[Rehearsal]:
    with Rehearsal(tmp_path) as made:
        made.figgo.switch("rate_limit", 1000)
        yield made


@pytest.fixture
def client(rehearsal: Rehearsal) -> Iterator[Client]:
    with closing(Client(rehearsal)) as made:
        yield made


def owned(rehearsal: Rehearsal, case: str) -> dict[str, str]:
    return {"leavePeriod.ownerId": str(rehearsal.cases[case].person)}


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer {}", "lucca {}", "lucca application={}x", "lucca application={} ", "application={}"],
)
def test_without_a_known_key_in_its_exact_form_there_is_no_answer(client: Client, authorization: str) -> None:
    sent = authorization.format(client.key) + ("é" if authorization.endswith(" ") else "")
    assert client.ask("/api/v3/users", Authorization=sent.encode("latin-1").decode("latin-1")).status == 401


def test_the_scheme_word_of_the_key_may_have_any_case(client: Client) -> None:
    assert client.ask("/api/v3/users", Authorization=f"Lucca Application={client.key}").status == 200


def test_a_revoked_key_is_no_key(rehearsal: Rehearsal) -> None:
    with closing(Client(rehearsal, "revoked")) as client:
        assert client.ask("/api/v3/users").status == 401


def test_a_narrow_role_sees_fewer_people_and_is_never_told(rehearsal: Rehearsal) -> None:
    hidden = rehearsal.cases["time-zone"]
    leave = rehearsal.figgo.company.periods[hidden.period].leaves[0]
    with closing(Client(rehearsal, "narrow")) as client:
        entities = {
            row["legalEntityId"] for row in client.ask("/api/v3/users", {"fields": "legalEntityId"}).items
        }
        assert entities == {1}
        assert client.leaves(**owned(rehearsal, "time-zone")) == []
        assert client.ask(f"/api/v3/users/{hidden.person}").status == 404
        assert client.ask(f"/api/v3/leaves/{hidden.period}-{leave.day:%Y%m%d}-AM").status == 404
        assert client.ask(f"/api/v3/leaveRequests/{hidden.request}").status == 404
        assert [
            row["id"] for row in client.ask("/organization/structure/api/establishments").json["items"]
        ] == [1]


def test_a_role_that_sees_nobody_gets_empty_lists_and_no_error(rehearsal: Rehearsal) -> None:
    with closing(Client(rehearsal, "nobody")) as client:
        assert client.ask("/api/v3/users").items == []
        assert client.leaves() == []


def test_nothing_but_id_name_and_url_comes_unasked(client: Client) -> None:
    user = client.ask("/api/v3/users").items[0]
    assert set(user) == {"id", "name", "url"}
    period = client.leaves("leavePeriod")[0]["leavePeriod"]
    assert set(period) == {"id", "name", "url"}


def test_fields_nest_by_brackets_and_dots_and_come_in_their_canonical_spelling(client: Client) -> None:
    row = client.leaves("ISAM,leavePeriod[ownerid,owner[name],owner.departmentId],leaveAccount.name")[0]
    assert set(row) == {"isAM", "leavePeriod", "leaveAccount"}
    assert set(row["leavePeriod"]) == {"ownerId", "owner"}
    assert set(row["leavePeriod"]["owner"]) == {"name", "departmentId"}


@pytest.mark.parametrize(
    ("path", "query", "words"),
    [
        ("/api/v3/users", {"fields": "id,shoeSize"}, "'shoeSize' on type 'User'"),
        ("/api/v3/users", {"shoeSize": "44"}, "'shoesize' on type 'User'"),
        ("/api/v3/users", {"fields": "legalEntity[zone]"}, "'zone' on type 'LegalEntity'"),
        ("/api/v3/users", {"fields": "id[name]"}, "'name' on type 'int'"),
        ("/api/v3/users", {"fields": "id["}, "']'"),
        ("/api/v3/users", {"fields": "collection.sum"}, "'sum'"),
        ("/api/v3/users", {"id": "one"}, "'one'"),
        ("/api/v3/users", {"id": "like,1"}, "'like'"),
        ("/api/v3/users", {"mail": "since,2026-01-01"}, "'since'"),
        ("/api/v3/users", {"dtContractStart": "between,2026-01-01"}, "'between'"),
        ("/api/v3/users", {"dtContractStart": "since,null"}, "'null'"),
        ("/api/v3/users", {"id": ",".join(map(str, range(1001)))}, "1000"),
        ("/api/v3/users", {"orderBy": "id"}, "pairs"),
        ("/api/v3/users", {"orderBy": "id,upwards"}, "pairs"),
        ("/api/v3/users", {"orderBy": "legalEntity,asc"}, "compared"),
        ("/api/v3/users", {"paging": "0,1001"}, "1000"),
        ("/api/v3/users", {"paging": "-1,10"}, "paging"),
        ("/api/v3/users", {"paging": "0,0"}, "limit"),
        ("/api/v3/users", {"paging": "²,1"}, "paging"),
        ("/api/v3/leaves", {"date": "2026-01-01"}, "population"),
        ("/api/v3/leaves", {"leavePeriod.ownerId": "61"}, "'date'"),
        ("/api/v3/leaves", {**EVERYBODY, "date.between": "2026-01-01"}, "'between'"),
        ("/api/v3/leaves", {**EVERYBODY, "startDate": "2026-01-01"}, "'FiggoLeave'"),
        ("/api/v3/userdates", {"ownerId": "61"}, "'date'"),
    ],
)
def test_what_the_query_language_does_not_know_is_refused_by_name(
    client: Client, path: str, query: dict[str, str], words: str
) -> None:
    assert words in client.refused(path, **query)


def test_a_missing_filter_may_also_be_answered_with_nothing(rehearsal: Rehearsal, client: Client) -> None:
    rehearsal.figgo.switch("missing_filter", "empty")
    assert client.ask("/api/v3/leaves", {"date": "2026-01-01"}).items == []


def test_the_total_is_counted_only_on_demand_and_alone_brings_no_items(client: Client) -> None:
    assert "count" not in client.ask("/api/v3/users", {"fields": "id"}).json["data"]
    both = client.ask("/api/v3/users", {"fields": "id,collection.count", "paging": "0,2"}).json["data"]
    assert (len(both["items"]), both["count"] > 50) == (2, True)
    assert client.ask("/api/v3/users", {"fields": "collection.count"}).json["data"] == {
        "count": both["count"]
    }


def test_ordered_pages_cover_every_row_once(client: Client) -> None:
    whole = [row["id"] for row in client.leaves(orderBy="id,asc")]
    pages = [client.leaves(orderBy="id,asc", paging=f"{start},97") for start in range(0, len(whole) + 97, 97)]
    assert [row["id"] for page in pages for row in page] == whole == sorted(set(whole))
    assert [row["id"] for row in client.leaves(orderBy="id,desc")] == whole[::-1]


def test_pages_nobody_ordered_may_overlap(client: Client) -> None:
    """A client that forgets orderBy must lose rows here, as it may in reality."""
    one, two = (client.leaves(paging="0,200") for _ in range(2))
    assert one != two


def test_the_default_page_is_a_switch(rehearsal: Rehearsal, client: Client) -> None:
    rehearsal.figgo.switch("default_page", 10)
    assert len(client.leaves()) == 10 == len(client.leaves(paging="1"))


def test_a_range_of_days_includes_both_ends(rehearsal: Rehearsal, client: Client) -> None:
    period = rehearsal.company.periods[rehearsal.cases["monday-pm-to-friday"].period]
    first, last = period.first[0], period.last[0]
    query = {"date": f"between,{first},{last}", **owned(rehearsal, "monday-pm-to-friday")}
    assert len(client.leaves(**query)) == 9
    assert len(client.leaves(**(query | {"date": f"until,{first}"}))) == 1
    assert len(client.leaves(**(query | {"date": f"since,{last}"}))) == 2
    assert len(client.leaves(**(query | {"date": f"{first},{last}"}))) == 3


def test_an_upper_end_without_a_time_covers_its_whole_day(rehearsal: Rehearsal, client: Client) -> None:
    person = rehearsal.hire("Lou", "Pérez", 1)
    day = datetime.now(UTC).date()
    ids = {"id": str(person.id)}
    for end, expected in ((day + timedelta(days=1), 1), (day - timedelta(days=2), 0)):
        found = client.ask("/api/v3/users", ids | {"modifiedAt": f"between,2026-01-01,{end}"}).items
        assert len(found) == expected
    stamp = person.modified_at.isoformat()
    assert client.ask("/api/v3/users", ids | {"modifiedAt": f"since,{stamp}Z"}).items
    assert client.ask("/api/v3/users", ids | {"modifiedAt": f"greaterthan,{stamp}Z"}).items == []


def test_words_lists_and_null_are_values(rehearsal: Rehearsal, client: Client) -> None:
    two = ",".join(str(rehearsal.cases[name].person) for name in ("whole-day", "denied"))
    assert len(client.ask("/api/v3/users", {"id": two}).items) == 2
    assert client.ask("/api/v3/users", {"mail": "null"}).items[0]["name"] == "Aïssata Diop"
    assert len(client.ask("/api/v3/users", {"mail": "like,ATELIER@"}).items) == 2
    later = client.ask("/api/v3/users", {"dtContractStart": "since,tomorrow"}).items
    assert later == []


def test_former_employees_are_shown_on_demand_only(rehearsal: Rehearsal, client: Client) -> None:
    leaver = str(rehearsal.cases["leaver"].person)
    assert client.ask("/api/v3/users", {"id": leaver}).items == []
    for wish in ({"formerEmployees": "true"}, {"dtContractEnd": "notequal,null"}):
        found = client.ask("/api/v3/users", {"fields": "id,dtContractEnd", "id": leaver} | wish).items
        assert found[0]["dtContractEnd"].endswith("T00:00:00")


def test_a_transfer_takes_all_leaves_along_to_the_new_legal_entity(
    rehearsal: Rehearsal, client: Client
) -> None:
    """The filter knows the current legal entity only, also for days before the transfer."""
    person = str(rehearsal.cases["transferred"].person)
    fields = {"fields": "leavePeriod.ownerId", "date": EVERYBODY["date"]}
    shown = {
        entity: {
            str(row["leavePeriod"]["ownerId"])
            for row in client.ask(
                "/api/v3/leaves", fields | {"leavePeriod.owner.legalEntityId": entity}
            ).items
        }
        for entity in ("1", "2")
    }
    assert person in shown["2"]
    assert person not in shown["1"]


def test_the_owner_of_a_period_has_no_mail(client: Client) -> None:
    assert client.leaves("leavePeriod.owner.mail")[0]["leavePeriod"]["owner"] == {"mail": None}


def test_pending_rows_are_listed_and_withdrawn_ones_only_when_asked_for(
    rehearsal: Rehearsal, client: Client
) -> None:
    def states(case: str, **query: str) -> list[bool]:
        return [row["isActive"] for row in client.leaves("isActive", **owned(rehearsal, case), **query)]

    assert states("pending") == [True] * 4
    assert states("cancelled-pending") == []
    assert states("cancelled-pending", isActive="false") == [False] * 4
    assert states("cancelled-pending", cancellationDate="since,2020-01-01T00:00:00Z") == [False] * 4
    rehearsal.figgo.switch("default_leaves", "approved")
    assert states("pending") == []
    rehearsal.figgo.switch("default_leaves", "all")
    assert states("cancelled-pending") == [False] * 4


def test_moments_may_be_no_filter(rehearsal: Rehearsal, client: Client) -> None:
    query = EVERYBODY | {"creationDate": "since,2020-01-01T00:00:00Z"}
    assert client.ask("/api/v3/leaves", query).items
    rehearsal.figgo.switch("since_filters", False)
    assert client.refused("/api/v3/leaves", **query)


def test_days_off_have_rows_where_the_installation_keeps_them(rehearsal: Rehearsal, client: Client) -> None:
    query = owned(rehearsal, "across-weekend")
    assert len(client.leaves(**query)) == 8
    rehearsal.figgo.switch("rest_rows", True)
    assert len(client.leaves(**query)) == 12


def test_a_recreated_half_day_has_a_new_id_or_not_as_the_number_means(
    rehearsal: Rehearsal, client: Client
) -> None:
    query = owned(rehearsal, "recreated-half-day")
    ids = {row["id"] for row in client.leaves(isActive="true,false", **query)}
    assert len(ids) == 2
    rehearsal.figgo.switch("leave_id", "owner")
    assert {row["id"].split("-")[0] for row in client.leaves(**query)} == {query["leavePeriod.ownerId"]}
    single = client.ask(f"/api/v3/leaves/{client.leaves(**query)[0]['id']}", {"fields": "isActive"}).json
    assert single["data"] == {"isActive": True}


def test_a_leave_is_found_by_its_id_and_no_other_text(rehearsal: Rehearsal, client: Client) -> None:
    row = client.leaves("id,date", **owned(rehearsal, "half-day-am"))[0]
    assert client.ask(f"/api/v3/leaves/{row['id']}", {"fields": "id,date"}).json["data"] == row
    for wrong in ("1-20260101-AM", "nonsense", "²-20260101-AM", row["id"].replace("-AM", "-PM")):
        assert client.ask(f"/api/v3/leaves/{quote(wrong)}").status == 404


def test_dates_halves_and_moments_are_spelled_as_the_switches_say(
    rehearsal: Rehearsal, client: Client
) -> None:
    query = owned(rehearsal, "half-day-am")
    before = client.leaves("date,isam,creationDate", **query)[0]
    assert before["isAM"] is True
    assert before["date"].endswith("T00:00:00")
    for name, value in (("half_day_key", "isAm"), ("date_text", "date"), ("timestamps", "Europe/Paris")):
        rehearsal.figgo.switch(name, value)
    after = client.leaves("date,isam,creationDate", **query)[0]
    assert after["isAm"] is True
    assert f"{after['date']}T00:00:00" == before["date"]
    shift = datetime.fromisoformat(after["creationDate"]) - datetime.fromisoformat(before["creationDate"])
    assert shift in (timedelta(hours=1), timedelta(hours=2))


def test_an_hour_based_leave_says_how_long_it_is(rehearsal: Rehearsal, client: Client) -> None:
    assert [row["value"] for row in client.leaves("value", **owned(rehearsal, "hour-based"))] == ["02:00:00"]
    assert {row["value"] for row in client.leaves("value", **owned(rehearsal, "whole-day"))} == {None}


def test_remote_work_is_flagged(rehearsal: Rehearsal, client: Client) -> None:
    rows = client.leaves("isRemoteWork,isRealLeave,leaveAccount[name]", **owned(rehearsal, "telework"))
    assert {(row["isRemoteWork"], row["isRealLeave"]) for row in rows} == {(True, False)}
    assert rows[0]["leaveAccount"]["name"] == "Télétravail"


def test_the_ends_of_a_shortened_period_are_those_asked_for_or_those_that_stand(
    rehearsal: Rehearsal, client: Client
) -> None:
    period = rehearsal.company.periods[rehearsal.cases["monday-pm-to-friday"].period]
    friday = period.last[0]
    rehearsal.remove_half_days(period.id, [(friday, "AM"), (friday, "PM")])
    query, fields = owned(rehearsal, "monday-pm-to-friday"), "leavePeriod[startsAM,endsOn,endsAM]"
    assert client.leaves(fields, **query)[0]["leavePeriod"]["endsOn"] == f"{friday}T00:00:00"
    rehearsal.figgo.switch("period_ends", "standing")
    ends = client.leaves(fields, **query)[0]["leavePeriod"]
    expected = f"{friday - timedelta(days=1)}T00:00:00"
    assert ends == {"startsAM": False, "endsOn": expected, "endsAM": False}


def test_leave_requests_come_whole_with_their_approvals(rehearsal: Rehearsal, client: Client) -> None:
    status = {"pending": 0, "half-day-am": 2, "denied": 3, "cancelled-pending": 4, "cancellation-pending": 5}
    for case, number in status.items():
        request = rehearsal.cases[case].request
        data = client.ask(f"/api/v3/leaveRequests/{request}").json["data"]
        assert (data["status"], data["isActive"]) == (number, number not in (3, 4))
    everything = client.ask("/api/v3/leaveRequests", {"status": "0", "paging": "0,100"}).json["data"]
    assert everything["count"] == len(everything["items"]) == 2
    two = client.ask(f"/api/v3/leaveRequests/{rehearsal.cases['pending-two-approvers'].request}").json["data"]
    assert ([one["approverId"] for one in two["approvals"]], two["nextApproverId"]) == ([61], 62)


def test_an_act_shows_in_the_very_next_answer(rehearsal: Rehearsal, client: Client) -> None:
    query = owned(rehearsal, "pending") | {"orderBy": "id,asc"}
    assert {
        row["leavePeriod"]["isConfirmed"] for row in client.leaves("leavePeriod.isConfirmed", **query)
    } == {False}
    rehearsal.approve(rehearsal.cases["pending"].request)
    assert {
        row["leavePeriod"]["isConfirmed"] for row in client.leaves("leavePeriod.isConfirmed", **query)
    } == {True}


def test_userdates_tell_weekend_holiday_part_time_and_leave_apart(
    rehearsal: Rehearsal, client: Client
) -> None:
    case = rehearsal.cases["part-time-wednesday"]
    tuesday = rehearsal.company.periods[case.period].first[0]
    query = {
        "ownerId": str(case.person),
        "date": f"between,{tuesday},{tuesday + timedelta(days=5)}",
        "fields": "date,am,pm[dtt]",
        "orderBy": "date,asc",
    }
    rows = client.ask("/api/v3/userdates", query).items
    seen = [
        (row["am"]["source"], row["am"]["dtt"], row["am"]["draj"], row["am"]["isWeeklyRest"]) for row in rows
    ]
    half, none = "12:00:00", "00:00:00"
    assert seen == [
        (5, half, half, False),
        (1, none, none, False),
        (5, half, half, False),
        (1, half, none, False),
        (1, none, none, True),
        (1, none, none, True),
    ]
    assert rows[1]["pm"] == {"dtt": none}
    christmas = {"date": "2026-12-25", "ownerId": "61", "fields": "am[source,isHoliday]"}
    assert client.ask("/api/v3/userdates", christmas).items[0]["am"] == {"source": 2, "isHoliday": True}


def test_too_large_a_question_takes_too_long(rehearsal: Rehearsal, client: Client) -> None:
    year = {"ownerId": "61,62,63", "date": "between,2026-01-01,2026-12-31"}
    assert client.ask("/api/v3/userdates", year).status == 408
    rehearsal.figgo.switch("slow_rows", 100)
    assert client.ask("/api/v3/leaves", EVERYBODY | {"paging": "0,101"}).status == 408
    assert len(client.leaves(paging="0,100")) == 100


def test_the_largest_page_is_a_switch(rehearsal: Rehearsal, client: Client) -> None:
    assert "1000" in client.refused("/api/v3/leaves", **EVERYBODY, paging="0,10000")
    rehearsal.figgo.switch("max_page", 10000)
    assert len(client.leaves(paging="0,10000")) > 500


def test_the_51st_request_of_a_minute_is_told_when_to_come_back(rehearsal: Rehearsal, client: Client) -> None:
    now = 1_800_000_000.0
    rehearsal.figgo.clock = lambda: now
    rehearsal.figgo.switch("rate_limit", 50)
    answers = [client.ask("/api/v3/users/me") for _ in range(51)]
    assert [answer.status for answer in answers] == [200] * 50 + [429]
    assert answers[-1].headers["Retry-After"] == "60"
    rehearsal.figgo.switch("retry_after", "date")
    told = parsedate_to_datetime(client.ask("/api/v3/users/me").headers["Retry-After"])
    assert told == datetime.fromtimestamp(now + 60, UTC)
    rehearsal.figgo.switch("retry_after", "absent")
    assert client.ask("/api/v3/users/me").headers["Retry-After"] is None
    now += 60
    assert client.ask("/api/v3/users/me").status == 200


def test_all_keys_share_one_rate(rehearsal: Rehearsal, client: Client) -> None:
    rehearsal.figgo.switch("rate_limit", 1)
    client.ask("/api/v3/users/me")
    with closing(Client(rehearsal, "narrow")) as other:
        assert other.ask("/api/v3/users/me").status == 429


@pytest.mark.parametrize(
    ("style", "status", "kind", "start"),
    [
        ("problem", 404, "application/problem+json", b"{"),
        ("text", 404, "application/json; charset=UTF-8", b"No resource"),
        ("empty", 404, None, b""),
        ("html", 502, "text/html; charset=UTF-8", b"<html>"),
    ],
)
def test_errors_come_in_every_shape_seen(
    rehearsal: Rehearsal, client: Client, style: str, status: int, kind: str | None, start: bytes
) -> None:
    rehearsal.figgo.switch("error_body", style)
    answer = client.ask("/api/v3/nothing")
    assert (answer.status, answer.headers["Content-Type"]) == (status, kind)
    assert answer.body.startswith(start)
    assert bool(answer.body) == bool(start)


def test_an_unknown_user_may_be_a_500(rehearsal: Rehearsal, client: Client) -> None:
    assert client.ask("/api/v3/users/1").status == 404
    rehearsal.figgo.switch("unknown_user", 500)
    assert client.ask("/api/v3/users/1").status == 500


def test_establishments_are_paged_the_new_way(client: Client) -> None:
    path = "/organization/structure/api/establishments"
    first = client.ask(path, {"limit": "2", "fields.root": "count"}).json
    assert ([row["id"] for row in first["items"]], first["count"], first["prev"]) == ([1, 2], 3, None)
    second = client.ask(path, {"limit": "2", "page": first["next"]}).json
    assert ([row["id"] for row in second["items"]], second["next"], "count" in second) == ([3], None, False)
    assert client.ask(path, {"page": second["prev"], "limit": "2"}).json["items"] == first["items"]
    assert [row["id"] for row in client.ask(path, {"search": "genève"}).json["items"]] == [2]
    assert "'paging'" in client.refused(path, paging="0,10")
    assert client.refused(path, limit="101")
    assert client.refused(path, page="0")
    units = client.ask("/organization/structure/api/legal-units").json["items"]
    assert units[1]["country"]["defaultTimeZone"] == "Europe/Zurich"
    assert len(client.ask("/organization/structure/api/departments").json["items"]) == 5


def test_what_was_switched_off_is_gone(rehearsal: Rehearsal, client: Client) -> None:
    assert client.ask("/api/leaves").status == 410
    assert client.ask("/api/v3/legalEntities").status == 410
    rehearsal.figgo.switch("structure_v3", "working")
    assert len(client.ask("/api/v3/legalEntities").items) == 3
    assert len(client.ask("/api/v3/departments").items) == 5


def test_reading_is_all_there_is(rehearsal: Rehearsal, client: Client) -> None:
    row = client.leaves(**owned(rehearsal, "half-day-am"))[0]["id"]
    assert client.ask(f"/api/v3/leaves/{row}", method="DELETE").status == 405
    assert client.ask("/api/v3/users", method="POST").status == 405


def test_help_lists_what_can_be_asked(client: Client) -> None:
    fields = client.ask("/api/v3/leaves/help").json["data"]["fields"]
    assert {"isAM", "leavePeriod", "cancellationDate"} <= set(fields)
    assert "mail" in client.ask("/api/v3/users/help").json["data"]["fields"]


def test_the_header_names_the_key_and_may_be_left_out(rehearsal: Rehearsal, client: Client) -> None:
    assert client.ask("/api/v3/users/me").json["header"]["principal"] == "Calendar bridge"
    rehearsal.figgo.switch("header", False)
    assert set(client.ask("/api/v3/users/me").json) == {"data"}


def test_a_fault_speaks_as_figgo_would_and_the_log_knows_the_key_by_its_name(
    rehearsal: Rehearsal, client: Client
) -> None:
    rehearsal.faults.add(Fault("figgo", "status", path="/api/v3/users", principal="Calendar*", value=503))
    answer = client.ask("/api/v3/users")
    assert (answer.status, answer.json["status"]) == (503, 503)
    assert client.ask("/api/v3/users").status == 200
    entries = rehearsal.log.entries("figgo")
    assert [(one.principal, one.status) for one in entries] == [
        ("Calendar bridge", 503),
        ("Calendar bridge", 200),
    ]
    assert client.key not in repr(entries)


def test_twelve_thousand_leaves_are_paged_completely(tmp_path: Path) -> None:
    with Rehearsal(tmp_path, people=600, today=date(2026, 11, 22)) as large, closing(Client(large)) as client:
        large.figgo.switch("max_page", 5000)
        pages = [client.leaves(orderBy="id,asc", paging=f"{start},5000") for start in range(0, 15000, 5000)]
    assert [len(page) for page in pages] == [5000, 5000, 2000]
    assert len({row["id"] for page in pages for row in page}) == 12000
