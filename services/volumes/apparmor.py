"""The AppArmor profile of the FUSE containers: a file of the nodes whose kernels have AppArmor."""

from __future__ import annotations

from pathlib import Path

from cluster.model.files import NodeFile

NAME = "skp-fuse"
_PATH = f"/etc/apparmor.d/{NAME}"
# An engine on a machine without the parser takes AppArmor for switched off, and so do we. A profile
# that is taken away stays loaded until the machine boots: a container may still have it.
_LOAD = (
    f"{{ [ ! -e {_PATH} ] || [ ! -x /sbin/apparmor_parser ] || /sbin/apparmor_parser -r {_PATH}; }}"
)

PROFILE = NodeFile(
    _PATH,
    (Path(__file__).parent / NAME).read_text(encoding="utf-8"),
    where="/sys/kernel/security/apparmor",
    then=_LOAD,
)
