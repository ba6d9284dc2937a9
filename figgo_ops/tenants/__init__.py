"""Whom we work for: tenant files, scope and policy.

One TOML file per tenant in the home's `tenants/`. It may be edited by hand at any time, so it is read afresh
by every command, checked whole, and changed by us only key by key with its comments kept.
"""

import json
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import tomlkit
from pydantic import BaseModel

from figgo_ops.calendars import services
from figgo_ops.errors import UsageError
from figgo_ops.events import Policy
from figgo_ops.home import Home
from figgo_ops.leaves import Person, Slot, WorkingTime
from figgo_ops.secrets import is_reference, write_private
from figgo_ops.tenants.file import (
    DAYS,
    ChecklistSection,
    CommonSection,
    EventsSection,
    FiggoSection,
    LimitsSection,
    LookAlikes,
    ScopeSection,
    State,
    TenantFile,
    ZoneSection,
    check_calendar,
)
from figgo_ops.tenants.mistakes import check, nearest
from figgo_ops.tenants.policy import policy_of
from figgo_ops.tenants.routing import CalendarSettings, edit_table


@dataclass(frozen=True, slots=True)
class Tenant:
    """A customer whose leaves are shown in calendars, as its file says.

    Attributes:
        timezone: IANA name.
        start: nothing that ended before is created.
        calendars: in the order of the file; the first one that reaches a person is theirs.
        file: absolute.
        content: what the file says, references unresolved.
    """

    name: str
    state: State
    timezone: str
    start: date
    figgo: FiggoSection
    calendars: tuple[CalendarSettings, ...]
    events: EventsSection
    zones: tuple[ZoneSection, ...]
    scope: ScopeSection
    limits: LimitsSection
    checklist: ChecklistSection
    file: Path
    content: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def rehearsal(self) -> bool:
        """Whether every service it names is on this very machine: the rehearsal company, no customer."""
        urls = [self.figgo.url, *(url for one in self.calendars for url in services(one.own))]
        return all(urlsplit(url).hostname in ("localhost", "127.0.0.1", "::1") for url in urls)

    def policy(self) -> Policy:
        """How leaves become events here."""
        return policy_of(self.timezone, self.events, self.zones)

    def working(self, rest: Mapping[int, frozenset[Slot]] | None = None) -> WorkingTime:
        """Which half-days are not worked.

        Args:
            rest: half-days that userdates named as not worked, by owner; None where they were not asked.
        """
        weekend = frozenset(DAYS.index(day) for day in self.figgo.weekend)
        return WorkingTime(weekend, rest, self.figgo.rest_rows)

    def in_scope(self, person: Person) -> bool:
        """Whether this person's leaves are shown at all: chosen, not excepted, and reached by a calendar."""
        return self.chosen(person) and self.calendar_for(person) is not None

    def chosen(self, person: Person) -> bool:
        """Whether the scope takes this person in, wherever their mailbox is."""
        among = not self.scope.only or _named(person, self.scope.only)
        return among and not _named(person, self.scope.excluded)

    def calendar_for(self, person: Person) -> CalendarSettings | None:
        """The first calendar that reaches this person; None when none does."""
        return next((calendar for calendar in self.calendars if calendar.reaches(person)), None)

    def calendar(self, name: str) -> CalendarSettings:
        """The calendar of this name.

        Raises:
            UsageError: there is none.
        """
        known = {calendar.name: calendar for calendar in self.calendars}
        if name not in known:
            raise UsageError(
                f"Tenant {self.name} has no calendar named {name}.{nearest(name, known)}",
                f"Choose one of {', '.join(known)}, or add it to {self.file}.",
            )
        return known[name]

    def policy_digest(self) -> str:
        """Digest of everything a plan depends on: events, zones, working time, calendars and scope.

        Neither secrets, URLs and certificate files, which only say how to get there, nor the answer about
        look-alikes, which applying a plan may itself write.
        """
        figgo = self.figgo
        parts = {
            "host": figgo.host,
            "working": [figgo.working_time, sorted(figgo.weekend), figgo.rest_rows],
            "events": self.events.model_dump(mode="json", exclude={"look_alikes"}),
            "zones": [self.timezone, *(zone.model_dump(mode="json") for zone in self.zones)],
            "scope": [sorted(map(str, self.scope.only)), sorted(map(str, self.scope.excluded))],
            "calendars": [_routing(calendar) for calendar in self.calendars],
        }
        return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def names(home: Home) -> list[str]:
    """The tenants that have a file, sorted."""
    return sorted(file.stem for file in home.tenants.glob("*.toml") if not file.name.startswith("."))


