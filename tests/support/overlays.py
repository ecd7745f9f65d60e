"""What a container reaches over the overlay networks of the practice cluster."""

from __future__ import annotations

import shlex

from tests.support.lab import Ran, on

NOTEBOOK = "jupyter-skp"
# Whatever a server says first, or answers to `srvr`.
_ASK = "timeout 10 bash -c 'exec 3<>/dev/tcp/{place}/{port} && printf srvr >&3 && head -c 20 <&3'"


def address(container: str, network: str) -> str:
    """Return the address of a container of c01 on a network."""
    template = f'{{{{(index .NetworkSettings.Networks "{network}").IPAddress}}}}'
    return on("c01", f"docker inspect {container} -f '{template}'").out.strip()


def from_notebook(place: str, port: int) -> Ran:
    """Speak to a server as users' code does."""
    return on("c01", f"docker exec {NOTEBOOK} {_ASK.format(place=place, port=port)}")


def from_network(network: str, place: str, port: int) -> Ran:
    """Speak to a server with a notebook's means from c02, on a network of one's choice."""
    image = on("c01", f"docker inspect {NOTEBOOK} -f '{{{{.Config.Image}}}}'").out.strip()
    ask = shlex.quote(_ASK.format(place=place, port=port))
    return on("c02", f"docker run --rm --network {network} --entrypoint bash {image} -c {ask}")
