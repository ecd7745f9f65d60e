"""What each backend is: its credentials, its mount command, what it has not written back yet."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import status

CREDENTIALS = Path("/run/credentials")
_MOUNTS = Path("/mnt")
_RCLONE = status.PRIVATE / "rclone.conf"
_DEADLINES = ("--contimeout=5s", "--timeout=20s", "--low-level-retries=2")
_LOOK = 15  # seconds


class SetupError(Exception):
    """What was given can't work; the text says what to do."""


class Backend:
    """One data volume.

    Attributes:
        name: its folder's name. type: its file system's type in /proc/mounts.
        interval: seconds between probes.
    """

    name: str
    type: str
    interval: float = 5

    def __init__(self) -> None:
        self._taken: dict[str, bytes] = {}

    @property
    def point(self) -> Path:
        """Where it is mounted."""
        return _MOUNTS / self.name

    def prepare(self) -> None:
        """Check the credentials and copy them to where the mount command reads them.

        Raises:
            SetupError: they are missing, others can read them, or they can't be read.
        """
        raise NotImplementedError

    def command(self) -> list[str]:
        """Return the mount command, to be run in the foreground. It holds no secret."""
        raise NotImplementedError

    def refused(self) -> str:
        """Return what is wrong before a mount that its command would not find wrong; "" if nothing."""
        return ""

    def renewed(self) -> bool:
        """Whether the credentials are others now than those it was mounted with."""
        try:
            return any(_read(name, "") != content for name, content in self._taken.items())
        except SetupError:
            return False

    def pending(self) -> int:
        """Return how many bytes are closed by their writers and not at the server yet."""
        return 0

    def _take(self, name: str, init: str) -> Path:
        """Copy a credential, which `init` writes, to the container's own memory; return where."""
        content = self._taken[name] = _read(name, init)
        target = status.PRIVATE / name
        target.unlink(missing_ok=True)
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        return target


def _read(name: str, init: str) -> bytes:
    """Read a credential as its owner: a file server may let root read nothing."""
    place = f"{os.environ['CREDENTIALS']}/{name}"
    path = CREDENTIALS / Path(place).parent.name / name
    try:
        found = path.stat()
    except OSError as error:
        raise SetupError(f"{place}: {error.strerror}; ./skp.py {init} makes it") from None
    if found.st_mode & 0o077:
        mode = f"{found.st_mode & 0o777:o}"
        raise SetupError(
            f"{place}: others can read it (mode {mode}; 600 is needed); chmod 600 {place}"
        )
    os.seteuid(found.st_uid)
    try:
        return path.read_bytes()
    except OSError as error:
        raise SetupError(f"{place}: can't be read: {error.strerror}") from None
    finally:
        os.seteuid(0)


def _flag(key: str) -> bool:
    return os.environ.get(key) == "TRUE"


class Sshfs(Backend):
    """A folder of an SSH server, by sshfs(1). What is closed without an error is at the server."""

    name, type = "sshfs", "fuse.sshfs"

    def prepare(self) -> None:
        """Take the key and the server's pinned host key."""
        self._take("id_ed25519", "sshfs.keygen")
        self._take("known_hosts", "sshfs.copy-id -p")

    def command(self) -> list[str]:
        """sshfs without its own reconnection: a broken connection ends it, and is mounted anew."""
        user, host, port, folder = (
            os.environ[key] for key in ("USER_ID", "HOST", "PORT", "FOLDER")
        )
        uid, gid = _owner()
        options = [
            "allow_other", f"uid={uid}", f"gid={gid}", "dcache_timeout=5", f"port={port}",
            "ssh_command=ssh -F none", f"IdentityFile={status.PRIVATE}/id_ed25519",
            "IdentitiesOnly=yes", f"UserKnownHostsFile={status.PRIVATE}/known_hosts",
            "GlobalKnownHostsFile=none", "StrictHostKeyChecking=yes", "BatchMode=yes",
            "PreferredAuthentications=publickey", "ConnectTimeout=8",
            "ServerAliveInterval=5", "ServerAliveCountMax=4",
            *(["ro"] if _flag("READ_ONLY") else []),
        ]  # fmt: skip
        return ["sshfs", "-f", f"{user}@{host}:{folder}", str(self.point), "-o", ",".join(options)]


