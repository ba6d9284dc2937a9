"""Where trouble is made: a home full of secrets, services that say what they like, files edited by hand."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from figgo_ops.sandbox.messages import Request, Response
from tests.rehearsal import TENANT, Corail

KEY_FILE, ACCOUNT_FILE = f"{TENANT}-figgo.key", f"{TENANT}-google.json"
PASSWORD_FILE = f"{TENANT}-exchange.password"
SECRET_FILE, CERTIFICATE_FILE = f"{TENANT}-microsoft365.secret", f"{TENANT}-microsoft365.pem"


@dataclass(frozen=True, slots=True)
class Scene:
    """Where trouble is made."""

    corail: Corail
    patch: pytest.MonkeyPatch

    @property
    def key(self) -> str:
        """The tenant's Figgo key."""
        return (self.corail.home.secrets / KEY_FILE).read_text().strip()

    @property
    def password(self) -> str:
        """The password of the service account at Exchange."""
        return (self.corail.home.secrets / PASSWORD_FILE).read_text().strip()

    @property
    def client_secret(self) -> str:
        """The secret of the application at Microsoft 365."""
        return (self.corail.home.secrets / SECRET_FILE).read_text().strip()

    @property
    def certificate(self) -> str:
        """The private key of that application and its certificate."""
        return (self.corail.home.secrets / CERTIFICATE_FILE).read_text()

    def account(self) -> dict[str, str]:
        """The content of the service account's key file."""
        found: dict[str, str] = json.loads((self.corail.home.secrets / ACCOUNT_FILE).read_text())
        return found

    def store(self, name: str, content: str | bytes, mode: int = 0o600) -> None:
        """Put this into a secret file, as somebody would by hand."""
        path = self.corail.home.secrets / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        path.chmod(mode)

    def answers(self, service: str, make: Callable[[Request], Response | None]) -> None:
        """The service answers with what this makes of a whole request; as ever where that is None."""
        stand_in: Any = getattr(self.corail.stage, service)
        handle = stand_in.handle
        self.patch.setattr(stand_in, "handle", lambda request: make(request) or handle(request))


Trouble = Callable[[Scene], object]


def fault(service: str, kind: str, **more: Any) -> Trouble:
    """Something goes wrong each time."""
    return lambda scene: scene.corail.fault(service, kind, **{"times": None, **more})


def written(old: str, new: str) -> Trouble:
    """Somebody edits the tenant file; {key}, {line} of a private key and others stand for secrets."""

    def edit(scene: Scene) -> None:
        secrets = {
            "{key}": scene.key,
            "{password}": scene.password,
            "{secret}": scene.client_secret,
            "{line}": scene.account()["private_key"].split("\n")[3],
            "{pem}": scene.certificate.split("\n")[3],
        }
        text = new
        for name, value in secrets.items():
            text = text.replace(name, json.dumps(value)[1:-1])
        scene.corail.rewrite(old, text)

    return edit


def secret(name: str, change: Callable[[Scene], str | bytes], mode: int = 0o600) -> Trouble:
    """A secret file holds something else."""
    return lambda scene: scene.store(name, change(scene), mode)


def raises(owner: object, name: str, words: Callable[[Scene, tuple[Any, ...]], str]) -> Trouble:
    """An error that nobody foresaw, with secrets in its words and in the frame it comes from."""

    def arrange(scene: Scene) -> None:
        def broken(*given: Any, **_named: Any) -> Any:
            told = words(scene, given)
            raise RuntimeError(f"boom: {told}") from ValueError(told)

        scene.patch.setattr(owner, name, broken)

    return arrange
