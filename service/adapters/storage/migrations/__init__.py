"""The history of the schema, as alembic revisions."""

# The newest revision, so that a database that has it is known without importing alembic.
HEAD_REVISION = "0006"
