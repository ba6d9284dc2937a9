"""The Google stand-in: as strict as the real service, spoken to by its official client and by hand."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import google_auth_httplib2
import httplib2
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from google.auth import jwt
from google.auth.exceptions import RefreshError
from google.oauth2 import service_account
from googleapiclient import discovery_cache
from googleapiclient.discovery import build_from_document  # type: ignore[attr-defined]
from googleapiclient.errors import HttpError

from figgo_ops.sandbox.ca import make_authority
from figgo_ops.sandbox.discovery import calendar
from figgo_ops.sandbox.faults import Fault, Faults
from figgo_ops.sandbox.google import GoogleService, public_key_of, service_account_info
from figgo_ops.sandbox.google_owner import ACTS, act
from figgo_ops.sandbox.web import RequestLog, Server, StandInBrokenError

ANNE, ZOE = "anne.lefevre@corail.example", "zoe.benard@corail.example"
OWNED = "https://www.googleapis.com/auth/calendar.events.owned"
READ_ONLY = "https://www.googleapis.com/auth/calendar.events.readonly"
EVENTS = "/calendar/v3/calendars/primary/events"
DAY = {"start": {"date": "2026-11-23"}, "end": {"date": "2026-11-24"}, "summary": "Congés payés"}
PARIS = "Europe/Paris"


def timed(start: str, end: str, zone: str | None = PARIS) -> dict[str, Any]:
    extra = {"timeZone": zone} if zone else {}
    return {"start": {"dateTime": start, **extra}, "end": {"dateTime": end, **extra}}


def marked(key: str, **more: Any) -> dict[str, Any]:
    return {**DAY, "extendedProperties": {"private": {"figgoOps": "1", "figgoOpsKey": key}}, **more}


class Clock:
    """The real time, plus what a test adds to it."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


class Credentials(service_account.Credentials):
    """Delegated credentials that start no look-up of their own in the background."""

    def _is_regional_access_boundary_lookup_required(self) -> bool:
        return False


@cache
def signing() -> tuple[dict[str, str], RSAPublicKey, Any]:
    """Parse the service account's key once: that is by far the slowest step of a test."""
    info = service_account_info()
    return info, public_key_of(info), Credentials.from_service_account_info(info)  # type: ignore[no-untyped-call]


class Stage:
    """The stand-in running, and the means to speak to it."""

    def __init__(self, folder: Path) -> None:
        self.clock, self.faults, self.log = Clock(), Faults(), RequestLog()
        self.info, public_key, self._credentials = signing()
        self.google = GoogleService(
            ["corail.example"],
            [ANNE, ZOE],
            service_account_public_key=public_key,
            client_email=self.info["client_email"],
            clock=self.clock,
        )
        authority = make_authority(folder)
        self.server = Server(self.google, authority.server_context(), self.faults, self.log)
        self.server.start()
        self.url = self.server.url
        self.http = httplib2.Http(ca_certs=str(authority.ca_file), timeout=20)
        self._sessions: dict[tuple[str, str], Any] = {}

    def close(self) -> None:
        self.http.close()
        self.server.stop()

    def session(self, who: str = ANNE, scope: str = OWNED) -> Any:
        if (who, scope) not in self._sessions:
            base = self._credentials.with_token_uri(f"{self.url}/token")
            credentials = base.with_scopes([scope]).with_subject(who)
            self._sessions[who, scope] = google_auth_httplib2.AuthorizedHttp(credentials, http=self.http)
        return self._sessions[who, scope]

    def ask(
        self, method: str, path: str, body: Any = None, /, *, who: str = ANNE, **more: Any
    ) -> tuple[int, Any]:
        """Send one call as it is; `headers` and `scope` apart, keywords are query parameters."""
        headers = more.pop("headers", {})
        session = self.session(who, more.pop("scope", OWNED))
        target = self.url + path + (f"?{urlencode(more, doseq=True)}" if more else "")
        text = None if body is None else body if isinstance(body, str) else json.dumps(body)
        answer, content = session.request(target, method, text, headers)
        self.headers = answer
        return answer.status, json.loads(content) if content[:1] == b"{" else content

    def insert(self, body: Any, **more: Any) -> Any:
        status, event = self.ask("POST", EVENTS, body, **more)
        assert status == 200, event
        return event

    def ids(self, **more: Any) -> list[str]:
        status, answer = self.ask("GET", EVENTS, **more)
        assert status == 200, answer
        return [event["id"] for event in answer["items"]]

    def client(self, who: str = ANNE) -> tuple[Any, Any]:
        """Give the official client's events resource, and the session to execute with."""
        text = discovery_cache.get_static_doc("calendar", "v3")  # type: ignore[no-untyped-call]
        document = json.loads(text)
        document["rootUrl"] = f"{self.url}/"
        return build_from_document(document, http=self.http).events(), self.session(who)

    def signed(self, **changes: Any) -> str:
        """Sign an assertion with claims of one's own; None leaves a claim out."""
        now = int(self.clock())
        claims = {
            "iss": self.info["client_email"],
            "sub": ANNE,
            "scope": OWNED,
            "aud": "https://oauth2.googleapis.com/token",
            "iat": now,
            "exp": now + 3600,
            **changes,
        }
        sent = {k: v for k, v in claims.items() if v is not None}
        return bytes(jwt.encode(self._credentials.signer, sent)).decode()  # type: ignore[no-untyped-call]

    def exchange(self, assertion: str) -> tuple[int, Any]:
        """Ask for a token."""
        form = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": assertion}
        answer, content = self.http.request(f"{self.url}/token", "POST", urlencode(form))
        return answer.status, json.loads(content)

    def assertion(self, **changes: Any) -> tuple[int, Any]:
        """Ask for a token with claims of one's own."""
        return self.exchange(self.signed(**changes))


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path)
    yield made
    made.close()


