"""Secrets that are looked for wherever the product may have left something, however they are spelt there."""

import base64
import html
import io
import json
import logging
import os
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote, quote_plus

from figgo_ops.secrets import Redact

SHORTEST = 7
"""Shorter texts turn up by chance."""

Artefacts = Mapping[str, bytes]


def spellings(value: str) -> dict[str, set[bytes]]:
    """How one text may be written, by the name of the way."""
    raw = value.encode()
    in_json = {json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}
    ways: dict[str, set[bytes]] = {
        "plain": {raw},
        "URL": {quote(value, safe="").encode(), quote(value).encode(), quote_plus(value).encode()},
        "JSON": {text.encode() for text in in_json},
        "JSON in JSON": {json.dumps(text)[1:-1].encode() for text in in_json},
        "repr": {repr(value)[1:-1].encode(), repr(raw)[2:-1].encode()},
        "hex": {raw.hex().encode(), raw.hex().upper().encode()},
        "HTML": {html.escape(value).encode(), html.escape(value, quote=False).encode()},
        "shell": {text.replace("'", "'\"'\"'").encode() for text in (value, value.replace('"', '""'))},
        "UTF-16": {value.encode("utf-16-le"), value.encode("utf-16-be")},
    }
    for n in range(3):
        ways[f"base64, {n} beside"] = {
            _inside(raw, n, base64.b64encode),
            _inside(raw, n, base64.urlsafe_b64encode),
        }
    if len(value) >= 4 * SHORTEST:
        ways["half"] = {raw[: len(raw) // 2], raw[len(raw) // 2 :]}
    return ways


def _inside(raw: bytes, beside: int, encode: Callable[[bytes], bytes]) -> bytes:
    """What base64 makes of these bytes wherever they stand so many bytes into a longer text."""
    text = encode(b"\0" * beside + raw + b"\0\0\0")
    whole = 8 * (beside + len(raw)) // 6
    return text[(8 * beside + 5) // 6 : whole]


class Searcher:
    """Finds canaries in bytes, by name and spelling."""

    def __init__(self, canaries: Mapping[str, str]) -> None:
        self.canaries = dict(canaries)
        self._needles: dict[bytes, str] = {}
        for name, value in self.canaries.items():
            if len(value) < SHORTEST:
                raise ValueError(f"{name} is too short to be looked for")
            for way, needles in spellings(value).items():
                for needle in needles:
                    self._needles.setdefault(needle, f"{name} ({way})")

    def found(self, artefacts: Artefacts) -> list[str]:
        """Each find as `artefact: canary (spelling)`, names of artefacts searched as well."""
        at: dict[bytes, list[str]] = {}
        for where, content in artefacts.items():  # much is seen twice, and searched once
            at.setdefault(content, []).append(where)
            at.setdefault(where.encode(errors="surrogateescape"), []).append(where)
        return [
            f"{where}: {what}"
            for text, places in at.items()
            for needle, what in self._needles.items()
            if needle in text
            for where in places
        ]


def secrets_in(folder: Path) -> dict[str, str]:
    """Every secret kept in a home's `secrets/`; of private keys the whole and each line."""
    found = {}
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        text = file.read_bytes().decode(errors="replace").strip()
        if text.startswith("{"):
            account = json.loads(text)
            found[f"{file.name} id"] = account["private_key_id"]
            found |= _lines(file.name, account["private_key"])
        elif text.startswith("-----BEGIN"):
            found |= _lines(file.name, text)
        elif len(text) >= SHORTEST:
            found[file.name] = text
    return found


def _lines(name: str, pem: str) -> dict[str, str]:
    """The first key in a PEM text, as a whole and by its lines."""
    lines = pem.partition("-----END")[0].split("\n")[1:-1]
    listed = {f"{name} line {n}": line for n, line in enumerate(lines, 1) if len(line) > 20}
    return {f"{name} body": "".join(lines), **listed}


def files(folder: Path, without: Iterable[str] = ()) -> dict[str, bytes]:
    """Every file below a folder, hidden ones too; those that vanish meanwhile are none."""
    found = {}
    for path in sorted(folder.rglob("*")):
        inner = path.relative_to(folder)
        if inner.parts[0] not in without and path.is_file():
            with suppress(FileNotFoundError):
                found[str(inner)] = path.read_bytes()
    return found


def unpacked(artefacts: Artefacts) -> dict[str, bytes]:
    """The same, and beside each zip what is packed in it."""
    found = dict(artefacts)
    for name, content in artefacts.items():
        if zipfile.is_zipfile(io.BytesIO(content)):
            with zipfile.ZipFile(io.BytesIO(content)) as packed:
                found |= {f"{name}/{inner}": packed.read(inner) for inner in packed.namelist()}
    return found


def processes() -> dict[str, bytes]:
    """What everybody on this machine may see of processes: their command lines."""
    return _of_processes("cmdline")


def environments() -> dict[str, bytes]:
    """What children of this process were given as environment; only their own user may see it."""
    return {
        name: text for name, text in _of_processes("environ").items() if _descends(int(name.split("/")[2]))
    }


def _of_processes(what: str) -> dict[str, bytes]:
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it ended, or is somebody else's
            found[f"/proc/{process.name}/{what}"] = (process / what).read_bytes()
    return found


def _descends(process: int) -> bool:
    with suppress(OSError, ValueError):
        while process > 1:
            status = Path(f"/proc/{process}/stat").read_text()
            process = int(status.rpartition(")")[2].split()[1])
            if process == os.getpid():
                return True
    return False


class _Records(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []
        self.setFormatter(logging.Formatter("%(name)s %(levelname)s %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@contextmanager
def everything_logged(*, filtered: bool = True) -> Iterator[list[str]]:
    """What any logger says at any level, through the filter that belongs on every handler or without it."""
    root, handler = logging.getLogger(), _Records()
    if filtered:
        handler.addFilter(Redact())
    levels = {name: logging.getLogger(name).level for name in logging.root.manager.loggerDict}
    before = root.level
    closed = [one for name in levels if not (one := logging.getLogger(name)).propagate]
    attached = {one: one.handlers[:] for one in closed}
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    for name in levels:
        logging.getLogger(name).setLevel(logging.NOTSET)
    # pytest hangs handlers on loggers that keep their records to themselves. exchangelib logs while its
    # records are formatted, under the lock of one handler: two of them wait for each other for ever.
    for one in closed:
        one.handlers[:] = [each for each in one.handlers if isinstance(each, logging.NullHandler)]
    try:
        yield handler.lines
    finally:
        for one, handlers in attached.items():
            one.handlers[:] = handlers
        root.removeHandler(handler)
        root.setLevel(before)
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
