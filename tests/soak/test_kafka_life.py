"""A cluster of brokers as it grows, shrinks, is taken down, and meets what is not its own."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.brokers import (
    CLIENT,
    PERF,
    SERVER,
    SERVERS,
    Env,
    inside,
    make,
    remove,
    send,
    settle,
    start,
    told,
)
from tests.support.lab import NODES, container_ids, labelled, on, run, skp
from tests.support.typed import terminal

MODES = {
    "zookeeper": (["zookeeper", "kafka"], "kafka.security.authorizer.AclAuthorizer"),
    "kraft": (["kafka"], "org.apache.kafka.metadata.authorizer.StandardAuthorizer"),
}
# As the guide has it with ZooKeeper; without, what it says of brokers is said of all.
TYPED = {
    "zookeeper": (f"--zookeeper {SERVERS}", "--broker-list 10.99.0.11:9092"),
    "kraft": ("--bootstrap-server kafka-skp:9092", "--bootstrap-server 10.99.0.11:9092"),
}
with_zookeeper = pytest.mark.parametrize("kafka", ["zookeeper"], indirect=True, scope="module")


@pytest.fixture(scope="module", params=MODES)
def kafka(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Env]:
    """Three brokers that heed ACLs, of each mode."""
    labels, authorizer = MODES[request.param]
    heeding = (
        f"export KAFKA_AUTHORIZER_CLASS_NAME={authorizer}\n"
        "export KAFKA_SUPER_USERS=User:ANONYMOUS\n"
    )
    env = start(tmp_path_factory.mktemp("kafka") / "hosts.json", *labels, more=heeding)
    yield {**env, "MODE": request.param}
    remove()


def test_the_tutorial_typed_into_the_shells_of_two_nodes(kafka: Env) -> None:
    servers, brokers = TYPED[kafka["MODE"]]
    topics = f"./kafka-topics.sh {servers}"
    shell = ("./skp.py", "docker.exec-shell", "-n", "kafka-skp", "-h")
    with terminal(*shell, "c01", env=kafka) as first, terminal(*shell, "c02", env=kafka) as second:
        first.type("cd /opt/kafka/bin", r"[$#] $")
        create = "--create --replication-factor 3 --partitions 1 --topic test"
        first.type(f"{topics} {create}", r"Created topic \"?test\"?\.")
        first.type(f"{topics} --list", r"\ntest\n")
        described = first.type(f"{topics} --describe --topic test", r"Isr: [123],[123],[123]")
        assert re.search(r"PartitionCount: ?1\s+ReplicationFactor: ?3", described)
        first.type(f"./kafka-console-producer.sh {brokers} --topic test", r"\n>$")
        first.type("hello world!!", r"\n>$")
        second.type("cd /opt/kafka/bin", r"[$#] $")
        consumer = "./kafka-console-consumer.sh --bootstrap-server kafka-skp:9092 --topic test"
        second.type(f"{consumer} --from-beginning", r"\nhello world!!\n")


def test_kcat_outside_writes_and_reads_by_a_nodes_address(kafka: Env) -> None:
    make("from-outside", kafka)
    kcat = "kcat -b 10.99.0.12:9092 -t from-outside"
    wrote = run("sh", "-c", f"echo from outside | {kcat} -P -X acks=all")
    assert wrote.code == 0, wrote.all
    assert run("sh", "-c", f"{kcat} -C -e -q").out.strip() == "from outside"


def test_a_broker_may_open_as_many_files_as_its_engine_allows(kafka: Env) -> None:
    limits = "cat $(grep -lx java /proc/[0-9]*/comm | head -n 1 | sed s/comm/limits/)"
    said = on("c02", f"docker exec kafka-skp-2 bash -c '{limits}'").out
    found = re.search(r"Max open files\s+(\d+)\s+(\d+)", said)
    assert found, said
    assert found[1] == found[2]
    allowed = on("c02", "docker exec kafka-skp-2 bash -c 'ulimit -H -n'").out.strip()
    assert found[2] == allowed


def test_wrong_wishes_are_refused_before_anything_is_touched(kafka: Env, tmp_path: Path) -> None:
    settings, before = tmp_path / "env.sh", container_ids()
    own = f"source {kafka['SKP_ENV']}\n"
    settings.write_text(f"{own}export KAFKA_HEAP=128m\n")
    small = skp("docker.kafka-run", env={**kafka, "SKP_ENV": str(settings)})
    assert small.code == 2
    assert "KAFKA_HEAP: 128m is too little for it to start; allowed: 256m or more" in small.err
    settings.write_text(f"{own}export ZOOKEEPER_VOLUME=/var/zookeeper-new\n")
    hosts = json.loads(Path(kafka["SKP_HOSTS"]).read_text())
    for name, entry in hosts.items():
        entry["labels"] = [{"zookeeper": "enable"}] if name in ("c01", "c02") else []
    path = tmp_path / "hosts.json"
    path.write_text(json.dumps(hosts))
    wrong = {"SKP_ENV": str(settings), "SKP_HOSTS": str(path)}
    even = skp("docker.zookeeper-run", env={**kafka, **wrong})
    assert even.code == 2
    assert "2 nodes have the label zookeeper: c01, c02" in even.err
    assert container_ids() == before


def test_data_of_the_other_mode_is_refused_with_the_way_to_go(kafka: Env, tmp_path: Path) -> None:
    before, other = container_ids(), [] if kafka["MODE"] == "zookeeper" else ["zookeeper"]
    env = {**kafka, **labelled(tmp_path / "hosts.json", "kafka", *other)}
    refused = skp("docker.kafka-run", env=env)
    assert refused.code == 1
    assert refused.all.count("docs/kafka.md") >= len(NODES), refused.all
    assert container_ids() == before


def test_a_python_client_inside_speaks_with_the_alias(kafka: Env) -> None:
    make("from-inside", kafka)
    install = "apt-get -qq update && apt-get -qq install -y python3-confluent-kafka >/dev/null 2>&1"
    on("c01", f"cat >/tmp/client.py <<'END'\n{CLIENT}\nEND")
    said = run(
        "ssh", "-F", ".lab/ssh_config", "c01",
        "docker run --rm --network net-skp -v /tmp/client.py:/client.py skp/base:trixie "
        f"sh -c '{install} && python3 /client.py'",
        seconds=600,
    )  # fmt: skip
    assert said.out.strip().endswith("hello from inside"), said.all


def test_after_rm_and_run_topics_offsets_and_acls_are_there(kafka: Env) -> None:
    make("kept", kafka, "--partitions 2")
    send("kept", kafka)
    read = f"kafka-console-consumer.sh {SERVER} --topic kept --group readers --from-beginning"
    told("c01", f"{read} --max-messages 1 --timeout-ms 120000", kafka)
    acl = f"kafka-acls.sh {SERVER}"
    told("c01", f"{acl} --add --allow-principal User:kim --operation Read --topic kept", kafka)
    for verb in ("rm", "run"):
        done = skp("-q", f"docker.kafka-{verb}", env=kafka)
        assert done.code == 0, done.all
    assert "kept" in told("c02", f"kafka-topics.sh {SERVER} --list", kafka).split()
    group = told(
        "c02", f"kafka-consumer-groups.sh {SERVER} --describe --group readers 2>/dev/null", kafka
    )
    assert sum(int(line.split()[3]) for line in group.splitlines() if " kept " in line) == 1
    assert "User:kim" in told("c02", f"{acl} --list --topic kept", kafka)


@with_zookeeper
def test_with_one_zookeeper_of_three_lost_writes_go_on(kafka: Env) -> None:
    make("one-lost", kafka)
    on("c03", "docker stop -t 5 zookeeper-skp-3")
    send("one-lost", kafka)
    make("made-meanwhile", kafka)
    on("c03", "docker start zookeeper-skp-3")
    assert skp("-q", "docker.apply", "zookeeper", env=kafka).code == 0


@with_zookeeper
def test_with_two_lost_the_status_is_clear_and_it_heals_alone(kafka: Env) -> None:
    for number in (2, 3):
        on(f"c0{number}", f"docker stop -t 5 zookeeper-skp-{number}")
    end = time.monotonic() + 300
    while "unhealthy" not in (status := skp("docker.status", env=kafka).out):
        assert time.monotonic() < end, status
        time.sleep(3)
    said = on("c01", "docker exec zookeeper-skp-1 zookeeper-health").out
    assert "no quorum: too few of the ensemble are there" in said
    for number in (2, 3):
        on(f"c0{number}", f"docker start zookeeper-skp-{number}")
    end = time.monotonic() + 300
    while on("c01", "docker exec zookeeper-skp-1 zookeeper-health").code != 0:
        assert time.monotonic() < end
        time.sleep(2)
    settle(kafka)
    make("healed", kafka)


def test_more_copies_than_brokers_are_refused(kafka: Env) -> None:
    done = inside(
        "c01", f"kafka-topics.sh {SERVER} --create --topic wide --replication-factor 4", kafka
    )
    assert done.code != 0
    # The words of Kafka with ZooKeeper, and those of KRaft.
    assert re.search(r"available brokers: 3|only 3 broker\(s\) are registered", done.all), done.all


def refused(kafka: Env, *words: str) -> str:
    """Run the brokers and return what is said of the third; the other two are left alone."""
    before = container_ids()
    done = skp("docker.kafka-run", env=kafka)
    assert done.code == 1, done.all
    after = container_ids()
    assert all(after[node] == before[node] for node in ("c01", "c02"))
    for word in words:
        assert word in done.all
    return done.all


@pytest.fixture
def third_down(kafka: Env) -> Iterator[None]:
    """The third broker's container is gone, and its data aside; both are there again afterwards."""
    on("c03", "docker rm -f kafka-skp-3; sudo mv /var/kafka /var/kafka.aside")
    yield
    on("c03", "docker rm -f taker kafka-skp-3; sudo umount /var/kafka; sudo rm -rf /var/kafka")
    on("c03", "sudo mv /var/kafka.aside /var/kafka")
    assert skp("-q", "docker.kafka-run", env=kafka).code == 0
    settle(kafka)


