"""The tables. Times are seconds since 1970; names are compared byte by byte."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    """Base of all tables."""


def _name(**options: Any) -> Mapped[str]:
    return mapped_column(String(32, collation="ascii_bin"), **options)


class Number(Base):
    """A user or group id that was given once; the row stays, so that it is never given again.

    `held` is the name for as long as somebody has it: accounts and projects share their names.
    """

    __tablename__ = "numbers"
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(String(8, collation="ascii_bin"))
    name: Mapped[str] = _name()
    held: Mapped[str | None] = _name(unique=True, nullable=True)
    given_at: Mapped[int] = mapped_column(BigInteger)


class Turn(Base):
    """One row, that whoever gives an id holds meanwhile."""

    __tablename__ = "turn"
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)


class Account(Base):
    """Somebody who can log in."""

    __tablename__ = "accounts"
    uid: Mapped[int] = mapped_column(
        ForeignKey("numbers.number"), primary_key=True, autoincrement=False
    )
    name: Mapped[str] = _name(unique=True)
    level: Mapped[str] = mapped_column(String(8, collation="ascii_bin"))
    password_hash: Mapped[str] = mapped_column(String(255, collation="ascii_bin"))
    is_disabled: Mapped[bool] = mapped_column(default=False)
    made_at: Mapped[int] = mapped_column(BigInteger)
    password_at: Mapped[int] = mapped_column(BigInteger)
    keys: Mapped[list[SshKey]] = relationship(
        cascade="all, delete-orphan", passive_deletes=True, order_by="SshKey.id"
    )
    tokens: Mapped[list[ProgramToken]] = relationship(
        cascade="all, delete-orphan", passive_deletes=True, order_by="ProgramToken.label"
    )
    memberships: Mapped[list[Member]] = relationship(
        back_populates="account", cascade="all, delete-orphan", passive_deletes=True
    )


class SshKey(Base):
    """A public SSH key of an account."""

    __tablename__ = "ssh_keys"
    __table_args__ = (UniqueConstraint("uid", "fingerprint"),)
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    uid: Mapped[int] = mapped_column(ForeignKey("accounts.uid", ondelete="CASCADE"))
    fingerprint: Mapped[str] = mapped_column(String(64, collation="ascii_bin"))
    text: Mapped[str] = mapped_column(Text)
    comment: Mapped[str] = mapped_column(String(100))
    added_at: Mapped[int] = mapped_column(BigInteger)


class Project(Base):
    """A team, with a group id."""

    __tablename__ = "projects"
    gid: Mapped[int] = mapped_column(
        ForeignKey("numbers.number"), primary_key=True, autoincrement=False
    )
    name: Mapped[str] = _name(unique=True)
    made_at: Mapped[int] = mapped_column(BigInteger)
    members: Mapped[list[Member]] = relationship(
        back_populates="project", cascade="all, delete-orphan", passive_deletes=True
    )


class Member(Base):
    """An account's role in a project."""

    __tablename__ = "members"
    gid: Mapped[int] = mapped_column(
        ForeignKey("projects.gid", ondelete="CASCADE"), primary_key=True
    )
    uid: Mapped[int] = mapped_column(
        ForeignKey("accounts.uid", ondelete="CASCADE"), primary_key=True, index=True
    )
    role: Mapped[str] = mapped_column(String(8, collation="ascii_bin"))
    project: Mapped[Project] = relationship(back_populates="members")
    account: Mapped[Account] = relationship(back_populates="memberships")


