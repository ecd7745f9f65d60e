"""The work that every contender does, as plain values: what is there afterwards is checked."""

from __future__ import annotations

from typing import Any, Final

IMAGE: Final = "skp-bench/sleep:latest"
NETWORK: Final = "net-bench"
SUBNET: Final = "10.92.0.0/16"
MTU_BELOW: Final = "1500"  # what the lab's nodes have; SKP finds it out by itself
LABEL: Final = "sleeper"  # of nodes: the service's name, as in hosts.json
ALIAS: Final = "sleeper-bench"
VARIABLE: Final = "SLEEPER_VALUE"
STOP_SECONDS: Final = 10
VALUES: Final = {"bring-up": "first", "no-op": "first", "redeploy": "second"}
PHASES: Final = tuple(VALUES)


def container_name(node: str) -> str:
    """Return the name of the container on a node."""
    return f"{ALIAS}-{node}"


def container_config(node: str, value: str) -> dict[str, Any]:
    """Return the body of the Engine API's POST /containers/create for a node's container."""
    name = container_name(node)
    return {
        "Image": IMAGE,
        "Hostname": name,
        "Env": [f"{VARIABLE}={value}"],
        "StopTimeout": STOP_SECONDS,
        "HostConfig": {
            "NetworkMode": NETWORK,
            "RestartPolicy": {"Name": "unless-stopped"},
            "Init": True,
            "SecurityOpt": ["no-new-privileges"],
            "LogConfig": {"Type": "json-file", "Config": {"max-size": "20m", "max-file": "3"}},
        },
        "NetworkingConfig": {"EndpointsConfig": {NETWORK: {"Aliases": [name, ALIAS]}}},
    }
