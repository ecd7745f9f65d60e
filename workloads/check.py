"""What a deployment has to be, beyond its file's form; all that is wrong is told at once. Pure."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from cluster.config import schema
from cluster.config.document import Location
from cluster.config.ports import NAMED
from cluster.config.schema_fast import matches
from cluster.errors import ConfigError, ConfigErrors, nearest
from workloads import texts
from workloads.form import Form
from workloads.model import is_inside

SCHEMA = Path(__file__).parent.parent / "etc" / "deployment.schema.json"
# The engine expands these after all our checks (docs.docker.com, docker service create).
_TEMPLATE = "{{"
_MOST = 64 << 10  # characters of a form: of each copy, raft has them on all managers
_LEAST_MEMORY = 6 << 20  # bytes, which the engine asks for
_MOST_SHM = 1 << 40
_MOST_NAMES = 20  # of a deployment: one value of the Swarm's store has those of all
# By these the platform gives GPUs: what an image or a person says there would be others' GPUs.
_GPU_VARIABLES = re.compile(r"NVIDIA_VISIBLE_DEVICES|CUDA_VISIBLE_DEVICES|DOCKER_RESOURCE_.*")
# Where a volume would hide what a container needs, or what the platform puts there.
_CLOSED = ("/dev", "/proc", "/sys", "/run/secrets", "/run/skp", "/etc")


def check(form: Form) -> None:
    """Refuse a form that is none of a deployment.

    Raises:
        ConfigErrors: with everything that is wrong, each with its place in the file.
    """
    wrong = [
        form.error(found.location, found.what)
        for found in schema.violations(schema.load(SCHEMA), form.value)
    ]
    if not wrong:
        wrong = [*_numbers(form), *_amount(form)]
    if not wrong:
        wrong = [*_templates(form), *_volumes(form), *_ports(form), *_doors(form), *_parts(form)]
    if wrong:
        raise ConfigErrors(wrong)


def is_secrets_name(name: str) -> bool:
    """Whether a project's secret may be called so."""
    part = schema.load(SCHEMA)["properties"]["containers"]["additionalProperties"]
    return matches(part["properties"]["secrets"]["items"]["pattern"], name)


def is_image(reference: str) -> bool:
    """Whether an image may be named so."""
    part = schema.load(SCHEMA)["properties"]["containers"]["additionalProperties"]
    return matches(part["properties"]["image"]["pattern"], reference)


def is_project(name: str) -> bool:
    """Whether a project may be called so."""
    return matches(schema.load(SCHEMA)["properties"]["project"]["pattern"], name)


def _templates(form: Form) -> Iterator[ConfigError]:
    for location, text in _leaves(form.value, ()):
        if isinstance(text, str) and _TEMPLATE in text:
            what = f"{_TEMPLATE} found, which the engine would take for a template of its own"
            yield form.error(location, what, "Write the value itself.")


def _numbers(form: Form) -> Iterator[ConfigError]:
    """Yield an error for 2.0 where a whole number is meant, which a schema takes for one."""
    for location, value in _leaves(form.value, ()):
        if isinstance(value, float) and location[-1] != "cpus":
            yield form.error(location, f"{value} found; allowed: a whole number")
        elif isinstance(value, float) and not math.isfinite(value):
            yield form.error(location, f"{value} found; allowed: a number such as 0.5")


def _amount(form: Form) -> Iterator[ConfigError]:
    if len(json.dumps(form.value)) > _MOST:
        what = f"it says more than {_MOST >> 10} KB, which all managers would keep"
        yield form.error((), what, "Put files on a volume or into the image.")
    for part, said in form.value["containers"].items():
        memory = said.get("resources", {}).get("memory")
        if memory and texts.size(memory) < _LEAST_MEMORY:
            what = f"{memory} found; allowed: {_LEAST_MEMORY >> 20}m or more"
            yield form.error(("containers", part, "resources", "memory"), what)
    shm = form.value.get("shm")
    if shm and texts.size(shm) > _MOST_SHM:
        yield form.error(("shm",), f"{shm} found; allowed: at most {_MOST_SHM >> 40}t")


