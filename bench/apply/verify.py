"""Whether what was wanted is really there: the same look for all contenders, past all of them."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any

from bench.apply import work
from bench.apply.nodes import Nodes, inside

# Until every engine knows the names of all others' containers. Engines of before July 2025 may
# never know those of a node that left the network and joined it again at once (moby, "libn/
# networkdb: stop forging tombstone entries"), as in a redeploy of its only container there. That
# is the engine's doing, so it is counted and not refused.
_GOSSIP_SECONDS = 5.0
_PAUSE = 0.1


class WrongError(Exception):
    """Something is not as it was wanted."""


Lives = dict[str, tuple[str, str]]
"""Node to its container's id and the moment it was started."""


@dataclass(frozen=True)
class Verified:
    """A cluster that is as wanted.

    Attributes:
        lives: of the containers.
        unresolved: how many nodes' containers don't see all others by name.
    """

    lives: Lives
    unresolved: int


def verify(nodes: Nodes, phase: str, before: Lives) -> Verified:
    """Check the cluster after a phase.

    Args:
        before: what the phase before returned; empty for the first.

    Raises:
        WrongError: says what, and on which node.
    """
    lives: Lives = {}
    resolves: dict[str, bool] = {}

    def one(name: str) -> None:
        lives[name] = _container(name, work.VALUES[phase])
        resolves[name] = _resolves(name, nodes)

    nodes.each(one)
    _swarm(nodes)
    changed = [name for name in lives if before and lives[name] != before[name]]
    if phase == "no-op" and changed:
        raise WrongError(f"a no-op touched the containers of {', '.join(changed)}")
    if phase == "redeploy" and len(changed) != len(lives):
        raise WrongError(f"a redeploy replaced only those of {', '.join(changed)}")
    return Verified(lives, list(resolves.values()).count(False))


def _json(node: str, *command: str) -> Any:
    done = inside(node, "docker", *command)
    if done.returncode != 0:
        raise WrongError(f"{node}: {' '.join(command)}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def _container(node: str, value: str) -> tuple[str, str]:
    wanted = work.container_config(node, value)
    found = _json(node, "container", "inspect", work.container_name(node))[0]
    host, want = found["HostConfig"], wanted["HostConfig"]
    checks = {
        "running": found["State"]["Running"],
        "image": found["Config"]["Image"] == work.IMAGE,
        "environment": wanted["Env"][0] in found["Config"]["Env"],
        "hostname": found["Config"]["Hostname"] == wanted["Hostname"],
        "restart": host["RestartPolicy"]["Name"] == want["RestartPolicy"]["Name"],
        "init": host["Init"] is True,
        "security": set(want["SecurityOpt"]) <= set(host["SecurityOpt"]),
        "log": host["LogConfig"] == want["LogConfig"],
        "address": bool(found["NetworkSettings"]["Networks"][work.NETWORK]["IPAddress"]),
        "alone": _json(node, "system", "info", "-f", "{{json .Containers}}") == 1,
    }
    if wrong := [name for name, right in checks.items() if not right]:
        raise WrongError(f"{node}: the container's {', '.join(wrong)} not as wanted")
    return found["Id"], found["State"]["StartedAt"]


def _resolves(node: str, nodes: Nodes) -> bool:
    """Whether the container comes to see all others by name, over the overlay."""
    names = [work.container_name(name) for name in nodes.hosts]
    look = ("docker", "exec", work.container_name(node), "getent", "ahostsv4", *names)
    end = time.monotonic() + _GOSSIP_SECONDS
    while inside(node, *look).returncode != 0:
        if time.monotonic() > end:
            return False
        time.sleep(_PAUSE)
    return True


def _swarm(nodes: Nodes) -> None:
    master = next(name for name, host in nodes.hosts.items() if "master" in host["groups"])
    listed = inside(master, "docker", "node", "ls", "-q").stdout.split()
    members = {m["Description"]["Hostname"]: m for m in _json(master, "node", "inspect", *listed)}
    if set(members) != set(nodes.hosts) or len(listed) != len(nodes.hosts):
        raise WrongError(f"in the Swarm are {', '.join(members)}")
    for name, host in nodes.hosts.items():
        member, role = members[name], "manager" if "manager" in host["groups"] else "worker"
        labels = {key: value for label in host["labels"] for key, value in label.items()}
        checks = {
            "state": member["Status"]["State"] == "ready",
            "address": member["Status"]["Addr"] == host["ipv4"],
            "role": member["Spec"]["Role"] == role,
            "labels": labels.items() <= member["Spec"]["Labels"].items(),
        }
        if wrong := [what for what, right in checks.items() if not right]:
            raise WrongError(f"{name}: its {', '.join(wrong)} in the Swarm not as wanted")
    network = _json(master, "network", "inspect", work.NETWORK)[0]
    if not network["Attachable"] or network["IPAM"]["Config"][0]["Subnet"] != work.SUBNET:
        raise WrongError("the network is not as wanted")
