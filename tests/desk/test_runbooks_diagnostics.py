"""The pages about a failed check: whoever follows one in that trouble finds it named, and ends with none."""

import io
import json
import re
import shlex
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from figgo_ops.__main__ import main
from figgo_ops.desk import shipped
from figgo_ops.home import VARIABLE
from tests.rehearsal import ANTILLES, GENEVA, Corail

PARTS = ("Look", "Repair", "Verify")
MINUTES = 60.0
PARIS = 1

KEY, ACCOUNT = "file:corail-figgo.key", "file:corail-google.json"
PASSWORD, SECRET = "file:corail-exchange.password", "file:corail-microsoft365.secret"
BOARD = {GENEVA: "direction@corail-suisse.example", ANTILLES: "direction@corail-antilles.example"}
"""Mailboxes that are in nobody's scope."""

Act = Callable[[Corail], object]


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that goes wrong, what mends it, and what the page's names stand for.

    Attributes:
        code: what the check that fails must carry.
        entity: legal entity of the person who is looked at.
        reference: what `$REF` stands for; the secret that is typed is the right one.
        before: diagnosed once while all was well.
        loaded: every calendar holds what it should.
    """

    code: str
    breaks: Act
    mends: Act
    entity: int = PARIS
    reference: str = KEY
    names: Mapping[str, str] = field(default_factory=dict)
    before: bool = False
    loaded: bool = False


def switch(service: str, name: str, wrong: object, right: object) -> tuple[Act, Act]:
    """A rule of a stand-in is changed, and changed back."""

    def turn(value: object) -> Act:
        return lambda corail: getattr(corail.stage, service).switch(name, value)

    return turn(wrong), turn(right)


def written(old: str, new: str) -> tuple[Act, Act]:
    """The tenant file says something else, and then the same as before."""
    return lambda corail: corail.rewrite(old, new), lambda corail: corail.rewrite(new, old)


def stored(reference: str, value: str) -> tuple[Act, Act]:
    """A wrong secret; the page has its reader store the right one."""
    return lambda corail: corail.home.store(reference, value), nothing


def doors(wrong: str, right: str) -> tuple[Act, Act]:
    """Google receives nobody, and then everybody again."""

    def turn(how: str) -> Act:
        return lambda corail: corail.stage.server("google").door(how)

    return turn(wrong), turn(right)


def nothing(_: Corail) -> None:
    """The page itself is the cure."""


def lost(corail: Corail) -> None:
    (corail.home.secrets / "corail-figgo.key").unlink()


def expired(corail: Corail) -> None:
    corail.fault("exchange", "certificate", value="expired", times=None)


def renewed(corail: Corail) -> None:
    corail.stage.faults.clear()


SERVICES = ("figgo", "google", "exchange", "microsoft365")


def late(corail: Corail) -> None:
    for name in SERVICES:
        corail.stage.server(name).dated = lambda: corail.clock.now().timestamp() + 10 * MINUTES


def on_time(corail: Corail) -> None:
    for name in SERVICES:
        corail.stage.server(name).dated = lambda: corail.clock.now().timestamp()


def suspended(corail: Corail) -> None:
    corail.stage.google.set_state(corail.mail(person_of(corail, PARIS)), "suspended")


def restored(corail: Corail) -> None:
    corail.stage.google.set_state(corail.mail(person_of(corail, PARIS)), "ok")


def person_of(corail: Corail, entity: int) -> int:
    """Somebody with a mailbox there."""
    return corail.members(entity)[0]


def ended(corail: Corail) -> None:
    corail.rewrite('kind = "exchange"', 'kind = "exchange"\ncredential_until = 2020-01-31')


def renewed_until(corail: Corail) -> None:
    corail.rewrite("2020-01-31", str(corail.clock.now().date() + timedelta(days=700)))


TROUBLES = {
    "tenant-file-and-secrets": Trouble("secret-unavailable", lost, nothing),
    "cannot-be-reached": Trouble("port-refused", *doors("closed", "open")),
    "certificates": Trouble("certificate-expired", expired, renewed),
    "clock": Trouble("clock", late, on_time),
    "figgo-access": Trouble("key-refused", *stored(KEY, "0f6b2c1e-0000-4000-8000-1234567890ab")),
    "google-delegation": Trouble(
        "withdrawn",
        *switch("google", "delegation", "missing", "granted"),
        reference=ACCOUNT,
        before=True,
    ),
    "exchange-log-on": Trouble(
        "log-on-refused", *stored(PASSWORD, "Fausse-piste-1"), entity=GENEVA, reference=PASSWORD
    ),
    "exchange-impersonation": Trouble(
        "scope-too-wide",
        *switch("exchange", "impersonation", "everyone", "scoped"),
        entity=GENEVA,
        names={"OUTSIDE": BOARD[GENEVA]},
    ),
    "microsoft-365-sign-in": Trouble(
        "application-disabled",
        *switch("microsoft365", "application", "disabled", "ok"),
        entity=ANTILLES,
        reference=SECRET,
    ),
    "microsoft-365-scope": Trouble(
        "scope-too-wide",
        *switch("microsoft365", "scope", "everyone", "group"),
        entity=ANTILLES,
        names={"OUTSIDE": BOARD[ANTILLES]},
    ),
    "mailboxes": Trouble("suspended", suspended, restored),
    "exchange-online-ews": Trouble(
        "ews-blocked",
        *switch("exchange", "ews", "off", "on"),
        entity=GENEVA,
        names={"CALENDAR": "microsoft 365"},
        before=True,
        loaded=True,
    ),
}

ENDED = Trouble("credential-until", ended, renewed_until, entity=GENEVA, reference=PASSWORD)


class Reader:
    """Somebody who follows a page, line by line, and types the secret that is asked for.

    Attributes:
        secrets: the right ones, by reference.
        checks: what diagnoses said since it was last cleared.
    """

    def __init__(
        self,
        corail: Corail,
        capsys: pytest.CaptureFixture[str],
        patch: pytest.MonkeyPatch,
        **known: str,
    ) -> None:
        self.corail, self.capsys, self.patch = corail, capsys, patch
        self.known = {"TENANT": "corail", "FILE": str(corail.home.path / "made"), **known}
        self.secrets = {f"file:{one.name}": one.read_text() for one in corail.home.secrets.iterdir()}
        self.ended: list[tuple[str, int]] = []
        self.checks: list[dict[str, Any]] = []

    def follow(self, page: str, part: str) -> None:
        """Run every command of one part of a page."""
        text = (shipped("runbooks") / f"{page}.md").read_text(encoding="utf-8")
        text = text.partition(f"## {part}\n")[2].partition("\n## ")[0]
        for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL):
            for line in block.splitlines():
                self._type(line)

    def codes(self) -> list[int]:
        """How the commands ended since the last time that this was asked."""
        ended, self.ended = [code for _, code in self.ended], []
        return ended

    def _type(self, line: str) -> None:
        name, *words = (re.sub(r"\$([A-Z]+)", lambda n: self.known[n[1]], word) for word in shlex.split(line))
        assert name == "figgo-ops"
        self.patch.setattr(
            "sys.stdin", io.TextIOWrapper(io.BytesIO(self.secrets.get(words[-1], "").encode()))
        )
        exit_code = main([*words, *self.more(words[0]), "--json"])
        told = json.loads(self.capsys.readouterr().out)
        assert exit_code in (0, 2, 6), (line, told)
        self.ended.append((words[0], exit_code))
        self.checks += told.get("checks", []) if words[0] == "diagnose" else []

    def more(self, command: str) -> list[str]:
        """What only a rehearsal has to say: whose certificates to trust."""
        trusted = ["--figgo", f"ca_file={self.corail.stage.ca_file}"]
        return trusted if command == "onboard" else []


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Corail]]:
    """Opens the company, active, on a clock of its own or on the real one."""
    before = signal.getsignal(signal.SIGTERM)
    with ExitStack() as stack:

        def opened(*, real: bool) -> Corail:
            corail = stack.enter_context(Corail(tmp_path, today=None) if real else Corail(tmp_path))
            monkeypatch.setenv(VARIABLE, str(corail.home.path))
            if not real:
                monkeypatch.setattr("figgo_ops.session.SystemClock", lambda: corail.clock)
            corail.stage.figgo.switch("rate_limit", 10_000)  # a person takes minutes between two commands
            corail.activate()
            return corail

        yield opened
    signal.signal(signal.SIGTERM, before)


def follow(page: str, trouble: Trouble, corail: Corail, reader: Reader) -> None:
    """From the trouble to its end; the mending itself happens where the page says that somebody mends."""
    if trouble.before:
        reader.follow(page, "Look")
        assert set(reader.codes()) == {0}, "all was well"
    trouble.breaks(corail)
    reader.follow(page, "Look")
    assert 6 in reader.codes(), "the page shows the trouble to whoever looks"
    # A second look does not try a refused credential again, and says so.
    wrong = [
        check
        for check in reader.checks
        if check["status"] == "failed" and check["code"] != "credential-remembered"
    ]
    assert {(check["code"], check["page"]) for check in wrong} == {(trouble.code, page)}, (
        "and names this page"
    )
    trouble.mends(corail)
    reader.checks.clear()
    for part in ("Repair", "Verify"):
        reader.follow(page, part)
    assert set(reader.codes()) <= {0}
    assert [check for check in reader.checks if check["status"] == "failed"] == []


def reader_of(
    trouble: Trouble, corail: Corail, capsys: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch
) -> Reader:
    """Somebody who has what the page's names stand for, and the right secrets."""
    employee = corail.mail(person_of(corail, trouble.entity))
    return Reader(corail, capsys, patch, REF=trouble.reference, EMPLOYEE=employee, **trouble.names)


