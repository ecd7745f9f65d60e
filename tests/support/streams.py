"""A producer and a consumer that check each other: every message has a number of its own.

    python -m tests.support.streams produce BROKERS TOPIC COUNT RATE
    python -m tests.support.streams consume BROKERS TOPIC

The producer sends 0, 1, 2, ... with acks=all and idempotence, RATE a second and slower after COUNT,
until the file named STOP in its environment is there, and prints one JSON document: what was sent,
acknowledged and refused, and the longest time without an acknowledgement. The consumer reads all
that is there.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition

PARTITIONS = 3
_LESS = 8  # so many times slower once all that was asked for is sent


def produce(brokers: str, topic: str, count: int, rate: float) -> dict[str, Any]:
    """Send `count` messages, at most `rate` a second, then slower until told to stop."""
    acknowledged: set[int] = set()
    refused: list[str] = []
    last, longest = time.monotonic(), 0.0

    def delivered(error: KafkaError | None, message: Message) -> None:
        nonlocal last, longest
        if error is not None:
            refused.append(str(error))
            return
        now = time.monotonic()
        longest, last = max(longest, now - last), now
        acknowledged.add(int(message.value() or b""))

    producer = Producer(
        {
            "bootstrap.servers": brokers,
            "acks": "all",
            "enable.idempotence": True,
            "message.timeout.ms": 900_000,
            "linger.ms": 5,
            "queue.buffering.max.messages": 1_000_000,
        }
    )
    stop, sent, due = Path(os.environ["STOP"]), 0, time.monotonic()
    while sent < count or not stop.exists():
        if due < time.monotonic():
            value = str(sent).encode()
            producer.produce(topic, value, partition=sent % PARTITIONS, on_delivery=delivered)
            sent += 1
            due += 1 / (rate if sent < count else rate / _LESS)
        else:
            producer.poll(0.002)
        if sent % 200 == 0:
            producer.poll(0)
    left = producer.flush(920)
    return {
        "sent": sent, "acknowledged": len(acknowledged), "refused": len(refused), "unsettled": left,
        "errors": Counter(refused).most_common(3), "longest_gap": round(longest, 1),
        "numbers": sorted(acknowledged),
    }  # fmt: skip


def consume(brokers: str, topic: str) -> dict[str, Any]:
    """Read every message of `topic` from its begin to what is its end now."""
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": f"check-{time.time()}"})
    places = [TopicPartition(topic, number, 0) for number in range(PARTITIONS)]
    ends = {p.partition: consumer.get_watermark_offsets(p, timeout=60)[1] for p in places}
    consumer.assign(places)
    seen: Counter[int] = Counter()
    order: dict[int, int] = {}
    disorder = 0
    open_ends = {number for number, end in ends.items() if end > 0}
    until = time.monotonic() + 800
    while open_ends and time.monotonic() < until:
        for message in consumer.consume(10_000, timeout=1):
            if message.error():
                continue
            value, number = int(message.value() or b""), int(message.partition() or 0)
            seen[value] += 1
            disorder += value < order.get(number, -1)
            order[number] = max(value, order.get(number, -1))
        for number in list(open_ends):
            (at,) = consumer.position([TopicPartition(topic, number)])
            if at.offset >= ends[number]:
                open_ends.discard(number)
    consumer.close()
    return {
        "numbers": sorted(seen), "duplicates": sum(seen.values()) - len(seen),
        "disorder": disorder, "unread": sorted(open_ends),
    }  # fmt: skip


def main(verb: str, brokers: str, topic: str, *rest: str) -> None:
    if verb == "produce":
        print(json.dumps(produce(brokers, topic, int(rest[0]), float(rest[1]))))
    else:
        print(json.dumps(consume(brokers, topic)))


if __name__ == "__main__":
    main(*sys.argv[1:])
