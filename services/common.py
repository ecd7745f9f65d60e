"""What several services share: whom they run as, and which data they see."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import PurePosixPath

from cluster.config.inventory import Host
from cluster.config.secrets import SPEC_KEY, Secret
from cluster.errors import ConfigError
from cluster.model.cluster import Cluster
from cluster.model.layout import Folder, Layout, Move
from cluster.model.spec import UNKNOWN_USER, Mount
from cluster.model.state import State
from cluster.model.trees import users_folder

# The folder of every node under which data volumes are mounted. Its consumers need no privilege.
MOUNTS = "/var/lib/skp/mnt"
MOUNTS_TARGET = "/root/mnt"
SCRATCH = ("/tmp",)  # noqa: S108 - the container's own
# For what may be large there: sorts, shuffles, what a notebook unpacks.
DISK = ("/tmp", "/var/tmp")  # noqa: S108 - the container's own
# Where the images of notebooks note a name for their user id (name-user).
NAMES = ("/var/lib/extrausers",)
_PAGE = 32
_UNITS = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


# The numbers of the platform's services, which their user ids come from (decision 13).
(
    REGISTRY_USER,
    MYSQL_USER,
    ZOOKEEPER_USER,
    KAFKA_USER,
    SPARK_USER,
    FLASK_USER,
    NGINX_USER,
    GATEWAY_USER,
    PROMETHEUS_USER,
    ALERTMANAGER_USER,
    GIT_USER,
    GATE_USER,
    API_USER,
) = range(1, 14)


def user(cluster: Cluster, facts: State, node: str) -> str:
    """Return "UID:GID" of users' code, or `UNKNOWN_USER`."""
    return cluster.users if cluster.layout is Layout.TWO_TREES else _one_user(cluster, facts, node)


def own_user(cluster: Cluster, facts: State, node: str, number: int) -> str:
    """Return "UID:GID" of a service of the platform, or `UNKNOWN_USER`.

    Args:
        number: the service's, from above.
    """
    if cluster.layout is Layout.TWO_TREES:
        return cluster.own_user(number)
    return _one_user(cluster, facts, node)


def kept(cluster: Cluster, source: str, target: str, number: int) -> Mount:
    """Return the mount of a folder that is a platform's service's own, made where it is missing.

    Args:
        number: the service's, from above.
    """
    owner = cluster.own_user(number) if cluster.layout is Layout.TWO_TREES else ""
    return Mount(source, target, create=True, owner=owner)


def local(cluster: Cluster, key: str) -> str:
    """Return the path of a folder that has to be each node's own, not one of all.

    Args:
        key: the setting that names it, e.g. "KAFKA_VOLUME".

    Raises:
        ConfigError: it lies on a folder that nodes share.
    """
    settings = cluster.settings
    path = settings.text(key)
    shared = (cluster.home, settings.text("SKP_PLATFORM"), settings.text("SKP_DFS"), MOUNTS)
    for folder in filter(None, shared):
        if len(cluster.inventory.hosts) > 1 and PurePosixPath(path).is_relative_to(folder):
            raise ConfigError(
                f"{settings.place(key)}: {key}: {path} is on {folder}, which all nodes share; each "
                "node's data has to be on a disk of its own",
                f'For example: export {key}="/var/{PurePosixPath(path).name}"',
            )
    return path


def _one_user(cluster: Cluster, facts: State, node: str) -> str:
    """Return whom all services ran as before there were two trees: the shared folder's owner."""
    given = cluster.settings.text("SKP_UID")
    if given:
        return given if ":" in given else f"{given}:{given}"
    owner = facts.nodes[node].owner if node in facts.nodes else ""
    if isinstance(owner, str) and owner and "0" not in owner.split(":"):
        return owner
    return UNKNOWN_USER


def own_folder(cluster: Cluster, key: str, name: str) -> str:
    """Return the path of a service's data.

    A setting that still says where an earlier version kept it means where this one does.

    Args:
        key: the setting that names it, e.g. "MYSQL_VOLUME".
        name: its own name, e.g. "mysql".
    """
    given, (move,) = cluster.settings.text(key), moved(cluster, name)
    if cluster.layout is Layout.ONE_TREE:
        return move.old if given == move.new else given
    return move.new if given == move.old else given


def old_default(cluster: Cluster, key: str, name: str) -> tuple[str, ...]:
    """Return a warning when a setting still says where an earlier version kept a service's data."""
    given, (move,) = cluster.settings.text(key), moved(cluster, name)
    if cluster.layout is Layout.ONE_TREE or given != move.old:
        return ()
    where = f"{cluster.settings.place(key)}: {key}: {given} is where earlier versions had it"
    return (f'{where}; {move.new} is meant: export {key}="$SKP_PLATFORM/{name}"',)


