"""The front doors, as deployments need them: their routes, and what still goes through them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from threading import Event
from typing import TYPE_CHECKING

from cluster.connectors.node import Node
from cluster.deadlines import Deadline
from cluster.errors import NodeError, SkpError
from cluster.model.spec import Container
from cluster.operations import container_start, inside

if TYPE_CHECKING:
    from cluster.connectors.fleet import Fleet

_PAUSE = 0.2  # seconds between two looks
_LOADED = 20  # seconds that a door may take to read its routes
_LOADED_COMMAND, _TALKS_COMMAND = "door-has", "door-talks"


@dataclass(frozen=True)
class Names:
    """What names there are at the front door.

    Attributes:
        domain: below which they are; "" for none. port: the door's, in an address.
        why: why there are none, and hint: what to do; "" where there are.
    """

    domain: str = ""
    port: int = 443
    why: str = "there is no front door"
    hint: str = ""

    def url(self, host: str) -> str:
        """Return the address of a host name's first label."""
        return f"https://{host}.{self.domain}{'' if self.port == 443 else f':{self.port}'}"


def _nowhere() -> Sequence[Container]:
    return ()


@dataclass(frozen=True)
class Doors:
    """The doors of one cluster.

    Attributes:
        look: returns the doors' containers as they are to be now, with their routes.
        names: what names they have.
    """

    fleet: Fleet | None = None
    look: Callable[[], Sequence[Container]] = _nowhere
    names: Names = field(default_factory=Names)

    def renew(self) -> list[str]:
        """Have all doors lead where the store says now; return why some do not.

        Raises:
            SkpError: none does.
        """
        wanted, failed = self.look(), dict[str, NodeError]()
        for container in wanted:
            try:
                node = self._node(container)
                _check_ports(node, container)
                container_start.join_networks(node, container)
                container_start.renew_live_files(node, container)
                container_start.settle_networks(node, container)
                _wait_loaded(node, container)
            except NodeError as error:
                failed[container.node] = error
        if wanted and len(failed) == len(wanted):
            raise next(iter(failed.values()))
        if not wanted:
            raise SkpError("no front door runs", "./skp.py docker.apply gateway")
        unknown = "the front door of {} does not know it yet: {}"
        return [unknown.format(name, error.what) for name, error in failed.items()]

    def wait_drained(self, addresses: Collection[str], seconds: float) -> int:
        """Wait until no door has a connection with these addresses; return how many are left.

        Args:
            seconds: how long at most. A door on a node that can't be reached has none.
        """
        deadline, doors = Deadline(seconds), self.look() if addresses else ()
        while (left := self._talking(doors, addresses)) and not deadline.passed:
            Event().wait(_PAUSE)
        return left

    def _talking(self, doors: Sequence[Container], addresses: Collection[str]) -> int:
        left = 0
        command = (_TALKS_COMMAND, *sorted(addresses))
        for container in doors:
            if container.node not in self._nodes:
                continue
            try:
                code, said = inside.ask(self._node(container), container.name, command, "counting")
            except NodeError:
                code, said = 1, ""
            # (What is not known may be one.)
            left += int(said) if code == 0 and said.isdecimal() else 1
        return left

    @property
    def _nodes(self) -> Collection[str]:
        return self.fleet.nodes if self.fleet else ()

    def _node(self, container: Container) -> Node:
        assert self.fleet is not None
        return self.fleet.node(container.node)


def _check_ports(node: Node, container: Container) -> None:
    """Refuse a door that does not listen where it is to: it was made before there were names."""
    with node.talking(f"looking at {container.name}") as engine:
        there = engine.inspect_container(container.name)["HostConfig"].get("PortBindings") or {}
    for port in container.ports:
        if f"{port.container}/{port.protocol}" not in there:
            what = f"{container.name} does not listen at port {port.host} yet"
            raise NodeError(node.name, what, "./skp.py docker.apply gateway")


def _wait_loaded(node: Node, container: Container) -> None:
    """Wait until a door has read routes of this version, or of a later one."""
    number = container.live_version.partition(":")[2] or "0"
    deadline = Deadline(_LOADED)
    while True:
        doing = f"asking {container.name} for its routes"
        code, said = inside.ask(node, container.name, (_LOADED_COMMAND, number), doing)
        if code == 0:
            return
        if deadline.passed:
            what = f"{container.name} has not read its routes within {_LOADED} s: {said or code}"
            raise NodeError(node.name, what, f"./skp.py docker.logs -n {container.name}")
        Event().wait(_PAUSE)
