"""deploy.*: what teams bring themselves, from a file."""

from __future__ import annotations

import time
from dataclasses import replace

from invoke import Collection

from cli import bringing, deployed, deployment_secrets, deployments, evacuating, pushing
from cli.command import command
from cli.confirmation import confirm
from cli.local_file import text_of
from cli.options import LOGS
from cli.session import Session
from cluster.errors import ConfigError
from tasks.deploy_build import build, builds
from tasks.deploy_git import git_init, git_list, git_rm, pushes

ns = Collection("deploy")
_FILE = {"file": "myDeploy.py, a deployment.yaml, a compose file, or a folder with one of them."}
_FILES = {"file": f"{_FILE['file'].rstrip('.')}; several as words after the command."}
_PROJECT = {"project": "Whose it is, where the file does not say; default: default."}
_ACCOUNT = {"account": "The account that it is for; default: the operator, who may do all."}
_NAME = {"name": "The deployment, NAME or PROJECT/NAME; also as a word after the command."}


@command(
    help={
        **_FILES,
        **_PROJECT,
        **_ACCOUNT,
        "update": "Change one that is there; else it is refused.",
    }
)
def apply(
    s: Session, file: str = "", project: str = "", account: str = "", update: bool = False
) -> None:
    """Run what a file says, or several, and wait until it works."""
    forms = bringing.forms(s, file)
    with deployments.gate(s, account) as (way, _):
        if s.options.dry:
            bringing.plan(s, way, forms, project)
        else:
            bringing.bring(s, way, forms, project, way.change if update else way.let_in)


@command(help={**_FILES, **_PROJECT, **_ACCOUNT})
def plan(s: Session, file: str = "", project: str = "", account: str = "") -> None:
    """Show what deploy.apply --update would make, change and remove."""
    forms = bringing.forms(s, file)
    with deployments.gate(s, account) as (way, _):
        bringing.plan(s, way, forms, project)


@command(help=_FILE)
def convert(s: Session, file: str = "") -> None:
    """Check a file of a deployment, and print it as our own YAML."""
    from workloads.build import deployment
    from workloads.check import SCHEMA
    from workloads.readers.own import written

    form = deployments.form_of(s, file)
    found = deployment(form)
    document = {"deployment": form.value, "bound": found.bound, "warnings": form.warnings}
    s.show(document, written(form.value, SCHEMA).splitlines())


@command(name="list", help={**_PROJECT, **_ACCOUNT})
def list_(s: Session, project: str = "", account: str = "") -> None:
    """List the deployments: where they run, or why they do not."""
    hosts = deployments.who_tells(s, account)
    with deployments.gate(s, account, hosts) as (way, _):
        rows = [row for row in way.rows() if project in ("", row.piece.project)]
    deployed.show(s, rows)


@command(
    help={
        "row": "Its ID in deploy.list and its name there, as two words: both have to agree.",
        **_ACCOUNT,
    }
)
def rm(s: Session, row: str = "", account: str = "") -> None:
    """Remove a deployment; its volumes stay."""
    index, _, name = row.partition(",")
    if not name:
        raise ConfigError("the row's ID and the name are needed", "./skp.py deploy.rm 0 NAME")
    with deployments.gate(s, account) as (way, _):
        of = deployments.chosen(way.rows(), index, name)
        if not s.options.dry:
            confirm(f"The deployment {of} is removed; its volumes stay.", s.options)
            with deployments.audited(s, way):
                way.remove(of, time.time())
    word = "would be removed" if s.options.dry else "is removed"
    s.show({"removed": "" if s.options.dry else of}, [f"{of} {word}."])


@command(help={**_NAME, **_ACCOUNT})
def history(s: Session, name: str = "", account: str = "") -> None:
    """List a deployment's revisions: when, by whom, with which images."""
    from workloads.revisions import present

    with deployments.gate(s, account, deployments.who_tells(s, account)) as (way, fleet):
        of = deployments.named(way.rows(), name)
        found, now = way.store.revisions(of), present(way.store, of)
        commits = pushing.commits(s, way.cluster, fleet, of)
    deployed.show_history(s, found, now, commits)


