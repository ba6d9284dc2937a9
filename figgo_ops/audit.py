"""Audit: the mailboxes themselves against Figgo, needing no memory of ours. Reads only."""

import csv
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

from figgo_ops import elsewhere, planfile, verdicts
from figgo_ops.errors import UsageError, worst_exit
from figgo_ops.events import Key
from figgo_ops.gate import refusals
from figgo_ops.leaves import Span
from figgo_ops.look import Look, Request
from figgo_ops.mailboxes import our_events, ours, residences
from figgo_ops.plan import Finding, Listing, Mailbox, Plan
from figgo_ops.planfile import Confirmed
from figgo_ops.planning import Ask, forewarn, options, plan_of, window
from figgo_ops.roster import Roster, chosen
from figgo_ops.session import Session

FINDINGS = 6
"""The exit code that says: something was found that needs action."""


@dataclass(frozen=True, slots=True)
class Audit:
    """What the mailboxes hold, held against Figgo.

    Attributes:
        plan: what would repair it all; its `unreadable` is what nothing can be said about.
        findings: a verdict on every event found or expected.
        absent: mailboxes that the provider says do not exist, with its words.
        homes: the mailbox where each person's events belong.
        places: mailboxes that somebody named, by the people whose events were found there.
        read: how many mailboxes were read completely.
        elsewhere: mailboxes that are not where the tenant file says, by person.
    """

    plan: Plan
    findings: tuple[Finding, ...]
    absent: Mapping[Mailbox, str]
    homes: Mapping[int, Mailbox]
    places: Mapping[int, Collection[Mailbox]]
    read: int = 0
    elsewhere: Mapping[int, Mailbox] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether everything could be read; only then can a calendar be called clean."""
        return not self.plan.unreadable

    @property
    def counts(self) -> dict[str, int]:
        """How many events, mailboxes and people got each verdict."""
        found = Counter(finding.verdict for finding in self.findings)
        found.update({"absent": len(self.absent), "unreadable": len(self.plan.unreadable)})
        return {verdict: found[verdict] for verdict in verdicts.ALL if found[verdict]}

    @property
    def exit(self) -> int:
        """The exit code that tells how the audit came out."""
        action = any(finding.needs_action for finding in self.findings)
        return worst_exit([FINDINGS] * action + [row.exit for row in self.plan.unreadable])

    def document(self) -> dict[str, Any]:
        """The JSON shape other programs rely on."""
        return {
            "tenant": self.plan.tenant,
            "complete": self.complete,
            "verdicts": self.counts,
            "events": [_row(finding) for finding in self.findings] + list(self._without_events()),
            "notes": list(self.plan.notes),
        }

    def _without_events(self) -> Iterator[dict[str, Any]]:
        blank: dict[str, Any] = {"key": "", "start": None, "end": None}
        unsure = {"leave": "could not tell", "shown": "could not tell", "action": True}
        for mailbox, words in sorted(self.absent.items()):
            row = {"verdict": "absent", "employee": 0, "mailbox": str(mailbox), "reason": words}
            yield {**blank, **row, "leave": "could not tell", "shown": "absent", "action": False}
        for one in self.plan.unreadable:
            row = {"verdict": "unreadable", "employee": one.employee, "mailbox": one.mailbox}
            yield {**blank, **row, "reason": f"{one.error.message} {one.error.remedy}".strip(), **unsure}


def _row(finding: Finding) -> dict[str, Any]:
    return {
        "verdict": finding.verdict,
        "key": finding.key,
        "employee": finding.employee,
        "mailbox": finding.mailbox.address,
        "start": finding.start.isoformat(),
        "end": finding.end.isoformat(),
        "reason": finding.reason,
        "leave": finding.leave,
        "shown": finding.shown,
        "action": finding.needs_action,
    }


def audit(session: Session, ask: Ask, former: Path | None = None) -> Audit:
    """Read the mailboxes, then Figgo from the tenant's start to the latest event found, and judge.

    Args:
        former: a file of mailboxes that people had before, one a line: address, or address,calendar.

    Raises:
        UsageError: the file cannot be read, or names a calendar that the tenant file has not.
        Refused, CredentialRefused, Unreachable: Figgo cannot be read at all.
    """
    look, now = Look(session), session.today
    named = list(our_events(session, _former(session, former), accept_empty=True)) if former else []
    # Somebody named these mailboxes, so they are places of everyone whose events lie there.
    places = residences(named, session.tenant.figgo.host)
    everyone = look.roster(now).with_places(places)
    picked = chosen(everyone, ask.employees, ask.legal_entities)
    days = window(session, ask.since or "start")
    ids = everyone.closure(_asked(look, everyone, places, days) if picked is None else picked)
    found = elsewhere.located(session, everyone, ids, named)
    everyone = found.everyone
    for number, mailboxes in found.left.items():
        places.setdefault(number, set()).update(mailboxes)
    horizon, days = days, Span(days.first, max([days.last, *_last_days(session, found.listings)]))
    forewarn(session, found.ids, days)
    request = Request(now, days, False, "ask")
    sight = look.compare(everyone, look.reader.read(found.ids, days), request, found.listings)
    sight.notes += elsewhere.notes(session.tenant.name, found.homes)
    sight.difference.changes = verdicts.due(sight.difference.changes, horizon)
    sight.held = [row for row in sight.held if row[0] in verdicts.due((row[0],), horizon)]
    made = plan_of(session, "audit", sight, days, everyone, picked)
    judged = verdicts.judged(sight.difference, everyone.homes, sight.held)
    findings = sorted(
        (*judged, *_probes(found.listings, session.tenant.figgo.host)),
        key=lambda f: (verdicts.ALL.index(f.verdict), f.mailbox, f.start, f.key),
    )
    done = Audit(made, tuple(findings), sight.absent, everyone.homes, places, len(sight.seen), found.homes)
    if picked is None:
        session.ledger.note_health(session.tenant.name, session.today, {"audit": _health(session, done)})
    return done


def _health(session: Session, done: Audit) -> dict[str, Any]:
    """How an audit of everyone came out, in numbers alone, for the fleet's overview."""
    acting = Counter(finding.verdict for finding in done.findings if finding.needs_action)
    return {
        "at": session.clock.now().isoformat(timespec="seconds"),
        "exit": done.exit,
        "events": len(done.findings),
        "unreadable": len(done.plan.unreadable),
        "acting": dict(sorted(acting.items())),
    }