def load(home: Home, name: str) -> Tenant:
    """The tenant of this name.

    Raises:
        UsageError: there is none, or its file cannot be read or is wrong; every mistake is named.
    """
    file = home.tenants / f"{name}.toml"
    known = names(home)
    if name not in known:
        raise UsageError(
            f"There is no tenant {name} in {home.path}.{nearest(name, known)}",
            f"Known tenants: {', '.join(known)}."
            if known
            else f"Write {home.tenants}/{name}.toml; the README shows one.",
        )
    try:
        return _parsed(file, file.read_bytes())
    except OSError as error:
        raise UsageError(
            f"{file} cannot be read: {error.strerror}.", "Check its owner and rights."
        ) from error


def parsed(home: Home, name: str, text: str) -> Tenant:
    """The tenant that a file of this name and content would be; nothing is written.

    Raises:
        UsageError: the content is wrong; every mistake is named.
    """
    return _parsed(home.tenants / f"{name}.toml", text.encode())


def shown(tenant: Tenant) -> dict[str, Any]:
    """What the file says, for `tenants show`: references unresolved, dates as text."""
    return {key: _plain(value) for key, value in tenant.content.items()}


def write_state(tenant: Tenant, state: State) -> Tenant:
    """Change the tenant's state in its file; returns the tenant as it is now.

    Raises:
        UsageError: the file cannot be read or written, or is wrong by now.
    """
    return rewrite(tenant, lambda document: document.update({"state": state}))


def write_look_alikes(tenant: Tenant, answer: LookAlikes) -> Tenant:
    """Keep the answer to the question about look-alikes; returns the tenant as it is now.

    Raises:
        UsageError: see `write_state`.
    """

    def answered(document: tomlkit.TOMLDocument) -> None:
        document.setdefault("events", tomlkit.table())["look_alikes"] = answer

    return rewrite(tenant, answered)


def write_exception(tenant: Tenant, employee: int) -> Tenant:
    """Take an employee out of scope for good, by Figgo id; returns the tenant as it is now.

    Raises:
        UsageError: see `write_state`.
    """

    def excepted(document: tomlkit.TOMLDocument) -> None:
        scope = document.setdefault("scope", tomlkit.table())
        listed = scope.setdefault("except", tomlkit.array())
        if employee not in listed:
            listed.append(employee)

    return rewrite(tenant, excepted)


def write_routing(tenant: Tenant, calendars: Iterable[CalendarSettings]) -> Tenant:
    """Write whom each calendar is for; returns the tenant as it is now.

    Raises:
        UsageError: see `write_state`.
    """
    wanted = {calendar.name: calendar for calendar in calendars}
    if wanted == {calendar.name: calendar for calendar in tenant.calendars}:
        return tenant

    def routed(document: tomlkit.TOMLDocument) -> None:
        for table in document["calendar"]:
            edit_table(table, wanted[table["name"]])

    return rewrite(tenant, routed)


def rewrite(tenant: Tenant, edit: Callable[[tomlkit.TOMLDocument], None]) -> Tenant:
    """Edit the tenant's file, comments kept, all or nothing; a result that does not check is not written.

    Raises:
        UsageError: see `write_state`.
    """
    after = edited(tenant, edit).encode()
    changed = _parsed(tenant.file, after)
    write_private(tenant.file.resolve(), after)  # a link into a configuration repository stays a link
    return changed


