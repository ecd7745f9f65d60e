"""Portainer's HTTP API, as far as registering agents needs it (docs.portainer.io, API)."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any

from cluster.config.secrets import Secret
from cluster.connectors.loopback_http import Answer, exchange
from cluster.connectors.node import Node
from cluster.deadlines import Deadline
from cluster.errors import NodeError

_AGENT_ON_DOCKER = "2"  # EndpointCreationType
_PAUSE = 0.5  # seconds between two requests while it starts
_LOGS = "./skp.py docker.logs -n portainer"


class Portainer:
    """The server on `node`, as that node reaches it: at `address`, "HOST:PORT"."""

    def __init__(self, node: Node, address: str) -> None:
        self._node, self._address = node, address
        self._token = Secret("")

    def wait(self, seconds: float) -> None:
        """Wait until the server has started and has an administrator.

        Raises:
            NodeError: it does not answer within `seconds`, or it started without an administrator,
                which only a restart changes.
        """
        deadline = Deadline(seconds)
        while (answer := self._try("GET", "/api/system/status")) is None or answer.status != 200:
            if deadline.passed:
                raise NodeError(
                    self._node.name,
                    f"Portainer does not answer within {seconds:.0f} s",
                    _LOGS,
                )
            time.sleep(_PAUSE)
        answer = self._ask("GET", "/api/users/admin/check")
        if answer.status != 204:
            raise NodeError(
                self._node.name,
                f"Portainer has no administrator ({answer.status})",
                "./skp.py docker.restart -n portainer; then docker.portainer-run again",
            )

    def log_in(self, password: Secret) -> None:
        """Log in as admin.

        Raises:
            NodeError: the server has another password; it takes one only at its first start.
        """
        body = json.dumps({"username": "admin", "password": password.reveal()}).encode()
        answer = self._ask("POST", "/api/auth", body, "application/json")
        if answer.status != 200:
            raise NodeError(
                self._node.name,
                f"Portainer does not accept the password of admin ({answer.status}): it was "
                "changed there, or was another when its data was made",
                "Put it into bin/env.sh (PORTAINER_PASSWORD), then docker.portainer-run again.",
            )
        try:
            self._token = Secret(str(self._json(answer)["jwt"]))
        except (KeyError, TypeError):
            # (What it says instead may hold a token: it is not shown.)
            raise NodeError(self._node.name, "Portainer: a login without a token", _LOGS) from None

    def register(self, agents: Mapping[str, str]) -> list[str]:
        """Register the agents that the server does not know yet, and return their names.

        Args:
            agents: each one's URL, such as tcp://portainer-skp-agent-c01:9001, by its name.

        Raises:
            NodeError: the server refuses one; those before it stay registered.
        """
        answer = self._ask("GET", "/api/endpoints")
        if answer.status != 200:
            raise self._refused("listing environments", answer)
        try:
            known = {str(entry["URL"]) for entry in self._json(answer)}
        except (KeyError, TypeError):
            raise self._refused("its environments are of no known form", answer) from None
        added = []
        for name, url in agents.items():
            if url in known:
                continue
            form = {
                "Name": name,
                "EndpointCreationType": _AGENT_ON_DOCKER,
                "URL": url,
                "TLS": "true",
                "TLSSkipVerify": "true",
                "TLSSkipClientVerify": "true",
            }
            answer = self._ask("POST", "/api/endpoints", *_multipart(form))
            if answer.status != 200:
                raise self._refused(f"registering {name}", answer)
            added.append(name)
        return added

    def _refused(self, doing: str, answer: Answer) -> NodeError:
        body = answer.body.decode(errors="replace").strip()[:200]
        return NodeError(self._node.name, f"Portainer: {doing}: {answer.status} {body}", _LOGS)

    def _json(self, answer: Answer) -> Any:
        try:
            return json.loads(answer.body)
        except (ValueError, RecursionError):
            raise self._refused("what it answers is not JSON", answer) from None

    def _ask(self, method: str, path: str, body: bytes = b"", kind: str = "") -> Answer:
        answer = self._try(method, path, body, kind)
        if answer is None:
            raise NodeError(self._node.name, f"nobody answers at {self._address} there", _LOGS)
        return answer

    def _try(self, method: str, path: str, body: bytes = b"", kind: str = "") -> Answer | None:
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self._address}"]
        if self._token.reveal():
            lines.append(f"Authorization: Bearer {self._token.reveal()}")
        if body:
            lines += [f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
        try:
            answers = exchange(
                self._node, self._address, ["\r\n".join([*lines, "", ""]).encode() + body]
            )
        except (HTTPException, ValueError) as error:
            what = f"what answers at {self._address} is not Portainer: {error!r}"
            raise NodeError(self._node.name, what, _LOGS) from None
        return answers[0] if answers else None


def _multipart(form: Mapping[str, str]) -> tuple[bytes, str]:
    """Return a form as a body and its type (RFC 7578)."""
    mark = secrets.token_hex(16)
    parts = [
        f'--{mark}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'
        for key, value in form.items()
    ]
    return "".join([*parts, f"--{mark}--\r\n"]).encode(), f"multipart/form-data; boundary={mark}"
