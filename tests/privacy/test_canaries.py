"""No secret is found in anything that a command says or leaves, whatever goes wrong."""

import io
import random
from collections.abc import Mapping
from functools import partial

import pytest

from figgo_ops.secrets import REDACTOR
from tests.privacy import canaries
from tests.privacy.scene import CERTIFICATE_FILE, KEY_FILE, PASSWORD_FILE, SECRET_FILE, Scene, Trouble
from tests.privacy.troubles import FILES, TROUBLES
from tests.privacy.watch import FIGGO_KEY, PATIENTS, Watch
from tests.rehearsal import TENANT

SEED = 20261122
WORK: Mapping[str, tuple[str, ...]] = {
    "plan": ("plan", TENANT),
    "plan as JSON": ("plan", TENANT, "--json"),
    "sync": ("sync", TENANT),
    "sync as JSON": ("sync", TENANT, "--json"),
    "sync again": ("sync", TENANT, "--retry-credential"),
    "apply": ("apply", "{file}", "--confirm", "{checksum}"),
    "apply as JSON": ("apply", "{file}", "--confirm", "{checksum}", "--json"),
}
ABOUT: Mapping[str, tuple[str, ...]] = {
    "tenants": ("tenants",),
    "tenants as JSON": ("tenants", "--json"),
    "show": ("tenants", "show", TENANT),
    "show as JSON": ("tenants", "show", TENANT, "--json"),
}


def asked(watch: Watch, words: tuple[str, ...], patient: bool = True) -> tuple[str, ...]:
    """The command, about few people and with the plan that was seen."""
    some = [
        watch.corail.case("whole-day").person,
        *(one.id for one in watch.corail.stage.company.people.values() if one.last_name == "Malard"),
    ]
    few = tuple(word for number in some for word in ("--employee", str(number)))
    if words[0] == "apply":
        seen = watch.corail.plan(*some)
        values = {"file": str(seen.file), "checksum": seen.checksum}
        return tuple(word.format(**values) for word in words)
    return (*words, *few) if words[0] in ("plan", "sync") else words


def share() -> list[tuple[str, str]]:
    """Every trouble once and every command with several, drawn alike each time."""
    drawn = random.Random(SEED)
    print(f"seed {SEED}")
    commands = list(WORK)
    drawn.shuffle(commands)
    return [(trouble, commands[n % len(commands)]) for n, trouble in enumerate(TROUBLES)]


EVERY = [(trouble, command) for trouble in TROUBLES for command in WORK]


def nothing_is_found(
    watch: Watch, trouble: Trouble, command: tuple[str, ...], patch: pytest.MonkeyPatch
) -> int:
    words = asked(watch, command)
    with patch.context() as patched:
        trouble(Scene(watch.corail, patched))
        with watch.corail.upon(lambda entry: entry.service != "figgo", watch.glance):
            code = watch.run(*words)
    assert watch.finds() == []
    assert code in (0, 1, 2, 3, 4, 7, 70, 130)
    return code


@pytest.mark.parametrize(("trouble", "command"), share())
def test_no_trouble_brings_a_secret_to_light(
    watch: Watch, monkeypatch: pytest.MonkeyPatch, trouble: str, command: str
) -> None:
    nothing_is_found(watch, TROUBLES[trouble], WORK[command], monkeypatch)


