"""Files that nodes have, and those that services read on the shared folder: values."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from cluster.config.secrets import Secret


@dataclass(frozen=True)
class NodeFile:
    """A file that every node has on its own disk, owned by root and readable by all.

    Attributes:
        path: absolute path on the node.
        content: its text; never a secret.
        mode: its permissions.
        link: absolute path of a symbolic link to it; "" for none.
        where: only nodes with this folder have the file; "" for all nodes.
        then: a shell command that root runs after the file was written or removed; "" for none.
    """

    path: str
    content: str
    mode: int = 0o644
    link: str = ""
    where: str = ""
    then: str = ""

    @property
    def signature(self) -> str:
        """What a probe finds on a node that has the file as it should be: mode, owner, SHA-256."""
        return f"{self.mode:o} 0 {hashlib.sha256(self.content.encode()).hexdigest()}"


@dataclass(frozen=True)
class Credential:
    """A secret file on the shared folder that services read: its SSH user's alone (mode 0600).

    Attributes:
        root: the absolute path of the folder that is shared; what is below it is others' to change.
        path: its path below that folder.
    """

    root: str
    path: str
    content: Secret
