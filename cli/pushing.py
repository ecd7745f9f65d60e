"""deploy.git-* and deploy.pushes: repositories that deploy, and what was pushed to them."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cli.confirmation import confirm
from cli.output import moment
from cli.session import Session
from cluster.errors import ConfigError, NodeError

if TYPE_CHECKING:
    from cluster.connectors.fleet import Fleet
    from cluster.connectors.node import Node
    from cluster.model.cluster import Cluster

# As root of the master, in the folder of repositories. What git itself writes is the service's own;
# its configuration and the branch that HEAD names are root's, in a folder with the sticky bit.
_MAKE = """set -eu; [ -d {root} ] || {{ echo nowhere; exit; }}; cd {root}
[ ! -e {name}.git ] || {{ echo there; exit; }}
new=$(mktemp -d .new.XXXXXXXX); cd "$new"; umask 027
printf 'ref: refs/heads/main\\n' >HEAD
printf '[core]\\n\\trepositoryformatversion = 0\\n\\tfilemode = true\\n\\tbare = true\\n' >config
install -d -o {uid} -g {gid} -m 0750 objects objects/info objects/pack refs refs/heads refs/tags
chown 0:{gid} . HEAD config; chmod 0640 HEAD config; chmod 1770 .
cd ..; mv -T "$new" {name}.git; echo made"""
_REMOVE = """set -eu; cd {root}; [ -d {name}.git ] || exit 0
install -d -m 0700 .removed; mv -T {name}.git .removed/{name}-{now}.git; echo moved"""
_LIST = """cd {root} 2>/dev/null || exit 0
for each in *.git; do [ ! -d "$each" ] || echo "$each"; done"""
_STATES = """cd {root} 2>/dev/null || exit 0
for each in */state.json; do
[ ! -f "$each" ] || {{ cat "$each"; echo; echo "${{each%%/*}}"; }}; done"""
_PUSHES = """cd {root}/{name}/pushes 2>/dev/null || exit 0
for each in *.json; do [ ! -f "$each" ] || {{ cat "$each"; echo; }}; done"""
_LOG = "cat {root}/{name}/pushes/{number}.log 2>/dev/null || true"


def make(s: Session, project: str) -> None:
    """Make a project's repository, and show where it is.

    Raises:
        ConfigError: there is no such project, or the service is not for this cluster, or was held.
    """
    from services.common import GIT_USER

    _check(project)
    with s.fleet() as fleet:
        cluster = s.cluster(fleet)
        _check_served(cluster)
        _check_known(cluster, fleet, project)
        uid, _, gid = cluster.own_user(GIT_USER).partition(":")
        if not s.options.dry:
            with _noted(s, cluster, fleet, project):
                node, values = _master(cluster, fleet), {"name": project, "uid": uid, "gid": gid}
                if _run(node, _MAKE, _git(cluster), **values).strip() == "nowhere":
                    what = "there is no place for repositories: the service git has not run yet"
                    raise ConfigError(what, "./skp.py docker.gate-run && ./skp.py docker.git-run")
    _show_address(s, cluster, project)


def _show_address(s: Session, cluster: Cluster, project: str) -> None:
    from services.git import address, host_key

    where, key = address(cluster, project), host_key(cluster)
    known = f"[{cluster.inventory.master.ipv4}]:{cluster.settings.number('GIT_PORT')} {key.public}"
    word = "would be" if s.options.dry else "is"
    s.show(
        {"project": project, "address": where, "known_hosts": known},
        [
            f"The repository of {project} {word} at",
            f"  {where}",
            "Its server shows this key (a line for ~/.ssh/known_hosts):",
            f"  {known}",
            f"  {key.fingerprint}",
            f"What is pushed to main there is deployed: git push {where} main",
        ],
    )


def remove(s: Session, project: str) -> None:
    """Move a project's repository aside; what it has deployed runs on."""
    _check(project)
    if not s.options.dry:
        confirm(
            f"The repository of {project} is moved aside; what it has deployed runs on.", s.options
        )
    with s.fleet() as fleet:
        cluster = s.cluster(fleet)
        node = _master(cluster, fleet)
        if f"{project}.git" not in _run(node, _LIST, _git(cluster)).splitlines():
            raise ConfigError(f"{project} has no repository", "./skp.py deploy.git-list")
        if not s.options.dry:
            with _noted(s, cluster, fleet, project):
                _run(node, _REMOVE, _git(cluster), name=project, now=int(time.time()))
    word = "would be moved" if s.options.dry else "is moved"
    where = f"{_git(cluster)}/.removed"
    s.show({"project": project}, [f"The repository of {project} {word} to {where} of the master."])


