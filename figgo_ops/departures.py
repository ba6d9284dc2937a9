"""What a plan says of events that their people leave behind: which go, which stay, what goes with them."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from figgo_ops.errors import FiggoOpsError
from figgo_ops.look import Sight
from figgo_ops.plan import Change, Existing, Listing, Mailbox
from figgo_ops.session import Session


@dataclass(frozen=True, slots=True)
class Doors:
    """Changes without removals in a mailbox that is seen through two doors.

    Attributes:
        same: how many events stand at both, under one iCalendar uid.
    """

    changes: list[Change]
    same: int


def one_mailbox(
    changes: Iterable[Change], listings: Collection[Listing], homes: Mapping[int, Mailbox]
) -> Doors:
    """Leave out the removal of an event that its successor, yet to be adopted, is the same as."""
    here = set(homes.values())
    at_home, left = (
        {
            (event.key_text, event.uid)
            for listing in listings
            if listing.error is None and (listing.mailbox in here) == home
            for event in listing.events
        }
        for home in (True, False)
    )
    changes = list(changes)
    adopted = {_identity(one) for one in changes if one.reason == "adopted"}
    kept = [one for one in changes if not (_goes(one, homes) and _identity(one) in adopted)]
    return Doors(kept, len(at_home & left) + len(changes) - len(kept))


def _goes(change: Change, homes: Mapping[int, Mailbox]) -> bool:
    return change.action == "remove" and change.mailbox != homes.get(change.employee)


def _identity(change: Change) -> tuple[str, str]:
    return str(change.key), change.existing.uid if change.existing else ""


def notes(session: Session, to: str, doors: Doors) -> list[str]:
    """What a reader of the plan should know about the events that are left behind."""
    found = []
    if doors.same:
        found.append(
            f"{doors.same} events stand in the old and in the new calendar under one iCalendar uid: one "
            "mailbox seen through two doors, or a copy that a mail migration made. They stay in the old one."
        )
    going: dict[str, list[Existing]] = defaultdict(list)
    for change in doors.changes:
        replaced = change.action == "remove" and change.reason == "replacement"
        if replaced and change.existing and change.mailbox.calendar != to:
            going[change.mailbox.calendar].append(change.existing)
    return found + [_going(session, name, to, going[name]) for name in sorted(going)]


def _going(session: Session, name: str, to: str, events: Collection[Existing]) -> str:
    """How many events go, and what of them no provider takes over from another."""
    told = f"{len(events)} events go from {name} once they were read back in {to}."
    own = sum(event.annotated is not False for event in events)
    if not own:
        return told
    which = f"What the owners of {own} of them added"
    if any(event.annotated is None for event in events):
        which = "What their owners added to them (the listing does not tell to which)"
    return (
        f"{told} {which}, notes or colours, is not carried from one provider to another{_bin(session, name)}."
    )


def deleted(session: Session, sight: Sight, left: Mapping[int, frozenset[Mailbox]]) -> list[str]:
    """What is said of events that their owners deleted, where that is respected."""
    if session.tenant.events.hand_edits != "respect":
        return []
    written = session.ledger.last_written(session.tenant.name)

    def gone(change: Change) -> bool:
        """Whether we wrote it to a mailbox that is left, and it stands there no more."""
        key, read = str(change.key), left.get(change.employee, frozenset()) & sight.keys.keys()
        return any((mailbox, key) in written and key not in sight.keys[mailbox] for mailbox in read)

    number = sum(one.action == "create" and gone(one) for one in sight.difference.changes)
    why = "whether their owners deleted them or a migration took them cannot be told"
    return [f"{number} events missing from the old calendar are shown again: {why}."] if number else []


def _bin(session: Session, name: str) -> str:
    """How long the provider keeps what was removed."""
    try:
        calendar = session.calendar(name)
    except FiggoOpsError:
        return ""
    if calendar.bin is None:
        return ""
    since = " after its owner empties the bin" if calendar.owner_empties_bin else ""
    return f"; the bin of the old mailbox keeps it for {calendar.bin.days} days{since}"
