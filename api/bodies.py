"""What a request brings, read only once it is known who asks: bounded in size, time and number."""

from __future__ import annotations

import asyncio
from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError

from api import files
from api.models import Files
from api.problems import ProblemError, away, invalid

JSON, TAR = "application/json", "application/x-tar"
_Form = TypeVar("_Form", bound=BaseModel)
_SECONDS, _MOST_SMALL = 30, 64 << 10
_AT_ONCE, _QUEUE = 4, 10  # large bodies: each is there twice or so


class Bodies:
    """Reads what requests bring."""

    def __init__(self) -> None:
        """Begin with all places free."""
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def files(self, request: Request, folder: str) -> bytes:
        """Return the archive of a request's files, in a folder; raises ProblemError."""
        kind = _kind(request)
        if kind not in (JSON, TAR, "application/octet-stream", ""):
            raise _unknown(kind, JSON, TAR)
        try:
            async with asyncio.timeout(_QUEUE):
                await self._slots.acquire()
        except TimeoutError:
            raise away("the server, which reads others' files,") from None
        try:
            data = await _read(request, files.MOST_BYTES)
            # (In a thread: what takes long must not keep others waiting.)
            return await asyncio.to_thread(_archive, data, kind, folder)
        finally:
            self._slots.release()


def _archive(data: bytes, kind: str, folder: str) -> bytes:
    if kind == JSON:
        return files.archive(folder, files.of_texts(_parsed(Files, data).files))
    return files.archive(folder, files.of_archive(data))


async def small(request: Request, form: type[_Form]) -> _Form:
    """Return what a small request says; nothing said is what the form says of it.

    Raises:
        ProblemError: it is too large, or not of its form.
    """
    data = await _read(request, _MOST_SMALL)
    if data and _kind(request) != JSON:
        raise _unknown(_kind(request), JSON)
    return _parsed(form, data or b"{}")


def described(form: type[BaseModel], *others: str) -> dict[str, Any]:
    """Return how the API's description tells what a request brings.

    Args:
        others: further media types, of bytes.
    """
    content: dict[str, Any] = {JSON: {"schema": form.model_json_schema()}}
    content |= {kind: {"schema": {"type": "string", "format": "binary"}} for kind in others}
    return {"requestBody": {"required": bool(others), "content": content}}


def _parsed(form: type[_Form], data: bytes) -> _Form:
    try:
        return form.model_validate_json(data)
    except ValidationError as error:
        raise invalid(error, "body") from None


def _kind(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _unknown(kind: str, *allowed: str) -> ProblemError:
    return ProblemError(415, f"Content-Type: {kind!a}", f"Allowed: {', '.join(allowed)}.")


async def _read(request: Request, most: int) -> bytes:
    said = request.headers.get("content-length", "")
    if said.isdecimal() and int(said) > most:
        raise _too_large(most)
    found = bytearray()
    try:
        async with asyncio.timeout(_SECONDS):
            async for chunk in request.stream():
                found += chunk
                if len(found) > most:
                    raise _too_large(most)
    except TimeoutError:
        raise ProblemError(408, f"the request was not whole within {_SECONDS} s") from None
    return bytes(found)


def _too_large(most: int) -> ProblemError:
    return ProblemError(413, f"the request has more than {most >> 10} KB")
