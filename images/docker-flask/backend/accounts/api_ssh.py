"""/ssh: what those ask who let people in by SSH. It is none of the API that /docs describes.

The containers of a project may ask about that project alone, and services of the platform whose a
key is. An answer tells how things are now; who asks may keep it for a few minutes.
"""

from __future__ import annotations

from typing import Any

from flask import request
from flask_smorest import Blueprint
from sqlalchemy.orm import Session
from werkzeug.exceptions import NotFound

from accounts import people, schemas, ssh_keys
from accounts.errors import UnknownError
from accounts.guard import address, by_container, by_service
from accounts.metrics import count_login
from accounts.models import Account, Project
from accounts.projects import may_enter
from accounts.service import current
from accounts.tokens import projects_of

BLUEPRINT = Blueprint("ssh", __name__, url_prefix="/ssh")


@BLUEPRINT.get("/by-key")
def by_key() -> dict[str, Any]:
    """Say whose key has a fingerprint; for services of the platform alone."""
    if not by_service():
        raise NotFound
    fingerprint = ssh_keys.from_openssh(request.args.get("fingerprint", ""))
    with current().store.session() as session:
        account = people.holder(session, fingerprint)
        if account is None:
            raise UnknownError("no account that may log in has that key")
        return {"name": account.name, "uid": account.uid, "projects": projects_of(account)}


@BLUEPRINT.get("/<project>/members")
def members(project: str) -> dict[str, Any]:
    """List who may log in to the containers of a project, with their keys; [] once it is gone."""
    gid = by_container(project)
    with current().store.session() as session:
        found = [
            {"name": account.name, "uid": account.uid, "keys": [key.text for key in account.keys]}
            for account in _who_may_enter(session, project, gid)
        ]
    return {"project": project, "gid": gid, "members": found}


@BLUEPRINT.get("/<project>/keys/<name>")
def keys(project: str, name: str) -> dict[str, Any]:
    """List the keys by which an account may log in to the containers of a project."""
    gid = by_container(project)
    with current().store.session() as session:
        may = [each for each in _who_may_enter(session, project, gid) if each.name == name]
        return {"name": name, "keys": [key.text for account in may for key in account.keys]}


@BLUEPRINT.post("/<project>/password")
@BLUEPRINT.arguments(schemas.Login(exclude=["audience"]))
def password(given: dict[str, Any], project: str) -> dict[str, Any]:
    """Say that it is an account's password, and that it may log in to containers of a project.

    Failures are counted as those of other logins are, and for the project on each node. Who is not
    in the project is answered as a wrong password is.
    """
    gid, service = by_container(project), current()
    with count_login(), service.store.session() as session:
        inside = _who_may_enter(session, project, gid)
        where = f"{project}@{address()}"
        account = service.logins.check(
            session, given["name"], given["password"], where, inside.__contains__
        )
        return {"name": account.name, "uid": account.uid}


def _who_may_enter(session: Session, name: str, gid: int) -> list[Account]:
    """Return the accounts that may log in to containers of a project; none if there is none."""
    project = people.named(session, Project, name)
    return may_enter(project) if project is not None and project.gid == gid else []
