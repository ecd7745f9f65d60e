"""Operations on containers of services: create, replace, start, restart, remove, wait."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from cluster.connectors.node import Node
from cluster.model.item import Action, ContainerItem, Difference, Item, Kind
from cluster.model.policy import Busy
from cluster.model.spec import Container
from cluster.model.state import FoundContainer
from cluster.operations import container_start as steps
from cluster.operations.base import Context, Operation
from cluster.operations.busy import leave_if_busy
from cluster.operations.container_body import config
from cluster.operations.health import wait_healthy
from cluster.operations.image_transfer import ensure
from cluster.operations.rolling import may_go, wait_ready


class ContainerOperation(ContainerItem, Operation):
    """An operation on a container that a service wants."""

    kind = Kind.CONTAINER
    container: Container

    @property
    def node(self) -> str:
        """The container's node."""
        return self.container.node

    @property
    def name(self) -> str:
        """The container's name."""
        return self.container.name


@dataclass(frozen=True)
class CreateContainer(ContainerOperation):
    """Create a container where there is none of its name.

    Attributes:
        container: what is wanted.
        identity: its image's id or digest.
        labels: what it is labelled with (`container_body.labels`).
        master: the node that has streamed images.
    """

    container: Container
    identity: str
    labels: Mapping[str, str]
    master: str
    action = Action.CREATE

    def waits_for(self, removal: Item) -> bool:
        """Whether `removal` is that of the same container elsewhere, which there may be once."""
        return self.container.sole and (removal.service, removal.name) == (self.service, self.name)

    def execute(self, context: Context) -> str:
        """Make it under another name, then name and start it, and wait until it works."""
        node = self.node_in(context)
        body = prepared(self, context)
        made = steps.make(node, self.container, body)
        steps.write_files(node, self.container)
        steps.take_name(node, self.container, made)
        detail = steps.start_new(node, self.container, made, body)
        _wait_healthy(self.container, context)
        return detail


@dataclass(frozen=True)
class ReplaceContainer(ContainerOperation):
    """Create a container in place of the one that is there.

    The new one is created first, under a temporary name: what the engine refuses (a missing path,
    more cores than the node has) is refused while the old one still runs (decision 28).

    Attributes:
        container, identity, labels, master: see `CreateContainer`.
        found: the container that is there.
        busy: what is done when it is at work.
    """

    container: Container
    identity: str
    labels: Mapping[str, str]
    master: str
    found: FoundContainer
    busy: Busy
    differences: tuple[Difference, ...] = ()
    action = Action.REPLACE

    @property
    def order(self) -> int:  # type: ignore[override]  # derived instead of given
        """The container's place in a rolling change."""
        return self.container.rolling_order

    def execute(self, context: Context) -> str:
        """Make the new one, wait until the old one may go, then let it take its place."""
        node, found = self.node_in(context), self.found
        leave_if_at_work(node, found, self.busy)
        body = prepared(self, context)
        made = steps.make(node, self.container, body)
        try:
            leave_if_at_work(node, found, self.busy)  # bringing the image may have taken minutes
            _wait_ready(node, self.name, found, found.ready_check, self.busy)
            context.check()
        except Exception:
            steps.give_up(node, self.container, made)
            raise
        # (Since the plan was made, it may have joined more.)
        joined = steps.joined(node, found.id, self.container)
        steps.take_down(node, found.id, self.container.stop_timeout)
        steps.write_files(node, self.container)
        steps.take_name(node, self.container, made)
        detail = steps.start_new(node, self.container, made, body)
        steps.join_networks(node, replace(self.container, joins=tuple(joined)))
        _wait_healthy(self.container, context)
        _wait_ready(node, self.name, found, self.container.ready_check, self.busy)
        return detail


@dataclass(frozen=True)
class AdjustContainer(ContainerOperation):
    """Give a running container the networks and files that may change; it goes on running."""

    container: Container
    differences: tuple[Difference, ...] = ()
    action = Action.CONFIGURE

    def execute(self, context: Context) -> str:
        """Join networks, exchange files or remove those unwanted, and see that it works."""
        node = self.node_in(context)
        steps.join_networks(node, self.container)
        if self.container.live:
            steps.renew_live_files(node, self.container)
        else:
            steps.remove_live_files(node, self.name)
        steps.settle_networks(node, self.container)
        _wait_healthy(self.container, context)
        return ""


