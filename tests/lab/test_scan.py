"""What answers on the nodes to a strange machine, to a notebook and to a node: what docs say."""

from __future__ import annotations

import shlex
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from tests.support.lab import NODES, host_docker, on, skp
from tests.support.scan import ADDRESSES, VIEWS, from_here, from_notebook, listening, table

METADATA = "169.254.169.254"
SSH = 22
SWARM = {2377, 7946}

WORD, NAME = "injected", "skp-lab-stranger"
LISTEN = f"""import socket
end = socket.socket(type=socket.SOCK_DGRAM)
end.bind(("", 9999))
end.settimeout(4)
print(end.recv(99).decode() == "{WORD}")"""


@contextmanager
def stranger() -> Iterator[None]:
    """A machine on the nodes' network that wraps packets as the overlay does, for the notebook."""
    asked = (
        "docker network inspect net-skp-users -f "
        "'{{index .Options \"com.docker.network.driver.overlay.vxlanid_list\"}}'; "
        'docker inspect jupyter-skp -f \'{{with index .NetworkSettings.Networks "net-skp-users"}}'
        "{{.IPAddress}} {{.MacAddress}}{{end}}'; "
        'docker network inspect docker_gwbridge -f "{{(index .Containers '
        '\\"$(docker inspect -f {{.Id}} jupyter-skp)\\").IPv4Address}}"'
    )
    vni, notebook, mac, outside = on("c01", asked).out.split()
    image = host_docker("inspect", "-f", "{{.Config.Image}}", "c01").out.strip()
    host_docker("rm", "-f", NAME)
    made = host_docker(
        "run", "-d", "--rm", "--name", NAME, "--network", "skp-lab", "--cap-add", "NET_ADMIN",
        "--entrypoint", "sleep", image, "300",
    )  # fmt: skip
    assert made.code == 0, made.all
    try:
        wrapped = host_docker(
            "exec", NAME, "sh", "-ec",
            f"ip link add vx type vxlan id {vni} remote {ADDRESSES['c01']} dstport 4789 dev eth0\n"
            "ip address add 10.91.7.7/20 dev vx; ip link set vx mtu 1300 up\n"
            f"ip neigh replace {notebook} lladdr {mac} dev vx nud permanent\n"
            f"echo {notebook} >/root/notebook\n"
            f"ip route add {outside.split('/')[0]} via {ADDRESSES['c01']}\n"
            f"echo {outside.split('/')[0]} >/root/outside",
        )  # fmt: skip
        assert wrapped.code == 0, wrapped.all
        yield
    finally:
        host_docker("rm", "-f", NAME)


def injected() -> bool:
    """Whether what the stranger sends arrives in the notebook's container."""
    listen = f"docker exec jupyter-skp python -c {shlex.quote(LISTEN)}"
    send = f"echo -n {WORD} >/dev/udp/$(cat /root/notebook)/9999"
    with ThreadPoolExecutor(1) as pool:
        heard = pool.submit(on, "c01", listen)
        while not heard.done():
            host_docker("exec", NAME, "bash", "-c", send)
    return heard.result().out == "True\n"


def routed() -> bool:
    """Whether the stranger, who has a route to it, reaches the notebook itself."""
    reach = 'timeout 3 bash -c "</dev/tcp/$(cat /root/outside)/8010"'
    return host_docker("exec", NAME, "bash", "-c", reach).code == 0


@dataclass(frozen=True)
class Seen:
    """Which of the ports of interest answered, by viewpoint and address; what a stranger could."""

    before: dict[tuple[str, str], set[int]]
    after: dict[tuple[str, str], set[int]]
    injected_before: bool
    injected_after: bool
    routed_before: bool
    routed_after: bool


