"""Which calendar is whose, and how that changes when people move to another one.

Pure: no input or output, no clock.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from pydantic import BaseModel

from figgo_ops.errors import UsageError
from figgo_ops.leaves import Person


@dataclass(frozen=True, slots=True)
class CalendarSettings:
    """One `[[calendar]]`: a provider connection and whose mailboxes it reaches.

    Attributes:
        legal_entities, domains: whom it is for; everyone when both are empty.
        own: the keys of its kind, as its adapter's `Settings`.
        retired: nobody is routed here any more; it only reaches events written before.
        credential_until: the last day of its password or secret, where a person knows it.
        outside: a mailbox that must stay closed to us; "" when none is known.
    """

    name: str
    kind: str
    legal_entities: tuple[int, ...]
    domains: tuple[str, ...]
    own: BaseModel
    retired: bool = False
    credential_until: date | None = None
    outside: str = ""

    def reaches(self, person: Person) -> bool:
        """Whether this person's mailbox is here, by legal entity or by the domain of the mail."""
        if self.retired:
            return False
        if self.domains:
            return (person.mail or "").lower().rpartition("@")[2] in self.domains
        return not self.legal_entities or person.legal_entity in self.legal_entities

    @property
    def catches_all(self) -> bool:
        """Whether it is for everyone that no earlier one is for."""
        return not (self.retired or self.legal_entities or self.domains)


def moved(
    calendars: Sequence[CalendarSettings], to: str, legal_entities: Collection[int] = ()
) -> tuple[CalendarSettings, ...]:
    """The calendars once these legal entities, or everyone, belong to the one named.

    Done twice it is the same.

    Raises:
        UsageError: its rules cannot say so.
    """
    target = next(calendar for calendar in calendars if calendar.name == to)
    others = [calendar for calendar in calendars if calendar.name != to and not calendar.retired]
    if legal_entities:
        _check(target, calendars)
        return tuple(_with_entities(one, to, legal_entities) for one in calendars)
    active = others if target.retired else [target, *others]
    if active and all(one.legal_entities for one in active):
        everyone = [entity for one in others for entity in one.legal_entities]
        return tuple(_with_entities(one, to, everyone) for one in calendars)
    return tuple(_for_all(one, active) if one.name == to else replace(one, retired=True) for one in calendars)


def rules(calendars: Sequence[CalendarSettings], changed: Sequence[CalendarSettings]) -> str:
    """The rules of those of the calendars that are changed, as the tenant file writes them."""
    return "; ".join(
        f"{old.name}: {_rule(old)}" for old, new in zip(calendars, changed, strict=True) if old != new
    )


def _rule(one: CalendarSettings) -> str:
    if one.domains:
        return f"domains = {json.dumps(one.domains)}"
    listed = f"legal_entities = {json.dumps(one.legal_entities)}" if one.legal_entities else "no rule"
    return f"{listed}, retired = true" if one.retired else f"{listed}, not retired"


def _check(target: CalendarSettings, calendars: Sequence[CalendarSettings]) -> None:
    """Refuse to give single legal entities to a calendar that would not get them."""
    if target.domains:
        raise UsageError(
            f"Calendar {target.name} is for mail domains, so it cannot take single legal entities.",
            "Move everyone, without --legal-entity; or give it legal_entities instead in the tenant file.",
        )
    earlier = calendars[: calendars.index(target)]
    catching = next((one for one in earlier if one.catches_all), None)
    if catching is not None:
        raise UsageError(
            f"Calendar {catching.name} stands before {target.name} and is for everyone: nobody would move.",
            f"In the tenant file, put the [[calendar]] table of {target.name} before it; the first one wins.",
        )


def _with_entities(one: CalendarSettings, to: str, moving: Collection[int]) -> CalendarSettings:
    """One calendar once these legal entities belong to the one named."""
    if one.name == to:
        before = () if one.retired else one.legal_entities
        added = tuple(entity for entity in dict.fromkeys(moving) if entity not in before)
        # One that is for everyone stays so: a list would shut the others out.
        return one if one.catches_all else replace(one, legal_entities=before + added, retired=False)
    left = tuple(entity for entity in one.legal_entities if entity not in moving)
    if one.retired or left == one.legal_entities:
        return one
    # Without any rule it would be for everyone.
    return replace(one, legal_entities=left, retired=not left)


def _for_all(target: CalendarSettings, active: Collection[CalendarSettings]) -> CalendarSettings:
    """The calendar that takes over everyone whom these reach."""
    if not active:  # nobody has a calendar: its own rules come back
        return replace(target, retired=False)
    domains: tuple[str, ...] = ()
    if all(one.domains for one in active):
        domains = tuple(dict.fromkeys(domain for one in active for domain in one.domains))
    return replace(target, legal_entities=(), domains=domains, retired=False)


_RETIRED = "reaches events written before; nobody is routed here"


def edit_table(table: Any, wanted: CalendarSettings) -> None:
    """Let a `[[calendar]]` table of a document say so; lists keep the comments inside them."""
    for name, values in (("legal_entities", wanted.legal_entities), ("domains", wanted.domains)):
        listed = table.get(name)
        if listed is None and values:
            _put(table, name, list(values))
        for value in [one for one in listed or () if _folded(one) not in values]:
            listed.remove(value)
        for value in values if listed is not None else ():
            if value not in map(_folded, listed):
                listed.append(value)
    if not wanted.retired:
        table.pop("retired", None)
    elif not table.get("retired"):
        table.pop("retired", None)
        _put(table, "retired", True, _RETIRED)


def _folded(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _put(table: Any, name: str, value: object, comment: str = "") -> None:
    """Add a key behind the others; what stands between them and the next table belongs to that one."""
    if not hasattr(table, "is_aot_element"):  # written inline, where no comment can be
        table[name] = value
        return
    body, trailing = table.value.body, []
    while body and body[-1][0] is None:
        trailing.append(body.pop())
    table[name] = value
    if comment:
        table.value.item(name).comment(comment)
    body.extend(reversed(trailing))
