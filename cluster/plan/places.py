"""Where containers are that may be there only once, and why one can't be made elsewhere. Pure.

Two servers on one folder ruin its data. A node that does not answer may only be cut off, with its
containers at work; so what was there last is not made elsewhere, until that node answers, or a
person has said that it is gone, by having it taken out of the Swarm (docker.node-rm). The Swarm
remembers the places, with the nodes' ids in it: a node that has joined anew has another.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from cluster.model.item import Difference, Item
from cluster.model.spec import Container
from cluster.model.state import HALF_MADE, FoundNode, State, Swarm
from cluster.operations.container import RemoveContainer
from cluster.operations.decisions import ForgetPlace, RememberPlace

_RUIN = "two of it would ruin the data that they share"


@dataclass(frozen=True)
class Reach:
    """Which nodes a command is about.

    Attributes:
        listed: the names of the inventory's nodes. left_alone: those of them that stay as they are.
    """

    listed: frozenset[str] = frozenset()
    left_alone: frozenset[str] = frozenset()

    def elsewhere(self, container: Container, state: State) -> tuple[str, str] | None:
        """Return where one that is to start may run already, and what to type; None for nowhere."""
        if not container.sole:
            return None
        for node in state.nodes.values():
            others = node.name != container.node and node.name in self.left_alone
            if others and _has(node, container):
                return (
                    f"it is on {node.name}, which --nodes leaves as it is: {_RUIN}",
                    "Type it without --nodes: it is removed there first.",
                )
        if state.swarm is None:
            return None
        for name, ident in _known(container, state.swarm).items():
            if _answering(name, ident, state) is None and ident in state.swarm.nodes:
                return self._unanswered(name, state)
        return None

    def _unanswered(self, name: str, state: State) -> tuple[str, str]:
        if name not in self.listed:
            hint = (
                f"Put {name} back into hosts.json, without this label: it is removed there then. "
                f"If {name} is gone for good, put it back, and ./skp.py docker.node-rm -h {name}"
            )
            return f"it was last on {name}, which is in the Swarm, not in hosts.json: {_RUIN}", hint
        if name not in state.unreachable:
            return (
                f"it was last on {name}, which --nodes leaves out: {_RUIN}",
                "Type it without --nodes.",
            )
        hint = (
            f"Bring {name} back: then it is removed there first. If {name} is switched off for "
            f"good: ./skp.py docker.node-rm -h {name}, then the same command again."
        )
        return f"it was last on {name}, which can't be reached and may still run it: {_RUIN}", hint


def plan_places(items: Iterable[Item], state: State) -> Iterator[Item]:
    """Yield the operations by which the Swarm remembers where such containers are.

    Args:
        items: those of all containers.
    """
    if state.swarm is None:
        return
    places, via = state.swarm.decisions.places, state.swarm.via
    for item in items:
        container = getattr(item, "container", None)
        if isinstance(item, RemoveContainer):
            if item.node in places.get(item.name, {}):
                yield ForgetPlace(via, item.name, item.node)
        elif isinstance(container, Container) and container.sole and not item.is_blocked:
            yield from _remembered(container, state, state.swarm)


def _remembered(container: Container, state: State, swarm: Swarm) -> Iterator[Item]:
    ident = state.nodes[container.node].membership.node_id
    known = _recorded(container, swarm)
    kept = {
        n: i for n, i in known.items() if n != container.node and _may_have(n, i, container, state)
    }
    wanted = {**kept, container.node: ident}
    if ident and wanted != known:
        new, old = ", ".join(sorted(wanted)), ", ".join(sorted(known))
        differences = (Difference("nodes", new, old),)
        yield RememberPlace(swarm.via, container.name, wanted, differences)


def _recorded(container: Container, swarm: Swarm) -> Mapping[str, str]:
    return swarm.decisions.places.get(container.name, {})


def _known(container: Container, swarm: Swarm) -> Mapping[str, str]:
    """Return the places on record; of a cluster of an earlier version, those with the label."""
    entries = [e for e in swarm.nodes.values() if container.service in e.labels]
    labelled = {entry.hostname.partition(".")[0]: entry.id for entry in entries}
    return _recorded(container, swarm) or labelled


def _may_have(name: str, ident: str, container: Container, state: State) -> bool:
    """Whether a node that had a container may still have it."""
    node = _answering(name, ident, state)
    if node is not None:
        return _has(node, container)
    return state.swarm is not None and ident in state.swarm.nodes


def _answering(name: str, ident: str, state: State) -> FoundNode | None:
    """Return the node with this id in the Swarm, else that of this name, if one answers."""
    ids = {node.membership.node_id: node for node in state.nodes.values()}
    return ids.get(ident) or state.nodes.get(name)


def _has(node: FoundNode, container: Container) -> bool:
    names = (container.name, f"{container.name}{HALF_MADE}")
    return any(
        node.containers[n].service == container.service for n in names if n in node.containers
    )
