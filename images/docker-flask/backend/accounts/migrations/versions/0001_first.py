"""Accounts, projects, tokens, and the keys they are signed with."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make all tables."""
    _numbers()
    _accounts()
    _projects()
    _tokens()


def _numbers() -> None:
    """Make the tables of ids that were given, and of what is counted."""
    op.create_table(
        "numbers",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=8, collation="ascii_bin"), nullable=False),
        sa.Column("name", sa.String(length=32, collation="ascii_bin"), nullable=False),
        sa.Column("held", sa.String(length=32, collation="ascii_bin"), nullable=True),
        sa.Column("given_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("held"),
    )
    op.create_table(
        "turn",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "hits",
        sa.Column("key", sa.String(length=191, collation="utf8mb4_bin"), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("ix_hits_expires_at", "hits", ["expires_at"], unique=False)


def _accounts() -> None:
    """Make the tables of accounts and their keys."""
    op.create_table(
        "accounts",
        sa.Column("uid", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=32, collation="ascii_bin"), nullable=False),
        sa.Column("level", sa.String(length=8, collation="ascii_bin"), nullable=False),
        sa.Column("password_hash", sa.String(length=255, collation="ascii_bin"), nullable=False),
        sa.Column("is_disabled", sa.Boolean(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("password_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["uid"],
            ["numbers.number"],
        ),
        sa.PrimaryKeyConstraint("uid"),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "ssh_keys",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("uid", sa.BigInteger(), nullable=False),
        sa.Column("fingerprint", sa.String(length=64, collation="ascii_bin"), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("comment", sa.String(length=100), nullable=False),
        sa.Column("added_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["uid"], ["accounts.uid"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("uid", "fingerprint"),
    )


def _projects() -> None:
    """Make the tables of projects and who is in them."""
    op.create_table(
        "projects",
        sa.Column("gid", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=32, collation="ascii_bin"), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["gid"],
            ["numbers.number"],
        ),
        sa.PrimaryKeyConstraint("gid"),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "members",
        sa.Column("gid", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.BigInteger(), nullable=False),
        sa.Column("role", sa.String(length=8, collation="ascii_bin"), nullable=False),
        sa.ForeignKeyConstraint(["gid"], ["projects.gid"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["uid"], ["accounts.uid"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("gid", "uid"),
    )
    op.create_index(op.f("ix_members_uid"), "members", ["uid"], unique=False)


def _tokens() -> None:
    """Make the tables of logins, and of the keys that sign."""
    op.create_table(
        "families",
        sa.Column("id", sa.String(length=32, collation="ascii_bin"), nullable=False),
        sa.Column("uid", sa.BigInteger(), nullable=False),
        sa.Column("audience", sa.String(length=32, collation="ascii_bin"), nullable=False),
        sa.Column("begun_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["uid"], ["accounts.uid"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_families_expires_at"), "families", ["expires_at"], unique=False)
    op.create_index(op.f("ix_families_uid"), "families", ["uid"], unique=False)
    op.create_table(
        "refresh_tokens",
        sa.Column("digest", sa.String(length=64, collation="ascii_bin"), nullable=False),
        sa.Column("family", sa.String(length=32, collation="ascii_bin"), nullable=False),
        sa.Column("given_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["family"], ["families.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_index(op.f("ix_refresh_tokens_family"), "refresh_tokens", ["family"], unique=False)
    op.create_table(
        "signing_keys",
        sa.Column("kid", sa.String(length=32, collation="ascii_bin"), nullable=False),
        sa.Column("public", sa.Text(), nullable=False),
        sa.Column("private", sa.Text(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("retired_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("kid"),
    )
