"""What a person types: one module per namespace. Arguments in, a report out, no logic."""

from __future__ import annotations

from invoke import Collection

from cli.command import Command
from tasks import blobfs, cron, docker, host, iptable, lab, lang, nfs, s3fs, ssh, sshfs, volume

ns = Collection()
for _module in (blobfs, cron, docker, host, iptable, lab, lang, nfs, s3fs, ssh, sshfs, volume):
    ns.add_collection(_module.ns)
for _name in ns.task_names:
    _task = ns[_name]
    if isinstance(_task, Command):
        _task.known_as = _name
