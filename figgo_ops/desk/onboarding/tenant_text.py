"""A tenant file as text: written anew with its comments, or edited so that a person's own comments stay."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from itertools import pairwise
from typing import Any

from figgo_ops.desk.onboarding.settings import fields_or_none

_BESIDE = {
    "name": "names the file",
    "state": "draft | active | paused | closed: only active is written to",
    "start": "nothing that ended before is created; changing it removes nothing",
    "figgo.host": "what keys carry: frozen by the first load",
    "figgo.url": "where to call: may change",
    "figgo.api_key": "env: | file: | keyring:  -- never a value",
    "figgo.working_time": 'or "userdates"',
    "calendar.legal_entities": "the first calendar that reaches a person is theirs",
    "calendar.domains": "the first calendar that reaches a person is theirs",
    "calendar.retired": "reaches events written before; nobody is routed here",
    "calendar.credential_until": "the last day of its password or secret",
    "calendar.outside": "a mailbox that must stay closed to us",
    "events.whole_days": 'or "hours" (Outlook only)',
    "events.pending": 'or "hidden"',
    "events.hand_edits": 'or "respect"',
    "events.look_alikes": "ask | adopt | ignore: unmarked events with our titles on our dates",
    "scope.only": "a pilot group: Figgo ids or mails",
    "scope.except": "left out all the same",
    "checklist.vendor_sync_off": "since when the vendor's own calendar sync is off",
}
"""What is said beside a key, by its place in the file."""

_LISTED = ("calendar", "zone", "events.type")
_NAMES = ("name", "match", "timezone")
_CONTROLS = re.compile("[\x7f-\x9f\ud800-\udfff]")


def written(content: Mapping[str, Any]) -> str:
    """The text of a new tenant file: a draft."""
    head = {"name": content.get("name", ""), "state": "draft", **content}
    plain = {key: value for key, value in head.items() if not _is_table(key, value)}
    parts = ["\n".join(_lines(plain, ""))]
    for name, value in content.items():
        if _is_table(name, value):
            parts += [_table(name, one) for one in (value if isinstance(value, list) else [value])]
    return "\n\n".join(parts) + "\n"


def _table(name: str, table: Mapping[str, Any]) -> str:
    title = f"[[{name}]]" if name in _LISTED else f"[{name}]"
    inner = {key: value for key, value in table.items() if f"{name}.{key}" not in _LISTED}
    deeper = (
        f"\n\n{_table(f'{name}.{key}', one)}" for key in table.keys() - inner.keys() for one in table[key]
    )
    return "\n".join((title, *_lines(inner, name))) + "".join(deeper)


def _lines(table: Mapping[str, Any], name: str) -> Iterator[str]:
    helps = {one.name: one.help for one in fields_or_none(str(table.get("kind", ""))) or () if one.secret}
    for key, value in table.items():
        beside = _BESIDE.get(f"{name}.{key}" if name else key) or helps.get(key)
        yield f"{_key(key)} = {value_text(value)}" + (f"  # {beside}" if beside else "")


def _is_table(name: str, value: object) -> bool:
    return isinstance(value, Mapping) or name in _LISTED


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _quoted(name)


def value_text(value: Any) -> str:
    """One value as TOML writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        # An account such as CORP\svc reads better as it is.
        literal = "\\" in value and "'" not in value and value.isprintable()
        return f"'{value}'" if literal else _quoted(value)
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{_key(key)} = {value_text(one)}' for key, one in value.items())} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(value_text, value))}]"
    return value.isoformat() if isinstance(value, date) else str(value)


def _quoted(text: str) -> str:
    """Text in quotes; TOML knows no half of a surrogate pair, which `onboarding.mistakes` tells."""
    return _CONTROLS.sub(
        lambda found: "\ufffd" if found[0] >= "\ud800" else f"\\u{ord(found[0]):04x}",
        json.dumps(text, ensure_ascii=False),
    )


def spaced(before: str, after: str) -> str:
    """The text after an edit, an empty line before each table that came to stand behind something else."""
    lines, known = after.split("\n"), set(pairwise(before.split("\n")))
    found = lines[:1]
    for above, line in pairwise(lines):
        apart = not above.strip() or above.startswith("#") or (above, line) in known
        if line.startswith("[") and not apart:
            found.append("\r" if above.endswith("\r") else "")
        found.append(line)
    return "\n".join(found)


def edit(document: Any, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Let a document that says `before` say `after`; what both say alike is not touched.

    Args:
        document: as `tenants.rewrite` gives it, or a table in it.
    """
    for key in [*after, *(key for key in before if key not in after)]:
        old, new = before.get(key), after.get(key)
        if old == new:
            continue
        if new is None:
            document.pop(key, None)
        elif isinstance(new, Mapping) and old is not None:
            document.setdefault(key, {})
            edit(document[key], old, new)
        elif _tables(new) and _tables(document.get(key)):
            _edit_tables(document[key], old or [], new)
        elif isinstance(new, list) and key in document and not _tables(new):
            _edit_list(document[key], new)
        else:
            document[key] = new


def _tables(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, Mapping) for one in value)


def _edit_tables(
    listed: Any, before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]
) -> None:
    """Keep each table that goes on under its name, wherever it goes; others are found by their place."""
    known = list(before)
    for place, wanted in enumerate(after):
        found = _same(known, after, place)
        if found is None:
            listed.insert(place, dict(wanted))
            known.insert(place, wanted)
            continue
        if found != place:
            table, content = listed[found], known.pop(found)
            del listed[found]
            listed.insert(place, table)
            known.insert(place, content)
        edit(listed[place], known[place], wanted)
    for _ in range(len(known) - len(after)):
        del listed[len(after)]


def _same(known: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]], place: int) -> int | None:
    """Where the table that becomes this one stands: under its name, or else renamed at its very place."""
    names = [next((one[name] for name in _NAMES if name in one), None) for one in after]
    there = [next((one[name] for name in _NAMES if name in one), None) for one in known]
    if names[place] in there[place:]:
        return there.index(names[place], place)
    return place if place < len(known) and there[place] not in names else None


def _edit_list(listed: Any, wanted: Sequence[object]) -> None:
    """Take out and add, so that comments beside what stays go on; in another order it is written anew."""
    for value in [one for one in listed if one not in wanted]:
        listed.remove(value)
    for value in wanted:
        if value not in listed:
            listed.append(value)
    if list(listed) != list(wanted):
        listed.clear()
        listed.extend(wanted)