@contextmanager
def metadata() -> Iterator[None]:
    """Have c02 answer at a cloud's metadata address, and c01 know the way."""
    made = [
        on("c02", f"sudo ip address add {METADATA}/32 dev lo"),
        on("c01", f"sudo ip route add {METADATA}/32 via {ADDRESSES['c02']}"),
    ]
    try:
        assert [ran.code for ran in made] == [0, 0]
        yield
    finally:
        on("c02", f"sudo ip address del {METADATA}/32 dev lo")
        on("c01", f"sudo ip route del {METADATA}/32")


def look() -> dict[tuple[str, str], set[int]]:
    """Try what the table names, and what listens, from everywhere."""
    every = sorted(set(table()).union(*(listening(node) for node in NODES)))
    gateway = "172.18.0.1"  # c01, as its containers see it
    found = {
        (view, address): ask(address, every)
        for view, ask in VIEWS.items()
        for address in ADDRESSES.values()
    }
    for address in (gateway, METADATA):
        found["container", address] = from_notebook(address, every)
    return found


@pytest.fixture(scope="module")
def seen(platform: None, request: pytest.FixtureRequest) -> Iterator[Seen]:
    """What answered without the firewall, and with it."""
    with metadata(), stranger():
        before, got, reached = look(), injected(), routed()
        request.getfixturevalue("guarded")
        yield Seen(before, look(), got, injected(), reached, routed())


def test_nothing_listens_that_the_table_does_not_name_nor_elsewhere(platform: None) -> None:
    for node in NODES:
        found = listening(node)
        assert set(found) <= set(table()), node
        own = {frozenset({ADDRESSES[node]}), frozenset({"127.0.0.1"})}
        assert {port for port, where in found.items() if where not in own} == {SSH}, found
        assert set(found) > SWARM
        told = listening(node, "u")
        assert set(told) == {7946, 4789}, node
        assert told[7946] == {ADDRESSES[node]}, node


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("node", NODES)
def test_what_answers_is_what_the_table_says(seen: Seen, view: str, node: str) -> None:
    wanted = {port for port in listening(node) if view in table()[port]}
    assert SSH in wanted or view == "container"
    assert seen.after[view, ADDRESSES[node]] == wanted


def test_all_other_ports_are_closed_to_a_stranger(seen: Seen) -> None:
    wanted = {port for port in listening("c01") if "stranger" in table()[port]}
    assert from_here(ADDRESSES["c01"], range(1, 65536)) == wanted


def test_all_other_ports_are_closed_to_a_notebook(seen: Seen) -> None:
    wanted = {port for port in listening("c01") if "container" in table()[port]}
    assert from_notebook(ADDRESSES["c01"], range(1, 65536)) == wanted


def test_without_the_firewall_they_would_have_answered(seen: Seen) -> None:
    for address in (*ADDRESSES.values(), "172.18.0.1", METADATA):
        assert SSH in seen.before["container", address], address
    for node in NODES:
        assert seen.before["stranger", ADDRESSES[node]] > SWARM
        assert seen.before["container", ADDRESSES[node]] > SWARM


def test_a_notebook_reaches_neither_its_node_by_another_name_nor_a_clouds_metadata(
    seen: Seen,
) -> None:
    assert seen.after["container", "172.18.0.1"] == set()
    assert seen.after["container", METADATA] == set()


def test_a_stranger_takes_no_part_in_the_overlay(seen: Seen) -> None:
    assert (seen.injected_before, seen.injected_after) == (True, False)


def test_a_stranger_with_a_route_to_containers_reaches_only_what_is_published(seen: Seen) -> None:
    assert (seen.routed_before, seen.routed_after) == (True, False)


def test_a_notebook_works_on_and_the_nodes_keep_their_swarm(seen: Seen) -> None:
    name = on("c01", "docker exec jupyter-skp getent hosts jupyter-skp")
    assert name.code == 0, name.all
    assert on("c01", "docker node ls --format '{{.Status}}'").out.split() == ["Ready"] * 3
    assert skp("host.firewall").out.startswith("Nothing to change")
    assert socket.create_connection((ADDRESSES["c01"], SSH), timeout=5).recv(3) == b"SSH"
