"""The items that machines are to have, from the settings and the inventory. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from cluster.config import ports as deployments
from cluster.config.inventory import Inventory
from cluster.config.settings import Settings
from cluster.errors import ConfigError
from cluster.model.cluster import Cluster
from cluster.model.listeners import ALL, ALL_IPV4, LOOPBACK, published
from cluster.model.service import Service
from cluster.model.spec import HOST
from cluster.model.state import DATA_PORT, State
from hosts.prepare.setup import Item, Verb

_LOCALE = re.compile(r"[a-z]{2,3}(_[A-Z]{2})?\.UTF-8(@[a-z]+)?|C\.UTF-8")


GPU_NAMES = Item("GPU names", "gpu_names")
"""By it the Swarm knows a node's GPUs, once its engine has begun anew."""


def install(settings: Settings, inventory: Inventory) -> tuple[Item, ...]:
    """Return the items that a machine needs before it can be a node."""
    users = _users(settings, inventory)
    return (
        Item("sudo", "sudo", own=users),
        Item("Docker Engine", "engine", own=users),
        Item("log rotation", "logs"),
        Item("clock", "clock"),
        Item("limits", "limits"),
        Item("GPU runtime", "gpu"),
        GPU_NAMES,
        Item("image builder", "builder", own={inventory.master.name: {}}),
    )


def keys_only(settings: Settings, inventory: Inventory, verb: Verb) -> Item:
    """Return the item of machines whose sshd takes no passwords."""
    return Item("logins by key alone", "keys_only", own=_users(settings, inventory), verb=verb)


def _users(settings: Settings, inventory: Inventory) -> dict[str, dict[str, str]]:
    return {h.name: {"SKP_USER": h.user or settings.text("SKP_USER")} for h in inventory.hosts}


def firewall(
    cluster: Cluster, services: Iterable[Service], verb: Verb = Verb.FIX
) -> tuple[Item, ...]:
    """Return the item that keeps strangers and containers from the nodes' own ports.

    Args:
        services: containers may reach what they publish on any node, but for what is on a node's
            loopback, and what SKP_NODE_PORTS says.
    """
    nothing = State({}, {}, None)
    open_ports = {
        port
        for service in services
        for container in published(cluster, service, nothing)
        if container.network != HOST
        for port in container.ports
        if port.address != LOOPBACK
    }
    ports = {str(p.host) for p in open_ports} | set(cluster.settings.text("SKP_NODE_PORTS").split())
    # An address that moves leads to a node's own ports as well.
    own = dict.fromkeys(host.ipv4 for host in cluster.inventory.hosts)
    moving = {port.address for port in open_ports} - {ALL, ALL_IPV4, *own}
    values = {
        "NODES": " ".join([*own, *sorted(moving)]),
        "PORTS": " ".join(sorted(ports, key=int)),
        "OVERLAY": " ".join(sorted({str(DATA_PORT), cluster.settings.text("SKP_NET_PORT")})),
        "HELD": _held(cluster),
    }
    return (Item("firewall", "firewall", values, verb=verb),)


def _held(cluster: Cluster) -> str:
    """Return the ports of deployments; "" where SKP_BIND opens all addresses of nodes."""
    if cluster.settings.text("SKP_BIND") == ALL_IPV4:
        return ""
    both = (deployments.NAMED, deployments.chosen(cluster.settings))
    return " ".join(f"{ports[0]}-{ports[-1]}" for ports in both)


def names(inventory: Inventory) -> tuple[Item, ...]:
    """Return the item for the block of /etc/hosts with all nodes' names."""
    lines = "\n".join(f"{host.ipv4} {host.name}" for host in inventory.hosts)
    return (Item("/etc/hosts", "names", {"BLOCK": lines}),)


def masquerade(settings: Settings, inventory: Inventory, verb: Verb) -> tuple[Item, ...]:
    """Return the item by which the other nodes reach the network through the master.

    Raises:
        ConfigError: SKP_PRI_ETH or SKP_PUB_ETH is empty.
    """
    inside, outside = settings.text("SKP_PRI_ETH"), settings.text("SKP_PUB_ETH")
    for key, value in (("SKP_PRI_ETH", inside), ("SKP_PUB_ETH", outside)):
        if not value:
            raise ConfigError(
                f"{settings.place(key)}: {key} is empty",
                "Name the master's interface there; ip -br address shows them.",
            )
    master = inventory.master
    roles = {h.name: {"ROLE": "router" if h == master else "client"} for h in inventory.hosts}
    others = " ".join(h.ipv4 for h in inventory.hosts if h != master)
    values = {"ROUTER": master.ipv4, "INSIDE": inside, "OUTSIDE": outside, "NODES": others}
    return (Item("masquerade", "masquerade", values, roles, verb),)


def nfs_server(settings: Settings, inventory: Inventory) -> tuple[Item, ...]:
    """Return the items for NFS's programs on all nodes, and for the master's export."""
    master = inventory.master
    roles = {h.name: {"ROLE": "server" if h == master else "client"} for h in inventory.hosts}
    export = {
        "FOLDER": _shared(settings),
        "PLATFORM": settings.text("SKP_PLATFORM"),
        "CLIENTS": " ".join(h.ipv4 for h in inventory.hosts if h != master),
        "SKP_USER": master.user or settings.text("SKP_USER"),
    }
    return (
        Item("NFS programs", "nfs_tools", own=roles),
        Item("NFS export", "nfs_export", own={master.name: export}),
    )


def nfs_mount(settings: Settings, inventory: Inventory, verb: Verb) -> tuple[Item, ...]:
    """Return the items for the mounts of the master's folders on the other nodes."""
    others = [host.name for host in inventory.hosts if host != inventory.master]
    folders = {
        "shared folder": _shared(settings),
        "platform": str(PurePosixPath(settings.text("SKP_PLATFORM"))),
    }
    server = inventory.master.ipv4
    return tuple(
        Item(
            title,
            "nfs_mount",
            own={name: {"FOLDER": folder, "SERVER": server} for name in others},
            verb=verb,
        )
        for title, folder in folders.items()
    )


def _shared(settings: Settings) -> str:
    # (A slash at the end of SKP_HOME would be a second one, which a table of mounts does not have.)
    return str(PurePosixPath(settings.text("SKP_HOME")) / "volume")


def locale(name: str) -> tuple[Item, ...]:
    """Return the item for a locale, such as ko_KR.UTF-8.

    Raises:
        ConfigError: `name` is not the name of a UTF-8 locale.
    """
    if not _LOCALE.fullmatch(name):
        raise ConfigError(
            f'-l="{name}": allowed: a UTF-8 locale' if name else "a locale (-l) is needed",
            'For example: ./skp.py lang.install -l="ko_KR.UTF-8"',
        )
    return (Item("locale", "lang", {"LOCALE": name}),)
