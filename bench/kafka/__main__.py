"""`bench/run kafka`: the contenders in turn on the practice cluster; then the results."""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parent.parent.parent
HERE = Path(__file__).parent
HOSTS = ROOT / ".bench" / "kafka-hosts.json"
NODES = {"c01": "10.99.0.11", "c02": "10.99.0.12", "c03": "10.99.0.13"}
BROKERS = ",".join(f"{address}:9092" for address in NODES.values())
IMAGE = "localhost:5000/skp/docker-kafka:latest"
RECORDS, SIZE = 200_000, 500
# Runs of the producer and of the consumer that count, after those that warm Java up.
WARM, COUNTED = 2, 3
SECONDS = 600
VOTERS = ",".join(f"{i}@{address}:9093" for i, address in enumerate(NODES.values(), 1))


def run(*words: str) -> str:
    """Run a program of the project and return what it prints; ends the benchmark if it fails."""
    env = {**os.environ, "SKP_HOSTS": str(HOSTS)}
    done = subprocess.run(
        words, cwd=ROOT, env=env, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    if done.returncode != 0:
        sys.exit(f"bench: {' '.join(words)} failed: {done.stdout}{done.stderr}")
    return done.stdout


def on(node: str, command: str) -> str:
    """Run a shell command on a node."""
    return run("ssh", "-F", ".lab/ssh_config", node, command)


def on_all(command: str) -> None:
    """Run a shell command on all nodes at once; $N and $A are the node's number and address."""
    with ThreadPoolExecutor(len(NODES)) as pool:
        list(
            pool.map(
                lambda item: on(item[1][0], f"N={item[0]} A={item[1][1]}; {command}"),
                enumerate(NODES.items(), 1),
            )
        )


SHARED = {
    "KAFKA_NODE_ID": "$N",
    "KAFKA_PROCESS_ROLES": "broker,controller",
    "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
    "KAFKA_DEFAULT_REPLICATION_FACTOR": "3",
    "KAFKA_MIN_INSYNC_REPLICAS": "2",
    "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "3",
    "KAFKA_HEAP_OPTS": "-Xms1g -Xmx1g",
    "SKP_CLUSTER_ID": "BenchBenchBenchBenchAA",
}


def by_hand() -> None:
    """Start the same three brokers as a person with three terminals would, on SKP's network."""
    protocols = ",".join(f"{name}:PLAINTEXT" for name in ("INTERNAL", "EXTERNAL", "CONTROLLER"))
    start(
        "--network net-skp --hostname hand-$N --network-alias hand-$N -p 9092:9094",
        {
            "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@hand-1:9093,2@hand-2:9093,3@hand-3:9093",
            "KAFKA_LISTENERS": "INTERNAL://:9092,CONTROLLER://:9093,EXTERNAL://:9094",
            "KAFKA_ADVERTISED_LISTENERS": "INTERNAL://hand-$N:9092,EXTERNAL://$A:9092",
            "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": protocols,
            "KAFKA_INTER_BROKER_LISTENER_NAME": "INTERNAL",
        },
    )


def bare() -> None:
    """Start three brokers with nothing between them and the wire."""
    start(
        "--network host",
        {
            "KAFKA_CONTROLLER_QUORUM_VOTERS": VOTERS,
            "KAFKA_LISTENERS": "PLAINTEXT://:9092,CONTROLLER://:9093",
            "KAFKA_ADVERTISED_LISTENERS": "PLAINTEXT://$A:9092",
            "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        },
    )


def start(network: str, settings: Mapping[str, str]) -> None:
    """Start a broker on each node by `docker run`."""
    given = " ".join(f'-e "{key}={value}"' for key, value in {**SHARED, **settings}.items())
    on_all(
        "sudo install -d -o 1000 -g 1000 /var/kafka; "
        f"docker run -d --name hand --user 1000:1000 {network} --init {given} "
        f"-v /var/kafka:/var/lib/kafka {IMAGE}"
    )


def by_skp() -> None:
    """Start three brokers by SKP's command."""
    run("./skp.py", "-q", "docker.kafka-run")


def first_message() -> None:
    """Return when a message was acknowledged by all in-sync brokers."""
    end = time.monotonic() + SECONDS
    words = ["kcat", "-P", "-b", BROKERS, "-t", "first", "-X", "acks=all", "-m", "5"]
    while time.monotonic() < end:
        words += ["-X", "message.timeout.ms=4000"]
        if subprocess.run(words, input=b"x", capture_output=True, check=False).returncode == 0:
            return
    sys.exit("bench: no message was acknowledged")


def perf() -> tuple[float, float]:
    """Return what Kafka's own perf tests write and read, in MB a second: medians of their runs."""
    tool = f"docker run --rm --network host --entrypoint bash {IMAGE} -c"
    server = f"--bootstrap-server {BROKERS}"
    on(
        "c01",
        f"{tool} 'kafka-topics.sh {server} --create --topic perf --partitions 6 "
        "--replication-factor 3'",
    )
    write = (
        f"{tool} 'kafka-producer-perf-test.sh --topic perf --num-records {RECORDS} --record-size "
        f"{SIZE} --throughput -1 --producer-props bootstrap.servers={BROKERS} acks=all'"
    )
    read = (
        f"{tool} 'kafka-consumer-perf-test.sh {server} --topic perf --hide-header "
        f"--messages {RECORDS * (WARM + COUNTED)} --timeout 60000'"
    )
    # The first runs are Java's compiler at work, which takes most of two cores.
    wrote = [on("c01", write) for _ in range(WARM + COUNTED)][WARM:]
    read_back = [on("c01", read) for _ in range(WARM + COUNTED)][WARM:]
    # fetch.MB.sec, the ninth column: without joining the group, for which the first consumer of all
    # waits until the brokers have made the topic of offsets.
    return (
        median(float(re.findall(r"\(([0-9.]+) MB/sec\)", said)[-1]) for said in wrote),
        median(float(said.split(",")[8]) for said in read_back),
    )


def clear() -> None:
    """Take away what either contender started."""
    run("./skp.py", "-q", "docker.kafka-rm")
    on_all("docker rm -f hand >/dev/null 2>&1; sudo rm -rf /var/kafka")


CONTENDERS = {"SKP": by_skp, "by hand": by_hand, "bare": bare}


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark; returns the exit code."""
    parser = argparse.ArgumentParser(prog="bench/run kafka", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="of each contender; default 3")
    parser.add_argument("--keep", action="store_true", help="write RESULTS.md, to be committed")
    options = parser.parse_args(arguments)
    hosts = json.loads((ROOT / "etc" / "hosts.json").read_text())
    for entry in hosts.values():
        entry["labels"].append({"kafka": "enable"})
    HOSTS.parent.mkdir(exist_ok=True)
    HOSTS.write_text(json.dumps(hosts))
    on_all(f"docker pull -q {IMAGE}")
    found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in CONTENDERS}
    for number in range(options.rounds):
        names = list(CONTENDERS)
        first = number % len(names)  # each comes first, in the middle, and last
        for name in names[first:] + names[:first]:
            clear()
            begun = time.monotonic()
            CONTENDERS[name]()
            first_message()
            taken = time.monotonic() - begun
            found[name].append((taken, *perf()))
            print(f"round {number + 1}, {name}: {found[name][-1]}", flush=True)
    clear()
    text = report(found, options.rounds)
    print(text)
    if options.keep:
        (HERE / "RESULTS.md").write_text(text)
    return 0


def report(found: dict[str, list[tuple[float, float, float]]], rounds: int) -> str:
    """Return the results as a table of medians and their ratios."""
    medians = {
        name: [median(column) for column in zip(*rounds_of, strict=True)]
        for name, rounds_of in found.items()
    }
    titles = ("to the first acknowledged message, s", "producer, MB/s", "consumer, MB/s")
    rows = "".join(
        f"| {title} | {own:.1f} | {hand:.1f} | {wire:.1f} | {own / hand:.2f} | {own / wire:.2f} |\n"
        for title, own, hand, wire in zip(titles, *medians.values(), strict=True)
    )
    each = "".join(
        f"| {number} | {name} | {first:.1f} | {wrote:.1f} | {read:.1f} |\n"
        for name in CONTENDERS
        for number, (first, wrote, read) in enumerate(found[name], 1)
    )
    return (
        f"# Results\n\nMedians of {rounds} rounds on {os.cpu_count()} cores, "
        f"{RECORDS:,} messages of {SIZE} bytes.\n\n"
        f"| | {' | '.join(CONTENDERS)} | SKP / by hand | SKP / bare |\n"
        f"|---|---|---|---|---|---|\n{rows}\n"
        f"Each round:\n\n| round | | {' | '.join(titles)} |\n|---|---|---|---|---|\n{each}"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
