"""The same answers as words of a command line, and back.

    --figgo KEY=VALUE  --event KEY=VALUE                        one key each
    --calendar A=B,C=D  --zone A=B,C=D  --type A=B,C=D          one table each, written as a line of CSV

Lists have spaces between. A value is never repeated in a message: it may be a secret in the wrong place.
"""

import csv
import io
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from figgo_ops.desk.onboarding.answers import (
    Answers,
    CalendarAnswers,
    EventAnswers,
    FiggoAnswers,
    TypeAnswers,
    ZoneAnswers,
    covered,
)
from figgo_ops.desk.onboarding.settings import fields_or_none, kinds
from figgo_ops.errors import UsageError
from figgo_ops.tenants.mistakes import nearest


@dataclass(frozen=True, slots=True)
class _Sort:
    """How a value is read and written.

    Attributes:
        read: raises ValueError.
        wanted: what it must be, for the message.
    """

    read: Callable[[str], Any]
    write: Callable[[Any], str]
    wanted: str


def _flag(text: str) -> bool:
    return {"true": True, "false": False}[text]


def _ids(text: str) -> tuple[int, ...]:
    return tuple(_whole(word) for word in text.split())


def _whole(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise ValueError
    return int(text)


def _day(text: str) -> date:
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):  # Python reads more forms than people expect
        raise ValueError
    return date.fromisoformat(text)


def _listed(values: Iterable[object]) -> str:
    return " ".join(map(str, values))


_TEXT = _Sort(str, str, "text")
_FLAG = _Sort(_flag, lambda value: str(value).lower(), "true or false")
_NUMBER = _Sort(_whole, str, "a whole number")
_RATE = _Sort(float, repr, "a number")
_WORDS = _Sort(lambda text: tuple(text.split()), _listed, "words with spaces between")
_IDS = _Sort(_ids, _listed, "ids with spaces between")
_DAY = _Sort(_day, str, "a date such as 2026-01-01")

FIGGO = {
    **dict.fromkeys(("url", "host", "api_key", "webhook_secret", "working_time"), _TEXT),
    "weekend": _WORDS,
    "rest_rows": _FLAG,
    "ca_file": _TEXT,
    "per_minute": _RATE,
}
EVENT = {
    **dict.fromkeys(("title", "whole_days", "pending", "show_as", "hand_edits"), _TEXT),
    **dict.fromkeys(("show_type", "private"), _FLAG),
    **dict.fromkeys(("morning", "afternoon"), _WORDS),
    **dict.fromkeys(("past_days", "future_days"), _NUMBER),
}
CALENDAR = {
    "name": _TEXT,
    "kind": _TEXT,
    "legal_entities": _IDS,
    "domains": _WORDS,
    "credential_until": _DAY,
    "outside": _TEXT,
    "retired": _FLAG,
}
TYPE = {**dict.fromkeys(("match", "title", "show_as"), _TEXT), **dict.fromkeys(("private", "skip"), _FLAG)}
ZONE = {"timezone": _TEXT, "legal_entities": _IDS, "employees": _IDS}


@dataclass(frozen=True, slots=True)
class Flags:
    """What was given on the command line, as text."""

    name: str
    timezone: str = ""
    start: str = ""
    figgo: tuple[str, ...] = ()
    calendars: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    zones: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    vendor_sync_off: str = ""
    look_alikes: str = ""

    @property
    def empty(self) -> bool:
        """Whether only the name was given."""
        return self == Flags(self.name)


def answers(flags: Flags) -> Answers:
    """The answers that a command line gives; what it leaves out is as it usually is.

    Raises:
        UsageError: a flag cannot be understood.
    """
    events = EventAnswers(**_read_all("--event", flags.events, EVENT))
    types = tuple(TypeAnswers(**_table("--type", text, TYPE)) for text in flags.types)
    return Answers(
        name=flags.name,
        timezone=flags.timezone,
        start=_read("--start", "", flags.start, _DAY) if flags.start else None,
        figgo=FiggoAnswers(**_read_all("--figgo", flags.figgo, FIGGO)),
        calendars=tuple(map(_calendar, flags.calendars)),
        events=replace(events, types=types, look_alikes=flags.look_alikes),
        zones=tuple(ZoneAnswers(**_table("--zone", text, ZONE)) for text in flags.zones),
        only=tuple(map(_who, flags.only)),
        excluded=tuple(map(_who, flags.excluded)),
        vendor_sync_off=_read("--vendor-sync-off", "", flags.vendor_sync_off, _DAY)
        if flags.vendor_sync_off
        else None,
    )


def _who(text: str) -> int | str:
    return int(text) if re.fullmatch(r"[0-9]{1,18}", text) else text


