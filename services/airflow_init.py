"""What is done once before Airflow can run: its database and user in MySQL."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from cluster.errors import NodeError
from cluster.service import Cluster
from cluster.spec import SECRETS_TARGET
from cluster.step import Action, Kind, Step
from services import airflow_store
from services.mysql import ROOT
from services.mysql import SERVICE as MYSQL

if TYPE_CHECKING:
    from cluster.change import Change
    from cluster.fleet import Fleet

_ASK, _MAKE = 20, 120  # seconds
_CREATE = ("sh", f"{SECRETS_TARGET}/airflow-init")


def make_database(cluster: Cluster, fleet: Fleet) -> Change:
    """Return the change that creates the database and its user, where they are missing.

    Raises:
        SkpError: MySQL does not run, or has no node.
    """
    from cluster.change import Change

    node, name, there = _there(cluster, fleet)
    return Change((_step(node, name, _CREATE, Action.RUN if len(there) < 2 else Action.KEEP),))


def begin_anew(cluster: Cluster, fleet: Fleet) -> Change:
    """Return the change that drops what is there and creates it again, once the person agrees.

    Raises:
        SkpError: MySQL does not run, or has no node.
    """
    from cluster.change import Change

    node, name, there = _there(cluster, fleet)
    database = cluster.settings.text("AIRFLOW_DB")
    question = f"The database {database} is dropped, with all that Airflow keeps there."
    return Change(
        (_step(node, name, (*_CREATE, "--reset"), Action.RUN),), question=question if there else ""
    )


def _step(node: str, name: str, command: tuple[str, ...], action: Action) -> Step:
    return Step(Kind.CONTAINER, action, node, name, command=command, seconds=_MAKE)


def _there(cluster: Cluster, fleet: Fleet) -> tuple[str, str, list[str]]:
    """Return MySQL's node and container, and what of "database" and "user" is there."""
    from cluster.observe import containers
    from cluster.shell import find

    hosts = MYSQL.hosts(cluster)
    if not hosts:
        raise MYSQL.nowhere(cluster)
    node = hosts[0].name
    if node in fleet.unreachable:
        raise fleet.unreachable[node]
    try:
        name = find(containers(fleet.nodes[node]), node, MYSQL.name).name
    except NodeError as error:
        raise NodeError(node, "MySQL does not run there", "./skp.py docker.mysql-run") from error
    ask = (*ROOT, "--skip-column-names", f"--execute={airflow_store.question(cluster)}")
    done = fleet.nodes[node].run(
        shlex.join(["timeout", str(_ASK), "docker", "exec", name, *ask]), deadline=_ASK + 5
    )
    if done.exit_code:
        said = f"MySQL does not answer: {done.complaint(1)}"
        raise NodeError(node, said, f"./skp.py docker.logs -n {name}")
    return node, name, done.text.split()
