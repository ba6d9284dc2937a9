"""Whatever is wrong with a command, a file, a key or a network: the cause, the next step, nothing written."""

import json
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from figgo_ops.sandbox.google_tokens import SCOPE
from tests.rehearsal import ANTILLES, GENEVA, Corail
from tests.shell import PLAN, Ran, Shell, quiet_surroundings, shaped


@pytest.fixture(scope="module")
def corail(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Corail]:
    with Corail(tmp_path_factory.mktemp("corail")) as made:
        yield made


@pytest.fixture
def shell(
    corail: Corail, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Shell]:
    """A shell in a company that is put back after each test, and that nobody may have written to."""
    quiet_surroundings(monkeypatch, tmp_path / "elsewhere")
    monkeypatch.setattr("figgo_ops.session.SystemClock", lambda: corail.clock)
    file, before = corail.file.read_bytes(), signal.getsignal(signal.SIGTERM)
    corail.forget_calls()
    yield Shell(corail, capsys.readouterr)
    corail.stage.faults.clear()
    corail.file.write_bytes(file)
    signal.signal(signal.SIGTERM, before)
    assert corail.writes() == []
    assert not (tmp_path / "elsewhere").exists()


COMMANDS: dict[str, tuple[tuple[str, ...], str, str]] = {
    "no command": ((), "", "figgo-ops --help"),
    "unknown command": (("synch", "corail"), "'synch'", "figgo-ops --help"),
    "no tenant": (("plan",), "tenant", "figgo-ops plan --help"),
    "unknown tenant": (("plan", "nobody"), "There is no tenant nobody", "Known tenants: corail"),
    "misspelt tenant": (("sync", "corial"), "Did you mean corail?", "Known tenants: corail"),
    "tenant that is a path": (("plan", "../tenants/corail"), "There is no tenant", "Known tenants: corail"),
    "unknown option": (("plan", "corail", "--form", "start"), "--form", "--help"),
    "shortened option": (("plan", "corail", "--js"), "--js", "--help"),
    "no such day": (("plan", "corail", "--from", "2026-02-30"), "'2026-02-30' is not a date", "2026-01-31"),
    "French date": (("plan", "corail", "--from", "31/01/2026"), "'31/01/2026' is not a date", "2026-01-31"),
    "legal entity in words": (("plan", "corail", "--legal-entity", "Paris"), "'Paris'", "plan --help"),
    "unknown legal entity": (
        ("plan", "corail", "--legal-entity", "77"),
        "Legal entity 77",
        "3 Corail Antilles",
    ),
    "unknown employee": (("plan", "corail", "--employee", "x@y.example"), "'x@y.example'", "role sees"),
    "empty for whom": (("plan", "corail", "--accept-empty"), "--accept-empty", "--employee E"),
    "tenant to show": (("tenants", "show"), "Which tenant?", "corail"),
    "unknown verb": (("tenants", "list"), "'list'", "tenants --help"),
    "no confirmation": (("apply", "plan.json"), "--confirm", "apply --help"),
    "no plan file": (("apply", "/nowhere/plan.json", "--confirm", "plan-1"), "/nowhere/plan.json", "`plan`"),
    "number in words": (("apply", "p", "--confirm", "c", "--removals", "all"), "'all'", "apply --help"),
    "secret as reference": (
        ("secret", "set", "hunter2hunter2"),
        "Not a secret reference",
        "where the secret",
    ),
    "environment": (("secret", "set", "env:KEY"), "env:KEY is an environment variable", "Set KEY there"),
    "unknown notebook": (("run", "initialisation"), '"initialisation"', "initialization"),
    "misspelt parameter": (("run", "initialization", "-p", "tennant=corail"), '"tennant"', '"tenant"'),
    "parameter without value": (
        ("run", "initialization", "-p", "tenant"),
        "-p tenant has no value",
        "name=value",
    ),
}


