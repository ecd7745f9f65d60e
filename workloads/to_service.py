"""Services of the Swarm from a deployment that was let in. Pure.

The field names are those of the Engine API 1.44 (docs.docker.com, ServiceCreate).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cluster.config.secrets import Secret
from workloads import account_service, volumes
from workloads.model import Deployment, Health, Order, Part, Volume, VolumeKind
from workloads.naming import REVISION, Piece, pieces
from workloads.needs import GPU, Needs, needs_of
from workloads.secrets import Stored

_SECOND = 10**9  # nanoseconds
_PIDS = 4096
# What has to be root inside gets these and no others: sshd logs in, and becomes somebody.
_ROOT = (
    "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "KILL", "NET_BIND_SERVICE", "SETGID",
    "SETUID", "SYS_CHROOT",
)  # fmt: skip
# Without an identity NVIDIA's runtime gives no GPU; images of NVIDIA's say "all" of themselves.
# Where one is reserved, the engine says the other; an image is not to say it either.
_NO_GPUS, _NONE_RESERVED = "NVIDIA_VISIBLE_DEVICES=void", "DOCKER_RESOURCE_GPU=void"
_LOG = {"Name": "json-file", "Options": {"max-size": "20m", "max-file": "3"}}
# By HTTP from inside, with whichever client the image has.
_FETCH = (
    'if command -v curl >/dev/null; then exec curl -fsS -o /dev/null "$0"; '
    'elif command -v wget >/dev/null; then exec wget -q -O /dev/null "$0"; '
    "else exec python3 -c 'import sys,urllib.request as r; r.urlopen(sys.argv[1])' \"$0\"; fi"
)


@dataclass(frozen=True)
class Granted:
    """What a deployment was given when it was let in.

    Attributes:
        project: whose it is. revision: which of its revisions this is, from 1 on.
        user: "UID:GID" of its processes.
        images: by part, the reference with the digest that is on record.
        ports: of nodes, by "COPY/PART/PORT/PROTOCOL".
        network: the id of the project's network.
        nodes: by copy, the id of the node that it is held to; "" for any.
        folder: on every node, the project's folder on the shared file system.
        secrets: by name, those of the project that it names, with their ids in the store.
        default: what a container gets that says nothing.
        key: the cluster's, for marks.
        door: the id of the project's network with the front door; "" if nothing of it is there.
        slots: by container, which of its two services this revision is.
    """

    project: str
    revision: int
    user: str
    images: Mapping[str, str]
    ports: Mapping[str, int]
    network: str
    nodes: tuple[str, ...]
    folder: str
    secrets: Stored
    default: Needs
    key: Secret
    door: str = ""
    slots: Mapping[str, int] = field(default_factory=dict)


def specs(wanted: Deployment, granted: Granted) -> Iterator[dict[str, Any]]:
    """Yield a service's specification for each container of each copy."""
    for piece, part in pieces(wanted, granted.project, granted.slots):
        yield _service(wanted, part, piece, granted)


def makes_room(wanted: Deployment, part: Part, nodes: Sequence[str]) -> bool:
    """Whether an old task has to end before a new one begins: both would want the same thing.

    Args:
        nodes: by copy, the node that it is held to; "" for any.
    """
    has_port = any(port.on_node for port in part.ports)
    held = bool(nodes[0]) or has_port or bool(part.resources.gpus)
    return wanted.order is Order.STOP_FIRST or (held and wanted.order is Order.AUTO)


def _service(wanted: Deployment, part: Part, piece: Piece, granted: Granted) -> dict[str, Any]:
    order = "stop-first" if makes_room(wanted, part, granted.nodes) else "start-first"
    return {
        "Name": piece.name,
        "Labels": piece.labels(granted.revision, granted.key),
        "TaskTemplate": {
            "ContainerSpec": _container(wanted, part, piece, granted),
            "Resources": _resources(wanted, part, granted),
            "Placement": {"Constraints": _constraints(wanted, part, piece, granted)},
            "RestartPolicy": {"Condition": "any", "Delay": 5 * _SECOND},
            "Networks": list(_networks(wanted, part, piece, granted)),
            "LogDriver": _LOG,
        },
        "Mode": {"Replicated": {"Replicas": 1}},
        "UpdateConfig": {
            "Parallelism": 1,
            "FailureAction": "rollback",
            "Monitor": wanted.monitor * _SECOND,
            "MaxFailureRatio": 0,
            "Order": order,
        },
        "RollbackConfig": {"Parallelism": 1, "FailureAction": "pause", "Order": order},
        "EndpointSpec": {"Mode": "dnsrr", "Ports": list(_ports(part, piece, granted))},
    }


def _container(wanted: Deployment, part: Part, piece: Piece, granted: Granted) -> dict[str, Any]:
    found: dict[str, Any] = {
        "Image": granted.images[part.name],
        # (By it a task tells which revision it is of: the service has the newest at once.)
        "Labels": {REVISION: str(granted.revision)},
        "Hostname": _hostname(part, piece),
        "Env": [
            *([_NO_GPUS] if part.resources.gpus else [_NO_GPUS, _NONE_RESERVED]),
            *(f"{key}={value}" for key, value in part.env.items()),
        ],
        "User": "0:0" if part.as_root else granted.user,
        "Init": True,
        "StopGracePeriod": wanted.stop_time * _SECOND,
        "Mounts": list(_mounts(wanted, part, piece, granted)),
        "Secrets": list(_secrets(part, granted)),
        "Privileges": {"NoNewPrivileges": True},
        "CapabilityDrop": ["ALL"],
        "CapabilityAdd": [f"CAP_{name}" for name in _ROOT] if part.as_root else [],
    }
    if part.command:
        found["Command"] = list(part.command)
    if part.args:
        found["Args"] = list(part.args)
    if part.workdir:
        found["Dir"] = part.workdir
    if part.health:
        found["Healthcheck"] = _health(part.health)
    return found


