"""project.*: teams of accounts, each with a group id, the same as through the account service."""

from __future__ import annotations

from invoke import Collection

from cli.accounts import ask, change, need, with_roles
from cli.command import command
from cli.confirmation import confirm
from cli.session import Session

ns = Collection("project")
_NAME = {"name": "The project's name; also as a word after the command."}
_ACCOUNT = {"account": "The account's name."}


@command(help={**_NAME, "owner": "The account that owns it."})
def add(s: Session, name: str = "", owner: str = "") -> None:
    """Make a project; it gets a group id of its own."""
    need(s, name=name, owner=owner)
    change(s, "project-add", {"name": name, "owner": owner}, f"The project {name} is {owner}'s.")


@command(name="list")
def list_(s: Session) -> None:
    """List the projects: group ids, members and their roles."""
    from cluster.model.line import table

    found = ask(s, "project-list", {})
    rows = [(each["name"], str(each["gid"]), with_roles(each["members"])) for each in found]
    s.show(found, table(("NAME", "GID", "MEMBERS"), rows))


@command(help=_NAME)
def rm(s: Session, name: str = "") -> None:
    """Delete a project; its group id is never given again."""
    need(s, name=name)
    if not s.options.dry:
        confirm(f"The project {name} is deleted; its members keep their accounts.", s.options)
    change(s, "project-rm", {"name": name}, f"The project {name} is deleted.")


@command(name="member-set", help={**_NAME, **_ACCOUNT, "role": "owner, member or viewer."})
def member_set(s: Session, name: str = "", account: str = "", role: str = "member") -> None:
    """Take an account into a project, or give it another role there."""
    need(s, name=name, account=account)
    given = {"name": name, "account": account, "role": role}
    change(s, "project-set", given, f"{account} is {role} of {name}.")


@command(name="member-rm", help={**_NAME, **_ACCOUNT})
def member_rm(s: Session, name: str = "", account: str = "") -> None:
    """Take an account out of a project."""
    need(s, name=name, account=account)
    given = {"name": name, "account": account}
    change(s, "project-leave", given, f"{account} is not in {name} any more.")


for _task in (add, list_, rm, member_set, member_rm):
    ns.add_task(_task)