def edited(tenant: Tenant, edit: Callable[[tomlkit.TOMLDocument], None]) -> str:
    """The text of the tenant's file after an edit, comments kept; nothing is written or checked.

    Raises:
        UsageError: the file cannot be read, or is wrong by now.
    """
    try:
        before = tenant.file.read_bytes()
    except OSError as error:
        raise UsageError(
            f"{tenant.file} cannot be read: {error.strerror}.", "Check its owner and rights."
        ) from error
    _parsed(tenant.file, before)
    document = tomlkit.parse(before.decode("utf-8-sig"))
    edit(document)
    return tomlkit.dumps(document)


def _parsed(file: Path, raw: bytes) -> Tenant:
    try:
        content = tomllib.loads(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{file} is not UTF-8 text (line {line}).", "Save it as UTF-8.") from error
    except tomllib.TOMLDecodeError as error:
        why = str(error).replace("end of document", f"line {len(raw.splitlines())}")
        raise UsageError(f"{file} is not TOML: {why}.", "Correct that line.") from None
    return _checked(file, content)


def mistakes_in(name: str, content: dict[str, Any]) -> list[str]:
    """What is wrong with the content of a tenant file of this name, one line per mistake."""
    return _found_in(name, content)[2]


def _found_in(
    name: str, content: dict[str, Any]
) -> tuple[TenantFile | None, tuple[CalendarSettings, ...], list[str]]:
    found, mistakes = check(TenantFile, content)
    connections, more = _calendars(content.get("calendar"))
    mistakes += more
    if found and found.name != name:
        mistakes.append(f"name: must be the file's name, {name}")
    return found, connections, mistakes


def _checked(file: Path, content: dict[str, Any]) -> Tenant:
    found, connections, mistakes = _found_in(file.stem, content)
    if found is None or mistakes:
        count = "one mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
        lines = "".join(f"\n  {mistake}" for mistake in mistakes)
        raise UsageError(f"{file} has {count}:{lines}", "Correct the file; nothing was done for this tenant.")
    return Tenant(
        name=found.name,
        state=found.state,
        timezone=found.timezone,
        start=found.start,
        figgo=found.figgo,
        calendars=connections,
        events=found.events,
        zones=found.zone,
        scope=found.scope,
        limits=found.limits,
        checklist=found.checklist,
        file=file,
        content=content,
    )


def _calendars(tables: object) -> tuple[tuple[CalendarSettings, ...], list[str]]:
    connections: list[CalendarSettings] = []
    mistakes: list[str] = []
    listed = tables if isinstance(tables, list) else []
    for number, table in enumerate(each for each in listed if isinstance(each, dict)):
        common, settings, wrong = check_calendar(table, f"calendar[{number}]")
        if common and any(other.name == common.name for other in connections):
            wrong.append(f"calendar[{number}].name: another calendar has this name")
        mistakes += wrong
        if common and settings and not wrong:
            connections.append(connection(common, settings))
    return tuple(connections), mistakes


def connection(common: CommonSection, settings: BaseModel) -> CalendarSettings:
    """One `[[calendar]]` from the keys that all have and those of its kind."""
    return CalendarSettings(
        common.name,
        common.kind,
        common.legal_entities,
        common.domains,
        settings,
        common.retired,
        common.credential_until,
        common.outside or "",
    )


def _named(person: Person, listed: Iterable[int | str]) -> bool:
    return person.id in listed or (person.mail or "").lower() in listed


def _routing(calendar: CalendarSettings) -> list[Any]:
    deciding = {
        key: value
        for key, value in calendar.own.model_dump(mode="json").items()
        if key != "ca_file" and not (isinstance(value, str) and (is_reference(value) or "://" in value))
    }
    whom = [sorted(calendar.legal_entities), sorted(calendar.domains)]
    return [calendar.name, calendar.kind, *whom, deciding, *(["retired"] if calendar.retired else [])]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value.isoformat() if isinstance(value, date) else value
