"""Runs the migrations on the connection that the ledger hands over, inside its transaction."""

from alembic import context

from figgo_ops.ledger.rows import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
