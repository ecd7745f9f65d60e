"""Nodes, services and tasks of deployments, as an engine would tell them."""

from __future__ import annotations

from typing import Any

from cluster.config.secrets import Secret
from workloads.naming import Piece
from workloads.store import Found

KEY = Secret("key")
GIB = 1 << 30


def node(name: str, state: str = "ready", gpus: int = 0, **labels: str) -> dict[str, Any]:
    named = [{"NamedResourceSpec": {"Kind": "GPU", "Value": f"{name}-{n}"}} for n in range(gpus)]
    return {
        "ID": f"id-{name}",
        "Spec": {"Labels": labels, "Availability": "active"},
        "Status": {"State": state, "Addr": "10.0.0.1"},
        "Description": {
            "Hostname": name,
            "Resources": {"NanoCPUs": 4 * 10**9, "MemoryBytes": 8 * GIB, "GenericResources": named},
        },
    }


def service(revision: int = 1, update: str = "", **reserved: Any) -> Found:
    piece = Piece("vision", "web", 0, "main")
    template = {
        "ContainerSpec": {"Image": "localhost:5000/x@sha256:0"},
        "Resources": {"Reservations": {"MemoryBytes": GIB, **reserved}},
        "Placement": {"Constraints": ["node.labels.zone==a"]},
    }
    spec = {"Name": piece.name, "TaskTemplate": template, "EndpointSpec": {"Ports": []}}
    return Found(piece, revision, "service", 1, spec, update)


def task(state: str, number: int = 1, revision: int = 1, **more: Any) -> dict[str, Any]:
    status = {"State": state, **more.pop("status", {})}
    desired = "shutdown" if state in ("failed", "shutdown", "complete") else "running"
    return {
        "ID": f"task-{number}",
        "ServiceID": "service",
        "NodeID": "id-c01",
        "CreatedAt": f"2026-01-01T00:00:{number:02d}Z",
        "DesiredState": desired,
        "Status": status,
        "Spec": {
            "ContainerSpec": {"Labels": {"skp.deployment.revision": str(revision)}},
            "Resources": {"Reservations": {"MemoryBytes": GIB}},
        },
    } | more
