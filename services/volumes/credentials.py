"""What containers of data volumes log in with: what their servers have accepted, as stored. Pure.

Nothing of it lies on the shared folder: a stored secret is kept by the managers, and reaches a node
as a file of the one container that needs it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from cluster.config.secrets import Secret
from cluster.model.cluster import Cluster
from cluster.model.spec import SecretFile
from services.volumes.backends import BLOB, S3, SSHFS, Backend
from services.volumes.key_pair import key_pair

_SSH_PORT = 22
# Type and key as in known_hosts (sshd(8)).
_HOST_KEY = re.compile(r"[a-z0-9@.-]+ [A-Za-z0-9+/]+={0,2}")
_S3 = re.compile("[!-9;-~]+:[!-~]+")
_BLOB = re.compile("[!-9;-~]+:[A-Za-z0-9+/]+={0,2}")


@dataclass(frozen=True)
class Accepted:
    """An SSH server as a person accepted it, and the key pair that it accepted.

    Attributes:
        user: the user on the server. name: the server's name in known_hosts.
        key: its host key, type and key, separated by a blank.
        ours: the fingerprint of our public key.
    """

    user: str
    name: str
    key: str
    ours: str

    def stored(self) -> Secret:
        """Return it as it is stored."""
        return Secret(f"{self.user} {self.name} {self.key} {self.ours}")

    @property
    def line(self) -> str:
        """The server's line of known_hosts."""
        return f"{self.name} {self.key}\n"


def accepted(cluster: Cluster) -> Accepted | None:
    """Return what was found right of the SSH server that the settings name; None for nothing."""
    words = cluster.secrets[SSHFS.accepted].reveal().split(" ")
    name = known_name(cluster.settings.text("SSHFS_HOST"), cluster.settings.number("SSHFS_PORT"))
    if len(words) != 5 or words[1] != name or not _HOST_KEY.fullmatch(" ".join(words[2:4])):
        return None
    return Accepted(words[0], name, " ".join(words[2:4]), words[4])


def known_name(host: str, port: int) -> str:
    """Return a server's name in known_hosts (sshd(8))."""
    return host if port == _SSH_PORT else f"[{host}]:{port}"


def files(cluster: Cluster, backend: Backend) -> tuple[SecretFile, ...]:
    """Return the files for the container of `backend`.

    They are what its server has accepted, for the server and account that the settings name; () as
    long as there is no such thing.
    """
    stored = cluster.secrets[backend.accepted].reveal()
    account, _, key = stored.partition(":")
    if backend is S3 and _S3.fullmatch(stored) and account == cluster.settings.text("S3_ACCESS_ID"):
        return (SecretFile("passwd-s3fs", Secret(f"{stored}\n")),)
    named = cluster.settings.text("BLOB_ACCOUNT_NAME")
    if backend is BLOB and _BLOB.fullmatch(stored) and account == named:
        return (SecretFile("account-key", Secret(f"{key}\n")),)
    return _ssh_files(cluster) if backend is SSHFS else ()


def _ssh_files(cluster: Cluster) -> tuple[SecretFile, ...]:
    found = accepted(cluster)
    if found is None or found.user != cluster.settings.text("SSHFS_ID"):
        return ()
    pair = key_pair(cluster.secrets["SSHFS_KEY"])
    if found.ours != pair.fingerprint:
        return ()
    return (
        SecretFile("id_ed25519", pair.private),
        SecretFile("known_hosts", Secret(found.line)),
    )
