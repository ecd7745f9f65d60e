"""Brokers on the lab's nodes: begun, asked in the words of their own tools, taken away."""

from __future__ import annotations

import time
from pathlib import Path

from tests.support.lab import MINUTES, NODES, ROOT, Ran, labelled, on, skp

Env = dict[str, str]
SERVERS = "zookeeper-skp-1:2181,zookeeper-skp-2:2181,zookeeper-skp-3:2181"
SERVER = "--bootstrap-server kafka-skp:9092"
PERF = "bootstrap.servers=kafka-skp:9092 acks=all enable.idempotence=true linger.ms=5"
CLIENT = """
import sys
from confluent_kafka import Consumer, Producer
producer = Producer({"bootstrap.servers": "kafka-skp:9092", "acks": "all"})
producer.produce("from-inside", "hello from inside")
assert producer.flush(60) == 0
consumer = Consumer({"bootstrap.servers": "kafka-skp:9092", "group.id": "python",
                     "auto.offset.reset": "earliest"})
consumer.subscribe(["from-inside"])
for _ in range(60):
    message = consumer.poll(1)
    if message is not None and message.error() is None:
        sys.exit(print(message.value().decode()))
sys.exit(1)
"""


def told(node: str, command: str, env: Env) -> str:
    done = inside(node, command, env)
    assert done.code == 0, done.all
    return done.out


def make(topic: str, env: Env, more: str = "") -> None:
    told("c01", f"kafka-topics.sh {SERVER} --create --topic {topic} {more}", env)


def send(topic: str, env: Env, text: str = "hello") -> None:
    told(
        "c01", f"echo {text} | timeout 180 kafka-console-producer.sh {SERVER} --topic {topic}", env
    )


def inside(node: str, command: str, env: dict[str, str]) -> Ran:
    """Run what a person types in the shell of a broker."""
    return skp("docker.exec-shell", "-h", node, "-n", "kafka-skp", "-c", command, env=env)


def remove() -> None:
    """Take away what the inventory as shipped does not ask for, and the data."""
    done = skp("-q", "docker.apply", "kafka,zookeeper", "--yes", "--busy", "replace")
    labelled = skp("-q", "docker.swarm-label")
    for node in NODES:
        on(node, "sudo rm -rf /var/kafka /var/zookeeper")
    assert done.code == labelled.code == 0, done.all + labelled.all


def start(path: Path, *labels: str, more: str = "") -> Env:
    """Run what the labels name on all three nodes, from nothing."""
    assert skp("-q", "lab.up", "-n", "3", "--publish").code == 0
    env = labelled(path, *labels)
    settings = path.with_name("env.sh")
    settings.write_text(f"source {ROOT}/bin/env.sh\n{more}")
    env["SKP_ENV"] = str(settings)
    for words in (
        ["docker.swarm-init"], ["docker.swarm-join"], ["docker.swarm-label"],
        ["docker.swarm-network"], ["docker.registry-run"],
        ["docker.image-build-zookeeper"], ["docker.image-build-kafka"],
        *([f"docker.{label}-run"] for label in labels),
    ):  # fmt: skip
        done = skp("-q", *words, env=env)
        assert done.code == 0, done.all
    return env


def settle(env: Env) -> None:
    """Wait until no partition is under-replicated, as the next change would."""
    end = time.monotonic() + 10 * MINUTES
    while (said := inside("c01", "kafka-settled", env)).code != 0:
        assert time.monotonic() < end, said.all
        time.sleep(2)
