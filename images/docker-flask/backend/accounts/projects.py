"""Projects: teams of accounts, each with a group id. Who may is the caller's to ask (rights.py)."""

from __future__ import annotations

import logging
import time
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from accounts import names, numbers
from accounts.config import Config
from accounts.errors import UnknownError
from accounts.models import Account, Member, Project
from accounts.people import keep_an_owner, named
from accounts.rights import Role

_LOG = logging.getLogger("accounts")


def add(session: Session, config: Config, name: str, owner: Account) -> Project:
    """Make a project; raises ServiceError if it can't have that name."""
    names.check(name, config.reserved)
    gid = numbers.give(session, config, "project", name)
    project = Project(gid=gid, name=name, made_at=int(time.time()))
    project.members.append(Member(account=owner, role=Role.OWNER))
    session.add(project)
    session.flush()
    _LOG.info("the project %s (%s) was made, its owner is %s", name, gid, owner.name)
    return project


def find(session: Session, name: str) -> Project:
    """Return the project of that name; raises UnknownError."""
    found = named(session, Project, name)
    if found is None:
        raise UnknownError("there is no project of that name")
    return found


def every(session: Session) -> list[Project]:
    """Return all projects, in order of their names."""
    return list(session.scalars(select(Project).order_by(Project.name)))


def role_in(project: Project, account: Account) -> Role | None:
    """Return what an account is in a project; None for nothing."""
    found = [member.role for member in project.members if member.uid == account.uid]
    return Role(found[0]) if found else None


def may_enter(project: Project) -> list[Account]:
    """Return the accounts that may log in to its containers, in order of their names."""
    inside = [m.account for m in project.members if Role(m.role) is not Role.VIEWER]
    return sorted((each for each in inside if not each.is_disabled), key=lambda each: each.name)


def set_role(session: Session, project: Project, account: Account, role: Role) -> None:
    """Make an account a member of a project, or give it another role there."""
    for member in project.members:
        if member.uid == account.uid:
            if member.role == Role.OWNER and role is not Role.OWNER:
                keep_an_owner(session, member)
            member.role = role
            return
    project.members.append(Member(account=account, role=role))
    session.flush()


def leave(session: Session, project: Project, account: Account) -> None:
    """Take an account out of a project.

    Raises:
        UnknownError: it is not in there; ConflictError: it is the only owner.
    """
    for member in project.members:
        if member.uid == account.uid:
            if member.role == Role.OWNER:
                keep_an_owner(session, member)
            session.delete(member)
            return
    raise UnknownError(f"{account.name} is not in {project.name}")


def remove(session: Session, project: Project) -> None:
    """Delete a project; its group id is never given again."""
    name, number = project.name, project.gid
    session.delete(project)
    session.flush()
    numbers.free_name(session, number)
    _LOG.info("the project %s (%s) was deleted", name, number)


def described(project: Project) -> dict[str, Any]:
    """Return what its members may know of a project."""
    members = sorted((member.account.name, member.role) for member in project.members)
    return {
        "name": project.name,
        "gid": project.gid,
        "members": [{"name": name, "role": role} for name, role in members],
        "made_at": project.made_at,
    }
