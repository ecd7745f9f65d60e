"""Shell commands: one on all nodes in parallel, or an interactive one by `ssh` (decision 60)."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Mapping
from functools import partial

from cluster.config.inventory import Host
from cluster.config.settings import Settings
from cluster.connectors import local
from cluster.connectors.base import Completed
from cluster.connectors.fleet import Fleet, Results
from cluster.connectors.shell import CLIENT
from cluster.connectors.ssh_config import resolve
from cluster.errors import NodeError
from cluster.model.selector import members
from cluster.model.state import FoundContainer


def everywhere(
    fleet: Fleet, command: str, deadline: float, heard: Callable[[str, str], None]
) -> Results[Completed]:
    """Run a shell command on all nodes of `fleet`.

    Args:
        deadline: seconds.
        heard: takes a node's name and a line of its output, as it comes; called by several threads.
    """
    return fleet.ask(
        lambda node: node.run_watched(command, deadline, on_output=partial(heard, node.name))
    )


def find(containers: Mapping[str, FoundContainer], node: str, name: str) -> FoundContainer:
    """Return the first running container of a node that `name` selects (see `model.selector`).

    Raises:
        NodeError: none runs; the hint names those that do.
    """
    for container in members(containers.values(), node, name):
        if container.status == "running":
            return container
    running = ", ".join(c.name for c in containers.values() if c.status == "running")
    raise NodeError(node, f"no container {name} runs there", f"Running: {running or 'none'}")


def interactive(
    host: Host, settings: Settings, container: str, command: tuple[str, ...]
) -> list[str]:
    """Return the command line of a shell in `container`, with a terminal when there is one."""
    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    inner = [*CLIENT, "exec", "-it" if terminal else "-i", container, *command]
    if local.is_this_machine(host.ipv4):
        return inner
    target = resolve(host, settings)
    *ssh, name = target.arguments
    flags = ["-t"] if terminal else ["-T"]
    return [
        *ssh,
        *flags,
        "-o",
        "BatchMode=yes",
        "-o",
        "LogLevel=ERROR",
        # What runs in the container is others' and is to reach nothing of this machine's.
        "-o",
        "ForwardAgent=no",
        "-o",
        "ClearAllForwardings=yes",
        # (ssh refuses a command beside one of the configuration.)
        "-o",
        "RemoteCommand=none",
        "--",
        name,
        shlex.join(inner),
    ]