@command(help={**_NAME, **_ACCOUNT, "to": "The revision; default: the one before the present one."})
def rollback(s: Session, name: str = "", account: str = "", to: int = 0) -> None:
    """Go back to the revision before, or to another, with the images that it had."""
    from workloads.revisions import before

    with deployments.gate(s, account) as (way, _):
        of = deployments.named(way.rows(), name)
        deployments.again(s, way, before(way.store, of, to), way.back)


@command(
    help={
        "node": "The node; also as a word after the command.",
        "undo": "Let deployments begin there again.",
    }
)
def evacuate(s: Session, node: str = "", undo: bool = False) -> None:
    """Move deployments off a node, and let none begin there; its services go on."""
    if undo:
        evacuating.undo(s, node)
    else:
        evacuating.evacuate(s, node)


@command(help={**_NAME, **_ACCOUNT})
def restore(s: Session, name: str = "", account: str = "") -> None:
    """Bring back a deployment that was removed in the last 30 days."""
    from workloads.accounts import DEFAULT_PROJECT

    with deployments.gate(s, account) as (way, _):
        of = name if "/" in name else f"{DEFAULT_PROJECT}/{name}"
        deployments.again(s, way, way.removed(of), way.restore)


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
        if (limits or root) and not s.options.dry:
            deployments.limit(s, way, project, limits, root)
        deployments.show_quotas(s, way, project)


@command(help={**_NAME, **_ACCOUNT, **LOGS})
def logs(
    s: Session,
    name: str = "",
    account: str = "",
    follow: bool = False,
    tail: str = "",
    since: str = "",
) -> None:
    """Show what the containers of a deployment wrote."""
    from cli.log_view import until_left
    from cluster.commands.logs import query

    wanted = replace(query(tail, since, time.time()), follow=follow)
    until_left(lambda: deployments.print_logs(s, name, account, wanted))


@command(
    name="exec",
    help={
        **_NAME,
        **_ACCOUNT,
        "part": "Which container; the first by default.",
        "command": "Run this by sh.",
    },
)
def exec_(s: Session, name: str = "", account: str = "", part: str = "", command: str = "") -> None:
    """Run a command in a container of a deployment, or open a shell there."""
    from cli.container_shell import become

    host, container = deployments.where(s, name, part, account)
    become(s, host, container, ("sh", "-c", command) if command else ("sh",))


@command(
    help={
        "name": "PROJECT/NAME; also as a word after the command.",
        "file": "The file with it; - reads stdin.",
        "remove": "Take it away, where nothing uses it.",
    }
)
def secret(s: Session, name: str = "", file: str = "", remove: bool = False) -> None:
    """Store a secret of a project, for deployments that name it."""
    project, _, own = name.partition("/")
    if not own or bool(file) == remove:
        example = "./skp.py deploy.secret vision/api-key -f FILE"
        raise ConfigError("PROJECT/NAME and -f, or --remove, are needed", example)
    content = "" if remove else text_of("file", file, "a file: -f api-key.txt, say")
    with deployments.gate(s) as (way, _):
        if remove:
            deployment_secrets.remove_secret(s, way, project, own)
        else:
            deployment_secrets.keep_secret(s, way, project, own, content)


@command(help={"project": "Whose; default: all."})
def volumes(s: Session, project: str = "") -> None:
    """Count what projects' volumes hold; ends with 1 where one holds too much."""
    with deployments.gate(s) as (way, _):
        found = [each for each in way.volumes() if project in ("", each.project)]
    deployed.show_usage(s, found)


for _task in (
    *(apply, build, builds, convert, evacuate, exec_, history, list_, logs, plan, quota),
    *(restore, rm, rollback, secret, volumes),
    *(git_init, git_list, git_rm, pushes),
):
    ns.add_task(_task)
