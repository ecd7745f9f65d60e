"""Waiting until a container works, and what it said last when it does not."""

from __future__ import annotations

import time

import docker.errors

from cluster.connectors.node import Node
from cluster.errors import DeadlineError, NodeError
from cluster.model.redaction import Mask

_LOG_LINES = 12
_PAUSE = 0.15


def wait_healthy(node: Node, name: str, mask: Mask) -> None:
    """Wait until the probe of the container `name` says healthy (without one: until it runs).

    Raises:
        NodeError: it ended, with its last log lines; DeadlineError: not healthy in time.
    """
    end, before = time.monotonic() + node.deadlines.healthy, None
    with node.talking(f"waiting for {name}") as engine:
        while True:
            found = engine.inspect_container(name)
            state = found["State"]
            health = (state.get("Health") or {}).get("Status", "none")
            if state["Running"] and health in ("healthy", "none"):
                return
            before = found["RestartCount"] if before is None else before
            if found["RestartCount"] > before + 1 or state["Status"] in ("exited", "dead"):
                raise NodeError(
                    node.name,
                    f"{name} ended with exit code {state['ExitCode']}{_last(node, name, mask)}",
                )
            if time.monotonic() > end:
                raise DeadlineError(
                    node.name,
                    f"{name} is {health} after {node.deadlines.healthy:.0f} s"
                    f"{_last(node, name, mask)}",
                    f"More of its log: ./skp.py docker.logs -n {name} --nodes {node.name}",
                )
            time.sleep(_PAUSE)


def wait_ended(node: Node, name: str, seconds: float, mask: Mask) -> None:
    """Wait until the container `name` has ended well.

    Raises:
        NodeError: it has not, with its last log lines; DeadlineError: not within `seconds`.
    """
    end = time.monotonic() + seconds
    with node.talking(f"waiting for {name}") as engine:
        while (state := engine.inspect_container(name)["State"])["Status"] != "exited":
            if time.monotonic() > end:
                said = _last(node, name, mask)
                raise DeadlineError(node.name, f"{name} did not end in {seconds:.0f} s{said}")
            time.sleep(_PAUSE)
        if state["ExitCode"]:
            raise NodeError(
                node.name,
                f"{name} ended with exit code {state['ExitCode']}{_last(node, name, mask)}",
            )


def _last(node: Node, name: str, mask: Mask) -> str:
    """Return the last log lines as the end of a message; why they can't be read is no reason."""
    try:
        said = node.engine.logs(name, tail=_LOG_LINES)
    except docker.errors.APIError as error:
        return f"; its log: {error.explanation or error}"
    text = mask.hide(said).decode(errors="replace").rstrip()
    return "; its last log lines:\n" + "\n".join(f"    {line}" for line in text.splitlines())
