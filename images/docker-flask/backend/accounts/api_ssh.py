"""/ssh: what those ask who let people in by SSH. It is none of the API that /docs describes."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request
from werkzeug.exceptions import NotFound

from accounts import people, ssh_keys
from accounts.errors import UnknownError
from accounts.guard import by_service
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