def _hostname(part: Part, piece: Piece) -> str:
    """Return what a container is called inside; newer engines know it on its networks by that, too.

    Where the front door is, it has a dot after the copy's number, as nothing of the platform has:
    else a deployment flask-skp-node would be called like the account service of the node node-0.
    """
    domain = f".{piece.project}" if part.ways else ""
    return f"{piece.deployment}-{piece.copy}{domain}"[:63].rstrip("-.")


def _health(health: Health) -> dict[str, Any]:
    url = f"http://127.0.0.1:{health.port}{health.path}"
    test = ["CMD", *health.command] if health.command else ["CMD", "sh", "-c", _FETCH, url]
    return {
        "Test": test,
        "Interval": health.interval * _SECOND,
        "Timeout": health.timeout * _SECOND,
        "Retries": health.retries,
        "StartPeriod": health.start * _SECOND,
        "StartInterval": _SECOND,
    }


def _resources(wanted: Deployment, part: Part, granted: Granted) -> dict[str, Any]:
    needs = needs_of(wanted, part, granted.default)
    cpus, memory = int(needs.cpus * _SECOND), needs.memory
    # (What is in /dev/shm counts as the memory of who wrote it.)
    limit = part.resources.memory or granted.default.memory + wanted.shm
    reserved: dict[str, Any] = {"NanoCPUs": cpus, "MemoryBytes": memory}
    if part.resources.gpus:
        one = {"DiscreteResourceSpec": {"Kind": GPU, "Value": part.resources.gpus}}
        reserved["GenericResources"] = [one]
    limits = {"NanoCPUs": cpus, "MemoryBytes": limit, "Pids": _PIDS}
    return {"Limits": limits, "Reservations": reserved}


def _constraints(wanted: Deployment, part: Part, piece: Piece, granted: Granted) -> list[str]:
    found = [f"node.labels.{key}=={value}" for key, value in wanted.placement]
    if part.resources.gpu_type:
        found.append(f"node.labels.gpu-type=={part.resources.gpu_type}")
    if node := granted.nodes[piece.copy]:
        found.append(f"node.id=={node}")
    return found


def _networks(
    wanted: Deployment, part: Part, piece: Piece, granted: Granted
) -> Iterator[dict[str, Any]]:
    yield {"Target": granted.network, "Aliases": _aliases(wanted, part, piece)}
    if part.ways:
        yield {"Target": granted.door}


def _aliases(wanted: Deployment, part: Part, piece: Piece) -> list[str]:
    """Return the names by which the project's other containers reach it."""
    own = f"{wanted.name}-{piece.copy}"
    first = [wanted.name, own] if part is wanted.parts[0] else []
    return [*first, f"{part.name}.{wanted.name}", f"{part.name}.{own}"]


def _ports(part: Part, piece: Piece, granted: Granted) -> Iterator[dict[str, Any]]:
    for port in part.ports:
        if port.on_node:
            yield {
                "Protocol": port.protocol,
                "TargetPort": port.port,
                "PublishedPort": granted.ports[piece.port(port)],
                "PublishMode": "host",
            }


def _mounts(
    wanted: Deployment, part: Part, piece: Piece, granted: Granted
) -> Iterator[dict[str, Any]]:
    if wanted.shm:
        yield _shm(wanted, piece)
    for name, path in part.volumes.items():
        yield _volume(wanted.volumes[name], path, granted)


def _shm(wanted: Deployment, piece: Piece) -> dict[str, Any]:
    """Return the mount of /dev/shm: the containers of a copy share one."""
    found: dict[str, Any] = {"Target": "/dev/shm", "Type": "tmpfs"}  # noqa: S108 - its own
    if len(wanted.parts) == 1:
        return found | {"TmpfsOptions": {"SizeBytes": wanted.shm, "Mode": 0o1777}}
    # (A volume that is there keeps its size: another size is another one.)
    shared = Piece(
        piece.project, piece.deployment, piece.copy, f"shm{wanted.shm >> 10}", piece.slot
    ).name
    options = {"type": "tmpfs", "device": "tmpfs", "o": f"size={wanted.shm},mode=1777"}
    driver = {"DriverConfig": {"Name": "local", "Options": options}}
    return found | {"Type": "volume", "Source": shared, "VolumeOptions": driver}


def _volume(volume: Volume, path: str, granted: Granted) -> dict[str, Any]:
    where = volumes.source(volume, granted.folder)
    found: dict[str, Any] = {"Type": "bind", "Source": where, "Target": path}
    if volume.kind is VolumeKind.DATA:
        # (Read-only, it would be so in all that is mounted beneath it.)
        found["BindOptions"] = {"Propagation": "rslave"}
    return found


def _secrets(part: Part, granted: Granted) -> Iterator[dict[str, Any]]:
    for name in part.secrets:
        yield _secret(name, name, granted.user, granted)
    if part.accounts:
        yield _secret(account_service.NAME, account_service.FILE, "0:0", granted)


def _secret(name: str, path: str, user: str, granted: Granted) -> dict[str, Any]:
    uid, _, gid = user.partition(":")
    file = {"Name": path, "UID": uid, "GID": gid, "Mode": 0o400}
    stored, ident = granted.secrets[name]
    return {"File": file, "SecretID": ident, "SecretName": stored.stored_as}
