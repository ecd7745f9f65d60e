"""Mountpoints, and the one question to a mount that cannot hang the one who asks."""

from __future__ import annotations

import ctypes
import errno
import os
import re
import secrets
import subprocess
import time
from contextlib import suppress
from pathlib import Path

_DETACH = 2  # MNT_DETACH, umount(2)
# What a probe says of a mount that only a new one can cure.
_NO_ANSWER = "no answer"
DEAD = (_NO_ANSWER, "Transport endpoint is not connected")
_NEVER = 2 | 4  # MS_NOSUID, MS_NODEV, mount(2): nothing of a server's is a privilege here
_FLAGS = {"ro": 1, "noexec": 8, "noatime": 1024}
_LIBC = ctypes.CDLL(None, use_errno=True)


def prepare(point: Path, group: int) -> None:
    """Make the bare mountpoint: nobody but root may enter it, and nobody should.

    Its parent, in which the volumes are, is for the group of their users alone.
    """
    os.setgroups([group])  # whoever is of a group may give it a folder, without a capability
    os.chown(point.parent, -1, group)
    point.parent.chmod(0o750)
    with suppress(FileExistsError):
        point.mkdir(mode=0)
    point.chmod(0)


def mounted(point: Path) -> str:
    """Return the type of the file system mounted at `point`, "" for none; never blocks on it."""
    found = ""
    for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines():
        before, _, after = line.partition(" - ")
        if before.split()[4] == str(point):
            found = after.split()[0]
    return found


def heard(options: str) -> tuple[int, str, list[str]]:
    """Return mount(2)'s flags, the source's name and more options, of those a client asks for."""
    flags, source, wishes = _NEVER, "", []
    for option in re.split(r"(?<!\\),", options):
        flags |= _FLAGS.get(option, 0)
        if option == "default_permissions" or re.fullmatch(r"max_read=[0-9]{1,9}", option):
            wishes.append(option)
        elif option.startswith("fsname="):
            source = option.removeprefix("fsname=").replace("\\", "")
    return flags, source, wishes


def attach(device: int, point: Path, kind: str, options: str, user: int) -> None:
    """Mount what the client of the open `device` will serve (mount.fuse3(8), fuse in the kernel).

    Args:
        kind: the file system's type.
        options: the client's wishes; those are heard that give nobody more rights.
        user: the client's user and group id.

    Raises:
        OSError: the kernel refuses it.
    """
    flags, source, wishes = heard(options)
    ids = f"user_id={user},group_id={user}"
    data = ",".join([f"fd={device},rootmode=40000,{ids},allow_other", *wishes])
    told, where, type_, more = (w.encode() for w in (source or kind, str(point), kind, data))
    if _LIBC.mount(told, where, type_, flags, more) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"mount {point}: {os.strerror(code)}")


def detach(point: Path) -> None:
    """Take away every mount at `point` at once, dead ones too; open files live on if they can."""
    while mounted(point):
        if _LIBC.umount2(os.fsencode(point), _DETACH) != 0:
            code = ctypes.get_errno()
            if code != errno.EINVAL:  # umount(2): it is not a mount point any more
                raise OSError(code, f"umount {point}: {os.strerror(code)}")


def probe(point: Path, seconds: float) -> tuple[float, str]:
    """Ask the server for a name that it can't have; return the latency in s, and what is wrong.

    A name that nobody has asked for is in no cache, so an answer is the server's own.
    """
    name = point / f".skp-probe-{secrets.token_hex(8)}"
    begun = time.monotonic()
    child = subprocess.Popen(
        ["stat", "--", str(name)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={"LC_ALL": "C", "PATH": os.environ["PATH"]},
        text=True,
    )
    try:
        _, said = child.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        child.kill()
        with suppress(subprocess.TimeoutExpired):  # it may not even be killable: then it is left
            child.wait(1)
        return seconds, _NO_ANSWER
    if "No such file or directory" in said:
        return time.monotonic() - begun, ""
    if child.returncode == 0:  # s3fs shows an empty file when its server refuses the key
        return time.monotonic() - begun, "the server refuses the key"
    return time.monotonic() - begun, said.strip().rpartition(": ")[2]