def _leaves(value: Any, location: Location) -> Iterator[tuple[Location, Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, (*location, key))
    elif isinstance(value, list):
        for at, item in enumerate(value):
            yield from _leaves(item, (*location, at))
    else:
        yield location, value


def _volumes(form: Form) -> Iterator[ConfigError]:
    """Yield an error for each volume without what its kind needs, or with a path that leaves it."""
    volumes: Mapping[str, Any] = form.value.get("volumes", {})
    for name, volume in volumes.items():
        location: Location = ("volumes", name)
        needed = {"nas": "size", "host": "path"}.get(volume["kind"])
        if needed and needed not in volume:
            yield form.error(location, f"a {volume['kind']} volume needs {needed}")
        for key in {"size", "path"} & set(volume) - {needed}:
            yield form.error((*location, key), f"a {volume['kind']} volume has no {key}")
        yield from _path(form, (*location, "path"), volume.get("path", "/x"))
    for part, said in form.value["containers"].items():
        yield from _mounted(form, part, said.get("volumes", {}), volumes)


def _mounted(
    form: Form, part: str, mounted: Mapping[str, str], volumes: Mapping[str, Any]
) -> Iterator[ConfigError]:
    seen: dict[str, str] = {}
    for name, path in mounted.items():
        location: Location = ("containers", part, "volumes", name)
        if name not in volumes:
            what = f"there is no volume {name}{nearest(name, volumes)}"
            known = ", ".join(volumes) or "none; write it below volumes"
            yield form.error(location, what, f"There are: {known}.")
        yield from _path(form, location, path)
        if closed := [folder for folder in _CLOSED if is_inside(path, folder)]:
            what = f"{path}: nothing can be put into {closed[0]}"
            yield form.error(location, what, "Choose another path, such as /data.")
        if path in seen:
            yield form.error(location, f"{path} is where {seen[path]} is already")
        seen.setdefault(path, name)


def _path(form: Form, location: Location, path: str) -> Iterator[ConfigError]:
    if any(part in ("..", ".") for part in path.split("/")) or str(PurePosixPath(path)) != path:
        yield form.error(location, f"{path}: a path without . and .. is needed")


def _ports(form: Form) -> Iterator[ConfigError]:
    """Yield an error for each port of a node that would be taken twice, or that there is not."""
    replicas, taken = form.value.get("replicas", 1), dict[int, Location]()
    for part, said in form.value["containers"].items():
        inside = set[tuple[int, str]]()
        for at, port in enumerate(said.get("ports", [])):
            location: Location = ("containers", part, "ports", at)
            own = (port["port"], port.get("protocol", "tcp"))
            if own in inside:
                yield form.error(location, f"the port {own[0]} stands here for the second time")
            inside.add(own)
            first = port.get("publish", "auto")
            if not isinstance(first, int):
                continue
            for number in range(first, first + replicas):
                if number not in NAMED:
                    what = f"{replicas} copies from the port {first} on would need {number}"
                    hint = f"Allowed: ports from {NAMED[0]} to {NAMED[-1]}."
                    yield form.error((*location, "publish"), what, hint)
                    break
                if number in taken:
                    what = f"port {number} is wanted twice: {form.place(taken[number])} has it"
                    yield form.error((*location, "publish"), what, "Name another one.")
                    break
                taken[number] = location


def _parts(form: Form) -> Iterator[ConfigError]:
    for part, said in form.value["containers"].items():
        location: Location = ("containers", part)
        for key in said.get("env", {}):
            if _GPU_VARIABLES.fullmatch(key):
                what = f"{key}: the platform alone says which GPUs a container has"
                hint = "resources: gpus: says how many."
                yield form.error((*location, "env", key), what, hint)
        resources = said.get("resources", {})
        if "gpu-type" in resources and not resources.get("gpus"):
            yield form.error((*location, "resources", "gpu-type"), "there is no gpus beside it")
        health = said.get("health", {"command": []})
        if ("command" in health) == ("port" in health):
            yield form.error((*location, "health"), "either command or port is needed")
        elif "path" in health and "port" not in health:
            yield form.error((*location, "health", "path"), "there is no port beside it")
        if said.get("accounts") and said.get("class") != "root":
            what = "only root lets others log in: class: root is needed beside it"
            yield form.error((*location, "accounts"), what)
        if "host" in said and not any(_may_have(said["host"], p) for p in said.get("ports", [])):
            yield form.error((*location, "host"), "the container has no port that can have it")


def _may_have(host: str, port: Mapping[str, Any]) -> bool:
    """Whether a port can have a host name that its container says, or has it already."""
    own: str = port.get("door", {}).get("host", "")
    return own == host if own else port.get("publish", "auto") == "auto"


def _doors(form: Form) -> Iterator[ConfigError]:
    """Yield an error for each port at the front door that can't be there, or not by that name."""
    seen: dict[str, Location] = {}
    for part, said in form.value["containers"].items():
        for at, port in enumerate(said.get("ports", [])):
            location: Location = ("containers", part, "ports", at)
            if "door" not in port:
                continue
            if "publish" in port:
                what = "a port is at the front door, or published otherwise"
                yield form.error((*location, "publish"), what, "Take publish or door away.")
            if port.get("protocol") == "udp":
                yield form.error((*location, "protocol"), "the front door leads to TCP alone")
            host = port["door"]["host"]
            if host in seen:
                what = f"{host} is wanted twice: {form.place(seen[host])} has it"
                yield form.error((*location, "door", "host"), what, "Name another one.")
            seen.setdefault(host, (*location, "door", "host"))
    if len(seen) > _MOST_NAMES:
        what = f"{len(seen)} names at the front door; allowed: at most {_MOST_NAMES}"
        yield form.error(("containers",), what)
