"""nfs.*: the shared folder, exported by the master and mounted by the other nodes."""

from __future__ import annotations

from invoke import Collection

from cli.command import command
from cli.preparation import PASSWORD_HELP, prepare_machines
from cli.session import Session

ns = Collection("nfs")


@command(help=PASSWORD_HELP, optional=["password"])
def install(s: Session, password: str = "") -> None:
    """Install NFS on every node, and export the shared folder from the master."""
    from hosts.prepare import machine_items

    prepare_machines(s, machine_items.nfs_server(s.settings, s.inventory), password)


@command(help=PASSWORD_HELP, optional=["password"])
def mount_skp(s: Session, password: str = "") -> None:
    """Mount the master's shared folder on the other nodes, now and at each boot."""
    from hosts.prepare import machine_items
    from hosts.prepare.setup import Verb

    prepare_machines(s, machine_items.nfs_mount(s.settings, s.inventory, Verb.FIX), password)


@command(help=PASSWORD_HELP, optional=["password"])
def umount_skp(s: Session, password: str = "") -> None:
    """Unmount the shared folder on the other nodes, for good."""
    from hosts.prepare import machine_items
    from hosts.prepare.setup import Verb

    prepare_machines(s, machine_items.nfs_mount(s.settings, s.inventory, Verb.UNDO), password)


for _task in (install, mount_skp, umount_skp):
    ns.add_task(_task)
