"""Asking the gate, as gate/protocol.py says: each answer has a deadline."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from api.problems import ProblemError, away, not_found

ASKING, PLANNING = 30.0, 120.0
"""Seconds for an answer about what is there, and for a plan, for which images are looked at."""
_CONNECTING = 5.0
_MOST_LINE = 8 << 20  # bytes
STREAMED = 512 << 10
"""Bytes of a line of what is told while a client reads it: twice as much waits in memory."""
_AT_ONCE = {ASKING: 16, PLANNING: 6}  # (Plans keep none waiting who only looks.)
_QUEUE = 10.0  # seconds that a further one waits
_AWAY = "the gate"


class Talk:
    """One question, while its answers come."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read what the gate answers."""
        self._reader, self._writer = reader, writer

    async def send(self, asked: Mapping[str, Any], files: bytes) -> None:
        """Ask; raises OSError where the gate has gone."""
        line = json.dumps({**asked, "files": len(files)}).encode()
        self._writer.write(line + b"\n" + files)
        await self._writer.drain()

    async def next(self, seconds: float) -> dict[str, Any] | None:
        """Return what is answered next, or None where nothing is within some seconds.

        It is {"line": TEXT}, or {"result": OBJECT}, which is the last.

        Raises:
            ProblemError: the gate refuses it, or has ended.
        """
        try:
            async with asyncio.timeout(seconds):
                line = await self._reader.readline()
            said = json.loads(line)
        except TimeoutError:
            return None
        except (OSError, ValueError):
            raise away(_AWAY) from None
        if not isinstance(said, dict) or not {"line", "result"} & set(said):
            raise away(_AWAY)
        if (result := said.get("result")) is not None:
            _check(result)
        return said


class Gate:
    """The gate at its socket."""

    def __init__(self, socket: str) -> None:
        """Ask at this path."""
        self._socket = socket
        self._slots = {kind: asyncio.Semaphore(most) for kind, most in _AT_ONCE.items()}

    async def ask(
        self, asked: Mapping[str, Any], files: bytes = b"", seconds: float = ASKING
    ) -> dict[str, Any]:
        """Return the result of a request.

        Args:
            seconds: ASKING or PLANNING.

        Raises:
            ProblemError: it is refused, or not answered in time.
        """
        slots = self._slots[seconds]
        try:
            async with asyncio.timeout(_QUEUE):
                await slots.acquire()
        except TimeoutError:
            raise away(_AWAY) from None
        try:
            async with self.talk(asked, files) as talk:
                ends = time.monotonic() + seconds
                while (left := ends - time.monotonic()) > 0:
                    said = await talk.next(left)
                    if said and "result" in said:
                        return dict(said["result"])
            raise away(_AWAY)
        finally:
            slots.release()

    @asynccontextmanager
    async def talk(
        self, asked: Mapping[str, Any], files: bytes = b"", most: int = _MOST_LINE
    ) -> AsyncIterator[Talk]:
        """Ask, and give what is answered; raises ProblemError. Its end ends the gate's work too.

        Args:
            most: bytes of a line of the answer.
        """
        writer = None
        try:
            try:
                async with asyncio.timeout(_CONNECTING):
                    reader, writer = await asyncio.open_unix_connection(self._socket, limit=most)
                talk = Talk(reader, writer)
                async with asyncio.timeout(ASKING):
                    await talk.send(asked, files)
            except (OSError, TimeoutError):
                raise away(_AWAY) from None
            yield talk
        finally:
            if writer is not None:
                writer.close()


def _check(result: Any) -> None:
    """Raise what the gate has refused."""
    if not isinstance(result, dict):
        raise away(_AWAY)
    if not result.get("ok", True):
        raise _refusal(result)


# By the kind of a refusal the status of HTTP.
_STATUS = {"wrong": 422, "forbidden": 403, "conflict": 409, "too many": 429, "away": 503}
_SOON = {429: {"Retry-After": "5"}, 503: {"Retry-After": "5"}}


def _refusal(said: Mapping[str, Any]) -> ProblemError:
    if said.get("kind") == "not found":
        return not_found()
    status = _STATUS.get(str(said.get("kind")), 500)
    errors = [
        ": ".join(filter(None, (str(each.get("error", "")), str(each.get("hint", "")))))
        for each in said.get("errors") or []
    ]
    what, hint = str(said.get("error", "")), str(said.get("hint", ""))
    return ProblemError(status, what, hint, errors, _SOON.get(status))