def reason(answer: tuple[int, Any]) -> tuple[int, str]:
    status, body = answer
    return status, body["error"]["errors"][0]["reason"]


# Tokens


def test_a_token_stands_for_one_subject_and_an_hour(stage: Stage) -> None:
    status, answer = stage.assertion()
    assert (status, answer["token_type"], answer["expires_in"]) == (200, "Bearer", 3599)
    assert stage.log.entries()[-1].principal == ANNE
    assert answer["access_token"] not in repr(stage.log.entries())


HOUR = 3600


@pytest.mark.parametrize(
    ("changes", "status", "error", "words"),
    [
        ({"aud": "https://localhost/token"}, 400, "invalid_grant", "audience"),
        ({"iat": 0, "exp": HOUR}, 400, "invalid_grant", "short-lived"),
        ({"exp": 4_000_000_000}, 400, "invalid_grant", "short-lived"),
        ({"iat": None}, 400, "invalid_grant", "short-lived"),
        ({"iss": "nobody@else.example"}, 400, "invalid_grant", "issuer"),
        ({"scope": None}, 400, "invalid_scope", "Empty"),
        ({"scope": f"{OWNED} {READ_ONLY}"}, 401, "unauthorized_client", "scopes requested"),
        ({"sub": "anne@other.example"}, 401, "unauthorized_client", "scopes requested"),
        ({"sub": "anne"}, 400, "invalid_request", "sub"),
        ({"sub": "nobody@corail.example"}, 400, "invalid_grant", "Invalid email or User ID"),
    ],
)
def test_a_token_request_at_fault_is_refused_in_googles_words(
    stage: Stage, changes: dict[str, Any], status: int, error: str, words: str
) -> None:
    got, answer = stage.assertion(**changes)
    assert (got, answer["error"]) == (status, error)
    assert words in answer["error_description"]


@pytest.mark.parametrize(
    ("state", "words"),
    [("deleted", "has been deleted"), ("suspended", "Account restricted"), ("restricted", "not authorized")],
)
def test_the_state_of_an_account_decides_its_token(stage: Stage, state: str, words: str) -> None:
    stage.google.set_state(ANNE, state)
    assert words in stage.assertion()[1]["error_description"]
    assert stage.assertion(sub=ZOE)[0] == 200


def test_a_deleted_key_no_longer_signs(stage: Stage) -> None:
    stage.google.tokens.delete_key()
    assert stage.assertion()[1]["error_description"] == "Invalid JWT Signature."


def test_claims_changed_after_signing_are_refused(stage: Stage) -> None:
    head, _, signature = stage.signed().split(".")
    other = stage.signed(sub=ZOE).split(".")[1]
    status, answer = stage.exchange(f"{head}.{other}.{signature}")
    assert (status, answer["error_description"]) == (400, "Invalid JWT Signature.")


@pytest.mark.parametrize("assertion", ["", "e30.e30.e30", "no.json.at-all", "one"])
def test_an_assertion_that_is_none_is_refused(stage: Stage, assertion: str) -> None:
    assert stage.exchange(assertion)[1]["error"] == "invalid_grant"


@pytest.mark.parametrize("minutes", [-10, 10])
def test_a_machine_whose_clock_is_off_gets_no_token(stage: Stage, minutes: int) -> None:
    now = int(time.time()) + minutes * 60
    assert "short-lived" in stage.assertion(iat=now, exp=now + 1200)[1]["error_description"]


def test_the_official_client_tells_a_delegation_that_is_missing(stage: Stage) -> None:
    stage.google.tokens.granted.clear()
    events, session = stage.client()
    with pytest.raises(RefreshError) as refused:
        events.list(calendarId="primary").execute(http=session)
    assert refused.value.args[1]["error"] == "unauthorized_client"


def test_an_expired_token_is_refused_and_renewed_by_the_client(stage: Stage) -> None:
    stage.insert(DAY)
    stage.google.tokens.revoke(ANNE)
    assert len(stage.ids()) == 1
    statuses = [entry.status for entry in stage.log.entries()]
    assert statuses == [200, 200, 401, 200, 200]


def test_a_token_ends_with_its_hour(stage: Stage) -> None:
    token = stage.assertion()[1]["access_token"]
    bearer = {"Authorization": f"Bearer {token}"}
    assert stage.http.request(stage.url + EVENTS, headers=bearer)[0].status == 200
    stage.clock.ahead = 3601
    answer, content = stage.http.request(stage.url + EVENTS, headers=bearer)
    assert reason((answer.status, json.loads(content))) == (401, "authError")
    assert "www-authenticate" in answer


def test_a_client_that_lost_its_subject_writes_to_the_service_accounts_own_calendar(stage: Stage) -> None:
    """That is what really happens, and why the subject must be checked on our side."""
    token = stage.assertion(sub=None)[1]["access_token"]
    answer, _ = stage.http.request(
        stage.url + EVENTS, "POST", json.dumps(DAY), {"Authorization": f"Bearer {token}"}
    )
    assert answer.status == 200
    assert stage.google.content(ANNE) == []
    assert len(stage.google.content(stage.info["client_email"])) == 1


