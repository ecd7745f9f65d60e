"""The address of the front door that moves: keepalived beside each door. Decision 116."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from dataclasses import replace

from cluster.config.inventory import Host
from cluster.errors import ConfigError
from cluster.model.cluster import Cluster
from cluster.model.listeners import ALL, ALL_IPV4, bind_address
from cluster.model.spec import (
    HOST,
    ROOT,
    SECRETS_TARGET,
    ConfigFile,
    Container,
    Image,
    Mount,
    Port,
    Probe,
)
from services.common import name_on
from services.doors import GATEWAY

KEY = "GATEWAY_ADDRESS"
_MEMORY = 64 << 20  # bytes; it has 8 MB when idle
# Where an engine may let a door listen on an address that is another node's for now.
_NONLOCAL = "/proc/sys/net/ipv4/ip_nonlocal_bind"
_ROUTER = 90  # the group's number; members know each other by address, so others may have it too
_FIRST = 150  # the first node's priority; each further one has a lower one
# keepalived.org/manpage.html names the words. The address stays where it is when its first node
# comes back: a second change would cost a second interruption. INTERFACE is put in at the start.
_CONFIGURATION = """global_defs {{
  enable_script_security
  script_user root
  vrrp_garp_master_refresh 60
}}
vrrp_script door {{
  script "/opt/skp/bin/door-answers {own} {port}"
  interval 2
  timeout 3
  fall 2
  rise 1
}}
vrrp_instance door {{
  state BACKUP
  nopreempt
  interface INTERFACE
  virtual_router_id {router}
  priority {priority}
  advert_int 1
  unicast_src_ip {own}
  unicast_peer {{
{peers}  }}
  virtual_ipaddress {{
    {address}/32 dev INTERFACE
  }}
  track_script {{
    door
  }}
}}
"""


def address(cluster: Cluster) -> str:
    """Return the address of the doors that moves, or "".

    Raises:
        ConfigError: it is a node's own, or none that a node can have.
    """
    given = cluster.settings.text(KEY)
    if not given:
        return ""
    parsed, place = ipaddress.IPv4Address(given), f"{cluster.settings.place(KEY)}: {KEY}"
    owner = [host.name for host in cluster.inventory.hosts if host.ipv4 == given]
    if owner:
        what = f"{place}: {given} is {owner[0]}'s own address"
        raise ConfigError(what, "Name one of the nodes' network that no machine has.")
    if parsed.is_unspecified or parsed.is_loopback or parsed.is_multicast or parsed.is_link_local:
        what = f"{place}: {given} is not an address that can move between nodes"
        raise ConfigError(what, "Name one of the nodes' network that no machine has.")
    return given


def at_both(cluster: Cluster, host: Host, ports: Sequence[Port]) -> tuple[Port, ...]:
    """Return the door's ports at its node's address and at the one that moves, if there is one."""
    given = address(cluster)
    own = bind_address(cluster, host.name)
    if not given or own in (ALL, ALL_IPV4):  # (Those have it too, while it is there.)
        return tuple(ports)
    return (*ports, *(replace(port, address=given) for port in ports))


def keepers(
    cluster: Cluster, hosts: Sequence[Host], image: Image, port: int
) -> Iterator[Container]:
    """Yield a container for each door, which has the address where a door answers.

    Args:
        hosts: the doors' nodes. image: has keepalived. port: one of the doors'.
    """
    given = address(cluster)
    if not given:
        return
    for index, host in enumerate(hosts):
        peers = [other.ipv4 for other in hosts if other != host]
        text = _CONFIGURATION.format(
            own=host.ipv4,
            port=port,
            router=_ROUTER,
            priority=_FIRST - index,
            peers="".join(f"    {peer}\n" for peer in peers),
            address=given,
        )
        yield Container(
            node=host.name,
            name=name_on(host, index, f"{cluster.settings.text('GATEWAY_NAME')}-address"),
            service=GATEWAY,
            image=image,
            entrypoint=("address-skp", host.ipv4),
            files=(ConfigFile("keepalived.conf", text),),
            mounts=(Mount(_NONLOCAL, f"{SECRETS_TARGET}-nonlocal"),),
            network=HOST,
            user=ROOT,
            # (SETGID: it drops groups for the program that asks the door.)
            capabilities=("NET_ADMIN", "NET_RAW", "SETGID"),
            memory=_MEMORY,
            pids=64,
            read_only=True,
            scratch=("/run/keepalived", "/tmp"),  # noqa: S108 - the container's own
            probe=Probe(("address-health",), timeout=6),
            stop_timeout=15,
            rolling_order=index + 1,
        )
