"""deploy.build, deploy.builds: images of projects. They are commands of deploy.*."""

from __future__ import annotations

from cli import building
from cli.command import command
from cli.session import Session


@command(
    help={
        "image": "PROJECT/NAME or PROJECT/NAME:TAG, and a folder, as two words after the command.",
        "account": "The account that it is for; default: the operator, who may do all.",
        "fresh": "Build it also where an image of the same input is there.",
    }
)
def build(s: Session, image: str = "", account: str = "", fresh: bool = False) -> None:
    """Build an image from a Dockerfile or a preset, for deployments."""
    building.build(s, image, account, is_anew=fresh)


@command(
    help={
        "project": "Whose; also as a word after the command.",
        "account": "The account that it is for; default: the operator, who may do all.",
        "log": "Show the log of this one, by its name in the list.",
    }
)
def builds(s: Session, project: str = "", account: str = "", log: str = "") -> None:
    """List a project's builds: how they are, and what they made."""
    building.builds(s, project, account, log)
