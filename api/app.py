"""The application: its routes, and what holds for all of them."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import deployments, facade, facade_config, operations, pages, problems
from api.accounts import Accounts
from api.asking import Parts
from api.config import Config
from api.gate_client import Gate

_ABOUT = """Deployments of a cluster, for programs. What changes something is answered at once, with
an operation that is followed, or asked for, until it has ended. Errors are
`application/problem+json`.
"""
_NOTHING = facade_config.Config()


def make(config: Config, tango: facade_config.Config = _NOTHING) -> FastAPI:
    """Return the application, which asks whom the configuration names.

    Args:
        tango: what is settled for TANGO's manager.
    """
    app = FastAPI(
        title="SKP API", version="1", description=_ABOUT, docs_url=None, redoc_url=None,
        generate_unique_id_function=lambda route: route.name,
    )  # fmt: skip
    app.state.parts = parts = Parts(Accounts(config), Gate(config.gate))
    app.state.page = config.page
    for each in (deployments, operations, pages):
        app.include_router(each.ROUTER)
    told = facade.reporter(tango)
    app.include_router(facade.router(tango, parts.gate, parts.accounts, told))
    problems.handle(app)
    app.add_middleware(_Headers)
    _describe(app)
    return app


def _describe(app: FastAPI) -> None:
    """Have the description name the form of errors, which no route has as its own answer."""

    def described() -> dict[str, Any]:
        if not app.openapi_schema:
            found = get_openapi(
                title=app.title, version=app.version, description=app.description, routes=app.routes
            )
            form = problems.Problem.model_json_schema()
            found["components"]["schemas"]["Problem"] = form
            app.openapi_schema = found
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]


class _Headers:
    """Has browsers take answers as what they are, and keep none of accounts."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["X-Content-Type-Options"] = "nosniff"
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, receive, sent)
