"""Which lab is meant: its names, its addresses, its folder."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from pathlib import Path

from lab.errors import LabError

VERSION = "1"
"""Raised when a lab that an older SKP made can't be used as it is."""

MOST_NODES = 16
STABLE, NEWEST = "stable", "newest"
"""Engines that nodes may have: that of Debian's stable suite, or the newest that Debian has."""
SERVICE_PORTS = (8010, 8020, 8030, 8040, 8050, 8060, 8070)
"""The TCP ports of the services' pages and interfaces on the master."""

USER = "skp"
UID = 1000
SHARED = {
    "home": "/home/skp/skp/volume",
    "platform": "/home/skp/skp/platform",
    "dfs": "/mnt/dfs",
}
"""The shared volumes, and where every node sees them."""

LABEL = "skp.lab"
LABEL_CHECKOUT = "skp.lab.checkout"
LABEL_NAME = "skp.lab.name"
LABEL_NODE = "skp.lab.node"
LABEL_SPEC = "skp.lab.spec"


@dataclass(frozen=True)
class LabConfig:
    """One lab. The defaults are the lab; tests run a second one beside it.

    Attributes:
        checkout: the project's folder on this machine.
        name: the network's name, and what the names of volumes begin with.
        prefix: what the nodes' names begin with.
        subnet: the nodes' network, a /24.
        folder: where keys, inventory and state are kept; `.lab` of the checkout if not given.
        engine: STABLE or NEWEST; "" for what the lab has, or STABLE.
        ports: the TCP ports of the first node that can be published on this machine's loopback.
        odd: whether its nodes are unlike each other, as machines are that people have.
    """

    checkout: Path = field(default_factory=lambda: Path(__file__).resolve().parent.parent)
    name: str = "skp-lab"
    prefix: str = "c"
    subnet: str = "10.99.0.0/24"
    folder: Path | None = None
    ports: tuple[int, ...] = SERVICE_PORTS
    engine: str = ""
    odd: bool = False

    @property
    def state(self) -> Path:
        """The folder of keys, inventory and state."""
        return self.folder or self.checkout / ".lab"

    @property
    def gateway(self) -> str:
        """The address of this machine on the nodes' network."""
        return self._address(1)

    @property
    def publisher_address(self) -> str:
        """The address of the container that publishes the services' ports."""
        return self._address(2)

    @property
    def publisher(self) -> str:
        """The name of the container that publishes the services' ports."""
        return f"{self.name}-publish"

    @property
    def labels(self) -> dict[str, str]:
        """What every object of this lab carries on the engine."""
        return {LABEL: VERSION, LABEL_CHECKOUT: str(self.checkout), LABEL_NAME: self.name}

    def names(self, count: int) -> tuple[str, ...]:
        """The names of a lab's first `count` nodes."""
        return tuple(f"{self.prefix}{number:02d}" for number in range(1, count + 1))

    def address(self, node: str) -> str:
        """The address of a node of this lab: .11 for the first."""
        return self._address(10 + self.number(node))

    def number(self, node: str) -> int:
        """The number of a node of this lab, from 1."""
        return int(node.removeprefix(self.prefix))

    def hostname(self, node: str) -> str:
        """What a node calls itself; the odd ones with even numbers as a company names machines."""
        odd = self.odd and self.number(node) % 2 == 0
        return f"{node.capitalize()}.AI.Example.COM" if odd else node

    def volume(self, node: str) -> str:
        """The name of the volume that holds a node's engine data."""
        return f"{self.name}-{node}"

    def shared_volume(self, key: str) -> str:
        """The name of a shared volume (a key of SHARED)."""
        return f"{self.name}-{key}"

    def _address(self, number: int) -> str:
        return str(ipaddress.IPv4Network(self.subnet)[number])


def check_count(count: int) -> None:
    """Refuse a number of nodes that no lab can have.

    Raises:
        LabError: with exit code 2.
    """
    if not 1 <= count <= MOST_NODES:
        raise LabError(
            f"a lab has 1 to {MOST_NODES} nodes, not {count}",
            "For example: lab.up -n 3",
            exit_code=2,
        )


def check_engine(engine: str) -> None:
    """Refuse an engine that nodes can't have.

    Raises:
        LabError: with exit code 2.
    """
    if engine not in ("", STABLE, NEWEST):
        raise LabError(
            f"there is no engine {engine}; allowed: {STABLE}, {NEWEST}",
            f"For example: lab.up --engine {NEWEST}",
            exit_code=2,
        )
