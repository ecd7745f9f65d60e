"""SSH and engines that fail: said once per node, within the deadline, and nothing made worse."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.lab import ROOT, Ran, by_ssh, container_ids, host_docker, on, run, skp

NODE = "c03"  # any but the master; asked about everything, like every manager
ADDRESS = "10.99.0.13"
HOST_KEY = "/etc/ssh/ssh_host_ed25519_key"
FAILED = re.compile(r"Connection (?:closed|reset) by authenticating user skp .*\[preauth\]")


def in_node(command: str) -> Ran:
    """Run a command as root in the node, by the engine that it runs on: not by SSH."""
    return host_docker("exec", NODE, "sh", "-c", command)


def sshd_log(since: str) -> str:
    return host_docker("logs", "--since", since, NODE).all


def now() -> str:
    """Return the time as `docker logs --since` reads it, in the engine's resolution."""
    return f"{time.time():.6f}"


def until(condition: Callable[[], bool], seconds: float = 30) -> None:
    """Wait until `condition` holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.2)


def answers() -> bool:
    return by_ssh(NODE, "true", seconds=15).code == 0


def forget_penalties() -> None:
    """Let sshd start again: it keeps in memory whom it refuses."""
    in_node("kill -HUP $(pgrep -o -x sshd)")
    until(answers)


@pytest.fixture
def stopped(changed: None) -> Iterator[Callable[[str], None]]:
    """Return what freezes a program of the node; it goes on after the test."""
    frozen: list[str] = []

    def stop(program: str) -> None:
        pid = in_node(f"pgrep -o -x {program}").out.strip()
        assert pid
        frozen.append(pid)
        assert in_node(f"kill -STOP {pid}").code == 0

    yield stop
    for pid in frozen:
        in_node(f"kill -CONT {pid}")


@pytest.fixture
def reinstalled(changed: None) -> Iterator[None]:
    """Give the node another host key, as a new installation does; the old one comes back."""
    known = (ROOT / ".lab" / "known_hosts").read_text()
    in_node(
        f"cp -a {HOST_KEY} /root/old_key && cp -a {HOST_KEY}.pub /root/old_key.pub && "
        f"rm {HOST_KEY}* && ssh-keygen -q -t ed25519 -N '' -f {HOST_KEY} && "
        "kill -HUP $(pgrep -o -x sshd)"
    )
    yield
    in_node(f"mv /root/old_key {HOST_KEY} && mv /root/old_key.pub {HOST_KEY}.pub")
    (ROOT / ".lab" / "known_hosts").write_text(known)
    forget_penalties()


@pytest.fixture
def forgiving(platform: None) -> Iterator[None]:
    """Begin and end with an sshd that has nothing against this machine's address."""
    forget_penalties()
    yield
    forget_penalties()


@pytest.fixture
def wrong_key(
    forgiving: None, tmp_path: Path, settings: Callable[..., dict[str, str]]
) -> dict[str, str]:
    """Return an environment in which the node is reached with three keys that it does not know."""
    config = (ROOT / ".lab" / "ssh_config").read_text()
    names = [str(tmp_path / f"key{number}") for number in range(3)]
    for name in names:
        assert run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", name).code == 0
    files = "".join(f"  IdentityFile {name}\n" for name in names)
    own = f"Host {NODE}\n  HostName {ADDRESS}\n{files}"
    others = config.replace(f"{NODE} ", "").replace("10.99.0.*", "")
    rest = f"  User skp\n  IdentitiesOnly yes\n  UserKnownHostsFile {ROOT}/.lab/known_hosts\n"
    (tmp_path / "ssh_config").write_text(own + rest + others)
    return settings(SKP_SSH_CONFIG=str(tmp_path / "ssh_config"))


def test_a_changed_host_key_is_refused_and_the_command_shown_pins_it(reinstalled: None) -> None:
    until(lambda: "ssh-ed25519" in run("ssh-keyscan", "-t", "ed25519", ADDRESS).out)
    refused = skp("ssh.cmd", "-c", "hostname")
    assert refused.code == 1
    assert sorted(refused.out.splitlines()) == ["c01: c01", "c02: c02"]
    assert f"{NODE}: the SSH host key of {ADDRESS} is not the one in known_hosts" in refused.err
    own = in_node(f"ssh-keygen -lf {HOST_KEY}.pub").out.split()[1]
    assert f"It shows ssh-ed25519 {own}" in refused.err
    (shown,) = re.findall(r"pin it: (ssh-keygen .*)", refused.err)
    pinned = run("bash", "-c", shown)
    assert pinned.code == 0, pinned.all
    after = skp("ssh.cmd", "-c", "hostname")
    assert after.code == 0, after.all
    assert sorted(after.out.splitlines()) == ["c01: c01", "c02: c02", "c03: c03"]


def test_apply_serves_the_others_when_a_host_key_has_changed(reinstalled: None) -> None:
    on("c02", "docker rm -f registry-skp")
    before = container_ids(("c01",))
    applied = skp("docker.apply")
    assert applied.code == 1
    assert applied.all.count("is not the one in known_hosts") == 1
    assert "registry-skp" in container_ids(("c02",))["c02"]
    assert container_ids(("c01",)) == before


