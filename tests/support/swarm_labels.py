"""The labels of the practice cluster's Swarm, which the engine's own client can't change."""

from __future__ import annotations

import json
import shlex
from typing import Any

from tests.support.lab import on

_CURL = "curl -sf --unix-socket /run/docker.sock"


def forget(label: str) -> None:
    """Take a label away, as if it had never been set."""
    found: dict[str, Any] = json.loads(on("c01", f"{_CURL} http://engine/swarm").out)
    spec, version = found["Spec"], found["Version"]["Index"]
    assert spec["Labels"].pop(label)
    body = shlex.quote(json.dumps(spec))
    address = shlex.quote(f"http://engine/swarm/update?version={version}")
    done = on("c01", f"{_CURL} -H 'Content-Type: application/json' -d {body} {address}")
    assert done.code == 0, done.all
