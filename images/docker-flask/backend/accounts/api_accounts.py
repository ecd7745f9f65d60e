"""/accounts: the accounts, their passwords and SSH keys."""

from __future__ import annotations

from typing import Any

from flask_smorest import Blueprint

from accounts import people, rights, schemas
from accounts.errors import InvalidError
from accounts.guard import BEARER, address, asked, below, own_or_below
from accounts.rights import Level
from accounts.service import current

BLUEPRINT = Blueprint("accounts", __name__, description="Accounts, passwords, SSH keys.")


@BLUEPRINT.get("/accounts")
@BLUEPRINT.doc(security=BEARER)
@BLUEPRINT.response(200, schemas.AccountShown(many=True))
def every() -> list[dict[str, Any]]:
    """List all accounts; takes the level manager."""
    with asked() as (session, who):
        rights.need_manager(Level(who.account.level))
        return [people.described(account) for account in people.every(session)]


@BLUEPRINT.post("/accounts")
@BLUEPRINT.doc(security=BEARER)
@BLUEPRINT.arguments(schemas.NewAccount)
@BLUEPRINT.response(201, schemas.AccountShown)
def add(given: dict[str, Any]) -> dict[str, Any]:
    """Make an account of a level below one's own; an admin makes any."""
    with asked() as (session, who):
        level = rights.level(given["level"])
        rights.need_above(Level(who.account.level), level)
        made = current().people.add(session, given["name"], level, given["password"])
        return people.described(made)


@BLUEPRINT.get("/accounts/<name>")
@BLUEPRINT.doc(security=BEARER)
@BLUEPRINT.response(200, schemas.AccountShown)
def one(name: str) -> dict[str, Any]:
    """Show an account: one's own, or as a manager any."""
    with asked() as (session, who):
        if name != who.account.name:
            rights.need_manager(Level(who.account.level))
        return people.described(people.find(session, name))


@BLUEPRINT.patch("/accounts/<name>")
@BLUEPRINT.doc(security=BEARER)
@BLUEPRINT.arguments(schemas.AccountChange)
@BLUEPRINT.response(200, schemas.AccountShown)
def change(given: dict[str, Any], name: str) -> dict[str, Any]:
    """Change an account's level, disable it, enable it."""
    with asked() as (session, who):
        account = below(session, who, name)
        if "level" in given:
            level = rights.level(given["level"])
            rights.need_above(Level(who.account.level), level)
            people.set_level(session, account, level)
        if "is_disabled" in given:
            if given["is_disabled"]:
                people.disable(session, account)
            else:
                people.enable(account)
        return people.described(account)


@BLUEPRINT.put("/accounts/<name>/password")
@BLUEPRINT.doc(security=BEARER)
@BLUEPRINT.arguments(schemas.PasswordChange)
@BLUEPRINT.response(204)
def set_password(given: dict[str, Any], name: str) -> None:
    """Change a password: one's own with the current one, or that of an account below one."""
    service = current()
    with asked() as (session, who):
        if name != who.account.name:
            account = below(session, who, name)
            service.people.set_password(session, account, given["password"])
            return
        if "current" not in given:
            raise InvalidError("current: the password until now is needed")
        service.logins.check(session, name, given["current"], address())
        service.people.set_password(session, who.account, given["password"], who.family)


@BLUEPRINT.delete("/accounts/<name>")
@BLUEPRINT.doc(security=BEARER)
@BLUEPRINT.response(204)
def remove(name: str) -> None:
    """Delete an account; its user id is never given again."""
    with asked() as (session, who):
        account = below(session, who, name)
        people.remove(session, account)


@BLUEPRINT.post("/accounts/<name>/ssh-keys")
@BLUEPRINT.doc(security=BEARER)
@BLUEPRINT.arguments(schemas.NewKey)
@BLUEPRINT.response(201, schemas.SshKeyShown)
def add_key(given: dict[str, Any], name: str) -> dict[str, Any]:
    """Add a public SSH key to one's own account, or to one below."""
    with asked() as (session, who):
        account = own_or_below(session, who, name)
        row = people.add_key(session, account, given["key"])
        return {"fingerprint": row.fingerprint, "key": row.text, "comment": row.comment}


@BLUEPRINT.delete("/accounts/<name>/ssh-keys/<fingerprint>")
@BLUEPRINT.doc(security=BEARER)
@BLUEPRINT.response(204)
def remove_key(name: str, fingerprint: str) -> None:
    """Take a public SSH key away."""
    with asked() as (session, who):
        account = own_or_below(session, who, name)
        people.remove_key(account, fingerprint)
