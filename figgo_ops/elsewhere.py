"""Mailboxes that are not where the tenant file says, because the customer migrated them within a family.

A mailbox that a calendar does not have is asked for at the other calendars of its family; where exactly one
has it, it is its people's home for this plan. A mailbox that people left is followed likewise: what they left
behind may have been migrated since. Nothing is asked for on behalf of anybody else.
"""

import shlex
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from figgo_ops.errors import MailboxAbsent, MailboxElsewhere, RowFailed
from figgo_ops.mailboxes import our_events
from figgo_ops.plan import Listing, Mailbox
from figgo_ops.roster import Roster
from figgo_ops.session import Session

# An Exchange server says of a mailbox that was migrated to the cloud what it says of one that never was.
LOST = (MailboxAbsent, MailboxElsewhere)

SHOWN = 5
"""So many mailboxes of a note are named."""


@dataclass(frozen=True, slots=True)
class Located:
    """People, and their mailboxes read where they are.

    Attributes:
        ids: whoever must be planned together; a mailbox may turn out to be somebody else's, too.
        listings: of these people's mailboxes, and those given.
        answers: all that was said, also by calendars that do not have the mailbox.
        homes: the mailbox of everyone who has it elsewhere than the tenant file says.
        left: mailboxes that people had before and that were migrated since, by person; they are places now.
    """

    everyone: Roster
    ids: frozenset[int]
    listings: list[Listing]
    answers: list[Listing]
    homes: dict[int, Mailbox]
    left: dict[int, set[Mailbox]]


def located(
    session: Session,
    everyone: Roster,
    ids: frozenset[int],
    listings: Iterable[Listing] = (),
    *,
    accept_empty: bool = False,
) -> Located:
    """List the mailboxes of these people, each once, wherever its family has it.

    Args:
        listings: of mailboxes that were read already.
    """
    search = _Search(session, list(listings), accept_empty)
    given = set(search.found)
    homes: dict[int, Mailbox] = {}
    left: dict[int, set[Mailbox]] = defaultdict(set)
    while True:
        search.read(_mailboxes(everyone, ids))
        moved, unsure = search.moved({m for number in ids if (m := everyone.homes.get(number))})
        homes |= {n: moved[home] for n in ids if (home := everyone.homes.get(n)) in moved}
        in_doubt = {n: unsure[home] for n in ids if (home := everyone.homes.get(n)) in unsure}
        everyone = everyone.with_homes(homes).with_places(in_doubt)
        for number, mailboxes in search.followed(everyone, ids).items():
            left[number] |= mailboxes
        everyone = everyone.with_places(left)
        wider = ids | everyone.closure(ids)
        if wider == ids:
            break
        ids = wider
    kept = given | _mailboxes(everyone, ids)
    listings = [search.found[m] for m in search.found if m in kept]
    return Located(everyone, ids, listings, search.answers, homes, left)


def _mailboxes(everyone: Roster, ids: Iterable[int]) -> set[Mailbox]:
    return {mailbox for number in ids for mailbox in everyone.mailboxes(number)}


class _Search:
    """What the calendars said so far.

    Attributes:
        found: the listing of each mailbox that was asked for.
    """

    def __init__(self, session: Session, listings: list[Listing], accept_empty: bool) -> None:
        self.session, self.accept_empty = session, accept_empty
        self.found = {listing.mailbox: listing for listing in listings}
        self.answers = listings

    def read(self, mailboxes: Iterable[Mailbox]) -> None:
        """Ask for these mailboxes, as far as they were not asked for yet."""
        wanted = set(mailboxes) - self.found.keys()
        if wanted:
            listings = our_events(self.session, wanted, accept_empty=self.accept_empty)
            self.answers += listings
            self.found.update((listing.mailbox, listing) for listing in listings)

    def moved(self, homes: Iterable[Mailbox]) -> tuple[dict[Mailbox, Mailbox], dict[Mailbox, list[Mailbox]]]:
        """Where these mailboxes are, if not where they were looked for; and where they may be, unread."""
        lost = sorted(home for home in homes if isinstance(self.found[home].error, LOST))
        kin = {home: [Mailbox(name, home.address) for name in _kin(self.session, home)] for home in lost}
        self.read(mailbox for others in kin.values() for mailbox in others)
        moved, unsure = {}, {}
        for home, others in kin.items():
            there = [mailbox for mailbox in others if self.found[mailbox].error is None]
            unread = [m for m in others if m not in there and not isinstance(self.found[m].error, LOST)]
            if len(there) == 1:
                moved[home] = there[0]
            elif there:
                self.found[home] = Listing(home, error=_twice(there))
            elif unread:
                unsure[home] = unread
        return moved, unsure

    def followed(self, everyone: Roster, ids: Iterable[int]) -> dict[int, set[Mailbox]]:
        """Where former mailboxes of these people are that were migrated since, as far as they can be read."""
        kin: dict[int, set[Mailbox]] = {}
        for number in ids:
            lost = (m for m in everyone.places.get(number, ()) if isinstance(self.found[m].error, LOST))
            others = {Mailbox(name, m.address) for m in lost for name in _kin(self.session, m)}
            if more := others - everyone.mailboxes(number):
                kin[number] = more
        self.read(mailbox for others in kin.values() for mailbox in others)
        there = {n: {m for m in others if self.found[m].error is None} for n, others in kin.items()}
        return {number: mailboxes for number, mailboxes in there.items() if mailboxes}


