"""What containers use now: processor, memory, network, disk. Two looks make a rate."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import docker.errors

from cluster.connectors.node import Node
from cluster.facts.told import keys, number_or, parts, text_or, texts


@dataclass(frozen=True)
class Counters:
    """What a container has used since it started, at one time.

    Attributes:
        at: of this machine's monotonic clock, in seconds.
        processor: nanoseconds of all cores together.
        memory: bytes now, without the cache that can go. limit: bytes it may have; 0 unknown.
        network, disk: bytes, in both directions.
    """

    at: float
    processor: int
    memory: int
    limit: int
    network: int
    disk: int


@dataclass(frozen=True)
class Usage:
    """What a container uses.

    Attributes:
        cores: so many cores are busy with it. network, disk: bytes per second.
        memory, limit: bytes.
    """

    node: str
    name: str
    cores: float
    memory: int
    limit: int
    network: float
    disk: float


def counters(node: Node) -> dict[str, Counters]:
    """Return the counters of the containers that run on `node`, by name; raises NodeError."""
    with node.talking("reading what its containers use") as engine:
        found = {}
        for listed in parts(engine.containers()):
            name = next(iter(texts(listed, "Names")), "").lstrip("/")
            try:
                told = engine.stats(text_or("", listed, "Id"), stream=False, one_shot=True)
            except docker.errors.NotFound:
                continue  # it ended between the two requests
            found[name] = _counters(told)
        return found


def between(
    node: str, before: Mapping[str, Counters], after: Mapping[str, Counters]
) -> Iterator[Usage]:
    """Yield what each container used between two looks; one that is new, from its start."""
    for name, now in after.items():
        then = before.get(name)
        if then is None or then.processor > now.processor:  # it is new, or was restarted
            yield Usage(node, name, 0.0, now.memory, now.limit, 0.0, 0.0)
            continue
        seconds = max(now.at - then.at, 1e-3)
        yield Usage(
            node,
            name,
            (now.processor - then.processor) / 1e9 / seconds,
            now.memory,
            now.limit,
            max(0, now.network - then.network) / seconds,
            max(0, now.disk - then.disk) / seconds,
        )


def _counters(told: object) -> Counters:
    """Return an engine's answer (Engine API, ContainerStats) as counters; raises StrangeError."""
    cards = keys(told, "networks")
    sent = [number_or(0, told, "networks", card, way) for card in cards for way in _WAYS]
    blocks = parts(told, "blkio_stats", "io_service_bytes_recursive")
    moved = [number_or(0, b, "value") for b in blocks if text_or("", b, "op").lower() in _OPS]
    cache = number_or(0, told, "memory_stats", "stats", "inactive_file")
    return Counters(
        time.monotonic(),
        number_or(0, told, "cpu_stats", "cpu_usage", "total_usage"),
        max(0, number_or(0, told, "memory_stats", "usage") - cache),
        number_or(0, told, "memory_stats", "limit"),
        sum(sent),
        sum(moved),
    )


_WAYS = ("rx_bytes", "tx_bytes")
_OPS = ("read", "write")
