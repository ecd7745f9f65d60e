"""Accounts: making, changing and deleting them. Who may is the caller's to ask (rights.py)."""

from __future__ import annotations

import logging
import time
from typing import Any, TypeVar

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from accounts import names, numbers, passwords, ssh_keys
from accounts.config import Config
from accounts.errors import ConflictError, UnknownError
from accounts.models import Account, Family, Member, Project, SshKey
from accounts.passwords import Hasher
from accounts.rights import Level, Role
from accounts.tokens import projects_of, revoke_all

_LOG = logging.getLogger("accounts")
_MOST_KEYS = 20
_Named = TypeVar("_Named", Account, Project)


class People:
    """The accounts of the database."""

    def __init__(self, config: Config, hasher: Hasher) -> None:
        self._config, self._hasher = config, hasher

    def add(self, session: Session, name: str, level: Level, password: str) -> Account:
        """Make an account.

        Raises:
            ServiceError: name or password are not allowed, or somebody has the name.
        """
        names.check(name, self._config.reserved)
        passwords.check(password, name)
        uid = numbers.give(session, self._config, "account", name)
        now = int(time.time())
        account = Account(
            uid=uid, name=name, level=level, is_disabled=False, made_at=now, password_at=now,
            password_hash=self._hasher.hash(password), keys=[], memberships=[],
        )  # fmt: skip
        session.add(account)
        session.flush()
        _LOG.info("the account %s (%s, %s) was made", name, uid, level)
        return account

    def set_password(
        self, session: Session, account: Account, password: str, beside: Family | None = None
    ) -> None:
        """Give an account another password; all its tokens are revoked but those of `beside`."""
        passwords.check(password, account.name)
        account.password_hash = self._hasher.hash(password)
        account.password_at = int(time.time())
        revoke_all(session, account, beside)
        _LOG.info("the account %s has a new password", account.name)

    def ensure_first(self, session: Session) -> None:
        """Make the account `admin` with the password of the settings, if there is no account."""
        if session.scalar(select(func.count()).select_from(Account)) == 0:
            self.add(session, "admin", Level.ADMIN, self._config.first_password)


def find(session: Session, name: str) -> Account:
    """Return the account of that name; raises UnknownError."""
    found = named(session, Account, name)
    if found is None:
        raise UnknownError("there is no account of that name", "./skp.py account.list")
    return found


def named(session: Session, kind: type[_Named], name: str) -> _Named | None:
    """Return the account or the project of that name, or None.

    MySQL refuses to compare a name with characters that no name has, so it is not asked for these.
    """
    one = select(kind).where(kind.name == name)
    return session.scalar(one) if names.is_formed(name) else None


def every(session: Session) -> list[Account]:
    """Return all accounts, in order of their names."""
    return list(session.scalars(select(Account).order_by(Account.name)))


def set_level(session: Session, account: Account, level: Level) -> None:
    """Give an account another level; it has it from its next token on."""
    if level is not Level.ADMIN:
        _keep_an_admin(session, account)
    account.level = level
    _LOG.info("the account %s has the level %s", account.name, level)


def disable(session: Session, account: Account) -> None:
    """Have an account not log in any more; its tokens are revoked."""
    _keep_an_admin(session, account)
    account.is_disabled = True
    revoke_all(session, account)
    _LOG.info("the account %s was disabled", account.name)


def enable(account: Account) -> None:
    """Have an account log in again."""
    account.is_disabled = False
    _LOG.info("the account %s was enabled", account.name)


def remove(session: Session, account: Account) -> None:
    """Delete an account with its keys and tokens; its user id is never given again.

    Raises:
        ConflictError: it is the last admin, or the only owner of a project.
    """
    _keep_an_admin(session, account)
    for membership in account.memberships:
        if membership.role == Role.OWNER:
            keep_an_owner(session, membership)
    number = account.uid
    session.delete(account)
    session.flush()
    numbers.free_name(session, number)
    _LOG.info("the account %s (%s) was deleted", account.name, number)


def add_key(session: Session, account: Account, line: str) -> SshKey:
    """Give an account a public SSH key; raises ServiceError if it is none, or there already."""
    key = ssh_keys.parse(line)
    if any(each.fingerprint == key.fingerprint for each in account.keys):
        raise ConflictError("the account has that key")
    # (A key says who somebody is, where it alone is shown: `holder`.)
    if session.scalar(select(SshKey).where(SshKey.fingerprint == key.fingerprint).limit(1)):
        raise ConflictError("another account has that key", "ssh-keygen makes one of your own.")
    if len(account.keys) >= _MOST_KEYS:
        raise ConflictError(f"an account has at most {_MOST_KEYS} keys", "Delete one of them.")
    row = SshKey(
        uid=account.uid, fingerprint=key.fingerprint, text=key.text, comment=key.comment,
        added_at=int(time.time()),
    )  # fmt: skip
    account.keys.append(row)
    session.flush()
    return row


def holder(session: Session, fingerprint: str) -> Account | None:
    """Return the account whose key it is, if it may log in; of several, who had it first.

    Args:
        fingerprint: SHA-256 in hex digits.
    """
    found = (
        select(Account)
        .join(SshKey, SshKey.uid == Account.uid)
        .where(SshKey.fingerprint == fingerprint, Account.is_disabled.is_(False))
        .order_by(SshKey.id)
    )
    return session.scalars(found.limit(1)).first()


def remove_key(account: Account, fingerprint: str) -> None:
    """Take a key from an account; raises UnknownError."""
    for key in account.keys:
        if key.fingerprint == fingerprint:
            account.keys.remove(key)
            return
    raise UnknownError("the account has no key with that fingerprint")


def keep_an_owner(session: Session, member: Member) -> None:
    """Raise ConflictError if `member` is the only owner of its project."""
    owners = session.scalars(
        select(Member).where(Member.gid == member.gid, Member.role == Role.OWNER).with_for_update()
    )
    if len(list(owners)) == 1:
        raise ConflictError(
            f"{member.account.name} is the only owner of {member.project.name}",
            "Make another account its owner first, or delete the project.",
        )


def described(account: Account) -> dict[str, Any]:
    """Return what others may know of an account."""
    return {
        "name": account.name,
        "uid": account.uid,
        "level": account.level,
        "is_disabled": account.is_disabled,
        "projects": projects_of(account),
        "ssh_keys": [
            {"fingerprint": key.fingerprint, "key": key.text, "comment": key.comment}
            for key in account.keys
        ],
        "made_at": account.made_at,
        "password_at": account.password_at,
    }


def _keep_an_admin(session: Session, account: Account) -> None:
    """Raise ConflictError if `account` is the only admin who can log in."""
    able = session.scalars(
        select(Account)
        .where(Account.level == Level.ADMIN, Account.is_disabled.is_(False))
        .with_for_update()
    )
    if [each.uid for each in able] == [account.uid]:
        raise ConflictError(
            f"{account.name} is the only admin", "Make another account an admin first."
        )