def test_stale_data_of_another_cluster_is_refused_and_left(kafka: Env, third_down: None) -> None:
    first = "version=0\\nbroker.id=3" if kafka["MODE"] == "zookeeper" else "version=1\\nnode.id=3"
    on(
        "c03",
        f"sudo install -d -o 58014 /var/kafka/data; printf '{first}\\n"
        "cluster.id=StaleStaleStaleStaleAA\\n' | sudo tee /var/kafka/data/meta.properties",
    )
    refused(kafka, "/var/kafka has the data of another cluster (StaleStaleStaleStaleAA)")
    assert "StaleStale" in on("c03", "cat /var/kafka/data/meta.properties").out


def test_a_full_disk_is_said(kafka: Env, third_down: None) -> None:
    on("c03", "sudo mkdir /var/kafka; sudo mount -t tmpfs -o size=100m,uid=58014 tmpfs /var/kafka")
    refused(kafka, "the disk of KAFKA_VOLUME has", "MB left", "nothing is lost")


def test_a_disk_that_fills_under_a_broker_stops_that_one_and_loses_nothing(
    kafka: Env, third_down: None
) -> None:
    mount = "sudo mkdir /var/kafka; sudo mount -t tmpfs tmpfs /var/kafka -o uid=58014,size="
    on("c03", f"{mount}450m")
    assert skp("-q", "docker.kafka-run", env=kafka).code == 0
    settle(kafka)
    make("much", kafka, "--partitions 1")
    perf = "--topic much --num-records 6000 --record-size 100000 --throughput -1"
    told("c01", f"kafka-producer-perf-test.sh {perf} --producer-props {PERF}", kafka)
    what = "the disk of KAFKA_VOLUME has"
    end = time.monotonic() + 300
    while what not in (
        logs := skp("docker.logs", "-n", "kafka-skp", "--tail", "20", env=kafka).all
    ):
        assert time.monotonic() < end, logs
        time.sleep(3)
    refused(kafka, what, "MB left", "nothing is lost")
    assert "kafka-skp-3" in skp("docker.status", env=kafka).out
    on("c03", "sudo mount -o remount,size=2g /var/kafka")
    end = time.monotonic() + 300
    while on("c03", "docker exec kafka-skp-3 kafka-health").code != 0:
        assert time.monotonic() < end
        time.sleep(3)
    settle(kafka)
    offsets = told("c03", f"kafka-get-offsets.sh {SERVER} --topic much", kafka)
    assert offsets.strip() == "much:0:6000"


