"""Placeholders: services that reserve on each node what deployments can't have there.

Swarm counts a node's whole cores, memory and GPUs, and knows nothing of plain containers. What
these hold is reserved by a service that does nothing, so that nothing is promised twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cluster.config.secrets import Secret
from cluster.errors import SkpError
from cluster.facts.registry import Registry
from cluster.model.spec import REGISTRY, Image
from workloads.naming import held_by, marked_as_holding, name_of_placeholder
from workloads.needs import GPU, Needs
from workloads.places import Place
from workloads.platform import ALL, Platform
from workloads.store import Store

if TYPE_CHECKING:
    from cluster.connectors.node import Node

_IMAGE = Image("skp/placeholder")
_SECOND = 10**9  # nanoseconds
_LIMITS = {"NanoCPUs": _SECOND // 20, "MemoryBytes": 16 << 20, "Pids": 16}
_SLEEP = ("busybox", "sleep", "2147483647")


def amounts(platform: Platform, where: Mapping[str, Place]) -> dict[str, Needs]:
    """Return, by node, what is held there: no more than the node has."""
    found: dict[str, Needs] = {}
    for name, place in where.items():
        held, has = platform.held.get(name, Needs()), place.has
        gpus = has.gpus if held.gpus == ALL else min(held.gpus, has.gpus)
        needs = Needs(min(held.cpus, has.cpus), min(held.memory, has.memory), gpus)
        if needs != Needs():
            found[name] = needs
    return found


def spec(place: Place, held: Needs, image: str, key: Secret) -> dict[str, Any]:
    """Return the specification of a node's placeholder (Engine API 1.44, ServiceCreate).

    Args:
        image: by its digest in the cluster's registry. key: the cluster's, for marks.
    """
    reserved: dict[str, Any] = {
        "NanoCPUs": int(held.cpus * _SECOND),
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


def bring_up_to_date(
    store: Store, master: Node, platform: Platform, where: Mapping[str, Place], key: Secret
) -> dict[str, Needs]:
    """Have every node's placeholder reserve what is held there; return that, by node.

    Args:
        where: the Swarm's nodes. key: the cluster's, for marks.

    Raises:
        NodeError: the Swarm or the master does not do it.
    """
    held = amounts(platform, where)
    there = {held_by(found["Spec"]["Labels"], key): found for found in store.holding()}
    for place in where.values():
        found, needs = there.pop(place.id, None), held.get(place.name)
        if needs is None:
            if found:
                store.remove_holding(found)
            continue
        if found and _reserves(found["Spec"], needs):
            continue
        store.put_holding(spec(place, needs, _image(master, platform.image), key), found)
    for found in there.values():  # of nodes that are not in the Swarm any more
        store.remove_holding(found)
    return held


def _reserves(said: Mapping[str, Any], needs: Needs) -> bool:
    from workloads.phases import needed

    return needed(said["TaskTemplate"]) == needs


def _image(master: Node, reference: str) -> str:
    """Return the image by its digest in the cluster's registry, which gets it where it lacks it."""
    registry = Registry(master)
    found = registry.identify([_IMAGE])
    if not found:
        own = _IMAGE.reference
        done = master.run(
            f"docker tag {reference} {own} && docker push -q {own} && docker rmi {own}",
            deadline=master.deadlines.transfer,
        )
        found = registry.identify([_IMAGE]) if done.exit_code == 0 else {}
        if not found:
            raise SkpError(f"{own}: it can't be pushed: {done.complaint()}", "docker.registry-run")
    return f"{REGISTRY}/{_IMAGE.repository}@{found[_IMAGE]}"
