"""How the lab's nodes are."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab import state
from lab.config import VERSION, LabConfig
from lab.engine import Found, at_once, connect, explained, objects, run_in
from lab.nodes import ssh_answers

if TYPE_CHECKING:
    from docker import DockerClient


@dataclass(frozen=True)
class NodeStatus:
    """One node of the lab.

    Attributes:
        state: the engine's word for the container (running, exited, paused, ...), or missing.
        engine: the version of the node's own engine if it answers, else empty.
        ssh: whether its SSH server answers.
        checkout: the project's folder that the lab belongs to.
        version: the lab's version.
    """

    name: str
    address: str
    state: str
    engine: str
    ssh: bool
    checkout: str
    version: str

    @property
    def healthy(self) -> bool:
        """Whether the node can be used."""
        return self.state == "running" and bool(self.engine) and self.ssh


def status(config: LabConfig | None = None) -> tuple[NodeStatus, ...]:
    """Return all nodes that exist or ought to, in order; empty when there is no lab.

    Raises:
        LabError: when this machine's engine does not answer.
    """
    with explained():
        return statuses(connect(), config or LabConfig())


def statuses(engine: DockerClient, config: LabConfig) -> tuple[NodeStatus, ...]:
    """Like `status`, with a client that exists already."""
    found = {f.node: f for f in objects(engine, config) if f.kind == "container" and f.node}
    remembered = state.read(config)
    expected = config.names(remembered.count) if found and remembered else ()
    names = sorted({*found, *expected})
    return tuple(at_once(lambda name: _one(engine, config, name, found.get(name)), names))


def _one(engine: DockerClient, config: LabConfig, name: str, found: Found | None) -> NodeStatus:
    address = config.address(name)
    if found is None:
        return NodeStatus(
            name, address, "missing", "", ssh=False, checkout=str(config.checkout), version=VERSION
        )
    running = found.state == "running"
    return NodeStatus(
        name,
        address,
        found.state,
        engine=_engine_version(engine, name) if running else "",
        ssh=running and ssh_answers(address, time.monotonic()),
        checkout=found.checkout,
        version=found.version,
    )


def _engine_version(engine: DockerClient, name: str) -> str:
    command = ["timeout", "20", "docker", "version", "--format", "{{.Server.Version}}"]
    code, output = run_in(engine, name, command)
    return output if code == 0 else ""
