"""The set-ups as a whole, and the tenant that has none of them."""

import re
from collections import Counter
from pathlib import Path

import pytest

from figgo_ops.desk.diagnostics import Ask
from tests.broken.judge import PEOPLE, SKIPPED_WHEN_HEALTHY, diagnosis, log_ons
from tests.broken.microsoft365 import SECRET
from tests.broken.scene import EVERYWHERE, Scene, Trouble, dated, door, renamed, secret, switch
from tests.broken.setups import SETUPS
from tests.rehearsal import Corail


def test_no_two_causes_look_the_same() -> None:
    """Who has the check and its code knows the cause; set-ups that look alike from here are declared."""
    declared = {name: setup.like or name for name, setup in SETUPS.items()}
    assert all(SETUPS[cause].like == "" for cause in declared.values())
    causes: dict[tuple[str, str], set[str]] = {}
    for name, setup in SETUPS.items():
        causes.setdefault((setup.check, setup.code), set()).add(declared[name])
    assert {key: names for key, names in causes.items() if len(names) > 1 and not waits(names)} == {}
    for name, setup in SETUPS.items():
        twin = SETUPS[declared[name]]
        assert (setup.code, setup.who) == (twin.code, twin.who)


def waits(names: set[str]) -> bool:
    """Whether these are the same cause, young and old: pending first, failed after its time."""
    return sorted(SETUPS[name].status for name in names) == ["failed", "pending"]


def test_there_are_many_and_over_every_provider() -> None:
    """Forty are wanted, over three providers; what looks like another one does not count."""
    own = [setup for setup in SETUPS.values() if not setup.like]
    assert len(own) >= 45
    by_service = Counter(re.split(r"[: ]", setup.check)[0] for setup in own)
    assert min(by_service[one] for one in ("Figgo", "google", "exchange", "microsoft")) >= 10


@pytest.mark.parametrize("people", [None, PEOPLE], ids=["the story", "twelve people"])
def test_a_healthy_tenant_has_nothing_to_say_and_is_asked_little(tmp_path: Path, people: int | None) -> None:
    with Corail(tmp_path, people=people) as corail:
        corail.activate()
        scene = Scene(corail)
        found = diagnosis(scene, Ask())
        assert [check for check in found.checks if not check.clean] == []
        assert {check.name for check in found.checks if check.status == "skipped"} == SKIPPED_WHEN_HEALTHY
        assert found.exit == 0
        assert log_ons(scene, refused=True) == Counter()
        assert log_ons(scene) == Counter({"google": 1, "microsoft365": 1})
        asked = Counter(entry.service for entry in corail.stage.log.entries())
        print(asked)
        assert sum(asked.values()) <= 24, asked
        assert corail.writes() == []


def test_a_first_look_at_a_draft_sees_every_mailbox(tmp_path: Path) -> None:
    with Corail(tmp_path, people=PEOPLE) as corail:
        found = diagnosis(Scene(corail), Ask())
        assert [check for check in found.checks if not check.clean] == []
        assert len(found.mailboxes) == PEOPLE


MENDED: dict[str, tuple[Trouble, Trouble]] = {
    "port closed": (door("closed", "figgo"), door("open", "figgo")),
    "secret expired": (switch("microsoft365", "secret", "expired"), secret(SECRET, "Neuf-2026")),
    "impersonation missing": (
        switch("exchange", "impersonation", "nobody"),
        switch("exchange", "impersonation", "scoped"),
    ),
    "clock wrong": (dated(3600, *EVERYWHERE), dated(0, *EVERYWHERE)),
}


@pytest.mark.parametrize("name", MENDED)
def test_what_was_mended_is_healthy_again(scene: Scene, name: str) -> None:
    """Nothing of a trouble stays behind once its cause is gone: a new secret is tried, rights are seen."""
    breaks, mends = MENDED[name]
    breaks(scene)
    assert [check for check in diagnosis(scene, Ask()).checks if not check.clean]
    mends(scene)
    desk = scene.corail.stage.microsoft365
    if name == "secret expired":
        desk.switch("secret", "ok")
        desk.tokens.secret = "Neuf-2026"
    found = diagnosis(scene, Ask())
    assert [check for check in found.checks if not check.clean] == []


def test_an_alias_that_works_is_no_trouble_and_is_named(scene: Scene) -> None:
    """Exchange tells whose alias it is; what is written arrives all the same."""
    renamed("exchange")(scene)
    found = diagnosis(scene, Ask(str(scene.hero("exchange").id)))
    said = next(check for check in found.checks if check.name == "exchange: calendar")
    assert said.status == "ok"
    assert f"alias of mariee.{scene.mail('exchange')}" in said.cause
