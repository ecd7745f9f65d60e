"""Who brings a deployment, and as whom it runs: values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from cluster.errors import ConfigError, SkpError, nearest

DEFAULT_PROJECT = "default"
"""Whose what the operator deploys is, where nobody says a project."""
_MAY_CHANGE = ("owner", "member")


class NoAccountError(ConfigError):
    """There is no such account, or it may not log in."""


@dataclass(frozen=True)
class Membership:
    """What an account is in a project: the project's group id, and a role there."""

    gid: int
    role: str


@dataclass(frozen=True)
class Account:
    """Somebody who brings deployments; not the operator, who may do all.

    Attributes:
        uid: the user id of its processes.
        projects: by name, those that it is in.
    """

    name: str
    uid: int
    projects: Mapping[str, Membership] = field(default_factory=dict)

    def check(self, project: str) -> None:
        """Refuse a project that it may not change.

        Raises:
            ConfigError: it is not in it, or may only look.
        """
        found = self.projects.get(project)
        there = ", ".join(self.projects) or "none"
        if found is None:
            what = f"{self.name} is not in the project {project}; it is in: {there}"
            raise ConfigError(what, f"./skp.py project.member-set {project} -a {self.name}")
        if found.role not in _MAY_CHANGE:
            what = f"{self.name} is {found.role} of {project}, and may not change what runs there"
            raise ConfigError(
                what, f"./skp.py project.member-set {project} -a {self.name} -r member"
            )


@dataclass(frozen=True)
class People:
    """Who brings deployments, and the projects that the account service knows.

    Attributes:
        account: None for the operator.
        groups: returns group ids by project, of those that the account service knows. An account
            knows those of its own projects.
    """

    account: Account | None = None
    groups: Callable[[], Mapping[str, int]] = dict

    @property
    def name(self) -> str:
        """The account's; "" for the operator."""
        return self.account.name if self.account else ""

    def check(self, project: str) -> None:
        """Refuse a project that whoever it is may not change; raises ConfigError."""
        if self.account:
            self.account.check(project)

    def sees(self, project: str) -> bool:
        """Whether they may see what runs there."""
        return self.account is None or project in self.account.projects

    def user(self, project: str, users: str) -> str:
        """Return "UID:GID" of what they run in a project.

        Args:
            users: that of the platform's users' code, where there is no account or no project.
        """
        if self.account:
            return f"{self.account.uid}:{self.account.projects[project].gid}"
        uid, _, gid = users.partition(":")
        return f"{uid}:{self.groups().get(project, gid)}"

    def doubts(self, project: str) -> tuple[str, ...]:
        """Return what a person should know of a project that the operator named; raises SkpError.

        The operator may use any name, so that one with a letter wrong is a project too.
        """
        known = {} if self.account else self.groups()
        if not known or project in (DEFAULT_PROJECT, *known):
            return ()
        guess = nearest(project, list(known))
        return (f"{project} is no project of the account service{guess}: no account sees it",)

    def group(self, project: str) -> int:
        """Return a project's group id.

        Raises:
            ConfigError: the account service does not know the project.
            SkpError: it can't be asked.
        """
        if self.account:
            return self.account.projects[project].gid
        groups = self.groups()
        if project not in groups:
            what = f"{project} is no project of the account service, so nobody could log in"
            raise ConfigError(what, f"./skp.py project.add {project} -o ACCOUNT")
        return groups[project]

    def user_again(self, project: str, recorded: str) -> str:
        """Return "UID:GID" of a revision that is brought again, which ran as `recorded`.

        Whose it was it stays. The group is the project's by now, since its volumes are that
        group's; where the account service does not answer, what was recorded has to do.
        """
        uid, _, gid = recorded.partition(":")
        if self.account:
            return f"{uid}:{self.account.projects[project].gid}"
        with suppress(SkpError):
            gid = str(self.groups().get(project, gid))
        return f"{uid}:{gid}"