def _read_all(flag: str, pairs: Iterable[str], sorts: Mapping[str, _Sort]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, text in (_split(flag, pair) for pair in pairs):
        found[key] = _read(flag, key, text, _known(flag, key, sorts))
    return found


def _table(flag: str, text: str, sorts: Mapping[str, _Sort]) -> dict[str, Any]:
    return _read_all(flag, _parts(flag, text), sorts)


def _calendar(text: str) -> CalendarAnswers:
    pairs = dict(_split("--calendar", part) for part in _parts("--calendar", text))
    known = fields_or_none(pairs.get("kind", ""))
    if known is None:
        raise UsageError(f"--calendar: kind must be one of {', '.join(kinds())}.", _HELP)
    own = {one.name: one for one in known}
    common = {key: text for key, text in pairs.items() if key in CALENDAR}
    unknown = [key for key in pairs if key not in common and key not in own]
    if unknown:
        _known("--calendar", unknown[0], {**CALENDAR, **dict.fromkeys(own, _TEXT)})
    values = {key: _read("--calendar", key, text, CALENDAR[key]) for key, text in common.items()}
    fields = {key: own[key].value(text) for key, text in pairs.items() if key in own}
    return CalendarAnswers(**values, fields=fields)


_HELP = "See figgo-ops onboard --help."


def _parts(flag: str, text: str) -> list[str]:
    try:
        return next(csv.reader([text], strict=True))
    except csv.Error:
        raise UsageError(f"{flag}: not a line of KEY=VALUE with commas between.", _HELP) from None


def _split(flag: str, pair: str) -> tuple[str, str]:
    key, sign, text = pair.partition("=")
    if not sign:
        raise UsageError(f"{flag}: something in it is not KEY=VALUE.", _HELP)
    return key, text


def _known(flag: str, key: str, sorts: Mapping[str, _Sort]) -> _Sort:
    if key not in sorts:
        near = nearest(key, sorts)
        raise UsageError(f"{flag}: a key that is not known.{near}", f"Known are {', '.join(sorts)}.")
    return sorts[key]


def _read(flag: str, key: str, text: str, sort: _Sort) -> Any:
    try:
        return sort.read(text)
    except (ValueError, KeyError):
        where = f"{flag} {key}".strip()
        raise UsageError(f"{where}: must be {sort.wanted}.", _HELP) from None


def command(answers: Answers) -> str:
    """The line that saves these answers; what may be a secret value is left out of it.

    Parsing it gives the same answers.
    """
    words = ["figgo-ops", "onboard", answers.name, *_words(covered(answers)), "--save"]
    return " ".join(map(shlex.quote, words))


def _words(answers: Answers) -> Iterator[str]:
    """Flags for all that is not as usual."""
    yield from _flagged("--timezone", answers.timezone)
    yield from _flagged("--start", _DAY.write(answers.start) if answers.start else "")
    for pair in _pairs(answers.figgo, FiggoAnswers(), FIGGO):
        yield from _flagged("--figgo", pair)
    for one in answers.calendars:
        own = (f"{key}={_own(value)}" for key, value in one.fields.items() if value != "")
        yield from _flagged("--calendar", _line([*_pairs(one, CalendarAnswers(), CALENDAR), *own]))
    for pair in _pairs(answers.events, EventAnswers(), EVENT):
        yield from _flagged("--event", pair)
    for rule in answers.events.types:
        yield from _flagged("--type", _line(_pairs(rule, TypeAnswers(), TYPE)))
    for zone in answers.zones:
        yield from _flagged("--zone", _line(_pairs(zone, ZoneAnswers(), ZONE)))
    for flag, people in (("--only", answers.only), ("--except", answers.excluded)):
        for who in people:
            yield from _flagged(flag, str(who))
    off = answers.vendor_sync_off
    yield from _flagged("--vendor-sync-off", _DAY.write(off) if off else "")
    yield from _flagged("--look-alikes", answers.events.look_alikes)


def _flagged(flag: str, text: str) -> list[str]:
    """The flag with its value; joined where the value could pass for another flag."""
    if not text and flag not in ("--zone", "--type"):
        return []
    return [f"{flag}={text}"] if text.startswith("-") else [flag, text]


def _pairs(said: object, usual: object, sorts: Mapping[str, _Sort]) -> Iterator[str]:
    for key, sort in sorts.items():
        value = getattr(said, key)
        if value != getattr(usual, key):
            yield f"{key}={sort.write(value)}"


def _line(pairs: Iterable[str]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(list(pairs))
    return text.getvalue().removesuffix("\r\n")


def _own(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
