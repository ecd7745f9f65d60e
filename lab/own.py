"""The Docker Engine in a place of its own that bin/setup makes where a machine has none."""

from __future__ import annotations

from collections.abc import MutableMapping
from pathlib import Path

PLACE = Path("/opt/skp")
"""Where bin/setup puts it (PLACE in bin/lib-apt.sh): its `docker`, its socket, its data."""


def use(environment: MutableMapping[str, str], place: Path = PLACE) -> None:
    """Have whatever reads `environment` use that engine, if it was made and no other is named.

    Args:
        environment: gets DOCKER_HOST, and the engine's own `docker` first on PATH.
    """
    if environment.get("DOCKER_HOST") or not (place / "bin/docker").exists():
        return
    environment["DOCKER_HOST"] = f"unix://{place}/engine/run/docker.sock"
    environment["PATH"] = f"{place}/bin:{environment.get('PATH', '')}"
