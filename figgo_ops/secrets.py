"""Secrets are references, resolved at the last moment, where they are used.

A reference is `env:NAME`, `file:PATH` (relative to the home's `secrets/`) or `keyring:SERVICE/USER`.
"""

import base64
import html
import json
import logging
import os
import re
import shlex
import stat
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote, quote_plus

from pydantic import AfterValidator

from figgo_ops.errors import SecretUnavailable, UsageError

_SHAPE = re.compile(r"(env:[A-Za-z_][A-Za-z0-9_]*|file:.+|keyring:[^/]+/.+)")
_EXPECTED = "a reference belongs here (env:NAME, file:PATH or keyring:SERVICE/USER), not a value"
HIDDEN = "[hidden]"

_SHAPES = (
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL),
    re.compile(r"(?<=Bearer )[\w.~+/=-]{8,}", re.IGNORECASE),
    re.compile(r"(?<=Basic )[\w+/=-]{12,}", re.IGNORECASE),
    re.compile(r"(?<=lucca application=)(?!\[secret:)[^\s\"'&<>,;]+", re.IGNORECASE),
    re.compile(r"\beyJ[\w-]{6,}(?:\.[\w-]*){0,2}"),
    re.compile(r"\bya29\.[\w.-]{8,}"),
)
"""What a credential looks like that nobody resolved here: it came in an answer or a vendor's message."""

_CONFIDENTIAL = ("private_key", "private_key_id", "client_secret", "refresh_token", "password")


def is_reference(text: str) -> bool:
    """Whether the text has the shape of a secret reference."""
    return _SHAPE.fullmatch(text) is not None


def references(section: Mapping[str, Any]) -> list[str]:
    """Every secret reference among the values of a section."""
    return [value for value in section.values() if isinstance(value, str) and is_reference(value)]


def _reference(text: str) -> str:
    """Refuse a value where a reference belongs, without repeating it: it may be the secret itself."""
    if not is_reference(text):
        raise ValueError(_EXPECTED)
    return text


SecretRef = Annotated[str, AfterValidator(_reference)]


@dataclass(frozen=True, slots=True)
class Secret:
    """A resolved secret that shows its reference, never its value."""

    reference: str
    value: str

    def __repr__(self) -> str:
        return f"[secret:{self.reference}]"

    __str__ = __repr__


_HEAD = 7
"""Known secrets are looked up by so many characters: a home of many customers holds thousands of them."""


class Redactor:
    """Replaces every secret resolved in this process by its reference, in text that leaves the process."""

    def __init__(self) -> None:
        # By their first characters, with what is shown in their place.
        self._known: dict[str, dict[str, str]] = {}

    def learn(self, value: str, reference: str) -> None:
        """Remember a value; parts of six characters or fewer would blank innocent text and are left out."""
        for part in {value, *value.splitlines()}:
            plain = part.strip()
            if len(plain) > 6 and not plain.startswith("-----"):
                for spelt in _spellings(plain):
                    if len(spelt) >= _HEAD:
                        self._known.setdefault(spelt[:_HEAD], {})[spelt] = f"[secret:{reference}]"

    def clean(self, text: str) -> str:
        """The text without any known secret, and without what only looks like a credential."""
        pieces, done = [], 0
        for begin, end, shown in self._found(text):
            pieces += [text[done:begin], shown]
            done = end
        text = "".join([*pieces, text[done:]])
        for shape in _SHAPES:
            text = shape.sub(HIDDEN, text)
        return text

    def _found(self, text: str) -> Iterator[tuple[int, int, str]]:
        """Where known secrets begin and end, and what is shown instead; those that overlap are one."""
        begin, end, shown = 0, 0, ""
        for at in range(len(text) - _HEAD + 1):
            alike = self._known.get(text[at : at + _HEAD])
            there = [one for one in alike if text.startswith(one, at)] if alike else []
            if not alike or not there:
                continue
            longest = max(there, key=len)
            if at >= end:
                if shown:
                    yield begin, end, shown
                begin, shown = at, alike[longest]
            end = max(end, at + len(longest))
        if shown:
            yield begin, end, shown

    def cleaned(self, value: Any) -> Any:
        """The same JSON value or record with every string in it cleaned, also those that are keys."""
        if isinstance(value, str):
            return self.clean(value)
        if isinstance(value, list | tuple):
            return [self.cleaned(item) for item in value]
        if isinstance(value, dict):
            return {self.cleaned(key): self.cleaned(item) for key, item in value.items()}
        if is_dataclass(value) and not isinstance(value, type):
            return replace(value, **self.cleaned({f.name: getattr(value, f.name) for f in fields(value)}))
        return value


