"""Limits, budgets, rotation and browser tokens; tenants; idempotency keys."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# As they were at this revision: `tables` may move on.
TIME = sa.DateTime(timezone=True).with_variant(sa.BigInteger(), "sqlite")
USD = sa.Numeric(20, 9).with_variant(sa.BigInteger(), "sqlite")
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    """Widen the tables of 0001, and make three."""
    with op.batch_alter_table("api_keys") as api_keys:
        for column in _key_columns():
            api_keys.add_column(column)
        api_keys.create_unique_constraint(op.f("uq_api_keys_previous_digest"), ["previous_digest"])
    op.create_index("ix_api_keys_parent_id", "api_keys", ["parent_id"])
    op.add_column("requests", sa.Column("budget_accounts", JSON))
    op.add_column("requests", sa.Column("reserved_usd", USD))
    op.create_table(
        "tenants",
        sa.Column("id", sa.Text, nullable=False),
        *_bounds(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tenants")),
    )
    op.create_table(
        "budget_accounts",
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("period", sa.Text, nullable=False),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("limit_usd", USD, nullable=False),
        sa.Column("spent_usd", USD, nullable=False),
        sa.Column("reserved_usd", USD, nullable=False),
        sa.Column("threshold_percent", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("owner", "period", name=op.f("pk_budget_accounts")),
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("attempt_id", sa.Text, nullable=False),
        sa.Column("lease_expires_at", TIME, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("status", sa.Integer),
        sa.Column("media_type", sa.Text),
        sa.Column("body", sa.LargeBinary),
        sa.PrimaryKeyConstraint("tenant", "key", name=op.f("pk_idempotency_keys")),
    )
    op.create_index("ix_idempotency_keys_expires_at", "idempotency_keys", ["expires_at"])


def downgrade() -> None:
    """Back to 0001; what was spent of budgets is forgotten, the ledger is not."""
    op.drop_table("idempotency_keys")
    op.drop_table("budget_accounts")
    op.drop_table("tenants")
    with op.batch_alter_table("requests") as requests:
        requests.drop_column("reserved_usd")
        requests.drop_column("budget_accounts")
    op.drop_index("ix_api_keys_parent_id", "api_keys")
    with op.batch_alter_table("api_keys") as api_keys:
        api_keys.drop_constraint(op.f("uq_api_keys_previous_digest"), type_="unique")
        for column in reversed(_key_columns()):
            api_keys.drop_column(column.name)


def _bounds() -> list[sa.Column[Any]]:
    return [
        sa.Column("requests_per_minute", sa.BigInteger),
        sa.Column("tokens_per_minute", sa.BigInteger),
        sa.Column("budget_limit_usd", USD),
        sa.Column("budget_period", sa.Text),
    ]


def _key_columns() -> list[sa.Column[Any]]:
    return [
        *_bounds(),
        sa.Column("sanitize", sa.Text, nullable=False, server_default="none"),
        sa.Column("rotate_after_days", sa.Integer),
        sa.Column("rotated_at", TIME),
        sa.Column("previous_digest", sa.Text),
        sa.Column("previous_expires_at", TIME),
        sa.Column("last_used_at", TIME),
        sa.Column("parent_id", sa.Text),
    ]
