"""The home: the one folder that holds tenants, secrets, plans, runs, notebooks and the ledger.

tenants/NAME.toml  secrets/  plans/  notebooks/  ledger.db
runs/<run>/{notebook.ipynb,report.html,result.json}
"""

import hmac
import os
import re
import secrets as randomness
import shlex
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from figgo_ops.errors import UsageError
from figgo_ops.secrets import Secret, check_private, learn_kept, resolve, store, write_private

VARIABLE = "FIGGO_OPS_HOME"
LEDGER_VARIABLE = "FIGGO_OPS_LEDGER"
_FOLDERS = ("tenants", "secrets", "plans", "runs", "notebooks")


@dataclass(frozen=True, slots=True)
class Home:
    """A home that exists and that only its owner may write to.

    Attributes:
        path: absolute.
    """

    path: Path

    @classmethod
    def open(cls, path: str | None = None) -> Self:
        """The home at this path, else `FIGGO_OPS_HOME`, else `~/figgo-ops`; created when missing.

        Raises:
            UsageError: it cannot be created, is not a folder, or others may write to it.
        """
        home = cls.at(path)
        for folder in (home.path, *(home.path / name for name in _FOLDERS)):
            _prepare(folder)
        return home

    @classmethod
    def at(cls, path: str | None = None) -> Self:
        """The same home as it is, if it is there at all: nothing is created or checked."""
        chosen = path or os.environ.get(VARIABLE) or "~/figgo-ops"
        return cls(Path(chosen).expanduser().absolute())

    @property
    def tenants(self) -> Path:
        """Where tenant files are."""
        return self.path / "tenants"

    @property
    def secrets(self) -> Path:
        """What `file:` references are relative to."""
        return self.path / "secrets"

    @property
    def plans(self) -> Path:
        """Where plan files are written."""
        return self.path / "plans"

    @property
    def runs(self) -> Path:
        """One folder per run that left something to read."""
        return self.path / "runs"

    @property
    def notebooks(self) -> Path:
        """The engineer's copies of the notebooks."""
        return self.path / "notebooks"

    @property
    def ledger(self) -> str:
        """URL of the ledger: `FIGGO_OPS_LEDGER`, else SQLite in the home. It may hold a password."""
        return os.environ.get(LEDGER_VARIABLE) or f"sqlite:///{self.path / 'ledger.db'}"

    def environment(self) -> dict[str, str]:
        """What kernels and children need so that they work in this home, for adding to their environment."""
        found = {VARIABLE: str(self.path)}
        if ledger := os.environ.get(LEDGER_VARIABLE):
            found[LEDGER_VARIABLE] = ledger
        return found

    def secret(self, reference: str) -> Secret:
        """See `secrets.resolve`."""
        return resolve(reference, self.secrets)

    def store(self, reference: str, value: str) -> None:
        """See `secrets.store`."""
        store(reference, value, self.secrets)

    def learn_secrets(self) -> None:
        """Teach the redactor every secret that work in this home may meet; see `secrets.learn_kept`."""
        texts = (file.read_bytes().decode(errors="replace") for file in self.tenants.glob("*.toml"))
        learn_kept(self.secrets, {name for text in texts for name in re.findall(r"env:([A-Za-z_]\w*)", text)})

    @property
    def digest_key(self) -> bytes:
        """32 random bytes that never leave this home, for remembering a refused credential by its digest.

        Raises:
            UsageError: the file that holds them is damaged, cannot be read, or others may read it.
        """
        path = self.path / "digest.key"
        try:
            if not path.exists():
                _create_once(path, randomness.token_bytes(32))
            check_private(path)
            key = path.read_bytes()
        except OSError as error:
            raise UsageError(
                f"{path} cannot be used: {error.strerror}.", "Check its owner and rights."
            ) from error
        if len(key) != 32:
            raise UsageError(
                f"{path} is damaged: {len(key)} bytes where 32 belong.",
                f"Remove it; refused credentials will be tried once more: rm {shlex.quote(str(path))}",
            )
        return key

    def digest(self, *parts: str) -> str:
        """Keyed hexadecimal digest of a credential and what it opens; worthless without this home."""
        return hmac.new(self.digest_key, "\0".join(parts).encode(), "sha256").hexdigest()


def _create_once(path: Path, content: bytes) -> None:
    """Create a file whole; when another process was first, its file stays."""
    mine = path.with_name(f".{path.name}.{randomness.token_hex(8)}")
    write_private(mine, content)
    try:
        with suppress(FileExistsError):
            path.hardlink_to(mine)
    finally:
        mine.unlink()


def _prepare(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.stat()
    except FileExistsError as error:
        raise UsageError(f"{folder} is a file; a folder belongs there.", _OTHER) from error
    except OSError as error:
        raise UsageError(f"The folder {folder} cannot be used: {error.strerror}.", _OTHER) from error
    mode = stat.S_IMODE(found.st_mode)
    if mode & 0o022:
        raise UsageError(
            f"Others on this machine may write to {folder} (mode {mode:04o}) and change what we do.",
            f"Close it: chmod {mode & 0o700:o} {shlex.quote(str(folder))}",
        )
    if found.st_uid not in (os.geteuid(), 0) and os.geteuid() != 0:
        raise UsageError(f"{folder} belongs to another user, who can change what we do.", _OTHER)


_OTHER = f"Choose another home with {VARIABLE}, or correct this one."
