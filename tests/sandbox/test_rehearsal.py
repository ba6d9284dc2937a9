"""The rehearsal company as a whole: its home, its control server, its foreground process."""

from __future__ import annotations

import http.client
import json
import signal
import ssl
import stat
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from figgo_ops.sandbox import Rehearsal
from figgo_ops.sandbox.control import ControlService, people_verbs
from figgo_ops.sandbox.narrator import Case


@pytest.fixture
def rehearsal(tmp_path: Path) -> Iterator[Rehearsal]:
    with Rehearsal(tmp_path / "home") as made:
        yield made


def order(url: str, ca_file: str | Path, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    context = ssl.create_default_context(cafile=str(ca_file))
    port = urlsplit(url).port
    with closing(http.client.HTTPSConnection("localhost", port, context=context, timeout=20)) as connection:
        connection.request(method, path, body=None if body is None else json.dumps(body))
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())


class Control:
    """The control server of a running company."""

    def __init__(self, rehearsal: Rehearsal) -> None:
        self.rehearsal = rehearsal

    def __call__(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        return order(self.rehearsal.control_url, self.rehearsal.ca_file, method, f"/__control{path}", body)

    def done(self, method: str, path: str, body: Any = None) -> Any:
        status, answer = self(method, path, body)
        assert status == 200, answer
        return answer

    def refused(self, method: str, path: str, body: Any = None) -> str:
        status, answer = self(method, path, body)
        assert status == 400, answer
        return str(answer["error"])


@pytest.fixture
def control(rehearsal: Rehearsal) -> Control:
    return Control(rehearsal)


def hero(rehearsal: Rehearsal, name: str) -> Case:
    return rehearsal.cases[name]


def tenant_in(home: Path) -> dict[str, Any]:
    return tomllib.loads((home / "tenants" / "corail.toml").read_text(encoding="utf-8"))


def certificates(tenant: dict[str, Any]) -> set[str]:
    return {one["ca_file"] for one in (tenant["figgo"], *tenant["calendar"])}


def test_the_home_holds_an_ordinary_draft_tenant(rehearsal: Rehearsal) -> None:
    tenant = tenant_in(rehearsal.home)
    google, exchange = tenant["calendar"]
    assert (tenant["name"], tenant["state"]) == ("corail", "draft")
    assert tenant["figgo"]["url"] == rehearsal.urls["figgo"]
    assert google["api_root"] == rehearsal.urls["google"]
    assert google["token_url"] == f"{rehearsal.urls['google']}/token"
    assert exchange["url"] == f"{rehearsal.urls['exchange']}/EWS/Exchange.asmx"
    assert exchange["user"] == "CORAIL\\svc-figgo"
    assert (google["legal_entities"], exchange["legal_entities"]) == ([1, 3], [2])
    assert certificates(tenant) == {str(rehearsal.ca_file)}
    assert tenant["start"] < rehearsal.company.today - timedelta(days=150)
    assert [zone["timezone"] for zone in tenant["zone"]] == ["Europe/Zurich", "America/Martinique"]


def test_every_reference_of_the_tenant_file_is_a_private_file(rehearsal: Rehearsal) -> None:
    tenant = tenant_in(rehearsal.home)
    google, exchange = tenant["calendar"]
    references = (tenant["figgo"]["api_key"], google["service_account"], exchange["password"])
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
    for name in ("figgo", "google", "exchange"):
        expected = expected.replace(first.urls[name], second.urls[name])
    assert after == expected
    assert keys == {path.name: path.read_bytes() for path in secrets.iterdir()}


def test_a_home_that_was_moved_finds_its_authority_again(tmp_path: Path) -> None:
    Rehearsal(tmp_path / "old").stop()
    (tmp_path / "old").rename(tmp_path / "new")
    with Rehearsal(tmp_path / "new") as moved:
        tenant = tenant_in(moved.home)
    assert certificates(tenant) == {str(tmp_path / "new" / "ca.pem")}


def test_a_home_from_before_there_was_exchange_keeps_everybody_at_google(tmp_path: Path) -> None:
    """An earlier rehearsal wrote one calendar for all: what its tenant file says goes on being true."""
    Rehearsal(tmp_path).stop()
    file = tmp_path / "tenants" / "corail.toml"
    text = file.read_text(encoding="utf-8").replace("legal_entities = [1, 3]", "legal_entities = [1, 2, 3]")
    before, _, rest = text.partition('[[calendar]]\nname = "exchange"')
    file.write_text(before + rest[rest.index("[events]") :], encoding="utf-8")
    with Rehearsal(tmp_path) as again:
        assert [one["api_root"] for one in tenant_in(tmp_path)["calendar"]] == [again.urls["google"]]
        assert again.exchange.mails() == []
        assert "urs.kaser@corail-suisse.example" in again.google.mails()


def test_a_tenant_file_that_cannot_be_read_stops_the_start_and_leaves_nothing_running(tmp_path: Path) -> None:
    Rehearsal(tmp_path).stop()
    (tmp_path / "tenants" / "corail.toml").write_text("name = ", encoding="utf-8")
    with pytest.raises(ValueError, match=r"corail\.toml"):
        Rehearsal(tmp_path)
    assert not [one for one in threading.enumerate() if one.name.startswith("stand-in")]


def test_everybody_with_a_mail_has_a_mailbox_in_the_zone_of_the_legal_entity(rehearsal: Rehearsal) -> None:
    company, google, exchange = rehearsal.company, rehearsal.google, rehearsal.exchange
    zones = {1: {"Europe/Paris"}, 2: {"Europe/Zurich"}, 3: {"America/Martinique"}}
    found: dict[int, set[str]] = {1: set(), 2: set(), 3: set()}
    missing = set()
    for person in company.people.values():
        try:
            box = rehearsal.keeper(person).mailbox(person.mail or "")
            found[person.legal_entity_id].add(box.zone)
        except KeyError:
            missing.add(person.id)
    assert missing == {hero(rehearsal, "no-mail").person, hero(rehearsal, "mailbox-unknown").person}
    assert found == zones
    present = {one.mail for one in company.people.values() if one.legal_entity_id == 2}
    assert set(exchange.mails()) <= present | {"philippe.garnier@corail-suisse.example"}
    assert not set(exchange.mails()) & set(google.mails())
    assert google.mailbox("melanie.petit@corail.example").mail == "melanie.sauve@corail.example"
    alias = "ph.garnier@corail-suisse.example"
    assert exchange.mailbox(alias).mail == "philippe.garnier@corail-suisse.example"


@pytest.mark.parametrize(("entity", "domain"), [(2, "corail-suisse.example"), (3, "corail-antilles.example")])
def test_hiring_and_a_new_mail_reach_the_mailboxes(rehearsal: Rehearsal, entity: int, domain: str) -> None:
    person = rehearsal.hire("Lou", "Pérez", entity, f"lou.perez@{domain}")
    keeper, other = rehearsal.keeper(person), rehearsal.google if entity == 2 else rehearsal.exchange
    assert person.manager_id == 60 + entity
    rehearsal.change_mail(person.id, f"lou.diaz@{domain}")
    assert keeper.mailbox(f"lou.perez@{domain}").mail == person.mail
    rehearsal.change_mail(person.id, f"lou@{domain}", move_mailbox=False)
    assert f"lou@{domain}" not in keeper.mails()
    again = rehearsal.hire("Lou", "Diaz", entity, f"lou.diaz@{domain}")
    assert again.id != person.id
    assert not [mail for mail in other.mails() if mail.startswith("lou.")]


def test_a_transfer_to_another_provider_gives_a_second_mailbox_and_leaves_the_first(
    rehearsal: Rehearsal,
) -> None:
    person = rehearsal.hire("Lou", "Pérez", 1, "lou.perez@corail.example")
    rehearsal.google.owner("lou.perez@corail.example").add("Dentiste", "2027-01-11", "2027-01-12")
    rehearsal.transfer(person.id, 3)
    assert rehearsal.keepers("lou.perez@corail.example") == [rehearsal.google]
    rehearsal.transfer(person.id, 2)
    assert rehearsal.keepers("lou.perez@corail.example") == [rehearsal.exchange, rehearsal.google]
    assert rehearsal.exchange.mailbox("lou.perez@corail.example").zone == "Europe/Zurich"
    rehearsal.exchange.owner("lou.perez@corail.example").add("Ski", "2027-01-12", "2027-01-13")
    both = rehearsal.calendars()["lou.perez@corail.example"]
    assert [one.get("summary") or one["subject"] for one in both] == ["Dentiste", "Ski"]
    rehearsal.change_mail(person.id, "lou@corail-suisse.example")
    assert rehearsal.keepers("lou@corail-suisse.example") == [rehearsal.exchange]
    assert rehearsal.google.mailbox("lou.perez@corail.example").mail == "lou.perez@corail.example"
    rehearsal.transfer(person.id, 1)
    assert rehearsal.keepers("lou@corail-suisse.example") == [rehearsal.google, rehearsal.exchange]


def test_a_transfer_gives_no_mailbox_to_somebody_who_had_none(rehearsal: Rehearsal) -> None:
    for name in ("no-mail", "mailbox-unknown"):
        mail = rehearsal.transfer(hero(rehearsal, name).person, 1).mail
        assert rehearsal.keepers(mail or "") == []


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


@pytest.mark.parametrize(
    ("mail", "title"),
    [("urs.kaser@corail-suisse.example", "subject"), ("francoise.berenger@corail.example", "summary")],
)
def test_owners_act_in_their_calendars_and_the_truth_can_be_read(
    control: Control, mail: str, title: str
) -> None:
    added = {"mail": mail, "verb": "add", title: "Dentiste", "start": "2027-01-11", "end": "2027-01-12"}
    event = control.done("POST", "/calendar", added)["event"]
    control.done("POST", "/calendar", {"mail": mail, "verb": "rename", "event_id": event["id"], title: "Ski"})
    truth = control.done("GET", "/calendars")["calendars"]
    assert [one[title] for one in truth[mail]] == ["Ski"]
    assert sum(map(len, truth.values())) == 1


def test_of_two_mailboxes_the_present_one_is_meant_unless_the_other_is_named(
    control: Control, rehearsal: Rehearsal
) -> None:
    mail, person = "lou@corail.example", rehearsal.hire("Lou", "Pérez", 1, "lou@corail.example")
    rehearsal.transfer(person.id, 2)
    days = {"mail": mail, "verb": "add", "start": "2027-01-11", "end": "2027-01-12"}
    control.done("POST", "/calendar", {**days, "subject": "Ski"})
    control.done("POST", "/calendar", {**days, "summary": "Dentiste", "service": "google"})
    assert [len(one.content(mail)) for one in (rehearsal.exchange, rehearsal.google)] == [1, 1]
    refused = control.refused("POST", "/calendar", {**days, "subject": "Ski", "service": "figgo"})
    assert refused == "service is one of exchange, google"


def test_mailboxes_of_both_providers_can_be_taken_out_of_reach(
    control: Control, rehearsal: Rehearsal
) -> None:
    control.done("POST", "/mailbox", {"mail": "urs.kaser@corail-suisse.example", "state": "moving"})
    control.done("POST", "/mailbox", {"mail": "francoise.berenger@corail.example", "state": "suspended"})
    assert rehearsal.exchange.mailbox("urs.kaser@corail-suisse.example").state == "moving"
    assert rehearsal.google.mailbox("francoise.berenger@corail.example").state == "suspended"
    order = {"mail": "urs.kaser@corail-suisse.example", "state": "suspended"}
    assert "unknown state 'suspended'" in control.refused("POST", "/mailbox", order)
    assert "fields mail, state" in control.refused("POST", "/mailbox", {"mail": order["mail"]})


def test_switches_faults_and_the_log_are_within_reach(control: Control, rehearsal: Rehearsal) -> None:
    control.done("POST", "/switch", {"service": "figgo", "name": "half_day_key", "value": "isAm"})
    assert rehearsal.figgo.switches["half_day_key"] == "isAm"
    control.done("POST", "/switch", {"service": "exchange", "name": "lock_after", "value": 900})
    assert rehearsal.exchange.switches["lock_after"] == 900
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
            assert connection.getresponse().status in (401, 404)


def test_in_the_foreground_it_prints_one_line_and_stops_when_told(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "figgo_ops.sandbox", "--home", str(tmp_path), "--people", "3"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        status, told = order(ready["control"], ready["ca_file"], "GET", "/__control/people")
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=20)
    assert set(ready) >= {"home", "ca_file", "tenants", "services", "control"}
    assert (status, len(told["people"]), ready["tenants"]) == (200, 3, ["corail"])
    assert (process.returncode, out, err) == (0, "", "")