def moved(cluster: Cluster, *names: str, volume: str = "") -> tuple[Move, ...]:
    """Return where data of these names was in the users' folder, and is in the platform's.

    Args:
        volume: the setting that names the users' folder, if a service has its own.
    """
    home = cluster.settings.text(volume) if volume else cluster.home
    return tuple(Move(f"{home}/var/{n}", f"{cluster.platform}/{n}") for n in names)


def leaves(cluster: Cluster, volume: str, name: str, *parts: str) -> tuple[Folder, ...]:
    """Return folders that users' code writes for the platform, below parents that are root's.

    Nobody can put something else in their place. What lies in them is not to be trusted.

    Args:
        volume: the setting that names the users' folder that they are in, e.g. "SPARK_VOLUME".
        name: the service's.
    """
    root = cluster.settings.text(volume)
    parent = f"{root}/var/{name}"
    return (
        users_folder(cluster, root),
        Folder(f"{root}/var", "0:0", 0o755),
        Folder(parent, "0:0", 0o755),
        *(Folder(f"{parent}/{part}", cluster.users, 0o2775) for part in parts),
    )


def name_on(host: Host, index: int, name: str) -> str:
    """Return the name of a service's container on a host: the first one has the plain name.

    Args:
        index: which of the service's hosts it is, from 0 on. name: the plain name.
    """
    return name if index == 0 else f"{name}-{host.name}"


def on_each(name: str, index: int, host: Host) -> str:
    """Return the name of the page of a container on a host: as `name_on`, for host names.

    It has 32 characters at most, as an account's name: a token's audience is of that form.
    """
    if index == 0:
        return name
    full = f"{name}-{host.name.lower().replace('.', '-')}"
    if len(full) <= _PAGE and not full.endswith("-state"):
        return full
    digest = hashlib.sha256(full.encode()).hexdigest()[:6]
    return f"{full[: _PAGE - 7].rstrip('-')}-{digest}"


def data_mounts(cluster: Cluster, volume: str) -> tuple[Mount, ...]:
    """Return the mounts of the shared volume, the data volumes, and the DFS if SKP_DFS names one.

    The data volumes' parent is read-only, the volumes are not: nobody, not even root, can write
    where a volume is not mounted (decision 49). Volumes may appear while the container runs.

    Args:
        volume: the setting that names the volume, e.g. "JUPYTER_VOLUME".
    """
    mounts = [
        Mount(cluster.settings.text(volume), "/root/volume"),
        Mount(
            MOUNTS, MOUNTS_TARGET, read_only=True, propagation="rslave", create=True, owner="0:0"
        ),
    ]
    if dfs := cluster.settings.text("SKP_DFS"):
        mounts.append(Mount(dfs, f"{MOUNTS_TARGET}/dfs"))
    return tuple(mounts)


def identity(cluster: Cluster, service: str) -> str:
    """Return an id for the data of `service` that no other cluster has.

    It is derived from the cluster's key, so it stays the same as long as the stored secrets do. Its
    form is Kafka's (22 characters of base64); the first bit is 0, so that it never begins with a
    dash.
    """
    digest = Secret(f"{service}-cluster").fingerprint(cluster.secrets[SPEC_KEY])
    raw = bytes.fromhex(digest)
    return base64.urlsafe_b64encode(bytes([raw[0] & 0x7F]) + raw[1:]).decode().rstrip("=")


def memory(cluster: Cluster, key: str) -> int:
    """Return the setting `key`, such as "512m" or "4g", in bytes; 0 for no limit."""
    text = cluster.settings.text(key).lower()
    if not text:
        return 0
    match = re.fullmatch(r"([0-9]+)([kmg])", text)
    if match is None:  # for the type checker: the schema allows nothing else
        raise ConfigError(f"{key}: {text} is not an amount of memory")
    return int(match[1]) * _UNITS[match[2]]


def shared_memory(cluster: Cluster, key: str, limit: str) -> int:
    """Return the setting `key`, the size of /dev/shm, in bytes; 0 for half of the memory limit.

    Args:
        limit: the setting of the memory limit, which what is in /dev/shm counts to.

    Raises:
        ConfigError: it is more than the limit.
    """
    size, most = memory(cluster, key), memory(cluster, limit)
    if 0 < most < size:
        text, place = cluster.settings.text, cluster.settings.place(key)
        raise ConfigError(
            f"{place}: {key}: {text(key)} is more than the container may use, {text(limit)} "
            f'({limit}); allowed: that at most, or "" for half of it'
        )
    return size


def check_memory(cluster: Cluster, key: str, least: int) -> None:
    """Refuse a memory limit below `least` bytes; no limit is allowed.

    Raises:
        ConfigError: it is too small.
    """
    if 0 < memory(cluster, key) < least:
        raise ConfigError(
            f"{cluster.settings.place(key)}: {key}: {cluster.settings.text(key)} is too little for "
            f'it to work; allowed: {least >> 20}m or more, or "" for no limit'
        )


def cpus(cluster: Cluster, key: str) -> float:
    """Return the setting `key` in cores; 0 for no limit."""
    return float(cluster.settings.text(key) or 0)