@dataclass(frozen=True)
class StartContainer(ContainerOperation):
    """Start or unpause a container that is as wanted, but does not run."""

    container: Container
    found: FoundContainer
    differences: tuple[Difference, ...] = ()
    action = Action.START

    def execute(self, context: Context) -> str:
        """Make its missing folders, start it, and wait until it works."""
        node = self.node_in(context)
        steps.make_folders(node, self.container)
        steps.renew_live_files(node, self.container)
        with node.talking(f"starting {self.name}", node.deadlines.start) as engine:
            if self.found.status == "paused":
                engine.unpause(self.found.id)
            else:
                engine.start(self.found.id)
        steps.join_networks(node, self.container)
        _wait_healthy(self.container, context)
        return ""


@dataclass(frozen=True)
class WaitForContainer(ContainerOperation):
    """Wait until a container that is as wanted, and runs, works too; changes nothing."""

    container: Container
    action = Action.WAIT

    @property
    def changes(self) -> bool:
        """Never: it only waits."""
        return False

    @property
    def needs_lock(self) -> bool:
        """Never: it only waits."""
        return False

    def execute(self, context: Context) -> str:
        """Wait until its probe says that it works."""
        _wait_healthy(self.container, context)
        return ""


@dataclass(frozen=True)
class RestartContainer(ContainerItem, Operation):
    """Restart a container of ours.

    Attributes:
        busy: what is done when it is at work.
        container: what is wanted, where that is known.
    """

    node: str
    name: str
    found: FoundContainer
    busy: Busy
    order: int = 0
    container: Container | None = None
    differences: tuple[Difference, ...] = ()
    kind, action = Kind.CONTAINER, Action.RESTART

    def execute(self, context: Context) -> str:
        """Wait until its service can do without it, restart it, and wait until it works again."""
        node, found = self.node_in(context), self.found
        # The SDK adds the time that the container has to stop.
        seconds = node.deadlines.stop + node.deadlines.start
        leave_if_at_work(node, found, self.busy)
        _wait_ready(node, self.name, found, found.ready_check, self.busy)
        if self.container:
            steps.renew_live_files(node, self.container)
        with node.talking(f"restarting {self.name}", seconds) as engine:
            if found.status == "paused":
                engine.unpause(found.id)  # a paused container can't stop
            steps.restart(engine, found.id, _stop_timeout(found))
        if self.container:
            steps.join_networks(node, self.container)
        wait_healthy(node, self.name, context.progress.mask)
        _wait_ready(node, self.name, found, found.ready_check, self.busy)
        return ""


@dataclass(frozen=True)
class RemoveContainer(Operation):
    """Stop and remove a container of ours that is not wanted any more; its data stays.

    Attributes:
        busy: what is done when it is at work.
    """

    node: str
    name: str
    found: FoundContainer
    busy: Busy
    kind, action = Kind.CONTAINER, Action.REMOVE

    @property
    def service(self) -> str:
        """The service that it was made for."""
        return self.found.service or ""

    @property
    def goes_before(self) -> tuple[str, ...]:
        """The services that it was started after."""
        return self.found.after

    @property
    def is_removal(self) -> bool:
        """Always: this removes a container."""
        return True

    def execute(self, context: Context) -> str:
        """Ask whether it may go, stop it, and remove it with the files that were written for it."""
        node = self.node_in(context)
        leave_if_at_work(node, self.found, self.busy)
        may_go(node, self.found, self.busy)
        steps.take_down(node, self.found.id, _stop_timeout(self.found))
        steps.remove_files(node, self.name)
        return ""


def prepared(operation: CreateContainer | ReplaceContainer, context: Context) -> dict[str, object]:
    """Bring the image and make the folders; return what the engine is told of the container."""
    node, container = operation.node_in(context), operation.container
    identity, master = operation.identity, operation.master
    ensure(context.fleet, node, container.image, identity, master, context.progress)
    steps.make_folders(node, container)
    return config(container, dict(operation.labels))


def leave_if_at_work(node: Node, found: FoundContainer, busy: Busy) -> None:
    """Return when a container may be replaced; raises BusyError when it is at work."""
    if found.status == "running" and found.busy:
        leave_if_busy(node, found, busy)


def _wait_ready(
    node: Node, name: str, found: FoundContainer, command: tuple[str, ...], busy: Busy
) -> None:
    """Wait until the service can do without `found`; one that does not work is not missed."""
    if found.works:
        wait_ready(node, name, command, busy)


def _wait_healthy(container: Container, context: Context) -> None:
    progress = steps.own_progress(context.progress, container)
    wait_healthy(context.fleet.nodes[container.node], container.name, progress.mask)


def _stop_timeout(found: FoundContainer) -> int:
    return int(found.fields.get("stop_timeout", 10))
