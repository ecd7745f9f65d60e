"""The process dies at the worst moment: the next apply converges, nothing half-made stays."""

from __future__ import annotations

from collections.abc import Callable

from tests.support.dying import MOST, dying, nothing_half_made_is_left
from tests.support.lab import FORGOTTEN, NODES, admit, on, skp

Settings = Callable[..., dict[str, str]]


def test_killed_after_each_step_of_a_bring_up(changed: None) -> None:
    for node in NODES:
        on(node, "docker swarm leave --force; docker rm -fv $(docker ps -aq)")
        on(node, "sudo rm -rf /var/lib/skp")
    died = 0
    for _ in range(MOST):
        ran = dying("steps", 1, "docker.apply")
        if ran.code == 0:
            break
        if FORGOTTEN in ran.out:
            admit()
        else:
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