# Whose calendar, and what for


def test_nobody_reaches_another_ones_calendar(stage: Stage) -> None:
    mine = f"/calendar/v3/calendars/{quote(ANNE)}/events"
    assert stage.ask("GET", mine)[0] == 200
    assert reason(stage.ask("GET", mine, who=ZOE)) == (404, "notFound")


def test_a_scope_too_small_for_the_method_is_refused(stage: Stage) -> None:
    stage.google.tokens.granted.add(READ_ONLY)
    assert stage.ask("GET", EVENTS, scope=READ_ONLY)[0] == 200
    answer = stage.ask("POST", EVENTS, DAY, scope=READ_ONLY)
    assert reason(answer) == (403, "insufficientPermissions")
    assert answer[1]["error"]["details"][0]["reason"] == "ACCESS_TOKEN_SCOPE_INSUFFICIENT"
    assert "insufficient_scope" in stage.headers["www-authenticate"]
    assert reason(stage.ask("GET", "/calendar/v3/users/me/settings")) == (403, "insufficientPermissions")


def test_a_project_without_the_api_and_a_user_without_calendar_are_told_apart(stage: Stage) -> None:
    stage.google.set_state(ANNE, "no-calendar")
    assert reason(stage.ask("GET", EVENTS)) == (403, "notACalendarUser")
    stage.google.switch("calendar_api", "disabled")
    assert reason(stage.ask("GET", EVENTS, who=ZOE)) == (403, "accessNotConfigured")


def test_an_exhausted_calendar_can_be_read_but_not_written(stage: Stage) -> None:
    stage.google.set_state(ANNE, "exhausted")
    assert reason(stage.ask("POST", EVENTS, DAY)) == (403, "quotaExceeded")
    assert stage.ids() == []


def test_a_renamed_user_keeps_the_calendar_and_may_be_reached_by_the_old_address(stage: Stage) -> None:
    event = stage.insert(DAY)
    stage.google.rename_user(ANNE, "anne.martin@corail.example")
    stage.google.switch("alias_subjects", "refused")
    assert stage.assertion()[1]["error"] == "invalid_grant"
    stage.google.switch("alias_subjects", "accepted")
    assert stage.assertion()[0] == 200
    found = stage.google.content("anne.martin@corail.example")
    assert [e["iCalUID"] for e in found] == [event["iCalUID"]]
    stage.google.rename_user(ZOE, "zoe.petit@corail.example", keep_alias=False)
    assert stage.assertion(sub=ZOE)[1]["error_description"] == "Invalid email or User ID"


def test_paths_and_methods_google_does_not_have_are_unknown(stage: Stage) -> None:
    assert stage.ask("GET", "/calendar/v3/nothing")[0] == 404
    assert stage.ask("DELETE", EVENTS)[0] == 404
    assert stage.ask("POST", f"{EVENTS}/quickAdd", text="x")[0] == 501


# Writing


def test_an_inserted_event_is_answered_with_what_google_adds(stage: Stage) -> None:
    event = stage.insert({**marked("corail/7/4711/20261123A"), "id": "fg0123", "transparency": "opaque"})
    assert event["iCalUID"] == "fg0123@google.com"
    assert (event["status"], event["eventType"], event["sequence"]) == ("confirmed", "default", 0)
    assert event["organizer"] == event["creator"] == {"email": ANNE, "self": True}
    assert event["reminders"] == {"useDefault": True}
    assert "transparency" not in event
    assert event["etag"] == stage.headers["etag"]
    assert stage.google.content(ANNE) == [event]


@pytest.mark.parametrize("event_id", ["abcd", "ABCDEF", "wxyz01", "a" * 1025, "fg-0123"])
def test_an_id_outside_base32hex_is_refused(stage: Stage, event_id: str) -> None:
    assert reason(stage.ask("POST", EVENTS, {**DAY, "id": event_id})) == (400, "invalid")


def test_an_id_is_taken_for_ever_even_by_a_tombstone(stage: Stage) -> None:
    body = {**DAY, "id": "fg0123"}
    stage.insert(body)
    assert reason(stage.ask("POST", EVENTS, body)) == (409, "duplicate")
    assert stage.ask("DELETE", f"{EVENTS}/fg0123")[0] == 204
    assert reason(stage.ask("POST", EVENTS, body)) == (409, "duplicate")
    assert stage.ask("GET", f"{EVENTS}/fg0123")[1]["status"] == "cancelled"
    assert reason(stage.ask("DELETE", f"{EVENTS}/fg0123")) == (410, "deleted")
    assert reason(stage.ask("DELETE", f"{EVENTS}/fg9999")) == (404, "notFound")
    stage.insert(body, who=ZOE)


@pytest.mark.parametrize(("switch", "status", "live"), [("ok", 200, 1), ("forbidden", 403, 0)])
def test_a_tombstone_is_revived_by_update_or_not_at_all(
    stage: Stage, switch: str, status: int, live: int
) -> None:
    stage.google.switch("revival", switch)
    event = stage.insert({**DAY, "id": "fg0123"})
    stage.google.owner(ANNE).delete("fg0123")
    tomb = stage.ask("GET", f"{EVENTS}/fg0123")[1]
    body = {**event, "sequence": tomb["sequence"]}
    assert stage.ask("PUT", f"{EVENTS}/fg0123", body)[0] == status
    assert len(stage.ids()) == live


