"""The mailboxes of the rehearsal company: who keeps whose, and what becomes of them when people move."""

from __future__ import annotations

import pytest

from figgo_ops.sandbox import Rehearsal
from figgo_ops.sandbox.exchange_store import PropertyPath
from tests.sandbox.controlled import Control


def test_everybody_with_a_mail_has_a_mailbox_in_the_zone_of_the_legal_entity(rehearsal: Rehearsal) -> None:
    company, google, exchange = rehearsal.company, rehearsal.google, rehearsal.exchange
    microsoft365 = rehearsal.microsoft365
    zones = {1: {"Europe/Paris"}, 2: {"Europe/Zurich"}, 3: {"America/Martinique"}}
    found: dict[int, set[str]] = {1: set(), 2: set(), 3: set()}
    missing = set()
    for person in company.people.values():
        try:
            box = rehearsal.keeper(person).mailbox(person.mail or "")
            found[person.legal_entity_id].add(box.zone)
        except KeyError:
            missing.add(person.id)
    assert missing == {rehearsal.cases["no-mail"].person, rehearsal.cases["mailbox-unknown"].person}
    assert found == zones
    present = {one.mail for one in company.people.values() if one.legal_entity_id == 2}
    assert set(exchange.mails()) <= present | {"philippe.garnier@corail-suisse.example"}
    assert all(mail.endswith("@corail-antilles.example") for mail in microsoft365.mails())
    served = [*google.mails(), *exchange.mails(), *microsoft365.mails()]
    assert len(served) == len(set(served))
    assert google.mailbox("melanie.petit@corail.example").mail == "melanie.sauve@corail.example"
    alias = "ph.garnier@corail-suisse.example"
    assert exchange.mailbox(alias).mail == "philippe.garnier@corail-suisse.example"


@pytest.mark.parametrize(("entity", "domain"), [(2, "corail-suisse.example"), (3, "corail-antilles.example")])
def test_hiring_and_a_new_mail_reach_the_mailboxes(rehearsal: Rehearsal, entity: int, domain: str) -> None:
    person = rehearsal.hire("Lou", "Pérez", entity, f"lou.perez@{domain}")
    keeper = rehearsal.keeper(person)
    assert keeper.name == {2: "exchange", 3: "microsoft365"}[entity]
    assert person.manager_id == 60 + entity
    rehearsal.change_mail(person.id, f"lou.diaz@{domain}")
    assert keeper.mailbox(f"lou.perez@{domain}").mail == person.mail
    rehearsal.change_mail(person.id, f"lou@{domain}", move_mailbox=False)
    assert f"lou@{domain}" not in keeper.mails()
    again = rehearsal.hire("Lou", "Diaz", entity, f"lou.diaz@{domain}")
    assert again.id != person.id
    others = [
        one for one in (rehearsal.google, rehearsal.exchange, rehearsal.microsoft365) if one is not keeper
    ]
    assert not [mail for other in others for mail in other.mails() if mail.startswith("lou.")]


def test_a_transfer_to_another_provider_gives_a_second_mailbox_and_leaves_the_first(
    rehearsal: Rehearsal,
) -> None:
    person = rehearsal.hire("Lou", "Pérez", 1, "lou.perez@corail.example")
    rehearsal.google.owner("lou.perez@corail.example").add("Dentiste", "2027-01-11", "2027-01-12")
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


def test_a_transfer_between_exchange_and_microsoft_365_migrates_the_mailbox_along(
    rehearsal: Rehearsal,
) -> None:
    """One address is one mailbox there, whichever of the two serves it."""
    mail, entry = "lou@corail-suisse.example", ("Ski", "2027-01-12", "2027-01-13")
    person = rehearsal.hire("Lou", "Pérez", 2, mail)
    added = rehearsal.exchange.owner(mail).add(*entry)
    rehearsal.transfer(person.id, 3)
    assert rehearsal.keepers(mail) == [rehearsal.microsoft365]
    (event,) = rehearsal.microsoft365.content(mail)
    assert (event["subject"], event["uid"]) == ("Ski", added["uid"])
    assert event["id"] != added["id"], "another server gives other ids"
    rehearsal.transfer(person.id, 1)
    assert rehearsal.keepers(mail) == [rehearsal.google, rehearsal.microsoft365]
    rehearsal.transfer(person.id, 2)
    assert rehearsal.keepers(mail) == [rehearsal.exchange, rehearsal.google]
    assert [one["subject"] for one in rehearsal.calendars()[mail]] == ["Ski"]


