"""Commands as root on machines where sudo may still want the user's password."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from secrets import token_hex

from cluster.config.secrets import Secret
from cluster.connectors import sudo
from cluster.connectors.base import Answer, Completed
from cluster.connectors.node import Node
from cluster.connectors.shell import AS_ROOT

_BEGUN = "skp: root"
# sudo shows the prompt and reads a line of standard input, which the script does not get (sudo(8)).
_AS_ROOT = """
[ "$(id -u)" != 0 ] || exec sh -c "$script" </dev/null
command -v sudo >/dev/null || { echo "there is no sudo" >&2; exit 1; }
! sudo -n true 2>/dev/null || exec sudo -n sh -c "$script" </dev/null
exec sudo -k -S -p "$prompt" sh -c "$script"
"""


@dataclass(frozen=True)
class Root:
    """Runs scripts as root: directly where the SSH user is root, else by sudo.

    Attributes:
        password: the SSH user's, for a sudo that asks for one; None when it was not given.
    """

    password: Secret | None

    def run(self, node: Node, script: str, seconds: float) -> Completed:
        """Run a shell script as root on `node`; the caller judges its exit code.

        Args:
            seconds: the deadline.

        Raises:
            NodeError: the SSH user can't become root; says why.
        """
        answer = Answer(f"skp-{token_hex(8)}:", self.password) if self.password else None
        quoted = shlex.quote(f"echo '{_BEGUN}'\n{AS_ROOT}{script}")
        prompt = answer.prompt if answer else ""
        command = f"prompt={prompt} script={quoted}\n{_AS_ROOT}"
        done = node.run_watched(command, seconds, answer=answer)
        done = replace(done, stderr=done.stderr.replace(prompt.encode(), b"", 1))
        begun, _, rest = done.stdout.partition(b"\n")
        if begun != _BEGUN.encode():
            raise sudo.failure(node.name, done.complaint())
        return Completed(done.exit_code, rest, done.stderr)
