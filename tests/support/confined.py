"""How the containers of a lab are confined, as their engines tell it.

The numbers are those of the CIS Docker Benchmark 1.6.0, which docs/security.md has as a table.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tests.support.lab import NODES, on

# What a service has beside the rest, each with its reason in docs/security.md.
CAPABILITIES = {
    "volumes": {"SYS_ADMIN", "SETUID", "SETGID", "CHOWN", "DAC_READ_SEARCH"},
}
ROOT = {"volumes", "portainer"}
OF_THE_NODE = {"gate", "registry"}
OF_THE_BRIDGE = {"volumes"}
WRITABLE = {"portainer"}
SHARED_MOUNTS = {"volumes"}
DEVICES = {"volumes": ["/dev/fuse"]}
# What a container may see of the node's own system, read-only.
OF_THE_SYSTEM = {"volumes": {"/etc/hosts"}}
_SYSTEM = ("/boot", "/dev", "/etc", "/lib", "/proc", "/sys", "/usr", "/var/lib/docker", "/root")


@dataclass(frozen=True)
class Seen:
    """A container as its engine inspects it, and what its node has."""

    container: dict[str, Any]
    apparmor: bool

    @property
    def service(self) -> str:
        """Whose it is."""
        return str(self.container["Config"]["Labels"]["skp.service"])

    @property
    def host(self) -> dict[str, Any]:
        """What its engine was told of it."""
        found: dict[str, Any] = self.container["HostConfig"]
        return found

    @property
    def sources(self) -> dict[str, bool]:
        """Which paths of the node it mounts, and whether read-only."""
        mounts = self.host["Mounts"] or []
        return {m["Source"]: m.get("ReadOnly", False) for m in mounts if m["Type"] == "bind"}


def inspected(node: str) -> list[dict[str, Any]]:
    """Return all of our containers on a node, as its engine inspects them."""
    asked = "docker inspect $(docker ps -aq --filter label=skp.service)"
    found: list[dict[str, Any]] = json.loads(on(node, asked).out)
    return found


def check_confined(*services: str) -> None:
    """Every container of ours is confined as docs/security.md says, and these services run."""
    seen = set()
    for node in NODES:
        apparmor = on(node, "test -d /sys/kernel/security/apparmor").code == 0
        for container in inspected(node):
            found = Seen(container, apparmor)
            seen.add(found.service)
            wrong = [
                word for word, right in {**_rights(found), **_walls(found)}.items() if not right
            ]
            assert wrong == [], (container["Name"], wrong)
    assert seen >= set(services)


def _rights(seen: Seen) -> dict[str, bool]:
    """What it may do."""
    host, service, config = seen.host, seen.service, seen.container["Config"]
    added = {word.removeprefix("CAP_") for word in host["CapAdd"] or []}
    uid = config["User"].partition(":")[0]
    off = "apparmor=unconfined" in host["SecurityOpt"]
    return {
        "4.1 not root": uid not in ("", "0") or service in ROOT,
        "4.6, 5.27 a health check": bool(config.get("Healthcheck")) or service == "portainer",
        "5.2 AppArmor, where the node has it": not (off and seen.apparmor),
        "5.4 all capabilities are dropped": host["CapDrop"] == ["ALL"],
        "5.4 no more than it needs": added == CAPABILITIES.get(service, set()),
        "5.5 not privileged": not host["Privileged"],
        "5.11 a limit of memory": host["Memory"] > 0,
        "5.13 a root that it can't write": host["ReadonlyRootfs"] or service in WRITABLE,
        "5.19 the engine's own limits, none raised": not host["Ulimits"],
        "5.22 the default seccomp profile": not any("seccomp" in o for o in host["SecurityOpt"]),
        "5.26 no new privileges": "no-new-privileges" in host["SecurityOpt"],
        "5.29 a limit of processes": 0 < host["PidsLimit"] <= 4096,
        "2.13 a bounded log that collectors read": _log(host) == ("json-file", "20m"),
    }


def _walls(seen: Seen) -> dict[str, bool]:
    """What of the node it shares."""
    host, service = seen.host, seen.service
    devices = [device["PathOnHost"] for device in host["Devices"] or []]
    networks = seen.container["NetworkSettings"]["Networks"]
    ports = [int(p["HostPort"]) for of in (host["PortBindings"] or {}).values() for p in of or []]
    return {
        "5.6 nothing of the node's system": _of_the_system(seen) or service == "portainer",
        "5.8 no privileged port": all(port >= 1024 for port in ports),
        "5.10 not the node's network": (host["NetworkMode"] == "host") == (service in OF_THE_NODE),
        "5.16 not the node's processes": not host["PidMode"],
        "5.17 not the node's IPC": host["IpcMode"] != "host",
        "5.18 no more devices than it needs": devices == DEVICES.get(service, []),
        "5.20 no shared mounts": _shares_nothing(host) or service in SHARED_MOUNTS,
        "5.21 not the node's name": host["UTSMode"] != "host",
        "5.30 not the engine's own bridge": ("bridge" in networks) == (service in OF_THE_BRIDGE),
        "5.31 not the node's users": host["UsernsMode"] != "host",
        "5.32 no engine's socket": _has_no_socket(seen) or service == "portainer",
    }


def _log(host: dict[str, Any]) -> tuple[str, str]:
    log = host["LogConfig"]
    return log["Type"], log["Config"].get("max-size", "")


def _of_the_system(seen: Seen) -> bool:
    found = {
        source
        for source in seen.sources
        if source == "/" or any(f"{source}/".startswith(f"{path}/") for path in _SYSTEM)
    }
    return found == OF_THE_SYSTEM.get(seen.service, set()) and all(seen.sources[s] for s in found)


def _has_no_socket(seen: Seen) -> bool:
    return not any("docker.sock" in source for source in seen.sources)


def _shares_nothing(host: dict[str, Any]) -> bool:
    options = [mount.get("BindOptions") or {} for mount in host["Mounts"] or []]
    return not any(option.get("Propagation") == "rshared" for option in options)
