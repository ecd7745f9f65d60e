"""Reading what an engine sends, with an end: so much and so long, whatever it sends.

A node may be anybody's by now. What it sends without end, or a byte now and then, would fill the
memory of whoever asks, or keep the command from going on with the other nodes.
"""

from __future__ import annotations

import json
import select
import time
from collections.abc import Iterable, Iterator
from typing import Any

import docker.errors
import docker.utils.socket

MOST_ANSWER = 16 << 20
"""Bytes of an answer that is read whole; a thousand inspected containers have some 10 MB."""
MOST_OUTPUT = 1 << 20
"""Bytes that a command inside a container may print."""
CHUNK = 1 << 16
"""Bytes that are read at once."""
_MOST_LINE = 1 << 20
_HEADER = 8
_STREAMS = {0: "stdout", 1: "stdout", 2: "stderr"}


class StrangeError(ValueError):
    """An answer that is none: too large, or not of its form."""


def limited(chunks: Iterable[bytes], most: int, seconds: float) -> Iterator[bytes]:
    """Yield `chunks` while they are `most` bytes together and come within `seconds`.

    Raises:
        StrangeError: there are more bytes. TimeoutError: it takes longer.
    """
    end, size = time.monotonic() + seconds, 0
    for chunk in chunks:
        size += len(chunk)
        if size > most:
            raise StrangeError(f"more than {most >> 20} MB")
        if time.monotonic() > end:
            raise TimeoutError
        yield chunk


def events(chunks: Iterable[bytes], seconds: float) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects of a stream, of which an engine sends each on a line of its own.

    Raises:
        StrangeError: a line is too long. StreamParseError: it is none, or only half of one.
        TimeoutError: it takes longer than `seconds`.
    """
    end, rest = time.monotonic() + seconds, b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        if len(rest) > _MOST_LINE:
            raise StrangeError(f"a line of more than {_MOST_LINE >> 20} MB")
        if time.monotonic() > end:
            raise TimeoutError
        yield from map(_event, filter(bytes.strip, lines))
    if rest.strip():
        yield _event(rest)


def _event(line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise docker.errors.StreamParseError(str(error)) from None
    if not isinstance(found, dict):
        raise docker.errors.StreamParseError(f"{line[:40]!r} is no event")
    return found


def output(socket: Any, seconds: float) -> bytes:
    """Return what comes from the socket of a command in a container, on both streams.

    Raises:
        StrangeError: it is more than `MOST_OUTPUT`. TimeoutError: it takes longer than `seconds`.
    """
    return b"".join(
        data for _, data in frames(limited(_read(socket, seconds), MOST_OUTPUT, seconds))
    )


def _read(socket: Any, seconds: float) -> Iterator[bytes]:
    """Yield what comes from `socket`; the SDK's own way waits for ever."""
    end = time.monotonic() + seconds
    waiting = select.poll()
    waiting.register(socket, select.POLLIN | select.POLLPRI)
    while True:
        if not waiting.poll(max(0.0, end - time.monotonic()) * 1000):
            raise TimeoutError
        data = docker.utils.socket.read(socket, CHUNK)
        if data == b"":
            return
        yield data or b""  # None: a signal came between


def frames(chunks: Iterable[bytes]) -> Iterator[tuple[str, bytes]]:
    """Split the stream of a container without a terminal into pairs: stdout or stderr, and bytes.

    Each frame has a header: one byte for the stream, three of nothing, and the length as four
    bytes, big-endian (Engine API, "Attach to a container"). Frames and chunks may overlap in any
    way; only a header that came in part is kept in memory.
    """
    header, stream, left = b"", "stdout", 0
    for chunk in chunks:
        data = chunk
        while data:
            if left:
                part, data = data[:left], data[left:]
                left -= len(part)
                yield stream, part
                continue
            missing = _HEADER - len(header)
            header, data = header + data[:missing], data[missing:]
            if len(header) == _HEADER:
                stream, left = _STREAMS.get(header[0], "stdout"), int.from_bytes(header[4:])
                header = b""
