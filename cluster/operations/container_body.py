"""The body of the Engine API's request that creates a container, and its labels. Pure."""

from __future__ import annotations

import json
from typing import Any

from cluster.config.secrets import Secret
from cluster.model.spec import (
    FILES_ROOT,
    GPU_RUNTIME,
    HOST,
    SECRETS_TARGET,
    Container,
    Mount,
    Port,
    fingerprint,
)
from cluster.model.state import (
    LABEL_AFTER,
    LABEL_BUSY,
    LABEL_FIELDS,
    LABEL_PREVIOUS,
    LABEL_READY_CHECK,
    LABEL_REMOVAL_CHECK,
    LABEL_SERVICE,
    LABEL_SPEC,
    FoundContainer,
)

# (Java's libraries unpack programs there, and run them.)
_SCRATCH = "rw,exec,nosuid,nodev,size=64m,mode=1777"
_GPUS = {"Driver": GPU_RUNTIME, "Capabilities": [["gpu"]]}


def labels(
    container: Container, identity: str, found: FoundContainer | None, key: Secret
) -> dict[str, str]:
    """Return the labels that say what a container was made from, and how to ask it.

    Args:
        identity: its image's id or digest.
        found: the container that it replaces; None for none.
        key: the cluster's key for hashes.
    """
    described = container.described(identity or None, key)
    made = {
        LABEL_SERVICE: container.service,
        LABEL_SPEC: fingerprint(described, key),
        LABEL_FIELDS: json.dumps(described, sort_keys=True, separators=(",", ":")),
    }
    words = {
        LABEL_BUSY: container.busy,
        LABEL_READY_CHECK: container.ready_check,
        LABEL_REMOVAL_CHECK: container.removal_check,
        LABEL_AFTER: container.after,
    }
    made |= {label: json.dumps(command) for label, command in words.items() if command}
    if previous := _previous(found, identity):
        made[LABEL_PREVIOUS] = previous
    return made


def _previous(found: FoundContainer | None, identity: str) -> str:
    """Return the digest of the image that ran here before this one; "" for none."""
    if found is None:
        return ""
    replaced = str((found.fields.get("image") or {}).get("id") or "")
    return found.previous if replaced in ("", identity) else replaced


def config(container: Container, labels: dict[str, str]) -> dict[str, Any]:
    """Return the Engine API's body for POST /containers/create (API reference v1.44)."""
    config: dict[str, Any] = {
        "Image": container.image.reference,
        "Hostname": container.name[:63] if container.network != HOST else "",
        "Env": [f"{key}={value}" for key, value in container.environment],
        "User": container.user,
        "Labels": labels,
        "StopTimeout": container.stop_timeout,
        "ExposedPorts": {f"{p.container}/{p.protocol}": {} for p in _published(container)},
        "HostConfig": _host_config(container),
    }
    if container.command:
        config["Cmd"] = list(container.command)
    if container.entrypoint:
        config["Entrypoint"] = list(container.entrypoint)
    if container.probe:
        config["Healthcheck"] = _healthcheck(container)
    if container.on_overlay:
        endpoint = {"Aliases": [container.name, *container.aliases]}
        config["NetworkingConfig"] = {
            "EndpointsConfig": dict.fromkeys(container.overlays, endpoint)
        }
    return config


def _published(container: Container) -> tuple[Port, ...]:
    return () if container.network == HOST else container.ports


def _bindings(container: Container) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = {}
    for port in _published(container):
        binding = {"HostIp": port.address, "HostPort": str(port.host)}
        found.setdefault(f"{port.container}/{port.protocol}", []).append(binding)
    return found


def _host_config(container: Container) -> dict[str, Any]:
    return {
        "NetworkMode": _network_mode(container),
        "Mounts": _mounts(container),
        "PortBindings": _bindings(container),
        "RestartPolicy": {"Name": container.restart},
        "Init": True,
        "Memory": container.memory,
        # (The engine's own 64 MB are too little for workers that share arrays. 0 means these.)
        "ShmSize": container.shm or container.memory // 2,
        "NanoCpus": int(container.cpus * 1e9),
        "PidsLimit": container.pids,
        "CapDrop": ["ALL"],
        "CapAdd": list(container.capabilities),
        "ReadonlyRootfs": container.read_only,
        "Tmpfs": dict.fromkeys(container.scratch, _SCRATCH),
        "SecurityOpt": ["no-new-privileges", *container.security],
        "Devices": [
            {"PathOnHost": d, "PathInContainer": d, "CgroupPermissions": "rwm"}
            for d in container.devices
        ],
        "DeviceRequests": [{**_GPUS, "Count": container.gpus}] if container.gpus else [],
        # Bounded, or a chatty container fills the node's disk; of the form that collectors read.
        "LogConfig": {"Type": "json-file", "Config": {"max-size": "20m", "max-file": "3"}},
    }


def _network_mode(container: Container) -> str:
    """Return the network to name as the container's own.

    That of a container on several overlays is left open, as Swarm leaves that of its tasks (the
    engine shows it as "bridge", of which the container is no part then). An engine joins them in
    any order at each start, and looks up the one named here at each of the others: while that one
    has no container on the node yet, the start fails ("could not find a network matching network
    mode"; moby's `connectToNetwork`, 26.0 and later; seen at 3 of 24 starts).
    """
    return "default" if len(container.overlays) > 1 else container.network


def _mounts(container: Container) -> list[dict[str, Any]]:
    mounts: list[dict[str, Any]] = [
        {
            "Type": "bind",
            "Source": mount.source,
            "Target": mount.target,
            "ReadOnly": mount.read_only,
            "BindOptions": _bind_options(mount),
        }
        for mount in container.mounts
    ]
    # (Without a source the engine makes one, and removes it with the container.)
    mounts += [{"Type": "volume", "Target": path} for path in container.disk]
    if container.has_files:
        mounts.append(
            {
                "Type": "bind",
                "Source": f"{FILES_ROOT}/{container.name}",
                "Target": SECRETS_TARGET,
                "ReadOnly": True,
            }
        )
    return mounts


def _bind_options(mount: Mount) -> dict[str, Any]:
    options: dict[str, Any] = {"Propagation": mount.propagation}
    if mount.read_only and mount.propagation != "rprivate":
        # Without it, engines from version 25 on make all mounts beneath this one read-only too.
        options["ReadOnlyNonRecursive"] = True
    return options


def _healthcheck(container: Container) -> dict[str, Any]:
    probe = container.probe
    assert probe is not None
    return {
        "Test": ["CMD", *probe.command],
        "Interval": int(probe.interval * 1e9),
        "Timeout": int(probe.timeout * 1e9),
        "Retries": probe.retries,
        "StartPeriod": int(probe.start_period * 1e9),
        "StartInterval": int(probe.start_interval * 1e9),
    }
