"""Events found in mailboxes: each counted once, and what is said of those that are left alone.

Pure: no input or output, no clock.
"""

from collections.abc import Iterator, Mapping

from figgo_ops.events import Key
from figgo_ops.plan import Existing, Finding, Mailbox

Found = Mapping[Key, list[Existing]]

_STRAY = {
    "foreign": "The marker is not this tenant's.",
    "not-visible": "Figgo does not show us the person it belongs to: could not tell.",
    "wrong-mailbox": "It belongs to somebody whose mailbox this is not, and we did not write it here.",
}


def finding(verdict: str, event: Existing, key: Key | None, host: str, reason: str = "") -> Finding:
    """The event as it is reported; of a stray one the verdict gives the reason.

    Args:
        key: as read from the event; None when it carries none of ours.
        host: the tenant's own.
    """
    return Finding(
        verdict,
        event.key_text,
        key.owner if key and key.host == host else 0,
        event.mailbox,
        event.event.first_day,
        event.event.last_day,
        reason or _STRAY[verdict],
    )


def once(found: Mapping[Mailbox, Found], home: Mailbox | None) -> Iterator[tuple[Mailbox, Found]]:
    """Every event under one mailbox only, the home first: places that list one uid are one mailbox."""
    if len(found) == 1:
        yield from found.items()
        return
    seen: set[tuple[Key, str]] = set()
    for mailbox in sorted(found, key=lambda mailbox: (mailbox != home, mailbox)):
        events = {
            key: [event for event in events if (key, event.uid) not in seen]
            for key, events in found[mailbox].items()
        }
        seen |= {(key, event.uid) for key, kept in events.items() for event in kept}
        yield mailbox, events
