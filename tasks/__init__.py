"""What a person types: one module per namespace. Arguments in, a report out, no logic."""

from __future__ import annotations

from invoke import Collection

from tasks import docker, lab, ssh

ns = Collection(docker.ns, lab.ns, ssh.ns)
