"""What must change: the events people should have against the events found in their mailboxes.

Pure, deterministic, indifferent to the order of its inputs.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from operator import attrgetter
from typing import Literal

from figgo_ops.compare import settled, untouched
from figgo_ops.events import Event, Fingerprint, Hours, Key, Wanted, touched_slots
from figgo_ops.found import Found, finding, once
from figgo_ops.leaves import Person, Slot, Span, slot, slot_day
from figgo_ops.plan import Change, Existing, Finding, Listing, Mailbox, Presence, Reason, Skip
from figgo_ops.units import order, overlap, united


@dataclass(frozen=True, slots=True)
class Seat:
    """One person: what their calendar should show, and where.

    Attributes:
        home: the mailbox their events belong in; None when there is none to write to.
        places: mailboxes we ever wrote to for them, `home` included or not.
        wanted: every stretch as an event their provider can hold, before window, start and scope apply.
        needed: days on which no stretch can begin unseen, because they and `EDGE` before them were read.
        dropped: active half-days that the policy shows to nobody, by (period, half-day).
        out_of_scope: the tenant file excludes them.
        writes: events may be created in `home`; False when somebody else owns that mailbox now.
    """

    person: Person
    home: Mailbox | None
    places: frozenset[Mailbox] = frozenset()
    wanted: tuple[Wanted, ...] = ()
    needed: Span | None = None
    dropped: Mapping[tuple[int, Slot], str] = field(default_factory=dict)
    out_of_scope: bool = False
    writes: bool = True


@dataclass(frozen=True, slots=True)
class Frame:
    """What all people of one plan share.

    Attributes:
        today: the day on which somebody whose contract has ended counts as gone.
        window: the days the plan may change.
        deleted: (mailbox, key) of events that we wrote with this fingerprint and their owner deleted since.
        known: ids of everyone Figgo showed us, so that others are "could not tell".
        incomplete: people about whom Figgo's answer was not complete: nothing is planned or said for them.
        moving: events at old places whose successor is only planned are shown as removals, too: for a plan
            that is looked at, never for one that is written from.
    """

    host: str
    today: date
    window: Span
    hours: Hours = field(default_factory=Hours)
    hand_edits: Literal["restore", "respect"] = "restore"
    deleted: Mapping[tuple[Mailbox, str], str] = field(default_factory=dict)
    known: frozenset[int] = frozenset()
    incomplete: frozenset[int] = frozenset()
    moving: bool = False


@dataclass(slots=True)
class Difference:
    """What `diff` found.

    Attributes:
        unchanged: events that are as desired, by (mailbox, key).
        beyond: the same outside the window, where nothing else is said of them.
        read: the mailboxes that were read completely.
        present: (mailbox, provider id) of every event of ours that was listed.
    """

    changes: list[Change] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    skipped: list[Skip] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    unchanged: dict[tuple[Mailbox, str], Event] = field(default_factory=dict)
    beyond: dict[tuple[Mailbox, str], Event] = field(default_factory=dict)
    read: frozenset[Mailbox] = frozenset()
    present: set[tuple[Mailbox, str]] = field(default_factory=set)


def diff(seats: Iterable[Seat], listings: Iterable[Listing], frame: Frame) -> Difference:
    """Compare desired and existing events; nothing is planned where either side is not complete."""
    read = {listing.mailbox: listing for listing in listings if listing.error is None}
    seated = {seat.person.id: seat for seat in seats}
    result = Difference(read=frozenset(read))
    found = _sorted_out(read, seated, frame, result)
    unit = 0
    for seat in sorted(seated.values(), key=lambda seat: seat.person.id):
        if seat.home is not None and seat.home not in read:
            continue
        seated_person = _Seated(seat, found.pop(seat.person.id, {}), frame, result)
        made = seated_person.changes()
        if made:
            spans = {one.key: (one.first, one.last) for one in seat.wanted}
            changes = united(made, spans, seated_person.standing(), frame.hours, unit)
            unit = max(change.unit for change in changes)
            result.changes += changes
    result.changes.sort(key=order)
    result.findings.sort(key=lambda f: (f.mailbox, f.key, f.verdict, f.start))
    return result


def _sorted_out(
    read: Mapping[Mailbox, Listing], seated: Mapping[int, Seat], frame: Frame, result: Difference
) -> dict[int, dict[Mailbox, dict[Key, list[Existing]]]]:
    """Our events by owner, mailbox and key; what is nobody's business here becomes a finding."""
    found: dict[int, dict[Mailbox, dict[Key, list[Existing]]]] = defaultdict(dict)
    at_home: dict[Mailbox | None, list[Wanted]] = defaultdict(list)
    for seat in seated.values():
        at_home[seat.home] += seat.wanted
    for mailbox in sorted(read):
        # Reading a key takes much longer than looking it up, and nearly all are wanted here.
        keys = {str(one.key): one.key for one in at_home[mailbox]}
        result.present.update([(mailbox, event.id) for event in read[mailbox].events])
        strays: dict[object, str | None] = {}
        for event in sorted(read[mailbox].events, key=_ID):
            key = keys.get(event.key_text) or Key.parse(event.key_text)
            whose = key and (key.host, key.owner)
            if whose not in strays:
                strays[whose] = _stray(key, mailbox, seated, frame)
            stray = strays[whose]
            if stray:
                result.findings.append(finding(stray, event, key, frame.host))
            elif key is not None and key.owner in seated:
                found[key.owner].setdefault(mailbox, {}).setdefault(key, []).append(event)
    return found


