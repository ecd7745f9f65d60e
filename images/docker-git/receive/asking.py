"""Asking the gate to deploy, while the client that pushes is there."""

from __future__ import annotations

import json
import select
import socket
import sys
from collections.abc import Callable, Mapping
from typing import Any

from receive import session
from receive.refs import RefusedError

SOCKET = "/run/gate/socket"
_NOT_THERE = "the gate does not answer: nothing was changed. Tell the operator"


class GoneError(Exception):
    """Nobody waits for the push any more."""


def ask(
    request: Mapping[str, Any], files: bytes, line: Callable[[str], None], where: str = SOCKET
) -> dict[str, Any]:
    """Have the gate carry out a request, and return its result.

    Args:
        line: is given each line of the gate's.

    Raises:
        RefusedError: there is no gate, or it ended. GoneError: the client has gone; the gate takes
            back what it began, since the connection to it ends.
    """
    with socket.socket(socket.AF_UNIX) as gate:
        try:
            gate.connect(where)
            gate.sendall(json.dumps({**request, "files": len(files)}).encode() + b"\n" + files)
        except OSError:
            raise RefusedError(_NOT_THERE) from None
        rest = b""
        while True:
            _wait(gate)
            try:
                data = gate.recv(1 << 16)
            except OSError:
                data = b""
            if not data:
                raise RefusedError("the gate ended: all is as it was, or will be when it is back")
            *whole, rest = (rest + data).split(b"\n")
            for each in whole:
                line(each.decode(errors="replace"))
                if (found := json.loads(each).get("result")) is not None:
                    return dict(found)


def _wait(gate: socket.socket) -> None:
    """Wait for the gate; raises GoneError when the client, or git, has gone before."""
    poll = select.poll()
    poll.register(gate, select.POLLIN)
    poll.register(sys.stderr, 0)  # (Its other end is git's.)
    if (client := session.descriptor()) >= 0:
        poll.register(client, select.POLLIN)
    ready = dict(poll.poll())
    if gate.fileno() not in ready:
        raise GoneError
