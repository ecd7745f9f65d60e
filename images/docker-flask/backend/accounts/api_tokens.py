"""/tokens: logging in, renewing, asking who one is, logging out."""

from __future__ import annotations

from typing import Any

from flask import request
from flask_smorest import Blueprint

from accounts import schemas, tokens
from accounts.errors import LoginError
from accounts.guard import BEARER, address, asked
from accounts.metrics import count_login
from accounts.people import described
from accounts.service import current

BLUEPRINT = Blueprint("tokens", __name__, description="Logging in, renewing and logging out.")


@BLUEPRINT.post("/tokens")
@BLUEPRINT.arguments(schemas.Login)
@BLUEPRINT.response(201, schemas.TokenPair)
@BLUEPRINT.alt_response(401, description="wrong name or password")
@BLUEPRINT.alt_response(429, description="too many failures, for this account or address")
def begin(given: dict[str, Any]) -> dict[str, Any]:
    """Give tokens for a name and a password."""
    service = current()
    with count_login(), service.store.session() as session:
        account = service.logins.check(session, given["name"], given["password"], address())
        return service.tokens.begin(session, account, given.get("audience", ""))


@BLUEPRINT.put("/tokens")
@BLUEPRINT.arguments(schemas.Refresh)
@BLUEPRINT.response(200, schemas.TokenPair)
@BLUEPRINT.alt_response(401, description="used before, revoked or too old")
def renew(given: dict[str, Any]) -> dict[str, Any]:
    """Give new tokens for a refresh token, which works once; a second use revokes all of them."""
    service = current()
    with service.store.session() as session:
        renewed = service.tokens.renew(session, given["refresh_token"])
    if renewed is None:
        raise LoginError("the refresh token is not valid", "Log in again: POST /tokens.")
    return renewed


@BLUEPRINT.get("/tokens")
@BLUEPRINT.doc(security=BEARER)
@BLUEPRINT.response(200, schemas.AccountShown)
@BLUEPRINT.alt_response(401, description="not valid, or revoked")
def who() -> dict[str, Any]:
    """Say whose access token it is, as of now: a service that can't wait for its end asks this."""
    with asked() as (_, found):
        return described(found.account)


@BLUEPRINT.delete("/tokens")
@BLUEPRINT.doc(security=[*BEARER, {}])
@BLUEPRINT.arguments(schemas.Revocation, required=False)
@BLUEPRINT.response(204)
def end(given: dict[str, Any]) -> None:
    """Revoke the tokens of a login: the access token's, or the refresh token's in the body."""
    if "refresh_token" in given and "Authorization" not in request.headers:
        with current().store.session() as session:
            if family := tokens.family_of(session, given["refresh_token"]):
                tokens.revoke(family)
        return
    with asked() as (_, found):
        tokens.revoke(found.family)
