"""What a person has done to Airflow's store: its database and user, its tables, the account."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from cluster.config.secrets import Kept, Secret
from cluster.errors import NodeError
from cluster.model.service import Cluster
from cluster.model.spec import Container, Credential
from cluster.model.state import State
from cluster.model.step import Action, Kind, Step
from services.airflow import store as airflow_store
from services.airflow.service import SERVICE as AIRFLOW
from services.databases import question
from services.mysql import ROOT, create_command
from services.mysql import SERVICE as MYSQL

if TYPE_CHECKING:
    from cluster.commands.change import Change
    from cluster.connectors.fleet import Fleet

_ASK, _MAKE = 20, 120  # seconds


def make_database(cluster: Cluster, fleet: Fleet) -> Change:
    """Return the change that creates the database and its user, where they are missing.

    Raises:
        SkpError: MySQL does not run, or has no node.
    """
    from cluster.commands.change import Change

    node, name, there = _there(cluster, fleet)
    action = Action.KEEP if {"database", "user"} <= set(there) else Action.RUN
    return Change((_step(node, name, create_command(AIRFLOW), action),))


def begin_anew(cluster: Cluster, fleet: Fleet) -> Change:
    """Return the change that drops what is there and creates it again, once the person agrees.

    Raises:
        SkpError: MySQL does not run, or has no node; Airflow's node can't be reached.
    """
    from cluster.commands.change import Change

    node, name, there = _there(cluster, fleet)
    database = cluster.settings.text("AIRFLOW_DB")
    # Its turn comes after the mark's: a mark that stays would say that the tables are there.
    drop = _step(node, name, (*create_command(AIRFLOW), "--reset"), Action.RUN)
    question = f"The database {database} is dropped, with all that Airflow keeps there."
    return Change(
        (*_unmark(cluster, fleet), replace(drop, turn=2)),
        question=question if there else "",
    )


def _unmark(cluster: Cluster, fleet: Fleet) -> Iterator[Step]:
    """Yield the step after which `docker.apply` makes the tables again."""
    for host in AIRFLOW.hosts(cluster):
        if host.name in fleet.unreachable:
            raise fleet.unreachable[host.name]
        path = airflow_store.mark(cluster)
        if fleet.nodes[host.name].run(f"test -e {shlex.quote(path)}").exit_code:
            continue
        yield Step(
            Kind.CREDENTIAL, Action.SAVE, host.name, path,
            credential=Credential(path, Secret("dropped\n")), turn=1,
        )  # fmt: skip


def make_tables(cluster: Cluster, fleet: Fleet, kept: Kept) -> Change:
    """Return the change that makes the store's tables, or brings them to this version.

    Raises:
        SkpError: no node is for Airflow, or its image is missing.
    """
    from cluster.commands.change import Change
    from cluster.plan.plan import look, remembered

    state = look(cluster, fleet, (AIRFLOW,))
    cluster, _ = remembered(cluster, state, kept)
    container = _container(cluster, fleet, state)
    digest = AIRFLOW.digest(cluster, state)
    if not digest:
        missing = f"the master's registry does not have {container.image.repository}"
        raise NodeError(
            cluster.inventory.master.name, missing, f"./skp.py {container.image.built_by}"
        )
    return Change((replace(AIRFLOW.tables(cluster, state, container), identity=digest),))


def set_password(cluster: Cluster, fleet: Fleet) -> Change:
    """Return the change that makes the administrator's account, or sets its password again.

    Raises:
        SkpError: Airflow does not run, or no node is for it.
    """
    from cluster.commands.service_command import look

    hosts = AIRFLOW.hosts(cluster)
    if not hosts:
        raise AIRFLOW.nowhere(cluster)
    return look(fleet, hosts[0].name, AIRFLOW.name, ("/opt/skp/bin/airflow-skp", "web-password"))


def _container(cluster: Cluster, fleet: Fleet, state: State) -> Container:
    """Return Airflow's container as it is wanted on its node."""
    hosts = AIRFLOW.hosts(cluster)
    if not hosts:
        raise AIRFLOW.nowhere(cluster)
    if hosts[0].name in fleet.unreachable:
        raise fleet.unreachable[hosts[0].name]
    return next(iter(AIRFLOW.containers(cluster, state)))


def _step(node: str, name: str, command: tuple[str, ...], action: Action) -> Step:
    return Step(Kind.CONTAINER, action, node, name, command=command, seconds=_MAKE)


def _there(cluster: Cluster, fleet: Fleet) -> tuple[str, str, list[str]]:
    """Return MySQL's node and container, and what of "database" and "user" is there."""
    from cluster.commands.shell import find
    from cluster.facts.nodes import containers

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
    ask = (*ROOT, "--skip-column-names", f"--execute={question(airflow_store.database(cluster))}")
    done = fleet.nodes[node].run(
        shlex.join(["timeout", str(_ASK), "docker", "exec", name, *ask]), deadline=_ASK + 5
    )
    if done.exit_code:
        said = f"MySQL does not answer: {done.complaint(1)}"
        raise NodeError(node, said, f"./skp.py docker.logs -n {name}")
    return node, name, done.text.split()
