"""The guide's commands, as it prints them, in its order; a shell takes the quotes away."""

from __future__ import annotations

FIRST_HALF = (
    "docker.swarm-init",
    "docker.swarm-join",
    "docker.swarm-label",
    "docker.swarm-network",
    "docker.registry-run",
    'docker.image-build-ds -l="ko_KR.UTF-8" -g="FALSE" -t="latest"',
    "docker.jupyter-run",
)
