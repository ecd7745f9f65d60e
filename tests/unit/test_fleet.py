"""Fanning out to nodes; the one node here is this machine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
NESTED = """
from pathlib import Path
from cluster.deadlines import Deadlines
from cluster.connectors.fleet import Fleet
from cluster.config.inventory import Host
from cluster.config.settings import Settings

host = Host("here", "127.0.0.1", (), frozenset({"master", "manager"}))
with Fleet([host], Settings(Path("env.sh"), {"SKP_LOCAL": True}, {}), Deadlines()) as fleet:
    found = fleet.each(lambda node: fleet.each(lambda node: node.run("echo hello").text))
print(found.values["here"].values["here"])
"""


def test_a_node_of_one_may_ask_all_nodes_while_it_is_asked() -> None:
    done = subprocess.run(
        [sys.executable, "-c", NESTED],
        capture_output=True, text=True, timeout=20, cwd=ROOT, check=False,
    )  # fmt: skip
    assert done.stdout == "hello\n", done.stderr
