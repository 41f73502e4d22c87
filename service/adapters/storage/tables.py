"""What is stored, as SQLAlchemy tables, and how money and time are spelled in each database.

Money is NUMERIC(20, 9) in PostgreSQL and a whole number of nano-dollars in SQLite, whose own numbers
would lose some. Times are timestamptz in PostgreSQL and microseconds since 1970 in SQLite. A change
here needs a revision in `migrations/versions`; a test compares the two.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Dialect, TypeDecorator
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import TypeEngine

from service.core.money import nanos_to_usd, usd_to_nanos

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECONDS_PER_SECOND = 1_000_000
_SECONDS_PER_DAY = 86_400


def to_microseconds(moment: datetime) -> int:
    """A moment as SQLite keeps it: whole microseconds since 1970, without a detour over floats."""
    since = moment - _EPOCH
    seconds = since.days * _SECONDS_PER_DAY + since.seconds
    return seconds * _MICROSECONDS_PER_SECOND + since.microseconds


def from_microseconds(microseconds: int) -> datetime:
    """The inverse of `to_microseconds`, in UTC."""
    return _EPOCH + timedelta(microseconds=microseconds)


class UtcTime(TypeDecorator[datetime]):
    """An aware `datetime`."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(sa.BigInteger())
        return dialect.type_descriptor(sa.DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> object:
        if value is not None and dialect.name == "sqlite":
            return to_microseconds(value)
        return value

    def process_result_value(self, value: object, dialect: Dialect) -> datetime | None:
        if isinstance(value, int):
            return from_microseconds(value)
        return value.astimezone(UTC) if isinstance(value, datetime) else None


class Usd(TypeDecorator[Decimal]):
    """An amount of US dollars, exact to the nano-dollar."""

    impl = sa.Numeric(20, 9)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(sa.BigInteger())
        return dialect.type_descriptor(sa.Numeric(20, 9))

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> object:
        if value is not None and dialect.name == "sqlite":
            return usd_to_nanos(value)
        return value

    def process_result_value(self, value: object, dialect: Dialect) -> Decimal | None:
        if isinstance(value, int):
            return nanos_to_usd(value)
        return value if isinstance(value, Decimal) else None


_JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")

metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

api_keys = sa.Table(
    "api_keys",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, nullable=False, index=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("prefix", sa.Text, nullable=False),
    sa.Column("digest", sa.Text, nullable=False, unique=True),
    sa.Column("scopes", _JSON, nullable=False),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("expires_at", UtcTime),
    sa.Column("revoked_at", UtcTime),
    sa.Column("requests_per_minute", sa.BigInteger),
    sa.Column("tokens_per_minute", sa.BigInteger),
    sa.Column("budget_limit_usd", Usd),
    sa.Column("budget_period", sa.Text),
    sa.Column("sanitize", sa.Text, nullable=False, server_default="none"),
    sa.Column("rotate_after_days", sa.Integer),
    sa.Column("rotated_at", UtcTime),
    sa.Column("previous_digest", sa.Text, unique=True),
    sa.Column("previous_expires_at", UtcTime),
    sa.Column("last_used_at", UtcTime),
    sa.Column("parent_id", sa.Text, index=True),
    # How alike two questions must be to have one answer.
    sa.Column("semantic_cache", sa.Double),
)

tenants = sa.Table(
    "tenants",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("requests_per_minute", sa.BigInteger),
    sa.Column("tokens_per_minute", sa.BigInteger),
    sa.Column("budget_limit_usd", Usd),
    sa.Column("budget_period", sa.Text),
)

# What a budget has used up in one period. `owner` is the id of a key or token, or `tenant:ID`; `period` is
# `2026-11-23`, `2026-11` or `total`. Every open request holds its share of `reserved_usd`.
budget_accounts = sa.Table(
    "budget_accounts",
    metadata,
    sa.Column("owner", sa.Text, primary_key=True),
    sa.Column("period", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("limit_usd", Usd, nullable=False),
    sa.Column("spent_usd", Usd, nullable=False),
    sa.Column("reserved_usd", Usd, nullable=False),
    sa.Column("threshold_percent", sa.Integer, nullable=False),
)

# One attempt at a time holds a row, by lease; a success stays until `expires_at`.
idempotency_keys = sa.Table(
    "idempotency_keys",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("fingerprint", sa.Text, nullable=False),
    sa.Column("attempt_id", sa.Text, nullable=False),
    sa.Column("lease_expires_at", UtcTime, nullable=False),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("expires_at", UtcTime, nullable=False, index=True),
    sa.Column("status", sa.Integer),
    sa.Column("media_type", sa.Text),
    sa.Column("body", sa.LargeBinary),
)

# The ledger: the fields of an Intent, whose the row is and until when, and the fields of a Settlement.
# `outcome` is NULL while the request is in flight.
requests = sa.Table(
    "requests",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("key_id", sa.Text, nullable=False),
    sa.Column("request_id", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("stream", sa.Boolean, nullable=False),
    sa.Column("metadata", _JSON, nullable=False),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("estimated_input_tokens", sa.BigInteger, nullable=False),
    sa.Column("estimated_cost_usd", Usd),
    sa.Column("instance_id", sa.Text, nullable=False),
    sa.Column("lease_expires_at", UtcTime, nullable=False),
    sa.Column("outcome", sa.Text),
    sa.Column("error_type", sa.Text),
    sa.Column("provider", sa.Text),
    sa.Column("provider_model", sa.Text),
    sa.Column("finish_reason", sa.Text),
    sa.Column("input_tokens", sa.BigInteger),
    sa.Column("output_tokens", sa.BigInteger),
    sa.Column("cached_input_tokens", sa.BigInteger),
    sa.Column("usage_source", sa.Text),
    sa.Column("cost_usd", Usd),
    sa.Column("cache_hit", sa.Boolean),
    sa.Column("attempts", sa.Integer),
    sa.Column("first_token_ms", sa.Double),
    sa.Column("duration_ms", sa.Double),
    sa.Column("completed_at", UtcTime),
    sa.Column("budget_accounts", _JSON),
    sa.Column("reserved_usd", Usd),
    # More than 1: whoever ran it died in the middle, and a provider may have been paid more than once.
    sa.Column("runs", sa.Integer, nullable=False, server_default="1"),
    # What a provider's own webhook says about it, and when it said so.
    sa.Column("provider_report", _JSON),
    sa.Column("provider_report_at", UtcTime),
    sa.Column("prompt_name", sa.Text),
    sa.Column("prompt_version", sa.Integer),
    # A provider that counts below zero must not lower a bill.
    sa.CheckConstraint(
        "estimated_input_tokens >= 0 AND estimated_cost_usd >= 0", name="estimate_not_negative"
    ),
    sa.CheckConstraint(
        "input_tokens >= 0 AND output_tokens >= 0 AND cached_input_tokens >= 0 AND cost_usd >= 0",
        name="usage_not_negative",
    ),
    sa.Index("ix_requests_tenant_created_at", "tenant", "created_at"),
    sa.Index(
        "ix_requests_open_lease",
        "lease_expires_at",
        sqlite_where=sa.text("outcome IS NULL"),
        postgresql_where=sa.text("outcome IS NULL"),
    ),
    sa.Index(
        "ix_requests_provider_report_at",
        "provider_report_at",
        sqlite_where=sa.text("provider_report_at IS NOT NULL"),
        postgresql_where=sa.text("provider_report_at IS NOT NULL"),
    ),
)

# Every process that runs jobs; one whose lease is over is dead, and its jobs are taken over.
job_executors = sa.Table(
    "job_executors",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("lease_expires_at", UtcTime, nullable=False),
)

batches = sa.Table(
    "batches",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("key_id", sa.Text, nullable=False),
    sa.Column("token_id", sa.Text),
    sa.Column("request_id", sa.Text, nullable=False),
    sa.Column("mode", sa.Text, nullable=False),
    sa.Column("max_concurrency", sa.Integer, nullable=False),
    sa.Column("requests_per_second", sa.Double),
    sa.Column("status", sa.Text, nullable=False),
    # Why it is paused, or has failed.
    sa.Column("reason", sa.Text),
    sa.Column("total", sa.Integer, nullable=False),
    sa.Column("completed", sa.Integer, nullable=False),
    sa.Column("failed", sa.Integer, nullable=False),
    sa.Column("cancelled", sa.Integer, nullable=False),
    sa.Column("input_tokens", sa.BigInteger, nullable=False),
    sa.Column("output_tokens", sa.BigInteger, nullable=False),
    sa.Column("cached_input_tokens", sa.BigInteger, nullable=False),
    sa.Column("cost_usd", Usd, nullable=False),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("started_at", UtcTime),
    sa.Column("finished_at", UtcTime),
    sa.Column("cancel_requested_at", UtcTime),
    sa.Column("expires_at", UtcTime, nullable=False),
    # Where the items went: the providers' own batches and how far they are.
    sa.Column("provider_batches", _JSON),
    sa.Index("ix_batches_tenant_id", "tenant", "id"),
    sa.Index(
        "ix_batches_unfinished",
        "id",
        sqlite_where=sa.text("finished_at IS NULL"),
        postgresql_where=sa.text("finished_at IS NULL"),
    ),
    sa.Index("ix_batches_finished_at", "finished_at"),
)

# `state` is pending until the item has ended: completed, failed or cancelled.
batch_items = sa.Table(
    "batch_items",
    metadata,
    sa.Column(
        "batch_id", sa.Text, sa.ForeignKey("batches.id", ondelete="CASCADE"), primary_key=True
    ),
    sa.Column("index", sa.Integer, primary_key=True),
    sa.Column("custom_id", sa.Text),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("result", sa.Text),
    sa.Index(
        "ix_batch_items_pending",
        "batch_id",
        "index",
        sqlite_where=sa.text("state = 'pending'"),
        postgresql_where=sa.text("state = 'pending'"),
    ),
)

# The outbox: what has happened, written in the transaction that made it happen. `dispatched_at` is when
# it was turned into deliveries.
events = sa.Table(
    "events",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("data", _JSON, nullable=False),
    sa.Column("created_at", UtcTime, nullable=False, index=True),
    sa.Column("dispatched_at", UtcTime),
    sa.Index(
        "ix_events_waiting",
        "id",
        sqlite_where=sa.text("dispatched_at IS NULL"),
        postgresql_where=sa.text("dispatched_at IS NULL"),
    ),
)

webhook_endpoints = sa.Table(
    "webhook_endpoints",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, nullable=False, index=True),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("events", _JSON, nullable=False),
    sa.Column("secret", sa.LargeBinary, nullable=False),
    sa.Column("previous_secret", sa.LargeBinary),
    sa.Column("previous_secret_expires_at", UtcTime),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("failing_since", UtcTime),
    sa.Column("disabled_at", UtcTime),
    sa.Column("disabled_reason", sa.Text),
)

webhook_deliveries = sa.Table(
    "webhook_deliveries",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column(
        "endpoint_id",
        sa.Text,
        sa.ForeignKey("webhook_endpoints.id", ondelete="CASCADE"),
        nullable=False,
    ),
    sa.Column("event_id", sa.Text, nullable=False),
    sa.Column("event_type", sa.Text, nullable=False),
    sa.Column("payload", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("created_at", UtcTime, nullable=False, index=True),
    # When it is due; for one that is being sent, when its sender must be taken for dead.
    sa.Column("next_attempt_at", UtcTime),
    # Set by the first failure; a failure after it is final.
    sa.Column("retries_until", UtcTime),
    sa.Column("last_attempt_at", UtcTime),
    sa.Column("response_status", sa.Integer),
    sa.Column("error", sa.Text),
    sa.Column("delivered_at", UtcTime),
    sa.Index("ix_webhook_deliveries_endpoint_id", "endpoint_id", "id"),
    sa.Index(
        "ix_webhook_deliveries_due",
        "endpoint_id",
        "next_attempt_at",
        sqlite_where=sa.text("status = 'pending'"),
        postgresql_where=sa.text("status = 'pending'"),
    ),
)

# Webhooks that have come, by their id or else their body's hash, so that a repeat has no second effect.
inbound_events = sa.Table(
    "inbound_events",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("received_at", UtcTime, nullable=False, index=True),
)

# `turn_id` and `turn_expires_at`: whose turn is under way, so that two never interleave.
conversations = sa.Table(
    "conversations",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("key_id", sa.Text, nullable=False),
    sa.Column("system", sa.Text),
    sa.Column("metadata", _JSON, nullable=False),
    sa.Column("forked_from", sa.Text),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("updated_at", UtcTime, nullable=False),
    sa.Column("message_count", sa.Integer, nullable=False),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("input_tokens", sa.BigInteger, nullable=False),
    sa.Column("output_tokens", sa.BigInteger, nullable=False),
    sa.Column("cached_input_tokens", sa.BigInteger, nullable=False),
    sa.Column("cost_usd", Usd, nullable=False),
    # What has fallen out of the history, in short, and up to which message.
    sa.Column("summary", sa.Text),
    sa.Column("summary_until", sa.Integer),
    sa.Column("turn_id", sa.Text),
    sa.Column("turn_expires_at", UtcTime),
    sa.Index("ix_conversations_tenant_id", "tenant", "id"),
)

conversation_messages = sa.Table(
    "conversation_messages",
    metadata,
    sa.Column(
        "conversation_id",
        sa.Text,
        sa.ForeignKey("conversations.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("id", sa.Text, nullable=False, unique=True),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    # complete, or interrupted: what was delivered of an answer that was given up.
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("answer_id", sa.Text),
    sa.Column("created_at", UtcTime, nullable=False),
)

# How many versions a prompt has had: a number is given once, even if the prompt is deleted meanwhile, since
# the ledger's rows tell versions apart by it.
prompts = sa.Table(
    "prompts",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("latest_version", sa.Integer, nullable=False),
)

prompt_versions = sa.Table(
    "prompt_versions",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("template", sa.Text, nullable=False),
    sa.Column("system", sa.Text),
    sa.Column("variables", _JSON, nullable=False),
    sa.Column("defaults", _JSON, nullable=False),
    sa.Column("key_id", sa.Text, nullable=False),
    sa.Column("created_at", UtcTime, nullable=False),
)

prompt_labels = sa.Table(
    "prompt_labels",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("label", sa.Text, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.ForeignKeyConstraint(
        ["tenant", "name", "version"],
        ["prompt_versions.tenant", "prompt_versions.name", "prompt_versions.version"],
        ondelete="CASCADE",
    ),
)

# Documents that are searched together. `embedded_by` made the first vector, and makes all others.
collections = sa.Table(
    "collections",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("embedding_model", sa.Text, nullable=False),
    sa.Column("chunk_size", sa.Integer, nullable=False),
    sa.Column("chunk_overlap", sa.Integer, nullable=False),
    sa.Column("embedded_by", sa.Text),
    sa.Column("dimensions", sa.Integer),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("updated_at", UtcTime, nullable=False),
    sa.UniqueConstraint("tenant", "name", name="uq_collections_tenant_name"),
)

# `version` is the ingestion whose chunks are found, `ingestion_id` the one under way.
documents = sa.Table(
    "documents",
    metadata,
    sa.Column(
        "collection_id",
        sa.Text,
        sa.ForeignKey("collections.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("file_name", sa.Text),
    sa.Column("metadata", _JSON, nullable=False),
    sa.Column("content_sha256", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("error", sa.Text),
    sa.Column("chunks_total", sa.Integer),
    sa.Column("chunks_embedded", sa.Integer, nullable=False),
    sa.Column("version", sa.Text),
    sa.Column("ingestion_id", sa.Text),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("updated_at", UtcTime, nullable=False),
    sa.Index("ix_documents_ingestion_id", "ingestion_id"),
)

# The raw content of what is to be ingested, and who pays: a row is there as long as that has not ended.
submissions = sa.Table(
    "submissions",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("collection_id", sa.Text, nullable=False),
    sa.Column("document_id", sa.Text, nullable=False),
    sa.Column("format", sa.Text, nullable=False),
    sa.Column("content", sa.LargeBinary, nullable=False),
    sa.Column("key_id", sa.Text, nullable=False),
    sa.Column("token_id", sa.Text),
    sa.Column("request_id", sa.Text, nullable=False),
    sa.ForeignKeyConstraint(
        ["collection_id", "document_id"],
        ["documents.collection_id", "documents.id"],
        ondelete="CASCADE",
    ),
    sa.Index("ix_submissions_document", "collection_id", "document_id"),
)

# What is found of a document; what it is found by, `adapters/vectors` keeps in tables of its own.
chunks = sa.Table(
    "chunks",
    metadata,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("collection_id", sa.Text, nullable=False),
    sa.Column("document_id", sa.Text, nullable=False),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.ForeignKeyConstraint(
        ["collection_id", "document_id"],
        ["documents.collection_id", "documents.id"],
        ondelete="CASCADE",
    ),
    sa.Index(
        "ix_chunks_document", "collection_id", "document_id", "version", "position", unique=True
    ),
    sa.Index("ix_chunks_digest", "collection_id", "digest"),
)
