"""The shape of a tenant file: which keys there are, what they may say, what they say when left out."""

import re
from collections.abc import Iterator, Mapping
from datetime import date, time
from functools import cache
from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)

from figgo_ops import calendars
from figgo_ops.events import TITLE_LENGTH, ShowAs, clean_title
from figgo_ops.secrets import SecretRef
from figgo_ops.tenants.mistakes import check, nearest

State = Literal["draft", "active", "paused", "closed"]
LookAlikes = Literal["ask", "adopt", "ignore"]
Day = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
DAYS: tuple[str, ...] = get_args(Day)

SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?")
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def https_url(text: str) -> str:
    """Only https, and nobody's password inside."""
    try:
        parts = urlsplit(text)
        whole = parts.scheme == "https" and parts.hostname and parts.port != 0
    except ValueError:
        raise ValueError("not a URL; write https:// and the host") from None
    if not whole:
        raise ValueError("must be an https:// URL")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not hold a user or password; use a secret reference")
    return text


def _zone(name: str) -> str:
    if name not in _zones():
        raise ValueError(f"not an IANA zone such as Europe/Paris.{nearest(name, _zones())}")
    return name


def _start(day: date) -> date:
    if not 1900 <= day.year < 2100:
        raise ValueError("must lie between 1900 and 2100")
    return day


def _slug(text: str) -> str:
    if not SLUG.fullmatch(text):
        raise ValueError("must consist of a-z, 0-9 and inner hyphens")
    return text


def _host(text: str) -> str:
    if not _HOST.fullmatch(text):
        raise ValueError(
            "must be a host name in lower case, such as acme.ilucca.net, without https:// or path"
        )
    return text


def _title(text: str) -> str:
    if not clean_title(text):
        raise ValueError("must not be blank")
    return text


def _domain(text: str) -> str:
    if "@" in text or "." not in text or not _HOST.fullmatch(text.lower()):
        raise ValueError("must be a mail domain such as acme.example, without @")
    return text.lower()


def _mail(text: str) -> str:
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", text):
        raise ValueError("must be a mail address")
    return text


def _label(text: str) -> str:
    if re.search(r"[/\x00-\x1f]", text):
        raise ValueError("must not hold a slash or a line end")
    return text


def _id_or_mail(value: object) -> int | str:
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    if isinstance(value, str) and "@" in value.strip("@"):
        return value.lower()
    raise ValueError("must be an employee's Figgo id (a number) or mail")


def _times(value: object) -> tuple[time, time]:
    texts = value if isinstance(value, list) else []
    if len(texts) != 2 or not all(isinstance(text, str) and _CLOCK.fullmatch(text) for text in texts):
        raise ValueError('must be two times such as ["09:00", "12:00"]')
    begin, end = (time.fromisoformat(text) for text in texts)
    if begin >= end:
        raise ValueError("must begin before it ends")
    return begin, end


Zone = Annotated[str, AfterValidator(_zone)]
HttpsUrl = Annotated[str, AfterValidator(https_url)]
Title = Annotated[str, Field(max_length=TITLE_LENGTH), AfterValidator(_title)]
Id = Annotated[int, Field(gt=0)]
Ids = Annotated[tuple[Id, ...], Field(strict=False)]
People = Annotated[tuple[Annotated[int | str, BeforeValidator(_id_or_mail)], ...], Field(strict=False)]
Times = Annotated[tuple[time, time], BeforeValidator(_times)]
Days = Annotated[int, Field(ge=0, le=36500)]


class Section(BaseModel):
    """A table of the tenant file: every key known, every value of its own type."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)


class FiggoSection(Section):
    """Where the leaves of this tenant are, and what "worked" means there.

    Attributes:
        host: what keys carry; frozen by the first load.
        url: where to call; may change.
        per_minute: how many of Figgo's 50 requests a minute we may use.
    """

    host: Annotated[str, AfterValidator(_host)]
    url: HttpsUrl
    api_key: SecretRef
    webhook_secret: SecretRef | None = None
    working_time: Literal["weekdays", "userdates"] = "weekdays"
    weekend: Annotated[tuple[Day, ...], Field(strict=False, max_length=6)] = ("saturday", "sunday")
    rest_rows: bool = False
    ca_file: str | None = None
    per_minute: Annotated[float, Field(gt=0, le=50)] = 25


class HoursSection(Section):
    """When the halves of a working day begin and end."""

    morning: Times = (time(9), time(12))
    afternoon: Times = (time(14), time(18))

    @model_validator(mode="after")
    def _in_order(self) -> "HoursSection":
        if self.morning[1] > self.afternoon[0]:
            raise ValueError("the morning must end before the afternoon begins")
        return self


class HorizonSection(Section):
    """The days that a plan may change when nothing else is asked."""

    past_days: Days = 30
    future_days: Days = 540


class TypeSection(Section):
    """A rule for the absence types whose name matches."""

    match: Title
    title: Title | None = None
    show_as: ShowAs | None = None
    private: bool | None = None
    skip: bool | None = None


class EventsSection(Section):
    """How leaves look in a calendar."""

    title: Title = "Absent"
    show_type: bool = False
    whole_days: Literal["all-day", "hours"] = "all-day"
    hours: HoursSection = HoursSection()
    pending: Literal["tentative", "hidden"] = "tentative"
    private: bool = False
    show_as: ShowAs = "busy"
    hand_edits: Literal["restore", "respect"] = "restore"
    look_alikes: LookAlikes = "ask"
    horizon: HorizonSection = HorizonSection()
    type: Annotated[tuple[TypeSection, ...], Field(strict=False)] = ()


class ZoneSection(Section):
    """A zone other than the tenant's, for some employees or legal entities."""

    timezone: Zone
    legal_entities: Ids = ()
    employees: Ids = ()

    @model_validator(mode="after")
    def _for_somebody(self) -> "ZoneSection":
        if not (self.legal_entities or self.employees):
            raise ValueError("needs legal_entities or employees")
        return self


