"""volume-skp VERB: keep one data volume mounted (run), or ask and tell the program that does.

run BACKEND   mount it, watch it, mount it again; unmount at SIGTERM. Ends with 78 when what it is
              given can't work: its last line says what to do.
health        0 when the volume is mounted and answers, or a person wants it unmounted.
status        what is known of it, one line of JSON.
check         write, read back and compare through the mount; one line of JSON.
mount, umount what a person wants; remembered on the node. Ends when it is done; 1 and why when it
              is not done in time.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
import time
from pathlib import Path
from typing import Any

import backends
import status
from supervisor import Supervisor

CONFIG = 78  # EX_CONFIG of sysexits.h
WISH = 60  # seconds until what a person wants has to be done


def main(words: list[str]) -> int:
    """Carry out a verb and return the exit code."""
    match words:
        case ["run", name] if name in backends.BACKENDS:
            return run(name)
        case ["health"]:
            return health()
        case ["status"]:
            return show()
        case ["check"]:
            return check()
        case ["mount" | "umount" as verb]:
            return wish(verb)
    sys.stderr.write(__doc__ or "")
    return 0 if words == ["--help"] else 2


def run(name: str) -> int:
    """Serve the backend `name` until SIGTERM."""
    status.PRIVATE.mkdir(mode=0o711, exist_ok=True)
    try:
        backend = backends.BACKENDS[name]()
        backend.prepare()
    except backends.SetupError as error:
        sys.stderr.write(f"volume: {name}: {error}\n")
        return CONFIG
    try:
        Supervisor(backend).run()
    except backends.SetupError as error:
        sys.stderr.write(f"volume: {name}: {error}\n")
        return CONFIG
    return 0


def wish(verb: str) -> int:
    """Remember what is wanted and wait until it is so."""
    status.wish(verb == "mount")
    end = time.monotonic() + WISH
    while not as_wished(found := status.read(), verb):
        if time.monotonic() > end:
            sys.stderr.write(f"{found['state']} after {WISH} s: {found['error']}\n")
            return 1
        time.sleep(0.2)
    return 0


def as_wished(found: dict[str, Any], verb: str) -> bool:
    """Whether the volume is mounted, or unmounted by hand."""
    return bool(found["alive"]) if verb == "mount" else found["state"] == status.BY_HAND


def check() -> int:
    """Say whether what is written through the mount is what is read, and how long that took."""
    found = status.read()
    if not found["alive"]:
        sys.stdout.write(json.dumps({"ok": False, "error": found["error"]}) + "\n")
        return 1
    point = backends.BACKENDS[found["backend"]]().point
    uid, gid = backends.owner()  # whom the volume is for: root may do no more there than others
    os.setegid(gid)
    os.seteuid(uid)
    begun, wrong = time.monotonic(), round_trip(point / f".skp-check-{secrets.token_hex(8)}")
    seconds = round(time.monotonic() - begun, 3)
    sys.stdout.write(json.dumps({"ok": not wrong, "seconds": seconds, "error": wrong}) + "\n")
    return 1 if wrong else 0


def round_trip(path: Path) -> str:
    """Write, read back, compare and remove a file; return what is wrong."""
    content = secrets.token_bytes(1 << 20)
    try:
        with path.open("wb") as file:
            file.write(content)
            os.fsync(file.fileno())
        same = path.read_bytes() == content
        path.unlink()
    except OSError as error:
        return f"{error.strerror or error}"
    return "" if same else "what was read back is not what was written"


def show() -> int:
    """Print what is known, and whether that is what is wanted."""
    found = status.read()
    if name := found.get("backend"):  # as it is now: a probe may be waiting for its deadline
        found["pending_bytes"] = backends.BACKENDS[name]().pending()
    sys.stdout.write(json.dumps({**found, "ok": fine(found)}) + "\n")
    return 0


def fine(found: dict[str, Any]) -> bool:
    """Whether the volume is as it is wanted."""
    return bool(found["alive"]) or found["state"] == status.BY_HAND


def health() -> int:
    """Say what is wrong, if anything."""
    found = status.read()
    if fine(found):
        return 0
    sys.stderr.write(f"{found['state']}: {found['error']}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
