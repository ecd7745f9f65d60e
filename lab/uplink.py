"""How large a packet may be that leaves this machine."""

from __future__ import annotations

from pathlib import Path

USUAL_MTU = 1500
"""What engines give their networks unless told otherwise."""

_ROUTES = Path("/proc/net/route")
_INTERFACES = Path("/sys/class/net")
_EVERYWHERE = "00000000"


def mtu() -> int:
    """Return the MTU that the lab's network needs: the usual one, or the way out's if less.

    Where the answer that a packet was too large gets lost on its way back through several levels
    of networks, a larger one makes connections hang as soon as much is sent at once.
    """
    try:
        interface = default_interface(_ROUTES.read_text())
        return min(USUAL_MTU, int((_INTERFACES / interface / "mtu").read_text()))
    except (OSError, ValueError):
        return USUAL_MTU  # no way out, or not Linux: the engine's machine takes care of its own


def default_interface(routes: str) -> str:
    """Return the interface of the IPv4 default route with the least metric. Pure.

    Args:
        routes: what /proc/net/route holds (proc(5)).

    Raises:
        ValueError: when there is no default route.
    """
    rows = [line.split() for line in routes.splitlines()[1:]]
    found = [(int(r[6]), r[0]) for r in rows if r[1] == r[7] == _EVERYWHERE and int(r[3], 16) & 1]
    if not found:
        raise ValueError("no default route")
    return min(found, key=lambda route: route[0])[1]
