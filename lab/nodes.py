"""Node containers: made, started, waited for, removed."""

from __future__ import annotations

import hashlib
import json
import socket
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lab import image, state
from lab.config import LABEL_NODE, LABEL_SPEC, SHARED, LabConfig
from lab.engine import READY_DEADLINE, REMOVAL_DEADLINE, Found, Say, at_once, run_in
from lab.errors import LabError
from lab.material import File, archive, keys

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

HELPERS = "/usr/local/lib/skp-lab"


def description(config: LabConfig, name: str) -> dict[str, Any]:
    """Return how a node's container is made, as plain values. Pure but for the image's name."""
    volumes = {config.volume(name): "/var/lib/docker"}
    volumes |= {config.shared_volume(key): path for key, path in SHARED.items()}
    odd = {"environment": {"SKP_LAB_ODD": str(config.number(name))}} if config.odd else {}
    return {
        "image": image.reference(config),
        "hostname": config.hostname(name),
        **odd,
        "privileged": True,
        # A restarted node finds no pid file of its last life, which would keep the engine down.
        "tmpfs": {"/run": "rw,nosuid,nodev,mode=755"},
        "volumes": [f"{volume}:{path}" for volume, path in volumes.items()],
        "address": config.address(name),
    }


def spec(config: LabConfig, name: str) -> str:
    """Return the hash of a node's description."""
    text = json.dumps(description(config, name), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def make(engine: DockerClient, config: LabConfig, names: list[str], common: list[File]) -> None:
    """Make nodes that do not exist, with new host keys; they are not started yet.

    The keys are pinned before a container exists, so that no started node is ever unknown.
    """
    pairs = {name: state.new_key() for name in names}
    state.pin(config, {config.address(name): pair.public for name, pair in pairs.items()})
    user = state.public_key(config)

    def one(name: str) -> None:
        engine.volumes.create(config.volume(name), labels={**config.labels, LABEL_NODE: name})
        container = _create(engine, config, name)
        container.put_archive("/", archive([*common, *keys(pairs[name], user)]))

    at_once(one, names)


def _create(engine: DockerClient, config: LabConfig, name: str) -> Container:
    from docker.types import LogConfig

    arguments = description(config, name)
    address = arguments.pop("address")
    endpoint = engine.api.create_endpoint_config(ipv4_address=address)
    return engine.containers.create(
        arguments.pop("image"),
        name=name,
        labels={**config.labels, LABEL_NODE: name, LABEL_SPEC: spec(config, name)},
        network=config.name,
        networking_config={config.name: endpoint},
        log_config=LogConfig(type="json-file", config={"max-size": "10m", "max-file": "2"}),
        stop_signal="SIGTERM",
        **arguments,
    )


def share(engine: DockerClient, config: LabConfig, tree: list[File]) -> None:
    """Put the checkout's tree into the shared volume of a new lab, through its first node."""
    if tree:
        first = engine.containers.get(config.names(1)[0])
        first.put_archive(SHARED["home"], archive(tree))


def start(engine: DockerClient, names: list[str]) -> None:
    """Start or unpause nodes; those that run stay as they are."""

    def one(name: str) -> None:
        container = engine.containers.get(name)
        if container.status == "paused":
            container.unpause()
        container.start()

    at_once(one, names)


def wait(engine: DockerClient, config: LabConfig, names: list[str]) -> None:
    """Wait until the engine and the SSH server of every node answer.

    Raises:
        LabError: names the nodes that did not within the deadline, with their last log lines.
    """
    deadline = time.monotonic() + READY_DEADLINE
    complaints = at_once(lambda name: _complaint(engine, config, name, deadline), names)
    if any(complaints):
        raise LabError(
            "\n".join(filter(None, complaints)), "See more: docker logs NODE; then lab.up again"
        )


def _complaint(engine: DockerClient, config: LabConfig, name: str, deadline: float) -> str:
    seconds = max(1, int(deadline - time.monotonic()))
    code, output = run_in(engine, name, [f"{HELPERS}/ready", str(seconds)])
    if code != 0:
        log = engine.containers.get(name).logs(tail=8).decode(errors="replace")
        shown = "".join(f"\n    {line[:200]}" for line in log.splitlines())
        return f"{name}: {output or 'ended at once'}{shown}"
    if not ssh_answers(config.address(name), deadline):
        return (
            f"{name}: {config.address(name)} can't be reached from here, though the node is well: "
            "the engine's networks are not on this machine, or a firewall is between"
        )
    return ""


def ssh_answers(address: str, deadline: float) -> bool:
    """Whether an SSH server greets at port 22 of `address`, tried until `deadline` (monotonic)."""
    while True:
        try:
            with socket.create_connection((address, 22), timeout=2) as connection:
                return connection.recv(4) == b"SSH-"
        except OSError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.1)