def test_a_wrong_key_is_said_once_and_tried_once(wrong_key: dict[str, str]) -> None:
    for command in (["docker.apply"], ["docker.status"]):
        since = now()
        ran = skp(*command, env=wrong_key)
        assert ran.code == 1, ran.all
        assert ran.all.count(f"login as skp@{ADDRESS}:22 is refused") == 1, ran.all
        assert "key0" in ran.all
        until(lambda since=since: bool(FAILED.search(sshd_log(since))))  # type: ignore[misc]
        assert len(FAILED.findall(sshd_log(since))) == 1, sshd_log(since)


def test_the_right_key_works_right_after_a_wrong_one(wrong_key: dict[str, str]) -> None:
    assert skp("ssh.cmd", "-c", "true", env=wrong_key).code == 1
    after = skp("ssh.cmd", "-c", "hostname", "--nodes", NODE)
    assert after.out == f"{NODE}: {NODE}\n", after.all


def test_a_lock_out_is_recognised_and_not_made_longer(
    wrong_key: dict[str, str], tmp_path: Path
) -> None:
    failing = ("ssh", "-F", str(tmp_path / "ssh_config"), NODE, "true")
    for _ in range(8):  # one after another: the penalty passes in real time
        assert run(*failing, seconds=60).code != 0
    failed = skp("ssh.cmd", "-c", "true", "--nodes", NODE, env=wrong_key)
    assert "sshd refuses this machine's address for a while" in failed.err, failed.all
    since = now()
    right = skp("ssh.cmd", "-c", "true", "--nodes", NODE)
    assert right.code == 1
    assert "sshd refuses this machine's address for a while" in right.err
    assert "wait" in right.err
    assert not FAILED.search(sshd_log(since))
    until(lambda: skp("ssh.cmd", "-c", "true", "--nodes", NODE).code == 0, seconds=90)


def test_without_any_key_it_says_so(
    forgiving: None, tmp_path: Path, settings: Callable[..., dict[str, str]]
) -> None:
    config = (ROOT / ".lab" / "ssh_config").read_text()
    (tmp_path / "ssh_config").write_text(config.replace("/.lab/id_ed25519", "/.lab/no_such_key"))
    environment = settings(SKP_SSH_CONFIG=str(tmp_path / "ssh_config"))
    ran = skp("ssh.cmd", "-c", "true", "--nodes", NODE, env=environment)
    assert ran.code == 1
    assert "there is no key to log in" in ran.err
    assert "no_such_key" in ran.err


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Return the environment of an SSH agent that holds seven keys which no node knows."""
    started = run("ssh-agent", "-s").out
    environment = dict(re.findall(r"(SSH_\w+)=(.*?);", started))
    for number in range(7):
        key = str(tmp_path / f"key{number}")
        assert run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key).code == 0
        assert run("ssh-add", "-q", key, env=environment).code == 0
    yield environment
    run("ssh-agent", "-k", env=environment)


def test_a_key_with_a_passphrase_is_taken_from_the_agent(
    forgiving: None,
    agent: dict[str, str],
    tmp_path: Path,
    settings: Callable[..., dict[str, str]],
) -> None:
    own = ROOT / ".lab" / "id_ed25519"
    locked = tmp_path / "locked"
    locked.write_bytes(own.read_bytes())
    locked.chmod(0o600)
    (tmp_path / "locked.pub").write_bytes((ROOT / ".lab" / "id_ed25519.pub").read_bytes())
    assert run("ssh-keygen", "-q", "-p", "-N", "a passphrase", "-f", str(locked)).code == 0
    config = (ROOT / ".lab" / "ssh_config").read_text().replace(str(own), str(locked))
    (tmp_path / "ssh_config").write_text(config)
    environment = settings(SKP_SSH_CONFIG=str(tmp_path / "ssh_config"))
    words = ("ssh.cmd", "-c", "hostname", "--nodes", NODE)
    without = skp(*words, env=environment | agent)
    assert without.code == 1
    assert f"ssh-add {locked}" in without.err
    assert run("ssh-add", "-q", str(own), env=agent).code == 0
    since = now()
    with_it = skp(*words, env=environment | agent)
    assert with_it.out == f"{NODE}: {NODE}\n", with_it.all
    assert not FAILED.search(sshd_log(since))


def test_a_hung_sshd_is_given_up_within_the_deadline(stopped: Callable[[str], None]) -> None:
    stopped("sshd")
    begun = time.monotonic()
    ran = skp("ssh.cmd", "-c", "hostname", "--timeout", "5")
    assert time.monotonic() - begun < 15
    assert ran.code == 1
    assert sorted(ran.out.splitlines()) == ["c01: c01", "c02: c02"]
    assert f"{NODE}: skp@{ADDRESS}:22 does not answer within 5 s" in ran.err


def test_a_frozen_engine_is_said_and_the_others_are_served(stopped: Callable[[str], None]) -> None:
    on("c02", "docker rm -f registry-skp")
    on(NODE, "docker rm -f registry-skp")
    stopped("dockerd")
    begun = time.monotonic()
    ran = skp("docker.apply", "--timeout", "10")
    seconds = time.monotonic() - begun
    assert ran.code == 1, ran.all
    assert re.search(rf"{NODE}: .*the Docker Engine does not answer within 10 s", ran.all), ran.all
    assert "registry-skp" in container_ids(("c02",))["c02"]
    assert seconds < 90, f"{seconds:.0f} s: {ran.all}"
    in_node("kill -CONT $(pgrep -o -x dockerd)")
    healed = skp("docker.apply")
    assert healed.code == 0, healed.all
    assert "registry-skp" in container_ids((NODE,))[NODE]
