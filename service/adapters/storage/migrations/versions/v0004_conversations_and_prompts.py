"""Conversations and prompt templates."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# As they were at this revision: `tables` may move on.
TIME = sa.DateTime(timezone=True).with_variant(sa.BigInteger(), "sqlite")
USD = sa.Numeric(20, 9).with_variant(sa.BigInteger(), "sqlite")
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    """Widen `requests`, and make the new tables."""
    op.add_column("requests", sa.Column("prompt_name", sa.Text))
    op.add_column("requests", sa.Column("prompt_version", sa.Integer))
    op.create_table(
        "conversations",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("key_id", sa.Text, nullable=False),
        sa.Column("system", sa.Text),
        sa.Column("metadata", JSON, nullable=False),
        sa.Column("forked_from", sa.Text),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.Column("message_count", sa.Integer, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("input_tokens", sa.BigInteger, nullable=False),
        sa.Column("output_tokens", sa.BigInteger, nullable=False),
        sa.Column("cached_input_tokens", sa.BigInteger, nullable=False),
        sa.Column("cost_usd", USD, nullable=False),
        sa.Column("summary", sa.Text),
        sa.Column("summary_until", sa.Integer),
        sa.Column("turn_id", sa.Text),
        sa.Column("turn_expires_at", TIME),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conversations")),
    )
    op.create_index("ix_conversations_tenant_id", "conversations", ["tenant", "id"])
    op.create_table(
        "conversation_messages",
        sa.Column("conversation_id", sa.Text, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("answer_id", sa.Text),
        sa.Column("created_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint(
            "conversation_id", "position", name=op.f("pk_conversation_messages")
        ),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversations.id"], ondelete="CASCADE"),
        sa.UniqueConstraint("id", name=op.f("uq_conversation_messages_id")),
    )
    op.create_table(
        "prompts",
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("latest_version", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("tenant", "name", name=op.f("pk_prompts")),
    )
    op.create_table(
        "prompt_versions",
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("template", sa.Text, nullable=False),
        sa.Column("system", sa.Text),
        sa.Column("variables", JSON, nullable=False),
        sa.Column("defaults", JSON, nullable=False),
        sa.Column("key_id", sa.Text, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("tenant", "name", "version", name=op.f("pk_prompt_versions")),
    )
    op.create_table(
        "prompt_labels",
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("tenant", "name", "label", name=op.f("pk_prompt_labels")),
        sa.ForeignKeyConstraint(
            ["tenant", "name", "version"],
            ["prompt_versions.tenant", "prompt_versions.name", "prompt_versions.version"],
            ondelete="CASCADE",
        ),
    )


def downgrade() -> None:
    """Back to 0003; conversations and templates are forgotten."""
    op.drop_table("prompt_labels")
    op.drop_table("prompt_versions")
    op.drop_table("prompts")
    op.drop_table("conversation_messages")
    op.drop_table("conversations")
    with op.batch_alter_table("requests") as requests:
        for column in ("prompt_version", "prompt_name"):
            requests.drop_column(column)
