"""volume.*: the data volumes on all nodes."""

from __future__ import annotations

from invoke import Collection

from cli.command import command
from cli.session import Session

ns = Collection("volume")
_BACKEND = {"backend": "sshfs, s3 or blob; by default all that are switched on."}


@command(help=_BACKEND)
def status(s: Session, backend: str = "") -> None:
    """Show the volumes: mounted, alive, latency, bytes not yet at the server."""
    _ask(s, backend, "status", ("state", "alive", "latency_ms", "pending_bytes", "error"))


@command(help=_BACKEND)
def check(s: Session, backend: str = "") -> None:
    """Write, read back and compare through each mount on each node."""
    _ask(s, backend, "check", ("ok", "seconds", "error"))


@command(help=_BACKEND)
def mount(s: Session, backend: str = "") -> None:
    """Mount again what was unmounted by hand."""
    _change_mounts(s, backend, "mount")


@command(help=_BACKEND)
def umount(s: Session, backend: str = "") -> None:
    """Unmount on all nodes, after writing back; they stay so until volume.mount."""
    _change_mounts(s, backend, "umount")


def _change_mounts(s: Session, name: str, verb: str) -> None:
    from services.volumes.mounts import change_mounts, chosen

    backends, nodes = chosen(s.declared.alone(), name), {host.name for host in s.hosts}
    s.change(lambda cluster, fleet: change_mounts(cluster, fleet, backends, verb, nodes))


def _ask(s: Session, name: str, verb: str, columns: tuple[str, ...]) -> None:
    from cli.rendering import texts
    from cluster.model.line import table
    from services.volumes.mounts import ask, chosen

    backends = chosen(s.declared.alone(), name)
    with s.fleet() as fleet:
        nodes = {host.name for host in s.hosts}
        rows, errors = ask(s.cluster(fleet), fleet, backends, verb, nodes)
    head = tuple(word.upper() for word in ("node", "volume", *columns))
    cells = [tuple(str(row.get(word.lower(), "")) for word in head) for row in rows]
    s.show({"volumes": rows, "unreachable": texts(errors)}, table(head, cells))
    s.end(errors, [row for row in rows if not row["ok"]])


for _task in (status, check, mount, umount):
    ns.add_task(_task)