def _probes(listings: Iterable[Listing], host: str) -> Iterator[Finding]:
    """What write probes left that were killed; it lies before every window."""
    why = "A write probe was cut; the next one here removes it: diagnose --employee E --write-probe."
    for listing in listings:
        for event in () if listing.error else ours(listing, host):
            key = Key.parse(event.key_text)
            if key is not None and key.is_probe:
                days = event.event.first_day, event.event.last_day
                yield Finding(
                    "orphaned",
                    event.key_text,
                    key.owner,
                    event.mailbox,
                    *days,
                    why,
                    "absent",
                    needs_action=True,
                )


def _asked(
    look: Look, everyone: Roster, places: Mapping[int, Collection[Mailbox]], days: Span
) -> frozenset[int]:
    """Whoever is served or left events behind; those in the named mailboxes may be excluded or long gone."""
    return look.concerned(everyone, days, look.session.today) | (places.keys() & everyone.people.keys())


def _former(session: Session, path: Path) -> set[Mailbox]:
    """The mailboxes that the file names."""
    calendars = [calendar.name for calendar in session.tenant.calendars]
    try:
        lines = list(csv.reader(path.read_text(encoding="utf-8-sig").splitlines()))
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{path} cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8 text'}.",
            "Give a text file with one mail address a line.",
        ) from error
    found = set()
    for number, cells in enumerate(lines, 1):
        address, *rest = (cell.strip() for cell in cells) if cells else ("",)
        if not address:
            continue
        calendar = rest[0] if rest else calendars[0] if len(calendars) == 1 else ""
        if "@" not in address.strip("@") or calendar not in calendars:
            # What stands there is not repeated: it may be a name, and reports can go without names.
            raise UsageError(
                f"{path}, line {number} is no mailbox.",
                f"Write address,calendar with one of {', '.join(calendars)}.",
            )
        found.add(Mailbox(calendar, address.lower()))
    return found


def _last_days(session: Session, listings: Iterable[Listing]) -> Iterator[date]:
    for listing in listings:
        for event in () if listing.error else ours(listing, session.tenant.figgo.host):
            yield event.event.last_day


def check_verdicts(mend: Collection[str]) -> None:
    """Refuse what `repair` would refuse, before a long audit.

    Raises:
        UsageError: a verdict is none that can be mended.
    """
    wrong = sorted(set(mend) - set(verdicts.REPAIRABLE))
    if wrong:
        raise UsageError(
            f"{wrong[0]!r} is no verdict that a plan can mend.", f"One of {', '.join(verdicts.REPAIRABLE)}."
        )


def repair(session: Session, found: Audit, file: Path, mend: Collection[str] = ()) -> Plan:
    """Save the plan that mends these verdicts, or all that can be mended; writes to no calendar.

    Raises:
        UsageError: the file is there and no plan, or a verdict is none that can be mended.
    """
    check_verdicts(mend)
    changes = verdicts.repair(found.plan.changes, mend or verdicts.REPAIRABLE, found.homes)
    made = replace(found.plan, changes=changes)
    made = replace(made, refused=(*made.refused, *refusals(session, made)))
    named = {
        str(number): [[mailbox.calendar, mailbox.address] for mailbox in sorted(mailboxes)]
        for number, mailboxes in found.places.items()
    }
    found_at = {"places": named} | elsewhere.kept(found.elsewhere)
    confirmed = Confirmed.of(made, options(Ask(), session, made.listed) | found_at)
    planfile.write_named(confirmed, file)
    return replace(made, checksum=confirmed.checksum, file=file)