def test_a_sequence_below_the_current_one_is_refused(stage: Stage) -> None:
    event = stage.insert({**DAY, "id": "fg0123"})
    stage.google.owner(ANNE).move("fg0123", "2026-12-01", "2026-12-02")
    answer = stage.ask("PUT", f"{EVENTS}/fg0123", event)
    assert reason(answer) == (400, "invalid")
    assert "sequence" in answer[1]["error"]["message"]
    bare = {k: v for k, v in event.items() if k != "sequence"}
    assert stage.ask("PUT", f"{EVENTS}/fg0123", bare)[0] == 200
    stage.google.switch("missing_sequence", "refused")
    assert reason(stage.ask("PUT", f"{EVENTS}/fg0123", bare)) == (400, "invalid")


def test_an_update_replaces_everything_and_needs_the_current_etag_when_one_is_sent(stage: Stage) -> None:
    event = stage.insert({**marked("k"), "id": "fg0123", "description": "note"})
    path = f"{EVENTS}/fg0123"
    status, updated = stage.ask("PUT", path, DAY, headers={"If-Match": event["etag"]})
    assert status == 200
    assert updated["etag"] != event["etag"]
    assert not {"description", "extendedProperties"} & set(updated)
    stale = {"If-Match": event["etag"]}
    assert reason(stage.ask("PUT", path, DAY, headers=stale)) == (412, "conditionNotMet")
    assert reason(stage.ask("PATCH", path, {}, headers=stale)) == (412, "conditionNotMet")
    assert reason(stage.ask("DELETE", path, headers=stale)) == (412, "conditionNotMet")
    assert stage.ask("DELETE", path, headers={"If-Match": updated["etag"]})[0] == 204


def test_a_patch_merges_objects_and_null_removes(stage: Stage) -> None:
    stage.insert({**marked("k"), "id": "fg0123", "description": "note"})
    patch = {"description": None, "extendedProperties": {"private": {"figgoOpsKey": None, "other": "2"}}}
    _, event = stage.ask("PATCH", f"{EVENTS}/fg0123", patch)
    assert "description" not in event
    assert event["extendedProperties"]["private"] == {"figgoOps": "1", "other": "2"}
    assert event["summary"] == "Congés payés"
    mixed = {"start": timed("2026-11-23T09:00:00", "")["start"]}
    assert reason(stage.ask("PATCH", f"{EVENTS}/fg0123", mixed)) == (400, "invalid")


def test_changing_reminders_alone_changes_the_etag_and_not_the_time_of_change(stage: Stage) -> None:
    event = stage.insert({**DAY, "id": "fg0123"})
    stage.clock.ahead = 60
    _, quiet = stage.ask("PATCH", f"{EVENTS}/fg0123", {"reminders": {"useDefault": False}})
    assert (quiet["updated"], quiet["etag"] != event["etag"]) == (event["updated"], True)
    assert stage.ask("PATCH", f"{EVENTS}/fg0123", {"summary": "RTT"})[1]["updated"] > event["updated"]


def test_properties_too_long_vanish_or_are_cut_without_a_word(stage: Stage) -> None:
    private = {"k" * 45: "gone", "k" * 44: "v" * 1025}
    event = stage.insert({**DAY, "extendedProperties": {"private": private}})
    assert event["extendedProperties"]["private"] == {"k" * 44: "v" * 1024}
    only = stage.insert({**DAY, "extendedProperties": {"private": {"k" * 45: "gone"}}})
    assert "extendedProperties" not in only


def test_times_are_shown_with_the_calendars_offset_whatever_the_event_says(stage: Stage) -> None:
    event = stage.insert(timed("2026-11-23T09:00:00", "2026-11-23T12:00:00", "America/Martinique"))
    assert event["start"] == {"dateTime": "2026-11-23T14:00:00+01:00", "timeZone": "America/Martinique"}
    _, listed = stage.ask("GET", EVENTS, timeZone="UTC")
    assert listed["items"][0]["end"]["dateTime"] == "2026-11-23T16:00:00Z"
    assert (listed["timeZone"], stage.ask("GET", EVENTS)[1]["timeZone"]) == ("UTC", PARIS)
    stage.google.owner(ANNE).set_zone("America/Martinique")
    assert stage.google.content(ANNE)[0]["start"]["dateTime"] == "2026-11-23T09:00:00-04:00"


