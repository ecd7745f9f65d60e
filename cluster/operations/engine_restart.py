"""Restarting a node's engine, so that it goes by its own file, without losing the Swarm's tasks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from cluster.connectors.fleet import Fleet
from cluster.connectors.node import Node
from cluster.errors import DeadlineError, NodeError
from cluster.model.item import Action, Kind
from cluster.model.spec import GPU_RESOURCE
from cluster.operations.base import Context, Operation
from cluster.operations.swarm_entry import change_entry

_SCRIPT = Path(__file__).with_suffix(".sh")
_SCRIPT_SECONDS = 360.0  # the script's own limit, and what a slow stop takes
# What starts containers of ours that an engine gave up, where the Swarm put it there (hosts/boot).
_START_OURS, _START_SECONDS = "/usr/local/lib/skp/start-ours", 120
_LEFT_DOWN = "some containers of SKP did not start again: ./skp.py docker.apply"
_PAUSE = 0.5  # seconds between two looks
_TASKS = {"label": "com.docker.swarm.task.id"}
T = TypeVar("T")


@dataclass(frozen=True)
class RestartEngine(Operation):
    """Restart a node's engine, so that the Swarm knows the GPUs that the engine's file names.

    Attributes:
        gpus: their identities.
        managers: who may be asked about the Swarm, by name.
        interrupts: whether a person agreed that what runs there is interrupted.
        order: its place: managers restart one after another, and keep their majority.
    """

    node: str
    gpus: tuple[str, ...]
    managers: tuple[str, ...]
    interrupts: bool
    order: int
    name: str = "Docker Engine"
    kind, action = Kind.HOST, Action.RESTART

    def execute(self, context: Context) -> str:
        """Drain the node where something runs there, restart, look, and set it active again."""
        node = self.node_in(context)
        with node.talking("looking what runs") as engine:
            running, swarm = engine.containers(), engine.info()["Swarm"]
        if running and not self.interrupts:
            raise NodeError(
                self.node,
                f"{len(running)} container(s) run: nobody agreed to a restart of the engine",
                f"./skp.py host.install --nodes {self.node} --yes agrees.",
            )
        member = str(swarm["NodeID"]) if swarm["LocalNodeState"] != "inactive" else ""
        if not member:
            self._restart(node)
            return ""
        entry = _Entry(context.fleet, self._managers(), self.node, member)
        if not running:
            self._restart(node, entry)
            return ""
        try:
            with _drained(node, entry):
                self._restart(node, entry)
        except NodeError:
            with suppress(NodeError):
                _start_ours(node)
            raise
        return _start_ours(node)

    def _managers(self) -> tuple[str, ...]:
        """Return whom to ask: the node itself last, since its engine is what restarts."""
        return tuple(sorted(self.managers, key=lambda name: name == self.node))

    def _restart(self, node: Node, entry: _Entry | None = None) -> None:
        """Restart the engine; return once it, and the Swarm, know the GPUs."""
        node.sudo(_SCRIPT.read_text(encoding="utf-8"), deadline=_SCRIPT_SECONDS)
        found = _known(node)
        if missing := [gpu for gpu in self.gpus if gpu not in found]:
            raise NodeError(
                self.node,
                f"its engine began anew and does not know {', '.join(missing)}",
                f"Look at node-generic-resources: ssh {self.node} docker info",
            )
        if entry is not None:
            entry.wait_for(self.gpus)


@dataclass(frozen=True)
class _Entry:
    """The Swarm's entry of a node, through whichever manager answers."""

    fleet: Fleet
    managers: tuple[str, ...]
    node: str
    ident: str

    def ask(self, request: Callable[[Node], T], seconds: float = 0) -> T:
        """Put a request to the managers in turn, again and again for `seconds`.

        Raises:
            NodeError: none answers; what the last one said.
        """
        end = time.monotonic() + seconds
        error = NodeError(self.node, "no manager of its Swarm can be reached")
        while True:
            for name in self.managers:
                try:
                    return request(self.fleet.node(name))
                except NodeError as failed:
                    error = failed
            if time.monotonic() >= end:
                raise error
            time.sleep(_PAUSE)

    def read(self, seconds: float = 0) -> Mapping[str, Any]:
        """Return it as the engine does; see `ask`."""

        def read(via: Node) -> Mapping[str, Any]:
            with via.talking("reading the Swarm's entry of a node") as engine:
                found: Mapping[str, Any] = engine.inspect_node(self.ident)
                return found

        return self.ask(read, seconds)

    def make(self, availability: str, seconds: float = 0) -> None:
        """Set the availability; see `ask`."""

        def change(spec: dict[str, Any]) -> None:
            spec["Availability"] = availability

        self.ask(lambda via: change_entry(via, self.ident, change), seconds)

    def wait_for(self, gpus: Iterable[str]) -> None:
        """Wait until the Swarm has the node ready, with these GPUs.

        Raises:
            DeadlineError: it does not in time.
        """
        limit = self._limit
        end = time.monotonic() + limit
        while (lacks := self._lacks(self.read(limit), gpus)) and time.monotonic() < end:
            time.sleep(_PAUSE)
        if lacks:
            raise DeadlineError(self.node, f"{lacks} after {limit:.0f} s")

    @staticmethod
    def _lacks(entry: Mapping[str, Any], gpus: Iterable[str]) -> str:
        """Return what is not yet as it should be; "" for nothing."""
        state = (entry.get("Status") or {}).get("State", "unknown")
        if state != "ready":
            return f"the Swarm has it as {state}"
        if (entry.get("ManagerStatus") or {}).get("Reachability", "reachable") != "reachable":
            return "the other managers do not reach it"
        resources = (entry.get("Description") or {}).get("Resources") or {}
        missing = [gpu for gpu in gpus if gpu not in _names(resources.get("GenericResources"))]
        return f"the Swarm does not know {', '.join(missing)}" if missing else ""

    @property
    def _limit(self) -> float:
        return self.fleet.deadlines.healthy

    def restore(self, availability: str, failed: str) -> None:
        """Set the availability that it had; `failed` is what went wrong before, "" for nothing.

        Raises:
            NodeError: no manager takes it in time; says that the node is left drained.
        """
        try:
            self.make(availability, self._limit)
        except NodeError as error:
            said = f"{failed}; and " if failed else ""
            raise NodeError(
                self.node,
                f"{said}it is left drained, since no manager takes the change: {error.what}",
                f"./skp.py docker.undrain -h {self.node}",
            ) from None


