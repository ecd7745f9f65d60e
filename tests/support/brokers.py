"""What is asked of brokers, in the words of their own tools."""

from __future__ import annotations

from tests.lab.test_kafka import inside

Env = dict[str, str]
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
