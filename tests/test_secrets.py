"""Secrets are resolved where they are used and never seen anywhere else."""

import json
import logging
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends.fail import Keyring as NoKeyring
from pydantic import TypeAdapter, ValidationError

from figgo_ops.errors import SecretUnavailable, UsageError
from figgo_ops.secrets import REDACTOR, Redact, Secret, SecretRef, resolve, store, write_private

KEY = "s3cr3t-clé-0f9c8b7a"


class Drawer(KeyringBackend):
    """A keyring in memory."""

    priority = 1.0

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.entries: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.entries[service, username] = password


@pytest.fixture
def drawer() -> Iterator[Drawer]:
    before = keyring.get_keyring()
    drawer = Drawer()
    keyring.set_keyring(drawer)
    yield drawer
    keyring.set_keyring(before)


@pytest.fixture
def no_keyring() -> Iterator[None]:
    before = keyring.get_keyring()
    keyring.set_keyring(NoKeyring())  # type: ignore[no-untyped-call]
    yield
    keyring.set_keyring(before)


def secret_file(folder: Path, content: str, mode: int = 0o600) -> Path:
    path = folder / "acme.key"
    path.write_text(content, "utf-8")
    path.chmod(mode)
    return path


def test_a_variable_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_KEY", KEY)
    assert resolve("env:ACME_KEY", tmp_path).value == KEY


@pytest.mark.parametrize(("value", "state"), [(None, "not set"), ("", "empty")])
def test_a_variable_without_value_is_unavailable(
    value: str | None, state: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ACME_KEY", raising=False)
    if value is not None:
        monkeypatch.setenv("ACME_KEY", value)
    with pytest.raises(SecretUnavailable, match=f"ACME_KEY is {state}"):
        resolve("env:ACME_KEY", tmp_path)


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_a_file_is_read_without_its_last_newline(ending: str, tmp_path: Path) -> None:
    secret_file(tmp_path, KEY + ending)
    assert resolve("file:acme.key", tmp_path).value == KEY


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o622])
def test_a_file_that_others_may_open_is_refused_with_the_command_that_closes_it(
    mode: int, tmp_path: Path
) -> None:
    path = secret_file(tmp_path, KEY, mode)
    with pytest.raises(SecretUnavailable) as caught:
        resolve("file:acme.key", tmp_path)
    assert f"chmod 600 {path}" in caught.value.remedy


def test_a_missing_file_is_unavailable_with_the_command_that_stores_it(tmp_path: Path) -> None:
    with pytest.raises(SecretUnavailable, match="does not exist") as caught:
        resolve("file:acme.key", tmp_path)
    assert "figgo-ops secret set file:acme.key" in caught.value.remedy


def test_a_folder_is_no_secret(tmp_path: Path) -> None:
    (tmp_path / "acme.key").mkdir()
    with pytest.raises(SecretUnavailable, match="is not a file"):
        resolve("file:acme.key", tmp_path)


@pytest.mark.parametrize("content", ["", "\n"])
def test_an_empty_file_is_unavailable(content: str, tmp_path: Path) -> None:
    secret_file(tmp_path, content)
    with pytest.raises(SecretUnavailable, match="is empty"):
        resolve("file:acme.key", tmp_path)


def test_a_file_in_another_encoding_is_unavailable(tmp_path: Path) -> None:
    path = secret_file(tmp_path, "")
    path.write_bytes("clé".encode("latin-1"))
    with pytest.raises(SecretUnavailable, match="not UTF-8"):
        resolve("file:acme.key", tmp_path)


def test_a_keyring_entry_is_read_and_stored(tmp_path: Path, drawer: Drawer) -> None:
    store("keyring:acme/webhook", KEY, tmp_path)
    assert drawer.entries == {("acme", "webhook"): KEY}
    assert resolve("keyring:acme/webhook", tmp_path).value == KEY


def test_a_missing_keyring_entry_names_the_backend(tmp_path: Path, drawer: Drawer) -> None:
    with pytest.raises(SecretUnavailable, match=f"{drawer.name} has no entry for keyring:acme/webhook"):
        resolve("keyring:acme/webhook", tmp_path)


def test_the_keyring_of_whoever_runs_these_tests_is_out_of_reach() -> None:
    """Else a test that stores a secret where it is best kept would write into it."""
    assert keyring.get_keyring().name == NoKeyring().name  # type: ignore[no-untyped-call]


@pytest.mark.usefixtures("no_keyring")
def test_a_machine_without_keyring_says_so(tmp_path: Path) -> None:
    with pytest.raises(SecretUnavailable, match=r"fail Keyring did not answer"):
        resolve("keyring:acme/webhook", tmp_path)
    with pytest.raises(SecretUnavailable, match=r"fail Keyring did not answer"):
        store("keyring:acme/webhook", KEY, tmp_path)


