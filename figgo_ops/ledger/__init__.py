"""What we did: runs, changes, places, listings, leases.

The ledger remembers, it does not decide: identity rides on the events themselves, so without it no event is
doubled or wrongly removed; history, counters, places and deletions by the owner are forgotten.
Times come from the caller, aware; there is no clock here.
"""

import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, case, delete, func, or_, select, update

from figgo_ops.errors import UsageError
from figgo_ops.events import Key
from figgo_ops.ledger import rows
from figgo_ops.ledger.mailboxes import Mailboxes, at_mailbox
from figgo_ops.ledger.rows import Recorded, Run, Seen
from figgo_ops.plan import Change, Mailbox, Outcome
from figgo_ops.secrets import REDACTOR

__all__ = ["Ledger", "Recorded", "Run", "Seen"]

_changes, _runs = rows.changes, rows.runs


class Ledger(Mailboxes):
    """The memory of one home. Safe to share between threads; see `Database.open` and `Leases`."""

    def start_run(
        self,
        tenant: str,
        command: str,
        who: str,
        parameters: Mapping[str, Any],
        checksum: str,
        version: str,
        now: datetime,
    ) -> str:
        """Record that a run begins; returns its name, such as 20261122T110455-sync-corail-3f2a."""
        verb = re.sub(r"[^a-z0-9]+", "-", command.lower())
        run = f"{now:%Y%m%dT%H%M%S}-{verb}-{tenant}-{secrets.token_hex(2)}"
        row = {
            "id": run,
            "tenant": tenant,
            "command": command,
            "who": who,
            "parameters": dict(parameters),
            "checksum": checksum,
            "version": version,
            "started": now,
            "counts": {},
        }
        with self._writing() as connection:
            connection.execute(_runs.insert(), row)
        return run

    def end_run(self, run: str, code: int, counts: Mapping[str, Any], now: datetime) -> None:
        """Record how a run ended: its exit code and what it counted."""
        over = update(_runs).where(_runs.c.id == run).values(ended=now, exit=code, counts=dict(counts))
        with self._writing() as connection:
            connection.execute(over)

    def runs(self, tenant: str, limit: int = 20) -> list[Run]:
        """The tenant's latest runs, newest first."""
        latest = _runs.c.started.desc(), _runs.c.id.desc()
        chosen = select(_runs).where(_runs.c.tenant == tenant).order_by(*latest).limit(limit)
        with self._reading() as connection:
            return [rows.run_from(row) for row in connection.execute(chosen).mappings()]

    def run(self, run: str) -> Run:
        """The run of this name.

        Raises:
            UsageError: the ledger knows none.
        """
        with self._reading() as connection:
            row = connection.execute(select(_runs).where(_runs.c.id == run)).mappings().first()
        if row is None:
            raise UsageError(
                f"The ledger knows no run {run}.",
                "A run's name stands in its report and in what apply printed; it is forgotten after 90 days.",
            )
        return rows.run_from(row)

    def begin(self, run: str, changes: Sequence[Change], now: datetime) -> list[int]:
        """Record what is about to be written, and where, before it is; returns one number per change."""
        if not changes:
            return []
        with self._writing() as connection:
            tenant = connection.execute(select(_runs.c.tenant).where(_runs.c.id == run)).scalar_one()
            intents = [_intent(run, tenant, change, now) for change in changes]
            added = _changes.insert().returning(_changes.c.id, sort_by_parameter_order=True)
            numbers = list(connection.execute(added, intents).scalars())
            self._note_places(connection, tenant, changes)
        return numbers

    def finish(self, outcomes: Sequence[tuple[int, Outcome]], now: datetime) -> None:
        """Record what became of changes of one tenant, by the numbers that `begin` gave."""
        if not outcomes:
            return
        over = update(_changes).where(_changes.c.id == bindparam("number"))
        with self._writing() as connection:
            first = select(_changes.c.tenant).where(_changes.c.id == outcomes[0][0])
            connection.execute(over, [_ending(number, outcome, now) for number, outcome in outcomes])
            self._note_written(connection, connection.execute(first).scalar_one(), outcomes)

    def changes(self, run: str) -> list[Recorded]:
        """Everything that a run set out to write, in its order."""
        with self._reading() as connection:
            return list(_recorded(connection, _changes.c.run == run))

    def history(self, tenant: str, employee: int) -> list[Recorded]:
        """Everything that runs set out to write for this employee, oldest first."""
        theirs = and_(_changes.c.tenant == tenant, _changes.c.employee == employee)
        with self._reading() as connection:
            return list(_recorded(connection, theirs))

    def touched_later(self, run: str) -> dict[tuple[Mailbox, str], tuple[str, bool]]:
        """The last later run that wrote to each mailbox and key of this run, and whether it surely did.

        One that was cut off counts where no other did: only the calendar can tell.
        """
        own = select(
            _changes.c.calendar, _changes.c.address, _changes.c.key, func.max(_changes.c.id).label("last")
        )
        mine = own.where(_changes.c.run == run).group_by(*list(own.selected_columns)[:3]).subquery()
        same = and_(*(_changes.c[name] == mine.c[name] for name in ("calendar", "address", "key")))
        later = _changes.c.id > mine.c.last, _changes.c.run != run, _changes.c.status != "failed"
        tenant = select(_runs.c.tenant).where(_runs.c.id == run).scalar_subquery()
        sure = case((_changes.c.status == "done", 1), else_=0).label("sure")
        asked = (
            select(_changes.c.calendar, _changes.c.address, _changes.c.key, _changes.c.run, sure)
            .join_from(_changes, mine, same)
            .where(_changes.c.tenant == tenant, *later)
            .order_by("sure", _changes.c.id)
        )
        with self._reading() as connection:
            return {
                (Mailbox(row.calendar, row.address), row.key): (row.run, bool(row.sure))
                for row in connection.execute(asked)
            }

    def last_writing_run(self, tenant: str) -> str:
        """The tenant's last run that wrote anything; "" when the ledger knows none."""
        written = _changes.c.tenant == tenant, _changes.c.status == "done"
        asked = select(_changes.c.run).where(*written).order_by(_changes.c.id.desc()).limit(1)
        with self._reading() as connection:
            return connection.execute(asked).scalar() or ""

    def legal_entities(self, tenant: str) -> dict[int, int]:
        """The legal entity of each employee when an event of theirs was last written."""
        asked = select(_changes.c.employee, _changes.c.legal_entity).where(_changes.c.tenant == tenant)
        with self._reading() as connection:
            return {
                row.employee: row.legal_entity for row in connection.execute(asked.order_by(_changes.c.id))
            }

    def left_open(self, tenant: str, now: datetime, since: datetime | None = None) -> list[Recorded]:
        """Changes that were begun, lately or ever, and never finished, by runs that are over.

        A run counts as alive while a lease is held in its name or in one that begins with it and a slash.
        """
        with self._reading() as connection:
            alive = {holder.partition("/")[0] for holder in self._holders(connection, now)}
            begun = and_(_changes.c.tenant == tenant, _changes.c.status == "started")
            if since is not None:
                begun = and_(begun, _changes.c.started >= since)
            ended = select(_runs.c.id).where(_runs.c.tenant == tenant, _runs.c.ended.is_not(None))
            over = set(connection.execute(ended).scalars())
            return [row for row in _recorded(connection, begun) if row.run in over or row.run not in alive]

    def removals_since(self, tenant: str, since: datetime) -> dict[int, set[str]]:
        """Keys of counted removals that happened or may have, by legal entity."""
        asked = select(_changes.c.legal_entity, _changes.c.key).where(
            _changes.c.tenant == tenant,
            _changes.c.started >= since,
            _changes.c.action == "remove",
            _changes.c.counted,
            _changes.c.status != "failed",
        )
        found: dict[int, set[str]] = {}
        with self._reading() as connection:
            for legal_entity, key in connection.execute(asked):
                found.setdefault(legal_entity, set()).add(key)
        return found

    def refuse(self, tenant: str, digest: str, now: datetime) -> None:
        """Remember that a credential was refused, by its keyed digest."""
        with self._writing() as connection:
            self._upsert(connection, rows.refusals, [{"digest": digest, "tenant": tenant, "at": now}])

    def is_refused(self, digest: str) -> bool:
        """Whether this credential was refused and nobody said to try it again."""
        asked = select(rows.refusals.c.digest).where(rows.refusals.c.digest == digest)
        with self._reading() as connection:
            return connection.execute(asked).first() is not None

    def forget_refusal(self, name: str) -> None:
        """Forget one refused credential by its digest, or all of a tenant by its name."""
        refused = rows.refusals.c
        with self._writing() as connection:
            connection.execute(
                delete(rows.refusals).where(or_(refused.digest == name, refused.tenant == name))
            )

    def remember(self, tenant: str, name: str, value: Any) -> None:
        """Keep a small fact about a tenant, as JSON."""
        with self._writing() as connection:
            self._upsert(connection, rows.facts, [{"tenant": tenant, "name": name, "value": value}])

    def recall(self, tenant: str, name: str) -> Any:
        """What was kept under this name; None when nothing was."""
        fact = rows.facts.c
        with self._reading() as connection:
            return connection.execute(
                select(fact.value).where(fact.tenant == tenant, fact.name == name)
            ).scalar()

    def facts(self, tenant: str, beginning: str = "") -> dict[str, Any]:
        """What was kept about a tenant under names that begin so."""
        fact = rows.facts.c
        asked = select(fact.name, fact.value).where(
            fact.tenant == tenant, fact.name.startswith(beginning, autoescape=True)
        )
        with self._reading() as connection:
            return {row.name: row.value for row in connection.execute(asked)}

    def note_health(self, tenant: str, day: date, line: Mapping[str, Any]) -> None:
        """Add to a tenant's one line of health for a day, in place of what it said under the same names."""
        kept = rows.health.c
        asked = select(kept.line).where(kept.tenant == tenant, kept.day == day)
        with self._writing() as connection:
            whole = {**(connection.execute(asked).scalar() or {}), **line}
            self._upsert(connection, rows.health, [{"tenant": tenant, "day": day, "line": whole}])

    def health(self, tenant: str) -> dict[date, dict[str, Any]]:
        """The lines of health of a tenant by day, oldest first."""
        line = rows.health.c
        asked = select(line.day, line.line).where(line.tenant == tenant).order_by(line.day)
        with self._reading() as connection:
            return {row.day: row.line for row in connection.execute(asked)}

    def expire(self, now: datetime, days: int = 90) -> list[str]:
        """Forget runs and health older than so many days; returns the runs, whose folders go with them."""
        limit = now - timedelta(days=days)
        with self._writing() as connection:
            old = list(connection.execute(select(_runs.c.id).where(_runs.c.started < limit)).scalars())
            connection.execute(delete(_runs).where(_runs.c.started < limit))
            connection.execute(delete(rows.health).where(rows.health.c.day < limit.date()))
            connection.execute(delete(rows.leases).where(rows.leases.c.until < limit))
        return old

    def forget_tenant(self, tenant: str) -> None:
        """Forget everything about a tenant."""
        held = rows.leases.c.name
        with self._writing() as connection:
            for table in rows.metadata.sorted_tables:
                if "tenant" in table.c:
                    connection.execute(delete(table).where(table.c.tenant == tenant))
            theirs = or_(held == f"tenant:{tenant}", held.startswith(f"mailbox:{tenant}/", autoescape=True))
            connection.execute(delete(rows.leases).where(theirs))

    def forget_employee(self, tenant: str, employee: int) -> None:
        """Forget everything about one person of a tenant, and the mailboxes that are theirs alone."""
        place = rows.places.c
        theirs = and_(place.tenant == tenant, place.employee == employee)
        with self._writing() as connection:
            boxes = {
                Mailbox(*row)
                for row in connection.execute(select(place.calendar, place.address).where(theirs))
            }
            connection.execute(delete(rows.places).where(theirs))
            others = select(place.calendar, place.address).where(place.tenant == tenant)
            boxes -= {Mailbox(*row) for row in connection.execute(others)}
            own = and_(_changes.c.tenant == tenant, _changes.c.employee == employee)
            connection.execute(delete(_changes).where(own))
            _forget_held(connection, tenant, employee)
            for box in boxes:
                for table in (rows.mailboxes, rows.written):
                    at = at_mailbox(tenant, box).items()
                    connection.execute(delete(table).where(*(table.c[name] == value for name, value in at)))


