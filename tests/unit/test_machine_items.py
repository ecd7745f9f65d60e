"""What machines are to have, which of them, and how the shell on them checks and fixes."""

from __future__ import annotations

import json
import shlex
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import services
from cluster.config import inventory, settings
from cluster.config.inventory import Inventory
from cluster.config.secrets import SPEC_KEY, Secret
from cluster.config.settings import Settings
from cluster.errors import ConfigError
from hosts.prepare import machine_items as wanted
from hosts.prepare import setup
from hosts.prepare.setup import Item, Verb
from tests.support.described import described

ITEMS = Path(setup.__file__).parent / "items"
HOSTS: dict[str, Any] = {
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


def test_the_firewall_knows_all_nodes_and_what_containers_may_reach(tmp_path: Path) -> None:
    labels = [{"jupyter": "enable"}, {"mysql": "enable"}]
    hosts = {**HOSTS, "c01": {**HOSTS["c01"], "labels": labels}}
    found = described(tmp_path, hosts, {"SKP_NODE_PORTS": "3128 53"})
    cluster = replace(found, secrets={**found.secrets, SPEC_KEY: Secret("key")})
    (firewall,) = wanted.firewall(cluster, services.catalogue().values())
    assert firewall.values == {
        "NODES": "10.1.0.1 10.1.0.2",
        "PORTS": "53 2222 3128 3306 8010 8020 8040 8060 8070 8890 9010 9020 9040 9060 9070 9890",
        "OVERLAY": "4789",
        "HELD": "30000-30050 31000-31999",
    }, "the registry's is its node's own"
    for node in HOSTS:
        program = shell(firewall, node, "wanted").stdout
        assert "elements = { 10.1.0.1, 10.1.0.2 }" in program
        assert (
            "elements = { 53, 2222, 3128, 3306, 8010, 8020, 8040, 8060, 8070, 8890, 9010" in program
        )
        subprocess.run(["sh", "-n"], input=program, text=True, check=True)


def test_ssh_from_outside_is_never_the_firewalls_business(tmp_path: Path) -> None:
    (firewall,) = wanted.firewall(described(tmp_path, HOSTS, {}), ())
    program = shell(firewall, "c01", "wanted").stdout
    (before, _, rules) = program.partition("chain input {")
    rules = rules.partition("}\n  chain")[0]
    assert "drop" not in before
    refused = [line.strip() for line in rules.splitlines() if "drop" in line]
    assert refused == [
        "ip daddr != @nodes meta l4proto { tcp, udp } th dport @held drop",
        "meta nfproto ipv6 meta l4proto { tcp, udp } th dport @held drop",
        "tcp dport { 2377, 7946, 2049 } drop",
        "udp dport { 4789, 7946, 2049 } drop",
    ]
    assert rules.count("policy accept") == 1


def test_containers_may_not_reach_what_is_published_on_a_nodes_loopback(tmp_path: Path) -> None:
    hosts = {**HOSTS, "c01": {**HOSTS["c01"], "labels": [{"portainer": "enable"}]}}
    found = described(tmp_path, hosts, {"PORTAINER_IMAGE": "portainer/portainer-ce"})
    (firewall,) = wanted.firewall(found, services.catalogue().values())
    assert "8050" in firewall.values["PORTS"].split()
    assert "8051" not in firewall.values["PORTS"].split()


def test_the_firewall_is_whole_before_anything_is_published(tmp_path: Path) -> None:
    (firewall,) = wanted.firewall(described(tmp_path, HOSTS, {}), services.catalogue().values())
    assert firewall.values["PORTS"] == ""
    program = shell(firewall, "c01", "wanted").stdout
    assert "set ports { type inet_service; }\n" in program, "nft takes no empty list of elements"


def test_containers_reach_no_address_where_a_cloud_hands_out_credentials(tmp_path: Path) -> None:
    (firewall,) = wanted.firewall(described(tmp_path, HOSTS, {"SKP_NODE_PORTS": "80"}), ())
    program = shell(firewall, "c01", "wanted").stdout
    (clouds,) = [line for line in program.splitlines() if "set clouds" in line]
    for address in ("169.254.0.0/16", "168.63.129.16", "100.100.100.200"):
        assert address in clouds
    assert "iifname { docker0, docker_gwbridge } ip daddr @clouds jump containers" in program
    assert "ip daddr != @clouds tcp dport @ports accept" in program


def test_a_route_to_containers_and_a_nodes_loopback_lead_nobody_past_what_is_published(
    tmp_path: Path,
) -> None:
    (firewall,) = wanted.firewall(described(tmp_path, HOSTS, {}), ())
    program = shell(firewall, "c01", "wanted").stdout
    forward = program.partition("chain forward {")[2].partition("}\n  chain")[0]
    bridges = "{ docker0, docker_gwbridge }"
    unpublished = (
        f"iifname != {bridges} oifname {bridges} ct state new ct status and dnat == 0 drop"
    )
    assert unpublished in forward
    arrivals = program.partition("chain arrivals {")[2].partition("}\n")[0]
    assert "hook prerouting priority raw;" in arrivals, "before the engine changes the address"
    assert "iifname != lo ip daddr 127.0.0.0/8 drop" in arrivals


def test_strangers_reach_no_port_that_a_swarm_may_have_for_the_overlay(tmp_path: Path) -> None:
    (firewall,) = wanted.firewall(described(tmp_path, HOSTS, {"SKP_NET_PORT": "7789"}), ())
    program = shell(firewall, "c01", "wanted").stdout
    assert program.count("udp dport { 4789, 7789, 7946, 2049 }") == 2


def test_where_all_addresses_are_open_ports_of_deployments_are_too(tmp_path: Path) -> None:
    (firewall,) = wanted.firewall(described(tmp_path, HOSTS, {"SKP_BIND": "0.0.0.0"}), ())  # noqa: S104
    assert firewall.values["HELD"] == ""
    program = shell(firewall, "c01", "wanted").stdout
    assert "set held { type inet_service; flags interval; auto-merge; }\n" in program


def test_whoever_is_logged_in_from_a_container_is_not_locked_out(tmp_path: Path) -> None:
    (firewall,) = wanted.firewall(described(tmp_path, HOSTS, {}), ())
    played = """
    PORTS="8010 2222" ROUTE=docker0
    ss() {
      echo '0 0 10.1.0.1:22 172.17.0.5:40000 users:(("sshd-session",pid=7,fd=4))'
      echo '0 0 10.1.0.1:2222 172.17.0.6:40000 users:(("sshd",pid=8,fd=4))'
      echo '0 0 10.1.0.1:8010 172.17.0.7:40000 users:(("docker-proxy",pid=9,fd=4))'
    }
    ip() { echo "$4 dev $ROUTE src 172.17.0.1"; }
    """
    assert shell(firewall, "c01", f"{played} sessions").stdout == "172.17.0.5\n"
    assert shell(firewall, "c01", f"{played} ROUTE=eth0; sessions").stdout == ""
    refused = shell(firewall, "c01", f"{played} fix")
    assert refused.returncode == 1
    assert "SKP_NODE_PORTS" in refused.stderr


# An engine with this command line. It takes no option in two places, as dockerd --validate tells.
ENGINE = r"""
engine_line() { printf '%s\n' {line}; }
docker() { :; }
restart() { echo restarted; }
dockerd() {
  [ "$1 $2" = "--validate --config-file" ] || { echo "no file to look at" >&2; return 1; }
  file=$3
  shift 3
  for each; do
    key=${each#--}
    ! grep -q "\"${key%%=*}" "$file" || { echo "$key: in both places" >&2; return 1; }
  done
}
"""


def logs_of(
    told: tuple[Settings, Inventory], folder: Path, line: str, content: str | None, words: str
) -> subprocess.CompletedProcess[str]:
    """Play the item for logs on an engine with a command line, and a file of this content."""
    (item,) = [each for each in wanted.install(*told) if each.name == "log rotation"]
    file = folder / "daemon.json"
    if content is not None:
        file.write_text(content)
    given = f"--config-file {file} {line}"
    return shell(item, "c01", ENGINE.replace("{line}", given) + words)


@pytest.mark.parametrize(
    ("line", "content"),
    [
        ("--log-driver=json-file", None),
        ("--log-opt max-size=10m", None),
        ("--mtu 1400", '{"log-opts": {"max-size": "10m"}}'),
    ],
)
def test_what_an_engine_is_told_of_logs_already_counts(
    told: tuple[Settings, Inventory], tmp_path: Path, line: str, content: str | None
) -> None:
    assert logs_of(told, tmp_path, line, content, "check").returncode == 0


@pytest.mark.parametrize("content", [None, '{"mtu": 1400}'])
def test_an_engine_that_is_told_nothing_of_logs_is_told_in_its_own_file(
    told: tuple[Settings, Inventory], tmp_path: Path, content: str | None
) -> None:
    assert logs_of(told, tmp_path, "--debug", content, "check").returncode == 1
    fixed = logs_of(told, tmp_path, "--debug", content, "fix; check")
    assert (fixed.returncode, fixed.stdout) == (0, "restarted\n"), fixed.stderr
    written = json.loads((tmp_path / "daemon.json").read_text())
    assert written["log-opts"]["max-size"] == "20m"
    assert written.get("mtu") == (1400 if content else None)


def test_a_file_that_the_engine_would_not_take_stays_as_it_was(
    told: tuple[Settings, Inventory], tmp_path: Path
) -> None:
    before = '{"hosts": ["unix:///run/docker.sock"]}'
    fixed = logs_of(told, tmp_path, "--hosts=fd://", before, "fix")
    assert fixed.returncode == 1
    assert "hosts=fd://: in both places" in fixed.stderr
    assert "restarted" not in fixed.stdout
    assert {p.name: p.read_text() for p in tmp_path.glob("daemon*")} == {"daemon.json": before}


def test_nobody_but_nodes_goes_out_through_the_master(told: tuple[Settings, Inventory]) -> None:
    (masquerade,) = wanted.masquerade(*told, Verb.FIX)
    network = "ip() { echo 10.1.0.0/24; }; OUTSIDE=lo; router"
    program = shell(masquerade, "c01", network).stdout
    assert "for node in 10.1.0.2; do" in program
    allowed = [line for line in program.splitlines() if "iptables" in line]
    assert len(allowed) == 3
    assert all('"$node"' in line for line in allowed), "not the whole network"
    subprocess.run(["sh", "-n"], input=program, text=True, check=True)


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


OWN = [
    ("c01.example.com", "c01", True), ("C01.Example.COM", "c01", True), ("c01", "C01", True),
    ("c01", "c01", True), ("c01x", "c01", False), ("c01.example.com", "c02", False),
]  # fmt: skip


@pytest.mark.parametrize(("calls_itself", "asked", "own"), OWN)
def test_a_machine_may_call_itself_with_its_domain_or_in_capitals(
    told: tuple[Settings, Inventory], calls_itself: str, asked: str, own: bool
) -> None:
    (names,) = wanted.names(told[1])
    words = f"uname() {{ echo {calls_itself}; }}; is_own {asked} && echo own || echo other"
    assert shell(names, "c01", words).stdout == ("own\n" if own else "other\n")


LIMITS = [
    ("524288", "", "* soft nofile 65536\n"), ("unlimited", "", "* soft nofile 65536\n"),
    ("4096", "", "* - nofile 65536\n"), ("4096", "* hard nofile 1048576", "\n"),
    ("524288", "# * hard nofile 1", "* soft nofile 65536\n"),
]  # fmt: skip


@pytest.mark.parametrize(("hard", "said", "wanted_line"), LIMITS)
def test_no_limit_of_open_files_is_lowered(
    told: tuple[Settings, Inventory], tmp_path: Path, hard: str, said: str, wanted_line: str
) -> None:
    (tmp_path / "limits").write_text(f"Max open files            1024   {hard}   files\n")
    (tmp_path / "limits.conf").write_text(f"{said}\n")
    item = next(item for item in wanted.install(*told) if item.script == "limits")
    text = item.text("c01").replace("/proc/1/limits", str(tmp_path / "limits"))
    text = text.replace("/etc/security", str(tmp_path))
    done = subprocess.run(
        ["sh", "-c", f'{text}\necho "$(open_files)"'], capture_output=True, text=True, check=True
    )
    assert done.stdout == wanted_line


@pytest.mark.parametrize("home", ["/home/skp/skp/", "/home/skp//skp", "/home/skp/skp"])
def test_a_shared_folder_has_one_name_however_it_is_written(
    told: tuple[Settings, Inventory], home: str
) -> None:
    env = told[0].path
    env.write_text(f"export SKP_HOME={home}\n")
    given = settings.read(env, services.declared_settings(), {})
    items = wanted.nfs_mount(given, told[1], Verb.FIX)
    assert items[0].own is not None
    assert items[0].own["c02"]["FOLDER"] == "/home/skp/skp/volume"


def test_a_mount_is_seen_through_a_link(told: tuple[Settings, Inventory], tmp_path: Path) -> None:
    (tmp_path / "data" / "volume").mkdir(parents=True)
    (tmp_path / "skp").symlink_to(tmp_path / "data")
    source = f"10.1.0.1:{tmp_path}/skp/volume"
    mounts = tmp_path / "mounts"
    mounts.write_text(f"{source} {tmp_path}/data/volume nfs4 rw 0 0\n")
    item = Item("x", "nfs_mount", {"FOLDER": f"{tmp_path}/skp/volume", "SERVER": "10.1.0.1"})
    text = item.text("c01").replace("/proc/mounts", str(mounts))
    done = subprocess.run(["sh", "-c", f"{text}\nmounted"], check=False)
    assert done.returncode == 0


USERS = ["john.doe", "Jane", "john@corp.example", "svc-skp", "7of9", "a+b", "_x"]


@pytest.mark.parametrize("user", USERS)
def test_users_are_called_as_companies_call_them(tmp_path: Path, user: str) -> None:
    env = tmp_path / "env.sh"
    env.write_text(f"export SKP_USER={user} SSHFS_ID={user} AIRFLOW_WEB_USER={user}\n")
    assert settings.read(env, services.declared_settings(), {}).text("SKP_USER") == user
    (tmp_path / "hosts.json").write_text(json.dumps({"c01": {**HOSTS["c01"], "user": user}}))
    assert inventory.read(tmp_path / "hosts.json", services.labels()).hosts[0].user == user


@pytest.mark.parametrize("user", ["-oProxyCommand=x", "a b", "a;b", "a$b", "", "a'b"])
def test_what_a_shell_or_ssh_would_take_for_more_is_no_user(tmp_path: Path, user: str) -> None:
    env = tmp_path / "env.sh"
    env.write_text(f"export SKP_USER={shlex.quote(user)}\n")
    with pytest.raises(ConfigError, match="SKP_USER"):
        settings.read(env, services.declared_settings(), {})


def test_a_name_with_a_sign_is_escaped_for_sudoers(told: tuple[Settings, Inventory]) -> None:
    sudo = replace(wanted.install(*told)[0], own={"c01": {"SKP_USER": "john@corp"}})
    words = 'visudo() { cat "$2"; return 1; }; fix || :'
    assert shell(sudo, "c01", words).stdout.startswith("john\\@corp ALL=(ALL) NOPASSWD: ALL\n")