def _kin(session: Session, home: Mailbox) -> list[str]:
    """The other calendars of the mailbox's family, retired ones too, in the order of the tenant file."""
    family = session.family(home.calendar)
    names = (calendar.name for calendar in session.tenant.calendars if calendar.name != home.calendar)
    return [name for name in names if family and session.family(name) == family]


def _twice(there: Sequence[Mailbox]) -> RowFailed:
    names = " and ".join(mailbox.calendar for mailbox in there)
    return RowFailed(
        f"{there[0].address} is a mailbox in {names} at once: nobody can tell which one its owner uses.",
        "Have the customer's administrator remove the one that is not in use.",
        code="two-mailboxes",
    )


def settled(session: Session, listings: Collection[Listing]) -> Collection[Listing]:
    """The listings, where a mailbox that moved is no error any more once it was read where it is now."""
    if not any(isinstance(listing.error, MailboxElsewhere) for listing in listings):
        return listings
    there: dict[tuple[str, str], str] = {
        (session.family(listing.mailbox.calendar), listing.mailbox.address): listing.mailbox.calendar
        for listing in listings
        if listing.error is None
    }

    def answered(listing: Listing) -> Listing:
        family = session.family(listing.mailbox.calendar)
        now = there.get((family, listing.mailbox.address)) if family else None
        if now is None or not isinstance(listing.error, MailboxElsewhere):
            return listing
        return replace(listing, error=MailboxAbsent(f"{listing.error.message} It was read through {now}."))

    return [answered(listing) for listing in listings]


def rehomed(session: Session, everyone: Roster, named: Mapping[str, Sequence[str]]) -> Roster:
    """The roster with the homes that a plan found, as its file keeps them; see `kept`.

    Somebody who has another mail or a calendar of another family by now stays where the tenant file says.
    """
    homes = {}
    for number, place in named.items():
        mailbox, home = Mailbox(*place), everyone.homes.get(int(number))
        if home and session.family(home.calendar) == session.family(mailbox.calendar):
            homes[int(number)] = mailbox
    return everyone.with_homes(homes)


def kept(homes: Mapping[int, Mailbox]) -> dict[str, dict[str, list[str]]]:
    """The option under which a plan file keeps homes other than the tenant file says; none where all are."""
    return {"homes": {str(number): list(homes[number]) for number in sorted(homes)}} if homes else {}


def notes(tenant: str, homes: Mapping[int, Mailbox]) -> list[str]:
    """What a reader of the plan should know about mailboxes that are not where the tenant file says."""
    found: dict[str, set[str]] = defaultdict(set)
    for mailbox in homes.values():
        found[mailbox.calendar].add(mailbox.address)
    return [_note(tenant, calendar, sorted(found[calendar])) for calendar in sorted(found)]


def _note(tenant: str, calendar: str, addresses: list[str]) -> str:
    some = ", ".join(addresses[:SHOWN]) + (
        f" and {len(addresses) - SHOWN} more" if len(addresses) > SHOWN else ""
    )
    one = len(addresses) == 1
    return (
        f"{len(addresses)} mailbox{' is' if one else 'es are'} not where the tenant file says; {some} "
        f"{'is' if one else 'are'} written through {calendar}. Once a whole legal entity is there: "
        f"figgo-ops move {tenant} --to {shlex.quote(calendar)} --legal-entity N"
    )