@pytest.mark.parametrize(
    ("how", "kept"),
    [("whole", ["ours", "theirs"]), ("stripped", ["", ""]), ("twice", ["ours", "ours", "theirs", "theirs"]),
     ("empty", [])],
)  # fmt: skip
def test_a_mailbox_is_migrated_whole_stripped_of_its_markers_twice_or_empty(
    control: Control, rehearsal: Rehearsal, how: str, kept: list[str]
) -> None:
    mail, name = "urs.kaser@corail-suisse.example", PropertyPath("String", "guid", name="Mark")
    owner, mailbox = rehearsal.exchange.owner(mail), rehearsal.exchange.mailbox(mail)
    for mark in ("ours", "theirs"):
        mailbox.find(owner.add("Ski", "2027-01-12", "2027-01-13")["id"]).properties[name] = mark
    before = {one["uid"] for one in rehearsal.exchange.content(mail)}
    order = {"mail": mail} if how == "whole" else {"mail": mail, "how": how}
    assert control.done("POST", "/migrate", order) == {"mail": mail, "online": True}
    (person,) = (one for one in rehearsal.company.people.values() if one.mail == mail)
    assert rehearsal.keepers(mail) == [rehearsal.keeper(person)] == [rehearsal.microsoft365]
    arrived = rehearsal.microsoft365.content(mail)
    assert sorted(one["properties"].get("Mark", "") for one in arrived) == kept
    assert {one["uid"] for one in arrived} == (before if kept else set())
    assert len({one["id"] for one in arrived}) == len(kept)
    back = {"mail": mail, "online": False}
    assert control.done("POST", "/migrate", back) == back
    assert rehearsal.keepers(mail) == [rehearsal.exchange]


def test_a_transfer_gives_no_mailbox_to_somebody_who_had_none(rehearsal: Rehearsal) -> None:
    for name in ("no-mail", "mailbox-unknown"):
        mail = rehearsal.transfer(rehearsal.cases[name].person, 1).mail
        assert rehearsal.keepers(mail or "") == []


def test_a_mailbox_that_both_doors_serve_is_shown_once(rehearsal: Rehearsal) -> None:
    """Exchange Online still answers Exchange's own services for customers on Microsoft's list."""
    mail = "urs.kaser@corail-suisse.example"
    rehearsal.exchange.owner(mail).add("Ski", "2027-01-12", "2027-01-13")
    rehearsal.migrate(mail)
    rehearsal.exchange.switch("online", True)
    assert rehearsal.keepers(mail) == [rehearsal.microsoft365, rehearsal.exchange]
    assert [one["subject"] for one in rehearsal.calendars()[mail]] == ["Ski"]


@pytest.mark.parametrize(
    ("mail", "title"),
    [
        ("urs.kaser@corail-suisse.example", "subject"),
        ("celestine.belizaire@corail-antilles.example", "subject"),
        ("francoise.berenger@corail.example", "summary"),
    ],
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


def test_mailboxes_of_every_provider_can_be_taken_out_of_reach(
    control: Control, rehearsal: Rehearsal
) -> None:
    control.done("POST", "/mailbox", {"mail": "urs.kaser@corail-suisse.example", "state": "moving"})
    control.done("POST", "/mailbox", {"mail": "francoise.berenger@corail.example", "state": "suspended"})
    control.done(
        "POST", "/mailbox", {"mail": "celestine.belizaire@corail-antilles.example", "state": "guest"}
    )
    assert rehearsal.exchange.mailbox("urs.kaser@corail-suisse.example").state == "moving"
    assert rehearsal.microsoft365.mailbox("celestine.belizaire@corail-antilles.example").state == "guest"
    assert rehearsal.google.mailbox("francoise.berenger@corail.example").state == "suspended"
    order = {"mail": "urs.kaser@corail-suisse.example", "state": "suspended"}
    assert "unknown state 'suspended'" in control.refused("POST", "/mailbox", order)
    assert "fields mail, state" in control.refused("POST", "/mailbox", {"mail": order["mail"]})
