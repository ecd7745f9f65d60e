"""The digests of record, asked of the managers alone: for commands that plan no containers."""

from __future__ import annotations

from cluster.config.inventory import Inventory
from cluster.connectors.fleet import Fleet
from cluster.connectors.node import Node
from cluster.errors import NodeError
from cluster.model.answer import Unanswered
from cluster.model.decisions import Decisions
from cluster.model.digests import Record

NO_SWARM = "there is no Swarm yet, which keeps the digests of images"


def tell(inventory: Inventory, fleet: Fleet) -> tuple[str, Record | Unanswered]:
    """Return the manager that told the record, and the record; ("", {}) where there is no Swarm.

    Raises:
        NodeError: no manager of a Swarm could be asked.
    """
    asked = fleet.ask(_read, [host.name for host in inventory.managers])
    told = {name: found for name, found in asked.values.items() if found is not None}
    for name in (inventory.master.name, *told):
        if name in told:
            return name, told[name]
    for error in asked.errors.values():
        raise error
    return "", {}


def known(inventory: Inventory, fleet: Fleet) -> Record:
    """Return the record; {} where there is no Swarm.

    Raises:
        NodeError: it is of no known form, or no manager of a Swarm could be asked.
    """
    via, found = tell(inventory, fleet)
    if isinstance(found, Unanswered):
        raise NodeError(via, found.why, "./skp.py docker.image-admit IMAGE:TAG begins a new one")
    return found


def _read(node: Node) -> Record | Unanswered | None:
    """Return what a manager tells; None for a node that is no manager of a Swarm."""
    with node.talking("reading the digests of record") as engine:
        if not engine.info()["Swarm"]["ControlAvailable"]:
            return None
        return Decisions.parse(engine.inspect_swarm()["Spec"].get("Labels") or {}).digests
