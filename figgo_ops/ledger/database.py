"""The ledger's database: opened, brought up to date, its failures in plain words."""

import fcntl
import os
import shlex
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Lock
from typing import Any, Self

from sqlalchemy import URL, Connection, Engine, Table, create_engine, event, inspect, make_url, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    DBAPIError,
    IntegrityError,
    NoSuchModuleError,
    ProgrammingError,
)

from figgo_ops.errors import UsageError
from figgo_ops.secrets import REDACTOR

SCHEMA = "0001"
"""The newest migration; a test holds it against the files."""

WAIT = 30
"""Seconds that one process waits for another's write."""

_MIGRATIONS = Path(__file__).parents[1] / "migrations"
_ADVISORY = 0x6F1D0A52
_migrating = Lock()  # alembic keeps the migration under way in module globals

Row = dict[str, Any]


class Database:
    """Transactions, and upserts, on SQLite or PostgreSQL."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @classmethod
    def open(cls, url: str) -> Self:
        """The database at this URL, created and migrated when needed, whoever else does so meanwhile.

        Raises:
            UsageError: it cannot be used, or a newer figgo_ops wrote it.
        """
        where = _understood(url)
        database = cls(_engine(where))
        try:
            if where.get_backend_name() == "sqlite":
                with _alone(Path(where.database or "")):
                    database._migrate()
            else:
                database._migrate()
        except BaseException:
            database.close()
            raise
        return database

    def close(self) -> None:
        """Let go of the connections."""
        self._engine.dispose()

    def scrub(self) -> None:
        """Leave nothing of deleted rows in the file: SQLite only marks their bytes as free.

        A PostgreSQL server reclaims them by itself.
        """
        if self._engine.dialect.name != "sqlite":
            return
        with self._understanding(), closing(self._engine.raw_connection()) as connection:
            cursor = connection.cursor()
            cursor.execute("VACUUM")
            busy, *_ = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if busy:
                raise sqlite3.OperationalError("locked by a reader")

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """A transaction that writes: all of it or nothing."""
        with self._understanding(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        """A transaction that only reads, and on SQLite waits for nobody."""
        with self._understanding(), self._engine.connect() as connection:
            yield connection.execution_options(reads=True)

    @contextmanager
    def _understanding(self) -> Iterator[None]:
        try:
            yield
        except (IntegrityError, ProgrammingError, DataError):
            raise  # ours: a wrong statement, not a wrong file
        except (DBAPIError, sqlite3.Error) as error:
            raise _unusable(self._engine.url, getattr(error, "orig", None) or error) from error

    def _upsert(self, connection: Connection, table: Table, rows: Sequence[Row]) -> None:
        """Insert, or change the given columns where the primary key is taken already."""
        if not rows:
            return
        insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
        keys = [column.name for column in table.primary_key]
        statement = insert(table)
        others = {name: statement.excluded[name] for name in rows[0] if name not in keys}
        if others:
            connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=others), rows)
        else:
            connection.execute(statement.on_conflict_do_nothing(index_elements=keys), rows)

    def _migrate(self) -> None:
        with self._writing() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:name)"), {"name": _ADVISORY})
            found = _version(connection)
            if found == SCHEMA:
                return
            if found and found not in _known_versions():
                raise UsageError(
                    f"A newer figgo_ops wrote the ledger {_shown(self._engine.url)} (schema {found}).",
                    "Install that version, or set FIGGO_OPS_LEDGER to another ledger.",
                )
            _upgrade(connection)


def _understood(url: str) -> URL:
    try:
        where = make_url(url)
    except (ArgumentError, ValueError):  # the URL may hold a password, so it is not repeated
        raise UsageError("FIGGO_OPS_LEDGER is not a database URL.", _URLS) from None
    if where.password:
        REDACTOR.learn(str(where.password), "env:FIGGO_OPS_LEDGER")
    backend = where.get_backend_name()
    if backend not in ("sqlite", "postgresql"):
        raise UsageError(f"The ledger cannot be kept in {backend}.", _URLS)
    if backend == "sqlite" and (where.database or ":memory:") == ":memory:":
        raise UsageError("FIGGO_OPS_LEDGER names no file.", _URLS)
    return where


_URLS = "Write sqlite:////absolute/path/ledger.db or postgresql://user@host/name."


def _engine(where: URL) -> Engine:
    try:
        # Parameters hold titles, and an error that prints them would carry those anywhere.
        engine = create_engine(
            where, hide_parameters=True, pool_pre_ping=where.get_backend_name() == "postgresql"
        )
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        raise UsageError(
            f"The ledger {_shown(where)} cannot be reached: {error}.",
            "Install the driver of that name, or name another one: postgresql+psycopg://user@host/name",
        ) from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _on_connect)
        event.listen(engine, "begin", _on_begin)
    return engine


def _on_connect(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # the driver's own transactions begin too late to be exclusive
    connection.execute(f"PRAGMA busy_timeout={WAIT * 1000}")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA foreign_keys=ON")


def _on_begin(connection: Connection) -> None:
    reads = connection.get_execution_options().get("reads", False)
    # A deferred transaction that writes after another one did fails at once, however long it may wait.
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


@contextmanager
def _alone(file: Path) -> Iterator[None]:
    """Make the file ours alone, and keep other processes from opening it for the first time meanwhile.

    The folder is locked, not the file: SQLite loses its own locks when somebody else closes the file.
    """
    try:
        folder = os.open(file.parent, os.O_RDONLY)
    except OSError as error:
        raise UsageError(f"The ledger {file} cannot be used: {error.strerror}.", _RIGHTS) from error
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        file.touch(mode=0o600)
        if file.stat().st_mode & 0o077:
            file.chmod(0o600)
        yield
    except OSError as error:
        raise UsageError(f"The ledger {file} cannot be used: {error.strerror}.", _RIGHTS) from error
    finally:
        os.close(folder)


_RIGHTS = "Check the owner and rights of the file and its folder."


def _version(connection: Connection) -> str:
    if not inspect(connection).has_table("alembic_version"):
        return ""
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar() or ""


def _known_versions() -> set[str]:
    from alembic.script import ScriptDirectory

    return {script.revision for script in ScriptDirectory(str(_MIGRATIONS)).walk_revisions()}


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    with _migrating:
        command.upgrade(config, "head")


def _shown(url: URL) -> str:
    return (
        url.database or "" if url.get_backend_name() == "sqlite" else url.render_as_string(hide_password=True)
    )


def _unusable(url: URL, cause: BaseException) -> UsageError:
    why = " ".join(REDACTOR.clean(str(cause)).split())
    message = f"The ledger {_shown(url)} cannot be used: {why}."
    if url.get_backend_name() != "sqlite":
        return UsageError(
            message, "Check FIGGO_OPS_LEDGER and that the database server runs; then run again."
        )
    if any(sign in why for sign in ("not a database", "malformed", "no such", "already exists")):
        file = shlex.quote(url.database or "")
        return UsageError(
            message,
            f"Move it away and run again: mv {file} {file}.broken. No event is doubled without it; history, "
            "counters, places and deletions by the owner are forgotten.",
        )
    if "full" in why or "disk I/O" in why:
        return UsageError(message, "Free some space on its disk, then run again.")
    if "locked" in why:
        return UsageError(message, f"Another program has held it for {WAIT} seconds; wait for it or end it.")
    return UsageError(message, _RIGHTS)
