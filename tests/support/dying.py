"""Commands that are killed in the middle, and what may be left of them."""

from __future__ import annotations

import signal

from tests.support.lab import FORGOTTEN, NODES, Ran, on, run

MOST = 60  # changes of one command; more would be an endless loop


def dying(what: str, number: int, *words: str, env: dict[str, str] | None = None) -> Ran:
    """Run a command that is killed after its nth change; its code is 0 if it got through.

    It is 1 when all is done but what waits for an image whose digest ended with the Swarm.
    """
    ran = run(".venv/bin/python", "tests/support/killer.py", what, str(number), *words, env=env)
    assert ran.code in (0, -signal.SIGKILL) or FORGOTTEN in ran.out, ran.all
    return ran


def nothing_half_made_is_left() -> None:
    for node in NODES:
        listed = on(node, "docker ps -a --format '{{.Names}} {{.State}}'").out.splitlines()
        assert all(line.endswith(" running") for line in listed), listed
        names = sorted(line.split()[0] for line in listed)
        wanted = ["jupyter-skp", "registry-skp"] if node == "c01" else ["registry-skp"]
        assert names == wanted
        assert sorted(on(node, "sudo ls /var/lib/skp/files").out.split()) == wanted
        left = on(node, "sudo find /var/lib/skp /home/skp/skp/volume/etc -name '*.new' | cat")
        assert left.out == ""
    states = on("c01", "docker node ls --format '{{.Hostname}} {{.Status}}'").out.split("\n")
    assert sorted(filter(None, states)) == [f"{node} Ready" for node in NODES]
