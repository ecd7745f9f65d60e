"""The process dies at the worst moment: the next apply converges, nothing half-made stays."""

from __future__ import annotations

import signal
from collections.abc import Callable

from tests.lab.conftest import NODES, Ran, on, run, skp

Settings = Callable[..., dict[str, str]]
MOST = 60  # changes of one command; more would be an endless loop


def dying(what: str, number: int, *words: str, env: dict[str, str] | None = None) -> Ran:
    """Run a command that is killed after its nth change; its code is 0 if it got through."""
    ran = run(".venv/bin/python", "tests/lab/killer.py", what, str(number), *words, env=env)
    assert ran.code in (0, -signal.SIGKILL), ran.all
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


def test_killed_after_each_step_of_a_bring_up(changed: None) -> None:
    for node in NODES:
        on(node, "docker swarm leave --force; docker rm -fv $(docker ps -aq)")
        on(node, "sudo rm -rf /var/lib/skp")
    died = 0
    for _ in range(MOST):
        ran = dying("steps", 1, "docker.apply")
        if ran.code == 0:
            break
        died += 1
    assert died >= 8, "Swarm, members, labels, network, secrets, registries, Jupyter"
    assert skp("docker.status").code == 0
    again = skp("docker.apply")
    assert "Nothing to change" in again.out, again.all
    nothing_half_made_is_left()


def test_the_audit_trail_tells_of_a_command_that_died(changed: None, settings: Settings) -> None:
    dying("steps", 1, "docker.apply", env=settings(JUPYTER_MEMORY="777m"))
    healed = skp("docker.apply")
    assert healed.code == 0, healed.all
    assert "the lock was taken over from a command that died" in healed.err
    *_, died, begun, ended = skp("docker.audit", "--json").json
    assert (died["event"], begun["event"], ended["event"]) == ("begin", "begin", "end")
    assert f"process {died['process']}" in begun["after"]
    assert [(s["action"], s["name"]) for s in ended["steps"]] == [("replace", "jupyter-skp")]
