"""The changes that commands make to Airflow's store: database and user, tables, the account."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from cluster.config.secrets import SPEC_KEY, Secret
from cluster.errors import NodeError
from cluster.facts.cluster import observe_cluster
from cluster.model.admission import missing
from cluster.model.cluster import Cluster, Declared
from cluster.model.files import Credential
from cluster.model.item import Item, Keep, Kind
from cluster.model.spec import Container
from cluster.model.state import State
from cluster.operations.container_body import labels
from cluster.operations.container_run import RunCommand, RunJob
from cluster.operations.files import SaveCredential
from services.airflow import store as airflow_store
from services.airflow.service import SERVICE as AIRFLOW
from services.databases import presence_query
from services.mysql import ROOT, create_command
from services.mysql import SERVICE as MYSQL

if TYPE_CHECKING:
    from cluster.commands.change import Change
    from cluster.connectors.fleet import Fleet

_QUERY, _CREATE = 20, 120  # deadlines in seconds


def make_database(cluster: Cluster, fleet: Fleet) -> Change:
    """Return the change that creates the database and its user, where they are missing.

    Raises:
        SkpError: MySQL does not run, or has no node.
    """
    from cluster.commands.change import Change

    node, name, there = _observe_database(cluster, fleet)
    if {"database", "user"} <= set(there):
        return Change((Keep(Kind.CONTAINER, node, name),))
    return Change((RunCommand(node, name, create_command(AIRFLOW), _CREATE),))


def recreate_database(cluster: Cluster, fleet: Fleet) -> Change:
    """Return the change that drops database and user, and creates them; the person is asked first.

    Raises:
        SkpError: MySQL does not run, or has no node; Airflow's node can't be reached.
    """
    from cluster.commands.change import Change

    node, name, there = _observe_database(cluster, fleet)
    database = cluster.settings.text("AIRFLOW_DB")
    # The mark goes first: if it stayed, it would say that the dropped tables are there.
    drop = RunCommand(node, name, (*create_command(AIRFLOW), "--reset"), _CREATE, order=2)
    question = f"The database {database} is dropped, with all that Airflow keeps there."
    return Change(
        (*_remove_mark(cluster, fleet), drop),
        question=question if there else "",
    )


def _remove_mark(cluster: Cluster, fleet: Fleet) -> Iterator[Item]:
    """Yield the operation that voids the mark, so that `docker.apply` makes the tables again."""
    folder, path = PurePosixPath(airflow_store.folder(cluster)), airflow_store.mark(cluster)
    for host in AIRFLOW.hosts(cluster):
        if fleet.node(host.name).run(f"test -e {shlex.quote(path)}").exit_code:
            continue
        below = f"{folder.name}/{airflow_store.MARK}"
        dropped = Credential(str(folder.parent), below, Secret("dropped\n"))
        yield SaveCredential(host.name, path, dropped, order=1)


def make_tables(declared: Declared, fleet: Fleet) -> Change:
    """Return the change that makes the store's tables, or brings them to this version.

    Raises:
        SkpError: no node is for Airflow, or its image is missing.
    """
    from cluster.commands.change import Change

    view = observe_cluster(declared, fleet, (AIRFLOW,))
    cluster, state = view.cluster, view.state
    container = _container(cluster, fleet, state)
    digest = AIRFLOW.digest(cluster, state)
    if not digest:
        master = cluster.inventory.master.name
        raise NodeError(master, *missing(cluster.inventory, state, container.image))
    tables = AIRFLOW.tables(cluster, state, container)
    made = labels(tables.container, digest, None, cluster.secrets[SPEC_KEY])
    master = cluster.inventory.master.name
    return Change((RunJob(tables.container, digest, made, master, tables.seconds),))


def set_password(cluster: Cluster, fleet: Fleet) -> Change:
    """Return the change that makes the administrator's account, or sets its password again.

    Raises:
        SkpError: Airflow does not run, or no node is for it.
    """
    from cluster.commands.service_command import find_command

    hosts = AIRFLOW.hosts(cluster)
    if not hosts:
        raise AIRFLOW.no_host_error(cluster)
    return find_command(
        fleet, hosts[0].name, AIRFLOW.name, ("/opt/skp/bin/airflow-skp", "web-password")
    )


def _container(cluster: Cluster, fleet: Fleet, state: State) -> Container:
    """Return the container that Airflow's node is to run; raises SkpError if there is none."""
    hosts = AIRFLOW.hosts(cluster)
    if not hosts:
        raise AIRFLOW.no_host_error(cluster)
    fleet.node(hosts[0].name)
    return next(iter(AIRFLOW.containers(cluster, state)))


def _observe_database(cluster: Cluster, fleet: Fleet) -> tuple[str, str, list[str]]:
    """Return MySQL's node and container, and which of "database" and "user" exist.

    Raises:
        SkpError: MySQL has no node, does not run, or does not answer.
    """
    from cluster.commands.shell import find
    from cluster.facts.nodes import containers

    hosts = MYSQL.hosts(cluster)
    if not hosts:
        raise MYSQL.no_host_error(cluster)
    node = hosts[0].name
    connected = fleet.node(node)
    try:
        name = find(containers(connected), node, MYSQL.name).name
    except NodeError as error:
        raise NodeError(node, "MySQL does not run there", "./skp.py docker.mysql-run") from error
    query = (
        *ROOT,
        "--skip-column-names",
        f"--execute={presence_query(airflow_store.database(cluster))}",
    )
    done = connected.run(
        shlex.join(["timeout", str(_QUERY), "docker", "exec", name, *query]), deadline=_QUERY + 5
    )
    if done.exit_code:
        what = f"MySQL does not answer: {done.complaint(1)}"
        raise NodeError(node, what, f"./skp.py docker.logs -n {name}")
    return node, name, done.text.split()