@pytest.mark.parametrize(("words", "says", "remedy"), COMMANDS.values(), ids=COMMANDS.keys())
def test_a_wrong_command_is_told_what_is_wrong_and_how_to_go_on(
    shell: Shell, words: tuple[str, ...], says: str, remedy: str
) -> None:
    if words:
        shell.refused(*words, exit=2, says=says, remedy=remedy)
    else:
        ran = shell()
        assert (ran.exit, remedy in ran.err) == (2, True)


def test_what_was_typed_where_a_reference_belongs_is_not_repeated(shell: Shell) -> None:
    ran = shell("secret", "set", "hunter2hunter2")
    assert "hunter2hunter2" not in ran.out + ran.err


@pytest.mark.parametrize("asked", [(), ("--json",)], ids=["text", "JSON"])
def test_a_secret_typed_behind_its_reference_is_not_repeated(shell: Shell, asked: tuple[str, ...]) -> None:
    ran = shell("secret", "set", "file:new.key", "hunter2-very-secret", *asked)
    assert (ran.exit, "hunter2" in ran.out + ran.err) == (2, False)
    assert not (shell.corail.home.secrets / "new.key").exists()


def test_an_employee_who_could_be_two_people_is_asked_for_by_id(shell: Shell) -> None:
    one, other = shell.corail.case("shared-mail").people
    shell.refused(
        "plan",
        "corail",
        "--employee",
        "atelier@corail.example",
        exit=2,
        says="names 2 people",
        remedy=f"one of {one}, {other}",
    )


TENANT_FILES: dict[str, tuple[str, str, str]] = {
    "not TOML": ('name = "corail"', "name = corail", "is not TOML"),
    "unknown key": (
        "show_type = false",
        "show_typ = false",
        "events.show_typ: unknown key. Did you mean show_type?",
    ),
    "unknown table": ("[limits]", "[limit]", "limit: unknown key. Did you mean limits?"),
    "unknown zone": ('"Europe/Zurich"', '"Europe/Zürich"', "zone[0].timezone: not an IANA zone"),
    "date in quotes": ("start = 2026-05-01", 'start = "2026-05-01"', "start: must be a date without quotes"),
    "wrong type": ("delete_min = 10", "delete_min = true", "limits.delete_min: must be"),
    "wrong state": ('state = "draft"', 'state = "activ"', "Did you mean active?"),
    "wrong kind": ('kind = "google"', 'kind = "gogle"', "Did you mean google?"),
    "secret in clear": (
        "file:corail-figgo.key",
        "7c4e9a31-hunter2",
        "figgo.api_key: a reference belongs here",
    ),
    "secret in the URL": ("https://localhost", "https://key:hunter2@localhost", "figgo.url: must not hold"),
    "no encryption": ("https://localhost", "http://localhost", "figgo.url: must be an https:// URL"),
    "another name": ('name = "corail"', 'name = "recif"', "name: must be the file's name, corail"),
}


@pytest.mark.parametrize(("old", "new", "says"), TENANT_FILES.values(), ids=TENANT_FILES.keys())
def test_a_mistake_in_the_tenant_file_is_named_by_file_and_key(
    shell: Shell, old: str, new: str, says: str
) -> None:
    shell.corail.rewrite(old, new)
    for command in ("plan", "sync"):
        shell.refused(command, "corail", exit=2, says=says, remedy="Correct th")
        assert str(shell.corail.file) in shell(command, "corail").err
        assert "hunter2" not in shell(command, "corail").err
    assert shell.corail.calls("figgo") == []


SECRETS: dict[str, tuple[str, str, str, str]] = {
    "gone": (
        "file:corail-figgo.key",
        "file:gone.key",
        "gone.key, which does not exist",
        "secret set file:gone.key",
    ),
    "not set": (
        "file:corail-figgo.key",
        "env:FIGGO_OPS_TEST_KEY",
        "FIGGO_OPS_TEST_KEY is not set",
        "Set FIGGO",
    ),
    "no key at all": (
        "file:corail-figgo.key",
        "file:corail-google.json",
        "does not hold an API key",
        "Store the key",
    ),
    "authority": ("ca.pem", "ca-gone.pem", "certificate authority", "ca_file"),
}


