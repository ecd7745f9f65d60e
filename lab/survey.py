"""What is there before anything is changed, and what that means for `up`."""

from __future__ import annotations

import ipaddress
import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab import state, uplink
from lab.config import LABEL_NAME, SHARED, VERSION, LabConfig
from lab.engine import Found, objects, subnets
from lab.errors import LabError

if TYPE_CHECKING:
    from docker import DockerClient

STARTED = ("running", "exited", "paused", "restarting")
"""States of a container that was made whole; "created" is a rest of an interrupted `up`."""

DOCKER_BRIDGE = re.compile(r"br-[0-9a-f]{12}$")


@dataclass(frozen=True)
class Survey:
    """What of a lab exists.

    Attributes:
        engine: the engine's id.
        found: all objects on the engine that carry the lab's name.
        remembered: the state folder's content, None if it is missing or not whole.
        bridges: interfaces with the lab's address that no network of the engine owns.
        mtu: how large a packet of the lab may be to get out of this machine.
    """

    engine: str
    found: tuple[Found, ...]
    remembered: state.State | None
    bridges: tuple[str, ...] = ()
    mtu: int = uplink.USUAL_MTU

    @property
    def nodes(self) -> dict[str, Found]:
        """The node containers by name."""
        return {f.node: f for f in self.found if f.kind == "container" and f.node}

    def named(self, kind: str, name: str) -> Found | None:
        """Return the object of that kind and name."""
        return next((f for f in self.found if (f.kind, f.name) == (kind, name)), None)

    def runs(self, name: str) -> bool:
        """Whether the container of that name runs."""
        container = self.named("container", name)
        return container is not None and container.state == "running"


def survey(engine: DockerClient, config: LabConfig) -> Survey:
    """Look at the engine, this machine's interfaces and the state folder."""
    return Survey(
        engine=engine.info()["ID"],
        found=tuple(objects(engine, config)),
        remembered=state.read(config),
        bridges=tuple(_ownerless_bridges(engine, config)),
        mtu=uplink.mtu(),
    )


def reason_to_replace(found: Survey, config: LabConfig, specs: Mapping[str, str]) -> str:
    """Say why what exists can't be kept; empty when it can, or when nothing exists. Pure.

    Args:
        specs: the hash that each container would have if it were made now, by name.
    """
    return next(_reasons(found, config, specs), "")


def _reasons(found: Survey, config: LabConfig, specs: Mapping[str, str]) -> Iterator[str]:
    remembered = found.remembered
    if not found.found:
        if remembered is not None:
            gone = (
                "was on an engine that is gone" if remembered.engine != found.engine else "is gone"
            )
            yield f"the lab that {config.state} describes {gone}"
        return
    for item in found.found:
        if item.checkout != str(config.checkout):
            yield f"there is a lab of another checkout, {item.checkout}"
        if item.version != VERSION:
            yield f"there is a lab of version {item.version}; this is version {VERSION}"
    if not any(node.state in STARTED for node in found.nodes.values()):
        yield "there are the remains of a lab without nodes"
    if remembered is None or remembered.engine != found.engine:
        yield f"{config.state} does not hold the keys of the lab that is there"
    elif remembered.checkout != str(config.checkout):
        yield f"{config.state} was copied from {remembered.checkout}"
    elif config.engine not in ("", remembered.nodes):
        yield f"the lab's nodes have the {remembered.nodes} engine, and not the {config.engine} one"
    for name, node in found.nodes.items():
        if node.state in STARTED and node.spec != specs.get(name, node.spec):
            yield f"{name} was made from an older description of a node"
    yield from _reasons_of_shared(found, config)


def _reasons_of_shared(found: Survey, config: LabConfig) -> Iterator[str]:
    shared = [("volume", config.shared_volume(key)) for key in SHARED]
    for kind, name in [("network", config.name), *shared]:
        if found.named(kind, name) is None:
            yield f"the lab's {kind} {name} is gone"
    network = found.named("network", config.name)
    # A smaller one than needed does no harm: a VPN that comes and goes costs nobody a lab twice.
    if network is not None and (network.mtu or uplink.USUAL_MTU) > found.mtu:
        yield f"the lab's network has larger packets than get out of here (MTU {found.mtu})"


