"""Tokens for programs: long-lived ones, of which a hash is kept. Who may is the caller's to ask.

Each has 256 random bits, so that a plain hash is enough (decision 127), and is found by it: nothing
is compared whose time could tell.
"""

from __future__ import annotations

import logging
import time
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from accounts import names, program_text
from accounts.errors import ConflictError, UnknownError
from accounts.models import Account, ProgramToken, Project
from accounts.rights import Level
from accounts.tokens import digest, projects_of

_LOG = logging.getLogger("accounts")
_MOST = 20
_USED_SECONDS = 60  # a use is written no sooner after the one before
_KEPT_SECONDS = 30 * 86400  # for so long it is shown that a token is too old


def add(
    session: Session, account: Account, label: str, project: str, days: str
) -> tuple[str, ProgramToken]:
    """Give an account a token; return its text, which nobody can read again, and what is kept.

    Until the transaction ends nothing else changes the account.

    Args:
        project: the only one that it counts for; "" for all of the account's.
        days: for how long it counts, a whole number.

    Raises:
        InvalidError: label or days are not of their form.
        ConflictError: the account has one of that label, or too many, is disabled, or is not in
            the project.
    """
    names.check_form(label, "label")
    lasts = program_text.seconds(days)
    session.refresh(account, with_for_update=True)
    bound = _own_project(account, project) if project else None
    _check_room(account, label)
    text, now = program_text.made(), int(time.time())
    row = ProgramToken(
        digest=digest(text), label=label, project=bound, made_at=now, expires_at=now + lasts,
        used_at=0, password_at=account.password_at,
    )  # fmt: skip
    account.tokens.append(row)
    session.flush()
    _LOG.info("the account %s has a token for programs, %s", account.name, label)
    return text, row


def remove(account: Account, label: str) -> None:
    """Have a token of an account count no more; raises UnknownError for a label that none has."""
    for row in account.tokens:
        if row.label == label:
            account.tokens.remove(row)
            _LOG.info("the account %s has its token %s no more", account.name, label)
            return
    raise UnknownError("the account has no token of that label")


def check(session: Session, text: str) -> dict[str, Any]:
    """Return whose a token is and what it counts for, as of now.

    The level of one that is bound to a project is that of a user: what others may is over all
    projects.

    Raises:
        UnknownError: it is not valid, whatever the reason.
    """
    found, now = _found(session, text), int(time.time())
    if found is None:
        raise _not_valid()
    row, account = found
    projects = projects_of(account)
    if row.gid is not None:
        projects = [each for each in projects if each["gid"] == row.gid]
        if not projects:
            raise _not_valid()
    _note_use(session, row, now)
    return {
        "name": account.name,
        "uid": account.uid,
        "level": account.level if row.gid is None else Level.USER,
        "projects": projects,
        "project": "" if row.gid is None else projects[0]["name"],
        "label": row.label,
        "expires": row.expires_at,
    }


def described(row: ProgramToken) -> dict[str, Any]:
    """Return what may be known of a token by who has lost it."""
    return {
        "label": row.label,
        "project": row.project.name if row.project else "",
        "made_at": row.made_at,
        "expires_at": row.expires_at,
        "used_at": row.used_at or None,
    }


def remove_old(session: Session) -> None:
    """Delete those that have been too old for a month, in portions."""
    before = int(time.time()) - _KEPT_SECONDS
    old = select(ProgramToken.digest).where(ProgramToken.expires_at < before).limit(1000)
    wanted = delete(ProgramToken).where(ProgramToken.digest.in_(list(session.scalars(old))))
    session.execute(wanted)


def _found(session: Session, text: str) -> tuple[ProgramToken, Account] | None:
    """Return a token that is not revoked nor too old, and whose it is."""
    if not program_text.is_formed(text):
        return None
    wanted = (
        select(ProgramToken, Account)
        .join(Account, Account.uid == ProgramToken.uid)
        .where(ProgramToken.digest == digest(text), ProgramToken.expires_at > int(time.time()))
        .where(ProgramToken.password_at == Account.password_at, Account.is_disabled.is_(False))
    )
    row = session.execute(wanted).one_or_none()
    return (row[0], row[1]) if row else None


def _note_use(session: Session, row: ProgramToken, now: int) -> None:
    """Write when a token was used, unless somebody did within the last minute."""
    late = now - _USED_SECONDS
    if row.used_at <= late:
        here = (ProgramToken.digest == row.digest, ProgramToken.used_at <= late)
        session.execute(update(ProgramToken).where(*here).values(used_at=now))


def _own_project(account: Account, name: str) -> Project:
    """Return a project that an account is in; raises ConflictError, be there one or not."""
    for member in account.memberships:
        if member.project.name == name:
            return member.project
    raise ConflictError(f"{account.name} is in no project of that name", "./skp.py project.list")


def _check_room(account: Account, label: str) -> None:
    """Raise ConflictError unless an account may have one more, of that label."""
    if account.is_disabled:
        raise ConflictError(f"{account.name} is disabled", "./skp.py account.enable")
    if any(row.label == label for row in account.tokens):
        raise ConflictError("the account has a token of that label", "Remove it, or name another.")
    if len(account.tokens) >= _MOST:
        raise ConflictError(f"an account has at most {_MOST} tokens", "Remove one of them.")


def _not_valid() -> UnknownError:
    return UnknownError("the token is not valid", "./skp.py account.token-add makes one.")
