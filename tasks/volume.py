"""sshfs.*, s3fs.*, blobfs.*: the data volumes' credentials; volume.*: the volumes themselves."""

from __future__ import annotations

import json

from invoke import Collection, Exit

from cli.command import command
from cli.confirmation import confirm
from cli.password import password as secret
from cli.session import Session
from cluster.config.secrets import Secret
from cluster.errors import ExitCode

sshfs, s3fs, blobfs = Collection("sshfs"), Collection("s3fs"), Collection("blobfs")
volume = Collection("volume")
_BACKEND = {"backend": "sshfs, s3 or blob; by default all that are switched on."}


@command()
def keygen(s: Session) -> None:
    """Make the key that logs in to the SSH server of the data volume."""
    from services.volumes import sshfs as volume_ssh

    s.change(volume_ssh.keygen)


@command(
    help={"password": "The user's password on the server; bare asks, - reads standard input."},
    optional=["password"],
)
def copy_id(s: Session, password: str = "") -> None:
    """Have the SSH server accept the key: the password once, then the key."""
    from services.volumes import sshfs as volume_ssh

    target = volume_ssh.server(s.declared.alone())
    if s.options.dry:
        print(f"would add the key to {target.user}@{target.host} and pin that server's host key")
        return
    given = secret(s, password, f"{target.user}@{target.host}")
    with s.fleet([s.inventory.master]) as fleet:
        line = volume_ssh.copy_id(s.cluster(fleet), fleet, given, lambda q: confirm(q, s.options))
    s.change(lambda cluster, fleet: volume_ssh.pin(cluster, fleet, line))


@command()
def s3_init(s: Session) -> None:
    """Write S3's access key for the data volume, once the server has accepted it."""
    from services.volumes import s3 as volume_s3

    _write(s, volume_s3.proven(s.declared.alone()))


@command()
def blob_init(s: Session) -> None:
    """Write Blob's account key for the data volume, once the server has accepted it."""
    from services.volumes import blob as volume_blob

    _write(s, volume_blob.proven(s.declared.alone()))


def _write(s: Session, wanted: dict[str, Secret]) -> None:
    from services.volumes.credentials import write

    s.change(lambda cluster, fleet: write(cluster, fleet, wanted))


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
    _wish(s, backend, "mount")


@command(help=_BACKEND)
def umount(s: Session, backend: str = "") -> None:
    """Unmount on all nodes, after writing back; they stay so until volume.mount."""
    _wish(s, backend, "umount")


def _wish(s: Session, name: str, verb: str) -> None:
    from services.volumes.mounts import chosen, wish

    backends, nodes = chosen(s.declared.alone(), name), {host.name for host in s.hosts}
    s.change(lambda cluster, fleet: wish(cluster, fleet, backends, verb, nodes))


def _ask(s: Session, name: str, verb: str, columns: tuple[str, ...]) -> None:
    from cluster.commands.report import table
    from services.volumes.mounts import ask, chosen

    backends = chosen(s.declared.alone(), name)
    with s.fleet() as fleet:
        nodes = {host.name for host in s.hosts}
        rows, errors = ask(s.cluster(fleet), fleet, backends, verb, nodes)
    if s.options.json:
        told = {node: error.what for node, error in errors.items()}
        print(json.dumps({"volumes": rows, "unreachable": told}, indent=2, ensure_ascii=False))
    else:
        head = tuple(word.upper() for word in ("node", "volume", *columns))
        cells = [tuple(str(row.get(word.lower(), "")) for word in head) for row in rows]
        print("\n".join(table(head, cells)))
        s.warn([str(error) for error in errors.values()])
    if errors or not all(row["ok"] for row in rows):
        raise Exit(code=int(ExitCode.FAILED))


sshfs.add_task(keygen)
sshfs.add_task(copy_id)
s3fs.add_task(s3_init, name="init")
blobfs.add_task(blob_init, name="init")
for _task in (status, check, mount, umount):
    volume.add_task(_task)
COLLECTIONS = (sshfs, s3fs, blobfs, volume)
