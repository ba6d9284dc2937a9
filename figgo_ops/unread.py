"""What could not be read: whom it concerns, and what resolves it.

Pure: no input or output, no clock.
"""

from collections.abc import Collection, Iterable, Mapping

from figgo_ops.errors import FiggoOpsError, MailboxAbsent
from figgo_ops.plan import Listing, Mailbox, Skip, Unreadable
from figgo_ops.roster import Roster


def answers(tenant: str, unreadable: Iterable[Unreadable]) -> list[str]:
    """What a person may say about mailboxes that suddenly list nothing."""
    line = f"figgo-ops plan {tenant} --accept-empty --employee"
    return [
        f"{row.error.message} If that is right: {line} {row.employee}"
        for row in unreadable
        if row.error.code == "suddenly-empty"
    ]


def former(everyone: Roster, listings: Collection[Listing]) -> set[Mailbox]:
    """Mailboxes that are gone, of people whose present mailbox was read: nobody has to hear of each."""
    read = {listing.mailbox for listing in listings if listing.error is None}

    def moved_out(mailbox: Mailbox) -> bool:
        homes = {everyone.homes.get(number) for number in everyone.residents.get(mailbox, ())}
        return bool(homes) and homes <= read

    return {x.mailbox for x in listings if isinstance(x.error, MailboxAbsent) and moved_out(x.mailbox)}


def unreadable(
    everyone: Roster, errors: Mapping[int, FiggoOpsError], ids: Collection[int], listings: Iterable[Listing]
) -> tuple[list[Unreadable], list[Skip]]:
    """People and mailboxes that could not be read; those without a mailbox are information, no error.

    A mailbox that somebody named, and where nothing tells whose it was, is employee 0's.

    Args:
        errors: people about whom Figgo's answer was not complete.
    """
    owners = {m: number for number in sorted(ids) for m in everyone.mailboxes(number)}
    owners |= {m: number for m, number in everyone.owner.items() if number in ids}
    rows = [
        Unreadable(number, str(everyone.homes.get(number, "")), error)
        for number, error in sorted(errors.items())
    ]
    absent = []
    reached = {listing.mailbox.calendar for listing in listings if listing.error is None}
    for listing in sorted(listings, key=lambda listing: listing.mailbox):
        if isinstance(listing.error, MailboxAbsent):
            absent.append(Skip(owners.get(listing.mailbox, 0), "", listing.error.message))
        elif listing.error is not None:
            alone = listing.mailbox.calendar in reached
            rows.append(
                Unreadable(owners.get(listing.mailbox, 0), str(listing.mailbox), listing.error, alone)
            )
    return rows, absent
