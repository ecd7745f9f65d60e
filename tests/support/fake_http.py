"""Scripted answers of a Docker Engine, as the real HTTP libraries read them.

Only the bytes are made up here: they pass through http.client, urllib3, requests and Docker's SDK
as an engine's own would, also when they break off half-way.
"""

from __future__ import annotations

import http.client
import io
import json
import os
import struct
from dataclasses import dataclass, replace
from typing import Any

import urllib3

_BREAKS = ConnectionResetError("reset by the script")


@dataclass(frozen=True)
class Reply:
    """What a fake engine answers.

    Attributes:
        chunks: the body's pieces; a `stream` is sent in HTTP chunks, one for each of them.
        raw: the body has neither length nor chunks and ends with the connection (an exec's output).
        breaks: raised by the connection once half of the body was read; None: it is read whole.
    """

    status: int = 200
    chunks: tuple[bytes, ...] = ()
    stream: bool = False
    raw: bool = False
    breaks: Exception | None = None


def reply(value: object = None, status: int = 200) -> Reply:
    """Return an answer with a JSON body; None: an empty body."""
    return Reply(status, () if value is None else (json.dumps(value).encode(),))


def refusal(status: int, message: str) -> Reply:
    """Return an error as an engine words it."""
    return reply({"message": message}, status)


def content(*data: bytes) -> Reply:
    """Return a body of bytes, in so many HTTP chunks: an image, or what is no JSON at all."""
    return Reply(chunks=data, stream=True)


def events(*items: object) -> Reply:
    """Return a stream of JSON objects, one per HTTP chunk: a pull, a push, a load."""
    return content(*(json.dumps(item).encode() + b"\r\n" for item in items))


def frames(*lines: str, stream: int = 1) -> bytes:
    """Return output of a container without a terminal, as the engine frames it.

    Args:
        stream: 1 is standard output, 2 standard error.
    """
    return b"".join(struct.pack(">BxxxL", stream, len(d)) + d for d in map(str.encode, lines))


def half(answer: Reply, breaks: Exception = _BREAKS) -> Reply:
    """Return the first half of an answer (of its bytes; of a stream's chunks); then it breaks.

    Args:
        breaks: what reading on raises; TimeoutError() for an engine that falls silent.
    """
    return replace(answer, breaks=breaks)


class _Wire(io.FileIO):
    """The bytes of an answer in memory, with the file descriptor that Docker's SDK polls."""

    def __init__(self, data: bytes, breaks: Exception | None) -> None:
        super().__init__(os.memfd_create("reply"), "r+")
        self._breaks = breaks
        self.write(data)
        self.seek(0)

    def readinto(self, buffer: Any) -> int:
        """Read on; raise the script's error at the end."""
        count = super().readinto(buffer) or 0
        if not count and self._breaks is not None:
            raise self._breaks
        return count


class _Socket:
    """What http.client wants of a socket."""

    def __init__(self, data: bytes, breaks: Exception | None) -> None:
        self._data, self._breaks = data, breaks

    def makefile(self, _mode: str) -> io.BufferedReader:
        # Of one byte, so that what follows the head is left to whoever reads below the buffer.
        return io.BufferedReader(_Wire(self._data, self._breaks), 1)


def response(answer: Reply, method: str) -> urllib3.HTTPResponse:
    """Return `answer` as urllib3 gives it to requests; its body is not read yet."""
    parsed = http.client.HTTPResponse(
        _Socket(_head(answer) + _body(answer), answer.breaks),  # type: ignore[arg-type]
        method=method,
    )
    parsed.begin()
    return urllib3.HTTPResponse(
        body=parsed,
        headers=dict(parsed.getheaders()),
        status=parsed.status,
        reason=parsed.reason,
        preload_content=False,
        original_response=parsed,
        request_method=method,
    )


def _head(answer: Reply) -> bytes:
    if answer.raw:
        how = "Connection: Upgrade\r\nUpgrade: tcp"
    elif answer.stream:
        how = "Transfer-Encoding: chunked"
    else:
        how = f"Content-Length: {len(b''.join(answer.chunks))}"
    return f"HTTP/1.1 {answer.status} scripted\r\n{how}\r\n\r\n".encode()


def _body(answer: Reply) -> bytes:
    whole = b"".join(answer.chunks)
    if not answer.stream:
        return whole if answer.breaks is None else whole[: len(whole) // 2]
    sent = answer.chunks if answer.breaks is None else answer.chunks[: len(answer.chunks) // 2]
    end = b"0\r\n\r\n" if answer.breaks is None else b""
    return b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in sent) + end