def _forget_held(connection: Connection, tenant: str, employee: int) -> None:
    """Forget the rows of one person that runs held back."""
    runs = connection.execute(select(_runs.c.id, _runs.c.counts).where(_runs.c.tenant == tenant)).all()
    for run, counts in runs:
        held = counts.get("held", ())
        kept = [row for row in held if (key := Key.parse(row["key"])) is None or key.owner != employee]
        if len(kept) < len(held):
            left = {**counts, "held": kept}
            connection.execute(update(_runs).where(_runs.c.id == run).values(counts=left))


def _intent(run: str, tenant: str, change: Change, now: datetime) -> dict[str, Any]:
    kept = {"run": run, "tenant": tenant, "status": "started", "started": now}
    return {**rows.change_row(change), **kept, "event_id": "", "etag": "", "error": ""}


def _ending(number: int, outcome: Outcome, now: datetime) -> dict[str, Any]:
    return {
        "number": number,
        "status": outcome.status,
        "finished": now,
        "event_id": outcome.id,
        "etag": outcome.etag,
        "error": REDACTOR.clean(outcome.error.message) if outcome.error else "",
    }


def _recorded(connection: Connection, which: ColumnElement[bool]) -> Iterator[Recorded]:
    for row in connection.execute(select(_changes).where(which).order_by(_changes.c.id)).mappings():
        yield rows.recorded_from(row)
