"""Engines that can't run a platform's containers: what is wrong, and what to do. Pure.

Facts of Docker's documentation: "Rootless mode", "Isolate containers with a user namespace",
"containerd image store", "Docker with nftables", and the release notes of 29.10 ("local registry
connections").
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from cluster.model.spec import REGISTRY

_FILE = "/etc/docker/daemon.json or dockerd's command line"
_ROOTLESS = (
    "its engine is a rootless one, which has no overlay networks",
    "Run the system's engine there, as root: systemctl enable --now docker",
)
_REMAPPED = (
    "its engine gives containers other user ids (userns-remap): their data would be nobody's",
    f'Take "userns-remap" out of {_FILE}, and restart it. It will not see the images that it has.',
)
_DRIVER = (
    "its engine keeps images in containerd, which knows no storage driver overlay2",
    f'Take "storage-driver" out of {_FILE}, and restart it.',
)
_NFTABLES = (
    "its engine makes its rules by nftables, and then it can't be in a Swarm",
    f'Take "firewall-backend" out of {_FILE}, and restart it.',
)
_TLS = (
    f"its engine wants TLS of its own registry, {REGISTRY}",
    f'Add "{REGISTRY}" to "insecure-registries" in {_FILE}, and restart it.',
)


@dataclass(frozen=True)
class Told:
    """What an engine says of itself.

    Attributes:
        security: its security options, such as "name=userns".
        driver: the name of what keeps its layers. store: the values of what it says of that.
        firewall: the name of what makes its rules; "" where it does not say.
        plain: the networks and names of registries that it speaks to without TLS; None where it
            does not say.
    """

    security: tuple[str, ...] = ()
    driver: str = ""
    store: tuple[str, ...] = ()
    firewall: str = ""
    plain: tuple[str, ...] | None = None


def unfit(told: Told) -> tuple[str, str]:
    """Return why an engine can run no container of ours, and what to do; ("", "") for nothing."""
    names = {word.removeprefix("name=") for option in told.security for word in option.split(",")}
    in_containerd = any("io.containerd.snapshotter" in value for value in told.store)
    reasons = (
        ("rootless" in names, _ROOTLESS),
        ("userns" in names, _REMAPPED),
        (in_containerd and told.driver == "overlay2", _DRIVER),
        (told.firewall.startswith("nftables"), _NFTABLES),
        (told.plain is not None and not any(map(_is_ours, told.plain)), _TLS),
    )
    return next((reason for holds, reason in reasons if holds), ("", ""))


def _is_ours(plain: str) -> bool:
    """Whether a network or name of registries is that of a node's own one."""
    try:
        network = ipaddress.ip_network(plain, strict=False)
    except ValueError:
        return plain in (REGISTRY, REGISTRY.partition(":")[0])
    return ipaddress.ip_address("127.0.0.1" if network.version == 4 else "::1") in network
