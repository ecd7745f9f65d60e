"""Having an image built on a node: which one, what it is told, and what its end means."""

from __future__ import annotations

import io
import shlex
import tarfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING

from cluster.deadlines import Deadline
from cluster.errors import ConfigError, DeadlineError, NodeError, SkpError
from cluster.model.digests import DIGEST
from cluster.model.policy import Progress
from cluster.model.recipes import RECIPES
from cluster.model.spec import REGISTRY
from workloads import tools
from workloads.build_records import Build, Records, State
from workloads.references import PLATFORM
from workloads.texts import size

if TYPE_CHECKING:
    from cluster.connectors.base import Completed
    from cluster.connectors.fleet import Fleet
    from cluster.connectors.node import Node
    from cluster.model.cluster import Cluster

LABEL = "builder"
"""The label of nodes that build."""
USER = 99
"""The number of the platform's user that hands images over; no service has it."""
_SCRIPT = (Path(__file__).parent / "building.sh").read_text(encoding="utf-8")
_LIVES, _OWN = "skp-build-lives", "skp-build: "
_FULL, _FULL_ROOM, _LATE = 75, 7, 124
_NO_ROOM = "no space left on device"
_SHOWN = 300  # characters of a line in an error
_COPYING = ("Getting image source", "Copying blob", "Copying config", "Writing manifest")
_PAUSE = 2  # seconds between two tries to get a place


@dataclass
class Work:
    """One build on its way.

    Attributes:
        build: its record. bases: what it begins from, by name: REPOSITORY@DIGEST.
        packed: the folder as a tar, after one of `own_files`, which has `own` bytes.
        is_anew: whether nothing that earlier builds left is used.
        log: what was told so far.
    """

    cluster: Cluster
    fleet: Fleet
    say: Callable[[str], None]
    records: Records
    build: Build
    bases: Mapping[str, str]
    packed: IO[bytes]
    own: int
    is_anew: bool
    log: list[str] = field(default_factory=list)

    @property
    def master(self) -> Node:
        """The master, whose registry takes images."""
        return self.fleet.node(self.cluster.inventory.master.name)

    @property
    def has_others(self) -> bool:
        """Whether it begins from an image of another project."""
        own = (*PLATFORM, self.build.project)
        return any(each.partition("/")[0] not in own for each in self.bases.values())

    def tell(self, line: str) -> None:
        """Have a line in the log, and told: shorter, and not each step of a copy."""
        self.log.append(line)
        if not line.startswith(_COPYING):
            self.say(_short(line))


def builders(cluster: Cluster, fleet: Fleet) -> list[Node]:
    """Return the nodes that build.

    Raises:
        ConfigError: none has the label. NodeError: none can be reached.
    """
    names = [host.name for host in cluster.inventory.hosts if host.has(LABEL)]
    if not names:
        what = f'no node has the label "{LABEL}"'
        hint = f'In hosts.json: "labels": [{{"{LABEL}": "enable"}}], and docker.swarm-label'
        raise ConfigError(what, hint)
    there = [fleet.nodes[name] for name in names if name in fleet.nodes]
    if not there:
        raise fleet.unreachable.get(names[0]) or NodeError(names[0], "it is not connected")
    return there


