"""Volumes of deployments: where they are on nodes, and how full those of projects are."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workloads.ledger import Ledger
from workloads.model import Volume, VolumeKind

if TYPE_CHECKING:
    from cluster.connectors.node import Node

_DATA = "/var/lib/skp/mnt"
_PROJECTS = "projects"
_SECONDS = 300  # deadline of counting one volume
UNKNOWN = -1
"""In place of bytes: it could not be counted."""


def folder(platform: str, project: str) -> str:
    """Return, on every node, a project's folder on the shared file system."""
    return f"{platform}/{_PROJECTS}/{project}"


def source(volume: Volume, own: str) -> str:
    """Return the folder of nodes that a volume is.

    Args:
        own: the project's folder.
    """
    return {
        VolumeKind.NAS: f"{own}/{volume.name}",
        VolumeKind.HOST: volume.path,
        VolumeKind.DATA: f"{_DATA}/{volume.name}",
    }[volume.kind]


def kind(path: str, platform: str) -> VolumeKind:
    """Return what the volume of a service is, by its folder of nodes."""
    if path.startswith(f"{platform}/{_PROJECTS}/"):
        return VolumeKind.NAS
    return VolumeKind.DATA if path.startswith(f"{_DATA}/") else VolumeKind.HOST


# A line for each folder: its path, a tab, its bytes. (Not on other file systems below it.)
_COUNT = """[ -d {root} ] && cd {root} || exit 0
for each in */*/; do
  [ -d "$each" ] || continue
  n=$(timeout {seconds} du -sxB1 -- "$each" 2>/dev/null | cut -f1)
  printf '%s\\t%s\\n' "${{each%/}}" "${{n:-unknown}}"
done"""


@dataclass(frozen=True)
class Usage:
    """How full a volume of a project is, in bytes.

    Attributes:
        size: what its deployments ask for; 0 where none that is there does.
        used: `UNKNOWN` where it could not be counted.
        deployments: those that have it.
    """

    project: str
    name: str
    size: int
    used: int
    deployments: tuple[str, ...]

    @property
    def is_over(self) -> bool:
        """Whether it has more than it was asked for."""
        return 0 < self.size < self.used


def usage(master: Node, platform: str, ledger: Ledger) -> list[Usage]:
    """Count what the volumes of projects hold, where the shared file system is.

    Raises:
        NodeError: the master can't be asked.
    """
    asked: dict[tuple[str, str], list[tuple[int, str]]] = {}
    for of, entry in ledger.entries.items():
        project, _, name = of.partition("/")
        for volume, size in entry.storage.items():
            asked.setdefault((project, volume), []).append((size, name))
    used = _counted(master, f"{platform}/{_PROJECTS}", asked)
    return [
        Usage(*key, max((s for s, _ in asked.get(key, ())), default=0), used.get(key, UNKNOWN),
              tuple(sorted(name for _, name in asked.get(key, ()))))
        for key in sorted({*used, *asked})
    ]  # fmt: skip


def _counted(
    master: Node, root: str, asked: Mapping[tuple[str, str], object]
) -> dict[tuple[str, str], int]:
    """Return bytes by project and volume, of those that are there."""
    script = _COUNT.format(root=shlex.quote(root), seconds=_SECONDS)
    told = master.sudo(script, deadline=_SECONDS * (len(asked) + 1)).text
    return dict(_parsed(told.splitlines()))


def _parsed(lines: Iterable[str]) -> Iterable[tuple[tuple[str, str], int]]:
    for line in lines:
        path, _, number = line.rpartition("\t")
        project, _, name = path.partition("/")
        yield (project, name), int(number) if number.isdecimal() else UNKNOWN
