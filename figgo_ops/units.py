"""Changes that stand or fall together, and which removal is only half of a replacement.

Pure: no input or output, no clock.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from figgo_ops.compare import untouched
from figgo_ops.events import Hours, Key, touched_slots
from figgo_ops.leaves import Slot
from figgo_ops.plan import Change, Existing

Reach = tuple[Slot, Slot]
"""First and last half-day."""


def united(
    changes: Sequence[Change],
    spans: Mapping[Key, Reach],
    standing: Collection[Key],
    hours: Hours,
    number: int,
) -> list[Change]:
    """One person's changes, numbered by unit, replacements told from removals.

    Args:
        spans: the half-days of every stretch of the person.
        standing: the stretches that the calendar shows once these changes are written.
        number: the last unit number already given.
    """
    shown = [spans[key] for key in standing]
    placed = sorted(((_reach(c, spans, hours), c) for c in changes), key=lambda row: (row[0], order(row[1])))
    groups = enumerate(_overlapping(placed), number + 1)
    return [change for unit, group in groups for change in _in_unit(group, shown, unit)]


def order(change: Change) -> tuple[object, ...]:
    """By person and unit; inside a unit first more, then other, then less."""
    rank = ("create", "update", "remove").index(change.action)
    event_id = change.existing.id if change.existing else ""
    return change.employee, change.unit, rank, change.key, change.mailbox, event_id


def _reach(change: Change, spans: Mapping[Key, Reach], hours: Hours) -> Reach:
    """First and last half-day that a change is about, before and after it."""
    reach = [touched_slots(change.before, hours)] if change.before else []
    reach.append(spans[change.key] if change.action != "remove" else _meant(change, reach[0]))
    return min(first for first, _ in reach), max(last for _, last in reach)


def _overlapping(placed: list[tuple[Reach, Change]]) -> Iterator[list[tuple[Reach, Change]]]:
    group: list[tuple[Reach, Change]] = []
    end = 0
    for row in placed:
        if group and row[0][0] > end:
            yield group
            group = []
        end = max(end, row[0][1]) if group else row[0][1]
        group.append(row)
    if group:
        yield group


def _in_unit(group: list[tuple[Reach, Change]], shown: list[Reach], unit: int) -> Iterator[Change]:
    removed = [(reach, change) for reach, change in group if change.action == "remove"]
    for reach, change in group:
        if change.counted and any(overlap(_meant(change, reach), other) for other in shown):
            yield replace(change, unit=unit, reason="replacement", counted=False)
        elif change.action == "create":
            replaced = [row.existing for other, row in removed if row.existing and overlap(reach, other)]
            yield _replacing(replace(change, unit=unit), replaced)
        else:
            yield replace(change, unit=unit)


def _meant(removal: Change, reach: Reach) -> Reach:
    """The half-days a removed event stood for, wherever its owner has dragged it since."""
    if removal.existing is not None and untouched(removal.existing):
        return reach
    return removal.key.slot, removal.key.slot


def _replacing(creation: Change, replaced: list[Existing]) -> Change:
    """The creation as the successor of what goes; only the adapter that listed an event can carry it over."""
    if creation.carries or not replaced:
        return creation
    near = (event for event in replaced if event.mailbox.calendar == creation.mailbox.calendar)
    return replace(creation, reason="replacement", carries=next(near, None))


def overlap(one: Reach, other: Reach) -> bool:
    """Whether two reaches share a half-day."""
    return one[0] <= other[1] and other[0] <= one[1]