@pytest.mark.parametrize(("old", "new", "says", "remedy"), SECRETS.values(), ids=SECRETS.keys())
def test_a_reference_that_leads_nowhere_names_itself(
    shell: Shell, old: str, new: str, says: str, remedy: str
) -> None:
    shell.corail.rewrite(old, new)
    shell.refused("plan", "corail", exit=2, says=says, remedy=remedy)


def test_a_secret_that_others_may_read_is_not_used(shell: Shell) -> None:
    key = shell.corail.home.secrets / "corail-figgo.key"
    key.chmod(0o640)
    try:
        shell.refused("plan", "corail", exit=2, says="may be read by others", remedy="chmod 600")
    finally:
        key.chmod(0o600)


def test_a_refused_api_key_is_asked_once_and_then_left_alone_until_somebody_says_so(shell: Shell) -> None:
    corail = shell.corail
    corail.rewrite("file:corail-figgo.key", "file:corail-figgo-revoked.key")
    first = shell("plan", "corail")
    assert (first.exit, "does not know the API key (401" in first.err) == (4, True)
    assert "Ask the customer's administrator" in first.err
    assert len(corail.calls("figgo")) == 1
    shell.refused("plan", "corail", exit=4, says="it was not tried again", remedy="--retry-credential")
    assert len(corail.calls("figgo")) == 1
    again = shell.json("plan", "corail", "--retry-credential")
    assert (again.exit, again.error["code"]) == (4, "key-refused")
    assert len(corail.calls("figgo")) == 2


def test_a_key_that_sees_nobody_is_not_an_empty_company(shell: Shell) -> None:
    shell.corail.rewrite("file:corail-figgo.key", "file:corail-figgo-nobody.key")
    shell.refused("plan", "corail", exit=3, says="shows nobody to this key", remedy="role of the API key")


def test_a_figgo_nobody_answers_for_is_unreachable(shell: Shell) -> None:
    corail = shell.corail
    corail.rewrite(corail.stage.urls["figgo"], "https://localhost:1")
    shell.refused("plan", "corail", exit=7, says="Figgo (localhost:1)", remedy="Check host and port")


NETWORKS: dict[str, tuple[str, object, str, str]] = {
    "self-signed": ("certificate", "self-signed", "its certificate is self-signed", "Have it replaced"),
    "expired": ("certificate", "expired", "its certificate has expired", "must renew"),
    "wrong name": ("certificate", "wrong-name", "its certificate is for another name", "Correct the url"),
    "login page": ("html", None, "a page (Connexion) instead of JSON", "a login page"),
    "maintenance": ("status", 503, "answers 503", "Run again later"),
    "sent on": (
        "status",
        {"status": 302, "headers": {"Location": "https://sso.example/"}},
        "sso.example",
        "url",
    ),
}


@pytest.mark.parametrize(("kind", "value", "says", "remedy"), NETWORKS.values(), ids=NETWORKS.keys())
def test_a_figgo_that_does_not_answer_as_itself_is_unreachable(
    shell: Shell, kind: str, value: object, says: str, remedy: str
) -> None:
    shell.corail.fault("figgo", kind, times=None, value=value)
    shell.refused("plan", "corail", exit=7, says=says, remedy=remedy)


def test_a_google_nobody_can_trust_plans_nothing_and_says_so_once(shell: Shell) -> None:
    shell.corail.fault("google", "certificate", value="self-signed", times=None)
    told_of_google(shell, 7, "its certificate is self-signed", "Have it replaced by one from an authority.")


def test_a_google_that_is_not_there_plans_nothing_and_says_so_once(shell: Shell) -> None:
    corail = shell.corail
    google = corail.stage.urls["google"]
    for old in (f'api_root = "{google}"', f'token_url = "{google}/token"'):
        corail.rewrite(old, old.replace(google, "https://localhost:1"))
    told_of_google(shell, 7, "the connection was refused", "Check host and port in the url.")


