"""What the machine must know of Exchange: how to see a mailbox, where its calls are, and how it differs."""

import re
from base64 import b64decode
from collections.abc import Mapping
from datetime import date
from html import unescape
from typing import Any, ClassVar

from figgo_ops.sandbox.exchange import PATH
from figgo_ops.sandbox.exchange_store import PropertyPath
from figgo_ops.sandbox.exchange_times import windows_id
from tests.machine.drawn import EDITS
from tests.machine.hands import Calls, Hands
from tests.machine.reference import DAY, ZONES, Show
from tests.machine.seen import Seen

OURS = ("FiggoOpsKey", "FiggoOpsPrint")
OUR_SET = "6f1d0a52-9d0e-4c59-8a2c-2b8d1f0e7a11"

# What a write of ours may change; the rest of an event is its owner's.
_FIELDS = ("subject", "status", "sensitivity", "start", "end", "start_zone", "end_zone")
_DERIVED = ("all_day", "first_day", "last_day", "change_key", "properties")

# Windows has one name for many zones; the machine's policies have one each.
_ZONES = {windows_id(str(zone)): str(zone) for zone in (*EDITS["timezone"], *ZONES.values())}


def _busy(code: str, **more: Any) -> dict[str, Any]:
    return {"status": 500, "code": code, **more}


class ExchangeHands(Hands):
    """Mailboxes at the rehearsal company's Exchange."""

    service = "exchange"
    all = Calls(service, "*", f"{PATH}/*")
    reads = Calls(service, "*", f"{PATH}/FindItem")
    writes = Calls(service, "*", f"{PATH}/*teItem")
    creations = Calls(service, "*", f"{PATH}/CreateItem")
    said: ClassVar[Mapping[int, Any]] = {
        503: _busy("ErrorInternalServerTransientError"),
        429: _busy("ErrorServerBusy", back_off=30),
        403: _busy("ErrorAccessDenied"),
    }
    renews, knows_again = True, False

    def strike(
        self, calls: Calls, kind: str, value: Any = None, after: int = 0, times: int | None = None
    ) -> None:
        """Let such calls go wrong; too many writes are so many items of a batch, among others."""
        if (calls, kind, value) != (self.writes, "status", 429):
            super().strike(calls, kind, value, after, times)
            return
        operation = ("CreateItem", "UpdateItem", "DeleteItem")[after]
        code = "ErrorServerBusy" if times else "ErrorMailboxStoreUnavailable"
        self.keeper.switch("item_errors", {"operation": operation, "code": code, "every": 2, "times": times})

    def relent(self) -> None:
        """Let everything go well again."""
        super().relent()
        self.keeper.switch("item_errors", {})

    def add_mailbox(self, address: str) -> None:
        """A new, empty mailbox."""
        self.keeper.add_mailbox(address)

    def rename(self, old: str, new: str, *, keep_alias: bool) -> None:
        """Another name for a mailbox; mail to the old one still arrives, or not."""
        self.keeper.rename_mailbox(old, new, keep_alias=keep_alias)

    def order(self, event: Seen) -> tuple[str, str, object]:
        """An id begins with what is drawn anew each time, and ends with a number that counts up."""
        return event.mailbox, event.key, b64decode(event.id)[-27:]

    def add(self, mail: str, title: str, day: date, key: str = "") -> None:
        """An event of the owner's own; with a key, one that carries somebody's marker."""
        made = self.keeper.owner(mail).add(title, day, day + DAY)
        if key:
            item = self.keeper.mailbox(mail).find(made["id"])
            item.properties[PropertyPath("String", OUR_SET, OURS[0])] = key

    def seen(self, mail: str, raw: dict[str, Any]) -> Seen:
        """An event as the judge looks at it."""
        days, properties = raw["all_day"], raw["properties"]
        start, end = (raw["first_day"], raw["last_day"] + DAY) if days else (raw["start"], raw["end"])
        hidden = raw["sensitivity"] in ("Private", "Confidential")
        rest = {name: value for name, value in raw.items() if name not in _FIELDS + _DERIVED}
        rest["properties"] = {name: value for name, value in properties.items() if name not in OURS}
        return Seen(
            id=raw["id"],
            mailbox=mail,
            key=properties.get(OURS[0], ""),
            show=Show(start, end, raw["status"] == "Tentative", raw["subject"] or "", hidden),
            taken=bool(raw["attendees"] or raw["recurrence"]),
            quiet=not raw["reminder"],
            zone="" if days else _ZONES.get(raw["start_zone"], raw["start_zone"]),
            note=_text(raw["body"] or ""),
            rest=rest,
            raw=raw,
        )


def _text(note: str) -> str:
    """A note without its markup: Graph gives every note as a page, so one that went along became one."""
    return unescape(re.sub(r"<[^>]+>", "", note)).strip()
