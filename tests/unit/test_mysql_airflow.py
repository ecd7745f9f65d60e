"""MySQL and Airflow as they are described: passwords, the store's place, what comes first."""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import services
from cluster.config.secrets import Secret
from cluster.errors import ConfigError
from cluster.model.cluster import Cluster
from cluster.model.database import Database
from cluster.model.decisions import Decisions
from cluster.model.item import Deferred
from cluster.model.service import Service
from cluster.model.setup import SetupCommand, SetupJob, SetupStep
from cluster.model.spec import Container, SecretFile, Source
from cluster.model.state import FoundNode, Membership, State, Swarm
from cluster.plan.containers import Rules, plan_containers
from cluster.plan.prerequisites import with_setup
from services.airflow import store as airflow_store
from services.airflow.service import SERVICE as AIRFLOW
from services.mysql import SERVICE as MYSQL
from services.mysql import create_command
from tests.support.described import NETWORKS, described

NASTY = """it's "so" \\ `x` #1; %s"""
URL = "AIRFLOW__CORE__SQL_ALCHEMY_CONN"
DIGEST = "sha256:one"


def cluster(tmp_path: Path, mysql: str = "c02", **values: str) -> Cluster:
    """Return two nodes, the second with MySQL's label."""
    hosts: dict[str, Any] = {
        "c01": {"ipv4": "10.0.0.1", "groups": ["master", "manager"], "labels": []},
        "c02": {"ipv4": "10.0.0.2", "groups": ["manager"], "labels": []},
    }
    if mysql:
        hosts[mysql]["labels"].append({"mysql": "enable"})
    return described(tmp_path, hosts, values)


def seen(wanted: Cluster, mark: str = "", digest: str = DIGEST) -> State:
    images = {image: digest for service in (MYSQL, AIRFLOW) for image in service.images(wanted)}
    nodes = {
        name: FoundNode(
            name, name, "26", Membership("active"), {}, owner="1000:1000",
            images=images if digest else {},
            marker_files={airflow_store.mark(wanted): mark} if mark and name == "c01" else {},
        )
        for name in ("c01", "c02")
    }  # fmt: skip
    on_record = Decisions(digests={i.name: (digest,) for i in images} if digest else {})
    return State(nodes, {}, Swarm("c01", "s", {}, on_record, NETWORKS, {}, ("c01",)))


def files(container: Container) -> dict[str, str]:
    return {f.name: f.content.reveal() for f in container.files if isinstance(f, SecretFile)}


def only(service: Any, wanted: Cluster, state: State | None = None) -> Container:
    (container,) = service.containers(wanted, state or seen(wanted))
    assert isinstance(container, Container)
    return container


def first(wanted: Cluster, state: State) -> list[SetupStep]:
    return list(AIRFLOW.setup_steps(wanted, state))


def test_passwords_are_escaped_for_what_reads_them(tmp_path: Path) -> None:
    wanted = cluster(tmp_path)
    nasty = {key: Secret(NASTY) for key in ("MYSQL_ROOT_PASSWORD", "AIRFLOW_DB_PASSWORD")}
    found = files(only(MYSQL, replace(wanted, secrets={**wanted.secrets, **nasty})))
    assert found["root-password"] == NASTY
    assert """password = "it\\'s \\"so\\" \\\\ `x` #1; %s"\n""" in found["root.cnf"]
    assert """IDENTIFIED BY 'it''s "so" \\\\ `x` #1; %s';""" in found["init.sql"]


def test_root_is_for_the_container_itself_alone(tmp_path: Path) -> None:
    said = files(only(MYSQL, cluster(tmp_path)))["init.sql"].splitlines()
    assert said[0] == "ALTER USER IF EXISTS 'root'@'%' ACCOUNT LOCK;"
    made = {line.split()[5] for line in said if line.startswith("CREATE USER")}
    assert made == {"'root'@'localhost'", "'root'@'127.0.0.1'", "'flask'@'%'"}


class Wiki(Service):
    """A service that nobody but the catalogue knows of."""

    name, title = "wiki", "Wiki"

    def database(self, cluster: Cluster) -> Database:  # noqa: ARG002
        return Database("wiki_pages", "it's", Secret("pw"))