def test_a_command_knows_every_secret_of_its_home_and_not_only_those_it_uses(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that stands where something else belongs is repeated by messages."""
    assert watch.run(*asked(watch, WORK["plan"])) == 0
    unused = Scene(watch.corail, monkeypatch).certificate.split("\n")[3]
    assert REDACTOR.clean(unused) == f"[secret:file:{CERTIFICATE_FILE}]"


def test_a_search_looks_at_everything_that_a_sync_leaves(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And even without our filter no library logs what it was given to send."""
    monkeypatch.setattr(canaries, "everything_logged", partial(canaries.everything_logged, filtered=False))
    assert nothing_is_found(watch, TROUBLES["nothing"], WORK["plan"], monkeypatch) == 0
    assert nothing_is_found(watch, TROUBLES["nothing"], WORK["sync"], monkeypatch) == 0
    certified = TROUBLES["Microsoft 365 by certificate: nothing"]
    assert nothing_is_found(watch, certified, WORK["sync"], monkeypatch) == 0
    for part in ("stdout of sync", "log of sync", "ledger.db meanwhile", "plans/corail-plan-", "/proc/"):
        assert any(name.startswith(part) for name in watch.seen), part
    assert b"httpcore" in watch.seen["log of sync"]
    names = set(watch.secrets())
    assert names >= {KEY_FILE, PASSWORD_FILE, SECRET_FILE, "comment", "private title"}
    assert names >= {"corail-google.json line 1", "corail-microsoft365.pem line 1"}
    for kind in ("token", "assertion", "signature", "log-on", "client assertion", "client signature"):
        assert any(name.startswith(f"{kind} ") for name in names), kind
    for mail, _, _ in PATIENTS:
        assert len(watch.corail.stage.calendars()[mail]) == 2, "her leave was written"


@pytest.mark.parametrize("trouble", FILES)
def test_no_tenant_file_brings_a_secret_to_light(
    watch: Watch, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    with monkeypatch.context() as patched:
        FILES[trouble](Scene(watch.corail, patched))
        codes = {watch.run(*words) for words in ABOUT.values()}
    assert codes <= {0, 2}
    assert watch.finds() == []


MISPLACED = {
    "as a tenant": ("plan", "{key}"),
    "as a tenant to show": ("tenants", "show", "{key}", "--json"),
    "as an employee": ("plan", TENANT, "--employee", "{key}", "--json"),
    "as a day": ("sync", TENANT, "--from", "{key}"),
    "as a checksum": ("apply", "{file}", "--confirm", "{key}"),
    "as a plan": ("apply", "{key}", "--confirm", "plan-0123456789ab", "--json"),
    "as a number": ("apply", "{file}", "--confirm", "plan-0123456789ab", "--removals", "{key}"),
    "as a reference": ("secret", "set", "{key}", "--json"),
    "as a command": ("{key}",),
    "as an option": ("plan", TENANT, "--{key}"),
    "as one word too many": ("tenants", "show", TENANT, "{key}"),
    "as a notebook": ("run", "{key}", "--json"),
    "as a parameter": ("run", "initialization", "-p", "tenant={key}"),
    "as a parameter's name": ("run", "initialization", "-p", "{key}=corail"),
    "as a parameter without name": ("run", "initialization", "-p", "{key}"),
    "as a whole number": ("run", "initialization", "--timeout", "{key}"),
}


@pytest.mark.parametrize("where", MISPLACED)
def test_a_secret_typed_in_the_wrong_place_is_not_repeated(watch: Watch, where: str) -> None:
    """The person's own command line holds it, for which nobody can help them; nothing else does."""
    file = str(watch.corail.plan().file)
    line = watch.kept["corail-google.json line 2"]
    for key in (FIGGO_KEY, line):
        assert watch.run(*(word.format(key=key, file=file) for word in MISPLACED[where])) in (2, 3)
    assert watch.finds() == []


@pytest.mark.parametrize("as_json", [(), ("--json",)], ids=["text", "JSON"])
def test_storing_a_secret_shows_it_nowhere(
    watch: Watch, monkeypatch: pytest.MonkeyPatch, as_json: tuple[str, ...]
) -> None:
    value = "Kanari-neu/+\"<&>'=\\;1234567890"
    for reference, code in (("file:acme/figgo.key", 0), ("env:ACME_KEY", 2), (value, 2)):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(f"{value}\n".encode())))
        assert watch.run("secret", "set", reference, *as_json) == code
    watch.sent["new"] = value
    assert (watch.corail.home.secrets / "acme" / "figgo.key").stat().st_mode & 0o777 == 0o600
    assert watch.finds() == []


@pytest.mark.proof
@pytest.mark.parametrize(("trouble", "command"), EVERY)
def test_no_trouble_brings_a_secret_to_light_with_any_command(
    watch: Watch, monkeypatch: pytest.MonkeyPatch, trouble: str, command: str
) -> None:
    nothing_is_found(watch, TROUBLES[trouble], WORK[command], monkeypatch)
