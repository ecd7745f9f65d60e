"""/door: what the front door and the login page ask. It is none of the API that /docs describes.

Nothing here is answered to who can't show the door's secret: only the door says truly who asks.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Response, request
from flask_smorest import Blueprint
from sqlalchemy.orm import Session
from werkzeug.exceptions import NotFound

from accounts import door, schemas, sessions, tokens
from accounts.door import DEPLOYMENT, LOGIN, Asked, Page
from accounts.errors import AwayError, LoginError, OriginError, RightsError, UnknownError
from accounts.guard import address, by_door
from accounts.metrics import count_login
from accounts.models import Account
from accounts.service import current

BLUEPRINT = Blueprint("door", __name__, url_prefix="/door")
# These ask for the database themselves, if they need it.
ALWAYS = {"door.check", "door.check_deployment"}


def hide() -> None:
    """Answer a request below /door as if there was nothing, unless it comes by the door."""
    if (request.path + "/").startswith("/door/") and not by_door():
        raise NotFound


@BLUEPRINT.get("/check/<name>")
def check(name: str) -> Response:
    """Say whether a request may go on to a page, as whom, and with which cookies."""
    if "X-Forwarded-Method" not in request.headers:
        raise NotFound  # the door sends it with each question; what has none is a browser's
    return _checked(_page(name), "")


@BLUEPRINT.get("/check/<name>/<project>")
def check_deployment(name: str, project: str) -> Response:
    """Say whether a request may go on to a deployment: its project's members alone may."""
    if "X-Forwarded-Method" not in request.headers or not name.startswith(DEPLOYMENT):
        raise NotFound
    return _checked(_page(name), project)


def _checked(page: Page, project: str) -> Response:
    """Say whether a request may go on, as whom, and with which cookies.

    Args:
        project: whose members may see it; "" for all accounts.
    """
    name, passed = page.name, Response(status=200)
    if cleaned := door.clean_cookies(_cookies()):
        passed.headers["Cookie"] = cleaned
    if page.asks == "own":
        return passed
    asked = _asked()
    if door.is_foreign(asked, page.url):
        raise OriginError
    service = current()
    service.store.check()
    with _visit(name) as (session, visit):
        if visit is not None and page.wants_token:
            passed.headers["X-Skp-Token"] = service.tokens.access(
                session, visit.account, visit.family, name
            )
        if visit is not None:
            _check_member(visit.account, project)
            return passed
    if asked.is_navigation:
        return _to_login(name, asked.uri)
    raise _no_session()