class ProgramToken(Base):
    """A long-lived token of an account, by its SHA-256.

    Attributes:
        gid: the only project that it counts for; None for all of the account's.
        used_at: when it was used last, to a minute; 0 for never.
        password_at: when the password was set under which it was made: it counts with that alone.
    """

    __tablename__ = "program_tokens"
    __table_args__ = (UniqueConstraint("uid", "label"),)
    digest: Mapped[str] = mapped_column(String(64, collation="ascii_bin"), primary_key=True)
    uid: Mapped[int] = mapped_column(ForeignKey("accounts.uid", ondelete="CASCADE"))
    label: Mapped[str] = _name()
    gid: Mapped[int | None] = mapped_column(
        ForeignKey("projects.gid", ondelete="CASCADE"), index=True
    )
    made_at: Mapped[int] = mapped_column(BigInteger)
    expires_at: Mapped[int] = mapped_column(BigInteger, index=True)
    used_at: Mapped[int] = mapped_column(BigInteger)
    password_at: Mapped[int] = mapped_column(BigInteger)
    project: Mapped[Project | None] = relationship()


class Family(Base):
    """All tokens that come from one login; they are revoked together."""

    __tablename__ = "families"
    id: Mapped[str] = mapped_column(String(32, collation="ascii_bin"), primary_key=True)
    uid: Mapped[int] = mapped_column(ForeignKey("accounts.uid", ondelete="CASCADE"), index=True)
    audience: Mapped[str] = _name()
    begun_at: Mapped[int] = mapped_column(BigInteger)
    expires_at: Mapped[int] = mapped_column(BigInteger, index=True)
    revoked_at: Mapped[int | None] = mapped_column(BigInteger)


class RefreshToken(Base):
    """A refresh token, by its SHA-256: who reads the database can't renew anything."""

    __tablename__ = "refresh_tokens"
    digest: Mapped[str] = mapped_column(String(64, collation="ascii_bin"), primary_key=True)
    family: Mapped[str] = mapped_column(ForeignKey("families.id", ondelete="CASCADE"), index=True)
    given_at: Mapped[int] = mapped_column(BigInteger)
    used_at: Mapped[int | None] = mapped_column(BigInteger)


class DoorSession(Base):
    """A login as the cookie of one page has it, by the cookie's SHA-256; it ends with its family.

    `page` is the only one that it counts for; "login" is the login page.
    """

    __tablename__ = "door_sessions"
    digest: Mapped[str] = mapped_column(String(64, collation="ascii_bin"), primary_key=True)
    family: Mapped[str] = mapped_column(ForeignKey("families.id", ondelete="CASCADE"), index=True)
    page: Mapped[str] = _name()
    expires_at: Mapped[int] = mapped_column(BigInteger, index=True)


class DoorCode(Base):
    """What a page's session is given for, once, by its SHA-256.

    `ends_at` is when the login's session ends, and the page's with it.
    """

    __tablename__ = "door_codes"
    digest: Mapped[str] = mapped_column(String(64, collation="ascii_bin"), primary_key=True)
    family: Mapped[str] = mapped_column(ForeignKey("families.id", ondelete="CASCADE"), index=True)
    page: Mapped[str] = _name()
    ends_at: Mapped[int] = mapped_column(BigInteger)
    expires_at: Mapped[int] = mapped_column(BigInteger, index=True)
    used_at: Mapped[int | None] = mapped_column(BigInteger)


class SigningKey(Base):
    """A pair of keys that tokens are signed with; the private one is encrypted."""

    __tablename__ = "signing_keys"
    kid: Mapped[str] = mapped_column(String(32, collation="ascii_bin"), primary_key=True)
    public: Mapped[str] = mapped_column(Text)
    private: Mapped[str] = mapped_column(Text)
    made_at: Mapped[int] = mapped_column(BigInteger)
    retired_at: Mapped[int | None] = mapped_column(BigInteger)


class Hit(Base):
    """How often something was counted in a window of time, for limits."""

    __tablename__ = "hits"
    __table_args__ = (Index("ix_hits_expires_at", "expires_at"),)
    key: Mapped[str] = mapped_column(String(191, collation="utf8mb4_bin"), primary_key=True)
    count: Mapped[int] = mapped_column(Integer)
    expires_at: Mapped[int] = mapped_column(BigInteger)