def remove(engine: DockerClient, found: list[Found]) -> None:
    """Remove objects of the lab: containers first, since they hold the others.

    Raises:
        LabError: one is still there after the deadline.
    """
    engine_of = {
        "container": lambda ident: engine.api.remove_container(ident, v=True, force=True),
        "volume": engine.api.remove_volume,
        "network": engine.api.remove_network,
    }
    deadline = time.monotonic() + REMOVAL_DEADLINE

    def one(item: Found) -> None:
        _until_gone(lambda: engine_of[item.kind](item.ident), item, deadline)

    at_once(one, [item for item in found if item.kind == "container"])
    at_once(one, [item for item in found if item.kind != "container"])


def _until_gone(remove: Callable[[], None], item: Found, deadline: float) -> None:
    """Have the engine remove an object, until it says that there is none (`deadline`: monotonic).

    Where gigabytes are to be deleted no answer may come in time, though the engine goes on with it:
    another request tells. Meanwhile it refuses with 409.
    """
    from docker.errors import APIError, NotFound
    from requests import RequestException

    while True:
        try:
            remove()
        except NotFound:
            return
        except (APIError, RequestException) as error:
            if isinstance(error, APIError) and "in progress" not in str(error.explanation):
                raise
            if time.monotonic() >= deadline:
                raise LabError(
                    f"the {item.kind} {item.name} is not gone after {REMOVAL_DEADLINE} s: {error}",
                    "Give the same command again; the engine's log tells more.",
                ) from error
            time.sleep(0.2)
        else:
            return


def forget_in_swarm(engine: DockerClient, master: str, leaving: list[str], say: Say) -> None:
    """Take nodes that will be removed out of the Swarm, one by one, if there is one.

    Without this a Swarm whose managers go from three to one would lose its quorum.
    """
    script = (
        '[ "$(docker info --format "{{.Swarm.ControlAvailable}}")" = true ] || exit 0; '
        'docker node inspect "$1" >/dev/null 2>&1 || exit 0; '
        'timeout 20 docker node demote "$1" || exit; '
        # A manager that was just demoted leaves raft first; until then it can't go.
        'for _ in $(seq 100); do timeout 20 docker node rm --force "$1" && exit; sleep 0.2; done; '
        "exit 1"
    )
    for name in leaving:
        code, output = run_in(engine, master, ["sh", "-c", script, "sh", name])
        if code != 0:
            say(f"  {name} could not be taken out of the Swarm: {output[-200:]}")


def publish(engine: DockerClient, config: LabConfig) -> None:
    """Bring the services' ports of the first node to this machine's loopback.

    A container of its own does it, so that it can come and go without the node being made anew.
    """
    target = config.address(config.names(1)[0])
    ports = [str(port) for port in config.ports]
    endpoint = engine.api.create_endpoint_config(ipv4_address=config.publisher_address)
    engine.containers.create(
        image.reference(config),
        [f"{HELPERS}/publish", target, *ports],
        name=config.publisher,
        labels=config.labels,
        network=config.name,
        networking_config={config.name: endpoint},
        cap_add=["NET_ADMIN"],
        sysctls={"net.ipv4.ip_forward": "1"},
        ports={f"{port}/tcp": ("127.0.0.1", int(port)) for port in ports},
        stop_signal="SIGTERM",
    )
    engine.containers.get(config.publisher).start()
