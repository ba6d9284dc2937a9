"""The rehearsal company as a whole: its home, its control server, its foreground process."""

from __future__ import annotations

import http.client
import json
import re
import signal
import ssl
import stat
import subprocess
import sys
import threading
import tomllib
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from figgo_ops.sandbox import Rehearsal
from figgo_ops.sandbox.control import ControlService, people_verbs
from figgo_ops.sandbox.narrator import Case
from tests.sandbox.controlled import Control, order


def hero(rehearsal: Rehearsal, name: str) -> Case:
    return rehearsal.cases[name]


def tenant_in(home: Path) -> dict[str, Any]:
    return tomllib.loads((home / "tenants" / "corail.toml").read_text(encoding="utf-8"))


def certificates(tenant: dict[str, Any]) -> set[str]:
    return {one["ca_file"] for one in (tenant["figgo"], *tenant["calendar"])}


def test_the_home_holds_an_ordinary_draft_tenant(rehearsal: Rehearsal) -> None:
    tenant = tenant_in(rehearsal.home)
    google, exchange, microsoft365 = tenant["calendar"]
    assert (tenant["name"], tenant["state"]) == ("corail", "draft")
    assert tenant["figgo"]["url"] == rehearsal.urls["figgo"]
    assert google["api_root"] == rehearsal.urls["google"]
    assert google["token_url"] == f"{rehearsal.urls['google']}/token"
    assert exchange["url"] == f"{rehearsal.urls['exchange']}/EWS/Exchange.asmx"
    assert exchange["user"] == "CORAIL\\svc-figgo"
    assert {microsoft365["api_root"], microsoft365["authority"]} == {rehearsal.urls["microsoft365"]}
    assert [one["legal_entities"] for one in tenant["calendar"]] == [[1], [2], [3]]
    assert certificates(tenant) == {str(rehearsal.ca_file)}
    assert tenant["start"] < rehearsal.company.today - timedelta(days=150)
    assert [zone["timezone"] for zone in tenant["zone"]] == ["Europe/Zurich", "America/Martinique"]


