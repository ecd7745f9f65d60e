"""What answers on the nodes to a strange machine, a notebook and a node; what docs say of it."""

from __future__ import annotations

import inspect
import re

from tests.support.lab import NODES, ROOT, on

ADDRESSES = {name: f"10.99.0.{11 + number}" for number, name in enumerate(NODES)}
# Who may reach a port, in the table's words.
MAY = {
    "everybody": {"stranger", "container", "node"},
    "all but containers": {"stranger", "node"},
    "nodes": {"node"},
    "nobody else": set[str](),
}


def table() -> dict[int, set[str]]:
    """Return who may reach each TCP port, as docs/security.md says."""
    text = (ROOT / "docs" / "security.md").read_text().partition("## What listens")[2]
    rows = re.findall(r"^\| ([0-9][0-9, /a-z]*) \| [^|]+ \| ([^|]+) \|", text, re.MULTILINE)
    return {
        int(port): MAY[may]
        for ports, may in rows
        for port in ports.split(", ")
        if not port.endswith("/udp")
    }


def listening(node: str, kind: str = "t") -> dict[int, set[str]]:
    """Return the TCP (or "u": UDP) ports that a node's programs listen on, with the addresses."""
    found: dict[int, set[str]] = {}
    for line in on(node, f"sudo ss -Hl{kind}n").out.splitlines():
        address, _, port = line.split()[3].rpartition(":")
        if address != "127.0.0.11":  # names, for a node that is itself a container
            found.setdefault(int(port), set()).add(address)
    return found


def scan(address: str, ports: list[int] | range) -> list[int]:
    """Return those of `ports` that take a connection; of strangers and containers alike."""
    import socket

    def takes(port: int) -> bool:
        with socket.socket() as end:
            end.settimeout(1)
            return end.connect_ex((address, port)) == 0

    return [port for port in ports if takes(port)]


def from_here(address: str, ports: list[int] | range) -> set[int]:
    """Scan from this machine, which is on the nodes' network and no node."""
    return set(scan(address, ports))


def from_notebook(address: str, ports: list[int] | range) -> set[int]:
    """Scan from the notebook server's container on c01."""
    program = f"{inspect.getsource(scan)}\nprint(*scan({address!r}, [*{ports!r}]))"
    ran = on("c01", f"docker exec -i jupyter-skp python - <<'E'\n{program}\nE\n")
    assert ran.code == 0, ran.all
    return {int(port) for port in ran.out.split()}


def from_node(address: str, ports: list[int] | range) -> set[int]:
    """Scan from c03."""
    tried = [f"timeout 2 bash -c '</dev/tcp/{address}/{port}' && echo {port}" for port in ports]
    return {int(port) for port in on("c03", "\n".join([*tried, "true"])).out.split()}


VIEWS = {"stranger": from_here, "container": from_notebook, "node": from_node}
