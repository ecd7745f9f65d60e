"""The guide from machines to Jupyter, Spark and Kafka, on nodes as people have them."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.support.guide import FIRST_HALF
from tests.support.lab import Ran, host_docker, run
from tests.support.odd import NAMES, Odd, odd

LABELS = {
    "o01": ("jupyter", "spark-master", "zookeeper", "kafka"),
    "o02": ("spark-worker", "zookeeper", "kafka"),
    "o03": ("spark-worker", "zookeeper", "kafka"),
}
COMMANDS = (
    "host.copy",
    *FIRST_HALF,
    "docker.spark-run",
    "docker.image-build-zookeeper",
    "docker.zookeeper-run",
    "docker.image-build-kafka",
    "docker.kafka-run",
)
COUNT = """
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
print("counted", spark.range(1000, numPartitions=4).selectExpr("id % 7 AS k").distinct().count())
"""
KAFKA = "--bootstrap-server kafka-skp:9092"


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Odd]:
    """The lab of odd nodes, with labels, once sudo works on all (host.check says what to type)."""
    assert run("bin/setup").code == 0
    with odd(tmp_path_factory.mktemp("odd")) as made:
        path = made.folder / "hosts.json"
        hosts = json.loads(path.read_text())
        for name, labels in LABELS.items():
            hosts[name]["labels"] = [{label: "enable"} for label in labels]
        path.write_text(json.dumps(hosts))
        wrong = made.skp("host.check", "--json").json
        for found in wrong:
            if found["check"] == "sudo":
                assert made.typed(found["fix"]).code == 0, found
        yield made


@pytest.fixture(scope="module")
def first(nodes: Odd) -> dict[str, Ran]:
    return {words: guide(nodes, words) for words in COMMANDS}


def guide(nodes: Odd, words: str) -> Ran:
    """Type a line of the guide into a shell."""
    return run("bash", "-c", f"bin/skp.sh {words}", env=nodes.environment)


def in_notebook(*words: str) -> Ran:
    return host_docker("exec", "o01", "docker", "exec", "jupyter-skp", *words)


@pytest.mark.parametrize("words", COMMANDS)
def test_a_command_of_the_guide_succeeds(first: dict[str, Ran], words: str) -> None:
    assert first[words].code == 0, first[words].all


@pytest.mark.parametrize("words", COMMANDS)
def test_typed_again_it_changes_nothing(first: dict[str, Ran], nodes: Odd, words: str) -> None:
    again = guide(nodes, words)
    assert again.code == 0, again.all
    assert "Nothing to change" in again.out


def test_an_apply_after_it_changes_nothing(first: dict[str, Ran], nodes: Odd) -> None:
    assert nodes.skp("docker.apply").out.startswith("Nothing to change")


def test_jupyter_answers(first: dict[str, Ran]) -> None:
    assert in_notebook("/opt/skp/bin/jupyter-health").code == 0


def test_spark_counts(first: dict[str, Ran]) -> None:
    counted = in_notebook("bash", "-lc", f"python -c '{COUNT}'")
    assert "counted 7" in counted.out, counted.all


def test_kafka_takes_and_gives(first: dict[str, Ran], nodes: Odd) -> None:
    for command in (
        f"kafka-topics.sh {KAFKA} --create --topic odd --replication-factor {len(NAMES)}",
        f"echo hello | timeout 180 kafka-console-producer.sh {KAFKA} --topic odd",
    ):
        ran = nodes.skp("docker.exec-shell", "-h", "o01", "-n", "kafka-skp", "-c", command)
        assert ran.code == 0, ran.all
    read = f"timeout 60 kafka-console-consumer.sh {KAFKA} --topic odd --from-beginning"
    words = ("docker.exec-shell", "-h", "o03", "-n", "kafka-skp", "-c")
    assert "hello" in nodes.skp(*words, f"{read} --max-messages 1").out