def test_a_delegation_that_was_not_granted_names_client_and_scope(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shell.corail.stage.google.tokens, "granted", set())
    client = json.loads((shell.corail.home.secrets / "corail-google.json").read_text("utf-8"))["client_id"]
    told_of_google(
        shell, 4, f"client id {client} with exactly the scope {SCOPE}", "Manage Domain Wide Delegation"
    )
    monkeypatch.undo()


def test_a_key_file_that_is_none_plans_nothing_and_says_so_once(shell: Shell) -> None:
    shell.corail.rewrite("file:corail-google.json", "file:corail-figgo.key")
    told_of_google(shell, 2, "does not hold the key file of a service account", "figgo-ops secret set")


def told_of_google(shell: Shell, exit_code: int, says: str, remedy: str) -> None:
    """Every mailbox at Google is unreadable, programs learn each, people the cause; others are planned."""
    seen = shell.json("plan", "corail")
    shaped(seen.document, PLAN)
    counts = [seen.document[name] for name in ("created", "updated", "deleted")]
    entities = ("--legal-entity", GENEVA, "--legal-entity", ANTILLES)
    others = shell.json("plan", "corail", *entities).document["created"]
    assert (seen.exit, counts, others > 20) == (exit_code, [others, 0, 0], True)
    everyone = set(shell.corail.stage.google.mails()) - {"atelier@corail.example"}
    assert len(seen.document["unreadable"]) == len(everyone)
    assert all(says in row["error"] for row in seen.document["unreadable"])
    read = shell("plan", "corail")
    lines = [line for line in read.out.splitlines() if line.startswith("Not readable: ")]
    assert read.exit == exit_code
    assert len(lines) <= 3, "the same cause fills the screen"
    assert all(says in line and remedy in line for line in lines)


def planned(shell: Shell) -> dict[str, str]:
    """A fresh plan of one employee's calendar."""
    number = shell.corail.case("whole-day").person
    found: dict[str, str] = shell.json("plan", "corail", "--employee", number).document
    return found


def apply_of(seen: dict[str, str], **more: str) -> list[str]:
    return ["apply", seen["file"], "--confirm", more.get("confirm", seen["checksum"])]


def test_a_checksum_that_is_not_the_plans_is_refused(shell: Shell) -> None:
    seen = planned(shell)
    shell.refused(
        *apply_of(seen, confirm="plan-000000000000"),
        exit=3,
        says=seen["checksum"],
        remedy="Confirm the checksum",
    )


def test_a_plan_file_that_was_edited_is_refused(shell: Shell) -> None:
    seen = planned(shell)
    file = Path(seen["file"])
    file.write_text(file.read_text("utf-8").replace("2026-12-02", "2026-12-03"), "utf-8")
    shell.refused(
        *apply_of(seen), exit=3, says="was changed after it was written", remedy="figgo-ops plan corail"
    )


