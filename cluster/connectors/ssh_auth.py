"""Logging in by SSH: which keys are offered, and the errors when sshd refuses."""

from __future__ import annotations

import os
import shlex
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import paramiko
from paramiko.agent import AgentSSH
from paramiko.ssh_exception import IncompatiblePeer

from cluster.errors import NodeError

if TYPE_CHECKING:
    from cluster.connectors.ssh_config import Target

_USUAL_AGENT = "SSH_AUTH_SOCK"
_LOCKED_OUT = """Mend the login first, then wait: a minute is usually enough, ten at most
  (sshd_config(5), PerSourcePenalties). Only another failed login makes it longer."""
# What sshd sends in place of its version when it refuses to talk (sshd.c, drop_connection).
_REFUSALS = {
    b"Not allowed at this time": (
        "sshd refuses this machine's address for a while, after logins from it that failed",
        _LOCKED_OUT,
    ),
    b"Exceeded MaxStartups": (
        "sshd has too many logins under way",
        "Try again; if it stays so, raise MaxStartups in the node's sshd_config.",
    ),
}


class _Agent(AgentSSH):
    """An agent at a socket of its own (ssh_config(5), IdentityAgent)."""

    def __init__(self, path: str) -> None:
        super().__init__()
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(path)
        except OSError:
            connection.close()  # as OpenSSH does: other keys may be accepted
            return
        self._connect(connection)  # type: ignore[attr-defined]  # its stubs leave it out

    def close(self) -> None:
        """End the connection to the agent; paramiko's client calls this."""
        self._close()  # type: ignore[attr-defined]  # likewise


def agent(target: Target) -> paramiko.Agent | _Agent:
    """Return the agent that the SSH configuration names, by default $SSH_AUTH_SOCK's."""
    named = target.options.get("identityagent", _USUAL_AGENT)
    if named == _USUAL_AGENT:
        return paramiko.Agent()
    path = os.environ.get(named[1:], "") if named.startswith("$") else target.expand(named)
    return _Agent(str(Path(path).expanduser()))


def whole_agent(target: Target) -> bool:
    """Whether every key of the agent may be offered (ssh_config(5), IdentitiesOnly)."""
    options = target.options
    return options.get("identityagent") != "none" and options.get("identitiesonly") != "yes"


def chosen_of_agent(target: Target) -> paramiko.PKey | None:
    """Return the agent's key that IdentitiesOnly still allows: one of an IdentityFile's.

    The key's file may need a passphrase, which only the agent knows.
    """
    if whole_agent(target) or target.options.get("identityagent") == "none":
        return None
    public = [Path(f"{name}.pub") for name in target.paths("identityfile")]
    allowed = {path.read_text().split()[1] for path in public if path.is_file()}
    return next((key for key in agent(target).get_keys() if key.get_base64() in allowed), None)


def greeting_error(target: Target, greeting: bytes) -> NodeError | None:
    """Return the error for an sshd whose first bytes refuse to talk; None if it talks."""
    for line, (what, hint) in _REFUSALS.items():
        if greeting.startswith(line):
            return NodeError(target.name, f"{target.where}: {what}", hint)
    return None


def login_error(target: Target, error: paramiko.AuthenticationException) -> NodeError:
    """Return the error for a login that was refused, or whose key needs a passphrase."""
    if isinstance(error, paramiko.PasswordRequiredException):
        locked = shlex.join(target.paths("identityfile"))
        return NodeError(
            target.name,
            f"login as {target.where}: the key needs a passphrase, and no agent holds it",
            f'Give it to an agent: eval "$(ssh-agent)" && ssh-add {locked}',
        )
    offered = ", ".join(target.paths("identityfile")) or "none of a file"
    verbose = shlex.join([*target.arguments[:-1], "-v", target.name, "true"])
    return NodeError(
        target.name,
        f"login as {target.where} is refused ({str(error).rstrip('.')}); keys offered: {offered}",
        f"Nothing is tried twice, since sshd locks out who fails often. See why: {verbose}",
    )


def protocol_error(target: Target, error: paramiko.SSHException) -> NodeError:
    """Return the error for an SSH conversation that failed for any other reason."""
    if "No authentication methods" in str(error):
        named = target.options.get("identityfile", "").replace("\n", ", ")
        return NodeError(
            target.name,
            f"there is no key to log in as {target.where}: no file {named}, and none of an agent",
            "Make one (ssh-keygen) and put it on the node (ssh-copy-id), or name yours by\n"
            "  IdentityFile in the SSH configuration.",
        )
    if "banner" in str(error):
        return NodeError(
            target.name,
            f"{target.where} closes the connection before SSH begins",
            f"sshd may be starting, or refuse this address after failed logins. {_LOCKED_OUT}",
        )
    if isinstance(error, IncompatiblePeer):
        return NodeError(
            target.name,
            f"{target.where} offers only such {_wanted(error)} as SKP does not have: {error}",
            "Have its sshd_config allow one of these too, beside its own:\n"
            "  Ciphers +aes256-gcm@openssh.com, KexAlgorithms +curve25519-sha256, "
            "MACs +hmac-sha2-256-etm@openssh.com;\n  then there: systemctl reload ssh",
        )
    return NodeError(target.name, f"SSH with {target.where} failed: {error}")


def _wanted(error: paramiko.SSHException) -> str:
    """Return what two sides could not agree on."""
    words = ("ciphers", "kex", "macs", "host key", "compression")
    return next((word for word in words if word in str(error)), "methods")
