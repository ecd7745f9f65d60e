"""Which interface leads out of a machine."""

from __future__ import annotations

import pytest

from lab.uplink import USUAL_MTU, default_interface, mtu

HEAD = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT"
ETHERNET = "eth0\t00000000\t010200C0\t0003\t0\t0\t100\t00000000\t0\t0\t0"
VPN = "tun0\t00000000\t00000000\t0001\t0\t0\t50\t00000000\t0\t0\t0"
HALF_VPN = "tun1\t00000000\t00000000\t0001\t0\t0\t0\t00000080\t0\t0\t0"
DOWN = "wlan0\t00000000\t010200C0\t0002\t0\t0\t0\t00000000\t0\t0\t0"
NEAR = "br0\t0000630A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0"


def table(*rows: str) -> str:
    return "".join(f"{row}   \n" for row in (HEAD, *rows))


@pytest.mark.parametrize(
    ("rows", "interface"),
    [
        ((NEAR, ETHERNET), "eth0"),
        ((ETHERNET, VPN), "tun0"),
        ((DOWN, HALF_VPN, ETHERNET), "eth0"),
    ],
)
def test_the_default_route_with_the_least_metric_counts(
    rows: tuple[str, ...], interface: str
) -> None:
    assert default_interface(table(*rows)) == interface


def test_no_default_route_is_an_error() -> None:
    with pytest.raises(ValueError, match="no default route"):
        default_interface(table(NEAR))


def test_no_machine_gets_more_than_the_usual_mtu() -> None:
    assert 68 <= mtu() <= USUAL_MTU