@BLUEPRINT.post("/login")
@BLUEPRINT.arguments(schemas.Login(exclude=["audience"]))
@BLUEPRINT.response(201, schemas.TokenPair)
def begin(given: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Give tokens for a name and a password, and begin the login page's session.

    Whoever was logged in there before is not any more: no page shows another's name.
    """
    _need_login_page()
    service = current()
    with count_login(), service.store.session() as session:
        account = service.logins.check(session, given["name"], given["password"], address())
        before = sessions.find(session, LOGIN, _token(LOGIN))
        if before is not None:
            tokens.revoke(before.family)
        family = service.tokens.open(session, account)
        pair = service.tokens.pair(session, account, family)
        token = sessions.begin(session, family)
    cookie = door.cookie(door.session_cookie(LOGIN), token, sessions.SECONDS)
    return pair, {"Set-Cookie": cookie}


@BLUEPRINT.get("/me")
def me() -> dict[str, Any]:
    """Say who is logged in, and which pages there are."""
    with _visit(LOGIN) as (_, visit):
        if visit is None:
            raise _no_session()
        pages = current().pages.read().pages.values()
        return {
            "name": visit.account.name,
            "level": visit.account.level,
            "pages": [page.described() for page in pages],
        }


@BLUEPRINT.post("/enter")
@BLUEPRINT.arguments(schemas.Entering)
def give_code(given: dict[str, Any]) -> dict[str, str]:
    """Give the address at which a page begins a session for who is logged in."""
    _need_login_page()
    with _visit(LOGIN) as (session, visit):
        if visit is None:
            raise _no_session()
        page = _page_of_the_door(given["page"])
        code = sessions.give_code(session, visit, page.name)
    return {"location": door.enter_url(page, code, given["path"], given["state"])}


@BLUEPRINT.get("/enter/<name>")
def enter(name: str) -> Response:
    """Begin a page's session for a code, in the browser that asked for it."""
    path = request.args.get("path", "/")
    _page_of_the_door(name)
    state = door.read_cookie(_cookies(), door.state_cookie(name))
    told = request.args.get("state", "")
    if not state or not hmac.compare_digest(state.encode(), told.encode(errors="replace")):
        return _to_login(name, path)
    with current().store.session() as session:
        entry = sessions.enter(session, name, request.args.get("code", ""))
    if entry is None:
        raise RightsError("the code is too old, or was used before", "Open the page once more.")
    response = _redirect(door.path_header(path))
    response.headers.add(
        "Set-Cookie", door.cookie(door.session_cookie(name), entry.token, entry.seconds)
    )
    response.headers.add("Set-Cookie", door.cookie(door.state_cookie(name), "", 0))
    return response


@BLUEPRINT.post("/logout")
def end() -> Response:
    """Revoke the login, and with it all sessions and tokens that come from it."""
    _need_login_page()
    with _visit(LOGIN) as (_, visit):
        if visit is not None:
            tokens.revoke(visit.family)
    response = Response(status=204)
    response.headers["Set-Cookie"] = door.cookie(door.session_cookie(LOGIN), "", 0)
    return response


def _cookies() -> str:
    return request.headers.get("Cookie", "")


def _asked() -> Asked:
    told = request.headers
    # (A door may keep Upgrade for itself; the others are of each opening of a WebSocket.)
    is_socket = (
        "websocket" in told.get("Upgrade", "").lower()
        or "Sec-WebSocket-Key" in told
        or "Sec-WebSocket-Version" in told
    )
    return Asked(
        method=told["X-Forwarded-Method"],
        uri=told.get("X-Forwarded-Uri", "/").encode("latin-1").decode(errors="replace"),
        origin=told.get("Origin", ""),
        site=told.get("Sec-Fetch-Site", ""),
        mode=told.get("Sec-Fetch-Mode", ""),
        accept=told.get("Accept", ""),
        is_upgrade=is_socket or "Upgrade" in told,
        is_socket=is_socket,
    )


def _check_member(account: Account, project: str) -> None:
    """Refuse who is not of a project, and no admin; raises RightsError."""
    if not project or account.level == "admin":
        return
    if project not in {each["name"] for each in tokens.projects_of(account)}:
        what = f"{account.name} is no member of the project {project}"
        raise RightsError(what, "An owner of the project lets others in.")


def _page(name: str) -> Page:
    """Return a page behind the door, or a deployment's; raises UnknownError."""
    pages = current().pages.read()
    if name.startswith(DEPLOYMENT):
        found = pages.deployment(name.removeprefix(DEPLOYMENT))
    else:
        found = pages.pages.get(name)
    if found is None:
        raise UnknownError("there is no page of that name", "./skp.py docker.status")
    return found


def _page_of_the_door(name: str) -> Page:
    """Return a page that the door asks for the account; raises UnknownError."""
    page = _page(name)
    if page.asks == "own":
        raise UnknownError("the page has a login of its own", "Open its own address.")
    return page


@contextmanager
def _visit(page: str) -> Iterator[tuple[Session, sessions.Visit | None]]:
    """Give a transaction, and the session that the page's cookie stands for."""
    with current().store.session() as session:
        yield session, sessions.find(session, page, _token(page))


def _token(page: str) -> str:
    return door.read_cookie(_cookies(), door.session_cookie(page))


def _need_login_page() -> None:
    """Raise OriginError if the page of another origin asks."""
    origin, login = request.headers.get("Origin", ""), current().pages.read().login
    if not login:
        raise AwayError("the list of the front door's pages is missing", "./skp.py docker.apply")
    if origin and origin != login:
        raise OriginError


def _no_session() -> LoginError:
    return LoginError("nobody is logged in here", "Log in on the login page.")


def _to_login(page: str, path: str) -> Response:
    """Send a browser to the login page, with a state that it alone can come back with."""
    state = secrets.token_urlsafe(32)
    response = _redirect(door.login_url(current().pages.read(), page, path, state))
    response.headers["Set-Cookie"] = door.cookie(door.state_cookie(page), state, door.STATE_SECONDS)
    return response


def _redirect(location: str) -> Response:
    return Response(status=302, headers={"Location": location})