def test_a_plan_file_that_was_cut_or_is_no_plan_is_refused(shell: Shell, tmp_path: Path) -> None:
    seen = planned(shell)
    text = Path(seen["file"]).read_text("utf-8")
    for other in (text[: len(text) // 2], "", "[]", '{"rows": []}', text.replace('"unit"', '"unity"')):
        (tmp_path / "plan.json").write_text(other, "utf-8")
        words = ("apply", tmp_path / "plan.json", "--confirm", seen["checksum"])
        shell.refused(*words, exit=2, says="is not a plan file", remedy="figgo-ops plan")
    shell.refused(
        "apply", tmp_path, "--confirm", seen["checksum"], exit=2, says="cannot be read", remedy="path"
    )


def test_a_plan_is_good_for_a_day(shell: Shell) -> None:
    seen = planned(shell)
    shell.corail.clock.sleep(24 * 3600 + 60)
    shell.refused(*apply_of(seen), exit=3, says="over 24 hours ago", remedy="figgo-ops plan corail")


def test_a_plan_made_under_another_policy_is_refused(shell: Shell) -> None:
    seen = planned(shell)
    shell.corail.rewrite('title = "Absent"', 'title = "Absente"')
    shell.refused(*apply_of(seen), exit=3, says="tenant file has changed", remedy="figgo-ops plan corail")


STATES = {
    "draft": ("sync", "corail is a draft", "figgo-ops plan corail --from start"),
    "paused": ("sync", "corail is paused", "figgo-ops resume corail"),
    "closed": ("sync", "corail is closed", "figgo-ops offboard corail"),
    "paused, applied": ("apply", "corail is paused", "figgo-ops resume corail"),
    "closed, applied": ("apply", "corail is closed", "figgo-ops offboard corail"),
}


@pytest.mark.parametrize(("state", "told"), STATES.items(), ids=STATES.keys())
def test_a_tenant_that_is_not_active_is_not_written_to(
    shell: Shell, state: str, told: tuple[str, str, str]
) -> None:
    command, says, remedy = told
    words = apply_of(planned(shell)) if command == "apply" else ["sync", "corail"]
    shell.corail.activate(state.partition(",")[0])
    shell.refused(*words, exit=3, says=says, remedy=remedy)


def test_a_paused_tenant_can_be_looked_at(shell: Shell) -> None:
    shell.corail.activate("paused")
    seen = shell("plan", "corail")
    assert (seen.exit, "Refused: corail is paused" in seen.out) == (3, True)
    assert "To go on: " in seen.out


def moved(shell: Shell, place: Path) -> Path:
    """A home of one's own with the same tenant."""
    for name in ("tenants", "secrets"):
        shutil.copytree(shell.corail.home.path / name, place / name)
    place.chmod(0o700)
    return place


def refused_in(shell: Shell, home: Path, says: str, remedy: str) -> Ran:
    ran = shell("plan", "corail", home=home)
    assert (ran.exit, says in ran.err, remedy in ran.err) == (2, True, True), ran
    return ran


def test_a_home_that_others_may_write_to_is_not_used(shell: Shell, tmp_path: Path) -> None:
    home = moved(shell, tmp_path / "open")
    home.chmod(0o777)
    refused_in(shell, home, "Others on this machine may write", f"chmod 700 {home}")
    home.chmod(0o700)
    (home / "tenants").chmod(0o770)
    refused_in(shell, home, "Others on this machine may write", f"chmod 700 {home / 'tenants'}")


def test_a_home_that_cannot_be_is_named(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    refused_in(shell, tmp_path / "file", "is a file; a folder belongs there", "FIGGO_OPS_HOME")
    refused_in(shell, tmp_path / "file" / "home", "cannot be used", "FIGGO_OPS_HOME")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_home_that_cannot_be_written_to_is_named(shell: Shell, tmp_path: Path) -> None:
    home = moved(shell, tmp_path / "closed")
    home.chmod(0o500)
    refused_in(shell, home, str(home), "FIGGO_OPS_HOME")


def test_a_damaged_ledger_is_named_with_what_is_lost_without_it(shell: Shell, tmp_path: Path) -> None:
    home = moved(shell, tmp_path / "damaged")
    (home / "ledger.db").write_bytes(b"SQLite format 3\0" + os.urandom(4096))
    refused_in(shell, home, "ledger.db cannot be used", f"mv {home / 'ledger.db'}")
    ran = refused_in(shell, home, "ledger.db cannot be used", "No event is doubled")
    assert "places" in ran.err


def test_a_ledger_elsewhere_is_named_without_its_password(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIGGO_OPS_LEDGER", "mysql://figgo:hunter2hunter2@db.example/figgo")
    shell.refused("plan", "corail", exit=2, says="cannot be kept in mysql", remedy="postgresql://")
    assert "hunter2hunter2" not in shell("plan", "corail").err