@pytest.mark.parametrize("text", [KEY, "", "env:", "env:1X", "file:", "keyring:acme", "vault:x", "ENV:X"])
def test_what_is_no_reference_is_refused_and_not_repeated(text: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        resolve(text, tmp_path)
    assert KEY not in caught.value.message + caught.value.remedy
    with pytest.raises(ValidationError):
        TypeAdapter(SecretRef).validate_python(text)


def test_a_stored_file_is_ours_alone_and_replaces_the_old_one(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    store("file:acme/figgo.key", "old one, long", folder)
    store("file:acme/figgo.key", KEY, folder)
    path = folder / "acme" / "figgo.key"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [found.name for found in path.parent.iterdir()] == ["figgo.key"]
    assert resolve("file:acme/figgo.key", folder).value == KEY


def test_a_variable_cannot_be_stored(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="environment variable"):
        store("env:ACME_KEY", KEY, tmp_path)


def test_nothing_is_no_secret(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Nothing was given"):
        store("file:acme.key", " \n", tmp_path)


def test_a_file_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "acme.key").mkdir()
    with pytest.raises(UsageError, match="cannot be written"):
        write_private(tmp_path / "acme.key", b"x")
    assert [found.name for found in tmp_path.iterdir()] == ["acme.key"]


def test_a_secret_shows_its_reference_only() -> None:
    secret = Secret("env:ACME_KEY", KEY)
    assert [str(secret), repr(secret), f"{secret}"] == ["[secret:env:ACME_KEY]"] * 3
    assert KEY not in repr({"key": secret})


def test_a_resolved_secret_is_taken_out_of_text_however_it_is_spelt(tmp_path: Path) -> None:
    store("file:odd.key", 'p&ss "wörd" 12', tmp_path)
    hidden = "[secret:file:odd.key]"
    assert REDACTOR.clean('user p&ss "wörd" 12!') == f"user {hidden}!"
    assert REDACTOR.clean("https://h/?k=p%26ss%20%22w%C3%B6rd%22%2012") == f"https://h/?k={hidden}"
    assert REDACTOR.clean(json.dumps({"k": 'p&ss "wörd" 12'})) == json.dumps({"k": hidden})


def test_a_secret_that_was_typed_as_a_path_is_taken_out_though_a_path_loses_slashes(tmp_path: Path) -> None:
    store("file:odd.key", "half//of/./it", tmp_path)
    assert REDACTOR.clean(f"{Path('half//of/./it')} does not exist") == "[secret:file:odd.key] does not exist"


def test_secrets_that_overlap_are_taken_out_together(tmp_path: Path) -> None:
    store("file:first.key", "abcdefghijkl", tmp_path)
    store("file:second.key", "hijklmnopqrstuvw", tmp_path)
    store("file:inner.key", "mnopqrs", tmp_path)
    assert REDACTOR.clean("<abcdefghijklmnopqrstuvw>") == "<[secret:file:first.key]>"
    assert REDACTOR.clean("mnopqrs, hijklmnopqrstuvw") == "[secret:file:inner.key], [secret:file:second.key]"


def test_a_secret_is_found_at_both_ends_and_twice_on_end(tmp_path: Path) -> None:
    store("file:odd.key", "q1w2e3r4t5", tmp_path)
    assert REDACTOR.clean("q1w2e3r4t5q1w2e3r4t5") == "[secret:file:odd.key][secret:file:odd.key]"
    assert REDACTOR.clean("q1w2e3r") == "q1w2e3r", "half of it is not known"
    assert REDACTOR.clean("") == ""


def test_of_a_service_account_every_line_of_its_key_is_taken_out_and_nothing_else(tmp_path: Path) -> None:
    lines = [
        "-----BEGIN PRIVATE KEY-----",
        "MIIEvQIBADANBgkq",
        "hkiG9w0BAQEFAASC",
        "-----END PRIVATE KEY-----",
    ]
    account = {
        "type": "service_account",
        "project_id": "corail-agenda",
        "private_key": "\n".join(lines) + "\n",
    }
    secret_file(tmp_path, json.dumps(account, indent=2))
    resolve("file:acme.key", tmp_path)
    text = REDACTOR.clean('line MIIEvQIBADANBgkq of "type": "service_account", project corail-agenda')
    assert text == 'line [secret:file:acme.key] of "type": "service_account", project corail-agenda'
    assert "hkiG9w0BAQEFAASC" not in REDACTOR.clean(json.dumps(account))


@pytest.fixture
def written() -> Iterator[tuple[logging.Logger, StringIO]]:
    """A logger that writes to memory through the filter."""
    REDACTOR.learn(KEY, "env:ACME_KEY")
    stream, log = StringIO(), logging.getLogger("figgo_ops.test")
    handler = logging.StreamHandler(stream)
    handler.addFilter(Redact())
    log.addHandler(handler)
    yield log, stream
    log.removeHandler(handler)


def test_log_messages_and_arguments_are_cleaned(written: tuple[logging.Logger, StringIO]) -> None:
    log, stream = written
    log.warning(f"key {KEY}")  # noqa: G004 - a careless line is what the filter is for
    log.warning("key %s of %d", KEY, 3)
    log.warning("key %(key)s", {"key": KEY})
    assert stream.getvalue() == (
        "key [secret:env:ACME_KEY]\nkey [secret:env:ACME_KEY] of 3\nkey [secret:env:ACME_KEY]\n"
    )


def test_tracebacks_in_logs_are_cleaned(written: tuple[logging.Logger, StringIO]) -> None:
    log, stream = written
    try:
        raise ValueError(f"refused {KEY}")
    except ValueError:
        log.exception("failed", stack_info=True)
    assert "ValueError: refused [secret:env:ACME_KEY]" in stream.getvalue()
    assert KEY not in stream.getvalue()


def test_a_log_line_with_wrong_arguments_is_still_cleaned(
    written: tuple[logging.Logger, StringIO], capsys: pytest.CaptureFixture[str]
) -> None:
    log, stream = written
    log.warning("key %d", KEY)  # type: ignore[str-format, unused-ignore]
    assert stream.getvalue() == "key %d ('[secret:env:ACME_KEY]',)\n"
    assert KEY not in capsys.readouterr().err
