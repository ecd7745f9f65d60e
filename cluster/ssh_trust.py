"""Whom SSH trusts: known host keys, and what is said of one that is not known or has changed."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import paramiko
from paramiko.hostkeys import InvalidHostKey

from cluster.errors import NodeError

if TYPE_CHECKING:
    from cluster.ssh_target import Target

_PORT = 22


class UnknownKeyError(paramiko.SSHException):
    """The host's key is in none of the files."""

    def __init__(self, key: paramiko.PKey) -> None:
        super().__init__("unknown host key")
        self.key = key


class Refuse(paramiko.MissingHostKeyPolicy):
    """Refuses a host whose key is not known; nothing is ever added."""

    def missing_host_key(
        self,
        client: paramiko.SSHClient,  # noqa: ARG002 - paramiko's signature
        hostname: str,  # noqa: ARG002
        key: paramiko.PKey,
    ) -> None:
        """Raise UnknownKeyError; paramiko calls this for a key that it does not find."""
        raise UnknownKeyError(key)


def load_host_keys(client: paramiko.SSHClient, target: Target) -> None:
    """Give `client` the host keys of the files that OpenSSH would read.

    Raises:
        NodeError: a file can't be read.
    """
    for path in [*target.paths("userknownhostsfile"), *target.paths("globalknownhostsfile")]:
        try:
            client.load_host_keys(path)
        except (OSError, ValueError, paramiko.SSHException, InvalidHostKey) as error:
            raise NodeError(target.name, f"{path}: can't be read as known hosts: {error}") from None
    alias = target.options.get("hostkeyalias")
    if alias and target.port != _PORT:
        # OpenSSH looks an alias up without the port, paramiko with it.
        keys = client.get_host_keys()
        for kind, key in (keys.lookup(alias) or {}).items():
            keys.add(f"[{alias}]:{target.port}", kind, key)


def changed(target: Target, found: paramiko.PKey) -> NodeError:
    """Return the error for a host whose key is another than the known one."""
    file, name = _file(target), _known_as(target)
    forget = f"ssh-keygen -f {shlex.quote(file)} -R {shlex.quote(name)}"
    return NodeError(
        target.name,
        f"the SSH host key of {target.host} is not the one in known_hosts: reinstalled, or another "
        f"machine answers. It shows {_shown(found)}",
        f"{_COMPARE} {forget} && {_pin(target)}",
    )


def unknown(target: Target, found: paramiko.PKey) -> NodeError:
    """Return the error for a host whose key is in no file."""
    return NodeError(
        target.name,
        f"the SSH host key of {target.host} is not known. It shows {_shown(found)}",
        f"{_COMPARE} {_pin(target)}",
    )


_COMPARE = (
    "Compare that with the node's own (there: ssh-keygen -lf /etc/ssh/ssh_host_..._key.pub); only\n"
    "  if it is the same, pin it:"
)


def _shown(key: paramiko.PKey) -> str:
    return f"{key.get_name()} {key.fingerprint}"


def _pin(target: Target) -> str:
    scan = f"ssh-keyscan -p {target.port} {shlex.quote(target.host)}"
    if alias := target.options.get("hostkeyalias"):
        scan += f" | sed 's/^[^ ]*/{alias}/'"
    return f"{scan} >> {shlex.quote(_file(target))}"


def _known_as(target: Target) -> str:
    if alias := target.options.get("hostkeyalias"):
        return alias
    return target.host if target.port == _PORT else f"[{target.host}]:{target.port}"


def _file(target: Target) -> str:
    """Return the file that a person adds keys to: the first that the configuration names."""
    existing = target.paths("userknownhostsfile")
    named = target.options.get("userknownhostsfile", "~/.ssh/known_hosts").split()
    return existing[0] if existing else target.expand(named[0])
