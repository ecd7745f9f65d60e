"""Bringing the images of a deployment into the cluster: every one by a digest of its registry."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from cluster.config.secrets import Secret
from cluster.errors import SkpError
from cluster.model.policy import Progress
from workloads import images, mirror
from workloads.logins import NOTHING
from workloads.references import Reference, parsed

if TYPE_CHECKING:
    from cluster.config.inventory import Inventory
    from cluster.connectors.fleet import Fleet
    from cluster.connectors.node import Node


class Images:
    """The images of deployments of one cluster."""

    def __init__(self, fleet: Fleet, inventory: Inventory, say: Callable[[str], None]) -> None:
        """Use the master's registry; `say` is told how far a copy is."""
        self._fleet, self._inventory = fleet, inventory
        self._progress = Progress(say)

    def missing(self, references: Iterable[str]) -> list[Reference]:
        """Return those that have to be copied from other registries first.

        Raises:
            ConfigError: one that names the cluster's own registry is not there.
        """
        return images.digests(self._master, references)[1]

    def admitted(self, references: Iterable[str]) -> dict[str, str]:
        """Return, by reference, the image by its digest; what is missing is copied.

        What is there already counts, whatever its own registry has by now: `mirror` looks there.

        Raises:
            ConfigError, SkpError: one can't be had.
        """
        wanted = list(dict.fromkeys(references))
        found, missing = images.digests(self._master, wanted)
        for reference in missing:
            found |= self.mirror(reference.text, NOTHING)
        return found

    def mirror(self, text: str, login: Secret) -> dict[str, str]:
        """Copy an image anew, and return it by its digest, by its reference.

        Raises:
            ConfigError, SkpError: it can't be had.
        """
        reference = parsed(text)
        mirror.copy(self._master, self._inventory, reference, login, self._progress)
        found, missing = images.digests(self._master, [text])
        if missing:
            raise SkpError(f"{text}: it was copied, and the cluster's registry does not have it")
        return found

    @property
    def _master(self) -> Node:
        return self._fleet.node(self._inventory.master.name)
