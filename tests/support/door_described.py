"""A cluster with a front door, as it is described."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from cluster.model.cluster import Cluster
from tests.support.described import described


def hosts(**labels: str) -> dict[str, Any]:
    """Return two nodes; `labels` says which has which."""
    return {
        f"c0{n}": {
            "ipv4": f"10.0.0.{n}",
            "groups": ["master", "manager"] if n == 1 else ["manager"],
            "labels": [
                {key.replace("_", "-"): "enable"} for key, on in labels.items() if str(n) in on
            ],
        }
        for n in (1, 2)
    }


def wanted(
    folder: Path, values: Mapping[str, str] = MappingProxyType({}), **labels: str
) -> Cluster:
    """Return a cluster whose images were built, with MySQL, notebooks on both nodes and Spark."""
    found = described(
        folder, hosts(**{"mysql": "1", "jupyter": "12", "spark_master": "1"} | labels), values
    )
    images = frozenset(f"skp/docker-{name}:latest" for name in ("flask", "nginx", "gateway"))
    return replace(found, recorded=images)