def _spellings(value: str) -> Iterator[str]:
    """The same secret as a URL, JSON, Python, HTML, a shell, hexadecimal and base64 spell it."""
    raw = value.encode(errors="surrogateescape")
    in_json = json.dumps(value)[1:-1]
    yield from (value, in_json, json.dumps(in_json)[1:-1], repr(value)[1:-1], raw.hex(), raw.hex().upper())
    yield from (quote(raw, safe=""), quote(raw), quote_plus(raw))
    yield str(Path(value))  # typed where a path belongs it loses slashes
    in_csv = value.replace('"', '""')
    yield from (text.replace("'", "'\"'\"'") for text in (value, in_csv))  # a shell's quotes around it
    escaped = html.escape(value)
    yield from (escaped, escaped.replace("&#x27;", "&#39;"), html.escape(value, quote=False))
    for skipped in range(3):
        # Characters that share bits with neighbours differ from place to place and are left out.
        shared = (len(raw) + skipped) % 3
        text = base64.b64encode(b"\0" * skipped + raw).decode().rstrip("=")
        inner = text[(0, 2, 3)[skipped] : len(text) - bool(shared)]
        yield from (inner, inner.translate(_URL_SAFE))


_URL_SAFE = str.maketrans("+/", "-_")

REDACTOR = Redactor()
"""The one redactor of this process: whoever resolves a secret teaches it, whoever writes text asks it."""


class Redact(logging.Filter):
    """Takes known secrets out of log records; belongs on every handler."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Clean message, arguments, exception and stack in place; never drop a record."""
        try:
            message = record.getMessage()
        except (TypeError, ValueError, KeyError):  # logging would print such arguments to stderr as they are
            message = f"{record.msg} {record.args!r}"
        record.msg, record.args = REDACTOR.clean(message), ()
        if record.exc_info:
            record.exc_text = record.exc_text or logging.Formatter().formatException(record.exc_info)
            record.exc_info = None
        if record.exc_text:
            record.exc_text = REDACTOR.clean(record.exc_text)
        if record.stack_info:
            record.stack_info = REDACTOR.clean(record.stack_info)
        return True


def resolve(reference: str, folder: Path) -> Secret:
    """The secret that a reference leads to, its trailing newline left out.

    Args:
        reference: `env:`, `file:` or `keyring:`.
        folder: the home's `secrets/`, which file references are relative to.

    Raises:
        SecretUnavailable: it leads nowhere, to nothing, or to a file that others may read.
        UsageError: it is no reference.
    """
    door, _, rest = _checked(reference).partition(":")
    if door == "env":
        value = _from_environment(rest)
    elif door == "file":
        value = _from_file(reference, folder / rest)
    else:
        value = _from_keyring(reference, rest)
    value = value.rstrip("\r\n")
    if not value:
        raise SecretUnavailable(f"The secret {reference} is empty.", f"Store it: {_set_command(reference)}")
    _teach(value, reference)
    return Secret(reference, value)


def learn_kept(folder: Path, names: Iterable[str] = ()) -> None:
    """Teach the redactor all secrets in this folder and these variables: what will be used is not known yet.

    Keyrings are left out; they may ask the person at the keyboard.
    """
    for file in folder.rglob("*"):
        with suppress(OSError, UnicodeDecodeError):  # such a file gives its secret to nobody else either
            if file.is_file():
                _teach(file.read_text("utf-8").rstrip("\r\n"), f"file:{file.relative_to(folder)}")
    for name in names:
        _teach(os.environ.get(name, ""), f"env:{name}")


