"""The registry: a writer on the master and a reader on every other node, over shared storage.

Every node's registry listens on that node's loopback only, in the node's own network, so that
`localhost:5000/skp/docker-ds` means the same image everywhere and no port is open to the network.
Several writers over one storage would lose uploads; readers therefore run in Distribution's
read-only maintenance mode (distribution.github.io, configuration, `storage.maintenance`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from cluster.config.earlier.names import Earlier, Outdated
from cluster.config.inventory import Host
from cluster.config.secrets import Secret
from cluster.config.settings import Setting
from cluster.model.cluster import Cluster
from cluster.model.layout import Folder, Move
from cluster.model.service import Service
from cluster.model.spec import (
    REGISTRY,
    SECRETS_TARGET,
    Container,
    Image,
    Mount,
    Port,
    Probe,
    SecretFile,
    Source,
)
from cluster.model.state import State
from services.common import REGISTRY_USER, SCRATCH, kept, moved, old_default, own_folder, own_user

_STORAGE = "/var/lib/registry"
_ADDRESS = REGISTRY.replace("localhost", "127.0.0.1")
_PORT = int(REGISTRY.split(":")[1])


class Registry(Service):
    """The service registry: one container on every node."""

    name = "registry"
    title = "image registry on every node"
    settings = (
        Setting("REGISTRY_NAME", "name", "registry-skp", "container name"),
        Setting("REGISTRY_VOLUME", "path", "$SKP_PLATFORM/registry", "shared storage"),
        Setting("REGISTRY_IMAGE", "public-image", "skp/docker-registry", "image"),
        Setting("REGISTRY_TAG", "tag", "latest", "image tag"),
        Setting("REGISTRY_HTTP_SECRET", "password", "", "shared by all registries; generated"),
    )
    earlier = Earlier(
        outdated={"REGISTRY_PORT": Outdated("the registry listens on each node's port 5000")},
        containers={"registry": "REGISTRY_NAME"},
        ports={"5000": ""},
        image="REGISTRY",
        data={"/var/lib/registry": "REGISTRY_VOLUME"},
    )

    def hosts(self, cluster: Cluster) -> tuple[Host, ...]:
        """Return all hosts; the label `registry` is accepted, not needed."""
        return cluster.inventory.hosts

    def images(self, cluster: Cluster) -> tuple[Image, ...]:
        """Return its image, which is streamed: before it runs there is no registry."""
        text = cluster.settings.text
        return (Image(text("REGISTRY_IMAGE"), text("REGISTRY_TAG"), Source.STREAM),)

    def folders(self, cluster: Cluster) -> tuple[Folder, ...]:
        """Return its storage, where that is the platform's."""
        (move,) = moved(cluster, self.name)
        own = own_folder(cluster, "REGISTRY_VOLUME", self.name) == move.new
        return (Folder(move.new, cluster.own_user(REGISTRY_USER), 0o750),) if own else ()

    def warnings(self, cluster: Cluster) -> tuple[str, ...]:
        """Return that a setting says where an earlier version kept its data, if it does."""
        return old_default(cluster, "REGISTRY_VOLUME", self.name)

    def moves(self, cluster: Cluster) -> tuple[Move, ...]:
        """Return where its storage was."""
        return moved(cluster, self.name) if self.folders(cluster) else ()

    def containers(self, cluster: Cluster, facts: State) -> Iterator[Container]:
        """Yield a container of the same name for each node; the master's may write."""
        (image,) = self.images(cluster)
        for host in self.hosts(cluster):
            writes = host == cluster.inventory.master
            yield Container(
                node=host.name,
                name=cluster.settings.text("REGISTRY_NAME"),
                service=self.name,
                image=image,
                command=(f"{SECRETS_TARGET}/config.yml",),
                mounts=(_storage(cluster, writes),),
                files=(SecretFile("config.yml", _config(cluster, writes)),),
                ports=(Port(_PORT, _PORT, address="127.0.0.1"),),
                user=own_user(cluster, facts, host.name, REGISTRY_USER),
                read_only=True,
                scratch=SCRATCH,
                probe=Probe(
                    ("busybox", "wget", "-q", "-O", "/dev/null", f"http://{_ADDRESS}/v2/"),
                    timeout=5,
                    start_period=60,
                    start_interval=0.25,
                ),
            )


def _storage(cluster: Cluster, writes: bool) -> Mount:
    source = own_folder(cluster, "REGISTRY_VOLUME", Registry.name)
    if writes:
        return kept(cluster, source, _STORAGE, REGISTRY_USER)
    return Mount(source, _STORAGE, read_only=True, create=True)


def _config(cluster: Cluster, writes: bool) -> Secret:
    """Return the configuration as JSON, which is YAML too; it holds the HTTP secret."""
    storage: dict[str, object] = {"filesystem": {"rootdirectory": _STORAGE}}
    if writes:
        storage["delete"] = {"enabled": True}
    else:
        storage["maintenance"] = {
            "readonly": {"enabled": True},
            "uploadpurging": {"enabled": False},
        }
    config = {
        "version": 0.1,
        "log": {"level": "warn", "accesslog": {"disabled": True}},
        "storage": storage,
        "http": {
            "addr": _ADDRESS,
            "secret": cluster.secrets["REGISTRY_HTTP_SECRET"].reveal(),
        },
    }
    return Secret(json.dumps(config, indent=1))


SERVICE = Registry()
