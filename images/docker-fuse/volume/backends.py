"""What each backend is: its credentials, its mount command, what it has not written back yet."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import client
import status

CREDENTIALS = Path("/run/skp")
_MOUNTS = Path("/mnt")
_RCLONE = status.PRIVATE / "rclone.conf"
_DEADLINES = ("--contimeout=5s", "--timeout=20s", "--low-level-retries=2")
_LOOK = 15  # seconds
# What a credential may be: nothing that its reader would take for more than one.
_OPENSSH = b"OPENSSH PRIVATE KEY"
_KEY = re.compile(rb"-----BEGIN %b-----\n[A-Za-z0-9+/=\n]+-----END [A-Z ]+-----\n" % _OPENSSH)
_KNOWN = re.compile(rb"[!-~]+ [a-z0-9@.-]+ [A-Za-z0-9+/]+={0,2}\n")
_S3 = re.compile(rb"[!-9;-~]+:[!-~]+\n")
_BLOB = re.compile(rb"[A-Za-z0-9+/]+={0,2}\n")


class SetupError(Exception):
    """What was given can't work; the text says what to do."""


class Backend:
    """One data volume.

    Attributes:
        name: its folder's name. type: its file system's type in /proc/mounts.
        interval: seconds between probes. caches: folders that its client writes, in the cache's.
    """

    name: str
    type: str
    caches: tuple[str, ...] = ()
    interval: float = 5

    @property
    def point(self) -> Path:
        """Where it is mounted."""
        return _MOUNTS / self.name

    @property
    def bare(self) -> str:
        """What its client takes for its mountpoint."""
        return str(client.HOME / self.name)

    def prepare(self) -> None:
        """Check the credentials, and write what else the mount command reads.

        Raises:
            SetupError: they are missing, or not of their form.
        """
        raise NotImplementedError

    def command(self) -> list[str]:
        """Return the mount command, to be run in the foreground. It holds no secret."""
        raise NotImplementedError

    def refused(self) -> str:
        """Return what is wrong before a mount that its command would not find wrong; "" if nothing."""
        return ""

    def pending(self) -> int:
        """Return how many bytes are closed by their writers and not at the server yet."""
        return 0


def _checked(name: str, form: re.Pattern[bytes], init: str) -> Path:
    """Copy a credential, of which `init` is the command, to where the client reads it; return where.

    Raises:
        SetupError: it is missing, or is not of this form.
    """
    path = CREDENTIALS / name
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SetupError(f"{name}: {error.strerror}; ./skp.py {init}, then docker.apply") from None
    if not form.fullmatch(content):
        raise SetupError(f"{name} is not of its form; ./skp.py {init}, then docker.apply")
    client.keep(status.PRIVATE / name, content)
    return status.PRIVATE / name


def _flag(key: str) -> bool:
    return os.environ.get(key) == "TRUE"


class Sshfs(Backend):
    """A folder of an SSH server, by sshfs(1). What is closed without an error is at the server."""

    name, type = "sshfs", "fuse.sshfs"

    def prepare(self) -> None:
        """Check the key and the server's pinned host key."""
        _checked("id_ed25519", _KEY, "sshfs.copy-id -p")
        _checked("known_hosts", _KNOWN, "sshfs.copy-id -p")

    def command(self) -> list[str]:
        """sshfs without its own reconnection: a broken connection ends it, and is mounted anew."""
        user, host, port, folder = (
            os.environ[key] for key in ("USER_ID", "HOST", "PORT", "FOLDER")
        )
        uid, gid = owner()
        options = [
            "allow_other", "default_permissions", f"uid={uid}", f"gid={gid}", "dcache_timeout=5",
            f"port={port}", "ssh_command=ssh -F none", f"IdentityFile={status.PRIVATE}/id_ed25519",
            "IdentitiesOnly=yes", f"UserKnownHostsFile={status.PRIVATE}/known_hosts",
            "GlobalKnownHostsFile=none", "StrictHostKeyChecking=yes", "BatchMode=yes",
            "PreferredAuthentications=publickey", "ConnectTimeout=8",
            "ServerAliveInterval=5", "ServerAliveCountMax=4",
            *(["ro"] if _flag("READ_ONLY") else []),
        ]  # fmt: skip
        return ["sshfs", "-f", f"{user}@{host}:{folder}", self.bare, "-o", ",".join(options)]


