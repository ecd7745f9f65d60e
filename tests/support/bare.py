"""Machines with nothing but an SSH server and a user with a password: a network of their own."""

from __future__ import annotations

import json
import secrets
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lab import uplink
from lab.config import LabConfig
from lab.material import archive, host_settings
from tests.support.lab import ROOT, Ran, host_docker, run

IMAGE = "skp-lab/bare:test"
NETWORK = "skp-bare"


@dataclass(frozen=True)
class Machines:
    """The machines of a test, and how SKP is told of them.

    Attributes:
        password: the user skp's, on all of them.
        environment: names settings and inventory.
    """

    names: tuple[str, ...]
    password: str
    environment: dict[str, str]

    def skp(self, *words: str, stdin: str = "", seconds: float = 1200) -> Ran:
        """Run a command as a person would type it, and type `stdin`."""
        import os

        done = subprocess.run(
            ["./skp.py", *words], cwd=ROOT, input=stdin, capture_output=True, text=True,
            timeout=seconds, check=False, env={**os.environ, **self.environment},
        )  # fmt: skip
        assert self.password not in done.stdout + done.stderr
        return Ran(done.returncode, done.stdout, done.stderr)

    def inside(self, name: str, command: str) -> Ran:
        """Run a command as root on a machine, not by SSH."""
        return run("docker", "exec", name, "sh", "-c", command, seconds=300)


@contextmanager
def machines(folder: Path, count: int) -> Iterator[Machines]:
    """Give machines b01, b02, ... that were never touched; they are gone afterwards."""
    names = tuple(f"b{number:02d}" for number in range(1, count + 1))
    built = run("images/build.sh", "lab-bare", IMAGE)
    assert built.code == 0, built.all
    _remove(names)
    made = Machines(names, secrets.token_urlsafe(12), _told(folder, names))
    mtu = f"com.docker.network.driver.mtu={uplink.mtu()}"
    network = host_docker("network", "create", "--subnet", "10.98.0.0/24", "-o", mtu, NETWORK)
    assert network.code == 0, network.all
    try:
        for name in names:
            _make(made, name)
        yield made
    finally:
        _remove(names)


def address(name: str) -> str:
    """Return a machine's address."""
    return f"10.98.0.{10 + int(name[1:])}"


def _make(made: Machines, name: str) -> None:
    done = host_docker(
        "run", "-d", "--name", name, "--hostname", name, "--privileged", "--network", NETWORK,
        "--ip", address(name), "--tmpfs", "/run", "-v", f"{name}-docker:/var/lib/docker",
        "-v", "skp-bare-home:/home/skp/skp/volume",
        "-v", "skp-bare-platform:/home/skp/skp/platform", IMAGE,
    )  # fmt: skip
    assert done.code == 0, done.all
    files = archive(host_settings(LabConfig(checkout=ROOT)))
    put = ["docker", "cp", "-", f"{name}:/"]
    subprocess.run(put, input=files, check=True, capture_output=True, timeout=60)
    subprocess.run(
        ["docker", "exec", "-i", name, "chpasswd"], input=f"skp:{made.password}\n", text=True,
        check=True, timeout=60,
    )  # fmt: skip
    made.inside(name, "chown skp: /home/skp/skp/volume")


def _told(folder: Path, names: tuple[str, ...]) -> dict[str, str]:
    """Write settings, inventory, SSH configuration and key; return what names them."""
    groups = {name: ["master", "manager"] if name == names[0] else ["worker"] for name in names}
    hosts = {n: {"ipv4": address(n), "labels": [], "groups": groups[n]} for n in names}
    (folder / "hosts.json").write_text(json.dumps(hosts))
    key = folder / "id_ed25519"
    assert run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)).code == 0
    (folder / "ssh_config").write_text(
        f"Host b0*\n  IdentityFile {key}\n  IdentitiesOnly yes\n"
        f"  UserKnownHostsFile {folder}/known_hosts\n  StrictHostKeyChecking yes\n"
    )
    changed = {
        "SKP_SSH_CONFIG": folder / "ssh_config", "SKP_ETC": folder, "SKP_DFS": "",
        "SKP_NET_SUBNET": "10.92.0.0/16",
    }  # fmt: skip
    lines = [f"export {key}={shlex.quote(str(value))}" for key, value in changed.items()]
    (folder / "env.sh").write_text("\n".join([f"source {ROOT}/bin/env.sh", *lines, ""]))
    return {"SKP_ENV": str(folder / "env.sh"), "SKP_HOSTS": str(folder / "hosts.json")}


def _remove(names: tuple[str, ...]) -> None:
    host_docker("rm", "-f", "-v", *names)
    shared = ("skp-bare-home", "skp-bare-platform")
    host_docker("volume", "rm", "-f", *shared, *(f"{name}-docker" for name in names))
    host_docker("network", "rm", NETWORK)
