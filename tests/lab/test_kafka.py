"""The guide's Kafka chapter as it is typed, and clients that nobody here wrote."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import overlays
from tests.support.brokers import SERVERS, inside, remove
from tests.support.confined import check_confined
from tests.support.lab import NODES, ROOT, Ran, container_ids, labelled, run, skp

BIN = "cd /opt/kafka/bin"


@pytest.fixture(scope="module")
def kafka(platform: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Three servers of ZooKeeper and three brokers, by the guide's commands."""
    env = labelled(tmp_path_factory.mktemp("kafka") / "hosts.json", "zookeeper", "kafka")
    for words in (
        ["docker.image-build-zookeeper", "-t=latest"],
        ["docker.image-build-kafka", "-t=latest"],
        ["docker.swarm-label"],
        ["docker.zookeeper-run"],
        ["docker.kafka-run"],
    ):
        done = skp(*words, env=env)
        assert done.code == 0, done.all
    yield env
    remove()


@pytest.fixture(scope="module")
def topic(kafka: dict[str, str]) -> Ran:
    """The guide's topic."""
    create = "--create --replication-factor 3 --partitions 1 --topic test"
    return inside("c01", f"{BIN}; ./kafka-topics.sh --zookeeper {SERVERS} {create}", kafka)


def test_a_second_run_changes_nothing(kafka: dict[str, str]) -> None:
    for service in ("zookeeper", "kafka"):
        again = skp(f"docker.{service}-run", env=kafka)
        assert "Nothing to change" in again.out, again.all


def test_every_container_is_confined(kafka: dict[str, str]) -> None:
    check_confined("zookeeper", "kafka")


def test_the_guides_topic_is_made_and_described(kafka: dict[str, str], topic: Ran) -> None:
    assert topic.code == 0, topic.all
    assert topic.out.strip() == "Created topic test."
    assert "Kafka has dropped --zookeeper" in topic.err
    described = inside(
        "c01", f"{BIN}; ./kafka-topics.sh --zookeeper {SERVERS} --describe --topic test", kafka
    )
    assert "PartitionCount: 1" in described.out
    assert "ReplicationFactor: 3" in described.out
    isr = described.out.rsplit("Isr: ", 1)[1].split("\t")[0].strip()
    assert sorted(isr.split(",")) == ["1", "2", "3"]


def test_what_one_node_sends_another_receives(kafka: dict[str, str], topic: Ran) -> None:
    send = "./kafka-console-producer.sh --broker-list 10.99.0.11:9092 --topic test"
    sent = inside("c01", f"{BIN}; echo 'hello world!!' | {send}", kafka)
    assert sent.code == 0, sent.all
    receive = (
        "./kafka-console-consumer.sh --bootstrap-server kafka-skp:9092 --topic test "
        "--from-beginning --max-messages 1 --timeout-ms 90000"
    )
    received = inside("c02", f"{BIN}; {receive}", kafka)
    assert received.out.strip() == "hello world!!", received.all


def test_a_notebook_finds_no_way_to_zookeeper(kafka: dict[str, str]) -> None:
    """Users' code that reaches it can remove all that Kafka keeps there."""
    for place in ("zookeeper-skp-1", overlays.address("zookeeper-skp-1", "net-skp")):
        found = overlays.from_network("net-skp", place, 2181)
        assert found.out.startswith("Zookeeper version"), found.all  # with the same means
        found = overlays.from_notebook(place, 2181)
        assert (found.code == 0, found.out) == (False, ""), found.all


def test_kcat_outside_reaches_every_broker_by_its_nodes_address(
    kafka: dict[str, str], topic: Ran
) -> None:
    assert shutil.which("kcat"), "bin/setup --dev installs it"
    listed = run("kcat", "-b", "10.99.0.12:9092", "-L", "-J", seconds=30)
    brokers = {broker["name"] for broker in json.loads(listed.out)["brokers"]}
    assert brokers == {f"10.99.0.1{number}:9092" for number in (1, 2, 3)}


def test_zookeepers_shell_knows_the_brokers_that_live(kafka: dict[str, str]) -> None:
    listed = inside("c01", "zookeeper-shell.sh $KAFKA_ZOOKEEPER_CONNECT ls /brokers/ids", kafka)
    assert "[1, 2, 3]" in listed.out, listed.all
    known = inside("c01", "kafka-registered 2 && ! kafka-registered 4", kafka)
    assert known.code == 0, known.all


def test_zookeeper_answers_what_monitoring_asks(kafka: dict[str, str]) -> None:
    ask = "exec 3<>/dev/tcp/127.0.0.1/2181; printf {} >&3; timeout 5 cat <&3"
    for word, answer in (("stat", "Mode: "), ("srvr", "Mode: "), ("mntr", "zk_version")):
        words = ("docker.zookeeper-shell", "-h", "c02", "-c", ask.format(word))
        said = skp(*words, env=kafka)
        assert answer in said.out, said.all


def test_properties_of_ones_own_reach_the_brokers_and_roll_them_one_by_one(
    kafka: dict[str, str], topic: Ran, tmp_path: Path
) -> None:
    path = tmp_path / "env.sh"
    path.write_text(f"source {ROOT}/bin/env.sh\nexport KAFKA_LOG_RETENTION_HOURS=77\n")
    before = container_ids()
    rolled = skp("docker.kafka-run", "--json", env={**kafka, "SKP_ENV": str(path)})
    assert rolled.code == 0, rolled.all
    replaced = [s["name"] for s in rolled.json["steps"] if s["action"] == "replace"]
    assert replaced == ["kafka-skp-1", "kafka-skp-2", "kafka-skp-3"]
    after = container_ids()
    for number, node in enumerate(NODES, 1):
        assert before[node][f"zookeeper-skp-{number}"] == after[node][f"zookeeper-skp-{number}"]
    shown = inside(
        "c03",
        "kafka-configs.sh --bootstrap-server kafka-skp:9092 --describe --all --broker 2 | "
        "grep -o 'log.retention.hours=[0-9]*' | head -n 1",
        kafka,
    )
    assert shown.out.strip() == "log.retention.hours=77"
