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
from cluster.facts.nodes import identify
from cluster.lock.holder import Holder
from cluster.model.item import Action, Kind, Noted
from cluster.model.policy import Say
from cluster.model.result import Outcome, Result
from cluster.model.spec import REGISTRY, Image
from cluster.operations.image import build, push


def build_and_push(
    inventory: Inventory,
    fleet: Fleet,
    image: Image,
    arguments: Mapping[str, str],
    command: str,
    say: Say,
) -> Report:
    """Build `image` and push it; the report says whether the registry's digest changed.

    The build is in the audit trail but takes no lock: it changes nothing that runs, and cron's
    docker.apply need not wait for it.

    Args:
        arguments: build arguments by name; no secrets.
        command: the command's name, for the audit trail.
        say: takes a line of progress.

    Raises:
        NodeError: the master can't be reached, its registry does not answer, or the build failed.
    """
    master = fleet.node(inventory.master.name)
    _need_registry(master)
    audit, results = Audit(fleet, inventory, Holder.me(command)), list[Result]()
    audit.begin(None)
    with audit.recording(results):
        before, begun = identify(master, image), time.monotonic()
        build(master, image, dict(arguments), say)
        digest = push(master, image, say)
        outcome = Outcome.UNCHANGED if digest == before else Outcome.DONE
        seconds = time.monotonic() - begun
        results.append(Result(_noted(inventory, image), outcome, digest, "", seconds))
    return Report(tuple(results), {}, tuple(audit.complaints))


def planned(inventory: Inventory, image: Image) -> Report:
    """Return the report of a dry run."""
    return Report((Result(_noted(inventory, image), Outcome.PLANNED),), {})


def _noted(inventory: Inventory, image: Image) -> Noted:
    name = f"{image.repository}:{image.tag}"
    return Noted(Kind.IMAGE, Action.BUILD, inventory.master.name, name)


def _need_registry(node: Node) -> None:
    """Raise NodeError for a missing registry before a long build, not after it."""
    host, port = REGISTRY.split(":")
    if node.run(f"bash -c 'exec 3<>/dev/tcp/{host}/{port}'").exit_code != 0:
        raise NodeError(
            node.name,
            f"no registry answers at {REGISTRY} there, and the image is to be pushed to it",
            "./skp.py docker.registry-run",
        )
