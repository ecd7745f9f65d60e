"""How the containers of a lab are confined, as their engines tell it."""

from __future__ import annotations

import json
from typing import Any

from tests.support.lab import NODES, on

# What a service has beside the rest, each with its reason in docs/security.md.
CAPABILITIES = {
    "volumes": {"SYS_ADMIN", "SETUID", "SETGID", "CHOWN", "DAC_READ_SEARCH"},
}
ROOT = {"volumes", "portainer"}
OF_THE_NODE = {"registry"}
READ_ONLY = {"registry", "zookeeper", "kafka", "volumes"}
SHARED_MOUNTS = {"volumes"}


def inspected(node: str) -> list[dict[str, Any]]:
    """Return all of our containers on a node, as its engine inspects them."""
    asked = "docker inspect $(docker ps -aq --filter label=skp.service)"
    found: list[dict[str, Any]] = json.loads(on(node, asked).out)
    return found


def check_confined(*services: str) -> None:
    """Every container of ours is confined as docs/security.md says, and these services run."""
    seen = set()
    for node in NODES:
        for container in inspected(node):
            service = container["Config"]["Labels"]["skp.service"]
            seen.add(service)
            wrong = [word for word, right in _rules(service, container) if not right]
            assert wrong == [], (container["Name"], wrong)
    assert seen >= set(services)


def _rules(service: str, container: dict[str, Any]) -> list[tuple[str, bool]]:
    host = container["HostConfig"]
    added = {word.removeprefix("CAP_") for word in host["CapAdd"] or []}
    uid = container["Config"]["User"].partition(":")[0]
    return [
        ("privileged", not host["Privileged"]),
        ("all capabilities are dropped", host["CapDrop"] == ["ALL"]),
        ("no more capabilities than it needs", added == CAPABILITIES.get(service, set())),
        ("no new privileges", "no-new-privileges" in host["SecurityOpt"]),
        ("the default seccomp profile", not any("seccomp" in o for o in host["SecurityOpt"])),
        ("a limit of processes", 0 < host["PidsLimit"] <= 4096),
        ("a limit of memory", host["Memory"] > 0),
        ("not root", uid not in ("", "0") or service in ROOT),
        ("a network of its own", (host["NetworkMode"] != "host") == (service not in OF_THE_NODE)),
        ("no other namespace of the node's", not host["PidMode"] and host["IpcMode"] != "host"),
        ("a root that it can't write", host["ReadonlyRootfs"] or service not in READ_ONLY),
        ("a bounded log", host["LogConfig"]["Config"].get("max-size") == "20m"),
        ("a log that collectors read", host["LogConfig"]["Type"] == "json-file"),
        ("no engine's socket", _has_no_socket(host) or service == "portainer"),
        ("no shared mounts", _shares_nothing(host) or service in SHARED_MOUNTS),
        ("a health check", bool(container["Config"].get("Healthcheck")) or service == "portainer"),
    ]


def _has_no_socket(host: dict[str, Any]) -> bool:
    return not any("docker.sock" in mount["Source"] for mount in host["Mounts"] or [])


def _shares_nothing(host: dict[str, Any]) -> bool:
    options = [mount.get("BindOptions") or {} for mount in host["Mounts"] or []]
    return not any(option.get("Propagation") == "rshared" for option in options)
