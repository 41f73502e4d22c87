"""Collections, their documents and chunks."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# As they were at this revision: `tables` may move on.
TIME = sa.DateTime(timezone=True).with_variant(sa.BigInteger(), "sqlite")
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _of_a_document() -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["collection_id", "document_id"],
        ["documents.collection_id", "documents.id"],
        ondelete="CASCADE",
    )


def upgrade() -> None:
    """Make the new tables."""
    op.create_table(
        "collections",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("embedding_model", sa.Text, nullable=False),
        sa.Column("chunk_size", sa.Integer, nullable=False),
        sa.Column("chunk_overlap", sa.Integer, nullable=False),
        sa.Column("embedded_by", sa.Text),
        sa.Column("dimensions", sa.Integer),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_collections")),
        sa.UniqueConstraint("tenant", "name", name=op.f("uq_collections_tenant_name")),
    )
    op.create_table(
        "documents",
        sa.Column("collection_id", sa.Text, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("file_name", sa.Text),
        sa.Column("metadata", JSON, nullable=False),
        sa.Column("content_sha256", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("error", sa.Text),
        sa.Column("chunks_total", sa.Integer),
        sa.Column("chunks_embedded", sa.Integer, nullable=False),
        sa.Column("version", sa.Text),
        sa.Column("ingestion_id", sa.Text),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("collection_id", "id", name=op.f("pk_documents")),
        sa.ForeignKeyConstraint(["collection_id"], ["collections.id"], ondelete="CASCADE"),
    )
    op.create_index("ix_documents_ingestion_id", "documents", ["ingestion_id"])
    op.create_table(
        "submissions",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("collection_id", sa.Text, nullable=False),
        sa.Column("document_id", sa.Text, nullable=False),
        sa.Column("format", sa.Text, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("key_id", sa.Text, nullable=False),
        sa.Column("token_id", sa.Text),
        sa.Column("request_id", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_submissions")),
        _of_a_document(),
    )
    op.create_index("ix_submissions_document", "submissions", ["collection_id", "document_id"])
    op.create_table(
        "chunks",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("collection_id", sa.Text, nullable=False),
        sa.Column("document_id", sa.Text, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chunks")),
        _of_a_document(),
    )
    op.create_index(
        "ix_chunks_document",
        "chunks",
        ["collection_id", "document_id", "version", "position"],
        unique=True,
    )
    op.create_index("ix_chunks_digest", "chunks", ["collection_id", "digest"])


def downgrade() -> None:
    """Back to 0004; collections are forgotten, with what they are searched by."""
    for table in ("chunk_words", "chunk_vectors"):  # made by adapters/vectors at their first use
        op.execute(f"DROP TABLE IF EXISTS {table}")
    for table in ("chunks", "submissions", "documents", "collections"):
        op.drop_table(table)
