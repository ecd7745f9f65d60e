"""Operations that run something to its end: a command in a container, or a container of its own."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

import docker.errors

from cluster.connectors.node import Node
from cluster.errors import NodeError
from cluster.model.item import Action, ContainerItem, Kind
from cluster.model.spec import Container
from cluster.operations import container_start as steps
from cluster.operations.base import Context, Operation
from cluster.operations.container_body import config
from cluster.operations.health import wait_ended
from cluster.operations.image_transfer import ensure


@dataclass(frozen=True)
class RunCommand(ContainerItem, Operation):
    """Run a command of a service's own in its container.

    Attributes:
        command: the words of the command; no secret.
        seconds: its deadline.
        container: what it waits for, where it is part of a service's setup.
    """

    node: str
    name: str
    command: tuple[str, ...]
    seconds: float
    order: int = 0
    container: Container | None = None
    kind, action = Kind.CONTAINER, Action.RUN

    @property
    def verb(self) -> str:
        """The command's last word."""
        return self.command[-1]

    def execute(self, context: Context) -> str:
        """Run it; its standard error is told as it comes, and its last line is the detail."""
        words = ["timeout", "-k2", f"{self.seconds:.0f}", "docker", "exec", self.name]
        hidden = context.progress.hidden
        done = self.node_in(context).run(
            shlex.join([*words, *self.command]),
            deadline=self.seconds + 5,
            on_line=lambda line: context.progress.say(f"{self.node}: {hidden(line)}"),
        )
        if done.exit_code != 0:
            raise NodeError(self.node, f"{shlex.join(self.command)}: {hidden(done.complaint(3))}")
        return hidden(done.complaint(1)) if done.stderr.strip() else ""


@dataclass(frozen=True)
class RunJob(ContainerItem, Operation):
    """Run a container to its end, and remove it.

    Attributes:
        container, identity, labels, master: see `CreateContainer`.
        seconds: the deadline from its start to its end.
    """

    container: Container
    identity: str
    labels: Mapping[str, str]
    master: str
    seconds: float
    kind, action = Kind.CONTAINER, Action.JOB

    @property
    def node(self) -> str:
        """The container's node."""
        return self.container.node

    @property
    def name(self) -> str:
        """The container's name."""
        return self.container.name

    def execute(self, context: Context) -> str:
        """Run it to its end; when that is not well, say what it said last."""
        node, container = self.node_in(context), self.container
        image, progress = container.image, context.progress
        ensure(context.fleet, node, image, self.identity, self.master, progress)
        steps.make_folders(node, container)
        body = config(container, dict(self.labels))
        there = made = steps.make(node, container, body)
        try:
            steps.write_files(node, container)
            _remove(node, container.name)  # of a command that was killed here before
            steps.take_name(node, container, made)
            there = container.name
            detail = steps.start_new(node, container, made, body)
            mask = steps.own_progress(context.progress, container).mask
            wait_ended(node, container.name, self.seconds, mask)
        finally:
            _clear(node, container, there)
        return detail


def _clear(node: Node, container: Container, there: str) -> None:
    """Remove a job's container, by name or id, and its files in any case: they hold secrets."""
    try:
        _remove(node, there)
    finally:
        steps.remove_files(node, container.name)


def _remove(node: Node, container: str) -> None:
    with node.talking(f"removing {container}") as engine, suppress(docker.errors.NotFound):
        engine.remove_container(container, v=True, force=True)
