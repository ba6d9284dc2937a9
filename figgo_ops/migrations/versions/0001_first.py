"""The first ledger: runs, changes, places, listings, leases."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _text(name: str, *, key: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, primary_key=key, nullable=False)


def _number(name: str, *, key: bool = False, default: str | None = None) -> sa.Column[int]:
    return sa.Column(
        name, sa.Integer, primary_key=key, autoincrement=False, nullable=False, server_default=default
    )


def _moment(name: str, *, empty: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=empty)


def _json(name: str, *, empty: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.JSON, nullable=empty)


def upgrade() -> None:
    """Create every table."""
    _create_runs()
    _create_changes()
    _create_mailboxes()
    _create_others()


def _create_runs() -> None:
    op.create_table(
        "runs",
        _text("id", key=True),
        *(_text(name) for name in ("tenant", "command", "who")),
        _json("parameters"),
        _text("checksum"),
        _text("version"),
        _moment("started"),
        _moment("ended", empty=True),
        sa.Column("exit", sa.Integer),
        _json("counts"),
    )
    op.create_index("runs_by_tenant", "runs", ["tenant", "started"])


def _create_changes() -> None:
    op.create_table(
        "changes",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("run", sa.Text, sa.ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
        _text("tenant"),
        _text("key"),
        _number("employee"),
        _number("legal_entity"),
        *(_text(name) for name in ("calendar", "address", "action", "reason")),
        _number("unit"),
        sa.Column("counted", sa.Boolean, nullable=False),
        _json("before", empty=True),
        _json("after", empty=True),
        _text("fingerprint"),
        sa.Column("last_day", sa.Date, nullable=False),
        _text("status"),
        _moment("started"),
        _moment("finished", empty=True),
        *(_text(name) for name in ("event_id", "etag", "error")),
    )
    op.create_index("changes_by_run", "changes", ["run"])
    op.create_index("changes_by_tenant", "changes", ["tenant", "started"])
    op.create_index("changes_by_status", "changes", ["tenant", "status"])


def _mailbox() -> list[sa.Column[str]]:
    return [_text(name, key=True) for name in ("calendar", "address")]


def _create_mailboxes() -> None:
    op.create_table("places", _text("tenant", key=True), _number("employee", key=True), *_mailbox())
    op.create_table(
        "written", _text("tenant", key=True), *_mailbox(), _text("key", key=True), _text("fingerprint")
    )
    op.create_table(
        "mailboxes",
        _text("tenant", key=True),
        *_mailbox(),
        _number("events", default="0"),
        sa.Column("latest", sa.Date),
        _moment("at", empty=True),
        _number("mark", default="0"),
        _moment("quiet_until", empty=True),
    )
    op.create_table(
        "slices",
        _text("tenant", key=True),
        _number("legal_entity", key=True),
        _number("events"),
        _moment("at"),
    )


def _create_others() -> None:
    op.create_table("leases", _text("name", key=True), _text("holder"), _moment("until"))
    op.create_index("leases_by_holder", "leases", ["holder"])
    op.create_table("refusals", _text("digest", key=True), _text("tenant"), _moment("at"))
    op.create_table("facts", _text("tenant", key=True), _text("name", key=True), _json("value"))
    op.create_table(
        "health",
        _text("tenant", key=True),
        sa.Column("day", sa.Date, primary_key=True, nullable=False),
        _json("line"),
    )


def downgrade() -> None:
    """Drop every table, the dependent ones first."""
    for table in ("health", "facts", "refusals", "leases", "slices", "mailboxes", "written", "places"):
        op.drop_table(table)
    op.drop_table("changes")
    op.drop_table("runs")
