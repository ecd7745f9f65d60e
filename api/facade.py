"""The endpoints of TANGO's cloud target, for its project manager: GET requests alone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Query, Request, Response

from api import facade_answers, facade_names, facade_who
from api.facade_answers import Answer
from api.facade_config import Config
from api.facade_report import Reporter
from api.facade_service import Facade, Service
from api.gate_client import Gate
from api.people import Who
from api.problems import MEDIA, documented

_User = Annotated[str, Query(description="the manager's user: a folder below common/")]
_Project = Annotated[str, Query(description="the user's project: a folder in that one")]
_Whose = Annotated[str, Query(description="SKP's project, where the token has several")]
_Do = Callable[[Service], Awaitable[Answer]]
_WORD: dict[str, Any] = {"text/plain": {}, "application/json": {}, MEDIA: {}}
_ANSWERS: dict[int | str, dict[str, Any]] = {
    **documented(401, 403, 422, 429, 503),
    200: {"description": "a word of the manager's", "content": _WORD},
    400: {"description": "it can't be done, and why", "content": _WORD},
    404: {"description": "there is no such service", "content": _WORD},
    500: {"description": "it could not be stopped", "content": _WORD},
    504: {"description": "it is still being stopped", "content": _WORD},
}
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

    def endpoint(self, do: _Do, unknown: Answer) -> Callable[..., Awaitable[Response]]:
        """Return what serves requests; `unknown` is for names that no service can have."""

        async def asked(
            request: Request, user_id: _User, project_id: _Project, project: _Whose = ""
        ) -> Response:
            service = await self.service(request, user_id, project_id, project)
            is_known = all(map(facade_names.is_word, (user_id, project_id)))
            return self.out(await do(service) if is_known else unknown)

        return asked

    async def empty(self) -> Response:
        """Say nothing: the server is there."""
        return self.out(Answer(200, ""))

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
    """Return the endpoints; what `told` follows ends with the server."""
    facade, door = Facade(gate, config.style, config.shared, told), _Door(people, config)

    @asynccontextmanager
    async def serving(_: object) -> AsyncIterator[None]:
        yield
        if told:
            await told.end()

    style = config.style
    paths: dict[str, tuple[_Do, Answer, str]] = {
        "/start": (facade.start, facade_answers.missing(), "Start a service"),
        "/stop": (facade.stop, facade_answers.nothing_to_stop(style), "Stop a service"),
        "/status_request": (facade.status, facade_answers.status(style, None), "Tell how it is"),
    }
    found = APIRouter(tags=["TANGO's manager"], lifespan=serving)
    found.add_api_route("/", door.empty, response_class=Response, name="hello")
    for path, (do, unknown, summary) in paths.items():
        found.add_api_route(
            path, door.endpoint(do, unknown), response_class=Response, summary=summary,
            name=path[1:], responses=_ANSWERS,
        )  # fmt: skip
        if config.browsers:
            found.add_api_route(path, door.empty, methods=["OPTIONS"], include_in_schema=False)
    return found
