"""The guide's chapter on MySQL and Airflow as it is typed; a DAG by Airflow's own API."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support import overlays
from tests.support.airflow_api import administrator, log_in, place
from tests.support.confined import check_confined
from tests.support.lab import Ran, labelled, on, run, secret, skp

DAG = """
from airflow.sdk import dag, task

@dag(schedule=None, is_paused_upon_creation=False)
def talks():
    @task
    def count() -> int:
        print("counting")
        return 40 + 2

    @task.bash
    def say(number: int) -> str:
        return f"echo the answer is {number}; id -u; command -v python"

    say(count())

talks()
"""

Env = dict[str, str]


@pytest.fixture(scope="module")
def guide(platform: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Env]:
    """MySQL on c01, and Airflow, which goes to the master: the commands in the guide's order."""
    env = labelled(tmp_path_factory.mktemp("airflow") / "hosts.json", "mysql", nodes=("c01",))
    built = skp("docker.image-build-mysql", "-t=latest", env=env)
    assert built.code == 0, built.all
    place("talks", DAG)
    early = skp("docker.airflow-run", env=env)
    assert early.code == 1
    assert "./skp.py docker.mysql-airflow-init, then ./skp.py docker.airflow-db-init" in early.out
    for word in ("mysql-run", "mysql-airflow-init", "airflow-db-init", "airflow-run"):
        done = skp(f"docker.{word}", env=env)
        assert done.code == 0, done.all
    yield env
    remove()


def remove() -> None:
    """Take away what the tests' inventory does not ask for, and the data."""
    done = skp("-q", "docker.apply", "mysql,airflow", "--yes")
    platform = "/home/skp/skp/platform"
    on("c01", f"sudo rm -rf {platform}/mysql {platform}/airflow /home/skp/skp/volume/var/airflow")
    assert done.code == 0, done.all


def client(env: Env, sql: str) -> Ran:
    """Ask MySQL as a person does: what is piped to its client."""
    return run("sh", "-c", f"echo {sql!r} | ./skp.py docker.mysql-client -h=c01", env=env)


def test_the_client_asks_as_root_without_a_password_on_its_command_line(guide: Env) -> None:
    found = client(guide, "SELECT CURRENT_USER(); SHOW TABLES FROM airflow")
    assert found.out.splitlines()[1] == "root@localhost", found.all
    assert "dag_run" in found.out


@pytest.fixture(scope="module")
def account(guide: Env) -> tuple[set[int], Ran]:
    """How logins were answered before the command that makes the account, and what it said."""
    passwords = ("admin", "airflow", secret("AIRFLOW_WEB_PASSWORD"))
    before = {log_in(password).status_code for password in passwords}
    return before, skp("docker.airflow-web-passwd-init", env=guide)


def test_there_is_no_account_until_it_is_made(account: tuple[set[int], Ran]) -> None:
    before, made = account
    assert before == {401}
    assert (made.code, "the account admin was made" in made.out) == (0, True), made.all
    assert log_in("admin").status_code == 401


def test_a_dag_runs_by_the_api_and_its_log_is_readable(account: tuple[set[int], Ran]) -> None:
    airflow = administrator()
    airflow.knows("talks")
    begun = airflow.trigger("talks")
    assert airflow.ends("talks", begun) == "success"
    assert "counting" in airflow.log("talks", begun, "count")
    said = airflow.log("talks", begun, "say")
    for line in ("the answer is 42", "58000", "/opt/skp/venv/bin/python"):
        assert line in said


def test_a_second_time_nothing_is_changed(guide: Env) -> None:
    for word in ("mysql-airflow-init", "airflow-run"):
        again = skp(f"docker.{word}", env=guide)
        assert "Nothing to change" in again.out, again.all


def test_a_notebook_reaches_mysql_where_it_is_published_and_nowhere_else(guide: Env) -> None:
    for network in ("net-skp", "net-skp-databases"):
        place = overlays.address("mysql-skp", network)
        assert overlays.from_network(network, place, 3306).out  # with the same means
        found = overlays.from_notebook(place, 3306)
        assert (found.code == 0, found.out) == (False, ""), found.all
    assert overlays.from_notebook("mysql-skp", 3306).code != 0
    assert overlays.from_notebook("10.99.0.11", 3306).code == 0


def test_every_container_is_confined(guide: Env) -> None:
    check_confined("mysql", "airflow")


def test_no_secret_is_where_others_see_it(guide: Env) -> None:
    shown = on(
        "c01",
        "docker inspect mysql-skp airflow-skp; ps axww; docker logs mysql-skp 2>&1; "
        "docker logs airflow-skp 2>&1; sudo cat /home/skp/skp/platform/airflow/store",
    ).out
    assert "ready for connections" in shown
    assert "Uvicorn running" in shown
    keys = ("MYSQL_ROOT_PASSWORD", *(f"AIRFLOW_{word}" for word in (
        "DB_PASSWORD", "WEB_PASSWORD", "FERNET_KEY", "JWT_SECRET", "SECRET_KEY",
    )))  # fmt: skip
    for key in keys:
        assert secret(key) not in shown, key
