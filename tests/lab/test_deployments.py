"""Deployments from a file on real nodes: run, changed, gone back, refused, kept apart."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from cli.options import Options
from cli.session import Session
from cluster.errors import ConfigError
from tests.support.data_volumes import until
from tests.support.deployed import answers, applied, file, page, rows, text
from tests.support.lab import NODES, on, skp
from workloads import readers
from workloads.gate import Gate
from workloads.ledger import Limits


@pytest.fixture(autouse=True)
def _cleared(no_deployments: None) -> None:
    """Each begins, and ends, without deployments."""


def test_it_runs_and_answers_and_is_nobody(tmp_path: Path) -> None:
    made = applied(
        tmp_path,
        text(replicas=2, shm="8m", mounted={"data": "/data"},
             volumes={"data": {"kind": "nas", "size": "1g"}}),
    )  # fmt: skip
    assert [(row["phase"], page(row)) for row in made] == [("Running", "first")] * 2
    row = made[0]
    inside = f"docker exec {row['container']}"
    status = on(
        row["node"], f"{inside} busybox grep -E '^(Uid|CapEff|CapBnd|NoNewPrivs)' /proc/1/status"
    ).out
    said = dict(line.split(":", 1) for line in status.splitlines())
    assert said["Uid"].split() == ["58000"] * 4
    assert {int(said[key], 16) for key in ("CapEff", "CapBnd")} == {0}
    assert said["NoNewPrivs"].strip() == "1"
    assert "NVIDIA_VISIBLE_DEVICES=void" in on(row["node"], f"{inside} busybox env").out
    assert " 8192 " in on(row["node"], f"{inside} busybox df -k /dev/shm").out
    limits = "{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}} {{.HostConfig.PidsLimit}}"
    found = on(row["node"], f"docker inspect -f '{limits}' {row['container']}").out
    assert found.split() == [str(32 << 20), "50000000", "4096"]
    wrote = on(row["node"], f"{inside} sh -c 'echo kept >/data/word'")
    assert wrote.code == 0, wrote.all
    other = made[1]
    assert (
        on(other["node"], f"docker exec {other['container']} busybox cat /data/word").out
        == "kept\n"
    )
    assert "platform" not in on(row["node"], f"{inside} busybox cat /proc/mounts").out.replace(
        "/projects/default/data", ""
    )


def test_a_change_a_bad_one_and_the_way_back(tmp_path: Path) -> None:
    applied(tmp_path, text())
    again = skp("deploy.apply", file(tmp_path, text()))
    assert again.code == 2
    assert "there is a deployment of that name" in again.err
    (second,) = applied(tmp_path, text(word="second"), "--update")
    assert (page(second), second["revision"]) == ("second", 2)
    (same,) = applied(tmp_path, text(word="second"), "--update")
    assert same["container"] == second["container"], "nothing was to be changed"
    bad = skp(
        "deploy.apply", "--update",
        file(tmp_path, text(command=["sh", "-c", "echo I see no data >&2; exit 3"])),
    )  # fmt: skip
    assert bad.code == 1
    assert "the one before it serves on: task: non-zero exit (3)" in bad.err
    assert "I see no data" in bad.err
    until(lambda: answers("second"), 20)
    (back,) = rows(skp("deploy.rollback", "web", "--json"))
    assert page(back) == "first"
    seen = skp("deploy.history", "web", "--json").json
    assert [(each["revision"], each["is_present"]) for each in seen] == [
        (back["revision"], True),
        (2, False),
        (1, False),
    ]
    gone = skp("deploy.rollback", "web", "--to", "9")
    assert (gone.code, "There are: 1, 2." in gone.err) == (2, True), gone.all
    (chosen,) = rows(skp("deploy.rollback", "web", "--to", "2", "--json"))
    assert page(chosen) == "second"


def test_it_is_removed_by_number_and_name_and_comes_back(tmp_path: Path) -> None:
    applied(tmp_path, text())
    for words, why in (
        (("0", "other"), "row 0 is default/web, and not other"),
        (("7", "web"), "7: there is no such row"),
        (("0",), "the row's ID and the name are needed"),
    ):
        refused = skp("deploy.rm", *words, "--yes")
        assert refused.code == 2
        assert why in refused.err
    assert skp("deploy.rm", "0", "web").code == 2, "nobody is there who could be asked"
    assert skp("deploy.rm", "0", "web", "--yes").code == 0
    assert rows(skp("deploy.list", "--json")) == []
    assert skp("deploy.restore", "nothing").code == 2
    (back,) = rows(skp("deploy.restore", "web", "--json"))
    assert page(back) == "first"


def test_why_it_has_no_place_is_told_for_each_node(tmp_path: Path) -> None:
    (row,) = applied(tmp_path, text(resources={"memory": "32m", "gpus": 1}))
    assert row["phase"] == "Pending"
    assert row["reasons"] == [f"{node}: gpus: 1 wanted, 0 of 0 left" for node in NODES]
    refused = skp(
        "deploy.apply", file(tmp_path, text("other", node="c02", resources={"memory": "9000g"}))
    )
    assert refused.code == 2
    assert "c02: memory: 9000g wanted" in refused.err
    assert "c01: " in refused.err
    assert "It is bound: node c02." in refused.err


def gate(open_ones: ExitStack) -> Gate:
    session = Session(Options())
    fleet = open_ones.enter_context(session.fleet())
    return Gate(session.cluster(fleet), fleet)


def test_fifty_at_once_against_a_quota_of_ten(tmp_path: Path) -> None:
    names = [f"many-{number}" for number in range(50)]
    for name in names:
        file(tmp_path, text(name, project="crowd", command=["sleep", "60"]), f"{name}.yaml")
    with ExitStack() as open_ones:
        # (sshd gives a connection ten channels.)
        ways = [gate(open_ones) for _ in range(6)]
        way = ways[0]
        way.store.ledger.change(lambda now: now.limited("crowd", Limits(deployments=10)))

        def one(number: int) -> bool:
            try:
                ways[number % 6].let_in(readers.read(tmp_path / f"{names[number]}.yaml"), "")
            except ConfigError as error:
                assert "deployments: 1 wanted; crowd may have 10, and has 10" in str(error)
                return False
            return True

        with ThreadPoolExecutor(24) as pool:
            let_in = list(pool.map(one, range(50)))
        assert let_in.count(True) == 10
        services = way.store.services()
        assert len(services) == 10
        entries = way.store.ledger.read().entries
        assert {found.piece.of for found in services} == set(entries)
        ports = [port for entry in entries.values() for port in entry.ports.values()]
        assert len(ports) == len(set(ports)) == 10


def test_projects_do_not_reach_each_other(tmp_path: Path) -> None:
    (mine,) = applied(tmp_path, text(project="mine"))
    (theirs,) = applied(tmp_path, text(project="theirs"))
    inside = f"docker exec {mine['container']}"
    network = "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}"
    address = on(theirs["node"], f"docker inspect -f '{network}' {theirs['container']}").out.split()
    assert on(mine["node"], f"{inside} busybox wget -qO- http://web:8000/").out == "first\n"
    for one in address:
        refused = on(mine["node"], f"timeout 4 {inside} busybox wget -T 3 -qO- http://{one}:8000/")
        assert refused.code != 0
    for there in ("jupyter-skp:8010", "10.99.0.11:5000", "169.254.169.254"):
        refused = on(mine["node"], f"{inside} busybox wget -T 2 -qO- http://{there}/")
        assert refused.code != 0, there
    assert on(mine["node"], f"{inside} busybox ls /var/run/docker.sock").code != 0


def test_a_secret_is_a_file_of_its_own_project_alone(tmp_path: Path) -> None:
    word = "a-word-that-nobody-sees"
    stored = skp("deploy.secret", "mine/key", "-f", file(tmp_path, word, "key.txt"))
    assert stored.code == 0, stored.all
    wanted = json.loads(text(project="mine"))
    wanted["containers"]["main"]["secrets"] = ["key"]
    (row,) = applied(tmp_path, json.dumps(wanted))
    inside = f"docker exec {row['container']} busybox"
    assert on(row["node"], f"{inside} cat /run/secrets/key").out == word
    inspected = on(row["node"], f"docker inspect {row['container']}").out
    told = skp("deploy.list", "--json").all + stored.all + inspected
    told += on("c01", "docker service inspect mine_web-0_main; docker config ls").out
    assert word not in told
    assert "If that is what you want" in skp("deploy.secret", "mine/key", "--remove").err
    refused = skp("deploy.secret", "mine/key", "--remove", "--yes")
    assert refused.code == 2
    assert "a deployment uses it" in refused.err
    wanted["project"] = "theirs"
    stolen = skp("deploy.apply", file(tmp_path, json.dumps(wanted)))
    assert stolen.code == 2
    assert "theirs has no secret key" in stolen.err
    assert skp("deploy.secret", "mine/key", "-f", file(tmp_path, "next", "key.txt")).code == 0
    wanted["project"] = "mine"
    (row,) = applied(tmp_path, json.dumps(wanted), "--update")
    assert (
        on(row["node"], f"docker exec {row['container']} busybox cat /run/secrets/key").out
        == "next"
    )


def test_labels_that_an_image_brings_make_nothing_of_the_platforms(tmp_path: Path) -> None:
    (row,) = applied(tmp_path, text())
    assert row["project"] == "default"
    shown = skp("docker.status", "--json").json
    assert "other/web" not in json.dumps(shown)
    assert skp("docker.plan", "mysql", "--json").code == 0
    assert (
        on(row["node"], f"docker inspect -f '{{{{.State.Running}}}}' {row['container']}").out
        == "true\n"
    )


def test_a_port_is_at_its_nodes_own_address_alone(tmp_path: Path) -> None:
    (row,) = applied(tmp_path, text())
    other = "10.99.0.77"
    assert on(row["node"], f"sudo ip address add {other}/32 dev lo").code == 0
    try:
        assert page(row | {"address": other}) == "first", "the Swarm publishes at all addresses"
        assert skp("host.firewall").code == 0
        assert page(row) == "first"
        with pytest.raises(OSError, match="timed out"):
            page(row | {"address": other})
    finally:
        assert skp("host.firewall", "--undo").code == 0
        on(row["node"], f"sudo ip address del {other}/32 dev lo")


def test_what_the_platform_holds_is_not_promised_to_deployments(tmp_path: Path) -> None:
    """It is reserved by something that recognises itself, and is brought up to date each time."""
    applied(tmp_path, text(ports=[]))
    reserved = "{{.Spec.TaskTemplate.Resources.Reservations.MemoryBytes}}"
    there = "docker service ls -q --filter label=skp.held"
    asked = f"{there} | xargs docker service inspect -f '{reserved}'"
    assert on("c01", asked).out.split() == [str(512 << 20)] * 3
    whole = int(on("c02", "docker info -f '{{.MemTotal}}'").out)
    # (As an engine counts its node; the half is others'.)
    much = f"{(whole - (256 << 20)) >> 20}m"
    refused = skp(
        "deploy.apply", file(tmp_path, text("much", node="c02", resources={"memory": much}))
    )
    assert refused.code == 2
    assert f"c02: memory: {much} wanted" in refused.err
    assert skp("deploy.apply", "--update", file(tmp_path, text(ports=[]))).code == 0
    assert on("c01", f"{there} | wc -l").out == "3\n"


def test_a_node_is_emptied_and_what_is_bound_stays(tmp_path: Path) -> None:
    volumes = {"data": {"kind": "nas", "size": "1m"}}
    (free,) = applied(tmp_path, text("free", mounted={"data": "/data"}, volumes=volumes))
    node = free["node"]
    applied(tmp_path, text("bound", node=node, ports=[]))
    asked = skp("deploy.evacuate", node)
    assert (asked.code, "add --yes" in asked.err) == (2, True)
    done = skp("deploy.evacuate", node, "--yes", "--json")
    try:
        stays = {"default_bound-0_main": f"it is bound to {node}"}
        assert done.json == {"went": ["default_free-0_main"], "stays": stays, "late": {}}
        there = {row["deployment"]: row for row in rows(skp("deploy.list", "--json"))}
        assert there["free"]["node"] != node
        assert (page(there["free"]), there["bound"]["phase"]) == ("first", "Running")
        (new,) = applied(tmp_path, text("new"))
        assert new["node"] != node
    finally:
        assert skp("deploy.evacuate", node, "--undo").code == 0
    inside = f"docker exec {there['free']['container']} busybox"
    assert on(there["free"]["node"], f"{inside} dd if=/dev/zero of=/data/x bs=1M count=2").code == 0
    full = skp("deploy.volumes", "--json")
    assert (full.code, [each["is_over"] for each in full.json]) == (1, [True]), full.all


def test_several_files_are_checked_before_any_and_one_that_fails_stops_no_other(
    tmp_path: Path,
) -> None:
    good = [file(tmp_path, text(name), f"{name}.yaml") for name in ("one", "two", "three")]
    wrong = file(tmp_path, '{"name": "X"}', "wrong.yaml")
    refused = skp("deploy.apply", *good, wrong)
    assert (refused.code, refused.err.count("wrong.yaml")) == (2, 2), refused.all
    twice = skp("deploy.apply", good[0], good[0])
    assert (twice.code, "both say it" in twice.err) == (2, True)
    assert rows(skp("deploy.list", "--json")) == []
    bad = file(tmp_path, text("bad", command=["sh", "-c", "exit 3"]), "bad.yaml")
    done = skp("deploy.apply", *good, bad)
    assert done.code == 1
    assert "default_bad-0_main: it ended 3 times: task: non-zero exit (3)" in done.err
    assert "1 of 4 deployments failed." in done.err
    there = {row["deployment"]: row for row in rows(skp("deploy.list", "--json"))}
    assert [page(there[name]) for name in ("one", "two", "three")] == ["first"] * 3
