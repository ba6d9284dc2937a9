"""What the machine must know of Google: how to see a mailbox, what its owner does there, how it fails."""

from datetime import UTC, date, datetime
from typing import Any

from tests.machine.reference import DAY, Show
from tests.machine.seen import Seen, first_day
from tests.rehearsal import Corail

OURS = ("figgoOps", "figgoOpsKey", "figgoOpsPrint")

# What a write of ours may change; the rest of an event is its owner's.
_FIELDS = ("summary", "status", "start", "end", "transparency", "visibility")
_VERSION = ("etag", "updated", "sequence")


class GoogleHands:
    """Mailboxes at the rehearsal company's Google, seen and touched behind the sync's back."""

    service, path = "google", "/calendar/*"

    def __init__(self, corail: Corail) -> None:
        self.google = corail.stage.google
        # The stand-in counts by the real minute, and the machine lives through weeks of runs in one.
        self.google.switch("per_user_quota", 0)
        self.google.switch("per_project_quota", 0)

    def where(self, address: str) -> str | None:
        """The mailbox that answers to this address, by its present name; None when there is none."""
        try:
            return self.google.mailbox(address).mail
        except KeyError:
            return None

    def add_mailbox(self, address: str) -> None:
        """A new, empty mailbox."""
        self.google.add_user(address)

    def rename(self, old: str, new: str, *, keep_alias: bool) -> None:
        """Another name for a mailbox; mail to the old one still arrives, or not."""
        self.google.rename_user(old, new, keep_alias=keep_alias)

    def look(self) -> dict[str, Seen]:
        """Every live event of every mailbox, by its id."""
        return {
            event["id"]: seen(mail, event)
            for mail in self.google.mails()
            for event in self.google.content(mail)
        }

    def notified(self) -> int:
        """How many messages went out to anybody."""
        return len(self.google.notifications)

    def drag(self, event: Seen, days: int, hour: int | None) -> None:
        """Move an event by some days, or to an hour of the day it begins on."""
        show = event.show
        if hour is not None:
            at = f"{first_day(show)}T{hour:02}"
            self._owner(event).move(event.id, f"{at}:00", f"{at}:45")
        elif isinstance(show.start, datetime):
            start, end = ((moment + days * DAY).isoformat() for moment in (show.start, show.end))
            self._owner(event).move(event.id, start, end)
        else:
            self._owner(event).move(event.id, show.start + days * DAY, show.end + days * DAY)

    def rename_event(self, event: Seen, title: str) -> None:
        """Another title."""
        self._owner(event).rename(event.id, title)

    def hide(self, event: Seen) -> None:
        """Make it private."""
        self._owner(event).set_visibility(event.id, "private")

    def annotate(self, event: Seen, note: str) -> None:
        """Write a note into it."""
        self._owner(event).annotate(event.id, note)

    def delete(self, event: Seen) -> None:
        """Away with it."""
        self._owner(event).delete(event.id)

    def take_over(self, event: Seen, *, recurring: bool) -> None:
        """Invite others to it, or let it recur."""
        if recurring:
            self._owner(event).repeat(event.id)
        else:
            self._owner(event).invite(event.id, ["guest@elsewhere.example"])

    def copy(self, event: Seen, days: int | None) -> str:
        """Duplicate it, to other days if given; the id of the copy."""
        if days is None:
            return str(self._owner(event).copy(event.id)["id"])
        day = first_day(event.show) + days * DAY
        return str(self._owner(event).copy(event.id, day, day + DAY)["id"])

    def add(self, mail: str, title: str, day: date, key: str = "") -> None:
        """An event of the owner's own; with a key, one that carries somebody's marker."""
        more: dict[str, Any] = {}
        if key:
            more["extendedProperties"] = {"private": dict(zip(OURS, ("1", key, ""), strict=True))}
        self.google.owner(mail).add(title, day, day + DAY, **more)

    def _owner(self, event: Seen) -> Any:
        return self.google.owner(event.mailbox)


def seen(mail: str, raw: dict[str, Any]) -> Seen:
    """An event as the judge looks at it."""
    private = raw.get("extendedProperties", {}).get("private", {})
    start, end = _moment(raw["start"]), _moment(raw["end"])
    tentative, hidden = raw["status"] == "tentative", raw.get("visibility") == "private"
    rest = {name: value for name, value in raw.items() if name not in _FIELDS + _VERSION}
    rest["extendedProperties"] = {name: value for name, value in private.items() if name not in OURS}
    return Seen(
        id=raw["id"],
        mailbox=mail,
        key=private.get("figgoOpsKey", ""),
        show=Show(start, end, tentative, raw.get("summary", ""), hidden),
        taken=any(raw.get(name) for name in ("attendees", "recurrence")),
        quiet=raw.get("reminders") == {"useDefault": False},
        zone=raw["start"].get("timeZone", ""),
        note=raw.get("description", ""),
        rest=rest,
        raw=raw,
    )


def _moment(value: dict[str, str]) -> date:
    if "date" in value:
        return date.fromisoformat(value["date"])
    return datetime.fromisoformat(value["dateTime"]).astimezone(UTC)
