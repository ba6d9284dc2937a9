"""What takes back a run, and what clears a place: decided from the ledger and the calendars alone.

Pure: no input or output, no clock.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from figgo_ops.diff import Difference
from figgo_ops.events import Fingerprint, Key
from figgo_ops.plan import Change, Existing, Finding, Listing, Mailbox, Skip

Place = tuple[Mailbox, str]
"""A mailbox and a key in it."""


@dataclass(frozen=True, slots=True)
class Written:
    """One change of a run, as far as it happened or may have.

    Attributes:
        event: the provider's id of the event that was written; "" when nobody was told.
        later: name of a later run that touched the same key in the same mailbox; "" without one.
        sure: whether that run did; one that was killed may not have, and the calendar tells.
    """

    change: Change
    event: str = ""
    later: str = ""
    sure: bool = True


def undone(written: Iterable[Written], listings: Iterable[Listing]) -> Difference:
    """What takes back exactly these changes, where the calendar still shows what they left behind.

    Changes that were one unit are taken back together: half of a replacement would leave two events, or none.
    What cannot be taken back is in `skipped`, with the reason.
    """
    read = {listing.mailbox: listing.events for listing in listings if listing.error is None}
    result = _empty(read)
    units: dict[tuple[int, int], list[Written]] = defaultdict(list)
    written = list(written)
    changes = (one.change for one in written)
    # A move removes an event in a later pass than the one that wrote its successor.
    into = {(change.employee, change.key): change.unit for change in changes if change.action != "remove"}
    for one in written:
        whose = one.change.employee
        units[whose, into.get((whose, one.change.key), one.change.unit)].append(one)
    for number, (_, unit) in enumerate(sorted(units.items()), 1):
        if all(one.change.mailbox in read for one in unit):
            _take_back_unit(unit, read, number, result)
    result.changes.sort(key=lambda c: (c.employee, c.unit, _RANK[c.action], c.key, c.mailbox))
    return result


_RANK = {"create": 0, "update": 1, "remove": 2}


def _empty(read: Mapping[Mailbox, Collection[Existing]]) -> Difference:
    present = {(mailbox, event.id) for mailbox, events in read.items() for event in events}
    return Difference(read=frozenset(read), present=present)


def _take_back_unit(
    unit: list[Written], read: Mapping[Mailbox, Collection[Existing]], number: int, result: Difference
) -> None:
    steps = _with_notes([_step(one, read[one.change.mailbox]) for one in unit])
    reasons = [step for step in steps if isinstance(step, str)]
    for one, step in zip(unit, steps, strict=True):
        change = one.change
        if reasons:
            reason = step if isinstance(step, str) else f"another event of the same days is not: {reasons[0]}"
            result.skipped.append(Skip(change.employee, str(change.key), f"not taken back: {reason}"))
        elif isinstance(step, Change):
            result.changes.append(replace(step, unit=number))
        elif isinstance(step, Existing):
            result.unchanged[change.mailbox, str(change.key)] = step.event


def _step(one: Written, events: Collection[Existing]) -> Change | Existing | str | None:
    """The change that takes this one back; the event or None where nothing is left to do; or why not."""
    step = {"create": _uncreate, "update": _unupdate, "remove": _unremove}[one.change.action](one, events)
    open_ = isinstance(step, Change | str)
    if one.later and open_ and (one.sure or isinstance(step, str)):
        return f"the later run {one.later} touched it"
    return step


def _with_notes(steps: list[Change | Existing | str | None]) -> list[Change | Existing | str | None]:
    """The steps of a unit, where an event that comes back takes its notes from its successor, if one goes.

    What the owner wrote there since the replacement would be lost with it.
    """
    going = sorted((s for s in steps if isinstance(s, Change) and s.action == "remove"), key=lambda s: s.key)
    coming = [s for s in steps if isinstance(s, Change) and s.action == "create"]
    carried: dict[Key, Existing | None] = {}
    for change in sorted(coming, key=lambda change: change.key):
        near = next((one for one in going if one.mailbox.calendar == change.mailbox.calendar), None)
        if near is not None:
            going.remove(near)
            carried[change.key] = near.existing
    return [
        replace(step, carries=carried[step.key])
        if isinstance(step, Change) and step.action == "create" and step.key in carried
        else step
        for step in steps
    ]


def _uncreate(one: Written, events: Collection[Existing]) -> Change | str | None:
    found = _by_key(one, events)
    if found is None:
        return None
    if not _as_written(found, one.change):
        return "its owner changed it since"
    gone = replace(one.change, action="remove", reason="undone", event=None, existing=found, counted=True)
    return replace(gone, fingerprint=None, old_marker=None)


def _unupdate(one: Written, events: Collection[Existing]) -> Change | Existing | str | None:
    before = _before(one.change)
    found = _updated(one, before, events)
    if found is None and before.key_text == "":
        return before
    if found is None:
        gone = one.change.marker == ("", "")
        return "it is not marked as ours any more" if gone else "it was deleted since"
    if _same(found, before):
        return found
    if not _as_written(found, one.change):
        return "its owner changed it since"
    return replace(_restoring(one.change), action="update", existing=found)


def _updated(one: Written, before: Existing, events: Collection[Existing]) -> Existing | None:
    """The event that an update wrote; where a provider makes hours of days, that is a new one."""
    by_id = {event.id: event for event in events}
    found = by_id.get(one.event) or by_id.get(before.id)
    return found if found or one.event else _by_key(one, events)


def _unremove(one: Written, events: Collection[Existing]) -> Change | Existing | str | None:
    if one.change.reason == "duplicate":
        return None  # its better twin is what the calendar should show
    before = _before(one.change)
    there = [event for event in events if event.key_text == str(one.change.key)]
    if not there:
        return replace(_restoring(one.change), action="create", existing=None, carries=before, counted=False)
    # Whether a copy stood there already when the run removed this one, nobody remembers.
    same = next((event for event in there if _same(event, before)), None)
    return same or "another event stands under its key"


def _restoring(change: Change) -> Change:
    before = _before(change)
    return replace(
        change,
        reason="undone",
        event=before.event,
        fingerprint=Fingerprint.parse(before.print_text),
        old_marker=(before.key_text, before.print_text),
    )


def _before(change: Change) -> Existing:
    assert change.existing is not None  # noqa: S101 - an update or a removal is of something listed
    return change.existing


def _by_key(one: Written, events: Collection[Existing]) -> Existing | None:
    """The event that was written, by its id where that is known: one beside it under its key is a copy."""
    key = str(one.change.key)
    found = (event for event in events if event.key_text == key)
    return next((event for event in found if one.event in ("", event.id)), None)


def _as_written(found: Existing, change: Change) -> bool:
    marker = (found.key_text, found.print_text)
    return marker == change.marker and found.event == change.event and not found.taken_over


def _same(found: Existing, before: Existing) -> bool:
    marker = (found.key_text, found.print_text)
    same = (found.event, found.taken_over) == (before.event, before.taken_over)
    return same and marker == (before.key_text, before.print_text)


def cleared(
    owners: Mapping[Mailbox, Collection[int]],
    chosen: Collection[int],
    legal_entities: Mapping[int, int],
    listings: Iterable[Listing],
    host: str,
) -> Difference:
    """The removal of these people's events from their places; what is not ours to remove is a finding.

    Args:
        owners: whose place each mailbox is.
        chosen: whose events go; others' events at the same places are left as they are.
        legal_entities: by employee, as far as known; for limits and reports.
    """
    read = {listing.mailbox: listing.events for listing in listings if listing.error is None}
    result = _empty(read)
    for mailbox in sorted(read):
        here = owners.get(mailbox, ())
        for event in sorted(read[mailbox], key=lambda event: event.id):
            key = Key.parse(event.key_text)
            if key is not None and key.host == host and key.owner in set(here) - set(chosen):
                continue
            stays = _stays(key, event, here, host)
            if stays is not None:
                result.findings.append(_staying(key, event, host, *stays))
            elif key is not None:
                result.changes.append(_clearing(key, event, legal_entities, len(result.changes) + 1))
    result.changes.sort(key=lambda change: (change.employee, change.key, change.mailbox, change.unit))
    return result


def _clearing(key: Key, event: Existing, legal_entities: Mapping[int, int], unit: int) -> Change:
    entity = legal_entities.get(key.owner, 0)
    where = event.mailbox
    return Change(
        "remove", "off-boarded", key, key.owner, entity, where, existing=event, unit=unit, counted=True
    )


def _staying(key: Key | None, event: Existing, host: str, verdict: str, why: str) -> Finding:
    owner = key.owner if key and key.host == host else 0
    first, last = event.event.first_day, event.event.last_day
    return Finding(verdict, event.key_text, owner, event.mailbox, first, last, why)


def _stays(key: Key | None, event: Existing, owners: Collection[int], host: str) -> tuple[str, str] | None:
    """Verdict and reason of an event that is left alone; None when it goes."""
    if key is None or key.host != host:
        return "foreign", "The marker is not this tenant's."
    if event.taken_over:
        return "taken-over", "Its owner invited others to it or made it recur."
    if key.owner not in owners:
        return (
            "wrong-mailbox",
            "It belongs to somebody whose mailbox this is not, and not written by us.",
        )
    return None
