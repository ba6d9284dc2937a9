"""Diagnosis, onboarding, fleet and set-up pack: whatever somebody is called, text stays text."""

import csv
import io
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from figgo_ops import tenants, words
from figgo_ops.__main__ import main
from figgo_ops.desk import diagnostics, onboarding
from figgo_ops.desk.diagnostics import Ask, Diagnosis
from figgo_ops.desk.diagnostics import book as diagnostics_book
from figgo_ops.desk.onboarding import Answers
from figgo_ops.desk.setup import pack as setup_pack
from figgo_ops.desk.setup.pack import Given
from figgo_ops.errors import UsageError
from figgo_ops.home import Home
from tests.desk import shell_text
from tests.desk.answered import ACME
from tests.hostility.names import NAMES
from tests.hostility.reading import Seen, steering, strict
from tests.hostility.world import World
from tests.rehearsal import TENANT
from tests.shell import quiet_surroundings

Typed = Callable[..., tuple[int, bytes, bytes]]
FORMULAS = tuple("=+-@\uff1d")
ROW = re.compile(
    r"(?:ok|skipped|WARNING|FAILED|PENDING) |  (?:tried: |More: |[\w ':]+: )|$|\d+ checks: |REHEARSAL "
)
"""How each line of a diagnosis begins."""


@pytest.fixture(scope="module", params=["google", pytest.param("exchange", marks=pytest.mark.proof)])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Everyone on the list; one name is that of a calendar, and one legal entity is nobody's."""
    with World(tmp_path_factory.mktemp("hostile"), provider=request.param) as made:
        made.corail.rewrite(f'name = "{request.param}"', """name = '<b onload=x>&"=1+1'""")
        yield made


@pytest.fixture
def typed(
    world: World,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> Typed:
    """A command: its exit code, and the bytes that it wrote."""
    quiet_surroundings(monkeypatch, tmp_path / "elsewhere")
    for module in ("session", "transport", "desk.fleet"):
        monkeypatch.setattr(f"figgo_ops.{module}.SystemClock", lambda: world.corail.clock)

    def run(*given: str) -> tuple[int, bytes, bytes]:
        capfdbinary.readouterr()
        code = main([*given, "--home", str(world.corail.home.path)])
        return code, *capfdbinary.readouterr()

    return run


@pytest.fixture
def found(world: World) -> Diagnosis:
    """A diagnosis of every mailbox."""
    with world.corail.session() as session:
        return diagnostics.examine(session, Ask(mailboxes=True))


def test_a_diagnosis_is_one_line_each_and_steers_nothing(world: World, typed: Typed) -> None:
    """A legal entity that nobody has lists all that there are, by name."""
    before = world.corail.file.read_bytes()
    world.corail.rewrite("legal_entities = [1000,", "legal_entities = [999, 1000,")
    try:
        code, out, err = typed("diagnose", TENANT, "--mailboxes")
    finally:
        world.corail.file.write_bytes(before)
    text = out.decode()
    assert (code, steering(text + err.decode())) == (6, [])
    assert "999" in text
    assert "expression(" in text
    assert [line[:80] for line in text.split("\n") if not ROW.match(line)] == []


def test_a_diagnosis_for_programs_is_one_strict_document(typed: Typed) -> None:
    code, out, _ = typed("diagnose", TENANT, "--mailboxes", "--json")
    assert (code, out.count(b"\n")) == (0, 1)
    assert len(strict(out)["mailboxes"]) == len(NAMES)


def test_a_bundle_is_strict_and_holds_no_name(world: World, typed: Typed, tmp_path: Path) -> None:
    file = tmp_path / "support.zip"
    assert typed("diagnose", TENANT, "--mailboxes", "--bundle", str(file))[0] == 0
    with zipfile.ZipFile(file) as packed:
        members = {name: packed.read(name) for name in packed.namelist()}
    for name, raw in members.items():
        assert steering(raw.decode()) == [], name
        assert not name.endswith(".json") or strict(raw) is not None
    every = b"".join(members.values()).decode()
    said = [label for label, name in NAMES.items() if len(name.strip()) > 12 and name in every]
    assert said == []
    assert [label for label in world.people if world.mail(label) in every] == []


def test_a_table_of_mailboxes_is_a_page_and_a_spreadsheet_of_text(found: Diagnosis, tmp_path: Path) -> None:
    table = diagnostics_book.mailboxes(diagnostics_book.told(found))
    page = table.html(tmp_path)
    assert Seen(page).active == []
    assert not set("\0\x07\x1b\x9b") & set(page)
    for part in (diagnostics_book.checks, diagnostics_book.to_do):
        assert Seen(part(diagnostics_book.told(found)).html(tmp_path)).active == []
    raw = (tmp_path / "report-mailboxes.csv").read_bytes()
    read = list(csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline="")))
    assert len(read) == len(NAMES) + 1
    assert {len(row) for row in read} == {len(read[0])}
    assert [cell for row in read for cell in row if cell.strip().startswith(FORMULAS)] == []
    assert steering("".join(cell for row in read for cell in row)) == []


