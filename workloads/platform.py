"""What the platform itself has of the nodes, as deployments have to know it: values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from workloads.needs import Needs

ALL = -1
"""In place of a number of GPUs: all that the node has."""


@dataclass(frozen=True)
class Platform:
    """What its services have, whether they run now or not.

    Attributes:
        ports: of nodes.
        held: by node, what is not for deployments; its GPUs may be `ALL`.
        image: what every node's engine has by this reference, with busybox in it.
    """

    ports: frozenset[int] = frozenset()
    held: Mapping[str, Needs] = field(default_factory=dict)
    image: str = ""
