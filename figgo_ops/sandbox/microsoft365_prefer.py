"""What a request prefers of its answer: the zone of times, the kind of ids, the form of bodies."""

from __future__ import annotations

import re
from dataclasses import dataclass

from figgo_ops.sandbox import exchange_times as times
from figgo_ops.sandbox.messages import Headers
from figgo_ops.sandbox.microsoft365_call import GraphError

# The documentation of dateTimeTimeZone lists the IANA names that are taken beside Windows ids: one for
# each set of rules, not one for each country. These are those of its list that the stand-in has rules for.
LISTED = frozenset(
    {
        *("Etc/GMT+12", "Etc/GMT+11", "Pacific/Honolulu", "America/Los_Angeles", "America/Denver"),
        *("America/Chicago", "America/New_York", "America/La_Paz", "America/Halifax", "America/Santiago"),
        *("America/Asuncion", "America/St_Johns", "America/Cayenne", "America/Sao_Paulo"),
        *("Atlantic/Azores", "Europe/London", "Atlantic/Reykjavik", "Africa/Casablanca", "Europe/Berlin"),
        *("Europe/Budapest", "Europe/Paris", "Europe/Warsaw", "Africa/Lagos", "Europe/Bucharest"),
        *("Africa/Cairo", "Asia/Beirut", "Asia/Jerusalem", "Africa/Johannesburg", "Asia/Amman"),
        *("Europe/Istanbul", "Asia/Riyadh", "Europe/Moscow", "Africa/Nairobi", "Asia/Tehran"),
        *("Asia/Dubai", "Indian/Mauritius", "Asia/Tashkent", "Asia/Kolkata", "Asia/Kathmandu"),
        *("Asia/Bangkok", "Asia/Shanghai", "Asia/Singapore", "Asia/Tokyo", "Australia/Adelaide"),
        *("Australia/Sydney", "Pacific/Guadalcanal", "Pacific/Auckland", "Etc/GMT-12", "Pacific/Fiji"),
        *("Pacific/Apia", "Pacific/Kiritimati"),
    }
)
_PREFERENCE = re.compile(r'([\w.-]+)\s*=\s*(?:"([^"]*)"|([^",;\s]*))')


@dataclass(frozen=True, slots=True)
class Preferences:
    """What was preferred; `zone` is the Windows id behind `label`, which is spelt as it was asked for."""

    label: str = "UTC"
    zone: str = "UTC"
    immutable: bool = False
    plain: bool = False

    @property
    def applied(self) -> str:
        """The header field that says what was heeded."""
        kind = ['IdType="ImmutableId"'] if self.immutable else []
        form = ['outlook.body-content-type="text"'] if self.plain else []
        return ", ".join([*kind, *form, f'outlook.timezone="{self.label}"'])


def read_preferences(headers: Headers) -> Preferences:
    """Read the header field Prefer; GraphError for a zone nobody knows, whatever else is unknown is left."""
    told = {
        name.lower(): quoted or bare for name, quoted, bare in _PREFERENCE.findall(headers.get("Prefer", ""))
    }
    label = told.get("outlook.timezone", "UTC")
    return Preferences(
        label,
        windows_zone(label),
        immutable=told.get("idtype", "").lower() == "immutableid",
        plain=told.get("outlook.body-content-type", "").lower() == "text",
    )


def windows_zone(name: str) -> str:
    """Give the Windows id of a zone by that id or by a listed IANA name; GraphError for any other."""
    if name in times.ZONES:
        return name
    if name in LISTED:
        return times.windows_id(name)
    raise GraphError(
        400,
        "TimeZoneNotSupportedException",
        f"A valid TimeZone value must be specified. The following TimeZone value is not supported: '{name}'.",
    )
