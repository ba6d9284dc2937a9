"""Where a run of a notebook leaves its traces: one folder per run, nobody else's to read.

While its run is on a folder holds `request.json`, then `notebook.ipynb`, `report.html` and `result.json`.
The runner keeps a lock on its folder: a request without a lock is a run whose runner was killed.
"""

import contextlib
import fcntl
import json
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from figgo_ops.secrets import write_private

VARIABLE = "FIGGO_OPS_RUN_FOLDER"
"""Names, inside a run's kernel, the folder that tables may put their files in."""

REQUEST, NOTEBOOK, REPORT, RESULT = "request.json", "notebook.ipynb", "report.html", "result.json"


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The folder of one run that this process holds.

    Attributes:
        run: its name, which sorts by time.
        lock: descriptor of the locked folder; kernels and children do not inherit it.
    """

    run: str
    path: Path
    lock: int

    def release(self) -> None:
        """Let go of the folder."""
        os.close(self.lock)


def open_run(runs: Path, words: list[str], now: datetime, request: Mapping[str, Any]) -> RunFolder:
    """Make and hold the folder of a new run, named after the time and these words.

    Args:
        now: aware time in UTC.
        request: what is run, kept in the folder until the run has ended.
    """
    runs.mkdir(mode=0o700, parents=True, exist_ok=True)
    while True:
        tail = [slug for word in words if (slug := _slug(word))]
        run = "-".join([f"{now:%Y%m%dT%H%M%S}", *tail, secrets.token_hex(2)])
        # Made and locked under a hidden name: no other runner ever sees it without its lock.
        made = Path(tempfile.mkdtemp(prefix=".new-", dir=runs))
        lock = os.open(made, os.O_RDONLY)
        fcntl.flock(lock, fcntl.LOCK_EX)
        write_json(made / REQUEST, request)
        with contextlib.suppress(OSError):  # the name is taken: draw another
            made.rename(runs / run)
            return RunFolder(run, runs / run, lock)
        os.close(lock)
        shutil.rmtree(made)


def left_behind(runs: Path) -> Iterator[RunFolder]:
    """Runs whose runner was killed before it could say how they ended, each held while it is looked at."""
    for request in sorted(runs.glob(f"*/{REQUEST}")):
        try:
            lock = os.open(request.parent, os.O_RDONLY)
        except FileNotFoundError:  # expired at this very moment
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            continue
        if request.exists():  # else it ended between the two looks
            yield RunFolder(request.parent.name, request.parent, lock)
        os.close(lock)


def expire(runs: Path, now: datetime, days: int = 90) -> list[str]:
    """Remove the folders of finished runs older than this; their names."""
    oldest = f"{now - timedelta(days=days):%Y%m%dT%H%M%S}"
    old = [
        folder
        for folder in sorted(runs.glob("[0-9]*T[0-9]*-*"))
        if folder.name[:15] < oldest and not (folder / REQUEST).exists()
    ]
    for folder in old:
        shutil.rmtree(folder)
    return [folder.name for folder in old]


def write_text(path: Path, text: str) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    write_private(path, text.encode("utf-8", errors="backslashreplace"))


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write one JSON document, readable by people too."""
    write_text(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """The JSON document in this file, empty where there is none or it was cut."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _slug(word: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", word.lower()).strip("-")[:40]