class S3(Backend):
    """A bucket, by s3fs(1). What is closed or fsynced without an error is at the server."""

    name, type = "s3", "fuse.s3fs"
    interval = 10

    def prepare(self) -> None:
        """Take the access key."""
        self._take("passwd-s3fs", "s3fs.init")

    def command(self) -> list[str]:
        """s3fs with short deadlines: an error is told, not waited out."""
        uid, gid = _owner()
        url = os.environ["URL"]
        options = [
            f"passwd_file={status.PRIVATE}/passwd-s3fs", "allow_other", f"uid={uid}", f"gid={gid}",
            "umask=0022", f"endpoint={os.environ['REGION']}", "connect_timeout=5",
            "readwrite_timeout=20", "retries=3", "stat_cache_expire=5", "listobjectsv2", "sigv4",
            f"tmpdir={status.CACHE}",
            *([f"url={url}", "use_path_request_style"] if url else []),
            *(["ro"] if _flag("READ_ONLY") else []),
        ]  # fmt: skip
        return ["s3fs", os.environ["BUCKET"], str(self.point), "-f", "-o", ",".join(options)]


class Blob(Backend):
    """A container of Azure Blob, by rclone mount, which writes back what was closed."""

    name, type = "blob", "fuse.rclone"
    interval = 10

    def prepare(self) -> None:
        """Take the account's key, and write it where rclone reads it."""
        key = self._take("account-key", "blobfs.init").read_text(encoding="utf-8").strip()
        lines = ["[blob]", "type = azureblob", f"account = {os.environ['ACCOUNT']}", f"key = {key}"]
        lines += ["no_check_container = true"]  # it would make one that is not there
        if url := os.environ["URL"]:  # rclone's only way to a server with another URL's form
            lines += ["use_emulator = true", f"endpoint = {url}"]
        _RCLONE.touch(mode=0o600)
        _RCLONE.write_text("\n".join(lines) + "\n", encoding="utf-8")

    def refused(self) -> str:
        """Look for the container: rclone takes one that is not there for an empty one."""
        words = ["rclone", "lsf", "blob:", f"--config={_RCLONE}", *_DEADLINES, "--retries=1"]
        try:
            done = subprocess.run(words, capture_output=True, text=True, timeout=_LOOK, check=False)
        except subprocess.TimeoutExpired:
            return f"no answer within {_LOOK} s"
        if done.returncode:
            return done.stderr.strip()
        name = os.environ["BUCKET"]
        return "" if f"{name}/" in done.stdout.split() else f"there is no container {name}"

    def command(self) -> list[str]:
        """Rclone with a write cache that outlives the container."""
        uid, gid = _owner()
        return [
            "rclone", "mount", f"blob:{os.environ['BUCKET']}", str(self.point),
            f"--config={_RCLONE}", "--allow-other", f"--uid={uid}",
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
        with open(path, "rb") as file:  # noqa: PTH123 - there may be very many
            content = file.read()
        if b'"Dirty": false' in content:
            return 0
        found = json.loads(content)
    except OSError:
        return 0  # it went
    except ValueError:
        return 1  # half written: just now, or the disk is full; not known to be at the server
    return max(1, int(found["Size"])) if found.get("Dirty") else 0


def _owner() -> tuple[str, str]:
    uid, _, gid = os.environ["OWNER"].partition(":")
    return uid, gid


BACKENDS: dict[str, Callable[[], Backend]] = {"sshfs": Sshfs, "s3": S3, "blob": Blob}
