"""What owners see, read behind the providers' backs: events of all providers in the same words."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from figgo_ops.sandbox import Rehearsal
from figgo_ops.sandbox.exchange_times import zone_or_utc
from figgo_ops.sandbox.messages import Entry
from figgo_ops.sandbox.microsoft365_batch import PATH as BATCH

CALENDARS = ("google", "exchange", "microsoft 365")
"""As the tenant file names them."""

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Shown:
    """One event of ours in a mailbox.

    Attributes:
        calendar: one of `CALENDARS`, by which its mailbox is reached.
        start, end: both days included where it is all-day, else moments in its own zone.
    """

    calendar: str
    mail: str
    id: str
    title: str
    start: date
    end: date
    state: str

    @property
    def all_day(self) -> bool:
        """Whether it covers whole days."""
        return not isinstance(self.start, datetime)

    def __str__(self) -> str:
        """As its owner would tell it."""
        days = f"{self.start:%a %d %b} to {self.end:%a %d %b %Y}"
        hours = f"{self.start:%a %d %b %Y %H:%M} to {self.end:%H:%M}"
        return f"  {self.calendar:<13}  {self.title}, {days if self.all_day else hours}, {self.state}"


def shown(company: Rehearsal) -> list[Shown]:
    """Every event that carries our marker, in the order of the mails."""
    found = [*_at_google(company), *_in_outlook(company)]
    return sorted(found, key=lambda one: (one.mail, str(one.start)))


def calendar_of(call: Entry) -> str:
    """The calendar that a call is about, as the tenant file names it; "" for Figgo."""
    return next((name for name in CALENDARS if name.replace(" ", "") == call.service), "")


def is_listing(call: Entry) -> bool:
    """Whether a call asked what calendars hold."""
    if call.service == "google":
        return call.method == "GET"
    return call.path.endswith(("/FindItem", f"{BATCH}/GET"))


def is_write(call: Entry) -> bool:
    """Whether a call may have changed a calendar; Exchange and Graph are asked everything by POST."""
    if call.service == "google":
        return call.method != "GET" and "/events" in call.path
    if call.service == "exchange":
        return call.path.endswith(("/CreateItem", "/UpdateItem", "/DeleteItem"))
    return call.path.startswith(BATCH) and not call.path.endswith("/GET")


def _at_google(company: Rehearsal) -> Iterator[Shown]:
    for mail in company.google.mails():
        for raw in company.google.content(mail):
            if "figgoOpsKey" in raw.get("extendedProperties", {}).get("private", {}):
                start, end = _moment(raw["start"]), _moment(raw["end"])
                last = end if isinstance(end, datetime) else end - DAY
                yield Shown("google", mail, raw["id"], raw["summary"], start, last, raw["status"])


def _moment(value: Mapping[str, str]) -> date:
    if "date" in value:
        return date.fromisoformat(value["date"])
    return datetime.fromisoformat(value["dateTime"]).astimezone(ZoneInfo(value["timeZone"]))


def _in_outlook(company: Rehearsal) -> Iterator[Shown]:
    for mailbox in company.organization.mailboxes():
        name = "microsoft 365" if mailbox.online else "exchange"
        door = company.microsoft365 if mailbox.online else company.exchange
        for item in door.content(mailbox.mail):
            if "FiggoOpsKey" in item["properties"]:
                yield _item(name, mailbox.mail, item)


def _item(calendar: str, mail: str, item: Mapping[str, Any]) -> Shown:
    zone = zone_or_utc(item["start_zone"])
    days = item["first_day"], item["last_day"]
    start, end = days if item["all_day"] else (item[one].astimezone(zone) for one in ("start", "end"))
    state = "tentative" if item["status"] == "Tentative" else "confirmed"
    return Shown(calendar, mail, item["id"], item["subject"], start, end, state)
