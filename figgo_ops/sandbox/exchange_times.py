"""Exchange's idea of time: zones by their Windows names, days widened, instants spelt."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from types import MappingProxyType
from zoneinfo import ZoneInfo

# Windows id to the IANA zone that has the same rules; several countries share one id.
ZONES = MappingProxyType(
    {
        "UTC": "Etc/UTC",
        "Dateline Standard Time": "Etc/GMT+12",
        "UTC-11": "Etc/GMT+11",
        "Hawaiian Standard Time": "Pacific/Honolulu",
        "Pacific Standard Time": "America/Los_Angeles",
        "Mountain Standard Time": "America/Denver",
        "Central Standard Time": "America/Chicago",
        "Eastern Standard Time": "America/New_York",
        "Cuba Standard Time": "America/Havana",
        "SA Western Standard Time": "America/La_Paz",
        "Atlantic Standard Time": "America/Halifax",
        "Pacific SA Standard Time": "America/Santiago",
        "Paraguay Standard Time": "America/Asuncion",
        "Newfoundland Standard Time": "America/St_Johns",
        "SA Eastern Standard Time": "America/Cayenne",
        "E. South America Standard Time": "America/Sao_Paulo",
        "Saint Pierre Standard Time": "America/Miquelon",
        "Azores Standard Time": "Atlantic/Azores",
        "GMT Standard Time": "Europe/London",
        "Greenwich Standard Time": "Atlantic/Reykjavik",
        "Morocco Standard Time": "Africa/Casablanca",
        "W. Europe Standard Time": "Europe/Berlin",
        "Central Europe Standard Time": "Europe/Budapest",
        "Romance Standard Time": "Europe/Paris",
        "Central European Standard Time": "Europe/Warsaw",
        "W. Central Africa Standard Time": "Africa/Lagos",
        "GTB Standard Time": "Europe/Bucharest",
        "FLE Standard Time": "Europe/Kyiv",
        "Egypt Standard Time": "Africa/Cairo",
        "Middle East Standard Time": "Asia/Beirut",
        "Israel Standard Time": "Asia/Jerusalem",
        "South Africa Standard Time": "Africa/Johannesburg",
        "Jordan Standard Time": "Asia/Amman",
        "Turkey Standard Time": "Europe/Istanbul",
        "Arab Standard Time": "Asia/Riyadh",
        "Russian Standard Time": "Europe/Moscow",
        "E. Africa Standard Time": "Africa/Nairobi",
        "Iran Standard Time": "Asia/Tehran",
        "Arabian Standard Time": "Asia/Dubai",
        "Mauritius Standard Time": "Indian/Mauritius",
        "West Asia Standard Time": "Asia/Tashkent",
        "India Standard Time": "Asia/Kolkata",
        "Nepal Standard Time": "Asia/Kathmandu",
        "SE Asia Standard Time": "Asia/Bangkok",
        "China Standard Time": "Asia/Shanghai",
        "Singapore Standard Time": "Asia/Singapore",
        "Tokyo Standard Time": "Asia/Tokyo",
        "Cen. Australia Standard Time": "Australia/Adelaide",
        "AUS Eastern Standard Time": "Australia/Sydney",
        "Lord Howe Standard Time": "Australia/Lord_Howe",
        "Central Pacific Standard Time": "Pacific/Guadalcanal",
        "New Zealand Standard Time": "Pacific/Auckland",
        "UTC+12": "Etc/GMT-12",
        "Fiji Standard Time": "Pacific/Fiji",
        "Chatham Islands Standard Time": "Pacific/Chatham",
        "Samoa Standard Time": "Pacific/Apia",
        "Line Islands Standard Time": "Pacific/Kiritimati",
    }
)
# The rest of the places that the rehearsal company and its tests live in.
_SHARED = {
    "Romance Standard Time": ("Europe/Brussels", "Europe/Madrid", "Europe/Copenhagen"),
    "W. Europe Standard Time": (
        *("Europe/Zurich", "Europe/Rome", "Europe/Amsterdam", "Europe/Luxembourg", "Europe/Vienna"),
        *("Europe/Stockholm", "Europe/Monaco", "Europe/Malta"),
    ),
    "GMT Standard Time": ("Europe/Dublin", "Europe/Lisbon"),
    "Central Europe Standard Time": ("Europe/Prague",),
    "GTB Standard Time": ("Europe/Athens",),
    "FLE Standard Time": ("Europe/Helsinki",),
    "SA Western Standard Time": ("America/Martinique", "America/Guadeloupe"),
    "Eastern Standard Time": ("America/Toronto", "America/Montreal"),
    "W. Central Africa Standard Time": ("Africa/Tunis", "Africa/Algiers"),
    "Greenwich Standard Time": ("Africa/Dakar", "Africa/Abidjan"),
    "Mauritius Standard Time": ("Indian/Reunion",),
    "E. Africa Standard Time": ("Indian/Mayotte",),
    "Central Pacific Standard Time": ("Pacific/Noumea",),
    "Hawaiian Standard Time": ("Pacific/Tahiti",),
    "UTC-11": ("Pacific/Pago_Pago",),
    "UTC+12": ("Pacific/Wallis",),
    "UTC": ("UTC",),
}
_WINDOWS = {iana: name for name, iana in ZONES.items()} | {
    iana: name for name, places in _SHARED.items() for iana in places
}
_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?")


def windows_id(iana: str) -> str:
    """Give the Windows id that stands for an IANA zone; KeyError for a zone the stand-in does not know."""
    return _WINDOWS[iana]


@lru_cache(maxsize=256)
def zone_info(name: str) -> ZoneInfo:
    """Find the rules behind a Windows id; KeyError for any other text."""
    return ZoneInfo(ZONES[name])


def zone_or_utc(name: str) -> ZoneInfo:
    """Find the rules behind a Windows id; UTC for the zones of people's own making."""
    return zone_info(name if name in ZONES else "UTC")


