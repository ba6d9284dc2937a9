"""What is wrong with a customer's set-up, and the hands that make it so in the rehearsal company."""

import os
import socket
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

from figgo_ops.checks import CUSTOMER, Status
from figgo_ops.desk.diagnostics import Ask
from figgo_ops.sandbox.people import Person
from tests.rehearsal import Corail

ENTITIES = {"google": 1, "exchange": 2, "microsoft365": 3}
NOWHERE = "corail.ilucca.net"
"""The host of a true customer's Figgo. Nobody reaches it here: all that is asked is a proxy on loopback."""


@dataclass(slots=True)
class Scene:
    """A company in which something is wrong until the stack is unwound."""

    corail: Corail
    stack: ExitStack = field(default_factory=ExitStack)

    def hero(self, kind: str) -> Person:
        """The first person whose mailbox a calendar of this kind keeps: whose mailbox is tried."""
        people = self.corail.stage.company.people.values()
        return next(one for one in people if one.legal_entity_id == ENTITIES[kind])

    def mail(self, kind: str) -> str:
        """That person's mail."""
        return self.corail.mail(self.hero(kind).id)

    def service(self, kind: str) -> Any:
        """A stand-in."""
        return getattr(self.corail.stage, kind)


Trouble = Callable[[Scene], object]


@dataclass(frozen=True, slots=True)
class Setup:
    """Something that is wrong, and what a diagnosis must say of it.

    Attributes:
        check: the only check that is not as it should be.
        words: some of its cause, in lower case.
        who: must act.
        kind: whose person's mailbox is looked at, by `--employee`; "" when nobody is named.
        matrix: every mailbox is looked at.
        like: the set-up that looks the same from here, so that it has the same cause.
        skips: calendars that are left out, because nobody of theirs is known then.
        also: further checks that must say the same, because it concerns them as well.
        before: what was done and healthy before it broke.
        remembered: the credential was refused, so it is not tried a second time.
    """

    breaks: Trouble
    check: str
    code: str
    words: str
    who: str = CUSTOMER
    status: Status = "failed"
    kind: str = ""
    matrix: bool = False
    like: str = ""
    skips: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    before: Trouble | None = None
    remembered: bool = False

    def ask(self, scene: Scene) -> Ask:
        """What to diagnose."""
        employee = str(scene.hero(self.kind).id) if self.kind else ""
        return Ask(employee, mailboxes=self.matrix)


def both(*troubles: Trouble) -> Trouble:
    """One after the other."""

    def arrange(scene: Scene) -> None:
        for trouble in troubles:
            trouble(scene)

    return arrange


def switch(service: str, name: str, value: object) -> Trouble:
    """A rule of a stand-in is changed."""
    return lambda scene: scene.service(service).switch(name, value)


def written(old: str, new: str) -> Trouble:
    """The tenant file says something else; {service} in either is the address of a stand-in."""

    def arrange(scene: Scene) -> None:
        urls = scene.corail.stage.urls
        scene.corail.rewrite(old.format_map(urls), new.format_map(urls))

    return arrange


def secret(name: str, text: str) -> Trouble:
    """A secret's file holds something else."""
    return lambda scene: scene.corail.home.store(f"file:{name}", text)


def state(kind: str, what: str) -> Trouble:
    """The hero's mailbox is in another state."""
    return lambda scene: scene.service(kind).set_state(scene.mail(kind), what)


def renamed(kind: str) -> Trouble:
    """The hero's mailbox has a new address since the wedding; what Figgo says has become an alias."""

    def arrange(scene: Scene) -> None:
        keeper, mail = scene.service(kind), scene.mail(kind)
        rename = keeper.rename_user if kind == "google" else keeper.rename_mailbox
        rename(mail, f"mariee.{mail}", keep_alias=True)

    return arrange


def mistyped(kind: str) -> Trouble:
    """Figgo has an address that is nobody's."""

    def arrange(scene: Scene) -> None:
        person = scene.hero(kind)
        scene.corail.stage.change_mail(person.id, f"faute.{person.mail}", move_mailbox=False)

    return arrange


def fault(service: str, kind: str, **more: Any) -> Trouble:
    """Every such request of a service goes wrong."""
    return lambda scene: scene.corail.fault(service, kind, **{"times": None, **more})


def certificate(service: str, value: str) -> Trouble:
    """A service shows a bad certificate."""
    return fault(service, "certificate", value=value)


def door(how: str, *services: str) -> Trouble:
    """Services receive nobody any more."""

    def arrange(scene: Scene) -> None:
        for service in services:
            scene.corail.stage.server(service).door(how)

    return arrange


def dated(seconds: float, *services: str) -> Trouble:
    """The answers of services say another time than our clock."""

    def arrange(scene: Scene) -> None:
        for service in services:
            scene.corail.stage.server(service).dated = lambda: scene.corail.clock.now().timestamp() + seconds

    return arrange


def slept(seconds: float) -> Trouble:
    """So much time has passed."""
    return lambda scene: scene.corail.clock.sleep(seconds)


def names(error: int) -> Trouble:
    """DNS answers this for the host that is nowhere."""
    true = socket.getaddrinfo

    def asked(host: Any, *more: Any, **named: Any) -> Any:
        if host in (NOWHERE, NOWHERE.encode()):
            raise socket.gaierror(error, "no address")
        return true(host, *more, **named)

    return lambda scene: scene.stack.enter_context(mock.patch.object(socket, "getaddrinfo", asked))


def surroundings(scene: Scene, **values: str) -> None:
    """Variables of the environment, until the company is left."""
    scene.stack.enter_context(mock.patch.dict(os.environ, values))


FIGGO_URL = 'url = "{figgo}"'
ELSEWHERE = f'url = "https://{NOWHERE}"'
EXCHANGE = 'kind = "exchange"'
EVERYWHERE = ("figgo", "google", "exchange", "microsoft365")
