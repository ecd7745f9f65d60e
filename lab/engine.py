"""The Docker Engine that carries the lab, and what of the lab is on it."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from lab.config import LABEL, LABEL_CHECKOUT, LABEL_NAME, LABEL_NODE, LABEL_SPEC, LabConfig
from lab.errors import LabError

if TYPE_CHECKING:
    from docker import DockerClient

Say = Callable[[str], None]
T = TypeVar("T")
R = TypeVar("R")

MTU = "com.docker.network.driver.mtu"
"""The option of a network that says how large its packets may be."""

READY_DEADLINE = 180
"""Seconds until a started node's engine and SSH server have to answer."""
REMOVAL_DEADLINE = 900
"""Seconds until all that is to be removed has to be gone: nodes hold gigabytes."""
NEVER_BEGAN = "waiting for init preliminary setup: read init-p: connection reset by peer"
"""runc 1.1 says so now and then on a busy machine, before anything ran in the container."""


@dataclass(frozen=True)
class Found:
    """One object of a lab on the engine.

    Attributes:
        kind: container, volume or network.
        ident: what the engine knows it by.
        node: the node it belongs to, empty for what all share.
        spec: the hash of what a container was made from.
        state: of a container: created, running, paused, exited, ...
        mtu: of a network, 0 when the engine has chosen it.
    """

    kind: str
    ident: str
    name: str
    version: str
    checkout: str
    node: str = ""
    spec: str = ""
    state: str = ""
    mtu: int = 0


def connect() -> DockerClient:
    """Return a client of this machine's engine.

    Raises:
        LabError: when no engine answers.
    """
    import docker
    from docker.errors import DockerException

    try:
        client = docker.from_env(timeout=READY_DEADLINE + 30, max_pool_size=32)
        client.ping()
    except DockerException as error:
        raise LabError(
            f"the Docker Engine of this machine does not answer: {error}",
            "Type: bin/setup",
        ) from error
    return client


def environment() -> dict[str, str]:
    """Return the environment in which Docker's own client speaks to the engine of `connect`.

    The SDK knows of DOCKER_HOST, and not of contexts.
    """
    named = os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
    return {**os.environ, "DOCKER_HOST": named}


@contextmanager
def explained() -> Iterator[None]:
    """Turn the engine's refusals and silences into the lab's error.

    Raises:
        LabError: with the engine's own words.
    """
    from docker.errors import APIError, DockerException
    from requests import RequestException

    try:
        yield
    except (DockerException, RequestException) as error:
        own = error.explanation if isinstance(error, APIError) else None
        raise LabError(
            f"the Docker Engine of this machine refused or broke off: {own or error}",
            "Correct the cause and give the same command again; the engine's log tells more.",
        ) from error


def objects(engine: DockerClient, config: LabConfig) -> list[Found]:
    """Return everything that carries this lab's name, of whatever checkout and version."""
    wanted = f"{LABEL_NAME}={config.name}"
    chosen = {"label": wanted}
    containers = engine.api.containers(all=True, filters=chosen)
    volumes = engine.api.volumes(filters=chosen)["Volumes"] or []
    networks = engine.api.networks(filters=chosen)
    return [
        *(
            _found("container", c["Id"], c["Names"][0].lstrip("/"), c["Labels"], c["State"])
            for c in containers
        ),
        *(_found("volume", v["Name"], v["Name"], v["Labels"]) for v in volumes),
        *(
            replace(_found("network", n["Id"], n["Name"], n["Labels"]), mtu=_mtu(n))
            for n in networks
        ),
    ]


def _found(kind: str, ident: str, name: str, labels: dict[str, str], state: str = "") -> Found:
    return Found(
        kind,
        ident,
        name,
        version=labels.get(LABEL, ""),
        checkout=labels.get(LABEL_CHECKOUT, ""),
        node=labels.get(LABEL_NODE, ""),
        spec=labels.get(LABEL_SPEC, ""),
        state=state,
    )


def _mtu(network: dict[str, Any]) -> int:
    chosen = str((network.get("Options") or {}).get(MTU, ""))
    return int(chosen) if chosen.isdecimal() else 0


def subnets(network: dict[str, object]) -> list[ipaddress.IPv4Network]:
    """Return the IPv4 subnets of a network as the engine describes it."""
    ipam = network.get("IPAM")
    entries = ipam.get("Config") if isinstance(ipam, dict) else None
    parsed = (ipaddress.ip_network(e["Subnet"]) for e in entries or [] if e.get("Subnet"))
    return [subnet for subnet in parsed if isinstance(subnet, ipaddress.IPv4Network)]


def at_once(work: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """Do `work` for all items at the same time; the first error is raised when all have ended."""
    todo = list(items)
    if not todo:
        return []
    with ThreadPoolExecutor(max_workers=len(todo)) as pool:
        return [future.result() for future in [pool.submit(work, item) for item in todo]]


def run_in(engine: DockerClient, name: str, command: list[str]) -> tuple[int, str]:
    """Run a command in a container and return its exit code and what it printed.

    A container that can't run anything (stopped, paused, gone) gives 1 and the engine's reason.
    A command that the runtime lost before it began is given once more.
    """
    code, output = _run_in(engine, name, command)
    return _run_in(engine, name, command) if NEVER_BEGAN in output else (code, output)


def _run_in(engine: DockerClient, name: str, command: list[str]) -> tuple[int, str]:
    from docker.errors import APIError

    try:
        code, output = engine.containers.get(name).exec_run(command)
    except APIError as error:
        return 1, str(error.explanation or error)
    assert isinstance(output, bytes)  # neither streamed nor split
    return code or 0, output.decode(errors="replace").strip()
