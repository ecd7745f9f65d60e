"""What deployments need of nodes themselves: folders of volumes, and ports that are free."""

from __future__ import annotations

import shlex
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from workloads.model import Deployment, VolumeKind
from workloads.to_service import Granted

if TYPE_CHECKING:
    from cluster.connectors.fleet import Fleet
    from cluster.connectors.node import Node


def listening(fleet: Fleet) -> set[int]:
    """Return the ports on which anything listens, on any node."""
    found = fleet.each(lambda node: node.run("ss -Htuln | awk '{print $5}'").text)
    return {
        int(end)
        for text in found.values.values()
        for line in text.split()
        if (end := line.rpartition(":")[2]).isdecimal()
    }


def make_folders(master: Node, wanted: Deployment, granted: Granted) -> None:
    """Make the project's folders of NAS volumes, where the file system is.

    Their parents are root's, so that nobody can put something else in a folder's place. A folder
    that another group had is handed over: the project got its group later.

    Raises:
        NodeError: it can't be done.
    """
    names = [v.name for v in wanted.volumes.values() if v.kind is VolumeKind.NAS]
    if not names:
        return
    uid, _, gid = granted.user.partition(":")
    parents = (str(PurePosixPath(granted.folder).parent), granted.folder)
    paths = [shlex.quote(f"{granted.folder}/{name}") for name in names]
    commands = [
        *(f"install -d -o 0 -g 0 -m 0755 {shlex.quote(path)}" for path in parents),
        *(f"{{ [ -d {p} ] || install -d -o {uid} -g {gid} -m 2770 {p}; }}" for p in paths),
        *(f'{{ [ "$(stat -c %g {p})" = {gid} ] || chgrp -hR {gid} {p}; }}' for p in paths),
    ]
    # (What is in a folder that is handed over may be much.)
    master.sudo(" && ".join(commands), deadline=master.deadlines.transfer)
