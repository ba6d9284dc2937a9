"""Exchange's own services and Microsoft Graph over one store: an event of ours is the same through both."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from figgo_ops.calendars import exchange
from figgo_ops.calendars.exchange import ExchangeCalendar
from figgo_ops.errors import MailboxAbsent, MailboxElsewhere
from figgo_ops.events import Event, Fingerprint, Key
from figgo_ops.leaves import Span
from figgo_ops.plan import Change, Existing
from figgo_ops.sandbox.exchange import ExchangeService
from figgo_ops.sandbox.web import Server
from figgo_ops.secrets import Secret
from tests.builders import person
from tests.calendars.contract import (
    ANNE,
    DAY,
    MONDAY,
    SHAPES,
    ZOE,
    all_day,
    creation,
    half_day,
    listed,
    removal,
    update,
    write,
    written,
)
from tests.calendars.known import Known
from tests.calendars.replanned import as_wanted, changes
from tests.calendars.stage_microsoft365 import CLIENT_ID, Microsoft365Stage

USER, PASSWORD = "CORAIL\\svc-figgo", "correct horse battery staple"


class Door:
    """One way into the mailboxes, as the contract's helpers want it."""

    anne, zoe = ANNE, ZOE

    def __init__(self, calendar: Any) -> None:
        self.calendar = calendar

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} is what a stage can and a door cannot")


class Both:
    """A company whose mailboxes both services reach: a server of its own, and Microsoft 365."""

    def __init__(self, folder: Path) -> None:
        self.cloud = Microsoft365Stage(folder, mails=())
        self.organization = self.cloud.organization
        clock = self.cloud.clock
        self.exchange = ExchangeService(
            USER, PASSWORD, (), clock=lambda: clock.now().timestamp(), organization=self.organization
        )
        context = self.cloud.authority.server_context()
        self.server = Server(self.exchange, context, self.cloud.faults, self.cloud.log)
        self.server.start()
        for mail in (ANNE, ZOE):
            self.exchange.add_mailbox(mail)
        keys = {"user": USER, "password": "env:EXCHANGE", "auth": "basic"}
        self._ews = self._connected(PASSWORD, keys)
        self.ews, self.graph = Door(self._ews), Door(self.cloud.calendar)

    def _connected(self, secret: str, keys: dict[str, Any]) -> ExchangeCalendar:
        settings = exchange.Settings(url=self.server.url, ca_file=self.cloud.ca_file, **keys)
        given = Secret("env:EXCHANGE", secret)
        return exchange.open_calendar("head office", settings, lambda _: given, self.cloud.clock, Known())

    def bridge(self) -> None:
        """Everybody moves to the cloud, where Exchange's services still answer for a while."""
        for mail in (ANNE, ZOE):
            self.organization.migrate(mail)
        self.exchange.switch("online", True)
        desk = self.exchange.gate.tokens
        desk.client_id = CLIENT_ID
        self._ews.close()
        keys = {
            "online": True,
            "tenant_id": "corail.example",
            "client_id": CLIENT_ID,
            "client_secret": "env:EXCHANGE",
            "token_url": f"{self.server.url}/token",
        }
        self._ews = self._connected(PASSWORD, keys)
        self.ews.calendar = self._ews

    def close(self) -> None:
        self._ews.close()
        self.server.stop()
        self.cloud.close()


@pytest.fixture
def both(tmp_path: Path) -> Iterator[Both]:
    made = Both(tmp_path)
    yield made
    made.close()


@pytest.fixture
def bridged(both: Both) -> Both:
    both.bridge()
    return both


def seen(one: Existing) -> tuple[Any, ...]:
    """What both services must tell alike; ids and versions are each one's own."""
    return one.uid, one.key_text, one.print_text, one.event, one.event.zone, one.taken_over