def store(reference: str, value: str, folder: Path) -> None:
    """Put a secret where its reference leads.

    Raises:
        SecretUnavailable: the keyring would not take it.
        UsageError: it is no reference, a variable (which only its owner can set), an empty value, or a file
            that cannot be written.
    """
    door, _, rest = _checked(reference).partition(":")
    if door == "env":
        raise UsageError(
            f"{reference} is an environment variable; it can only be set where figgo-ops is started.",
            f"Set {rest} there, or name a file: or keyring: reference in the tenant file.",
        )
    if not value.strip():
        raise UsageError(f"Nothing was given for {reference}.", "Give the secret's value.")
    _teach(value, reference)
    if door == "file":
        write_private(folder / rest, value.encode())
    else:
        _to_keyring(reference, rest, value)


def check_private(path: Path) -> None:
    """Refuse a file or folder that anybody else may read.

    Raises:
        SecretUnavailable: with the command that closes it.
        OSError: it cannot be looked at.
    """
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise SecretUnavailable(
            f"{path} may be read by others on this machine (mode {mode:04o}).",
            f"Close it: chmod {mode & 0o700:o} {shlex.quote(str(path))}",
        )


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only we may read, all of it or nothing.

    Raises:
        UsageError: the folder cannot be written to.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with open(handle, "wb") as file:  # noqa: PTH123 - a descriptor, not a path; mkstemp made it 0600
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            with suppress(FileNotFoundError):
                Path(name).unlink()
            raise
    except OSError as error:
        raise UsageError(
            f"{path} cannot be written: {error.strerror}.", "Check its folder's owner, rights and free space."
        ) from error


def _checked(reference: str) -> str:
    if not is_reference(reference):
        raise UsageError(f"Not a secret reference: {_EXPECTED}.", "Name where the secret is kept.")
    return reference


def _from_environment(name: str) -> str:
    value = os.environ.get(name, "")
    if not value:
        state = "empty" if name in os.environ else "not set"
        raise SecretUnavailable(
            f"The environment variable {name} is {state}.", f"Set {name} where figgo-ops is started."
        )
    return value


def _from_file(reference: str, path: Path) -> str:
    try:
        if not path.is_file():
            what = "is not a file" if path.exists() else "does not exist"
            raise SecretUnavailable(
                f"{reference} leads to {path}, which {what}.", f"Store it: {_set_command(reference)}"
            )
        check_private(path)
        return path.read_text("utf-8")
    except OSError as error:
        raise SecretUnavailable(
            f"{path}, which {reference} leads to, cannot be read: {error.strerror}.",
            "Check its owner and rights.",
        ) from error
    except UnicodeDecodeError as error:
        raise SecretUnavailable(
            f"{path}, which {reference} leads to, is not UTF-8 text.", "Save it as UTF-8, or store it again."
        ) from error


def _from_keyring(reference: str, place: str) -> str:
    import keyring
    from keyring.errors import KeyringError

    service, _, user = place.partition("/")
    try:
        value = keyring.get_password(service, user)
    except KeyringError as error:
        raise _no_keyring(reference) from error
    if value is None:
        raise SecretUnavailable(
            f"{_backend()} has no entry for {reference}.", f"Store it: {_set_command(reference)}"
        )
    return value


def _to_keyring(reference: str, place: str, value: str) -> None:
    import keyring
    from keyring.errors import KeyringError

    service, _, user = place.partition("/")
    try:
        keyring.set_password(service, user, value)
    except KeyringError as error:
        raise _no_keyring(reference) from error


def _no_keyring(reference: str) -> SecretUnavailable:
    return SecretUnavailable(
        f"{_backend()} did not answer for {reference}.",
        "Unlock or install a keyring for the user who starts figgo-ops, or use a file: reference.",
    )


def _backend() -> str:
    import keyring

    return f"The keyring backend {keyring.get_keyring().name}"


def keyring_state() -> tuple[str, str]:
    """The keyring of this machine and why nothing can be put there; "" where it can."""
    import keyring

    found = keyring.get_keyring()
    # Keyring's own rule: a backend that keeps nothing has the priority 0 or less.
    return found.name, "" if found.priority > 0 else "no keyring is running for this user"


def _set_command(reference: str) -> str:
    return f"figgo-ops secret set {shlex.quote(reference)}"


def _teach(value: str, reference: str) -> None:
    """Teach the redactor; of a JSON document only what is confidential, lest it blank innocent text."""
    try:
        document = json.loads(value)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        REDACTOR.learn(value, reference)
        return
    for name in _CONFIDENTIAL:
        if isinstance(found := document.get(name), str):
            REDACTOR.learn(found, reference)