def list_all(s: Session) -> None:
    """List the repositories, and which commit of each is deployed."""
    from cluster.model.line import table
    from services.git import address

    with s.fleet(s.inventory.managers) as fleet:
        cluster = s.cluster(fleet)
        node = _master(cluster, fleet)
        names = projects(cluster, fleet)
        lines = _run(node, _STATES, _gate(cluster)).splitlines()
    commits = {
        name: str(json.loads(said)["commit"])
        for said, name in zip(lines[::2], lines[1::2], strict=False)
    }
    document = [
        {"project": name, "address": address(cluster, name), "commit": commits.get(name, "")}
        for name in names
    ]
    cells = [(d["project"], d["address"], d["commit"][:12] or "-") for d in document]
    s.show(document, table(("PROJECT", "ADDRESS", "DEPLOYED"), cells))


def projects(cluster: Cluster, fleet: Fleet) -> list[str]:
    """Return the projects that have a repository."""
    listed = _run(_master(cluster, fleet), _LIST, _git(cluster)).splitlines()
    return [name.removesuffix(".git") for name in listed]


def pushes(cluster: Cluster, fleet: Fleet, project: str) -> list[dict[str, Any]]:
    """Return what was pushed to a project's repository, the oldest first."""
    _check(project)
    node = _master(cluster, fleet)
    lines = _run(node, _PUSHES, _gate(cluster), name=project).splitlines()
    return sorted((json.loads(line) for line in lines if line), key=lambda each: int(each["id"]))


def commits(s: Session, cluster: Cluster, fleet: Fleet, of: str) -> dict[int, str]:
    """Return by revision of a deployment the commit that was pushed with it, where one was."""
    try:
        found = pushes(cluster, fleet, of.partition("/")[0])
    except NodeError as error:
        s.warn([f"which commits were pushed is not known: {error.what}"])
        return {}
    return {each["revisions"][of]: each["commit"] for each in found if of in each["revisions"]}


def show_pushes(s: Session, found: Sequence[Mapping[str, Any]]) -> None:
    """Show pushes, the newest first."""
    from cluster.model.line import table

    cells = [
        (
            str(each["id"]),
            moment(each["when"]),
            each["account"],
            each["commit"][:12],
            f"{each['seconds']:.0f} s",
            each["ended"],
        )
        for each in reversed(found)
    ]
    s.show([*reversed(found)], table(("ID", "WHEN (UTC)", "BY", "COMMIT", "TOOK", "ENDED"), cells))


def show_log(s: Session, cluster: Cluster, fleet: Fleet, project: str, number: int) -> None:
    """Show what whoever pushed saw.

    Raises:
        ConfigError: there is no such push.
    """
    _check(project)
    node = _master(cluster, fleet)
    text = _run(node, _LOG, _gate(cluster), name=project, number=number)
    if not text:
        raise ConfigError(
            f"{project} has no push {number}", f"./skp.py deploy.pushes {project} lists them."
        )
    s.show({"project": project, "push": number, "log": text}, text.splitlines())


def _check(project: str) -> None:
    from workloads.check import is_project

    if not is_project(project):
        raise ConfigError(
            f"{project or 'a project'}: allowed: lower-case letters, digits and '-'",
            "./skp.py project.list",
        )


def _check_served(cluster: Cluster) -> None:
    from services.git import SERVICE

    if not SERVICE.hosts(cluster):
        raise SERVICE.no_host_error(cluster)


def _check_known(cluster: Cluster, fleet: Fleet, project: str) -> None:
    from services.flask.commands import request

    known = [each["name"] for each in request(cluster, fleet, "project-list", {})]
    if project not in known:
        there = ", ".join(known) or "none"
        what = f"there is no project {project}; there are: {there}"
        raise ConfigError(what, f"./skp.py project.add {project} -o ACCOUNT")


def _git(cluster: Cluster) -> str:
    from services.git import repositories

    return repositories(cluster)


def _gate(cluster: Cluster) -> str:
    from services.gate.service import records

    return records(cluster)


def _master(cluster: Cluster, fleet: Fleet) -> Node:
    return fleet.node(cluster.inventory.master.name)


def _run(node: Node, script: str, root: str, **values: object) -> str:
    """Run a script as root; the project's name is checked before, and all else is ours."""
    return node.sudo(script.format(root=shlex.quote(root), **values)).text


def _noted(s: Session, cluster: Cluster, fleet: Fleet, project: str) -> Any:
    from cluster.commands.audit import noted

    return noted(fleet, cluster.inventory, f"{s.command} {project}")
