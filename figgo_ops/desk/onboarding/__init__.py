"""From answers to a tenant file: what is wrong, what would be written, and writing it as a draft."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from difflib import unified_diff
from typing import Any

from figgo_ops import secrets, tenants
from figgo_ops.desk.onboarding.answers import (
    Answers,
    CalendarAnswers,
    EventAnswers,
    FiggoAnswers,
    TypeAnswers,
    ZoneAnswers,
    answers_of,
    content,
    covered,
)
from figgo_ops.desk.onboarding.flags import command
from figgo_ops.desk.onboarding.settings import Field, fields, kinds
from figgo_ops.desk.onboarding.tenant_text import edit, spaced, written
from figgo_ops.desk.onboarding.trial import trial
from figgo_ops.errors import UsageError
from figgo_ops.home import Home
from figgo_ops.ledger import Ledger
from figgo_ops.secrets import REDACTOR, write_private
from figgo_ops.tenants import Tenant
from figgo_ops.tenants.file import SLUG

__all__ = [
    "Answers",
    "CalendarAnswers",
    "EventAnswers",
    "Field",
    "FiggoAnswers",
    "Mistake",
    "Store",
    "TypeAnswers",
    "ZoneAnswers",
    "answers_of",
    "command",
    "difference",
    "draft_of",
    "fields",
    "kinds",
    "mistakes",
    "save",
    "secret_stores",
    "store_secret",
    "text",
    "trial",
]

_HALVES = re.compile("[\ud800-\udfff]")
_SHOWN = "has a secret in it, which would be shown to everybody who works here; take it out"


@dataclass(frozen=True, slots=True)
class Mistake:
    """What keeps the answers from becoming a tenant.

    Attributes:
        field: where it stands in the tenant file, such as `figgo.url` or `calendar[0].password`.
        message: goes on where the field's name ends; never with a value in it that may be a secret.
    """

    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"


@dataclass(frozen=True, slots=True)
class Store:
    """A place for secrets.

    Attributes:
        door: how references to it begin, `file:` or `keyring:`.
        usable: whether a secret can be put there now.
        why: what it is, or why it cannot be used.
    """

    door: str
    usable: bool
    why: str


def text(answers: Answers) -> str:
    """The tenant file these answers make, with comments; what may be a secret value is left out."""
    return written(content(covered(answers)))


def draft_of(home: Home, name: str) -> Tenant | None:
    """The draft of this name that is there already, and may be edited.

    Raises:
        UsageError: what is there is no draft, or cannot be read.
    """
    if not SLUG.fullmatch(name) or name not in tenants.names(home):
        return None
    try:
        tenant = tenants.load(home, name)
    except UsageError as error:
        raise UsageError(
            f"{home.tenants / name}.toml is there and has mistakes.",
            f"See `figgo-ops tenants show {name}`, and correct the file by hand.",
        ) from error
    if tenant.state != "draft":
        raise UsageError(
            f"There is a tenant {name} already, and it is {tenant.state}.",
            f"Choose another name, or edit {tenant.file} by hand.",
        )
    return tenant


def mistakes(
    home: Home, answers: Answers, *, today: date | None = None, entities: Collection[int] | None = None
) -> list[Mistake]:
    """Everything that keeps these answers from being saved, in the order of the file.

    Args:
        today: by which the vendor's sync must be off; None leaves that out.
        entities: the legal entities Figgo lists; None while nobody asked it.
    """
    said = content(answers)
    found = [_placed(line) for line in tenants.mistakes_in(answers.name, said)]
    texts = list(_texts(said, ""))
    half = "has half a character in it; type it again"
    found += [Mistake(place, half) for place, text in texts if _HALVES.search(text)]
    found += [Mistake(place, _SHOWN) for place, text in texts if REDACTOR.clean(text) != text]
    found += [*_taken(home, answers), *_idle(answers), *_unconfirmed(answers, today)]
    if entities is not None:
        found += _unknown(answers, entities)
    order = {field: number for number, field in enumerate(_places(said))}
    return sorted(dict.fromkeys(found), key=lambda one: order.get(one.field.partition(".")[0], len(order)))


def _placed(line: str) -> Mistake:
    """A mistake of the file; one that begins with the name of a key stands at that key."""
    place, _, message = line.partition(": ")
    key, _, rest = message.partition(" is missing")
    if not rest and key != message and re.fullmatch(r"\w+", key):
        return Mistake(f"{place}.{key}", "is missing")
    return Mistake(place, message)


def _places(said: Mapping[str, Any]) -> Iterator[str]:
    yield from ("name", "timezone", "start", "figgo", "calendar")
    yield from (f"calendar[{number}]" for number in range(len(said.get("calendar", ()))))
    yield "events"
    yield from (f"zone[{number}]" for number in range(len(said.get("zone", ()))))
    yield from ("scope", "checklist")


def _texts(value: Any, place: str) -> Iterator[tuple[str, str]]:
    """Every text with its place in the file."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _texts(inner, f"{place}.{key}" if place else key)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _texts(inner, f"{place}[{number}]")
    elif isinstance(value, str):
        yield place, value


