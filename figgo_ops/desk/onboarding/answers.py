"""What a support engineer and a customer answer when a tenant is set up, and what that says in its file.

Answers are as typed: they may be wrong or incomplete, so that a form can show what is wrong with them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any
from urllib.parse import urlsplit

from figgo_ops.desk.onboarding.settings import fields_or_none
from figgo_ops.secrets import HIDDEN, is_reference
from figgo_ops.tenants import Tenant

Value = str | bool | int | float
"""What one key of a calendar may say."""


@dataclass(frozen=True, slots=True)
class FiggoAnswers:
    """Where the leaves are; see `tenants.file.FiggoSection`.

    Attributes:
        host: what keys carry; "" for the host of `url`.
        api_key, webhook_secret: references, never values.
        ca_file: only for what stands in for Figgo.
    """

    url: str = ""
    host: str = ""
    api_key: str = ""
    webhook_secret: str = ""
    working_time: str = "weekdays"
    weekend: tuple[str, ...] = ("saturday", "sunday")
    rest_rows: bool = False
    ca_file: str = ""
    per_minute: float = 25


_USUAL = FiggoAnswers()


@dataclass(frozen=True, slots=True)
class CalendarAnswers:
    """One provider connection and whom it is for.

    Attributes:
        legal_entities, domains: at most one of them; everyone when both are empty.
        fields: the keys of its kind, see `settings.fields`; one that is "" says nothing.
        credential_until: the last day of its password or secret, where the customer knows it.
        outside: a mailbox that must stay closed to us.
    """

    name: str = ""
    kind: str = ""
    legal_entities: tuple[int, ...] = ()
    domains: tuple[str, ...] = ()
    fields: Mapping[str, Value] = field(default_factory=dict)
    credential_until: date | None = None
    outside: str = ""
    retired: bool = False


@dataclass(frozen=True, slots=True)
class TypeAnswers:
    """What is different for the absence types whose name matches; "" and None leave the general rule."""

    match: str = ""
    title: str = ""
    show_as: str = ""
    private: bool | None = None
    skip: bool | None = None


@dataclass(frozen=True, slots=True)
class EventAnswers:
    """How leaves look in a calendar; see `tenants.file.EventsSection`.

    Attributes:
        morning, afternoon: begin and end, such as ("09:00", "12:00").
        look_alikes: ask, adopt or ignore; "" while nobody has answered.
    """

    title: str = "Absent"
    show_type: bool = False
    whole_days: str = "all-day"
    morning: tuple[str, ...] = ("09:00", "12:00")
    afternoon: tuple[str, ...] = ("14:00", "18:00")
    pending: str = "tentative"
    private: bool = False
    show_as: str = "busy"
    hand_edits: str = "restore"
    look_alikes: str = ""
    past_days: int = 30
    future_days: int = 540
    types: tuple[TypeAnswers, ...] = ()


@dataclass(frozen=True, slots=True)
class ZoneAnswers:
    """Another zone for some employees or legal entities."""

    timezone: str = ""
    legal_entities: tuple[int, ...] = ()
    employees: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Answers:
    """Everything the form asks for.

    Attributes:
        only: a pilot group, Figgo ids or mails; empty for everyone.
        excluded: who is left out all the same.
        vendor_sync_off: since when the vendor's own calendar sync is off; None while nobody confirmed it.
    """

    name: str = ""
    timezone: str = ""
    start: date | None = None
    figgo: FiggoAnswers = FiggoAnswers()
    calendars: tuple[CalendarAnswers, ...] = ()
    events: EventAnswers = EventAnswers()
    zones: tuple[ZoneAnswers, ...] = ()
    only: tuple[int | str, ...] = ()
    excluded: tuple[int | str, ...] = ()
    vendor_sync_off: date | None = None

    @property
    def host(self) -> str:
        """What keys will carry."""
        return self.figgo.host or host_of(self.figgo.url)


def host_of(url: str) -> str:
    """The host of a URL, "" where it has none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def content(answers: Answers) -> dict[str, Any]:
    """What the tenant file says, as TOML reads it; questions left open have no key.

    A secret value that was typed where a reference belongs is in it; `covered` takes it out.
    """
    figgo, events = answers.figgo, answers.events
    return _said(
        {
            "name": answers.name,
            "timezone": answers.timezone,
            "start": answers.start,
            "figgo": _said(
                {
                    "host": answers.host,
                    "url": figgo.url,
                    "api_key": figgo.api_key,
                    "webhook_secret": figgo.webhook_secret,
                    "working_time": figgo.working_time,
                    "weekend": list(figgo.weekend) if figgo.weekend != _USUAL.weekend else None,
                    "rest_rows": figgo.rest_rows or None,
                    "ca_file": figgo.ca_file,
                    "per_minute": figgo.per_minute if figgo.per_minute != _USUAL.per_minute else None,
                }
            ),
            "calendar": [_calendar(one) for one in answers.calendars],
            "events": _events(events),
            "zone": [
                _said(
                    {
                        "timezone": one.timezone,
                        "legal_entities": list(one.legal_entities),
                        "employees": list(one.employees),
                    }
                )
                for one in answers.zones
            ],
            "scope": _said({"only": list(answers.only), "except": list(answers.excluded)}),
            "checklist": _said({"vendor_sync_off": answers.vendor_sync_off}),
        }
    )