NINE, TEN = "2026-11-23T09:00:00", "2026-11-23T10:00:00"
OVERRIDE = {"method": "popup", "minutes": 10}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"start": {"date": "2026-11-23"}}, "required"),
        ({**DAY, "start": {}}, "required"),
        ({**DAY, "end": {"date": "2026-11-23"}}, "timeRangeEmpty"),
        ({**DAY, "end": {"date": "2026-02-30"}}, "invalid"),
        (timed("2026-02-30T09:00:00", "2026-11-23T12:00:00"), "invalid"),
        (timed(TEN, NINE), "timeRangeEmpty"),
        (timed(NINE, TEN, None), "required"),
        (timed(NINE, TEN, "Europe/Lutetia"), "invalid"),
        ({**timed(NINE, TEN), "end": {"date": "2026-11-24"}}, "invalid"),
        ({**DAY, "start": {"date": "2026-11-23", "dateTime": NINE + "Z"}}, "invalid"),
        ({**DAY, "status": "busy"}, "invalid"),
        ({**DAY, "status": "cancelled"}, "invalid"),
        ({**DAY, "visibility": "hidden"}, "invalid"),
        ({**DAY, "transparency": "clear"}, "invalid"),
        ({**DAY, "eventType": "holiday"}, "invalid"),
        ({**DAY, "colorId": "12"}, "invalid"),
        ({**DAY, "colour": "red"}, "invalid"),
        ({**DAY, "summary": 7}, "invalid"),
        ({**DAY, "summary": None}, "invalid"),
        ({**DAY, "id": "fg0123", "iCalUID": "x@y.example"}, "invalid"),
        ({**DAY, "source": {"title": "x", "url": "ftp://x"}}, "invalid"),
        ({**DAY, "attendees": [{"displayName": "Zoé"}]}, "required"),
        ({**DAY, "recurrence": ["RRULE:FREQ=HOURLY"]}, "invalid"),
        ({**DAY, "reminders": {"useDefault": False, "overrides": [OVERRIDE] * 6}}, "invalid"),
        ({**DAY, "reminders": {"useDefault": False, "overrides": [{"method": "sms"}]}}, "invalid"),
        (
            {**DAY, "reminders": {"useDefault": True, "overrides": [OVERRIDE]}},
            "cannotUseDefaultRemindersAndSpecifyOverride",
        ),
        ({**DAY, "extendedProperties": {"private": {"figgoOps": 1}}}, "invalid"),
        ({**DAY, "extendedProperties": {"private": {f"k{n}": "v" for n in range(301)}}}, "invalid"),
        ({**DAY, "eventType": "outOfOffice"}, "malformedOutOfOfficeEvent"),
        ({**DAY, "eventType": "outOfOffice", "outOfOfficeProperties": {}}, "malformedOutOfOfficeEvent"),
        (
            {**DAY, "eventType": "workingLocation", "workingLocationProperties": {"type": "homeOffice"}},
            "malformedWorkingLocationEvent",
        ),
        ("{", "parseError"),
        ("[]", "invalid"),
        (None, "invalid"),
    ],
)
def test_a_body_that_breaks_a_rule_is_refused_and_nothing_is_written(
    stage: Stage, body: Any, expected: str
) -> None:
    assert reason(stage.ask("POST", EVENTS, body)) == (400, expected)
    assert stage.google.content(ANNE, deleted=True) == []


def test_an_update_cannot_change_id_uid_or_type(stage: Stage) -> None:
    stage.insert({**DAY, "id": "fg0123"})
    for change in ({"id": "fg9999"}, {"iCalUID": "x@y.example"}):
        assert reason(stage.ask("PUT", f"{EVENTS}/fg0123", {**DAY, **change})) == (400, "invalid")
    body = {**timed(NINE, TEN), "eventType": "outOfOffice", "outOfOfficeProperties": {}}
    assert reason(stage.ask("PUT", f"{EVENTS}/fg0123", body)) == (400, "eventTypeRestriction")
    assert stage.insert(body)["eventType"] == "outOfOffice"


def test_an_event_somebody_else_organises_is_not_ours_to_change(stage: Stage) -> None:
    event = stage.google.owner(ANNE).add("Comité", "2026-11-23", "2026-11-24", organizer=ZOE)
    body = {**DAY, "summary": "Absent"}
    answer = stage.ask("PUT", f"{EVENTS}/{event['id']}", body)
    assert reason(answer) == (403, "forbiddenForNonOrganizer")


# Listing


def test_a_list_shows_live_events_in_its_envelope_and_tombstones_when_asked(stage: Stage) -> None:
    stage.insert({**DAY, "id": "fg0001"})
    stage.insert({**DAY, "id": "fg0002"})
    stage.ask("DELETE", f"{EVENTS}/fg0002")
    _, answer = stage.ask("GET", EVENTS)
    assert (answer["kind"], answer["summary"], answer["accessRole"]) == ("calendar#events", ANNE, "owner")
    assert [e["id"] for e in answer["items"]] == ["fg0001"]
    assert sorted(stage.ids(showDeleted="true")) == ["fg0001", "fg0002"]


def test_filters_match_exactly_fail_open_or_contradict_the_reference(stage: Stage) -> None:
    stage.insert({**marked("a"), "id": "fg0001"})
    stage.insert({**marked("b"), "id": "fg0002"})
    stage.insert({**DAY, "id": "fg0003"})
    name = "privateExtendedProperty"
    assert sorted(stage.ids(privateExtendedProperty="figgoOps=1")) == ["fg0001", "fg0002"]
    assert stage.ids(privateExtendedProperty="figgoOps=") == []
    both = {name: ["figgoOps=1", "figgoOpsKey=a"]}
    assert stage.ids(**both) == ["fg0001"]
    stage.google.switch("repeated_filters", "or")
    assert sorted(stage.ids(**both)) == ["fg0001", "fg0002"]
    stage.google.switch("filter", "ignored")
    assert len(stage.ids(privateExtendedProperty="figgoOps=1")) == 3
    stage.google.switch("filter", "exact")
    assert reason(stage.ask("GET", EVENTS, privateExtendedProperty="figgoOps")) == (400, "invalid")