WAYS: dict[str, Callable[[Both], tuple[Any, Any]]] = {
    "Exchange writes, Graph reads": lambda both: (both.ews, both.graph),
    "Graph writes, Exchange reads": lambda both: (both.graph, both.ews),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("shape", SHAPES)
def test_an_event_is_listed_equal_updated_and_removed_by_the_other_service(
    bridged: Both, shape: str, way: str
) -> None:
    writer, other = WAYS[way](bridged)
    event = writer.calendar.project(SHAPES[shape])
    [made] = written(writer, ANNE, event)
    [found] = listed(other, ANNE)
    assert seen(found) == seen(made)
    assert found.event == event
    key = Key.parse(made.key_text)
    assert key is not None
    who = person(7, ANNE)
    assert changes(other.calendar, who, [as_wanted(key, event)]) == []
    later = replace(half_day(MONDAY + DAY, 14, 18, "Europe/Paris"), title="Récupération", private=True)
    [outcome] = write(other, update(other, found, later))
    assert outcome.status == "done"
    [again] = listed(writer, ANNE)
    assert again.event == later
    assert changes(writer.calendar, who, [as_wanted(key, later)]) == []
    if not (way.startswith("Graph") and event.all_day):  # Exchange writes days that become hours anew
        assert again.uid == made.uid
    assert [one.status for one in write(writer, removal(again))] == ["done"]
    assert listed(other, ANNE) == []
    assert bridged.exchange.content(ANNE) == []


@pytest.mark.parametrize("shape", SHAPES)
def test_what_was_written_on_premises_is_known_in_the_cloud_after_a_migration(both: Both, shape: str) -> None:
    event = both.ews.calendar.project(SHAPES[shape])
    [made] = written(both.ews, ANNE, event)
    both.organization.migrate(ANNE)
    [found] = listed(both.graph, ANNE)
    assert seen(found) == seen(made)
    assert found.id != made.id
    [outcome] = write(both.graph, update(both.graph, found, all_day(title="RTT")))
    assert (outcome.status, outcome.id) == ("done", found.id)
    both.organization.migrate(ANNE, online=False)
    [back] = listed(both.ews, ANNE)
    assert (back.uid, back.event.title) == (made.uid, "RTT")
    assert [one.status for one in write(both.ews, removal(back))] == ["done"]


def test_each_service_says_that_a_mailbox_is_not_in_its_reach(both: Both) -> None:
    both.organization.migrate(ANNE)
    for door, reached, other in ((both.graph, ANNE, ZOE), (both.ews, ZOE, ANNE)):
        found = {one.mailbox.address: one.error for one in door.calendar.read([ANNE, ZOE])}
        assert found[reached] is None
        assert isinstance(found[other], MailboxElsewhere | MailboxAbsent)


def unmarked(both: Both, door: Any) -> Existing:
    """An event of its owner's that was adopted and freed again; as its other service lists it."""
    both.exchange.owner(ANNE).add("Absent", MONDAY, MONDAY + DAY)
    [before] = alike(door)
    event = door.calendar.project(all_day())
    adopting = Change(
        "update",
        "adopted",
        Key("corail.ilucca.net", 7, 1, "20261123A"),
        7,
        1,
        before.mailbox,
        event,
        Fingerprint.of(event),
        before,
    )
    assert write(door, adopting)[0].status == "done"
    [ours] = listed(door, ANNE)
    freed = replace(adopting, reason="undone", existing=ours, fingerprint=None, old_marker=("", ""))
    assert write(door, freed)[0].status == "done"
    return before


def alike(door: Any) -> list[Existing]:
    [found] = door.calendar.look_alikes([ANNE], Span(MONDAY, MONDAY), frozenset({"Absent"}))
    assert found.error is None
    return list(found.events)


@pytest.mark.parametrize("way", WAYS)
def test_an_event_that_one_service_freed_is_not_ours_for_the_other(bridged: Both, way: str) -> None:
    """Graph can only empty a marker, Exchange takes it away."""
    writer, other = WAYS[way](bridged)
    before = unmarked(bridged, writer)
    for door in (writer, other):
        assert listed(door, ANNE) == []
        assert [(one.uid, one.key_text, one.print_text) for one in alike(door)] == [(before.uid, "", "")]
    written(other, ANNE, all_day(MONDAY + DAY))
    assert len(listed(writer, ANNE)) == 1


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("act", ["update", "remove"])
def test_what_one_service_changed_meanwhile_the_other_does_not_overwrite(
    bridged: Both, way: str, act: str
) -> None:
    writer, other = WAYS[way](bridged)
    written(writer, ANNE, all_day())
    [stale] = listed(other, ANNE)
    [fresh] = listed(writer, ANNE)
    assert write(writer, update(writer, fresh, all_day(days=3)))[0].status == "done"
    late = update(other, stale, all_day(title="RTT")) if act == "update" else removal(stale)
    assert write(other, late)[0].status == "failed"
    assert [one.event for one in listed(writer, ANNE)] == [all_day(days=3)]


@pytest.mark.parametrize("way", WAYS)
def test_what_its_owner_added_goes_along_whichever_service_replaces_it(bridged: Both, way: str) -> None:
    writer, other = WAYS[way](bridged)
    written(writer, ANNE, all_day())
    [own] = bridged.exchange.content(ANNE)
    owner = bridged.exchange.owner(ANNE)
    owner.annotate(own["id"], "Clés chez la gardienne")
    owner.categorise(own["id"], ["Famille", "Été"])
    bridged.exchange.mailbox(ANNE).find(own["id"]).location = "Saint-Malo"
    [found] = listed(other, ANNE)
    done = write(other, creation(other, ANNE, all_day(MONDAY + DAY), 9, carries=found), removal(found))
    assert [one.status for one in done] == ["done", "done"]
    [item] = bridged.exchange.content(ANNE)
    assert "Clés chez la gardienne" in item["body"]
    assert (item["categories"], item["location"]) == (["Famille", "Été"], "Saint-Malo")


@pytest.mark.parametrize("way", WAYS)
def test_a_meeting_is_its_owners_through_both(bridged: Both, way: str) -> None:
    writer, other = WAYS[way](bridged)
    written(writer, ANNE, all_day())
    [own] = bridged.exchange.content(ANNE)
    bridged.exchange.owner(ANNE).invite(own["id"], [ZOE])
    assert [one.taken_over for door in (writer, other) for one in listed(door, ANNE)] == [True, True]


def test_hundreds_of_events_of_both_are_listed_alike(bridged: Both) -> None:
    events: list[Event] = [all_day(date(2027, 1, 4) + n * DAY, title="Été 🌞") for n in range(60)]
    written(bridged.ews, ANNE, *events[:30])
    many = [creation(bridged.graph, ANNE, event, 100 + n) for n, event in enumerate(events[30:])]
    assert {one.status for one in write(bridged.graph, *many)} == {"done"}
    through = [sorted(map(seen, listed(door, ANNE)), key=str) for door in (bridged.ews, bridged.graph)]
    assert through[0] == through[1]
    assert len(through[0]) == 60
