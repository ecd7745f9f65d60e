"""Building an image on the master and pushing it to the writer registry, as a report."""

from __future__ import annotations

import time
from collections.abc import Mapping

from cluster.commands.audit import Audit
from cluster.commands.report import Report
from cluster.config.inventory import Inventory
from cluster.connectors.fleet import Fleet
from cluster.connectors.node import Node
from cluster.errors import NodeError
from cluster.facts import record
from cluster.lock.holder import Holder
from cluster.model.digests import Record
from cluster.model.item import Action, Kind, Noted
from cluster.model.policy import Progress
from cluster.model.result import Outcome, Result
from cluster.model.spec import REGISTRY, Image
from cluster.operations.base import Context
from cluster.operations.digests import AdmitImage
from cluster.operations.image import build, push


def build_and_push(
    inventory: Inventory,
    fleet: Fleet,
    image: Image,
    arguments: Mapping[str, str],
    command: str,
    progress: Progress,
) -> Report:
    """Build `image`, push it, and record its digest; the report says whether that changed.

    The build is in the audit trail but takes no lock: it changes nothing that runs, and cron's
    docker.apply need not wait for it.

    Args:
        arguments: build arguments by name; no secrets.
        command: the command's name, for the audit trail.
        progress: is told how far it is.

    Raises:
        NodeError: the master can't be reached, its registry does not answer, the digest can't be
            recorded, or the build failed.
    """
    master = fleet.node(inventory.master.name)
    _need_registry(master)
    via, known = _need_record(inventory, fleet)
    audit, results = Audit(fleet, inventory, Holder.me(command)), list[Result]()
    audit.begin(None)
    with audit.recording(results):
        begun, noted = time.monotonic(), _noted(inventory, image)
        own = progress.begin(noted)
        build(master, image, dict(arguments), own)
        digest = push(master, image, own)
        AdmitImage(via, image.name, digest).execute(Context(fleet, own))
        is_known = known.get(image.name, ())[:1] == (digest,)
        outcome = Outcome.UNCHANGED if is_known else Outcome.DONE
        seconds = time.monotonic() - begun
        results.append(progress.end(Result(noted, outcome, digest, "", seconds)))
    return Report(tuple(results), {}, tuple(audit.complaints))


def planned(inventory: Inventory, image: Image) -> Report:
    """Return the report of a dry run."""
    return Report((Result(_noted(inventory, image), Outcome.PLANNED),), {})


def _noted(inventory: Inventory, image: Image) -> Noted:
    return Noted(Kind.IMAGE, Action.BUILD, inventory.master.name, image.name)


def _need_record(inventory: Inventory, fleet: Fleet) -> tuple[str, Record]:
    """Return a manager and the record, where the build is to be recorded; raises NodeError."""
    via, _ = record.tell(inventory, fleet)
    if not via:
        hint = "./skp.py docker.swarm-init"
        raise NodeError(inventory.master.name, record.NO_SWARM, hint)
    return via, record.known(inventory, fleet)


def _need_registry(node: Node) -> None:
    """Raise NodeError for a missing registry before a long build, not after it."""
    host, port = REGISTRY.split(":")
    if node.run(f"bash -c 'exec 3<>/dev/tcp/{host}/{port}'").exit_code != 0:
        raise NodeError(
            node.name,
            f"no registry answers at {REGISTRY} there, and the image is to be pushed to it",
            "./skp.py docker.registry-run",
        )
