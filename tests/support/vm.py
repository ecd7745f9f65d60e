"""Two machines with kernels of their own (QEMU), a master and a worker, and SKP told of them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.lab import ROOT, Ran, host_docker, run

NAME, IMAGE = "skp-vm", "skp-lab/vm:test"
SERVER, CLIENT = "u01", "u02"
ADDRESSES = {SERVER: "10.97.0.11", CLIENT: "10.97.0.12"}
PATIENT = 600  # seconds: without KVM such a machine is slow


@dataclass(frozen=True)
class Machines:
    """Both machines, running.

    Attributes:
        environment: names settings and inventory.
    """

    environment: dict[str, str]

    def skp(self, *words: str) -> Ran:
        """Run a command as a person would type it."""
        return run("./skp.py", *words, seconds=PATIENT, env=self.environment)

    def on(self, node: str, command: str) -> Ran:
        """Run a command on one machine as its user."""
        return self.skp("ssh.cmd", "--nodes", node, "-c", command)

    def told(self, node: str, command: str) -> str:
        """Return what a command says on one machine, where it must end well."""
        ran = self.on(node, command)
        assert ran.code == 0, ran.all
        return "".join(line.removeprefix(f"{node}: ") for line in ran.out.splitlines(keepends=True))

    def share(self) -> None:
        """Have the master's folders on the worker, by the guide's commands."""
        assert self.skp("host.copy").code == 0
        for command in ("nfs.install", "nfs.mount-skp"):
            self.twice(command)

    def twice(self, command: str) -> None:
        """Run a command that changes something, and again, when there is nothing to change."""
        first, second = self.skp(command), self.skp(command)
        assert first.code == 0, first.all
        assert second.out.startswith("Nothing to change"), second.all


def host(*words: str) -> None:
    """Prepare, start or kill a machine."""
    done = run("docker", "exec", NAME, "/usr/local/lib/skp-lab/host", *words, seconds=PATIENT)
    assert done.code == 0, done.all


@contextmanager
def machines(folder: Path) -> Iterator[Machines]:
    """Boot both; they are gone afterwards."""
    assert run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{folder}/key").code == 0
    built = run("images/build.sh", "lab-vm", IMAGE, seconds=1800)
    assert built.code == 0, built.all
    _remove()
    network = host_docker("network", "create", "--subnet", "10.97.0.0/24", NAME)
    assert network.code == 0, network.all
    try:
        began = host_docker("run", "-d", "--name", NAME, "--privileged", "--network", NAME, IMAGE)
        assert began.code == 0, began.all
        host("prepare", (folder / "key.pub").read_text().strip())
        made = Machines(_write(folder))
        for name, address in ADDRESSES.items():
            host("start", name, address)
        until(lambda: made.skp("ssh.cmd", "-c", "true").code == 0)
        yield made
    finally:
        _remove()


def _remove() -> None:
    host_docker("rm", "-f", "-v", NAME)
    host_docker("network", "rm", NAME)


def _write(folder: Path) -> dict[str, str]:
    """Write settings, inventory, SSH configuration; return what names them."""
    groups = {SERVER: ["master", "manager"], CLIENT: ["worker"]}
    hosts = {n: {"ipv4": a, "labels": [], "groups": groups[n]} for n, a in ADDRESSES.items()}
    (folder / "hosts.json").write_text(json.dumps(hosts))
    key = host_docker("exec", NAME, "cat", "/var/lib/vm/root/etc/ssh/ssh_host_ed25519_key.pub").out
    (folder / "known_hosts").write_text("".join(f"{a} {key}" for a in ADDRESSES.values()))
    (folder / "ssh_config").write_text(
        f"Host u0*\n  IdentityFile {folder}/key\n  IdentitiesOnly yes\n"
        f"  UserKnownHostsFile {folder}/known_hosts\n"
    )
    values = {
        "SKP_SSH_CONFIG": folder / "ssh_config", "SKP_ETC": folder, "SKP_DFS": "",
        "SKP_TIMEOUT_CONNECT": 60, "SKP_TIMEOUT_REQUEST": 300,
    }  # fmt: skip
    lines = [f'export {key}="{value}"' for key, value in values.items()]
    (folder / "env.sh").write_text("\n".join([f"source {ROOT}/bin/env.sh", *lines, ""]))
    return {"SKP_ENV": str(folder / "env.sh"), "SKP_HOSTS": str(folder / "hosts.json")}


def until(condition: Callable[[], bool], seconds: float = PATIENT) -> None:
    """Wait for what is to come true."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(1)
