"""Tokens for programs.

A table alone: an instance of the version before works on beside this one. It revokes none of them
with a password, so that each has a column that tells (ProgramToken.password_at).
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "program_tokens",
        sa.Column("digest", sa.String(length=64, collation="ascii_bin"), nullable=False),
        sa.Column("uid", sa.BigInteger(), nullable=False),
        sa.Column("label", sa.String(length=32, collation="ascii_bin"), nullable=False),
        sa.Column("gid", sa.BigInteger(), nullable=True),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=False),
        sa.Column("password_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["uid"], ["accounts.uid"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["gid"], ["projects.gid"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("digest"),
        sa.UniqueConstraint("uid", "label"),
    )
    for column in ("gid", "expires_at"):
        op.create_index(
            op.f(f"ix_program_tokens_{column}"), "program_tokens", [column], unique=False
        )
