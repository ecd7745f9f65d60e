"""Keys of SSH, made once; they are worth nothing and never leave the test's folder."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from cluster.connectors.ssh_config import Target
from tests.support.fake_sshd import FakeSshd


def _make(path: Path, passphrase: str = "") -> None:
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-C", path.name, "-f", path],
        check=True,
    )


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """Give key files by name: of two hosts, of two users, and one with a passphrase."""
    folder = tmp_path_factory.mktemp("keys")
    for name in ("host", "other-host", "ann", "bob"):
        _make(folder / name)
    _make(folder / "locked", "open sesame")
    return {path.name: path for path in folder.iterdir() if not path.suffix}


@pytest.fixture
def sshd(keys: Mapping[str, Path]) -> Iterator[FakeSshd]:
    """Give a server that lets Ann's key in."""
    with FakeSshd(keys["host"]) as server:
        server.let_in(keys["ann"])
        yield server


@pytest.fixture
def target(keys: Mapping[str, Path], sshd: FakeSshd, tmp_path: Path) -> Target:
    """Give the way to that server: its key is known, Ann's key is offered, no agent."""
    known = tmp_path / "known_hosts"
    kind, key, *_ = keys["host"].with_suffix(".pub").read_text().split()
    known.write_text(f"[127.0.0.1]:{sshd.port} {kind} {key}\n")
    options = {
        "hostname": "127.0.0.1",
        "port": str(sshd.port),
        "user": "ann",
        "userknownhostsfile": str(known),
        "identityfile": str(keys["ann"]),
        "identityagent": "none",
    }
    return Target("c01", options, ("ssh", "-l", "ann", "c01"))