class ScopeSection(Section):
    """Who is served: a pilot group, or everyone, without the exceptions."""

    only: People = ()
    excluded: Annotated[People, Field(alias="except")] = ()


class LimitsSection(Section):
    """How many removals need a person's word."""

    delete_ratio: Annotated[float, Field(ge=0, le=1)] = 0.3
    delete_min: Annotated[int, Field(ge=0)] = 10


class CommonSection(Section):
    """The keys that every `[[calendar]]` has, whatever its kind.

    Attributes:
        retired: kept only to reach events written before; nobody is routed here.
        credential_until: the last day of its password or secret, where a person knows it.
        outside: a mailbox that must stay closed to us; diagnostics see whether it is.
    """

    name: Annotated[str, Field(min_length=1, max_length=80), AfterValidator(_label)]
    kind: str
    legal_entities: Ids = ()
    domains: Annotated[tuple[Annotated[str, AfterValidator(_domain)], ...], Field(strict=False)] = ()
    retired: bool = False
    credential_until: date | None = None
    outside: Annotated[str, AfterValidator(_mail)] | None = None

    @model_validator(mode="after")
    def _one_rule(self) -> "CommonSection":
        if self.legal_entities and self.domains:
            raise ValueError("legal_entities and domains cannot both be given; use two [[calendar]] tables")
        return self


class ChecklistSection(Section):
    """What the customer confirmed before the first load.

    Attributes:
        vendor_sync_off: since when the vendor's own calendar sync is off for these legal entities.
    """

    vendor_sync_off: date | None = None


class TenantFile(Section):
    """A tenant file but for what is inside its `[[calendar]]` tables, which their kind decides."""

    name: Annotated[str, AfterValidator(_slug)]
    state: State = "draft"
    timezone: Zone
    start: Annotated[date, AfterValidator(_start)]
    figgo: FiggoSection
    calendar: Annotated[list[dict[str, Any]], Field(min_length=1)]
    events: EventsSection = EventsSection()
    zone: Annotated[tuple[ZoneSection, ...], Field(strict=False)] = ()
    scope: ScopeSection = ScopeSection()
    limits: LimitsSection = LimitsSection()
    checklist: ChecklistSection = ChecklistSection()


def check_calendar(
    table: dict[str, Any], at: str
) -> tuple[CommonSection | None, BaseModel | None, list[str]]:
    """One `[[calendar]]` as its common keys and those of its kind, or what is wrong with it."""
    common = {key: value for key, value in table.items() if key in CommonSection.model_fields}
    first, mistakes = check(CommonSection, common, at)
    model, unusable = _model_of(table.get("kind"), at)
    if model is None:
        return first, None, mistakes + unusable
    rest, wrong = check(
        model,
        {key: value for key, value in table.items() if key not in common},
        at,
        tuple(CommonSection.model_fields),
    )
    return first, rest, mistakes + wrong + list(_plain_urls(table, at, wrong))


def _model_of(kind: object, at: str) -> tuple[type[BaseModel] | None, list[str]]:
    if not isinstance(kind, str):
        return None, []  # the common keys report it
    known = calendars.kinds()
    if kind not in known:
        return None, [
            f"{at}.kind: no such kind of calendar.{nearest(kind, known)} Known are {', '.join(known)}."
        ]
    try:
        return calendars.settings_of(kind), []
    except ModuleNotFoundError as error:
        return None, [f"{at}.kind: {kind} needs the Python package {error.name}, which is not installed"]


def _plain_urls(table: Mapping[str, Any], at: str, reported: list[str]) -> Iterator[str]:
    """Adapters take their URLs as text; whatever the kind, only https may carry a credential."""
    for key, value in table.items():
        if (
            isinstance(value, str)
            and "://" in value
            and not any(x.startswith(f"{at}.{key}:") for x in reported)
        ):
            try:
                https_url(value)
            except ValueError as error:
                yield f"{at}.{key}: {error}"