def _taken(home: Home, answers: Answers) -> Iterator[Mistake]:
    try:
        draft = draft_of(home, answers.name)
    except UsageError as error:
        yield Mistake("name", f"{error.message} {error.remedy}")
        return
    if draft is None or draft.figgo.host == answers.host:
        return
    ledger = Ledger.open(home.ledger)
    try:
        known = ledger.places(answers.name)
    finally:
        ledger.close()
    if known:
        before = draft.figgo.host
        yield Mistake("figgo.host", f"must stay {before}: events that carry it are in calendars already")


def _idle(answers: Answers) -> Iterator[Mistake]:
    """Calendars behind one that is for everyone: nobody would be routed there."""
    first = None
    for number, one in enumerate(answers.calendars):
        if one.retired:
            continue
        if first is not None:
            message = f"{first} stands before it and is for everyone: nobody is left for this one"
            yield Mistake(f"calendar[{number}].legal_entities", message)
        elif not (one.legal_entities or one.domains):
            first = one.name or f"calendar[{number}]"


def _unconfirmed(answers: Answers, today: date | None) -> Iterator[Mistake]:
    off = answers.vendor_sync_off
    if off is None:
        yield Mistake(
            "checklist.vendor_sync_off",
            "must be the day on which Lucca's own calendar sync was switched off for these legal entities;"
            " two syncs write everything twice",
        )
    elif today is not None and off > today:
        yield Mistake("checklist.vendor_sync_off", f"lies in the future; it must be off by {today}")
    if not answers.events.look_alikes:
        yield Mistake(
            "events.look_alikes",
            "must be answered: ask, adopt or ignore events that look like ours and are there already",
        )


def _unknown(answers: Answers, entities: Collection[int]) -> Iterator[Mistake]:
    listed = [(f"calendar[{n}]", one.legal_entities) for n, one in enumerate(answers.calendars)]
    listed += [(f"zone[{n}]", one.legal_entities) for n, one in enumerate(answers.zones)]
    for place, chosen in listed:
        missing = [entity for entity in chosen if entity not in entities]
        if missing:
            which = ", ".join(map(str, missing))
            yield Mistake(f"{place}.legal_entities", f"Figgo lists no legal entity {which} to this key")


def difference(home: Home, answers: Answers) -> str:
    """What saving changes in the tenant file, as a unified diff; "" when nothing, or nothing can be saved."""
    try:
        draft = draft_of(home, answers.name)
    except UsageError:
        return ""
    name = answers.name if SLUG.fullmatch(answers.name) else "(no name)"
    label = f"tenants/{name}.toml"
    if draft is None:
        before, after = "", text(answers)
    else:
        before = _text_of(draft)
        after = _HALVES.sub("\ufffd", _edited(draft, content(covered(answers))))
    old = label if draft else "/dev/null"
    return "\n".join(unified_diff(before.splitlines(), after.splitlines(), old, label, lineterm=""))


def _edited(draft: Tenant, wanted: Mapping[str, Any]) -> str:
    before = content(answers_of(draft))
    after = tenants.edited(draft, lambda document: edit(document, before, wanted))
    return spaced(_text_of(draft), after)


def _text_of(draft: Tenant) -> str:
    """With line ends as they are, which reading as text would change."""
    return draft.file.read_bytes().decode("utf-8-sig")


def save(home: Home, answers: Answers, *, today: date | None = None) -> Tenant:
    """Write the tenant as a draft: a new file, or the draft that is there with its comments kept.

    Raises:
        UsageError: the answers have mistakes; all are named. Or the file cannot be written.
    """
    wrong = mistakes(home, answers, today=today)
    if wrong:
        lines = "".join(f"\n  {one}" for one in wrong)
        count = "one answer is" if len(wrong) == 1 else f"{len(wrong)} answers are"
        raise UsageError(
            f"{answers.name or 'The tenant'} was not saved; {count} missing or wrong:{lines}",
            "Correct them; nothing was written.",
        )
    anew = written(content(answers))
    draft = draft_of(home, answers.name)
    if draft is None:
        tenant = tenants.parsed(home, answers.name, anew)
        write_private(tenant.file, anew.encode())
        return tenant
    return _rewritten(home, draft, answers, anew)


def _rewritten(home: Home, draft: Tenant, answers: Answers, anew: str) -> Tenant:
    after = _edited(draft, content(answers))
    tenant = tenants.parsed(home, answers.name, after)
    if answers_of(tenant) != answers_of(tenants.parsed(home, answers.name, anew)):
        raise UsageError(
            f"{draft.file} is written in a way that cannot be edited here.",
            "Edit it by hand; nothing was written.",
        )
    write_private(draft.file.resolve(), after.encode())
    return tenant


def store_secret(home: Home, reference: str, value: str) -> None:
    """Put a secret where its reference leads; it goes nowhere else.

    Raises:
        UsageError, SecretUnavailable: see `secrets.store`.
    """
    home.store(reference, value)


def secret_stores(home: Home) -> list[Store]:
    """Where secrets can be put here, the one to prefer first."""
    backend, why_not = secrets.keyring_state()
    file = Store("file:", usable=True, why=f"a file in {home.secrets} that only this user can read")
    keyring = Store("keyring:", not why_not, f"{backend}: {why_not}" if why_not else backend)
    return [file, keyring] if why_not else [keyring, file]
