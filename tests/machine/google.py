"""What the machine must know of Google: how to see a mailbox, where its calls are."""

from datetime import UTC, date, datetime
from typing import Any

from tests.machine.hands import Calls, Hands
from tests.machine.reference import DAY, Show
from tests.machine.seen import Seen
from tests.rehearsal import Corail

OURS = ("figgoOps", "figgoOpsKey", "figgoOpsPrint")

# What a write of ours may change; the rest of an event is its owner's.
_FIELDS = ("summary", "status", "start", "end", "transparency", "visibility")
_VERSION = ("etag", "updated", "sequence")
_PATH = "/calendar/*"


class GoogleHands(Hands):
    """Mailboxes at the rehearsal company's Google."""

    service = "google"
    all = Calls(service, "*", _PATH)
    reads = Calls(service, "GET", _PATH)
    writes = Calls(service, "[!G]*", _PATH)
    creations = Calls(service, "POST", _PATH)

    def __init__(self, corail: Corail) -> None:
        super().__init__(corail)
        # The stand-in counts by the real minute, and the machine lives through weeks of runs in one.
        self.keeper.switch("per_user_quota", 0)
        self.keeper.switch("per_project_quota", 0)

    def add_mailbox(self, address: str) -> None:
        """A new, empty mailbox."""
        self.keeper.add_user(address)

    def rename(self, old: str, new: str, *, keep_alias: bool) -> None:
        """Another name for a mailbox; mail to the old one still arrives, or not."""
        self.keeper.rename_user(old, new, keep_alias=keep_alias)

    def add(self, mail: str, title: str, day: date, key: str = "") -> None:
        """An event of the owner's own; with a key, one that carries somebody's marker."""
        more: dict[str, Any] = {}
        if key:
            more["extendedProperties"] = {"private": dict(zip(OURS, ("1", key, ""), strict=True))}
        self.keeper.owner(mail).add(title, day, day + DAY, **more)

    def seen(self, mail: str, raw: dict[str, Any]) -> Seen:
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