def _calendar(one: CalendarAnswers) -> dict[str, Any]:
    return _said(
        {
            "name": one.name,
            "kind": one.kind,
            "legal_entities": list(one.legal_entities),
            "domains": list(one.domains),
            "retired": one.retired or None,
            "credential_until": one.credential_until,
            "outside": one.outside,
            **one.fields,
        }
    )


def _events(events: EventAnswers) -> dict[str, Any]:
    types = [
        _said(
            {
                "match": one.match,
                "title": one.title,
                "show_as": one.show_as,
                "private": one.private,
                "skip": one.skip,
            }
        )
        for one in events.types
    ]
    return _said(
        {
            "title": events.title,
            "show_type": events.show_type,
            "whole_days": events.whole_days,
            "hours": {"morning": list(events.morning), "afternoon": list(events.afternoon)},
            "pending": events.pending,
            "private": events.private,
            "show_as": events.show_as,
            "hand_edits": events.hand_edits,
            "look_alikes": events.look_alikes,
            "horizon": {"past_days": events.past_days, "future_days": events.future_days},
            "type": types,
        }
    )


def _said(table: Mapping[str, Any]) -> dict[str, Any]:
    """The keys that say something."""
    return {key: value for key, value in table.items() if value not in (None, "", [], {})}


def covered(answers: Answers) -> Answers:
    """The same without what stands where a secret reference belongs and is none: it may be the secret."""
    figgo = answers.figgo
    return replace(
        answers,
        figgo=replace(
            figgo,
            url=_nameless(figgo.url),
            api_key=_hidden(figgo.api_key),
            webhook_secret=_hidden(figgo.webhook_secret),
        ),
        calendars=tuple(replace(one, fields=_covered(one)) for one in answers.calendars),
    )


def _covered(calendar: CalendarAnswers) -> dict[str, Value]:
    """Its fields; what nobody knows may be a secret as well."""
    known = fields_or_none(calendar.kind) or ()
    plain = {one.name for one in known if not one.secret}
    return {
        key: _hidden(str(value))
        if key not in plain
        else _nameless(value)
        if isinstance(value, str)
        else value
        for key, value in calendar.fields.items()
    }


def _nameless(url: str) -> str:
    """A URL without the user and password that some people put into one."""
    return re.sub(r"(?<=://)[^/?#]*@", f"{HIDDEN}@", url)


def _hidden(text: str) -> str:
    return text if not text or is_reference(text) else HIDDEN


def answers_of(tenant: Tenant) -> Answers:
    """The answers that lead to this tenant."""
    figgo = tenant.figgo
    return Answers(
        name=tenant.name,
        timezone=tenant.timezone,
        start=tenant.start,
        figgo=FiggoAnswers(
            figgo.url,
            figgo.host,
            figgo.api_key,
            figgo.webhook_secret or "",
            figgo.working_time,
            figgo.weekend,
            figgo.rest_rows,
            figgo.ca_file or "",
            figgo.per_minute,
        ),
        calendars=tuple(_of_calendar(tenant, number) for number in range(len(tenant.calendars))),
        events=_of_events(tenant),
        zones=tuple(ZoneAnswers(one.timezone, one.legal_entities, one.employees) for one in tenant.zones),
        only=tenant.scope.only,
        excluded=tenant.scope.excluded,
        vendor_sync_off=tenant.checklist.vendor_sync_off,
    )


def _of_calendar(tenant: Tenant, number: int) -> CalendarAnswers:
    one = tenant.calendars[number]
    own = one.own.model_dump(exclude_unset=True, exclude_none=True)
    return CalendarAnswers(
        one.name,
        one.kind,
        one.legal_entities,
        one.domains,
        own,
        one.credential_until,
        one.outside,
        one.retired,
    )


def _of_events(tenant: Tenant) -> EventAnswers:
    look = tenant.events
    said = tenant.content.get("events", {})
    return EventAnswers(
        title=look.title,
        show_type=look.show_type,
        whole_days=look.whole_days,
        morning=tuple(f"{at:%H:%M}" for at in look.hours.morning),
        afternoon=tuple(f"{at:%H:%M}" for at in look.hours.afternoon),
        pending=look.pending,
        private=look.private,
        show_as=look.show_as,
        hand_edits=look.hand_edits,
        look_alikes=look.look_alikes if "look_alikes" in said else "",
        past_days=look.horizon.past_days,
        future_days=look.horizon.future_days,
        types=tuple(
            TypeAnswers(one.match, one.title or "", one.show_as or "", one.private, one.skip)
            for one in look.type
        ),
    )
