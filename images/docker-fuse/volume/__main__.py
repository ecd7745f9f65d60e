"""volume-skp VERB: keep one data volume mounted (run), or ask and tell the program that does.

run BACKEND   mount it, watch it, mount it again; unmount at SIGTERM. Ends with 78 when what it is
              given can't work: its last line says what to do.
health        0 when the volume is mounted and answers, or a person wants it unmounted.
status        what is known of it, one line of JSON.
mount, umount what a person wants; remembered on the node, and done at once.
"""

from __future__ import annotations

import json
import sys

import backends
import status
from supervisor import Supervisor

CONFIG = 78  # EX_CONFIG of sysexits.h


def main(words: list[str]) -> int:
    """Carry out a verb and return the exit code."""
    match words:
        case ["run", name] if name in backends.BACKENDS:
            return run(name)
        case ["health"]:
            return health()
        case ["status"]:
            sys.stdout.write(json.dumps(status.read()) + "\n")
            return 0
        case ["mount" | "umount" as verb]:
            status.wish(verb == "mount")
            return 0
    sys.stderr.write(__doc__ or "")
    return 0 if words == ["--help"] else 2


def run(name: str) -> int:
    """Serve the backend `name` until SIGTERM."""
    status.PRIVATE.mkdir(mode=0o700, exist_ok=True)
    try:
        backend = backends.BACKENDS[name]()
        backend.prepare()
    except backends.SetupError as error:
        sys.stderr.write(f"volume: {name}: {error}\n")
        return CONFIG
    Supervisor(backend).run()
    return 0


def health() -> int:
    """Say what is wrong, if anything."""
    found = status.read()
    if found["alive"] or found["state"] == "unmounted by hand":
        return 0
    sys.stderr.write(f"{found['state']}: {found['error']}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
