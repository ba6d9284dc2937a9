"""What the ledger keeps, as tables, and how events travel into them and back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Date,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    RowMapping,
    Table,
    Text,
    TypeDecorator,
)

from figgo_ops.events import Event, Fingerprint, Key
from figgo_ops.plan import Change, Existing, Mailbox


class Moment(TypeDecorator[datetime]):
    """A point in time, UTC and aware in Python whatever the database keeps."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To UTC; a time without zone is a mistake of ours."""
        if value is not None and value.tzinfo is None:
            raise ValueError("the ledger takes aware times only")
        return value.astimezone(UTC) if value is not None else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """SQLite keeps no zone: what was written was UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


metadata = MetaData()

runs = Table(
    "runs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("command", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("parameters", JSON, nullable=False),
    Column("checksum", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("started", Moment, nullable=False),
    Column("ended", Moment),
    Column("exit", Integer),
    Column("counts", JSON, nullable=False),
    Index("runs_by_tenant", "tenant", "started"),
)

changes = Table(
    "changes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run", Text, ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    Column("tenant", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("employee", Integer, nullable=False),
    Column("legal_entity", Integer, nullable=False),
    Column("calendar", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("unit", Integer, nullable=False),
    Column("counted", Boolean, nullable=False),
    Column("before", JSON(none_as_null=True)),
    Column("after", JSON(none_as_null=True)),
    Column("fingerprint", Text, nullable=False),
    Column("last_day", Date, nullable=False),
    Column("status", Text, nullable=False),
    Column("started", Moment, nullable=False),
    Column("finished", Moment),
    Column("event_id", Text, nullable=False),
    Column("etag", Text, nullable=False),
    Column("error", Text, nullable=False),
    Index("changes_by_run", "run"),
    Index("changes_by_tenant", "tenant", "started"),
    Index("changes_by_status", "tenant", "status"),
)

places = Table(
    "places",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("employee", Integer, primary_key=True, autoincrement=False),
    Column("calendar", Text, primary_key=True),
    Column("address", Text, primary_key=True),
)

written = Table(
    "written",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("calendar", Text, primary_key=True),
    Column("address", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("fingerprint", Text, nullable=False),
)

# mark: the newest change when the listing was noted; it orders what one tick of the clock cannot.
mailboxes = Table(
    "mailboxes",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("calendar", Text, primary_key=True),
    Column("address", Text, primary_key=True),
    Column("events", Integer, nullable=False, server_default="0"),
    Column("latest", Date),
    Column("at", Moment),
    Column("mark", Integer, nullable=False, server_default="0"),
    Column("quiet_until", Moment),
)

slices = Table(
    "slices",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("legal_entity", Integer, primary_key=True, autoincrement=False),
    Column("events", Integer, nullable=False),
    Column("at", Moment, nullable=False),
)

leases = Table(
    "leases",
    metadata,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("until", Moment, nullable=False),
    Index("leases_by_holder", "holder"),
)

refusals = Table(
    "refusals",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("at", Moment, nullable=False),
)

facts = Table(
    "facts",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("value", JSON, nullable=False),
)

health = Table(
    "health",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("day", Date, primary_key=True),
    Column("line", JSON, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Run:
    """One execution with a record.

    Attributes:
        checksum: of the plan that was applied; "" without one.
        version: of the code.
        ended, exit: None while it runs, and for ever when it was killed.
    """

    id: str
    tenant: str
    command: str
    who: str
    parameters: Mapping[str, Any]
    checksum: str
    version: str
    started: datetime
    ended: datetime | None
    exit: int | None
    counts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Recorded:
    """A change as the ledger remembers it.

    Attributes:
        change: complete but for `carries`, which only the write itself needs.
        status: started, done, failed or unknown.
        event_id, etag: the provider's name for what was written; "" for a removal.
    """

    id: int
    run: str
    status: str
    started: datetime
    finished: datetime | None
    change: Change
    event_id: str = ""
    etag: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a mailbox held when it was last listed completely, put forward by what we did to it since.

    Attributes:
        events: how many of our events.
        latest: the last day that one of them touches; None without any.
        at: when it was listed; None when it never was.
        quiet_until: nothing is created there before; None without such a time.
    """

    events: int
    latest: date | None
    at: datetime | None
    quiet_until: datetime | None = field(default=None)


def event_json(event: Event) -> dict[str, Any]:
    """An event as JSON: days as dates, hours as UTC times."""
    return {
        "start": event.start.isoformat(),
        "end": event.end.isoformat(),
        "state": event.state,
        "title": event.title,
        "show_as": event.show_as,
        "private": event.private,
        "zone": event.zone,
    }


def event_from(found: Mapping[str, Any]) -> Event:
    """The event that `event_json` wrote."""
    days = len(found["start"]) == len("2026-01-01")
    read = date.fromisoformat if days else datetime.fromisoformat
    return Event(**{**found, "start": read(found["start"]), "end": read(found["end"])})


def existing_json(existing: Existing) -> dict[str, Any]:
    """An event found in a mailbox as JSON, the provider's own listing included."""
    return {
        "id": existing.id,
        "etag": existing.etag,
        "uid": existing.uid,
        "key": existing.key_text,
        "fingerprint": existing.print_text,
        "event": event_json(existing.event),
        "taken_over": existing.taken_over,
        "raw": dict(existing.raw),
    }


def existing_from(found: Mapping[str, Any], mailbox: Mailbox) -> Existing:
    """The event that `existing_json` wrote."""
    return Existing(
        mailbox,
        found["id"],
        found["etag"],
        found["uid"],
        found["key"],
        found["fingerprint"],
        event_from(found["event"]),
        found["taken_over"],
        found["raw"],
    )


def change_row(change: Change) -> dict[str, Any]:
    """A change as columns, all but who does it when and with what outcome."""
    return {
        "key": str(change.key),
        "employee": change.employee,
        "legal_entity": change.legal_entity,
        "calendar": change.mailbox.calendar,
        "address": change.mailbox.address,
        "action": change.action,
        "reason": change.reason,
        "unit": change.unit,
        "counted": change.counted,
        "before": existing_json(change.existing) if change.existing else None,
        "after": event_json(change.event) if change.event else None,
        "fingerprint": change.old_marker[1] if change.old_marker else str(change.fingerprint or ""),
        "last_day": change.shown.last_day,
    }


def change_from(row: RowMapping) -> Change:
    """The change that `change_row` wrote."""
    key = Key.parse(row["key"])
    assert key is not None  # noqa: S101 - only keys are written there
    mailbox = Mailbox(row["calendar"], row["address"])
    restored = row["reason"] == "undone" and row["action"] != "remove"
    return Change(
        row["action"],
        row["reason"],
        key,
        row["employee"],
        row["legal_entity"],
        mailbox,
        event=event_from(row["after"]) if row["after"] else None,
        fingerprint=Fingerprint.parse(row["fingerprint"]),
        existing=existing_from(row["before"], mailbox) if row["before"] else None,
        unit=row["unit"],
        counted=row["counted"],
        old_marker=(row["key"] if row["fingerprint"] else "", row["fingerprint"]) if restored else None,
    )


def recorded_from(row: RowMapping) -> Recorded:
    """A row of changes as a dataclass."""
    own = {
        name: row[name]
        for name in ("id", "run", "status", "started", "finished", "event_id", "etag", "error")
    }
    return Recorded(change=change_from(row), **own)


def run_from(row: RowMapping) -> Run:
    """A row of runs as a dataclass."""
    return Run(**row)
