"""A deployment from the form that a file was brought into. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workloads import texts
from workloads.check import check
from workloads.form import Form
from workloads.model import (
    Deployment,
    Health,
    Order,
    Part,
    Port,
    Publish,
    Resources,
    Volume,
    VolumeKind,
    Way,
)


def deployment(form: Form) -> Deployment:
    """Return the deployment that a form says.

    Raises:
        ConfigErrors: with everything that is wrong, each with its place in the file.
    """
    check(form)
    value, update = form.value, form.value.get("update", {})
    return Deployment(
        name=value["name"],
        parts=tuple(_part(name, said) for name, said in value["containers"].items()),
        project=value.get("project", ""),
        replicas=value.get("replicas", 1),
        shm=_size(value.get("shm")),
        node=value.get("node", ""),
        placement=texts.labels(value.get("placement", "")),
        volumes={name: _volume(name, said) for name, said in value.get("volumes", {}).items()},
        stop_time=value.get("stop-time", 10),
        order=Order(update.get("order", "auto")),
        monitor=update.get("monitor", 10),
        drain=update.get("drain", 30),
    )


def _size(text: str | None) -> int:
    return texts.size(text) if text else 0


def _volume(name: str, said: Mapping[str, Any]) -> Volume:
    kind = VolumeKind(said["kind"])
    return Volume(name, kind, _size(said.get("size")), said.get("path", ""))


def _part(name: str, said: Mapping[str, Any]) -> Part:
    wanted = said.get("resources", {})
    return Part(
        name=name,
        image=said["image"],
        command=tuple(said.get("command", ())),
        args=tuple(said.get("args", ())),
        workdir=said.get("workdir", ""),
        env=dict(said.get("env", {})),
        secrets=tuple(said.get("secrets", ())),
        ports=_ports(said),
        resources=Resources(
            float(wanted.get("cpus", 0)),
            _size(wanted.get("memory")),
            wanted.get("gpus", 0),
            wanted.get("gpu-type", ""),
        ),
        volumes=dict(said.get("volumes", {})),
        health=_health(said["health"]) if "health" in said else None,
        as_root=said.get("class") == "root",
        accounts=said.get("accounts", False),
    )


def _ports(part: Mapping[str, Any]) -> tuple[Port, ...]:
    """Return a container's ports; its "host" is the name of the first one that has no other."""
    host, found = part.get("host", ""), list[Port]()
    for said in part.get("ports", ()):
        door = said.get("door")
        if door is None and host and said.get("publish", "auto") == "auto":
            door = {"host": host}
        host = "" if door and door["host"] == host else host
        found.append(_port(said, door))
    return tuple(found)


def _port(said: Mapping[str, Any], door: Mapping[str, Any] | None) -> Port:
    protocol = said.get("protocol", "tcp")
    if door is not None:
        size, timeout = _size(door.get("upload")), door.get("timeout", 0)
        way = Way(door["host"], door.get("login", True), size, timeout)
        return Port(said["port"], Publish.DOOR, protocol, way)
    publish = said.get("publish", "auto")
    how = Publish(publish) if isinstance(publish, str) else publish
    return Port(said["port"], how, protocol)


def _health(said: Mapping[str, Any]) -> Health:
    return Health(**{**said, "command": tuple(said.get("command", ()))})
