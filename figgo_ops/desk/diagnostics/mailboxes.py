"""Diagnostics of every mailbox before the first load: whose it is, whether it is there, where it is."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from figgo_ops import elsewhere
from figgo_ops.checks import CUSTOMER, Check
from figgo_ops.desk.diagnostics.figgo import Source
from figgo_ops.errors import FiggoOpsError, Unreachable
from figgo_ops.leaves import Person
from figgo_ops.plan import Listing, Mailbox
from figgo_ops.session import Session

GOOD, UNASKED = "good", "not asked"


@dataclass(frozen=True, slots=True)
class Row:
    """One person in scope and the mailbox that is theirs.

    Attributes:
        status: good, or a short word for what is wrong with it; `code` is the same for programs.
        said: what the provider, or the comparison, says.
        zone: of the mailbox; "" when it does not say.
        events: of ours that it has.
    """

    employee: int
    name: str
    mailbox: str
    calendar: str
    status: str
    code: str = ""
    said: str = ""
    remedy: str = ""
    zone: str = ""
    events: int = 0


def rows(session: Session, source: Source, closed: Mapping[str, str] | None = None) -> list[Row]:
    """Everybody employed and in scope; every mailbox is read once, as far as its calendar can be read.

    Args:
        closed: calendars that cannot be asked, with the reason: a silent one would be waited for at length.
    """
    if not source.people:
        return []
    everyone = source.everyone
    served = [person for person in source.employed if session.route(person)]
    skips = {skip.employee: skip.reason for skip in everyone.skipped}
    ids = frozenset(person.id for person in served if person.id in everyone.homes and person.id not in skips)
    shut = _unasked({everyone.homes[number].address for number in ids}, closed or {})
    found = elsewhere.located(session, everyone, ids, shut, accept_empty=True)
    said = {listing.mailbox: listing for listing in found.listings}
    homes, moved = everyone.homes, found.homes
    every = [_row(session, one, skips, homes.get(one.id), moved.get(one.id), said) for one in served]
    return _shared(every, {mailbox: one.primary for mailbox, one in said.items() if one.primary})


class _UnaskedError(Unreachable):
    """A calendar was not asked, because the way there is known to be closed."""


def _unasked(addresses: Iterable[str], closed: Mapping[str, str]) -> list[Listing]:
    """What is to be taken for said of these mailboxes by calendars that are not asked."""
    return [
        Listing(Mailbox(name, address), error=_UnaskedError(f"{name}: {why}."))
        for name, why in closed.items()
        for address in sorted(addresses)
    ]


def _shared(found: list[Row], primary: Mapping[Mailbox, str]) -> list[Row]:
    """The rows, with one mailbox that two people have under two addresses told as such."""
    own = {
        row.employee: primary.get(Mailbox(row.calendar, row.mailbox), row.mailbox).lower() for row in found
    }
    people = Counter(address for address in own.values() if address)
    return [
        replace(
            row,
            status="shared",
            code="shared-mailbox",
            said=f"{own[row.employee]} is the mailbox of two people, one of them by an alias.",
            remedy=_ONE_EACH,
        )
        if people[own[row.employee]] > 1 and row.code in ("", "alias")
        else row
        for row in found
    ]


def checks(found: list[Row], unknown: str = "") -> Iterator[Check]:
    """One check per thing that is wrong with mailboxes, with how many.

    Args:
        unknown: why nobody is known; "" where Figgo said who there is.
    """
    unasked = [row for row in found if row.status == UNASKED]
    found = [row for row in found if row.status != UNASKED]
    good = sum(row.status == GOOD for row in found)
    tried = f"read {len(found)} mailboxes of people in scope"
    if unasked:
        yield Check(f"mailboxes: {UNASKED}", "skipped", f"{len(unasked)} of them: {unasked[0].said}")
    if not found:
        if not unasked:
            yield Check("mailboxes", "skipped", unknown or "nobody that Figgo shows is in scope")
        return
    cause = f"{good} of {len(found)} are as they should be"
    if good:
        yield Check("mailboxes", "ok", cause, tried=tried)
    else:
        remedy = "Mend what the next checks name."
        yield Check("mailboxes", "failed", cause, remedy, CUSTOMER, "no-mailbox", tried)
    for (status, code), number in sorted(Counter((row.status, row.code) for row in found).items()):
        if status != GOOD:
            one = next(row for row in found if (row.status, row.code) == (status, code))
            yield Check(
                f"mailboxes: {status}",
                "warning",
                f"{number} of them. {one.said}",
                one.remedy,
                CUSTOMER,
                code,
                tried,
            )


def _row(
    session: Session,
    person: Person,
    skips: Mapping[int, str],
    home: Mailbox | None,
    moved: Mailbox | None,
    said: Mapping[Mailbox, Listing],
) -> Row:
    calendar, address = moved or home or Mailbox("", person.mail or "")
    whose = partial(Row, person.id, person.name, address, calendar)
    if person.id in skips or home is None:
        status, code = ("shared", "shared-mailbox") if person.mail else ("no mail", "no-mail")
        return whose(status, code, f"{skips.get(person.id, 'Figgo holds no usable mail address')}.", _CORRECT)
    listing = said[moved or home]
    if listing.error:
        return whose(*_wrong(listing.error))
    zone, events = listing.zone, len(listing.events)
    if listing.primary:
        text = f"The address is an alias of {listing.primary}."
        remedy = f"Put {listing.primary} into Figgo in its place."
        return whose("alias", "alias", text, remedy, zone, events)
    if moved:
        text = f"The mailbox is at the calendar {moved.calendar}, not at {home.calendar}."
        return whose("migrated", "migrated", text, _MOVE, zone, events)
    wanted = session.tenant.policy().zone(person)
    if zone and not _alike(zone, wanted, session.today):
        text = f"The mailbox is in {zone}, the tenant file says {wanted}."
        return whose("zone differs", "zone-differs", text, _ZONE, zone, events)
    return whose(GOOD, zone=zone, events=events)


_CORRECT = "Correct the mail address in Figgo; until then nothing is written for them."
_ONE_EACH = "Correct the mail addresses in Figgo before anything is written: events of both would be in it."
_MOVE = "Nothing must be done: events are written where the mailbox is. `figgo-ops move` makes it the rule."
_ZONE = "Where the mailbox is right, give a [[zone]] in the tenant file; else nothing must be done."


def _wrong(error: FiggoOpsError) -> tuple[str, str, str, str]:
    said = error.message.partition(": ")[2] or error.message
    if isinstance(error, _UnaskedError):
        return UNASKED, "", said, ""
    return STATUS.get(error.code, "cannot be read"), error.code, said, error.remedy


STATUS = {
    "absent": "does not exist",
    "user-unknown": "does not exist",
    "user-deleted": "account deleted",
    "elsewhere": "on premises, no licence, or a guest",
    "suspended": "suspended",
    "account-disabled": "suspended",
    "alias": "alias",
    "bad-address": "malformed address",
    "calendar-off": "calendar switched off",
    "no-calendar": "no calendar yet",
    "outside-scope": "outside our scope",
    "mailbox-moving": "being moved",
    "two-mailboxes": "in two places",
}


def _alike(one: str, other: str, today: date) -> bool:
    """Whether two zones show the same times around this year."""
    if one == other:
        return True
    noon = datetime.combine(today, time(12), UTC)
    moments = (noon + timedelta(days=30 * month) for month in range(-1, 13))
    return all(
        moment.astimezone(ZoneInfo(one)).utcoffset() == moment.astimezone(ZoneInfo(other)).utcoffset()
        for moment in moments
    )
