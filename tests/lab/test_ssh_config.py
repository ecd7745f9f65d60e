"""The SSH configuration as OpenSSH reads it: each of its ways to a node is really taken."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.lab import ROOT, Ran, host_docker, run, skp

NODE, ADDRESS, ADDRESS6 = "c03", "10.99.0.13", "fd00:99::13"
GATEWAY, GATEWAY6 = "10.99.0.1", "fd00:99::1"
KEY, KNOWN = ROOT / ".lab" / "id_ed25519", ROOT / ".lab" / "known_hosts"
PORT, INNER = 2222, 2223  # sshd's other doors; the inner one is closed to this machine
CLOSED = " && ".join(
    f"{program} -I INPUT -s {source} -p tcp --dport {INNER} -j REJECT"
    for program, source in (("iptables", GATEWAY), ("ip6tables", GATEWAY6))
)
DOORS = f"""
sysctl -q -w net.ipv6.conf.eth0.disable_ipv6=0 && ip -6 address replace {ADDRESS6}/64 dev eth0 nodad
/usr/sbin/sshd -p {PORT} -p {INNER} -o PidFile=/root/doors && {CLOSED}
"""
Configure = Callable[..., dict[str, str]]


def in_node(command: str, node: str = NODE) -> None:
    done = host_docker("exec", node, "sh", "-c", command)
    assert done.code == 0, done.all


@pytest.fixture(scope="module")
def doors(platform: None) -> Iterator[None]:
    """Give the node more ways in: other ports, an IPv6 address, a door that only nodes reach."""
    bridge = run("ip", "-o", "-4", "address", "show", "to", GATEWAY).out.split()[1]
    run("sysctl", "-q", "-w", f"net.ipv6.conf.{bridge}.disable_ipv6=0")
    run("ip", "-6", "address", "replace", f"{GATEWAY6}/64", "dev", bridge, "nodad")
    in_node("sysctl -q -w net.ipv6.conf.eth0.disable_ipv6=0", "c02")
    in_node("ip -6 address replace fd00:99::12/64 dev eth0 nodad", "c02")
    in_node(DOORS)
    yield
    in_node(f"kill $(cat /root/doors) && {CLOSED.replace('-I', '-D')}")
    in_node(f"ip -6 address del {ADDRESS6}/64 dev eth0")
    in_node("ip -6 address del fd00:99::12/64 dev eth0", "c02")
    run("ip", "-6", "address", "del", f"{GATEWAY6}/64", "dev", bridge)


@pytest.fixture
def configured(doors: None, tmp_path: Path, settings: Callable[..., dict[str, str]]) -> Configure:
    """Return a maker of an environment whose SSH configuration for the node is these lines."""

    def make(*lines: str, after: str = "") -> dict[str, str]:
        known = f"UserKnownHostsFile {KNOWN}"
        text = "\n  ".join([f"Host {NODE}", *lines, known, "IdentitiesOnly yes"])
        path = tmp_path / "ssh_config"
        path.write_text(f"{text}\n{after}")
        return settings(SKP_SSH_CONFIG=str(path))

    return make


def reached(environment: dict[str, str], others: dict[str, str] | None = None) -> Ran:
    """Expect that the node is reached as it is by the configuration; return what was said."""
    ran = skp(
        "ssh.cmd", "-c", "echo $SSH_CONNECTION", "--nodes", NODE, env=environment | (others or {})
    )
    assert ran.code == 0, ran.all
    return ran


OWN = f"IdentityFile {KEY}"


def test_what_an_included_file_says_is_done(configured: Configure, tmp_path: Path) -> None:
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "nodes.conf").write_text(f"Host c0?\n  {OWN}\n  Port {PORT}\n")
    environment = configured(
        f"HostName {ADDRESS}", after=f"Match all\nInclude {tmp_path}/conf.d/*\n"
    )
    assert f" {PORT}\n" in reached(environment).out


def test_an_alias_has_a_name_and_a_host_key_of_its_own(
    configured: Configure, tmp_path: Path
) -> None:
    key = next(line.split(" ", 1)[1] for line in KNOWN.read_text().splitlines() if ADDRESS in line)
    (tmp_path / "known").write_text(f"the-third {key}\n")
    known = f"UserKnownHostsFile {tmp_path}/known"
    environment = configured(f"HostName {ADDRESS}", OWN, "HostKeyAlias the-third", known)
    reached(environment)
    (tmp_path / "known").write_text(f"another {key}\n")
    refused = skp("ssh.cmd", "-c", "true", "--nodes", NODE, env=environment)
    assert refused.code == 1
    assert "the SSH host key" in refused.err
    assert "the-third" in refused.err


def test_another_port_is_taken_with_the_host_key_known_without_it(configured: Configure) -> None:
    assert f" {PORT}\n" in reached(configured(f"HostName {ADDRESS}", OWN, f"Port {PORT}")).out


@pytest.mark.parametrize("address", [ADDRESS, ADDRESS6])
def test_a_jump_host_leads_where_this_machine_can_not_go(
    configured: Configure, address: str, tmp_path: Path
) -> None:
    known = tmp_path / "known"
    text = KNOWN.read_text()
    known.write_text(text + text.replace(f"{ADDRESS} ", f"{ADDRESS6} "))
    door = (f"HostName {address}", OWN, f"Port {INNER}", f"UserKnownHostsFile {known}")
    direct = skp("ssh.cmd", "-c", "true", "--nodes", NODE, env=configured(*door))
    assert "can't be reached" in direct.err
    jump = f"Host jump\n  HostName 10.99.0.12\n  User skp\n  {OWN}\n  UserKnownHostsFile {KNOWN}\n"
    ran = reached(configured(*door, "ProxyJump jump", after=jump))
    assert ran.out.startswith(f"{NODE}: {'fd00:99::12' if ':' in address else '10.99.0.12'} ")


def test_an_ipv6_address_is_reached_and_written_with_brackets(
    configured: Configure, tmp_path: Path
) -> None:
    text = KNOWN.read_text()
    (tmp_path / "known").write_text(text.replace(f"{ADDRESS} ", f"{ADDRESS6} "))
    known = f"UserKnownHostsFile {tmp_path}/known"
    assert (
        f"{ADDRESS6} {PORT}"
        in reached(configured(f"HostName {ADDRESS6}", OWN, f"Port {PORT}", known)).out
    )
    nobody = skp(
        "ssh.cmd", "-c", "true", "--nodes", NODE,
        env=configured(f"HostName {ADDRESS6}", OWN, "Port 1", known),
    )  # fmt: skip
    assert f"[{ADDRESS6}]:1 can't be reached" in nobody.err


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Return the environment of an SSH agent that holds the lab's key."""
    started = run("ssh-agent", "-a", str(tmp_path / "agent.sock")).out
    environment = dict(re.findall(r"(SSH_\w+)=(.*?);", started))
    assert run("ssh-add", "-q", str(KEY), env=environment).code == 0
    yield environment
    run("ssh-agent", "-k", env=environment)


