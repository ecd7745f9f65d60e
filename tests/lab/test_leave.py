"""Leaving the Swarm: what was asked for goes, data stays, and the next apply brings it back."""

from __future__ import annotations

from tests.support.lab import FORGOTTEN, NODES, Ran, admit, container_ids, node_rows, on, skp


def test_a_node_leaves_and_comes_back(changed: None) -> None:
    before = container_ids()
    ran = skp("docker.swarm-leave", "--nodes", "c03", "--yes")
    assert ran.code == 0, ran.all
    assert list(node_rows()) == ["c01", "c02"]
    after = container_ids()
    assert after["c03"] == {}
    assert on("c03", "ls /usr/local/lib/skp").code != 0, "what started ours at boot is gone"
    assert on("c02", "ls /usr/local/lib/skp").out == "start-ours\n"
    assert (after["c01"], after["c02"]) == (before["c01"], before["c02"])
    again = skp("docker.swarm-leave", "--nodes", "c03", "--yes")
    assert "Nothing to change" in again.out
    assert skp("docker.apply").code == 0
    assert list(node_rows()) == list(NODES)
    assert on("c03", "ls /usr/local/lib/skp").out == "start-ours\n"


def test_all_leave_one_by_one_and_nothing_of_the_data_is_lost(changed: None) -> None:
    on("c01", "echo kept >/home/skp/skp/volume/kept.txt")
    ran: Ran = skp("docker.swarm-leave", "--json", "--yes")
    assert ran.code == 0, ran.all
    left = [step["node"] for step in ran.json["steps"] if step["action"] == "leave"]
    assert left[-1] == "c01", "the master, which lets the others go, leaves last"
    for node in NODES:
        assert on(node, "docker info -f '{{.Swarm.LocalNodeState}}'").out.strip() == "inactive"
        assert on(node, "docker ps -aq").out == ""
    assert on("c02", "cat /home/skp/skp/volume/kept.txt; rm /home/skp/skp/volume/kept.txt").out
    forgotten = skp("docker.apply")
    assert forgotten.code == 1, forgotten.all
    assert FORGOTTEN in forgotten.out
    admit()
    applied = skp("docker.apply")
    assert applied.code == 0, applied.all
    assert skp("docker.status").code == 0


def test_it_asks_and_without_a_terminal_it_refuses(platform: None) -> None:
    ran = skp("docker.swarm-leave")
    assert ran.code == 2
    assert "c02, c03, c01 will leave the Swarm, and 4 container(s) there be removed" in ran.err
    assert "add --yes" in ran.err


def test_the_master_does_not_leave_before_the_others(platform: None) -> None:
    ran = skp("docker.swarm-leave", "--nodes", "c01", "--yes")
    assert ran.code == 1
    assert "the master leaves last" in ran.out
