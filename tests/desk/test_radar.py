"""What will end, and what has ended, is known without asking the network."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from figgo_ops import tenants
from figgo_ops.checks import CUSTOMER, SUPPORT, Deadline
from figgo_ops.desk.diagnostics import radar
from figgo_ops.desk.diagnostics.radar import Radar
from figgo_ops.session import Session
from tests.desk.fleets import DAY, EXCHANGE, GOOGLE, MICROSOFT, ONLINE, TODAY, Fleet, fleet, wrong

pytestmark = pytest.mark.disable_socket

SPRING = date(2027, 3, 31)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Fleet]:
    """An empty home, and no network."""
    with fleet(tmp_path) as made:
        yield made


def look(home: Fleet, tenant: str = "acme") -> Radar:
    return radar.look(home.home, tenants.load(home.home, tenant), home.ledger)


def ends(home: Fleet) -> list[tuple[str, date]]:
    return [(one.what, one.day) for one in look(home).deadlines]


def test_what_somebody_wrote_into_the_tenant_file_is_told_with_its_calendar_and_the_next_step(
    home: Fleet,
) -> None:
    home.tenant("acme", GOOGLE, f"{EXCHANGE}\ncredential_until = {SPRING}")
    (one,) = look(home).deadlines
    assert (one.what, one.day, one.who, one.code) == (
        *("the credential of calendar calendar 2", SPRING),
        *(CUSTOMER, "credential-until"),
    )
    assert "figgo-ops secret set" in one.remedy


def test_the_certificate_of_an_application_is_read_from_its_file(home: Fleet) -> None:
    home.certificate()
    home.tenant("acme", MICROSOFT)
    (one,) = look(home).deadlines
    assert "3f0d6f8b-2b1a-4a0e-9c7d-5e8a41b6d2f9" in one.what
    assert one.day > TODAY
    assert one.who == CUSTOMER


def test_an_interface_that_its_vendor_takes_away_is_told(home: Fleet) -> None:
    home.tenant("acme", ONLINE)
    (one,) = look(home).deadlines
    assert (one.day, one.code, one.who) == (date(2027, 4, 1), "ews-end", SUPPORT)


def test_a_secret_that_cannot_be_read_is_a_line_and_hides_nothing_else(home: Fleet) -> None:
    home.tenant("acme", MICROSOFT, f"{EXCHANGE}\ncredential_until = {SPRING}")
    found = look(home)
    (line,) = found.unread
    assert (line.name, line.status, line.who) == ("calendar 1: secret", "failed", SUPPORT)
    assert "microsoft365.pem" in line.cause
    assert "figgo-ops secret set" in line.remedy
    assert [one.day for one in found.deadlines] == [SPRING]


def test_a_calendar_that_is_only_kept_for_old_events_is_not_told_of(home: Fleet) -> None:
    home.tenant("acme", GOOGLE, f"{EXCHANGE}\ncredential_until = {SPRING}\nretired = true")
    assert ends(home) == []


class TestRemembered:
    def test_what_only_the_network_tells_is_remembered_soonest_first(self, home: Fleet) -> None:
        home.tenant("acme", f"{GOOGLE}\ncredential_until = {SPRING}")
        home.ends("acme", "the certificate of Figgo", SPRING + DAY)
        home.ends("acme", "the certificate of calendar 1", SPRING - DAY)
        home.ends("other", "the certificate of somebody else", SPRING)
        assert [what for what, _ in ends(home)] == [
            "the certificate of calendar 1",
            "the credential of calendar calendar 1",
            "the certificate of Figgo",
        ]

    def test_what_is_seen_now_replaces_what_is_remembered_of_it(self, home: Fleet) -> None:
        home.tenant("acme", GOOGLE)
        home.ends("acme", "the certificate of Figgo", TODAY + DAY)
        renewed = Deadline("the certificate of Figgo", SPRING, "Renew it.")
        with Session(home.home, "acme", clock=home.clock) as session:
            assert radar.deadlines(session, [renewed]) == [renewed]

    def test_what_had_ended_when_the_last_diagnosis_looked_was_renewed(self, home: Fleet) -> None:
        """Else a server that is not ours any more would be told of for ever."""
        home.tenant("acme", GOOGLE)
        home.ends("acme", "the certificate of a former server", TODAY - DAY)
        assert ends(home) == [("the certificate of a former server", TODAY - DAY)]
        home.diagnosed("acme")
        assert ends(home) == []

    @pytest.mark.parametrize("fact", ["text", {}, {"day": "soon"}, {"day": None}, 7])
    def test_a_fact_of_another_version_is_passed_over(self, home: Fleet, fact: object) -> None:
        home.tenant("acme", GOOGLE)
        home.ledger.remember("acme", "ends: x", fact)
        assert ends(home) == []


class TestWithdrawn:
    @pytest.fixture(autouse=True)
    def acme(self, home: Fleet) -> None:
        home.tenant("acme", GOOGLE, EXCHANGE)
        home.ledger.remember("acme", "worked: calendar 1", str(TODAY - 3 * DAY))

    def test_rights_that_held_once_and_are_missing_now_have_ended_that_day(self, home: Fleet) -> None:
        home.diagnosed("acme", wrong("calendar 1: rights"))
        (one,) = look(home).deadlines
        assert (one.what, one.day) == ("our access to calendar calendar 1", TODAY - 3 * DAY)
        assert (one.who, one.code) == (CUSTOMER, "access-withdrawn")

    def test_rights_that_never_held_were_not_withdrawn(self, home: Fleet) -> None:
        home.diagnosed("acme", wrong("calendar 2: rights"))
        assert ends(home) == []

    @pytest.mark.parametrize(
        "other",
        [
            wrong("calendar 1: rights", "pending", "delegation-missing"),
            wrong("calendar 1: rights", code="outside-scope"),
            wrong("calendar 1: rights", code="unreachable", who="network"),
            wrong("calendar 1: calendar", code="absent"),
            wrong("calendar 1: outside"),
        ],
        ids=lambda one: f"{one['name']} {one['status']} {one['code']}",
    )
    def test_nothing_else_takes_a_right_away(self, home: Fleet, other: dict[str, str]) -> None:
        home.diagnosed("acme", other)
        assert ends(home) == []

    def test_only_the_last_diagnosis_counts(self, home: Fleet) -> None:
        home.diagnosed("acme", wrong("calendar 1: rights"), day=TODAY - DAY)
        home.diagnosed("acme", day=TODAY)
        assert ends(home) == []

    def test_a_later_day_without_a_diagnosis_changes_nothing(self, home: Fleet) -> None:
        home.diagnosed("acme", wrong("calendar 1: rights"), day=TODAY - DAY)
        home.ledger.note_health("acme", TODAY, {"exit": 0})
        assert len(ends(home)) == 1

    def test_a_diagnosis_that_looks_itself_does_not_repeat_the_one_before(self, home: Fleet) -> None:
        home.diagnosed("acme", wrong("calendar 1: rights"))
        with Session(home.home, "acme", clock=home.clock) as session:
            assert radar.deadlines(session) == []


def test_each_thing_is_told_once(home: Fleet) -> None:
    home.tenant("acme", ONLINE, ONLINE)
    assert len(look(home).deadlines) == 1


def test_looking_leaves_no_trace_in_the_ledger(home: Fleet) -> None:
    home.tenant("acme", GOOGLE, EXCHANGE)
    look(home)
    assert home.ledger.facts("acme") == {}
    assert home.ledger.health("acme") == {}
    assert timedelta(0) == timedelta(seconds=home.clock.slept)
