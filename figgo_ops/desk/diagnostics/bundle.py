"""What the makers need to help with one tenant, in one file that names nobody and opens nothing.

Addresses, names, titles and ids of people become hashes that are the same all over one bundle and tell
nothing outside of it; hosts, codes, counts and dates stay.
"""

import io
import json
import re
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from figgo_ops import tenants
from figgo_ops.desk.diagnostics import Diagnosis, surroundings
from figgo_ops.desk.masks import Mask
from figgo_ops.errors import UsageError
from figgo_ops.home import Home
from figgo_ops.leaves import Person
from figgo_ops.ledger import Ledger, Run
from figgo_ops.secrets import REDACTOR, write_private
from figgo_ops.session import Session

RUNS, DAYS = 20, 30
"""So many runs and days of health are told."""

_WITHIN = frozenset({"title", "match", "only", "except", "employees", "user", "outside"})
"""Keys of a tenant file whose values are about people, or are a customer's own words."""
_USUAL = frozenset({"Absent"})
_ASKED = ("kind", "today", "window", "look_alikes", "accept_empty")
"""Parameters of a run that say nothing about anybody."""
_PERSON = re.compile(r"\b(employee|person) \d+\b")
_KEY = re.compile(r"(?<=\w/)\d+(?=/\d+/\d{8}[AP])")

ABOUT = """\
Support bundle of figgo_ops for tenant {tenant}, made {at} UTC.

checks.json        every check of the diagnosis
deadlines.json     what ends when
mailboxes.json     how many mailboxes are how, where they were looked at
tenant.json        the tenant file; secrets are references
runs.json          the last {runs} runs: exit codes and counts
health.json        the lines of health of the last {days} days
environment.json   versions and what this machine is like

Mail addresses, names, titles and ids of people are hashes, the same all over this bundle and none outside
of it. Hosts, codes, counts and dates are as they are. There is no secret in it; please look yourself.
"""


def write(session: Session, found: Diagnosis, path: Path, people: Iterable[Person] = ()) -> Path:
    """Write the bundle of a diagnosis; its path.

    Args:
        people: whose names are taken out of sentences.

    Raises:
        UsageError: the file cannot be written, or is there and no bundle.
    """
    path = path.expanduser().absolute()
    if path.exists() and not zipfile.is_zipfile(path):
        raise UsageError(f"{path} is there and is no bundle.", "Name a file that does not exist yet.")
    session.home.learn_secrets()
    now = session.clock.now()
    write_private(path, _zipped(members(session, found, people), now))
    return path


def members(session: Session, found: Diagnosis, people: Iterable[Person] = ()) -> dict[str, str]:
    """The texts in the bundle, by name."""
    name, ledger, hide = session.tenant.name, session.ledger, Hidden(people, _folders(session.home))
    about = {"tenant": name, "at": f"{session.clock.now():%Y-%m-%d %H:%M}", "runs": RUNS, "days": DAYS}
    contents: Mapping[str, Any] = {
        "checks.json": [asdict(check) for check in found.checks],
        "deadlines.json": [{**asdict(one), "day": one.day.isoformat()} for one in found.deadlines],
        "mailboxes.json": dict(Counter(row.status for row in found.mailboxes)),
        "tenant.json": hide.settings(tenants.shown(session.tenant)),
        "runs.json": [_run(run, hide) for run in ledger.runs(name, RUNS)],
        "health.json": _health(ledger, name),
        "environment.json": surroundings.facts(session.home, session.clock.now()),
    }
    texts = {member: _written(hide.all(content)) for member, content in contents.items()}
    return {"about.txt": REDACTOR.clean(ABOUT.format_map(about)), **texts}


def _folders(home: Home) -> dict[str, str]:
    """Folders whose path may name whoever works here, with what stands for them."""
    return {str(home.path): "(home)", str(Path.home()).rstrip("/"): "~"}


class Hidden:
    """Takes people out of whatever is told.

    Args:
        people: whose names, and the first parts of whose addresses, are known.
        folders: what stands for the path of each; an inner one before the one around it.
    """

    def __init__(self, people: Iterable[Person], folders: Mapping[str, str] = MappingProxyType({})) -> None:
        known = list(people)
        self._folders = {path: word for path, word in folders.items() if path}
        self._mask = Mask(known)
        local = {(person.mail or "").partition("@")[0] for person in known}
        parts = sorted((part for part in local if len(part) > 4), key=len, reverse=True)
        self._locals = re.compile("|".join(map(re.escape, parts)), re.IGNORECASE) if parts else None

    def text(self, text: str) -> str:
        """A sentence without secrets and people."""
        text = REDACTOR.clean(text)
        for path, word in self._folders.items():
            text = text.replace(path, word)
        text = self._mask.text(text)
        if self._locals:
            text = self._locals.sub(lambda found: self._mask.hashed("mailbox", found[0].lower()), text)
        text = _PERSON.sub(lambda found: self._mask.hashed("person", found[0].split()[1]), text)
        return _KEY.sub(lambda found: self._mask.hashed("person", found[0]), text)

    def all(self, value: Any) -> Any:
        """The same JSON value with every string in it as `text` tells it, those that are keys as well."""
        return _each(value, self.text)

    def settings(self, value: Any, within: bool = False) -> Any:
        """A tenant file's content without what it says about people or in the customer's own words."""
        if isinstance(value, dict):
            return {key: self.settings(inner, within or key in _WITHIN) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.settings(inner, within) for inner in value]
        if not within or value in _USUAL:
            return value
        return self._mask.hashed("value", str(value))

    def name(self, text: str) -> str:
        """A hash in place of a whole name."""
        return self._mask.hashed("person", text)


def _each(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {change(key): _each(inner, change) for key, inner in value.items()}
    return [_each(inner, change) for inner in value] if isinstance(value, list | tuple) else value


def _run(run: Run, hide: Hidden) -> dict[str, Any]:
    """A run in numbers: whom it was for and what it held is counted, not told."""
    asked = {name: run.parameters[name] for name in _ASKED if name in run.parameters}
    selection, held = run.parameters.get("selection"), run.counts.get("held", ())
    return {
        "run": run.id,
        "command": run.command,
        "who": hide.name(run.who),
        "asked": {**asked, "selected": None if selection is None else len(selection)},
        "version": run.version,
        "started": run.started.isoformat(timespec="seconds"),
        "ended": run.ended.isoformat(timespec="seconds") if run.ended else None,
        "exit": run.exit,
        "counts": {name: count for name, count in run.counts.items() if isinstance(count, int)},
        "held": len(held),
    }


def _health(ledger: Ledger, tenant: str) -> dict[str, Any]:
    lines = ledger.health(tenant)
    return {day.isoformat(): lines[day] for day in sorted(lines)[-DAYS:]}


def _written(content: Any) -> str:
    # Once more as it is written: a secret may become one only by the way JSON puts its parts together.
    return REDACTOR.clean(json.dumps(content, indent=1, ensure_ascii=False, default=str)) + "\n"


def _zipped(texts: Mapping[str, str], now: datetime) -> bytes:
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, text in texts.items():
            member = zipfile.ZipInfo(name, now.timetuple()[:6])
            member.external_attr = 0o600 << 16
            bundle.writestr(member, text.encode("utf-8", errors="backslashreplace"), zipfile.ZIP_DEFLATED)
    return kept.getvalue()
