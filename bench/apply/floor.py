"""The floor: a straight script that does this one job, with nothing checked that need not be.

One paramiko connection per node, all at once, and Docker's own SDK over it by SKP's own transport;
no settings, no inventory, no plan, no report. Called as: floor.py PHASE LAB_FOLDER.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import docker.errors
import paramiko
from docker.types import IPAMConfig, IPAMPool

from bench.apply import work
from cluster.connectors.engine import Engine, over_ssh
from cluster.connectors.forwarding import ForwardingTransport

Hosts = dict[str, dict[str, Any]]
_USER = "skp"
_SECONDS = 60.0
_TRIES = 8  # of what the engine refuses on a node that has just joined


def connect(address: str, lab: Path) -> Engine:
    """Return the engine of a node, over the same transport as SKP's."""
    direct = socket.create_connection((address, 22), timeout=_SECONDS)
    direct.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.RejectPolicy())
    client.load_host_keys(str(lab / "known_hosts"))
    client.connect(
        address,
        username=_USER,
        key_filename=str(lab / "id_ed25519"),
        allow_agent=False,
        look_for_keys=False,
        timeout=_SECONDS,
        sock=direct,
        transport_factory=ForwardingTransport,
    )
    return over_ssh(client, _SECONDS)


class BringUp:
    """From clean engines to one container per node."""

    def __init__(self, hosts: Hosts, lab: Path) -> None:
        self._hosts, self._lab = hosts, lab
        self._master = next(name for name, host in hosts.items() if "master" in host["groups"])
        self._swarm = threading.Event()
        self._members = threading.Barrier(len(hosts))
        self._tokens: dict[str, str] = {}

    def node(self, name: str) -> None:
        """Bring up one node, in its own thread."""
        engine = connect(self._hosts[name]["ipv4"], self._lab)
        if name == self._master:
            self._begin(engine)
        else:
            self._join(engine, name)
        # An overlay container on a node that has only just joined may hang its engine for 20 s.
        self._members.wait(_SECONDS)
        _run(engine, name, "bring-up")
        if name == self._master:
            _label(engine, self._hosts)

    def _begin(self, engine: Engine) -> None:
        engine.init_swarm(advertise_addr=self._hosts[self._master]["ipv4"])
        self._tokens = engine.inspect_swarm()["JoinTokens"]
        self._swarm.set()
        engine.create_network(
            work.NETWORK,
            driver="overlay",
            attachable=True,
            ipam=IPAMConfig(pool_configs=[IPAMPool(subnet=work.SUBNET)]),
            options={"com.docker.network.driver.mtu": work.MTU_BELOW},
        )

    def _join(self, engine: Engine, name: str) -> None:
        host = self._hosts[name]
        if not self._swarm.wait(_SECONDS):
            raise TimeoutError("the master does not begin the Swarm")
        engine.join_swarm(
            remote_addrs=[f"{self._hosts[self._master]['ipv4']}:2377"],
            join_token=self._tokens["Manager" if "manager" in host["groups"] else "Worker"],
            advertise_addr=host["ipv4"],
        )


def no_op(hosts: Hosts, lab: Path, name: str) -> None:
    """See that a node is right; AssertionError if not."""
    engine = connect(hosts[name]["ipv4"], lab)
    found = engine.inspect_container(work.container_name(name))
    assert found["State"]["Running"]
    assert f"{work.VARIABLE}={work.VALUES['no-op']}" in found["Config"]["Env"]
    if "master" in hosts[name]["groups"]:
        members = {node["Description"]["Hostname"]: node for node in engine.nodes()}
        assert all(members[host]["Spec"]["Labels"] == _labels(hosts[host]) for host in hosts)
        assert engine.inspect_network(work.NETWORK)["Attachable"]


def redeploy(hosts: Hosts, lab: Path, name: str) -> None:
    """Replace a node's container."""
    engine = connect(hosts[name]["ipv4"], lab)
    engine.stop(work.container_name(name), timeout=work.STOP_SECONDS)
    engine.remove_container(work.container_name(name), v=True)
    _run(engine, name, "redeploy")


def _label(engine: Engine, hosts: Hosts) -> None:
    for _ in range(_TRIES):
        for node in engine.nodes():
            spec, wanted = node["Spec"], _labels(hosts[node["Description"]["Hostname"]])
            if spec["Labels"] == wanted:
                continue
            try:
                spec["Labels"] = wanted
                engine.update_node(node["ID"], node["Version"]["Index"], spec)
            except docker.errors.APIError:
                break  # a manager has just written it: read again
        else:
            return
    raise SystemExit("the nodes' labels do not come to rest")


def _labels(host: dict[str, Any]) -> dict[str, str]:
    return {key: value for label in host["labels"] for key, value in label.items()}


def _run(engine: Engine, node: str, phase: str) -> None:
    config = work.container_config(node, work.VALUES[phase])
    for attempt in range(1, _TRIES + 1):
        made = engine.create_container_from_config(config, work.container_name(node))["Id"]
        try:
            engine.start(made)
            return
        except docker.errors.APIError:  # the overlay was not ready on a node that has just joined
            engine.remove_container(made, v=True, force=True)
            if attempt == _TRIES:
                raise


def main(phase: str, lab: Path) -> None:
    """Do one phase on all nodes at once."""
    hosts: Hosts = json.loads((lab / "hosts.json").read_text())
    bring_up = BringUp(hosts, lab)
    each: dict[str, Callable[[str], None]] = {
        "bring-up": bring_up.node,
        "no-op": lambda name: no_op(hosts, lab, name),
        "redeploy": lambda name: redeploy(hosts, lab, name),
    }
    with ThreadPoolExecutor(len(hosts)) as pool:
        for future in [pool.submit(each[phase], name) for name in hosts]:
            future.result(timeout=2 * _SECONDS)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
