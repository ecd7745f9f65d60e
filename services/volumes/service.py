"""Data volumes: remote data at /root/mnt/NAME in every service, by one FUSE container per backend.

The container of a backend mounts it under one folder of its node, whence the mount spreads to
every container that binds this folder (decision 5). It is the only one with a privilege.
"""

from __future__ import annotations

from collections.abc import Iterator

from cluster.config.earlier.names import Earlier
from cluster.config.inventory import Host
from cluster.config.settings import Setting
from cluster.errors import ConfigError
from cluster.model.cluster import Cluster
from cluster.model.item import Item
from cluster.model.service import Service
from cluster.model.spec import BRIDGE, FILES_ROOT, ROOT, Container, Image, Mount, Probe
from cluster.model.state import State, Trees
from services.common import MOUNTS, MOUNTS_TARGET, SCRATCH, user
from services.images import own_image
from services.volumes import apparmor
from services.volumes.backends import BACKENDS, Backend
from services.volumes.credentials import files

# To mount; to check a volume as its users do, and to run the client as its own; to give it its
# files, and let users alone in; to look at a mountpoint that nobody may enter. The client has none.
_CAPABILITIES = ("SYS_ADMIN", "SETUID", "SETGID", "CHOWN", "DAC_READ_SEARCH")
_STOP = 60  # seconds that a container has to stop
_DRAIN = 45  # of these, seconds to send closed files that are not at the server yet