def test_every_reference_of_the_tenant_file_is_a_private_file(rehearsal: Rehearsal) -> None:
    tenant = tenant_in(rehearsal.home)
    google, exchange, microsoft365 = tenant["calendar"]
    references = (
        tenant["figgo"]["api_key"],
        google["service_account"],
        exchange["password"],
        microsoft365["certificate"],
    )
    for reference in references:
        path = rehearsal.home / "secrets" / reference.removeprefix("file:")
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for folder in (rehearsal.home, rehearsal.home / "secrets", rehearsal.home / "tenants"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_second_start_keeps_the_tenant_file_but_for_the_addresses(tmp_path: Path) -> None:
    file, secrets = tmp_path / "tenants" / "corail.toml", tmp_path / "secrets"
    with Rehearsal(tmp_path) as first:
        before = file.read_text(encoding="utf-8")
        keys = {path.name: path.read_bytes() for path in secrets.iterdir()}
        file.write_text(before.replace('state = "draft"', 'state = "active"  # by hand'), encoding="utf-8")
        with Rehearsal(tmp_path) as second:
            after = file.read_text(encoding="utf-8")
            assert tomllib.loads(after)["figgo"]["url"] == second.urls["figgo"] != first.urls["figgo"]
    expected = before.replace('state = "draft"', 'state = "active"  # by hand')
    for name in ("figgo", "google", "exchange", "microsoft365"):
        expected = expected.replace(first.urls[name], second.urls[name])
    assert after == expected
    assert keys == {path.name: path.read_bytes() for path in secrets.iterdir()}


def test_a_home_that_was_moved_finds_its_authority_again(tmp_path: Path) -> None:
    Rehearsal(tmp_path / "old").stop()
    (tmp_path / "old").rename(tmp_path / "new")
    with Rehearsal(tmp_path / "new") as moved:
        tenant = tenant_in(moved.home)
    assert certificates(tenant) == {str(tmp_path / "new" / "ca.pem")}


@pytest.mark.parametrize(
    ("rules", "missing", "kept_by"),
    [
        ({"[1]": "[1, 2, 3]"}, ["exchange", "microsoft 365"], "google google google"),
        ({"[1]": "[1, 3]"}, ["microsoft 365"], "google exchange google"),
        ({"[2]": "[3, 2]", "[3]": "[]\nretired = true"}, [], "google exchange exchange"),
        ({"[2]": "[2]\nretired = true", "[3]": "[]"}, [], "google microsoft365 microsoft365"),
        ({"[1]": '[]\ndomains = ["corail.example"]', "[3]": "[]"}, [], "google exchange microsoft365"),
    ],
)
def test_what_a_home_says_of_calendars_goes_on_being_true(
    tmp_path: Path, rules: dict[str, str], missing: list[str], kept_by: str
) -> None:
    """Homes of earlier days know fewer providers, and a move gives legal entities to another one."""
    Rehearsal(tmp_path).stop()
    file = tmp_path / "tenants" / "corail.toml"
    text = file.read_text(encoding="utf-8")
    for name in missing:
        text = re.sub(rf'(?s)\[\[calendar\]\]\nname = "{name}"\n.*?(?=\n\[)', "", text)
    for old, new in rules.items():
        text = text.replace(f"legal_entities = {old}", f"legal_entities = {new}", 1)
    file.write_text(text, encoding="utf-8")
    with Rehearsal(tmp_path) as again:
        used = [one.get("api_root") or one["url"] for one in tenant_in(tmp_path)["calendar"]]
        assert all(url.startswith(tuple(again.urls.values())) for url in used)
        people = {one.legal_entity_id: one for one in again.company.people.values() if one.mail}
        keepers = {number: again.keeper(one) for number, one in people.items()}
        assert [keepers[number].name for number in (1, 2, 3)] == kept_by.split()
        assert all((people[number].mail or "") in one.mails() for number, one in keepers.items())


def test_a_tenant_file_that_cannot_be_read_stops_the_start_and_leaves_nothing_running(tmp_path: Path) -> None:
    Rehearsal(tmp_path).stop()
    (tmp_path / "tenants" / "corail.toml").write_text("name = ", encoding="utf-8")
    with pytest.raises(ValueError, match=r"corail\.toml"):
        Rehearsal(tmp_path)
    assert not [one for one in threading.enumerate() if one.name.startswith("stand-in")]


def test_a_company_of_another_day_is_the_same_every_time(tmp_path: Path) -> None:
    def rows(folder: str) -> list[tuple[object, ...]]:
        with Rehearsal(tmp_path / folder, today=date(2025, 3, 31)) as made:
            return [(one.period.id, one.day, one.half, one.created_at) for one in made.company.all_leaves()]

    assert rows("one") == rows("two")


def test_each_verb_of_people_works_over_the_wire(control: Control, rehearsal: Rehearsal) -> None:
    monday = rehearsal.company.periods[hero(rehearsal, "half-day-am").period].first[0] + timedelta(weeks=60)
    said = {"first_name": "Zoë", "last_name": "Ünal", "legal_entity_id": 1, "mail": "zoe@corail.example"}
    person = control.done("POST", "/people", {"verb": "hire", **said})["person"]
    asked = {"verb": "request_leave", "owner_id": person, "first": str(monday), "last": str(monday)}
    made = control.done(
        "POST", "/people", asked | {"account": [["RTT", 1], ["Congés payés", 1]], "approvers": [61]}
    )
    request = {"request_id": made["request"]}
    walk: list[tuple[str, dict[str, Any], int]] = [
        ("approve", {}, 2),
        ("ask_cancellation", {"comment": "Projet décalé"}, 5),
        ("settle_cancellation", {"accepted": False}, 2),
    ]
    for verb, more, status in walk:
        assert control.done("POST", "/people", {"verb": verb, **request, **more})["status"] == status
    half = {"verb": "remove_half_days", "period_id": made["period"], "half_days": [[str(monday), "PM"]]}
    assert control.done("POST", "/people", half) == {"period": made["period"]}
    assert len(rehearsal.company.periods[made["period"]].active()) == 1
    sick = {"verb": "enter_by_hr", "owner_id": person, "first": str(monday), "from_half": "PM", "hours": 1.5}
    assert set(control.done("POST", "/people", sick)) == {"period"}
    for verb, more in (("transfer", {"legal_entity_id": 2}), ("end_contract", {"on": str(monday)})):
        assert (
            control.done("POST", "/people", {"verb": verb, "person_id": person, **more})["person"] == person
        )
    gone = {"verb": "change_mail", "person_id": person, "mail": None}
    assert control.done("POST", "/people", gone)["mail"] is None
    for verb, more, status in (("deny", {"comment": "Non"}, 3), ("cancel", {}, 4)):
        new = control.done("POST", "/people", asked | {"first": str(monday + timedelta(1)), "last": None})
        order_ = {"verb": verb, "request_id": new["request"], **more}
        assert control.done("POST", "/people", order_)["status"] == status


def test_an_order_that_makes_no_sense_is_refused_with_the_reason(control: Control) -> None:
    cases = [
        ("POST", "/people", {"verb": "fire"}, "verb is one of hire"),
        ("POST", "/people", {"verb": "approve"}, "request_id"),
        ("POST", "/people", {"verb": "approve", "request": 1}, "unknown field 'request'"),
        ("POST", "/people", {"verb": "approve", "request_id": "1"}, "no value for request_id"),
        ("POST", "/people", {"verb": "approve", "request_id": True}, "no value for request_id"),
        ("POST", "/people", {"verb": "approve", "request_id": 1}, "no leave request 1"),
        ("POST", "/people", {"verb": "request_leave", "owner_id": 61, "first": "soon"}, "no value for first"),
        ("POST", "/people", ["hire"], "JSON object"),
        ("POST", "/switch", {"service": "figgo", "name": "colour", "value": 1}, "no switch 'colour'"),
        ("POST", "/switch", {"service": "fax", "name": "colour", "value": 1}, "service is one of"),
        ("POST", "/switch", {"service": "figgo"}, "fields service, name, value"),
        ("POST", "/faults", {"service": "figgo", "kind": "flood"}, "flood"),
        ("POST", "/calendar", {"mail": "nobody@corail.example", "verb": "add"}, "no mailbox"),
        ("POST", "/calendar", {"mail": "urs.kaser@corail-suisse.example", "verb": "burn"}, "'burn'"),
        ("POST", "/migrate", {"mail": "nobody@corail.example"}, "no mailbox"),
        ("POST", "/migrate", {"mail": "francoise.berenger@corail.example"}, "at Exchange or Microsoft 365"),
        ("POST", "/migrate", {"mail": "urs.kaser@corail-suisse.example", "how": "badly"}, "'badly'"),
        ("POST", "/migrate", {"mail": "urs.kaser@corail-suisse.example", "online": 1}, "no value for online"),
        ("POST", "/migrate", {"to": "cloud"}, "fields mail, online, how"),
        ("GET", "/calendars?mail=x", None, "nothing but the path"),
    ]
    for method, path, body, words in cases:
        assert words in control.refused(method, path, body)
    assert control("GET", "/weather")[0] == 404
    assert control("PUT", "/people")[0] == 404


def test_text_that_is_no_json_is_refused(rehearsal: Rehearsal) -> None:
    context = ssl.create_default_context(cafile=str(rehearsal.ca_file))
    port = urlsplit(rehearsal.control_url).port
    with closing(http.client.HTTPSConnection("localhost", port, context=context, timeout=20)) as connection:
        connection.request("POST", "/__control/people", body="verb=hire")
        assert connection.getresponse().status == 400


def test_switches_faults_and_the_log_are_within_reach(control: Control, rehearsal: Rehearsal) -> None:
    control.done("POST", "/switch", {"service": "figgo", "name": "half_day_key", "value": "isAm"})
    assert rehearsal.figgo.switches["half_day_key"] == "isAm"
    control.done("POST", "/switch", {"service": "exchange", "name": "lock_after", "value": 900})
    assert rehearsal.exchange.switches["lock_after"] == 900
    control.done("POST", "/switch", {"service": "microsoft365", "name": "agents", "value": "listed"})
    assert rehearsal.microsoft365.switches["agents"] == "listed"
    control.done("POST", "/faults", {"service": "figgo", "kind": "status", "value": 418, "times": None})
    ask = (rehearsal.urls["figgo"], rehearsal.ca_file, "GET", "/api/v3/users")
    assert order(*ask)[0] == 418
    control.done("DELETE", "/faults")
    assert order(*ask)[0] == 401
    statuses = [entry["status"] for entry in control.done("GET", "/log?service=figgo")["entries"]]
    assert statuses == [418, 401]
    control.done("DELETE", "/log")
    assert control.done("GET", "/log?service=figgo")["entries"] == []
    assert control.done("POST", "/settle") == {"settled": 0}


def test_the_cases_and_people_can_be_looked_up(control: Control, rehearsal: Rehearsal) -> None:
    told = control.done("GET", "/people")
    assert told["cases"]["half-day-am"]["people"] == [hero(rehearsal, "half-day-am").person]
    assert len(told["people"]) == len(rehearsal.company.people)


def test_the_control_server_shares_no_path_with_a_vendor(rehearsal: Rehearsal) -> None:
    assert set(people_verbs(rehearsal)) >= {"hire", "approve", "remove_half_days"}
    assert isinstance(ControlService(rehearsal).name, str)
    for url in rehearsal.urls.values():
        context = ssl.create_default_context(cafile=str(rehearsal.ca_file))
        with closing(
            http.client.HTTPSConnection("localhost", urlsplit(url).port, context=context)
        ) as connection:
            connection.request("GET", "/__control/people")
            assert connection.getresponse().status in (400, 401, 404)


def test_in_the_foreground_it_prints_one_line_and_stops_when_told(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "figgo_ops.sandbox", "--home", str(tmp_path), "--people", "3"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        status, told = order(ready["control"], ready["ca_file"], "GET", "/__control/people")
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=20)
    assert set(ready) >= {"home", "ca_file", "tenants", "services", "control"}
    assert set(ready["services"]) == {"figgo", "google", "exchange", "microsoft365"}
    assert (status, len(told["people"]), ready["tenants"]) == (200, 3, ["corail"])
    assert (process.returncode, out, err) == (0, "", "")
