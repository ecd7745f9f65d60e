"""A small cluster that is only played: its nodes remember, and the real command line runs over it.

cluster = FakeCluster(tmp_path, monkeypatch)
cluster.begin()
assert cluster.run("docker.apply") == 0
assert "jupyter-skp" in cluster["c01"].containers
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any, TypeAlias

import pytest

import services
from cli.program import program
from cluster.config import secrets, secrets_file
from cluster.config import settings as settings_file
from cluster.config.env_file import EnvFile, _Source
from cluster.config.inventory import Host
from cluster.connectors import fleet as fleets
from cluster.connectors.fleet import Fleet
from cluster.connectors.node import Node
from cluster.errors import NodeError
from cluster.model import digests as record
from cluster.model import trees
from cluster.model.answer import Unanswered
from cluster.model.cluster import Declared
from cluster.model.decisions import LABEL_DIGESTS, LABEL_LAYOUT
from cluster.model.networks import networks
from cluster.model.spec import REGISTRY, Source
from hosts.boot import files as boot
from tasks import ns
from tests.support.described import described
from tests.support.digests import digest
from tests.support.fake_configs import FakeConfigs
from tests.support.fake_machine import FakeMachine
from tests.support.fakes import Reply, Request, done, refusal, reply

HOSTS: Mapping[str, Any] = {
    "c01": {
        "ipv4": "10.1.0.1",
        "labels": [{"jupyter": "enable"}],
        "groups": ["master", "manager"],
    },
    "c02": {"ipv4": "10.1.0.2", "labels": [{"jupyter": "enable"}], "groups": ["manager"]},
    "c03": {"ipv4": "10.1.0.3", "labels": [], "groups": ["manager"]},
}
SETTINGS: Mapping[str, str] = {"SKP_DFS": "", "SKP_NET_SUBNET": "10.90.0.0/16"}
# What is waited for in loops takes a second, the least that settings allow, where it fails.
_SHORT = ("swarm", "healthy", "busy", "settled")
_MTU = "/sys/class/net"
# What a machine remembers, beside its connection.
_KEPT = (
    "containers", "images", "installed", "markers", "secrets", "trail", "swarm", "pushed",
    "folders", "left", "_count",
)  # fmt: skip


class FakeCluster:
    """Nodes by name, and the Swarm that they are in.

    Attributes:
        machines: by name.
        wire: the lines of all nodes, each with the node's name in front.
        labels: what the Swarm remembers. down: the nodes that can't be reached.
        configs: the Swarm's store, with the lock in it.
        data_port: the UDP port of the overlay's packets.
    """

    def __init__(
        self,
        folder: Path,
        monkeypatch: pytest.MonkeyPatch,
        hosts: Mapping[str, Any] = HOSTS,
        **settings: str,
    ) -> None:
        """Write the cluster's files into `folder`, and have commands find the nodes."""
        self.folder = folder
        self.wire: list[str] = []
        self.shared: dict[str, str] = {}
        self.entries: dict[str, dict[str, Any]] = {}
        self.networks: list[dict[str, Any]] = []
        self.down: set[str] = set()
        self.leaderless, self.data_port = False, 0
        self._version = 10
        seconds = {f"SKP_TIMEOUT_{name.upper()}": "1" for name in _SHORT}
        self.settings = {**SETTINGS, "SKP_SSH_CONFIG": "", "SKP_ETC": str(folder), **seconds}
        self.settings |= settings
        monkeypatch.setattr(settings_file, "evaluate", self._evaluated)
        self.wanted = described(folder, hosts, self.settings)
        pushed = {
            image.reference: digest(image.repository) for image in self._images(Source.REGISTRY)
        }
        self.labels = {LABEL_DIGESTS: record.dumps(self._built()), LABEL_LAYOUT: "2"}
        self.machines = {
            name: FakeMachine(name, told["ipv4"], pushed, self.wire, self.shared)
            for name, told in hosts.items()
        }
        self.master, *_ = self.machines.values()
        for image in self._images(Source.STREAM):
            for machine in self.machines.values():
                machine.images[image.reference] = f"sha256:{image.repository}"
        self.configs = FakeConfigs(*(m.connection for m in self.machines.values()))
        for machine in self.machines.values():
            self._script(machine)
        monkeypatch.setenv("SKP_ENV", str(folder / "env.sh"))
        monkeypatch.setenv("SKP_HOSTS", str(folder / "hosts.json"))
        monkeypatch.setattr(fleets, "_connect", self._connect)

    def __getitem__(self, name: str) -> FakeMachine:
        return self.machines[name]

    def run(self, *words: str) -> int:
        """Run a command in this process; return its exit code."""
        try:
            program(ns).run(["skp.py", *words])
        except SystemExit as ended:
            return int(ended.code or 0)
        return 0

    @property
    def declared(self) -> Declared:
        """What the files say, as a command is given it."""
        stored = secrets_file.read(secrets_file.path(self.wanted.settings))
        return Declared(self.wanted.settings, self.wanted.inventory, stored, boot.files())

    def fleet(self, *names: str) -> Fleet:
        """Return connections to these nodes; by default to all."""
        chosen = [host for host in self.wanted.inventory.hosts if host.name in (names or self)]
        return Fleet(chosen, self.wanted.settings, self.wanted.settings.deadlines)

    def __iter__(self) -> Iterator[str]:
        return iter(self.machines)

    def begin(self) -> None:
        """Have a Swarm of all nodes, with the overlay networks, and nothing else."""
        for host in self.wanted.inventory.hosts:
            self._enter(self[host.name], "manager" if host.is_manager else "worker")
            self.entries[f"id-{host.name}"]["Spec"]["Labels"] = {
                **dict(host.labels),
                "skp.labels": ",".join(sorted(dict(host.labels))),
            }
            self[host.name].installed |= {file.path for file in boot.files()}
        self.arrange()
        self.networks = [_network(each.name, each.subnet) for each in networks(self.wanted)]

    def arrange(self) -> None:
        """Have all shared folders as they are to be."""
        every = trees.folders(self.wanted, services.catalogue().values())
        self.master.folders |= {folder.path: folder.signature for folder in every}
        self.shared[trees.marker(self.wanted)] = "the-marker\n"
        self.shared[trees.done(self.wanted)] = f"{self.wanted.users}\n"

    def admit(self, name: str, found: str) -> None:
        """Have a new build in the registry, with its digest on record."""
        self.push(name, found)
        known = record.parse(self.labels[LABEL_DIGESTS])
        assert not isinstance(known, Unanswered)
        self.labels[LABEL_DIGESTS] = record.dumps(record.with_digest(known, name, found))

    def push(self, name: str, found: str) -> None:
        """Have another image under a tag in the registry; the one before it stays there too."""
        pushed, reference = self.master.pushed, f"{REGISTRY}/{name}"
        pushed[f"before {len(pushed)}"] = pushed.get(reference, "")
        pushed[reference] = found

    def remember(self, options: Mapping[str, Mapping[str, str]]) -> None:
        """Have the Swarm remember what `-run` was given: by service, then by setting."""
        self.labels["skp.options"] = json.dumps(options)

    def forget_wire(self) -> None:
        """Forget what was asked so far."""
        self.wire.clear()
        for machine in self.machines.values():
            for noted in (machine.connection.wire, machine.connection.requests):
                noted.clear()
            machine.connection.commands.clear()

    def saved(self) -> dict[str, Any]:
        """Return what there is, for another cluster of the same hosts and settings."""
        machines = {
            name: {key: getattr(machine, key) for key in _KEPT}
            for name, machine in self.machines.items()
        }
        ours = {key: getattr(self, key) for key in ("labels", "entries", "networks", "shared")}
        stored = (self.folder / "secrets.env").read_bytes()
        return deepcopy({"machines": machines, "ours": ours, "stored": stored})

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Have what another cluster had when it was saved."""
        copied = deepcopy(saved)
        for name, machine in copied["machines"].items():
            vars(self[name]).update(machine)
        vars(self).update(copied["ours"])
        for machine in self.machines.values():
            machine.shared = self.shared
        secrets_file.write(self.folder / "secrets.env", secrets.parse(copied["stored"].decode()))

    def containers(self, service: str) -> dict[str, dict[str, Any]]:
        """Return the containers of a service on all nodes by name."""
        return {
            name: found
            for machine in self.machines.values()
            for name, found in machine.of_service(service).items()
        }

    def changes(self) -> list[str]:
        """Return what may have changed something, on all nodes; see FakeMachine.changes."""
        return [line for machine in self.machines.values() for line in machine.changes()]

    def sent(self, part: str) -> list[str]:
        """Return the lines of the wire that hold `part`."""
        return [line for line in self.wire if part in line]

    def locking(self) -> list[str]:
        """Return the lines of the wire that are about the lock: of config objects, but one."""
        return [line for line in self.sent("/configs") if "skp-routes" not in line]

    def trail(self, name: str) -> list[dict[str, Any]]:
        """Return the audit trail of a manager."""
        return [json.loads(line) for line in self[name].trail.splitlines()]

    def _evaluated(self, path: Path, folder: Path) -> EnvFile:
        """Return what the settings' file says, without the shell that evaluates it elsewhere."""
        return EnvFile(_Source(path, folder), {"SKP_USER": "skp", **self.settings}, frozenset())

    def _built(self) -> record.Record:
        """Return the record as the builds of all images have left it."""
        return {i.name: (digest(i.repository),) for i in self._images(Source.REGISTRY)}

    def _images(self, source: Source) -> list[Any]:
        every = [i for s in services.catalogue().values() for i in s.images(self.wanted)]
        return [image for image in every if image.source is source]

    def _connect(self, host: Host, deadlines: Any, **_: Any) -> Node:
        if host.name in self.down:
            raise NodeError(host.name, "can't be reached", f"ssh -v {host.name}")
        return Node(host, self[host.name].connection, deadlines)

    def _script(self, machine: FakeMachine) -> None:
        connection = machine.connection
        connection.on("GET /swarm", self._told)
        connection.on("POST /swarm/init", lambda request: self._begun(machine, request))
        connection.on("POST /swarm/join", lambda request: self._joined(machine, request))
        connection.on("POST /swarm/update", self._updated)
        connection.on("GET /nodes", lambda _: reply(list(self.entries.values())))
        connection.on("GET /nodes/*", lambda r: reply(self.entries[r.path.split("/")[2]]))
        connection.on("POST /nodes/*/update", self._entry_updated)
        connection.on("GET /networks", lambda _: reply(self.networks))
        connection.on("POST /networks/create", self._network_made)
        connection.on_run(_MTU, done(0, "1500"))

        def note(found: Mapping[str, Any]) -> None:
            """Leave the mark that the job of Airflow's tables leaves."""
            said = dict(line.split("=", 1) for line in found["Config"]["Env"])
            sources = {
                m["Target"]: m["Source"] for m in found["HostConfig"]["Mounts"] if "Source" in m
            }
            own = sources.get("/var/lib/airflow") or f"{sources['/root/volume']}/var/airflow"
            self.shared[f"{own}/store"] = said["SKP_STORE"]

        machine.job_done = note

    def _enter(self, machine: FakeMachine, role: str) -> None:
        ident, manager = f"id-{machine.name}", role == "manager"
        machine.swarm = {
            "LocalNodeState": "active",
            "NodeID": ident,
            "ControlAvailable": manager,
            "NodeAddr": machine.address,
        }
        self.entries[ident] = {
            "ID": ident,
            "Version": {"Index": self._next()},
            "Spec": {"Role": role, "Availability": "active", "Labels": {}},
            "Description": {"Hostname": machine.name},
            "Status": {"State": "ready", "Addr": machine.address},
            **({"ManagerStatus": {"Addr": f"{machine.address}:2377"}} if manager else {}),
        }

    def _next(self) -> int:
        self._version += 1
        return self._version

    def _told(self, _: Request) -> Reply:
        if self.leaderless:
            return refusal(500, "rpc error: the swarm does not have a leader")
        if not self.entries:
            return refusal(503, "not a manager")
        return reply(
            {
                "ID": "the-swarm",
                "Version": {"Index": self._version},
                "Spec": {"Name": "default", "Labels": dict(self.labels)},
                "DataPathPort": self.data_port,
                "JoinTokens": {"Manager": "SWMTKN-manager", "Worker": "SWMTKN-worker"},
            }
        )

    def _begun(self, machine: FakeMachine, request: Request) -> Reply:
        self.data_port = request.body["DataPathPort"]
        self._enter(machine, "manager")
        return reply(f"id-{machine.name}")

    def _joined(self, machine: FakeMachine, request: Request) -> Reply:
        self._enter(machine, request.body["JoinToken"].partition("-")[2])
        return reply()

    def _updated(self, request: Request) -> Reply:
        if f"version={self._version}" not in request.path:
            return refusal(500, "rpc error: update out of sequence")
        self._next()
        self.labels = dict(request.body.get("Labels") or {})
        return reply()

    def _entry_updated(self, request: Request) -> Reply:
        found = self.entries[request.path.split("/")[2]]
        found["Spec"], found["Version"] = request.body, {"Index": self._next()}
        return reply()

    def _network_made(self, request: Request) -> Reply:
        (pool,) = request.body["IPAM"]["Config"]
        self.networks.append(_network(request.body["Name"], pool["Subnet"]))
        return reply({"Id": "n1"}, 201)


Make: TypeAlias = Callable[[Path, pytest.MonkeyPatch], FakeCluster]


def after_apply(
    folder: Path, make: Make, prepare: Callable[[FakeCluster], object] = lambda _: None
) -> dict[str, Any]:
    """Return what a cluster remembers once `docker.apply` has made it.

    Args:
        make: returns it before anything runs there. prepare: called when its Swarm has begun.
    """
    with pytest.MonkeyPatch.context() as patch:
        cluster = make(folder, patch)
        cluster.begin()
        prepare(cluster)
        assert cluster.run("docker.apply") == 0
        return cluster.saved()


def again(
    folder: Path, patch: pytest.MonkeyPatch, make: Make, saved: dict[str, Any]
) -> FakeCluster:
    """Return a cluster as it was saved, and this machine's copy of its secrets."""
    cluster = make(folder, patch)
    cluster.restore(saved)
    secrets_file.write(folder / secrets_file.FILE, secrets.parse(cluster.master.secrets))
    cluster.forget_wire()
    return cluster


def _network(name: str, subnet: str) -> dict[str, Any]:
    return {"Name": name, "Attachable": True, "IPAM": {"Config": [{"Subnet": subnet}]}}