class Volumes(Service):
    """The service volumes: a container for each backend, on each node that sees data volumes."""

    name = "volumes"
    node_files = (apparmor.PROFILE,)
    title = "data volumes (SSHFS, S3, Blob)"
    recipe = "docker-fuse"
    settings = (
        Setting("VOLUMES_NAME", "name", "volume-skp", "what the containers' names begin with"),
        Setting("VOLUMES_IMAGE", "image", "skp/docker-fuse", "image"),
        Setting("VOLUMES_TAG", "tag", "latest", "image tag"),
        Setting("VOLUMES_CACHE", "path", "/var/lib/skp/cache", "each node's folder for caches"),
        Setting("VOLUMES_CACHE_SIZE", "memory", "10g", "how large Blob's cache may get on a node"),
        *(setting for backend in BACKENDS for setting in backend.settings),
    )
    earlier = Earlier(
        volumes={
            "sshfs": {
                "conn": "(?P<SSHFS_ID>[^@]+)@(?P<SSHFS_HOST>[^:]+)",
                "opts": "-o sshcmd=(?P<SSHFS_ID>[^@]+)@(?P<SSHFS_HOST>[^:]+):(?P<SSHFS_VOLUME>.+)",
            },
            "s3fs": {
                "bucket": "(?P<S3_ACCOUNT>.+)",
                "account_id": "(?P<S3_ACCESS_ID>.+)",
                "account_key": "(?P<S3_ACCESS_KEY>.+)",
            },
            "blobfs": {
                "account_name": "(?P<BLOB_ACCOUNT_NAME>.+)",
                "account_key": "(?P<BLOB_ACCOUNT_KEY>.+)",
                "container_name": "(?P<BLOB_CONTAINER_NAME>.+)",
            },
        }
    )

    def backends(self, cluster: Cluster) -> tuple[Backend, ...]:
        """Return the backends that are switched on.

        Raises:
            ConfigErrors: one is half filled in.
        """
        return tuple(backend for backend in BACKENDS if backend.on(cluster))

    def hosts(self, cluster: Cluster) -> tuple[Host, ...]:
        """Return the nodes with a container that sees the data volumes; none without a backend."""
        if not self.backends(cluster):
            return ()
        nodes = set(_consumers(cluster))
        return tuple(host for host in cluster.inventory.hosts if host.name in nodes)

    def no_host_error(self, cluster: Cluster) -> ConfigError:
        """Return the error: no backend is switched on, or no chosen node sees data volumes."""
        if not self.backends(cluster):
            groups = "; ".join(", ".join(backend.keys) for backend in BACKENDS)
            return ConfigError(
                f"{cluster.settings.path}: no data volume is switched on", f"Fill in: {groups}."
            )
        return ConfigError(
            "no chosen node runs a service that sees data volumes",
            f"Give a node a label such as jupyter in {cluster.inventory.path}.",
        )

    def images(self, cluster: Cluster) -> tuple[Image, ...]:
        """Return the image with the FUSE clients."""
        return (own_image(self, cluster.settings, cluster.settings.text("VOLUMES_TAG")),)

    def containers(self, cluster: Cluster, facts: State) -> Iterator[Container]:
        """Yield a container for each backend and node. It runs as root: mounting needs that."""
        for host in self.hosts(cluster):
            for backend in self.backends(cluster):
                yield self._container(cluster, facts, host.name, backend)

    def remains(self, cluster: Cluster) -> tuple[str, ...]:
        """Return the credentials that an earlier version kept where notebooks read them."""
        return tuple(f"{cluster.home}/{path}" for backend in BACKENDS for path in backend.shared)

    def after_run(self, cluster: Cluster, facts: State) -> Iterator[Item]:
        """Yield what takes an earlier version's credentials off the shared folder."""
        from services.volumes.shared import RemoveShared

        master, home = cluster.inventory.master.name, f"{cluster.home}/"
        trees = facts.nodes[master].trees if master in facts.nodes else None
        there = trees.remains if isinstance(trees, Trees) else frozenset()
        paths = tuple(p.removeprefix(home) for p in self.remains(cluster) if p in there)
        if paths:
            nodes = tuple(host.name for host in self.hosts(cluster))
            yield RemoveShared(master, cluster.home, nodes, paths)

    def container_name(self, cluster: Cluster, backend: Backend, node: str) -> str:
        """Return the name of the container that mounts `backend` on `node`."""
        return f"{cluster.settings.text('VOLUMES_NAME')}-{backend.name}-{node}"

    def _container(self, cluster: Cluster, facts: State, node: str, backend: Backend) -> Container:
        text = cluster.settings.text
        (image,) = self.images(cluster)
        name, given = self.container_name(cluster, backend, node), files(cluster, backend)
        # An image from before this version reads the files in a folder that CREDENTIALS names.
        before = f"/run/credentials/{backend.name}"
        environment = tuple((word, _text(cluster, key)) for word, key in backend.environment)
        cache = f"{text('VOLUMES_CACHE')}/{backend.name}"
        return Container(
            node=node,
            name=name,
            service=self.name,
            image=image,
            command=("run", backend.name),
            environment=(
                *environment,
                ("OWNER", user(cluster, facts, node)),
                ("CREDENTIALS", before),
                ("DRAIN_SECONDS", str(_DRAIN)),
                ("CACHE_SIZE", text("VOLUMES_CACHE_SIZE").upper()),
            ),
            mounts=(
                Mount(MOUNTS, "/mnt", propagation="rshared", create=True, owner="0:0"),
                Mount(f"{FILES_ROOT}/{name}", before, read_only=True),
                Mount(cache, "/var/cache/volume", create=True, owner="0:0"),
                # The server may be known by a name that only the node's own file has.
                Mount("/etc/hosts", "/etc/hosts", read_only=True),
            ),
            files=given,
            network=BRIDGE,
            user=ROOT,
            devices=("/dev/fuse",),
            capabilities=_CAPABILITIES,
            pids=512,
            read_only=True,
            scratch=("/run", *SCRATCH),
            security=(_apparmor(facts, node),),
            node_files=(apparmor.PROFILE.path,),
            probe=Probe(
                ("/opt/skp/bin/volume-skp", "health"),
                interval=5, timeout=5, retries=2, start_period=60, start_interval=0.5,
            ),
            stop_timeout=_STOP,
            after=("registry",),
            obstacle=() if given else _not_accepted(backend),
        )  # fmt: skip


def _not_accepted(backend: Backend) -> tuple[str, str]:
    return (
        f"its server has not accepted yet what {backend.keys[0]} and the others say",
        f"./skp.py {backend.init}",
    )


def _consumers(cluster: Cluster) -> Iterator[str]:
    """Yield the nodes of all containers, of whatever service, that mount the data volumes."""
    from services import catalogue

    for service in catalogue().values():
        if not isinstance(service, Volumes):
            for container in service.containers(cluster, State({}, {}, None)):
                if any(mount.target == MOUNTS_TARGET for mount in container.mounts):
                    yield container.node


def _apparmor(facts: State, node: str) -> str:
    """Return the engine's option: our profile where the node's kernel has AppArmor.

    The engine's own profile allows no mount.
    """
    known = node in facts.nodes and apparmor.PROFILE.path in facts.nodes[node].files
    return f"apparmor={apparmor.NAME if known else 'unconfined'}"


def _text(cluster: Cluster, key: str) -> str:
    text = cluster.settings.text(key)
    return text.upper() if text in ("True", "False") else text


SERVICE = Volumes()
