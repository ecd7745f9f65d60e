"""A shell in a container of a node, in place of this process."""

from __future__ import annotations

import os
import shlex

from cli import output
from cli.session import Session
from cluster.config.inventory import Host
from cluster.errors import ConfigError, nearest


def open_shell(s: Session, host: str, name: str, command: tuple[str, ...]) -> None:
    """Become a shell in the container `name` (or of the service of that name) on `host`."""
    from cluster.commands import shell
    from cluster.facts.nodes import containers

    if host not in s.inventory.names:
        raise ConfigError(
            f"no node {host} in {s.inventory.path}{nearest(host, s.inventory.names)}",
            f"There are: {', '.join(s.inventory.names)}",
        )
    chosen = s.inventory.host(host)
    with s.fleet([chosen]) as fleet:
        listed = containers(fleet.node(host))
        found = shell.find(listed, host, name)
    become(s, chosen, found.name, command)


def become(s: Session, host: Host, container: str, command: tuple[str, ...]) -> None:
    """Become a command in a container of a node, with a terminal where there is one."""
    from cluster.commands import shell

    words = shell.interactive(host, s.settings, container, command)
    if s.options.dry:
        output.show(shlex.join(words))
        return
    os.execvp(words[0], words)  # noqa: S606 - ssh or docker becomes this process, with its terminal
