"""Placeholders: services that reserve on each node what deployments can't have there.

Swarm counts a node's whole cores, memory and GPUs, and knows nothing of plain containers. What
these hold is reserved by a service that does nothing, so that nothing is promised twice.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import docker.errors

from cluster.config.secrets import Secret
from cluster.connectors.engine import Engine, is_conflict
from cluster.connectors.managers import Managers
from cluster.errors import SkpError
from cluster.facts.registry import Registry
from cluster.model.spec import REGISTRY, Image
from workloads.naming import held_by, marked_as_holding, name_of_placeholder
from workloads.needs import GPU, Needs, needed
from workloads.places import Place
from workloads.platform import ALL, Platform

if TYPE_CHECKING:
    from cluster.connectors.node import Node

_IMAGE = Image("skp/placeholder")
_SECOND = 10**9  # nanoseconds
_LEAST_MEMORY = 4 << 20  # bytes, which a service has to reserve, or none (swarmkit)
_LIMITS = {"NanoCPUs": _SECOND // 20, "MemoryBytes": 16 << 20, "Pids": 16}
_SLEEP = ("busybox", "sleep", "2147483647")


def amounts(platform: Platform, where: Mapping[str, Place]) -> dict[str, Needs]:
    """Return, by node, what is held there: no more than the node has.

    Cores are such as the Swarm can say, so that what it has is compared with nothing finer; and
    memory is as much as it takes.
    """
    found: dict[str, Needs] = {}
    for name, place in where.items():
        held, has = platform.held.get(name, Needs()), place.has
        gpus = has.gpus if held.gpus == ALL else min(held.gpus, has.gpus)
        memory = held.memory and max(held.memory, _LEAST_MEMORY)
        needs = Needs(min(round(held.cpus, 9), has.cpus), min(memory, has.memory), gpus)
        if needs != Needs():
            found[name] = needs
    return found


def spec(place: Place, held: Needs, image: str, key: Secret) -> dict[str, Any]:
    """Return the specification of a node's placeholder (Engine API 1.44, ServiceCreate).

    Args:
        image: by its digest in the cluster's registry. key: the cluster's, for marks.
    """
    reserved: dict[str, Any] = {
        "NanoCPUs": round(held.cpus * _SECOND),
        "MemoryBytes": held.memory,
    }
    if held.gpus:
        one = {"DiscreteResourceSpec": {"Kind": GPU, "Value": held.gpus}}
        reserved["GenericResources"] = [one]
    return {
        "Name": name_of_placeholder(place.id),
        "Labels": marked_as_holding(place.id, key),
        "TaskTemplate": {
            "ContainerSpec": {
                "Image": image,
                "Command": list(_SLEEP),
                "User": "65534:65534",
                "Init": True,
                "ReadOnly": True,
                "Env": ["NVIDIA_VISIBLE_DEVICES=void"],
                "StopGracePeriod": _SECOND,
                "Privileges": {"NoNewPrivileges": True},
                "CapabilityDrop": ["ALL"],
            },
            "Resources": {"Limits": _LIMITS, "Reservations": reserved},
            "Placement": {"Constraints": [f"node.id=={place.id}"]},
            "RestartPolicy": {"Condition": "any", "Delay": 5 * _SECOND},
        },
        "Mode": {"Replicated": {"Replicas": 1}},
        "UpdateConfig": {"Parallelism": 1, "Order": "stop-first", "FailureAction": "continue"},
        "EndpointSpec": {"Mode": "dnsrr"},
    }


class Placeholders:
    """The placeholders of a Swarm."""

    def __init__(self, managers: Managers, key: Secret) -> None:
        """Use these managers; `key` tells our placeholders from others' services."""
        self._managers, self._key = managers, key

    def there(self) -> dict[str, Mapping[str, Any]]:
        """Return those that are there by their nodes' ids, as the engine tells them."""

        def read(engine: Engine) -> list[Mapping[str, Any]]:
            found: list[Mapping[str, Any]] = engine.of_swarm("GET", "/services")
            return found

        said = {held_by(each["Spec"].get("Labels") or {}, self._key): each
                for each in self._managers.ask(read)}  # fmt: skip
        return {node: each for node, each in said.items() if node}

    def bring_up_to_date(
        self,
        platform: Platform,
        where: Mapping[str, Place],
        before: Mapping[str, Mapping[str, Any]],
        image: Callable[[], str],
    ) -> dict[str, Needs]:
        """Have every node's placeholder reserve what is held there; return that, by node.

        Args:
            where: the Swarm's nodes. before: those that are there, as `there` returns them.
            image: returns what a placeholder runs, by its digest.

        Raises:
            NodeError, SkpError: the Swarm does not do it.
        """
        held, there = amounts(platform, where), dict(before)
        for place in where.values():
            found, needs = there.pop(place.id, None), held.get(place.name)
            if needs is None:
                if found:
                    self._remove(found)
            elif found is None or needed(found["Spec"]["TaskTemplate"]) != needs:
                self._put(spec(place, needs, image(), self._key), found)
        for found in there.values():  # of nodes that are not in the Swarm any more
            self._remove(found)
        return held

    def _put(self, wanted: Mapping[str, Any], found: Mapping[str, Any] | None) -> None:
        """Make or change a placeholder; where another command does so too, its word counts.

        Raises:
            SkpError: what has its name is none, so that nothing would be reserved.
        """
        path = f"/services/{found['ID']}/update" if found else "/services/create"
        params = {"version": str(found["Version"]["Index"])} if found else {}

        def put(engine: Engine) -> bool:
            try:
                engine.of_swarm("POST", path, wanted, **params)
            except docker.errors.APIError as error:
                if not is_conflict(error):
                    raise
                return False
            return True

        name = wanted["Name"]
        done = self._managers.ask(put, f"reserving what is held ({name})")
        if not (done or found or name in {each["Spec"]["Name"] for each in self.there().values()}):
            what = f"{name}: there is a service of that name that this cluster's SKP did not make"
            raise SkpError(what, f"On a manager: docker service rm {name}")

    def _remove(self, found: Mapping[str, Any]) -> None:
        def remove(engine: Engine) -> None:
            with suppress(docker.errors.NotFound):
                engine.of_swarm("DELETE", f"/services/{found['ID']}")

        self._managers.ask(remove, f"removing {found['Spec']['Name']}")


def image_of(master: Node, reference: str) -> str:
    """Return what placeholders run, by its digest in the cluster's registry.

    Args:
        reference: what the master's engine has, with busybox in it; it is pushed where the
            registry lacks it.

    Raises:
        SkpError: it can't be pushed.
    """
    registry = Registry(master)
    found = registry.identify([_IMAGE])
    if not found:
        own, from_ = shlex.quote(_IMAGE.reference), shlex.quote(reference)
        # (The tag stays: another command may push it now, too.)
        done = master.run(
            f"docker tag {from_} {own} && docker push -q {own}",
            deadline=master.deadlines.transfer,
        )
        # (Another command may have pushed it meanwhile.)
        found = registry.identify([_IMAGE])
        if not found:
            what = f"{_IMAGE.reference}: it can't be pushed: {done.complaint()}"
            raise SkpError(what, "./skp.py docker.registry-run")
    return f"{REGISTRY}/{_IMAGE.repository}@{found[_IMAGE]}"
