"""Asks the lab's gate as the API does: by its socket, from a container with the API's user id."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Sequence
from typing import Any

from tests.support.deployed import text
from tests.support.gates import archive
from tests.support.lab import MINUTES, on

NAME = "asks-the-gate"
_USER = "58023:58023"
# Reads a list of requests with their files; all are put at the same time, and each answered in its
# place: its lines, its result, and the seconds that it took.
_ASK = """
import base64, json, socket, sys, threading, time

def ask(said, found):
    began, files = time.monotonic(), base64.b64decode(said.pop("archive"))
    lines = []
    with socket.socket(socket.AF_UNIX) as gate:
        gate.settimeout(170)
        try:
            gate.connect("/run/gate/socket")
            gate.sendall(json.dumps({**said, "files": len(files)}).encode() + b"\\n" + files)
            for line in gate.makefile("rb"):
                told = json.loads(line)
                lines += [told["line"]] if "line" in told else []
                found["result"] = told.get("result")
        except OSError as error:
            found["result"] = {"ok": False, "kind": "no gate", "error": str(error)}
    found.update(lines=lines, seconds=time.monotonic() - began)

asked = json.load(sys.stdin)
found = [{} for _ in asked]
threads = [threading.Thread(target=ask, args=each) for each in zip(asked, found)]
for each in threads:
    each.start()
for each in threads:
    each.join()
print(json.dumps(found))
"""


def begin() -> None:
    """Have a container in the API's place."""
    end()
    words = (
        f"docker run -d --name {NAME} --user {_USER} --network none --read-only --cap-drop ALL "
        "--security-opt no-new-privileges -v /var/lib/skp/gate-api:/run/gate:ro "
        "--entrypoint sleep localhost:5000/skp/docker-gate:latest 1800"
    )
    made = on("c01", words)
    assert made.code == 0, made.all


def end() -> None:
    """Take it away."""
    on("c01", f"docker rm -f {NAME}")


def ask_all(asked: Sequence[dict[str, Any]], user: str = _USER) -> list[dict[str, Any]]:
    """Put requests at the same time; return for each its lines, its result and its seconds."""
    words = ["docker", "exec", "-i", "c01", "docker", "exec", "-i", "-u", user, NAME]
    given = [{"archive": "", **each} for each in asked]
    done = subprocess.run(
        [*words, "python", "-c", _ASK], input=json.dumps(given).encode(),
        capture_output=True, timeout=4 * MINUTES, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def ask(action: str, project: str, account: str, **more: Any) -> dict[str, Any]:
    """Put one request, and return its result."""
    (found,) = ask_all([{"account": account, "project": project, "action": action, **more}])
    result: dict[str, Any] = found["result"]
    return result


def files(name: str = "web", **more: Any) -> str:
    """Return the archive of a deployment's folder, as `ask` takes it."""
    made = archive([f"Deployments/{name}/deployment.yaml"], text(name, **more))
    return base64.b64encode(made).decode()
