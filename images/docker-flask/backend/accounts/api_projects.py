"""/projects: teams, and who is what in them."""

from __future__ import annotations

from typing import Any

from flask_smorest import Blueprint
from sqlalchemy.orm import Session

from accounts import people, projects, rights, schemas
from accounts.errors import RightsError, UnknownError
from accounts.guard import BEARER, asked
from accounts.models import Account, Project
from accounts.rights import Level, Role
from accounts.service import current

BLUEPRINT = Blueprint("projects", __name__, description="Teams with members and roles.")


@BLUEPRINT.get("/projects")
@BLUEPRINT.doc(security=BEARER)
@BLUEPRINT.response(200, schemas.ProjectShown(many=True))
def every() -> list[dict[str, Any]]:
    """List one's own projects; a manager sees all."""
    with asked() as (session, who):
        seen = [
            project
            for project in projects.every(session)
            if _is_manager(who.account) or projects.role_in(project, who.account)
        ]
        return [projects.described(project) for project in seen]


@BLUEPRINT.post("/projects")
@BLUEPRINT.doc(security=BEARER)
@BLUEPRINT.arguments(schemas.NewProject)
@BLUEPRINT.response(201, schemas.ProjectShown)
def add(given: dict[str, Any]) -> dict[str, Any]:
    """Make a project; takes the level manager, since group ids are few."""
    with asked() as (session, who):
        rights.need_manager(Level(who.account.level))
        owner = people.find(session, given["owner"]) if "owner" in given else who.account
        made = projects.add(session, current().config, given["name"], owner)
        return projects.described(made)


@BLUEPRINT.get("/projects/<name>")
@BLUEPRINT.doc(security=BEARER)
@BLUEPRINT.response(200, schemas.ProjectShown)
def one(name: str) -> dict[str, Any]:
    """Show a project that one is in; a manager sees all."""
    with asked() as (session, who):
        return projects.described(_seen(session, who.account, name))


@BLUEPRINT.delete("/projects/<name>")
@BLUEPRINT.doc(security=BEARER)
@BLUEPRINT.response(204)
def remove(name: str) -> None:
    """Delete a project, as its owner or as a manager."""
    with asked() as (session, who):
        projects.remove(session, _owned(session, who.account, name))


@BLUEPRINT.put("/projects/<name>/members/<account>")
@BLUEPRINT.doc(security=BEARER)
@BLUEPRINT.arguments(schemas.RoleChange)
@BLUEPRINT.response(200, schemas.ProjectShown)
def set_role(given: dict[str, Any], name: str, account: str) -> dict[str, Any]:
    """Take an account into a project, or give it another role, as its owner or as a manager."""
    with asked() as (session, who):
        project = _owned(session, who.account, name)
        other = people.find(session, account)
        projects.set_role(session, project, other, rights.role(given["role"]))
        return projects.described(project)


@BLUEPRINT.delete("/projects/<name>/members/<account>")
@BLUEPRINT.doc(security=BEARER)
@BLUEPRINT.response(204)
def leave(name: str, account: str) -> None:
    """Take an account out of a project, as its owner or as a manager; or leave it oneself."""
    with asked() as (session, who):
        if account == who.account.name:
            projects.leave(session, _seen(session, who.account, name), who.account)
            return
        project = _owned(session, who.account, name)
        projects.leave(session, project, people.find(session, account))


def _is_manager(account: Account) -> bool:
    return Level(account.level) is not Level.USER


def _seen(session: Session, account: Account, name: str) -> Project:
    """Return a project; for who may not see it there is none of that name."""
    project = projects.find(session, name)
    if not _is_manager(account) and projects.role_in(project, account) is None:
        raise UnknownError("there is no project of that name")
    return project


def _owned(session: Session, account: Account, name: str) -> Project:
    project = _seen(session, account, name)
    if not _is_manager(account) and projects.role_in(project, account) is not Role.OWNER:
        raise RightsError("this is for the project's owners", "Ask one of them.")
    return project
