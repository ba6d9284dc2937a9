"""When Figgo or a mailbox could not be read: nobody can tell, and somebody can change that."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.explaining import HOLIDAY, a_shell, answered, asked, first_day, go_on, leave_id, shown
from tests.rehearsal import Corail
from tests.shell import Shell
from tests.taking import somebody_at


@pytest.fixture
def shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Shell]:
    """The company, active from the start, its calendars still empty."""
    with a_shell(tmp_path, monkeypatch, capsys.readouterr) as made:
        yield made


@pytest.fixture
def corail(shell: Shell) -> Corail:
    return shell.corail


@pytest.fixture
def hero(corail: Corail, request: pytest.FixtureRequest) -> int:
    """Somebody with one day off, Wednesday 2 December 2026; at Google unless said."""
    return somebody_at(corail, getattr(request, "param", "google"))


def suspended(corail: Corail, hero: int) -> None:
    corail.stage.google.set_state(corail.mail(hero), "suspended")


def undelegated(corail: Corail, _hero: int) -> None:
    corail.stage.google.tokens.granted.clear()


def unknown_to_google(corail: Corail, _hero: int) -> None:
    said = {"status": 400, "error": "invalid_grant", "error_description": "Invalid JWT Signature."}
    corail.fault("google", "status", path="/token", times=None, value=said)


def self_signed(corail: Corail, _hero: int) -> None:
    corail.fault("google", "certificate", times=None, value="self-signed")


def out_of_order(corail: Corail, _hero: int) -> None:
    corail.fault("google", "status", path="/calendar/*", times=None, value=503)


def not_google(corail: Corail, _hero: int) -> None:
    corail.fault("google", "html", path="/calendar/*", times=None)


def outside_the_scope(corail: Corail, hero: int) -> None:
    corail.stage.exchange.set_state(corail.mail(hero), "outside")


def being_moved(corail: Corail, hero: int) -> None:
    corail.stage.exchange.set_state(corail.mail(hero), "moving")


def another_password(corail: Corail, _hero: int) -> None:
    corail.home.store("file:corail-exchange.password", "Été 2026 !")


def no_exchange(corail: Corail, _hero: int) -> None:
    corail.fault("exchange", "drop-before", times=None)


UNREADABLE_THERE: dict[str, tuple[Any, int, str]] = {
    "outside the scope": (outside_the_scope, 4, "outside its scope"),
    "being moved": (being_moved, 1, "the mailbox is being moved"),
    "another password": (another_password, 4, "password"),
    "nobody answers": (no_exchange, 7, "Exchange could not be asked"),
}
"""The same at Exchange."""

UNREADABLE: dict[str, tuple[Any, int, str]] = {
    "suspended": (suspended, 1, "suspended or restricted"),
    "no delegation": (undelegated, 4, "domain-wide delegation"),
    "unknown account": (unknown_to_google, 4, "does not know the key any more"),
    "self-signed": (self_signed, 7, "self-signed"),
    "out of order": (out_of_order, 7, "503"),
    "not Google": (not_google, 7, "something other than Google"),
}


class TestCouldNotTell:
    @pytest.mark.parametrize(("harm", "code", "says"), UNREADABLE.values(), ids=UNREADABLE)
    def test_a_mailbox_that_cannot_be_read(
        self, corail: Corail, hero: int, harm: Any, code: int, says: str
    ) -> None:
        harm(corail, hero)
        found = asked(corail, hero, HOLIDAY)
        assert answered(found) == ("mailbox-unreadable", code)
        assert says in found.reason.sentence
        (call,) = (call for call in found.calls if call.what.startswith("Mailbox"))
        assert says in call.answer

    @pytest.mark.parametrize("hero", ["exchange"], indirect=True)
    @pytest.mark.parametrize(("harm", "code", "says"), UNREADABLE_THERE.values(), ids=UNREADABLE_THERE)
    def test_a_mailbox_at_exchange_that_cannot_be_read(
        self, corail: Corail, hero: int, harm: Any, code: int, says: str
    ) -> None:
        self.test_a_mailbox_that_cannot_be_read(corail, hero, harm, code, says)

    def test_without_the_mailbox_nobody_says_that_nothing_stands_there(
        self, corail: Corail, hero: int
    ) -> None:
        suspended(corail, hero)
        found = asked(corail, hero, "2026-12-03")
        assert answered(found) == ("mailbox-unreadable", 1)

    def test_a_credential_that_was_refused_before_is_not_tried_and_the_next_command_tries_it(
        self, shell: Shell, corail: Corail, hero: int
    ) -> None:
        unknown_to_google(corail, hero)
        asked(corail, hero, HOLIDAY)
        corail.stage.faults.clear()
        found = asked(corail, hero, HOLIDAY)
        assert answered(found) == ("mailbox-unreadable", 4)
        assert corail.calls("google", path="/token") == []
        assert go_on(shell, found).exit == 0
        assert shown(corail, hero, HOLIDAY)

    def test_an_old_mailbox_that_cannot_be_read_keeps_the_answer_open(
        self, corail: Corail, hero: int
    ) -> None:
        corail.sync(hero)
        old = corail.mail(hero)
        corail.stage.google.add_user("maelle.nouvelle@corail.example")
        corail.stage.change_mail(hero, "maelle.nouvelle@corail.example", move_mailbox=False)
        corail.sync(hero)
        corail.stage.google.set_state(old, "suspended")
        found = asked(corail, hero, HOLIDAY)
        assert answered(found)[0] == "mailbox-unreadable"
        assert [one.verdict for one in found.others] == ["shown"]

    def test_figgo_out_of_order(self, corail: Corail, hero: int) -> None:
        corail.fault("figgo", "status", path="/api/v3/leaves", times=None, value=503)
        found = asked(corail, hero, HOLIDAY)
        assert answered(found) == ("figgo-unreadable", 7)
        assert "503" in found.calls[-1].answer

    def test_a_list_of_leaves_that_is_not_complete(self, corail: Corail, hero: int) -> None:
        corail.fault("figgo", "status", path="/api/v3/leaves", times=None, value=400)
        found = asked(corail, hero, HOLIDAY)
        assert answered(found) == ("figgo-unreadable", 1)

    def test_a_figgo_key_that_was_refused(self, shell: Shell, corail: Corail, hero: int) -> None:
        corail.key_of_figgo("revoked")
        found = asked(corail, hero, HOLIDAY)
        assert answered(found) == ("figgo-unreadable", 4)
        assert found.reason.next.endswith("--retry-credential")
        corail.key_of_figgo("full")
        assert shell.typed(found.reason.next).exit == 6, "asked again, and answered"

    def test_a_key_that_sees_nobody(self, corail: Corail, hero: int) -> None:
        corail.key_of_figgo("nobody")
        assert answered(asked(corail, hero, HOLIDAY)) == ("not-visible", 3)

    def test_a_person_the_key_does_not_see_and_what_still_stands_in_their_mailbox(
        self, corail: Corail
    ) -> None:
        case = corail.case("child-sick")
        day = first_day(corail, "child-sick")
        run = corail.sync(case.person).run
        corail.key_of_figgo("narrow")
        for name in (case.person, corail.mail(case.person)):
            found = asked(corail, name, day)
            assert answered(found) == ("not-visible", 6)
            assert "could not be told" in found.reason.sentence
            assert [(str(one.start), one.mailbox.address) for one in found.calendar] == [
                (day, corail.mail(case.person))
            ]
            assert [one.run for one in found.past] == [run]

    def test_somebody_nobody_knows(self, corail: Corail) -> None:
        found = asked(corail, "jeanne d'arc", HOLIDAY)
        assert answered(found) == ("not-visible", 6)
        assert (found.calendar, found.past) == ((), ())

    def test_a_leave_of_somebody_who_belongs_to_no_legal_entity(self, corail: Corail, hero: int) -> None:
        corail.stage.company.person(hero).legal_entity_id = None  # type: ignore[assignment]
        found = asked(corail, leave=leave_id(corail, "whole-day"))
        assert answered(found) == ("not-visible", 6)

    def test_a_leave_the_key_does_not_see(self, corail: Corail) -> None:
        leave = leave_id(corail, "child-sick")
        assert answered(asked(corail, leave=leave))[0] != "not-visible"
        corail.key_of_figgo("narrow")
        found = asked(corail, leave=leave)
        assert answered(found) == ("not-visible", 6)
        assert any("404" in call.answer for call in found.calls)
