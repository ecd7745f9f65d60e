"""SSHFS's credentials: a key pair of SKP's own, and the server's host key, which is pinned."""

from __future__ import annotations

import io
import socket
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cluster.config.secrets import Secret
from cluster.errors import SkpError
from cluster.model.cluster import Cluster
from services.volumes.backends import SSHFS, need
from services.volumes.credentials import read, write

if TYPE_CHECKING:
    import paramiko

    from cluster.commands.change import Change
    from cluster.connectors.fleet import Fleet

KEY = f"{SSHFS.folder}/id_ed25519"
PUBLIC = f"{KEY}.pub"
KNOWN = f"{SSHFS.folder}/known_hosts"
_SSH_PORT = 22
_AUTHORIZED = ".ssh/authorized_keys"
# Whoever reads the key gets files, and neither a shell nor a way on to other machines.
_ONLY_SFTP = 'restrict,command="internal-sftp"'


@dataclass(frozen=True)
class Server:
    """The SSH server as the settings name it; `seconds` is the deadline of a connection."""

    user: str
    host: str
    port: int
    folder: str
    seconds: float

    @property
    def name(self) -> str:
        """The server's name in known_hosts (sshd(8))."""
        return self.host if self.port == _SSH_PORT else f"[{self.host}]:{self.port}"


def server(cluster: Cluster) -> Server:
    """Return the server.

    Raises:
        ConfigError: SSHFS is switched off, or half filled in.
    """
    text = cluster.settings.text
    need(cluster, SSHFS)
    return Server(
        text("SSHFS_ID"),
        text("SSHFS_HOST"),
        cluster.settings.number("SSHFS_PORT"),
        text("SSHFS_VOLUME"),
        cluster.settings.deadlines.connect,
    )


def keygen(cluster: Cluster, fleet: Fleet) -> Change:
    """Return the change that saves a new key pair, unless there is one.

    Raises:
        SkpError: the existing key is of another kind. NodeError: the master can't be asked.
    """
    key = read(cluster, fleet, KEY)
    private = _private(key) if key else None
    if private is None:
        key, public = _new_pair()
    else:
        public = f"{private.get_name()} {private.get_base64()} skp\n"
    assert key is not None
    return write(cluster, fleet, {KEY: key, PUBLIC: Secret(public)})


def copy_id(
    cluster: Cluster, fleet: Fleet, password: Secret, agree: Callable[[str], None]
) -> Secret:
    """Add our key to the server's account, log in by it, and return the server's known_hosts line.

    Args:
        password: the user's on the server.
        agree: takes the question whether an unknown host key is the right one; raises if it is not.

    Raises:
        SkpError: there is no key yet, the server can't be reached, its host key is not the pinned
            one, or it refuses the login.
    """
    target = server(cluster)
    key = read(cluster, fleet, KEY)
    if key is None:
        raise SkpError(f"there is no key {cluster.home}/{KEY} yet", "./skp.py sshfs.keygen")
    pinned, private = _pinned(target, read(cluster, fleet, KNOWN)), _private(key)
    public = f"{private.get_name()} {private.get_base64()} skp"
    with _connected(target, pinned) as transport:
        found = transport.get_remote_server_key()
        if pinned is None:
            agree(_question(target, found))
        _log_in(target, lambda: transport.auth_password(target.user, password.reveal()), "password")
        _authorize(transport, public)
    line = f"{target.name} {found.get_name()} {found.get_base64()}\n"
    with _connected(target, Secret(line)) as transport:
        _log_in(target, lambda: transport.auth_publickey(target.user, private), "new key")
        _check_folder(target, transport)
    return Secret(line)


def pin(cluster: Cluster, fleet: Fleet, line: Secret) -> Change:
    """Return the change that pins the server's host key."""
    return write(cluster, fleet, {KNOWN: line})


def _pinned(target: Server, known: Secret | None) -> Secret | None:
    """Return the line of known_hosts that names this server; None when there is none."""
    lines = known.reveal().splitlines(keepends=True) if known else []
    return next((Secret(line) for line in lines if line.split()[:1] == [target.name]), None)


def _new_pair() -> tuple[Secret, str]:
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.OpenSSH, form.NoEncryption())
    public = key.public_key().public_bytes(form.Encoding.OpenSSH, form.PublicFormat.OpenSSH)
    return Secret(private.decode()), f"{public.decode()} skp\n"


