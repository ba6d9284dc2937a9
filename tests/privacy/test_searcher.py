"""The search for canaries finds one in every spelling, wherever commands may leave something."""

import base64
import logging
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from tests.privacy import canaries
from tests.privacy.canaries import Artefacts, Searcher, spellings

VALUE = "Kanari+v0gel/fliegt?weit\"<&%>'=\\;end"
WAYS = [(way, needle) for way, needles in spellings(VALUE).items() for needle in sorted(needles)]


@contextmanager
def in_a_file(needle: bytes, folder: Path) -> Iterator[Artefacts]:
    (folder / "runs" / ".hidden").mkdir(parents=True)
    (folder / "runs" / ".hidden" / "report.html").write_bytes(b"<p>x" + needle + b"y</p>")
    yield canaries.files(folder, without=("secrets",))


@contextmanager
def in_a_ledger(needle: bytes, folder: Path) -> Iterator[Artefacts]:
    """Still in the log that SQLite writes ahead, since nobody closed the ledger."""
    ledger = sqlite3.connect(folder / "ledger.db")
    try:
        ledger.execute("pragma journal_mode = wal")
        ledger.execute("create table facts (value)")
        ledger.execute("insert into facts values (?)", (needle,))
        ledger.commit()
        found = canaries.files(folder)
        assert needle not in found["ledger.db"]
        yield found
    finally:
        ledger.close()


@contextmanager
def in_a_name(needle: bytes, folder: Path) -> Iterator[Artefacts]:
    (folder / os.fsdecode(needle.replace(b"/", b":"))).touch()
    yield {name.replace(":", "/"): text for name, text in canaries.files(folder).items()}


@contextmanager
def in_a_command_line(needle: bytes, _folder: Path) -> Iterator[Artefacts]:
    with waiting([needle], {}):
        yield canaries.processes()


@contextmanager
def in_an_environment(needle: bytes, _folder: Path) -> Iterator[Artefacts]:
    with waiting([], {"KEY": os.fsdecode(needle)}):
        yield canaries.environments()


@contextmanager
def in_a_log(needle: bytes, _folder: Path) -> Iterator[Artefacts]:
    with canaries.everything_logged(filtered=False) as lines:
        try:
            raise ValueError(needle.decode("latin-1"))
        except ValueError:
            logging.getLogger("httpx.deep.inside").debug("failed", exc_info=True)
    yield {"log": "\n".join(lines).encode("latin-1")}


@contextmanager
def waiting(words: list[bytes], environment: dict[str, str]) -> Iterator[None]:
    """A child of ours that runs until it is told."""
    command: list[str | bytes] = [sys.executable, "-c", "print(flush=True); input()", *words]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, **environment}
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        yield
        child.communicate(b"\n")


Place = Callable[[bytes, Path], AbstractContextManager[Artefacts]]
CHEAP: list[Place] = [in_a_file, in_a_ledger, in_a_name, in_a_log]


@pytest.mark.parametrize("place", CHEAP, ids=lambda place: place.__name__)
@pytest.mark.parametrize(("way", "needle"), WAYS)
def test_a_canary_is_found_in_every_spelling_and_place(
    tmp_path: Path, place: Place, way: str, needle: bytes
) -> None:
    if place is in_a_name and b"\0" in needle:
        return  # no file can be called that
    with place(needle, tmp_path) as artefacts:
        assert any(found.endswith(")") for found in Searcher({"key": VALUE}).found(artefacts)), way


@pytest.mark.parametrize("place", [in_a_command_line, in_an_environment], ids=lambda place: place.__name__)
def test_a_canary_is_found_in_what_processes_show(tmp_path: Path, place: Place) -> None:
    with place(VALUE.encode(), tmp_path) as artefacts:
        found = Searcher({"key": VALUE}).found(artefacts)
    assert [one for one in found if one.endswith(": key (plain)")]


def test_base64_is_found_at_each_place_in_a_longer_text() -> None:
    for before in range(6):
        for after in range(6):
            text = base64.b64encode(b"u" * before + VALUE.encode() + b"v" * after)
            assert Searcher({"key": VALUE}).found({"body": text}), (before, after)


def test_nothing_is_found_where_nothing_is(tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text('{"key": "corail.ilucca.net/1/2/20261207A", "Kanari": "v0gel"}')
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "figgo.key").write_text(VALUE)
    searcher = Searcher(canaries.secrets_in(tmp_path / "secrets"))
    assert searcher.found(canaries.files(tmp_path, without=("secrets",))) == []
    assert searcher.found(canaries.files(tmp_path)) != []


def test_a_canary_too_short_to_search_for_is_refused() -> None:
    with pytest.raises(ValueError, match="too short"):
        Searcher({"key": "abc"})
