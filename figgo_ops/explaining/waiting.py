"""What a change that was not made yet says about a calendar, and what keeps it from being made.

Pure: no input or output, no clock.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

from figgo_ops.errors import MailboxAbsent
from figgo_ops.explaining.reasons import SAME, Facts, Reason, Verdict
from figgo_ops.plan import Change, Listing


def waits(facts: Facts, create: Change) -> Reason:
    """Why this creation waits for a person's word."""
    if facts.unsearched is not None:
        return unreadable(facts, Listing(create.mailbox, error=facts.unsearched))
    alike = [one for one in facts.difference.findings if one.verdict == "look-alike"]
    days = (create.shown.first_day, create.shown.last_day)
    answer = "adopt" if any((one.start, one.end) == days for one in alike) else "ignore"
    sentence = (
        f"{len(alike)} unmarked events with our title stand in {create.mailbox} on days of first events; "
        "whether to adopt or to ignore them waits for an answer."
    )
    rule = "[events] look_alikes is not answered"
    return Reason("look-alike", sentence, rule, facts.command("plan", "--look-alikes", answer))


def unreadable(facts: Facts, listing: Listing) -> Reason:
    """What a mailbox that could not be read means."""
    error = listing.error
    assert error is not None  # noqa: S101 - asked about listings that failed only
    sentence = f"{error.message} {error.remedy}".strip()
    if isinstance(error, MailboxAbsent):
        return Reason("mailbox-absent", sentence, SAME, facts.command("sync"), error=error)
    if error.code == "suddenly-empty":
        accept = facts.command("plan", "--accept-empty")
        return Reason(
            "suddenly-empty", sentence, "a mailbox cannot lose all our events unseen", accept, error=error
        )
    again = facts.command("sync", *(["--retry-credential"] * (error.code == "credential-remembered")))
    return Reason(
        "mailbox-unreadable", sentence, "nothing is planned for what was not read", again, error=error
    )


def pending(facts: Facts, change: Change) -> Reason:
    """What a change that is not made yet says about the event that is there."""
    verdict, sentence = _PENDING[change.reason]
    old = change.carries or change.existing
    if change.reason == "replacement" and old is not None and old.mailbox != facts.seat.home:
        verdict, sentence = "wrong-mailbox", f"It stands in {old.mailbox}, a former mailbox of this person."
    found = Reason(verdict, sentence, _RULES.get(change.reason, ""), _next(facts, change), str(change.key))
    stop = stopped(facts, change)
    if stop is None:
        return found
    both = f"{sentence} {stop.sentence}"
    if stop.verdict in ("tenant-draft", "tenant-paused", "tenant-closed"):
        # The event that is there matters more; what the state adds is why nobody mends it.
        return replace(found, sentence=both, next=stop.next)
    return replace(stop, sentence=both, key=found.key)


_PENDING: Mapping[str, tuple[Verdict, str]] = {
    "new": ("not-yet-synced", "It is not there yet."),
    "changed in Figgo": ("outdated", "The event shows the leave as it was before it changed in Figgo."),
    "policy changed": ("stale-policy", "The event is as the tenant file said before that changed."),
    "edited by hand": ("edited", "Its owner changed the event; the next sync puts it back."),
    "cancelled": ("orphaned", "An event is there, and no leave in Figgo asks for it any more."),
    "person left": ("orphaned", "An event is there that begins after the end of the contract."),
    "out of scope": ("stale-policy", "An event is there, and the tenant file excludes this person."),
    "duplicate": ("duplicate", "The event stands there twice, once too often."),
    "replacement": ("outdated", "The event there shows the leave as it was; another one takes its place."),
    "adopted": ("not-yet-synced", "An unmarked event of the owner's stands for it; the next sync adopts it."),
}

_RULES = {
    "edited by hand": '[events] hand_edits = "restore"',
    "policy changed": "[events], [[zone]] or working time of the tenant file",
    "out of scope": "[scope] and [[calendar]] of the tenant file",
    "adopted": '[events] look_alikes = "adopt"',
}


def _next(facts: Facts, change: Change) -> str:
    """The command that makes this change."""
    first, last = change.shown.first_day, change.shown.last_day
    if not facts.window.touches(first, last):
        return facts.command("plan", "--from", first.isoformat())
    needs_word = change.action == "remove" and change.reason in ("policy changed", "out of scope")
    return facts.command("plan" if needs_word else "sync")


def stopped(facts: Facts, change: Change) -> Reason | None:
    """What kept this change from being made, or will; None when only a run was missing."""
    rules: tuple[Callable[[Facts, Change], Reason | None], ...] = (_by_state, _by_limit, _by_quiet, _by_run)
    return next((reason for rule in rules if (reason := rule(facts, change)) is not None), None)


def _by_state(facts: Facts, _change: Change) -> Reason | None:
    name = facts.tenant
    if facts.state == "draft":
        sentence = f"{name} is a draft: its first load was not applied yet."
        return Reason("tenant-draft", sentence, 'state = "draft"', f"figgo-ops plan {name} --from start")
    if facts.state == "paused":
        sentence = f"{name} is paused: nothing is written until it is resumed."
        return Reason("tenant-paused", sentence, 'state = "paused"', f"figgo-ops resume {name}")
    if facts.state == "closed":
        return Reason("tenant-closed", f"{name} is closed: nothing is written any more.", 'state = "closed"')
    return None


def _by_limit(facts: Facts, change: Change) -> Reason | None:
    words = facts.over.get(change.unit)
    if words is None:
        return None
    return Reason("held", words, "[limits]", facts.command("plan"))


def _by_quiet(facts: Facts, change: Change) -> Reason | None:
    until = facts.quiet.get(change.mailbox) if change.may_create else None
    if until is None:
        return None
    sentence = (
        f"What became of an earlier creation in {change.mailbox} is unknown: nothing is created there "
        f"before {until:%H:%M} UTC. Sync after that."
    )
    return Reason("quiet", sentence, "ten minutes without a creation", facts.command("sync"))


def _by_run(facts: Facts, change: Change) -> Reason | None:
    """What the last run that set out to make this change says."""
    tried = [one for one in facts.past if (one.key, one.action) == (str(change.key), change.action)]
    last = tried[-1] if tried else None
    if last is None or last.outcome == "done":
        return None
    when = f"{last.at:%Y-%m-%d %H:%M} UTC, run {last.run}"
    if last.outcome == "held":
        again = facts.command("plan" if change.action == "remove" else "sync")
        return Reason("held", f"It was held back ({when}): {last.error}.", "", again)
    if last.outcome == "failed":
        return Reason("failed", f"Writing it failed ({when}): {last.error}", "", facts.command("sync"))
    sentence = f"Nobody knows what became of writing it ({when}): {last.error or 'the run never ended'}"
    return Reason("unknown", sentence, "an unknown write is settled by reading", facts.command("sync"))
