"""docker.logs and docker.restart: the containers of a family on all their nodes."""

from __future__ import annotations

import time
from dataclasses import replace

from cli.command import command
from cli.session import Session
from cluster.errors import ConfigError

_NAME = "The container, or its family: kafka-skp means kafka-skp-1, kafka-skp-2, ..."


@command(
    help={
        "name": _NAME,
        "follow": "Go on as the logs grow, until Ctrl-C.",
        "tail": "So many of each log's last lines; all by default.",
        "since": "Only what is younger: 90s, 10m, 2h, 1d, or a date with time.",
    }
)
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


def _need(name: str, task: str) -> None:
    if not name:
        raise ConfigError(
            "a container or its family (-n) is needed",
            f"For example: ./skp.py docker.{task} -n registry-skp",
        )


TASKS = (logs, restart)
