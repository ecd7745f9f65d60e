"""Tokens for programs: those of an account, and the services' question whose one is.

None of them is a token here: with one, nothing can be changed of accounts.
"""

from __future__ import annotations

from typing import Any

from flask_smorest import Blueprint
from werkzeug.exceptions import NotFound

from accounts import program_tokens, schemas
from accounts.errors import LoginError, RightsError
from accounts.guard import BEARER, asked, by_service, own_or_below
from accounts.service import current

BLUEPRINT = Blueprint("programs", __name__, description="Long-lived tokens, for programs.")
INSIDE = Blueprint("programs-inside", __name__)
"""What services of the platform ask: none of the API that /docs describes."""


@BLUEPRINT.get("/accounts/<name>/tokens")
@BLUEPRINT.doc(security=BEARER)
@BLUEPRINT.response(200, schemas.TokenShown(many=True))
def every(name: str) -> list[dict[str, Any]]:
    """List the tokens for programs of one's own account, or of one below."""
    with asked() as (session, who):
        account = own_or_below(session, who, name)
        return [program_tokens.described(row) for row in account.tokens]


@BLUEPRINT.post("/accounts/<name>/tokens")
@BLUEPRINT.doc(security=BEARER)
@BLUEPRINT.arguments(schemas.NewToken)
@BLUEPRINT.response(201, schemas.TokenMade)
def add(given: dict[str, Any], name: str) -> dict[str, Any]:
    """Make a token for programs of one's own account; it is shown this once."""
    with asked() as (session, who):
        if name != who.account.name:
            what = "a token for programs is made by its account itself"
            raise RightsError(what, "The cluster's operator may: ./skp.py account.token-add")
        text, row = program_tokens.add(
            session, who.account, given["label"], given.get("project", ""), str(given["days"])
        )
        # (The account is held now: what was revoked a moment ago leaves nothing that lasts.)
        session.refresh(who.family)
        if who.family.revoked_at:
            raise LoginError("the token was revoked", "Log in again: POST /tokens.")
        return {"token": text, **program_tokens.described(row)}


@BLUEPRINT.delete("/accounts/<name>/tokens/<label>")
@BLUEPRINT.doc(security=BEARER)
@BLUEPRINT.response(204)
def remove(name: str, label: str) -> None:
    """Have a token for programs count no more, of one's own account or of one below."""
    with asked() as (session, who):
        account = own_or_below(session, who, name)
        program_tokens.remove(account, label)


@INSIDE.before_request
def hide() -> None:
    """Answer as if there was nothing, unless a service of the platform asks."""
    if not by_service():
        raise NotFound


@INSIDE.post("/tokens/check")
@INSIDE.arguments(schemas.TokenAsked)
def check(given: dict[str, Any]) -> dict[str, Any]:
    """Say whose a token for programs is, and what it counts for, as of now."""
    with current().store.session() as session:
        return program_tokens.check(session, given["token"])
