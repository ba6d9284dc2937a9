"""A home whose secrets are canaries, and everything that is seen of commands that work in it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from figgo_ops.__main__ import main
from figgo_ops.sandbox.messages import Request, Service
from figgo_ops.secrets import REDACTOR
from tests.privacy import canaries
from tests.privacy.troubles import LEDGER_PASSWORD
from tests.rehearsal import ANTILLES, GENEVA, Corail

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

KNOWN = ("plan", "sync", "apply", "tenants", "run", "diagnose", "onboard", "fleet")


@dataclass
class Watch:
    """A home whose secrets are canaries, and everything that commands leave in it and around it.

    Attributes:
        unread: folders of the home that are not searched: secrets are there, or somebody put them there.
    """

    corail: Corail
    temporary: Path
    read: Callable[[], tuple[str, str]]
    seen: dict[str, bytes] = field(default_factory=dict)
    sent: dict[str, str] = field(default_factory=dict)
    kept: dict[str, str] = field(init=False)
    unread: tuple[str, ...] = ("secrets", "tenants", "ca")

    def __post_init__(self) -> None:
        self.kept = canaries.secrets_in(self.corail.home.secrets)

    def run(self, *words: str) -> int:
        """One command; what it says and logs is kept."""
        self.read()
        REDACTOR._known.clear()  # each command is a process of its own, which knows no secret yet
        with canaries.everything_logged() as logged:
            code = main([*words, "--home", str(self.corail.home.path)])
        said = words[0] if words[0] in KNOWN else "something else"
        for name, text in zip(("stdout", "stderr"), self.read(), strict=True):
            self._keep(f"{name} of {said}", text)
        self._keep(f"log of {said}", "\n".join(logged))
        return code

    def glance(self) -> None:
        """Keep what can be seen of us while a command is at work."""
        self.seen |= {f"{name} meanwhile": text for name, text in self.left().items()}

    def finds(self) -> list[str]:
        """Every canary in everything seen."""
        searcher = canaries.Searcher(self.secrets())
        return searcher.found(self.seen | self.left())

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

    def left(self) -> dict[str, bytes]:
        """What is to be found around us now."""
        home = canaries.unpacked(canaries.files(self.corail.home.path, without=self.unread))
        temporary = {f"TMPDIR/{name}": text for name, text in canaries.files(self.temporary).items()}
        return {**home, **temporary, **canaries.processes(), **canaries.environments()}

    def _keep(self, name: str, text: str) -> None:
        self.seen[name] = self.seen.get(name, b"") + text.encode(errors="surrogatepass")


def noting(patch: pytest.MonkeyPatch, service: Service, note: Callable[[Request], None]) -> None:
    """Whatever is asked of a service is noted."""
    identify = service.identify

    def noted(request: Request) -> str:
        note(request)
        return identify(request)

    patch.setattr(service, "identify", noted)
