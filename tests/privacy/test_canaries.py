"""No secret is found in anything that a command says or leaves, whatever goes wrong."""

import io
import random
import signal
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from figgo_ops.__main__ import main
from figgo_ops.sandbox.messages import Request, Service
from figgo_ops.secrets import REDACTOR
from tests.privacy import canaries
from tests.privacy.scene import CERTIFICATE_FILE, KEY_FILE, PASSWORD_FILE, SECRET_FILE, Scene, Trouble
from tests.privacy.troubles import FILES, LEDGER_PASSWORD, TROUBLES
from tests.rehearsal import ANTILLES, GENEVA, TENANT, Corail
from tests.shell import quiet_surroundings

SEED = 20261122
FIGGO_KEY = "Kanari+v0gel/fliegt?weit\"<&%>'=\\;end"
"""No two encodings spell it alike."""

PASSWORD = "Kanari+Exch4nge/Passw?rt\"<&%>'=\\;end"
CLIENT_SECRET = "Kanari~Gr4ph/Geh.eim?\"<&%>'=\\;end"
TITLE, NOTE = "Kanari Psychothérapie du mardi", "Kanari-Notiz: clés sous le pot"
"""What somebody keeps in a private event of their own, on the days of their leave."""

COMMENT, TYPE = "Kanari-Kommentar über Chimio", "Kanari Arrêt maladie longue"
"""What a leave says that the policy shows to nobody: neither is ever called that by us."""

PATIENTS: Sequence[tuple[str, int, Mapping[str, str]]] = (
    ("lea.malard@corail.example", 1, {"visibility": "private", "description": NOTE}),
    ("lea.malard@corail-suisse.example", GENEVA, {"sensitivity": "Private", "body": NOTE}),
    ("lea.malard@corail-antilles.example", ANTILLES, {"sensitivity": "Private", "body": NOTE}),
)
"""Somebody at each provider, with a private event."""

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


@dataclass
class Watch:
    """A home whose secrets are canaries, and everything that commands leave in it and around it."""

    corail: Corail
    temporary: Path
    read: Callable[[], tuple[str, str]]
    seen: dict[str, bytes] = field(default_factory=dict)
    sent: dict[str, str] = field(default_factory=dict)
    kept: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.kept = canaries.secrets_in(self.corail.home.secrets)

    def run(self, *words: str) -> int:
        """One command; what it says and logs is kept."""
        self.read()
        REDACTOR._known.clear()  # each command is a process of its own, which knows no secret yet
        with canaries.everything_logged() as logged:
            code = main([*words, "--home", str(self.corail.home.path)])
        said = words[0] if words[0] in ("plan", "sync", "apply", "tenants", "run") else "something else"
        for name, text in zip(("stdout", "stderr"), self.read(), strict=True):
            self._keep(f"{name} of {said}", text)
        self._keep(f"log of {said}", "\n".join(logged))
        return code

    def glance(self) -> None:
        """Keep what can be seen of us while a command is at work."""
        self.seen |= {f"{name} meanwhile": text for name, text in self._left().items()}

    def finds(self) -> list[str]:
        """Every canary in everything seen."""
        searcher = canaries.Searcher(self.secrets())
        return searcher.found(self.seen | self._left())

    def secrets(self) -> dict[str, str]:
        """What nobody may see: kept in the home, sent by us, handed out to us, or told about a leave."""
        granted = [*self.corail.stage.google.tokens._grants, *self.corail.stage.microsoft365.tokens._tokens]
        return {
            **self.kept,
            **{f"token {n}": token for n, token in enumerate(granted)},
            **self.sent,
            "comment": COMMENT,
            "private title": TITLE,
            "private note": NOTE,
            "absence type": TYPE,
            "ledger password": LEDGER_PASSWORD,
        }

    def note(self, request: Request) -> None:
        """Remember the assertion in a request for a token."""
        if request.path == "/token":
            assertion = request.body.decode("latin-1").partition("assertion=")[2]
            self.sent[f"assertion {len(self.sent)}"] = assertion
            self.sent[f"signature {len(self.sent)}"] = assertion.rpartition(".")[2]

    def note_sign_in(self, request: Request) -> None:
        """Remember the assertion in a question for a token at Microsoft."""
        for assertion in parse_qs(request.body.decode("latin-1")).get("client_assertion", ()):
            self.sent[f"client assertion {len(self.sent)}"] = assertion
            self.sent[f"client signature {len(self.sent)}"] = assertion.rpartition(".")[2]

    def note_log_on(self, request: Request) -> None:
        """Remember what a request to Exchange shows of the password."""
        word = request.headers.get("Authorization", "").rpartition(" ")[2]
        if word and word not in self.sent.values():
            self.sent[f"log-on {len(self.sent)}"] = word

    def _left(self) -> dict[str, bytes]:
        home = canaries.files(self.corail.home.path, without=("secrets", "tenants", "ca"))
        temporary = {f"TMPDIR/{name}": text for name, text in canaries.files(self.temporary).items()}
        return {**home, **temporary, **canaries.processes(), **canaries.environments()}

    def _keep(self, name: str, text: str) -> None:
        self.seen[name] = self.seen.get(name, b"") + text.encode(errors="surrogatepass")


@pytest.fixture
def watch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Watch]:
    """The company, with a leave in it that says more than anybody may know."""
    quiet_surroundings(monkeypatch, tmp_path / "elsewhere")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr(tempfile, "tempdir", None)
    kept = tmp_path / "home" / "secrets"
    kept.mkdir(parents=True)
    for name, secret in ((KEY_FILE, FIGGO_KEY), (PASSWORD_FILE, PASSWORD), (SECRET_FILE, CLIENT_SECRET)):
        (kept / name).write_text(secret)
        (kept / name).chmod(0o600)
    before = signal.getsignal(signal.SIGTERM)
    with Corail(tmp_path) as corail:
        corail.activate()
        monkeypatch.setattr("figgo_ops.session.SystemClock", lambda: corail.clock)
        for mail, entity, private in PATIENTS:
            patient = corail.stage.hire("Léa", "Malard", entity, mail).id
            corail.stage.enter_by_hr(patient, date(2027, 1, 11), account=TYPE, comment=COMMENT)
            corail.owner(patient).add(TITLE, "2027-01-11", "2027-01-12", **private)
        made = Watch(corail, temporary, capsys.readouterr)
        noting(monkeypatch, corail.stage.google, made.note)
        noting(monkeypatch, corail.stage.exchange, made.note_log_on)
        noting(monkeypatch, corail.stage.microsoft365, made.note_sign_in)
        yield made
    signal.signal(signal.SIGTERM, before)


def noting(patch: pytest.MonkeyPatch, service: Service, note: Callable[[Request], None]) -> None:
    """Whatever is asked of a service is noted."""
    identify = service.identify

    def noted(request: Request) -> str:
        note(request)
        return identify(request)

    patch.setattr(service, "identify", noted)


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
