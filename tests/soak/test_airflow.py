"""Airflow by `docker.apply` alone, MySQL on another node: what happens to machines and programs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
import requests

from tests.support.airflow_api import SECONDS, URL, administrator, log_in, place
from tests.support.browser import CHROMIUM, DRIVER, Browser, browser
from tests.support.lab import (
    ROOT,
    container_ids,
    host_docker,
    labelled,
    on,
    secret,
    skp,
    with_spark,
)

DAGS = {
    "often": """
from datetime import timedelta
from airflow.sdk import dag, task

@dag(schedule=timedelta(seconds=20), catchup=False, is_paused_upon_creation=False,
     max_active_runs=1)
def often():
    @task
    def work():
        print("by schedule")
    work()

often()
""",
    "patient": """
from datetime import timedelta
from airflow.sdk import dag, task

@dag(schedule=None, is_paused_upon_creation=False,
     default_args={"retries": 2, "retry_delay": timedelta(seconds=1)})
def patient():
    @task.bash
    def wait() -> str:
        return "for i in $(seq 30); do echo step $i; sleep 1; done"
    @task
    def after():
        print("it ended")
        return "it ended"  # the UI shows it; what was printed is in a group that is closed at first
    wait() >> after()

patient()
""",
}
MINUTES = 60
Env = dict[str, str]


@pytest.fixture(scope="module")
def airflow(platform: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Env]:
    """MySQL on c02 and Airflow on the master, from nothing, by one apply; the account."""
    env = labelled(tmp_path_factory.mktemp("airflow") / "hosts.json", "mysql", nodes=("c02",))
    with_spark(Path(env["SKP_HOSTS"]))
    # (What another test took down by its -rm stays down until its -run.)
    for word in ("image-build-mysql", "swarm-label", "spark-run", "apply"):
        done = skp(f"docker.{word}", env=env)
        assert done.code == 0, done.all
    made = skp("docker.airflow-web-passwd-init", env=env)
    assert made.code == 0, made.all
    for name, text in DAGS.items():
        place(name, text)
    administrator().knows("patient")
    yield env
    remove()


def remove() -> None:
    """Take away what the tests' inventory does not ask for, and the data."""
    done = skp("-q", "docker.apply", "mysql,airflow,spark", "--yes")
    platform = "/home/skp/skp/platform"
    on("c01", f"sudo rm -rf {platform}/mysql {platform}/airflow /home/skp/skp/volume/var/airflow")
    assert done.code == 0, done.all


def healthy() -> bool:
    try:
        said = requests.get(f"{URL}/api/v2/monitor/health", timeout=5).json()
    except (requests.RequestException, ValueError):
        return False
    parts = ("metadatabase", "scheduler", "triggerer", "dag_processor")
    return all(said[part]["status"] == "healthy" for part in parts)


