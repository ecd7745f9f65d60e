"""What machines are to have, which of them, and how the shell on them checks and fixes."""

from __future__ import annotations

import json
import shlex
import subprocess
from pathlib import Path

import pytest

import services
from cluster.config import inventory, settings
from cluster.config.inventory import Inventory
from cluster.config.settings import Settings
from cluster.errors import ConfigError
from hosts.prepare import machine_items as wanted
from hosts.prepare import setup
from hosts.prepare.setup import Item, Verb

ITEMS = Path(setup.__file__).parent / "items"
HOSTS = {
    "c01": {"ipv4": "10.1.0.1", "labels": [], "groups": ["master", "manager"]},
    "c02": {"ipv4": "10.1.0.2", "labels": [], "groups": ["worker"], "user": "else"},
}


@pytest.fixture
def told(tmp_path: Path) -> tuple[Settings, Inventory]:
    env, hosts = tmp_path / "env.sh", tmp_path / "hosts.json"
    env.write_text("export SKP_USER=skp\nexport SKP_PRI_ETH=eth0\nexport SKP_PUB_ETH=eth1\n")
    hosts.write_text(json.dumps(HOSTS))
    read = settings.read(env, services.declared_settings(), {})
    return read, inventory.read(hosts, services.labels())


def shell(item: Item, node: str, words: str) -> subprocess.CompletedProcess[str]:
    script = f"{item.text(node)}\n{words}"
    return subprocess.run(
        ["sh", "-c", script], capture_output=True, text=True, timeout=20, check=False
    )


def test_each_machine_gets_its_own_users_rights(told: tuple[Settings, Inventory]) -> None:
    sudo = wanted.install(*told)[0]
    assert shell(sudo, "c01", 'echo "$SKP_USER"').stdout == "skp\n"
    assert shell(sudo, "c02", 'echo "$SKP_USER"').stdout == "else\n"


def test_only_the_master_builds_images(told: tuple[Settings, Inventory]) -> None:
    builder = wanted.install(*told)[-1]
    assert builder.is_for("c01")
    assert not builder.is_for("c02")


def test_the_block_of_etc_hosts_has_every_node(told: tuple[Settings, Inventory]) -> None:
    (names,) = wanted.names(told[1])
    assert shell(names, "c01", 'echo "$BLOCK"').stdout == "10.1.0.1 c01\n10.1.0.2 c02\n"


def test_both_folders_are_exported_to_the_nodes_alone(told: tuple[Settings, Inventory]) -> None:
    export = wanted.nfs_server(*told)[1]
    assert shell(export, "c01", "wanted").stdout == (
        '"/home/skp/skp/volume" 10.1.0.2(rw,sync,no_subtree_check,root_squash)\n'
        '"/home/skp/skp/platform" 10.1.0.2(rw,sync,no_subtree_check,root_squash)\n'
    )
    assert not export.is_for("c02")


def test_the_mount_is_for_all_but_the_master(told: tuple[Settings, Inventory]) -> None:
    mount, platform = wanted.nfs_mount(*told, Verb.FIX)
    assert shell(platform, "c02", "line").stdout.split()[1] == "/home/skp/skp/platform"
    assert not mount.is_for("c01")
    line = shell(mount, "c02", "line").stdout.split()
    assert line[:3] == ["10.1.0.1:/home/skp/skp/volume", "/home/skp/skp/volume", "nfs4"]
    assert {"hard", "nofail", "bg", "_netdev", "x-skp"} <= set(line[3].split(","))


@pytest.mark.parametrize("name", ["", "korean", "ko_KR", "ko_KR.UTF-8; reboot", "ko_KR.EUC-KR"])
def test_what_is_no_utf8_locale_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=r"a locale|allowed"):
        wanted.locale(name)


def test_a_value_is_never_read_as_shell() -> None:
    odd = "$(touch /tmp/never) 'and' \"more\""
    item = Item("x", "lang", {"LOCALE": odd})
    assert shell(item, "c01", 'printf %s "$LOCALE"').stdout == odd
    assert shlex.quote(odd) in item.text("c01")


def test_an_interface_that_is_not_named_is_refused(tmp_path: Path) -> None:
    env, hosts = tmp_path / "env.sh", tmp_path / "hosts.json"
    env.write_text("export SKP_USER=skp\n")
    hosts.write_text(json.dumps(HOSTS))
    read = settings.read(env, services.declared_settings(), {})
    with pytest.raises(ConfigError, match="SKP_PRI_ETH is empty"):
        wanted.masquerade(read, inventory.read(hosts), Verb.FIX)


@pytest.mark.parametrize("name", sorted(path.stem for path in ITEMS.glob("*.sh")))
def test_each_item_can_check_and_fix_and_whatever_can_undo_can_check_that(name: str) -> None:
    listed = shell(Item("x", name), "c01", "for f in check fix; do command -v $f; done").stdout
    assert listed.split() == ["check", "fix"]
    undone = [shell(Item("x", name), "c01", f"command -v {f}").stdout for f in ("undo", "absent")]
    assert undone in (["undo\n", "absent\n"], ["", ""])
