"""host.copy, host.install, lang.*, iptable.*, nfs.*: what machines get before they are nodes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from invoke import Collection

from cli.command import command
from cli.password import password as secret
from cli.session import Session

if TYPE_CHECKING:
    from hosts.prepare.setup import Item

lang, iptable, nfs = Collection("lang"), Collection("iptable"), Collection("nfs")
_PASSWORD = {"password": "The password for sudo, where it wants one; bare asks, - reads stdin."}


@command(help=_PASSWORD, optional=["password"])
def copy(s: Session, password: str = "") -> None:
    """Write all nodes' names and addresses into every node's /etc/hosts."""
    from hosts.prepare import machine_items as wanted

    _prepare(s, wanted.names(s.inventory), password)


@command(help=_PASSWORD, optional=["password"])
def install(s: Session, password: str = "") -> None:
    """Install Docker Engine, chrony, limits, log rotation, GPU runtime."""
    from hosts.prepare import machine_items as wanted

    _prepare(s, wanted.install(s.settings, s.inventory), password)


@command(help={"locale": "Such as ko_KR.UTF-8.", **_PASSWORD}, optional=["password"])
def lang_install(s: Session, locale: str = "", password: str = "") -> None:
    """Install a locale on every node, and make it the one in use."""
    from hosts.prepare import machine_items as wanted

    _prepare(s, wanted.locale(locale), password)


@command(help={"undo": "Take it back.", **_PASSWORD}, optional=["password"])
def masquerade(s: Session, undo: bool = False, password: str = "") -> None:
    """Let the other nodes reach the network through the master; at each boot again."""
    from hosts.prepare import machine_items as wanted
    from hosts.prepare.setup import Verb

    verb = Verb.UNDO if undo else Verb.MEND
    _prepare(s, wanted.masquerade(s.settings, s.inventory, verb), password)


@command(help=_PASSWORD, optional=["password"])
def nfs_install(s: Session, password: str = "") -> None:
    """Install NFS on every node, and export the shared folder from the master."""
    from hosts.prepare import machine_items as wanted

    _prepare(s, wanted.nfs_server(s.settings, s.inventory), password)


@command(help=_PASSWORD, optional=["password"])
def mount_skp(s: Session, password: str = "") -> None:
    """Mount the master's shared folder on the other nodes, now and at each boot."""
    from hosts.prepare import machine_items as wanted
    from hosts.prepare.setup import Verb

    _prepare(s, wanted.nfs_mount(s.settings, s.inventory, Verb.MEND), password)


@command(help=_PASSWORD, optional=["password"])
def umount_skp(s: Session, password: str = "") -> None:
    """Unmount the shared folder on the other nodes, for good."""
    from hosts.prepare import machine_items as wanted
    from hosts.prepare.setup import Verb

    _prepare(s, wanted.nfs_mount(s.settings, s.inventory, Verb.UNDO), password)


def _prepare(s: Session, items: Sequence[Item], password: str) -> None:
    from hosts.prepare.setup import prepare

    given = secret(s, password, "the SSH user on the nodes") if password else None
    with s.fleet(s.hosts, given) as fleet:
        report = prepare(fleet, items, given, s.say, dry=s.options.dry)
    s.finish(report)


HOST_TASKS = (copy, install)
lang.add_task(lang_install, name="install")
iptable.add_task(masquerade)
nfs.add_task(nfs_install, name="install")
nfs.add_task(mount_skp)
nfs.add_task(umount_skp)
COLLECTIONS = (lang, iptable, nfs)