def test_the_server_has_files_for_each_service_that_wants_a_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = cluster(tmp_path)
    monkeypatch.setattr(services, "catalogue", lambda: {"airflow": AIRFLOW, "wiki": Wiki()})
    container = only(MYSQL, wanted)
    assert [file.name for file in container.files] == [
        "root-password", "root.cnf", "init.sql",
        "airflow.sql", "airflow-reset.sql", "airflow-init",
        "wiki.sql", "wiki-reset.sql", "wiki-init",
    ]  # fmt: skip
    assert files(container)["wiki.sql"] == (
        "CREATE DATABASE IF NOT EXISTS `wiki_pages` CHARACTER SET utf8mb4;\n"
        "CREATE USER IF NOT EXISTS 'it''s'@'%' IDENTIFIED BY 'pw';\n"
        "GRANT ALL ON `wiki\\_pages`.* TO 'it''s'@'%';\n"
    )
    assert files(container)["init.sql"].splitlines()[-2:] == [
        "ALTER USER IF EXISTS 'airflow'@'%' IDENTIFIED BY 'the-secret-AIRFLOW_DB_PASSWORD';",
        "ALTER USER IF EXISTS 'it''s'@'%' IDENTIFIED BY 'pw';",
    ]
    (script,) = (file for file in container.files if file.name == "wiki-init")
    assert script.content == (
        "# Creates Wiki's database and user where they are missing; --reset drops what is there "
        "first.\nset -eu\n"
        '[ "${1:-}" != --reset ] || mysql --defaults-extra-file=/run/skp/root.cnf '
        "</run/skp/wiki-reset.sql\n"
        "exec mysql --defaults-extra-file=/run/skp/root.cnf </run/skp/wiki.sql\n"
    )
    assert create_command(Wiki()) == ("sh", "/run/skp/wiki-init")


def test_a_public_image_of_mysql_is_copied_to_its_node(tmp_path: Path) -> None:
    ours, public = (
        MYSQL.images(cluster(tmp_path, **values))[0]
        for values in ({}, {"MYSQL_IMAGE": "mysql", "MYSQL_TAG": "8.4"})
    )
    assert (ours.source, ours.built_by) == (
        Source.REGISTRY, "docker.image-build-mysql -t=latest",
    )  # fmt: skip
    assert (public.reference, public.source) == ("mysql:8.4", Source.STREAM)


def test_a_public_image_of_mysql_begins_as_ours_does(tmp_path: Path) -> None:
    ours, public = (
        only(MYSQL, cluster(tmp_path, **values)) for values in ({}, {"MYSQL_IMAGE": "mysql"})
    )
    assert public.command == ("bash", "/run/skp/mysql-skp", *ours.command)
    assert "mysql-skp" in {file.name for file in public.files}


def test_airflow_goes_to_the_master_if_there_is_a_store_for_it(tmp_path: Path) -> None:
    assert [host.name for host in AIRFLOW.hosts(cluster(tmp_path))] == ["c01"]
    assert AIRFLOW.hosts(cluster(tmp_path, mysql="")) == ()
    elsewhere = {URL: "mysql://me:pw@db.example/mine"}
    assert [h.name for h in AIRFLOW.hosts(cluster(tmp_path, mysql="", **elsewhere))] == ["c01"]


def test_the_guides_url_means_our_store(tmp_path: Path) -> None:
    wanted = cluster(tmp_path, **{URL: "mysql+pymysql://airflow:airflow@mysql-skp/airflow"})
    url = files(only(AIRFLOW, wanted))["store-url"]
    assert url == (
        "mysql+mysqldb://airflow:the-secret-AIRFLOW_DB_PASSWORD@mysql-skp:3306/airflow"
        "?charset=utf8mb4"
    )


def test_anothers_url_is_taken_with_our_driver(tmp_path: Path) -> None:
    wanted = cluster(tmp_path, **{URL: "mysql+pymysql://me:p%40w@db.example:3307/mine"})
    url = files(only(AIRFLOW, wanted))["store-url"]
    assert url == "mysql+mysqldb://me:p%40w@db.example:3307/mine"
    assert airflow_store.place(wanted) == "db.example:3307/mine"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:pw@db/mine",
        "mysql://db/mine",
        "mysql://me:pw@db",
        "nonsense",
        "mysql://me:pw@db:0x/mine",
        "mysql://me:pw@db:99999/mine",
        "mysql://me:pw@[db/mine",
        "mysql://me:p@ss/word@db/mine",
        "mysql://me:p#w@db/mine",
        "mysql://me:pw@db/mine/more",
    ],
)
def test_a_wrong_url_is_refused_and_not_shown(tmp_path: Path, url: str) -> None:
    wanted = cluster(tmp_path, **{URL: url})
    with pytest.raises(ConfigError, match="allowed: mysql\\+mysqldb://USER") as caught:
        list(AIRFLOW.containers(wanted, State({}, {}, None)))
    assert url not in str(caught.value)


def test_a_key_of_fernets_form_is_taken_and_any_other_text_made_into_one(tmp_path: Path) -> None:
    wanted, own = cluster(tmp_path), base64.urlsafe_b64encode(bytes(range(32))).decode()
    given = replace(wanted, secrets={**wanted.secrets, "AIRFLOW_FERNET_KEY": Secret(own)})
    assert files(only(AIRFLOW, given))["fernet-key"] == own
    made = files(only(AIRFLOW, wanted))["fernet-key"]
    assert len(base64.urlsafe_b64decode(made)) == 32


