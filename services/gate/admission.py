"""The operation that has a node let the gate in."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import PurePosixPath

from cluster.model.item import Action, Kind
from cluster.operations.base import Context, Operation

# As the SSH user: the file is exchanged as a whole, without an older key of the gate.
_ADD = """umask 077 && mkdir -p ~/.ssh && cd ~/.ssh && read -r line && touch authorized_keys &&
{ grep -v ' skp-gate$' authorized_keys || true; } >authorized_keys.skp &&
{ [ ! -s authorized_keys.skp ] || [ -z "$(tail -c 1 authorized_keys.skp)" ] ||
  echo >>authorized_keys.skp; } && echo "$line" >>authorized_keys.skp &&
mv -f authorized_keys.skp authorized_keys"""


@dataclass(frozen=True)
class LetGateIn(Operation):
    """Have the SSH user of a node accept the gate's key, from the master's address alone.

    Attributes:
        user: the SSH user. line: of authorized_keys.
        mark: the path of the file that says which line it is.
    """

    node: str
    user: str
    line: str
    mark: str
    name: str = "the gate's key"
    kind, action = Kind.CREDENTIAL, Action.INSTALL

    def execute(self, context: Context) -> str:
        """Add the line, and note that it is there."""
        node = self.node_in(context)
        given = f"{self.line}\n".encode()
        script = f"su -s /bin/sh {shlex.quote(self.user)} -c {shlex.quote(_ADD)}"
        node.sudo(script, stdin=given)
        folder = PurePosixPath(self.mark).parent
        node.sudo(f"install -d -m 0755 {folder} && (umask 022; cat >{self.mark})", stdin=given)
        return ""