def refuse_foreign(engine: DockerClient, config: LabConfig, names: tuple[str, ...]) -> None:
    """Refuse to go on when something that is not the lab's is in the lab's place.

    Raises:
        LabError: names the first such object, and what to do; nothing was touched.
    """
    for conflict in (
        *_foreign_containers(engine, config, names),
        *_foreign_volumes(engine, config, names),
        *_foreign_networks(engine, config),
        *_foreign_interfaces(engine, config),
    ):
        raise LabError(conflict[0], conflict[1])


def _foreign_containers(
    engine: DockerClient, config: LabConfig, names: tuple[str, ...]
) -> Iterator[tuple[str, str]]:
    for item in engine.api.containers(all=True):
        own = {name.lstrip("/") for name in item["Names"]} & {*names, config.publisher}
        if own and item["Labels"].get(LABEL_NAME) != config.name:
            name = own.pop()
            yield (
                f"a container named {name} exists that is not the lab's; it was not touched",
                f"Rename it: docker rename {name} {name}-other   (or remove it)",
            )


def _foreign_volumes(
    engine: DockerClient, config: LabConfig, names: tuple[str, ...]
) -> Iterator[tuple[str, str]]:
    ours = {config.volume(name) for name in names} | {config.shared_volume(key) for key in SHARED}
    for item in engine.api.volumes()["Volumes"] or []:
        if item["Name"] in ours and (item["Labels"] or {}).get(LABEL_NAME) != config.name:
            yield (
                f"a volume named {item['Name']} exists that is not the lab's; it was not touched",
                f"If nothing needs it: docker volume rm {item['Name']}",
            )


def _foreign_networks(engine: DockerClient, config: LabConfig) -> Iterator[tuple[str, str]]:
    ours = ipaddress.IPv4Network(config.subnet)
    for item in engine.api.networks():
        if (item["Labels"] or {}).get(LABEL_NAME) == config.name:
            continue
        name = item["Name"]
        remove = f"If nothing needs it: docker network rm {name}"
        if name == config.name:
            yield f"a network named {name} exists that is not the lab's; it was not touched", remove
        for subnet in subnets(item):
            if subnet.overlaps(ours):
                what = f"the network {name} uses {subnet}, which overlaps the lab's {ours}"
                yield f"{what}; it was not touched", remove


def _foreign_interfaces(engine: DockerClient, config: LabConfig) -> Iterator[tuple[str, str]]:
    owned = {_bridge(item) for item in engine.api.networks()}
    for name, address in _interfaces(config):
        if name not in owned and not DOCKER_BRIDGE.match(name):
            yield (
                f"this machine's interface {name} has {address}, in the lab's {config.subnet}",
                "The lab can't run beside it on this machine.",
            )


def _ownerless_bridges(engine: DockerClient, config: LabConfig) -> Iterator[str]:
    """An engine whose data was thrown away leaves its bridges behind, with their addresses."""
    owned = {_bridge(item) for item in engine.api.networks()}
    for name, _ in _interfaces(config):
        if DOCKER_BRIDGE.match(name) and name not in owned:
            yield name


def _bridge(network: Mapping[str, object]) -> str:
    options = network.get("Options") or {}
    assert isinstance(options, dict)
    chosen = options.get("com.docker.network.bridge.name")
    return str(chosen or f"br-{str(network['Id'])[:12]}")


def _interfaces(config: LabConfig) -> Iterator[tuple[str, str]]:
    """This machine's interfaces with an address in the lab's network."""
    if not shutil.which("ip"):
        return  # not Linux: the engine is in a virtual machine whose interfaces can't be seen
    shown = subprocess.run(
        ["ip", "-json", "-4", "address", "show"],
        check=True,
        capture_output=True,
        timeout=10,
    )
    for link in json.loads(shown.stdout):
        for info in link.get("addr_info", []):
            if ipaddress.IPv4Address(info["local"]) in ipaddress.IPv4Network(config.subnet):
                yield str(link["ifname"]), str(info["local"])
