"""How much the contenders take in the Swarm's store, and of the nodes' memory."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from bench.deploy.contenders import NODES, STACK, on, until

_FOLDER = "/var/lib/docker/swarm/raft/snap-v3-encrypted"
_USUAL = 10_000  # entries of the log between two snapshots: the engine's default
_INSPECT = "xargs -r docker {kind} inspect --format '{{{{json .}}}}' | wc -c"


@contextmanager
def often() -> Iterator[None]:
    """Have the managers write a snapshot at every change."""
    on("docker swarm update --snapshot-interval 1")
    try:
        yield
    finally:
        on(f"docker swarm update --snapshot-interval {_USUAL}")


def snapshot() -> int:
    """Return the bytes of a new snapshot of the whole store, as the master keeps it on disk."""
    with often():
        before = _newest()
        # A label that comes and goes: it changes the store, and leaves nothing in it.
        on("docker node update --label-add bench=1 c01; docker node update --label-rm bench c01")
        until(lambda: _newest() > before, "a snapshot")
        return _newest()[1]


def _newest() -> tuple[int, int]:
    """Return the newest snapshot's index in the log, and its bytes; (0, 0) for none."""
    listed = on(f"sudo find {_FOLDER} -name '*.snap' -printf '%f %s\\n'")
    found = re.findall(r"-([0-9a-f]+)\.snap ([0-9]+)", listed)
    return max(((int(index, 16), int(size)) for index, size in found), default=(0, 0))


def deployments() -> int:
    """Return the bytes of SKP's services, revisions and ledger, as JSON."""
    services = _bytes("service", "--filter label=skp.deployment")
    revisions = _bytes("config", "--filter label=skp.revision.of")
    return services + revisions + _bytes("config", "--filter name=skp-ledger")


def stack() -> int:
    """Return the bytes of the stack's services, as JSON."""
    return _bytes("service", f"--filter label=com.docker.stack.namespace={STACK}")


def _bytes(kind: str, chosen: str) -> int:
    return int(on(f"docker {kind} ls -q {chosen} | {_INSPECT.format(kind=kind)}"))


def memory() -> int:
    """Return the bytes that processes of all nodes have in memory, without pages they share."""
    script = "cat /proc/[0-9]*/smaps_rollup 2>/dev/null | awk '/^Pss:/ {s += $2} END {print s}'"
    return sum(int(on(f'sudo sh -c "{_quoted(script)}"', node=node)) << 10 for node in NODES)


def _quoted(script: str) -> str:
    return script.replace("$", "\\$")
