"""MySQL by the guide's commands, asked by its own client."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.support.lab import Ran, container_ids, labelled, on, run, secret, skp

LOGIN = (
    "IFS= read -r MYSQL_PWD; export MYSQL_PWD; docker exec -e MYSQL_PWD mysql-skp "
    "mysql --no-defaults --protocol=tcp -e 'SELECT 40 + 2' -h "
)
INSIDE, NETWORK = "127.0.0.1", "10.99.0.11"
# All that options, SQL and shells could stumble over.
PASSWORD = """it's "so" \\ `$HOME` #1; %s"""

Env = dict[str, str]


def ask(env: Env, sql: str) -> Ran:
    """Ask as a person does: what is piped to the client."""
    words = f"echo {sql!r} | ./skp.py docker.mysql-client -h c01"
    return run("sh", "-c", words, env=env)


def log_in(user: str, password: str, address: str = INSIDE) -> Ran:
    """Log in from MySQL's container, by its own loopback or by c01's port."""
    words = 'printf "%s\\n" "$GIVEN" | ssh -F .lab/ssh_config c01 "$LOGIN"'
    login = f"{LOGIN}{address} -u {user}"
    return run("sh", "-c", words, env={"GIVEN": password, "LOGIN": login})


@pytest.fixture(scope="module")
def mysql(platform: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Env]:
    """MySQL on c01, and a table with a row, by the guide's commands."""
    env = labelled(tmp_path_factory.mktemp("mysql") / "hosts.json", "mysql", nodes=("c01",))
    for words in (["docker.image-build-mysql", "-t=latest"], ["docker.mysql-run"]):
        done = skp(*words, env=env)
        assert done.code == 0, done.all
    made = ask(env, "CREATE DATABASE kept; CREATE TABLE kept.t (n INT); INSERT kept.t VALUES (42)")
    assert made.code == 0, made.all
    yield env
    remove()


def remove() -> None:
    """Take away what the tests' inventory does not ask for, and the data."""
    done = skp("-q", "docker.apply", "mysql", "--yes")
    on("c01", "sudo rm -rf /home/skp/skp/platform/mysql")
    assert done.code == 0, done.all


def test_a_second_run_changes_nothing(mysql: Env) -> None:
    again = skp("docker.mysql-run", env=mysql)
    assert "Nothing to change" in again.out, again.all


def test_time_zones_have_names(mysql: Env) -> None:
    there = ask(mysql, "SELECT CONVERT_TZ('2026-01-01', 'UTC', 'Asia/Seoul')")
    assert "2026-01-01 09:00:00" in there.out, there.all
    assert ask(mysql, "SET time_zone = 'Europe/Berlin'").code == 0
    gone = ask(mysql, "TRUNCATE mysql.time_zone_name")
    assert gone.code == 0, "as in data that an earlier version made"
    assert skp("docker.restart", "-n", "mysql", env=mysql).code == 0
    assert ask(mysql, "SET time_zone = 'Europe/Berlin'").code == 0


def test_root_needs_its_password(mysql: Env) -> None:
    root = secret("MYSQL_ROOT_PASSWORD")
    assert len(root) > 15
    for wrong in ("", "root", f"{root}x"):
        refused = log_in("root", wrong)
        assert refused.code == 1
        assert "Access denied for user 'root'" in refused.err
    assert log_in("root", root).out.split()[-1] == "42"


def test_root_of_data_of_the_version_before_is_no_longer_everywhere(mysql: Env) -> None:
    root = secret("MYSQL_ROOT_PASSWORD")
    everywhere = f"CREATE USER 'root'@'%' IDENTIFIED BY '{root}'; GRANT ALL ON *.* TO 'root'@'%'"
    view = "CREATE DEFINER='root'@'%' VIEW kept.v AS TABLE kept.t"
    assert ask(mysql, f"{everywhere}; {view}").code == 0
    assert log_in("root", root, NETWORK).out.split()[-1] == "42", "as it was before"
    restarted = skp("docker.restart", "-n", "mysql", env=mysql)
    assert restarted.code == 0, restarted.all
    refused = log_in("root", root, NETWORK)
    assert (refused.code, "Access denied for user 'root'" in refused.err) == (1, True)
    assert log_in("root", root).out.split()[-1] == "42"
    assert ask(mysql, "SELECT n FROM kept.v").out == "n\n42\n"


def test_no_password_is_where_others_see_it(mysql: Env) -> None:
    shown = on("c01", "docker inspect mysql-skp; ps axww; docker logs mysql-skp 2>&1").out
    assert "ready for connections" in shown
    for key in ("MYSQL_ROOT_PASSWORD", "AIRFLOW_DB_PASSWORD"):
        assert secret(key) not in shown


