"""All nodes at once: connect to them, and run a function on each, in parallel and to the end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, Generic, Protocol, Self, TypeVar

from cluster.config.inventory import Host, Inventory
from cluster.config.settings import Settings
from cluster.connectors.local import is_this_machine
from cluster.connectors.ssh_config import resolve
from cluster.deadlines import Deadlines
from cluster.errors import ConfigError, NodeError, nearest, unexpected

if TYPE_CHECKING:
    from cluster.config.secrets import Secret
    from cluster.connectors.node import Node


class _Closes(Protocol):
    def close(self) -> None: ...


T = TypeVar("T")
C = TypeVar("C", bound=_Closes)


@dataclass(frozen=True)
class Results(Generic[T]):
    """The results of a function that was run on several nodes: a value or an error for each."""

    values: Mapping[str, T]
    errors: Mapping[str, NodeError]


class Fleet:
    """The connected nodes of an inventory.

    Attributes:
        nodes: the reachable ones by name.
        unreachable: why the others are not, by name.
        deadlines: the table in force.
    """

    def __init__(
        self,
        hosts: Iterable[Host],
        settings: Settings,
        deadlines: Deadlines,
        password: Secret | None = None,
    ) -> None:
        """Connect to all hosts in parallel; a host that can't be reached is only noted.

        Args:
            password: tried on hosts that accept no key.
        """
        self.hosts = tuple(hosts)
        self.deadlines = deadlines
        self._connect = partial(_connect, settings=settings, deadlines=deadlines, password=password)
        pool = _threads(len(self.hosts))
        begun = {host.name: pool.submit(self._connect, host) for host in self.hosts}
        # paramiko, and then Docker's SDK, are loaded while `ssh -G` and the nodes answer.
        import_module("cluster.connectors.node")
        import_module("cluster.connectors.engine")
        connected = _gather(begun, pool)
        self.nodes: dict[str, Node] = dict(connected.values)
        self.unreachable: Mapping[str, NodeError] = connected.errors
        self._making = threading.Lock()
        self._shared: dict[Callable[[], Any], Any] = {}

    def each(self, function: Callable[[Node], T], names: Iterable[str] | None = None) -> Results[T]:
        """Run `function` on the named reachable nodes (default: all) in parallel, to the end."""
        found = self.ask(function, names)
        return Results(found.values, {n: e for n, e in found.errors.items() if n in self.nodes})

    def ask(self, function: Callable[[Node], T], names: Iterable[str] | None = None) -> Results[T]:
        """Run `function` as `each` does; its errors name the nodes that can't be reached too."""
        chosen = dict.fromkeys((host.name for host in self.hosts) if names is None else names)
        there = [name for name in chosen if name in self.nodes]
        pool = _threads(len(there))
        found = _gather({name: pool.submit(function, self.nodes[name]) for name in there}, pool)
        lost = {name: error for name, error in self.unreachable.items() if name in chosen}
        return Results(found.values, {**lost, **found.errors})

    def reconnect(self, names: Collection[str]) -> None:
        """Connect anew to nodes whose connections broke; where that fails, the old one stays.

        Only reading may be repeated then: how far a change came before its connection broke is
        not known.
        """
        hosts = [host for host in self.hosts if host.name in names]
        pool = _threads(len(hosts))
        again = _gather({h.name: pool.submit(self._connect, h) for h in hosts}, pool)
        for name, node in again.values.items():
            self.nodes[name].close()
            self.nodes[name] = node

    def shared(self, make: Callable[[], C]) -> C:
        """Return what `make` makes, once for all nodes; it is closed with the connections."""
        with self._making:
            if make not in self._shared:
                self._shared[make] = make()
            made: C = self._shared[make]
            return made

    def node(self, name: str) -> Node:
        """Return a connected node.

        Raises:
            NodeError: it can't be reached, or was not among those to connect to.
        """
        if name in self.nodes:
            return self.nodes[name]
        raise self.unreachable.get(name) or NodeError(name, "it is not connected")

    def close(self) -> None:
        """End all connections."""
        for made in self._shared.values():
            made.close()
        for node in self.nodes.values():
            node.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _connect(host: Host, settings: Settings, deadlines: Deadlines, password: Secret | None) -> Node:
    """Connect to `host`; raises NodeError when it can't be reached or does not let us in."""
    is_here = settings.flag("SKP_LOCAL") and is_this_machine(host.ipv4)
    target = None if is_here else resolve(host, settings)
    from cluster.connectors.node import connect

    return connect(host, target, deadlines, password)


def _threads(count: int) -> ThreadPoolExecutor:
    # Each call has threads of its own: a function that runs on one node may itself call `each`,
    # and would wait for ever for a thread of a shared pool that is full.
    return ThreadPoolExecutor(max_workers=max(1, count))


def _gather(begun: Mapping[str, Future[T]], pool: ThreadPoolExecutor) -> Results[T]:
    values: dict[str, T] = {}
    errors: dict[str, NodeError] = {}
    try:
        for name, future in begun.items():
            try:
                values[name] = future.result()
            except NodeError as error:
                errors[name] = error
            except Exception as error:  # noqa: BLE001 - the other nodes go on, and it is reported
                errors[name] = unexpected(name, error)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return Results(values, errors)


def choose(inventory: Inventory, names: str) -> tuple[Host, ...]:
    """Return the hosts of a comma-separated list; all for an empty one.

    Raises:
        ConfigError: a name that the inventory does not have.
    """
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    for name in wanted:
        if name not in inventory.names:
            raise ConfigError(
                f"no node {name} in {inventory.path}{nearest(name, inventory.names)}",
                f"There are: {', '.join(inventory.names)}",
            )
    return tuple(h for h in inventory.hosts if not wanted or h.name in wanted)
