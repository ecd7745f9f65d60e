"""What may be there once, and a machine with another address: as people meet both."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.lab import container_ids, host_docker, inventory, labelled, on, run, skp

Env = dict[str, str]
OLD, NEW = "10.99.0.13", "10.99.0.43"


def ask(env: Env, node: str, sql: str) -> str:
    words = f"echo {sql!r} | ./skp.py docker.mysql-client -h {node}"
    done = run("sh", "-c", words, env=env)
    assert done.code == 0, done.all
    return done.out


@pytest.fixture
def mysql(changed: None, tmp_path: Path) -> Iterator[Env]:
    """MySQL on c02, with a row."""
    env = labelled(tmp_path / "c02.json", "mysql", nodes=("c02",))
    for words in (["docker.image-build-mysql", "-t=latest"], ["docker.apply", "mysql"]):
        done = skp(*words, env=env)
        assert done.code == 0, done.all
    ask(env, "c02", "CREATE DATABASE kept; CREATE TABLE kept.t (n INT); INSERT kept.t VALUES (42)")
    yield env
    done = skp("-q", "docker.apply", "mysql", "--yes")
    on("c01", "sudo rm -rf /home/skp/skp/platform/mysql")
    assert done.code == 0, done.all


def test_a_server_that_may_still_run_where_nobody_can_look_is_made_nowhere_else(
    mysql: Env, tmp_path: Path
) -> None:
    moved = labelled(tmp_path / "c03.json", "mysql", nodes=("c03",))
    cut_off = json.loads((tmp_path / "c03.json").read_text())
    cut_off["c02"]["port"] = 1
    (tmp_path / "off.json").write_text(json.dumps(cut_off))
    refused = skp("docker.apply", "mysql", "--yes", env={"SKP_HOSTS": str(tmp_path / "off.json")})
    assert refused.code == 1, refused.all
    assert "docker.node-rm -h c02" in refused.all
    there = container_ids(("c02", "c03"))
    assert ("mysql-skp" in there["c02"], "mysql-skp" in there["c03"]) == (True, False)
    alive = skp("docker.node-rm", "-h", "c02", env={"SKP_HOSTS": str(tmp_path / "off.json")})
    assert alive.code != 0, "the Swarm hears of it"
    assert ask(mysql, "c02", "SELECT n FROM kept.t") == "n\n42\n"
    again = skp("docker.apply", "mysql", "--yes", env=moved)
    assert again.code == 0, again.all
    assert "mysql-skp" not in container_ids(("c02",))["c02"]
    assert ask(moved, "c03", "SELECT n FROM kept.t") == "n\n42\n"


def readdress(before: str, after: str) -> None:
    """Give c03 another address, as a DHCP server would after a night."""
    command = (
        f"route=$(ip route show default | head -1) && ip addr add {after}/24 dev eth0 && "
        f"ip addr del {before}/24 dev eth0 && {{ ip addr show dev eth0 | grep -q {after}/24 || "
        f"ip addr add {after}/24 dev eth0; }} && ip route replace $route"
    )
    done = host_docker("exec", "c03", "sh", "-c", command)
    assert done.code == 0, done.all


@pytest.fixture
def moved(changed: None, tmp_path: Path) -> Iterator[Env]:
    """c03 at another address, which hosts.json has; afterwards all is as it was."""
    hosts = inventory()
    hosts["c03"]["ipv4"] = NEW
    (tmp_path / "moved.json").write_text(json.dumps(hosts))
    readdress(OLD, NEW)
    yield {"SKP_HOSTS": str(tmp_path / "moved.json")}
    readdress(NEW, OLD)
    join_anew({})


def join_anew(env: Env) -> None:
    """Type what the guide has for a node with another address."""
    for words in (["host.firewall"], ["docker.node-rm", "-h", "c03", "--yes"], ["docker.apply"]):
        done = skp(*words, env=env)
        assert done.code == 0, done.all


def test_a_node_with_another_address_is_told_and_joins_anew(moved: Env) -> None:
    kept = host_docker("exec", "c03", "sh", "-c", "echo kept >/var/lib/skp/kept").code
    assert kept == 0
    told = skp("host.check", env=moved)
    assert told.code == 1
    assert f"the Swarm knows it at {OLD}" in told.all, told.all
    assert "docker.node-rm -h c03" in told.all, told.all
    join_anew(moved)
    again = skp("docker.apply", env=moved)
    assert "Nothing to change" in again.out, again.all
    checked = skp("host.check", env=moved)
    assert checked.code == 0, checked.all
    assert host_docker("exec", "c03", "cat", "/var/lib/skp/kept").out == "kept\n"
