"""Known host keys, and the errors for a host key that is not known or has changed."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import paramiko

from cluster.connectors import known_hosts
from cluster.connectors.known_hosts import Known
from cluster.errors import NodeError

if TYPE_CHECKING:
    from cluster.connectors.ssh_config import Target

_PORT = 22
_USUAL = "~/.ssh/known_hosts"


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

    def __init__(self, target: Target, key: paramiko.PKey, *, signed: bool = False) -> None:
        """Make the error.

        Args:
            signed: whether known_hosts has an authority that may have signed the key.
        """
        self.shown, self.file = _shown(key), _file(target)
        self.line = f"{_line(target, key)}\n"
        super().__init__(
            target.name,
            f"the SSH host key of {target.host} is not known{_AUTHORITY if signed else ''}. "
            f"It shows {self.shown}",
            f"{_COMPARE} {_pin(target, key)}",
        )


class ChangedKeyError(paramiko.SSHException):
    """The host's key is another than the known ones."""

    def __init__(self, key: paramiko.PKey) -> None:
        super().__init__("changed host key")
        self.key = key


class RevokedKeyError(paramiko.SSHException):
    """The host shows a key that nobody may use any more."""

    def __init__(self, key: paramiko.PKey) -> None:
        super().__init__("revoked host key")
        self.key = key


class Verify(paramiko.MissingHostKeyPolicy):
    """Lets in hosts that show one of their known keys; adds nothing to known_hosts.

    Attributes:
        known: what the files say of the host.
    """

    def __init__(self, target: Target) -> None:
        """Read the files that OpenSSH would read.

        Raises:
            NodeError: one can't be read.
        """
        self.known = known_hosts.known(_texts(target), _names(target))

    def missing_host_key(
        self,
        client: paramiko.SSHClient,  # noqa: ARG002 - paramiko's signature
        hostname: str,  # noqa: ARG002
        key: paramiko.PKey,
    ) -> None:
        """Raise an error unless the key is known: paramiko, which is told of none, asks here."""
        if key in self.known.revoked:
            raise RevokedKeyError(key)
        if key not in self.known.keys:
            raise (ChangedKeyError if self.known.keys else UnknownKeyError)(key)

    def first(self, kinds: Iterable[str]) -> tuple[str, ...]:
        """Return kinds of signatures, those first that the known keys make, as OpenSSH asks."""
        mine = {key.get_name() for key in self.known.keys}
        return tuple(sorted(kinds, key=lambda kind: _RSA.get(kind, kind) not in mine))


_RSA = {"rsa-sha2-512": "ssh-rsa", "rsa-sha2-256": "ssh-rsa"}


def _texts(target: Target) -> Iterator[bytes]:
    for path in [*_user_files(target), *target.paths("globalknownhostsfile")]:
        try:
            yield Path(path).read_bytes()
        except OSError as error:
            raise NodeError(
                target.name, f"{path}: can't be read as known hosts: {error.strerror}"
            ) from None


def _names(target: Target) -> tuple[str, ...]:
    """Return the names that OpenSSH looks up (sshconnect.c, check_host_key).

    An alias is looked up without the port; a host that is not known with its port is looked up
    without it as well.
    """
    if alias := target.options.get("hostkeyalias"):
        return (alias,)
    return tuple(dict.fromkeys((_known_as(target), target.host)))


def refusal(target: Target, error: paramiko.SSHException, known: Known) -> NodeError | None:
    """Return the error for a host key that `Verify` does not let in; None for another error."""
    if isinstance(error, RevokedKeyError):
        return NodeError(
            target.name,
            f"the SSH host key of {target.host} is revoked: a line @revoked of known_hosts has "
            f"it. It shows {_shown(error.key)}",
            "Make the node another one: as root there, ssh-keygen -A after removing that key's "
            "files.",
        )
    if isinstance(error, ChangedKeyError):
        return changed_key_error(target, error.key)
    if isinstance(error, UnknownKeyError):
        return UnknownHostError(target, error.key, signed=known.signed)
    return None


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


_AUTHORITY = (
    " (known_hosts has an authority for it, @cert-authority, whose signatures SKP can't verify)"
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


def _user_files(target: Target) -> list[str]:
    """Return the user's files that are there; one that keeps nothing stands for the usual one."""
    if _keeps_nothing(target):
        usual = Path(_USUAL).expanduser()
        return [str(usual)] if usual.is_file() else []
    return target.paths("userknownhostsfile")


def _keeps_nothing(target: Target) -> bool:
    """Whether the configuration wants no known keys, as `vagrant ssh-config` writes it.

    OpenSSH then takes any key. SKP does not: what it does on a node is root's work.
    """
    named = target.options.get("userknownhostsfile", _USUAL).split()
    return all(name in ("/dev/null", "none") for name in named)


def _file(target: Target) -> str:
    """Return the file that a person adds keys to: the first that the configuration names."""
    if _keeps_nothing(target):
        return _USUAL
    existing = target.paths("userknownhostsfile")
    named = target.options.get("userknownhostsfile", _USUAL).split()
    return existing[0] if existing else target.expand(named[0])