def test_a_fleet_and_its_page_hold_text_only(world: World, typed: Typed, tmp_path: Path) -> None:
    page = tmp_path / "fleet.html"
    code, out, err = typed("fleet", "--check", "--report", str(page))
    assert (code, steering(out.decode() + err.decode())) == (0, [])
    shown = page.read_text(encoding="utf-8")
    assert Seen(shown).active == []
    assert "<b onload" not in shown
    assert not set("\0\x07\x1b\x9b") & set(shown)
    code, out, _ = typed("fleet", "--json")
    assert (code, len(strict(out)["tenants"])) == (0, 1)


@pytest.mark.parametrize("label", NAMES)
def test_a_name_typed_into_an_onboarding_steers_nothing_and_adds_no_line(label: str, typed: Typed) -> None:
    name = NAMES[label]
    given: tuple[str, ...] = (
        "--event",
        f"title={name}",
        "--type",
        f"match={name}",
        "--zone",
        f"timezone={name}",
    )
    given += (f"--only={name}", "--calendar", f"name={name},kind=google", "--pack", f"group={name}")
    code, out, err = typed("onboard", "acme", *given)
    assert (code, steering(out.decode() + err.decode())) == (2, [])
    code, out, _ = typed("onboard", name, "--json")
    assert (code, strict(out) is not None) == (2, True)


def _named(name: str) -> Answers:
    """A customer of three providers, to whom everything is called so."""
    plain = re.sub(r"[/\x00-\x1f\x7f-\x9f\u2028\u2029]", "", name)[:100]
    calendars = tuple(replace(one, name=f"{plain} {n}") for n, one in enumerate(ACME.calendars))
    return replace(ACME, calendars=calendars, events=replace(ACME.events, title=name), only=())


def test_a_pack_is_made_of_the_same_parts_whatever_the_names(tmp_path: Path) -> None:
    """Names that cannot be that of a group, or of anything in a file, are refused in words."""
    home, made = Home.open(str(tmp_path / "home")), []
    usual = _skeletons(_pack(home, tmp_path / "usual", "Congés"))
    for label, name in NAMES.items():
        try:
            pack = _pack(home, tmp_path / label, name)
        except UsageError as error:
            message = words.plain(f"{error.message} {error.remedy}")
            assert (label, steering(message), len(message) < 3000) == (label, [], True)
            continue
        page = (pack / setup_pack.PAGE).read_text(encoding="utf-8")
        acting = [one for one in Seen(page).active if not re.fullmatch(SCRIPT, one[1].get("href") or "")]
        assert (label, acting, steering(page)) == (label, [], [])
        assert (label, _skeletons(pack) == usual) == (label, True)
        made.append(label)
    assert len(made) > 100, made


SCRIPT = r"set-up-\d-[a-z0-9-]+\.(?:sh|ps1)"


def _pack(home: Home, folder: Path, name: str) -> Path:
    tenant = tenants.parsed(home, "acme", onboarding.text(_named(name)))
    return setup_pack.write(home, tenant, {"": Given(group=name)}, folder).parent


def _skeletons(pack: Path) -> list[str]:
    """What runs in each script for PowerShell, whatever its literals say."""
    texts = (file.read_text(encoding="utf-8-sig") for file in sorted(pack.glob("*.ps1")))
    return [shell_text.skeleton(text.replace("\r\n", "\n")) for text in texts]
