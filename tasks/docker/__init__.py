"""docker.*: the Swarm, the registry, images, services and their containers.

It only collects: each module here has a part of the namespace, and names its commands in TASKS.
"""

from __future__ import annotations

from invoke import Collection

from tasks.docker import airflow, cluster, containers, images, services, swarm

ns = Collection("docker")
for _part in (swarm, cluster, containers, images, services, airflow):
    for _task in _part.TASKS:
        ns.add_task(_task)
