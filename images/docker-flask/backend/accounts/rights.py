"""Who may do what: levels of accounts, and roles in projects. Pure."""

from __future__ import annotations

from enum import StrEnum

from accounts.errors import InvalidError, RightsError


class Level(StrEnum):
    """What an account may do to others; each may what the ones before it may."""

    USER = "user"
    MANAGER = "manager"  # makes and changes accounts of users, and projects
    ADMIN = "admin"


class Role(StrEnum):
    """What an account is in a project; each may what the ones before it may."""

    VIEWER = "viewer"
    MEMBER = "member"
    OWNER = "owner"  # chooses the others


def level(text: str) -> Level:
    """Return the level of that name; raises InvalidError if there is none."""
    try:
        return Level(text)
    except ValueError:
        raise InvalidError(f"no such level; allowed: {', '.join(Level)}") from None


def role(text: str) -> Role:
    """Return the role of that name; raises InvalidError if there is none."""
    try:
        return Role(text)
    except ValueError:
        raise InvalidError(f"no such role; allowed: {', '.join(Role)}") from None


def is_above(one: Level, other: Level) -> bool:
    """Return whether an account of level `one` may change one of level `other`."""
    return one is Level.ADMIN or (one is Level.MANAGER and other is Level.USER)


def need_above(one: Level, other: Level) -> None:
    """Raise RightsError unless `one` may change accounts of level `other`."""
    if not is_above(one, other):
        raise RightsError(
            f"an account of the level {one} may not do this to one of the level {other}",
            "Ask an admin.",
        )


def need_manager(one: Level) -> None:
    """Raise RightsError for an account that is a user only."""
    if one is Level.USER:
        raise RightsError(f"this takes the level {Level.MANAGER} or {Level.ADMIN}", "Ask an admin.")
