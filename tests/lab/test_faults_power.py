"""Power: nodes that go off at any moment, come back in any order, or come back as new machines."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable

import pytest

from tests.support.lab import ROOT, Ran, container_ids, host_docker, on, skp
from tests.support.power import check_heals, leave_the_swarm, reinstall, remove_registries

Switch = Callable[[str], None]


def skp_until(line: str, act: Callable[[], object], *words: str) -> Ran:
    """Run a command, and `act` the moment that it says `line`."""
    process = subprocess.Popen(
        ["./skp.py", *words], cwd=ROOT, text=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    out: list[str] = []
    reader = threading.Thread(target=lambda: out.append(process.stdout.read()))  # type: ignore[union-attr]
    reader.start()
    err = []
    for said_now in process.stderr:
        err.append(said_now)
        if said_now.strip() == line:
            act()
    reader.join(60)
    assert f"  {line}\n" in err, "the moment never came"
    return Ran(process.wait(60), "".join(out), "".join(err))


CASES = {
    "docker.swarm-join": (leave_the_swarm, "c03: join manager"),
    "docker.registry-run": (remove_registries, "c03: create registry-skp"),
    "docker.apply": (remove_registries, "c03: create registry-skp"),
}


def test_a_node_off_before_a_command_is_named_and_the_others_are_served(
    changed: None, powered: Switch
) -> None:
    leave_the_swarm()
    remove_registries()
    powered("c03")
    for command in CASES:
        ran = skp(command)
        assert ran.code == 1, ran.all
        assert "! c03: " in ran.out
        served = "registry-skp" in container_ids(("c02",))["c02"]
        assert served == (command != "docker.swarm-join")
    check_heals()


@pytest.mark.parametrize("command", CASES)
def test_a_node_that_goes_off_during_a_command_is_named_and_the_others_are_served(
    changed: None, powered: Switch, command: str
) -> None:
    prepare, moment = CASES[command]
    prepare()
    ran = skp_until(moment, lambda: powered("c03"), command)
    assert ran.code == 1, ran.all
    assert "! c03" in ran.out or "- c03" in ran.out
    assert "registry-skp" in container_ids(("c02",))["c02"]
    check_heals()


def managers_refuse_c03(change: str) -> None:
    """Have the other managers refuse c03's packets to the Swarm's port (-I), or no more (-D)."""
    rule = "INPUT -s 10.99.0.13 -p tcp --dport 2377 -j REJECT --reject-with tcp-reset"
    for node in ("c01", "c02"):
        assert host_docker("exec", node, "iptables", change, *rule.split()).code == 0


def test_a_member_that_finds_its_managers_late_is_waited_for(changed: None) -> None:
    managers_refuse_c03("-I")
    try:
        assert host_docker("restart", "-t", "20", "c03").code == 0
        assert skp("-q", "lab.up", "-n", "3", "--publish").code == 0
        assert on("c03", "docker info -f '{{.Swarm.LocalNodeState}}'").out.strip() == "pending"
    except BaseException:
        managers_refuse_c03("-D")
        raise
    ran = skp_until("c03: wait manager", lambda: managers_refuse_c03("-D"), "docker.apply")
    assert ran.code == 0, ran.all
    check_heals()


def test_a_reinstalled_node_joins_in_place_of_its_dead_entry(changed: None) -> None:
    old = on("c03", "docker info -f '{{.Swarm.NodeID}}'").out.strip()
    reinstall("c03")
    check_heals()
    listed = on("c01", "docker node ls -q").out.split()
    assert len(listed) == 3
    assert old not in listed
