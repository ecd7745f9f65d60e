"""The account service as it is described: where it runs, what it is given, whose ids it gives."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from cluster.errors import ConfigError
from cluster.model.cluster import Cluster
from cluster.model.spec import ConfigFile, Container, SecretFile
from services.flask.service import SERVICE as FLASK
from services.mysql import SERVICE as MYSQL
from services.nginx import SERVICE as NGINX
from tests.support.described import NOTHING, described


def hosts(**labels: str) -> dict[str, Any]:
    """Return two nodes; `labels` says which has which."""
    return {
        f"c0{n}": {
            "ipv4": f"10.0.0.{n}",
            "groups": ["master", "manager"] if n == 1 else ["manager"],
            "labels": [{label: "enable"} for label, on in labels.items() if f"c0{n}" in on],
        }
        for n in (1, 2)
    }


def wanted(
    tmp_path: Path, values: Mapping[str, str] = MappingProxyType({}), **labels: str
) -> Cluster:
    return described(tmp_path, hosts(**labels), values)


def built(cluster: Cluster, *images: str) -> Cluster:
    """Return the cluster as its Swarm is asked: it has a record of these images."""
    return replace(cluster, recorded=frozenset(f"skp/docker-{name}:latest" for name in images))


def containers(cluster: Cluster) -> list[Container]:
    return list(FLASK.containers(cluster, NOTHING))


def files(container: Container) -> dict[str, str]:
    return {
        file.name: file.content.reveal() if isinstance(file, SecretFile) else file.content
        for file in container.files
    }


def test_it_runs_where_its_label_is_and_else_on_the_master_beside_mysql(tmp_path: Path) -> None:
    found = {
        labels: [host.name for host in FLASK.hosts(described(tmp_path, hosts(**dict(labels))))]
        for labels in (
            (), (("mysql", "c02"),), (("mysql", "c01"), ("flask", "c02")), (("flask", "c01 c02"),),
        )
    }  # fmt: skip
    assert list(found.values()) == [[], ["c01"], ["c02"], ["c01", "c02"]]


def test_who_has_mysql_gets_no_accounts_before_somebody_built_them(tmp_path: Path) -> None:
    cluster = wanted(tmp_path, mysql="c01")
    before, half = built(cluster, "mysql"), built(cluster, "mysql", "flask")
    assert (FLASK.hosts(before), NGINX.hosts(before), NGINX.hosts(half)) == ((), (), ())
    for service, lacking in ((FLASK, before), (NGINX, half)):
        error = service.no_host_error(lacking)
        assert error.what == f"the image skp/docker-{service.name}:latest was not built yet"
        assert error.hint == f"./skp.py docker.image-build-{service.name}"
    ready = built(cluster, "flask", "nginx")
    assert [host.name for host in (*FLASK.hosts(ready), *NGINX.hosts(ready))] == ["c01", "c01"]


def test_labels_count_before_the_images_are_there_and_need_mysql_or_accounts(
    tmp_path: Path,
) -> None:
    labelled = built(wanted(tmp_path, mysql="c01", flask="c02", nginx="c02"))
    assert [host.name for host in (*FLASK.hosts(labelled), *NGINX.hosts(labelled))] == ["c02"] * 2
    without = built(wanted(tmp_path), "flask", "nginx")
    assert (FLASK.hosts(without), NGINX.hosts(without)) == ((), ())
    error = NGINX.no_host_error(without)
    assert error.what == "nginx needs flask: flask needs mysql: no chosen node has the label mysql"
    assert 'Add {"mysql": "enable"} to a node' in error.hint
    half = NGINX.no_host_error(built(wanted(tmp_path, mysql="c01")))
    assert half.what == "nginx needs flask: the image skp/docker-flask:latest was not built yet"
    assert half.hint == "./skp.py docker.image-build-flask"


def test_the_login_page_is_told_where_accounts_are_and_sees_nothing_else(tmp_path: Path) -> None:
    cluster = wanted(tmp_path, {"FLASK_NAME": "people"}, nginx="c01 c02")
    first, second = NGINX.containers(cluster, NOTHING)
    assert (first.name, second.name) == ("nginx-skp", "nginx-skp-c02")
    assert files(first) == {"accounts.conf": "set $accounts http://people:8060;\n"}
    assert (first.mounts, first.user, first.read_only) == ((), "58017:58017", True)
    assert (first.network, first.also_on) == ("net-skp-users", ())


def test_instances_share_a_name_and_are_replaced_one_by_one(tmp_path: Path) -> None:
    first, second = containers(wanted(tmp_path, flask="c01 c02"))
    assert (first.name, second.name) == ("flask-skp", "flask-skp-c02")
    assert first.aliases == ("flask-skp", "flask-skp-c01")  # of all, and its own
    assert second.aliases == ("flask-skp",)
    assert (first.rolling_order, second.rolling_order) == (1, 2)


def test_it_is_confined_and_sees_no_folder_of_users(tmp_path: Path) -> None:
    (found,) = containers(wanted(tmp_path, mysql="c01"))
    assert (found.user, found.read_only, found.capabilities) == ("58016:58016", True, ())
    assert found.mounts == ()
    assert (found.network, found.also_on) == ("net-skp-users", ("net-skp-databases",))


def test_secrets_are_files_and_nothing_else_is_secret(tmp_path: Path) -> None:
    (found,) = containers(wanted(tmp_path, {"FLASK_DB_PASSWORD": "x"}, mysql="c01"))
    given = files(found)
    assert given["store-url"] == (
        "mysql+pymysql://flask:the-secret-FLASK_DB_PASSWORD@mysql-skp:3306/flask?charset=utf8mb4"
    )
    assert given["secret"] == "the-secret-FLASK_SECRET"
    assert "secret" not in json.dumps([found.environment, found.command])
    assert [f.name for f in found.files if isinstance(f, ConfigFile)] == ["reserved-names"]


def test_nobody_gets_the_name_of_a_service_or_its_container(tmp_path: Path) -> None:
    (found,) = containers(wanted(tmp_path, {"SKP_USER": "Ops", "MYSQL_NAME": "db"}, mysql="c01"))
    reserved = files(found)["reserved-names"].split()
    assert {"ops", "db", "mysql", "jupyter", "flask-skp", "spark-worker"} <= set(reserved)


def test_mysqls_start_makes_its_database(tmp_path: Path) -> None:
    (mysql,) = MYSQL.containers(wanted(tmp_path, mysql="c01"), NOTHING)
    sql = files(mysql)["init.sql"].splitlines()
    assert sql[-4:] == [
        "CREATE DATABASE IF NOT EXISTS `flask` CHARACTER SET utf8mb4;",
        "CREATE USER IF NOT EXISTS 'flask'@'%' IDENTIFIED BY 'the-secret-FLASK_DB_PASSWORD';",
        "GRANT ALL ON `flask`.* TO 'flask'@'%';",
        "ALTER USER IF EXISTS 'flask'@'%' IDENTIFIED BY 'the-secret-FLASK_DB_PASSWORD';",
    ]
    assert not [name for name in files(mysql) if name.startswith("flask")]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"SKP_UID_RANGE": "3000-2000"}, "3000-2000 ends before it begins"),
        ({"SKP_UID_RANGE": "20000-60000"}, "has a user id of the platform's own: 58000"),
        ({"SKP_UID_RANGE": "58050-59000"}, "has a user id of the platform's own: 58050"),
        ({"SKP_UID": "30000"}, "has a user id of the platform's own: 30000"),
        ({"FLASK_MEMORY": "64m"}, "64m is too little"),
    ],
)
def test_ids_and_memory_that_do_not_fit_are_refused(
    tmp_path: Path, values: dict[str, str], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        containers(wanted(tmp_path, values, mysql="c01"))


def test_where_the_service_is_not_wanted_its_ids_are_not_looked_at(tmp_path: Path) -> None:
    assert containers(wanted(tmp_path, {"SKP_UID": "30000"})) == []
