"""What we know about mailboxes: who has which, what they held, what we wrote there."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Executable, and_, bindparam, case, delete, func, or_, select

from figgo_ops.ledger import rows
from figgo_ops.ledger.leases import Leases
from figgo_ops.ledger.rows import Seen
from figgo_ops.plan import Change, Mailbox, Outcome


class Mailboxes(Leases):
    """Places, listings and last writes. Everything here can be lost: reading the calendars brings it back."""

    def places(self, tenant: str) -> dict[int, set[Mailbox]]:
        """Every mailbox we ever set out to write to, by employee."""
        place = rows.places.c
        asked = select(place.employee, place.calendar, place.address).where(place.tenant == tenant)
        found: dict[int, set[Mailbox]] = {}
        with self._reading() as connection:
            for employee, calendar, address in connection.execute(asked):
                found.setdefault(employee, set()).add(Mailbox(calendar, address))
        return found

    def note_places(self, tenant: str, found: Mapping[int, Iterable[Mailbox]]) -> None:
        """Remember where events of these employees were found: a lost ledger learns its places again."""
        places = [
            at_mailbox(tenant, box, employee=number) for number, boxes in found.items() for box in boxes
        ]
        with self._writing() as connection:
            self._upsert(connection, rows.places, places)

    def note_listing(
        self, tenant: str, listed: Mapping[Mailbox, tuple[int, date | None]], now: datetime
    ) -> None:
        """Remember complete listings.

        Args:
            listed: how many of our events each mailbox held, and the last day that one of them touches.
            now: when the reading began; what was written to these mailboxes since is added by `last_listing`.
        """
        with self._writing() as connection:
            newest = select(func.coalesce(func.max(rows.changes.c.id), 0)).where(
                rows.changes.c.tenant == tenant
            )
            mark = connection.execute(newest).scalar_one()
            noted = [
                at_mailbox(tenant, box, events=events, latest=latest, at=now, mark=mark)
                for box, (events, latest) in listed.items()
            ]
            self._upsert(connection, rows.mailboxes, noted)

    def last_listing(self, tenant: str) -> dict[Mailbox, Seen]:
        """What each mailbox held when it was last listed, put forward by what we did to it since.

        Removals whose outcome nobody knows count as ours: a mailbox is not suspect for what we may have done.
        """
        box = rows.mailboxes.c
        with self._reading() as connection:
            since = {
                Mailbox(calendar, address): (delta, latest)
                for calendar, address, delta, latest in connection.execute(_since_listed(tenant))
            }
            listed = connection.execute(select(rows.mailboxes).where(box.tenant == tenant)).mappings().all()
        found = {}
        for row in listed:
            mailbox = Mailbox(row["calendar"], row["address"])
            delta, latest = since.get(mailbox, (0, None))
            days = [day for day in (row["latest"], latest) if day is not None]
            found[mailbox] = Seen(
                max(0, row["events"] + delta), max(days, default=None), row["at"], row["quiet_until"]
            )
        return found

    def quiet(self, tenant: str, mailbox: Mailbox, until: datetime) -> None:
        """Nothing shall be created in this mailbox before then."""
        with self._writing() as connection:
            self._upsert(connection, rows.mailboxes, [at_mailbox(tenant, mailbox, quiet_until=until)])

    def unsettled(self, tenant: str, since: datetime) -> dict[Mailbox, set[str]]:
        """Keys of creations whose outcome nobody could tell when they were sent, by mailbox.

        Where days were to become hours the old event has the same key: such a one is never seen settled.
        """
        made = rows.changes.c
        asked = select(rows.changes).where(
            made.tenant == tenant, made.action != "remove", made.status == "unknown", made.started >= since
        )
        found: dict[Mailbox, set[str]] = {}
        with self._reading() as connection:
            for change in map(rows.change_from, connection.execute(asked).mappings()):
                if change.may_create:
                    key = str(change.key) if change.action == "create" else f"{change.key} anew"
                    found.setdefault(change.mailbox, set()).add(key)
        return found

    def last_written(self, tenant: str) -> dict[tuple[Mailbox, str], str]:
        """Fingerprints, by mailbox and key, of the last write of every event that we did not remove since."""
        there = rows.written.c
        asked = select(there.calendar, there.address, there.key, there.fingerprint).where(
            there.tenant == tenant
        )
        with self._reading() as connection:
            return {
                (Mailbox(calendar, address), key): mark
                for calendar, address, key, mark in connection.execute(asked)
            }

    def note_slices(self, tenant: str, events: Mapping[int, int], now: datetime) -> None:
        """Remember how many of our events a full listing found, by legal entity."""
        found = [
            {"tenant": tenant, "legal_entity": unit, "events": count, "at": now}
            for unit, count in events.items()
        ]
        with self._writing() as connection:
            self._upsert(connection, rows.slices, found)

    def slices(self, tenant: str) -> dict[int, int]:
        """Our events at the last full listing, by legal entity."""
        part = rows.slices.c
        asked = select(part.legal_entity, part.events).where(part.tenant == tenant)
        with self._reading() as connection:
            return {row.legal_entity: row.events for row in connection.execute(asked)}

    def _note_places(self, connection: Connection, tenant: str, changes: Iterable[Change]) -> None:
        known = {(change.employee, change.mailbox) for change in changes}
        places = [at_mailbox(tenant, mailbox, employee=employee) for employee, mailbox in sorted(known)]
        self._upsert(connection, rows.places, places)

    def _note_written(
        self, connection: Connection, tenant: str, outcomes: Iterable[tuple[int, Outcome]]
    ) -> None:
        now_there: dict[tuple[Mailbox, str], str] = {}
        for _, outcome in outcomes:
            change = outcome.change
            # A removal that may have happened is ours: whoever misses the event later, it was not its owner.
            settled = outcome.status == "done" or (outcome.status == "unknown" and change.action == "remove")
            if settled and change.reason != "duplicate":  # its better twin carries the key on
                now_there[change.mailbox, str(change.key)] = str(change.fingerprint or "")
        kept = [
            at_mailbox(tenant, box, key=key, fingerprint=mark)
            for (box, key), mark in now_there.items()
            if mark
        ]
        self._upsert(connection, rows.written, kept)
        if gone := [at_mailbox(tenant, box, key=key) for (box, key), mark in now_there.items() if not mark]:
            same = [rows.written.c[name] == bindparam(f"{name}_") for name in gone[0]]
            renamed = [{f"{name}_": value for name, value in place.items()} for place in gone]
            connection.execute(delete(rows.written).where(*same), renamed)


def at_mailbox(tenant: str, mailbox: Mailbox, **values: Any) -> dict[str, Any]:
    """Columns that name a mailbox, and more."""
    return {"tenant": tenant, "calendar": mailbox.calendar, "address": mailbox.address, **values}


def _since_listed(tenant: str) -> Executable:
    """How many events we added, and the last day that one touches, by mailbox since its last listing."""
    box, change = rows.mailboxes.c, rows.changes.c
    later = or_(change.started > box.at, and_(change.started == box.at, change.id > box.mark))
    # Adopting marks an event that was there; taking that back leaves it there, unmarked.
    marked = or_(change.action == "create", change.reason == "adopted")
    unmarked = or_(change.action == "remove", and_(change.action == "update", change.fingerprint == ""))
    added = and_(marked, change.status == "done")
    taken = and_(unmarked, change.status != "failed")
    there = and_(change.action != "remove", change.status == "done")
    same = and_(box.tenant == change.tenant, box.calendar == change.calendar, box.address == change.address)
    return (
        select(
            change.calendar,
            change.address,
            func.sum(case((added, 1), (taken, -1), else_=0)),
            func.max(case((there, change.last_day))),
        )
        .join_from(rows.changes, rows.mailboxes, same)
        .where(change.tenant == tenant, or_(box.at.is_(None), later))
        .group_by(change.calendar, change.address)
    )