def test_ones_own_variables_reach_airflow_in_a_file(tmp_path: Path) -> None:
    wanted = cluster(tmp_path, AIRFLOW__CORE__PARALLELISM="4")
    container = only(AIRFLOW, wanted)
    assert files(container)["environment"] == "AIRFLOW__CORE__PARALLELISM=4\n"
    assert "AIRFLOW__CORE__PARALLELISM" not in dict(container.environment)


@pytest.mark.parametrize(("service", "key"), [(MYSQL, "MYSQL"), (AIRFLOW, "AIRFLOW")])
def test_too_little_memory_is_refused(tmp_path: Path, service: Any, key: str) -> None:
    with pytest.raises(ConfigError, match=f"{key}_MEMORY: 64m is too little"):
        only(service, cluster(tmp_path, **{f"{key}_MEMORY": "64m"}))


def test_a_store_that_was_not_made_has_its_database_and_tables_made_first(tmp_path: Path) -> None:
    wanted = cluster(tmp_path)
    database, tables = first(wanted, seen(wanted))
    assert isinstance(database, SetupCommand)
    assert (database.container.node, database.container.name) == ("c02", "mysql-skp")
    assert isinstance(tables, SetupJob)
    assert (tables.container.node, tables.container.name) == ("c01", "airflow-skp-init")
    assert "docker.mysql-airflow-init" in database.hint
    assert "docker.airflow-db-init" in tables.hint


def test_a_store_elsewhere_needs_its_tables_only(tmp_path: Path) -> None:
    wanted = cluster(tmp_path, **{URL: "mysql://me:pw@db.example/mine"})
    assert [type(step) for step in first(wanted, seen(wanted))] == [SetupJob]


def test_only_an_airflow_whose_store_is_ours_is_on_the_network_of_databases(tmp_path: Path) -> None:
    ours, other = cluster(tmp_path), {URL: "mysql://me:pw@db.example/mine"}
    assert only(AIRFLOW, ours).also_on == ("net-skp-databases",)
    assert only(AIRFLOW, cluster(tmp_path, **other)).also_on == ()


def test_a_store_that_was_made_needs_nothing(tmp_path: Path) -> None:
    wanted = cluster(tmp_path)
    assert first(wanted, seen(wanted, f"mysql-skp:3306/airflow {DIGEST}\n")) == []


def test_a_new_image_upgrades_the_tables_without_asking(tmp_path: Path) -> None:
    wanted = cluster(tmp_path)
    (step,) = first(wanted, seen(wanted, "mysql-skp:3306/airflow sha256:old\n"))
    assert (type(step), step.hint) == (SetupJob, "")


def test_what_is_rolled_back_has_its_own_image_and_takes_no_tables_back(tmp_path: Path) -> None:
    wanted = cluster(tmp_path)
    (image,) = AIRFLOW.images(wanted)
    pinned = Decisions(pinned={"airflow": {image.reference: "sha256:old"}})

    def rolled_back(mark: str) -> State:
        state = seen(wanted, mark)
        assert state.swarm is not None
        return replace(state, swarm=replace(state.swarm, decisions=pinned))

    made = "mysql-skp:3306/airflow"
    assert first(wanted, rolled_back(f"{made} {DIGEST}\n")) == []
    (*_, tables) = first(wanted, rolled_back("elsewhere:3306/other\n"))
    assert tables.container is not None
    assert dict(tables.container.environment)["SKP_STORE"] == f"{made} sha256:old"


def test_without_a_digest_on_record_a_store_that_was_made_is_not_doubted(tmp_path: Path) -> None:
    wanted = cluster(tmp_path)
    marked = f"mysql-skp:3306/airflow {DIGEST}\n"
    assert first(wanted, seen(wanted, marked, digest="")) == []
    with_it, without = (only(AIRFLOW, wanted, seen(wanted, marked, d)) for d in (DIGEST, ""))
    assert with_it == without


def test_what_comes_first_waits_for_its_own_service_and_is_waited_for(tmp_path: Path) -> None:
    wanted = cluster(tmp_path)
    state = seen(wanted, digest="")
    containers = [*MYSQL.containers(wanted, state), *AIRFLOW.containers(wanted, state)]
    rules = Rules(lambda _: "", wanted.home, Secret("key"), "c01")
    services, nodes = ["mysql", "airflow"], ["c01", "c02"]
    items = plan_containers(containers, state, rules, services=services, nodes=nodes)
    every = with_setup(items, first(wanted, state), state, rules)
    assert {type(item) for item in every} == {Deferred}
    (database,) = [i for i in every if i.name == "mysql-skp" and i.service != "mysql"]
    assert isinstance(database, Deferred)
    assert database.reason == "it waits for mysql-skp on c02"
