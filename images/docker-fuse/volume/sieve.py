"""The system calls that a client may not make, as a program of the kernel's (seccomp(2)).

The engine's own profile lets a container that may mount do much more: make name spaces, for one,
in which a process without any capability has them all.
"""

from __future__ import annotations

import platform
import struct

# By machine: AUDIT_ARCH (linux/audit.h), and the numbers that differ (asm/unistd.h).
_ARCHITECTURES = {
    "x86_64": (
        0xC000003E,
        {"clone": 56, "pivot_root": 155, "mount": 165, "umount2": 166, "unshare": 272,
         "perf_event_open": 298, "setns": 308, "bpf": 321},
    ),
    "aarch64": (
        0xC00000B7,
        {"clone": 220, "pivot_root": 41, "mount": 40, "umount2": 39, "unshare": 97,
         "perf_event_open": 241, "setns": 268, "bpf": 280},
    ),
}  # fmt: skip
# open_tree, move_mount, fsopen, fsconfig, fsmount, fspick, mount_setattr: the same everywhere.
_NEW_MOUNTS = (428, 429, 430, 431, 432, 433, 442)
_CLONE3 = 435
_X32 = 0x40000000  # numbers from here on are x86-64's other calling convention
_NAME_SPACES = 0x7E020000  # clone(2), CLONE_NEW*
_ALLOW, _EPERM, _ENOSYS = 0x7FFF0000, 0x00050001, 0x00050000 | 38
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06  # linux/bpf_common.h
_NUMBER, _ARCH, _FIRST_ARGUMENT = 0, 4, 16  # struct seccomp_data


def program() -> bytes:
    """Return the filter for this machine, as struct sock_filter's.

    Raises:
        KeyError: a machine whose calls nobody has looked up.
    """
    architecture, numbers = _ARCHITECTURES[platform.machine()]
    clone = numbers["clone"]
    denied = sorted({*numbers.values(), *_NEW_MOUNTS} - {clone})
    steps = [
        *_step(_LOAD, _ARCH), *_unless(_EQUAL, architecture, _EPERM),
        *_step(_LOAD, _NUMBER), *_if(_AT_LEAST, _X32, _EPERM),
        *(step for number in denied for step in _if(_EQUAL, number, _EPERM)),
        # Its flags are in memory, where no filter sees them; libraries fall back to clone.
        *_if(_EQUAL, _CLONE3, _ENOSYS),
        *_unless(_EQUAL, clone, _ALLOW),
        *_step(_LOAD, _FIRST_ARGUMENT), *_if(_ANY_BIT, _NAME_SPACES, _EPERM),
        *_step(_RETURN, _ALLOW),
    ]  # fmt: skip
    return b"".join(steps)


def _step(code: int, value: int, then: int = 0, otherwise: int = 0) -> list[bytes]:
    return [struct.pack("=HBBI", code, then, otherwise, value)]


def _if(test: int, value: int, result: int) -> list[bytes]:
    return [*_step(test, value, 0, 1), *_step(_RETURN, result)]


def _unless(test: int, value: int, result: int) -> list[bytes]:
    return [*_step(test, value, 1, 0), *_step(_RETURN, result)]
