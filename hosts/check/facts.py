"""What probe.sh tells of each node, read; and what is known of all nodes together. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from cluster.config.inventory import Host, Inventory
from cluster.model.state import DATA_PORT

Facts = Mapping[str, Sequence[str]]
"""What hosts/check/probe.sh printed on a node: the values by their keys."""
Judge = Callable[["ClusterFacts", Host, Facts], Iterator["Finding"]]
"""Tells what is wrong with one node."""
NONSENSE = "nonsense"
_FORMS = {
    "time": r"[0-9]{1,12}(\.[0-9]+)?", "memory": "[0-9]{1,15}",
    "space": ".* [0-9]{1,18} [0-9]{1,3}", "inodes": ".* [0-9]{1,3}",
}  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be, and what to do about it."""

    node: str
    check: str
    found: str
    fix: str


@dataclass(frozen=True)
class ClusterFacts:
    """What is known of all nodes together.

    Attributes:
        facts: by node, of those that could be asked.
        home: the shared folder's path.
        ports: by node, which TCP ports are wanted there by which service.
        gpus: the nodes on which a service asks for GPUs.
        addresses: by node and wanted port, the address it is to listen on; "" for all.
        data_port: the UDP port of the overlay's packets, as the settings say.
        lost: by node, the nodes that its overlay packets do not get to, or not back from.
    """

    inventory: Inventory
    facts: Mapping[str, Facts]
    home: str
    ports: Mapping[str, Mapping[int, str]]
    gpus: frozenset[str] = frozenset()
    addresses: Mapping[str, Mapping[int, str]] = field(default_factory=dict)
    data_port: int = DATA_PORT
    lost: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def overlay_port(self) -> str:
        """The UDP port of the overlay's packets, as the Swarm says, else the settings."""
        said = (one(facts, "dataport") for facts in self.facts.values())
        return next(filter(None, said), str(self.data_port))

    def usual(self, key: str) -> str:
        """Return the most frequent value of a key, "" for a tie or none."""
        counted = Counter(one(facts, key) for facts in self.facts.values()).most_common(2)
        if not counted or (len(counted) > 1 and counted[0][1] == counted[1][1]):
            return ""
        return counted[0][0]


def parse(text: str) -> Facts:
    """Return the facts in what hosts/check/probe.sh printed.

    A value that is no number where one is needed is kept apart, under `NONSENSE`: what one node
    says must not end the check of the others.
    """
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        key, _, value = line.partition(" ")
        if key in _FORMS and not re.fullmatch(_FORMS[key], value.strip()):
            key, value = NONSENSE, f"{key}: {value.strip()[:40]!r}"
        found.setdefault(key, []).append(value.strip())
    return found


def one(facts: Facts, key: str) -> str:
    """Return the first value of a key, "" if there is none."""
    return next(iter(facts.get(key, ())), "")
