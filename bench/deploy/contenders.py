"""The contenders: a hundred deployments of SKP, and a stack of a hundred services."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from threading import Event

ROOT = Path(__file__).parent.parent.parent
FILES = ROOT / ".bench" / "deploy"
HOSTS = ROOT / ".lab" / "hosts.json"
NODES = ("c01", "c02", "c03", "c04", "c05")
IMAGE = "localhost:5000/team/web:1"
# The registry's image has busybox; its own entry point would get the command as arguments.
DOCKERFILE = "FROM skp/docker-registry:latest\\nENTRYPOINT []\\n"
PROJECT, STACK = "bench", "bench"
COMMAND = ("busybox", "sleep", "1000000")
CPUS, MEMORY = 0.01, "16m"
NUMBER = 100
SECONDS = 600  # deadline of a command, and of a wait
_LABEL = "skp.deployment"
_PAUSE = 0.3  # seconds between two looks


def run(words: Sequence[str], text: str = "") -> str:
    """Run a program of the project and return what it prints; ends the benchmark if it fails."""
    done = subprocess.run(
        words, cwd=ROOT, env={**os.environ, "SKP_HOSTS": str(HOSTS)}, input=text,
        capture_output=True, text=True, timeout=SECONDS, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        sys.exit(f"bench: {shlex.join(words)} failed: {done.stdout}{done.stderr}")
    return done.stdout


def skp(*words: str) -> str:
    """Run a command of SKP, as a process of its own."""
    return run(["./skp.py", *words])


def on(command: str, text: str = "", node: str = "c01") -> str:
    """Run a shell command on a node by OpenSSH's client; `text` is its standard input."""
    return run(["ssh", "-F", ".lab/ssh_config", node, command], text)


def until(holds: Callable[[], bool], what: str) -> None:
    """Return once something holds; ends the benchmark where that takes too long."""
    ends = time.monotonic() + SECONDS
    while not holds():
        if time.monotonic() > ends:
            sys.exit(f"bench: not within {SECONDS} s: {what}")
        Event().wait(_PAUSE)


def prepare() -> None:
    """Have the registry have the image, and the files be there that the contenders read."""
    on(f"printf '{DOCKERFILE}' | docker build -q -t {IMAGE} - && docker push -q {IMAGE}")
    for node in NODES:
        on(f"docker pull -q {IMAGE}", node=node)
    FILES.mkdir(parents=True, exist_ok=True)
    for number in range(NUMBER):
        _path(number).write_text(json.dumps(_deployment(number)))
    on("cat >bench-stack.yaml", _stack(NUMBER))
    on("cat >bench-one.yaml", _stack(1))


def _path(number: int) -> Path:
    return FILES / f"web-{number:02}.yaml"


def _deployment(number: int) -> dict[str, object]:
    """Return a deployment in our own form: JSON is YAML too."""
    resources = {"cpus": CPUS, "memory": MEMORY}
    main = {"image": IMAGE, "command": COMMAND, "resources": resources}
    name = f"web-{number:02}"
    return {"name": name, "project": PROJECT, "containers": {"main": main}, "stop-time": 1}


def _stack(number: int) -> str:
    """Return a compose file with so many services of the same needs."""
    amounts = {"cpus": str(CPUS), "memory": MEMORY}
    resources = {"limits": amounts, "reservations": amounts}
    # (dnsrr is what SKP's have: a virtual address for each would take more.)
    deploy = {"endpoint_mode": "dnsrr", "resources": resources}
    one = {"image": IMAGE, "command": COMMAND, "stop_grace_period": "1s", "deploy": deploy}
    services = {f"web-{each:02}": one for each in range(number)}
    return json.dumps({"version": "3.9", "services": services})


def _all(*words: str) -> None:
    """Have all deployments' files applied by one command, which waits until all run."""
    skp("-q", "deploy.apply", *(str(_path(number)) for number in range(NUMBER)), *words)


def skp_up() -> None:
    """Bring up SKP's."""
    _all()


def skp_list() -> None:
    """List SKP's; every one has to run."""
    rows = json.loads(skp("deploy.list", "--json"))
    running = sum(row["phase"] == "Running" for row in rows)
    if running != NUMBER:
        sys.exit(f"bench: {running} of {NUMBER} deployments run")


def skp_same() -> None:
    """Apply one of SKP's anew, unchanged."""
    skp("-q", "deploy.apply", str(_path(NUMBER // 2)), "--update")


def skp_all_same() -> None:
    """Apply all of SKP's anew, unchanged."""
    _all("--update")


def stack_up() -> None:
    """Bring up the stack, and wait until all of it runs."""
    on(f"docker stack deploy -d -c bench-stack.yaml {STACK}")
    until(lambda: _stack_runs() == NUMBER, "the stack's services run")


def _stack_runs() -> int:
    return on(f"docker stack services --format '{{{{.Replicas}}}}' {STACK}").split().count("1/1")


def stack_services() -> None:
    """List the stack's services, with how many of each run."""
    on(f"docker stack services {STACK}")


def service_ls() -> None:
    """List all services of the Swarm."""
    on("docker service ls")


def stack_ps() -> None:
    """List the stack's tasks, with where they run and how they are."""
    on(f"docker stack ps {STACK}")


def stack_both() -> None:
    """List services and tasks in one login."""
    on(f"docker stack services {STACK}; docker stack ps {STACK}")


def stack_same() -> None:
    """Deploy one service of the stack anew, unchanged; the others stay."""
    on(f"docker stack deploy -d -c bench-one.yaml {STACK}")


def stack_all_same() -> None:
    """Deploy the stack anew, unchanged."""
    on(f"docker stack deploy -d -c bench-stack.yaml {STACK}")


def clear() -> None:
    """Take away what either contender started, and what is kept of it."""
    services = f"docker service ls -q --filter label={_LABEL}"
    on(
        f"docker stack rm {STACK}; {services} | xargs -r docker service rm; "
        "docker config ls -q --filter label=skp.revision.of | xargs -r docker config rm; "
        "docker config ls -q --filter name=skp-ledger | xargs -r docker config rm"
    )
    for node in NODES:
        until(partial(_ended, node), f"containers end on {node}")
    until(_no_network, "the networks go")


def _ended(node: str) -> bool:
    return not on("docker ps -aq --filter name=^bench_", node=node).strip()


def _no_network() -> bool:
    """Remove both networks, and tell whether they are gone: the Swarm frees them a little later."""
    names = f"-e skp_{PROJECT} -e {STACK}_default"
    # (By their whole names: the engine's own filter takes the beginning of one.)
    listed = f"docker network ls --format '{{{{.Name}}}}' | grep -Fx {names}"
    removed = f"{listed} | xargs -r docker network rm >/dev/null 2>&1"
    return not on(f"{removed}; {listed} || true").strip()


def leave() -> None:
    """Remove the files on the master."""
    on("rm -f bench-stack.yaml bench-one.yaml")
