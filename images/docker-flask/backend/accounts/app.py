"""The web application: settings, errors, and what every answer has."""

from __future__ import annotations

import logging
import time

from flask import Flask, Response, g, jsonify, request
from flask_smorest import Api
from sqlalchemy import exc
from werkzeug.exceptions import HTTPException

from accounts import (
    api_accounts,
    api_door,
    api_programs,
    api_projects,
    api_public,
    api_ssh,
    api_tokens,
    config,
    metrics,
)
from accounts.errors import AwayError, LimitError, ServiceError
from accounts.guard import MOST_BYTES
from accounts.service import Service

_LOG = logging.getLogger("accounts")
_TOLD = {
    400: ("the body is no JSON", "Content-Type: application/json, and a body as /docs says."),
    404: ("there is nothing at this address", "/docs tells what there is."),
    413: (f"the body is too large; allowed: {MOST_BYTES} bytes", "/docs tells what is wanted."),
    422: ("the body is not of its form", "errors tells what; /docs tells what is allowed."),
}
_NONE = "default-src 'none'; frame-ancestors 'none'"
_OURS = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'"
)


def create_app() -> Flask:
    """Return the application; it answers 503 until the database does."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    _LOG.setLevel(logging.INFO)
    service = Service(config.read())
    app = Flask(__name__, static_folder=None)
    app.config |= {
        "MAX_CONTENT_LENGTH": MOST_BYTES,
        "API_TITLE": "Accounts and tokens of SKP",
        "API_VERSION": "1",
        "OPENAPI_VERSION": "3.0.3",
        "OPENAPI_URL_PREFIX": "/",
        "OPENAPI_SWAGGER_UI_PATH": "docs",
        "OPENAPI_SWAGGER_UI_URL": "/docs/ui/",
        "API_SPEC_OPTIONS": {
            "components": {"securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}}}
        },
    }
    app.extensions["accounts"] = service
    api = Api(app)
    for module in (api_tokens, api_accounts, api_programs, api_projects):
        api.register_blueprint(module.BLUEPRINT)
    # What /docs does not tell.
    for inside in (*(m.BLUEPRINT for m in (api_public, api_door, api_ssh)), api_programs.INSIDE):
        app.register_blueprint(inside)
    _handle(app, service)
    service.store.watch(service.prepare, service.tidy)
    return app


def _handle(app: Flask, service: Service) -> None:
    @app.before_request
    def begin() -> None:
        g.began = time.monotonic()
        api_door.hide()
        if request.endpoint not in api_public.ALWAYS | api_door.ALWAYS:
            service.store.check()

    @app.after_request
    def end(response: Response) -> Response:
        is_page = request.path == "/docs" or request.path.startswith("/docs/ui/")
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Content-Security-Policy"] = _OURS if is_page else _NONE
        metrics.count(response, g.get("began", time.monotonic()))
        return response

    app.register_error_handler(ServiceError, _refusal)
    app.register_error_handler(exc.DBAPIError, _failure)
    app.register_error_handler(exc.TimeoutError, _failure)
    app.register_error_handler(HTTPException, _other)


def _refusal(error: ServiceError) -> Response:
    response = jsonify(code=error.status, message=str(error), hint=error.hint)
    response.status_code = error.status
    if isinstance(error, LimitError):
        response.headers["Retry-After"] = str(error.seconds)
    if error.status == AwayError.status:
        response.headers["Retry-After"] = "5"
    if error.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _failure(error: Exception) -> Response:
    """Answer when the database broke off or has no tables; what it said is for the log alone."""
    said = getattr(error, "orig", None)
    _LOG.error("database: %s", said or type(error).__name__)
    if isinstance(error, exc.ProgrammingError):
        return _refusal(
            AwayError("the database has no tables", "In the container: db_create_tables.py")
        )
    return _refusal(AwayError())


def _other(error: HTTPException) -> Response:
    """Answer what Flask and the forms refuse in the same form as all else."""
    code = error.code or 500
    told = getattr(error, "data", None) or {}
    message, hint = _TOLD.get(code, (error.name.lower(), "/docs tells what there is."))
    response = jsonify(code=code, message=message, hint=hint, errors=told.get("messages", {}))
    response.status_code = code
    return response