def until(what: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(1)


def log(container: str) -> str:
    return on("c01", f"docker logs {container} 2>&1").out


def running_step(run: str) -> bool:
    """Whether the patient task of a run has begun to count."""
    path = f"dags/patient/dagRuns/{run}/taskInstances/wait"
    return str(administrator().ask("GET", path)["state"]) == "running"


def test_a_second_apply_changes_nothing(airflow: Env) -> None:
    again = skp("docker.apply", env=airflow)
    assert "Nothing to change" in again.out, again.all


def test_a_dag_runs_by_its_schedule(airflow: Env) -> None:
    begun = datetime.now(UTC).isoformat()

    def twice() -> bool:
        runs = administrator().ask("GET", f"dags/often/dagRuns?start_date_gte={begun[:19]}Z")
        done = [r for r in runs["dag_runs"] if r["state"] == "success"]
        assert all(r["run_type"] == "scheduled" for r in done)
        return len(done) > 1

    until(twice, 5 * MINUTES)
    administrator().ask("PATCH", "dags/often", {"is_paused": True})


@pytest.mark.parametrize("program", ["scheduler", "dag-processor", "triggerer", "api-server"])
def test_a_program_that_is_killed_while_a_task_runs_is_started_again_and_the_run_ends(
    airflow: Env, program: str
) -> None:
    before, run = container_ids(("c01",)), administrator().trigger("patient")
    until(lambda: running_step(run), 3 * MINUTES)
    pattern = f"airflow {program.replace('-', '[-_ ]')}"
    killed = on("c01", f"docker exec airflow-skp pkill -9 -f '{pattern}'")
    assert killed.code == 0, killed.all
    until(lambda: f"{program} ended with code -9" in log("airflow-skp"), 30)
    until(healthy, 3 * MINUTES)
    assert administrator().ends("patient", run, 6 * MINUTES) == "success"
    assert container_ids(("c01",)) == before


def test_mysqls_node_restarted_airflow_recovers_by_itself(airflow: Env) -> None:
    before = container_ids(("c01",))
    assert host_docker("restart", "c02").code == 0
    until(lambda: not healthy(), MINUTES)
    until(healthy, 5 * MINUTES)
    run = administrator().trigger("patient")
    assert administrator().ends("patient", run, 4 * MINUTES) == "success"
    assert container_ids(("c01",)) == before


def test_a_log_is_readable_after_the_containers_are_gone_and_made_again(airflow: Env) -> None:
    run = administrator().trigger("patient")
    assert administrator().ends("patient", run, 4 * MINUTES) == "success"
    for word in ("airflow-rm", "mysql-rm", "mysql-run", "airflow-run"):
        done = skp(f"docker.{word}", env=airflow)
        assert done.code == 0, done.all
    assert "it ended" in administrator().log("patient", run, "after")


def test_changed_passwords_are_the_services_after_an_apply(
    airflow: Env, settings: Callable[..., Env]
) -> None:
    new = settings(AIRFLOW_WEB_PASSWORD="web %s 'new'", AIRFLOW_DB_PASSWORD="db%40 @:/ 'new'")
    try:
        applied = skp("docker.apply", env={**new, **airflow})
        assert applied.code == 0, applied.all
        assert log_in("web %s 'new'").status_code == 201
        assert log_in(secret("AIRFLOW_WEB_PASSWORD")).status_code == 401
    finally:
        back = skp("docker.apply", env=airflow)
    assert back.code == 0, back.all
    assert log_in(secret("AIRFLOW_WEB_PASSWORD")).status_code == 201


def test_a_store_that_refuses_or_is_not_there_is_told_and_nothing_is_lost(
    airflow: Env, settings: Callable[..., Env]
) -> None:
    key = "AIRFLOW__CORE__SQL_ALCHEMY_CONN"
    for url, said in (
        ("mysql://airflow:wrong@10.99.0.12/airflow", "refuses the user"),
        ("mysql://airflow:wrong@10.99.0.12:9/airflow", "does not answer within 60 s"),
    ):
        ran = skp("docker.airflow-db-init", env={**settings(**{key: url}), **airflow})
        assert (ran.code, said in ran.all) == (1, True), ran.all
        assert "wrong" not in ran.all
    nonsense = skp("docker.apply", env={**settings(**{key: "postgresql://a:b@c/d"}), **airflow})
    assert nonsense.code == 2
    assert "allowed: mysql+mysqldb://USER:PASSWORD@HOST:PORT/DATABASE" in nonsense.err
    assert healthy()


def test_what_can_not_work_is_told_before_anything_is_touched(
    airflow: Env, settings: Callable[..., Env]
) -> None:
    before = container_ids()
    for given, code, said in (
        ({"AIRFLOW_TAG": "nowhere"}, 1, "docker.image-build-ds -g=FALSE -t=nowhere"),
        ({"MYSQL_TAG": "nowhere"}, 1, "docker.image-build-mysql -t=nowhere"),
        ({"AIRFLOW_MEMORY": "64m"}, 2, "AIRFLOW_MEMORY: 64m is too little"),
        ({"AIRFLOW_PORT": "8010"}, 2, "port 8010/tcp is wanted twice"),
    ):
        ran = skp("docker.apply", "mysql,airflow", env={**settings(**given), **airflow})
        assert (ran.code, said in ran.all) == (code, True), ran.all
    assert container_ids() == before


def test_the_example_has_spark_work_by_schedule_and_by_api_call(airflow: Env) -> None:
    place("spark_count", (ROOT / "volume/example/airflow/spark_count.py").read_text())
    api = administrator()
    api.knows("spark_count")
    api.ask("PATCH", "dags/spark_count", {"is_paused": False})
    until(lambda: bool(api.ask("GET", "dags/spark_count/dagRuns")["dag_runs"]), 2 * MINUTES)
    (scheduled,) = api.ask("GET", "dags/spark_count/dagRuns")["dag_runs"]
    assert scheduled["run_type"] == "scheduled"
    for begin in (lambda: scheduled["dag_run_id"], lambda: api.trigger("spark_count")):
        run = begin()
        ended = api.ends("spark_count", run, 10 * MINUTES)
        said = api.log("spark_count", run, "count")
        assert ended == "success", said[-5000:]
        assert "words are in /root/mnt/dfs/example/words" in said
        assert "the," in api.log("spark_count", run, "show")


@pytest.mark.parametrize(
    ("service", "node", "port"), [("airflow", "c01", 8040), ("mysql", "c02", 3306)]
)
def test_a_port_that_a_stranger_has_is_told(
    airflow: Env, service: str, node: str, port: int
) -> None:
    assert skp(f"docker.{service}-rm", env=airflow).code == 0
    image = "localhost:5000/skp/docker-mysql" if node == "c02" else "localhost:5000/skp/docker-ds"
    stranger = f"docker run -d --name stranger -p {port}:{port} {image}:latest sleep infinity"
    assert on(node, stranger).code == 0
    try:
        ran = skp(f"docker.{service}-run", env=airflow)
        assert ran.code == 1
        assert f"port {port}/tcp is taken by the container stranger" in ran.all
    finally:
        on(node, "docker rm -f stranger")
    done = skp(f"docker.{service}-run", env=airflow)
    assert done.code == 0, done.all
    until(healthy, 3 * MINUTES)


def test_a_dropped_store_is_made_anew_by_apply(airflow: Env) -> None:
    dropped = skp("docker.mysql-airflow-init", "--reset", "--yes", env=airflow)
    assert dropped.code == 0, dropped.all
    applied = skp("docker.apply", env=airflow)
    assert applied.code == 0, applied.all
    assert log_in(secret("AIRFLOW_WEB_PASSWORD")).status_code == 401
    made = skp("docker.airflow-web-passwd-init", env=airflow)
    assert made.code == 0, made.all
    administrator().knows("patient")


def shows(window: Browser, word: str) -> bool:
    return word in str(window.driver.execute_script("return document.body.innerText"))


@pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="no chromium: bin/setup --dev")
def test_the_ui_shows_the_dags_to_who_logs_in(airflow: Env, tmp_path: Path) -> None:
    with browser(tmp_path) as window:
        window.driver.get(URL)
        window.find("input[name=username]").send_keys("admin")
        window.find("input[name=password]").send_keys(secret("AIRFLOW_WEB_PASSWORD"))
        window.find("input[type=submit]").click()
        api = administrator()
        run = api.trigger("patient")
        assert api.ends("patient", run, 4 * MINUTES) == "success"
        log = f"/dags/patient/runs/{run}/tasks/after"
        pages = (
            ("", "Dag Processor"), ("/dags", "often"), ("/dags/patient", "patient"),
            (log, "it ended"),
        )  # fmt: skip
        for path, word in pages:
            if path:
                window.driver.get(f"{URL}{path}")
            try:
                until(partial(shows, window, word), SECONDS)
            finally:
                window.picture(f"airflow{path.replace(f'/{run}', '').replace('/', '-')}")
