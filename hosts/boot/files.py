"""The files on each node that start our containers when a machine boots before its peers do."""

from __future__ import annotations

from pathlib import Path

from cluster.model.files import NodeFile

PROGRAM = "/usr/local/lib/skp/start-ours"
UNIT = "/etc/systemd/system/skp-start-ours.service"
# This folder exists if and only if systemd is the init (sd_booted(3)).
_SYSTEMD = "/run/systemd/system"
_HERE = Path(__file__).parent


def files() -> tuple[NodeFile, ...]:
    """Return the program, and the unit that runs it at boot where systemd is the init.

    The unit's link is what `systemctl enable` makes of its [Install] section.
    """
    unit = Path(UNIT).name
    return (
        NodeFile(PROGRAM, (_HERE / "start-ours").read_text(), mode=0o755),
        NodeFile(
            UNIT,
            (_HERE / unit).read_text(),
            link=f"/etc/systemd/system/multi-user.target.wants/{unit}",
            where=_SYSTEMD,
            then="systemctl daemon-reload",
        ),
    )