@contextmanager
def _drained(node: Node, entry: _Entry) -> Iterator[None]:
    """Have a node run no tasks of the Swarm within the block; one that is drained stays drained."""
    before = str(entry.read()["Spec"].get("Availability", "active"))
    if before == "drain":
        yield
        return
    failed = ""
    try:
        # (Its answer may get lost: then it is drained all the same.)
        entry.make("drain")
        _wait_empty(node)
        yield
    except NodeError as error:
        failed = error.what.removeprefix(f"{node.name}: ")
        raise
    finally:
        entry.restore(before, failed)


def _wait_empty(node: Node) -> None:
    """Wait until a drained node's tasks have ended.

    Raises:
        DeadlineError: they do not in time.
    """
    limit = node.deadlines.settled
    end = time.monotonic() + limit
    with node.talking("waiting for the Swarm's tasks to go") as engine:
        while tasks := engine.containers(filters=_TASKS):
            if time.monotonic() > end:
                names = ", ".join(sorted(task["Names"][0].lstrip("/") for task in tasks))
                raise DeadlineError(node.name, f"after {limit:.0f} s there still run {names}")
            time.sleep(_PAUSE)


def _start_ours(node: Node) -> str:
    """Start what the engine gave up; return what a person should know of it.

    A drained node attaches no container to an overlay network, so that the engine gives up those
    on one: they start only now that the node is active again.
    """
    start = f"{_START_OURS} {_START_SECONDS} >/dev/null 2>&1 || echo '{_LEFT_DOWN}'"
    return node.sudo(f"[ ! -x {_START_OURS} ] || {start}", deadline=2.0 * _START_SECONDS).text


def _known(node: Node) -> frozenset[str]:
    """Return the GPUs that a node's engine knows; raises NodeError if it does not answer."""
    end = time.monotonic() + node.deadlines.start
    while True:
        try:
            with node.talking("looking for its GPUs") as engine:
                return _names(engine.info().get("GenericResources"))
        except NodeError:
            # (A connection that led to the engine before it breaks when it is used next.)
            if time.monotonic() > end:
                raise
            time.sleep(_PAUSE)


def _names(resources: Iterable[Mapping[str, Any]] | None) -> frozenset[str]:
    """Return the identities of GPUs among generic resources, as the engine tells them."""
    named = (one.get("NamedResourceSpec") or {} for one in resources or ())
    return frozenset(str(one["Value"]) for one in named if one.get("Kind") == GPU_RESOURCE)
