"""One event against what it should be and what we wrote last: who changed it, and what to do.

Pure: no input or output, no clock.
"""

from dataclasses import replace
from typing import Literal

from figgo_ops.events import Event, Fingerprint
from figgo_ops.plan import Existing, Reason


def untouched(event: Existing) -> bool:
    """Whether the event still is what its own fingerprint says we wrote."""
    mark = Fingerprint.parse(event.print_text)
    return mark is not None and (mark.facts, mark.look) == (event.event.facts, event.event.look)


def settled(
    desired: Event, existing: Existing, hand_edits: Literal["restore", "respect"]
) -> tuple[Event, Reason | None]:
    """The event as it shall be, and why it must be written; None when it need not be."""
    event = existing.event
    same = event == desired
    if same and not desired.zone:  # nearly always so, and digests would cost most of a plan
        return desired, None
    mark = Fingerprint.parse(existing.print_text)
    moved_zone = mark is not None and bool(mark.zone and desired.zone) and mark.zone != desired.zone
    if same and not moved_zone:
        return desired, None
    target = desired
    # A look that the customer changed since is written, whatever the owner did: it may hide an absence type.
    if hand_edits == "respect" and mark is not None and event.look != mark.look == desired.look:
        target = replace(desired, title=event.title, show_as=event.show_as, private=event.private)
    if mark is None:
        return target, "changed in Figgo" if event.facts != desired.facts else "policy changed"
    facts = _side(desired.facts, event.facts, mark.facts)
    look = "unchanged" if event.look == target.look else _side(desired.look, event.look, mark.look)
    return target, _reason(facts, look, moved_zone=moved_zone)


def _side(desired: str, existing: str, mark: str) -> str:
    """Who made this side of an event differ from what it should be."""
    if existing == desired:
        return "unchanged"
    return "edited" if mark == desired else "changed"


def _reason(facts: str, look: str, *, moved_zone: bool) -> Reason | None:
    if facts == "changed":
        return "policy changed" if moved_zone else "changed in Figgo"
    if moved_zone or look == "changed":
        return "policy changed"
    return "edited by hand" if "edited" in (facts, look) else None