def own_files() -> bytes:
    """Return a tar of what asks a node about its mirrors."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.add(RECIPES / "host", "host")
    return buffer.getvalue()


def on_a_node(work: Work, nodes: list[Node], folder: str) -> tuple[str, str]:
    """Have it built where there is a place; return the node, and the image's digest.

    Args:
        folder: where the image is put, which the master has too.

    Raises:
        SkpError: it can't be built, or no place became free.
    """
    seconds = work.fleet.deadlines.build
    ends = Deadline(seconds)
    for round_ in range(int(seconds)):
        for node in nodes:
            done = _tried(work, node, folder)
            if done.exit_code == 0:
                return node.name, _digest(node, done)
            if done.exit_code != _FULL:
                raise _failed(work, node, done)
        if round_ == 0:
            work.tell(f"waiting for a place on {', '.join(node.name for node in nodes)}")
        if ends.passed:
            break
        threading.Event().wait(_PAUSE)
    what = f"no place was free to build {work.build.image} within {seconds:.0f} s"
    raise DeadlineError(nodes[0].name, what, "BUILD_PLACES says how many there are.")


def _tried(work: Work, node: Node, folder: str) -> Completed:
    words = [*_words(work, node, folder), "--"]
    words += [f"{name}={found}" for name, found in work.bases.items()]
    work.packed.seek(0)
    return node.run(
        f"script={shlex.quote(_SCRIPT)}; export script; "
        f'bash -c "$script" build {shlex.join(words)}',
        stdin=work.packed,
        deadline=work.cluster.settings.number("BUILD_SECONDS") + 2 * node.deadlines.transfer,
        on_line=_heard(work, node),
    )


def _words(work: Work, node: Node, folder: str) -> list[str]:
    settings, progress = work.cluster.settings, Progress(work.tell)
    said = {
        "id": work.build.ident,
        "project": work.build.project,
        "name": f"{REGISTRY}/{work.build.image}",
        "builder": tools.ready(node, tools.BUILDER, progress),
        "skopeo": tools.ready(node, tools.SKOPEO, progress),
        "out": folder,
        "user": work.cluster.own_user(USER),
        "host": str(work.own),
        "nodes": " ".join(host.ipv4 for host in work.cluster.inventory.hosts),
        "places": settings.text("BUILD_PLACES"),
        "cpus": settings.text("BUILD_CPUS"),
        "memory": settings.text("BUILD_MEMORY"),
        "seconds": settings.text("BUILD_SECONDS"),
        "size": str(size(settings.text("BUILD_SIZE"))),
        "anew": "yes" if work.is_anew else "",
        "others": "yes" if work.has_others else "",
    }
    return [f"{key}={value}" for key, value in said.items()]


def _heard(work: Work, node: Node) -> Callable[[str], None]:
    """Return what takes each line that a node prints; with the first it is running."""
    begun = threading.Event()

    def line(text: str) -> None:
        if not begun.is_set():
            begun.set()
            work.records.keep(replace(work.build, state=State.RUNNING, node=node.name))
        if text != _LIVES:
            work.tell(text.removeprefix(_OWN))

    return line


def _digest(node: Node, done: Completed) -> str:
    digest = done.text.rpartition("\n")[2]
    if not DIGEST.fullmatch(digest):
        raise NodeError(node.name, "it does not say which image it built")
    return digest


def _failed(work: Work, node: Node, done: Completed) -> SkpError:
    said = done.complaint(20).splitlines()
    own = [line.removeprefix(_OWN) for line in said if line.startswith(_OWN)]
    if done.exit_code == _LATE:
        what = f"it is not built within {work.cluster.settings.text('BUILD_SECONDS')} s"
        return DeadlineError(node.name, what, "BUILD_SECONDS says how long it may take.")
    if any(_NO_ROOM in line.lower() for line in said) or done.exit_code == _FULL_ROOM:
        own = [f"its room of {work.cluster.settings.text('BUILD_SIZE')} is full"]
    if own:
        hint = "BUILD_SIZE and BUILD_MEMORY say what a build may take."
        return NodeError(node.name, _short(own[-1]), hint)
    lines = [_short(line) for line in said if line != _LIVES][-5:]
    of = work.build.project
    return SkpError(
        "\n  ".join(["the build failed:", *lines]),
        f"./skp.py deploy.builds {of} -l {work.build.ident}",
    )


def _short(line: str) -> str:
    """Return a line without its middle where it is long: buildah tells a whole step there."""
    half = _SHOWN // 2
    return line if len(line) <= _SHOWN else f"{line[:half]} ... {line[-half:]}"
