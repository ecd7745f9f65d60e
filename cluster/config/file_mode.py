"""Who else may read or write a file of this machine."""

from __future__ import annotations

import grp
import os
import pwd
import stat


def others(status: os.stat_result) -> int:
    """Return the mode bits that anybody but the owner has; none of a group that is his alone."""
    bits = stat.S_IMODE(status.st_mode) & (stat.S_IRWXG | stat.S_IRWXO)
    return bits & stat.S_IRWXO if _is_private(status) else bits


def _is_private(status: os.stat_result) -> bool:
    """Whether the group has the owner's name and no further members (Debian's user groups)."""
    try:
        group, owner = grp.getgrgid(status.st_gid), pwd.getpwuid(status.st_uid)
    except KeyError:
        return False
    return group.gr_name == owner.pw_name and set(group.gr_mem) <= {owner.pw_name}
