"""The client's process: a user of its own without any capability, for whom root mounts.

What a client parses is its server's. So it runs as a user who owns nothing but its credentials and
its cache, and may neither mount nor make name spaces. Where it would call fusermount3, which is
root's elsewhere, ours (../fusermount3) asks the supervisor by the socket that it was started with.
"""

from __future__ import annotations

import fcntl
import os
import select
import signal
import socket
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import mounts
import sieve
import status

UID = GID = 65533  # a name for it is in the image: ssh asks for one
HOME = Path("/run/client")
_DEVICE = "/dev/fuse"
_FILTER = status.PRIVATE / "filter"
_OPTIONS = 4096  # bytes


def prepare(*folders: Path) -> None:
    """Make what a client needs: its filter, its device, and these folders of its own."""
    Path(_DEVICE).chmod(0o666)  # the container's own node; a client opens it before it asks
    _FILTER.write_bytes(sieve.program())
    HOME.mkdir(mode=0o711, exist_ok=True)
    for folder in folders:
        folder.mkdir(mode=0o700, exist_ok=True)
        own(folder)


def own(path: Path) -> None:
    """Give a folder with all that is in it to the client; links are given, not followed."""
    if path.lstat().st_uid == UID:
        return
    for _, folders, files, at in os.fwalk(path, topdown=False):
        for name in (*folders, *files):
            os.chown(name, UID, GID, dir_fd=at, follow_symlinks=False)
    os.chown(path, UID, GID, follow_symlinks=False)  # last: broken off, it is begun again


def keep(path: Path, content: bytes) -> None:
    """Write a file that the client reads, and no one else but root."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        os.fchown(file.fileno(), UID, GID)


def plain(path: str) -> bytes:
    """Read a file of the client's own making, which may be anything.

    Raises:
        OSError: it went, or is no plain file.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(f"{path}: no plain file")
        return file.read(1 << 20)


@contextmanager
def acting() -> Iterator[None]:
    """Be the client for a moment: it alone may end or look at its processes."""
    user, group = os.geteuid(), os.getegid()
    os.setegid(GID)
    os.seteuid(UID)
    try:
        yield
    finally:
        os.seteuid(user)
        os.setegid(group)


def start(words: list[str], door: int | None = None) -> subprocess.Popen[str]:
    """Start a program as the client; what it says comes by one pipe.

    Args:
        door: the socket by which fusermount3 asks; None for a program that mounts nothing.
    """
    asking = {} if door is None else {"SKP_DOOR": str(door)}
    return subprocess.Popen(
        ["setpriv", "--no-new-privs", f"--seccomp-filter={_FILTER}", "--", *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,  # where s3fs says why
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
        user=UID,
        group=GID,
        extra_groups=(),
        env={**os.environ, **asking, "HOME": str(HOME)},
        pass_fds=() if door is None else (door,),
    )


def end(process: subprocess.Popen[str]) -> None:
    """End what `start` started, with all that it started: gently, then not."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with acting(), suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(5)
            break


class Door:
    """By which a client asks once to be mounted, and gets what root opened for it."""

    def __init__(self) -> None:
        self._ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        # (Programs of Go put another thing at number 3.)
        self.theirs = fcntl.fcntl(theirs.fileno(), fcntl.F_DUPFD_CLOEXEC, 64)
        theirs.close()

    def opened(self) -> None:
        """Forget the client's end, which it has by now."""
        os.close(self.theirs)

    def serve(self, point: Path, kind: str) -> None:
        """Mount at `point` if the client has asked for it; never waits."""
        if self._ours.fileno() < 0 or not select.select([self._ours], [], [], 0)[0]:
            return
        asked = self._ours.recv(_OPTIONS)
        try:
            if asked:
                self._mount(point, kind, asked.decode(errors="replace"))
        except OSError as error:
            self._ours.send(str(error).encode())
        finally:
            self._ours.close()

    def _mount(self, point: Path, kind: str, options: str) -> None:
        device = os.open(_DEVICE, os.O_RDWR | os.O_CLOEXEC)
        try:
            mounts.attach(device, point, kind, options, UID)
            socket.send_fds(self._ours, [b"\0"], [device])
        finally:
            os.close(device)
