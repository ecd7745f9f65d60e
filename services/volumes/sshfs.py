"""SSHFS's credentials: our key pair, and the server's host key, which a person accepts."""

from __future__ import annotations

import io
import re
import socket
import stat
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from cluster.config.secrets import Secret
from cluster.errors import SkpError
from cluster.model.cluster import Cluster
from services.volumes.backends import SSHFS, need
from services.volumes.credentials import Accepted, accepted, known_name
from services.volumes.key_pair import KeyPair, fingerprint, key_pair
from services.volumes.shared import exposed, left, saved

if TYPE_CHECKING:
    import paramiko

    from cluster.commands.change import Change
    from cluster.connectors.fleet import Fleet
    from cluster.model.cluster import Declared

KEY = "SSHFS_KEY"
PUBLIC = "etc/ssh/id_ed25519.pub"
_COMMENT = "skp"
_AUTHORIZED = ".ssh/authorized_keys"
# Whoever reads the key gets files, and neither a shell nor a way on to other machines.
_ONLY_SFTP = 'restrict,command="internal-sftp"'
_OWN = re.compile(rf"\bssh-ed25519 ([A-Za-z0-9+/]+) {_COMMENT}$")


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
        return known_name(self.host, self.port)


@dataclass(frozen=True)
class Login:
    """What a login to the server is made with.

    Attributes:
        server: the server. pair: our key pair.
        pinned: the host key that a person accepted, type and key; "" for none.
        retired: the fingerprints of keys that the server is not to accept any more: the one before
            a renewal, and that of an earlier version, which notebooks could read.
    """

    server: Server
    pair: KeyPair
    pinned: str
    retired: frozenset[str]

    def asking(self) -> Login:
        """Return the same login, for which a person is asked about the host key anew."""
        return replace(self, pinned="")


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


def stored(cluster: Cluster, fleet: Fleet) -> Change:
    """Return the change that stores the secrets of SSHFS, and shows the public key.

    Raises:
        NodeError: the master can't be asked, or a link is in the public key's way.
    """
    from cluster.commands.change import Change

    public = f"{key_pair(cluster.secrets[KEY]).public} {_COMMENT}\n"
    shown = saved(cluster, fleet, PUBLIC, public)
    return Change((shown,), warnings=exposed(cluster, fleet, SSHFS), stores_secrets=True)


def login(declared: Declared, fleet: Fleet) -> Login:
    """Return what `copy_id` logs in with.

    Raises:
        SkpError: there is no key yet. NodeError: no manager, or not the master, can be asked.
    """
    from cluster.facts.cluster import known_secrets

    resolved, cluster = known_secrets(declared, fleet), declared.alone()
    if KEY in resolved.generated:
        raise SkpError("there is no key yet", "./skp.py sshfs.keygen")
    found = accepted(replace(cluster, secrets=resolved.values))
    pair, before = key_pair(resolved.values[KEY]), _left(left(cluster, fleet, SSHFS.shared[0]))
    retired = {before, found.ours if found else ""} - {"", pair.fingerprint}
    return Login(server(cluster), pair, found.key if found else "", frozenset(retired))


def copy_id(given: Login, password: Secret, agree: Callable[[str], None]) -> Secret:
    """Add our key to the server's account, log in by it, and return what is to be stored.

    Args:
        password: the user's on the server.
        agree: takes the question whether an unknown host key is the right one; raises if it is not.

    Raises:
        SkpError: the server can't be reached, its host key is not the pinned one, or it refuses the
            login.
    """
    target, private = given.server, _paramiko(given.pair)
    with _connected(target, given.pinned) as transport:
        found = _named(transport.get_remote_server_key())
        if not given.pinned:
            agree(_question(target, transport.get_remote_server_key()))
        _log_in(target, lambda: transport.auth_password(target.user, password.reveal()), "password")
        _authorize(transport, given)
    with _connected(target, found) as transport:
        _log_in(target, lambda: transport.auth_publickey(target.user, private), "new key")
        _check_folder(target, transport)
    return Accepted(target.user, target.name, found, given.pair.fingerprint).stored()


def _paramiko(pair: KeyPair) -> paramiko.PKey:
    import paramiko

    return paramiko.Ed25519Key.from_private_key(io.StringIO(pair.private.reveal()))


def _left(private: str) -> str:
    """Return the fingerprint of the key that an earlier version left; "" for none."""
    import paramiko

    try:
        return str(paramiko.Ed25519Key.from_private_key(io.StringIO(private)).fingerprint)
    except (paramiko.SSHException, ValueError):
        return ""


def _named(key: paramiko.PKey) -> str:
    return f"{key.get_name()} {key.get_base64()}"


@contextmanager
def _connected(target: Server, pinned: str) -> Iterator[paramiko.Transport]:
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
        if pinned not in ("", _named(found)):
            raise SkpError(
                f"the SSH host key of {target.host} is not the one that was pinned: reinstalled, "
                f"or another machine answers. It shows {_shown(found)}",
                "If that is right: ./skp.py sshfs.copy-id -p --renew asks about it.",
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


def authorized(text: str, public: str, retired: Collection[str] = ()) -> str:
    """Return authorized_keys (sshd(8)) with our key in it, for SFTP and nothing else.

    A line that has the key already, as from an earlier version, gives way.

    Args:
        public: type and key of ours.
        retired: the fingerprints of keys that are taken away, where the comment says SKP's.
    """
    lines = text.splitlines()
    others = [line for line in lines if public not in line and _whose(line) not in retired]
    return "".join(f"{line}\n" for line in [*others, f"{_ONLY_SFTP} {public} {_COMMENT}"])


def _whose(line: str) -> str:
    """Return the fingerprint of the key in a line that the comment says is SKP's; "" for others."""
    found = _OWN.search(line)
    return fingerprint(found[1]) if found else ""


def _authorize(transport: paramiko.Transport, given: Login) -> None:
    """Put the key into authorized_keys, as ssh-copy-id does, but by SFTP, which SSHFS needs too."""
    with _sftp(transport) as sftp:
        try:
            sftp.mkdir(".ssh", 0o700)
        except OSError:
            sftp.stat(".ssh")  # it exists already, or this raises what is wrong
        with sftp.open(_AUTHORIZED, "a+") as file:  # makes one where there is none
            file.seek(0)
            known = file.read().decode(errors="surrogateescape")
        if (wanted := authorized(known, given.pair.public, given.retired)) != known:
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
