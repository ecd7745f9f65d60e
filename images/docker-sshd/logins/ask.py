"""Asking the account service. What it does not say is not known, and nobody gets in by that."""

from __future__ import annotations

import json
import signal
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import quote, urlsplit

from logins.members import Members, key_lines, parsed
from logins.told import Told

_CONNECT = 3  # seconds, for each address
_DEADLINE = 12  # seconds, for a whole answer
_MOST = 8 << 20  # bytes of an answer
_OK = 200


class AwayError(Exception):
    """The account service did not answer, or not as it does; says why."""


def members(told: Told) -> Members:
    """Return who may log in here, as of now; raises AwayError."""
    status, said = _asked(told, "GET", "members")
    _need(status)
    try:
        return parsed(said, told.project)
    except ValueError as error:
        raise AwayError(f"what it says is no list of members: {error}") from None


def keys(told: Told, name: str) -> tuple[str, ...]:
    """Return the keys by which an account may log in here; () for none. Raises AwayError."""
    status, said = _asked(told, "GET", f"keys/{quote(name, safe='')}")
    _need(status)
    try:
        return key_lines(said["keys"])
    except (KeyError, TypeError, ValueError):
        raise AwayError("what it says is no list of keys") from None


def fits(told: Told, name: str, password: str) -> bool:
    """Return whether it is the password of an account that may log in here; raises AwayError."""
    status, said = _asked(told, "POST", "password", {"name": name, "password": password})
    return status == _OK and isinstance(said, dict) and said.get("name") == name


def _need(status: int) -> None:
    if status != _OK:
        raise AwayError(f"it answers with status {status}")


def _asked(told: Told, method: str, what: str, body: Any = None) -> tuple[int, Any]:
    """Return status and document of the first of the addresses that answers."""
    path, complaints = f"/ssh/{told.project}/{what}", list[str]()
    text = None if body is None else json.dumps(body)
    headers = {"Authorization": f"Bearer {told.credential}", "Content-Type": "application/json"}
    for url in told.urls:
        try:
            with _within(_DEADLINE):
                status, raw = _exchanged(told, url, method, path, text, headers)
            if status < 500:
                return status, json.loads(raw)
            complaints.append(f"{url}: status {status}")
        except (OSError, HTTPException, ValueError) as error:
            complaints.append(f"{url}: {type(error).__name__}: {error}")
    raise AwayError("; ".join(complaints))


def _exchanged(
    told: Told, url: str, method: str, path: str, body: str | None, headers: dict[str, str]
) -> tuple[int, bytes]:
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port
    connection = (
        HTTPSConnection(host, port, timeout=_CONNECT, context=_trust(told.authority))
        if parts.scheme == "https"
        else HTTPConnection(host, port, timeout=_CONNECT)
    )
    try:
        connection.connect()
        connection.sock.settimeout(_DEADLINE)
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        raw = answer.read(_MOST + 1)
        if len(raw) > _MOST:
            raise ValueError("the answer is too long")
        return answer.status, raw
    finally:
        connection.close()


def _trust(authority: str) -> ssl.SSLContext:
    """Return what is trusted: these certificates alone, or where there are none the system's."""
    return ssl.create_default_context(cadata=authority or None)


@contextmanager
def _within(seconds: int) -> Iterator[None]:
    """Have what is done take so long at most, however slowly the other side sends.

    Raises:
        TimeoutError: it takes longer.
    """

    def end(*_: object) -> None:
        raise TimeoutError(f"no answer within {seconds} s")

    before = signal.signal(signal.SIGALRM, end)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
