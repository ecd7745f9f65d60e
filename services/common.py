"""What several services share: whom they run as, and which data they see."""

from __future__ import annotations

import base64
import re

from cluster.config.secrets import SPEC_KEY, Secret
from cluster.errors import ConfigError
from cluster.model.cluster import Cluster
from cluster.model.spec import UNKNOWN_USER, Mount
from cluster.model.state import State

# The folder of every node under which data volumes are mounted. Its consumers need no privilege.
MOUNTS = "/var/lib/skp/mnt"
MOUNTS_TARGET = "/root/mnt"
SCRATCH = ("/tmp",)  # noqa: S108 - the container's own
_UNITS = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


def user(cluster: Cluster, facts: State, node: str) -> str:
    """Return "UID:GID" of services that share the volume (decision 7), or `UNKNOWN_USER`.

    Where that folder is root's, nobody has said whom they run as: root has to be said.
    """
    given = cluster.settings.text("SKP_UID")
    if given:
        return given if ":" in given else f"{given}:{given}"
    owner = facts.nodes[node].owner if node in facts.nodes else ""
    if isinstance(owner, str) and owner and "0" not in owner.split(":"):
        return owner
    return UNKNOWN_USER


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
