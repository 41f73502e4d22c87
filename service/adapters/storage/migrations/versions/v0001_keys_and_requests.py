"""API keys, and the ledger of requests."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# As they were at this revision: `tables` may move on.
TIME = sa.DateTime(timezone=True).with_variant(sa.BigInteger(), "sqlite")
USD = sa.Numeric(20, 9).with_variant(sa.BigInteger(), "sqlite")
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    """Create both tables."""
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("prefix", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("scopes", JSON, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("expires_at", TIME),
        sa.Column("revoked_at", TIME),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("digest", name=op.f("uq_api_keys_digest")),
    )
    op.create_index("ix_api_keys_tenant", "api_keys", ["tenant"])
    op.create_table(
        "requests",
        *_intent_columns(),
        sa.Column("instance_id", sa.Text, nullable=False),
        sa.Column("lease_expires_at", TIME, nullable=False),
        *_settlement_columns(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_requests")),
        sa.CheckConstraint(
            "estimated_input_tokens >= 0 AND estimated_cost_usd >= 0",
            name=op.f("ck_requests_estimate_not_negative"),
        ),
        sa.CheckConstraint(
            "input_tokens >= 0 AND output_tokens >= 0 AND cached_input_tokens >= 0"
            " AND cost_usd >= 0",
            name=op.f("ck_requests_usage_not_negative"),
        ),
    )
    op.create_index("ix_requests_tenant_created_at", "requests", ["tenant", "created_at"])
    op.create_index(
        "ix_requests_open_lease",
        "requests",
        ["lease_expires_at"],
        sqlite_where=sa.text("outcome IS NULL"),
        postgresql_where=sa.text("outcome IS NULL"),
    )


def downgrade() -> None:
    """Drop both tables."""
    op.drop_table("requests")
    op.drop_table("api_keys")


def _intent_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("key_id", sa.Text, nullable=False),
        sa.Column("request_id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("stream", sa.Boolean, nullable=False),
        sa.Column("metadata", JSON, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("estimated_input_tokens", sa.BigInteger, nullable=False),
        sa.Column("estimated_cost_usd", USD),
    ]


def _settlement_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("outcome", sa.Text),
        sa.Column("error_type", sa.Text),
        sa.Column("provider", sa.Text),
        sa.Column("provider_model", sa.Text),
        sa.Column("finish_reason", sa.Text),
        sa.Column("input_tokens", sa.BigInteger),
        sa.Column("output_tokens", sa.BigInteger),
        sa.Column("cached_input_tokens", sa.BigInteger),
        sa.Column("usage_source", sa.Text),
        sa.Column("cost_usd", USD),
        sa.Column("cache_hit", sa.Boolean),
        sa.Column("attempts", sa.Integer),
        sa.Column("first_token_ms", sa.Double),
        sa.Column("duration_ms", sa.Double),
        sa.Column("completed_at", TIME),
    ]
