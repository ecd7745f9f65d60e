"""`bench/run spark`: both contenders in turn on the practice cluster; then the results."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parent.parent.parent
HERE = Path(__file__).parent
ENV = ROOT / ".bench" / "spark-env.sh"
NODES = {"c01": "10.99.0.11", "c02": "10.99.0.12", "c03": "10.99.0.13"}
WORKERS = ("c02", "c03")
IMAGE = "localhost:5000/skp/docker-ds:latest"
ORDERS = 1_000_000
SECONDS = 900
# What both have: two workers of two cores, of which the job gets two, one on each.
MEMORY, HEAP, CORES = "2048m", "1g", 2
PROPERTIES = {"spark.executor.memory": HEAP, "spark.cores.max": str(CORES)}
JOB = (HERE / "job.py").read_text()
SITE = "/opt/skp/venv/lib/python3.13/site-packages"
PARTS = ("/opt/skp/java", "/opt/skp/spark", f"{SITE}/pyspark", f"{SITE}/py4j")
PID = "/tmp/spark-bench.pid"  # noqa: S108 - on nodes of the practice cluster
BARE = (
    "export JAVA_HOME=/opt/skp/java SPARK_HOME=/opt/skp/spark SPARK_DAEMON_MEMORY=512m "
    f"PYTHONPATH={SITE} PATH=/opt/skp/java/bin:/opt/skp/spark/bin:$PATH"
)


def run(*words: str, text: str = "") -> str:
    """Run a program of the project and return what it prints; ends the benchmark if it fails."""
    env = {**os.environ, "SKP_ENV": str(ENV)}
    done = subprocess.run(
        words, cwd=ROOT, env=env, input=text, capture_output=True, text=True, timeout=SECONDS,
        check=False,
    )  # fmt: skip
    if done.returncode != 0:
        sys.exit(f"bench: {shlex.join(words)} failed: {done.stdout}{done.stderr}")
    return done.stdout


def on(node: str, command: str, text: str = "") -> str:
    """Run a shell command on a node; `text` is its standard input."""
    return run("ssh", "-F", ".lab/ssh_config", node, command, text=text)


def by_hand() -> Callable[[], str]:
    """Start Spark as a person with three terminals would; returns what runs the job."""
    start = "nohup spark-class org.apache.spark.deploy"
    quiet = f"</dev/null >/tmp/spark-bench.log 2>&1 & echo $! >{PID}"
    master = f"--host {NODES['c01']} --port 7077 --webui-port 8030"
    on("c01", f"{BARE}; {start}.master.Master {master} {quiet}")
    for node in WORKERS:
        worker = f"--host {NODES[node]} --cores 2 --memory {MEMORY} -d /tmp/spark-work"
        on(node, f"{BARE}; {start}.worker.Worker {worker} spark://{NODES['c01']}:7077 {quiet}")
    properties = {**PROPERTIES, "spark.driver.host": NODES["c01"]}
    call = f"run('spark://{NODES['c01']}:7077', '/mnt/dfs/bench-spark', {properties})"
    return lambda: on("c01", f"{BARE}; python3 - 2>/dev/null", f"{JOB}\n{call}\n")


def by_skp() -> Callable[[], str]:
    """Start Spark by SKP's command; returns what runs the job."""
    run("./skp.py", "-q", "docker.spark-run")
    call = f"run('spark://spark-skp-master:7077', '/root/mnt/dfs/bench-spark', {PROPERTIES})"
    return lambda: on("c01", "docker exec -i jupyter-skp python - 2>/dev/null", f"{JOB}\n{call}\n")


def wait() -> None:
    """Return when the master lists both workers."""
    end = time.monotonic() + SECONDS
    ask = "docker run --rm --network host {} python -c {}"
    script = (
        f"import json, urllib.request as r; print(json.load(r.urlopen('http://{NODES['c01']}"
        ":8030/json/'))['aliveworkers'])"
    )
    words = ask.format(IMAGE, shlex.quote(script))
    while on("c01", f"{words} 2>/dev/null || echo 0").strip() != str(len(WORKERS)):
        if time.monotonic() > end:
            sys.exit("bench: the workers did not come")


def prepare() -> None:
    """Make the data, and unpack Spark from the image on each node."""
    ENV.parent.mkdir(exist_ok=True)
    ENV.write_text(f"source {ROOT}/bin/env.sh\n")
    run("./skp.py", "-q", "docker.jupyter-run")
    # Brings the image to the workers' nodes.
    run("./skp.py", "-q", "docker.spark-run")
    call = f"make('/root/mnt/dfs/bench-spark', {ORDERS})"
    on("c01", "docker exec -i jupyter-skp python -", f"{JOB}\n{call}\n")
    copies = " ".join(
        f"sudo mkdir -p {path}; docker cp -q $id:{path}/. - | sudo tar -x -C {path};"
        for path in PARTS
    )
    for node in NODES:
        on(node, f"id=$(docker create {IMAGE}); {copies} docker rm $id")


def clear() -> None:
    """Take away what either contender started."""
    run("./skp.py", "-q", "docker.spark-rm")
    for node in NODES:
        on(
            node,
            f"if [ -e {PID} ]; then pid=$(cat {PID}); kill $pid; "
            f"while [ -d /proc/$pid ]; do sleep 0.2; done; fi; rm -rf {PID} /tmp/spark-work",
        )


CONTENDERS = {"SKP": by_skp, "by hand": by_hand}


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark; returns the exit code."""
    parser = argparse.ArgumentParser(prog="bench/run spark", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="of each contender; default 3")
    parser.add_argument("--keep", action="store_true", help="write RESULTS.md, to be committed")
    options = parser.parse_args(arguments)
    prepare()
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in CONTENDERS}
    for number in range(options.rounds):
        for name in list(CONTENDERS)[:: 1 if number % 2 else -1]:
            clear()
            job = CONTENDERS[name]()
            wait()
            first, *times = json.loads(job().splitlines()[-1])
            found[name].append((first, median(times)))
            print(f"round {number + 1}, {name}: {found[name][-1]}", flush=True)
    clear()
    on("c01", "sudo rm -rf /mnt/dfs/bench-spark")
    for node in NODES:
        on(node, "sudo rm -rf /opt/skp/java /opt/skp/spark /opt/skp/venv")
    text = report(found, options.rounds)
    print(text)
    if options.keep:
        (HERE / "RESULTS.md").write_text(text)
    return 0


def report(found: dict[str, list[tuple[float, float]]], rounds: int) -> str:
    """Return the results as a table of medians and their ratios."""
    own, hand = (
        [median(column) for column in zip(*found[name], strict=True)] for name in CONTENDERS
    )
    titles = ("session and first answers, s", "three queries, s")
    rows = "".join(
        f"| {title} | {a:.2f} | {b:.2f} | {a / b:.2f} |\n"
        for title, a, b in zip(titles, own, hand, strict=True)
    )
    each = "".join(
        f"| {number} | {name} | {first:.2f} | {job:.2f} |\n"
        for name in CONTENDERS
        for number, (first, job) in enumerate(found[name], 1)
    )
    return (
        f"# Results\n\nMedians of {rounds} rounds on {os.cpu_count()} cores, "
        f"{4 * ORDERS:,} lineitems.\n\n"
        f"| | SKP | by hand | ratio |\n|---|---|---|---|\n{rows}\n"
        f"Each round:\n\n| round | | {' | '.join(titles)} |\n|---|---|---|---|\n{each}"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
