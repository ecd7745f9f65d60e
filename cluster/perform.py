"""Carrying out steps: the only place that changes anything on a node."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cluster.fleet import Fleet
from cluster.inventory import Inventory
from cluster.secrets import Secret
from cluster.settings import Settings
from cluster.state import State
from cluster.step import Step
from cluster.transfer import Spool

Say = Callable[[str], None]


@dataclass(frozen=True)
class Context:
    """What every step may need.

    Attributes:
        spool: images on their way from the master to several nodes.
        say: takes progress lines for the person; not a log.
    """

    fleet: Fleet
    settings: Settings
    inventory: Inventory
    key: Secret
    state: State
    spool: Spool
    say: Say


Performer = Callable[[Context, Step], str]


def perform(context: Context, step: Step) -> str:
    """Carry out one step and return a detail for the report, or "".

    Raises:
        NodeError: it failed; nothing half-made is left that a next plan would take for done.
    """
    # Imported here: each needs the context above.
    from cluster import perform_container, perform_files, perform_image, perform_swarm

    performers: Mapping[str, Mapping[str, Performer]] = {
        "swarm": perform_swarm.PERFORMERS,
        "intent": perform_swarm.PERFORMERS,
        "network": perform_swarm.NETWORK,
        "file": perform_files.PERFORMERS,
        "image": perform_image.PERFORMERS,
        "container": perform_container.PERFORMERS,
    }
    return performers[step.kind][step.action](context, step)