class S3(Backend):
    """A bucket, by s3fs(1). What is closed or fsynced without an error is at the server."""

    name, type, caches = "s3", "fuse.s3fs", ("tmp",)
    interval = 10

    def prepare(self) -> None:
        """Check the access key."""
        _checked("passwd-s3fs", _S3, "s3fs.init")

    def command(self) -> list[str]:
        """s3fs with short deadlines: an error is told, not waited out."""
        uid, gid = owner()
        url = os.environ["URL"]
        options = [
            f"passwd_file={status.PRIVATE}/passwd-s3fs", "allow_other", "default_permissions",
            f"uid={uid}", f"gid={gid}", "umask=0022", "mp_umask=0022",
            f"endpoint={os.environ['REGION']}", "connect_timeout=5",
            "readwrite_timeout=20", "retries=3", "stat_cache_expire=5", "listobjectsv2", "sigv4",
            f"tmpdir={status.CACHE}/tmp",
            *([f"url={url}", "use_path_request_style"] if url else []),
            *(["ro"] if _flag("READ_ONLY") else []),
        ]  # fmt: skip
        return ["s3fs", os.environ["BUCKET"], self.bare, "-f", "-o", ",".join(options)]


class Blob(Backend):
    """A container of Azure Blob, by rclone mount, which writes back what was closed."""

    name, type, caches = "blob", "fuse.rclone", ("vfs", "vfsMeta")
    interval = 10

    def prepare(self) -> None:
        """Check the account's key, and write it where rclone reads it."""
        key = _checked("account-key", _BLOB, "blobfs.init").read_text(encoding="utf-8").strip()
        lines = ["[blob]", "type = azureblob", f"account = {os.environ['ACCOUNT']}", f"key = {key}"]
        lines += ["no_check_container = true"]  # it would make one that is not there
        if url := os.environ["URL"]:  # rclone's only way to a server with another URL's form
            lines += ["use_emulator = true", f"endpoint = {url}"]
        client.keep(_RCLONE, ("\n".join(lines) + "\n").encode())

    def refused(self) -> str:
        """Look for the container: rclone takes one that is not there for an empty one."""
        words = ["rclone", "lsf", "blob:", f"--config={_RCLONE}", *_DEADLINES, "--retries=1"]
        looking = client.start(words)
        try:
            said, _ = looking.communicate(timeout=_LOOK)
        except subprocess.TimeoutExpired:
            client.end(looking)
            return f"no answer within {_LOOK} s"
        if looking.returncode:
            return said.strip()
        name = os.environ["BUCKET"]
        return "" if f"{name}/" in said.split() else f"there is no container {name}"

    def command(self) -> list[str]:
        """Rclone with a write cache that outlives the container."""
        uid, gid = owner()
        return [
            "rclone", "mount", f"blob:{os.environ['BUCKET']}", self.bare,
            f"--config={_RCLONE}", "--allow-other", "--default-permissions", f"--uid={uid}",
            f"--gid={gid}", "--umask=022", "--vfs-cache-mode=writes", "--vfs-write-back=1s",
            f"--vfs-cache-max-size={os.environ['CACHE_SIZE']}", f"--cache-dir={status.CACHE}",
            "--dir-cache-time=5s", *_DEADLINES,
            *(["--read-only"] if _flag("READ_ONLY") else []),
        ]  # fmt: skip

    def pending(self) -> int:
        """Count the files that rclone's cache calls dirty (vfs/vfscache of its source)."""
        return sum(
            _dirty(f"{folder}/{name}")
            for folder, _, names in os.walk(status.CACHE / "vfsMeta")
            for name in names
        )


def _dirty(path: str) -> int:
    try:
        content = client.plain(path)
        if b'"Dirty": false' in content:
            return 0
        found = json.loads(content)
    except OSError:
        return 0  # it went
    except ValueError:
        return 1  # half written: just now, or the disk is full; not known to be at the server
    return max(1, int(found["Size"])) if found.get("Dirty") else 0


def owner() -> tuple[int, int]:
    """Return user and group id of the volumes' users, whose all files are."""
    uid, _, gid = os.environ["OWNER"].partition(":")
    return int(uid), int(gid or uid)


BACKENDS: dict[str, Callable[[], Backend]] = {"sshfs": Sshfs, "s3": S3, "blob": Blob}