def _private(key: Secret) -> paramiko.PKey:
    import paramiko

    try:
        return paramiko.Ed25519Key.from_private_key(io.StringIO(key.reveal()))
    except (paramiko.SSHException, ValueError):
        raise SkpError(
            f"{KEY} is not an ed25519 key without a passphrase",
            "Move it away, then ./skp.py sshfs.keygen makes one.",
        ) from None


@contextmanager
def _connected(target: Server, pinned: Secret | None) -> Iterator[paramiko.Transport]:
    """Connect; refuse a server whose host key is not the pinned one, before any login is sent."""
    import paramiko

    try:
        connection = socket.create_connection((target.host, target.port), target.seconds)
    except OSError as error:
        raise SkpError(
            f"{target.host} port {target.port} can't be reached: {error}",
            "SSHFS_HOST and SSHFS_PORT name the server.",
        ) from None
    transport = paramiko.Transport(connection)
    transport.banner_timeout = transport.auth_timeout = target.seconds
    try:
        transport.start_client(timeout=target.seconds)
        found = transport.get_remote_server_key()
        if pinned and f"{found.get_name()} {found.get_base64()}" not in pinned.reveal():
            raise SkpError(
                f"the SSH host key of {target.host} is not the one that was pinned: reinstalled, "
                f"or another machine answers. It shows {_shown(found)}",
                f"If that is right: remove {KNOWN} on the shared folder, then copy-id again.",
            )
        yield transport
    except (paramiko.SSHException, EOFError, OSError) as error:
        raise SkpError(f"{target.host}: the SSH connection failed: {error}") from None
    finally:
        transport.close()


def _question(target: Server, found: paramiko.PKey) -> str:
    return (
        f"the SSH host key of {target.host} is not known. It shows {_shown(found)}\n"
        "  Compare that with the server's own (there: ssh-keygen -lf "
        "/etc/ssh/ssh_host_..._key.pub);\n  only if it is the same, have it pinned."
    )


def _shown(key: paramiko.PKey) -> str:
    return f"{key.get_name()} {key.fingerprint}"


def _log_in(target: Server, attempt: Callable[[], object], what: str) -> None:
    import paramiko

    try:
        attempt()
    except paramiko.AuthenticationException:
        raise SkpError(
            f"{target.host} refuses the {what} of {target.user}",
            "SSHFS_ID names the user. sshd may refuse this machine for a while after failures.",
        ) from None


def authorized(text: str, public: str) -> str:
    """Return authorized_keys (sshd(8)) with our key in it, for SFTP and nothing else.

    A line that has the key already, as from an earlier version, gives way.

    Args:
        public: our key's line as ssh-keygen writes it.
    """
    own = " ".join(public.split()[:2])
    others = [line for line in text.splitlines() if own not in line]
    return "".join(f"{line}\n" for line in [*others, f"{_ONLY_SFTP} {public}"])


def _authorize(transport: paramiko.Transport, public: str) -> None:
    """Put the key into authorized_keys, as ssh-copy-id does, but by SFTP, which SSHFS needs too."""
    with _sftp(transport) as sftp:
        try:
            sftp.mkdir(".ssh", 0o700)
        except OSError:
            sftp.stat(".ssh")  # it exists already, or this raises what is wrong
        with sftp.open(_AUTHORIZED, "a+") as file:  # makes one where there is none
            file.seek(0)
            known = file.read().decode(errors="surrogateescape")
        if (wanted := authorized(known, public)) != known:
            new = f"{_AUTHORIZED}.skp"
            with sftp.open(new, "w") as file:
                sftp.chmod(new, 0o600)
                file.write(wanted.encode(errors="surrogateescape"))
            sftp.posix_rename(new, _AUTHORIZED)
        sftp.chmod(_AUTHORIZED, 0o600)


def _check_folder(target: Server, transport: paramiko.Transport) -> None:
    with _sftp(transport) as sftp:
        try:
            mode = sftp.stat(target.folder).st_mode or 0
        except OSError as error:
            raise SkpError(
                f"{target.host}: {target.folder}: {error.strerror or error}",
                "SSHFS_VOLUME names the folder.",
            ) from None
        if not stat.S_ISDIR(mode):
            raise SkpError(f"{target.host}: {target.folder} is not a folder")


@contextmanager
def _sftp(transport: paramiko.Transport) -> Iterator[paramiko.SFTPClient]:
    import paramiko

    sftp = paramiko.SFTPClient.from_transport(transport)
    assert sftp is not None
    try:
        yield sftp
    finally:
        sftp.close()
