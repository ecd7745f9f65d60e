"""deploy.*: what teams bring themselves, from a file."""

from __future__ import annotations

import time

from invoke import Collection

from cli import deployments
from cli.command import command
from cli.confirmation import confirm
from cli.session import Session
from cluster.errors import ConfigError

ns = Collection("deploy")
_FILE = {"file": "myDeploy.py, a deployment.yaml, a compose file, or a folder with one of them."}
_PROJECT = {"project": "Whose it is, where the file does not say; default: default."}
_NAME = {"name": "The deployment, NAME or PROJECT/NAME; also as a word after the command."}


@command(help={**_FILE, **_PROJECT, "update": "Change one that is there; else it is refused."})
def apply(s: Session, file: str = "", project: str = "", update: bool = False) -> None:
    """Run what a file says, and wait until it works."""
    form = deployments.form_of(s, file)
    with deployments.gate(s) as (way, _):
        bring = way.change if update else way.let_in
        deployments.carried_out(s, way, lambda: bring(form, project))


@command(help=_FILE)
def convert(s: Session, file: str = "") -> None:
    """Print a file of a deployment as SKP's own YAML, checked, with a schema for editors."""
    from workloads.build import deployment
    from workloads.check import SCHEMA
    from workloads.readers.own import written

    form = deployments.form_of(s, file)
    found = deployment(form)
    document = {"deployment": form.value, "bound": found.bound, "warnings": form.warnings}
    s.show(document, written(form.value, SCHEMA).splitlines())


@command(name="list", help=_PROJECT)
def list_(s: Session, project: str = "") -> None:
    """List the deployments: where they are, their ports and GPUs, and why one does not run."""
    with deployments.gate(s) as (way, _):
        rows = [row for row in way.rows() if project in ("", row.piece.project)]
    deployments.show(s, rows)


@command(
    help={"row": "Its ID in deploy.list and its name there, as two words: both have to agree."}
)
def rm(s: Session, row: str = "") -> None:
    """Remove a deployment; its volumes stay."""
    index, _, name = row.partition(",")
    if not name:
        raise ConfigError("the row's ID and the name are needed", "./skp.py deploy.rm 0 NAME")
    with deployments.gate(s) as (way, _):
        of = deployments.chosen(way.rows(), index, name)
        if not s.options.dry:
            confirm(f"The deployment {of} is removed; its volumes stay.", s.options)
            with deployments.audited(s, way):
                way.remove(of, time.time())
    s.show({"removed": of}, [f"{of} is removed."])


@command(help=_NAME)
def rollback(s: Session, name: str = "") -> None:
    """Go back to the revision before, with the images that it had."""
    with deployments.gate(s) as (way, _):
        of = deployments.named(way.rows(), name)
        deployments.carried_out(s, way, lambda: way.back(of))


@command(help=_NAME)
def restore(s: Session, name: str = "") -> None:
    """Bring back a deployment that was removed in the last 30 days."""
    with deployments.gate(s) as (way, _):
        of = name if "/" in name else f"{deployments.DEFAULT_PROJECT}/{name}"
        deployments.carried_out(s, way, lambda: way.restore(of))


@command(
    help={
        "project": "Whose; also as a word after the command.",
        "limits": "KIND=AMOUNT, comma-separated: deployments, cpus, memory, gpus, ports, storage.",
        "root": "TRUE: its containers may be root inside, as sshd has to be; or FALSE.",
    }
)
def quota(s: Session, project: str = "", limits: str = "", root: str = "") -> None:
    """Show what projects may have and have; with limits, set them."""
    with deployments.gate(s) as (way, _):
        if limits or root:
            deployments.limit(s, way, project, limits, root)
        deployments.show_quotas(s, way, project)


for _task in (apply, convert, list_, quota, restore, rm, rollback):
    ns.add_task(_task)