_ID = attrgetter("id")
_KEY = attrgetter("key")


def _stray(key: Key | None, mailbox: Mailbox, seated: Mapping[int, Seat], frame: Frame) -> str | None:
    if key is None or key.host != frame.host:
        return "foreign"
    if key.owner in frame.incomplete:
        return None
    if key.owner not in frame.known:
        return "not-visible"
    seat = seated.get(key.owner)
    if seat is None or (mailbox != seat.home and mailbox not in seat.places):
        return "wrong-mailbox"
    return None


class _Seated:
    """The decisions about one person."""

    def __init__(self, seat: Seat, found: Mapping[Mailbox, Found], frame: Frame, result: Difference) -> None:
        self.seat, self.frame, self.result = seat, frame, result
        self.begins, self.ends = slot(frame.window.first, "A"), slot(frame.window.last, "P")
        self.wanted = {one.key: one for one in sorted(seat.wanted, key=_KEY)}
        self.shown = {key for key, one in self.wanted.items() if not excluded(seat, one, frame)}
        self.made: list[Change] = []
        self.taken: set[Key] = set()
        self.moving: list[tuple[Key, Existing]] = []
        self.kept = {mailbox: self._kept(mailbox, events) for mailbox, events in once(found, seat.home)}

    def changes(self) -> list[Change]:
        """Everything to write for this person, units not yet numbered."""
        home = self.kept.get(self.seat.home, {}) if self.seat.home else {}
        for key, wanted in self.wanted.items():
            if key in self.shown:
                self._compared(wanted, home.get(key))
        for mailbox, events in self.kept.items():
            # Nothing is left over at home under a key that is shown.
            for key in sorted(events.keys() - self.shown if mailbox == self.seat.home else events):
                self._left_over(mailbox, key, events[key], home.get(key))
        for key, twin in self.moving:
            self._left_over(twin.mailbox, key, twin, home.get(key))
        return self.made

    def standing(self) -> set[Key]:
        """The stretches that the calendar shows once these changes are written."""
        written = {change.key for change in self.made if change.action != "remove"}
        home = self.kept.get(self.seat.home, {}) if self.seat.home else {}
        # What was taken over stays as its owner wants it, so it stands for nothing.
        return {key for key in written | home.keys() if self._shown(key)}

    def _kept(self, mailbox: Mailbox, found: Found) -> dict[Key, Existing]:
        """One event per key: taken-over ones reported, the best match kept, twins told apart."""
        kept = {}
        for key, events in found.items():
            if len(events) == 1 and not events[0].taken_over:  # as nearly always
                kept[key] = events[0]
                continue
            own = [event for event in events if not event.taken_over]
            for event in events:
                if event.taken_over:
                    self._report("taken-over", event, key, "Its owner invited others to it or made it recur.")
                    if mailbox == self.seat.home:
                        self.taken.add(key)
            if own:
                best, *twins = sorted(own, key=partial(self._distance, key))
                kept[key] = best
                for twin in twins:
                    self._twin(key, twin)
        return kept

    def _shown(self, key: Key) -> bool:
        """Whether the calendar should show an event under this key."""
        return key in self.shown

    def _distance(self, key: Key, event: Existing) -> tuple[bool, bool, str]:
        wanted = self.wanted.get(key)
        return wanted is None or event.event != wanted.event, not untouched(event), event.id

    def _twin(self, key: Key, twin: Existing) -> None:
        if untouched(twin):
            if self._in_window(twin):
                self.made.append(self._remove("duplicate", key, twin, counted=False))
        elif twin.mailbox != self.seat.home and self._shown(key):
            self.moving.append((key, twin))
        elif self._shown(key):
            self._report("copied", twin, key, "A copy that its owner changed: left alone.")
        else:  # once the others are gone it would be taken for the event itself, and go
            self._unwanted(key, twin, self.wanted.get(key))

    def _compared(self, wanted: Wanted, event: Existing | None) -> None:
        if event is None:
            self._missing(wanted)
        elif self._touches(wanted) or self._in_window(event):
            target, reason = settled(wanted.event, event, self.frame.hand_edits)
            if reason is None:
                self.result.unchanged[event.mailbox, event.key_text] = target
            else:
                mark = Fingerprint.of(wanted.event)
                self.made.append(
                    self._change("update", reason, wanted.key, event.mailbox, target, mark, event)
                )
            if target is not wanted.event:
                self._report("edited", event, wanted.key, "Its owner changed how it looks; respected.")
        elif event.event == settled(wanted.event, event, self.frame.hand_edits)[0]:
            self.result.beyond[event.mailbox, event.key_text] = event.event

    def _missing(self, wanted: Wanted) -> None:
        home = self.seat.home
        if home is None or not self.seat.writes or wanted.key in self.taken or not self._touches(wanted):
            return
        mark = Fingerprint.of(wanted.event)
        if self.frame.hand_edits == "respect":
            last = Fingerprint.parse(self.frame.deleted.get((home, str(wanted.key)), ""))
            if last is not None and last.facts == mark.facts:
                self.result.skipped.append(
                    Skip(self.seat.person.id, str(wanted.key), "deleted by its owner; respected")
                )
                return
        moved = self._elsewhere(home, wanted.key)
        change = self._change(
            "create", "replacement" if moved else "new", wanted.key, home, wanted.event, mark, None
        )
        self.made.append(replace(change, carries=moved))

    def _elsewhere(self, home: Mailbox, key: Key) -> Existing | None:
        """The same event at an old place that the same calendar reaches."""
        places = (kept[key] for mailbox, kept in self.kept.items() if mailbox != home and key in kept)
        return next((event for event in places if event.mailbox.calendar == home.calendar), None)

    def _left_over(self, mailbox: Mailbox, key: Key, event: Existing, at_home: Existing | None) -> None:
        """Decide about an event that is not the one its mailbox should hold under this key."""
        wanted = self.wanted.get(key)
        if not self._shown(key):
            self._unwanted(key, event, wanted)
        elif mailbox != self.seat.home and self._in_window(event):
            if self._succeeded(wanted, at_home) or (self.frame.moving and self._succeeding(key)):
                self.made.append(self._remove("replacement", key, event, counted=False))
            elif self.seat.home is not None and self.seat.writes and key not in self.taken:
                why = "Its person has another mailbox now; it goes once its successor was read back there."
                self._report("wrong-mailbox", event, key, why)

    def _succeeded(self, wanted: Wanted | None, at_home: Existing | None) -> bool:
        """Whether the event was read back, as it should be, in the mailbox where it belongs."""
        if wanted is None or at_home is None:
            return False
        return at_home.event == settled(wanted.event, at_home, self.frame.hand_edits)[0]

    def _succeeding(self, key: Key) -> bool:
        """Whether this plan writes the event into the mailbox where it belongs."""
        return any(one.key == key and one.event for one in self.made)  # nothing is written elsewhere

    def _unwanted(self, key: Key, event: Existing, wanted: Wanted | None) -> None:
        if not (self._in_window(event) or (wanted and self._touches(wanted)) or self._succeeded_now(event)):
            return
        reason: Reason
        needed = self.seat.needed
        if self.seat.out_of_scope:
            reason = "out of scope"
        elif wanted is not None:
            reason = "person left"
        elif needed is None or slot_day(key.slot) not in needed:
            self._report("not-visible", event, key, "The day it belongs to was not read: could not tell.")
            return
        elif self._by_policy(key, event):
            reason = "policy changed"
        else:
            reason = "cancelled"
        self.made.append(self._remove(reason, key, event, counted=True))

    def _succeeded_now(self, event: Existing) -> bool:
        """Whether a stretch of this plan's window lies on the event's half-days: both would be shown."""
        reach = touched_slots(event.event, self.frame.hours)
        return any(
            self._touches(wanted)
            and overlap(reach, (wanted.first, wanted.last))
            and not excluded(self.seat, wanted, self.frame)
            for wanted in self.seat.wanted
        )

    def _by_policy(self, key: Key, event: Existing) -> bool:
        """Whether the tenant file rather than Figgo keeps an active leave out of the calendar."""
        first, last = touched_slots(event.event, self.frame.hours)
        slots = {key.slot, *range(first, last + 1)}
        reasons = {self.seat.dropped.get((key.period, at)) for at in slots} - {None, "no duration"}
        if reasons == {"pending hidden"}:  # a confirmed event became pending again in Figgo
            return event.event.state == "tentative"
        return bool(reasons)

    def _touches(self, wanted: Wanted) -> bool:
        return wanted.first <= self.ends and wanted.last >= self.begins

    def _in_window(self, event: Existing) -> bool:
        return self.frame.window.touches(event.event.first_day, event.event.last_day)

    def _report(self, verdict: str, event: Existing, key: Key, reason: str) -> None:
        found = finding(verdict, event, key, self.frame.host, reason)
        self.result.findings.append(replace(found, leave=self._leave(key)))

    def _leave(self, key: Key) -> Presence:
        """Whether Figgo has a leave under this key."""
        if key in self.wanted:
            return "present"
        needed = self.seat.needed
        return "absent" if needed is not None and slot_day(key.slot) in needed else "could not tell"

    def _remove(self, reason: Reason, key: Key, event: Existing, *, counted: bool) -> Change:
        change = self._change("remove", reason, key, event.mailbox, None, None, event)
        return replace(change, counted=counted)

    def _change(
        self,
        action: Literal["create", "update", "remove"],
        reason: Reason,
        key: Key,
        mailbox: Mailbox,
        event: Event | None,
        mark: Fingerprint | None,
        existing: Existing | None,
    ) -> Change:
        person = self.seat.person
        return Change(action, reason, key, person.id, person.legal_entity, mailbox, event, mark, existing)


def excluded(seat: Seat, wanted: Wanted, frame: Frame) -> bool:
    """Whether scope or the end of the contract keeps this stretch out of the calendar."""
    ends = seat.person.ends
    left = ends is not None and ends < frame.today and slot_day(wanted.first) > ends
    return seat.out_of_scope or left
