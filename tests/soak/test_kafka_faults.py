"""Nothing that was acknowledged is lost, whatever fails while messages are sent."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.brokers import Env, inside, remove, settle, start
from tests.support.lab import NODES, ROOT, host_docker, on, run, skp

BROKERS = ",".join(f"10.99.0.1{number}:9092" for number in (1, 2, 3))
COUNT, RATE = 200_000, 4_000
MINUTES = 60


@pytest.fixture(scope="module", params=["zookeeper", "kraft"])
def kafka(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Env]:
    """Three brokers of each mode."""
    labels = ["zookeeper", "kafka"] if request.param == "zookeeper" else ["kafka"]
    env = start(tmp_path_factory.mktemp("kafka") / "hosts.json", *labels)
    yield {**env, "MODE": request.param}
    remove()


@contextmanager
def producing(topic: str, tmp_path: Path) -> Iterator[dict[str, Any]]:
    """Send while the body runs; afterwards the result has what the producer says."""
    stop, result = tmp_path / "stop", dict[str, Any]()
    words = ["produce", BROKERS, topic, str(COUNT), str(RATE)]
    with subprocess.Popen(
        [sys.executable, "-m", "tests.support.streams", *words],
        cwd=ROOT, env={"STOP": str(stop), "PATH": "/usr/bin:/bin"}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        try:
            time.sleep(3)  # it is to be in full swing
            yield result
        finally:
            stop.touch()
            out, err = process.communicate(timeout=20 * MINUTES)
    assert process.returncode == 0, err
    result.update(json.loads(out))


def redeploy(env: Env) -> None:
    with Path(env["SKP_ENV"]).open("a") as settings:
        settings.write("export KAFKA_LOG_RETENTION_HOURS=77\n")
    rolled = skp("-q", "docker.kafka-run", env=env)
    assert rolled.code == 0, rolled.all


def kill_each_broker(env: Env) -> None:
    for number, node in enumerate(NODES, 1):
        on(node, f"docker kill -s KILL kafka-skp-{number}; docker start kafka-skp-{number}")
        settle(env)


def in_charge(env: Env) -> str:
    """Return the node of the active controller: the one that can be missed the least."""
    if env["MODE"] == "kraft":
        asked = "kafka-metadata-quorum.sh --bootstrap-server kafka-skp:9092 describe --status"
        pattern = r"LeaderId:\s+(\d)"
    else:
        asked = "zookeeper-shell.sh $KAFKA_ZOOKEEPER_CONNECT get /controller"
        pattern = r'"brokerid":(\d)'
    said = inside("c02", asked, env)
    found = re.search(pattern, said.out)
    assert found, said.all
    return f"c0{found[1]}"


def power_one_node_off(env: Env) -> None:
    node = in_charge(env)
    assert host_docker("kill", node).code == 0
    time.sleep(20)
    assert host_docker("start", node).code == 0
    wait_for_apply(env)


def cut_one_node_off(env: Env) -> None:
    """All that goes in or out of a node's interface is dropped for a minute."""
    node = in_charge(env)
    for verb, pause in (("-I", 60), ("-D", 0)):
        for chain, side in (("INPUT", "-i"), ("OUTPUT", "-o")):
            rule = ["iptables", verb, chain, side, "eth0", "-j", "DROP"]
            assert host_docker("exec", node, *rule).code == 0
        time.sleep(pause)
    wait_for_apply(env)


def power_all_nodes_off(env: Env) -> None:
    assert host_docker("kill", *NODES).code == 0
    assert host_docker("start", *NODES).code == 0
    wait_for_apply(env)


def wait_for_apply(env: Env) -> None:
    """The next docker.apply of cron: until it finds nothing wrong."""
    end = time.monotonic() + 15 * MINUTES
    while (done := skp("-q", "docker.apply", "registry,zookeeper,kafka", env=env)).code != 0:
        assert time.monotonic() < end, done.all
        time.sleep(5)


EVENTS: dict[str, Callable[[Env], None]] = {
    "rolling redeploy": redeploy,
    "SIGKILL of each broker": kill_each_broker,
    "a node killed and back": power_one_node_off,
    "a node cut off for 60 s": cut_one_node_off,
    "all nodes killed at once": power_all_nodes_off,
}


@pytest.mark.parametrize("event", EVENTS)
def test_nothing_acknowledged_is_lost(kafka: Env, event: str, tmp_path: Path) -> None:
    topic = f"{event.replace(' ', '-')}-{int(time.time())}"  # the cluster may be an older one
    create = f"--create --partitions 3 --topic {topic}"
    made = inside("c01", f"kafka-topics.sh --bootstrap-server kafka-skp:9092 {create}", kafka)
    assert made.code == 0, made.all
    with producing(topic, tmp_path) as sent:
        EVENTS[event](kafka)
        settle(kafka)
    read = run(
        sys.executable, "-m", "tests.support.streams", "consume", BROKERS, topic, seconds=900
    )
    assert read.code == 0, read.all
    lost = set(sent["numbers"]) - set(read.json["numbers"])
    line = (
        f"| {kafka['MODE']} | {event} | {sent['sent']} | {sent['acknowledged']} | "
        f"{len(read.json['numbers'])} | {len(lost)} | {read.json['duplicates']} | "
        f"{sent['longest_gap']} s |"
    )
    print(f"\n{line}")
    with (ROOT / ".lab" / "kafka-faults.md").open("a") as table:
        table.write(f"{line}\n")
    assert sent["sent"] >= COUNT
    assert not lost
    assert read.json["duplicates"] == 0
    assert read.json["disorder"] == 0
    assert sent["sent"] == sent["acknowledged"], sent["errors"]