def read_date_time(text: str) -> datetime:
    """Read an xs:dateTime, naive when it has no offset; ValueError for anything else, a bare date too."""
    if not _DATE_TIME.fullmatch(text):
        raise ValueError(f"{text!r} is no xs:dateTime")
    return datetime.fromisoformat(text)


def instant(moment: datetime, zone: str) -> datetime:
    """Place a moment in UTC; a naive one is wall-clock time in the named zone."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=zone_or_utc(zone))
    # Exchange keeps whole seconds of what it is sent.
    return aware.astimezone(UTC).replace(microsecond=0)


def day_start(day: date, zone: str) -> datetime:
    """Tell when a day begins in a zone, in UTC."""
    return datetime.combine(day, time(), zone_or_utc(zone)).astimezone(UTC)


def day_of(moment: datetime, zone: str) -> date:
    """Tell which day it is in a zone."""
    return moment.astimezone(zone_or_utc(zone)).date()


def floor(moment: datetime, zone: str) -> datetime:
    """Go back to the beginning of the day in a zone."""
    return day_start(day_of(moment, zone), zone)


def ceiling(moment: datetime, zone: str) -> datetime:
    """Go on to the next beginning of a day in a zone, or stay where one is."""
    begun = floor(moment, zone)
    return begun if begun == moment else day_start(day_of(moment, zone) + timedelta(days=1), zone)


def days_covered(start: datetime, end: datetime, zone: str) -> tuple[date, date]:
    """Give the first and the last day that a span touches in a zone; `end` itself is outside."""
    last = max(start, end - timedelta(microseconds=1))
    return day_of(start, zone), day_of(last, zone)


def spelt(moment: datetime, zone: str, style: str) -> str:
    """Spell an instant: in UTC, or ("offset") with the offset of a zone."""
    if style == "offset":
        return moment.astimezone(zone_or_utc(zone)).isoformat()
    return moment.replace(tzinfo=None).isoformat() + "Z"
