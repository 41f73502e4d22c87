"""Alembic's entry: runs revisions in the transaction that `migrate` has begun."""

from alembic import context

from service.adapters.storage.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
