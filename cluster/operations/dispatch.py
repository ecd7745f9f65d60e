"""Carrying out steps: the only place that changes anything on a node."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from cluster.model.step import Step

if TYPE_CHECKING:
    from cluster.config.inventory import Inventory
    from cluster.config.secrets import Kept, Secret
    from cluster.config.settings import Settings
    from cluster.connectors.fleet import Fleet
    from cluster.model.redaction import Mask
    from cluster.model.state import State, Swarm
    from cluster.operations.image_transfer import Spool

Say = Callable[[str], None]


class Busy(StrEnum):
    """What is done about a container that is at work when it is to be replaced."""

    SKIP = "skip"
    WAIT = "wait"
    REPLACE = "replace"


class BusyError(Exception):
    """A container is at work and was therefore left as it is; the text says with what."""


@dataclass(frozen=True)
class Context:
    """What every step may need.

    Attributes:
        key: the cluster's key for hashes. kept: the generated secrets.
        spool: images on their way from the master to several nodes.
        say: takes progress lines for the person; not a log.
        check: raises when nothing more may be changed, because the lock was lost.
        mask: hides the cluster's secrets in what containers say.
        busy: what is done about a container that is at work when it is to be replaced.
    """

    fleet: Fleet
    settings: Settings
    inventory: Inventory
    key: Secret
    kept: Kept
    state: State
    spool: Spool
    say: Say
    check: Callable[[], None]
    mask: Mask
    busy: Busy = Busy.SKIP

    @property
    def swarm(self) -> Swarm:
        """The Swarm; no step that needs it is planned without one."""
        assert self.state.swarm is not None
        return self.state.swarm


Performer = Callable[[Context, Step], str]


def perform(context: Context, step: Step) -> str:
    """Carry out one step and return a detail for the report, or "".

    Raises:
        NodeError: it failed; nothing half-made is left that a next plan would take for done.
    """
    # Imported here: each needs the context above.
    from cluster.operations import container as perform_container
    from cluster.operations import decisions as perform_intent
    from cluster.operations import files as perform_files
    from cluster.operations import image as perform_image
    from cluster.operations import image_removal as perform_removal
    from cluster.operations import leave as perform_leave
    from cluster.operations import swarm as perform_swarm

    performers: Mapping[str, Mapping[str, Performer]] = {
        "swarm": perform_swarm.PERFORMERS,
        "intent": perform_intent.PERFORMERS,
        "secrets": perform_intent.SECRETS,
        "network": perform_swarm.NETWORK,
        "file": perform_files.PERFORMERS,
        "credential": perform_files.CREDENTIALS,
        "image": {**perform_image.PERFORMERS, **perform_removal.PERFORMERS},
        "container": perform_container.PERFORMERS,
        "leave": perform_leave.PERFORMERS,
    }
    return performers[step.kind][step.action](context, step)
