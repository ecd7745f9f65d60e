"""What a person types: one module per namespace, which turns arguments into a report.

Allowed imports: everything. This module only collects the namespaces; begin reading at
docker/cluster.py, then docker/services.py, which makes the tasks of every service.
"""

from __future__ import annotations

from invoke import Collection

from cli.command import Command
from tasks import (
    account,
    blobfs,
    config,
    cron,
    deploy,
    docker,
    gateway,
    host,
    image,
    iptable,
    lab,
    lang,
    nfs,
    project,
    s3fs,
    secrets,
    ssh,
    sshfs,
    volume,
)

ns = Collection()
for _module in (
    *(account, blobfs, config, cron, deploy, docker, gateway, host, image),
    *(iptable, lab, lang, nfs, project, s3fs, secrets, ssh, sshfs, volume),
):
    ns.add_collection(_module.ns)
for _name in ns.task_names:
    _task = ns[_name]
    if isinstance(_task, Command):
        _task.known_as = _name
