"""The gate of the Microsoft 365 stand-in: mailboxes out of reach, and requests that come too fast."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from pathlib import Path
from typing import Any

import httpx
import pytest

from figgo_ops.sandbox.web import Request
from tests.sandbox.cloud import ANNE, BATCH, PAUL, ZOE, Stage, create, get, refusal

EVENTS = f"/users/{ANNE}/events"
REASONS = {
    "outside": (403, "ErrorAccessDenied"),
    "blocked-by-policy": (403, "ErrorAccessDenied"),
    "unknown": (404, "ErrorInvalidUser"),
    "unlicensed": (404, "MailboxNotEnabledForRESTAPI"),
    "guest": (404, "MailboxNotEnabledForRESTAPI"),
    "soft-deleted": (404, "MailboxNotEnabledForRESTAPI"),
    "moving": (503, "ErrorMailboxMoveInProgress"),
    "store-down": (503, "MailboxStoreUnavailable"),
}


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path)
    yield made
    made.close()


def together(stage: Stage, *batches: Sequence[Mapping[str, Any]]) -> list[dict[str, dict[str, Any]]]:
    """Send batches that are all in flight before the first of them is answered."""
    stage.bearer()
    meeting, arrive = threading.Barrier(len(batches), timeout=20), stage.graph.arrive

    def wait_for_all(request: Request) -> None:
        arrive(request)
        meeting.wait()

    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(len(batches)) as pool:
        patch.setattr(stage.graph, "arrive", wait_for_all)
        return list(pool.map(lambda items: stage.batch(*items), batches))


def error(answer: Mapping[str, Any]) -> tuple[int, str]:
    return answer["status"], answer["body"]["error"]["code"]


def message(answer: httpx.Response) -> str:
    return str(answer.json()["error"]["message"])


class TestReach:
    @pytest.mark.parametrize("state", REASONS)
    def test_each_reason_is_told_by_status_and_code(self, stage: Stage, state: str) -> None:
        stage.graph.set_state(ANNE, state)
        assert refusal(stage.ask("GET", EVENTS)) == REASONS[state]
        assert error(stage.batch(get())["1"]) == REASONS[state]
        stage.graph.set_state(ANNE, "ok")
        assert stage.ask("GET", EVENTS).status_code == 200

    def test_one_mailbox_out_of_reach_stops_nothing_but_itself(self, stage: Stage) -> None:
        stage.graph.set_state(ZOE, "outside")
        assert stage.statuses(create("1", ANNE), create("2", ZOE), create("3", PAUL)) == [201, 403, 201]

    def test_nobody_is_found_at_an_address_never_added(self, stage: Stage) -> None:
        answer = stage.ask("GET", "/users/nobody@corail.example/events")
        assert refusal(answer) == (404, "ErrorInvalidUser")
        assert "'nobody@corail.example'" in message(answer)

    def test_a_scope_and_an_access_policy_refuse_in_different_words(self, stage: Stage) -> None:
        texts = []
        for state in ("outside", "blocked-by-policy"):
            stage.graph.set_state(ANNE, state)
            texts.append(message(stage.ask("GET", EVENTS)))
        assert texts[0] == "Access is denied. Check credentials and try again."
        assert "[RAOP]" in texts[1]

    @pytest.mark.parametrize(("text", "said"), [("new", "hosted on-premise"), ("old", "not yet supported")])
    def test_a_mailbox_on_premises_is_not_for_graph(self, stage: Stage, text: str, said: str) -> None:
        stage.graph.organization.add("loic@corail.example")
        stage.graph.switch("rest_text", text)
        answer = stage.ask("GET", "/users/loic@corail.example/events")
        assert refusal(answer) == (404, "MailboxNotEnabledForRESTAPI")
        assert said in message(answer)

    def test_a_migrated_mailbox_is_served_and_one_moved_back_is_not(self, stage: Stage) -> None:
        loic = "loic@corail.example"
        stage.graph.organization.add(loic)
        with pytest.raises(KeyError):
            stage.graph.mailbox(loic)
        stage.graph.organization.migrate(loic)
        assert stage.ask("GET", f"/users/{loic}/events").status_code == 200
        assert loic in stage.graph.mails()
        stage.graph.organization.migrate(loic, online=False)
        assert stage.ask("GET", f"/users/{loic}/events").status_code == 404
        assert loic not in stage.graph.mails()

    def test_an_unlicensed_mailbox_may_also_be_one_that_is_not_discovered(self, stage: Stage) -> None:
        stage.graph.set_state(ANNE, "unlicensed")
        stage.graph.switch("unlicensed", "not-found")
        assert refusal(stage.ask("GET", EVENTS)) == (404, "ResourceNotFound")

    def test_a_full_mailbox_is_read_but_takes_no_more(self, stage: Stage) -> None:
        stage.graph.set_state(ANNE, "full")
        assert stage.statuses(get("1"), create("2")) == [200, 403]
        assert error(stage.batch(create())["1"])[1] == "ErrorQuotaExceeded"

    def test_an_alias_leads_to_the_mailbox(self, stage: Stage) -> None:
        stage.graph.add_mailbox("léa@corail.example", aliases=["lea@corail.example"])
        assert stage.statuses(create("1", "LEA@corail.example")) == [201]
        assert len(stage.graph.content("léa@corail.example")) == 1

    def test_a_renamed_mailbox_goes_by_its_new_address(self, stage: Stage) -> None:
        stage.graph.rename_mailbox(ANNE, "anne.roy@corail.example", keep_alias=False)
        assert stage.statuses(get("1"), get("2", "anne.roy@corail.example")) == [404, 200]

    def test_states_and_zones_that_are_none_are_refused(self, stage: Stage) -> None:
        with pytest.raises(ValueError, match="unknown state 'lost'"):
            stage.graph.set_state(ANNE, "lost")
        with pytest.raises(ValueError, match="lost"):
            stage.graph.add_mailbox("x@corail.example", state="lost")
        with pytest.raises(ValueError, match="is there already"):
            stage.graph.add_mailbox(ANNE)


class TestAgents:
    def test_a_tenant_may_let_only_listed_user_agents_in(self, stage: Stage) -> None:
        stage.graph.switch("agents", "listed")
        answer = stage.ask("GET", EVENTS, User_Agent="python-httpx/0.28")
        assert refusal(answer) == (403, "ErrorAccessDenied")
        assert "UserAgent AllowList" in message(answer)
        assert stage.ask("GET", EVENTS, User_Agent="figgo-ops/1.0").status_code == 200

    def test_in_a_batch_each_item_says_so(self, stage: Stage) -> None:
        stage.graph.switch("agents", "listed")
        answers = stage.batch(get("1"), get("2", ZOE), User_Agent="python-httpx/0.28")
        assert [error(answers[name]) for name in "12"] == [(403, "ErrorAccessDenied")] * 2


class TestConcurrency:
    def test_four_batches_at_once_on_one_mailbox_are_taken(self, stage: Stage) -> None:
        answers = together(stage, *[[create(), create("2", ZOE)]] * 4)
        assert [one["1"]["status"] for one in answers] == [201] * 4
        assert stage.graph.gate.most == {ANNE: 4, ZOE: 4}

    def test_the_fifth_is_told_to_wait_by_its_item(self, stage: Stage) -> None:
        answers = together(stage, [create(), create("2", ZOE)], *[[create()]] * 4)
        assert sorted(one["1"]["status"] for one in answers) == [201] * 4 + [429]
        (struck,) = (one["1"] for one in answers if one["1"]["status"] == 429)
        assert error(struck) == (429, "ApplicationThrottled")
        assert "MailboxConcurrency" in struck["body"]["error"]["message"]
        assert struck["headers"]["Retry-After"] == "5"
        assert answers[0]["2"]["status"] == 201, "the other mailbox of a batch is in nobody's way"
        assert (stage.graph.gate.most[ANNE], len(stage.graph.content(ANNE))) == (5, 4)

    def test_a_batch_may_break_the_limit_all_by_itself(self, stage: Stage) -> None:
        statuses = stage.statuses(*(create(str(number)) for number in range(20)))
        assert (statuses, len(stage.graph.content(ANNE))) == ([201] * 4 + [429] * 16, 4)

    def test_addresses_of_one_mailbox_count_together(self, stage: Stage) -> None:
        stage.graph.add_mailbox("leo@corail.example", aliases=["léo@corail.example"])
        names = ["leo@corail.example", "LEO@corail.example", "léo@corail.example"] * 2
        statuses = stage.statuses(*(get(str(index), mail) for index, mail in enumerate(names)))
        assert statuses == [200] * 4 + [429] * 2

    def test_what_was_answered_is_no_longer_in_flight(self, stage: Stage) -> None:
        for _ in range(6):
            assert stage.statuses(get()) == [200]
        assert stage.graph.gate.most == {ANNE: 1}

    def test_a_request_that_was_dropped_is_no_longer_in_flight_either(self, stage: Stage) -> None:
        for kind in ("drop-before", "drop-after", "late-commit"):
            stage.fault(kind, path=f"{BATCH}/POST")
            with pytest.raises(httpx.RemoteProtocolError):
                stage.batch(create())
        stage.faults.settle()
        assert stage.statuses(*(get(str(number)) for number in range(4))) == [200] * 4
        assert len(stage.graph.content(ANNE)) == 2

    def test_the_limit_can_be_lifted(self, stage: Stage) -> None:
        stage.graph.switch("concurrency", 0)
        assert stage.statuses(*(get(str(number)) for number in range(6))) == [200] * 6

    def test_sign_ins_and_the_directory_are_on_no_mailbox(self, stage: Stage) -> None:
        stage.graph.switch("directory", True)
        assert stage.statuses(*(get(str(number), path="") for number in range(6))) == [200] * 6
        assert stage.graph.gate.most == {}


class TestQuota:
    def test_a_mailbox_has_so_many_requests_in_a_sliding_window(self, stage: Stage) -> None:
        stage.graph.switch("quota", 2)
        stage.graph.switch("quota_seconds", 10)
        assert stage.statuses(get()) == [200]
        stage.clock.now += 4
        assert stage.statuses(get()) == [200]
        answer = stage.batch(get(), get("2", ZOE))
        assert (error(answer["1"]), answer["2"]["status"]) == ((429, "TooManyRequests"), 200)
        assert answer["1"]["headers"]["Retry-After"] == "6"
        stage.clock.now += 6
        assert stage.statuses(get("1"), get("2")) == [200, 429]

    def test_who_waits_as_told_is_never_too_early(self, stage: Stage) -> None:
        stage.graph.switch("quota", 1)
        assert stage.statuses(get()) == [200]
        wait = float(stage.batch(get())["1"]["headers"]["Retry-After"])
        stage.clock.now += wait
        assert stage.statuses(get()) == [200]
        assert stage.graph.gate.too_early == []

    def test_who_does_not_is_written_down(self, stage: Stage) -> None:
        stage.graph.switch("quota", 1)
        stage.graph.switch("quota_seconds", 10)
        assert stage.statuses(get("1"), get("2", ZOE)) == [200, 200]
        assert stage.statuses(get()) == [429]
        stage.clock.now += 7
        assert stage.statuses(get("1", ZOE)) == [429]
        assert stage.graph.gate.too_early == [], "Zoé's mailbox was never told to wait"
        assert stage.statuses(get()) == [429]
        assert stage.graph.gate.too_early == [(ANNE, 3.0)]

    def test_items_in_flight_with_the_one_that_was_refused_are_not_too_early(self, stage: Stage) -> None:
        """Nobody heeds what has not been said yet."""
        together(stage, *[[get()]] * 5)
        assert stage.graph.gate.too_early == []
        assert stage.statuses(get()) == [200]
        assert stage.graph.gate.too_early == [(ANNE, 5.0)]

    def test_a_wait_counts_from_when_its_request_has_left(self, stage: Stage) -> None:
        gate = stage.graph.gate
        gate.arrive(1, [ANNE])
        gate.tell(1, [ANNE], 5)
        gate.arrive(2, [ANNE])
        assert gate.too_early == []
        gate.leave(1)
        gate.arrive(3, [ANNE])
        assert gate.too_early == [(ANNE, 5.0)]

    @pytest.mark.parametrize("status", [429, 503])
    def test_a_refusal_of_the_whole_request_counts_for_its_mailboxes(self, stage: Stage, status: int) -> None:
        stage.fault("status", path=f"{BATCH}/*", value={"status": status, "headers": {"Retry-After": "8"}})
        answer = stage.send(get("1"), get("2", ZOE))
        assert (answer.status_code, answer.headers["Retry-After"]) == (status, "8")
        stage.clock.now += 2
        assert stage.statuses(get("1", PAUL), get("2", ZOE)) == [200, 200]
        assert stage.graph.gate.too_early == [(ZOE, 6.0)]

    def test_a_date_to_wait_for_is_understood(self, stage: Stage) -> None:
        until = formatdate(stage.clock() + 8, usegmt=True)
        stage.fault("status", path=BATCH + "/*", value={"status": 503, "headers": {"Retry-After": until}})
        assert stage.send(get()).status_code == 503
        assert stage.statuses(get()) == [200]
        assert stage.graph.gate.too_early == [(ANNE, 8.0)]


class TestItemErrors:
    def test_an_item_is_struck_before_it_is_carried_out(self, stage: Stage) -> None:
        order = {"method": "POST", "status": 503, "code": "MailboxStoreUnavailable", "times": 1}
        stage.graph.switch("item_errors", order)
        answers = stage.batch(create("1"), get("2", ZOE), create("3", PAUL))
        assert error(answers["1"]) == (503, "MailboxStoreUnavailable")
        assert (answers["2"]["status"], answers["3"]["status"]) == (200, 201)
        assert stage.graph.content(ANNE) == []

    def test_or_after_it_with_its_wait(self, stage: Stage) -> None:
        order = {"method": "POST", "status": 504, "commit": True, "retry_after": 3, "times": 1}
        stage.graph.switch("item_errors", order)
        answer = stage.batch(create())["1"]
        assert (error(answer), answer["headers"]["Retry-After"]) == ((504, "GatewayTimeout"), "3")
        assert len(stage.graph.content(ANNE)) == 1
        assert stage.statuses(create()) == [201]
        assert stage.graph.gate.too_early == [(ANNE, 3.0)]

    def test_every_so_many_after_so_many_at_most_so_often(self, stage: Stage) -> None:
        order = {"status": 500, "every": 2, "after": 1, "times": 2}
        stage.graph.switch("item_errors", order)
        mails = [ANNE, ZOE, PAUL] * 3
        statuses = stage.statuses(*(get(str(index), mail) for index, mail in enumerate(mails)))
        assert statuses == [200, 200, 500, 200, 500, 200, 200, 200, 200]
        stage.graph.switch("item_errors", order)
        assert stage.statuses(get(), get("2"), get("3")) == [200, 200, 500]

    def test_only_in_the_mailbox_that_is_aimed_at(self, stage: Stage) -> None:
        stage.graph.switch("item_errors", {"status": 500, "mailbox": "zoe*"})
        assert stage.statuses(get("1"), get("2", ZOE), get("3", PAUL)) == [200, 500, 200]

    def test_a_lone_request_is_an_item_too(self, stage: Stage) -> None:
        stage.graph.switch("item_errors", {"status": 409, "method": "GET"})
        assert refusal(stage.ask("GET", EVENTS)) == (409, "ErrorIrresolvableConflict")

    def test_what_is_refused_anyway_says_its_own_reason(self, stage: Stage) -> None:
        stage.graph.switch("item_errors", {"status": 500, "times": 1, "commit": True})
        stage.graph.set_state(ANNE, "outside")
        assert stage.statuses(create()) == [403]