def test_an_agent_alone_is_enough(configured: Configure, agent: dict[str, str]) -> None:
    lines = (f"HostName {ADDRESS}", "IdentitiesOnly no", "IdentityFile none")
    reached(configured(*lines), agent)


def test_an_agent_that_the_configuration_names_is_asked(
    configured: Configure, agent: dict[str, str]
) -> None:
    lines = (f"HostName {ADDRESS}", "IdentitiesOnly no", "IdentityFile none")
    nobody = {"SSH_AUTH_SOCK": "/nonexistent"}
    named = (*lines, f"IdentityAgent {agent['SSH_AUTH_SOCK']}")
    reached(configured(*named), nobody)
    reached(configured(*lines, "IdentityAgent $OWN_AGENT"), {"OWN_AGENT": agent["SSH_AUTH_SOCK"]})
    without = skp("ssh.cmd", "-c", "true", "--nodes", NODE, env=configured(*lines) | nobody)
    assert without.code == 1


def test_a_key_with_a_passphrase_is_used_by_the_agent_that_holds_it(
    configured: Configure, agent: dict[str, str], tmp_path: Path
) -> None:
    locked = tmp_path / "locked"
    locked.write_bytes(KEY.read_bytes())
    locked.chmod(0o600)
    (tmp_path / "locked.pub").write_bytes(KEY.with_suffix(".pub").read_bytes())
    assert run("ssh-keygen", "-q", "-p", "-N", "a passphrase", "-f", str(locked)).code == 0
    environment = configured(f"HostName {ADDRESS}", f"IdentityFile {locked}")
    reached(environment, agent)
    without = skp("ssh.cmd", "-c", "true", "--nodes", NODE, env=environment | {"SSH_AUTH_SOCK": ""})
    assert f"ssh-add {locked}" in without.err
