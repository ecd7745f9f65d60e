"""Known host keys, and the errors for a host key that is not known or has changed."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import paramiko
from paramiko.hostkeys import InvalidHostKey

from cluster.errors import NodeError

if TYPE_CHECKING:
    from cluster.connectors.ssh_config import Target

_PORT = 22


class UnknownKeyError(paramiko.SSHException):
    """The host's key is in none of the files."""

    def __init__(self, key: paramiko.PKey) -> None:
        super().__init__("unknown host key")
        self.key = key


class UnknownHostError(NodeError):
    """A host whose key is not known yet.

    Attributes:
        shown: the key's kind and fingerprint.
        file: the file that a person would add the key to. line: the line of known_hosts for it.
    """

    def __init__(self, target: Target, key: paramiko.PKey) -> None:
        self.shown, self.file = _shown(key), _file(target)
        self.line = f"{_line(target, key)}\n"
        super().__init__(
            target.name,
            f"the SSH host key of {target.host} is not known. It shows {self.shown}",
            f"{_COMPARE} {_pin(target, key)}",
        )


class Refuse(paramiko.MissingHostKeyPolicy):
    """Refuses a host whose key is not known, and adds nothing to known_hosts."""

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
    if target.port != _PORT:
        _know_without_port(client.get_host_keys(), target)


def _know_without_port(keys: paramiko.HostKeys, target: Target) -> None:
    """Have paramiko, which looks up the name with its port, find the keys that OpenSSH finds.

    An alias is looked up without the port; a host that is not known with its port is looked up
    without it as well (sshconnect.c, check_host_key).
    """
    alias = target.options.get("hostkeyalias")
    name = f"[{alias or target.host}]:{target.port}"
    if alias is None and keys.lookup(name):
        return
    for kind, key in (keys.lookup(alias or target.host) or {}).items():
        keys.add(name, kind, key)


def changed_key_error(target: Target, found: paramiko.PKey) -> NodeError:
    """Return the error for a host whose key is another than the known one."""
    file, name = _file(target), _known_as(target)
    forget = f"ssh-keygen -f {shlex.quote(file)} -R {shlex.quote(name)}"
    return NodeError(
        target.name,
        f"the SSH host key of {target.host} is not the one in known_hosts: reinstalled, or another "
        f"machine answers. It shows {_shown(found)}",
        f"{_COMPARE} {forget} && {_pin(target, found)}",
    )


_COMPARE = (
    "Compare that with the node's own (there: ssh-keygen -lf /etc/ssh/ssh_host_..._key.pub); only\n"
    "  if it is the same, pin it:"
)


def _shown(key: paramiko.PKey) -> str:
    return f"{key.get_name()} {key.fingerprint}"


def _line(target: Target, key: paramiko.PKey) -> str:
    return f"{_known_as(target)} {key.get_name()} {key.get_base64()}"


def _pin(target: Target, key: paramiko.PKey) -> str:
    """Return the command that pins the key that was shown: another scan may meet another key."""
    return f"echo {shlex.quote(_line(target, key))} >> {shlex.quote(_file(target))}"


def _known_as(target: Target) -> str:
    if alias := target.options.get("hostkeyalias"):
        return alias
    return target.host if target.port == _PORT else f"[{target.host}]:{target.port}"


def _file(target: Target) -> str:
    """Return the file that a person adds keys to: the first that the configuration names."""
    existing = target.paths("userknownhostsfile")
    named = target.options.get("userknownhostsfile", "~/.ssh/known_hosts").split()
    return existing[0] if existing else target.expand(named[0])
