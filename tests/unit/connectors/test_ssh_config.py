"""How SSH reaches a node: what OpenSSH says of its configuration, and what is made of that."""

from __future__ import annotations

import getpass
from pathlib import Path

import pytest

from cluster.config.inventory import Host
from cluster.config.settings import Settings
from cluster.connectors import ssh_config
from cluster.connectors.ssh_config import Target
from cluster.errors import NodeError

HERE = ("ssh", "-F", "cfg", "-l", "ann", "-o", "HostName=10.0.0.4", "c01")


def target(**options: str) -> Target:
    return Target("c01", {"hostname": "10.0.0.4", "user": "ann", **options}, HERE)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config"
    path.write_text(
        "Host c02\n  HostName 192.0.2.7\n  Port 2222\n  ProxyJump gate\n"
        f"Host *\n  IdentityFile {tmp_path}/one\n  IdentityFile {tmp_path}/two\n"
    )
    return path


def test_the_inventorys_address_and_user_count(config: Path) -> None:
    found = ssh_config.ask("c01", "10.0.0.4", "ann", None, config)
    assert found.where == "ann@10.0.0.4:22"
    assert found.arguments == (
        *("ssh", "-F", str(config), "-l", "ann", "-o", "HostName=10.0.0.4", "c01"),
    )


def test_a_name_that_the_configuration_gives_an_address_keeps_it(config: Path) -> None:
    found = ssh_config.ask("c02", "10.0.0.4", "ann", None, config)
    assert found.where == "ann@192.0.2.7:2222"
    assert found.options["proxyjump"] == "gate"


def test_the_inventorys_port_goes_before_the_configurations(config: Path) -> None:
    found = ssh_config.ask("c02", "10.0.0.4", "ann", 22022, config)
    assert found.port == 22022
    assert found.arguments[3:7] == ("-l", "ann", "-p", "22022")


def test_an_option_that_may_stand_more_than_once_is_kept_whole(config: Path) -> None:
    found = ssh_config.ask("c01", "10.0.0.4", "ann", None, config)
    assert found.options["identityfile"] == f"{config.parent}/one\n{config.parent}/two"


def test_a_configuration_that_openssh_refuses_is_told(config: Path) -> None:
    config.write_text("Nonsense yes\n")
    with pytest.raises(NodeError, match=r"c01: the SSH configuration is refused: .*nonsense"):
        ssh_config.ask("c01", "10.0.0.4", "ann", None, config)


def test_a_machine_without_openssh_is_told(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NodeError, match=r"ssh -G can't tell how to connect: .*ssh"):
        ssh_config.ask("c01", "10.0.0.4", "ann", None, config)


@pytest.mark.parametrize(("user", "expected"), [(None, "skp"), ("bob", "bob")])
def test_a_host_is_resolved_by_the_settings(config: Path, user: str | None, expected: str) -> None:
    host = Host("c02", "10.0.0.4", (), frozenset({"worker"}), user)
    values = {"SKP_SSH_CONFIG": str(config), "SKP_USER": "skp"}
    found = ssh_config.resolve(host, Settings(Path("env.sh"), values, {}))
    assert found.where == f"{expected}@192.0.2.7:2222"


def test_without_a_configuration_of_its_own_the_users_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[object] = []
    monkeypatch.setattr(ssh_config, "ask", lambda *given: asked.extend(given))
    host = Host("c02", "10.0.0.4", (), frozenset({"worker"}), port=2200)
    values = {"SKP_SSH_CONFIG": "", "SKP_USER": "skp"}
    ssh_config.resolve(host, Settings(Path("env.sh"), values, {}))
    assert asked == ["c02", "10.0.0.4", "skp", 2200, None]


def test_only_files_that_exist_are_named(tmp_path: Path) -> None:
    for name in ("one", "two", "with blank"):
        (tmp_path / name).touch()
    names = f"{tmp_path}/one {tmp_path}/none {tmp_path}/two\n{tmp_path}/with blank"
    assert target(identityfile=names).paths("identityfile") == [
        str(tmp_path / name) for name in ("one", "two", "with blank")
    ]
    assert target().paths("identityfile") == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("%h:%p", "10.0.0.4:2222"),
        ("%r@%n", "ann@c01"),
        ("%d/x", f"{Path.home()}/x"),
        ("%u", getpass.getuser()),
        ("100%%", "100%"),
        ("%Q", "%Q"),
    ],
)
def test_tokens_are_replaced(text: str, expected: str) -> None:
    assert target(port="2222").expand(text) == expected


def test_an_address_of_ipv6_is_told_from_its_port() -> None:
    assert target(hostname="fd00::4").where == "ann@[fd00::4]:22"


PROXIES = [
    ({}, []),
    ({"proxycommand": "none"}, []),
    ({"proxycommand": "nc %h %p"}, ["sh", "-c", "exec nc 10.0.0.4 22"]),
    (
        {"proxyjump": "gate"},
        ["ssh", "-F", "cfg", "-o", "BatchMode=yes", "-W", "10.0.0.4:22", "gate"],
    ),
    (
        {"proxyjump": "a,b,gate"},
        ["ssh", "-F", "cfg", "-o", "BatchMode=yes", "-J", "a,b", "-W", "10.0.0.4:22", "gate"],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("options", "expected"), PROXIES)
def test_the_way_through_a_proxy(options: dict[str, str], expected: list[str]) -> None:
    assert target(**options).proxy("10.0.0.4", 22) == expected


def test_a_jump_without_a_configuration_of_its_own_uses_the_users() -> None:
    found = Target("c01", {**target().options, "proxyjump": "gate"}, ("ssh", "-l", "ann", "c01"))
    assert found.proxy("10.0.0.4", 22)[:3] == ["ssh", "-o", "BatchMode=yes"]
