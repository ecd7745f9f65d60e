"""account.*: accounts of the cluster's users, the same as through the account service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from invoke import Collection

from cli.command import command
from cli.confirmation import confirm
from cli.password import password as secret
from cli.session import Session
from cluster.errors import ConfigError

ns = Collection("account")
_NAME = {"name": "The account's name; also as a word after the command."}
_PASSWORD = {"password": "Its password; bare asks, - reads stdin; without it one is generated."}
_OWN_PASSWORD = {"password": "Its password; bare asks, - reads stdin."}


@command(
    help={**_NAME, "level": "user, manager or admin.", **_PASSWORD},
    optional=["password"],
)
def add(s: Session, name: str = "", level: str = "user", password: str = "") -> None:
    """Make an account; a generated password is shown once."""
    _need(name, "add")
    _with_password(s, "add", name, password, {"level": level})


@command(name="list")
def list_(s: Session) -> None:
    """List the accounts: user ids, levels, projects."""
    from cluster.model.line import table

    found = _request(s, "list", {})
    rows = [
        (
            each["name"],
            str(each["uid"]),
            each["level"],
            "disabled" if each["is_disabled"] else "enabled",
            ", ".join(f"{project['name']} ({project['role']})" for project in each["projects"]),
        )
        for each in found
    ]
    s.show(found, table(("NAME", "UID", "LEVEL", "STATE", "PROJECTS"), rows))


@command(help=_NAME)
def rm(s: Session, name: str = "") -> None:
    """Delete an account with its keys and tokens; its user id is never given again."""
    _need(name, "rm")
    if not s.options.dry:
        confirm(f"The account {name} is deleted, with its keys and tokens.", s.options)
    _change(s, "rm", {"name": name}, f"The account {name} is deleted.")


@command(help={**_NAME, **_PASSWORD}, optional=["password"])
def password(s: Session, name: str = "", password: str = "") -> None:
    """Give an account another password; all its tokens are revoked."""
    _need(name, "password")
    _with_password(s, "password", name, password, {})


@command(
    help={**_NAME, **_OWN_PASSWORD, "audience": "The one service that it is for; default: all."},
    optional=["password"],
)
def token(s: Session, name: str = "", password: str = "", audience: str = "") -> None:
    """Print an access token (5 minutes) for a name and its password."""
    _need(name, "token")
    given = secret(s, password or True, name).reveal()
    found = _request(s, "token", {"name": name, "password": given, "audience": audience})
    s.show(found, [found["access_token"]])


@command(help=_NAME)
def disable(s: Session, name: str = "") -> None:
    """Have an account not log in until account.enable; its tokens are revoked."""
    _need(name, "disable")
    _change(s, "disable", {"name": name}, f"The account {name} is disabled.")


@command(help=_NAME)
def enable(s: Session, name: str = "") -> None:
    """Have an account log in again."""
    _need(name, "enable")
    _change(s, "enable", {"name": name}, f"The account {name} is enabled.")


@command()
def rotate(s: Session) -> None:
    """Sign tokens with a new key; the old one is published while its tokens live."""
    _change(s, "rotate", {}, "Tokens are signed with a new key.")


def _with_password(s: Session, verb: str, name: str, given: str, more: Mapping[str, str]) -> None:
    """Do something with a password that is asked for or read; else the service generates one."""
    lines = {"add": f"The account {name} is made.", "password": f"{name} has a new password."}
    own = {"password": secret(s, given, name).reveal()} if given else {}
    _change(s, verb, {"name": name, **more, **own}, lines[verb])


def _change(s: Session, verb: str, given: Mapping[str, str], line: str) -> None:
    if s.options.dry:
        s.show({"changed": False}, [f"account.{verb} {given.get('name', '')}: not done (--dry)."])
        return
    found = _request(s, verb, given)
    shown = f" Its password, shown this once: {found['password']}" if "password" in found else ""
    s.show(found, [line + shown])


def _request(s: Session, verb: str, given: Mapping[str, str]) -> Any:
    from services.flask.commands import request

    with s.fleet() as fleet:
        return request(s.cluster(fleet), fleet, verb, given)


def _need(name: str, verb: str) -> None:
    if not name:
        raise ConfigError("a name (-n) is needed", f"For example: ./skp.py account.{verb} -n kim")


for _task in (add, list_, rm, password, token, disable, enable, rotate):
    ns.add_task(_task)
