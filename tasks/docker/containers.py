"""docker.logs, restart and exec-shell: containers by name, on all their nodes or on one."""

from __future__ import annotations

import time
from dataclasses import replace

from cli.command import command
from cli.container_shell import open_shell
from cli.options import LOGS
from cli.session import Session
from cluster.errors import ConfigError

_NAME = "The container, or its family: kafka-skp means kafka-skp-1, kafka-skp-2, ..."


@command(help={"name": _NAME, **LOGS})
def logs(s: Session, name: str = "", follow: bool = False, tail: str = "", since: str = "") -> None:
    """Show the logs of a container or a family on all its nodes."""
    from cli.log_view import show_logs
    from cluster.commands.logs import query

    _need(name, "logs")
    show_logs(s, name, replace(query(tail, since, time.time()), follow=follow))


@command(help={"name": _NAME})
def restart(s: Session, name: str = "") -> None:
    """Restart a container or a family, one by one, each when the last one works."""
    from cluster.commands.restart import find_restart

    _need(name, "restart")
    nodes, busy = [host.name for host in s.hosts], s.busy
    s.change(lambda _, fleet: find_restart(fleet, name, nodes, busy))


@command(
    help={
        "host": "The node, e.g. c01.",
        "name": "The container, or its family: kafka-skp finds kafka-skp-2.",
        "command": "Run this by sh instead of an interactive bash.",
    }
)
def exec_shell(s: Session, host: str = "", name: str = "", command: str = "") -> None:
    """Open a shell in a container, with a terminal when there is one."""
    if not (host and name):
        raise ConfigError(
            "a node (-h) and a container (-n) are needed",
            "For example: ./skp.py docker.exec-shell -h c01 -n jupyter-skp",
        )
    open_shell(s, host, name, ("sh", "-c", command) if command else ("bash",))


def _need(name: str, task: str) -> None:
    if not name:
        raise ConfigError(
            "a container or its family (-n) is needed",
            f"For example: ./skp.py docker.{task} -n registry-skp",
        )


TASKS = (logs, restart, exec_shell)