def test_the_bounds_of_a_window_are_exclusive_and_days_begin_in_the_calendars_zone(stage: Stage) -> None:
    stage.insert({**DAY, "id": "fg0001"})
    inside = {"timeMin": "2026-11-23T22:59:59Z", "timeMax": "2026-11-22T23:00:01Z"}
    outside = {"timeMin": "2026-11-23T23:00:00Z", "timeMax": "2026-11-22T23:00:00Z"}
    for name in ("timeMin", "timeMax"):
        assert stage.ids(**{name: inside[name]}) == ["fg0001"]
        assert stage.ids(**{name: outside[name]}) == []


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"timeMin": "2026-11-23"}, "invalidParameter"),
        ({"timeMin": "2026-11-23T00:00:00"}, "invalidParameter"),
        ({"timeMin": NINE + "Z", "timeMax": NINE + "Z"}, "timeRangeEmpty"),
        ({"maxResults": "0"}, "invalidParameter"),
        ({"maxResults": "many"}, "invalidParameter"),
        ({"showDeleted": "yes"}, "invalidParameter"),
        ({"orderBy": "size"}, "invalidParameter"),
        ({"orderBy": "startTime"}, "invalid"),
        ({"eventTypes": "holiday"}, "invalidParameter"),
        ({"colour": "red"}, "invalidParameter"),
        ({"q": ["a", "b"]}, "invalidParameter"),
        ({"pageToken": "guessed"}, "invalid"),
        ({"timeZone": "Europe/Lutetia"}, "invalid"),
        ({"syncToken": "s1", "q": "a"}, "invalid"),
        ({"fields": "items(id,colour)"}, "invalidParameter"),
        ({"fields": "items(id"}, "invalidParameter"),
        ({"quotaUser": "x" * 41}, "invalidParameter"),
    ],
)
def test_a_query_that_google_would_refuse_is_refused(
    stage: Stage, query: dict[str, Any], expected: str
) -> None:
    assert reason(stage.ask("GET", EVENTS, **query)) == (400, expected)


def pages(stage: Stage, **query: Any) -> list[list[str]]:
    found: list[list[str]] = []
    token: dict[str, str] = {}
    while True:
        status, answer = stage.ask("GET", EVENTS, **query, **token)
        assert status == 200, answer
        found.append([event["id"] for event in answer["items"]])
        if "nextPageToken" not in answer:
            return found
        token = {"pageToken": answer["nextPageToken"]}


def test_pages_are_cut_at_the_size_asked_for_or_shorter_and_may_be_empty(stage: Stage) -> None:
    owner = stage.google.owner(ANNE)
    everything = sorted(
        owner.add("Absent", "2026-11-23", "2026-11-24", id=f"fg{n:04}")["id"] for n in range(7)
    )
    assert [len(page) for page in pages(stage, maxResults="3")] == [3, 3, 1]
    stage.google.switch("short_pages", 2)
    assert [len(page) for page in pages(stage, maxResults="3")] == [2, 2, 2, 1]
    stage.google.switch("empty_pages", value=True)
    found = pages(stage, maxResults="3")
    assert [] in found
    assert sorted(event_id for page in found for event_id in page) == everything


def test_a_page_holds_2500_events_at_most(stage: Stage) -> None:
    owner = stage.google.owner(ANNE)
    for number in range(2501):
        owner.add("Absent", "2026-11-23", "2026-11-24", id=f"fg{number:05}")
    query = {"maxResults": "9999", "fields": "items(id),nextPageToken"}
    assert [len(page) for page in pages(stage, **query)] == [2500, 1]
    assert len(pages(stage, fields="items/id,nextPageToken")) == 11


def test_a_page_token_belongs_to_its_query_and_can_be_used_again(stage: Stage) -> None:
    for number in range(3):
        stage.insert({**DAY, "id": f"fg000{number}"})
    token = stage.ask("GET", EVENTS, maxResults="2")[1]["nextPageToken"]
    assert reason(stage.ask("GET", EVENTS, pageToken=token, showDeleted="true")) == (400, "invalid")
    assert reason(stage.ask("GET", EVENTS, pageToken=token, who=ZOE)) == (400, "invalid")
    first, second = (stage.ids(pageToken=token, maxResults="2") for _ in range(2))
    assert (first, len(first)) == (second, 1)


def test_one_list_comes_back_empty_and_the_next_is_right(stage: Stage) -> None:
    stage.insert(DAY)
    stage.google.switch("empty_list", ANNE)
    assert stage.ids(who=ZOE) == []
    assert stage.ids() == []
    assert len(stage.ids()) == 1


def test_a_partial_answer_holds_what_was_asked_for(stage: Stage) -> None:
    stage.insert({**marked("k"), "id": "fg0001"})
    fields = "items(id,start,extendedProperties/private/figgoOpsKey),timeZone"
    assert stage.ask("GET", EVENTS, fields=fields)[1] == {
        "timeZone": PARIS,
        "items": [
            {
                "id": "fg0001",
                "start": {"date": "2026-11-23"},
                "extendedProperties": {"private": {"figgoOpsKey": "k"}},
            }
        ],
    }
    assert stage.ask("GET", f"{EVENTS}/fg0001", fields="id")[1] == {"id": "fg0001"}


def test_text_type_uid_and_order_select_as_documented(stage: Stage) -> None:
    stage.insert({**DAY, "id": "fg0001", "description": "au Havre"})
    stage.insert({**timed(NINE, TEN), "id": "fg0002", "summary": "Réunion"})
    assert stage.ids(q="havre congés") == ["fg0001"]
    assert stage.ids(iCalUID="fg0002@google.com") == ["fg0002"]
    assert stage.ids(eventTypes=["outOfOffice", "workingLocation"]) == []
    assert stage.ids(orderBy="startTime", singleEvents="true") == ["fg0001", "fg0002"]
    assert stage.ids(orderBy="updated") == ["fg0001", "fg0002"]


