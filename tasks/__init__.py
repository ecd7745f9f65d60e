"""What a person types: one module per namespace. Arguments in, a report out, no logic."""

from __future__ import annotations

from invoke import Collection

from cli.command import Command
from tasks import (
    cron,
    docker,
    docker_airflow,
    docker_containers,
    docker_images,
    host,
    lab,
    prepare,
    ssh,
    volume,
)

for _task in (*docker_containers.TASKS, *docker_images.TASKS, *docker_airflow.TASKS):
    docker.ns.add_task(_task)
for _task in prepare.HOST_TASKS:
    host.ns.add_task(_task)
ns = Collection(
    cron.ns, docker.ns, host.ns, lab.ns, ssh.ns, *prepare.COLLECTIONS, *volume.COLLECTIONS
)
for _name in ns.task_names:
    _task = ns[_name]
    if isinstance(_task, Command):
        _task.known_as = _name
