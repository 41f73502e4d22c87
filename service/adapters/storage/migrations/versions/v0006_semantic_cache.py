"""Keys that let similar questions share an answer."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Widen `api_keys`."""
    op.add_column("api_keys", sa.Column("semantic_cache", sa.Double))


def downgrade() -> None:
    """Back to 0005."""
    with op.batch_alter_table("api_keys") as api_keys:
        api_keys.drop_column("semantic_cache")