def test_airflows_database_is_made_once_and_dropped_only_when_asked(mysql: Env) -> None:
    first, second = (skp("docker.mysql-airflow-init", env=mysql) for _ in range(2))
    assert "1 done" in first.out, first.all
    assert "Nothing to change" in second.out, second.all
    assert ask(mysql, "CREATE TABLE airflow.mine (n INT)").code == 0
    kept = skp("docker.mysql-airflow-init", env=mysql)
    assert "Nothing to change" in kept.out
    asked = skp("docker.mysql-airflow-init", "--reset", env=mysql)
    assert (asked.code, "with all that Airflow keeps" in asked.err) == (2, True)
    assert ask(mysql, "SHOW TABLES FROM airflow").out == "Tables_in_airflow\nmine\n"
    reset = skp("docker.mysql-airflow-init", "--reset", "--yes", env=mysql)
    assert reset.code == 0, reset.all
    assert ask(mysql, "SHOW TABLES FROM airflow").out == ""


def test_removed_and_run_again_no_row_is_lost(mysql: Env) -> None:
    removed = skp("docker.mysql-rm", env=mysql)
    assert removed.code == 0, removed.all
    assert "mysql-skp" not in container_ids(("c01",))["c01"]
    refused = skp("docker.mysql-airflow-init", env=mysql)
    assert (refused.code, "./skp.py docker.mysql-run" in refused.err) == (1, True)
    again = skp("docker.mysql-run", env=mysql)
    assert again.code == 0, again.all
    assert ask(mysql, "SELECT n FROM kept.t").out == "n\n42\n"


def test_a_changed_password_is_the_services_once_it_is_applied(
    mysql: Env, settings: Callable[..., Env]
) -> None:
    old = secret("MYSQL_ROOT_PASSWORD")
    changed = {**settings(MYSQL_ROOT_PASSWORD=PASSWORD, AIRFLOW_DB_PASSWORD=PASSWORD), **mysql}
    applied = skp("docker.apply", "mysql", env=changed)
    assert applied.code == 0, applied.all
    for user, address in (("root", INSIDE), ("airflow", NETWORK)):
        assert log_in(user, PASSWORD, address).out.split()[-1] == "42"
    assert "Access denied" in log_in("root", old).err
    assert ask(changed, "SELECT n FROM kept.t").out == "n\n42\n"
    assert skp("docker.apply", "mysql", env=mysql).code == 0


@pytest.fixture
def empty(mysql: Env) -> Iterator[Env]:
    """MySQL is not there, nor is its data; both are back afterwards."""
    assert skp("docker.mysql-rm", env=mysql).code == 0
    data = "/home/skp/skp/platform/mysql"
    away = f"sudo mv {data} {data}.kept; sudo install -d -o 58012 -g 58012 {data}"
    assert on("c01", away).code == 0
    yield mysql
    skp("docker.mysql-rm", env=mysql)
    assert on("c01", f"sudo rm -rf {data}; sudo mv {data}.kept {data}").code == 0
    back = skp("docker.mysql-run", env=mysql)
    assert back.code == 0, back.all
    assert ask(mysql, "SELECT n FROM kept.t").out == "n\n42\n"


def test_data_of_another_server_is_left_as_it_is(empty: Env) -> None:
    file = "/home/skp/skp/platform/mysql/ibdata1"
    assert on("c01", f"echo of MySQL 5.7 | sudo tee {file}").code == 0
    refused = skp("docker.mysql-run", "--timeout", "30", env=empty)
    assert refused.code == 1, refused.all
    assert "ibdata1 where the data is to be" in refused.all
    assert on("c01", f"sudo cat {file}; sudo ls {file.rpartition('/')[0]}").out.split("\n") == [
        "of MySQL 5.7", "ibdata1", "",
    ]  # fmt: skip


def test_data_that_was_half_moved_is_made_anew(empty: Env) -> None:
    folder = "/home/skp/skp/platform/mysql"
    half = "mkdir .new mysql; touch .moving ibdata1 mysql/x .new/mysql.ibd; chown -R 58012:58012 ."
    assert on("c01", f"sudo sh -ec 'cd {folder}; {half}'").code == 0
    run_again = skp("docker.mysql-run", env=empty)
    assert run_again.code == 0, run_again.all
    assert log_in("root", secret("MYSQL_ROOT_PASSWORD")).out.split()[-1] == "42"


def test_another_image_begins_with_the_settings_password(
    empty: Env, settings: Callable[..., Env]
) -> None:
    """The public image can't be had here: ours under another name, which begins as a public one."""
    ours = "localhost:5000/skp/docker-mysql:latest"
    assert on("c01", f"docker pull -q {ours}; docker tag {ours} mysql:lab").code == 0
    public = {**settings(MYSQL_IMAGE="mysql", MYSQL_TAG="lab"), **empty}
    ran = skp("docker.mysql-run", env=public)
    assert ran.code == 0, ran.all
    shown = on("c01", "docker inspect -f '{{.Config.Image}} {{.Config.Cmd}}' mysql-skp").out
    assert shown.startswith("mysql:lab [bash /run/skp/mysql-skp mysqld ")
    assert log_in("root", secret("MYSQL_ROOT_PASSWORD")).out.split()[-1] == "42"


def test_too_little_memory_is_refused_before_anything_is_touched(
    mysql: Env, settings: Callable[..., Env]
) -> None:
    small = {**settings(MYSQL_MEMORY="64m"), **mysql}
    refused = skp("docker.mysql-run", env=small)
    assert refused.code == 2
    assert "MYSQL_MEMORY: 64m is too little for it to work; allowed: 512m or more" in refused.err