@pytest.mark.parametrize("page", sorted(TROUBLES))
def test_whoever_follows_a_page_in_its_trouble_is_led_to_it_and_out_of_it(
    stage: Callable[..., Corail],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    page: str,
) -> None:
    corail, trouble = stage(real=False), TROUBLES[page]
    if trouble.loaded:
        corail.load()
    follow(page, trouble, corail, reader_of(trouble, corail, capsys, monkeypatch))


def test_whoever_follows_the_page_about_deadlines_finds_what_ended_and_then_nothing(
    stage: Callable[..., Corail], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the real clock, because the fleet has no other."""
    corail = stage(real=True)
    follow("deadlines", ENDED, corail, reader_of(ENDED, corail, capsys, monkeypatch))


def test_somebody_outside_the_scope_is_not_said_to_have_been_taken_out_of_it(
    stage: Callable[..., Corail], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """That the rights held for others is no reason to look for whoever took them back."""
    corail = stage(real=False)
    others = corail.mail(corail.members(GENEVA)[1])
    corail.stage.exchange.set_state(others, "outside")
    inside = corail.mail(person_of(corail, GENEVA))
    reader = Reader(corail, capsys, monkeypatch, EMPLOYEE=inside, OUTSIDE=BOARD[GENEVA])
    reader.follow("exchange-impersonation", "Look")
    assert set(reader.codes()) == {0}
    corail.clock.sleep(2 * 60 * MINUTES)
    for mail, said in ((others, "outside-scope"), (inside, "withdrawn")):
        corail.stage.exchange.set_state(mail, "outside")
        reader.known["EMPLOYEE"] = mail
        reader.checks.clear()
        reader.follow("exchange-impersonation", "Look")
        wrong = [check for check in reader.checks if check["status"] == "failed"]
        assert {(check["code"], check["page"]) for check in wrong} == {(said, "exchange-impersonation")}


@pytest.mark.notebook
def test_whoever_follows_the_page_about_the_fleet_sees_who_waits_for_whom_until_nobody_does(
    stage: Callable[..., Corail], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the real clock, because the fleet, and a notebook's kernel, have no other."""
    corail = stage(real=True)
    corail.load()
    reader = reader_of(ENDED, corail, capsys, monkeypatch)
    ENDED.breaks(corail)
    reader.follow("fleet", "Look")
    assert reader.codes() == [6] * 5
    ENDED.mends(corail)
    for part in ("Repair", "Verify"):
        reader.follow("fleet", part)
    assert set(reader.codes()) == {0}
    assert Path(reader.known["FILE"]).exists()


@pytest.mark.notebook
def test_whoever_follows_the_page_about_diagnostics_leaves_nothing_behind_but_the_bundle(
    stage: Callable[..., Corail], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    corail = stage(real=True)
    outside, employee = BOARD[GENEVA], corail.mail(person_of(corail, GENEVA))
    reader = Reader(corail, capsys, monkeypatch, EMPLOYEE=employee, OUTSIDE=outside)
    for part in (*PARTS, "Escalate"):
        reader.follow("diagnostics", part)
    assert set(reader.codes()) == {0}
    assert {check["status"] for check in reader.checks if check["name"] == "exchange: outside"} == {"ok"}
    assert [check["status"] for check in reader.checks if check["name"] == "exchange: write"] == ["ok"]
    assert (corail.marked(), Path(reader.known["FILE"]).exists()) == ([], True)


@pytest.mark.notebook
def test_whoever_follows_the_page_about_onboarding_has_a_draft_that_works(
    stage: Callable[..., Corail], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    corail = stage(real=True)
    google, trusted = corail.stage.urls["google"], corail.stage.ca_file
    calendar = "name=google,kind=google,service_account=file:nouveau-google.json"
    reader = Reader(
        corail,
        capsys,
        monkeypatch,
        TENANT="nouveau",
        URL=corail.stage.urls["figgo"],
        START="2026-01-01",
        SINCE="2026-01-01",
        CALENDAR=f"{calendar},api_root={google},token_url={google}/token,ca_file={trusted}",
        REF="file:nouveau-figgo.key",
        OTHER="file:nouveau-google.json",
        EMPLOYEE=corail.mail(corail.case("whole-day").person),
    )
    reader.secrets |= {"file:nouveau-figgo.key": reader.secrets[KEY]}
    reader.secrets |= {"file:nouveau-google.json": reader.secrets[ACCOUNT]}
    reader.follow("onboarding", "Look")
    assert reader.codes() == [0, 2], "something is missing still"
    reader.follow("onboarding", "Repair")
    reader.follow("onboarding", "Verify")
    assert set(reader.codes()) == {0}
    assert [check for check in reader.checks if check["status"] not in ("ok", "skipped")] == []
    assert (corail.home.tenants / "nouveau.toml").exists()
    assert corail.marked() == []
