"""deploy.git-* and deploy.pushes: deployments by git push."""

from __future__ import annotations

from cli import deployments, pushing
from cli.command import command
from cli.session import Session

_PROJECT = {"project": "Whose; also as a word after the command."}


@command(name="git-init", help=_PROJECT)
def git_init(s: Session, project: str = "") -> None:
    """Make a project's repository: what is pushed to it is deployed."""
    pushing.make(s, project)


@command(name="git-rm", help=_PROJECT)
def git_rm(s: Session, project: str = "") -> None:
    """Move a project's repository aside; what it has deployed runs on."""
    pushing.remove(s, project)


@command(name="git-list")
def git_list(s: Session) -> None:
    """List the repositories, and which commit of each is deployed."""
    pushing.list_all(s)


@command(
    help={
        **_PROJECT,
        "log": "The ID of a push: show what whoever pushed saw.",
        "account": "The account that it is for; default: the operator, who may do all.",
    }
)
def pushes(s: Session, project: str = "", log: int = 0, account: str = "") -> None:
    """List what was pushed to a project's repository, and how each ended."""
    with deployments.gate(s, account, deployments.who_tells(s, account)) as (way, fleet):
        way.look(project)
        if log:
            pushing.show_log(s, way.cluster, fleet, project, log)
        else:
            pushing.show_pushes(s, pushing.pushes(way.cluster, fleet, project))
