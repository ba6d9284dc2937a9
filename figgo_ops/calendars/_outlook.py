"""What Outlook's calendars share, however they are reached: our hidden properties, and what can be shown.

Pure: no input or output, no clock.
"""

from dataclasses import replace

from figgo_ops.events import Event, ShowAs, State

PROPERTY_SET = "6f1d0a52-9d0e-4c59-8a2c-2b8d1f0e7a11"
"""The set that our two named properties live in; fixed for ever, or no event of ours would be known again."""

FAMILY = "outlook"
"""The customer migrates mailboxes between a server and the cloud, with their named properties."""

KEY, PRINT = "FiggoOpsKey", "FiggoOpsPrint"
"""Two properties for all events: named properties are a limited resource of each mailbox database."""

_SHOWN: dict[ShowAs, str] = {"busy": "Busy", "away": "OOF", "free": "Free", "elsewhere": "WorkingElsewhere"}
_READ: dict[str, ShowAs] = {text.casefold(): show_as for show_as, text in _SHOWN.items()}
_TENTATIVE = "Tentative"


def projected(event: Event) -> Event:
    """The event as Outlook can hold it: being tentative is one of the ways to show, not one beside them."""
    tentative = event.state == "tentative" and event.show_as != "busy"
    return replace(event, show_as="busy") if tentative else event


def status_of(event: Event) -> str:
    """How the owner's time is shown, in Outlook's word."""
    return _TENTATIVE if event.state == "tentative" else _SHOWN[event.show_as]


def shown_by(status: str) -> tuple[State, ShowAs]:
    """What Outlook's word says of state and show-as; a word not known to us counts as busy."""
    folded = status.casefold()
    if folded == _TENTATIVE.casefold():
        return "tentative", "busy"
    return "confirmed", _READ.get(folded, "busy")


def has_pictures(note: str) -> bool:
    """Whether a note shows pictures of its own, which stay with the event that it was written in."""
    return "cid:" in note.casefold()
