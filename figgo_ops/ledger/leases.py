"""Leases: who may write to a mailbox, or run for a tenant, for some seconds."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, delete, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from figgo_ops.ledger import rows
from figgo_ops.ledger.database import Database

_lease = rows.leases.c


class Leases(Database):
    """Names such as `mailbox:tenant/calendar/address` and `tenant:NAME`, each held by at most one holder.

    A holder is a run, or a run and something after a slash. Taking a lease again prolongs it, so whoever must
    exclude each other must not share a name.
    """

    def take(
        self,
        names: Iterable[str],
        holder: str,
        seconds: float,
        now: datetime,
        *,
        all_or_nothing: bool = False,
    ) -> set[str]:
        """Take what nobody else holds; returns what is ours.

        Args:
            seconds: how long, unless renewed or released.
            all_or_nothing: take nothing, and return the empty set, unless every name can be had.
        """
        asked = sorted(set(names))  # in one order everywhere, so that two takers cannot wait for each other
        until = now + timedelta(seconds=seconds)
        with self._writing() as connection:
            before = self._held(connection, holder)
            self._seize(connection, asked, holder, until, now)
            ours = self._held(connection, holder) & set(asked)
            if all_or_nothing and len(ours) < len(asked):
                _drop(connection, ours - before, holder)
                return set()
        return ours

    def renew(self, names: Iterable[str], holder: str, seconds: float, now: datetime) -> set[str]:
        """Prolong what is still ours; returns it. What ran out is lost, even when nobody took it."""
        asked = sorted(set(names))
        longer = update(rows.leases).where(
            _lease.name == bindparam("which"), _lease.holder == holder, _lease.until > now
        )
        until = now + timedelta(seconds=seconds)
        if not asked:
            return set()
        with self._writing() as connection:
            connection.execute(longer, [{"which": name, "until": until} for name in asked])
            return self._held(connection, holder, now) & set(asked)

    def release(self, names: Iterable[str], holder: str) -> None:
        """Give back what is ours; what is not stays as it is."""
        with self._writing() as connection:
            _drop(connection, set(names), holder)

    def holder_of(self, name: str, now: datetime) -> str | None:
        """Who holds this name; None when nobody does."""
        asked = select(_lease.holder).where(_lease.name == name, _lease.until > now)
        with self._reading() as connection:
            holder: str | None = connection.execute(asked).scalar()
        return holder

    def _seize(
        self, connection: Connection, names: Iterable[str], holder: str, until: datetime, now: datetime
    ) -> None:
        insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
        statement = insert(rows.leases)
        free = or_(_lease.until <= now, _lease.holder == holder)
        wanted = statement.on_conflict_do_update(
            index_elements=["name"],
            set_={"holder": statement.excluded.holder, "until": statement.excluded.until},
            where=free,
        )
        if asked := [{"name": name, "holder": holder, "until": until} for name in names]:
            connection.execute(wanted, asked)

    def _held(self, connection: Connection, holder: str, now: datetime | None = None) -> set[str]:
        asked = select(_lease.name).where(_lease.holder == holder)
        if now is not None:
            asked = asked.where(_lease.until > now)
        return set(connection.execute(asked).scalars())

    def _holders(self, connection: Connection, now: datetime) -> set[str]:
        return set(connection.execute(select(_lease.holder).where(_lease.until > now)).scalars())


def _drop(connection: Connection, names: Iterable[str], holder: str) -> None:
    gone = delete(rows.leases).where(_lease.name == bindparam("which"), _lease.holder == holder)
    if asked := [{"which": name} for name in sorted(names)]:
        connection.execute(gone, asked)
