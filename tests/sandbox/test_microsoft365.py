"""The Microsoft 365 stand-in from outside: sign-in, paths, batches, the directory, and what the log keeps."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from figgo_ops.sandbox import microsoft365
from figgo_ops.sandbox.microsoft365 import SchemaBrokenError
from figgo_ops.sandbox.microsoft365_call import Answer
from figgo_ops.sandbox.microsoft365_schema import FOLDER
from figgo_ops.sandbox.web import StandInBrokenError
from tests.sandbox.cloud import (
    ANNE,
    BATCH,
    DAY,
    PAUL,
    SCOPE,
    SECRET,
    TOKEN,
    ZOE,
    Stage,
    create,
    credential,
    get,
    refusal,
)

EVENTS = f"/users/{ANNE}/events"
checked = pytest.mark.skipif(FOLDER not in os.environ, reason="Graph's metadata is not here")


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path)
    yield made
    made.close()


def whole(stage: Stage, content: Any) -> tuple[int, str]:
    return refusal(stage.ask("POST", "/$batch", content))


class TestDoor:
    @pytest.mark.parametrize("shown", [{}, {"Authorization": "Bearer abc"}, {"Authorization": "Basic YTpi"}])
    @pytest.mark.parametrize("path", [f"/v1.0{EVENTS}", BATCH])
    def test_nothing_is_told_without_a_token(self, stage: Stage, path: str, shown: dict[str, str]) -> None:
        answer = stage.http.get(path, headers=shown)
        assert refusal(answer) == (401, "InvalidAuthenticationToken")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
        assert stage.graph.asked == []

    @pytest.mark.parametrize("path", ["/beta/users", "/", "/v2.0/users", "/users/x/events"])
    def test_there_is_one_version(self, stage: Stage, path: str) -> None:
        answer = stage.http.get(path, headers=stage.bearer())
        assert (refusal(answer), "Invalid version" in answer.text) == ((400, "BadRequest"), True)

    @pytest.mark.parametrize(
        "path", ["/groups", "/users", "/drives/x", "/calendars", f"{EVENTS[:-7]}/messages"]
    )
    def test_a_segment_that_is_not_played_is_refused_by_name(self, stage: Stage, path: str) -> None:
        answer = stage.ask("GET", path)
        assert refusal(answer) == (400, "BadRequest")
        assert "Resource not found for the segment" in answer.json()["error"]["message"]

    def test_an_application_is_nobodys_me(self, stage: Stage) -> None:
        answer = stage.ask("GET", "/me/events")
        assert (refusal(answer), "delegated" in answer.text) == ((400, "BadRequest"), True)

    def test_a_query_option_counts_once(self, stage: Stage) -> None:
        answer = stage.ask("GET", f"{EVENTS}?$top=5&$top=6")
        assert (refusal(answer), "'$top'" in answer.text) == ((400, "BadRequest"), True)

    def test_a_body_is_json_and_says_so(self, stage: Stage) -> None:
        head = {**stage.bearer(), "Content-Type": "application/json"}
        assert refusal(stage.http.post(f"/v1.0{EVENTS}", content=b"{", headers=head)) == (400, "BadRequest")
        head["Content-Type"] = "text/plain"
        assert stage.http.post(f"/v1.0{EVENTS}", content=b"{}", headers=head).status_code == 415
        assert stage.http.post(BATCH, content=b'{"requests":[]}', headers=head).status_code == 415

    def test_every_answer_can_be_traced(self, stage: Stage) -> None:
        ours = str(uuid.uuid4())
        answers = [
            stage.ask("GET", EVENTS, client_request_id=ours),
            stage.ask("GET", "/groups", client_request_id=ours),
            stage.send(get(), client_request_id=ours),
        ]
        assert {one.headers["client-request-id"] for one in answers} == {ours}
        assert len({one.headers["request-id"] for one in answers}) == 3
        inner = answers[1].json()["error"]["innerError"]
        assert (inner["client-request-id"], inner["request-id"]) == (ours, answers[1].headers["request-id"])
        assert set(inner) == {"date", "request-id", "client-request-id"}

    def test_the_error_of_an_item_can_be_traced_on_its_own(self, stage: Stage) -> None:
        answers = stage.batch(get("1", "x@corail.example"), get("2", "y@corail.example"))
        inner = [answers[name]["body"]["error"]["innerError"] for name in "12"]
        assert inner[0]["request-id"] != inner[1]["request-id"]

    def test_a_preference_that_nobody_knows_is_passed_over(self, stage: Stage) -> None:
        assert stage.ask("GET", EVENTS, Prefer='odata.maxpagesize=5, unheard="of"').status_code == 200


class TestBatches:
    def test_items_are_carried_out_each_for_itself(self, stage: Stage) -> None:
        answers = stage.batch(create("a"), create("b", ZOE), get("c", "x@corail.example"), get("d", PAUL))
        assert {name: one["status"] for name, one in answers.items()} == {
            "a": 201,
            "b": 201,
            "c": 404,
            "d": 200,
        }
        assert answers["a"]["body"]["subject"] == "Congés payés"
        assert answers["a"]["headers"]["Content-Type"].startswith("application/json")
        assert [len(stage.graph.content(mail)) for mail in (ANNE, ZOE, PAUL)] == [1, 1, 0]

    def test_a_removal_is_answered_without_a_body(self, stage: Stage) -> None:
        event = stage.batch(create())["1"]["body"]["id"]
        gone = {"id": "1", "method": "DELETE", "url": f"{EVENTS}/{event}"}
        answer = stage.batch(gone)["1"]
        assert (answer["status"], "body" in answer, stage.graph.content(ANNE)) == (204, False, [])

    def test_headers_of_an_item_are_its_own(self, stage: Stage) -> None:
        event = stage.batch(create())["1"]["body"]["id"]
        stale = {"Content-Type": "application/json", "if-match": 'W/"stale"'}
        patch = {"method": "PATCH", "url": f"{EVENTS}/{event}", "body": {"subject": "RTT"}}
        assert stage.statuses({**patch, "id": "1", "headers": stale}) == [412]
        assert stage.statuses({**patch, "id": "1", "headers": {"Content-Type": "application/json"}}) == [200]

    def test_answers_come_in_another_order(self, stage: Stage) -> None:
        items = [get(str(number), mail) for number, mail in enumerate([ANNE, ZOE, PAUL] * 4)]
        sent = [item["id"] for item in items]
        orders = [[one["id"] for one in stage.send(*items).json()["responses"]] for _ in range(3)]
        assert sent not in orders
        assert len({tuple(order) for order in orders}) == 3
        assert all(sorted(order) == sorted(sent) for order in orders)
        stage.graph.switch("answers", "sent")
        assert [one["id"] for one in stage.send(*items).json()["responses"]] == sent

    def test_twenty_are_taken_and_twenty_one_refused_whole(self, stage: Stage) -> None:
        items = [create(str(number), (ANNE, ZOE, PAUL)[number % 3]) for number in range(21)]
        assert refusal(stage.send(*items)) == (400, "MaximumValueExceeded")
        assert stage.graph.asked == []
        stage.graph.switch("concurrency", 0)
        assert stage.statuses(*items[:20]) == [201] * 20

    @pytest.mark.parametrize(
        "bent",
        [
            {"url": "https://graph.microsoft.com/v1.0/users/x/events"},
            {"url": "//localhost/users/x/events"},
            {"url": "users/x/events"},
            {"url": "/$batch", "method": "POST"},
            {"url": 5},
            {"url": ""},
            {"id": ""},
            {"id": 1},
            {"method": "FETCH"},
            {"headers": {"Prefer": 5}},
            {"headers": ["Prefer"]},
            {"dependsOn": 5},
            {"body": {"subject": "RTT"}},
            {"method": "PATCH", "headers": {"Content-Type": "application/json"}},
            {"depends_on": ["1"]},
            {"dependsOn": ["nobody"]},
            {"dependsOn": ["2"]},
        ],
    )
    def test_a_request_of_a_wrong_form_sinks_the_whole_batch(
        self, stage: Stage, bent: dict[str, Any]
    ) -> None:
        assert refusal(stage.send(create("1"), {**get("2", ZOE), **bent})) == (400, "BadRequest")
        assert stage.graph.content(ANNE) == []

    @pytest.mark.parametrize(
        "content", [[], {}, {"requests": []}, {"requests": {}}, {"requests": ["x"]}, "x"]
    )
    def test_a_batch_of_a_wrong_form_is_refused(self, stage: Stage, content: Any) -> None:
        assert whole(stage, content) == (400, "BadRequest")

    def test_ids_are_unique_whatever_their_case(self, stage: Stage) -> None:
        assert refusal(stage.send(get("a"), get("A", ZOE))) == (400, "BadRequest")

    def test_a_batch_is_sent_with_post(self, stage: Stage) -> None:
        assert stage.ask("GET", "/$batch").status_code == 405

    def test_a_wrong_path_or_option_is_a_matter_of_its_item(self, stage: Stage) -> None:
        items = get("1", path="/events?$top=1&$top=2"), get("2", path="/messages"), get("3", ZOE)
        assert stage.statuses(*items) == [400, 400, 200]

    def test_a_version_does_not_belong_in_an_item(self, stage: Stage) -> None:
        item = {"id": "1", "method": "GET", "url": f"/v1.0{EVENTS}"}
        assert stage.batch(item)["1"]["status"] == 400


class TestDependencies:
    def test_what_depends_on_a_failure_is_not_tried(self, stage: Stage) -> None:
        items = get("1", "x@corail.example"), create("2", dependsOn=["1"]), create("3", ZOE, dependsOn=["2"])
        answers = stage.batch(*items)
        assert [answers[name]["status"] for name in "123"] == [404, 424, 424]
        assert (stage.graph.content(ANNE), stage.graph.content(ZOE)) == ([], [])
        assert len(stage.graph.asked) == 1

    def test_what_depends_on_a_success_is_carried_out(self, stage: Stage) -> None:
        assert stage.statuses(create("1"), create("2", ZOE, dependsOn=["1"])) == [201, 201]

    def test_all_may_depend_on_the_same_one(self, stage: Stage) -> None:
        items = get("1", "x@corail.example"), get("2", ZOE), get("3", PAUL, dependsOn=["1"])
        assert stage.statuses(*items) == [404, 200, 424]

    def test_other_patterns_are_refused(self, stage: Stage) -> None:
        items = get("1"), get("2", dependsOn=["1"]), get("3"), get("4", dependsOn=["3"])
        assert refusal(stage.send(*items)) == (400, "BadRequest")
        assert refusal(stage.send(get("1"), get("2"), get("3", dependsOn=["1", "2"]))) == (400, "BadRequest")


class TestDirectory:
    def test_the_directory_is_closed_by_default(self, stage: Stage) -> None:
        assert refusal(stage.ask("GET", f"/users/{ANNE}")) == (403, "Authorization_RequestDenied")

    def test_who_somebody_is(self, stage: Stage) -> None:
        stage.graph.switch("directory", True)
        asked = "id,userPrincipalName,mail,userType,accountEnabled,assignedLicenses"
        said = stage.ask("GET", f"/users/{ANNE}?$select={asked}").json()
        assert (said["mail"], said["userType"], said["accountEnabled"]) == (ANNE, "Member", True)
        assert len(said["assignedLicenses"]) == 1
        again = stage.ask("GET", f"/users/{ANNE.upper()}").json()
        assert (again["id"], again["displayName"]) == (said["id"], "Anne Lefevre")

    @pytest.mark.parametrize(
        ("state", "kind", "licences"),
        [("ok", "Member", 1), ("unlicensed", "Member", 0), ("guest", "Guest", 0)],
    )
    def test_states_that_the_mailbox_hides_are_seen_here(
        self, stage: Stage, state: str, kind: str, licences: int
    ) -> None:
        stage.graph.switch("directory", True)
        stage.graph.set_state(ANNE, state)
        said = stage.ask("GET", f"/users/{ANNE}?$select=userType,assignedLicenses").json()
        assert (said["userType"], len(said["assignedLicenses"])) == (kind, licences)

    def test_a_mailbox_on_premises_belongs_to_somebody_synchronised(self, stage: Stage) -> None:
        stage.graph.switch("directory", True)
        stage.graph.organization.add("loic@corail.example")
        said = stage.ask("GET", "/users/loic@corail.example?$select=onPremisesSyncEnabled,assignedLicenses")
        assert (said.json()["onPremisesSyncEnabled"], said.json()["assignedLicenses"]) == (True, [])

    @pytest.mark.parametrize("state", ["unknown", "soft-deleted"])
    def test_who_is_gone_is_not_found(self, stage: Stage, state: str) -> None:
        stage.graph.switch("directory", True)
        stage.graph.set_state(ANNE, state)
        assert refusal(stage.ask("GET", f"/users/{ANNE}")) == (404, "Request_ResourceNotFound")
        assert refusal(stage.ask("GET", "/users/x@corail.example")) == (404, "Request_ResourceNotFound")

    def test_properties_are_known_and_nobody_is_changed(self, stage: Stage) -> None:
        stage.graph.switch("directory", True)
        assert refusal(stage.ask("GET", f"/users/{ANNE}?$select=shoeSize")) == (400, "BadRequest")
        assert stage.ask("PATCH", f"/users/{ANNE}", {"mail": ZOE}).status_code == 405


class TestSettings:
    def test_settings_take_a_permission_of_their_own(self, stage: Stage) -> None:
        assert refusal(stage.ask("GET", f"/users/{ANNE}/mailboxSettings")) == (403, "ErrorAccessDenied")

    def test_the_zone_of_an_owner(self, stage: Stage) -> None:
        stage.graph.switch("settings", True)
        path = f"/users/{ANNE}/mailboxSettings"
        assert stage.ask("GET", path).json()["timeZone"] == "Romance Standard Time"
        assert stage.ask("GET", f"{path}/timeZone").json()["value"] == "Romance Standard Time"
        assert refusal(stage.ask("GET", f"{path}/language")) == (400, "BadRequest")
        assert refusal(stage.ask("PATCH", path, {"timeZone": "UTC"})) == (403, "ErrorAccessDenied")

    def test_an_owner_who_never_opened_outlook_on_the_web_has_chosen_none(self, stage: Stage) -> None:
        stage.graph.switch("settings", True)
        stage.graph.mailbox(ANNE).uses_web = False
        assert stage.ask("GET", f"/users/{ANNE}/mailboxSettings/timeZone").json()["value"] == ""


class TestLog:
    def test_a_batch_is_one_request_and_its_items_are_kept_in_order(self, stage: Stage) -> None:
        stage.batch(create("1"), get("2", ZOE))
        stage.ask("GET", EVENTS)
        assert stage.seen() == [(BATCH, 200), (f"/v1.0{EVENTS}", 200)]
        assert stage.graph.asked == [
            ("POST", ANNE, "/events"),
            ("GET", ZOE, "/calendar"),
            ("GET", ANNE, "/events"),
        ]

    def test_a_batch_of_one_method_is_a_place_of_its_own(self, stage: Stage) -> None:
        stage.batch(get("1"), get("2", ZOE))
        stage.batch(create("1"))
        assert stage.seen() == [(f"{BATCH}/GET", 200), (f"{BATCH}/POST", 200)]

    def test_the_principal_is_whoever_is_named(self, stage: Stage) -> None:
        stage.batch(get("1"), get("2", ZOE), get("3"))
        stage.batch(get("1", PAUL.upper()))
        stage.ask("GET", EVENTS)
        named = [one.principal for one in stage.log.entries()]
        assert named == ["", f"{ANNE} {ZOE}", PAUL, ANNE]

    def test_secrets_are_not_kept(self, stage: Stage) -> None:
        stage.batch(create())
        said = repr(stage.log.entries())
        assert SECRET not in said
        assert stage.bearer()["Authorization"].split()[1] not in said

    def test_a_batch_refused_whole_is_nobodys(self, stage: Stage) -> None:
        stage.send(get("1"), get("1"))
        assert stage.log.entries()[-1].principal == ""
        assert stage.seen() == [(BATCH, 400)]


class TestFaults:
    def test_faults_are_aimed_by_method_and_mailbox(self, stage: Stage) -> None:
        stage.fault("status", path="*/POST", principal="*zoe*", value=503)
        assert stage.statuses(get("1", ZOE)) == [200]
        assert stage.statuses(create("1", ANNE)) == [201]
        answer = stage.send(create("1", ANNE), create("2", ZOE))
        assert refusal(answer) == (503, "ServiceUnavailable")
        assert len(stage.graph.content(ANNE)) == 1
        assert stage.statuses(create("2", ZOE)) == [201]

    def test_a_fault_may_say_its_code(self, stage: Stage) -> None:
        value = {"status": 403, "code": "ErrorAccessDenied", "message": "Blocked."}
        stage.fault("status", path=f"{BATCH}*", value=value)
        answer = stage.send(get())
        assert refusal(answer) == (403, "ErrorAccessDenied")
        assert (answer.json()["error"]["message"], "request-id" in answer.headers) == ("Blocked.", True)

    def test_a_fault_may_say_its_body(self, stage: Stage) -> None:
        stage.fault("status", path=f"{BATCH}*", value={"status": 502, "body": "Bad Gateway"})
        assert stage.send(get()).text == "Bad Gateway"

    def test_a_token_may_be_refused_out_of_the_blue(self, stage: Stage) -> None:
        stage.fault("status", path=f"{BATCH}*", value=401)
        answer = stage.send(get())
        assert refusal(answer) == (401, "InvalidAuthenticationToken")
        assert "WWW-Authenticate" in answer.headers

    def test_an_answer_lost_after_the_commit_leaves_the_event(self, stage: Stage) -> None:
        stage.fault("status-after", path="*/POST", value=504)
        assert refusal(stage.send(create())) == (504, "GatewayTimeout")
        assert len(stage.graph.content(ANNE)) == 1

    def test_sign_ins_can_fail_alone(self, stage: Stage) -> None:
        stage.fault("status", path="*/token", value=500)
        assert stage.http.post(TOKEN).status_code == 500
        assert stage.statuses(get()) == [200]


class TestLatency:
    def test_creations_take_their_time_four_at_once(self, stage: Stage) -> None:
        naps: list[float] = []
        stage.graph.pause = naps.append
        stage.graph.switch("item_seconds", 0.2)
        mails = [f"p{number}@corail.example" for number in range(20)]
        for count in (1, 4, 5, 20):
            stage.send(*(create(str(index), mail) for index, mail in enumerate(mails[:count])))
        assert naps == pytest.approx([0.2, 0.2, 0.4, 1.0])

    def test_nothing_else_does(self, stage: Stage) -> None:
        stage.graph.pause = lambda seconds: pytest.fail(f"{seconds} s were spent")
        assert stage.statuses(create()) == [201]
        stage.graph.switch("item_seconds", 0.2)
        assert stage.statuses(get("1"), get("2", ZOE)) == [200, 200]


class TestMetadata:
    @checked
    def test_a_name_that_graph_does_not_know_is_refused_and_kept(self, stage: Stage) -> None:
        answer = stage.batch(create(body={**DAY, "isallday": True}))["1"]
        assert answer["status"] == 400
        assert "isallday" in answer["body"]["error"]["message"]
        assert (len(stage.graph.violations), stage.graph.content(ANNE)) == (1, [])

    @checked
    @pytest.mark.parametrize(
        ("path", "broken"),
        [
            ("/events", {"value": [{"id": "1", "subjekt": "RTT"}]}),
            ("/events/1", {"id": "1", "showAs": "away"}),
            ("/calendar", {"id": 5}),
        ],
    )
    def test_an_answer_that_graph_would_not_give_fails_the_test_that_saw_it(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, broken: dict[str, Any]
    ) -> None:
        stage = Stage(tmp_path)
        monkeypatch.setattr(stage.graph.events, "perform", lambda _: Answer(200, broken))
        assert stage.ask("GET", f"/users/{ANNE}{path}").status_code == 500
        with pytest.raises(StandInBrokenError, match=SchemaBrokenError.__name__):
            stage.close()

    def test_the_checks_can_be_left_out_where_speed_counts(
        self, stage: Stage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def never(*_: object) -> list[str]:
            pytest.fail("something was checked")

        monkeypatch.setattr(microsoft365, "violations", never)
        stage.graph.check = False
        assert stage.statuses(create(), get("2")) == [201, 200]


class TestSwitches:
    def test_unknown_switches_and_values_are_refused(self, stage: Stage) -> None:
        with pytest.raises(ValueError, match="no switch 'speed'"):
            stage.graph.switch("speed", 1)
        with pytest.raises(ValueError, match="takes one of"):
            stage.graph.switch("application", "gone")

    def test_all_of_them_can_be_said_as_json(self, stage: Stage) -> None:
        """The control server hands them out and takes them."""
        assert json.loads(json.dumps(stage.graph.switches)) == stage.graph.switches


def test_a_clock_put_in_later_rules_tokens_and_waits_but_not_assertions(stage: Stage) -> None:
    held, later = credential(), stage.clock() + 7 * 86400
    stage.graph.certificate(held.certificate)
    stage.graph.clock = lambda: later
    secret = {"private_key": held.key, "public_certificate": held.certificate}
    assert "access_token" in stage.app(secret).acquire_token_for_client([SCOPE])
    assert stage.statuses(*(get(str(number)) for number in range(5)))[-1] == 429
    later += 4
    assert stage.statuses(get()) == [200]
    assert stage.graph.gate.too_early == [(ANNE, 1.0)]
    later += 3600
    assert stage.ask("GET", EVENTS).status_code == 401


def test_nobody_is_notified_of_what_has_no_attendees(stage: Stage) -> None:
    stage.batch(create())
    assert stage.graph.notifications == []
    guest = {"emailAddress": {"address": ZOE}, "type": "required"}
    stage.batch(create(body={**DAY, "attendees": [guest]}))
    assert [one.recipients for one in stage.graph.notifications] == [(ZOE,)]


def test_the_owner_sees_and_renames_what_was_written(stage: Stage) -> None:
    stage.batch(create())
    (seen,) = stage.graph.content(ANNE)
    stage.graph.owner(ANNE).rename(seen["id"], "Vacances")
    assert stage.ask("GET", EVENTS).json()["value"][0]["subject"] == "Vacances"
