"""All tenants at once: a row for each, whatever is wrong with it, and what is to be done by whom."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from figgo_ops.checks import CUSTOMER, NETWORK, SUPPORT, Check, Deadline
from figgo_ops.desk import fleet as desk
from figgo_ops.desk import notebooks
from figgo_ops.desk.diagnostics import Diagnosis
from figgo_ops.desk.fleet import Leaving, Row, overview
from figgo_ops.desk.fleet import book as fleet_book
from figgo_ops.desk.tables import Table
from figgo_ops.errors import Refused, Stopped, UsageError
from figgo_ops.home import VARIABLE, Home
from figgo_ops.plan import Mailbox
from figgo_ops.session import Quiet, Step
from figgo_ops.transport import Clock
from tests.desk.fleets import DAY, EXCHANGE, GOOGLE, NOW, TODAY, Fleet, at, diagnosis, fleet, wrong
from tests.rehearsal import Clock as StillClock
from tests.rehearsal import Corail

HOUR, WEEK = timedelta(hours=1), timedelta(weeks=1)
SOON = TODAY + 20 * DAY


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Fleet]:
    """An empty home."""
    with fleet(tmp_path) as made:
        yield made


def look(home: Fleet, since: timedelta | None = WEEK, **more: object) -> desk.Fleet:
    return desk.look(home.home, since=since, clock=home.clock, **more)  # type: ignore[arg-type]


def row(home: Fleet, tenant: str = "acme", since: timedelta | None = WEEK) -> Row:
    return look(home, since).row(tenant)


class TestRows:
    def test_every_tenant_is_a_row_by_name_with_its_state_and_the_kinds_of_its_calendars(
        self, home: Fleet
    ) -> None:
        home.tenant("zeta", state="draft")
        home.tenant("acme", GOOGLE, EXCHANGE, EXCHANGE)
        found = look(home)
        assert [(one.name, one.state, one.kinds, one.mode) for one in found.rows] == [
            ("acme", "active", ("google", "exchange"), "LIVE"),
            ("zeta", "draft", ("google",), "LIVE"),
        ]

    def test_a_tenant_file_that_cannot_be_read_is_a_row_and_a_failed_check(self, home: Fleet) -> None:
        home.tenant("acme")
        (home.home.tenants / "broken.toml").write_text("name = ", encoding="utf-8")
        found = look(home)
        one = found.row("broken")
        assert (one.state, one.exit, found.exit) == ("unreadable", 6, 6)
        (check,) = one.wrong
        assert (check.name, check.status, check.who) == ("tenant file", "failed", SUPPORT)
        assert "not TOML" in check.cause
        assert found.row("acme").state == "active"

    def test_a_home_without_tenants_is_an_empty_fleet(self, home: Fleet) -> None:
        assert (look(home).rows, look(home).exit) == ((), 0)
        assert overview.text(look(home)).startswith("No tenants in ")

    def test_the_last_run_and_the_last_good_one_are_told_apart(self, home: Fleet) -> None:
        home.tenant("acme")
        good = home.ran("acme", 30 * HOUR)
        home.ran("acme", 10 * HOUR, 4)
        last = home.ran("acme", HOUR, 7, "apply")
        one = row(home)
        assert one.last is not None
        assert one.good is not None
        assert (one.last.id, one.last.command, one.last.exit, one.good.id) == (last, "apply", 7, good)
        assert one.delay == 30 * HOUR - timedelta(minutes=1)

    def test_runs_of_one_tenant_are_no_other_tenants(self, home: Fleet) -> None:
        home.tenant("acme")
        home.tenant("zeta")
        home.ran("acme", HOUR)
        assert row(home, "zeta").last is None
        assert (row(home, "zeta").delay, row(home, "zeta").events, row(home, "zeta").drift) == (
            None,
            None,
            None,
        )

    def test_failures_are_counted_as_far_back_as_asked_and_compared_with_as_long_before(
        self, home: Fleet
    ) -> None:
        home.tenant("acme")
        for ago, code in ((1, 0), (2, 4), (6, 1), (8, 3), (13, 0), (15, 7)):
            home.ran("acme", ago * DAY, code, created=ago, updated=1)
        one = row(home)
        assert (one.recent.runs, one.recent.failures, one.recent.written) == (3, 2, 12)
        assert (one.before.runs, one.before.failures, one.before.written) == (2, 1, 23)

    def test_without_a_limit_everything_remembered_counts_and_nothing_came_before(self, home: Fleet) -> None:
        home.tenant("acme")
        for ago in (1, 20, 80):
            home.ran("acme", ago * DAY, 1)
        one = row(home, since=None)
        assert (one.recent.failures, one.before.runs) == (3, 0)

    def test_a_run_that_never_ended_has_failed_and_one_that_is_on_has_not(self, home: Fleet) -> None:
        home.tenant("acme")
        home.ran("acme", DAY, None)
        home.ran("acme", HOUR, None)
        one = row(home)
        assert (one.recent.runs, one.recent.failures) == (2, 1)
        assert overview.ended(one.last) == "running"

    def test_events_are_those_of_the_last_listing_of_every_mailbox(self, home: Fleet) -> None:
        home.tenant("acme")
        boxes = [Mailbox("calendar 1", address) for address in ("léa@acme.example", "zoé@acme.example")]
        home.ledger.note_listing("acme", {boxes[0]: (40, TODAY), boxes[1]: (25, None)}, NOW)
        assert row(home).events == 65

    def test_what_was_diagnosed_is_remembered_as_names_and_codes_with_their_page(self, home: Fleet) -> None:
        home.tenant("acme")
        home.diagnosed("acme", wrong("calendar 1: rights", code="delegation-missing"), day=TODAY - DAY)
        home.ledger.note_health("acme", TODAY, {"exit": 0})
        one = row(home)
        assert one.checks == {"ok": 9, "failed": 1}
        assert one.diagnosed.startswith(str(TODAY - DAY))
        assert [(check.name, check.code, check.page) for check in one.wrong] == [
            ("calendar 1: rights", "delegation-missing", "google-delegation")
        ]
        assert one.exit == 6

    @pytest.mark.parametrize("listed", [[{"code": "x"}], ["x"], "x", [{"name": "x", "status": "broken"}]])
    def test_a_line_that_another_version_wrote_costs_one_tenant_a_detail_and_nobody_the_overview(
        self, home: Fleet, listed: object
    ) -> None:
        home.tenant("acme")
        home.tenant("zeta")
        home.ledger.note_health("acme", TODAY, {"checks": {"failed": 1}, "wrong": listed})
        assert [(one.name, one.wrong) for one in look(home).rows] == [("acme", ()), ("zeta", ())]

    def test_only_the_tenants_that_are_named_are_looked_at(self, home: Fleet) -> None:
        home.tenant("acme")
        home.tenant("zeta")
        assert [one.name for one in look(home, only=["zeta"]).rows] == ["zeta"]
        with pytest.raises(UsageError, match="no tenant acne") as error:
            look(home, only=["acne"])
        assert "acme, zeta" in error.value.remedy


class TestExit:
    def test_a_fleet_with_nothing_wrong_ends_in_0(self, home: Fleet) -> None:
        home.tenant("acme")
        home.ran("acme", HOUR)
        home.diagnosed("acme")
        assert look(home).exit == 0

    def test_a_warning_and_an_end_to_come_are_information(self, home: Fleet) -> None:
        home.tenant("acme", f"{GOOGLE}\ncredential_until = {TODAY}")
        home.diagnosed("acme", wrong("calendar 1: time zone", "warning"))
        assert look(home).exit == 0

    def test_something_that_has_ended_is_a_finding(self, home: Fleet) -> None:
        home.tenant("acme", f"{GOOGLE}\ncredential_until = {TODAY - DAY}")
        home.tenant("zeta")
        assert [one.exit for one in look(home).rows] == [6, 0]
        assert look(home).exit == 6

    def test_an_unreadable_secret_is_a_finding(self, home: Fleet) -> None:
        home.tenant("acme", GOOGLE.replace("google.json", "gone.json"))
        assert look(home).exit == 6

    def test_of_a_closed_tenant_nothing_is_wrong_any_more(self, home: Fleet) -> None:
        home.tenant("acme", f"{GOOGLE}\ncredential_until = {TODAY - DAY}", state="closed")
        home.diagnosed("acme", wrong("calendar 1: rights"))
        found = look(home)
        assert (found.exit, found.deadlines, list(overview.needs(found.rows[0]))) == (0, [], [])


class TestNow:
    """With `check`, each tenant is diagnosed."""

    def test_the_checks_of_the_diagnosis_replace_what_was_remembered(self, home: Fleet) -> None:
        home.tenant("acme")
        home.diagnosed("acme", wrong("calendar 1: rights"))
        missing = at(cause="Google does not know us.", remedy="Grant it.", code="delegation-missing")
        ending = Deadline("the certificate of Figgo", SOON, "Renew it.")
        made = diagnosis("acme", missing, Check("x", "skipped"), deadlines=(ending,))
        one = look(home, check=True, diagnose=lambda *_: made).row("acme")
        assert one.checks == {"ok": 1, "failed": 1, "skipped": 1}
        assert one.wrong == (missing,)
        assert one.deadlines == (ending,)
        assert one.diagnosed == NOW.isoformat()

    def test_unless_asked_nobody_is_diagnosed(self, home: Fleet) -> None:
        home.tenant("acme")

        def never(*_: object) -> Diagnosis:
            raise AssertionError("diagnosed")

        look(home, diagnose=never)

    def test_what_nobody_foresaw_of_one_tenant_stops_nothing_and_shows_nothing_of_it(
        self, home: Fleet
    ) -> None:
        for name in ("acme", "beta"):
            home.tenant(name)

        def one(_home: Home, name: str, _clock: Clock) -> Diagnosis:
            if name == "acme":
                raise ValueError("anne@acme.example")
            return diagnosis(name)

        found = look(home, check=True, diagnose=one)
        assert [(row.name, row.exit) for row in found.rows] == [("acme", 6), ("beta", 0)]
        (check,) = found.row("acme").wrong
        assert check.cause == "Internal error: ValueError."
        assert "figgo-ops diagnose acme" in check.remedy

    def test_one_broken_tenant_stops_nothing(self, home: Fleet) -> None:
        for name in ("acme", "beta", "zeta"):
            home.tenant(name)

        def one(_home: Home, name: str, _clock: Clock) -> Diagnosis:
            if name == "beta":
                raise UsageError("There is no such person.", "Say another.")
            return diagnosis(name)

        found = look(home, check=True, diagnose=one)
        assert [(row.name, row.exit) for row in found.rows] == [("acme", 0), ("beta", 6), ("zeta", 0)]
        (check,) = found.row("beta").wrong
        assert (check.cause, check.remedy, check.page != "") == (
            "There is no such person.",
            "Say another.",
            True,
        )
        assert found.row("beta").kinds == ("google",)

    def test_a_failed_diagnosis_says_so_with_its_own_error(self, home: Fleet) -> None:
        home.tenant("acme")

        def refused(*_: object) -> Diagnosis:
            raise Refused("Not now.", "Wait.", code="not-now")

        (check,) = look(home, check=True, diagnose=refused).row("acme").wrong
        assert (check.name, check.code) == ("diagnosis", "not-now")

    def test_no_more_tenants_are_at_work_than_allowed_and_each_step_is_counted(self, home: Fleet) -> None:
        for number in range(12):
            home.tenant(f"t{number}")
        busy, most, lock = set[int](), list[int](), threading.Lock()
        three = threading.Barrier(3)

        def slow(_home: Home, name: str, _clock: Clock) -> Diagnosis:
            with lock:
                busy.add(threading.get_ident())
                most.append(len(busy))
            three.wait(timeout=30)  # passes only when three are here together
            with lock:
                busy.discard(threading.get_ident())
            return diagnosis(name)

        console = Counting()
        found = look(home, check=True, diagnose=slow, at_once=3, console=console)
        assert (len(found.rows), max(most)) == (12, 3)
        assert console.bars == {"tenants": [12, 12]}

    def test_ctrl_c_ends_the_waits_of_what_has_begun_and_begins_nothing_more(self, home: Fleet) -> None:
        for number in range(9):
            home.tenant(f"t{number}")
        begun, ended, both = list[str](), list[str](), threading.Barrier(2)

        def waits(_home: Home, name: str, clock: Clock) -> Diagnosis:
            begun.append(name)
            if name == "t0":
                both.wait(timeout=10)
                return diagnosis(name)
            both.wait(timeout=10)
            try:
                while True:
                    clock.sleep(1)
            finally:
                ended.append(name)

        with pytest.raises(KeyboardInterrupt):
            look(home, check=True, diagnose=waits, at_once=2, console=Interrupting())
        assert set(begun) - {"t0"} == set(ended)
        assert len(begun) < 9

    def test_the_fleet_and_a_real_diagnosis_say_the_same(self, tmp_path: Path) -> None:
        with Corail(tmp_path) as corail:
            corail.activate()
            found = desk.look(corail.home, check=True, clock=corail.clock)
            remembered = desk.look(corail.home, clock=corail.clock)
        now, later = found.row("corail"), remembered.row("corail")
        assert now.mode == "REHEARSAL"
        assert now.checks["ok"] > 10
        assert {name: n for name, n in later.checks.items() if n} == dict(now.checks)
        assert [(one.name, one.status, one.code) for one in later.wrong] == [
            (one.name, one.status, one.code) for one in now.wrong
        ]
        assert [(one.what, one.day) for one in later.deadlines] == [
            (one.what, one.day) for one in now.deadlines
        ]


class Counting(Quiet):
    """Counts steps: bars by name, with total and steps done."""

    def __init__(self) -> None:
        self.bars: dict[str, list[int]] = {}

    @contextmanager
    def bar(self, what: str, total: int) -> Iterator[Step]:
        self.bars[what] = [total, 0]
        yield lambda: self._count(what)

    def _count(self, what: str) -> None:
        self.bars[what][1] += 1


class Interrupting(Quiet):
    """Ctrl-C arrives with the first result."""

    @contextmanager
    def bar(self, what: str, total: int) -> Iterator[Step]:
        def step() -> None:
            raise KeyboardInterrupt

        yield step


def test_a_wait_is_ended_and_none_is_begun_once_everything_is_to_end() -> None:
    clock = StillClock(NOW)
    leaving = Leaving(clock)
    leaving.sleep(2.5)
    assert clock.slept == 2.5
    leaving.leave()
    with pytest.raises(Stopped):
        leaving.sleep(0.1)
    assert clock.slept == 2.5
    assert leaving.now() == clock.now()


class TestTime:
    @pytest.mark.parametrize(("text", "hours"), [("12h", 12), (" 7d ", 168), ("4w", 672)])
    def test_a_stretch_of_time_is_hours_days_or_weeks(self, text: str, hours: int) -> None:
        assert desk.time_of(text) == hours * HOUR

    def test_an_empty_one_is_no_limit(self) -> None:
        assert desk.time_of(" ") is None

    @pytest.mark.parametrize("text", ["7", "0d", "-1d", "d", "1y", "1.5d", "99999d", "7 d", "\u0667d"])
    def test_anything_else_is_refused(self, text: str) -> None:
        with pytest.raises(UsageError, match="stretch of time"):
            desk.time_of(text)


class TestNeeds:
    def test_what_is_wrong_now_stands_before_what_will_end(self, home: Fleet) -> None:
        home.tenant("acme", f"{GOOGLE}\ncredential_until = {SOON}")
        home.ran("acme", 3 * DAY)
        home.diagnosed(
            "acme",
            wrong("calendar 1: rights", code="delegation-missing"),
            wrong("Figgo: DNS", code="dns-silent", who=NETWORK),
        )
        home.ledger.note_health("acme", TODAY, {"audit": {"acting": {"missing": 2, "edited": 1}}})
        found = [(need.who, need.what, need.page) for need in overview.needs(row(home))]
        assert found == [
            (CUSTOMER, "delegation-missing", "google-delegation"),
            (NETWORK, "dns-silent", "cannot-be-reached"),
            (SUPPORT, "events need action: 2 missing, 1 edited", "audit"),
            (SUPPORT, "no run succeeded for 2 d", "diagnostics"),
            (CUSTOMER, f"the credential of calendar calendar 1 ends on {SOON} (in 20 days)", "deadlines"),
        ]

    @pytest.mark.parametrize(
        ("days", "says"),
        [(-1, "ended on"), (0, "(today)"), (1, "(tomorrow)"), (60, "(in 60 days)")],
    )
    def test_an_end_is_told_sixty_days_ahead(self, home: Fleet, days: int, says: str) -> None:
        home.tenant("acme", f"{GOOGLE}\ncredential_until = {TODAY + days * DAY}", state="paused")
        (need,) = overview.needs(row(home))
        assert says in need.what

    def test_an_end_that_is_far_is_only_in_the_calendar_of_ends(self, home: Fleet) -> None:
        home.tenant("acme", f"{GOOGLE}\ncredential_until = {TODAY + 61 * DAY}", state="paused")
        assert list(overview.needs(row(home))) == []
        assert list(overview.by_month(look(home))) == ["2027-01"]

    def test_a_tenant_that_is_not_served_need_not_have_run(self, home: Fleet) -> None:
        home.tenant("acme", state="draft")
        assert list(overview.needs(row(home))) == []

    def test_an_active_tenant_without_a_good_run_is_told_of(self, home: Fleet) -> None:
        home.tenant("acme")
        (need,) = overview.needs(row(home))
        assert (need.what, need.remedy) == ("no run has ever succeeded", "figgo-ops sync acme")

    def test_a_last_run_that_failed_is_told_of_though_an_earlier_one_succeeded(self, home: Fleet) -> None:
        home.tenant("acme")
        home.ran("acme", DAY)
        home.ran("acme", HOUR, 3)
        (need,) = overview.needs(row(home))
        assert need.what == "its last run (sync) ended with exit code 3"
        assert need.remedy == "figgo-ops diagnose acme"

    def test_an_end_that_a_diagnosis_checked_too_is_told_once(self, home: Fleet) -> None:
        home.tenant("acme", f"{GOOGLE}\ncredential_until = {SOON}", state="paused")
        home.ends("acme", "the certificate of acme.ilucca.net", SOON)
        checked = "deadline: the credential of calendar calendar 1", "Figgo: certificate"
        codes = "credential-until", "certificate-ends"
        home.diagnosed("acme", *(wrong(*pair) for pair in zip(checked, ("warning",) * 2, codes, strict=True)))
        assert [need.day for need in overview.needs(row(home))] == [SOON, SOON]

    def test_a_certificate_that_is_no_good_is_told_whatever_else_ends(self, home: Fleet) -> None:
        home.tenant("acme", state="paused")
        home.ends("acme", "the certificate of acme.ilucca.net", SOON)
        home.diagnosed("acme", wrong("calendar 1: certificate", code="certificate-other-name"))
        assert [need.name for need in overview.needs(row(home))] == ["calendar 1: certificate", ""]

    def test_access_that_is_remembered_as_withdrawn_is_told_once_with_its_day(self, home: Fleet) -> None:
        home.tenant("acme", state="paused")
        home.ledger.remember("acme", "worked: calendar 1", str(TODAY - 3 * DAY))
        home.diagnosed("acme", wrong("calendar 1: rights"))
        (need,) = overview.needs(row(home))
        assert (need.name, need.day, need.page) == ("", TODAY - 3 * DAY, "deadlines")
        assert "Date: 20 November 2026" in overview.message(row(home))


class TestMessage:
    def message(self, home: Fleet, *checks: Check) -> str:
        return overview.message(
            look(home, check=True, diagnose=lambda *_: diagnosis("acme", *checks)).row("acme")
        )

    def test_a_message_names_what_ends_when_and_what_to_do(self, home: Fleet) -> None:
        home.tenant("acme", f"{EXCHANGE}\ncredential_until = {SOON}", state="paused")
        said = self.message(home)
        assert said.startswith("Subject: ")
        assert f"1. the credential of calendar calendar 1 ends on {SOON} (in 20 days)" in said
        assert "Date: 13 December 2026" in said
        assert "What to do: Make a new password, secret or certificate" in said

    def test_our_own_commands_and_files_are_none_of_the_customers_business(self, home: Fleet) -> None:
        home.tenant("acme", f"{EXCHANGE}\ncredential_until = {SOON}", state="paused")
        mine = at(cause="No.", remedy="Grant it. Then run `figgo-ops diagnose acme`. Or see the tenant file.")
        said = self.message(home, mine)
        assert "Grant it." in said
        assert not re.search(r"figgo-ops|tenant file|\.toml", said)

    def test_no_mailbox_is_named(self, home: Fleet) -> None:
        home.tenant("acme", state="paused")
        said = self.message(
            home, at(cause="zoé.lefèvre@acme.example (calendar 1): no right.", remedy="Ask (a@b.fr).")
        )
        assert "@" not in said
        assert "a mailbox" in said

    def test_what_others_must_do_is_not_in_it(self, home: Fleet) -> None:
        home.tenant("acme", state="paused")
        said = self.message(home, at(cause="Silent.", remedy="Wait.", who=NETWORK))
        assert said == "The customer has nothing to do for acme."

    def test_codes_alone_make_no_message(self, home: Fleet) -> None:
        home.tenant("acme")
        home.diagnosed("acme", wrong("calendar 1: rights"))
        with pytest.raises(UsageError) as error:
            overview.message(row(home))
        assert error.value.remedy == "Diagnose now: figgo-ops fleet --check --message acme"


class TestTold:
    def test_a_terminal_shows_a_line_each_then_who_must_do_what_then_what_ends_when(
        self, home: Fleet
    ) -> None:
        home.tenant("acme", f"{GOOGLE}\ncredential_until = {SOON}")
        home.tenant("zeta", f"{GOOGLE}\ncredential_until = 2027-02-01", state="draft")
        home.ran("acme", HOUR, 4)
        said = overview.text(look(home))
        assert "2 tenants: 1 active, 1 draft." in said
        assert re.search(r"^acme +active +google +sync 2026-11-23 07:00 +4 +never", said, re.MULTILINE)
        assert "To do, customer's administrator:\n  acme: the credential" in said
        assert said.index("Ends in 2026-12:") < said.index("Ends in 2027-02:\n  2027-02-01  zeta")

    def test_nothing_that_steers_a_terminal_is_passed_on(self, home: Fleet) -> None:
        home.tenant("acme", state="paused")
        nasty = at(cause="a\x1b[2Jb\nTo do, nobody:", remedy="x")
        said = overview.text(look(home, check=True, diagnose=lambda *_: diagnosis("acme", nasty)))
        assert "\x1b" not in said
        assert "\nTo do, nobody:" not in said

    def test_programs_get_rows_and_ends(self, home: Fleet) -> None:
        home.tenant("acme", f"{GOOGLE}\ncredential_until = {SOON}")
        home.ran("acme", HOUR)
        told = json.loads(json.dumps(overview.document(look(home))))
        assert set(told) >= {"home", "tenants", "deadlines"}
        (one,) = told["tenants"]
        assert (one["tenant"], one["delay_seconds"], one["last_run"]["exit"]) == ("acme", 3540, 0)
        assert one["next_deadline"]["day"] == told["deadlines"][0]["day"] == str(SOON)
        assert told["deadlines"][0]["tenant"] == "acme"


class TestPage:
    def test_the_managers_page_is_one_file_that_asks_nothing_of_any_network(
        self, home: Fleet, tmp_path: Path
    ) -> None:
        home.tenant("acme", f"{GOOGLE}\ncredential_until = {SOON}")
        home.ran("acme", HOUR, 1)
        page = fleet_book.page(look(home), tmp_path / "fleet.html").read_text(encoding="utf-8")
        assert "default-src 'none'" in page
        assert "<script" not in page
        assert "href=" not in page
        for said in (
            "Tenants by state",
            "Runs that failed",
            "Who has something to do",
            "What ends, by month",
            "2026-12",
        ):
            assert said in page
        assert [path.name for path in tmp_path.iterdir() if path.suffix == ".html"] == ["fleet.html"]

    def test_the_page_stays_one_page_however_many_tenants_there_are(self, home: Fleet) -> None:
        for n in range(30):
            home.tenant(f"t{n:02}", f"{GOOGLE}\ncredential_until = {TODAY - (1 + 31 * (n % 20)) * DAY}")
        home.ledger.note_listing("t20", {Mailbox("calendar 1", "léa@acme.example"): (7, None)}, NOW)
        found = look(home)
        tables = [part for part in fleet_book.parts(found) if isinstance(part, Table)]
        assert sum(map(len, tables)) < 25
        assert list(fleet_book.urgent(found).frame["Tenant"])[:2] == ["t20", "t00"]
        assert {what.partition(" on ")[0] for what in fleet_book.urgent(found).frame["What"]} == {
            "the credential of calendar calendar 1 ended"
        }
        assert fleet_book.urgent(found).note == "and 24 more tenants"
        assert fleet_book.months(found).note.endswith("more months")

    def test_the_trend_stands_beside_as_long_a_time_before(self, home: Fleet) -> None:
        home.tenant("acme")
        home.ran("acme", DAY, 1, created=5)
        home.ran("acme", 8 * DAY, 0, updated=2)
        rows = fleet_book.trend(look(home)).frame.to_dict("records")
        assert [list(one.values()) for one in rows] == [
            ["Runs", 1, 1],
            ["Runs that failed", 1, 0],
            ["Events written", 5, 2],
        ]

    def test_what_waits_is_counted_by_who_must_act(self, home: Fleet) -> None:
        for name in ("acme", "zeta"):
            home.tenant(name, f"{GOOGLE}\ncredential_until = {SOON}")
        home.ran("acme", HOUR)
        rows = fleet_book.by_whom(look(home)).frame.to_dict("records")
        assert rows == [
            {"Who": CUSTOMER, "Things": 2, "Tenants": 2},
            {"Who": SUPPORT, "Things": 1, "Tenants": 1},
        ]

    def test_a_message_that_cannot_be_made_says_how_to_make_it(self, home: Fleet) -> None:
        home.tenant("acme")
        home.diagnosed("acme", wrong("calendar 1: rights"))
        (one,) = fleet_book.messages(look(home)).frame.to_dict("records")
        assert "figgo-ops fleet --check" in one["Message"]

    def test_a_secret_in_a_sentence_is_not_on_the_page(self, home: Fleet, tmp_path: Path) -> None:
        home.home.store("file:exchange.password", "canary<&>password")
        home.tenant("acme")
        leaky = at(cause="refused canary<&>password")
        found = look(home, check=True, diagnose=lambda *_: diagnosis("acme", leaky))
        page = fleet_book.page(found, tmp_path / "fleet.html").read_text(encoding="utf-8")
        assert "refused [secret:file:exchange.password]" in page
        assert not re.search("canary.{1,20}password", page)

    def test_markup_in_what_somebody_wrote_is_text(self, home: Fleet, tmp_path: Path) -> None:
        home.tenant("acme")
        nasty = at(cause="<script>alert(1)</script>", remedy="<b>x</b>")
        found = look(home, check=True, diagnose=lambda *_: diagnosis("acme", nasty))
        page = fleet_book.page(found, tmp_path / "fleet.html").read_text(encoding="utf-8")
        assert "<script" not in page
        assert "&lt;script&gt;" in page


@pytest.mark.parametrize(
    ("values", "says"), [({"check": "later"}, "neither"), ({"since": "a week"}, "stretch of time")]
)
def test_a_wrong_parameter_is_refused(
    home: Fleet, monkeypatch: pytest.MonkeyPatch, values: dict[str, str], says: str
) -> None:
    monkeypatch.setenv(VARIABLE, str(home.home.path))
    with pytest.raises(UsageError, match=says):
        fleet_book.look(**values)


@pytest.mark.notebook
def test_the_notebook_shows_every_tenant_and_ends_with_the_fleets_exit_code(home: Fleet) -> None:
    """On the real clock, because a kernel has no other."""
    home.tenant("acme", f"{GOOGLE}\ncredential_until = 2020-01-01")
    home.tenant("zeta", state="draft")
    (home.home.tenants / "broken.toml").write_text("name = ", encoding="utf-8")
    result = notebooks.run("fleet", {"since": "30d"}, home.home.path)
    told, page = json.loads(result.result.read_text()), result.report.read_text()
    assert (result.exit, result.status) == (6, "findings")
    assert [one["tenant"] for one in told["verdict"]["tenants"]] == ["acme", "broken", "zeta"]
    for said in ("the credential of calendar calendar 1 ended on 2020-01-01", "Subject: ", "not TOML"):
        assert said in page


def test_an_audit_of_everyone_leaves_its_drift_for_the_fleet(tmp_path: Path) -> None:
    from figgo_ops import audit, sync

    with Corail(tmp_path) as corail:
        corail.activate()
        corail.load()
        gone, renamed = (corail.case(name).person for name in ("whole-day", "half-day-am"))
        corail.owner(gone).delete(corail.event_id(gone))
        corail.owner(renamed).rename(corail.event_id(renamed), "Ski")
        with corail.session() as session:
            audit.audit(session, sync.Ask((str(gone),)))
        assert desk.look(corail.home, clock=corail.clock).rows[0].drift is None, "somebody is not everyone"
        with corail.session() as session:
            audit.audit(session, sync.Ask())
        one = desk.look(corail.home, clock=corail.clock).rows[0]
        names = {person.last_name for person in corail.stage.company.people.values()}
        with corail.session() as session:
            kept = json.dumps(
                [line["audit"] for line in session.ledger.health("corail").values() if "audit" in line]
            )
    assert one.drift == {"missing": 1, "edited": 1}
    assert (one.drifting, one.events) == (2, 65)
    assert one.audited == corail.clock.now().isoformat(timespec="seconds")
    assert not [name for name in names if name in kept]
    assert "@" not in kept
