"""Why a calendar shows what it shows on one day: a plan for one person, read as an answer.

Pure: no input or output, no clock.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from figgo_ops.diff import excluded
from figgo_ops.errors import MailboxAbsent
from figgo_ops.events import Key, Wanted, touched_slots
from figgo_ops.explaining.reasons import ORDER, RIGHT, SAME, Facts, Reason, Verdict
from figgo_ops.explaining.waiting import pending, stopped, unreadable, waits
from figgo_ops.leaves import Leave, slot_day
from figgo_ops.plan import Existing, Finding


def judged(facts: Facts) -> list[Reason]:
    """An answer for everything that stands on the day in Figgo or in a calendar, the most urgent first."""
    found = [_stretch(facts, wanted) for wanted in facts.stretches]
    found += [*_rows(facts), *_left_over(facts), *_unread(facts)]
    if facts.gone is not None:  # another leave may stand there now, which is not the one in question
        found = [_CANCELLED, *(reason for reason in found if _period(reason) in (None, facts.gone))]
    once = {(reason.verdict, reason.sentence): reason for reason in reversed(found or [_NOTHING])}
    return sorted(once.values(), key=lambda reason: (ORDER.index(reason.verdict), reason.key))


_NOTHING = Reason("no-leave", "Figgo has no leave there, and no event of ours stands there.")
_CANCELLED = Reason("cancelled", "The leave was cancelled, denied or removed in Figgo.", SAME)


def _period(reason: Reason) -> int | None:
    """The leave period of the event that this is about."""
    key = Key.parse(reason.key)
    return key.period if key else None


def _stretch(facts: Facts, wanted: Wanted) -> Reason:
    """Why the calendar shows this stretch, or does not."""
    for rule in (_other, _unserved, _ended, _no_listing, _there, _not_wanted_yet, _not_ours_to_write):
        reason = rule(facts, wanted)
        if reason is not None:
            return replace(reason, key=str(wanted.key))
    return replace(_missing(facts, wanted), key=str(wanted.key))


def _other(facts: Facts, wanted: Wanted) -> Reason | None:
    """What is said about an event that stands for this stretch and is not as it should be, or should go."""
    for change in facts.changes:
        if change.key == wanted.key and (change.action != "create" or change.reason == "replacement"):
            return pending(facts, change)
    return None


def _unserved(facts: Facts, _wanted: Wanted) -> Reason | None:
    if facts.unreached is not None:
        verdict, sentence, rule = facts.unreached
        return Reason(verdict, sentence, rule, f"figgo-ops tenants show {facts.tenant}")
    again = facts.command("sync")
    if facts.seat.home is None:
        sentence = "Figgo holds no usable mail address of this person; once it does, a sync shows the leave."
        return Reason("no-mail", sentence, "the mailbox is the mail that Figgo holds", again)
    if facts.skip:
        sentence = f"{_capital(facts.skip)}: nobody can tell whose leaves belong there. Correct one in Figgo."
        return Reason("shared-mail", sentence, "one mailbox, one employed person", again)
    return None


def _ended(facts: Facts, wanted: Wanted) -> Reason | None:
    if not excluded(facts.seat, wanted, facts.frame):
        return None
    sentence = f"The contract ended on {facts.person.ends}, and the leave begins after that."
    return Reason("contract-ended", sentence, "leaves that begin after a contract's end are not shown")


def _no_listing(facts: Facts, _wanted: Wanted) -> Reason | None:
    assert facts.seat.home is not None  # noqa: S101 - who has none was answered for before
    listing = facts.listings[facts.seat.home]
    return unreadable(facts, listing) if listing.error is not None else None


def _unread(facts: Facts) -> Iterator[Reason]:
    """Mailboxes of which nobody can say whether they hold an event: no answer is sure without them."""
    for listing in facts.listings.values():
        if listing.error is not None and not isinstance(listing.error, MailboxAbsent):
            yield unreadable(facts, listing)


def _there(facts: Facts, wanted: Wanted) -> Reason | None:
    """What is said about an event that stands for this stretch and stays as it is."""
    key, home = str(wanted.key), facts.seat.home
    verdicts = {one.verdict: one for one in facts.difference.findings if one.key == key}
    for name in ("taken-over", "copied", "edited"):
        if name in verdicts:
            return _left_alone(facts, verdicts[name])
    at = (home, key)
    if at in facts.difference.unchanged or at in facts.difference.beyond:
        return Reason("shown", f"The calendar shows the leave as it should be, in {home}.")
    return None


def _left_alone(facts: Facts, finding: Finding) -> Reason:
    rules: Mapping[str, tuple[Verdict, str]] = {
        "taken-over": ("taken-over", "an event that its owner made theirs is never touched"),
        "copied": ("copied", "a copy that its owner changed is never touched"),
        "edited": ("edit-respected", '[events] hand_edits = "respect"'),
        "not-visible": ("not-visible", "nothing is said about what was not read"),
        "wrong-mailbox": ("wrong-mailbox", "an event is touched only in its person's mailboxes"),
        "foreign": ("foreign", "an event is touched only when its marker is this tenant's"),
    }
    verdict, rule = rules[finding.verdict]
    audit = "" if verdict in RIGHT else facts.command("audit")
    return Reason(verdict, f"{finding.reason} It stands in {finding.mailbox}.", rule, audit, finding.key)


def _not_wanted_yet(facts: Facts, wanted: Wanted) -> Reason | None:
    """Whether the days that a sync may change leave this stretch out."""
    first, last = slot_day(wanted.first), slot_day(wanted.last)
    if facts.window.touches(first, last):
        return None
    show = f"figgo-ops tenants show {facts.tenant}"
    if last < facts.start:
        sentence = f"The leave ended on {last}, before the tenant's start on {facts.start}."
        return Reason("before-start", sentence, f"start = {facts.start}", show)
    if first > facts.window.last:
        days = (first - facts.window.last).days
        sentence = f"The leave begins {days} days beyond the horizon, which ends on {facts.window.last}."
        return Reason("outside-horizon", sentence, "[events] horizon, future_days", show)
    sentence = f"The leave ended on {last}, before the horizon, which begins on {facts.window.first}."
    back = facts.command("plan", "--from", first.isoformat())
    return Reason("outside-horizon", sentence, "[events] horizon, past_days", back)


def _not_ours_to_write(facts: Facts, wanted: Wanted) -> Reason | None:
    if not facts.seat.writes:
        sentence = f"The mailbox {facts.seat.home} is another employee's now: nothing is created there."
        return Reason("other-owner", sentence, "the employed person owns the mailbox", facts.command("plan"))
    if any(skip.leave == str(wanted.key) for skip in facts.difference.skipped):
        sentence = "Its owner deleted the event; it stays away until the leave changes in Figgo."
        return Reason("removal-respected", sentence, '[events] hand_edits = "respect"')
    return None


def _missing(facts: Facts, wanted: Wanted) -> Reason:
    """Why an event that should be there is not."""
    create = next(one for one in facts.changes if one.key == wanted.key)
    for change, _why in facts.held:
        if change is create:
            return waits(facts, change)
    stop = stopped(facts, create)
    if stop is not None:
        return stop
    assert facts.seat.home is not None  # noqa: S101 - nothing is created without
    if (facts.seat.home, str(wanted.key)) in facts.written:
        sentence = (
            "We wrote this event, and somebody removed it from the calendar; the next sync restores it."
        )
        return Reason("removed-by-hand", sentence, '[events] hand_edits = "restore"', facts.command("sync"))
    sentence = "Figgo has this leave, and no run has written it yet; the next sync will."
    return Reason("not-yet-synced", sentence, "", facts.command("sync"))


_DROPPED: Mapping[str, tuple[Verdict, str, str]] = {
    "type skipped": ("type-skipped", "The tenant file skips this absence type.", "[[events.type]] skip"),
    "remote work": ("remote-work", "It is remote work, which no calendar shows by default.", SAME),
    "no real absence": ("no-real-absence", "Figgo does not count it as an absence.", SAME),
    "pending hidden": (
        "pending-hidden",
        "It waits for approval, and the tenant file hides what is pending.",
        '[events] pending = "hidden"',
    ),
    "no duration": ("no-duration", "Its length is zero.", SAME),
}


def _rows(facts: Facts) -> Iterator[Reason]:
    """Half-days that Figgo lists and no stretch covers."""
    covered = {at for w in facts.stretches for at in facts.asked if w.first <= at <= w.last}
    active = {leave.slot for leave in facts.rows if leave.active}
    for leave in facts.rows:
        if leave.active and leave.slot not in covered:
            yield _not_shown(facts, leave)
        elif not leave.active and leave.slot not in active | covered:
            yield _CANCELLED


def _not_shown(facts: Facts, leave: Leave) -> Reason:
    why = facts.policy.dropped(leave)
    if why is None:
        sentence = "It stands on a day that nobody works, at the end of a stretch."
        return Reason("not-worked", sentence, "[figgo] rest_rows")
    verdict, sentence, rule = _DROPPED[why]
    if why == "type skipped":
        number = facts.policy.rules.index(facts.policy.rule(leave.type_name)) + 1
        rule = f"[[events.type]] number {number} of the tenant file: skip = true"
    show = "" if rule == SAME else f"figgo-ops tenants show {facts.tenant}"
    return Reason(verdict, sentence, rule, show)


def _left_over(facts: Facts) -> Iterator[Reason]:
    """Events of ours on these days for which no leave stands there."""
    wanted = {str(stretch.key) for stretch in facts.stretches}
    for change in facts.changes:
        if str(change.key) in wanted or change.existing is None:
            continue
        if _on(facts, change.existing) or change.key.slot in facts.asked:
            yield pending(facts, change)
    for one in facts.difference.findings:
        if one.verdict != "look-alike" and one.key not in wanted and facts.days.touches(one.start, one.end):
            yield _left_alone(facts, one)


def _on(facts: Facts, event: Existing) -> bool:
    first, last = touched_slots(event.event, facts.policy.hours)
    return any(first <= at <= last for at in facts.asked)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
