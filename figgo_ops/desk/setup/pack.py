"""The set-up pack: one page and one script per calendar, for the customer's administrator.

It goes to people outside, so it holds neither secrets nor the references to them, and what a name in it says
can end neither a literal of a script nor a tag of the page.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

from figgo_ops.calendars import services
from figgo_ops.desk import pages
from figgo_ops.desk.runs import write_text
from figgo_ops.desk.setup import guides as setup_guides
from figgo_ops.desk.setup.exchange import Below, ExchangeSetup, MembersOf
from figgo_ops.desk.setup.google import GoogleSetup
from figgo_ops.desk.setup.guides import Guide
from figgo_ops.desk.setup.microsoft365 import Microsoft365Setup
from figgo_ops.desk.setup.page import Told, page_parts
from figgo_ops.errors import UsageError
from figgo_ops.home import Home
from figgo_ops.secrets import REDACTOR, write_private
from figgo_ops.tenants import Tenant
from figgo_ops.tenants.routing import CalendarSettings

PAGE = "set-up.html"

_SCRIPTS = re.compile(r"set-up-\d+-[a-z0-9-]+\.(sh|ps1)")
_EVERY = ""
_LONGEST_SLUG = 40


@dataclass(frozen=True, slots=True)
class Given:
    """What the customer decided and the tenant file does not say; left out, the usual name is used.

    Attributes:
        group: exchange and microsoft365: the people to synchronise are its direct members.
        unit: exchange, in place of a group: the organizational unit with their mailboxes.
        account: google and exchange: name of the service account.
        domain: exchange: of that account, where the tenant file names none or another one.
        project: google: id of the project.
        certificate: microsoft365: the file that we send.
    """

    group: str = ""
    unit: str = ""
    account: str = ""
    domain: str = ""
    project: str = ""
    certificate: str = ""


@dataclass(frozen=True, slots=True)
class Need:
    """Something to ask the customer.

    Attributes:
        calendar: its name in the tenant file.
        field: of `Given`.
        meaning: what it is.
    """

    calendar: str
    field: str
    meaning: str


NOTHING: Mapping[str, Given] = MappingProxyType({})
_GROUP = "name of the group whose direct members are the people to synchronise"
_UNIT = f"{_GROUP}; or, as unit, an organizational unit with their mailboxes"
_DOMAIN = "domain of the service account, such as CORP"


def needed(tenant: Tenant, given: Mapping[str, Given] = NOTHING) -> tuple[Need, ...]:
    """What has to be asked before the pack can be written.

    Args:
        given: by name of the calendar; under "" what holds for all of them.

    Raises:
        UsageError: there is no calendar of such a name.
    """
    for name in given:
        if name != _EVERY:
            tenant.calendar(name)
    return tuple(need for one in _served(tenant) for need in _needs(one, _for(one, given)))


def write(
    home: Home,
    tenant: Tenant,
    given: Mapping[str, Given] = NOTHING,
    folder: Path | None = None,
    entities: Mapping[int, str] = MappingProxyType({}),
) -> Path:
    """Write the page and, beside it, the scripts; returns the page.

    Args:
        given: by name of the calendar; under "" what holds for all of them.
        folder: instead of the one in the home, where scripts of an earlier pack are removed.
        entities: names of legal entities, for the page.

    Raises:
        UsageError: something has to be asked first, a name cannot be one, or the folder cannot be written to.
    """
    if missing := needed(tenant, given):
        asked = "".join(f"\n  {need.calendar}: {need.field} ({need.meaning})" for need in missing)
        raise UsageError(
            f"The set-up pack of tenant {tenant.name} needs names that its file does not say:{asked}",
            "Ask the customer's administrator, and give them.",
        )
    told = tuple(_told(tenant, given, entities))
    place = folder or _own_folder(home, tenant)
    for one in told:
        _write_script(place / one.file, one.guide)
    if folder is None:
        _remove_others(place, {one.file for one in told})
    write_text(place / PAGE, _page(home, tenant, told))
    return place / PAGE


def _told(tenant: Tenant, given: Mapping[str, Given], entities: Mapping[int, str]) -> Iterator[Told]:
    for number, calendar in enumerate(_served(tenant), 1):
        try:
            guide = _guide(tenant, calendar, _for(calendar, given))
        except UsageError as error:
            raise UsageError(f"calendar {calendar.name}: {error.message}", error.remedy) from error
        file = f"set-up-{number}-{_slug(calendar.name)}.{guide.suffix}"
        yield Told(calendar.name, _whom(tenant, calendar, entities), guide, file)


def _guide(tenant: Tenant, calendar: CalendarSettings, given: Given) -> Guide:
    for text in (calendar.name, *astuple(given), *calendar.own.model_dump().values()):
        if isinstance(text, str) and REDACTOR.clean(text) != text:
            raise UsageError("one of its names has a secret in it.", "Take it out; the pack goes to others.")
    if calendar.kind == "google":
        return setup_guides.google(_google(tenant, given))
    if _on_premises(calendar):
        return setup_guides.exchange(_exchange(calendar, given))
    organization = str(calendar.own.model_dump()["tenant_id"])
    return setup_guides.microsoft365(_microsoft365(organization, given), bridge=calendar.kind == "exchange")


def _google(tenant: Tenant, given: Given) -> GoogleSetup:
    setup = GoogleSetup(given.project or f"figgo-ops-{tenant.name}"[:30].rstrip("-"))
    return replace(setup, account=given.account) if given.account else setup


def _exchange(calendar: CalendarSettings, given: Given) -> ExchangeSetup:
    if given.group and given.unit:
        raise UsageError("group, unit: both are given, and one is meant.", "Give one of the two.")
    domain, account = _logon(calendar)
    return ExchangeSetup(
        account=given.account or account,
        domain=given.domain or domain,
        whom=Below(given.unit) if given.unit else MembersOf(given.group),
        host=urlsplit(services(calendar.own)[0]).hostname or "",
        log_on=calendar.own.model_dump()["auth"] or "ntlm",
    )


def _microsoft365(organization: str, given: Given) -> Microsoft365Setup:
    setup = Microsoft365Setup(organization, given.group)
    return replace(setup, certificate=given.certificate) if given.certificate else setup


def _on_premises(calendar: CalendarSettings) -> bool:
    return calendar.kind == "exchange" and not calendar.own.model_dump()["online"]


def _logon(calendar: CalendarSettings) -> tuple[str, str]:
    r"""Domain and account of `DOMAIN\account` or `account@domain`."""
    user = str(calendar.own.model_dump()["user"])
    domain, backslash, account = user.partition("\\")
    if backslash:
        return domain, account
    account, _, domain = user.rpartition("@") if "@" in user else (user, "", "")
    return domain, account


def _needs(calendar: CalendarSettings, given: Given) -> Iterator[Need]:
    on_premises = _on_premises(calendar)
    if calendar.kind != "google" and not given.group and not (on_premises and given.unit):
        yield Need(calendar.name, "group", _UNIT if on_premises else _GROUP)
    if on_premises and not given.domain and not _logon(calendar)[0]:
        yield Need(calendar.name, "domain", _DOMAIN)


def _served(tenant: Tenant) -> Iterator[CalendarSettings]:
    """The calendars that somebody is routed to."""
    return (calendar for calendar in tenant.calendars if not calendar.retired)


def _for(calendar: CalendarSettings, given: Mapping[str, Given]) -> Given:
    """What is given for this calendar, and for all where nothing is."""
    own, every = given.get(calendar.name, Given()), given.get(_EVERY, Given())
    group, unit = (own.group, own.unit) if own.group or own.unit else (every.group, every.unit)
    return Given(
        group,
        unit,
        own.account or every.account,
        own.domain or every.domain,
        own.project or every.project,
        own.certificate or every.certificate,
    )


def _whom(tenant: Tenant, calendar: CalendarSettings, entities: Mapping[int, str]) -> str:
    """The people of a calendar, in words."""
    named = [entities.get(number, f"legal entity {number}") for number in calendar.legal_entities]
    domains = [f"addresses of {domain}" for domain in calendar.domains]
    first = next(_served(tenant)) == calendar
    rest = "everybody" if first else "everybody whom no calendar before is for"
    whom = ", ".join(named or domains) or rest
    return f"{whom}; at first a pilot group of {len(tenant.scope.only)}" if tenant.scope.only else whom


def _page(home: Home, tenant: Tenant, told: tuple[Told, ...]) -> str:
    mode = pages.REHEARSAL if tenant.rehearsal else pages.LIVE
    values = {"tenant": tenant.name, "mode": mode, "home": pages.shown_path(home.path)}
    frame = pages.frame(f"Set-up for {tenant.figgo.host}", values, [("Figgo", tenant.figgo.host)])
    return pages.page(frame, page_parts(tenant, told))


def _own_folder(home: Home, tenant: Tenant) -> Path:
    place = home.path / "packs" / tenant.name
    try:
        for folder in (place.parent, place):  # the mode given to mkdir is not that of the parents it makes
            folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"{error.filename} cannot be used: {error.strerror}.", "Check its owner and rights."
        ) from error
    return place


def _write_script(path: Path, guide: Guide) -> None:
    if guide.suffix == "sh":
        write_text(path, guide.script)
        return
    # Windows PowerShell takes a file without a byte order mark for the code page of the machine, and the
    # editor of older servers shows lines without a carriage return as one.
    write_private(path, guide.script.replace("\n", "\r\n").encode("utf-8-sig"))


def _remove_others(place: Path, kept: set[str]) -> None:
    for path in place.iterdir():
        if _SCRIPTS.fullmatch(path.name) and path.name not in kept:
            path.unlink()


def _slug(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub("[^a-z0-9]+", "-", plain)[:_LONGEST_SLUG].strip("-") or "calendar"