def test_a_sync_token_gives_the_changes_since_and_an_unknown_one_asks_for_a_full_list(stage: Stage) -> None:
    stage.insert({**DAY, "id": "fg0001"})
    stage.insert({**DAY, "id": "fg0002"})
    token = stage.ask("GET", EVENTS)[1]["nextSyncToken"]
    stage.ask("DELETE", f"{EVENTS}/fg0001")
    assert stage.ids(syncToken=token) == ["fg0001"]
    assert reason(stage.ask("GET", EVENTS, syncToken="old")) == (410, "fullSyncRequired")


def test_a_recurring_event_is_one_master_or_its_instances(stage: Stage) -> None:
    stage.insert({**timed(NINE, TEN), "id": "fg0001"})
    stage.google.owner(ANNE).repeat("fg0001", "RRULE:FREQ=WEEKLY;COUNT=3")
    assert stage.ids() == ["fg0001"]
    late = {"timeMin": "2026-12-01T00:00:00Z"}
    assert stage.ids(**late) == ["fg0001"]
    _, answer = stage.ask("GET", EVENTS, singleEvents="true", **late)
    assert [e["recurringEventId"] for e in answer["items"]] == ["fg0001"]
    assert answer["items"][0]["start"]["dateTime"] == "2026-12-07T09:00:00+01:00"


# Pace


def test_the_quota_is_per_quota_user_and_slides_with_the_minute(stage: Stage) -> None:
    stage.google.switch("per_user_quota", 3)
    assert [stage.ask("GET", EVENTS, quotaUser="a")[0] for _ in range(4)] == [200, 200, 200, 403]
    assert reason(stage.ask("GET", EVENTS, quotaUser="a")) == (403, "userRateLimitExceeded")
    assert stage.ask("GET", EVENTS, quotaUser="b")[0] == 200
    stage.clock.ahead = 61
    assert stage.ask("GET", EVENTS, quotaUser="a")[0] == 200


def test_without_quota_user_all_subjects_share_one_quota(stage: Stage) -> None:
    stage.google.switch("per_user_quota", 2)
    assert [stage.ask("GET", EVENTS, who=who)[0] for who in (ANNE, ZOE, ZOE)] == [200, 200, 403]


def test_a_patch_costs_three_units_of_the_projects_quota(stage: Stage) -> None:
    stage.insert({**DAY, "id": "fg0001"})
    stage.google.switch("per_project_quota", 4)
    assert stage.ask("PATCH", f"{EVENTS}/fg0001", {"summary": "RTT"}, quotaUser="a")[0] == 200
    assert reason(stage.ask("GET", EVENTS, quotaUser="b")) == (403, "rateLimitExceeded")


@pytest.mark.parametrize(("style", "expected"), [("seconds", "60"), ("date", "GMT"), ("none", None)])
def test_a_429_says_how_long_to_wait_in_seconds_as_a_date_or_not_at_all(
    stage: Stage, style: str, expected: str | None
) -> None:
    stage.google.switch("quota_status", 429)
    stage.google.switch("retry_after", style)
    stage.google.switch("per_user_quota", 1)
    stage.ids()
    assert reason(stage.ask("GET", EVENTS)) == (429, "rateLimitExceeded")
    told = stage.headers.get("retry-after")
    assert told is None if expected is None else expected in told


# People, faults and the check itself


def test_guests_are_told_only_when_a_write_says_so(stage: Stage) -> None:
    stage.insert({**DAY, "id": "fg0001"})
    stage.google.owner(ANNE).invite("fg0001", [ZOE])
    _, event = stage.ask("GET", f"{EVENTS}/fg0001")
    stage.ask("PUT", f"{EVENTS}/fg0001", event, sendUpdates="none")
    stage.ask("PUT", f"{EVENTS}/fg0001", event)
    assert stage.google.notifications == []
    stage.ask("PATCH", f"{EVENTS}/fg0001", {"summary": "RTT"}, sendUpdates="all")
    stage.ask("DELETE", f"{EVENTS}/fg0001", sendNotifications="true")
    told = [(n.method, n.recipients) for n in stage.google.notifications]
    assert told == [("calendar.events.patch", (ZOE,)), ("calendar.events.delete", (ZOE,))]


def test_owners_act_on_their_calendar_without_a_call(stage: Stage) -> None:
    stage.insert({**marked("k"), "id": "fg0001"})
    owner = stage.google.owner(ANNE)
    for verb, arguments in (
        ("move", {"start": "2026-11-25T14:00", "end": "2026-11-25T18:00"}),
        ("rename", {"summary": "Ski !"}),
        ("annotate", {"description": "Chez Éloïse"}),
        ("colour", {"color_id": "5"}),
        ("set_visibility", {"visibility": "private"}),
    ):
        act(owner, verb, {"event_id": "fg0001", **arguments})
    event = stage.google.content(ANNE)[0]
    assert event["start"] == {"dateTime": "2026-11-25T14:00:00+01:00", "timeZone": PARIS}
    assert (event["summary"], event["description"], event["colorId"]) == ("Ski !", "Chez Éloïse", "5")
    twin = owner.copy("fg0001", "2026-12-01", "2026-12-02")
    assert twin["extendedProperties"] == event["extendedProperties"]
    assert twin["iCalUID"] != event["iCalUID"]
    assert twin["start"] == {"date": "2026-12-01"}
    owner.delete("fg0001")
    assert [e["id"] for e in stage.google.content(ANNE)] == [twin["id"]]
    assert owner.restore("fg0001")["status"] == "confirmed"
    assert "add" in ACTS


