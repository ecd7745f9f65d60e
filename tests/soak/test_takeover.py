"""A cluster of an earlier version, with data of every kind, is moved, and killed meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.support import brokers, one_tree, sshfs_volume
from tests.support.data_volumes import Volume, until
from tests.support.dying import dying
from tests.support.lab import NODES, Ran, labelled, on, run, skp
from tests.support.one_tree import HOME, PLATFORM

KILLED_AFTER = (3, 1, 5, 2, 4)  # changes; chosen by a die, and kept
ROWS = "SELECT COUNT(*), SUM(n) FROM kept.t"


@dataclass(frozen=True)
class Before:
    """What the cluster had: its settings, and the digest that its registry served."""

    volume: Volume
    digest: str

    def sql(self, text: str) -> str:
        words = f"echo {text!r} | ./skp.py docker.mysql-client -h c01"
        ran = run("sh", "-c", words, env=self.volume.env)
        assert ran.code == 0, ran.all
        return ran.out


def in_notebook(command: str) -> Ran:
    return on("c01", f"docker exec jupyter-skp sh -c '{command}'")


@pytest.fixture(scope="module")
def before(platform: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Before]:
    """MySQL with rows, Kafka with a message, a data volume, notebooks and users' files."""
    folder = tmp_path_factory.mktemp("takeover")
    hosts = labelled(folder / "hosts.json", "zookeeper", "kafka")
    env = labelled(folder / "hosts.json", "mysql", "zookeeper", "kafka")
    assert hosts == env
    one_tree.lay_out()
    for name in ("mysql", "zookeeper", "kafka"):
        built = skp(f"docker.image-build-{name}", "-t=latest", env=env)
        assert built.code == 0, built.all
    with sshfs_volume.served(), sshfs_volume.mounted(folder, env["SKP_HOSTS"]) as volume:
        applied = volume.skp("docker.apply")
        assert applied.code == 0, applied.all
        found = Before(volume, one_tree.served("c03"))
        found.sql(
            "CREATE DATABASE kept; CREATE TABLE kept.t (n INT); INSERT kept.t VALUES (1), (41)"
        )
        brokers.make("kept", volume.env, "--replication-factor 3")
        brokers.send("kept", volume.env, "kept-message")
        wrote = in_notebook("echo notebook >/root/volume/mine; echo far >/root/mnt/sshfs/far")
        assert wrote.code == 0, wrote.all
        yield found
    moved = skp("docker.apply", "--yes", "--busy", "replace")
    brokers.remove()
    on("c01", f"sudo rm -rf {PLATFORM}/mysql {HOME}/mine")
    assert moved.code == 0, moved.all


def test_everything_is_there_after_it_was_killed_five_times(before: Before) -> None:
    env = before.volume.env
    again = before.volume.skp("docker.apply")
    assert "laid out as by an earlier version" in again.err
    for number in KILLED_AFTER:
        ran = dying("steps", number, "docker.apply", "--yes", env=env)
        assert ran.code != 0, "it was done before it was killed"
    last = before.volume.skp("docker.apply")
    assert last.code == 0, last.all
    assert "Nothing to change" in before.volume.skp("docker.apply").out
    assert before.sql(ROWS).split()[-2:] == ["2", "42"]
    read = f"timeout 60 kafka-console-consumer.sh {brokers.SERVER} --topic kept --from-beginning"
    assert "kept-message" in brokers.told("c02", f"{read} --max-messages 1", env)
    assert one_tree.served("c03") == before.digest
    assert in_notebook("cat /root/volume/mine").out == "notebook\n"
    until(lambda: in_notebook("cat /root/mnt/sshfs/far").out == "far\n", 60)


def test_users_code_databases_and_agents_have_networks_of_their_own(before: Before) -> None:
    there = on("c01", "docker network ls --format '{{.Name}}'").out.split()
    assert {"net-skp", "net-skp-users", "net-skp-databases", "net-skp-agents"} <= set(there)
    shown = "docker inspect -f '{{range $n, $_ := .NetworkSettings.Networks}}{{$n}} {{end}}' "
    assert on("c01", f"{shown} jupyter-skp").out.split() == ["net-skp-users"]


def test_no_file_of_the_platform_is_left_in_the_users_tree(before: Before) -> None:
    places = " ".join(f"{HOME}/var/{n}" for n in ("registry", "mysql", "spark/recovery"))
    left = on("c01", f"sudo find {places} -type f 2>/dev/null").out.split()
    assert {path.rpartition("/")[2] for path in left} <= {"MOVED.txt"}
    assert on("c01", f"sudo find {HOME} -uid 1000").out == ""
    for node in NODES:
        shown = on(node, "docker ps -q | xargs docker inspect -f '{{.Name}} {{.Config.User}}'").out
        for line in shown.splitlines():
            name, user = line.split()
            assert user.partition(":")[0] != "1000", name
