"""What containers of deployments reserve of a node. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cluster.model.spec import GPU_RESOURCE
from workloads.model import Deployment, Part

GPU = GPU_RESOURCE
"""The generic resource of nodes that GPUs are, by identity."""


@dataclass(frozen=True)
class Needs:
    """What a container, or all of a copy, reserve: cores, bytes, GPUs."""

    cpus: float = 0
    memory: int = 0
    gpus: int = 0

    def __add__(self, other: Needs) -> Needs:
        return Needs(self.cpus + other.cpus, self.memory + other.memory, self.gpus + other.gpus)


def needs_of(wanted: Deployment, part: Part, default: Needs) -> Needs:
    """Return what a container reserves.

    Where it says nothing of memory, it is the default, and its share of /dev/shm: what is in that
    counts as the memory of those who wrote it.
    """
    own = part.resources
    memory = own.memory or default.memory + wanted.shm // len(wanted.parts)
    return Needs(own.cpus or default.cpus, memory, own.gpus)


def needed(template: Mapping[str, Any]) -> Needs:
    """Return what a task of a service reserves."""
    reserved = template["Resources"]["Reservations"]
    gpus = sum(
        one["DiscreteResourceSpec"]["Value"]
        for one in reserved.get("GenericResources") or []
        if one["DiscreteResourceSpec"]["Kind"] == GPU
    )
    return Needs(reserved.get("NanoCPUs", 0) / 1e9, reserved.get("MemoryBytes", 0), gpus)