@pytest.mark.parametrize(
    ("verb", "arguments"),
    [("dance", {}), ("rename", {"event_id": "fg9999", "summary": "x"}), ("rename", {"colour": "red"})],
)
def test_an_act_that_cannot_be_is_refused_with_the_reason(
    stage: Stage, verb: str, arguments: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match=verb):
        act(stage.google.owner(ANNE), verb, arguments)


def test_content_cannot_be_changed_from_outside(stage: Stage) -> None:
    stage.insert(marked("k"))
    before = json.dumps(stage.google.content(ANNE))
    stage.google.content(ANNE)[0]["extendedProperties"]["private"].clear()
    assert json.dumps(stage.google.content(ANNE)) == before


def test_the_official_client_walks_the_whole_life_of_an_event(stage: Stage) -> None:
    events, session = stage.client()
    body = {**marked("k"), "id": "fg0001", "reminders": {"useDefault": False}, "visibility": "private"}
    made = events.insert(calendarId="primary", body=body, sendUpdates="none").execute(http=session)
    listed = events.list(calendarId="primary", privateExtendedProperty="figgoOps=1").execute(http=session)
    assert listed["items"] == [made]
    request = events.update(calendarId="primary", eventId="fg0001", body={**made, "status": "tentative"})
    request.headers["If-Match"] = made["etag"]
    assert request.execute(http=session)["status"] == "tentative"
    assert events.delete(calendarId="primary", eventId="fg0001").execute(http=session) == ""
    with pytest.raises(HttpError, match="410"):
        events.delete(calendarId="primary", eventId="fg0001").execute(http=session)


@pytest.mark.parametrize(("more", "count", "status"), [({"id": "fg0001"}, 1, 409), ({}, 2, 200)])
def test_a_lost_answer_is_sent_twice_by_the_transport_and_only_an_id_of_ours_keeps_it_single(
    stage: Stage, more: dict[str, str], count: int, status: int
) -> None:
    stage.ids()
    stage.faults.add(Fault("google", "drop-after", method="POST", path="*/events", principal=ANNE))
    assert stage.ask("POST", EVENTS, {**DAY, **more})[0] == status
    assert len(stage.google.content(ANNE)) == count


def test_many_threads_get_their_own_answers_and_the_log_knows_whose_token_was_used(stage: Stage) -> None:
    """Each thread has its own connection, as the official client demands."""
    tokens = {who: stage.assertion(sub=who)[1]["access_token"] for who in (ANNE, ZOE)}
    stage.log.clear()

    def work(who: str) -> set[str]:
        http = httplib2.Http(ca_certs=stage.http.ca_certs, timeout=20)
        headers = {"Authorization": f"Bearer {tokens[who]}"}
        with closing(http):
            answers = [http.request(stage.url + EVENTS, headers=headers)[1] for _ in range(20)]
        return {json.loads(answer)["summary"] for answer in answers}

    people = [ANNE, ZOE] * 4
    with ThreadPoolExecutor(len(people)) as pool:
        assert list(pool.map(work, people)) == [{who} for who in people]
    counts = Counter(entry.principal for entry in stage.log.entries())
    assert counts == {ANNE: 80, ZOE: 80}
    assert len({entry.number for entry in stage.log.entries()}) == 160


def test_a_status_fault_speaks_as_google_does(stage: Stage) -> None:
    stage.ids()
    stage.faults.add(Fault("google", "status", value=503))
    assert reason(stage.ask("GET", EVENTS)) == (503, "backendError")
    stage.faults.add(Fault("google", "status", value={"status": 403, "reason": "forbidden"}))
    assert reason(stage.ask("GET", EVENTS)) == (403, "forbidden")
    stage.faults.add(Fault("google", "status", value={"status": 500, "error": "internal_failure"}))
    assert stage.assertion() == (500, {"error": "internal_failure", "error_description": ""})


def test_an_answer_that_the_discovery_document_does_not_allow_fails_the_test(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.insert({**DAY, "id": "fg0001"})
    stage.google.mailbox(ANNE).events["fg0001"].resource["colour"] = "red"
    assert stage.ask("GET", EVENTS)[0] == 500
    stage.http.close()
    with pytest.raises(StandInBrokenError, match="colour"):
        stage.server.stop()


def test_without_the_check_answers_are_the_same(stage: Stage) -> None:
    event = stage.insert({**DAY, "id": "fg0001"})
    stage.google.check = False
    assert stage.ask("GET", f"{EVENTS}/fg0001") == (200, event)


def test_the_discovery_check_knows_every_schema_and_a_wrong_kind() -> None:
    discovery = calendar()
    found = discovery.find("GET", EVENTS)
    assert found is not None
    method = found[0]
    wrong = discovery.check_answer(method, {"kind": "calendar#event", "items": [{"start": {"date": 7}}]})
    assert any("kind" in problem for problem in wrong)
    assert any("items[0].start.date" in problem for problem in wrong)
    assert discovery.check_answer(method, {"kind": "calendar#events"}) == []
    assert discovery.check_answer(method, {}) != []
    assert discovery.check_answer(method, {}, partial=True) == []
