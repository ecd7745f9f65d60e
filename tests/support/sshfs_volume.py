"""A data volume by SSHFS: an OpenSSH server on one of the lab's nodes, and the guide's commands."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.data_volumes import Volume, as_root, switched_on, until
from tests.support.lab import by_ssh, on, skp

# Node c03 is the SSH server too: Debian's OpenSSH, with a user of its own.
SERVER, ADDRESS, USER, FOLDER = "c03", "10.99.0.13", "files", "/srv/files"
PASSWORD = "Pass word$'1"
SSHD = """
AllowUsers skp files
Match User files
  PasswordAuthentication yes
"""


def reload_sshd() -> None:
    on(SERVER, "sudo pkill -HUP -o -x sshd")
    until(lambda: by_ssh(SERVER, "true").code == 0, 20)


@contextmanager
def served() -> Iterator[None]:
    """An OpenSSH server with a user who logs in by password, as copy-id needs it."""
    path = "/etc/ssh/sshd_config.d/00-files.conf"
    as_root(SERVER, f"id {USER} || useradd -m {USER}; install -d -o {USER} {FOLDER}")
    hidden = on(SERVER, f"sudo chpasswd <<'E'\n{USER}:{PASSWORD}\nE")
    assert hidden.code == 0, hidden.all
    on(SERVER, f"sudo tee {path} <<'E'{SSHD}E")
    reload_sshd()
    yield
    as_root(SERVER, f"rm {path}; userdel -rf {USER}; rm -rf {FOLDER}")
    reload_sshd()


@contextmanager
def mounted(folder: Path, hosts: str = "") -> Iterator[Volume]:
    """SSHFS switched on by the guide's own commands.

    Args:
        folder: for the file of settings. hosts: the path of another inventory.
    """
    values = {"SSHFS_ID": USER, "SSHFS_HOST": ADDRESS, "SSHFS_VOLUME": FOLDER}
    given = switched_on(folder, values, hosts)
    for words in (
        ("docker.image-build-fuse", "-t=latest"),
        ("sshfs.keygen",),
        # (This machine may still know the host key of an earlier practice cluster.)
        ("sshfs.copy-id", f"-p={PASSWORD}", "--accept-host-keys", "--renew"),
        ("docker.volumes-run",),
    ):
        ran = given.skp(*words)
        assert ran.code == 0, ran.all
    yield given
    removed = skp("docker.apply", "-q", "volumes")
    on("c01", "sudo rm -rf /home/skp/skp/volume/etc/ssh")
    assert removed.code == 0, removed.all
