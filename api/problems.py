"""Errors as RFC 9457 has them: what, and what to do next. Each that can occur is documented."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

MEDIA = "application/problem+json"
ALWAYS = (401, 404, 422, 429, 500, 503)
"""What every route of /v1 may answer."""
_WRONG = 422


class Problem(BaseModel):
    """Why a request was not carried out."""

    type: str = "about:blank"
    title: str = Field(description="what the status means")
    status: int
    detail: str = Field(description="what is wrong")
    hint: str = Field("", description="what to do next")
    errors: list[str] = Field([], description="each that is wrong, with its place")


class ProblemError(Exception):
    """A request that is not carried out."""

    def __init__(
        self,
        status: int,
        detail: str,
        hint: str = "",
        errors: Sequence[str] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Say why.

        Args:
            status: of HTTP. hint: what to do next. errors: each that is wrong.
        """
        super().__init__(detail)
        self.status, self.headers = status, dict(headers or {})
        self.problem = Problem(
            title=HTTPStatus(status).phrase,
            status=status,
            detail=detail,
            hint=hint,
            errors=list(errors),
        )

    def response(self) -> JSONResponse:
        """Return the answer."""
        content = self.problem.model_dump()
        return JSONResponse(content, self.status, self.headers, media_type=MEDIA)


def not_found() -> ProblemError:
    """Return the answer about what there is not, and about what is not for who asks: the same."""
    return ProblemError(404, "not found", "GET /v1/deployments lists what you may see.")


def wrong(detail: str, errors: Sequence[str] = (), hint: str = "") -> ProblemError:
    """Return the answer to a request that says what can't be."""
    return ProblemError(_WRONG, detail, hint, errors)


def away(what: str) -> ProblemError:
    """Return the answer while a service that is needed does not answer."""
    hint = "Try again; if it stays so, tell the operator."
    return ProblemError(503, f"{what} does not answer", hint, headers={"Retry-After": "5"})


def invalid(error: ValidationError | RequestValidationError, top: str = "") -> ProblemError:
    """Return the answer to values that are not of their form; what was sent is not repeated."""
    errors = [
        f"{'.'.join([*filter(None, [top]), *map(str, each['loc'])])}: {each['msg']}"
        for each in error.errors()
    ]
    return wrong("the request is not of its form", errors, "GET /docs shows the forms.")


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return how the API's description tells that these are answered."""
    schema = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {
        status: {"description": HTTPStatus(status).phrase, "content": {MEDIA: schema}}
        for status in statuses
    }


def handle(app: FastAPI) -> None:
    """Have each error of the application answered so."""

    async def problem(_: Request, error: Any) -> JSONResponse:
        return (error if isinstance(error, ProblemError) else _translated(error)).response()

    for kind in (ProblemError, HTTPException, RequestValidationError, ClientDisconnect, Exception):
        app.add_exception_handler(kind, problem)


def _translated(error: Exception) -> ProblemError:
    if isinstance(error, RequestValidationError):
        return invalid(error)
    if isinstance(error, HTTPException) and error.status_code == HTTPStatus.NOT_FOUND:
        return not_found()
    if isinstance(error, HTTPException):
        return ProblemError(error.status_code, str(error.detail), headers=error.headers)
    if isinstance(error, ClientDisconnect):
        return ProblemError(400, "the request ended before it was whole")
    # (It is raised further, and then logged by what serves.)
    return ProblemError(500, "an error of the server's own: tell the operator, whose log has it")
