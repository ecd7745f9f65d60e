"""An operation on fake nodes that answer as real ones do: what it is tested with."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from cluster.config.secrets import Secret
from cluster.errors import NodeError
from cluster.model.policy import Busy, Progress
from cluster.model.redaction import Mask
from cluster.model.spec import ConfigFile, Container, Image, Mount, Probe, SecretFile
from cluster.model.state import LABEL_FIELDS, LABEL_SERVICE, LABEL_SPEC, FoundContainer
from cluster.operations.base import Context, Operation
from cluster.operations.container import ReplaceContainer
from cluster.operations.container_body import labels
from tests.support.fake_containers import FakeContainers
from tests.support.fake_swarm import FakeSwarm
from tests.support.fakes import FakeConnection, FakeFleet, events, fake_fleet, refusal, reply
from tests.support.faults import Fault, Obstacle

HUSH = "hush-hush"
"""A secret; it may appear in no command line and no message."""
KEY = Secret("the cluster's key")
IMAGE = Image("skp/x", "1")
DIGEST = "sha256:" + 16 * "d00d"
STREAMED = "sha256:" + 16 * "5eed"

CONTAINER = Container(
    "c01",
    "x-skp",
    "x",
    IMAGE,
    command=("serve",),
    environment=(("LEVEL", "info"),),
    mounts=(Mount("/srv/x", "/data", create=True),),
    files=(SecretFile("password", Secret(HUSH)), ConfigFile("x.conf", "a=1\n")),
    network="net-skp",
    user="1000:1000",
    probe=Probe(("/bin/works",)),
    stop_timeout=20,
)
FILES = {"password": HUSH, "x.conf": "a=1\n"}
OLD = replace(CONTAINER, command=("serve", "--old"))
"""What is there before it is replaced."""


@dataclass
class Scene:
    """An operation that can be carried out once.

    Attributes:
        containers: of the node c01, where the operation is about containers.
        swarm: what the managers know, where it is about them.
        said: what it told the person.
        check: see `Context`.
    """

    fleet: FakeFleet
    operation: Operation
    containers: FakeContainers | None = None
    swarm: FakeSwarm | None = None
    said: list[str] = field(default_factory=list)
    check: Callable[[], None] = lambda: None

    @property
    def context(self) -> Context:
        """What the operation is given."""
        progress = Progress(self.said.append, Mask([Secret(HUSH)]))
        return Context(self.fleet, progress, self.check)

    @property
    def store(self) -> FakeContainers:
        """The containers of c01."""
        assert self.containers is not None
        return self.containers

    @property
    def members(self) -> FakeSwarm:
        """The Swarm."""
        assert self.swarm is not None
        return self.swarm

    @property
    def c01(self) -> FakeConnection:
        """The connection of the first node."""
        return self.fleet.connections["c01"]

    def allow(self, **seconds: float) -> None:
        """Give all nodes these deadlines in place of the short ones."""
        for node in self.fleet.nodes.values():
            node.deadlines = replace(node.deadlines, **seconds)

    def run(self) -> str:
        """Carry it out, and return its detail."""
        return self.operation.execute(self.context)


def walk(fault: Fault, make: Callable[[], Scene]) -> Iterator[tuple[Scene, NodeError | None]]:
    """Carry out what `make` makes anew for each of its exchanges, which then ends as `fault` says.

    Yields:
        The scene as it was left, and the error that was raised.
    """
    number = 0
    while True:
        number += 1
        scene, obstacle = make(), Obstacle(fault, number)
        for connection in scene.fleet.connections.values():
            connection.obstacle = obstacle
        error: NodeError | None = None
        try:
            scene.run()
        except NodeError as raised:
            error = raised
        for connection in scene.fleet.connections.values():
            connection.obstacle = None
        if not obstacle.struck:
            return
        yield scene, error


@cache
def made_of(container: Container) -> Mapping[str, str]:
    """Return the labels of a container that replaces none."""
    return labels(container, DIGEST, None, KEY)


def found(container: Container = OLD, **changes: Any) -> FoundContainer:
    """Return what is observed of `container` once it was made."""
    made = made_of(container)
    there = FoundContainer(
        container.name,
        f"id-{container.name}",
        container.image.reference,
        "running",
        container.service,
        made[LABEL_SPEC],
        json.loads(made[LABEL_FIELDS]),
    )
    return replace(there, **changes)


def with_containers(*there: FoundContainer) -> tuple[FakeFleet, FakeContainers]:
    """Return a node c01 with these containers, whose registry has the image."""
    fleet = fake_fleet("c01")
    containers = FakeContainers(fleet.connections["c01"])
    for container in there:
        made = {
            LABEL_SERVICE: container.service or "",
            LABEL_SPEC: container.spec,
            LABEL_FIELDS: json.dumps(container.fields),
        }
        containers.add(container.name, container.id, made, container.status)
    in_registry(fleet.connections["c01"])
    return fleet, containers


def in_registry(connection: FakeConnection) -> None:
    """Have the node's registry, but not its engine, have the image."""
    connection.on("GET /images/*/json", refusal(404, f"No such image: {IMAGE.reference}"))
    connection.on("GET /distribution/*", reply({"Descriptor": {"digest": DIGEST}}))
    connection.on("POST /images/create", events({"status": "Downloaded"}))
    connection.on("POST /images/*/tag", reply(status=201))


def replacing(
    there: FoundContainer | None = None, busy: Busy = Busy.SKIP, container: Container = CONTAINER
) -> Scene:
    """Return the replacement of a container."""
    there = there or found()
    fleet, containers = with_containers(there)
    made = labels(container, DIGEST, there, KEY)
    operation = ReplaceContainer(container, DIGEST, made, "c01", there, busy)
    return Scene(fleet, operation, containers)