def test_a_taken_port_is_said(kafka: Env, third_down: None) -> None:
    on("c03", "docker run -d --name taker -p 9092:80 skp/base:trixie sleep 900")
    image = on("c03", "docker ps --format '{{.Names}}'").out
    if "taker" not in image:
        on("c03", "docker run -d --name taker -p 9092:80 --entrypoint sleep "
           "localhost:5000/skp/docker-kafka:latest 900")  # fmt: skip
    refused(kafka, "port 9092/tcp is taken by the container taker")


def test_a_node_added_becomes_a_broker_and_goes_only_when_it_is_drained(
    kafka: Env, tmp_path: Path
) -> None:
    before = container_ids()
    hosts = json.loads(Path(kafka["SKP_HOSTS"]).read_text())
    without, with_broker = [{"registry": "enable"}], [{"registry": "enable"}, {"kafka": "enable"}]
    hosts["c04"] = {"ipv4": "10.99.0.14", "labels": with_broker, "groups": ["worker"]}
    path = tmp_path / "hosts.json"
    path.write_text(json.dumps(hosts))
    env = {**kafka, "SKP_HOSTS": str(path)}
    assert skp("-q", "lab.up", "-n", "4").code == 0
    for task in ("swarm-join", "swarm-label", "registry-run", "kafka-run"):
        done = skp("-q", f"docker.{task}", env=env)
        assert done.code == 0, done.all
    assert "kafka-skp-4" in on("c04", "docker ps --format '{{.Names}}'").out
    after = container_ids()
    for number, node in enumerate(("c01", "c02", "c03"), 1):
        assert after[node][f"kafka-skp-{number}"] == before[node][f"kafka-skp-{number}"]
    make("wide", env, "--replica-assignment 4:1:2,1:4:3")
    send("wide", env)
    hosts["c04"]["labels"] = without
    path.write_text(json.dumps(hosts))
    kept = skp("docker.apply", "kafka", "--yes", env=env)
    assert "broker 4 has 2 partitions" in kept.all
    assert "kafka-skp-4" in on("c04", "docker ps --format '{{.Names}}'").out
    left = skp("docker.node-rm", "-h", "c04", "--yes", env=env)
    assert left.code == 1, left.all
    assert "broker 4 has 2 partitions" in left.all
    assert "kafka-skp-4" in on("c04", "docker ps --format '{{.Names}}'").out
    hosts["c04"]["labels"] = with_broker
    path.write_text(json.dumps(hosts))
    drained = skp("docker.kafka-drain", "-h", "c04", env=env)
    assert drained.code == 0, drained.all
    assert "broker 4 has no partitions any more" in drained.out
    last = skp("docker.history", "--count", "1", "--json", env=env)
    assert "kafka-drain" in last.out, last.all
    hosts["c04"]["labels"] = without
    path.write_text(json.dumps(hosts))
    gone = skp("docker.apply", "kafka", "--yes", env=env)
    assert gone.code == 0, gone.all
    assert "kafka-skp-4" not in on("c04", "docker ps -a --format '{{.Names}}'").out
    read = f"kafka-console-consumer.sh {SERVER} --topic wide --from-beginning --max-messages 1"
    assert told("c01", f"{read} --timeout-ms 120000", env).strip() == "hello"
    assert skp("-q", "docker.swarm-leave", "--nodes", "c04", "--yes", env=env).code == 0
    assert skp("-q", "lab.up", "-n", "3", "--publish").code == 0
