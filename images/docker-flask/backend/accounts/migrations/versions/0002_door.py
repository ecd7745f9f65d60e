"""What the front door's cookies and codes stand for.

Tables alone: an instance of the version before works on beside this one.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the tables of sessions and codes."""
    _make("door_sessions")
    _make(
        "door_codes",
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
    )


def _make(table: str, *more: sa.Column[int]) -> None:
    """Make a table of what is known by a digest and belongs to a login."""
    op.create_table(
        table,
        sa.Column("digest", sa.String(length=64, collation="ascii_bin"), nullable=False),
        sa.Column("family", sa.String(length=32, collation="ascii_bin"), nullable=False),
        sa.Column("page", sa.String(length=32, collation="ascii_bin"), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        *more,
        sa.ForeignKeyConstraint(["family"], ["families.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("digest"),
    )
    for column in ("family", "expires_at"):
        op.create_index(op.f(f"ix_{table}_{column}"), table, [column], unique=False)
