"""The operation that makes the overlay network."""

from __future__ import annotations

from dataclasses import dataclass

from docker.types import IPAMConfig, IPAMPool

from cluster.connectors.node import Node
from cluster.errors import NodeError
from cluster.model.item import Action, Kind
from cluster.model.state import OPTION_ENCRYPTED
from cluster.operations.base import Context, Operation

# The engine's option is the MTU of the network below the overlay; VXLAN takes 50 bytes of it, and
# encryption another 26 and the rest to a multiple of 4 (moby, drivers/overlay, maxMTU).
_MTU, _VXLAN, _SECRECY = "com.docker.network.driver.mtu", 50, 26


@dataclass(frozen=True)
class CreateNetwork(Operation):
    """Make the attachable overlay network that services talk over.

    Attributes:
        subnet: in CIDR notation; "" for the engine's choice.
        mtu: the MTU that containers see, in bytes; 0 for the largest that all nodes allow.
        encrypted: whether packets between nodes are (IPsec, by the nodes' kernels).
    """

    node: str
    name: str
    subnet: str
    mtu: int
    encrypted: bool = False
    kind, action = Kind.NETWORK, Action.CREATE

    def execute(self, context: Context) -> str:
        """Make it, and return its addresses and MTU."""
        underlay = self._underlay(context)
        seen = self.mtu or underlay - self._taken
        seen -= seen % 4 if self.encrypted else 0
        pools = [IPAMPool(subnet=self.subnet)] if self.subnet else []
        with self.node_in(context).talking(f"making the network {self.name}") as engine:
            engine.create_network(
                self.name,
                driver="overlay",
                attachable=True,
                ipam=IPAMConfig(pool_configs=pools),
                options={_MTU: str(underlay), **({OPTION_ENCRYPTED: ""} if self.encrypted else {})},
                labels={"skp": "network"},
            )
        return f"{self.subnet}, MTU {seen}{', encrypted' if self.encrypted else ''}"

    @property
    def _taken(self) -> int:
        return _VXLAN + (_SECRECY if self.encrypted else 0)

    def _underlay(self, context: Context) -> int:
        """Return the MTU below the overlay: the least of the nodes' interfaces, or as `mtu` says.

        The engine's default assumes 1500; where the nodes' network has less, large packets between
        containers would be lost silently (decision 36).
        """
        if self.mtu:
            return self.mtu + self._taken
        found = context.fleet.each(_mtu)
        return min(found.values.values(), default=1500)


def _mtu(node: Node) -> int:
    command = (
        f"cat /sys/class/net/$(ip -o -4 address show to {node.host.ipv4} "
        "| awk '{print $2; exit}')/mtu"
    )
    done = node.run(command)
    if done.exit_code != 0 or not done.text.isdigit():
        raise NodeError(node.name, f"no interface has {node.host.ipv4}: {done.complaint()}")
    return int(done.text)
