"""What is known of the volume, as a file that the container's other programs read."""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

# Memory, not the node's disk: the copies of keys lie beside it.
PRIVATE = Path("/dev/shm/skp")  # noqa: S108 - the container's own
BY_HAND = "unmounted by hand"
_FILE = PRIVATE / "status.json"
CACHE = Path("/var/cache/volume")
# On the node: what a person wants outlives the container.
_UNWANTED = CACHE / "unmounted"
# On the node too: the mount command that has worked once. It holds no secret.
_WORKED = CACHE / "worked"
# Seconds; the supervisor writes at least every probe interval plus a probe's deadline.
_FRESH = 30


def write(**values: object) -> None:
    """Replace what is known, whole."""
    new = _FILE.with_suffix(".new")
    new.write_text(json.dumps({**values, "written": time.monotonic()}), encoding="utf-8")
    new.replace(_FILE)


def read() -> dict[str, Any]:
    """Return what is known; what is too old to be true counts as not alive."""
    try:
        found: dict[str, Any] = json.loads(_FILE.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return _unknown("starting", "not mounted yet")
    if time.monotonic() - found.pop("written") > _FRESH:
        return {**found, **_unknown("stuck", f"its supervisor has said nothing for {_FRESH} s")}
    return found


def _unknown(state: str, error: str) -> dict[str, Any]:
    return {"state": state, "mounted": False, "alive": False, "error": error}


def wish(mounted: bool) -> None:
    """Remember whether a person wants the volume mounted."""
    if mounted:
        _UNWANTED.unlink(missing_ok=True)
    else:
        _UNWANTED.touch()
        os.sync()


def wanted() -> bool:
    """Whether the volume is to be mounted."""
    return not _UNWANTED.exists()


def worked(command: list[str]) -> bool:
    """Whether this mount command has ever worked on this node."""
    try:
        return json.loads(_WORKED.read_text(encoding="utf-8")) == command
    except (OSError, ValueError):
        return False


def works(command: list[str]) -> None:
    """Remember that this mount command works; a full disk only makes that be forgotten."""
    with suppress(OSError):
        _WORKED.write_text(json.dumps(command), encoding="utf-8")
