"""The endpoints of TANGO's cloud target, for its project manager: GET requests alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Protocol

from fastapi import APIRouter, Query, Request, Response

from api import facade_answers, facade_names, facade_who
from api.facade_answers import Answer
from api.facade_config import Config
from api.facade_report import Reporter
from api.facade_service import Facade, Service
from api.gate_client import Gate
from api.people import Who
from api.problems import documented

_User = Annotated[str, Query(description="the manager's user: a folder below common/")]
_Project = Annotated[str, Query(description="the user's project: a folder in that one")]
_Whose = Annotated[str, Query(description="SKP's project, where the token has several")]
_ANY_ORIGIN = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET",
    "Access-Control-Allow-Headers": "*",
    "Access-Control-Expose-Headers": "*",
}


class People(Protocol):
    """Knows whose tokens are (api/accounts.py)."""

    async def who(self, token: str) -> Who:
        """Return whose a token is; raises ProblemError."""


class _Door:
    """Lets requests in: each is of a service, in somebody's name."""

    def __init__(self, people: People, config: Config) -> None:
        self._people, self._config = people, config

    async def service(self, request: Request, user: str, project: str, asked: str) -> Service:
        """Return what a request is about; raises ProblemError."""
        settled = self._config.open
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind:
            who = await self._people.who(token.strip() if kind.lower() == "bearer" else "")
            return Service(facade_who.by_token(who, user, asked, settled), user, project)
        address = request.client.host if request.client else ""
        whose = facade_who.without_token(settled, address, request.headers)
        return Service(whose, user, project)

    def out(self, answer: Answer) -> Response:
        """Return an answer of HTTP."""
        response = Response(answer.body, answer.status, media_type=answer.kind)
        for name, value in answer.headers:
            response.headers.append(name, value)
        response.headers.update(_ANY_ORIGIN if self._config.browsers else {})
        return response


def reporter(config: Config) -> Reporter | None:
    """Return what tells the manager how things end; None where nobody is told."""
    return Reporter(config.report, config.style) if config.report else None


def router(config: Config, gate: Gate, people: People, told: Reporter | None) -> APIRouter:
    """Return the endpoints."""
    facade, door = Facade(gate, config.style, config.shared, told), _Door(people, config)
    missing = facade_answers.refused(400, "Deployment YAML not found")
    found = APIRouter(tags=["TANGO's manager"], responses=documented(401, 403, 404, 422, 503))

    def serve(path: str, do: Callable[[Service], Awaitable[Answer]], unknown: Answer) -> None:
        """Serve a path; `unknown` is answered about names that no service can have."""

        async def asked(
            request: Request, user_id: _User, project_id: _Project, project: _Whose = ""
        ) -> Response:
            service = await door.service(request, user_id, project_id, project)
            is_known = all(map(facade_names.is_word, (user_id, project_id)))
            return door.out(await do(service) if is_known else unknown)

        found.add_api_route(path, asked, response_class=Response, summary=do.__doc__)

    @found.get("/", response_class=Response)
    async def hello() -> Response:
        """Say nothing: the server is there."""
        return door.out(Answer(200, ""))

    serve("/start", facade.start, missing)
    serve("/stop", facade.stop, facade_answers.nothing_to_stop(config.style))
    serve("/status_request", facade.status, facade_answers.status(config.style, None))
    if config.browsers:

        @found.options("/{path}", include_in_schema=False)
        async def preflight(path: str) -> Response:  # noqa: ARG001 - it is the same for all
            """Let pages of any origin ask."""
            return door.out(Answer(200, ""))

    return found
